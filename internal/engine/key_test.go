package engine_test

import (
	"context"
	"hash/crc32"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
	"github.com/sojournhq/sojourn/internal/store/faultstore"
)

func (b *bench) key(spec engine.KeySpec) (*engine.KeyView, string) {
	b.t.Helper()
	if spec.Scopes == 0 {
		spec.Scopes = engine.ScopeRead
	}
	v, text, err := b.CreateKey(b.t.Context(), b.root, spec)
	if err != nil {
		b.t.Fatal(err)
	}
	return v, text
}

func TestKeysAuthenticate(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		v, text := b.key(engine.KeySpec{Name: "ci", Scopes: engine.ScopeStart | engine.ScopeRead, Workflows: []string{"a"}, RateLimit: 2.5})
		if !strings.HasPrefix(text, "sjn_live_") || !strings.HasSuffix(text, v.Last4) || len(v.Last4) != 4 {
			t.Errorf("key %s, last four %s", text, v.Last4)
		}
		c, err := b.Authenticate(t.Context(), text)
		if err != nil || c.Project != b.root.Project || c.ProjectName != "default" || c.KeyID != v.ID || c.KeyName != "ci" ||
			c.Scopes != engine.ScopeStart|engine.ScopeRead || len(c.Workflows) != 1 || c.RateLimit != 2.5 {
			t.Fatalf("caller %+v, %v", c, err)
		}
		if !c.Scopes.Has(engine.ScopeRead) || c.Scopes.Has(engine.ScopeRead|engine.ScopeManage) || !b.root.Scopes.Has(engine.ScopeManage) {
			t.Error("a set of scopes does not hold what it should")
		}
		// Every single character counts, and a text whose checksum is wrong is refused without a look at the store.
		reads := 0
		fs.Set(func(c faultstore.Call) faultstore.Fault {
			if c.Method == "Key" {
				reads++
			}
			return faultstore.None
		})
		for i := range text {
			other := byte('A')
			if text[i] == other {
				other = 'B'
			}
			bad := text[:i] + string(other) + text[i+1:]
			if _, err := b.Authenticate(t.Context(), bad); code(err) != "unauthenticated" {
				t.Errorf("with character %d changed: %v", i, err)
			}
			if i >= len("sjn_live_") && engine.CheckKeyText(bad) {
				t.Errorf("with character %d changed the checksum is right", i)
			}
		}
		// Whoever knows the public part and the form of a key does not know its secret.
		forged := text[:len(text)-7] + "A"
		if forged == text[:len(text)-6] {
			forged = text[:len(text)-7] + "B"
		}
		sum := ""
		for n := crc32.ChecksumIEEE([]byte(forged)); len(sum) < 6; n /= 62 {
			sum = string("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"[n%62]) + sum
		}
		if !engine.CheckKeyText(forged + sum) {
			t.Error("the checksum is not the CRC-32 in base 62")
		}
		if _, err := b.Authenticate(t.Context(), forged+sum); code(err) != "unauthenticated" {
			t.Errorf("with another secret: %v", err)
		}
		if reads > len("sjn_live_") { // with another prefix it has the form of a fixed key
			t.Errorf("%d reads of the store for texts with a wrong checksum", reads)
		}
		fs.Set(nil)
		for _, bad := range []string{"", "sjn_live_", text + "x", text[:len(text)-1], strings.ToLower(text), " " + text} {
			_, err := b.Authenticate(t.Context(), bad)
			wantCode(t, bad, err, "unauthenticated")
		}
	})
}

func TestKeysEnd(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *bench) {
		expiring, text := b.key(engine.KeySpec{ExpiresAt: b.Now().Std().Add(10 * time.Second)})
		authenticate := func(text string) error {
			_, err := b.Authenticate(t.Context(), text)
			return err
		}
		wantCode(t, "fresh", authenticate(text), "")
		time.Sleep(10*time.Second - time.Millisecond)
		wantCode(t, "a moment before it expires", authenticate(text), "")
		time.Sleep(time.Millisecond)
		wantCode(t, "expired", authenticate(text), "unauthenticated")

		v, text := b.key(engine.KeySpec{})
		other := run(t, b.store) // another server on the same data, with a cache of its own
		sees := func() error {
			_, err := other.Authenticate(context.WithoutCancel(t.Context()), text)
			return err
		}
		wantCode(t, "on the other server", sees(), "")
		for range 2 {
			if err := b.RevokeKey(t.Context(), b.root, v.ID); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, "revoked", authenticate(text), "unauthenticated")
		time.Sleep(5*time.Second + time.Millisecond)
		wantCode(t, "revoked, on the other server after 5 s", sees(), "unauthenticated")
		if err := other.stop(); err != nil {
			t.Error(err)
		}

		keys, err := b.Keys(t.Context(), b.root)
		if err != nil || len(keys) != 2 || keys[0].ID != v.ID || keys[0].RevokedAt == 0 || keys[1].ID != expiring.ID || keys[1].ExpiresAt == 0 {
			t.Errorf("keys %+v, %v", keys, err)
		}
		wantCode(t, "an unknown key", b.RevokeKey(t.Context(), b.root, execution.MakeID(1, 1, 1)), "not_found")
	})
}

// The last use is written at most once a minute, and does not make a request wait.
func TestLastUse(t *testing.T) {
	t.Parallel()
	faulty(t, func(t *testing.T, b *bench, fs *faultstore.Store) {
		_, text := b.key(engine.KeySpec{})
		uses := map[time.Time]bool{} // a store that meets a conflict decides again at once
		fs.RefuseIf(func(c *store.Changes) bool {
			for _, k := range c.KeyUses {
				uses[k.LastUsedAt.Std().Truncate(10*time.Second)] = true
			}
			return false
		})
		fs.Delay(func(*store.Need) time.Duration { return time.Second })
		begun := time.Now()
		for range 61 {
			for range 3 {
				at := time.Now()
				if _, err := b.Authenticate(t.Context(), text); err != nil {
					t.Fatal(err)
				}
				if time.Since(at) != 0 {
					t.Error("a request waited for its use to be written")
				}
			}
			time.Sleep(2 * time.Second)
		}
		synctest.Wait()
		if d := time.Since(begun); len(uses) != 3 {
			t.Errorf("%d writes in %s, want 3", len(uses), d)
		}
		keys, err := b.Keys(t.Context(), b.root)
		if err != nil || keys[0].LastUsedAt.Std().Before(begun.Add(time.Minute)) {
			t.Errorf("last used at %s, %v", keys[0].LastUsedAt, err)
		}
	})
}

func TestKeysGrantOnlyWhatTheirMakerHas(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if _, err := b.CreateProject(t.Context(), b.root, "other"); err != nil {
		t.Fatal(err)
	}
	caller := func(spec engine.KeySpec) *engine.Caller {
		_, text := b.key(spec)
		c, err := b.Authenticate(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	limited := caller(engine.KeySpec{Scopes: engine.ScopeKeysManage | engine.ScopeRead | engine.ScopeWorkersRun, Workflows: []string{"a", "b"}})
	create := func(spec engine.KeySpec) error {
		_, _, err := b.CreateKey(t.Context(), limited, spec)
		return err
	}
	wantCode(t, "what it has", create(engine.KeySpec{Scopes: engine.ScopeRead}), "")
	wantCode(t, "more scopes", create(engine.KeySpec{Scopes: engine.ScopeRead | engine.ScopeStart}), "forbidden")
	wantCode(t, "admin", create(engine.KeySpec{Scopes: engine.ScopeAdmin}), "forbidden")
	wantCode(t, "its own workflow", create(engine.KeySpec{Scopes: engine.ScopeWorkersRun, Workflows: []string{"a"}}), "")
	wantCode(t, "another workflow", create(engine.KeySpec{Scopes: engine.ScopeWorkersRun, Workflows: []string{"a", "c"}}), "forbidden")
	wantCode(t, "all workflows", create(engine.KeySpec{Scopes: engine.ScopeWorkersRun}), "forbidden")
	wantField(t, create(engine.KeySpec{Scopes: engine.ScopeRead, Project: "other"}), "project")
	wantField(t, create(engine.KeySpec{}), "scopes")
	wantField(t, create(engine.KeySpec{Scopes: engine.ScopeRead, ExpiresAt: time.Now().Add(-time.Hour)}), "expires_at")

	other := caller(engine.KeySpec{Project: "other", Scopes: engine.ScopeKeysManage})
	if other.ProjectName != "other" {
		t.Errorf("a key made for another project is in %s", other.ProjectName)
	}
	mine, _ := b.key(engine.KeySpec{})
	wantCode(t, "revoking another project's key", b.RevokeKey(t.Context(), other, mine.ID), "not_found")
	if keys, err := b.Keys(t.Context(), other); err != nil || len(keys) != 1 || keys[0].ID != other.KeyID {
		t.Errorf("keys of the other project: %+v, %v", keys, err)
	}
	if err := b.RevokeKey(t.Context(), b.root, other.KeyID); err != nil {
		t.Errorf("an admin revoking another project's key: %v", err)
	}
}

// A development server's key is a text that was given to it, the same after each start.
func TestAFixedKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const text = "a-fixed-key-for-development"
	spec := engine.KeySpec{Name: "dev", Scopes: engine.ScopeAdmin, Fixed: text}
	first, _ := b.key(spec)
	b = b.restart()
	again, got := b.key(spec)
	if again.ID != first.ID || got != text {
		t.Errorf("after a restart: %+v, %q", again, got)
	}
	if c, err := b.Authenticate(t.Context(), text); err != nil || c.KeyID != first.ID {
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range []string{text + "x", text[1:], strings.ToUpper(text)} {
		_, err := b.Authenticate(t.Context(), bad)
		wantCode(t, bad, err, "unauthenticated")
	}
	_, _, err := b.CreateKey(t.Context(), b.root, engine.KeySpec{Scopes: engine.ScopeRead, Fixed: "too short"})
	wantField(t, err, "key")
	if err := b.RevokeKey(t.Context(), b.root, first.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.CreateKey(t.Context(), b.root, spec)
	wantField(t, err, "key")
}

func TestALentKeyIsNeverStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text := b.Lend(b.root)
	if c, err := b.Authenticate(t.Context(), text); err != nil || c != b.root {
		t.Errorf("%+v, %v", c, err)
	}
	if keys, err := b.Keys(t.Context(), b.root); err != nil || len(keys) != 0 {
		t.Errorf("keys %+v, %v, want none stored", keys, err)
	}
	b = b.restart()
	_, err := b.Authenticate(t.Context(), text)
	wantCode(t, "after a restart", err, "unauthenticated")
}
