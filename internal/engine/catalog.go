package engine

import (
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// catalog is what executions refer to: projects, workflows and their versions, and where messages about them go. It is immutable; a change makes a new
// one that shares the workflows.
type catalog struct {
	version   int64 // the store's
	projects  map[int64]*store.Project
	byProject map[string]*store.Project // by name and by id
	workflows map[int64]*workflow
	names     map[workflowName]*workflow // those that are not deleted
	ids       map[execution.ID]*workflow

	endpoints   map[int64]*endpoint // also deleted ones
	endpointIDs map[execution.ID]*endpoint
	hooks       map[int64][]*endpoint // those of a project that messages are sent to
	secrets     map[secretOwner][]store.SigningSecret
}

type workflowName struct {
	project int64
	name    string
}

// workflow is one workflow with what the matcher knows of its queue.
type workflow struct {
	key     int64
	project int64
	record  atomic.Pointer[workflowRecord]
	// backlog says that the queue may hold executions of the workflow that can run beside others, solo that it may hold
	// some that must run alone; each for every cell of the store.
	backlog, solo cellSet
	// heard counts what other servers were heard to put into the queue.
	heard atomic.Int64
	// closing says that the workflow is being deleted: nothing is started.
	closing atomic.Bool
	info    WorkflowInfo
}

// workflowRecord is the part of a workflow that changes.
type workflowRecord struct {
	store.Workflow
	versions []*version // by number, ascending
	current  *version   // nil: none
}

// version is one version of a workflow.
type version struct {
	store.Version
	schema *jsonschema.Schema // nil: any input
}

// WorkflowInfo names a workflow.
type WorkflowInfo struct {
	ID   execution.ID
	Name string
}

func newCatalog(r *store.Catalog) *catalog { return newCatalogFrom(r, nil) }

// newCatalogFrom is newCatalog with what was known before; nil: nothing.
func newCatalogFrom(r *store.Catalog, old *catalog) *catalog {
	c := &catalog{
		version:  r.Version,
		projects: map[int64]*store.Project{}, byProject: map[string]*store.Project{},
		workflows: map[int64]*workflow{}, names: map[workflowName]*workflow{}, ids: map[execution.ID]*workflow{},
		endpoints: map[int64]*endpoint{}, endpointIDs: map[execution.ID]*endpoint{}, hooks: map[int64][]*endpoint{},
		secrets: map[secretOwner][]store.SigningSecret{},
	}
	for _, x := range r.Endpoints {
		c.addEndpoint(x)
	}
	for _, s := range r.Secrets {
		c.secrets[secretOwner{s.Project, s.Endpoint}] = s.Secrets
	}
	for i := range r.Projects {
		c.addProject(&r.Projects[i])
	}
	versions := map[int64][]*version{}
	for i := range r.Versions {
		v := &version{Version: r.Versions[i]}
		if was := old.compiled(&v.Version); was != nil {
			v.schema = was.schema
		} else if len(v.InputSchema) > 0 {
			v.schema, _ = compileSchema(v.InputSchema) // it compiled when it was registered
		}
		versions[v.Workflow] = append(versions[v.Workflow], v)
	}
	for _, w := range r.Workflows {
		vs := versions[w.Key]
		slices.SortFunc(vs, func(a, b *version) int { return int(a.Number - b.Number) })
		c.addWorkflow(newWorkflow(w, vs))
	}
	return c
}

func newWorkflow(record store.Workflow, versions []*version) *workflow {
	w := &workflow{key: record.Key, project: record.Project, info: WorkflowInfo{record.ID, record.Name}}
	w.set(record, versions)
	w.backlog.fill()
	w.solo.fill()
	return w
}

// set replaces the changing part.
func (w *workflow) set(record store.Workflow, versions []*version) {
	r := &workflowRecord{Workflow: record, versions: versions}
	for _, v := range versions {
		if v.Key == record.Current {
			r.current = v
		}
	}
	w.record.Store(r)
}

func (w *workflow) deleted() bool { return w.record.Load().DeletedAt != 0 }

// find is the version with the label or number, nil when there is none.
func (r *workflowRecord) find(ref string) *version {
	for _, v := range r.versions {
		if v.Label == ref && ref != "" {
			return v
		}
	}
	if n, err := strconv.ParseInt(ref, 10, 32); err == nil {
		for _, v := range r.versions {
			if int64(v.Number) == n {
				return v
			}
		}
	}
	if id, ok := execution.ParseID(execution.PrefixVersion, ref); ok {
		for _, v := range r.versions {
			if v.ID == id {
				return v
			}
		}
	}
	return nil
}

// byKey is the version with the store's key, nil when there is none.
func (r *workflowRecord) byKey(key int64) *version {
	for _, v := range r.versions {
		if v.Key == key {
			return v
		}
	}
	return nil
}

func (c *catalog) addProject(p *store.Project) {
	c.projects[p.Key] = p
	c.byProject[p.Name] = p
	c.byProject[p.ID.Text(execution.PrefixProject)] = p
}

func (c *catalog) addWorkflow(w *workflow) {
	c.workflows[w.key] = w
	c.ids[w.info.ID] = w
	if !w.deleted() {
		c.names[workflowName{w.project, w.info.Name}] = w
	}
}

// clone is a copy to change.
func (c *catalog) clone() *catalog {
	return &catalog{
		version:  c.version,
		projects: maps.Clone(c.projects), byProject: maps.Clone(c.byProject), workflows: maps.Clone(c.workflows),
		names: maps.Clone(c.names), ids: maps.Clone(c.ids), endpoints: maps.Clone(c.endpoints),
		endpointIDs: maps.Clone(c.endpointIDs), hooks: maps.Clone(c.hooks), secrets: maps.Clone(c.secrets),
	}
}

// find is the project's workflow with the name or id, nil when there is none. Deleted ones are found by id only when
// deleted is true.
func (c *catalog) find(project int64, ref string, deleted bool) *workflow {
	if w := c.names[workflowName{project, ref}]; w != nil {
		return w
	}
	id, ok := execution.ParseID(execution.PrefixWorkflow, ref)
	if !ok {
		return nil
	}
	w := c.ids[id]
	if w == nil || w.project != project || w.deleted() && !deleted {
		return nil
	}
	return w
}

// of are the project's workflows, also deleted ones.
func (c *catalog) of(project int64) []*workflow {
	var ws []*workflow
	for _, w := range c.workflows {
		if w.project == project {
			ws = append(ws, w)
		}
	}
	slices.SortFunc(ws, func(a, b *workflow) int { return int(a.key - b.key) })
	return ws
}

// timeout is the deadline of a start that names none.
func (r *workflowRecord) timeout(server time.Duration) time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return server
}
