package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/fileref"
	"github.com/sojournhq/sojourn/internal/store"
)

// maxReferences is the most references to files in one payload.
const maxReferences = 1000

// attachment is what a payload refers to. The execution that has the payload uses the files from the same transaction on.
type attachment struct {
	field string // where the payload stands in the request
	refs  []fileref.Reference
	slot  int // of its first file in the need
}

// references finds the files that a payload refers to and fills the references in. The payload is valid JSON. Without
// references, as nearly always, it costs one search for a name.
func (e *Engine) references(ctx context.Context, project int64, field string, payload []byte) ([]byte, *attachment, error) {
	refs := fileref.Find(payload)
	if len(refs) == 0 {
		return payload, nil, nil
	}
	a := &attachment{field: field, refs: refs}
	if len(refs) > maxReferences {
		return nil, nil, invalid(field, FieldTooLong, "%s refers to %d files, the most is %d", field, len(refs), maxReferences)
	}
	files := map[execution.ID]*fileref.File{}
	for i := range refs {
		r := &refs[i]
		if files[r.ID] != nil {
			continue
		}
		if r.ID.IsZero() {
			return nil, nil, a.unknown(i)
		}
		f, err := e.store.File(ctx, project, r.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil, a.unknown(i)
		}
		if err != nil {
			return nil, nil, e.unavailable(err)
		}
		files[r.ID] = &fileref.File{ID: f.ID, Name: f.Name, MIME: f.MIME, Size: f.Size, SHA256: f.SHA256}
	}
	return fileref.Fill(payload, func(id execution.ID) *fileref.File { return files[id] }), a, nil
}

// unknown is the refusal of a payload for its i-th reference.
func (a *attachment) unknown(i int) error {
	path := a.field
	if p := a.refs[i].Path; p[0] == '[' {
		path += p
	} else {
		path += "." + p
	}
	return &Error{
		Code: CodeInvalid, Message: fmt.Sprintf("%s names no file of this project: %q; upload it first", path, clip(a.refs[i].Text)),
		Fields: []FieldError{{path, FieldInvalid, "no file has this id"}},
	}
}

// need asks for the files; nil asks for nothing.
func (a *attachment) need(n *store.Need) {
	if a == nil {
		return
	}
	a.slot = len(n.Files)
	for i := range a.refs {
		n.Files = append(n.Files, a.refs[i].ID)
	}
}

// check refuses the payload when one of its files is not there any more.
func (a *attachment) check(t *tx, project int64) error {
	if a == nil {
		return nil
	}
	for i := range a.refs {
		if f := t.loaded.Files[a.slot+i]; f == nil || f.Project != project || f.Mark == fileGone {
			return a.unknown(i)
		}
	}
	return nil
}

// attach makes the execution use the files, which check has found.
func (a *attachment) attach(t *tx, id execution.ID) {
	if a == nil {
		return
	}
	for i := range a.refs {
		f := t.loaded.Files[a.slot+i]
		f.ExpiresAt, f.Open = 0, true
		t.changes.FileUses = append(t.changes.FileUses, store.FileUse{File: f.ID, Execution: id})
	}
}

// attachments are those of a request with several payloads.
type attachments []*attachment

func (l attachments) need(n *store.Need) {
	for _, a := range l {
		a.need(n)
	}
}

func (l attachments) check(t *tx, project int64) error {
	for _, a := range l {
		if err := a.check(t, project); err != nil {
			return err
		}
	}
	return nil
}

func (l attachments) attach(t *tx, id execution.ID) {
	for _, a := range l {
		a.attach(t, id)
	}
}

// refer reads the references in the payloads of a start.
func (e *Engine) refer(ctx context.Context, project int64, r *StartRequest) (list attachments, err error) {
	add := func(field string, payload []byte) ([]byte, error) {
		filled, a, err := e.references(ctx, project, field, payload)
		if a != nil {
			list = append(list, a)
		}
		return filled, err
	}
	input, err := add("input", r.Input)
	if err != nil {
		return nil, err
	}
	r.Input = input
	for i := range r.Overrides {
		o := &r.Overrides[i]
		if o.Output, err = add("overrides.steps."+o.Step, o.Output); err != nil {
			return nil, err
		}
	}
	return list, nil
}
