-- Lists by what executions wait for: those that are open and have an inbox, which few have.

CREATE INDEX executions_inbox ON executions (workflow, pk) WHERE inbox IS NOT NULL AND status < 5;
