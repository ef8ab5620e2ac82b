-- The outbox of callbacks and webhooks: a message is a row that is written with the change it tells of.

-- Where the callback of an execution goes, as the engine numbers destinations; NULL: it has none.
ALTER TABLE executions ADD COLUMN callback INTEGER;

CREATE TABLE endpoints (
  key INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  id BLOB NOT NULL UNIQUE,
  url TEXT NOT NULL,
  description TEXT NOT NULL,
  events INTEGER NOT NULL,
  workflows TEXT, -- JSON array of names, NULL: all
  disabled TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

-- What messages are signed with, encrypted. Endpoint 0 is the project itself, for callbacks; n counts from the newest.
CREATE TABLE signing_secrets (
  project INTEGER NOT NULL,
  endpoint INTEGER NOT NULL,
  n INTEGER NOT NULL,
  sealed BLOB NOT NULL,
  hint TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (project, endpoint, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
  pk INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  project INTEGER NOT NULL,
  endpoint INTEGER,       -- NULL: a callback
  execution INTEGER,      -- NULL: a test
  execution_tail INTEGER,
  destination INTEGER NOT NULL,
  type INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  status INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at INTEGER NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  base INTEGER NOT NULL,
  due_at INTEGER,         -- next attempt, or when one that is under way is given up; NULL once it has ended
  ended_at INTEGER,
  error TEXT,
  CONSTRAINT state_known CHECK (state BETWEEN 0 AND 3),
  CONSTRAINT pending_is_due CHECK ((state = 0) = (due_at IS NOT NULL)),
  CONSTRAINT ended_when_not_pending CHECK ((state = 0) = (ended_at IS NULL))
) STRICT;

-- The earliest due deliveries of each destination.
CREATE INDEX deliveries_due ON deliveries (destination, due_at) WHERE due_at IS NOT NULL;

-- Lists, newest first, by project, by endpoint and by execution.
CREATE INDEX deliveries_list ON deliveries (project, state, pk);
CREATE INDEX deliveries_endpoint ON deliveries (endpoint, state, pk) WHERE endpoint IS NOT NULL;
CREATE INDEX deliveries_execution ON deliveries (execution, pk) WHERE execution IS NOT NULL;

CREATE TABLE delivery_attempts (
  delivery INTEGER NOT NULL,
  n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  took INTEGER NOT NULL,  -- nanoseconds
  status INTEGER NOT NULL,
  error TEXT,
  excerpt BLOB,
  PRIMARY KEY (delivery, n)
) STRICT, WITHOUT ROWID;
