/*-------------------------------------------------------------------------
 *
 * seen_transactions.h
 *	  Which transactions an MVCC snapshot of an earlier run saw as ended.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SEEN_TRANSACTIONS_H
#define SNAPSHOT_WORKER_SEEN_TRANSACTIONS_H

#include "utils/snapshot.h"

typedef struct SeenTransactions
{
	uint64		xmin;			/* all IDs before it had ended */
	uint64		xmax;			/* no ID from it on had ended */
	Datum		snapshot;		/* pg_snapshot */
} SeenTransactions;

extern char *seen_transactions_format(Snapshot snapshot);
extern void seen_transactions_parse(const char *text, SeenTransactions *seen);
extern bool seen_transactions_are_recent(const SeenTransactions *seen);
extern bool is_transaction_seen(const SeenTransactions *seen,
								TransactionId xid);

#endif							/* SNAPSHOT_WORKER_SEEN_TRANSACTIONS_H */
