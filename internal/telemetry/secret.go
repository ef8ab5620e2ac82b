package telemetry

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Secret is a text that no log, error or JSON shows. Reveal is the only way to it.
type Secret struct{ text string }

// NewSecret hides the text.
func NewSecret(text string) Secret { return Secret{text} }

const hidden = "[hidden]"

// Reveal is the text itself.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.text == "" }

// String is "[hidden]", or nothing for an empty secret.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return hidden
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return "telemetry.Secret(" + s.String() + ")" }

// Format hides the text from every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue hides the text from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalJSON hides the text from JSON.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalText hides the text from every other encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Set takes the text from a flag, the environment or a file.
func (s *Secret) Set(text string) error {
	s.text = text
	return nil
}

// Type names the value in the help of flags.
func (s *Secret) Type() string { return "text" }
