package execution

import (
	"fmt"
	"strings"
	"testing"
)

// history writes events briefly: kind, then what it carries. The n-th event happens n seconds after the origin.
func history(events ...Event) []Event {
	for i := range events {
		events[i].Revision, events[i].At = int64(i+1), origin+Time(i+1)*second
		if events[i].Attempt == 0 {
			events[i].Attempt = 1
		}
	}
	return events
}

// told writes a step the way the tests below compare it.
func told(s *Step) string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s %s %s", s.Kind, s.Key, s.Status.Name())
	if s.CompletedAt != 0 {
		fmt.Fprintf(b, " %d-%d", (s.StartedAt-origin)/second, (s.CompletedAt-origin)/second)
	}
	if s.Code != "" {
		fmt.Fprintf(b, " %s", s.Code)
	}
	for _, t := range s.Tries {
		fmt.Fprintf(b, " [%d", t.Try)
		if t.CompletedAt != 0 {
			fmt.Fprintf(b, " till %d", (t.CompletedAt-origin)/second)
		}
		if t.Code != "" {
			fmt.Fprintf(b, " %s", t.Code)
		}
		b.WriteString("]")
	}
	return b.String()
}

func TestStepsAsTheHistoryTellsThem(t *testing.T) {
	at := func(n int) Time { return origin + Time(n)*second }
	start := Event{Kind: EventStepStarted, Step: "a", Try: 1}
	done := Event{Kind: EventStepCompleted, Step: "a", Try: 1, Since: at(1), Body: []byte("1")}
	failed := Event{Kind: EventStepFailed, Step: "a", Try: 1, Since: at(1), Code: "down", Until: at(9)}
	dead := Event{Kind: EventStepFailed, Step: "a", Try: 1, Since: at(1), Code: "down"}
	sleep := Event{Kind: EventSleepStarted, Step: "s", Until: at(50)}
	for name, c := range map[string]struct {
		events []Event
		want   string
	}{
		"in flight":                    {history(start), "step a running [1]"},
		"announced and done":           {history(start, done), "step a completed 1-2 [1 till 2]"},
		"done at once":                 {history(Event{Kind: EventClaimed}, done), "step a completed 1-2 [1 till 2]"},
		"failed, tried again":          {history(start, failed), "step a running down [1 till 2 down]"},
		"failed for good":              {history(start, dead), "step a failed 1-2 down [1 till 2 down]"},
		"its worker was lost":          {history(start, Event{Kind: EventLeaseLost}), "step a running [1 till 2 lease_lost]"},
		"lost, and done by the next":   {history(start, Event{Kind: EventLeaseLost}, Event{Kind: EventClaimed}, start, done), "step a completed 1-5 [1 till 2 lease_lost] [1 till 5]"},
		"let go":                       {history(start, Event{Kind: EventReturned}), "step a running [1 till 2 interrupted]"},
		"cut off by another's backoff": {history(start, Event{Kind: EventRetried}, Event{Kind: EventClaimed}), "step a running [1 till 3 interrupted]"},
		"cancelled in flight":          {history(start, Event{Kind: EventCancelled}), "step a cancelled 1-2 [1 till 2 cancelled]"},
		"cancelled in backoff":         {history(failed, Event{Kind: EventFailed}), "step a cancelled 1-2 down [1 till 1 down]"},
		"cut off when it was decided":  {history(start, Event{Kind: EventFinalizing}), "step a cancelled 1-2 [1 till 2 cancelled]"},
		"done before the end":          {history(done, Event{Kind: EventCompleted}), "step a completed 1-1 [1 till 1]"},
		"a late notice":                {history(done, start), "step a completed 1-1 [1 till 1]"},
		"a second result is no result": {history(done, Event{Kind: EventStepFailed, Step: "a", Try: 2, Code: "down"}), "step a completed 1-1 [1 till 1]"},
		"announced twice":              {history(start, Event{Kind: EventStepStarted, Step: "a", Try: 2}), "step a running [1 till 2 interrupted] [2]"},
		"another try than announced":   {history(start, Event{Kind: EventStepCompleted, Step: "a", Try: 2}), "step a completed 1-2 [1 till 2 interrupted] [2 till 2]"},
		"asleep":                       {history(sleep), "sleep s waiting"},
		"slept":                        {history(Event{Kind: EventSleepStarted, Step: "s", Until: at(20)}), "sleep s completed 1-20"},
		"asleep when it ended":         {history(Event{Kind: EventSleepStarted, Step: "s", Until: at(20)}, Event{Kind: EventCompleted}), "sleep s cancelled 1-2"},
		"slept before it ended":        {history(Event{Kind: EventSleepStarted, Step: "s", Until: at(2)}, Event{Kind: EventCancelRequest}, Event{Kind: EventCancelled}), "sleep s completed 1-2"},
	} {
		steps := Steps(c.events, at(30))
		if len(steps) != 1 {
			t.Errorf("%s: %d steps", name, len(steps))
			continue
		}
		if got := told(steps[0]); got != c.want {
			t.Errorf("%s:\n  %s, want\n  %s", name, got, c.want)
		}
	}
}

func TestWhatTheNextWorkerIsTold(t *testing.T) {
	at := func(n int) Time { return origin + Time(n)*second }
	for name, c := range map[string]struct {
		events []Event
		want   string
	}{
		"nothing":          {nil, ""},
		"only announced":   {history(Event{Kind: EventStepStarted, Step: "a", Try: 1}), ""},
		"a result":         {history(Event{Kind: EventStepCompleted, Step: "a", Try: 2, Body: []byte("7")}), "a=7"},
		"a result of null": {history(Event{Kind: EventStepCompleted, Step: "a", Try: 1}), "a=null"},
		"an empty one":     {history(Event{Kind: EventStepCompleted, Step: "a", Try: 1, Body: []byte{}}), "a=null"},
		"a sleep":          {history(Event{Kind: EventSleepStarted, Step: "s", Until: at(40)}), "s until 40"},
		"a failed try":     {history(Event{Kind: EventStepFailed, Step: "a", Try: 2, Until: at(9), Code: "down"}), "a after 2 next 9"},
		"failed for good":  {history(Event{Kind: EventStepFailed, Step: "a", Try: 2, Code: "down", Message: "no"}), "a after 2 failed down no"},
		"failed, no code":  {history(Event{Kind: EventStepFailed, Step: "a", Try: 2}), "a after 2 failed error "},
		"known when resumed": {
			history(Event{Kind: EventStepFailed, Step: "a", Try: 2, Code: "down"}, Event{Kind: EventLeaseLost}, Event{Kind: EventClaimed}),
			"a after 2 failed down ",
		},
		"forgotten when retried": {
			history(Event{Kind: EventStepFailed, Step: "a", Try: 2, Code: "down"}, Event{Kind: EventStepFailed, Step: "b", Try: 1, Until: at(9)},
				Event{Kind: EventStepCompleted, Step: "c", Body: []byte("7")}, Event{Kind: EventSleepStarted, Step: "s", Until: at(40)}, Event{Kind: EventAttemptFailed}),
			"c=7, s until 40",
		},
		"and counted anew": {
			history(Event{Kind: EventStepFailed, Step: "a", Try: 2, Code: "down"}, Event{Kind: EventAttemptFailed}, Event{Kind: EventStepFailed, Step: "a", Try: 1, Until: at(9)}),
			"a after 1 next 9",
		},
		"a result outlives all": {
			history(Event{Kind: EventStepCompleted, Step: "a", Body: []byte("7")}, Event{Kind: EventAttemptFailed}, Event{Kind: EventStepFailed, Step: "a", Try: 3, Code: "down"},
				Event{Kind: EventStepCompleted, Step: "a", Body: []byte("8")}),
			"a=7",
		},
	} {
		var got []string
		for _, r := range RecordedSteps(c.events) {
			switch {
			case r.Kind == KindSleep:
				got = append(got, fmt.Sprintf("%s until %d", r.Step, (r.Until-origin)/second))
			case r.Output != nil:
				got = append(got, fmt.Sprintf("%s=%s", r.Step, r.Output))
			case r.Code != "":
				got = append(got, fmt.Sprintf("%s after %d failed %s %s", r.Step, r.Try, r.Code, r.Error))
			default:
				got = append(got, fmt.Sprintf("%s after %d next %d", r.Step, r.Try, (r.NextTry-origin)/second))
			}
		}
		if text := strings.Join(got, ", "); text != c.want {
			t.Errorf("%s: %q, want %q", name, text, c.want)
		}
	}
}

// TestRecordsAreWhatTheNextWorkerKeeps: the events of which a store allows one per step are those whose step stays.
func TestRecordsAreWhatTheNextWorkerKeeps(t *testing.T) {
	for k := EventKind(1); int(k) <= EventKinds; k++ {
		kept := RecordedSteps(history(Event{Kind: k, Step: "a", Try: 1}, Event{Kind: EventAttemptFailed}))
		if k.RecordsStep() != (len(kept) == 1) {
			t.Errorf("%s: RecordsStep %t, kept %+v", k, k.RecordsStep(), kept)
		}
	}
}
