/*-------------------------------------------------------------------------
 *
 * removal.c
 *	  Taking a snapshot out of the directory, and nothing else with it.
 *

 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "files.h"
#include "names.h"
#include "port.h"
#include "removal.h"
#include "storage/fd.h"
#include "test_step.h"

/*
 * Remove a snapshot, for good.  It is renamed first, so that a listing never
 * sees half of one; a sweep ends what is cut short.  Where its directory holds
 * anything that we did not put there, all of it stays.  Returns false, after
 * a report at elevel, when it could not be removed.
 */
bool
removal_remove(const StoredSnapshot *snapshot, int elevel)
{
	char	   *directory = pnstrdup(snapshot->path, strlen(snapshot->path) -
									 strlen(snapshot->name) - 1);
	char	   *doomed = psprintf("%s%s", snapshot->path, NAMES_DOOMED_SUFFIX);
	char	   *folder = pnstrdup(snapshot->path,
								  strrchr(snapshot->path, '/') - snapshot->path);
	StoredSnapshot *whole;
	FileTree	tree;
	const char *foreign;

	whole = store_load(directory, snapshot->name, true, elevel);
	if (whole == NULL || !files_list(whole->path, elevel, &tree))
		return false;
	foreign = store_foreign_file(whole, &tree);
	if (foreign != NULL)
	{
		ereport(elevel,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("snapshot \"%s\" is not removed", snapshot->name),
				 errdetail("It holds \"%s/%s\", which is not a part of it.",
						   snapshot->path, foreign),
				 errhint("Move that away; the snapshot is then removed with the next one that is due.")));
		return false;
	}
	if (rename(snapshot->path, doomed) != 0)
	{
		ereport(elevel,
				(errcode_for_file_access(),
				 errmsg("could not rename directory \"%s\" to \"%s\": %m",
						snapshot->path, doomed)));
		return false;
	}
	if (fsync_fname_ext(folder, true, false, elevel) != 0)
		return false;
	test_step("removing");
	return files_remove(doomed, MANIFEST_FILE, elevel);
}
