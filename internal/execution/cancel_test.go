package execution

import (
	"strings"
	"testing"
	"time"
)

// TestCancelInEverySituation is G8: after a cancel was answered nothing hands the execution out again, whatever is
// pending and whatever its worker does, and it ends within the grace.
func TestCancelInEverySituation(t *testing.T) {
	const grace = 30 * time.Second
	for _, s := range situations() {
		if s.x.Status.Final() {
			continue
		}
		for worker, act := range map[string]func(x *Execution, now Time){
			"alive":  func(x *Execution, now Time) { x.ConfirmCancel(rightLease, now) },                                 //nolint:errcheck // refused when it is no longer the holder
			"failed": func(x *Execution, now Time) { x.Fail(rightLease, Failure{Policy: Retry{MaxAttempts: -1}}, now) }, //nolint:errcheck // likewise
			"dead":   func(x *Execution, now Time) { x.LoseLease(5, true, now) },                                        //nolint:errcheck // likewise
			"drains": func(x *Execution, now Time) { x.Return(rightLease, ReturnedInterrupted, now) },                   //nolint:errcheck // likewise
			"hung":   func(*Execution, Time) {},
			"goes on": func(x *Execution, now Time) {
				x.StartSleep(rightLease, Sleep{Step: "s", Duration: time.Hour}, now)                                                      //nolint:errcheck // refused
				x.FailStep(rightLease, StepFailed{Step: "a", Failure: Failure{Policy: Retry{MaxAttempts: 9, Initial: time.Minute}}}, now) //nolint:errcheck // refused
				x.Suspend(rightLease, now+hour, now)                                                                                      //nolint:errcheck // refused
			},
		} {
			x := s.x
			if _, _, err := x.RequestCancel(Cancel{Grace: grace}, s.now); err != nil {
				t.Errorf("%s: %v", s.name, err)
			}
			at, by := x.CancelRequestedAt, x.CancelBy
			refuse := func(now Time) {
				if _, err := x.Claim(Claim{Session: 9, Lease: Lease{4}}, now); err == nil {
					t.Fatalf("%s, worker %s: claimed after the cancel", s.name, worker)
				}
				if _, err := x.StartStep(rightLease, StepStarted{Step: "new"}, now); err == nil {
					t.Fatalf("%s, worker %s: a new step after the cancel", s.name, worker)
				}
			}
			refuse(s.now)
			if _, ok, err := x.RequestCancel(Cancel{Grace: time.Hour}, s.now+second); ok || err != nil && !x.Status.Final() || x.CancelRequestedAt != at || x.CancelBy != by {
				t.Errorf("%s: asking again moves the stamp", s.name)
			}
			act(&x, s.now+2*second)
			refuse(s.now + 3*second)
			x.Fire(nil, grace, s.now.Add(grace))
			refuse(s.now.Add(grace))
			for _, now := range []Time{s.now + hour, s.now + 100*hour} {
				x.Fire(nil, grace, now)
				refuse(now)
			}
			if x.Status == Finalizing {
				must(x.Finalize(s.now + 101*hour))
			}
			if !x.Status.Final() {
				t.Errorf("%s, worker %s: still %s", s.name, worker, x.Status)
			}
			if s.x.Status == Finalizing && x.Status != s.x.Intended {
				t.Errorf("%s: ends %s", s.name, x.Status)
			}
		}
	}
}

// TestTheFirstToEndItWins takes the four that may end a leased execution at one instant, in each of their orders.
func TestTheFirstToEndItWins(t *testing.T) {
	now := origin + 30*second // the deadline is now
	enders := map[byte]func(x *Execution) (ended bool){
		'c': func(x *Execution) bool { _, err := x.Complete(rightLease, []byte("1"), now); return err == nil },
		'x': func(x *Execution) bool {
			_, ok, err := x.RequestCancel(Cancel{Grace: time.Minute}, now)
			return ok && err == nil
		},
		't': func(x *Execution) bool { return len(x.Fire(nil, time.Minute, now)) > 0 },
		'r': func(x *Execution) bool { _, err := x.LoseLease(5, true, now); return err == nil },
	}
	orders := 0
	var walk func(order, rest string)
	walk = func(order, rest string) {
		if rest != "" {
			for i := range rest {
				walk(order+rest[i:i+1], rest[:i]+rest[i+1:])
			}
			return
		}
		orders++
		x := leased(Start{Timeout: 30 * time.Second}, 0)
		before := func(a, b string) bool { return strings.Index(order, a) < strings.Index(order, b) }
		finals := 0
		for i := range order {
			open := x
			enders[order[i]](&x)
			if x.Status.Final() && !open.Status.Final() {
				finals++
			}
			if open.Status.Final() && !identical(open, x) {
				t.Errorf("%s: changed after its end", order)
			}
		}
		var want Status
		var code string
		switch {
		case before("c", "r"):
			want = Completed // lateness alone does not fence, nor does a cancel that is under way
		case before("x", "t"):
			want, code = Cancelled, ErrorRequested
		default:
			want, code = Cancelled, ErrorTimeout
		}
		if finals != 1 || x.Status != want || x.ErrorCode != code {
			t.Errorf("%s: %d ends, %s %q, want %s %q", order, finals, x.Status, x.ErrorCode, want, code)
		}
	}
	walk("", "cxtr")
	if orders != 24 {
		t.Errorf("%d orders", orders)
	}
}

func TestTerminateSkipsFinalizers(t *testing.T) {
	for _, s := range situations() {
		if s.x.Status.Final() {
			continue
		}
		x := s.x
		e := must(x.Terminate(Actor{ActorKey, 7}, "stop it", s.now))
		want, code := Cancelled, ErrorTerminated
		if s.x.Status == Finalizing {
			want, code = s.x.Intended, s.x.ErrorCode
		}
		if x.Status != want || x.ErrorCode != code || e.Code != code || x.Finalizers != 0 || x.DueAt() != 0 || e.Actor != (Actor{ActorKey, 7}) || e.Message != "stop it" {
			t.Errorf("%s: %s %q, want %s %q: %+v", s.name, x.Status, x.ErrorCode, want, code, e)
		}
	}
}

// TestFinalizersNeverHoldWhatNobodyRan: what was never claimed has nothing to undo, and its edge to finalizing does not
// exist.
func TestFinalizersNeverHoldWhatNobodyRan(t *testing.T) {
	for _, c := range []Start{{}, {StartAt: origin + hour}} {
		x := started(c)
		x.Finalizers = 2
		if x.RequestCancel(Cancel{}, origin+second); x.Status != Cancelled { //nolint:errcheck // the state tells
			t.Errorf("cancelled to %s", x.Status)
		}
	}
}
