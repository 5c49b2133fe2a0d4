/*-------------------------------------------------------------------------
 *
 * database_folders.c
 *	  The snapshot directory: its folders, and what bears names in them.
 *
 * Whatever does not have the form that we give to names is not ours, and is
 * passed over without a word.
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
 * The names of what is in a directory; NIL when it does not exist.  When it
 * cannot be read, that is reported at elevel.
 */
static List *
entries_of(const char *path, int elevel)
{
	DIR		   *dir = AllocateDir(path);
	struct dirent *entry;
	List	   *entries = NIL;

	if (dir == NULL && errno == ENOENT)
		return NIL;
	/* with no directory, this is who reports that */
	while ((entry = ReadDirExtended(dir, path, elevel)) != NULL)
		entries = lappend(entries, pstrdup(entry->d_name));
	if (dir != NULL)
		FreeDir(dir);
	return entries;
}

/* Is there a directory of that path?  A symbolic link is none. */
bool
folders_is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * The folders of one database or (NULL) of all, as palloc'd names.
 */
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

/* The folders of all databases, as palloc'd names; what is not readable has none. */
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
 * The paths of the directories of one database or (NULL) of all that bear the
 * name of a snapshot being written or removed.  What cannot be read is
 * reported at elevel.
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
 * The paths of the directories of one database or (NULL) of all in which files
 * are replaced: folders, snapshots, and (for all) the snapshot directory itself.
 * What cannot be read is reported at elevel.
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

/* By the instant that is in the name, and then by the whole of that. */
static int
newest_first(const ListCell *a, const ListCell *b)
{
	const char *x = lfirst(a);
	const char *y = lfirst(b);
	int			order = strcmp(strchr(y, '/'), strchr(x, '/'));

	return order != 0 ? order : strcmp(x, y);
}

/*
 * The names of what could be snapshots, of one database or (NULL) of all, that
 * start at an instant or later, newest first.  A directory that cannot be read
 * is reported at elevel, but one folder of all is no more than a WARNING.
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
 * The first instant from the given one on, in whole seconds, for which the
 * directory has nothing yet that would bear the name of a new snapshot of
 * the database.
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
					 errmsg("the clock is out of the range that a snapshot's name can hold")));
		for (size_t i = 0; i < lengthof(suffixes) && !taken; i++)
			taken = lstat(psprintf("%s/%s%s", directory, name, suffixes[i]),
						  &st) == 0;
		if (!taken)
			return instant;
		instant += USECS_PER_SEC;
	}
}
