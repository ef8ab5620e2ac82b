-- Lists by what executions wait for: those that are open and have an inbox, which few have. Starts, checkpoints and ends
-- of others write nothing to it. Commits wait while it is built, as long as it takes to read the table once.
CREATE INDEX executions_inbox ON executions (workflow, id) WHERE inbox IS NOT NULL AND status < 5;

-- What people are told of the servers.
ALTER TABLE nodes ADD COLUMN version bytea NOT NULL DEFAULT '';
ALTER TABLE nodes ADD COLUMN started_at bigint;
