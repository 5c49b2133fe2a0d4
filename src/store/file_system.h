/*-------------------------------------------------------------------------
 *
 * file_system.h
 *	  What the file system of the snapshot directory lacks, and what of it.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILE_SYSTEM_H
#define SNAPSHOT_WORKER_FILE_SYSTEM_H

extern void file_system_look(const char *directory);
extern void file_system_check(const char *directory);
extern const char *file_system_problem(const char *directory);
extern bool file_system_fixes_modes(const char *directory);
extern bool file_system_lacks_links(const char *directory);

#endif							/* SNAPSHOT_WORKER_FILE_SYSTEM_H */
