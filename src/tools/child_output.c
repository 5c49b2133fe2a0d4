/*-------------------------------------------------------------------------
 *
 * child_output.c
 *	  The output of a child: drain its pipe and keep the last lines.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "tools/child_output.h"

/* How much of a child's output we keep, and of one line of it. */
#define OUTPUT_KEPT_BYTES	1400
#define LINE_KEPT_BYTES		400

/* Number of reads in a row before we check for other events. */
#define DRAIN_READS			64

/*
 * Start with an empty output.  want_line is called with the beginning of each
 * complete line, and tells whether to keep it; NULL keeps all.
 */
void
child_output_init(ChildOutput *output,
				  bool (*want_line) (void *arg, const char *line), void *arg)
{
	initStringInfo(&output->text);
	output->line_len = 0;
	output->want_line = want_line;
	output->arg = arg;
}

/*
 * Append to the output.  Only the beginning of each line is kept, because a
 * query that names ten thousand tables is best known by its start.  Only the
 * last lines are kept.
 */
static void
append_output(ChildOutput *output, const char *data, size_t len)
{
	StringInfo	text = &output->text;

	for (const char *end = data + len; data < end;)
	{
		const char *newline = memchr(data, '\n', end - data);
		size_t		part = (newline != NULL ? newline : end) - data;
		size_t		room = LINE_KEPT_BYTES - output->line_len;

		appendBinaryStringInfo(text, data, Min(part, room));
		output->line_len += Min(part, room);
		data += part;
		if (newline != NULL)
		{
			if (output->want_line == NULL ||
				output->want_line(output->arg, text->data + text->len -
								  output->line_len))
				appendStringInfoChar(text, '\n');
			else
			{
				text->len -= output->line_len;
				text->data[text->len] = '\0';
			}
			output->line_len = 0;
			data++;
		}
	}
	while (text->len > OUTPUT_KEPT_BYTES)
	{
		char	   *newline = strchr(text->data, '\n');
		int			excess;

		if (newline == NULL)
			break;				/* cannot happen: lines are shorter */
		excess = newline + 1 - text->data;
		memmove(text->data, newline + 1, text->len - excess + 1);
		text->len -= excess;
	}
}

/*
 * Read what is available from a nonblocking descriptor, but stop after
 * DRAIN_READS reads, in case it is written faster than we read.  Returns false
 * at the end of the output.  Raises an error if it cannot be read.
 */
bool
child_output_drain(ChildOutput *output, int fd)
{
	char		buffer[4096];

	for (int i = 0; i < DRAIN_READS; i++)
	{
		ssize_t		n = read(fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read output of child process: %m")));
		if (n == 0)
			return false;

		/* replace zero bytes, which a string cannot hold */
		for (char *p = buffer; p < buffer + n; p++)
		{
			if (*p == '\0')
				*p = '?';
		}
		append_output(output, buffer, n);
	}
	return true;
}

/* Return the last lines, palloc'd, without the final newline. */
char *
child_output_finish(ChildOutput *output)
{
	StringInfo	text = &output->text;

	while (text->len > 0 && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	return text->data;
}
