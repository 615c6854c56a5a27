-- Schedules, and what each has done so far.

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

CREATE TABLE schedule_states (
  schedule_id TEXT PRIMARY KEY REFERENCES schedules (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
