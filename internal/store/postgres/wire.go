package postgres

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sojournhq/sojourn/internal/execution"
)

// args are the parameters of a statement in PostgreSQL's binary form. They are encoded here and not by pgx, which would
// box and reflect on each of the thousands of values of a batch.
type args struct {
	values [][]byte
	types  []uint32
	buf    []byte
}

func newArgs() *args { return new(args) }

// add ends a parameter that begins at the offset of buf. A buffer that grows leaves what came before where it was.
func (a *args) add(oid uint32, from int) *args {
	value := a.buf[from:len(a.buf):len(a.buf)]
	if value == nil {
		value = []byte{} // nil is NULL
	}
	a.values = append(a.values, value)
	a.types = append(a.types, oid)
	return a
}

func (a *args) null(oid uint32) *args {
	a.values, a.types = append(a.values, nil), append(a.types, oid)
	return a
}

func (a *args) int64(n int64) *args {
	from := len(a.buf)
	a.buf = binary.BigEndian.AppendUint64(a.buf, uint64(n))
	return a.add(pgtype.Int8OID, from)
}

// optional is an integer of which zero is NULL.
func (a *args) optional(n int64) *args {
	if n == 0 {
		return a.null(pgtype.Int8OID)
	}
	return a.int64(n)
}

// time is an instant of which zero is NULL.
func (a *args) time(t execution.Time) *args { return a.optional(int64(t)) }

func (a *args) int32(n int32) *args {
	from := len(a.buf)
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(n))
	return a.add(pgtype.Int4OID, from)
}

func (a *args) int16(n int16) *args {
	from := len(a.buf)
	a.buf = binary.BigEndian.AppendUint16(a.buf, uint16(n))
	return a.add(pgtype.Int2OID, from)
}

func (a *args) bool(b bool) *args {
	n := byte(0)
	if b {
		n = 1
	}
	return a.raw(pgtype.BoolOID, []byte{n})
}

func (a *args) float(f float64) *args {
	from := len(a.buf)
	a.buf = binary.BigEndian.AppendUint64(a.buf, math.Float64bits(f))
	return a.add(pgtype.Float8OID, from)
}

// raw is a value that has its binary form already.
func (a *args) raw(oid uint32, b []byte) *args {
	from := len(a.buf)
	a.buf = append(a.buf, b...)
	return a.add(oid, from)
}

// bytes is a bytea, NULL when it is nil.
func (a *args) bytes(b []byte) *args {
	if b == nil {
		return a.null(pgtype.ByteaOID)
	}
	return a.raw(pgtype.ByteaOID, b)
}

// text is a bytea of the string's bytes, as the tables keep the texts that callers choose.
func (a *args) text(s string) *args {
	from := len(a.buf)
	a.buf = append(a.buf, s...)
	return a.add(pgtype.ByteaOID, from)
}

// name is a text that PostgreSQL itself reads, such as the name of a channel.
func (a *args) name(s string) *args {
	from := len(a.buf)
	a.buf = append(a.buf, s...)
	return a.add(pgtype.TextOID, from)
}

func (a *args) id(id execution.ID) *args { return a.raw(pgtype.UUIDOID, id[:]) }

// shard is the shard of an id.
func (a *args) shard(id execution.ID) *args { return a.int16(int16(id.Shard())) }

// array begins an array of n elements and returns where it begins.
func (a *args) array(n int, element uint32) (from int) {
	from = len(a.buf)
	if n == 0 {
		a.buf = binary.BigEndian.AppendUint64(a.buf, 0) // no dimensions
		a.buf = binary.BigEndian.AppendUint32(a.buf, element)
		return from
	}
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1)
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1) // there may be NULLs
	a.buf = binary.BigEndian.AppendUint32(a.buf, element)
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(n))
	a.buf = binary.BigEndian.AppendUint32(a.buf, 1) // the first index
	return from
}

func (a *args) absent() { a.buf = binary.BigEndian.AppendUint32(a.buf, math.MaxUint32) }

func (a *args) element64(n uint64) {
	a.buf = binary.BigEndian.AppendUint32(a.buf, 8)
	a.buf = binary.BigEndian.AppendUint64(a.buf, n)
}

// int64s is an array of n integers.
func (a *args) int64s(n int, at func(int) int64) *args {
	from := a.array(n, pgtype.Int8OID)
	for i := range n {
		a.element64(uint64(at(i)))
	}
	return a.add(pgtype.Int8ArrayOID, from)
}

// optionals is an array of integers of which zero is NULL.
func (a *args) optionals(n int, at func(int) int64) *args {
	from := a.array(n, pgtype.Int8OID)
	for i := range n {
		if v := at(i); v != 0 {
			a.element64(uint64(v))
		} else {
			a.absent()
		}
	}
	return a.add(pgtype.Int8ArrayOID, from)
}

// times is an array of instants of which zero is NULL.
func (a *args) times(n int, at func(int) execution.Time) *args {
	return a.optionals(n, func(i int) int64 { return int64(at(i)) })
}

func (a *args) int32s(n int, at func(int) int32) *args {
	from := a.array(n, pgtype.Int4OID)
	for i := range n {
		a.buf = binary.BigEndian.AppendUint32(a.buf, 4)
		a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(at(i)))
	}
	return a.add(pgtype.Int4ArrayOID, from)
}

func (a *args) int16s(n int, at func(int) int16) *args {
	from := a.array(n, pgtype.Int2OID)
	for i := range n {
		a.buf = binary.BigEndian.AppendUint32(a.buf, 2)
		a.buf = binary.BigEndian.AppendUint16(a.buf, uint16(at(i)))
	}
	return a.add(pgtype.Int2ArrayOID, from)
}

// floats is an array of numbers of which NaN is NULL.
func (a *args) floats(n int, at func(int) float64) *args {
	from := a.array(n, pgtype.Float8OID)
	for i := range n {
		if v := at(i); math.IsNaN(v) {
			a.absent()
		} else {
			a.element64(math.Float64bits(v))
		}
	}
	return a.add(pgtype.Float8ArrayOID, from)
}

// blobs is an array of bytea of which nil is NULL.
func (a *args) blobs(n int, at func(int) []byte) *args {
	from := a.array(n, pgtype.ByteaOID)
	for i := range n {
		b := at(i)
		if b == nil {
			a.absent()
			continue
		}
		a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(b)))
		a.buf = append(a.buf, b...)
	}
	return a.add(pgtype.ByteaArrayOID, from)
}

func (a *args) elementText(s string) {
	a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(len(s)))
	a.buf = append(a.buf, s...)
}

// texts is an array of bytea of the strings' bytes.
func (a *args) texts(n int, at func(int) string) *args {
	from := a.array(n, pgtype.ByteaOID)
	for i := range n {
		a.elementText(at(i))
	}
	return a.add(pgtype.ByteaArrayOID, from)
}

// optionalTexts is an array of texts of which the empty one is NULL.
func (a *args) optionalTexts(n int, at func(int) string) *args {
	from := a.array(n, pgtype.ByteaOID)
	for i := range n {
		if s := at(i); s != "" {
			a.elementText(s)
		} else {
			a.absent()
		}
	}
	return a.add(pgtype.ByteaArrayOID, from)
}

// optionalUUIDs is an array of 16 bytes each, of which those that are not there are NULL.
func (a *args) optionalUUIDs(n int, at func(int) (id [16]byte, ok bool)) *args {
	from := a.array(n, pgtype.UUIDOID)
	for i := range n {
		if id, ok := at(i); ok {
			a.buf = binary.BigEndian.AppendUint32(a.buf, 16)
			a.buf = append(a.buf, id[:]...)
		} else {
			a.absent()
		}
	}
	return a.add(pgtype.UUIDArrayOID, from)
}

func (a *args) ids(n int, at func(int) execution.ID) *args {
	return a.optionalUUIDs(n, func(i int) ([16]byte, bool) { return at(i), true })
}

// shards is an array of the shards of ids.
func (a *args) shards(n int, at func(int) execution.ID) *args {
	return a.int16s(n, func(i int) int16 { return int16(at(i).Shard()) })
}

// row reads the columns of one row from left to right. The first column that is not as asked for leaves its error in err.
type row struct {
	values [][]byte
	next   int
	err    error
}

func (r *row) take() []byte {
	r.next++
	if r.next > len(r.values) {
		r.fail()
		return nil
	}
	return r.values[r.next-1]
}

func (r *row) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("column %d of %d is not of the type that is read", r.next, len(r.values))
	}
}

// null reports whether the next column is NULL, and passes by it if so.
func (r *row) null() bool {
	if r.next < len(r.values) && r.values[r.next] == nil {
		r.next++
		return true
	}
	return false
}

// skip passes by columns.
func (r *row) skip(n int) { r.next += n }

// int64 reads an integer of any width, NULL as zero.
func (r *row) int64() int64 {
	b := r.take()
	switch {
	case b == nil:
		return 0
	case len(b) == 8:
		return int64(binary.BigEndian.Uint64(b))
	case len(b) == 4:
		return int64(int32(binary.BigEndian.Uint32(b)))
	case len(b) == 2:
		return int64(int16(binary.BigEndian.Uint16(b)))
	}
	r.fail()
	return 0
}

func (r *row) int32() int32         { return int32(r.int64()) }
func (r *row) time() execution.Time { return execution.Time(r.int64()) }

// bool reads a boolean, NULL as false.
func (r *row) bool() bool {
	b := r.take()
	if len(b) > 1 {
		r.fail()
	}
	return len(b) == 1 && b[0] != 0
}

// float reads a number, NULL as NaN.
func (r *row) float() float64 {
	b := r.take()
	if b == nil {
		return math.NaN()
	}
	if len(b) != 8 {
		r.fail()
		return 0
	}
	return math.Float64frombits(binary.BigEndian.Uint64(b))
}

// text reads a bytea or a text, NULL as the empty string.
func (r *row) text() string { return string(r.take()) }

// bytes reads a copy of a bytea, nil when it is NULL or empty.
func (r *row) bytes() []byte {
	b := r.take()
	if len(b) == 0 {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// raw reads a column as it is. It is valid until the next row.
func (r *row) raw() []byte { return r.take() }

// id reads a uuid, NULL as zero.
func (r *row) id() (id execution.ID) {
	if b := r.take(); len(b) == len(id) {
		copy(id[:], b)
	} else if b != nil {
		r.fail()
	}
	return id
}

// hash reads a bytea of 32 bytes.
func (r *row) hash() (h [32]byte) {
	if b := r.take(); len(b) == len(h) {
		copy(h[:], b)
	} else {
		r.fail()
	}
	return h
}

// elements reads an array of one dimension and calls each for its elements, nil for NULL. It does nothing when the array
// itself is NULL.
func (r *row) elements(size func(n int), each func([]byte)) {
	b := r.take()
	if b == nil {
		return
	}
	n := 0
	switch {
	case len(b) >= 20 && binary.BigEndian.Uint32(b) == 1:
		n = int(binary.BigEndian.Uint32(b[12:]))
		b = b[20:]
	case len(b) < 12 || binary.BigEndian.Uint32(b) != 0:
		r.fail()
		return
	}
	size(n)
	for range n {
		if len(b) < 4 {
			r.fail()
			return
		}
		width := int(int32(binary.BigEndian.Uint32(b)))
		b = b[4:]
		if width < 0 {
			each(nil)
			continue
		}
		if len(b) < width {
			r.fail()
			return
		}
		each(b[:width:width])
		b = b[width:]
	}
}

// texts reads an array of texts, nil when it is NULL.
func (r *row) texts() (list []string) {
	r.elements(func(n int) { list = make([]string, 0, n) }, func(b []byte) { list = append(list, string(b)) })
	return list
}

// int64s reads an array of integers, nil when it is NULL.
func (r *row) int64s() (list []int64) {
	r.elements(func(n int) { list = make([]int64, 0, n) }, func(b []byte) {
		if len(b) != 8 {
			r.fail()
			return
		}
		list = append(list, int64(binary.BigEndian.Uint64(b)))
	})
	return list
}

// timestamp reads a timestamptz, to the microsecond.
func (r *row) timestamp() execution.Time {
	const epoch = 946_684_800_000_000 // of PostgreSQL, which counts from the year 2000
	return execution.Time(r.int64() + epoch)
}

// optional32s is an array of integers of which zero is NULL.
func (a *args) optional32s(n int, at func(int) int32) *args {
	from := a.array(n, pgtype.Int4OID)
	for i := range n {
		if v := at(i); v != 0 {
			a.buf = binary.BigEndian.AppendUint32(a.buf, 4)
			a.buf = binary.BigEndian.AppendUint32(a.buf, uint32(v))
		} else {
			a.absent()
		}
	}
	return a.add(pgtype.Int4ArrayOID, from)
}

// parameters are n parameters in SQL, the first with the number from.
func parameters(from, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(from + i))
	}
	return b.String()
}

// prefixed puts a prefix before each of the columns.
func prefixed(prefix, columns string) string {
	return prefix + strings.ReplaceAll(columns, ", ", ", "+prefix)
}
