/*-------------------------------------------------------------------------
 *
 * snapshot_at.c
 *	  Which snapshot a text names: by name, as the latest, or by a time.
 *
 * Only the name is taken as it is.  Everything else means the newest good
 * snapshot of a database that this cluster has taken at or before a time: no
 * verification has found a problem in it.  The time of a snapshot is that in
 * its name.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "session/snapshot_at.h"
#include "session/sql_util.h"
#include "settings.h"
#include "store/store.h"
#include "util/compat.h"
#include "util/snapshot_name.h"

#define LATEST			"latest"
#define LATEST_BEFORE	"latest before "

#define NAME_HINT \
	"Use a name from snapshot_list(), \"latest\", \"latest before\" with a timestamp, or a timestamp."

PG_FUNCTION_INFO_V1(snapshot_at);

static bool
is_good_at(const StoredSnapshot *snapshot, const void *arg)
{
	return snapshot->start <= *(const TimestampTz *) arg &&
		snapshot->manifest.system_identifier == GetSystemIdentifier() &&
		!store_is_bad(snapshot);
}

/*
 * Return the name of the newest good snapshot of a database at or before a
 * time, palloc'd.  Raises an error if it has no such snapshot.
 */
char *
snapshot_at_find(const char *database, TimestampTz time)
{
	const StoredSnapshot *snapshot = store_newest(settings_directory(),
												  database, is_good_at, &time);

	if (snapshot == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 TIMESTAMP_NOT_FINITE(time) ?
				 errmsg("database \"%s\" has no good snapshot", database) :
				 errmsg("database \"%s\" has no good snapshot at or before %s",
						database, timestamptz_to_str(time)),
				 errhint("snapshot_list() lists all snapshots.")));
	return snapshot->name;
}

/* Tell which texts name a snapshot, in an error about a timestamp. */
static void
add_hint(void *arg)
{
	if (geterrcode() != ERRCODE_QUERY_CANCELED)
		errhint(NAME_HINT);
}

/* Read a timestamp.  Raises an error if the text is not one. */
static TimestampTz
read_time(const char *text)
{
	ErrorContextCallback callback = {error_context_stack, add_hint, NULL};
	TimestampTz time;

	error_context_stack = &callback;
	time = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
												   CStringGetDatum(text),
												   ObjectIdGetDatum(InvalidOid),
												   Int32GetDatum(-1)));
	error_context_stack = callback.previous;
	return time;
}

/*
 * Return the name of the snapshot that a text names, palloc'd: its name,
 * "latest", "latest before" with a timestamp, or a timestamp.  All but the
 * name mean a snapshot of the current database.  Raises an error if the text
 * is not one of these, or if there is no such snapshot; a name is not looked
 * up.
 */
char *
snapshot_at_resolve(const char *text)
{
	char		database[NAMEDATALEN];
	TimestampTz time;

	if (names_database(text, database))
		return pstrdup(text);
	if (strlen(text) >= NAMES_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid snapshot name"),
				 errhint(NAME_HINT)));
	if (pg_strcasecmp(text, LATEST) == 0)
		time = DT_NOEND;
	else if (pg_strncasecmp(text, LATEST_BEFORE, strlen(LATEST_BEFORE)) == 0)
		time = read_time(text + strlen(LATEST_BEFORE));
	else
		time = read_time(text);
	return snapshot_at_find(get_database_name(MyDatabaseId), time);
}

/* snapshot_at(time timestamptz, database name) returns text */
Datum
snapshot_at(PG_FUNCTION_ARGS)
{
	sql_check_arguments(fcinfo, "snapshot_at");
	return sql_text_datum(snapshot_at_find(sql_name_argument(fcinfo, 1),
										   PG_GETARG_TIMESTAMPTZ(0)));
}
