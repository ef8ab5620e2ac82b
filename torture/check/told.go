package check

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/sojournhq/sojourn/sdk/go"
)

// told checks G19: what clients told an execution is in its history as often as they may expect, and its waits took the
// signals in their order.
func (v *Verdict) told(e *Evidence, byID map[string]*sojourn.Execution) {
	for _, token := range slices.Sorted(maps.Keys(e.Ledger.Told)) {
		t := e.Ledger.Told[token]
		if t.Acked > 0 {
			v.Told++
		}
		x := byID[t.Execution]
		if x == nil {
			continue // judged as lost already, or removed by its retention
		}
		n := 0
		for _, ev := range x.Events {
			if ev.Type == "signalled" && t.What == "signal" && textOf(ev.Payload) == token ||
				ev.Type == "wait_ended" && ev.Outcome == t.What && ev.Comment == token {
				n++
			}
		}
		switch {
		case n == 0 && t.Acked > 0:
			v.fail(TellLost, "%s %s of %s was acknowledged", t.What, token, t.Execution)
		case n > 1:
			v.fail(TellDoubled, "%s %s of %s counted %d times", t.What, token, t.Execution, n)
		case n > 0 && t.Acked == 0 && t.Unknown == 0:
			v.fail(TellRefusedKept, "%s %s of %s was refused", t.What, token, t.Execution)
		}
	}
	for _, x := range byID {
		v.order(x)
	}
}

// order checks that the waits of an execution took its signals as they came.
func (v *Verdict) order(x *sojourn.Execution) {
	var sent []string
	for _, ev := range x.Events {
		if ev.Type == "signalled" {
			sent = append(sent, textOf(ev.Payload))
		}
	}
	taken := 0
	for _, s := range x.Steps {
		var end struct {
			Outcome string          `json:"outcome"`
			Payload json.RawMessage `json:"payload"`
		}
		if s.Kind != "signal" || len(s.Output) == 0 || json.Unmarshal(s.Output, &end) != nil || end.Outcome != "received" {
			continue
		}
		if got := textOf(end.Payload); taken >= len(sent) || got != sent[taken] {
			v.fail(WrongSignal, "%s of %s took %q; the signals were %q", s.Name, x.ID, got, sent)
			return
		}
		taken++
	}
}

// textOf is a payload that is a text.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}
