// Package signature signs messages as Standard Webhooks 1.0.0 says.
package signature

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a signed message.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Prefix begins the text of a secret; the rest is base64 of MinBytes to MaxBytes.
const (
	Prefix   = "whsec_"
	MinBytes = 24
	MaxBytes = 64
	newBytes = 32
)

// Secret is what messages are signed with. No log, error or JSON shows it.
type Secret struct{ key []byte }

// ErrSecret is a text that is not a secret.
var ErrSecret = errors.New("a secret is " + Prefix + " and base64 of 24 to 64 bytes")

// New makes a random secret.
func New() Secret {
	key := make([]byte, newBytes)
	_, _ = rand.Read(key) // never fails
	return Secret{key}
}

// Parse reads a secret's text. The error does not repeat it.
func Parse(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, Prefix)
	if !ok {
		return Secret{}, ErrSecret
	}
	key, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(key) < MinBytes || len(key) > MaxBytes {
		return Secret{}, ErrSecret
	}
	return Secret{key}, nil
}

// Reveal is the secret's text.
func (s Secret) Reveal() string {
	return Prefix + base64.StdEncoding.EncodeToString(s.key)
}

// Hint is the end of the secret's text, by which people tell secrets apart.
func (s Secret) Hint() string {
	text := s.Reveal()
	return text[len(text)-4:]
}

const hidden = "[hidden]"

// String hides the secret.
func (s Secret) String() string { return hidden }

// Format hides the secret from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Sign is the signature of a message under each of the secrets, as HeaderSignature carries it.
func Sign(id string, at time.Time, body []byte, secrets ...Secret) string {
	var b strings.Builder
	for i, s := range secrets {
		if i > 0 {
			b.WriteByte(' ')
		}
		mac := hmac.New(sha256.New, s.key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		b.WriteString("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}

// SetHeaders puts the three headers of a signed message into h.
func SetHeaders(h http.Header, id string, at time.Time, body []byte, secrets ...Secret) {
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(HeaderSignature, Sign(id, at, body, secrets...))
}
