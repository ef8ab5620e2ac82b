package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// NotLinear is a history that no order of its operations explains.
const NotLinear = "not_linearizable"

// The sequential models of which histories are checked.
const (
	// StartOnce: one key makes one execution, of one request.
	StartOnce = "start_once"
	// Register: what is read of an execution never goes back, and it ends once.
	Register = "register"
	// Leases: only who has the current lease of an execution is heard.
	Leases = "leases"
)

// What an operation did, by model, with the outcomes it can have. Any of them may also be NoAnswer.
const (
	DoStart    = "start"    // StartOnce, Input is the request: Created, Repeated or Mismatch
	DoGet      = "get"      // Register: Seen with status and revision
	DoCancel   = "cancel"   // Register: Accepted or Ended with the status
	DoComplete = "complete" // Register: Accepted or Ended; Leases, Input is the lease: Accepted, Stale or Ended
	DoClaim    = "claim"    // Leases, Input is the lease: Accepted
	DoReport   = "report"   // Leases, Input is the lease: Accepted, Stale or Ended
)

// Outcomes of operations.
const (
	Created  = "created"
	Repeated = "repeated"
	Mismatch = "mismatch"
	Accepted = "accepted"
	Stale    = "stale"
	Ended    = "ended"
	SawIt    = "saw"
	NoAnswer = "no_answer" // it may have happened, or happen later
)

// Operation is one request of a client or a worker.
type Operation struct {
	Model   string        `json:"model"`
	Subject string        `json:"subject"` // key or execution
	Client  int           `json:"client"`
	Call    time.Duration `json:"call"`   // on one monotonic clock
	Return  time.Duration `json:"return"` // without meaning when there was no answer

	Do       string `json:"do"`
	Input    string `json:"input,omitempty"`
	Outcome  string `json:"outcome"`
	ID       string `json:"id,omitempty"` // of the execution, in answers to starts
	Status   string `json:"status,omitempty"`
	Revision int64  `json:"revision,omitempty"`
}

func (o Operation) String() string {
	return strings.Join(strings.Fields(fmt.Sprintf("[%s-%s] client %d %s %s %s %s %s",
		o.Call.Round(time.Microsecond), o.Return.Round(time.Microsecond), o.Client, o.Do, o.Input, o.Outcome, o.ID, o.Status)), " ")
}

// patienceOfCheck is how long the search for an order of one history may take.
const patienceOfCheck = 10 * time.Second

// linear checks every history: is there an order of its operations, within the times in which they were under way, that
// one server with one copy of the data could have shown? It returns how many operations were checked.
func (v *Verdict) linear(operations []Operation) {
	type history struct{ model, subject string }
	parts := map[history][]Operation{}
	for _, o := range operations {
		h := history{o.Model, o.Subject}
		parts[h] = append(parts[h], o)
	}
	for _, h := range slices.SortedFunc(maps.Keys(parts), func(a, b history) int {
		return cmp.Or(cmp.Compare(a.model, b.model), cmp.Compare(a.subject, b.subject))
	}) {
		list := parts[h]
		v.Operations += len(list)
		if v.Histories == nil {
			v.Histories = map[string]int{}
		}
		if len(list) > 1 {
			v.Histories[h.model]++
		}
		model, ok := models[h.model]
		if !ok {
			v.fail(NotLinear, "%s has operations of unknown model %q", h.subject, h.model)
			continue
		}
		end := time.Duration(0)
		for _, o := range list {
			end = max(end, o.Call, o.Return)
		}
		calls := make([]porcupine.Operation, len(list))
		for i, o := range list {
			back := max(o.Return, o.Call)
			if o.Outcome == NoAnswer {
				back = end + 1
			}
			calls[i] = porcupine.Operation{ClientId: o.Client, Input: o, Call: int64(o.Call), Return: int64(back)}
		}
		switch porcupine.CheckOperationsTimeout(model, calls, patienceOfCheck) {
		case porcupine.Ok:
		case porcupine.Illegal:
			slices.SortFunc(list, func(a, b Operation) int { return cmp.Compare(a.Call, b.Call) })
			text := make([]string, len(list))
			for i, o := range list {
				text[i] = o.String()
			}
			v.fail(NotLinear, "%s of %s: %s", h.model, h.subject, strings.Join(text, "; "))
		default:
			v.Undecided++
		}
	}
}

var models = map[string]porcupine.Model{
	StartOnce: model(startOnce{}, startOnce.step),
	Register:  model(register{}, register.step),
	Leases:    model(leases{}, leases.step),
}

// model wraps a state with its step. Everything of an operation is in its input.
func model[S comparable](first S, step func(S, Operation) (bool, S)) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return first },
		Step: func(state, input, _ any) (bool, any) { return step(state.(S), input.(Operation)) },
	}
}

// startOnce is one idempotency key.
type startOnce struct {
	used        bool
	request, id string // the id is empty until an answer names it
}

func (s startOnce) step(o Operation) (bool, startOnce) {
	switch o.Outcome {
	case Created:
		return !s.used, startOnce{true, o.Input, o.ID}
	case Repeated:
		return s.used && s.request == o.Input && (s.id == "" || s.id == o.ID), startOnce{true, o.Input, o.ID}
	case Mismatch:
		return s.used && s.request != o.Input, s
	case NoAnswer:
		if !s.used {
			s = startOnce{true, o.Input, ""}
		}
		return true, s
	}
	return false, s
}

// register is one execution as clients see it. What nobody saw may have happened at any time: the engine's own changes,
// and those of requests without an answer.
type register struct {
	revision int64 // at least
	status   string
	exact    bool // the revision is that, and the status is known for it
	final    bool
}

func final(status string) bool {
	return status == "completed" || status == "failed" || status == "cancelled" || status == "rejected"
}

func (s register) step(o Operation) (bool, register) {
	switch {
	case o.Outcome == NoAnswer:
		return true, s
	case o.Do == DoComplete && o.Outcome == Accepted:
		return !s.final, register{revision: s.revision + 1, status: "completed", final: true}
	case o.Outcome == Ended:
		if s.final {
			return o.Status == "" || s.status == o.Status, s
		}
		if o.Status == "" {
			return true, s // it ended, nobody says how
		}
		return true, register{revision: s.revision + 1, status: o.Status, final: true}
	case o.Outcome == SawIt || o.Outcome == Accepted:
		same := register{o.Revision, o.Status, true, final(o.Status)}
		switch {
		case o.Revision < s.revision, s.final && o.Status != s.status, s.exact && s.final && o.Revision != s.revision,
			s.exact && o.Revision == s.revision && o.Status != s.status:
			return false, s
		}
		return true, same
	}
	return false, s
}

// leases is one execution as its holders see it. A lease can be lost at any time, by the clock of the server.
type leases struct {
	holder string // lease of the current holder, empty: nobody
	over   bool
}

func (s leases) step(o Operation) (bool, leases) {
	mine := s.holder == o.Input && !s.over
	switch {
	case o.Do == DoClaim && o.Outcome == Accepted:
		return !s.over, leases{holder: o.Input}
	case o.Outcome == Accepted:
		return mine, leases{s.holder, o.Do == DoComplete}
	case o.Outcome == Stale:
		if mine {
			s.holder = ""
		}
		return true, s
	case o.Outcome == Ended:
		return true, leases{s.holder, true}
	case o.Outcome == NoAnswer:
		if mine && o.Do == DoComplete {
			s.over = true
		}
		return true, s
	}
	return false, s
}
