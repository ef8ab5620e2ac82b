package engine_test

import (
	"context"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/sqlite"
)

// BenchmarkStart measures durable starts by 64 callers, without HTTP.
func BenchmarkStart(b *testing.B) {
	e, root := benchEngine(b)
	if _, err := e.CreateWorkflow(b.Context(), root, engine.WorkflowSpec{Name: "noop"}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	callers(b, func(n int64) {
		_, err := e.Start(b.Context(), root, &engine.StartRequest{
			Workflow: "noop", Input: []byte(`{"document":"invoice-2026-000123.pdf","customer":"ACME GmbH","amount":1234.5,"lines":[1,2,3]}`),
			IdempotencyKey: execution.MakeID(time.Now().UnixMilli(), uint16(n), uint64(n)).Text(""),
		})
		if err != nil {
			b.Error(err)
		}
	})
}

// BenchmarkLifecycle measures start to completion by 64 callers and one worker, without HTTP.
func BenchmarkLifecycle(b *testing.B) {
	e, root := benchEngine(b)
	s, err := e.OpenSession(b.Context(), root, &engine.SessionSpec{
		Protocol: 1, Capacity: 256, Workflows: []engine.WorkflowSpec{{Name: "noop"}},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	ops := make(chan engine.Operation, 1024)
	wg.Go(func() {
		var received int64
		for ctx.Err() == nil {
			r, err := e.Poll(ctx, root, &engine.PollRequest{Session: s.ID, Received: received, Wait: time.Second})
			if err != nil {
				b.Error(err)
				return
			}
			received = max(received, r.Delivery)
			for _, a := range r.Executions {
				ops <- engine.Operation{Execution: a.ID, Lease: a.Lease, Kind: engine.OpComplete, Body: []byte(`{"ok":true}`)}
			}
		}
	})
	for range 2 {
		wg.Go(func() {
			for {
				var batch []engine.Operation
				select {
				case op := <-ops:
					batch = append(batch, op)
				case <-ctx.Done():
					return
				}
				for len(ops) > 0 && len(batch) < 1024 {
					batch = append(batch, <-ops)
				}
				if _, err := e.Report(ctx, root, &engine.ReportRequest{Session: s.ID, Operations: batch}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	callers(b, func(n int64) {
		v, err := e.Start(b.Context(), root, &engine.StartRequest{
			Workflow: "noop", Input: []byte(`{"document":"invoice-2026-000123.pdf"}`), Wait: 30 * time.Second,
			IdempotencyKey: execution.MakeID(time.Now().UnixMilli(), uint16(n), uint64(n)).Text(""),
		})
		if err != nil || v.View.Status != execution.Completed {
			b.Error(v, err)
		}
	})
	b.StopTimer()
	cancel()
	wg.Wait()
}

func benchEngine(b *testing.B) (*engine.Engine, *engine.Caller) {
	b.Helper()
	st, err := sqlite.Open(b.Context(), sqlite.Config{Path: filepath.Join(b.TempDir(), "data")})
	if err != nil {
		b.Fatal(err)
	}
	e, err := engine.New(b.Context(), engine.Config{Store: st})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
		if err := st.Close(); err != nil {
			b.Error(err)
		}
	})
	root, err := e.Root(b.Context(), "default")
	if err != nil {
		b.Fatal(err)
	}
	return e, root
}

// callers runs f b.N times in 64 goroutines.
func callers(b *testing.B, f func(n int64)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				f(n)
			}
		})
	}
	wg.Wait()
}
