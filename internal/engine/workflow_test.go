package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

func TestInputIsHeldToItsSchema(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const schema = `{"type":"object","required":["customer","lines"],"additionalProperties":false,"properties":{
		"customer":{"type":"object","required":["name"],"properties":{"name":{"type":"string","minLength":1}}},
		"lines":{"type":"array","items":{"type":"object","properties":{"qty":{"type":"integer","minimum":1}}}},
		"mail":{"type":"string","format":"email"}}}`
	if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "invoice", InputSchema: []byte(schema)}); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string][]string{
		`{"customer":{"name":"x"},"lines":[{"qty":1}]}`:                                        nil,
		`{"customer":{"name":"x"},"lines":[{"qty":1},{"qty":0},{"qty":"2"}]}`:                  {"input.lines[1].qty", "input.lines[2].qty"},
		`{"customer":{},"lines":[],"mail":"nobody"}`:                                           {"input.customer.name", "input.mail"},
		`{"lines":7,"extra":1}`:                                                                {"input", "input.customer", "input.lines"},
		`{"customer":{"name":""},"lines":[` + strings.Repeat(`{"qty":0},`, 99) + `{"qty":0}]}`: nil,
	} {
		_, err := b.tryStart("invoice", func(r *engine.StartRequest) { r.Input = []byte(input) })
		if want == nil && !strings.Contains(input, `"qty":0},{"qty":0}`) {
			if err != nil {
				t.Errorf("%s: %v", input, err)
			}
			continue
		}
		wantCode(t, input, err, "invalid_request")
		var e *engine.Error
		if !errors.As(err, &e) {
			continue
		}
		if want == nil {
			if len(e.Fields) != 20 {
				t.Errorf("%d errors are listed, want the first 20", len(e.Fields))
			}
			continue
		}
		got := map[string]int{}
		for _, f := range e.Fields {
			got[f.Field]++
			if f.Code != engine.FieldSchema && f.Code != engine.FieldRequired || !strings.HasPrefix(f.Message, f.Field+": ") {
				t.Errorf("%s: field error %+v", input, f)
			}
		}
		for _, field := range want {
			if got[field] == 0 {
				t.Errorf("%s: errors %+v, want one for %s", input, e.Fields, field)
			}
		}
	}
	for name, schema := range map[string]string{
		"not JSON":        `{`,
		"not a schema":    `{"type":"nonsense"}`,
		"another file":    `{"$ref":"file:///etc/passwd"}`,
		"another address": `{"$ref":"https://example.com/schema.json"}`,
	} {
		_, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "bad", InputSchema: []byte(schema)})
		wantField(t, err, "input_schema")
		if _, err := b.Workflow(t.Context(), b.root, "bad"); code(err) != "not_found" {
			t.Errorf("%s: a workflow was made all the same", name)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w", Version: "blue"}); err != nil {
		t.Fatal(err)
	}
	add := func(label string, current bool) {
		t.Helper()
		v, err := b.CreateVersion(t.Context(), b.root, "w", engine.VersionSpec{Label: label, Current: current})
		if err != nil || v.Current != current {
			t.Fatalf("version %q: %+v, %v", label, v, err)
		}
	}
	add("green", true)
	add("", false)
	_, err := b.CreateVersion(t.Context(), b.root, "w", engine.VersionSpec{Label: "blue"})
	wantCode(t, "a label twice", err, "conflict")
	check := func(want string) {
		t.Helper()
		vs, err := b.Versions(t.Context(), b.root, "w")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, v := range vs {
			got += fmt.Sprintf("%d%s", v.Number, v.Label)
			if v.Current {
				got += "*"
			}
			got += " "
		}
		if got != want {
			t.Errorf("versions %s, want %s", got, want)
		}
	}
	check("3 2green* 1blue ")
	number := func(ref string) int32 {
		t.Helper()
		return b.start("w", func(r *engine.StartRequest) { r.Version = ref }).View.VersionNumber
	}
	vs, err := b.Versions(t.Context(), b.root, "w")
	if err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[string]int32{"": 2, "latest": 2, "blue": 1, "1": 1, "3": 3, vs[0].ID.Text(execution.PrefixVersion): 3} {
		if got := number(ref); got != want {
			t.Errorf("version %q starts number %d, want %d", ref, got, want)
		}
	}
	_, err = b.tryStart("w", func(r *engine.StartRequest) { r.Version = "red" })
	wantCode(t, "an unknown version", err, "not_found")
	if _, err := b.SetCurrent(t.Context(), b.root, "w", "blue"); err != nil {
		t.Fatal(err)
	}
	_, err = b.SetCurrent(t.Context(), b.root, "w", "9")
	wantCode(t, "an unknown current version", err, "not_found")
	check("3 2green 1blue* ")
	b = b.restart()
	check("3 2green 1blue* ")
	if got := b.start("w").View.VersionNumber; got != 1 {
		t.Errorf("after a restart number %d is started, want 1", got)
	}
	b.audit()
}

// Workers make what they serve: a workflow that is new, a version for a new label or a new schema, and no version each
// time they come back.
func TestWorkersRegister(t *testing.T) {
	t.Parallel()
	b := setup(t)
	open := func(spec engine.WorkflowSpec) *engine.SessionView {
		t.Helper()
		v, err := b.OpenSession(t.Context(), b.root, &engine.SessionSpec{Protocol: 1, Capacity: 1, Workflows: []engine.WorkflowSpec{spec}})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	old, young := []byte(`{"type":"object"}`), []byte(`{"type":"object","required":["a"]}`)
	for i, c := range []struct {
		spec engine.WorkflowSpec
		want int32
	}{
		{engine.WorkflowSpec{Name: "w"}, 0},
		{engine.WorkflowSpec{Name: "w", InputSchema: old}, 1},
		{engine.WorkflowSpec{Name: "w", InputSchema: old}, 1},
		{engine.WorkflowSpec{Name: "w", InputSchema: young}, 2},
		{engine.WorkflowSpec{Name: "w", InputSchema: old}, 2},
		{engine.WorkflowSpec{Name: "w", InputSchema: young}, 2},
		{engine.WorkflowSpec{Name: "w", Version: "a"}, 3},
		{engine.WorkflowSpec{Name: "w", Version: "a"}, 3},
		{engine.WorkflowSpec{Name: "w", Version: "b"}, 4},
		{engine.WorkflowSpec{Name: "w", Version: "a"}, 4},
		{engine.WorkflowSpec{Name: "w"}, 4},
	} {
		if v := open(c.spec); v.Workflows[0].Version != c.want {
			t.Errorf("%d: the current version is %d, want %d", i, v.Workflows[0].Version, c.want)
		}
	}
	// Many workers at once make one workflow.
	var wg sync.WaitGroup
	seen := make([]execution.ID, 16)
	for i := range seen {
		wg.Go(func() { seen[i] = open(engine.WorkflowSpec{Name: "together", Version: "1"}).Workflows[0].ID })
	}
	wg.Wait()
	for _, id := range seen {
		if id != seen[0] {
			t.Error("two workflows of one name")
		}
	}
	if w, err := b.Workflow(t.Context(), b.root, "together"); err != nil || w.Workers != 16 || w.Version != 1 {
		t.Errorf("workflow %+v, %v, want 16 workers and version 1", w, err)
	}
	b.audit()
}

func TestAWorkflowIsDeletedOnlyWhenNothingIsOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w := b.worker(1, "w")
	s := b.start("w")
	a := w.poll()[0]
	wantCode(t, "delete with one running", b.DeleteWorkflow(t.Context(), b.root, "w"), "conflict")
	accepted(t, w.report(complete(a, `{}`)))
	wantCode(t, "delete with a live worker", b.DeleteWorkflow(t.Context(), b.root, "w"), "conflict")
	if err := b.CloseSession(t.Context(), b.root, w.id); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteWorkflow(t.Context(), b.root, "w"); err != nil {
		t.Fatal(err)
	}
	_, err := b.tryStart("w")
	wantCode(t, "a start of what is deleted", err, "not_found")
	wantCode(t, "delete again", b.DeleteWorkflow(t.Context(), b.root, "w"), "not_found")
	v := b.get(s.ID)
	if v.Workflow != nil || v.WorkflowID.IsZero() {
		t.Errorf("its execution shows workflow %+v, %s; want none, but the id", v.Workflow, v.WorkflowID)
	}
	list, err := b.List(t.Context(), b.root, &engine.ListRequest{Workflow: v.WorkflowID.Text(execution.PrefixWorkflow), Limit: 5})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("by its id: %v, %v", list, err)
	}
	// The name is free, and what is started under it belongs to the new workflow.
	w = b.worker(1, "w")
	s = b.start("w")
	if as := w.poll(); as[0].ID != s.ID {
		t.Errorf("the new workflow's worker got %v", ids(as))
	}
	b.audit()
}

// A start that is accepted by everything but the transaction, while the deletion is in its own, comes too late.
func TestAStartBehindTheDeletion(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w"}); err != nil {
			t.Fatal(err)
		}
		fs.Delay(func(*store.Need) time.Duration { return 100 * time.Millisecond })
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := b.DeleteWorkflow(t.Context(), b.root, "w"); err != nil {
				t.Error(err)
			}
		})
		for _, wait := range []time.Duration{50, 50, 40} { // before its first transaction ends, and within its second
			time.Sleep(wait * time.Millisecond)
			wg.Go(func() {
				_, err := b.tryStart("w")
				wantCode(t, "the start", err, "not_found")
			})
		}
		wg.Wait()
		if n, err := b.Counts(t.Context(), b.root, "", time.Time{}, time.Time{}); err != nil || total(n) != 0 {
			t.Errorf("counts %+v, %v, want nothing", n, err)
		}
	})
}

// Starts and deletions race: no execution is left open in a workflow that is gone.
func TestStartsRaceTheDeletion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for round := range 15 {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w"}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		started := 0
		for i := range 4 {
			wg.Go(func() {
				for j := range 3 {
					_, err := b.tryStart("w", keyed(fmt.Sprint(round, i, j), 1))
					if err != nil {
						wantCode(t, "a start", err, "not_found")
						continue
					}
					mu.Lock()
					started++
					mu.Unlock()
				}
			})
		}
		var err error
		wg.Go(func() { err = b.DeleteWorkflow(t.Context(), b.root, "w") })
		wg.Wait()
		if err == nil {
			if started > 0 {
				t.Fatalf("the workflow is deleted and %d executions are open", started)
			}
			continue
		}
		wantCode(t, "the deletion", err, "conflict")
		if _, err := b.CancelAll(t.Context(), b.root, &engine.ListRequest{Limit: 1000}, engine.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.tryStart("w"); err != nil {
			t.Errorf("a start after the deletion was refused: %v", err)
		}
		if _, err := b.CancelAll(t.Context(), b.root, &engine.ListRequest{Limit: 1000}, engine.CancelRequest{}); err != nil {
			t.Fatal(err)
		}
		if err := b.DeleteWorkflow(t.Context(), b.root, "w"); err != nil {
			t.Fatal(err)
		}
	}
	b.audit()
}

func TestWorkflowSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	keep, timeout := 48*time.Hour, 90*time.Second
	w, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w", Retention: &keep, Timeout: &timeout})
	if err != nil || w.Retention != keep || w.Timeout != timeout {
		t.Fatalf("%+v, %v", w, err)
	}
	s := b.start("w").View
	if d := s.DeadlineAt.Sub(s.ReadyAt); d != timeout {
		t.Errorf("the deadline is %s away, want the workflow's %s", d, timeout)
	}
	if d := b.start("w", func(r *engine.StartRequest) { r.Timeout = time.Hour }).View; d.DeadlineAt.Sub(d.ReadyAt) != time.Hour {
		t.Errorf("the deadline is %s away, want the request's hour", d.DeadlineAt.Sub(d.ReadyAt))
	}
	keep, timeout = 0, 0
	if w, err = b.UpdateWorkflow(t.Context(), b.root, "w", engine.WorkflowUpdate{Timeout: &timeout}); err != nil || w.Retention != 48*time.Hour || w.Timeout != 0 {
		t.Errorf("%+v, %v; want the timeout gone alone", w, err)
	}
	if s := b.start("w").View; s.DeadlineAt != 0 {
		t.Errorf("a deadline at %s, want none", s.DeadlineAt)
	}
	for _, name := range []string{"", "executions", "Upper", "-dash", strings.Repeat("a", 101), "a b", "ä"} {
		_, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: name})
		wantField(t, err, "name")
	}
	_, err = b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: "w"})
	wantCode(t, "a name twice", err, "conflict")
	for i := range 5 {
		if _, err := b.CreateWorkflow(t.Context(), b.root, engine.WorkflowSpec{Name: fmt.Sprint("a", i)}); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	for after := ""; ; {
		page, more, next, err := b.Workflows(t.Context(), b.root, engine.WorkflowQuery{Search: "a", Limit: 2, After: after})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range page {
			names = append(names, w.Name)
		}
		if after = next; !more {
			break
		}
	}
	if got := strings.Join(names, " "); got != "a0 a1 a2 a3 a4" {
		t.Errorf("pages gave %s", got)
	}
	b.audit()
}
