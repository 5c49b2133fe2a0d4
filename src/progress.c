/*-------------------------------------------------------------------------
 *
 * progress.c
 *	  The SQL-callable function that tells how far runs have come.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "files.h"
#include "fmgr.h"
#include "funcapi.h"
#include "functions.h"
#include "settings.h"
#include "shared_state.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(snapshot_progress);

static const char *
action_of(const Run *run)
{
	switch (run->kind)
	{
		case KIND_SNAPSHOT:
			return "snapshot";
		case KIND_VERIFY:
		case KIND_VERIFY_ALL:
			return "verify";
		case KIND_RESTORE:
			return "restore";
		case KIND_ARCHIVE:
			return "archive";
		case KIND_ALERT:
			return "alert";
		case KIND_SWEEP:
			break;
	}
	return "sweep";
}

/* The bytes that a run has written, or that one which only reads has read. */
static int64
bytes_of(const Run *run)
{
	const char *path;
	int64		size;

	if (run->kind != KIND_SNAPSHOT || !settings_directory_is_set())
		return run->progress.bytes;
	path = psprintf("%s/%s", settings_directory(), run->name);
	size = files_size(psprintf("%s%s", path, NAMES_STAGING_SUFFIX));
	/* by now, it may have its name */
	return size > 0 ? size : files_size(path);
}

/* snapshot_progress() returns setof record */
Datum
snapshot_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TimestampTz now = GetCurrentTimestamp();
	Run		   *runs;
	int			nruns;

	functions_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	nruns = state_active_runs(&runs);
	for (Run *run = runs; run < runs + nruns; run++)
	{
		const Progress *progress = &run->progress;
		Datum		values[10] = {0};
		bool		nulls[10] = {0};
		int			i = 0;

		if (run->database[0] != '\0')
			values[i++] = functions_name_datum(run->database);
		else
			nulls[i++] = true;
		if (run->name[0] != '\0')
			values[i++] = functions_text_datum(run->name);
		else
			nulls[i++] = true;
		values[i++] = functions_text_datum(run->state == RUN_STARTING ||
										   progress->phase[0] == '\0' ?
										   "starting" : progress->phase);
		values[i++] = Int64GetDatum(progress->tables_done);
		nulls[i] = progress->tables_total == 0;
		values[i++] = Int64GetDatum(progress->tables_total);
		nulls[i] = progress->current_table[0] == '\0';
		values[i++] = functions_text_datum(progress->current_table);
		values[i++] = Int64GetDatum(bytes_of(run));
		nulls[i] = run->started_at == 0;
		values[i++] = DirectFunctionCall2(timestamp_mi,
										  TimestampTzGetDatum(now),
										  TimestampTzGetDatum(run->started_at));
		values[i++] = Int32GetDatum(progress->percent);
		values[i++] = functions_text_datum(action_of(run));
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}
