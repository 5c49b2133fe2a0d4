-- Nobody but a superuser can call anything, until that is granted.
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
SELECT * FROM snapshot_status();
SELECT snapshot_next_run();
SELECT * FROM snapshot_history();
SELECT snapshot_cancel();
SELECT * FROM snapshot_progress();
SELECT snapshot_verify('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_verify_all();
SELECT snapshot_restore('postgres/2026-03-19T03-00-00Z', 'restored');
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
DROP OWNED BY regress_snapshot_nobody;
DROP ROLE regress_snapshot_nobody;
