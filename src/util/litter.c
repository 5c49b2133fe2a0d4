/*-------------------------------------------------------------------------
 *
 * litter.c
 *	  Names of files that file systems and desktops leave in directories: pure.
 *
 * NFS and FUSE rename a file that is removed while open.  Desktops and storage
 * appliances keep files of their own beside others.  None of these is worth
 * keeping once the directory is removed.  Any other file may matter to a user:
 * only names of exactly these forms are litter.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "util/litter.h"

#define HEX_DIGITS	"0123456789abcdefABCDEF"

/* Synology's systems keep this in each directory, and own all below it. */
#define APPLIANCE_DIRECTORY	"@eaDir"

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* Is a name exactly a prefix and hexadecimal digits? */
static bool
is_numbered(const char *name, const char *prefix)
{
	size_t		len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && name[len] != '\0' &&
		name[len + strspn(name + len, HEX_DIGITS)] == '\0';
}

/* Is a directory of an appliance among the parts of a path? */
static bool
is_of_appliance(const char *path)
{
	size_t		len = strlen(APPLIANCE_DIRECTORY);

	for (const char *part = path; part != NULL;
		 part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL)
	{
		if (strncmp(part, APPLIANCE_DIRECTORY, len) == 0 &&
			(part[len] == '/' || part[len] == '\0'))
			return true;
	}
	return false;
}

/*
 * Is this the name of a file that was removed while open?  The file system
 * removes it when it is closed.
 */
bool
litter_is_open_file(const char *path)
{
	const char *name = last_part(path);

	return is_numbered(name, ".nfs") || is_numbered(name, ".fuse_hidden");
}

/* Is a file, by its path relative to a snapshot, litter? */
bool
litter_is_file(const char *path)
{
	static const char *const names[] = {".DS_Store", "Thumbs.db", "desktop.ini"};
	const char *name = last_part(path);

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return litter_is_open_file(path) || is_of_appliance(path) ||
		(strncmp(name, "._", 2) == 0 && name[2] != '\0');
}

/*
 * Is a directory, by its path relative to a snapshot, litter?  Files in
 * lost+found may be valuable, and are judged by themselves.
 */
bool
litter_is_directory(const char *path)
{
	return strcmp(last_part(path), "lost+found") == 0 || is_of_appliance(path);
}
