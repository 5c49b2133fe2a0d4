/*-------------------------------------------------------------------------
 *
 * messages.c
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

#include "messages.h"

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
 * Is this only what --verbose adds?  A line without a prefix goes on with what
 * the one before it said: names can have newlines in them, and notices of the
 * server have details.  before tells whether that one was such a remark.
 */
bool
messages_is_remark(const char *line, bool before)
{
	static const char *const others[] = {"error: ", "warning: ", "detail: ",
	"hint: "};
	const char *words = words_of(line);

	if (has_error_inside(line))
		return false;
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
messages_table_begun(const char *line)
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
messages_is_table_finished(const char *line, int *item)
{
	static const char finished[] = "finished item ";
	const char *words = words_of(line);

	if (words == NULL || strncmp(words, finished, strlen(finished)) != 0 ||
		strstr(words, " TABLE DATA ") == NULL)
		return false;
	*item = strtol(words + strlen(finished), NULL, 10);
	return true;
}

/* What to do about a program's last words, or NULL where nothing is known. */
const char *
messages_hint(const char *output)
{
	static const struct
	{
		const char *words;
		const char *hint;
	}			hints[] = {
		{"no password supplied",
		"pg_hba.conf asks for a password: put it into the pass file (~/.pgpass) of the operating system user that runs the server, or use \"peer\" authentication."},
		{"password authentication failed",
		"Check the pass file (~/.pgpass) of the operating system user that runs the server."},
		{"Peer authentication failed",
		"Set \"snapshot_worker.user\" to a role that pg_hba.conf and pg_ident.conf let the server's operating system user be."},
		{"pg_hba.conf rejects connection",
		"Let the role of \"snapshot_worker.user\" connect to this database over the server's Unix-domain socket in pg_hba.conf."},
		{"too many clients already",
		"Raise \"max_connections\": pg_dump takes one more than \"snapshot_worker.jobs\"."},
		{"remaining connection slots are reserved",
		"Raise \"max_connections\": pg_dump takes one more than \"snapshot_worker.jobs\"."},
		{"no pg_hba.conf entry",
		"Let the role of \"snapshot_worker.user\" connect to this database over the server's Unix-domain socket in pg_hba.conf."},
		{"permission denied for database",
		"Grant CONNECT on the database to the role of \"snapshot_worker.user\"."},
		{"row-level security policy",
		"The role of \"snapshot_worker.user\" needs to be a superuser, or to have BYPASSRLS."},
		{"permission denied for large object",
		"The role of \"snapshot_worker.user\" needs to be a superuser, or to have been granted SELECT on all large objects."},
		{"permission denied",
		"The role of \"snapshot_worker.user\" needs to be a superuser, or to read all that it dumps (pg_read_all_data)."},
	};
	bool		locking = strstr(output, "Query was: LOCK TABLE") != NULL;

	if (strstr(output, "after the dump began") != NULL)
		return "A statement such as TRUNCATE or ALTER TABLE was just committed. Take the snapshot once more.";

	for (size_t i = 0; i < lengthof(hints); i++)
	{
		if (strstr(output, hints[i].words) != NULL)
			return hints[i].hint;
	}
	if (locking && strstr(output, "canceling statement") != NULL)
		return "Another session holds a strong lock on a table. \"snapshot_worker.lock_timeout\" says how long to wait for it.";
	if (locking && strstr(output, "does not exist") != NULL)
		return "A table was dropped or renamed just before it was to be locked. Take the snapshot once more.";
	return NULL;
}
