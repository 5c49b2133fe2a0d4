/*-------------------------------------------------------------------------
 *
 * clean_text.c
 *	  Cleaning of text that may be in another encoding.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "util/clean_text.h"

/*
 * Return a copy that is valid in an encoding.  Names and messages may come
 * from a database with another encoding.  If the text is not valid, each byte
 * that is not ASCII becomes "?".
 */
char *
clean_text(const char *value, int encoding)
{
	char	   *copy = pstrdup(value);
	int			len = strlen(copy);

	if (pg_encoding_verifymbstr(encoding, copy, len) != len)
	{
		for (char *p = copy; *p != '\0'; p++)
		{
			if (IS_HIGHBIT_SET(*p))
				*p = '?';
		}
	}
	return copy;
}
