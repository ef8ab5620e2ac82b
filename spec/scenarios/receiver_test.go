package scenarios

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// receiver is where callbacks go.
type receiver struct {
	url string

	mu       sync.Mutex
	messages []received
}

type received struct {
	headers map[string]string
	body    string
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m := received{map[string]string{}, string(body)}
		for name := range q.Header {
			m.headers[strings.ToLower(name)] = q.Header.Get(name)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.messages = append(r.messages, m)
	}))
	t.Cleanup(srv.Close)
	r.url = srv.URL
	return r
}

// about is the first message about an execution, and how many there were.
func (r *receiver) about(id string) (map[string]any, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out map[string]any
	times := 0
	for _, m := range r.messages {
		var message struct {
			Data struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		if json.Unmarshal([]byte(m.body), &message) != nil || message.Data.ID != id {
			continue
		}
		times++
		if out == nil {
			out = map[string]any{"headers": m.headers, "body": m.body, "message": json.RawMessage(m.body)}
		}
	}
	if out == nil {
		return nil, fmt.Errorf("of %d messages none is about %s", len(r.messages), id)
	}
	out["times"] = times
	return out, nil
}
