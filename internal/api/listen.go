package api

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
	"github.com/sojournhq/sojourn/internal/signature"
)

// listen sends the messages that a webhook endpoint would get over a stream, signed as they would be.
func (a *API) listen(x *exchange) error {
	if err := x.query("after", "events", "workflow_id+"); err != nil {
		return err
	}
	r, err := x.queryFollow()
	if err != nil {
		return err
	}
	types, err := x.queryMessages()
	if err != nil {
		return err
	}
	if r.After, err = x.resumePlace(); err != nil {
		return err
	}
	in, err := a.engine.Listen(x.ctx, x.caller, types, r)
	if err != nil {
		return err
	}
	defer in.Close()
	secrets, err := in.Secrets()
	if err != nil {
		return err
	}
	switch {
	case wantsPage(x.r):
		return a.listenPage(x, in, secrets)
	case x.r.Method == http.MethodHead:
		newSSE(x).head()
		return nil
	}
	return a.stream(x, &feed{
		source: in,
		begin: func(b []byte) []byte {
			b = append(b, "event: ready\ndata: {\"secret\":"...)
			b = jsonx.AppendString(b, secrets[0].Reveal())
			return append(b, "}\n\n"...)
		},
		event: func(b []byte, e *engine.StreamEvent) []byte {
			b = append(append(b, "id: "...), placeID(e.Cursor)...)
			b = append(b, "\nevent: message\ndata: "...)
			return append(a.appendListened(b, e.Message), '\n', '\n')
		},
		place: func(b []byte, p *engine.StreamPage) []byte { return append(b, placeID(p.Cursor)...) },
	})
}

// queryMessages reads which messages are wanted: those of endpoints by the same names, by default all.
func (x *exchange) queryMessages() (types engine.MessageSet, err error) {
	text, ok := x.given.get("events")
	if !ok {
		for _, e := range endpointEvents {
			types |= e.kind.Set()
		}
		return types, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		found := false
		for _, e := range endpointEvents {
			if e.name == name {
				types |= e.kind.Set()
				found = true
			}
		}
		if !found {
			return 0, badField("events", jsonx.CodeInvalidValue, "must be one or more of "+eventNames()+", not "+quote(name))
		}
	}
	return types, nil
}

// listenPage answers with the messages there are, for clients that cannot read a stream.
func (a *API) listenPage(x *exchange, in *engine.Listener, secrets []signature.Secret) error {
	p, err := in.Read(x.ctx)
	if err != nil {
		return err
	}
	b := append(x.out, `{"secret":`...)
	b = jsonx.AppendString(b, secrets[0].Reveal())
	b = append(b, `,"data":[`...)
	for i := range p.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.appendListened(b, p.Events[i].Message)
	}
	b = append(b, `],"has_more":`...)
	b = strconv.AppendBool(b, p.More)
	b = append(b, `,"last_id":`...)
	b = jsonx.AppendString(b, placeID(p.Cursor))
	b = appendTrue(b, `,"reset":`, p.Reset)
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

// appendListened writes a message with the headers that it is to be passed on with.
func (a *API) appendListened(b []byte, m *engine.Message) []byte {
	body := a.Message(m)
	id := m.ID.Text(execution.PrefixEvent)
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"Sojourn/" + a.cfg.Version}}
	signature.SetHeaders(h, id, time.Now(), body, m.Secrets...)
	b = append(b, `{"id":`...)
	b = jsonx.AppendString(b, id)
	b = append(b, `,"type":`...)
	b = jsonx.AppendString(b, messageType(&m.Delivery))
	b = appendID(b, `,"execution_id":`, execution.PrefixExecution, m.Execution)
	b = append(b, `,"headers":{`...)
	for i, name := range []string{"Content-Type", "User-Agent", "Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"} {
		if i > 0 {
			b = append(b, ',')
		}
		b = jsonx.AppendString(b, strings.ToLower(name))
		b = append(b, ':')
		b = jsonx.AppendString(b, h.Get(name))
	}
	b = append(b, `},"body":`...)
	return append(jsonx.AppendString(b, string(body)), '}')
}
