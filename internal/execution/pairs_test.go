package execution

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	second Time = 1_000_000
	minute      = 60 * second
	hour        = 60 * minute
	origin Time = 1_790_000_000 * second // when the tests' executions are made
)

var (
	rightLease = Lease{1, 2, 3}
	staleLease = Lease{9}
)

// situation is an execution brought somewhere by rules alone, and the time at which it is there. The number of
// finalizers is the one field that no rule sets yet, so tests set it.
type situation struct {
	name string
	x    Execution
	now  Time
}

// must unwraps what a rule that has to pass returned.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func started(c Start) Execution {
	c.ID = MakeID(int64(origin/1000), 7, 42)
	x, _ := New(c, origin)
	return x
}

func leased(c Start, finalizers int32) Execution {
	x := started(c)
	must(x.Claim(Claim{Session: 5, Lease: rightLease}, origin+second))
	x.Finalizers = finalizers
	return x
}

// struck is leased and has lost its lease with a step in flight n times before.
func struck(n int, finalizers int32) Execution {
	x := leased(Start{}, finalizers)
	for range n {
		must(x.LoseLease(5, true, origin+2*second))
		must(x.Claim(Claim{Session: 5, Lease: rightLease}, origin+3*second))
	}
	return x
}

func cancelling(finalizers int32) Execution {
	x := leased(Start{}, finalizers)
	x.cancel(origin + 2*second)
	return x
}

// cancel asks the leased execution to stop.
func (x *Execution) cancel(now Time) {
	if _, ok, err := x.RequestCancel(Cancel{Grace: time.Minute}, now); !ok || err != nil {
		panic("not asked to stop")
	}
}

func backingOff(c Start, finalizers int32) Execution {
	x := leased(c, finalizers)
	must(x.Fail(rightLease, Failure{Code: "down", Policy: Retry{MaxAttempts: 3, Initial: time.Minute, Jitter: -1}}, origin+2*second))
	return x
}

func suspended(c Start, finalizers int32) Execution {
	x := leased(c, finalizers)
	must(x.StartSleep(rightLease, Sleep{Step: "nap", Duration: time.Hour}, origin+2*second))
	must(x.Suspend(rightLease, 0, origin+3*second))
	return x
}

// awaiting is leased, and a branch of its handler waits for an approval and another for a signal. Both time out after a
// minute.
func awaiting(finalizers int32) Execution {
	x := leased(Start{}, finalizers)
	for _, w := range []WaitStart{{Step: "boss", Kind: WaitForApproval}, {Step: "go", Kind: WaitForSignal}} {
		w.Timeout, w.Bounded = time.Minute, true
		must(x.StartWait(rightLease, w, origin+2*second))
	}
	return x
}

// parked is awaiting and has let go.
func parked(finalizers int32) Execution {
	x := awaiting(finalizers)
	must(x.Suspend(rightLease, 0, origin+3*second))
	return x
}

// steppingBack is awaiting, and a step of another branch has failed and is tried again much later.
func steppingBack() Execution {
	x := awaiting(0)
	must(x.FailStep(rightLease, StepFailed{Step: "a", Failure: Failure{Policy: Retry{MaxAttempts: 9, Initial: time.Hour, Jitter: -1}}}, origin+3*second))
	return x
}

func ending(as Status, finalizers int32) Execution {
	x := leased(Start{}, finalizers)
	switch as {
	case Completed:
		must(x.Complete(rightLease, []byte("1"), origin+4*second))
	case Failed:
		must(x.Fail(rightLease, Failure{Code: "broken"}, origin+4*second))
	case Rejected:
		must(x.Reject(rightLease, "refused", "no", nil, origin+4*second))
	default:
		x.cancel(origin + 2*second)
		must(x.ConfirmCancel(rightLease, origin+4*second))
	}
	return x
}

func situations() []situation {
	limited := Start{Timeout: 30 * time.Second}
	list := []situation{
		{"created", started(Start{StartAt: origin + hour}), origin + minute},
		{"created, its time has come", started(Start{StartAt: origin + hour}), origin + hour},
		{"created, its deadline passed", started(Start{StartAt: origin + hour, Timeout: time.Minute}), origin + minute},
		{"created, everything passed", started(Start{StartAt: origin + hour, Timeout: 3 * time.Hour, QueueTTL: time.Minute}), origin + 5*hour},
		{"pending", started(Start{}), origin + second},
		{"pending, its deadline passed", started(limited), origin + minute},
		{"pending, its time in the queue passed", started(Start{QueueTTL: time.Second}), origin + second},
		{"leased", leased(Start{}, 0), origin + 5*second},
		{"leased, finalizers", leased(Start{}, 1), origin + 5*second},
		{"leased, its deadline passed", leased(limited, 0), origin + minute},
		{"leased, its last strike comes", struck(MaxStrikes-1, 0), origin + minute},
		{"leased, its last strike comes, finalizers", struck(MaxStrikes-1, 2), origin + minute},
		{"leased, being cancelled", cancelling(0), origin + 5*second},
		{"leased, being cancelled, finalizers", cancelling(1), origin + 5*second},
		{"leased, the cancel's grace passed", cancelling(0), origin + hour},
		{"leased, the cancel's grace passed, finalizers", cancelling(3), origin + hour},
		{"backoff", backingOff(Start{}, 0), origin + 5*second},
		{"backoff is over", backingOff(Start{}, 0), origin + hour},
		{"backoff, finalizers", backingOff(Start{}, 1), origin + 5*second},
		{"backoff, its deadline passed", backingOff(limited, 0), origin + 40*second},
		{"backoff, its deadline passed, finalizers", backingOff(limited, 1), origin + 40*second},
		{"waiting", suspended(Start{}, 0), origin + minute},
		{"waiting is over", suspended(Start{}, 0), origin + 2*hour},
		{"waiting, finalizers", suspended(Start{}, 1), origin + minute},
		{"waiting, its deadline passed", suspended(limited, 0), origin + minute},
		{"waiting, its deadline passed, finalizers", suspended(limited, 2), origin + minute},
	}
	list = append(list,
		situation{"awaiting, leased", awaiting(0), origin + 5*second},
		situation{"awaiting, leased, timed out", awaiting(0), origin + 2*minute},
		situation{"awaiting, parked", parked(0), origin + 5*second},
		situation{"awaiting, parked, finalizers", parked(1), origin + 5*second},
		situation{"awaiting, parked, timed out", parked(0), origin + 2*minute},
		situation{"awaiting, a step backs off", steppingBack(), origin + 5*second},
		situation{"awaiting, a step backs off, timed out", steppingBack(), origin + 2*minute},
	)
	lost := struck(1, 0)
	must(lost.LoseLease(5, true, origin+minute))
	list = append(list, situation{"lost its worker", lost, origin + minute})
	for _, s := range Final.List() {
		list = append(list,
			situation{"finalizing, intended " + s.String(), ending(s, 1), origin + 5*second},
			situation{s.String(), ending(s, 0), origin + 5*second})
	}
	return list
}

// attempt is one command with one set of arguments.
type attempt struct {
	command string
	name    string
	run     func(x *Execution, now Time) ([]Event, error)
}

// one makes an attempt of a rule that returns one event.
func one(command, name string, run func(x *Execution, now Time) (Event, error)) attempt {
	return attempt{command, name, func(x *Execution, now Time) ([]Event, error) {
		e, err := run(x, now)
		if err != nil {
			return nil, err
		}
		return []Event{e}, nil
	}}
}

// maybe makes an attempt of a rule that may have nothing to do.
func maybe(command, name string, run func(x *Execution, now Time) (Event, bool, error)) attempt {
	return attempt{command, name, func(x *Execution, now Time) ([]Event, error) {
		e, ok, err := run(x, now)
		if err != nil || !ok {
			return nil, err
		}
		return []Event{e}, nil
	}}
}

func attempts() []attempt {
	list := []attempt{
		{"Signal", "awaited", func(x *Execution, now Time) ([]Event, error) { return x.Signal(SignalSent{Name: "go"}, now) }},
		{"Signal", "not awaited", func(x *Execution, now Time) ([]Event, error) {
			return x.Signal(SignalSent{Name: "boss", Key: 7, Payload: []byte("1")}, now)
		}},
		{"Signal", "too large", func(x *Execution, now Time) ([]Event, error) {
			return x.Signal(SignalSent{Name: "go", Payload: make([]byte, MaxBytes+1)}, now)
		}},
		one("Decide", "approve", func(x *Execution, now Time) (Event, error) { return x.Decide(Decision{Approved: true}, now) }),
		one("Decide", "reject by name", func(x *Execution, now Time) (Event, error) {
			return x.Decide(Decision{Name: "boss", By: "Ann", Comment: "no"}, now)
		}),
		one("Decide", "by step", func(x *Execution, now Time) (Event, error) { return x.Decide(Decision{Step: "boss"}, now) }),
		one("Decide", "a signal", func(x *Execution, now Time) (Event, error) { return x.Decide(Decision{Step: "go"}, now) }),
		one("Claim", "", func(x *Execution, now Time) (Event, error) {
			return x.Claim(Claim{Session: 6, Lease: Lease{7}}, now)
		}),
		one("Claim", "no session", func(x *Execution, now Time) (Event, error) { return x.Claim(Claim{Lease: Lease{7}}, now) }),
		one("Claim", "no lease", func(x *Execution, now Time) (Event, error) { return x.Claim(Claim{Session: 6}, now) }),
		maybe("RequestCancel", "", func(x *Execution, now Time) (Event, bool, error) {
			return x.RequestCancel(Cancel{Reason: CancelByRequest, Grace: time.Minute}, now)
		}),
		one("Terminate", "", func(x *Execution, now Time) (Event, error) { return x.Terminate(Actor{ActorKey, 3}, "stop", now) }),
		one("Finalize", "", func(x *Execution, now Time) (Event, error) { return x.Finalize(now) }),
		{"Fire", "", func(x *Execution, now Time) ([]Event, error) { return x.Fire(nil, time.Minute, now), nil }},
		{"Fire", "no grace", func(x *Execution, now Time) ([]Event, error) { return x.Fire(nil, 0, now), nil }},
	}
	for _, session := range []int64{5, 6, 0} {
		for _, guilty := range []bool{false, true} {
			list = append(list, one("LoseLease", fmt.Sprintf("session %d guilty %t", session, guilty), func(x *Execution, now Time) (Event, error) {
				return x.LoseLease(session, guilty, now)
			}))
		}
	}
	for _, l := range []Lease{rightLease, staleLease, {}} {
		again := Retry{MaxAttempts: 9, Initial: time.Minute, Jitter: -1}
		name := fmt.Sprintf("lease %d", l[0])
		list = append(list,
			one("Return", name, func(x *Execution, now Time) (Event, error) { return x.Return(l, ReturnedInterrupted, now) }),
			one("StartStep", name, func(x *Execution, now Time) (Event, error) {
				return x.StartStep(l, StepStarted{Step: "a", Try: 1}, now)
			}),
			one("CompleteStep", name, func(x *Execution, now Time) (Event, error) {
				return x.CompleteStep(l, StepCompleted{Step: "a", Try: 1, Output: []byte("1")}, now)
			}),
			one("CompleteStep", name+" recorded", func(x *Execution, now Time) (Event, error) {
				return x.CompleteStep(l, StepCompleted{Step: "a", Recorded: true}, now)
			}),
			one("CompleteStep", name+" too large", func(x *Execution, now Time) (Event, error) {
				return x.CompleteStep(l, StepCompleted{Step: "a", Output: make([]byte, MaxBytes+1)}, now)
			}),
			one("FailStep", name+" for good", func(x *Execution, now Time) (Event, error) {
				return x.FailStep(l, StepFailed{Step: "a"}, now)
			}),
			one("FailStep", name+" again", func(x *Execution, now Time) (Event, error) {
				return x.FailStep(l, StepFailed{Step: "a", Failure: Failure{Policy: again}}, now)
			}),
			one("FailStep", name+" recorded", func(x *Execution, now Time) (Event, error) {
				return x.FailStep(l, StepFailed{Step: "a", Recorded: true, Failure: Failure{Policy: again}}, now)
			}),
			one("StartSleep", name, func(x *Execution, now Time) (Event, error) {
				return x.StartSleep(l, Sleep{Step: "s", Duration: time.Hour}, now)
			}),
			one("StartSleep", name+" recorded", func(x *Execution, now Time) (Event, error) {
				return x.StartSleep(l, Sleep{Step: "s", Duration: time.Hour, Recorded: true}, now)
			}),
			attempt{"StartWait", name, func(x *Execution, now Time) ([]Event, error) {
				return x.StartWait(l, WaitStart{Step: "w", Kind: WaitForSignal, Timeout: time.Hour, Bounded: true}, now)
			}},
			attempt{"StartWait", name + " at once", func(x *Execution, now Time) ([]Event, error) {
				return x.StartWait(l, WaitStart{Step: "w", Name: "kept", Kind: WaitForSignal, Bounded: true}, now)
			}},
			attempt{"StartWait", name + " recorded", func(x *Execution, now Time) ([]Event, error) {
				return x.StartWait(l, WaitStart{Step: "w", Kind: WaitForApproval, Recorded: true}, now)
			}},
			maybe("AskWait", name, func(x *Execution, now Time) (Event, bool, error) { return x.AskWait(l, "boss", now) }),
			one("Suspend", name, func(x *Execution, now Time) (Event, error) { return x.Suspend(l, now+hour, now) }),
			one("Suspend", name+" for nothing", func(x *Execution, now Time) (Event, error) { return x.Suspend(l, 0, now) }),
			maybe("ReportProgress", name, func(x *Execution, now Time) (Event, bool, error) { return x.ReportProgress(l, 0.5, now) }),
			maybe("ReportProgress", name+" not a number", func(x *Execution, now Time) (Event, bool, error) {
				return x.ReportProgress(l, math.NaN(), now)
			}),
			one("Complete", name, func(x *Execution, now Time) (Event, error) { return x.Complete(l, []byte("2"), now) }),
			one("Fail", name+" for good", func(x *Execution, now Time) (Event, error) { return x.Fail(l, Failure{}, now) }),
			one("Fail", name+" again", func(x *Execution, now Time) (Event, error) { return x.Fail(l, Failure{Policy: again}, now) }),
			one("Reject", name, func(x *Execution, now Time) (Event, error) { return x.Reject(l, "", "no", nil, now) }),
			one("ConfirmCancel", name, func(x *Execution, now Time) (Event, error) { return x.ConfirmCancel(l, now) }),
		)
	}
	return list
}

// identical compares two executions field by field; the NaN of an unknown progress is equal to itself.
func identical(a, b Execution) bool {
	if math.Float64bits(a.Progress) != math.Float64bits(b.Progress) {
		return false
	}
	a.Progress, b.Progress = 0, 0
	return a == b
}

// TestExecutionIsAFlatValue is what makes identical, and the copies that the engine compares, mean everything that can
// be reached.
func TestExecutionIsAFlatValue(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Execution]()) {
		switch f.Type.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Func, reflect.Chan:
			t.Errorf("%s is a %s: a copy would share what it points to", f.Name, f.Type.Kind())
		}
	}
}

// after is the state in which an event leaves an execution, where the event alone tells.
var after = map[EventKind]Status{
	EventReady: Pending, EventClaimed: Running, EventReturned: Running, EventLeaseLost: Running, EventStepStarted: Running,
	EventStepCompleted: Running, EventStepFailed: Running, EventSleepStarted: Running, EventProgressed: Running,
	EventSuspended: Waiting, EventWoken: Running, EventAttemptFailed: Running, EventRetried: Running,
	EventCancelRequest: Running, EventFinalizing: Finalizing,
	EventCompleted: Completed, EventFailed: Failed, EventCancelled: Cancelled, EventRejected: Rejected,
	EventWaitStarted: Running, EventWaitEnded: Running,
}

// moved is what the event of a command tells about an execution that was in a state.
func moved(command string, from Status, e Event) Move {
	if e.Kind == EventSignalled { // in whatever state it is
		return Move{command, from, from, e.Kind}
	}
	return Move{command, from, after[e.Kind], e.Kind}
}

func TestEveryCommandInEverySituation(t *testing.T) {
	seen := map[Move]bool{}
	reached := map[Status]bool{}
	for _, s := range situations() {
		reached[s.x.Status] = true
		for _, a := range attempts() {
			x := s.x
			events, err := a.run(&x, s.now)
			where := fmt.Sprintf("%s (%s) when %s", a.command, a.name, s.name)
			if err != nil {
				var refused *Error
				switch {
				case !errors.As(err, &refused):
					t.Errorf("%s: the refusal is a %T", where, err)
				case refused.Status != s.x.Status || refused.Message == "" || !strings.HasPrefix(err.Error(), string(refused.Code)+": "):
					t.Errorf("%s: the refusal does not tell what it is about: %#v", where, refused)
				case len(events) != 0:
					t.Errorf("%s: refused, and yet there are events", where)
				}
			}
			if len(events) == 0 {
				if !identical(x, s.x) {
					t.Errorf("%s: changed without an event\n  before %+v\n  after  %+v", where, s.x, x)
				}
				continue
			}
			from := s.x.Status
			for i, e := range events {
				move := moved(a.command, from, e)
				seen[move] = true
				if !slices.Contains(Moves, move) {
					t.Errorf("%s: %s → %s (%s) is not in Moves", where, move.From, move.To, move.Event)
				}
				if move.From != move.To && !move.From.CanBecome(move.To) {
					t.Errorf("%s: %s → %s is not an edge of the table", where, move.From, move.To)
				}
				if want := s.x.Revision + int64(i) + 1; e.Revision != want || e.Execution != x.ID || e.At != s.now {
					t.Errorf("%s: the event has revision %d, want %d: %+v", where, e.Revision, want, e)
				}
				from = move.To
			}
			if x.Status != from || x.Revision != events[len(events)-1].Revision {
				t.Errorf("%s: ends %s at revision %d, its events say %s", where, x.Status, x.Revision, from)
			}
		}
	}
	for s := range Status(Statuses) {
		if !reached[s] {
			t.Errorf("no situation is %s", s)
		}
	}
	for _, m := range Moves {
		if !seen[m] {
			t.Errorf("%s never made %s → %s (%s)", m.Command, m.From, m.To, m.Event)
		}
	}
}

// TestEveryPairOfStates compares the table with the one that the design gives in words, and tells which edges are made
// by commands.
func TestEveryPairOfStates(t *testing.T) {
	design := map[string]string{
		"created": "pending cancelled rejected",
		"pending": "running cancelled rejected",
		"running": "waiting finalizing completed failed cancelled rejected",
		"waiting": "running finalizing cancelled failed rejected",
		// The intended state, or failed.
		"finalizing": "completed failed cancelled rejected",
		"completed":  "", "failed": "", "cancelled": "", "rejected": "",
	}
	// For approvals and admission, which come later.
	reserved := []string{"created rejected", "waiting failed", "waiting rejected"}
	made := map[string]bool{}
	for _, m := range Moves {
		made[m.From.String()+" "+m.To.String()] = true
	}
	for from := range Status(Statuses) {
		for to := range Status(Statuses) {
			pair := from.String() + " " + to.String()
			legal := slices.Contains(strings.Fields(design[from.String()]), to.String())
			if from.CanBecome(to) != legal {
				t.Errorf("%s: CanBecome says %t, the design %t", pair, !legal, legal)
			}
			if from == to {
				continue
			}
			if legal && !slices.Contains(reserved, pair) != made[pair] {
				t.Errorf("%s: legal, reserved %t, made by a command %t", pair, slices.Contains(reserved, pair), made[pair])
			}
			if !legal && made[pair] {
				t.Errorf("%s: not legal and made by a command", pair)
			}
		}
	}
	if from := Status(Statuses); from.CanBecome(Running) || Running.CanBecome(from) || from.Final() || from.String() != "status(9)" {
		t.Error("a number that is no state has an edge or a name")
	}
}
