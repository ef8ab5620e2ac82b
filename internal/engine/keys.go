package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// An API key in text is KeyPrefix, its public id, '_', a secret of 256 random bits and a checksum of all before it. A
// text of another form is a fixed key, which a development server may be given.
const (
	KeyPrefix    = "sjn_live_"
	publicLength = 10
	secretLength = 43
	sumLength    = 6
	keyLength    = len(KeyPrefix) + publicLength + 1 + secretLength + sumLength
	// MinFixedKey is the least length of a fixed key.
	MinFixedKey = 16

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// keyLife is how long a key is believed without reading it again, and so how long a revoked one may live on.
const keyLife = 5 * time.Second

// usedEvery bounds how often a key's last use is written.
const usedEvery = time.Minute

var errUnauthenticated = &Error{
	Code:    CodeUnauthenticated,
	Message: "the API key is missing, malformed, unknown, expired or revoked: send it as 'Authorization: Bearer <key>'",
}

// keyCache holds the keys that were used lately.
type keyCache struct {
	mu    sync.RWMutex
	known map[string]*knownKey   // by public id
	lent  map[string]*knownKey   // by public id; never stored
	refs  map[int64]execution.ID // ids of all keys, by the store's key, for events
}

type knownKey struct {
	record store.Key
	caller *Caller // nil: there is no such key
	read   execution.Time
	used   atomic.Int64 // execution.Time of the last use that was written
}

func (k *keyCache) init(keys []store.Key) {
	k.known, k.lent, k.refs = map[string]*knownKey{}, map[string]*knownKey{}, map[int64]execution.ID{}
	for _, r := range keys {
		k.refs[r.Key] = r.ID
	}
}

// KeyID is the id of the key behind an actor, false when it is unknown.
func (e *Engine) KeyID(a execution.Actor) (execution.ID, bool) {
	e.keys.mu.RLock()
	defer e.keys.mu.RUnlock()
	id, ok := e.keys.refs[a.Ref]
	return id, ok && a.Kind == execution.ActorKey
}

// CheckKeyText tells a well-formed key from one that no server has made, without asking the store.
func CheckKeyText(text string) bool {
	_, _, ok := splitKey(text)
	return ok
}

// splitKey takes a key's text apart.
func splitKey(text string) (public, secret string, ok bool) {
	if !strings.HasPrefix(text, KeyPrefix) {
		if len(text) < MinFixedKey || len(text) > 256 {
			return "", "", false
		}
		sum := sha256.Sum256([]byte("fixed key id:" + text))
		return "x" + encode62(sum[:8], publicLength-1), text, true
	}
	if len(text) != keyLength || text[len(KeyPrefix)+publicLength] != '_' {
		return "", "", false
	}
	body, sum := text[:keyLength-sumLength], text[keyLength-sumLength:]
	if checksum(body) != sum {
		return "", "", false
	}
	return body[len(KeyPrefix) : len(KeyPrefix)+publicLength], body[len(KeyPrefix)+publicLength+1:], true
}

// checksum is the CRC-32 of the text in base 62.
func checksum(text string) string {
	n := crc32.ChecksumIEEE([]byte(text))
	return encode62([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, sumLength)
}

// encode62 writes the number with the given big-endian bytes in base 62, its low digits, n of them.
func encode62(b []byte, n int) string {
	digits := slices.Clone(b)
	out := make([]byte, n)
	for i := n - 1; i >= 0; i-- {
		rest := 0
		for j := range digits {
			v := rest<<8 | int(digits[j])
			digits[j], rest = byte(v/62), v%62
		}
		out[i] = base62[rest]
	}
	return string(out)
}

// newKeyText makes a key.
func newKeyText() string {
	var b [40]byte
	_, _ = rand.Read(b[:]) // never fails
	body := KeyPrefix + encode62(b[:8], publicLength) + "_" + encode62(b[8:], secretLength)
	return body + checksum(body)
}

// Authenticate finds the caller behind a key's text.
func (e *Engine) Authenticate(ctx context.Context, text string) (*Caller, error) {
	k, err := e.authenticate(ctx, text, e.store.Now())
	if err != nil {
		return nil, err
	}
	return k.caller, nil
}

// authenticate finds the key with the text, which has a caller and can be used now.
func (e *Engine) authenticate(ctx context.Context, text string, now execution.Time) (*knownKey, error) {
	public, secret, ok := splitKey(text)
	if !ok {
		return nil, errUnauthenticated
	}
	k, err := e.knownKey(ctx, public, now)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(secret))
	if k.caller == nil || subtle.ConstantTimeCompare(sum[:], k.record.Hash[:]) != 1 || !k.live(now) {
		return nil, errUnauthenticated
	}
	e.noteUse(k, now)
	return k, nil
}

// knownKey is the key with the public id, as it was at most keyLife ago.
func (e *Engine) knownKey(ctx context.Context, public string, now execution.Time) (*knownKey, error) {
	e.keys.mu.RLock()
	k, lent := e.keys.known[public], e.keys.lent[public]
	e.keys.mu.RUnlock()
	switch {
	case lent != nil:
		return lent, nil
	case k == nil || now.Sub(k.read) > keyLife:
		return e.readKey(ctx, public, now)
	}
	return k, nil
}

// live reports whether the key can be used now.
func (k *knownKey) live(now execution.Time) bool {
	return k.record.RevokedAt == 0 && (k.record.ExpiresAt == 0 || k.record.ExpiresAt > now)
}

// noteUse writes down that the key is used, once in a while. A key that is lent is written nowhere.
func (e *Engine) noteUse(k *knownKey, now execution.Time) {
	if used := k.used.Load(); k.record.Key != 0 && now.Sub(execution.Time(used)) >= usedEvery && k.used.CompareAndSwap(used, int64(now)) {
		e.keyUsed(k, now)
	}
}

// Lend makes a key for the caller that is never stored and ends with the engine. It is for tools of whoever owns the
// process and its data.
func (e *Engine) Lend(c *Caller) string {
	text := newKeyText()
	public, secret, _ := splitKey(text)
	k := &knownKey{record: store.Key{Hash: sha256.Sum256([]byte(secret))}, caller: c}
	e.keys.mu.Lock()
	defer e.keys.mu.Unlock()
	e.keys.lent[public] = k
	return text
}

// readKey reads a key into the cache.
func (e *Engine) readKey(ctx context.Context, public string, now execution.Time) (*knownKey, error) {
	k := &knownKey{read: now}
	record, err := e.store.Key(ctx, public)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		k.record = *record
		k.used.Store(int64(record.LastUsedAt))
		k.caller = e.callerOf(record)
	}
	e.keys.mu.Lock()
	defer e.keys.mu.Unlock()
	if old := e.keys.known[public]; old != nil {
		k.used.Store(max(k.used.Load(), old.used.Load()))
	}
	const most = 10_000
	if len(e.keys.known) >= most {
		clear(e.keys.known)
	}
	e.keys.known[public] = k
	return k, nil
}

func (e *Engine) callerOf(r *store.Key) *Caller {
	c := &Caller{Project: r.Project, Key: r.Key, KeyID: r.ID, KeyName: r.Name, Workflows: r.Workflows, RateLimit: r.RateLimit}
	for _, name := range r.Scopes {
		if s, ok := ParseScope(name); ok {
			c.Scopes |= s
		}
	}
	p := e.catalog.Load().projects[r.Project]
	if p == nil && e.cluster != nil {
		e.reread()
		p = e.catalog.Load().projects[r.Project]
	}
	if p != nil {
		c.ProjectID, c.ProjectName = p.ID, p.Name
	}
	return c
}

// keyUsed notes a key's use, without making the request wait for it.
func (e *Engine) keyUsed(k *knownKey, now execution.Time) {
	record := k.record
	record.LastUsedAt = now
	e.submit(&write{done: make(chan error, 1), fill: func(t *tx, _ []*store.Row) {
		t.changes.KeyUses = append(t.changes.KeyUses, record)
	}})
}

// KeySpec describes a key to create.
type KeySpec struct {
	Project   string // name or id; empty: the caller's. Only an admin may name another
	Name      string
	Scopes    Scope
	Workflows []string // the only workflows that it may serve as a worker; nil: all
	RateLimit float64  // requests per second; 0: no limit
	ExpiresAt time.Time
	Fixed     string // the key's text, for a development server; empty: made here
}

// KeyView is a key as the API shows it.
type KeyView struct {
	ID                                          execution.ID
	Name                                        string
	Last4                                       string
	Project                                     string
	Scopes                                      Scope
	Workflows                                   []string
	RateLimit                                   float64
	CreatedAt, ExpiresAt, RevokedAt, LastUsedAt execution.Time
}

func (e *Engine) keyView(r *store.Key) *KeyView {
	v := &KeyView{
		ID: r.ID, Name: r.Name, Last4: r.Last4, Workflows: r.Workflows, RateLimit: r.RateLimit,
		CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt, RevokedAt: r.RevokedAt, LastUsedAt: r.LastUsedAt,
	}
	c := e.callerOf(r)
	v.Scopes, v.Project = c.Scopes, c.ProjectName
	return v
}

// CreateKey makes a key. Its text is returned this once. A caller can grant only what it may do itself.
func (e *Engine) CreateKey(ctx context.Context, c *Caller, spec KeySpec) (*KeyView, string, error) {
	project := c.Project
	if spec.Project != "" {
		p := e.projectOf(spec.Project)
		if p == nil || p.Key != c.Project && !c.Scopes.Has(ScopeAdmin) {
			return nil, "", invalid("project", string(CodeNotFound), "project %q not found", clip(spec.Project))
		}
		project = p.Key
	}
	if spec.Scopes == 0 {
		return nil, "", invalid("scopes", FieldRequired, "scopes must name at least one of %s", strings.Join(ScopeNames(), ", "))
	}
	if !c.Scopes.Has(spec.Scopes) {
		return nil, "", &Error{Code: CodeForbidden, Message: fmt.Sprintf("a key cannot grant more than it has itself; missing: %s", strings.Join((spec.Scopes&^c.Scopes).Names(), ", "))}
	}
	if c.Workflows != nil && spec.Scopes.Has(ScopeWorkersRun) {
		// A key that may serve some workflows cannot make one that may serve others.
		for _, w := range spec.Workflows {
			if !slices.Contains(c.Workflows, w) {
				return nil, "", &Error{Code: CodeForbidden, Message: fmt.Sprintf("a key cannot grant more than it has itself; it may not serve workflow %q", clip(w))}
			}
		}
		if spec.Workflows == nil {
			return nil, "", &Error{Code: CodeForbidden, Message: "a key cannot grant more than it has itself; name the workflows that the new key may serve"}
		}
	}
	if !spec.ExpiresAt.IsZero() && execution.TimeOf(spec.ExpiresAt) <= e.store.Now() {
		return nil, "", invalid("expires_at", FieldRange, "expires_at must lie in the future")
	}
	text := spec.Fixed
	if text == "" {
		text = newKeyText()
	}
	public, secret, ok := splitKey(text)
	if !ok {
		return nil, "", invalid("key", FieldInvalid, "a fixed key must have %d to 256 characters", MinFixedKey)
	}
	if known, err := e.store.Key(ctx, public); err == nil { // only a fixed key can be there already
		if known.Project != project || known.RevokedAt != 0 || !slices.Equal(known.Scopes, spec.Scopes.Names()) {
			return nil, "", invalid("key", string(CodeConflict), "this fixed key was used before for something else, or was revoked; choose another")
		}
		return e.keyView(known), text, nil
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, "", err
	}
	ref, err := e.store.NewKey(ctx)
	if err != nil {
		return nil, "", err
	}
	record := store.Key{
		Key: ref, Project: project, ID: e.mint.id(), PublicID: public, Name: spec.Name, Hash: sha256.Sum256([]byte(secret)),
		Last4: text[len(text)-4:], Scopes: spec.Scopes.Names(), Workflows: spec.Workflows, RateLimit: spec.RateLimit,
	}
	if !spec.ExpiresAt.IsZero() {
		record.ExpiresAt = execution.TimeOf(spec.ExpiresAt)
	}
	err = e.write(func(t *tx, _ []*store.Row) {
		record.CreatedAt = t.now
		t.changes.Keys = append(t.changes.Keys, record)
	})
	if err != nil {
		return nil, "", err
	}
	e.keys.mu.Lock()
	e.keys.refs[ref] = record.ID
	delete(e.keys.known, public)
	e.keys.mu.Unlock()
	return e.keyView(&record), text, nil
}

// Keys are the keys of the caller's project, newest first.
func (e *Engine) Keys(ctx context.Context, c *Caller) ([]KeyView, error) {
	records, err := e.store.Keys(ctx, c.Project)
	if err != nil {
		return nil, err
	}
	out := make([]KeyView, len(records))
	for i := range records {
		out[i] = *e.keyView(&records[i])
	}
	return out, nil
}

// RevokeKey ends a key of the caller's project; an admin may end those of others too. Ending it again changes nothing.
func (e *Engine) RevokeKey(ctx context.Context, c *Caller, id execution.ID) error {
	project := c.Project
	if c.Scopes.Has(ScopeAdmin) {
		project = 0
	}
	records, err := e.store.Keys(ctx, project)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(records, func(r store.Key) bool { return r.ID == id })
	if i < 0 {
		return notFound("key")
	}
	record := records[i]
	if record.RevokedAt != 0 {
		return nil
	}
	err = e.write(func(t *tx, _ []*store.Row) {
		record.RevokedAt = t.now
		t.changes.Keys = append(t.changes.Keys, record)
	})
	if err != nil {
		return err
	}
	e.keys.mu.Lock()
	delete(e.keys.known, record.PublicID)
	e.keys.mu.Unlock()
	return nil
}

// ProjectView is a project as the API shows it.
type ProjectView struct {
	ID        execution.ID
	Name      string
	CreatedAt execution.Time
}

// CreateProject makes a project.
func (e *Engine) CreateProject(ctx context.Context, _ *Caller, name string) (*ProjectView, error) {
	if err := checkName("name", name); err != nil {
		return nil, err
	}
	e.lockCatalog()
	defer e.catalogMu.Unlock()
	if e.catalog.Load().byProject[name] != nil {
		return nil, &Error{
			Code: CodeConflict, Message: fmt.Sprintf("project %q exists already", name),
			Fields: []FieldError{{"name", string(CodeConflict), "this name is taken"}},
		}
	}
	key, err := e.store.NewKey(ctx)
	if err != nil {
		return nil, err
	}
	p := &store.Project{Key: key, ID: e.mint.id(), Name: name}
	err = e.catalogued(func(next *catalog) { next.addProject(p) }, func(t *tx) {
		p.CreatedAt = t.now
		t.changes.Projects = append(t.changes.Projects, *p)
	})
	if err != nil {
		return nil, err
	}
	return &ProjectView{ID: p.ID, Name: p.Name, CreatedAt: p.CreatedAt}, nil
}

// Projects are all projects by name.
func (e *Engine) Projects(context.Context, *Caller) ([]ProjectView, error) {
	out := []ProjectView{}
	for _, p := range e.catalog.Load().projects {
		out = append(out, ProjectView{ID: p.ID, Name: p.Name, CreatedAt: p.CreatedAt})
	}
	slices.SortFunc(out, func(a, b ProjectView) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}

// Root is a caller that may do everything, in the project with the given name, which is created if need be. It is for
// the process that owns the engine: the command line and embedding programs.
func (e *Engine) Root(ctx context.Context, project string) (*Caller, error) {
	p := e.projectOf(project)
	for p == nil {
		if _, err := e.CreateProject(ctx, nil, project); err != nil {
			var taken *Error
			if !errors.As(err, &taken) || taken.Code != CodeConflict && taken != errMoved {
				return nil, err
			}
		}
		p = e.projectOf(project)
	}
	return &Caller{Project: p.Key, ProjectID: p.ID, ProjectName: p.Name, KeyName: "root", Scopes: ScopeAdmin}, nil
}
