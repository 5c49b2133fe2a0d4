/*-------------------------------------------------------------------------
 *
 * sql_report.c
 *	  SQL functions that report snapshots, runs and the state of the launcher.
 *
 * They keep no state: they read shared memory and the snapshot directory.  The
 * COMMENTs in the extension's script describe each function.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

#include "session/sql_util.h"
#include "session/status_warnings.h"
#include "settings.h"
#include "shmem/run_kinds.h"
#include "shmem/shared_state.h"
#include "store/hardlink.h"
#include "store/history.h"
#include "store/store.h"
#include "util/compat.h"
#include "util/file_tree.h"
#include "util/snapshot_name.h"

PG_FUNCTION_INFO_V1(snapshot_list);
PG_FUNCTION_INFO_V1(snapshot_status);
PG_FUNCTION_INFO_V1(snapshot_next_run);
PG_FUNCTION_INFO_V1(snapshot_history);
PG_FUNCTION_INFO_V1(snapshot_progress);
/* snapshot_list() returns setof record */
Datum
snapshot_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	sql_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, store_list(settings_directory(), NULL, DT_NOBEGIN, ERROR, WARNING))
	{
		StoredSnapshot *snapshot = lfirst(lc);
		Manifest   *manifest = &snapshot->manifest;
		Datum		values[24];
		bool		nulls[24] = {0};
		int			i = 0;

		values[i++] = sql_text_datum(snapshot->name);
		values[i++] = sql_name_datum(snapshot->database);
		values[i++] = sql_text_datum(manifest->reason);
		values[i++] = TimestampTzGetDatum(manifest->started_at);
		values[i++] = TimestampTzGetDatum(manifest->finished_at);
		values[i++] = Int64GetDatum(manifest->size);
		values[i++] = sql_text_datum(manifest->format);
		values[i++] = Int64GetDatum(manifest->tables);
		values[i++] = LSNGetDatum(manifest->lsn);
		values[i++] = sql_text_datum(manifest->server_version);
		nulls[i] = !store_is_verified(snapshot) || store_is_bad(snapshot);
		values[i++] = TimestampTzGetDatum(snapshot->verification.verified_at);
		values[i++] = BoolGetDatum(snapshot->pinned);
		values[i++] = sql_text_datum(snapshot->path);
		nulls[i] = !store_is_verified(snapshot);
		values[i++] = sql_text_datum(store_is_verified(snapshot) ?
									 snapshot->verification.level : "");
		nulls[i] = !store_is_bad(snapshot);
		values[i++] = sql_text_datum(store_is_bad(snapshot) ?
									 snapshot->verification.problem : "");
		nulls[i] = manifest->rows < 0;
		values[i++] = Int64GetDatum(manifest->rows);
		values[i++] = Int64GetDatum((int64) manifest->system_identifier);
		nulls[i] = snapshot->note == NULL;
		values[i++] = sql_text_datum(snapshot->note != NULL ?
									 snapshot->note : "");
		values[i++] = Int64GetDatum(manifest->size -
									hardlink_shared_size(snapshot));
		nulls[i] = snapshot->archived_at == 0;
		values[i++] = TimestampTzGetDatum(snapshot->archived_at);
		nulls[i] = manifest->base == NULL;
		values[i++] = sql_text_datum(manifest->base != NULL ?
									 manifest->base : "");
		nulls[i] = manifest->tables_read < 0;
		values[i++] = Int64GetDatum(manifest->tables_read);
		nulls[i] = manifest->tables_same < 0;
		values[i++] = Int64GetDatum(manifest->tables_same);
		nulls[i] = manifest->bytes_read < 0;
		values[i++] = Int64GetDatum(manifest->bytes_read);
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* snapshot_history() returns setof record */
Datum
snapshot_history(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *lines;

	sql_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	lines = history_read(settings_directory(), GetSystemIdentifier());
	for (int n = list_length(lines) - 1; n >= 0; n--)
	{
		HistoryLine *line = list_nth(lines, n);
		char		database[NAMEDATALEN];
		Datum		values[11] = {0};
		bool		nulls[11] = {0};
		int			i = 0;

		if (!names_database(line->name, database))
			continue;
		values[i++] = sql_text_datum(line->name);
		values[i++] = sql_name_datum(database);
		values[i++] = sql_text_datum(line->reason);
		values[i++] = Int32GetDatum((int32) line->attempt);
		values[i++] = TimestampTzGetDatum(line->started_at);
		values[i++] = TimestampTzGetDatum(line->finished_at);
		values[i++] = sql_text_datum(line->outcome);
		if (line->error != NULL)
			values[i++] = sql_text_datum(line->error);
		else
			nulls[i++] = true;
		nulls[i] = strcmp(line->outcome, OUTCOME_SUCCEEDED) != 0;
		values[i++] = Int64GetDatum(line->size);
		nulls[i] = line->tables_read < 0;
		values[i++] = Int64GetDatum(line->tables_read);
		nulls[i] = line->tables_same < 0;
		values[i++] = Int64GetDatum(line->tables_same);
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* snapshot_status() returns record */
Datum
snapshot_status(PG_FUNCTION_ARGS)
{
	LauncherPlan plan;
	Outcomes	outcomes;
	Run			run;
	bool		running;
	bool		retrying;
	pid_t		launcher_pid;
	const char *warning;
	Datum		values[14] = {0};
	bool		nulls[14];

	sql_check_loaded();
	state_get_plan(&plan, &outcomes);
	running = state_first_running(&run);
	retrying = !running && plan.retry_at != 0;
	launcher_pid = state_launcher_pid();
	warning = warnings_first(launcher_pid);

	memset(nulls, true, sizeof(nulls));
#define SET(column, datum) (nulls[column] = false, values[column] = (datum))
	SET(0, BoolGetDatum(setting_enable));
	SET(1, sql_text_datum(running ? "running" : retrying ? "retrying" :
						  setting_enable ? "idle" : "disabled"));
	if (running)
	{
		SET(2, sql_name_datum(run.request.database));
		SET(3, sql_text_datum(run.request.name));
		SET(4, Int32GetDatum(run.request.attempt));
	}
	else if (retrying)
	{
		SET(2, sql_name_datum(plan.retry_database));
		SET(4, Int32GetDatum(plan.retry_attempt));
	}
	if (retrying)
		SET(5, TimestampTzGetDatum(plan.retry_at));
	else if (plan.next_slot != 0)
		SET(5, TimestampTzGetDatum(plan.next_slot));
	if (outcomes.last_success_at != 0)
		SET(6, TimestampTzGetDatum(outcomes.last_success_at));
	if (outcomes.last_failure_at != 0)
	{
		SET(7, TimestampTzGetDatum(outcomes.last_failure_at));
		/* an error is not shown after a later success */
		if (plan.consecutive_failures > 0 ||
			outcomes.last_failure_at > outcomes.last_success_at)
			SET(8, sql_text_datum(outcomes.last_error));
	}
	SET(9, Int32GetDatum(plan.consecutive_failures));
	if (settings_directory_is_set())
		SET(10, sql_text_datum(settings_directory()));
	if (launcher_pid != 0)
		SET(11, Int32GetDatum(launcher_pid));
	if (warning != NULL)
		SET(12, sql_text_datum(warning));
	if (outcomes.archive_error[0] != '\0' && setting_archive_command[0] != '\0')
		SET(13, sql_text_datum(outcomes.archive_error));
#undef SET

	return sql_row_datum(fcinfo, values, nulls);
}

/* snapshot_next_run(after timestamptz) returns timestamptz */
Datum
snapshot_next_run(PG_FUNCTION_ARGS)
{
	TimestampTz after = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz next = DT_NOEND;
	SlotTimes	times;

	sql_check_loaded();
	settings_schedule(&times);
	if (!TIMESTAMP_NOT_FINITE(after))
		next = slot_times_next(&times, after);
	if (!IS_VALID_TIMESTAMP(next))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	PG_RETURN_TIMESTAMPTZ(next);
}

/* Return the bytes that a run has written or, if it only reads, has read. */
static int64
bytes_of(const Run *run)
{
	const char *path;
	int64		size;

	if (run->request.kind != KIND_SNAPSHOT || !settings_directory_is_set())
		return run->progress.shown.bytes;
	path = psprintf("%s/%s", settings_directory(), run->request.name);
	size = file_tree_size(psprintf("%s%s", path, NAMES_STAGING_SUFFIX));
	/* it may have been published by now */
	return size > 0 ? size : file_tree_size(path);
}

/* snapshot_progress() returns setof record */
Datum
snapshot_progress(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TimestampTz now = GetCurrentTimestamp();
	Run		   *runs;
	int			nruns;

	sql_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	nruns = state_active_runs(&runs);
	for (Run *run = runs; run < runs + nruns; run++)
	{
		const Progress *progress = &run->progress.shown;
		Datum		values[10] = {0};
		bool		nulls[10] = {0};
		int			i = 0;

		if (run->request.database[0] != '\0')
			values[i++] = sql_name_datum(run->request.database);
		else
			nulls[i++] = true;
		if (run->request.name[0] != '\0')
			values[i++] = sql_text_datum(run->request.name);
		else
			nulls[i++] = true;
		values[i++] = sql_text_datum(run->state == RUN_STARTING ||
									 progress->phase[0] == '\0' ?
									 "starting" : progress->phase);
		values[i++] = Int64GetDatum(progress->tables_done);
		nulls[i] = progress->tables_total == 0;
		values[i++] = Int64GetDatum(progress->tables_total);
		nulls[i] = progress->current_table[0] == '\0';
		values[i++] = sql_text_datum(progress->current_table);
		values[i++] = Int64GetDatum(bytes_of(run));
		nulls[i] = run->progress.started_at == 0;
		values[i++] = DirectFunctionCall2(timestamp_mi,
										  TimestampTzGetDatum(now),
										  TimestampTzGetDatum(run->progress.started_at));
		values[i++] = Int32GetDatum(progress->percent);
		values[i++] = sql_text_datum(run_kind(&run->request)->action);
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}
