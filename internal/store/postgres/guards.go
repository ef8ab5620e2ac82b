package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/sojournhq/sojourn/internal/execution"
	"github.com/sojournhq/sojourn/internal/store"
)

// A guard is a trigger that refuses what no rule may do: the last wall behind the rules.
type guard struct {
	name, table string
	when        string // BEFORE UPDATE or BEFORE DELETE
	condition   string
	message     string
}

// create is the script that makes the guard anew. Its trigger has the fingerprint of the script as comment.
func (g guard) create() string {
	script := fmt.Sprintf(`CREATE OR REPLACE FUNCTION %[1]s() RETURNS trigger LANGUAGE plpgsql AS $guard$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = '%[5]s', CONSTRAINT = '%[1]s';
END $guard$;
DROP TRIGGER IF EXISTS %[1]s ON %[2]s;
CREATE TRIGGER %[1]s %[3]s ON %[2]s FOR EACH ROW WHEN (%[4]s) EXECUTE FUNCTION %[1]s();
`, g.name, g.table, g.when, g.condition, g.message)
	return fmt.Sprintf("%sCOMMENT ON TRIGGER %s ON %s IS '%s';\n", script, g.name, g.table, g.fingerprint())
}

// fingerprint tells a guard from one of another table of states.
func (g guard) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{g.name, g.table, g.when, g.condition, g.message}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// guards are generated from the table of states, so that they cannot differ from it.
func guards() []guard {
	var edges strings.Builder
	for s := range execution.Status(execution.Statuses) {
		if !s.Final() {
			fmt.Fprintf(&edges, " WHEN %d THEN %d", s, store.Reachable(s))
		}
	}
	var kept []string
	for _, c := range []string{"execution", "revision", "at", "actor", "until", "since", "hash", "value", "attempt", "try", "shard", "kind", "status", "step", "code"} {
		kept = append(kept, fmt.Sprintf("OLD.%[1]s IS DISTINCT FROM NEW.%[1]s", c))
	}
	return []guard{
		{
			"executions_move", "executions", "BEFORE UPDATE",
			"NEW.revision <= OLD.revision OR NEW.id <> OLD.id OR NEW.shard <> OLD.shard OR " +
				"(1 << NEW.status) & CASE OLD.status" + edges.String() + " ELSE 0 END = 0",
			"illegal change of an execution",
		},
		{
			"executions_keep", "executions", "BEFORE DELETE",
			"OLD.status < 5 AND coalesce(current_setting('" + dropping + "', true), '') <> 'on'", "an open execution cannot be deleted",
		},
		{
			"journal_append_only", "journal", "BEFORE UPDATE",
			"NEW.body IS NOT NULL OR NEW.details IS NOT NULL OR NEW.message IS NOT NULL OR " + strings.Join(kept, " OR "),
			"an event cannot be changed",
		},
	}
}

// guardQuery reads the fingerprints of the triggers there are, of those that are switched on.
const guardQuery = `SELECT t.tgname::text, coalesce(obj_description(t.oid, 'pg_trigger'), '') FROM pg_trigger AS t
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgrelid IN ('executions'::regclass, 'journal'::regclass)`

// missingGuards are those that are not there or differ.
func missingGuards(query func(sql string, each func(*row) error) error) ([]guard, error) {
	there := map[string]string{}
	if err := query(guardQuery, func(r *row) error {
		name := r.text()
		there[name] = r.text()
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read the guards: %w", err)
	}
	var missing []guard
	for _, g := range guards() {
		if there[g.name] != g.fingerprint() {
			missing = append(missing, g)
		}
	}
	return missing, nil
}
