package execution

import (
	"cmp"
	"slices"
)

// StepStatus is the state of one step as its execution's history tells it.
type StepStatus uint8

// The states of a step.
const (
	StepRunning  StepStatus = iota // a try is in flight
	StepBackoff                    // no try is in flight, the next one waits: for its time or for a worker
	StepSleeping                   // a durable sleep that has not ended
	StepCompletedStatus
	StepFailedStatus    // failed for good in the current attempt of the handler
	StepCancelledStatus // the outcome was decided while it was in flight
	StepAwaiting        // a wait for a signal or an approval that has not ended
	StepRejectedStatus  // an approval that was refused
)

// Name is the state in the words of the nine states of an execution.
func (s StepStatus) Name() string {
	return [...]string{"running", "running", "waiting", "completed", "failed", "cancelled", "waiting", "rejected"}[s]
}

// Step is one step of an execution, put together from its events.
type Step struct {
	Key         string
	Kind        string // KindStep, KindSleep, KindSignal or KindApproval
	Status      StepStatus
	Try         int32 // the latest try, from 1
	Hash        uint64
	StartedAt   Time
	CompletedAt Time
	Until       Time // end of a sleep, timeout of a wait, time of the next try
	Code        string
	Message     string
	Details     []byte
	Name        string   // of a wait
	Payload     []byte   // of a wait: what its approver sees
	Ended       *WaitEnd // of a wait, nil while it is open
	Output      []byte
	Revision    int64 // of the event that decided its present state
	Tries       []StepTry
	Overridden  bool // it did not run: its output came with the start
}

// StepTry is one finished or running try of a step.
type StepTry struct {
	Try         int32
	Attempt     int32  // the execution's attempt it belonged to
	StartedAt   Time   // zero: unknown
	CompletedAt Time   // zero while running
	Code        string // empty for a success or while running
	Message     string
}

// WaitEnd is how a wait ended.
type WaitEnd struct {
	Outcome WaitOutcome
	Payload []byte // of the signal or the decision, as JSON; may be nil
	Comment string // of a decision
	By      string // who decided, as shown to people
}

// Codes of tries that ended without a result.
const (
	TryLost        = "lease_lost"  // its worker was lost
	TryInterrupted = "interrupted" // its worker let go of the execution
	TryCancelled   = "cancelled"   // the execution's outcome was decided
)

// Kinds of steps.
const (
	KindStep     = "step"
	KindSleep    = "sleep"
	KindSignal   = string(WaitForSignal)
	KindApproval = string(WaitForApproval)
	// KindWait is a wait of either kind in what a worker is told.
	KindWait = "wait"
)

// Steps folds an execution's events, in order of revision, into its steps in order of their first event. now decides
// whether a sleep is over.
func Steps(events []Event, now Time) []*Step {
	f := stepFold{byKey: map[string]*Step{}, mail: mail{}}
	for i := range events {
		f.add(&events[i], now)
	}
	return f.steps
}

type stepFold struct {
	steps []*Step
	byKey map[string]*Step
	mail  mail
}

// mail is the signals that no wait has taken, by name, each with its payload.
type mail map[string][][]byte

// end is how the event ends a wait of the name. The oldest signal of that name goes with it when it took one.
func (m mail) end(name string, e *Event) *WaitEnd {
	end := &WaitEnd{Outcome: WaitOutcome(e.Code), Payload: e.Body, Comment: e.Message, By: e.Signer()}
	if kept := m[name]; end.Outcome == WaitReceived && len(kept) > 0 {
		end.Payload, m[name] = kept[0], kept[1:]
	}
	return end
}

func (f *stepFold) add(e *Event, now Time) {
	switch e.Kind {
	case EventStepStarted:
		if s := f.at(e); s != nil {
			s.close(TryInterrupted, e.At)
			s.Status, s.Until, s.CompletedAt = StepRunning, 0, 0
			s.Tries = append(s.Tries, StepTry{Try: e.Try, Attempt: e.Attempt, StartedAt: e.At})
		}
	case EventStepCompleted:
		if s := f.at(e); s != nil {
			s.ended(e)
			s.Status, s.CompletedAt, s.Output = StepCompletedStatus, e.At, e.Body
			s.Code, s.Message, s.Details, s.Until = "", "", nil, 0
		}
	case EventStepFailed:
		if s := f.at(e); s != nil {
			s.ended(e)
			s.Code, s.Message, s.Details, s.Until = e.Code, e.Message, e.Details, e.Until
			s.Status, s.CompletedAt = StepFailedStatus, e.At
			if e.Until != 0 {
				s.Status, s.CompletedAt = StepBackoff, 0
			}
		}
	case EventSleepStarted:
		if s := f.at(e); s != nil {
			s.close(TryInterrupted, e.At)
			s.Kind, s.Status, s.Until, s.CompletedAt = KindSleep, StepSleeping, e.Until, 0
			s.Code, s.Message, s.Details = "", "", nil
			if e.Until <= now {
				s.Status, s.CompletedAt = StepCompletedStatus, e.Until
			}
		}
	case EventWaitStarted:
		if s := f.at(e); s != nil {
			s.close(TryInterrupted, e.At)
			s.Kind, s.Name, s.Status, s.Until, s.CompletedAt, s.Payload = e.Code, e.WaitName(), StepAwaiting, e.Until, 0, e.Body
			s.Code, s.Message, s.Details = "", "", nil
		}
	case EventSignalled:
		f.mail[e.Step] = append(f.mail[e.Step], e.Body)
	case EventWaitEnded:
		if s := f.byKey[e.Step]; s != nil && s.Status == StepAwaiting {
			s.Ended, s.Revision, s.Status, s.CompletedAt = f.mail.end(s.Name, e), e.Revision, StepCompletedStatus, e.At
			if s.Ended.Outcome == WaitRejected {
				s.Status = StepRejectedStatus
			}
		}
	case EventLeaseLost:
		f.interrupt(TryLost, e.At)
	case EventClaimed, EventReturned, EventSuspended, EventAttemptFailed:
		f.interrupt(TryInterrupted, e.At)
	case EventFinalizing, EventCompleted, EventFailed, EventCancelled, EventRejected:
		f.interrupt(TryCancelled, e.At)
		for _, s := range f.steps {
			if s.Status == StepBackoff || s.Status == StepSleeping || s.Status == StepAwaiting || s.CompletedAt > e.At {
				s.Status, s.CompletedAt = StepCancelledStatus, e.At
			}
		}
	default: // tells nothing about steps
	}
}

// at is the step that the event belongs to, or nil when the step has its result already: nothing changes that.
func (f *stepFold) at(e *Event) *Step {
	s := f.byKey[e.Step]
	switch {
	case s == nil:
		s = &Step{Key: e.Step, Kind: KindStep, StartedAt: e.At}
		if e.Since != 0 {
			s.StartedAt = e.Since
		}
		f.byKey[e.Step], f.steps = s, append(f.steps, s)
	case s.Status == StepCompletedStatus || s.Kind != KindStep:
		return nil
	}
	s.Revision = e.Revision
	if e.Try > 0 {
		s.Try = e.Try
	}
	if e.Hash != 0 {
		s.Hash = e.Hash
	}
	return s
}

// ended closes the try that is in flight, or adds one that nobody had announced.
func (s *Step) ended(e *Event) {
	s.StartedAt = earliest(s.StartedAt, e.Since)
	t := StepTry{Try: e.Try, Attempt: e.Attempt, StartedAt: e.Since, CompletedAt: e.At, Code: e.Code, Message: e.Message}
	if n := len(s.Tries); n > 0 && s.Tries[n-1].Try == e.Try && s.Tries[n-1].CompletedAt == 0 {
		t.StartedAt = cmp.Or(t.StartedAt, s.Tries[n-1].StartedAt)
		s.Tries[n-1] = t
		return
	}
	s.close(TryInterrupted, e.At)
	s.Tries = append(s.Tries, t)
}

// close ends a try in flight that has no result and will have none.
func (s *Step) close(code string, at Time) {
	for i := range s.Tries {
		if s.Tries[i].CompletedAt == 0 {
			s.Tries[i].CompletedAt, s.Tries[i].Code = at, code
		}
	}
}

// interrupt closes every try in flight without a result.
func (f *stepFold) interrupt(code string, at Time) {
	for _, s := range f.steps {
		if s.Status != StepRunning {
			continue
		}
		s.Status = StepBackoff
		s.close(code, at)
	}
}

// Recorded is what a worker that takes an execution over must know of a step, a sleep or a wait.
type Recorded struct {
	Step   string
	Kind   string // KindStep, KindSleep or KindWait
	Hash   uint64
	Output []byte   // the result of a completed step
	Until  Time     // the end of a sleep, the timeout of a wait, zero: none
	Wait   WaitKind // of a wait
	Name   string   // of a wait
	Ended  *WaitEnd // of a wait, nil while it is open
	Try    int32    // tries of a step that has no result yet
	Code   string   // set when the step failed for good in this attempt of the handler
	Error  string
	// NextTry is when a failed step may be tried again, zero: at once.
	NextTry Time
	// Overridden says that the output came with the start: the step has not run and must not.
	Overridden bool
}

// RecordedSteps is what the events of an execution tell the next worker, in order. A step's result, a sleep or a wait
// stays as it was first recorded. A step without one is forgotten when the handler's attempt is retried, tries and all, so that
// the retry runs it again.
func RecordedSteps(events []Event) []Recorded {
	var out []Recorded
	index := map[string]int{}
	letters := mail{}
	at := func(e *Event) *Recorded {
		i, ok := index[e.Step]
		if !ok {
			i = len(out)
			index[e.Step], out = i, append(out, Recorded{Step: e.Step, Kind: KindStep})
		}
		return &out[i]
	}
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case EventStepCompleted:
			if r := at(e); !r.done() {
				*r = Recorded{Step: e.Step, Kind: KindStep, Hash: cmp.Or(e.Hash, r.Hash), Output: e.Body, Try: e.Try}
				if len(r.Output) == 0 {
					r.Output = []byte("null")
				}
			}
		case EventStepFailed:
			if r := at(e); !r.done() {
				r.Hash, r.Try, r.NextTry, r.Code, r.Error = cmp.Or(e.Hash, r.Hash), e.Try, e.Until, "", ""
				if e.Until == 0 {
					r.Code, r.Error = cmp.Or(e.Code, ErrorGeneric), e.Message
				}
			}
		case EventSleepStarted:
			if r := at(e); !r.done() {
				*r = Recorded{Step: e.Step, Kind: KindSleep, Until: e.Until}
			}
		case EventWaitStarted:
			if r := at(e); !r.done() {
				*r = Recorded{Step: e.Step, Kind: KindWait, Wait: WaitKind(e.Code), Name: e.WaitName(), Until: e.Until}
			}
		case EventSignalled:
			letters[e.Step] = append(letters[e.Step], e.Body)
		case EventWaitEnded:
			if r := at(e); r.Kind == KindWait && r.Ended == nil {
				r.Ended = letters.end(r.Name, e)
			}
		case EventAttemptFailed:
			for j := range out {
				if r := &out[j]; !r.done() {
					*r = Recorded{Step: r.Step, Kind: KindStep}
				}
			}
		default: // tells nothing that the next worker must know
		}
	}
	return slices.DeleteFunc(out, func(r Recorded) bool { return !r.done() && r.Try == 0 })
}

// done reports whether the step, sleep or wait has its one record.
func (r *Recorded) done() bool { return r.Kind != KindStep || r.Output != nil }
