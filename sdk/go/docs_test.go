package sojourn_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/sdk/go"
)

// What follows is the Go code of docs/, so that it compiles. TestDocsCompile holds the pages to it, line by line.

type (
	order   struct{}
	Payment struct{}
)

func mail(context.Context, string, string) error { return nil }

func docsApprovals(ctx *sojourn.Context, order order) (Receipt, error) {
	decision, err := ctx.WaitForApproval("manager", sojourn.Payload(order), sojourn.Timeout(72*time.Hour))
	if err != nil {
		return Receipt{}, err // refused: the execution ends rejected
	}
	payment, err := sojourn.WaitForSignal[Payment](ctx, "paid", sojourn.Timeout(30*24*time.Hour))
	_, _ = decision, payment
	return Receipt{}, err
}

func docsApprovalLink(ctx *sojourn.Context) error {
	_, err := sojourn.Step(ctx, "ask", func(stepCtx context.Context) (bool, error) {
		link, err := ctx.CreateApprovalLink(stepCtx, sojourn.ApprovalLinkParams{Name: "manager"})
		if err != nil {
			return false, err
		}
		return true, mail(stepCtx, "ada@example.com", link.URL)
	})
	return err
}

func docsFiles(w *sojourn.Worker, text string) {
	type input struct {
		Document sojourn.File `json:"document"`
	}

	sojourn.Handle(w, "file", func(ctx *sojourn.Context, in input) (sojourn.File, error) {
		r, err := in.Document.Open(ctx) // the bytes
		if err != nil {
			return sojourn.File{}, err
		}
		defer r.Close()
		return sojourn.NewFile(ctx, "summary.txt", "text/plain", strings.NewReader(text))
	})
}

func docsWebhooks(w http.ResponseWriter, r *http.Request, secret string) (*sojourn.WebhookEvent, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	event, err := sojourn.VerifyWebhook(body, r.Header, secret)
	return event, err
}

var _ = []any{docsApprovals, docsApprovalLink, docsFiles, docsWebhooks}

var goBlock = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")

func TestDocsCompile(t *testing.T) {
	t.Parallel()
	self, err := os.ReadFile("docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var compiled []string
	for line := range strings.SplitSeq(string(self), "\n") {
		compiled = append(compiled, strings.TrimSpace(line))
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	blocks := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range goBlock.FindAllStringSubmatch(string(text), -1) {
			blocks++
			at := 0
			for line := range strings.SplitSeq(block[1], "\n") {
				line = strings.TrimSpace(line)
				if line == "" || line == "…" { // what a page leaves out
					continue
				}
				for at < len(compiled) && compiled[at] != line {
					at++
				}
				if at == len(compiled) {
					t.Errorf("%s: this line is not compiled, or not in this order; put it into docs_test.go:\n%s", page, line)
					break
				}
			}
		}
	}
	if blocks < 4 {
		t.Errorf("only %d blocks of Go were found", blocks)
	}
}
