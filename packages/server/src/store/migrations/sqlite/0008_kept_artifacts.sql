-- A task that a rerun kept has the artifacts of the task that did the work: rows of its own, the same bytes.

-- The task that did the work, when it is another one.
ALTER TABLE artifacts ADD COLUMN origin TEXT;
CREATE INDEX artifacts_of_blob ON artifacts (blob);
