package api

import (
	"net/url"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

type percentilesBody struct{ P50, P95 float64 }

type statsBody struct {
	From, To        time.Time
	BucketMS        int64  `json:"bucket_ms"`
	WorkflowName    string `json:"workflow_name"`
	Workers         int
	Started         int
	Counts          map[string]int
	Exact           bool
	Sample          int
	Sampled         bool
	RunMS           *percentilesBody `json:"run_ms"`
	QueueMS         *percentilesBody `json:"queue_ms"`
	OldestPendingAt *time.Time       `json:"oldest_pending_at"`
	Buckets         []struct {
		At      time.Time
		Started int
		Counts  map[string]int
		Sample  int
		RunMS   *percentilesBody `json:"run_ms"`
	}
}

func TestStats(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "echo", "other")
	for i := range 5 {
		s.start("echo", map[string]any{"n": i})
		x := w.one()
		if i == 0 {
			w.done(x.op("fail", map[string]any{"error": map[string]any{"code": "boom", "message": "no"}}))
		} else {
			w.done(x.op("complete", map[string]any{"output": 1}))
		}
	}
	s.workflow("unserved")
	oldest := s.start("unserved", map[string]any{"n": 1})
	s.start("unserved", map[string]any{"n": 2})

	var one statsBody
	s.get("/v1/workflows/echo/stats").is(200).into(&one)
	if one.WorkflowName != "echo" || one.Workers != 1 || one.Started != 5 || !one.Exact || one.Counts["completed"] != 4 || one.Counts["failed"] != 1 ||
		one.Sample != 5 || one.Sampled || one.RunMS == nil || one.QueueMS == nil || one.RunMS.P50 < 0 || one.RunMS.P95 < one.RunMS.P50 || one.OldestPendingAt != nil {
		t.Errorf("%+v", one)
	}
	if one.BucketMS != 30*60_000 || len(one.Buckets) < 48 || len(one.Buckets) > 50 || !one.From.Equal(one.Buckets[0].At) {
		t.Errorf("%d buckets of %d ms from %s", len(one.Buckets), one.BucketMS, one.From)
	}
	last := one.Buckets[len(one.Buckets)-1]
	if !one.To.Equal(last.At.Add(30*time.Minute)) || time.Now().After(one.To) || time.Now().Add(-time.Minute).Before(one.From.Add(-24*time.Hour)) {
		t.Errorf("from %s to %s", one.From, one.To)
	}
	started, sampled := 0, 0
	for _, b := range one.Buckets {
		started += b.Started
		sampled += b.Sample
		if (b.RunMS != nil) != (b.Sample > 0) {
			t.Errorf("%+v", b)
		}
	}
	if started != 5 || sampled != 5 {
		t.Errorf("%d in the buckets, %d sampled", started, sampled)
	}

	// What waits for a worker tells since when.
	s.get("/v1/workflows/" + oldest.WorkflowID + "/stats?buckets=1&from=now()-1h").is(200).into(&one)
	created := oldest.CreatedAt
	if one.OldestPendingAt == nil || one.OldestPendingAt.Sub(created).Abs() > time.Second || one.Counts["pending"] != 2 || one.Workers != 0 {
		t.Errorf("%+v, created %s", one, created)
	}

	// All workflows, a page at a time.
	var names []string
	path := "/v1/stats?limit=2&buckets=3&from=now()-3d"
	for cursor := ""; ; {
		var page struct {
			Data       []statsBody
			HasMore    bool   `json:"has_more"`
			NextCursor string `json:"next_cursor"`
			BucketMS   int64  `json:"bucket_ms"`
			From, To   time.Time
		}
		s.get(path + "&cursor=" + cursor).is(200).into(&page)
		if page.BucketMS != 24*3_600_000 || page.From.Hour() != 0 || page.To.Sub(page.From) < 3*24*time.Hour {
			t.Errorf("%+v", page)
		}
		for _, x := range page.Data {
			names = append(names, x.WorkflowName)
			if n := map[string]int{"echo": 5, "other": 0, "unserved": 2}[x.WorkflowName]; x.Started != n || !x.Exact {
				t.Errorf("%+v", x)
			}
			if x.WorkflowName == "echo" && (x.RunMS == nil || x.Sample != 5) {
				t.Errorf("%+v", x)
			}
		}
		if !page.HasMore {
			break
		}
		cursor = page.NextCursor
	}
	if !slices.Equal(names, []string{"echo", "other", "unserved"}) {
		t.Errorf("%v", names)
	}
	var none struct{ Data []statsBody }
	s.get("/v1/stats?search=nothing-has-this").is(200).into(&none)
	if len(none.Data) != 0 {
		t.Errorf("%+v", none)
	}
	s.get("/v1/stats?name=echo").is(200).into(&none)
	if len(none.Data) != 1 {
		t.Errorf("%+v", none)
	}

	for _, path := range []string{"/v1/stats", "/v1/workflows/echo/stats"} {
		s.get(path+"?buckets=0").field(400, "invalid_request", "buckets", "out_of_range")
		s.get(path+"?buckets=201").field(400, "invalid_request", "buckets", "out_of_range")
		s.get(path+"?from=soon").field(400, "invalid_request", "from", "invalid_value")
		s.get(path+"?from=now()&to=now()").field(400, "invalid_request", "from", "out_of_range")
		s.get(path+"?from=now()-93d").field(400, "invalid_request", "from", "out_of_range")
		s.get(path+"?frm=now()").field(400, "invalid_request", "frm", "unknown_field")
	}
	s.get("/v1/workflows/nope/stats").problem(404, "not_found")
}

func TestListByWhatIsAwaited(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.worker(10, "echo")
	var approval executionBody
	for _, kind := range []string{"signal", "none", "approval"} {
		x := s.start("echo", map[string]any{})
		a := w.one()
		if kind == "none" {
			continue
		}
		if kind == "approval" {
			approval = x
		}
		w.done(a.op("wait", map[string]any{"step": "boss", "wait": kind}), a.op("suspend", nil))
	}
	list := func(query string) (ids []string) {
		t.Helper()
		var page struct{ Data []executionBody }
		s.get("/v1/executions?" + query).is(200).into(&page)
		for _, x := range page.Data {
			ids = append(ids, x.ID)
		}
		return ids
	}
	for query, n := range map[string]int{
		"awaiting=approval": 1, "awaiting=signal": 1, "awaiting=approval:boss": 1, "awaiting=signal:boss": 1, "awaiting=approval:other": 0,
		"awaiting=approval&status=running": 0, "awaiting=approval&status=waiting&workflow_id=echo": 1, "awaiting=approval&created_to=2001-01-01": 0,
		"awaiting=" + url.QueryEscape("approval:bo:ss"): 0,
	} {
		if ids := list(query); len(ids) != n || n == 1 && strings.Contains(query, "approval") != (ids[0] == approval.ID) {
			t.Errorf("%s: %v", query, ids)
		}
	}
	for _, bad := range []string{"", "nobody", "approval:", "approval,signal", "signal:" + strings.Repeat("x", 256)} {
		s.get("/v1/executions?awaiting="+bad).field(400, "invalid_request", "awaiting", "invalid_value")
	}
	s.post("/v1/executions/cancel", `{"filter":{"awaiting":"approval:"}}`).field(400, "invalid_request", "filter.awaiting", "invalid_value")
	var n struct{ Matched, Cancelled int }
	s.post("/v1/executions/cancel", `{"filter":{"awaiting":"approval"}}`).is(200).into(&n)
	if n.Matched != 1 || n.Cancelled != 1 || len(list("awaiting=approval")) != 0 || len(list("awaiting=signal")) != 1 {
		t.Errorf("%+v", n)
	}
}

func TestSystem(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("echo")
	first := s.start("echo", map[string]any{"n": 1})
	s.start("echo", map[string]any{"n": 2})
	s.post("/v1/projects", `{"name":"quiet"}`).is(201)
	type system struct {
		Version   string
		GoVersion string    `json:"go_version"`
		StartedAt time.Time `json:"started_at"`
		UptimeMS  int64     `json:"uptime_ms"`
		Servers   []struct {
			Name       string
			StartedAt  time.Time `json:"started_at"`
			LastSeenAt time.Time `json:"last_seen_at"`
			Self       bool
		}
		Stores []struct {
			Kind          string
			SchemaVersion int `json:"schema_version"`
			Bytes         int64
			Shards        int
		}
		Commits struct {
			OverMS            int64   `json:"over_ms"`
			PerSecond         float64 `json:"per_second"`
			CommandsPerSecond float64 `json:"commands_per_second"`
			P50               float64 `json:"p50_ms"`
			P99               float64 `json:"p99_ms"`
		}
		Queues []struct {
			Project         struct{ Name string }
			Pending         int
			OldestPendingAt *time.Time `json:"oldest_pending_at"`
		}
	}
	var x system
	eventually(t, "the second of the commits is over", func() bool {
		x = system{}
		s.get("/v1/system").is(200).into(&x)
		return x.Commits.PerSecond > 0
	})
	if x.GoVersion != runtime.Version() || x.UptimeMS < 0 || len(x.Servers) != 1 || !x.Servers[0].Self || x.Servers[0].Name == "" ||
		time.Since(x.Servers[0].LastSeenAt) > time.Minute || !x.Servers[0].StartedAt.Equal(x.StartedAt) {
		t.Errorf("%+v", x)
	}
	if len(x.Stores) != 1 || x.Stores[0].SchemaVersion == 0 || x.Stores[0].Bytes == 0 || x.Stores[0].Shards != 1024 {
		t.Errorf("%+v", x.Stores)
	}
	if x.Commits.OverMS <= 0 || x.Commits.OverMS > 60_000 || x.Commits.CommandsPerSecond < x.Commits.PerSecond || x.Commits.P50 <= 0 || x.Commits.P99 < x.Commits.P50 {
		t.Errorf("%+v", x.Commits)
	}
	created := first.CreatedAt
	if len(x.Queues) != 2 || x.Queues[0].Project.Name != "default" || x.Queues[0].Pending != 2 || x.Queues[0].OldestPendingAt == nil ||
		x.Queues[0].OldestPendingAt.Sub(created).Abs() > time.Second || x.Queues[1].Pending != 0 || x.Queues[1].OldestPendingAt != nil {
		t.Errorf("%+v", x.Queues)
	}
	s.get("/v1/system?deep=1").field(400, "invalid_request", "deep", "unknown_field")
	key := s.scoped(engine.ScopeRead | engine.ScopeWorkflowsRead)
	if p := s.send(request{key: key, method: "GET", path: "/v1/system"}).problem(403, "forbidden"); !strings.Contains(p.Detail, "admin") {
		t.Errorf("%+v", p)
	}
}
