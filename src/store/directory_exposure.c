/*-------------------------------------------------------------------------
 *
 * directory_exposure.c
 *	  Check whether other users can write to the snapshot directory.
 *
 * A user who can write there can replace a snapshot by one that makes him a
 * superuser when it is restored, and the owner of a database's folder can read
 * its contents.  But owners and modes can mislead, so a run is refused only if
 * the directory certainly admits others:
 *
 * - A directory that belongs to the server's user is writable by everyone and
 *   has no sticky bit.  This does not apply if the file system shows that mode
 *   for all directories (SMB, vfat), or if root set the mode: volumes of
 *   containers come like that, and a container has no other users.
 * - A database's folder belongs neither to the server's user, nor to root, nor
 *   to the owner of the snapshot directory.  The server creates the folders;
 *   if NFS maps files to another user, it maps all of them.
 *
 * Doubtful cases lead to the warning of snapshot_status(): everyone may write,
 * the owner is a third user, or a group may write that the server is not in.
 * A group that the server is in is taken to exist for this purpose.  If
 * neither owner nor group are the server's, the server has access through an
 * access control list, and the mode says nothing about groups.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "store/database_folders.h"
#include "store/directory_exposure.h"
#include "store/file_system_probe.h"
#include "util/snapshot_name.h"

#define MAX_GROUPS	256

static bool
is_own_group(gid_t group)
{
	gid_t		groups[MAX_GROUPS];
	int			count = getgroups(MAX_GROUPS, groups);

	if (group == getegid() || count < 0)
		return true;
	for (int i = 0; i < count; i++)
	{
		if (groups[i] == group)
			return true;
	}
	return false;
}

/* Does mkdir() in this directory honor the mode it is given? */
static bool
keeps_modes(const char *path)
{
	char	   *probe = probe_make_name(path);
	struct stat st;
	bool		keeps;

	if (mkdir(probe, S_IRWXU) != 0)
		return false;
	keeps = lstat(probe, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
	(void) rmdir(probe);
	return keeps;
}

static void
check_mode(const char *path, const struct stat *st)
{
	if ((st->st_mode & S_IWOTH) == 0 || (st->st_mode & S_ISVTX) != 0 ||
		st->st_uid != geteuid() || !keeps_modes(path))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("directory \"%s\" is writable by every user of the machine",
					path),
			 errdetail("Its mode is %04o. Anyone could replace snapshots in it.",
					   (unsigned int) (st->st_mode & 07777)),
			 errhint("Revoke that permission: chmod o-w.")));
}

static void
check_owner(const char *path, const struct stat *st, uid_t expected)
{
	if (st->st_uid == geteuid() || st->st_uid == 0 || st->st_uid == expected)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("directory \"%s\" belongs to another operating system user",
					path),
			 errdetail("It belongs to uid %u, and the server runs as uid %u.",
					   (unsigned int) st->st_uid, (unsigned int) geteuid()),
			 errhint("Find out who created it. To use it, give it to the server's user: chown -R.")));
}

/* Stat a path.  Returns false unless it is a directory. */
static bool
get_directory(const char *path, bool follow, struct stat *st)
{
	return (follow ? stat(path, st) : lstat(path, st)) == 0 &&
		S_ISDIR(st->st_mode);
}

/*
 * Raise an error if others certainly have access to the snapshot directory, or
 * to the folder of a database in it.
 */
void
exposure_check(const char *directory, const char *database)
{
	char		folder[NAMES_FOLDER_SIZE];
	char	   *path;
	struct stat top;
	struct stat st;

	if (!get_directory(directory, true, &top))
		return;					/* directory_check() reports this better */
	check_mode(directory, &top);
	names_encode_database(database, folder);
	path = psprintf("%s/%s", directory, folder);
	if (!get_directory(path, false, &st))
		return;
	check_owner(path, &st, top.st_uid);
	check_mode(path, &st);
}

/* Return in a few words how others may have access, or NULL. */
static const char *
describe_exposure(const struct stat *st, uid_t expected)
{
	if ((st->st_mode & S_IWOTH) != 0)
		return "is writable by every user of the machine";
	if (st->st_uid != geteuid() && st->st_uid != 0 && st->st_uid != expected)
		return "belongs to another operating system user";
	if (st->st_uid == geteuid() && (st->st_mode & S_IWGRP) != 0 &&
		!is_own_group(st->st_gid))
		return "is writable by a group that the server is not in";
	return NULL;
}

static const char *
problem_of(const char *path, const struct stat *st, uid_t expected)
{
	const char *words = describe_exposure(st, expected);

	return words == NULL ? NULL :
		psprintf("directory \"%s\" %s, who could replace snapshots: check its owner and mode",
				 path, words);
}

/*
 * Return how others may have access to the snapshot directory or to one of its
 * folders, or NULL.
 */
const char *
exposure_problem(const char *directory)
{
	struct stat top;
	struct stat st;
	const char *problem;
	ListCell   *lc;

	if (!get_directory(directory, true, &top))
		return NULL;
	problem = problem_of(directory, &top, geteuid());
	foreach(lc, folders_list(directory))
	{
		char	   *path = psprintf("%s/%s", directory, (char *) lfirst(lc));

		if (problem == NULL && get_directory(path, false, &st))
			problem = problem_of(path, &st, top.st_uid);
		pfree(path);
	}
	return problem;
}
