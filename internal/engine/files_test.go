package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/blob"
	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// keeping gives the engine a folder for contents.
func keeping(t *testing.T) (blob.Store, func(*engine.Config)) {
	t.Helper()
	contents, err := blob.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = contents.Close() })
	return contents, func(c *engine.Config) { c.Files = contents }
}

// leaping runs a test in virtual time on a store whose clock can leap ahead: the loops need not tick through days.
func leaping(t *testing.T, f func(t *testing.T, b *bench, fs *faultstore.Store, leap func(time.Duration)), change ...func(*engine.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		fs := faultstore.New(teststore.Open(t, teststore.Clock(func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })))
		b := run(t, fs, change...)
		f(t, b, fs, func(d time.Duration) {
			ahead.Add(int64(d))
			time.Sleep(25 * time.Second) // the janitor's rounds
		})
		b.audit()
	})
}

// kept are the names of the contents.
func kept(t *testing.T, contents blob.Store) []string {
	t.Helper()
	list := []string{}
	if err := contents.Each(t.Context(), func(name string) error { list = append(list, name); return nil }); err != nil {
		t.Fatal(err)
	}
	return list
}

func (b *bench) upload(content string) (*engine.File, error) {
	return b.Upload(b.t.Context(), b.root, engine.FileSpec{Name: "f", MIME: "text/plain"}, strings.NewReader(content))
}

func (b *bench) mustUpload(content string) *engine.File {
	b.t.Helper()
	f, err := b.upload(content)
	if err != nil {
		b.t.Fatal(err)
	}
	return f
}

// fileThere reports whether the file has a record, and fails the test when its content does not agree.
func (b *bench) fileThere(t *testing.T, contents blob.Store, id execution.ID) bool {
	t.Helper()
	_, err := b.File(t.Context(), b.root, id, nil)
	there := err == nil
	if has := slices.Contains(kept(t, contents), id.Text(execution.PrefixFile)); has != there {
		t.Errorf("record: %t, content: %t", there, has)
	}
	return there
}

func refer(files ...*engine.File) func(*engine.StartRequest) {
	return func(r *engine.StartRequest) {
		r.Input = []byte(`{"files":[`)
		for i, f := range files {
			if i > 0 {
				r.Input = append(r.Input, ',')
			}
			r.Input = append(r.Input, `{"fileId":"`+f.ID.Text(execution.PrefixFile)+`"}`...)
		}
		r.Input = append(r.Input, ']', '}')
	}
}

// A file goes a day after its upload when nobody uses it, and with the last execution that does.
func TestFilesLiveWithTheirExecutions(t *testing.T) {
	t.Parallel()
	contents, files := keeping(t)
	leaping(t, func(t *testing.T, b *bench, _ *faultstore.Store, leap func(time.Duration)) {
		w := b.worker(10, "short")
		keep := 48 * time.Hour
		if _, err := b.UpdateWorkflow(t.Context(), b.root, "short", engine.WorkflowUpdate{Retention: &keep}); err != nil {
			t.Fatal(err)
		}
		unused, used, deleted := b.mustUpload("unused"), b.mustUpload("used"), b.mustUpload("deleted")
		x := b.start("short", refer(used, deleted)).ID
		a := w.poll()[0]
		accepted(t, w.report(complete(a, `{"out":{"fileId":"`+used.ID.Text(execution.PrefixFile)+`"}}`)))
		if err := b.DeleteFile(t.Context(), b.root, deleted.ID); err != nil {
			t.Errorf("a file of a finished execution: %v", err)
		}
		b.fileThere(t, contents, deleted.ID)
		leap(23 * time.Hour)
		if !b.fileThere(t, contents, unused.ID) {
			t.Error("an unused file went before its time")
		}
		leap(2 * time.Hour)
		if b.fileThere(t, contents, unused.ID) || !b.fileThere(t, contents, used.ID) {
			t.Error("after a day only the used file should be there")
		}
		leap(24 * time.Hour)
		if b.there(x) || b.fileThere(t, contents, used.ID) {
			t.Error("the file should be gone with its execution")
		}
		if got := kept(t, contents); len(got) != 0 {
			t.Errorf("left behind: %q", got)
		}
	}, files)
}

// What a crash has left between content and record is swept once it is old, and nothing else is.
func TestSweep(t *testing.T) {
	t.Parallel()
	contents, files := keeping(t)
	leaping(t, func(t *testing.T, b *bench, _ *faultstore.Store, leap func(time.Duration)) {
		recorded := b.mustUpload("recorded")
		b.worker(1, "w")
		b.start("w", refer(recorded))
		put := func(age time.Duration) string {
			t.Helper()
			name := execution.MakeID(b.Now().Add(-age).Std().UnixMilli(), 7, 99).Text(execution.PrefixFile)
			if _, err := contents.Put(t.Context(), name, strings.NewReader("orphan")); err != nil {
				t.Fatal(err)
			}
			return name
		}
		var names []string
		for age := range 300 { // more than one command asks for
			names = append(names, put(25*time.Hour+time.Duration(age)*time.Minute))
		}
		young := put(23 * time.Hour)
		if _, err := contents.Put(t.Context(), "somebody_elses", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		has := func(name string) bool { return slices.Contains(kept(t, contents), name) }
		b = b.restart(files) // sweeps at once
		leap(0)
		if slices.ContainsFunc(names, has) || !has(young) || !has("somebody_elses") || !b.fileThere(t, contents, recorded.ID) {
			t.Errorf("after a sweep: %q", kept(t, contents))
		}
		leap(2 * time.Hour)
		time.Sleep(6 * time.Hour) // it sweeps by itself now and then
		if has(young) || !has("somebody_elses") || !b.fileThere(t, contents, recorded.ID) {
			t.Errorf("after another sweep: %q", kept(t, contents))
		}
	}, files)
}

// However the commit of an upload ends, record and content agree in the end, and the quota with them.
func TestUploadFaults(t *testing.T) {
	t.Parallel()
	contents, files := keeping(t)
	leaping(t, func(t *testing.T, b *bench, fs *faultstore.Store, leap func(time.Duration)) {
		for _, c := range []struct {
			fault faultstore.Fault
			there bool // the content, as long as nobody sweeps
		}{
			{faultstore.Before, false}, {faultstore.Refused, false}, {faultstore.Unknown, true}, {faultstore.Applied, true},
		} {
			time.Sleep(3500 * time.Millisecond) // between the rounds of the loops
			before := kept(t, contents)
			fs.Set(faultstore.At("Commit", 1, c.fault))
			if f, err := b.upload("content"); err == nil {
				t.Errorf("fault %d: uploaded %+v", c.fault, f)
			}
			fs.Set(nil)
			if got := len(kept(t, contents)) > len(before); got != c.there {
				t.Errorf("fault %d: content there: %t", c.fault, got)
			}
		}
		list, _, err := b.Files(t.Context(), b.root, engine.FileList{Limit: 10})
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		leap(25 * time.Hour)
		b.restart(files)
		leap(0)
		if got := kept(t, contents); len(got) != 0 {
			t.Errorf("left behind: %q", got)
		}
	}, files)
}

// A file that a broken reader gives, that is too large or beyond the quota, or has another digest, leaves nothing, and
// does not count.
func TestRefusedUploads(t *testing.T) {
	t.Parallel()
	contents, files := keeping(t)
	bubble(t, func(t *testing.T, b *bench) {
		broken := errors.New("broken")
		upload := func(spec engine.FileSpec, r io.Reader) error {
			_, err := b.Upload(t.Context(), b.root, spec, r)
			return err
		}
		code := func(err error) engine.Code {
			var e *engine.Error
			if !errors.As(err, &e) {
				t.Errorf("not a refusal: %v", err)
				return ""
			}
			return e.Code
		}
		for range 3 {
			if err := upload(engine.FileSpec{}, io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
				t.Errorf("broken: %v", err)
			}
			if got := code(upload(engine.FileSpec{}, strings.NewReader(strings.Repeat("x", 101)))); got != engine.CodeTooLarge {
				t.Errorf("large: %s", got)
			}
			if got := code(upload(engine.FileSpec{Digest: new([32]byte)}, strings.NewReader("x"))); got != engine.CodeDigest {
				t.Errorf("digest: %s", got)
			}
			ends, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := b.Upload(ends, b.root, engine.FileSpec{}, strings.NewReader("x")); !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		}
		b.mustUpload(strings.Repeat("x", 100))
		b.mustUpload(strings.Repeat("x", 50))
		if got := code(upload(engine.FileSpec{}, strings.NewReader("x"))); got != engine.CodeQuota {
			t.Errorf("quota: %s", got)
		}
		b = b.restart(files, func(c *engine.Config) { c.MaxFile, c.FileQuota = 100, 150 })
		if got := code(upload(engine.FileSpec{}, strings.NewReader("x"))); got != engine.CodeQuota {
			t.Errorf("quota after a restart: %s", got)
		}
		if n := len(kept(t, contents)); n != 2 {
			t.Errorf("%d contents", n)
		}
	}, files, func(c *engine.Config) { c.MaxFile, c.FileQuota = 100, 150 })
}

// Starts, deletions and discards of the same files at the same time: no execution is left with a file that is gone.
func TestFilesUnderContention(t *testing.T) {
	t.Parallel()
	contents, files := keeping(t)
	b := setup(t, files)
	if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w"}); err != nil {
		t.Fatal(err)
	}
	started, refused := 0, 0
	for round := range 60 {
		f := b.mustUpload(fmt.Sprint("round ", round))
		var wg sync.WaitGroup
		var mu sync.Mutex
		used := 0
		for i := range 6 {
			wg.Go(func() {
				for range rand.IntN(1 + 100*i) {
					runtime.Gosched()
				}
				if i == 4 {
					_ = b.DiscardFiles(t.Context(), b.root, []execution.ID{f.ID})
					return
				}
				if i == 5 {
					_ = b.DeleteFile(t.Context(), b.root, f.ID)
					return
				}
				_, err := b.tryStart("w", refer(f))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					used++
					started++
					return
				}
				refused++
				var e *engine.Error
				if !errors.As(err, &e) || e.Code != engine.CodeInvalid || e.Fields[0].Field != "input.files[0].fileId" {
					t.Errorf("refused with %v", err)
				}
			})
		}
		wg.Wait()
		if b.fileThere(t, contents, f.ID) != (used > 0) {
			t.Errorf("%d executions use the file", used)
		}
	}
	t.Logf("%d starts, %d refused", started, refused)
	b.audit()
}

// The record of an upload for an execution is made only under its current lease.
func TestUploadByLease(t *testing.T) {
	t.Parallel()
	contents, files := keeping(t)
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "w")
		x := b.start("w")
		a := w.poll()[0]
		// The lease is lost while the content is on its way.
		_, err := b.Upload(t.Context(), b.root, engine.FileSpec{Holding: &engine.Holding{Execution: x.ID, Lease: a.Lease}}, readerFunc(func([]byte) (int, error) {
			accepted(t, w.report(complete(a, `{}`)))
			return 0, io.EOF
		}))
		var rule *execution.Error
		if !errors.As(err, &rule) || rule.Code != execution.CodeAlreadyTerminal {
			t.Errorf("an execution that ended meanwhile: %v", err)
		}
		if got := kept(t, contents); len(got) != 0 {
			t.Errorf("left behind: %q", got)
		}
		b.audit()
	}, files)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Without a place for contents, files are refused and everything else works.
func TestWithoutFiles(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		var e *engine.Error
		if _, err := b.upload("x"); !errors.As(err, &e) || e.Code != engine.CodeUnavailable {
			t.Errorf("%v", err)
		}
		b.worker(1, "w")
		b.start("w")
	})
}
