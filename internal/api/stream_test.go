package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// sent is one event as a reader of the stream gets it.
type sent struct {
	ID, Kind string
	Data     struct {
		Revision           int
		Type, Status, Step string
		ExecutionID        string `json:"execution_id"`
		Workflow           string
		WorkflowID         string `json:"workflow_id"`
	}
	raw string
}

// reader is the other end of a stream.
type reader struct {
	s        *server
	res      *http.Response
	lines    *bufio.Scanner
	last     string // the latest id
	comments int
	cancel   context.CancelFunc
}

// follow opens a stream.
func (s *server) follow(path string, header ...string) *reader {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", s.http.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("X-Request-Id") == "" ||
		res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("X-Accel-Buffering") != "no" {
		body, _ := io.ReadAll(res.Body)
		s.t.Fatalf("%s: %d %v %s", path, res.StatusCode, res.Header, body)
	}
	return &reader{s: s, res: res, lines: bufio.NewScanner(res.Body), cancel: cancel}
}

// try reads the next event; the error is io.EOF when the stream ended well.
func (r *reader) try() (*sent, error) {
	var e sent
	for r.lines.Scan() {
		line := r.lines.Text()
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "":
			if line != "" {
				r.comments++
				continue
			}
			if e.raw == "" {
				continue
			}
			if err := json.Unmarshal([]byte(e.raw), &e.Data); err != nil {
				r.s.t.Fatalf("data %q: %v", e.raw, err)
			}
			r.check(&e)
			return &e, nil
		case "id":
			r.last, e.ID = value, value
		case "event":
			e.Kind = value
		case "data":
			e.raw += value
		case "retry":
			if value != "1000" {
				r.s.t.Errorf("retry: %s", value)
			}
		default:
			r.s.t.Errorf("a line of the stream is %q", line)
		}
	}
	if err := r.lines.Err(); err != nil {
		return nil, err
	}
	return nil, io.EOF
}

// check holds an event to the contract.
func (r *reader) check(e *sent) {
	doc, err := contract()
	if err != nil {
		r.s.t.Fatal(err)
	}
	schema := "Event"
	switch e.Kind {
	case "end":
		schema = "StreamEnd"
	case "message":
		schema = "ListenedMessage"
	case "reset", "ready":
		return
	default:
		if e.Kind != e.Data.Type || e.Data.ExecutionID == "" {
			r.s.t.Errorf("event %s with %s", e.Kind, e.raw)
		}
	}
	var v any
	if err := json.Unmarshal([]byte(e.raw), &v); err != nil {
		r.s.t.Fatal(err)
	}
	if err := doc.Components.Schemas[schema].Value.VisitJSON(v); err != nil {
		r.s.t.Errorf("%s: %v", e.raw, err)
	}
}

// next reads the next event, which must come.
func (r *reader) next() *sent {
	r.s.t.Helper()
	e, err := r.try()
	if err != nil {
		r.s.t.Fatalf("the stream ended: %v", err)
	}
	return e
}

// kinds reads as many events and tells their kinds.
func (r *reader) kinds(n int) string {
	r.s.t.Helper()
	list := make([]string, n)
	for i := range list {
		list[i] = r.next().Kind
	}
	return strings.Join(list, " ")
}

// over reads the end of the answer, which must be a clean one.
func (r *reader) over() {
	r.s.t.Helper()
	if e, err := r.try(); !errors.Is(err, io.EOF) {
		r.s.t.Fatalf("want the end of the answer, got %+v, %v", e, err)
	}
}

func TestFollowExecution(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{"big": strings.Repeat("x", 1000)})
	path := "/v1/executions/" + x.ID + "/events"
	live := s.follow(path)
	if e := live.next(); e.ID != "1" || e.Kind != "created" || e.Data.Status != "pending" || e.Data.ExecutionID != x.ID {
		t.Errorf("%+v", e)
	}
	w := s.worker(1, "echo")
	a := w.one()
	if e := live.next(); e.ID != "2" || e.Kind != "claimed" || e.Data.Status != "running" {
		t.Errorf("%+v", e)
	}
	w.done(a.op("step_completed", map[string]any{"step": "one", "output": 1}))
	if e := live.next(); e.ID != "3" || e.Data.Step != "one" || strings.Contains(e.raw, "output") {
		t.Errorf("%+v", e)
	}
	w.done(a.op("sleep", map[string]any{"step": "nap", "duration_ms": 3600000}), a.op("suspend", nil))
	if got := live.kinds(2); got != "sleep_started suspended" {
		t.Error(got)
	}
	s.post("/v1/executions/"+x.ID+"/cancel", `{}`).is(200)
	if e := live.next(); e.Kind != "cancelled" || e.Data.Status != "cancelled" {
		t.Errorf("%+v", e)
	}
	if e := live.next(); e.Kind != "end" || e.ID != "" || e.raw != `{"status":"cancelled"}` {
		t.Errorf("%+v", e)
	}
	live.over()

	all := []string{"created", "claimed", "step_completed", "sleep_started", "suspended", "cancelled", "end"}
	for n := range 7 {
		text := strconv.Itoa(n)
		// The header goes before the parameter, for a browser sends both.
		for _, r := range []*reader{s.follow(path + "?after=" + text), s.follow(path, "Last-Event-ID", text), s.follow(path+"?after=1", "Last-Event-ID", text)} {
			if got := r.kinds(7 - n); got != strings.Join(all[n:], " ") {
				t.Errorf("after %d: %s", n, got)
			}
			r.over()
		}
	}
	// A revision that is not reached is of a timeline that a restore has ended.
	r := s.follow(path, "Last-Event-ID", "7")
	if got := r.kinds(8); got != "reset "+strings.Join(all, " ") {
		t.Error(got)
	}

	// As a page, by a client held to the contract.
	type page struct {
		Data    []struct{ Revision int }
		HasMore bool   `json:"has_more"`
		LastID  string `json:"last_id"`
		Reset   bool
	}
	var p page
	s.get(path).is(200).into(&p)
	if len(p.Data) != 6 || p.HasMore || p.LastID != "6" || p.Reset {
		t.Errorf("%+v", p)
	}
	p = page{}
	if s.get(path + "?after=6").is(200).into(&p); len(p.Data) != 0 || p.LastID != "6" {
		t.Errorf("%+v", p)
	}
	if s.get(path + "?after=7").is(200).into(&p); len(p.Data) != 6 || !p.Reset || p.LastID != "6" {
		t.Errorf("%+v", p)
	}
	for _, wrong := range []string{"x", "-1", "+1", "1.0", " 1", "99999999999999999999"} {
		s.get(path+"?after="+url.QueryEscape(wrong)).field(400, "invalid_request", "after", "invalid_value")
		s.send(request{key: s.key, method: "GET", path: path, header: map[string]string{"Last-Event-ID": "x" + wrong}}).field(400, "invalid_request", "Last-Event-ID", "invalid_value")
	}
	s.get("/v1/executions/exec_nothing/events").problem(404, "not_found")
	s.send(request{key: s.key, method: "HEAD", path: path, header: map[string]string{"Accept": "text/event-stream"}}).is(200)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + x.ID}).is(204)
	s.get(path).problem(410, "deleted")
}

// More than a page is sent without a pause, and a page of JSON goes on where the one before stopped.
func TestLongHistory(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	x := s.start("echo", map[string]any{})
	w := s.worker(1, "echo")
	a := w.one()
	for range 5 {
		ops := make([]map[string]any, 100)
		for i := range ops {
			ops[i] = a.op("step_completed", map[string]any{"step": fmt.Sprint("s", rand.Uint64()), "output": i})
		}
		w.done(ops...)
	}
	w.done(a.op("complete", map[string]any{"output": map[string]any{}}))
	r := s.follow("/v1/executions/" + x.ID + "/events")
	for n := 1; n <= 503; n++ {
		if e := r.next(); e.ID != strconv.Itoa(n) || e.Data.Revision != n {
			t.Fatalf("event %d is %+v", n, e)
		}
	}
	if e := r.next(); e.Kind != "end" {
		t.Errorf("%+v", e)
	}
	seen, after, pages := 0, "0", 0
	for {
		var p struct {
			Data    []struct{ Revision int }
			HasMore bool   `json:"has_more"`
			LastID  string `json:"last_id"`
		}
		s.get("/v1/executions/" + x.ID + "/events?after=" + after).is(200).into(&p)
		for _, e := range p.Data {
			if seen++; e.Revision != seen {
				t.Fatalf("revision %d, want %d", e.Revision, seen)
			}
		}
		pages++
		if after = p.LastID; !p.HasMore {
			break
		}
	}
	if seen != 503 || pages != 6 {
		t.Errorf("%d events in %d pages", seen, pages)
	}
}

func TestFollowProject(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"a", "b", "c"} {
		s.workflow(name)
	}
	s.post("/v1/projects", `{"name":"other"}`).is(201)
	var k keyBody
	s.post("/v1/keys", `{"scopes":["executions:start","workflows:manage"],"project":"other"}`).is(201).into(&k)
	s.send(request{key: k.Key, method: "POST", path: "/v1/workflows", body: `{"name":"a"}`}).is(201)
	s.start("a", map[string]any{}) // before the stream begins

	live, two := s.follow("/v1/events"), s.follow("/v1/events?workflow_id=a&workflow_id=b&kinds=created,cancelled")
	s.send(request{key: k.Key, method: "POST", path: "/v1/executions", body: `{"workflow_id":"a","input":{}}`}).is(201)
	xa, xc := s.start("a", map[string]any{}), s.start("c", map[string]any{})
	s.post("/v1/executions/"+xc.ID+"/cancel", `{}`).is(200)
	w := s.worker(1, "b")
	xb := s.start("b", map[string]any{})
	w.done(func() map[string]any {
		a := w.one()
		return a.op("complete", map[string]any{"output": map[string]any{}})
	}())

	var all []*sent
	for range 6 {
		all = append(all, live.next())
	}
	tell := func(list []*sent) string {
		names := map[string]string{xa.ID: "a", xb.ID: "b", xc.ID: "c"}
		var b strings.Builder
		for _, e := range list {
			fmt.Fprintf(&b, "%s %s %s %s, ", names[e.Data.ExecutionID], e.Data.Workflow, e.Kind, e.Data.Status)
		}
		return b.String()
	}
	if got := tell(all); got != "a a created pending, c c created pending, c c cancelled cancelled, b b created running, b b claimed running, b b completed completed, " &&
		got != "a a created pending, c c created pending, c c cancelled cancelled, b b created pending, b b claimed running, b b completed completed, " {
		t.Error(got)
	}
	if all[0].Data.WorkflowID != xa.WorkflowID {
		t.Errorf("%+v", all[0])
	}
	if got := tell([]*sent{two.next(), two.next()}); !strings.HasPrefix(got, "a a created pending, b b created ") {
		t.Error(got)
	}
	for i, e := range all {
		r := s.follow("/v1/events", "Last-Event-ID", e.ID)
		for _, want := range all[i+1:] {
			if got := r.next(); got.raw != want.raw || !samePlace(got.ID, want.ID) {
				t.Errorf("after %d:\n%s\nwant\n%s", i, got.raw, want.raw)
			}
		}
		r.cancel()
	}

	// As a page; the last id goes on.
	var p struct {
		Data []struct {
			Type        string
			ExecutionID string `json:"execution_id"`
		}
		LastID  string `json:"last_id"`
		HasMore bool   `json:"has_more"`
		Reset   bool
	}
	for n, after := 0, all[0].ID; n < 5; {
		s.get("/v1/events?after=" + after).is(200).into(&p)
		if n += len(p.Data); n > 5 || n < 5 && !p.HasMore || p.Reset { // a page may be short
			t.Fatalf("%d events; %+v", n, p)
		}
		after = p.LastID
	}
	now := p.LastID
	s.get("/v1/events").is(200).into(&p)
	if len(p.Data) != 0 || !samePlace(p.LastID, now) {
		t.Errorf("%+v, want the place %s", p, now)
	}
	s.get("/v1/events?workflow_id=nothing").field(404, "not_found", "workflow_id", "not_found")
	s.get("/v1/events?workflow_id=").field(400, "invalid_request", "workflow_id", "invalid_value")
	s.get("/v1/events?"+strings.Repeat("workflow_id=a&", 101)).field(400, "invalid_request", "workflow_id", "too_long")
	if p := s.get("/v1/events?kinds=complete").field(400, "invalid_request", "kinds", "invalid_value"); !strings.Contains(p.Detail, `"completed"?`) {
		t.Error(p.Detail)
	}
	s.get("/v1/events?kinds=").field(400, "invalid_request", "kinds", "invalid_value")
	s.get("/v1/events?kinds=created&kinds=created").field(400, "invalid_request", "kinds", "invalid_value")
	s.get("/v1/events?workflow=a").field(400, "invalid_request", "workflow", "unknown_field")
	for _, wrong := range []string{"5", "x", now[:len(now)-1], now + "A", strings.Repeat("A", 2000)} {
		s.get("/v1/events?after="+wrong).field(400, "invalid_request", "after", "invalid_value")
	}

	// The cursor of another timeline.
	other := newServer(t)
	foreign := other.follow("/v1/events")
	other.workflow("a")
	other.start("a", map[string]any{})
	foreign.next()
	r := s.follow("/v1/events", "Last-Event-ID", foreign.last)
	if e := r.next(); e.Kind != "reset" || !samePlace(e.ID, now) {
		t.Errorf("%+v, want a reset at %s", e, now)
	}
	s.start("a", map[string]any{})
	if e := r.next(); e.Kind != "created" {
		t.Errorf("%+v", e)
	}
}

// A stream says where it is before anything happens, so that nothing is lost when it is cut off at once.
func TestPlaceBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.Heartbeat = 10 * time.Millisecond }})
	s.workflow("a")
	s.workflow("b")
	r := s.follow("/v1/events?workflow_id=b")
	for r.last == "" && r.lines.Scan() {
		if name, value, _ := strings.Cut(r.lines.Text(), ": "); name == "id" {
			r.last = value
		}
	}
	first := r.last
	x := s.start("a", map[string]any{})
	// What is not selected moves the place on, at the next heartbeat.
	for r.last == first && r.lines.Scan() {
		if name, value, _ := strings.Cut(r.lines.Text(), ": "); name == "id" {
			r.last = value
		}
	}
	if again := s.follow("/v1/events", "Last-Event-ID", first); again.next().Data.ExecutionID != x.ID {
		t.Error("the event after the first place is another one")
	}
	s.start("b", map[string]any{})
	if again := s.follow("/v1/events", "Last-Event-ID", r.last); again.next().Data.Workflow != "b" {
		t.Error("the place behind what was not selected is another one")
	}
}

func TestStreamHeartbeats(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.Heartbeat = 10 * time.Millisecond }})
	s.workflow("a")
	x := s.start("a", map[string]any{})
	own := s.scoped(engine.ScopeRead)
	var keys struct {
		Data []struct{ ID, Name string }
	}
	r := s.follow("/v1/executions/"+x.ID+"/events", "Authorization", "Bearer "+own)
	r.next()
	for beats := 0; beats < 3 && r.lines.Scan(); {
		if r.lines.Text() == ":" {
			beats++
		}
	}
	s.get("/v1/keys").is(200).into(&keys)
	for _, k := range keys.Data {
		if k.Name == "scoped" {
			s.send(request{key: s.key, method: "DELETE", path: "/v1/keys/" + k.ID}).is(204)
		}
	}
	r.over() // its key was revoked
	eventually(t, "the stream is forgotten", func() bool { return s.engine.Streams() == 0 })
}

func TestStreamsEndWithADrain(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	x := s.start("a", map[string]any{})
	one, all := s.follow("/v1/executions/"+x.ID+"/events"), s.follow("/v1/events")
	one.next()
	s.engine.Drain()
	one.over()
	all.over()
	eventually(t, "the streams are forgotten", func() bool { return s.engine.Streams() == 0 })
}

func TestStreamsOfOneKeyAreLimited(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.MaxStreams = 2 }})
	s.workflow("a")
	x := s.start("a", map[string]any{})
	path := "/v1/executions/" + x.ID + "/events"
	first := s.follow("/v1/events")
	s.follow(path).next()
	stream := request{key: s.key, method: "GET", path: path, header: map[string]string{"Accept": "text/event-stream"}}
	a := s.send(stream)
	if p := a.problem(429, "rate_limited"); a.header.Get("Retry-After") != "5" || !strings.Contains(p.Detail, "2 streams") {
		t.Errorf("%s %v", a.body, a.header)
	}
	s.get(path).is(200) // a page is no stream
	stream.key = s.scoped(engine.ScopeRead)
	s.follow(path, "Authorization", "Bearer "+stream.key).next()
	first.cancel()
	eventually(t, "the place is free again", func() bool { return s.engine.Streams() == 2 })
	s.follow(path).next()
}

// Whoever reads an execution's stream with any number of interruptions gets every event once.
func TestStreamsHaveNoGap(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	x := s.start("a", map[string]any{})
	var begin struct {
		LastID string `json:"last_id"`
	}
	s.get("/v1/events").is(200).into(&begin)
	const steps, readers = 150, 6
	var wg sync.WaitGroup
	for n := range readers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			path, last, want := "/v1/executions/"+x.ID+"/events", "0", 1
			if n%2 == 1 {
				path, last, want = "/v1/events", begin.LastID, 2 // it is created already
			}
			for end := steps + 4; want < end; {
				r := s.follow(path, "Last-Event-ID", last)
				for range 1 + rng.IntN(20) {
					e, err := r.try()
					if err != nil || e.Data.Revision != want {
						t.Errorf("reader %d got %+v, %v, want revision %d", n, e, err, want)
						want = end
					}
					last = e.ID
					if want++; want >= end {
						break
					}
				}
				r.cancel()
			}
		})
	}
	w := s.worker(1, "a")
	a := w.one()
	for i := range steps {
		w.done(a.op("step_completed", map[string]any{"step": fmt.Sprint(i), "output": i}))
	}
	w.done(a.op("complete", map[string]any{"output": map[string]any{}}))
	wg.Wait()
}

// Who does not read is cut off, and holds up nobody.
func TestSlowReadersAreCutOff(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{api: func(c *Config) { c.StreamTimeout = 200 * time.Millisecond }})
	s.workflow("a")
	for _, perSecond := range []bool{false, true} {
		address := s.http.Listener.Addr().String()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintf(conn, "GET /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", address, s.key); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the stream is open", func() bool { return s.engine.Streams() == 1 })
		stop := make(chan struct{})
		if perSecond {
			go func() {
				one := make([]byte, 1)
				for {
					if _, err := conn.Read(one); err != nil {
						return
					}
					select {
					case <-stop:
						return
					case <-time.After(100 * time.Millisecond):
					}
				}
			}()
		}
		// The buffers of the kernel take megabytes.
		payload := strings.Repeat("x", 900<<10)
		for n := 0; s.engine.Streams() > 0; n++ {
			if n > 60 {
				t.Fatal("a reader who does not read is never cut off")
			}
			x := s.start("a", map[string]any{})
			for range 5 {
				s.post("/v1/executions/"+x.ID+"/signals/large", map[string]any{"payload": payload}).is(202)
			}
		}
		close(stop)
	}
}

// Two streams of one watcher each are woken by every change, and nobody is left behind in the books.
func TestStreamsComeAndGo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("a")
	x := s.start("a", map[string]any{})
	var readers []*reader
	for range 5 {
		readers = append(readers, s.follow("/v1/executions/"+x.ID+"/events"), s.follow("/v1/events"))
	}
	rand.Shuffle(len(readers), func(i, j int) { readers[i], readers[j] = readers[j], readers[i] })
	for i, r := range slices.Clone(readers[:5]) {
		r.cancel()
		eventually(t, "it is forgotten", func() bool { return s.engine.Streams() == 9-i })
	}
	s.post("/v1/executions/"+x.ID+"/cancel", `{}`).is(200)
	for _, r := range readers[5:] {
		for r.next().Kind != "cancelled" {
		}
	}
}

func FuzzStreamPlaces(f *testing.F) {
	s := newServer(f, setup{plain: true})
	s.workflow("a")
	x := s.start("a", map[string]any{})
	var p struct {
		LastID string `json:"last_id"`
	}
	s.get("/v1/events").is(200).into(&p)
	f.Add("0", true)
	f.Add(p.LastID, false)
	f.Add("9223372036854775807", true)
	f.Fuzz(func(t *testing.T, text string, one bool) {
		path := "/v1/events"
		if one {
			path = "/v1/executions/" + x.ID + "/events"
		}
		clean := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, text)
		query := httptest.NewRequest("GET", path+"?after="+url.QueryEscape(text), nil)
		header := httptest.NewRequest("GET", path, nil)
		header.Header.Set("Last-Event-ID", clean)
		for _, r := range []*http.Request{query, header} {
			r.Header.Set("Authorization", "Bearer "+s.key)
			r.Header.Set("Accept", "application/json")
			w := httptest.NewRecorder()
			s.api.ServeHTTP(w, r)
			if w.Code != 200 && w.Code != 400 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%q: %d %s", text, w.Code, w.Body)
			}
		}
	})
}

// samePlace reports whether two ids may name the same place. On SQLite a place has one name; on PostgreSQL its name also
// tells what the reader has seen.
func samePlace(a, b string) bool {
	return a == b || teststore.OnPostgres() && a != "" && b != ""
}
