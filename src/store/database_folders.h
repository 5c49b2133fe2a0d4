/*-------------------------------------------------------------------------
 *
 * database_folders.h
 *	  The folders of the snapshot directory, and the names found in them.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASE_FOLDERS_H
#define SNAPSHOT_WORKER_DATABASE_FOLDERS_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

extern List *folders_list(const char *directory);
extern bool folders_is_directory(const char *path);
extern List *folders_places(const char *directory, const char *database,
							int elevel);
extern List *folders_leftovers(const char *directory, const char *database,
							   int elevel);
extern List *folders_names(const char *directory, const char *database,
						   TimestampTz since, int elevel);
extern TimestampTz folders_free_instant(const char *directory,
										const char *database,
										TimestampTz instant);

#endif							/* SNAPSHOT_WORKER_DATABASE_FOLDERS_H */
