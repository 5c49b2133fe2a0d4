/*-------------------------------------------------------------------------
 *
 * program_tokens.c
 *	  Tokens by which the sessions of a run's programs are recognized.
 *
 * pg_dump and pg_restore connect as any client does.  Their worker passes them
 * a token, in an environment that only the server's own operating system user
 * can read, and they pass it on in the options of their connections.  A
 * session belongs to a run in progress if it has the token of that run and
 * authenticated as the role that the run connects as.  No other session can
 * guess a token, and a token is void once its run has ended.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/shared_struct.h"

/* Are two tokens the same?  Takes the same time whether they are or not. */
static bool
is_same(const char *a, const char *b)
{
	unsigned char difference = 0;

	for (int i = 0; i < STATE_TOKEN_SIZE; i++)
		difference |= a[i] ^ b[i];
	return difference == 0;
}

/*
 * Set the token and role by which the worker's run recognizes the sessions of
 * its programs, until its end.
 */
void
state_set_programs(const RunPrograms *programs)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	if (MyRun != NULL)
		MyRun->progress.programs = *programs;
	LWLockRelease(state_lock);
}

/*
 * Find where sessions with this token, authenticated as this role, record what
 * they copy.  Returns false if no run in progress has this token and role.
 */
bool
state_find_programs(const char *token, Oid role, CopiesHandle *copies)
{
	char		padded[STATE_TOKEN_SIZE] = {0};
	bool		found = false;

	if (token[0] == '\0' || strlen(token) >= STATE_TOKEN_SIZE)
		return false;
	strlcpy(padded, token, sizeof(padded));

	LWLockAcquire(state_lock, LW_SHARED);
	for (int i = 0; i < STATE_MAX_RUNS && !found; i++)
	{
		const Run  *run = &state_shared->runs[i];

		found = run->state == RUN_RUNNING && run->progress.programs.role == role &&
			is_same(run->progress.programs.token, padded);
		if (found)
			*copies = run->progress.programs.copies;
	}
	LWLockRelease(state_lock);
	return found;
}
