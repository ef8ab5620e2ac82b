-- The project's stream of events says which state each event led to, and an event by itself does not always tell. NULL in
-- events from before: there the kind tells.
ALTER TABLE journal ADD COLUMN status INTEGER;
