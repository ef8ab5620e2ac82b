-- The place of the database among several that are used as one: its cells. shards has a byte for each shard: 0 it is not
-- here, 1 it is, more: it is frozen, on its way to the cell of the number less 2.
CREATE TABLE seat (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  cells bigint NOT NULL, -- what the cells that belong together have in common
  number integer NOT NULL,
  joined bigint NOT NULL, -- the epoch when it joined
  shards bytea NOT NULL CHECK (length(shards) = 1024)
) WITH (fillfactor = 30);
