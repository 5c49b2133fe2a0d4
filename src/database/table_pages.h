/*-------------------------------------------------------------------------
 *
 * table_pages.h
 *	  Have the pages of a heap changed since they were read?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_PAGES_H
#define SNAPSHOT_WORKER_TABLE_PAGES_H

#include "access/xlogdefs.h"
#include "storage/block.h"
#include "utils/relcache.h"

#include "database/seen_transactions.h"

extern BlockNumber table_pages_used(Relation relation);
extern bool table_pages_are_same(Relation relation, XLogRecPtr lsn,
								 BlockNumber used,
								 const SeenTransactions *seen);

#endif							/* SNAPSHOT_WORKER_TABLE_PAGES_H */
