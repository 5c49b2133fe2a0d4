/*-------------------------------------------------------------------------
 *
 * contents.c
 *	  What is in a database: its objects, and the rows of its tables.
 *
 * This is read when a snapshot is taken, and again when it is restored for a
 * test, and has to be the same both times.  So it is made of what a dump
 * carries over for sure: names and types, but no definitions, which the server
 * may spell another way the second time.  What belongs to an extension is left
 * to it.
 *
 * It runs as the bootstrap superuser in databases whose owners need not be
 * trusted.  Nothing that they can define is called: the search path is closed,
 * catalogs are read as the active MVCC snapshot has them, and rows are counted
 * without any query.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "contents.h"
#include "executor/spi.h"
#include "manifest.h"
#include "queries.h"

/* Tables that a dump has, but for those of extensions. */
#define COUNT_TABLES \
	"SELECT count(*) FROM pg_class c" \
	" JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'" \
	" AND n.nspname NOT IN ('pg_catalog', 'information_schema')"

/*
 * For each kind of object how many there are, and a digest of what they are
 * called.  "public" is there in every new database, and array types are named
 * by the server.
 */
#define OBJECTS \
	"WITH spaces AS (" \
	"  SELECT oid, nspname::text AS name FROM pg_namespace" \
	"   WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'), " \
	"members AS (" \
	"  SELECT classid, objid FROM pg_depend WHERE deptype = 'e'), " \
	"types AS (" \
	"  SELECT t.oid, n.nspname || '.' || coalesce(e.typname || '[]', t.typname) AS name" \
	"    FROM pg_type t LEFT JOIN pg_type e ON e.typarray = t.oid" \
	"    JOIN pg_namespace n ON n.oid = coalesce(e.typnamespace, t.typnamespace)), " \
	"relations AS (" \
	"  SELECT c.oid, c.relkind, s.name || '.' || c.relname AS name" \
	"    FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace" \
	"   WHERE c.relpersistence <> 't' AND c.oid >= 16384 AND NOT EXISTS" \
	"    (SELECT FROM members WHERE classid = c.tableoid AND objid = c.oid)), " \
	"objects(class, oid, kind, line) AS (" \
	"  SELECT 0::oid, 0::oid," \
	"    CASE relkind WHEN 'v' THEN 'views' WHEN 'm' THEN 'materialized views'" \
	"     WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'foreign tables'" \
	"     WHEN 'i' THEN 'indexes' WHEN 'I' THEN 'indexes'" \
	"     WHEN 'c' THEN 'composite types' ELSE 'tables' END, name FROM relations" \
	" UNION ALL SELECT 0, 0, 'columns', r.name || '.' || a.attname || ' ' || t.name" \
	"   FROM pg_attribute a JOIN relations r ON r.oid = a.attrelid" \
	"   JOIN types t ON t.oid = a.atttypid" \
	"  WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')" \
	" UNION ALL SELECT 0, 0, 'constraints', r.name || '.' || o.conname || ' ' || o.contype::text" \
	"   FROM pg_constraint o JOIN relations r ON r.oid = o.conrelid" \
	"  WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND o.conparentid = 0 AND o.coninhcount = 0" \
	" UNION ALL SELECT 0, 0, 'triggers', r.name || '.' || g.tgname" \
	"   FROM pg_trigger g JOIN relations r ON r.oid = g.tgrelid" \
	"  WHERE NOT g.tgisinternal AND g.tgparentid = 0" \
	" UNION ALL SELECT 0, 0, 'rules', r.name || '.' || w.rulename" \
	"   FROM pg_rewrite w JOIN relations r ON r.oid = w.ev_class" \
	"  WHERE w.rulename <> '_RETURN'" \
	" UNION ALL SELECT 0, 0, 'policies', r.name || '.' || p.polname" \
	"   FROM pg_policy p JOIN relations r ON r.oid = p.polrelid" \
	" UNION ALL SELECT n.tableoid, n.oid, 'schemas', s.name" \
	"   FROM spaces s JOIN pg_namespace n ON n.oid = s.oid WHERE s.name <> 'public'" \
	" UNION ALL SELECT p.tableoid, p.oid, 'functions'," \
	"     s.name || '.' || p.proname || ' ' || coalesce(" \
	"      (SELECT string_agg(t.name, ', ' ORDER BY u.n)" \
	"         FROM unnest(p.proargtypes) WITH ORDINALITY u(type, n)" \
	"         JOIN types t ON t.oid = u.type), '')" \
	"   FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace" \
	" UNION ALL SELECT t.tableoid, t.oid, 'types', s.name || '.' || t.typname || ' ' || t.typtype::text" \
	"   FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace" \
	"  WHERE t.typisdefined AND (t.typtype IN ('d', 'e', 'r') OR (t.typtype = 'b' AND NOT EXISTS" \
	"    (SELECT FROM pg_type e WHERE e.typarray = t.oid)))" \
	" UNION ALL SELECT t.tableoid, t.oid, 'enum labels', s.name || '.' || t.typname || ' ' || e.enumlabel" \
	"   FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid JOIN spaces s ON s.oid = t.typnamespace" \
	" UNION ALL SELECT o.tableoid, o.oid, 'operators', s.name || '.' || o.oprname || ' ' ||" \
	"     coalesce(l.name, '') || ', ' || coalesce(r.name, '')" \
	"   FROM pg_operator o JOIN spaces s ON s.oid = o.oprnamespace" \
	"   LEFT JOIN types l ON l.oid = o.oprleft LEFT JOIN types r ON r.oid = o.oprright" \
	"  WHERE o.oprcode <> 0" \
	" UNION ALL SELECT o.tableoid, o.oid, 'operator classes', s.name || '.' || o.opcname" \
	"   FROM pg_opclass o JOIN spaces s ON s.oid = o.opcnamespace" \
	" UNION ALL SELECT o.tableoid, o.oid, 'collations', s.name || '.' || o.collname" \
	"   FROM pg_collation o JOIN spaces s ON s.oid = o.collnamespace" \
	" UNION ALL SELECT o.tableoid, o.oid, 'conversions', s.name || '.' || o.conname" \
	"   FROM pg_conversion o JOIN spaces s ON s.oid = o.connamespace" \
	" UNION ALL SELECT o.tableoid, o.oid, 'extended statistics', s.name || '.' || o.stxname" \
	"   FROM pg_statistic_ext o JOIN spaces s ON s.oid = o.stxnamespace" \
	" UNION ALL SELECT o.tableoid, o.oid, 'text search configurations', s.name || '.' || o.cfgname" \
	"   FROM pg_ts_config o JOIN spaces s ON s.oid = o.cfgnamespace" \
	" UNION ALL SELECT o.tableoid, o.oid, 'text search dictionaries', s.name || '.' || o.dictname" \
	"   FROM pg_ts_dict o JOIN spaces s ON s.oid = o.dictnamespace" \
	" UNION ALL SELECT tableoid, oid, 'languages', lanname FROM pg_language" \
	" UNION ALL SELECT tableoid, oid, 'extensions', extname FROM pg_extension" \
	" UNION ALL SELECT tableoid, oid, 'event triggers', evtname FROM pg_event_trigger" \
	" UNION ALL SELECT tableoid, oid, 'publications', pubname FROM pg_publication" \
	" UNION ALL SELECT tableoid, oid, 'foreign-data wrappers', fdwname FROM pg_foreign_data_wrapper" \
	" UNION ALL SELECT tableoid, oid, 'foreign servers', srvname FROM pg_foreign_server) " \
	"SELECT kind, count(*), encode(sha256(convert_to(" \
	"    string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"), getdatabaseencoding())), 'hex')" \
	"  FROM objects o" \
	" WHERE (class = 0 OR oid >= 16384) AND NOT EXISTS" \
	"  (SELECT FROM members WHERE classid = o.class AND objid = o.oid)" \
	" GROUP BY kind ORDER BY kind"

/* How many tables there are, partitioned ones and their partitions alike. */
int64
contents_count_tables(void)
{
	int64		count;

	queries_begin(COUNT_TABLES);
	count = queries_number(0, 0);
	queries_end();
	return count;
}

/* How many large objects there are. */
int64
contents_count_large_objects(void)
{
	int64		count;

	queries_begin("SELECT count(*) FROM pg_largeobject_metadata");
	count = queries_number(0, 0);
	queries_end();
	return count;
}

/* The objects of each kind: a list of ManifestObjects, in the context. */
List *
contents_objects(MemoryContext context)
{
	List	   *kinds = NIL;
	MemoryContext caller = CurrentMemoryContext;

	queries_begin(OBJECTS);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestObjects *objects = palloc(sizeof(ManifestObjects));

		objects->kind = queries_value(i, 0);
		objects->count = queries_number(i, 1);
		objects->sha256 = queries_value(i, 2);
		kinds = lappend(kinds, objects);
	}
	queries_end();
	MemoryContextSwitchTo(caller);
	return kinds;
}
