/*-------------------------------------------------------------------------
 *
 * stale_table.c
 *	  Detect a table that is no longer the one that an MVCC snapshot shows.
 *
 * pg_dump takes its MVCC snapshot first and locks tables later.  In between,
 * others can commit changes that MVCC does not hide: TRUNCATE, a rewrite by
 * ALTER TABLE, tables that swap their names, columns that swap theirs.  COPY
 * then reads the current table with the old snapshot.  Without an error, it
 * finds no rows, the rows of another table, or the values of another column.
 *
 * A table is looked up by its current name.  If the snapshot shows the same
 * OID with the same name in a schema of the same name, then the name means the
 * same table in both, because names are unique.  If the snapshot also shows
 * the same relfilenode, the rows are in the same file.
 *
 * Some rewrites preserve what older snapshots see (VACUUM FULL, CLUSTER, ALTER
 * TABLE ... SET TABLESPACE).  They cannot be distinguished from the others
 * here, so they also raise an error; the next attempt succeeds.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "database/stale_table.h"

/*
 * Return the catalog row with this OID that the MVCC snapshot shows, palloc'd,
 * or NULL.
 */
static HeapTuple
find_row(Oid catalog, Oid index, AttrNumber oid_column, Oid oid,
		 Snapshot snapshot)
{
	Relation	relation = table_open(catalog, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;

	ScanKeyInit(&key, oid_column, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(oid));
	scan = systable_beginscan(relation, index, true, snapshot, 1, &key);
	row = systable_getnext(scan);
	if (HeapTupleIsValid(row))
		row = heap_copytuple(row);
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return row;
}

/* Does the snapshot show the table with its current name and file? */
static bool
is_same_relation(Relation relation, Snapshot snapshot)
{
	HeapTuple	row = find_row(RelationRelationId, ClassOidIndexId,
							   Anum_pg_class_oid, RelationGetRelid(relation),
							   snapshot);
	Form_pg_class now = relation->rd_rel;
	Form_pg_class then;
	bool		same;

	if (!HeapTupleIsValid(row))
		return false;
	then = (Form_pg_class) GETSTRUCT(row);
	same = then->relfilenode == now->relfilenode &&
		then->reltablespace == now->reltablespace &&
		then->relnamespace == now->relnamespace &&
		strcmp(NameStr(then->relname), NameStr(now->relname)) == 0;
	heap_freetuple(row);
	return same;
}

/* Does the snapshot show the schema with its current name? */
static bool
is_same_schema(Oid schema, Snapshot snapshot)
{
	HeapTuple	row = find_row(NamespaceRelationId, NamespaceOidIndexId,
							   Anum_pg_namespace_oid, schema, snapshot);
	const char *name = get_namespace_name(schema);
	bool		same;

	if (!HeapTupleIsValid(row))
		return false;
	same = name != NULL &&
		strcmp(NameStr(((Form_pg_namespace) GETSTRUCT(row))->nspname),
			   name) == 0;
	heap_freetuple(row);
	return same;
}

/* Not each change of a type rewrites the table. */
static bool
is_same_column(const FormData_pg_attribute *then,
			   const FormData_pg_attribute *now)
{
	return strcmp(NameStr(then->attname), NameStr(now->attname)) == 0 &&
		then->atttypid == now->atttypid;
}

/*
 * Do all columns that the snapshot shows still have their names and types?  A
 * column added since is not in the dump.
 */
static bool
are_same_columns(Relation relation, Snapshot snapshot)
{
	TupleDesc	now = RelationGetDescr(relation);
	Relation	catalog = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		same = true;

	ScanKeyInit(&key, Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RelationGetRelid(relation)));
	scan = systable_beginscan(catalog, AttributeRelidNumIndexId, true,
							  snapshot, 1, &key);
	while (same && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Form_pg_attribute then = (Form_pg_attribute) GETSTRUCT(row);

		if (then->attnum <= 0 || then->attisdropped)
			continue;
		same = then->attnum <= now->natts &&
			is_same_column(then, TupleDescAttr(now, then->attnum - 1));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return same;
}

/*
 * Raise an error that names the table if the MVCC snapshot does not show the
 * table as it is now.  COPY would then return other rows than the snapshot
 * contains.  The caller has locked the table.
 */
void
stale_table_check(Relation relation, Snapshot snapshot)
{
	if (is_same_relation(relation, snapshot) &&
		is_same_schema(RelationGetNamespace(relation), snapshot) &&
		are_same_columns(relation, snapshot))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("table \"%s.%s\" was truncated, rewritten or redefined after the dump began",
					get_namespace_name(RelationGetNamespace(relation)),
					RelationGetRelationName(relation)),
			 errdetail("COPY would not return the rows that the MVCC snapshot of the dump sees.")));
}
