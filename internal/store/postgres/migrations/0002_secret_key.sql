-- The key under which servers that are given none encrypt signing secrets: the text of a key file. It has one row.
CREATE TABLE secret_key (
  n integer PRIMARY KEY,
  text bytea NOT NULL,
  CONSTRAINT one_row CHECK (n = 1)
);
