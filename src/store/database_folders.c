/*-------------------------------------------------------------------------
 *
 * database_folders.c
 *	  The folders of the snapshot directory, and the names found in them.
 *
 * Entries whose names do not have our form are not ours.  They are ignored
 * silently.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "store/database_folders.h"
#include "util/snapshot_name.h"

/*
 * List the names of a directory's entries; NIL if it does not exist.  Reports
 * at elevel if it cannot be read.
 */
static List *
entries_of(const char *path, int elevel)
{
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;
	List	   *entries = NIL;

	if (dir == NULL && errno == ENOENT)
		return NIL;
	/* if dir is NULL, ReadDirExtended() reports the failed open */
	while ((entry = ReadDirExtended(dir, path, elevel)) != NULL)
		entries = lappend(entries, pstrdup(entry->d_name));
	if (dir != NULL)
		FreeDir(dir);
	return entries;
}

/* Is there a directory at that path?  Symbolic links do not count. */
bool
folders_is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* List the folders of one database, or of all (NULL), as palloc'd names. */
static List *
folders_of(const char *directory, const char *database, int elevel)
{
	List	   *folders = NIL;
	ListCell   *lc;

	if (database != NULL)
	{
		char	   *folder = palloc(NAMES_FOLDER_SIZE);

		names_encode_database(database, folder);
		if (!folders_is_directory(psprintf("%s/%s", directory, folder)))
			return NIL;
		return list_make1(folder);
	}
	foreach(lc, entries_of(directory, elevel))
	{
		char		decoded[NAMEDATALEN];

		if (names_decode_database(lfirst(lc), decoded) &&
			folders_is_directory(psprintf("%s/%s", directory, (char *) lfirst(lc))))
			folders = lappend(folders, lfirst(lc));
	}
	return folders;
}

/* List the folders of all databases; an unreadable directory has none. */
List *
folders_list(const char *directory)
{
	return folders_of(directory, NULL, DEBUG1);
}

static bool
is_leftover(const char *entry)
{
	static const char *const suffixes[] = {NAMES_STAGING_SUFFIX,
	NAMES_REMOVED_SUFFIX};

	for (size_t i = 0; i < lengthof(suffixes); i++)
	{
		int			len = strlen(entry) - strlen(suffixes[i]);
		TimestampTz start;

		if (len > 0 && strcmp(entry + len, suffixes[i]) == 0 &&
			utc_time_parse_name(pnstrdup(entry, len), &start))
			return true;
	}
	return false;
}

/*
 * List the paths of staging directories and of half-removed snapshots, of one
 * database or of all (NULL).  Reports unreadable directories at elevel.
 */
List *
folders_leftovers(const char *directory, const char *database, int elevel)
{
	List	   *leftovers = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, folders_of(directory, database, elevel))
	{
		char	   *folder = psprintf("%s/%s", directory, (char *) lfirst(lc));

		foreach(lc2, entries_of(folder, elevel))
		{
			char	   *path = psprintf("%s/%s", folder, (char *) lfirst(lc2));

			if (is_leftover(lfirst(lc2)) && folders_is_directory(path))
				leftovers = lappend(leftovers, path);
		}
	}
	return leftovers;
}

/*
 * List the paths of the directories in which files are replaced, for one
 * database or for all (NULL): folders, snapshots, and (for all) the snapshot
 * directory itself.  Reports unreadable directories at elevel.
 */
List *
folders_places(const char *directory, const char *database, int elevel)
{
	List	   *places = database == NULL ? list_make1(pstrdup(directory)) : NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, folders_of(directory, database, elevel))
	{
		char	   *folder = psprintf("%s/%s", directory, (char *) lfirst(lc));

		places = lappend(places, folder);
		foreach(lc2, entries_of(folder, elevel))
		{
			char	   *path = psprintf("%s/%s", folder, (char *) lfirst(lc2));
			TimestampTz start;

			if (utc_time_parse_name(lfirst(lc2), &start) &&
				folders_is_directory(path))
				places = lappend(places, path);
		}
	}
	return places;
}

/* Order by the start in the name, then by the whole name. */
static int
newest_first(const ListCell *a, const ListCell *b)
{
	const char *x = lfirst(a);
	const char *y = lfirst(b);
	int			order = strcmp(strchr(y, '/'), strchr(x, '/'));

	return order != 0 ? order : strcmp(x, y);
}

/*
 * List the names that have the form of a snapshot's, of one database or of all
 * (NULL), with a start at or after "since", newest first.  Reports an
 * unreadable directory at elevel, but one unreadable folder among all raises
 * only a WARNING.
 */
List *
folders_names(const char *directory, const char *database, TimestampTz since,
			  int elevel)
{
	List	   *names = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, folders_of(directory, database, elevel))
	{
		const char *folder = lfirst(lc);

		foreach(lc2, entries_of(psprintf("%s/%s", directory, folder),
								database == NULL ? Min(elevel, WARNING) : elevel))
		{
			TimestampTz start;

			if (utc_time_parse_name(lfirst(lc2), &start) && start >= since)
				names = lappend(names, psprintf("%s/%s", folder,
												(char *) lfirst(lc2)));
		}
	}
	list_sort(names, newest_first);
	return names;
}

/*
 * Return the first instant, in whole seconds from the given one on, whose name
 * is still free for a new snapshot of the database.
 */
TimestampTz
folders_free_instant(const char *directory, const char *database,
					 TimestampTz instant)
{
	static const char *const suffixes[] = {"", NAMES_STAGING_SUFFIX,
	NAMES_REMOVED_SUFFIX};

	for (;;)
	{
		char		name[NAMES_SIZE];
		struct stat st;
		bool		taken = false;

		CHECK_FOR_INTERRUPTS();
		if (!names_make(database, instant, name))
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("the clock is out of the range of snapshot names")));
		for (size_t i = 0; i < lengthof(suffixes) && !taken; i++)
			taken = lstat(psprintf("%s/%s%s", directory, name, suffixes[i]),
						  &st) == 0;
		if (!taken)
			return instant;
		instant += USECS_PER_SEC;
	}
}
