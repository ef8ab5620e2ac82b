package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sojournhq/sojourn/sdk/go"
)

// errNoFile is an input without a file.
var errNoFile = errors.New("the input has no file: upload one under any name, as in -F document=@contract.pdf")

// digest is what registerFile finds out about a file.
type digest struct {
	Input    string `json:"input"` // the name of the input that it came in
	Filename string `json:"filename"`
	MIMEType string `json:"mime_type"`
	Size     int64  `json:"size"`
	SHA256   string `json:"sha256"`
}

// registerFile offers the reading of files: it downloads those of its input, whatever they are called there, and tells
// the size and SHA-256 of what arrived. With several, the members of the result are those of the first by name, and
// files lists all.
func registerFile(w *sojourn.Worker) {
	type output struct {
		digest
		Files []digest `json:"files,omitempty"`
	}
	sojourn.Handle(w, "file", func(ctx *sojourn.Context, in map[string]json.RawMessage) (output, error) {
		var all []digest
		for _, name := range slices.Sorted(maps.Keys(in)) {
			var f sojourn.File
			if json.Unmarshal(in[name], &f) != nil || !strings.HasPrefix(f.ID, "file_") {
				continue
			}
			d, err := sojourn.Step(ctx, "read", func(ctx context.Context) (digest, error) {
				d := digest{Input: name, Filename: f.Name, MIMEType: f.MIMEType}
				var err error
				d.Size, d.SHA256, err = measure(ctx, f)
				return d, err
			}, sojourn.Key(name), sojourn.Retry{})
			if err != nil {
				return output{}, err
			}
			all = append(all, d)
		}
		switch len(all) {
		case 0:
			return output{}, sojourn.NonRetryable(sojourn.Coded("no_file", errNoFile))
		case 1:
			return output{digest: all[0]}, nil
		}
		return output{all[0], all}, nil
	}, sojourn.Description("Tells the size and SHA-256 of an uploaded file."))
}

// measure reads a file and tells its size and SHA-256.
func measure(ctx context.Context, f sojourn.File) (int64, string, error) {
	r, err := f.Open(ctx)
	if err != nil {
		return 0, "", err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, r)
	return n, hex.EncodeToString(sum.Sum(nil)), errors.Join(err, r.Close())
}
