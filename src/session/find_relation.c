/*-------------------------------------------------------------------------
 *
 * find_relation.c
 *	  Find a relation in a dump by its name.
 *
 * pg_restore finds a relation by its exact name.  If the name comes without a
 * schema, the schema is read from pg_restore's list.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "session/dump_encoding.h"
#include "session/find_relation.h"
#include "tools/dump_toc.h"

/* Kinds of entries, as pg_dump names them, that make relations. */
static const char *const kinds[] = {
	"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE",
};

/*
 * Convert a name from this database's encoding to that of the dump.  The
 * schema can be NULL.  Raises an error if that is impossible.
 */
void
find_encode_name(const OpenSnapshot *snapshot, const char **schema,
				 const char **name)
{
	const char *schema_in_dump = *schema == NULL ? NULL :
	dump_encoding_to(*schema, snapshot->encoding);
	const char *name_in_dump = dump_encoding_to(*name, snapshot->encoding);

	if (name_in_dump == NULL || (*schema != NULL && schema_in_dump == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("snapshot \"%s\" cannot have a table of this name",
						snapshot->stored->name),
				 errdetail("It is in encoding %s, which does not have a character of the name.",
						   snapshot->stored->manifest.encoding)));
	*schema = schema_in_dump;
	*name = name_in_dump;
}

/* Return a name in the dump's encoding, which may lack its schema, quoted. */
char *
find_shown_name(const OpenSnapshot *snapshot, const char *schema,
				const char *name)
{
	char	   *shown = dump_encoding_shown(name, snapshot->encoding);

	return schema == NULL ? psprintf("\"%s\"", shown) :
		psprintf("\"%s.%s\"",
				 dump_encoding_shown(schema, snapshot->encoding), shown);
}

/* Return what follows the kind of an entry that makes a relation, or NULL. */
static const char *
relation_in(const TocEntry *entry)
{
	for (size_t i = 0; i < lengthof(kinds); i++)
	{
		const char *text = toc_entry_of_kind(entry, kinds[i], true);

		if (text != NULL)
			return text;
	}
	return NULL;
}

/*
 * Find a relation by its name in this database's encoding; the schema can be
 * NULL.  Sets both to its name in the dump's encoding.  Raises an error if the
 * dump does not make such a relation, or several.
 */
void
find_relation(const OpenSnapshot *snapshot, const char **schema,
			  const char **name)
{
	StringInfoData list;
	const char *found = NULL;
	int			count = 0;
	ListCell   *lc;

	find_encode_name(snapshot, schema, name);
	initStringInfo(&list);
	foreach(lc, toc_all(open_snapshot_list(snapshot, *schema, *name)))
	{
		const char *text = relation_in(lfirst(lc));

		if (text == NULL)
			continue;
		found = text;
		if (count++ > 0)
			appendStringInfoChar(&list, '\n');
		appendStringInfoString(&list,
							   dump_encoding_shown(text, snapshot->encoding));
	}
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("snapshot \"%s\" has no table %s",
						snapshot->stored->name,
						find_shown_name(snapshot, *schema, *name)),
				 errhint("snapshot_tables() lists the tables of a snapshot.")));
	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_ALIAS),
				 errmsg("snapshot \"%s\" has more than one table %s",
						snapshot->stored->name,
						find_shown_name(snapshot, *schema, *name)),
				 errdetail("By schema, name and owner:\n%s", list.data),
				 errhint("Write the table's name with its schema.")));
	if (*schema == NULL)
		*schema = toc_schema_of(found, *name);
}
