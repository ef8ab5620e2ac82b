package cells_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sojournhq/sojourn/internal/engine"
)

// contextOf is a context that outlives the test's own, for what is stopped by a cleanup.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

func codeOf(err error) engine.Code {
	if e, ok := errors.AsType[*engine.Error](err); ok {
		return e.Code
	}
	return ""
}
