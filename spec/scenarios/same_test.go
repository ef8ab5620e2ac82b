package scenarios

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
)

// same compares what the HTTP API, the client and the command line say of an execution, its files and its deliveries.
func (s *setting) same(id string) error {
	for _, view := range []struct {
		path    string
		command string // of the client
		with    map[string]any
		member  string // of the client's answer; "": the whole
		cli     []string
	}{
		{"/v1/executions/" + id + "?include=steps", "get", map[string]any{"id": id, "steps": true}, "", []string{"execution", "get", id}},
		{"/v1/files?limit=100&execution_id=" + id, "files", map[string]any{"id": id}, "files", []string{"file", "list", "--execution", id}},
		{
			"/v1/webhooks/deliveries?limit=100&execution_id=" + id, "deliveries",
			map[string]any{"id": id},
			"deliveries",
			[]string{"webhook", "delivery", "list", "--execution", id},
		},
	} {
		wire, status, err := ask(http.MethodGet, s.server.url+view.path, key, nil)
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("%s: status %d: %w", view.path, status, err)
		}
		got, err := s.client.do(view.command, view.with)
		if err != nil {
			return err
		}
		if got.Error != nil {
			return fmt.Errorf("%s: %v", view.command, got.Error)
		}
		told := got.OK
		if view.member != "" {
			wire = wire.(map[string]any)["data"]
			told = told.(map[string]any)[view.member]
		}
		args := append(view.cli, "-o", "json", "--url", s.server.url, "--api-key", key)
		printed, err := exec.CommandContext(context.Background(), binaries.sojourn, args...).Output()
		if err != nil {
			return fmt.Errorf("sojourn %v: %w", view.cli, err)
		}
		var line any
		if err := json.Unmarshal(printed, &line); err != nil {
			return fmt.Errorf("sojourn %v: %w: %s", view.cli, err, printed)
		}
		for teller, told := range map[string]any{"the client": told, "the command line": line} {
			if err := alike(canonical(wire), canonical(told)); err != nil {
				return fmt.Errorf("%v as %s has it: %w", view.cli, teller, err)
			}
		}
	}
	return nil
}

// alike compares two views of one thing: the second may have members that say nothing.
func alike(wire, told any) error {
	if problem := match(wire, told); problem != "" {
		return fmt.Errorf("%s", problem)
	}
	switch w := wire.(type) {
	case []any:
		for i, inner := range told.([]any) {
			if err := alike(w[i], inner); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, v := range told.(map[string]any) {
			if w[name] == nil && !slices.Contains([]string{"0", "false", `""`, "[]", "{}"}, show(v)) {
				return fmt.Errorf("%s is %s, which the server does not say", name, show(v))
			}
		}
	}
	return nil
}
