/*-------------------------------------------------------------------------
 *
 * staging.h
 *	  Staging directories: create a snapshot's, publish it, sweep leftovers.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_STAGING_H
#define SNAPSHOT_WORKER_STAGING_H

#include "datatype/timestamp.h"

#include "util/snapshot_name.h"

/* The file that names the owner of a staging directory. */
#define STAGING_OWNER_FILE	"staging.json"

/* The owner of a staging directory, and its run; see staging.c. */
typedef struct StagingOwner
{
	uint64		system_identifier;
	char	   *name;			/* of the future snapshot */
	char	   *reason;
	int64		attempt;
	TimestampTz scheduled_for;	/* the slot of a scheduled run, else 0 */
	TimestampTz started_at;
} StagingOwner;

typedef struct Staging
{
	char		name[NAMES_SIZE];	/* of the future snapshot */
	char	   *folder;			/* path of the database's folder */
	char	   *path;			/* of the staging directory, or NULL */
	char	   *final_path;		/* of the future snapshot */
	const char *marker;			/* name of the file that names its owner */
	int			owner_fd;		/* locked marker files, or -1 */
	int			manifest_fd;
} Staging;

typedef void (*staging_swept_callback) (const StagingOwner *owner);

extern void staging_create(Staging *staging, const char *directory,
						   const char *database, TimestampTz instant,
						   const StagingOwner *owner);
extern void staging_publish(Staging *staging, const char *manifest);
extern void staging_discard(Staging *staging);
extern void staging_abandon(Staging *staging);
extern bool staging_read_owner(const char *path, StagingOwner *owner);
extern void staging_sweep(const char *directory, const char *database,
						  uint64 system_identifier,
						  staging_swept_callback swept);

#endif							/* SNAPSHOT_WORKER_STAGING_H */
