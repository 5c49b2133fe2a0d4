/*-------------------------------------------------------------------------
 *
 * schedule_recovery.h
 *	  What a restart reads back: which slots were due, and which were taken.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SCHEDULE_RECOVERY_H
#define SNAPSHOT_WORKER_SCHEDULE_RECOVERY_H

#include "store/history.h"

extern TimestampTz recovery_since(const char *directory,
								  uint64 system_identifier, const char *time);
extern void recovery_begin(const char *directory, uint64 system_identifier,
						   const char *time, TimestampTz since);
extern void recovery_end(const char *directory, uint64 system_identifier);
extern List *recovery_history(const char *directory, uint64 system_identifier,
							  TimestampTz *last_start);
extern bool recovery_was_taken(const char *directory, uint64 system_identifier,
							   List *history, const char *database,
							   TimestampTz slot);
extern int	recovery_attempts(List *history, const char *database,
							  TimestampTz slot, bool *catch_up);
extern bool recovery_attempt_is_known(const char *directory,
									  uint64 system_identifier, List *history,
									  const char *database, TimestampTz slot,
									  int64 attempt);
extern HistoryLine *recovery_last_line(List *history, const char *database);
extern double recovery_delay(List *history, const char *database,
							 TimestampTz slot, TimestampTz now);

#endif							/* SNAPSHOT_WORKER_SCHEDULE_RECOVERY_H */
