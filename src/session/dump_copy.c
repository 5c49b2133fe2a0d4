/*-------------------------------------------------------------------------
 *
 * dump_copy.c
 *	  The rows of tables in a dump, as COPY in the output of pg_restore.
 *
 * pg_restore prints a script: settings, then for each table a COPY statement,
 * its rows, and a line "\.".  We look only for lines that begin with COPY.
 * The server's parser reads the statement, and the server's COPY the rows.
 *
 * COPY wants a relation for its columns.  The table need not exist here, so it
 * gets pg_class.  We ask COPY for the fields of a row only, and it computes
 * neither values nor defaults of columns.  pg_class stays in the relation
 * cache while the process lives, so that the pointer to it stays valid.
 *
 * A dump can be damaged or made up.  Nothing in the script is executed, and
 * what is not as pg_restore would print it is an error.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "commands/copy.h"
#include "commands/progress.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "nodes/parsenodes.h"
#include "utils/backend_progress.h"
#include "utils/memutils.h"

#include "session/dump_copy.h"
#include "session/dump_script.h"
#include "session/restore_program.h"
#include "settings.h"
#include "tools/tool_args.h"

#define BUFFER_SIZE		65536

/* A COPY statement has up to 1600 names of 63 bytes, all quotes in them. */
#define STATEMENT_MAX_SIZE	((size_t) 1024 * 1024)

#define COPY_BEGINNING		"COPY "
#define VIA_ROOT_BEGINNING	"-- load via partition root "
#define ENCODING_BEGINNING	"SET client_encoding = '"
#define END_OF_ROWS			"\\.\n"

struct DumpCopy
{
	const OpenSnapshot *snapshot;
	ChildStream *stream;
	const ListCell *next_id;	/* of the next table */
	List	   *dump_ids;

	/* What has been read of the script, and not used yet. */
	char		buffer[BUFFER_SIZE];
	size_t		start;
	size_t		end;
	bool		at_line_start;
	bool		ended;			/* by the end of the script */

	/* The current table. */
	bool		in_rows;
	MemoryContext table_cxt;
	DumpTable	table;
	CopyFromState state;		/* NULL if no row has been read */
};

/* The one that COPY is reading from: its callback has no argument. */
static DumpCopy *reading = NULL;

static void
report_damage(const DumpCopy *copy, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("the dump in \"%s\" is damaged", copy->snapshot->dump),
			 errdetail_internal("%s", detail),
			 errhint("Verify the snapshot by snapshot_verify(), or use another one.")));
}

/*
 * Start to read the rows of these entries of a dump (integers), in this order.
 * It all belongs to the current memory context, whose reset ends it.  Raises
 * an error if pg_restore cannot be started.
 */
DumpCopy *
dump_copy_begin(const OpenSnapshot *snapshot, List *dump_ids)
{
	DumpCopy   *copy = palloc0(sizeof(DumpCopy));

	copy->snapshot = snapshot;
	copy->dump_ids = dump_ids;
	copy->next_id = list_head(dump_ids);
	copy->at_line_start = true;
	copy->table_cxt = AllocSetContextCreate(CurrentMemoryContext, "dump table",
											ALLOCSET_DEFAULT_SIZES);
	copy->stream = restore_program_begin(tool_args_pg_restore_rows(settings_bin_directory(),
																   snapshot->dump),
										 dump_ids);
	return copy;
}

/*
 * Read more of the script.  Returns false at its end.  Raises an error if
 * pg_restore has failed.
 */
static bool
fill_buffer(DumpCopy *copy)
{
	size_t		n;

	if (copy->ended)
		return false;
	if (copy->start > 0)
	{
		memmove(copy->buffer, copy->buffer + copy->start,
				copy->end - copy->start);
		copy->end -= copy->start;
		copy->start = 0;
	}
	Assert(copy->end < BUFFER_SIZE);
	n = child_stream_read(copy->stream, copy->buffer + copy->end,
						  BUFFER_SIZE - copy->end);
	copy->end += n;
	if (n == 0)
	{
		copy->ended = true;
		restore_program_end(copy->stream);
	}
	return n > 0;
}

/*
 * Append the next line of the script, with its newline.  Returns false at the
 * end of the script.
 */
static bool
read_line(DumpCopy *copy, StringInfo line)
{
	int			before = line->len;

	for (;;)
	{
		char	   *start = copy->buffer + copy->start;
		size_t		left = copy->end - copy->start;
		char	   *newline = left > 0 ? memchr(start, '\n', left) : NULL;
		size_t		len = newline != NULL ? (size_t) (newline + 1 - start) : left;

		if (line->len + len > STATEMENT_MAX_SIZE)
			report_damage(copy, "A line that is not part of a row is too long.");
		appendBinaryStringInfo(line, start, len);
		copy->start += len;
		if (newline != NULL)
			return true;
		if (!fill_buffer(copy))
			return line->len > before;
	}
}

static bool
begins_with(StringInfo line, const char *beginning)
{
	return strncmp(line->data, beginning, strlen(beginning)) == 0;
}

/* Check that the script is in the encoding that the manifest has. */
static void
check_encoding(const DumpCopy *copy, StringInfo line)
{
	char	   *name = line->data + strlen(ENCODING_BEGINNING);

	name[strcspn(name, "'\n")] = '\0';
	if (pg_char_to_encoding(name) != copy->snapshot->encoding)
		report_damage(copy, "It is in another encoding than its manifest says.");
}

/* Is this statement complete?  Names in it can contain newlines. */
static bool
is_complete(StringInfo statement)
{
	bool		quoted = false;

	for (const char *p = statement->data; *p != '\0'; p++)
	{
		if (*p == '"')
			quoted = !quoted;
	}
	return !quoted;
}

/* Parse the COPY statement of a table.  Raises an error if it is another. */
static void
parse_copy(DumpCopy *copy, StringInfo statement)
{
	const CopyStmt *stmt;
	ListCell   *lc;

	if (strlen(statement->data) != (size_t) statement->len)
		report_damage(copy, "A statement in it contains a zero byte.");
	stmt = dump_script_copy(statement->data);
	if (stmt == NULL)
	{
		report_damage(copy, "A statement in it is not the COPY of a table.");
		return;
	}
	copy->table.schema = stmt->relation->schemaname;
	copy->table.table = stmt->relation->relname;
	copy->table.columns = NIL;
	foreach(lc, stmt->attlist)
		copy->table.columns = lappend(copy->table.columns,
									  strVal(lfirst(lc)));
}

/* Parse the statement that begins with this line. */
static void
begin_table(DumpCopy *copy, StringInfo line)
{
	while (!is_complete(line))
	{
		if (!read_line(copy, line))
			report_damage(copy, "A statement in it has no end.");
	}
	parse_copy(copy, line);
	if (copy->next_id == NULL)
		report_damage(copy, "It has more tables than its table of contents.");
	copy->table.dump_id = lfirst_int(copy->next_id);
	copy->next_id = lnext(copy->dump_ids, copy->next_id);
	copy->in_rows = true;
	copy->at_line_start = true;
}

/* Forget the current table. */
static void
end_table(DumpCopy *copy)
{
	if (copy->state != NULL)
		EndCopyFrom(copy->state);
	copy->state = NULL;
	MemoryContextReset(copy->table_cxt);
}

/*
 * Go on to the next table, after all rows of the last one.  Returns NULL at
 * the end of the script.  What it returns lives until the next call.  Raises
 * an error if pg_restore fails, or if the dump is damaged.
 */
const DumpTable *
dump_copy_next_table(DumpCopy *copy)
{
	MemoryContext caller;
	StringInfoData line;

	Assert(!copy->in_rows);
	end_table(copy);
	caller = MemoryContextSwitchTo(copy->table_cxt);
	initStringInfo(&line);
	copy->table.via_root = false;
	while (read_line(copy, &line))
	{
		if (begins_with(&line, ENCODING_BEGINNING))
			check_encoding(copy, &line);
		else if (begins_with(&line, VIA_ROOT_BEGINNING))
			copy->table.via_root = true;
		else if (begins_with(&line, COPY_BEGINNING))
		{
			begin_table(copy, &line);
			break;
		}
		resetStringInfo(&line);
	}
	MemoryContextSwitchTo(caller);
	if (!copy->in_rows && copy->next_id != NULL)
		report_damage(copy, "It has fewer tables than its table of contents.");
	return copy->in_rows ? &copy->table : NULL;
}

/*
 * Return how many bytes can be passed on, more than 0: up to the line that
 * ends the rows, but not the end of the buffer, where that may begin.
 */
static size_t
usable(const DumpCopy *copy)
{
	const char *start = copy->buffer + copy->start;
	size_t		left = copy->end - copy->start;
	const char *end = memmem(start, left, "\n" END_OF_ROWS,
							 strlen("\n" END_OF_ROWS));

	return end != NULL ? (size_t) (end + 1 - start) :
		left - strlen(END_OF_ROWS);
}

/* Give COPY more of the rows, or 0 bytes after them. */
static int
copy_source(void *outbuf, int minread, int maxread)
{
	DumpCopy   *copy = reading;
	size_t		end_len = strlen(END_OF_ROWS);
	size_t		n;

	if (!copy->in_rows)
		return 0;
	while (copy->end - copy->start <= end_len)
	{
		/* the rows are never the last part of the script */
		if (!fill_buffer(copy))
			report_damage(copy, "The rows of a table have no end.");
	}
	if (copy->at_line_start &&
		memcmp(copy->buffer + copy->start, END_OF_ROWS, end_len) == 0)
	{
		copy->start += end_len;
		copy->in_rows = false;
		return 0;
	}
	n = Min(usable(copy), (size_t) maxread);
	memcpy(outbuf, copy->buffer + copy->start, n);
	copy->start += n;
	copy->at_line_start = copy->buffer[copy->start - 1] == '\n';
	return (int) n;
}

/* Begin to read the rows of the current table. */
static void
begin_rows(DumpCopy *copy)
{
	MemoryContext caller = MemoryContextSwitchTo(copy->table_cxt);
	const char *encoding;
	Relation	relation = table_open(RelationRelationId, AccessShareLock);
	List	   *options;

	/* bytes of no encoding must be valid here */
	encoding = pg_encoding_to_char(copy->snapshot->encoding == PG_SQL_ASCII ?
								   GetDatabaseEncoding() :
								   copy->snapshot->encoding);
	options = list_make1(makeDefElem("encoding",
									 (Node *) makeString(pstrdup(encoding)),
									 -1));
	copy->state = BeginCopyFrom(NULL, relation, NULL, NULL, false, copy_source,
								NIL, options);

	/* of this COPY, which is not of a table; a query may report another */
	pgstat_progress_end_command();
	table_close(relation, AccessShareLock);
	MemoryContextSwitchTo(caller);
}

static void
check_fields(const DumpCopy *copy, char **fields, int nfields)
{
	int			expected = list_length(copy->table.columns);

	/* a row without columns is an empty line, and that has one field */
	if (expected == 0 ? nfields == 1 && fields[0] != NULL &&
		fields[0][0] == '\0' : nfields == expected)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_BAD_COPY_FILE_FORMAT),
			 errmsg("a row has %d values, but its table has %d columns",
					nfields, expected)));
}

/*
 * Read the next row of the current table: its values as text, in this
 * database's encoding, NULL for null, in the order of the columns.  They live
 * until the next call.  Returns false after the last row.  Raises an error if
 * a row is not valid.
 */
bool
dump_copy_next_row(DumpCopy *copy, char ***fields)
{
	int			nfields;

	if (copy->state == NULL)
		begin_rows(copy);
	reading = copy;
	if (!NextCopyFromRawFields(copy->state, fields, &nfields))
	{
		if (copy->in_rows)
			report_damage(copy, "The rows of a table end early.");
		return false;
	}
	check_fields(copy, *fields, nfields);
	return true;
}

/* Skip the rows of the current table. */
void
dump_copy_skip_rows(DumpCopy *copy)
{
	char		unused[8192];

	Assert(copy->state == NULL);
	reading = copy;
	while (copy_source(unused, 1, sizeof(unused)) > 0)
		;
}
