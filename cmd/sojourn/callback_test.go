package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"
)

// A server that is killed after a message has arrived and before it has recorded that sends the same message again, under
// the same id, when it is back.
func TestACallbackOutlivesTheServer(t *testing.T) {
	if os.Getenv("SOJOURN_TEST_WIDE") != "1" {
		t.Skip("waits for the lease of a message: SOJOURN_TEST_WIDE=1")
	}
	t.Setenv("SOJOURN_CALLBACK_ALLOW", "127.0.0.0/8,::1")
	t.Setenv("SOJOURN_CALLBACK_ALLOW_HTTP", "true")
	data := t.TempDir()
	p := serve(t, data)
	type message struct{ id, body string }
	var mu sync.Mutex
	var got []message
	again := make(chan struct{})
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, message{r.Header.Get("webhook-id"), string(body)})
		if len(got) == 1 {
			_ = p.cmd.Process.Kill() // the answer finds nobody
			<-p.ended
			return
		}
		close(again)
	}))
	t.Cleanup(receiver.Close)
	if status, _, body := p.call("POST", "/v1/workflows", `{"name":"w"}`); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	status, _, body := p.call("POST", "/v1/executions", fmt.Sprintf(`{"workflow_id":"w","input":{},"callback_url":%q}`, receiver.URL))
	var x struct{ ID string }
	if err := json.Unmarshal(body, &x); err != nil || status != 201 {
		t.Fatalf("%d %s %v", status, body, err)
	}
	_, _, _ = p.call("POST", "/v1/executions/"+x.ID+"/cancel", `{}`) // it may die before it answers
	<-p.ended
	second := serve(t, data)
	select {
	case <-again:
	case <-time.After(2 * time.Minute):
		t.Fatal("the message did not come again")
	}
	mu.Lock()
	if len(got) != 2 || got[0] != got[1] || got[0].id == "" {
		t.Errorf("got %+v", got)
	}
	mu.Unlock()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		_, _, body := second.call("GET", "/v1/webhooks/deliveries?execution_id="+x.ID+"&state=delivered", "")
		var page struct{ Data []struct{ Attempts int } }
		if json.Unmarshal(body, &page) == nil && len(page.Data) == 1 {
			if page.Data[0].Attempts != 1 {
				t.Errorf("%s", body)
			}
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s", body)
		}
	}
}
