-- Without a directory, what needs one says what to set.
SELECT snapshot_now();
SELECT * FROM snapshot_list();
SELECT enabled, state, current_database, current_name, attempt, next_run,
       last_success_at, last_failure_at, last_error, consecutive_failures,
       directory, launcher_pid = (SELECT pid FROM pg_stat_activity
                                   WHERE backend_type = 'snapshot_worker launcher') AS launcher,
       warning
  FROM snapshot_status();

SELECT * FROM snapshot_history();
SELECT * FROM snapshot_progress();
SELECT * FROM snapshot_retention();
SELECT snapshot_prune();
SELECT snapshot_verify('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_restore('postgres/2026-03-19T03-00-00Z', 'restored');
SELECT snapshot_pin('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_unpin('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_delete('postgres/2026-03-19T03-00-00Z');
SELECT snapshot_cancel();
SELECT snapshot_cancel('postgres');

-- A request that makes no sense changes nothing.
SELECT snapshot_now(NULL);
SELECT snapshot_now('postgres', NULL);
SELECT snapshot_now('no such database');
SELECT snapshot_now('../../etc');
SELECT snapshot_verify(NULL);
SELECT snapshot_verify('postgres/2026-03-19T03-00-00Z', NULL);
SELECT snapshot_restore(NULL, 'restored');
SELECT snapshot_restore('postgres/2026-03-19T03-00-00Z', NULL);
SELECT snapshot_restore_table(NULL, 't');
SELECT snapshot_restore_table('postgres/2026-03-19T03-00-00Z', NULL);
SELECT snapshot_pin(NULL);
SELECT snapshot_prune('no such database');
SELECT snapshot_now('template0');
CREATE TEMP TABLE written (a int);
BEGIN;
INSERT INTO written VALUES (1);
SELECT snapshot_now();
ROLLBACK;
BEGIN;
INSERT INTO written VALUES (1);
SELECT snapshot_now(wait => false);
ROLLBACK;

-- The columns that are promised.
SELECT p.proname, a.ordinality, a.name, format_type(a.type, NULL)
  FROM pg_proc p,
       unnest(p.proargnames, p.proallargtypes) WITH ORDINALITY AS a(name, type)
 WHERE p.proname IN ('snapshot_list', 'snapshot_status', 'snapshot_history',
                     'snapshot_progress', 'snapshot_retention')
 ORDER BY p.proname, a.ordinality;
SELECT a.attnum, a.attname, format_type(a.atttypid, NULL)
  FROM pg_attribute a WHERE a.attrelid = 'snapshots'::regclass AND a.attnum > 0
 ORDER BY a.attnum;
