package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"

	"github.com/sojournhq/sojourn/internal/telemetry"
)

// maxFile is the most bytes a file may have.
const maxFile = 256 << 10

// Load completes the settings whose flags were not given, from the environment and the file, and checks them. env finds
// a variable.
func (s *Server) Load(fs *pflag.FlagSet, env func(string) (string, bool)) error {
	given := func(x *setting) (string, bool) {
		if x.noEnv {
			return "", false
		}
		text, ok := env(variable(x.name))
		return text, ok && text != ""
	}
	for i := range s.settings {
		x := &s.settings[i]
		text, ok := given(x)
		if !ok || fs.Changed(x.name) {
			continue
		}
		if err := x.value.Set(text); err != nil {
			return fmt.Errorf("%s: %w", variable(x.name), plain(err, x, text))
		}
		x.given = true
	}
	if s.File != "" {
		err := s.readFile(func(x *setting) bool {
			_, inEnv := given(x)
			return inEnv || fs.Changed(x.name)
		})
		if err != nil {
			return err
		}
	}
	if err := s.place(fs); err != nil {
		return err
	}
	return s.check()
}

// place settles where the data lies: in a directory or in a database.
func (s *Server) place(fs *pflag.FlagSet) error {
	if s.DatabaseURL.IsZero() {
		return nil
	}
	i := slices.IndexFunc(s.settings, func(x setting) bool { return x.name == "data" })
	if s.settings[i].given || fs.Changed("data") {
		return errors.New("data and database-url exclude each other: everything lies in a directory or in a database")
	}
	s.Data = ""
	return nil
}

// variable is the environment variable of a setting.
func variable(name string) string {
	return "SOJOURN_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// plain says in our own words why a number or truth value was refused, whose messages come from deep inside otherwise.
func plain(err error, x *setting, text string) error {
	switch x.value.Type() {
	case "bool":
		return fmt.Errorf("%q is neither true nor false", text)
	case "int", "int64":
		return fmt.Errorf("%q is not a whole number", text)
	default:
		return err
	}
}

// readFile takes the settings in the file that were not set already.
func (s *Server) readFile(set func(*setting) bool) error {
	f, err := os.Open(s.File)
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return fmt.Errorf("read settings: %w", err)
	}
	if len(text) > maxFile {
		return fmt.Errorf("%s is larger than %d KiB, which no file of settings is", s.File, maxFile>>10)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("%s: %w", s.File, err)
	}
	if len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: write one setting a line, such as \"data: /var/lib/sojourn\"", s.File, root.Line)
	}
	seen := map[string]bool{}
	for i := 0; i < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		at := fmt.Sprintf("%s:%d: ", s.File, key.Line)
		j := slices.IndexFunc(s.settings, func(x setting) bool { return x.name == key.Value && !x.noKey })
		switch {
		case j < 0:
			return errors.New(at + "there is no setting " + fmt.Sprintf("%q", key.Value) + s.suggest(key.Value))
		case seen[key.Value]:
			return fmt.Errorf("%s%s is set twice", at, key.Value)
		case value.Kind != yaml.ScalarNode || value.Tag == "!!null":
			return fmt.Errorf("%s%s needs one plain value", at, key.Value)
		}
		seen[key.Value] = true
		x := &s.settings[j]
		if set(x) {
			continue
		}
		if err := x.value.Set(value.Value); err != nil {
			return fmt.Errorf("%s%s: %w", at, x.name, plain(err, x, value.Value))
		}
		x.given = true
	}
	return nil
}

// suggest names the setting that was probably meant.
func (s *Server) suggest(given string) string {
	like := func(a string) string { return strings.Map(lettersOnly, strings.ToLower(a)) }
	for _, x := range s.settings {
		if !x.noKey && like(x.name) == like(given) {
			return fmt.Sprintf("; did you mean %q?", x.name)
		}
	}
	var names []string
	for _, x := range s.settings {
		if !x.noKey {
			names = append(names, x.name)
		}
	}
	return "; there are " + strings.Join(names, ", ")
}

func lettersOnly(r rune) rune {
	if r == '-' || r == '_' {
		return -1
	}
	return r
}

// check refuses values that no single setting can refuse, and reads the key from its file.
func (s *Server) check() error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, s.LogLevel) {
		return fmt.Errorf("log-level: %q is not debug, info, warn or error", s.LogLevel)
	}
	if !slices.Contains([]string{"text", "json", "auto"}, s.LogFormat) {
		return fmt.Errorf("log-format: %q is not text, json or auto", s.LogFormat)
	}
	if s.APIKeyFile != "" {
		if !s.APIKey.IsZero() {
			return errors.New("api-key and api-key-file exclude each other")
		}
		text, err := os.ReadFile(s.APIKeyFile)
		if err != nil {
			return fmt.Errorf("api-key-file: %w", err)
		}
		s.APIKey = telemetry.NewSecret(strings.TrimSpace(string(text)))
	}
	if s.DatabaseConnections < 4 {
		return fmt.Errorf("database-connections: a server needs 4 or more, not %d", s.DatabaseConnections)
	}
	if n := len(s.APIKey.Reveal()); !s.APIKey.IsZero() && n < 16 {
		return fmt.Errorf("api-key: a fixed key has 16 or more characters, not %d", n)
	}
	return nil
}
