/*-------------------------------------------------------------------------
 *
 * file_system_probe.h
 *	  The probe of a file system: try all operations that a snapshot uses.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILE_SYSTEM_PROBE_H
#define SNAPSHOT_WORKER_FILE_SYSTEM_PROBE_H

#include "shmem/shared_state.h"

extern char *probe_make_name(const char *directory);
extern bool probe_try(const char *directory, FileSystem *result);
extern void probe_sweep(const char *directory, uint64 system_identifier);

#endif							/* SNAPSHOT_WORKER_FILE_SYSTEM_PROBE_H */
