/*-------------------------------------------------------------------------
 *
 * database_sessions.h
 *	  Count the sessions in a database: our own and others.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASE_SESSIONS_H
#define SNAPSHOT_WORKER_DATABASE_SESSIONS_H

extern bool sessions_exist(Oid database);
extern int	sessions_of_others(Oid database);
extern bool sessions_are_protected(Oid database);

#endif							/* SNAPSHOT_WORKER_DATABASE_SESSIONS_H */
