/*-------------------------------------------------------------------------
 *
 * crash_breaker.c
 *	  A circuit breaker: what crashed the server twice is not begun again.
 *
 * The workers run in the postmaster's crash domain.  When one of them dies by
 * a signal, or takes a backend with it, every session of the server is thrown
 * out, and whatever begins by itself after the restart could do the same
 * again.  So the launcher writes down what it begins by itself before it does
 * (see underway_file.c), and strikes that out when it ends.  What it finds there
 * after a crash was cut short by that crash.  What was cut short twice is
 * given up:
 *
 * - a scheduled snapshot, for its slot;
 * - archiving, until there is another snapshot;
 * - all else, until the next slot.
 *
 * A clean restart of the server and a reload of its settings end all of that
 * but the first: an administrator is there, and may have mended the cause.
 * What a session asks for is never written down, since a crash ends the
 * session, and with it the request.
 *
 * In addition, nothing begins by itself in the first minute after a crash:
 * see state_quiet_seconds().
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
#include "store/history.h"
#include "store/replace_file.h"
#include "worker/run_report.h"

/* So many crashes trip the breaker. */
#define MAX_CRASHES 2

#define WHAT_LAUNCHER	"launcher"
#define WHAT_SNAPSHOT	"snapshot"

/*
 * What a run is written down as, and what it is about; NULL when it does not
 * begin by itself.  No run at all stands for what the launcher does itself
 * when it starts.
 */
static const char *
what_is(const Run *run, const char **subject)
{
	*subject = "";
	if (run == NULL)
		return WHAT_LAUNCHER;
	switch (run->kind)
	{
		case KIND_SNAPSHOT:
			*subject = run->database;
			return state_is_requested(run->reason) ? NULL : WHAT_SNAPSHOT;
		case KIND_VERIFY:
			*subject = run->name;
			return run->automatic ? "verification" : NULL;
		case KIND_ARCHIVE:
			return "archive";
		case KIND_ALERT:
			return "alert";
		case KIND_SWEEP:
			return "sweep";
		case KIND_VERIFY_ALL:
		case KIND_RESTORE:
			break;
	}
	return NULL;
}

/* The entry of a run, or NULL. */
static Underway *
find(Breaker *breaker, const Run *run)
{
	const char *subject;
	const char *what = what_is(run, &subject);
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
	return strcmp(entry->what, WHAT_SNAPSHOT) == 0;
}

/* Is the entry of a snapshot about an earlier slot than the run's? */
static bool
is_outdated(const Underway *entry, const Run *run)
{
	return is_snapshot(entry) && entry->scheduled_for != run->scheduled_for;
}

/*
 * Write the file.  A failure is a WARNING: the snapshots matter more than the
 * protection against their crashes.
 */
static void
save(Breaker *breaker)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		underway_write(breaker->entries);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AtEOXact_Files(false);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not write down what is under way: %s",
						edata->message)));
	}
	PG_END_TRY();
}

/* How many runs that an entry is about a launcher before this one left. */
static int64
count_running(Breaker *breaker, const Underway *entry)
{
	Run		   *runs;
	int			nruns = state_active_runs(&runs);
	int64		running = 0;

	for (int i = 0; i < nruns; i++)
	{
		if (find(breaker, &runs[i]) == entry)
			running++;
	}
	pfree(runs);
	return running;
}

/*
 * Read what was under way when the launcher before this one ended.  The first
 * launcher after a start of the server counts what a crash cut short.
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
	/* what a crash has left of that file */
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
	save(breaker);
	state_set_underway_counted();
}

/* How many crashes cut this short, since it was last done well. */
int
breaker_crashes(Breaker *breaker, const Run *run)
{
	Underway   *entry = find(breaker, run);

	return entry == NULL || is_outdated(entry, run) ? 0 : (int) entry->crashes;
}

/* May a run begin by itself, or (NULL) the launcher do its own work? */
Verdict
breaker_judge(Breaker *breaker, const Run *run)
{
	Underway   *entry = find(breaker, run);

	if (breaker_crashes(breaker, run) < MAX_CRASHES)
		return VERDICT_BEGIN;
	if (entry->given_up)
		return VERDICT_GIVEN_UP;
	entry->given_up = 1;
	save(breaker);
	return VERDICT_GIVE_UP;
}

static Underway *
add(Breaker *breaker, const Run *run)
{
	MemoryContext caller = MemoryContextSwitchTo(breaker->context);
	Underway   *entry = palloc0(sizeof(Underway));
	const char *subject;

	entry->what = pstrdup(what_is(run, &subject));
	entry->subject = pstrdup(subject);
	entry->name = pstrdup("");
	entry->reason = pstrdup("");
	breaker->entries = lappend(breaker->entries, entry);
	MemoryContextSwitchTo(caller);
	return entry;
}

/* Note which run of a slot this is. */
static void
describe(Breaker *breaker, Underway *entry, const Run *run)
{
	if (is_outdated(entry, run))
	{
		entry->crashes = 0;
		entry->given_up = 0;
	}
	pfree(entry->name);
	pfree(entry->reason);
	entry->name = MemoryContextStrdup(breaker->context, run->name);
	entry->reason = MemoryContextStrdup(breaker->context,
										state_reason_name(run->reason));
	entry->attempt = run->attempt;
	entry->scheduled_for = run->scheduled_for;
}

/*
 * A run is about to begin, or (NULL) the launcher's own work.  Writes that
 * down, unless the run is one that does not begin by itself.
 */
void
breaker_begin(Breaker *breaker, const Run *run)
{
	const char *subject;
	Underway   *entry = find(breaker, run);

	if (what_is(run, &subject) == NULL)
		return;
	if (entry == NULL)
		entry = add(breaker, run);
	if (is_snapshot(entry))
		describe(breaker, entry, run);
	entry->started_at = GetCurrentTimestamp();
	/* an error can have ended the launcher's work without a word */
	entry->running = run == NULL ? 1 : entry->running + 1;
	save(breaker);
}

static void
forget(Breaker *breaker, Underway *entry)
{
	breaker->entries = list_delete_ptr(breaker->entries, entry);
	pfree(entry->what);
	pfree(entry->subject);
	pfree(entry->name);
	pfree(entry->reason);
	pfree(entry);
}

/* A run has ended, or (NULL) the launcher's own work, without a crash. */
void
breaker_end(Breaker *breaker, const Run *run)
{
	Underway   *entry = find(breaker, run);
	bool		good = run == NULL || run->state == RUN_SUCCEEDED ||
	run->published;

	if (entry == NULL || entry->running == 0)
		return;
	entry->running--;
	if (entry->running == 0 && (good || entry->crashes == 0))
		forget(breaker, entry);
	save(breaker);
}

/* Forget the crashes of something: it may begin again. */
void
breaker_forget(Breaker *breaker, const Run *run)
{
	Underway   *entry = find(breaker, run);

	if (entry == NULL || entry->crashes == 0)
		return;
	entry->crashes = 0;
	entry->given_up = 0;
	if (entry->running == 0)
		forget(breaker, entry);
	save(breaker);
}

/* As breaker_forget(), for all, and for scheduled snapshots if they are meant. */
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
		save(breaker);
}

/*
 * Add to the history the scheduled runs that a crash cut short before they had
 * left anything in the directory.  To be called after a sweep, which adds the
 * others.
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

/* The error of a run that is given up. */
const RunError *
breaker_error(const Run *run)
{
	static const RunError slot = {ERRCODE_CRASH_SHUTDOWN,
		"given up until the next scheduled time, since the server crashed during two tries",
		"",
	"The server's log says more of the crashes. A call of snapshot_now() takes a snapshot in spite of them."};
	static const RunError other = {ERRCODE_CRASH_SHUTDOWN,
		"given up, since the server crashed during two runs",
		"",
	"The server's log says more of the crashes. Reload the settings once the cause is gone."};

	return run->kind == KIND_SNAPSHOT ? &slot : &other;
}
