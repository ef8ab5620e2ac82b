package limitserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/bench/rawhttp"
)

// Measure loads a limit server that runs in the process pid at addr with
// starts, each with a key of its own, and returns what it reached. Every
// answer but 201 is an error.
func Measure(ctx context.Context, addr string, pid, clients int, warmup, duration time.Duration) (rawhttp.Result, error) {
	if clients < 1 {
		return rawhttp.Result{}, fmt.Errorf("limitserver: %d clients, want at least 1", clients)
	}
	headers, err := rawhttp.NewHeaders("Content-Type", "application/json")
	if err != nil {
		return rawhttp.Result{}, err
	}
	bodies := make([][]byte, clients)
	run := strconv.FormatUint(rand.Uint64(), 36)
	return rawhttp.Run(ctx, rawhttp.Load{
		Addr: addr, Clients: clients, Warmup: warmup, Duration: duration, PIDs: []int{pid},
		Next: func(client, seq int) rawhttp.Request {
			b := append(bodies[client][:0], `{"workflow_id":"noop","input":{"document":"invoice-2026-000123.pdf","customer":"ACME GmbH","amount":1234.5,"lines":[1,2,3]},"idempotency_key":"`...)
			b = append(b, run...)
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(client), 10)
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(seq), 10)
			b = append(b, `"}`...)
			bodies[client] = b
			return rawhttp.Request{Path: Path, Headers: headers, Body: b}
		},
		Check: func(_ int, resp rawhttp.Response) error {
			if resp.Status != 201 {
				return fmt.Errorf("limitserver: status %d: %.200s", resp.Status, resp.Body)
			}
			return nil
		},
	})
}
