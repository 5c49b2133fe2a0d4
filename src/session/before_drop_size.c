/*-------------------------------------------------------------------------
 *
 * before_drop_size.c
 *	  Compute how much data a statement is about to remove from tables.
 *
 * A statement that the user may not execute counts as zero bytes; the server
 * then raises the permission error itself.  Locks are released as soon as the
 * size is known.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/heap.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_largeobject.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "session/before_drop_altered.h"
#include "session/before_drop_dropped.h"
#include "session/before_drop_size.h"

/* Is this a table, partitioned or not (rather than a view, for example)? */
static bool
is_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE;
}

/*
 * Add a table to a list without duplicates, optionally with the tables that
 * inherit from it.  A table that no longer exists is not added.
 */
static List *
add_family(List *tables, Oid relid, bool descendants)
{
	List	   *family = list_make1_oid(relid);
	ListCell   *lc;

	/* without a lock, a concurrent DROP would cause an internal error */
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

static bool
may_truncate(Oid relid)
{
	return (is_table(relid) ||
			get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE) &&
		pg_class_aclcheck(relid, GetUserId(), ACL_TRUNCATE) == ACLCHECK_OK;
}

/*
 * Return the tables of a TRUNCATE, or NIL if the user may not truncate them.
 */
static List *
truncated_tables(const TruncateStmt *statement)
{
	List	   *tables = NIL;
	List	   *referring;
	ListCell   *lc;

	foreach(lc, statement->relations)
	{
		const RangeVar *name = lfirst(lc);
		Oid			relid = RangeVarGetRelid(name, NoLock, true);

		if (!may_truncate(relid) ||
			(get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE && !name->inh))
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

/*
 * Return the tables that a statement removes data from, if the user may do so.
 */
static List *
doomed_tables(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_DropStmt:
			return before_drop_dropped((const DropStmt *) node);
		case T_DropOwnedStmt:
			return before_drop_owned((const DropOwnedStmt *) node);
		case T_TruncateStmt:
			return truncated_tables((const TruncateStmt *) node);
		case T_AlterTableStmt:
			return before_drop_altered((const AlterTableStmt *) node);
		default:
			return NIL;
	}
}

/*
 * Does this table contain data that a snapshot could save?  pg_dump dumps rows
 * of permanent tables only.  A table that this transaction created is
 * invisible to pg_dump.  A table without rows may still have indexes with a
 * first page, so only the pages of the table itself count.
 */
static bool
is_at_stake(Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT &&
		relation->rd_createSubid == InvalidSubTransactionId &&
		RelationGetNumberOfBlocks(relation) > 0;
}

/*
 * Return the size of a table in bytes, including indexes and TOAST.  Returns 0
 * if it contains no data to save or no longer exists.  Of the catalogs, only
 * pg_largeobject counts.
 */
static int64
size_of(Oid relid)
{
	LOCAL_FCINFO(fcinfo, 1);
	Relation	relation;
	bool		counts;
	Datum		size;

	if (!is_table(relid) ||
		(IsCatalogRelationOid(relid) && relid != LargeObjectRelationId))
		return 0;
	relation = try_table_open(relid, AccessShareLock);
	if (relation == NULL)
		return 0;
	counts = is_at_stake(relation);
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
 * Return the total size in bytes of the permanent tables that a statement is
 * about to remove data from, including inheriting tables and those that
 * CASCADE includes.  Returns 0 if the statement removes no data, or if the
 * server will refuse it.  May raise the error with which the server would
 * refuse it.
 */
int64
before_drop_size(const Node *statement)
{
	int64		total = 0;
	ListCell   *lc;

	foreach(lc, doomed_tables(statement))
		total += size_of(lfirst_oid(lc));
	return total;
}
