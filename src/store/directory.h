/*-------------------------------------------------------------------------
 *
 * directory.h
 *	  The snapshot directory itself: creation, access checks and free space.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DIRECTORY_H
#define SNAPSHOT_WORKER_DIRECTORY_H

extern void directory_make(const char *directory);
extern void directory_check(const char *directory);
extern const char *directory_problem(const char *directory);
extern void directory_check_space(const char *directory, int64 expected,
								  int64 spared);

#endif							/* SNAPSHOT_WORKER_DIRECTORY_H */
