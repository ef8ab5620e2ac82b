package storetest

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

func logs(t *testing.T, h Harness) {
	h.each(t, map[string]func(*testing.T, *World){
		"numbered, ordered, filtered and paged": logPages,
		"capped": func(t *testing.T, w *World) {
			id, other := w.Start(), w.Start()
			for batch := range 3 {
				w.MustCommit(store.Need{Executions: []execution.ID{id, other}}, func(l *store.Loaded, tx *Tx) {
					for i := range 450 {
						tx.Logs = append(tx.Logs, store.Log{Row: l.Executions[0], Step: "s", Attempt: 1, At: l.Now, Level: "info", Message: fmt.Sprint(450*batch + i + 1)})
					}
					tx.Logs = append(
						tx.Logs, store.Log{Row: l.Executions[0], Step: "s", Attempt: 2, At: l.Now, Level: "info", Message: "kept"},
						store.Log{Row: l.Executions[1], Step: "s", Attempt: 1, At: l.Now, Level: "info", Message: "kept"},
					)
				})
			}
			lines := w.logs(t, id, store.LogQuery{Attempt: 1})
			if len(lines) != store.MaxLogLines {
				t.Fatalf("%d lines are kept, want %d", len(lines), store.MaxLogLines)
			}
			for i, l := range lines[:store.MaxLogLines-1] {
				if l.N != int32(i+1) || l.Message != fmt.Sprint(i+1) {
					t.Fatalf("line %d: %+v", i+1, l)
				}
			}
			if last := lines[store.MaxLogLines-1]; last.Message != store.LogDropped || last.N != store.MaxLogLines {
				t.Errorf("the last line kept is %+v", last)
			}
			if n := len(w.logs(t, id, store.LogQuery{Attempt: 2})); n != 3 {
				t.Errorf("another attempt has %d lines, want 3", n)
			}
			if n := len(w.logs(t, other, store.LogQuery{})); n != 3 {
				t.Errorf("another execution has %d lines, want 3", n)
			}
			w.Audit()
		},
	})
}

func (w *World) logs(t *testing.T, id execution.ID, q store.LogQuery) []store.Log {
	t.Helper()
	lines, err := w.Store.Logs(t.Context(), w.Get(id), q)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func logPages(t *testing.T, w *World) {
	id := w.Start()
	var want []store.Log
	for i, c := range []struct {
		step    string
		attempt int32
		n       int32
	}{{"", 1, 1}, {"", 1, 2}, {"", 2, 1}, {"a", 1, 1}, {"a", 2, 1}, {"a", 2, 2}, {"b", 1, 1}} {
		want = append(want, store.Log{
			Step: c.step, Attempt: c.attempt, N: c.n, At: execution.Time(100 + i), Level: "info", Message: fmt.Sprint("m", i, "\x00✓"),
			Fields: []byte(fmt.Sprintf(`{"i":%d}`, i)),
		})
	}
	want[3].Fields = nil
	// Saved in another order, in two transactions; only that of one step and attempt must be kept.
	for _, part := range [][]int{{6, 0, 5 - 1}, {3, 1, 5, 2}} {
		w.MustCommit(store.Need{Executions: []execution.ID{id}}, func(l *store.Loaded, tx *Tx) {
			for _, i := range part {
				line := want[i]
				line.Row, line.N = l.Executions[0], 0
				tx.Logs = append(tx.Logs, line)
			}
		})
	}
	if got := w.logs(t, id, store.LogQuery{}); !reflect.DeepEqual(got, want) {
		t.Fatalf("lines %+v\nwant %+v", got, want)
	}
	step := func(s string) *string { return &s }
	for name, c := range map[string]struct {
		q    store.LogQuery
		want []store.Log
	}{
		"outside steps":     {store.LogQuery{Step: step("")}, want[:3]},
		"a step":            {store.LogQuery{Step: step("a")}, want[3:6]},
		"an attempt":        {store.LogQuery{Step: step("a"), Attempt: 2}, want[4:6]},
		"no such step":      {store.LogQuery{Step: step("z")}, nil},
		"at most two":       {store.LogQuery{Limit: 2}, want[:2]},
		"after a line":      {store.LogQuery{After: store.LogPosition{Step: "a", Attempt: 1, N: 1}}, want[4:]},
		"after, in a step":  {store.LogQuery{Step: step("a"), After: store.LogPosition{Step: "a", Attempt: 2, N: 1}, Limit: 5}, want[5:6]},
		"after the last":    {store.LogQuery{After: store.LogPosition{Step: "b", Attempt: 1, N: 1}}, nil},
		"attempt, any step": {store.LogQuery{Attempt: 1}, []store.Log{want[0], want[1], want[3], want[6]}},
	} {
		if got := w.logs(t, id, c.q); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v\nwant %+v", name, got, c.want)
		}
	}
	if got := w.logs(t, w.Start(), store.LogQuery{}); len(got) != 0 {
		t.Errorf("another execution has %d lines", len(got))
	}
}
