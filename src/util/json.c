/*-------------------------------------------------------------------------
 *
 * json.c
 *	  Reading and writing JSON.
 *
 * Files in the snapshot directory can be damaged or hostile, and we read them
 * in databases of any encoding, so reading never raises an error.  The
 * server's parser raises some (for excessive nesting, and for escapes that the
 * database's encoding cannot represent); text that could trigger them is
 * rejected before it is parsed.  We never write such text.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "util/clean_text.h"
#include "util/compat.h"
#include "util/json.h"
#include "util/utc_time.h"

#define JSON_MAX_DEPTH	8
#define JSON_MAX_PATH	128

typedef struct JsonReader
{
	JsonLexContext *lex;
	int			depth;			/* of objects */
	int			array_depth;
	int			item;			/* of the outermost array */
	char	   *keys[JSON_MAX_DEPTH + 1];
	json_value_callback callback;
	void	   *arg;
} JsonReader;

/*
 * Return why the parser could raise an error on this text, or NULL.  The text
 * must be UTF-8, without deep nesting, and with escapes of ASCII only.
 */
static const char *
why_not_tame(const char *text, size_t len)
{
	bool		in_string = false;
	int			depth = 0;

	if (memchr(text, '\0', len) != NULL)
		return "it holds a zero byte";
	if (pg_encoding_verifymbstr(PG_UTF8, text, (int) len) != (int) len)
		return "it is not valid UTF-8";

	for (size_t i = 0; i < len; i++)
	{
		char		c = text[i];

		if (in_string && c == '\\')
		{
			i++;
			if (i + 3 < len && text[i] == 'u' &&
				(text[i + 1] != '0' || text[i + 2] != '0' ||
				 text[i + 3] < '0' || text[i + 3] > '7' ||
				 (text[i + 3] == '0' && i + 4 < len && text[i + 4] == '0')))
				return "it has an escape beyond ASCII";
		}
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
		{
			if (++depth > JSON_MAX_DEPTH)
				return "it is nested too deeply";
		}
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
	}
	return NULL;
}

static JsonActionResult
object_start(void *state)
{
	JsonReader *reader = state;

	reader->depth++;
	JSON_ACTION_DONE;
}

static JsonActionResult
object_end(void *state)
{
	JsonReader *reader = state;

	reader->depth--;
	JSON_ACTION_DONE;
}

static JsonActionResult
field_start(void *state, char *name, bool isnull)
{
	JsonReader *reader = state;

	reader->keys[reader->depth] = name;
	JSON_ACTION_DONE;
}

static JsonActionResult
array_start(void *state)
{
	JsonReader *reader = state;

	if (++reader->array_depth == 1)
		reader->item = -1;
	JSON_ACTION_DONE;
}

static JsonActionResult
array_end(void *state)
{
	JsonReader *reader = state;

	reader->array_depth--;
	JSON_ACTION_DONE;
}

static JsonActionResult
element_start(void *state, bool isnull)
{
	JsonReader *reader = state;

	if (reader->array_depth == 1)
		reader->item++;
	JSON_ACTION_DONE;
}

static JsonActionResult
read_scalar(void *state, char *token, JsonTokenType type)
{
	JsonReader *reader = state;
	char		path[JSON_MAX_PATH] = "";
	JsonValue	value;

	for (int i = 1; i <= reader->depth; i++)
	{
		size_t		used = strlen(path);

		snprintf(path + used, sizeof(path) - used, "%s%s",
				 i > 1 ? "." : "", reader->keys[i]);
	}

	value.path = path;
	value.item = reader->array_depth > 0 ? reader->item : -1;
	value.is_string = type == JSON_TOKEN_STRING;
	value.is_null = type == JSON_TOKEN_NULL;
	value.text = value.is_null ? "" : token;
	reader->callback(reader->arg, &value);
	JSON_ACTION_DONE;
}

/*
 * Call back for every scalar of a JSON document.  Strings passed to the
 * callback are palloc'd and remain.  Returns NULL, or why the text is not a
 * valid document; the callback may have been called even then.
 */
const char *
json_read(char *text, size_t len, json_value_callback callback, void *arg)
{
	JsonReader	reader = {0};
	JsonSemAction actions = {0};
	const char *problem;

	if (len >= MaxAllocSize)
		return "it is too large";
	problem = why_not_tame(text, len);
	if (problem != NULL)
		return problem;

	reader.lex = compat_json_lexer(text, len, PG_UTF8);
	reader.callback = callback;
	reader.arg = arg;

	actions.semstate = &reader;
	actions.object_start = object_start;
	actions.object_end = object_end;
	actions.object_field_start = field_start;
	actions.array_start = array_start;
	actions.array_end = array_end;
	actions.array_element_start = element_start;
	actions.scalar = read_scalar;

	if (pg_parse_json(reader.lex, &actions) != JSON_SUCCESS)
		return "it is not valid JSON";
	return NULL;
}

/* Read a whole number.  Returns false if the value is anything else. */
bool
json_to_int64(const JsonValue *value, int64 *result)
{
	char	   *end;

	if (value->is_string || value->is_null)
		return false;
	errno = 0;
	*result = strtoi64(value->text, &end, 10);
	return errno == 0 && end != value->text && *end == '\0';
}

/* Start a member of an object: a comma if needed, the key, a colon. */
void
json_add_key(StringInfo json, const char *key)
{
	char		last = json->len > 0 ? json->data[json->len - 1] : '{';

	if (last != '{' && last != '[')
		appendStringInfoString(json, ", ");
	escape_json(json, key);
	appendStringInfoString(json, ": ");
}

/* Add a cleaned string, or null for NULL. */
void
json_add_string(StringInfo json, const char *key, const char *value)
{
	char	   *copy;

	json_add_key(json, key);
	if (value == NULL)
	{
		appendStringInfoString(json, "null");
		return;
	}
	copy = clean_text(value, PG_UTF8);
	escape_json(json, copy);
	pfree(copy);
}

/* Add a whole number. */
void
json_add_int64(StringInfo json, const char *key, int64 value)
{
	json_add_key(json, key);
	appendStringInfo(json, INT64_FORMAT, value);
}

/* Add an instant, or null for 0. */
void
json_add_time(StringInfo json, const char *key, TimestampTz value)
{
	char		text[UTC_TIME_SIZE];

	utc_time_format(value, text);
	json_add_string(json, key, value == 0 ? NULL : text);
}
