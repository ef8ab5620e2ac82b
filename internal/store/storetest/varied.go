package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Reserved are the idempotency keys that Varied takes: key-0, key-1 and so on, with the execution of each.
type Reserved []execution.ID

// Varied fills an empty store with something of every kind that a store can keep, and so many executions that merely
// ended.
func Varied(t testing.TB, s store.Store, plain int) (*World, Reserved) {
	t.Helper()
	w := NewWorld(t, s, 3)
	for range 3 {
		w.rich()
	}
	w.delete(w.rich())
	redacted := w.rich()
	w.MustCommit(store.Need{Executions: []execution.ID{redacted}}, func(l *store.Loaded, tx *Tx) {
		tx.Redact = l.Executions
		tx.Tombstones = []store.Tombstone{{Project: w.Project, Execution: redacted, Redacted: true, At: l.Now}}
	})
	w.Claim(w.Start())
	w.Start(func(s *execution.Start) { s.StartAt = w.Store.Now().Add(time.Hour) })
	waiting := w.Start()
	w.Claim(waiting)
	w.Step(waiting, "first", `{"a":"b"}`)
	w.Wait(waiting, execution.WaitStart{Step: "boss", Name: "approve"})
	w.Suspend(waiting)
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		tx.Links = []store.ApprovalLink{{Hash: [32]byte{7}, Project: w.Project, Execution: waiting, Step: "boss", CreatedAt: l.Now, ExpiresAt: l.Now.Add(time.Hour)}}
		tx.Versions = []store.Version{{Key: w.Key(), Workflow: w.Workflows[1], ID: w.ID(), Number: 1, Label: "v1", CreatedAt: l.Now, InputSchema: []byte(`{"type":"object"}`)}}
		tx.Keys = []store.Key{{
			Key: w.Key(), Project: w.Project, ID: w.ID(), PublicID: "public", Name: "all", Hash: [32]byte{1}, Last4: "abcd",
			Scopes: []string{"admin"}, Workflows: []string{"workflow-1"}, RateLimit: 2.5, CreatedAt: l.Now,
		}}
	})
	x := w.endpoint()
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		secrets := []store.SigningSecret{{Sealed: []byte{2, 0, 1}, Hint: "yz", CreatedAt: l.Now}, {Sealed: []byte{1}, Hint: "ab", CreatedAt: 5, ExpiresAt: l.Now}}
		tx.Secrets = []store.SecretSet{{Project: w.Project, Secrets: secrets[:1]}, {Project: w.Project, Endpoint: x.Key, Secrets: secrets}}
	})
	d := w.deliver(x.Key)
	w.attempted(d, func(d *store.Delivery) {
		d.State, d.DueAt, d.EndedAt, d.Error = store.DeliveryDead, 0, 300, "refused"
	})
	called := w.Start(func(s *execution.Start) { s.Callback = 9 })
	w.Claim(called)
	w.CompleteWithCallback(called)
	var keys Reserved
	w.MustCommit(store.Need{}, func(l *store.Loaded, tx *Tx) {
		for range plain {
			r := tx.Start(w.NewStart(), l.Now)
			for _, rule := range []func(*store.Row) ([]execution.Event, error){
				func(r *store.Row) ([]execution.Event, error) {
					return one(r.Claim(execution.Claim{Session: w.Session, Lease: Lease}, l.Now))
				},
				func(r *store.Row) ([]execution.Event, error) { return one(r.Complete(Lease, []byte(`"done"`), l.Now)) },
			} {
				if err := tx.Apply(r, rule); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	for i := range 3 {
		s := w.NewStart()
		w.MustCommit(store.Need{Reservations: []store.Reservation{{Project: w.Project, Key: fmt.Sprint("key-", i), Hash: 1<<63 | uint64(i), Execution: s.ID}}},
			func(l *store.Loaded, tx *Tx) { tx.Start(s, l.Now) })
		keys = append(keys, s.ID)
	}
	return w, keys
}

// Check demands that the store has the keys.
func (r Reserved) Check(w *World) {
	w.T.Helper()
	for i, id := range r {
		w.MustCommit(store.Need{Reservations: []store.Reservation{{Project: w.Project, Key: fmt.Sprint("key-", i), Hash: 5, Execution: w.ID()}}},
			func(l *store.Loaded, _ *Tx) {
				if t := l.Taken[0]; t == nil || t.Execution != id || t.Hash != 1<<63|uint64(i) {
					w.T.Errorf("key %d is taken by %+v, want %s", i, t, id)
				}
			})
	}
}
