/*-------------------------------------------------------------------------
 *
 * toc_selection.h
 *	  Select the entries of one table from a dump's table of contents: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TOC_SELECTION_H
#define SNAPSHOT_WORKER_TOC_SELECTION_H

#include "lib/stringinfo.h"
#include "nodes/pg_list.h"

extern List *toc_selection_tables(char *text);
extern List *toc_selection_entries(char *text);
extern char *toc_selection_statistics(Oid oid, const char *schema,
									  const char *name, const char *owner);
extern char *toc_selection_statistics_comment(const char *schema,
											  const char *name,
											  const char *owner);
extern void toc_selection_list(char *text, List *wanted, StringInfo list);

#endif							/* SNAPSHOT_WORKER_TOC_SELECTION_H */
