/*-------------------------------------------------------------------------
 *
 * table_statements.h
 *	  The statements of a dump that make one relation.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TABLE_STATEMENTS_H
#define SNAPSHOT_WORKER_TABLE_STATEMENTS_H

extern char *table_statements(char *script, const char *schema,
							  const char *name);

#endif							/* SNAPSHOT_WORKER_TABLE_STATEMENTS_H */
