/*-------------------------------------------------------------------------
 *
 * scratch_database.c
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
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "database/catalog_query.h"
#include "database/database_properties.h"
#include "database/database_settings.h"
#include "database/dump_transaction.h"
#include "util/snapshot_name.h"
#include "util/test_step.h"
#include "worker/program_sessions.h"
#include "worker/scratch_database.h"

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
create(RunContext *cxt, const Manifest *manifest, const char *owner)
{
	Oid			oid;

	scratch_sweep();
	snprintf(cxt->run.scratch, sizeof(cxt->run.scratch), "%s%d",
			 NAMES_SCRATCH_PREFIX, MyProcPid);
	state_set_scratch(cxt->run.id, cxt->run.scratch);

	run_begin_transaction();
	oid = properties_create_database(manifest, cxt->run.scratch);
	CreateSharedComments(oid, DatabaseRelationId, SCRATCH_COMMENT);
	run_commit_transaction();

	/* what fails from here on leaves no files without a database */
	run_begin_transaction();
	database_settings_apply(manifest, cxt->run.scratch, false);
	if (owner != NULL)
		catalog_execute(psprintf("GRANT CREATE, TEMPORARY ON DATABASE %s TO %s",
								 cxt->run.scratch, quote_identifier(owner)));
	run_commit_transaction();
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
execute_in(RunContext *cxt, char *statement)
{
	const char *options = cxt->connection.options;

	cxt->connection.options = psprintf("%s -c session_replication_role=replica",
										options);
	(void) run_program(cxt, tool_args_psql(cxt->bin_directory,
												&cxt->connection,
												list_make1(statement)),
							false);
	cxt->connection.options = options;
}

/*
 * Restore an archive into the scratch database, as it was or, unless owner is
 * NULL, with everything made by that role.  Returns false, with the result of
 * pg_restore, when that fails with several jobs.  Raises its error when it fails
 * with one.
 */
static bool
try_restore(RunContext *cxt, const Manifest *manifest, const char *owner,
			const char *archive, int jobs, ChildResult *result)
{
	RestoreOptions options = {.jobs = jobs};
	char	  **argv;
	char	   *before = NULL;
	char	   *after = NULL;

	run_begin_transaction();
	connection_for_restore(cxt->run.scratch, &cxt->connection);
	cxt->connection.encoding = manifest->encoding;
	programs_admit(cxt);
	cxt->connection.options = psprintf("%s%s", cxt->connection.options,
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
		char	   *role = role_to_lend_to(catalog_from_utf8(manifest->owner),
										   manifest);

		if (role != NULL)
		{
			before = psprintf("GRANT USAGE ON SCHEMA public TO %s", role);
			after = psprintf("REVOKE USAGE ON SCHEMA public FROM %s", role);
		}
	}
	run_commit_transaction();

	if (before != NULL)
		execute_in(cxt, before);
	argv = tool_args_pg_restore(cxt->bin_directory, &cxt->connection, &options,
							   archive);
	if (!run_try_tables(cxt, argv, jobs, manifest->tables, result))
	{
		if (jobs <= 1)
			run_fail(cxt, argv, result);
		return false;
	}
	if (after != NULL)
		execute_in(cxt, after);
	return true;
}

/* Does a database of that name bear our mark, too?  As for catalog_begin. */
static bool
is_ours(const char *database)
{
	bool		found;

	catalog_begin(psprintf(SCRATCH_DATABASES " AND datname = %s",
						   quote_literal_cstr(database)));
	found = SPI_processed > 0;
	catalog_end();
	return found;
}

/* Drop a database, if it is there and is ours, whoever is in it. */
static void
drop(const char *database)
{
	catalog_prepare_process();
	run_begin_transaction();
	if (is_ours(database))
		dropdb(database, true, true);
	run_commit_transaction();
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
scratch_drop(RunContext *cxt)
{
	if (cxt->run.scratch[0] == '\0')
		return;
	drop(cxt->run.scratch);
	cxt->run.scratch[0] = '\0';
	state_set_scratch(cxt->run.id, "");
}

/*
 * Create the scratch database of a run, and restore an archive into it: as it
 * was or, unless owner is NULL, with everything made by that role.  Several jobs
 * can fail where one does not: they deadlock, or a dependency is missing that
 * only the order fulfils.  So one job is tried, too, in a new database.  Raises
 * an error, pg_restore's among others; then scratch_discard() is to be called.
 */
void
scratch_build(RunContext *cxt, const Manifest *manifest, const char *owner,
			  const char *archive, int jobs)
{
	ChildResult result;

	create(cxt, manifest, owner);
	while (!try_restore(cxt, manifest, owner, archive, jobs, &result))
	{
		ereport(LOG,
				(errmsg("pg_restore with %d jobs failed; it is tried with one",
						jobs),
				 errdetail_internal("%s", result.output)));
		scratch_drop(cxt);
		jobs = 1;
		create(cxt, manifest, owner);
	}
	test_step("restored");
}

/*
 * As scratch_drop, after an error.  Raises none: what cannot be dropped now is
 * warned of, and left to a sweep.
 */
void
scratch_discard(RunContext *cxt)
{
	ErrorData  *edata;

	if (cxt->run.scratch[0] == '\0')
		return;
	edata = try_drop(cxt->run.scratch);
	if (edata != NULL)
	{
		warn_of_leftover(cxt->run.scratch, edata);
		return;
	}
	cxt->run.scratch[0] = '\0';
	state_set_scratch(cxt->run.id, "");
}

/*
 * Give the scratch database its final name.  To be called in the transaction
 * that has put right all else about it; it is the caller's to commit.  Whoever
 * looked into it meanwhile is sent away: that is no reason to begin again.
 */
void
scratch_rename(RunContext *cxt, const char *name)
{
	CommandCounterIncrement();
	TerminateOtherDBBackends(get_database_oid(cxt->run.scratch, false));
	(void) RenameDatabase(cxt->run.scratch, name);
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
		edata = try_drop(database);
		if (edata != NULL && edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(edata);
		if (edata != NULL)
			warn_of_leftover(database, edata);
	}
}
