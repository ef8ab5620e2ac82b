package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// woken reports whether the stream got a hint.
func woken(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestStreamsAreWoken(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		s := b.start("echo", func(r *engine.StartRequest) { r.Delay = 10 * time.Second })
		b.worker(1, "other")
		other := b.start("other", func(r *engine.StartRequest) { r.Delay = time.Hour })
		one, err := b.Follow(t.Context(), b.root, s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		all, err := b.FollowProject(t.Context(), b.root, &engine.FollowRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if n := b.Streams(); n != 2 {
			t.Errorf("%d streams", n)
		}
		synctest.Wait()
		if woken(one.Changed()) || woken(all.Changed()) {
			t.Error("woken by nothing")
		}
		if _, _, err := b.Cancel(t.Context(), b.root, other.ID, engine.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		if woken(one.Changed()) {
			t.Error("woken by another execution")
		}
		if !woken(all.Changed()) {
			t.Error("the project's stream is not woken")
		}
		time.Sleep(10 * time.Second) // a timer changes it
		a := w.poll()[0]
		if !woken(one.Changed()) || !woken(all.Changed()) {
			t.Error("not woken by a timer and a claim")
		}
		accepted(t, w.report(complete(a, `{}`)))
		if !woken(one.Changed()) {
			t.Error("not woken by the end")
		}
		p, err := one.Read(t.Context())
		if err != nil || len(p.Events) != 4 || !p.Ended || p.Status != execution.Completed {
			t.Errorf("%+v, %v", p, err)
		}
		for _, e := range p.Events {
			if want := map[execution.EventKind]execution.Status{
				execution.EventCreated: execution.Created, execution.EventReady: execution.Pending,
				execution.EventClaimed: execution.Running, execution.EventCompleted: execution.Completed,
			}[e.Kind]; e.Status != want {
				t.Errorf("%s leads to %s, want %s", e.Kind, e.Status, want)
			}
		}
		one.Close()
		one.Close()
		all.Close()
		if n := b.Streams(); n != 0 {
			t.Errorf("%d streams are left", n)
		}
	})
}

// A commit of which nobody knew at first whether it happened wakes streams too.
func TestStreamsSeeWhatWasInDoubt(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		b.worker(1, "echo")
		s := b.start("echo", func(r *engine.StartRequest) { r.Delay = time.Hour })
		one, err := b.Follow(t.Context(), b.root, s.ID, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer one.Close()
		fs.Set(faultstore.At("Commit", 1, faultstore.Applied))
		if _, _, err := b.Cancel(t.Context(), b.root, s.ID, engine.CancelRequest{}); err == nil {
			t.Error("the cancel was answered as if its outcome were known")
		}
		if !woken(one.Changed()) {
			t.Error("not woken")
		}
		if p, err := one.Read(t.Context()); err != nil || !p.Ended || p.Status != execution.Cancelled {
			t.Errorf("%+v, %v", p, err)
		}
	})
}
