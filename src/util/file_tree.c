/*-------------------------------------------------------------------------
 *
 * file_tree.c
 *	  List and remove directories with their contents.
 *
 * Symbolic links are never followed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "util/file_tree.h"
#include "util/litter.h"

static bool
list_below(const char *root, const char *inner, int elevel, FileTree *tree)
{
	const char *path = inner[0] == '\0' ? root : psprintf("%s/%s", root, inner);
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;

	check_stack_depth();

	if (dir == NULL)
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not open directory \"%s\": %m", path)));
		return false;
	}

	while (errno = 0, (entry = readdir(dir)) != NULL)
	{
		char	   *name;
		struct stat st;

		CHECK_FOR_INTERRUPTS();
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		name = inner[0] == '\0' ? pstrdup(entry->d_name) :
			psprintf("%s/%s", inner, entry->d_name);
		if (lstat(psprintf("%s/%s", root, name), &st) != 0)
		{
			if (errno == ENOENT)
				continue;
			ereport(elevel,
					(errcode_for_file_access(),
					 errmsg("could not stat file \"%s/%s\": %m", root, name)));
			FreeDir(dir);
			return false;
		}
		if (S_ISDIR(st.st_mode))
		{
			tree->directories = lappend(tree->directories, name);
			if (!list_below(root, name, elevel, tree))
			{
				FreeDir(dir);
				return false;
			}
		}
		else if (S_ISREG(st.st_mode))
			tree->files = lappend(tree->files, name);
		else
			tree->others = lappend(tree->others, name);
	}
	if (errno != 0)
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not read directory \"%s\": %m", path)));
		FreeDir(dir);
		return false;
	}
	FreeDir(dir);
	return true;
}

/*
 * List everything below a directory.  Returns false, after a report at elevel,
 * if some of it cannot be read.
 */
bool
file_tree_list(const char *root, int elevel, FileTree *tree)
{
	memset(tree, 0, sizeof(*tree));
	return list_below(root, "", elevel, tree);
}

/*
 * Return the total size of the files below a directory that is being written
 * to, or 0 if it does not exist.  Raises no error.
 */
int64
file_tree_size(const char *root)
{
	FileTree	tree;
	ListCell   *lc;
	int64		size = 0;

	(void) file_tree_list(root, DEBUG1, &tree);
	foreach(lc, tree.files)
	{
		struct stat st;

		if (lstat(psprintf("%s/%s", root, (char *) lfirst(lc)), &st) == 0)
			size += st.st_size;
	}
	return size;
}

/*
 * Does a directory contain only files that were removed while open?  Preserves
 * errno.
 */
static bool
holds_open_files_only(const char *path)
{
	int			save_errno = errno;
	FileTree	tree;
	ListCell   *lc;
	bool		only = file_tree_list(path, DEBUG1, &tree) &&
	tree.others == NIL && tree.files != NIL;

	foreach(lc, tree.files)
		only = only && litter_is_open_file(lfirst(lc));
	errno = save_errno;
	return only;
}

static bool
remove_one(const char *path, bool is_directory, int elevel)
{
	int			rc = is_directory ? rmdir(path) : unlink(path);

	if (rc == 0 || errno == ENOENT)
		return true;
	if (is_directory ? holds_open_files_only(path) :
		errno == EBUSY && litter_is_open_file(path))
		return true;
	ereport(elevel,
			(errcode_for_file_access(),
			 is_directory ?
			 errmsg("could not remove directory \"%s\": %m", path) :
			 errmsg("could not remove file \"%s\": %m", path)));
	return false;
}

/*
 * Remove the contents of a directory, except for one file (relative to it), if
 * not NULL.
 * Returns false, after a report at elevel, if anything else is left.  Ignores
 * open files that NFS or FUSE has renamed.  Handles interrupts, because file
 * systems can be slow.
 */
bool
file_tree_remove_all_but(const char *root, const char *kept, int elevel)
{
	FileTree	tree;
	ListCell   *lc;
	bool		good = true;

	if (!file_tree_list(root, elevel, &tree))
		return false;

	foreach(lc, list_concat(tree.files, tree.others))
	{
		CHECK_FOR_INTERRUPTS();
		if (kept == NULL || strcmp(lfirst(lc), kept) != 0)
			good &= remove_one(psprintf("%s/%s", root, (char *) lfirst(lc)),
							   false, elevel);
	}
	for (int i = list_length(tree.directories) - 1; i >= 0; i--)
		good &= remove_one(psprintf("%s/%s", root,
									(char *) list_nth(tree.directories, i)),
						   true, elevel);
	return good;
}

/*
 * Remove a directory and its contents.  One file (relative to it), if not
 * NULL, goes last: it names the owner of the directory, in case we are
 * interrupted.  Returns false, after a report at elevel, if anything is left;
 * see file_tree_remove_all_but().
 */
bool
file_tree_remove(const char *root, const char *last, int elevel)
{
	return file_tree_remove_all_but(root, last, elevel) &&
		(last == NULL ||
		 remove_one(psprintf("%s/%s", root, last), false, elevel)) &&
		remove_one(root, true, elevel);
}

/*
 * Finish the removal of a directory that contained open files, perhaps the
 * caller's own.  Does nothing if it contains anything but litter and
 * directories.  Raises no error.
 */
void
file_tree_finish_removal(const char *root)
{
	FileTree	tree;
	ListCell   *lc;
	struct stat st;

	if (rmdir(root) == 0 || lstat(root, &st) != 0 ||
		!file_tree_list(root, DEBUG1, &tree) || tree.others != NIL)
		return;
	foreach(lc, tree.files)
	{
		if (!litter_is_file(lfirst(lc)))
			return;
	}
	foreach(lc, tree.files)
		(void) unlink(psprintf("%s/%s", root, (char *) lfirst(lc)));
	for (int i = list_length(tree.directories) - 1; i >= 0; i--)
		(void) rmdir(psprintf("%s/%s", root,
							  (char *) list_nth(tree.directories, i)));
	(void) rmdir(root);
}
