package sojourntest

import (
	"log/slog"
	"sync"
	"testing"
)

// testLog writes to a test's log until the test has ended.
type testLog struct {
	mu sync.Mutex
	t  testing.TB // nil when the test has ended
}

func newTestLog(t testing.TB) *testLog { return &testLog{t: t} }

func (l *testLog) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// Write implements io.Writer.
func (l *testLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.t != nil {
		l.t.Logf("%s", b)
	}
	return len(b), nil
}

func (l *testLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.t = nil
}
