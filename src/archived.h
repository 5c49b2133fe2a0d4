/*-------------------------------------------------------------------------
 *
 * archived.h
 *	  That a snapshot has been archived, beside it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ARCHIVED_H
#define SNAPSHOT_WORKER_ARCHIVED_H

#include "datatype/timestamp.h"
#include "replace.h"

#define ARCHIVED_FILE	"archived.json"

extern void archived_prepare(Replacement *prepared, const char *path,
							 const char *name, TimestampTz archived_at);
extern void archived_finish(Replacement *prepared, const char *path);
extern TimestampTz archived_read(const char *path, const char *name);

#endif							/* SNAPSHOT_WORKER_ARCHIVED_H */
