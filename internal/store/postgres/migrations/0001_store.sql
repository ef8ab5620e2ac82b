-- Everything a store keeps. The meaning of tables and columns is that of the SQLite store, with these differences:
--
-- An id is a uuid, whose order is that of creation, and not two integers. Texts that callers choose are bytea: text cannot
-- hold every string that JSON can, and the order of bytea does not depend on a collation. Instants are microseconds since
-- the Unix epoch. A value that is not set is NULL.
--
-- The shard of an execution is the last column of every unique key of what belongs to it, so that the tables can be
-- distributed by it; no index begins with it.
--
-- Fill factors leave room for updates in place (HOT), and autovacuum comes early to tables whose rows change often.

-- epoch: the timeline of the data. generation: see feed. catalog: the version of the catalog.
CREATE TABLE meta (
  name text COLLATE "C" PRIMARY KEY,
  value bigint NOT NULL
) WITH (fillfactor = 50);

-- Integer keys of projects, workflows, versions, API keys, endpoints, sessions and servers.
CREATE SEQUENCE drawn_keys AS bigint;

CREATE TABLE projects (
  key bigint PRIMARY KEY,
  id uuid NOT NULL UNIQUE,
  name bytea NOT NULL UNIQUE,
  created_at bigint NOT NULL,
  max_backlog bigint NOT NULL
);

CREATE TABLE workflows (
  key bigint PRIMARY KEY,
  project bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  name bytea NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  deleted_at bigint,
  current bigint,
  retention bigint NOT NULL, -- nanoseconds
  timeout bigint NOT NULL,   -- nanoseconds
  closed boolean NOT NULL    -- to starts through the API
);

CREATE UNIQUE INDEX workflows_name ON workflows (project, name) WHERE deleted_at IS NULL;

CREATE TABLE versions (
  key bigint PRIMARY KEY,
  workflow bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  number integer NOT NULL,
  label bytea NOT NULL,
  created_at bigint NOT NULL,
  input_schema bytea,
  description bytea NOT NULL,
  CONSTRAINT versions_number UNIQUE (workflow, number)
);

CREATE UNIQUE INDEX versions_label ON versions (workflow, label) WHERE label <> '';

CREATE TABLE keys (
  key bigint PRIMARY KEY,
  project bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  public_id bytea NOT NULL UNIQUE,
  name bytea NOT NULL,
  hash bytea NOT NULL,
  last4 bytea NOT NULL,
  scopes bytea[] NOT NULL,
  workflows bytea[], -- NULL: all
  rate_limit double precision NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint,
  CONSTRAINT hash_is_sha256 CHECK (length(hash) = 32)
) WITH (fillfactor = 70);

CREATE TABLE endpoints (
  key bigint PRIMARY KEY,
  project bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  url bytea NOT NULL,
  description bytea NOT NULL,
  events smallint NOT NULL,
  workflows bytea[], -- names, NULL: all
  disabled bytea NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  deleted_at bigint
);

-- What messages are signed with, encrypted. Endpoint 0 is the project itself, for callbacks; n counts from the newest.
CREATE TABLE signing_secrets (
  project bigint NOT NULL,
  endpoint bigint NOT NULL,
  n integer NOT NULL,
  sealed bytea NOT NULL,
  hint bytea NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  PRIMARY KEY (project, endpoint, n)
);

-- Worker sessions: a row changes with every heartbeat.
CREATE TABLE sessions (
  key bigint PRIMARY KEY,
  project bigint NOT NULL,
  id uuid NOT NULL UNIQUE,
  name bytea NOT NULL,
  sdk bytea NOT NULL,
  version bytea NOT NULL,
  workflows bigint[] NOT NULL,
  capacity integer NOT NULL,
  created_at bigint NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  draining boolean NOT NULL,
  node bigint NOT NULL,     -- the server in whose memory it lives, 0: none
  term integer NOT NULL,    -- how often it has moved
  received bigint NOT NULL, -- every delivery up to this one has arrived, as other servers heard
  unsure boolean NOT NULL   -- its worker must list what it holds
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);

-- Executions: narrow rows, written often. The triggers that guard the lifecycle are generated from the table of states.
CREATE TABLE executions (
  id uuid NOT NULL,
  project bigint NOT NULL,
  workflow bigint NOT NULL,
  version bigint NOT NULL,
  revision bigint NOT NULL,
  bytes bigint NOT NULL,
  updated_at bigint NOT NULL, -- time of the latest event
  callback bigint,            -- where its callback goes
  started_at bigint,
  completed_at bigint,
  ready_at bigint,
  wake_at bigint,
  expires_at bigint,
  deadline_at bigint,
  cancel_requested_at bigint,
  cancel_by bigint,
  due_at bigint, -- when the engine must look at it by itself: execution.DueAt
  progress double precision,
  session bigint,
  lease uuid,
  attempt integer NOT NULL,
  steps integer NOT NULL,
  failures integer NOT NULL,
  strikes integer NOT NULL,
  finalizers integer NOT NULL,
  shard smallint NOT NULL,
  status smallint NOT NULL,
  intended smallint NOT NULL,
  trigger_type smallint NOT NULL,
  priority smallint NOT NULL,
  why smallint NOT NULL,
  cancel_reason smallint NOT NULL,
  error_code bytea,
  inbox bytea,
  PRIMARY KEY (id, shard),
  CONSTRAINT status_known CHECK (status BETWEEN 0 AND 8),
  CONSTRAINT leased_has_session CHECK ((session IS NULL) = (lease IS NULL)),
  CONSTRAINT final_is_completed CHECK ((status >= 5) = (completed_at IS NOT NULL))
) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
  autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.05);

-- Every list and date-bounded count: newest first within one workflow and status.
CREATE INDEX executions_list ON executions (workflow, status, id);

-- The queue: eligible and unleased.
CREATE INDEX executions_queue ON executions (workflow, priority DESC, ready_at, id) WHERE ready_at IS NOT NULL;

-- Those of the queue that must run alone, mostly none: they are asked for often, and must not be searched for.
CREATE INDEX executions_solo ON executions (workflow, priority DESC, ready_at, id) WHERE ready_at IS NOT NULL AND strikes >= 2;

-- The timers.
CREATE INDEX executions_due ON executions (due_at, id) WHERE due_at IS NOT NULL;

-- Lists by trigger, for those triggers that are not the usual one. It is written once for each execution.
CREATE INDEX executions_trigger ON executions (workflow, trigger_type, id) WHERE trigger_type <> 0;

-- The journal: every event of every execution with its payload.
CREATE TABLE journal (
  execution uuid NOT NULL,
  revision bigint NOT NULL,
  at bigint NOT NULL,
  actor bigint NOT NULL,
  until bigint,
  since bigint,
  hash bigint,
  value double precision,
  attempt integer NOT NULL,
  try integer,
  shard smallint NOT NULL,
  kind smallint NOT NULL,
  status smallint NOT NULL,
  step bytea,
  code bytea,
  message bytea,
  details bytea,
  body bytea,
  PRIMARY KEY (execution, revision, shard)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- A step's result, a sleep's start and a wait's start are recorded once: kinds step_completed, sleep_started and
-- wait_started.
CREATE UNIQUE INDEX journal_step ON journal (execution, step, shard) WHERE kind IN (7, 9, 21);

-- What was committed, for those who follow: one row for each commit and project. A row tells what became of which
-- executions and which events were added. Rows are read in the order in which snapshots began to see them, for which
-- generation, xid, snapshot and place serve; what they mean is known to ordering.go alone.
CREATE TABLE feed (
  generation bigint NOT NULL,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  project bigint NOT NULL,
  place bigint NOT NULL,
  node bigint NOT NULL,
  at bigint NOT NULL,
  snapshot pg_snapshot NOT NULL DEFAULT pg_current_snapshot(),
  changes bytea NOT NULL,
  PRIMARY KEY (generation, xid, project)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1);

CREATE INDEX feed_project ON feed (project, generation, xid);

CREATE SEQUENCE feed_places AS bigint;

-- The servers that are alive. slot is a small number that no other living server has.
CREATE TABLE nodes (
  key bigint PRIMARY KEY,
  slot integer NOT NULL UNIQUE,
  name bytea NOT NULL,
  seen_at bigint NOT NULL,
  expires_at bigint NOT NULL
) WITH (fillfactor = 50);

-- How many executions there are, by hour of creation and added up: level 0 over all time (period 0), level 1 by day,
-- level 2 by hour, both since the Unix epoch. Each server has rows of its own, by slot: they are added up.
CREATE TABLE counters (
  project bigint NOT NULL,
  level smallint NOT NULL,
  workflow bigint NOT NULL,
  period bigint NOT NULL,
  status smallint NOT NULL,
  slot integer NOT NULL,
  n bigint NOT NULL,
  PRIMARY KEY (project, level, workflow, period, status, slot)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);

-- Written only for executions that have metadata.
CREATE TABLE metadata (
  workflow bigint NOT NULL,
  key bytea NOT NULL,
  value bytea NOT NULL,
  execution uuid NOT NULL,
  shard smallint NOT NULL,
  PRIMARY KEY (workflow, key, value, execution, shard)
);

-- To remove an execution's pairs with it.
CREATE INDEX metadata_execution ON metadata (execution);

-- What is kept beside the executions: idempotency keys outlive them, log lines go with them, tombstones stay. The shard of
-- a key follows from project and key.
CREATE TABLE idempotency (
  project bigint NOT NULL,
  hash bigint NOT NULL,
  at bigint NOT NULL,
  execution uuid NOT NULL,
  shard smallint NOT NULL,
  key bytea NOT NULL,
  PRIMARY KEY (project, key, shard)
);

CREATE TABLE logs (
  execution uuid NOT NULL,
  at bigint NOT NULL,
  attempt integer NOT NULL,
  n integer NOT NULL,
  shard smallint NOT NULL,
  step bytea NOT NULL,
  level bytea NOT NULL,
  message bytea NOT NULL,
  fields bytea,
  PRIMARY KEY (execution, step, attempt, n, shard)
);

CREATE TABLE tombstones (
  execution uuid NOT NULL,
  project bigint NOT NULL,
  at bigint NOT NULL,
  actor bigint NOT NULL,
  shard smallint NOT NULL,
  redacted boolean NOT NULL,
  PRIMARY KEY (execution, shard)
);

-- Approval links are found by the hash of their token.
CREATE TABLE approval_links (
  hash bytea NOT NULL,
  project bigint NOT NULL,
  execution uuid NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint NOT NULL,
  used_at bigint,
  shard smallint NOT NULL,
  step bytea NOT NULL,
  PRIMARY KEY (hash, shard),
  CONSTRAINT hash_is_sha256 CHECK (length(hash) = 32)
);

-- To remove an execution's links with it.
CREATE INDEX approval_links_execution ON approval_links (execution);

-- To remove those that have expired.
CREATE INDEX approval_links_expired ON approval_links (expires_at);

-- Files: what is known of them, and which executions use them. A file that no execution uses has the time at which it may
-- be removed.
CREATE TABLE files (
  id uuid NOT NULL,
  project bigint NOT NULL,
  size bigint NOT NULL,
  created_at bigint NOT NULL,
  expires_at bigint,
  shard smallint NOT NULL,
  sha256 bytea NOT NULL,
  name bytea NOT NULL,
  mime bytea NOT NULL,
  PRIMARY KEY (id, shard),
  CONSTRAINT digest_is_sha256 CHECK (length(sha256) = 32)
);

-- Lists of a project's files, newest first.
CREATE INDEX files_project ON files (project, id);

-- What the janitor looks for.
CREATE INDEX files_expiry ON files (expires_at) WHERE expires_at IS NOT NULL;

-- Written only for executions whose payloads have references. The shard is the execution's.
CREATE TABLE file_uses (
  execution uuid NOT NULL,
  file uuid NOT NULL,
  shard smallint NOT NULL,
  PRIMARY KEY (execution, file, shard)
);

CREATE INDEX file_uses_file ON file_uses (file);

-- The outbox of callbacks and webhooks: a message is a row that is written with the change it tells of.
CREATE TABLE deliveries (
  id uuid NOT NULL,
  project bigint NOT NULL,
  endpoint bigint,   -- NULL: a callback
  execution uuid,    -- NULL: a test
  destination bigint NOT NULL,
  revision bigint NOT NULL,
  at bigint NOT NULL,
  due_at bigint,     -- next attempt, or when one that is under way is given up; NULL once it has ended
  ended_at bigint,
  attempt integer NOT NULL,
  attempts integer NOT NULL,
  base integer NOT NULL,
  shard smallint NOT NULL,
  type smallint NOT NULL,
  status smallint NOT NULL,
  state smallint NOT NULL,
  error bytea,
  PRIMARY KEY (id, shard),
  CONSTRAINT state_known CHECK (state BETWEEN 0 AND 3),
  CONSTRAINT pending_is_due CHECK ((state = 0) = (due_at IS NOT NULL)),
  CONSTRAINT ended_when_not_pending CHECK ((state = 0) = (ended_at IS NULL))
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

-- The earliest due deliveries of each destination.
CREATE INDEX deliveries_due ON deliveries (destination, due_at) WHERE due_at IS NOT NULL;

-- When the next delivery is due, of all.
CREATE INDEX deliveries_next ON deliveries (due_at) WHERE due_at IS NOT NULL;

-- Lists, newest first, by project, by endpoint and by execution.
CREATE INDEX deliveries_list ON deliveries (project, state, id);
CREATE INDEX deliveries_endpoint ON deliveries (endpoint, state, id) WHERE endpoint IS NOT NULL;
CREATE INDEX deliveries_execution ON deliveries (execution, id) WHERE execution IS NOT NULL;

CREATE TABLE delivery_attempts (
  delivery uuid NOT NULL,
  at bigint NOT NULL,
  took bigint NOT NULL, -- nanoseconds
  n integer NOT NULL,
  status integer NOT NULL,
  shard smallint NOT NULL,
  error bytea,
  excerpt bytea,
  PRIMARY KEY (delivery, n, shard)
);
