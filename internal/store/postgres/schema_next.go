//go:build nextschema

package postgres

// nextMigrations make of this program the release after it, for tests of an upgrade: they add to the tables that servers
// write most, and a server that knows nothing of them must go on beside one that does.
var nextMigrations = []migration{{needs: 1, script: `ALTER TABLE executions ADD COLUMN next_column bigint;
ALTER TABLE journal ADD COLUMN next_column text DEFAULT 'next';
ALTER TABLE sessions ADD COLUMN next_column boolean NOT NULL DEFAULT false;
ALTER TABLE nodes ADD COLUMN next_column integer;
CREATE TABLE next_table (execution uuid PRIMARY KEY);`}}
