package engine_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/seal"
	"github.com/sojournhq/sojourn/internal/signature"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

const hookURL = "https://example.com/hook"

func (b *bench) endpoint(kinds ...engine.MessageType) *engine.EndpointView {
	b.t.Helper()
	target := hookURL
	var set engine.MessageSet
	for _, k := range kinds {
		set |= k.Set()
	}
	v, _, err := b.CreateEndpoint(b.t.Context(), b.root, engine.EndpointSpec{URL: &target, Events: &set})
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// told are the messages about an execution, as type/status/revision, the oldest first.
func (b *bench) told(id execution.ID) string {
	b.t.Helper()
	list, _, err := b.Deliveries(b.t.Context(), b.root, engine.DeliveryFilter{Execution: id, Limit: 100})
	if err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, d := range slices.Backward(list) {
		kind := map[engine.MessageType]string{engine.MessageCreated: "created", engine.MessageStatus: "status", engine.MessageTerminal: "end"}[d.Type]
		if d.Endpoint == 0 {
			kind = "callback"
		}
		out = append(out, kind+" "+d.Status.String()+" "+string(rune('0'+d.Revision)))
	}
	return strings.Join(out, ", ")
}

func withCallback(r *engine.StartRequest) { r.CallbackURL = hookURL }

// Each change of status is one message, also when several happen in one transaction, and none is made twice.
func TestMessagesFollowTheStatus(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		b.endpoint(engine.MessageCreated, engine.MessageStatus, engine.MessageTerminal)
		w := b.worker(4, "echo")
		go func() { // there is credit: the start is claimed in its own transaction
			_, _ = b.Poll(t.Context(), b.root, &engine.PollRequest{Session: w.id, Wait: time.Second})
		}()
		synctest.Wait()
		s := b.start("echo", withCallback)
		if got := b.told(s.ID); got != "created pending 1, status running 2" {
			t.Errorf("started and claimed: %s", got)
		}
		time.Sleep(2 * time.Second)
		delayed := b.start("echo", func(r *engine.StartRequest) { r.Delay = time.Minute })
		if got := b.told(delayed.ID); got != "created created 1" {
			t.Errorf("delayed: %s", got)
		}
		b.audit()
	})
	bubble(t, func(t *testing.T, b *bench) {
		b.endpoint(engine.MessageCreated, engine.MessageStatus, engine.MessageTerminal)
		w := b.worker(1, "echo")
		s := b.start("echo", withCallback)
		a := w.poll()[0]
		accepted(t, w.report(step(a, "one", "1"), complete(a, "2")))
		if got, want := b.told(s.ID), "created pending 1, status running 2, callback completed 4, end completed 4"; got != want {
			t.Errorf("told %s, want %s", got, want)
		}
		accepted(t, w.report()) // nothing more
		again := b.start("echo", withCallback, keyed("k", 1))
		same := b.start("echo", withCallback, keyed("k", 1))
		if !same.Replayed || strings.Count(b.told(again.ID), "created") != 1 {
			t.Errorf("a repeated start: %s", b.told(again.ID))
		}
		b.audit()
	})
}

// Without a callback and endpoints nothing is written, and an endpoint of another project hears nothing.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		if _, err := b.CreateProject(t.Context(), b.root, "other"); err != nil {
			t.Fatal(err)
		}
		other, err := b.Root(t.Context(), "other")
		if err != nil {
			t.Fatal(err)
		}
		target, all := hookURL, engine.MessageSet(7)
		if _, _, err := b.CreateEndpoint(t.Context(), other, engine.EndpointSpec{URL: &target, Events: &all}); err != nil {
			t.Fatal(err)
		}
		messages := 0
		fs.RefuseIf(func(c *store.Changes) bool {
			messages += len(c.Deliveries)
			return false
		})
		w := b.worker(1, "echo")
		b.start("echo")
		accepted(t, w.report(complete(w.poll()[0], "1")))
		if messages != 0 {
			t.Errorf("%d messages for nobody", messages)
		}
		if list := b.Endpoints(t.Context(), b.root); len(list) != 0 {
			t.Errorf("endpoints of another project: %+v", list)
		}
	})
}

// Retention leaves an execution alone as long as a message about it is on its way, and removes old deliveries to endpoints
// by themselves.
func TestRetentionOfMessages(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	db := teststore.Open(t, teststore.Clock(func() time.Time {
		return time.Now().Round(0).Add(time.Duration(ahead.Load()))
	}))
	pulse := store.NewClock(nil, db.Now()).Now
	b := run(t, db, func(c *engine.Config) { c.Pulse = pulse })
	later := func(d time.Duration) {
		t.Helper()
		ahead.Add(int64(d))
		if err := b.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	w := b.worker(1, "echo")
	keep := time.Hour
	if _, err := b.UpdateWorkflow(t.Context(), b.root, "echo", engine.WorkflowUpdate{Retention: &keep}); err != nil {
		t.Fatal(err)
	}
	x := b.endpoint(engine.MessageTerminal)
	s := b.start("echo", withCallback)
	accepted(t, w.report(complete(w.poll()[0], "1")))
	end := func(outcome engine.DeliveryOutcome) {
		t.Helper()
		page, err := b.DueDeliveries(t.Context(), engine.DueQuery{Each: 1, Limit: 1})
		if err != nil || len(page.Due) != 1 {
			t.Fatal(page, err)
		}
		taken, err := b.TakeDeliveries(page.Due, time.Minute)
		if err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
		if again, err := b.TakeDeliveries(page.Due, time.Minute); err != nil || len(again) != 0 {
			t.Errorf("taken twice: %+v, %v", again, err)
		}
		if err := b.SettleDelivery(t.Context(), &engine.DeliveryResult{Delivery: taken[0], Outcome: outcome}); err != nil {
			t.Fatal(err)
		}
	}
	later(2 * time.Hour)
	b.get(s.ID)
	end(engine.OutcomeDelivered)
	later(time.Hour)
	b.get(s.ID) // the other message is still on its way
	end(engine.OutcomeFailed)
	later(time.Hour)
	if _, err := b.Get(t.Context(), b.root, s.ID, engine.GetOptions{}); code(err) != "not_found" {
		t.Errorf("after its retention and its messages: %v", err)
	}
	if got := b.told(s.ID); got != "" {
		t.Errorf("messages of what is gone: %s", got)
	}
	if _, err := b.TestEndpoint(t.Context(), b.root, x.ID); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		t.Helper()
		list, _, err := b.Deliveries(t.Context(), b.root, engine.DeliveryFilter{Endpoint: x.ID, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	later(40 * 24 * time.Hour)
	if n := count(); n != 1 {
		t.Errorf("%d deliveries while one waits", n)
	}
	end(engine.OutcomeDelivered)
	later(29 * 24 * time.Hour)
	if n := count(); n != 1 {
		t.Errorf("%d deliveries after 29 days", n)
	}
	later(2 * 24 * time.Hour)
	if n := count(); n != 0 {
		t.Errorf("%d deliveries after 31 days", n)
	}
	b.audit()
}

// Secrets survive a restart under the same key, are never stored in clear, and are refused under another key.
func TestSigningSecretsAreSealed(t *testing.T) {
	t.Parallel()
	db := teststore.Open(t)
	ring := seal.Random()
	with := func(r *seal.Ring) func(*engine.Config) { return func(c *engine.Config) { c.Seal = r } }
	b := run(t, db, with(ring))
	first, err := b.CallbackSecrets(t.Context(), b.root)
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	target := hookURL
	x, secret, err := b.CreateEndpoint(t.Context(), b.root, engine.EndpointSpec{URL: &target})
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := db.Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range catalog.Secrets {
		for _, s := range set.Secrets {
			for _, text := range []string{secret.Reveal(), first[0].Secret.Reveal()} {
				if strings.Contains(string(s.Sealed), text) || strings.Contains(string(s.Sealed), text[len(signature.Prefix):]) {
					t.Error("a secret is stored in clear")
				}
			}
		}
	}
	b = b.restart(with(ring))
	if again, err := b.CallbackSecrets(t.Context(), b.root); err != nil || again[0].Secret.Reveal() != first[0].Secret.Reveal() {
		t.Errorf("after a restart: %v", err)
	}
	if v, err := b.Endpoint(t.Context(), b.root, x.ID); err != nil || len(v.Hints) != 1 || v.Hints[0] != secret.Hint() {
		t.Errorf("%+v, %v", v, err)
	}
	b = b.restart(with(seal.Random()))
	if _, err := b.CallbackSecrets(t.Context(), b.root); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("under another key: %v", err)
	}
	if now, err := b.RotateCallbackSecret(t.Context(), b.root, time.Hour); err != nil || len(now) != 1 {
		t.Errorf("a new secret under another key: %v, %v", now, err)
	}
}

// The old secret signs for the grace, and no longer.
func TestGraceOfSecrets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		n := func() int {
			t.Helper()
			list, err := b.CallbackSecrets(t.Context(), b.root)
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		n()
		if _, err := b.RotateCallbackSecret(t.Context(), b.root, time.Minute); err != nil || n() != 2 {
			t.Fatal(n(), err)
		}
		time.Sleep(59 * time.Second)
		if n() != 2 {
			t.Error("the old secret ended before its grace")
		}
		time.Sleep(2 * time.Second)
		if n() != 1 {
			t.Error("the old secret outlives its grace")
		}
		x := b.endpoint(engine.MessageTerminal)
		for range 3 {
			if _, _, err := b.RotateSecret(t.Context(), b.root, x.ID, time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		if v, err := b.Endpoint(t.Context(), b.root, x.ID); err != nil || len(v.Hints) != 2 {
			t.Errorf("%+v, %v: two secrets at most sign", v, err)
		}
	})
}

// What changes endpoints may fail in every way: afterwards memory and store agree.
func TestEndpointsUnderFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []faultstore.Fault{faultstore.Before, faultstore.Applied, faultstore.Unknown, faultstore.Refused} {
		faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
			x := b.endpoint(engine.MessageTerminal)
			fs.Set(faultstore.At("Commit", 1, fault))
			off := false
			_, err := b.UpdateEndpoint(t.Context(), b.root, x.ID, engine.EndpointSpec{Enabled: &off})
			fs.Set(nil)
			if err == nil {
				t.Errorf("fault %d: no error", fault)
			}
			catalog, cerr := b.store.Catalog(t.Context())
			v, verr := b.Endpoint(t.Context(), b.root, x.ID)
			if cerr != nil || verr != nil || catalog.Endpoints[0].Disabled != v.Disabled {
				t.Errorf("fault %d: stored %+v, in memory %+v; %v %v", fault, catalog.Endpoints, v, cerr, verr)
			}
		})
	}
}

func TestDestinationsAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *engine.Config) {
		c.CheckURL = func(u *url.URL) error {
			if u.Hostname() == "inside" {
				return errors.New("must not be inside")
			}
			return nil
		}
	})
	b.worker(1, "echo")
	_, err := b.tryStart("echo", func(r *engine.StartRequest) { r.CallbackURL = "https://inside/" })
	wantField(t, err, "callback_url")
	target := "https://inside/"
	_, _, err = b.CreateEndpoint(t.Context(), b.root, engine.EndpointSpec{URL: &target})
	wantField(t, err, "url")
}

// An execution that is given back in the moment in which its deadline passes ends there and then, and is told of once.
func TestAnEndInTheMomentOfASuspensionIsToldOnce(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		b.endpoint(engine.MessageTerminal)
		w := b.worker(1, "echo")
		s := b.start("echo", withCallback, func(r *engine.StartRequest) { r.Timeout = 10 * time.Second })
		a := w.poll()[0]
		nap := op(a, engine.OpSleep)
		nap.Step, nap.Duration = "nap", time.Hour
		accepted(t, w.report(nap))
		// While a commit is under way the deadline passes, and the report comes before the timer.
		time.Sleep(10*time.Second - 50*time.Millisecond - b.Now().Sub(b.get(s.ID).Events[0].At))
		fs.Delay(func(*store.Need) time.Duration { return 100 * time.Millisecond })
		var wg sync.WaitGroup
		wg.Go(func() { w.beat(a) })
		synctest.Wait()
		wg.Go(func() {
			_, _ = b.Report(t.Context(), b.root, &engine.ReportRequest{Session: w.id, Operations: []engine.Operation{op(a, engine.OpSuspend)}})
		})
		wg.Wait()
		fs.Delay(nil)
		time.Sleep(time.Second)
		es := b.get(s.ID).Events
		last := len(es) - 1
		if es[last].Kind != execution.EventCancelled || es[last-1].Kind != execution.EventSuspended || es[last].At != es[last-1].At {
			t.Fatalf("it did not end in the moment of its suspension: %+v", es)
		}
		if got := b.told(s.ID); strings.Count(got, "callback") != 1 || strings.Count(got, "end") != 1 {
			t.Errorf("told %s", got)
		}
		b.audit()
	})
}
