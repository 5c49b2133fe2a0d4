/*-------------------------------------------------------------------------
 *
 * database_contents.c
 *	  Count the tables and large objects of a database.
 *
 * The queries run as the bootstrap superuser in databases whose owners may not
 * be trusted.  They call nothing that users can define: the search path is
 * pg_catalog, and only catalogs are read.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"

#include "database/catalog_query.h"
#include "database/database_contents.h"

/* Tables in a dump, except those of extensions. */
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

/*
 * Return the number of tables, counting partitioned tables and their
 * partitions.
 */
int64
contents_count_tables(void)
{
	return count_by(COUNT_TABLES);
}

/* Return the number of large objects. */
int64
contents_count_large_objects(void)
{
	return count_by("SELECT count(*) FROM pg_largeobject_metadata");
}
