/*-------------------------------------------------------------------------
 *
 * targets.c
 *	  What is fuzzed, and what has to be true whatever the input is.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fuzz.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "pgtime.h"
#include "utils/timestamp.h"

#include "launcher/schedule_recovery.h"
#include "store/base_file.h"
#include "store/history.h"
#include "store/manifest.h"
#include "store/marks.h"
#include "store/remembered_base.h"
#include "tools/dump_toc.h"
#include "tools/restore_errors.h"
#include "tools/toc_selection.h"
#include "util/file_digest.h"
#include "util/slot_times.h"
#include "util/snapshot_name.h"

/* The input as files_read would give it. */
static char *
text_of(const uint8 *data, size_t size)
{
	char	   *text = palloc(size + 1);

	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/*
 * Manifests
 */

static bool
stays_inside(const char *path)
{
	const char *framed = psprintf("/%s/", path);

	return strstr(framed, "//") == NULL && strstr(framed, "/./") == NULL &&
		strstr(framed, "/../") == NULL;
}

/* Is what is written the same when it is read? */
static void
check_written(const Manifest *manifest)
{
	char	   *text = manifest_format(manifest);
	char	   *before = pstrdup(text);
	Manifest	again;

	PROMISE(manifest_parse(text, strlen(text), true, &again) == NULL);
	PROMISE(strcmp(manifest_format(&again), before) == 0);
}

/* A manifest.json with anything in it. */
static void
manifest_target(const uint8 *data, size_t size)
{
	Manifest	listed;
	Manifest	whole;
	const char *problem_listed;
	ListCell   *lc;

	problem_listed = manifest_parse(text_of(data, size), size, false, &listed);
	if (manifest_parse(text_of(data, size), size, true, &whole) != NULL)
		return;
	PROMISE(problem_listed == NULL);
	PROMISE(listed.files == NIL);
	foreach(lc, whole.files)
		PROMISE(stays_inside(((ManifestFile *) lfirst(lc))->path));

	check_written(&whole);
}

/* Bytes to make a manifest of; zeroes when there are no more. */
typedef struct Source
{
	const uint8 *data;
	size_t		left;
} Source;

static void
take_bytes(Source *source, void *bytes, size_t size)
{
	size_t		n = Min(size, source->left);

	memset(bytes, 0, size);
	memcpy(bytes, source->data, n);
	source->data += n;
	source->left -= n;
}

static int64
take_number(Source *source)
{
	int64		number;

	take_bytes(source, &number, sizeof(number));
	return number & PG_INT64_MAX;
}

static TimestampTz
take_time(Source *source)
{
	TimestampTz first;
	TimestampTz last;

	PROMISE(utc_time_parse("0001-01-01T00:00:00.000000Z", &first));
	PROMISE(utc_time_parse("9999-12-31T23:59:59.999999Z", &last));
	return first + take_number(source) % (last - first + 1);
}

static char *
take_string(Source *source)
{
	uint8		len;
	char	   *string;

	take_bytes(source, &len, 1);
	string = palloc0(len + 1);
	take_bytes(source, string, len);
	return string;
}

static ManifestFile *
take_file(Source *source)
{
	ManifestFile *file = palloc0(sizeof(ManifestFile));

	file->path = take_string(source);
	if (!stays_inside(file->path))
		file->path = "toc.dat";
	file->size = take_number(source);
	file->sha256 = palloc0(SHA256_HEX_SIZE);
	for (int i = 0; i < SHA256_HEX_SIZE - 1; i++)
	{
		uint8		digit;

		take_bytes(source, &digit, 1);
		file->sha256[i] = "0123456789abcdef"[digit % 16];
	}
	return file;
}

/* One of everything that a manifest has lists of, but for files. */
static void
take_lists(Source *source, Manifest *manifest)
{
	ManifestRole *role = palloc0(sizeof(ManifestRole));
	ManifestSetting *setting = palloc0(sizeof(ManifestSetting));
	ManifestPrivilege *privilege = palloc0(sizeof(ManifestPrivilege));
	ManifestConvention *convention = palloc0(sizeof(ManifestConvention));
	ManifestContents *contents = palloc0(sizeof(ManifestContents));
	ManifestRows *rows = palloc0(sizeof(ManifestRows));

	role->name = take_string(source);
	setting->role = role->name[0] != '\0' ? role->name : NULL;
	setting->name = take_string(source);
	setting->value = take_string(source);
	privilege->role = setting->role;
	privilege->privilege = take_string(source);
	privilege->grantable = take_number(source);
	convention->name = take_string(source);
	convention->value = take_string(source);
	convention->required = take_number(source) % 2;
	contents->kind = take_string(source);
	contents->count = take_number(source) % 3 - 1;
	contents->hash = take_string(source);
	rows->schema = take_string(source);
	rows->table = take_string(source);
	rows->count = take_number(source);
	manifest->roles = list_make2(role, role);
	manifest->settings = list_make1(setting);
	manifest->privileges = list_make2(privilege, privilege);
	manifest->conventions = list_make1(convention);
	manifest->contents = list_make1(contents);
	manifest->row_counts = list_make1(rows);
}

/* Any manifest, written. */
static void
written_target(const uint8 *data, size_t size)
{
	Source		source = {data, size};
	Manifest	manifest = {0};
	uint8		has_slot;

	manifest.system_identifier = (uint64) take_number(&source) << 1;
	take_bytes(&source, &has_slot, 1);
	if (has_slot & 1)
		manifest.scheduled_for = take_time(&source);	/* 0 is none */
	manifest.attempt = take_number(&source);
	manifest.started_at = take_time(&source);
	manifest.finished_at = take_time(&source);
	manifest.jobs = take_number(&source);
	manifest.lsn = (XLogRecPtr) take_number(&source) << 1;
	manifest.timeline = take_number(&source);
	manifest.database_size = take_number(&source);
	manifest.tables = take_number(&source);
	manifest.server_started_at = take_time(&source);
	manifest.next_xid = take_number(&source);
	manifest.size = take_number(&source);
	manifest.name = take_string(&source);
	manifest.database = take_string(&source);
	manifest.reason = take_string(&source);
	manifest.server_version = take_string(&source);
	manifest.pg_dump_version = take_string(&source);
	manifest.format = take_string(&source);
	manifest.compression = take_string(&source);
	manifest.owner = take_string(&source);
	manifest.encoding = take_string(&source);
	manifest.locale_provider = take_string(&source);
	manifest.lc_collate = take_string(&source);
	manifest.lc_ctype = take_string(&source);
	manifest.tablespace = take_string(&source);
	manifest.connection_limit = take_number(&source) % 3 - 1;
	manifest.rows = take_number(&source) % 3 - 1;
	manifest.tables_same = take_number(&source) % 3 - 1;
	manifest.tables_read = take_number(&source) % 3 - 1;
	manifest.bytes_read = take_number(&source) % 3 - 1;
	if (has_slot & 2)
	{
		manifest.locale = take_string(&source);
		manifest.icu_rules = take_string(&source);
		manifest.comment = take_string(&source);
		manifest.base = take_string(&source);
	}
	if (has_slot & 4)
		take_lists(&source, &manifest);
	do
		manifest.files = lappend(manifest.files, take_file(&source));
	while (source.left > 0);

	check_written(&manifest);
}

/* What later runs read of a snapshot and of the data directory. */
static void
check_bases(const uint8 *data, size_t size)
{
	char		sha256[SHA256_HEX_SIZE];
	ManifestFile file = {.path = BASE_FILE,.sha256 = sha256,.size = size};
	Base	   *base;
	RememberedBase *remembered;
	ListCell   *lc;

	file_digest_text(text_of(data, size), size, sha256);
	base = base_file_read("snapshot", &file);
	if (base != NULL)
	{
		PROMISE(base->header.nonce != NULL && base->header.seen != NULL &&
				base->header.options != NULL);
		foreach(lc, base->tables)
			PROMISE(stays_inside(((BaseTable *) lfirst(lc))->path));
	}
	remembered = remembered_base_read(1);
	if (remembered != NULL)
		PROMISE(remembered->name != NULL && remembered->nonce != NULL);
}

/*
 * History, schedule file, staging.json and bases
 */

static void
records_target(const uint8 *data, size_t size)
{
	Verification verification;
	StagingOwner owner = {0};
	List	   *lines;
	ListCell   *lc;
	bool		catch_up;

	fuzz_file.data = data;
	fuzz_file.size = size;
	(void) verified_mark_read("snapshot", "appdb/2026-03-19T03-00-00Z",
							  &verification);

	lines = history_read("/", 1);
	foreach(lc, lines)
	{
		HistoryLine *line = lfirst(lc);
		char		folder[NAMES_FOLDER_SIZE];
		char		database[NAMEDATALEN];
		TimestampTz start;

		PROMISE(line->name != NULL && line->reason != NULL &&
				line->outcome != NULL);
		PROMISE(line->attempt >= 0 && line->size >= 0);
		if (names_split(line->name, folder, database, &start))
			PROMISE(strncmp(folder, line->name, strlen(folder)) == 0);
		PROMISE(recovery_attempts(lines, "appdb", line->scheduled_for,
								  &catch_up) >= 0);
	}

	check_bases(data, size);
	(void) recovery_since("/", 1, "03:00");
	if (staging_read_owner("staging.json", &owner))
		PROMISE(owner.name != NULL && owner.reason != NULL &&
				owner.attempt >= 0);
}

/*
 * Names
 */

static void
names_target(const uint8 *data, size_t size)
{
	char	   *text = text_of(data, size);
	char		folder[NAMES_FOLDER_SIZE];
	char		database[NAMEDATALEN];
	char		decoded[NAMEDATALEN];
	char		name[NAMES_SIZE];
	TimestampTz start;

	/* as the name of a folder, and of a snapshot */
	if (names_decode_database(text, database))
	{
		names_encode_database(database, folder);
		PROMISE(strcmp(folder, text) == 0);
	}
	if (names_split(text, folder, database, &start))
	{
		PROMISE(names_make(database, start, name));
		PROMISE(strcmp(name, text) == 0);
	}

	/* as the name of a database */
	strlcpy(database, text, sizeof(database));
	if (database[0] == '\0')
		return;
	names_encode_database(database, folder);
	PROMISE(folder[strspn(folder, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						  "abcdefghijklmnopqrstuvwxyz0123456789_-%")] == '\0');
	PROMISE(folder[0] != '-');
	PROMISE(names_decode_database(folder, decoded));
	PROMISE(strcmp(decoded, database) == 0);
	PROMISE(names_make(database, 0, name));
	PROMISE(names_split(name, folder, decoded, &start));
	PROMISE(start == 0 && strcmp(decoded, database) == 0);
}

/*
 * Times
 */

/* The instant at the front of the input, and the text behind it. */
static char *
take_instant(const uint8 *data, size_t size, TimestampTz *instant)
{
	Source		source = {data, size};

	take_bytes(&source, instant, sizeof(*instant));
	return text_of(source.data, source.left);
}

static void
times_target(const uint8 *data, size_t size)
{
	TimestampTz instant;
	TimestampTz parsed;
	char	   *text = take_instant(data, size, &instant);
	char		time[UTC_TIME_NAME_SIZE];
	char		iso[UTC_TIME_SIZE];

	if (utc_time_parse_name(text, &parsed))
	{
		PROMISE(utc_time_format_name(parsed, time));
		PROMISE(strcmp(time, text) == 0);
	}
	if (utc_time_parse(text, &parsed))
	{
		utc_time_format(parsed, iso);
		PROMISE(strcmp(iso, text) == 0);
	}

	if (utc_time_format_name(instant, time))
	{
		PROMISE(utc_time_parse_name(time, &parsed));
		PROMISE(parsed <= instant && instant - parsed < USECS_PER_SEC);
		utc_time_format(instant, iso);
		PROMISE(utc_time_parse(iso, &parsed));
		PROMISE(parsed == instant);
	}
	else
	{
		utc_time_format(instant, iso);
		PROMISE(iso[0] == '\0');
	}
}

/*
 * The setting "time"
 */

/* Is a run due at an instant?  By the calendar of the server. */
static bool
due_at(const SlotTimes *times, TimestampTz instant)
{
	struct pg_tm tm;
	fsec_t		fsec;

	PROMISE(timestamp2tm(instant, NULL, &tm, &fsec, NULL, NULL) == 0);
	return tm.tm_sec == 0 && fsec == 0 &&
		times->due[tm.tm_hour * MINS_PER_HOUR + tm.tm_min];
}

static char *
schedule_text(const SlotTimes *times)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < HOURS_PER_DAY * MINS_PER_HOUR; i++)
	{
		if (times->due[i])
			appendStringInfo(&text, "%s%02d:%02d", text.len > 0 ? ", " : "",
							 i / MINS_PER_HOUR, i % MINS_PER_HOUR);
	}
	return text.data;
}

static void
schedule_target(const uint8 *data, size_t size)
{
	TimestampTz instant;
	char	   *text = take_instant(data, size, &instant);
	TimestampTz next;
	TimestampTz latest;
	TimestampTz minute;
	SlotTimes	times;
	SlotTimes	again;

	if (!slot_times_parse(text, &times))
		return;
	PROMISE(slot_times_parse(schedule_text(&times), &again));
	PROMISE(memcmp(&times, &again, sizeof(times)) == 0);

	if (instant < MIN_TIMESTAMP + USECS_PER_DAY ||
		instant >= END_TIMESTAMP - USECS_PER_DAY)
		return;
	next = slot_times_next(&times, instant);
	latest = slot_times_latest(&times, instant);
	PROMISE(latest <= instant && instant < next);

	/* minute by minute */
	minute = latest;
	PROMISE(due_at(&times, minute));
	do
		minute += USECS_PER_MINUTE;
	while (!due_at(&times, minute));
	PROMISE(minute == next);
}

/*
 * What pg_restore prints
 */

/* How many lines have a dump ID? */
static int
count_entries(const char *text)
{
	int			count = 0;

	for (;;)
	{
		size_t		digits = strspn(text, "0123456789");

		if (digits > 0 && text[digits] == ';')
			count++;
		text = strchr(text, '\n');
		if (text == NULL)
			break;
		text++;
	}
	return count;
}

/* A list of pg_restore. */
static void
listing_target(const uint8 *data, size_t size)
{
	TocLines	lines;
	StringInfoData selected;
	ListCell   *lc;

	foreach(lc, toc_all(text_of(data, size)))
		PROMISE(((TocEntry *) lfirst(lc))->text != NULL);
	(void) toc_table_data(text_of(data, size));
	(void) toc_selection_tables(text_of(data, size));
	toc_lines(text_of(data, size), &lines);
	PROMISE(toc_missing(&lines, &lines) == NIL);

	/* the entries of a list select all of its lines that are entries */
	initStringInfo(&selected);
	toc_selection_list(text_of(data, size),
					   toc_selection_entries(text_of(data, size)), &selected);
	PROMISE(count_entries(selected.data) ==
			count_entries(text_of(data, size)));
}

static void
count_error(void *arg, const RestoreError *error)
{
	int64	   *count = arg;

	PROMISE(error->object != NULL && error->object[0] != '\0');
	PROMISE(error->message != NULL && error->detail != NULL);
	PROMISE(strchr(error->message, '\n') == NULL);
	(*count)++;
}

/* Messages of pg_restore. */
static void
output_target(const uint8 *data, size_t size)
{
	RestoreErrors errors;
	int64		count = 0;
	char	   *next;

	restore_errors_begin(&errors, count_error, &count);
	for (char *line = text_of(data, size); line != NULL; line = next)
	{
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		restore_errors_line(&errors, line);
	}
	restore_errors_end(&errors);
	PROMISE(count >= errors.count);
}

fuzz_target
fuzz_find_target(const char *name)
{
	static const struct
	{
		const char *name;
		fuzz_target target;
	}			targets[] = {
		{"manifest", manifest_target},
		{"written", written_target},
		{"records", records_target},
		{"names", names_target},
		{"times", times_target},
		{"schedule", schedule_target},
		{"listing", listing_target},
		{"output", output_target},
	};

	for (size_t i = 0; i < lengthof(targets); i++)
	{
		if (strcmp(targets[i].name, name) == 0)
			return targets[i].target;
	}
	elog(ERROR, "no such target: %s", name);
}
