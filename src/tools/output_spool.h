/*-------------------------------------------------------------------------
 *
 * output_spool.h
 *	  Temporary files for the output of programs, which may be large.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef SNAPSHOT_WORKER_OUTPUT_SPOOL_H
#define SNAPSHOT_WORKER_OUTPUT_SPOOL_H

#include "lib/stringinfo.h"
#include "storage/fd.h"

/* Reads a temporary file line by line. */
typedef struct SpoolReader
{
	File		file;
	off_t		offset;			/* of the next read */
	char	   *buffer;
	int			used;			/* bytes in it that were returned */
	int			filled;
} SpoolReader;

extern File spool_create(void);
extern int	spool_descriptor(File file);
extern char *spool_text(File file);
extern void spool_reader_begin(SpoolReader *reader, File file);
extern bool spool_reader_next(SpoolReader *reader, StringInfo line);
extern void spool_reader_end(SpoolReader *reader);

#endif							/* SNAPSHOT_WORKER_OUTPUT_SPOOL_H */
