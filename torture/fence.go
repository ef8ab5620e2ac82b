//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// rawWorker speaks the worker protocol by itself, and can be as wrong as it likes.
type rawWorker struct {
	c       *campaign
	session string
}

// fencedWorkflow is served by raw workers only.
const fencedWorkflow = "fenced"

func (c *campaign) rawWorker() (*rawWorker, error) {
	var reply struct {
		ID string `json:"session_id"`
	}
	status, _, err := c.post("/v1/worker/sessions", map[string]any{
		"protocol": 1, "name": "raw", "capacity": 1, "workflows": []any{map[string]any{"name": fencedWorkflow}},
	}, &reply)
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("a session was answered with %d", status)
	}
	return &rawWorker{c, reply.ID}, err
}

// close ends the worker's session.
func (w *rawWorker) close() error {
	req, err := http.NewRequestWithContext(w.c.ctx, http.MethodDelete, w.c.door.url+"/v1/worker/sessions/"+w.session, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+w.c.door.key)
	client := http.Client{Timeout: 15 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	if err := res.Body.Close(); err != nil {
		return err
	}
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the end of a session was answered with %s", res.Status)
	}
	return nil
}

// post sends a request of the worker protocol. code is that of a problem.
func (c *campaign) post(path string, body, reply any) (status int, code string, err error) {
	return c.postWith(&http.Client{Timeout: 15 * time.Second}, path, body, reply)
}

func (c *campaign) postWith(client *http.Client, path string, body, reply any) (status int, code string, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, "", err
	}
	req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, c.door.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Authorization", "Bearer "+c.door.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	text, err = io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return 0, "", err
	}
	var problem struct {
		Code string `json:"code"`
	}
	if res.StatusCode >= 300 {
		err = json.Unmarshal(text, &problem)
	} else if reply != nil && len(text) > 0 {
		err = json.Unmarshal(text, reply)
	}
	if err != nil {
		err = fmt.Errorf("%s was answered with %d: %.200s: %w", path, res.StatusCode, text, err)
	}
	return res.StatusCode, problem.Code, err
}

// take polls until the worker is given the execution, and returns its lease.
func (w *rawWorker) take(id string) (string, error) {
	lease := ""
	err := poll(w.c.ctx, 10*time.Second, "the raw worker to get its execution", func() (bool, error) {
		var reply struct {
			Executions []struct{ ID, Lease string }
		}
		if _, code, err := w.rest(); err != nil || code != "" {
			return false, errors.Join(fmt.Errorf("a heartbeat without executions was refused: %s", code), err)
		}
		status, code, err := w.c.post("/v1/worker/poll", map[string]any{"session_id": w.session, "wait_ms": 1000}, &reply)
		if err != nil || status != http.StatusOK {
			return false, errors.Join(err, fmt.Errorf("the poll was answered with %d %s", status, code))
		}
		for _, x := range reply.Executions {
			if x.ID == id {
				lease = x.Lease
			}
		}
		return lease != "", nil
	})
	return lease, err
}

// beat sends a heartbeat for the lease.
func (w *rawWorker) beat(lease string) (int, string, error) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(lease))
	return w.c.post("/v1/worker/heartbeat", map[string]any{
		"session_id": w.session, "received": 1 << 50, "held": 1, "digest": fmt.Sprintf("%016x", h.Sum64()),
	}, nil)
}

// rest sends the heartbeat of a worker that holds nothing.
func (w *rawWorker) rest() (int, string, error) {
	return w.c.post("/v1/worker/heartbeat", map[string]any{
		"session_id": w.session, "received": 1 << 50, "held": 0, "digest": "0000000000000000",
	}, nil)
}

// report sends one operation; code is that of a refusal, of the whole report or of the operation.
func (w *rawWorker) report(op map[string]any) (status int, code string, err error) {
	var reply struct {
		Results []struct {
			OK   bool
			Code string
		}
	}
	status, code, err = w.c.post("/v1/worker/report", map[string]any{"session_id": w.session, "operations": []any{op}}, &reply)
	if err == nil && status == http.StatusOK && len(reply.Results) == 1 && !reply.Results[0].OK {
		code = reply.Results[0].Code
	}
	return status, code, err
}

// operations are one of each kind that needs the lease.
func operations(id, lease, key string) []map[string]any {
	list := []map[string]any{
		{"op": "step_started", "step": "b"},
		{"op": "step_completed", "step": "b", "output": "stale"},
		{"op": "step_completed", "step": "a", "output": "stale"}, // recorded already
		{"op": "step_failed", "step": "b", "try": 1, "error": map[string]any{"message": "stale"}, "final": true},
		{"op": "sleep", "step": "z", "duration_ms": 60_000},
		{"op": "suspend", "wake_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)},
		{"op": "progress", "value": 0.9},
		{"op": "log", "level": "info", "message": "stale"},
		{"op": "complete", "output": map[string]any{"key": key, "stale": true}},
		{"op": "fail", "error": map[string]any{"message": "stale"}, "final": true},
		{"op": "reject", "code": "stale", "message": "stale"},
		{"op": "cancelled"},
		{"op": "return"},
	}
	for _, op := range list {
		op["id"], op["lease"] = id, lease
	}
	return list
}

// fence lets a worker's lease run out, gives the execution to another one, and then says everything in the first one's
// name: each word must be refused, and none may leave a trace.
func fence() nemesis {
	return nemesis{"fence", func(c *campaign) (string, error) {
		old, err := c.rawWorker()
		if err != nil {
			return "", err
		}
		key, id, err := c.own(fencedWorkflow, nil)
		if err != nil {
			return "", err
		}
		stale, err := old.take(id)
		if err != nil {
			return "", err
		}
		if _, code, err := old.report(map[string]any{"id": id, "lease": stale, "op": "step_completed", "step": "a", "output": "first"}); err != nil || code != "" {
			return "", errors.Join(fmt.Errorf("the holder's report was refused: %s", code), err)
		}
		// Silence. Then somebody else has it.
		if err := poll(c.ctx, lease+5*time.Second, "the lease to be lost", func() (bool, error) {
			x, err := c.load.client.Executions.Get(c.ctx, id)
			return err == nil && x.StatusReason != "executing", err
		}); err != nil {
			return "", err
		}
		heir, err := c.rawWorker()
		if err != nil {
			return "", err
		}
		current, err := heir.take(id)
		if err != nil {
			return "", err
		}
		read := func() (string, error) {
			x, err := c.load.client.Executions.Get(c.ctx, id, sojourn.IncludeSteps(), sojourn.IncludeEvents())
			if err != nil {
				return "", err
			}
			return string(x.RawJSON()), nil
		}
		if _, code, err := heir.beat(current); err != nil || code != "" {
			return "", errors.Join(fmt.Errorf("the holder's heartbeat was refused: %s", code), err)
		}
		before, err := read()
		if err != nil {
			return "", err
		}
		refused := 0
		refuse := func(what string, status int, code string, err error, want string) error {
			if err != nil || code != want {
				return errors.Join(fmt.Errorf("%s of the old worker was answered with %d %q, want %q", what, status, code, want), err)
			}
			refused++
			return nil
		}
		status, code, err := old.beat(stale)
		if err := refuse("the heartbeat", status, code, err, "session_lost"); err != nil {
			return "", err
		}
		for _, op := range operations(id, stale, key) {
			if _, code, err := heir.beat(current); err != nil || code != "" {
				return "", errors.Join(fmt.Errorf("the holder's heartbeat was refused: %s", code), err)
			}
			status, code, err := old.report(op)
			if err := refuse(fmt.Sprint(op["op"]), status, code, err, "session_lost"); err != nil {
				return "", err
			}
			// With a session that lives the lease alone must stop it.
			status, code, err = heir.report(op)
			if err := refuse(fmt.Sprint(op["op"]), status, code, err, "stale_lease"); err != nil {
				return "", err
			}
		}
		after, err := read()
		if err != nil {
			return "", err
		}
		if before != after {
			return "", fmt.Errorf("stale reports left a trace: before %s, after %s", before, after)
		}
		if _, code, err := heir.report(map[string]any{"id": id, "lease": current, "op": "complete", "output": map[string]any{"key": key}}); err != nil || code != "" {
			return "", errors.Join(fmt.Errorf("the holder's completion was refused: %s", code), err)
		}
		if before, err = read(); err != nil {
			return "", err
		}
		for _, lease := range []string{stale, current} {
			for _, op := range operations(id, lease, key) {
				if _, code, err := heir.rest(); err != nil || code != "" {
					return "", errors.Join(fmt.Errorf("a heartbeat without executions was refused: %s", code), err)
				}
				status, code, err := heir.report(op)
				if code == "stale_lease" {
					code = "already_terminal" // either says that it is over
				}
				if err := refuse(fmt.Sprint(op["op"], " after the end"), status, code, err, "already_terminal"); err != nil {
					return "", err
				}
			}
		}
		if after, err = read(); err != nil {
			return "", err
		}
		if before != after {
			return "", fmt.Errorf("reports after the end left a trace: before %s, after %s", before, after)
		}
		if err := heir.close(); err != nil {
			return "", err
		}
		c.stats.Fenced += refused
		return fmt.Sprintf("%d stale reports refused", refused), nil
	}}
}
