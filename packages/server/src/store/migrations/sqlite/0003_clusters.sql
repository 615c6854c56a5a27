-- Clusters, what runners remember of work that is elsewhere, and what tells this installation from others.

CREATE TABLE clusters (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runner_attempts (
  n INTEGER PRIMARY KEY,
  runner TEXT NOT NULL,
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (runner, task_id, attempt)
) STRICT;

CREATE TABLE installation (
  id TEXT NOT NULL
) STRICT;
INSERT INTO installation (id) VALUES (lower(hex(randomblob(10))));
