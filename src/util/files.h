/*-------------------------------------------------------------------------
 *
 * files.h
 *	  Write, read, list and remove files and directories.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILES_H
#define SNAPSHOT_WORKER_FILES_H

#include "nodes/pg_list.h"

/* Number of bytes to read before checking for other events. */
#define FILES_SLICE_SIZE	((ssize_t) 256 * 1024)

/* The contents of a directory, as paths relative to it. */
typedef struct FileTree
{
	List	   *files;			/* regular files */
	List	   *directories;	/* each before its contents */
	List	   *others;			/* links, sockets and the like */
} FileTree;

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
extern bool files_list(const char *root, int elevel, FileTree *tree);
extern int64 files_size(const char *root);
extern bool files_remove_all_but(const char *root, const char *kept,
								 int elevel);
extern void files_finish_removal(const char *root);
extern bool files_rename_is_hindered(int error);
extern bool files_remove(const char *root, const char *last, int elevel);

#endif							/* SNAPSHOT_WORKER_FILES_H */
