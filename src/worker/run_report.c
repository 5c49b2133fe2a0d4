/*-------------------------------------------------------------------------
 *
 * run_report.c
 *	  Report the end of a run: shared memory, history, server log.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "settings.h"
#include "shmem/run_kinds.h"
#include "store/history.h"
#include "util/errors.h"
#include "worker/run_report.h"

/* Copy as many whole characters as fit. */
static void
copy_text(char *target, size_t size, const char *source)
{
	int			len = 0;

	if (source != NULL)
	{
		len = pg_mbcliplen(source, strlen(source), size - 1);
		len = Min(len, (int) strlen(source));	/* the last one was cut */
		memcpy(target, source, len);
	}
	target[len] = '\0';
}

/* Convert a reported error into the form that is kept in shared memory. */
void
report_fill_error(RunError *error, const ErrorData *edata)
{
	error->sqlerrcode = edata->sqlerrcode;
	copy_text(error->message, sizeof(error->message), edata->message);
	copy_text(error->detail, sizeof(error->detail), edata->detail);
	copy_text(error->hint, sizeof(error->hint), edata->hint);
}

/* Log that a run failed. */
void
report_failure(const RunRequest *request, const RunError *error)
{
	error_report(WARNING, error->sqlerrcode,
				 psprintf("%s: %s", run_failure(request), error->message),
				 error->detail, error->hint);
}

/*
 * Add a line to the history and trim it.  Failing to do so only raises a
 * WARNING; it does not fail the run.
 */
static void
append_history(const HistoryLine *line)
{
	MemoryContext caller = CurrentMemoryContext;

	if (!settings_directory_is_set())
		return;

	PG_TRY();
	{
		history_append(settings_directory(), GetSystemIdentifier(), line);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(caller);

		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not write the history of snapshots: %s",
						edata->message)));
	}
	PG_END_TRY();
}

static void
note_manifest(HistoryLine *line, const Manifest *manifest)
{
	line->size = manifest->size;
	line->tables_read = manifest->tables_read;
	line->tables_same = manifest->tables_same;
}

/*
 * Add the end of a run to the history; error is NULL if it succeeded.  The
 * manifest is that of its snapshot, or NULL where it is unknown.
 */
void
report_history(const Run *run, const Manifest *manifest, const RunError *error)
{
	HistoryLine line = {.tables_read = -1,.tables_same = -1};

	line.name = pstrdup(run->request.name);
	line.reason = pstrdup(state_reason_name(run->request.reason));
	line.attempt = run->request.attempt;
	line.scheduled_for = run->request.scheduled_for;
	line.started_at = run->progress.started_at;
	line.outcome = error == NULL ? OUTCOME_SUCCEEDED : OUTCOME_FAILED;
	if (error != NULL)
		line.error = error->detail[0] == '\0' ? pstrdup(error->message) :
			psprintf("%s\n%s", error->message, error->detail);
	line.size = run->outcome.size;
	if (manifest != NULL)
		note_manifest(&line, manifest);
	append_history(&line);
}

/* Add to the history a run that a crash interrupted after publication. */
void
report_published(const Manifest *manifest)
{
	HistoryLine line = {0};

	line.name = manifest->name;
	line.reason = manifest->reason;
	line.attempt = manifest->attempt;
	line.scheduled_for = manifest->scheduled_for;
	line.started_at = manifest->started_at;
	line.finished_at = manifest->finished_at;
	line.outcome = OUTCOME_SUCCEEDED;
	note_manifest(&line, manifest);
	append_history(&line);
}

/* Add to the history a run that a crash interrupted. */
void
report_interrupted(const StagingOwner *owner)
{
	HistoryLine line = {.tables_read = -1,.tables_same = -1};

	line.name = owner->name;
	line.reason = owner->reason;
	line.attempt = owner->attempt;
	line.scheduled_for = owner->scheduled_for;
	line.started_at = owner->started_at;
	line.outcome = OUTCOME_INTERRUPTED;
	line.error = "the server or the snapshot worker exited during the run";
	append_history(&line);
}
