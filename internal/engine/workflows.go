package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// WorkflowSpec describes a workflow to create or to serve.
type WorkflowSpec struct {
	Name        string
	Description string
	Version     string // label of its version; with a new label a version is made
	InputSchema []byte // JSON Schema 2020-12
	Retention   *time.Duration
	Timeout     *time.Duration
	APITrigger  *bool // whether it may be started through the API; default true
}

// WorkflowView is a workflow as the API shows it.
type WorkflowView struct {
	ID                   execution.ID
	Name                 string
	Description          string
	Version              int32 // number of the current version, 0: none
	VersionLabel         string
	InputSchema          []byte
	Retention            time.Duration // 0: the server's default
	Timeout              time.Duration // 0: none
	APITrigger           bool          // it may be started through the API
	CreatedAt, UpdatedAt execution.Time
	Workers              int // live sessions that serve it
}

// VersionSpec describes a version to create.
type VersionSpec struct {
	Label       string
	Description string
	InputSchema []byte
	Current     bool
}

// VersionView is a version as the API shows it.
type VersionView struct {
	ID, WorkflowID execution.ID
	Number         int32
	Label          string
	Description    string
	InputSchema    []byte
	CreatedAt      execution.Time
	Current        bool
}

// NamePattern is what a workflow's name looks like.
const NamePattern = `^[a-z0-9][a-z0-9._-]{0,99}$`

var namePattern = regexp.MustCompile(NamePattern)

// maxVersions bounds the versions of one workflow.
const maxVersions = 1000

func checkName(field, name string) *Error {
	switch {
	case name == "executions":
		return invalid(field, FieldInvalid, "%s %q is reserved; choose another", field, name)
	case !namePattern.MatchString(name):
		return invalid(field, FieldInvalid, "%s %q must be 1 to 100 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit", field, clip(name))
	}
	return nil
}

// catalogued changes the catalog: change gets a copy, and what it writes becomes durable before anybody sees the copy.
// catalogMu is held.
func (e *Engine) catalogued(change func(next *catalog), fill func(t *tx)) error {
	basis := int64(0)
	if e.cluster != nil {
		basis = e.catalog.Load().version
	}
	err := e.write(func(t *tx, _ []*store.Row) {
		fill(t)
		t.changes.Basis = basis
	})
	if err != nil {
		if errors.Is(err, store.ErrUnknown) {
			e.refresh()
		}
		return e.outrun(err, basis)
	}
	next := e.catalog.Load().clone()
	change(next)
	e.catalog.Store(next)
	if e.cluster != nil {
		e.refresh() // for its version
	}
	return nil
}

// newVersion prepares a version; its number and time are set when it is written.
func (e *Engine) newVersion(ctx context.Context, w int64, label, description string, schema []byte) (*version, error) {
	v := &version{Version: store.Version{Workflow: w, ID: e.mint.id(), Label: label, Description: description, InputSchema: schema}}
	if len(schema) > 0 {
		s, err := compileSchema(schema)
		if err != nil {
			return nil, invalid("input_schema", FieldInvalid, "input_schema is not a usable JSON Schema 2020-12: %v", err)
		}
		v.schema = s
	}
	var err error
	v.Key, err = e.store.NewKey(ctx)
	return v, err
}

// CreateWorkflow makes a workflow.
func (e *Engine) CreateWorkflow(ctx context.Context, c *Caller, spec WorkflowSpec) (*WorkflowView, error) {
	if err := checkName("name", spec.Name); err != nil {
		return nil, err
	}
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	if e.catalog.Load().find(c.Project, spec.Name, false) != nil {
		return nil, &Error{
			Code: CodeConflict, Message: fmt.Sprintf("workflow %q exists already", spec.Name),
			Fields: []FieldError{{"name", string(CodeConflict), "this name is taken"}},
		}
	}
	w, err := e.create(ctx, c, &spec)
	if err != nil {
		return nil, err
	}
	return e.workflowView(w), nil
}

// create makes a workflow; catalogMu is held and the name is free.
func (e *Engine) create(ctx context.Context, c *Caller, spec *WorkflowSpec) (*workflow, error) {
	key, err := e.store.NewKey(ctx)
	if err != nil {
		return nil, err
	}
	record := store.Workflow{Key: key, Project: c.Project, ID: e.mint.id(), Name: spec.Name}
	apply(&record, spec)
	var versions []*version
	if spec.Version != "" || len(spec.InputSchema) > 0 || spec.Description != "" {
		v, err := e.newVersion(ctx, key, spec.Version, spec.Description, spec.InputSchema)
		if err != nil {
			return nil, err
		}
		v.Number = 1
		record.Current = v.Key
		versions = append(versions, v)
	}
	var w *workflow
	err = e.catalogued(func(next *catalog) {
		w = newWorkflow(record, versions)
		next.addWorkflow(w)
	}, func(t *tx) {
		record.CreatedAt, record.UpdatedAt = t.now, t.now
		t.changes.Workflows = append(t.changes.Workflows, record)
		for _, v := range versions {
			v.CreatedAt = t.now
			t.changes.Versions = append(t.changes.Versions, v.Version)
		}
	})
	return w, err
}

func apply(record *store.Workflow, spec *WorkflowSpec) {
	if spec.Retention != nil {
		record.Retention = *spec.Retention
	}
	if spec.Timeout != nil {
		record.Timeout = *spec.Timeout
	}
	if spec.APITrigger != nil {
		record.Closed = !*spec.APITrigger
	}
}

// register finds the workflow that a worker serves, and creates it or its new version where needed.
func (e *Engine) register(ctx context.Context, c *Caller, spec *WorkflowSpec) (*workflow, error) {
	if err := checkName("name", spec.Name); err != nil {
		return nil, err
	}
	e.catalogMu.Lock()
	defer e.catalogMu.Unlock()
	// Workers of a fleet that start together register the same workflows at several servers.
	for try := 1; ; try++ {
		w, err := e.registered(ctx, c, spec)
		if !errors.Is(err, errMoved) || try == registerTries {
			return w, err
		}
	}
}

// registerTries is how often a registration is tried that other servers are quicker with.
const registerTries = 20

// registered is one try of register; catalogMu is held.
func (e *Engine) registered(ctx context.Context, c *Caller, spec *WorkflowSpec) (*workflow, error) {
	w := e.catalog.Load().find(c.Project, spec.Name, false)
	if w == nil {
		return e.create(ctx, c, spec)
	}
	record := w.record.Load()
	next := record.Workflow
	apply(&next, spec)
	known := record.current
	switch {
	case spec.Version != "":
		known = record.find(spec.Version)
	case len(spec.InputSchema) > 0:
		// Workers of an old and a new build that come and go by turns do not make a version each time.
		for _, v := range slices.Backward(record.versions) {
			if bytes.Equal(v.InputSchema, spec.InputSchema) {
				known = v
				break
			}
		}
	}
	same := known != nil && bytes.Equal(known.InputSchema, spec.InputSchema) && (spec.Description == "" || known.Description == spec.Description)
	switch {
	case known == nil && (spec.Version != "" || len(spec.InputSchema) > 0),
		known != nil && !same && spec.Version == "" && len(spec.InputSchema) > 0:
		_, err := e.addVersion(ctx, w, next, VersionSpec{
			Label: spec.Version, Description: spec.Description, InputSchema: spec.InputSchema, Current: true,
		})
		return w, err
	case next != record.Workflow:
		return w, e.update(w, next)
	}
	return w, nil
}

// update writes the changing part of a workflow; catalogMu is held.
func (e *Engine) update(w *workflow, next store.Workflow) error {
	return e.catalogued(func(*catalog) { w.set(next, w.record.Load().versions) }, func(t *tx) {
		next.UpdatedAt = t.now
		t.changes.Workflows = append(t.changes.Workflows, next)
	})
}

// addVersion makes a version; catalogMu is held.
func (e *Engine) addVersion(ctx context.Context, w *workflow, next store.Workflow, spec VersionSpec) (*version, error) {
	record := w.record.Load()
	if len(record.versions) >= maxVersions {
		return nil, &Error{Code: CodeConflict, Message: fmt.Sprintf("workflow %q has %d versions, the most there may be", w.info.Name, maxVersions)}
	}
	v, err := e.newVersion(ctx, w.key, spec.Label, spec.Description, spec.InputSchema)
	if err != nil {
		return nil, err
	}
	v.Number = 1
	if n := len(record.versions); n > 0 {
		v.Number = record.versions[n-1].Number + 1
	}
	if spec.Current || record.current == nil {
		next.Current = v.Key
	}
	err = e.catalogued(func(*catalog) {
		w.set(next, append(slices.Clone(record.versions), v))
	}, func(t *tx) {
		next.UpdatedAt, v.CreatedAt = t.now, t.now
		t.changes.Workflows = append(t.changes.Workflows, next)
		t.changes.Versions = append(t.changes.Versions, v.Version)
	})
	return v, err
}

// current is named with the catalog locked.
func (e *Engine) current(c *Caller, ref string) (*workflow, error) {
	if w := e.catalog.Load().find(c.Project, ref, false); w != nil {
		return w, nil
	}
	return nil, notFound("workflow")
}

// named finds a workflow of the caller's project that is not deleted.
func (e *Engine) named(c *Caller, ref string) (*workflow, error) {
	if w := e.lookup(c.Project, ref, false); w != nil {
		return w, nil
	}
	return nil, notFound("workflow")
}

func (e *Engine) workflowView(w *workflow) *WorkflowView {
	r := w.record.Load()
	v := &WorkflowView{
		ID: w.info.ID, Name: w.info.Name, Retention: r.Retention, Timeout: r.Timeout, APITrigger: !r.Closed, CreatedAt: r.CreatedAt,
		UpdatedAt: r.UpdatedAt, Workers: e.matcher.workers(w.key),
	}
	if r.current != nil {
		v.Version, v.VersionLabel = r.current.Number, r.current.Label
		v.Description, v.InputSchema = r.current.Description, r.current.InputSchema
	}
	return v
}

func versionView(w *workflow, v *version) VersionView {
	return VersionView{
		ID: v.ID, WorkflowID: w.info.ID, Number: v.Number, Label: v.Label, Description: v.Description,
		InputSchema: v.InputSchema, CreatedAt: v.CreatedAt, Current: w.record.Load().Current == v.Key,
	}
}

// WorkflowQuery selects workflows.
type WorkflowQuery struct {
	Search string // substring of the name
	Name   string // the exact name
	Limit  int
	After  string // only names after this one
}

// workflows are those that the query selects, by name.
func (e *Engine) workflows(c *Caller, q *WorkflowQuery) []*workflow {
	var found []*workflow
	for _, w := range e.catalog.Load().of(c.Project) {
		name := w.info.Name
		if w.deleted() || name <= q.After || q.Name != "" && name != q.Name || !strings.Contains(name, q.Search) {
			continue
		}
		found = append(found, w)
	}
	slices.SortFunc(found, func(a, b *workflow) int { return strings.Compare(a.info.Name, b.info.Name) })
	return found
}

// Workflows reads a page of workflows by name; next is the After of the following page.
func (e *Engine) Workflows(_ context.Context, c *Caller, q WorkflowQuery) (page []WorkflowView, more bool, next string, err error) {
	found := e.workflows(c, &q)
	if len(found) > q.Limit {
		found, more = found[:q.Limit], true
		next = found[q.Limit-1].info.Name
	}
	page = make([]WorkflowView, len(found))
	for i, w := range found {
		page[i] = *e.workflowView(w)
	}
	return page, more, next, nil
}

// Workflow reads one workflow by name or id.
func (e *Engine) Workflow(_ context.Context, c *Caller, ref string) (*WorkflowView, error) {
	w, err := e.named(c, ref)
	if err != nil {
		return nil, err
	}
	return e.workflowView(w), nil
}

// WorkflowUpdate changes a workflow's settings; nil leaves one as it is, zero returns to the server's default.
type WorkflowUpdate struct {
	Retention  *time.Duration
	Timeout    *time.Duration
	APITrigger *bool
}

// UpdateWorkflow changes a workflow's settings.
func (e *Engine) UpdateWorkflow(_ context.Context, c *Caller, ref string, u WorkflowUpdate) (*WorkflowView, error) {
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	w, err := e.current(c, ref)
	if err != nil {
		return nil, err
	}
	next := w.record.Load().Workflow
	apply(&next, &WorkflowSpec{Retention: u.Retention, Timeout: u.Timeout, APITrigger: u.APITrigger})
	if err := e.update(w, next); err != nil {
		return nil, err
	}
	return e.workflowView(w), nil
}

// DeleteWorkflow removes a workflow that has no open executions and that no worker serves. Its finished executions
// remain, without a workflow.
func (e *Engine) DeleteWorkflow(ctx context.Context, c *Caller, ref string) error {
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	w, err := e.current(c, ref)
	if err != nil {
		return err
	}
	if n := e.matcher.workers(w.key); n > 0 {
		// They would go on to ask for the work of a workflow that never has any again, also when its name is used anew.
		return &Error{Code: CodeConflict, Message: fmt.Sprintf("workflow %q is served by %d live workers; stop them first", w.info.Name, n)}
	}
	if err := e.checkClosed(ctx, c, w); err != nil {
		return err
	}
	// No start may come between the count and the deletion: none is accepted from here on, and those that were are
	// counted once an empty transaction has passed behind them.
	w.closing.Store(true)
	if err = e.pass(); err == nil {
		err = e.checkClosed(ctx, c, w)
	}
	record := w.record.Load().Workflow
	if err == nil {
		err = e.catalogued(func(next *catalog) {
			w.set(record, w.record.Load().versions)
			delete(next.names, workflowName{c.Project, w.info.Name})
		}, func(t *tx) {
			record.DeletedAt, record.UpdatedAt = t.now, t.now
			t.changes.Workflows = append(t.changes.Workflows, record)
		})
	}
	if !w.deleted() {
		w.closing.Store(false)
	}
	return err
}

// checkClosed refuses when the workflow has open executions.
func (e *Engine) checkClosed(ctx context.Context, c *Caller, w *workflow) error {
	n, err := e.store.Counts(ctx, store.CountQuery{Project: c.Project, Workflows: []int64{w.key}})
	if err != nil {
		return err
	}
	var open int64
	for s := execution.Created; s <= execution.Finalizing; s++ {
		open += n.N[s]
	}
	if open > 0 {
		return &Error{Code: CodeConflict, Message: fmt.Sprintf("workflow %q has %d open executions; cancel them or let them end first", w.info.Name, open)}
	}
	return nil
}

// Versions are a workflow's versions, newest first.
func (e *Engine) Versions(_ context.Context, c *Caller, ref string) ([]VersionView, error) {
	w, err := e.named(c, ref)
	if err != nil {
		return nil, err
	}
	versions := w.record.Load().versions
	out := make([]VersionView, 0, len(versions))
	for _, v := range slices.Backward(versions) {
		out = append(out, versionView(w, v))
	}
	return out, nil
}

// CreateVersion makes a version of a workflow.
func (e *Engine) CreateVersion(ctx context.Context, c *Caller, ref string, spec VersionSpec) (*VersionView, error) {
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	w, err := e.current(c, ref)
	if err != nil {
		return nil, err
	}
	record := w.record.Load()
	for _, v := range record.versions {
		if spec.Label != "" && v.Label == spec.Label {
			return nil, &Error{
				Code: CodeConflict, Message: fmt.Sprintf("workflow %q already has a version %q", w.info.Name, clip(spec.Label)),
				Fields: []FieldError{{"version", string(CodeConflict), "this label is taken"}},
			}
		}
	}
	v, err := e.addVersion(ctx, w, record.Workflow, spec)
	if err != nil {
		return nil, err
	}
	view := versionView(w, v)
	return &view, nil
}

// SetCurrent makes a version the one that starts use.
func (e *Engine) SetCurrent(_ context.Context, c *Caller, ref, versionRef string) (*VersionView, error) {
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	w, err := e.current(c, ref)
	if err != nil {
		return nil, err
	}
	record := w.record.Load()
	v := record.find(versionRef)
	if v == nil {
		return nil, &Error{
			Code: CodeNotFound, Message: fmt.Sprintf("workflow %q has no version %q", w.info.Name, clip(versionRef)),
			Fields: []FieldError{{"version", string(CodeNotFound), "no version has this label or number"}},
		}
	}
	next := record.Workflow
	next.Current = v.Key
	if err := e.update(w, next); err != nil {
		return nil, err
	}
	view := versionView(w, v)
	return &view, nil
}
