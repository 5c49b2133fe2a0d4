/*-------------------------------------------------------------------------
 *
 * archived_mark.c
 *	  The mark of an archived snapshot, archived.json in its directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "store/archived_mark.h"
#include "util/files.h"
#include "util/json_record.h"

#define ARCHIVED_MAX_SIZE	((size_t) 4096)

typedef struct Archived
{
	char	   *name;			/* of the snapshot */
	TimestampTz archived_at;
} Archived;

static const RecordMember members[] = {
	{"name", RECORD_STRING, offsetof(Archived, name)},
	{"archived_at", RECORD_TIME, offsetof(Archived, archived_at)},
};

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
							 path, ARCHIVED_FILE),
					record_format(members, lengthof(members), &archived));
}

/* Move the prepared mark into the snapshot.  Raises an error on failure. */
void
archived_mark_finish(Replacement *prepared, const char *path)
{
	replace_finish(prepared, psprintf("%s/%s", path, ARCHIVED_FILE));
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

	if (!record_load(psprintf("%s/%s", path, ARCHIVED_FILE), ARCHIVED_MAX_SIZE,
					 members, lengthof(members), &archived, name))
		return 0;
	return archived.archived_at;
}
