package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sojournhq/sojourn/sdk/go"
)

// forwardTimeout is how long a local receiver may take, as long as one that the server sends to.
const forwardTimeout = 15 * time.Second

func (c *cli) listenCommand() *cobra.Command {
	var p sojourn.ListenParams
	forward := ""
	limit := 0
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "receive webhooks without a public address",
		Long: `Receive the messages that a webhook endpoint would get, until Ctrl-C, and pass each on to a local port with the headers
that an endpoint would get. They are signed with the project's callback secret, which is printed first. Each is passed on
once, whatever the receiver answers; the server records nothing of it.`,
		Example: `  sojourn listen --forward-to localhost:3000/hooks
  sojourn listen --events terminal --workflow order --forward-to http://127.0.0.1:8080/`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			to, err := receiverURL(forward)
			if err != nil {
				return err
			}
			client, err := c.client()
			if err != nil {
				return err
			}
			last := ""
			p.Opened = func(secret string) {
				if secret != last {
					c.say("Messages are signed with %s", secret)
				}
				if last == "" && to != "" {
					c.say("Passing them on to %s. Ctrl-C ends it.", to)
				}
				last = secret
			}
			return c.relay(cmd.Context(), client, p, to, limit)
		},
	}
	f := cmd.Flags()
	f.StringVar(&forward, "forward-to", "", "pass messages on to this `URL`; default: print them only")
	f.StringSliceVar(&p.Events, "events", nil, "only these `events`, separated by commas: "+strings.Join(webhookEvents, ", "))
	f.StringArrayVar(&p.Workflows, "workflow", nil, "only executions of this `workflow`; can be given several times")
	f.IntVar(&limit, "limit", 0, "end after this `number` of messages")
	return cmd
}

// receiverURL completes what is left out of a local address.
func receiverURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", usagef("--forward-to %q is not an address such as localhost:3000/hooks", text)
	}
	return u.String(), nil
}

// relayed is what became of a message.
type relayed struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Execution string `json:"execution_id"`
	Status    int    `json:"status,omitempty"`
	Duration  int64  `json:"duration_ms"`
	Error     string `json:"error,omitempty"`
	Body      any    `json:"body,omitempty"` // when it is passed on to nobody
}

// relay passes messages on one after the other.
func (c *cli) relay(ctx context.Context, client *sojourn.Client, p sojourn.ListenParams, to string, limit int) error {
	local := &http.Client{
		Timeout:       forwardTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer local.CloseIdleConnections()
	n := 0
	for m, err := range client.Webhooks.Listen(ctx, p) {
		if err != nil && interrupted(ctx) {
			return nil
		}
		if err != nil {
			return err
		}
		r := relayed{ID: m.ID, Type: m.Type, Execution: m.ExecutionID}
		if to != "" {
			c.passOn(ctx, local, to, m, &r)
		} else {
			r.Body = json.RawMessage(m.Body)
		}
		if err := c.printRelayed(&r, to != ""); err != nil {
			return err
		}
		if n++; n == limit {
			return nil
		}
	}
	return nil
}

// passOn sends a message to the local receiver and notes how that went.
func (c *cli) passOn(ctx context.Context, local *http.Client, to string, m *sojourn.WebhookMessage, r *relayed) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader([]byte(m.Body)))
	if err != nil {
		r.Error = err.Error()
		return
	}
	q.Header = m.Header()
	began := time.Now()
	answer, err := local.Do(q)
	r.Duration = time.Since(began).Milliseconds()
	if err != nil {
		r.Error = innermost(err).Error()
		return
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	r.Status = answer.StatusCode
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)); err != nil && !errors.Is(err, context.Canceled) {
		r.Error = "its answer broke off: " + innermost(err).Error()
	}
}

func (c *cli) printRelayed(r *relayed, forwarded bool) error {
	if c.output == outputJSON || c.output == outputJSONLines {
		text, err := plainJSON(r)
		if err != nil {
			return err
		}
		_, err = c.out.Write(append(text, '\n'))
		return err
	}
	s := c.plain
	text := s.faint(time.Now().Format("15:04:05")) + "  " + r.Type + "  " + s.faint(r.Execution)
	switch {
	case r.Error != "":
		text += "  " + s.bad(oneLine(r.Error))
	case !forwarded:
	case r.Status >= 200 && r.Status < 300:
		text += "  " + s.good(fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))) + s.faint(fmt.Sprintf(" in %d ms", r.Duration))
	default:
		text += "  " + s.bad(fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status))) + s.faint(fmt.Sprintf(" in %d ms", r.Duration))
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}
