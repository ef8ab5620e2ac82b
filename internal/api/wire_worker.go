package api

import (
	"math"
	"strconv"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

var sessionFields = []string{"protocol", "name", "sdk", "version", "capacity", "workflows"}

// maxServed is the most workflows of one session.
const maxServed = 1000

func readSession(p *jsonx.Parser, s *engine.SessionSpec) {
	if !p.Object() {
		return
	}
	var hasProtocol, hasCapacity, hasWorkflows bool
	for p.Next() {
		switch string(p.Name()) {
		case "protocol":
			hasProtocol = true
			n, _ := p.Int(0, math.MaxInt32)
			s.Protocol = int(n)
		case "name":
			s.Name, _ = p.String(200)
		case "sdk":
			s.SDK, _ = p.String(200)
		case "version":
			s.Version, _ = p.String(200)
		case "capacity":
			hasCapacity = true
			n, _ := p.Int(1, engine.MaxCapacity)
			s.Capacity = int(n)
		case "workflows":
			hasWorkflows = true
			readServed(p, s)
		default:
			p.Unknown(sessionFields)
		}
	}
	if !hasProtocol {
		p.ReportMember("", "protocol", jsonx.CodeRequired, "is required: the version of the worker protocol, "+strconv.Itoa(engine.Protocol))
	}
	if !hasCapacity {
		p.ReportMember("", "capacity", jsonx.CodeRequired, "is required: how many executions the worker takes at a time")
	}
	if !hasWorkflows {
		p.ReportMember("", "workflows", jsonx.CodeRequired, "is required: what the worker serves")
	}
}

func readServed(p *jsonx.Parser, s *engine.SessionSpec) {
	if !p.Array() {
		return
	}
	for p.Next() {
		i := len(s.Workflows)
		if i >= maxServed {
			if i == maxServed {
				p.Report(jsonx.CodeTooLong, "is one too many: a session serves at most "+strconv.Itoa(maxServed)+" workflows")
			}
			p.Skip()
			continue
		}
		s.Workflows = append(s.Workflows, engine.WorkflowSpec{})
		readWorkflow(p, &s.Workflows[i], "workflows["+strconv.Itoa(i)+"]")
	}
	if len(s.Workflows) == 0 {
		p.ReportRead(jsonx.CodeInvalidValue, "must name at least one workflow")
	}
}

// readSessionID reads the id of a session. One that no session can have reads as the zero id, which the engine answers
// as it answers a session that is gone.
func readSessionID(p *jsonx.Parser) execution.ID {
	b, _ := p.Bytes(64)
	id, _ := execution.ParseID(execution.PrefixSession, string(b))
	return id
}

const sessionRequired = "is required: the session_id that POST /v1/worker/sessions answered"

func readPoll(p *jsonx.Parser, r *engine.PollRequest) {
	r.Wait = engine.MaxWait
	if !p.Object() {
		return
	}
	given := false
	for p.Next() {
		switch string(p.Name()) {
		case "session_id":
			given = true
			r.Session = readSessionID(p)
		case "received":
			r.Received, _ = p.Int(0, math.MaxInt64)
		case "max":
			n, _ := p.Int(1, engine.MaxCapacity)
			r.Max = int(n)
		case "wait_ms":
			r.Wait, _ = readMillis(p, 0, engine.MaxWait.Milliseconds())
		default:
			p.Unknown([]string{"session_id", "received", "max", "wait_ms"})
		}
	}
	if !given {
		p.ReportMember("", "session_id", jsonx.CodeRequired, sessionRequired)
	}
}

func readHeartbeat(p *jsonx.Parser, r *engine.HeartbeatRequest) {
	if !p.Object() {
		return
	}
	var given, held, digest bool
	for p.Next() {
		switch string(p.Name()) {
		case "session_id":
			given = true
			r.Session = readSessionID(p)
		case "received":
			r.Received, _ = p.Int(0, math.MaxInt64)
		case "held":
			held = true
			n, _ := p.Int(0, engine.MaxCapacity)
			r.Held = int(n)
		case "digest":
			digest = true
			r.Digest = readHex(p)
		case "leases":
			r.Listed = true
			r.Leases = readStrings(p, engine.MaxCapacity, 128)
		default:
			p.Unknown([]string{"session_id", "received", "held", "digest", "leases"})
		}
	}
	if !given {
		p.ReportMember("", "session_id", jsonx.CodeRequired, sessionRequired)
	}
	if !held {
		p.ReportMember("", "held", jsonx.CodeRequired, "is required: how many executions the worker holds")
	}
	if !digest {
		p.ReportMember("", "digest", jsonx.CodeRequired, "is required: the XOR of the FNV-1a hashes of the leases held, as 16 hex digits")
	}
}

// readHex reads a 64-bit fingerprint.
func readHex(p *jsonx.Parser) uint64 {
	b, ok := p.Bytes(64)
	if !ok {
		return 0
	}
	if len(b) == 16 {
		var n uint64
		good := true
		for _, c := range b {
			switch {
			case c-'0' < 10:
				n = n<<4 | uint64(c-'0')
			case c|0x20-'a' < 6:
				n = n<<4 | uint64(c|0x20-'a'+10)
			default:
				good = false
			}
		}
		if good {
			return n
		}
	}
	p.ReportRead(jsonx.CodeInvalidValue, "must be 16 hex digits, not "+quote(string(b)))
	return 0
}

// reportRequest is a report as it was read.
type reportRequest struct {
	session    execution.ID
	received   int64
	operations []engine.Operation
	// refused are operations that are not handed to the engine, by their index; nil: none.
	refused map[int]error
}

func (r *reportRequest) refuse(index int, err error) {
	if r.refused == nil {
		r.refused = map[int]error{}
	}
	r.refused[index] = err
}

func readReport(p *jsonx.Parser, r *reportRequest) {
	if !p.Object() {
		return
	}
	var given, listed bool
	for p.Next() {
		switch string(p.Name()) {
		case "session_id":
			given = true
			r.session = readSessionID(p)
		case "received":
			r.received, _ = p.Int(0, math.MaxInt64)
		case "operations":
			listed = true
			readOperations(p, r)
		default:
			p.Unknown([]string{"session_id", "received", "operations"})
		}
	}
	if !given {
		p.ReportMember("", "session_id", jsonx.CodeRequired, sessionRequired)
	}
	if !listed {
		p.ReportMember("", "operations", jsonx.CodeRequired, "is required")
	}
}

func readOperations(p *jsonx.Parser, r *reportRequest) {
	if !p.Array() {
		return
	}
	r.operations = make([]engine.Operation, 0, 8)
	for n := 0; p.Next(); n++ {
		if n >= engine.MaxOperations {
			if n == engine.MaxOperations {
				p.Report(jsonx.CodeTooLong, "is one too many: a report has at most "+strconv.Itoa(engine.MaxOperations)+" operations")
			}
			p.Skip()
			continue
		}
		r.operations = append(r.operations, engine.Operation{})
		before := len(p.Problems())
		tooLong := readOperation(p, &r.operations[n], n)
		if found := p.Problems()[before:]; len(found) > 0 {
			r.refuse(n, invalid(found))
			p.Forget(before)
		} else if tooLong {
			r.refuse(n, &engine.Error{Code: codePayloadTooLarge, Message: "the payload is larger than " + strconv.Itoa(maxPayload) + " bytes, the most there may be; keep what is large elsewhere and pass a reference"})
		}
	}
}

// opField is one bit per field of an operation.
type opField uint32

const (
	fieldStep opField = 1 << iota
	fieldTry
	fieldHash
	fieldOutput
	fieldDuration
	fieldError
	fieldRetry
	fieldFinal
	fieldWakeAt
	fieldValue
	fieldLevel
	fieldMessage
	fieldFields
	fieldAt
	fieldCode
	fieldDetails
	fieldWait
	fieldName
	fieldTimeout
	fieldPayload
)

var opFieldNames = [...]string{
	"step", "try", "input_hash", "output", "duration_ms", "error", "retry", "final", "wake_at", "value", "level", "message",
	"fields", "at", "code", "details", "wait", "name", "timeout_ms", "payload",
}

// opShapes says which fields an operation may have and which it must have.
var opShapes = [...]struct{ may, must opField }{
	engine.OpStepStarted:   {fieldStep | fieldTry | fieldHash, fieldStep},
	engine.OpStepCompleted: {fieldStep | fieldTry | fieldHash | fieldOutput | fieldDuration, fieldStep},
	engine.OpStepFailed:    {fieldStep | fieldTry | fieldHash | fieldError | fieldRetry | fieldFinal | fieldDuration, fieldStep | fieldTry | fieldError},
	engine.OpSleep:         {fieldStep | fieldDuration, fieldStep | fieldDuration},
	engine.OpSuspend:       {fieldWakeAt, 0},
	engine.OpProgress:      {fieldValue, fieldValue},
	engine.OpLog:           {fieldStep | fieldLevel | fieldMessage | fieldFields | fieldAt, fieldLevel | fieldMessage},
	engine.OpComplete:      {fieldOutput, 0},
	engine.OpFail:          {fieldError | fieldRetry | fieldFinal, fieldError},
	engine.OpReject:        {fieldCode | fieldMessage | fieldDetails, 0},
	engine.OpCancelled:     {0, 0},
	engine.OpReturn:        {0, 0},
	engine.OpWait:          {fieldStep | fieldWait | fieldName | fieldTimeout | fieldPayload, fieldStep | fieldWait},
}

// readOperation reads one operation and reports whether a payload of it is too large.
func readOperation(p *jsonx.Parser, op *engine.Operation, index int) (tooLong bool) {
	if !p.Object() {
		return false
	}
	var given opField
	var hasID, hasLease, hasOp bool
	for p.Next() {
		switch string(p.Name()) {
		case "id":
			hasID = true
			if b, ok := p.Bytes(64); ok {
				if op.Execution, ok = execution.ParseID(execution.PrefixExecution, string(b)); !ok {
					p.ReportRead(jsonx.CodeInvalidValue, "must be the id of an execution, as the poll gave it")
				}
			}
		case "lease":
			hasLease = true
			op.Lease, _ = p.String(maxLease)
		case "op":
			hasOp = true
			b, ok := p.Bytes(32)
			for k := engine.OpStepStarted; int(k) < len(engine.OpNames); k++ {
				if engine.OpNames[k] == string(b) {
					op.Kind = k
				}
			}
			if ok && op.Kind == 0 {
				message := "must be one of the operations of the worker protocol, not " + quote(string(b))
				if near := jsonx.Nearest(string(b), engine.OpNames[1:]); near != "" {
					message += `; did you mean "` + near + `"?`
				}
				p.ReportRead(jsonx.CodeInvalidValue, message)
			}
		case "step":
			given |= fieldStep
			op.Step = readStep(p)
		case "try":
			given |= fieldTry
			n, _ := p.Int(1, math.MaxInt32)
			op.Try = int32(n)
		case "input_hash":
			given |= fieldHash
			op.Hash = readHex(p)
		case "output":
			given |= fieldOutput
			op.Body = p.Raw()
			tooLong = tooLong || len(op.Body) > maxPayload
		case "duration_ms":
			given |= fieldDuration
			op.Duration, op.HasDuration = readMillis(p, 0, maxDurationMS)
		case "error":
			given |= fieldError
			readFailure(p, op, index)
		case "retry":
			given |= fieldRetry
			readRetry(p, &op.Retry)
		case "final":
			given |= fieldFinal
			op.Final, _ = p.Bool()
		case "wake_at":
			given |= fieldWakeAt
			if t, ok := readInstant(p); ok {
				op.WakeAt = execution.TimeOf(t)
			}
		case "value":
			given |= fieldValue
			op.Value, _ = p.Float(0, 1)
		case "level":
			given |= fieldLevel
			op.Level = readLevel(p)
		case "message":
			given |= fieldMessage
			op.Message, _ = p.String(maxMessage)
		case "fields":
			given |= fieldFields
			op.Details, _ = p.RawObject()
			tooLong = tooLong || len(op.Details) > maxPayload
		case "at":
			given |= fieldAt
			if t, ok := readInstant(p); ok {
				op.At = execution.TimeOf(t)
			}
		case "code":
			given |= fieldCode
			op.Code, _ = p.String(maxCode)
		case "details":
			given |= fieldDetails
			op.Details, _ = p.RawObject()
			tooLong = tooLong || len(op.Details) > maxPayload
		case "wait":
			given |= fieldWait
			op.Wait = readWaitKind(p)
		case "name":
			given |= fieldName
			op.Name = readWaitName(p)
		case "timeout_ms":
			given |= fieldTimeout
			op.Duration, op.HasDuration = readMillis(p, 0, maxDurationMS)
		case "payload":
			given |= fieldPayload
			op.Body = p.Raw()
			tooLong = tooLong || len(op.Body) > maxPayload
		default:
			p.Unknown(append([]string{"id", "lease", "op"}, opFieldNames[:]...))
		}
	}
	tooLong = tooLong || len(op.Details) > maxPayload
	if hasID && hasLease && hasOp && op.Kind != 0 {
		shape := opShapes[op.Kind]
		if given&^shape.may == 0 && shape.must&^given == 0 {
			return tooLong
		}
	}
	parent := "operations[" + strconv.Itoa(index) + "]"
	for _, m := range []struct {
		has  bool
		name string
	}{{hasID, "id"}, {hasLease, "lease"}, {hasOp, "op"}} {
		if !m.has {
			p.ReportMember(parent, m.name, jsonx.CodeRequired, "is required")
		}
	}
	if op.Kind != 0 {
		shape := opShapes[op.Kind]
		for i, name := range opFieldNames {
			bit := opField(1) << i
			switch {
			case given&^shape.may&bit != 0:
				p.ReportMember(parent, name, jsonx.CodeUnknownField, "does not belong to the operation "+engine.OpNames[op.Kind]+"; remove it")
			case shape.must&^given&bit != 0:
				p.ReportMember(parent, name, jsonx.CodeRequired, "is required by the operation "+engine.OpNames[op.Kind])
			}
		}
	}
	return tooLong
}

// readStep reads a step's key.
func readStep(p *jsonx.Parser) string {
	s, ok := p.String(maxStep)
	if ok && (s == "" || len(s) > maxStep) {
		p.ReportRead(jsonx.CodeTooLong, "must have 1 to "+strconv.Itoa(maxStep)+" bytes")
	}
	return s
}

func readLevel(p *jsonx.Parser) string {
	s, ok := p.String(20)
	switch s {
	case "debug", "info", "warn", "error":
	default:
		if ok {
			p.ReportRead(jsonx.CodeInvalidValue, "must be debug, info, warn or error, not "+quote(s))
		}
	}
	return s
}

func readFailure(p *jsonx.Parser, op *engine.Operation, index int) {
	if !p.Object() {
		return
	}
	given := false
	for p.Next() {
		switch string(p.Name()) {
		case "code":
			op.Code, _ = p.String(maxCode)
		case "message":
			given = true
			op.Message, _ = p.String(maxMessage)
		case "details":
			op.Details, _ = p.RawObject()
		default:
			p.Unknown([]string{"code", "message", "details"})
		}
	}
	if !given {
		p.ReportMember("operations["+strconv.Itoa(index)+"].error", "message", jsonx.CodeRequired, "is required")
	}
}

func readRetry(p *jsonx.Parser, r *execution.Retry) {
	for ok := p.Object(); ok && p.Next(); {
		switch string(p.Name()) {
		case "max_attempts":
			n, _ := p.Int(-1, math.MaxInt32)
			r.MaxAttempts = int32(n)
		case "initial_interval_ms":
			r.Initial, _ = readMillis(p, 0, maxDurationMS)
			r.Initial = max(r.Initial, time.Nanosecond) // 0 is at once here, and the default in the rules
		case "max_interval_ms":
			r.Max, _ = readMillis(p, 1, maxDurationMS)
		case "coefficient":
			r.Coefficient, _ = p.Float(1, 100)
		case "jitter":
			if f, ok := p.Float(0, 1); ok && f == 0 {
				r.Jitter = -1 // none; 0 is the default in the rules
			} else {
				r.Jitter = f
			}
		default:
			p.Unknown([]string{"max_attempts", "initial_interval_ms", "max_interval_ms", "coefficient", "jitter"})
		}
	}
}

func appendAssignment(b []byte, a *engine.Assignment) []byte {
	b = appendID(b, `{"id":`, execution.PrefixExecution, a.ID)
	b = appendText(b, `,"workflow":`, a.Workflow)
	if a.Version > 0 {
		b = appendInt(b, `,"version":`, int64(a.Version))
	}
	b = append(b, `,"lease":"`...)
	b = append(b, a.Lease...)
	b = append(b, '"')
	b = appendInt(b, `,"attempt":`, int64(a.Attempt))
	if a.Input != nil {
		b = appendRaw(b, `,"input":`, a.Input)
	} else {
		b = append(b, `,"input":{}`...)
	}
	if a.Details != nil {
		b = appendMetadata(b, `,"metadata":`, a.Details.Metadata)
		b = appendText(b, `,"traceparent":`, a.Details.TraceParent)
	}
	b = appendTime(b, `,"created_at":`, execution.Time(a.ID.Millis()*1000))
	b = appendTime(b, `,"deadline_at":`, a.DeadlineAt)
	if len(a.Recorded) > 0 {
		b = append(b, `,"recorded":[`...)
		for i := range a.Recorded {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendRecorded(b, &a.Recorded[i], a.Now)
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

func appendRecorded(b []byte, r *execution.Recorded, now execution.Time) []byte {
	b = append(b, `{"step":`...)
	b = jsonx.AppendString(b, r.Step)
	b = appendText(b, `,"kind":`, r.Kind)
	b = appendTrue(b, `,"overridden":`, r.Overridden)
	if r.Kind == execution.KindStep {
		b = appendRaw(b, `,"output":`, r.Output)
	}
	if r.Kind == execution.KindWait {
		b = appendText(b, `,"wait":`, string(r.Wait))
		b = appendText(b, `,"name":`, r.Name)
		b = appendWaitEnd(b, `,"ended":`, r.Ended)
		if r.Until != 0 && r.Ended == nil {
			b = appendInt(b, `,"expires_in_ms":`, millisUp(r.Until.Sub(now)))
		}
	} else if r.Until != 0 {
		b = appendTime(b, `,"until":`, r.Until)
		b = appendInt(b, `,"until_in_ms":`, millisUp(r.Until.Sub(now)))
	}
	if r.Try > 0 {
		b = appendInt(b, `,"tries":`, int64(r.Try))
	}
	if r.Hash != 0 {
		b = append(b, `,"input_hash":"`...)
		b = appendHex(b, r.Hash)
		b = append(b, '"')
	}
	if r.Output == nil && r.Code != "" {
		b = appendFailure(b, r.Code, r.Error)
	}
	if r.NextTry != 0 {
		b = appendInt(b, `,"next_attempt_in_ms":`, millisUp(r.NextTry.Sub(now)))
	}
	return append(b, '}')
}

// millisUp is d in milliseconds, rounded up so that whoever waits that long does not wake early, and never negative.
func millisUp(d time.Duration) int64 {
	return max(0, int64((d+time.Millisecond-1)/time.Millisecond))
}

func appendHex(b []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[n>>shift&15])
	}
	return b
}

func (x *exchange) appendResult(b []byte, r *engine.OpResult) []byte {
	if r.Err != nil {
		p := problemOf(r.Err)
		x.logInternal(&p, r.Err)
		b = append(b, `{"ok":false,"code":"`...)
		b = append(b, p.code...)
		b = append(b, `","message":`...)
		b = jsonx.AppendString(b, p.detail)
		return append(b, '}')
	}
	b = append(b, `{"ok":true`...)
	b = appendTrue(b, `,"duplicate":`, r.Duplicate)
	b = appendTime(b, `,"wake_at":`, r.WakeAt)
	b = appendTime(b, `,"retry_at":`, r.RetryAt)
	if r.WakeAt != 0 || r.RetryAt != 0 {
		b = appendInt(b, `,"delay_ms":`, millisUp(r.Delay))
	}
	if r.Wait != nil {
		b = appendWaitEnd(b, `,"ended":`, r.Wait.Ended)
		if r.Wait.Bounded {
			b = appendInt(b, `,"expires_in_ms":`, millisUp(r.Wait.Left))
		}
	}
	b = appendTrue(b, `,"suspended":`, r.Suspended)
	b = appendTrue(b, `,"final":`, r.Final)
	return append(b, '}')
}
