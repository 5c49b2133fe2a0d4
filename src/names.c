/*-------------------------------------------------------------------------
 *
 * names.c
 *	  What a snapshot is called: database folders and instants, as text.
 *
 * A snapshot's name is "<folder>/<UTC start>".  The folder is the database's
 * name, in which every byte but ASCII letters, digits, "_" and an inner "-"
 * is written as % and two hexadecimal digits.  Since that takes the dot and
 * the slash along, no database's name can lead out of the snapshot directory,
 * nor be mistaken for a staging directory or a history file.  Each folder
 * stands for exactly one database and the other way round.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "names.h"
#include "pgtime.h"
#include "utils/timestamp.h"

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
 * false when the folder is not what names_encode_database gives for any.
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

	/* Only the one true spelling will do. */
	names_encode_database(database, again);
	return len > 0 && strcmp(again, folder) == 0;
}

/*
 * Break an instant up in UTC.  Returns false when its year does not have four
 * digits, which no name of ours has room for.
 */
static bool
break_up(TimestampTz instant, struct pg_tm *tm, fsec_t *fsec)
{
	return !TIMESTAMP_NOT_FINITE(instant) &&
		timestamp2tm(instant, NULL, tm, fsec, NULL, NULL) == 0 &&
		tm->tm_year >= 1 && tm->tm_year <= 9999;
}

/*
 * Read text by a pattern, in which 0 stands for a digit and all else for
 * itself, as year, month, day, hour, minute, second and microseconds.
 */
static bool
parse_by_pattern(const char *text, const char *pattern, TimestampTz *instant)
{
	int			fields[7] = {0};
	int			nfields = 0;
	struct pg_tm tm = {0};
	struct pg_tm again;
	fsec_t		fsec;

	if (strlen(text) != strlen(pattern))
		return false;
	for (int i = 0; pattern[i] != '\0'; i++)
	{
		if (pattern[i] == '0')
		{
			if (text[i] < '0' || text[i] > '9')
				return false;
			fields[nfields] = fields[nfields] * 10 + (text[i] - '0');
			if (pattern[i + 1] != '0')
				nfields++;
		}
		else if (text[i] != pattern[i])
			return false;
	}

	tm.tm_year = fields[0];
	tm.tm_mon = fields[1];
	tm.tm_mday = fields[2];
	tm.tm_hour = fields[3];
	tm.tm_min = fields[4];
	tm.tm_sec = fields[5];
	if (tm.tm_mon < 1 || tm.tm_mon > MONTHS_PER_YEAR ||
		tm2timestamp(&tm, fields[6], NULL, instant) != 0)
		return false;

	/* The 31st of February must not pass for some day of March. */
	return break_up(*instant, &again, &fsec) &&
		again.tm_year == tm.tm_year && again.tm_mon == tm.tm_mon &&
		again.tm_mday == tm.tm_mday && again.tm_hour == tm.tm_hour &&
		again.tm_min == tm.tm_min && again.tm_sec == tm.tm_sec;
}

/*
 * Write an instant, to the second, as in a snapshot's name, NAMES_TIME_SIZE
 * bytes.  Returns false when its year does not have four digits.
 */
bool
names_format_time(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (!break_up(instant, &tm, &fsec))
		return false;
	snprintf(text, NAMES_TIME_SIZE, "%04d-%02d-%02dT%02d-%02d-%02dZ",
			 tm.tm_year, tm.tm_mon, tm.tm_mday,
			 tm.tm_hour, tm.tm_min, tm.tm_sec);
	return true;
}

/* The instant of a text that names_format_time could have written. */
bool
names_parse_time(const char *text, TimestampTz *instant)
{
	return parse_by_pattern(text, "0000-00-00T00-00-00Z", instant);
}

/*
 * Write the name of the snapshot of a database that starts at an instant,
 * NAMES_SIZE bytes.  Returns false when the instant cannot be in a name.
 */
bool
names_make(const char *database, TimestampTz instant, char *name)
{
	char		folder[NAMES_FOLDER_SIZE];
	char		time[NAMES_TIME_SIZE];

	names_encode_database(database, folder);
	if (!names_format_time(instant, time))
		return false;
	snprintf(name, NAMES_SIZE, "%s/%s", folder, time);
	return true;
}

/*
 * Take a snapshot's name apart: its folder (NAMES_FOLDER_SIZE bytes), its
 * database (NAMEDATALEN bytes), and its start.  Returns false when it is not
 * the name of any snapshot.
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
		names_parse_time(slash + 1, instant);
}

/* Write an instant as in a manifest, NAMES_ISO_SIZE bytes; "" if it cannot. */
void
names_format_iso(TimestampTz instant, char *text)
{
	struct pg_tm tm;
	fsec_t		fsec;

	text[0] = '\0';
	if (break_up(instant, &tm, &fsec))
		snprintf(text, NAMES_ISO_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
				 tm.tm_year, tm.tm_mon, tm.tm_mday,
				 tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

/* The instant of a text that names_format_iso could have written. */
bool
names_parse_iso(const char *text, TimestampTz *instant)
{
	return parse_by_pattern(text, "0000-00-00T00:00:00.000000Z", instant);
}
