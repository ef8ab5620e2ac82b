package engine

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"github.com/sojournhq/sojourn/internal/execution"
)

// How long a person stays signed in.
const (
	// SignInLife is how long a sign-in lasts that is not used.
	SignInLife = 12 * time.Hour
	// signInMost is how long one lasts however much it is used.
	signInMost = 7 * 24 * time.Hour
	// signInRenewed is how old a token is when its use earns a new one.
	signInRenewed = 10 * time.Minute
)

var errSignedOut = &Error{Code: CodeUnauthenticated, Message: "you are not signed in, or not any more: sign in with an API key"}

// signInBinding is what tokens are bound to, so that nothing else that is sealed passes for one.
var signInBinding = []byte("sign-in")

// SignIn is a person who has shown an API key and now acts with it in a browser. Nothing of it is stored: the token that
// the browser keeps has the key itself, sealed with the ring that all servers of a cluster have. So it is worth what the
// key is worth, and who knows the ring alone, from a copy of the database, can make no token.
type SignIn struct {
	Caller    *Caller
	ExpiresAt execution.Time // unless it is used before and renewed
	// Token is what the browser is to keep; empty when the one it has is good for long enough.
	Token string

	key   string
	since execution.Time // when the key was shown
}

// SignIn begins a sign-in with a key. Every sign-in has another token.
func (e *Engine) SignIn(ctx context.Context, key string) (*SignIn, error) {
	now := e.store.Now()
	k, err := e.authenticate(ctx, key, now)
	if err != nil {
		return nil, err
	}
	s := &SignIn{Caller: k.caller, key: key, since: now}
	e.renewSignIn(s, k, now)
	return s, nil
}

// SignedIn is the sign-in that a token stands for. It ends with its key, which is looked at as for every request.
func (e *Engine) SignedIn(ctx context.Context, token string) (*SignIn, error) {
	now := e.store.Now()
	s, made, ok := e.openSignIn(token)
	if !ok || now >= s.ExpiresAt {
		return nil, errSignedOut
	}
	k, err := e.authenticate(ctx, s.key, now)
	if errors.Is(err, errUnauthenticated) {
		return nil, errSignedOut
	}
	if err != nil {
		return nil, err
	}
	s.Caller = k.caller
	if now.Sub(made) >= signInRenewed {
		e.renewSignIn(s, k, now)
	}
	return s, nil
}

// signInHead is how much of a token comes before the key.
const signInHead = 3 * 8

// renewSignIn gives the sign-in a token that lasts from now on, but not beyond its key.
func (e *Engine) renewSignIn(s *SignIn, k *knownKey, now execution.Time) {
	s.ExpiresAt = min(now.Add(SignInLife), s.since.Add(signInMost))
	if end := k.record.ExpiresAt; end != 0 {
		s.ExpiresAt = min(s.ExpiresAt, end)
	}
	b := make([]byte, 0, signInHead+len(s.key))
	for _, t := range []execution.Time{s.since, now, s.ExpiresAt} {
		b = binary.BigEndian.AppendUint64(b, uint64(t))
	}
	b = append(b, s.key...)
	s.Token = base64.RawURLEncoding.EncodeToString(e.cfg.Seal.Seal(b, signInBinding))
}

// openSignIn reads what renewSignIn wrote, and when it did; false for what it did not write.
func (e *Engine) openSignIn(token string) (s *SignIn, made execution.Time, ok bool) {
	const most = 1024
	if len(token) > most {
		return nil, 0, false
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, 0, false
	}
	b, err := e.cfg.Seal.Open(sealed, signInBinding)
	if err != nil || len(b) < signInHead {
		return nil, 0, false
	}
	s = &SignIn{key: string(b[signInHead:])}
	for i, t := range []*execution.Time{&s.since, &made, &s.ExpiresAt} {
		*t = execution.Time(binary.BigEndian.Uint64(b[8*i:]))
	}
	return s, made, true
}
