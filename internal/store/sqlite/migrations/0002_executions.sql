-- Executions: narrow rows, written often. The primary key is the time and counter of the id, so that new rows lie at
-- the right edge and newest-first is a walk of the key; tail has the rest of the id. A value that is not set is NULL.
-- The triggers that guard the lifecycle are generated from the table of states, see guards.go.

CREATE TABLE executions (
  pk INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  project INTEGER NOT NULL,
  workflow INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status INTEGER NOT NULL,
  intended INTEGER NOT NULL,
  trigger_type INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  why INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  steps INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  strikes INTEGER NOT NULL,
  finalizers INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  cancel_reason INTEGER NOT NULL,
  session INTEGER,
  lease BLOB,
  started_at INTEGER,
  completed_at INTEGER,
  ready_at INTEGER,
  wake_at INTEGER,
  expires_at INTEGER,
  deadline_at INTEGER,
  cancel_requested_at INTEGER,
  cancel_by INTEGER,
  due_at INTEGER, -- when the engine must look at it by itself: execution.DueAt
  progress REAL,
  error_code TEXT,
  first INTEGER NOT NULL, -- its first event in the journal
  last INTEGER NOT NULL,  -- its latest event in the journal
  CONSTRAINT status_known CHECK (status BETWEEN 0 AND 8),
  CONSTRAINT leased_has_session CHECK ((session IS NULL) = (lease IS NULL)),
  CONSTRAINT final_is_completed CHECK ((status >= 5) = (completed_at IS NOT NULL))
) STRICT;

-- Every list and date-bounded count: newest first within one workflow and status.
CREATE INDEX executions_list ON executions (workflow, status, pk);

-- The queue: eligible and unleased.
CREATE INDEX executions_queue ON executions (workflow, priority DESC, ready_at, pk) WHERE ready_at IS NOT NULL;

-- Those of the queue that must run alone, mostly none: they are asked for often, and must not be searched for.
CREATE INDEX executions_solo ON executions (workflow, priority DESC, ready_at, pk) WHERE ready_at IS NOT NULL AND strikes >= 2;

-- The timers.
CREATE INDEX executions_due ON executions (due_at) WHERE due_at IS NOT NULL;

-- Lists by trigger. It is written once for each execution: a trigger never changes.
CREATE INDEX executions_trigger ON executions (workflow, trigger_type, pk);
