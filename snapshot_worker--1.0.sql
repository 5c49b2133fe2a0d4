/* snapshot_worker--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION snapshot_worker" to load this file. \quit

CREATE FUNCTION snapshot_now(
    database name DEFAULT current_database(),
    wait boolean DEFAULT true)
RETURNS text
AS 'MODULE_PATHNAME', 'snapshot_now'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_now(name, boolean) IS
'take a snapshot of a database and return its name: once it is published, or at once if it is not waited for; raises an error if it is waited for and fails, in a transaction that has written, and if no directory is set';

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
    OUT archived_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_list'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_list() IS
'the snapshots in the snapshot directory, newest first; size is in bytes; verify_level is how far it was last verified, problem what was then found, verified_at when it was found good; rows are those of all tables, where they were counted; system_identifier is that of its cluster, note that of its pin; exclusive_size is the bytes that no other snapshot holds; archived_at is when archive_command had succeeded; warns of damaged ones and leaves them out; raises an error if the directory cannot be read or none is set';

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
'what snapshot_worker is doing (state: disabled, idle, running or retrying), what comes next, how the last runs ended, what an administrator should see to, and why archive_command failed, if it did when it was last run';

CREATE FUNCTION snapshot_next_run(
    after timestamptz DEFAULT now())
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snapshot_next_run'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION snapshot_next_run(timestamptz) IS
'the first time strictly after the given one at which scheduled snapshots are due; raises an error if that is out of range';

CREATE FUNCTION snapshot_history(
    OUT name text,
    OUT database name,
    OUT reason text,
    OUT attempt integer,
    OUT started_at timestamptz,
    OUT finished_at timestamptz,
    OUT outcome text,
    OUT error text,
    OUT size bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_history'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_history() IS
'the last some thousand runs that ended, newest first, with their outcome (succeeded, failed, or interrupted by a crash); size is in bytes; raises an error if no directory is set';

CREATE FUNCTION snapshot_cancel(
    database name DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'snapshot_cancel'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_cancel(name) IS
'stop the runs of a database, or of all, and return how many that were; a scheduled run that is stopped is not tried again before its next time';

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
'the runs in progress (action: snapshot, verify, restore, archive, alert or sweep) and how far they have come; bytes_written is what a snapshot has on disk so far, or what a verification has read; percent only rises';

CREATE FUNCTION snapshot_verify(
    name text,
    restore boolean DEFAULT false)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'snapshot_verify'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_verify(text, boolean) IS
'compare the files of a snapshot with its manifest, read the whole archive, and on request restore it into a scratch database and compare that; returns when it was found good, and raises an error that names what is wrong otherwise; either is kept beside the snapshot';

CREATE FUNCTION snapshot_verify_all(
    database name DEFAULT NULL,
    OUT name text,
    OUT verified_at timestamptz,
    OUT problem text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_verify_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_verify_all(name) IS
'compare the size and SHA-256 of every file of the snapshots of a database, or of all, with the manifest, and return for each when it was found good or what the problem is; a file that several share is read once; raises an error if no directory is set or it cannot be read';

CREATE FUNCTION snapshot_restore(
    name text,
    target name,
    jobs integer DEFAULT 1,
    no_owner boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_restore'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_restore(text, name, integer, boolean) IS
'create a database as that of the snapshot was, and restore into it; there is no such database before it is whole; jobs is how many tables are restored at the same time; with no_owner, all is the caller''s, and privileges are left out; subscriptions are left out in any case; raises an error if the database exists, if roles are missing, in a transaction that has written, and whatever pg_restore says';

CREATE FUNCTION snapshot_pin(
    name text,
    note text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_pin'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_pin(text, text) IS
'keep a snapshot from being removed by retention, which does not count it either; the note, up to 1024 bytes, replaces that of an earlier pin; raises an error if there is no such snapshot';

CREATE FUNCTION snapshot_unpin(
    name text)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_unpin'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_unpin(text) IS
'let retention have a snapshot again; raises an error if there is no such snapshot';

CREATE FUNCTION snapshot_delete(
    name text,
    force boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'snapshot_delete'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_delete(text, boolean) IS
'remove a snapshot for good; raises an error if it belongs to another cluster, is in use, or holds files that are not its own, and without force also if it is pinned or the last good one of its database';

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
'the snapshots of a database, or of all, whether retention would keep each of them now, and by which rules';

CREATE FUNCTION snapshot_prune(
    database name DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'snapshot_prune'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_prune(name) IS
'remove the snapshots of a database, or of all that exist, which retention does not keep, and return how many that were; warns of those that could not be removed';

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
'the snapshots in the snapshot directory, newest first, in a form for people: sizes with units; see snapshot_list()';

REVOKE ALL ON FUNCTION snapshot_now(name, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_list() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_status() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_next_run(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_history() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_cancel(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_progress() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_verify(text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_verify_all(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_restore(text, name, integer, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_pin(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_unpin(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_delete(text, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_retention(name) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_prune(name) FROM PUBLIC;

-- Who watches the server may see all that these functions tell, as he may see
-- its statistics and settings; the others act, and are for those whom a
-- superuser lets.
GRANT EXECUTE ON FUNCTION snapshot_list() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_status() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_next_run(timestamptz) TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_history() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_progress() TO pg_monitor;
GRANT EXECUTE ON FUNCTION snapshot_retention(name) TO pg_monitor;
GRANT SELECT ON snapshots TO pg_monitor;
