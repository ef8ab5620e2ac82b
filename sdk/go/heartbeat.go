package sojourn

import (
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"strconv"
)

// beat tells the server at every heartbeat interval that the worker lives and what it holds.
func (s *session) beat() {
	failures := 0
	for delay := s.heartbeat; ; {
		if pause(s.ctx, delay) != nil {
			return
		}
		reconcile, err := s.beatOnce(false)
		if err == nil && reconcile {
			_, err = s.beatOnce(true)
		}
		switch {
		case err == nil:
			failures = 0
			delay = s.heartbeat - rand.N(s.heartbeat/10+1)
		case s.ctx.Err() != nil || s.refused(err):
			return
		default:
			s.w.log.LogAttrs(s.ctx, slog.LevelWarn, "heartbeat failed", slog.Any("error", err))
			delay = min(backoff(failures, err), s.heartbeat)
			failures++
		}
	}
}

// beatOnce sends one heartbeat, with the leases themselves when the server has found that its list differs.
func (s *session) beatOnce(leases bool) (reconcile bool, err error) {
	// What is held and what was received are read together: a delivery is in both or in neither.
	s.mu.Lock()
	body := append(make([]byte, 0, 160), `{"session_id":`...)
	body = appendText(body, s.id)
	body = appendReceived(body, s.received)
	body = append(body, `,"held":`...)
	body = strconv.AppendInt(body, int64(len(s.held)), 10)
	body = append(body, `,"digest":"`...)
	body = appendHex16(body, s.digest)
	body = append(body, '"')
	if leases {
		body = append(body, `,"leases":[`...)
		first := true
		for _, a := range s.held {
			if !first {
				body = append(body, ',')
			}
			first = false
			body = appendText(body, a.lease)
		}
		body = append(body, ']')
	}
	s.mu.Unlock()
	a, err := s.post(s.ctx, "/v1/worker/heartbeat", append(body, '}'), s.heartbeat, 0)
	if err != nil {
		return false, err
	}
	var reply struct {
		signals
		Reconcile bool `json:"reconcile"`
	}
	if err := json.Unmarshal(a.body, &reply); err != nil {
		return false, err
	}
	s.signal(reply.signals)
	return reply.Reconcile, nil
}

// watch presumes every lease lost when the server has not answered for the length of a lease. Results of handlers that
// have returned are still sent: the server takes them if nobody else has taken the execution.
func (s *session) watch() {
	for {
		left := s.lease - s.silence()
		if left > 0 {
			if pause(s.ctx, left) != nil {
				return
			}
			continue
		}
		lost := 0
		for _, a := range s.attempts() {
			if a.presumeLost() {
				lost++
			}
		}
		if lost > 0 {
			s.w.log.LogAttrs(s.ctx, slog.LevelError, "no answer from the server for the length of a lease; handlers were cancelled",
				slog.Duration("lease", s.lease), slog.Int("handlers", lost))
		}
		if pause(s.ctx, s.heartbeat/4) != nil {
			return
		}
	}
}
