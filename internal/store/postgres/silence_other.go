//go:build !linux

package postgres

import (
	"context"
	"syscall"
)

// boundSilence has no counterpart here: a commit's own time ends it.
func boundSilence(context.Context, string, string, syscall.RawConn) error { return nil }
