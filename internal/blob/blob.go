// Package blob keeps the contents of files: in a folder of this machine, or in a bucket of an S3-compatible service. A content is written once under a name that the server made, read in parts, and removed.
package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
)

// Store keeps contents by name. Names are those that CheckName accepts. Its methods may be called at the same time.
type Store interface {
	// Put writes everything that r gives under a new name and returns its length. When it returns nil the content is on
	// stable storage. On error nothing is left under the name, unless the process or the machine ends meanwhile.
	Put(ctx context.Context, name string, r io.Reader) (int64, error)
	// Open reads length bytes from offset on; a negative length reads to the end. ErrNotFound: there is no such content.
	Open(ctx context.Context, name string, offset, length int64) (io.ReadCloser, error)
	// Delete removes a content. It is no error when there is none.
	Delete(ctx context.Context, name string) error
	// Each calls visit with every name there is, in no particular order, until visit returns an error, which it returns.
	// What is not a content of a Store is passed over.
	Each(ctx context.Context, visit func(name string) error) error
	// Local reports whether the contents lie on a disk of this machine.
	Local() bool
	// Close releases the store. What it keeps stays.
	Close() error
}

// Errors of a store.
var (
	// ErrNotFound is a content that is not there.
	ErrNotFound = errors.New("no such content")
	// ErrExists is a name that is taken.
	ErrExists = errors.New("the name is taken")
	// ErrName is a name that no content can have.
	ErrName = errors.New("not a name of a content")
)

// maxName is the most characters of a name.
const maxName = 64

// CheckName refuses names other than 3 to 64 of a-z, 0-9 and underscore, so that none can reach outside its folder.
func CheckName(name string) error {
	if len(name) < 3 || len(name) > maxName {
		return ErrName
	}
	for i := range len(name) {
		if c := name[i]; c-'a' >= 26 && c-'0' >= 10 && c != '_' {
			return ErrName
		}
	}
	return nil
}

// key is where a content lies: in one of 1,024 folders by the last two characters of its name, which are random. It is
// the same in a folder and in a bucket, so that one can be copied to the other as it is.
func key(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", fmt.Errorf("%w: %q", err, name)
	}
	return name[len(name)-2:] + "/" + name, nil
}

// nameOf is the inverse of key. ok is false for anything that key does not make.
func nameOf(k string) (name string, ok bool) {
	folder, name, found := strings.Cut(k, "/")
	if !found || CheckName(name) != nil || name[len(name)-2:] != folder {
		return "", false
	}
	return name, true
}

// Open opens what the URL names: file:///folder, which is created if need be, or s3://bucket?region=…&endpoint=….
// Credentials for S3 come from the environment, as Amazon's own tools read them.
func Open(rawURL string) (Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("the address of the files is not a URL") // its text may hold a secret
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" && u.Host != "localhost" || u.Path == "" || u.RawQuery != "" {
			return nil, errors.New("write file:///folder for files on this machine")
		}
		dir := u.Path
		if runtime.GOOS == "windows" {
			dir = strings.TrimPrefix(dir, "/")
		}
		return OpenFolder(filepath.FromSlash(dir))
	case "s3":
		return openBucket(u)
	default:
		return nil, fmt.Errorf("files can be kept at file:///folder or s3://bucket, not at %q", u.Scheme+":")
	}
}
