package postgres

import (
	"encoding/binary"
	"errors"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

var feedStatement = prepare("INSERT INTO feed (generation, project, place, node, at, changes) " +
	"SELECT $1, g.project, nextval('feed_places'), $2, $3, g.changes FROM unnest($4, $5) AS g (project, changes)")

// told reports whether the transaction changed executions, as other servers must know.
func (t *transaction) told() bool { return len(t.changes.Insert)+len(t.changes.Update) > 0 }

// saveFeed tells those who follow what became of which executions: a row for each project.
func (t *transaction) saveFeed() {
	if !t.told() {
		return
	}
	var projects []int64
	changes := map[int64][]byte{}
	tell := func(x *store.Row, from int64) {
		b, ok := changes[x.Project]
		if !ok {
			projects = append(projects, x.Project)
		}
		changes[x.Project] = appendChange(b, x, from)
	}
	for _, x := range t.changes.Insert {
		tell(x, 0)
	}
	for i := range t.changes.Update {
		tell(t.changes.Update[i].Row, t.changes.Update[i].From)
	}
	slices.Sort(projects)
	t.save.add(feedStatement, newArgs().int64(t.s.generation).int64(t.s.node).int64(int64(t.result.Now)).
		int64s(len(projects), func(i int) int64 { return projects[i] }).
		blobs(len(projects), func(i int) []byte { return changes[projects[i]] }), nil, nil)
}

// change is what a feed's row tells of one execution: what became of it, and that the events with revisions above from were
// added.
type change struct {
	store.Change
	from int64
}

// The bits of a change.
const (
	changeReady = 1 << iota
	changeSolo
	changeCancelRequested
	changeActionable
	changeWoken
	changeSession // the session follows
	changeDue     // the due time follows
)

// appendChange writes what became of an execution: its id, status and flags, then workflow, revisions and what else there
// is as integers of variable length.
func appendChange(b []byte, x *store.Row, from int64) []byte {
	c := store.ChangeOf(x)
	flags := byte(0)
	for i, set := range [...]bool{c.Ready, c.Solo, c.CancelRequested, c.Actionable, c.Woken, c.Session != 0, c.DueAt != 0} {
		if set {
			flags |= 1 << i
		}
	}
	b = append(b, c.Execution[:]...)
	b = append(b, byte(c.Status), flags)
	b = binary.AppendUvarint(b, uint64(c.Workflow))
	b = binary.AppendUvarint(b, uint64(from))
	b = binary.AppendUvarint(b, uint64(c.Revision-from))
	if c.Session != 0 {
		b = binary.AppendUvarint(b, uint64(c.Session))
	}
	if c.DueAt != 0 {
		b = binary.AppendUvarint(b, uint64(c.DueAt))
	}
	return b
}

var errChange = errors.New("a row of the feed is damaged")

// eachChange reads what appendChange wrote.
func eachChange(b []byte, project int64, each func(*change) error) error {
	for len(b) > 0 {
		var c change
		if len(b) < len(execution.ID{})+2 {
			return errChange
		}
		b = b[copy(c.Execution[:], b):]
		flags := b[1]
		c.Project, c.Status = project, execution.Status(b[0])
		b = b[2:]
		c.Ready, c.Solo, c.CancelRequested = flags&changeReady != 0, flags&changeSolo != 0, flags&changeCancelRequested != 0
		c.Actionable, c.Woken = flags&changeActionable != 0, flags&changeWoken != 0
		bad := false
		number := func() int64 {
			n, width := binary.Uvarint(b)
			if width <= 0 {
				bad = true
				return 0
			}
			b = b[width:]
			return int64(n)
		}
		c.Workflow, c.from = number(), number()
		c.Revision = c.from + number()
		if flags&changeSession != 0 {
			c.Session = number()
		}
		if flags&changeDue != 0 {
			c.DueAt = execution.Time(number())
		}
		if bad {
			return errChange
		}
		if err := each(&c); err != nil {
			return err
		}
	}
	return nil
}
