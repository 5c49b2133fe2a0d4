/*-------------------------------------------------------------------------
 *
 * verify_schedule.c
 *	  The schedule of verification retries for scheduled snapshots.
 *
 * A scheduled snapshot is verified by the run that takes it.  If that
 * verification fails for a reason that does not lie in the snapshot, it is
 * retried with the same delays as a failed snapshot.  The retries end with a
 * result, good or bad; when a session cancels them; when the snapshot is gone
 * or "verify" is set to a lower level; or when a later slot's snapshot of the
 * database replaces this one.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xlog.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "launcher/database_list.h"
#include "launcher/failure_alert.h"
#include "launcher/schedule_recovery.h"
#include "launcher/verify_schedule.h"
#include "settings.h"
#include "shmem/run_kinds.h"
#include "store/history.h"
#include "store/store.h"
#include "util/clock.h"
#include "util/slot_times.h"

/* A scheduled snapshot whose verification had no result. */
typedef struct Unproved
{
	char		database[NAMEDATALEN];
	char		name[NAMES_SIZE];	/* of the snapshot */
	int			attempt;		/* next or current verification, from 1 */
	double		due;			/* when it is due, on clock_seconds() */
	uint64		run_id;			/* the run in progress; 0 for none */
	double		told_at;		/* time of the last alert */
} Unproved;

static Unproved *
find_unproved(VerifySchedule *verifying, const char *database)
{
	ListCell   *lc;

	foreach(lc, verifying->unproved)
	{
		Unproved   *unproved = lfirst(lc);

		if (strcmp(unproved->database, database) == 0)
			return unproved;
	}
	return NULL;
}

static void
forget_unproved(VerifySchedule *verifying, Unproved *unproved)
{
	verifying->unproved = list_delete_ptr(verifying->unproved, unproved);
	pfree(unproved);
}

/* Plan the second verification of a snapshot, "delay" seconds from now. */
static void
add_unproved(VerifySchedule *verifying, const char *database, const char *name,
			 double delay)
{
	MemoryContext caller = MemoryContextSwitchTo(verifying->context);
	Unproved   *unproved = palloc0(sizeof(Unproved));

	strlcpy(unproved->database, database, sizeof(unproved->database));
	strlcpy(unproved->name, name, sizeof(unproved->name));
	unproved->attempt = 2;
	unproved->due = clock_seconds() + delay;
	/* the run that took the snapshot has raised an alert */
	unproved->told_at = clock_seconds();
	verifying->unproved = lappend(verifying->unproved, unproved);
	MemoryContextSwitchTo(caller);
}

static void
announce_retry(const Unproved *unproved)
{
	ereport(LOG,
			(errmsg("next attempt to verify snapshot \"%s\" is in %.0f s",
					unproved->name,
					Max(unproved->due - clock_seconds(), 0))));
}

/*
 * After a start of the server or the launcher, resume the verification of
 * snapshots whose last verification had no result.
 */
void
verify_schedule_resume(VerifySchedule *verifying)
{
	const char *directory;
	List	   *history;
	ListCell   *lc;

	if (!settings_directory_is_set() || setting_verify <= VERIFY_LIST)
		return;
	directory = settings_directory();
	history = history_read(directory, GetSystemIdentifier());
	foreach(lc, databases_wanted())
	{
		const char *database = lfirst(lc);
		HistoryLine *line = recovery_last_line(history, database);
		StoredSnapshot *snapshot;

		if (line == NULL || !history_is_of_verification(line) ||
			find_unproved(verifying, database) != NULL)
			continue;
		snapshot = store_load(directory, line->name, false, DEBUG1);
		if (snapshot != NULL && !store_is_verified(snapshot))
			add_unproved(verifying, database, line->name, retry_delay(1, 0));
	}
}

/*
 * Does the failure of a run end the retries?  A snapshot found bad is a
 * result.
 */
static bool
is_final(const Run *run)
{
	int			sqlerrcode = run->outcome.error.sqlerrcode;

	return run->canceled ||
		sqlerrcode == ERRCODE_DATA_CORRUPTED ||
		sqlerrcode == ERRCODE_QUERY_CANCELED ||
		sqlerrcode == ERRCODE_CRASH_SHUTDOWN;
}

/* Handle the end of a run that took a snapshot. */
static void
note_snapshot(VerifySchedule *verifying, const Run *run)
{
	Unproved   *unproved = find_unproved(verifying, run->request.database);

	if (!run->outcome.published || state_is_requested(run->request.reason))
		return;
	if (unproved != NULL)
		forget_unproved(verifying, unproved);
	if (run->state == RUN_SUCCEEDED || is_final(run))
		return;
	add_unproved(verifying, run->request.database, run->request.name, retry_delay(1, 0));
	announce_retry(llast(verifying->unproved));
}

/*
 * Handle the end of a run.  If it was a verification of ours that failed,
 * queue an alert: at once if the snapshot was found bad, else at most once an
 * hour.  Returns true if the verification found a snapshot good.
 */
bool
verify_schedule_note_outcome(VerifySchedule *verifying, Breaker *breaker, const Run *run)
{
	Unproved   *unproved = find_unproved(verifying, run->request.database);
	bool		good = run->state == RUN_SUCCEEDED;
	double		never = 0;

	if (run->request.kind == KIND_SNAPSHOT)
		note_snapshot(verifying, run);
	if (run->request.kind != KIND_VERIFY || unproved == NULL ||
		unproved->run_id != run->id)
		return false;

	unproved->run_id = 0;
	if (!good)
		failure_alert_submit(breaker, run,
							 is_final(run) ? &never : &unproved->told_at);
	if (good || is_final(run))
	{
		forget_unproved(verifying, unproved);
		return good;
	}
	unproved->due = clock_seconds() +
		retry_delay(unproved->attempt, state_seconds_taken(run));
	unproved->attempt++;
	announce_retry(unproved);
	return false;
}

/* Can a snapshot still be verified, and does "verify" ask for it? */
static bool
is_of_use(const Unproved *unproved)
{
	struct stat st;

	if (!settings_directory_is_set() || setting_verify <= VERIFY_LIST)
		return false;
	return lstat(psprintf("%s/%s", settings_directory(), unproved->name),
				 &st) == 0 || errno != ENOENT;
}

/*
 * Queue the next verification of a snapshot.  If verifying it crashed the
 * server twice, the run fails instead.  Returns false if the run table is
 * full.
 */
static bool
submit_verification(Breaker *breaker, Unproved *unproved)
{
	RunRequest	request = {.kind = KIND_VERIFY,.automatic = true};
	Run			run;

	if (!database_list_to_connect(unproved->database, request.connect_to))
		return false;
	request.attempt = unproved->attempt;
	/* a standby cannot create a database */
	request.test_restore = setting_verify == VERIFY_RESTORE &&
		!RecoveryInProgress();
	strlcpy(request.database, unproved->database, sizeof(request.database));
	strlcpy(request.name, unproved->name, sizeof(request.name));
	if (!state_submit_task(&request, &run))
		return false;
	unproved->run_id = run.id;
	if (breaker_judge(breaker, &run.request) != VERDICT_BEGIN)
		state_fail(run.id, RUN_QUEUED, breaker_error(&run.request));
	return true;
}

/* Queue the verifications that are due. */
void
verify_schedule_submit(VerifySchedule *verifying, Breaker *breaker)
{
	double		now = clock_seconds();
	ListCell   *lc;

	foreach(lc, verifying->unproved)
	{
		Unproved   *unproved = lfirst(lc);

		if (unproved->run_id != 0 || unproved->due > now)
			continue;
		if (!is_of_use(unproved))
		{
			ereport(LOG,
					(errmsg("no longer retrying verification of snapshot \"%s\": removed, or no longer to be verified",
							unproved->name)));
			verifying->unproved = foreach_delete_current(verifying->unproved,
														 lc);
			pfree(unproved);
		}
		else if (!submit_verification(breaker, unproved))
			unproved->due = now + 1;	/* the run table is full: try later */
	}
}

/*
 * Drop the pending verifications of a database, or of all databases ("").  The
 * caller has canceled runs up to last_run_id already; later ones are canceled
 * here.  Returns the number of verifications dropped.
 */
int
verify_schedule_cancel(VerifySchedule *verifying, const char *database,
					   uint64 last_run_id)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, verifying->unproved)
	{
		Unproved   *unproved = lfirst(lc);

		if ((database[0] != '\0' &&
			 strcmp(unproved->database, database) != 0) ||
			(unproved->run_id != 0 && unproved->run_id <= last_run_id))
			continue;
		if (unproved->run_id != 0)
			state_cancel_run(unproved->run_id);
		ereport(LOG,
				(errmsg("no longer retrying verification of snapshot \"%s\": canceled",
						unproved->name)));
		verifying->unproved = foreach_delete_current(verifying->unproved, lc);
		pfree(unproved);
		count++;
	}
	return count;
}

/* Seconds until a verification is due, or a negative number for never. */
double
verify_schedule_seconds_to_next(const VerifySchedule *verifying)
{
	double		seconds = -1;
	ListCell   *lc;

	foreach(lc, verifying->unproved)
	{
		const Unproved *unproved = lfirst(lc);
		double		left = Max(unproved->due - clock_seconds(), 0);

		if (unproved->run_id == 0 && (seconds < 0 || left < seconds))
			seconds = left;
	}
	return seconds;
}
