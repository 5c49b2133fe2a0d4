#!/bin/bash
#
# Has the official image's docker-entrypoint.sh start the server with
# snapshot_worker loaded, and with settings from the environment:
# SNAPSHOT_ENABLED, SNAPSHOT_TIME, SNAPSHOT_RETENTION and SNAPSHOT_DIR.  What is
# unset or empty is left to the configuration file.  Commands other than a
# server are passed on as they are.

set -euo pipefail

# Usage: fail line [line ...]
fail()
{
	printf '%s: error: %s\n' "${0##*/}" "$1" >&2
	shift
	[ $# = 0 ] || printf '%s\n' "$@" >&2
	exit 1
}

# Do these arguments start a server, and not something that prints or repairs?
starts_server()
{
	local argument

	[ "${1-}" = postgres ] || return
	case ${2-} in
		--single | --boot | --check | --fork*) return 1 ;;
	esac
	for argument; do
		case $argument in
			-\? | --help | -V | --version | --describe-config | -C*) return 1 ;;
		esac
	done
}

# Has the server use the value of an environment variable.  A wrong one ends
# here: the server would start without it, and only log that.
# Usage: use variable setting pattern expectation
use()
{
	local variable=$1 setting=$2 pattern=$3 expectation=$4
	local value=${!variable-} LC_ALL=C

	[ -n "$value" ] || return 0
	[[ ${value,,} =~ ^($pattern)$ ]] ||
		fail "$variable is \"$value\", but must be $expectation"
	settings+=(-c "snapshot_worker.$setting=$value")
}

# Ends with an error when the server could not write to a directory, or not
# make it where it is missing.
check_directory()
{
	local directory=$1 place=$1

	until as_server test -e "$place"; do
		place=${place%/*}
		place=${place:-/}
	done
	as_server test -d "$place" ||
		fail "\"$place\" is not a directory, but snapshots are to be kept in \"$directory\""
	# shellcheck disable=SC2016
	as_server sh -c 'test -r "$1" && test -w "$1" && test -x "$1"' sh "$place" ||
		fail "cannot write to \"$place\", but snapshots are to be kept in \"$directory\"" \
			"It is owned by uid $(stat -Lc '%u, gid %g, and has mode %a' -- "$place");" \
			"the server runs as uid $(as_server id -u), gid $(as_server id -g)." \
			"Give the directory that is mounted there to that uid, or start the container with --user." \
			"Where they are the same already, it is mounted read-only, or closed by SELinux."
}

# Runs a command as the user that docker-entrypoint.sh will change to.
as_server()
{
	if [ "$(id -u)" = 0 ]; then
		gosu postgres "$@"
	else
		"$@"
	fi
}

if [[ ${1-} = -* ]]; then
	set -- postgres "$@"
fi
starts_server "$@" || exec docker-entrypoint.sh "$@"
shift

time='[[:blank:]]*([01][0-9]|2[0-3]):[0-5][0-9][[:blank:]]*'
settings=()
use SNAPSHOT_ENABLED enable 'on|off|true|false|yes|no|1|0' '"on" or "off"'
use SNAPSHOT_TIME time "$time(,$time)*" 'UTC times of day as HH:MM, separated by commas'
use SNAPSHOT_RETENTION retention '[1-9][0-9]{0,8}' 'a number from 1 to 999999999'
# pg_dumpall takes no path with line breaks in it.
use SNAPSHOT_DIR directory $'/[^\r\n]{0,511}' 'an absolute path of at most 512 bytes'
[ -z "${SNAPSHOT_DIR-}" ] || check_directory "$SNAPSHOT_DIR"

# Makes the cluster before the next step, since that reads its configuration.
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	docker-ensure-initdb.sh postgres "$@"
fi

# What is preloaded already, by these arguments or the configuration, remains.
libraries=$(postgres -C shared_preload_libraries "$@")
case ",${libraries//[\" ]/}," in
	*,snapshot_worker,*) ;;
	*) libraries=${libraries:+$libraries, }snapshot_worker ;;
esac

# Later ones count: explicit arguments override the environment.
exec docker-entrypoint.sh postgres "${settings[@]}" "$@" \
	-c "shared_preload_libraries=$libraries"
