package sojourn_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/server"
)

// hooked is a client of a real server that may send to this machine.
func hooked(t *testing.T) *sojourn.Client {
	t.Helper()
	srv, err := server.Open(t.Context(), server.Config{Memory: true, NoListener: true, CallbackAllow: []string{"127.0.0.1"}, CallbackHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	client, err := srv.Client()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Workflows.Create(t.Context(), sojourn.WorkflowParams{Name: "w"}); err != nil {
		t.Fatal(err)
	}
	return client
}

// receiver verifies each message with the secrets and hands it on.
func receiver(t *testing.T, secrets func() []string) (string, <-chan *sojourn.WebhookEvent) {
	t.Helper()
	events := make(chan *sojourn.WebhookEvent, 16)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		e, err := sojourn.VerifyWebhook(body, r.Header, secrets()...)
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if _, err := sojourn.VerifyWebhook([]byte(strings.Replace(string(body), `"id"`, ` "id"`, 1)), r.Header, secrets()...); !errors.Is(err, sojourn.ErrWebhook) {
			t.Errorf("a changed body: %v", err)
		}
		events <- e
	}))
	t.Cleanup(s.Close)
	return s.URL, events
}

func next(t *testing.T, events <-chan *sojourn.WebhookEvent) *sojourn.WebhookEvent {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(30 * time.Second):
		t.Fatal("no message came")
		return nil
	}
}

func TestWebhooksFromEndToEnd(t *testing.T) {
	t.Parallel()
	client := hooked(t)
	ctx := t.Context()
	hooks := client.Webhooks
	var secret string
	url, events := receiver(t, func() []string { return []string{secret} })
	x, err := hooks.Endpoints.Create(ctx, sojourn.WebhookEndpointParams{URL: url, Description: "d", Events: []string{sojourn.WebhookCreated, sojourn.WebhookTerminal}, Workflows: []string{"w"}, Disabled: true})
	if err != nil || x.Enabled || x.Secret == "" || len(x.Events) != 2 || x.Description != "d" || x.DisabledReason != "by_request" {
		t.Fatalf("%+v, %v", x, err)
	}
	secret = x.Secret
	d, err := hooks.Endpoints.Test(ctx, x.ID)
	if err != nil || d.Kind != "test" || d.EndpointID != x.ID {
		t.Fatalf("%+v, %v", d, err)
	}
	if e := next(t, events); e.ID != d.ID || e.Type != "endpoint.test" || e.Execution != nil || !strings.Contains(string(e.Data), x.ID) {
		t.Errorf("%+v", e)
	}
	on, none := true, ""
	if x, err = hooks.Endpoints.Update(ctx, x.ID, sojourn.WebhookEndpointUpdate{Enabled: &on, Description: &none, Workflows: []string{}, URL: &url, Events: []string{sojourn.WebhookTerminal}}); err != nil || !x.Enabled || x.Description != "" || x.Workflows != nil || len(x.Events) != 1 {
		t.Fatalf("%+v, %v", x, err)
	}
	grace := time.Duration(0)
	rotated, err := hooks.Endpoints.Rotate(ctx, x.ID, &grace)
	if err != nil || rotated.Secret == "" || rotated.Secret == secret || len(rotated.SecretHints) != 1 {
		t.Fatalf("%+v, %v", rotated, err)
	}
	secret = rotated.Secret
	run, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "w"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Executions.Cancel(ctx, run.ID, sojourn.CancelParams{}); err != nil {
		t.Fatal(err)
	}
	e := next(t, events)
	if e.Type != "execution.cancelled" || e.Execution.ID != run.ID || e.Execution.Status != sojourn.StatusCancelled || e.Execution.Revision < 2 || e.OutputURL != "" || e.CreatedAt.IsZero() {
		t.Errorf("%+v of %+v", e, e.Execution)
	}
	var found *sojourn.WebhookDelivery
	for d, err := range hooks.Deliveries.All(ctx, sojourn.WebhookDeliveryParams{ExecutionID: run.ID, EndpointID: x.ID, Limit: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		found = d
	}
	if found == nil || found.ID != e.ID {
		t.Fatalf("the log has %+v", found)
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if found, err = hooks.Deliveries.Get(ctx, e.ID); err != nil {
			t.Fatal(err)
		}
		if found.State == sojourn.DeliveryDelivered && len(found.AttemptLog) == 1 && found.AttemptLog[0].Status == 200 && found.Body != "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v", found)
		}
	}
	again, err := hooks.Deliveries.Redeliver(ctx, e.ID)
	if err != nil || again.ID != e.ID {
		t.Fatalf("%+v, %v", again, err)
	}
	if e2 := next(t, events); e2.ID != e.ID {
		t.Errorf("again: %+v", e2)
	}
	if list, err := hooks.Endpoints.List(ctx); err != nil || len(list) != 1 || list[0].Secret != "" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := hooks.Endpoints.Delete(ctx, x.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := hooks.Endpoints.Get(ctx, x.ID); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("a deleted endpoint: %v", err)
	}
	page, err := hooks.Deliveries.List(ctx, sojourn.WebhookDeliveryParams{States: []string{sojourn.DeliveryPending, sojourn.DeliveryDead}})
	if err != nil || len(page.Data) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func TestACallbackFromEndToEnd(t *testing.T) {
	t.Parallel()
	client := hooked(t)
	ctx := t.Context()
	first, err := client.Webhooks.CallbackSecrets(ctx)
	if err != nil || len(first) != 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	url, events := receiver(t, func() []string { return []string{first[0].Secret} })
	rotated, err := client.Webhooks.RotateCallbackSecret(ctx, nil)
	if err != nil || len(rotated) != 2 || rotated[1].Secret != first[0].Secret || rotated[1].ExpiresAt.IsZero() {
		t.Fatalf("%+v, %v", rotated, err)
	}

	worker := sojourn.NewWorker(client, sojourn.WorkerConfig{})
	sojourn.Handle(worker, "big", func(*sojourn.Context, struct{}) (string, error) { return strings.Repeat("x", 30<<10), nil })
	working, stop := context.WithCancel(ctx)
	worked := make(chan error, 1)
	go func() { worked <- worker.Run(working) }()
	defer func() {
		stop()
		if err := <-worked; err != nil {
			t.Error(err)
		}
	}()
	// The old secret still signs.
	run, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "w", CallbackURL: url + "/a?b=c"})
	if err != nil || run.CallbackURL != url+"/a?b=c" {
		t.Fatalf("%+v, %v", run, err)
	}
	if _, err := client.Executions.Cancel(ctx, run.ID, sojourn.CancelParams{}); err != nil {
		t.Fatal(err)
	}
	if e := next(t, events); e.Execution.ID != run.ID {
		t.Errorf("%+v", e.Execution)
	}
	if _, err := client.Workflows.Create(ctx, sojourn.WorkflowParams{Name: "big"}); err != nil && !errors.Is(err, sojourn.ErrConflict) {
		t.Fatal(err)
	}
	run, err = client.Executions.Start(ctx, sojourn.StartParams{Workflow: "big", CallbackURL: url})
	if err != nil {
		t.Fatal(err)
	}
	if e := next(t, events); e.Type != "execution.completed" || e.Execution.Output != nil || !strings.HasSuffix(e.OutputURL, "/v1/executions/"+run.ID) {
		t.Errorf("%s, output of %d bytes, at %s", e.Type, len(e.Execution.Output), e.OutputURL)
	}
	var refused *sojourn.Error
	if _, err := client.Executions.Start(ctx, sojourn.StartParams{Workflow: "w", CallbackURL: "https://10.0.0.1/"}); !errors.As(err, &refused) || refused.Status != 400 || refused.Fields[0].Field != "callback_url" {
		t.Errorf("a private address: %v", err)
	}
}

// What the official library signs is verified, and nothing else.
func TestVerifyWebhook(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body := []byte(`{"id":"evt_1","type":"execution.failed","created_at":"2026-11-22T00:00:00.000Z","data":{"id":"exec_1","status":"failed","revision":7,"error":"no","new":1}}`)
	sign := func(at time.Time) http.Header {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		s, err := wh.Sign("evt_1", at, body)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		h.Set("Webhook-Id", "evt_1")
		h.Set("Webhook-Timestamp", fmtUnix(at))
		h.Set("Webhook-Signature", "v1,AAAA v2,x "+s)
		return h
	}
	h := sign(time.Now())
	e, err := sojourn.VerifyWebhook(body, h, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", secret)
	if err != nil || e.ID != "evt_1" || e.Execution.Error != "no" || e.Execution.Revision != 7 {
		t.Fatalf("%+v, %v", e, err)
	}
	with := func(name, value string) http.Header {
		h := h.Clone()
		h.Set(name, value)
		return h
	}
	for what, c := range map[string]struct {
		body   []byte
		header http.Header
		secret string
	}{
		"another secret":  {body, h, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		"another body":    {append(body, ' '), h, secret},
		"another id":      {body, with("Webhook-Id", "evt_2"), secret},
		"another time":    {body, with("Webhook-Timestamp", fmtUnix(time.Now().Add(time.Second))), secret},
		"no id":           {body, with("Webhook-Id", ""), secret},
		"no time":         {body, with("Webhook-Timestamp", ""), secret},
		"no signature":    {body, with("Webhook-Signature", ""), secret},
		"a bare v1":       {body, with("Webhook-Signature", "v1,"), secret},
		"a time in words": {body, with("Webhook-Timestamp", "now"), secret},
		"old":             {body, sign(time.Now().Add(-6 * time.Minute)), secret},
		"of the future":   {body, sign(time.Now().Add(6 * time.Minute)), secret},
	} {
		if e, err := sojourn.VerifyWebhook(c.body, c.header, c.secret); !errors.Is(err, sojourn.ErrWebhook) {
			t.Errorf("%s: %+v, %v", what, e, err)
		}
	}
	for _, secrets := range [][]string{nil, {"secret"}, {"whsec_"}, {"whsec_?"}} {
		if _, err := sojourn.VerifyWebhook(body, h, secrets...); err == nil || errors.Is(err, sojourn.ErrWebhook) {
			t.Errorf("secrets %q: %v", secrets, err)
		}
	}
}

func fmtUnix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
