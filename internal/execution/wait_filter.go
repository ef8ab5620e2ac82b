package execution

import "slices"

// WaitFilter selects executions by what they wait for. The zero WaitFilter selects all.
type WaitFilter struct {
	Kind WaitKind
	Name string // empty: any name
}

// IsZero reports whether the filter selects all.
func (f WaitFilter) IsZero() bool { return f == WaitFilter{} }

// Awaits reports whether one of the open waits is of the kind and the name.
func (b Inbox) Awaits(f WaitFilter) bool {
	return f.IsZero() || slices.ContainsFunc(b.Waits(), func(w Wait) bool {
		return w.Kind == f.Kind && (f.Name == "" || w.Name == f.Name)
	})
}
