package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/sojournhq/sojourn/internal/engine"
)

//go:embed approvals.css
var approvalStyle string

//go:embed approvals.html
var approvalSource string

var approvalTemplate = template.Must(template.New("approval").Parse(approvalSource))

// approvalPolicy lets a browser use the page's one style sheet, named by its hash, and send its form here.
var approvalPolicy = func() []string {
	sum := sha256.Sum256([]byte(approvalStyle))
	return []string{"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"}
}()

// approvalView is what the page shows: a link that can be decided or is not awaited yet, what was decided, or a problem.
type approvalView struct {
	Link    *engine.LinkView
	Decided string // approved or rejected
	Problem string // a sentence
}

// Title is the page's heading.
func (v approvalView) Title() string {
	switch {
	case v.Problem != "":
		return "This did not work"
	case v.Decided == "approved":
		return "Approved"
	case v.Decided == "rejected":
		return "Rejected"
	case !v.Link.Open:
		return "Not asked yet"
	}
	return v.Link.Name
}

// Payload is what the approver gets to see: a text as it is, other JSON indented.
func (v approvalView) Payload() string {
	var text string
	if json.Unmarshal(v.Link.Payload, &text) == nil {
		return text
	}
	var b bytes.Buffer
	if json.Indent(&b, v.Link.Payload, "", "  ") != nil {
		return string(v.Link.Payload)
	}
	return b.String()
}

// Until is when the link stops to work.
func (v approvalView) Until() string { return until(v.Link.ExpiresAt) }

// Style is the page's style sheet.
func (approvalView) Style() template.CSS { return template.CSS(approvalStyle) }

// showApproval answers with the page.
func (a *API) showApproval(x *exchange, status int, v approvalView) error {
	b := bytes.NewBuffer(x.out)
	if err := approvalTemplate.Execute(b, v); err != nil {
		return internal(err)
	}
	x.out = b.Bytes()
	h := x.w.Header()
	h["Content-Security-Policy"] = approvalPolicy
	h["X-Robots-Tag"] = []string{"noindex, nofollow"}
	x.send(status, []string{"text/html; charset=utf-8"})
	return nil
}

// approvalProblem answers a person with what went wrong.
func (a *API) approvalProblem(x *exchange, err error) error {
	if x.ctx.Err() != nil {
		return err
	}
	p := problemOf(err)
	x.logInternal(&p, err)
	if p.retryAfter > 0 {
		x.w.Header()["Retry-After"] = []string{strconv.FormatInt(wholeSeconds(p.retryAfter), 10)}
	}
	text := p.detail
	switch p.status {
	case http.StatusNotFound:
		text = "This link is not valid, or not any more: it works once, for a limited time, and only as long as a decision is awaited."
	case http.StatusConflict:
		text = "Nobody has asked for this decision yet. The link stays good: try again later."
	case http.StatusServiceUnavailable:
		text = "The server could not finish this. Open the link again: if it is not valid any more, your decision was taken."
	}
	if first, n := utf8.DecodeRuneInString(text); first >= 'a' && first <= 'z' {
		text = string(first-'a'+'A') + text[n:]
	}
	return a.showApproval(x, p.status, approvalView{Problem: text})
}
