/*-------------------------------------------------------------------------
 *
 * json_record.c
 *	  Conversion of C structs to JSON objects and back, by a table of members.
 *
 * One table serves both directions, so that reading and writing agree.  Every
 * member is required, except for those of an optional type.  Unknown members
 * are ignored, because a later release may add some.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlogdefs.h"
#include "utils/pg_lsn.h"

#include "util/files.h"
#include "util/json_record.h"
#include "util/utc_time.h"

/* Add the members of a record to a JSON object. */
void
record_write(StringInfo json, const RecordMember *members, int nmembers,
			 const void *record)
{
	for (const RecordMember *m = members; m < members + nmembers; m++)
	{
		const void *field = (const char *) record + m->offset;

		switch (m->type)
		{
			case RECORD_STRING:
			case RECORD_STRING_OR_NULL:
			case RECORD_STRING_OPTIONAL:
				json_add_string(json, m->name, *(char *const *) field);
				break;
			case RECORD_NUMBER:
				json_add_int64(json, m->name, *(const int64 *) field);
				break;
			case RECORD_NUMBER_OR_NULL:
			case RECORD_NUMBER_OPTIONAL:
				if (*(const int64 *) field < 0)
					json_add_string(json, m->name, NULL);
				else
					json_add_int64(json, m->name, *(const int64 *) field);
				break;
			case RECORD_TIME:
				{
					char		text[UTC_TIME_SIZE];

					utc_time_format(*(const TimestampTz *) field, text);
					json_add_string(json, m->name, text);
					break;
				}
			case RECORD_TIME_OR_NULL:
				json_add_time(json, m->name, *(const TimestampTz *) field);
				break;
			case RECORD_LSN:
				json_add_string(json, m->name,
								psprintf("%X/%X",
										 LSN_FORMAT_ARGS(*(const XLogRecPtr *) field)));
				break;
			case RECORD_IDENTIFIER:
				json_add_string(json, m->name,
								psprintf(UINT64_FORMAT, *(const uint64 *) field));
				break;
		}
	}
}

/* Read a string, palloc'd.  Returns false if the value is not one. */
bool
record_read_string(const JsonValue *value, char **result)
{
	if (value->is_string)
		*result = pstrdup(value->text);
	return value->is_string;
}

/* Read a nonnegative whole number.  Returns false if the value is not one. */
bool
record_read_number(const JsonValue *value, int64 *result)
{
	return json_to_int64(value, result) && *result >= 0;
}

static bool
read_lsn(const JsonValue *value, XLogRecPtr *result)
{
	bool		bad = !value->is_string;

	if (!bad)
		*result = pg_lsn_in_internal(value->text, &bad);
	return !bad;
}

static bool
read_identifier(const JsonValue *value, uint64 *result)
{
	char	   *end;

	if (!value->is_string || value->text[0] < '0' || value->text[0] > '9')
		return false;
	errno = 0;
	*result = strtou64(value->text, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool
read_field(const JsonValue *value, RecordType type, void *field)
{
	if (value->is_null && (type == RECORD_NUMBER_OR_NULL ||
						   type == RECORD_NUMBER_OPTIONAL))
		*(int64 *) field = -1;
	if (value->is_null)
		return type == RECORD_STRING_OR_NULL ||
			type == RECORD_STRING_OPTIONAL || type == RECORD_TIME_OR_NULL ||
			type == RECORD_NUMBER_OR_NULL || type == RECORD_NUMBER_OPTIONAL;

	switch (type)
	{
		case RECORD_STRING:
		case RECORD_STRING_OR_NULL:
		case RECORD_STRING_OPTIONAL:
			return record_read_string(value, field);
		case RECORD_NUMBER:
		case RECORD_NUMBER_OR_NULL:
		case RECORD_NUMBER_OPTIONAL:
			return record_read_number(value, field);
		case RECORD_TIME:
		case RECORD_TIME_OR_NULL:
			return value->is_string && utc_time_parse(value->text, field);
		case RECORD_LSN:
			return read_lsn(value, field);
		case RECORD_IDENTIFIER:
			return read_identifier(value, field);
	}
	return false;
}

/* Read a value into its field, if the table has one for it. */
void
record_read(RecordProgress *progress, const JsonValue *value,
			const RecordMember *members, int nmembers, void *record)
{
	Assert(nmembers <= RECORD_MAX_MEMBERS);

	for (int i = 0; i < nmembers; i++)
	{
		void	   *field = (char *) record + members[i].offset;

		if (strcmp(value->path, members[i].name) != 0)
			continue;
		/* reject values in an array, and repeated members */
		if ((value->item >= 0 ||
			 (progress->seen & (UINT64CONST(1) << i)) != 0 ||
			 !read_field(value, members[i].type, field)) &&
			progress->wrong == NULL)
			progress->wrong = members[i].name;
		progress->seen |= UINT64CONST(1) << i;
		return;
	}
}

/* Copy the strings of a record into the current memory context. */
void
record_copy_strings(const RecordMember *members, int nmembers, void *record)
{
	for (const RecordMember *m = members; m < members + nmembers; m++)
	{
		char	  **field = (char **) ((char *) record + m->offset);

		if ((m->type == RECORD_STRING || m->type == RECORD_STRING_OR_NULL ||
			 m->type == RECORD_STRING_OPTIONAL) && *field != NULL)
			*field = pstrdup(*field);
	}
}

/* Return why the record is incomplete or invalid, or NULL. */
const char *
record_problem(const RecordProgress *progress, const RecordMember *members,
			   int nmembers)
{
	if (progress->wrong != NULL)
		return psprintf("its member \"%s\" has a wrong value",
						progress->wrong);
	for (int i = 0; i < nmembers; i++)
	{
		if ((progress->seen & (UINT64CONST(1) << i)) == 0 &&
			members[i].type != RECORD_STRING_OPTIONAL &&
			members[i].type != RECORD_NUMBER_OPTIONAL)
			return psprintf("it lacks the member \"%s\"", members[i].name);
	}
	return NULL;
}

typedef struct RecordReader
{
	RecordProgress progress;
	const RecordMember *members;
	int			nmembers;
	void	   *record;
} RecordReader;

static void
read_value(void *arg, const JsonValue *value)
{
	RecordReader *reader = arg;

	record_read(&reader->progress, value, reader->members, reader->nmembers,
				reader->record);
}

/*
 * Parse a JSON object that is one record into a zeroed struct.  Returns NULL,
 * or why the text is not a valid record.  Raises no error.
 */
const char *
record_parse(char *text, size_t len, const RecordMember *members,
			 int nmembers, void *record)
{
	RecordReader reader = {{0}, members, nmembers, record};
	const char *problem = json_read(text, len, read_value, &reader);

	if (problem != NULL)
		return problem;
	return record_problem(&reader.progress, members, nmembers);
}

/* Return a record as a line with a JSON object, palloc'd. */
char *
record_format(const RecordMember *members, int nmembers, const void *record)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoChar(&text, '{');
	record_write(&text, members, nmembers, record);
	appendStringInfoString(&text, "}\n");
	return text.data;
}

/*
 * Read a file of at most limit bytes that holds one record into a zeroed
 * struct. Returns false if it cannot be read, or if its first member, a
 * string, does not have this value.  Raises no error.
 */
bool
record_load(const char *path, size_t limit, const RecordMember *members,
			int nmembers, void *record, const char *value)
{
	const char *problem;
	size_t		len;
	char	   *text = files_read(path, limit, &len, &problem);

	Assert(members[0].type == RECORD_STRING);
	return text != NULL &&
		record_parse(text, len, members, nmembers, record) == NULL &&
		strcmp(*(char **) ((char *) record + members[0].offset), value) == 0;
}
