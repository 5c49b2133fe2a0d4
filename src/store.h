/*-------------------------------------------------------------------------
 *
 * store.h
 *	  The snapshot directory: what is in it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STORE_H
#define SNAPSHOT_WORKER_STORE_H

#include "datatype/timestamp.h"
#include "manifest.h"

/* A snapshot that holds a file of this name is pinned. */
#define STORE_PIN_FILE		"pinned"

/* A snapshot in the directory. */
typedef struct StoredSnapshot
{
	char	   *name;
	char	   *path;
	char		database[NAMEDATALEN];
	TimestampTz start;			/* the instant in its name */
	bool		pinned;
	bool		failed;			/* its last verification failed */
	Manifest	manifest;		/* in lists without its files */
} StoredSnapshot;

extern List *store_leftovers(const char *directory, const char *database,
							 int elevel);
extern StoredSnapshot *store_load(const char *directory, const char *name,
								  bool want_files, int elevel);
extern List *store_list(const char *directory, const char *database,
						TimestampTz since, int elevel, int damage_elevel);
extern bool store_has_slot(const char *directory, const char *database,
						   TimestampTz slot, uint64 system_identifier);
extern TimestampTz store_free_instant(const char *directory,
									  const char *database,
									  TimestampTz instant);

#endif							/* SNAPSHOT_WORKER_STORE_H */
