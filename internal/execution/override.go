package execution

import "encoding/json"

// Override is a step that an execution is not to run: its output comes with the start.
type Override struct {
	Step   string          `json:"step"`
	Output json.RawMessage `json:"output"`
}

// OverrideRecorded puts overridden steps in front of those that a worker must know. They win over what was recorded.
func OverrideRecorded(recorded []Recorded, overrides []Override) []Recorded {
	if len(overrides) == 0 {
		return recorded
	}
	out := make([]Recorded, 0, len(overrides)+len(recorded))
	given := make(map[string]bool, len(overrides))
	for _, o := range overrides {
		given[o.Step] = true
		out = append(out, Recorded{Step: o.Step, Kind: KindStep, Output: o.Output, Overridden: true})
	}
	for _, r := range recorded {
		if !given[r.Step] {
			out = append(out, r)
		}
	}
	return out
}

// OverrideSteps puts overridden steps in front of those that the history tells: completed from the start at with the
// output that was given. They win over what the history says of a step of the same name.
func OverrideSteps(steps []*Step, overrides []Override, at Time) []*Step {
	if len(overrides) == 0 {
		return steps
	}
	out := make([]*Step, 0, len(overrides)+len(steps))
	given := make(map[string]bool, len(overrides))
	for _, o := range overrides {
		given[o.Step] = true
		out = append(out, &Step{
			Key: o.Step, Kind: KindStep, Status: StepCompletedStatus, StartedAt: at, CompletedAt: at, Output: o.Output,
			Revision: 1, Overridden: true,
		})
	}
	for _, s := range steps {
		if !given[s.Key] {
			out = append(out, s)
		}
	}
	return out
}
