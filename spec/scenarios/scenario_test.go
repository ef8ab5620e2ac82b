package scenarios

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// scenario is one behaviour.
type scenario struct {
	Name  string   `yaml:"name"`
	Alone bool     `yaml:"alone"`
	Wide  bool     `yaml:"wide"`
	Do    []action `yaml:"do"`
}

// action is one thing that is done and what must come of it.
type action struct {
	verb   string
	value  any
	as     string
	client string
	begin  string
	expect any
	fails  any
	until  any
}

// commands are done by a client, verbs by the test itself.
var (
	commands = []string{
		"start", "get", "wait", "result", "list", "list_all", "cancel", "terminate", "delete", "signal", "approve", "reject",
		"approval_link", "logs", "events", "upload", "download", "files", "deliveries", "verify",
	}
	verbs = []string{"server", "worker", "open", "noted", "notes", "http", "received", "same", "end"}
)

// UnmarshalYAML finds the verb among the members.
func (a *action) UnmarshalYAML(n *yaml.Node) error {
	var members map[string]any
	if err := n.Decode(&members); err != nil {
		return err
	}
	for name, v := range members {
		v = plain(v)
		switch {
		case name == "as" || name == "client":
			text, ok := v.(string)
			if !ok || text == "" {
				return fmt.Errorf("line %d: %s is a name", n.Line, name)
			}
			if name == "as" {
				a.as = text
			} else if a.client = text; text != "other" {
				return fmt.Errorf("line %d: there is no client %q", n.Line, text)
			}
		case name == "begin":
			if a.begin, _ = v.(string); a.begin == "" {
				return fmt.Errorf("line %d: begin is a name", n.Line)
			}
		case name == "expect":
			a.expect = v
		case name == "error":
			a.fails = v
		case name == "until":
			a.until = v
		case a.verb != "":
			return fmt.Errorf("line %d: two verbs, %s and %s", n.Line, a.verb, name)
		case slices.Contains(commands, name) || slices.Contains(verbs, name):
			a.verb, a.value = name, v
		default:
			return fmt.Errorf("line %d: there is no verb %q", n.Line, name)
		}
	}
	if a.verb == "" {
		return fmt.Errorf("line %d: an action without a verb", n.Line)
	}
	return nil
}

// plain turns what YAML reads into what JSON reads, so that the two can be compared.
func plain(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		return fmt.Sprint(v)
	}
	return out
}

func load(file string) ([]scenario, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []scenario
	if err := yaml.Load(text, &list, yaml.WithKnownFields()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	seen := map[string]bool{}
	for _, s := range list {
		switch {
		case s.Name == "" || len(s.Do) == 0:
			return nil, fmt.Errorf("%s: a scenario needs a name and something to do: %q", file, s.Name)
		case seen[s.Name]:
			return nil, fmt.Errorf("%s: two scenarios are called %q", file, s.Name)
		}
		seen[s.Name] = true
		for _, a := range s.Do {
			if !s.Alone && (a.verb == "server" || a.verb == "worker") {
				return nil, fmt.Errorf("%s: %q touches servers or workers and must be alone", file, s.Name)
			}
		}
	}
	return list, nil
}

var variable = regexp.MustCompile(`\$\{([^}]+)\}`)

// fill puts what earlier actions kept in the place of ${…}. A text that is nothing but one variable becomes its value.
func fill(v any, kept map[string]any) (any, error) {
	switch v := v.(type) {
	case string:
		if m := variable.FindStringSubmatch(v); m != nil && m[0] == v {
			return lookUp(m[1], kept)
		}
		var failed error
		text := variable.ReplaceAllStringFunc(v, func(m string) string {
			got, err := lookUp(m[2:len(m)-1], kept)
			if err != nil {
				failed = err
			}
			return fmt.Sprint(got)
		})
		return text, failed
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, inner := range v {
			got, err := fill(inner, kept)
			if err != nil {
				return nil, err
			}
			out[name] = got
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			got, err := fill(inner, kept)
			if err != nil {
				return nil, err
			}
			out[i] = got
		}
		return out, nil
	default:
		return v, nil
	}
}

func lookUp(path string, kept map[string]any) (any, error) {
	var at any = kept
	for name := range strings.SplitSeq(path, ".") {
		members, ok := at.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("${%s}: nothing of that name was kept", path)
		}
		if at, ok = members[name]; !ok {
			return nil, fmt.Errorf("${%s}: nothing of that name was kept", path)
		}
	}
	return at, nil
}
