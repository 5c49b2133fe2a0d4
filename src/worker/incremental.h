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

#include "access/xlogdefs.h"
#include "utils/hsearch.h"

#include "store/base_file.h"
#include "store/remembered_base.h"
#include "store/store.h"
#include "worker/run_context.h"

/* All that a run knows of its base. */
struct Incremental
{
	/* Read before the MVCC snapshot is taken. */
	XLogRecPtr	position;
	TimeLineID	timeline;
	bool		on_standby;

	Base	   *base;			/* NULL: everything is read */
	const char *base_name;
	bool		answer;			/* do not read what is the same */
	int			lock_fd;		/* of the base; see snapshot_lock.c */
	HTAB	   *files;			/* of BaseFile: tables with a link to it */
	BaseHeader	header;			/* of the new snapshot */
	RememberedBase *remembered;
	bool		compared;		/* an audit could compare all tables */
	bool		different;		/* it has found a difference */
	HTAB	   *toc;			/* of TocTableData, by table */
};

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
