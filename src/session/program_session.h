/*-------------------------------------------------------------------------
 *
 * program_session.h
 *	  Find the run that this session belongs to, and attach to what they share.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_PROGRAM_SESSION_H
#define SNAPSHOT_WORKER_PROGRAM_SESSION_H

#include "shmem/restore_notes.h"
#include "shmem/table_copies.h"

/* What this session shares with the worker of its run. */
typedef struct ProgramSession
{
	Copies	   *copies;
	CopiesHandle handle;
	RestoreNotes *notes;		/* NULL in a program that dumps */
} ProgramSession;

extern const ProgramSession *program_session(void);
extern RestoreNotes *program_session_notes(void);

#endif							/* SNAPSHOT_WORKER_PROGRAM_SESSION_H */
