package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/internal/api"
	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/teststore"
	"github.com/sojournhq/sojourn/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(teststore.Main(m)) }

// bench is an engine with a dispatcher, and a caller who may do everything.
type bench struct {
	*engine.Engine
	t     *testing.T
	store store.Store
	root  *engine.Caller
	api   *api.API

	dispatcher *webhook.Dispatcher
	halt       context.CancelFunc // begins the dispatcher's end
	halted     chan struct{}
	stop       func()
}

// run starts an engine and its dispatcher on the store.
func run(t *testing.T, db store.Store, change ...func(*webhook.Config)) *bench {
	t.Helper()
	guard, err := webhook.NewGuard(webhook.GuardConfig{Allow: []string{"127.0.0.1"}, AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(t.Context(), engine.Config{Store: db, CheckURL: guard.CheckURL, Lease: time.Hour, Acknowledge: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	b := &bench{Engine: e, t: t, store: db, halted: make(chan struct{})}
	if b.root, err = e.Root(t.Context(), "default"); err != nil {
		t.Fatal(err)
	}
	if b.api, err = api.New(e, api.Config{}); err != nil {
		t.Fatal(err)
	}
	cfg := webhook.Config{
		Engine: e, Guard: guard, Render: b.api.Message, Version: "test",
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&cfg)
	}
	if b.dispatcher, err = webhook.New(cfg); err != nil {
		t.Fatal(err)
	}
	running, halt := context.WithCancel(ctx)
	b.halt = halt
	go func() {
		defer close(b.halted)
		b.dispatcher.Run(running)
	}()
	var once sync.Once
	b.stop = func() {
		once.Do(func() {
			halt()
			<-b.halted
			cancel()
			if err := <-done; err != nil && !errors.Is(err, store.ErrFailed) {
				t.Errorf("engine: %v", err)
			}
		})
	}
	t.Cleanup(b.stop)
	return b
}

// finished starts an execution with the callback and ends it.
func (b *bench) finished(callback string) execution.ID {
	b.t.Helper()
	return b.finishedMany(callback, 1)[0]
}

func (b *bench) finishedMany(callback string, n int) (ids []execution.ID) {
	b.t.Helper()
	if _, err := b.CreateWorkflow(b.t.Context(), b.root, engine.WorkflowSpec{Name: "w"}); err != nil {
		var taken *engine.Error
		if !errors.As(err, &taken) || taken.Code != engine.CodeConflict {
			b.t.Fatal(err)
		}
	}
	for range n {
		s, err := b.Start(b.t.Context(), b.root, &engine.StartRequest{Workflow: "w", Input: []byte(`{}`), CallbackURL: callback})
		if err != nil {
			b.t.Fatal(err)
		}
		b.cancel(s.ID)
		ids = append(ids, s.ID)
	}
	return ids
}

// cancel ends an execution that no worker holds.
func (b *bench) cancel(id execution.ID) {
	b.t.Helper()
	if _, _, err := b.Cancel(b.t.Context(), b.root, id, engine.CancelRequest{}); err != nil {
		b.t.Fatal(err)
	}
}

// deliveries are all deliveries, the oldest first.
func (b *bench) deliveries() []engine.DeliveryView {
	b.t.Helper()
	list, _, err := b.Deliveries(b.t.Context(), b.root, engine.DeliveryFilter{Limit: 1000})
	if err != nil {
		b.t.Fatal(err)
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

func (b *bench) delivery(id execution.ID) *engine.DeliveryView {
	b.t.Helper()
	v, err := b.Delivery(b.t.Context(), b.root, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// settled waits until no delivery is pending.
func (b *bench) settled() []engine.DeliveryView {
	b.t.Helper()
	b.eventually("every delivery has ended", func() bool {
		for _, d := range b.deliveries() {
			if d.State == engine.DeliveryPending {
				return false
			}
		}
		return true
	})
	return b.deliveries()
}

func (b *bench) eventually(what string, check func() bool) {
	b.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("did not happen: %s; deliveries %+v", what, b.deliveries())
		}
	}
}

func (b *bench) secrets() []string {
	b.t.Helper()
	list, err := b.CallbackSecrets(b.t.Context(), b.root)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, s := range list {
		out = append(out, s.Secret.Reveal())
	}
	return out
}

func (b *bench) audit() {
	b.t.Helper()
	findings, err := b.store.Audit(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, f := range findings {
		b.t.Errorf("audit: %s: %s", f.Invariant, f.Subject)
	}
}

// got is a message that a receiver got.
type got struct {
	id     string
	body   []byte
	header http.Header
	data   struct {
		ID, Type string
		Data     struct {
			ID, Status string
			Revision   int64
		}
	}
}

// inbox collects what a receiver gets.
type inbox struct {
	mu   sync.Mutex
	list []got
}

func (i *inbox) add(r *http.Request, body []byte) (got, int) {
	g := got{id: r.Header.Get("webhook-id"), body: body, header: r.Header.Clone()}
	_ = json.Unmarshal(body, &g.data)
	i.mu.Lock()
	defer i.mu.Unlock()
	n := 1
	for _, x := range i.list {
		if x.id == g.id {
			n++
		}
	}
	i.list = append(i.list, g)
	return g, n
}

func (i *inbox) all() []got {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]got(nil), i.list...)
}

func (i *inbox) String() string {
	var b strings.Builder
	for _, g := range i.all() {
		fmt.Fprintln(&b, g.id, string(g.body))
	}
	return b.String()
}
