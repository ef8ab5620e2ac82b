package sqlite

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

// checkpointFrames is from how many frames of the log on, by estimate, they are moved to the database. A frame is a
// page: 8,000 are 32 MB.
const checkpointFrames = 8000

// checkpointer moves what was committed from the log to the database, on a connection of its own, so that commits do
// not wait for it. While commits go on it cannot move all, and the log would grow without end: each of its rounds ends
// with a short one by the writer itself, after which the log begins anew.
//
// SQLite's own checkpoints are off, because they hide their errors: a failed one says that the disk is failing.
type checkpointer struct {
	conn *sqlite.Conn
	wake chan struct{}
	done sync.WaitGroup

	failure atomic.Pointer[error]
	behind  atomic.Bool // the writer is to finish the round
}

func startCheckpointer(path, synchronous string) (*checkpointer, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(busyTimeout)
	if err := pragmas(conn, "synchronous = "+synchronous, "fullfsync = ON", "checkpoint_fullfsync = ON", "wal_autocheckpoint = 0"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	c := &checkpointer{conn: conn, wake: make(chan struct{}, 1)}
	c.done.Go(func() {
		for range c.wake {
			if _, err := checkpoint(c.conn); err != nil {
				err = fmt.Errorf("%w: background checkpoint: %w", store.ErrFailed, err)
				c.failure.Store(&err)
				continue
			}
			c.behind.Store(true)
		}
	})
	return c, nil
}

// begin asks for a round.
func (c *checkpointer) begin() {
	select {
	case c.wake <- struct{}{}:
	default: // asked already
	}
}

// err is the failure of a round, if one failed.
func (c *checkpointer) err() error {
	if err := c.failure.Load(); err != nil {
		return *err
	}
	return nil
}

func (c *checkpointer) stop() error {
	close(c.wake)
	c.done.Wait()
	return c.conn.Close()
}

// checkpoint moves as much of the log as readers and the writer allow, and returns how many frames are left.
func checkpoint(conn *sqlite.Conn) (left int, err error) {
	err = eachRow(conn, "PRAGMA wal_checkpoint(PASSIVE)", func(st *sqlite.Stmt) error {
		if st.ColumnInt(0) == 0 { // otherwise another checkpoint is at it
			left = st.ColumnInt(1) - st.ColumnInt(2)
		}
		return nil
	})
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultBusy {
		return 0, nil
	}
	return left, err
}

// logged adds what a transaction wrote to the estimate of the log's length, and keeps the log short.
func (w *writer) logged(c *store.Changes) error {
	rows := len(c.Events) + len(c.Insert) + len(c.Update) + len(c.Metadata) + len(c.Logs) + 20*len(c.Delete) + 20*len(c.Redact)
	bytes := 0
	for i := range c.Events {
		bytes += len(c.Events[i].Body) + len(c.Events[i].Details)
	}
	w.frames += 6 + rows/6 + bytes/4096
	if w.frames < checkpointFrames {
		return nil
	}
	if !w.s.check.behind.Swap(false) {
		w.s.check.begin()
		return nil
	}
	left, err := checkpoint(w.conn)
	if err != nil {
		return fmt.Errorf("%w: checkpoint: %w", store.ErrFailed, err)
	}
	w.frames = left // those that a reader still needs
	return nil
}
