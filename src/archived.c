/*-------------------------------------------------------------------------
 *
 * archived.c
 *	  That a snapshot has been archived, beside it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "archived.h"
#include "files.h"
#include "record.h"

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
 * Write into the directory at path that its snapshot, of that name, has been
 * archived.  Raises an error when that fails.
 */
void
archived_write(const char *path, const char *name, TimestampTz archived_at)
{
	Archived	archived = {pstrdup(name), archived_at};
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	record_write(&json, members, lengthof(members), &archived);
	appendStringInfoString(&json, "}\n");
	files_replace(psprintf("%s/%s", path, ARCHIVED_FILE), json.data);
}

/*
 * When the snapshot in the directory at path, which has that name, was archived;
 * 0 when it was not, as far as can be told.  Raises no error.
 */
TimestampTz
archived_read(const char *path, const char *name)
{
	Archived	archived = {0};
	const char *problem;
	size_t		len;
	char	   *text = files_read(psprintf("%s/%s", path, ARCHIVED_FILE),
								  ARCHIVED_MAX_SIZE, &len, &problem);

	if (text == NULL ||
		record_parse(text, len, members, lengthof(members), &archived) != NULL ||
		strcmp(archived.name, name) != 0)
		return 0;
	return archived.archived_at;
}
