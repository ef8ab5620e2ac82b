// Package seal encrypts small secrets at rest, under keys that lie in a file of their own.
package seal

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Ring holds the keys. The first one seals, all open.
type Ring struct{ keys []key }

type key struct {
	id   [idSize]byte // the beginning of the key's SHA-256
	aead cipher.AEAD
}

const (
	keySize = 32
	idSize  = 4
	// format begins what Seal returns, so that another way of sealing can be told apart.
	format = 1
)

// ErrNoKey is what was sealed under a key that the ring does not have.
var ErrNoKey = errors.New("sealed under a key that is not in the key file")

// Random makes a ring that is forgotten with the process.
func Random() *Ring {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // never fails
	r := &Ring{}
	r.add(raw)
	return r
}

func (r *Ring) add(raw []byte) {
	block, err := aes.NewCipher(raw)
	if err != nil {
		panic(err) // the size was checked
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the block size of GCM
	}
	sum := sha256.Sum256(raw)
	r.keys = append(r.keys, key{[idSize]byte(sum[:]), aead})
}

// Read reads a ring from a file: base64 of 32 bytes on each line, the newest key first. Empty lines and those that begin
// with # say nothing.
func Read(path string) (*Ring, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return Parse(string(text), path)
}

// Parse reads a ring from the text of such a file, of which errors speak by the given name.
func Parse(text, path string) (*Ring, error) {
	r := &Ring{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != keySize {
			return nil, fmt.Errorf("seal: %s: line %d is not base64 of %d bytes", path, n, keySize)
		}
		r.add(raw)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("seal: %s: %w", path, err)
	}
	if len(r.keys) == 0 {
		return nil, fmt.Errorf("seal: %s has no key; write one with: openssl rand -base64 %d", path, keySize)
	}
	return r, nil
}

// ReadOrCreate is Read of a file that is made when it is missing. Only its owner may read it, and it is on the disk
// before anything is sealed under it.
func ReadOrCreate(path string) (*Ring, error) {
	r, err := Read(path)
	if !errors.Is(err, os.ErrNotExist) {
		return r, err
	}
	if err := write(path, NewKeyFile()); err != nil {
		return nil, fmt.Errorf("seal: make %s: %w", path, err)
	}
	return Read(path)
}

// NewKeyFile is the text of a key file with a new key.
func NewKeyFile() string {
	raw := make([]byte, keySize)
	_, _ = rand.Read(raw) // never fails
	return "# Signing secrets in the database are encrypted under this key. Keep it with every backup.\n" +
		base64.StdEncoding.EncodeToString(raw) + "\n"
}

// write makes the file in one move.
func write(path, text string) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	_ = dir.Sync() // not every system can
	return dir.Close()
}

// Seal encrypts the text. It can be opened only together with what it is bound to.
func (r *Ring) Seal(text, bound []byte) []byte {
	k := r.keys[0]
	nonce := make([]byte, k.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	out := append([]byte{format}, k.id[:]...)
	out = append(out, nonce...)
	return k.aead.Seal(out, nonce, text, bound)
}

// Open decrypts what Seal made.
func (r *Ring) Open(sealed, bound []byte) ([]byte, error) {
	const head = 1 + idSize
	if len(sealed) < head || sealed[0] != format {
		return nil, errors.New("seal: what is stored was not sealed")
	}
	for _, k := range r.keys {
		n := head + k.aead.NonceSize()
		if [idSize]byte(sealed[1:head]) != k.id || len(sealed) < n {
			continue
		}
		text, err := k.aead.Open(nil, sealed[head:n], sealed[n:], bound)
		if err != nil {
			return nil, errors.New("seal: what is stored was changed, or belongs elsewhere")
		}
		return text, nil
	}
	return nil, fmt.Errorf("seal: %w", ErrNoKey)
}
