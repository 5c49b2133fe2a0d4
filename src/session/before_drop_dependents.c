/*-------------------------------------------------------------------------
 *
 * before_drop_dependents.c
 *	  Find the objects that the server drops along with an object.
 *
 * This walks pg_depend as findDependentObjects() in the server does.  That
 * function is private to the server and takes locks that we must not hold.
 * From an object the walk proceeds
 *
 * - to all objects that depend on it, and
 * - to the object that it is a part of (internal dependency) or a member of
 *   (extension), because the server drops that object instead.
 *
 * A DROP without CASCADE visits the same objects.  The server refuses it if
 * one of them was neither requested nor is dropped automatically.
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
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_largeobject.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"

#include "session/before_drop_dependents.h"

/* How the walk reached an object. */
#define REQUESTED	0x01		/* named by the statement */
#define AUTOMATIC	0x02		/* dropped with another one anyway */
#define CASCADED	0x04		/* dropped with it only by CASCADE */

typedef struct Visit
{
	ObjectAddress object;		/* hash key */
	int			how;
} Visit;

typedef struct Walk
{
	Relation	depend;
	HTAB	   *visits;
	List	   *pending;		/* visits whose dependencies are unread */
	bool		refused;
} Walk;

/*
 * Append an object to a list, or a column of a relation; column 0 means the
 * whole object.
 */
List *
dependents_add(List *objects, Oid class_id, Oid object, int column)
{
	ObjectAddress *address = palloc0(sizeof(*address));

	ObjectAddressSubSet(*address, class_id, object, column);
	return lappend(objects, address);
}

static void
visit_object(Walk *walk, const ObjectAddress *object, int how)
{
	bool		found;
	Visit	   *entry = hash_search(walk->visits, object, HASH_ENTER, &found);

	if (!found)
	{
		entry->how = 0;
		walk->pending = lappend(walk->pending, entry);
	}
	entry->how |= how;
}

/* Return how the walk reached an object, or 0 if it did not. */
static int
how_visited(const Walk *walk, Oid class_id, Oid object, int column)
{
	ObjectAddress address;
	const Visit *entry;

	ObjectAddressSubSet(address, class_id, object, column);
	entry = hash_search(walk->visits, &address, HASH_FIND, NULL);
	return entry == NULL ? 0 : entry->how;
}

/* Does the statement name this object, or the table of this column? */
static bool
is_requested(const Walk *walk, const ObjectAddress *object)
{
	int			how = how_visited(walk, object->classId, object->objectId,
								  object->objectSubId) |
	how_visited(walk, object->classId, object->objectId, 0);

	return (how & REQUESTED) != 0;
}

/*
 * Begin a scan of pg_depend by the three columns that identify an object.  The
 * scan for a whole object includes its columns.
 */
static SysScanDesc
begin_scan(const Walk *walk, Oid index, AttrNumber first,
		   const ObjectAddress *object)
{
	ScanKeyData keys[3];

	ScanKeyInit(&keys[0], first, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->classId));
	ScanKeyInit(&keys[1], first + 1, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(object->objectId));
	ScanKeyInit(&keys[2], first + 2, BTEqualStrategyNumber, F_INT4EQ,
				Int32GetDatum(object->objectSubId));
	return systable_beginscan(walk->depend, index, true, NULL,
							  object->objectSubId == 0 ? 2 : 3, keys);
}

/* Is the other one the same object, or a column of it? */
static bool
is_part(const ObjectAddress *other, const ObjectAddress *object)
{
	return object->objectSubId == 0 && other->classId == object->classId &&
		other->objectId == object->objectId;
}

/*
 * Visit the objects that this one is a part or member of.  The server does not
 * drop a requested object without its owner.
 */
static void
visit_owners(Walk *walk, const ObjectAddress *object, bool requested)
{
	SysScanDesc scan = begin_scan(walk, DependDependerIndexId,
								  Anum_pg_depend_classid, object);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend row = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress owner;

		ObjectAddressSubSet(owner, row->refclassid, row->refobjid,
							row->refobjsubid);
		if ((row->deptype != DEPENDENCY_INTERNAL &&
			 row->deptype != DEPENDENCY_EXTENSION) || is_part(&owner, object))
			continue;
		if (!requested)
			visit_object(walk, &owner, CASCADED);
		else if (!is_requested(walk, &owner))
			walk->refused = true;
	}
	systable_endscan(scan);
}

/* Visit the objects that depend on this one. */
static void
visit_dependents(Walk *walk, const ObjectAddress *object)
{
	SysScanDesc scan = begin_scan(walk, DependReferenceIndexId,
								  Anum_pg_depend_refclassid, object);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend row = (Form_pg_depend) GETSTRUCT(tuple);
		ObjectAddress dependent;

		ObjectAddressSubSet(dependent, row->classid, row->objid,
							row->objsubid);
		if (!is_part(&dependent, object))
			visit_object(walk, &dependent,
						 row->deptype == DEPENDENCY_NORMAL ?
						 CASCADED : AUTOMATIC);
	}
	systable_endscan(scan);
}

/* Visit the given objects, then all objects that are dropped with them. */
static void
walk_all(Walk *walk, const List *objects)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *object = lfirst(lc);

		if (IsPinnedObject(object->classId, object->objectId))
			walk->refused = true;
		visit_object(walk, object, REQUESTED);
	}
	while (walk->pending != NIL)
	{
		Visit	   *next = llast(walk->pending);

		CHECK_FOR_INTERRUPTS();
		walk->pending = list_delete_last(walk->pending);
		visit_owners(walk, &next->object, (next->how & REQUESTED) != 0);
		visit_dependents(walk, &next->object);
	}
}

/*
 * Is this object dropped only by CASCADE?  A column is dropped with its table,
 * too.
 */
static bool
needs_cascade(const Walk *walk, const Visit *entry)
{
	const ObjectAddress *object = &entry->object;

	return entry->how == CASCADED &&
		(object->objectSubId == 0 ||
		 how_visited(walk, object->classId, object->objectId, 0) == 0);
}

/*
 * Find the relations that are dropped, or lose columns, when these objects
 * (pointers to ObjectAddress) are dropped.  *tables is a list of their OIDs
 * without duplicates; pg_largeobject stands for large objects.  Returns false
 * if the server will refuse the DROP, because the system or another object
 * needs one of them.  Takes no lock except on pg_depend.
 */
bool
dependents_find(const List *objects, DropBehavior behavior, List **tables)
{
	Walk		walk = {0};
	HASHCTL		control = {0};
	HASH_SEQ_STATUS sequence;
	const Visit *entry;

	control.keysize = sizeof(ObjectAddress);
	control.entrysize = sizeof(Visit);
	control.hcxt = CurrentMemoryContext;
	walk.visits = hash_create("snapshot_worker dependents", 64, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	walk.depend = table_open(DependRelationId, AccessShareLock);
	walk_all(&walk, objects);
	table_close(walk.depend, AccessShareLock);

	*tables = NIL;
	hash_seq_init(&sequence, walk.visits);
	while ((entry = hash_seq_search(&sequence)) != NULL)
	{
		if (behavior == DROP_RESTRICT && needs_cascade(&walk, entry))
			walk.refused = true;
		if (entry->object.classId == RelationRelationId)
			*tables = lappend_oid(*tables, entry->object.objectId);
		else if (entry->object.classId == LargeObjectRelationId)
			*tables = lappend_oid(*tables, LargeObjectRelationId);
	}
	hash_destroy(walk.visits);
	list_sort(*tables, list_oid_cmp);
	list_deduplicate_oid(*tables);
	return !walk.refused;
}
