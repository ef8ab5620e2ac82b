package store

import "cmp"

// Compare orders keys of counters by project, workflow, status and hour.
func (k CountKey) Compare(o CountKey) int {
	return cmp.Or(
		cmp.Compare(k.Project, o.Project), cmp.Compare(k.Workflow, o.Workflow), cmp.Compare(k.Status, o.Status),
		cmp.Compare(k.Hour, o.Hour),
	)
}
