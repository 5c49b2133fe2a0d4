SET DateStyle = 'ISO';
SET TimeZone = 'UTC';

-- The schedule's arithmetic, at fixed instants.  snapshot_next_run() is what
-- the launcher uses.
SHOW snapshot_worker.time;

-- Strictly after the given instant, to the microsecond.
SELECT snapshot_next_run('2026-03-19 02:59:59.999999+00');
SELECT snapshot_next_run('2026-03-19 03:00:00+00');
SELECT snapshot_next_run('2026-03-19 03:00:00.000001+00');

-- Ends of days, months, years, and leap days.
SELECT snapshot_next_run('2026-03-19 23:59:59+00');
SELECT snapshot_next_run('2026-04-30 12:00:00+00');
SELECT snapshot_next_run('2026-12-31 03:00:00+00');
SELECT snapshot_next_run('2026-02-28 04:00:00+00');
SELECT snapshot_next_run('2028-02-28 04:00:00+00');
SELECT snapshot_next_run('2028-02-29 04:00:00+00');
SELECT snapshot_next_run('2000-02-28 04:00:00+00');
SELECT snapshot_next_run('1900-02-28 04:00:00+00');
SELECT snapshot_next_run('2016-12-31 23:59:60+00');

-- Before the epoch that timestamps count from, and far away from it.
SELECT snapshot_next_run('1999-12-31 02:59:00+00');
SELECT snapshot_next_run('1999-12-31 23:59:59.999999+00');
SELECT snapshot_next_run('0044-03-15 03:00:00+00 BC');
SELECT snapshot_next_run('9999-12-31 23:00:00+00');
SELECT snapshot_next_run('294276-12-31 02:00:00+00');
SELECT snapshot_next_run('294276-12-31 04:00:00+00');
SELECT snapshot_next_run('infinity');
SELECT snapshot_next_run('-infinity');
SELECT snapshot_next_run(NULL);

-- UTC it is, whatever the session's time zone, and where clocks change.
SET TimeZone = 'America/New_York';
SELECT snapshot_next_run('2026-03-07 23:30:00-05');
SELECT snapshot_next_run('2026-03-08 23:30:00-04');
SET TimeZone = 'UTC';

-- The default is now.
SELECT snapshot_next_run() = snapshot_next_run(now()) AS same,
       snapshot_next_run() > now() AS later,
       snapshot_next_run() <= now() + '24 h' AS within_a_day;

-- Several times, unsorted and repeated.
ALTER SYSTEM SET snapshot_worker.time = '18:30,00:00, 06:15,23:59,06:15';
SELECT pg_reload_conf();
-- a new session comes after the reload
\c -
SET DateStyle = 'ISO';
SET TimeZone = 'UTC';
SHOW snapshot_worker.time;
SELECT t, snapshot_next_run(t) FROM unnest(ARRAY[
  '2026-12-31 00:00:00+00',
  '2026-12-31 06:14:59+00',
  '2026-12-31 06:15:00+00',
  '2026-12-31 18:30:00+00',
  '2026-12-31 23:58:59.999999+00',
  '2026-12-31 23:59:00+00',
  '2026-12-31 23:59:59.999999+00']::timestamptz[]) AS t;

-- A chain of a year has every slot once.
WITH RECURSIVE chain(t) AS (
  SELECT snapshot_next_run('2027-12-31 23:59:00+00')
  UNION ALL
  SELECT snapshot_next_run(t) FROM chain WHERE t < '2029-01-01 00:00:00+00')
SELECT count(*), count(DISTINCT t), min(t), max(t),
       array_agg(DISTINCT t::time ORDER BY t::time) AS times
  FROM chain;

ALTER SYSTEM RESET snapshot_worker.time;
SELECT pg_reload_conf();
