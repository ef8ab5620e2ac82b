package check

import (
	"strings"
	"testing"
	"time"
)

// op makes operations from lines: from, to, do, outcome, input, id, status, revision; a dash is nothing.
func op(from, to int, do, outcome, input, id, status string, revision int64) Operation {
	return Operation{
		Subject: "x", Call: time.Duration(from), Return: time.Duration(to), Do: do, Outcome: outcome, Input: input,
		ID: id, Status: status, Revision: revision,
	}
}

func TestLinear(t *testing.T) {
	const yes, no = true, false
	for name, x := range map[string]struct {
		model string
		want  bool
		list  []Operation
	}{
		"one start": {StartOnce, yes, []Operation{op(0, 1, DoStart, Created, "a", "1", "", 0)}},
		"a repeat may be answered before the first": {StartOnce, yes, []Operation{
			op(0, 9, DoStart, Created, "a", "1", "", 0), op(1, 2, DoStart, Repeated, "a", "1", "", 0),
		}},
		"a repeat cannot come before the first was sent": {StartOnce, no, []Operation{
			op(5, 9, DoStart, Created, "a", "1", "", 0), op(1, 2, DoStart, Repeated, "a", "1", "", 0),
		}},
		"two executions": {StartOnce, no, []Operation{
			op(0, 9, DoStart, Created, "a", "1", "", 0), op(1, 2, DoStart, Created, "a", "2", "", 0),
		}},
		"a repeat that names another": {StartOnce, no, []Operation{
			op(0, 1, DoStart, Created, "a", "1", "", 0), op(2, 3, DoStart, Repeated, "a", "2", "", 0),
		}},
		"without an answer, then repeated": {StartOnce, yes, []Operation{
			op(0, 1, DoStart, NoAnswer, "a", "", "", 0), op(2, 3, DoStart, Repeated, "a", "1", "", 0), op(4, 5, DoStart, Repeated, "a", "1", "", 0),
		}},
		"without an answer, and it did not happen": {StartOnce, yes, []Operation{
			op(0, 1, DoStart, NoAnswer, "a", "", "", 0), op(2, 3, DoStart, Created, "a", "1", "", 0),
		}},
		"without an answer, and two names": {StartOnce, no, []Operation{
			op(0, 1, DoStart, NoAnswer, "a", "", "", 0), op(2, 3, DoStart, Repeated, "a", "1", "", 0), op(4, 5, DoStart, Repeated, "a", "2", "", 0),
		}},
		"another request": {StartOnce, yes, []Operation{
			op(0, 1, DoStart, Created, "a", "1", "", 0), op(2, 3, DoStart, Mismatch, "b", "", "", 0),
		}},
		"refused for its own request": {StartOnce, no, []Operation{
			op(0, 1, DoStart, Created, "a", "1", "", 0), op(2, 3, DoStart, Mismatch, "a", "", "", 0),
		}},
		"refused with nothing there": {StartOnce, no, []Operation{op(2, 3, DoStart, Mismatch, "a", "", "", 0)}},

		"reads go on": {Register, yes, []Operation{
			op(0, 1, DoGet, SawIt, "", "", "pending", 1), op(2, 3, DoGet, SawIt, "", "", "running", 2), op(4, 5, DoGet, SawIt, "", "", "running", 2),
		}},
		"a read goes back": {Register, no, []Operation{
			op(0, 1, DoGet, SawIt, "", "", "running", 2), op(2, 3, DoGet, SawIt, "", "", "pending", 1),
		}},
		"reads at the same time may differ": {Register, yes, []Operation{
			op(0, 5, DoGet, SawIt, "", "", "running", 2), op(2, 3, DoGet, SawIt, "", "", "pending", 1),
		}},
		"one revision, two states": {Register, no, []Operation{
			op(0, 1, DoGet, SawIt, "", "", "running", 2), op(2, 3, DoGet, SawIt, "", "", "waiting", 2),
		}},
		"a completion, and a cancel that came late": {Register, yes, []Operation{
			op(0, 5, DoComplete, Accepted, "", "", "", 0), op(1, 6, DoCancel, Ended, "", "", "completed", 0),
			op(7, 8, DoGet, SawIt, "", "", "completed", 4),
		}},
		"completed and cancelled": {Register, no, []Operation{
			op(0, 5, DoComplete, Accepted, "", "", "", 0), op(1, 6, DoCancel, Accepted, "", "", "cancelled", 3),
		}},
		"a cancel is asked for, and the completion wins": {Register, yes, []Operation{
			op(0, 5, DoCancel, Accepted, "", "", "running", 3), op(6, 7, DoComplete, Accepted, "", "", "", 0),
			op(8, 9, DoGet, SawIt, "", "", "completed", 4),
		}},
		"read as running after the end": {Register, no, []Operation{
			op(0, 1, DoComplete, Accepted, "", "", "", 0), op(2, 3, DoGet, SawIt, "", "", "running", 9),
		}},
		"two ends": {Register, no, []Operation{
			op(0, 1, DoGet, SawIt, "", "", "failed", 3), op(2, 3, DoGet, SawIt, "", "", "completed", 4),
		}},
		"an answer of before the cancel": {Register, no, []Operation{
			op(0, 1, DoCancel, Accepted, "", "", "running", 3), op(2, 3, DoGet, SawIt, "", "", "running", 2),
		}},

		"claimed, reported, completed": {Leases, yes, []Operation{
			op(0, 5, DoClaim, Accepted, "t1", "", "", 0), op(6, 7, DoReport, Accepted, "t1", "", "", 0), op(8, 9, DoComplete, Accepted, "t1", "", "", 0),
		}},
		"two holders are heard": {Leases, no, []Operation{
			op(0, 1, DoClaim, Accepted, "t1", "", "", 0), op(2, 3, DoClaim, Accepted, "t2", "", "", 0),
			op(4, 5, DoReport, Accepted, "t2", "", "", 0), op(6, 7, DoReport, Accepted, "t1", "", "", 0),
		}},
		"heard after it was told that its lease is stale": {Leases, no, []Operation{
			op(0, 1, DoClaim, Accepted, "t1", "", "", 0), op(2, 3, DoReport, Stale, "t1", "", "", 0), op(4, 5, DoReport, Accepted, "t1", "", "", 0),
		}},
		"the old holder's word may come before the new claim": {Leases, yes, []Operation{
			op(0, 1, DoClaim, Accepted, "t1", "", "", 0), op(2, 9, DoClaim, Accepted, "t2", "", "", 0), op(6, 7, DoReport, Accepted, "t1", "", "", 0),
			op(10, 11, DoReport, Stale, "t1", "", "", 0), op(12, 13, DoComplete, Accepted, "t2", "", "", 0),
		}},
		"completed twice": {Leases, no, []Operation{
			op(0, 1, DoClaim, Accepted, "t1", "", "", 0), op(2, 3, DoComplete, Accepted, "t1", "", "", 0), op(4, 5, DoComplete, Accepted, "t1", "", "", 0),
		}},
		"completed without an answer": {Leases, yes, []Operation{
			op(0, 1, DoClaim, Accepted, "t1", "", "", 0), op(2, 3, DoComplete, NoAnswer, "t1", "", "", 0), op(4, 5, DoReport, Ended, "t1", "", "", 0),
		}},
		"claimed after the end": {Leases, no, []Operation{
			op(0, 1, DoClaim, Accepted, "t1", "", "", 0), op(2, 3, DoComplete, Accepted, "t1", "", "", 0), op(4, 5, DoClaim, Accepted, "t2", "", "", 0),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range x.list {
				x.list[i].Model, x.list[i].Client = x.model, i
			}
			v := &Verdict{}
			v.linear(x.list)
			if ok := len(v.Violations) == 0; ok != x.want {
				t.Errorf("%v", v.Violations)
			}
			if v.Operations != len(x.list) || v.Undecided != 0 {
				t.Errorf("%d of %d operations, %d undecided", v.Operations, len(x.list), v.Undecided)
			}
			for _, violation := range v.Violations {
				if violation.Rule != NotLinear || !strings.Contains(violation.Subject, x.list[0].Do) {
					t.Errorf("the violation does not tell the history: %s", violation)
				}
			}
		})
	}
}

// TestLinearKeepsHistoriesApart checks that operations of two keys are two histories.
func TestLinearKeepsHistoriesApart(t *testing.T) {
	a, b := op(0, 1, DoStart, Created, "a", "1", "", 0), op(2, 3, DoStart, Created, "b", "2", "", 0)
	a.Model, b.Model, b.Subject = StartOnce, StartOnce, "y"
	v := &Verdict{}
	v.linear([]Operation{a, b})
	if len(v.Violations) > 0 {
		t.Error(v.Violations)
	}
	b.Subject, b.Model = "x", "nonsense"
	v.linear([]Operation{a, b})
	if len(v.Violations) != 1 {
		t.Errorf("an unknown model gives %v", v.Violations)
	}
}
