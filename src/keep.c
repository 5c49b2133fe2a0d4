/*-------------------------------------------------------------------------
 *
 * keep.c
 *	  The SQL-callable functions that pin, unpin and delete a snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "access/xlog.h"
#include "fmgr.h"
#include "functions.h"
#include "hold.h"
#include "mb/pg_wchar.h"
#include "removal.h"
#include "replace.h"
#include "settings.h"
#include "storage/fd.h"
#include "store.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(snapshot_pin);
PG_FUNCTION_INFO_V1(snapshot_unpin);
PG_FUNCTION_INFO_V1(snapshot_delete);

/* The snapshot that an argument names. */
static StoredSnapshot *
argument_snapshot(FunctionCallInfo fcinfo, int argument)
{
	functions_check_loaded();
	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the name of a snapshot must not be null")));
	return store_get(settings_directory(),
					 text_to_cstring(PG_GETARG_TEXT_PP(argument)), false);
}

/* The note of an argument, as the pin has it: in UTF-8, or "" for none. */
static const char *
argument_note(FunctionCallInfo fcinfo, int argument)
{
	const char *note = "";

	if (!PG_ARGISNULL(argument))
	{
		note = text_to_cstring(PG_GETARG_TEXT_PP(argument));
		note = pg_server_to_any(note, strlen(note), PG_UTF8);
	}
	if (strlen(note) > STORE_NOTE_MAX_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("the note is too long"),
				 errdetail("A note has at most %d bytes in UTF-8.",
						   STORE_NOTE_MAX_SIZE)));
	return note;
}

/* snapshot_pin(name text, note text) returns void */
Datum
snapshot_pin(PG_FUNCTION_ARGS)
{
	StoredSnapshot *snapshot = argument_snapshot(fcinfo, 0);
	const char *note = argument_note(fcinfo, 1);
	volatile int fd = hold_for_reading(snapshot->path);

	PG_TRY();
	{
		/* it may have been removed before it was held */
		snapshot = store_get(settings_directory(), snapshot->name, false);
		replace_file(psprintf("%s/%s", snapshot->path, STORE_PIN_FILE), note);
	}
	PG_FINALLY();
	{
		int			held = fd;

		hold_release(&held);
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}

/* snapshot_unpin(name text) returns void */
Datum
snapshot_unpin(PG_FUNCTION_ARGS)
{
	StoredSnapshot *snapshot = argument_snapshot(fcinfo, 0);
	char	   *path = psprintf("%s/%s", snapshot->path, STORE_PIN_FILE);

	if (unlink(path) == 0)
		(void) fsync_fname_ext(snapshot->path, true, false, ERROR);
	else if (errno == ENOENT)
		ereport(NOTICE,
				(errmsg("snapshot \"%s\" is not pinned", snapshot->name)));
	else
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", path)));
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

		if (strcmp(other->name, snapshot->name) != 0 && !other->failed &&
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
				 errhint("Delete it there; if there is no such cluster any more, remove directory \"%s\".",
						 snapshot->path)));
	if (!force && !snapshot->failed && !has_other_good_one(snapshot))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot \"%s\" is the last good one of its database",
						snapshot->name),
				 errhint("Use snapshot_delete(name, force => true) to delete it nevertheless.")));
	(void) removal_remove(snapshot, force, ERROR);
	PG_RETURN_VOID();
}
