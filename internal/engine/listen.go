package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/signature"
	"github.com/sojournhq/sojourn/internal/store"
)

// listenPage is how many messages a Listener puts together at once: each may carry an output.
const listenPage = 20

// Listener is a project's stream with the messages that a webhook endpoint would get, for whoever has no address of
// their own to receive them at. Nothing of it is stored: there are no deliveries and no attempts.
type Listener struct {
	*ProjectStream
	types MessageSet
}

// Listen begins to listen for messages of the types about the caller's project. They are signed as callbacks are. Close
// must be called in the end.
func (e *Engine) Listen(ctx context.Context, c *Caller, types MessageSet, r *FollowRequest) (*Listener, error) {
	s, err := e.FollowProject(ctx, c, r)
	if err != nil {
		return nil, err
	}
	s.q.Limit = listenPage
	return &Listener{s, types}, nil
}

// Secrets are what the messages are signed with, the newest first.
func (l *Listener) Secrets() ([]signature.Secret, error) {
	views, err := l.e.callbackSecrets(l.q.Project)
	var secrets []signature.Secret
	for _, v := range views {
		secrets = append(secrets, v.Secret)
	}
	return secrets, err
}

// Read returns the messages of what has happened since the last Read without waiting for it. An execution that was
// deleted meanwhile has none.
func (l *Listener) Read(ctx context.Context) (*StreamPage, error) {
	p, err := l.ProjectStream.Read(ctx)
	if err != nil || len(p.Events) == 0 {
		return p, err
	}
	secrets, err := l.Secrets()
	if err != nil {
		return nil, err
	}
	kept := p.Events[:0]
	for _, x := range p.Events {
		kind, ok := messageOf(&x)
		if !ok || !l.types.Has(kind) {
			continue
		}
		m, err := l.e.content(ctx, &Delivery{
			ID: listenedID(x.Execution, x.Revision), Project: l.q.Project, Execution: x.Execution, Type: kind,
			Revision: x.Revision, Status: x.Status, Attempt: x.Attempt, At: x.At,
		})
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		m.URL, m.Secrets = "", secrets
		x.Message = m
		kept = append(kept, x)
	}
	p.Events = kept
	return p, nil
}

// messageOf says which message an event makes, if it makes one.
func messageOf(e *StreamEvent) (store.MessageType, bool) {
	switch {
	case e.Kind == execution.EventCreated:
		return store.MessageCreated, true
	case e.Status.Final():
		return store.MessageTerminal, true
	default:
		return store.MessageStatus, e.Moved
	}
}

// listenedID is the id of the message about a change: the same whoever listens, and however often.
func listenedID(id execution.ID, revision int64) execution.ID {
	b := append([]byte("listen "), id[:]...)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(revision)))
	return execution.ID(sum[:16])
}
