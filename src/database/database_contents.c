/*-------------------------------------------------------------------------
 *
 * database_contents.c
 *	  How much is in a database.
 *
 * This is read as the bootstrap superuser in databases whose owners need not be
 * trusted.  Nothing that they can define is called: the search path is closed,
 * and what is read is in pg_catalog.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "database/catalog_query.h"
#include "database/database_contents.h"

/* Tables that a dump has, but for those of extensions. */
#define COUNT_TABLES \
	"SELECT count(*) FROM pg_class c" \
	" JOIN pg_namespace n ON n.oid = c.relnamespace" \
	" WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'" \
	" AND n.nspname NOT IN ('pg_catalog', 'information_schema')"

static int64
count_by(const char *query)
{
	int64		count;

	catalog_begin(query);
	count = catalog_number(0, 0);
	catalog_end();
	return count;
}

/* How many tables there are, partitioned ones and their partitions alike. */
int64
contents_count_tables(void)
{
	return count_by(COUNT_TABLES);
}

/* How many large objects there are. */
int64
contents_count_large_objects(void)
{
	return count_by("SELECT count(*) FROM pg_largeobject_metadata");
}
