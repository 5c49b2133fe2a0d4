/*-------------------------------------------------------------------------
 *
 * row_columns.h
 *	  The columns of a result, filled from the columns of a table in a dump.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_ROW_COLUMNS_H
#define SNAPSHOT_WORKER_ROW_COLUMNS_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "nodes/pg_list.h"

typedef struct RowColumns
{
	TupleDesc	desc;
	FmgrInfo   *input;			/* by column of the result */
	Oid		   *ioparam;
	int		   *field;			/* of the dump, or -1 */
	Datum	   *values;
	bool	   *nulls;
	List	   *noticed;		/* names that have had a NOTICE */
	const char *current;		/* the column that is being read, or NULL */
} RowColumns;

extern RowColumns *row_columns_begin(TupleDesc desc);
extern void row_columns_match(RowColumns *columns, const List *dumped,
							  int encoding, const char *table,
							  const char *snapshot);
extern HeapTuple row_columns_fill(RowColumns *columns, char **fields);

#endif							/* SNAPSHOT_WORKER_ROW_COLUMNS_H */
