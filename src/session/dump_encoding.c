/*-------------------------------------------------------------------------
 *
 * dump_encoding.c
 *	  Text in the encoding of a dump, and in that of this database.
 *
 * A name that cannot be converted is no error: it is simply not the name of
 * anything on the other side.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "mb/pg_wchar.h"

#include "session/dump_encoding.h"

/* Convert a text.  Returns NULL if that is impossible. */
static char *
convert(const char *text, int from, int to)
{
	int			len = strlen(text);
	int			size = len * MAX_CONVERSION_GROWTH + 1;
	char	   *result;
	Oid			function;

	if (pg_encoding_verifymbstr(from, text, len) != len)
		return NULL;
	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII)
		return pg_encoding_verifymbstr(to, text, len) == len ?
			pstrdup(text) : NULL;
	function = FindDefaultConversionProc(from, to);
	if (!OidIsValid(function))
		return NULL;
	result = palloc(size);
	if (pg_do_encoding_conversion_buf(function, from, to,
									  (unsigned char *) unconstify(char *, text),
									  len, (unsigned char *) result, size,
									  true) != len)
		return NULL;
	return result;
}

/*
 * Return a text of a dump in this database's encoding, palloc'd, or NULL if
 * that is impossible.
 */
char *
dump_encoding_from(const char *text, int encoding)
{
	return convert(text, encoding, GetDatabaseEncoding());
}

/*
 * As dump_encoding_from(), to be shown: if that is impossible, each byte that
 * is not ASCII becomes "?".
 */
char *
dump_encoding_shown(const char *text, int encoding)
{
	char	   *result = dump_encoding_from(text, encoding);

	if (result != NULL)
		return result;
	result = pstrdup(text);
	for (char *p = result; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			*p = '?';
	}
	return result;
}

/*
 * Return a text of this database in a dump's encoding, palloc'd, or NULL if
 * that is impossible.
 */
char *
dump_encoding_to(const char *text, int encoding)
{
	return convert(text, GetDatabaseEncoding(), encoding);
}

/* Return a text of a dump in UTF-8, palloc'd, or NULL if impossible. */
char *
dump_encoding_to_utf8(const char *text, int encoding)
{
	return convert(text, encoding, PG_UTF8);
}

/* Return a text in UTF-8 in a dump's encoding, palloc'd, or NULL. */
char *
dump_encoding_from_utf8(const char *text, int encoding)
{
	return convert(text, PG_UTF8, encoding);
}
