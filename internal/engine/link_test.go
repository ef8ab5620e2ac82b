package engine_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
)

func (b *bench) link(id execution.ID, r engine.LinkRequest) *engine.Link {
	b.t.Helper()
	l, err := b.CreateLink(b.t.Context(), b.root, id, &r)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

func TestApprovalLinks(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		defer w.live(none)()
		id := b.start("echo").ID
		_, err := b.CreateLink(t.Context(), b.root, id, &engine.LinkRequest{})
		wantCode(t, "a link for nothing", err, "not_awaiting")
		// Before it is asked for, by name.
		early := b.link(id, engine.LinkRequest{Name: "boss"})
		if !strings.HasPrefix(early.Token, "sjn_apr_") || len(early.Token) != 51 || early.Step != "boss" || early.ExpiresAt != b.Now().Add(7*24*time.Hour) {
			t.Errorf("%+v", early)
		}
		if v, err := b.Link(t.Context(), early.Token); err != nil || v.Open || v.Name != "boss" || v.Workflow != "echo" || v.Execution != id {
			t.Errorf("before it is asked for: %+v, %v", v, err)
		}
		_, err = b.DecideByLink(t.Context(), early.Token, &engine.DecisionRequest{Approved: true})
		wantCode(t, "before it is asked for", err, "not_awaiting")
		a := w.poll()[0]
		held := b.link(id, engine.LinkRequest{Step: "boss#2", Lease: a.Lease})
		_, err = b.CreateLink(t.Context(), b.root, id, &engine.LinkRequest{Name: "boss", Lease: "1-forged"})
		wantCode(t, "with a forged lease", err, "stale_lease")
		o := wait(a, execution.WaitForApproval, "boss")
		o.Body = []byte(`{"amount":7}`)
		accepted(t, w.report(o, wait(a, execution.WaitForApproval, "boss#2"), op(a, engine.OpSuspend)))
		_, err = b.CreateLink(t.Context(), b.root, id, &engine.LinkRequest{})
		wantCode(t, "a link for one of two", err, "invalid_request")
		wantField(t, err, "name")
		if l := b.link(id, engine.LinkRequest{Name: "boss"}); l.Step != "boss" {
			t.Errorf("a link for the oldest of a name: %+v", l)
		}
		if v, err := b.Link(t.Context(), early.Token); err != nil || !v.Open || string(v.Payload) != `{"amount":7}` {
			t.Errorf("awaited: %+v, %v", v, err)
		}
		// Used once, by one of many.
		results := make(chan error, 20)
		for i := range cap(results) {
			go func() {
				_, err := b.DecideByLink(context.WithoutCancel(t.Context()), held.Token, &engine.DecisionRequest{Approved: i%2 == 0, By: "Ann"})
				results <- err
			}()
		}
		taken := 0
		for range cap(results) {
			if err := <-results; err == nil {
				taken++
			} else {
				wantCode(t, "a used link", err, "not_found")
			}
		}
		if taken != 1 {
			t.Errorf("%d decisions by one link", taken)
		}
		v := b.get(id)
		for _, e := range v.Events {
			if e.Kind == execution.EventWaitEnded && (e.Step != "boss#2" || e.Actor.Kind != execution.ActorLink || e.Signer() != "Ann") {
				t.Errorf("%+v", e)
			}
		}
		_, err = b.Link(t.Context(), held.Token)
		wantCode(t, "looking at a used link", err, "not_found")
		_, err = b.CreateLink(t.Context(), b.root, id, &engine.LinkRequest{Step: "boss#2"})
		wantCode(t, "a link for what is decided", err, "not_awaiting")
		// The other one dies with its wait.
		if _, err := b.decide(id, engine.DecisionRequest{Name: "boss", Approved: true}); err != nil {
			t.Fatal(err)
		}
		_, err = b.Link(t.Context(), early.Token)
		wantCode(t, "looking at a link whose wait has ended", err, "not_found")
		_, err = b.DecideByLink(t.Context(), early.Token, &engine.DecisionRequest{})
		wantCode(t, "deciding by a link whose wait has ended", err, "not_found")
		// And with the execution.
		last := b.link(id, engine.LinkRequest{Name: "later"})
		accepted(t, w.report(complete(w.poll()[0], "1")))
		_, err = b.Link(t.Context(), last.Token)
		wantCode(t, "looking at a link of an execution that has ended", err, "not_found")
		_, err = b.CreateLink(t.Context(), b.root, id, &engine.LinkRequest{Name: "boss"})
		wantCode(t, "a link for what has ended", err, "already_terminal")
		for _, token := range []string{"", "sjn_apr_", last.Token + "0", "sjn_apr_" + strings.Repeat("0", 43), strings.ToUpper(last.Token)} {
			_, err := b.Link(t.Context(), token)
			wantCode(t, "token "+token, err, "not_found")
		}
		b.audit()
	})
}

func TestApprovalLinksExpire(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		w := b.worker(1, "echo")
		id := b.start("echo").ID
		a := w.poll()[0]
		accepted(t, w.report(wait(a, execution.WaitForApproval, "boss"), op(a, engine.OpSuspend)))
		short, long := b.link(id, engine.LinkRequest{ExpiresIn: time.Minute}), b.link(id, engine.LinkRequest{ExpiresIn: engine.MaxLinkLife})
		_, err := b.CreateLink(t.Context(), b.root, id, &engine.LinkRequest{ExpiresIn: engine.MaxLinkLife + 1})
		wantField(t, err, "expires_in_ms")
		time.Sleep(time.Minute - time.Second)
		if _, err := b.Link(t.Context(), short.Token); err != nil {
			t.Errorf("before it expires: %v", err)
		}
		time.Sleep(time.Second)
		for what, decide := range map[string]bool{"looking": false, "deciding": true} {
			_, err := b.Link(t.Context(), short.Token)
			if decide {
				_, err = b.DecideByLink(t.Context(), short.Token, &engine.DecisionRequest{})
			}
			wantCode(t, what+" when it has expired", err, "not_found")
		}
		time.Sleep(time.Minute) // the janitor comes by
		if err := b.Settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v, err := b.DecideByLink(t.Context(), long.Token, &engine.DecisionRequest{Approved: true}); err != nil || v.Execution != id {
			t.Errorf("%+v, %v", v, err)
		}
		b.audit()
	})
}
