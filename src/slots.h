/*-------------------------------------------------------------------------
 *
 * slots.h
 *	  Which slots were due, and which were taken, as the directory tells.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_SLOTS_H
#define SNAPSHOT_WORKER_SLOTS_H

#include "history.h"

extern TimestampTz slots_since(const char *directory,
							   uint64 system_identifier, const char *time);
extern void slots_begin(const char *directory, uint64 system_identifier,
						const char *time, TimestampTz since);
extern void slots_end(const char *directory, uint64 system_identifier);
extern List *slots_history(const char *directory, uint64 system_identifier,
						   TimestampTz *last_start);
extern bool slots_was_taken(const char *directory, uint64 system_identifier,
							List *history, const char *database,
							TimestampTz slot);
extern int	slots_attempts(List *history, const char *database,
						   TimestampTz slot, bool *catch_up);
extern bool slots_attempt_is_known(const char *directory,
								   uint64 system_identifier, List *history,
								   const char *database, TimestampTz slot,
								   int64 attempt);
extern HistoryLine *slots_last_line(List *history, const char *database);
extern double slots_delay(List *history, const char *database,
						  TimestampTz slot, TimestampTz now);

#endif							/* SNAPSHOT_WORKER_SLOTS_H */
