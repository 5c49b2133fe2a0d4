/*-------------------------------------------------------------------------
 *
 * cancel_pending.c
 *	  Dropping pending jobs of the launcher that sessions have canceled.
 *
 * A session cancels runs itself.  Only the launcher knows pending jobs and
 * verifications; it drops them when the session requests that.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "launcher/cancel_pending.h"

/*
 * Drop the pending jobs of a database, or of all databases ("").  The session
 * has canceled runs up to last_run_id itself; the launcher cancels those that
 * began since.  Returns the number of jobs dropped.
 */
static int
cancel_jobs(Schedule *schedule, const char *database, uint64 last_run_id)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, schedule->jobs)
	{
		Job		   *job = lfirst(lc);

		if (!job->pending ||
			(database[0] != '\0' && strcmp(job->database, database) != 0) ||
			(job->run_id != 0 && job->run_id <= last_run_id))
			continue;
		if (job->run_id != 0)
			state_cancel_run(job->run_id);
		job->pending = false;
		job->missing = false;
		count++;
		ereport(LOG,
				(errmsg("no longer retrying database \"%s\": canceled",
						job->database)));
	}
	return count;
}

/* Serve the cancel requests of sessions. */
void
cancel_pending_serve(Schedule *schedule, VerifySchedule *verifying)
{
	char		database[NAMEDATALEN];
	uint64		request;
	uint64		last_run_id;

	while (state_next_cancel(&request, database, &last_run_id))
		state_cancel_done(request,
						  cancel_jobs(schedule, database, last_run_id) +
						  verify_schedule_cancel(verifying, database, last_run_id));
}
