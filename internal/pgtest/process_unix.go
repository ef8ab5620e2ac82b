//go:build unix

package pgtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	osuser "os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// How a server ends.
const (
	kill      = syscall.SIGKILL // the postmaster only, at once
	fast      = syscall.SIGINT  // cleanly, without waiting for clients
	immediate = syscall.SIGQUIT // all processes at once
)

// errEnded is a server that ended instead of answering.
var errEnded = errors.New("it ended")

// account is who runs the servers.
type account struct {
	name     string
	uid, gid int
	changed  bool // it is another one than runs this process
}

// unprivileged is the account of this process, and for root another one: PostgreSQL refuses to run as root.
func unprivileged() (account, error) {
	if os.Getuid() != 0 {
		return account{name: strconv.Itoa(os.Getuid()), uid: os.Getuid(), gid: os.Getgid()}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := osuser.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		return account{name: name, uid: uid, gid: gid, changed: true}, errors.Join(err1, err2)
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

// give makes the account the owner of a file that this process made.
func (a account) give(path string) error {
	if !a.changed {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// owns refuses a folder that somebody else put where one of the account is expected.
func (a account) owns(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if s, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(s.Uid) != a.uid {
		return fmt.Errorf("%s belongs to another user", path)
	}
	return nil
}

// enters reports whether the account can work in a folder.
func (a account) enters(ctx context.Context, path string) bool {
	if !a.changed {
		return true
	}
	c := exec.CommandContext(ctx, "/bin/sh", "-c", `cd "$1"`, "sh", path)
	c.Dir = "/"
	c.SysProcAttr = a.attributes()
	return c.Run() == nil
}

// attributes start a process for the account, in a group of its own: a key typed at the terminal is for the test.
func (a account) attributes() *syscall.SysProcAttr {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if a.changed {
		attributes.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attributes
}

// launch starts the postmaster. Nothing in this process waits for it: tests look for goroutines that are left.
func (s *Server) launch() error {
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer func() { _ = null.Close() }()
	_, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	program := filepath.Join(s.install.root, "bin", "postgres")
	p, err := os.StartProcess(program,
		[]string{program, "-D", s.data(), "-c", "listen_addresses=127.0.0.1", "-p", port, "-c", "unix_socket_directories=" + s.dir},
		&os.ProcAttr{
			Dir: s.data(), Env: append(os.Environ(), "LC_ALL=C", "TZ=UTC"), Files: []*os.File{null, log, log},
			Sys: s.install.account.attributes(),
		})
	if err != nil {
		return err
	}
	s.pid = p.Pid
	return nil
}

// ended reports whether the postmaster is gone.
func (s *Server) ended() bool {
	pid, err := syscall.Wait4(s.pid, nil, syscall.WNOHANG, nil)
	return pid == s.pid || errors.Is(err, syscall.ECHILD)
}

// signal ends the server in the given way and waits until it has ended. One that does not run is left as it is.
func (s *Server) signal(how syscall.Signal) error {
	if s.pid == 0 {
		return nil
	}
	if err := syscall.Kill(s.pid, how); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("pgtest: end PostgreSQL: %w", err)
	}
	// One that a test has stopped would not hear it.
	_ = syscall.Kill(s.pid, syscall.SIGCONT)
	for end := time.Now().Add(patience); !s.ended(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			return fmt.Errorf("pgtest: PostgreSQL does not end:\n%s", s.Log())
		}
	}
	s.pid = 0
	return nil
}

// guard is a shell that waits for this process to end or to release it, however that comes. Then it ends the server
// whose data directory it watches and removes the folder.
type guard struct {
	process *os.Process
	hold    *os.File // the shell reads until this is closed
}

const guardScript = `
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]; then
	kill -QUIT "$pid" && kill -CONT "$pid"
	n=0
	while kill -0 "$pid" 2>/dev/null && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.1; done
fi
n=0
while ! rm -rf "$1" 2>/dev/null && [ $n -lt 100 ]; do n=$((n + 1)); sleep 0.1; done
`

func watch(a account, dir string) (*guard, error) {
	read, hold, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = read.Close() }()
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", guardScript, "sh", dir}, &os.ProcAttr{
		Dir: "/", Files: []*os.File{read, nil, nil}, Sys: a.attributes(),
	})
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	return &guard{p, hold}, nil
}

// release lets the guard do its work and waits for it.
func (g *guard) release() error {
	err := g.hold.Close()
	_, waited := g.process.Wait()
	return errors.Join(err, waited)
}

// freePort is a port that nobody listens on, outside the range from which the system takes ports for outgoing
// connections: a client that tries to reach a dead server must not be given the server's port, and reach itself.
func freePort() (int, error) {
	for range 100 {
		port := 15_000 + rand.IntN(15_000)
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port between 15000 and 30000")
}
