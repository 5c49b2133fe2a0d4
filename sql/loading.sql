-- The launcher runs whether or not the extension is created anywhere.
SELECT backend_type, datname, state FROM pg_stat_activity
 WHERE backend_type LIKE 'snapshot_worker%';
SELECT count(*) FROM pg_extension WHERE extname = 'snapshot_worker';

-- It can be created in a schema of one's choice, moved, and dropped clean.
CREATE SCHEMA one;
CREATE SCHEMA two;
CREATE EXTENSION snapshot_worker SCHEMA one;
ALTER EXTENSION snapshot_worker SET SCHEMA two;
SELECT two.snapshot_next_run('2026-03-19 12:00:00+00') > '2026-03-19 12:00:00+00' AS callable;
DROP EXTENSION snapshot_worker;
SELECT count(*) FROM pg_proc WHERE proname LIKE 'snapshot\_%'
   AND pronamespace IN ('one'::regnamespace, 'two'::regnamespace);
DROP SCHEMA one, two;

CREATE EXTENSION snapshot_worker;
SELECT extversion, extrelocatable FROM pg_extension WHERE extname = 'snapshot_worker';
SELECT oid::regprocedure, provolatile, proisstrict, prosecdef, proparallel
  FROM pg_proc WHERE proname LIKE 'snapshot\_%' ORDER BY proname COLLATE "C", oid;

-- Every function says what it is for.
SELECT p.proname FROM pg_proc p
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
  JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e'
 WHERE e.extname = 'snapshot_worker'
   AND obj_description(p.oid, 'pg_proc') IS NULL;
