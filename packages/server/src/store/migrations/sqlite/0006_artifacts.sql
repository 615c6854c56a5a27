-- What is known of artifacts and caches; their bytes are elsewhere, under `blob`.

CREATE TABLE artifacts (
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  name TEXT NOT NULL,
  -- Run or lone task.
  aggregate_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  -- Where it was in the workspace.
  path TEXT NOT NULL,
  executable INTEGER NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  -- Milliseconds since the epoch; no `expires`: with its run.
  created INTEGER NOT NULL,
  expires INTEGER,
  blob TEXT NOT NULL,
  PRIMARY KEY (task_id, attempt, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX artifacts_of_aggregate ON artifacts (aggregate_id, task_id, attempt, name);
CREATE INDEX artifacts_by_expiry ON artifacts (expires) WHERE expires IS NOT NULL;

CREATE TABLE caches (
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  -- Hash of the paths that are in it.
  paths TEXT NOT NULL,
  key TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  created INTEGER NOT NULL,
  used INTEGER NOT NULL,
  blob TEXT NOT NULL,
  PRIMARY KEY (domain, namespace, paths, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX caches_by_use ON caches (used);
