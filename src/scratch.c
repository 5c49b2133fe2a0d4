/*-------------------------------------------------------------------------
 *
 * scratch.c
 *	  Databases that are made for a restore, and never left behind.
 *
 * A scratch database has a reserved name, which ends in the process ID of the
 * worker that made it, and a comment that only we give.  A restore that is
 * wanted ends by giving it another name, so that there is never half of a
 * database under that.  Every other end drops it.  What a crash leaves is swept:
 * what has such a name, such a comment and such an owner, and no living worker
 * of ours.
 *
 * pg_restore works in it as a superuser, so whoever could get in meanwhile could
 * plant a trigger and be a superuser, too.  Hence it belongs to the bootstrap
 * superuser, and nobody else may connect to it, alter it, or use it as a
 * template.  Its owner-to-be gets it in the transaction that renames it, and
 * in a test restore never.  What pg_restore does on his behalf needs some of an
 * owner's rights all the same:
 *
 * - With no_owner, his role makes everything.  It is granted CREATE and
 *	 TEMPORARY on the database, and owns schema public while pg_restore is at
 *	 work; else that belongs to pg_database_owner.
 * - Materialized views are refreshed as their owners, who may have come to
 *	 schema public by owning the database, and by nothing else.  The manifest
 *	 says so; he is granted USAGE for that time.
 *
 * None of that lets him in.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/comment.h"
#include "commands/dbcommands.h"
#include "database_settings.h"
#include "facts.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "names.h"
#include "programs.h"
#include "properties.h"
#include "queries.h"
#include "scratch.h"
#include "storage/procarray.h"
#include "test_step.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SCRATCH_COMMENT		"scratch database of snapshot_worker"

#define SCRATCH_DATABASES \
	"SELECT datname FROM pg_database" \
	" WHERE starts_with(datname::text, '" NAMES_SCRATCH_PREFIX "')" \
	" AND datdba = " CppAsString2(BOOTSTRAP_SUPERUSERID) \
	" AND shobj_description(oid, 'pg_database') = '" SCRATCH_COMMENT "'"

/*
 * Create the scratch database of a run, empty, as the database of the manifest
 * was, with its settings.  Unless it is NULL, owner is the role who is to make
 * everything in it.
 */
static void
create(Work *work, const Manifest *manifest, const char *owner)
{
	Oid			oid;

	scratch_sweep();
	snprintf(work->run.scratch, sizeof(work->run.scratch), "%s%d",
			 NAMES_SCRATCH_PREFIX, MyProcPid);
	state_set_scratch(work->run.id, work->run.scratch);

	work_begin();
	oid = properties_create_database(manifest, work->run.scratch);
	CreateSharedComments(oid, DatabaseRelationId, SCRATCH_COMMENT);
	work_commit();

	/* what fails from here on leaves no files without a database */
	work_begin();
	database_settings_apply(manifest, work->run.scratch, false);
	if (owner != NULL)
		queries_execute(psprintf("GRANT CREATE, TEMPORARY ON DATABASE %s TO %s",
								 work->run.scratch, quote_identifier(owner)));
	work_commit();
	test_step("scratch created");
}

/* The name of a role, as the archive has it; NULL where it is a superuser. */
static char *
role_to_lend_to(const char *role, const Manifest *manifest)
{
	if (superuser_arg(get_role_oid(role, false)))
		return NULL;
	return pstrdup(quote_identifier(pg_server_to_any(role, strlen(role),
													 pg_char_to_encoding(manifest->encoding))));
}

/* Run a statement in the scratch database, of which no trigger takes notice. */
static void
execute_in(Work *work, char *statement)
{
	const char *options = work->connection.options;

	work->connection.options = psprintf("%s -c session_replication_role=replica",
										options);
	(void) work_run_program(work, commands_psql(work->bin_directory,
												&work->connection,
												list_make1(statement)),
							false);
	work->connection.options = options;
}

/*
 * Restore an archive into the scratch database, as it was or, unless owner is
 * NULL, with everything made by that role.  Returns false, with the result of
 * pg_restore, when that fails with several jobs.  Raises its error when it fails
 * with one.
 */
static bool
try_restore(Work *work, const Manifest *manifest, const char *owner,
			const char *archive, int jobs, ChildResult *result)
{
	RestoreOptions options = {.jobs = jobs};
	char	  **argv;
	char	   *before = NULL;
	char	   *after = NULL;

	work_begin();
	facts_restore_connection(work->run.scratch, &work->connection);
	work->connection.encoding = manifest->encoding;
	programs_admit(work);
	work->connection.options = psprintf("%s%s", work->connection.options,
										database_settings_restore_options(manifest));
	if (owner != NULL)
	{
		char	   *role = role_to_lend_to(owner, manifest);

		options.owner = pg_server_to_any(owner, strlen(owner),
										 pg_char_to_encoding(manifest->encoding));
		if (role != NULL)
		{
			before = psprintf("ALTER SCHEMA public OWNER TO %s", role);
			after = pstrdup("ALTER SCHEMA public OWNER TO pg_database_owner");
		}
	}
	else if (manifest->owner_schemas != NIL)
	{
		char	   *role = role_to_lend_to(queries_from_utf8(manifest->owner),
										   manifest);

		if (role != NULL)
		{
			before = psprintf("GRANT USAGE ON SCHEMA public TO %s", role);
			after = psprintf("REVOKE USAGE ON SCHEMA public FROM %s", role);
		}
	}
	work_commit();

	if (before != NULL)
		execute_in(work, before);
	argv = commands_pg_restore(work->bin_directory, &work->connection, &options,
							   archive);
	if (!work_try_tables(work, argv, jobs, manifest->tables, result))
	{
		if (jobs <= 1)
			work_fail(work, argv, result);
		return false;
	}
	if (after != NULL)
		execute_in(work, after);
	return true;
}

/* Does a database of that name bear our mark, too?  As for queries_begin. */
static bool
is_ours(const char *database)
{
	bool		found;

	queries_begin(psprintf(SCRATCH_DATABASES " AND datname = %s",
						   quote_literal_cstr(database)));
	found = SPI_processed > 0;
	queries_end();
	return found;
}

/* Drop a database, if it is there and is ours, whoever is in it. */
static void
drop(const char *database)
{
	queries_prepare_process();
	work_begin();
	if (is_ours(database))
		dropdb(database, true, true);
	work_commit();
}

/*
 * As drop, after which the transaction is over in any case.  Returns the error
 * instead of raising it, or NULL.
 */
static ErrorData *
try_drop(const char *database)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *volatile edata = NULL;

	PG_TRY();
	{
		drop(database);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
	}
	PG_END_TRY();
	return edata;
}

static void
warn_of_leftover(const char *database, const ErrorData *edata)
{
	ereport(WARNING,
			(errcode(edata->sqlerrcode),
			 errmsg("could not drop scratch database \"%s\": %s",
					database, edata->message),
			 errdetail("It is tried again with the next start or the next restore.")));
}

/* Drop the scratch database of a run, if it has one. */
void
scratch_drop(Work *work)
{
	if (work->run.scratch[0] == '\0')
		return;
	drop(work->run.scratch);
	work->run.scratch[0] = '\0';
	state_set_scratch(work->run.id, "");
}

/*
 * Create the scratch database of a run, and restore an archive into it: as it
 * was or, unless owner is NULL, with everything made by that role.  Several jobs
 * can fail where one does not: they deadlock, or a dependency is missing that
 * only the order fulfils.  So one job is tried, too, in a new database.  Raises
 * an error, pg_restore's among others; then scratch_discard() is to be called.
 */
void
scratch_build(Work *work, const Manifest *manifest, const char *owner,
			  const char *archive, int jobs)
{
	ChildResult result;

	create(work, manifest, owner);
	while (!try_restore(work, manifest, owner, archive, jobs, &result))
	{
		ereport(LOG,
				(errmsg("pg_restore with %d jobs failed; it is tried with one",
						jobs),
				 errdetail_internal("%s", result.output)));
		scratch_drop(work);
		jobs = 1;
		create(work, manifest, owner);
	}
	test_step("restored");
}

/*
 * As scratch_drop, after an error.  Raises none: what cannot be dropped now is
 * warned of, and left to a sweep.
 */
void
scratch_discard(Work *work)
{
	ErrorData  *edata;

	if (work->run.scratch[0] == '\0')
		return;
	edata = try_drop(work->run.scratch);
	if (edata != NULL)
	{
		warn_of_leftover(work->run.scratch, edata);
		return;
	}
	work->run.scratch[0] = '\0';
	state_set_scratch(work->run.id, "");
}

/*
 * Give the scratch database its final name.  To be called in the transaction
 * that has put right all else about it; it is the caller's to commit.  Whoever
 * looked into it meanwhile is sent away: that is no reason to begin again.
 */
void
scratch_rename(Work *work, const char *name)
{
	CommandCounterIncrement();
	TerminateOtherDBBackends(get_database_oid(work->run.scratch, false));
	(void) RenameDatabase(work->run.scratch, name);
	ForceSyncCommit();
}

/*
 * Drop the scratch databases whose worker is no more.  What cannot be dropped
 * is warned of.
 */
void
scratch_sweep(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *databases = NIL;
	ListCell   *lc;

	queries_prepare_process();
	work_begin();
	queries_begin(SCRATCH_DATABASES);
	MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < SPI_processed; i++)
		databases = lappend(databases, queries_value(i, 0));
	queries_end();
	work_commit();

	foreach(lc, databases)
	{
		const char *database = lfirst(lc);
		pid_t		pid = strtol(database + strlen(NAMES_SCRATCH_PREFIX),
								 NULL, 10);
		ErrorData  *edata;

		if (pid != MyProcPid && state_is_worker(pid))
			continue;
		ereport(LOG,
				(errmsg("dropping leftover scratch database \"%s\"", database)));
		edata = try_drop(database);
		if (edata != NULL && edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(edata);
		if (edata != NULL)
			warn_of_leftover(database, edata);
	}
}
