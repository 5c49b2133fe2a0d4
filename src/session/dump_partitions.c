/*-------------------------------------------------------------------------
 *
 * dump_partitions.c
 *	  The partitions that a partitioned table has in a dump.
 *
 * pg_restore's list does not tell to which table a partition belongs, but the
 * statements that attach partitions do.  The server's parser reads them.  They
 * are never executed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/parsenodes.h"
#include "parser/parser.h"

#include "session/dump_partitions.h"
#include "session/dump_script.h"

typedef struct Attached
{
	DumpTableName parent;
	DumpTableName child;
} Attached;

/* Write a name as a key of hash tables. */
void
dump_table_name(DumpTableName *name, const char *schema, const char *table)
{
	memset(name, 0, sizeof(*name));
	strlcpy(name->schema, schema, sizeof(name->schema));
	strlcpy(name->table, table, sizeof(name->table));
}

static bool
is_named(const RangeVar *relation)
{
	return relation != NULL && relation->schemaname != NULL;
}

/* Append what a statement attaches, if anything. */
static List *
add_attached(List *attached, const AlterTableStmt *stmt)
{
	ListCell   *lc;

	if (!is_named(stmt->relation))
		return attached;
	foreach(lc, stmt->cmds)
	{
		const AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		const PartitionCmd *partition;
		Attached   *pair;

		if (cmd->subtype != AT_AttachPartition)
			continue;
		partition = castNode(PartitionCmd, cmd->def);
		if (!is_named(partition->name))
			continue;
		pair = palloc(sizeof(Attached));
		dump_table_name(&pair->parent, stmt->relation->schemaname,
						stmt->relation->relname);
		dump_table_name(&pair->child, partition->name->schemaname,
						partition->name->relname);
		attached = lappend(attached, pair);
	}
	return attached;
}

static bool
is_partitioned_root(const CreateStmt *stmt, const DumpTableName *root)
{
	DumpTableName name;

	if (!is_named(stmt->relation) || stmt->partspec == NULL)
		return false;
	dump_table_name(&name, stmt->relation->schemaname,
					stmt->relation->relname);
	return memcmp(&name, root, sizeof(name)) == 0;
}

/* Collect the names below a table, at all levels. */
static HTAB *
names_below(const List *attached, const DumpTableName *root)
{
	HASHCTL		info;
	HTAB	   *names;
	bool		grown = true;
	bool		found;
	ListCell   *lc;

	info.keysize = sizeof(DumpTableName);
	info.entrysize = sizeof(DumpTableName);
	info.hcxt = CurrentMemoryContext;
	names = hash_create("partitions", 64, &info,
						HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	(void) hash_search(names, root, HASH_ENTER, NULL);

	/* one turn for each level, or more if a child comes before its parent */
	while (grown)
	{
		grown = false;
		foreach(lc, attached)
		{
			const Attached *pair = lfirst(lc);

			(void) hash_search(names, &pair->parent, HASH_FIND, &found);
			if (!found)
				continue;
			(void) hash_search(names, &pair->child, HASH_ENTER, &found);
			if (!found)
				grown = true;
		}
	}
	(void) hash_search(names, root, HASH_REMOVE, NULL);
	return names;
}

/*
 * Return the names of all partitions of a table, at all levels, in a hash
 * table of DumpTableName, from a script that creates the table and attaches
 * all partitions.  Sets *is_partitioned.  Modifies the script.  Raises an
 * error if it cannot be parsed.
 */
HTAB *
dump_partitions(char *script, const DumpTableName *root, bool *is_partitioned)
{
	List	   *attached = NIL;
	ListCell   *lc;

	*is_partitioned = false;
	foreach(lc, dump_script_parse(script))
	{
		Node	   *stmt = lfirst_node(RawStmt, lc)->stmt;

		if (IsA(stmt, AlterTableStmt))
			attached = add_attached(attached, (AlterTableStmt *) stmt);
		else if (IsA(stmt, CreateStmt) &&
				 is_partitioned_root((CreateStmt *) stmt, root))
			*is_partitioned = true;
	}
	return names_below(attached, root);
}
