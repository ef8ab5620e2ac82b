//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
)

// operationLog is what histories are made of, on this process's monotonic clock.
type operationLog struct {
	base time.Time

	mu      sync.Mutex
	clients int
	all     []check.Operation
}

// outcome completes an operation; nil: nothing can have happened, and it is left out.
type outcome func(o *check.Operation) bool

// begin starts the clock of an operation. The function it returns ends it.
func (l *operationLog) begin(o check.Operation) (done func(outcome)) {
	l.mu.Lock()
	l.clients++
	o.Client = l.clients
	l.mu.Unlock()
	o.Call = time.Since(l.base)
	return func(end outcome) {
		o.Return = time.Since(l.base)
		if end == nil || !end(&o) {
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all = append(l.all, o)
	}
}

func (l *operationLog) list() []check.Operation {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// save writes them down for whoever looks at a failed run.
func (l *operationLog) save(path string) error {
	text, err := json.Marshal(l.list())
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// ended is the outcome of an operation with the given word.
func ended(word string) outcome {
	return func(o *check.Operation) bool {
		o.Outcome = word
		return true
	}
}

// refusal is the server's own refusal, nil when the outcome is open.
func refusal(err error) *sojourn.Error {
	if refused, ok := errors.AsType[*sojourn.Error](err); ok && (refused.Status < 500 || refused.Status == 507) {
		return refused
	}
	return nil
}

func startOutcome(x *sojourn.Execution, err error) outcome {
	return func(o *check.Operation) bool {
		switch {
		case err == nil && x.Replayed:
			o.Outcome, o.ID = check.Repeated, x.ID
		case err == nil:
			o.Outcome, o.ID = check.Created, x.ID
		case errors.Is(err, sojourn.ErrIdempotencyMismatch):
			o.Outcome = check.Mismatch
		case refusal(err) != nil:
			return false
		default:
			o.Outcome = check.NoAnswer
		}
		return true
	}
}

func cancelOutcome(x *sojourn.Execution, err error) outcome {
	return func(o *check.Operation) bool {
		switch refused := refusal(err); {
		case err == nil:
			o.Outcome, o.Status, o.Revision = check.Accepted, string(x.Status), x.Revision
		case errors.Is(err, sojourn.ErrAlreadyTerminal):
			o.Outcome, o.Status = check.Ended, string(refused.ExecutionStatus)
		case refused != nil:
			return false
		default:
			o.Outcome = check.NoAnswer
		}
		return true
	}
}

func getOutcome(x *sojourn.Execution, err error) outcome {
	return func(o *check.Operation) bool {
		if err != nil {
			return false
		}
		o.Outcome, o.Status, o.Revision = check.SawIt, string(x.Status), x.Revision
		return true
	}
}
