package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// read loads what the need names, under lock.
func (t *transaction) read() error {
	n := t.need
	if len(n.Executions)+len(n.Steps)+len(n.Reservations)+len(n.Claims)+len(n.Files)+len(n.Deliveries)+len(n.Links)+len(n.Sessions) == 0 {
		t.result.Now = t.s.clock.Now()
		return nil
	}
	t.load = t.c.batch(context.Background())
	t.begin(t.load)
	ids := t.needRows()
	t.needSessions()
	t.needSteps()
	t.needReservations()
	t.needClaims()
	t.load.readFiles(n, &t.result)
	t.load.readDeliveries(n, &t.result)
	t.load.readLinks(n, &t.result)
	// The clock is read last: what held the locks before has its time behind it.
	asked := time.Now()
	var shown execution.Time
	t.load.add(clockStatement, nil, func(r *row) error {
		shown = r.timestamp()
		return nil
	}, nil)
	if _, err := t.load.run(); err != nil {
		return err
	}
	if t.s.database != nil {
		t.s.database.saw(asked, shown)
	}
	t.result.Now = max(t.s.clock.Now(), t.latest)
	t.s.clock.Advance(t.result.Now)
	return t.place(ids)
}

const (
	lockRows     = "SELECT " + rowColumns + " FROM executions WHERE id = ANY($1) ORDER BY id FOR UPDATE"
	lockSessions = sessionQuery + " WHERE key = ANY($1) ORDER BY key FOR UPDATE"
)

var (
	loadStatement         = prepare(lockRows + " SKIP LOCKED")
	loadWaitingStatement  = prepare(lockRows)
	thereStatement        = prepare("SELECT id FROM executions WHERE id = ANY($1)")
	loadSessionsStatement = prepare(lockSessions)
)

// needRows asks for the executions, each once and in the order of ids, in which all transactions lock them.
func (t *transaction) needRows() []execution.ID {
	if len(t.need.Executions) == 0 {
		return nil
	}
	ids := slices.Clone(t.need.Executions)
	slices.SortFunc(ids, compareIDs)
	ids = slices.Compact(ids)
	t.slab = make([]store.Row, 0, len(ids))
	s := loadStatement
	if t.s.options.NoSkipLocked {
		s = loadWaitingStatement
	}
	t.load.add(s, idArgs(ids), func(r *row) error {
		t.scanned(r)
		return nil
	}, nil)
	return ids
}

func compareIDs(a, b execution.ID) int { return slices.Compare(a[:], b[:]) }

func idArgs(ids []execution.ID) *args {
	return newArgs().ids(len(ids), func(i int) execution.ID { return ids[i] })
}

// place puts the rows where the need asked for them. One that is not there is either no execution or another server's at
// this moment.
func (t *transaction) place(ids []execution.ID) error {
	var missing []execution.ID
	for _, id := range ids {
		if t.rows[id].row == nil {
			missing = append(missing, id)
		}
	}
	busy := map[execution.ID]bool{}
	if len(missing) > 0 && !t.s.options.NoSkipLocked {
		b := t.c.batch(context.Background())
		b.add(thereStatement, idArgs(missing), func(r *row) error {
			busy[r.id()] = true
			return nil
		}, nil)
		if _, err := b.run(); err != nil {
			return err
		}
	}
	t.result.Executions = make([]*store.Row, len(t.need.Executions))
	for i, id := range t.need.Executions {
		t.result.Executions[i] = t.rows[id].row
		if busy[id] {
			if t.result.Busy == nil {
				t.result.Busy = make([]bool, len(t.need.Executions))
			}
			t.result.Busy[i] = true
		}
	}
	return nil
}

// scanned reads rowColumns, or finds the row that was read before.
func (t *transaction) scanned(r *row) *store.Row {
	if len(t.slab) == cap(t.slab) {
		t.slab = make([]store.Row, 0, 32)
	}
	t.slab = t.slab[:len(t.slab)+1]
	x := &t.slab[len(t.slab)-1]
	updated := scanRow(r, x)
	if l, ok := t.rows[x.ID]; ok {
		t.slab = t.slab[:len(t.slab)-1]
		return l.row
	}
	t.rows[x.ID] = loaded{x, x.Revision}
	t.latest = max(t.latest, updated)
	return x
}

// needSessions asks for worker sessions.
func (t *transaction) needSessions() {
	if len(t.need.Sessions) == 0 {
		return
	}
	found := map[int64]*store.Session{}
	t.load.add(loadSessionsStatement, newArgs().int64s(len(t.need.Sessions), func(i int) int64 { return t.need.Sessions[i] }), func(r *row) error {
		x := scanSession(r)
		found[x.Key] = &x
		return nil
	}, func(int64) error {
		t.result.Sessions = make([]*store.Session, len(t.need.Sessions))
		for i, key := range t.need.Sessions {
			t.result.Sessions[i] = found[key]
		}
		return nil
	})
}

// stepStatement finds the one record of a step. Its kinds are those of execution.EventKind.RecordsStep.
var stepStatement = prepare("SELECT g.n FROM unnest($1, $2) WITH ORDINALITY AS g (execution, step, n) WHERE EXISTS " +
	"(SELECT 1 FROM journal AS j WHERE j.execution = g.execution AND j.step = g.step AND j.kind IN (7, 9, 21))")

// needSteps asks which steps have their record.
func (t *transaction) needSteps() {
	n := len(t.need.Steps)
	if n == 0 {
		return
	}
	t.result.Recorded = make([]bool, n)
	a := newArgs().
		ids(n, func(i int) execution.ID { return t.need.Steps[i].Execution }).
		texts(n, func(i int) string { return t.need.Steps[i].Step })
	t.load.add(stepStatement, a, func(r *row) error {
		i := r.int64()
		if i < 1 || i > int64(n) {
			return fmt.Errorf("step %d of %d", i, n)
		}
		t.result.Recorded[i-1] = true
		return nil
	}, nil)
}
