package api

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// exchange is one request and its answer. It is used again for later requests: nothing may keep it, its parser or its
// buffer.
type exchange struct {
	api     *API
	w       http.ResponseWriter
	r       *http.Request
	ctx     context.Context
	control *http.ResponseController
	start   time.Time
	id      string
	route   *route
	params  [maxParams]string
	caller  *engine.Caller
	status  int  // of the answer, 0 before it is written
	gone    bool // the client went away: there is nobody to answer
	out     []byte
	given   query // the query, parsed
}

func (x *exchange) begin(a *API, w http.ResponseWriter, r *http.Request, now time.Time) {
	x.api, x.w, x.r, x.ctx, x.start = a, w, r, r.Context(), now
	x.control = http.NewResponseController(w)
	x.id = requestID(r.Header)
	x.params = [maxParams]string{}
}

// header is the answer's header with what every answer carries, unless the handler chose otherwise. It is filled in
// just before it is sent, so that a request that waits does not keep it.
func (x *exchange) header() http.Header {
	h := x.w.Header()
	h["X-Request-Id"] = []string{x.id}
	h["X-Content-Type-Options"] = headerNosniff
	h["Referrer-Policy"] = headerNoReferrer
	if _, ok := h["Content-Security-Policy"]; !ok {
		h["Content-Security-Policy"] = headerNoContent
	}
	if _, ok := h["Cache-Control"]; !ok {
		h["Cache-Control"] = headerNoStore
	}
	if x.eigenpal() {
		x.eigenpalCORS(h)
	} else {
		x.cors(h)
	}
	return h
}

// end gives the exchange back.
func (x *exchange) end() {
	if cap(x.out) > 256*kib {
		x.out = nil
	}
	x.api, x.w, x.r, x.ctx, x.control, x.route, x.caller, x.given = nil, nil, nil, nil, nil, nil, nil, nil
	x.status, x.gone = 0, false
	x.out = x.out[:0]
	exchanges.Put(x)
}

// Header values that every answer shares; nobody changes them.
var (
	headerNosniff    = []string{"nosniff"}
	headerNoReferrer = []string{"no-referrer"}
	headerNoContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	headerNoStore    = []string{"no-store"}
	headerJSON       = []string{"application/json"}
	headerProblem    = []string{"application/problem+json"}
	headerClose      = []string{"close"}
	headerTrue       = []string{"true"}
)

// pattern is the route's pattern for logs and measurements.
func (x *exchange) pattern() string {
	if x.route == nil {
		return "other"
	}
	return x.route.pattern
}

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// requestID is the client's own id of the request when it is a short plain word, otherwise a new one.
func requestID(h http.Header) string {
	if given := h["X-Request-Id"]; len(given) == 1 && plainWord(given[0]) {
		return given[0]
	}
	var raw [15]byte
	binary.LittleEndian.PutUint64(raw[:], rand.Uint64())
	binary.LittleEndian.PutUint64(raw[7:], rand.Uint64())
	var out [4 + 24]byte
	copy(out[:], "req_")
	idEncoding.Encode(out[4:], raw[:])
	return string(out[:])
}

func plainWord(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c|0x20-'a' >= 26 && c-'0' >= 10 && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// json answers with x.out.
func (x *exchange) json(status int) error {
	x.send(status, headerJSON)
	return nil
}

func (x *exchange) send(status int, contentType []string) {
	h := x.header()
	h["Content-Type"] = contentType
	h["Content-Length"] = []string{strconv.Itoa(len(x.out))}
	x.status = status
	x.w.WriteHeader(status)
	if _, err := x.w.Write(x.out); err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		x.status = statusClientGone
	}
}

// empty answers without a body.
func (x *exchange) empty(status int) error {
	x.header()
	x.status = status
	x.w.WriteHeader(status)
	return nil
}

// statusClientGone is recorded, never sent, when the client went away before its answer.
const statusClientGone = 499

// fail answers with the error.
func (x *exchange) fail(err error) {
	if x.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		x.status, x.gone = statusClientGone, true
		return
	}
	p := problemOf(err)
	x.logInternal(&p, err)
	contentType := headerProblem
	if x.eigenpal() {
		contentType = headerJSON
		x.failEigenpal(&p)
	} else {
		x.out = p.append(x.out[:0], x.id)
	}
	h := x.w.Header()
	if p.retryAfter > 0 {
		h["Retry-After"] = []string{strconv.FormatInt(wholeSeconds(p.retryAfter), 10)}
	}
	switch p.status {
	case http.StatusUnauthorized:
		if x.route == nil || !x.route.ui() { // the sign-in is a page, for which HTTP has no scheme
			h["Www-Authenticate"] = []string{`Bearer realm="sojourn"`}
		}
	case http.StatusRequestEntityTooLarge:
		h["Connection"] = headerClose
	}
	x.send(p.status, contentType)
}

// logInternal keeps the cause of an answer that is the server's fault; the client is told the request's id only.
func (x *exchange) logInternal(p *problem, err error) {
	if p.status >= http.StatusInternalServerError {
		level, cause := slog.LevelError, err
		if p.code == engine.CodeUnavailable || p.code == engine.CodeStorage {
			level = slog.LevelWarn
		}
		if inner := errors.Unwrap(err); inner != nil {
			cause = inner
		}
		x.api.log.LogAttrs(x.ctx, level, "request failed", slog.String("request_id", x.id), slog.String("method", x.r.Method),
			slog.String("route", x.pattern()), slog.Int("status", p.status),
			slog.String("client", clientOf(x.r.Header)), slog.Any("error", cause))
	}
}

// clientOf names the program that sent a request, as EigenPal's clients or the user agent tell, for the log.
func clientOf(h http.Header) string {
	one := func(name string) string {
		if v := h[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	text := one("User-Agent")
	if sdk := one("X-Eigenpal-Sdk"); sdk != "" {
		text = "eigenpal " + sdk
		for _, name := range []string{"X-Eigenpal-Sdk-Version", "X-Eigenpal-Sdk-Runtime", "X-Eigenpal-Sdk-Os"} {
			if v := one(name); v != "" {
				text += " " + clip(v, 40)
			}
		}
	}
	return clip(text, 160)
}

func wholeSeconds(d time.Duration) int64 {
	return max(1, int64((d+time.Second-1)/time.Second))
}

// readBody reads the whole body into new memory: what becomes of it may outlive the request.
func (x *exchange) readBody() ([]byte, error) {
	if err := x.checkType(); err != nil {
		return nil, err
	}
	return x.readAny()
}

// readAny is readBody for a body of any type.
func (x *exchange) readAny() ([]byte, error) {
	limit := x.route.body
	n := x.r.ContentLength
	if n > limit {
		return nil, tooLarge(limit)
	}
	if n == 0 {
		return nil, nil
	}
	_ = x.control.SetReadDeadline(x.start.Add(x.api.cfg.BodyTimeout))
	var body []byte
	var err error
	if n > 0 {
		body = make([]byte, n)
		_, err = io.ReadFull(x.r.Body, body)
	} else {
		body, err = io.ReadAll(http.MaxBytesReader(x.w, x.r.Body, limit))
	}
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLarge(limit)
		}
		if x.ctx.Err() != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, x.ctx.Err()
		}
		x.w.Header()["Connection"] = headerClose
		return nil, &engine.Error{Code: codeInvalidJSON, Message: "the body ended early or came too slowly; send it whole within " + x.api.cfg.BodyTimeout.String(), Err: err}
	}
	if x.route.hold > 0 {
		// A read deadline that passes during the hold would look like a client that went away.
		_ = x.control.SetReadDeadline(time.Time{})
	}
	return body, nil
}

func tooLarge(limit int64) error {
	return &engine.Error{Code: codePayloadTooLarge, Message: "the body is larger than " + strconv.FormatInt(limit, 10) + " bytes, the most this request may have; send less, or references to what is large"}
}

// checkType refuses bodies that do not call themselves plain JSON.
func (x *exchange) checkType() error {
	if e := x.r.Header["Content-Encoding"]; len(e) > 0 && !strings.EqualFold(e[0], "identity") {
		return &engine.Error{Code: codeUnsupportedMedia, Message: "Content-Encoding " + clip(e[0], 40) + " is not accepted; send the body uncompressed"}
	}
	given := x.r.Header["Content-Type"]
	if len(given) == 0 || given[0] == "application/json" || given[0] == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(given[0])
	if err == nil && kind == "application/json" {
		charset := params["charset"]
		if charset == "" || strings.EqualFold(charset, "utf-8") {
			return nil
		}
		return &engine.Error{Code: codeUnsupportedMedia, Message: "the charset " + clip(charset, 40) + " is not accepted; send UTF-8"}
	}
	return &engine.Error{Code: codeUnsupportedMedia, Message: "Content-Type " + clip(given[0], 80) + " is not accepted; send application/json"}
}

// decode reads the body and makes the parser ready for it; read calls the parser and End.
func (x *exchange) decode(read func(p *jsonx.Parser)) error {
	body, err := x.readBody()
	if err != nil {
		return err
	}
	return parse(body, read)
}

// decodeOptional is decode for a body that may be missing.
func (x *exchange) decodeOptional(read func(p *jsonx.Parser)) error {
	body, err := x.readBody()
	if err != nil || len(body) == 0 {
		return err
	}
	return parse(body, read)
}

// parsers are not part of an exchange, so that a request that waits does not keep one.
var parsers = sync.Pool{New: func() any { return new(jsonx.Parser) }}

func parse(body []byte, read func(p *jsonx.Parser)) error {
	p := parsers.Get().(*jsonx.Parser)
	defer func() {
		p.Reset(nil)
		parsers.Put(p)
	}()
	p.Reset(body)
	read(p)
	if err := p.End(); err != nil {
		return malformed(err)
	}
	if found := p.Problems(); len(found) > 0 {
		return invalid(found)
	}
	return nil
}

// query is a request's query string, parsed.
type query []parameter

type parameter struct{ name, value string }

func (q query) get(name string) (string, bool) {
	for i := range q {
		if q[i].name == name {
			return q[i].value, true
		}
	}
	return "", false
}

// query parses the query string and refuses parameters that are not known or come twice. A known name that ends in
// "[]" stands for any name[key], and one that ends in "+" may come more than once.
func (x *exchange) query(known ...string) error {
	var problems []jsonx.Problem
	for rest := x.r.URL.RawQuery; rest != ""; {
		var pair string
		if pair, rest, _ = strings.Cut(rest, "&"); pair == "" {
			continue
		}
		if wrong := x.queryPair(pair, known); wrong != nil {
			problems = append(problems, *wrong)
		}
	}
	if len(problems) > 0 {
		return invalid(problems[:min(len(problems), 32)])
	}
	return nil
}

// queryPair takes one name=value of the query string, or says what is wrong with it.
func (x *exchange) queryPair(pair string, known []string) *jsonx.Problem {
	rawName, rawValue, _ := strings.Cut(pair, "=")
	name, err := url.QueryUnescape(rawName)
	value, err2 := url.QueryUnescape(rawValue)
	switch {
	case err != nil || err2 != nil || strings.ContainsRune(rawName, ';'):
		return queryProblem(rawName, jsonx.CodeInvalidValue, " is not percent-encoded as it should be")
	case !validText(name) || !validText(value):
		return queryProblem(name, jsonx.CodeInvalidValue, " is not UTF-8")
	case !isKnown(name, known):
		return unknownParameter(name, known)
	}
	if _, twice := x.given.get(name); twice && !slices.Contains(known, name+"+") {
		return queryProblem(name, jsonx.CodeInvalidValue, " is given twice; give it once")
	}
	x.given = append(x.given, parameter{name, value})
	return nil
}

func queryProblem(name, code, what string) *jsonx.Problem {
	name = clip(name, 60)
	return &jsonx.Problem{Field: name, Code: code, Message: "the query parameter " + name + what}
}

func unknownParameter(name string, known []string) *jsonx.Problem {
	name = clip(name, 60)
	p := &jsonx.Problem{Field: name, Code: jsonx.CodeUnknownField, Message: "there is no query parameter " + name}
	if near := jsonx.Nearest(name, known); near != "" {
		p.Message += `; did you mean "` + strings.TrimRight(near, "[]+") + `"?`
	} else {
		p.Message += "; remove it"
	}
	return p
}

func isKnown(name string, known []string) bool {
	for _, k := range known {
		if name == strings.TrimSuffix(k, "+") {
			return true
		}
		if prefix, ok := strings.CutSuffix(k, "[]"); ok && len(name) > len(prefix)+2 && strings.HasPrefix(name, prefix+"[") && strings.HasSuffix(name, "]") {
			return true
		}
	}
	return false
}

// queryInt reads a whole number from the query.
func (x *exchange) queryInt(name string, low, high, otherwise int64) (int64, error) {
	text, ok := x.given.get(name)
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err == nil && n >= low && n <= high {
		return n, nil
	}
	code := jsonx.CodeInvalidType
	if err == nil || errors.Is(err, strconv.ErrRange) {
		code = jsonx.CodeOutOfRange
	}
	return 0, badField(name, code, "must be a whole number from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10)+", not "+quote(text))
}

// queryWait reads how long to hold, in seconds.
func (x *exchange) queryWait() (time.Duration, error) {
	n, err := x.queryInt("wait", 0, int64(maxHold/time.Second), 0)
	return min(time.Duration(n)*time.Second, maxHold-holdMargin), err
}

// queryUntil reads whether a hold ends also when somebody must act.
func (x *exchange) queryUntil() (actionable bool, err error) {
	switch text, ok := x.given.get("until"); {
	case !ok || text == "terminal":
		return false, nil
	case text == "actionable":
		return true, nil
	default:
		return false, badField("until", jsonx.CodeInvalidValue, "must be terminal or actionable, not "+quote(text))
	}
}

// queryInclude reads the comma-separated parts that the caller wants besides the ordinary ones.
func (x *exchange) queryInclude(known ...string) (map[string]bool, error) {
	text, ok := x.given.get("include")
	if !ok {
		return nil, nil
	}
	parts := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if !isKnown(part, known) {
			return nil, badField("include", jsonx.CodeInvalidValue, "can be "+strings.Join(known, " or ")+", not "+quote(part))
		}
		parts[part] = true
	}
	return parts, nil
}
