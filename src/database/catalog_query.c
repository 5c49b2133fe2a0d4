/*-------------------------------------------------------------------------
 *
 * catalog_query.c
 *	  Queries of the catalogs, through SPI, and what they give as text.
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
#include "util/json.h"

/* For this process: what ALTER DATABASE or ALTER ROLE have set is not for it. */
void
catalog_override_setting(const char *name, const char *value)
{
	/* Not every server version has each of them. */
	if (GetConfigOption(name, true, false) != NULL)
		SetConfigOption(name, value, PGC_SUSET, PGC_S_SESSION);
}

/*
 * Before this process connects to a database: settings of that which could end
 * it in the very transaction of connecting do not count.
 */
void
catalog_prepare_connection(void)
{
	catalog_override_setting("transaction_timeout", "0");
	catalog_override_setting("lock_timeout", "0");
	catalog_override_setting("exit_on_error", "off");
}

/*
 * Be the bootstrap superuser, whatever is set for the database; have names mean
 * what is in pg_catalog, and nothing that users define; and have queries that
 * are run once a day be planned for that.
 */
void
catalog_prepare_process(void)
{
	/* ALTER DATABASE ... SET session_authorization does not spare workers */
	SetSessionAuthorization(BOOTSTRAP_SUPERUSERID, true);
	catalog_override_setting("role", "none");
	catalog_override_setting("search_path", "pg_catalog, pg_temp");
	catalog_override_setting("default_transaction_read_only", "off");
	catalog_override_setting("default_transaction_isolation", "read committed");
	catalog_override_setting("default_transaction_deferrable", "off");
	catalog_prepare_connection();
	/* what is written is ours alone, until catalog_wait_for_standbys() */
	catalog_override_setting("synchronous_commit", "local");
	catalog_override_setting("jit", "off");
	catalog_override_setting("max_parallel_workers_per_gather", "0");
}

/*
 * The next commit makes something that others will use: let it wait for
 * synchronous standbys, where the server's settings say so.
 */
void
catalog_wait_for_standbys(void)
{
	catalog_override_setting("synchronous_commit",
							 GetConfigOptionResetString("synchronous_commit"));
}

/*
 * Run a query, whose rows catalog_value() has until catalog_end().  Needs a
 * transaction with an active MVCC snapshot, which is what the query sees.
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
 * Text in an encoding as a manifest has it: in UTF-8, with a "?" for each byte
 * where that cannot be.  palloc'd.
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
		return json_clean_text(value);
	proc = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(proc))
		return json_clean_text(value);
	utf8 = palloc(size);
	if (pg_do_encoding_conversion_buf(proc, encoding, PG_UTF8,
									  (unsigned char *) value, len,
									  (unsigned char *) utf8, size, true) < len)
		return json_clean_text(value);
	return utf8;
}

/* The converse of catalog_to_utf8.  Raises an error where that cannot be. */
char *
catalog_from_utf8(const char *value)
{
	return pg_any_to_server(value, strlen(value), PG_UTF8);
}

/*
 * A value of the query's result as a manifest has it, or NULL, in the current
 * memory context.
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

/* As catalog_value, of a whole number. */
int64
catalog_number(uint64 row, int column)
{
	char	   *value = catalog_value(row, column);

	if (value == NULL)
		elog(ERROR, "unexpected null value");
	return strtoll(value, NULL, 10);
}

/* Give back what catalog_begin() took. */
void
catalog_end(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
}

/*
 * Run a statement that changes something.  Needs a transaction with an active
 * MVCC snapshot.
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
