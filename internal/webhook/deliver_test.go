package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store/teststore"
)

// receiver serves what handle answers to the n-th sight of a message.
func receiver(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, g got, n int)) (string, *inbox) {
	t.Helper()
	in := &inbox{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		g, n := in.add(r, body)
		handle(w, r, g, n)
	}))
	t.Cleanup(s.Close)
	return s.URL, in
}

func accept(w http.ResponseWriter, _ *http.Request, _ got, _ int) {
	w.WriteHeader(http.StatusNoContent)
}

// A callback is one message about the end, which the official library verifies with either of two secrets.
func TestACallbackIsDelivered(t *testing.T) {
	t.Parallel()
	b := run(t, teststore.Open(t))
	before := b.secrets()
	if _, err := b.RotateCallbackSecret(t.Context(), b.root, time.Hour); err != nil {
		t.Fatal(err)
	}
	url, in := receiver(t, accept)
	id := b.finished(url + "/done?x=1")
	list := b.settled()
	all := in.all()
	if len(list) != 1 || list[0].State != engine.DeliveryDelivered || list[0].Attempts != 1 || len(all) != 1 {
		t.Fatalf("deliveries %+v\ngot %s", list, in)
	}
	g := all[0]
	if g.id != list[0].ID.Text(execution.PrefixEvent) || g.data.ID != g.id || g.data.Type != "execution.cancelled" ||
		g.data.Data.ID != id.String() || g.data.Data.Status != "cancelled" || g.data.Data.Revision != list[0].Revision ||
		g.header.Get("Content-Type") != "application/json" || g.header.Get("User-Agent") != "Sojourn/test" {
		t.Errorf("got %s %v", g.body, g.header)
	}
	secrets := b.secrets()
	if len(secrets) != 2 || secrets[1] != before[0] {
		t.Fatalf("%d secrets", len(secrets))
	}
	for i, secret := range secrets {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(g.body, g.header); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
	}
	if v := b.delivery(list[0].ID); string(b.api.Message(v.Message)) != string(g.body) {
		t.Errorf("the log shows another body than was sent: %s", b.api.Message(v.Message))
	}
	b.audit()
}

// Each message is tried until its receiver takes it or says that it never will, and nothing inside is reached.
func TestAHostileReceiver(t *testing.T) {
	t.Parallel()
	b := run(t, teststore.Open(t))
	inside, reached := receiver(t, accept)
	insidePort := inside[strings.LastIndex(inside, ":"):]
	url, in := receiver(t, func(w http.ResponseWriter, r *http.Request, _ got, n int) {
		switch r.URL.Path {
		case "/500":
			http.Error(w, "no", http.StatusInternalServerError)
		case "/429":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/410":
			w.WriteHeader(http.StatusGone)
		case "/reset":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		case "/redirect":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusTemporaryRedirect)
		case "/inside":
			http.Redirect(w, r, "http://127.0.0.1"+insidePort+"/", http.StatusPermanentRedirect)
		case "/see-other":
			http.Redirect(w, r, inside, http.StatusSeeOther)
		case "/flood":
			w.WriteHeader(http.StatusOK)
			for range 4 << 10 {
				if _, err := w.Write(make([]byte, 4<<10)); err != nil {
					return
				}
			}
		case "/garbage":
			_, _ = w.Write([]byte("\xff\xfe<script>" + strings.Repeat("é", 2000)))
		default:
			w.WriteHeader(http.StatusOK)
		}
	})
	want := map[string]struct {
		state    engine.DeliveryState
		status   int
		problem  string
		earliest time.Duration // of the next attempt
	}{
		"/200":       {state: engine.DeliveryDelivered, status: 200},
		"/flood":     {state: engine.DeliveryDelivered, status: 200},
		"/garbage":   {state: engine.DeliveryDelivered, status: 200},
		"/410":       {state: engine.DeliveryDead, status: 410, problem: "410"},
		"/500":       {status: 500, problem: "500", earliest: 4 * time.Second},
		"/429":       {status: 429, problem: "429", earliest: 3590 * time.Second},
		"/reset":     {problem: "EOF", earliest: 4 * time.Second},
		"/redirect":  {status: 307, problem: "redirects are not followed", earliest: 4 * time.Second},
		"/inside":    {status: 308, problem: "redirects are not followed", earliest: 4 * time.Second},
		"/see-other": {status: 303, problem: "redirects are not followed", earliest: 4 * time.Second},
	}
	ids := map[execution.ID]string{}
	for path := range want {
		ids[b.finished(url+path)] = path
	}
	b.eventually("each message was tried", func() bool {
		for _, d := range b.deliveries() {
			if d.Attempts == 0 {
				return false
			}
		}
		return true
	})
	now := b.Now()
	for _, d := range b.deliveries() {
		path := ids[d.Execution]
		c := want[path]
		v := b.delivery(d.ID)
		first := v.Log[0]
		if d.State != c.state || first.Status != c.status || !strings.Contains(first.Error, c.problem) || (first.Error == "") != (c.problem == "") {
			t.Errorf("%s: %s after %+v", path, d.State, first)
		}
		if c.earliest > 0 && d.DueAt.Sub(now) < c.earliest-20*time.Second && d.DueAt.Sub(first.At) < c.earliest {
			t.Errorf("%s: the next attempt is %s after the first, want %s or more", path, d.DueAt.Sub(first.At), c.earliest)
		}
		if len(first.Excerpt) > 1<<10 || !strings.Contains(strings.ToValidUTF8(string(first.Excerpt), "?"), string(first.Excerpt)) {
			t.Errorf("%s: an excerpt of %d bytes", path, len(first.Excerpt))
		}
	}
	if got := reached.all(); len(got) > 0 {
		t.Errorf("a redirect was followed: %s", reached)
	}
	if len(in.all()) < len(want) {
		t.Errorf("only %d messages arrived", len(in.all()))
	}
	b.audit()
}

// A receiver that answers as it likes gets every message, each under one id, and can put the history in order.
func TestNothingIsLostOnAnUnsteadyReceiver(t *testing.T) {
	t.Parallel()
	b := run(t, teststore.Open(t))
	url, in := receiver(t, func(w http.ResponseWriter, _ *http.Request, _ got, n int) {
		if n == 1 {
			w.WriteHeader(http.StatusBadRequest) // an answer that speaks of this message alone
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	events := engine.MessageSet(0)
	for _, k := range []engine.MessageType{engine.MessageCreated, engine.MessageStatus, engine.MessageTerminal} {
		events |= k.Set()
	}
	if _, _, err := b.CreateEndpoint(t.Context(), b.root, engine.EndpointSpec{URL: &url, Events: &events}); err != nil {
		t.Fatal(err)
	}
	ids := b.finishedMany(url+"/callback", 20)
	b.eventually("each message failed once", func() bool {
		list := b.deliveries()
		for _, d := range list {
			if d.Attempts == 0 {
				return false
			}
		}
		return len(list) == 3*len(ids)
	})
	for _, d := range b.deliveries() {
		if _, err := b.Redeliver(t.Context(), b.root, d.ID); err != nil { // rather than wait for the second attempt
			t.Fatal(err)
		}
	}
	for _, d := range b.settled() {
		if d.State != engine.DeliveryDelivered {
			t.Errorf("%+v", d)
		}
	}
	history := map[string]map[int64]string{}
	bodies := map[string]string{}
	for _, g := range in.all() {
		if old, ok := bodies[g.id]; ok && old != string(g.body) {
			t.Errorf("message %s changed from %s to %s", g.id, old, g.body)
		}
		bodies[g.id] = string(g.body)
		if history[g.data.Data.ID] == nil {
			history[g.data.Data.ID] = map[int64]string{}
		}
		history[g.data.Data.ID][g.data.Data.Revision] = g.data.Data.Status
	}
	if len(bodies) != 3*len(ids) {
		t.Errorf("%d messages arrived, want %d", len(bodies), 3*len(ids))
	}
	for _, id := range ids {
		if got := fmt.Sprint(history[id.String()]); got != "map[1:pending 2:cancelled]" {
			t.Errorf("%s: the messages tell %s", id, got)
		}
	}
	b.audit()
}

// An endpoint whose receiver answers 410 is disabled, and hears nothing more.
func TestGoneDisablesAnEndpoint(t *testing.T) {
	t.Parallel()
	b := run(t, teststore.Open(t))
	url, in := receiver(t, func(w http.ResponseWriter, _ *http.Request, _ got, _ int) { w.WriteHeader(http.StatusGone) })
	x, _, err := b.CreateEndpoint(t.Context(), b.root, engine.EndpointSpec{URL: &url})
	if err != nil {
		t.Fatal(err)
	}
	b.finished("")
	b.eventually("the endpoint is disabled", func() bool {
		v, err := b.Endpoint(t.Context(), b.root, x.ID)
		return err == nil && v.Disabled == engine.DisabledGone
	})
	b.finished("")
	if list := b.settled(); len(list) != 1 || list[0].State != engine.DeliveryDead || len(in.all()) != 1 {
		t.Errorf("deliveries %+v", list)
	}
	// Whoever enables it again hears of what comes then.
	on := true
	if _, err := b.UpdateEndpoint(t.Context(), b.root, x.ID, engine.EndpointSpec{Enabled: &on}); err != nil {
		t.Fatal(err)
	}
	b.finished("")
	b.eventually("it was asked again", func() bool { return len(in.all()) == 2 })
	b.audit()
}
