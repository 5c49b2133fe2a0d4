/*-------------------------------------------------------------------------
 *
 * schedule_jobs.c
 *	  What the schedule still has to do, for each database: pure.
 *
 * Each database succeeds or fails by itself.  A failed try is followed by
 * another one after a delay; whichever database has waited for longest is
 * next, so that one that fails for ever delays no other.  Delays are measured
 * on a clock that nobody sets.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "launcher/schedule_jobs.h"
#include "util/slot_times.h"

/*
 * The job of a database.  If there is none, one is added, in the memory
 * context that is current.
 */
Job *
jobs_find(List **jobs, const char *database)
{
	ListCell   *lc;
	Job		   *job;

	foreach(lc, *jobs)
	{
		job = lfirst(lc);
		if (strcmp(job->database, database) == 0)
			return job;
	}
	job = palloc0(sizeof(Job));
	strlcpy(job->database, database, sizeof(job->database));
	*jobs = lappend(*jobs, job);
	return job;
}

static bool
contains(List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	}
	return false;
}

/* Forget the jobs of all but these databases. */
List *
jobs_retain_only(List *jobs, List *databases)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (!contains(databases, job->database))
		{
			jobs = foreach_delete_current(jobs, lc);
			pfree(job);
		}
	}
	return jobs;
}

/*
 * A slot has come, and with it the attempt of that number: it takes over from
 * what was left of the slot before.
 */
void
jobs_begin_slot(Job *job, TimestampTz slot, RunReason reason, int attempt,
				double due)
{
	job->slot = slot;
	job->reason = reason;
	job->pending = true;
	job->missing = false;
	job->attempt = attempt;
	job->due = due;
	job->run_id = 0;
}

/*
 * A run of the job's database has ended, which took so many seconds.  If it was
 * that of the slot, and failed, there is to be another one; where there is no
 * such database, not before there is one.
 */
void
jobs_note_outcome(Job *job, const Run *run, double took, double now)
{
	bool		good = run->state == RUN_SUCCEEDED;

	job->failures = good ? 0 : job->failures + 1;
	if (good || run->published)
		job->told_at = 0;

	if (job->run_id != run->id)
		return;
	job->run_id = 0;

	/*
	 * who cancels a run wants no other one; nor is one snapshot followed by
	 * another
	 */
	if (good || run->published || run->canceled ||
		run->error.sqlerrcode == ERRCODE_QUERY_CANCELED)
		job->pending = false;
	else
	{
		job->missing = run->error.sqlerrcode == ERRCODE_UNDEFINED_DATABASE;
		job->due = now + retry_delay(job->attempt, took);
		job->attempt++;
	}
}

/* The settings were read anew: try databases once more that did not exist. */
void
jobs_note_reload(List *jobs, double now)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (!job->missing)
			continue;
		job->missing = false;
		job->due = Min(job->due, now);
	}
}

/* Forget the failures of all but these databases. */
void
jobs_keep_failures(List *jobs, List *databases)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (!contains(databases, job->database))
			job->failures = 0;
	}
}

/*
 * The snapshot of the job's slot, whose first verification had failed, was found
 * good.  Failures of a later slot's tries still count.
 */
void
jobs_note_verified(Job *job)
{
	if (!job->pending)
		job->failures = 0;
}

static int
longest_waiting_first(const ListCell *a, const ListCell *b)
{
	double		x = ((Job *) lfirst(a))->due;
	double		y = ((Job *) lfirst(b))->due;

	return (x > y) - (x < y);
}

/* The jobs that are due and not on, the one that waited for longest first. */
List *
jobs_due(List *jobs, double now)
{
	List	   *due = NIL;
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (job->pending && job->run_id == 0 && job->due <= now)
			due = lappend(due, job);
	}
	list_sort(due, longest_waiting_first);
	return due;
}

/* Seconds until the next job becomes due, or a negative number for never. */
double
jobs_seconds_to_next(List *jobs, double now)
{
	double		seconds = -1;
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (job->pending && job->run_id == 0 && job->due > now &&
			(seconds < 0 || job->due - now < seconds))
			seconds = job->due - now;
	}
	return seconds;
}

/*
 * The failed job that is tried again first, or is being tried; or NULL.  One
 * that waits for its database to be made has no time for that.
 */
Job *
jobs_next_retry(List *jobs)
{
	Job		   *next = NULL;
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (job->pending && job->attempt > 1 && !job->missing &&
			(next == NULL || job->due < next->due))
			next = job;
	}
	return next;
}

/* The failed runs in a row of the database that has most of them. */
int
jobs_most_failures(List *jobs)
{
	int			most = 0;
	ListCell   *lc;

	foreach(lc, jobs)
		most = Max(most, ((Job *) lfirst(lc))->failures);
	return most;
}
