/*-------------------------------------------------------------------------
 *
 * value_settings.c
 *	  The settings under which the values of a dump are read.
 *
 * pg_dump and pg_restore agree on some settings, and on lc_monetary as the
 * database had it, without which an amount of money would be another one.
 * Most sessions have the same values, and then nothing is set.  Settings that
 * tell only how values are written do not matter.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/guc.h"

#include "session/dump_encoding.h"
#include "session/value_settings.h"
#include "mb/pg_wchar.h"

#define LC_MONETARY_NAME	"lc_monetary"

typedef struct ValueSetting
{
	const char *name;
	const char *value;
} ValueSetting;

/* As pg_restore sets them, or as every server has them by default. */
static const ValueSetting fixed[] = {
	{"array_nulls", "on"},
	{"xmloption", "content"},
};

static List *
add_setting(List *settings, const char *name, const char *value)
{
	ValueSetting *setting = palloc(sizeof(ValueSetting));

	setting->name = name;
	setting->value = value;
	return lappend(settings, setting);
}

/* Return the settings under which the values are read, palloc'd. */
List *
value_settings(const Manifest *manifest)
{
	List	   *settings = NIL;
	ListCell   *lc;

	for (size_t i = 0; i < lengthof(fixed); i++)
		settings = add_setting(settings, fixed[i].name, fixed[i].value);
	foreach(lc, manifest->conventions)
	{
		const ManifestConvention *convention = lfirst(lc);
		const char *value = dump_encoding_from(convention->value, PG_UTF8);

		if (convention->required != 0 && value != NULL &&
			strcmp(convention->name, LC_MONETARY_NAME) == 0)
			settings = add_setting(settings, LC_MONETARY_NAME, value);
	}
	return settings;
}

/*
 * Apply the settings until value_settings_undo() with the result, or until the
 * transaction is aborted.  Raises an error if this server does not have a
 * value, such as a locale.
 */
int
value_settings_apply(const List *settings)
{
	int			level = 0;
	ListCell   *lc;

	foreach(lc, settings)
	{
		const ValueSetting *setting = lfirst(lc);

		if (strcmp(GetConfigOption(setting->name, false, false),
				   setting->value) == 0)
			continue;
		if (level == 0)
			level = NewGUCNestLevel();
		(void) set_config_option(setting->name, setting->value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	}
	return level;
}

/* Restore the session's own settings. */
void
value_settings_undo(int level)
{
	if (level > 0)
		AtEOXact_GUC(true, level);
}
