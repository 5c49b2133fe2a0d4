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

#include "worker/incremental.h"

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
