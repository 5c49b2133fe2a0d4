/*-------------------------------------------------------------------------
 *
 * history_tail.c
 *	  The choice of lines to keep in a history that grew too long: pure.
 *
 * Each database keeps its latest lines, as many for each as fit.  So a
 * database whose runs keep failing pushes out only its own lines.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "store/history_tail.h"
#include "util/snapshot_name.h"

/* The number of lines of a database from some line on. */
typedef struct DatabaseLines
{
	char		database[NAMEDATALEN];	/* the hash key */
	int			count;
} DatabaseLines;

/* A line as text. */
typedef struct Line
{
	StringInfoData text;
	int			rank;			/* 1 for the last line of its database */
} Line;

static HTAB *
make_table(void)
{
	HASHCTL		info;

	info.keysize = NAMEDATALEN;
	info.entrysize = sizeof(DatabaseLines);
	info.hcxt = CurrentMemoryContext;
	return hash_create("databases of a history", 64, &info,
					   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/* Rank the lines; lines without a snapshot's name have rank 0. */
static Line *
rank_lines(List *lines)
{
	HTAB	   *databases = make_table();
	Line	   *ranked = palloc_array(Line, list_length(lines));

	for (int i = list_length(lines) - 1; i >= 0; i--)
	{
		HistoryLine *line = list_nth(lines, i);
		char		database[NAMEDATALEN];

		initStringInfo(&ranked[i].text);
		ranked[i].rank = 0;
		if (names_database(line->name, database))
		{
			bool		found;
			DatabaseLines *entry = hash_search(databases, database, HASH_ENTER,
											   &found);

			entry->count = found ? entry->count + 1 : 1;
			ranked[i].rank = entry->count;
			history_line_format(&ranked[i].text, line);
		}
	}
	hash_destroy(databases);
	return ranked;
}

/*
 * Return how many lines of each database fit into "limit" bytes; 0 if there
 * are too many databases for even one line of each.
 */
static int
count_fitting(const Line *ranked, int count, size_t limit)
{
	size_t	   *sizes = palloc0_array(size_t, count + 1);	/* by rank */
	size_t		total = 0;
	int			fitting;

	for (int i = 0; i < count; i++)
		sizes[ranked[i].rank] += ranked[i].text.len;
	for (fitting = 0; fitting < count; fitting++)
	{
		total += sizes[fitting + 1];
		if (total > limit)
			break;
	}
	pfree(sizes);
	return fitting;
}

/*
 * Return the text of the lines to keep, oldest first, of at most "limit"
 * bytes.
 */
char *
history_tail(List *lines, size_t limit)
{
	int			count = list_length(lines);
	Line	   *ranked = rank_lines(lines);
	int			fitting = count_fitting(ranked, count, limit);
	size_t		total = 0;
	int			first = 0;
	StringInfoData kept;

	/* if not even one line of each database fits, keep the newest ones */
	for (int i = count - 1; i >= 0; i--)
	{
		if (ranked[i].rank > 0 && ranked[i].rank <= Max(fitting, 1))
			total += ranked[i].text.len;
		if (total > limit)
		{
			first = i + 1;
			break;
		}
	}

	initStringInfo(&kept);
	for (int i = first; i < count; i++)
	{
		if (ranked[i].rank > 0 && ranked[i].rank <= Max(fitting, 1))
			appendBinaryStringInfo(&kept, ranked[i].text.data,
								   ranked[i].text.len);
	}
	return kept.data;
}
