package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/signature"
	"github.com/sojournhq/sojourn/internal/store"
)

// DueQuery selects deliveries whose time has come; its Now is set by the engine.
type DueQuery = store.DueQuery

// DuePage is what a DueQuery selects.
type DuePage = store.DuePage

// outgoing wakes whoever sends messages.
type outgoing struct{ wake chan struct{} }

func (o *outgoing) hint() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Outgoing is signalled when there are new messages to send. One reader is woken by it.
func (e *Engine) Outgoing() <-chan struct{} { return e.outgoing.wake }

// DueDeliveries reads deliveries whose time has come.
func (e *Engine) DueDeliveries(ctx context.Context, q DueQuery) (*DuePage, error) {
	q.Now = e.store.Now()
	if e.cluster != nil {
		return e.cluster.dueDeliveries(ctx, q)
	}
	return e.store.DueDeliveries(ctx, q)
}

// TakeDeliveries gives deliveries to the caller alone for the lease, and returns those that nobody else has taken or
// ended since they were read. What the caller does not settle in time is due again.
func (e *Engine) TakeDeliveries(list []Delivery, lease time.Duration) ([]Delivery, error) {
	known := make(map[execution.ID]execution.Time, len(list))
	for i := range list {
		known[list[i].ID] = list[i].DueAt
	}
	var all []Delivery
	var failed error
	for n, list := range e.deliveriesByCell(list) {
		var taken []Delivery
		w := &deliveryWrite{at: n, list: list, begin: func() { taken = nil }, done: make(chan error, 1)}
		w.fill = func(t *tx, d *store.Delivery) {
			if d.State != store.DeliveryPending || d.DueAt != known[d.ID] {
				return
			}
			t.update(d, func(d *store.Delivery) { d.DueAt = t.now.Add(lease) })
			taken = append(taken, *d)
		}
		if err := e.do(w, w.done); err != nil {
			failed = err
			continue
		}
		all = append(all, taken...)
	}
	if len(all) > 0 {
		return all, nil // the rest is due again
	}
	return nil, failed
}

// ReturnDeliveries gives back what was taken and not tried: it is due at once.
func (e *Engine) ReturnDeliveries(list []Delivery) error {
	if len(list) == 0 {
		return nil
	}
	held := make(map[execution.ID]execution.Time, len(list))
	for i := range list {
		held[list[i].ID] = list[i].DueAt
	}
	return e.writeDeliveries(0, list, func(t *tx, d *store.Delivery) {
		if d.State == store.DeliveryPending && d.DueAt == held[d.ID] {
			t.update(d, func(d *store.Delivery) { d.DueAt = t.now })
		}
	})
}

// DeliveryOutcome is what an attempt leads to.
type DeliveryOutcome uint8

// The outcomes.
const (
	OutcomeFailed    DeliveryOutcome = iota // tried again at DeliveryResult.Next, or dead without it
	OutcomeDelivered                        // accepted
	OutcomeGone                             // the receiver wants nothing more: its endpoint is disabled
)

// DeliveryResult is how an attempt went.
type DeliveryResult struct {
	Delivery Delivery // as it was taken
	Outcome  DeliveryOutcome
	At       execution.Time // when the attempt began
	Took     time.Duration
	Status   int           // of the answer; 0: there was none
	Error    string        // why there was no good answer
	Excerpt  []byte        // how the answer's body begins
	Next     time.Duration // until the next attempt; 0: there is none
}

// SettleDelivery records an attempt. What else became of the delivery meanwhile stands: one that was cancelled stays so,
// and one that was asked for again goes out again.
func (e *Engine) SettleDelivery(ctx context.Context, r *DeliveryResult) error {
	err := e.writeDeliveries(r.Delivery.Project, []store.Delivery{r.Delivery}, func(t *tx, d *store.Delivery) {
		mine := d.State == store.DeliveryPending && d.DueAt == r.Delivery.DueAt
		t.update(d, func(d *store.Delivery) {
			d.Attempts++
			end := func(s store.DeliveryState) { d.State, d.DueAt, d.EndedAt = s, 0, t.now }
			accepted := r.Outcome == OutcomeDelivered
			if mine || accepted {
				d.Error = r.Error
			}
			switch {
			case accepted && (mine || d.State != store.DeliveryPending):
				end(store.DeliveryDelivered)
			case !mine:
			case r.Outcome == OutcomeFailed && r.Next > 0:
				d.DueAt = t.now.Add(r.Next)
			default:
				end(store.DeliveryDead)
			}
		})
		t.changes.DeliveryAttempts = append(t.changes.DeliveryAttempts, store.DeliveryAttempt{
			Delivery: d.ID, N: d.Attempts, At: r.At, Took: r.Took, Status: r.Status, Error: r.Error, Excerpt: r.Excerpt,
		})
	})
	if err != nil || r.Outcome != OutcomeGone || r.Delivery.Endpoint == 0 {
		return err
	}
	x := e.catalog.Load().endpoints[r.Delivery.Endpoint]
	if x == nil || !x.open() {
		return nil
	}
	x, err = e.changeEndpoint(x.Project, x.ID, func(record *store.Endpoint, _ *tx) error {
		record.Disabled = DisabledGone
		return nil
	})
	if err != nil {
		return fmt.Errorf("disable the endpoint: %w", err)
	}
	return e.cancelUnwanted(ctx, x)
}

// CancelDelivery ends a delivery that nobody wants any more.
func (e *Engine) CancelDelivery(d Delivery) error {
	return e.writeDeliveries(d.Project, []store.Delivery{d}, func(t *tx, d *store.Delivery) {
		if d.State == store.DeliveryPending {
			t.update(d, func(d *store.Delivery) { d.State, d.DueAt, d.EndedAt = store.DeliveryCancelled, 0, t.now })
		}
	})
}

// ErrUnwanted is a message that nobody wants any more: its endpoint is disabled or gone, or its execution was redacted
// or deleted.
var ErrUnwanted = errors.New("the message is no longer wanted")

// Message is what is sent to a receiver. It is made when it is sent, from what never changes: every attempt sends the
// same bytes.
type Message struct {
	Delivery
	EndpointID execution.ID // zero: a callback
	URL        string
	Secrets    []signature.Secret // the newest first; set by Engine.Message alone
	View       *View              // of the execution, without its input; nil: a test
}

// Message makes the message of a delivery, or returns ErrUnwanted.
func (e *Engine) Message(ctx context.Context, d *Delivery) (*Message, error) {
	m, err := e.content(ctx, d)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, ErrUnwanted
	}
	var secrets []SecretView
	if d.Endpoint != 0 {
		x := e.catalog.Load().endpoints[d.Endpoint]
		if x == nil || x.DeletedAt != 0 || x.Disabled != "" && d.Type != store.MessageTest {
			return nil, ErrUnwanted
		}
		secrets, err = e.secrets(secretOwner{x.Project, x.Key})
	} else {
		secrets, err = e.callbackSecrets(d.Project)
	}
	if err != nil {
		return nil, err
	}
	for _, s := range secrets {
		m.Secrets = append(m.Secrets, s.Secret)
	}
	if m.URL == "" || len(m.Secrets) == 0 {
		return nil, ErrUnwanted
	}
	return m, nil
}

// content puts a message together, nil when its execution is gone.
func (e *Engine) content(ctx context.Context, d *Delivery) (*Message, error) {
	m := &Message{Delivery: *d}
	if x := e.catalog.Load().endpoints[d.Endpoint]; x != nil {
		m.EndpointID, m.URL = x.ID, x.URL
	}
	if d.Execution.IsZero() {
		return m, nil
	}
	row, err := e.store.Get(ctx, d.Project, d.Execution)
	var first, last *execution.Event
	if err == nil {
		first, last, err = e.store.Ends(ctx, row)
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil // deleted, before or between the two reads
	}
	if err != nil {
		return nil, err
	}
	v := e.view(row, first, last)
	if d.Endpoint == 0 {
		m.URL = v.Details.callback()
	}
	// A workflow that is deleted later keeps its name here.
	if w := e.workflowOf(row.Workflow); w != nil {
		v.Workflow = &w.info
	}
	v.Input = nil
	if d.Type != store.MessageTerminal {
		v = frozen(v, d)
	}
	m.View = v
	return m, nil
}

// frozen is the execution as it was when the delivery was made: what the delivery keeps of it, and what never changes.
func frozen(v *View, d *Delivery) *View {
	x := &View{
		Execution: execution.Execution{
			ID: v.ID, Project: v.Project, Workflow: v.Execution.Workflow, Version: v.Version, Callback: v.Callback,
			Trigger: v.Trigger, Priority: v.Priority, Status: d.Status, Revision: d.Revision, Attempt: d.Attempt,
			DeadlineAt: v.DeadlineAt, Progress: math.NaN(),
		},
		Workflow: v.Workflow, WorkflowID: v.WorkflowID, VersionNumber: v.VersionNumber, Details: v.Details, Redacted: v.Redacted,
		CreatedAt: v.CreatedAt, ScheduledAt: v.ScheduledAt, Now: d.At,
	}
	if d.Attempt > 0 && v.StartedAt <= d.At {
		x.StartedAt = v.StartedAt
	}
	return x
}
