/*-------------------------------------------------------------------------
 *
 * free_names.c
 *	  Names for a table and its parts that are free in the current database.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "util/compat.h"
#include "worker/free_names.h"

/* What is appended to a name that is taken. */
#define SUFFIX "restored"

/* A name chosen so far, and the key of a hash table. */
typedef struct ChosenName
{
	bool		statistics;
	char		schema[NAMEDATALEN];
	char		name[NAMEDATALEN];
} ChosenName;

/*
 * Does a type have a name that a table would need?  A new table has the server
 * rename an array type that is in its way.
 */
static bool
is_type_name_taken(const char *name, Oid namespace)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									   CStringGetDatum(name),
									   ObjectIdGetDatum(namespace));

	return OidIsValid(type) && !OidIsValid(get_element_type(type));
}

/*
 * Raise an error if a table of this name cannot be created in the current
 * database, or not by this role.  has_target tells whether somebody chose the
 * name.  Needs a transaction.
 */
void
free_names_check(const char *schema, const char *table, Oid caller,
				 bool has_target)
{
	Oid			namespace = get_namespace_oid(schema, true);

	if (IsReservedName(schema))
		ereport(ERROR,
				(errcode(ERRCODE_RESERVED_NAME),
				 errmsg("unacceptable schema name \"%s\"", schema),
				 errdetail("The prefix \"pg_\" is reserved for system schemas.")));
	if (!OidIsValid(namespace))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("schema \"%s\" does not exist", schema),
				 has_target ? errhint("Create the schema first.") :
				 errhint("Create the schema first, or give a target in another schema.")));
	if (compat_schema_aclcheck(namespace, caller, ACL_CREATE) != ACLCHECK_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for schema %s", schema),
				 errdetail("The caller of snapshot_restore_table() must have the CREATE privilege.")));
	if (OidIsValid(get_relname_relid(table, namespace)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("relation \"%s\" already exists in schema \"%s\"",
						table, schema),
				 errdetail("It was not touched."),
				 errhint("Give another name as target, such as '%s'.",
						 makeObjectName(table, NULL, SUFFIX))));
	if (is_type_name_taken(table, namespace))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("type \"%s\" already exists in schema \"%s\"",
						table, schema),
				 errdetail("A table needs a type of its own name."),
				 errhint("Give another name as target, such as '%s'.",
						 makeObjectName(table, NULL, SUFFIX))));
}

static HTAB *
create_chosen(void)
{
	HASHCTL		control;

	memset(&control, 0, sizeof(control));
	control.keysize = sizeof(ChosenName);
	control.entrysize = sizeof(ChosenName);
	control.hcxt = CurrentMemoryContext;
	return hash_create("chosen names", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Is a name taken in the current database? */
static bool
is_taken(const TablePart *part, const char *name)
{
	Oid			namespace = get_namespace_oid(part->new_schema, true);

	if (!OidIsValid(namespace))
		return false;
	if (part->kind == PART_STATISTICS)
		return SearchSysCacheExists2(STATEXTNAMENSP, CStringGetDatum(name),
									 ObjectIdGetDatum(namespace));
	return OidIsValid(get_relname_relid(name, namespace)) ||
		(part->kind == PART_TABLE && is_type_name_taken(name, namespace));
}

/* Choose a name.  Returns false if it was chosen before. */
static bool
choose(HTAB *chosen, const TablePart *part, const char *name)
{
	ChosenName	key;
	bool		found;

	memset(&key, 0, sizeof(key));
	key.statistics = part->kind == PART_STATISTICS;
	strlcpy(key.schema, part->new_schema, sizeof(key.schema));
	strlcpy(key.name, name, sizeof(key.name));
	(void) hash_search(chosen, &key, HASH_ENTER, &found);
	return !found;
}

/*
 * Set the new names of a table and its parts, of which the first is the table
 * and gets this name.  If somebody chose that, its partitions and statistics
 * come into the same schema.  The others keep their names, or get a suffix
 * where these are taken.  Needs a transaction.
 */
void
free_names_choose(List *parts, const char *schema, const char *table,
				  bool has_target)
{
	HTAB	   *chosen = create_chosen();
	ListCell   *lc;

	foreach(lc, parts)
	{
		TablePart  *part = lfirst(lc);
		bool		is_root = foreach_current_index(lc) == 0;
		const char *name = is_root ? table : part->name;

		if (has_target)
			part->new_schema = schema;
		for (int i = 0;
			 (!is_root && is_taken(part, name)) || !choose(chosen, part, name);
			 i++)
			name = makeObjectName(part->name, NULL,
								  i == 0 ? SUFFIX : psprintf(SUFFIX "%d", i));
		part->new_name = name;
	}
	hash_destroy(chosen);
}
