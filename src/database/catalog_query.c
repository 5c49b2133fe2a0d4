/*-------------------------------------------------------------------------
 *
 * catalog_query.c
 *	  Run catalog queries through SPI and return their results as text.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "database/catalog_query.h"
#include "util/clean_text.h"
#include "util/json.h"

/*
 * Override, in this process, a value that ALTER DATABASE or ALTER ROLE has
 * set.
 */
void
catalog_override_setting(const char *name, const char *value)
{
	/* Some settings do not exist in all server versions. */
	if (GetConfigOption(name, true, false) != NULL)
		SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

/*
 * Prepare to connect to a database: override those of its settings that could
 * end this process while it connects.
 */
void
catalog_prepare_connection(void)
{
	catalog_override_setting("transaction_timeout", "0");
	catalog_override_setting("lock_timeout", "0");
	catalog_override_setting("exit_on_error", "off");
}

/*
 * Become the bootstrap superuser, whatever the database's settings are.
 * Resolve names in pg_catalog only, so that users cannot redefine them, and
 * disable planner features that do not pay off for queries run once a day.
 */
void
catalog_prepare_process(void)
{
	/* ALTER DATABASE ... SET session_authorization also applies to workers */
	SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
	catalog_override_setting("role", "none");
	catalog_override_setting("search_path", "pg_catalog, pg_temp");
	catalog_override_setting("default_transaction_read_only", "off");
	catalog_override_setting("default_transaction_isolation", "read committed");
	catalog_override_setting("default_transaction_deferrable", "off");
	catalog_prepare_connection();
	/* nobody else uses our writes before catalog_wait_for_standbys() */
	catalog_override_setting("synchronous_commit", "local");
	catalog_override_setting("quote_all_identifiers", "off");
	catalog_override_setting("jit", "off");
	catalog_override_setting("max_parallel_workers_per_gather", "0");
}

/*
 * Let the next commit, whose result others will use, wait for synchronous
 * standbys if the server is configured to do so.
 */
void
catalog_wait_for_standbys(void)
{
	catalog_override_setting("synchronous_commit",
							 GetConfigOptionResetString("synchronous_commit"));
}

/*
 * Run a query.  catalog_value() returns its values until catalog_end().  Needs
 * a transaction with an active MVCC snapshot, which the query uses.
 */
void
catalog_begin(const char *query)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not execute query: %s", query);
}

/*
 * Convert text in an encoding to UTF-8, as in manifests.  Bytes that cannot be
 * converted become "?".  The result is palloc'd.
 */
char *
catalog_to_utf8(const char *text, int encoding)
{
	char	   *value = pstrdup(text);
	int			len = strlen(value);
	int			size = len * MAX_CONVERSION_GROWTH + 1;
	char	   *utf8;
	Oid			proc;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return clean_text(value, PG_UTF8);
	proc = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(proc))
		return clean_text(value, PG_UTF8);
	utf8 = palloc(size);
	if (pg_do_encoding_conversion_buf(proc, encoding, PG_UTF8,
									  (unsigned char *) value, len,
									  (unsigned char *) utf8, size, true) < len)
		return clean_text(value, PG_UTF8);
	return utf8;
}

/*
 * Convert text in a manifest to the server encoding.  Raises an error when a
 * character has no equivalent.
 */
char *
catalog_from_utf8(const char *value)
{
	return pg_any_to_server(value, strlen(value), PG_UTF8);
}

/*
 * Return a value of the result as UTF-8, or NULL, in the current memory
 * context.
 */
char *
catalog_value(uint64 row, int column)
{
	char	   *value;

	Assert(row < SPI_processed);
	value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column + 1);
	return value != NULL ?
		catalog_to_utf8(value, GetDatabaseEncoding()) : NULL;
}

/* As catalog_value(), but for an integer. */
int64
catalog_number(uint64 row, int column)
{
	char	   *value = catalog_value(row, column);

	if (value == NULL)
		elog(ERROR, "unexpected null value");
	return strtoi64(value, NULL, 10);
}

/* End the query that catalog_begin() began, and release its result. */
void
catalog_end(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}

/*
 * Run a statement that modifies data.  Needs a transaction with an active MVCC
 * snapshot.
 */
void
catalog_execute(const char *statement)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	if (SPI_execute(statement, false, 0) < 0)
		elog(ERROR, "could not execute statement: %s", statement);
	catalog_end();
}
