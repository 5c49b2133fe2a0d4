/*-------------------------------------------------------------------------
 *
 * tool_output.c
 *	  What pg_dump and its kin say, and what that means: pure.
 *
 * With --verbose they tell which table they are at, among much else.  We run
 * them with LC_ALL=C, so that the words are these; where a release has others,
 * no more is lost than that the progress of tables is not known.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/tool_output.h"

static const char *const programs[] = {"pg_dump: ", "pg_restore: "};

/* The program's own words in a line, or NULL where it has no such prefix. */
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

/* Does a parallel job's error begin inside of another one's line? */
static bool
has_error_inside(const char *line)
{
	for (size_t i = 0; i < lengthof(programs); i++)
	{
		const char *inside = strstr(line, programs[i]);

		if (inside != NULL &&
			strncmp(inside + strlen(programs[i]), "error: ", 7) == 0)
			return true;
	}
	return false;
}

/*
 * Does the server warn that the operating system's collations have changed?  It
 * does so for each session, and its log has that.
 */
static bool
is_collation_warning(const char *line)
{
	return strncmp(line, "WARNING:  database \"", strlen("WARNING:  database \"")) == 0 &&
		strstr(line, "has a collation version mismatch") != NULL;
}

/*
 * Is this only what --verbose adds?  A line without a prefix goes on with what
 * the one before it said: names can have newlines in them, and notices of the
 * server have details.  before tells whether that one was such a remark.
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

/* The table whose rows are now dumped or restored, palloc'd, or NULL. */
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
 * Does it say that a parallel job is done with the rows of a table?  Then
 * *item is the number of that in the archive, which its file is named after.
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
