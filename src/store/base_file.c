/*-------------------------------------------------------------------------
 *
 * base_file.c
 *	  What a snapshot has for later ones to build on: base.json.
 *
 * The file has one JSON object on each line: the header, then a table on each.
 * It is a file of the snapshot as all others are, with its hash in the
 * manifest.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "store/base_file.h"
#include "util/file_digest.h"
#include "util/files.h"
#include "util/json_record.h"

#define BASE_FILE_MAX_SIZE	((size_t) 256 * 1024 * 1024)

/* Raise this when the rules of table_state.c or the digest change. */
#define BASE_VERSION	2

static const RecordMember header_members[] = {
	{"version", RECORD_NUMBER, offsetof(BaseHeader, version)},
	{"nonce", RECORD_STRING, offsetof(BaseHeader, nonce)},
	{"system_identifier", RECORD_IDENTIFIER, offsetof(BaseHeader, system_identifier)},
	{"database_oid", RECORD_NUMBER, offsetof(BaseHeader, database_oid)},
	{"database_xmin", RECORD_NUMBER, offsetof(BaseHeader, database_xmin)},
	{"timeline", RECORD_NUMBER, offsetof(BaseHeader, timeline)},
	{"end_lsn", RECORD_LSN, offsetof(BaseHeader, end_lsn)},
	{"seen", RECORD_STRING, offsetof(BaseHeader, seen)},
	{"server_version", RECORD_STRING, offsetof(BaseHeader, server_version)},
	{"pg_dump_version", RECORD_STRING, offsetof(BaseHeader, pg_dump_version)},
	{"options", RECORD_STRING, offsetof(BaseHeader, options)},
};

static const RecordMember table_members[] = {
	{"oid", RECORD_NUMBER, offsetof(BaseTable, oid)},
	{"tablespace", RECORD_NUMBER, offsetof(BaseTable, tablespace)},
	{"filenode", RECORD_NUMBER, offsetof(BaseTable, filenode)},
	{"definition", RECORD_STRING, offsetof(BaseTable, definition)},
	{"lsn", RECORD_LSN, offsetof(BaseTable, lsn)},
	{"blocks", RECORD_NUMBER, offsetof(BaseTable, blocks)},
	{"settled", RECORD_NUMBER, offsetof(BaseTable, settled)},
	{"rows", RECORD_NUMBER, offsetof(BaseTable, rows)},
	{"path", RECORD_STRING, offsetof(BaseTable, path)},
	{"size", RECORD_NUMBER, offsetof(BaseTable, size)},
	{"sha256", RECORD_STRING, offsetof(BaseTable, sha256)},
	{"inode", RECORD_IDENTIFIER, offsetof(BaseTable, inode)},
	{"changed_at", RECORD_NUMBER, offsetof(BaseTable, changed_at)},
};

static void
add_line(StringInfo json, const RecordMember *members, int nmembers,
		 const void *record)
{
	appendStringInfoChar(json, '{');
	record_write(json, members, nmembers, record);
	appendStringInfoString(json, "}\n");
}

/* A base as text, palloc'd. */
char *
base_file_format(const Base *base)
{
	BaseHeader	header = base->header;
	StringInfoData json;
	ListCell   *lc;

	header.version = BASE_VERSION;
	initStringInfo(&json);
	add_line(&json, header_members, lengthof(header_members), &header);
	foreach(lc, base->tables)
		add_line(&json, table_members, lengthof(table_members), lfirst(lc));
	return json.data;
}

/* Is this the path of a file in the dump of a snapshot, and a SHA-256? */
static bool
is_good_table(const BaseTable *table)
{
	const char *slash = strchr(table->path, '/');

	return slash != NULL && slash > table->path && table->path[0] != '.' &&
		strchr(slash + 1, '/') == NULL && slash[1] != '.' && slash[1] != '\0' &&
		strlen(table->sha256) == SHA256_HEX_SIZE - 1 &&
		strlen(table->definition) == SHA256_HEX_SIZE - 1;
}

/* Is a text what the manifest says of its file? */
static bool
is_as_in_manifest(const char *text, size_t len, const ManifestFile *file)
{
	char		sha256[SHA256_HEX_SIZE];

	if (file == NULL || (int64) len != file->size)
		return false;
	file_digest_text(text, len, sha256);
	return strcmp(sha256, file->sha256) == 0;
}

/*
 * Return the base in the directory of a snapshot, palloc'd, or NULL if it has
 * none that is as "file", its entry in the manifest, says.
 */
Base *
base_file_read(const char *snapshot_path, const ManifestFile *file)
{
	const char *problem;
	size_t		len;
	char	   *text = files_read(psprintf("%s/%s", snapshot_path, BASE_FILE),
								  BASE_FILE_MAX_SIZE, &len, &problem);
	Base	   *base = palloc0(sizeof(Base));
	bool		has_header = false;
	char	   *end;

	if (text == NULL || !is_as_in_manifest(text, len, file))
		return NULL;
	for (char *p = text; p < text + len; p = end + 1)
	{
		BaseTable  *table;

		end = memchr(p, '\n', text + len - p);
		if (end == NULL)
			return NULL;
		*end = '\0';
		if (!has_header)
		{
			if (record_parse(p, end - p, header_members,
							 lengthof(header_members), &base->header) != NULL ||
				base->header.version != BASE_VERSION)
				return NULL;
			has_header = true;
			continue;
		}
		table = palloc0(sizeof(BaseTable));
		if (record_parse(p, end - p, table_members, lengthof(table_members),
						 table) != NULL || !is_good_table(table))
			return NULL;
		base->tables = lappend(base->tables, table);
	}
	return has_header ? base : NULL;
}
