package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"

	"github.com/sojournhq/sojourn/internal/config"
	"github.com/sojournhq/sojourn/internal/telemetry"
)

// operations is the page that explains how to run servers.
const operations = "../../docs/operations.md"

// deployed reads the files that people deploy from, by their path in the repository.
func deployed(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS("../.."), "deploy", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join("../..", p))
		files[p] = string(text)
		return err
	})
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files in deploy, %v", len(files), err)
	}
	return files
}

func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settings are the flags of `sojourn serve`, by name.
func settings(t *testing.T) *pflag.FlagSet {
	t.Helper()
	fs := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.Defaults().Flags(fs)
	return fs
}

var (
	variableName = regexp.MustCompile(`\bSOJOURN_[A-Z0-9_]*[A-Z0-9]\b`)
	clientNames  = []string{"SOJOURN_BASE_URL", "SOJOURN_API_KEY"}
)

// Each variable of ours in a file or on the page is one that the program reads.
func TestVariablesInDeployExist(t *testing.T) {
	t.Parallel()
	known := slices.Clone(clientNames)
	settings(t).VisitAll(func(f *pflag.Flag) {
		known = append(known, "SOJOURN_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
	})
	files := deployed(t)
	files["docs/operations.md"] = page(t, operations)
	for name, text := range files {
		for _, v := range variableName.FindAllString(text, -1) {
			if !slices.Contains(known, v) {
				t.Errorf("%s: nothing reads %s", name, v)
			}
		}
	}
}

// shellLines are the command lines in a page's fenced blocks of shell, continued ones joined, comments left out.
func shellLines(text string) []string {
	var lines []string
	in, joined := false, ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			in = !in && (line == "```sh" || line == "```bash")
		case !in:
		case strings.HasSuffix(line, `\`):
			joined += strings.TrimSuffix(line, `\`)
		default:
			line, joined = joined+line, ""
			if code, _, ok := strings.Cut(line, " #"); ok {
				line = code
			}
			lines = append(lines, strings.TrimPrefix(line, "# "))
		}
	}
	return lines
}

var ourCommand = regexp.MustCompile(`(?:^|[;&|(] *|[A-Z_]+=\S+ +|\$\()(?:\S*/)?sojourn((?: +[^;&|<>)]+)?)`)

// Every command line on the page names a command and flags that exist, so that a newcomer can paste it.
func TestCommandsInOperationsExist(t *testing.T) {
	t.Parallel()
	root := newCLI(nil, nil, nil, nil).command()
	found := 0
	for _, line := range shellLines(page(t, operations)) {
		for _, m := range ourCommand.FindAllStringSubmatch(line, -1) {
			words := strings.Fields(m[1])
			if len(words) == 0 {
				continue
			}
			found++
			if err := commandExists(root, words); err != nil {
				t.Errorf("%s: %v", line, err)
			}
		}
	}
	if found < 20 {
		t.Errorf("%d command lines found on the page: the test looks at the wrong thing", found)
	}
	for _, words := range [][]string{{"serv"}, {"serve", "--dta", "x"}, {"key", "creat"}} {
		if commandExists(root, words) == nil {
			t.Errorf("%v passes", words)
		}
	}
}

func commandExists(root *cobra.Command, words []string) error {
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if cmd == root && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") || cmd.HasSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return fmt.Errorf("there is no command %q", strings.Join(words, " "))
	}
	for _, w := range rest {
		if !strings.HasPrefix(w, "-") || w == "-" || w == "--" {
			continue
		}
		name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
		f := cmd.Flags().Lookup(name)
		if f == nil {
			f = cmd.InheritedFlags().Lookup(name)
		}
		if f == nil && len(name) == 1 {
			if f = cmd.Flags().ShorthandLookup(name); f == nil {
				f = cmd.InheritedFlags().ShorthandLookup(name)
			}
		}
		if f == nil && name != "help" {
			return fmt.Errorf("%s has no flag %s", cmd.CommandPath(), w)
		}
	}
	return nil
}

// Every file in YAML says what it should; the times that stopping may take fit the drain; ports are that of the server.
func TestDeployFitsTheServer(t *testing.T) {
	t.Parallel()
	fs := settings(t)
	drain, err := config.ParseDuration(fs.Lookup("drain").DefValue)
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(fs.Lookup("listen").DefValue)
	if err != nil {
		t.Fatal(err)
	}
	files := deployed(t)
	docs := map[string][]map[string]any{}
	for name, text := range files {
		if e := filepath.Ext(name); e != ".yml" && e != ".yaml" {
			continue
		}
		d := yaml.NewDecoder(strings.NewReader(text))
		for {
			var one map[string]any
			err := d.Decode(&one)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			docs[name] = append(docs[name], one)
		}
	}
	at := func(x any, path ...any) any {
		for _, p := range path {
			switch p := p.(type) {
			case string:
				m, _ := x.(map[string]any)
				x = m[p]
			case int:
				l, _ := x.([]any)
				if p >= len(l) {
					return nil
				}
				x = l[p]
			}
		}
		return x
	}

	// Kubernetes.
	server := docs["deploy/kubernetes/server.yaml"][0]
	pod := at(server, "spec", "template", "spec")
	container := at(pod, "containers", 0)
	grace, _ := at(pod, "terminationGracePeriodSeconds").(int)
	pre, _ := at(container, "lifecycle", "preStop", "sleep", "seconds").(int)
	if pre == 0 || time.Duration(grace)*time.Second < time.Duration(pre)*time.Second+drain+5*time.Second {
		t.Errorf("a pod has %d s to stop, of which preStop takes %d and the drain %s", grace, pre, drain)
	}
	for probe, path := range map[string]string{"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"} {
		if got := at(container, probe, "httpGet", "path"); got != path {
			t.Errorf("%s asks %v, want %s", probe, got, path)
		}
	}
	if got := fmt.Sprint(at(container, "ports", 0, "containerPort")); got != port {
		t.Errorf("the container's port is %s, the server's %s", got, port)
	}
	if got := fmt.Sprint(at(docs["deploy/kubernetes/service.yaml"][0], "spec", "ports", 0, "port")); got != port {
		t.Errorf("the service's port is %s, the server's %s", got, port)
	}
	args, _ := at(container, "args").([]any)
	var words []string
	for _, a := range args {
		words = append(words, fmt.Sprint(a))
	}
	if err := commandExists(newCLI(nil, nil, nil, nil).command(), words); err != nil || len(words) == 0 {
		t.Errorf("args %q: %v", words, err)
	}
	labels := at(server, "spec", "selector", "matchLabels", "app.kubernetes.io/name")
	for what, got := range map[string]any{
		"the pods":     at(server, "spec", "template", "metadata", "labels", "app.kubernetes.io/name"),
		"the service":  at(docs["deploy/kubernetes/service.yaml"][0], "spec", "selector", "app.kubernetes.io/name"),
		"the budget":   at(docs["deploy/kubernetes/disruption.yaml"][0], "spec", "selector", "matchLabels", "app.kubernetes.io/name"),
		"the spread":   at(pod, "topologySpreadConstraints", 0, "labelSelector", "matchLabels", "app.kubernetes.io/name"),
		"the metadata": at(server, "metadata", "labels", "app.kubernetes.io/name"),
	} {
		if got != labels || got == nil {
			t.Errorf("%s: label %v, want %v", what, got, labels)
		}
	}
	resources, _ := at(docs["deploy/kubernetes/kustomization.yaml"][0], "resources").([]any)
	for name := range docs {
		base := filepath.Base(name)
		if filepath.Dir(name) == "deploy/kubernetes" && base != "kustomization.yaml" && !slices.Contains(resources, any(base)) {
			t.Errorf("%s is not among the resources of kustomization.yaml", name)
		}
	}
	if len(resources) == 0 {
		t.Error("kustomization.yaml has no resources")
	}

	// Compose.
	compose := docs["deploy/docker-compose.yml"][0]
	for _, name := range []string{"sojourn1", "sojourn2", "sojourn3"} {
		s := at(compose, "services", name)
		stop, err := config.ParseDuration(fmt.Sprint(at(s, "stop_grace_period")))
		if err != nil || stop < drain+5*time.Second {
			t.Errorf("%s has %v to stop, the drain takes %s (%v)", name, stop, drain, err)
		}
		if !strings.Contains(files["deploy/haproxy.cfg"], "server "+name+" "+name+":"+port+"\n") {
			t.Errorf("the balancer does not know %s", name)
		}
	}
	if got := fmt.Sprint(at(compose, "services", "balancer", "ports", 0)); got != "127.0.0.1:"+port+":"+port {
		t.Errorf("the balancer's port is %s", got)
	}
	if got := fmt.Sprint(at(compose, "services", "worker", "environment", "SOJOURN_BASE_URL")); got != "http://balancer:"+port {
		t.Errorf("the worker uses %s", got)
	}
	for _, v := range regexp.MustCompile(`\$\{([A-Z_]+)`).FindAllStringSubmatch(files["deploy/docker-compose.yml"], -1) {
		if !strings.Contains(files["deploy/env.example"], v[1]+"=\n") {
			t.Errorf("env.example does not have %s", v[1])
		}
	}

	// systemd: the unit stops it in time, and the file of settings is one.
	unit := files["deploy/systemd/sojourn.service"]
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\S+)$`).FindStringSubmatch(unit)
	if stop == nil {
		t.Fatal("the unit has no TimeoutStopSec")
	}
	if d, err := config.ParseDuration(stop[1]); err != nil || d < drain+5*time.Second {
		t.Errorf("the unit gives it %s, the drain takes %s (%v)", stop[1], drain, err)
	}
	exec := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/sojourn (.*)$`).FindStringSubmatch(unit)
	if exec == nil {
		t.Fatal("the unit has no ExecStart")
	}
	if err := commandExists(newCLI(nil, nil, nil, nil).command(), strings.Fields(exec[1])); err != nil {
		t.Errorf("ExecStart: %v", err)
	}
	loaded := config.Defaults()
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	loaded.Flags(flags)
	if err := flags.Set("config", "../../deploy/systemd/sojourn.yaml"); err != nil {
		t.Fatal(err)
	}
	if err := loaded.Load(flags, func(string) (string, bool) { return "", false }); err != nil {
		t.Errorf("sojourn.yaml: %v", err)
	}

	// The image: built with the Go that go.mod asks for, from paths that are there.
	dockerfile := files["deploy/Dockerfile"]
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(page(t, "../../go.mod"))
	if version == nil || !strings.Contains(dockerfile, " golang:"+version[1]+" ") {
		t.Errorf("the image is not built with Go %v", version)
	}
	for _, m := range regexp.MustCompile(`-o /out/\S+ \./(\S+)`).FindAllStringSubmatch(dockerfile, -1) {
		if _, err := os.Stat("../../" + m[1] + "/main.go"); err != nil {
			t.Error(err)
		}
	}
	if !strings.Contains(dockerfile, "EXPOSE "+port+"\n") || !strings.Contains(dockerfile, "ENV SOJOURN_LISTEN=:"+port+"\n") {
		t.Errorf("the image does not serve port %s", port)
	}
	check := regexp.MustCompile(`CMD \["/usr/bin/sojourn", "([a-z]+)"\]`).FindStringSubmatch(dockerfile)
	if check == nil || commandExists(newCLI(nil, nil, nil, nil).command(), check[1:]) != nil {
		t.Errorf("the image's health check is %v", check)
	}
	for target := range strings.SplitSeq(dockerfile, "\n") {
		if name, ok := strings.CutPrefix(target, "FROM scratch AS "); ok && !strings.Contains(files["deploy/docker-compose.yml"], "target: "+name+"\n") {
			t.Errorf("nothing uses the image's stage %s", name)
		}
	}
}

var metricName = regexp.MustCompile(`\bsojourn_[a-z0-9_]*[a-z0-9]\b`)

// What dashboard, alarms and page say of metrics is true: each that they name is in a scrape, and each in a scrape is
// explained.
func TestMetricsAreExplained(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("v", func(context.Context) (*telemetry.Snapshot, error) {
		return &telemetry.Snapshot{
			Queues: []telemetry.Queue{{Project: "p", Workflow: "w"}}, Executions: map[string]int64{"running": 1},
			Databases: []telemetry.Database{{Tables: []telemetry.Table{{Name: "executions"}}}},
		}, nil
	})
	m.Streams(func() int { return 0 })
	m.Behind(func() time.Duration { return 0 })
	o := &telemetry.Observer{Metrics: m}
	o.Finished(t.Context(), "GET", "/v1/info", 200, time.Millisecond)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	scrape := w.Body.String()
	var families []string
	for _, found := range regexp.MustCompile(`(?m)^# TYPE (sojourn_\S+) `).FindAllStringSubmatch(scrape, -1) {
		families = append(families, found[1])
	}
	if len(families) < 30 {
		t.Fatalf("%d families in the scrape", len(families))
	}
	text := page(t, operations)
	explained := metricName.FindAllString(text, -1)
	for _, f := range families {
		if !slices.Contains(explained, f) {
			t.Errorf("docs/operations.md does not explain %s", f)
		}
	}
	exists := func(name string) bool {
		for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && slices.Contains(families, base) {
				return true
			}
		}
		return false
	}
	files := deployed(t)
	for name, text := range map[string]string{
		"docs/operations.md": text, "sojourn.json": files["deploy/grafana/sojourn.json"], "alerts.yml": files["deploy/prometheus/alerts.yml"],
	} {
		for _, metric := range metricName.FindAllString(text, -1) {
			if !exists(metric) {
				t.Errorf("%s: no scrape has %s", name, metric)
			}
		}
	}

	// The dashboard is one that Grafana reads, and its labels are those that metrics have.
	var dashboard struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(files["deploy/grafana/sojourn.json"]), &dashboard); err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, p := range dashboard.Panels {
		if seen[p.ID] || p.Title == "" || p.GridPos.X+p.GridPos.W > 24 || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d %q is wrong", p.ID, p.Title)
		}
		seen[p.ID] = true
		for _, x := range p.Targets {
			for _, by := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(x.Expr, -1) {
				for label := range strings.SplitSeq(by[1], ",") {
					if label = strings.TrimSpace(label); label != "le" && label != "instance" && !strings.Contains(scrape, label+`="`) {
						t.Errorf("panel %q: no metric has the label %s", p.Title, label)
					}
				}
			}
			if strings.Count(x.Expr, "(") != strings.Count(x.Expr, ")") || strings.Count(x.Expr, "{") != strings.Count(x.Expr, "}") {
				t.Errorf("panel %q: %s is not closed", p.Title, x.Expr)
			}
		}
	}
	if dashboard.Title == "" || len(dashboard.Panels) < 20 {
		t.Errorf("the dashboard has %d panels", len(dashboard.Panels))
	}
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	d := yaml.NewDecoder(strings.NewReader(files["deploy/prometheus/alerts.yml"]))
	d.KnownFields(false)
	if err := d.Decode(&alerts); err != nil {
		t.Fatal(err)
	}
	for _, g := range alerts.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Expr == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] == "" {
				t.Errorf("the alarm %+v is not complete", r)
			}
		}
	}
}
