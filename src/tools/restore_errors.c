/*-------------------------------------------------------------------------
 *
 * restore_errors.c
 *	  Parse the errors of pg_restore: which object each is about.  Pure.
 *
 * With --verbose and one job, pg_restore names each object before it restores
 * it.  An error about it follows:
 *
 *		pg_restore: creating FK CONSTRAINT "public.t t_a_fkey"
 *		pg_restore: from TOC entry 3225; 2606 16441 FK CONSTRAINT t t_a_fkey me
 *		pg_restore: error: could not execute query: ERROR:  insert or ...
 *		DETAIL:  Key (a)=(99) is not present in table "u".
 *		Command was: ALTER TABLE ONLY public.t
 *
 * A statement whose error restore_watch.c has turned into a WARNING counts as
 * such an error:
 *
 *		pg_restore: WARNING:  could not restore a privilege: permission denied
 *
 * Unless it stops at the first error, the last line of all counts them:
 *
 *		pg_restore: warning: errors ignored on restore: 1
 *
 * We run it with LC_ALL=C, and the server's messages are in English.  A name
 * with line breaks can forge such lines.  They can rename an error, or
 * add one, and so make a restore fail, but they cannot hide one: the last line
 * is always pg_restore's own.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "tools/restore_errors.h"

#define PROGRAM			"pg_restore: "
#define SERVER_ERROR	": ERROR:  "
#define TABLE_DATA		"TABLE DATA "

/* How much we keep of an error. */
#define ERROR_KEPT_BYTES	1500

/*
 * Start to read the lines of one pg_restore; report is called for each error.
 */
void
restore_errors_begin(RestoreErrors *errors,
					 void (*report) (void *arg, const RestoreError *error),
					 void *arg)
{
	memset(errors, 0, sizeof(*errors));
	errors->report = report;
	errors->arg = arg;
	errors->ignored = -1;
	initStringInfo(&errors->object);
	initStringInfo(&errors->text);
}

/*
 * Return what follows a beginning of a text, or NULL if it begins otherwise.
 */
static const char *
after(const char *text, const char *beginning)
{
	size_t		len = strlen(beginning);

	return strncmp(text, beginning, len) == 0 ? text + len : NULL;
}

/*
 * Begin an object, from its kind and a name in double quotes, or without.  A
 * quote inside of the name stays.
 */
static void
begin_object(RestoreErrors *errors, const char *kind, const char *name)
{
	StringInfo	object = &errors->object;
	const char *quote = strchr(name, '"');

	errors->objects++;
	resetStringInfo(object);
	appendStringInfoString(object, kind);
	if (quote == NULL)
		appendStringInfoString(object, name);
	else
	{
		appendBinaryStringInfo(object, name, quote - name);
		appendStringInfoString(object, quote + 1);
		if (object->len > 0 && object->data[object->len - 1] == '"')
			object->data[--object->len] = '\0';
	}
}

/*
 * Read the entry in "from TOC entry <ID>; <catalog> <OID> <entry>".  It has no
 * schema, so it is used only if the line of --verbose was about another kind
 * of object.
 */
static void
begin_entry(RestoreErrors *errors, const char *line)
{
	const char *entry = strstr(line, "; ");

	if (entry != NULL)
		entry += strspn(entry, "; 0123456789");
	if (entry == NULL || entry[0] == '\0')
		return;
	if (strncmp(errors->object.data, entry, strcspn(entry, " ")) == 0)
		return;
	begin_object(errors, "", entry);
}

/* Report the current error, if any: its message, and what follows in lines. */
static void
finish_error(RestoreErrors *errors)
{
	RestoreError error;
	char	   *text = errors->text.data;
	char	   *server;
	char	   *newline;

	if (!errors->in_error)
		return;
	errors->in_error = false;
	error.number = errors->objects;
	error.object = errors->object.len > 0 ? errors->object.data : "unknown object";
	newline = strchr(text, '\n');
	if (newline != NULL)
		*newline = '\0';
	server = strstr(text, SERVER_ERROR);
	error.message = server != NULL ? server + strlen(SERVER_ERROR) : text;
	error.detail = newline != NULL ? newline + 1 : "";
	if (after(error.detail, "DETAIL:  ") != NULL)
		error.detail = after(error.detail, "DETAIL:  ");
	errors->report(errors->arg, &error);
}

static void
begin_error(RestoreErrors *errors, const char *text)
{
	errors->count++;
	errors->in_error = true;
	resetStringInfo(&errors->text);
	appendStringInfoString(&errors->text, text);

	/* the connection or the archive, then, and not a statement */
	if (strstr(text, SERVER_ERROR) == NULL)
		errors->unexpected = true;
}

/* A warning that is to be reported as an error; more may follow it. */
static void
begin_warning(RestoreErrors *errors, const char *text)
{
	errors->in_error = true;
	resetStringInfo(&errors->text);
	appendStringInfoString(&errors->text, text);
}

/* Read a line with the prefix of the program, which is left out here. */
static void
read_message(RestoreErrors *errors, const char *words)
{
	const char *rest;

	if ((rest = after(words, "processing data for table ")) != NULL)
		begin_object(errors, TABLE_DATA, rest);
	else if ((rest = after(words, "creating ")) != NULL ||
			 (rest = after(words, "executing ")) != NULL ||
			 (rest = after(words, "processing ")) != NULL)
		begin_object(errors, "", rest);
	else if ((rest = after(words, "from TOC entry ")) != NULL)
		begin_entry(errors, rest);
	else if ((rest = after(words, "error: ")) != NULL)
		begin_error(errors, rest);
	else if ((rest = after(words, "WARNING:  " RESTORE_WARNING)) != NULL)
		begin_warning(errors, rest);
	else if ((rest = after(words, "warning: errors ignored on restore: ")) != NULL)
		errors->ignored = strtoi64(rest, NULL, 10);
}

/* Read a line of pg_restore's output. */
void
restore_errors_line(RestoreErrors *errors, const char *line)
{
	const char *words = after(line, PROGRAM);

	errors->ignored = -1;
	if (words != NULL)
	{
		finish_error(errors);
		read_message(errors, words);
	}
	else if (after(line, "Command was: ") != NULL)
		finish_error(errors);
	else if (errors->in_error && line[0] != '\0' &&
			 errors->text.len + strlen(line) < ERROR_KEPT_BYTES)
		appendStringInfo(&errors->text, "\n%s", line);
}

/* Report the last error, once the output has ended. */
void
restore_errors_end(RestoreErrors *errors)
{
	finish_error(errors);
}
