package server_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

// Close waits for requests within this process before it takes away what they read: none of them finds a mistake in the
// server, and none is let in afterwards.
func TestCloseBehindTheLastRequest(t *testing.T) {
	t.Parallel()
	for range 5 {
		var logged bytes.Buffer
		s, err := server.Open(t.Context(), server.Config{
			Memory: true, NoListener: true, AdminKey: adminKey, Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelError})),
		})
		if err != nil {
			t.Fatal(err)
		}
		client, err := sojourn.NewClient(sojourn.Config{
			BaseURL: "http://sojourn.internal", APIKey: adminKey, HTTPClient: &http.Client{Transport: s.Transport()}, MaxRetries: -1,
		})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var answered atomic.Int64
		var wrong atomic.Value
		under := make(chan struct{}, 100)
		for range 8 {
			wg.Go(func() {
				for {
					_, err := client.Executions.List(t.Context(), sojourn.ListParams{})
					if e := new(sojourn.Error); errors.As(err, &e) && e.Status == 500 {
						wrong.Store(err)
					}
					if err != nil {
						return
					}
					answered.Add(1)
					select {
					case under <- struct{}{}:
					default:
					}
				}
			})
		}
		for range 50 {
			<-under
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if e := wrong.Load(); e != nil || logged.Len() > 0 {
			t.Errorf("after %d answers: %v; the log has\n%s", answered.Load(), e, logged.String())
		}
		if _, err := client.Executions.List(t.Context(), sojourn.ListParams{}); !errors.Is(err, server.ErrClosed) {
			t.Errorf("a request of a closed server: %v", err)
		}
	}
}
