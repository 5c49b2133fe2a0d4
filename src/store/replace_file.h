/*-------------------------------------------------------------------------
 *
 * replace_file.h
 *	  Atomic replacement of files, safe for several servers.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_REPLACE_FILE_H
#define SNAPSHOT_WORKER_REPLACE_FILE_H

/* A temporary file that has not been renamed yet. */
typedef struct Replacement
{
	char	   *path;			/* of the temporary file, or NULL */
	int			fd;				/* its descriptor, locked, or -1 */
} Replacement;

extern char *replace_make_name(const char *path);
extern int	replace_parse_name(const char *name, uint64 *system_identifier);
extern void replace_prepare(Replacement *replacement, const char *path,
							const char *text);
extern void replace_finish(Replacement *replacement, const char *path);
extern void replace_cancel(Replacement *replacement);
extern void replace_file(const char *path, const char *text);
extern void replace_sweep(const char *directory, uint64 system_identifier);

#endif							/* SNAPSHOT_WORKER_REPLACE_FILE_H */
