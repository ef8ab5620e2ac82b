package sojourn

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A worker's polls keep to one connection, beside which everything else has its own: behind a load balancer they all
// reach the server where the session lives.
func TestWorker_PollsOverAConnectionOfTheirOwn(t *testing.T) {
	f := newFake(t)
	var mu sync.Mutex
	from := map[string]map[string]int{} // by path, by connection
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if from[r.URL.Path] == nil {
			from[r.URL.Path] = map[string]int{}
		}
		from[r.URL.Path][r.RemoteAddr]++
		mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		f.serve(w, r.Method, r.URL.Path, body, r.Context())
	}))
	defer server.Close()
	c, err := NewClient(Config{APIKey: "sjn_test", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdleConnections()
	w := NewWorker(c, WorkerConfig{Name: "test", Concurrency: 2})
	const many = 50
	var left sync.WaitGroup
	left.Add(many)
	Handle(w, "work", func(ctx *Context, _ numbers) (any, error) {
		defer left.Done()
		return Step(ctx, "one", func(context.Context) (int, error) { return 1, nil })
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	for range many {
		f.start("work", `{}`)
	}
	left.Wait()
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	polls := from["/v1/worker/poll"]
	if len(polls) != 1 {
		t.Errorf("polls came over %d connections: %v", len(polls), polls)
	}
	for address, n := range polls {
		if n < 10 {
			t.Errorf("only %d polls", n)
		}
		for path, others := range from {
			if path != "/v1/worker/poll" && path != "/v1/worker/sessions" && others[address] > 0 {
				t.Errorf("%s used the connection of the polls", path)
			}
		}
	}
}
