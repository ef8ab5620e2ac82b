//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/sojournhq/sojourn/torture/check"
	"github.com/sojournhq/sojourn/torture/journal"
)

// fleet are the worker processes.
type fleet struct {
	bin, dir string
	door     door

	mu      sync.Mutex
	workers []*worker // those that should be alive
	all     []*worker
}

// worker is one process.
type worker struct {
	name    string
	journal string
	log     string
	cmd     *exec.Cmd
	done    chan struct{}
}

// add starts a process.
func (f *fleet) add() (*worker, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := fmt.Sprintf("w%03d", len(f.all)+1)
	w := &worker{
		name: name, journal: filepath.Join(f.dir, name+".journal"), log: filepath.Join(f.dir, name+".log"), done: make(chan struct{}),
	}
	log, err := os.Create(w.log)
	if err != nil {
		return nil, err
	}
	w.cmd = exec.Command(f.bin, "-url", f.door.url, "-name", name, "-journal", w.journal) //nolint:noctx // its end is what the run is about
	w.cmd.Env = append(os.Environ(), "SOJOURN_API_KEY="+f.door.key)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := errors.Join(w.cmd.Start(), log.Close()); err != nil {
		return nil, err
	}
	go func() {
		_ = w.cmd.Wait() // its ProcessState says it all
		close(w.done)
	}()
	f.workers = append(f.workers, w)
	f.all = append(f.all, w)
	return w, nil
}

// list are the processes that should be alive.
func (f *fleet) list() []*worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*worker{}, f.workers...)
}

func (f *fleet) forget(w *worker) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, x := range f.workers {
		if x == w {
			f.workers = append(f.workers[:i], f.workers[i+1:]...)
			return
		}
	}
}

func (w *worker) alive() bool {
	select {
	case <-w.done:
		return false
	default:
		return true
	}
}

func (w *worker) signal(s syscall.Signal) error {
	if err := w.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

func (w *worker) awaitEnd(most time.Duration) error {
	select {
	case <-w.done:
		return nil
	case <-time.After(most):
		return fmt.Errorf("worker %s did not end within %s", w.name, most)
	}
}

// kill is kill -9; it also ends a stopped process.
func (f *fleet) kill(w *worker) error {
	f.forget(w)
	return errors.Join(w.signal(syscall.SIGKILL), w.awaitEnd(10*time.Second))
}

// stop is SIGTERM: the worker must give back what it holds and end with code 0.
func (f *fleet) stop(w *worker) error {
	f.forget(w)
	if err := errors.Join(w.signal(syscall.SIGTERM), w.awaitEnd(30*time.Second)); err != nil {
		return err
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("worker %s ended its drain with %s", w.name, w.cmd.ProcessState)
	}
	return nil
}

// close ends all processes.
func (f *fleet) close() error {
	var errs []error
	for _, w := range f.list() {
		errs = append(errs, f.kill(w))
	}
	return errors.Join(errs...)
}

// work reads what all workers wrote down.
func (f *fleet) work() (*check.Work, error) {
	f.mu.Lock()
	all := append([]*worker{}, f.all...)
	f.mu.Unlock()
	sum := &check.Work{}
	for _, w := range all {
		entries, err := journal.Read(w.journal)
		if errors.Is(err, os.ErrNotExist) {
			continue // killed before it began
		}
		if err == nil {
			err = sum.Add(w.name, entries)
		}
		if err != nil {
			return nil, err
		}
	}
	return sum, nil
}
