package engine

import (
	"context"
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// lateLook is how long after a session of another server has ended what it held is read again: longer than a transaction
// can hang in which that server claimed something for it.
const lateLook = 15 * time.Second

// judge ends the sessions whose time is over by the database's clock: those here at once, those of other servers when
// these have not done it.
func (c *cluster) judge(ctx context.Context) {
	now := c.now()
	c.mu.Lock()
	marks, from := c.marks, c.judgeFrom
	var closing []int64
	for key := range c.closing {
		closing = append(closing, key)
	}
	c.mu.Unlock()
	for _, key := range closing {
		if err := c.letGo(ctx, key); err != nil && !errors.Is(err, errBusy) {
			return
		}
	}
	if c.e.pulse() < from || c.reachable() != nil {
		return
	}
	p := c.place.Load()
	for _, k := range marks {
		mine := k.Node == c.node
		wait := others
		if !p.part().Has(k.Key) {
			wait = 2 * others
		}
		switch {
		case k.ExpiresAt == 0:
			// An end that was written here and is not under way had an unknown outcome.
			if mine && c.e.recoverer.ends(k.Key) || !mine && (p.alive(k.Node) || !p.part().Has(k.Key)) {
				continue
			}
		case mine && k.ExpiresAt > now, !mine && k.ExpiresAt.Add(wait) > now:
			continue
		}
		if err := c.finish(ctx, k.Key, finishLost); err != nil && ctx.Err() == nil {
			c.e.log.Error("could not end a worker session, trying again", "error", err)
			return
		}
	}
}

// why a session ends.
type finishing uint8

const (
	finishLost   finishing = iota // its time is over
	finishForced                  // as lost, whatever its time
	finishClosed                  // its worker lets go
)

// finish marks a session as ended and takes back what it holds. A session that is not over, or that another server ends,
// is left alone.
func (c *cluster) finish(ctx context.Context, key int64, why finishing) error {
	r := c.e.recoverer
	if r.ends(key) || why == finishLost && c.e.matcher.beats(key) {
		return nil
	}
	c.mu.Lock()
	known := c.known[key]
	c.mu.Unlock()
	if known == nil {
		if err := c.readSessions(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		known = c.known[key]
		c.mu.Unlock()
		if known == nil {
			return nil
		}
	}
	var from int64
	var ended store.Session
	mine := false
	err := c.changeSession(known.ID, key, func(t *tx, x *store.Session) {
		mine = false
		switch {
		case x == nil:
			return
		case x.ExpiresAt == 0:
			if x.Node == c.node && r.ends(key) || x.Node != c.node && (why == finishClosed || c.place.Load().alive(x.Node)) {
				return
			}
		case why != finishLost:
		case x.Node == c.node && x.ExpiresAt > t.now, x.Node != c.node && x.ExpiresAt.Add(others) > t.now:
			return // it was prolonged
		}
		from, mine = x.Node, true
		x.Node, x.ExpiresAt, x.Draining = c.node, 0, true
		x.Term++
		t.saveSession(x)
		ended = *x
	})
	if err != nil {
		return err
	}
	if !mine {
		return nil
	}
	c.forget(key)
	m := c.e.matcher
	m.mu.Lock()
	s := m.sessions[key]
	if s == nil {
		s = &session{m: m, record: ended, held: map[execution.ID]*holding{}, wake: make(chan struct{}, 1)}
	}
	x := &ending{s: s, lost: why != finishClosed, guilty: map[execution.ID]bool{}}
	// What a server that is gone knew of steps in flight is lost with it.
	x.foreign = from != c.node || m.sessions[key] == nil
	x.late = x.foreign || c.e.pulse().Sub(s.arrived) < lateLook
	for id, h := range s.held {
		x.guilty[id] = h.guilty(s.seen)
	}
	r.add(x)
	m.mu.Unlock()
	return r.end(ctx, x)
}

// ends reports whether the session's end is under way.
func (r *recoverer) ends(key int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, x := range r.ending {
		if x.s.record.Key == key {
			return true
		}
	}
	return false
}

// closeSession is CloseSession of the engine in a cluster.
func (c *cluster) closeSession(ctx context.Context, caller *Caller, id execution.ID) error {
	x, err := c.session(ctx, caller, id)
	if err != nil {
		return err
	}
	err = c.letGo(context.WithoutCancel(ctx), x.Key)
	if errors.Is(err, errBusy) {
		return nil // the rest follows
	}
	return err
}

// letGo ends a session whose worker lets go, now or as soon as that can be written.
func (c *cluster) letGo(ctx context.Context, key int64) error {
	m := c.e.matcher
	m.mu.Lock()
	if s := m.sessions[key]; s != nil {
		s.draining = true
	}
	m.mu.Unlock()
	c.mu.Lock()
	c.closing[key] = true
	c.mu.Unlock()
	err := c.finish(ctx, key, finishClosed)
	if err == nil || c.e.recoverer.ends(key) {
		c.mu.Lock()
		delete(c.closing, key)
		c.mu.Unlock()
	}
	return err
}

// beats reports whether a heartbeat of the session is with the committer: it has arrived in time or late, but the worker
// lives.
func (m *matcher) beats(key int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[key]
	return s != nil && s.beating > 0
}

// looseEvery is how often leases are looked for whose session has no record. There are none, unless somebody has written
// to the database who is no server.
const looseEvery = 10 * time.Minute

// loose ends the leases that belong to no session. It reads all that is leased, so only the first server does it, when it
// begins and now and then.
func (c *cluster) loose(ctx context.Context) error {
	now := c.e.pulse()
	c.mu.Lock()
	from, looked := c.judgeFrom, c.looked
	c.mu.Unlock()
	if !c.e.first() || now < from || looked != 0 && now.Sub(looked) < looseEvery {
		return nil
	}
	rows, err := c.store.Held(ctx, 0)
	if err != nil {
		return err
	}
	// A session that was opened since the rows were read is among these.
	sessions, err := c.store.Sessions(ctx)
	if err != nil {
		return err
	}
	known := make(map[int64]bool, len(sessions))
	for i := range sessions {
		known[sessions[i].Key] = true
	}
	r := c.e.recoverer
	for _, row := range rows {
		if known[row.Session] || r.ends(row.Session) {
			continue
		}
		s := &session{
			m: c.e.matcher, held: map[execution.ID]*holding{}, wake: make(chan struct{}, 1),
			record: store.Session{Key: row.Session, Project: row.Project, ID: c.e.mint.id(), Name: "unknown"},
		}
		r.mu.Lock()
		r.ending = append(r.ending, &ending{s: s, lost: true, foreign: true})
		r.mu.Unlock()
	}
	c.mu.Lock()
	c.looked = now
	c.mu.Unlock()
	return nil
}
