/*-------------------------------------------------------------------------
 *
 * file_tree.h
 *	  List and remove directories with their contents.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_FILE_TREE_H
#define SNAPSHOT_WORKER_FILE_TREE_H

#include "nodes/pg_list.h"

/* The contents of a directory, as paths relative to it. */
typedef struct FileTree
{
	List	   *files;			/* regular files */
	List	   *directories;	/* each before its contents */
	List	   *others;			/* links, sockets and the like */
} FileTree;

extern bool file_tree_list(const char *root, int elevel, FileTree *tree);
extern int64 file_tree_size(const char *root);
extern bool file_tree_remove_all_but(const char *root, const char *kept,
									 int elevel);
extern bool file_tree_remove(const char *root, const char *last, int elevel);
extern void file_tree_finish_removal(const char *root);

#endif							/* SNAPSHOT_WORKER_FILE_TREE_H */
