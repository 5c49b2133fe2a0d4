/*-------------------------------------------------------------------------
 *
 * stale_type.c
 *	  Detect a type that is no longer the one that an MVCC snapshot shows.
 *
 * pg_dump reads the definitions of types with its MVCC snapshot.  COPY writes
 * values as the types are at that moment: a label of an enum by its present
 * name, a composite value with the attributes that its type has now.  The lock
 * on a table does not keep others from changing the types of its columns.  The
 * dump would then have values that its own types refuse, and could not be
 * restored.
 *
 * A label that was renamed and renamed back has the same name in another
 * catalog row, so rows are compared by their xmin.  A label that was added
 * since is in no row that the snapshot shows.
 *
 * COPY also writes values of regclass and its kin by the present names of the
 * objects that they refer to.  These are not checked: such an object need not
 * be in the dump.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "database/stale_type.h"

/* Is a label, as the MVCC snapshot shows it, still in the same row? */
static bool
is_same_label(HeapTuple then)
{
	Oid			oid = ((Form_pg_enum) GETSTRUCT(then))->oid;
	HeapTuple	now = SearchSysCache1(ENUMOID, ObjectIdGetDatum(oid));
	bool		same;

	if (!HeapTupleIsValid(now))
		return false;
	same = HeapTupleHeaderGetRawXmin(now->t_data) ==
		HeapTupleHeaderGetRawXmin(then->t_data);
	ReleaseSysCache(now);
	return same;
}

static bool
are_same_labels(Oid type, Snapshot snapshot)
{
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	bool		same = true;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan(catalog, EnumTypIdLabelIndexId, true, snapshot,
							  1, &key);
	while (same && HeapTupleIsValid(row = systable_getnext(scan)))
		same = is_same_label(row);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return same;
}

/*
 * Return how many attributes the MVCC snapshot shows of a relation, or -1 if
 * one of them was dropped since.
 */
static int
count_attributes(Oid relation, TupleDesc now, Snapshot snapshot)
{
	Relation	catalog = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	row;
	int			count = 0;

	ScanKeyInit(&key, Anum_pg_attribute_attrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relation));
	scan = systable_beginscan(catalog, AttributeRelidNumIndexId, true,
							  snapshot, 1, &key);
	while (count >= 0 && HeapTupleIsValid(row = systable_getnext(scan)))
	{
		Form_pg_attribute then = (Form_pg_attribute) GETSTRUCT(row);

		if (then->attnum <= 0 || then->attisdropped)
			continue;
		if (then->attnum <= now->natts &&
			!TupleDescAttr(now, then->attnum - 1)->attisdropped)
			count++;
		else
			count = -1;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return count;
}

static bool is_same_type(Oid type, Snapshot snapshot);

/*
 * The attributes of a type in use cannot change their types, and the number of
 * one that was dropped is not used again.
 */
static bool
are_same_attributes(Oid type, Snapshot snapshot)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(type, -1);
	int			count = 0;
	bool		same = true;

	for (int i = 0; same && i < desc->natts; i++)
	{
		Form_pg_attribute now = TupleDescAttr(desc, i);

		if (now->attisdropped)
			continue;
		count++;
		same = is_same_type(now->atttypid, snapshot);
	}
	same = same &&
		count == count_attributes(get_typ_typrelid(type), desc, snapshot);
	ReleaseTupleDesc(desc);
	return same;
}

/* Is the text of all values of a type as the MVCC snapshot shows the type? */
static bool
is_same_type(Oid type, Snapshot snapshot)
{
	Oid			element;

	check_stack_depth();
	if (type < FirstNormalObjectId)
		return true;
	element = get_element_type(type);
	if (OidIsValid(element))
		return is_same_type(element, snapshot);
	switch (get_typtype(type))
	{
		case TYPTYPE_DOMAIN:
			return is_same_type(getBaseType(type), snapshot);
		case TYPTYPE_ENUM:
			return are_same_labels(type, snapshot);
		case TYPTYPE_RANGE:
			return is_same_type(get_range_subtype(type), snapshot);
		case TYPTYPE_MULTIRANGE:
			return is_same_type(get_multirange_range(type), snapshot);
		case TYPTYPE_COMPOSITE:
			return are_same_attributes(type, snapshot);
		default:
			return true;
	}
}

/*
 * Raise an error that names the table if the MVCC snapshot does not show the
 * types of its columns as they are now.  The caller has locked the table, and
 * calls this after COPY has read it.
 */
void
stale_type_check(Relation relation, Snapshot snapshot)
{
	TupleDesc	desc = RelationGetDescr(relation);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || is_same_type(att->atttypid, snapshot))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("type %s of table \"%s.%s\" was redefined after the dump began",
						format_type_be(att->atttypid),
						get_namespace_name(RelationGetNamespace(relation)),
						RelationGetRelationName(relation)),
				 errdetail("COPY may have written values that the type, as the MVCC snapshot of the dump sees it, does not have.")));
	}
}
