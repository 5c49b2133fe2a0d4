/*-------------------------------------------------------------------------
 *
 * remembered_globals.c
 *	  The last globals.sql, and the state of the catalogs that it is made of.
 *
 * Shared memory keeps this, so that a restart or a crash of the server forgets
 * it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/remembered_globals.h"
#include "shmem/shared_struct.h"

/* Remember the globals.sql of a published snapshot. */
void
state_set_globals(const RememberedGlobals *globals)
{
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->globals = *globals;
	LWLockRelease(state_lock);
}

/* Copy what is remembered; the path is "" when that is nothing. */
void
state_get_globals(RememberedGlobals *globals)
{
	LWLockAcquire(state_lock, LW_SHARED);
	*globals = state_shared->globals;
	LWLockRelease(state_lock);
}
