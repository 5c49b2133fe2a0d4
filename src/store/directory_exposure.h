/*-------------------------------------------------------------------------
 *
 * directory_exposure.h
 *	  Check whether other users can write to the snapshot directory.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DIRECTORY_EXPOSURE_H
#define SNAPSHOT_WORKER_DIRECTORY_EXPOSURE_H

extern void exposure_check(const char *directory, const char *database);
extern const char *exposure_problem(const char *directory);

#endif							/* SNAPSHOT_WORKER_DIRECTORY_EXPOSURE_H */
