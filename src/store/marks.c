/*-------------------------------------------------------------------------
 *
 * marks.c
 *	  The marks of a snapshot: verified.json, archived.json and pinned.
 *
 * A mark is a file that is written into a snapshot after it was taken, and
 * that its manifest does not list.  The marks record the last verification,
 * the archiving, and that retention must not remove the snapshot.  Anything
 * with the name of the last one pins a snapshot, because users may create the
 * file by hand.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "storage/fd.h"

#include "store/marks.h"
#include "util/files.h"
#include "util/json_record.h"

#define VERIFIED_MAX_SIZE	((size_t) 256 * 1024)
#define ARCHIVED_MAX_SIZE	((size_t) 4096)

typedef struct Archived
{
	char	   *name;			/* of the snapshot */
	TimestampTz archived_at;
} Archived;

static const RecordMember verified_members[] = {
	{"name", RECORD_STRING, offsetof(Verification, name)},
	{"verified_at", RECORD_TIME, offsetof(Verification, verified_at)},
	{"level", RECORD_STRING, offsetof(Verification, level)},
	{"problem", RECORD_STRING_OR_NULL, offsetof(Verification, problem)},
};

static const RecordMember archived_members[] = {
	{"name", RECORD_STRING, offsetof(Archived, name)},
	{"archived_at", RECORD_TIME, offsetof(Archived, archived_at)},
};

const char *const mark_files[MARK_COUNT] = {
	MARK_VERIFIED_FILE, MARK_ARCHIVED_FILE, MARK_PINNED_FILE
};

static char *
file_of(const char *path, const char *mark)
{
	return psprintf("%s/%s", path, mark);
}

/*
 * Write the result of a verification into the snapshot's directory at path,
 * replacing the previous one.  Raises an error on failure.
 */
void
verified_mark_write(const char *path, const Verification *verification)
{
	replace_file(file_of(path, MARK_VERIFIED_FILE),
				 record_format(verified_members, lengthof(verified_members),
							   verification));
}

/*
 * Read the last result for the snapshot of that name from its directory.
 * Returns false, with *verification zeroed, if there is no valid one.  Raises
 * no error.
 */
bool
verified_mark_read(const char *path, const char *name,
				   Verification *verification)
{
	bool		found;

	memset(verification, 0, sizeof(*verification));
	found = record_load(file_of(path, MARK_VERIFIED_FILE), VERIFIED_MAX_SIZE,
						verified_members, lengthof(verified_members),
						verification, name);
	if (!found)
		memset(verification, 0, sizeof(*verification));
	return found;
}

/* Are two results for the same snapshot equal? */
bool
verified_mark_equal(const Verification *a, const Verification *b)
{
	return a->verified_at == b->verified_at &&
		strcmp(a->level, b->level) == 0 &&
		(a->problem == NULL) == (b->problem == NULL) &&
		(a->problem == NULL || strcmp(a->problem, b->problem) == 0);
}

/*
 * Prepare the mark for the snapshot of that name in the directory at path, so
 * that a full or read-only disk cannot prevent it after archive_command has
 * succeeded.  The prepared file is kept next to the snapshot, not inside it,
 * so that archive_command does not copy it.  Raises an error on failure.
 */
void
archived_mark_prepare(Replacement *prepared, const char *path, const char *name,
					  TimestampTz archived_at)
{
	Archived	archived = {pstrdup(name), archived_at};

	if (access(path, W_OK | X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to directory \"%s\": %m", path)));
	replace_prepare(prepared,
					psprintf("%.*s/%s", (int) (strrchr(path, '/') - path),
							 path, MARK_ARCHIVED_FILE),
					record_format(archived_members, lengthof(archived_members),
								  &archived));
}

/* Move the prepared mark into the snapshot.  Raises an error on failure. */
void
archived_mark_finish(Replacement *prepared, const char *path)
{
	replace_finish(prepared, file_of(path, MARK_ARCHIVED_FILE));
}

/*
 * Return the start time of the successful archiving of the snapshot of that
 * name in the directory at path, or 0 if it has not been archived.  Raises no
 * error: an unreadable mark counts as absent.
 */
TimestampTz
archived_mark_read(const char *path, const char *name)
{
	Archived	archived = {0};

	if (!record_load(file_of(path, MARK_ARCHIVED_FILE), ARCHIVED_MAX_SIZE,
					 archived_members, lengthof(archived_members), &archived,
					 name))
		return 0;
	return archived.archived_at;
}

/* Is the snapshot at path pinned?  Raises no error. */
bool
pinned_mark_exists(const char *path)
{
	struct stat st;

	return lstat(file_of(path, MARK_PINNED_FILE), &st) == 0;
}

/*
 * Read whether the snapshot at path is pinned, and the note of the pin, or
 * NULL. Raises no error.
 */
bool
pinned_mark_read(const char *path, char **note)
{
	const char *problem;
	size_t		len;

	*note = NULL;
	if (!pinned_mark_exists(path))
		return false;
	*note = files_read(file_of(path, MARK_PINNED_FILE),
					   MARK_NOTE_MAX_SIZE + 1, &len, &problem);
	while (*note != NULL && len > 0 && (*note)[len - 1] == '\n')
		(*note)[--len] = '\0';
	if (*note != NULL && len == 0)
		*note = NULL;
	return true;
}

/*
 * Pin the snapshot at path, with a note in UTF-8, or "".  The caller holds a
 * lock on the snapshot.  Raises an error on failure.
 */
void
pinned_mark_write(const char *path, const char *note)
{
	replace_file(file_of(path, MARK_PINNED_FILE), note);
}

/*
 * Unpin the snapshot at path.  Returns false if it was not pinned.  Raises an
 * error on failure.
 */
bool
pinned_mark_remove(const char *path)
{
	char	   *file = file_of(path, MARK_PINNED_FILE);

	if (unlink(file) == 0)
		(void) fsync_fname_ext(path, true, false, ERROR);
	else if (errno == ENOENT)
		return false;
	else
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", file)));
	return true;
}
