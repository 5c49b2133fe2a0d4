/*-------------------------------------------------------------------------
 *
 * file_system.h
 *	  The abilities that the snapshot directory's file system lacks.
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
