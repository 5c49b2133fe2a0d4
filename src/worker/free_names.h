/*-------------------------------------------------------------------------
 *
 * free_names.h
 *	  Names for a table and its parts that are free in the current database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FREE_NAMES_H
#define SNAPSHOT_WORKER_FREE_NAMES_H

#include "shmem/shared_state.h"
#include "worker/scratch_table.h"

extern void free_names_check(const char *schema, const char *table, Oid caller,
							 bool has_target);
extern void free_names_choose(List *parts, const char *schema,
							  const char *table, bool has_target);

#endif							/* SNAPSHOT_WORKER_FREE_NAMES_H */
