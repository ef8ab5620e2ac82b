package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

func (a *API) startExecution(x *exchange) error {
	if err := x.query("wait", "until", "include"); err != nil {
		return err
	}
	wait, err := x.queryWait()
	if err != nil {
		return err
	}
	actionable, err := x.queryUntil()
	if err != nil {
		return err
	}
	include, err := x.queryInclude("steps")
	if err != nil {
		return err
	}
	r := &engine.StartRequest{Wait: wait, Actionable: actionable, Steps: include["steps"]}
	var files *form
	if x.isForm() {
		if files, err = x.readStartForm(r); err != nil {
			return err
		}
		defer files.discard()
	} else if err := x.decode(func(p *jsonx.Parser) { readStart(p, r, itemAlone) }); err != nil {
		return err
	}
	if given := x.r.Header["Idempotency-Key"]; len(given) > 0 {
		if err := checkKey(given[0]); err != nil {
			return err
		}
		if len(given) > 1 || r.IdempotencyKey != "" && r.IdempotencyKey != given[0] {
			return badField("idempotency_key", jsonx.CodeInvalidValue, "is given more than once with different values; send it in the body or in the header Idempotency-Key")
		}
		r.IdempotencyKey = given[0]
	}
	r.TraceParent = a.traceParent(x)
	s, err := a.engine.Start(x.ctx, x.caller, r)
	if err != nil {
		return err
	}
	if !s.Replayed {
		files.keep()
	}
	h := x.w.Header()
	if s.KeyExpires != 0 {
		h["Idempotency-Key-Expires"] = []string{string(appendInstant(nil, s.KeyExpires))}
	}
	h["Location"] = []string{"/v1/executions/" + s.ID.String()}
	status := http.StatusCreated
	if s.Replayed {
		status = http.StatusOK
		h["Idempotent-Replay"] = headerTrue
	}
	x.out = a.appendStarted(x.out, s, parts{steps: r.Steps})
	return x.json(status)
}

// appendStarted writes what a start answers.
func (a *API) appendStarted(b []byte, s *engine.Started, with parts) []byte {
	if s.Deleted {
		b = appendID(b, `{"id":`, execution.PrefixExecution, s.ID)
		return append(b, `,"deleted":true}`...)
	}
	return a.appendExecution(b, s.View, with)
}

// traceParent is the trace context that the worker is to continue.
func (a *API) traceParent(x *exchange) string {
	if a.cfg.TraceParent != nil {
		if t := a.cfg.TraceParent(x.ctx); t != "" {
			return t
		}
	}
	given := x.r.Header["Traceparent"]
	if len(given) != 1 || !validTraceParent(given[0]) {
		return ""
	}
	return given[0]
}

// validTraceParent accepts version 00 of W3C trace context, and what later versions must look like.
func validTraceParent(s string) bool {
	if len(s) < 55 || len(s) > 128 || s[2] != '-' || s[35] != '-' || s[52] != '-' || s[:2] == "ff" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		hex := c-'0' < 10 || c-'a' < 6
		if i == 2 || i == 35 || i == 52 || i >= 55 {
			if i >= 55 && (s[:2] == "00" || !hex && c != '-') {
				return false
			}
			continue
		}
		if !hex {
			return false
		}
	}
	return strings.Trim(s[3:35], "0") != "" && strings.Trim(s[36:52], "0") != ""
}

func (a *API) startBatch(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	if len(x.r.Header["Idempotency-Key"]) > 0 {
		return badField("Idempotency-Key", jsonx.CodeInvalidValue, "does not apply to a batch; give each item its own idempotency_key")
	}
	var starts []*engine.StartRequest // nil where the item is refused already
	var refused []error
	trace := a.traceParent(x)
	err := x.decode(func(p *jsonx.Parser) {
		if !p.Object() {
			return
		}
		given, full := false, false
		for p.Next() {
			if string(p.Name()) != "executions" {
				p.Unknown([]string{"executions"})
				continue
			}
			given = true
			for ok := p.Array(); ok && p.Next(); {
				i := len(starts)
				if i == maxBatch {
					if !full {
						p.Report(jsonx.CodeTooLong, "is one too many: a batch has at most "+strconv.Itoa(maxBatch)+" starts")
					}
					full = true
					p.Skip()
					continue
				}
				before := len(p.Problems())
				r := &engine.StartRequest{TraceParent: trace}
				start := p.Offset()
				readStart(p, r, i)
				var err error
				if found := p.Problems()[before:]; len(found) > 0 {
					err, r = invalid(found), nil
					p.Forget(before)
				} else if p.Offset()-start > maxPayload {
					err, r = tooLarge(maxPayload), nil
				}
				starts, refused = append(starts, r), append(refused, err)
			}
		}
		if !given {
			p.ReportMember("", "executions", jsonx.CodeRequired, "is required: an array of starts")
		}
	})
	if err != nil {
		return err
	}
	accepted := make([]*engine.StartRequest, 0, len(starts))
	for _, r := range starts {
		if r != nil {
			accepted = append(accepted, r)
		}
	}
	outcomes := a.engine.StartBatch(x.ctx, x.caller, accepted)
	b := append(x.out, `{"results":[`...)
	for i, r := range starts {
		if i > 0 {
			b = append(b, ',')
		}
		out := engine.StartOutcome{Err: refused[i]}
		if r != nil {
			out, outcomes = outcomes[0], outcomes[1:]
		}
		if out.Err != nil {
			p := problemOf(out.Err)
			x.logInternal(&p, out.Err)
			b = appendInt(b, `{"status":`, int64(p.status))
			b = append(b, `,"error":`...)
			b = p.append(b, x.id)
			b = append(b, '}')
			continue
		}
		status := http.StatusCreated
		if out.Started.Replayed {
			status = http.StatusOK
		}
		b = appendInt(b, `{"status":`, int64(status))
		b = append(b, `,"execution":`...)
		b = a.appendStarted(b, out.Started, parts{})
		b = append(b, '}')
	}
	x.out = append(b, ']', '}')
	return x.json(http.StatusOK)
}

// executionID is the execution that the path names.
func (x *exchange) executionID() (execution.ID, error) {
	id, ok := execution.ParseID(execution.PrefixExecution, x.params[0])
	if !ok {
		return id, notFound("execution")
	}
	return id, nil
}

func (a *API) getExecution(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query("wait", "until", "include"); err != nil {
		return err
	}
	wait, err := x.queryWait()
	if err != nil {
		return err
	}
	actionable, err := x.queryUntil()
	if err != nil {
		return err
	}
	include, err := x.queryInclude("steps", "events")
	if err != nil {
		return err
	}
	with := parts{steps: include["steps"], events: include["events"]}
	v, err := a.engine.Get(x.ctx, x.caller, id, engine.GetOptions{Wait: wait, Actionable: actionable, Steps: with.steps, Events: with.events})
	if err != nil {
		return err
	}
	if x.ctx.Err() != nil {
		return x.ctx.Err()
	}
	tag := etag(v)
	h := x.w.Header()
	h["Etag"] = []string{tag}
	h["Cache-Control"] = []string{"private, no-cache"}
	if matches(x.r.Header["If-None-Match"], tag) {
		return x.empty(http.StatusNotModified)
	}
	x.out = a.appendExecution(x.out, v, with)
	return x.json(http.StatusOK)
}

// matches reports whether an If-None-Match header holds the tag, by weak comparison.
func matches(given []string, tag string) bool {
	opaque := strings.TrimPrefix(tag, "W/")
	for _, line := range given {
		for t := range strings.SplitSeq(line, ",") {
			t = strings.TrimSpace(t)
			if t == "*" || strings.TrimPrefix(t, "W/") == opaque {
				return true
			}
		}
	}
	return false
}

var filterFields = []string{"status", "workflow_id", "created_from", "created_to", "metadata[]", "trigger", "awaiting", "text"}

func (a *API) listExecutions(x *exchange) error {
	if err := x.query(append([]string{"limit", "cursor", "include"}, filterFields...)...); err != nil {
		return err
	}
	r, err := x.queryFilter()
	if err != nil {
		return err
	}
	if r.Limit, r.Cursor, err = x.queryPage(); err != nil {
		return err
	}
	include, err := x.queryInclude("counts")
	if err != nil {
		return err
	}
	r.Counts = include["counts"]
	page, err := a.engine.List(x.ctx, x.caller, r)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i, v := range page.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.appendExecution(b, v, parts{})
	}
	b = appendPage(b, page.More, cursorExecutions, page.Next[:])
	if !page.SearchedUntil.IsZero() {
		b = appendTime(b, `,"searched_until":`, execution.Time(page.SearchedUntil.Millis()*1000))
	}
	if page.Counts != nil {
		b = append(b, `,"counts":`...)
		b = appendCounts(b, page.Counts)
		b = append(b, `,"counts_exact":`...)
		b = strconv.AppendBool(b, page.Counts.Exact)
	}
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// queryFilter reads which executions are meant.
func (x *exchange) queryFilter() (*engine.ListRequest, error) {
	r := &engine.ListRequest{}
	var err error
	if text, ok := x.given.get("status"); ok {
		var problem string
		if r.Status, problem = parseStatuses(strings.Split(text, ",")); problem != "" {
			return nil, badField("status", jsonx.CodeInvalidValue, problem)
		}
	}
	if r.Workflow, err = x.queryText("workflow_id", maxRef); err != nil {
		return nil, err
	}
	if r.From, err = x.queryDate("created_from", false); err != nil {
		return nil, err
	}
	if r.To, err = x.queryDate("created_to", true); err != nil {
		return nil, err
	}
	if text, ok := x.given.get("trigger"); ok {
		var problem string
		if r.Triggers, problem = parseTriggers(strings.Split(text, ",")); problem != "" {
			return nil, badField("trigger", jsonx.CodeInvalidValue, problem)
		}
	}
	if text, ok := x.given.get("awaiting"); ok {
		var problem string
		if r.Awaiting, problem = parseAwaiting(text); problem != "" {
			return nil, badField("awaiting", jsonx.CodeInvalidValue, problem)
		}
	}
	if r.Text, err = x.queryText("text", maxText); err != nil {
		return nil, err
	}
	for _, given := range x.given {
		name, value := given.name, given.value
		key, ok := strings.CutPrefix(name, "metadata[")
		if !ok {
			continue
		}
		if r.Metadata == nil {
			r.Metadata = map[string]string{}
		}
		key = strings.TrimSuffix(key, "]")
		if len([]rune(key)) > maxMetadataKey || len([]rune(value)) > maxMetadataValue {
			return nil, badField(clip(name, 80), jsonx.CodeTooLong, "is longer than metadata can be: keys have at most 64 characters, values 256")
		}
		if r.Metadata[key] = value; len(r.Metadata) > maxMetadata {
			return nil, badField("metadata", jsonx.CodeTooLong, "can be filtered by at most "+strconv.Itoa(maxMetadata)+" keys")
		}
	}
	return r, nil
}

// queryText reads a text; an empty one is refused, for it is more often a mistake of a script than meant.
func (x *exchange) queryText(name string, most int) (string, error) {
	text, ok := x.given.get(name)
	switch {
	case !ok:
		return "", nil
	case text == "":
		return "", badField(name, jsonx.CodeInvalidValue, "must not be empty; leave it out for all")
	case len([]rune(text)) > most:
		return "", badField(name, jsonx.CodeTooLong, "must have at most "+strconv.Itoa(most)+" characters")
	}
	return text, nil
}

// parseStatuses is the set of the named states, or what is wrong with the names.
func parseStatuses(names []string) (set execution.StatusSet, problem string) {
	for _, name := range names {
		name = strings.TrimSpace(name)
		s, ok := execution.ParseStatus(name)
		if !ok {
			known := make([]string, execution.Statuses)
			for i := range execution.States {
				known[i] = execution.States[i].Name
			}
			message := "must be one or more of " + strings.Join(known, ", ") + ", not " + quote(name)
			if near := jsonx.Nearest(name, known); near != "" {
				message += `; did you mean "` + near + `"?`
			}
			return 0, message
		}
		set |= execution.SetOf(s)
	}
	return set, ""
}

// parseTriggers are the named triggers, or what is wrong with the names.
func parseTriggers(names []string) (list []execution.Trigger, problem string) {
	for _, name := range names {
		name = strings.TrimSpace(name)
		t, ok := execution.ParseTrigger(name)
		if !ok {
			return nil, "must be one or more of " + strings.Join(execution.Triggers(), ", ") + ", not " + quote(name)
		}
		list = append(list, t)
	}
	return list, ""
}

// parseAwaiting is what executions are to wait for, or what is wrong with the text.
func parseAwaiting(text string) (f execution.WaitFilter, problem string) {
	kind, name, named := strings.Cut(text, ":")
	f = execution.WaitFilter{Kind: execution.WaitKind(kind), Name: name}
	if f.Kind != execution.WaitForApproval && f.Kind != execution.WaitForSignal {
		return f, "must be approval or signal, with a name if you like, such as approval:manager, not " + quote(text)
	}
	if named && (name == "" || len(name) > maxStep) {
		return f, "must have a name of 1 to " + strconv.Itoa(maxStep) + " bytes behind the colon, or no colon"
	}
	return f, ""
}

func (a *API) countExecutions(x *exchange) error {
	if err := x.query("workflow_id", "created_from", "created_to"); err != nil {
		return err
	}
	workflow, err := x.queryText("workflow_id", maxRef)
	if err != nil {
		return err
	}
	from, err := x.queryDate("created_from", false)
	if err != nil {
		return err
	}
	to, err := x.queryDate("created_to", true)
	if err != nil {
		return err
	}
	n, err := a.engine.Counts(x.ctx, x.caller, workflow, from, to)
	if err != nil {
		return err
	}
	var total int64
	for _, c := range n.N {
		total += c
	}
	b := append(x.out, `{"counts":`...)
	b = appendCounts(b, n)
	b = appendInt(b, `,"total":`, total)
	b = append(b, `,"exact":`...)
	b = strconv.AppendBool(b, n.Exact)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// maxGraceMS is the longest time a worker may be given to stop.
const maxGraceMS = int64(time.Hour / time.Millisecond)

// readGrace reads how long a worker may take to stop.
func readGrace(p *jsonx.Parser) time.Duration {
	d, ok := readMillis(p, 0, maxGraceMS)
	if ok && d == 0 {
		return -1 // none; 0 is the engine's default
	}
	return d
}

func (a *API) cancelExecution(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return err
	}
	var r engine.CancelRequest
	err = x.decodeOptional(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			switch string(p.Name()) {
			case "reason":
				r.Reason, _ = p.String(maxReason)
			case "grace_ms":
				r.Grace = readGrace(p)
			default:
				p.Unknown([]string{"reason", "grace_ms"})
			}
		}
	})
	if err != nil {
		return err
	}
	v, done, err := a.engine.Cancel(x.ctx, x.caller, id, r)
	if err != nil {
		return err
	}
	x.out = a.appendExecution(x.out, v, parts{})
	if done {
		return x.json(http.StatusOK)
	}
	return x.json(http.StatusAccepted)
}

func (a *API) terminateExecution(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return err
	}
	reason := ""
	err = x.decodeOptional(func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			if string(p.Name()) != "reason" {
				p.Unknown([]string{"reason"})
				continue
			}
			reason, _ = p.String(maxReason)
		}
	})
	if err != nil {
		return err
	}
	v, err := a.engine.Terminate(x.ctx, x.caller, id, reason)
	if err != nil {
		return err
	}
	x.out = a.appendExecution(x.out, v, parts{})
	return x.json(http.StatusOK)
}

func (a *API) deleteExecution(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query("mode"); err != nil {
		return err
	}
	mode, ok := x.given.get("mode")
	switch {
	case !ok || mode == "delete":
		err = a.engine.Delete(x.ctx, x.caller, id)
	case mode == "redact":
		err = a.engine.Redact(x.ctx, x.caller, id)
	default:
		err = badField("mode", jsonx.CodeInvalidValue, "must be delete or redact, not "+quote(mode))
	}
	if err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func (a *API) executionLogs(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query("step", "attempt", "limit", "cursor"); err != nil {
		return err
	}
	var r engine.LogRequest
	if step, ok := x.given.get("step"); ok {
		if len(step) > maxStep {
			return badField("step", jsonx.CodeTooLong, "must have at most "+strconv.Itoa(maxStep)+" bytes")
		}
		r.Step = &step
	}
	attempt, err := x.queryInt("attempt", 1, 1<<31-1, 0)
	if err != nil {
		return err
	}
	limit, err := x.queryInt("limit", 1, 1000, 200)
	if err != nil {
		return err
	}
	place, err := x.queryCursor(cursorLogs)
	if err != nil {
		return err
	}
	r.Attempt, r.Limit = int32(attempt), int(limit)
	if place != nil {
		after, ok := parseLogPlace(place)
		if !ok {
			return badCursor()
		}
		r.After = after
	}
	lines, more, next, err := a.engine.Logs(x.ctx, x.caller, id, r)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	for i := range lines {
		if i > 0 {
			b = append(b, ',')
		}
		l := &lines[i]
		b = appendInt(b, `{"attempt":`, int64(l.Attempt))
		b = appendText(b, `,"step":`, l.Step)
		b = appendTime(b, `,"at":`, l.At)
		b = appendText(b, `,"level":`, l.Level)
		b = append(b, `,"message":`...)
		b = jsonx.AppendString(b, l.Message)
		b = appendRaw(b, `,"fields":`, notEmpty(l.Fields))
		b = append(b, '}')
	}
	x.out = append(appendPage(b, more, cursorLogs, logPlace(next)), '}')
	return x.json(http.StatusOK)
}

func (a *API) cancelExecutions(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var filter *engine.ListRequest
	var r engine.CancelRequest
	limit := int64(maxBatch)
	err := x.decode(func(p *jsonx.Parser) {
		if !p.Object() {
			return
		}
		for p.Next() {
			switch string(p.Name()) {
			case "filter":
				filter = &engine.ListRequest{}
				readFilter(p, filter, x.start)
			case "reason":
				r.Reason, _ = p.String(maxReason)
			case "grace_ms":
				r.Grace = readGrace(p)
			case "limit":
				limit, _ = p.Int(1, maxBatch)
			default:
				p.Unknown([]string{"filter", "reason", "grace_ms", "limit"})
			}
		}
		if filter == nil {
			p.ReportMember("", "filter", jsonx.CodeRequired, "is required; write {} to cancel every open execution")
		}
	})
	if err != nil {
		return err
	}
	filter.Limit = int(limit)
	out, err := a.engine.CancelAll(x.ctx, x.caller, filter, r)
	if err != nil {
		return err
	}
	b := appendInt(x.out, `{"matched":`, int64(out.Matched))
	b = appendInt(b, `,"cancelled":`, int64(out.Cancelled))
	b = appendInt(b, `,"requested":`, int64(out.Requested))
	b = appendInt(b, `,"already_terminal":`, int64(out.AlreadyTerminal))
	b = append(b, `,"has_more":`...)
	b = strconv.AppendBool(b, out.More)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// readFilter reads from a body what queryFilter reads from a query.
func readFilter(p *jsonx.Parser, r *engine.ListRequest, now time.Time) {
	if !p.Object() {
		return
	}
	date := func(end bool) time.Time {
		s, ok := p.String(64)
		if !ok {
			return time.Time{}
		}
		t, ok := parseDate(s, now, end)
		if !ok {
			p.ReportRead(jsonx.CodeInvalidValue, dateHelp+quote(s))
		}
		return t
	}
	check := func(problem string) {
		if problem != "" {
			p.ReportRead(jsonx.CodeInvalidValue, problem)
		}
	}
	var problem string
	for p.Next() {
		switch string(p.Name()) {
		case "status":
			if names := readList(p, execution.Statuses, 20); names != nil {
				r.Status, problem = parseStatuses(names)
				if len(names) == 0 {
					problem = "must name at least one status; leave it out for all"
				}
				check(problem)
			}
		case "workflow_id":
			r.Workflow = readName(p, maxRef)
		case "created_from":
			r.From = date(false)
		case "created_to":
			r.To = date(true)
		case "metadata":
			r.Metadata = readMetadata(p, maxMetadata)
		case "trigger":
			if names := readList(p, len(execution.Triggers()), 20); names != nil {
				r.Triggers, problem = parseTriggers(names)
				check(problem)
			}
		case "awaiting":
			if text, ok := p.String(maxStep + len("approval:")); ok {
				r.Awaiting, problem = parseAwaiting(text)
				check(problem)
			}
		case "text":
			r.Text = readName(p, maxText)
		default:
			p.Unknown([]string{"status", "workflow_id", "created_from", "created_to", "metadata", "trigger", "awaiting", "text"})
		}
	}
}
