package execution

import (
	"bytes"
	"math"
	"reflect"
	"slices"
)

// model is one execution as the design and the guarantees describe it in prose. It shares no code and no
// representation with the rules, so that a mistake would have to be made twice. Instants are microseconds; a nil
// pointer is an instant that is not set. Methods answer with the code of the refusal, or "".
type model struct {
	phase   string
	decided string // while finalizing: how it ends
	because string // the code of the outcome
	log     []string

	revision, size         int64
	claims, failed, struck int
	finalizers             int
	everClaimed            bool
	progress               *float64

	holder                   *holder
	queued                   *int64
	opens, expires, deadline *int64
	parked                   *int64 // a timer or a backoff ends
	parkedFor                string // "timer", "retry", or "step" for the retry of a step alone
	stop                     string // why it is to stop: "cancelled", "timeout" or "terminated"
	forced                   *int64

	steps map[string]*modelStep
	order []string
	modelWaits
}

type holder struct {
	session int64
	lease   Lease
	naps    []nap
}

// nap is a sleep begun under a lease.
type nap struct {
	until int64
	long  bool
}

type modelStep struct {
	state string // running, waiting, completed, failed, cancelled or rejected
	wait  *modelWait
	sleep bool
	until int64 // of a sleep

	output []byte // not nil once it has its result
	hash   uint64
	try    int32 // the last that is known to the next worker
	next   int64
	code   string

	tries []modelTry
}

type modelTry struct {
	number int32
	open   bool
}

func passed(t *int64, now int64) bool { return t != nil && *t <= now }

func newModel(startAt, timeout, ttl, now int64) *model {
	m := &model{phase: "pending", queued: new(now), steps: map[string]*modelStep{}}
	eligible := now
	if startAt > now {
		m.phase, m.queued, m.opens, eligible = "created", nil, new(startAt), startAt
	}
	if timeout > 0 {
		m.deadline = new(now + timeout)
	}
	if ttl > 0 {
		m.expires = new(eligible + ttl)
	}
	m.say("created")
	return m
}

func (m *model) say(event string) {
	m.revision++
	m.log = append(m.log, event)
}

func (m *model) over() bool {
	return slices.Contains([]string{"completed", "failed", "cancelled", "rejected"}, m.phase)
}

// decide fixes the outcome: nothing else moves any more.
func (m *model) decide(outcome, code string, now int64) {
	m.leave(now)
	m.queued, m.parked, m.opens, m.expires, m.forced = nil, nil, nil, nil, nil
	m.because = code
	for _, s := range m.steps {
		if s.state == "running" || s.state == "waiting" && (s.until > now || s.wait != nil) {
			s.state = "cancelled"
		}
	}
	m.modelWaits = modelWaits{keys: m.keys}
	if m.finalizers > 0 && (m.phase == "running" || m.phase == "waiting") {
		m.phase, m.decided = "finalizing", outcome
		m.say("finalizing")
		return
	}
	m.phase, m.decided = outcome, ""
	m.say(outcome)
}

// leave takes the execution from its worker: no try is in flight any more.
func (m *model) leave(int64) {
	m.holder = nil
	m.cut()
}

func (m *model) cut() {
	for _, s := range m.steps {
		for i := range s.tries {
			s.tries[i].open = false
		}
	}
}

func (m *model) queue(now int64) { m.queued, m.parked = new(now), nil }

// current judges the lease of a report.
func (m *model) current(l Lease) string {
	switch {
	case m.over():
		return "already_terminal"
	case m.holder == nil || m.holder.lease != l:
		return "stale_lease"
	}
	return ""
}

// fresh judges a report that asks for new work to be accepted.
func (m *model) fresh(l Lease, size int) string {
	if code := m.current(l); code != "" {
		return code
	}
	switch {
	case m.stop != "":
		return "cancel_requested"
	case m.revision >= 10_000, m.size+int64(size) > 10*1024*1024:
		return "history_limit"
	}
	return ""
}

func (m *model) claim(session int64, l Lease, now int64) string {
	switch {
	case m.over():
		return "already_terminal"
	case m.queued == nil, session == 0, l == Lease{}, passed(m.deadline, now), passed(m.expires, now), m.unnoticed(now):
		return "invalid_transition"
	}
	m.cut()
	m.phase, m.queued, m.expires, m.everClaimed, m.behind = "running", nil, nil, true, false
	m.holder = &holder{session: session, lease: l}
	m.claims++
	m.say("claimed")
	return ""
}

func (m *model) giveBack(l Lease, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	m.claims--
	m.leave(now)
	if m.stop != "" {
		m.decide("cancelled", m.stop, now)
		return ""
	}
	m.queue(now)
	m.say("returned")
	return ""
}

func (m *model) lose(session int64, guilty bool, now int64) string {
	switch {
	case m.over():
		return "already_terminal"
	case m.holder == nil || m.holder.session != session:
		return "stale_lease"
	}
	if guilty {
		m.struck++
	}
	m.leave(now)
	switch {
	case m.stop != "":
		m.decide("cancelled", m.stop, now)
	case m.struck == 5:
		m.decide("failed", "poison", now)
	default:
		m.queue(now)
		m.say("lease_lost")
	}
	return ""
}

func (m *model) step(key string) *modelStep {
	if m.steps[key] == nil {
		m.steps[key] = &modelStep{}
		m.order = append(m.order, key)
	}
	return m.steps[key]
}

// recorded reports whether the step has its one durable record.
func (m *model) recorded(key string) bool {
	s := m.steps[key]
	return s != nil && (s.sleep || s.wait != nil || s.output != nil)
}

func (m *model) startStep(l Lease, key string, try int32) string {
	if code := m.fresh(l, 0); code != "" {
		return code
	}
	m.say("step_started")
	if m.recorded(key) {
		return "" // a late notice about a step that is done
	}
	s := m.step(key)
	m.end(s, 0)
	s.state, s.tries = "running", append(s.tries, modelTry{try, true})
	return ""
}

// end closes the try in flight; when it has another number it is over all the same.
func (m *model) end(s *modelStep, try int32) {
	n := len(s.tries)
	inFlight := n > 0 && s.tries[n-1].open
	if inFlight {
		s.tries[n-1].open = false
	}
	if try > 0 && !(inFlight && s.tries[n-1].number == try) {
		s.tries = append(s.tries, modelTry{number: try})
	}
}

func (m *model) completeStep(l Lease, key string, try int32, hash uint64, output []byte) string {
	if code := m.current(l); code != "" {
		return code
	}
	if m.recorded(key) {
		return "step_recorded"
	}
	if code := m.fresh(l, len(output)); code != "" {
		return code
	}
	m.size += int64(len(output))
	m.struck = 0
	s := m.step(key)
	m.end(s, try)
	s.state, s.output, s.try, s.next, s.code = "completed", output, try, 0, ""
	if len(output) == 0 {
		s.output = []byte("null")
	}
	if hash != 0 {
		s.hash = hash
	}
	m.say("step_completed")
	return ""
}

// failStep is told the next try's time, nil when there is to be none.
func (m *model) failStep(l Lease, key string, try int32, hash uint64, code string, details int, next *int64, keep bool, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	if m.recorded(key) {
		return "step_recorded"
	}
	if code := m.fresh(l, details); code != "" {
		return code
	}
	m.size += int64(details)
	s := m.step(key)
	m.end(s, try)
	s.state, s.try, s.next, s.code = "failed", try, 0, code
	if hash != 0 {
		s.hash = hash
	}
	if next != nil {
		s.state, s.next, s.code = "running", *next, ""
		if *next-now > 2_000_000 && !keep {
			m.holder, m.parkedFor = nil, "step"
		}
	}
	m.say("step_failed")
	return ""
}

func (m *model) startSleep(l Lease, key string, duration, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	if m.recorded(key) {
		return "step_recorded"
	}
	if code := m.fresh(l, 0); code != "" {
		return code
	}
	until := now + max(duration, 0)
	m.holder.naps = append(m.holder.naps, nap{until, duration > 2_000_000})
	s := m.step(key)
	m.end(s, 0)
	*s = modelStep{state: "waiting", sleep: true, until: until, tries: s.tries}
	m.say("sleep_started")
	return ""
}

// wakeUps are the bounds of when an execution may wake whose worker lets go now, told that it knows of another timer:
// never before first, never after last. A sleep that is to be suspended for always counts. A short one, which its
// worker waits for, counts while the last of the short ones is ahead, or when there is nothing else.
func wakeUps(naps []nap, other *int64, now int64) (first, last int64) {
	short, earliest, latest := int64(math.MinInt64), int64(math.MaxInt64), int64(math.MaxInt64)
	for _, n := range naps {
		if n.long {
			latest = min(latest, n.until)
		} else {
			short = max(short, n.until)
		}
		earliest = min(earliest, n.until)
	}
	onlyShort := latest == math.MaxInt64
	if other != nil {
		earliest, latest = min(earliest, *other), min(latest, *other)
	}
	if short > now || latest == math.MaxInt64 {
		latest = min(latest, short)
	}
	if onlyShort || short == math.MinInt64 {
		earliest = latest // nothing is left open
	}
	return max(earliest, now), max(latest, now)
}

func (m *model) suspend(l Lease, other bool) string {
	if code := m.fresh(l, 0); code != "" {
		return code
	}
	if !other && len(m.holder.naps) == 0 && len(m.awaited) == 0 && !m.behind {
		return "nothing_to_wait"
	}
	m.leave(0)
	m.phase, m.parkedFor = "waiting", "timer"
	m.say("suspended")
	return ""
}

func (m *model) report(l Lease, value float64) string {
	if code := m.fresh(l, 0); code != "" {
		return code
	}
	if math.IsNaN(value) || value < 0 || value > 1 {
		return "invalid_progress"
	}
	if m.progress == nil || value > *m.progress {
		m.progress = &value
		m.say("progressed")
	}
	return ""
}

func (m *model) complete(l Lease, output int, now int64) string {
	code := m.current(l)
	if code == "" {
		m.size += int64(output)
		m.decide("completed", "", now)
	}
	return code
}

func (m *model) reject(l Lease, code string, details int, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	m.size += int64(details)
	m.decide("rejected", code, now)
	return ""
}

// fail is told the next attempt's time, nil when there is to be none.
func (m *model) fail(l Lease, code string, details int, next *int64, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	m.size += int64(details)
	if m.stop != "" {
		m.decide("cancelled", m.stop, now)
		return ""
	}
	m.failed++
	if next == nil {
		m.decide("failed", code, now)
		return ""
	}
	m.leave(now)
	m.parked, m.parkedFor = next, "retry"
	for _, s := range m.steps { // the retry runs again what has no result
		if !s.sleep && s.wait == nil && s.output == nil {
			s.try, s.next, s.code, s.hash = 0, 0, "", 0
		}
	}
	m.say("attempt_failed")
	return ""
}

func (m *model) cancel(reason string, grace, now int64) string {
	switch {
	case m.over():
		return "already_terminal"
	case m.stop != "" || m.phase == "finalizing":
		return ""
	}
	m.stop = reason
	if m.holder == nil {
		m.decide("cancelled", reason, now)
		return ""
	}
	m.forced = new(now + max(grace, 0))
	m.say("cancel_requested")
	return ""
}

func (m *model) confirm(l Lease, now int64) string {
	if code := m.current(l); code != "" {
		return code
	}
	if m.stop == "" {
		return "invalid_transition"
	}
	m.decide("cancelled", m.stop, now)
	return ""
}

func (m *model) terminate(now int64) string {
	if m.over() {
		return "already_terminal"
	}
	m.finalizers = 0
	if m.phase == "finalizing" {
		m.decide(m.decided, m.because, now)
		return ""
	}
	m.stop = "terminated"
	m.decide("cancelled", m.stop, now)
	return ""
}

func (m *model) finalize(now int64) string {
	if m.phase != "finalizing" {
		return "invalid_transition"
	}
	m.decide(m.decided, m.because, now)
	return ""
}

// due is what time will do by itself next, and when; nil when nothing will happen.
func (m *model) due() (at *int64, what string) {
	consider := func(t *int64, name string) {
		if t != nil && (at == nil || *t < *at) {
			at, what = t, name
		}
	}
	consider(m.forced, "forced")
	if !m.over() && m.phase != "finalizing" && m.stop == "" {
		consider(m.deadline, "deadline")
	}
	consider(m.expires, "expired")
	for _, w := range m.awaited {
		consider(w.until, "timeout")
	}
	consider(m.opens, "opens")
	if m.holder == nil {
		consider(m.parked, m.parkedFor)
	}
	return at, what
}

func (m *model) fire(grace, now int64) {
	for at, what := m.due(); passed(at, now); at, what = m.due() {
		switch what {
		case "forced":
			code := "cancel_forced"
			if m.stop == "timeout" {
				code = m.stop
			}
			m.decide("cancelled", code, now)
		case "deadline":
			m.cancel("timeout", grace, now)
		case "expired":
			m.decide("rejected", "queue_ttl", now)
		case "opens":
			m.phase, m.opens = "pending", nil
			m.queue(now)
			m.say("ready")
		case "timer":
			m.phase = "running"
			m.queue(now)
			m.say("woken")
		case "timeout":
			m.timeOut(*at, now)
		case "retry", "step":
			m.queue(now)
			m.say("retried")
		}
	}
}

// reason is why the execution is where it is, and until when if anybody knows.
func (m *model) reason(workers bool) (code string, until *int64) {
	switch {
	case m.over():
		return "", nil
	case m.phase == "finalizing":
		return "finalizing", nil
	case m.stop != "":
		return "cancelling", m.forced
	case m.holder != nil:
		return "executing", nil
	case m.phase == "created":
		return "scheduled", m.opens
	case m.phase == "waiting" && len(m.awaited) > 0:
		until = m.parked
		for _, w := range m.awaited {
			if w.until != nil && (until == nil || *w.until < *until) {
				until = w.until
			}
		}
		return m.awaited[0].kind + ":" + m.awaited[0].name, until
	case m.phase == "waiting":
		return "timer", m.parked
	case m.queued == nil:
		return "retry_backoff", m.parked
	case !workers:
		return "no_worker", nil
	case m.struck >= 2:
		return "awaiting_idle_worker", nil
	case m.phase == "pending":
		return "queued", nil
	}
	return "awaiting_worker", nil
}

// known is what the next worker must be told of a step, nil when there is nothing to tell.
func (m *model) known(key string) *Recorded {
	s := m.steps[key]
	switch {
	case s.wait != nil:
		return s.wait.known(key)
	case s.sleep:
		return &Recorded{Step: key, Kind: "sleep", Until: Time(s.until)}
	case s.output != nil || s.try > 0:
		return &Recorded{Step: key, Kind: "step", Hash: s.hash, Output: s.output, Try: s.try, Code: s.code, NextTry: Time(s.next)}
	}
	return nil
}

func sameRecord(a, b *Recorded) bool {
	return a.Step == b.Step && a.Kind == b.Kind && a.Hash == b.Hash && bytes.Equal(a.Output, b.Output) && a.Until == b.Until &&
		a.Try == b.Try && a.Code == b.Code && a.NextTry == b.NextTry && a.Wait == b.Wait && a.Name == b.Name &&
		reflect.DeepEqual(a.Ended, b.Ended)
}
