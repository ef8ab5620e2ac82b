package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/signature"
	"github.com/sojournhq/sojourn/internal/store"
)

// DefaultGrace is how long the old secret signs beside the new one after a rotation that names no other time.
const DefaultGrace = 24 * time.Hour

// SecretView is a signing secret as the API shows it.
type SecretView struct {
	Secret               signature.Secret
	CreatedAt, ExpiresAt execution.Time // ExpiresAt zero: it does not expire
}

// binding is what a sealed secret is bound to: in another row it does not open.
func (o secretOwner) binding() []byte {
	b := binary.BigEndian.AppendUint64([]byte("signing secret "), uint64(o.project))
	return binary.BigEndian.AppendUint64(b, uint64(o.endpoint))
}

func (e *Engine) sealed(o secretOwner, s signature.Secret, now execution.Time) store.SigningSecret {
	return store.SigningSecret{Sealed: e.cfg.Seal.Seal([]byte(s.Reveal()), o.binding()), Hint: s.Hint(), CreatedAt: now}
}

// live are those of the secrets that sign now.
func live(secrets []store.SigningSecret, now execution.Time) []store.SigningSecret {
	return slices.DeleteFunc(slices.Clone(secrets), func(s store.SigningSecret) bool { return s.ExpiresAt != 0 && s.ExpiresAt <= now })
}

// secrets opens the secrets that sign for the owner now, the newest first. One that cannot be opened is an error only
// when no other can.
func (e *Engine) secrets(o secretOwner) ([]SecretView, error) {
	var out []SecretView
	var failed error
	for _, s := range live(e.catalog.Load().secrets[o], e.store.Now()) {
		text, err := e.cfg.Seal.Open(s.Sealed, o.binding())
		if err != nil {
			failed = err
			continue
		}
		secret, err := signature.Parse(string(text))
		if err != nil {
			failed = err
			continue
		}
		out = append(out, SecretView{secret, s.CreatedAt, s.ExpiresAt})
	}
	if len(out) == 0 && failed != nil {
		return nil, fmt.Errorf("the signing secrets cannot be read: %w", failed)
	}
	return out, nil
}

// callbackSecrets are the project's own secrets; the first is made when it is asked for.
func (e *Engine) callbackSecrets(project int64) ([]SecretView, error) {
	o := secretOwner{project: project}
	if len(e.catalog.Load().secrets[o]) > 0 {
		return e.secrets(o)
	}
	e.lockCatalog()
	if len(e.catalog.Load().secrets[o]) == 0 {
		if err := e.setSecret(o, signature.New(), 0); err != nil {
			e.catalogMu.Unlock()
			return nil, err
		}
	}
	e.catalogMu.Unlock()
	return e.secrets(o)
}

// setSecret makes the secret the owner's newest, and lets the one before sign beside it for the grace; catalogMu is
// held.
func (e *Engine) setSecret(o secretOwner, secret signature.Secret, grace time.Duration) error {
	old := e.catalog.Load().secrets[o]
	set := store.SecretSet{Project: o.project, Endpoint: o.endpoint}
	return e.catalogued(func(next *catalog) { next.secrets[o] = set.Secrets }, func(t *tx) {
		set.Secrets = rotated(e.sealed(o, secret, t.now), old, t.now, grace)
		t.changes.Secrets = append(t.changes.Secrets, set)
	})
}

// rotated is the new secret and, for the grace, the newest of the old ones: no more than two sign at a time.
func rotated(newest store.SigningSecret, old []store.SigningSecret, now execution.Time, grace time.Duration) []store.SigningSecret {
	secrets := []store.SigningSecret{newest}
	if old = live(old, now); len(old) > 0 && grace > 0 {
		before := old[0]
		before.ExpiresAt = now.Add(grace)
		secrets = append(secrets, before)
	}
	return secrets
}

// CallbackSecrets are the secrets that sign the callbacks of the caller's project, the newest first.
func (e *Engine) CallbackSecrets(_ context.Context, c *Caller) ([]SecretView, error) {
	return e.callbackSecrets(c.Project)
}

// RotateCallbackSecret makes a new secret for callbacks. The old one signs beside it for the grace.
func (e *Engine) RotateCallbackSecret(_ context.Context, c *Caller, grace time.Duration) ([]SecretView, error) {
	e.lockCatalog()
	err := e.setSecret(secretOwner{project: c.Project}, signature.New(), grace)
	e.catalogMu.Unlock()
	if err != nil {
		return nil, err
	}
	return e.callbackSecrets(c.Project)
}
