package engine

import (
	"hash/fnv"
	"net/url"
	"slices"
	"strings"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// MaxURL is the most bytes of a URL that messages are sent to.
const MaxURL = 2048

// outbox adds the messages that follow from what a rule did to an execution to the transaction that saves it. Where
// nobody listens it costs a comparison.
func (t *tx) outbox(r *store.Row, was before) {
	created := was.revision == 0
	if !created && r.Status == was.status {
		return
	}
	final := r.Status.Final()
	if final && r.Callback != 0 {
		t.message(r, 0, r.Callback, store.MessageTerminal)
	}
	for _, x := range t.e.catalog.Load().hooks[r.Project] {
		if x.Workflows != nil && !x.hears(t.e.catalog.Load().workflows[r.Workflow]) {
			continue
		}
		if created && x.Events.Has(store.MessageCreated) {
			t.message(r, x.Key, x.destination, store.MessageCreated)
		}
		switch {
		case final && x.Events.Has(store.MessageTerminal):
			t.message(r, x.Key, x.destination, store.MessageTerminal)
		case !final && !created && x.Events.Has(store.MessageStatus):
			t.message(r, x.Key, x.destination, store.MessageStatus)
		}
	}
}

func (t *tx) message(r *store.Row, endpoint, destination int64, kind store.MessageType) {
	t.changes.Deliveries = append(t.changes.Deliveries, store.Delivery{
		ID: t.e.mint.in(r.ID.Shard()), Project: r.Project, Endpoint: endpoint, Execution: r.ID, Destination: destination, Type: kind,
		Revision: r.Revision, Status: r.Status, Attempt: r.Attempt, At: t.now, DueAt: t.now,
	})
}

// endpoint is an endpoint as the catalog has it.
type endpoint struct {
	store.Endpoint
	destination int64
}

// hears reports whether the endpoint wants to hear of executions of the workflow.
func (x *endpoint) hears(w *workflow) bool {
	return w != nil && slices.Contains(x.Workflows, w.info.Name)
}

func (x *endpoint) open() bool { return x.Disabled == "" && x.DeletedAt == 0 }

// secretOwner is what signing secrets belong to: an endpoint, or with endpoint 0 the project itself.
type secretOwner struct{ project, endpoint int64 }

// addEndpoint puts an endpoint into a catalog that nobody sees yet, in place of what it was before.
func (c *catalog) addEndpoint(record store.Endpoint) {
	x := &endpoint{Endpoint: record}
	if u, err := url.Parse(record.URL); err == nil {
		x.destination = destinationOf(u)
	}
	hooks := slices.DeleteFunc(slices.Clone(c.hooks[x.Project]), func(y *endpoint) bool { return y.Key == x.Key })
	if x.open() {
		hooks = append(hooks, x)
	}
	c.endpoints[x.Key], c.endpointIDs[x.ID] = x, x
	if len(hooks) == 0 {
		delete(c.hooks, x.Project)
		return
	}
	c.hooks[x.Project] = hooks
}

// endpoint is the project's endpoint with the id that is not deleted, nil when there is none.
func (c *catalog) endpoint(project int64, id execution.ID) *endpoint {
	x := c.endpointIDs[id]
	if x == nil || x.Project != project || x.DeletedAt != 0 {
		return nil
	}
	return x
}

// destinationOf numbers the host and port that a URL names. It is never zero.
func destinationOf(u *url.URL) int64 {
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(strings.ToLower(u.Hostname()) + " " + port)) // never fails
	return int64(h.Sum64()>>1) | 1
}

// destination checks a URL that messages are to be sent to, and numbers it.
func (e *Engine) destination(field, text string) (int64, error) {
	bad := func(why string) error {
		return invalid(field, FieldInvalid, "%s %s", field, why)
	}
	if len(text) > MaxURL {
		return 0, invalid(field, FieldTooLong, "%s must have at most %d bytes", field, MaxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return 0, bad("must be a URL such as https://example.com/hook")
	case u.Scheme != "http" && u.Scheme != "https":
		return 0, bad("must begin with https:// or http://")
	case u.User != nil:
		return 0, bad("must not contain a user name or password")
	case u.Fragment != "":
		return 0, bad("must not contain a fragment")
	}
	if e.cfg.CheckURL != nil {
		if err := e.cfg.CheckURL(u); err != nil {
			return 0, bad(err.Error())
		}
	}
	return destinationOf(u), nil
}
