/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The snapshot directory: what is in it, and taking snapshots out of it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STORE_H
#define SNAPSHOT_WORKER_STORE_H

#include "datatype/timestamp.h"
#include "manifest.h"

/* A snapshot in the directory. */
typedef struct StoredSnapshot
{
	char	   *name;
	char	   *path;
	char		database[NAMEDATALEN];
	TimestampTz start;			/* the instant in its name */
	bool		pinned;
	Manifest	manifest;		/* without files */
} StoredSnapshot;

extern void store_make_directory(const char *directory);
extern void store_check_directory(const char *directory);
extern List *store_leftovers(const char *directory, const char *database);
extern List *store_list(const char *directory, const char *database,
						int damage_elevel);
extern bool store_has_slot(const char *directory, const char *database,
						   TimestampTz slot, uint64 system_identifier);
extern TimestampTz store_free_instant(const char *directory,
									  const char *database,
									  TimestampTz instant);
extern bool store_remove(const StoredSnapshot *snapshot, int elevel);

#endif							/* SNAPSHOT_WORKER_STORE_H */
