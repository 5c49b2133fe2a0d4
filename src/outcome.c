/*-------------------------------------------------------------------------
 *
 * outcome.c
 *	  What a verification came to: kept beside the snapshot, and raised.
 *
 * Three things count against a snapshot: files that are not what its manifest
 * says, an archive that pg_restore cannot read, and contents that are not what
 * they were.  Each is a Fault, which is kept, and raised as an error of class
 * "data corrupted".  No other error of a verification has that class.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"
#include "outcome.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Of more problems than these there is only the number. */
#define MAX_PROBLEMS	10

void
problems_begin(Problems *problems)
{
	problems->count = 0;
	initStringInfo(&problems->text);
}

/* Would one more problem be told, or only counted? */
bool
problems_are_told(const Problems *problems)
{
	return problems->count < MAX_PROBLEMS;
}

void
problems_add(Problems *problems, const char *format,...)
{
	char		line[2048];
	va_list		args;

	if (++problems->count > MAX_PROBLEMS)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	appendStringInfo(&problems->text, "%s%s",
					 problems->text.len > 0 ? "\n" : "", line);
}

/* The problems as text, a line for each.  To be called once. */
char *
problems_text(Problems *problems)
{
	if (problems->count > MAX_PROBLEMS)
		appendStringInfo(&problems->text, "\nand %d more",
						 problems->count - MAX_PROBLEMS);
	return problems->text.data;
}

/* Is the snapshot's directory gone?  What is removed is not damaged. */
bool
outcome_is_removed(const StoredSnapshot *snapshot)
{
	struct stat st;

	return lstat(snapshot->path, &st) != 0 && errno == ENOENT;
}

void
outcome_raise_removed(const StoredSnapshot *snapshot)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("snapshot \"%s\" was removed while it was verified",
					snapshot->name)));
}

static void
record(const StoredSnapshot *snapshot, VerifyLevel level, char *problem)
{
	Verification verification = {0};

	verification.name = snapshot->name;
	verification.verified_at = GetCurrentTimestamp();
	verification.level = pstrdup(settings_verify_name(level));
	verification.problem = problem;
	verification_write(snapshot->path, &verification);
}

/* Keep that the snapshot is good, as far as that level. */
void
outcome_good(const StoredSnapshot *snapshot, VerifyLevel level)
{
	record(snapshot, level, NULL);
}

/* As record.  A failure is warned of: the error to raise is the problem. */
static void
try_record(const StoredSnapshot *snapshot, VerifyLevel level, char *problem)
{
	MemoryContext caller = CurrentMemoryContext;

	PG_TRY();
	{
		record(snapshot, level, problem);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		MemoryContextSwitchTo(caller);
		ereport(WARNING,
				(errcode(edata->sqlerrcode),
				 errmsg("could not keep the outcome of a verification: %s",
						edata->message)));
	}
	PG_END_TRY();
}

/* Keep what is wrong with a snapshot, and raise it. */
void
outcome_bad(const StoredSnapshot *snapshot, const Fault *fault)
{
	if (outcome_is_removed(snapshot))
		outcome_raise_removed(snapshot);
	try_record(snapshot, fault->level,
			   fault->detail == NULL ? pstrdup(fault->message) :
			   psprintf("%s\n%s", fault->message, fault->detail));
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("%s", fault->message),
			 fault->detail != NULL ?
			 errdetail_internal("%s", fault->detail) : 0,
			 fault->hint != NULL ? errhint("%s", fault->hint) : 0));
}
