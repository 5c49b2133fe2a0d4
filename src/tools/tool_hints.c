/*-------------------------------------------------------------------------
 *
 * tool_hints.c
 *	  Hints for errors of pg_dump and pg_restore: pure.
 *
 * The server's messages are in English if the role may set that (see
 * dump_transaction.c).  If they are not, an error has no hint.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/tool_hints.h"

/* A program that an error can come from. */
typedef enum Program
{
	ANY_PROGRAM,
	PG_DUMP,					/* and pg_dumpall */
	PG_RESTORE
} Program;

typedef struct Hint
{
	Program		program;
	const char *words;			/* a part of the error */
	const char *hint;
} Hint;

#define PERMISSION_TO_READ \
	"The role of \"snapshot_worker.user\" must be a superuser, or be able to read all that it dumps (pg_read_all_data)."

#define TOO_LARGE \
	"The text of a row exceeds 1 GB, which PostgreSQL can store but not dump: a bytea takes twice its size. Find the row by pg_column_size(), and split the value or make it a large object."

#define DAMAGED \
	"The table is damaged. Pin the existing snapshots with snapshot_pin(), and check the disk. \"pg_dump --exclude-table-data\" saves all other tables."

#define LOCALE_MISSING \
	"Install that locale or ICU version in the operating system, and restart the server."

/* The first match is used. */
static const Hint hints[] = {
	{ANY_PROGRAM, "no password supplied",
	"pg_hba.conf asks for a password: put it into the pass file (~/.pgpass) of the operating system user that runs the server, or use \"peer\" authentication."},
	{ANY_PROGRAM, "password authentication failed",
	"Check the pass file (~/.pgpass) of the operating system user that runs the server."},
	{ANY_PROGRAM, "Peer authentication failed",
	"Set \"snapshot_worker.user\" to a role that pg_hba.conf and pg_ident.conf allow for the server's operating system user."},
	{ANY_PROGRAM, "pg_hba.conf rejects connection",
	"In pg_hba.conf, allow the role of \"snapshot_worker.user\" to connect to this database over the server's Unix-domain socket."},
	{ANY_PROGRAM, "no pg_hba.conf entry",
	"In pg_hba.conf, allow the role of \"snapshot_worker.user\" to connect to this database over the server's Unix-domain socket."},
	{ANY_PROGRAM, "too many clients already",
	"Raise \"max_connections\": pg_dump needs one connection more than \"snapshot_worker.jobs\"."},
	{ANY_PROGRAM, "remaining connection slots are reserved",
	"Raise \"max_connections\": pg_dump needs one connection more than \"snapshot_worker.jobs\"."},
	{ANY_PROGRAM, "too many connections for role",
	"Raise the role's limit by ALTER ROLE ... CONNECTION LIMIT: pg_dump needs one connection more than \"snapshot_worker.jobs\"."},
	{ANY_PROGRAM, "too many connections for database",
	"Raise the database's limit by ALTER DATABASE ... CONNECTION LIMIT, or set \"snapshot_worker.user\" to a superuser, who is exempt from it."},
	{PG_DUMP, "after the dump began",
	"A statement such as TRUNCATE or ALTER TABLE was just committed. Take the snapshot again."},
	{PG_DUMP, "permission denied for database",
	"Grant CONNECT on the database to the role of \"snapshot_worker.user\"."},
	{PG_DUMP, "row-level security policy",
	"The role of \"snapshot_worker.user\" must be a superuser, or have BYPASSRLS."},
	{PG_DUMP, "permission denied for large object",
	"The role of \"snapshot_worker.user\" must be a superuser, or be granted SELECT on all large objects."},
	{PG_DUMP, "permission denied", PERMISSION_TO_READ},
	{PG_RESTORE, "permission denied",
	"Restored objects run with the privileges of their owner: a function in a constraint, an index or a materialized view reads something that its owner may not read."},
	{PG_DUMP, "conflict with recovery",
	"On a standby, raise \"max_standby_streaming_delay\", or set \"hot_standby_feedback\" to \"on\"."},
	{PG_DUMP, "Cannot enlarge string buffer", TOO_LARGE},
	{PG_DUMP, "string buffer exceeds maximum allowed length", TOO_LARGE},
	{PG_DUMP, "invalid page in block", DAMAGED},
	{PG_DUMP, "could not read block", DAMAGED},
	{PG_DUMP, "missing chunk number", DAMAGED},
	{PG_DUMP, "unexpected chunk number", DAMAGED},
	{PG_DUMP, "compressed pglz data is corrupt", DAMAGED},
	{PG_DUMP, "compressed lz4 data is corrupt", DAMAGED},
	{PG_DUMP, "could not access status of transaction", DAMAGED},
	{PG_DUMP, "invalid memory alloc request size",
	"The text of a row exceeds 1 GB, or the table is damaged. Read the table in parts to find the row."},
	{PG_RESTORE, "could not create locale", LOCALE_MISSING},
	{PG_RESTORE, "invalid locale name", LOCALE_MISSING},
	{PG_RESTORE, "could not open collator for locale", LOCALE_MISSING},
};

/*
 * Return a hint for the last output of a program, given by name without its
 * directory, or NULL.
 */
const char *
tool_hint(const char *program, const char *output)
{
	Program		which = strcmp(program, "pg_restore") == 0 ? PG_RESTORE : PG_DUMP;
	bool		locking = strstr(output, "Query was: LOCK TABLE") != NULL;

	for (size_t i = 0; i < lengthof(hints); i++)
	{
		if ((hints[i].program == ANY_PROGRAM || hints[i].program == which) &&
			strstr(output, hints[i].words) != NULL)
			return hints[i].hint;
	}
	if (locking && strstr(output, "canceling statement") != NULL)
		return "Another session holds a strong lock on a table. \"snapshot_worker.lock_timeout\" limits the wait for it.";
	if (locking && strstr(output, "does not exist") != NULL)
		return "A table was dropped or renamed just before pg_dump locked it. Take the snapshot again.";
	return NULL;
}
