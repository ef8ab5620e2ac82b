// Package journal keeps what the processes of a torture run know for certain: lines that are on the disk before the
// writer goes on, outside the server under test.
package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Journal is a file of lines. Its methods may be called at the same time; lines that arrive during a sync share the
// next one.
type Journal struct {
	file *os.File

	mu      sync.Mutex
	cond    sync.Cond
	pending []byte
	written int64 // lines handed in
	synced  int64 // lines on the disk
	busy    bool
	err     error
}

// Entry is one line.
type Entry struct {
	At     time.Time // of the writer's clock
	Kind   string
	Fields []string
}

// Create makes a new journal, or goes on with one that exists.
func Create(path string) (*Journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: f}
	j.cond.L = &j.mu
	return j, nil
}

// Write appends a line and returns when it is on the disk. Spaces and line ends in fields become underscores.
func (j *Journal) Write(kind string, fields ...string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = strconv.AppendInt(j.pending, time.Now().UnixNano(), 10)
	for _, f := range append([]string{kind}, fields...) {
		j.pending = append(append(j.pending, ' '), clean.Replace(f)...)
	}
	j.pending = append(j.pending, '\n')
	j.written++
	line := j.written
	for j.synced < line && j.err == nil {
		if j.busy {
			j.cond.Wait()
			continue
		}
		// The first one that waits syncs for all that have come.
		batch, upTo := j.pending, j.written
		j.pending, j.busy = nil, true
		j.mu.Unlock()
		_, err := j.file.Write(batch)
		if err == nil {
			err = j.file.Sync()
		}
		j.mu.Lock()
		j.busy = false
		if err != nil {
			j.err = fmt.Errorf("journal: %w", err)
		} else {
			j.synced = upTo
		}
		j.cond.Broadcast()
	}
	return j.err
}

var clean = strings.NewReplacer(" ", "_", "\n", "_", "\r", "_", "\t", "_")

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// Read reads a journal. A last line without its end is left out: its writer was killed in the middle of it.
func Read(path string) ([]Entry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for n := 1; ; n++ {
		line, rest, ok := bytes.Cut(text, []byte{'\n'})
		if !ok {
			return entries, nil
		}
		text = rest
		fields := strings.Split(string(line), " ")
		at, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil || len(fields) < 2 {
			return nil, fmt.Errorf("journal: %s:%d: %w", path, n, errors.Join(errors.New("not a line of a journal"), err))
		}
		entries = append(entries, Entry{At: time.Unix(0, at), Kind: fields[1], Fields: fields[2:]})
	}
}
