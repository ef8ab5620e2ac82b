package dashboard

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// front is a front end as a build leaves it.
func front(t *testing.T) *Handler {
	t.Helper()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	h, err := newHandler(fstest.MapFS{
		".gitkeep":                file(""),
		"index.html":              file(`<meta name="csp-nonce" content="__NONCE__"><link rel="stylesheet" href="/assets/index-Ab12.css">`),
		"favicon.svg":             file("<svg/>"),
		"assets/index-Ab12.js":    file("script as it is"),
		"assets/index-Ab12.js.br": file("script br"), "assets/index-Ab12.js.gz": file("script gzip"),
		"assets/index-Ab12.css": file("style as it is"), "assets/index-Ab12.css.gz": file("style gzip"),
		"assets/plain-Cd34.png": file("picture"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPagesAreTheIndexWithANonceOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := front(t)
	if !h.Built() {
		t.Error("not built")
	}
	seen := map[string]bool{}
	for _, path := range []string{
		"/", "/signin", "/executions", "/executions/exec_1", "/workflows", "/workflows/a.b-c", "/workflows/a%2Fb", "/workflows/a/start", "/inbox", "/workers",
		"/webhooks", "/webhooks/endpoints/wh_1", "/webhooks/deliveries/evt_1", "/keys", "/system", "/executions/exec_1?step=a&x=%00",
	} {
		w := ask(h, "GET", path, "Accept", "text/html")
		head := w.Header()
		nonce := regexp.MustCompile(`content="([A-Za-z0-9+/]{22}==)"`).FindStringSubmatch(w.Body.String())
		if w.Code != 200 || len(nonce) != 2 || seen[nonce[1]] || strings.Contains(w.Body.String(), "__NONCE__") {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		seen[nonce[1]] = true
		want := "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-" + nonce[1] + "'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; " +
			"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types default"
		if got := head.Get("Content-Security-Policy"); got != want {
			t.Errorf("%s: policy %s", path, got)
		}
		if head.Get("Cache-Control") != "no-store" || head.Get("Content-Type") != "text/html; charset=utf-8" || head.Get("X-Content-Type-Options") != "nosniff" ||
			head.Get("Referrer-Policy") != "no-referrer" || head.Get("Cross-Origin-Opener-Policy") != "same-origin" || head.Get("Etag") != "" {
			t.Errorf("%s: %v", path, head)
		}
		if !h.Has(httptest.NewRequest("GET", path, http.NoBody).URL) {
			t.Errorf("it does not have %s", path)
		}
		if again := ask(h, "HEAD", path); again.Code != 200 || again.Body.Len() > 0 || again.Header().Get("Content-Length") != head.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, again.Code, again.Header())
		}
	}
}

func TestPathsThatAreNoPages(t *testing.T) {
	t.Parallel()
	h := front(t)
	for _, path := range []string{
		"/nothing", "/executions/", "/executions//", "/executions/a/b", "//", "//executions", "/workflows//start", "/workflows/a/stop", "/index.html", "/.gitkeep",
		"/assets", "/assets/", "/assets/index-Ab12.js.br", "/assets/index-Ab12.css.gz", "/assets/gone-Zz99.js", "/../go.mod", "/assets/../index.html", "/assets%2Findex-Ab12.js", "/v1/executions", "/ui/session",
	} {
		w := ask(h, "GET", path, "Accept", "text/html")
		if w.Code != 404 || !strings.Contains(w.Body.String(), "There is nothing here") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if p := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; style-src 'sha256-") || !strings.Contains(p, "require-trusted-types-for 'script'") {
			t.Errorf("%s: policy %s", path, p)
		}
		if h.Has(httptest.NewRequest("GET", path, http.NoBody).URL) {
			t.Errorf("it has %s", path)
		}
	}
	for _, path := range []string{"/", "/assets/index-Ab12.js"} {
		for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "TRACE"} {
			if w := ask(h, method, path); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d %v", method, path, w.Code, w.Header())
			}
		}
	}
}

func TestFilesComeInTheSmallestEncodingThatIsUnderstood(t *testing.T) {
	t.Parallel()
	h := front(t)
	for _, c := range []struct{ path, accept, encoding, body string }{
		{"/assets/index-Ab12.js", "gzip, deflate, br, zstd", "br", "script br"},
		{"/assets/index-Ab12.js", "gzip, deflate", "gzip", "script gzip"},
		{"/assets/index-Ab12.js", "GZIP", "gzip", "script gzip"},
		{"/assets/index-Ab12.js", "br;q=0.5, gzip;q=1.0", "gzip", "script gzip"},
		{"/assets/index-Ab12.js", "br; q=0, gzip", "gzip", "script gzip"},
		{"/assets/index-Ab12.js", "br;q=0, gzip;q=0", "", "script as it is"},
		{"/assets/index-Ab12.js", "*", "br", "script br"},
		{"/assets/index-Ab12.js", "*;q=0.1, br;q=0", "gzip", "script gzip"},
		{"/assets/index-Ab12.js", "br;q=nonsense, gzip;q=7", "", "script as it is"},
		{"/assets/index-Ab12.js", "identity", "", "script as it is"},
		{"/assets/index-Ab12.js", "", "", "script as it is"},
		{"/assets/index-Ab12.css", "br, gzip;q=0.1", "gzip", "style gzip"},
		{"/assets/plain-Cd34.png", "br, gzip", "", "picture"},
		{"/favicon.svg", "br, gzip", "", "<svg/>"},
	} {
		w := ask(h, "GET", c.path, "Accept-Encoding", c.accept)
		head := w.Header()
		if w.Code != 200 || head.Get("Content-Encoding") != c.encoding || w.Body.String() != c.body || head.Get("Content-Length") != strconv.Itoa(len(c.body)) {
			t.Errorf("%s with %q: %d %v %s", c.path, c.accept, w.Code, head, w.Body)
		}
		want := "public, max-age=31536000, immutable"
		if c.path == "/favicon.svg" {
			want = "no-cache"
		}
		if head.Get("Cache-Control") != want || head.Get("Etag") == "" || head.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(head.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", c.path, head)
		}
		if (head.Get("Vary") == "Accept-Encoding") != strings.Contains(c.path, "index") {
			t.Errorf("%s: Vary %q", c.path, head.Get("Vary"))
		}
	}
	// Two lines of a header are one list.
	if w := ask(h, "GET", "/assets/index-Ab12.js", "Accept-Encoding", "gzip", "Accept-Encoding", "br"); w.Header().Get("Content-Encoding") != "br" {
		t.Errorf("%v", w.Header())
	}
	for path, kind := range map[string]string{"/assets/index-Ab12.js": "text/javascript; charset=utf-8", "/assets/index-Ab12.css": "text/css; charset=utf-8", "/assets/plain-Cd34.png": "image/png", "/favicon.svg": "image/svg+xml"} {
		if w := ask(h, "GET", path, "Accept-Encoding", "br, gzip"); w.Header().Get("Content-Type") != kind {
			t.Errorf("%s: %v", path, w.Header())
		}
	}
}

func TestFilesAnswerConditionsAndRanges(t *testing.T) {
	t.Parallel()
	h := front(t)
	const path = "/assets/index-Ab12.js"
	tags := map[string]bool{}
	for _, encoding := range []string{"br", "gzip", "identity"} {
		full := ask(h, "GET", path, "Accept-Encoding", encoding)
		tag := full.Header().Get("Etag")
		if tags[tag] || !strings.HasPrefix(tag, `"`) {
			t.Errorf("%s: %s is not a tag of its own", encoding, tag)
		}
		tags[tag] = true
		same := ask(h, "GET", path, "Accept-Encoding", encoding, "If-None-Match", `"other", `+tag)
		if same.Code != 304 || same.Body.Len() > 0 || same.Header().Get("Etag") != tag || same.Header().Get("Cache-Control") == "" || same.Header().Get("Vary") == "" || same.Header().Get("Content-Length") != "" {
			t.Errorf("%s: %d %v", encoding, same.Code, same.Header())
		}
		if other := ask(h, "GET", path, "Accept-Encoding", encoding, "If-None-Match", `"other"`); other.Code != 200 {
			t.Errorf("%s: %d", encoding, other.Code)
		}
		part := ask(h, "GET", path, "Accept-Encoding", encoding, "Range", "bytes=0-5")
		if part.Code != 206 || part.Body.String() != "script" || part.Header().Get("Content-Length") != "6" || !strings.HasPrefix(part.Header().Get("Content-Range"), "bytes 0-5/") {
			t.Errorf("%s: %d %v %s", encoding, part.Code, part.Header(), part.Body)
		}
		if whole := ask(h, "GET", path, "Accept-Encoding", encoding, "Range", "bytes=0-5", "If-Range", `"other"`); whole.Code != 200 || whole.Body.Len() != full.Body.Len() {
			t.Errorf("%s: %d", encoding, whole.Code)
		}
		if beyond := ask(h, "GET", path, "Accept-Encoding", encoding, "Range", "bytes=99-"); beyond.Code != 416 || beyond.Header().Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v", encoding, beyond.Code, beyond.Header())
		}
		head := ask(h, "HEAD", path, "Accept-Encoding", encoding)
		if head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != full.Header().Get("Content-Length") || head.Header().Get("Etag") != tag {
			t.Errorf("%s: HEAD %d %v", encoding, head.Code, head.Header())
		}
	}
	if w := ask(h, "GET", "/favicon.svg", "If-None-Match", ask(h, "GET", "/favicon.svg").Header().Get("Etag")); w.Code != 304 {
		t.Errorf("%d", w.Code)
	}
}

func TestWithoutAFrontEndAPageSaysSo(t *testing.T) {
	t.Parallel()
	h, err := newHandler(fstest.MapFS{".gitkeep": &fstest.MapFile{}})
	if err != nil {
		t.Fatal(err)
	}
	if h.Built() {
		t.Error("built from nothing")
	}
	for _, path := range []string{"/", "/executions", "/signin"} {
		w := ask(h, "GET", path, "Accept", "text/html")
		if w.Code != 404 || !strings.Contains(w.Body.String(), "make build") || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if _, err := newHandler(fstest.MapFS{"strange.exe": &fstest.MapFile{}}); err == nil {
		t.Error("a file of an unknown type was taken")
	}
}

// What is in the binary serves, whether the front end was built or not, and what was compressed is what it says.
func TestTheBuiltFrontEndServes(t *testing.T) {
	t.Parallel()
	h, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if w := ask(h, "GET", "/", "Accept", "text/html"); h.Built() != (w.Code == 200) {
		t.Errorf("%d", w.Code)
	}
	if !h.Built() {
		t.Log("the front end was not built")
		return
	}
	index := ask(h, "GET", "/").Body.String()
	links := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(index, -1)
	if len(links) < 2 {
		t.Errorf("nothing is linked in %s", index)
	}
	for _, link := range links {
		if w := ask(h, "GET", link[1]); w.Code != 200 {
			t.Errorf("%s: %d", link[1], w.Code)
		}
	}
	for _, bad := range []string{"<script>", " style=", "://", "javascript:"} {
		if strings.Contains(index, bad) {
			t.Errorf("the index has %q, which the policy forbids", bad)
		}
	}
	for path := range h.files {
		plain := ask(h, "GET", path, "Accept-Encoding", "identity")
		packed := ask(h, "GET", path, "Accept-Encoding", "gzip")
		if packed.Header().Get("Content-Encoding") != "gzip" {
			continue
		}
		r, err := gzip.NewReader(packed.Body)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != plain.Body.String() {
			t.Errorf("%s: its compressed form is another file: %v", path, err)
		}
	}
}

// The server knows the pages that the front end has, and no others.
func TestPagesAreThoseOfTheFrontEnd(t *testing.T) {
	t.Parallel()
	var found []string
	err := filepath.WalkDir("src/routes", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".ts") && !strings.HasSuffix(name, ".tsx") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, m := range regexp.MustCompile(`createRoute\(\{[^}]*?\bpath: "([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
			found = append(found, regexp.MustCompile(`\$(\w+)`).ReplaceAllString(m[1], "{$1}"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if want := slices.Sorted(slices.Values(pages)); !slices.Equal(found, want) {
		t.Errorf("the front end has %q, the server %q", found, want)
	}
}
