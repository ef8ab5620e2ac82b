package api

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sojournhq/sojourn/internal/engine"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// fileSpec is what the headers of a request or a part tell about the file in it.
func fileSpec(contentType, filename string, h http.Header) (engine.FileSpec, error) {
	spec := engine.FileSpec{Name: cleanFilename(filename), MIME: cleanMIME(contentType)}
	digest, err := announced(h)
	spec.Digest = digest
	return spec, err
}

// cleanFilename makes a plain name of what a client calls its file: without directories, control characters and what is
// not UTF-8, of at most 255 bytes. It is shown to people and programs and is never part of a path of the server.
func cleanFilename(s string) string {
	s = strings.ToValidUTF8(s, "")
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		s = s[i+1:]
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return -1
		}
		return r
	}, s))
	for len(s) > maxFilename {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	if s == "" || s == "." || s == ".." {
		return "file"
	}
	return s
}

// cleanMIME is the media type of a file, or the one for bytes of unknown meaning.
func cleanMIME(s string) string {
	const unknown = "application/octet-stream"
	if s == "" || len(s) > maxMIME {
		return unknown
	}
	kind, params, err := mime.ParseMediaType(s)
	if err != nil || strings.Count(kind, "/") != 1 {
		return unknown
	}
	if text := mime.FormatMediaType(kind, params); text != "" && len(text) <= maxMIME {
		return text
	}
	return unknown
}

// announced is the SHA-256 that Content-Digest (RFC 9530) or the older Digest (RFC 3230) tells, nil without one. Other
// algorithms are passed over.
func announced(h http.Header) (*[32]byte, error) {
	var found *[32]byte
	for _, name := range [...]string{"Content-Digest", "Digest"} {
		for _, line := range h.Values(name) {
			for item := range strings.SplitSeq(line, ",") {
				algorithm, value, ok := strings.Cut(strings.TrimSpace(item), "=")
				if !ok || !strings.EqualFold(algorithm, "sha-256") {
					continue
				}
				if n := len(value); n >= 2 && value[0] == ':' && value[n-1] == ':' {
					value = value[1 : n-1]
				}
				sum, err := base64.StdEncoding.DecodeString(value)
				if err != nil || len(sum) != 32 {
					return nil, badField(name, jsonx.CodeInvalidValue, "must have the 32 bytes of a SHA-256 in base64: sha-256=:…:")
				}
				given := [32]byte(sum)
				if found != nil && *found != given {
					return nil, badField(name, jsonx.CodeInvalidValue, "contradicts another digest of the same file")
				}
				found = &given
			}
		}
	}
	return found, nil
}
