/*-------------------------------------------------------------------------
 *
 * incremental.h
 *	  Snapshots that take unchanged tables from an earlier one, their base.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_INCREMENTAL_H
#define SNAPSHOT_WORKER_INCREMENTAL_H

#include "worker/base_files.h"

extern bool incremental_answers(const Incremental *incremental);
extern const char *incremental_base_seen(const Incremental *incremental);
extern XLogRecPtr incremental_standby_lsn(const Incremental *incremental);
extern void incremental_note_end(RunContext *cxt);
extern void incremental_write_base(RunContext *cxt);
extern void incremental_flush_wal(RunContext *cxt);
extern void incremental_remember(RunContext *cxt);
extern void incremental_forget(RunContext *cxt);
extern void incremental_end(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_INCREMENTAL_H */
