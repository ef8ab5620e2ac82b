package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// resumeAfter is the id of the last event that the client has: what its last connection got, which a browser sends by
// itself, or what it asks for.
func (x *exchange) resumeAfter() (text, field string) {
	if h := x.r.Header["Last-Event-Id"]; len(h) > 0 && h[0] != "" {
		return h[0], "Last-Event-ID"
	}
	text, _ = x.given.get("after")
	return text, "after"
}

// resumePlace is resumeAfter for streams of a project.
func (x *exchange) resumePlace() (engine.Place, error) {
	text, field := x.resumeAfter()
	if text == "" {
		return "", nil
	}
	place, ok := parseCursor(text, cursorEvents)
	if !ok || len(place) == 0 {
		return "", badField(field, jsonx.CodeInvalidValue, "is not the id of an event of this stream; pass one as you got it, or leave it out to begin now")
	}
	return engine.Place(place), nil
}

// executionEvents follows one execution.
func (a *API) executionEvents(x *exchange) error {
	id, err := x.executionID()
	if err != nil {
		return err
	}
	if err := x.query("after"); err != nil {
		return err
	}
	after := int64(0)
	if text, field := x.resumeAfter(); text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 || text[0] == '+' {
			return badField(field, jsonx.CodeInvalidValue, "must be the revision of the last event that you have, a whole number from 0, not "+quote(text))
		}
	}
	in, err := a.engine.Follow(x.ctx, x.caller, id, after)
	if err != nil {
		return err
	}
	defer in.Close()
	f := &feed{source: in, event: func(b []byte, e *engine.StreamEvent) []byte {
		return a.appendSSE(b, strconv.FormatInt(e.Revision, 10), e)
	}}
	switch {
	case wantsPage(x.r):
		page, err := in.Read(x.ctx)
		if err != nil {
			return err
		}
		last := after
		if page.Reset {
			last = 0
		}
		if n := len(page.Events); n > 0 {
			last = page.Events[n-1].Revision
		}
		return a.eventPage(x, page, strconv.FormatInt(last, 10))
	case x.r.Method == http.MethodHead:
		newSSE(x).head()
		return nil
	default:
		return a.stream(x, f)
	}
}

// maxFollowed is how many workflows or kinds one stream can be bounded to.
const maxFollowed = 100

// projectEvents follows the caller's project.
func (a *API) projectEvents(x *exchange) error {
	if err := x.query("after", "workflow_id+", "kinds"); err != nil {
		return err
	}
	r, err := x.queryFollow()
	if err != nil {
		return err
	}
	if r.After, err = x.resumePlace(); err != nil {
		return err
	}
	in, err := a.engine.FollowProject(x.ctx, x.caller, r)
	if err != nil {
		return err
	}
	defer in.Close()
	switch {
	case wantsPage(x.r):
		page, err := in.Read(x.ctx)
		if err != nil {
			return err
		}
		return a.eventPage(x, page, placeID(page.Cursor))
	case x.r.Method == http.MethodHead:
		newSSE(x).head()
		return nil
	default:
		return a.stream(x, &feed{
			source: in,
			event:  func(b []byte, e *engine.StreamEvent) []byte { return a.appendSSE(b, placeID(e.Cursor), e) },
			place:  func(b []byte, p *engine.StreamPage) []byte { return append(b, placeID(p.Cursor)...) },
		})
	}
}

// queryFollow reads which events of the project are wanted.
func (x *exchange) queryFollow() (*engine.FollowRequest, error) {
	r := &engine.FollowRequest{}
	for _, given := range x.given {
		if given.name != "workflow_id" {
			continue
		}
		switch {
		case given.value == "":
			return nil, badField("workflow_id", jsonx.CodeInvalidValue, "must not be empty; leave it out for all")
		case len(r.Workflows) == maxFollowed:
			return nil, badField("workflow_id", jsonx.CodeTooLong, "can be given at most "+strconv.Itoa(maxFollowed)+" times")
		}
		r.Workflows = append(r.Workflows, given.value)
	}
	text, ok := x.given.get("kinds")
	if !ok {
		return r, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		k, ok := execution.ParseEventKind(name)
		if !ok {
			return nil, unknownKind(name)
		}
		r.Kinds = append(r.Kinds, k)
	}
	return r, nil
}

func unknownKind(name string) error {
	known := make([]string, execution.EventKinds)
	for i := range known {
		known[i] = execution.EventKind(i + 1).String()
	}
	message := "must be one or more of " + strings.Join(known, ", ") + ", not " + quote(name)
	if near := jsonx.Nearest(name, known); near != "" {
		message += `; did you mean "` + near + `"?`
	}
	return badField("kinds", jsonx.CodeInvalidValue, message)
}

// placeID is a place in a project's stream as its clients have it.
func placeID(c engine.Place) string { return string(appendCursor(nil, cursorEvents, []byte(c))) }

// eventPage answers with the events there are, for clients that cannot read a stream.
func (a *API) eventPage(x *exchange, p *engine.StreamPage, last string) error {
	b := append(x.out, `{"data":[`...)
	for i := range p.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.appendStreamEvent(b, &p.Events[i])
	}
	b = append(b, `],"has_more":`...)
	b = strconv.AppendBool(b, p.More)
	b = append(b, `,"last_id":`...)
	b = jsonx.AppendString(b, last)
	b = appendTrue(b, `,"reset":`, p.Reset)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// appendSSE writes an event as a stream has it.
func (a *API) appendSSE(b []byte, id string, e *engine.StreamEvent) []byte {
	b = append(append(b, "id: "...), id...)
	b = append(append(b, "\nevent: "...), e.Kind.String()...)
	b = append(b, "\ndata: "...)
	from := len(b)
	b = a.appendStreamEvent(b, e)
	oneLine(b[from:])
	return append(b, '\n', '\n')
}

// appendStreamEvent writes an event with whose it is.
func (a *API) appendStreamEvent(b []byte, e *engine.StreamEvent) []byte {
	b = a.appendEvent(b, &e.Event)
	b = b[:len(b)-1] // the closing brace
	b = appendID(b, `,"execution_id":`, execution.PrefixExecution, e.Execution)
	if e.Workflow != nil {
		b = appendID(b, `,"workflow_id":`, execution.PrefixWorkflow, e.Workflow.ID)
		b = append(b, `,"workflow":`...)
		b = jsonx.AppendString(b, e.Workflow.Name)
	}
	return append(b, '}')
}

// appendEnd writes how a stream ended.
func appendEnd(b []byte, p *engine.StreamPage) []byte {
	if p.Deleted {
		return append(b, `{"deleted":true}`...)
	}
	b = appendText(b, `{"status":`, p.Status.String())
	return append(b, '}')
}
