package api

import (
	"net/http"
	"net/url"
	"strings"
)

// Pages are the dashboard's pages and files.
type Pages interface {
	// ServeHTTP answers GET and HEAD with the page or file, or with a page that says that there is none.
	http.Handler
	// Has reports whether there is a page or file at the URL's path.
	Has(u *url.URL) bool
}

// pageRoute is where paths lead that the API does not have and the pages do.
var pageRoute = route{"GET", "page", access{public: true}, 0, 0, (*API).page}

// pageOf is pageRoute when a person's browser should get a page, also one that says that there is nothing, and nil
// otherwise.
func (a *API) pageOf(r *http.Request) *route {
	if a.cfg.Pages == nil || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	if a.cfg.Pages.Has(r.URL) || !forPrograms(r.URL.Path) && strings.Contains(r.Header.Get("Accept"), "text/html") && len(a.router.methods(r)) == 0 {
		return &pageRoute
	}
	return nil
}

// forPrograms reports whether everything below the path is for programs, errors included.
func forPrograms(path string) bool {
	for _, root := range []string{"/v1", "/api", uiPrefix} {
		if rest, ok := strings.CutPrefix(path, root); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// page answers with a page or file of the dashboard, which chooses its own headers beyond those that every answer has.
func (a *API) page(x *exchange) error {
	x.header()
	a.cfg.Pages.ServeHTTP(&pageWriter{x.w, x}, x.r)
	return nil
}

// pageWriter notes the status.
type pageWriter struct {
	http.ResponseWriter
	x *exchange
}

func (w *pageWriter) WriteHeader(status int) {
	w.x.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *pageWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
