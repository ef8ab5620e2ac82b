// Package check judges a torture run: it compares what clients and workers wrote down for certain with what the server
// has stored, by the promises of docs/guarantees.md. It knows the server only from outside.
package check

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/torture/journal"
)

// Kinds of lines in the clients' journal, with their fields.
const (
	Intent        = "intent"         // key, workflow: a start is about to be sent
	Acked         = "ack"            // key, execution: answered with 201
	Replayed      = "replay"         // key, execution: answered with 200, the key was used before
	Refused       = "refused"        // key, status: answered with an error after which nothing may have happened
	Unknown       = "unknown"        // key, cause: 5xx, no answer or a broken one
	CancelIntent  = "cancel"         // execution
	CancelAcked   = "cancel-ack"     // execution, status in the answer
	CancelRefused = "cancel-refused" // execution, status in the answer
	CancelUnknown = "cancel-unknown" // execution, cause
	Seen          = "saw"            // execution, status, revision: the answer to a read
	TellIntent    = "tell"           // execution, token, signal, approved or rejected: a signal or a decision is about to be sent
	TellAcked     = "tell-ack"       // execution, token
	TellRefused   = "tell-refused"   // execution, token, status: nothing may have happened
	TellUnknown   = "tell-unknown"   // execution, token, cause
)

// Kinds of lines in a worker's journal.
const (
	Ran      = "run"   // execution, step, attempt: the step's function begins
	Recorded = "acked" // execution, step, attempt, value: Step returned the value
	Ready    = "ready" // session
	Stopped  = "stopped"
)

// Ledger is what the clients know.
type Ledger struct {
	Keys    map[string]*Key
	Cancels map[string]*Cancel // by execution
	Told    map[string]*Told   // by token
	Sights  []Sight
	Acks    int // of new executions
	Unknown int // answers that left the outcome open
}

// Key is what became of one idempotency key.
type Key struct {
	Workflow string
	Acked    []string // execution of each answer that named one
	Refused  int
	Unknown  int
	Sent     int
}

// Cancel is what became of the requests to cancel one execution.
type Cancel struct {
	Acked   []string // status in each answer
	Refused []string
	Unknown int
}

// Told is what became of one signal or decision.
type Told struct {
	Execution string
	What      string // signal, approved or rejected
	Acked     int
	Refused   int
	Unknown   int
}

// Sight is an execution as a client saw it.
type Sight struct {
	Execution, Status string
	Revision          int64
}

// ReadLedger makes the ledger of a clients' journal.
func ReadLedger(entries []journal.Entry) (*Ledger, error) {
	l := &Ledger{Keys: map[string]*Key{}, Cancels: map[string]*Cancel{}, Told: map[string]*Told{}}
	for i, e := range entries {
		want := 2
		switch e.Kind {
		case CancelIntent:
			want = 1
		case Seen, TellIntent, TellRefused, TellUnknown:
			want = 3
		}
		if len(e.Fields) < want {
			return nil, fmt.Errorf("check: line %d: %q has %d fields, not %d", i+1, e.Kind, len(e.Fields), want)
		}
		name := e.Fields[0]
		switch e.Kind {
		case Intent:
			if l.Keys[name] == nil {
				l.Keys[name] = &Key{Workflow: e.Fields[1]}
			}
			l.Keys[name].Sent++
			continue
		case CancelIntent:
			if l.Cancels[name] == nil {
				l.Cancels[name] = &Cancel{}
			}
			continue
		case Seen:
			n, err := strconv.ParseInt(e.Fields[2], 10, 64)
			if err != nil {
				return nil, fmt.Errorf("check: line %d: %w", i+1, err)
			}
			l.Sights = append(l.Sights, Sight{name, e.Fields[1], n})
			continue
		case TellIntent:
			if token := e.Fields[1]; l.Told[token] == nil {
				l.Told[token] = &Told{Execution: name, What: e.Fields[2]}
			}
			continue
		case TellAcked, TellRefused, TellUnknown:
			told := l.Told[e.Fields[1]]
			if told == nil {
				return nil, fmt.Errorf("check: line %d: an answer to a signal or decision that was not sent", i+1)
			}
			switch e.Kind {
			case TellAcked:
				told.Acked++
			case TellRefused:
				told.Refused++
			default:
				told.Unknown++
			}
			continue
		case CancelAcked, CancelRefused, CancelUnknown:
			c := l.Cancels[name]
			if c == nil {
				return nil, fmt.Errorf("check: line %d: an answer to a cancel that was not sent", i+1)
			}
			switch e.Kind {
			case CancelAcked:
				c.Acked = append(c.Acked, e.Fields[1])
			case CancelRefused:
				c.Refused = append(c.Refused, e.Fields[1])
			default:
				c.Unknown++
			}
			continue
		}
		k := l.Keys[name]
		if k == nil {
			return nil, fmt.Errorf("check: line %d: an answer to a start that was not sent", i+1)
		}
		switch e.Kind {
		case Acked:
			l.Acks++
			k.Acked = append(k.Acked, e.Fields[1])
		case Replayed:
			k.Acked = append(k.Acked, e.Fields[1])
		case Refused:
			k.Refused++
		case Unknown:
			l.Unknown++
			k.Unknown++
		default:
			return nil, fmt.Errorf("check: line %d: unknown kind %q", i+1, e.Kind)
		}
	}
	return l, nil
}

// Work is what the workers know.
type Work struct {
	Runs    []Run
	Results []Result
}

// Run is a step's function that began.
type Run struct {
	Worker, Execution, Step string
	Attempt                 int
	At                      time.Time
}

// Result is a step that returned without an error: its record was acknowledged, now or earlier.
type Result struct {
	Run
	Value string
}

// Add takes in the journal of one worker process.
func (w *Work) Add(worker string, entries []journal.Entry) error {
	for i, e := range entries {
		want := 0
		switch e.Kind {
		case Ran:
			want = 3
		case Recorded:
			want = 4
		case Ready, Stopped:
			continue
		default:
			return fmt.Errorf("check: worker %s, line %d: unknown kind %q", worker, i+1, e.Kind)
		}
		if len(e.Fields) != want {
			return fmt.Errorf("check: worker %s, line %d: %q has %d fields, not %d", worker, i+1, e.Kind, len(e.Fields), want)
		}
		attempt, err := strconv.Atoi(e.Fields[2])
		if err != nil {
			return fmt.Errorf("check: worker %s, line %d: %w", worker, i+1, err)
		}
		r := Run{Worker: worker, Execution: e.Fields[0], Step: e.Fields[1], Attempt: attempt, At: e.At}
		if e.Kind == Ran {
			w.Runs = append(w.Runs, r)
		} else {
			w.Results = append(w.Results, Result{r, e.Fields[3]})
		}
	}
	return nil
}
