package webhook_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
	"github.com/sojournhq/sojourn/internal/webhook"
)

// sending replaces the requests of a dispatcher.
func sending(send func(ctx context.Context, m *engine.Message, body []byte) (int, time.Duration)) func(*webhook.Config) {
	return func(c *webhook.Config) { c.Log, c.Send = nil, send }
}

// A message that was sent, but not recorded, is sent again under the same id when its lease is over: by then the server
// that sent it may be dead.
func TestSentButNotRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent attempts
		fs := faultstore.New(teststore.Open(t))
		b := run(t, fs, sending(func(_ context.Context, m *engine.Message, body []byte) (int, time.Duration) {
			sent.add(t, m, body)
			return 200, 0
		}))
		fs.RefuseIf(func(c *store.Changes) bool { return len(c.DeliveryAttempts) > 0 })
		b.finished("http://127.0.0.1:1/")
		id := b.deliveries()[0].ID
		time.Sleep(5 * time.Second)
		if at := sent.of(id); len(at) != 1 {
			t.Fatalf("sent at %v", at)
		}
		if d := b.delivery(id); d.Attempts != 0 || d.State != engine.DeliveryPending {
			t.Fatalf("recorded: %+v", d.Delivery)
		}
		fs.RefuseIf(nil)
		time.Sleep(5 * time.Minute)
		if at := sent.of(id); len(at) != 2 || at[1].Sub(at[0]) < 15*time.Second {
			t.Errorf("sent at %v, want once more after the lease", at)
		}
		if d := b.delivery(id); d.Attempts != 1 || d.State != engine.DeliveryDelivered {
			t.Errorf("%+v", d.Delivery)
		}
		b.audit()
		b.stop()
	})
}

// A server that dies between the commit of the state and the first attempt loses nothing: the next one sends.
func TestCommittedButNotSent(t *testing.T) {
	t.Parallel()
	db := teststore.Open(t)
	url, in := receiver(t, accept)
	first := run(t, db)
	first.halt() // nobody sends any more
	<-first.halted
	ids := first.finishedMany(url, 10)
	if len(in.all()) != 0 || len(first.deliveries()) != 10 {
		t.Fatalf("sent %d of %d before the restart", len(in.all()), len(first.deliveries()))
	}
	first.stop()
	second := run(t, db)
	for _, d := range second.settled() {
		if d.State != engine.DeliveryDelivered || d.Attempts != 1 {
			t.Errorf("%+v", d.Delivery)
		}
	}
	if len(in.all()) != len(ids) {
		t.Errorf("%d messages arrived, want %d", len(in.all()), len(ids))
	}
	second.audit()
}

// Whatever goes wrong with the commit of an end, there is a message for it exactly when there is an end.
func TestTheOutboxIsPartOfTheCommit(t *testing.T) {
	t.Parallel()
	for _, fault := range []faultstore.Fault{faultstore.Before, faultstore.Applied, faultstore.Unknown, faultstore.Refused} {
		for n := 1; n <= 3; n++ {
			synctest.Test(t, func(t *testing.T) {
				var sent attempts
				fs := faultstore.New(teststore.Open(t))
				b := run(t, fs, sending(func(_ context.Context, m *engine.Message, body []byte) (int, time.Duration) {
					sent.add(t, m, body)
					return 200, 0
				}))
				if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w"}); err != nil {
					t.Fatal(err)
				}
				url := "http://127.0.0.1:1/"
				if _, _, err := b.CreateEndpoint(t.Context(), b.root, engine.EndpointSpec{URL: &url}); err != nil {
					t.Fatal(err)
				}
				s, err := b.Start(t.Context(), b.root, &engine.StartRequest{Workflow: "w", Input: []byte(`{}`), CallbackURL: url})
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				fs.Set(faultstore.At("Commit", n, fault))
				_, _, err = b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{})
				b.audit()
				time.Sleep(3 * time.Minute)
				fs.Set(nil)
				v, gerr := b.Get(t.Context(), b.root, s.ID, engine.GetOptions{})
				if gerr != nil {
					t.Fatal(gerr)
				}
				want := 0
				if v.Status.Final() {
					want = 2 // the callback and the endpoint
				}
				list := b.deliveries()
				if len(list) != want || err == nil && want == 0 {
					t.Errorf("fault %d at commit %d: %s after %v, with %d messages, want %d", fault, n, v.Status, err, len(list), want)
				}
				for _, d := range list {
					if d.State != engine.DeliveryDelivered || len(sent.of(d.ID)) == 0 {
						t.Errorf("fault %d at commit %d: %+v", fault, n, d.Delivery)
					}
				}
				b.audit()
				b.stop()
			})
		}
	}
}

// gate holds requests until it is opened.
type gate struct {
	mu          sync.Mutex
	running     map[string]int
	most        map[string]int
	open        chan struct{}
	interrupted int
}

func newGate() *gate {
	return &gate{running: map[string]int{}, most: map[string]int{}, open: make(chan struct{})}
}

func (g *gate) pass(ctx context.Context, url string) (int, time.Duration) {
	g.mu.Lock()
	g.running[url]++
	g.most[url] = max(g.most[url], g.running[url])
	g.mu.Unlock()
	status := 200
	select {
	case <-g.open:
	case <-ctx.Done():
		status = 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[url]--
	if status == 0 {
		g.interrupted++
	}
	return status, 0
}

func (g *gate) peek(url string) (running, most int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.running[url], g.most[url]
}

// A destination that takes its time holds up no other, and gets four messages at a time.
func TestASlowDestinationHoldsUpNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const slow, quick = "http://127.0.0.1:1/", "http://127.0.0.1:2/"
		g := newGate()
		b := run(t, teststore.Open(t), sending(func(ctx context.Context, m *engine.Message, _ []byte) (int, time.Duration) {
			if m.URL == slow {
				return g.pass(ctx, slow)
			}
			return 200, 0
		}))
		b.finishedMany(slow, 200)
		b.finishedMany(quick, 200)
		synctest.Wait()
		time.Sleep(3 * time.Second)
		n := 0
		for _, d := range b.deliveries() {
			if d.URL == quick && d.State == engine.DeliveryDelivered {
				n++
			}
		}
		if running, _ := g.peek(slow); n != 200 || running != 4 {
			t.Errorf("%d of 200 quick messages arrived, %d slow ones are under way, want 4", n, running)
		}
		close(g.open)
		time.Sleep(30 * time.Second)
		for _, d := range b.deliveries() {
			if d.State != engine.DeliveryDelivered || d.Attempts != 1 {
				t.Errorf("%+v", d.Delivery)
			}
		}
		if _, most := g.peek(slow); most != 4 {
			t.Errorf("%d messages to one destination at a time, want 4", most)
		}
		b.audit()
		b.stop()
	})
}

// A dispatcher that is stopped lets what is under way end, and gives back what it has not tried.
func TestADrainEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const url = "http://127.0.0.1:1/"
		g := newGate()
		b := run(t, teststore.Open(t), sending(func(ctx context.Context, _ *engine.Message, _ []byte) (int, time.Duration) { return g.pass(ctx, url) }))
		b.finishedMany(url, 12)
		synctest.Wait()
		b.halt()
		synctest.Wait()
		select {
		case <-b.halted:
			t.Fatal("it did not wait for what is under way")
		default:
		}
		close(g.open)
		<-b.halted
		delivered, due := 0, 0
		for _, d := range b.deliveries() {
			switch {
			case d.State == engine.DeliveryDelivered:
				delivered++
			case d.Attempts == 0 && d.DueAt <= b.Now():
				due++
			}
		}
		if delivered != 4 || due != 8 {
			t.Errorf("%d delivered and %d given back, want 4 and 8", delivered, due)
		}
		b.audit()
		b.stop()
	})
}

// A drain that takes too long is cut short: what was under way was not tried, and is due at once.
func TestAnAbortGivesEverythingBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const url = "http://127.0.0.1:1/"
		g := newGate()
		b := run(t, teststore.Open(t), sending(func(ctx context.Context, _ *engine.Message, _ []byte) (int, time.Duration) { return g.pass(ctx, url) }))
		b.finishedMany(url, 12)
		synctest.Wait()
		b.halt()
		b.dispatcher.Abort()
		<-b.halted
		for _, d := range b.deliveries() {
			if d.State != engine.DeliveryPending || d.Attempts != 0 || d.DueAt > b.Now() {
				t.Errorf("%+v", d.Delivery)
			}
		}
		if g.interrupted != 4 {
			t.Errorf("%d requests were interrupted, want 4", g.interrupted)
		}
		b.audit()
		b.stop()
	})
}

// Two dispatchers share the work: as a rule nobody sends what the other one has taken.
func TestTwoDispatchersShareTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent := map[string]int{}
		by := map[int]int{}
		send := func(who int) func(context.Context, *engine.Message, []byte) (int, time.Duration) {
			return func(_ context.Context, m *engine.Message, _ []byte) (int, time.Duration) {
				time.Sleep(10 * time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				sent[m.ID.String()]++
				by[who]++
				return 200, 0
			}
		}
		b := run(t, teststore.Open(t), sending(send(0)))
		other, err := webhook.New(webhook.Config{
			Engine: b.Engine, Guard: guard(t, webhook.GuardConfig{Allow: []string{"127.0.0.1"}}), Render: b.api.Message, Send: send(1),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); other.Run(ctx) }()
		for i := range 100 {
			b.finished(fmt.Sprintf("http://127.0.0.1:%d/", i%7+1))
		}
		time.Sleep(time.Minute)
		cancel()
		<-done
		b.stop()
		for id, n := range sent {
			if n != 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
		if len(sent) != 100 || by[0] == 0 || by[1] == 0 {
			t.Errorf("%d messages were sent: %v", len(sent), by)
		}
		b.audit()
	})
}

// What is cancelled or asked for again while it is under way is so afterwards.
func TestChangesWhileAMessageIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		url := "http://127.0.0.1:1/"
		g := newGate()
		calls := 0
		b := run(t, teststore.Open(t), sending(func(ctx context.Context, _ *engine.Message, _ []byte) (int, time.Duration) {
			calls++
			if calls == 1 {
				g.pass(ctx, url)
				return 404, 0
			}
			return 200, 0
		}))
		x, _, err := b.CreateEndpoint(t.Context(), b.root, engine.EndpointSpec{URL: &url})
		if err != nil {
			t.Fatal(err)
		}
		b.finished("")
		synctest.Wait()
		id := b.deliveries()[0].ID
		if _, err := b.Redeliver(t.Context(), b.root, id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if calls != 1 {
			t.Errorf("%d attempts at a time", calls)
		}
		close(g.open)
		time.Sleep(3 * time.Second)
		if d := b.delivery(id); d.State != engine.DeliveryDelivered || d.Attempts != 2 || calls != 2 {
			t.Errorf("asked for again while it failed: %+v after %d attempts", d.Delivery, calls)
		}

		g.open, calls = make(chan struct{}), 0
		b.finished("")
		synctest.Wait()
		id = b.deliveries()[1].ID
		if err := b.DeleteEndpoint(t.Context(), b.root, x.ID); err != nil {
			t.Fatal(err)
		}
		close(g.open)
		time.Sleep(time.Minute)
		if d := b.delivery(id); d.State != engine.DeliveryCancelled || d.Attempts != 1 || len(d.Log) != 1 || calls != 1 {
			t.Errorf("cancelled while it failed: %+v after %d attempts", d.Delivery, calls)
		}
		b.audit()
		b.stop()
	})
}
