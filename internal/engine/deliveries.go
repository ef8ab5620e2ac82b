package engine

import (
	"context"
	"errors"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// Delivery is one message on its way to one destination.
type Delivery = store.Delivery

// DeliveryAttempt is one request that was made for a delivery.
type DeliveryAttempt = store.DeliveryAttempt

// DeliveryState is how far a delivery is.
type DeliveryState = store.DeliveryState

// The states of a delivery.
const (
	DeliveryPending   = store.DeliveryPending
	DeliveryDelivered = store.DeliveryDelivered
	DeliveryDead      = store.DeliveryDead
	DeliveryCancelled = store.DeliveryCancelled
	DeliveryStates    = store.DeliveryStates
)

// deliverySlice bounds how many deliveries one command changes.
const deliverySlice = 256

// DeliveryView is a delivery as the API shows it.
type DeliveryView struct {
	Delivery
	EndpointID execution.ID // zero: a callback
	URL        string       // empty when the execution was redacted
	Log        []DeliveryAttempt
	Message    *Message // with Engine.Delivery alone; nil when it can no longer be made
}

// DeliveryFilter selects deliveries. Fields that are set must all hold.
type DeliveryFilter struct {
	Endpoint  execution.ID
	Execution execution.ID
	States    []DeliveryState // nil: all
	Before    execution.ID
	Limit     int
}

// Deliveries reads a page of deliveries of the caller's project, newest first.
func (e *Engine) Deliveries(ctx context.Context, c *Caller, f DeliveryFilter) (page []DeliveryView, more bool, err error) {
	q := store.DeliveryQuery{Project: c.Project, Execution: f.Execution, States: f.States, Before: f.Before, Limit: f.Limit + 1}
	if !f.Endpoint.IsZero() {
		x := e.catalog.Load().endpointIDs[f.Endpoint]
		if x == nil || x.Project != c.Project {
			return nil, false, nil
		}
		q.Endpoint = x.Key
	}
	list, err := e.store.Deliveries(ctx, q)
	if err != nil {
		return nil, false, err
	}
	if more = len(list) > f.Limit; more {
		list = list[:f.Limit]
	}
	page = make([]DeliveryView, len(list))
	for i := range list {
		page[i].Delivery = list[i]
		if err := e.resolve(ctx, &page[i]); err != nil {
			return nil, false, err
		}
	}
	return page, more, nil
}

// resolve looks up where a delivery goes.
func (e *Engine) resolve(ctx context.Context, v *DeliveryView) error {
	if v.Endpoint != 0 {
		if x := e.catalog.Load().endpoints[v.Endpoint]; x != nil {
			v.EndpointID, v.URL = x.ID, x.URL
		}
		return nil
	}
	row, err := e.store.Get(ctx, v.Project, v.Execution)
	var first *execution.Event
	if err == nil {
		first, _, err = e.store.Ends(ctx, row)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil // deleted, before or between the two reads
	}
	if err == nil {
		v.URL = parseDetails(first.Details).callback()
	}
	return err
}

// Delivery reads one delivery of the caller's project with its attempts and its message.
func (e *Engine) Delivery(ctx context.Context, c *Caller, id execution.ID) (*DeliveryView, error) {
	d, attempts, err := e.store.Delivery(ctx, c.Project, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound("delivery")
	}
	if err != nil {
		return nil, err
	}
	v := &DeliveryView{Delivery: *d, Log: attempts}
	if err := e.resolve(ctx, v); err != nil {
		return nil, err
	}
	v.Message, err = e.content(ctx, d)
	return v, err
}

// Redeliver makes a delivery go out now, whatever became of it. Its schedule of attempts begins anew.
func (e *Engine) Redeliver(ctx context.Context, c *Caller, id execution.ID) (*DeliveryView, error) {
	v, err := e.Delivery(ctx, c, id)
	if err != nil {
		return nil, err
	}
	if v.Endpoint != 0 {
		if x := e.catalog.Load().endpoints[v.Endpoint]; x == nil || x.DeletedAt != 0 {
			return nil, &Error{Code: CodeConflict, Message: "the endpoint of this delivery was deleted"}
		} else if x.Disabled != "" {
			return nil, &Error{Code: CodeConflict, Message: "the endpoint of this delivery is disabled; enable it first"}
		}
	}
	if v.URL == "" || v.Message == nil {
		return nil, &Error{Code: CodeConflict, Message: "the execution was redacted: there is nothing left to deliver"}
	}
	err = e.writeDeliveries(c.Project, []store.Delivery{v.Delivery}, func(t *tx, d *store.Delivery) {
		t.update(d, func(d *store.Delivery) {
			d.State, d.Base, d.DueAt, d.EndedAt = store.DeliveryPending, d.Attempts, t.now, 0
		})
	})
	if err != nil {
		return nil, err
	}
	e.outgoing.hint()
	return e.Delivery(ctx, c, id)
}

// TestEndpoint sends a message that tells nothing to an endpoint, once, also when it is disabled.
func (e *Engine) TestEndpoint(ctx context.Context, c *Caller, id execution.ID) (*DeliveryView, error) {
	x, err := e.findEndpoint(c, id)
	if err != nil {
		return nil, err
	}
	d := store.Delivery{ID: e.mint.id(), Project: c.Project, Endpoint: x.Key, Destination: x.destination, Type: store.MessageTest}
	err = e.writeIn(e.cellOf(d.ID), func(t *tx, _ []*store.Row) {
		d.At, d.DueAt = t.now, t.now
		t.changes.Deliveries = append(t.changes.Deliveries, d)
	})
	if err != nil {
		return nil, err
	}
	return e.Delivery(ctx, c, d.ID)
}

// update saves a loaded delivery as change leaves it.
func (t *tx) update(d *store.Delivery, change func(*store.Delivery)) {
	u := store.DeliveryUpdate{Delivery: *d, FromState: d.State, FromAttempts: d.Attempts, FromDue: d.DueAt}
	change(&u.Delivery)
	t.changes.DeliveryUpdates = append(t.changes.DeliveryUpdates, u)
	*d = u.Delivery // what else the transaction does to it, it does to this
}

// deliveryWrite is a command that changes deliveries.
type deliveryWrite struct {
	owner int64
	at    int // cell of the store
	list  []store.Delivery
	fill  func(t *tx, d *store.Delivery)
	begin func() // called each time before fill runs; may be nil
	first int
	done  chan error
}

func (w *deliveryWrite) project() int64 { return w.owner }

func (w *deliveryWrite) cell() int { return w.at }

func (w *deliveryWrite) weigh() (int, int) { return max(1, len(w.list)), 0 }

func (w *deliveryWrite) need(n *store.Need) {
	w.first = len(n.Deliveries)
	for i := range w.list {
		n.Deliveries = append(n.Deliveries, w.list[i].ID)
	}
}

func (w *deliveryWrite) decide(t *tx) {
	if w.begin != nil {
		w.begin()
	}
	for _, d := range t.loaded.Deliveries[w.first : w.first+len(w.list)] {
		if d != nil {
			w.fill(t, d)
		}
	}
}

func (w *deliveryWrite) settle(err error) { w.done <- err }

// writeDeliveries runs fill on those of the deliveries that are still there, as they are now, in one transaction for each
// cell of the store. Two commands of one batch may have the same delivery: the later one sees what the earlier one did.
func (e *Engine) writeDeliveries(project int64, list []store.Delivery, fill func(t *tx, d *store.Delivery)) error {
	var failed error
	for n, list := range e.deliveriesByCell(list) {
		w := &deliveryWrite{owner: project, at: n, list: list, fill: fill, done: make(chan error, 1)}
		if err := e.do(w, w.done); err != nil {
			failed = err
		}
	}
	return failed
}

// deliveriesByCell groups deliveries by the cell of the store that has them.
func (e *Engine) deliveriesByCell(list []store.Delivery) map[int][]store.Delivery {
	if e.celled == nil {
		return map[int][]store.Delivery{0: list}
	}
	groups := map[int][]store.Delivery{}
	for _, d := range list {
		n := e.cellOf(d.ID)
		groups[n] = append(groups[n], d)
	}
	return groups
}
