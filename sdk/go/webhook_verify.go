package sojourn

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// WebhookTolerance is how old, or how far ahead of this clock, a message may be for VerifyWebhook.
const WebhookTolerance = 5 * time.Minute

// ErrWebhook is in every error of VerifyWebhook: the message is not the server's, or was changed, or is old. Answer 401 or
// 400, and do nothing else.
var ErrWebhook = errors.New("sojourn: the webhook message cannot be trusted")

// WebhookEvent is a message about an execution. The same ID may come more than once, and messages may overtake each
// other: the execution's Revision tells which is newer.
type WebhookEvent struct {
	ID        string    `json:"id"`
	Type      string    `json:"type"` // execution.created, .status_changed, .completed, .failed, .cancelled, .rejected, or endpoint.test
	CreatedAt time.Time `json:"created_at"`
	// Execution is the execution without its input, nil in endpoint.test.
	Execution *Execution `json:"-"`
	// OutputURL is where to read an output of more than 20 KiB, with an API key; empty otherwise.
	OutputURL string `json:"-"`
	// Data is the message's data as it came.
	Data json.RawMessage `json:"data"`
}

// VerifyWebhook checks that a callback or webhook comes from the server, and reads it. body is the request's body exactly
// as it was received: a body that was decoded and encoded again fails. secrets are those of the endpoint, or of
// WebhookService.CallbackSecrets for callbacks; give both while one is replaced by another. Every failure is an ErrWebhook,
// but for a secret that is none.
func VerifyWebhook(body []byte, header http.Header, secrets ...string) (*WebhookEvent, error) {
	return verifyWebhook(body, header, time.Now(), secrets)
}

func verifyWebhook(body []byte, header http.Header, now time.Time, secrets []string) (*WebhookEvent, error) {
	if len(secrets) == 0 {
		return nil, errors.New("sojourn: VerifyWebhook needs a secret")
	}
	id, stamp, signatures := header.Get("webhook-id"), header.Get("webhook-timestamp"), header.Get("webhook-signature")
	for name, value := range map[string]string{"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": signatures} {
		if value == "" {
			return nil, fmt.Errorf("%w: the header %s is missing", ErrWebhook, name)
		}
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w: webhook-timestamp is not a number of seconds", ErrWebhook)
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > WebhookTolerance || off < -WebhookTolerance {
		return nil, fmt.Errorf("%w: it was signed more than %s from now", ErrWebhook, WebhookTolerance)
	}
	signed := false
	for _, secret := range secrets {
		encoded, ok := strings.CutPrefix(secret, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) == 0 {
			return nil, errors.New("sojourn: a webhook secret is whsec_ and base64")
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		want := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		for given := range strings.SplitSeq(signatures, " ") {
			signed = hmac.Equal([]byte(given), want) || signed
		}
	}
	if !signed {
		return nil, fmt.Errorf("%w: no signature fits", ErrWebhook)
	}
	e := &WebhookEvent{}
	if err := json.Unmarshal(body, e); err != nil {
		return nil, fmt.Errorf("%w: it is signed, but is no event: %w", ErrWebhook, err)
	}
	if strings.HasPrefix(e.Type, "execution.") {
		e.Execution = &Execution{}
		var extra struct {
			OutputURL string `json:"output_url"`
		}
		if err := errors.Join(json.Unmarshal(e.Data, e.Execution), json.Unmarshal(e.Data, &extra)); err != nil {
			return nil, fmt.Errorf("%w: it is signed, but has no execution: %w", ErrWebhook, err)
		}
		e.OutputURL = extra.OutputURL
	}
	return e, nil
}
