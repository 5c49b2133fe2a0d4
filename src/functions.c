/*-------------------------------------------------------------------------
 *
 * functions.c
 *	  The SQL-callable functions that tell something.
 *
 * They hold no state: what they tell is read from shared memory and from the
 * snapshot directory.  What each one means is in the COMMENTs of the
 * extension's script.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xlog.h"
#include "directory.h"
#include "exposure.h"
#include "file_system.h"
#include "fmgr.h"
#include "funcapi.h"
#include "functions.h"
#include "history.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "names.h"
#include "settings.h"
#include "share.h"
#include "shared_state.h"
#include "store.h"
#include "utils/builtins.h"
#include "utils/pg_lsn.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(snapshot_list);
PG_FUNCTION_INFO_V1(snapshot_status);
PG_FUNCTION_INFO_V1(snapshot_next_run);
PG_FUNCTION_INFO_V1(snapshot_history);


/* Raise an error where the library was not loaded with the server. */
void
functions_check_loaded(void)
{
	if (!state_exists())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("snapshot_worker must be loaded via \"shared_preload_libraries\""),
				 errhint("Add snapshot_worker to \"shared_preload_libraries\" in postgresql.conf and restart the server.")));
}

/*
 * A copy for the caller.  Names and messages can come from a database of
 * another encoding; what is not valid here gets a "?" for each odd byte.
 */
char *
functions_clean_text(const char *value)
{
	char	   *copy = pstrdup(value);

	if (!pg_verifymbstr(copy, strlen(copy), true))
	{
		for (char *p = copy; *p != '\0'; p++)
		{
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
		}
	}
	return copy;
}

/* As text, cleaned. */
Datum
functions_text_datum(const char *value)
{
	return CStringGetTextDatum(functions_clean_text(value));
}

/* As a name, cleaned. */
Datum
functions_name_datum(const char *value)
{
	return DirectFunctionCall1(namein, CStringGetDatum(functions_clean_text(value)));
}

/* snapshot_list() returns setof record */
Datum
snapshot_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell   *lc;

	functions_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, store_list(settings_directory(), NULL, DT_NOBEGIN, ERROR, WARNING))
	{
		StoredSnapshot *snapshot = lfirst(lc);
		Manifest   *manifest = &snapshot->manifest;
		Datum		values[20];
		bool		nulls[20] = {0};
		int			i = 0;

		values[i++] = functions_text_datum(snapshot->name);
		values[i++] = functions_name_datum(snapshot->database);
		values[i++] = functions_text_datum(manifest->reason);
		values[i++] = TimestampTzGetDatum(manifest->started_at);
		values[i++] = TimestampTzGetDatum(manifest->finished_at);
		values[i++] = Int64GetDatum(manifest->size);
		values[i++] = functions_text_datum(manifest->format);
		values[i++] = Int64GetDatum(manifest->tables);
		values[i++] = LSNGetDatum(manifest->lsn);
		values[i++] = functions_text_datum(manifest->server_version);
		nulls[i] = !snapshot->verified || snapshot->failed;
		values[i++] = TimestampTzGetDatum(snapshot->verification.verified_at);
		values[i++] = BoolGetDatum(snapshot->pinned);
		values[i++] = functions_text_datum(snapshot->path);
		nulls[i] = !snapshot->verified;
		values[i++] = functions_text_datum(snapshot->verified ?
										   snapshot->verification.level : "");
		nulls[i] = !snapshot->failed;
		values[i++] = functions_text_datum(snapshot->failed ?
										   snapshot->verification.problem : "");
		nulls[i] = manifest->rows < 0;
		values[i++] = Int64GetDatum(manifest->rows);
		values[i++] = Int64GetDatum((int64) manifest->system_identifier);
		nulls[i] = snapshot->note == NULL;
		values[i++] = functions_text_datum(snapshot->note != NULL ?
										   snapshot->note : "");
		values[i++] = Int64GetDatum(manifest->size -
									share_shared_size(snapshot));
		nulls[i] = snapshot->archived_at == 0;
		values[i++] = TimestampTzGetDatum(snapshot->archived_at);
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

	functions_check_loaded();
	InitMaterializedSRF(fcinfo, 0);

	lines = history_read(settings_directory(), GetSystemIdentifier());
	for (int n = list_length(lines) - 1; n >= 0; n--)
	{
		HistoryLine *line = list_nth(lines, n);
		char		folder[NAMES_FOLDER_SIZE];
		char		database[NAMEDATALEN];
		TimestampTz start;
		Datum		values[9] = {0};
		bool		nulls[9] = {0};
		int			i = 0;

		if (!names_split(line->name, folder, database, &start))
			continue;
		values[i++] = functions_text_datum(line->name);
		values[i++] = functions_name_datum(database);
		values[i++] = functions_text_datum(line->reason);
		values[i++] = Int32GetDatum((int32) line->attempt);
		values[i++] = TimestampTzGetDatum(line->started_at);
		values[i++] = TimestampTzGetDatum(line->finished_at);
		values[i++] = functions_text_datum(line->outcome);
		if (line->error != NULL)
			values[i++] = functions_text_datum(line->error);
		else
			nulls[i++] = true;
		if (strcmp(line->outcome, OUTCOME_SUCCEEDED) == 0)
			values[i++] = Int64GetDatum(line->size);
		else
			nulls[i++] = true;
		Assert(i == lengthof(values));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

/* What an administrator should know about, or NULL. */
static const char *
status_warning(pid_t launcher_pid)
{
	if (launcher_pid == 0)
		return "the launcher is not running: no snapshot will be taken";
	if (!settings_directory_is_set())
		return "no snapshot directory is set: set snapshot_worker.directory";
	if (directory_problem(settings_directory()) != NULL)
		return psprintf("%s: see to \"%s\", or set snapshot_worker.directory to another one",
						directory_problem(settings_directory()),
						settings_directory());
	if (file_system_problem(settings_directory()) != NULL)
		return file_system_problem(settings_directory());
	if (exposure_problem(settings_directory()) != NULL)
		return exposure_problem(settings_directory());
	if (state_quiet_seconds() > 0)
		return psprintf("the server has crashed: no snapshot is taken but on request for the next %.0f s",
						ceil(state_quiet_seconds()));
	if (settings_directory_in_data_directory())
		return "the snapshot directory is inside the data directory: what destroys that destroys the snapshots";
	return NULL;
}

/* snapshot_status() returns record */
Datum
snapshot_status(PG_FUNCTION_ARGS)
{
	TupleDesc	tupdesc;
	LauncherPlan plan;
	Outcomes	outcomes;
	Run			run;
	bool		running;
	bool		retrying;
	pid_t		launcher_pid;
	const char *warning;
	Datum		values[14] = {0};
	bool		nulls[14];

	functions_check_loaded();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	state_get_plan(&plan, &outcomes);
	running = state_first_running(&run);
	retrying = !running && plan.retry_at != 0;
	launcher_pid = state_launcher_pid();
	warning = status_warning(launcher_pid);

	memset(nulls, true, sizeof(nulls));
#define SET(column, datum) (nulls[column] = false, values[column] = (datum))
	SET(0, BoolGetDatum(setting_enable));
	SET(1, functions_text_datum(running ? "running" : retrying ? "retrying" :
								setting_enable ? "idle" : "disabled"));
	if (running)
	{
		SET(2, functions_name_datum(run.database));
		SET(3, functions_text_datum(run.name));
		SET(4, Int32GetDatum(run.attempt));
	}
	else if (retrying)
	{
		SET(2, functions_name_datum(plan.retry_database));
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
		SET(8, functions_text_datum(outcomes.last_error));
	}
	SET(9, Int32GetDatum(plan.consecutive_failures));
	if (settings_directory_is_set())
		SET(10, functions_text_datum(settings_directory()));
	if (launcher_pid != 0)
		SET(11, Int32GetDatum(launcher_pid));
	if (warning != NULL)
		SET(12, functions_text_datum(warning));
	if (outcomes.archive_error[0] != '\0' && setting_archive_command[0] != '\0')
		SET(13, functions_text_datum(outcomes.archive_error));
#undef SET

	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc),
													  values, nulls)));
}

/* snapshot_next_run(after timestamptz) returns timestamptz */
Datum
snapshot_next_run(PG_FUNCTION_ARGS)
{
	TimestampTz after = PG_GETARG_TIMESTAMPTZ(0);
	TimestampTz next = DT_NOEND;
	Schedule	schedule;

	functions_check_loaded();
	settings_schedule(&schedule);
	if (!TIMESTAMP_NOT_FINITE(after))
		next = schedule_next(&schedule, after);
	if (!IS_VALID_TIMESTAMP(next))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	PG_RETURN_TIMESTAMPTZ(next);
}
