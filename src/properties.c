/*-------------------------------------------------------------------------
 *
 * properties.c
 *	  What CREATE DATABASE and ALTER DATABASE have made of a database.
 *
 * pg_restore gives these to a database only where it creates it itself, under
 * its old name.  To be restored under any name, they are read into the manifest
 * when the snapshot is taken, and given to the new database from there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/tablespace.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "properties.h"
#include "queries.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

/* Columns that only some versions have are looked for by name. */
#define PROPERTIES \
	"SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding)," \
	"  CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' ELSE 'builtin' END," \
	"  d.datcollate, d.datctype," \
	"  coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')," \
	"  to_jsonb(d) ->> 'daticurules'," \
	"  (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace)," \
	"  d.datconnlimit, shobj_description(d.oid, 'pg_database')" \
	" FROM pg_database d WHERE d.datname = current_database()"

/*
 * Roles that own something in the database, have a privilege there, and so on.
 * Of the bootstrap superuser there are no such notes.
 */
#define ROLES \
	"SELECT a.rolname FROM pg_authid a WHERE a.oid IN (" \
	"  SELECT s.refobjid FROM pg_shdepend s, pg_database d" \
	"   WHERE d.datname = current_database() AND s.refclassid = 'pg_authid'::regclass" \
	"     AND (s.dbid = d.oid OR (s.classid = 'pg_database'::regclass AND s.objid = d.oid))" \
	"  UNION SELECT datdba FROM pg_database WHERE datname = current_database()" \
	"  UNION SELECT setrole FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase" \
	"         WHERE d.datname = current_database()" \
	"  UNION SELECT p.grantee FROM pg_database d, aclexplode(d.datacl) p" \
	"         WHERE d.datname = current_database()" \
	"  UNION SELECT relowner FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'" \
	"  UNION SELECT nspowner FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'" \
	"  UNION SELECT proowner FROM pg_proc WHERE oid >= 16384" \
	"  UNION SELECT typowner FROM pg_type WHERE oid >= 16384 AND typrelid = 0" \
	"  UNION SELECT lomowner FROM pg_largeobject_metadata)" \
	" ORDER BY a.rolname COLLATE \"C\""

#define SETTINGS \
	"SELECT a.rolname, split_part(c.line, '=', 1)," \
	"  substr(c.line, strpos(c.line, '=') + 1)" \
	" FROM pg_db_role_setting s" \
	" JOIN pg_database d ON d.oid = s.setdatabase" \
	" LEFT JOIN pg_authid a ON a.oid = s.setrole," \
	" unnest(s.setconfig) WITH ORDINALITY c(line, n)" \
	" WHERE d.datname = current_database()" \
	" ORDER BY a.rolname COLLATE \"C\" NULLS FIRST, c.n"

#define PRIVILEGES \
	"SELECT a.rolname, p.privilege_type, p.is_grantable::int" \
	" FROM pg_database d," \
	" aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) p" \
	" LEFT JOIN pg_authid a ON a.oid = p.grantee" \
	" WHERE d.datname = current_database()" \
	" ORDER BY a.rolname COLLATE \"C\" NULLS FIRST, p.privilege_type"

/*
 * Put into a manifest what this process's database is, in the context.  Needs a
 * transaction with an active MVCC snapshot.
 */
void
properties_read(Manifest *manifest, MemoryContext context)
{
	MemoryContext caller = CurrentMemoryContext;

	queries_begin(PROPERTIES);
	MemoryContextSwitchTo(context);
	if (SPI_processed != 1)
		elog(ERROR, "could not find this database in pg_database");
	manifest->owner = queries_value(0, 0);
	manifest->encoding = queries_value(0, 1);
	manifest->locale_provider = queries_value(0, 2);
	manifest->lc_collate = queries_value(0, 3);
	manifest->lc_ctype = queries_value(0, 4);
	manifest->locale = queries_value(0, 5);
	manifest->icu_rules = queries_value(0, 6);
	manifest->tablespace = queries_value(0, 7);
	manifest->connection_limit = queries_number(0, 8);
	manifest->comment = queries_value(0, 9);
	queries_end();

	queries_begin(ROLES);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestRole *role = palloc(sizeof(ManifestRole));

		role->name = queries_value(i, 0);
		manifest->roles = lappend(manifest->roles, role);
	}
	queries_end();

	queries_begin(SETTINGS);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestSetting *setting = palloc(sizeof(ManifestSetting));

		setting->role = queries_value(i, 0);
		setting->name = queries_value(i, 1);
		setting->value = queries_value(i, 2);
		manifest->settings = lappend(manifest->settings, setting);
	}
	queries_end();

	queries_begin(PRIVILEGES);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestPrivilege *privilege = palloc(sizeof(ManifestPrivilege));

		privilege->role = queries_value(i, 0);
		privilege->privilege = queries_value(i, 1);
		privilege->grantable = queries_number(i, 2);
		manifest->privileges = lappend(manifest->privileges, privilege);
	}
	queries_end();
	MemoryContextSwitchTo(caller);
}

/* Text of a manifest in the encoding of this process's database. */
static char *
from_utf8(const char *value)
{
	return pg_any_to_server(value, strlen(value), PG_UTF8);
}

/*
 * The names of the roles that the snapshot's database needs and this server
 * does not have.  Needs a transaction.
 */
List *
properties_missing_roles(const Manifest *manifest)
{
	List	   *missing = NIL;
	ListCell   *lc;

	foreach(lc, manifest->roles)
	{
		ManifestRole *role = lfirst(lc);
		char	   *name = from_utf8(role->name);

		if (!OidIsValid(get_role_oid(name, true)))
			missing = lappend(missing, name);
	}
	return missing;
}

static List *
add_option(List *options, char *name, const char *value)
{
	if (value == NULL)
		return options;
	return lappend(options,
				   makeDefElem(name, (Node *) makeString(from_utf8(value)), -1));
}

/*
 * Create a database as the one in the manifest was when it was created, for
 * nobody but superusers to connect to.  A NULL owner is that of the manifest.
 * Needs a transaction with an active MVCC snapshot.  Raises the errors of
 * CREATE DATABASE.
 */
Oid
properties_create_database(const Manifest *manifest, const char *name,
						   const char *owner)
{
	CreatedbStmt *statement = makeNode(CreatedbStmt);
	List	   *options = NIL;

	options = add_option(options, "template", "template0");
	options = add_option(options, "owner",
						 owner != NULL ? owner : manifest->owner);
	options = add_option(options, "encoding", manifest->encoding);
	options = add_option(options, "locale_provider", manifest->locale_provider);
	options = add_option(options, "lc_collate", manifest->lc_collate);
	options = add_option(options, "lc_ctype", manifest->lc_ctype);
	if (strcmp(manifest->locale_provider, "icu") == 0)
		options = add_option(options, "icu_locale", manifest->locale);
	else if (strcmp(manifest->locale_provider, "builtin") == 0)
		options = add_option(options, "builtin_locale", manifest->locale);
	options = add_option(options, "icu_rules", manifest->icu_rules);
	if (OidIsValid(get_tablespace_oid(from_utf8(manifest->tablespace), true)))
		options = add_option(options, "tablespace", manifest->tablespace);
	else
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("tablespace \"%s\" does not exist: the database is created in the default one",
						manifest->tablespace)));
	options = lappend(options, makeDefElem("connection_limit",
										   (Node *) makeInteger(0), -1));
	statement->dbname = pstrdup(name);
	statement->options = options;
	return createdb(make_parsestate(NULL), statement);
}

/*
 * The value of a setting as it follows TO.  Where a setting is a list of names,
 * each of these is a word of its own.
 */
static char *
setting_literal(const char *name, const char *value)
{
	StringInfoData literal;
	int			flags = GetConfigOptionFlags(name, true);
	List	   *words;
	ListCell   *lc;

	if ((flags & GUC_LIST_QUOTE) == 0 ||
		!SplitGUCList(pstrdup(value), ',', &words) || words == NIL)
		return quote_literal_cstr(value);
	initStringInfo(&literal);
	foreach(lc, words)
	{
		if (foreach_current_index(lc) > 0)
			appendStringInfoString(&literal, ", ");
		appendStringInfoString(&literal, quote_literal_cstr(lfirst(lc)));
	}
	return literal.data;
}

static void
apply_setting(const ManifestSetting *setting, const char *database)
{
	const char *name = from_utf8(setting->name);
	const char *literal = setting_literal(name, from_utf8(setting->value));
	const char *whose;

	whose = setting->role == NULL ?
		psprintf("DATABASE %s", quote_identifier(database)) :
		psprintf("ROLE %s IN DATABASE %s",
				 quote_identifier(from_utf8(setting->role)),
				 quote_identifier(database));
	queries_execute(psprintf("ALTER %s SET %s TO %s", whose,
							 quote_identifier(name), literal));
}

/*
 * As apply_setting, but what this server does not take (any more) is warned
 * of: the data are worth more than that.
 */
static void
try_setting(const ManifestSetting *setting, const char *database)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		apply_setting(setting, database);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(edata);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("setting \"%s\" of the database is not restored: %s",
						setting->name, edata->message)));
	}
	PG_END_TRY();
}

static const char *
grantee(const ManifestPrivilege *privilege)
{
	return privilege->role == NULL ? "PUBLIC" :
		quote_identifier(from_utf8(privilege->role));
}

/*
 * Give a database what ALTER DATABASE, GRANT and COMMENT gave to the one in the
 * manifest; of that, what names roles only on request.  Needs a transaction with
 * an active MVCC snapshot.
 */
void
properties_apply(const Manifest *manifest, const char *database,
				 bool with_roles)
{
	const char *quoted = quote_identifier(database);
	ListCell   *lc;

	foreach(lc, manifest->settings)
	{
		const ManifestSetting *setting = lfirst(lc);

		if (with_roles || setting->role == NULL)
			try_setting(setting, database);
	}
	if (with_roles)
		queries_execute(psprintf("REVOKE ALL ON DATABASE %s FROM PUBLIC, %s",
								 quoted,
								 quote_identifier(from_utf8(manifest->owner))));
	foreach(lc, manifest->privileges)
	{
		const ManifestPrivilege *privilege = lfirst(lc);

		if (with_roles)
			queries_execute(psprintf("GRANT %s ON DATABASE %s TO %s%s",
									 from_utf8(privilege->privilege), quoted,
									 grantee(privilege),
									 privilege->grantable ?
									 " WITH GRANT OPTION" : ""));
	}
	queries_execute(psprintf("ALTER DATABASE %s CONNECTION LIMIT " INT64_FORMAT,
							 quoted, manifest->connection_limit));
	queries_execute(psprintf("COMMENT ON DATABASE %s IS %s", quoted,
							 manifest->comment == NULL ? "NULL" :
							 quote_literal_cstr(from_utf8(manifest->comment))));
}
