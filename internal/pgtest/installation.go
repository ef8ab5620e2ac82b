package pgtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// installation is a PostgreSQL on this machine.
type installation struct {
	root    string // has bin, lib and share, or is Debian's folder of a version
	account account
	scratch string // where the account may have folders
}

// find looks for a version where scripts/install-postgres.sh puts it.
func find(ctx context.Context, version string) (installation, error) {
	a, err := unprivileged()
	if err != nil {
		return installation{}, err
	}
	i := installation{account: a, scratch: os.TempDir()}
	if !a.enters(ctx, i.scratch) {
		i.scratch = "/tmp"
	}
	places := []string{"/usr/lib/postgresql/" + version}
	if top, err := repository(); err == nil {
		places = append([]string{filepath.Join(top, "bin", "postgres", version)}, places...)
	}
	for _, place := range places {
		if _, err := os.Stat(filepath.Join(place, "bin", "postgres")); err != nil {
			continue
		}
		i.root = place
		if !a.enters(ctx, filepath.Join(place, "bin")) {
			if i.root, err = i.reachable(place); err != nil {
				return i, err
			}
		}
		return i, nil
	}
	return i, ErrMissing
}

// repository is the folder of go.mod above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("not in a Go module")
		}
		dir = parent
	}
}

// cached returns a folder that is made once per machine and account. Two processes may make it at the same time.
func (i installation) cached(name string, make func(path string) error) (string, error) {
	top := filepath.Join(i.scratch, "sojourn-postgres-cache-"+i.account.name)
	if err := os.Mkdir(top, 0o755); err == nil {
		if err := i.account.give(top); err != nil {
			return "", err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	if err := i.account.owns(top); err != nil {
		return "", err
	}
	path := filepath.Join(top, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	work, err := os.MkdirTemp(top, "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := i.account.give(work); err != nil {
		return "", err
	}
	built := filepath.Join(work, "built")
	if err := make(built); err != nil {
		return "", err
	}
	if err := os.Rename(built, path); err != nil {
		if _, lost := os.Stat(path); lost != nil {
			return "", err
		}
	}
	return path, nil
}

// reachable copies an installation to where the account can run it.
func (i installation) reachable(root string) (string, error) {
	info, err := os.Stat(filepath.Join(root, "bin", "postgres"))
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("installation-%x", sha256.Sum256(fmt.Append(nil, root, info.Size(), info.ModTime().UnixNano())))[:32]
	return i.cached(name, func(path string) error { return copyTree(root, path, i.account, nil) })
}

// template is the data directory of an empty server.
func (i installation) template(ctx context.Context) (string, error) {
	version, err := i.command(ctx, "postgres", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version: %w", err)
	}
	name := "template-" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, strings.ToLower(string(version)))
	return i.cached(name, func(path string) error {
		initdb := i.command(ctx, "initdb", "--pgdata="+path, "--username="+user, "--auth=trust", "--encoding=UTF8", "--no-sync",
			"--locale=C", "--locale-provider=icu", "--icu-locale=en-US", "--no-instructions")
		if text, err := initdb.CombinedOutput(); err != nil {
			return fmt.Errorf("initdb: %w: %s", err, text)
		}
		return nil
	})
}

// command is a program of the installation, run by the account.
func (i installation) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(i.root, "bin", program), args...)
	c.Dir = "/"
	c.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	c.SysProcAttr = i.account.attributes()
	return c
}

// copyTree copies a folder that may be in use: what vanishes meanwhile is left out. skip is asked with the path below
// the folder, if given.
func copyTree(from, to string, owner account, skip func(path string) bool) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != from {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if skip != nil && skip(rel) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			info, err := d.Info()
			if err != nil {
				return err
			}
			if err := os.Mkdir(target, info.Mode().Perm()); err != nil {
				return err
			}
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case d.Type().IsRegular():
			if err := copyFile(path, target); errors.Is(err, fs.ErrNotExist) {
				return nil
			} else if err != nil {
				return err
			}
		default:
			return nil
		}
		return owner.give(target)
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(in)
	return errors.Join(err, out.Close())
}
