/*-------------------------------------------------------------------------
 *
 * manifest.c
 *	  What a snapshot is, as its manifest.json says: written and parsed.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "manifest.h"
#include "record.h"

static const RecordMember members[] = {
	{"name", RECORD_STRING, offsetof(Manifest, name)},
	{"database", RECORD_STRING, offsetof(Manifest, database)},
	{"system_identifier", RECORD_IDENTIFIER, offsetof(Manifest, system_identifier)},
	{"reason", RECORD_STRING, offsetof(Manifest, reason)},
	{"scheduled_for", RECORD_TIME_OR_NULL, offsetof(Manifest, scheduled_for)},
	{"attempt", RECORD_NUMBER, offsetof(Manifest, attempt)},
	{"started_at", RECORD_TIME, offsetof(Manifest, started_at)},
	{"finished_at", RECORD_TIME, offsetof(Manifest, finished_at)},
	{"server_version", RECORD_STRING, offsetof(Manifest, server_version)},
	{"pg_dump_version", RECORD_STRING, offsetof(Manifest, pg_dump_version)},
	{"format", RECORD_STRING, offsetof(Manifest, format)},
	{"compression", RECORD_STRING, offsetof(Manifest, compression)},
	{"jobs", RECORD_NUMBER, offsetof(Manifest, jobs)},
	{"lsn", RECORD_LSN, offsetof(Manifest, lsn)},
	{"timeline", RECORD_NUMBER, offsetof(Manifest, timeline)},
	{"database_size", RECORD_NUMBER, offsetof(Manifest, database_size)},
	{"tables", RECORD_NUMBER, offsetof(Manifest, tables)},
	{"server_started_at", RECORD_TIME, offsetof(Manifest, server_started_at)},
	{"next_xid", RECORD_NUMBER, offsetof(Manifest, next_xid)},
	{"size", RECORD_NUMBER, offsetof(Manifest, size)},
};

/* The manifest as text, palloc'd. */
char *
manifest_format(const Manifest *manifest)
{
	StringInfoData json;
	ListCell   *lc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_add_int64(&json, "manifest_version", MANIFEST_VERSION);
	record_write(&json, members, lengthof(members), manifest);
	json_add_key(&json, "files");
	appendStringInfoChar(&json, '[');
	foreach(lc, manifest->files)
	{
		ManifestFile *file = lfirst(lc);

		if (foreach_current_index(lc) > 0)
			appendStringInfoChar(&json, ',');
		appendStringInfoString(&json, "\n{");
		json_add_string(&json, "path", file->path);
		json_add_int64(&json, "size", file->size);
		json_add_string(&json, "sha256", file->sha256);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, "]}\n");
	return json.data;
}

typedef struct ManifestReader
{
	Manifest   *manifest;
	RecordProgress progress;
	int64		version;
	bool		want_files;
	bool		bad_file;
	int			nfiles;
	ManifestFile file;			/* being read */
} ManifestReader;

/* Is this a relative path that stays inside the snapshot? */
static bool
is_inner_path(const char *path)
{
	for (const char *p = path;; p++)
	{
		size_t		len = strcspn(p, "/");

		if (len == 0 || (len == 1 && p[0] == '.') ||
			(len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
		p += len;
		if (*p == '\0')
			return true;
	}
}

static bool
is_sha256(const JsonValue *value)
{
	return value->is_string &&
		strlen(value->text) == SHA256_HEX_SIZE - 1 &&
		strspn(value->text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

/* A file has been read, if there was one; keep it if that is wanted. */
static void
end_file(ManifestReader *reader)
{
	ManifestFile *file = &reader->file;

	if (reader->nfiles == 0)
		return;
	if (file->path == NULL || file->size < 0 || file->sha256[0] == '\0')
		reader->bad_file = true;
	else if (reader->want_files)
	{
		ManifestFile *copy = palloc(sizeof(ManifestFile));

		*copy = *file;
		reader->manifest->files = lappend(reader->manifest->files, copy);
	}
	else
		pfree(file->path);
	memset(file, 0, sizeof(*file));
}

/* Read a member of one of the files; false when its value is wrong. */
static bool
read_file_member(ManifestReader *reader, const JsonValue *value)
{
	const char *member = value->path + strlen("files.");
	ManifestFile *file = &reader->file;

	if (value->item != reader->nfiles - 1)
	{
		end_file(reader);
		reader->nfiles = value->item + 1;
		file->size = -1;
	}
	if (strcmp(member, "path") == 0)
		return file->path == NULL &&
			record_read_string(value, &file->path) &&
			is_inner_path(file->path);
	if (strcmp(member, "size") == 0)
		return record_read_number(value, &file->size);
	if (strcmp(member, "sha256") == 0)
	{
		if (!is_sha256(value))
			return false;
		strlcpy(file->sha256, value->text, SHA256_HEX_SIZE);
	}
	return true;
}

static void
read_value(void *arg, const JsonValue *value)
{
	ManifestReader *reader = arg;

	if (strncmp(value->path, "files.", strlen("files.")) == 0)
	{
		if (value->item < 0 || !read_file_member(reader, value))
			reader->bad_file = true;
	}
	else if (strcmp(value->path, "manifest_version") == 0)
	{
		if (value->item >= 0 ||
			!record_read_number(value, &reader->version))
			reader->version = 0;
	}
	else
		record_read(&reader->progress, value, members, lengthof(members),
					reader->manifest);
}

/*
 * Read a manifest into *manifest; its files only if they are wanted.  Returns
 * NULL, or why this is no manifest of ours.  Raises no error.
 */
const char *
manifest_parse(char *text, size_t len, bool want_files, Manifest *manifest)
{
	ManifestReader reader = {0};
	const char *problem;

	memset(manifest, 0, sizeof(*manifest));
	reader.manifest = manifest;
	reader.want_files = want_files;

	problem = json_read(text, len, read_value, &reader);
	if (problem != NULL)
		return problem;
	if (reader.version == 0)
		return "it has no version";
	if (reader.version > MANIFEST_VERSION)
		return psprintf("it is of version " INT64_FORMAT
						", and this release reads only up to version %d",
						reader.version, MANIFEST_VERSION);
	problem = record_problem(&reader.progress, members, lengthof(members));
	if (problem != NULL)
		return problem;
	end_file(&reader);
	if (reader.bad_file)
		return "a file in it has a wrong path, size or hash";
	if (reader.nfiles == 0)
		return "it names no files";
	return NULL;
}

/*
 * Give a manifest that was read without its files strings of its own, in the
 * current memory context.
 */
void
manifest_copy_strings(Manifest *manifest)
{
	record_copy_strings(members, lengthof(members), manifest);
}
