/*-------------------------------------------------------------------------
 *
 * prune.c
 *	  Applying retention, or telling what that would do.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "archive.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "functions.h"
#include "prune.h"
#include "removal.h"
#include "retention.h"
#include "settings.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(snapshot_retention);
PG_FUNCTION_INFO_V1(snapshot_prune);

/* Judge one database's snapshots, newest first, by the rules that are set. */
static int *
judge(const List *snapshots, const char *newest)
{
	RetentionRules rules = {
		.scheduled = setting_retention,
		.requested = setting_retention_manual,
		.days = setting_retention_days,
		.daily = setting_keep_daily,
		.weekly = setting_keep_weekly,
		.monthly = setting_keep_monthly,
		.yearly = setting_keep_yearly,
		.unarchived = archive_is_on() ? setting_archive_max_waiting : 0,
	};

	return retention_judge(snapshots, GetSystemIdentifier(), newest, &rules,
						   GetCurrentTimestamp());
}

/*
 * Remove what retention no longer keeps of a database's snapshots, of which
 * "newest" (or NULL) was just taken.  Returns how many were removed; what
 * cannot be is reported at elevel.
 */
int
prune_database(const char *directory, const char *database,
			   const char *newest, int elevel)
{
	List	   *snapshots = store_list(directory, database, DT_NOBEGIN, ERROR,
									   WARNING);
	int		   *reasons = judge(snapshots, newest);
	int			removed = 0;
	ListCell   *lc;

	foreach(lc, snapshots)
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (reasons[foreach_current_index(lc)] != 0)
			continue;
		if (removal_remove(snapshot, false, elevel))
		{
			removed++;
			if (archive_is_on() && snapshot->archived_at == 0 &&
				!snapshot->failed)
				ereport(WARNING,
						(errmsg("snapshot \"%s\" was removed without having been archived",
								snapshot->name),
						 errdetail("More than \"snapshot_worker.archive_max_waiting\" waited to be archived."),
						 errhint("See to it that \"snapshot_worker.archive_command\" succeeds: snapshot_status() has its last error.")));
			ereport(DEBUG1,
					(errmsg_internal("removed snapshot \"%s\"",
									 snapshot->name)));
		}
	}
	return removed;
}

static bool
exists(const char *database)
{
	return OidIsValid(get_database_oid(database, true));
}

static int
by_database(const ListCell *a, const ListCell *b)
{
	const StoredSnapshot *x = lfirst(a);
	const StoredSnapshot *y = lfirst(b);
	int			order = strcmp(x->database, y->database);

	if (order == 0 && x->start != y->start)
		order = x->start > y->start ? -1 : 1;
	return order;
}

/*
 * The snapshots in the directory, of one database or (NULL) of all: a list with
 * a list for each database, newest first.
 */
static List *
snapshots_by_database(const char *database)
{
	List	   *snapshots = store_list(settings_directory(), database,
									   DT_NOBEGIN, ERROR, WARNING);
	List	   *databases = NIL;
	List	   *same = NIL;
	ListCell   *lc;

	list_sort(snapshots, by_database);
	foreach(lc, snapshots)
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (same != NIL &&
			strcmp(((StoredSnapshot *) linitial(same))->database,
				   snapshot->database) != 0)
		{
			databases = lappend(databases, same);
			same = NIL;
		}
		same = lappend(same, snapshot);
	}
	return same == NIL ? databases : lappend(databases, same);
}

static const char *
argument_database(FunctionCallInfo fcinfo)
{
	return PG_ARGISNULL(0) ? NULL : NameStr(*PG_GETARG_NAME(0));
}

/* snapshot_retention(database name) returns setof record */
Datum
snapshot_retention(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;
	ListCell   *lc2;

	functions_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, snapshots_by_database(argument_database(fcinfo)))
	{
		const List *snapshots = lfirst(lc);
		int		   *reasons = judge(snapshots, NULL);
		bool		gone = !exists(((StoredSnapshot *) linitial(snapshots))->database);

		foreach(lc2, snapshots)
		{
			StoredSnapshot *snapshot = lfirst(lc2);
			int			why = reasons[foreach_current_index(lc2)];
			Datum		values[4];
			bool		nulls[4] = {0};

			if (gone && why != KEPT_FOREIGN)
				why |= KEPT_GONE;
			values[0] = functions_text_datum(snapshot->name);
			values[1] = functions_name_datum(snapshot->database);
			values[2] = BoolGetDatum(why != 0);
			values[3] = CStringGetTextDatum(retention_describe(why));
			nulls[3] = why == 0;
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
								 values, nulls);
		}
	}
	return (Datum) 0;
}

/* snapshot_prune(database name) returns integer */
Datum
snapshot_prune(PG_FUNCTION_ARGS)
{
	const char *database = argument_database(fcinfo);
	int			removed = 0;
	ListCell   *lc;

	functions_check_loaded();
	if (database != NULL && !exists(database))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_DATABASE),
				 errmsg("database \"%s\" does not exist", database),
				 errdetail("The snapshots of a database that is gone stay until they are deleted."),
				 errhint("Use snapshot_delete().")));

	foreach(lc, snapshots_by_database(database))
	{
		StoredSnapshot *snapshot = linitial((List *) lfirst(lc));

		if (exists(snapshot->database))
			removed += prune_database(settings_directory(),
									  snapshot->database, NULL, WARNING);
	}
	PG_RETURN_INT32(removed);
}
