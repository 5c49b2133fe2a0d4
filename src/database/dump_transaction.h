/*-------------------------------------------------------------------------
 *
 * dump_transaction.h
 *	  The transaction that exports pg_dump's MVCC snapshot, and connections.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_TRANSACTION_H
#define SNAPSHOT_WORKER_DUMP_TRANSACTION_H

#include "store/manifest.h"
#include "tools/tool_args.h"

extern const char *dump_transaction_begin(Manifest *manifest);
extern void dump_transaction_end(void);
extern Oid	connection_role(void);
extern void connection_for_dump(const char *database, Connection *connection,
								bool *is_superuser);
extern void connection_for_restore(const char *database,
								   Connection *connection);
extern void connection_for_table(const char *database, Connection *connection);
extern void connection_for_compare(const char *database,
								   Connection *connection);

#endif							/* SNAPSHOT_WORKER_DUMP_TRANSACTION_H */
