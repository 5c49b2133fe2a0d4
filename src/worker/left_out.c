/*-------------------------------------------------------------------------
 *
 * left_out.c
 *	  Log what a restore leaves out or changes, and report it to the session.
 *
 * With on_error => 'continue', pg_restore goes on after errors.  The restore
 * then succeeds in spite of them if three witnesses agree that each was the
 * server's answer to a statement of the dump: pg_restore ran to its end, and
 * its last line counts no more errors than it printed; each of these is one of
 * the server; and no session has noted an error of another class, such as a
 * full disk, a canceled statement or a lost connection (see restore_watch.c).
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/wait.h>

#include "worker/left_out.h"

/* Report an object that was left out, or ("") a change. */
static void
add_warning(LeftOut *left_out, const char *object, const char *message,
			const char *detail)
{
	RestoreWarning warning = {object, message, detail};

	restore_report_add(left_out->report, &warning);
	if (object[0] != '\0')
		left_out->objects++;
}

/* Report a change that is logged elsewhere. */
void
left_out_add_change(LeftOut *left_out, const char *message)
{
	add_warning(left_out, "", message, "");
}

static void
log_object(const char *object, const char *message, const char *detail)
{
	ereport(WARNING,
			(errcode(ERRCODE_EXTERNAL_ROUTINE_EXCEPTION),
			 errmsg("could not restore %s: %s", object, message),
			 detail[0] != '\0' ? errdetail_internal("%s", detail) : 0));
}

/*
 * An error of pg_restore.  If several are about one object, such as its
 * creation and then its owner, the first one is reported.
 */
static void
add_error(void *arg, const RestoreError *error)
{
	LeftOut    *left_out = arg;

	if (!left_out->go_on)
		return;
	log_object(error->object, error->message, error->detail);
	if (left_out->last == error->number)
		return;
	left_out->last = error->number;
	add_warning(left_out, error->object, error->message, error->detail);
}

/* Before pg_restore starts: begin to read its errors. */
void
left_out_begin(LeftOut *left_out)
{
	left_out->last = 0;
	restore_errors_begin(&left_out->errors, add_error, left_out);
}

/*
 * Could all errors of pg_restore be left out?  If not, the dump need not have
 * caused them.
 */
static bool
are_of_dump(const LeftOut *left_out, RunContext *cxt,
			const ChildResult *result, RestoreTrouble *trouble)
{
	restore_notes_trouble(cxt->notes, trouble);
	return WIFEXITED(result->status) && WEXITSTATUS(result->status) == 1 &&
		left_out->errors.count > 0 && !left_out->errors.unexpected &&
		trouble->sqlerrcode == 0;
}

/*
 * After pg_restore has failed: has it restored all that can be restored, and
 * left out the rest?
 */
bool
left_out_is_all(LeftOut *left_out, RunContext *cxt, const ChildResult *result)
{
	RestoreTrouble trouble;

	return left_out->go_on && left_out->errors.ignored > 0 &&
		left_out->errors.count >= left_out->errors.ignored &&
		are_of_dump(left_out, cxt, result, &trouble);
}

/*
 * Raise the error of pg_restore.  If what failed could be left out, the hint
 * says how.
 */
void
left_out_fail(LeftOut *left_out, RunContext *cxt, char **argv,
			  const ChildResult *result)
{
	RestoreTrouble trouble;
	bool		of_dump = are_of_dump(left_out, cxt, result, &trouble);

	/* other errors may have followed, so that the output's end lacks it */
	if (left_out->go_on && trouble.sqlerrcode != 0)
		ereport(ERROR,
				(errcode(trouble.sqlerrcode),
				 errmsg("pg_restore failed: %s", trouble.message),
				 errdetail("The snapshot did not cause this error, so nothing was left out for it.")));
	run_fail_with_advice(cxt, argv, result,
						 of_dump && !left_out->go_on ? left_out->advice : NULL);
}

/*
 * After pg_restore has ended: report what its sessions have noted.  They have
 * logged it.
 */
void
left_out_add_notes(LeftOut *left_out, RunContext *cxt)
{
	ListCell   *lc;

	foreach(lc, restore_notes_list(cxt->notes))
	{
		const RestoreNote *note = lfirst(lc);

		add_warning(left_out, note->object, note->message, "");
	}
	left_out->objects += restore_notes_dropped(cxt->notes);
}
