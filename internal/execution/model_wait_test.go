package execution

import "slices"

// modelWaits is the part of the model that is about waits.
type modelWaits struct {
	awaited []*modelWait // those that are open, oldest first
	letters []letter     // signals that nobody has taken, oldest first
	keys    []uint64     // of signals
	behind  bool         // one ended while the worker was looking elsewhere
}

type modelWait struct {
	kind, name string
	until      *int64
	end        string
	payload    []byte // what ended it brought
	comment    string
	by         string
}

type letter struct {
	name    string
	payload []byte
}

func (m *model) startWait(l Lease, key, kind, name string, payload int, timeout *int64, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	if m.recorded(key) {
		return "step_recorded"
	}
	if code := m.fresh(l, payload); code != "" {
		return code
	}
	m.size += int64(payload)
	w := &modelWait{kind: kind, name: name}
	if timeout != nil {
		w.until = new(now + max(*timeout, 0))
	}
	s := m.step(key)
	m.end(s, 0)
	*s = modelStep{state: "waiting", wait: w, tries: s.tries}
	m.awaited = append(m.awaited, w)
	m.say("wait_started")
	letters := slices.IndexFunc(m.letters, func(x letter) bool { return x.name == name && kind == "signal" })
	switch {
	case letters >= 0:
		w.payload = m.letters[letters].payload
		m.letters = slices.Delete(m.letters, letters, letters+1)
		m.endWait(w, "received", now)
	case timeout != nil && *timeout <= 0:
		m.endWait(w, "timeout", now)
	}
	return ""
}

func (m *model) askWait(l Lease, key string, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	if s := m.steps[key]; s != nil && s.wait != nil && s.wait.end == "" && passed(s.wait.until, now) {
		m.endWait(s.wait, "timeout", now)
	}
	return ""
}

func (m *model) endWait(w *modelWait, how string, now int64) {
	w.end = how
	m.awaited = slices.DeleteFunc(m.awaited, func(x *modelWait) bool { return x == w })
	for _, s := range m.steps {
		if s.wait == w {
			s.state = map[bool]string{true: "rejected", false: "completed"}[how == "rejected"]
		}
	}
	if m.holder == nil && m.queued == nil && (m.phase == "waiting" || m.parkedFor == "step") {
		m.phase = "running"
		m.queue(now)
	}
	m.say("wait_ended")
}

func (m *model) timeOut(at, now int64) {
	for _, w := range slices.Clone(m.awaited) {
		if passed(w.until, at) {
			m.behind = true
			m.endWait(w, "timeout", now)
		}
	}
}

// first is the oldest open wait of the kind that has not timed out, of the name if one is given, and how many there are.
func (m *model) first(kind, name string, now int64) (found *modelWait, n int) {
	for _, w := range m.awaited {
		if w.kind == kind && (name == "" || w.name == name) && !passed(w.until, now) {
			if n++; n == 1 {
				found = w
			}
		}
	}
	return found, n
}

// addressed judges a signal or a decision.
func (m *model) addressed() string {
	switch {
	case m.over():
		return "already_terminal"
	case m.phase == "finalizing":
		return "invalid_transition"
	}
	return ""
}

func (m *model) full(size int) bool {
	return m.revision >= 10_000 || m.size+int64(size) > 10*1024*1024
}

func (m *model) signal(name string, key uint64, payload []byte, now int64) string {
	if key != 0 && slices.Contains(m.keys[max(0, len(m.keys)-64):], key) {
		return ""
	}
	if code := m.addressed(); code != "" {
		return code
	}
	if m.full(len(payload)) {
		return "history_limit"
	}
	m.size += int64(len(payload))
	if key != 0 {
		m.keys = append(m.keys, key)
	}
	m.say("signalled")
	if w, _ := m.first("signal", name, now); w != nil {
		w.payload, m.behind = payload, true
		m.endWait(w, "received", now)
		return ""
	}
	m.letters = append(m.letters, letter{name, payload})
	return ""
}

func (m *model) decision(name string, approved bool, comment, by string, payload []byte, now int64) string {
	if code := m.addressed(); code != "" {
		return code
	}
	w, n := m.first("approval", name, now)
	switch {
	case w == nil:
		return "not_awaiting"
	case n > 1 && name == "":
		return "ambiguous"
	}
	details := len(payload)
	if by != "" {
		details += len(`{"by":""}`) + len(by)
	}
	if m.full(details) {
		return "history_limit"
	}
	m.size += int64(details)
	w.comment, w.by, w.payload, m.behind = comment, by, payload, true
	m.endWait(w, map[bool]string{true: "approved", false: "rejected"}[approved], now)
	return ""
}

// known is what the next worker is told of a wait.
func (w *modelWait) known(key string) *Recorded {
	r := &Recorded{Step: key, Kind: "wait", Wait: WaitKind(w.kind), Name: w.name}
	if w.until != nil {
		r.Until = Time(*w.until)
	}
	if w.end != "" {
		r.Ended = &WaitEnd{Outcome: WaitOutcome(w.end), Payload: w.payload, Comment: w.comment, By: w.by}
	}
	return r
}

// unnoticed reports whether a wait has timed out and nobody has noted it.
func (m *model) unnoticed(now int64) bool {
	return slices.ContainsFunc(m.awaited, func(w *modelWait) bool { return passed(w.until, now) })
}
