/*-------------------------------------------------------------------------
 *
 * database_settings.c
 *	  Settings under which a database reads text and computes values.
 *
 * The same text can be another value under another setting: "$500" is 500 or
 * 50000 units of money, by lc_monetary, and a materialized view can be computed
 * from any setting.  So all of them are in force in a restored database before
 * its first row is:
 *
 * - What ALTER DATABASE has set, for all roles, is set for the scratch database
 *	 right after it is created.  pg_restore's sessions get it from there, also
 *	 settings of applications and of extensions.
 * - The values that were in force when the snapshot was taken, of the settings
 *	 named below, are given to pg_restore's sessions.  They can come from the
 *	 configuration of the server, which need not be this one.
 *
 * What would keep pg_restore from its work is overridden in its sessions alone;
 * see dump_transaction.c.  What is set for roles does not matter to pg_restore, and comes
 * last.
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

#define LC_MONETARY_NAME	"lc_monetary"
#define TEXT_SEARCH_CONFIG	"default_text_search_config"

/*
 * Built-in settings that decide how values are read, written or computed.
 * pg_dump itself sees to client_encoding, standard_conforming_strings and
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


/* Does any column, domain or range hold values of type money? */
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
 * Can a new connection to an empty database take this value?  A text search
 * configuration of the database's own is not there yet.
 */
static bool
is_portable(const char *name, const char *value)
{
	return strcmp(name, TEXT_SEARCH_CONFIG) != 0 ||
		strncmp(value, "pg_catalog.", strlen("pg_catalog.")) == 0;
}

/*
 * Put the settings of this process's database into a manifest, in the context:
 * what is set for it, and what is in force.  Needs a transaction with an active
 * MVCC snapshot.
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

/* Add a setting to options as the server's command line takes them. */
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
 * Options with which pg_dump writes values as the manifest of this process's
 * database says, whatever is set for its role.
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
				 errdetail("The snapshot has values of type money, which would be read as other amounts."),
				 errhint("Install that locale for the operating system, and restart the server.")));
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("\"%s\" of the snapshot is not available on this server: \"%s\"",
					convention->name, value),
			 errdetail("Materialized views that use it are computed with this server's own value.")));
}

/*
 * Options with which pg_restore reads and computes values as the database did
 * when the snapshot was taken.  Only names that are known here are passed on:
 * others can do anything to a session.  Needs a transaction.  Raises an error
 * where values would be read as others, and warns where they might be computed
 * as others.
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

/*
 * Set for a database what the manifest says: what is set for all roles, or what
 * is set for some.  Needs a transaction with an active MVCC snapshot.
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
