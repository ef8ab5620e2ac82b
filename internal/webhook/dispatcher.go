package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
)

// Config configures a Dispatcher. Zero fields mean the defaults.
type Config struct {
	Engine *engine.Engine // required
	Guard  *Guard         // required
	// Render writes the body of a message; required. It gives the same bytes for the same message.
	Render  func(*engine.Message) []byte
	Log     *slog.Logger // default: discards
	Metrics Metrics      // default: none
	Version string       // of the server, for the User-Agent
	TLS     *tls.Config  // default: the system's roots

	// Send replaces the request, for tests of the schedule.
	Send func(ctx context.Context, m *engine.Message, body []byte) (status int, retryAfter time.Duration)
}

// Metrics receives the dispatcher's measurements. Implementations are quick and safe for concurrent use.
type Metrics interface {
	// Attempted is one attempt to deliver a message: delivered, failed (there will be another), dead (there will be none)
	// or gone (the receiver wants no more).
	Attempted(outcome string, took time.Duration)
}

type noMetrics struct{}

func (noMetrics) Attempted(string, time.Duration) {}

// Limits of the dispatcher.
const (
	perDestination = 4   // messages to one destination at a time
	takeEach       = 4   // taken of one destination at once
	takeMost       = 256 // taken at once
	// refill is from how few messages of a destination on more are taken of it.
	refill = perDestination

	// lease is how long a taken message is left alone: longer than all that is taken of a destination needs at most. It is
	// how late a message is that a dying server had taken.
	lease = 40 * time.Second
	// lookEvery is the longest time between two looks at the outbox: the hint of a new message can be lost.
	lookEvery = 2 * time.Second
	// afterError is how long to wait when the outbox cannot be read.
	afterError = time.Second
)

// Dispatcher sends messages.
type Dispatcher struct {
	cfg    Config
	log    *slog.Logger
	sender *sender
	wake   chan struct{}
	from   int64 // the destination after which the next look begins

	mu           sync.Mutex
	destinations map[int64]*destination
	held         map[execution.ID]bool
	stopping     bool
	sending      sync.WaitGroup
	abort        context.Context // ends what is under way
	cut          context.CancelFunc
}

// destination is a host with the messages for it that were taken.
type destination struct {
	queue   []engine.Delivery
	running int
	more    bool // there may be more to take
	breaker breaker
}

// New makes a dispatcher. Nothing is sent before Run.
func New(cfg Config) (*Dispatcher, error) {
	if cfg.Engine == nil || cfg.Guard == nil || cfg.Render == nil {
		return nil, errors.New("webhook: Engine, Guard and Render are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Metrics == nil {
		cfg.Metrics = noMetrics{}
	}
	if cfg.TLS == nil {
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	d := &Dispatcher{
		cfg: cfg, log: cfg.Log, sender: newSender(cfg.Guard, cfg.Version, cfg.TLS), wake: make(chan struct{}, 1),
		destinations: map[int64]*destination{}, held: map[execution.ID]bool{},
	}
	d.abort, d.cut = context.WithCancel(context.Background())
	return d, nil
}

// Run sends messages until ctx ends, then gives back what was not tried and waits for what is under way, which takes at
// most 15 seconds; Abort ends it sooner. The engine must run longer than Run.
func (d *Dispatcher) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-d.cfg.Engine.Outgoing():
			timer.Reset(d.round(ctx))
		case <-d.wake:
			timer.Reset(d.round(ctx))
		case <-timer.C:
			timer.Reset(d.round(ctx))
		}
	}
	d.mu.Lock()
	d.stopping = true
	var back []engine.Delivery
	for _, x := range d.destinations {
		back = append(back, d.drop(x)...)
	}
	d.mu.Unlock()
	d.giveBack(back)
	d.sending.Wait()
	d.cut()
	d.sender.client.CloseIdleConnections()
}

// Abort ends the requests under way, after which Run must end too. What they were about is due again when the next server runs.
func (d *Dispatcher) Abort() {
	d.mu.Lock()
	d.stopping = true
	d.mu.Unlock()
	d.cut()
}

// drop takes the messages that wait for a destination; d.mu is held.
func (d *Dispatcher) drop(x *destination) []engine.Delivery {
	list := x.queue
	x.queue = nil
	for i := range list {
		delete(d.held, list[i].ID)
	}
	return list
}

func (d *Dispatcher) giveBack(list []engine.Delivery) {
	if err := d.cfg.Engine.ReturnDeliveries(list); err != nil {
		d.log.Warn("could not give back messages; they are due again when their lease ends", "messages", len(list), "error", err)
	}
}

func (d *Dispatcher) hint() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// round takes messages whose time has come and starts to send them. It returns when to look again.
func (d *Dispatcher) round(ctx context.Context) time.Duration {
	now := time.Now()
	skip, wait := d.busy(now)
	page, err := d.cfg.Engine.DueDeliveries(ctx, engine.DueQuery{Skip: skip, Each: takeEach, Limit: takeMost, From: d.from})
	if err != nil {
		if ctx.Err() == nil {
			d.log.Error("could not read the outbox", "error", err)
		}
		return afterError
	}
	d.from = page.Last + 1
	due := page.Due[:0]
	d.mu.Lock()
	for i := range page.Due {
		if !d.held[page.Due[i].ID] {
			due = append(due, page.Due[i])
		} else if x := d.destinations[page.Due[i].Destination]; x != nil {
			x.more = true // it was asked for again while it is under way
		}
	}
	d.mu.Unlock()
	if len(due) > 0 {
		taken, err := d.cfg.Engine.TakeDeliveries(due, lease)
		if err != nil {
			d.log.Error("could not take messages from the outbox", "error", err)
			return afterError
		}
		d.accept(taken)
	}
	if page.More {
		return 0
	}
	if page.Next != 0 {
		wait = min(wait, max(page.Next.Sub(d.cfg.Engine.Now()), time.Millisecond))
	}
	return wait
}

// busy are the destinations for which nothing more is taken now, and how long until that may change by time alone.
func (d *Dispatcher) busy(now time.Time) (skip []int64, wait time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	wait = lookEvery
	for n, x := range d.destinations {
		switch {
		case x.breaker.tripped():
			if !x.breaker.allows(now) || len(x.queue)+x.running > 0 {
				skip = append(skip, n)
			}
			if left := x.breaker.until.Sub(now); left > 0 {
				wait = min(wait, left)
			}
		case len(x.queue)+x.running >= refill:
			skip = append(skip, n)
			x.more = true
		case len(x.queue)+x.running == 0 && x.breaker.forgotten(now):
			delete(d.destinations, n)
		}
	}
	return skip, wait
}

// accept starts what was taken.
func (d *Dispatcher) accept(taken []engine.Delivery) {
	now := time.Now()
	d.mu.Lock()
	var back []engine.Delivery
	for i := range taken {
		n := taken[i].Destination
		x := d.destinations[n]
		if x == nil {
			x = &destination{}
			d.destinations[n] = x
		}
		if x.breaker.tripped() && (!x.breaker.allows(now) || len(x.queue)+x.running > 0) {
			back = append(back, taken[i]) // one message is enough to see whether it is well again
			continue
		}
		d.held[taken[i].ID] = true
		x.queue = append(x.queue, taken[i])
		x.more = x.more || len(x.queue) >= takeEach
	}
	for i := range taken {
		d.start(d.destinations[taken[i].Destination], now)
	}
	d.mu.Unlock()
	d.giveBack(back)
}

// start sends as much as a destination may have at a time; d.mu is held.
func (d *Dispatcher) start(x *destination, now time.Time) {
	for !d.stopping && len(x.queue) > 0 && x.running < perDestination && x.breaker.allows(now) {
		next := x.queue[0]
		x.queue = x.queue[1:]
		x.running++
		trial := x.breaker.begin()
		d.sending.Go(func() { d.deliver(x, next, trial) })
	}
}

// deliver makes one attempt and records it.
func (d *Dispatcher) deliver(x *destination, one engine.Delivery, trial bool) {
	well := d.attempt(&one)
	now := time.Now()
	d.mu.Lock()
	delete(d.held, one.ID)
	x.running--
	x.more = x.more || trial && well
	var back []engine.Delivery
	if x.breaker.end(trial, well, now) {
		back = d.drop(x)
	}
	d.start(x, now)
	again := x.more && len(x.queue)+x.running < refill
	if again {
		x.more = false
	}
	d.mu.Unlock()
	d.giveBack(back)
	if again {
		d.hint()
	}
}

// attempt sends a message and records how it went. It reports whether the receiver seems able to take more.
func (d *Dispatcher) attempt(one *engine.Delivery) (well bool) {
	e := d.cfg.Engine
	log := d.log.With("delivery", one.ID.Text(execution.PrefixEvent))
	m, err := e.Message(context.Background(), one)
	if errors.Is(err, engine.ErrUnwanted) {
		if err := e.CancelDelivery(*one); err != nil {
			log.Warn("could not cancel a message that nobody wants", "error", err)
		}
		return true
	}
	r := engine.DeliveryResult{Delivery: *one, At: e.Now()}
	began := time.Now()
	var a answer
	if err != nil {
		log.Error("could not make a message", "error", err)
		a.problem, well = "the server could not make the message", true
	} else {
		a = d.send(m)
		well = !a.unwell()
	}
	if a.stopped {
		d.giveBack([]engine.Delivery{*one})
		return true
	}
	_ = failpoint.Hit(failpoint.MessageSent)
	r.Took, r.Status, r.Error, r.Excerpt = time.Since(began), a.status, a.problem, a.excerpt
	outcome := "dead"
	switch {
	case a.accepted():
		r.Outcome, outcome = engine.OutcomeDelivered, "delivered"
	case a.status == 410:
		r.Outcome, outcome = engine.OutcomeGone, "gone"
	case one.Type != engine.MessageTest:
		if r.Next = nextAttempt(one.Attempts-one.Base+1, a.retryAfter, rand.Float64()); r.Next > 0 {
			outcome = "failed"
		}
	}
	if err := e.SettleDelivery(context.Background(), &r); err != nil {
		log.Warn("could not record an attempt; the message is sent again when its lease ends", "error", err)
	}
	d.cfg.Metrics.Attempted(outcome, r.Took)
	log.Debug("message", "outcome", outcome, "status", a.status, "attempt", one.Attempts+1, "took", r.Took)
	return well
}

func (d *Dispatcher) send(m *engine.Message) answer {
	body := d.cfg.Render(m)
	if d.cfg.Send == nil {
		return d.sender.send(d.abort, m, body)
	}
	a := answer{}
	a.status, a.retryAfter = d.cfg.Send(d.abort, m, body)
	a.stopped = a.status == 0 && d.abort.Err() != nil
	if a.status < 200 || a.status > 299 {
		a.problem = fmt.Sprintf("the receiver answered %d", a.status)
	}
	return a
}
