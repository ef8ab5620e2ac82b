package engine

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/store"
)

// catalogTimeout bounds one reading of the catalog.
const catalogTimeout = 10 * time.Second

// lockCatalog locks the catalog for a change of it. In a cluster it is read again before, because the change follows from
// what it says.
func (e *Engine) lockCatalog() {
	e.catalogMu.Lock()
	if e.cluster != nil {
		e.refresh()
	}
}

// reread reads the catalog again, unless somebody began to do so after the call. It is for what is not found: another
// server may have made it a moment ago.
func (e *Engine) reread() {
	if e.cluster == nil {
		return
	}
	asked := e.cluster.reads.Load()
	e.catalogMu.Lock()
	defer e.catalogMu.Unlock()
	if e.cluster.reads.Load() == asked {
		e.refresh()
	}
}

// lookup is find of the catalog, for a name or id that another server may have made a moment ago.
func (e *Engine) lookup(project int64, ref string, deleted bool) *workflow {
	w := e.catalog.Load().find(project, ref, deleted)
	if w == nil && e.cluster != nil {
		e.reread()
		w = e.catalog.Load().find(project, ref, deleted)
	}
	return w
}

// workflowOf is the workflow with the store's key, nil when there is none.
func (e *Engine) workflowOf(key int64) *workflow {
	w := e.catalog.Load().workflows[key]
	if w == nil && e.cluster != nil {
		e.reread()
		w = e.catalog.Load().workflows[key]
	}
	return w
}

// projectOf is the project with the name or id, nil when there is none.
func (e *Engine) projectOf(ref string) *store.Project {
	p := e.catalog.Load().byProject[ref]
	if p == nil && e.cluster != nil {
		e.reread()
		p = e.catalog.Load().byProject[ref]
	}
	return p
}

// refresh reads the catalog again; catalogMu is held.
func (e *Engine) refresh() {
	if e.cluster != nil {
		e.cluster.reads.Add(1)
	}
	ctx, cancel := context.WithTimeout(context.Background(), catalogTimeout)
	defer cancel()
	records, err := e.store.Catalog(ctx)
	if err != nil {
		e.log.Error("could not read the catalog again", "error", err)
		return
	}
	old := e.catalog.Load()
	if old.version == records.Version && e.cluster != nil {
		return
	}
	next := newCatalogFrom(records, old)
	for key, w := range next.workflows {
		was := old.workflows[key]
		if was == nil {
			continue
		}
		// Sessions refer to the workflow that they know.
		r := w.record.Load()
		was.set(r.Workflow, r.versions)
		next.addWorkflow(was)
	}
	e.catalog.Store(next)
}

// compiled is the version of the old catalog, when it has the same schema: compiling takes long.
func (c *catalog) compiled(v *store.Version) *version {
	if c == nil || c.workflows[v.Workflow] == nil {
		return nil
	}
	was := c.workflows[v.Workflow].record.Load().byKey(v.Key)
	if was == nil || !bytes.Equal(was.InputSchema, v.InputSchema) {
		return nil
	}
	return was
}

// errMoved is a change of the catalog that another server was quicker with.
var errMoved = &Error{
	Code: CodeUnavailable, RetryAfter: 50 * time.Millisecond,
	Message: "workflows, endpoints or projects were changed by another request at the same time: repeat the request",
}

// outrun tells a change of the catalog that another server was quicker with from one that is a mistake, after the
// database has refused it; catalogMu is held.
func (e *Engine) outrun(err error, basis int64) error {
	if e.cluster == nil || !errors.Is(err, store.ErrRefused) { // the database may have found another fault with it first
		return err
	}
	e.refresh()
	if e.catalog.Load().version != basis {
		return errMoved
	}
	return err
}

// recallAll takes over a catalog that another server has changed, and keys with it.
func (c *cluster) recallAll(ctx context.Context) {
	c.e.reread()
	e := c.e
	e.keys.mu.Lock()
	clear(e.keys.known)
	e.keys.mu.Unlock()
	keys, err := e.store.Keys(ctx, 0)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Error("could not read the keys again", "error", err)
		}
		return
	}
	e.keys.mu.Lock()
	defer e.keys.mu.Unlock()
	for _, k := range keys {
		e.keys.refs[k.Key] = k.ID
	}
}
