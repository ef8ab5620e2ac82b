package execution

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestMain sets how many random cases each property sees: 2,000, or SOJOURN_RAPID_CHECKS, or 100,000 in the wide tests;
// the flag -rapid.checks outdoes them.
func TestMain(m *testing.M) {
	checks := "2000"
	if os.Getenv("SOJOURN_TEST_WIDE") != "" {
		checks = "100000"
	}
	if n := os.Getenv("SOJOURN_RAPID_CHECKS"); n != "" {
		checks = n
	}
	if err := flag.Set("rapid.checks", checks); err != nil {
		fmt.Fprintln(os.Stderr, "SOJOURN_RAPID_CHECKS:", err)
		os.Exit(2)
	}
	os.Exit(m.Run())
}

// drive runs one execution and its model side by side.
type drive struct {
	*rapid.T
	x      Execution
	m      *model
	now    Time
	events []Event
	leases []Lease // all that were ever given out, the latest last
	seen   map[Move]bool
	// stopped is set from the moment a cancel was answered.
	stopped bool
}

func (d *drive) int(name string, lo, hi int64) int64 { return rapid.Int64Range(lo, hi).Draw(d.T, name) }
func (d *drive) maybe(name string) bool              { return rapid.Bool().Draw(d.T, name) }

// oneIn is true once in n draws.
func (d *drive) oneIn(n int, name string) bool { return rapid.IntRange(1, n).Draw(d.T, name) == n }

// span draws a duration: nothing, a moment, the edges of what rules compare with, or very long; sometimes negative.
func (d *drive) span(name string) time.Duration {
	return rapid.SampledFrom([]time.Duration{
		-time.Hour, 0, time.Microsecond, time.Millisecond, time.Second, ShortSleep, ShortSleep + time.Microsecond,
		10 * time.Second, time.Minute, time.Hour, 24 * time.Hour,
	}).Draw(d.T, name)
}

func (d *drive) lease() Lease {
	switch {
	case len(d.leases) == 0 || d.oneIn(30, "zero lease"):
		return Lease{}
	case d.oneIn(6, "stale lease"):
		return rapid.SampledFrom(append(d.leases, Lease{0xff})).Draw(d.T, "lease")
	}
	return d.leases[len(d.leases)-1]
}

func (d *drive) key(name string) string {
	return rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(d.T, name)
}

func (d *drive) payload(name string) []byte {
	return rapid.SampledFrom([][]byte{nil, []byte("0"), []byte(`"text"`), bytes.Repeat([]byte("1"), 40)}).Draw(d.T, name)
}

func (d *drive) policy() Retry {
	return Retry{
		MaxAttempts: int32(d.int("attempts", -1, 4)),
		Initial:     d.span("initial"),
		Max:         d.span("longest"),
		Coefficient: rapid.SampledFrom([]float64{0, 1, 1.5, 2, 10, math.Inf(1), math.NaN(), -1}).Draw(d.T, "coefficient"),
		Jitter:      rapid.SampledFrom([]float64{0, -1, 0.5, 1, 7, math.NaN()}).Draw(d.T, "jitter"),
	}
}

func (d *drive) failure(try int32) Failure {
	return Failure{
		Code: rapid.SampledFrom([]string{"", "down", "broken"}).Draw(d.T, "code"), Message: "it went wrong",
		Details: d.payload("details"), Policy: d.policy(), Try: try, Final: d.oneIn(8, "final"),
		Random: rapid.SampledFrom([]float64{0, 0.3, 1, -1, 5, math.NaN()}).Draw(d.T, "random"),
	}
}

// retried says whether a failure is to be retried and checks the rule's delay against the policy's words.
func (d *drive) retried(f *Failure, failed int, until Time) *int64 {
	limit := f.Policy.MaxAttempts
	if limit == 0 {
		limit = 1
	}
	if f.Final || limit > 0 && failed >= int(limit) {
		if until != 0 {
			d.Fatalf("try %d of %d (final %t) is retried at %s", failed, limit, f.Final, until)
		}
		return nil
	}
	first, longest, growth, jitter := f.Policy.Initial, f.Policy.Max, f.Policy.Coefficient, f.Policy.Jitter
	if first <= 0 {
		first = time.Second
	}
	if longest <= 0 {
		longest = 5 * time.Minute
	}
	if growth < 1 || growth != growth {
		growth = 2
	}
	switch {
	case jitter == 0:
		jitter = 0.2
	case jitter > 1:
		jitter = 1
	case jitter < 0 || jitter != jitter:
		jitter = 0
	}
	whole := float64(first)
	for range min(failed-1, 100) {
		whole *= growth
	}
	whole = min(whole, float64(longest))
	got := float64(until.Sub(d.now))
	if until < d.now || got > whole+1000 || got < whole*(1-jitter)-1000 {
		d.Fatalf("failure %d with %+v is retried after %v, want %v less at most %v of it", failed, f.Policy, time.Duration(got), time.Duration(whole), jitter)
	}
	return new(int64(until))
}

// one applies a rule that returns one event, and compares with what the model answered. answer is called after the
// rule with its event, so that it can take over what the rules leave open.
func (d *drive) one(command string, rule func() (Event, error), answer func(Event) string) {
	before := d.x
	e, err := rule()
	d.after(command, before, err, []Event{e}, answer)
}

// many is one for a rule that returns as many events as it likes.
func (d *drive) many(command string, rule func() ([]Event, error), answer func() string) {
	before := d.x
	events, err := rule()
	d.after(command, before, err, events, func(Event) string { return answer() })
}

// maybeOne is one for a rule that may have nothing to do.
func (d *drive) maybeOne(command string, rule func() (Event, bool, error), answer func() string) {
	before := d.x
	e, ok, err := rule()
	events := []Event{e}
	if err == nil && !ok {
		events = nil
	}
	d.after(command, before, err, events, func(Event) string { return answer() })
}

func (d *drive) after(command string, before Execution, err error, events []Event, answer func(Event) string) {
	said := len(d.m.log)
	got := ""
	if err != nil {
		var refused *Error
		if !errors.As(err, &refused) {
			d.Fatalf("%s: %v is no Error", command, err)
		}
		got, events = string(refused.Code), nil
	}
	var e Event
	if len(events) > 0 {
		e = events[0]
	}
	if want := answer(e); got != want {
		d.Fatalf("%s is answered with %q, want %q (%v); before: %+v", command, got, want, err, before)
	}
	if got != "" && len(d.m.log) != said {
		d.Fatalf("the model of %s refuses and acts", command)
	}
	if len(events) == 0 && !identical(before, d.x) {
		d.Fatalf("%s did nothing (%v) and changed the execution\n  before %+v\n  after  %+v", command, err, before, d.x)
	}
	d.took(command, before, events, d.m.log[said:])
}

// took checks the events of a command against what the model said.
func (d *drive) took(command string, before Execution, events []Event, said []string) {
	var kinds []string
	from := before.Status
	for i, e := range events {
		kinds = append(kinds, e.Kind.String())
		if want := before.Revision + int64(i) + 1; e.Revision != want || e.Execution != d.x.ID || e.At != d.now {
			d.Fatalf("%s: event %+v, want revision %d at %s", command, e, want, d.now)
		}
		ofStep := e.Kind == EventStepStarted || e.Kind == EventStepCompleted || e.Kind == EventStepFailed
		if e.Step != "" && (ofStep && e.Try < 1 || e.Since != 0 && (e.Since < d.x.StartedAt || e.Since > d.now)) {
			d.Fatalf("%s: a step that cannot be: %+v", command, e)
		}
		if failed := e.Kind == EventStepFailed || e.Kind == EventAttemptFailed; failed && e.Code == "" {
			d.Fatalf("%s: a failure without a code: %+v", command, e)
		}
		if e.Kind == EventClaimed && d.stopped {
			d.Fatalf("claimed after a cancel was answered")
		}
		move := moved(command, from, e)
		d.seen[move] = true
		from = move.To
	}
	if !slices.Equal(kinds, said) {
		d.Fatalf("%s: events %q, want %q; before: %+v", command, kinds, said, before)
	}
	if len(events) > 0 && events[len(events)-1].Attempt != d.x.Attempt {
		d.Fatalf("%s: the event is of attempt %d, the execution in %d", command, events[len(events)-1].Attempt, d.x.Attempt)
	}
	if before.Status.Final() && len(events) > 0 {
		d.Fatalf("%s changed a final execution: %q", command, kinds)
	}
	if d.x.Progress < before.Progress || math.IsNaN(d.x.Progress) && !math.IsNaN(before.Progress) {
		d.Fatalf("%s: progress fell from %v to %v", command, before.Progress, d.x.Progress)
	}
	d.events = append(d.events, events...)
}

// wake takes over when an execution that was let go wakes, after checking it against what the model allows.
func (d *drive) wake(naps []nap, other *int64, suspends bool) {
	first, last := wakeUps(naps, other, int64(d.now))
	over := !slices.ContainsFunc(naps, func(n nap) bool { return n.long || n.until > int64(d.now) })
	switch {
	case d.m.behind: // a branch has something to do
		first, last = int64(d.now), int64(d.now)
	case suspends && other == nil && over && len(d.m.awaited) > 0: // nothing else but the waits
		first, last = 0, 0
	}
	if got := int64(d.x.WakeAt); got < first || got > last {
		d.Fatalf("wakes at %s, allowed is %s to %s", d.x.WakeAt, Time(first), Time(last))
	}
	if d.m.parked = nil; d.x.WakeAt != 0 {
		d.m.parked = new(int64(d.x.WakeAt))
	}
}

func (d *drive) naps() []nap {
	if d.m.holder == nil {
		return nil
	}
	return slices.Clone(d.m.holder.naps)
}

// When a command has a chance to be accepted.
func queued(m *model) bool     { return m.queued != nil }
func held(m *model) bool       { return m.holder != nil }
func working(m *model) bool    { return m.holder != nil && m.stop == "" }
func timed(m *model) bool      { at, _ := m.due(); return at != nil }
func stopping(m *model) bool   { return m.stop != "" }
func open(m *model) bool       { return !m.over() }
func finalizing(m *model) bool { return m.phase == "finalizing" }

// command is one thing that may happen, with when it makes sense and how often it is drawn in each of the moods of a
// sequence.
type command struct {
	name  string
	fits  func(m *model) bool
	often map[string]int
	do    func(d *drive)
}

var commands = []command{
	{"wait", open, map[string]int{"": 3}, func(d *drive) {
		due := d.x.DueAt()
		if due != 0 && d.maybe("until due") {
			d.now = max(d.now, due+Time(d.int("early or late", -1, 1)))
			return
		}
		d.now = d.now.Add(max(d.span("wait"), 0))
	}},
	{"Claim", queued, map[string]int{"": 12}, func(d *drive) {
		c := Claim{Session: d.int("session", 1, 3), Lease: Lease{1, byte(len(d.leases)), byte(len(d.leases) >> 8)}}
		if d.oneIn(20, "no session") {
			c.Session = 0
		}
		if d.oneIn(20, "no lease") {
			c.Lease = Lease{}
		}
		d.one("Claim", func() (Event, error) { return d.x.Claim(c, d.now) }, func(Event) string {
			code := d.m.claim(c.Session, c.Lease, int64(d.now))
			if code == "" {
				d.leases = append(d.leases, c.Lease)
			}
			return code
		})
	}},
	{"Return", held, map[string]int{"": 3}, func(d *drive) {
		l := d.lease()
		d.one("Return", func() (Event, error) { return d.x.Return(l, ReturnedUnacknowledged, d.now) },
			func(Event) string { return d.m.giveBack(l, int64(d.now)) })
	}},
	{"LoseLease", held, map[string]int{"": 4, "crashing": 60}, func(d *drive) {
		session, guilty := d.int("session", 0, 3), !d.oneIn(4, "innocent")
		if d.maybe("the holder's") && d.x.Leased() {
			session = d.x.Session
		}
		d.one("LoseLease", func() (Event, error) { return d.x.LoseLease(session, guilty, d.now) },
			func(Event) string { return d.m.lose(session, guilty, int64(d.now)) })
	}},
	{"StartStep", working, map[string]int{"": 8}, func(d *drive) {
		l, c := d.lease(), StepStarted{Step: d.key("step"), Try: int32(d.int("try", -1, 3))}
		d.one("StartStep", func() (Event, error) { return d.x.StartStep(l, c, d.now) },
			func(Event) string { return d.m.startStep(l, c.Step, max(c.Try, 1)) })
	}},
	{"CompleteStep", working, map[string]int{"": 8, "crashing": 0}, func(d *drive) {
		l := d.lease()
		c := StepCompleted{
			Step: d.key("step"), Try: int32(d.int("try", -1, 3)), Hash: uint64(d.int("hash", 0, 2)), Output: d.payload("output"),
			Since: d.now.Add(-d.span("since")),
		}
		c.Recorded = d.m.recorded(c.Step)
		d.one("CompleteStep", func() (Event, error) { return d.x.CompleteStep(l, c, d.now) },
			func(Event) string { return d.m.completeStep(l, c.Step, max(c.Try, 1), c.Hash, c.Output) })
	}},
	{"FailStep", working, map[string]int{"": 12}, func(d *drive) {
		l, naps := d.lease(), d.naps()
		c := StepFailed{
			Step: d.key("step"), Hash: uint64(d.int("hash", 0, 2)), Since: Time(d.int("since", -5, int64(d.now))),
			Failure: d.failure(int32(d.int("try", -1, 5))), Busy: d.oneIn(4, "busy"),
		}
		c.Recorded = d.m.recorded(c.Step)
		d.one("FailStep", func() (Event, error) { return d.x.FailStep(l, c, d.now) }, func(e Event) string {
			var next *int64
			try, code := max(c.Failure.Try, 1), c.Failure.Code
			if code == "" {
				code = "error"
			}
			if e.Kind != 0 {
				next = d.retried(&c.Failure, int(try), e.Until)
			}
			held := d.m.holder != nil
			answer := d.m.failStep(l, c.Step, try, c.Hash, code, len(c.Failure.Details), next, c.Busy, int64(d.now))
			if held && d.m.holder == nil {
				d.wake(naps, next, false)
			}
			return answer
		})
	}},
	{"StartSleep", working, map[string]int{"": 10}, func(d *drive) {
		l, c := d.lease(), Sleep{Step: d.key("sleep"), Duration: d.span("sleep")}
		if d.maybe("a sleep's own key") {
			c.Step = fmt.Sprint("sleep ", len(d.events))
		}
		c.Recorded = d.m.recorded(c.Step)
		d.one("StartSleep", func() (Event, error) { return d.x.StartSleep(l, c, d.now) },
			func(Event) string { return d.m.startSleep(l, c.Step, c.Duration.Microseconds(), int64(d.now)) })
	}},
	{"Suspend", working, map[string]int{"": 8}, func(d *drive) {
		l, naps := d.lease(), d.naps()
		var wake Time
		var other *int64
		if d.maybe("knows a timer") {
			wake = d.now.Add(d.span("timer"))
			other = new(int64(wake))
		}
		d.one("Suspend", func() (Event, error) { return d.x.Suspend(l, wake, d.now) }, func(Event) string {
			code := d.m.suspend(l, other != nil)
			if code == "" {
				d.wake(naps, other, true)
			}
			return code
		})
	}},
	{"StartWait", working, map[string]int{"": 8, "waiting": 24}, func(d *drive) {
		l := d.lease()
		c := WaitStart{Step: d.key("wait"), Kind: rapid.SampledFrom([]WaitKind{WaitForSignal, WaitForApproval}).Draw(d.T, "kind"), Payload: d.payload("payload")}
		name := c.Step
		if d.maybe("a wait's own key") {
			c.Step = fmt.Sprintf("%s#%d", name, len(d.events)) // named by default as the others are
		}
		if d.oneIn(4, "named") {
			c.Name = d.key("name")
			name = c.Name
		}
		var timeout *int64
		if c.Bounded = d.maybe("bounded"); c.Bounded {
			c.Timeout = d.span("timeout")
			timeout = new(c.Timeout.Microseconds())
		}
		c.Recorded = d.m.recorded(c.Step)
		d.many("StartWait", func() ([]Event, error) { return d.x.StartWait(l, c, d.now) }, func() string {
			return d.m.startWait(l, c.Step, string(c.Kind), name, len(c.Payload), timeout, int64(d.now))
		})
	}},
	{"AskWait", working, map[string]int{"": 2, "waiting": 8}, func(d *drive) {
		l, step := d.lease(), d.key("wait")
		if len(d.m.order) > 0 {
			step = rapid.SampledFrom(d.m.order).Draw(d.T, "step")
		}
		d.maybeOne("AskWait", func() (Event, bool, error) { return d.x.AskWait(l, step, d.now) },
			func() string { return d.m.askWait(l, step, int64(d.now)) })
	}},
	{"Signal", open, map[string]int{"": 3, "waiting": 16}, func(d *drive) {
		c := SignalSent{Name: d.key("name"), Payload: d.payload("payload"), Actor: Actor{ActorKey, 1}}
		if d.maybe("with a key") {
			c.Key = uint64(d.int("key", 1, 200))
		}
		d.many("Signal", func() ([]Event, error) { return d.x.Signal(c, d.now) },
			func() string { return d.m.signal(c.Name, c.Key, c.Payload, int64(d.now)) })
	}},
	{"Decide", open, map[string]int{"": 3, "waiting": 16}, func(d *drive) {
		c := Decision{Approved: d.maybe("approved"), Payload: d.payload("payload"), Actor: Actor{ActorKey, 1}}
		if !d.oneIn(4, "the only one") {
			c.Name = d.key("name")
		}
		if d.maybe("by a person") {
			c.By, c.Comment = "Ann", "as you like"
		}
		d.one("Decide", func() (Event, error) { return d.x.Decide(c, d.now) },
			func(Event) string { return d.m.decision(c.Name, c.Approved, c.Comment, c.By, c.Payload, int64(d.now)) })
	}},
	{"ReportProgress", working, map[string]int{"": 6}, func(d *drive) {
		l := d.lease()
		v := rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 0.2, 0.5, 0.8, 1, 1.0000001, -0.1, math.NaN(), math.Inf(1)}).Draw(d.T, "progress")
		d.maybeOne("ReportProgress", func() (Event, bool, error) { return d.x.ReportProgress(l, v, d.now) },
			func() string { return d.m.report(l, v) })
	}},
	{"Complete", held, map[string]int{"": 1, "ending": 4}, func(d *drive) {
		l, output := d.lease(), d.payload("output")
		d.one("Complete", func() (Event, error) { return d.x.Complete(l, output, d.now) },
			func(Event) string { return d.m.complete(l, len(output), int64(d.now)) })
	}},
	{"Fail", held, map[string]int{"": 6}, func(d *drive) {
		l, f := d.lease(), d.failure(int32(d.int("try", 0, 9))) // the try is the engine's to know
		d.one("Fail", func() (Event, error) { return d.x.Fail(l, f, d.now) }, func(e Event) string {
			var next *int64
			code := f.Code
			if code == "" {
				code = "error"
			}
			if e.Kind != 0 && d.m.stop == "" && d.m.revision < MaxRevision {
				next = d.retried(&f, d.m.failed+1, e.Until)
			}
			return d.m.fail(l, code, len(f.Details), next, int64(d.now))
		})
	}},
	{"Reject", held, map[string]int{"": 1, "ending": 4}, func(d *drive) {
		l, details := d.lease(), d.payload("details")
		code := rapid.SampledFrom([]string{"", "not_ours"}).Draw(d.T, "code")
		d.one("Reject", func() (Event, error) { return d.x.Reject(l, code, "no", details, d.now) }, func(Event) string {
			if code == "" {
				code = "rejected"
			}
			return d.m.reject(l, code, len(details), int64(d.now))
		})
	}},
	{"RequestCancel", open, map[string]int{"": 0, "cancelling": 2}, func(d *drive) {
		c := Cancel{Grace: d.span("grace"), Note: "enough", Reason: rapid.SampledFrom([]CancelReason{CancelNone, CancelByRequest}).Draw(d.T, "reason")}
		d.maybeOne("RequestCancel", func() (Event, bool, error) { return d.x.RequestCancel(c, d.now) },
			func() string { return d.m.cancel("cancelled", c.Grace.Microseconds(), int64(d.now)) })
		d.stopped = d.stopped || !d.x.Status.Final()
	}},
	{"ConfirmCancel", stopping, map[string]int{"": 6}, func(d *drive) {
		l := d.lease()
		d.one("ConfirmCancel", func() (Event, error) { return d.x.ConfirmCancel(l, d.now) },
			func(Event) string { return d.m.confirm(l, int64(d.now)) })
	}},
	{"Terminate", open, map[string]int{"": 0, "ending": 1}, func(d *drive) {
		d.one("Terminate", func() (Event, error) { return d.x.Terminate(Actor{ActorKey, 1}, "now", d.now) },
			func(Event) string { return d.m.terminate(int64(d.now)) })
	}},
	{"Finalize", finalizing, map[string]int{"": 1}, func(d *drive) {
		d.one("Finalize", func() (Event, error) { return d.x.Finalize(d.now) },
			func(Event) string { return d.m.finalize(int64(d.now)) })
	}},
	{"Fire", timed, map[string]int{"": 12}, func(d *drive) { d.fire() }},
	{"finalizers", working, map[string]int{"": 3, "ending": 16}, func(d *drive) {
		// No rule registers finalizers yet: a handler that runs would.
		if d.x.Leased() {
			d.x.Finalizers = int32(d.int("finalizers", 0, 2))
			d.m.finalizers = int(d.x.Finalizers)
		}
	}},
}

func (d *drive) fire() {
	grace := d.span("grace")
	before, due := d.x, d.x.DueAt()
	events := d.x.Fire([]Event{{Message: "of another"}}, grace, d.now)
	if len(events) == 0 || events[0].Message != "of another" {
		d.Fatal("Fire does not append")
	}
	events = events[1:]
	if early := due == 0 || d.now < due; early != (len(events) == 0) || early && !identical(before, d.x) {
		d.Fatalf("due at %s, fired at %s: %d events", due, d.now, len(events))
	}
	said := len(d.m.log)
	d.m.fire(grace.Microseconds(), int64(d.now))
	d.took("Fire", before, events, d.m.log[said:])
	if again := d.x; len(again.Fire(nil, grace, d.now)) != 0 || !identical(again, d.x) {
		d.Fatal("firing twice does more than firing once")
	}
	if next := d.x.DueAt(); next != 0 && next <= d.now {
		d.Fatalf("still due at %s after firing at %s", next, d.now)
	}
}

// lateIsOnTime checks that an engine that was away ends where one that was there would have ended.
func (d *drive) lateIsOnTime() {
	if d.x.Leased() {
		return // its worker would have been told in time
	}
	until := d.now.Add(max(d.span("away"), 0))
	late, punctual := d.x, d.x
	missed := late.Fire(nil, 0, until)
	var fired []Event
	for due := punctual.DueAt(); due != 0 && due <= until; due = punctual.DueAt() {
		fired = punctual.Fire(fired, 0, max(due, d.now))
	}
	if len(missed) != len(fired) || late.Status != punctual.Status || late.ErrorCode != punctual.ErrorCode || late.Intended != punctual.Intended {
		d.Fatalf("fired late: %s %q, fired on time: %s %q; before %+v", late.Status, late.ErrorCode, punctual.Status, punctual.ErrorCode, d.x)
	}
}

// check compares all that can be observed.
func (d *drive) check() {
	x, m := &d.x, d.m
	same := func(what string, got, want any) {
		if got != want {
			d.Fatalf("%s is %v, want %v\n  %+v\n  %+v", what, got, want, *x, *m)
		}
	}
	at := func(t *int64) Time {
		if t == nil {
			return 0
		}
		return Time(*t)
	}
	same("status", x.Status.String(), m.phase)
	intended := "created"
	if m.phase == "finalizing" {
		intended = m.decided
	}
	same("intended", x.Intended.String(), intended)
	same("code", x.ErrorCode, m.because)
	same("revision", x.Revision, m.revision)
	same("bytes", x.Bytes, m.size)
	same("attempt", int(x.Attempt), m.claims)
	same("failures", int(x.Failures), m.failed)
	same("strikes", int(x.Strikes), m.struck)
	same("solo", x.Solo(), m.struck >= 2)
	same("leased", x.Leased(), m.holder != nil)
	if m.holder != nil {
		same("session", x.Session, m.holder.session)
		same("lease", x.Lease, m.holder.lease)
		same("leased state", x.Status, Running)
	} else {
		same("lease of nobody", x.Lease, Lease{})
	}
	same("ready", x.ReadyAt, at(m.queued))
	same("in the queue", x.ReadyAt != 0, !x.Leased() && (x.Status == Pending || x.Status == Running && x.WakeAt == 0))
	due, _ := m.due()
	same("due", x.DueAt(), at(due))
	if stuck := !m.over() && m.phase != "finalizing" && m.holder == nil && m.queued == nil && due == nil &&
		(m.phase != "waiting" || len(m.awaited) == 0); stuck {
		d.Fatalf("nothing will ever move it: %+v", *x)
	}
	same("started", x.StartedAt != 0, m.everClaimed)
	same("ended", x.CompletedAt != 0, m.over())
	same("asked to stop", x.CancelRequestedAt != 0, m.stop != "")
	same("cancel by", x.CancelBy, at(m.forced))
	if m.progress == nil {
		same("progress unknown", math.IsNaN(x.Progress), true)
	} else {
		same("progress", x.Progress, *m.progress)
		same("sign of progress", math.Signbit(x.Progress), false)
	}
	workers := d.maybe("live workers")
	code, until := m.reason(workers)
	r, open := x.Reason(workers, d.now)
	same("reason present", open, !m.over())
	same("reason", r.Code, code)
	same("reason until", r.Until, at(until))
	if open && (r.Message == "" || r.Until != 0 && !strings.Contains(r.Message, r.Until.String())) {
		d.Fatalf("the reason %q does not say until when: %q", r.Code, r.Message)
	}
	if told := FoldInbox(d.events); x.Inbox != told {
		d.Fatalf("the inbox is %q, the history tells %q", x.Inbox, told)
	}
	in := x.Inbox.open()
	same("open waits", len(in.Waits), len(m.awaited))
	same("kept signals", in.count(""), len(m.letters))
	d.checkSteps()
}

func (d *drive) checkSteps() {
	m := d.m
	reading := d.now.Add(max(d.span("reading later"), 0))
	steps, completed := Steps(d.events, reading), int32(0)
	if len(steps) != len(m.order) {
		d.Fatalf("%d steps, want %d: %q", len(steps), len(m.order), m.order)
	}
	for i, s := range steps {
		want := m.steps[m.order[i]]
		state := want.state
		if want.sleep && state == "waiting" && want.until <= int64(reading) {
			state = "completed"
		}
		kind := KindStep
		switch {
		case want.sleep:
			kind = KindSleep
		case want.wait != nil:
			kind = want.wait.kind
		}
		if s.Key != m.order[i] || s.Status.Name() != state || s.Kind != kind {
			d.Fatalf("step %d is %+v, want %s %s", i, *s, m.order[i], state)
		}
		if ended := slices.Contains([]string{"completed", "failed", "cancelled", "rejected"}, state); ended != (s.CompletedAt != 0) || s.CompletedAt > reading || s.StartedAt == 0 {
			d.Fatalf("step %s is %s from %s to %s, read at %s", s.Key, state, s.StartedAt, s.CompletedAt, reading)
		}
		if !want.sleep && want.output != nil {
			completed++
		}
		if len(s.Tries) != len(want.tries) {
			d.Fatalf("step %s has the tries %+v, want %+v", s.Key, s.Tries, want.tries)
		}
		for j, try := range s.Tries {
			// That a worker let go after a failed step shows at the next claim at the latest.
			if w := want.tries[j]; try.Try != w.number || w.open && try.CompletedAt != 0 || m.holder != nil && !w.open && try.CompletedAt == 0 {
				d.Fatalf("step %s, try %d is %+v, want %+v", s.Key, j, try, w)
			}
		}
	}
	if d.x.Steps != completed {
		d.Fatalf("%d completed steps, want %d", d.x.Steps, completed)
	}
	known := RecordedSteps(d.events)
	for _, key := range m.order {
		want := m.known(key)
		if want == nil {
			continue
		}
		i := slices.IndexFunc(known, func(r Recorded) bool { return sameRecord(&r, want) })
		if i < 0 {
			d.Fatalf("the next worker is told %+v, want %+v", known, want)
		}
		known = slices.Delete(known, i, i+1)
	}
	if len(known) != 0 {
		d.Fatalf("the next worker is also told %+v", known)
	}
}

// finalEvents counts the events that end an execution, which may only be the last.
func (d *drive) finalEvents() {
	n := 0
	for i, e := range d.events {
		if after[e.Kind].Final() && e.Kind != EventCreated {
			n++
			if i != len(d.events)-1 {
				d.Fatalf("event %d of %d is final", i+1, len(d.events))
			}
		}
	}
	if want := map[bool]int{true: 1}[d.m.over()]; n != want {
		d.Fatalf("%d final events, want %d", n, want)
	}
}

// command draws one that makes sense now, and sometimes any at all.
func (d *drive) command(mood string) command {
	any := d.m.over() || d.oneIn(40, "anything")
	var bag []command
	for _, c := range commands {
		n, special := c.often[mood]
		if !special {
			n = c.often[""]
		}
		switch {
		case any:
			n = 1
		case !c.fits(d.m):
			n = 0
		}
		for range n {
			bag = append(bag, c)
		}
	}
	i := d.int("command", 0, math.MaxInt32) // over the whole range the draw is not bent towards the first
	return bag[i%int64(len(bag))]
}

func TestRandomCommandsAgreeWithTheModel(t *testing.T) {
	seen := map[Move]bool{}
	sequences := 0
	rapid.Check(t, func(rt *rapid.T) {
		sequences++
		d := &drive{T: rt, now: origin, seen: seen}
		mood := rapid.SampledFrom([]string{"", "crashing", "cancelling", "ending", "waiting", ""}).Draw(rt, "mood")
		c := Start{ID: MakeID(1, 2, 3), Actor: Actor{ActorKey, 1}, Input: d.payload("input"), Details: d.payload("details")}
		if d.oneIn(3, "delayed") {
			c.StartAt = d.now.Add(d.span("delay"))
		}
		if d.oneIn(3, "deadline") {
			c.Timeout = d.span("timeout")
		}
		if d.oneIn(4, "time in queue") {
			c.QueueTTL = d.span("queue")
		}
		x, first := New(c, d.now)
		d.x = x
		d.m = newModel(int64(c.StartAt), c.Timeout.Microseconds(), c.QueueTTL.Microseconds(), int64(d.now))
		d.m.size = int64(len(c.Input) + len(c.Details))
		d.took("New", Execution{Progress: math.NaN()}, []Event{first}, d.m.log)
		switch { // some are near the end of what their history may hold
		case d.oneIn(10, "long history"):
			d.x.Revision = MaxRevision - d.int("events left", 0, 12)
			d.m.revision = d.x.Revision
		case d.oneIn(10, "large history"):
			d.x.Bytes = MaxBytes - d.int("bytes left", 0, 60)
			d.m.size = d.x.Bytes
		}
		d.check()

		n := rapid.IntRange(20, 200).Draw(rt, "commands")
		for i := 0; i < n; i++ {
			d.command(mood).do(d)
			d.check()
			if d.m.over() {
				n = min(n, i+5) // whatever comes is refused
			}
			if d.oneIn(4, "be late") {
				d.lateIsOnTime()
			}
		}
		d.finalEvents()
	})
	if t.Failed() || sequences < 20_000 {
		return
	}
	for _, m := range Moves {
		if !seen[m] {
			t.Errorf("in %d sequences %s never made %s → %s (%s): the run proves nothing about it", sequences, m.Command, m.From, m.To, m.Event)
		}
	}
}
