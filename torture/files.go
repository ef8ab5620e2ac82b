//go:build linux

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"

	"github.com/sojournhq/sojourn/sdk/go"
	"github.com/sojournhq/sojourn/torture/check"
)

// fileBook is what the clients know of files.
type fileBook struct {
	mu    sync.Mutex
	files map[string]*knownFile
}

// knownFile is a file whose upload was acknowledged.
type knownFile struct {
	sum     string
	deleted bool
	unknown bool // a removal had no answer
}

// upload stores a file and then removes it, or starts an execution that reads it, or leaves it.
func (l *load) upload(ctx context.Context, r *rand.Rand) (answered bool) {
	name := l.token()
	content := strings.Repeat(name+"\n", 1+r.IntN(2000))
	f, err := l.client.Files.Upload(ctx, name+".txt", strings.NewReader(content))
	l.total.Add(1)
	if err != nil {
		return refusal(err) != nil
	}
	sum := sha256.Sum256([]byte(content))
	known := &knownFile{sum: hex.EncodeToString(sum[:])}
	l.book.mu.Lock()
	l.book.files[f.ID] = known
	l.book.mu.Unlock()
	switch r.IntN(3) {
	case 0:
		err := l.client.Files.Delete(ctx, f.ID)
		l.total.Add(1)
		l.book.mu.Lock()
		known.deleted, known.unknown = err == nil, err != nil
		l.book.mu.Unlock()
		return err == nil || refusal(err) != nil
	case 1:
		s := l.make(kind{workflow: "filed", fill: func(_ *rand.Rand, _ *sojourn.StartParams, in map[string]any) {
			in["document"] = map[string]any{"fileId": f.ID}
		}}, r)
		return l.start(ctx, s)
	}
	return true
}

// facts asks what became of all files, and of those that outputs name.
func (l *load) facts(ctx context.Context, stored []*sojourn.Execution) ([]check.FileFact, error) {
	l.book.mu.Lock()
	files := map[string]knownFile{}
	for id, f := range l.book.files {
		if !f.unknown {
			files[id] = *f
		}
	}
	l.book.mu.Unlock()
	for _, x := range stored {
		var in struct{ Document sojourn.File }
		var out struct{ File sojourn.File }
		if workflowName(x) != "filed" || x.Status != sojourn.StatusCompleted {
			continue
		}
		if err := errors.Join(json.Unmarshal(x.Input, &in), json.Unmarshal(x.Output, &out)); err != nil {
			return nil, err
		}
		files[out.File.ID] = knownFile{sum: files[in.Document.ID].sum}
	}
	var list []check.FileFact
	for id, f := range files {
		fact := check.FileFact{ID: id, Deleted: f.deleted}
		hash := sha256.New()
		switch _, err := l.client.Files.Download(ctx, id, hash); {
		case err == nil:
			fact.Found, fact.Same = true, hex.EncodeToString(hash.Sum(nil)) == f.sum
		case errors.Is(err, sojourn.ErrNotFound), errors.Is(err, sojourn.ErrDeleted):
		default:
			return nil, err
		}
		list = append(list, fact)
	}
	return list, nil
}

func workflowName(x *sojourn.Execution) string {
	if x.Workflow == nil {
		return ""
	}
	return x.Workflow.Name
}
