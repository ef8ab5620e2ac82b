package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/fileref"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// Limits of a multipart body.
const (
	maxParts    = 16
	maxPartName = 255
	maxFilename = 255
	maxMIME     = 255
)

// form is a multipart/form-data body: a JSON document and files, in any order. The files are stored when it has been
// read, and belong to nothing yet.
type form struct {
	x        *exchange
	body     incoming
	document []byte // nil without
	files    []formFile
}

type formFile struct {
	name string // of its part
	file *engine.File
}

// isForm tells a multipart body from JSON.
func (x *exchange) isForm() bool {
	given := x.r.Header["Content-Type"]
	if len(given) == 0 {
		return false
	}
	kind, _, _ := strings.Cut(given[0], ";")
	return strings.EqualFold(strings.TrimSpace(kind), "multipart/form-data")
}

// readForm reads a whole multipart/form-data body. The text part with one of the given names is the document; every
// other part must be a file and is stored as it arrives. When it returns an error, nothing stays stored.
func (x *exchange) readForm(documents ...string) (*form, error) {
	if e := x.r.Header["Content-Encoding"]; len(e) > 0 && !strings.EqualFold(e[0], "identity") {
		return nil, &engine.Error{Code: codeUnsupportedMedia, Message: "Content-Encoding " + clip(e[0], 40) + " is not accepted; send the body uncompressed"}
	}
	f := x.newForm()
	r, err := f.parts()
	if err != nil {
		return nil, err
	}
	err = f.read(r, documents)
	x.uploaded(err != nil)
	if err != nil {
		f.discard()
		x.w.Header()["Connection"] = headerClose // the rest of the body may be long
		return nil, err
	}
	return f, nil
}

func (x *exchange) newForm() *form { return &form{x: x, body: incoming{x: x}} }

// parts reads the parts of a multipart body.
func (f *form) parts() (*multipart.Reader, error) {
	_, params, err := mime.ParseMediaType(f.x.r.Header.Get("Content-Type"))
	boundary := params["boundary"]
	if err != nil || boundary == "" || len(boundary) > 200 {
		return nil, badField("Content-Type", jsonx.CodeInvalidValue, "must name the boundary of its parts")
	}
	return multipart.NewReader(&f.body, boundary), nil
}

func (f *form) read(r *multipart.Reader, documents []string) error {
	names := map[string]bool{}
	for {
		// The raw form: nothing is decoded behind our back, and file names keep their directories for us to remove.
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return f.broken(err)
		}
		name, filename, isFile := partNames(p)
		switch {
		case name == "" || len(name) > maxPartName || !validText(name):
			return badField("", jsonx.CodeInvalidValue, "has a part whose name is missing, not UTF-8 or longer than "+strconv.Itoa(maxPartName)+" bytes")
		case names[name]:
			return badField(clip(name, 60), jsonx.CodeDuplicateKey, "is given twice; each part needs a name of its own")
		case len(names) == maxParts:
			return &engine.Error{Code: engine.CodeTooLarge, Message: "the body has more than " + strconv.Itoa(maxParts) + " parts"}
		}
		names[name] = true
		if slices.Contains(documents, name) {
			if f.document != nil {
				return badField(name, jsonx.CodeInvalidValue, "is a second document; send one of "+strings.Join(documents, ", "))
			}
			if f.document, err = readDocument(p); err != nil {
				return f.broken(err)
			}
			continue
		}
		if !isFile {
			return badField(clip(name, 60), jsonx.CodeInvalidValue, "is a text part, and only "+documents[0]+" can be one; send inputs that are no files as JSON in "+documents[0])
		}
		spec, err := fileSpec(p.Header.Get("Content-Type"), filename, http.Header(p.Header))
		if err != nil {
			return err
		}
		file, err := f.x.api.engine.Upload(f.x.ctx, f.x.caller, spec, p)
		if err != nil {
			return f.broken(err)
		}
		f.files = append(f.files, formFile{name, file})
	}
}

// partNames are the name of a part and of its file. A part with a file name is a file, also with an empty one.
func partNames(p *multipart.Part) (name, filename string, isFile bool) {
	kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil || kind != "form-data" {
		return "", "", false
	}
	filename, isFile = params["filename"]
	return params["name"], filename, isFile
}

func readDocument(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPayload+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxPayload {
		return nil, tooLarge(maxPayload)
	}
	return text, nil
}

// broken is the refusal of a body that is not what multipart/form-data should be; refusals of others stay as they are.
func (f *form) broken(err error) error {
	if f.body.err != nil {
		return f.body.err // what of it had arrived tells nothing
	}
	var refused *engine.Error
	var rule *execution.Error
	if errors.As(err, &refused) || errors.As(err, &rule) || f.x.ctx.Err() != nil {
		return err
	}
	return &engine.Error{Code: engine.CodeInvalid, Message: "the body is not well-formed multipart/form-data, or ended early", Err: err}
}

// input is an input object with the files added under the names of their parts; given may be nil.
func (f *form) input(given []byte) ([]byte, error) {
	if given == nil {
		given = []byte("{}")
	}
	if len(f.files) == 0 {
		return given, nil
	}
	var taken []string
	err := parse(given, func(p *jsonx.Parser) {
		for ok := p.Object(); ok && p.Next(); {
			taken = append(taken, string(p.Name()))
			p.Skip()
		}
	})
	if err != nil {
		return nil, err
	}
	end := len(given) - 1
	for given[end] != '}' {
		end--
	}
	out := append(make([]byte, 0, len(given)+256*len(f.files)), given[:end]...)
	for i, x := range f.files {
		if slices.Contains(taken, x.name) {
			return nil, badField("input."+clip(x.name, 60), jsonx.CodeDuplicateKey, "is given twice, as a file and in the JSON; give it once")
		}
		if i > 0 || len(taken) > 0 {
			out = append(out, ',')
		}
		out = append(jsonx.AppendString(out, x.name), ':')
		out = fileref.Append(out, &fileref.File{ID: x.file.ID, Name: x.file.Name, MIME: x.file.MIME, Size: x.file.Size, SHA256: x.file.SHA256})
	}
	return append(out, '}'), nil
}

// hash mixes the files into the hash of a request: the same files under the same names are the same request, although
// their ids differ.
func (f *form) hash(h uint64) uint64 {
	if len(f.files) == 0 {
		return h
	}
	sorted := slices.SortedFunc(slices.Values(f.files), func(a, b formFile) int { return strings.Compare(a.name, b.name) })
	sum := sha256.New()
	field := func(text string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(text)))
		_, _ = sum.Write(append(n[:], text...)) // never fails
	}
	for _, x := range sorted {
		field(x.name)
		field(x.file.Name)
		field(x.file.MIME)
		_, _ = sum.Write(x.file.SHA256[:]) // never fails
	}
	return h ^ binary.LittleEndian.Uint64(sum.Sum(nil))
}

// keep is called when a new execution has the files.
func (f *form) keep() {
	if f != nil {
		f.files = nil
	}
}

// discard removes the files that no execution has taken, of a start that was refused or repeats an earlier one.
func (f *form) discard() {
	if f == nil || len(f.files) == 0 {
		return
	}
	ids := make([]execution.ID, len(f.files))
	for i, x := range f.files {
		ids[i] = x.file.ID
	}
	f.files = nil
	// Also when the client has gone. What cannot be removed now expires.
	if err := f.x.api.engine.DiscardFiles(context.WithoutCancel(f.x.ctx), f.x.caller, ids); err != nil {
		f.x.api.log.WarnContext(f.x.ctx, "files of a refused start stay until they expire", "request_id", f.x.id, "error", err)
	}
}

// readStartForm reads a start whose document is in a form, with its files as members of the input.
func (x *exchange) readStartForm(r *engine.StartRequest) (*form, error) {
	f, err := x.readForm("execution", "_json")
	if err != nil {
		return nil, err
	}
	if f.document == nil {
		err = badField("execution", jsonx.CodeRequired, "is required: a text part with the start as JSON")
	} else {
		err = parse(f.document, func(p *jsonx.Parser) { readStart(p, r, itemForm) })
	}
	if err == nil {
		r.Input, err = f.input(r.Input)
	}
	if err != nil {
		f.discard()
		return nil, err
	}
	r.Hash = f.hash(r.Hash)
	return f, nil
}
