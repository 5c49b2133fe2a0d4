-- Nobody but a superuser can call anything, until that is granted; but members
-- of pg_monitor can call what only tells something.
CREATE ROLE regress_snapshot_nobody;
SELECT p.oid::regprocedure
  FROM pg_proc p
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
  JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e'
 WHERE e.extname = 'snapshot_worker'
   AND has_function_privilege('regress_snapshot_nobody', p.oid, 'EXECUTE');
SET ROLE regress_snapshot_nobody;
SELECT snapshot_now();
SELECT * FROM snapshot_list();
SELECT snapshot_at();
SELECT snapshot_rows('postgres/2026-03-19T03-00-00Z', NULL::pg_class);
SELECT * FROM snapshot_rows('postgres/2026-03-19T03-00-00Z', 'pg_class') AS (relname name);
SELECT * FROM snapshot_tables('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_schema('postgres/2026-03-19T03-00-00Z');
SELECT * FROM snapshot_diff('postgres/2026-03-19T03-00-00Z');
SELECT * FROM snapshot_status();
SELECT snapshot_next_run();
SELECT * FROM snapshot_history();
SELECT snapshot_cancel();
SELECT * FROM snapshot_progress();
SELECT snapshot_verify('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_verify_all();
SELECT snapshot_restore('postgres/2026-03-19T03-00-00Z', 'restored');
SELECT snapshot_restore_table('postgres/2026-03-19T03-00-00Z', 'restored');
SELECT * FROM snapshot_retention();
SELECT snapshot_prune();
SELECT snapshot_pin('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_unpin('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_delete('postgres/2026-03-19T03-00-00Z');
\set VERBOSITY sqlstate
SHOW snapshot_worker.directory;
SHOW snapshot_worker.bin_directory;
\set VERBOSITY default
RESET ROLE;
GRANT EXECUTE ON FUNCTION snapshot_next_run TO regress_snapshot_nobody;
SET ROLE regress_snapshot_nobody;
SELECT snapshot_next_run('2026-03-19 12:00:00+00') > '2026-03-19 12:00:00+00' AS callable;
RESET ROLE;
REVOKE EXECUTE ON FUNCTION snapshot_next_run FROM regress_snapshot_nobody;
CREATE ROLE regress_snapshot_monitor IN ROLE pg_monitor;
SELECT p.oid::regprocedure AS function,
	has_function_privilege('regress_snapshot_monitor', p.oid, 'EXECUTE') AS monitor,
	has_function_privilege('regress_snapshot_nobody', p.oid, 'EXECUTE') AS nobody
  FROM pg_proc p
  JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass
  JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e'
 WHERE e.extname = 'snapshot_worker'
 ORDER BY monitor DESC, p.proname COLLATE "C", p.oid;
SET ROLE regress_snapshot_monitor;
SELECT count(*) AS lists FROM snapshot_list();
SELECT count(*) AS views FROM snapshots;
SELECT enabled, state, warning FROM snapshot_status();
SELECT snapshot_next_run('2026-03-19 12:00:00+00') > '2026-03-19 12:00:00+00' AS callable;
SELECT count(*) AS runs FROM snapshot_history();
SELECT count(*) AS active FROM snapshot_progress();
SELECT count(*) AS judged FROM snapshot_retention();
SELECT snapshot_now();
SELECT snapshot_cancel();
SELECT snapshot_verify('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_restore('postgres/2026-03-19T03-00-00Z', 'restored');
SELECT snapshot_restore_table('postgres/2026-03-19T03-00-00Z', 'restored');
SELECT snapshot_prune();
SELECT snapshot_pin('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_unpin('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_delete('postgres/2026-03-19T03-00-00Z');
RESET ROLE;
DROP ROLE regress_snapshot_monitor;
DROP OWNED BY regress_snapshot_nobody;
DROP ROLE regress_snapshot_nobody;
