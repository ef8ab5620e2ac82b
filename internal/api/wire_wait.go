package api

import (
	"strconv"
	"unicode"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// readWaitKind reads what a wait is for.
func readWaitKind(p *jsonx.Parser) execution.WaitKind {
	s, ok := p.String(20)
	switch k := execution.WaitKind(s); k {
	case execution.WaitForSignal, execution.WaitForApproval:
		return k
	}
	if ok {
		p.ReportRead(jsonx.CodeInvalidValue, "must be signal or approval, not "+quote(s))
	}
	return ""
}

// readWaitName reads the name of a wait.
func readWaitName(p *jsonx.Parser) string {
	s, ok := p.String(maxStep)
	if ok {
		if problem := waitNameProblem(s); problem != "" {
			p.ReportRead(jsonx.CodeInvalidValue, problem)
		}
	}
	return s
}

// waitNameProblem says what is wrong with the name of a signal or an approval, "" when nothing is.
func waitNameProblem(name string) string {
	if name == "" || len(name) > maxStep {
		return "must have 1 to " + strconv.Itoa(maxStep) + " bytes"
	}
	for _, r := range name {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return "must have printable characters only"
		}
	}
	if execution.WaitNameOf(name) != name {
		return "must not end in # and a number: that tells repeated waits of one name apart"
	}
	return ""
}

// appendWaitEnd writes how a wait ended, nothing while it is open.
func appendWaitEnd(b []byte, name string, e *execution.WaitEnd) []byte {
	if e == nil {
		return b
	}
	b = append(b, name...)
	b = appendText(b, `{"outcome":`, string(e.Outcome))
	b = appendRaw(b, `,"payload":`, notEmpty(e.Payload))
	b = appendText(b, `,"comment":`, e.Comment)
	b = appendText(b, `,"by":`, e.By)
	return append(b, '}')
}

// appendAwaiting writes the open waits of an execution.
func appendAwaiting(b []byte, list []engine.Awaited) []byte {
	b = append(b, `,"awaiting":[`...)
	for i := range list {
		w := &list[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, `{"kind":`, string(w.Kind))
		b = appendText(b, `,"name":`, w.Name)
		b = appendText(b, `,"step":`, w.Step)
		b = appendTime(b, `,"since":`, w.Since)
		b = appendTime(b, `,"expires_at":`, w.Until)
		b = appendRaw(b, `,"payload":`, notEmpty(w.Payload))
		b = append(b, '}')
	}
	return append(b, ']')
}
