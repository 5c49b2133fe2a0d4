/*-------------------------------------------------------------------------
 *
 * json_record.h
 *	  Conversion of C structs to JSON objects and back, by a table of members.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_JSON_RECORD_H
#define SNAPSHOT_WORKER_JSON_RECORD_H

#include "util/json.h"

typedef enum RecordType
{
	RECORD_STRING,				/* char * */
	RECORD_STRING_OR_NULL,		/* char * */
	RECORD_STRING_OPTIONAL,		/* the same, but it may be missing */
	RECORD_NUMBER,				/* int64, not negative */
	RECORD_NUMBER_OR_NULL,		/* int64, -1 for null */
	RECORD_NUMBER_OPTIONAL,		/* the same, but it may be missing */
	RECORD_TIME,				/* TimestampTz */
	RECORD_TIME_OR_NULL,		/* TimestampTz, 0 for null */
	RECORD_LSN,					/* XLogRecPtr */
	RECORD_IDENTIFIER			/* uint64, as a string: many readers of JSON
								 * round numbers of this size */
} RecordType;

typedef struct RecordMember
{
	const char *name;
	RecordType	type;
	size_t		offset;			/* of the field in the struct */
} RecordMember;

/* Progress in reading one record; starts zeroed. */
typedef struct RecordProgress
{
	uint64		seen;			/* a bit for each member of the table */
	const char *wrong;			/* first member with a wrong value, or NULL */
} RecordProgress;

#define RECORD_MAX_MEMBERS	64

extern bool record_read_string(const JsonValue *value, char **result);
extern bool record_read_number(const JsonValue *value, int64 *result);
extern void record_write(StringInfo json, const RecordMember *members,
						 int nmembers, const void *record);
extern void record_read(RecordProgress *progress, const JsonValue *value,
						const RecordMember *members, int nmembers,
						void *record);
extern void record_copy_strings(const RecordMember *members, int nmembers,
								void *record);
extern const char *record_parse(char *text, size_t len,
								const RecordMember *members, int nmembers,
								void *record);
extern char *record_format(const RecordMember *members, int nmembers,
						   const void *record);
extern bool record_load(const char *path, size_t limit,
						const RecordMember *members, int nmembers,
						void *record, const char *value);
extern const char *record_problem(const RecordProgress *progress,
								  const RecordMember *members, int nmembers);

#endif							/* SNAPSHOT_WORKER_JSON_RECORD_H */
