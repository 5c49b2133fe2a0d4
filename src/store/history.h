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

#include "nodes/pg_list.h"

#include "store/history_line.h"

extern void history_append(const char *directory, uint64 system_identifier,
						   const HistoryLine *line);
extern bool history_is_of_verification(const HistoryLine *line);
extern List *history_read(const char *directory, uint64 system_identifier);

#endif							/* SNAPSHOT_WORKER_HISTORY_H */
