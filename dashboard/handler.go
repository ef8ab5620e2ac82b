package dashboard

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Handler serves the dashboard's pages and files. It changes nothing and knows nothing of executions: the pages call the
// API from the browser.
type Handler struct {
	files map[string]*file // by path; index.html is not among them
	index []string         // index.html, cut where the nonce goes; nil: the front end was not built
}

// noncePlaceholder stands in index.html where each response has a nonce of its own.
const noncePlaceholder = "__NONCE__"

// New makes the handler of the front end that was built into the binary.
func New() (*Handler, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return newHandler(dist)
}

func newHandler(dist fs.FS) (*Handler, error) {
	files, err := readFiles(dist)
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	h := &Handler{files: files}
	switch index, err := fs.ReadFile(dist, "index.html"); {
	case err == nil:
		h.index = strings.Split(string(index), noncePlaceholder)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	return h, nil
}

// Built reports whether there is a front end: `go build` alone makes none.
func (h *Handler) Built() bool { return h.index != nil }

// Has reports whether there is a page or a file at the path.
func (h *Handler) Has(u *url.URL) bool {
	return isPage(u) || h.files[u.EscapedPath()] != nil
}

// ServeHTTP answers GET and HEAD: with a page, a file, or a page that says that there is none.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		head.Set("Allow", "GET, HEAD")
		h.say(w, r, http.StatusMethodNotAllowed, "This page cannot be written to", "")
		return
	}
	switch f := h.files[r.URL.EscapedPath()]; {
	case f != nil:
		f.serve(w, r)
	case !isPage(r.URL):
		h.say(w, r, http.StatusNotFound, "There is nothing here", `<p><a href="/">Go to the dashboard</a></p>`)
	case !h.Built():
		h.say(w, r, http.StatusNotFound, "The dashboard was not built in",
			"<p>This server was built without its front end. Build it with <code>make build</code>, which needs Node.</p>\n"+
				`<p>The API works all the same: see <a href="/docs">its reference</a>.</p>`)
	default:
		h.serveIndex(w, r)
	}
}

// policy is what a browser lets the pages do. The nonce is for the style element that the component library writes; the
// one policy of trusted types is what lets it, and nothing that has a tag in it.
func policy(nonce string) string {
	return "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce + "'; img-src 'self' data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
}

func (h *Handler) serveIndex(w http.ResponseWriter, r *http.Request) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	nonce := base64.StdEncoding.EncodeToString(raw[:])
	text := strings.Join(h.index, nonce)
	head := w.Header()
	head.Set("Content-Security-Policy", policy(nonce))
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cache-Control", "no-store")
	send(w, r, http.StatusOK, text)
}

// send answers with a page.
func send(w http.ResponseWriter, r *http.Request, status int, text string) {
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = io.WriteString(w, text) // a client that has gone is no concern
	}
}
