/*-------------------------------------------------------------------------
 *
 * snapshot_name.c
 *	  Names of snapshots: the folder of the database, and the start.
 *
 * A snapshot's name is "<folder>/<UTC start>".  The folder is the database's
 * name, with every byte except ASCII letters, digits, "_" and an inner "-"
 * written as % and two hexadecimal digits.  Because dot and slash are encoded,
 * no database's name can lead out of the snapshot directory, or be mistaken
 * for a staging directory or a history file.  Folders and databases correspond
 * one to one.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "util/snapshot_name.h"

static bool
stands_for_itself(const char *start, const char *p)
{
	unsigned char c = (unsigned char) *p;

	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || (c == '-' && p > start);
}

/*
 * Write the folder of a database into folder, NAMES_FOLDER_SIZE bytes.  The
 * database's name is shorter than NAMEDATALEN.
 */
void
names_encode_database(const char *database, char *folder)
{
	char	   *out = folder;

	for (const char *p = database; *p != '\0'; p++)
	{
		if (stands_for_itself(database, p))
			*out++ = *p;
		else
			out += snprintf(out, 4, "%%%02X", (unsigned char) *p);
	}
	*out = '\0';
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Write the database of a folder into database, NAMEDATALEN bytes.  Returns
 * false unless names_encode_database() could have written the folder.
 */
bool
names_decode_database(const char *folder, char *database)
{
	char		again[NAMES_FOLDER_SIZE];
	int			len = 0;

	for (const char *p = folder; *p != '\0'; p++)
	{
		int			c = (unsigned char) *p;

		if (len >= NAMEDATALEN - 1)
			return false;
		if (c == '%')
		{
			int			high = hex_value(p[1]);
			int			low = high < 0 ? -1 : hex_value(p[2]);

			if (low < 0)
				return false;
			c = high * 16 + low;
			p += 2;
		}
		if (c == '\0')
			return false;
		database[len++] = (char) c;
	}
	database[len] = '\0';

	/* Accept only the canonical spelling. */
	names_encode_database(database, again);
	return len > 0 && strcmp(again, folder) == 0;
}

/*
 * Write the name of the snapshot of a database that starts at an instant,
 * NAMES_SIZE bytes.  Returns false if a name cannot represent the instant.
 */
bool
names_make(const char *database, TimestampTz instant, char *name)
{
	char		folder[NAMES_FOLDER_SIZE];
	char		time[UTC_TIME_NAME_SIZE];

	names_encode_database(database, folder);
	if (!utc_time_format_name(instant, time))
		return false;
	snprintf(name, NAMES_SIZE, "%s/%s", folder, time);
	return true;
}

/*
 * Split a snapshot's name: its folder (NAMES_FOLDER_SIZE bytes), its database
 * (NAMEDATALEN bytes), and its start.  Returns false if it is not the name of
 * a snapshot.
 */
bool
names_split(const char *name, char *folder, char *database,
			TimestampTz *instant)
{
	const char *slash = strchr(name, '/');

	if (slash == NULL || slash - name >= NAMES_FOLDER_SIZE)
		return false;
	memcpy(folder, name, slash - name);
	folder[slash - name] = '\0';
	return names_decode_database(folder, database) &&
		utc_time_parse_name(slash + 1, instant);
}

/*
 * Write the database of a snapshot into database, NAMEDATALEN bytes.  Returns
 * false when no snapshot can have that name.
 */
bool
names_database(const char *name, char *database)
{
	char		folder[NAMES_FOLDER_SIZE];
	TimestampTz start;

	return names_split(name, folder, database, &start);
}

/*
 * Get the start of a snapshot.  Returns false when no snapshot can have that
 * name.
 */
bool
names_start(const char *name, TimestampTz *start)
{
	char		folder[NAMES_FOLDER_SIZE];
	char		database[NAMEDATALEN];

	return names_split(name, folder, database, start);
}

/* Is a database one that a restore makes and drops? */
bool
names_is_scratch(const char *database)
{
	return strncmp(database, NAMES_SCRATCH_PREFIX,
				   strlen(NAMES_SCRATCH_PREFIX)) == 0;
}
