package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/signature"
	"github.com/sojournhq/sojourn/internal/store"
)

// MessageType says what a message tells of an execution.
type MessageType = store.MessageType

// The types of messages.
const (
	MessageCreated  = store.MessageCreated
	MessageStatus   = store.MessageStatus
	MessageTerminal = store.MessageTerminal
	MessageTest     = store.MessageTest
)

// MessageSet is a set of types of messages.
type MessageSet = store.MessageSet

// EndpointSpec is what to set of an endpoint; nil leaves a field as it is, or at its default.
type EndpointSpec struct {
	URL         *string
	Description *string
	Events      *MessageSet // default: MessageTerminal alone
	Workflows   *[]string   // names of the only workflows it hears of; nil in it: all
	Enabled     *bool
	Secret      signature.Secret // used when HasSecret, when it is created
	HasSecret   bool
}

// EndpointView is a webhook endpoint as the API shows it.
type EndpointView struct {
	ID                   execution.ID
	URL, Description     string
	Events               MessageSet
	Workflows            []string // nil: all
	Disabled             string   // why nothing is sent; empty: it is enabled
	CreatedAt, UpdatedAt execution.Time
	Hints                []string // the ends of the secrets that sign now
}

// MaxEndpoints is how many endpoints a project may have.
const MaxEndpoints = 50

// Why an endpoint is disabled.
const (
	DisabledByRequest = "by_request"
	DisabledGone      = "receiver_gone"
)

func (e *Engine) endpointView(x *endpoint) *EndpointView {
	v := &EndpointView{
		ID: x.ID, URL: x.URL, Description: x.Description, Events: x.Events, Workflows: x.Workflows, Disabled: x.Disabled,
		CreatedAt: x.CreatedAt, UpdatedAt: x.UpdatedAt,
	}
	for _, s := range live(e.catalog.Load().secrets[secretOwner{x.Project, x.Key}], e.store.Now()) {
		v.Hints = append(v.Hints, s.Hint)
	}
	return v
}

// fill sets what the spec names.
func (e *Engine) fill(x *store.Endpoint, spec *EndpointSpec) error {
	if spec.URL != nil {
		if _, err := e.destination("url", *spec.URL); err != nil {
			return err
		}
		x.URL = *spec.URL
	}
	if spec.Description != nil {
		x.Description = *spec.Description
	}
	if spec.Events != nil {
		x.Events = *spec.Events
	}
	if spec.Workflows != nil {
		x.Workflows = *spec.Workflows
	}
	if spec.Enabled != nil {
		switch {
		case *spec.Enabled:
			x.Disabled = ""
		case x.Disabled == "":
			x.Disabled = DisabledByRequest
		}
	}
	return nil
}

// CreateEndpoint makes a webhook endpoint. Its secret is returned this once.
func (e *Engine) CreateEndpoint(ctx context.Context, c *Caller, spec EndpointSpec) (*EndpointView, signature.Secret, error) {
	secret := spec.Secret
	if !spec.HasSecret {
		secret = signature.New()
	}
	record := store.Endpoint{Project: c.Project, ID: e.mint.id(), Events: store.MessageTerminal.Set()}
	if spec.URL == nil {
		return nil, secret, invalid("url", FieldRequired, "url is required")
	}
	if err := e.fill(&record, &spec); err != nil {
		return nil, secret, err
	}
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	n := 0
	for _, x := range e.catalog.Load().endpoints {
		if x.Project == c.Project && x.DeletedAt == 0 {
			n++
		}
	}
	if n >= MaxEndpoints {
		return nil, secret, &Error{Code: CodeConflict, Message: fmt.Sprintf("the project has %d endpoints, the most there may be; delete one first", MaxEndpoints)}
	}
	key, err := e.store.NewKey(ctx)
	if err != nil {
		return nil, secret, err
	}
	record.Key = key
	o := secretOwner{c.Project, key}
	var secrets []store.SigningSecret
	err = e.catalogued(func(next *catalog) {
		next.addEndpoint(record)
		next.secrets[o] = secrets
	}, func(t *tx) {
		record.CreatedAt, record.UpdatedAt = t.now, t.now
		secrets = []store.SigningSecret{e.sealed(o, secret, t.now)}
		t.changes.Endpoints = append(t.changes.Endpoints, record)
		t.changes.Secrets = append(t.changes.Secrets, store.SecretSet{Project: o.project, Endpoint: o.endpoint, Secrets: secrets})
	})
	if err != nil {
		return nil, secret, err
	}
	return e.endpointView(e.catalog.Load().endpoints[key]), secret, nil
}

// Endpoints are the endpoints of the caller's project, newest first.
func (e *Engine) Endpoints(_ context.Context, c *Caller) []EndpointView {
	var found []*endpoint
	for _, x := range e.catalog.Load().endpoints {
		if x.Project == c.Project && x.DeletedAt == 0 {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b *endpoint) int { return cmp.Compare(b.Key, a.Key) })
	out := make([]EndpointView, len(found))
	for i, x := range found {
		out[i] = *e.endpointView(x)
	}
	return out
}

func (e *Engine) findEndpoint(c *Caller, id execution.ID) (*endpoint, error) {
	x := e.catalog.Load().endpoint(c.Project, id)
	if x == nil && e.cluster != nil {
		e.reread()
		x = e.catalog.Load().endpoint(c.Project, id)
	}
	if x != nil {
		return x, nil
	}
	return nil, notFound("endpoint")
}

// Endpoint is one endpoint of the caller's project.
func (e *Engine) Endpoint(_ context.Context, c *Caller, id execution.ID) (*EndpointView, error) {
	x, err := e.findEndpoint(c, id)
	if err != nil {
		return nil, err
	}
	return e.endpointView(x), nil
}

// UpdateEndpoint changes an endpoint. Disabling it cancels what waits for delivery to it.
func (e *Engine) UpdateEndpoint(ctx context.Context, c *Caller, id execution.ID, spec EndpointSpec) (*EndpointView, error) {
	x, err := e.changeEndpoint(c.Project, id, func(record *store.Endpoint, _ *tx) error { return e.fill(record, &spec) })
	if err != nil {
		return nil, err
	}
	if err := e.cancelUnwanted(ctx, x); err != nil {
		return nil, err
	}
	return e.endpointView(x), nil
}

// DeleteEndpoint removes an endpoint and cancels what waits for delivery to it. The log of its deliveries remains as
// long as they are kept. Deleting it again is CodeNotFound.
func (e *Engine) DeleteEndpoint(ctx context.Context, c *Caller, id execution.ID) error {
	x, err := e.changeEndpoint(c.Project, id, func(record *store.Endpoint, t *tx) error {
		if t != nil {
			record.DeletedAt = t.now
			t.changes.Secrets = append(t.changes.Secrets, store.SecretSet{Project: record.Project, Endpoint: record.Key})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.cancelUnwanted(ctx, x)
}

// changeEndpoint writes a changed endpoint. change is called once without a transaction, when it may refuse, and then in
// it.
func (e *Engine) changeEndpoint(project int64, id execution.ID, change func(*store.Endpoint, *tx) error) (*endpoint, error) {
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	x := e.catalog.Load().endpoint(project, id)
	if x == nil {
		return nil, notFound("endpoint")
	}
	record := x.Endpoint
	if err := change(&record, nil); err != nil {
		return nil, err
	}
	err := e.catalogued(func(next *catalog) {
		next.addEndpoint(record)
		if record.DeletedAt != 0 {
			delete(next.secrets, secretOwner{record.Project, record.Key})
		}
	}, func(t *tx) {
		record = x.Endpoint
		_ = change(&record, t) // it did not refuse before
		record.UpdatedAt = t.now
		t.changes.Endpoints = append(t.changes.Endpoints, record)
	})
	if err != nil {
		return nil, err
	}
	return e.catalog.Load().endpoints[x.Key], nil
}

// cancelUnwanted cancels what waits for delivery to an endpoint that is disabled or deleted. When it is enabled again
// meanwhile, the rest stays.
func (e *Engine) cancelUnwanted(ctx context.Context, x *endpoint) error {
	if x.open() {
		return nil
	}
	var before execution.ID
	for {
		page, err := e.store.Deliveries(ctx, store.DeliveryQuery{
			Project: x.Project, Endpoint: x.Key, States: []store.DeliveryState{store.DeliveryPending}, Before: before, Limit: deliverySlice,
		})
		if err != nil || len(page) == 0 {
			return err
		}
		before = page[len(page)-1].ID
		err = e.writeDeliveries(0, page, func(t *tx, d *store.Delivery) {
			if d.State == store.DeliveryPending && d.Type != store.MessageTest && !t.e.catalog.Load().endpoints[x.Key].open() {
				t.update(d, func(d *store.Delivery) { d.State, d.DueAt, d.EndedAt = store.DeliveryCancelled, 0, t.now })
			}
		})
		if err != nil {
			return err
		}
	}
}

// RotateSecret gives an endpoint a new secret, which is returned this once. The old one signs beside it for the grace.
func (e *Engine) RotateSecret(_ context.Context, c *Caller, id execution.ID, grace time.Duration) (*EndpointView, signature.Secret, error) {
	secret := signature.New()
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	x := e.catalog.Load().endpoint(c.Project, id)
	if x == nil {
		return nil, secret, notFound("endpoint")
	}
	if err := e.setSecret(secretOwner{x.Project, x.Key}, secret, grace); err != nil {
		return nil, secret, err
	}
	return e.endpointView(x), secret, nil
}
