/*-------------------------------------------------------------------------
 *
 * scratch_table.c
 *	  A table in a scratch database: what belongs to it, and its new names.
 *
 * Before the table is dumped from the scratch database, it gets the names that
 * it will have in its own database.  References to it follow by themselves:
 * the server stores OIDs.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "worker/scratch_query.h"
#include "worker/scratch_table.h"

/* Names in one query: the length of an argument is limited. */
#define NAMES_AT_ONCE	200

/* The table of these names, %s.%s as literals. */
#define ROOT \
	"SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')"

/* The parts of the table: first the table itself, parents before children. */
#define PARTS \
	"WITH RECURSIVE tree(oid, level) AS (" \
	"  SELECT oid, 0 FROM (" ROOT ") root" \
	"  UNION ALL SELECT i.inhrelid, t.level + 1" \
	"   FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid" \
	"   JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relispartition)," \
	" parts(n, level, kind, oid, schema, name, owner) AS (" \
	"  SELECT 0, t.level, 'TABLE', c.oid, c.relnamespace, c.relname, c.relowner" \
	"   FROM tree t JOIN pg_class c ON c.oid = t.oid" \
	"  UNION ALL SELECT 1, 0, 'INDEX', c.oid, c.relnamespace, c.relname, c.relowner" \
	"   FROM tree t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid" \
	"  UNION ALL SELECT 2, 0, 'SEQUENCE', c.oid, c.relnamespace, c.relname, c.relowner" \
	"   FROM tree t JOIN pg_depend d ON d.refobjid = t.oid JOIN pg_class c ON c.oid = d.objid" \
	"   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass" \
	"     AND d.deptype IN ('a', 'i') AND c.relkind = 'S'" \
	"  UNION ALL SELECT 3, 0, 'STATISTICS', s.oid, s.stxnamespace, s.stxname, s.stxowner" \
	"   FROM tree t JOIN pg_statistic_ext s ON s.stxrelid = t.oid)" \
	" SELECT " SCRATCH_VALUE("p.kind") ", " SCRATCH_VALUE("n.nspname") ", " \
	SCRATCH_VALUE("p.name") ", " SCRATCH_VALUE("a.rolname") ", " \
	SCRATCH_VALUE("p.oid") \
	" FROM parts p JOIN pg_namespace n ON n.oid = p.schema JOIN pg_authid a ON a.oid = p.owner" \
	" ORDER BY p.n, p.level, n.nspname COLLATE \"C\", p.name COLLATE \"C\""

/* What the table is attached to: a statement that detaches it, and a name. */
#define PARENTS \
	"SELECT " \
	SCRATCH_VALUE("CASE WHEN c.relispartition" \
				  " THEN format('ALTER TABLE %%s DETACH PARTITION %%s', i.inhparent::regclass, c.oid::regclass)" \
				  " ELSE format('ALTER TABLE %%s NO INHERIT %%s', c.oid::regclass, i.inhparent::regclass) END") ", " \
	SCRATCH_VALUE("format('%%s %%s.%%s', CASE WHEN c.relispartition THEN 'TABLE ATTACH' ELSE 'INHERITS' END, n.nspname, p.relname)") \
	" FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid" \
	" JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace" \
	" WHERE c.oid IN (" ROOT ") ORDER BY i.inhseqno"

/*
 * Statements that rename whatever else has a name that a part will get: %s are
 * kinds, schemas and names, and a beginning for new names.
 */
#define RENAME_OTHERS \
	"WITH wanted(kind, schema, name) AS (VALUES %s)," \
	" others(n, kind, schema, name) AS (" \
	"  SELECT c.oid, CASE c.relkind WHEN 'c' THEN 'TYPE' WHEN 'i' THEN 'INDEX'" \
	"    WHEN 'I' THEN 'INDEX' WHEN 'v' THEN 'VIEW' WHEN 'S' THEN 'SEQUENCE'" \
	"    WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END," \
	"   w.schema, w.name" \
	"   FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema" \
	"   JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name" \
	"   WHERE w.kind <> 'STATISTICS'" \
	"  UNION ALL SELECT t.oid, 'TYPE', w.schema, w.name" \
	"   FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema" \
	"   JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = w.name" \
	"   WHERE w.kind = 'TABLE' AND t.typrelid = 0" \
	"     AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)" \
	"  UNION ALL SELECT s.oid, 'STATISTICS', w.schema, w.name" \
	"   FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema" \
	"   JOIN pg_statistic_ext s ON s.stxnamespace = n.oid AND s.stxname = w.name" \
	"   WHERE w.kind = 'STATISTICS')" \
	" SELECT " SCRATCH_VALUE("format('ALTER %%s %%I.%%I RENAME TO %%I', kind, schema, name, %s || n)") \
	" FROM others"

/* The kinds of parts, as ALTER names them. */
static const char *const kinds[] = {
	[PART_TABLE] = "TABLE",
	[PART_INDEX] = "INDEX",
	[PART_SEQUENCE] = "SEQUENCE",
	[PART_STATISTICS] = "STATISTICS",
};

static PartKind
kind_of(const char *name)
{
	for (int i = 0; i < (int) lengthof(kinds); i++)
	{
		if (strcmp(kinds[i], name) == 0)
			return i;
	}
	elog(ERROR, "unexpected kind of object: %s", name);
}

/*
 * Return the parts of a table as a list of TablePart, palloc'd, the table
 * first; NIL if there is no such table.  Their new names are the old ones.
 */
List *
scratch_table_parts(RunContext *cxt, const char *schema, const char *table)
{
	List	   *parts = NIL;
	List	   *rows;
	ListCell   *lc;

	rows = scratch_query(cxt, psprintf(PARTS, quote_literal_cstr(schema),
									   quote_literal_cstr(table)));
	foreach(lc, rows)
	{
		List	   *row = lfirst(lc);
		TablePart  *part = palloc0(sizeof(TablePart));

		part->kind = kind_of(linitial(row));
		part->schema = lsecond(row);
		part->name = lthird(row);
		part->owner = lfourth(row);
		part->oid = strtoul(list_nth(row, 4), NULL, 10);
		part->new_schema = part->schema;
		part->new_name = part->name;
		parts = lappend(parts, part);
	}
	return parts;
}

/*
 * Detach a table from those that it is a partition or a child of.  Restored
 * and attached, it would add its rows to a table that exists.  Returns what it
 * was attached to, such as "INHERITS sales.parent".
 */
List *
scratch_table_detach(RunContext *cxt, const char *schema, const char *table)
{
	List	   *statements = NIL;
	List	   *parents = NIL;
	List	   *rows;
	ListCell   *lc;

	rows = scratch_query(cxt, psprintf(PARENTS, quote_literal_cstr(schema),
									   quote_literal_cstr(table)));
	foreach(lc, rows)
	{
		statements = lappend(statements, linitial((List *) lfirst(lc)));
		parents = lappend(parents, lsecond((List *) lfirst(lc)));
	}
	scratch_execute(cxt, statements);
	return parents;
}

static char *
rename_statement(const TablePart *part, const char *schema, const char *from,
				 const char *to)
{
	return psprintf("ALTER %s %s RENAME TO %s", kinds[part->kind],
					quote_qualified_identifier(schema, from),
					quote_identifier(to));
}

/* Return statements that make the new names of the parts free. */
static List *
rename_others(RunContext *cxt, List *parts, const char *unique)
{
	List	   *statements = NIL;

	for (int i = 0; i < list_length(parts);)
	{
		StringInfoData values;
		List	   *rows;
		ListCell   *lc;

		initStringInfo(&values);
		for (int n = 0; n < NAMES_AT_ONCE && i < list_length(parts); n++, i++)
		{
			const TablePart *part = list_nth(parts, i);

			appendStringInfo(&values, "%s('%s', %s, %s)", n > 0 ? ", " : "",
							 kinds[part->kind], quote_literal_cstr(part->new_schema),
							 quote_literal_cstr(part->new_name));
		}
		rows = scratch_query(cxt, psprintf(RENAME_OTHERS, values.data,
										   quote_literal_cstr(unique)));
		foreach(lc, rows)
			statements = lappend(statements, linitial((List *) lfirst(lc)));
	}
	return statements;
}

static bool
has_new_names(List *parts)
{
	ListCell   *lc;

	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);

		if (strcmp(part->schema, part->new_schema) != 0 ||
			strcmp(part->name, part->new_name) != 0)
			return true;
	}
	return false;
}

/*
 * Give the parts of a table their new names.  They first get names that nobody
 * uses, so that one can get the old name of another.  A table takes its
 * indexes and sequences to another schema.
 */
void
scratch_table_rename(RunContext *cxt, List *parts)
{
	const TablePart *table = linitial(parts);
	char	   *unique = psprintf("%s_", cxt->run.progress.scratch);
	List	   *statements = NIL;
	ListCell   *lc;

	if (!has_new_names(parts))
		return;
	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);

		statements = lappend(statements,
							 rename_statement(part, part->schema, part->name,
											  psprintf("%s%d_", unique,
													   foreach_current_index(lc))));
	}
	statements = lappend(statements,
						 psprintf("CREATE SCHEMA IF NOT EXISTS %s",
								  quote_identifier(table->new_schema)));
	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);

		if (strcmp(part->schema, part->new_schema) != 0 &&
			(part->kind == PART_TABLE || part->kind == PART_STATISTICS))
			statements = lappend(statements,
								 psprintf("ALTER %s %s SET SCHEMA %s", kinds[part->kind],
										  quote_qualified_identifier(part->schema,
																	 psprintf("%s%d_", unique,
																			  foreach_current_index(lc))),
										  quote_identifier(part->new_schema)));
	}
	scratch_execute(cxt, statements);

	statements = rename_others(cxt, parts, unique);
	foreach(lc, parts)
	{
		const TablePart *part = lfirst(lc);

		statements = lappend(statements,
							 rename_statement(part, part->new_schema,
											  psprintf("%s%d_", unique,
													   foreach_current_index(lc)),
											  part->new_name));
	}
	scratch_execute(cxt, statements);
}
