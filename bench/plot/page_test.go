package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommitted holds the page and the picture of the repository to the result that the page names.
func TestCommitted(t *testing.T) {
	root := filepath.Join("..", "..")
	page := contents(t, filepath.Join(root, "docs", "scaling.md"))
	source := sourceOf(page)
	r, err := read(filepath.Join(root, filepath.FromSlash(source)))
	if err != nil {
		t.Fatal(err)
	}
	again := "go run ./bench/plot " + source + " docs/images/cost.svg docs/scaling.md"
	if want, err := renew(page, source, r); err != nil || page != want {
		t.Errorf("docs/scaling.md is not what %s says (%v): %s", source, err, again)
	}
	if want, err := draw(r); err != nil || contents(t, filepath.Join(root, "docs", "images", "cost.svg")) != want {
		t.Errorf("docs/images/cost.svg is not what %s says (%v): %s", source, err, again)
	}
}

func contents(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

func TestRenew(t *testing.T) {
	page := "# Title\n\n<!-- made from old.json -->\nwhat was there\n<!-- end -->\n\nThe rest.\n"
	first, err := renew(page, "new.json", measurement)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(first, "# Title\n\n<!-- made from new.json -->\n") || !strings.HasSuffix(first, "\n<!-- end -->\n\nThe rest.\n") {
		t.Errorf("what is around it changed:\n%s", first)
	}
	if strings.Contains(first, "what was there") || !strings.Contains(first, "| 2,000,000 | 1 | 1 | 4,000 | 80 | 125 | 1,000 | 0.250 | 1,000 |\n") {
		t.Errorf("what is in it:\n%s", first)
	}
	if sourceOf(first) != "new.json" {
		t.Errorf("it is said to be from %q", sourceOf(first))
	}
	if again, err := renew(first, "new.json", measurement); err != nil || again != first {
		t.Errorf("once more it is another one: %v\n%s", err, again)
	}
	for _, page := range []string{"", "<!-- made from old.json -->\nno end", "<!-- end -->\n<!-- made from old.json -->\n"} {
		if _, err := renew(page, "new.json", measurement); err == nil {
			t.Errorf("%q was renewed", page)
		}
	}
}

// TestRunPage draws and renews with one command.
func TestRunPage(t *testing.T) {
	dir := t.TempDir()
	from, picture, page := filepath.Join(dir, "r.json"), filepath.Join(dir, "p.svg"), filepath.Join(dir, "p.md")
	for path, text := range map[string]string{
		from: `{"curve":[{"stored":1000,"nodes":1,"server_cpu_us":1,"postgres_cpu_us":1,"wal_bytes":1,"round_trips":1,"disk_bytes":1,"completed_per_s":7},
			{"stored":2000,"nodes":1,"server_cpu_us":1,"postgres_cpu_us":1,"wal_bytes":1,"round_trips":1,"disk_bytes":1}],"ten_steps_server_cpu_us":5,
			"ten_steps_postgres_cpu_us":6,"ten_steps_wal_bytes":7}`,
		page: "<!-- made from nothing -->\n<!-- end -->\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run([]string{from, picture, page}); err != nil {
		t.Fatal(err)
	}
	if text := contents(t, page); !strings.Contains(text, "| 1,000 | 1 | 1 | 7 | 1 | 1 | 1 | 1.000 | 1 |\n") || !strings.Contains(text, "| ten steps in each: log | 7 bytes |") {
		t.Errorf("the page:\n%s", text)
	}
	if !strings.HasPrefix(contents(t, picture), "<svg") {
		t.Error("there is no picture")
	}
}
