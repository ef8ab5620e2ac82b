package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

// Exit codes. Scripts rely on them.
const (
	exitOK          = 0
	exitFailed      = 1 // the execution failed, or the command did
	exitCancelled   = 2
	exitDeadline    = 3 // cancelled by its deadline
	exitAuth        = 4
	exitNotFound    = 5
	exitRejected    = 6
	exitRunning     = 8 // not finished yet
	exitUsage       = 64
	exitUnreachable = 69  // the server, or the database
	exitTimeout     = 124 // --timeout passed first
	exitInterrupt   = 130
)

// exitError is an error with the exit code it stands for. Without a message it is not printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// report prints what went wrong and is the exit code.
func (c *cli) report(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitCode(ctx, err)
	var quiet *exitError
	if errors.As(err, &quiet) && quiet.err == nil {
		return code
	}
	if code == exitInterrupt {
		return code
	}
	fmt.Fprintf(c.err, "%s %s\n", c.styles.bad("error:"), c.explain(err))
	return code
}

func exitCode(ctx context.Context, err error) int {
	var given *exitError
	var unreachable *sojourn.ConnectionError
	switch {
	case errors.As(err, &given):
		return given.code
	case interrupted(ctx):
		return exitInterrupt
	case errors.As(err, &unreachable), errors.Is(err, server.ErrUnreachable), errors.Is(err, store.ErrUnavailable):
		return exitUnreachable
	case errors.Is(err, sojourn.ErrUnauthenticated), errors.Is(err, sojourn.ErrForbidden):
		return exitAuth
	case errors.Is(err, sojourn.ErrNotFound), errors.Is(err, sojourn.ErrDeleted):
		return exitNotFound
	default:
		return exitFailed
	}
}

// explain says what went wrong and what helps.
func (c *cli) explain(err error) string {
	var unreachable *sojourn.ConnectionError
	var refused *sojourn.Error
	switch {
	case errors.As(err, &unreachable):
		return fmt.Sprintf("no server answers at %s: %v\nstart one with `sojourn dev`, or name another with --url or SOJOURN_BASE_URL", origin(unreachable.URL), innermost(unreachable.Err))
	case errors.As(err, &refused):
		text := refused.Message
		if text == "" {
			text = refused.Title
		}
		for _, f := range refused.Fields {
			if f.Field == "" || !errors.Is(err, sojourn.ErrInvalid) {
				continue // the message says it all
			}
			if line := f.Field + ": " + f.Message; !strings.Contains(text, f.Message) {
				text += "\n  " + line
			}
		}
		switch {
		case errors.Is(err, sojourn.ErrUnauthenticated):
			text += "\nset SOJOURN_API_KEY or --api-key; `sojourn dev` prints its key"
		case errors.Is(err, sojourn.ErrUnavailable) && refused.RequestID != "":
			text += "\nrequest id " + refused.RequestID
		}
		return text
	case errors.Is(err, syscall.EADDRINUSE):
		return strings.TrimPrefix(err.Error(), "server: ") + "\nanother program listens there, perhaps another Sojourn; choose an address with --listen"
	case errors.Is(err, server.ErrInUse):
		return strings.TrimPrefix(err.Error(), "server: ")
	case errors.Is(err, os.ErrPermission):
		return err.Error()
	default:
		return strings.TrimPrefix(strings.TrimPrefix(err.Error(), "sojourn: "), "server: ")
	}
}

// innermost is the cause at the bottom, without the layers that repeat the address.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

// origin is scheme and host of a URL.
func origin(url string) string {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok {
		return url
	}
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// outcome is the exit code that mirrors how an execution ended.
func outcome(x *sojourn.Execution) int {
	switch x.Status {
	case sojourn.StatusCompleted:
		return exitOK
	case sojourn.StatusFailed:
		return exitFailed
	case sojourn.StatusCancelled:
		if x.ErrorCode == "timeout" || x.StatusReason == "timeout" || x.CancelReason == "timeout" {
			return exitDeadline
		}
		return exitCancelled
	case sojourn.StatusRejected:
		return exitRejected
	default:
		return exitRunning
	}
}

// mirror ends the command with the outcome of an execution, without further words.
func mirror(x *sojourn.Execution) error {
	if code := outcome(x); code != exitOK {
		return &exitError{code: code}
	}
	return nil
}
