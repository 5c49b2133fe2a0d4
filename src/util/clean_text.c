/*-------------------------------------------------------------------------
 *
 * clean_text.c
 *	  Text that may be in another encoding, made valid.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "util/clean_text.h"

/*
 * Return a copy that is valid in an encoding.  Names and messages can come from
 * a database of another one: a text that is not valid gets a "?" for each byte
 * that is not ASCII.
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
