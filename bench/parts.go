package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/bench/limit/limitserver"
	"github.com/sojournhq/sojourn/bench/rawhttp"
)

// part is one group of figures.
type part struct {
	name string
	full bool // not part of a quick run
	// store is the one that the part is about, empty: any.
	store string
	run   func(ctx context.Context, b *bench) error
}

var parts []part

func init() {
	parts = []part{
		{"limit", false, "", measureLimit},
		{"starts", false, "", measureStarts},
		{"completed", false, "", measureCompleted},
		{"typescript", false, "sqlite", measureTypeScript},
		{"python", false, "sqlite", measurePython},
		{"limit2", false, "", measureLimit},
		{"idle", false, "", measureIdle},
		{"waiters", false, "", measureWaiters},
		{"streams", false, "sqlite", measureStreams},
		{"lists", false, "", measureLists},
		{"restart", true, "", measureRestart},
		{"quiet", false, "postgres", measureQuiet},
		{"wake", false, "postgres", measureWake},
		{"failover", false, "postgres", measureFailover},
		{"pinned", true, "postgres", measurePinned},
		{"curve", true, "postgres", measureCurve},
	}
}

func partNames() []string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = p.name
	}
	return names
}

// reference is the limit of the machine on which the goals were set, in starts per second.
const reference = 28_000

// relate adds to each rate what it would be on the machine of the goals, by the limit of this run.
func (b *bench) relate() {
	limit, ok := b.figures["limit_starts_per_s"].(float64)
	if !ok {
		return
	}
	for _, name := range []string{"starts_per_s", "completed_per_s", "ten_step_runs_per_s", "checkpoints_per_s"} {
		if x, ok := b.figures[name].(float64); ok {
			b.figures[name+"_relative"] = round(x / limit * reference)
		}
	}
	if x, ok := b.figures["starts_per_s"].(float64); ok {
		b.figures["starts_of_limit"] = round(x/limit*1000) / 1000
	}
}

func round(x float64) float64 { return float64(int64(x*10+0.5)) / 10 }

func round3(x float64) float64 { return float64(int64(x*1000+0.5)) / 1000 }

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func measureLimit(ctx context.Context, b *bench) error {
	p, err := b.limit()
	if err != nil {
		return err
	}
	defer p.kill()
	r, err := limitserver.Measure(ctx, p.addr, p.pid(), b.clients, b.second/4, b.second)
	if err != nil {
		return err
	}
	if r.Errors > 0 {
		return fmt.Errorf("%d errors, the first: %w", r.Errors, r.FirstError)
	}
	rate := round(r.PerSecond)
	// Measured before and after the rates that are set against it: the mean evens out a drifting machine.
	if before, ok := b.figures["limit_starts_per_s"].(float64); ok {
		b.figures["limit_runs_per_s"] = []float64{before, rate}
		rate = round((before + rate) / 2)
	}
	b.figures["limit_starts_per_s"] = rate
	return nil
}

// bodies makes start requests, each with a key of its own in the form that the SDKs make them: time first.
type bodies struct {
	workflow string
	buf      [][]byte
	keys     atomic.Uint64
}

func newBodies(workflow string, clients int) *bodies {
	x := &bodies{workflow: workflow, buf: make([][]byte, clients)}
	x.keys.Store(uint64(time.Now().UnixMicro()) << 8)
	return x
}

func (x *bodies) next(client int) []byte {
	b := append(x.buf[client][:0], `{"workflow_id":"`...)
	b = append(b, x.workflow...)
	b = append(b, `","input":{"document":"invoice-2026-000123.pdf","customer":"ACME GmbH","amount":1234.5,"lines":[1,2,3]},"idempotency_key":"bench-`...)
	b = strconv.AppendUint(b, x.keys.Add(1), 16)
	b = strconv.AppendUint(append(b, '-'), rand.Uint64(), 16)
	b = append(b, `"}`...)
	x.buf[client] = b
	return b
}

// load starts executions in a closed loop.
func (b *bench) load(ctx context.Context, s *process, workflow, query, want string, clients int, d time.Duration, others ...*process) (rawhttp.Result, error) {
	return b.loadMarked(ctx, s, workflow, query, want, clients, d, b.mark(s), others...)
}

// loadMarked is load with something to call around the time that counts.
func (b *bench) loadMarked(ctx context.Context, s *process, workflow, query, want string, clients int, d time.Duration, mark func(), others ...*process) (rawhttp.Result, error) {
	x := newBodies(workflow, clients)
	path := "/v1/executions" + query
	pids := s.pids()
	for _, p := range others {
		pids = append(pids, p.pids()...)
	}
	needle := []byte(`"status":"` + want + `"`)
	r, err := rawhttp.Run(ctx, rawhttp.Load{
		Addr: s.addr, Others: s.addrs()[1:], Mark: mark, Clients: clients, Warmup: d / 4, Duration: d, PIDs: pids, Timeout: 90 * time.Second,
		Next: func(client, _ int) rawhttp.Request {
			return rawhttp.Request{Path: path, Headers: b.headers, Body: x.next(client)}
		},
		Check: func(_ int, resp rawhttp.Response) error {
			if resp.Status != 201 || !bytes.Contains(resp.Body, needle) {
				return fmt.Errorf("status %d: %.300s", resp.Status, resp.Body)
			}
			return nil
		},
	})
	if err == nil && r.Errors > 0 {
		err = fmt.Errorf("%d errors, the first: %w", r.Errors, r.FirstError)
	}
	return r, err
}

// cpu notes what an execution cost each process, in microseconds.
func (b *bench) cpu(name string, r rawhttp.Result, server, worker *process) {
	per := func(d time.Duration) float64 { return round(float64(d.Microseconds()) / float64(max(r.Requests, 1))) }
	all := func(p *process) (sum time.Duration) {
		for _, pid := range p.pids() {
			sum += r.CPU[pid]
		}
		return sum
	}
	b.figures[name+"_server_cpu_us"] = per(all(server))
	b.figures[name+"_load_cpu_us"] = per(r.OwnCPU)
	if worker != nil {
		b.figures[name+"_worker_cpu_us"] = per(all(worker))
	}
	if u := server.usage; u != nil {
		b.figures[name+"_postgres_cpu_us"] = per(u.cpu)
		b.figures[name+"_wal_bytes"] = round(float64(u.wal) / float64(max(r.Requests, 1)))
		b.figures[name+"_transactions"] = round3(float64(u.transactions) / float64(max(r.Requests, 1)))
	}
}

func measureStarts(ctx context.Context, b *bench) error {
	s, err := b.server(ctx, filepath.Join(b.dir, "starts"))
	if err != nil {
		return err
	}
	defer s.kill()
	b.figures["boot_ms"] = ms(s.boot)
	if err := settle(ctx, time.Second); err != nil {
		return err
	}
	b.figures["rss_idle_mib"] = round(s.rss())
	if err := b.call(ctx, s, "POST", "/v1/workflows", map[string]string{"name": "noop"}, nil); err != nil {
		return err
	}
	r, err := b.load(ctx, s, "noop", "", "pending", b.clients, b.second)
	if err != nil {
		return err
	}
	b.figures["starts_per_s"] = round(r.PerSecond)
	b.figures["start_p50_ms"], b.figures["start_p99_ms"] = ms(r.Latency.P50), ms(r.Latency.P99)
	b.cpu("start", r, s, nil)
	return nil
}

// settle lets a fresh process come to rest before its memory is read.
func settle(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func measureCompleted(ctx context.Context, b *bench) error {
	s, err := b.server(ctx, filepath.Join(b.dir, "completed"))
	if err != nil {
		return err
	}
	defer s.kill()
	w, err := b.worker(s)
	if err != nil {
		return err
	}
	defer w.kill()
	r, err := b.load(ctx, s, "noop", "?wait=60", "completed", b.clients, b.second, w)
	if err != nil {
		return err
	}
	b.figures["completed_per_s"] = round(r.PerSecond)
	b.figures["completed_p50_ms"], b.figures["completed_p99_ms"] = ms(r.Latency.P50), ms(r.Latency.P99)
	b.cpu("completed", r, s, w)
	if r, err = b.load(ctx, s, "ten", "?wait=60", "completed", b.clients, b.second, w); err != nil {
		return err
	}
	b.figures["ten_step_runs_per_s"] = round(r.PerSecond)
	b.figures["checkpoints_per_s"] = round(r.PerSecond * 10)
	b.figures["ten_steps_p50_ms"], b.figures["ten_steps_p99_ms"] = ms(r.Latency.P50), ms(r.Latency.P99)
	b.cpu("ten_steps", r, s, w)
	return nil
}

func measureIdle(ctx context.Context, b *bench) error {
	s, err := b.server(ctx, filepath.Join(b.dir, "idle"))
	if err != nil {
		return err
	}
	defer s.kill()
	w, err := b.worker(s)
	if err != nil {
		return err
	}
	defer w.kill()
	d := min(b.second, 3*time.Second)
	r, err := b.load(ctx, s, "noop", "?wait=60", "completed", 1, d, w)
	if err != nil {
		return err
	}
	b.figures["idle_completion_p50_ms"], b.figures["idle_completion_p99_ms"] = ms(r.Latency.P50), ms(r.Latency.P99)
	if r, err = b.load(ctx, s, "ten", "?wait=60", "completed", 1, d, w); err != nil {
		return err
	}
	b.figures["idle_ten_steps_p50_ms"] = ms(r.Latency.P50)
	return nil
}

// measureWaiters holds ten thousand requests that wait for executions nobody runs.
func measureWaiters(ctx context.Context, b *bench) error {
	s, err := b.server(ctx, filepath.Join(b.dir, "waiters"))
	if err != nil {
		return err
	}
	defer s.kill()
	if err := b.call(ctx, s, "POST", "/v1/workflows", map[string]string{"name": "noop"}, nil); err != nil {
		return err
	}
	const waiters = 10_000
	ctx, cancel := context.WithCancel(ctx)
	x := newBodies("noop", waiters)
	done := make(chan struct{})
	go func() {
		defer close(done)
		// How it ends says nothing: it is broken off once the memory is read.
		_, _ = rawhttp.Run(ctx, rawhttp.Load{
			Addr: s.addr, Clients: waiters, Duration: time.Minute, Timeout: 90 * time.Second,
			Next: func(client, _ int) rawhttp.Request {
				return rawhttp.Request{Path: "/v1/executions?wait=60", Headers: b.headers, Body: x.next(client)}
			},
		})
	}()
	defer func() {
		cancel()
		<-done
	}()
	deadline := time.Now().Add(40 * time.Second)
	for {
		var counts struct {
			Total int `json:"total"`
		}
		if err := b.call(ctx, s, "GET", "/v1/executions/counts", nil, &counts); err != nil {
			return err
		}
		if counts.Total >= waiters {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("only %d of %d requests wait", counts.Total, waiters)
		}
		if err := settle(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	if err := settle(ctx, time.Second); err != nil {
		return err
	}
	b.figures["rss_10k_waiters_mib"] = round(s.rss())
	return nil
}

// fill stores executions of four workflows with mixed outcomes, metadata and triggers, and lets a worker end them. With
// keyed each has an idempotency key.
func (b *bench) fill(ctx context.Context, s *process, rows int, keyed bool) error {
	const size, parallel = 500, 4
	type spec struct {
		WorkflowID string            `json:"workflow_id"`
		Input      map[string]any    `json:"input"`
		Metadata   map[string]string `json:"metadata,omitempty"`
		Trigger    string            `json:"trigger"`
		Key        string            `json:"idempotency_key,omitempty"`
	}
	made := time.Now().UnixMicro()
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, parallel)
	for p := range parallel {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(p)))
			for ctx.Err() == nil {
				first := int(next.Add(size)) - size
				if first >= rows {
					return
				}
				var body struct {
					Executions []spec `json:"executions"`
				}
				for i := first; i < min(first+size, rows); i++ {
					x := spec{WorkflowID: "mixed-" + strconv.Itoa(i%4), Trigger: "api", Input: map[string]any{"n": i, "document": "invoice-" + strconv.Itoa(i) + ".pdf"}}
					switch r := rng.IntN(1000); {
					case r < 20:
						x.Input["outcome"] = "fail"
					case r < 30:
						x.Input["outcome"] = "reject"
					}
					if rng.IntN(100) < 5 {
						x.Trigger = "cli"
					}
					if keyed {
						x.Key = fmt.Sprintf("fill-%x-%08x-%016x", made, i, rng.Uint64())
					}
					if rng.IntN(100) < 30 {
						x.Metadata = map[string]string{"tenant": "tenant-" + strconv.Itoa(rng.IntN(200))}
					}
					body.Executions = append(body.Executions, x)
				}
				if errs[p] = b.call(ctx, s, "POST", "/v1/executions/batch", body, nil); errs[p] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	for {
		var counts struct {
			Counts map[string]int `json:"counts"`
		}
		if err := b.call(ctx, s, "GET", "/v1/executions/counts", nil, &counts); err != nil {
			return err
		}
		if counts.Counts["pending"]+counts.Counts["running"] == 0 {
			return nil
		}
		if err := settle(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// filters are the single filters of a list, and each of them with a workflow.
func filters() map[string]url.Values {
	single := map[string]url.Values{
		"status_rare":   {"status": {"rejected"}},
		"status_set":    {"status": {"failed,cancelled"}},
		"status_common": {"status": {"completed"}},
		"dates":         {"created_from": {"now()-1h"}, "created_to": {"now()-1s"}},
		"metadata":      {"metadata[tenant]": {"tenant-7"}},
		"trigger":       {"trigger": {"cli"}},
		"trigger_none":  {"trigger": {"manual"}},
	}
	all := map[string]url.Values{"none": {}, "workflow": {"workflow_id": {"mixed-2"}}}
	for name, q := range single {
		all[name] = q
		both := url.Values{"workflow_id": {"mixed-2"}}
		maps.Copy(both, q)
		all["workflow_"+name] = both
	}
	return all
}

func measureLists(ctx context.Context, b *bench) error {
	data := filepath.Join(b.dir, "lists")
	if b.keep != "" {
		data = b.keep
	}
	_, err := os.Stat(data)
	filled := err == nil
	s, err := b.server(ctx, data)
	if err != nil {
		return err
	}
	defer s.kill()
	if !filled {
		w, err := b.worker(s)
		if err != nil {
			return err
		}
		made := b.rows
		if b.store == "postgres" {
			made = min(made, comparedAt)
		}
		began := time.Now()
		if err := b.fill(ctx, s, made, false); err != nil {
			return err
		}
		b.figures["fill_per_s"] = round(float64(made) / time.Since(began).Seconds())
		if err := w.stop(); err != nil {
			return err
		}
		if made < b.rows { // the rest are copies, which no server may see coming
			if err := s.stop(); err != nil {
				return err
			}
			if err := multiply(ctx, s.database, b.rows); err != nil {
				return err
			}
			if err := tidy(ctx, s.database); err != nil {
				return err
			}
			if s, err = b.server(ctx, data); err != nil {
				return err
			}
			defer s.kill()
		}
	}
	stored, err := b.stored(ctx, s)
	if err != nil {
		return err
	}
	b.figures["list_rows"] = stored
	worst := 0.0
	each := map[string]float64{}
	n := 300
	if b.quick {
		n = 100
	}
	client := rawhttp.NewClient(s.addr, 10*time.Second)
	defer func() { _ = client.Close() }()
	measure := func(path string) (float64, error) {
		times := make([]time.Duration, 0, n)
		for range n {
			began := time.Now()
			resp, err := client.Do(rawhttp.Request{Path: path, Headers: b.headers})
			if err != nil {
				return 0, err
			}
			times = append(times, time.Since(began))
			if resp.Status != 200 {
				return 0, fmt.Errorf("%s: %d: %.300s", path, resp.Status, resp.Body)
			}
		}
		return ms(percentile(times, 0.99)), nil
	}
	for name, q := range filters() {
		q.Set("limit", "50")
		if each[name], err = measure("/v1/executions?" + q.Encode()); err != nil {
			return err
		}
		worst = max(worst, each[name])
	}
	b.figures["list_p99_ms"], b.figures["list_p99_ms_by_filter"] = worst, each
	if b.figures["counts_p99_ms"], err = measure("/v1/executions/counts"); err != nil {
		return err
	}
	search := url.Values{"text": {"not to be found anywhere"}, "limit": {"50"}}
	b.figures["text_search_p99_ms"], err = measure("/v1/executions?" + search.Encode())
	return err
}

// measureRestart kills a server that has a hundred thousand executions with workers and times its return.
func measureRestart(ctx context.Context, b *bench) error {
	const sessions, capacity = 10, 10_000
	data := filepath.Join(b.dir, "restart")
	s, err := b.server(ctx, data)
	if err != nil {
		return err
	}
	defer s.kill()
	held := 0
	for i := range sessions {
		name := "held-" + strconv.Itoa(i)
		var session struct {
			ID string `json:"session_id"`
		}
		err := b.call(ctx, s, "POST", "/v1/worker/sessions", map[string]any{
			"protocol": 1, "capacity": capacity, "workflows": []map[string]string{{"name": name}},
		}, &session)
		if err != nil {
			return err
		}
		for first := 0; first < capacity; first += 1000 {
			batch := make([]map[string]any, 1000)
			for j := range batch {
				batch[j] = map[string]any{"workflow_id": name, "input": map[string]int{"n": first + j}}
			}
			if err := b.call(ctx, s, "POST", "/v1/executions/batch", map[string]any{"executions": batch}, nil); err != nil {
				return err
			}
		}
		received := int64(0)
		for got := 0; got < capacity; {
			var delivery struct {
				Delivery   int64 `json:"delivery"`
				Executions []struct {
					ID string `json:"id"`
				} `json:"executions"`
			}
			err := b.call(ctx, s, "POST", "/v1/worker/poll", map[string]any{"session_id": session.ID, "received": received, "wait_ms": 5000}, &delivery)
			if err != nil {
				return err
			}
			received = max(received, delivery.Delivery)
			got += len(delivery.Executions)
			held += len(delivery.Executions)
			if len(delivery.Executions) == 0 {
				return fmt.Errorf("session %d got only %d of %d executions", i, got, capacity)
			}
		}
	}
	b.figures["restart_in_flight"] = held
	s.kill()
	again, err := b.server(ctx, data)
	if err != nil {
		return err
	}
	b.figures["restart_ready_ms"] = ms(again.boot)
	again.kill()
	return nil
}
