package sojourn_test

import (
	"testing"

	"github.com/sojournhq/sojourn/sdk/go"
)

func TestListen(t *testing.T) {
	t.Parallel()
	client := hooked(t)
	secrets := make(chan string, 1)
	opened := make(chan struct{})
	type got struct {
		m *sojourn.WebhookMessage
		e *sojourn.WebhookEvent
	}
	seen := make(chan got, 10)
	go func() {
		defer close(seen)
		secret := ""
		for m, err := range client.Webhooks.Listen(t.Context(), sojourn.ListenParams{
			Events: []string{sojourn.WebhookCreated, sojourn.WebhookTerminal}, Workflows: []string{"w"},
			Opened: func(s string) { secret = s; secrets <- s; close(opened) },
		}) {
			if err != nil {
				t.Error(err)
				return
			}
			e, err := sojourn.VerifyWebhook([]byte(m.Body), m.Header(), secret)
			if err != nil {
				t.Error(err)
			}
			seen <- got{m, e}
			if m.Type == "execution.cancelled" {
				return
			}
		}
	}()
	<-opened
	all, err := client.Webhooks.CallbackSecrets(t.Context())
	if err != nil || all[0].Secret != <-secrets {
		t.Errorf("the secret is not that of callbacks: %v", err)
	}
	x, err := client.Executions.Start(t.Context(), sojourn.StartParams{Workflow: "w", Input: map[string]int{"n": 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Executions.Cancel(t.Context(), x.ID, sojourn.CancelParams{}); err != nil {
		t.Fatal(err)
	}
	var types []string
	place := ""
	for g := range seen {
		types = append(types, g.m.Type)
		if g.e == nil || g.m.ExecutionID != x.ID || g.e.ID != g.m.ID || g.m.Place == "" || g.m.Place == place {
			t.Errorf("%+v", g)
		}
		place = g.m.Place
	}
	if len(types) != 2 || types[0] != "execution.created" || types[1] != "execution.cancelled" {
		t.Errorf("%v", types)
	}
}
