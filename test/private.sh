# shellcheck shell=bash
#
# Sourced by test/check and others: a private copy of the installed server
# with this extension in it, so that nothing on the machine is touched.

# Runs this script again as the user "postgres" on a copy of the tree, if it
# was started by root: the server does not run as root, and "postgres" can
# neither write to root's tree nor, perhaps, enter it.  Returns only when there
# is no need to.
drop_root()
{
	local source=$1 script=$2 work status=0
	shift 2

	[ "$(id -u)" = 0 ] || return 0

	work=$(mktemp -d /tmp/snapshot_worker.XXXXXX)
	mkdir "$work/source"
	tar -C "$source" --exclude=./.git --exclude=./build -cf - . |
		tar -C "$work/source" -xf -
	chown -R postgres: "$work"
	# the server wants to be somewhere that it can go back to
	cd "$work" || exit
	runuser -u postgres -- env -i PATH="$PATH" HOME="$work" LC_ALL=C \
		${CI:+CI="$CI"} ${PG_TEST_TIMEOUT_DEFAULT:+PG_TEST_TIMEOUT_DEFAULT="$PG_TEST_TIMEOUT_DEFAULT"} \
		${PROVE_TESTS:+PROVE_TESTS="$PROVE_TESTS"} \
		${SNAPSHOT_FUZZ_SEED:+SNAPSHOT_FUZZ_SEED="$SNAPSHOT_FUZZ_SEED"} \
		${SNAPSHOT_FUZZ_SECONDS:+SNAPSHOT_FUZZ_SECONDS="$SNAPSHOT_FUZZ_SECONDS"} \
		${SNAPSHOT_TEST_FUSE:+SNAPSHOT_TEST_FUSE="$SNAPSHOT_TEST_FUSE"} \
		"$work/source/test/$script" "$@" || status=$?
	if [ "$status" = 0 ]; then
		rm -rf "$work"
	else
		echo "What it left is in $work" >&2
	fi
	exit "$status"
}

# Copies the tree at $1 to $2, without what a build has left in it: what git
# would take, or all but build directories where there is no git.
clean_copy()
{
	mkdir "$2"
	if [ -e "$1/.git" ]; then
		git -C "$1" ls-files -z --cached --others --exclude-standard --deduplicate
	else
		(cd "$1" && find . -path './build*' -prune -o ! -type d -print0)
	fi | tar -C "$1" --null -T - -cf - | tar -C "$2" -xf -
}

# Builds below $1/build for the server of program directory $2, with further
# arguments for make, and installs that into a copy of the server, whose
# program directory is then in $private_bindir.
build_private()
{
	local source=$1 bindir=$2 build=$1/build dir
	local private=$build/root
	shift 2

	rm -rf "$build"
	mkdir -p "$build/src"
	make -C "$build" -f "$source/Makefile" VPATH="$source" \
		PG_CONFIG="$bindir/pg_config" with_llvm=no -s -j2 all "$@"

	# PostgreSQL finds its files by their place relative to its programs'.
	for dir in bindir sharedir pkglibdir; do
		dir=$("$bindir/pg_config" --$dir)
		mkdir -p "$private$dir"
		tar -C "$dir" --exclude=./bitcode -cf - . | tar -C "$private$dir" -xf -
	done
	# for the modules of tests
	dir=$("$bindir/pg_config" --includedir-server)
	mkdir -p "$(dirname "$private$dir")"
	ln -s "$dir" "$private$dir"
	make -C "$build" -f "$source/Makefile" VPATH="$source" \
		PG_CONFIG="$bindir/pg_config" with_llvm=no -s install \
		DESTDIR="$private"
	# shellcheck disable=SC2034
	private_bindir=$private$bindir
}
