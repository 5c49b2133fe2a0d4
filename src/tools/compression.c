/*-------------------------------------------------------------------------
 *
 * compression.c
 *	  What the setting "compress" takes, and pg_dump's --compress: pure.
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
 * Why pg_dump of this server does not take a compression, palloc'd, or NULL
 * when it does.  It is built with the libraries that the server is built with.
 */
const char *
compression_problem(const char *value)
{
	char	   *method = pstrdup(value);
	char	   *detail = strchr(method, ':');
	pg_compress_specification specification;
	pg_compress_algorithm algorithm;

	/* A bare number is a level of gzip, as ever. */
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

/* Can pg_restore of this server read what was compressed like that? */
bool
compression_is_known(const char *value)
{
	bool		is_level = strlen(value) == 1 && value[0] >= '0' && value[0] <= '9';

	return compression_problem(is_level && value[0] != '0' ? "gzip" : value) == NULL;
}

/*
 * A compression as this server's pg_dump takes it for --compress, palloc'd.
 * Up to 15 that is a level of gzip.
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
		return "6";				/* as zlib does by itself */
	return psprintf("%d", specification.level);
}
