/*-------------------------------------------------------------------------
 *
 * column_hashes.c
 *	  Hashes of columns and large objects, which no table of contents lists.
 *
 * The columns and large objects are read when a snapshot is taken, and again
 * when it is restored for a test; both must give the same result.  Each item
 * is a line, and only a hash of all lines is kept, so memory use does not
 * depend on their number.
 *
 * psql reads them in a session of its own, with the privileges of pg_dump's
 * role, and with pg_dump's MVCC snapshot.  The queries join catalogs and call
 * no function that would look at the current state of the catalogs.  The lines
 * are in the database's encoding, in COPY's text format, which has no line
 * breaks in values.  They are not sorted, and are joined by indexes, to avoid
 * temporary files, whose size may be limited.
 *
 * The same session finds the objects that pg_dump omits: those that users
 * created on tables of extensions.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "settings.h"
#include "tools/output_spool.h"
#include "util/line_hash.h"
#include "worker/column_hashes.h"
#include "worker/verify_problems.h"

/* The first character of a line is its kind. */
#define LINE_COLUMN			'c'
#define LINE_LARGE_OBJECT	'l'
#define LINE_OF_ITS_OWN		'o' /* further data of a large object */
#define LINE_LEFT_OUT		'x'
#define LINE_EVENT_TRIGGER	'e'

/*
 * Columns of tables that no extension owns.  The server chooses the names of
 * array types, so the query prints the element type instead.  Up to PostgreSQL
 * 17 a restored column has the NOT NULL of its parent tables, even if it was
 * dropped from the child alone.
 */
#define COLUMNS \
	"COPY (SELECT 'c', n.nspname, c.relname, a.attname, s.nspname," \
	"  CASE WHEN e.oid IS NULL THEN t.typname::text ELSE e.typname::text || '[]' END," \
	"  a.atttypmod," \
	"  CASE WHEN a.attnotnull THEN true WHEN a.attinhcount = 0 THEN false" \
	"   ELSE EXISTS (WITH RECURSIVE parents(oid) AS (" \
	"     SELECT inhparent FROM pg_inherits WHERE inhrelid = a.attrelid" \
	"     UNION SELECT i.inhparent FROM pg_inherits i JOIN parents p ON i.inhrelid = p.oid)" \
	"    SELECT FROM parents p JOIN pg_attribute b ON b.attrelid = p.oid AND b.attname = a.attname" \
	"     WHERE b.attnum > 0 AND b.attnotnull) END" \
	" FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace" \
	"  JOIN pg_attribute a ON a.attrelid = c.oid" \
	"  JOIN pg_type t ON t.oid = a.atttypid" \
	"  LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid" \
	"  JOIN pg_namespace s ON s.oid = coalesce(e.typnamespace, t.typnamespace)" \
	" WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'" \
	"  AND a.attnum > 0 AND NOT a.attisdropped" \
	"  AND NOT starts_with(n.nspname::text, 'pg_') AND n.nspname <> 'information_schema'" \
	"  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 1259" \
	"   AND d.objid = c.oid AND d.deptype = 'e')" \
	") TO STDOUT"

/*
 * Large objects.  Explicit privileges equal to the default count as the
 * default, and grantors do not matter.
 */
#define LARGE_OBJECTS \
	"COPY (SELECT 'l', m.oid, r.rolname FROM pg_largeobject_metadata m" \
	"  LEFT JOIN pg_roles r ON r.oid = m.lomowner) TO STDOUT"

#define LARGE_OBJECT_PRIVILEGES \
	"COPY (SELECT 'o', m.oid, 'privilege', r.rolname, p.privilege_type, p.grantable" \
	" FROM pg_largeobject_metadata m CROSS JOIN LATERAL (" \
	"   SELECT grantee, privilege_type, bool_or(is_grantable) AS grantable" \
	"    FROM aclexplode(coalesce(m.lomacl, acldefault('L', m.lomowner)))" \
	"    GROUP BY grantee, privilege_type) p" \
	"  LEFT JOIN pg_roles r ON r.oid = p.grantee) TO STDOUT"

#define LARGE_OBJECT_COMMENTS \
	"COPY (SELECT 'o', m.oid, 'comment', d.description" \
	" FROM pg_largeobject_metadata m JOIN pg_description d" \
	"  ON d.classoid = 2613 AND d.objoid = m.oid AND d.objsubid = 0) TO STDOUT"

/*
 * Objects on tables of extensions that were created neither by CREATE
 * EXTENSION nor by an ALTER EXTENSION that can still be recognized: they were
 * created in another transaction than the extension's own objects.  This
 * cannot be determined for tables that no CREATE EXTENSION created, as after
 * pg_upgrade.
 */
#define LEFT_OUT \
	"COPY (SELECT DISTINCT 'x', o.kind || ' ' || o.name || ' on table ' || n.nspname || '.' || c.relname" \
	" FROM pg_extension x" \
	"  JOIN pg_depend m ON m.refclassid = 3079 AND m.refobjid = x.oid" \
	"   AND m.classid = 1259 AND m.deptype = 'e'" \
	"  JOIN pg_class c ON c.oid = m.objid AND c.relkind IN ('r', 'p', 'f')" \
	"  JOIN pg_namespace n ON n.oid = c.relnamespace" \
	"  JOIN pg_depend d ON d.refclassid = 1259 AND d.refobjid = c.oid" \
	"  CROSS JOIN LATERAL (" \
	"   SELECT 'index' AS kind, r.relname AS name FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid" \
	"    WHERE d.classid = 1259 AND i.indexrelid = d.objid AND i.indrelid = c.oid" \
	"   UNION ALL SELECT 'constraint', conname FROM pg_constraint" \
	"    WHERE d.classid = 2606 AND oid = d.objid AND conrelid = c.oid" \
	"   UNION ALL SELECT 'trigger', tgname FROM pg_trigger" \
	"    WHERE d.classid = 2620 AND oid = d.objid AND tgrelid = c.oid AND NOT tgisinternal" \
	"   UNION ALL SELECT 'rule', rulename FROM pg_rewrite" \
	"    WHERE d.classid = 2618 AND oid = d.objid AND ev_class = c.oid AND rulename <> '_RETURN'" \
	"   UNION ALL SELECT 'policy', polname FROM pg_policy" \
	"    WHERE d.classid = 3256 AND oid = d.objid AND polrelid = c.oid) o" \
	" WHERE d.xmin <> x.xmin" \
	"  AND EXISTS (SELECT FROM pg_depend y WHERE y.classid = 3079" \
	"   AND y.objid = x.oid AND y.xmin = m.xmin)" \
	"  AND NOT EXISTS (SELECT FROM pg_depend y WHERE y.refclassid = 3079" \
	"   AND y.refobjid = x.oid AND y.deptype = 'e' AND y.xmin = d.xmin)" \
	") TO STDOUT"

/*
 * Event triggers that may have fired during pg_restore.  pg_restore creates
 * event triggers last, except those of extensions, and except before
 * materialized views are refreshed.
 */
#define EVENT_TRIGGERS \
	"COPY (SELECT 'e', v.evtname FROM pg_event_trigger v" \
	" WHERE v.evtenabled IN ('O', 'A')" \
	"  AND (EXISTS (SELECT FROM pg_depend d WHERE d.classid = 3466" \
	"    AND d.objid = v.oid AND d.deptype = 'e')" \
	"   OR EXISTS (SELECT FROM pg_class WHERE relkind = 'm' AND relispopulated))" \
	") TO STDOUT"

/* The result of reading the lines. */
typedef struct Lines
{
	LineHash	columns;
	LineHash	large_objects;
	int64		nlarge_objects;
	Problems	others;			/* lines of other kinds */
} Lines;

/* Return the text of a line, in COPY format, after the letter of its kind. */
static const char *
text_of(StringInfo line)
{
	return line->data + Min(line->len, 2);
}

static void
read_line(Lines *lines, StringInfo line)
{
	switch (line->data[0])
	{
		case LINE_COLUMN:
			line_hash_add(&lines->columns, line->data, line->len);
			break;
		case LINE_LARGE_OBJECT:
			lines->nlarge_objects++;
			/* FALLTHROUGH */
		case LINE_OF_ITS_OWN:
			line_hash_add(&lines->large_objects, line->data, line->len);
			break;
		case LINE_LEFT_OUT:
		case LINE_EVENT_TRIGGER:
			problems_add(&lines->others, "%s", text_of(line));
			break;
	}
}

static ManifestContents *
make_contents(const char *kind, int64 count, LineHash *hash)
{
	ManifestContents *contents = palloc0(sizeof(ManifestContents));

	contents->kind = pstrdup(kind);
	contents->count = -1;
	if (hash != NULL)
	{
		contents->count = count;
		contents->hash = palloc(LINEHASH_HEX_SIZE);
		line_hash_take(hash, contents->hash);
	}
	return contents;
}

/* Return the contents for the manifest if they could not be read. */
static List *
unknown_contents(void)
{
	List	   *contents = NIL;

	contents = lappend(contents, make_contents(COLUMNS_OF_TABLES, -1, NULL));
	return lappend(contents, make_contents(COLUMNS_LARGE_OBJECTS, -1, NULL));
}

/*
 * Read the lines in a file and return a list of ManifestContents.  *others is
 * set to the lines of other kinds, or NULL.
 */
static List *
read_lines(File file, char **others)
{
	Lines		lines;
	SpoolReader reader;
	StringInfoData line;
	List	   *contents;

	lines.nlarge_objects = 0;
	line_hash_begin(&lines.columns);
	line_hash_begin(&lines.large_objects);
	problems_begin(&lines.others);
	initStringInfo(&line);
	spool_reader_begin(&reader, file);
	while (spool_reader_next(&reader, &line))
		read_line(&lines, &line);
	spool_reader_end(&reader);

	contents = lappend(NIL, make_contents(COLUMNS_OF_TABLES,
										  lines.columns.count,
										  &lines.columns));
	contents = lappend(contents, make_contents(COLUMNS_LARGE_OBJECTS,
											   lines.nlarge_objects,
											   &lines.large_objects));
	line_hash_end(&lines.columns);
	line_hash_end(&lines.large_objects);
	*others = lines.others.count > 0 ? problems_text(&lines.others) : NULL;
	return contents;
}

/*
 * Return the psql command that reads the lines, using an exported snapshot
 * unless it is NULL.
 */
static char **
psql_command(RunContext *cxt, const char *snapshot, const char *others)
{
	List	   *statements;

	statements = list_make1("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
	if (snapshot != NULL)
		statements = lappend(statements,
							 psprintf("SET TRANSACTION SNAPSHOT '%s'",
									  snapshot));
	statements = lappend(statements, "SET LOCAL search_path = pg_catalog, pg_temp");
	statements = lappend(statements, "SET LOCAL enable_hashjoin = off");
	statements = lappend(statements, "SET LOCAL enable_mergejoin = off");
	statements = lappend(statements, "SET LOCAL enable_material = off");
	statements = lappend(statements, "SET LOCAL enable_seqscan = off");
	statements = lappend(statements, "SET LOCAL jit = off");
	statements = lappend(statements, "SET LOCAL max_parallel_workers_per_gather = 0");
	statements = lappend(statements, COLUMNS);
	statements = lappend(statements, LARGE_OBJECTS);
	statements = lappend(statements, LARGE_OBJECT_PRIVILEGES);
	statements = lappend(statements, LARGE_OBJECT_COMMENTS);
	statements = lappend(statements, unconstify(char *, others));
	return tool_args_psql(cxt->bin_directory, &cxt->connection, statements);
}

static void
warn_of_unread(const char *database, const char *reason)
{
	ereport(WARNING,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("could not read the columns and large objects of database \"%s\"",
					database),
			 errdetail_internal("%s", reason),
			 errhint("The snapshot is complete, but a test restore will not compare these.")));
}

/*
 * Store the hashes of an exported MVCC snapshot in the manifest, and warn
 * about objects that pg_dump omits.  If they cannot be read, the snapshot is
 * still good: a WARNING is raised, and the manifest marks them as unknown.
 * Needs a transaction.
 */
void
column_hashes_save(RunContext *cxt, const char *snapshot)
{
	Manifest   *manifest = &cxt->manifest;
	char	  **argv = psql_command(cxt, snapshot, LEFT_OUT);
	char	   *left_out;
	ChildResult result;
	File		file;

	manifest->contents = unknown_contents();
	if (access(argv[0], X_OK) != 0)
	{
		warn_of_unread(cxt->run.request.database,
					   psprintf("There is no executable \"%s\".", argv[0]));
		return;
	}
	file = spool_create();
	if (!run_try_program(cxt, argv, -1, spool_descriptor(file), &result))
	{
		warn_of_unread(cxt->run.request.database, result.output);
		FileClose(file);
		return;
	}
	manifest->contents = read_lines(file, &left_out);
	FileClose(file);
	if (left_out != NULL)
		ereport(WARNING,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pg_dump omits objects on tables of extensions in database \"%s\"",
						cxt->run.request.database),
				 errdetail_internal("%s", left_out),
				 errhint("A restored database will not have them. Keep the statements that create them.")));
}

/*
 * Return the hashes of the database of cxt->connection, as a list of
 * ManifestContents.  *event_triggers is set to the names of those that may
 * have fired during the restore, or NULL.  Raises an error when they cannot be
 * read.  Needs a transaction.
 */
List *
column_hashes_read(RunContext *cxt, char **event_triggers)
{
	char	  **argv = psql_command(cxt, NULL, EVENT_TRIGGERS);
	File		file = spool_create();
	ChildResult result;
	List	   *contents;

	if (!run_try_program(cxt, argv, -1, spool_descriptor(file), &result))
		run_fail(cxt, argv, &result);
	contents = read_lines(file, event_triggers);
	FileClose(file);
	return contents;
}
