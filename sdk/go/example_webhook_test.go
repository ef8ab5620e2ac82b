package sojourn_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/sojournhq/sojourn/sdk/go"
)

// A receiver reads the body as it came, verifies it, and answers before it does long work.
func ExampleVerifyWebhook() {
	http.HandleFunc("POST /hooks", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			return
		}
		event, err := sojourn.VerifyWebhook(body, r.Header, os.Getenv("SOJOURN_WEBHOOK_SECRET"))
		if errors.Is(err, sojourn.ErrWebhook) {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		} else if err != nil {
			http.Error(w, "the secret is not set", http.StatusInternalServerError)
			return
		}
		if x := event.Execution; x != nil {
			fmt.Println(event.ID, event.Type, x.ID, x.Revision)
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
