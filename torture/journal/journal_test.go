package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func TestLinesOfManyWritersAreWholeAndInOrder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if err := j.Write("line", fmt.Sprint(w), fmt.Sprint(i), "a b\nc"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 160 {
		t.Fatalf("%d lines, want 160", len(entries))
	}
	next := map[string]int{}
	for _, e := range entries {
		if e.Kind != "line" || len(e.Fields) != 3 || e.Fields[2] != "a_b_c" || e.At.Before(began) || e.At.After(time.Now()) {
			t.Errorf("entry %+v", e)
		}
		if e.Fields[1] != fmt.Sprint(next[e.Fields[0]]) {
			t.Errorf("writer %s: line %s, want %d", e.Fields[0], e.Fields[1], next[e.Fields[0]])
		}
		next[e.Fields[0]]++
	}
}

func TestWriteIsOnTheDiskWhenItReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := j.Write("n", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		entries, err := Read(path) // no Close, as after a kill
		if err != nil || len(entries) != i+1 {
			t.Fatalf("%d lines, %v", len(entries), err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Write("late"); err == nil {
		t.Error("a write to a closed journal succeeded")
	}
}

func TestReadLeavesOutTheTornEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	for text, want := range map[string]int{"": 0, "12 a b\n13 c": 1, "12 a b\n13 c\n": 2} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if entries, err := Read(path); err != nil || len(entries) != want {
			t.Errorf("%q: %d entries, %v; want %d", text, len(entries), err, want)
		}
	}
	for _, text := range []string{"x a\n", "12\n", "12 a\n\n13 b\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(path); err == nil {
			t.Errorf("%q was read without an error", text)
		}
	}
}
