/*-------------------------------------------------------------------------
 *
 * contents.c
 *	  What is in a database: its tables, and the rows of these.
 *
 * It runs as the bootstrap superuser in databases whose owners need not be
 * trusted.  Nothing that they can define is called: the search path is closed,
 * catalogs are read as the active MVCC snapshot has them, and rows are counted
 * without any query.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "contents.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "queries.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Tables that a dump has, but for those of extensions. */
#define COUNT_TABLES \
	"SELECT count(*) FROM pg_class c" \
	" JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'" \
	" AND n.nspname NOT IN ('pg_catalog', 'information_schema')"

/* Tables whose rows a dump has; a standby cannot read unlogged ones. */
#define COUNTED_TABLES \
	"SELECT c.oid, n.nspname, c.relname FROM pg_class c" \
	" JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" WHERE c.relkind = 'r' AND c.oid >= 16384" \
	" AND (c.relpersistence = 'p'" \
	"  OR (c.relpersistence = 'u' AND NOT pg_is_in_recovery()))" \
	" AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'" \
	" AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = c.tableoid" \
	"  AND d.objid = c.oid AND d.deptype = 'e')" \
	" ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""

/* What stands for large objects among the tables. */
#define LARGE_OBJECTS_SCHEMA	"pg_catalog"
#define LARGE_OBJECTS_TABLE		"pg_largeobject_metadata"

/* How many tables there are, partitioned ones and their partitions alike. */
int64
contents_count_tables(void)
{
	int64		count;

	queries_begin(COUNT_TABLES);
	count = queries_number(0, 0);
	queries_end();
	return count;
}

static int64
count_rows(Relation relation)
{
	TableScanDesc scan = table_beginscan(relation, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(relation, NULL);
	int64		count = 0;

	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		count++;
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
	return count;
}

/*
 * Count the rows of every table whose rows a dump has, and the large objects,
 * as the active MVCC snapshot has them: a list of CountedTable, in the context,
 * by schema and name.  Each table is locked only while it is counted: to hold
 * the lock while pg_dump wants one too could be a deadlock that nobody sees.
 */
List *
contents_count_rows(MemoryContext context)
{
	List	   *tables = NIL;
	MemoryContext caller = MemoryContextSwitchTo(context);
	CountedTable *large_objects = palloc0(sizeof(CountedTable));
	ListCell   *lc;

	queries_begin(COUNTED_TABLES);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CountedTable *table = palloc(sizeof(CountedTable));

		table->oid = (Oid) queries_number(i, 0);
		table->schema = queries_value(i, 1);
		table->table = queries_value(i, 2);
		tables = lappend(tables, table);
	}
	queries_end();

	foreach(lc, tables)
	{
		CountedTable *table = lfirst(lc);
		Relation	relation = try_table_open(table->oid, AccessShareLock);

		/* dropped since: pg_dump will find that out as well */
		if (relation == NULL)
		{
			tables = foreach_delete_current(tables, lc);
			continue;
		}
		table->filenode = relation->rd_rel->relfilenode;
		MemoryContextSwitchTo(caller);
		table->rows = count_rows(relation);
		MemoryContextSwitchTo(context);
		table_close(relation, AccessShareLock);
	}

	large_objects->schema = pstrdup(LARGE_OBJECTS_SCHEMA);
	large_objects->table = pstrdup(LARGE_OBJECTS_TABLE);
	queries_begin("SELECT count(*) FROM " LARGE_OBJECTS_TABLE);
	large_objects->rows = queries_number(0, 0);
	queries_end();
	MemoryContextSwitchTo(context);
	tables = lappend(tables, large_objects);
	MemoryContextSwitchTo(caller);
	return tables;
}

/* Is the table still made of the file that was counted? */
static bool
is_unchanged(const CountedTable *table)
{
	Relation	relation;
	bool		unchanged;

	/* whoever has a strong lock on it may be rewriting it */
	if (!ConditionalLockRelationOid(table->oid, AccessShareLock))
		return false;
	relation = try_table_open(table->oid, NoLock);
	unchanged = relation != NULL &&
		relation->rd_rel->relfilenode == table->filenode;
	if (relation != NULL)
		table_close(relation, NoLock);
	UnlockRelationOid(table->oid, AccessShareLock);
	return unchanged;
}

/*
 * Of the tables that were counted, those that have not been truncated or
 * rewritten since.  Of the others pg_dump, which came later, may have seen no
 * more rows: what TRUNCATE leaves is the same for every MVCC snapshot.
 */
List *
contents_unchanged(List *tables)
{
	List	   *unchanged = NIL;
	ListCell   *lc;

	foreach(lc, tables)
	{
		CountedTable *table = lfirst(lc);

		if (!OidIsValid(table->oid) || is_unchanged(table))
			unchanged = lappend(unchanged, table);
	}
	return unchanged;
}
