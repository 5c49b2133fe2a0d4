/*-------------------------------------------------------------------------
 *
 * before_drop_dropped.c
 *	  Find the tables that lose data by DROP or DROP OWNED.
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
#include "catalog/objectaddress.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_shdepend.h"
#include "commands/user.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "session/before_drop_dependents.h"
#include "session/before_drop_dropped.h"
#include "util/compat.h"

/* Does a DROP of this object type drop relations of this kind? */
static bool
is_of_type(char relkind, ObjectType type)
{
	switch (type)
	{
		case OBJECT_TABLE:
			return relkind == RELKIND_RELATION ||
				relkind == RELKIND_PARTITIONED_TABLE;
		case OBJECT_VIEW:
			return relkind == RELKIND_VIEW;
		case OBJECT_MATVIEW:
			return relkind == RELKIND_MATVIEW;
		case OBJECT_FOREIGN_TABLE:
			return relkind == RELKIND_FOREIGN_TABLE;
		default:
			return false;
	}
}

/*
 * Add the relation of this name.  Returns false if the server will refuse to
 * drop it.
 */
static bool
add_relation(const DropStmt *statement, List *name, List **objects)
{
	Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(name),
										 NoLock, true);

	if (!OidIsValid(relid))
		return statement->missing_ok;
	/* the owner of the schema may drop the relation, too */
	if (!is_of_type(get_rel_relkind(relid), statement->removeType) ||
		(!compat_owns_table(relid, GetUserId()) &&
		 !compat_owns_schema(get_rel_namespace(relid), GetUserId())))
		return false;
	*objects = dependents_add(*objects, RelationRelationId, relid, 0);
	return true;
}

/*
 * Add an object of any other type.  Raises the server's error if the server
 * will refuse to drop it.
 */
static void
add_object(const DropStmt *statement, Node *name, List **objects)
{
	Relation	relation = NULL;
	ObjectAddress address = get_object_address(statement->removeType, name,
											   &relation, AccessShareLock,
											   statement->missing_ok);
	Oid			schema;

	Assert(relation == NULL);
	if (!OidIsValid(address.objectId))
		return;
	schema = get_object_namespace(&address);
	if (!OidIsValid(schema) || !compat_owns_schema(schema, GetUserId()))
		check_object_ownership(GetUserId(), statement->removeType, address,
							   name, relation);
	UnlockDatabaseObject(address.classId, address.objectId, 0,
						 AccessShareLock);
	*objects = dependents_add(*objects, address.classId, address.objectId, 0);
}

/*
 * Return the relations that a DROP statement drops or takes columns from, or
 * NIL if the server will refuse it.
 */
List *
before_drop_dropped(const DropStmt *statement)
{
	List	   *objects = NIL;
	List	   *tables;
	ListCell   *lc;

	foreach(lc, statement->objects)
	{
		switch (statement->removeType)
		{
				/* no data depends on these */
			case OBJECT_INDEX:
			case OBJECT_SEQUENCE:
			case OBJECT_TRIGGER:
			case OBJECT_RULE:
			case OBJECT_POLICY:
				return NIL;
			case OBJECT_TABLE:
			case OBJECT_VIEW:
			case OBJECT_MATVIEW:
			case OBJECT_FOREIGN_TABLE:
				if (!add_relation(statement, lfirst(lc), &objects))
					return NIL;
				break;
			default:
				add_object(statement, lfirst(lc), &objects);
				break;
		}
	}
	return dependents_find(objects, statement->behavior, &tables) ? tables :
		NIL;
}

/* Add the objects that a role owns in this database. */
static List *
add_owned(List *objects, Oid role)
{
	Relation	relation = table_open(SharedDependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&keys[0], Anum_pg_shdepend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(AuthIdRelationId));
	ScanKeyInit(&keys[1], Anum_pg_shdepend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(role));
	scan = systable_beginscan(relation, SharedDependReferenceIndexId, true,
							  NULL, 2, keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_shdepend row = (Form_pg_shdepend) GETSTRUCT(tuple);

		if (row->dbid == MyDatabaseId &&
			row->deptype == SHARED_DEPENDENCY_OWNER)
			objects = dependents_add(objects, row->classid, row->objid,
									 row->objsubid);
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return objects;
}

/*
 * Return the relations that DROP OWNED drops or takes columns from, or NIL if
 * the server will refuse it.
 */
List *
before_drop_owned(const DropOwnedStmt *statement)
{
	List	   *roles = roleSpecsToIds(statement->roles);
	List	   *objects = NIL;
	List	   *tables;
	ListCell   *lc;

	foreach(lc, roles)
	{
		Oid			role = lfirst_oid(lc);

		if (!has_privs_of_role(GetUserId(), role) ||
			IsPinnedObject(AuthIdRelationId, role))
			return NIL;
		objects = add_owned(objects, role);
	}
	return dependents_find(objects, statement->behavior, &tables) ? tables :
		NIL;
}
