package api

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojournhq/sojourn/internal/demo"
	"github.com/sojournhq/sojourn/sdk/go"
)

// Schemathesis sends what the served OpenAPI documents allow and what they forbid, to a server with a worker and things
// to find. Nothing may be answered with 5xx, nor otherwise than documented.
func TestSchemathesis(t *testing.T) {
	if os.Getenv("SOJOURN_TEST_WIDE") == "" {
		t.Skip("takes two minutes and packages of Python: SOJOURN_TEST_WIDE=1")
	}
	out, err := exec.CommandContext(t.Context(), "../../scripts/python-packages.sh", "schemathesis").CombinedOutput()
	if err != nil {
		t.Fatalf("the packages of scripts/python/schemathesis.txt are needed: %v\n%s", err, out)
	}
	lines := strings.Fields(string(out))
	program := filepath.Join(filepath.Dir(lines[len(lines)-1]), "schemathesis")
	for name, c := range map[string]struct {
		path    string
		seconds int
	}{
		"native":   {"/openapi.json", 90},
		"eigenpal": {"/api/openapi.json", 30},
	} {
		t.Run(name, func(t *testing.T) {
			// It tries without a key more often than an honest client would.
			s := newServer(t, setup{plain: true, api: func(c *Config) { c.FailedAuth = Rate{PerSecond: 1e6, Burst: 1e6} }})
			working, stop := context.WithCancel(t.Context())
			defer stop()
			client, err := sojourn.NewClient(sojourn.Config{BaseURL: s.http.URL, APIKey: s.key})
			if err != nil {
				t.Fatal(err)
			}
			w := sojourn.NewWorker(client, sojourn.WorkerConfig{})
			demo.Register(w)
			done := make(chan error, 1)
			go func() { done <- w.Run(working) }()
			eventually(t, "the demo is served", func() bool { return s.get("/v1/workflows/extract-invoice").status == 200 })
			config, err := filepath.Abs("testdata/schemathesis/" + name + ".toml")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.ReadFile(config); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(c.seconds+120)*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, program, "--config-file", config, "run", s.http.URL+c.path, "--url", s.http.URL,
				"--header", "Authorization: Bearer "+s.key, "--max-time", strconv.Itoa(c.seconds), "--seed", "1",
				"--request-timeout", "60", "--continue-on-failure", "--no-color", "--generation-database", "none")
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, out)
			} else {
				t.Logf("%s", out[max(0, len(out)-1500):])
			}
			stop()
			if err := <-done; err != nil {
				t.Errorf("the worker ended with %v", err)
			}
		})
	}
}
