/*-------------------------------------------------------------------------
 *
 * columns.h
 *	  What a table of contents does not show: columns and large objects.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_COLUMNS_H
#define SNAPSHOT_WORKER_COLUMNS_H

#include "work.h"

/* Kinds of ManifestContents. */
#define COLUMNS_OF_TABLES		"columns"
#define COLUMNS_LARGE_OBJECTS	"large objects"

extern void columns_note(Work *work, const char *snapshot);
extern List *columns_read(Work *work, char **event_triggers);

#endif							/* SNAPSHOT_WORKER_COLUMNS_H */
