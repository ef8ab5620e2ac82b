//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/journal"
)

// call is a system call that strace makes fail.
type call struct {
	name  string // of the nemesis
	calls string
	err   string
	// forever lets all calls of a thread fail from the drawn one on. Otherwise one fails and those after it succeed: a
	// server that tries again, or believes the next one, goes on.
	forever bool
}

var failures = []call{
	{name: "failed fsync", calls: "fsync,fdatasync", err: "EIO"},
	{name: "failed write", calls: "pwrite64", err: "EIO"},
	{name: "no space", calls: "pwrite64", err: "ENOSPC", forever: true},
}

// failing lets a system call of the server fail. A right server stops at once, and has acknowledged nothing that was
// asked after the error.
func failing(f call) nemesis {
	return nemesis{f.name, func(c *campaign) (string, error) { return c.failing(f) }}
}

func (c *campaign) failing(f call) (string, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errMissing, err)
	}
	if err := c.srv.kill(); err != nil {
		return "", err
	}
	trace := filepath.Join(c.dir, fmt.Sprintf("strace-%03d", c.srv.life+1))
	// The count is of each thread; the server uses a few. A commit writes several pages and syncs once.
	n := (25 + c.rand.IntN(60)) * (1 + c.try)
	if strings.HasPrefix(f.calls, "pwrite") {
		n *= 12
	}
	when := strconv.Itoa(n)
	if f.forever {
		when += "+"
	}
	if err := c.srv.start(c.ctx, []string{
		strace, "-f", "--seccomp-bpf", "-qq", "-ttt", "-o", trace, "-e", "trace=" + f.calls,
		"-e", fmt.Sprintf("inject=%s:error=%s:when=%s", f.calls, f.err, when),
	}, c.env...); err != nil {
		return "", err
	}
	c.load.acks.Store(0)
	ended := c.srv.awaitEnd(40 * time.Second)
	acks := c.load.acks.Load()
	at, err := injected(trace)
	if err != nil {
		return fmt.Sprintf("%d acks", acks), errors.Join(err, c.srv.kill())
	}
	if ended != nil {
		return fmt.Sprintf("call %d failed, %d acks", n, acks), errors.Join(ended, c.srv.kill())
	}
	stopped := time.Since(at)
	code := c.srv.cmd.ProcessState.ExitCode()
	words := c.srv.lastWords()
	late, err := c.ackedAfter(at)
	if err != nil {
		return "", err
	}
	again, err := c.restart()
	detail := fmt.Sprintf("%s in call %s of a thread, %d acks, ended with %d after %d ms, %s", f.err, when, acks, code, stopped.Milliseconds(), again)
	switch {
	case err != nil:
		return detail, err
	case code <= 0:
		return detail, fmt.Errorf("the server ended with %d, not with an error: %s", code, words)
	case late > 0:
		return detail, fmt.Errorf("%d starts that were sent after the error were acknowledged", late)
	case acks < leastAcks:
		return detail, invalidf("only %d starts were acknowledged before", acks)
	}
	c.stats.DiskErrors++
	return detail, nil
}

// injected is when strace made a call fail for the first time.
func injected(trace string) (time.Time, error) {
	text, err := os.ReadFile(trace)
	if err != nil {
		return time.Time{}, err
	}
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "INJECTED") {
			continue
		}
		if f := strings.Fields(line); len(f) > 1 {
			seconds, fraction, _ := strings.Cut(f[1], ".")
			s, err := strconv.ParseInt(seconds, 10, 64)
			us, err2 := strconv.ParseInt(fraction, 10, 64)
			return time.Unix(s, us*1000), errors.Join(err, err2)
		}
	}
	return time.Time{}, invalidf("strace made no call fail")
}

// ackedAfter counts the acknowledgements of starts that were sent after the given time.
func (c *campaign) ackedAfter(at time.Time) (int, error) {
	entries, err := journal.Read(filepath.Join(c.dir, "clients.journal"))
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if e.Kind != check.Acked && e.Kind != check.Replayed {
			continue
		}
		sent, err := strconv.ParseInt(e.Fields[2], 10, 64)
		if err != nil {
			return 0, err
		}
		if time.Unix(0, sent).After(at) {
			n++
		}
	}
	return n, nil
}

// fullDisk fills the disk. The server must stop with an error and acknowledge nothing after the first one; with room
// again it must start as if nothing had been. Who may not mount a small disk lets strace say that it is full.
func fullDisk() nemesis {
	return nemesis{"full disk", func(c *campaign) (string, error) {
		if c.small == nil {
			return c.failing(call{calls: "pwrite64", err: "ENOSPC", forever: true})
		}
		c.load.acks.Store(0)
		c.load.strict.Store(true)
		ended := c.srv.awaitEnd(60 * time.Second)
		acks := c.load.acks.Load()
		if ended != nil {
			return fmt.Sprintf("%d acks", acks), invalidf("the disk did not become full: %v", ended)
		}
		code, words := c.srv.cmd.ProcessState.ExitCode(), c.srv.lastWords()
		c.load.strict.Store(false)
		c.load.down.Store(0)
		if err := c.small.grow("256m"); err != nil {
			return "", err
		}
		again, err := c.restart()
		detail := fmt.Sprintf("%d acks, ended with %d, with room again %s", acks, code, again)
		switch {
		case err != nil:
			return detail, err
		case code <= 0:
			return detail, fmt.Errorf("the server ended with %d, not with an error: %s", code, words)
		case acks < leastAcks:
			return detail, invalidf("only %d starts were acknowledged before", acks)
		}
		c.stats.DiskErrors++
		_, err = c.work(500 * time.Millisecond)
		return detail, err
	}}
}
