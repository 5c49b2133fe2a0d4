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

#include "worker/run_context.h"

extern Incremental *incremental_begin(void);
extern void incremental_choose_base(RunContext *cxt, const char *options);
extern bool incremental_answers(const Incremental *incremental);
extern const char *incremental_base_seen(const Incremental *incremental);
extern XLogRecPtr incremental_standby_lsn(const Incremental *incremental);
extern bool incremental_is_link(const char *path);
extern void incremental_offer_tables(RunContext *cxt);
extern void incremental_note_end(RunContext *cxt);
extern void incremental_put_files(RunContext *cxt, char *contents);
extern void incremental_audit(RunContext *cxt);
extern void incremental_write_base(RunContext *cxt);
extern void incremental_flush_wal(RunContext *cxt);
extern void incremental_remember(RunContext *cxt);
extern void incremental_forget(RunContext *cxt);
extern void incremental_end(RunContext *cxt);

#endif							/* SNAPSHOT_WORKER_INCREMENTAL_H */
