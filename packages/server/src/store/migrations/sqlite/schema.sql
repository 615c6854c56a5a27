CREATE TABLE definitions (
  aggregate_id TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE effects (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  lease_owner TEXT,
  claimable_at INTEGER NOT NULL,
  last_error TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
  user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (user, domain, namespace, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE group_members (
  group_name TEXT NOT NULL REFERENCES groups (name) ON DELETE CASCADE,
  member TEXT NOT NULL,
  PRIMARY KEY (group_name, member)
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
  name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  aggregate_id TEXT,
  task_id TEXT,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  version TEXT NOT NULL,
  stage TEXT NOT NULL,
  published_at INTEGER,
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (domain, namespace, name, version)
) STRICT;

CREATE TABLE locks (
  key TEXT PRIMARY KEY,
  holder TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pipelines (
  id TEXT PRIMARY KEY,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (domain, namespace, name)
) STRICT;

CREATE TABLE runs (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  stage TEXT NOT NULL,
  phase TEXT NOT NULL,
  labels TEXT NOT NULL,
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE search_hits (
  term INTEGER NOT NULL,
  phase TEXT NOT NULL,
  created INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (term, phase, created, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE search_terms (
  term INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  facet TEXT NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  UNIQUE (kind, facet, key, value, domain, namespace)
) STRICT;

CREATE TABLE tasks (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  run_id TEXT,
  stage_number INTEGER,
  task_number INTEGER,
  name TEXT NOT NULL,
  stage TEXT NOT NULL,
  phase TEXT NOT NULL,
  labels TEXT NOT NULL,
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE tokens (
  id TEXT PRIMARY KEY,
  user TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  last_used_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  name TEXT PRIMARY KEY,
  display_name TEXT,
  created_at TEXT NOT NULL,
  disabled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX group_members_by_member ON group_members (member);

CREATE INDEX history_of_aggregate ON history (aggregate_id) WHERE aggregate_id IS NOT NULL;

CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE INDEX idempotency_of_aggregate ON idempotency (aggregate_id);

CREATE INDEX jobs_published ON jobs (domain, namespace, name, published_at, id) WHERE stage = 'PUBLISHED';

CREATE INDEX locks_of_holder ON locks (holder);

CREATE INDEX runs_open ON runs (created, id) WHERE phase = 'OPEN';

CREATE INDEX tasks_alone_open ON tasks (created, id) WHERE phase = 'OPEN' AND run_id IS NULL;

CREATE INDEX tasks_of_run ON tasks (run_id, stage_number, task_number) WHERE run_id IS NOT NULL;

CREATE INDEX tokens_of_user ON tokens (user);
