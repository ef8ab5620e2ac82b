package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/sojournhq/sojourn/internal/store"
)

// classify wraps an error with the sentinel that says what it means for the caller. No error means that the store has
// failed for good: whatever ails the database, its next primary may be sound.
func classify(err error) error {
	switch {
	case err == nil, errors.Is(err, store.ErrRefused), errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrUnknown),
		errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrCursor), errors.Is(err, store.ErrFailed), errors.Is(err, store.ErrMoved), errors.Is(err, errClosed):
		return err
	case refused(err):
		return fmt.Errorf("%w: %w", store.ErrRefused, err)
	case away(err):
		return unavailable(err)
	}
	return err
}

func unavailable(err error) error { return fmt.Errorf("%w: %w", store.ErrUnavailable, err) }

// refused reports whether the database refused the changes themselves.
func refused(err error) bool {
	e := pgError(err)
	if e == nil {
		return false
	}
	switch e.Code[:2] {
	case "22", // data exception, as the checks of row counts raise it
		"23", // a constraint or a guard
		"54": // a limit, as of the size of an index entry
		return true
	}
	return false
}

// away reports whether the database could not be reached, or was not ready for any work.
func away(err error) bool {
	e := pgError(err)
	if e == nil {
		var network net.Error
		var connect *pgconn.ConnectError
		return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, context.DeadlineExceeded) ||
			errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
	}
	switch e.Code[:2] {
	case "08", // connection
		"40", // serialization, deadlock, after too many of them
		"53", // resources
		"57", // shutdown, timeouts
		"58": // system
		return true
	}
	switch e.Code {
	case "25006", // the server has become a standby
		"25P03", // idle for too long in a transaction
		"55P03": // a lock was not to be had
		return true
	}
	return false
}

// repeatable reports whether the database says that the same transaction may pass when it is run again.
func repeatable(err error) bool {
	e := pgError(err)
	return e != nil && (e.Code == "40001" || e.Code == "40P01")
}

// stale reports whether the connection's prepared statements are not those that the server has.
func stale(err error) bool {
	e := pgError(err)
	return e != nil && (e.Code == "26000" || e.Code == "0A000" && strings.Contains(e.Message, "cached plan"))
}

// broke reports whether the server ended the connection at the statement.
func broke(err error, at *statement) bool {
	var s *statementError
	e := pgError(err)
	return e != nil && e.SeverityUnlocalized != "ERROR" && errors.As(err, &s) && s.sql == at.sql
}

// late reports whether the server ended the transaction because it heard nothing of it for too long: this machine was busy.
func late(err error) bool {
	e := pgError(err)
	return e != nil && e.Code == "25P03"
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrRefused}, args...)...)
}
