package api

import (
	"strconv"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

var startFields = []string{
	"workflow_id", "input", "timeout_ms", "start_at", "delay_ms", "metadata", "priority", "version", "queue_ttl_ms",
	"idempotency_key", "trigger", "overrides", "callback_url",
}

// What a start stands in, when it is not one of a batch.
const (
	itemAlone = -1
	itemForm  = -2 // a form: files may be all of its input
)

// readStart reads the body of a start. item is its index in a batch, itemAlone or itemForm outside one.
func readStart(p *jsonx.Parser, r *engine.StartRequest, item int) {
	if !p.Object() {
		return
	}
	var hasWorkflow, hasInput, hasDelay, hasStart bool
	for p.Next() {
		switch string(p.Name()) {
		case "workflow_id":
			hasWorkflow = true
			r.Workflow = readName(p, maxRef)
		case "input":
			hasInput = true
			r.Input, _ = p.RawObject()
		case "timeout_ms":
			r.Timeout, _ = readMillis(p, 1, maxDurationMS)
		case "start_at":
			hasStart = true
			r.StartAt, _ = readInstant(p)
		case "delay_ms":
			hasDelay = true
			r.Delay, _ = readMillis(p, 0, maxDurationMS)
		case "metadata":
			r.Metadata = readMetadata(p, maxMetadata)
		case "priority":
			n, _ := p.Int(-100, 100)
			r.Priority = int8(n)
		case "version":
			r.Version = readVersion(p)
		case "queue_ttl_ms":
			r.QueueTTL, _ = readMillis(p, 1, maxDurationMS)
		case "idempotency_key":
			r.IdempotencyKey = readName(p, maxKey)
			p.Uncount()
		case "callback_url":
			r.CallbackURL = readName(p, engine.MaxURL)
		case "trigger":
			r.Trigger = readTrigger(p)
		case "overrides":
			r.Overrides = readOverrides(p, false)
		default:
			p.Unknown(startFields)
		}
	}
	r.Hash = p.Hash()
	parent := ""
	if item >= 0 {
		parent = "executions[" + strconv.Itoa(item) + "]"
	}
	if !hasWorkflow {
		p.ReportMember(parent, "workflow_id", jsonx.CodeRequired, "is required: the name or id of the workflow to run")
	}
	if !hasInput && item != itemForm {
		p.ReportMember(parent, "input", jsonx.CodeRequired, "is required: a JSON object, {} for none")
	}
	if hasDelay && hasStart {
		p.ReportMember(parent, "delay_ms", jsonx.CodeInvalidValue, "and start_at exclude each other; give one of them")
	}
}

// readTrigger reads what a caller may say started an execution.
func readTrigger(p *jsonx.Parser) execution.Trigger {
	b, ok := p.Bytes(20)
	if !ok {
		return 0
	}
	if t, ok := execution.ParseTrigger(string(b)); ok && t <= execution.TriggerManual {
		return t
	}
	p.ReportRead(jsonx.CodeInvalidValue, "must be api, cli or manual, not "+quote(string(b)))
	return 0
}

// checkKey holds an idempotency key from a header to the limits of one in a body.
func checkKey(key string) error {
	for i := range len(key) {
		if key[i] < 0x20 || key[i] == 0x7f {
			return badField("Idempotency-Key", jsonx.CodeInvalidValue, "must not contain control characters")
		}
	}
	if n := len([]rune(key)); n == 0 || n > maxKey || !validText(key) {
		return badField("Idempotency-Key", jsonx.CodeTooLong, "must have 1 to "+strconv.Itoa(maxKey)+" characters of UTF-8, not "+strconv.Itoa(n))
	}
	return nil
}
