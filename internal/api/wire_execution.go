package api

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strconv"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// parts are what an execution shows only on request.
type parts struct {
	steps, events bool
	message       bool   // without what is not for receivers of messages
	outputURL     string // where the output is, instead of the output
}

func (a *API) appendExecution(b []byte, v *engine.View, with parts) []byte {
	b = appendID(b, `{"id":`, execution.PrefixExecution, v.ID)
	b = appendID(b, `,"workflow_id":`, execution.PrefixWorkflow, v.WorkflowID)
	if v.Workflow != nil {
		b = appendID(b, `,"workflow":{"id":`, execution.PrefixWorkflow, v.Workflow.ID)
		b = append(b, `,"name":`...)
		b = jsonx.AppendString(b, v.Workflow.Name)
		b = append(b, '}')
	} else {
		b = append(b, `,"workflow":null`...)
	}
	if v.VersionNumber > 0 {
		b = appendInt(b, `,"version":`, int64(v.VersionNumber))
	}
	b = append(b, `,"status":"`...)
	b = append(b, v.Status.String()...)
	b = append(b, '"')
	if v.HasReason {
		b = appendText(b, `,"status_reason":`, v.Reason.Code)
		b = appendText(b, `,"status_message":`, v.Reason.Message)
		b = appendTime(b, `,"resumes_at":`, v.Reason.Until)
	}
	if len(v.Awaiting) > 0 {
		b = appendAwaiting(b, v.Awaiting)
	}
	b = appendInt(b, `,"revision":`, v.Revision)
	b = appendInt(b, `,"attempt":`, int64(v.Attempt))
	if with.message {
		// The input is not for others, and may be large.
	} else if v.Input != nil {
		b = appendRaw(b, `,"input":`, v.Input)
	} else {
		b = append(b, `,"input":null`...)
	}
	if with.outputURL != "" {
		b = appendText(b, `,"output_url":`, with.outputURL)
	} else {
		b = appendOutcome(b, v)
	}
	if !math.IsNaN(v.Progress) {
		b = append(b, `,"progress":`...)
		b = jsonx.AppendFloat(b, v.Progress)
	}
	b = appendInt(b, `,"priority":`, int64(v.Priority))
	b = appendText(b, `,"trigger_type":`, v.Trigger.String())
	if v.Details != nil {
		b = appendMetadata(b, `,"metadata":`, v.Details.Metadata)
		if !with.message {
			b = appendText(b, `,"callback_url":`, v.Details.CallbackURL)
		}
	}
	b = appendTime(b, `,"created_at":`, v.CreatedAt)
	b = appendTime(b, `,"scheduled_at":`, v.ScheduledAt)
	b = appendTime(b, `,"started_at":`, v.StartedAt)
	b = appendTime(b, `,"completed_at":`, v.CompletedAt)
	b = appendTime(b, `,"deadline_at":`, v.DeadlineAt)
	if v.CancelRequestedAt != 0 {
		b = appendTime(b, `,"cancel_requested_at":`, v.CancelRequestedAt)
		b = appendText(b, `,"cancel_reason":`, v.CancelReason.String())
	}
	b = appendTrue(b, `,"redacted":`, v.Redacted)
	if with.steps {
		b = append(b, `,"steps":[`...)
		for i, s := range v.Steps {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendStep(b, v.ID, s)
		}
		b = append(b, ']')
	}
	if with.events {
		b = append(b, `,"events":[`...)
		for i := range v.Events {
			if i > 0 {
				b = append(b, ',')
			}
			b = a.appendEvent(b, &v.Events[i])
		}
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendOutcome writes how a finished execution ended.
func appendOutcome(b []byte, v *engine.View) []byte {
	switch v.Status {
	case execution.Completed:
		if v.Output != nil {
			return appendRaw(b, `,"output":`, v.Output)
		}
		return append(b, `,"output":null`...)
	case execution.Failed, execution.Rejected, execution.Cancelled:
		message := v.Message
		if message == "" && v.Status != execution.Cancelled {
			message = v.ErrorCode
		}
		b = appendText(b, `,"error":`, message)
		b = appendText(b, `,"error_code":`, v.ErrorCode)
		return appendRaw(b, `,"error_details":`, notEmpty(v.ErrorDetails))
	default:
		return b
	}
}

func notEmpty(raw []byte) []byte {
	if len(raw) == 0 {
		return nil
	}
	return raw
}

// stepID names a step of an execution: the same step has the same id whenever it is read.
func stepID(id execution.ID, key string) execution.ID {
	h := sha256.New()
	h.Write(id[:])
	h.Write([]byte(key))
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return execution.ID(sum[:16])
}

func appendStep(b []byte, id execution.ID, s *execution.Step) []byte {
	b = appendID(b, `{"id":`, execution.PrefixStep, stepID(id, s.Key))
	b = append(b, `,"name":`...)
	b = jsonx.AppendString(b, s.Key)
	b = appendText(b, `,"kind":`, s.Kind)
	b = appendText(b, `,"status":`, s.Status.Name())
	b = appendTrue(b, `,"overridden":`, s.Overridden)
	b = appendInt(b, `,"attempt":`, int64(max(s.Try, 1)))
	b = appendTime(b, `,"started_at":`, s.StartedAt)
	b = appendTime(b, `,"completed_at":`, s.CompletedAt)
	switch {
	case s.Kind == execution.KindSignal || s.Kind == execution.KindApproval:
		b = appendTime(b, `,"until":`, s.Until)
		b = appendRaw(b, `,"input":`, notEmpty(s.Payload))
		b = appendWaitEnd(b, `,"output":`, s.Ended)
	case s.Kind == execution.KindSleep:
		b = appendTime(b, `,"until":`, s.Until)
	case s.Status == execution.StepBackoff:
		b = appendTime(b, `,"next_attempt_at":`, s.Until)
	}
	if s.Kind == execution.KindStep && s.Status == execution.StepCompletedStatus {
		if s.Output != nil {
			b = appendRaw(b, `,"output":`, s.Output)
		} else {
			b = append(b, `,"output":null`...)
		}
	}
	b = appendFailure(b, s.Code, s.Message)
	b = appendRaw(b, `,"error_details":`, notEmpty(s.Details))
	b = append(b, `,"attempts":[`...)
	for i := range s.Tries {
		if i > 0 {
			b = append(b, ',')
		}
		t := &s.Tries[i]
		b = appendInt(b, `{"attempt":`, int64(max(t.Try, 1)))
		b = appendInt(b, `,"execution_attempt":`, int64(t.Attempt))
		b = appendTime(b, `,"started_at":`, t.StartedAt)
		b = appendTime(b, `,"completed_at":`, t.CompletedAt)
		b = appendFailure(b, t.Code, t.Message)
		b = append(b, '}')
	}
	return append(b, ']', '}')
}

// appendFailure writes an error; one without words is told by its code.
func appendFailure(b []byte, code, message string) []byte {
	if message == "" {
		message = code
	}
	b = appendText(b, `,"error":`, message)
	return appendText(b, `,"error_code":`, code)
}

func (a *API) appendEvent(b []byte, e *execution.Event) []byte {
	b = appendInt(b, `{"revision":`, e.Revision)
	b = appendText(b, `,"type":`, e.Kind.String())
	b = appendTime(b, `,"at":`, e.At)
	switch e.Actor.Kind {
	case execution.ActorKey:
		b = append(b, `,"actor":{"type":"key"`...)
		if id, ok := a.engine.KeyID(e.Actor); ok {
			b = appendID(b, `,"id":`, execution.PrefixKey, id)
		}
	case execution.ActorSession:
		b = append(b, `,"actor":{"type":"worker"`...)
	case execution.ActorLink:
		b = append(b, `,"actor":{"type":"approval_link"`...)
	default:
		b = append(b, `,"actor":{"type":"engine"`...)
	}
	b = append(b, '}')
	if e.Kind != execution.EventSignalled {
		b = appendText(b, `,"step":`, e.Step)
	}
	if e.Attempt > 0 {
		b = appendInt(b, `,"attempt":`, int64(e.Attempt))
	}
	b = appendTime(b, `,"until":`, e.Until)
	if e.Kind == execution.EventProgressed {
		b = append(b, `,"progress":`...)
		b = jsonx.AppendFloat(b, e.Value)
	}
	switch e.Kind {
	case execution.EventWaitStarted:
		b = appendText(b, `,"wait":`, e.Code)
		b = appendText(b, `,"name":`, e.WaitName())
		b = appendRaw(b, `,"payload":`, notEmpty(e.Body))
	case execution.EventSignalled:
		b = appendText(b, `,"name":`, e.Step)
		b = appendRaw(b, `,"payload":`, notEmpty(e.Body))
	case execution.EventWaitEnded:
		b = appendText(b, `,"outcome":`, e.Code)
		b = appendRaw(b, `,"payload":`, notEmpty(e.Body))
		b = appendText(b, `,"comment":`, e.Message)
		b = appendText(b, `,"by":`, e.Signer())
	default:
		b = appendText(b, `,"code":`, e.Code)
		b = appendText(b, `,"message":`, e.Message)
	}
	b = appendText(b, `,"status":`, e.Status.String())
	return append(b, '}')
}

// etag is a weak tag of what the caller sees: it changes with the revision, and with what is told about an execution
// without being part of it.
func etag(v *engine.View) string {
	h := fnv.New64a()
	var n [8]byte
	h.Write([]byte(v.Reason.Code))
	binary.LittleEndian.PutUint64(n[:], uint64(v.Reason.Until))
	h.Write(n[:])
	if v.Redacted {
		h.Write([]byte{'r'})
	}
	if v.Workflow == nil {
		h.Write([]byte{'d'})
	}
	b := make([]byte, 0, 40)
	b = append(b, `W/"`...)
	b = strconv.AppendInt(b, v.Revision, 10)
	b = append(b, '-')
	b = strconv.AppendUint(b, h.Sum64()&(1<<40-1), 36)
	return string(append(b, '"'))
}

func sortedKeys(m map[string]string) []string {
	if len(m) == 1 {
		for k := range m {
			return []string{k}
		}
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func appendCounts(b []byte, n *engine.Counts) []byte {
	b = append(b, '{')
	for s := range execution.Statuses {
		if s > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = append(b, execution.Status(s).String()...)
		b = append(b, '"', ':')
		b = strconv.AppendInt(b, n.N[s], 10)
	}
	return append(b, '}')
}
