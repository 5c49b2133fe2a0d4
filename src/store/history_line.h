/*-------------------------------------------------------------------------
 *
 * history_line.h
 *	  A line of the history as text: written and parsed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HISTORY_LINE_H
#define SNAPSHOT_WORKER_HISTORY_LINE_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* Values of HistoryLine.outcome. */
#define OUTCOME_SUCCEEDED	"succeeded"
#define OUTCOME_FAILED		"failed"
#define OUTCOME_INTERRUPTED	"interrupted"

typedef struct HistoryLine
{
	char	   *name;			/* of the snapshot, published or not */
	char	   *reason;
	int64		attempt;
	TimestampTz scheduled_for;	/* the slot of a scheduled run, else 0 */
	TimestampTz started_at;
	TimestampTz finished_at;
	char	   *outcome;
	char	   *error;			/* NULL if the run succeeded */
	int64		size;			/* bytes */
	int64		tables_read;	/* -1 where that is unknown */
	int64		tables_same;	/* taken from the base; -1 likewise */
} HistoryLine;

extern void history_line_format(StringInfo text, const HistoryLine *line);
extern const char *history_line_parse(char *text, size_t len,
									  HistoryLine *line);
extern void history_line_copy_strings(HistoryLine *line);

#endif							/* SNAPSHOT_WORKER_HISTORY_LINE_H */
