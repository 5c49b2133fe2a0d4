/*-------------------------------------------------------------------------
 *
 * restore_program.c
 *	  Run pg_restore in a session, to read a dump.
 *
 * pg_restore then connects to no server and writes no file; it needs no
 * password, no home, and none of the session's settings.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#include "lib/stringinfo.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "session/restore_program.h"
#include "session/sql_util.h"
#include "settings.h"
#include "tools/output_spool.h"
#include "tools/tool_args.h"
#include "tools/tool_hints.h"

#define BUFFER_SIZE		65536

/* Return a file that lists entries of a dump by their IDs. */
static File
list_file(const List *dump_ids)
{
	File		file = spool_create();
	StringInfoData list;
	ListCell   *lc;

	initStringInfo(&list);
	foreach(lc, dump_ids)
		appendStringInfo(&list, "%d;\n", lfirst_int(lc));
	if (FileWrite(file, list.data, list.len, 0, 0) != list.len)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not write to a temporary file: %m")));
	pfree(list.data);
	return file;
}

/*
 * Start pg_restore with these arguments.  Unless the list is NIL, its standard
 * input lists these entries.  The stream lives in the current memory context.
 * Raises an error if pg_restore cannot be started.
 */
ChildStream *
restore_program_begin(char **argv, const List *dump_ids)
{
	char	  **environment = tool_args_environment(settings_bin_directory(),
													"/", NULL);
	ChildStream *stream;
	File		list = -1;

	if (access(argv[0], X_OK) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not find an executable \"%s\": %m", argv[0]),
				 errhint("Install the client programs of this server's version, or set \"snapshot_worker.bin_directory\" to where they are.")));
	if (dump_ids != NIL)
		list = list_file(dump_ids);
	stream = child_stream_begin(argv, environment,
								list >= 0 ? spool_descriptor(list) : -1);
	if (list >= 0)
		FileClose(list);
	return stream;
}

/*
 * After the end of its output, wait until pg_restore exits.  Raises an error
 * unless it has succeeded.
 */
void
restore_program_end(ChildStream *stream)
{
	int			status;
	char	   *output = child_stream_end(stream, &status);
	const char *hint = tool_hint("pg_restore", output);

	if (status == 0)
		return;
	if (hint == NULL)
		hint = "Verify the snapshot by snapshot_verify(), or use another one.";
	ereport(ERROR,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("%s failed: %s", "pg_restore", wait_result_to_str(status)),
			 output[0] != '\0' ?
			 errdetail_internal("%s", sql_clean_text(output)) : 0,
			 errhint("%s", hint)));
}

/*
 * Run pg_restore, and return its output, palloc'd; see
 * restore_program_begin().  Raises an error unless it succeeds, or if the
 * output has more than 1 GB.
 */
char *
restore_program_text(char **argv, const List *dump_ids)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext running = AllocSetContextCreate(caller, "pg_restore",
												  ALLOCSET_DEFAULT_SIZES);
	StringInfoData text;
	ChildStream *stream;
	size_t		n;

	initStringInfo(&text);
	MemoryContextSwitchTo(running);
	stream = restore_program_begin(argv, dump_ids);
	do
	{
		enlargeStringInfo(&text, BUFFER_SIZE);
		n = child_stream_read(stream, text.data + text.len, BUFFER_SIZE);
		/* a string cannot hold zero bytes */
		for (char *p = text.data + text.len; p < text.data + text.len + n; p++)
		{
			if (*p == '\0')
				*p = '?';
		}
		text.len += n;
		text.data[text.len] = '\0';
	} while (n > 0);
	restore_program_end(stream);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(running);
	return text.data;
}
