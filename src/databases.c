/*-------------------------------------------------------------------------
 *
 * databases.c
 *	  The databases that the schedule takes snapshots of.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "compat.h"
#include "databases.h"
#include "settings.h"

/* Add the databases that allow connections and are no template. */
static List *
add_every_database(List *wanted, MemoryContext context)
{
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext inner;

		if (!database->datallowconn || database->datistemplate ||
			database->datconnlimit == DATCONNLIMIT_INVALID_DB)
			continue;
		inner = MemoryContextSwitchTo(context);
		wanted = lappend(wanted, pstrdup(NameStr(database->datname)));
		MemoryContextSwitchTo(inner);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return wanted;
}

static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * The names of the databases that the settings want, sorted, each once; those
 * that are named there need not exist.  For a process that can read shared
 * catalogs and is in no transaction.
 */
List *
databases_wanted(void)
{
	List	   *names = settings_databases();
	List	   *wanted = NIL;
	const char *previous = NULL;
	ListCell   *lc;

	if (settings_every_database())
		names = add_every_database(names, CurrentMemoryContext);
	list_sort(names, by_name);
	foreach(lc, names)
	{
		if (previous == NULL || strcmp(previous, lfirst(lc)) != 0)
			wanted = lappend(wanted, lfirst(lc));
		previous = lfirst(lc);
	}
	return wanted;
}
