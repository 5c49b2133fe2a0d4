/*-------------------------------------------------------------------------
 *
 * scratch.c
 *	  Databases that are made for a restore, and never left behind.
 *
 * A scratch database has a reserved name, which ends in the process ID of the
 * worker that made it, and a comment that only we give; superusers alone may
 * connect to it.  A restore that is wanted ends by giving it another name, so
 * that there is never half of a database under that.  Every other end drops it.
 * What a crash leaves is swept: what has such a name and such a comment, and no
 * living worker of ours.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_database.h"
#include "commands/comment.h"
#include "commands/dbcommands.h"
#include "facts.h"
#include "miscadmin.h"
#include "names.h"
#include "properties.h"
#include "queries.h"
#include "scratch.h"
#include "storage/procarray.h"
#include "test_step.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define SCRATCH_COMMENT		"scratch database of snapshot_worker"

#define SCRATCH_DATABASES \
	"SELECT datname FROM pg_database" \
	" WHERE starts_with(datname::text, '" NAMES_SCRATCH_PREFIX "')" \
	" AND shobj_description(oid, 'pg_database') = '" SCRATCH_COMMENT "'"

/*
 * Create the scratch database of a run, empty, as the database of the manifest
 * was.  A NULL owner is the one in the manifest.
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
	oid = properties_create_database(manifest, work->run.scratch, owner);
	CreateSharedComments(oid, DatabaseRelationId, SCRATCH_COMMENT);
	work_commit();
	test_step("scratch created");
}

/* The pg_restore of an archive into the scratch database. */
static char **
command(Work *work, const char *archive, const Manifest *manifest,
		const RestoreOptions *options)
{
	work_begin();
	facts_restore_connection(work->run.scratch, &work->connection);
	work_commit();
	work->connection.encoding = manifest->encoding;
	return commands_pg_restore(work->bin_directory, &work->connection, options,
							   archive);
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
 * Create the scratch database of a run, and restore an archive into it.  A NULL
 * owner is the one in the manifest.  Several jobs can fail where one does not:
 * they deadlock, or a dependency is missing that only the order fulfils.  So
 * that is tried, too.  Raises an error, pg_restore's among others; then
 * scratch_discard() is to be called.
 */
void
scratch_build(Work *work, const Manifest *manifest, const char *owner,
			  const char *archive, const RestoreOptions *options)
{
	RestoreOptions tried = *options;

	for (;;)
	{
		ChildResult result;
		char	  **argv;

		create(work, manifest, owner);
		argv = command(work, archive, manifest, &tried);
		if (work_try_tables(work, argv, tried.jobs, manifest->tables, &result))
			break;
		if (tried.jobs <= 1)
			work_fail(work, argv, &result);
		ereport(LOG,
				(errmsg("pg_restore with %d jobs failed; it is tried with one",
						tried.jobs),
				 errdetail_internal("%s", result.output)));
		scratch_drop(work);
		tried.jobs = 1;
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
