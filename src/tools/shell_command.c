/*-------------------------------------------------------------------------
 *
 * shell_command.c
 *	  Shell commands of the administrator, with their placeholders: pure.
 *
 * Copyright (c) 2026, the snapshot_worker developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "tools/shell_command.h"

/* Return what is wrong with a command's placeholders, or NULL. */
const char *
shell_problem(const char *command)
{
	for (const char *p = command; *p != '\0'; p++)
	{
		if (*p != '%')
			continue;
		p++;
		if (*p == '\0' || strchr("pfd%", *p) == NULL)
			return "Placeholders are %p (path), %f (name) and %d (database), and %% is a percent sign.";
	}
	return NULL;
}

/*
 * Return the command with its placeholders replaced, palloc'd: %p is the path
 * of the snapshot, %f its name, and %d the folder in that, which encodes the
 * name of the database.  These are as on disk, where all characters special to
 * the shell are encoded, whatever the name of the database.
 */
char *
shell_command(const char *command, const char *path, const char *name)
{
	StringInfoData result;

	initStringInfo(&result);
	for (const char *p = command; *p != '\0'; p++)
	{
		if (*p != '%')
		{
			appendStringInfoChar(&result, *p);
			continue;
		}
		p++;
		if (*p == 'p')
			appendStringInfoString(&result, path);
		else if (*p == 'f')
			appendStringInfoString(&result, name);
		else if (*p == 'd')
			appendBinaryStringInfo(&result, name, strcspn(name, "/"));
		else
			appendStringInfoChar(&result, '%');
		if (*p == '\0')
			break;				/* cannot happen: see shell_problem() */
	}
	return result.data;
}

/* Return the argument vector that runs a command in the shell, palloc'd. */
char **
shell_argv(const char *command)
{
	char	  **argv = palloc(4 * sizeof(char *));

	argv[0] = pstrdup("/bin/sh");
	argv[1] = pstrdup("-c");
	argv[2] = pstrdup(command);
	argv[3] = NULL;
	return argv;
}

/* Is a variable of this name, up to the "=", in the list? */
static bool
is_among(const List *variables, const char *variable)
{
	size_t		len = strcspn(variable, "=") + 1;
	ListCell   *lc;

	foreach(lc, variables)
	{
		if (strncmp(lfirst(lc), variable, len) == 0)
			return true;
	}
	return false;
}

/*
 * Return an environment with these variables ("NAME=value"), and the inherited
 * ones that they do not override, palloc'd.
 */
char **
shell_environment(char **inherited, const List *variables)
{
	int			n = 0;
	char	  **environment;
	ListCell   *lc;

	while (inherited[n] != NULL)
		n++;
	environment = palloc((n + list_length(variables) + 1) * sizeof(char *));
	n = 0;
	for (char **variable = inherited; *variable != NULL; variable++)
	{
		if (!is_among(variables, *variable))
			environment[n++] = *variable;
	}
	foreach(lc, variables)
		environment[n++] = lfirst(lc);
	environment[n] = NULL;
	return environment;
}
