-- What executions refer to: projects, workflows and their versions, API keys and worker sessions. Keys are integers
-- drawn by the store; the ids that callers see are beside them. Instants are microseconds since the Unix epoch.

-- epoch: the timeline of the data, NULL in a backup, which draws a new one when it is opened.
-- key: the highest integer key drawn so far. seq: the highest position in the journal whose rows were deleted.
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
  key INTEGER PRIMARY KEY,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  max_backlog INTEGER NOT NULL
) STRICT;

CREATE TABLE workflows (
  key INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  current INTEGER,
  retention INTEGER NOT NULL, -- nanoseconds
  timeout INTEGER NOT NULL    -- nanoseconds
) STRICT;

CREATE UNIQUE INDEX workflows_name ON workflows (project, name) WHERE deleted_at IS NULL;

CREATE TABLE versions (
  key INTEGER PRIMARY KEY,
  workflow INTEGER NOT NULL,
  id BLOB NOT NULL UNIQUE,
  number INTEGER NOT NULL,
  label TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  input_schema BLOB,
  description TEXT NOT NULL,
  UNIQUE (workflow, number)
) STRICT;

CREATE UNIQUE INDEX versions_label ON versions (workflow, label) WHERE label <> '';

CREATE TABLE keys (
  key INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  id BLOB NOT NULL UNIQUE,
  public_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  hash BLOB NOT NULL CONSTRAINT hash_is_sha256 CHECK (length(hash) = 32),
  last4 TEXT NOT NULL,
  scopes TEXT NOT NULL, -- JSON array
  workflows TEXT,       -- JSON array, NULL: all
  rate_limit REAL NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER,
  last_used_at INTEGER
) STRICT;

CREATE TABLE sessions (
  key INTEGER PRIMARY KEY,
  project INTEGER NOT NULL,
  id BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  sdk TEXT NOT NULL,
  version TEXT NOT NULL,
  workflows TEXT NOT NULL, -- JSON array of keys
  capacity INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  draining INTEGER NOT NULL
) STRICT;
