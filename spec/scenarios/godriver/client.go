package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// command is one line of input.
type command struct {
	Seq  int             `json:"seq"`
	Do   string          `json:"do"`
	With json.RawMessage `json:"with"`
}

// failure is what the test learns of an error.
type failure struct {
	Kind    string   `json:"kind"`
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Status  int      `json:"status,omitempty"`
	Fields  []string `json:"fields,omitempty"`
}

// serve answers commands until the input ends. They run side by side, so that one may wait for what another does.
func serve(ctx context.Context, client *sojourn.Client, in io.Reader, out io.Writer) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var c command
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return fmt.Errorf("a command is not JSON: %w", err)
		}
		wg.Go(func() {
			answer := map[string]any{"seq": c.Seq}
			if ok, err := do(ctx, client, c); err != nil {
				answer["error"] = failureOf(err)
			} else {
				answer["ok"] = ok
			}
			text, err := json.Marshal(answer)
			if err != nil {
				text, _ = json.Marshal(map[string]any{"seq": c.Seq, "error": failure{Kind: "other", Message: err.Error()}})
			}
			mu.Lock()
			defer mu.Unlock()
			_, _ = out.Write(append(text, '\n')) // without a reader there is nobody to tell
		})
	}
	wg.Wait()
	return lines.Err()
}

func failureOf(err error) failure {
	f := failure{Kind: kind(err), Message: err.Error()}
	var refused *sojourn.Error
	var failed *sojourn.ExecutionFailedError
	var cancelled *sojourn.ExecutionCancelledError
	var rejected *sojourn.ExecutionRejectedError
	switch {
	case errors.As(err, &refused):
		f.Code, f.Status = refused.Code, refused.Status
		for _, field := range refused.Fields {
			f.Fields = append(f.Fields, field.Field)
		}
	case errors.As(err, &failed):
		f.Code = failed.Code
	case errors.As(err, &cancelled):
		f.Code = cancelled.Code
	case errors.As(err, &rejected):
		f.Code = rejected.Code
	}
	return f
}

func kind(err error) string {
	var connection *sojourn.ConnectionError
	for _, k := range []struct {
		is   error
		name string
	}{
		{context.DeadlineExceeded, "timeout"},
		{sojourn.ErrAlreadyTerminal, "already_terminal"},
		{sojourn.ErrNotAwaiting, "not_awaiting"},
		{sojourn.ErrNotFinished, "not_finished"},
		{sojourn.ErrIdempotencyMismatch, "idempotency_mismatch"},
		{sojourn.ErrInvalid, "invalid"},
		{sojourn.ErrUnauthenticated, "unauthenticated"},
		{sojourn.ErrForbidden, "forbidden"},
		{sojourn.ErrNotFound, "not_found"},
		{sojourn.ErrDeleted, "deleted"},
		{sojourn.ErrConflict, "conflict"},
		{sojourn.ErrRateLimited, "rate_limited"},
		{sojourn.ErrUnavailable, "unavailable"},
	} {
		if errors.Is(err, k.is) {
			return k.name
		}
	}
	var failed *sojourn.ExecutionFailedError
	var cancelled *sojourn.ExecutionCancelledError
	var rejected *sojourn.ExecutionRejectedError
	switch {
	case errors.As(err, &connection):
		return "connection"
	case errors.As(err, &failed):
		return "execution_failed"
	case errors.As(err, &cancelled):
		return "execution_cancelled"
	case errors.As(err, &rejected):
		return "execution_rejected"
	}
	return "other"
}

// arguments are the members of all commands.
type arguments struct {
	ID        string            `json:"id"`
	Workflow  string            `json:"workflow"`
	Input     any               `json:"input"`
	Key       string            `json:"idempotency_key"`
	Delay     int64             `json:"delay_ms"`
	Timeout   int64             `json:"timeout_ms"`
	Metadata  map[string]string `json:"metadata"`
	Wait      int64             `json:"wait_ms"`
	Until     string            `json:"until"`
	Overrides map[string]any    `json:"overrides"`
	Steps     bool              `json:"steps"`
	Events    bool              `json:"events"`
	Status    []sojourn.Status  `json:"status"`
	Limit     int               `json:"limit"`
	Cursor    string            `json:"cursor"`
	Reason    string            `json:"reason"`
	Name      string            `json:"name"`
	Payload   any               `json:"payload"`
	Comment   string            `json:"comment"`
	By        string            `json:"by"`
	ExpiresIn int64             `json:"expires_in_ms"`
	After     int64             `json:"after"`
	Callback  string            `json:"callback_url"`
	Filename  string            `json:"filename"`
	MIMEType  string            `json:"mime_type"`
	Content   string            `json:"content"`
	Headers   map[string]string `json:"headers"`
	Body      string            `json:"body"`
}

func millis(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

func do(ctx context.Context, client *sojourn.Client, c command) (any, error) {
	var a arguments
	if err := json.Unmarshal(c.With, &a); err != nil {
		return nil, fmt.Errorf("the members of %s: %w", c.Do, err)
	}
	x := client.Executions
	list := sojourn.ListParams{Workflow: a.Workflow, Status: a.Status, Metadata: a.Metadata, Limit: a.Limit, Cursor: a.Cursor}
	decision := sojourn.DecisionParams{Name: a.Name, Comment: a.Comment, By: a.By, Payload: a.Payload}
	switch c.Do {
	case "start":
		return x.Start(ctx, sojourn.StartParams{
			Workflow: a.Workflow, Input: a.Input, IdempotencyKey: a.Key, Delay: millis(a.Delay), Timeout: millis(a.Timeout),
			Metadata: a.Metadata, Wait: millis(a.Wait), UntilActionable: a.Until == "actionable", Overrides: a.Overrides,
			CallbackURL: a.Callback,
		})
	case "get":
		var options []sojourn.GetOption
		if a.Steps {
			options = append(options, sojourn.IncludeSteps())
		}
		if a.Events {
			options = append(options, sojourn.IncludeEvents())
		}
		return x.Get(ctx, a.ID, options...)
	case "wait":
		if a.Timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, millis(a.Timeout))
			defer cancel()
		}
		if a.Until == "actionable" {
			return x.Wait(ctx, a.ID, sojourn.UntilActionable())
		}
		return x.Wait(ctx, a.ID)
	case "result":
		return sojourn.Result[json.RawMessage](ctx, client, a.ID)
	case "list":
		return x.List(ctx, list)
	case "list_all":
		ids := []string{}
		for item, err := range x.All(ctx, list) {
			if err != nil {
				return nil, err
			}
			ids = append(ids, item.ID)
		}
		return map[string]any{"ids": ids}, nil
	case "cancel":
		return x.Cancel(ctx, a.ID, sojourn.CancelParams{Reason: a.Reason})
	case "terminate":
		return x.Terminate(ctx, a.ID, a.Reason)
	case "delete":
		return struct{}{}, x.Delete(ctx, a.ID)
	case "signal":
		return x.Signal(ctx, a.ID, a.Name, sojourn.SignalParams{Payload: a.Payload, IdempotencyKey: a.Key})
	case "approve":
		return x.Approve(ctx, a.ID, decision)
	case "reject":
		return x.Reject(ctx, a.ID, decision)
	case "approval_link":
		return x.CreateApprovalLink(ctx, a.ID, sojourn.ApprovalLinkParams{Name: a.Name, ExpiresIn: millis(a.ExpiresIn)})
	case "events":
		events := []sojourn.Event{}
		for event, err := range x.Events(ctx, a.ID, a.After) {
			if err != nil {
				return nil, err
			}
			events = append(events, event)
		}
		return map[string]any{"events": events}, nil
	case "upload":
		f, err := client.Files.Upload(ctx, a.Filename, strings.NewReader(a.Content), sojourn.MIMEType(a.MIMEType))
		return stored(f), err
	case "download":
		var content strings.Builder
		_, err := client.Files.Download(ctx, a.ID, &content)
		return map[string]string{"content": content.String()}, err
	case "files":
		files := []any{}
		for f, err := range client.Files.All(ctx, sojourn.FileListParams{ExecutionID: a.ID}) {
			if err != nil {
				return nil, err
			}
			files = append(files, stored(f))
		}
		return map[string]any{"files": files}, nil
	case "deliveries":
		deliveries := []*sojourn.WebhookDelivery{}
		for d, err := range client.Webhooks.Deliveries.All(ctx, sojourn.WebhookDeliveryParams{ExecutionID: a.ID}) {
			if err != nil {
				return nil, err
			}
			deliveries = append(deliveries, d)
		}
		return map[string]any{"deliveries": deliveries}, nil
	case "verify":
		return verify(ctx, client, a)
	case "logs":
		lines := []sojourn.LogLine{}
		for line, err := range x.AllLogs(ctx, a.ID, sojourn.LogParams{}) {
			if err != nil {
				return nil, err
			}
			lines = append(lines, line)
		}
		return map[string]any{"lines": lines}, nil
	}
	return nil, fmt.Errorf("there is no command %q", c.Do)
}

// stored is a file with the members of the API.
func stored(f *sojourn.File) any {
	if f == nil {
		return nil
	}
	return map[string]any{"id": f.ID, "filename": f.Name, "mime_type": f.MIMEType, "size": f.Size, "sha256": f.SHA256, "created_at": f.CreatedAt}
}

// verify checks a callback by the project's secrets.
func verify(ctx context.Context, client *sojourn.Client, a arguments) (any, error) {
	secrets, err := client.Webhooks.CallbackSecrets(ctx)
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	for name, value := range a.Headers {
		header.Set(name, value)
	}
	texts := make([]string, len(secrets))
	for i, s := range secrets {
		texts[i] = s.Secret
	}
	event, err := sojourn.VerifyWebhook([]byte(a.Body), header, texts...)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": event.ID, "type": event.Type}, nil
}
