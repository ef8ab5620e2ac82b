-- What lists and counts need beside the executions.

-- Written only for executions that have metadata.
CREATE TABLE metadata (
  workflow INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  execution INTEGER NOT NULL,
  PRIMARY KEY (workflow, key, value, execution)
) STRICT, WITHOUT ROWID;

-- To remove an execution's pairs with it.
CREATE INDEX metadata_execution ON metadata (execution);

-- How many executions there are, by hour of creation and added up: level 0 over all time (period 0), level 1 by day,
-- level 2 by hour, both since the Unix epoch. Rows at zero are removed.
CREATE TABLE counters (
  project INTEGER NOT NULL,
  level INTEGER NOT NULL,
  workflow INTEGER NOT NULL,
  status INTEGER NOT NULL,
  period INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (project, level, workflow, period, status)
) STRICT, WITHOUT ROWID;
