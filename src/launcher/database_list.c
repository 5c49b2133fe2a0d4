/*-------------------------------------------------------------------------
 *
 * database_list.c
 *	  The databases of which the schedule takes snapshots.
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

#include "launcher/database_list.h"
#include "settings.h"
#include "util/compat.h"
#include "util/snapshot_name.h"

/*
 * List the names of the databases that accept connections, templates included
 * if wanted.  Scratch databases are left out; *scratch tells whether there are
 * any.
 */
static List *
scan_databases(bool templates, bool *scratch)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *databases = NIL;
	Relation	relation;
	TableScanDesc scan;
	HeapTuple	tuple;

	*scratch = false;
	StartTransactionCommand();
	relation = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(relation, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext inner;

		if (names_is_scratch(NameStr(database->datname)))
			*scratch = true;
		else if (database->datallowconn &&
				 (templates || !database->datistemplate) &&
				 database->datconnlimit != DATCONNLIMIT_INVALID_DB)
		{
			inner = MemoryContextSwitchTo(context);
			databases = lappend(databases,
								pstrdup(NameStr(database->datname)));
			MemoryContextSwitchTo(inner);
		}
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return databases;
}

/*
 * List the names of all databases that accept connections.  The caller must
 * satisfy the same conditions as for databases_wanted().
 */
List *
databases_existing(void)
{
	bool		scratch;

	return scan_databases(true, &scratch);
}

/* Is a database in a list of names? */
bool
databases_include(List *databases, const char *database)
{
	ListCell   *lc;

	foreach(lc, databases)
	{
		if (strcmp(lfirst(lc), database) == 0)
			return true;
	}
	return false;
}

static int
by_name(const ListCell *a, const ListCell *b)
{
	return strcmp(lfirst(a), lfirst(b));
}

/*
 * List the databases that the settings select, sorted and without duplicates.
 * Databases named in the settings need not exist.  The caller must be able to
 * read shared catalogs and must not be in a transaction.
 */
List *
databases_wanted(void)
{
	List	   *names = settings_databases();
	List	   *wanted = NIL;
	const char *previous = NULL;
	bool		scratch;
	ListCell   *lc;

	if (settings_every_database())
		names = list_concat(names, scan_databases(false, &scratch));
	list_sort(names, by_name);
	foreach(lc, names)
	{
		if (previous == NULL || strcmp(previous, lfirst(lc)) != 0)
			wanted = lappend(wanted, lfirst(lc));
		previous = lfirst(lc);
	}
	return wanted;
}

/*
 * Choose the database that a worker connects to: the preferred one if it
 * exists, else another.  connect_to has NAMEDATALEN bytes; *scratch is as for
 * scan_databases().  Returns false if no database accepts connections.
 */
static bool
choose_database(const char *preferred, char *connect_to, bool *scratch)
{
	List	   *databases = scan_databases(false, scratch);
	ListCell   *lc;

	/* a session in a template blocks CREATE DATABASE, so prefer another */
	if (databases == NIL)
		databases = scan_databases(true, scratch);
	if (databases == NIL)
		return false;
	strlcpy(connect_to, linitial(databases), NAMEDATALEN);
	foreach(lc, databases)
	{
		if (strcmp(lfirst(lc), preferred) == 0)
			strlcpy(connect_to, preferred, NAMEDATALEN);
	}
	return true;
}

/*
 * Choose a database to connect to for a worker that can do its work in any,
 * but prefers this one.  connect_to has NAMEDATALEN bytes.  Returns false if
 * no database accepts connections.  The caller must satisfy the same
 * conditions as for databases_wanted().
 */
bool
database_list_to_connect(const char *preferred, char *connect_to)
{
	bool		scratch;

	return choose_database(preferred, connect_to, &scratch);
}

/*
 * Are there scratch databases to drop?  If so, set connect_to (NAMEDATALEN
 * bytes) to the database from which to drop them.  The caller must satisfy the
 * same conditions as for databases_wanted().
 */
bool
database_list_for_sweep(char *connect_to)
{
	bool		scratch;

	return choose_database("", connect_to, &scratch) && scratch;
}
