package sojourn

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// accepting answers every report with success and hands out executions of one workflow as fast as they are taken: what
// remains is the worker's own cost.
type accepting struct {
	mu   sync.Mutex
	left int
	next int
	held int
	room int
	more chan struct{}
	done chan struct{}
}

func (s *accepting) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	out := `{}`
	switch {
	case strings.HasSuffix(r.URL.Path, "/sessions"):
		out = `{"session_id":"sess_0123456789abcdefghijklmnop","protocol":1,"lease_ms":15000,"heartbeat_ms":5000,"max_wait_ms":30000,"max_operations":1024}`
	case strings.HasSuffix(r.URL.Path, "/report"):
		n, ended := bytes.Count(body, []byte(`"op":"`)), bytes.Count(body, []byte(`"op":"complete"`))
		out = `{"results":[` + strings.TrimSuffix(strings.Repeat(`{"ok":true},`, n), ",") + `]}`
		if ended > 0 {
			s.mu.Lock()
			s.held -= ended
			over := s.left == 0 && s.held == 0
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if over {
				close(s.done)
			}
		}
	case strings.HasSuffix(r.URL.Path, "/poll"):
		for out == `{}` {
			s.mu.Lock()
			if n := min(s.left, s.room-s.held); n > 0 {
				var b strings.Builder
				fmt.Fprintf(&b, `{"delivery":%d,"executions":[`, s.next+1)
				for i := range n {
					if i > 0 {
						b.WriteByte(',')
					}
					s.next++
					fmt.Fprintf(&b, `{"id":"exec_%026d","workflow":"work","lease":"1-%026d","attempt":1,"input":{"a":1},"created_at":"2026-11-21T23:59:30.123Z"}`, s.next, s.next)
				}
				s.left -= n
				s.held += n
				b.WriteString(`]}`)
				out = b.String()
			}
			s.mu.Unlock()
			if out == `{}` {
				select {
				case <-s.more:
				case <-r.Context().Done():
					return nil, r.Context().Err()
				}
			}
		}
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(out)), Body: io.NopCloser(strings.NewReader(out))}, nil
}

// BenchmarkWorker measures one execution, 64 at a time, without a server or a network.
func BenchmarkWorker(b *testing.B) {
	for _, steps := range []int{0, 10} {
		b.Run(strconv.Itoa(steps)+"steps", func(b *testing.B) {
			s := &accepting{left: b.N, room: 64, more: make(chan struct{}, 1), done: make(chan struct{})}
			c, err := NewClient(Config{APIKey: "k", HTTPClient: &http.Client{Transport: s}})
			if err != nil {
				b.Fatal(err)
			}
			w := NewWorker(c, WorkerConfig{Logger: slog.New(slog.DiscardHandler)})
			names := make([]string, steps)
			for i := range names {
				names[i] = "step-" + strconv.Itoa(i)
			}
			type result struct {
				OK   bool   `json:"ok"`
				Text string `json:"text"`
			}
			Handle(w, "work", func(ctx *Context, _ any) (result, error) {
				for _, name := range names {
					if _, err := Step(ctx, name, func(context.Context) (result, error) { return result{true, "some text that a step gives back"}, nil }); err != nil {
						return result{}, err
					}
				}
				return result{true, "all done"}, nil
			})
			ctx, stop := context.WithCancel(b.Context())
			b.ReportAllocs()
			b.ResetTimer()
			ended := make(chan error, 1)
			go func() { ended <- w.Run(ctx) }()
			<-s.done
			b.StopTimer()
			stop()
			if err := <-ended; err != nil {
				b.Fatal(err)
			}
		})
	}
}
