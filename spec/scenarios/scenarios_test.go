package scenarios

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sojournhq/sojourn/internal/store/teststore"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scenarios-")
	if err == nil {
		binaries.sojourn, binaries.godriver = filepath.Join(dir, "sojourn"), filepath.Join(dir, "godriver")
		err = errors.Join(readSources(), build(binaries.sojourn, "../../cmd/sojourn"), build(binaries.godriver, "./godriver"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := teststore.Main(m).Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func build(to, pkg string, flags ...string) error {
	text, err := exec.CommandContext(context.Background(), "go", append(append([]string{"build", "-o", to}, flags...), pkg)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w: %s", pkg, err, text)
	}
	return nil
}

// readSources reads what the programs under test are made of, so that go test does not answer from its cache when that
// has changed.
func readSources() error {
	for _, root := range []string{"../../cmd", "../../internal", "../../server", "../../sdk", "../../spec"} {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case e.IsDir() && slices.Contains([]string{"node_modules", ".venv", "testdata"}, e.Name()):
				return fs.SkipDir
			case e.IsDir() || !slices.Contains([]string{".go", ".sql", ".ts", ".mjs", ".py", ".yaml"}, filepath.Ext(path)):
				return nil
			}
			_, err = os.ReadFile(path)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func wide() bool { return os.Getenv("SOJOURN_TEST_WIDE") != "" }

// TestScenarios runs every scenario in every language, and in the wide form also with the client of each language and
// the worker of the next.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	type side struct {
		name           string
		client, worker driver
	}
	var sides []side
	for _, l := range languages {
		d, err := l.driver(t.TempDir())
		switch {
		case errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true":
			t.Logf("%s is left out, which CI=true makes an error: %v", l.name, err)
		case err != nil:
			t.Errorf("%s: %v", l.name, err)
		default:
			sides = append(sides, side{l.name, d, d})
		}
	}
	for i, own := range sides {
		t.Run(own.name, func(t *testing.T) {
			t.Parallel()
			runAll(t, files, own.client, own.worker)
		})
		if next := sides[(i+1)%len(sides)]; next.name != own.name && wide() {
			t.Run(own.name+"-"+next.name, func(t *testing.T) {
				t.Parallel()
				runAll(t, files, own.client, next.worker)
			})
		}
	}
}

func runAll(t *testing.T, files []string, client, worker driver) {
	t.Helper()
	shared := newSetting(t, client, worker)
	for _, file := range files {
		list, err := load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			for _, s := range list {
				t.Run(s.Name, func(t *testing.T) {
					if s.Wide && !wide() {
						t.Skip("set SOJOURN_TEST_WIDE=1")
					}
					in := shared
					if s.Alone {
						in = newSetting(t, client, worker)
					}
					in.play(t, s)
				})
			}
		})
	}
}

// setting is a server with a worker and clients.
type setting struct {
	server *server
	worker process
	client *client
	other  *client
	dir    string
	known  map[string]bool // worker sessions of earlier lives
	inbox  *receiver
	begun  map[string]chan outcome // commands that have not ended
}

// outcome is what came of a command.
type outcome struct {
	answer answer
	err    error
}

func newSetting(t *testing.T, clientDriver, workerDriver driver) *setting {
	t.Helper()
	dir := t.TempDir()
	srv, err := newServer(binaries.sojourn, dir, teststore.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	env := []string{"SOJOURN_BASE_URL=" + srv.url, "SOJOURN_API_KEY=" + key, "SCENARIO_DIR=" + dir}
	newClient := func(name string) *client {
		return &client{process: process{name: name, args: append(slices.Clone(clientDriver.args), "client"), env: append(slices.Clone(clientDriver.env), env...)}}
	}
	s := &setting{
		server: srv, dir: dir, inbox: newReceiver(t), begun: map[string]chan outcome{}, client: newClient("the client"), other: newClient("the other client"), known: map[string]bool{},
		worker: process{name: "the worker", args: append(slices.Clone(workerDriver.args), "worker"), env: append(slices.Clone(workerDriver.env), env...)},
	}
	t.Cleanup(func() { s.end(t) })
	if err := errors.Join(srv.boot(), s.client.boot()); err != nil {
		t.Fatal(err)
	}
	if err := s.startWorker(); err != nil {
		t.Fatal(err)
	}
	return s
}

// end stops everything, each in its proper way, and has the server's data checked.
func (s *setting) end(t *testing.T) {
	t.Helper()
	for _, err := range []error{s.client.end(), s.other.end(), s.worker.stop(), s.server.stop()} {
		if err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.Logf("the server said: %s", s.server.said)
		if s.worker.said != nil {
			t.Logf("the worker said: %s", s.worker.said)
		}
	}
	if text, err := exec.CommandContext(context.Background(), binaries.sojourn, append([]string{"audit"}, s.server.place...)...).CombinedOutput(); err != nil {
		t.Errorf("audit: %v: %s", err, text)
	}
}

// startWorker returns when the server knows the new worker.
func (s *setting) startWorker() error {
	if err := s.worker.start(false); err != nil {
		return err
	}
	return eventually("the worker has a session", func() error {
		if !s.worker.running() {
			return fmt.Errorf("it ended with %s: %s", s.worker.cmd.ProcessState, s.worker.said)
		}
		sessions, status, err := ask(http.MethodGet, s.server.url+"/v1/workers", key, nil)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("status %d: %w", status, err)
		}
		body, _ := sessions.(map[string]any)
		list, _ := body["data"].([]any)
		for _, session := range list {
			if id, _ := session.(map[string]any)["id"].(string); !s.known[id] {
				s.known[id] = true
				return nil
			}
		}
		return fmt.Errorf("sessions %v: %s", list, s.worker.said)
	})
}

func (s *setting) play(t *testing.T, sc scenario) {
	t.Helper()
	kept := map[string]any{"receiver": map[string]any{"url": s.inbox.url}}
	for i, a := range sc.Do {
		if err := s.act(a, kept); err != nil {
			t.Fatalf("action %d, %s: %v", i+1, a.verb, err)
		}
	}
}

func (s *setting) act(a action, kept map[string]any) error {
	parts := map[string]any{"value": a.value, "expect": a.expect, "error": a.fails, "until": a.until}
	filled, err := fill(parts, kept)
	if err != nil {
		return err
	}
	parts = filled.(map[string]any)
	once := func() (any, error) {
		got, err := s.do(a, parts["value"])
		if err != nil {
			return nil, err
		}
		switch {
		case parts["error"] != nil && got.Error == nil:
			return nil, fmt.Errorf("it succeeded with %v, want an error", got.OK)
		case parts["error"] != nil:
			if problem := match(parts["error"], got.Error); problem != "" {
				return nil, fmt.Errorf("%s: %v", problem, got.Error)
			}
		case got.Error != nil:
			return nil, fmt.Errorf("an error: %v", got.Error)
		}
		for _, want := range []any{parts["expect"], parts["until"]} {
			if want == nil {
				continue
			}
			if problem := match(want, got.OK); problem != "" {
				return nil, fmt.Errorf("%s: %s", problem, show(got.OK))
			}
		}
		return got.OK, nil
	}
	var got any
	if parts["until"] != nil {
		err = eventually("until", func() (err error) { got, err = once(); return err })
	} else {
		got, err = once()
	}
	if err == nil && a.as != "" {
		kept[a.as] = got
	}
	return err
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func (s *setting) do(a action, value any) (answer, error) {
	members, _ := value.(map[string]any)
	text, _ := value.(string)
	id, _ := members["id"].(string)
	switch a.verb {
	case "server":
		return answer{}, lifecycle(text, s.server.boot, s.server.stop, s.server.kill)
	case "worker":
		return answer{}, lifecycle(text, s.startWorker, s.worker.stop, s.worker.kill)
	case "open":
		return answer{}, os.WriteFile(filepath.Join(s.dir, text), nil, 0o600)
	case "noted":
		word, _ := members["word"].(string)
		times, ok := members["times"].(float64)
		if !ok {
			times = 1
		}
		return answer{}, eventually(fmt.Sprintf("%q is noted %v times", word, times), func() error {
			notes, err := s.notes(id)
			if err == nil && notes[word] < int(times) {
				err = fmt.Errorf("notes are %v", notes)
			}
			return err
		})
	case "notes":
		notes, err := s.notes(id)
		return answer{OK: plain(map[string]any{"notes": notes})}, err
	case "http":
		return s.http(members)
	case "received":
		var got map[string]any
		err := eventually("the callback came", func() (err error) { got, err = s.inbox.about(id); return err })
		return answer{OK: plain(got)}, err
	case "same":
		return answer{}, eventually("the same everywhere", func() error { return s.same(id) })
	}
	if a.verb == "end" {
		done, ok := s.begun[text]
		if !ok {
			return answer{}, fmt.Errorf("nothing that is called %q has begun", text)
		}
		delete(s.begun, text)
		got := <-done // a command has a time limit
		return got.answer, got.err
	}
	c := s.client
	if a.client == "other" {
		if c = s.other; c.cmd == nil {
			if err := c.boot(); err != nil {
				return answer{}, err
			}
		}
	}
	if a.begin == "" {
		return c.do(a.verb, value)
	}
	done := make(chan outcome, 1)
	s.begun[a.begin] = done
	go func() {
		got, err := c.do(a.verb, value)
		done <- outcome{got, err}
	}()
	return answer{}, nil
}

func lifecycle(what string, start, stop, kill func() error) error {
	switch what {
	case "start":
		return start()
	case "stop":
		return stop()
	case "kill":
		return kill()
	}
	return fmt.Errorf("start, stop or kill, not %q", what)
}

// notes counts what the handlers of an execution noted. A word that was not is 0.
func (s *setting) notes(id string) (map[string]int, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, "notes"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	notes := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if who, word, _ := strings.Cut(strings.TrimSpace(line), " "); who == id {
			notes[word]++
		}
	}
	return notes, nil
}

func (s *setting) http(members map[string]any) (answer, error) {
	url, _ := members["url"].(string)
	method, _ := members["method"].(string)
	if strings.HasPrefix(url, "/") {
		url = s.server.url + url
	}
	var headers []string
	if given, ok := members["headers"].(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			headers = append(headers, name, fmt.Sprint(given[name]))
		}
	}
	body, status, err := ask(method, url, "", members["body"], headers...)
	return answer{OK: map[string]any{"status": float64(status), "body": body}}, err
}
