/*-------------------------------------------------------------------------
 *
 * facts.h
 *	  What a database is at the moment of its snapshot, and how to reach it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FACTS_H
#define SNAPSHOT_WORKER_FACTS_H

#include "commands.h"
#include "manifest.h"

extern const char *facts_begin(Manifest *manifest);
extern void facts_end(void);
extern Oid	facts_role(void);
extern void facts_connection(const char *database, Connection *connection,
							 bool *is_superuser);
extern void facts_restore_connection(const char *database,
									 Connection *connection);
extern void facts_compare_connection(const char *database,
									 Connection *connection);

#endif							/* SNAPSHOT_WORKER_FACTS_H */
