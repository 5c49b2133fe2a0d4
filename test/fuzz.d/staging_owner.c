/*-------------------------------------------------------------------------
 *
 * staging_owner.c
 *	  A door to what staging.c keeps to itself.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"
#include "store/staging.c"

bool
fuzz_read_owner(StagingOwner *owner)
{
	return read_owner("staging.json", owner);
}
