package engine_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// coarse is for tests in which days pass: their sessions end meanwhile.
func finished(t *testing.T, b *bench, w *worker, workflow string, n int, change ...func(*engine.StartRequest)) []execution.ID {
	t.Helper()
	var out []execution.ID
	for range n {
		out = append(out, b.start(workflow, change...).ID)
	}
	for done := 0; done < n; {
		var ops []engine.Operation
		for _, a := range w.poll() {
			ops = append(ops, complete(a, `{}`))
		}
		accepted(t, w.report(ops...))
		done += len(ops)
	}
	return out
}

func (b *bench) there(id execution.ID) bool {
	_, err := b.store.Get(b.t.Context(), b.root.Project, id)
	return err == nil
}

func TestRetention(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(100, "short", "default", "ever")
		hour, never := 2*time.Minute, time.Duration(-1)
		if _, err := b.UpdateWorkflow(t.Context(), b.root, "short", engine.WorkflowUpdate{Retention: &hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.UpdateWorkflow(t.Context(), b.root, "ever", engine.WorkflowUpdate{Retention: &never}); err != nil {
			t.Fatal(err)
		}
		short := finished(t, b, w, "short", 150, func(r *engine.StartRequest) { r.Metadata = map[string]string{"a": "b"} })
		def := finished(t, b, w, "default", 1)
		ever := finished(t, b, w, "ever", 1)
		key := b.start("short", keyed("k", 1)).ID
		a := w.poll()[0]
		open := b.start("short").ID
		accepted(t, w.report(complete(a, `{}`)))
		largest := 0
		fs.RefuseIf(func(c *store.Changes) bool {
			largest = max(largest, len(c.Delete))
			return false
		})
		time.Sleep(100 * time.Second)
		synctest.Wait()
		if !b.there(short[0]) || !b.there(def[0]) {
			t.Error("removed before its retention")
		}
		time.Sleep(90 * time.Second)
		synctest.Wait()
		for _, id := range short {
			if b.there(id) {
				t.Fatalf("%s is still there", id)
			}
		}
		if largest == 0 || largest > 64 {
			t.Errorf("%d were removed in one transaction, want at most 64", largest)
		}
		if !b.there(def[0]) || !b.there(ever[0]) || !b.there(open) {
			t.Error("removed what is to be kept")
		}
		_, err := b.Get(t.Context(), b.root, short[0], engine.GetOptions{})
		wantCode(t, "get what was removed", err, "not_found")
		again := b.start("short", keyed("k", 1))
		if !again.Replayed || !again.Deleted || again.ID != key {
			t.Errorf("a repeat of a removed one: %+v", again)
		}
		n, err := b.Counts(t.Context(), b.root, "", time.Time{}, time.Time{})
		if err != nil || total(n) != 3 {
			t.Errorf("counts %+v, %v, want 3", n, err)
		}
		b.audit()
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		if b.there(def[0]) || !b.there(ever[0]) {
			t.Error("the server's retention, or that without end, is not kept")
		}
	}, func(c *engine.Config) { c.Retention = 8 * time.Minute })
}

// What cannot be removed does not keep the rest.
func TestTheJanitorGoesOn(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(100, "a", "b")
		as, bs := finished(t, b, w, "a", 10), finished(t, b, w, "b", 10)
		fs.RefuseIf(func(c *store.Changes) bool {
			for _, r := range c.Delete {
				if r.ID == as[4] {
					return true
				}
			}
			return false
		})
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		for i, id := range append(as, bs...) {
			if there := b.there(id); there != (i == 4) {
				t.Errorf("%d is there: %t", i, there)
			}
		}
	}, func(c *engine.Config) { c.Retention = time.Minute })
}

// Idempotency keys are forgotten when their window is over, also when there are more than one sweep looks at.
func TestKeysAreSwept(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w"}); err != nil {
			t.Fatal(err)
		}
		var first execution.ID
		for i := range 3 {
			var rs []*engine.StartRequest
			for j := range 1000 {
				rs = append(rs, &engine.StartRequest{Workflow: "w", Input: []byte(`{}`), IdempotencyKey: string(rune('a'+i)) + string(rune('0'+j%10)) + time.Duration(j).String(), Hash: 1})
			}
			for _, o := range b.StartBatch(t.Context(), b.root, rs) {
				if o.Err != nil {
					t.Fatal(o.Err)
				}
				if first.IsZero() {
					first = o.Started.ID
				}
			}
		}
		key := "a00s"
		s := b.start("w", keyed(key, 1))
		if !s.Replayed || s.ID != first || s.KeyExpires.Sub(s.View.CreatedAt) != 5*time.Minute {
			t.Fatalf("a repeat within the window: %+v", s)
		}
		time.Sleep(4 * time.Minute)
		if s := b.start("w", keyed(key, 1)); !s.Replayed {
			t.Error("forgotten before its window is over")
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		for _, key := range []string{key, "b5555ns", "c9999ns"} {
			if s := b.start("w", keyed(key, 2)); s.Replayed {
				t.Errorf("key %s is remembered past its window", key)
			}
		}
		b.audit()
	}, func(c *engine.Config) { c.KeyWindow = 5 * time.Minute })
}

// With the disk nearly full starts are refused before they do anything; what runs is brought to its end.
func TestLowDisk(t *testing.T) {
	t.Parallel()
	var free atomic.Int64
	free.Store(1 << 30)
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(2, "w")
		s := b.start("w", keyed("k", 1))
		a := w.poll()[0]
		set := func(n int64) {
			free.Store(n)
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
		}
		set(99)
		if !b.LowDisk() {
			t.Error("not noticed")
		}
		_, err := b.tryStart("w")
		wantCode(t, "a start", err, "insufficient_storage")
		_, err = b.tryStart("w", keyed("l", 1))
		wantCode(t, "a start with a key", err, "insufficient_storage")
		if again := b.start("w", keyed("k", 1)); !again.Replayed || again.ID != s.ID {
			t.Errorf("a repeat: %+v", again)
		}
		accepted(t, w.report(step(a, "a", `1`), complete(a, `{}`)))
		for _, n := range []int64{100, 112, 99, 101} {
			set(n)
			if !b.LowDisk() {
				t.Errorf("starts are accepted again with %d bytes free, want some more first", n)
			}
		}
		set(113)
		if s := b.start("w", keyed("l", 1)); s.Replayed {
			t.Error("the refused start kept its key")
		}
		set(100)
		b.start("w")
		b.audit()
	}, func(c *engine.Config) {
		c.LowDisk = 100
		c.DiskFree = func() (int64, error) { return free.Load(), nil }
	})
}

// What the janitor or a caller removes makes room for starts, although the file stays as large as it was.
func TestDeletionsMakeRoom(t *testing.T) {
	t.Parallel()
	if teststore.OnPostgres() {
		t.Skip("the disk of a database is not watched from here")
	}
	const limit = 1 << 20
	var free atomic.Int64
	free.Store(4 * limit)
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "w")
		output := `{"text":"` + strings.Repeat("x", 256<<10) + `"}`
		var ids []execution.ID
		for range 8 {
			s := b.start("w")
			accepted(t, w.report(complete(w.poll()[0], output)))
			ids = append(ids, s.ID)
		}
		free.Store(limit / 2)
		settled := func() {
			time.Sleep(1100 * time.Millisecond)
			synctest.Wait()
		}
		settled()
		_, err := b.tryStart("w")
		wantCode(t, "a start on a full disk", err, "insufficient_storage")
		for _, id := range ids {
			if err := b.Delete(t.Context(), b.root, id); err != nil {
				t.Fatal(err)
			}
		}
		settled()
		b.start("w")
		free.Store(limit/4 - 1)
		settled()
		_, err = b.tryStart("w")
		wantCode(t, "a start without disk for the log", err, "insufficient_storage")
		b.audit()
	}, func(c *engine.Config) {
		c.LowDisk = limit
		c.DiskFree = func() (int64, error) { return free.Load(), nil }
	})
}

func TestABacklogHasALimit(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "w")
		for range 3 {
			b.start("w")
		}
		_, err := b.tryStart("w")
		wantCode(t, "the fourth", err, "backlog_full")
		a := w.poll()[0]
		accepted(t, w.report(complete(a, `{}`)))
		b.start("w")
		_, err = b.tryStart("w")
		wantCode(t, "the fourth again", err, "backlog_full")
		b = b.restart(func(c *engine.Config) { c.MaxBacklog = 3 })
		_, err = b.tryStart("w")
		wantCode(t, "after a restart", err, "backlog_full")
		if _, err := b.CancelAll(t.Context(), b.root, &engine.ListRequest{Limit: 10}, engine.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		b.start("w")
		b.audit()
	}, func(c *engine.Config) { c.MaxBacklog = 3 })
}
