/* snapshot_worker--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION snapshot_worker" to load this file. \quit

CREATE FUNCTION snapshot_now(
    database name DEFAULT current_database(),
    wait boolean DEFAULT true,
    "full" boolean DEFAULT false)
RETURNS text
AS 'MODULE_PATHNAME', 'snapshot_now'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_now(name, boolean, boolean) IS
'take a snapshot of a database and return its name, after the run or, without wait, at once; with full, read all tables, changed or not, and compare those that seem unchanged with the last snapshot; raises an error if the awaited run fails, if the transaction has written, or if no directory is set';

CREATE FUNCTION snapshot_list(
    OUT name text,
    OUT database name,
    OUT reason text,
    OUT started_at timestamptz,
    OUT finished_at timestamptz,
    OUT size bigint,
    OUT format text,
    OUT tables bigint,
    OUT lsn pg_lsn,
    OUT server_version text,
    OUT verified_at timestamptz,
    OUT pinned boolean,
    OUT path text,
    OUT verify_level text,
    OUT problem text,
    OUT rows bigint,
    OUT system_identifier bigint,
    OUT note text,
    OUT exclusive_size bigint,
    OUT archived_at timestamptz,
    OUT base text,
    OUT tables_read bigint,
    OUT tables_same bigint,
    OUT bytes_read bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_list'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_list() IS
'list the snapshots in the snapshot directory, newest first; sizes are in bytes; verify_level, problem and verified_at are the level, the finding and the time of the last verification, and verified_at is null if it failed; rows is the total of all tables, null if not counted; system_identifier identifies the cluster; note belongs to the pin; exclusive_size is the part that no other snapshot shares; archived_at is when the successful archive_command began; base is the snapshot that unchanged tables were taken from, null if all tables were read, tables_read and tables_same are the numbers of tables read and taken from there, bytes_read is the size in the database of the tables read; skips damaged snapshots with a warning; raises an error if the directory cannot be read or is not set';

CREATE FUNCTION snapshot_at(
    "time" timestamptz DEFAULT now(),
    database name DEFAULT current_database())
RETURNS text
AS 'MODULE_PATHNAME', 'snapshot_at'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_at(timestamptz, name) IS
'return the name of the newest snapshot of a database at or before a time that this cluster has taken and in which no verification has found a problem; raises an error if there is no such snapshot';

CREATE FUNCTION snapshot_rows(
    name text,
    "row" anyelement)
RETURNS SETOF anyelement
AS 'MODULE_PATHNAME', 'snapshot_rows'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_rows(text, anyelement) IS
'return the rows that a table has in a snapshot, read from its dump; name is that of the snapshot, latest, latest before with a timestamp, or a timestamp; the row type names the table, and columns are matched by name; raises an error if the snapshot does not have the table, is damaged, or has a value that is not valid for its column';

CREATE FUNCTION snapshot_rows(
    name text,
    "table" text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_rows_of_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_rows(text, text) IS
'return the rows that a table has in a snapshot, as the function with a row type does, with the columns of a column definition list; a table name without a schema is looked for in all schemas';

CREATE FUNCTION snapshot_tables(
    name text,
    OUT "schema" name,
    OUT "table" name,
    OUT rows bigint,
    OUT bytes bigint,
    OUT shared boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_tables'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_tables(text) IS
'list the tables whose rows a snapshot has; rows is null if they were not counted; bytes is the size of the file with the rows, and shared tells whether the snapshot before has the same file, both null in custom format';

CREATE FUNCTION snapshot_schema(
    name text,
    "table" text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'snapshot_schema'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_schema(text, text) IS
'return the definitions in a snapshot as SQL: of all objects, or of one table, view or sequence with what belongs to it';

CREATE FUNCTION snapshot_diff(
    older text,
    newer text DEFAULT NULL,
    OUT "schema" name,
    OUT "table" name,
    OUT change text,
    OUT rows_before bigint,
    OUT rows_after bigint,
    OUT bytes_before bigint,
    OUT bytes_after bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_diff'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_diff(text, text) IS
'compare the tables of two snapshots, or of a snapshot and the current database: added, dropped, changed, same, or null if that cannot be told without reading them; rows and bytes are null if unknown';

CREATE FUNCTION snapshot_status(
    OUT enabled boolean,
    OUT state text,
    OUT current_database name,
    OUT current_name text,
    OUT attempt integer,
    OUT next_run timestamptz,
    OUT last_success_at timestamptz,
    OUT last_failure_at timestamptz,
    OUT last_error text,
    OUT consecutive_failures integer,
    OUT directory text,
    OUT launcher_pid integer,
    OUT warning text,
    OUT archive_error text)
RETURNS record
AS 'MODULE_PATHNAME', 'snapshot_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_status() IS
'report the current state (disabled, idle, running or retrying), the next run, the outcome of the last runs, a warning for the administrator, and the error of archive_command if its last execution failed';

CREATE FUNCTION snapshot_next_run(
    after timestamptz DEFAULT now())
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snapshot_next_run'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION snapshot_next_run(timestamptz) IS
'return the first scheduled time strictly after the given time; raises an error if it is out of range';

CREATE FUNCTION snapshot_history(
    OUT name text,
    OUT database name,
    OUT reason text,
    OUT attempt integer,
    OUT started_at timestamptz,
    OUT finished_at timestamptz,
    OUT outcome text,
    OUT error text,
    OUT size bigint,
    OUT tables_read bigint,
    OUT tables_same bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_history'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_history() IS
'list about a thousand of the latest finished runs, newest first, with their outcome (succeeded, failed, or interrupted by a crash); size is in bytes; tables_read and tables_same are the numbers of tables read and taken from an earlier snapshot, null if unknown; raises an error if no directory is set';

CREATE FUNCTION snapshot_cancel(
    database name DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'snapshot_cancel'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_cancel(name) IS
'cancel the runs of a database, or of all databases, and return the number of runs canceled; a canceled scheduled run is not retried before the next scheduled time';

CREATE FUNCTION snapshot_progress(
    OUT database name,
    OUT name text,
    OUT phase text,
    OUT tables_done bigint,
    OUT tables_total bigint,
    OUT current_table text,
    OUT bytes_written bigint,
    OUT elapsed interval,
    OUT percent integer,
    OUT action text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_progress'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_progress() IS
'list the runs in progress (action: snapshot, verify, restore, archive, alert or sweep) and their progress; bytes_written is the number of bytes that a snapshot has written, or a verification has read, so far; percent never decreases';

CREATE FUNCTION snapshot_verify(
    name text,
    restore boolean DEFAULT false)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snapshot_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_verify(text, boolean) IS
'verify a snapshot: compare its files with its manifest, read the whole dump, and optionally restore it into a scratch database and compare the result; returns the time of success, raises an error that describes the problem otherwise; stores the outcome with the snapshot';

CREATE FUNCTION snapshot_verify_all(
    database name DEFAULT NULL,
    OUT name text,
    OUT verified_at timestamptz,
    OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_verify_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_verify_all(name) IS
'compare the size and SHA-256 of every file of the snapshots of a database, or of all databases, with their manifests, and return the time of success or the problem of each snapshot; reads a shared file once; raises an error if the directory cannot be read or is not set';

CREATE FUNCTION snapshot_restore(
    name text,
    target name,
    jobs integer DEFAULT 1,
    no_owner boolean DEFAULT false,
    on_error text DEFAULT 'stop',
    run_analyze boolean DEFAULT true,
    OUT database name,
    OUT tables bigint,
    OUT rows bigint,
    OUT seconds double precision,
    OUT left_out text[])
RETURNS record
AS 'MODULE_PATHNAME', 'snapshot_restore'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_restore(text, name, integer, boolean, text, boolean) IS
'create a database with the properties of the dumped one and restore the snapshot into it; the database appears under its name only when complete; jobs is the number of tables restored at the same time; no_owner makes the caller the owner of everything and omits privileges; on_error => ''continue'' leaves out what cannot be restored, with a WARNING for each object; run_analyze collects statistics; subscriptions are always omitted; returns the tables and rows restored, the seconds taken, and the objects left out; raises an error if the database exists, if roles are missing, if the transaction has written, or if pg_restore fails';

CREATE FUNCTION snapshot_restore_table(
    name text,
    "table" text,
    INOUT target text DEFAULT NULL,
    OUT rows bigint,
    OUT seconds double precision,
    OUT left_out text[])
RETURNS record
AS 'MODULE_PATHNAME', 'snapshot_restore_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_restore_table(text, text, text) IS
'bring a table of a snapshot back into the current database, with its rows and all that belongs to it, under its own name or as target (a name, or a schema and a name); returns the name, the number of rows, the time taken, and what could not come along, which is also a warning; never touches an existing table; raises an error if the name is taken, if the transaction has written or locked a table, or if the table cannot be created';

CREATE FUNCTION snapshot_pin(
    name text,
    note text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_pin'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_pin(text, text) IS
'protect a snapshot from retention, which then does not count it either; the note, up to 1024 bytes, replaces that of an earlier pin; raises an error if the snapshot does not exist';

CREATE FUNCTION snapshot_unpin(
    name text)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_unpin'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_unpin(text) IS
'make a pinned snapshot subject to retention again; raises an error if the snapshot does not exist';

CREATE FUNCTION snapshot_delete(
    name text,
    force boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_delete'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_delete(text, boolean) IS
'remove a snapshot permanently; raises an error if it belongs to another cluster, is in use, or contains foreign files, and, unless force is true, if it is pinned or the last good snapshot of its database';

CREATE FUNCTION snapshot_retention(
    database name DEFAULT NULL,
    OUT name text,
    OUT database name,
    OUT kept boolean,
    OUT rules text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_retention'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_retention(name) IS
'list the snapshots of a database, or of all databases, with whether retention would keep each of them now, and by which rules';

CREATE FUNCTION snapshot_prune(
    database name DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'snapshot_prune'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_prune(name) IS
'remove the snapshots that retention does not keep, of a database or of all existing databases, and return the number of snapshots removed; raises a warning for each snapshot that could not be removed';

CREATE VIEW snapshots AS
SELECT name,
       database,
       started_at,
       finished_at - started_at AS duration,
       pg_size_pretty(size) AS size,
       pg_size_pretty(exclusive_size) AS exclusive_size,
       reason,
       CASE WHEN problem IS NULL THEN verify_level END AS verified,
       problem,
       pinned,
       note,
       archived_at,
       system_identifier = (SELECT c.system_identifier
                              FROM pg_control_system() c) AS own
  FROM snapshot_list();

COMMENT ON VIEW snapshots IS
'snapshots in the snapshot directory, newest first, formatted for people, with units for sizes; see snapshot_list()';

REVOKE ALL ON FUNCTION snapshot_now(name, boolean, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_list() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_at(timestamptz, name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_rows(text, anyelement) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_rows(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_tables(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_schema(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_diff(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_status() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_next_run(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_history() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_cancel(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_progress() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_verify(text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_verify_all(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_restore(text, name, integer, boolean, text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_restore_table(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_pin(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_unpin(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_delete(text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_retention(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_prune(name) FROM PUBLIC;

-- Members of pg_monitor may call the functions that only report.  All others
-- are for superusers until granted.
GRANT EXECUTE ON FUNCTION snapshot_list() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_at(timestamptz, name) TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_status() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_next_run(timestamptz) TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_history() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_progress() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_retention(name) TO pg_monitor;
GRANT SELECT ON snapshots TO pg_monitor;
