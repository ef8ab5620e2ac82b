package sqlite

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/sojournhq/sojourn/internal/store"
)

// classify wraps an error of SQLite with the sentinel that says what it means for the store.
func classify(err error) error {
	if err == nil || errors.Is(err, store.ErrRefused) || errors.Is(err, store.ErrFailed) || errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultConstraint, sqlite.ResultMismatch, sqlite.ResultTooBig, sqlite.ResultRange:
		return fmt.Errorf("%w: %w", store.ErrRefused, err)
	case sqlite.ResultIOErr, sqlite.ResultFull, sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultCantOpen,
		sqlite.ResultReadOnly, sqlite.ResultProtocol, sqlite.ResultNoLFS:
		return fmt.Errorf("%w: %w", store.ErrFailed, err)
	default:
		return err
	}
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{store.ErrRefused}, args...)...)
}
