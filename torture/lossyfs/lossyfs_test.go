//go:build linux

package lossyfs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// mount mounts for one test. Without FUSE the test is skipped, or fails when
// CI=true.
func mount(t *testing.T, opts Options) *FS {
	t.Helper()
	f, err := Mount(opts)
	if errors.Is(err, ErrUnavailable) && os.Getenv("CI") != "true" {
		t.Skipf("needs FUSE (an error when CI=true): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// after is the content of the directory tree that a cut at this instant
// leaves: path to content, directories with a slash and no content.
func after(t *testing.T, f *FS) map[string]string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "restored")
	if err := f.Restore(dst); err != nil {
		t.Fatal(err)
	}
	return tree(t, dst)
}

func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		rel := strings.TrimPrefix(path, root+"/")
		switch {
		case e.IsDir():
			out[rel+"/"] = ""
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			out[rel] = "-> " + target
			return err
		default:
			b, err := os.ReadFile(path)
			out[rel] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantTree(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the cut left %q, want %q", got, want)
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func syncPath(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	must(t, f.Sync(), f.Close())
}

func put(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func TestContentNeedsSync(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{Metadata: Lenient})
	path := filepath.Join(f.Mountpoint(), "a")
	put(t, path, "first")
	wantTree(t, after(t, f), map[string]string{"a": ""})
	syncPath(t, path)
	put(t, path, "second, longer")
	wantTree(t, after(t, f), map[string]string{"a": "first"})
	syncPath(t, path)
	wantTree(t, after(t, f), map[string]string{"a": "second, longer"})
	must(t, os.Truncate(path, 3))
	wantTree(t, after(t, f), map[string]string{"a": "second, longer"})
	syncPath(t, path)
	must(t, os.Truncate(path, 5))
	syncPath(t, path)
	wantTree(t, after(t, f), map[string]string{"a": "sec\x00\x00"})
	if s := f.Stats(); s.Fsyncs != 4 || s.BytesSynced != int64(len("first")+len("second, longer")) {
		t.Errorf("stats %+v: want 4 fsyncs that carried 19 bytes", s)
	}
}

func TestFdatasyncAndSyncWritesAreDurable(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{Metadata: Lenient})
	d, err := os.Create(filepath.Join(f.Mountpoint(), "fdatasync"))
	must(t, err)
	_, err = d.WriteString("data")
	must(t, err, unix.Fdatasync(int(d.Fd())), d.Close())
	o, err := os.OpenFile(filepath.Join(f.Mountpoint(), "o_sync"), os.O_CREATE|os.O_WRONLY|os.O_SYNC, 0o644)
	must(t, err)
	_, err = o.WriteString("synced by write")
	must(t, err, o.Close())
	wantTree(t, after(t, f), map[string]string{"fdatasync": "data", "o_sync": "synced by write"})
}

// TestContentAgainstModel compares a file with a plain byte slice under
// random writes, truncations, allocations and syncs.
func TestContentAgainstModel(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{Metadata: Lenient})
	const limit = 40_000
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 1))
		name := fmt.Sprintf("file%d", seed)
		d, err := os.Create(filepath.Join(f.Mountpoint(), name))
		must(t, err)
		var live, durable []byte
		grow := func(size int) {
			if size > len(live) {
				live = append(live, make([]byte, size-len(live))...)
			}
		}
		for step := range 400 {
			at, n := rng.IntN(limit), 1+rng.IntN(6000)
			switch rng.IntN(12) {
			default:
				b := make([]byte, n)
				for i := range b {
					b[i] = byte(rng.Uint32())
				}
				_, err := d.WriteAt(b, int64(at))
				must(t, err)
				grow(at + n)
				copy(live[at:], b)
			case 0:
				must(t, d.Truncate(int64(at)))
				grow(at)
				live = live[:at]
			case 1:
				must(t, unix.Fallocate(int(d.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(at), int64(n)))
				if at < len(live) {
					clear(live[at:min(len(live), at+n)])
				}
			case 2:
				must(t, unix.Fallocate(int(d.Fd()), 0, int64(at), int64(n)))
				grow(at + n)
			case 3, 4:
				must(t, d.Sync())
				durable = slices.Clone(live)
			}
			if step%20 != 0 {
				continue
			}
			got, err := os.ReadFile(d.Name())
			must(t, err)
			if !bytes.Equal(got, live) {
				t.Fatalf("seed %d, step %d: the live file differs from the model", seed, step)
			}
			if got := after(t, f)[name]; got != string(durable) {
				t.Fatalf("seed %d, step %d: the image (%d bytes) is not what was synced (%d bytes)", seed, step, len(got), len(durable))
			}
		}
		must(t, d.Close(), os.Remove(d.Name()))
	}
}

func TestNamesNeedDirectorySync(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{})
	m := f.Mountpoint()
	put(t, m+"/new", "n")
	syncPath(t, m+"/new")
	wantTree(t, after(t, f), map[string]string{})
	syncPath(t, m)
	put(t, m+"/empty", "never synced")
	syncPath(t, m)
	wantTree(t, after(t, f), map[string]string{"new": "n", "empty": ""})

	must(t, os.Rename(m+"/new", m+"/empty"))
	wantTree(t, after(t, f), map[string]string{"new": "n", "empty": ""})
	syncPath(t, m)
	wantTree(t, after(t, f), map[string]string{"empty": "n"})

	must(t, os.Remove(m+"/empty"))
	wantTree(t, after(t, f), map[string]string{"empty": "n"})
	put(t, m+"/empty", "another file of that name")
	syncPath(t, m+"/empty")
	wantTree(t, after(t, f), map[string]string{"empty": "n"})
	syncPath(t, m)
	wantTree(t, after(t, f), map[string]string{"empty": "another file of that name"})

	must(t, os.Mkdir(m+"/d", 0o755))
	put(t, m+"/d/x", "x")
	syncPath(t, m+"/d/x")
	syncPath(t, m+"/d")
	wantTree(t, after(t, f), map[string]string{"empty": "another file of that name"})
	syncPath(t, m)
	must(t, os.Symlink("d/x", m+"/s"), os.Link(m+"/d/x", m+"/hard"))
	syncPath(t, m)
	put(t, m+"/hard", "X")
	syncPath(t, m+"/hard")
	wantTree(t, after(t, f), map[string]string{
		"empty": "another file of that name", "d/": "", "d/x": "X", "hard": "X", "s": "-> d/x",
	})
	must(t, os.Remove(m+"/hard"), os.Remove(m+"/d/x"), os.Remove(m+"/d"))
	syncPath(t, m)
	wantTree(t, after(t, f), map[string]string{"empty": "another file of that name", "s": "-> d/x"})
	if s := f.Stats(); s.DirSyncs != 8 {
		t.Errorf("stats %+v: want 8 directory syncs", s)
	}
}

func TestRenameBetweenDirectoriesIsAtomic(t *testing.T) {
	t.Parallel()
	for _, syncs := range []string{"from", "to"} {
		f := mount(t, Options{})
		m := f.Mountpoint()
		must(t, os.Mkdir(m+"/from", 0o755), os.Mkdir(m+"/to", 0o755))
		put(t, m+"/from/x", "x")
		syncPath(t, m+"/from/x")
		syncPath(t, m+"/from")
		syncPath(t, m)
		must(t, os.Rename(m+"/from/x", m+"/to/y"))
		wantTree(t, after(t, f), map[string]string{"from/": "", "to/": "", "from/x": "x"})
		syncPath(t, filepath.Join(m, syncs))
		wantTree(t, after(t, f), map[string]string{"from/": "", "to/": "", "to/y": "x"})
	}
}

func TestRenameFlags(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{Metadata: Lenient})
	m := f.Mountpoint()
	for _, name := range []string{"a", "b"} {
		put(t, m+"/"+name, "was "+name)
		syncPath(t, m+"/"+name)
	}
	err := unix.Renameat2(unix.AT_FDCWD, m+"/a", unix.AT_FDCWD, m+"/b", unix.RENAME_NOREPLACE)
	if !errors.Is(err, syscall.EEXIST) {
		t.Errorf("rename without replacing: got %v, want EEXIST", err)
	}
	must(t, unix.Renameat2(unix.AT_FDCWD, m+"/a", unix.AT_FDCWD, m+"/b", unix.RENAME_EXCHANGE))
	want := map[string]string{"a": "was b", "b": "was a"}
	wantTree(t, after(t, f), want)
	wantTree(t, tree(t, m), want)
}

func TestLenientNamesAreDurableAtOnce(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{Metadata: Lenient})
	m := f.Mountpoint()
	must(t, os.Mkdir(m+"/d", 0o755))
	put(t, m+"/d/x", "x")
	syncPath(t, m+"/d/x")
	must(t, os.Rename(m+"/d/x", m+"/y"))
	wantTree(t, after(t, f), map[string]string{"d/": "", "y": "x"})
	must(t, os.Remove(m+"/y"))
	wantTree(t, after(t, f), map[string]string{"d/": ""})
}

func TestUnlinkedFileStaysUsableWhileOpen(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{Metadata: Lenient})
	d, err := os.Create(f.Mountpoint() + "/x")
	must(t, err, os.Remove(f.Mountpoint()+"/x"))
	_, err = d.WriteString("still here")
	must(t, err, d.Sync())
	b := make([]byte, 10)
	_, err = d.ReadAt(b, 0)
	must(t, err)
	if string(b) != "still here" {
		t.Errorf("read %q through the handle", b)
	}
	must(t, d.Close())
	wantTree(t, after(t, f), map[string]string{})
	// The kernel releases a closed file in its own time.
	for deadline := time.Now().Add(5 * time.Second); ; {
		left, err := filepath.Glob(filepath.Join(f.dir, "*", "[0-9]*"))
		must(t, err)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("backing files left behind: %v", left)
		}
	}
}

func TestNothingChangesAfterCut(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{})
	m := f.Mountpoint()
	if got := f.DurableDir(); got != "" {
		t.Errorf("DurableDir before the cut is %q", got)
	}
	d, err := os.Create(m + "/x")
	must(t, err)
	_, err = d.WriteString("synced")
	must(t, err, d.Sync())
	syncPath(t, m)
	_, err = d.WriteString(" and not")
	must(t, err, f.Cut(), f.Cut())

	_, err = d.WriteString("!")
	for what, err := range map[string]error{
		"write": err, "fsync": d.Sync(), "truncate": d.Truncate(0),
		"create": os.WriteFile(m+"/y", nil, 0o644), "mkdir": os.Mkdir(m+"/d", 0o755),
		"rename": os.Rename(m+"/x", m+"/z"), "unlink": os.Remove(m + "/x"),
	} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("%s after the cut: got %v, want EIO", what, err)
		}
	}
	if got, err := os.ReadFile(m + "/x"); err != nil || string(got) != "synced and not" {
		t.Errorf("read after the cut: %q, %v", got, err)
	}
	must(t, d.Close())
	want := map[string]string{"x": "synced"}
	wantTree(t, tree(t, f.DurableDir()), want)
	wantTree(t, after(t, f), want)
	if s := f.Stats(); s.Refused < 7 {
		t.Errorf("stats %+v: want at least 7 refusals", s)
	}
}

func TestRestoreRefusesFullDirectory(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{})
	dst := t.TempDir()
	must(t, f.Restore(dst))
	put(t, dst+"/mine", "x")
	if err := f.Restore(dst); err == nil {
		t.Error("restored over a directory with files")
	}
}

func TestSourceIsDurable(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	must(t, os.MkdirAll(src+"/a/b", 0o750), os.Symlink("a", src+"/s"))
	put(t, src+"/a/b/x", "from before")
	f := mount(t, Options{Source: src})
	want := tree(t, src)
	wantTree(t, tree(t, f.Mountpoint()), want)
	wantTree(t, after(t, f), want)
	put(t, f.Mountpoint()+"/a/b/x", "later")
	must(t, os.Remove(f.Mountpoint()+"/s"))
	wantTree(t, after(t, f), want)
	wantTree(t, tree(t, src), want)
	if st, err := os.Stat(f.Mountpoint() + "/a/b"); err != nil || st.Mode().Perm() != 0o750 {
		t.Errorf("mode of a/b: %v, %v", st.Mode(), err)
	}
}

// scattered writes old content, syncs, overwrites half of it and grows, and
// returns the old and the new content and what a cut leaves of it.
func scattered(t *testing.T, opts Options) (before, now, left []byte) {
	t.Helper()
	opts.Metadata = Lenient
	f := mount(t, opts)
	path := f.Mountpoint() + "/x"
	before = bytes.Repeat([]byte("o"), 64*sectorSize)
	now = append(bytes.Repeat([]byte("o"), 32*sectorSize), bytes.Repeat([]byte("n"), 64*sectorSize+100)...)
	must(t, os.WriteFile(path, before, 0o644))
	d, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err, d.Sync())
	_, err = d.WriteAt(now[32*sectorSize:], 32*sectorSize)
	must(t, err, d.Close(), f.Cut())
	left, err = os.ReadFile(f.DurableDir() + "/x")
	must(t, err)
	return before, now, left
}

// survivors tells for each changed sector that the image reaches whether it
// is the new one; a mixture inside one sector fails.
func survivors(t *testing.T, now, left []byte) (kept []bool) {
	t.Helper()
	for at := 32 * sectorSize; at < len(left); at += sectorSize {
		end := min(at+sectorSize, len(left))
		switch got := left[at:end]; {
		case bytes.Equal(got, now[at:end]):
			kept = append(kept, true)
		case bytes.Count(got, []byte("o")) == len(got) && at < 64*sectorSize, bytes.Count(got, []byte{0}) == len(got):
			kept = append(kept, false)
		default:
			t.Fatalf("sector %d is neither old nor new", at/sectorSize)
		}
	}
	return kept
}

func TestTornKeepsAPrefix(t *testing.T) {
	t.Parallel()
	partial := 0
	for seed := range uint64(8) {
		before, now, left := scattered(t, Options{Unsynced: Torn, Seed: seed})
		if len(left) < len(before) || len(left) > len(now) {
			t.Fatalf("seed %d: %d bytes left", seed, len(left))
		}
		kept := survivors(t, now, left)
		n := len(kept)
		if i := slices.Index(kept, false); i >= 0 {
			n = i
			if slices.Contains(kept[i:], true) {
				t.Errorf("seed %d: not a prefix: %v", seed, kept)
			}
		}
		if n > 0 && n < 65 {
			partial++
		}
	}
	if partial < 4 {
		t.Errorf("only %d of 8 seeds tore the write", partial)
	}
}

func TestReorderedKeepsASubset(t *testing.T) {
	t.Parallel()
	gaps := 0
	for seed := range uint64(8) {
		_, now, left := scattered(t, Options{Unsynced: Reordered, Seed: seed})
		kept := survivors(t, now, left)
		if i := slices.Index(kept, false); i >= 0 && slices.Contains(kept[i:], true) {
			gaps++
		}
	}
	if gaps < 4 {
		t.Errorf("only %d of 8 seeds lost a write before one that was kept", gaps)
	}
}

func TestSameSeedSameImage(t *testing.T) {
	t.Parallel()
	for _, how := range []Unsynced{Torn, Reordered} {
		_, _, one := scattered(t, Options{Unsynced: how, Seed: 7})
		_, _, two := scattered(t, Options{Unsynced: how, Seed: 7})
		_, _, other := scattered(t, Options{Unsynced: how, Seed: 8})
		if !bytes.Equal(one, two) || bytes.Equal(one, other) {
			t.Errorf("unsynced %d: images equal for the same seed: %v, for another: %v", how, bytes.Equal(one, two), bytes.Equal(one, other))
		}
	}
}

func TestLocks(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{})
	path := f.Mountpoint() + "/x"
	a, err := os.Create(path)
	must(t, err)
	b, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	must(t, unix.FcntlFlock(a.Fd(), unix.F_OFD_SETLK, &whole))
	again := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(b.Fd(), unix.F_OFD_SETLK, &again); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("second lock: got %v, want EAGAIN", err)
	}
	must(t, a.Close(), unix.FcntlFlock(b.Fd(), unix.F_OFD_SETLK, &again), b.Close())
}

func TestStatfsIsThatOfTheDiskBehind(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{})
	var got, want unix.Statfs_t
	must(t, unix.Statfs(f.Mountpoint(), &got), unix.Statfs(f.dir, &want))
	if got.Blocks == 0 || got.Blocks != want.Blocks {
		t.Errorf("%d blocks, the disk has %d", got.Blocks, want.Blocks)
	}
}

func TestCloseDetachesABusyMount(t *testing.T) {
	t.Parallel()
	f := mount(t, Options{})
	f.patience = 0
	d, err := os.Create(f.Mountpoint() + "/x")
	must(t, err)
	cause := f.Close()
	if cause == nil || !strings.Contains(cause.Error(), "still in use") {
		t.Errorf("close of a mount in use: %v", cause)
	}
	must(t, d.Close())
	mounts, err := os.ReadFile("/proc/self/mounts")
	must(t, err)
	if strings.Contains(string(mounts), f.Mountpoint()) {
		t.Error("the mount is still there")
	}
	f.closeErr = nil // for the clean-up, which expects no error
}

// TestMountReplacesADeadMount is the case of a torture run that was killed:
// its mount is still there and answers ENOTCONN.
func TestMountReplacesADeadMount(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mount(t, Options{Dir: filepath.Join(dir, "probe")}) // skips here without FUSE
	cmd := childCommand("mount", dir)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err, cmd.Start())
	ready := make([]byte, 8)
	if n, err := out.Read(ready); err != nil || string(ready[:n]) != "mounted\n" {
		t.Fatalf("child: %q, %v", ready[:n], err)
	}
	must(t, cmd.Process.Kill(), in.Close())
	_ = cmd.Wait()
	if err := unix.Statfs(dir+"/mnt", new(unix.Statfs_t)); !errors.Is(err, syscall.ENOTCONN) {
		t.Fatalf("the mount of a dead process: got %v, want ENOTCONN", err)
	}
	f := mount(t, Options{Dir: dir})
	put(t, f.Mountpoint()+"/x", "works")
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{Unsynced: 9}, {Metadata: -1}, {Source: "/nowhere"}} {
		f, err := Mount(opts)
		if err == nil {
			t.Errorf("%+v: mounted", opts)
			must(t, f.Close())
		}
		if _, e := os.Stat("/dev/fuse"); e == nil && errors.Is(err, ErrUnavailable) {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// TestUnavailable mounts in a process that may not.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to give up the right to mount")
	}
	out, err := childCommand("unavailable").Output()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(string(out)), "unavailable") {
		t.Errorf("%v: %s", err, out)
	}
}

// childCommand runs this test binary as another program; see TestMain.
func childCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "LOSSYFS_TEST_CHILD=1")
	cmd.Stderr = os.Stderr
	return cmd
}

// TestSyncCopiesOnlyWhatChanged is the throughput check: a large file under
// many small syncs.
func TestSyncCopiesOnlyWhatChanged(t *testing.T) {
	f := mount(t, Options{Metadata: Lenient})
	d, err := os.Create(f.Mountpoint() + "/big")
	must(t, err)
	const size, page, syncs = 200 << 20, 4096, 2000
	block := bytes.Repeat([]byte("x"), 1<<20)
	for at := int64(0); at < size; at += int64(len(block)) {
		_, err := d.WriteAt(block, at)
		must(t, err)
	}
	must(t, d.Sync())
	base := f.Stats()
	rng := rand.New(rand.NewPCG(1, 1))
	start := time.Now()
	for range syncs {
		_, err := d.WriteAt(block[:page], rng.Int64N(size/page)*page)
		must(t, err, d.Sync())
	}
	took := time.Since(start)
	s := f.Stats()
	if got := s.BytesSynced - base.BytesSynced; got != syncs*page {
		t.Errorf("%d syncs of one page each carried %d bytes, want %d", syncs, got, syncs*page)
	}
	rate := syncs / took.Seconds()
	t.Logf("%.0f syncs/s of one page in a file of 200 MiB", rate)
	if rate < 500 {
		t.Errorf("%.0f syncs/s: too slow for a loaded database (want 500)", rate)
	}
	must(t, d.Close())
}
