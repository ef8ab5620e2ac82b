package seal_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/seal"
)

func TestSealedTextOpensWhereItBelongs(t *testing.T) {
	t.Parallel()
	r := seal.Random()
	text, bound := []byte("whsec_text"), []byte("project 1")
	sealed := r.Seal(text, bound)
	if got, err := r.Open(sealed, bound); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%q, %v", got, err)
	}
	if bytes.Contains(sealed, text) || bytes.Equal(sealed, r.Seal(text, bound)) {
		t.Error("the text is not hidden")
	}
	if got, err := r.Open(sealed, []byte("project 2")); err == nil {
		t.Errorf("opens elsewhere: %q", got)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := r.Open(bad, bound); err == nil {
			t.Errorf("opens with byte %d changed: %q", i, got)
		}
	}
	for n := range sealed {
		if _, err := r.Open(sealed[:n], bound); err == nil {
			t.Errorf("opens when cut to %d bytes", n)
		}
	}
	if _, err := seal.Random().Open(sealed, bound); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("another ring: %v", err)
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	first, err := seal.ReadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	sealed := first.Seal([]byte("x"), nil)
	again, err := seal.ReadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(sealed, nil); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	newer := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)) + "\n"
	if err := os.WriteFile(path, append([]byte(newer+"\n"), old...), 0o600); err != nil {
		t.Fatal(err)
	}
	both, err := seal.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := both.Open(sealed, nil); err != nil {
		t.Errorf("the old key no longer opens: %v", err)
	}
	if _, err := first.Open(both.Seal([]byte("x"), nil), nil); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("the new key does not seal: %v", err)
	}
}

func TestAKeyFileMustBeSound(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	if _, err := seal.Read(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is missing: %v", err)
	}
	for _, bad := range []string{"", "# nothing\n", "AAAA\n", strings.Repeat("?", 44)} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := seal.ReadOrCreate(path); err == nil || len(bad) > 40 && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
