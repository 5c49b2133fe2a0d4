/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The history: one line for each finished run, good or bad.
 *
 * The file has one JSON object on each line, oldest first, and belongs to one
 * cluster.  A primary and its standbys may share it, so it is written under a
 * lock.  A line that a crash cut off is ignored.  When the file has grown to
 * twice the size to keep, older lines are dropped, those of the databases with
 * most lines first.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "store/file_lock.h"
#include "store/history.h"
#include "store/history_tail.h"
#include "store/replace_file.h"
#include "util/files.h"

/* Most lines have some 300 bytes, so we keep some thousands of them. */
#define HISTORY_KEPT_BYTES	((off_t) 1024 * 1024)

/* Number of bytes to read at the end of a longer file. */
#define HISTORY_READ_BYTES	(3 * HISTORY_KEPT_BYTES)

/* Wait for the lock for up to ten seconds. */
#define LOCK_TRIES			200
#define LOCK_SLEEP_MS		50

static char *
history_path(const char *directory, uint64 system_identifier)
{
	return psprintf("%s/history-" UINT64_FORMAT ".jsonl",
					directory, system_identifier);
}

/*
 * Open a history and lock it.  Other processes hold the lock only briefly.
 * Returns a descriptor for file_lock_close().  Raises an error on failure.
 */
static int
open_locked(const char *path)
{
	for (int tries = 0;; tries++)
	{
		int			fd = files_open_long(path, O_RDWR | O_APPEND | O_CREAT);

		if (fd < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not open file \"%s\": %m", path)));
		if (file_lock_take(fd, LOCK_EX) == 0)
			return fd;
		file_lock_close(fd);
		if ((errno != EINTR && errno != EWOULDBLOCK) || tries >= LOCK_TRIES)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not lock file \"%s\": %m", path)));
		CHECK_FOR_INTERRUPTS();
		pg_usleep(LOCK_SLEEP_MS * 1000L);
	}
}

/*
 * Is the open file still the one at path?  Another process may have replaced
 * it between open and lock.
 */
static bool
is_current(int fd, const char *path)
{
	struct stat st;
	struct stat named;

	if (fstat(fd, &st) != 0)
		return true;			/* append_line() raises the error */
	return lstat(path, &named) == 0 &&
		named.st_ino == st.st_ino && named.st_dev == st.st_dev;
}

/*
 * Read the lines of a history, oldest first: a list of HistoryLine.  Lines in
 * another form are skipped.
 */
static List *
read_lines(const char *path)
{
	const char *problem;
	size_t		len;
	char	   *text = files_read_end(path, HISTORY_READ_BYTES, &len, &problem);
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext parsing = AllocSetContextCreate(caller, "history line",
												  ALLOCSET_DEFAULT_SIZES);
	List	   *lines = NIL;
	char	   *p = text;

	while (text != NULL && p < text + len)
	{
		char	   *end = memchr(p, '\n', text + len - p);
		HistoryLine line = {0};

		CHECK_FOR_INTERRUPTS();
		if (end == NULL)
			break;				/* torn by a crash */
		*end = '\0';

		/* drop the memory of rejected lines at once */
		MemoryContextSwitchTo(parsing);
		problem = history_line_parse(p, end - p, &line);
		MemoryContextSwitchTo(caller);
		if (problem == NULL)
		{
			HistoryLine *copy = palloc(sizeof(HistoryLine));

			*copy = line;
			history_line_copy_strings(copy);
			lines = lappend(lines, copy);
		}
		MemoryContextReset(parsing);
		p = end + 1;
	}
	MemoryContextDelete(parsing);
	if (text != NULL)
		pfree(text);
	return lines;
}

/* Replace the file, which is locked, by the lines to keep. */
static void
drop_old_lines(const char *path)
{
	List	   *lines = read_lines(path);

	if (lines == NIL)
		return;
	replace_file(path, history_tail(lines, HISTORY_KEPT_BYTES));
}

static off_t
size_of(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	return st.st_size;
}

/* Does a file of that size end with a whole line? */
static bool
ends_with_newline(int fd, off_t size)
{
	char		last;

	return size == 0 ||
		(pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

static void
append_line(int fd, const char *path, const HistoryLine *original)
{
	HistoryLine line = *original;
	StringInfoData json;

	/* taken under the lock, so that lines are in the order of their times */
	if (line.finished_at == 0)
		line.finished_at = GetCurrentTimestamp();
	if (line.started_at == 0)
		line.started_at = line.finished_at;

	initStringInfo(&json);
	if (!ends_with_newline(fd, size_of(fd, path)))
		appendStringInfoChar(&json, '\n');
	history_line_format(&json, &line);
	files_write(fd, path, json.data);
	pfree(json.data);
}

/*
 * Append a line to the history of a cluster in a directory, durably, and drop
 * older lines of one that has grown too long.  A line without finished_at gets
 * the present time, and one without started_at the same.  Raises an error on
 * failure.
 */
void
history_append(const char *directory, uint64 system_identifier,
			   const HistoryLine *line)
{
	char	   *path = history_path(directory, system_identifier);
	int			fd = open_locked(path);

	while (!is_current(fd, path))
	{
		file_lock_close(fd);
		CHECK_FOR_INTERRUPTS();
		fd = open_locked(path);
	}
	PG_TRY();
	{
		append_line(fd, path, line);
		(void) fsync_fname_ext(directory, true, false, ERROR);
		if (size_of(fd, path) > 2 * HISTORY_KEPT_BYTES)
			drop_old_lines(path);
	}
	PG_FINALLY();
	{
		/* the caller may catch the error and continue */
		file_lock_close(fd);
	}
	PG_END_TRY();
}

/*
 * Does a line describe a snapshot that was taken, but failed its verification?
 * Other failures leave no snapshot, and so have no size.
 */
bool
history_is_of_verification(const HistoryLine *line)
{
	return strcmp(line->outcome, OUTCOME_FAILED) == 0 && line->size > 0;
}

/*
 * Read the history of a cluster in a directory, oldest first: a list of
 * HistoryLine.  Returns NIL if there is no readable history.
 */
List *
history_read(const char *directory, uint64 system_identifier)
{
	return read_lines(history_path(directory, system_identifier));
}
