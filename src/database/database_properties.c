/*-------------------------------------------------------------------------
 *
 * database_properties.c
 *	  Save and restore what CREATE DATABASE and ALTER DATABASE have set.
 *
 * pg_restore restores these properties only if it creates the database itself,
 * under its old name.  To allow any name, we store them in the manifest when
 * the snapshot is taken, and apply them to the new database from there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "commands/dbcommands.h"
#include "commands/tablespace.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "database/catalog_query.h"
#include "database/database_properties.h"
#include "database/database_settings.h"

/*
 * Columns that only some versions have are looked up by name, through jsonb.
 */
#define PROPERTIES \
	"SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding)," \
	"  CASE d.datlocprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' ELSE 'builtin' END," \
	"  d.datcollate, d.datctype," \
	"  coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')," \
	"  to_jsonb(d) ->> 'daticurules'," \
	"  (SELECT spcname FROM pg_tablespace t WHERE t.oid = d.dattablespace)," \
	"  d.datconnlimit, shobj_description(d.oid, 'pg_database')," \
	"  d.datistemplate::int" \
	" FROM pg_database d WHERE d.datname = current_database()"

/*
 * Roles that own something in the database, have a privilege there, and so on.
 * pg_shdepend has no entries for the bootstrap superuser, so owners are also
 * read from pg_class and other catalogs.  Whatever is temporary is not dumped.
 */
#define ROLES \
	"WITH temporary AS MATERIALIZED" \
	" (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_(toast_)?temp_')," \
	" short_lived AS MATERIALIZED (" \
	"  SELECT 'pg_class'::regclass AS classid, c.oid AS objid FROM pg_class c" \
	"   WHERE c.relnamespace IN (TABLE temporary)" \
	"  UNION ALL SELECT 'pg_type'::regclass, t.oid FROM pg_type t" \
	"   WHERE t.typnamespace IN (TABLE temporary)" \
	"  UNION ALL SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p" \
	"   WHERE p.pronamespace IN (TABLE temporary)" \
	"  UNION ALL SELECT 'pg_policy'::regclass, p.oid" \
	"   FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid" \
	"   WHERE c.relnamespace IN (TABLE temporary)" \
	"  UNION ALL SELECT 'pg_namespace'::regclass, t.oid FROM temporary t)" \
	" SELECT a.rolname FROM pg_authid a WHERE a.oid IN (" \
	"  SELECT s.refobjid FROM pg_shdepend s, pg_database d" \
	"   WHERE d.datname = current_database() AND s.refclassid = 'pg_authid'::regclass" \
	"     AND (s.dbid = d.oid OR (s.classid = 'pg_database'::regclass AND s.objid = d.oid))" \
	"     AND NOT EXISTS (SELECT FROM short_lived o" \
	"       WHERE s.dbid = d.oid AND o.classid = s.classid AND o.objid = s.objid)" \
	"  UNION SELECT datdba FROM pg_database WHERE datname = current_database()" \
	"  UNION SELECT setrole FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase" \
	"         WHERE d.datname = current_database()" \
	"  UNION SELECT p.grantee FROM pg_database d, aclexplode(d.datacl) p" \
	"         WHERE d.datname = current_database()" \
	"  UNION SELECT relowner FROM pg_class WHERE oid >= 16384 AND relpersistence <> 't'" \
	"  UNION SELECT nspowner FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'" \
	"  UNION SELECT proowner FROM pg_proc WHERE oid >= 16384 AND pronamespace NOT IN (TABLE temporary)" \
	"  UNION SELECT typowner FROM pg_type WHERE oid >= 16384 AND typrelid = 0 AND typnamespace NOT IN (TABLE temporary)" \
	"  UNION SELECT lomowner FROM pg_largeobject_metadata)" \
	" ORDER BY a.rolname COLLATE \"C\""

#define PRIVILEGES \
	"SELECT a.rolname, p.privilege_type, p.is_grantable::int" \
	" FROM pg_database d," \
	" aclexplode(coalesce(d.datacl, acldefault('d', d.datdba)))" \
	"  WITH ORDINALITY p(grantor, grantee, privilege_type, is_grantable, n)" \
	" LEFT JOIN pg_authid a ON a.oid = p.grantee" \
	" WHERE d.datname = current_database()" \
	" ORDER BY p.n"

/*
 * Schemas that the owner of the database may use only as a member of
 * pg_database_owner.  Before a restore, only "public" exists.
 */
#define OWNER_SCHEMAS \
	"SELECT n.nspname FROM pg_namespace n, pg_database d" \
	" WHERE n.nspname = 'public' AND d.datname = current_database()" \
	" AND n.nspowner = 'pg_database_owner'::regrole AND NOT EXISTS" \
	"  (SELECT FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) p" \
	"    WHERE p.privilege_type = 'USAGE' AND p.grantee IN (0, d.datdba))"

/*
 * Store the properties of the current database in a manifest, allocated in the
 * given context.  Needs a transaction with an active MVCC snapshot.
 */
void
properties_read(Manifest *manifest, MemoryContext context)
{
	MemoryContext caller = CurrentMemoryContext;

	catalog_begin(PROPERTIES);
	MemoryContextSwitchTo(context);
	if (SPI_processed != 1)
		elog(ERROR, "could not find this database in pg_database");
	manifest->owner = catalog_value(0, 0);
	manifest->encoding = catalog_value(0, 1);
	manifest->locale_provider = catalog_value(0, 2);
	manifest->lc_collate = catalog_value(0, 3);
	manifest->lc_ctype = catalog_value(0, 4);
	manifest->locale = catalog_value(0, 5);
	manifest->icu_rules = catalog_value(0, 6);
	manifest->tablespace = catalog_value(0, 7);
	manifest->connection_limit = catalog_number(0, 8);
	manifest->comment = catalog_value(0, 9);
	manifest->is_template = catalog_number(0, 10);
	catalog_end();

	catalog_begin(ROLES);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestRole *role = palloc(sizeof(ManifestRole));

		role->name = catalog_value(i, 0);
		manifest->roles = lappend(manifest->roles, role);
	}
	catalog_end();

	catalog_begin(OWNER_SCHEMAS);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestSchema *schema = palloc(sizeof(ManifestSchema));

		schema->name = catalog_value(i, 0);
		manifest->owner_schemas = lappend(manifest->owner_schemas, schema);
	}
	catalog_end();

	catalog_begin(PRIVILEGES);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestPrivilege *privilege = palloc(sizeof(ManifestPrivilege));

		privilege->role = catalog_value(i, 0);
		privilege->privilege = catalog_value(i, 1);
		privilege->grantable = catalog_number(i, 2);
		manifest->privileges = lappend(manifest->privileges, privilege);
	}
	catalog_end();
	MemoryContextSwitchTo(caller);
}

/*
 * Return the names of the roles that the snapshot's database needs but that do
 * not exist on this server.  Needs a transaction.
 */
List *
properties_missing_roles(const Manifest *manifest)
{
	List	   *missing = NIL;
	ListCell   *lc;

	foreach(lc, manifest->roles)
	{
		ManifestRole *role = lfirst(lc);
		char	   *name = catalog_from_utf8(role->name);

		if (!OidIsValid(get_role_oid(name, true)))
			missing = lappend(missing, name);
	}
	return missing;
}

/*
 * Return a message if the tablespace of the snapshot's database does not exist
 * on this server, else NULL.  Needs a transaction.
 */
const char *
properties_missing_tablespace(const Manifest *manifest)
{
	char	   *name = catalog_from_utf8(manifest->tablespace);

	if (OidIsValid(get_tablespace_oid(name, true)))
		return NULL;
	return psprintf("tablespace \"%s\" does not exist, creating database in the default tablespace",
					name);
}

static List *
add_option(List *options, char *name, const char *value)
{
	if (value == NULL)
		return options;
	return lappend(options,
				   makeDefElem(name, (Node *) makeString(catalog_from_utf8(value)), -1));
}

/*
 * Create a database like the one in the manifest at its creation, but for
 * superusers only: it belongs to the bootstrap superuser, no other role has
 * any privilege on it, and its settings are the server's.  Needs a transaction
 * with an active MVCC snapshot.  Raises the errors of CREATE DATABASE.
 */
Oid
properties_create_database(const Manifest *manifest, const char *name)
{
	Oid			oid;
	CreatedbStmt *statement = makeNode(CreatedbStmt);
	char	   *bootstrap = GetUserNameFromId(BOOTSTRAP_SUPERUSERID, false);
	const char *problem = properties_missing_tablespace(manifest);
	List	   *options = NIL;

	options = add_option(options, "template", "template0");
	options = lappend(options,
					  makeDefElem("owner", (Node *) makeString(bootstrap), -1));
	options = add_option(options, "encoding", manifest->encoding);
	options = add_option(options, "locale_provider", manifest->locale_provider);
	options = add_option(options, "lc_collate", manifest->lc_collate);
	options = add_option(options, "lc_ctype", manifest->lc_ctype);
	if (strcmp(manifest->locale_provider, "icu") == 0)
		options = add_option(options, "icu_locale", manifest->locale);
	else if (strcmp(manifest->locale_provider, "builtin") == 0)
		options = add_option(options, "builtin_locale", manifest->locale);
	options = add_option(options, "icu_rules", manifest->icu_rules);
	if (problem == NULL)
		options = add_option(options, "tablespace", manifest->tablespace);
	else
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg_internal("%s", problem)));
	options = lappend(options, makeDefElem("connection_limit",
										   (Node *) makeInteger(0), -1));
	statement->dbname = pstrdup(name);
	statement->options = options;
	oid = createdb(make_parsestate(NULL), statement);
	CommandCounterIncrement();
	catalog_execute(psprintf("REVOKE ALL ON DATABASE %s FROM PUBLIC",
							 quote_identifier(name)));
	return oid;
}

static const char *
grantee_name(const ManifestPrivilege *privilege)
{
	return privilege->role == NULL ? "PUBLIC" :
		quote_identifier(catalog_from_utf8(privilege->role));
}

static void
apply_privilege(const ManifestPrivilege *privilege, const char *quoted)
{
	static const char *const known[] = {"CONNECT", "CREATE", "TEMPORARY"};

	for (size_t i = 0; i < lengthof(known); i++)
	{
		if (strcmp(privilege->privilege, known[i]) != 0)
			continue;
		catalog_execute(psprintf("GRANT %s ON DATABASE %s TO %s%s",
								 known[i], quoted, grantee_name(privilege),
								 privilege->grantable ?
								 " WITH GRANT OPTION" : ""));
		return;
	}
	/* written by a later server version, or not by us */
	ereport(WARNING,
			(errcode(ERRCODE_INVALID_GRANT_OPERATION),
			 errmsg("could not restore privilege \"%s\" of the database: not known to this server",
					privilege->privilege)));
}

/*
 * Apply to a database the results of ALTER DATABASE, GRANT and COMMENT in the
 * manifest.  If new_owner is not NULL, that role becomes the owner, and
 * everything that names roles is omitted.  Needs a transaction with an active
 * MVCC snapshot; until its end, the database remains as
 * properties_create_database() created it.
 */
void
properties_apply(const Manifest *manifest, const char *database,
				 const char *new_owner)
{
	const char *quoted = quote_identifier(database);
	const char *owner = quote_identifier(new_owner != NULL ? new_owner :
										 catalog_from_utf8(manifest->owner));

	catalog_execute(psprintf("ALTER DATABASE %s OWNER TO %s", quoted, owner));
	if (new_owner != NULL)
		catalog_execute(psprintf("GRANT CONNECT, TEMPORARY ON DATABASE %s TO PUBLIC",
								 quoted));
	else
	{
		ListCell   *lc;

		database_settings_apply(manifest, database, true);
		catalog_execute(psprintf("REVOKE ALL ON DATABASE %s FROM %s",
								 quoted, owner));
		foreach(lc, manifest->privileges)
			apply_privilege(lfirst(lc), quoted);
	}
	catalog_execute(psprintf("ALTER DATABASE %s CONNECTION LIMIT %d", quoted,
							 (int) Min(manifest->connection_limit, INT_MAX)));
	if (manifest->is_template == 1)
		catalog_execute(psprintf("ALTER DATABASE %s IS_TEMPLATE true", quoted));
	catalog_execute(psprintf("COMMENT ON DATABASE %s IS %s", quoted,
							 manifest->comment == NULL ? "NULL" :
							 quote_literal_cstr(catalog_from_utf8(manifest->comment))));
}

/* Raise the error that there is a database of this name. */
void
properties_name_is_taken(const char *database)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_DATABASE),
			 errmsg("database \"%s\" already exists", database),
			 errhint("Restore into a new database, then use ALTER DATABASE ... RENAME TO to replace the other.")));
}

/* Raise an error if there is a database of this name.  Needs a transaction. */
void
properties_check_name_is_free(const char *database)
{
	if (OidIsValid(get_database_oid(database, true)))
		properties_name_is_taken(database);
}
