/*-------------------------------------------------------------------------
 *
 * output_spool.c
 *	  Temporary files for the output of programs, which may be large.
 *
 * They are the server's own temporary files, so that the end of a transaction
 * or the restart after a crash removes them.  A program writes through a
 * descriptor of its own, which no limit on temporary files applies to.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "tools/output_spool.h"

#define BUFFER_SIZE		65536

/* Create an empty temporary file that lives until the transaction ends. */
File
spool_create(void)
{
	return OpenTemporaryFile(false);
}

/*
 * Return a descriptor of the file, at its beginning, to pass to the next
 * program.  Opening other files may close it.
 */
int
spool_descriptor(File file)
{
	int			fd;

	/* this reopens the file if necessary */
	if (FileSize(file) < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not open file \"%s\": %m", FilePathName(file))));
	fd = FileGetRawDesc(file);
	if (lseek(fd, 0, SEEK_SET) < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in file \"%s\": %m",
						FilePathName(file))));
	return fd;
}

static int
read_part(File file, char *buffer, size_t size, off_t offset)
{
	int			n = FileRead(file, buffer, Min(size, BUFFER_SIZE), offset,
							 WAIT_EVENT_BUFFILE_READ);

	if (n < 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read file \"%s\": %m", FilePathName(file))));
	CHECK_FOR_INTERRUPTS();
	return n;
}

/* Return the whole file as text, palloc'd and possibly huge. */
char *
spool_text(File file)
{
	size_t		size = FileSize(file);
	size_t		len = 0;
	char	   *text = MemoryContextAllocHuge(CurrentMemoryContext, size + 1);

	while (len < size)
	{
		int			n = read_part(file, text + len, size - len, len);

		if (n == 0)
			break;
		len += n;
	}
	text[len] = '\0';
	return text;
}

void
spool_reader_begin(SpoolReader *reader, File file)
{
	memset(reader, 0, sizeof(*reader));
	reader->file = file;
	reader->buffer = palloc(BUFFER_SIZE);
}

/*
 * Read the next line, without its newline, into *line.  Returns false at the
 * end of the file.
 */
bool
spool_reader_next(SpoolReader *reader, StringInfo line)
{
	bool		found = false;

	resetStringInfo(line);
	for (;;)
	{
		char	   *start = reader->buffer + reader->used;
		int			left = reader->filled - reader->used;
		char	   *newline = left > 0 ? memchr(start, '\n', left) : NULL;
		int			len = newline != NULL ? newline - start : left;

		if (left > 0)
		{
			appendBinaryStringInfo(line, start, len);
			reader->used += len + (newline != NULL ? 1 : 0);
			found = true;
			if (newline != NULL)
				return true;
		}
		reader->used = 0;
		reader->filled = read_part(reader->file, reader->buffer, BUFFER_SIZE,
								   reader->offset);
		reader->offset += reader->filled;
		if (reader->filled == 0)
			return found;
	}
}

void
spool_reader_end(SpoolReader *reader)
{
	pfree(reader->buffer);
}
