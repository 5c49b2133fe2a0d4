/*-------------------------------------------------------------------------
 *
 * history_line.c
 *	  A line of the history as text: written and parsed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "store/history_line.h"
#include "util/json_record.h"

static const RecordMember members[] = {
	{"name", RECORD_STRING, offsetof(HistoryLine, name)},
	{"reason", RECORD_STRING, offsetof(HistoryLine, reason)},
	{"attempt", RECORD_NUMBER, offsetof(HistoryLine, attempt)},
	{"scheduled_for", RECORD_TIME_OR_NULL, offsetof(HistoryLine, scheduled_for)},
	{"started_at", RECORD_TIME, offsetof(HistoryLine, started_at)},
	{"finished_at", RECORD_TIME, offsetof(HistoryLine, finished_at)},
	{"outcome", RECORD_STRING, offsetof(HistoryLine, outcome)},
	{"error", RECORD_STRING_OR_NULL, offsetof(HistoryLine, error)},
	{"size", RECORD_NUMBER, offsetof(HistoryLine, size)},
	{"tables_read", RECORD_NUMBER_OPTIONAL, offsetof(HistoryLine, tables_read)},
	{"tables_same", RECORD_NUMBER_OPTIONAL, offsetof(HistoryLine, tables_same)},
};

/* Append a line to a text. */
void
history_line_format(StringInfo text, const HistoryLine *line)
{
	char	   *json = record_format(members, lengthof(members), line);

	appendStringInfoString(text, json);
	pfree(json);
}

/*
 * Read a line, without its newline, into a zeroed struct.  Returns NULL, or
 * the reason why it is not a line of the history.  Raises no error.
 */
const char *
history_line_parse(char *text, size_t len, HistoryLine *line)
{
	line->tables_read = line->tables_same = -1;
	return record_parse(text, len, members, lengthof(members), line);
}

/* Replace the strings of a line by copies in the current memory context. */
void
history_line_copy_strings(HistoryLine *line)
{
	record_copy_strings(members, lengthof(members), line);
}
