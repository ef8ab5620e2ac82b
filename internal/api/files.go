package api

import (
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// headerHolding lets a worker's key act on the files of an execution that it holds: the execution's id, a space, and
// its lease.
const headerHolding = "Sojourn-Lease"

// maxLease is the most bytes of a lease, as in a report.
const maxLease = 128

// holding reads the header Sojourn-Lease; nil without it.
func (x *exchange) holding() (*engine.Holding, error) {
	given := x.r.Header[headerHolding]
	if len(given) == 0 {
		return nil, nil
	}
	text, lease, ok := strings.Cut(strings.TrimSpace(given[0]), " ")
	id, valid := execution.ParseID(execution.PrefixExecution, text)
	lease = strings.TrimSpace(lease)
	if len(given) > 1 || !ok || !valid || lease == "" || len(lease) > maxLease {
		return nil, badField(headerHolding, jsonx.CodeInvalidValue, "must be the id of an execution, a space and its lease")
	}
	return &engine.Holding{Execution: id, Lease: lease}, nil
}

func (a *API) uploadFile(x *exchange) error {
	if err := x.query("filename"); err != nil {
		return err
	}
	h, err := x.holding()
	if err != nil {
		return err
	}
	if e := x.r.Header["Content-Encoding"]; len(e) > 0 && !strings.EqualFold(e[0], "identity") {
		return &engine.Error{Code: codeUnsupportedMedia, Message: "Content-Encoding " + clip(e[0], 40) + " is not accepted; send the file as it is"}
	}
	f, err := a.receive(x, h)
	x.uploaded(err != nil)
	if err != nil {
		x.w.Header()["Connection"] = headerClose // the rest of the body may be long
		return err
	}
	x.w.Header()["Location"] = []string{"/v1/files/" + f.ID.Text(execution.PrefixFile)}
	x.out = appendFile(x.out, f)
	return x.json(http.StatusCreated)
}

// receive stores the file of a request: the whole body, or the one part of a form.
func (a *API) receive(x *exchange, h *engine.Holding) (*engine.File, error) {
	if x.isForm() {
		return x.receivePart(h)
	}
	if limit := a.engine.FileLimit(); x.r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	name, given := x.given.get("filename")
	if !given {
		if _, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Disposition")); err == nil {
			name = params["filename"]
		}
	}
	spec, err := fileSpec(x.r.Header.Get("Content-Type"), name, x.r.Header)
	if err != nil {
		return nil, err
	}
	spec.Holding = h
	return a.engine.Upload(x.ctx, x.caller, spec, &incoming{x: x})
}

// receivePart stores the one file of a form.
func (x *exchange) receivePart(h *engine.Holding) (*engine.File, error) {
	f := x.newForm()
	r, err := f.parts()
	if err != nil {
		return nil, err
	}
	p, err := r.NextRawPart()
	if errors.Is(err, io.EOF) {
		return nil, badField("file", jsonx.CodeRequired, "is required: one part with the file")
	}
	if err != nil {
		return nil, f.broken(err)
	}
	_, filename, isFile := partNames(p)
	if !isFile {
		return nil, badField("file", jsonx.CodeInvalidValue, "must be a part with a file name, and the only one")
	}
	if given, ok := x.given.get("filename"); ok {
		filename = given
	}
	spec, err := fileSpec(p.Header.Get("Content-Type"), filename, http.Header(p.Header))
	if err != nil {
		return nil, err
	}
	spec.Holding = h
	file, err := x.api.engine.Upload(x.ctx, x.caller, spec, onlyPart{p, r})
	if err != nil {
		return nil, f.broken(err)
	}
	return file, nil
}

// onlyPart is the content of a part after which none may follow: it does not end before that is known.
type onlyPart struct {
	*multipart.Part
	r *multipart.Reader
}

func (p onlyPart) Read(b []byte) (int, error) {
	n, err := p.Part.Read(b)
	if !errors.Is(err, io.EOF) {
		return n, err
	}
	switch _, next := p.r.NextRawPart(); {
	case errors.Is(next, io.EOF):
		return n, io.EOF
	case next != nil:
		return n, next
	default:
		return n, badField("file", jsonx.CodeInvalidValue, "must be the only part; send one file a request")
	}
}

// fileID is the file that the path names.
func (x *exchange) fileID() (execution.ID, error) {
	id, ok := execution.ParseID(execution.PrefixFile, x.params[0])
	if !ok {
		return id, notFound("file")
	}
	return id, nil
}

// file finds the file that the path names, for whoever may read it.
func (x *exchange) file() (*engine.File, error) {
	id, err := x.fileID()
	if err != nil {
		return nil, err
	}
	if err := x.query(); err != nil {
		return nil, err
	}
	h, err := x.holding()
	if err != nil {
		return nil, err
	}
	return x.api.engine.File(x.ctx, x.caller, id, h)
}

func (a *API) getFile(x *exchange) error {
	f, err := x.file()
	if err != nil {
		return err
	}
	x.out = appendFile(x.out, f)
	return x.json(http.StatusOK)
}

func (a *API) deleteFile(x *exchange) error {
	id, err := x.fileID()
	if err != nil {
		return err
	}
	if err := x.query(); err != nil {
		return err
	}
	if err := a.engine.DeleteFile(x.ctx, x.caller, id); err != nil {
		return err
	}
	return x.empty(http.StatusNoContent)
}

func (a *API) listFiles(x *exchange) error {
	if err := x.query("execution_id", "limit", "cursor"); err != nil {
		return err
	}
	var l engine.FileList
	if text, ok := x.given.get("execution_id"); ok {
		if l.Execution, ok = execution.ParseID(execution.PrefixExecution, text); !ok {
			return notFound("execution")
		}
	}
	n, err := x.queryInt("limit", 1, maxPage, defaultPage)
	if err != nil {
		return err
	}
	l.Limit = int(n)
	place, err := x.queryCursor(cursorFiles)
	if err != nil {
		return err
	}
	if len(place) != 0 && len(place) != len(l.Before) {
		return badCursor()
	}
	copy(l.Before[:], place)
	files, more, err := a.engine.Files(x.ctx, x.caller, l)
	if err != nil {
		return err
	}
	b := append(x.out, `{"data":[`...)
	var last execution.ID
	for i := range files {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFile(b, &files[i])
		last = files[i].ID
	}
	b = appendPage(b, more, cursorFiles, last[:])
	x.out = append(b, '}')
	return x.json(http.StatusOK)
}

func appendFile(b []byte, f *engine.File) []byte {
	b = appendID(b, `{"id":`, execution.PrefixFile, f.ID)
	b = appendText(b, `,"filename":`, f.Name)
	b = appendText(b, `,"mime_type":`, f.MIME)
	b = appendInt(b, `,"size":`, f.Size)
	b = append(b, `,"sha256":"`...)
	b = hex.AppendEncode(b, f.SHA256[:])
	b = append(b, '"')
	b = appendTime(b, `,"created_at":`, f.CreatedAt)
	b = appendTime(b, `,"expires_at":`, f.ExpiresAt)
	return append(b, '}')
}

// Headers of a download: nothing in it may run in the browser of whoever opens it.
var headerSandbox = []string{"default-src 'none'; sandbox; frame-ancestors 'none'"}

func (a *API) fileContent(x *exchange) error {
	f, err := x.file()
	if err != nil {
		return err
	}
	tag := `"` + hex.EncodeToString(f.SHA256[:]) + `"`
	h := x.w.Header()
	h["Etag"] = []string{tag}
	h["Cache-Control"] = []string{"private, no-cache"}
	h["Accept-Ranges"] = []string{"bytes"}
	if matches(x.r.Header["If-None-Match"], tag) {
		return x.empty(http.StatusNotModified)
	}
	from, to, partial, ok := rangeOf(x.r.Header, tag, f.Size)
	if !ok {
		h["Content-Range"] = []string{"bytes */" + strconv.FormatInt(f.Size, 10)}
		return &engine.Error{Code: codeRange, Message: "the file has " + strconv.FormatInt(f.Size, 10) + " bytes; ask for a range within them"}
	}
	content, err := a.engine.OpenFile(x.ctx, f, from, to-from)
	if err != nil {
		delete(h, "Etag")
		delete(h, "Accept-Ranges")
		return err
	}
	defer func() { _ = content.Close() }() // it was only read
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h["Content-Range"] = []string{"bytes " + strconv.FormatInt(from, 10) + "-" + strconv.FormatInt(to-1, 10) + "/" + strconv.FormatInt(f.Size, 10)}
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": f.Name})
	if disposition == "" {
		disposition = "attachment"
	}
	h["Content-Disposition"] = []string{disposition}
	h["Content-Security-Policy"] = headerSandbox
	x.header()
	h["Content-Type"] = []string{f.MIME}
	h["Content-Length"] = []string{strconv.FormatInt(to-from, 10)}
	x.status = status
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead {
		return nil
	}
	return x.copy(content, to-from)
}

// copy sends n bytes. A client that stops reading is disconnected, as is one to which not all can be sent: it must not
// take what it has for the whole.
func (x *exchange) copy(r io.Reader, n int64) error {
	buffer := make([]byte, 64*kib)
	for n > 0 {
		_ = x.control.SetWriteDeadline(x.deadline())
		k, err := io.ReadFull(r, buffer[:min(n, int64(len(buffer)))])
		if k > 0 {
			if _, sent := x.w.Write(buffer[:k]); sent != nil {
				x.status = statusClientGone
				panic(http.ErrAbortHandler)
			}
		}
		if n -= int64(k); err != nil && n > 0 {
			x.api.log.ErrorContext(x.ctx, "a file ended early", "request_id", x.id, "error", err)
			panic(http.ErrAbortHandler)
		}
	}
	return nil
}

// rangeOf is the part of a content that a request asks for. Several ranges at once are answered with the whole, as are
// ranges of another content than the one at hand. ok is false when nothing of the range is there.
func rangeOf(h http.Header, tag string, size int64) (from, to int64, partial, ok bool) {
	given := h.Get("Range")
	unit, text, found := strings.Cut(given, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || strings.Contains(text, ",") {
		return 0, size, false, true
	}
	if only := h.Get("If-Range"); only != "" && only != tag {
		return 0, size, false, true
	}
	first, last, found := strings.Cut(strings.TrimSpace(text), "-")
	a, errA := strconv.ParseUint(first, 10, 63)
	b, errB := strconv.ParseUint(last, 10, 63)
	switch {
	case !found || first == "" && errB != nil || first != "" && errA != nil || last != "" && errB != nil || first != "" && last != "" && b < a:
		return 0, size, false, true // not a range: as if it were not there
	case first == "":
		from, to = max(0, size-int64(b)), size
	case last == "" || int64(b) >= size:
		from, to = int64(a), size
	default:
		from, to = int64(a), int64(b)+1
	}
	return from, to, true, from < to
}
