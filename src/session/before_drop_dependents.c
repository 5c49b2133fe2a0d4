/*-------------------------------------------------------------------------
 *
 * before_drop_dependents.c
 *	  What the server drops along with an object.
 *
 * This walks pg_depend as findDependentObjects() in the server does, which is
 * private to it and takes the locks that we must not hold.  From an object the
 * walk goes on
 *
 * - to all that depends on it, and
 * - to the object that it is a part of (by an internal dependency) or a member
 *   of (an extension): the server drops that one in its place.
 *
 * A DROP without CASCADE visits the same objects.  The server refuses it if one
 * of them goes neither by request nor automatically.
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

/* How the walk came to an object. */
#define REQUESTED	0x01		/* the statement names it */
#define AUTOMATIC	0x02		/* goes with another one without CASCADE, too */
#define CASCADED	0x04		/* goes with another one by CASCADE only */

typedef struct Visit
{
	ObjectAddress object;		/* the key */
	int			how;
} Visit;

typedef struct Walk
{
	Relation	depend;
	HTAB	   *visits;
	List	   *pending;		/* visits whose dependencies are not read yet */
	bool		refused;
} Walk;

/* Append an object, or a column of a relation, to a list; 0 is no column. */
List *
dependents_add(List *objects, Oid class_id, Oid object, int column)
{
	ObjectAddress *address = palloc0(sizeof(*address));

	ObjectAddressSubSet(*address, class_id, object, column);
	return lappend(objects, address);
}

static void
visit(Walk *walk, const ObjectAddress *object, int how)
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

/* How the walk came to an object; 0 if it did not. */
static int
how_visited(const Walk *walk, Oid class_id, Oid object, int column)
{
	ObjectAddress address;
	const Visit *entry;

	ObjectAddressSubSet(address, class_id, object, column);
	entry = hash_search(walk->visits, &address, HASH_FIND, NULL);
	return entry == NULL ? 0 : entry->how;
}

/* Does the statement name an object, or the table whose column it is? */
static bool
is_requested(const Walk *walk, const ObjectAddress *object)
{
	int			how = how_visited(walk, object->classId, object->objectId,
								  object->objectSubId) |
	how_visited(walk, object->classId, object->objectId, 0);

	return (how & REQUESTED) != 0;
}

/*
 * Begin a scan of pg_depend by three columns that identify an object.  That of
 * a whole object includes its columns.
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
 * Go to what this object is a part or a member of.  The server does not drop an
 * object by request without its owner.
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
			visit(walk, &owner, CASCADED);
		else if (!is_requested(walk, &owner))
			walk->refused = true;
	}
	systable_endscan(scan);
}

/* Go to what depends on this object. */
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
			visit(walk, &dependent,
				  row->deptype == DEPENDENCY_NORMAL ? CASCADED : AUTOMATIC);
	}
	systable_endscan(scan);
}

/* Visit the objects and, one after the other, all that goes with them. */
static void
walk_all(Walk *walk, const List *objects)
{
	ListCell   *lc;

	foreach(lc, objects)
	{
		const ObjectAddress *object = lfirst(lc);

		if (IsPinnedObject(object->classId, object->objectId))
			walk->refused = true;
		visit(walk, object, REQUESTED);
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

/* Does an object go by CASCADE only?  A column goes with its table, too. */
static bool
needs_cascade(const Walk *walk, const Visit *entry)
{
	const ObjectAddress *object = &entry->object;

	return entry->how == CASCADED &&
		(object->objectSubId == 0 ||
		 how_visited(walk, object->classId, object->objectId, 0) == 0);
}

/*
 * Find the relations that go, or lose columns, when these objects (pointers to
 * ObjectAddress) are dropped: their OIDs, each once.  pg_largeobject stands for
 * large objects.  Returns false if the server will refuse that, since the
 * system or something else needs one of the objects.  Takes no locks but on
 * pg_depend.
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
