package rawhttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/bench/rawhttp"
)

func TestLoadCountsWhatTheServerSaw(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	var mu sync.Mutex
	paths := map[string]int{}
	addr := start(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		mu.Lock()
		paths[r.URL.Path]++
		mu.Unlock()
		_, _ = fmt.Fprint(w, "ok")
	})
	res, err := rawhttp.Run(t.Context(), rawhttp.Load{
		Addr: addr, Clients: 4, Warmup: 50 * time.Millisecond, Duration: 200 * time.Millisecond,
		Next: func(client, seq int) rawhttp.Request {
			return rawhttp.Request{Path: fmt.Sprintf("/%d/%d", client, seq)}
		},
		Check: func(_ int, resp rawhttp.Response) error {
			if string(resp.Body) != "ok" {
				return errors.New("wrong body")
			}
			return nil
		},
		PIDs: []int{os.Getpid()},
	})
	if err != nil {
		t.Fatal(err)
	}
	if res.Requests == 0 || res.Requests >= served.Load() || res.Errors != 0 || res.FirstError != nil {
		t.Errorf("%d requests, %d errors (%v); the server saw %d with those of the warm-up", res.Requests, res.Errors, res.FirstError, served.Load())
	}
	if rate := float64(res.Requests) / res.Elapsed.Seconds(); res.PerSecond != rate || res.Elapsed < 200*time.Millisecond {
		t.Errorf("%v per second in %v, want %v", res.PerSecond, res.Elapsed, rate)
	}
	l := res.Latency
	if l.P50 <= 0 || l.P50 > l.P95 || l.P95 > l.P99 || l.P99 > l.Max {
		t.Errorf("latency %+v", l)
	}
	if res.OwnCPU <= 0 || res.CPU[os.Getpid()] <= 0 {
		t.Errorf("CPU time: own %v, by process %v", res.OwnCPU, res.CPU)
	}
	for path, n := range paths {
		if n != 1 {
			t.Errorf("%s was sent %d times", path, n)
		}
	}
	if b, err := json.Marshal(l); err != nil || !strings.Contains(string(b), `"p99_ms":`) {
		t.Errorf("latency as JSON: %s, %v", b, err)
	}
}

func TestLoadCountsErrors(t *testing.T) {
	t.Parallel()
	addr := start(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no room", http.StatusInsufficientStorage) })
	get := func(int, int) rawhttp.Request { return rawhttp.Request{Path: "/"} }
	res, err := rawhttp.Run(t.Context(), rawhttp.Load{Addr: addr, Clients: 2, Duration: 50 * time.Millisecond, Next: get})
	if err != nil {
		t.Fatal(err)
	}
	if res.Requests != 0 || res.Errors == 0 || !strings.Contains(fmt.Sprint(res.FirstError), "status 507: no room") {
		t.Errorf("%d requests, %d errors: %v", res.Requests, res.Errors, res.FirstError)
	}
	res, err = rawhttp.Run(t.Context(), rawhttp.Load{Addr: "127.0.0.1:1", Clients: 2, Duration: 50 * time.Millisecond, Next: get})
	if err != nil {
		t.Fatal(err)
	}
	if res.Errors == 0 || res.Errors > 100 || !strings.Contains(fmt.Sprint(res.FirstError), "refused") {
		t.Errorf("no server: %d errors: %v", res.Errors, res.FirstError)
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	arrived := make(chan struct{}, 8)
	addr := start(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-stuck
	})
	defer close(stuck)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() {
		<-arrived
		cancel(why)
	}()
	_, err := rawhttp.Run(ctx, rawhttp.Load{
		Addr: addr, Clients: 2, Duration: time.Hour,
		Next: func(int, int) rawhttp.Request { return rawhttp.Request{Path: "/"} },
	})
	if !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

func TestBadLoads(t *testing.T) {
	t.Parallel()
	get := func(int, int) rawhttp.Request { return rawhttp.Request{Path: "/"} }
	for _, l := range []rawhttp.Load{
		{},
		{Next: get, Clients: -1},
		{Next: get, Duration: -1},
		{Next: get, Addr: "127.0.0.1:1", Duration: time.Millisecond, PIDs: []int{1 << 30}},
	} {
		if _, err := rawhttp.Run(t.Context(), l); err == nil {
			t.Errorf("%+v: no error", l)
		}
	}
}

func TestCPUTimeGrows(t *testing.T) {
	t.Parallel()
	before, err := rawhttp.CPUTime(0)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; {
		now, err := rawhttp.CPUTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now > before {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a minute of work cost no CPU time: %v", now)
		}
	}
}
