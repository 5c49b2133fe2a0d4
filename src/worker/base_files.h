/*-------------------------------------------------------------------------
 *
 * base_files.h
 *	  The files of unchanged tables: links to those of the base.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_BASE_FILES_H
#define SNAPSHOT_WORKER_BASE_FILES_H

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

extern int64 base_files_changed_at(const struct stat *st);
extern void base_files_link(RunContext *cxt, const StoredSnapshot *snapshot);
extern void base_files_offer(RunContext *cxt);
extern void base_files_remove_links(RunContext *cxt);
extern const BaseTable *base_files_find(const Incremental *incremental,
										Oid table);
extern char *base_files_data_path(RunContext *cxt, Oid table);
extern void base_files_put(RunContext *cxt, char *contents);
extern bool base_files_is_link(const char *path);

#endif							/* SNAPSHOT_WORKER_BASE_FILES_H */
