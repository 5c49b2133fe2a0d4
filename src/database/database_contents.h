/*-------------------------------------------------------------------------
 *
 * database_contents.h
 *	  Count the tables and large objects of a database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DATABASE_CONTENTS_H
#define SNAPSHOT_WORKER_DATABASE_CONTENTS_H

extern int64 contents_count_tables(void);
extern int64 contents_count_large_objects(void);

#endif							/* SNAPSHOT_WORKER_DATABASE_CONTENTS_H */
