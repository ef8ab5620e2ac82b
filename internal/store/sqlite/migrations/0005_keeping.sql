-- What is kept beside the executions: idempotency keys outlive them, log lines go with them, tombstones stay.

CREATE TABLE idempotency (
  project INTEGER NOT NULL,
  key TEXT NOT NULL,
  hash INTEGER NOT NULL,
  execution INTEGER NOT NULL,
  tail INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (project, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
  execution INTEGER NOT NULL,
  step TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  fields BLOB,
  PRIMARY KEY (execution, step, attempt, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE tombstones (
  execution INTEGER NOT NULL,
  tail INTEGER NOT NULL,
  project INTEGER NOT NULL,
  redacted INTEGER NOT NULL,
  at INTEGER NOT NULL,
  actor INTEGER NOT NULL,
  PRIMARY KEY (execution, tail)
) STRICT, WITHOUT ROWID;
