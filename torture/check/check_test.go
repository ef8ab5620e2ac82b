package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/journal"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }

// story makes an execution from lines such as "1.5 claimed attempt=2 step=a until=3 code=x".
func story(id, key, status string, lines ...string) *sojourn.Execution {
	x := &sojourn.Execution{
		ID: id, Status: sojourn.Status(status), Input: json.RawMessage(fmt.Sprintf(`{"key":%q}`, key)),
		Workflow: &sojourn.WorkflowRef{Name: "steps"}, Revision: int64(len(lines)),
	}
	if status == "completed" {
		x.Output = x.Input
	}
	for i, line := range lines {
		f := strings.Fields(line)
		var s float64
		if _, err := fmt.Sscan(f[0], &s); err != nil {
			panic(err)
		}
		ev := sojourn.Event{Revision: int64(i + 1), At: at(s), Type: f[1]}
		for _, pair := range f[2:] {
			name, value, _ := strings.Cut(pair, "=")
			switch name {
			case "attempt":
				if _, err := fmt.Sscan(value, &ev.Attempt); err != nil {
					panic(err)
				}
			case "step":
				ev.Step = value
			case "code":
				ev.Code = value
			case "payload":
				ev.Payload = json.RawMessage(fmt.Sprintf("%q", value))
			case "outcome":
				ev.Outcome = value
			case "comment":
				ev.Comment = value
			case "until":
				if _, err := fmt.Sscan(value, &s); err != nil {
					panic(err)
				}
				ev.Until = at(s)
			}
		}
		switch ev.Type {
		case "claimed":
			x.Attempt++
		case "returned":
			x.Attempt--
		}
		x.Events = append(x.Events, ev)
	}
	return x
}

// lines makes journal entries, one a second.
func lines(text ...string) []journal.Entry {
	var out []journal.Entry
	for i, l := range text {
		f := strings.Fields(l)
		out = append(out, journal.Entry{At: at(float64(i)), Kind: f[0], Fields: f[1:]})
	}
	return out
}

// sound is evidence without a fault: a lost worker, a suspended one, a cancel, a removed one, an open outcome.
func sound(t *testing.T, extra ...string) *Evidence {
	t.Helper()
	client := append([]string{
		"intent k1 steps", "ack k1 e1", "replay k1 e1",
		"intent k2 sleepy", "unknown k2 reset", "intent k2 sleepy", "replay k2 e2",
		"intent k3 steps", "ack k3 e3", "cancel e3", "cancel-ack e3 running",
		"intent k4 brief", "ack k4 e4",
		"intent k5 steps", "refused k5 400", "intent k6 steps", "unknown k6 reset",
		"intent k7 delayed", "ack k7 e7", "saw e7 created 1", "saw e1 completed 7",
		"cancel e1", "cancel-refused e1 completed",
	}, extra...)
	l, err := ReadLedger(lines(client...))
	if err != nil {
		t.Fatal(err)
	}
	w := &Work{}
	for name, text := range map[string][]string{
		"w1": {"ready s1", "run e1 a 1", "acked e1 a 1 v1", "run e1 b 1"},
		"w2": {"ready s2", "acked e1 a 2 v1", "run e1 b 2", "acked e1 b 2 v2", "run e2 a 1"},
	} {
		if err := w.Add(name, lines(text...)); err != nil {
			t.Fatal(err)
		}
	}
	return &Evidence{
		Ledger: l, Work: w, Deleted: map[string]bool{"e4": true}, Brief: map[string]bool{"brief": true},
		Losses: []Loss{{Worker: "w1", Killed: at(2), Expires: at(3.5), Until: at(6)}},
		Stored: []*sojourn.Execution{
			story("e1", "k1", "completed", "0 created", "0 claimed attempt=1", "1 step_completed step=a attempt=1",
				"4 lease_lost attempt=1", "4.1 claimed attempt=2", "4.2 step_completed step=b attempt=2", "4.3 completed attempt=2"),
			story("e2", "k2", "failed", "0 created", "1 claimed attempt=1", "1.1 sleep_started step=z until=4", "1.2 suspended until=4",
				"4 woken", "4.2 claimed attempt=2", "4.3 attempt_failed until=5 attempt=2", "5 retried", "6 claimed attempt=3",
				"7 step_failed step=q until=10 attempt=3", "10 retried", "10.1 claimed attempt=4", "11 failed code=error attempt=4"),
			story("e3", "k3", "cancelled", "0 created", "1 claimed attempt=1", "1.5 returned", "1.7 claimed attempt=1",
				"2 cancel_requested attempt=1", "3 cancelled attempt=1"),
			story("e7", "k7", "rejected", "0 created until=1", "1 ready", "2 rejected"),
		},
	}
}

func TestSoundEvidencePasses(t *testing.T) {
	v := Judge(sound(t))
	for _, x := range v.Violations {
		t.Error(x)
	}
	if v.Acked != 4 || v.Unknown != 2 || v.Stored != 5 || v.Steps != 3 || v.Lost != 1 || v.Returned != 1 {
		t.Errorf("counted %+v", v)
	}
	for edge, n := range map[string]int{" → pending": 3, " → created": 1, "running → waiting": 1, "waiting → running": 1, "pending → rejected": 1} {
		if v.Edges[edge] != n {
			t.Errorf("edge %q: %d, want %d", edge, v.Edges[edge], n)
		}
	}
}

// TestFaultsAreSeen plants one fault at a time into sound evidence.
func TestFaultsAreSeen(t *testing.T) {
	events := func(x *sojourn.Execution, status string, text ...string) {
		*x = *story(x.ID, KeyOf(x), status, text...)
	}
	for name, c := range map[string]struct {
		rule  string
		lines []string
		plant func(e *Evidence)
	}{
		"an acknowledged start is gone":     {rule: AckedLost, plant: func(e *Evidence) { e.Stored = slices.Delete(e.Stored, 1, 2) }},
		"an acknowledged start was removed": {rule: AckedLost, plant: func(e *Evidence) { e.Stored, e.Deleted["e2"] = slices.Delete(e.Stored, 1, 2), true }},
		"a brief one is gone without trace": {rule: AckedLost, plant: func(e *Evidence) { delete(e.Deleted, "e4") }},
		"a refused start is stored": {rule: RefusedStored, plant: func(e *Evidence) {
			e.Stored = append(e.Stored, story("e5", "k5", "rejected", "0 created", "1 rejected"))
		}},
		"nobody asked": {rule: Unasked, plant: func(e *Evidence) {
			e.Stored = append(e.Stored, story("e9", "k9", "rejected", "0 created", "1 rejected"))
		}},
		"an execution without a key": {rule: Unasked, plant: func(e *Evidence) { e.Stored[3].Input = json.RawMessage(`[]`) }},
		"two executions of one key": {rule: Doubled, plant: func(e *Evidence) {
			e.Stored = append(e.Stored, story("e6", "k6", "rejected", "0 created", "1 rejected"), story("e6b", "k6", "rejected", "0 created", "1 rejected"))
		}},
		"one key, two answers":             {rule: Doubled, lines: []string{"replay k4 e8"}},
		"a repeat was refused":             {rule: RefusedRepeat, lines: []string{"refused k1 422"}},
		"a key names another's execution":  {rule: WrongKey, lines: []string{"intent k8 steps", "ack k8 e1"}},
		"an edge that is not in the table": {rule: IllegalEdge, plant: func(e *Evidence) { events(e.Stored[3], "completed", "0 created", "1 completed") }},
		"claimed before it was ready":      {rule: IllegalEdge, plant: func(e *Evidence) { events(e.Stored[3], "rejected", "0 created until=1", "0 claimed", "2 rejected") }},
		"an event is missing":              {rule: Gap, plant: func(e *Evidence) { e.Stored[0].Events = slices.Delete(e.Stored[0].Events, 2, 3) }},
		"the last event is missing":        {rule: Gap, plant: func(e *Evidence) { e.Stored[0].Events = e.Stored[0].Events[:6] }},
		"the first event is missing":       {rule: Gap, plant: func(e *Evidence) { e.Stored[0].Events = nil }},
		"time runs backwards":              {rule: Gap, plant: func(e *Evidence) { e.Stored[0].Events[5].At = at(2) }},
		"something follows the end":        {rule: NotFinal, plant: func(e *Evidence) { events(e.Stored[3], "rejected", "0 created", "1 rejected", "2 rejected") }},
		"state and history disagree":       {rule: NotFinal, plant: func(e *Evidence) { e.Stored[0].Status = "failed" }},
		"a client saw another end":         {rule: NotFinal, lines: []string{"saw e1 failed 7"}},
		"the end moved":                    {rule: NotFinal, lines: []string{"saw e1 completed 6"}},
		"a cancel was told of another end": {rule: NotFinal, lines: []string{"cancel e2", "cancel-refused e2 completed"}},
		"a client saw what is gone":        {rule: WentBack, lines: []string{"saw e2 running 99"}},
		"the list left one out":            {rule: Unlisted, plant: func(e *Evidence) { e.Unlisted = []string{"e2"} }},
		"another output":                   {rule: WrongOutput, plant: func(e *Evidence) { e.Stored[0].Output = json.RawMessage(`{"key":"k2"}`) }},
		"no output":                        {rule: WrongOutput, plant: func(e *Evidence) { e.Stored[0].Output = nil }},
		"an acknowledged step is gone": {rule: StepLost, plant: func(e *Evidence) {
			e.Work.Results = append(e.Work.Results, Result{Run{"w2", "e2", "a", 1, at(2)}, "v"})
		}},
		"a recorded step ran again":          {rule: StepRerun, plant: func(e *Evidence) { e.Work.Runs = append(e.Work.Runs, Run{"w2", "e1", "a", 2, at(4.1)}) }},
		"a recorded step ran again in place": {rule: StepRerun, plant: func(e *Evidence) { e.Work.Runs = append(e.Work.Runs, Run{"w2", "e1", "b", 2, at(9)}) }},
		"a step gave two results": {rule: StepChanged, plant: func(e *Evidence) {
			e.Work.Results = append(e.Work.Results, Result{Run{"w2", "e1", "a", 2, at(5)}, "v9"})
		}},
		"another result is stored": {rule: StepChanged, plant: func(e *Evidence) {
			e.Stored[0].Steps = []sojourn.StepRecord{{Name: "a", Output: json.RawMessage(`"v9"`)}}
		}},
		"claimed while another held it": {rule: TwoHolders, plant: func(e *Evidence) {
			events(e.Stored[3], "completed", "0 created", "1 claimed", "2 claimed", "3 completed")
		}},
		"a report after the lease was lost": {rule: TwoHolders, plant: func(e *Evidence) {
			events(e.Stored[3], "completed", "0 created", "1 claimed", "2 lease_lost", "3 completed")
		}},
		"a report of a suspended one": {rule: TwoHolders, plant: func(e *Evidence) {
			events(e.Stored[3], "completed", "0 created", "1 claimed", "2 suspended until=2", "2 woken", "3 completed")
		}},
		"taken from a live worker": {rule: OfferedEarly, plant: func(e *Evidence) { e.Losses[0].Expires = at(4.5) }},
		"taken late":               {rule: OfferedLate, plant: func(e *Evidence) { e.Losses[0].Expires = at(1.9) }},
		"poison too early": {rule: WronglyPoisoned, plant: func(e *Evidence) {
			events(e.Stored[3], "failed", "0 created", "1 claimed", "2 lease_lost", "3 claimed", "4 failed code=poison")
		}},
		"a cancel left no trace": {rule: CancelLost, lines: []string{"cancel e2", "cancel-ack e2 running"}},
		"claimed after the cancel": {rule: CancelIgnored, plant: func(e *Evidence) {
			events(e.Stored[2], "cancelled", "0 created", "1 claimed", "2 cancel_requested", "3 lease_lost", "4 claimed", "5 cancelled")
		}},
		"a step was accepted after the cancel": {rule: CancelIgnored, plant: func(e *Evidence) {
			events(e.Stored[2], "cancelled", "0 created", "1 claimed", "2 cancel_requested", "3 step_completed step=a", "5 cancelled")
		}},
		"woken early":             {rule: TimerEarly, plant: func(e *Evidence) { e.Stored[1].Events[4].At = at(3.999) }},
		"retried early":           {rule: TimerEarly, plant: func(e *Evidence) { e.Stored[1].Events[7].At = at(4.9) }},
		"ready early":             {rule: TimerEarly, plant: func(e *Evidence) { e.Stored[3].Events[1].At = at(0.5) }},
		"a returned claim counts": {rule: Miscounted, plant: func(e *Evidence) { e.Stored[2].Attempt = 3 }},
		"a claim is not counted":  {rule: Miscounted, plant: func(e *Evidence) { e.Stored[0].Attempt = 1 }},
		"a lease lost in calm":    {rule: LeaseLost, plant: func(e *Evidence) { e.Calm = true }},
		"one does not end":        {rule: Unfinished, plant: func(e *Evidence) { events(e.Stored[3], "running", "0 created", "1 claimed") }},
	} {
		t.Run(name, func(t *testing.T) {
			e := sound(t, c.lines...)
			if c.plant != nil {
				c.plant(e)
			}
			v := Judge(e)
			if v.Rules()[c.rule] == 0 {
				t.Errorf("not seen; found %v", v.Violations)
			}
		})
	}
}

// TestToldFaultsAreSeen plants faults into what became of signals and decisions.
func TestToldFaultsAreSeen(t *testing.T) {
	told := func(t *testing.T) (*Evidence, *sojourn.Execution) {
		t.Helper()
		e := sound(t, "tell e6 t1 signal", "tell-ack e6 t1", "tell e6 t1 signal", "tell-ack e6 t1", "tell e6 t2 signal", "tell-unknown e6 t2 reset",
			"tell e6 d1 approved", "tell-ack e6 d1", "tell e6 t3 signal", "tell-refused e6 t3 already_terminal", "tell e6 t4 signal", "tell-unknown e6 t4 503")
		x := story("e6", "k6", "failed", "0 created", "1 claimed attempt=1", "2 wait_started step=go", "2 suspended", "3 signalled payload=t1",
			"3 wait_ended step=go outcome=received", "4 claimed attempt=2", "5 wait_started step=manager", "5 signalled payload=t2",
			"6 wait_ended step=manager outcome=approved comment=d1", "7 failed code=error")
		x.Steps = []sojourn.StepRecord{
			{Name: "go", Kind: "signal", Output: json.RawMessage(`{"outcome":"received","payload":"t1"}`)},
			{Name: "manager", Kind: "approval", Output: json.RawMessage(`{"outcome":"approved"}`)},
			{Name: "go#2", Kind: "signal", Output: json.RawMessage(`{"outcome":"timeout"}`)},
		}
		e.Stored = append(e.Stored, x)
		return e, x
	}
	e, _ := told(t)
	sound := Judge(e)
	for _, v := range sound.Violations {
		t.Errorf("without a fault: %s", v)
	}
	if sound.Told != 2 {
		t.Errorf("%d were acknowledged", sound.Told)
	}
	for name, c := range map[string]struct {
		rule  string
		plant func(x *sojourn.Execution)
	}{
		"an acknowledged signal is gone":   {TellLost, func(x *sojourn.Execution) { x.Events[4].Payload = json.RawMessage(`"other"`) }},
		"an acknowledged decision is gone": {TellLost, func(x *sojourn.Execution) { x.Events[9].Outcome = "timeout" }},
		"a signal counted twice":           {TellDoubled, func(x *sojourn.Execution) { x.Events[8].Payload = x.Events[4].Payload }},
		"a refused signal was kept":        {TellRefusedKept, func(x *sojourn.Execution) { x.Events[8].Payload = json.RawMessage(`"t3"`) }},
		"a wait took another signal": {WrongSignal, func(x *sojourn.Execution) {
			x.Steps[0].Output = json.RawMessage(`{"outcome":"received","payload":"t2"}`)
		}},
		"a wait took what was not sent": {WrongSignal, func(x *sojourn.Execution) {
			x.Events[4].Type, x.Events[8].Type = "progressed", "progressed"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e, x := told(t)
			c.plant(x)
			if v := Judge(e); v.Rules()[c.rule] == 0 {
				t.Errorf("not seen; found %v", v.Violations)
			}
		})
	}
}

// TestWhatIsNoFault is the other half: what looks like a fault and is none.
func TestWhatIsNoFault(t *testing.T) {
	for name, plant := range map[string]func(e *Evidence){
		"a stopped worker ran a step that another had recorded meanwhile": func(e *Evidence) {
			e.Work.Runs = append(e.Work.Runs, Run{"w1", "e1", "b", 1, at(9)})
		},
		"an open execution, where that is allowed": func(e *Evidence) {
			e.Open = true
			e.Stored = append(e.Stored, story("e6", "k6", "running", "0 created", "1 claimed"))
		},
		"an unknown start that is stored": func(e *Evidence) {
			e.Stored = append(e.Stored, story("e6", "k6", "rejected", "0 created", "1 rejected"))
		},
		"a loss at the very end of the lease": func(e *Evidence) { e.Losses[0].Expires = at(4) },
		"a claim given back by the cancel": func(e *Evidence) {
			*e.Stored[2] = *story("e3", "k3", "cancelled", "0 created", "1 claimed attempt=1", "2 cancel_requested", "3 cancelled")
			e.Stored[2].Attempt = 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := sound(t)
			plant(e)
			for _, x := range Judge(e).Violations {
				t.Error(x)
			}
		})
	}
}

func TestBadJournals(t *testing.T) {
	for _, text := range []string{
		"ack k e", "cancel-ack e running", "intent k", "saw e running", "saw e running x", "wonder k e", "refused k 400",
		"tell e t", "tell-ack e t", "tell-refused e t 409", "tell-unknown e t reset",
	} {
		if _, err := ReadLedger(lines(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if _, err := ReadLedger(lines("intent k w", "wonder k e")); err == nil {
		t.Error("an unknown kind was taken")
	}
	for _, text := range []string{"run e s", "acked e s 1", "run e s x", "wonder e"} {
		if err := (&Work{}).Add("w", lines(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

func TestMerge(t *testing.T) {
	var sum Verdict
	one := Judge(sound(t))
	sum.Merge(one)
	sum.Merge(one)
	if sum.Acked != 2*one.Acked || sum.Edges[" → pending"] != 6 || sum.Steps != 2*one.Steps {
		t.Errorf("merged %+v", sum)
	}
	for _, edge := range slices.Sorted(maps.Keys(sum.Edges)) {
		from, to, _ := strings.Cut(edge, " → ")
		if !slices.Contains(next[from], to) {
			t.Errorf("%q is not in the table", edge)
		}
	}
	for _, edge := range Reachable {
		from, to, _ := strings.Cut(edge, " → ")
		if !slices.Contains(next[from], to) {
			t.Errorf("%q is not in the table", edge)
		}
	}
}
