/*-------------------------------------------------------------------------
 *
 * base_files.c
 *	  The files of unchanged tables: links to those of the base.
 *
 * All files of the base are linked into the staging directory before pg_dump
 * starts, so that nobody can take them away once a COPY was answered.  When
 * pg_dump has ended, the links of unchanged tables replace the empty files
 * that it has written.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "tools/dump_toc.h"
#include "util/file_tree.h"
#include "worker/base_files.h"

/*
 * Links to the base's files, in the staging directory until they are in use.
 */
#define LINKS_FOLDER	"base.links"

/* A table of the base whose file is linked. */
typedef struct BaseFile
{
	Oid			table;			/* hash key */
	const BaseTable *base;
} BaseFile;

/* An empty hash table with OIDs as keys. */
static HTAB *
create_table(const char *name, size_t entry_size)
{
	HASHCTL		info;

	info.keysize = sizeof(Oid);
	info.entrysize = entry_size;
	info.hcxt = CurrentMemoryContext;
	return hash_create(name, 256, &info, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static char *
link_path(RunContext *cxt, Oid table)
{
	return psprintf("%s/%s/%u", cxt->staging.path, LINKS_FOLDER, table);
}

/* Return when a file was changed, in nanoseconds since 1970. */
int64
base_files_changed_at(const struct stat *st)
{
	return (int64) st->st_mtim.tv_sec * INT64CONST(1000000000) +
		st->st_mtim.tv_nsec;
}

/* Is a link what the base has noted of its file? */
static bool
is_as_noted(const char *path, const BaseTable *table)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
		(int64) st.st_size == table->size &&
		(uint64) st.st_ino == table->inode &&
		base_files_changed_at(&st) == table->changed_at;
}

/*
 * Link the files of the base into the staging directory.  Tables whose file
 * cannot be linked, or is not as it was, are read.
 */
void
base_files_link(RunContext *cxt, const StoredSnapshot *snapshot)
{
	Incremental *incremental = cxt->incremental;
	char	   *folder = psprintf("%s/%s", cxt->staging.path, LINKS_FOLDER);
	ListCell   *lc;

	if (mkdir(folder, pg_dir_create_mode) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not create directory \"%s\": %m", folder)));
	incremental->files = create_table("files of the base", sizeof(BaseFile));
	foreach(lc, incremental->base->tables)
	{
		BaseTable  *table = lfirst(lc);
		char	   *from = psprintf("%s/%s", snapshot->path, table->path);
		char	   *to = link_path(cxt, (Oid) table->oid);

		CHECK_FOR_INTERRUPTS();
		if (link(from, to) == 0 && is_as_noted(to, table))
		{
			Oid			oid = (Oid) table->oid;
			BaseFile   *file = hash_search(incremental->files, &oid,
										   HASH_ENTER, NULL);

			file->base = table;
		}
		pfree(from);
		pfree(to);
	}
}

/* Remove the links that are left.  Raises an error when that fails. */
void
base_files_remove_links(RunContext *cxt)
{
	char	   *folder = psprintf("%s/%s", cxt->staging.path, LINKS_FOLDER);

	if (!file_tree_remove(folder, NULL, WARNING))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not remove directory \"%s\"", folder)));
}

/* Tell the sessions of pg_dump what the tables of the base were. */
void
base_files_offer(RunContext *cxt)
{
	HASH_SEQ_STATUS status;
	BaseFile   *file;

	if (cxt->incremental == NULL || cxt->incremental->base == NULL)
		return;
	hash_seq_init(&status, cxt->incremental->files);
	while ((file = hash_seq_search(&status)) != NULL)
	{
		const BaseTable *table = file->base;
		TableState	state;

		memset(&state, 0, sizeof(state));
		state.oid = (Oid) table->oid;
		state.tablespace = (Oid) table->tablespace;
		state.filenode = (Oid) table->filenode;
		strlcpy(state.definition, table->definition, sizeof(state.definition));
		state.lsn = table->lsn;
		state.blocks = table->blocks;
		state.settled = table->settled == 1;
		copies_add_base(cxt->copies, &state, table->rows);
	}
}

/* Return a table of the base whose file is linked, or NULL. */
const BaseTable *
base_files_find(const Incremental *incremental, Oid table)
{
	BaseFile   *file = hash_search(incremental->files, &table, HASH_FIND, NULL);

	return file != NULL ? file->base : NULL;
}

/* The name of a table's file, relative to the snapshot, or NULL. */
char *
base_files_data_path(RunContext *cxt, Oid table)
{
	const char *root = cxt->staging.path;	/* NULL once published */
	static const char *const suffixes[] = {"", ".gz", ".lz4", ".zst"};
	const TocTableData *entry = hash_search(cxt->incremental->toc, &table,
											HASH_FIND, NULL);

	if (root == NULL)
		root = psprintf("%s/%s", cxt->directory, cxt->run.request.name);
	for (size_t i = 0; entry != NULL && i < lengthof(suffixes); i++)
	{
		char	   *path = psprintf("%s/%d.dat%s", cxt->archive,
									entry->dump_id, suffixes[i]);
		struct stat st;

		if (lstat(psprintf("%s/%s", root, path), &st) == 0 &&
			S_ISREG(st.st_mode))
			return path;
	}
	return NULL;
}

/* Put the base's file of a table in the place of the empty one. */
static void
put_file(RunContext *cxt, const TableCopy *copy)
{
	const BaseTable *table = base_files_find(cxt->incremental, copy->oid);
	char	   *path = base_files_data_path(cxt, copy->oid);
	char	   *from = link_path(cxt, copy->oid);
	char	   *to;

	if (table == NULL || path == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not find the file of table \"%s.%s\" in the dump",
						copy->schema, copy->table),
				 errdetail("Its rows are the same as in snapshot \"%s\", and were to be taken from there.",
						   cxt->incremental->base_name),
				 errhint("Use snapshot_now(full => true), and report this.")));
	to = psprintf("%s/%s", cxt->staging.path, path);
	if (rename(from, to) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rename file \"%s\" to \"%s\": %m", from, to)));
	file_hashing_adopt(cxt->hashing, path, table->size, table->sha256);
}

/* Find in the dump's table of contents which file each table has. */
static void
note_toc(Incremental *incremental, char *contents)
{
	ListCell   *lc;

	incremental->toc = create_table("files of the dump", sizeof(TocTableData));
	foreach(lc, toc_table_data(contents))
	{
		const TocTableData *entry = lfirst(lc);

		*(TocTableData *) hash_search(incremental->toc, &entry->table,
									  HASH_ENTER, NULL) = *entry;
	}
}

/*
 * After pg_dump has ended, with the dump's table of contents: put the files of
 * tables that it was given no rows of in place.  Raises an error when one
 * cannot be put in place.
 */
void
base_files_put(RunContext *cxt, char *contents)
{
	Incremental *incremental = cxt->incremental;
	ListCell   *lc;

	if (incremental == NULL)
		return;
	note_toc(incremental, contents);
	foreach(lc, copies_list(cxt->copies))
	{
		const TableCopy *copy = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (copy->answered)
			put_file(cxt, copy);
	}
}

/* Is this the path of a link to a file of the base, or of their folder? */
bool
base_files_is_link(const char *path)
{
	size_t		len = strlen(LINKS_FOLDER);

	return strncmp(path, LINKS_FOLDER, len) == 0 &&
		(path[len] == '/' || path[len] == '\0');
}
