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
    OUT path text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'snapshot_list'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_list() IS
'the snapshots in the snapshot directory, newest first; size is in bytes; warns of damaged ones and leaves them out; raises an error if the directory cannot be read or none is set';

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
    OUT warning text)
RETURNS record
AS 'MODULE_PATHNAME', 'snapshot_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION snapshot_status() IS
'what snapshot_worker is doing (state: disabled, idle, running or retrying), what comes next, how the last runs ended, and what an administrator should see to';

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

REVOKE ALL ON FUNCTION snapshot_now(name, boolean) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_list() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_status() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_next_run(timestamptz) FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_history() FROM PUBLIC;
REVOKE ALL ON FUNCTION snapshot_cancel(name) FROM PUBLIC;
