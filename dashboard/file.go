package dashboard

import (
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// file is one file of the front end, with what was compressed of it when it was built. Its bytes stay where the binary
// has them.
type file struct {
	kind     string // Content-Type
	cache    string // Cache-Control
	variants []variant
}

// variant is a file in one encoding, the smallest first.
type variant struct {
	encoding string // empty: as it is
	dist     fs.FS
	name     string
	tag      string
	size     int64
}

// encodings are those that the build writes beside each file, the smallest first.
var encodings = []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}}

// kinds are the types of files that a front end has. The system's own table is not asked: it differs from machine to
// machine.
var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
	".ico": "image/x-icon", ".woff2": "font/woff2", ".json": "application/json", ".txt": "text/plain; charset=utf-8", ".map": "application/json",
}

// Files in assets/ have a hash of their content in their names, so a browser need not ask again.
const (
	hashedFolder   = "assets/"
	cacheHashed    = "public, max-age=31536000, immutable"
	cacheOtherwise = "no-cache"
)

// readFiles finds the files of the front end, by the paths that browsers ask for.
func readFiles(dist fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name == "index.html" || strings.HasPrefix(path.Base(name), ".") || compressed(name) {
			return nil
		}
		f := &file{kind: kinds[path.Ext(name)], cache: cacheOtherwise}
		if f.kind == "" {
			return fmt.Errorf("%s is of no type that is known here", name)
		}
		if strings.HasPrefix(name, hashedFolder) {
			f.cache = cacheHashed
		}
		for _, e := range encodings {
			if v, err := readVariant(dist, name, name+e.suffix, e.name); err == nil {
				f.variants = append(f.variants, v)
			}
		}
		plain, err := readVariant(dist, name, name, "")
		if err != nil {
			return err
		}
		f.variants = append(f.variants, plain)
		files["/"+name] = f
		return nil
	})
	return files, err
}

func compressed(name string) bool {
	for _, e := range encodings {
		if strings.HasSuffix(name, e.suffix) {
			return true
		}
	}
	return false
}

// readVariant looks at one encoding of the file with the given name.
func readVariant(dist fs.FS, name, encoded, encoding string) (variant, error) {
	info, err := fs.Stat(dist, encoded)
	if err != nil {
		return variant{}, err
	}
	v := variant{encoding: encoding, dist: dist, name: encoded, size: info.Size()}
	if strings.HasPrefix(name, hashedFolder) {
		v.tag = `"` + path.Base(encoded) + `"` // the hash is in it: nothing needs to be read
		return v, nil
	}
	content, err := fs.ReadFile(dist, encoded)
	if err != nil {
		return variant{}, err
	}
	v.tag = `"` + strconv.FormatUint(uint64(crc32.ChecksumIEEE(content)), 36) + "-" + strconv.Itoa(len(content)) + `"`
	return v, nil
}

// serve answers with the variant that the browser likes best.
func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	v := f.choose(r.Header.Values("Accept-Encoding"))
	content, err := v.dist.Open(v.name)
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer func() { _ = content.Close() }() // it was only read
	head := w.Header()
	head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Cache-Control", f.cache)
	head.Set("Content-Type", f.kind)
	head.Set("Etag", v.tag)
	if len(f.variants) > 1 {
		head.Set("Vary", "Accept-Encoding")
	}
	if v.encoding != "" {
		head.Set("Content-Encoding", v.encoding)
		head.Set("Content-Length", strconv.FormatInt(v.size, 10)) // http.ServeContent leaves it out
	}
	http.ServeContent(w, r, "", time.Time{}, content.(io.ReadSeeker))
}

// choose is the variant that the header asks for; of those that it likes as much, the smallest.
func (f *file) choose(accept []string) *variant {
	best, quality := &f.variants[len(f.variants)-1], 0.0
	for i := range f.variants {
		v := &f.variants[i]
		if v.encoding == "" {
			break
		}
		if q := preference(accept, v.encoding); q > quality {
			best, quality = v, q
		}
	}
	return best
}

// preference is how much the header likes the encoding, from 0, not at all, to 1.
func preference(accept []string, encoding string) float64 {
	other := 0.0
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			name, params, _ := strings.Cut(item, ";")
			name = strings.TrimSpace(name)
			if name != "*" && !strings.EqualFold(name, encoding) {
				continue
			}
			q := 1.0
			if text, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
				var err error
				if q, err = strconv.ParseFloat(text, 64); err != nil || q < 0 || q > 1 {
					q = 0
				}
			}
			if name != "*" {
				return q
			}
			other = q
		}
	}
	return other
}
