package rawhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Load describes a closed loop: each client sends its next request when the
// answer to the last one is there.
type Load struct {
	// Addr is host:port of the server.
	Addr string
	// Others are more servers: client i speaks to the i-th of all, round and
	// round.
	Others []string
	// Clients is the number of connections. Default 64.
	Clients int
	// Warmup runs before anything is counted. Default none.
	Warmup time.Duration
	// Duration is the time that counts. Default 3 s.
	Duration time.Duration
	// Timeout is for each request. Default 30 s.
	Timeout time.Duration
	// Next makes the request number seq, from 0, of a client, from 0. It is
	// called by many goroutines, but by one at a time for each client.
	// Required.
	Next func(client, seq int) Request
	// Check tells whether an answer is right; it is called as Next is. The
	// default accepts every status from 200 to 299.
	Check func(client int, resp Response) error
	// PIDs are processes whose CPU time is measured beside our own.
	PIDs []int
	// Mark is called at the begin and at the end of the time that counts.
	Mark func()
}

// Result is what a load measured, all of it in the time that counts.
type Result struct {
	// Requests are the right answers, PerSecond their rate.
	Requests  int64
	PerSecond float64
	// Errors are failed requests and wrong answers; FirstError is one of them.
	Errors     int64
	FirstError error
	Elapsed    time.Duration
	// Latency is of the right answers.
	Latency Latency
	// OwnCPU is the CPU time of this process, CPU that of each of Load.PIDs,
	// in steps of 10 ms.
	OwnCPU time.Duration
	CPU    map[int]time.Duration
}

// Latency are times from the first byte sent to the last byte read. The
// percentiles are up to 1.6 % too high.
type Latency struct{ Mean, P50, P95, P99, Max time.Duration }

// MarshalJSON writes milliseconds.
func (l Latency) MarshalJSON() ([]byte, error) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return json.Marshal(map[string]float64{
		"mean_ms": ms(l.Mean), "p50_ms": ms(l.P50), "p95_ms": ms(l.P95), "p99_ms": ms(l.P99), "max_ms": ms(l.Max),
	})
}

// pause is the wait of a client after a failed request, so that a server that
// is down is not hammered.
const pause = 5 * time.Millisecond

// phases of a load.
const (
	warming int32 = iota
	counting
	over
)

// run is a load under way.
type run struct {
	Load
	phase  atomic.Int32
	hist   histogram
	errors atomic.Int64
	first  atomic.Pointer[error]
}

// Run runs a load. It ends after the warm-up, the duration and the requests
// then in flight, or when ctx is done, with an error. Failed requests are no
// error of Run, but counted.
func Run(ctx context.Context, l Load) (Result, error) {
	if l.Next == nil {
		return Result{}, errors.New("rawhttp: Load.Next is required")
	}
	if l.Clients == 0 {
		l.Clients = 64
	}
	if l.Duration == 0 {
		l.Duration = 3 * time.Second
	}
	if l.Timeout == 0 {
		l.Timeout = 30 * time.Second
	}
	if l.Clients < 0 || l.Warmup < 0 || l.Duration < 0 || l.Timeout < 0 {
		return Result{}, errors.New("rawhttp: Load.Clients, Warmup, Duration and Timeout must not be negative")
	}
	if l.Check == nil {
		l.Check = func(_ int, resp Response) error {
			if resp.Status < 200 || resp.Status > 299 {
				return fmt.Errorf("status %d: %.200s", resp.Status, resp.Body)
			}
			return nil
		}
	}
	r := &run{Load: l}
	var clients sync.WaitGroup
	for i := range l.Clients {
		clients.Go(func() { r.client(ctx, i) })
	}
	res, err := r.measure(ctx)
	r.phase.Store(over)
	clients.Wait()
	if err != nil {
		return Result{}, err
	}
	res.Requests, res.Errors = r.hist.n.Load(), r.errors.Load()
	res.PerSecond = float64(res.Requests) / res.Elapsed.Seconds()
	res.Latency = r.hist.latency()
	if first := r.first.Load(); first != nil {
		res.FirstError = *first
	}
	return res, nil
}

// measure marks the time that counts and takes the CPU times around it.
func (r *run) measure(ctx context.Context) (Result, error) {
	if err := wait(ctx, r.Warmup); err != nil {
		return Result{}, err
	}
	before, err := r.cpuTimes()
	if err != nil {
		return Result{}, err
	}
	if r.Mark != nil {
		r.Mark()
	}
	start := time.Now()
	r.phase.Store(counting)
	err = wait(ctx, r.Duration)
	r.phase.Store(over)
	elapsed := time.Since(start)
	if err != nil {
		return Result{}, err
	}
	if r.Mark != nil {
		r.Mark()
	}
	after, err := r.cpuTimes()
	if err != nil {
		return Result{}, err
	}
	res := Result{Elapsed: elapsed, OwnCPU: after[0] - before[0], CPU: map[int]time.Duration{}}
	for _, pid := range r.PIDs {
		res.CPU[pid] = after[pid] - before[pid]
	}
	return res, nil
}

func (r *run) cpuTimes() (map[int]time.Duration, error) {
	times := map[int]time.Duration{}
	for _, pid := range append([]int{0}, r.PIDs...) {
		t, err := CPUTime(pid)
		if err != nil {
			return nil, err
		}
		times[pid] = t
	}
	return times, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("rawhttp: load: %w", context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}

func (r *run) client(ctx context.Context, i int) {
	c := NewClient(append([]string{r.Addr}, r.Others...)[i%(1+len(r.Others))], r.Timeout)
	// A request in flight when ctx ends is cut off.
	stop := context.AfterFunc(ctx, c.interrupt)
	defer func() {
		stop()
		_ = c.Close() // nothing is in flight that could be lost
	}()
	for seq := 0; ; seq++ {
		req := r.Next(i, seq)
		start := time.Now()
		resp, err := c.Do(req)
		took := time.Since(start)
		failed := err != nil
		if err == nil {
			err = r.Check(i, resp)
		}
		phase := r.phase.Load()
		switch {
		case phase == over:
			return
		case phase == counting && err == nil:
			r.hist.add(took)
		case phase == counting:
			r.errors.Add(1)
			r.first.CompareAndSwap(nil, &err)
		}
		if failed && wait(ctx, pause) != nil {
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}
