package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Evidence is all that a judgement rests on.
type Evidence struct {
	Ledger *Ledger
	Work   *Work
	// Stored are all executions that the server has, with steps and events.
	Stored []*sojourn.Execution
	// Unlisted are those of them that the list of all executions left out.
	Unlisted []string
	// Deleted are the ids for which the server says that the execution was there and was removed.
	Deleted map[string]bool
	// Brief are the workflows whose executions the server may remove during the run.
	Brief map[string]bool
	// Operations are the requests of which histories are checked.
	Operations []Operation
	// Files are all files of which the outcome is known.
	Files []FileFact
	// Messages are the callbacks that arrived, and Called the keys whose starts asked for one.
	Messages []Message
	Called   map[string]bool
	// Losses are the worker sessions that were let die.
	Losses []Loss
	// Silent are the workflows whose workers also fall silent for reasons of their own, which are no Losses.
	Silent map[string]bool
	// Calm says that no worker was killed or stopped: no lease may have been lost.
	Calm bool
	// Open says that executions may still be under way: that all of them ended is not asked.
	Open bool
}

// Loss is a worker that was killed: what it held must be offered again in the time that G7 promises.
type Loss struct {
	Worker  string
	Killed  time.Time
	Expires time.Time // of its session, as the server said after the kill
	Until   time.Time // no other worker was lost between Killed and Until
}

// Violation is a broken promise.
type Violation struct {
	Rule    string `json:"rule"`
	Subject string `json:"subject"`
}

func (v Violation) String() string { return v.Rule + ": " + v.Subject }

// The rules.
const (
	AckedLost       = "acked_lost"       // G1: an acknowledged start is not stored
	RefusedStored   = "refused_stored"   // G1: a refused start is stored
	Unasked         = "unasked"          // an execution that nobody asked for
	Doubled         = "doubled"          // G2: two executions of one key
	RefusedRepeat   = "refused_repeat"   // G2: the repeat of an acknowledged start was refused
	WrongKey        = "wrong_key"        // G2: a key that names another key's execution
	IllegalEdge     = "illegal_edge"     // G3
	Gap             = "gap"              // G3: revisions are not 1, 2, 3 … up to the execution's own
	NotFinal        = "not_final"        // G4: something follows the final event, or a client saw another end
	WrongOutput     = "wrong_output"     // G4: another output than the handler's
	StepLost        = "step_lost"        // G5: an acknowledged step is not recorded
	StepRerun       = "step_rerun"       // G5: a recorded step ran again
	StepChanged     = "step_changed"     // G5: a step gave two results
	TwoHolders      = "two_holders"      // G6: claimed while another worker held it, or a report without a lease
	OfferedEarly    = "offered_early"    // G7: taken from a worker whose lease was not over
	OfferedLate     = "offered_late"     // G7: taken more than two seconds after the lease was over
	WronglyPoisoned = "wrongly_poisoned" // G7: failed as poison after fewer than five lost leases
	CancelLost      = "cancel_lost"      // G8: an acknowledged cancel left no trace
	CancelIgnored   = "cancel_ignored"   // G8: work was handed out or accepted after the cancel
	Unlisted        = "unlisted"         // G12: a list of everything leaves one out
	TimerEarly      = "timer_early"      // G9
	TellLost        = "tell_lost"        // G19: an acknowledged signal or decision is not in the history
	TellDoubled     = "tell_doubled"     // G19: a signal or decision counted twice
	TellRefusedKept = "tell_refused"     // G19: a refused one is in the history
	WrongSignal     = "wrong_signal"     // G19: waits did not take the signals in their order
	WentBack        = "went_back"        // G12: a client saw something that is not in the history
	Miscounted      = "miscounted"       // G13: attempts that do not count were counted
	LeaseLost       = "lease_lost"       // G13: a lease was lost although no worker died
	Unfinished      = "unfinished"       // an execution does not end
)

// Verdict is the judgement.
type Verdict struct {
	Violations []Violation
	Acked      int // starts that the server acknowledged
	Unknown    int
	Stored     int // executions, with those that were removed meanwhile
	Steps      int // acknowledged steps
	Told       int // acknowledged signals and decisions
	Returned   int // claims taken back that did not count
	Lost       int // leases lost
	Poisoned   int
	Files      int
	Messages   int            // attempts of callbacks
	Operations int            // of histories that were checked
	Histories  map[string]int // with more than one operation, by model
	Undecided  int            // histories for which no order was found or excluded in time
	States     map[string]int // how many executions were seen in a state
	Edges      map[string]int // "a → b": how often
	Events     map[string]int // by type
}

func (v *Verdict) fail(rule, format string, args ...any) {
	v.Violations = append(v.Violations, Violation{rule, fmt.Sprintf(format, args...)})
}

// Rules are how many violations there are of each rule.
func (v *Verdict) Rules() map[string]int {
	n := map[string]int{}
	for _, x := range v.Violations {
		n[x.Rule]++
	}
	return n
}

// Merge adds another verdict.
func (v *Verdict) Merge(w *Verdict) {
	if v.States == nil {
		v.States, v.Edges, v.Events = map[string]int{}, map[string]int{}, map[string]int{}
	}
	if v.Histories == nil {
		v.Histories = map[string]int{}
	}
	v.Violations = append(v.Violations, w.Violations...)
	v.Acked += w.Acked
	v.Unknown += w.Unknown
	v.Stored += w.Stored
	v.Steps += w.Steps
	v.Told += w.Told
	v.Returned += w.Returned
	v.Lost += w.Lost
	v.Poisoned += w.Poisoned
	v.Files += w.Files
	v.Messages += w.Messages
	v.Operations += w.Operations
	v.Undecided += w.Undecided
	for into, from := range map[*map[string]int]map[string]int{&v.States: w.States, &v.Edges: w.Edges, &v.Events: w.Events, &v.Histories: w.Histories} {
		for k, n := range from {
			(*into)[k] += n
		}
	}
}

// KeyOf is the idempotency key of an execution: clients put it into the input.
func KeyOf(x *sojourn.Execution) string {
	var in struct {
		Key string `json:"key"`
	}
	if json.Unmarshal(x.Input, &in) != nil {
		return ""
	}
	return in.Key
}

// Judge compares.
func Judge(e *Evidence) *Verdict {
	v := &Verdict{
		Acked: e.Ledger.Acks, Unknown: e.Ledger.Unknown, Stored: len(e.Stored) + len(e.Deleted),
		States: map[string]int{}, Edges: map[string]int{}, Events: map[string]int{},
	}
	byID := make(map[string]*sojourn.Execution, len(e.Stored))
	byKey := make(map[string][]string, len(e.Stored))
	for _, x := range e.Stored {
		byID[x.ID] = x
		byKey[KeyOf(x)] = append(byKey[KeyOf(x)], x.ID)
	}
	v.starts(e, byID, byKey)
	for _, x := range e.Stored {
		v.history(e, x)
	}
	for _, id := range e.Unlisted {
		v.fail(Unlisted, "%s", id)
	}
	v.cancels(e, byID)
	v.sights(e, byID)
	v.told(e, byID)
	v.steps(e, byID)
	v.linear(e.Operations)
	v.files(e)
	v.callbacks(e, byID)
	for _, loss := range e.Losses {
		v.loss(e, loss)
	}
	return v
}

// starts checks G1 and G2: acked ⊆ stored, refused ∩ stored = ∅, stored ⊆ asked for, one execution per key.
func (v *Verdict) starts(e *Evidence, byID map[string]*sojourn.Execution, byKey map[string][]string) {
	for _, key := range slices.Sorted(maps.Keys(e.Ledger.Keys)) {
		k := e.Ledger.Keys[key]
		ids := slices.Compact(slices.Sorted(slices.Values(k.Acked)))
		for _, id := range ids {
			switch x := byID[id]; {
			case x != nil && KeyOf(x) != key:
				v.fail(WrongKey, "%s was answered for key %s and belongs to key %s", id, key, KeyOf(x))
			case x == nil && !(e.Deleted[id] && e.Brief[k.Workflow]):
				v.fail(AckedLost, "%s of workflow %s, key %s", id, k.Workflow, key)
			}
		}
		if len(ids) > 1 {
			v.fail(Doubled, "key %s was answered with %v", key, ids)
		}
		if k.Refused > 0 && len(k.Acked) > 0 {
			v.fail(RefusedRepeat, "key %s", key)
		}
		if k.Refused > 0 && k.Unknown == 0 && len(k.Acked) == 0 && len(byKey[key]) > 0 {
			v.fail(RefusedStored, "%v, key %s", byKey[key], key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		if e.Ledger.Keys[key] == nil {
			v.fail(Unasked, "%v, key %q", byKey[key], key)
		} else if len(byKey[key]) > 1 {
			v.fail(Doubled, "key %s has executions %v", key, byKey[key])
		}
	}
}

// cancels checks G8 as far as the requests are concerned; history checks what followed.
func (v *Verdict) cancels(e *Evidence, byID map[string]*sojourn.Execution) {
	for _, id := range slices.Sorted(maps.Keys(e.Ledger.Cancels)) {
		c := e.Ledger.Cancels[id]
		x := byID[id]
		if x == nil {
			continue // judged as lost already, or removed by its retention
		}
		trace := slices.ContainsFunc(x.Events, func(ev sojourn.Event) bool {
			return ev.Type == "cancel_requested" || ev.Type == "cancelled"
		})
		if len(c.Acked) > 0 && !trace {
			v.fail(CancelLost, "%s answered %v and is %s", id, c.Acked, x.Status)
		}
		for _, status := range append(slices.Clone(c.Refused), c.Acked...) {
			if sojourn.Status(status).Terminal() && x.Status != sojourn.Status(status) {
				v.fail(NotFinal, "the answer to a cancel said that %s was %s, and it is %s", id, status, x.Status)
			}
		}
	}
}

// sights checks that what clients saw is still true.
func (v *Verdict) sights(e *Evidence, byID map[string]*sojourn.Execution) {
	for _, s := range e.Ledger.Sights {
		x := byID[s.Execution]
		switch {
		case x == nil:
		case s.Revision > x.Revision:
			v.fail(WentBack, "%s was seen at revision %d and is at %d", s.Execution, s.Revision, x.Revision)
		case sojourn.Status(s.Status).Terminal() && (string(x.Status) != s.Status || x.Revision != s.Revision):
			v.fail(NotFinal, "%s was seen %s at revision %d and is %s at %d", s.Execution, s.Status, s.Revision, x.Status, x.Revision)
		}
	}
}

// steps checks G5.
func (v *Verdict) steps(e *Evidence, byID map[string]*sojourn.Execution) {
	type step struct{ execution, name string }
	type tried struct {
		step
		worker  string
		attempt int
	}
	values := map[step]string{}
	returned := map[tried]time.Time{} // when the step first returned its result to this attempt
	v.Steps += len(e.Work.Results)
	for _, r := range e.Work.Results {
		s := step{r.Execution, r.Step}
		if old, ok := values[s]; ok && old != r.Value {
			v.fail(StepChanged, "%s of %s gave %s and %s", r.Step, r.Execution, old, r.Value)
		}
		values[s] = r.Value
		t := tried{s, r.Worker, r.Attempt}
		if at, ok := returned[t]; !ok || r.At.Before(at) {
			returned[t] = r.At
		}
	}
	for _, s := range slices.SortedFunc(maps.Keys(values), func(a, b step) int {
		return slices.Compare([]string{a.execution, a.name}, []string{b.execution, b.name})
	}) {
		x := byID[s.execution]
		if x == nil {
			continue // judged as lost already, or removed by its retention
		}
		if recordedAt(x, s.name) == 0 {
			v.fail(StepLost, "%s of %s returned %s", s.name, s.execution, values[s])
			continue
		}
		for _, r := range x.Steps {
			var value string
			if r.Name == s.name && json.Unmarshal(r.Output, &value) == nil && value != values[s] {
				v.fail(StepChanged, "%s of %s gave %s and is stored as %s", s.name, s.execution, values[s], value)
			}
		}
	}
	for _, r := range e.Work.Runs {
		x := byID[r.Execution]
		if x == nil {
			continue
		}
		recorded := recordedAt(x, r.Step)
		if recorded == 0 {
			continue
		}
		// A worker that was stopped, or given up while it was slow, may run a step that another has recorded meanwhile;
		// it got the execution before that. Whoever got it afterwards got the record too.
		before, claims := false, 0
		for _, ev := range x.Events {
			if ev.Type == "claimed" && ev.Attempt == r.Attempt {
				claims++
				before = before || ev.Revision < recorded
			}
		}
		at, same := returned[tried{step{r.Execution, r.Step}, r.Worker, r.Attempt}]
		if !before || claims == 1 && same && r.At.After(at) {
			v.fail(StepRerun, "%s of %s, recorded at revision %d, ran again in attempt %d on worker %s", r.Step, r.Execution, recorded, r.Attempt, r.Worker)
		}
	}
}

// recordedAt is the revision at which a step's result was recorded, 0: never.
func recordedAt(x *sojourn.Execution, step string) int64 {
	for _, ev := range x.Events {
		if ev.Type == "step_completed" && ev.Step == step {
			return ev.Revision
		}
	}
	return 0
}

// recoverWithin is the time after the end of a lease in which G7 promises a new offer.
const recoverWithin = 2 * time.Second

// loss checks G7 for one worker.
func (v *Verdict) loss(e *Evidence, l Loss) {
	for _, x := range e.Stored {
		if e.Silent[workflowOf(x)] {
			continue
		}
		for _, ev := range x.Events {
			taken := ev.Type == "lease_lost" || ev.Type == "failed" && ev.Code == "poison"
			if !taken || ev.At.Before(l.Killed) || ev.At.After(l.Until) {
				continue
			}
			// The API cuts times to milliseconds.
			switch late := ev.At.Sub(l.Expires); {
			case late < -time.Millisecond:
				v.fail(OfferedEarly, "%s was taken from %s %s before its lease was over", x.ID, l.Worker, -late)
			case late > recoverWithin:
				v.fail(OfferedLate, "%s was taken from %s %s after its lease was over", x.ID, l.Worker, late)
			}
		}
	}
}
