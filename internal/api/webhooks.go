package api

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// endpointID is the endpoint that the path names.
func (x *exchange) endpointID() (execution.ID, error) {
	id, ok := execution.ParseID(execution.PrefixEndpoint, x.params[0])
	if !ok {
		return id, notFound("endpoint")
	}
	return id, x.query()
}

// deliveryID is the delivery that the path names.
func (x *exchange) deliveryID() (execution.ID, error) {
	id, ok := execution.ParseID(execution.PrefixEvent, x.params[0])
	if !ok {
		return id, notFound("delivery")
	}
	return id, x.query()
}

func (a *API) createEndpoint(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	var spec engine.EndpointSpec
	if err := x.decode(func(p *jsonx.Parser) { readEndpoint(p, &spec, true) }); err != nil {
		return err
	}
	v, secret, err := a.engine.CreateEndpoint(x.ctx, x.caller, spec)
	if err != nil {
		return err
	}
	x.w.Header()["Location"] = []string{"/v1/webhooks/endpoints/" + v.ID.Text(execution.PrefixEndpoint)}
	x.out = appendEndpoint(x.out, v, secret.Reveal())
	return x.json(http.StatusCreated)
}

func (a *API) listEndpoints(x *exchange) error {
	if err := x.query("limit", "cursor"); err != nil {
		return err
	}
	limit, err := x.queryInt("limit", 1, maxPage, maxPage)
	if err != nil {
		return err
	}
	place, err := x.queryCursor(cursorEndpoints)
	if err != nil {
		return err
	}
	list := a.engine.Endpoints(x.ctx, x.caller)
	if place != nil {
		// Ids rise with time, and the list falls: what follows is what is older.
		list = slices.DeleteFunc(list, func(v engine.EndpointView) bool { return bytes.Compare(v.ID[:], place) >= 0 })
	}
	var last execution.ID
	more := len(list) > int(limit)
	if more {
		list = list[:limit]
		last = list[limit-1].ID
	}
	b := append(x.out, `{"data":[`...)
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendEndpoint(b, &list[i], "")
	}
	x.out = append(appendPage(b, more, cursorEndpoints, last[:]), '}')
	return x.json(http.StatusOK)
}

func (a *API) getEndpoint(x *exchange) error {
	id, err := x.endpointID()
	if err != nil {
		return err
	}
	v, err := a.engine.Endpoint(x.ctx, x.caller, id)
	if err != nil {
		return err
	}
	x.out = appendEndpoint(x.out, v, "")
	return x.json(http.StatusOK)
}

func (a *API) updateEndpoint(x *exchange) error {
	id, err := x.endpointID()
	if err != nil {
		return err
	}
	var spec engine.EndpointSpec
	if err := x.decode(func(p *jsonx.Parser) { readEndpoint(p, &spec, false) }); err != nil {
		return err
	}
	v, err := a.engine.UpdateEndpoint(x.ctx, x.caller, id, spec)
	if err != nil {
		return err
	}
	x.out = appendEndpoint(x.out, v, "")
	return x.json(http.StatusOK)
}

func (a *API) deleteEndpoint(x *exchange) error {
	id, err := x.endpointID()
	if err != nil {
		return err
	}
	if err := a.engine.DeleteEndpoint(x.ctx, x.caller, id); err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func (a *API) rotateEndpoint(x *exchange) error {
	id, err := x.endpointID()
	if err != nil {
		return err
	}
	grace := engine.DefaultGrace
	if err := x.decodeOptional(func(p *jsonx.Parser) { readSecretGrace(p, &grace) }); err != nil {
		return err
	}
	v, secret, err := a.engine.RotateSecret(x.ctx, x.caller, id, grace)
	if err != nil {
		return err
	}
	x.out = appendEndpoint(x.out, v, secret.Reveal())
	return x.json(http.StatusOK)
}

// noFields reads a body that has nothing to say.
func noFields(p *jsonx.Parser) {
	for ok := p.Object(); ok && p.Next(); {
		p.Unknown(nil)
	}
}

func (a *API) testEndpoint(x *exchange) error {
	id, err := x.endpointID()
	if err != nil {
		return err
	}
	if err := x.decodeOptional(noFields); err != nil {
		return err
	}
	v, err := a.engine.TestEndpoint(x.ctx, x.caller, id)
	if err != nil {
		return err
	}
	x.out = a.appendDelivery(x.out, v, true)
	return x.json(http.StatusAccepted)
}

func (a *API) getCallbackSecret(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	secrets, err := a.engine.CallbackSecrets(x.ctx, x.caller)
	if err != nil {
		return err
	}
	x.out = appendSecrets(x.out, secrets)
	return x.json(http.StatusOK)
}

func (a *API) rotateCallbackSecret(x *exchange) error {
	if err := x.query(); err != nil {
		return err
	}
	grace := engine.DefaultGrace
	if err := x.decodeOptional(func(p *jsonx.Parser) { readSecretGrace(p, &grace) }); err != nil {
		return err
	}
	secrets, err := a.engine.RotateCallbackSecret(x.ctx, x.caller, grace)
	if err != nil {
		return err
	}
	x.out = appendSecrets(x.out, secrets)
	return x.json(http.StatusOK)
}

func (a *API) listDeliveries(x *exchange) error {
	if err := x.query("endpoint_id", "execution_id", "state", "limit", "cursor"); err != nil {
		return err
	}
	var f engine.DeliveryFilter
	n, err := x.queryInt("limit", 1, maxPage, defaultPage)
	if err != nil {
		return err
	}
	f.Limit = int(n)
	place, err := x.queryCursor(cursorDeliveries)
	if err != nil {
		return err
	}
	if place != nil && (len(place) != len(f.Before) || copy(f.Before[:], place) != len(place)) {
		return badCursor()
	}
	for name, id := range map[string]struct {
		prefix string
		into   *execution.ID
	}{"endpoint_id": {execution.PrefixEndpoint, &f.Endpoint}, "execution_id": {execution.PrefixExecution, &f.Execution}} {
		text, ok := x.given.get(name)
		if !ok {
			continue
		}
		if *id.into, ok = execution.ParseID(id.prefix, text); !ok {
			return badField(name, jsonx.CodeInvalidValue, "must be an id that begins with "+id.prefix+", not "+quote(text))
		}
	}
	if text, ok := x.given.get("state"); ok {
		if f.States, ok = parseDeliveryStates(text); !ok {
			return badField("state", jsonx.CodeInvalidValue, "must be one or more of "+strings.Join(deliveryStates, ", ")+", with commas between them, not "+quote(text))
		}
	}
	page, more, err := a.engine.Deliveries(x.ctx, x.caller, f)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	var last execution.ID
	for i := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.appendDelivery(b, &page[i], false)
		last = page[i].ID
	}
	x.out = append(appendPage(b, more, cursorDeliveries, last[:]), '}')
	return x.json(http.StatusOK)
}

func (a *API) getDelivery(x *exchange) error {
	id, err := x.deliveryID()
	if err != nil {
		return err
	}
	v, err := a.engine.Delivery(x.ctx, x.caller, id)
	if err != nil {
		return err
	}
	x.out = a.appendDelivery(x.out, v, true)
	return x.json(http.StatusOK)
}

func (a *API) redeliver(x *exchange) error {
	id, err := x.deliveryID()
	if err != nil {
		return err
	}
	if err := x.decodeOptional(noFields); err != nil {
		return err
	}
	v, err := a.engine.Redeliver(x.ctx, x.caller, id)
	if err != nil {
		return err
	}
	x.out = a.appendDelivery(x.out, v, true)
	return x.json(http.StatusAccepted)
}
