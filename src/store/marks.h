/*-------------------------------------------------------------------------
 *
 * marks.h
 *	  The marks of a snapshot: verified.json, archived.json and pinned.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_MARKS_H
#define SNAPSHOT_WORKER_MARKS_H

#include "datatype/timestamp.h"

#include "store/replace_file.h"

#define MARK_VERIFIED_FILE	"verified.json"
#define MARK_ARCHIVED_FILE	"archived.json"
#define MARK_PINNED_FILE	"pinned"

#define MARK_COUNT			3

/* Maximum size of the note in the pin, in bytes. */
#define MARK_NOTE_MAX_SIZE	1024

typedef struct Verification
{
	char	   *name;			/* of the snapshot */
	TimestampTz verified_at;
	char	   *level;			/* a value of the setting "verify" */
	char	   *problem;		/* NULL if the snapshot is good */
} Verification;

extern const char *const mark_files[MARK_COUNT];

extern void verified_mark_write(const char *path,
								const Verification *verification);
extern bool verified_mark_equal(const Verification *a, const Verification *b);
extern bool verified_mark_read(const char *path, const char *name,
							   Verification *verification);
extern void archived_mark_prepare(Replacement *prepared, const char *path,
								  const char *name, TimestampTz archived_at);
extern void archived_mark_finish(Replacement *prepared, const char *path);
extern TimestampTz archived_mark_read(const char *path, const char *name);
extern bool pinned_mark_exists(const char *path);
extern bool pinned_mark_read(const char *path, char **note);
extern void pinned_mark_write(const char *path, const char *note);
extern bool pinned_mark_remove(const char *path);

#endif							/* SNAPSHOT_WORKER_MARKS_H */
