/*-------------------------------------------------------------------------
 *
 * tool_output.c
 *	  Interpretation of the output of pg_dump and related programs: pure.
 *
 * With --verbose these programs print which table they process, among much
 * else.  We run them with LC_ALL=C, so that the messages are the ones below.
 * If a release words them differently, only the progress by table is lost.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/tool_output.h"

static const char *const programs[] = {"pg_dump: ", "pg_restore: "};

/* Return a line without the program's prefix, or NULL if it has none. */
static const char *
words_of(const char *line)
{
	for (size_t i = 0; i < lengthof(programs); i++)
	{
		if (strncmp(line, programs[i], strlen(programs[i])) == 0)
			return line + strlen(programs[i]);
	}
	return NULL;
}

/*
 * Does a line have an error of a parallel job?  A job writes the prefix, the
 * word "error" and the message one by one, so that the line of another job can
 * begin or end in between.
 */
static bool
has_error_inside(const char *line)
{
	static const char error[] = "error: ";

	if (strncmp(line, error, strlen(error)) == 0)
		return true;
	for (size_t i = 0; i < lengthof(programs); i++)
	{
		const char *inside = line;

		while ((inside = strstr(inside, programs[i])) != NULL)
		{
			inside += strlen(programs[i]);
			if (strncmp(inside, error, strlen(error)) == 0)
				return true;
		}
	}
	return false;
}

/*
 * Does the server warn that the operating system's collations have changed?
 * It warns each session, and its log has the warning.
 */
static bool
is_collation_warning(const char *line)
{
	return strncmp(line, "WARNING:  database \"", strlen("WARNING:  database \"")) == 0 &&
		strstr(line, "has a collation version mismatch") != NULL;
}

/*
 * Is this line mere --verbose chatter?  A line without a prefix continues the
 * previous one, because names can contain newlines, and notices of the server
 * can have details.  "before" tells whether the previous line was chatter.
 */
bool
tool_output_is_remark(const char *line, bool before)
{
	static const char *const others[] = {"error: ", "warning: ", "detail: ",
	"hint: "};
	const char *words = words_of(line);

	if (has_error_inside(line))
		return false;
	if (is_collation_warning(line))
		return true;
	if (words == NULL)
		return before;
	for (size_t i = 0; i < lengthof(others); i++)
	{
		if (strncmp(words, others[i], strlen(others[i])) == 0)
			return false;
	}
	return true;
}

/* Return the table whose rows are being dumped or restored, or NULL. */
char *
tool_output_table_begun(const char *line)
{
	static const char *const beginnings[] = {"dumping contents of table \"",
	"processing data for table \""};
	const char *words = words_of(line);

	for (size_t i = 0; words != NULL && i < lengthof(beginnings); i++)
	{
		if (strncmp(words, beginnings[i], strlen(beginnings[i])) == 0)
		{
			char	   *table = pstrdup(words + strlen(beginnings[i]));
			char	   *quote = strrchr(table, '"');

			if (quote != NULL)
				*quote = '\0';
			return table;
		}
	}
	return NULL;
}

/*
 * Does the line say that a parallel job has finished the rows of a table?  If
 * so, set *item to the number of the table's data in the dump, after which its
 * file is named.
 */
bool
tool_output_is_table_finished(const char *line, int *item)
{
	static const char finished[] = "finished item ";
	const char *words = words_of(line);

	if (words == NULL || strncmp(words, finished, strlen(finished)) != 0 ||
		strstr(words, " TABLE DATA ") == NULL)
		return false;
	*item = strtol(words + strlen(finished), NULL, 10);
	return true;
}
