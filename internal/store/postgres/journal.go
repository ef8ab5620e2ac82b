package postgres

import (
	"context"
	"fmt"
	"math"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

const eventColumns = "revision, kind, at, actor, attempt, try, step, until, since, value, code, message, hash, status, details, body"

// scanEvent reads eventColumns.
func scanEvent(r *row, id execution.ID, e *execution.Event) {
	e.Execution = id
	e.Revision, e.Kind, e.At, e.Actor = r.int64(), execution.EventKind(r.int64()), r.time(), execution.UnpackActor(r.int64())
	e.Attempt, e.Try, e.Step = r.int32(), r.int32(), r.text()
	e.Until, e.Since, e.Value = r.time(), r.time(), nan2zero(r.float())
	e.Code, e.Message, e.Hash, e.Status = r.text(), r.text(), uint64(r.int64()), execution.Status(r.int64())
	e.Details, e.Body = r.bytes(), r.bytes()
}

var appendStatement = prepare("INSERT INTO journal (execution, shard, " + eventColumns + ") SELECT * FROM unnest(" + parameters(1, 18) + ")")

// saveEvents writes events into the journal.
func (t *transaction) saveEvents() error {
	events := t.changes.Events
	n := len(events)
	if n == 0 {
		return nil
	}
	t.ended = make(map[*store.Row]execution.Time, len(t.changes.Insert)+len(t.changes.Update))
	for i := range events {
		e := &events[i]
		if e.Execution != e.Row.ID {
			return refuse("event of execution %s is given for the row of %s", e.Execution, e.Row.ID)
		}
		t.ended[e.Row] = max(t.ended[e.Row], e.At)
	}
	filled := func(b []byte) []byte {
		if len(b) == 0 {
			return nil
		}
		return b
	}
	t.save.add(appendStatement, newArgs().
		ids(n, func(i int) execution.ID { return events[i].Execution }).
		shards(n, func(i int) execution.ID { return events[i].Execution }).
		int64s(n, func(i int) int64 { return events[i].Revision }).
		int16s(n, func(i int) int16 { return int16(events[i].Kind) }).
		int64s(n, func(i int) int64 { return int64(events[i].At) }).
		int64s(n, func(i int) int64 { return events[i].Actor.Pack() }).
		int32s(n, func(i int) int32 { return events[i].Attempt }).
		optional32s(n, func(i int) int32 { return events[i].Try }).
		optionalTexts(n, func(i int) string { return events[i].Step }).
		times(n, func(i int) execution.Time { return events[i].Until }).
		times(n, func(i int) execution.Time { return events[i].Since }).
		floats(n, func(i int) float64 {
			if events[i].Value == 0 {
				return math.NaN()
			}
			return events[i].Value
		}).
		optionalTexts(n, func(i int) string { return events[i].Code }).
		optionalTexts(n, func(i int) string { return events[i].Message }).
		optionals(n, func(i int) int64 { return int64(events[i].Hash) }).
		int16s(n, func(i int) int16 { return int16(events[i].Status) }).
		blobs(n, func(i int) []byte { return filled(events[i].Details) }).
		blobs(n, func(i int) []byte { return filled(events[i].Body) }), nil, nil)
	return nil
}

// Events reads events of an execution with a revision above after, in order, at most limit (0: all). Events later than
// the given row are not read. For an execution that was deleted meanwhile it returns store.ErrNotFound.
func (s *Store) Events(ctx context.Context, x *store.Row, after int64, limit int) ([]execution.Event, error) {
	after = max(after, 0)
	until := x.Revision
	if limit > 0 {
		until = min(until, after+int64(limit))
	}
	if until <= after {
		return nil, nil
	}
	events := make([]execution.Event, 0, until-after)
	err := s.query(ctx, "SELECT "+eventColumns+" FROM journal WHERE execution = $1 AND revision > $2 AND revision <= $3 ORDER BY revision",
		newArgs().id(x.ID).int64(after).int64(until), func() { events = events[:0] }, func(r *row) error {
			events = append(events, execution.Event{})
			scanEvent(r, x.ID, &events[len(events)-1])
			return nil
		})
	if err == nil && int64(len(events)) != until-after {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("events of execution %s: %w", x.ID, err)
	}
	return events, nil
}

const endsQuery = "SELECT execution, " + eventColumns + " FROM journal WHERE execution = $1 AND (revision = 1 OR revision = $2) ORDER BY revision"

// Ends reads the first event and, when the row is final, the last one.
func (s *Store) Ends(ctx context.Context, x *store.Row) (first, last *execution.Event, err error) {
	end := int64(1)
	if x.Status.Final() {
		end = x.Revision
	}
	err = s.query(ctx, endsQuery, newArgs().id(x.ID).int64(end), func() { first, last = nil, nil }, func(r *row) error {
		r.skip(1)
		e := new(execution.Event)
		scanEvent(r, x.ID, e)
		if e.Revision == 1 {
			first = e
		}
		if x.Status.Final() && e.Revision == end {
			last = e
		}
		return nil
	})
	if err == nil && (first == nil || last == nil && x.Status.Final()) {
		err = store.ErrNotFound
	}
	if err != nil {
		return nil, nil, fmt.Errorf("first and last event of execution %s: %w", x.ID, err)
	}
	return first, last, nil
}
