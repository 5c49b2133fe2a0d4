/*-------------------------------------------------------------------------
 *
 * incremental.c
 *	  Snapshots that take unchanged tables from an earlier one, their base.
 *
 * Each snapshot is a whole dump of pg_dump.  But where a table has not changed
 * since the base, its COPY returns no rows (see copy_watch.c), pg_dump writes
 * an empty file, and a hard link to the base's file replaces that
 * (base_files.c). base.json has what later runs need to build on the new
 * snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "access/xlog.h"
#include "access/xlog_internal.h"
#include "access/xlogrecovery.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "store/snapshot_lock.h"
#include "util/file_digest.h"
#include "util/files.h"
#include "worker/base_files.h"
#include "worker/incremental.h"

/* May sessions of pg_dump leave out the rows of tables that are the same? */
bool
incremental_answers(const Incremental *incremental)
{
	return incremental != NULL && incremental->base != NULL &&
		incremental->answer;
}

/* What the MVCC snapshot of the base saw as ended, or NULL. */
const char *
incremental_base_seen(const Incremental *incremental)
{
	return incremental != NULL && incremental->base != NULL ?
		incremental->base->header.seen : NULL;
}

/*
 * The position in WAL that a standby had replayed before, or 0 on a primary.
 */
XLogRecPtr
incremental_standby_lsn(const Incremental *incremental)
{
	return incremental != NULL && incremental->on_standby ?
		incremental->position : InvalidXLogRecPtr;
}

/*
 * The end of the last record in WAL.  At the start of a page, the next record
 * will begin behind the page's header, which nobody can flush yet.
 */
static XLogRecPtr
end_of_wal(void)
{
	XLogRecPtr	next = GetXLogInsertRecPtr();

	if (XLogSegmentOffset(next, wal_segment_size) == SizeOfXLogLongPHD)
		return next - SizeOfXLogLongPHD;
	if (next % XLOG_BLCKSZ == SizeOfXLogShortPHD)
		return next - SizeOfXLogShortPHD;
	return next;
}

/*
 * Note where WAL is, after the last COPY and before the MVCC snapshot is
 * released: all that the snapshot saw is before that.
 */
void
incremental_note_end(RunContext *cxt)
{
	BaseHeader *header;
	TimeLineID	timeline;

	if (cxt->incremental == NULL)
		return;
	header = &cxt->incremental->header;
	/* on a standby, a commit is visible while it is being replayed */
	if (RecoveryInProgress())
		header->end_lsn = GetCurrentReplayRecPtr(&timeline);
	else
	{
		header->end_lsn = end_of_wal();
		timeline = GetWALInsertionTimeLine();
	}
	header->timeline = timeline;
}

/* A table of the new snapshot for its base.json. */
static BaseTable *
make_base_table(RunContext *cxt, const TableCopy *copy,
				const ManifestFile *file)
{
	BaseTable  *table = palloc0(sizeof(BaseTable));
	struct stat st;

	if (lstat(psprintf("%s/%s", cxt->staging.path, file->path), &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s/%s\": %m",
						cxt->staging.path, file->path)));
	table->oid = copy->oid;
	table->tablespace = copy->state.tablespace;
	table->filenode = copy->state.filenode;
	table->definition = pstrdup(copy->state.definition);
	table->lsn = copy->state.lsn;
	table->blocks = copy->state.blocks;
	table->settled = copy->state.settled ? 1 : 0;
	table->rows = copy->rows;
	table->path = file->path;
	table->size = file->size;
	table->sha256 = file->sha256;
	table->inode = (uint64) st.st_ino;
	table->changed_at = base_files_changed_at(&st);
	return table;
}

/* Write a file of the staging directory, which is synced later. */
static void
write_file(const char *path, const char *text)
{
	int			fd = OpenTransientFile(path, O_WRONLY | O_CREAT | O_EXCL | PG_BINARY);

	if (fd < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create file \"%s\": %m", path)));
	files_write(fd, path, text);
	if (CloseTransientFile(fd) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not close file \"%s\": %m", path)));
}

/*
 * Once all files are hashed and in place: remove the links that were not
 * needed, and write base.json, for later runs.  Raises an error when that
 * fails.
 */
void
incremental_write_base(RunContext *cxt)
{
	Incremental *incremental = cxt->incremental;
	Manifest   *manifest = &cxt->manifest;
	char	   *path = psprintf("%s/%s", cxt->staging.path, BASE_FILE);
	Base		new;
	HTAB	   *files;
	ManifestFile *base_file;
	ListCell   *lc;

	if (incremental == NULL)
		return;
	if (incremental->base != NULL)
		base_files_remove_links(cxt);
	if (incremental_answers(incremental))
		manifest->base = pstrdup(incremental->base_name);
	new.header = incremental->header;
	new.tables = NIL;
	files = manifest_files_by_path(manifest);
	foreach(lc, copies_list(cxt->copies))
	{
		const TableCopy *copy = lfirst(lc);
		char	   *data = OidIsValid(copy->state.oid) ?
		base_files_data_path(cxt, copy->oid) : NULL;
		const ManifestFile *file = data != NULL ?
		manifest_find_path(files, data) : NULL;

		if (file != NULL)
			new.tables = lappend(new.tables, make_base_table(cxt, copy, file));
	}
	write_file(path, base_file_format(&new));
	base_file = palloc0(sizeof(ManifestFile));
	base_file->path = pstrdup(BASE_FILE);
	base_file->sha256 = palloc(SHA256_HEX_SIZE);
	base_file->size = file_digest_file(path, base_file->sha256);
	manifest->files = lappend(manifest->files, base_file);
	manifest->size += base_file->size;
}

/*
 * Flush WAL up to the end of the snapshot, before it is published.  A commit
 * that the snapshot saw could be lost in a crash otherwise, and its position
 * be given out again.
 */
void
incremental_flush_wal(RunContext *cxt)
{
	if (cxt->incremental != NULL && !RecoveryInProgress())
		XLogFlush(cxt->incremental->header.end_lsn);
}

/*
 * Make the published snapshot the base of the next run.  Raises an error when
 * that cannot be written.
 */
void
incremental_remember(RunContext *cxt)
{
	Incremental *incremental = cxt->incremental;
	const RememberedBase *old;
	RememberedBase base = {0};

	if (incremental == NULL)
		return;
	old = incremental->remembered;
	base.name = cxt->run.request.name;
	base.nonce = incremental->header.nonce;
	base.timeline = incremental->header.timeline;
	base.end_lsn = incremental->header.end_lsn;
	base.full_at = incremental_answers(incremental) ? old->full_at :
		cxt->manifest.started_at;

	/* only a requested full run that has compared all ends suspicion */
	base.suspect = incremental->different ||
		(old != NULL && old->suspect != 0 &&
		 !(cxt->run.request.full && incremental->compared));
	remembered_base_write(MyDatabaseId, &base);
}

/* Release the base. */
void
incremental_end(RunContext *cxt)
{
	if (cxt->incremental != NULL)
		snapshot_unlock(&cxt->incremental->lock_fd);
	cxt->incremental = NULL;
}

/*
 * Forget a dump that will be repeated, and remove its links.  Raises an error
 * when one cannot be removed.
 */
void
incremental_forget(RunContext *cxt)
{
	if (cxt->incremental != NULL && cxt->incremental->base != NULL)
		base_files_remove_links(cxt);
	incremental_end(cxt);
}
