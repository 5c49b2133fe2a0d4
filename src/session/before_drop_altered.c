/*-------------------------------------------------------------------------
 *
 * before_drop_altered.c
 *	  Find the tables that lose data by ALTER TABLE or ALTER TYPE.
 *
 * These commands remove data by DROP COLUMN, by DROP ATTRIBUTE, and by ALTER
 * COLUMN ... TYPE ... USING, whose expression may ignore the old value.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "session/before_drop_altered.h"
#include "session/before_drop_dependents.h"
#include "util/compat.h"

typedef struct Altered
{
	Oid			relid;
	bool		recurse;		/* children, too */
	List	   *columns;		/* dropped columns; see dependents_add() */
	DropBehavior behavior;
	bool		certain;		/* no subcommand drops anything else */
	List	   *rewritten;		/* OIDs of tables with changed columns */
} Altered;

/*
 * May the current user alter this relation, and can its columns, or those of
 * its children, contain data?
 */
static bool
may_alter(Oid relid, ObjectType type)
{
	char		relkind = get_rel_relkind(relid);

	if (type == OBJECT_TYPE)
	{
		if (relkind != RELKIND_COMPOSITE_TYPE)
			return false;
	}
	else if (relkind != RELKIND_RELATION &&
			 relkind != RELKIND_PARTITIONED_TABLE &&
			 relkind != RELKIND_FOREIGN_TABLE)
		return false;
	return compat_owns_table(relid, GetUserId());
}

/*
 * Will the server refuse the command because it names a table ONLY?  A change
 * of type must include all children, and a dropped column all partitions.
 */
static bool
leaves_out_children(const Altered *altered, bool drops)
{
	return !altered->recurse &&
		(!drops ||
		 get_rel_relkind(altered->relid) == RELKIND_PARTITIONED_TABLE) &&
		find_inheritance_children(altered->relid, NoLock) != NIL;
}

/* Is this a typed table?  Only ALTER TYPE can alter its columns. */
static bool
is_typed(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		typed = false;

	if (HeapTupleIsValid(tuple))
	{
		typed = OidIsValid(((Form_pg_class) GETSTRUCT(tuple))->reloftype);
		ReleaseSysCache(tuple);
	}
	return typed;
}

/*
 * Return from how many parents a column is inherited, or -1 if it does not
 * exist.  *local is set if the table also defines the column itself.
 */
static int
parents_of_column(Oid relid, const char *name, bool *local)
{
	HeapTuple	tuple = SearchSysCacheAttName(relid, name);
	int			count = -1;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);

		if (column->attnum > 0)
		{
			count = column->attinhcount;
			*local = column->attislocal;
		}
		ReleaseSysCache(tuple);
	}
	return count;
}

/*
 * Add a dropped column, and the columns of children that are dropped with it.
 */
static void
add_column(Altered *altered, Oid relid, const char *name)
{
	ListCell   *lc;

	altered->columns = dependents_add(altered->columns, RelationRelationId,
									  relid, get_attnum(relid, name));
	if (!altered->recurse)
		return;
	foreach(lc, find_inheritance_children(relid, NoLock))
	{
		bool		local;
		int			parents = parents_of_column(lfirst_oid(lc), name, &local);

		if (parents < 0 || local)
			continue;
		/* it remains unless all of its parents drop the column */
		if (parents > 1)
			altered->certain = false;
		add_column(altered, lfirst_oid(lc), name);
	}
}

/*
 * Add the columns of one subcommand.  Returns false if the server will refuse
 * it.
 */
static bool
add_command(Altered *altered, const AlterTableCmd *command)
{
	bool		drops = command->subtype == AT_DropColumn;
	bool		local;
	int			parents;

	if (!drops &&
		(command->subtype != AT_AlterColumnType ||
		 ((const ColumnDef *) command->def)->raw_default == NULL))
	{
		/*
		 * it may drop an object that depends on a column before the column is
		 * dropped
		 */
		altered->certain = false;
		return true;
	}
	parents = parents_of_column(altered->relid, command->name, &local);
	if (parents < 0)
		return drops && command->missing_ok;
	if (parents > 0 || leaves_out_children(altered, drops) ||
		is_typed(altered->relid))
		return false;
	if (drops)
	{
		if (command->behavior == DROP_CASCADE)
			altered->behavior = DROP_CASCADE;
		add_column(altered, altered->relid, command->name);
	}
	else
		altered->rewritten = list_concat_unique_oid(altered->rewritten,
													find_all_inheritors(altered->relid, NoLock, NULL));
	return true;
}

/*
 * Return the relations with columns of the row types of these relations, or of
 * types built from them.  The values in such columns lose a part.
 */
static List *
users_of_row_types(const List *relids)
{
	List	   *types = NIL;
	List	   *tables;
	ListCell   *lc;

	foreach(lc, relids)
	{
		Oid			type = get_rel_type_id(lfirst_oid(lc));

		if (OidIsValid(type))
			types = dependents_add(types, TypeRelationId, type, 0);
	}
	/* ignore the result: a row type is never dropped by itself */
	(void) dependents_find(types, DROP_CASCADE, &tables);
	return tables;
}

/*
 * Return the relations whose columns an ALTER TABLE or ALTER TYPE drops or
 * rewrites, or NIL if the server will refuse it.
 */
List *
before_drop_altered(const AlterTableStmt *statement)
{
	Altered		altered = {0};
	List	   *tables = NIL;
	ListCell   *lc;

	altered.relid = RangeVarGetRelid(statement->relation, NoLock, true);
	altered.recurse = statement->relation->inh;
	altered.behavior = DROP_RESTRICT;
	altered.certain = true;
	if (!may_alter(altered.relid, statement->objtype))
		return NIL;
	foreach(lc, statement->cmds)
	{
		if (!add_command(&altered, lfirst(lc)))
			return NIL;
	}
	if (altered.columns != NIL)
	{
		if (!dependents_find(altered.columns, altered.behavior, &tables) &&
			altered.certain)
			return NIL;
		tables = list_concat_unique_oid(tables, users_of_row_types(tables));
	}
	return list_concat_unique_oid(tables, altered.rewritten);
}
