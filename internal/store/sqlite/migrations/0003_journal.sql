-- The journal: every event of every execution with its payload, appended in the order of commits. An execution's
-- history is a chain: executions.last names its latest event, prev the one before, 0 at the first.

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  execution INTEGER NOT NULL,
  prev INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  try INTEGER,
  step TEXT,
  until INTEGER,
  since INTEGER,
  value REAL,
  code TEXT,
  message TEXT,
  hash INTEGER,
  details BLOB,
  body BLOB
) STRICT;

-- A step's result and a sleep's start are recorded once: kinds step_completed and sleep_started.
CREATE UNIQUE INDEX journal_step ON journal (execution, step) WHERE kind IN (7, 9);
