/*-------------------------------------------------------------------------
 *
 * sessions.h
 *	  The sessions that this extension has in a database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SESSIONS_H
#define SNAPSHOT_WORKER_SESSIONS_H

extern bool sessions_exist(Oid database);

#endif							/* SNAPSHOT_WORKER_SESSIONS_H */
