/*-------------------------------------------------------------------------
 *
 * program_version.c
 *	  The version of pg_dump, remembered as long as its file is the same.
 *
 * Each snapshot needs it, and asking the program takes about as long as a
 * snapshot of an idle database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "shmem/shared_struct.h"

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
		a->st_size == b->st_size &&
		memcmp(&a->st_mtim, &b->st_mtim, sizeof(a->st_mtim)) == 0 &&
		memcmp(&a->st_ctim, &b->st_ctim, sizeof(a->st_ctim)) == 0;
}

/* Remember the version that a file has reported, unless it is too long. */
void
state_set_program_version(const struct stat *file, const char *version)
{
	if (strlen(version) >= STATE_VERSION_SIZE)
		return;
	LWLockAcquire(state_lock, LW_EXCLUSIVE);
	state_shared->program_file = *file;
	strlcpy(state_shared->program_version, version, STATE_VERSION_SIZE);
	LWLockRelease(state_lock);
}

/*
 * Copy the version that a file has reported, STATE_VERSION_SIZE bytes.
 * Returns false if the last one remembered is of another file.
 */
bool
state_get_program_version(const struct stat *file, char *version)
{
	bool		found;

	LWLockAcquire(state_lock, LW_SHARED);
	found = state_shared->program_version[0] != '\0' &&
		is_same_file(&state_shared->program_file, file);
	strlcpy(version, state_shared->program_version, STATE_VERSION_SIZE);
	LWLockRelease(state_lock);
	return found;
}
