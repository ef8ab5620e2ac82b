package sqlite

import (
	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/execution"
)

// stmt is a prepared statement. Bound values stay bound from run to run, so a parameter that is NULL or the same
// integer again and again is bound once.
type stmt struct {
	*sqlite.Stmt
	null  uint64    // the parameters that are bound to NULL
	whole uint64    // the parameters that are bound to an integer
	ints  [64]int64 // those integers
}

func prepare(c *sqlite.Conn, query string) (*stmt, error) {
	s, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	return &stmt{Stmt: s, null: ^uint64(0)}, nil
}

func (s *stmt) setNull(i int) {
	if s.null&(1<<i) == 0 {
		s.BindNull(i)
		s.null |= 1 << i
		s.whole &^= 1 << i
	}
}

func (s *stmt) setInt(i int, v int64) {
	bit := uint64(1) << i
	if s.whole&bit != 0 && s.ints[i] == v {
		return
	}
	s.null &^= bit
	s.whole |= bit
	s.ints[i] = v
	s.BindInt64(i, v)
}

// setOptional binds an integer that is NULL when zero.
func (s *stmt) setOptional(i int, v int64) {
	if v == 0 {
		s.setNull(i)
		return
	}
	s.setInt(i, v)
}

func (s *stmt) setTime(i int, t execution.Time) { s.setOptional(i, int64(t)) }

func (s *stmt) setFloat(i int, v float64) {
	s.whole &^= 1 << i
	s.null &^= 1 << i
	s.BindFloat(i, v)
}

func (s *stmt) setText(i int, v string) {
	s.whole &^= 1 << i
	s.null &^= 1 << i
	s.BindText(i, v)
}

// setOptionalText binds a text that is NULL when empty.
func (s *stmt) setOptionalText(i int, v string) {
	if v == "" {
		s.setNull(i)
		return
	}
	s.setText(i, v)
}

// setBytes binds bytes that are NULL when there are none.
func (s *stmt) setBytes(i int, v []byte) {
	if len(v) == 0 {
		s.setNull(i)
		return
	}
	s.whole &^= 1 << i
	s.null &^= 1 << i
	s.BindBytes(i, v)
}

// run executes a statement that returns no rows.
func (s *stmt) run() error {
	if _, err := s.Step(); err != nil {
		return err
	}
	return s.Reset()
}

// one executes a statement and reports whether it returned a row, which is then read by scan.
func (s *stmt) one(scan func()) (bool, error) {
	ok, err := s.Step()
	if err != nil {
		return false, err
	}
	if ok {
		scan()
	}
	return ok, s.Reset()
}

// each calls scan for every row.
func (s *stmt) each(scan func() error) error {
	for {
		ok, err := s.Step()
		if err != nil {
			return err
		}
		if !ok {
			return s.Reset()
		}
		if err := scan(); err != nil {
			_ = s.Reset()
			return err
		}
	}
}
