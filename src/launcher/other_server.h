/*-------------------------------------------------------------------------
 *
 * other_server.h
 *	  Does another server take the snapshot of a slot?
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_OTHER_SERVER_H
#define SNAPSHOT_WORKER_OTHER_SERVER_H

#include "datatype/timestamp.h"

extern bool other_server_has_run(const char *directory, const char *database,
								 uint64 system_identifier, TimestampTz slot);

#endif							/* SNAPSHOT_WORKER_OTHER_SERVER_H */
