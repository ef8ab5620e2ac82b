package engine_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// G12: a hold never sleeps through the end, whenever it begins.
func TestHoldsNeverSleepThroughTheEnd(t *testing.T) {
	t.Parallel()
	rounds := 60
	if wide {
		rounds = 5000
	}
	b := setup(t)
	w := b.worker(64, "echo")
	for i := range rounds {
		if i%100 == 99 {
			w.beat()
		}
		s := b.start("echo")
		a := w.poll()[0]
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				v, err := b.Get(t.Context(), b.root, s.ID, engine.GetOptions{Wait: 30 * time.Second})
				if err != nil || v.Status != execution.Completed || string(v.Output) != `{"x":1}` {
					t.Errorf("the hold answered %+v, %v", v, err)
				}
			})
		}
		wg.Go(func() { accepted(t, w.report(complete(a, `{"x":1}`))) })
		wg.Wait()
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		get := func(ctx context.Context, id execution.ID, wait time.Duration) (*engine.View, error) {
			return b.Get(ctx, b.root, id, engine.GetOptions{Wait: wait, Steps: true})
		}
		s := b.start("echo")
		a := w.poll()[0]
		w.pollFor(0)

		begun := time.Now()
		if v, err := get(t.Context(), s.ID, 3*time.Second); err != nil || v.Status != execution.Running || time.Since(begun) != 3*time.Second {
			t.Errorf("a hold that is over: %+v, %v after %s", v, err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun = time.Now()
		_, _ = get(ctx, s.ID, time.Minute)
		if d := time.Since(begun); d != time.Second {
			t.Errorf("a hold whose caller left ended after %s", d)
		}

		// Deleted while held: whoever waited for the end gets the end or hears of the deletion, and gets it at once.
		held := make(chan error, 1)
		go func() {
			v, err := get(t.Context(), s.ID, time.Minute)
			if err == nil && v.Status != execution.Completed {
				t.Errorf("the hold answered %s", v.Status)
			}
			held <- err
		}()
		synctest.Wait()
		begun = time.Now()
		accepted(t, w.report(step(a, "a", `1`), complete(a, `{}`)))
		if err := b.Delete(t.Context(), b.root, s.ID); err != nil {
			t.Fatal(err)
		}
		if err := <-held; err != nil {
			wantCode(t, "held over a deletion", err, "deleted")
		}
		if d := time.Since(begun); d != 0 {
			t.Errorf("the hold ended %s after the end", d)
		}
		if _, err := get(t.Context(), s.ID, time.Minute); true {
			wantCode(t, "after the deletion", err, "deleted")
		}
		_, err := get(t.Context(), execution.MakeID(7, 7, 7), time.Minute)
		wantCode(t, "unknown", err, "not_found")
		if time.Since(begun) != 0 {
			t.Error("a hold waits for what is not there")
		}

		// A start that holds through every sort of end.
		for status, end := range map[execution.Status]func(a engine.Assignment){
			execution.Completed: func(a engine.Assignment) { accepted(t, w.report(complete(a, `{"y":2}`))) },
			execution.Failed: func(a engine.Assignment) {
				o := op(a, engine.OpFail)
				o.Code, o.Message, o.Details = "boom", "it broke", []byte(`{"at":1}`)
				accepted(t, w.report(o))
			},
			execution.Rejected: func(a engine.Assignment) {
				o := op(a, engine.OpReject)
				o.Code, o.Message = "no", "declined"
				accepted(t, w.report(o))
			},
			execution.Cancelled: func(a engine.Assignment) {
				if _, err := b.Terminate(t.Context(), b.root, a.ID, "stop"); err != nil {
					t.Error(err)
				}
			},
		} {
			started := make(chan *engine.Started, 1)
			go func() {
				started <- b.start("echo", func(r *engine.StartRequest) { r.Wait, r.Steps = time.Minute, status == execution.Failed })
			}()
			a := w.poll()[0]
			time.Sleep(time.Second)
			end(a)
			got := (<-started).View
			want := b.get(a.ID)
			if got.Status != status || string(got.Output) != string(want.Output) || got.Message != want.Message ||
				got.ErrorCode != want.ErrorCode || string(got.ErrorDetails) != string(want.ErrorDetails) || got.Revision != want.Revision ||
				got.CompletedAt != want.CompletedAt || string(got.Input) != string(want.Input) {
				t.Errorf("the hold answered\n%+v, a read\n%+v", got, want)
			}
		}
		b.audit()
	})
}

// An execution that is deleted between the two reads of an answer is answered as deleted, never as an error of the server.
func TestDeletedWhileItIsRead(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		w := b.worker(1, "echo")
		deletedAmid := func(method string) execution.ID {
			t.Helper()
			s := b.start("echo", withCallback)
			accepted(t, w.report(complete(w.poll()[0], `{}`)))
			fs.Amid(method, func(context.Context) {
				if err := b.Delete(t.Context(), b.root, s.ID); err != nil {
					t.Error(err)
				}
			})
			return s.ID
		}
		for method, o := range map[string]engine.GetOptions{
			"Ends": {}, "Events": {Steps: true}, "Get": {Wait: time.Minute},
		} {
			_, err := b.Get(t.Context(), b.root, deletedAmid(method), o)
			wantCode(t, "deleted amid "+method, err, "deleted")
		}
		// What was to be told of it is unwanted, and a list that still has it leaves out where it was to go.
		id := deletedAmid("Ends")
		list, _, err := b.Deliveries(t.Context(), b.root, engine.DeliveryFilter{Execution: id, Limit: 1})
		if err != nil || len(list) != 1 || list[0].URL != "" {
			t.Errorf("deliveries read amid the deletion: %+v, %v", list, err)
		}
		id = deletedAmid("Ends")
		page, err := b.DueDeliveries(t.Context(), engine.DueQuery{Each: 1, Limit: 1})
		if err != nil || len(page.Due) != 1 || page.Due[0].Execution != id {
			t.Fatal(page, err)
		}
		if m, err := b.Message(t.Context(), &page.Due[0]); !errors.Is(err, engine.ErrUnwanted) {
			t.Errorf("the message of what is deleted: %+v, %v", m, err)
		}
		s := b.start("echo")
		fs.Amid("Ends", func(context.Context) {
			if err := b.Delete(t.Context(), b.root, s.ID); err != nil {
				t.Error(err)
			}
		})
		_, err = b.Terminate(t.Context(), b.root, s.ID, "stop")
		wantCode(t, "deleted once it was terminated", err, "deleted")
	})
}

func TestDeletionAndRedaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(10, "echo")
	finish := func() execution.ID {
		s := b.start("echo", func(r *engine.StartRequest) { r.Metadata = map[string]string{"k": "v"} })
		a := w.poll()[0]
		line := op(a, engine.OpLog)
		line.Level, line.Message = "info", "secret"
		accepted(t, w.report(line, step(a, "a", `"secret"`), complete(a, `"secret"`)))
		return s.ID
	}
	running := b.start("echo").ID
	a := w.poll()[0]
	wantCode(t, "delete a running one", b.Delete(t.Context(), b.root, running), "not_finished")
	wantCode(t, "redact a running one", b.Redact(t.Context(), b.root, running), "not_finished")
	accepted(t, w.report(complete(a, `{}`)))
	gone, blank := finish(), finish()
	if err := b.Delete(t.Context(), b.root, gone); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "delete again", b.Delete(t.Context(), b.root, gone), "deleted")
	for range 2 {
		if err := b.Redact(t.Context(), b.root, blank); err != nil {
			t.Fatal(err)
		}
	}
	v := b.get(blank)
	if !v.Redacted || v.Status != execution.Completed || v.Input != nil || v.Output != nil || v.Details != nil || v.Steps[0].Output != nil {
		t.Errorf("redacted: %+v", v)
	}
	if lines, _, _, err := b.Logs(t.Context(), b.root, blank, engine.LogRequest{Limit: 10}); err != nil || len(lines) != 0 {
		t.Errorf("its logs: %v, %v", lines, err)
	}
	list, err := b.List(t.Context(), b.root, &engine.ListRequest{Metadata: map[string]string{"k": "v"}, Limit: 10})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("found by the metadata of what is gone: %v, %v", list.Items, err)
	}
	if err := b.Delete(t.Context(), b.root, blank); err != nil {
		t.Fatal(err)
	}
	n, err := b.Counts(t.Context(), b.root, "", time.Time{}, time.Time{})
	if err != nil || total(n) != 1 {
		t.Errorf("counts %+v, %v, want the one that is left", n, err)
	}
	// Two deletions of one execution in the same batch.
	both := finish()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = b.Delete(t.Context(), b.root, both) })
	}
	wg.Wait()
	ok := 0
	for _, err := range errs {
		if err == nil {
			ok++
		} else {
			wantCode(t, "a second deletion", err, "deleted")
		}
	}
	if ok != 1 {
		t.Errorf("%d deletions succeeded, want 1", ok)
	}
	b.audit()
}
