package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"mime/multipart"
	"net"
	"net/textproto"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/engine"
)

// fileBody is a file as clients see it.
type fileBody struct {
	ID        string
	Filename  string
	MIMEType  string `json:"mime_type"`
	Size      int64
	SHA256    string
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt string    `json:"expires_at"`
}

// referenceBody is a reference within a payload.
type referenceBody struct {
	FileID   string `json:"fileId"`
	Filename string `json:"filename"`
	MIMEType string `json:"mimeType"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

func (f *fileBody) reference() referenceBody {
	return referenceBody{f.ID, f.Filename, f.MIMEType, f.Size, f.SHA256}
}

// upload stores a file.
func (s *server) upload(name, kind, content string) fileBody {
	s.t.Helper()
	var f fileBody
	s.send(request{
		key: s.key, method: "POST", path: "/v1/files?filename=" + name, body: content, header: map[string]string{"Content-Type": kind},
	}).is(201).into(&f)
	return f
}

// contents are the names under which contents are stored.
func (s *server) contents() []string {
	s.t.Helper()
	list := []string{}
	err := filepath.WalkDir(s.files, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, d.Name())
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

func hexSum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	content := strings.Repeat("0123456789", 20_000)
	f := s.upload("contract.pdf", "application/pdf", content)
	if f.Filename != "contract.pdf" || f.MIMEType != "application/pdf" || f.Size != int64(len(content)) || f.SHA256 != hexSum(content) || f.ExpiresAt == "" {
		t.Errorf("uploaded %+v", f)
	}
	var again fileBody
	s.get("/v1/files/" + f.ID).is(200).into(&again)
	if again != f {
		t.Errorf("%+v, uploaded %+v", again, f)
	}
	a := s.get("/v1/files/" + f.ID + "/content").is(200)
	h := a.header
	if string(a.body) != content || h.Get("Etag") != `"`+f.SHA256+`"` || h.Get("Content-Type") != "application/pdf" ||
		h.Get("Content-Disposition") != "attachment; filename=contract.pdf" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") ||
		h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d bytes, %v", len(a.body), h)
	}
	head := s.send(request{key: s.key, method: "HEAD", path: "/v1/files/" + f.ID + "/content"}).is(200)
	if head.header.Get("Content-Length") != fmt.Sprint(len(content)) {
		t.Errorf("%v", head.header)
	}
	s.send(request{key: s.key, method: "GET", path: "/v1/files/" + f.ID + "/content", header: map[string]string{"If-None-Match": `"` + f.SHA256 + `"`}}).is(304)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + f.ID}).is(204)
	s.get("/v1/files/"+f.ID).problem(404, "not_found")
	s.get("/v1/files/"+f.ID+"/content").problem(404, "not_found")
	s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + f.ID}).problem(404, "not_found")
	if left := s.contents(); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	empty := s.upload("", "", "")
	if empty.Size != 0 || empty.Filename != "file" || empty.MIMEType != "application/octet-stream" {
		t.Errorf("%+v", empty)
	}
	if a := s.get("/v1/files/" + empty.ID + "/content").is(200); len(a.body) != 0 {
		t.Errorf("%q", a.body)
	}
}

func TestFileRanges(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := s.upload("a", "text/plain", "0123456789")
	for _, c := range []struct {
		given, want string
		status      int
	}{
		{"bytes=0-3", "0123", 206},
		{"bytes=4-", "456789", 206},
		{"bytes=-3", "789", 206},
		{"bytes=-30", "0123456789", 206},
		{"bytes=8-100", "89", 206},
		{"Bytes = 0-0", "0", 206},
		{"bytes=0-1,4-5", "0123456789", 200},
		{"lines=0-3", "0123456789", 200},
		{"bytes=5-2", "0123456789", 200},
		{"bytes=x-", "0123456789", 200},
		{"bytes=-", "0123456789", 200},
		{"bytes=10-", "", 416},
		{"bytes=-0", "", 416},
	} {
		a := s.send(request{key: s.key, method: "GET", path: "/v1/files/" + f.ID + "/content", header: map[string]string{"Range": c.given}}).is(c.status)
		if c.status == 416 {
			if a.problem(416, "range_not_satisfiable"); a.header.Get("Content-Range") != "bytes */10" {
				t.Errorf("%s: %v", c.given, a.header)
			}
			continue
		}
		if string(a.body) != c.want {
			t.Errorf("%s: %q", c.given, a.body)
		}
	}
	with := func(ifRange string) *answer {
		return s.send(request{key: s.key, method: "GET", path: "/v1/files/" + f.ID + "/content", header: map[string]string{"Range": "bytes=0-3", "If-Range": ifRange}})
	}
	with(`"` + f.SHA256 + `"`).is(206)
	with(`"other"`).is(200)
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for given, want := range map[string]string{
		"a.pdf": "a.pdf", "../../etc/passwd": "passwd", `..\..\boot.ini`: "boot.ini", "..": "file", ".": "file", "/": "file", "": "file",
		"a\x00b": "ab", "CON": "CON", "NUL.txt": "NUL.txt", "%2e%2e%2fx": "%2e%2e%2fx", "a\u202Egpj.exe": "agpj.exe",
		"\u2044\u2215x": "\u2044\u2215x", "übung ☃.txt": "übung ☃.txt", " spaced ": "spaced", "line\r\nbreak": "linebreak",
		strings.Repeat("é", 200): strings.Repeat("é", 127), "bad\xffutf8": "badutf8", `quo"te.txt`: `quo"te.txt`,
	} {
		if got := cleanFilename(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
		var buf bytes.Buffer
		m := multipart.NewWriter(&buf)
		w, err := m.CreateFormFile("file", strings.ToValidUTF8(strings.NewReplacer("\r", "", "\n", "", "\x00", "").Replace(given), ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "content"); err != nil {
			t.Fatal(err)
		}
		m.Close()
		var f fileBody
		s.send(request{key: s.key, method: "POST", path: "/v1/files", body: buf.Bytes(), header: map[string]string{"Content-Type": m.FormDataContentType()}}).is(201).into(&f)
		if strings.ContainsAny(f.Filename, "/\\\x00\r\n") || f.Filename == "" {
			t.Errorf("%q became %q", given, f.Filename)
		}
		a := s.get("/v1/files/" + f.ID + "/content").is(200)
		if d := a.header.Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || string(a.body) != "content" {
			t.Errorf("%q: %q, %q", given, d, a.body)
		}
	}
	for _, name := range s.contents() {
		if !strings.HasPrefix(name, "file_") || len(name) != 31 {
			t.Errorf("stored as %q", name)
		}
	}
}

func FuzzFileNames(f *testing.F) {
	for _, s := range []string{"a.pdf", "../..", "\x00", "\u202e", "C:\\x", strings.Repeat("ü", 300), "a/", "\xff\xfe"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanFilename(s)
		if got == "" || got == "." || got == ".." || len(got) > maxFilename || !validText(got) || strings.ContainsAny(got, "/\\\x00\r\n\x1b\x7f") {
			t.Errorf("%q became %q", s, got)
		}
		if again := cleanFilename(got); again != got {
			t.Errorf("%q became %q and that %q", s, got, again)
		}
	})
}

func TestFileTypes(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"application/pdf": "application/pdf", "": "application/octet-stream", "nonsense": "application/octet-stream",
		"text/html; charset=utf-8": "text/html; charset=utf-8", "TEXT/HTML": "text/html", "text/plain\r\nX: y": "application/octet-stream",
		"a/" + strings.Repeat("b", 300): "application/octet-stream",
	} {
		if got := cleanMIME(given); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

func TestFileDigest(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	sum := sha256.Sum256([]byte("content"))
	good := base64.StdEncoding.EncodeToString(sum[:])
	bad := base64.StdEncoding.EncodeToString(make([]byte, 32))
	send := func(name, value string) *answer {
		return s.send(request{key: s.key, method: "POST", path: "/v1/files", body: "content", header: map[string]string{name: value}})
	}
	send("Content-Digest", "sha-256=:"+good+":").is(201)
	send("Digest", "sha-256="+good).is(201)
	send("Content-Digest", "md5=:AAAA:, sha-256=:"+good+":").is(201)
	send("Content-Digest", "sha-256=:"+bad+":").problem(400, "digest_mismatch")
	send("Digest", "SHA-256="+bad).problem(400, "digest_mismatch")
	send("Content-Digest", "sha-256=:AAAA:").field(400, "invalid_request", "Content-Digest", "invalid_value")
	send("Digest", "sha-256=!").field(400, "invalid_request", "Digest", "invalid_value")
	if n := len(s.contents()); n != 3 {
		t.Errorf("%d contents", n)
	}
}

func TestFileLimits(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{engine: func(c *engine.Config) { c.MaxFile, c.FileQuota = 1000, 2500 }})
	// With and without an announced length.
	for _, body := range []any{strings.Repeat("x", 1001), io.MultiReader(strings.NewReader(strings.Repeat("x", 1001)))} {
		s.send(request{key: s.key, method: "POST", path: "/v1/files", body: body}).problem(413, "payload_too_large")
	}
	first := s.upload("a", "text/plain", strings.Repeat("a", 1000))
	s.upload("b", "text/plain", strings.Repeat("b", 1000))
	for range 3 { // what did not fit does not count
		p := s.send(request{key: s.key, method: "POST", path: "/v1/files", body: strings.Repeat("c", 501)}).problem(507, "quota_exceeded")
		if !strings.Contains(p.Detail, "2500") {
			t.Errorf("%q does not tell the quota", p.Detail)
		}
	}
	s.upload("c", "text/plain", strings.Repeat("c", 500))
	s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + first.ID}).is(204)
	s.upload("d", "text/plain", strings.Repeat("d", 1000))
	if n := len(s.contents()); n != 3 {
		t.Errorf("%d contents", n)
	}
	s.send(request{key: s.key, method: "POST", path: "/v1/files", body: "x", header: map[string]string{"Content-Encoding": "gzip"}}).problem(415, "unsupported_media_type")
}

// formPart is one part of a form.
type formPart struct{ name, filename, kind, content string }

// formOf writes a form as clients do.
func formOf(t testing.TB, list ...formPart) (body []byte, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	m := multipart.NewWriter(&buf)
	for _, p := range list {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf("form-data; name=%q", p.name)}}
		if p.filename != "" {
			h.Set("Content-Disposition", fmt.Sprintf("form-data; name=%q; filename=%q", p.name, p.filename))
		}
		if p.kind != "" {
			h.Set("Content-Type", p.kind)
		}
		w, err := m.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, p.content); err != nil {
			t.Fatal(err)
		}
	}
	m.Close()
	return buf.Bytes(), m.FormDataContentType()
}

func (s *server) form(path string, header map[string]string, list ...formPart) *answer {
	s.t.Helper()
	body, kind := formOf(s.t, list...)
	h := map[string]string{"Content-Type": kind}
	maps.Copy(h, header)
	return s.send(request{key: s.key, method: "POST", path: path, body: body, header: h})
}

// A start brings its files along, with its document before, between or after them.
func TestStartWithFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("file")
	pdf := formPart{"document", "contract.pdf", "application/pdf", "%PDF"}
	png := formPart{"the scan ☃", "scan.png", "image/png", "PNG"}
	for i, order := range [][]formPart{
		{{"execution", "", "", `{"workflow_id":"file","input":{"note":"n"}}`}, pdf, png},
		{pdf, png, {"_json", "", "", `{"workflow_id":"file","input":{"note":"n"}}`}},
		{pdf, {"execution", "", "application/json", ` {"input": {"note":"n"} , "workflow_id":"file"} `}, png},
	} {
		x := s.form("/v1/executions", nil, order...).is(201).execution()
		var in struct {
			Note     string
			Document referenceBody `json:"document"`
			Scan     referenceBody
		}
		var byName map[string]json.RawMessage
		if err := errors.Join(json.Unmarshal(x.Input, &in), json.Unmarshal(x.Input, &byName), json.Unmarshal(byName["the scan ☃"], &in.Scan)); err != nil {
			t.Fatal(err)
		}
		if in.Note != "n" || in.Document.Filename != "contract.pdf" || in.Document.MIMEType != "application/pdf" || in.Document.Size != 4 ||
			in.Document.SHA256 != hexSum("%PDF") || in.Scan.Filename != "scan.png" {
			t.Errorf("%d: input %s", i, x.Input)
		}
		var f fileBody
		s.get("/v1/files/" + in.Document.FileID).is(200).into(&f)
		if f.ExpiresAt != "" {
			t.Errorf("a file in use expires: %+v", f)
		}
		var list struct{ Data []fileBody }
		s.get("/v1/files?execution_id=" + x.ID).is(200).into(&list)
		if len(list.Data) != 2 || list.Data[0].ID != in.Scan.FileID && list.Data[0].ID != in.Document.FileID {
			t.Errorf("%+v", list)
		}
	}
	x := s.form("/v1/executions", nil, pdf, formPart{"execution", "", "", `{"workflow_id":"file"}`}).is(201).execution()
	if !bytes.Contains(x.Input, []byte(`"document":{"fileId":"file_`)) {
		t.Errorf("without other inputs: %s", x.Input)
	}
}

// A refused form leaves nothing.
func TestRefusedForms(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{engine: func(c *engine.Config) { c.MaxFile = 1000 }})
	s.workflow("file")
	file := formPart{"document", "a.pdf", "application/pdf", "%PDF"}
	document := formPart{"execution", "", "", `{"workflow_id":"file","input":{}}`}
	many := []formPart{document}
	for i := range maxParts {
		many = append(many, formPart{fmt.Sprint("f", i), "f", "", "x"})
	}
	s.form("/v1/executions", nil, file).field(400, "invalid_request", "execution", "required")
	s.form("/v1/executions", nil, file, file, document).field(400, "invalid_request", "document", "duplicate_key")
	s.form("/v1/executions", nil, file, document, formPart{"_json", "", "", `{}`}).field(400, "invalid_request", "_json", "invalid_value")
	s.form("/v1/executions", nil, file, document, formPart{"note", "", "", "text"}).field(400, "invalid_request", "note", "invalid_value")
	s.form("/v1/executions", nil, file, formPart{"", "x", "", "x"}).problem(400, "invalid_request")
	s.form("/v1/executions", nil, file, formPart{"execution", "", "", `{"workflow_id":`}).problem(400, "invalid_json")
	s.form("/v1/executions", nil, file, formPart{"execution", "", "", `{"workflow_id":"file","input":5}`}).field(400, "invalid_request", "input", "invalid_type")
	s.form("/v1/executions", nil, file, formPart{"execution", "", "", `{"workflow_id":"file","input":{"document":1}}`}).field(400, "invalid_request", "input.document", "duplicate_key")
	s.form("/v1/executions", nil, file, formPart{"execution", "", "", `{"workflow_id":"nothing","input":{}}`}).problem(404, "not_found")
	s.form("/v1/executions", nil, file, formPart{"execution", "", "", strings.Repeat(" ", maxPayload+1)}).problem(413, "payload_too_large")
	s.form("/v1/executions", nil, file, formPart{"big", "big", "", strings.Repeat("x", 1001)}, document).problem(413, "payload_too_large")
	s.form("/v1/executions", nil, many...).problem(413, "payload_too_large")
	s.form("/v1/executions", map[string]string{"Content-Encoding": "gzip"}, file, document).problem(415, "unsupported_media_type")
	body, kind := formOf(t, file, document)
	for _, c := range []struct {
		body []byte
		kind string
	}{
		{body[:len(body)-10], kind}, {body[:150], kind}, {[]byte("nonsense"), kind}, {nil, kind}, {body, "multipart/form-data"},
	} {
		s.send(request{key: s.key, method: "POST", path: "/v1/executions", body: c.body, header: map[string]string{"Content-Type": c.kind}}).problem(400, "invalid_request")
	}
	s.form("/v1/files", nil).problem(400, "invalid_request")
	s.form("/v1/files", nil, document).field(400, "invalid_request", "file", "invalid_value")
	s.form("/v1/files", nil, file, document).field(400, "invalid_request", "file", "invalid_value")
	s.form("/v1/files", nil, file, formPart{"second", "second", "", "x"}).field(400, "invalid_request", "file", "invalid_value")
	if left := s.contents(); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	var list struct{ Data []fileBody }
	if s.get("/v1/files").is(200).into(&list); len(list.Data) != 0 {
		t.Errorf("left behind: %+v", list.Data)
	}
}

// The same form with the same key is one execution, and leaves no second copy of its files.
func TestRepeatedStartWithFiles(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("file")
	document := formPart{"execution", "", "", `{"workflow_id":"file","input":{}}`}
	key := map[string]string{"Idempotency-Key": "k"}
	file := formPart{"document", "a.pdf", "application/pdf", "%PDF"}
	x := s.form("/v1/executions", key, document, file).is(201).execution()
	again := s.form("/v1/executions", key, file, document).is(200).execution()
	if again.ID != x.ID || !bytes.Equal(again.Input, x.Input) {
		t.Errorf("%+v\n%+v", x, again)
	}
	for _, other := range []formPart{{"document", "a.pdf", "application/pdf", "%PDf"}, {"document", "b.pdf", "application/pdf", "%PDF"}, {"doc", "a.pdf", "application/pdf", "%PDF"}} {
		s.form("/v1/executions", key, document, other).problem(422, "idempotency_mismatch")
	}
	if n := len(s.contents()); n != 1 {
		t.Errorf("%d contents", n)
	}
}

// A start that names its files by id is the request that its body says: the same ids are a repeat, also when the file is
// gone by then, and a new upload of the same content is another request.
func TestRepeatedStartByReference(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("file")
	first, second := s.upload("a.pdf", "application/pdf", "%PDF"), s.upload("a.pdf", "application/pdf", "%PDF")
	start := func(f fileBody, extra string) *answer {
		return s.send(request{
			key: s.key, method: "POST", path: "/v1/executions", header: map[string]string{"Idempotency-Key": "k"},
			body: `{"workflow_id":"file","input":{"document":{"fileId":"` + f.ID + `"` + extra + `}}}`,
		})
	}
	x := start(first, "").is(201).execution()
	if again := start(first, "").is(200).execution(); again.ID != x.ID {
		t.Errorf("%s, then %s", x.ID, again.ID)
	}
	start(second, "").problem(422, "idempotency_mismatch")
	start(first, `,"size":4`).problem(422, "idempotency_mismatch")
	s.post("/v1/executions/"+x.ID+"/terminate", nil).is(200)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + first.ID}).is(204)
	if again := start(first, "").is(200).execution(); again.ID != x.ID {
		t.Errorf("%s, then %s", x.ID, again.ID)
	}
	var f fileBody
	if s.get("/v1/files/" + second.ID).is(200).into(&f); f.ExpiresAt == "" {
		t.Errorf("a refused start uses its file: %+v", f)
	}
}

// References are found anywhere, filled in, and keep their files.
func TestReferences(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("file")
	w := s.worker(5, "file")
	a, b, c := s.upload("a", "text/plain", "aa"), s.upload("b", "text/plain", "bbb"), s.upload("c", "text/plain", "cccc")
	x := s.start("file", json.RawMessage(`{"a":{"fileId":"`+a.ID+`","size":99,"page":7},"list":[[{"x":{"filename":"lie","fileId":"`+b.ID+`"}}]],"text":"fileId","no":{"fileId":"elsewhere"}}`))
	in := string(x.Input)
	want := `{"a":{"fileId":"` + a.ID + `","filename":"a","mimeType":"text/plain","size":2,"sha256":"` + a.SHA256 + `","page":7},"list":[[{"x":{"fileId":"` + b.ID +
		`","filename":"b","mimeType":"text/plain","size":3,"sha256":"` + b.SHA256 + `"}}]],"text":"fileId","no":{"fileId":"elsewhere"}}`
	if in != want {
		t.Errorf("input\n%s\nwant\n%s", in, want)
	}
	held := w.one()
	if string(held.Input) != want {
		t.Errorf("the worker got %s", held.Input)
	}
	if del := s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + a.ID}); del.problem(409, "file_in_use").Detail == "" {
		t.Error("no detail")
	}
	w.done(held.op("step_completed", map[string]any{"step": "s", "try": 1, "output": map[string]any{"made": map[string]any{"fileId": c.ID}}}))
	bad := w.report(held.op("complete", map[string]any{"output": []any{map[string]any{"fileId": c.ID[:len(c.ID)-4] + "0000"}}}))
	if bad[0].OK || bad[0].Code != "invalid_request" || !strings.Contains(bad[0].Message, "output[0].fileId") {
		t.Errorf("%+v", bad)
	}
	w.done(held.op("complete", map[string]any{"output": []any{map[string]any{"fileId": c.ID}}}))
	x = s.get("/v1/executions/" + x.ID + "?include=steps").is(200).execution()
	var out []referenceBody
	if err := json.Unmarshal(x.Output, &out); err != nil || len(out) != 1 || out[0] != c.reference() {
		t.Errorf("output %s", x.Output)
	}
	if !bytes.Contains(x.Steps[0].Output, []byte(`"sha256":"`+c.SHA256)) {
		t.Errorf("step %s", x.Steps[0].Output)
	}
	var list struct{ Data []fileBody }
	s.get("/v1/files?execution_id=" + x.ID).is(200).into(&list)
	if len(list.Data) != 3 || list.Data[0].ID != c.ID || list.Data[2].ID != a.ID {
		t.Errorf("%+v", list)
	}
	// An override can be a file too.
	y := s.post("/v1/executions", map[string]any{"workflow_id": "file", "input": map[string]any{}, "overrides": map[string]any{"steps": map[string]any{"s": map[string]any{"fileId": c.ID}}}}).is(201).execution()
	if s.get("/v1/files?execution_id=" + y.ID).is(200).into(&list); len(list.Data) != 1 || list.Data[0].ID != c.ID {
		t.Errorf("%+v", list)
	}
	s.post("/v1/executions", map[string]any{"workflow_id": "file", "input": map[string]any{}, "overrides": map[string]any{"steps": map[string]any{"s": map[string]any{"fileId": "file_x"}}}}).field(
		400, "invalid_request", "overrides.steps.s.fileId", "invalid_value")
	// A page at a time.
	var page struct {
		Data       []fileBody
		HasMore    bool    `json:"has_more"`
		NextCursor *string `json:"next_cursor"`
	}
	var ids []string
	for path := "/v1/files?limit=2"; ; path = "/v1/files?limit=2&cursor=" + *page.NextCursor {
		s.get(path).is(200).into(&page)
		for _, f := range page.Data {
			ids = append(ids, f.ID)
		}
		if !page.HasMore {
			break
		}
	}
	if !slices.Equal(ids, []string{c.ID, b.ID, a.ID}) {
		t.Errorf("%q", ids)
	}
	s.get("/v1/files?cursor=x").field(400, "invalid_request", "cursor", "invalid_value")
	// What has ended no longer protects its files.
	s.send(request{key: s.key, method: "DELETE", path: "/v1/files/" + a.ID}).is(204)
	s.send(request{key: s.key, method: "DELETE", path: "/v1/executions/" + x.ID}).is(204)
	s.get("/v1/files?execution_id="+x.ID).problem(410, "deleted")
	s.get("/v1/files?execution_id=exec_x").problem(404, "not_found")
	var f fileBody
	if s.get("/v1/files/" + b.ID).is(200).into(&f); f.ExpiresAt == "" {
		t.Errorf("nobody uses it and it does not expire: %+v", f)
	}
}

// Files of another project, ids that are none and too many references are refused by their place.
func TestBadReferences(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("file")
	s.post("/v1/projects", `{"name":"other"}`).is(201)
	var k keyBody
	s.post("/v1/keys", `{"scopes":["files:write"],"project":"other"}`).is(201).into(&k)
	var foreign fileBody
	s.send(request{key: k.Key, method: "POST", path: "/v1/files", body: "x"}).is(201).into(&foreign)
	for _, id := range []string{foreign.ID, "file_", "file_x", "file_../../x", strings.ToUpper(foreign.ID[5:])} {
		if !strings.HasPrefix(id, "file_") {
			id = "file_" + id
		}
		body := map[string]any{"workflow_id": "file", "input": map[string]any{"docs": []any{1, map[string]any{"fileId": id}}, "odd name": 1}}
		s.post("/v1/executions", body).field(400, "invalid_request", "input.docs[1].fileId", "invalid_value")
		s.post("/v1/executions/batch", map[string]any{"executions": []any{body}}).is(200)
	}
	refs := make([]any, 1001)
	for i := range refs {
		refs[i] = map[string]any{"fileId": foreign.ID}
	}
	s.post("/v1/executions", map[string]any{"workflow_id": "file", "input": map[string]any{"all": refs}}).field(400, "invalid_request", "input", "too_long")
}

// A worker's key reaches the files of what it holds, as long as it holds it, and nothing else.
func TestFilesByLease(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.workflow("file")
	w := s.worker(5, "file")
	f, other := s.upload("a.txt", "text/plain", "content"), s.upload("b.txt", "text/plain", "other")
	s.start("file", map[string]any{"doc": map[string]any{"fileId": f.ID}})
	held := w.one()
	key := s.scoped(engine.ScopeWorkersRun)
	lease := map[string]string{"Sojourn-Lease": held.ID + " " + held.Lease}
	send := func(method, path string, body any, h map[string]string) *answer {
		return s.send(request{key: key, method: method, path: path, body: body, header: h})
	}
	if a := send("GET", "/v1/files/"+f.ID+"/content", nil, lease).is(200); string(a.body) != "content" {
		t.Errorf("%q", a.body)
	}
	send("GET", "/v1/files/"+f.ID, nil, lease).is(200)
	send("GET", "/v1/files/"+f.ID, nil, nil).problem(403, "forbidden")
	send("GET", "/v1/files/"+other.ID, nil, lease).problem(404, "not_found")
	send("GET", "/v1/files/"+other.ID+"/content", nil, lease).problem(404, "not_found")
	send("GET", "/v1/files", nil, lease).problem(403, "forbidden")
	send("DELETE", "/v1/files/"+f.ID, nil, lease).problem(403, "forbidden")
	stale := map[string]string{"Sojourn-Lease": held.ID + " 9-forged"}
	send("GET", "/v1/files/"+f.ID, nil, stale).problem(409, "stale_lease")
	send("GET", "/v1/files/"+f.ID+"/content", nil, stale).problem(409, "stale_lease")
	send("POST", "/v1/files", "x", stale).problem(409, "stale_lease")
	gone := map[string]string{"Sojourn-Lease": held.ID[:len(held.ID)-4] + "0000 " + held.Lease}
	send("POST", "/v1/files", "x", gone).problem(404, "not_found")
	for _, bad := range []string{"x", held.ID, held.ID + " ", "exec_x 1-a", " " + held.Lease, held.ID + " " + strings.Repeat("x", 200)} {
		send("GET", "/v1/files/"+f.ID, nil, map[string]string{"Sojourn-Lease": bad}).field(400, "invalid_request", "Sojourn-Lease", "invalid_value")
	}
	var made fileBody
	send("POST", "/v1/files?filename=made.txt", "made", lease).is(201).into(&made)
	if made.ExpiresAt != "" {
		t.Errorf("the execution's own file expires: %+v", made)
	}
	send("GET", "/v1/files/"+made.ID+"/content", nil, lease).is(200)
	w.done(held.op("complete", map[string]any{"output": map[string]any{"fileId": made.ID}}))
	send("GET", "/v1/files/"+f.ID, nil, lease).problem(409, "already_terminal")
	send("POST", "/v1/files", "x", lease).problem(409, "already_terminal")
	if n := len(s.contents()); n != 3 {
		t.Errorf("%d contents", n)
	}
}

// An upload that is cut off at any point leaves nothing.
func TestInterruptedUploads(t *testing.T) {
	t.Parallel()
	s := newServer(t, setup{plain: true, api: func(c *Config) { c.BodyTimeout = time.Second }})
	s.workflow("file")
	body, kind := formOf(t, formPart{"document", "a.pdf", "application/pdf", strings.Repeat("%PDF", 100)}, formPart{"execution", "", "", `{"workflow_id":"file","input":{}}`})
	send := func(path, kind string, part []byte, whole int, hangUp bool) {
		t.Helper()
		c, err := net.Dial("tcp", s.http.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", path, s.key, kind, whole, part); err != nil {
			t.Fatal(err)
		}
		if hangUp {
			return
		}
		// It comes too slowly: the server answers and closes.
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(c)
		if err != nil || !bytes.Contains(answer, []byte("HTTP/1.1 400")) {
			t.Errorf("%s after %d of %d bytes: %q, %v", path, len(part), whole, answer, err)
		}
	}
	for n := 1; n < len(body); n += 97 {
		send("/v1/executions", kind, body[:n], len(body), true)
		send("/v1/files", "text/plain", body[:n], len(body), true)
	}
	for n := range 150 { // amid each word of the first part's header
		send("/v1/files", kind, body[:n], len(body), true)
	}
	send("/v1/executions", kind, body[:len(body)-20], len(body), false)
	send("/v1/files", "text/plain", body[:100], len(body), false)
	send("/v1/files", kind, body[:70], len(body), false) // amid a word of a header
	eventually(t, "every interrupted upload is forgotten", func() bool {
		var list struct{ Data []fileBody }
		s.get("/v1/files").is(200).into(&list)
		return len(s.contents()) == 0 && len(list.Data) == 0
	})
	if text := s.log.String(); strings.Contains(text, "level=ERROR") {
		t.Errorf("clients that hang up are no errors of the server: %s", text)
	}
}
