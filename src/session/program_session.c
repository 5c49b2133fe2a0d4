/*-------------------------------------------------------------------------
 *
 * program_session.c
 *	  Find the run that this session belongs to, and attach to what they share.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "session/program_session.h"
#include "settings.h"

static ProgramSession session;

/*
 * Return what this session shares with the worker of its run, or NULL if it
 * belongs to none.  It stays valid until the next call.  Attaches to it.
 */
const ProgramSession *
program_session(void)
{
	CopiesHandle handle;

	if (setting_session_token[0] == '\0' ||
		!state_find_programs(setting_session_token, GetAuthenticatedUserId(),
							 &handle))
		return NULL;
	if (session.copies != NULL &&
		(handle.area != session.handle.area ||
		 handle.tables != session.handle.tables))
	{
		Copies	   *old = session.copies;

		memset(&session, 0, sizeof(session));
		copies_detach(old);
	}
	if (session.copies == NULL)
	{
		session.copies = copies_attach(&handle);
		if (DsaPointerIsValid(handle.notes))
		{
			session.notes = copies_address(session.copies, handle.notes);
			restore_notes_attach(session.notes);
		}
	}
	session.handle = handle;
	return &session;
}

/*
 * Return the notes that this session has attached to, or NULL.  Safe while an
 * error is reported.
 */
RestoreNotes *
program_session_notes(void)
{
	return session.notes;
}
