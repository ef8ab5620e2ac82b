package dashboard

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// noticeStyle is the whole look of the pages that need no front end.
const noticeStyle = `:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;font:15px/1.6 system-ui,sans-serif;background:light-dark(#fff,#16181d);color:light-dark(#1b1f27,#e6e8ec)}
main{max-width:32rem;padding:2rem}
h1{font-size:1.25rem;margin:0 0 .5rem}
p{margin:.5rem 0}
a{color:light-dark(#2457c5,#8ab0ff)}
code{font-family:ui-monospace,monospace;font-size:.9em;padding:.1em .35em;border-radius:4px;background:light-dark(#eef0f4,#262a33)}`

// noticePolicy lets a browser use the one style sheet, named by its hash, and nothing else.
var noticePolicy = func() string {
	sum := sha256.Sum256([]byte(noticeStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; " +
		"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
}()

// say answers with a page of a few words. Both are this package's own, never a request's.
func (h *Handler) say(w http.ResponseWriter, r *http.Request, status int, title, body string) {
	head := w.Header()
	head.Set("Content-Security-Policy", noticePolicy)
	head.Set("Cache-Control", "no-store")
	send(w, r, status, `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>`+title+` · Sojourn</title>
<style>`+noticeStyle+`</style>
</head>
<body>
<main>
<h1>`+title+`</h1>
`+body+`
</main>
</body>
</html>
`)
}
