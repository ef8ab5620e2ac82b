//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/torture/check"
)

// receiver gets the callbacks of a campaign. It answers the first attempt of some messages with an error.
type receiver struct {
	http *http.Server
	url  string

	mu       sync.Mutex
	messages []check.Message
	accepted map[string]bool // executions whose message it took
	broken   error           // a message that cannot be read
}

func newReceiver(ctx context.Context) (*receiver, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &receiver{url: "http://" + l.Addr().String() + "/done", accepted: map[string]bool{}}
	r.http = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = r.http.Serve(l) }() // until close
	return r, nil
}

func (r *receiver) close() error { return r.http.Close() }

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // the server was killed in the middle of it
	}
	var m struct {
		ID   string
		Data struct {
			ID       string
			Status   string
			Revision int64
		}
	}
	err = json.Unmarshal(body, &m)
	sum := sha256.Sum256(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || m.ID == "" || m.ID != q.Header.Get("Webhook-Id") {
		r.broken = errors.Join(r.broken, err, errors.New("a message that cannot be read: "+string(body)))
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	first := !slices.ContainsFunc(r.messages, func(old check.Message) bool { return old.ID == m.ID })
	refuse := first && sum[0]%16 == 0
	r.messages = append(r.messages, check.Message{
		ID: m.ID, Execution: m.Data.ID, Status: m.Data.Status, Revision: m.Data.Revision, Body: hex.EncodeToString(sum[:]), Refused: refuse,
	})
	if refuse {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.accepted[m.Data.ID] = true
}

// told reports whether a message about each of the executions was accepted.
func (r *receiver) told(ids []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !slices.ContainsFunc(ids, func(id string) bool { return !r.accepted[id] })
}

func (r *receiver) list() ([]check.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages), r.broken
}
