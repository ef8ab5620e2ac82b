package execution

import (
	"encoding/json"
	"slices"
)

// Inbox is what an execution waits for and the signals that wait for it: its open waits, the signals that no wait has
// taken, and the keys by which a repeated signal is known; also why it was asked to stop. It is empty for almost all
// executions.
//
// It is written as text, so that an execution stays a flat value that can be copied and compared, and it is nothing but
// a summary of the events: FoldInbox makes it anew.
type Inbox string

// Wait is one open wait.
type Wait struct {
	Step     string   `json:"s"`
	Kind     WaitKind `json:"k"`
	Name     string   `json:"n"`
	Since    Time     `json:"at"`
	Until    Time     `json:"u,omitempty"` // when it times out, zero: never
	Revision int64    `json:"r"`           // of the event that began it, which has what its approver sees
}

// over reports whether the wait has timed out, even if nobody has noted it yet: nothing ends it any more but that.
func (w *Wait) over(now Time) bool { return w.Until != 0 && w.Until <= now }

// kept is how many signals of a name no wait has taken.
type kept struct {
	Name string `json:"n"`
	N    int    `json:"c"`
}

// inbox is an Inbox taken apart.
type inbox struct {
	Waits []Wait   `json:"w,omitempty"` // oldest first
	Kept  []kept   `json:"k,omitempty"` // by the oldest signal that was ever kept
	Keys  []uint64 `json:"i,omitempty"` // fingerprints of the latest signals' idempotency keys, oldest first
	// Ended says that a wait ended behind the back of the worker that holds the lease.
	Ended bool `json:"e,omitempty"`
	// Note is why the holder was asked to stop, in the words of whoever asked; the end repeats it.
	Note string `json:"n,omitempty"`
}

func (b Inbox) open() (in inbox) {
	if b != "" {
		_ = json.Unmarshal([]byte(b), &in) // a damaged one is empty; the audit compares it with the history
	}
	return in
}

func (in *inbox) close() Inbox {
	if len(in.Waits) == 0 && len(in.Kept) == 0 && len(in.Keys) == 0 && !in.Ended && in.Note == "" {
		return ""
	}
	b, _ := json.Marshal(in) // texts and numbers cannot fail
	return Inbox(b)
}

// Waits are the open waits, oldest first.
func (b Inbox) Waits() []Wait {
	if b == "" {
		return nil
	}
	in := b.open()
	return in.Waits
}

// Unseen reports whether a wait ended since the claim without the worker having been told in answer to a question.
func (b Inbox) Unseen() bool { return b != "" && b.open().Ended }

// until is the earliest instant at which an open wait times out, zero when none does.
func (b Inbox) until() (until Time) {
	for _, w := range b.Waits() {
		until = earliest(until, w.Until)
	}
	return until
}

// FoldInbox is the inbox that the events of an execution, from its first, leave behind.
func FoldInbox(events []Event) (b Inbox) {
	for i := range events {
		b = b.after(&events[i])
	}
	return b
}

// after is the inbox as the event leaves it.
func (b Inbox) after(e *Event) Inbox {
	switch e.Kind {
	case EventClaimed:
		if b == "" {
			return b
		}
		in := b.open()
		if !in.Ended {
			return b
		}
		in.Ended = false
		return in.close()
	case EventCancelRequest:
		if e.Message == "" {
			return b
		}
		in := b.open()
		in.Note = e.Message
		return in.close()
	case EventWaitStarted:
		in := b.open()
		in.Waits = append(in.Waits, Wait{
			Step: e.Step, Kind: WaitKind(e.Code), Name: e.WaitName(), Since: e.At, Until: e.Until, Revision: e.Revision,
		})
		return in.close()
	case EventSignalled:
		in := b.open()
		in.keep(e.Step, 1)
		if e.Hash != 0 {
			in.Keys = append(in.Keys, e.Hash)
			in.Keys = in.Keys[max(0, len(in.Keys)-SignalKeys):]
		}
		return in.close()
	case EventWaitEnded:
		in := b.open()
		i := slices.IndexFunc(in.Waits, func(w Wait) bool { return w.Step == e.Step })
		if i < 0 {
			return b
		}
		if WaitOutcome(e.Code) == WaitReceived {
			in.keep(in.Waits[i].Name, -1)
		}
		in.Waits = slices.Delete(in.Waits, i, i+1)
		in.Ended = in.Ended || e.Actor.Kind != ActorSession
		return in.close()
	case EventFinalizing, EventCompleted, EventFailed, EventCancelled, EventRejected:
		if b == "" {
			return b
		}
		in := b.open()
		return (&inbox{Keys: in.Keys}).close() // a signal that is sent again is still known
	default:
		return b
	}
}

// keep counts signals of a name that no wait has taken.
func (in *inbox) keep(name string, n int) {
	i := slices.IndexFunc(in.Kept, func(k kept) bool { return k.Name == name })
	switch {
	case i < 0 && n > 0:
		in.Kept = append(in.Kept, kept{name, n})
	case i < 0:
	case in.Kept[i].N+n <= 0:
		in.Kept = slices.Delete(in.Kept, i, i+1)
	default:
		in.Kept[i].N += n
	}
}

// count is how many signals of the name, or with "" of all names, are kept.
func (in *inbox) count(name string) (n int) {
	for _, k := range in.Kept {
		if name == "" || k.Name == name {
			n += k.N
		}
	}
	return n
}

// oldest is the oldest open wait that the choice takes and that has not timed out, nil when there is none.
func (in *inbox) oldest(now Time, choice func(*Wait) bool) *Wait {
	for i := range in.Waits {
		if w := &in.Waits[i]; !w.over(now) && choice(w) {
			return w
		}
	}
	return nil
}
