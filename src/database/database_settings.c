/*-------------------------------------------------------------------------
 *
 * database_settings.c
 *	  Save and restore the settings under which values are read and computed.
 *
 * The same text can mean different values under different settings: "$500" is
 * 500 or 50000 units of money, depending on lc_monetary, and a materialized
 * view can depend on any setting.  All of them must therefore be in force in a
 * restored database before its first row is read:
 *
 * - The settings made by ALTER DATABASE for all roles are applied to the
 *   scratch database right after its creation.  pg_restore's sessions get them
 *   from there, including settings of applications and extensions.
 * - The values of the settings listed below, as they were in force when the
 *   snapshot was taken, are passed to pg_restore's sessions.  They may come
 *   from the configuration of another server.
 *
 * Settings that would prevent pg_restore from working are overridden in its
 * sessions only; see dump_transaction.c.  Settings of roles do not affect
 * pg_restore and are applied last.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/varlena.h"

#include "database/catalog_query.h"
#include "database/database_settings.h"
#include "util/errors.h"

#define LC_MONETARY_NAME	"lc_monetary"
#define TEXT_SEARCH_CONFIG	"default_text_search_config"

/*
 * Built-in settings that affect how values are read, written or computed.
 * pg_dump itself sets client_encoding, standard_conforming_strings and
 * xmloption.
 */
static const char *const conventions[] = {
	"bytea_output", "DateStyle", TEXT_SEARCH_CONFIG, "extra_float_digits",
	"IntervalStyle", LC_MONETARY_NAME, "lc_numeric", "lc_time", "TimeZone",
	"timezone_abbreviations", "transform_null_equals", "xmlbinary"
};

#define SETTINGS \
	"SELECT a.rolname, split_part(c.line, '=', 1)," \
	"  substr(c.line, strpos(c.line, '=') + 1)" \
	" FROM pg_db_role_setting s" \
	" JOIN pg_database d ON d.oid = s.setdatabase" \
	" LEFT JOIN pg_authid a ON a.oid = s.setrole," \
	" unnest(s.setconfig) WITH ORDINALITY c(line, n)" \
	" WHERE d.datname = current_database()" \
	" ORDER BY a.rolname COLLATE \"C\" NULLS FIRST, c.n"


/* Does any column, domain or range contain values of type money? */
#define HAS_MONEY \
	"WITH types(oid) AS (VALUES ('money'::regtype), ('money[]'::regtype))" \
	" SELECT (EXISTS (SELECT FROM pg_attribute WHERE attrelid >= 16384 AND atttypid IN (SELECT oid FROM types))" \
	"  OR EXISTS (SELECT FROM pg_type WHERE typbasetype IN (SELECT oid FROM types))" \
	"  OR EXISTS (SELECT FROM pg_range WHERE rngsubtype IN (SELECT oid FROM types)))::int"

static bool
has_money(void)
{
	bool		found;

	catalog_begin(HAS_MONEY);
	found = catalog_number(0, 0) != 0;
	catalog_end();
	return found;
}

/*
 * Can a new connection to an empty database use this value?  A text search
 * configuration that the database itself defines does not exist yet.
 */
static bool
is_portable(const char *name, const char *value)
{
	return strcmp(name, TEXT_SEARCH_CONFIG) != 0 ||
		strncmp(value, "pg_catalog.", strlen("pg_catalog.")) == 0;
}

/*
 * Store the settings of the current database in a manifest, allocated in the
 * given context: those set for the database, and the values in force.  Needs a
 * transaction with an active MVCC snapshot.
 */
void
database_settings_read(Manifest *manifest, MemoryContext context)
{
	MemoryContext caller = CurrentMemoryContext;
	bool		money = has_money();

	catalog_begin(SETTINGS);
	MemoryContextSwitchTo(context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ManifestSetting *setting = palloc(sizeof(ManifestSetting));

		setting->role = catalog_value(i, 0);
		setting->name = catalog_value(i, 1);
		setting->value = catalog_value(i, 2);
		manifest->settings = lappend(manifest->settings, setting);
	}
	catalog_end();

	MemoryContextSwitchTo(context);
	for (size_t i = 0; i < lengthof(conventions); i++)
	{
		const char *value = GetConfigOption(conventions[i], true, false);
		ManifestConvention *convention;

		if (value == NULL || !is_portable(conventions[i], value))
			continue;
		convention = palloc(sizeof(ManifestConvention));
		convention->name = pstrdup(conventions[i]);
		convention->value = catalog_to_utf8(value, GetDatabaseEncoding());
		convention->required = money &&
			strcmp(conventions[i], LC_MONETARY_NAME) == 0;
		manifest->conventions = lappend(manifest->conventions, convention);
	}
	MemoryContextSwitchTo(caller);
}

/* Append a setting to options, in the syntax of the server's command line. */
static void
add_option(StringInfo options, const char *name, const char *value)
{
	appendStringInfo(options, " -c %s=", name);
	for (const char *p = value; *p != '\0'; p++)
	{
		if (isspace((unsigned char) *p) || *p == '\\')
			appendStringInfoChar(options, '\\');
		appendStringInfoChar(options, *p);
	}
}

/*
 * Return options with which pg_dump writes values under the settings in the
 * manifest of the current database, whatever is set for its role.
 */
char *
database_settings_dump_options(void)
{
	StringInfoData options;

	initStringInfo(&options);
	add_option(&options, LC_MONETARY_NAME,
			   GetConfigOption(LC_MONETARY_NAME, false, false));
	return options.data;
}

static bool
is_known(const char *name)
{
	for (size_t i = 0; i < lengthof(conventions); i++)
	{
		if (strcmp(conventions[i], name) == 0)
			return true;
	}
	return false;
}

static bool
is_valid_here(const char *name, const char *value)
{
	return set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SET, false, DEBUG1, false) != 0;
}

static void
report_unavailable(const ManifestConvention *convention, const char *value)
{
	if (convention->required != 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" of the snapshot is not available on this server: \"%s\"",
						convention->name, value),
				 errdetail("The snapshot has values of type money, which would be read as different amounts."),
				 errhint("Install that locale in the operating system, and restart the server.")));
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("\"%s\" of the snapshot is not available on this server: \"%s\"",
					convention->name, value),
			 errdetail("Materialized views that depend on it are computed with this server's value.")));
}

/*
 * Return options with which pg_restore reads and computes values as the
 * database did when the snapshot was taken.  Only settings known here are
 * passed on, because others could do anything to a session.  Needs a
 * transaction.  Raises an error when values would be read as different ones,
 * and warns when they might be computed differently.
 */
char *
database_settings_restore_options(const Manifest *manifest)
{
	StringInfoData options;
	ListCell   *lc;

	initStringInfo(&options);
	foreach(lc, manifest->conventions)
	{
		const ManifestConvention *convention = lfirst(lc);
		const char *value = catalog_from_utf8(convention->value);

		if (!is_known(convention->name) ||
			!is_portable(convention->name, value))
			continue;
		if (is_valid_here(convention->name, value))
			add_option(&options, convention->name, value);
		else
			report_unavailable(convention, value);
	}
	return options.data;
}

/*
 * Return the value of a setting as it follows TO.  In a list of names, each
 * name is quoted separately.
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
	const char *name = catalog_from_utf8(setting->name);
	const char *literal = setting_literal(name, catalog_from_utf8(setting->value));
	const char *whose;

	whose = setting->role == NULL ?
		psprintf("DATABASE %s", quote_identifier(database)) :
		psprintf("ROLE %s IN DATABASE %s",
				 quote_identifier(catalog_from_utf8(setting->role)),
				 quote_identifier(database));
	catalog_execute(psprintf("ALTER %s SET %s TO %s", whose,
							 quote_identifier(name), literal));
}

/*
 * As apply_setting(), but if this server does not accept the setting, only
 * raises a WARNING: the data are more important.
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
		ErrorData  *edata = error_catch(context);

		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (edata->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(edata);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not restore setting \"%s\" of the database: %s",
						setting->name, edata->message)));
	}
	PG_END_TRY();
}

/*
 * Apply settings in the manifest to a database: those of roles, or those for
 * all roles.  Needs a transaction with an active MVCC snapshot.
 */
void
database_settings_apply(const Manifest *manifest, const char *database,
						bool of_roles)
{
	ListCell   *lc;

	foreach(lc, manifest->settings)
	{
		const ManifestSetting *setting = lfirst(lc);

		if ((setting->role != NULL) == of_roles)
			try_setting(setting, database);
	}
}
