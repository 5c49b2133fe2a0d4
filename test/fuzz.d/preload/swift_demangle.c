/*-------------------------------------------------------------------------
 *
 * swift_demangle.c
 *	  Something that the address sanitizer looks for when it starts.
 *
 * That can be at the first malloc() of another library, and where that is in
 * bindtextdomain(), the error message about a missing symbol would wait for
 * the lock that is held there.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include <stddef.h>

extern char *swift_demangle(const char *symbol);

char *
swift_demangle(const char *symbol)
{
	return NULL;
}
