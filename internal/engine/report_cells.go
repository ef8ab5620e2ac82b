package engine

import (
	"context"
	"time"
)

// skipPause is how long a report waits that was answered only in part: the rest comes back at once.
const skipPause = 200 * time.Millisecond

// reports makes the commands of a report, one for each cell of the store that it is about.
func (e *Engine) reports(c *Caller, key int64, ops []Operation) []*report {
	command := func(cell int, ops []Operation) *report {
		cmd := &report{
			e: e, at: cell, owner: c.Project, session: key, ops: ops, results: make([]OpResult, len(ops)),
			steps: make([]int, 0, len(ops)), done: make(chan error, 1),
		}
		for i := range ops {
			cmd.bytes += len(ops[i].Body) + len(ops[i].Details)
		}
		return cmd
	}
	cells := map[int][]int{}
	for i := range ops {
		n := e.cellOf(ops[i].Execution)
		cells[n] = append(cells[n], i)
		if e.celled == nil {
			break // all are there
		}
	}
	if len(cells) < 2 {
		for n := range cells {
			return []*report{command(n, ops)}
		}
		return nil
	}
	cmds := make([]*report, 0, len(cells))
	for n := range e.committers {
		places := cells[n]
		if len(places) == 0 {
			continue
		}
		some := make([]Operation, len(places))
		for i, place := range places {
			some[i] = ops[place]
		}
		cmd := command(n, some)
		cmd.places = places
		cmds = append(cmds, cmd)
	}
	return cmds
}

// report commits a report. When a cell of the store refuses its share, the operations there are answered as skipped, for
// the worker to send again, and the others stand; when all do, the report failed.
func (e *Engine) report(ctx context.Context, cmds []*report) error {
	list := make([]command, len(cmds))
	for i, cmd := range cmds {
		cmd.refer(ctx)
		list[i] = cmd
	}
	switch len(cmds) {
	case 0:
		return nil
	case 1:
		return e.traced(ctx, "engine.report", cmds[0], cmds[0].done)
	}
	if !e.submit(list...) {
		return e.unavailable(nil)
	}
	var failed error
	failures := 0
	for _, cmd := range cmds {
		err := e.outcome(<-cmd.done)
		if err == nil {
			continue
		}
		failed = err
		failures++
		for i := range cmd.results {
			cmd.results[i] = OpResult{Err: &Error{
				Code: CodeSkipped, Message: "the outcome is unknown, because the database of this execution does not answer: send it again",
			}}
		}
	}
	if failures == len(cmds) {
		return failed
	}
	if failures > 0 {
		e.log.Warn("a report was taken in part only", "error", failed)
		pause := time.NewTimer(skipPause)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// joined are the results of the commands in the order of the report.
func joined(cmds []*report, n int) []OpResult {
	if len(cmds) == 1 {
		return cmds[0].results
	}
	results := make([]OpResult, n)
	for _, cmd := range cmds {
		for i, place := range cmd.places {
			results[place] = cmd.results[i]
		}
	}
	return results
}
