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
#include "test_step.h"
#include "utils/memutils.h"

#define SCRATCH_COMMENT		"scratch database of snapshot_worker"

#define SCRATCH_DATABASES \
	"SELECT datname FROM pg_database" \
	" WHERE starts_with(datname::text, '" NAMES_SCRATCH_PREFIX "')" \
	" AND shobj_description(oid, 'pg_database') = '" SCRATCH_COMMENT "'"

/*
 * Create the scratch database of a run, empty, as the database of the manifest
 * was.  A NULL owner is the one in the manifest.  Raises an error when that
 * fails; scratch_drop() is then to be called.
 */
void
scratch_create(Work *work, const Manifest *manifest, const char *owner)
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

/* Restore an archive into the scratch database.  Raises pg_restore's error. */
void
scratch_restore(Work *work, const char *archive, const Manifest *manifest,
				const RestoreOptions *options)
{
	work_begin();
	facts_restore_connection(work->run.scratch, &work->connection);
	work_commit();
	work->connection.encoding = manifest->encoding;
	work_go_through_tables(work,
						   commands_pg_restore(work->bin_directory,
											   &work->connection, options,
											   archive),
						   options->jobs, manifest->tables);
	test_step("restored");
}

static void
drop(const char *database)
{
	work_begin();
	dropdb(database, true, true);
	work_commit();
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
 * As scratch_drop, after an error.  Raises none: what cannot be dropped now is
 * warned of, and left to a sweep.
 */
void
scratch_discard(Work *work)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		scratch_drop(work);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not drop scratch database \"%s\": %s",
						work->run.scratch, edata->message),
				 errdetail("It is tried again with the next start or the next restore.")));
	}
	PG_END_TRY();
}

/*
 * Give the scratch database its final name.  To be called in the transaction
 * that has put right all else about it; it is the caller's to commit.
 */
void
scratch_rename(Work *work, const char *name)
{
	CommandCounterIncrement();
	(void) RenameDatabase(work->run.scratch, name);
	ForceSyncCommit();
}

/*
 * Drop the scratch databases whose worker is no more.  What cannot be dropped
 * is an error.
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
		pid_t		pid = atoi(database + strlen(NAMES_SCRATCH_PREFIX));

		if (pid != MyProcPid && state_is_worker(pid))
			continue;
		ereport(LOG,
				(errmsg("dropping leftover scratch database \"%s\"", database)));
		drop(database);
	}
}
