package api

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"

	"github.com/sojournhq/sojourn/spec"
)

// reference is the API's description as it is served: made once, the same for everybody.
type reference struct {
	json, page       []byte
	jsonTag, pageTag string
	eigenpal         []byte // the description of the EigenPal dialect
	eigenpalTag      string
	policy           []string // the page's Content-Security-Policy
}

func (r *reference) init() error {
	page, style, err := renderReference(spec.OpenAPI)
	if err != nil {
		return fmt.Errorf("render the reference page: %w", err)
	}
	r.json, r.page = spec.OpenAPI, page
	r.eigenpal, r.eigenpalTag = spec.Eigenpal, contentTag(spec.Eigenpal)
	r.jsonTag, r.pageTag = contentTag(r.json), contentTag(r.page)
	// The page has one style sheet, named by its hash, and nothing else that a browser would run or fetch.
	sum := sha256.Sum256([]byte(style))
	r.policy = []string{"default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"}
	return nil
}

func contentTag(b []byte) string {
	return `"` + strconv.FormatUint(uint64(crc32.ChecksumIEEE(b)), 36) + "-" + strconv.Itoa(len(b)) + `"`
}

func (a *API) openapi(x *exchange) error {
	x.w.Header()["Access-Control-Allow-Origin"] = []string{"*"}
	return x.static(a.reference.json, a.reference.jsonTag, headerJSON)
}

func (a *API) docs(x *exchange) error {
	x.w.Header()["Content-Security-Policy"] = a.reference.policy
	return x.static(a.reference.page, a.reference.pageTag, []string{"text/html; charset=utf-8"})
}

// static answers with something that changes only with the server.
func (x *exchange) static(content []byte, tag string, contentType []string) error {
	h := x.w.Header()
	h["Etag"] = []string{tag}
	h["Cache-Control"] = []string{"no-cache"}
	if matches(x.r.Header["If-None-Match"], tag) {
		return x.empty(http.StatusNotModified)
	}
	own := x.out
	x.out = content
	x.send(http.StatusOK, contentType)
	x.out = own
	return nil
}
