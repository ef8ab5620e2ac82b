package sqlite

import (
	"errors"
	"fmt"
	"strings"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// A guard is a trigger that refuses what no rule may do: the last wall behind the rules.
type guard struct {
	name, body string
}

func (g guard) create() string { return "CREATE TRIGGER " + g.name + " " + g.body }

// guards are generated from the table of states, so that they cannot differ from it.
func guards() []guard {
	var edges strings.Builder
	for s := range execution.Status(execution.Statuses) {
		if !s.Final() {
			fmt.Fprintf(&edges, " WHEN %d THEN %d", s, store.Reachable(s))
		}
	}
	kept := []string{"OLD.kind IS NOT NEW.kind"}
	for _, c := range []string{"seq", "execution", "prev", "revision", "at", "actor", "attempt", "try", "step", "until", "since", "value", "code", "hash", "status"} {
		kept = append(kept, fmt.Sprintf("OLD.%s IS NOT NEW.%s", c, c))
	}
	return []guard{
		{
			"executions_move", fmt.Sprintf("BEFORE UPDATE ON executions\nWHEN NEW.revision <= OLD.revision OR "+
				"(1 << NEW.status) & CASE OLD.status%s ELSE 0 END = 0\n"+
				"BEGIN SELECT RAISE(ABORT, 'illegal change of an execution'); END", edges.String()),
		},
		{
			"executions_keep", "BEFORE DELETE ON executions\nWHEN OLD.status < 5\n" +
				"BEGIN SELECT RAISE(ABORT, 'an open execution cannot be deleted'); END",
		},
		{
			"journal_append_only", "BEFORE UPDATE ON journal\n" +
				"WHEN NEW.body IS NOT NULL OR NEW.details IS NOT NULL OR NEW.message IS NOT NULL OR " + strings.Join(kept, " OR ") + "\n" +
				"BEGIN SELECT RAISE(ABORT, 'an event cannot be changed'); END",
		},
		{
			"journal_keep", "BEFORE DELETE ON journal\nWHEN (SELECT status FROM executions WHERE pk = OLD.execution) < 5\n" +
				"BEGIN SELECT RAISE(ABORT, 'an event of an open execution cannot be deleted'); END",
		},
	}
}

// installGuards creates the guards that are missing and replaces those that differ.
func installGuards(conn *sqlite.Conn) error {
	existing := map[string]string{}
	if err := eachRow(conn, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'", func(st *sqlite.Stmt) error {
		existing[st.ColumnText(0)] = st.ColumnText(1)
		return nil
	}); err != nil {
		return err
	}
	var script strings.Builder
	for _, g := range guards() {
		if existing[g.name] != g.create() {
			fmt.Fprintf(&script, "DROP TRIGGER IF EXISTS %s;\n%s;\n", g.name, g.create())
		}
		delete(existing, g.name)
	}
	for name := range existing {
		fmt.Fprintf(&script, "DROP TRIGGER %q;\n", name)
	}
	if script.Len() == 0 {
		return nil
	}
	if err := sqlitex.ExecuteScript(conn, script.String(), nil); err != nil {
		return errors.Join(errors.New("install guards"), err)
	}
	return nil
}
