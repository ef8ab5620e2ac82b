package api

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/sojournhq/sojourn/internal/engine"
)

//go:embed approvals.css
var approvalStyle string

// approvalPolicy lets a browser use the page's one style sheet, named by its hash, and send its form here.
var approvalPolicy = func() []string {
	sum := sha256.Sum256([]byte(approvalStyle))
	return []string{"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"}
}()

// approvalView is what the page shows: a link that can be decided or is not awaited yet, what was decided, or a problem.
type approvalView struct {
	Link    *engine.LinkView
	Decided string // approved or rejected
	Problem string // a sentence
}

// title is the page's heading.
func (v approvalView) title() string {
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

// payload is what the approver gets to see: a text as it is, other JSON indented.
func (v approvalView) payload() string {
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

// append writes the page. It is written by hand because a program that uses html/template keeps every method of every
// type for its sake: a fifth of the whole binary.
func (v approvalView) append(b []byte) []byte {
	title := html.EscapeString(v.title())
	b = append(b, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>`+title+` · Sojourn</title>
<style>`+approvalStyle+`</style>
</head>
<body>
<main>
<h1>`+title+`</h1>
`...)
	if v.Problem != "" {
		b = append(b, `<p role="alert">`+html.EscapeString(v.Problem)+"</p>\n"...)
	} else {
		b = v.appendDecision(b)
	}
	return append(b, "</main>\n</body>\n</html>\n"...)
}

// appendDecision writes what is to be decided, or was.
func (v approvalView) appendDecision(b []byte) []byte {
	b = append(b, "<dl>\n"...)
	if v.Link.Workflow != "" {
		b = append(b, "<dt>Workflow</dt><dd>"+html.EscapeString(v.Link.Workflow)+"</dd>\n"...)
	}
	b = append(b, "<dt>Approval</dt><dd>"+html.EscapeString(v.Link.Name)+"</dd>\n<dt>Execution</dt><dd><code>"+
		v.Link.Execution.String()+"</code></dd>\n</dl>\n"...)
	end := until(v.Link.ExpiresAt)
	if v.Decided != "" {
		return append(b, `<p role="status">Your decision is recorded. You can close this page.</p>`+"\n"...)
	}
	if !v.Link.Open {
		return append(b, "<p>Nobody has asked for this decision yet. The link is good until "+end+".</p>\n"...)
	}
	if len(v.Link.Payload) > 0 {
		b = append(b, `<pre tabindex="0">`+html.EscapeString(v.payload())+"</pre>\n"...)
	}
	return append(b, `<form method="post">
<label for="by">Your name <span>optional</span></label>
<input id="by" name="by" maxlength="200" autocomplete="name">
<label for="comment">Comment <span>optional</span></label>
<textarea id="comment" name="comment" rows="4" maxlength="10000"></textarea>
<p class="choice">
<button name="decision" value="approve">Approve</button>
<button name="decision" value="reject" class="no">Reject</button>
</p>
</form>
<p class="note">This link works once, until `+end+".</p>\n"...)
}

// showApproval answers with the page.
func (a *API) showApproval(x *exchange, status int, v approvalView) error {
	x.out = v.append(x.out)
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
