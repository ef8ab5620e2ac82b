package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "30d": 30 * day, "7d12h": 7*day + 12*time.Hour, "0": 0, " 5ms ": 5 * time.Millisecond, "0d": 0,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "5", "-1s", "+1s", "1d-1s", "1.5d", "d", "1d1d", "99999d", "106751d24h", "1y", "\x00"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	for d, want := range map[time.Duration]string{30 * day: "30d", 90 * time.Minute: "1h30m", time.Hour: "1h", 2 * time.Minute: "2m", 90 * time.Second: "1m30s", 25 * time.Second: "25s", 0: "0s", 36 * time.Hour: "36h"} {
		v := Duration(d)
		if got := v.String(); got != want {
			t.Errorf("%v is shown as %q, want %q", d, got, want)
		}
		if back, err := ParseDuration(v.String()); err != nil || back != d {
			t.Errorf("%q is read back as %v, %v", v.String(), back, err)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"1d", "1h30m", "d", "99999999d", "1d9223372036s", "-1d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		v := Duration(d)
		if back, err := ParseDuration(v.String()); d < 0 || err != nil || back != d {
			t.Errorf("%q is %v, shown as %q and read back as %v, %v", text, d, v.String(), back, err)
		}
	})
}

func TestSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Size{"0": 0, "512": 512, "512B": 512, "1KiB": 1024, "256MiB": 256 << 20, "2 gb": 2e9, "1TiB": 1 << 40} {
		var s Size
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%q: %d, %v, want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "-1", "MiB", "1.5GiB", "9999999TiB", "many", "1 MiB B"} {
		var s Size
		if err := s.Set(text); err == nil {
			t.Errorf("%q was read as %d", text, s)
		}
	}
	for s, want := range map[Size]string{0: "0", 512: "512", 256 << 20: "256MiB", 3 << 30: "3GiB", 1000: "1000"} {
		if got := s.String(); got != want {
			t.Errorf("%d is shown as %q, want %q", int64(s), got, want)
		}
	}
}

// load reads settings the way the command does.
func load(t *testing.T, args []string, env map[string]string, file string) (*Server, error) {
	t.Helper()
	if file != "" {
		path := filepath.Join(t.TempDir(), "sojourn.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", path)
	}
	s := Defaults()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	s.Flags(fs)
	if err := fs.Parse(args); err != nil {
		return nil, err
	}
	return s, s.Load(fs, func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

func TestFlagBeatsVariableBeatsFile(t *testing.T) {
	t.Parallel()
	const file = "data: file\nlisten: file:1\nlog-level: debug\nmetrics: false\nmax-backlog: 7\n"
	s, err := load(t, []string{"--data", "flag"}, map[string]string{"SOJOURN_DATA": "variable", "SOJOURN_LISTEN": "variable:1", "SOJOURN_RETENTION": ""}, file)
	if err != nil {
		t.Fatal(err)
	}
	if s.Data != "flag" || s.Listen != "variable:1" || s.LogLevel != "debug" || s.Metrics || s.MaxBacklog != 7 || s.Retention != Duration(30*day) {
		t.Errorf("%+v", s)
	}
}

func TestDataLiesInOnePlace(t *testing.T) {
	t.Parallel()
	const url = "postgres://ada:secret@db/sojourn"
	s, err := load(t, nil, map[string]string{"SOJOURN_DATABASE_URL": url}, "")
	if err != nil || s.DatabaseURL.Reveal() != url || s.Data != "" || !s.Migrate || !s.DatabaseNotify {
		t.Errorf("%+v, %v", s, err)
	}
	for name, try := range map[string]func() (*Server, error){
		"flags": func() (*Server, error) { return load(t, []string{"--database-url", url, "--data", "x"}, nil, "") },
		"variables": func() (*Server, error) {
			return load(t, []string{"--database-url", url}, map[string]string{"SOJOURN_DATA": "x"}, "")
		},
		"file": func() (*Server, error) {
			return load(t, []string{"--data", ".sojourn"}, nil, "database-url: "+url+"\n")
		},
		"the file alone": func() (*Server, error) { return load(t, nil, nil, "data: x\ndatabase-url: "+url+"\n") },
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), "exclude each other") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := load(t, []string{"--database-connections", "3"}, nil, ""); err == nil || !strings.Contains(err.Error(), "4 or more") {
		t.Error(err)
	}
}

func TestTheClientsKeyIsNotTheServers(t *testing.T) {
	t.Parallel()
	s, err := load(t, nil, map[string]string{"SOJOURN_API_KEY": "a-key-of-the-client"}, "")
	if err != nil || !s.APIKey.IsZero() {
		t.Errorf("%q, %v", s.APIKey.Reveal(), err)
	}
}

func TestEverySettingIsFlagVariableAndKey(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"string": "x", "bool": "true", "int": "30", "int64": "3", "time": "3s", "space": "3MiB", "text": "a-text-of-enough-characters", "list": "10.0.0.0/8,hooks.internal",
	}
	special := map[string]string{"log-level": "warn", "log-format": "json"}
	s := Defaults()
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	s.Flags(fs)
	for i := range s.settings {
		x := s.settings[i]
		value := values[x.value.Type()]
		if v, ok := special[x.name]; ok {
			value = v
		}
		if x.name == "config" || x.name == "api-key-file" {
			continue // name files that must be there
		}
		shown := func(s *Server, err error) string {
			if err != nil {
				t.Errorf("%s: %v", x.name, err)
				return ""
			}
			return s.settings[i].value.String()
		}
		flag := shown(load(t, []string{"--" + x.name + "=" + value}, nil, ""))
		file := shown(load(t, nil, nil, x.name+": "+value+"\n"))
		if flag != file {
			t.Errorf("%s is %q as a flag and %q in the file", x.name, flag, file)
		}
		if x.noEnv {
			continue
		}
		if variable := shown(load(t, nil, map[string]string{variable(x.name): value}, "")); flag != variable {
			t.Errorf("%s is %q as a flag and %q as a variable", x.name, flag, variable)
		}
	}
}

func TestBadFilesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"no mapping":       {"- data\n", "one setting a line"},
		"not YAML":         {"a: b: c\n", "sojourn.yaml"},
		"unknown":          {"date: x\n", `1: there is no setting "date"; there are data, database-url`},
		"nearly":           {"maxBacklog: 1\n", `did you mean "max-backlog"`},
		"config":           {"config: x\n", "there is no setting"},
		"null":             {"data:\n", "needs one plain value"},
		"an alias bomb":    {"a: &a [x,x]\nb: &b [*a,*a]\ndata: *b\n", "there is no setting"},
		"a wrong number":   {"max-backlog: lots\n", `max-backlog: "lots" is not a whole number`},
		"neither":          {"metrics: maybe\n", "neither true nor false"},
		"too much":         {"data: " + strings.Repeat("x", maxFile) + "\n", "larger than"},
		"a short key":      {"api-key: short\n", "16 or more"},
		"two keys":         {"api-key: a-key-that-is-long-enough\napi-key-file: x\n", "exclude"},
		"a missing secret": {"api-key-file: /nonexistent/key\n", "api-key-file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(t, nil, nil, c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want one with %q", err, c.want)
			}
		})
	}
	if s, err := load(t, nil, nil, "# nothing\n"); err != nil || s.Data != ".sojourn" {
		t.Errorf("an empty file: %v", err)
	}
}
