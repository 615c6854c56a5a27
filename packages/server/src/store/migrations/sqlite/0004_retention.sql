-- What retention works on: ended runs and lone tasks by the pipeline or job that they are runs of, in the order of their
-- ends, and how many there are, so that neither finding the oldest nor counting grows with what is kept.

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

-- `ending`: SUCCEEDED, or OTHER for every other end.
CREATE TABLE ended_runs (
  ended_group INTEGER NOT NULL,
  ending TEXT NOT NULL,
  ended INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (ended_group, ending, ended, id)
) STRICT, WITHOUT ROWID;

CREATE TEMPORARY TABLE ended_before AS
SELECT 'RUN' AS kind, body ->> '$.domain' AS domain, body ->> '$.namespace' AS namespace, name,
  CASE phase WHEN 'SUCCEEDED' THEN phase ELSE 'OTHER' END AS ending,
  CAST(round(unixepoch(coalesce(body ->> '$.status.endAt', body ->> '$.createdAt'), 'subsec') * 1000) AS INTEGER) AS ended,
  id
FROM runs WHERE phase <> 'OPEN'
UNION ALL
SELECT 'TASK', body ->> '$.domain', body ->> '$.namespace', body ->> '$.job.name',
  CASE phase WHEN 'SUCCEEDED' THEN phase ELSE 'OTHER' END,
  CAST(round(unixepoch(coalesce(body ->> '$.status.endAt', body ->> '$.createdAt'), 'subsec') * 1000) AS INTEGER),
  id
FROM tasks WHERE phase <> 'OPEN' AND run_id IS NULL;

INSERT INTO ended_groups (kind, domain, namespace, name, succeeded, other)
SELECT kind, domain, namespace, name, sum(ending = 'SUCCEEDED'), sum(ending = 'OTHER')
FROM ended_before GROUP BY kind, domain, namespace, name;

INSERT INTO ended_runs (ended_group, ending, ended, id)
SELECT n, ending, ended, id FROM ended_before JOIN ended_groups USING (kind, domain, namespace, name);

DROP TABLE ended_before;

-- Runs that are removed, and whose tasks are still to go: a wide run goes in portions.
CREATE TABLE removals (
  aggregate_id TEXT PRIMARY KEY,
  pipeline TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How much of the history is in the archive: all up to the place `up_to`. `bytes` of `file`, the last one written, are
-- known to be whole.
CREATE TABLE history_archive (
  up_to INTEGER NOT NULL,
  file TEXT NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
INSERT INTO history_archive (up_to, file, bytes) VALUES (0, '', 0);
