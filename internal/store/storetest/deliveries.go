package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// endpoint saves an endpoint of the world's project.
func (w *World) endpoint(edit ...func(*store.Endpoint)) store.Endpoint {
	w.T.Helper()
	x := store.Endpoint{
		Key: w.Key(), Project: w.Project, ID: w.ID(), URL: "https://example.com/hook", Events: store.MessageTerminal.Set(),
		CreatedAt: 1, UpdatedAt: 1,
	}
	for _, e := range edit {
		e(&x)
	}
	w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Endpoints = []store.Endpoint{x} })
	return x
}

// deliver saves a delivery: of a test to the endpoint, unless edited.
func (w *World) deliver(endpoint int64, edit ...func(*store.Delivery)) store.Delivery {
	w.T.Helper()
	d := store.Delivery{ID: w.ID(), Project: w.Project, Endpoint: endpoint, Destination: 7, Type: store.MessageTest, At: 1, DueAt: 100}
	for _, e := range edit {
		e(&d)
	}
	w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Deliveries = []store.Delivery{d} })
	return d
}

// about makes a delivery a callback of the execution.
func about(id execution.ID) func(*store.Delivery) {
	return func(d *store.Delivery) { d.Execution, d.Endpoint, d.Type = id, 0, store.MessageTerminal }
}

// CompleteWithCallback completes an execution that has a callback, with the message for it.
func (w *World) CompleteWithCallback(id execution.ID) store.Delivery {
	w.T.Helper()
	var d store.Delivery
	w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
		row := l.Executions[0]
		if err := tx.Apply(row, func(r *store.Row) ([]execution.Event, error) { return one(r.Complete(Lease, []byte("1"), l.Now)) }); err != nil {
			w.T.Fatal(err)
		}
		d = store.Delivery{
			ID: w.ID(), Project: w.Project, Execution: id, Destination: row.Callback, Type: store.MessageTerminal,
			Revision: row.Revision, Status: row.Status, Attempt: row.Attempt, At: l.Now, DueAt: l.Now,
		}
		tx.Deliveries = []store.Delivery{d}
	})
	return d
}

// attempted saves that a delivery was tried, and ends it as the edit says.
func (w *World) attempted(d store.Delivery, edit func(*store.Delivery)) store.Delivery {
	w.T.Helper()
	u := store.DeliveryUpdate{Delivery: d, FromState: d.State, FromAttempts: d.Attempts, FromDue: d.DueAt}
	u.Attempts++
	edit(&u.Delivery)
	w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) {
		tx.DeliveryUpdates = []store.DeliveryUpdate{u}
		tx.DeliveryAttempts = []store.DeliveryAttempt{{
			Delivery: d.ID, N: u.Attempts, At: 5, Took: time.Millisecond, Status: 500, Error: "no", Excerpt: []byte("Jane"),
		}}
	})
	return u.Delivery
}

func ended(at execution.Time) func(*store.Delivery) {
	return func(d *store.Delivery) { d.State, d.DueAt, d.EndedAt = store.DeliveryDelivered, 0, at }
}

func (w *World) delivery(id execution.ID) (*store.Delivery, []store.DeliveryAttempt) {
	w.T.Helper()
	d, attempts, err := w.Store.Delivery(w.T.Context(), w.Project, id)
	if err != nil {
		w.T.Fatal(err)
	}
	return d, attempts
}

func (w *World) noDelivery(id execution.ID) {
	w.T.Helper()
	if d, _, err := w.Store.Delivery(w.T.Context(), w.Project, id); !errors.Is(err, store.ErrNotFound) {
		w.T.Errorf("delivery %+v, %v, want ErrNotFound", d, err)
	}
}

func deliveryIDs(list []store.Delivery) []execution.ID {
	ids := []execution.ID{}
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	return ids
}

func deliveries(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"endpoints come back, and are replaced whole": func(t *testing.T, w *World) {
			x := w.endpoint(func(x *store.Endpoint) {
				x.Description, x.Workflows, x.Disabled, x.DeletedAt = "orders ✓", []string{"a", "b"}, "gone", 9
				x.Events = store.MessageCreated.Set() | store.MessageStatus.Set()
			})
			check := func() {
				t.Helper()
				cat, err := w.Store.Catalog(t.Context())
				if err != nil || len(cat.Endpoints) != 1 || !reflect.DeepEqual(cat.Endpoints[0], x) {
					t.Errorf("endpoint %+v came back as %+v, %v", x, cat.Endpoints, err)
				}
			}
			check()
			x.URL, x.Description, x.Workflows, x.Disabled, x.DeletedAt, x.UpdatedAt = "http://other.test/", "", nil, "", 0, 3
			x.Events = store.MessageTerminal.Set()
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Endpoints = []store.Endpoint{x} })
			check()
			w.Audit()
		},
		"secrets are kept by owner, in order, and replaced whole": func(t *testing.T, w *World) {
			x := w.endpoint()
			secret := func(n int) store.SigningSecret {
				return store.SigningSecret{Sealed: []byte{1, 0, byte(n)}, Hint: fmt.Sprint("h", n), CreatedAt: execution.Time(n), ExpiresAt: execution.Time(n % 2)}
			}
			sets := []store.SecretSet{
				{Project: w.Project, Secrets: []store.SigningSecret{secret(3), secret(2)}},
				{Project: w.Project, Endpoint: x.Key, Secrets: []store.SigningSecret{secret(5), secret(4), secret(1)}},
			}
			check := func() {
				t.Helper()
				w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Secrets = sets })
				cat, err := w.Store.Catalog(t.Context())
				if err != nil || !reflect.DeepEqual(cat.Secrets, sets) {
					t.Errorf("secrets came back as %+v, %v, want %+v", cat.Secrets, err, sets)
				}
			}
			check()
			sets[1].Secrets = []store.SigningSecret{secret(6)}
			check()
			w.Audit()
		},
		"come back as they were saved": func(t *testing.T, w *World) {
			x := w.endpoint()
			id := w.Finished()
			full := w.deliver(x.Key, func(d *store.Delivery) {
				d.Execution, d.Type, d.Revision, d.Status, d.Attempt = id, store.MessageStatus, 4, execution.Waiting, 2
				d.Destination, d.At, d.DueAt = 1<<62, 77, 88
			})
			bare := w.deliver(x.Key)
			for _, want := range []store.Delivery{full, bare} {
				if got, attempts := w.delivery(want.ID); *got != want || len(attempts) != 0 {
					t.Errorf("delivery %+v came back as %+v, %+v", want, *got, attempts)
				}
			}
			full = w.attempted(full, func(d *store.Delivery) { d.DueAt, d.Error = 99, "500" })
			full = w.attempted(full, func(d *store.Delivery) {
				d.State, d.DueAt, d.EndedAt, d.Error, d.Base = store.DeliveryDead, 0, 100, "gone", 1
			})
			got, attempts := w.delivery(full.ID)
			want := store.DeliveryAttempt{Delivery: full.ID, N: 2, At: 5, Took: time.Millisecond, Status: 500, Error: "no", Excerpt: []byte("Jane")}
			if *got != full || len(attempts) != 2 || attempts[0].N != 1 || !reflect.DeepEqual(attempts[1], want) {
				t.Errorf("delivery %+v came back as %+v, %+v", full, *got, attempts)
			}
			w.MustCommit(store.Need{Deliveries: []execution.ID{full.ID, w.ID(), bare.ID, full.ID}}, func(l *store.Loaded, _ *Tx) {
				if len(l.Deliveries) != 4 || l.Deliveries[3] != l.Deliveries[0] || *l.Deliveries[0] != full || l.Deliveries[1] != nil || *l.Deliveries[2] != bare {
					t.Errorf("loaded %+v", l.Deliveries)
				}
			})
			if _, _, err := w.Store.Delivery(t.Context(), w.Project+1000, full.ID); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("another project reads it: %v", err)
			}
			w.noDelivery(execution.IDFromParts(full.ID.Order(), full.ID.Tail()^1))
			w.Audit()
		},
		"change only as they were expected to be": func(t *testing.T, w *World) {
			d := w.deliver(w.endpoint().Key)
			for _, u := range []store.DeliveryUpdate{
				{Delivery: d, FromState: store.DeliveryDead, FromDue: d.DueAt},
				{Delivery: d, FromAttempts: 1, FromDue: d.DueAt},
				{Delivery: d, FromDue: d.DueAt + 1},
				{Delivery: d},
				{Delivery: store.Delivery{ID: w.ID(), DueAt: 1}, FromDue: d.DueAt},
			} {
				w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.DeliveryUpdates = []store.DeliveryUpdate{u} })
			}
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.Deliveries = []store.Delivery{d} })
			w.refused(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.DeliveriesGone = []execution.ID{d.ID} })
			if got, _ := w.delivery(d.ID); *got != d {
				t.Errorf("%+v, want %+v", *got, d)
			}
		},
		"are due by destination": func(t *testing.T, w *World) {
			x := w.endpoint()
			at := func(destination int64, due execution.Time) execution.ID {
				return w.deliver(x.Key, func(d *store.Delivery) { d.Destination, d.DueAt = destination, due }).ID
			}
			a3, a1, a2, a9 := at(1, 30), at(1, 10), at(1, 20), at(1, 900)
			b1, c1 := at(5, 15), at(1<<63-1, 12)
			done := w.deliver(x.Key, func(d *store.Delivery) { d.Destination = 1; d.DueAt = 1 })
			w.attempted(done, ended(50))
			check := func(what string, q store.DueQuery, next execution.Time, more bool, want ...execution.ID) {
				t.Helper()
				page, err := w.Store.DueDeliveries(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if got := deliveryIDs(page.Due); !slices.Equal(got, want) || page.Next != next || page.More != more {
					t.Errorf("%s: %v, next %d, more %t, want %v, %d, %t", what, got, page.Next, page.More, want, next, more)
				}
			}
			q := store.DueQuery{Now: 100, Each: 10, Limit: 100}
			check("all", q, 900, false, a1, a2, a3, b1, c1)
			q.Each = 2
			check("two of each", q, 0, false, a1, a2, b1, c1)
			q.Each, q.Now = 10, 14
			check("earlier", q, 15, false, a1, c1)
			q.Now, q.Skip = 1000, []int64{5}
			check("without one", q, 0, false, a1, a2, a3, a9, c1)
			q.Skip, q.From = nil, 2
			check("from another on", q, 0, false, b1, c1, a1, a2, a3, a9)
			q.Part = store.Part{Index: 2, Of: 3}
			check("a third", q, 0, false, b1)
			q.Part = store.Part{Index: 1, Of: 3}
			check("another third", q, 0, false, c1, a1, a2, a3, a9)
			q.Part = store.Part{}
			q.Limit = 3
			check("three", q, 0, true, b1, c1, a1)
			q.Limit, q.From = 0, 0
			check("none", q, 0, false)
			b, err := w.Store.DeliveryBacklog(t.Context(), 100)
			if err != nil || b.Pending != 6 || b.Overdue != 10 {
				t.Errorf("backlog %+v, %v", b, err)
			}
			if b, err = w.Store.DeliveryBacklog(t.Context(), 9); err != nil || b.Pending != 6 || b.Overdue != 0 {
				t.Errorf("backlog before anything is due: %+v, %v", b, err)
			}
		},
		"are listed newest first": func(t *testing.T, w *World) {
			x, y := w.endpoint(), w.endpoint()
			id := w.Finished()
			a := w.deliver(x.Key)
			b := w.attempted(w.deliver(y.Key), ended(5))
			c := w.deliver(x.Key, func(d *store.Delivery) { d.Execution = id })
			d := w.attempted(w.deliver(x.Key), func(d *store.Delivery) { d.State, d.DueAt, d.EndedAt = store.DeliveryDead, 0, 6 })
			e := w.deliver(y.Key, func(d *store.Delivery) { d.Execution = id })
			for what, c := range map[string]struct {
				q    store.DeliveryQuery
				want []execution.ID
			}{
				"all":                    {store.DeliveryQuery{Limit: 10}, []execution.ID{e.ID, d.ID, c.ID, b.ID, a.ID}},
				"two":                    {store.DeliveryQuery{Limit: 2}, []execution.ID{e.ID, d.ID}},
				"older":                  {store.DeliveryQuery{Limit: 2, Before: d.ID}, []execution.ID{c.ID, b.ID}},
				"endpoint":               {store.DeliveryQuery{Limit: 10, Endpoint: x.Key}, []execution.ID{d.ID, c.ID, a.ID}},
				"execution":              {store.DeliveryQuery{Limit: 10, Execution: id}, []execution.ID{e.ID, c.ID}},
				"endpoint and execution": {store.DeliveryQuery{Limit: 10, Execution: id, Endpoint: y.Key}, []execution.ID{e.ID}},
				"states":                 {store.DeliveryQuery{Limit: 10, States: []store.DeliveryState{store.DeliveryDead, store.DeliveryDelivered}}, []execution.ID{d.ID, b.ID}},
				"state of an endpoint":   {store.DeliveryQuery{Limit: 10, Endpoint: x.Key, States: []store.DeliveryState{store.DeliveryDead}}, []execution.ID{d.ID}},
				"no such execution":      {store.DeliveryQuery{Limit: 10, Execution: execution.IDFromParts(id.Order(), id.Tail()^1)}, []execution.ID{}},
				"another project":        {store.DeliveryQuery{Limit: 10, Project: w.Project + 1000, Execution: id}, []execution.ID{}},
			} {
				if c.q.Project == 0 {
					c.q.Project = w.Project
				}
				list, err := w.Store.Deliveries(t.Context(), c.q)
				if got := deliveryIDs(list); err != nil || !slices.Equal(got, c.want) {
					t.Errorf("%s: %v, %v, want %v", what, got, err, c.want)
				}
			}
		},
		"go when they have ended": func(t *testing.T, w *World) {
			x, y := w.endpoint(), w.endpoint()
			now := w.Store.Now()
			old := w.attempted(w.deliver(x.Key), ended(50))
			dead := w.attempted(w.deliver(x.Key), func(d *store.Delivery) { d.State, d.DueAt, d.EndedAt = store.DeliveryDead, 0, 60 })
			late := w.attempted(w.deliver(x.Key), ended(now.Add(time.Hour)))
			w.deliver(x.Key)
			w.attempted(w.deliver(y.Key), ended(50))
			check := func(before execution.Time, limit int, want ...execution.ID) {
				t.Helper()
				got, err := w.Store.EndedDeliveries(t.Context(), x.Key, before, limit)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%v, %v, want %v", got, err, want)
				}
			}
			before := now.Add(30 * time.Minute)
			check(before, 10, old.ID, dead.ID)
			check(before, 1, old.ID)
			check(now.Add(2*time.Hour), 10, old.ID, late.ID, dead.ID)
			w.MustCommit(store.Need{}, func(_ *store.Loaded, tx *Tx) { tx.DeliveriesGone = []execution.ID{old.ID, dead.ID} })
			w.noDelivery(old.ID)
			check(before, 10)
			w.Audit()
		},
		"hold their execution, and go with it": func(t *testing.T, w *World) {
			callback := func(s *execution.Start) { s.Callback = 42 }
			kept, id := w.Start(callback), w.Start(callback)
			for _, id := range []execution.ID{kept, id} {
				w.Claim(id)
				if got := w.Get(id).Callback; got != 42 {
					t.Fatalf("callback %d, want 42", got)
				}
			}
			keptDelivery, d := w.CompleteWithCallback(kept), w.CompleteWithCallback(id)
			hook := w.deliver(w.endpoint().Key, func(d *store.Delivery) { d.Execution = id })
			far := w.Store.Now().Add(time.Hour)
			check := func(want ...execution.ID) {
				t.Helper()
				got, err := w.Store.Ended(t.Context(), w.Workflows[0], far, 10)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("ended %v, %v, want %v", got, err, want)
				}
			}
			check()
			w.attempted(d, ended(50))
			check()
			w.attempted(hook, ended(50))
			check(id)
			w.Audit()
			w.delete(id)
			w.noDelivery(d.ID)
			w.noDelivery(hook.ID)
			w.delivery(keptDelivery.ID)
			w.Audit()
		},
		"of a redacted execution stop and say nothing": func(t *testing.T, w *World) {
			id := w.Start(func(s *execution.Start) { s.Callback = 42 })
			w.Claim(id)
			d := w.CompleteWithCallback(id)
			d = w.attempted(d, func(d *store.Delivery) { d.Error = "Jane is not here" })
			sent := w.attempted(w.deliver(w.endpoint().Key, about(id), func(d *store.Delivery) { d.Endpoint = w.endpoint().Key }), ended(50))
			w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
				tx.Redact = append(tx.Redact, l.Executions[0])
				tx.Tombstones = append(tx.Tombstones, store.Tombstone{Project: w.Project, Execution: id, Redacted: true, At: l.Now})
			})
			got, attempts := w.delivery(d.ID)
			if got.State != store.DeliveryCancelled || got.DueAt != 0 || got.EndedAt == 0 || got.Error != "" || len(attempts) != 1 ||
				attempts[0].Excerpt != nil || attempts[0].Error != "" || attempts[0].Status != 500 {
				t.Errorf("delivery %+v, %+v", got, attempts)
			}
			if got, _ := w.delivery(sent.ID); got.State != store.DeliveryDelivered || got.EndedAt != 50 {
				t.Errorf("what was delivered became %+v", got)
			}
			w.Audit()
		},
	})
}
