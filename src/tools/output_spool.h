/*-------------------------------------------------------------------------
 *
 * output_spool.h
 *	  Temporary files for what programs say, which may be much.
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
	off_t		offset;			/* of what is read next */
	char	   *buffer;
	int			used;			/* bytes in it that were given away */
	int			filled;
} SpoolReader;

extern File spool_create(void);
extern int	spool_descriptor(File file);
extern char *spool_text(File file);
extern void spool_reader_begin(SpoolReader *reader, File file);
extern bool spool_reader_next(SpoolReader *reader, StringInfo line);
extern void spool_reader_end(SpoolReader *reader);

#endif							/* SNAPSHOT_WORKER_OUTPUT_SPOOL_H */
