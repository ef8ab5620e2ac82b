package demo_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sojournhq/sojourn/internal/demo"
	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/sdk/go/sojourntest"
)

const (
	invoices = "../../examples/invoices"
	opticks  = "../../examples/texts/newton-opticks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// offer runs a server with the workflows.
func offer(t *testing.T) *sojourntest.Server {
	t.Helper()
	srv := sojourntest.New(t)
	srv.Worker(demo.Register)
	return srv
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// run starts an execution and waits for its end.
func run(t *testing.T, srv *sojourntest.Server, workflow string, input any) *sojourn.Execution {
	t.Helper()
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: workflow, Input: input})
	if err != nil {
		t.Fatal(err)
	}
	x, err = srv.Client().Executions.Wait(within(t), x.ID, sojourn.IncludeSteps())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func expectOutput(t *testing.T, x *sojourn.Execution, want []byte) {
	t.Helper()
	if x.Status != sojourn.StatusCompleted {
		t.Fatalf("%s: %s", x.Status, x.Error)
	}
	var got, wanted any
	if err := errors.Join(json.Unmarshal(x.Output, &got), json.Unmarshal(want, &wanted)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func names(steps []sojourn.StepRecord) []string {
	out := []string{}
	for _, s := range steps {
		out = append(out, s.Name)
	}
	return out
}

func TestEcho(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	for _, input := range []string{`{}`, `{"name":"Ada","list":[1,2.50,null,{"ä":"☃"}],"html":"<&>"}`} {
		expectOutput(t, run(t, srv, "echo", json.RawMessage(input)), []byte(input))
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	x := run(t, srv, "sleep", map[string]any{"seconds": 0})
	expectOutput(t, x, []byte(`{"slept_seconds":0}`))
	x = run(t, srv, "sleep", map[string]any{"seconds": 1.2})
	expectOutput(t, x, []byte(`{"slept_seconds":1.2}`))
	if got := x.CompletedAt.Sub(x.StartedAt); got < 1200*time.Millisecond {
		t.Errorf("slept 1.2 s in %s", got)
	}
	if x.Progress == nil || *x.Progress != 1 {
		t.Errorf("progress %v at the end", x.Progress)
	}
	if got := names(x.Steps); !slices.Equal(got, []string{"tick", "tick#2"}) {
		t.Errorf("steps %q: expected one for each second begun", got)
	}
}

// TestSleepGoesOn kills the worker in the middle: the seconds already slept are not slept again.
func TestSleepGoesOn(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	worker := srv.Worker(demo.Register)
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "sleep", Input: map[string]any{"seconds": 2}})
	if err != nil {
		t.Fatal(err)
	}
	first := srv.AwaitFunc(within(t), x.ID, "in its second tick", func(x *sojourn.Execution) bool { return len(x.Steps) == 2 })
	worker.Kill()
	srv.Worker(demo.Register)
	x, err = srv.Client().Executions.Wait(within(t), x.ID, sojourn.IncludeSteps())
	if err != nil {
		t.Fatal(err)
	}
	expectOutput(t, x, []byte(`{"slept_seconds":2}`))
	if x.Attempt != 2 || len(x.Steps) != 2 || !x.Steps[0].StartedAt.Equal(first.Steps[0].StartedAt) || !x.Steps[1].Until.Equal(first.Steps[1].Until) {
		t.Errorf("attempt %d, steps %+v, before %+v", x.Attempt, x.Steps, first.Steps)
	}
}

func TestSleepHonoursCancel(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "sleep", Input: map[string]any{"seconds": 3600}})
	if err != nil {
		t.Fatal(err)
	}
	srv.AwaitFunc(within(t), x.ID, "asleep", func(x *sojourn.Execution) bool { return len(x.Steps) > 0 })
	if _, err := srv.Client().Executions.Cancel(within(t), x.ID, sojourn.CancelParams{Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	x = srv.Await(x.ID, sojourn.StatusCancelled)
	if got := x.CompletedAt.Sub(x.CancelRequestedAt); got > 10*time.Second {
		t.Errorf("took %s to stop", got)
	}
}

func TestFail(t *testing.T) {
	t.Parallel()
	x := run(t, offer(t), "fail", map[string]any{"any": "thing"})
	if x.Status != sojourn.StatusFailed || x.ErrorCode != "always_fails" || !strings.Contains(x.Error, "this workflow always fails") {
		t.Errorf("%s, code %q, error %q", x.Status, x.ErrorCode, x.Error)
	}
	if got := names(x.Steps); !slices.Equal(got, []string{"prepare", "break"}) || x.Steps[0].Status != "completed" || x.Steps[1].Status != "failed" {
		t.Errorf("steps %+v", x.Steps)
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	expectOutput(t, run(t, srv, "steps", nil), []byte(`{"message":"twice 21 is 42"}`))
	x := run(t, srv, "steps", map[string]any{"number": -5})
	expectOutput(t, x, []byte(`{"message":"twice -5 is -10"}`))
	want := []string{`fetch {"number":-5}`, `double {"double":-10}`, `describe {"message":"twice -5 is -10"}`}
	var got []string
	for _, s := range x.Steps {
		got = append(got, s.Name+" "+string(s.Output))
		if s.Status != "completed" || s.ID == "" {
			t.Errorf("step %+v", s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	start := func(input any) *sojourn.Execution {
		t.Helper()
		x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "approval", Input: input})
		if err != nil {
			t.Fatal(err)
		}
		return srv.Await(x.ID, sojourn.StatusWaiting)
	}
	x := start(map[string]any{"question": "Ship it?"})
	if len(x.Awaiting) != 1 || x.Awaiting[0].Name != "manager" || string(x.Awaiting[0].Payload) != `{"question":"Ship it?"}` || x.StatusReason != "approval:manager" {
		t.Errorf("%s, awaiting %+v", x.StatusReason, x.Awaiting)
	}
	if _, err := srv.Client().Executions.Approve(within(t), x.ID, sojourn.DecisionParams{Comment: "go", By: "Ada"}); err != nil {
		t.Fatal(err)
	}
	expectOutput(t, srv.Await(x.ID, sojourn.StatusCompleted), []byte(`{"approved":true,"comment":"go","by":"Ada"}`))

	x = start(nil)
	if _, err := srv.Client().Executions.Reject(within(t), x.ID, sojourn.DecisionParams{Comment: "no"}); err != nil {
		t.Fatal(err)
	}
	if x := srv.Await(x.ID, sojourn.StatusRejected); x.Error != "no" || x.ErrorCode != "approval_rejected" {
		t.Errorf("%s: %s", x.ErrorCode, x.Error)
	}

	x = start(map[string]any{"timeout_seconds": 600})
	srv.Advance(10 * time.Minute)
	if x := srv.Await(x.ID, sojourn.StatusFailed); x.ErrorCode != "wait_timeout" {
		t.Errorf("%s: %s", x.ErrorCode, x.Error)
	}
}

func TestSummarize(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	x := run(t, srv, "summarize", map[string]any{"text": string(read(t, opticks+".txt"))})
	expectOutput(t, x, read(t, opticks+".json"))
	if x.Progress == nil || *x.Progress != 1 || len(x.Steps) < 20 {
		t.Errorf("progress %v, %d steps", x.Progress, len(x.Steps))
	}
	x = run(t, srv, "summarize", map[string]any{"text": "One sentence stands here. Another one follows it.", "sentences": 1, "keywords": 1})
	var out struct {
		Sentences []any    `json:"sentences"`
		Keywords  []string `json:"keywords"`
	}
	if err := x.DecodeOutput(&out); err != nil || len(out.Sentences) != 1 || len(out.Keywords) > 1 {
		t.Errorf("%s, %v", x.Output, err)
	}
	x = run(t, srv, "summarize", map[string]any{"text": "…"})
	if x.Status != sojourn.StatusFailed || x.ErrorCode != "no_sentences" {
		t.Errorf("no sentences: %s, code %q, error %q", x.Status, x.ErrorCode, x.Error)
	}
}

// TestExtractInvoice reads every sample, from the disk and from the input, and compares with the JSON beside it.
func TestExtractInvoice(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	files, err := filepath.Glob(invoices + "/*.json")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, expected := range files {
		pdf := strings.TrimSuffix(expected, ".json") + ".pdf"
		t.Run(filepath.Base(pdf), func(t *testing.T) {
			t.Parallel()
			for _, input := range []map[string]any{
				{"path": pdf},
				{"document": upload(t, srv, pdf)},
				{"content_base64": base64.StdEncoding.EncodeToString(read(t, pdf)), "filename": filepath.Base(pdf)},
			} {
				x := run(t, srv, "extract-invoice", input)
				expectOutput(t, x, read(t, expected))
				if got := names(x.Steps); !slices.Equal(got, []string{"read", "text", "header", "items", "totals", "check"}) {
					t.Errorf("steps %q", got)
				}
				if x.Progress == nil || *x.Progress != 1 {
					t.Errorf("progress %v", x.Progress)
				}
				var source struct {
					Name   string `json:"name"`
					Bytes  int    `json:"bytes"`
					SHA256 string `json:"sha256"`
				}
				if err := json.Unmarshal(x.Steps[0].Output, &source); err != nil {
					t.Fatal(err)
				}
				if source.Name != filepath.Base(pdf) || source.Bytes != len(read(t, pdf)) || len(source.SHA256) != 64 {
					t.Errorf("read %+v", source)
				}
			}
		})
	}
}

func upload(t *testing.T, srv *sojourntest.Server, path string) *sojourn.File {
	t.Helper()
	f, err := srv.Client().Files.UploadPath(within(t), path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFile(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	pdf := upload(t, srv, invoices+"/browser-us.pdf")
	text := upload(t, srv, opticks+".txt")
	one := fmt.Sprintf(`{"input":"a contract ☃","filename":"browser-us.pdf","mime_type":"application/pdf","size":%d,"sha256":"%s"}`, pdf.Size, pdf.SHA256)
	expectOutput(t, run(t, srv, "file", map[string]any{"a contract ☃": pdf, "note": "no file", "fileId": 5}), []byte(one))
	two := fmt.Sprintf(`{"input":"text","filename":"newton-opticks.txt","mime_type":%q,"size":%d,"sha256":"%s"}`, text.MIMEType, text.Size, text.SHA256)
	x := run(t, srv, "file", map[string]any{"a contract ☃": pdf, "text": text})
	expectOutput(t, x, []byte(one[:len(one)-1]+`,"files":[`+one+`,`+two+`]}`))
	if got := names(x.Steps); len(got) != 2 {
		t.Errorf("steps %q", got)
	}
	if x := run(t, srv, "file", map[string]any{"note": "no file"}); x.Status != sojourn.StatusFailed || x.ErrorCode != "no_file" {
		t.Errorf("%s, %q", x.Status, x.ErrorCode)
	}
	// What is echoed is a reference still.
	x = run(t, srv, "echo", map[string]any{"document": map[string]any{"fileId": pdf.ID}})
	var out struct{ Document sojourn.File }
	if err := x.DecodeOutput(&out); err != nil || out.Document.SHA256 != pdf.SHA256 || out.Document.Name != "browser-us.pdf" {
		t.Errorf("%s, %v", x.Output, err)
	}
}

// TestExtractInvoiceFailures gives what cannot be read; trying it again would not help, so nothing is.
func TestExtractInvoiceFailures(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	encode := func(b string) string { return base64.StdEncoding.EncodeToString([]byte(b)) }
	sound := read(t, invoices+"/browser-us.pdf")
	for name, c := range map[string]struct {
		input   map[string]any
		code    string
		message string
	}{
		"scan":      {map[string]any{"path": invoices + "/scanned.pdf"}, "no_text", "probably a scan"},
		"not a PDF": {map[string]any{"path": opticks + ".txt"}, "not_pdf", "PDF"},
		"absent":    {map[string]any{"path": "no/such/file.pdf"}, "file_not_found", "no/such/file.pdf"},
		"directory": {map[string]any{"path": invoices}, "not_a_file", "not a file"},
		"base64":    {map[string]any{"content_base64": "%%%"}, "not_base64", "content_base64 is not base64"},
		"garbage":   {map[string]any{"content_base64": encode("%PDF-1.7\nnothing more")}, "corrupt", ""},
		"half":      {map[string]any{"content_base64": encode(string(sound[:1000]))}, "corrupt", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := run(t, srv, "extract-invoice", c.input)
			if x.Status != sojourn.StatusFailed || x.ErrorCode != c.code || !strings.Contains(x.Error, c.message) {
				t.Errorf("%s, code %q, error %q", x.Status, x.ErrorCode, x.Error)
			}
			if last := x.Steps[len(x.Steps)-1]; last.Attempt != 1 {
				t.Errorf("step %s was tried %d times", last.Name, last.Attempt)
			}
		})
	}
}

// TestExtractInvoiceNeedsTheFileOnce kills the worker when the text is recorded, and removes the file: the execution
// goes on without it.
func TestExtractInvoiceNeedsTheFileOnce(t *testing.T) {
	t.Parallel()
	srv := sojourntest.New(t)
	pdf := filepath.Join(t.TempDir(), "invoice.pdf")
	if err := os.WriteFile(pdf, read(t, invoices+"/typst-nl.pdf"), 0o600); err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{}, 1)
	worker := srv.Worker(demo.Register, func(c *sojourn.WorkerConfig) {
		c.Interceptors = []sojourn.Interceptor{{
			Step: func(ctx context.Context, info sojourn.StepInfo, next func(context.Context) error) error {
				if info.Step == "header" {
					reached <- struct{}{}
					<-ctx.Done()
				}
				return next(ctx)
			},
		}}
	})
	x, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: "extract-invoice", Input: map[string]any{"path": pdf}})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-reached:
	case <-within(t).Done():
		t.Fatal("the step header was not reached")
	}
	worker.Kill()
	if err := os.Remove(pdf); err != nil {
		t.Fatal(err)
	}
	srv.Worker(demo.Register)
	x, err = srv.Client().Executions.Wait(within(t), x.ID)
	if err != nil {
		t.Fatal(err)
	}
	expectOutput(t, x, read(t, invoices+"/typst-nl.json"))
}

// TestInputs starts with inputs that the schemas refuse: each answer names the field.
func TestInputs(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	for name, c := range map[string]struct {
		workflow, input string
		field           string
	}{
		"sleep text":          {"sleep", `{"seconds":"5"}`, "input.seconds"},
		"sleep backwards":     {"sleep", `{"seconds":-1}`, "input.seconds"},
		"sleep long":          {"sleep", `{"seconds":3601}`, "input.seconds"},
		"sleep unknown":       {"sleep", `{"second":1}`, "input"},
		"steps fraction":      {"steps", `{"number":1.5}`, "input.number"},
		"summarize nothing":   {"summarize", `{}`, "input.text"},
		"summarize empty":     {"summarize", `{"text":""}`, "input.text"},
		"summarize sentences": {"summarize", `{"text":"A.","sentences":0}`, "input.sentences"},
		"invoice nothing":     {"extract-invoice", `{}`, "input.path"},
		"invoice path":        {"extract-invoice", `{"path":5}`, "input.path"},
		"invoice both":        {"extract-invoice", `{"path":"a.pdf","content_base64":"JVBERi0="}`, "input.path"},
		"invoice name":        {"extract-invoice", `{"path":"a.pdf","filename":"a.pdf"}`, "input"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := srv.Client().Executions.Start(within(t), sojourn.StartParams{Workflow: c.workflow, Input: json.RawMessage(c.input)})
			e, ok := errors.AsType[*sojourn.Error](err)
			if !ok || !errors.Is(err, sojourn.ErrInvalid) || len(e.Fields) == 0 || e.Fields[0].Field != c.field {
				t.Errorf("refused with %v, expected field %s", err, c.field)
			}
		})
	}
}

func TestUnserved(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	for _, name := range demo.Unserved {
		if _, err := srv.Client().Workflows.Get(within(t), name); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("%s is registered: %v", name, err)
		}
	}
}

// TestExamples checks that each command starts a workflow that is there.
func TestExamples(t *testing.T) {
	t.Parallel()
	srv := offer(t)
	for _, example := range demo.Examples {
		words := strings.Fields(example)
		if len(words) < 3 || words[0] != "sojourn" || words[1] != "run" {
			t.Fatalf("%q is not a run", example)
		}
		if _, err := srv.Client().Workflows.Get(within(t), words[2]); err != nil {
			t.Errorf("%q: %v", example, err)
		}
	}
}
