/*-------------------------------------------------------------------------
 *
 * litter.h
 *	  Names of files that file systems and desktops leave in directories: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_LITTER_H
#define SNAPSHOT_WORKER_LITTER_H

extern bool litter_is_file(const char *path);
extern bool litter_is_directory(const char *path);
extern bool litter_is_open_file(const char *path);

#endif							/* SNAPSHOT_WORKER_LITTER_H */
