package check

import (
	"slices"

	"github.com/sojournhq/sojourn/sdk/go"
)

// Message is one attempt of a callback as its receiver got it.
type Message struct {
	ID        string
	Execution string
	Status    string
	Revision  int64
	Body      string // what tells two bodies apart
	Refused   bool   // the receiver answered that it failed
}

// The rules for callbacks.
const (
	CallbackLost    = "callback_lost"    // G11: an execution ended, and its callback was told nothing that it accepted
	CallbackChanged = "callback_changed" // G11: two attempts differ, or two messages tell of one end
	CallbackWrong   = "callback_wrong"   // G11: a message tells of what is not so
)

// callbacks checks what receivers were told.
func (v *Verdict) callbacks(e *Evidence, byID map[string]*sojourn.Execution) {
	told := map[string][]Message{}
	for _, m := range e.Messages {
		told[m.Execution] = append(told[m.Execution], m)
	}
	v.Messages += len(e.Messages)
	for id, list := range told {
		for _, m := range list {
			if m.ID != list[0].ID || m.Body != list[0].Body {
				v.fail(CallbackChanged, "%s of %s, and %s", m.ID, id, list[0].ID)
				break
			}
		}
		x := byID[id]
		if x == nil {
			v.fail(CallbackWrong, "%s tells of %s, which is not stored", list[0].ID, id)
		} else if m := list[0]; m.Status != string(x.Status) || m.Revision != x.Revision {
			v.fail(CallbackWrong, "%s tells that %s is %s at revision %d, and it is %s at %d", m.ID, id, m.Status, m.Revision, x.Status, x.Revision)
		}
	}
	for _, x := range byID {
		if e.Called[KeyOf(x)] && x.Status.Terminal() && !slices.ContainsFunc(told[x.ID], func(m Message) bool { return !m.Refused }) {
			v.fail(CallbackLost, "%s is %s, and nobody was told, %d refused", x.ID, x.Status, len(told[x.ID]))
		}
	}
}
