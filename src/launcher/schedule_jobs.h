/*-------------------------------------------------------------------------
 *
 * schedule_jobs.h
 *	  The jobs of the schedule, one for each database: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCHEDULE_JOBS_H
#define SNAPSHOT_WORKER_SCHEDULE_JOBS_H

#include "nodes/pg_list.h"

#include "shmem/shared_state.h"

/* A database and its scheduled run for the latest slot. */
typedef struct Job
{
	char		database[NAMEDATALEN];
	TimestampTz slot;			/* 0 before the first slot */
	RunReason	reason;			/* of the run for that slot */
	bool		pending;		/* the slot still needs a snapshot */
	bool		missing;		/* waits for its database to exist */
	int			attempt;		/* number of the next or current attempt, from
								 * 1 */
	double		due;			/* when it is due, on clock_seconds() */
	uint64		run_id;			/* the run in progress; 0 for none */
	int			failures;		/* consecutive failed runs, for any reason */
	double		told_at;		/* time of the last alert, on clock_seconds();
								 * 0 for never */
} Job;

extern Job *jobs_find(List **jobs, const char *database);
extern List *jobs_retain_only(List *jobs, List *databases);
extern void jobs_begin_slot(Job *job, TimestampTz slot, RunReason reason,
							int attempt, double due);
extern void jobs_fill_request(const Job *job, RunRequest *request);
extern void jobs_note_outcome(Job *job, const Run *run, double took,
							  double now);
extern void jobs_note_reload(List *jobs, double now);
extern void jobs_keep_failures(List *jobs, List *databases);
extern void jobs_note_verified(Job *job);
extern List *jobs_due(List *jobs, double now);
extern double jobs_seconds_to_next(List *jobs, double now);
extern Job *jobs_next_retry(List *jobs);
extern int	jobs_most_failures(List *jobs);

#endif							/* SNAPSHOT_WORKER_SCHEDULE_JOBS_H */
