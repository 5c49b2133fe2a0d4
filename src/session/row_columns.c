/*-------------------------------------------------------------------------
 *
 * row_columns.c
 *	  The columns of a result, filled from the columns of a table in a dump.
 *
 * Columns are matched by name, and values are read from their text by the
 * input function of the result's column, as COPY does.  A column that the dump
 * lacks is NULL; no default is computed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"

#include "session/dump_encoding.h"
#include "session/row_columns.h"

/* Prepare rows of a type.  Everything lives in the current memory context. */
RowColumns *
row_columns_begin(TupleDesc desc)
{
	RowColumns *columns = palloc0(sizeof(RowColumns));
	int			natts = desc->natts;

	columns->desc = desc;
	columns->input = palloc0(natts * sizeof(FmgrInfo));
	columns->ioparam = palloc0(natts * sizeof(Oid));
	columns->field = palloc0(natts * sizeof(int));
	columns->values = palloc0(natts * sizeof(Datum));
	columns->nulls = palloc0(natts * sizeof(bool));
	for (int i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Oid			function;

		if (att->attisdropped)
			continue;
		getTypeInputInfo(att->atttypid, &function, &columns->ioparam[i]);
		fmgr_info(function, &columns->input[i]);
	}
	return columns;
}

/* Return the position of a name in a list, or -1. */
static int
position_of(const List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), name) == 0)
			return foreach_current_index(lc);
	}
	return -1;
}

/* Add a name to a list for a NOTICE, unless an earlier one has it. */
static void
add_noticed(RowColumns *columns, StringInfo list, const char *name)
{
	if (position_of(columns->noticed, name) >= 0)
		return;
	columns->noticed = lappend(columns->noticed, pstrdup(name));
	appendStringInfo(list, "%s\"%s\"", list->len > 0 ? ", " : "", name);
}

/* Is there a column of the result that has this field of the dump? */
static bool
is_used(const RowColumns *columns, int field)
{
	for (int i = 0; i < columns->desc->natts; i++)
	{
		if (columns->field[i] == field)
			return true;
	}
	return false;
}

/*
 * Match the columns that a dump has of a table (a list of names in the dump's
 * encoding), and raise a NOTICE for those that only one side has.  Call it in
 * the memory context of the columns.
 */
void
row_columns_match(RowColumns *columns, const List *dumped, int encoding,
				  const char *table, const char *snapshot)
{
	StringInfoData missing;
	StringInfoData extra;
	ListCell   *lc;

	initStringInfo(&missing);
	initStringInfo(&extra);
	for (int i = 0; i < columns->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(columns->desc, i);
		char	   *name;

		columns->field[i] = -1;
		if (att->attisdropped)
			continue;
		name = dump_encoding_to(NameStr(att->attname), encoding);
		if (name != NULL)
			columns->field[i] = position_of(dumped, name);
		if (columns->field[i] < 0)
			add_noticed(columns, &missing, NameStr(att->attname));
	}
	foreach(lc, dumped)
	{
		if (!is_used(columns, foreach_current_index(lc)))
			add_noticed(columns, &extra,
						dump_encoding_shown(lfirst(lc), encoding));
	}
	if (missing.len > 0)
		ereport(NOTICE,
				(errmsg("columns that table %s lacks in snapshot \"%s\" are null: %s",
						table, snapshot, missing.data)));
	if (extra.len > 0)
		ereport(NOTICE,
				(errmsg("columns that table %s has only in snapshot \"%s\" are left out: %s",
						table, snapshot, extra.data)));
	pfree(missing.data);
	pfree(extra.data);
}

/*
 * Return a row of the result, in the current memory context, made of the
 * values of a row of the dump.  Raises an error if a value is not valid for
 * its type; columns->current is then its column.
 */
HeapTuple
row_columns_fill(RowColumns *columns, char **fields)
{
	for (int i = 0; i < columns->desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(columns->desc, i);
		char	   *value;

		columns->nulls[i] = true;
		columns->values[i] = (Datum) 0;
		if (att->attisdropped || columns->field[i] < 0)
			continue;
		value = fields[columns->field[i]];
		columns->current = NameStr(att->attname);
		columns->values[i] = InputFunctionCall(&columns->input[i], value,
											   columns->ioparam[i],
											   att->atttypmod);
		columns->nulls[i] = value == NULL;
		columns->current = NULL;
	}
	return heap_form_tuple(columns->desc, columns->values, columns->nulls);
}
