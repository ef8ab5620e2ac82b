-- A workflow that is closed to starts through the API.

ALTER TABLE workflows ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
