/*-------------------------------------------------------------------------
 *
 * before_drop_size.c
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

/* Is this a table, partitioned or not, and no view or the like? */
static bool
is_table(Oid relid)
{
	char		relkind = get_rel_relkind(relid);

	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE;
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

static bool
may_truncate(Oid relid)
{
	return (is_table(relid) ||
			get_rel_relkind(relid) == RELKIND_FOREIGN_TABLE) &&
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

/* The tables that a statement takes data from, as far as it is allowed. */
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
 * Is there something to lose in this table?  Only permanent tables are dumped
 * with their rows.  What this transaction has made nobody else has seen, and a
 * snapshot would not have it.  A table without rows can have indexes that have
 * their first page already.
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
 * The bytes of a table, indexes and TOAST included; 0 if nothing in it is at
 * stake, and of one that is gone.  The only catalog that counts is that of
 * large objects.
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
 * The total size in bytes of the permanent tables that a statement is about to
 * take data from, with those that inherit from them and those that CASCADE
 * takes along; 0 for any statement that takes none, and for one that the server
 * will refuse.  May raise the error with which the server would refuse it.
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
