/*-------------------------------------------------------------------------
 *
 * tool_output.h
 *	  Interpretation of the output of pg_dump and related programs: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_TOOL_OUTPUT_H
#define SNAPSHOT_WORKER_TOOL_OUTPUT_H

extern bool tool_output_is_remark(const char *line, bool before);
extern char *tool_output_table_begun(const char *line);
extern bool tool_output_is_table_finished(const char *line, int *item);

#endif							/* SNAPSHOT_WORKER_TOOL_OUTPUT_H */
