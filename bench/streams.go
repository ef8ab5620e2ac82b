package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// measureStreams holds five thousand streams of executions that nobody runs, and then times how soon a start is seen in
// the stream of its project, a few starts at a time.
func measureStreams(ctx context.Context, b *bench) error {
	const streams, batch = 5_000, 500
	s, err := b.server(ctx, filepath.Join(b.dir, "streams"))
	if err != nil {
		return err
	}
	defer s.kill()
	if err := b.call(ctx, s, "POST", "/v1/workflows", map[string]string{"name": "noop"}, nil); err != nil {
		return err
	}
	var ids []string
	for len(ids) < streams {
		list := make([]map[string]any, batch)
		for i := range list {
			list[i] = map[string]any{"workflow_id": "noop", "input": map[string]int{"n": i}}
		}
		var out struct {
			Results []struct {
				Execution struct {
					ID string `json:"id"`
				} `json:"execution"`
			} `json:"results"`
		}
		if err := b.call(ctx, s, "POST", "/v1/executions/batch", map[string]any{"executions": list}, &out); err != nil {
			return err
		}
		for _, r := range out.Results {
			ids = append(ids, r.Execution.ID)
		}
	}
	if err := settle(ctx, time.Second); err != nil {
		return err
	}
	b.figures["rss_before_streams_mib"] = round(s.rss())
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	for _, id := range ids {
		conn, err := openStream(ctx, s.addr, id)
		if err != nil {
			return err
		}
		conns = append(conns, conn)
	}
	if err := settle(ctx, time.Second); err != nil {
		return err
	}
	b.figures["rss_5k_streams_mib"] = round(s.rss())
	return b.eventDelay(ctx, s)
}

// openStream opens the stream of an execution and reads its first event.
func openStream(ctx context.Context, addr, id string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, err = fmt.Fprintf(conn, "GET /v1/executions/%s/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", id, addr, apiKey)
	in := bufio.NewReaderSize(conn, 512)
	for line := ""; err == nil && !strings.HasPrefix(line, "data:"); {
		line, err = in.ReadString('\n')
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("stream of %s: %w", id, err), conn.Close())
	}
	return conn, nil
}

// eventDelay measures how long it takes from sending a start until its event has come over a stream.
func (b *bench) eventDelay(ctx context.Context, s *process) error {
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: "http://" + s.addr, APIKey: apiKey})
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancel(ctx)
	opened := make(chan struct{})
	var mu sync.Mutex
	seen := map[string]time.Time{}
	failed := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		for e, err := range client.Events(ctx, sojourn.EventsParams{Types: []string{"created"}, Opened: func() { close(opened) }}) {
			if err != nil {
				failed <- err
				return
			}
			mu.Lock()
			seen[e.ExecutionID] = time.Now()
			mu.Unlock()
		}
	})
	defer wg.Wait()
	defer cancel()
	select {
	case <-opened:
	case err := <-failed:
		return err
	}
	n := 300
	if b.quick {
		n = 100
	}
	sent, answered := map[string]time.Time{}, make([]time.Duration, 0, n)
	for range n {
		began := time.Now()
		x, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "noop"})
		if err != nil {
			return err
		}
		answered = append(answered, time.Since(began))
		sent[x.ID] = began
		if err := settle(ctx, 15*time.Millisecond); err != nil {
			return err
		}
	}
	if err := settle(ctx, 200*time.Millisecond); err != nil {
		return err
	}
	mu.Lock()
	defer mu.Unlock()
	delays := make([]time.Duration, 0, n)
	for id, began := range sent {
		at, ok := seen[id]
		if !ok {
			return fmt.Errorf("the start of %s never came over the stream", id)
		}
		delays = append(delays, at.Sub(began))
	}
	b.figures["stream_event_p50_ms"], b.figures["stream_event_p99_ms"] = ms(percentile(delays, 0.5)), ms(percentile(delays, 0.99))
	b.figures["stream_start_p99_ms"] = ms(percentile(answered, 0.99))
	return nil
}
