/*-------------------------------------------------------------------------
 *
 * underway_file.c
 *	  The file that lists the automatic runs in progress, for after a crash.
 *
 * The file is in the data directory, because it describes this one server,
 * while a primary and its standbys can share the snapshot directory.  It has
 * one JSON object on each line.  Only the launcher reads and writes it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "storage/fd.h"

#include "launcher/underway_file.h"
#include "store/replace_file.h"
#include "util/files.h"
#include "util/json_record.h"

/* Relative to the data directory, the working directory of all processes. */
#define UNDERWAY_FILE		"snapshot_worker.underway"

#define UNDERWAY_MAX_SIZE	((size_t) 16 * 1024 * 1024)

static const RecordMember members[] = {
	{"what", RECORD_STRING, offsetof(Underway, what)},
	{"subject", RECORD_STRING, offsetof(Underway, subject)},
	{"running", RECORD_NUMBER, offsetof(Underway, running)},
	{"crashes", RECORD_NUMBER, offsetof(Underway, crashes)},
	{"given_up", RECORD_NUMBER, offsetof(Underway, given_up)},
	{"name", RECORD_STRING, offsetof(Underway, name)},
	{"reason", RECORD_STRING, offsetof(Underway, reason)},
	{"attempt", RECORD_NUMBER, offsetof(Underway, attempt)},
	{"scheduled_for", RECORD_TIME_OR_NULL, offsetof(Underway, scheduled_for)},
	{"started_at", RECORD_TIME, offsetof(Underway, started_at)},
};

/*
 * Read the file.  Returns a list of Underway, palloc'd, or NIL if the file is
 * missing or unreadable.  Lines in another form are skipped.
 */
List *
underway_read(void)
{
	const char *problem;
	size_t		len;
	char	   *text = files_read(UNDERWAY_FILE, UNDERWAY_MAX_SIZE, &len,
								  &problem);
	List	   *entries = NIL;
	char	   *end;

	for (char *p = text; p != NULL && p < text + len; p = end + 1)
	{
		Underway   *entry = palloc0(sizeof(Underway));

		end = memchr(p, '\n', text + len - p);
		if (end == NULL)
			break;
		*end = '\0';
		if (record_parse(p, end - p, members, lengthof(members), entry) == NULL)
			entries = lappend(entries, entry);
	}
	return entries;
}

/*
 * Replace the file, durably, or remove it if there are no entries.  Raises an
 * error on failure.
 */
void
underway_write(List *entries)
{
	StringInfoData json;
	ListCell   *lc;

	if (entries == NIL)
	{
		if (unlink(UNDERWAY_FILE) != 0 && errno != ENOENT)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not remove file \"%s\": %m", UNDERWAY_FILE)));
		return;
	}
	initStringInfo(&json);
	foreach(lc, entries)
		appendStringInfoString(&json, record_format(members, lengthof(members),
													lfirst(lc)));
	replace_file(UNDERWAY_FILE, json.data);
	pfree(json.data);
}
