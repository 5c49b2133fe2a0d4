/*-------------------------------------------------------------------------
 *
 * forked_snapshot.c
 *	  A snapshot of a server that has our system identifier and another past.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lwlock.h"

#include "shmem/forked_snapshot.h"
#include "shmem/shared_struct.h"

/* Note that a run has met such a snapshot; "" for none. */
void
state_set_forked_snapshot(const char *name)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	strlcpy(state_shared->forked_snapshot, name, NAMES_SIZE);
	LWLockRelease(state_lock);
}

/* Get the name of the last one that was met, NAMES_SIZE bytes; "" for none. */
void
state_get_forked_snapshot(char *name)
{
	LWLockAcquire(state_lock, LW_SHARED);
	strlcpy(name, state_shared->forked_snapshot, NAMES_SIZE);
	LWLockRelease(state_lock);
}
