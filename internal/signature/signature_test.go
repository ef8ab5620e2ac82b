package signature_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/sojournhq/sojourn/internal/signature"
)

// The example of the specification's own libraries.
func TestTheKnownSignature(t *testing.T) {
	t.Parallel()
	s, err := signature.Parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := signature.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), s)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

// The official library accepts what is signed with any of several secrets, and nothing that was changed.
func TestTheOfficialLibraryVerifies(t *testing.T) {
	t.Parallel()
	given, err := signature.Parse(signature.Prefix + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", signature.MaxBytes))))
	if err != nil {
		t.Fatal(err)
	}
	secrets := []signature.Secret{signature.New(), given}
	body := []byte("{\"a\":1.50,\"b\":\"<&\u2028\"}")
	h := http.Header{}
	signature.SetHeaders(h, "evt_1", time.Now(), body, secrets...)
	for i, s := range secrets {
		wh, err := standardwebhooks.NewWebhook(s.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(body, h); err != nil {
			t.Errorf("secret %d: %v", i, err)
		}
		if err := wh.Verify([]byte(strings.Replace(string(body), "1.50", "1.5", 1)), h); err == nil {
			t.Errorf("secret %d: a body that was encoded again passes", i)
		}
		for _, name := range []string{signature.HeaderID, signature.HeaderTimestamp} {
			other := h.Clone()
			other.Set(name, h.Get(name)[:len(h.Get(name))-1]+"7x"[i:i+1])
			if other.Get(name) != h.Get(name) && wh.Verify(body, other) == nil {
				t.Errorf("secret %d: another %s passes", i, name)
			}
		}
	}
	stranger, err := standardwebhooks.NewWebhook(signature.New().Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if stranger.Verify(body, h) == nil {
		t.Error("another secret passes")
	}
}

func TestSecretsAreRead(t *testing.T) {
	t.Parallel()
	s := signature.New()
	again, err := signature.Parse(s.Reveal())
	if err != nil || again.Reveal() != s.Reveal() || !strings.HasSuffix(s.Reveal(), s.Hint()) || len(s.Hint()) != 4 {
		t.Errorf("%v, hint %q", err, s.Hint())
	}
	if signature.New().Reveal() == s.Reveal() {
		t.Error("two secrets are the same")
	}
	encode := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	for _, bad := range []string{"", "whsec_", encode(32), "whsec_" + encode(23), "whsec_" + encode(65), "whsec_" + encode(32) + "x", "whsec_!" + encode(32)} {
		if _, err := signature.Parse(bad); err == nil || bad != "" && bad != signature.Prefix && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSecretsAreHidden(t *testing.T) {
	t.Parallel()
	s := signature.New()
	text, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "s", s)
	shown := fmt.Sprintf("%v %+v %#v %s %q %x %d", s, s, s, s, s, s, s) + string(text) + log.String() + s.String()
	raw := strings.TrimPrefix(s.Reveal(), signature.Prefix)
	if strings.Contains(shown, raw) || strings.Contains(shown, raw[:8]) || !strings.Contains(shown, "[hidden]") {
		t.Error("the secret is shown: " + shown)
	}
}
