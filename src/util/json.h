/*-------------------------------------------------------------------------
 *
 * json.h
 *	  Reading and writing JSON.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_JSON_H
#define SNAPSHOT_WORKER_JSON_H

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"

/* A scalar of a document, as json_read() reports it. */
typedef struct JsonValue
{
	const char *path;			/* keys from the top, joined by dots */
	int			item;			/* index in the outermost array, or -1 */
	bool		is_string;
	bool		is_null;
	const char *text;			/* unescaped, or the literal; "" for null */
} JsonValue;

typedef void (*json_value_callback) (void *arg, const JsonValue *value);

extern const char *json_read(char *text, size_t len,
							 json_value_callback callback, void *arg);
extern bool json_to_int64(const JsonValue *value, int64 *result);

extern void json_add_key(StringInfo json, const char *key);
extern void json_add_string(StringInfo json, const char *key,
							const char *value);
extern void json_add_int64(StringInfo json, const char *key, int64 value);
extern void json_add_time(StringInfo json, const char *key,
						  TimestampTz value);

#endif							/* SNAPSHOT_WORKER_JSON_H */
