/*-------------------------------------------------------------------------
 *
 * snapshot_at.h
 *	  Which snapshot a text names: by name, as the latest, or by a time.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SNAPSHOT_AT_H
#define SNAPSHOT_WORKER_SNAPSHOT_AT_H

#include "datatype/timestamp.h"

extern char *snapshot_at_find(const char *database, TimestampTz time);
extern char *snapshot_at_resolve(const char *text);

#endif							/* SNAPSHOT_WORKER_SNAPSHOT_AT_H */
