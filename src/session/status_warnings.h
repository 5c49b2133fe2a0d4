/*-------------------------------------------------------------------------
 *
 * status_warnings.h
 *	  The warning that snapshot_status() shows.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STATUS_WARNINGS_H
#define SNAPSHOT_WORKER_STATUS_WARNINGS_H

extern const char *warnings_first(pid_t launcher_pid);

#endif							/* SNAPSHOT_WORKER_STATUS_WARNINGS_H */
