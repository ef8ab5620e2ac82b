package postgres

import (
	"math"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// floor is a time before which nothing lives in an index of what waits for its time: the queue of a workflow, or timers. A
// snapshot that somebody holds for long keeps all that ever died there, and a read from the index's beginning passes it
// each time, more from minute to minute; a read from the floor does not. The floor is this server's own: what reads find
// raises it, what is written below it lowers it, and now and then a read passes it over, for what nobody told of.
type floor struct {
	mu     sync.Mutex
	at     execution.Time
	reads  map[*looking]struct{}
	writes map[*transaction]execution.Time // the earliest time in each that is under way
	looked time.Time                       // when a read passed the floor over
	took   time.Duration                   // by that read
}

const (
	// floorGrace is how far behind the clock the floor of the deliveries stays, of which nobody tells what other servers write:
	// how long a commit may take, whose times are those of its beginning.
	floorGrace = time.Minute
	// floorEvery is how often a floor is passed over, unless that takes more than one part of floorShare of the time.
	floorEvery = 10 * time.Second
	floorShare = 100
	// never is later than every time.
	never execution.Time = math.MaxInt64
)

// looking is a read of an index.
type looking struct {
	floor *floor
	from  execution.Time // where it begins; zero: at the beginning
	low   execution.Time // the earliest time that was written meanwhile, which it may not have seen
	began time.Time
}

// look begins a read. It must be ended.
func (f *floor) look() *looking {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := &looking{floor: f, from: f.at, low: never, began: time.Now()}
	if l.began.Sub(f.looked) > max(floorEvery, floorShare*f.took) {
		l.from = 0
	}
	for _, at := range f.writes {
		l.low = min(l.low, at)
	}
	if f.reads == nil {
		f.reads = map[*looking]struct{}{}
	}
	f.reads[l] = struct{}{}
	return l
}

// found ends a read that came to its end. Nothing lives from where it began to the given time, as far as it saw; zero means
// that it cannot tell.
func (l *looking) found(to execution.Time) {
	f := l.floor
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.reads, l)
	if l.from == 0 {
		f.looked = time.Now()
		f.took = f.looked.Sub(l.began)
	}
	if to == 0 {
		return
	}
	if to = min(to, l.low); l.from == 0 || to > f.at {
		f.at = to
	}
}

// end ends a read that came to nothing. After found it does nothing.
func (l *looking) end() {
	l.floor.mu.Lock()
	defer l.floor.mu.Unlock()
	delete(l.floor.reads, l)
}

// lower makes room for a time, also in what reads that are under way will find.
func (f *floor) lower(to execution.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = min(f.at, to)
	for l := range f.reads {
		l.low = min(l.low, to)
	}
}

// lower makes room for a time that the transaction writes. Until it has ended reads may not see it.
func (t *transaction) lower(f *floor, to execution.Time) {
	f.mu.Lock()
	if at, ok := f.writes[t]; ok {
		to = min(to, at)
	} else {
		t.lowered = append(t.lowered, f)
	}
	if f.writes == nil {
		f.writes = map[*transaction]execution.Time{}
	}
	f.writes[t] = to
	f.mu.Unlock()
	f.lower(to)
}

// settled ends what the transaction has to do with floors.
func (t *transaction) settled() {
	for _, f := range t.lowered {
		f.mu.Lock()
		delete(f.writes, t)
		f.mu.Unlock()
	}
	for _, l := range t.looks {
		l.end()
	}
}

// floors are those of one database.
type floors struct {
	due, deliveries floor
	mu              sync.Mutex
	queues          map[queueKey]*floor
	shards          [store.Shards]store.ShardState // when the seat was last read
}

// queueKey names what is asked for of a queue.
type queueKey struct {
	workflow int64
	solo     store.SoloChoice
}

func (f *floors) queue(workflow int64, solo store.SoloChoice) *floor {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := queueKey{workflow, solo}
	q := f.queues[key]
	if q == nil {
		if f.queues == nil {
			f.queues = map[queueKey]*floor{}
		}
		q = new(floor)
		f.queues[key] = q
	}
	return q
}

// makeRoom lowers the floors for all that the transaction writes.
func (t *transaction) makeRoom() {
	f, due, sent := &t.s.floors, never, never
	ready := map[int64]execution.Time{}
	row := func(x *store.Row) {
		if at := x.DueAt(); at != 0 {
			due = min(due, at)
		}
		if x.ReadyAt != 0 {
			at, ok := ready[x.Workflow]
			if !ok || x.ReadyAt < at {
				ready[x.Workflow] = x.ReadyAt
			}
		}
	}
	for _, x := range t.changes.Insert {
		row(x)
	}
	for i := range t.changes.Update {
		row(t.changes.Update[i].Row)
	}
	delivery := func(d *store.Delivery) {
		if d.DueAt != 0 {
			sent = min(sent, d.DueAt)
		}
	}
	for i := range t.changes.Deliveries {
		delivery(&t.changes.Deliveries[i])
	}
	for i := range t.changes.DeliveryUpdates {
		delivery(&t.changes.DeliveryUpdates[i].Delivery)
	}
	for workflow, at := range ready {
		for solo := range store.SoloOnly + 1 {
			t.lower(f.queue(workflow, solo), at)
		}
	}
	if due != never {
		t.lower(&f.due, due)
	}
	if sent != never {
		t.lower(&f.deliveries, sent)
	}
}

// told lowers the floors for what another server committed with times of the given one.
func (f *floors) told(c *store.Change, at execution.Time) {
	if c.DueAt != 0 {
		f.due.lower(c.DueAt)
	}
	if c.Ready {
		for solo := range store.SoloOnly + 1 {
			f.queue(c.Workflow, solo).lower(at)
		}
	}
}

// seated puts all floors down when shards have come or gone: what comes with one has waited elsewhere.
func (f *floors) seated(x *store.Seat) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x == nil || x.Shards == f.shards {
		return
	}
	f.shards = x.Shards
	f.due.lower(0)
	f.deliveries.lower(0)
	for _, q := range f.queues {
		q.lower(0)
	}
}
