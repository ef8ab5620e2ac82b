package cells

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// copyMargin is how long a file must still be kept by its own cell to be used in another: a copy of its record is made
// meanwhile.
const copyMargin = 10 * time.Minute

// Cell commits in one cell.
func (s *Store) Cell(n int) store.Committer { return s.cells[n] }

// Commit runs a transaction in the cell that its need names; one that names several is refused. When the need names
// none, the changes do, and changes of the catalog go before those of executions.
func (s *Store) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	n, err := s.place(need)
	if err != nil {
		return err
	}
	if n >= 0 {
		return s.cells[n].Commit(ctx, need, decide)
	}
	// Without a need nothing is read: the changes are decided on before it is known where they go.
	if len(need.Claims)+len(need.Links) > 0 {
		return s.commitAnywhere(ctx, need, decide)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c := decide(&store.Loaded{Now: s.Now(), Sessions: make([]*store.Session, len(need.Sessions))})
	if c == nil || c.Empty() {
		return nil
	}
	return s.commitDecided(ctx, c)
}

// commitAnywhere runs a transaction that looks for what any cell may have, in the first one that has some of it.
func (s *Store) commitAnywhere(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	for n, c := range s.cells {
		found := false
		err := c.Store.Commit(ctx, need, func(l *store.Loaded) *store.Changes {
			for _, x := range l.Claims {
				found = found || len(x) > 0
			}
			for _, x := range l.Links {
				found = found || x != nil
			}
			return nil
		})
		if err != nil {
			return c.wrap(err)
		}
		if found || n == len(s.cells)-1 {
			return c.Commit(ctx, need, decide)
		}
	}
	return nil
}

// commitDecided saves changes that nothing was read for.
func (s *Store) commitDecided(ctx context.Context, c *store.Changes) error {
	rest := *c
	if catalogued(c) {
		only := store.Changes{
			Basis: c.Basis, Projects: c.Projects, Workflows: c.Workflows, Versions: c.Versions, Keys: c.Keys, KeyUses: c.KeyUses,
			Endpoints: c.Endpoints, Secrets: c.Secrets,
		}
		if err := s.home().Commit(ctx, &store.Need{}, func(*store.Loaded) *store.Changes { return &only }); err != nil {
			return err
		}
		rest.Basis, rest.Projects, rest.Workflows, rest.Versions, rest.Keys, rest.KeyUses = 0, nil, nil, nil, nil, nil
		rest.Endpoints, rest.Secrets = nil, nil
	}
	if rest.Empty() {
		return nil
	}
	n, err := s.placeChanges(&rest)
	if err != nil {
		return err
	}
	if n < 0 && rest.SweepKeys+rest.SweepLinks > 0 {
		return s.sweep(ctx, &rest)
	}
	return s.cells[max(n, 0)].Commit(ctx, &store.Need{}, func(*store.Loaded) *store.Changes { return &rest })
}

// sweep sweeps every cell.
func (s *Store) sweep(ctx context.Context, c *store.Changes) error {
	return s.each(func(x *cell) error {
		only := store.Changes{SweepKeys: c.SweepKeys, SweepLinks: c.SweepLinks}
		return x.Store.Commit(ctx, &store.Need{}, func(*store.Loaded) *store.Changes { return &only })
	})
}

// catalogued reports whether the changes have something of the catalog or of the API keys.
func catalogued(c *store.Changes) bool {
	return len(c.Projects)+len(c.Workflows)+len(c.Versions)+len(c.Keys)+len(c.KeyUses)+len(c.Endpoints)+len(c.Secrets) > 0 || c.Basis != 0
}

// placing finds the one cell that several ids are in.
type placing struct {
	r    *routes
	n    int // -1: none yet
	err  error
	seen *[store.Shards]bool // nil: not asked for
}

func (p *placing) id(id execution.ID) {
	n := int(p.r.owner[id.Shard()])
	if p.seen != nil {
		p.seen[id.Shard()] = true
	}
	switch {
	case p.n < 0:
		p.n = n
	case p.n != n && p.err == nil:
		p.err = fmt.Errorf("%w: a transaction is about cells %d and %d", store.ErrRefused, p.n, n)
	}
}

// place is the cell that the need names, -1 for none. Files may be of any cell.
func (s *Store) place(need *store.Need) (int, error) {
	p := &placing{r: s.routes.Load(), n: -1}
	for _, id := range need.Executions {
		p.id(id)
	}
	for i := range need.Steps {
		p.id(need.Steps[i].Execution)
	}
	for i := range need.Reservations {
		p.id(need.Reservations[i].Execution)
	}
	for _, id := range need.Deliveries {
		p.id(id)
	}
	if p.n < 0 {
		for _, key := range need.Sessions {
			if n, ok := s.sessionCell(key); ok && p.n < 0 {
				p.n = n
			}
		}
	}
	if p.n < 0 && len(need.Files) > 0 {
		p.id(need.Files[0])
	}
	return p.n, p.err
}

// placeChanges is the cell that has what is changed, -1 when it is not about anything with an id.
func (s *Store) placeChanges(c *store.Changes) (int, error) {
	p := &placing{r: s.routes.Load(), n: -1}
	p.changes(c)
	if p.n < 0 { // what may have copies, or says nothing of where it is
		for i := range c.Files {
			p.id(c.Files[i].ID)
		}
		for _, id := range c.FilesGone {
			p.id(id)
		}
		for _, key := range c.Gone {
			if n, ok := s.sessionCell(key); ok && p.n < 0 {
				p.n = n
			}
		}
	}
	return p.n, p.err
}

// changes looks at all that belongs where its id says.
func (p *placing) changes(c *store.Changes) {
	for _, r := range c.Insert {
		p.id(r.ID)
	}
	for i := range c.Update {
		p.id(c.Update[i].ID)
	}
	for _, r := range c.Delete {
		p.id(r.ID)
	}
	for _, r := range c.Redact {
		p.id(r.ID)
	}
	for i := range c.Events {
		p.id(c.Events[i].Execution)
	}
	for i := range c.Metadata {
		p.id(c.Metadata[i].Execution)
	}
	for i := range c.Tombstones {
		p.id(c.Tombstones[i].Execution)
	}
	for i := range c.Sessions {
		p.id(c.Sessions[i].ID)
	}
	for i := range c.Deliveries {
		p.id(c.Deliveries[i].ID)
	}
	for i := range c.DeliveryUpdates {
		p.id(c.DeliveryUpdates[i].ID)
	}
	for i := range c.DeliveryAttempts {
		p.id(c.DeliveryAttempts[i].Delivery)
	}
	for _, id := range c.DeliveriesGone {
		p.id(id)
	}
	for i := range c.FileUses {
		p.id(c.FileUses[i].Execution)
	}
	for i := range c.Links {
		p.id(c.Links[i].Execution)
	}
}

// Commit runs a transaction in the cell.
func (c *cell) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	if n, err := c.s.place(need); err != nil {
		return err
	} else if n >= 0 && n != c.n && !onlyLoose(need) {
		return store.ErrMoved
	}
	if c.behind.Load() && c.n > 0 {
		if err := c.s.copyTo(ctx, c); err != nil {
			return c.wrap(err)
		}
	}
	foreign, err := c.foreign(ctx, need)
	if err != nil {
		return err
	}
	var refused error
	var saved *store.Changes
	err = c.Store.Commit(ctx, need, func(l *store.Loaded) *store.Changes {
		refused, saved = nil, nil
		foreign.lend(need, l)
		c.withhold(l)
		changes := decide(l)
		if changes == nil || changes.Empty() {
			return changes
		}
		if refused = c.check(changes); refused != nil {
			return nil
		}
		foreign.keep(changes)
		if c.s.keeper != nil {
			changes.Shards = c.shards(need, changes)
		}
		saved = changes
		return changes
	})
	if err == nil {
		err = refused
	}
	if err == nil && saved != nil {
		c.follow(ctx, saved)
	}
	if errors.Is(err, store.ErrMoved) {
		c.s.look()
	}
	return c.wrap(err)
}

// withhold takes what is frozen or elsewhere by now out of the queues that were read. The rest of such a queue waits for
// the next transaction.
func (c *cell) withhold(l *store.Loaded) {
	r := c.s.routes.Load()
	if r.settled {
		return
	}
	for i, found := range l.Claims {
		kept := slices.DeleteFunc(slices.Clone(found), func(q store.Claimable) bool {
			shard := q.Row.ID.Shard()
			return r.moving[shard] || int(r.owner[shard]) != c.n
		})
		if len(kept) < len(found) {
			l.Claims[i] = append(kept, store.Claimable{Withheld: true, Row: &store.Row{Execution: execution.Execution{ReadyAt: l.Now}}})
		}
	}
}

// onlyLoose reports whether the need is about nothing but what any cell may have.
func onlyLoose(need *store.Need) bool {
	return len(need.Executions)+len(need.Steps)+len(need.Reservations)+len(need.Deliveries) == 0
}

// shards are those that a transaction writes to, as far as they are the cell's: a copy of the record of another cell's file
// is not.
func (c *cell) shards(need *store.Need, changes *store.Changes) []int {
	p := &placing{r: c.s.routes.Load(), n: -1, seen: new([store.Shards]bool)}
	p.changes(changes)
	for i := range need.Reservations {
		p.id(need.Reservations[i].Execution)
	}
	for i := range changes.Files {
		p.id(changes.Files[i].ID)
	}
	for _, id := range changes.FilesGone {
		p.id(id)
	}
	var list []int
	for shard, seen := range p.seen {
		if seen && int(p.r.owner[shard]) == c.n {
			list = append(list, shard)
		}
	}
	return list
}

// check refuses changes that are not the cell's.
func (c *cell) check(changes *store.Changes) error {
	if c.n > 0 && catalogued(changes) {
		return fmt.Errorf("%w: the catalog is changed in cell %s, not at home", store.ErrRefused, c.Name)
	}
	n, err := c.s.placeChanges(changes)
	if err != nil || n < 0 || n == c.n {
		return err
	}
	if len(changes.FilesGone)+len(changes.Gone) > 0 && len(changes.Insert)+len(changes.Update) == 0 {
		return nil // a copy of the record of a file, or a session that is where it was
	}
	return store.ErrMoved
}

// follow does what a committed transaction means for the other cells and for what is known of them.
func (c *cell) follow(ctx context.Context, changes *store.Changes) {
	if len(changes.Sessions)+len(changes.Gone) > 0 {
		c.s.sessionMu.Lock()
		for i := range changes.Sessions {
			c.s.sessions[changes.Sessions[i].Key] = c.n
		}
		for _, key := range changes.Gone {
			delete(c.s.sessions, key)
		}
		c.s.sessionMu.Unlock()
	}
	if catalogued(changes) && len(c.s.cells) > 1 {
		c.s.spread(ctx, changes)
	}
}

func (s *Store) sessionCell(key int64) (int, bool) {
	s.sessionMu.Lock()
	defer s.sessionMu.Unlock()
	n, ok := s.sessions[key]
	return n, ok
}
