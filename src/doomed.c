/*-------------------------------------------------------------------------
 *
 * doomed.c
 *	  How much data a statement is about to take from tables.
 *
 * What the server would refuse to the current user is of no size, so that the
 * server is left to say so.  Locks are held no longer than it takes to look.
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
#include "catalog/catalog.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "compat.h"
#include "doomed.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Is this a table, partitioned or not, and no view or the like? */
static bool
is_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE;
}

/* The table of that name, without a lock; InvalidOid where there is none. */
static Oid
find_table(const RangeVar *name)
{
	return RangeVarGetRelid(name, NoLock, true);
}

/*
 * Add a table, with those that inherit from it if that is wanted, to a list
 * that has each of them once.  A table that is gone is not added.
 */
static List *
add_family(List *tables, Oid relid, bool descendants)
{
	List	   *family = list_make1_oid(relid);
	ListCell   *lc;

	/* without locks, one that is being dropped would be an internal error */
	LockRelationOid(relid, AccessShareLock);
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		family = NIL;
	else if (descendants)
		family = find_all_inheritors(relid, AccessShareLock, NULL);
	foreach(lc, family)
	{
		if (lfirst_oid(lc) != relid)
			UnlockRelationOid(lfirst_oid(lc), AccessShareLock);
	}
	UnlockRelationOid(relid, AccessShareLock);
	return list_concat_unique_oid(tables, family);
}

/* DROP TABLE: its tables, or NIL. */
static List *
dropped_tables(const DropStmt *statement)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		Oid			relid = find_table(makeRangeVarFromNameList(lfirst(lc)));

		if (!OidIsValid(relid) && statement->missing_ok)
			continue;
		/* the owner of its schema may drop a table, too */
		if (!is_table(relid) ||
			(!compat_owns_table(relid, GetUserId()) &&
			 !compat_owns_schema(get_rel_namespace(relid), GetUserId())))
			return NIL;
		tables = add_family(tables, relid, true);
	}
	return tables;
}

/* Add the tables of a schema. */
static List *
add_schema(List *tables, Oid schema)
{
	Relation	relation = table_open(RelationRelationId, AccessShareLock);
	List	   *members = NIL;
	TableScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	ListCell   *lc;

	ScanKeyInit(&key, Anum_pg_class_relnamespace, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(schema));
	scan = table_beginscan_catalog(relation, 1, &key);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_class member = (Form_pg_class) GETSTRUCT(tuple);

		if (member->relkind == RELKIND_RELATION ||
			member->relkind == RELKIND_PARTITIONED_TABLE)
			members = lappend_oid(members, member->oid);
	}
	table_endscan(scan);
	table_close(relation, AccessShareLock);

	foreach(lc, members)
		tables = add_family(tables, lfirst_oid(lc), true);
	return tables;
}

/* DROP SCHEMA ... CASCADE: the tables of its schemas, or NIL. */
static List *
tables_of_dropped_schemas(const DropStmt *statement)
{
	List	   *tables = NIL;
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		Oid			schema = get_namespace_oid(strVal(lfirst(lc)), true);

		if (!OidIsValid(schema) && statement->missing_ok)
			continue;
		if (!OidIsValid(schema) || !compat_owns_schema(schema, GetUserId()))
			return NIL;
		tables = add_schema(tables, schema);
	}
	return tables;
}

static bool
may_truncate(Oid relid)
{
	return is_table(relid) &&
		pg_class_aclcheck(relid, GetUserId(), ACL_TRUNCATE) == ACLCHECK_OK;
}

/* TRUNCATE: its tables, or NIL. */
static List *
truncated_tables(const TruncateStmt *statement)
{
	List	   *tables = NIL;
	List	   *referring;
	ListCell   *lc;

	foreach(lc, statement->relations)
	{
		const RangeVar *name = lfirst(lc);
		Oid			relid = find_table(name);

		if (!may_truncate(relid))
			return NIL;
		tables = add_family(tables, relid, name->inh);
	}
	while ((referring = heap_truncate_find_FKs(tables)) != NIL)
	{
		if (statement->behavior != DROP_CASCADE)
			return NIL;
		foreach(lc, referring)
		{
			if (!may_truncate(lfirst_oid(lc)))
				return NIL;
		}
		tables = list_concat_unique_oid(tables, referring);
	}
	return tables;
}

/* ALTER TABLE ... DROP COLUMN: its tables, or NIL. */
static List *
tables_of_dropped_columns(const AlterTableStmt *statement)
{
	Oid			relid = find_table(statement->relation);
	bool		found = false;
	ListCell   *lc;

	if (!is_table(relid) || !compat_owns_table(relid, GetUserId()))
		return NIL;
	foreach(lc, statement->cmds)
	{
		const AlterTableCmd *command = lfirst(lc);

		if (command->subtype != AT_DropColumn)
			continue;
		if (get_attnum(relid, command->name) > 0)
			found = true;
		else if (!command->missing_ok)
			return NIL;
	}
	return found ? add_family(NIL, relid, statement->relation->inh) : NIL;
}

/* The tables that a statement takes data from, as far as it is allowed. */
static List *
doomed_tables(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_DropStmt:
			{
				const DropStmt *statement = (const DropStmt *) node;

				if (statement->removeType == OBJECT_TABLE)
					return dropped_tables(statement);
				if (statement->removeType == OBJECT_SCHEMA &&
					statement->behavior == DROP_CASCADE)
					return tables_of_dropped_schemas(statement);
				return NIL;
			}
		case T_TruncateStmt:
			return truncated_tables((const TruncateStmt *) node);
		case T_AlterTableStmt:
			if (((const AlterTableStmt *) node)->objtype == OBJECT_TABLE)
				return tables_of_dropped_columns((const AlterTableStmt *) node);
			return NIL;
		default:
			return NIL;
	}
}

/*
 * The bytes of a permanent table, indexes and TOAST included; 0 of any other
 * one, of one without rows, whose indexes have their first page already, and of
 * one that is gone.
 */
static int64
size_of(Oid relid)
{
	LOCAL_FCINFO(fcinfo, 1);
	Relation	relation;
	bool		counts;
	Datum		size;

	if (!is_table(relid) || IsCatalogRelationOid(relid))
		return 0;
	relation = try_table_open(relid, AccessShareLock);
	if (relation == NULL)
		return 0;
	counts = relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT &&
		RelationGetNumberOfBlocks(relation) > 0;
	table_close(relation, AccessShareLock);
	if (!counts)
		return 0;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(relid);
	fcinfo->args[0].isnull = false;
	size = pg_total_relation_size(fcinfo);
	return fcinfo->isnull ? 0 : DatumGetInt64(size);
}

/*
 * The total size in bytes of the permanent tables that a statement is about to
 * take data from, those that inherit from them included; 0 for any statement
 * that is none of these, and for one that the server would refuse.
 */
int64
doomed_size(const Node *statement)
{
	int64		total = 0;
	ListCell   *lc;

	foreach(lc, doomed_tables(statement))
		total += size_of(lfirst_oid(lc));
	return total;
}
