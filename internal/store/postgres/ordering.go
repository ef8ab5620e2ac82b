package postgres

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// This file alone knows in which order commits follow each other, and uses what no other database has for it.
//
// The rows of the feed have the id of their transaction. Ids are given at the first lock and do not follow the order of
// commits, so nobody can read on behind the highest id seen: rows with lower ids may still come. What PostgreSQL can tell
// is which transactions a snapshot sees. A reader's place is therefore a snapshot, and what lies behind it are the rows
// of transactions that it does not see: those that ran when it was taken and those that began later. A transaction that
// runs for long holds nobody up. A snapshot that sees a transaction sees all that this one had seen, so that no change of
// an execution is read before an earlier one; within the rows between two snapshots the order is that of places, which
// transactions draw when they have all their locks.
//
// Between two snapshots there may be more than one page. Then the page's place has both, and how far it came between them.

// snapshot says of each transaction whether its commit is to be seen.
type snapshot struct {
	xmax    uint64   // this one and those above were not finished
	running []uint64 // those below that were not finished, ascending
}

// sees reports whether the snapshot sees what the transaction committed.
func (s snapshot) sees(xid uint64) bool {
	if xid >= s.xmax {
		return false
	}
	_, running := slices.BinarySearch(s.running, xid)
	return !running
}

// snapshot reads a pg_snapshot.
func (r *row) snapshot() (s snapshot) {
	b := r.raw()
	if len(b) < 20 {
		if b != nil {
			r.fail()
		}
		return s
	}
	n := int(binary.BigEndian.Uint32(b))
	s.xmax = binary.BigEndian.Uint64(b[12:])
	if len(b) != 20+8*n {
		r.fail()
		return s
	}
	for b = b[20:]; len(b) > 0; b = b[8:] {
		s.running = append(s.running, binary.BigEndian.Uint64(b))
	}
	return s
}

// place is how far a reader of the feed came: it has read all that the snapshot sees. With until it is on the way to that
// snapshot, and has read of what lies between them the rows before row, and of row itself the first entries.
type place struct {
	seen    snapshot
	until   *snapshot
	row     int64
	entries int
}

const (
	oidXID8      = 5069
	oidXID8Array = 271
)

func (a *args) xid(x uint64) *args { return a.raw(oidXID8, binary.BigEndian.AppendUint64(nil, x)) }

func (a *args) xids(list []uint64) *args {
	from := a.array(len(list), oidXID8)
	for _, x := range list {
		a.element64(x)
	}
	return a.add(oidXID8Array, from)
}

// feedRow is a row of the feed.
type feedRow struct {
	xid      uint64
	place    int64
	project  int64
	at       execution.Time
	snapshot snapshot // of its transaction
	changes  []byte
}

const feedColumns = "xid, place, project, at, snapshot, changes"

func (r *row) feedRow() feedRow {
	return feedRow{uint64(r.int64()), r.int64(), r.int64(), r.time(), r.snapshot(), r.bytes()}
}

// feedRows reads the rows behind a place that the condition selects, with the parameters $1 to $5 as placeArgs has them.
// At most a page of them are of transactions that began after the place's snapshot, those with the lowest ids.
func feedRows(columns, condition string) string {
	from := "SELECT " + columns + " FROM feed WHERE generation = $1 AND " + condition + " AND "
	return from + "xid = ANY($2) UNION ALL (" + from + "xid >= $3 AND xid < $4 ORDER BY generation, xid LIMIT $5)"
}

// placeArgs are the first parameters of a query with feedRows.
func (s *Store) placeArgs(p *place, page int) *args {
	end, limit := uint64(math.MaxUint64), int64(page)
	if p.until != nil {
		end, limit = p.until.xmax, math.MaxInt64
	}
	return newArgs().int64(s.generation).xids(p.seen.running).xid(p.seen.xmax).xid(end).int64(limit)
}

// between finds among the rows behind a place those up to the place's goal, in the order in which they are to be read. A
// place without a goal gets one: the snapshot that read the rows, or when they filled the page one that sees a part of
// them only. ok is false when the page is too small for that.
func (p *place) between(rows []feedRow, now snapshot, page int) (_ []feedRow, more, ok bool) {
	switch tail := slices.DeleteFunc(slices.Clone(rows), func(r feedRow) bool { return r.xid < p.seen.xmax }); {
	case p.until != nil:
		more = true
	case len(tail) < page:
		p.until = &now
	default:
		// Any snapshot that a transaction among them had will do, if the page has all that it sees.
		last := tail[0].xid
		for i := range tail {
			last = max(last, tail[i].xid)
		}
		for i := range tail {
			s := &tail[i].snapshot
			if s.xmax <= last+1 && (p.until == nil || s.xmax > p.until.xmax) &&
				slices.ContainsFunc(rows, func(r feedRow) bool { return s.sees(r.xid) && !p.seen.sees(r.xid) }) {
				p.until = s
			}
		}
		if p.until == nil {
			return nil, true, false
		}
		more = true
	}
	set := slices.DeleteFunc(rows, func(r feedRow) bool { return !p.until.sees(r.xid) || p.seen.sees(r.xid) || r.place < p.row })
	slices.SortFunc(set, func(a, b feedRow) int { return cmp.Compare(a.place, b.place) })
	return set, more, true
}

// arrive is the place when all up to the goal was read.
func (p *place) arrive() { *p = place{seen: *p.until} }

// timeline is what tells the places of one timeline from those of others. The epoch does not follow from it.
func (s *Store) timeline() uint32 {
	return uint32((s.epoch ^ uint64(s.generation)<<40) * 0x9e3779b97f4a7c15 >> 32)
}

// cursor writes a place: a version, the timeline, and the place's numbers.
func (s *Store) cursor(p *place) store.Cursor {
	b := make([]byte, 0, 48)
	b = append(b, 1)
	b = binary.BigEndian.AppendUint32(b, s.timeline())
	b = appendSnapshot(b, &p.seen)
	if p.until != nil {
		b = appendSnapshot(b, p.until)
		b = binary.AppendUvarint(b, uint64(p.row))
		b = binary.AppendUvarint(b, uint64(p.entries))
	}
	return store.Cursor(base64.RawURLEncoding.EncodeToString(b))
}

func appendSnapshot(b []byte, s *snapshot) []byte {
	b = binary.AppendUvarint(b, s.xmax)
	b = binary.AppendUvarint(b, uint64(len(s.running)))
	for _, x := range s.running {
		b = binary.AppendUvarint(b, s.xmax-x)
	}
	return b
}

var errNoCursor = fmt.Errorf("postgres: %w", store.ErrCursor)

// place reads what cursor wrote, of this timeline.
func (s *Store) place(c store.Cursor) (*place, error) {
	b, err := base64.RawURLEncoding.DecodeString(string(c))
	if err != nil || len(b) < 7 || b[0] != 1 || binary.BigEndian.Uint32(b[1:]) != s.timeline() {
		return nil, errNoCursor
	}
	b = b[5:]
	number := func() uint64 {
		n, width := binary.Uvarint(b)
		if width <= 0 {
			err = errNoCursor
			b = nil
			return 0
		}
		b = b[width:]
		return n
	}
	read := func() (x snapshot) {
		x.xmax = number()
		n := number()
		if n > uint64(len(b)) {
			err = errNoCursor
			return x
		}
		for range n {
			x.running = append(x.running, x.xmax-number())
		}
		return x
	}
	p := &place{seen: read()}
	if len(b) > 0 {
		until := read()
		p.until = &until
		p.row, p.entries = int64(number()), int(number())
	}
	if err != nil || s.cursor(p) != c {
		return nil, errNoCursor
	}
	return p, nil
}

// order makes sure that the transactions to come are behind those of the feed. In data that was brought to another server
// as a dump the ids of transactions are those of the old one, which say nothing here: then the timeline ends, and another
// generation of the feed begins.
func (s *Store) order(ctx context.Context, c *conn) error {
	foreign := false
	if err := c.query(ctx, "SELECT xid >= pg_snapshot_xmax(pg_current_snapshot()) FROM feed "+
		"WHERE generation = (SELECT value FROM meta WHERE name = 'generation') ORDER BY generation DESC, xid DESC LIMIT 1", nil, func(r *row) error {
		foreign = r.bool()
		return nil
	}); err != nil || !foreign {
		return err
	}
	return fence(ctx, c)
}

// fence begins another timeline: servers that have the database open fail at their next commit, leases and cursors of the
// old timeline are refused.
func fence(ctx context.Context, c *conn) error {
	var b [8]byte
	_, _ = rand.Read(b[:])
	epoch := int64(binary.LittleEndian.Uint64(b[:])>>1) | 1
	err := c.query(ctx, "UPDATE meta SET value = CASE name WHEN 'epoch' THEN $1 ELSE value + 1 END WHERE name IN ('epoch', 'generation')",
		newArgs().int64(epoch), nil)
	if err != nil {
		return fmt.Errorf("begin another timeline: %w", err)
	}
	return nil
}

// fenceStatement refuses to go on in a timeline that has ended.
var fenceStatement = prepare("SELECT 1 / count(*) FROM meta WHERE name = 'epoch' AND value = $1")

var errFenced = fmt.Errorf("%w: the timeline of the data has ended: it was restored, or begun anew, while this server had it open", store.ErrFailed)
