package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestStart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	before := time.Now().Add(-time.Minute)
	a := s.post("/v1/executions", map[string]any{
		"workflow_id": "echo", "input": map[string]any{"a": []int{1}}, "timeout_ms": 60000, "metadata": map[string]string{"k": "v"}, "priority": -7, "trigger": "cli",
	}).is(201)
	x := a.execution()
	if x.Status != "pending" || x.Revision != 1 || x.Attempt != 0 || string(x.Input) != `{"a":[1]}` || x.Workflow.Name != "echo" || x.Priority != -7 ||
		x.TriggerType != "cli" || x.Metadata["k"] != "v" || x.StatusReason != "no_worker" || x.DeadlineAt == "" || x.CreatedAt.Before(before) || x.StartedAt != "" {
		t.Errorf("%s", a.body)
	}
	if a.header.Get("Location") != "/v1/executions/"+x.ID {
		t.Error(a.header)
	}
	got := s.get("/v1/executions/" + x.ID).is(200).execution()
	if got.ID != x.ID || got.Revision != 1 || string(got.Input) != `{"a":[1]}` {
		t.Errorf("%+v", got)
	}
	// By id, too, and later.
	later := s.post("/v1/executions", map[string]any{"workflow_id": x.WorkflowID, "input": map[string]any{}, "delay_ms": 3600000}).is(201).execution()
	if later.Status != "created" || later.StatusReason != "scheduled" || later.ScheduledAt == "" || later.ResumesAt != later.ScheduledAt {
		t.Errorf("%+v", later)
	}
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	planned := s.post("/v1/executions", map[string]any{"workflow_id": "echo", "input": map[string]any{}, "start_at": at}).is(201).execution()
	if planned.ScheduledAt != at.Format("2006-01-02T15:04:05.000Z") {
		t.Errorf("scheduled at %s, want %s", planned.ScheduledAt, at)
	}
	past := s.post("/v1/executions", `{"workflow_id":"echo","input":{},"start_at":"2001-02-03T04:05:06+02:00"}`).is(201).execution()
	if past.Status != "pending" {
		t.Errorf("%+v", past)
	}
}

// What a client sends as input comes back byte for byte, odd characters included.
func TestInputIsVerbatim(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	input := `{"nul":"a\u0000b","big":123456789012345678901234567890.10,"e":1E5,"odd":"\u2028é😀\ud83d\ude00</script>","":{"":[ ]}}`
	x := s.post("/v1/executions", `{"workflow_id":"echo","input":`+input+`}`).is(201).execution()
	if string(x.Input) != input {
		t.Errorf("start: %s", x.Input)
	}
	if got := s.get("/v1/executions/" + x.ID).is(200).execution(); string(got.Input) != input {
		t.Errorf("get: %s", got.Input)
	}
	w := s.worker(1, "echo")
	a := w.one()
	if string(a.Input) != input {
		t.Errorf("poll: %s", a.Input)
	}
	s.post("/v1/worker/report", `{"session_id":"`+w.session+`","operations":[{"id":"`+a.ID+`","lease":"`+a.Lease+`","op":"complete","output":`+input+`}]}`).is(200)
	if got := s.get("/v1/executions/" + x.ID).is(200).execution(); got.Status != "completed" || string(got.Output) != input {
		t.Errorf("output: %s", got.Output)
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	start := func(key, body string) *answer {
		header := map[string]string{}
		if key != "" {
			header["Idempotency-Key"] = key
		}
		return s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: body, header: header})
	}
	first := start("k1", `{"workflow_id":"echo","input":{"a":1,"b":2}}`).is(201)
	if _, err := time.Parse(time.RFC3339, first.header.Get("Idempotency-Key-Expires")); err != nil {
		t.Error(err)
	}
	if first.header.Get("Idempotent-Replay") != "" {
		t.Error("a first start is no replay")
	}
	id := first.execution().ID
	// The same decoded body: other order, other white space, other escapes, the key in the body.
	for _, body := range []string{`{ "input":{"b":2, "\u0061":1},"workflow_id":"echo"}`, `{"workflow_id":"echo","input":{"a":1,"b":2},"idempotency_key":"k1"}`} {
		again := start("k1", body).is(200)
		if again.execution().ID != id || again.header.Get("Idempotent-Replay") != "true" || again.header.Get("Location") != "/v1/executions/"+id {
			t.Errorf("%v %s", again.header, again.body)
		}
	}
	inBody := start("", `{"workflow_id":"echo","input":{"a":1,"b":2},"idempotency_key":"k1"}`).is(200)
	if inBody.execution().ID != id {
		t.Error("another execution")
	}
	for _, body := range []string{`{"workflow_id":"echo","input":{"a":1,"b":"2"}}`, `{"workflow_id":"echo","input":{"a":1,"b":2},"priority":1}`} {
		start("k1", body).problem(422, "idempotency_mismatch")
	}
	start("k2", `{"workflow_id":"echo","input":{},"idempotency_key":"k3"}`).field(400, "invalid_request", "idempotency_key", "invalid_value")
	start(strings.Repeat("k", 256), `{"workflow_id":"echo","input":{}}`).field(400, "invalid_request", "Idempotency-Key", "too_long")
	start(strings.Repeat("é", 255), `{"workflow_id":"echo","input":{}}`).is(201)
	// A replay shows the execution as it is now, and after its deletion only its id.
	s.post("/v1/executions/"+id+"/cancel", nil).is(200)
	if x := start("k1", `{"workflow_id":"echo","input":{"a":1,"b":2}}`).is(200).execution(); x.Status != "cancelled" {
		t.Errorf("%+v", x)
	}
	s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + id}).is(204)
	if x := start("k1", `{"workflow_id":"echo","input":{"a":1,"b":2}}`).is(200).execution(); !x.Deleted || x.ID != id || x.Status != "" {
		t.Errorf("%+v", x)
	}
	// With a hold, a replay waits like a first start.
	w := s.worker(1, "echo")
	held := start("k4", `{"workflow_id":"echo","input":{"n":4}}`).is(201).execution()
	result := make(chan executionBody, 1)
	go func() {
		result <- s.send(request{key: s.key, method: "POST", path: "/v1/executions?wait=30&include=steps", body: `{"workflow_id":"echo","input":{"n":4}}`, header: map[string]string{"Idempotency-Key": "k4"}}).execution()
	}()
	for {
		a := w.one()
		w.done(a.op("complete", map[string]any{"output": 4}))
		if a.ID == held.ID {
			break
		}
	}
	if x := <-result; x.ID != held.ID || x.Status != "completed" || string(x.Output) != "4" || x.Steps == nil {
		t.Errorf("%+v", x)
	}
}

func TestHolds(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "echo")
	// A start that holds answers when the execution has ended.
	result := make(chan *answer, 1)
	go func() {
		result <- s.post("/v1/executions?wait=60&include=steps", map[string]any{"workflow_id": "echo", "input": map[string]any{}})
	}()
	a := w.one()
	w.done(a.op("step_completed", map[string]any{"step": "one", "output": 1, "duration_ms": 5}), a.op("complete", map[string]any{"output": map[string]any{"ok": true}}))
	x := (<-result).is(201).execution()
	if x.Status != "completed" || string(x.Output) != `{"ok":true}` || len(x.Steps) != 1 || x.Steps[0].Name != "one" {
		t.Errorf("%+v", x)
	}
	// So does a get.
	open := s.start("echo", map[string]any{})
	go func() { result <- s.get("/v1/executions/" + open.ID + "?wait=60") }()
	a = w.one()
	w.done(a.op("fail", map[string]any{"error": map[string]any{"code": "broken", "message": "it broke", "details": map[string]any{"n": 1}}, "final": true}))
	if x := (<-result).is(200).execution(); x.Status != "failed" || x.Error != "it broke" || x.ErrorCode != "broken" || string(x.ErrorDetails) != `{"n":1}` {
		t.Errorf("%+v", x)
	}
	// A hold that passes answers what there is.
	begin := time.Now()
	open = s.start("echo", map[string]any{})
	if x := s.get("/v1/executions/" + open.ID + "?wait=1").is(200).execution(); x.Status != "running" && x.Status != "pending" {
		t.Errorf("%+v", x)
	}
	if took := time.Since(begin); took < 900*time.Millisecond || took > 20*time.Second {
		t.Errorf("held for %s", took)
	}
	for _, wait := range []string{"61", "-1", "1.5", "x", ""} {
		s.get("/v1/executions/"+open.ID+"?wait="+wait).problem(400, "invalid_request")
		s.post("/v1/executions?wait="+wait, map[string]any{"workflow_id": "echo", "input": map[string]any{}}).problem(400, "invalid_request")
	}
}

// A client that goes away during a hold neither cancels the execution nor leaves anything behind.
func TestHoldSurvivesItsClient(t *testing.T) {
	t.Parallel()
	finished := make(chan int, 10)
	s := newServer(t, setup{plain: true, api: func(c *Config) { c.Observer = observerFunc(func(route string, status int) { finished <- status }) }})
	s.workflow("echo")
	<-finished
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	body := `{"workflow_id":"echo","input":{"left":true}}`
	_, err = fmt.Fprintf(conn, "POST /v1/executions?wait=60 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", s.key, len(body), body)
	if err != nil {
		t.Fatal(err)
	}
	var page struct{ Data []executionBody }
	eventually(t, "the execution exists", func() bool {
		s.get("/v1/executions").is(200).into(&page)
		<-finished
		return len(page.Data) == 1
	})
	conn.Close()
	if status := <-finished; status != statusClientGone && status != 201 {
		t.Errorf("status %d", status)
	}
	if x := s.get("/v1/executions/" + page.Data[0].ID).is(200).execution(); x.Status != "pending" {
		t.Errorf("%+v", x)
	}
}

func TestConditionalGet(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	path := "/v1/executions/" + x.ID
	first := s.get(path).is(200)
	tag := first.header.Get("Etag")
	if !strings.HasPrefix(tag, `W/"1-`) {
		t.Fatal(tag)
	}
	ask := func(tag string) *answer {
		return s.send(request{key: s.key, method: "GET", path: path, header: map[string]string{"If-None-Match": tag}})
	}
	for _, same := range []string{tag, `"other", ` + tag, strings.TrimPrefix(tag, "W/"), "*"} {
		if a := ask(same).is(304); a.header.Get("Etag") != tag {
			t.Error(a.header)
		}
	}
	ask(`W/"1-other"`).is(200)
	// The reason is part of what is seen: a worker that comes changes it without a new revision.
	w := s.worker(1, "other")
	ask(tag).is(304)
	_ = w
	s.post("/v1/executions/"+x.ID+"/cancel", nil).is(200)
	if a := ask(tag).is(200); a.header.Get("Etag") == tag {
		t.Error("the tag did not change")
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	s.workflow("b")
	var ids []string
	for i := range 25 {
		ids = append(ids, s.start([]string{"a", "b"}[i%2], map[string]any{"i": i}).ID)
	}
	var page struct {
		Data       []executionBody
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
	}
	s.get("/v1/executions").is(200).into(&page)
	if len(page.Data) != 20 || !page.HasMore || page.NextCursor == nil {
		t.Fatalf("%d items, more %v", len(page.Data), page.HasMore)
	}
	var got []string
	cursor := ""
	for n := 0; ; n++ {
		page.NextCursor = nil
		s.get("/v1/executions?limit=10&cursor=" + cursor).is(200).into(&page)
		for _, x := range page.Data {
			got = append(got, x.ID)
		}
		if n == 0 {
			s.start("a", map[string]any{"new": true}) // must not disturb the walk
		}
		if !page.HasMore {
			break
		}
		cursor = *page.NextCursor
	}
	if page.NextCursor != nil {
		t.Error("a cursor on the last page")
	}
	if len(got) != 25 {
		t.Fatalf("%d of 25", len(got))
	}
	for i, id := range got {
		if id != ids[len(ids)-1-i] {
			t.Fatalf("item %d is out of order", i)
		}
	}
	s.get("/v1/executions?cursor=null").is(200)
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	s.workflow("b")
	start := func(body string) string { return s.post("/v1/executions", body).is(201).execution().ID }
	one := start(`{"workflow_id":"a","input":{"text":"Needle in hay"},"metadata":{"team":"red","n":"1"}}`)
	two := start(`{"workflow_id":"b","input":{},"trigger":"cli","metadata":{"team":"red"}}`)
	three := start(`{"workflow_id":"b","input":{},"delay_ms":1000000,"metadata":{"team":"blue [x]"}}`)
	s.post("/v1/executions/"+two+"/cancel", map[string]any{"reason": "no"}).is(200)
	b := s.get("/v1/workflows/b").is(200)
	var workflow struct{ ID string }
	b.into(&workflow)
	for query, want := range map[string][]string{
		"":                                     {three, two, one},
		"status=pending":                       {one},
		"status=pending,created":               {three, one},
		"status=pending%2Ccancelled":           {two, one},
		"status=failed":                        {},
		"workflow_id=b":                        {three, two},
		"workflow_id=" + workflow.ID:           {three, two},
		"trigger=cli":                          {two},
		"trigger=api,manual":                   {three, one},
		"metadata[team]=red":                   {two, one},
		"metadata%5Bteam%5D=red&metadata[n]=1": {one},
		"metadata[team]=blue+%5Bx%5D":          {three},
		"metadata[other]=red":                  {},
		"text=needle":                          {one},
		"text=nothing":                         {},
		"created_from=now()-1h":                {three, two, one},
		"created_from=now()%20+%201m":          {},
		"created_from=now()+1m":                {},
		"created_to=1970-01-01T00:00Z":         {},
		"created_to=now()-3000w":               {},
		"created_to=now()-1h":                  {},
		"created_to=" + time.Now().UTC().Format("2006-01-02"): {three, two, one},
		"created_from=2001-02-03&created_to=now()":            {three, two, one},
		"created_from=now()&created_to=now()-1d":              {},
		"status=cancelled&workflow_id=b&trigger=cli":          {two},
	} {
		got := []string{}
		for cursor := ""; ; {
			var page struct {
				Data       []executionBody
				NextCursor string `json:"next_cursor"`
			}
			s.get("/v1/executions?" + query + "&cursor=" + cursor).is(200).into(&page)
			for _, x := range page.Data {
				got = append(got, x.ID)
			}
			if cursor = page.NextCursor; cursor == "" {
				break // a search that stopped early goes on from its cursor
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	for query, field := range map[string]string{
		"status=done": "status", "status=": "status", "limit=0": "limit", "limit=101": "limit", "limit=ten": "limit", "cursor=abc": "cursor",
		"created_from=yesterday": "created_from", "created_to=now()-7": "created_to", "created_from=now()*2d": "created_from", "trigger=x": "trigger",
		"include=events": "include", "text=": "text", "workflow_id=": "workflow_id", "workflow_id=" + strings.Repeat("x", 101): "workflow_id",
	} {
		s.get("/v1/executions?"+query).field(400, "invalid_request", field, codeOf(s.get("/v1/executions?"+query), field))
	}
	p := s.get("/v1/executions?workflow=b&Status=x").field(400, "invalid_request", "workflow", "unknown_field")
	if !strings.Contains(p.Errors[0].Message, `did you mean "workflow_id"`) || !strings.Contains(p.Errors[1].Message, `did you mean "status"`) {
		t.Errorf("%+v", p)
	}
	s.get("/v1/executions?limit=5&limit=6").field(400, "invalid_request", "limit", "invalid_value")
	s.get("/v1/executions?text=%ff").field(400, "invalid_request", "text", "invalid_value")
	s.get("/v1/executions?text=%zz").problem(400, "invalid_request")
	s.get("/v1/executions?workflow_id=nope").field(404, "not_found", "workflow_id", "not_found")

	var page struct {
		Counts      map[string]int
		CountsExact *bool `json:"counts_exact"`
	}
	s.get("/v1/executions?workflow_id=b&include=counts&limit=1").is(200).into(&page)
	if page.Counts["cancelled"] != 1 || page.Counts["created"] != 1 || page.Counts["pending"] != 0 || page.CountsExact == nil {
		t.Errorf("%+v", page)
	}
	var counts struct {
		Counts map[string]int
		Total  int
		Exact  bool
	}
	s.get("/v1/executions/counts").is(200).into(&counts)
	if counts.Total != 3 || !counts.Exact || counts.Counts["pending"] != 1 || len(counts.Counts) != 9 {
		t.Errorf("%+v", counts)
	}
	s.get("/v1/executions/counts?workflow_id=a&created_from=now()-1d").is(200).into(&counts)
	if counts.Total != 1 {
		t.Errorf("%+v", counts)
	}
	s.get("/v1/executions/counts?workflow_id=zzz").problem(404, "not_found")
	s.get("/v1/executions/counts?status=x").field(400, "invalid_request", "status", "unknown_field")
}

// codeOf is the code of the error in the field, so that a table may name the field alone.
func codeOf(a *answer, field string) string {
	var p problemBody
	a.into(&p)
	for _, e := range p.Errors {
		if e.Field == field {
			return e.Code
		}
	}
	return "none"
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(4, "echo")
	// Held by a worker: asked to stop.
	x := s.start("echo", map[string]any{})
	a := w.one()
	first := s.post("/v1/executions/"+x.ID+"/cancel", map[string]any{"reason": "enough", "grace_ms": 60000}).is(202).execution()
	if first.Status != "running" || first.StatusReason != "cancelling" || first.CancelReason != "requested" || first.CancelRequestedAt == "" {
		t.Errorf("%+v", first)
	}
	again := s.post("/v1/executions/"+x.ID+"/cancel", nil).is(202).execution()
	if again.CancelRequestedAt != first.CancelRequestedAt || again.Revision != first.Revision {
		t.Errorf("the first stamp was not kept: %+v", again)
	}
	_, cancel, _ := w.poll(5 * time.Second)
	if len(cancel) != 1 || cancel[0] != x.ID {
		t.Errorf("the worker was not told: %v", cancel)
	}
	if r := w.report(a.op("step_completed", map[string]any{"step": "late"})); r[0].Code != "cancel_requested" {
		t.Errorf("%+v", r)
	}
	w.done(a.op("cancelled", nil))
	got := s.get("/v1/executions/" + x.ID).is(200).execution()
	if got.Status != "cancelled" || got.CompletedAt == "" {
		t.Errorf("%+v", got)
	}
	// Ended: refused.
	p := s.post("/v1/executions/"+x.ID+"/cancel", nil).problem(409, "already_terminal")
	if p.ExecutionStatus != "cancelled" {
		t.Errorf("%+v", p)
	}
	s.post("/v1/executions/"+x.ID+"/terminate", nil).problem(409, "already_terminal")
	// Not held: cancelled at once.
	s.workflow("idle")
	idle := s.start("idle", map[string]any{})
	got = s.post("/v1/executions/"+idle.ID+"/cancel", map[string]any{"reason": "not needed"}).is(200).execution()
	if got.Status != "cancelled" || got.Error != "not needed" || got.ErrorCode != "cancelled" {
		t.Errorf("%+v", got)
	}
	// Terminate does not ask.
	held := s.start("echo", map[string]any{})
	a = w.one()
	got = s.post("/v1/executions/"+held.ID+"/terminate", map[string]any{"reason": "stuck"}).is(200).execution()
	if got.Status != "cancelled" || got.CancelReason != "terminated" || got.Error != "stuck" {
		t.Errorf("%+v", got)
	}
	if r := w.report(a.op("complete", nil)); r[0].Code != "already_terminal" {
		t.Errorf("%+v", r)
	}
	for body, field := range map[string]string{
		`{"reason":5}`: "reason", `{"grace_ms":-1}`: "grace_ms", `{"grace_ms":3600001}`: "grace_ms", `{"why":"x"}`: "why", `[]`: "", `{"reason":"` + strings.Repeat("x", 501) + `"}`: "reason",
	} {
		a := s.post("/v1/executions/"+idle.ID+"/cancel", body)
		a.field(400, "invalid_request", field, codeOf(a, field))
	}
	s.post("/v1/executions/"+idle.ID+"/terminate", `{"grace_ms":1}`).field(400, "invalid_request", "grace_ms", "unknown_field")
}

func TestDeleteAndRedact(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(4, "echo")
	finish := func() string {
		x := s.post("/v1/executions", `{"workflow_id":"echo","input":{"secret":"hunter2"},"metadata":{"who":"ann"}}`).is(201).execution()
		a := w.one()
		w.done(a.op("step_completed", map[string]any{"step": "s", "output": "hunter2"}), a.op("log", map[string]any{"level": "info", "message": "hunter2"}), a.op("complete", map[string]any{"output": "hunter2"}))
		return x.ID
	}
	del := func(id, mode string) *answer {
		return s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + id + mode})
	}
	open := s.start("echo", map[string]any{})
	if p := del(open.ID, "").problem(409, "not_finished"); p.ExecutionStatus == "" {
		t.Errorf("%+v", p)
	}
	del(open.ID, "?mode=redact").problem(409, "not_finished")
	a := w.one()
	w.done(a.op("complete", nil))

	gone := finish()
	del(gone, "?mode=purge").field(400, "invalid_request", "mode", "invalid_value")
	del(gone, "").is(204)
	for _, path := range []string{"/v1/executions/" + gone, "/v1/executions/" + gone + "/logs"} {
		s.get(path).problem(410, "deleted")
	}
	del(gone, "").problem(410, "deleted")
	s.post("/v1/executions/"+gone+"/cancel", nil).problem(410, "deleted")
	s.post("/v1/executions/"+gone+"/terminate", nil).problem(410, "deleted")

	kept := finish()
	tag := s.get("/v1/executions/" + kept).header.Get("Etag")
	del(kept, "?mode=redact").is(204)
	got := s.get("/v1/executions/" + kept + "?include=steps,events").is(200)
	x := got.execution()
	if !x.Redacted || x.Status != "completed" || strings.Contains(string(got.body), "hunter2") || strings.Contains(string(got.body), "ann") || string(x.Input) != "null" {
		t.Errorf("%s", got.body)
	}
	if got.header.Get("Etag") == tag {
		t.Error("the tag did not change")
	}
	if logs := s.get("/v1/executions/" + kept + "/logs").is(200); strings.Contains(string(logs.body), "hunter2") {
		t.Errorf("%s", logs.body)
	}
	if list := s.get("/v1/executions").is(200); strings.Contains(string(list.body), "hunter2") {
		t.Errorf("%s", list.body)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	type result struct {
		Status    int
		Execution executionBody
		Error     problemBody
	}
	var out struct{ Results []result }
	s.post("/v1/executions/batch", `{"executions":[
		{"workflow_id":"echo","input":{"n":1},"idempotency_key":"b1"},
		{"workflow_id":"missing","input":{}},
		{"input":5,"prority":1},
		"text",
		{"workflow_id":"echo","input":{"n":1},"idempotency_key":"b1"},
		{"workflow_id":"echo","input":{"n":2},"idempotency_key":"b1"},
		{"workflow_id":"echo","input":{"big":"`+strings.Repeat("x", 1<<20)+`"}},
		{"workflow_id":"echo","input":{"last":true}}]}`).is(200).into(&out)
	want := []string{"201 ", "404 not_found", "400 invalid_request", "400 invalid_request", "200 ", "422 idempotency_mismatch", "413 payload_too_large", "201 "}
	if len(out.Results) != len(want) {
		t.Fatalf("%d results", len(out.Results))
	}
	for i, r := range out.Results {
		if got := fmt.Sprintf("%d %s", r.Status, r.Error.Code); got != want[i] {
			t.Errorf("item %d: %s, want %s (%s)", i, got, want[i], r.Error.Detail)
		}
	}
	if out.Results[4].Execution.ID != out.Results[0].Execution.ID || string(out.Results[7].Execution.Input) != `{"last":true}` {
		t.Error("results are not in order")
	}
	fields := ""
	for _, e := range out.Results[2].Error.Errors {
		fields += e.Field + " " + e.Code + ";"
	}
	if fields != "executions[2].input invalid_type;executions[2].prority unknown_field;executions[2].workflow_id required;" {
		t.Error(fields)
	}
	var counts struct{ Total int }
	s.get("/v1/executions/counts").into(&counts)
	if counts.Total != 2 {
		t.Errorf("%d executions", counts.Total)
	}
	s.post("/v1/executions/batch", `{"executions":[]}`).is(200)
	s.post("/v1/executions/batch", `{}`).field(400, "invalid_request", "executions", "required")
	s.post("/v1/executions/batch", `{"executions":{}}`).field(400, "invalid_request", "executions", "invalid_type")
	s.post("/v1/executions/batch", `{"execution":[]}`).field(400, "invalid_request", "execution", "unknown_field")
	many := strings.Repeat(`{"workflow_id":"echo","input":{}},`, 1001)
	s.post("/v1/executions/batch", `{"executions":[`+many[:len(many)-1]+`]}`).field(400, "invalid_request", "executions[1000]", "too_long")
	s.post("/v1/executions/batch", `{"executions":[{"workflow_id":"echo","input":{}},{"input":{"a":1,"a":2}}]}`).field(400, "invalid_request", "executions[1].input.a", "duplicate_key")
	s.send(request{key: s.key, method: "POST", path: "/v1/executions/batch", body: `{"executions":[]}`, header: map[string]string{"Idempotency-Key": "x"}}).field(400, "invalid_request", "Idempotency-Key", "invalid_value")
	s.get("/v1/executions/counts").into(&counts)
	if counts.Total != 2 {
		t.Errorf("a refused batch left %d executions", counts.Total)
	}
}

func TestBulkCancel(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	w := s.worker(1, "b")
	for i := range 5 {
		s.post("/v1/executions", map[string]any{"workflow_id": "a", "input": map[string]any{}, "metadata": map[string]string{"i": fmt.Sprint(i)}}).is(201)
	}
	held := s.start("b", map[string]any{})
	w.one()
	type result struct {
		Matched, Cancelled, Requested int
		AlreadyTerminal               int  `json:"already_terminal"`
		HasMore                       bool `json:"has_more"`
	}
	bulk := func(body string) (r result) {
		t.Helper()
		s.post("/v1/executions/cancel", body).is(200).into(&r)
		return r
	}
	if r := bulk(`{"filter":{"workflow_id":"a","metadata":{"i":"3"}},"reason":"bulk"}`); r != (result{Matched: 1, Cancelled: 1}) {
		t.Errorf("%+v", r)
	}
	if r := bulk(`{"filter":{"workflow_id":"a","status":"completed,failed"}}`); r != (result{}) {
		t.Errorf("%+v", r)
	}
	if r := bulk(`{"filter":{"workflow_id":"a","status":["pending","created"],"created_from":"now()-1d","created_to":"now()","trigger":["api"]},"limit":2}`); r != (result{Matched: 2, Cancelled: 2, HasMore: true}) {
		t.Errorf("%+v", r)
	}
	if r := bulk(`{"filter":{},"grace_ms":60000}`); r != (result{Matched: 3, Cancelled: 2, Requested: 1}) {
		t.Errorf("%+v", r)
	}
	if x := s.get("/v1/executions/" + held.ID).execution(); x.CancelRequestedAt == "" {
		t.Errorf("%+v", x)
	}
	state := s.state()
	for body, want := range map[string]string{
		`{}`:                                 "filter required",
		`{"filter":[]}`:                      "filter invalid_type",
		`{"filter":{"status":["gone"]}}`:     "filter.status invalid_value",
		`{"filter":{"status":[]}}`:           "filter.status invalid_value",
		`{"filter":{"status":5}}`:            "filter.status invalid_type",
		`{"filter":{"trigger":"x"}}`:         "filter.trigger invalid_value",
		`{"filter":{"created_from":"soon"}}`: "filter.created_from invalid_value",
		`{"filter":{"created_to":7}}`:        "filter.created_to invalid_type",
		`{"filter":{"workflow":"a"}}`:        "filter.workflow unknown_field",
		`{"filter":{"metadata":{"a":1}}}`:    "filter.metadata.a invalid_type",
		`{"filter":{},"limit":0}`:            "limit out_of_range",
		`{"filter":{},"limit":1001}`:         "limit out_of_range",
		`{"filter":{},"grace":1}`:            "grace unknown_field",
		`{"filter":{"text":""}}`:             "filter.text invalid_value",
	} {
		field, code, _ := strings.Cut(want, " ")
		s.post("/v1/executions/cancel", body).field(400, "invalid_request", field, code)
	}
	s.post("/v1/executions/cancel", `{"filter":{"workflow_id":"zzz"}}`).problem(404, "not_found")
	if s.state() != state {
		t.Error("a refused request changed something")
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	var ops []map[string]any
	for i := range 5 {
		ops = append(ops, a.op("log", map[string]any{"step": "fetch", "level": "info", "message": fmt.Sprintf("line %d", i), "fields": map[string]any{"i": i}}))
	}
	ops = append(ops, a.op("log", map[string]any{"level": "warn", "message": "outside", "at": "2026-11-21T08:30:00.5Z"}))
	w.done(ops...)
	path := "/v1/executions/" + x.ID + "/logs"
	type line struct {
		Step, Level, Message string
		Attempt              int
		At                   string
		Fields               json.RawMessage
	}
	type page struct {
		Data       []line
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
	}
	read := func(query string) (p page) {
		t.Helper()
		s.get(path + query).is(200).into(&p)
		return p
	}
	if p := read(""); len(p.Data) != 6 || p.HasMore || p.NextCursor != nil {
		t.Errorf("%+v", p)
	}
	if p := read("?step="); len(p.Data) != 1 || p.Data[0].Message != "outside" || p.Data[0].Step != "" || p.Data[0].Level != "warn" || p.Data[0].Attempt != 1 {
		t.Errorf("%+v", p)
	}
	var got []string
	for p := read("?step=fetch&attempt=1&limit=2"); ; p = read("?step=fetch&attempt=1&limit=2&cursor=" + *p.NextCursor) {
		for _, l := range p.Data {
			got = append(got, l.Message+string(l.Fields))
		}
		if !p.HasMore {
			break
		}
	}
	if fmt.Sprint(got) != `[line 0{"i":0} line 1{"i":1} line 2{"i":2} line 3{"i":3} line 4{"i":4}]` {
		t.Error(got)
	}
	if p := read("?attempt=2"); len(p.Data) != 0 {
		t.Errorf("%+v", p)
	}
	for query, field := range map[string]string{"?limit=1001": "limit", "?limit=0": "limit", "?attempt=0": "attempt", "?cursor=xyz": "cursor", "?setp=a": "setp", "?step=" + strings.Repeat("s", 256): "step"} {
		a := s.get(path + query)
		a.field(400, "invalid_request", field, codeOf(a, field))
	}
	// A cursor of another list is none.
	cursor := string(appendCursor(nil, cursorExecutions, make([]byte, 16)))
	s.get(path+"?cursor="+cursor).field(400, "invalid_request", "cursor", "invalid_value")
}

func TestEventsTellTheStory(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(1, "echo")
	x := s.start("echo", map[string]any{})
	a := w.one()
	w.done(a.op("step_started", map[string]any{"step": "one", "try": 1}), a.op("progress", map[string]any{"value": 0.25}), a.op("step_completed", map[string]any{"step": "one", "try": 1}), a.op("complete", map[string]any{"output": nil}))
	got := s.get("/v1/executions/" + x.ID + "?include=events,steps").is(200).execution()
	var story []string
	for i, e := range got.Events {
		if e.Revision != i+1 {
			t.Errorf("event %d has revision %d", i, e.Revision)
		}
		story = append(story, e.Type+":"+e.Actor.Type)
	}
	if fmt.Sprint(story) != "[created:key claimed:worker step_started:worker progressed:worker step_completed:worker completed:worker]" {
		t.Error(story)
	}
	if got.Events[0].Actor.ID == "" || got.Progress == nil || *got.Progress != 0.25 || string(got.Output) != "null" || len(got.Steps) != 1 || string(got.Steps[0].Output) != "null" {
		t.Errorf("%+v", got)
	}
	// A step keeps its id from read to read.
	again := s.get("/v1/executions/" + x.ID + "?include=steps").execution()
	if again.Steps[0].ID != got.Steps[0].ID || !strings.HasPrefix(again.Steps[0].ID, "step_") {
		t.Errorf("%+v", again.Steps)
	}
	if plain := s.get("/v1/executions/" + x.ID).is(200); strings.Contains(string(plain.body), `"steps"`) || strings.Contains(string(plain.body), `"events"`) {
		t.Errorf("%s", plain.body)
	}
}

func TestTraceParentReachesTheWorker(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(2, "echo")
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for given, want := range map[string]string{trace: trace, "00-00000000000000000000000000000000-b7ad6b7169203331-01": "", "nonsense": "", trace + "-x": ""} {
		s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"echo","input":{}}`, header: map[string]string{"Traceparent": given}}).is(201)
		a := w.one()
		if a.TraceParent != want {
			t.Errorf("%q arrived as %q", given, a.TraceParent)
		}
		w.done(a.op("complete", nil))
	}
}

// A chunked body is read to the same limit as one that says its length.
func TestChunkedBody(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{plain: true})
	s.workflow("echo")
	send := func(size int) int {
		conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := `{"workflow_id":"echo","input":{"x":"` + strings.Repeat("x", size) + `"}}`
		go func() {
			// A server that has refused the body need not read it to its end.
			_, _ = fmt.Fprintf(conn, "POST /v1/executions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", s.key, len(body), body)
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if got := send(1000); got != 201 {
		t.Errorf("small: %d", got)
	}
	if got := send(2 << 20); got != 413 {
		t.Errorf("large: %d", got)
	}
}
