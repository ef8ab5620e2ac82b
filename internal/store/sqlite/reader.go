package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"zombiezen.com/go/sqlite"
)

// busyTimeout is how long a connection waits for another program that has the file locked.
const busyTimeout = 10 * time.Second

// errClosed is what reads and commits of a closed store return.
var errClosed = fmt.Errorf("sqlite: store is closed: %w", os.ErrClosed)

func (s *Store) addReader() error {
	conn, err := sqlite.OpenConn(s.path, sqlite.OpenReadOnly)
	if err != nil {
		return err
	}
	conn.SetBusyTimeout(busyTimeout)
	if err := pragmas(conn, "query_only = ON", "cache_size = -4096", "temp_store = MEMORY"); err != nil {
		return errors.Join(err, conn.Close())
	}
	s.readers <- conn
	s.opened++
	return nil
}

// read runs f with a read connection. Each statement in it sees the latest commit.
func (s *Store) read(ctx context.Context, f func(*sqlite.Conn) error) error {
	select {
	case <-s.closed:
		return errClosed
	default:
	}
	var conn *sqlite.Conn
	select {
	case conn = <-s.readers:
	case <-s.closed:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { s.readers <- conn }()
	return classify(f(conn))
}

// snapshot runs f with a read connection and all of it sees the same state. It ends early when the context does.
func (s *Store) snapshot(ctx context.Context, f func(*sqlite.Conn) error) error {
	return s.read(ctx, func(conn *sqlite.Conn) error {
		err := transaction(conn, func(conn *sqlite.Conn) error {
			if ctx.Done() != nil {
				conn.SetInterrupt(ctx.Done())
			}
			return f(conn)
		})
		if sqlite.ErrCode(err) == sqlite.ResultInterrupt && ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	})
}

// transaction runs f, and all that it reads is of one state. It ends however f ends, and nothing that f lets interrupt it
// can interrupt that: the connection goes on to the next reader, who must neither see an old state nor find a transaction
// begun.
func transaction(conn *sqlite.Conn, f func(*sqlite.Conn) error) (err error) {
	if err := execute(conn, "BEGIN"); err != nil {
		return err
	}
	defer func() {
		conn.SetInterrupt(nil)
		err = errors.Join(err, execute(conn, "ROLLBACK"))
	}()
	return f(conn)
}

func execute(conn *sqlite.Conn, query string) error {
	st, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	if _, err := st.Step(); err != nil {
		return err
	}
	return st.Reset()
}
