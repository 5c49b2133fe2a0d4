/*-------------------------------------------------------------------------
 *
 * status_warnings.h
 *	  What an administrator should know: the warning of snapshot_status().
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STATUS_WARNINGS_H
#define SNAPSHOT_WORKER_STATUS_WARNINGS_H

extern const char *warnings_first(pid_t launcher_pid);

#endif							/* SNAPSHOT_WORKER_STATUS_WARNINGS_H */
