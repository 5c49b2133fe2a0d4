/*-------------------------------------------------------------------------
 *
 * schedule_jobs.c
 *	  The jobs of the schedule, one for each database: pure.
 *
 * Each database succeeds or fails independently.  After a failure the job is
 * tried again with a delay.  The database that has waited longest comes first,
 * so that a database that keeps failing delays no other.  Delays are measured
 * on a monotonic clock.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "launcher/database_list.h"
#include "launcher/schedule_jobs.h"
#include "util/slot_times.h"

/*
 * Return the job of a database.  Adds one, in the current memory context, if
 * it is missing.
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

/* Forget the jobs of all databases but these. */
List *
jobs_retain_only(List *jobs, List *databases)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (!databases_include(databases, job->database))
		{
			jobs = foreach_delete_current(jobs, lc);
			pfree(job);
		}
	}
	return jobs;
}

/*
 * Open a slot for a job, with this attempt as the next one.  Replaces whatever
 * was left of the previous slot.
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

/* The request for the snapshot that a job tries to take. */
void
jobs_fill_request(const Job *job, RunRequest *request)
{
	memset(request, 0, sizeof(*request));
	request->kind = KIND_SNAPSHOT;
	request->reason = job->reason;
	strlcpy(request->database, job->database, sizeof(request->database));
	request->scheduled_for = job->slot;
	request->attempt = job->attempt;
}

/*
 * Record the outcome of a run of the job's database, which took "took"
 * seconds.  If it was the run of the slot and failed, plan the next attempt;
 * if the database does not exist, that attempt waits until the database does.
 */
void
jobs_note_outcome(Job *job, const Run *run, double took, double now)
{
	bool		good = run->state == RUN_SUCCEEDED;

	job->failures = good ? 0 : job->failures + 1;
	if (good || run->outcome.published)
		job->told_at = 0;

	if (job->run_id != run->id)
		return;
	job->run_id = 0;

	/* a canceled run is not retried, nor is one that published its snapshot */
	if (good || run->outcome.published || run->canceled ||
		run->outcome.error.sqlerrcode == ERRCODE_QUERY_CANCELED)
		job->pending = false;
	else
	{
		job->missing = run->outcome.error.sqlerrcode == ERRCODE_UNDEFINED_DATABASE;
		job->due = now + retry_delay(job->attempt, took);
		job->attempt++;
	}
}

/* After a reload of the settings, retry databases that did not exist. */
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

/* Forget the failures of all databases but these. */
void
jobs_keep_failures(List *jobs, List *databases)
{
	ListCell   *lc;

	foreach(lc, jobs)
	{
		Job		   *job = lfirst(lc);

		if (!databases_include(databases, job->database))
			job->failures = 0;
	}
}

/*
 * Record that a later verification found the snapshot of the job's slot good.
 * Failures of a later slot's attempts still count.
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

/* List the jobs that are due and have no run, longest waiting first. */
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
 * Return the failed job whose retry is next or in progress, or NULL.  Jobs
 * that wait for their database to exist have no time for a retry and are
 * ignored.
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

/* The highest number of consecutive failed runs of any database. */
int
jobs_most_failures(List *jobs)
{
	int			most = 0;
	ListCell   *lc;

	foreach(lc, jobs)
		most = Max(most, ((Job *) lfirst(lc))->failures);
	return most;
}
