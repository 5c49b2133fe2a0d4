/*-------------------------------------------------------------------------
 *
 * schedule_recovery.c
 *	  What a restart reads back: which slots were due, and which were taken.
 *
 * A server that starts must know whether it missed a slot while it was down,
 * was in the middle of an attempt, or has already taken the snapshot.
 * Snapshots and history record the outcome of each slot.  Whether the schedule
 * was in force at a slot is recorded in a separate file, "schedule-<system
 * identifier>.json" (on a standby, "schedule-<system
 * identifier>-standby.json"), which holds the times of day and the moment
 * since which they are in force.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/file_perm.h"
#include "storage/fd.h"

#include "launcher/schedule_recovery.h"
#include "shmem/run_kinds.h"
#include "store/history.h"
#include "store/replace_file.h"
#include "store/store.h"
#include "util/files.h"
#include "util/json_record.h"
#include "util/slot_times.h"
#include "util/snapshot_name.h"
#include "worker/run_report.h"

#define SCHEDULE_MAX_SIZE	((size_t) 64 * 1024)

typedef struct ScheduleFile
{
	char	   *time;			/* as in the setting */
	TimestampTz since;
} ScheduleFile;

static const RecordMember members[] = {
	{"time", RECORD_STRING, offsetof(ScheduleFile, time)},
	{"since", RECORD_TIME, offsetof(ScheduleFile, since)},
};

/* A primary and a standby that share the directory have a file each. */
static char *
schedule_path(const char *directory, uint64 system_identifier)
{
	return psprintf("%s/schedule-" UINT64_FORMAT "%s.json",
					directory, system_identifier,
					RecoveryInProgress() ? "-standby" : "");
}

/*
 * Return the time since which the schedule with these times of day is in
 * force, or 0 if it is not.  Raises no error.
 */
TimestampTz
recovery_since(const char *directory, uint64 system_identifier, const char *time)
{
	ScheduleFile file = {0};

	if (!record_load(schedule_path(directory, system_identifier),
					 SCHEDULE_MAX_SIZE, members, lengthof(members), &file,
					 time))
		return 0;
	return file.since;
}

/*
 * Write the time since which the schedule with these times of day is in force.
 * Raises an error on failure.
 */
void
recovery_begin(const char *directory, uint64 system_identifier, const char *time,
			   TimestampTz since)
{
	ScheduleFile file = {unconstify(char *, time), since};

	replace_file(schedule_path(directory, system_identifier),
				 record_format(members, lengthof(members), &file));
}

/*
 * Record that no schedule is in force, by removing the file.  Raises an error
 * on failure.
 */
void
recovery_end(const char *directory, uint64 system_identifier)
{
	char	   *path = schedule_path(directory, system_identifier);

	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", path)));
}

/* Does this line describe a run of the database for the slot? */
static bool
is_about(const HistoryLine *line, const char *database, TimestampTz slot)
{
	char		of[NAMEDATALEN];

	return line->scheduled_for == slot &&
		names_database(line->name, of) &&
		strcmp(of, database) == 0;
}

/*
 * Was a snapshot of the database taken for the slot?  Retention may have
 * removed the snapshot since, but not its line in the history.
 */
bool
recovery_was_taken(const char *directory, uint64 system_identifier,
				   List *history, const char *database, TimestampTz slot)
{
	ListCell   *lc;

	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);

		if (is_about(line, database, slot) &&
			strcmp(line->outcome, OUTCOME_SUCCEEDED) == 0)
			return true;
	}
	return store_has_slot(directory, database, slot, system_identifier);
}

/*
 * Return the number of attempts to take a snapshot of the database for the
 * slot.  *catch_up tells whether they made up for a missed slot.
 */
int
recovery_attempts(List *history, const char *database, TimestampTz slot,
				  bool *catch_up)
{
	int64		attempts = 0;
	ListCell   *lc;

	*catch_up = false;
	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);

		if (is_about(line, database, slot))
		{
			attempts = Max(attempts, line->attempt);
			*catch_up = strcmp(line->reason,
							   state_reason_name(REASON_CATCH_UP)) == 0;
		}
	}
	return (int) Min(attempts, PG_INT32_MAX - 1);
}

/* Does the directory show the outcome of this attempt for a slot? */
bool
recovery_attempt_is_known(const char *directory, uint64 system_identifier,
						  List *history, const char *database, TimestampTz slot,
						  int64 attempt)
{
	bool		catch_up;

	return recovery_attempts(history, database, slot, &catch_up) >= attempt ||
		recovery_was_taken(directory, system_identifier, history, database, slot);
}

/* Return the last line for a scheduled run of the database, or NULL. */
HistoryLine *
recovery_last_line(List *history, const char *database)
{
	HistoryLine *last = NULL;
	ListCell   *lc;

	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);

		if (line->scheduled_for != 0 &&
			is_about(line, database, line->scheduled_for))
			last = line;
	}
	return last;
}

/*
 * Seconds until the next attempt for a slot is due: the remainder of the delay
 * after the last one, or 0 if there was no attempt.  The result never exceeds
 * the delay itself, even if the clock was set back meanwhile.  The duration of
 * the attempt is ignored, because the clock may have been set during it as
 * well.
 */
double
recovery_delay(List *history, const char *database, TimestampTz slot,
			   TimestampTz now)
{
	bool		catch_up;
	int			attempts = recovery_attempts(history, database, slot, &catch_up);
	TimestampTz finished_at = DT_NOBEGIN;
	double		delay;
	ListCell   *lc;

	if (attempts == 0)
		return 0;
	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);

		if (is_about(line, database, slot))
			finished_at = Max(finished_at, line->finished_at);
	}
	delay = retry_delay(attempts, 0);
	if (finished_at >= now)
		return delay;
	return Max(delay - (double) (now - finished_at) / USECS_PER_SEC, 0);
}

static bool
is_in_history(List *history, const char *name)
{
	ListCell   *lc;

	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);

		if (strcmp(line->name, name) == 0 &&
			(strcmp(line->outcome, OUTCOME_SUCCEEDED) == 0 ||
			 history_is_of_verification(line)))
			return true;
	}
	return false;
}

static TimestampTz
last_start_of(List *history)
{
	TimestampTz last_start = 0;
	ListCell   *lc;

	foreach(lc, history)
	{
		HistoryLine *line = lfirst(lc);
		TimestampTz start;

		if (names_start(line->name, &start))
			last_start = Max(last_start, start);
	}
	return last_start;
}

/*
 * Read the history of a cluster, after adding lines for snapshots that were
 * published just before the server went down, too late for their history
 * lines.  *last_start is the latest start in the name of any run, or 0.
 * Raises no error: unreadable files and snapshots count as absent.
 */
List *
recovery_history(const char *directory, uint64 system_identifier,
				 TimestampTz *last_start)
{
	List	   *history = history_read(directory, system_identifier);
	bool		added = false;
	ListCell   *lc;

	*last_start = last_start_of(history);
	if (history == NIL)
		return NIL;				/* there was no history, or it was removed */

	foreach(lc, store_list(directory, NULL, *last_start - USECS_PER_DAY,
						   DEBUG1, DEBUG1))
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (snapshot->manifest.system_identifier != system_identifier ||
			is_in_history(history, snapshot->name))
			continue;
		report_published(&snapshot->manifest);
		added = true;
	}
	return added ? history_read(directory, system_identifier) : history;
}
