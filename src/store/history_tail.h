/*-------------------------------------------------------------------------
 *
 * history_tail.h
 *	  The choice of lines to keep in a history that grew too long: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_HISTORY_TAIL_H
#define SNAPSHOT_WORKER_HISTORY_TAIL_H

#include "nodes/pg_list.h"

#include "store/history_line.h"

extern char *history_tail(List *lines, size_t limit);

#endif							/* SNAPSHOT_WORKER_HISTORY_TAIL_H */
