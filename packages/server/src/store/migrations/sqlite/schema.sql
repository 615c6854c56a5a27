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
  blob TEXT NOT NULL, origin TEXT,
  PRIMARY KEY (task_id, attempt, name)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE channels (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE clusters (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE decision_records (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  domain TEXT NOT NULL AS (body ->> '$.domain'),
  namespace TEXT NOT NULL AS (body ->> '$.namespace'),
  aggregate_id TEXT AS (coalesce(body ->> '$.pipelineTaskId', body ->> '$.taskId')),
  task_id TEXT AS (body ->> '$.taskId'),
  link TEXT AS (CASE body ->> '$.act' WHEN 'DECIDE' THEN body ->> '$.source.link' END)
) STRICT;

CREATE TABLE definitions (
  aggregate_id TEXT PRIMARY KEY,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE deliveries (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  message INTEGER NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  lane TEXT NOT NULL,
  listener TEXT NOT NULL,
  action TEXT NOT NULL,
  channel TEXT,
  user TEXT,
  card TEXT,
  state TEXT NOT NULL,
  tries INTEGER NOT NULL,
  created INTEGER NOT NULL,
  since INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  claimable_at INTEGER,
  lease_owner TEXT,
  ended INTEGER,
  error TEXT,
  receipt TEXT
) STRICT;

CREATE TABLE delivery_attempts (
  delivery INTEGER NOT NULL,
  number INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (delivery, number)
) STRICT;

CREATE TABLE delivery_targets (
  target TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  pending INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  paused_at TEXT,
  paused_by TEXT
) STRICT, WITHOUT ROWID;

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

CREATE TABLE ended_groups (
  n INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  succeeded INTEGER NOT NULL,
  other INTEGER NOT NULL,
  UNIQUE (kind, domain, namespace, name)
) STRICT;

CREATE TABLE ended_runs (
  ended_group INTEGER NOT NULL,
  ending TEXT NOT NULL,
  ended INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (ended_group, ending, ended, id)
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

CREATE TABLE history_archive (
  up_to INTEGER NOT NULL,
  file TEXT NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE installation (
  id TEXT NOT NULL
) STRICT;

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

CREATE TABLE limits (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE locks (
  key TEXT PRIMARY KEY,
  holder TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  n INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  event TEXT NOT NULL,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  aggregate_id TEXT NOT NULL,
  task_id TEXT,
  abandoned INTEGER NOT NULL DEFAULT 0,
  body TEXT NOT NULL
) STRICT;

CREATE TABLE pauses (
  key TEXT PRIMARY KEY,
  body TEXT NOT NULL
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

CREATE TABLE removals (
  aggregate_id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runner_attempts (
  n INTEGER PRIMARY KEY,
  runner TEXT NOT NULL,
  task_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (runner, task_id, attempt)
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

CREATE TABLE schedule_states (
  schedule_id TEXT PRIMARY KEY REFERENCES schedules (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE schedules (
  id TEXT PRIMARY KEY,
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  created INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL,
  UNIQUE (domain, namespace, name)
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

CREATE TABLE succeeded_tasks (
  domain TEXT NOT NULL,
  namespace TEXT NOT NULL,
  pipeline TEXT NOT NULL,
  stage_name TEXT NOT NULL,
  name TEXT NOT NULL,
  job TEXT NOT NULL,
  ended INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  PRIMARY KEY (domain, namespace, pipeline, stage_name, name, job, ended, task_id)
) STRICT, WITHOUT ROWID;

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
, addresses TEXT, language TEXT, away TEXT) STRICT, WITHOUT ROWID;

CREATE TABLE waiting_gates (
  name TEXT NOT NULL,
  opened INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  gate TEXT NOT NULL,
  PRIMARY KEY (name, opened, task_id, gate)
) STRICT, WITHOUT ROWID;

CREATE INDEX artifacts_by_expiry ON artifacts (expires) WHERE expires IS NOT NULL;

CREATE INDEX artifacts_of_aggregate ON artifacts (aggregate_id, task_id, attempt, name);

CREATE INDEX artifacts_of_blob ON artifacts (blob);

CREATE INDEX caches_by_use ON caches (used);

CREATE INDEX decision_records_by_link ON decision_records (link) WHERE link IS NOT NULL;

CREATE INDEX decision_records_of_aggregate ON decision_records (aggregate_id) WHERE aggregate_id IS NOT NULL;

CREATE INDEX deliveries_cards ON deliveries (lane, card, n) WHERE card IS NOT NULL AND receipt IS NOT NULL;

CREATE INDEX deliveries_claimable ON deliveries (target, claimable_at) WHERE claimable_at IS NOT NULL;

CREATE INDEX deliveries_dead ON deliveries (target, n) WHERE state = 'DEAD';

CREATE INDEX deliveries_leased ON deliveries (n) WHERE lease_owner IS NOT NULL;

CREATE INDEX deliveries_of_message ON deliveries (message);

CREATE INDEX deliveries_pending ON deliveries (lane, n) WHERE state = 'PENDING';

CREATE UNIQUE INDEX deliveries_turn ON deliveries (lane) WHERE claimable_at IS NOT NULL;

CREATE INDEX delivery_targets_waiting ON delivery_targets (target) WHERE pending > 0 AND paused_at IS NULL;

CREATE INDEX group_members_by_member ON group_members (member);

CREATE INDEX history_of_aggregate ON history (aggregate_id) WHERE aggregate_id IS NOT NULL;

CREATE INDEX idempotency_by_expiry ON idempotency (expires_at);

CREATE INDEX idempotency_of_aggregate ON idempotency (aggregate_id);

CREATE INDEX jobs_published ON jobs (domain, namespace, name, published_at, id) WHERE stage = 'PUBLISHED';

CREATE INDEX locks_of_holder ON locks (holder);

CREATE INDEX messages_of_aggregate ON messages (aggregate_id);

CREATE INDEX messages_of_task ON messages (task_id) WHERE task_id IS NOT NULL;

CREATE INDEX runs_open ON runs (created, id) WHERE phase = 'OPEN';

CREATE INDEX tasks_alone_open ON tasks (created, id) WHERE phase = 'OPEN' AND run_id IS NULL;

CREATE INDEX tasks_of_run ON tasks (run_id, stage_number, task_number) WHERE run_id IS NOT NULL;

CREATE INDEX tokens_of_user ON tokens (user);

CREATE INDEX waiting_gates_of_task ON waiting_gates (task_id);
