package execution

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func code(err error) Code {
	if refused, ok := errors.AsType[*Error](err); ok {
		return refused.Code
	}
	return ""
}

func TestWaitsAreNamedByTheirSteps(t *testing.T) {
	for step, want := range map[string]string{
		"manager": "manager", "manager#2": "manager", "manager[a]#12": "manager[a]", "a#b": "a#b", "a#": "a#", "#2": "#2",
		"a#2#3": "a#2", "": "", "a#2b": "a#2b", "a#-1": "a#-1",
	} {
		if got := WaitNameOf(step); got != want {
			t.Errorf("step %q waits for %q, want %q", step, got, want)
		}
	}
}

// TestSignalsGoToTheirWaitsInOrder sends signals before and after waits for them.
func TestSignalsGoToTheirWaitsInOrder(t *testing.T) {
	x := started(Start{})
	history := []Event{{Kind: EventCreated}}
	take := func(events []Event, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, events...)
	}
	send := func(name, payload string) {
		t.Helper()
		take(x.Signal(SignalSent{Name: name, Payload: []byte(payload)}, origin+second))
	}
	wait := func(step string) {
		t.Helper()
		take(x.StartWait(rightLease, WaitStart{Step: step, Kind: WaitForSignal}, origin+second))
	}
	send("go", "1")
	send("other", "2")
	send("go", "3")
	must(x.Claim(Claim{Session: 5, Lease: rightLease}, origin+second))
	wait("go")
	wait("go#2")
	wait("go#3")
	wait("go#4")
	send("go", "4")
	send("go", "5")
	send("go", "6")
	var got []string
	for _, r := range RecordedSteps(history) {
		got = append(got, fmt.Sprintf("%s=%s", r.Step, r.Ended.Payload))
	}
	if want := "go=1 go#2=3 go#3=4 go#4=5"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
	if in := x.Inbox.open(); in.count("go") != 1 || in.count("other") != 1 || len(in.Waits) != 0 {
		t.Errorf("left is %s", x.Inbox)
	}
}

func TestARepeatedSignalDoesNothing(t *testing.T) {
	x := started(Start{})
	for i := range SignalKeys + 1 {
		if events, err := x.Signal(SignalSent{Name: "go", Key: uint64(i + 1)}, origin); len(events) != 1 || err != nil {
			t.Fatalf("signal %d: %d events, %v", i, len(events), err)
		}
	}
	before := x
	for i := 1; i <= SignalKeys; i++ {
		if events, err := x.Signal(SignalSent{Name: "other", Key: uint64(i + 1)}, origin); len(events) != 0 || err != nil || !identical(x, before) {
			t.Fatalf("a repeat of signal %d: %d events, %v", i, len(events), err)
		}
	}
	if events, err := x.Signal(SignalSent{Name: "go", Key: 1}, origin); len(events) != 1 || err != nil {
		t.Errorf("a key that was forgotten: %d events, %v", len(events), err)
	}
	over := x
	must(over.Terminate(Actor{}, "", origin))
	if events, err := over.Signal(SignalSent{Name: "go", Key: 1}, origin); len(events) != 0 || err != nil || len(over.Inbox.open().Kept) != 0 {
		t.Errorf("a repeat after the end: %d events, %v, %s", len(events), err, over.Inbox)
	}
	if _, err := over.Signal(SignalSent{Name: "go", Key: 500}, origin); code(err) != CodeAlreadyTerminal {
		t.Errorf("a new signal after the end: %v", err)
	}
	for range 2 {
		if events, err := x.Signal(SignalSent{Name: "go"}, origin); len(events) != 1 || err != nil {
			t.Errorf("without a key: %d events, %v", len(events), err)
		}
	}
}

func TestWaitsAndSignalsAreBounded(t *testing.T) {
	x := leased(Start{}, 0)
	for i := range MaxWaits {
		must(x.StartWait(rightLease, WaitStart{Step: fmt.Sprint("w", i), Kind: WaitForSignal, Timeout: time.Hour, Bounded: true}, origin))
	}
	if _, err := x.StartWait(rightLease, WaitStart{Step: "one more", Kind: WaitForApproval}, origin); code(err) != CodeWaitLimit {
		t.Errorf("a wait too many: %v", err)
	}
	for range MaxSignals {
		must(x.Signal(SignalSent{Name: "nobody waits"}, origin))
	}
	if _, err := x.Signal(SignalSent{Name: "nobody waits"}, origin); code(err) != CodeSignalLimit {
		t.Errorf("a signal too many: %v", err)
	}
	if events, err := x.Signal(SignalSent{Name: "w3"}, origin); len(events) != 2 || err != nil {
		t.Errorf("a signal that is awaited: %d events, %v", len(events), err)
	}
	// All that are open time out at once, and each is noted.
	events := x.Fire(nil, 0, origin+hour)
	if len(events) != MaxWaits-1 || len(x.Inbox.Waits()) != 0 || x.DueAt() != 0 {
		t.Errorf("%d waits timed out, %d are open", len(events), len(x.Inbox.Waits()))
	}
	x.Revision = MaxRevision
	if _, err := x.Signal(SignalSent{Name: "go"}, origin); code(err) != CodeHistoryLimit {
		t.Errorf("a signal for a full history: %v", err)
	}
}

func TestDecisions(t *testing.T) {
	x := leased(Start{}, 0)
	for _, w := range []WaitStart{
		{Step: "boss", Kind: WaitForApproval, Timeout: time.Minute, Bounded: true},
		{Step: "boss#2", Kind: WaitForApproval},
		{Step: "cfo", Kind: WaitForApproval},
	} {
		must(x.StartWait(rightLease, w, origin))
	}
	for _, c := range []struct {
		decision Decision
		now      Time
		want     string
		code     Code
	}{
		{Decision{}, origin, "", CodeAmbiguous},
		{Decision{Name: "ceo"}, origin, "", CodeNotAwaiting},
		{Decision{Step: "boss"}, origin + minute, "", CodeNotAwaiting}, // timed out, if unnoticed
		{Decision{Name: "boss"}, origin + minute, "boss#2", ""},
		{Decision{Name: "boss"}, origin + minute, "", CodeNotAwaiting},
		{Decision{Name: "boss"}, origin, "boss", ""},
		{Decision{}, origin, "cfo", ""},
		{Decision{}, origin, "", CodeNotAwaiting},
	} {
		y := x
		e, err := y.Decide(c.decision, c.now)
		if e.Step != c.want || code(err) != c.code {
			t.Errorf("%+v ends %q, %v; want %q, %q", c.decision, e.Step, err, c.want, c.code)
		}
		x = y
	}
}

// TestAWaitThatEndedUnseen lets waits end while the worker still holds the lease: a suspend then does not park the
// execution for longer than it takes to hand it out again.
func TestAWaitThatEndedUnseen(t *testing.T) {
	x := awaiting(0)
	must(x.Signal(SignalSent{Name: "go"}, origin+4*second))
	must(x.Suspend(rightLease, 0, origin+5*second))
	if x.Status != Waiting || x.DueAt() != origin+5*second {
		t.Fatalf("%s, due at %s", x.Status, x.DueAt())
	}
	if events := x.Fire(nil, 0, origin+5*second); len(events) != 1 || events[0].Kind != EventWoken || x.ReadyAt == 0 {
		t.Fatalf("woken by %+v", events)
	}
	must(x.Claim(Claim{Session: 5, Lease: rightLease}, origin+6*second))
	must(x.Suspend(rightLease, 0, origin+7*second))
	if x.DueAt() != origin+2*second+minute || x.Why != WhyApproval || x.WakeAt != 0 {
		t.Errorf("suspended for the rest: due at %s, %d", x.DueAt(), x.Why)
	}
	// What a worker itself was told of its wait is no reason to be woken.
	y := leased(Start{}, 0)
	must(y.Signal(SignalSent{Name: "go"}, origin+2*second))
	must(y.StartWait(rightLease, WaitStart{Step: "go", Kind: WaitForSignal}, origin+3*second))
	must(y.StartWait(rightLease, WaitStart{Step: "more", Kind: WaitForSignal}, origin+3*second))
	must(y.Suspend(rightLease, 0, origin+4*second))
	if y.DueAt() != 0 || y.Status != Waiting {
		t.Errorf("%s, due at %s", y.Status, y.DueAt())
	}
	if e, _ := y.Signal(SignalSent{Name: "more"}, origin+5*second); len(e) != 2 || y.Status != Running || y.ReadyAt != origin+5*second {
		t.Errorf("signalled: %s, in the queue since %s", y.Status, y.ReadyAt)
	}
}

// TestAWaitEndsAStepsBackoff: what a branch waits for does not wait for the retry of another branch's step.
func TestAWaitEndsAStepsBackoff(t *testing.T) {
	x := steppingBack()
	must(x.Signal(SignalSent{Name: "go"}, origin+5*second))
	if x.ReadyAt != origin+5*second || x.Why != WhyWorker || x.WakeAt != 0 {
		t.Errorf("in the queue since %s, %d", x.ReadyAt, x.Why)
	}
	// The handler's own backoff is another matter: the next attempt finds the signal.
	y := awaiting(0)
	must(y.Fail(rightLease, Failure{Policy: Retry{MaxAttempts: 3, Initial: 3 * time.Minute, Jitter: -1}}, origin+3*second))
	must(y.Signal(SignalSent{Name: "go"}, origin+5*second))
	if y.ReadyAt != 0 || y.WakeAt != origin+3*second+3*minute {
		t.Errorf("in the queue since %s, wakes at %s", y.ReadyAt, y.WakeAt)
	}
}

func TestADamagedInboxIsEmpty(t *testing.T) {
	for _, text := range []Inbox{"{", "[]", `{"w":7}`, "\x00"} {
		if len(text.Waits()) != 0 || text.until() != 0 {
			t.Errorf("%q has waits", text)
		}
	}
}
