/*-------------------------------------------------------------------------
 *
 * directory_exposure.h
 *	  Can others write where snapshots are?
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
