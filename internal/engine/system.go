package engine

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// System is how the servers and their data are.
type System struct {
	Now       execution.Time
	StartedAt execution.Time // of this server
	Servers   []ServerView   // those alive, by name
	Stores    []StoreView    // the databases that the data lies in
	Pace      Pace           // of this server's commits
	Queues    []ProjectQueue // of all projects, by name
}

// ServerView is a server that is alive.
type ServerView struct {
	store.NodeInfo
	Self bool // it is the one that tells
}

// StoreView is a database.
type StoreView struct {
	store.About
	Shards int // how many of the store.Shards lie in it
}

// ProjectQueue is what waits for workers in one project.
type ProjectQueue struct {
	ID      execution.ID
	Name    string
	Pending int64          // executions that were never claimed and could be
	Waiting execution.Time // since when that execution is ready that has waited longest; zero: none waits
}

// System looks at the servers and their data. It reads counters of each project and one execution of each priority of each
// queue, and asks nothing of other servers: what they are is known from their latest sign of life.
func (e *Engine) System(ctx context.Context, _ *Caller) (*System, error) {
	now := e.store.Now()
	x := &System{Now: now, StartedAt: e.startedAt, Servers: e.servers(now), Pace: e.pace.last(now, e.startedAt)}
	about, err := e.store.About(ctx)
	if err != nil {
		return nil, err
	}
	for i, a := range about {
		s := StoreView{About: a, Shards: store.Shards}
		if e.celled != nil {
			s.Shards = 0
			for shard := range store.Shards {
				if e.celled.CellOf(shard) == i {
					s.Shards++
				}
			}
		}
		x.Stores = append(x.Stores, s)
	}
	if x.Queues, err = e.projectQueues(ctx); err != nil {
		return nil, err
	}
	return x, nil
}

// servers are those alive. Without a cluster this one is alone.
func (e *Engine) servers(now execution.Time) []ServerView {
	var list []ServerView
	if e.cluster != nil {
		for _, n := range e.cluster.place.Load().infos {
			list = append(list, ServerView{n, n.Key == e.cluster.node})
		}
	}
	if len(list) == 0 {
		name := e.cfg.Name
		if name == "" {
			name, _ = os.Hostname()
		}
		list = []ServerView{{store.NodeInfo{Name: name, Version: e.cfg.Version, StartedAt: e.startedAt, SeenAt: now}, true}}
	}
	slices.SortStableFunc(list, func(a, b ServerView) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (e *Engine) projectQueues(ctx context.Context) ([]ProjectQueue, error) {
	catalog := e.catalog.Load()
	var keys []int64
	for key := range catalog.workflows {
		keys = append(keys, key)
	}
	oldest, err := e.store.Oldest(ctx, keys)
	if err != nil {
		return nil, err
	}
	first := map[int64]execution.Time{}
	for key, at := range oldest {
		project := catalog.workflows[key].project
		if was := first[project]; was == 0 || at < was {
			first[project] = at
		}
	}
	list := []ProjectQueue{}
	for _, p := range catalog.projects {
		n, err := e.store.Counts(ctx, store.CountQuery{Project: p.Key})
		if err != nil {
			return nil, err
		}
		list = append(list, ProjectQueue{ID: p.ID, Name: p.Name, Pending: n.N[execution.Pending], Waiting: first[p.Key]})
	}
	slices.SortFunc(list, func(a, b ProjectQueue) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
