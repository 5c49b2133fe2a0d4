/*-------------------------------------------------------------------------
 *
 * remembered_base.c
 *	  Which snapshot the data directory remembers as the base of a database.
 *
 * A snapshot is a base only for the very data directory that it was taken of.
 * One that was rolled back to an older state, restored, cloned or rewound has
 * another past, though it has the same system identifier and may have the same
 * timeline.  So the base's name, with a random nonce that the snapshot has,
 * too, is written into the data directory: whatever takes the data directory
 * back takes this along.
 *
 * There is one file for each database, in a folder at the root of the data
 * directory.  It is never below base/, which CREATE DATABASE copies.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/file_perm.h"
#include "storage/fd.h"
#include "utils/syscache.h"

#include "store/remembered_base.h"
#include "store/replace_file.h"
#include "util/files.h"
#include "util/json_record.h"

/* Relative to the data directory, where every server process is. */
#define BASES_FOLDER	"snapshot_worker.bases"

#define MAX_SIZE		((size_t) 64 * 1024)

static const RecordMember members[] = {
	{"name", RECORD_STRING, offsetof(RememberedBase, name)},
	{"nonce", RECORD_STRING, offsetof(RememberedBase, nonce)},
	{"timeline", RECORD_NUMBER, offsetof(RememberedBase, timeline)},
	{"end_lsn", RECORD_LSN, offsetof(RememberedBase, end_lsn)},
	{"full_at", RECORD_TIME, offsetof(RememberedBase, full_at)},
	{"suspect", RECORD_NUMBER, offsetof(RememberedBase, suspect)},
};

static char *
path_of(Oid database)
{
	return psprintf("%s/%u.json", BASES_FOLDER, database);
}

static RememberedBase *
read_file(const char *path)
{
	RememberedBase *base = palloc0(sizeof(RememberedBase));
	const char *problem;
	size_t		len;
	char	   *text = files_read(path, MAX_SIZE, &len, &problem);

	if (text == NULL ||
		record_parse(text, len, members, lengthof(members), base) != NULL)
		return NULL;
	return base;
}

/* The base of a database, palloc'd, or NULL.  Raises no error. */
RememberedBase *
remembered_base_read(Oid database)
{
	return read_file(path_of(database));
}

static void
remove_file(const char *path)
{
	if (unlink(path) != 0 && errno != ENOENT)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not remove file \"%s\": %m", path)));
	(void) fsync_fname_ext(BASES_FOLDER, true, false, ERROR);
}

/*
 * Call a function for each file, with its path and the base that it holds,
 * until it returns false.  Files that cannot be read are skipped.
 */
static void
for_each(bool (*visit) (const char *path, RememberedBase *base, void *arg),
		 void *arg)
{
	DIR		   *dir = AllocateDir(BASES_FOLDER);
	struct dirent *entry;
	bool		more = true;

	if (dir == NULL && errno == ENOENT)
		return;
	while (more && (entry = ReadDir(dir, BASES_FOLDER)) != NULL)
	{
		char	   *path = psprintf("%s/%s", BASES_FOLDER, entry->d_name);
		RememberedBase *base = NULL;

		if (entry->d_name[0] != '.')
			base = read_file(path);
		if (base != NULL)
			more = visit(path, base, arg);
		pfree(path);
	}
	FreeDir(dir);
}

static bool
forget_if_after(const char *path, RememberedBase *base, void *arg)
{
	if (base->end_lsn > *(XLogRecPtr *) arg)
		remove_file(path);
	return true;
}

/*
 * Forget the bases that this server, which has started as a primary, had not
 * reached in WAL before it wrote anything: it has lost what they saw, and
 * writes other things at the same positions.  Raises an error when a file
 * cannot be removed.
 */
void
remembered_base_forget_future(void)
{
	/* after a promotion this is early, and good bases are forgotten, too */
	XLogRecPtr	start = GetRedoRecPtr();

	replace_sweep(BASES_FOLDER, GetSystemIdentifier());
	for_each(forget_if_after, &start);
}

/* Does the database of a file exist? */
static bool
is_of_database(const char *path)
{
	Oid			database = strtoul(strrchr(path, '/') + 1, NULL, 10);

	return SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(database));
}

static bool
forget_if_dropped(const char *path, RememberedBase *base, void *arg)
{
	if (!is_of_database(path))
		remove_file(path);
	return true;
}

/*
 * Remember a base, durably, and forget those of dropped databases.  Raises an
 * error when that fails.  Needs a transaction.
 */
void
remembered_base_write(Oid database, const RememberedBase *base)
{
	StringInfoData json;

	if (mkdir(BASES_FOLDER, pg_dir_create_mode) == 0)
		(void) fsync_fname_ext(".", true, false, ERROR);
	else if (errno != EEXIST)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m",
						BASES_FOLDER)));
	for_each(forget_if_dropped, NULL);
	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	record_write(&json, members, lengthof(members), base);
	appendStringInfoString(&json, "}\n");
	replace_file(path_of(database), json.data);
	pfree(json.data);
}

static bool
note_suspect(const char *path, RememberedBase *base, void *arg)
{
	if (base->suspect != 0 && is_of_database(path))
		*(char **) arg = base->name;
	return *(char **) arg == NULL;
}

/*
 * Return the name of the snapshot whose audit found a difference, if one did
 * and no later one has cleared its database, or NULL.  Needs a transaction.
 */
const char *
remembered_base_first_suspect(void)
{
	char	   *name = NULL;

	for_each(note_suspect, &name);
	return name;
}
