package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/failpoint"
	"github.com/sojournhq/sojourn/internal/store"
)

// writer is the one connection that writes, with its statements and the memory it reuses from commit to commit.
type writer struct {
	mu   sync.Mutex // held by the commit under way, for all below
	s    *Store
	conn *sqlite.Conn

	begin, commit, rollback              *stmt
	load, claim, solo, input, step       *stmt
	reserve, reserved, insert            *stmt
	appendStmt, count, countGone, metaUp *stmt
	update                               [changesAll + 1]*stmt
	others                               map[string]*stmt

	seq          int64  // the latest position in the journal
	sweep        string // where the last sweep of idempotency keys stopped, with its project
	sweepProject int64

	frames int   // how long the log is, by estimate
	failed error // why the store can no longer be written

	// Of the transaction under way.
	rows    map[int64]loaded
	letters map[int64]*store.Delivery
	slab    []store.Row
	claimed int64 // payload bytes read for claims
	result  store.Loaded
	extends []extended
	counts  []counter
	logs    map[logGroup]int32
}

// loaded is a row as it was read.
type loaded struct {
	row      *store.Row
	revision int64
	indexed  indexed
}

// extended is a row whose history grew, with where it ended before.
type extended struct {
	row         *store.Row
	first, last int64
}

func newWriter(s *Store, conn *sqlite.Conn) (*writer, error) {
	w := &writer{s: s, conn: conn, others: map[string]*stmt{}, rows: map[int64]loaded{}, letters: map[int64]*store.Delivery{}, logs: map[logGroup]int32{}}
	for _, q := range []struct {
		into  **stmt
		query string
	}{
		{&w.begin, "BEGIN IMMEDIATE"},
		{&w.commit, "COMMIT"},
		{&w.rollback, "ROLLBACK"},
		{&w.load, getQuery},
		{&w.claim, claimQuery},
		{&w.solo, soloQuery},
		{&w.input, inputQuery},
		{&w.step, stepQuery},
		{&w.reserve, reserveQuery},
		{&w.reserved, reservedQuery},
		{&w.insert, insertQuery},
		{&w.appendStmt, appendQuery},
		{&w.count, countQuery},
		{&w.countGone, countGoneQuery},
		{&w.metaUp, "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"},
	} {
		var err error
		if *q.into, err = prepare(conn, q.query); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// prepared is a statement that is not needed often enough to have a field.
func (w *writer) prepared(query string) (*stmt, error) {
	if s := w.others[query]; s != nil {
		return s, nil
	}
	s, err := prepare(w.conn, query)
	if err == nil {
		w.others[query] = s
	}
	return s, err
}

func (w *writer) close() error { return w.conn.Close() }

func (w *writer) saveMeta(name string, value int64) error {
	w.metaUp.setText(1, name)
	w.metaUp.setInt(2, value)
	return w.metaUp.run()
}

// Commit runs one durable write transaction.
func (s *Store) Commit(ctx context.Context, need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	w := s.writer
	if w == nil {
		return errors.New("sqlite: the store is open for reading only")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed == nil {
		w.failed = s.check.err()
	}
	if w.failed != nil {
		return w.failed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	err := w.run(need, decide)
	if errors.Is(err, store.ErrFailed) {
		w.failed = err
		return err
	}
	return err
}

func (w *writer) run(need *store.Need, decide func(*store.Loaded) *store.Changes) error {
	if err := w.begin.run(); err != nil {
		return fmt.Errorf("sqlite: begin: %w", classify(err))
	}
	open := true
	defer func() {
		if open { // decide panicked
			_ = w.undo()
		}
	}()
	err := w.read(need)
	var changes *store.Changes
	if err == nil {
		changes = decide(&w.result)
		if changes == nil || changes.Empty() {
			open = false
			return w.undo()
		}
		err = w.save(need, changes)
	}
	if err == nil {
		err = failpoint.Hit(failpoint.BatchSaved)
	}
	open = false
	if err != nil {
		return errors.Join(fmt.Errorf("sqlite: commit: %w", classify(err)), w.undo())
	}
	if err := w.commit.run(); err != nil {
		// The changes may have reached the log before the error: whether the next start finds them, nobody knows. A
		// file system that failed once is not asked again.
		err = fmt.Errorf("sqlite: commit: %w: %w: %w", store.ErrUnknown, store.ErrFailed, err)
		return errors.Join(err, w.undo())
	}
	// A checkpoint that fails leaves this transaction as committed as it is, and stops the next.
	w.failed = w.logged(changes)
	w.finish(changes)
	return nil
}

// undo rolls the transaction back and gives the rows back their positions in the journal, so that the caller may try
// again with them.
func (w *writer) undo() error {
	for _, x := range slices.Backward(w.extends) {
		x.row.First, x.row.Last = x.first, x.last
	}
	w.forget()
	if w.conn.AutocommitEnabled() {
		return nil // SQLite rolled back by itself, as it does after some errors
	}
	if err := w.rollback.run(); err != nil {
		return fmt.Errorf("sqlite: roll back: %w: %w", store.ErrFailed, err)
	}
	return nil
}

// finish keeps what a committed transaction means for the next.
func (w *writer) finish(c *store.Changes) {
	w.seq += int64(len(c.Events))
	w.forget()
}

func (w *writer) forget() {
	clear(w.rows)
	clear(w.letters)
	clear(w.extends)
	w.extends = w.extends[:0]
	w.slab = nil // rows live on with whoever asked for them
	w.claimed = 0
	clear(w.logs)
	r := &w.result
	clear(r.Executions)
	clear(r.Taken)
	clear(r.Claims)
	clear(r.Files)
	clear(r.Deliveries)
	clear(r.Links)
	clear(r.Sessions)
	*r = store.Loaded{
		Executions: r.Executions[:0], Recorded: r.Recorded[:0], Taken: r.Taken[:0], Claims: r.Claims[:0], Files: r.Files[:0],
		Deliveries: r.Deliveries[:0], Links: r.Links[:0], Sessions: r.Sessions[:0],
	}
}

// read loads what the need names.
func (w *writer) read(need *store.Need) error {
	r := &w.result
	r.Now = w.s.clock.Now()
	w.slab = make([]store.Row, 0, len(need.Executions))
	for _, id := range need.Executions {
		row, err := w.loadRow(id)
		if err != nil {
			return fmt.Errorf("load execution %s: %w", id, err)
		}
		r.Executions = append(r.Executions, row)
	}
	for i := range need.Steps {
		w.step.setInt(1, need.Steps[i].Execution.Order())
		w.step.setText(2, need.Steps[i].Step)
		ok, err := w.step.one(func() {})
		if err != nil {
			return fmt.Errorf("look for step %q of execution %s: %w", need.Steps[i].Step, need.Steps[i].Execution, err)
		}
		r.Recorded = append(r.Recorded, ok)
	}
	for i := range need.Reservations {
		taken, err := w.reserveKey(&need.Reservations[i], r.Now)
		if err != nil {
			return fmt.Errorf("reserve an idempotency key: %w", err)
		}
		r.Taken = append(r.Taken, taken)
	}
	for _, c := range need.Claims {
		claims, err := w.claimable(c)
		if err != nil {
			return fmt.Errorf("read the queue of workflow %d: %w", c.Workflow, err)
		}
		r.Claims = append(r.Claims, claims)
	}
	for _, id := range need.Files {
		f, err := w.loadFile(id)
		if err != nil {
			return fmt.Errorf("load file %s: %w", id.Text(execution.PrefixFile), err)
		}
		r.Files = append(r.Files, f)
	}
	for _, id := range need.Deliveries {
		d, err := w.loadDelivery(id)
		if err != nil {
			return fmt.Errorf("load delivery %s: %w", id.Text(execution.PrefixEvent), err)
		}
		r.Deliveries = append(r.Deliveries, d)
	}
	for _, hash := range need.Links {
		l, err := w.loadLink(hash)
		if err != nil {
			return fmt.Errorf("load an approval link: %w", err)
		}
		r.Links = append(r.Links, l)
	}
	for _, key := range need.Sessions {
		x, err := w.loadSession(key)
		if err != nil {
			return fmt.Errorf("load session %d: %w", key, err)
		}
		r.Sessions = append(r.Sessions, x)
	}
	return nil
}

func (w *writer) newRow() *store.Row {
	if len(w.slab) == cap(w.slab) {
		w.slab = make([]store.Row, 0, 32)
	}
	w.slab = w.slab[:len(w.slab)+1]
	return &w.slab[len(w.slab)-1]
}

// loadRow reads an execution once per transaction, nil when there is none.
func (w *writer) loadRow(id execution.ID) (*store.Row, error) {
	pk := id.Order()
	if l, ok := w.rows[pk]; ok {
		if l.row == nil || l.row.ID != id {
			return nil, nil
		}
		return l.row, nil
	}
	w.load.setInt(1, pk)
	var row *store.Row
	_, err := w.load.one(func() { row = w.scanned(w.load.Stmt) })
	if err != nil {
		return nil, err
	}
	if row == nil {
		w.rows[pk] = loaded{}
		return nil, nil
	}
	if row.ID != id {
		return nil, nil
	}
	return row, nil
}

// scanned reads the row that the statement stands on, or finds the one that was read before.
func (w *writer) scanned(s *sqlite.Stmt) *store.Row {
	pk := s.ColumnInt64(0)
	if l, ok := w.rows[pk]; ok && l.row != nil {
		return l.row
	}
	row := w.newRow()
	scanRow(s, row)
	w.rows[pk] = loaded{row, row.Revision, indexedOf(row)}
	return row
}

// save writes the changes. Events come first: they tell the rows where their history ends.
func (w *writer) save(need *store.Need, c *store.Changes) error {
	seq := w.seq
	for i := range c.Events {
		e := &c.Events[i]
		if e.Execution != e.Row.ID {
			return refuse("event of execution %s is given for the row of %s", e.Execution, e.Row.ID)
		}
		seq++
		if err := w.appendEvent(seq, e.Row.Last, &e.Event); err != nil {
			return err
		}
		w.extends = append(w.extends, extended{e.Row, e.Row.First, e.Row.Last})
		e.Row.Last = seq
		if e.Row.First == 0 {
			e.Row.First = seq
		}
	}
	for _, r := range c.Insert {
		if err := w.insertRow(r); err != nil {
			return err
		}
	}
	for i := range c.Update {
		if err := w.updateRow(&c.Update[i]); err != nil {
			return err
		}
	}
	for i := range c.Metadata {
		if err := w.saveMetadata(&c.Metadata[i]); err != nil {
			return err
		}
	}
	if err := w.saveFiles(c); err != nil {
		return err
	}
	for i := range c.Logs {
		if err := w.saveLog(&c.Logs[i]); err != nil {
			return err
		}
	}
	for _, i := range c.Released {
		if err := w.releaseKey(&need.Reservations[i]); err != nil {
			return err
		}
	}
	if err := w.saveRecords(c); err != nil {
		return err
	}
	if err := w.saveDeliveries(c); err != nil {
		return err
	}
	for i := range c.Links {
		if err := w.saveLink(&c.Links[i]); err != nil {
			return err
		}
	}
	for _, r := range c.Redact {
		if err := w.redactRow(r); err != nil {
			return err
		}
	}
	for _, r := range c.Delete {
		if err := w.deleteRow(r); err != nil {
			return err
		}
	}
	for _, id := range c.FilesGone {
		if err := w.removeFile(id); err != nil {
			return err
		}
	}
	if len(c.Delete) > 0 {
		if err := w.saveMeta("seq", seq); err != nil {
			return err
		}
	}
	for i := range c.Tombstones {
		if err := w.saveTombstone(&c.Tombstones[i]); err != nil {
			return err
		}
	}
	if c.SweepKeys != 0 {
		if err := w.sweepKeys(c.SweepKeys); err != nil {
			return err
		}
	}
	if c.SweepLinks != 0 {
		if err := w.sweepLinks(c.SweepLinks); err != nil {
			return err
		}
	}
	return w.saveCounts(c.Counts)
}

// saveRecords writes the catalog, keys and sessions, and remembers the highest integer key with them: it is not drawn
// again after what had it is gone.
func (w *writer) saveRecords(c *store.Changes) error {
	if err := w.moveCatalog(c); err != nil {
		return err
	}
	for i := range c.KeyUses {
		if err := w.saveKeyUse(&c.KeyUses[i]); err != nil {
			return err
		}
	}
	if len(c.Projects)+len(c.Workflows)+len(c.Versions)+len(c.Keys)+len(c.Sessions)+len(c.Gone)+len(c.Endpoints) == 0 {
		return nil
	}
	var highest int64
	for i := range c.Projects {
		highest = max(highest, c.Projects[i].Key)
		if err := w.saveProject(&c.Projects[i]); err != nil {
			return err
		}
	}
	for i := range c.Workflows {
		highest = max(highest, c.Workflows[i].Key)
		if err := w.saveWorkflow(&c.Workflows[i]); err != nil {
			return err
		}
	}
	for i := range c.Versions {
		highest = max(highest, c.Versions[i].Key)
		if err := w.saveVersion(&c.Versions[i]); err != nil {
			return err
		}
	}
	for i := range c.Keys {
		highest = max(highest, c.Keys[i].Key)
		if err := w.saveKey(&c.Keys[i]); err != nil {
			return err
		}
	}
	for i := range c.Sessions {
		highest = max(highest, c.Sessions[i].Key)
		if err := w.saveSession(&c.Sessions[i]); err != nil {
			return err
		}
	}
	for i := range c.Endpoints {
		highest = max(highest, c.Endpoints[i].Key)
		if err := w.saveEndpoint(&c.Endpoints[i]); err != nil {
			return err
		}
	}
	for _, key := range c.Gone {
		if err := w.removeSession(key); err != nil {
			return err
		}
	}
	drawn := w.s.key.Load()
	for drawn < highest && !w.s.key.CompareAndSwap(drawn, highest) {
		drawn = w.s.key.Load()
	}
	return w.saveMeta("key", max(drawn, highest))
}
