/*-------------------------------------------------------------------------
 *
 * crash_breaker.c
 *	  A circuit breaker: runs that crashed the server twice do not start again.
 *
 * Workers run in the postmaster's crash domain.  When one of them dies by a
 * signal, or takes a backend with it, the server disconnects all sessions, and
 * a run that starts automatically after the restart could cause the next
 * crash.  The launcher therefore records each automatic run in a file before
 * it starts (see underway_file.c), and removes the record when the run ends.
 * A record found after a crash belongs to a run that the crash interrupted.
 * After two such crashes the launcher gives up:
 *
 * - a scheduled snapshot, for its slot;
 * - archiving, until there is another snapshot;
 * - everything else, until the next slot.
 *
 * A clean restart of the server or a reload of its settings lifts all of these
 * but the first: an administrator is present, and may have removed the cause.
 * Runs that a session requests are never recorded, because a crash ends the
 * session and with it the request.
 *
 * In addition, no automatic run starts in the first minute after a crash: see
 * state_quiet_seconds().
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "launcher/crash_breaker.h"
#include "launcher/schedule_recovery.h"
#include "launcher/underway_file.h"
#include "settings.h"
#include "shmem/run_kinds.h"
#include "store/history.h"
#include "store/replace_file.h"
#include "util/errors.h"
#include "worker/run_report.h"

/* Number of crashes that trips the breaker. */
#define MAX_CRASHES 2

#define WORD_LAUNCHER	"launcher"
#define WORD_SNAPSHOT	"snapshot"

/*
 * Return the kind under which the file lists a run, and set *subject to the
 * database or snapshot that it concerns.  Returns NULL if the run does not
 * start automatically.  A NULL request stands for the launcher's own work at
 * its start.
 */
static const char *
word_for(const RunRequest *request, const char **subject)
{
	*subject = "";
	if (request == NULL)
		return WORD_LAUNCHER;
	*subject = run_subject(request);
	return run_begins_by_itself(request) ? run_kind(request)->underway : NULL;
}

/* Return the entry of a run, or NULL. */
static Underway *
find_entry(Breaker *breaker, const RunRequest *request)
{
	const char *subject;
	const char *what = word_for(request, &subject);
	ListCell   *lc;

	if (what == NULL)
		return NULL;
	foreach(lc, breaker->entries)
	{
		Underway   *entry = lfirst(lc);

		if (strcmp(entry->what, what) == 0 &&
			strcmp(entry->subject, subject) == 0)
			return entry;
	}
	return NULL;
}

static bool
is_snapshot(const Underway *entry)
{
	return strcmp(entry->what, WORD_SNAPSHOT) == 0;
}

/* Does a snapshot's entry concern an earlier slot than the run does? */
static bool
is_outdated(const Underway *entry, const RunRequest *request)
{
	return is_snapshot(entry) && entry->scheduled_for != request->scheduled_for;
}

/*
 * Write the file.  A failure raises only a WARNING: snapshots matter more than
 * protection against their crashes.
 */
static void
save_entries(Breaker *breaker)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		underway_write(breaker->entries);
	}
	PG_CATCH();
	{
		ErrorData  *edata = error_catch(caller);

		AtEOXact_Files(false);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not record the runs in progress: %s",
						edata->message)));
	}
	PG_END_TRY();
}

/* Count the active runs of an entry that the previous launcher started. */
static int64
count_running(Breaker *breaker, const Underway *entry)
{
	Run		   *runs;
	int			nruns = state_active_runs(&runs);
	int64		running = 0;

	for (int i = 0; i < nruns; i++)
	{
		if (find_entry(breaker, &runs[i].request) == entry)
			running++;
	}
	pfree(runs);
	return running;
}

/*
 * Load the file that the previous launcher left.  The first launcher after a
 * server start counts the runs that a crash interrupted.
 */
void
breaker_load(Breaker *breaker)
{
	bool		first = !state_underway_is_counted();
	MemoryContext caller;
	ListCell   *lc;

	if (breaker->loaded)
		return;
	breaker->loaded = true;
	caller = MemoryContextSwitchTo(breaker->context);
	/* remove temporary files that a crash left */
	replace_sweep(".", GetSystemIdentifier());
	breaker->entries = underway_read();
	MemoryContextSwitchTo(caller);
	if (breaker->entries == NIL && first)
	{
		state_set_underway_counted();
		return;
	}

	foreach(lc, breaker->entries)
	{
		Underway   *entry = lfirst(lc);

		if (!first)
		{
			entry->running = count_running(breaker, entry);
			continue;
		}
		if (entry->running > 0 && state_after_crash())
		{
			entry->crashes++;
			entry->cut_short = true;
		}
		entry->running = 0;
		if (!is_snapshot(entry) && !state_after_crash())
			breaker->entries = foreach_delete_current(breaker->entries, lc);
	}
	save_entries(breaker);
	state_set_underway_counted();
}

/* Number of crashes that interrupted this run since its last success. */
int
breaker_crashes(Breaker *breaker, const RunRequest *request)
{
	Underway   *entry = find_entry(breaker, request);

	return entry == NULL || is_outdated(entry, request) ? 0 : (int) entry->crashes;
}

/* Decide whether a run may start, or (NULL) the launcher's own work. */
Verdict
breaker_judge(Breaker *breaker, const RunRequest *request)
{
	Underway   *entry = find_entry(breaker, request);

	if (breaker_crashes(breaker, request) < MAX_CRASHES)
		return VERDICT_BEGIN;
	if (entry->given_up)
		return VERDICT_GIVEN_UP;
	entry->given_up = 1;
	save_entries(breaker);
	return VERDICT_GIVE_UP;
}

static Underway *
add_entry(Breaker *breaker, const RunRequest *request)
{
	MemoryContext caller = MemoryContextSwitchTo(breaker->context);
	Underway   *entry = palloc0(sizeof(Underway));
	const char *subject;

	entry->what = pstrdup(word_for(request, &subject));
	entry->subject = pstrdup(subject);
	entry->name = pstrdup("");
	entry->reason = pstrdup("");
	breaker->entries = lappend(breaker->entries, entry);
	MemoryContextSwitchTo(caller);
	return entry;
}

/* Record the run of a slot in its entry. */
static void
describe_run(Breaker *breaker, Underway *entry, const RunRequest *request)
{
	if (is_outdated(entry, request))
	{
		entry->crashes = 0;
		entry->given_up = 0;
	}
	pfree(entry->name);
	pfree(entry->reason);
	entry->name = MemoryContextStrdup(breaker->context, request->name);
	entry->reason = MemoryContextStrdup(breaker->context,
										state_reason_name(request->reason));
	entry->attempt = request->attempt;
	entry->scheduled_for = request->scheduled_for;
}

/*
 * Record that a run starts, or (NULL) the launcher's own work.  Does nothing
 * for a run that is not automatic.
 */
void
breaker_begin(Breaker *breaker, const RunRequest *request)
{
	const char *subject;
	Underway   *entry = find_entry(breaker, request);

	if (word_for(request, &subject) == NULL)
		return;
	if (entry == NULL)
		entry = add_entry(breaker, request);
	if (is_snapshot(entry))
		describe_run(breaker, entry, request);
	entry->started_at = GetCurrentTimestamp();
	/* an error may have ended the launcher's work without breaker_end() */
	entry->running = request == NULL ? 1 : entry->running + 1;
	save_entries(breaker);
}

static void
forget_entry(Breaker *breaker, Underway *entry)
{
	breaker->entries = list_delete_ptr(breaker->entries, entry);
	pfree(entry->what);
	pfree(entry->subject);
	pfree(entry->name);
	pfree(entry->reason);
	pfree(entry);
}

/*
 * Record that a run, or (NULL) the launcher's own work, ended without a crash.
 */
void
breaker_end(Breaker *breaker, const Run *run)
{
	Underway   *entry = find_entry(breaker, run != NULL ? &run->request : NULL);
	bool		good = run == NULL || run->state == RUN_SUCCEEDED ||
	run->outcome.published;

	if (entry == NULL || entry->running == 0)
		return;
	entry->running--;
	if (entry->running == 0 && (good || entry->crashes == 0))
		forget_entry(breaker, entry);
	save_entries(breaker);
}

/* Forget the crashes of a run, so that it may start again. */
void
breaker_forget(Breaker *breaker, const RunRequest *request)
{
	Underway   *entry = find_entry(breaker, request);

	if (entry == NULL || entry->crashes == 0)
		return;
	entry->crashes = 0;
	entry->given_up = 0;
	if (entry->running == 0)
		forget_entry(breaker, entry);
	save_entries(breaker);
}

/*
 * Do breaker_forget() for all entries; include scheduled snapshots if asked
 * to.
 */
void
breaker_forget_all(Breaker *breaker, bool snapshots)
{
	bool		changed = false;
	ListCell   *lc;

	foreach(lc, breaker->entries)
	{
		Underway   *entry = lfirst(lc);

		if ((is_snapshot(entry) && !snapshots) || entry->crashes == 0)
			continue;
		entry->crashes = 0;
		entry->given_up = 0;
		changed = true;
		if (entry->running == 0)
			breaker->entries = foreach_delete_current(breaker->entries, lc);
	}
	if (changed)
		save_entries(breaker);
}

/*
 * Add to the history the scheduled runs that a crash interrupted before they
 * left anything in the directory.  Call this after a sweep, which adds the
 * other interrupted runs.
 */
void
breaker_write_down(Breaker *breaker)
{
	const char *directory;
	List	   *history = NIL;
	ListCell   *lc;

	if (!settings_directory_is_set())
		return;
	directory = settings_directory();
	foreach(lc, breaker->entries)
	{
		Underway   *entry = lfirst(lc);
		StagingOwner owner = {0};

		if (!entry->cut_short || !is_snapshot(entry))
			continue;
		entry->cut_short = false;
		if (history == NIL)
			history = history_read(directory, GetSystemIdentifier());
		if (recovery_attempt_is_known(directory, GetSystemIdentifier(), history,
									  entry->subject, entry->scheduled_for,
									  entry->attempt))
			continue;
		owner.name = entry->name;
		owner.reason = entry->reason;
		owner.attempt = entry->attempt;
		owner.scheduled_for = entry->scheduled_for;
		owner.started_at = entry->started_at;
		report_interrupted(&owner);
	}
}

static const RunError slot_given_up = {
	.sqlerrcode = ERRCODE_CRASH_SHUTDOWN,
	.message = "given up until the next scheduled time: the server crashed during two attempts",
	.hint = "See the server log for the crashes. snapshot_now() takes a snapshot anyway.",
};

static const RunError run_given_up = {
	.sqlerrcode = ERRCODE_CRASH_SHUTDOWN,
	.message = "given up: the server crashed during two runs",
	.hint = "See the server log for the crashes. Reload the settings once the cause is gone.",
};

/* Return the error of a run that is given up. */
const RunError *
breaker_error(const RunRequest *request)
{
	return request->kind == KIND_SNAPSHOT ? &slot_given_up : &run_given_up;
}
