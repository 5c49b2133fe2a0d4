/*-------------------------------------------------------------------------
 *
 * live_tables.c
 *	  The tables of the current database whose rows pg_dump would write.
 *
 * They are read from the catalogs without SQL: the query would run in the
 * session of the caller, where names could mean functions and operators of
 * others.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "session/live_tables.h"

/* Does an array of OIDs contain this one? */
static bool
contains(ArrayType *array, Oid oid)
{
	Datum	   *elements;
	int			n;
	bool		found = false;

	deconstruct_array(array, OIDOID, sizeof(Oid), true, TYPALIGN_INT,
					  &elements, NULL, &n);
	for (int i = 0; i < n && !found; i++)
		found = DatumGetObjectId(elements[i]) == oid;
	return found;
}

/* Is a table of an extension one of its configuration tables? */
static bool
is_configuration(Oid extension, Oid table)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(catalog, ExtensionOidIndexId, true, NULL, 1,
							  &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		tables = heap_getattr(tuple, Anum_pg_extension_extconfig,
										  RelationGetDescr(catalog), &isnull);

		found = !isnull && contains(DatumGetArrayTypeP(tables), table);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

/*
 * Would pg_dump write the rows of this relation?  It writes none of temporary
 * tables, and of tables of extensions only those of configuration tables.
 */
static bool
is_dumped(Form_pg_class class)
{
	Oid			extension;

	if (class->relkind != RELKIND_RELATION ||
		class->relpersistence == RELPERSISTENCE_TEMP ||
		IsCatalogRelationOid(class->oid) ||
		isAnyTempNamespace(class->relnamespace) ||
		class->oid < FirstNormalObjectId)
		return false;
	extension = getExtensionOfObject(RelationRelationId, class->oid);
	return !OidIsValid(extension) || is_configuration(extension, class->oid);
}

/*
 * Return the tables, sorted by schema and name.  Their rows are not known, and
 * they have no files.
 */
const TableInfo **
live_tables_sorted(int *count)
{
	Relation	catalog = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0,
										  NULL);
	List	   *tables = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_class class = (Form_pg_class) GETSTRUCT(tuple);
		TableInfo  *info;
		char	   *schema;

		if (!is_dumped(class))
			continue;
		schema = get_namespace_name(class->relnamespace);
		if (schema == NULL)
			continue;			/* dropped meanwhile */
		info = palloc0(sizeof(TableInfo));
		info->schema = schema;
		info->table = pstrdup(NameStr(class->relname));
		info->rows = -1;
		tables = lappend(tables, info);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return dump_tables_sort(tables, count);
}
