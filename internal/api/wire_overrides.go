package api

import (
	"strconv"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/jsonx"
)

// maxOverrides bounds the steps that one start may override.
const maxOverrides = 1000

// stepOutput is a step and its output as it stands in the text.
type stepOutput struct {
	name string
	raw  []byte
}

// readOverrides reads the steps that are not to run, {"steps": {"<step>": output}}. With flat, {"<step>": output} is
// understood too: whatever is not a lone "steps" with an object in it.
func readOverrides(p *jsonx.Parser, flat bool) []execution.Override {
	path := p.Path()
	if !p.Object() {
		return nil
	}
	var given []stepOutput
	for p.Next() {
		name := string(p.Name())
		if !flat && name != "steps" {
			p.Unknown([]string{"steps"})
			continue
		}
		if name == "steps" && p.Peek() != jsonx.Object && !flat {
			p.Report(jsonx.CodeInvalidType, "must be an object: the name of each step and its output")
		}
		given = append(given, stepOutput{name, p.Raw()})
	}
	if len(given) == 1 && given[0].name == "steps" {
		var inner jsonx.Parser
		if inner.Reset(given[0].raw); inner.Peek() == jsonx.Object {
			path, given = path+".steps", given[:0]
			for ok := inner.Object(); ok && inner.Next(); {
				given = append(given, stepOutput{string(inner.Name()), inner.Raw()})
			}
		} else {
			if flat {
				p.ReportMember(path, "steps", jsonx.CodeInvalidType, "must be an object: the name of each step and its output")
			}
			return nil
		}
	}
	if len(given) > maxOverrides {
		p.ReportMember("", path, jsonx.CodeTooLong, "has too many steps: at most "+strconv.Itoa(maxOverrides)+" are allowed")
		return nil
	}
	list := make([]execution.Override, 0, len(given))
	for _, m := range given {
		if m.name == "" || len(m.name) > maxStep {
			p.ReportMember(path, clip(m.name, 60), jsonx.CodeTooLong, "must be the name of a step, 1 to "+strconv.Itoa(maxStep)+" bytes")
			continue
		}
		list = append(list, execution.Override{Step: m.name, Output: m.raw})
	}
	return list
}
