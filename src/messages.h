/*-------------------------------------------------------------------------
 *
 * messages.h
 *	  What pg_dump and its kin say, and what that means: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_MESSAGES_H
#define SNAPSHOT_WORKER_MESSAGES_H

extern bool messages_is_remark(const char *line, bool before);
extern char *messages_table_begun(const char *line);
extern bool messages_is_table_finished(const char *line, int *item);

#endif							/* SNAPSHOT_WORKER_MESSAGES_H */
