package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sojournhq/sojourn/bench/rawhttp"
	"github.com/sojournhq/sojourn/internal/pgtest"
	"github.com/sojournhq/sojourn/torture/proxy"
)

// measureQuiet counts what servers that have nothing to do ask of the database.
func measureQuiet(ctx context.Context, b *bench) error {
	nodes := max(b.nodes, 3)
	address, err := b.address(ctx, "quiet")
	if err != nil {
		return err
	}
	// PostgreSQL's own count of transactions has those with which listeners receive a hint.
	between, err := proxy.Listen(ctx, b.postgres.Addr)
	if err != nil {
		return err
	}
	defer func() { _ = between.Close() }()
	s, err := b.clusterThrough(ctx, between, address, nodes)
	if err != nil {
		return err
	}
	defer s.kill()
	if err := settle(ctx, 3*time.Second); err != nil {
		return err
	}
	before, err := b.consumed(ctx, s)
	if err != nil {
		return err
	}
	asked, began := between.Asked(), time.Now()
	if err := settle(ctx, max(15*time.Second, 2*b.second)); err != nil {
		return err
	}
	asked = between.Asked() - asked
	took := time.Since(began).Seconds()
	after, err := b.consumed(ctx, s)
	if err != nil {
		return err
	}
	b.figures["idle_servers"] = nodes
	b.figures["idle_queries_per_s"] = round3(float64(asked) / took)
	b.figures["idle_postgres_cpu_ms_per_s"] = round3((after.cpu - before.cpu).Seconds() * 1000 / took)
	b.figures["idle_wal_bytes_per_s"] = round(float64(after.wal-before.wal) / took)
	return nil
}

// begin starts one execution and returns its id.
func (b *bench) begin(ctx context.Context, s *process, workflow string) (string, error) {
	var x struct {
		ID string `json:"id"`
	}
	err := b.call(ctx, s, "POST", "/v1/executions", map[string]any{"workflow_id": workflow, "input": map[string]int{"n": 1}}, &x)
	return x.ID, err
}

// measureWake holds a request at one server and ends its execution at another: how long until the holder knows?
func measureWake(ctx context.Context, b *bench) error {
	for name, notify := range map[string]string{"wake": "true", "wake_without_hints": "false"} {
		s, err := b.cluster(ctx, name, max(b.nodes, 2), "--database-notify="+notify)
		if err != nil {
			return err
		}
		n := 300
		if notify == "false" {
			n = 30
		}
		if b.quick {
			n /= 3
		}
		times, err := b.wakes(ctx, s, n)
		s.kill()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.figures[name+"_p50_ms"], b.figures[name+"_p99_ms"] = ms(percentile(times, 0.5)), ms(percentile(times, 0.99))
	}
	return nil
}

func (b *bench) wakes(ctx context.Context, s *process, n int) (times []time.Duration, err error) {
	if err := b.call(ctx, s, "POST", "/v1/workflows", map[string]string{"name": "nobody"}, nil); err != nil {
		return nil, err
	}
	for range n {
		id, err := b.begin(ctx, s, "nobody")
		if err != nil {
			return nil, err
		}
		woken := make(chan time.Time, 1)
		held := make(chan error, 1)
		go func() {
			err := b.call(ctx, s, "GET", "/v1/executions/"+id+"?wait=30", nil, nil)
			woken <- time.Now()
			held <- err
		}()
		// Long enough for the request to be held, and never in step with the servers' clocks.
		if err := settle(ctx, 30*time.Millisecond+time.Duration(len(times)*7%50)*time.Millisecond); err != nil {
			return nil, err
		}
		if err := b.call(ctx, s.peers[0], "POST", "/v1/executions/"+id+"/cancel", map[string]any{}, nil); err != nil {
			return nil, err
		}
		answered := time.Now()
		at := <-woken
		if err := <-held; err != nil {
			return nil, err
		}
		times = append(times, max(at.Sub(answered), 0))
	}
	return times, nil
}

// measureFailover kills a primary with a synchronous standby under load and promotes the standby: how long after it
// writes is the first start acknowledged?
func measureFailover(ctx context.Context, b *bench) error {
	tries := 3
	if b.quick {
		tries = 1
	}
	var first []float64
	for range tries {
		took, err := b.failover(ctx)
		if err != nil {
			return err
		}
		first = append(first, ms(took))
	}
	b.figures["failover_first_ack_ms"] = slices.Max(first)
	b.figures["failover_first_ack_each_ms"] = first
	return nil
}

func (b *bench) failover(ctx context.Context) (took time.Duration, err error) {
	primary, err := pgtest.Run(ctx, pgtest.Options{Version: b.version, Durable: true, Settings: settings})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, primary.Close()) }()
	if err := primary.Exec(ctx, "postgres", "CREATE DATABASE bench"); err != nil {
		return 0, err
	}
	standby, err := primary.Standby(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, standby.Close()) }()
	address := strings.Replace(primary.DSN("bench"), primary.Addr, primary.Addr+","+standby.Addr, 1) + "&target_session_attrs=read-write&connect_timeout=2"
	s, err := b.clusterOn(ctx, address, b.nodes)
	if err != nil {
		return 0, err
	}
	defer s.kill()
	if err := b.call(ctx, s, "POST", "/v1/workflows", map[string]string{"name": "noop"}, nil); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	acked := make(chan time.Time, 1024)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	for i := range 8 {
		addr := s.addrs()[i%len(s.addrs())]
		wg.Go(func() {
			client := &http.Client{Timeout: 2 * time.Second}
			for ctx.Err() == nil {
				if b.try(ctx, client, addr) {
					select {
					case acked <- time.Now():
					default:
					}
				}
				_ = settle(ctx, 5*time.Millisecond)
			}
		})
	}
	for range 50 {
		select {
		case <-acked:
		case <-ctx.Done():
			return 0, errors.New("no start was acknowledged before the failover")
		}
	}
	if err := primary.Kill(); err != nil {
		return 0, err
	}
	if err := standby.Promote(ctx); err != nil {
		return 0, err
	}
	writable := time.Now()
	for {
		select {
		case at := <-acked:
			if at.After(writable) {
				return at.Sub(writable), nil
			}
		case <-ctx.Done():
			return 0, errors.New("no start was acknowledged after the failover")
		}
	}
}

// try sends one start.
func (b *bench) try(ctx context.Context, client *http.Client, addr string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/v1/executions", strings.NewReader(`{"workflow_id":"noop","input":{}}`))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode == http.StatusCreated
}

// measurePinned keeps a snapshot open, so that nothing that dies can be cleared away, while 200 executions a second come
// and go; at the end it looks how long those that wait in the queue take to be claimed.
func measurePinned(ctx context.Context, b *bench) error {
	const rate = 200
	s, err := b.cluster(ctx, "pinned", b.nodes)
	if err != nil {
		return err
	}
	defer s.kill()
	w, err := b.worker(s)
	if err != nil {
		return err
	}
	defer w.kill()
	conn, err := pgx.Connect(ctx, s.database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SELECT count(*) FROM pg_class"); err != nil { // the first statement takes the snapshot
		return err
	}
	began := time.Now()
	last := min(time.Minute, b.pin/3)
	type done struct {
		id      string
		took    time.Duration
		delayed bool
	}
	results := make(chan done, 1024)
	due := make(chan time.Time, rate)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var failed error
	bodies := newBodies("noop", 64)
	for i := range 64 {
		wg.Go(func() {
			client := rawhttp.NewClient(s.addrs()[i%len(s.addrs())], 30*time.Second)
			defer func() { _ = client.Close() }()
			for n := 0; ; n++ {
				at, ok := <-due
				if !ok {
					return
				}
				delayed := n%2 == 1
				body := bodies.next(i)
				if delayed {
					body = append(body[:len(body)-1], `,"delay_ms":100}`...)
				}
				resp, err := client.Do(rawhttp.Request{Path: "/v1/executions?wait=30", Headers: b.headers, Body: body})
				if err == nil && (resp.Status != 201 || !bytes.Contains(resp.Body, []byte(`"status":"completed"`))) {
					err = fmt.Errorf("status %d: %.300s", resp.Status, resp.Body)
				}
				var x struct {
					ID string `json:"id"`
				}
				if err == nil {
					err = json.Unmarshal(resp.Body, &x)
				}
				if err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					cancel()
					return
				}
				if time.Since(began) > b.pin-last {
					results <- done{x.ID, time.Since(at), delayed}
				}
			}
		})
	}
	var all []done
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		for d := range results {
			all = append(all, d)
		}
	}()
	tick := time.NewTicker(time.Second / rate)
	for at := began; at.Sub(began) < b.pin && ctx.Err() == nil; {
		select {
		case at = <-tick.C:
			due <- at
		case <-ctx.Done():
		}
	}
	tick.Stop()
	close(due)
	wg.Wait()
	close(results)
	<-collected
	if failed != nil {
		return failed
	}
	var direct, claims []time.Duration
	for i, d := range all {
		if !d.delayed {
			direct = append(direct, d.took)
			continue
		}
		if i%5 != 0 && len(all) > 2000 {
			continue
		}
		claim, err := b.claimed(ctx, s, d.id)
		if err != nil {
			return err
		}
		claims = append(claims, claim)
	}
	if len(claims) < 100 {
		return fmt.Errorf("only %d claims were seen", len(claims))
	}
	b.figures["pinned_snapshot_age_s"] = round(time.Since(began).Seconds())
	b.figures["pinned_claim_p50_ms"], b.figures["pinned_claim_p99_ms"] = ms(percentile(claims, 0.5)), ms(percentile(claims, 0.99))
	b.figures["pinned_completion_p50_ms"], b.figures["pinned_completion_p99_ms"] = ms(percentile(direct, 0.5)), ms(percentile(direct, 0.99))
	return tx.Rollback(ctx)
}

// claimed is the time that an execution lay in the queue.
func (b *bench) claimed(ctx context.Context, s *process, id string) (time.Duration, error) {
	var x struct {
		Events []struct {
			Type string    `json:"type"`
			At   time.Time `json:"at"`
		} `json:"events"`
	}
	if err := b.call(ctx, s, "GET", "/v1/executions/"+id+"?include=events", nil, &x); err != nil {
		return 0, err
	}
	var ready time.Time
	for _, e := range x.Events {
		switch e.Type {
		case "ready":
			ready = e.At
		case "claimed":
			return e.At.Sub(ready), nil
		}
	}
	return 0, fmt.Errorf("%s was never claimed", id)
}
