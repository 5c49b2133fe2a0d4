/*-------------------------------------------------------------------------
 *
 * files.h
 *	  Open, write and read files.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILES_H
#define SNAPSHOT_WORKER_FILES_H

/* Number of bytes to read before checking for other events. */
#define FILES_SLICE_SIZE	((ssize_t) 256 * 1024)

extern int	files_open_long(const char *path, int flags);
extern void files_close_long(int fd);
extern void files_write(int fd, const char *path, const char *text);
extern char *files_read(const char *path, size_t limit, size_t *len,
						const char **problem);
extern char *files_read_end(const char *path, size_t limit, size_t *len,
							const char **problem);
extern ssize_t files_read_slice(int fd, char *slice);
extern bool files_is_script(const char *path);
extern void files_write_back(const char *path);
extern bool files_rename_is_hindered(int error);

#endif							/* SNAPSHOT_WORKER_FILES_H */
