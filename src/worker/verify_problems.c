/*-------------------------------------------------------------------------
 *
 * verify_problems.c
 *	  Problems found in a snapshot, and their text: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "worker/verify_problems.h"

/* The text lists so many problems and counts the rest. */
#define MAX_PROBLEMS	10

void
problems_begin(Problems *problems)
{
	problems->count = 0;
	initStringInfo(&problems->text);
}

/* Would the text list one more problem, or only count it? */
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

/* Return the problems as text, one per line.  Call this only once. */
char *
problems_text(Problems *problems)
{
	if (problems->count > MAX_PROBLEMS)
		appendStringInfo(&problems->text, "\nand %d more",
						 problems->count - MAX_PROBLEMS);
	return problems->text.data;
}
