/*-------------------------------------------------------------------------
 *
 * history.h
 *	  The history: one line for each finished run, good or bad.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HISTORY_H
#define SNAPSHOT_WORKER_HISTORY_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

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
} HistoryLine;

extern void history_format(StringInfo text, const HistoryLine *line);
extern void history_append(const char *directory, uint64 system_identifier,
						   const HistoryLine *line);
extern bool history_is_of_verification(const HistoryLine *line);
extern List *history_read(const char *directory, uint64 system_identifier);

#endif							/* SNAPSHOT_WORKER_HISTORY_H */
