-- Messages on their way to listeners, what waits for whom, the decision record, channels, and where people are reached.

-- What listeners are told, once for all of them. `abandoned`: its run was removed; it goes with its last delivery.
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
CREATE INDEX messages_of_aggregate ON messages (aggregate_id);
CREATE INDEX messages_of_task ON messages (task_id) WHERE task_id IS NOT NULL;

-- A message on its way to one listener. Within a lane `n` is the order. `claimable_at` is set for the one delivery of a
-- lane whose turn it is, the first PENDING one: its due time, or the end of its lease while there is one. So neither
-- those that wait behind it nor those that ended are looked at when something is claimed. `card` names the gate, when
-- the message has the buttons of one. `since`: when it was made, or sent again.
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
CREATE INDEX deliveries_of_message ON deliveries (message);
CREATE INDEX deliveries_pending ON deliveries (lane, n) WHERE state = 'PENDING';
CREATE UNIQUE INDEX deliveries_turn ON deliveries (lane) WHERE claimable_at IS NOT NULL;
CREATE INDEX deliveries_claimable ON deliveries (target, claimable_at) WHERE claimable_at IS NOT NULL;
CREATE INDEX deliveries_leased ON deliveries (n) WHERE lease_owner IS NOT NULL;
CREATE INDEX deliveries_dead ON deliveries (target, n) WHERE state = 'DEAD';
CREATE INDEX deliveries_cards ON deliveries (lane, card, n) WHERE card IS NOT NULL AND receipt IS NOT NULL;

-- `delivery` is the delivery's `n`.
CREATE TABLE delivery_attempts (
  delivery INTEGER NOT NULL,
  number INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (delivery, number)
) STRICT;

-- The counters are kept with every change of a delivery's state, so that nobody has to count.
CREATE TABLE delivery_targets (
  target TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  pending INTEGER NOT NULL,
  dead INTEGER NOT NULL,
  paused_at TEXT,
  paused_by TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_targets_waiting ON delivery_targets (target) WHERE pending > 0 AND paused_at IS NULL;

-- A row for each name that a waiting gate lists.
CREATE TABLE waiting_gates (
  name TEXT NOT NULL,
  opened INTEGER NOT NULL,
  task_id TEXT NOT NULL,
  gate TEXT NOT NULL,
  PRIMARY KEY (name, opened, task_id, gate)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_gates_of_task ON waiting_gates (task_id);

INSERT OR IGNORE INTO waiting_gates (name, opened, task_id, gate)
SELECT people.value,
  CAST(round(unixepoch(coalesce(gates.value ->> '$.openedAt', tasks.body ->> '$.createdAt'), 'subsec') * 1000) AS INTEGER),
  tasks.id, gates.key
FROM tasks, json_each(tasks.body) AS gates, json_each(gates.value, '$.people') AS people
WHERE tasks.phase = 'OPEN' AND gates.key IN ('audit', 'confirm') AND gates.value ->> '$.stage' = 'WAITING';

-- SUCCEEDED tasks by what they are in their pipeline (or as lone tasks, whose `pipeline` and `stage_name` are empty).
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

INSERT INTO succeeded_tasks (domain, namespace, pipeline, stage_name, name, job, ended, task_id)
SELECT t.body ->> '$.domain', t.body ->> '$.namespace', coalesce(r.name, ''), coalesce(t.body ->> '$.stageName', ''),
  t.name, t.body ->> '$.job.name',
  CAST(round(unixepoch(coalesce(t.body ->> '$.status.endAt', t.body ->> '$.createdAt'), 'subsec') * 1000) AS INTEGER),
  t.id
FROM tasks AS t LEFT JOIN runs AS r ON r.id = t.run_id
WHERE t.phase = 'SUCCEEDED';

-- Rows are added and never changed or removed. By what they are found is worked out from the body, which the chain
-- guards: a row cannot be hidden without changing it. `link`: the one by which a decision was made.
CREATE TABLE decision_records (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  domain TEXT NOT NULL AS (body ->> '$.domain'),
  namespace TEXT NOT NULL AS (body ->> '$.namespace'),
  aggregate_id TEXT AS (coalesce(body ->> '$.pipelineTaskId', body ->> '$.taskId')),
  task_id TEXT AS (body ->> '$.taskId'),
  link TEXT AS (CASE body ->> '$.act' WHEN 'DECIDE' THEN body ->> '$.source.link' END)
) STRICT;
CREATE INDEX decision_records_of_aggregate ON decision_records (aggregate_id) WHERE aggregate_id IS NOT NULL;
CREATE INDEX decision_records_by_link ON decision_records (link) WHERE link IS NOT NULL;

CREATE TABLE channels (
  name TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- JSON: addresses by channel; until when somebody is away, and whom to ask.
ALTER TABLE users ADD COLUMN addresses TEXT;
ALTER TABLE users ADD COLUMN language TEXT;
ALTER TABLE users ADD COLUMN away TEXT;
