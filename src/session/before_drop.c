/*-------------------------------------------------------------------------
 *
 * before_drop.c
 *	  Take a snapshot before a statement that destroys data.
 *
 * If "snapshot_worker.before_drop" applies to a statement, because it drops a
 * database or removes much data from one, the statement waits until a snapshot
 * contains that data.  If no snapshot can be taken, the statement fails.
 *
 * Between the snapshot and the locks of the statement, other sessions can
 * write data that no snapshot contains.  Taking the locks first is not
 * possible, because pg_dump would have to wait for them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "tcop/utility.h"
#include "utils/timestamp.h"

#include "database/database_sessions.h"
#include "database/unchanged_since.h"
#include "session/before_drop.h"
#include "session/before_drop_database.h"
#include "session/before_drop_size.h"
#include "session/request.h"
#include "settings.h"
#include "store/store.h"
#include "util/errors.h"
#include "util/wait_events.h"

/* Interval at which to check whether the last run of a database has ended. */
#define POLL_MS				20

static ProcessUtility_hook_type prev_process_utility = NULL;

/*
 * Return the name of a snapshot of the database that is recent enough and has
 * the same contents that a new one would have, or NULL.  Unreadable snapshots
 * are skipped: they are damaged, or a new run will raise the same error.
 */
static const char *
find_recent(const char *database)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz since = now - setting_before_drop_max_age * USECS_PER_SEC;
	ListCell   *lc;

	if (setting_before_drop_max_age == 0)
		return NULL;
	foreach(lc, store_list(settings_directory(), database, since, DEBUG1, DEBUG1))
	{
		StoredSnapshot *snapshot = lfirst(lc);
		Manifest   *manifest = &snapshot->manifest;

		if (!store_is_bad(snapshot) &&
			manifest->system_identifier == GetSystemIdentifier() &&
			manifest->started_at >= since && manifest->started_at <= now &&
			is_unchanged_since(manifest))
			return snapshot->name;
	}
	return NULL;
}

/*
 * Wait until no run of the database is running or queued.  If it is not the
 * current database, also wait until no worker or program of ours is connected
 * to it: DROP DATABASE would wait only for some seconds, and with FORCE would
 * terminate a run.  In the current database, pg_dump fails if a table that it
 * has seen, but not yet locked, is dropped; the statement would make the
 * snapshot of another session fail.
 */
static void
wait_for_runs(const char *database, Oid oid)
{
	while (state_is_busy(database) ||
		   (oid != MyDatabaseId && sessions_exist(oid)))
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 POLL_MS, wait_event(WAIT_SESSIONS));
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Make sure that a snapshot of the database exists.  Raises an error when it
 * cannot be taken.
 */
static void
ensure_snapshot(Oid oid, const char *command)
{
	const char *database = get_database_name(oid);
	const char *name;
	Run			run;

	if (database == NULL)
		return;					/* the server raises the error */
	name = find_recent(database);
	if (name == NULL)
	{
		(void) request_check_database(database);
		request_check_not_written();
		request_check_not_locked(oid, "Commit first.");
		request_snapshot(database, REASON_BEFORE_DROP, false, true, &run);
		name = run.request.name;
		wait_for_runs(database, oid);
	}
	/* we may hold locks in our own database, so we must not wait there */
	else if (oid != MyDatabaseId)
		wait_for_runs(database, oid);
	ereport(NOTICE,
			(errmsg("snapshot \"%s\" was taken before %s", name, command)));
}

/*
 * As ensure_snapshot(), but an error names the statement that was not
 * executed, and its hint says how to do without a snapshot.
 */
static void
ensure_snapshot_or_explain(Oid oid, const char *command)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		ensure_snapshot(oid, command);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(caller);

		if (edata->sqlerrcode != ERRCODE_QUERY_CANCELED)
		{
			const char *without = "To proceed without a snapshot, a superuser can SET snapshot_worker.before_drop = off.";

			edata->hint = edata->hint == NULL ? pstrdup(without) :
				psprintf("%s %s", edata->hint, without);
		}
		edata->context = psprintf("%s was not executed: it must wait for a snapshot%s%s",
								  command,
								  edata->context == NULL ? "" : "\n",
								  edata->context == NULL ? "" : edata->context);
		ReThrowError(edata);
	}
	PG_END_TRY();
}

/* Take a snapshot first if before_drop applies to this statement. */
static void
save_before(Node *statement, bool is_top_level)
{
	Oid			oid = InvalidOid;

	/* the server refuses the statement, or no user asked for it */
	if (XactReadOnly || RecoveryInProgress() || creating_extension)
		return;

	if (IsA(statement, DropdbStmt))
		oid = before_drop_database((DropdbStmt *) statement, is_top_level);
	else if (setting_before_drop == BEFORE_DROP_TABLE &&
			 before_drop_size(statement) > (int64) setting_before_drop_size * 1024)
		oid = MyDatabaseId;
	if (OidIsValid(oid))
		ensure_snapshot_or_explain(oid, CreateCommandName(statement));
}

static void
process_utility(PlannedStmt *pstmt, const char *query, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params,
				QueryEnvironment *environment, DestReceiver *destination,
				QueryCompletion *completion)
{
	if (setting_before_drop != BEFORE_DROP_OFF)
		save_before(pstmt->utilityStmt, context == PROCESS_UTILITY_TOPLEVEL);

	if (prev_process_utility)
		prev_process_utility(pstmt, query, read_only_tree, context, params,
							 environment, destination, completion);
	else
		standard_ProcessUtility(pstmt, query, read_only_tree, context, params,
								environment, destination, completion);
}

/* Install the ProcessUtility hook.  Called by _PG_init. */
void
before_drop_install(void)
{
	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = process_utility;
}
