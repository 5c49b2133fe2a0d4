/*-------------------------------------------------------------------------
 *
 * compression.c
 *	  Compression methods, for "compress" and for pg_dump's --compress: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/compression.h"

#include "tools/compression.h"
#include "util/compat.h"

/*
 * Return why this server's pg_dump does not support a compression, palloc'd,
 * or NULL if it does.  pg_dump is built with the same libraries as the server.
 */
const char *
compression_problem(const char *value)
{
	char	   *method = pstrdup(value);
	char	   *detail = strchr(method, ':');
	pg_compress_specification specification;
	pg_compress_algorithm algorithm;

	/* A bare number is a gzip level, as in older releases. */
	if (strlen(value) == 1 && value[0] >= '0' && value[0] <= '9')
		return NULL;

	if (detail != NULL)
		*detail++ = '\0';
	if (!parse_compress_algorithm(method, &algorithm))
		return psprintf("\"%s\" is not a compression method.", method);
	if (!PG_DUMP_KNOWS_METHODS && algorithm != PG_COMPRESSION_NONE &&
		algorithm != PG_COMPRESSION_GZIP)
		return psprintf("pg_dump %s does not support compression with \"%s\".",
						PG_MAJORVERSION, method);
	parse_compress_specification(algorithm, detail, &specification);
	if (specification.parse_error == NULL)
		specification.parse_error = validate_compress_specification(&specification);
	if (specification.parse_error != NULL)
		return psprintf("%s.", specification.parse_error);
	if (algorithm == PG_COMPRESSION_GZIP && detail != NULL &&
		specification.level < 1)
		return "A level of gzip is from 1 to 9.";
	if (specification.options & PG_COMPRESSION_OPTION_WORKERS)
		return "pg_dump does not support the compression option \"workers\".";
	return NULL;
}

/* Can this server's pg_restore read data with that compression? */
bool
compression_is_known(const char *value)
{
	bool		is_level = strlen(value) == 1 && value[0] >= '0' && value[0] <= '9';

	return compression_problem(is_level && value[0] != '0' ? "gzip" : value) == NULL;
}

/*
 * Return the argument of --compress for this server's pg_dump, palloc'd.  Up
 * to version 15 it is a gzip level.
 */
const char *
compression_argument(const char *value)
{
	char	   *method = pstrdup(value);
	char	   *detail = strchr(method, ':');
	pg_compress_algorithm algorithm;
	pg_compress_specification specification;

	if (PG_DUMP_KNOWS_METHODS)
		return method;

	if (detail != NULL)
		*detail++ = '\0';
	if (!parse_compress_algorithm(method, &algorithm))
		return method;			/* a bare level already */
	if (algorithm == PG_COMPRESSION_NONE)
		return "0";
	parse_compress_specification(algorithm, detail, &specification);
	if (detail == NULL)
		return "6";				/* zlib's default */
	return psprintf("%d", specification.level);
}
