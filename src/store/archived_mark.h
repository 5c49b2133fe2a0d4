/*-------------------------------------------------------------------------
 *
 * archived_mark.h
 *	  The mark of an archived snapshot, archived.json in its directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ARCHIVED_MARK_H
#define SNAPSHOT_WORKER_ARCHIVED_MARK_H

#include "datatype/timestamp.h"

#include "store/replace_file.h"

#define ARCHIVED_FILE	"archived.json"

extern void archived_mark_prepare(Replacement *prepared, const char *path,
							 const char *name, TimestampTz archived_at);
extern void archived_mark_finish(Replacement *prepared, const char *path);
extern TimestampTz archived_mark_read(const char *path, const char *name);

#endif							/* SNAPSHOT_WORKER_ARCHIVED_MARK_H */
