-- Waits for signals and approvals. An execution's row has a summary of its open waits and of the signals that no wait
-- has taken, execution.Inbox, NULL for almost all: rules need nothing else to decide. A wait is recorded once, as steps
-- and sleeps are, so its kind joins them in the index. Approval links are found by the hash of their token.

ALTER TABLE executions ADD COLUMN inbox TEXT;

DROP INDEX journal_step;

-- A step's result, a sleep's start and a wait's start are recorded once: kinds step_completed, sleep_started and
-- wait_started.
CREATE UNIQUE INDEX journal_step ON journal (execution, step) WHERE kind IN (7, 9, 21);

CREATE TABLE approval_links (
  hash BLOB NOT NULL PRIMARY KEY,
  project INTEGER NOT NULL,
  execution INTEGER NOT NULL,
  tail INTEGER NOT NULL,
  step TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER,
  CONSTRAINT hash_is_sha256 CHECK (length(hash) = 32)
) STRICT, WITHOUT ROWID;

-- To remove an execution's links with it.
CREATE INDEX approval_links_execution ON approval_links (execution);

-- To remove those that have expired.
CREATE INDEX approval_links_expired ON approval_links (expires_at);
