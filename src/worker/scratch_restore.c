/*-------------------------------------------------------------------------
 *
 * scratch_restore.c
 *	  Restore a dump into a scratch database, and collect statistics there.
 *
 * scratch_database.c tells which rights the roles have there meanwhile.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "database/catalog_query.h"
#include "database/database_settings.h"
#include "database/dump_transaction.h"
#include "util/test_step.h"
#include "worker/program_sessions.h"
#include "worker/scratch_database.h"
#include "worker/scratch_query.h"
#include "worker/scratch_restore.h"

/*
 * Return the name of a role in the dump's encoding, or NULL for a superuser,
 * who needs no grants.
 */
static char *
role_to_lend_to(const char *role, const Manifest *manifest)
{
	if (superuser_arg(get_role_oid(role, false)))
		return NULL;
	return pstrdup(quote_identifier(pg_server_to_any(role, strlen(role),
													 pg_char_to_encoding(manifest->encoding))));
}

/*
 * Run pg_restore.  With one job, read its errors, if left_out is not NULL: it
 * may go on after them.  With several jobs, their lines may be mixed up.
 * Otherwise as try_restore().
 */
static bool
run_pg_restore(RunContext *cxt, const Manifest *manifest,
			   const char *archive, const RestoreOptions *options,
			   LeftOut *left_out, ChildResult *result)
{
	bool		reads_errors = options->jobs <= 1 && left_out != NULL;
	char	  **argv;
	bool		done;

	argv = tool_args_pg_restore(cxt->bin_directory, &cxt->connection, options,
								archive);
	if (reads_errors)
	{
		left_out_begin(left_out);
		cxt->errors = &left_out->errors;
	}
	done = run_try_tables(cxt, argv, options->jobs, manifest->tables, result);
	if (reads_errors)
	{
		cxt->errors = NULL;
		restore_errors_end(&left_out->errors);
	}
	if (done || options->jobs > 1)
		return done;
	if (!reads_errors)
		run_fail(cxt, argv, result);
	if (!left_out_is_all(left_out, cxt, result))
		left_out_fail(left_out, cxt, argv, result);
	return true;
}

/*
 * Restore a dump into the scratch database, with its original owners or,
 * unless owner is NULL, with that role owning everything.  Returns false, with
 * the result of pg_restore, when pg_restore with several jobs fails.  Raises
 * its error when it fails with one job.
 */
static bool
try_restore(RunContext *cxt, const Manifest *manifest, const char *owner,
			const char *archive, int jobs, LeftOut *left_out,
			ChildResult *result)
{
	RestoreOptions options = {.jobs = jobs};
	RestoreMode mode = {.no_owner = owner != NULL};
	char	   *before = NULL;
	char	   *after = NULL;

	options.go_on = mode.go_on = jobs <= 1 && left_out != NULL && left_out->go_on;
	run_begin_transaction();
	connection_for_restore(cxt->run.progress.scratch, &cxt->connection);
	cxt->connection.encoding = manifest->encoding;
	programs_admit_restore(cxt, &mode);
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
		scratch_execute(cxt, list_make1(before));
	if (!run_pg_restore(cxt, manifest, archive, &options, left_out, result))
		return false;
	if (after != NULL)
		scratch_execute(cxt, list_make1(after));
	return true;
}

/*
 * Create the scratch database of a run, and restore a dump into it: with its
 * original owners or, unless owner is NULL, with that role owning everything.
 * Several jobs may fail where one job succeeds, by a deadlock, or by a
 * dependency that only the order of the dump ensures.  A failure with several
 * jobs is therefore followed by an attempt with one job, in a new database.
 * Unless left_out is NULL, it receives what was left out or changed, and tells
 * whether what cannot be restored may be left out; only the attempt with one
 * job does that.  Raises an error, for example that of pg_restore; the caller
 * then calls scratch_discard().
 */
void
scratch_build(RunContext *cxt, const Manifest *manifest, const char *owner,
			  const char *archive, int jobs, LeftOut *left_out)
{
	ChildResult result;

	scratch_create(cxt, manifest, owner);
	while (!try_restore(cxt, manifest, owner, archive, jobs, left_out, &result))
	{
		ereport(LOG,
				(errmsg("pg_restore with %d jobs failed, retrying with one",
						jobs),
				 errdetail_internal("%s", result.output)));
		scratch_drop(cxt);
		jobs = 1;
		scratch_create(cxt, manifest, owner);
	}
	if (left_out != NULL)
		left_out_add_notes(left_out, cxt);
	test_step("restored");
}

/*
 * Collect the statistics of the scratch database for the planner, over the
 * connection of the restore.  A failure is a WARNING: the data are there, and
 * autovacuum collects statistics, too.
 */
void
scratch_analyze(RunContext *cxt)
{
	ChildResult result;
	char	  **argv = tool_args_psql(cxt->bin_directory, &cxt->connection,
									  list_make1("ANALYZE"));

	test_step("analyzing");
	if (access(argv[0], X_OK) != 0)
		result.output = psprintf("%s: %s", argv[0], strerror(errno));
	else if (run_try_program(cxt, argv, -1, CHILD_DISCARD, &result))
		return;
	ereport(WARNING,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("could not analyze the restored database \"%s\"",
					cxt->run.request.target),
			 errdetail_internal("%s", result.output)));
}
