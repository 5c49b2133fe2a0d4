/*
 * A library to preload: a file system on which link() fails, with the error
 * number that the environment variable NO_LINKS has.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int
link(const char *from, const char *to)
{
	(void) from;
	(void) to;
	errno = atoi(getenv("NO_LINKS"));
	return -1;
}
