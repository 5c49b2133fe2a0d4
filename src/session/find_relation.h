/*-------------------------------------------------------------------------
 *
 * find_relation.h
 *	  Find a relation in a dump by its name.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FIND_RELATION_H
#define SNAPSHOT_WORKER_FIND_RELATION_H

#include "session/open_snapshot.h"

extern void find_encode_name(const OpenSnapshot *snapshot, const char **schema,
							 const char **name);
extern char *find_shown_name(const OpenSnapshot *snapshot, const char *schema,
							 const char *name);
extern void find_relation(const OpenSnapshot *snapshot, const char **schema,
						  const char **name);

#endif							/* SNAPSHOT_WORKER_FIND_RELATION_H */
