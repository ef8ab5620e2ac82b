package engine_test

import (
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/seal"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

// signedIn checks whether the token is good, and returns the one in its place if it was renewed.
func (b *bench) signedIn(what, token string, want bool) string {
	b.t.Helper()
	s, err := b.SignedIn(b.t.Context(), token)
	if want && err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if !want {
		wantCode(b.t, what, err, "unauthenticated")
		return ""
	}
	if left := s.ExpiresAt.Sub(b.Now()); left <= 0 || left > engine.SignInLife {
		b.t.Errorf("%s: ends in %s", what, left)
	}
	return s.Token
}

func TestASignInLastsWhileItIsUsed(t *testing.T) {
	t.Parallel()
	leaping(t, func(t *testing.T, b *bench, _ *faultstore.Store, leap func(time.Duration)) {
		_, text := b.key(engine.KeySpec{})
		in, err := b.SignIn(t.Context(), text)
		if err != nil || in.Token == "" || in.ExpiresAt.Sub(b.Now()) != engine.SignInLife {
			t.Fatalf("%+v, %v", in, err)
		}
		other, err := b.SignIn(t.Context(), text)
		if err != nil || other.Token == in.Token {
			t.Errorf("two sign-ins have one token, %v", err)
		}
		token := in.Token
		if again := b.signedIn("at once", token, true); again != "" {
			t.Error("renewed at once")
		}
		// Used every eleven hours it goes on, but no longer than a week.
		begun := b.Now()
		for b.Now().Sub(begun) < 7*24*time.Hour-11*time.Hour {
			leap(11 * time.Hour)
			next := b.signedIn("in use", token, true)
			if next == "" || next == token {
				t.Fatal("not renewed")
			}
			token = next
		}
		leap(11 * time.Hour)
		b.signedIn("after a week", token, false)
		b.signedIn("unused", other.Token, false)
		_, err = b.SignIn(t.Context(), text+"x")
		wantCode(t, "a bad key", err, "unauthenticated")
	})
}

func TestASignInEndsAfterTwelveHours(t *testing.T) {
	t.Parallel()
	leaping(t, func(t *testing.T, b *bench, _ *faultstore.Store, leap func(time.Duration)) {
		_, text := b.key(engine.KeySpec{})
		in, err := b.SignIn(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		leap(12*time.Hour - time.Minute)
		b.signedIn("before its end", in.Token, true) // the token in its place is thrown away
		leap(time.Minute)
		b.signedIn("after its end", in.Token, false)
	})
}

func TestASignInEndsWithItsKey(t *testing.T) {
	t.Parallel()
	leaping(t, func(t *testing.T, b *bench, _ *faultstore.Store, leap func(time.Duration)) {
		_, text := b.key(engine.KeySpec{ExpiresAt: b.Now().Std().Add(time.Hour)})
		in, err := b.SignIn(t.Context(), text)
		if err != nil || in.ExpiresAt.Sub(b.Now()) > time.Hour {
			t.Fatalf("%+v, %v", in, err)
		}
		leap(30 * time.Minute)
		token := b.signedIn("before the key's end", in.Token, true)
		leap(31 * time.Minute)
		b.signedIn("after the key's end", token, false)

		key, text := b.key(engine.KeySpec{})
		if in, err = b.SignIn(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		b.signedIn("before the key is revoked", in.Token, true)
		if err := b.RevokeKey(t.Context(), b.root, key.ID); err != nil {
			t.Fatal(err)
		}
		b.signedIn("after the key was revoked", in.Token, false)
	})
}

// Whoever has the ring accepts the token: the same server after a restart, and every server of a cluster.
func TestATokenIsGoodWhereTheRingIs(t *testing.T) {
	t.Parallel()
	ring := seal.Random()
	with := func(r *seal.Ring) func(*engine.Config) { return func(c *engine.Config) { c.Seal = r } }
	b := setup(t, with(ring))
	_, text := b.key(engine.KeySpec{})
	in, err := b.SignIn(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	lent, err := b.SignIn(t.Context(), b.Lend(b.root))
	if err != nil {
		t.Fatal(err)
	}
	if s, err := b.SignedIn(t.Context(), lent.Token); err != nil || s.Caller != b.root {
		t.Errorf("%+v, %v", s, err)
	}
	b = b.restart(with(ring))
	b.signedIn("after a restart", in.Token, true)
	b.signedIn("of a key that was lent", lent.Token, false)
	b = b.restart(with(seal.Random()))
	b.signedIn("with another ring", in.Token, false)
}
