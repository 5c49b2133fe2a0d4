/*-------------------------------------------------------------------------
 *
 * open_snapshot.c
 *	  A snapshot that a session reads: locked, with its dump and encoding.
 *
 * A shared lock holds the snapshot against removal, until the memory context
 * in which it was opened is reset.  pg_restore reads the dump, decompresses
 * it, and lists it; see child_stream.c.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "session/open_snapshot.h"
#include "session/restore_program.h"
#include "session/snapshot_at.h"
#include "settings.h"
#include "store/snapshot_lock.h"
#include "tools/tool_args.h"
#include "util/file_digest.h"

static void
unlock(void *arg)
{
	snapshot_unlock(&((OpenSnapshot *) arg)->lock);
}

/*
 * Open the snapshot that a text names (see snapshot_at.c) and hold it until
 * the current memory context is reset, or until open_snapshot_close().  Raises
 * an error if there is no complete snapshot of that name, if it is being
 * removed, or if its table of contents is damaged.
 */
OpenSnapshot *
open_snapshot(const char *name)
{
	OpenSnapshot *snapshot = palloc0(sizeof(OpenSnapshot));
	const Manifest *manifest;
	const ManifestFile *contents;

	name = snapshot_at_resolve(name);
	snapshot->stored = store_get(settings_directory(), name, false);
	snapshot->lock = -1;
	snapshot->callback.func = unlock;
	snapshot->callback.arg = snapshot;
	MemoryContextRegisterResetCallback(CurrentMemoryContext,
									   &snapshot->callback);
	snapshot->lock = snapshot_lock_shared(snapshot->stored->path);

	/* it may have been removed before we locked it */
	snapshot->stored = store_get(settings_directory(), name, true);
	snapshot->dump = store_archive_path(snapshot->stored);
	manifest = &snapshot->stored->manifest;
	snapshot->encoding = pg_char_to_encoding(manifest->encoding);
	if (!PG_VALID_BE_ENCODING(snapshot->encoding))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("snapshot \"%s\" is damaged", snapshot->stored->name),
				 errdetail("Its manifest has an unknown encoding.")));
	snapshot->files = manifest_files_by_path(manifest);
	contents = manifest_find_path(snapshot->files,
								  psprintf("%s/toc.dat",
										   last_dir_separator(snapshot->dump) + 1));
	if (contents != NULL)
		open_snapshot_check_file(snapshot, contents);
	return snapshot;
}

/* Let go of a snapshot. */
void
open_snapshot_close(OpenSnapshot *snapshot)
{
	snapshot_unlock(&snapshot->lock);
}

/*
 * Return the entry in the manifest of the file with the rows of a table.
 * Returns NULL if they are not in a file of their own, as in custom format.
 */
const ManifestFile *
open_snapshot_data_file(const OpenSnapshot *snapshot, int dump_id)
{
	static const char *const suffixes[] = {"", ".gz", ".lz4", ".zst"};

	for (size_t i = 0; i < lengthof(suffixes); i++)
	{
		char	   *path = psprintf("%s/%d.dat%s",
									last_dir_separator(snapshot->dump) + 1,
									dump_id, suffixes[i]);
		const ManifestFile *file = manifest_find_path(snapshot->files, path);

		pfree(path);
		if (file != NULL)
			return file;
	}
	return NULL;
}

/* Raise an error if a file is not the one in the manifest. */
void
open_snapshot_check_file(const OpenSnapshot *snapshot,
						 const ManifestFile *file)
{
	char	   *path = psprintf("%s/%s", snapshot->stored->path, file->path);
	char		sha256[SHA256_HEX_SIZE];

	if (file_digest_file(path, sha256) != file->size ||
		strcmp(sha256, file->sha256) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("snapshot \"%s\" is damaged", snapshot->stored->name),
				 errdetail("File \"%s\" does not match the manifest.", path),
				 errhint("Use another snapshot. snapshot_verify() finds all damage of this one.")));
	pfree(path);
}

/*
 * Return pg_restore's list of the dump, palloc'd, in the dump's encoding: of
 * all entries, or if "table" is not NULL, of those of the relations of that
 * name in a schema (NULL means any).
 */
char *
open_snapshot_list(const OpenSnapshot *snapshot, const char *schema,
				   const char *table)
{
	const char *bin_directory = settings_bin_directory();

	return restore_program_text(table == NULL ?
								tool_args_pg_restore_list(bin_directory,
														  snapshot->dump) :
								tool_args_pg_restore_list_table(bin_directory,
																schema, table,
																snapshot->dump),
								NULL);
}

/*
 * Return the definitions in the dump, or if the list is not NIL, of these
 * entries only, as pg_restore prints them, palloc'd, in the dump's encoding.
 */
char *
open_snapshot_script(const OpenSnapshot *snapshot, const List *dump_ids)
{
	return restore_program_text(tool_args_pg_restore_script(settings_bin_directory(),
															dump_ids != NIL,
															snapshot->dump),
								dump_ids);
}
