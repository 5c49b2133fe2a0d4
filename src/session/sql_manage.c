/*-------------------------------------------------------------------------
 *
 * sql_manage.c
 *	  SQL functions that pin, delete and prune snapshots.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "session/sql_util.h"
#include "settings.h"
#include "store/prune.h"
#include "store/removal.h"
#include "store/retention.h"
#include "store/snapshot_lock.h"
#include "store/store.h"
#include "util/compat.h"

PG_FUNCTION_INFO_V1(snapshot_pin);
PG_FUNCTION_INFO_V1(snapshot_unpin);
PG_FUNCTION_INFO_V1(snapshot_delete);
PG_FUNCTION_INFO_V1(snapshot_retention);
PG_FUNCTION_INFO_V1(snapshot_prune);

/* Return the snapshot that an argument names. */
static StoredSnapshot *
argument_snapshot(FunctionCallInfo fcinfo, int argument)
{
	sql_check_loaded();
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("snapshot name must not be null")));
	return store_get(settings_directory(),
					 text_to_cstring(PG_GETARG_TEXT_PP(argument)), false);
}

/*
 * Return the note in an argument as the pin stores it: in UTF-8, "" if NULL.
 */
static const char *
argument_note(FunctionCallInfo fcinfo, int argument)
{
	const char *note = "";

	if (!PG_ARGISNULL(argument))
	{
		note = text_to_cstring(PG_GETARG_TEXT_PP(argument));
		note = pg_server_to_any(note, strlen(note), PG_UTF8);
	}
	if (strlen(note) > MARK_NOTE_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the note is too long"),
				 errdetail("A note has at most %d bytes in UTF-8.",
						   MARK_NOTE_MAX_SIZE)));
	return note;
}

/* snapshot_pin(name text, note text) returns void */
Datum
snapshot_pin(PG_FUNCTION_ARGS)
{
	StoredSnapshot *snapshot = argument_snapshot(fcinfo, 0);
	const char *note = argument_note(fcinfo, 1);
	volatile int fd = snapshot_lock_shared(snapshot->path);

	PG_TRY();
	{
		/* it may have been removed before we locked it */
		snapshot = store_get(settings_directory(), snapshot->name, false);
		pinned_mark_write(snapshot->path, note);
	}
	PG_FINALLY();
	{
		int			held = fd;

		snapshot_unlock(&held);
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}

/* snapshot_unpin(name text) returns void */
Datum
snapshot_unpin(PG_FUNCTION_ARGS)
{
	StoredSnapshot *snapshot = argument_snapshot(fcinfo, 0);

	if (!pinned_mark_remove(snapshot->path))
		ereport(NOTICE,
				(errmsg("snapshot \"%s\" is not pinned", snapshot->name)));
	PG_RETURN_VOID();
}

/* Is there another good snapshot of the same database and cluster? */
static bool
has_other_good_one(const StoredSnapshot *snapshot)
{
	ListCell   *lc;

	foreach(lc, store_list(settings_directory(), snapshot->database,
						   DT_NOBEGIN, ERROR, WARNING))
	{
		StoredSnapshot *other = lfirst(lc);

		if (strcmp(other->name, snapshot->name) != 0 && !store_is_bad(other) &&
			other->manifest.system_identifier ==
			snapshot->manifest.system_identifier)
			return true;
	}
	return false;
}

/* snapshot_delete(name text, force boolean) returns void */
Datum
snapshot_delete(PG_FUNCTION_ARGS)
{
	StoredSnapshot *snapshot = argument_snapshot(fcinfo, 0);
	bool		force = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);

	if (snapshot->manifest.system_identifier != GetSystemIdentifier())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot \"%s\" belongs to another cluster",
						snapshot->name),
				 errhint("Delete it there. If that cluster no longer exists, remove directory \"%s\".",
						 snapshot->path)));
	if (!force && !store_is_bad(snapshot) && !has_other_good_one(snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot \"%s\" is the last good one of its database",
						snapshot->name),
				 errhint("Use snapshot_delete(name, force => true) to delete it anyway.")));
	(void) removal_remove(snapshot, force, ERROR);
	PG_RETURN_VOID();
}

static bool
database_exists(const char *database)
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
 * Return the snapshots of one database, or of all (NULL), as a list with one
 * list per database, newest first.
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

/* snapshot_retention(database name) returns setof record */
Datum
snapshot_retention(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;
	ListCell   *lc2;

	sql_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, snapshots_by_database(sql_name_argument(fcinfo, 0)))
	{
		const List *snapshots = lfirst(lc);
		int		   *reasons = prune_judge(snapshots, NULL);
		bool		gone = !database_exists(((StoredSnapshot *) linitial(snapshots))->database);

		foreach(lc2, snapshots)
		{
			StoredSnapshot *snapshot = lfirst(lc2);
			int			why = reasons[foreach_current_index(lc2)];
			Datum		values[4];
			bool		nulls[4] = {0};

			if (gone && why != KEPT_FOREIGN)
				why |= KEPT_GONE;
			values[0] = sql_text_datum(snapshot->name);
			values[1] = sql_name_datum(snapshot->database);
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
	const char *database = sql_name_argument(fcinfo, 0);
	int			removed = 0;
	ListCell   *lc;

	sql_check_loaded();
	if (database != NULL && !database_exists(database))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_DATABASE),
				 errmsg("database \"%s\" does not exist", database),
				 errdetail("Snapshots of a dropped database are kept until they are deleted."),
				 errhint("Use snapshot_delete().")));

	foreach(lc, snapshots_by_database(database))
	{
		StoredSnapshot *snapshot = linitial((List *) lfirst(lc));

		if (database_exists(snapshot->database))
			removed += prune_database(settings_directory(),
									  snapshot->database, NULL, WARNING);
	}
	PG_RETURN_INT32(removed);
}
