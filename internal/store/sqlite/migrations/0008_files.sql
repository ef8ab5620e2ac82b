-- Files: what is known of them, and which executions use them. Their contents lie outside, under their ids. A file that
-- no execution uses has the time at which it may be removed.

CREATE TABLE files (
  pk INTEGER PRIMARY KEY,
  tail INTEGER NOT NULL,
  project INTEGER NOT NULL,
  name TEXT NOT NULL,
  mime TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 BLOB NOT NULL CONSTRAINT digest_is_sha256 CHECK (length(sha256) = 32),
  created_at INTEGER NOT NULL,
  expires_at INTEGER
) STRICT;

-- Lists of a project's files, newest first.
CREATE INDEX files_project ON files (project, pk);

-- What the janitor looks for.
CREATE INDEX files_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

-- Written only for executions whose payloads have references.
CREATE TABLE file_uses (
  execution INTEGER NOT NULL,
  file INTEGER NOT NULL,
  PRIMARY KEY (execution, file)
) STRICT, WITHOUT ROWID;

CREATE INDEX file_uses_file ON file_uses (file);
