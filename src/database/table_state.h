/*-------------------------------------------------------------------------
 *
 * table_state.h
 *	  Has a table changed since an earlier snapshot read it?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_STATE_H
#define SNAPSHOT_WORKER_TABLE_STATE_H

#include "utils/relcache.h"

#include "database/seen_transactions.h"
#include "shmem/table_copies.h"

extern int64 table_state_size(Relation relation);
extern bool table_state_begin(Relation relation, const List *columns,
							  TableState *state);
extern void table_state_end(Relation relation, XLogRecPtr lsn,
							TableState *state);
extern void table_state_keep(const TableState *base, TableState *state);
extern bool table_state_is_same(Relation relation, const TableState *base,
								const SeenTransactions *seen,
								const TableState *state);

#endif							/* SNAPSHOT_WORKER_TABLE_STATE_H */
