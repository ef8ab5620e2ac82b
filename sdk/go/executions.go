package sojourn

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ExecutionService is Client.Executions.
type ExecutionService struct{ c *Client }

// StartParams describe an execution to start. Only Workflow is required.
type StartParams struct {
	Workflow       string            // name or id
	Input          any               // any value that encodes to a JSON object; nil: {}
	Timeout        time.Duration     // wall clock from creation, then it is cancelled; 0: the workflow's, or none
	StartAt        time.Time         // start later, at this time
	Delay          time.Duration     // start later, after this long; not with StartAt
	QueueTTL       time.Duration     // rejected when no worker took it in this time; 0: waits
	Metadata       map[string]string // at most 32 entries, found by List
	Priority       int               // -100 to 100, higher is claimed first
	Version        string            // label or number of a workflow version; "": the current one
	IdempotencyKey string            // one key, one execution; "": made once for this call
	Trigger        string            // api, cli or manual; "": api
	TraceParent    string            // W3C traceparent, handed to the worker
	CallbackURL    string            // gets one signed message when the execution has ended; see VerifyWebhook
	Overrides      map[string]any    // steps that do not run, by their recorded names, and the outputs they have instead

	// Wait lets the server hold the answer until the execution ends, at most this long (60 s).
	Wait time.Duration
	// UntilActionable ends the Wait also when the execution waits for a signal or an approval.
	UntilActionable bool
	// IncludeSteps asks for the steps in the answer.
	IncludeSteps bool
}

type startBody struct {
	Workflow       string            `json:"workflow_id"`
	Input          json.RawMessage   `json:"input"`
	Timeout        *int64            `json:"timeout_ms,omitempty"`
	StartAt        *string           `json:"start_at,omitempty"`
	Delay          *int64            `json:"delay_ms,omitempty"`
	QueueTTL       *int64            `json:"queue_ttl_ms,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	Priority       int               `json:"priority,omitempty"`
	Version        string            `json:"version,omitempty"`
	IdempotencyKey string            `json:"idempotency_key,omitempty"`
	Trigger        string            `json:"trigger,omitempty"`
	CallbackURL    string            `json:"callback_url,omitempty"`
	Overrides      *startOverrides   `json:"overrides,omitempty"`
}

type startOverrides struct {
	Steps map[string]json.RawMessage `json:"steps"`
}

func (p *StartParams) body() (*startBody, error) {
	input := json.RawMessage("{}")
	if p.Input != nil {
		var err error
		if input, err = encode(p.Input); err != nil {
			return nil, fmt.Errorf("sojourn: encoding the input: %w", err)
		}
	}
	b := &startBody{
		Workflow: p.Workflow, Input: input, Timeout: millis(p.Timeout), Delay: millis(p.Delay), QueueTTL: millis(p.QueueTTL),
		Metadata: p.Metadata, Priority: p.Priority, Version: p.Version, Trigger: p.Trigger,
		CallbackURL: p.CallbackURL,
	}
	if !p.StartAt.IsZero() {
		at := p.StartAt.UTC().Format("2006-01-02T15:04:05.000Z")
		b.StartAt = &at
	}
	if len(p.Overrides) > 0 {
		b.Overrides = &startOverrides{Steps: make(map[string]json.RawMessage, len(p.Overrides))}
		for step, output := range p.Overrides {
			var err error
			if b.Overrides.Steps[step], err = encode(output); err != nil {
				return nil, fmt.Errorf("sojourn: encoding the output of the overridden step %q: %w", step, err)
			}
		}
	}
	return b, nil
}

// millis is a duration on the wire: absent when zero, and never rounded to zero.
func millis(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	ms := d.Milliseconds()
	if ms == 0 && d > 0 {
		ms = 1
	}
	return &ms
}

// Start starts an execution and returns once it is durably stored, or with Wait once it has ended or the time is over.
// It may be retried: all tries carry one idempotency key and make one execution.
func (s *ExecutionService) Start(ctx context.Context, p StartParams) (*Execution, error) {
	body, err := p.body()
	if err != nil {
		return nil, err
	}
	r := request{method: http.MethodPost, path: "/v1/executions", hold: p.Wait, header: http.Header{
		"Idempotency-Key": {firstOf(p.IdempotencyKey, NewIdempotencyKey())},
	}}
	if p.TraceParent != "" {
		r.header["Traceparent"] = []string{p.TraceParent}
	}
	if p.Wait > 0 || p.IncludeSteps {
		r.query = url.Values{}
		if p.Wait > 0 {
			r.query.Set("wait", waitSeconds(p.Wait))
			if p.UntilActionable {
				r.query.Set("until", "actionable")
			}
		}
		if p.IncludeSteps {
			r.query.Set("include", "steps")
		}
	}
	if r.body, err = encode(body); err != nil {
		return nil, fmt.Errorf("sojourn: %w", err)
	}
	x := new(Execution)
	a, err := s.c.do(ctx, r, x)
	if err != nil {
		return nil, err
	}
	x.Replayed = a.header.Get("Idempotent-Replay") == "true"
	x.KeyExpires, _ = time.Parse(time.RFC3339, a.header.Get("Idempotency-Key-Expires"))
	return x, nil
}

// BatchResult is the answer to one start of a batch: Execution or Error is set.
type BatchResult struct {
	Status    int        `json:"status"`
	Execution *Execution `json:"execution,omitempty"`
	Error     *Error     `json:"-"`
}

// UnmarshalJSON reads the problem document of a refused start.
func (r *BatchResult) UnmarshalJSON(data []byte) error {
	type plain BatchResult
	wire := struct {
		*plain
		Error json.RawMessage `json:"error"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(data, &wire); err != nil {
		return err
	}
	if len(wire.Error) > 0 && string(wire.Error) != "null" {
		r.Error = parseError(r.Status, http.Header{}, wire.Error)
	}
	return nil
}

// StartBatch starts up to 1,000 executions in one request; each succeeds or fails by itself, in the order given. Wait,
// IncludeSteps and TraceParent are not used.
func (s *ExecutionService) StartBatch(ctx context.Context, starts []StartParams) ([]BatchResult, error) {
	bodies := make([]*startBody, len(starts))
	for i := range starts {
		b, err := starts[i].body()
		if err != nil {
			return nil, fmt.Errorf("executions[%d]: %w", i, err)
		}
		b.IdempotencyKey = firstOf(starts[i].IdempotencyKey, NewIdempotencyKey())
		bodies[i] = b
	}
	out, err := call[struct {
		Results []BatchResult `json:"results"`
	}](ctx, s.c, request{method: http.MethodPost, path: "/v1/executions/batch"}, map[string]any{"executions": bodies})
	if err != nil {
		return nil, err
	}
	if len(out.Results) != len(starts) {
		return nil, fmt.Errorf("sojourn: the server answered %d of %d starts", len(out.Results), len(starts))
	}
	return out.Results, nil
}

// GetOption says what Get, Wait and Watch should fetch.
type GetOption func(*getOptions)

type getOptions struct {
	include    []string
	hold       time.Duration
	actionable bool
	etag       string
}

// IncludeSteps fetches the steps too.
func IncludeSteps() GetOption { return func(o *getOptions) { o.include = append(o.include, "steps") } }

// IncludeEvents fetches the history too.
func IncludeEvents() GetOption {
	return func(o *getOptions) { o.include = append(o.include, "events") }
}

// Hold lets the server hold the answer until the execution ends, at most this long (60 s).
func Hold(d time.Duration) GetOption { return func(o *getOptions) { o.hold = d } }

// UntilActionable ends a Hold, or a Wait, also when the execution waits for a signal or an approval; see
// Execution.Actionable.
func UntilActionable() GetOption { return func(o *getOptions) { o.actionable = true } }

// Get reads an execution.
func (s *ExecutionService) Get(ctx context.Context, id string, options ...GetOption) (*Execution, error) {
	var o getOptions
	for _, option := range options {
		option(&o)
	}
	return s.get(ctx, id, o)
}

// get returns nil without an error when the etag still holds.
func (s *ExecutionService) get(ctx context.Context, id string, o getOptions) (*Execution, error) {
	r := request{method: http.MethodGet, path: executionPath(id, ""), hold: o.hold, query: url.Values{}}
	if o.hold > 0 {
		r.query.Set("wait", waitSeconds(o.hold))
		if o.actionable {
			r.query.Set("until", "actionable")
		}
	}
	if len(o.include) > 0 {
		r.query.Set("include", strings.Join(o.include, ","))
	}
	if o.etag != "" {
		r.header = http.Header{"If-None-Match": {o.etag}}
	}
	x := new(Execution)
	a, err := s.c.do(ctx, r, x)
	if err != nil {
		return nil, err
	}
	if a.status == http.StatusNotModified {
		return nil, nil
	}
	x.etag = a.header.Get("Etag")
	return x, nil
}

// waitSeconds is the wire form of a hold: whole seconds, at least 1, at most 60.
func waitSeconds(d time.Duration) string {
	return strconv.Itoa(int(min(max((d+time.Second-1)/time.Second, 1), 60)))
}

func executionPath(id, rest string) string { return "/v1/executions/" + url.PathEscape(id) + rest }

// ListParams filter a list of executions. All filters must hold; zero fields do not filter.
type ListParams struct {
	Status      []Status // any of these
	Workflow    string   // name or id
	CreatedFrom string   // a date, a date-time, or an expression such as now()-7d
	CreatedTo   string
	Metadata    map[string]string // all of these
	Trigger     []string          // any of these
	Awaiting    string            // approval or signal, after a colon with the name of the wait if you like
	Text        string            // found in the input, output or error
	Limit       int               // 1 to 100 per page; default 20
	Cursor      string            // NextCursor of the page before
	Counts      bool              // ask for ExecutionPage.Counts
}

func (p *ListParams) query() url.Values {
	q := url.Values{}
	if len(p.Status) > 0 {
		texts := make([]string, len(p.Status))
		for i, s := range p.Status {
			texts[i] = string(s)
		}
		q.Set("status", strings.Join(texts, ","))
	}
	set(q, "workflow_id", p.Workflow)
	set(q, "created_from", p.CreatedFrom)
	set(q, "created_to", p.CreatedTo)
	for k, v := range p.Metadata {
		q.Set("metadata["+k+"]", v)
	}
	set(q, "trigger", strings.Join(p.Trigger, ","))
	set(q, "awaiting", p.Awaiting)
	set(q, "text", p.Text)
	page(q, p.Limit, p.Cursor)
	if p.Counts {
		q.Set("include", "counts")
	}
	return q
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func page(q url.Values, limit int, cursor string) {
	if limit != 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	set(q, "cursor", cursor)
}

// ExecutionPage is one page of a list, newest first.
type ExecutionPage struct {
	Page[*Execution]
	// SearchedUntil says how far back a slow search has looked when it stopped early; go on with NextCursor.
	SearchedUntil time.Time `json:"searched_until,omitzero"`
	// Counts are set when ListParams.Counts asked for them.
	Counts *Counts `json:"counts,omitempty"`
}

// List reads one page, newest first.
func (s *ExecutionService) List(ctx context.Context, p ListParams) (*ExecutionPage, error) {
	return call[ExecutionPage](ctx, s.c, request{method: http.MethodGet, path: "/v1/executions", query: p.query()}, nil)
}

// All reads every execution that fits, newest first, a page at a time. An error ends it.
func (s *ExecutionService) All(ctx context.Context, p ListParams) iter.Seq2[*Execution, error] {
	return pages(p.Cursor, func(cursor string) (*Page[*Execution], error) {
		p.Cursor = cursor
		out, err := s.List(ctx, p)
		if err != nil {
			return nil, err
		}
		return &out.Page, nil
	})
}

// CountParams filter Counts.
type CountParams struct {
	Workflow    string
	CreatedFrom string
	CreatedTo   string
}

// Counts is how many executions are in each state.
type Counts struct {
	Counts map[Status]int64 `json:"counts"`
	Total  int64            `json:"total"`
	Exact  bool             `json:"exact"`
}

// UnmarshalJSON also reads the short form, an object of states alone.
func (c *Counts) UnmarshalJSON(data []byte) error {
	type plain Counts
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	if _, ok := members["counts"]; ok {
		return json.Unmarshal(data, (*plain)(c))
	}
	c.Counts, c.Exact = map[Status]int64{}, true
	for name, raw := range members {
		var n int64
		if json.Unmarshal(raw, &n) == nil && name != "total" {
			c.Counts[Status(name)] = n
			c.Total += n
		}
	}
	return nil
}

// Counts counts executions by state.
func (s *ExecutionService) Counts(ctx context.Context, p CountParams) (*Counts, error) {
	q := url.Values{}
	set(q, "workflow_id", p.Workflow)
	set(q, "created_from", p.CreatedFrom)
	set(q, "created_to", p.CreatedTo)
	return call[Counts](ctx, s.c, request{method: http.MethodGet, path: "/v1/executions/counts", query: q}, nil)
}

// CancelParams say how to cancel.
type CancelParams struct {
	Reason string
	// Grace is how long a running handler may take to stop by itself; nil: the server's default, 30 s.
	Grace *time.Duration
}

type cancelBody struct {
	Reason string `json:"reason,omitempty"`
	Grace  *int64 `json:"grace_ms,omitempty"`
}

func graceMillis(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}

// Cancel asks an execution to stop. The one returned is cancelled when no worker held it, otherwise its
// CancelRequestedAt is set and it ends within the grace; asking again changes nothing. One that has already ended gives
// an error that is ErrAlreadyTerminal.
func (s *ExecutionService) Cancel(ctx context.Context, id string, p CancelParams) (*Execution, error) {
	return call[Execution](ctx, s.c, request{method: http.MethodPost, path: executionPath(id, "/cancel")}, cancelBody{p.Reason, graceMillis(p.Grace)})
}

// Terminate ends an execution at once, without letting its handler clean up. One that has already ended gives an error
// that is ErrAlreadyTerminal.
func (s *ExecutionService) Terminate(ctx context.Context, id, reason string) (*Execution, error) {
	return call[Execution](ctx, s.c, request{method: http.MethodPost, path: executionPath(id, "/terminate")}, cancelBody{Reason: reason})
}

// Delete removes a finished execution. One that has not ended gives an error that is ErrNotFinished.
func (s *ExecutionService) Delete(ctx context.Context, id string) error {
	_, err := s.c.do(ctx, request{method: http.MethodDelete, path: executionPath(id, "")}, nil)
	return err
}

// Redact removes the payloads of a finished execution and keeps the rest.
func (s *ExecutionService) Redact(ctx context.Context, id string) error {
	_, err := s.c.do(ctx, request{method: http.MethodDelete, path: executionPath(id, ""), query: url.Values{"mode": {"redact"}}}, nil)
	return err
}

// LogParams filter Logs.
type LogParams struct {
	Step    string // "": all
	Attempt int    // 0: all
	Limit   int    // 1 to 1,000 per page; default 200
	Cursor  string
}

// LogLine is one line that a handler or step logged.
type LogLine struct {
	Step    string          `json:"step,omitempty"` // empty: the handler itself
	Attempt int             `json:"attempt"`
	At      time.Time       `json:"at"`
	Level   string          `json:"level"` // debug, info, warn or error
	Message string          `json:"message"`
	Fields  json.RawMessage `json:"fields,omitempty"`
}

// LogPage is one page of lines, oldest first.
type LogPage = Page[LogLine]

// Logs reads one page of an execution's lines.
func (s *ExecutionService) Logs(ctx context.Context, id string, p LogParams) (*LogPage, error) {
	q := url.Values{}
	set(q, "step", p.Step)
	if p.Attempt != 0 {
		q.Set("attempt", strconv.Itoa(p.Attempt))
	}
	page(q, p.Limit, p.Cursor)
	return call[LogPage](ctx, s.c, request{method: http.MethodGet, path: executionPath(id, "/logs"), query: q}, nil)
}

// AllLogs reads every line, oldest first, a page at a time. An error ends it.
func (s *ExecutionService) AllLogs(ctx context.Context, id string, p LogParams) iter.Seq2[LogLine, error] {
	return pages(p.Cursor, func(cursor string) (*LogPage, error) {
		p.Cursor = cursor
		return s.Logs(ctx, id, p)
	})
}

// CancelAllParams say which executions to cancel and how. An empty Filter means all that have not ended.
type CancelAllParams struct {
	Filter CancelFilter
	Reason string
	Grace  *time.Duration // as in CancelParams
	Limit  int            // 1 to 1,000 in one call; default 1,000
}

// CancelFilter is ListParams without the paging.
type CancelFilter struct {
	Status      []Status          `json:"status,omitempty"`
	Workflow    string            `json:"workflow_id,omitempty"`
	CreatedFrom string            `json:"created_from,omitempty"`
	CreatedTo   string            `json:"created_to,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Trigger     []string          `json:"trigger,omitempty"`
	Awaiting    string            `json:"awaiting,omitempty"`
	Text        string            `json:"text,omitempty"`
}

// CancelAllResult says what a CancelAll did.
type CancelAllResult struct {
	Matched         int  `json:"matched"`
	Cancelled       int  `json:"cancelled"` // at once
	Requested       int  `json:"requested"` // their workers were told
	AlreadyTerminal int  `json:"already_terminal"`
	HasMore         bool `json:"has_more"` // call again
}

// CancelAll cancels open executions that fit a filter; those that are being cancelled already are left alone. As long as
// HasMore, call it again.
func (s *ExecutionService) CancelAll(ctx context.Context, p CancelAllParams) (*CancelAllResult, error) {
	return call[CancelAllResult](ctx, s.c, request{method: http.MethodPost, path: "/v1/executions/cancel"}, struct {
		Filter CancelFilter `json:"filter"`
		cancelBody
		Limit int `json:"limit,omitempty"`
	}{p.Filter, cancelBody{p.Reason, graceMillis(p.Grace)}, p.Limit})
}
