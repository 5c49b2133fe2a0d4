/*-------------------------------------------------------------------------
 *
 * scratch_database.c
 *	  Scratch databases: create, rename, drop and sweep them.
 *
 * The name of a scratch database has a reserved prefix and ends in the process
 * ID of the worker that created it; the database also has a comment that only
 * we use.  A successful restore renames it to its target, so a database with
 * that name is never incomplete.  All other ends drop it.  A sweep drops those
 * left by a crash: databases with such a name, such a comment and the
 * bootstrap superuser as owner, whose worker no longer runs.
 *
 * pg_restore connects to it as a superuser.  A user who could connect
 * meanwhile could plant a trigger and become superuser, too.  The database
 * therefore belongs to the bootstrap superuser, and no other role may connect
 * to it, alter it, or use it as a template.  Its future owner becomes the
 * owner in the transaction that renames it; in a test restore, never.  Yet
 * pg_restore needs some of the owner's rights when it acts on the owner's
 * behalf:
 *
 * - With no_owner, the owner's role creates everything.  It is granted CREATE
 *   and TEMPORARY on the database, and owns schema public while pg_restore
 *   runs; afterwards pg_database_owner owns that schema again.
 * - Materialized views are refreshed as their owners.  The database's owner
 *   may have access to schema public only by owning the database.  If the
 *   manifest says so, the owner is granted USAGE on the schema for that time.
 *
 * None of these rights allows the owner to connect.
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
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "database/catalog_query.h"
#include "database/database_properties.h"
#include "database/database_settings.h"
#include "util/errors.h"
#include "util/snapshot_name.h"
#include "util/test_step.h"
#include "worker/scratch_database.h"

#define SCRATCH_COMMENT		"scratch database of snapshot_worker"

#define SCRATCH_DATABASES \
	"SELECT datname FROM pg_database" \
	" WHERE starts_with(datname::text, '" NAMES_SCRATCH_PREFIX "')" \
	" AND datdba = " CppAsString2(BOOTSTRAP_SUPERUSERID) \
	" AND shobj_description(oid, 'pg_database') = '" SCRATCH_COMMENT "'"

/*
 * Create the scratch database of a run: empty, with the properties and
 * settings in the manifest.  Unless NULL, owner is the role that will create
 * all objects.
 */
void
scratch_create(RunContext *cxt, const Manifest *manifest, const char *owner)
{
	Oid			oid;

	scratch_sweep();
	snprintf(cxt->run.progress.scratch, sizeof(cxt->run.progress.scratch), "%s%d",
			 NAMES_SCRATCH_PREFIX, MyProcPid);
	state_set_scratch(cxt->run.progress.scratch);

	run_begin_transaction();
	oid = properties_create_database(manifest, cxt->run.progress.scratch);
	CreateSharedComments(oid, DatabaseRelationId, SCRATCH_COMMENT);
	run_commit_transaction();

	/* if something fails from here on, no files are left without a database */
	run_begin_transaction();
	database_settings_apply(manifest, cxt->run.progress.scratch, false);
	if (owner != NULL)
		catalog_execute(psprintf("GRANT CREATE, TEMPORARY ON DATABASE %s TO %s",
								 cxt->run.progress.scratch, quote_identifier(owner)));
	run_commit_transaction();
	test_step("scratch created");
}

/*
 * Is the database of this name a scratch database, by its comment and owner?
 * Needs what catalog_begin() needs.
 */
static bool
is_scratch_database(const char *database)
{
	bool		found;

	catalog_begin(psprintf(SCRATCH_DATABASES " AND datname = %s",
						   quote_literal_cstr(database)));
	found = SPI_processed > 0;
	catalog_end();
	return found;
}

/* Drop a database, if it exists and is ours, and terminate its sessions. */
static void
drop_scratch_database(const char *database)
{
	catalog_prepare_process();
	run_begin_transaction();
	if (is_scratch_database(database))
		dropdb(database, true, true);
	run_commit_transaction();
}

/*
 * As drop_scratch_database(), but returns the error, or NULL, instead of
 * raising it.  The transaction has ended in either case.
 */
static ErrorData *
try_drop_scratch_database(const char *database)
{
	MemoryContext caller = CurrentMemoryContext;
	ErrorData  *volatile edata = NULL;

	PG_TRY();
	{
		drop_scratch_database(database);
	}
	PG_CATCH();
	{
		edata = error_catch_and_abort(caller);
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
			 errdetail("This is retried with the next start or the next restore.")));
}

/* Drop the scratch database of a run, if it has one. */
void
scratch_drop(RunContext *cxt)
{
	if (cxt->run.progress.scratch[0] == '\0')
		return;
	drop_scratch_database(cxt->run.progress.scratch);
	cxt->run.progress.scratch[0] = '\0';
	state_set_scratch("");
}

/*
 * As scratch_drop(), but after an error.  Raises no error: a failure is a
 * WARNING, and a sweep drops the database later.
 */
void
scratch_discard(RunContext *cxt)
{
	ErrorData  *edata;

	if (cxt->run.progress.scratch[0] == '\0')
		return;
	edata = try_drop_scratch_database(cxt->run.progress.scratch);
	if (edata != NULL)
	{
		warn_of_leftover(cxt->run.progress.scratch, edata);
		return;
	}
	cxt->run.progress.scratch[0] = '\0';
	state_set_scratch("");
}

/*
 * Give the scratch database its final name, as the last step of the
 * transaction that applies all other changes; the caller commits.  Terminates
 * other sessions in the database, because a session that only looked into it
 * is no reason to start again.
 */
void
scratch_rename(RunContext *cxt, const char *name)
{
	MemoryContext context = CurrentMemoryContext;

	CommandCounterIncrement();
	TerminateOtherDBBackends(get_database_oid(cxt->run.progress.scratch, false));
	PG_TRY();
	{
		(void) RenameDatabase(cxt->run.progress.scratch, name);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(context);

		/* another session has taken the name since RenameDatabase() looked */
		if (edata->sqlerrcode == ERRCODE_UNIQUE_VIOLATION)
			properties_name_is_taken(name);
		ReThrowError(edata);
	}
	PG_END_TRY();
	ForceSyncCommit();
}

/*
 * Drop the scratch databases whose worker no longer runs.  Failures are
 * WARNINGs.
 */
void
scratch_sweep(void)
{
	MemoryContext caller = CurrentMemoryContext;
	List	   *databases = NIL;
	ListCell   *lc;

	catalog_prepare_process();
	run_begin_transaction();
	catalog_begin(SCRATCH_DATABASES);
	MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < SPI_processed; i++)
		databases = lappend(databases, catalog_value(i, 0));
	catalog_end();
	run_commit_transaction();

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
		edata = try_drop_scratch_database(database);
		if (edata != NULL && edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(edata);
		if (edata != NULL)
			warn_of_leftover(database, edata);
	}
}
