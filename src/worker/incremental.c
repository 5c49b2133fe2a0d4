/*-------------------------------------------------------------------------
 *
 * incremental.c
 *	  Snapshots that take unchanged tables from an earlier one, their base.
 *
 * Each snapshot is a whole dump of pg_dump.  But where a table has not changed
 * since the base, its COPY gives no rows (see copy_watch.c), pg_dump writes an
 * empty file, and this puts a hard link to the base's file in its place.
 *
 * A snapshot is a base for a run only where all of this holds:
 *
 * - The data directory remembers it, by name and nonce (remembered_base.c).
 * - It is whole and good, of this cluster, of this very database, and was taken
 *   by the same programs with the same options.
 * - Its end, a position in WAL that was flushed before it was published, is in
 *   the history of the present timeline, and the server has reached it before
 *   the MVCC snapshot is taken.  A server that lost what the base saw, or that
 *   forked off before it, gives out the same positions again.
 *
 * All files of the base are linked into the staging directory before pg_dump
 * starts, so that nobody can take them away once a COPY was answered.
 *
 * Nothing of this is an error of the run: where there is no base, it reads
 * everything.  A table whose COPY was answered and whose file cannot be put in
 * place is one.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/htup_details.h"
#include "access/timeline.h"
#include "access/transam.h"
#include "access/xlog.h"
#include "access/xlogrecovery.h"
#include "common/file_perm.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "database/seen_transactions.h"
#include "settings.h"
#include "store/base_file.h"
#include "store/file_system.h"
#include "store/remembered_base.h"
#include "store/store.h"
#include "store/snapshot_lock.h"
#include "tools/dump_toc.h"
#include "tools/output_spool.h"
#include "util/file_digest.h"
#include "util/file_tree.h"
#include "util/files.h"
#include "util/line_hash.h"
#include "util/test_step.h"
#include "worker/incremental.h"

/* Links to the base's files, in the staging directory until they are in use. */
#define LINKS_FOLDER	"base.links"

#define NONCE_BYTES		16

/* A table of the base whose file is linked. */
typedef struct BaseFile
{
	Oid			table;			/* hash key */
	const BaseTable *base;
} BaseFile;

/* All that a run knows of its base. */
struct Incremental
{
	/* Read before the MVCC snapshot is taken. */
	XLogRecPtr	position;
	TimeLineID	timeline;
	bool		on_standby;

	Base	   *base;			/* NULL: everything is read */
	const char *base_name;
	bool		answer;			/* do not read what is the same */
	int			lock_fd;		/* of the base; see snapshot_lock.c */
	HTAB	   *files;			/* of BaseFile: tables with a link to it */
	BaseHeader	header;			/* of the new snapshot */
	RememberedBase *remembered;
	bool		different;		/* the audit has found a difference */
	HTAB	   *toc;			/* of TocTableData, by table */
};

/*
 * Begin a dump that may be incremental, before its MVCC snapshot is taken.
 * Returns NULL where it cannot be.
 */
Incremental *
incremental_begin(void)
{
	Incremental *incremental;

	if (!setting_incremental || !enableFsync)
		return NULL;
	incremental = palloc0(sizeof(Incremental));
	incremental->lock_fd = -1;
	incremental->on_standby = RecoveryInProgress();
	if (incremental->on_standby)
		incremental->position = GetXLogReplayRecPtr(&incremental->timeline);
	else
	{
		incremental->position = GetXLogInsertRecPtr();
		incremental->timeline = GetWALInsertionTimeLine();
	}
	return incremental;
}

/* The raw xmin of this database's row in pg_database. */
static int64
database_xmin(void)
{
	HeapTuple	tuple = SearchSysCache1(DATABASEOID,
										ObjectIdGetDatum(MyDatabaseId));
	TransactionId xmin;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for database %u", MyDatabaseId);
	xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	ReleaseSysCache(tuple);
	return xmin;
}

static char *
make_nonce(void)
{
	static const char digits[] = "0123456789abcdef";
	uint8		random[NONCE_BYTES];
	char	   *nonce = palloc(2 * NONCE_BYTES + 1);

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	for (int i = 0; i < NONCE_BYTES; i++)
	{
		nonce[2 * i] = digits[random[i] >> 4];
		nonce[2 * i + 1] = digits[random[i] & 15];
	}
	nonce[2 * NONCE_BYTES] = '\0';
	return nonce;
}

/* Describe the new snapshot, in the transaction of its MVCC snapshot. */
static void
fill_header(RunContext *cxt, const char *options)
{
	BaseHeader *header = &cxt->incremental->header;

	header->nonce = make_nonce();
	header->system_identifier = GetSystemIdentifier();
	header->database_oid = MyDatabaseId;
	header->database_xmin = database_xmin();
	header->seen = seen_transactions_format(GetActiveSnapshot());
	header->server_version =
		pstrdup(GetConfigOption("server_version", false, false));
	header->pg_dump_version = cxt->manifest.pg_dump_version;
	header->options = pstrdup(options);
}

/* Is a position of a timeline in the past of the server? */
static bool
is_in_past(const Incremental *incremental, TimeLineID timeline, XLogRecPtr lsn)
{
	List	   *history;

	if (lsn > incremental->position)
		return false;
	if (timeline == incremental->timeline)
		return true;
	history = readTimeLineHistory(incremental->timeline);
	return tliInHistory(timeline, history) &&
		tliOfPointInHistory(lsn, history) == timeline;
}

/* Why a snapshot is no base for this run, or NULL. */
static const char *
why_no_base(const Incremental *incremental, const StoredSnapshot *snapshot,
			const Base *base)
{
	const BaseHeader *old = &base->header;
	const BaseHeader *new = &incremental->header;
	SeenTransactions seen;

	if (strcmp(old->nonce, incremental->remembered->nonce) != 0)
		return "it is not the snapshot that the data directory remembers";
	if (store_is_bad(snapshot))
		return "it was found to be bad";
	if (old->system_identifier != new->system_identifier ||
		snapshot->manifest.system_identifier != new->system_identifier)
		return "it is of another cluster";
	if (old->database_oid != new->database_oid ||
		old->database_xmin != new->database_xmin)
		return "it is of another database";
	if (strcmp(old->server_version, new->server_version) != 0 ||
		strcmp(old->pg_dump_version, new->pg_dump_version) != 0)
		return "it is of another version";
	if (strcmp(old->options, new->options) != 0)
		return "it was taken with other options";
	if (!is_in_past(incremental, old->timeline, old->end_lsn))
		return "the server has not been where it was taken";
	seen_transactions_parse(old->seen, &seen);
	if (!seen_transactions_are_recent(&seen))
		return "too many transaction IDs were assigned since, or too few";
	return NULL;
}

/* Does this run read everything, whatever has changed? */
static bool
is_full(RunContext *cxt, const RememberedBase *remembered)
{
	TimestampTz now = GetCurrentTimestamp();

	if (cxt->run.request.full || remembered->full_at > now)
		return true;
	return setting_full_interval > 0 &&
		now - remembered->full_at >= setting_full_interval * USECS_PER_MINUTE;
}

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

static int64
changed_at(const struct stat *st)
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
		(int64) st.st_ino == table->inode && changed_at(&st) == table->changed_at;
}

/*
 * Link the files of the base into the staging directory.  Tables whose file
 * cannot be linked, or is not as it was, are read.
 */
static void
link_files(RunContext *cxt, const StoredSnapshot *snapshot)
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

static void
remove_links(RunContext *cxt)
{
	char	   *folder = psprintf("%s/%s", cxt->staging.path, LINKS_FOLDER);

	if (!file_tree_remove(folder, NULL, WARNING))
		ereport(ERROR,
				(errcode(ERRCODE_IO_ERROR),
				 errmsg("could not remove directory \"%s\"", folder)));
}

/*
 * Choose the base of this run, if it has one, once the MVCC snapshot is taken
 * and before pg_dump starts.  "options" is all that pg_dump is told.
 */
void
incremental_choose_base(RunContext *cxt, const char *options)
{
	Incremental *incremental = cxt->incremental;
	RememberedBase *remembered;
	StoredSnapshot *snapshot;
	Base	   *base;
	const char *why_not;

	if (incremental == NULL)
		return;
	fill_header(cxt, options);
	remembered = remembered_base_read(MyDatabaseId);
	incremental->remembered = remembered;
	if (remembered == NULL || file_system_lacks_links(cxt->directory))
		return;
	snapshot = store_load(cxt->directory, remembered->name, true, DEBUG1);
	if (snapshot == NULL || strcmp(snapshot->database, cxt->run.request.database) != 0)
		return;
	incremental->lock_fd = snapshot_lock_try(snapshot->path);
	if (incremental->lock_fd < 0)
		return;
	base = base_file_read(snapshot->path,
						  manifest_find_file(&snapshot->manifest, BASE_FILE));
	why_not = base == NULL ? "its base.json is missing or damaged" :
		why_no_base(incremental, snapshot, base);
	if (why_not != NULL)
	{
		ereport(DEBUG1,
				(errmsg_internal("snapshot \"%s\" is no base: %s",
								 snapshot->name, why_not)));
		return;
	}
	incremental->base = base;
	incremental->base_name = snapshot->name;
	incremental->answer = remembered->suspect == 0 &&
		!is_full(cxt, remembered);
	link_files(cxt, snapshot);
	test_step("base linked");
}

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

/* The position in WAL that a standby had replayed before, or 0 on a primary. */
XLogRecPtr
incremental_standby_lsn(const Incremental *incremental)
{
	return incremental != NULL && incremental->on_standby ?
		incremental->position : InvalidXLogRecPtr;
}

/* Tell the sessions of pg_dump what the tables of the base were. */
void
incremental_offer_tables(RunContext *cxt)
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
		state.filenode = (Oid) table->filenode;
		strlcpy(state.definition, table->definition, sizeof(state.definition));
		state.lsn = table->lsn;
		state.blocks = table->blocks;
		copies_add_base(cxt->copies, &state, table->rows);
	}
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
	if (RecoveryInProgress())
		header->end_lsn = GetXLogReplayRecPtr(&timeline);
	else
	{
		header->end_lsn = GetXLogInsertRecPtr();
		timeline = GetWALInsertionTimeLine();
	}
	header->timeline = timeline;
}

static const BaseTable *
find_base_table(const Incremental *incremental, Oid table)
{
	BaseFile   *file = hash_search(incremental->files, &table, HASH_FIND, NULL);

	return file != NULL ? file->base : NULL;
}

/* The name of a table's file, relative to the snapshot, or NULL. */
static char *
data_path(RunContext *cxt, Oid table)
{
	static const char *const suffixes[] = {"", ".gz", ".lz4", ".zst"};
	const TocTableData *entry = hash_search(cxt->incremental->toc, &table,
											HASH_FIND, NULL);

	for (size_t i = 0; entry != NULL && i < lengthof(suffixes); i++)
	{
		char	   *path = psprintf("%s/%d.dat%s", cxt->archive,
									entry->dump_id, suffixes[i]);
		struct stat st;

		if (lstat(psprintf("%s/%s", cxt->staging.path, path), &st) == 0 &&
			S_ISREG(st.st_mode))
			return path;
	}
	return NULL;
}

/* Put the base's file of a table in the place of the empty one. */
static void
put_file(RunContext *cxt, const TableCopy *copy)
{
	const BaseTable *table = find_base_table(cxt->incremental, copy->oid);
	char	   *path = data_path(cxt, copy->oid);
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
 * tables that it was given no rows of in place.  Raises an error when one cannot
 * be put in place.
 */
void
incremental_put_files(RunContext *cxt, char *contents)
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
	if (incremental_answers(incremental))
		cxt->manifest.base = pstrdup(incremental->base_name);
}

/* Is this the path of a link to a file of the base, or of their folder? */
bool
incremental_is_link(const char *path)
{
	size_t		len = strlen(LINKS_FOLDER);

	return strncmp(path, LINKS_FOLDER, len) == 0 &&
		(path[len] == '/' || path[len] == '\0');
}

/* Is a file of the base still what it was when it was written? */
static bool
is_base_file_good(const char *path, const BaseTable *table)
{
	char		sha256[SHA256_HEX_SIZE];

	return file_digest_file(path, sha256) == table->size &&
		strcmp(sha256, table->sha256) == 0;
}

/*
 * Write a hash of the rows that a dump has of a table, as pg_restore prints
 * them, LINEHASH_HEX_SIZE bytes.
 */
static void
hash_rows(RunContext *cxt, const char *dump, int dump_id, char *hash)
{
	File		list = spool_create();
	File		rows = spool_create();
	char	   *text = psprintf("%d;\n", dump_id);
	char	  **argv = tool_args_pg_restore_rows(cxt->bin_directory, dump);
	ChildResult result;
	SpoolReader reader;
	StringInfoData line;
	LineHash	lines;

	if (FileWrite(list, text, strlen(text), 0, 0) != (int) strlen(text))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to a temporary file: %m")));
	if (!run_try_program(cxt, argv, spool_descriptor(list),
						 spool_descriptor(rows), &result))
		run_fail(cxt, argv, &result);
	initStringInfo(&line);
	line_hash_begin(&lines);
	spool_reader_begin(&reader, rows);
	while (spool_reader_next(&reader, &line))
	{
		CHECK_FOR_INTERRUPTS();
		/* a random key of pg_restore for psql */
		if (strncmp(line.data, "\\restrict ", strlen("\\restrict ")) != 0 &&
			strncmp(line.data, "\\unrestrict ", strlen("\\unrestrict ")) != 0)
			line_hash_add(&lines, line.data, line.len);
	}
	spool_reader_end(&reader);
	line_hash_take(&lines, hash);
	line_hash_end(&lines);
	FileClose(list);
	FileClose(rows);
}

/* Do both dumps have the same rows of a table?  Their files are not the same. */
static bool
has_same_rows(RunContext *cxt, const BaseTable *table, const char *path)
{
	const char *base_path = psprintf("%s/%s", cxt->directory,
									 cxt->incremental->base_name);
	char	   *base_dump = psprintf("%s/%.*s", base_path,
									 (int) strcspn(table->path, "/"), table->path);
	char	   *dump = psprintf("%s/%s", cxt->staging.path, cxt->archive);
	char		before[LINEHASH_HEX_SIZE];
	char		now[LINEHASH_HEX_SIZE];

	hash_rows(cxt, base_dump, atoi(strchr(table->path, '/') + 1), before);
	hash_rows(cxt, dump, atoi(strchr(path, '/') + 1), now);
	return strcmp(before, now) == 0;
}

/* Compare a table that was read, though it is the same by all rules. */
static void
audit_table(RunContext *cxt, const TableCopy *copy)
{
	Incremental *incremental = cxt->incremental;
	const BaseTable *table = find_base_table(incremental, copy->oid);
	char	   *path = data_path(cxt, copy->oid);
	char	   *link = link_path(cxt, copy->oid);
	const ManifestFile *file = path != NULL ?
		manifest_find_file(&cxt->manifest, path) : NULL;

	if (table == NULL || file == NULL ||
		strcmp(file->sha256, table->sha256) == 0)
		return;
	if (!is_base_file_good(link, table))
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("file \"%s/%s/%s\" does not match its manifest",
						cxt->directory, incremental->base_name, table->path),
				 errhint("Verify the snapshots of this database by snapshot_verify_all().")));
	else if (!has_same_rows(cxt, table, path))
	{
		incremental->different = true;
		ereport(WARNING,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("rows of table \"%s.%s\" differ from those in snapshot \"%s\", though the table was found unchanged since",
						copy->schema, copy->table, incremental->base_name),
				 errdetail("Compare \"%s/%s/%s\" with \"%s/%s/%s\".",
						   cxt->directory, incremental->base_name, table->path,
						   cxt->directory, cxt->run.request.name, path),
				 errhint("Snapshots of the database read everything until snapshot_now(full => true) finds no difference.")));
	}
}

/*
 * In a run that reads everything, compare the tables that are the same as at the
 * base by all rules with what the base has.  Raises an error when that cannot be
 * read; a difference is a warning, and switches incremental runs off.
 */
void
incremental_audit(RunContext *cxt)
{
	Incremental *incremental = cxt->incremental;
	ListCell   *lc;

	if (incremental == NULL || incremental->base == NULL || incremental->answer)
		return;
	foreach(lc, copies_list(cxt->copies))
	{
		const TableCopy *copy = lfirst(lc);

		CHECK_FOR_INTERRUPTS();
		if (copy->same)
			audit_table(cxt, copy);
	}
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
	table->filenode = copy->state.filenode;
	table->definition = pstrdup(copy->state.definition);
	table->lsn = copy->state.lsn;
	table->blocks = copy->state.blocks;
	table->rows = copy->rows;
	table->path = file->path;
	table->size = file->size;
	table->sha256 = file->sha256;
	table->inode = (int64) st.st_ino;
	table->changed_at = changed_at(&st);
	return table;
}

typedef struct PathEntry
{
	char		path[MAXPGPATH];	/* hash key */
	const ManifestFile *file;
} PathEntry;

/* The files of the manifest, by their paths. */
static HTAB *
files_by_path(const Manifest *manifest)
{
	HASHCTL		info;
	HTAB	   *files;
	ListCell   *lc;

	info.keysize = MAXPGPATH;
	info.entrysize = sizeof(PathEntry);
	info.hcxt = CurrentMemoryContext;
	files = hash_create("files by path", list_length(manifest->files) + 1,
						&info, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(lc, manifest->files)
	{
		const ManifestFile *file = lfirst(lc);
		PathEntry  *entry = hash_search(files, file->path, HASH_ENTER, NULL);

		entry->file = file;
	}
	return files;
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
 * Once all files are hashed and in place: remove the links that were not needed,
 * and write base.json, for later runs.  Raises an error when that fails.
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
		remove_links(cxt);
	new.header = incremental->header;
	new.tables = NIL;
	files = files_by_path(manifest);
	foreach(lc, copies_list(cxt->copies))
	{
		const TableCopy *copy = lfirst(lc);
		char	   *data = OidIsValid(copy->state.oid) ?
			data_path(cxt, copy->oid) : NULL;
		PathEntry  *entry = data != NULL ?
			hash_search(files, data, HASH_FIND, NULL) : NULL;

		if (entry != NULL)
			new.tables = lappend(new.tables,
								 make_base_table(cxt, copy, entry->file));
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
 * that the snapshot saw could be lost in a crash otherwise, and its position be
 * given out again.
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
	/* only a request of a full one, which finds no difference, ends suspicion */
	base.suspect = incremental->different ||
		(old != NULL && old->suspect != 0 && !cxt->run.request.full);
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
		remove_links(cxt);
	incremental_end(cxt);
}
