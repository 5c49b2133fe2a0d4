/*-------------------------------------------------------------------------
 *
 * manifest.c
 *	  The manifest: manifest.json, which describes a snapshot.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/memutils.h"

#include "store/manifest.h"
#include "util/json_record.h"

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
	{"server_started_at", RECORD_TIME_OR_NULL, offsetof(Manifest, server_started_at)},
	{"next_xid", RECORD_NUMBER, offsetof(Manifest, next_xid)},
	{"size", RECORD_NUMBER, offsetof(Manifest, size)},
	{"owner", RECORD_STRING, offsetof(Manifest, owner)},
	{"encoding", RECORD_STRING, offsetof(Manifest, encoding)},
	{"locale_provider", RECORD_STRING, offsetof(Manifest, locale_provider)},
	{"lc_collate", RECORD_STRING, offsetof(Manifest, lc_collate)},
	{"lc_ctype", RECORD_STRING, offsetof(Manifest, lc_ctype)},
	{"locale", RECORD_STRING_OR_NULL, offsetof(Manifest, locale)},
	{"icu_rules", RECORD_STRING_OR_NULL, offsetof(Manifest, icu_rules)},
	{"tablespace", RECORD_STRING, offsetof(Manifest, tablespace)},
	{"connection_limit", RECORD_NUMBER_OR_NULL, offsetof(Manifest, connection_limit)},
	{"comment", RECORD_STRING_OR_NULL, offsetof(Manifest, comment)},
	{"is_template", RECORD_NUMBER_OPTIONAL, offsetof(Manifest, is_template)},
	{"rows", RECORD_NUMBER_OR_NULL, offsetof(Manifest, rows)},
	{"base", RECORD_STRING_OPTIONAL, offsetof(Manifest, base)},
	{"tables_read", RECORD_NUMBER_OPTIONAL, offsetof(Manifest, tables_read)},
	{"tables_same", RECORD_NUMBER_OPTIONAL, offsetof(Manifest, tables_same)},
	{"bytes_read", RECORD_NUMBER_OPTIONAL, offsetof(Manifest, bytes_read)},
};

static const RecordMember role_members[] = {
	{"name", RECORD_STRING, offsetof(ManifestRole, name)},
};

static const RecordMember setting_members[] = {
	{"role", RECORD_STRING_OR_NULL, offsetof(ManifestSetting, role)},
	{"name", RECORD_STRING, offsetof(ManifestSetting, name)},
	{"value", RECORD_STRING, offsetof(ManifestSetting, value)},
};

static const RecordMember convention_members[] = {
	{"name", RECORD_STRING, offsetof(ManifestConvention, name)},
	{"value", RECORD_STRING, offsetof(ManifestConvention, value)},
	{"required", RECORD_NUMBER, offsetof(ManifestConvention, required)},
};

static const RecordMember schema_members[] = {
	{"name", RECORD_STRING, offsetof(ManifestSchema, name)},
};

static const RecordMember privilege_members[] = {
	{"role", RECORD_STRING_OR_NULL, offsetof(ManifestPrivilege, role)},
	{"privilege", RECORD_STRING, offsetof(ManifestPrivilege, privilege)},
	{"grantable", RECORD_NUMBER, offsetof(ManifestPrivilege, grantable)},
};

static const RecordMember contents_members[] = {
	{"kind", RECORD_STRING, offsetof(ManifestContents, kind)},
	{"count", RECORD_NUMBER_OR_NULL, offsetof(ManifestContents, count)},
	{"hash", RECORD_STRING_OR_NULL, offsetof(ManifestContents, hash)},
};

static const RecordMember rows_members[] = {
	{"schema", RECORD_STRING, offsetof(ManifestRows, schema)},
	{"table", RECORD_STRING, offsetof(ManifestRows, table)},
	{"count", RECORD_NUMBER, offsetof(ManifestRows, count)},
};

static const RecordMember file_members[] = {
	{"path", RECORD_STRING, offsetof(ManifestFile, path)},
	{"size", RECORD_NUMBER, offsetof(ManifestFile, size)},
	{"sha256", RECORD_STRING, offsetof(ManifestFile, sha256)},
};

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
is_good_file(const void *item)
{
	const ManifestFile *file = item;

	return is_inner_path(file->path) &&
		strlen(file->sha256) == SHA256_HEX_SIZE - 1 &&
		strspn(file->sha256, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

/* The arrays of a manifest, each with objects of one kind. */
typedef struct ManifestArray
{
	const char *name;
	const RecordMember *members;
	int			nmembers;
	size_t		item_size;
	size_t		list;			/* offset in the manifest */
	bool		(*is_good) (const void *item);	/* or NULL */
	const char *problem;		/* for an item that is not good */
} ManifestArray;

static const ManifestArray arrays[] = {
	{"roles", role_members, lengthof(role_members), sizeof(ManifestRole),
	offsetof(Manifest, roles), NULL, "a role in it lacks its name"},
	{"settings", setting_members, lengthof(setting_members),
		sizeof(ManifestSetting), offsetof(Manifest, settings), NULL,
	"a setting in it has wrong members"},
	{"settings_in_force", convention_members, lengthof(convention_members),
		sizeof(ManifestConvention), offsetof(Manifest, conventions), NULL,
	"a setting in force in it has wrong members"},
	{"owner_schemas", schema_members, lengthof(schema_members),
		sizeof(ManifestSchema), offsetof(Manifest, owner_schemas), NULL,
	"a schema in it lacks its name"},
	{"privileges", privilege_members, lengthof(privilege_members),
		sizeof(ManifestPrivilege), offsetof(Manifest, privileges), NULL,
	"a privilege in it has wrong members"},
	{"contents", contents_members, lengthof(contents_members),
		sizeof(ManifestContents), offsetof(Manifest, contents), NULL,
	"an entry of its contents has wrong members"},
	{"row_counts", rows_members, lengthof(rows_members),
		sizeof(ManifestRows), offsetof(Manifest, row_counts), NULL,
	"a row count in it has wrong members"},
	{"files", file_members, lengthof(file_members), sizeof(ManifestFile),
		offsetof(Manifest, files), is_good_file,
	"a file in it has a wrong path, size or hash"},
};

static List **
list_of(const ManifestArray *array, Manifest *manifest)
{
	return (List **) ((char *) manifest + array->list);
}

/* Return the manifest as text, palloc'd. */
char *
manifest_format(const Manifest *manifest)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	json_add_int64(&json, "manifest_version", MANIFEST_VERSION);
	record_write(&json, members, lengthof(members), manifest);
	for (const ManifestArray *array = arrays;
		 array < arrays + lengthof(arrays); array++)
	{
		ListCell   *lc;
		List	   *items = *list_of(array, unconstify(Manifest *, manifest));

		json_add_key(&json, array->name);
		appendStringInfoChar(&json, '[');
		foreach(lc, items)
		{
			if (foreach_current_index(lc) > 0)
				appendStringInfoChar(&json, ',');
			appendStringInfoString(&json, "\n{");
			record_write(&json, array->members, array->nmembers, lfirst(lc));
			appendStringInfoChar(&json, '}');
		}
		appendStringInfoChar(&json, ']');
	}
	appendStringInfoString(&json, "}\n");
	return json.data;
}

typedef struct ManifestReader
{
	Manifest   *manifest;
	RecordProgress progress;
	int64		version;
	bool		want_lists;
	const char *problem;		/* the first problem with an item of an array,
								 * or NULL */
	int			nfiles;

	/* The item that is being read; array is NULL outside of items. */
	const ManifestArray *array;
	int			number;
	void	   *item;
	RecordProgress item_progress;
} ManifestReader;

/* Finish the current item, if any, and append it to its list if wanted. */
static void
end_item(ManifestReader *reader)
{
	const ManifestArray *array = reader->array;
	List	  **list;

	if (array == NULL)
		return;
	reader->array = NULL;
	if (record_problem(&reader->item_progress, array->members,
					   array->nmembers) != NULL ||
		(array->is_good != NULL && !array->is_good(reader->item)))
	{
		reader->problem = array->problem;
		return;
	}
	list = list_of(array, reader->manifest);
	if (list == &reader->manifest->files)
		reader->nfiles++;
	if (reader->want_lists)
		*list = lappend(*list, reader->item);
}

/* Read a member of an item of an array. */
static void
read_item_member(ManifestReader *reader, const ManifestArray *array,
				 const JsonValue *value)
{
	JsonValue	inner = *value;

	if (reader->array != array || reader->number != value->item)
	{
		end_item(reader);
		reader->array = array;
		reader->number = value->item;
		reader->item = palloc0(array->item_size);
		memset(&reader->item_progress, 0, sizeof(reader->item_progress));
	}
	inner.path += strlen(array->name) + 1;
	inner.item = -1;
	record_read(&reader->item_progress, &inner, array->members,
				array->nmembers, reader->item);
}

static void
read_value(void *arg, const JsonValue *value)
{
	ManifestReader *reader = arg;

	for (const ManifestArray *array = arrays;
		 array < arrays + lengthof(arrays); array++)
	{
		size_t		len = strlen(array->name);

		if (strncmp(value->path, array->name, len) != 0 ||
			(value->path[len] != '.' && value->path[len] != '\0'))
			continue;
		/* an object outside of an array, or a scalar in one */
		if (value->item < 0 || value->path[len] == '\0')
			reader->problem = array->problem;
		else
			read_item_member(reader, array, value);
		return;
	}
	if (strcmp(value->path, "manifest_version") == 0)
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
 * Parse a manifest into *manifest, with its lists only if want_lists.  Returns
 * NULL, or why the text is not a valid manifest.  Raises no error.
 */
const char *
manifest_parse(char *text, size_t len, bool want_lists, Manifest *manifest)
{
	ManifestReader reader = {0};
	const char *problem;

	memset(manifest, 0, sizeof(*manifest));
	manifest->tables_read = manifest->tables_same = manifest->bytes_read = -1;
	manifest->is_template = -1;
	reader.manifest = manifest;
	reader.want_lists = want_lists;

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
	end_item(&reader);
	if (reader.problem != NULL)
		return reader.problem;
	if (reader.nfiles == 0)
		return "it names no files";
	return NULL;
}

/*
 * Copy the strings of a manifest that was read without its lists into the
 * current memory context.
 */
void
manifest_copy_strings(Manifest *manifest)
{
	record_copy_strings(members, lengthof(members), manifest);
}

/* Return the entry of a file, or NULL. */
const ManifestFile *
manifest_find_file(const Manifest *manifest, const char *path)
{
	ListCell   *lc;

	foreach(lc, manifest->files)
	{
		const ManifestFile *file = lfirst(lc);

		if (strcmp(file->path, path) == 0)
			return file;
	}
	return NULL;
}

typedef struct PathEntry
{
	char		path[MAXPGPATH];	/* hash key */
	const ManifestFile *file;
} PathEntry;

/* Return the files of a manifest in a hash table by their paths. */
HTAB *
manifest_files_by_path(const Manifest *manifest)
{
	HASHCTL		info;
	HTAB	   *files;
	ListCell   *lc;

	info.keysize = MAXPGPATH;
	info.entrysize = sizeof(PathEntry);
	info.hcxt = CurrentMemoryContext;
	files = hash_create("files by path", list_length(manifest->files) + 1,
						&info, HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
	foreach(lc, manifest->files)
	{
		const ManifestFile *file = lfirst(lc);
		PathEntry  *entry = hash_search(files, file->path, HASH_ENTER, NULL);

		entry->file = file;
	}
	return files;
}

/*
 * Find a file in such a hash table.  Returns NULL if it has none of the path.
 */
const ManifestFile *
manifest_find_path(HTAB *files, const char *path)
{
	PathEntry  *entry = hash_search(files, path, HASH_FIND, NULL);

	return entry != NULL ? entry->file : NULL;
}
