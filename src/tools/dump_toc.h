/*-------------------------------------------------------------------------
 *
 * dump_toc.h
 *	  Comparison of dumps' tables of contents, as pg_restore lists them: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_DUMP_TOC_H
#define SNAPSHOT_WORKER_DUMP_TOC_H

#include "nodes/pg_list.h"

/* Lines sorted by their bytes, with duplicates. */
typedef struct TocLines
{
	char	  **lines;
	size_t		count;
} TocLines;

/* The entry of a table's rows. */
typedef struct TocTableData
{
	Oid			table;
	int			dump_id;		/* which the name of the file has */
} TocTableData;

/* Any entry. */
typedef struct TocEntry
{
	int			dump_id;
	Oid			catalog;		/* of the object, or 0 */
	char	   *text;			/* kind, schema, name and owner */
} TocEntry;

extern List *toc_all(char *text);
extern const char *toc_entry_of_kind(const TocEntry *entry, const char *kind,
									 bool has_catalog);
extern char *toc_as_listed(char *name);
extern char *toc_schema_of(const char *text, const char *name);
extern List *toc_table_data(char *text);
extern void toc_entries(char *text, TocLines *entries);
extern void toc_lines(char *text, TocLines *lines);
extern List *toc_missing(const TocLines *from, const TocLines *in);

#endif							/* SNAPSHOT_WORKER_DUMP_TOC_H */
