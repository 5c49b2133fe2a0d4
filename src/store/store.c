/*-------------------------------------------------------------------------
 *
 * store.c
 *	  The catalog of snapshots, read from the snapshot directory.
 *
 * The directory itself is the catalog: names (see database_folders.c) and
 * manifests alone define the snapshots.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "store/database_folders.h"
#include "store/replace_file.h"
#include "store/store.h"
#include "util/files.h"
#include "util/litter.h"
#include "util/snapshot_name.h"

/*
 * Read the snapshot of a well-formed name.  Returns NULL, after a report at
 * elevel, if the directory is not a complete snapshot.
 */
StoredSnapshot *
store_load(const char *directory, const char *name, bool want_lists, int elevel)
{
	StoredSnapshot *snapshot = palloc0(sizeof(StoredSnapshot));
	char		folder[NAMES_FOLDER_SIZE];
	const char *problem = NULL;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext parsing;
	char	   *text;
	size_t		len;
	bool		exists = true;

	snapshot->name = pstrdup(name);
	snapshot->path = psprintf("%s/%s", directory, name);
	if (!names_split(name, folder, snapshot->database, &snapshot->start) ||
		!folders_is_directory(snapshot->path))
		return NULL;

	/* A manifest can be large; keep only the part that is wanted. */
	parsing = AllocSetContextCreate(CurrentMemoryContext, "manifest",
									ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(parsing);
	text = files_read(psprintf("%s/%s", snapshot->path, MANIFEST_FILE),
					  MANIFEST_MAX_SIZE, &len, &problem);
	if (text == NULL)
		exists = errno != ENOENT;
	else
	{
		problem = manifest_parse(text, len, want_lists, &snapshot->manifest);
		if (problem == NULL && strcmp(snapshot->manifest.name, name) != 0)
			problem = "it belongs to a snapshot with another name";
		pfree(text);
	}
	MemoryContextSwitchTo(caller);
	if (problem != NULL)
		problem = pstrdup(problem);
	else if (!want_lists)
		manifest_copy_strings(&snapshot->manifest);
	if (problem != NULL || !want_lists)
		MemoryContextDelete(parsing);

	/* removed since the directory was read, or never a snapshot */
	if (!exists)
		return NULL;
	if (problem != NULL)
	{
		ereport(elevel,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("snapshot \"%s\" is damaged", name),
				 errdetail("File \"%s/%s\" is unusable: %s.",
						   snapshot->path, MANIFEST_FILE, problem)));
		return NULL;
	}
	(void) verified_mark_read(snapshot->path, name, &snapshot->verification);
	snapshot->archived_at = archived_mark_read(snapshot->path, name);
	snapshot->pinned = pinned_mark_read(snapshot->path, &snapshot->note);
	return snapshot;
}

/*
 * Read the snapshot of a name, with its manifest's lists if want_lists.
 * Raises an error if the name is malformed, or if there is no complete
 * snapshot of that name.
 */
StoredSnapshot *
store_get(const char *directory, const char *name, bool want_lists)
{
	char		database[NAMEDATALEN];
	StoredSnapshot *snapshot;

	if (!names_database(name, database))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 strlen(name) < NAMES_SIZE ?
				 errmsg("invalid snapshot name: \"%s\"", name) :
				 errmsg("invalid snapshot name"),
				 errhint("Use a name from snapshot_list(), such as \"appdb/2026-03-19T03-00-00Z\".")));
	snapshot = store_load(directory, name, want_lists, ERROR);
	if (snapshot == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("snapshot \"%s\" does not exist", name),
				 errdetail("It would be in directory \"%s\".", directory)));
	return snapshot;
}

/* Has a verification of the snapshot had a result? */
bool
store_is_verified(const StoredSnapshot *snapshot)
{
	return snapshot->verification.name != NULL;
}

/* Did the last verification find a problem? */
bool
store_is_bad(const StoredSnapshot *snapshot)
{
	return snapshot->verification.problem != NULL;
}

/* Return the path of a snapshot's dump, palloc'd. */
char *
store_archive_path(const StoredSnapshot *snapshot)
{
	return psprintf("%s/%.*s.dump", snapshot->path,
					(int) strcspn(snapshot->name, "/"), snapshot->name);
}

/* Is this path in a snapshot that of a temporary file for one of ours? */
static bool
is_temporary(const char *path)
{
	uint64		system_identifier;
	size_t		len = replace_parse_name(path, &system_identifier);

	for (int i = 0; i < MARK_COUNT; i++)
	{
		if (len == strlen(mark_files[i]) &&
			strncmp(path, mark_files[i], len) == 0)
			return true;
	}
	return false;
}

/*
 * Return the path, relative to the snapshot, of a file in its directory that
 * its manifest does not list, or NULL.  Litter of file systems and desktops is
 * ignored.
 */
const char *
store_foreign_file(const StoredSnapshot *snapshot, const FileTree *tree)
{
	const List *files = snapshot->manifest.files;
	const char **known = palloc((list_length(files) + 1 + MARK_COUNT) *
								sizeof(char *));
	int			nknown = 0;
	ListCell   *lc;

	foreach(lc, files)
		known[nknown++] = ((ManifestFile *) lfirst(lc))->path;
	known[nknown++] = MANIFEST_FILE;
	for (int i = 0; i < MARK_COUNT; i++)
		known[nknown++] = mark_files[i];
	qsort(known, nknown, sizeof(char *), pg_qsort_strcmp);

	foreach(lc, tree->files)
	{
		char	   *file = lfirst(lc);

		if (bsearch(&file, known, nknown, sizeof(char *),
					pg_qsort_strcmp) == NULL &&
			!is_temporary(file) && !litter_is_file(file))
			return file;
	}

	/* A directory is ours if it contains a file of ours. */
	foreach(lc, tree->directories)
	{
		const char *directory = lfirst(lc);
		size_t		len = strlen(directory);
		bool		is_ours = litter_is_directory(directory);

		for (int i = 0; i < nknown && !is_ours; i++)
			is_ours = strncmp(known[i], directory, len) == 0 &&
				known[i][len] == '/';
		if (!is_ours)
			return directory;
	}
	return tree->others != NIL ? linitial(tree->others) : NULL;
}

/*
 * List the snapshots in a directory, of one database or of all (NULL), with a
 * start at or after "since", newest first: a list of StoredSnapshot.  Omits
 * incomplete snapshots and reports them at damage_elevel.  Reports an
 * unreadable directory at elevel, but one unreadable folder among all raises
 * only a WARNING. A missing directory has no snapshots.
 */
List *
store_list(const char *directory, const char *database, TimestampTz since,
		   int elevel, int damage_elevel)
{
	List	   *snapshots = NIL;
	ListCell   *lc;

	foreach(lc, folders_names(directory, database, since, elevel))
	{
		StoredSnapshot *snapshot;

		CHECK_FOR_INTERRUPTS();
		snapshot = store_load(directory, lfirst(lc), false, damage_elevel);
		if (snapshot != NULL)
			snapshots = lappend(snapshots, snapshot);
	}
	return snapshots;
}

/*
 * Return the newest snapshot of a database for which want() is true (any, if
 * want is NULL), or NULL.  Older ones are not read.  Raises no error:
 * unreadable snapshots count as absent.
 */
StoredSnapshot *
store_newest(const char *directory, const char *database,
			 bool (*want) (const StoredSnapshot *snapshot, const void *arg),
			 const void *arg)
{
	ListCell   *lc;

	foreach(lc, folders_names(directory, database, DT_NOBEGIN, WARNING))
	{
		StoredSnapshot *snapshot = store_load(directory, lfirst(lc), false,
											  DEBUG1);

		if (snapshot != NULL && (want == NULL || want(snapshot, arg)))
			return snapshot;
	}
	return NULL;
}

/*
 * Has this cluster taken the scheduled snapshot of a database for a slot?
 * Raises no error: an unreadable directory has no snapshots.
 */
bool
store_has_slot(const char *directory, const char *database, TimestampTz slot,
			   uint64 system_identifier)
{
	ListCell   *lc;

	/* it started at its slot or later */
	foreach(lc, store_list(directory, database, slot, DEBUG1, DEBUG1))
	{
		StoredSnapshot *snapshot = lfirst(lc);

		if (snapshot->manifest.scheduled_for == slot &&
			snapshot->manifest.system_identifier == system_identifier)
			return true;
	}
	return false;
}
