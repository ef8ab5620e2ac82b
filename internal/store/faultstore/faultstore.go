// Package faultstore wraps a store so that its calls fail in chosen ways, for tests of what the rest makes of it.
package faultstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Fault is what goes wrong with one call.
type Fault uint8

// The faults. Calls that only read know None and Before.
const (
	None    Fault = iota
	Before        // nothing happens, an ordinary error
	Applied       // everything happens, store.ErrUnknown
	Unknown       // nothing happens, store.ErrUnknown
	Refused       // the rules run, nothing is saved, store.ErrRefused
	Failed        // nothing happens, store.ErrFailed, and so does every later commit
	Away          // nothing happens, store.ErrUnavailable
)

// ErrInjected is in every error that a Store makes.
var ErrInjected = errors.New("injected fault")

// Call is one call of a method of the store.
type Call struct {
	Method string // as in store.Store
	N      int    // how many calls of the method there were, with this one
	Need   *store.Need
}

// Plan decides what goes wrong with a call. It is asked under a mutex.
type Plan func(Call) Fault

// Every plans the fault for each n-th call of the method.
func Every(method string, n int, f Fault) Plan {
	return func(c Call) Fault {
		if c.Method == method && c.N%n == 0 {
			return f
		}
		return None
	}
}

// At plans the fault for the n-th call of the method alone.
func At(method string, n int, f Fault) Plan {
	return func(c Call) Fault {
		if c.Method == method && c.N == n {
			return f
		}
		return None
	}
}

// Store is a store whose calls can be made to fail.
type Store struct {
	store.Store

	mu     sync.Mutex
	calls  map[string]int
	hits   int
	plan   Plan
	amid   map[string]func(context.Context)
	refuse func(*store.Changes) bool
	delay  func(*store.Need) time.Duration
	failed error
}

// New wraps a store, without faults for now.
func New(s store.Store) *Store {
	return &Store{Store: s, calls: map[string]int{}, amid: map[string]func(context.Context){}}
}

// Set replaces the plan and counts calls anew; nil: no faults.
func (s *Store) Set(p Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plan = p
	clear(s.calls)
}

// RefuseIf refuses every commit whose changes the function dislikes, as a constraint of the database would; nil: none.
func (s *Store) RefuseIf(f func(*store.Changes) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = f
}

// Delay makes every commit take at least as long as the function says; nil: no longer than it takes.
func (s *Store) Delay(f func(*store.Need) time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = f
}

// Amid runs f once, before the next call of the method, which only reads: what others do between two reads. The context
// is that of the call.
func (s *Store) Amid(method string, f func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.amid[method] = f
}

// Hits is how many calls went wrong so far.
func (s *Store) Hits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

func (s *Store) call(method string, need *store.Need) (Fault, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[method]++
	if s.failed != nil && method == "Commit" {
		return Failed, s.failed
	}
	if s.plan == nil {
		return None, nil
	}
	c := Call{Method: method, N: s.calls[method], Need: need}
	f := s.plan(c)
	if f == None {
		return None, nil
	}
	s.hits++
	err := fmt.Errorf("%w: %s %d", ErrInjected, method, c.N)
	switch f {
	case Applied, Unknown:
		err = fmt.Errorf("%w: %w", store.ErrUnknown, err)
	case Refused:
		err = fmt.Errorf("%w: %w", store.ErrRefused, err)
	case Failed:
		err = fmt.Errorf("%w: %w", store.ErrFailed, err)
		s.failed = err
	case Away:
		err = fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case None, Before:
	}
	return f, err
}

// Commit fails as planned.
func (s *Store) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	fault, failure := s.call("Commit", need)
	s.mu.Lock()
	refuse, delay := s.refuse, s.delay
	s.mu.Unlock()
	if delay != nil {
		time.Sleep(delay(need))
	}
	switch fault {
	case Before, Unknown, Failed, Away:
		return failure
	default:
	}
	disliked := false
	err := s.Store.Commit(ctx, need, func(l *store.Loaded) *store.Changes {
		c := decide(l)
		if fault == Refused || refuse != nil && c != nil && refuse(c) {
			disliked = true
			return nil
		}
		return c
	})
	switch {
	case err != nil:
		return err
	case disliked && failure == nil:
		s.mu.Lock()
		s.hits++
		s.mu.Unlock()
		return fmt.Errorf("%w: %w", store.ErrRefused, ErrInjected)
	}
	return failure
}

func (s *Store) read(ctx context.Context, method string) error {
	s.mu.Lock()
	f := s.amid[method]
	delete(s.amid, method)
	s.mu.Unlock()
	if f != nil {
		f(ctx)
	}
	_, err := s.call(method, nil)
	return err
}

// Get fails as planned.
func (s *Store) Get(ctx context.Context, project int64, id execution.ID) (*store.Row, error) {
	if err := s.read(ctx, "Get"); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, project, id)
}

// Events fails as planned.
func (s *Store) Events(ctx context.Context, row *store.Row, after int64, limit int) ([]execution.Event, error) {
	if err := s.read(ctx, "Events"); err != nil {
		return nil, err
	}
	return s.Store.Events(ctx, row, after, limit)
}

// Feed fails as planned.
func (s *Store) Feed(ctx context.Context, q store.FeedQuery) (*store.FeedPage, error) {
	if err := s.read(ctx, "Feed"); err != nil {
		return nil, err
	}
	return s.Store.Feed(ctx, q)
}

// Ends fails as planned.
func (s *Store) Ends(ctx context.Context, row *store.Row) (first, last *execution.Event, err error) {
	if err := s.read(ctx, "Ends"); err != nil {
		return nil, nil, err
	}
	return s.Store.Ends(ctx, row)
}

// List fails as planned.
func (s *Store) List(ctx context.Context, q store.ListQuery) (*store.ListPage, error) {
	if err := s.read(ctx, "List"); err != nil {
		return nil, err
	}
	return s.Store.List(ctx, q)
}

// Counts fails as planned.
func (s *Store) Counts(ctx context.Context, q store.CountQuery) (store.Counts, error) {
	if err := s.read(ctx, "Counts"); err != nil {
		return store.Counts{}, err
	}
	return s.Store.Counts(ctx, q)
}

// Series fails as planned.
func (s *Store) Series(ctx context.Context, q store.SeriesQuery) ([]store.SeriesPoint, error) {
	if err := s.read(ctx, "Series"); err != nil {
		return nil, err
	}
	return s.Store.Series(ctx, q)
}

// Sample fails as planned.
func (s *Store) Sample(ctx context.Context, q store.SampleQuery) ([]store.Sampled, error) {
	if err := s.read(ctx, "Sample"); err != nil {
		return nil, err
	}
	return s.Store.Sample(ctx, q)
}

// Oldest fails as planned.
func (s *Store) Oldest(ctx context.Context, workflows []int64) (map[int64]execution.Time, error) {
	if err := s.read(ctx, "Oldest"); err != nil {
		return nil, err
	}
	return s.Store.Oldest(ctx, workflows)
}

// About fails as planned.
func (s *Store) About(ctx context.Context) ([]store.About, error) {
	if err := s.read(ctx, "About"); err != nil {
		return nil, err
	}
	return s.Store.About(ctx)
}

// Due fails as planned.
func (s *Store) Due(ctx context.Context, now execution.Time, part store.Part, limit int) ([]execution.ID, error) {
	if err := s.read(ctx, "Due"); err != nil {
		return nil, err
	}
	return s.Store.Due(ctx, now, part, limit)
}

// NextDue fails as planned.
func (s *Store) NextDue(ctx context.Context) (execution.Time, error) {
	if err := s.read(ctx, "NextDue"); err != nil {
		return 0, err
	}
	return s.Store.NextDue(ctx)
}

// Held fails as planned.
func (s *Store) Held(ctx context.Context, session int64) ([]*store.Row, error) {
	if err := s.read(ctx, "Held"); err != nil {
		return nil, err
	}
	return s.Store.Held(ctx, session)
}

// Ended fails as planned.
func (s *Store) Ended(ctx context.Context, workflow int64, before execution.Time, limit int) ([]execution.ID, error) {
	if err := s.read(ctx, "Ended"); err != nil {
		return nil, err
	}
	return s.Store.Ended(ctx, workflow, before, limit)
}

// Tombstone fails as planned.
func (s *Store) Tombstone(ctx context.Context, project int64, id execution.ID) (*store.Tombstone, error) {
	if err := s.read(ctx, "Tombstone"); err != nil {
		return nil, err
	}
	return s.Store.Tombstone(ctx, project, id)
}

// Key fails as planned.
func (s *Store) Key(ctx context.Context, publicID string) (*store.Key, error) {
	if err := s.read(ctx, "Key"); err != nil {
		return nil, err
	}
	return s.Store.Key(ctx, publicID)
}

// DueDeliveries fails as planned.
func (s *Store) DueDeliveries(ctx context.Context, q store.DueQuery) (*store.DuePage, error) {
	if err := s.read(ctx, "DueDeliveries"); err != nil {
		return nil, err
	}
	return s.Store.DueDeliveries(ctx, q)
}

// Catalog fails as planned.
func (s *Store) Catalog(ctx context.Context) (*store.Catalog, error) {
	if err := s.read(ctx, "Catalog"); err != nil {
		return nil, err
	}
	return s.Store.Catalog(ctx)
}

// Sessions fails as planned.
func (s *Store) Sessions(ctx context.Context) ([]store.Session, error) {
	if err := s.read(ctx, "Sessions"); err != nil {
		return nil, err
	}
	return s.Store.Sessions(ctx)
}

// Keys fails as planned.
func (s *Store) Keys(ctx context.Context, project int64) ([]store.Key, error) {
	if err := s.read(ctx, "Keys"); err != nil {
		return nil, err
	}
	return s.Store.Keys(ctx, project)
}

// FileBytes fails as planned.
func (s *Store) FileBytes(ctx context.Context) (map[int64]int64, error) {
	if err := s.read(ctx, "FileBytes"); err != nil {
		return nil, err
	}
	return s.Store.FileBytes(ctx)
}

// ExpiredFiles fails as planned.
func (s *Store) ExpiredFiles(ctx context.Context, now execution.Time, limit int) ([]execution.ID, error) {
	if err := s.read(ctx, "ExpiredFiles"); err != nil {
		return nil, err
	}
	return s.Store.ExpiredFiles(ctx, now, limit)
}

// EndedDeliveries fails as planned.
func (s *Store) EndedDeliveries(ctx context.Context, endpoint int64, before execution.Time, limit int) ([]execution.ID, error) {
	if err := s.read(ctx, "EndedDeliveries"); err != nil {
		return nil, err
	}
	return s.Store.EndedDeliveries(ctx, endpoint, before, limit)
}
