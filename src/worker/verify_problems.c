/*-------------------------------------------------------------------------
 *
 * verify_problems.c
 *	  Problems of a snapshot, in words: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/verify_problems.h"

/* Of more problems than these there is only the number. */
#define MAX_PROBLEMS	10

void
problems_begin(Problems *problems)
{
	problems->count = 0;
	initStringInfo(&problems->text);
}

/* Would one more problem be told, or only counted? */
bool
problems_are_told(const Problems *problems)
{
	return problems->count < MAX_PROBLEMS;
}

void
problems_add(Problems *problems, const char *format,...)
{
	char		line[2048];
	va_list		args;

	if (++problems->count > MAX_PROBLEMS)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	appendStringInfo(&problems->text, "%s%s",
					 problems->text.len > 0 ? "\n" : "", line);
}

/* The problems as text, a line for each.  To be called once. */
char *
problems_text(Problems *problems)
{
	if (problems->count > MAX_PROBLEMS)
		appendStringInfo(&problems->text, "\nand %d more",
						 problems->count - MAX_PROBLEMS);
	return problems->text.data;
}
