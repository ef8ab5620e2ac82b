-- The contents of files, for fleets without a bucket: a content is cut into chunks, which are written one by one and
-- counted when the last is there. A content whose size is NULL is on its way in, or, when it was touched at 0, out: nobody
-- sees it, and what a crash left of it is swept. Names are ids with their prefix, which serve to distribute both tables.
CREATE TABLE blobs (
  name text COLLATE "C" PRIMARY KEY,
  touched_at bigint NOT NULL,
  size bigint,
  chunk integer NOT NULL -- bytes of each chunk but the last
) WITH (fillfactor = 70);

-- Those to sweep.
CREATE INDEX blobs_partial ON blobs (touched_at) WHERE size IS NULL;

CREATE TABLE blob_chunks (
  name text COLLATE "C" NOT NULL,
  n integer NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (name, n)
);

-- Most contents are compressed already.
ALTER TABLE blob_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
