package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/sdk/go"
)

var shellBlock = regexp.MustCompile("(?ms)^```(?:sh|bash)\n(.*?)^```$")

// TestDocsRun runs the commands of docs/ as they stand, page by page, against a `sojourn dev`. The files and the workflow
// that a page makes up are there; its servers are only asked whether they know their settings.
func TestDocsRun(t *testing.T) {
	t.Parallel()
	dependsOn(t, "../../docs/*.md")
	shell, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash")
	}
	p := dev(t)
	client, err := sojourn.NewClient(sojourn.Config{BaseURL: p.url, APIKey: processKey, HTTPClient: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Workflows.Create(t.Context(), sojourn.WorkflowParams{Name: "order"}); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	program := "#!/bin/sh\nexec env " + asProgram + "=1 '" + self + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(bin, "sojourn"), []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	for page, ends := range map[string]string{
		// What a page's commands print at their end, or leave behind.
		"approvals": "approved",
		"files":     `"size": 8`,
		"webhooks":  "",
	} {
		text, err := os.ReadFile(filepath.Join("../../docs", page+".md"))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for name, content := range map[string]string{"contract.pdf": "%PDF-1.7", "order.json": `{"total": 12}`} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var script strings.Builder
		script.WriteString("set -eu\n")
		found := shellBlock.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			t.Errorf("%s.md has no commands", page)
		}
		for _, block := range found {
			for line := range strings.SplitSeq(block[1], "\n") {
				if strings.HasPrefix(line, "sojourn serve ") {
					line += " --help >/dev/null"
				}
				script.WriteString(line + "\n")
			}
		}
		if page == "approvals" {
			script.WriteString("sojourn execution watch $id\n")
		}
		cmd := exec.CommandContext(t.Context(), shell, "-c", script.String())
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "SOJOURN_BASE_URL="+p.url, "SOJOURN_API_KEY="+processKey)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), ends) {
			t.Errorf("%s.md: %v, and %q is not in\n%s", page, err, ends, out)
		}
	}
	endpoints, err := client.Webhooks.Endpoints.List(t.Context())
	if err != nil || len(endpoints) != 1 || endpoints[0].URL != "https://shop.example.com/hooks" {
		t.Errorf("the endpoint of webhooks.md: %+v, %v", endpoints, err)
	}
	x, err := client.Executions.List(t.Context(), sojourn.ListParams{Workflow: "order"})
	if err != nil || len(x.Data) != 1 || string(x.Data[0].Input) != `{"total":12}` && string(x.Data[0].Input) != `{"total": 12}` {
		t.Errorf("the order of webhooks.md: %+v, %v", x, err)
	}
}
