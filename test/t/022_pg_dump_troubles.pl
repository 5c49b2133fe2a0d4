
# Copyright (c) 2026, the snapshot_worker developers

# Troubles of pg_dump.  Promised here: a session that asked for the snapshot
# gets an error that says what happened, with the last words of pg_dump; the
# run leaves nothing in the snapshot directory or among the processes; and the
# next snapshot is good.  A request that would make a session wait for itself
# is refused, and a session that stops waiting stops nothing else.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('troubles');
my $fake = install_fake_program($node, 'pg_dump');
my $gate = $node->basedir . '/gate';
my $started = $node->basedir . '/started';
my $terminated = $node->basedir . '/terminated';
my $timeout = $PostgreSQL::Test::Utils::timeout_default;

# The version is asked for first, and in most of these tales it is right.
my $dump_only = '[ "$1" = --version ] && exec REAL "$@"' . "\n";

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql(
	'app', q{
	CREATE EXTENSION snapshot_worker;
	CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 1000) i});
reload_with($node, bin_directory => $fake, retention_manual => 1000);

# Run statements in the database; returns what psql prints and its errors.
sub run_sql
{
	my ($sql) = @_;
	my ($ret, $stdout, $stderr) = $node->psql('app',
		"\\set VERBOSITY verbose\n$sql", timeout => $timeout);
	return ($stdout, $stderr);
}

sub listed
{
	return $node->safe_psql('postgres',
		'SELECT name FROM snapshot_list() ORDER BY name');
}

# Processes that the server started from the directory of fake programs: their
# environment, which their own children inherit, has it.
sub processes
{
	my @pids;
	foreach my $file (glob '/proc/[0-9]*/environ')
	{
		open my $fh, '<', $file or next;
		local $/;
		my $environment = <$fh> // '';
		push @pids, $file =~ /(\d+)/
		  if $environment =~ /(?:^|\0)PATH=\Q$fake\E:/;
	}
	return @pids;
}

# A try that must fail, with an error like these patterns, and leave nothing;
# then one that must succeed.  Setup runs first, and undo between the two.
sub fails
{
	my ($story, %options) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	subtest $story => sub {
		my $before = listed();

		unlink $started, $gate, $terminated;
		install_fake_program($node, 'pg_dump', $options{script})
		  if defined $options{script};
		$options{setup}->() if defined $options{setup};

		my $stderr = ($options{attempt} // \&ask)->();

		foreach my $pattern (@{ $options{error} })
		{
			like($stderr, $pattern, "the error is like $pattern");
		}
		like($stderr, qr/could not take a snapshot of database "app": /,
			'the error names the database of the failed run');
		is(listed(), $before, 'a failed run lists no snapshot');
		is_deeply([ leftovers($directory) ], [], 'a failed run leaves nothing over');
		wait_until('a failed run leaves no process', sub { !processes() });

		$options{check}->($stderr) if defined $options{check};

		install_fake_program($node, 'pg_dump');
		$options{undo}->() if defined $options{undo};
		succeeds('a run after a failed one');
	};
	return;
}

sub ask
{
	return (run_sql('SELECT snapshot_now()'))[1];
}

# A snapshot that is taken, listed, and readable.
sub succeeds
{
	my ($test_name) = @_;
	my ($name, $stderr) = run_sql('SELECT snapshot_now()');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($stderr, '', "$test_name raises no error");
	ok((grep { $_ eq $name } split /\n/, listed()), "$test_name is listed");
	command_like(
		[ 'pg_restore', '--list', "$directory/$name/app.dump" ],
		qr/TABLE DATA public items/,
		"$test_name has the table");
	return;
}

fails(
	'pg_dump is missing',
	setup => sub { unlink "$fake/pg_dump" or die "could not unlink: $!" },
	error => [
		qr/could not find an executable "\Q$fake\E\/pg_dump": No such file/,
		qr/HINT: .*client programs.*snapshot_worker\.bin_directory/
	]);

fails(
	'pg_dump is not executable',
	script => 'exec REAL "$@"',
	setup => sub { chmod 0644, "$fake/pg_dump" or die "could not chmod: $!" },
	error => [
		qr/ERROR:  42501: .*could not find an executable ".*pg_dump": Permission denied/
	]);

# Parallel jobs write the parts of their lines one by one.
foreach my $output (
	'pg_dump: pg_dump: error: torn apart\ndumping contents of table "public.items"\n',
	'pg_dump: pg_dump: dumping contents of table "public.items"\nerror: torn apart\n')
{
	fails(
		"pg_dump writes $output",
		script => $dump_only . "printf '$output' >&2\nexit 1",
		error => [qr/DETAIL:  .*error: torn apart/]);
}

fails(
	'pg_dump is no program at all',
	setup => sub {
		unlink "$fake/pg_dump";
		append_to_file("$fake/pg_dump", "\0\0\0\0");
		chmod 0755, "$fake/pg_dump" or die "could not chmod: $!";
	},
	error => [qr/could not start ".*pg_dump": Exec format error/]);

fails(
	'pg_dump is of another major version',
	script => 'echo "pg_dump (PostgreSQL) 9.6.24"; touch '
	  . $started
	  . '; exec REAL "$@"',
	error => [
		qr/ERROR:  55000: .*pg_dump" is not of version \d+/,
		qr/DETAIL:  It says: pg_dump \(PostgreSQL\) 9\.6\.24/,
		qr/HINT: .*snapshot_worker\.bin_directory/
	]);

fails(
	'pg_dump fails with a word on why',
	script => $dump_only
	  . 'echo "first line" >&2; printf "pg_dump: error: the moon is full" >&2; exit 1',
	error => [
		qr/ERROR:  38000: .*pg_dump failed: child process exited with exit code 1/,
		qr/DETAIL:  first line\npg_dump: error: the moon is full$/m
	],
	check => sub {
		my ($history) = glob "$directory/history-*.jsonl";
		my ($last) = (slurp_lines($history))[-1];
		like($last, qr/"failed".*the moon is full/,
			'the history has the failed run, with the error of pg_dump');
		like(slurp_file($node->logfile),
			qr/WARNING: .*"app" failed.*\n.*DETAIL:  first line\n.*the moon is full/,
			'the log has the failed run, with the error of pg_dump');
	});

fails(
	'pg_dump fails without a word',
	script => $dump_only . 'exit 3',
	error => [qr/pg_dump failed: child process exited with exit code 3/],
	check => sub {
		unlike($_[0], qr/DETAIL/, 'the error of a pg_dump that said nothing has no detail');
	});

# What the server says to pg_dump, and what the hint says then.
my %hints = (
	'too many connections for role "dumper"' => qr/ALTER ROLE .* CONNECTION LIMIT/,
	'too many connections for database "app"' =>
	  qr/ALTER DATABASE .* CONNECTION LIMIT/,
	'Cannot enlarge string buffer containing 1073741500 bytes' =>
	  qr/exceeds 1 GB/,
	'invalid page in block 7 of relation base/5/16384' =>
	  qr/damaged\. Pin the existing snapshots/,
	'missing chunk number 0 for toast value 16400' =>
	  qr/--exclude-table-data/,
	'canceling statement due to conflict with recovery' =>
	  qr/hot_standby_feedback/,
	'permission denied for table items' => qr/pg_read_all_data/);
foreach my $words (sort keys %hints)
{
	fails(
		"the server says: $words",
		script => $dump_only
		  . "echo 'pg_dump: error: $words' >&2; exit 1",
		error => [
			qr/DETAIL:  pg_dump: error: \Q$words\E/,
			qr/HINT:  .*$hints{$words}/
		]);
}

fails(
	'pg_dump is killed by a signal, with files half written',
	script => $dump_only . 'REAL "$@"; kill -KILL $$',
	error => [
		qr/ERROR:  38000: .*pg_dump failed: child process was terminated by signal 9/
	]);

fails(
	'pg_dump has very much to say before it fails',
	script => $dump_only
	  . 'head -c 50000000 /dev/zero | tr "\0" x | fold -w 99 >&2; echo >&2;'
	  . 'echo "last words" >&2; exit 1',
	error => [ qr/exit code 1\n/, qr/DETAIL:  x[x\n]+\nlast words$/m ],
	check => sub {
		cmp_ok(length $_[0], '<', 4000, 'the error has only the end of what pg_dump wrote');
		cmp_ok(length $_[0], '>', 500, 'the error has more than the last line of what pg_dump wrote');
	});

fails(
	'pg_dump says very much in one line, of bytes that are no text',
	script => $dump_only . 'head -c 5000000 /dev/zero >&2; exit 1',
	error => [ qr/exit code 1\n/, qr/DETAIL:  \?+$/m ],
	check => sub {
		cmp_ok(length $_[0], '<', 4000, 'the error has only the end of a long line of pg_dump');
	});

fails(
	'pg_dump claims success, but has written nothing',
	script => $dump_only . 'exit 0',
	error => [qr/pg_restore failed: .*\nDETAIL: .*app\.dump/]);

fails(
	'pg_dump claims success, but the archive is damaged',
	script => $dump_only . 'REAL "$@" && for arg; do case $arg in --file=*)'
	  . ' : >"${arg#--file=}/toc.dat";; esac; done',
	error => [qr/pg_restore failed: .*\nDETAIL:  pg_restore: error: /]);

fails(
	'pg_dumpall claims success, but has written half of the globals',
	setup => sub {
		install_fake_program($node, 'pg_dumpall', <<'EOF');
REAL "$@"
for arg; do
	case $arg in --file=*)
		file=${arg#--file=}
		truncate --size=$(($(stat --format=%s "$file") / 2)) "$file" ;;
	esac
done
EOF
	},
	undo => sub { install_fake_program($node, 'pg_dumpall') },
	error => [
		qr/ERROR:  58030: .*file "\Q$directory\E\/app\/\S+\/globals\.sql" was not written completely/,
		qr/DETAIL:  pg_dumpall does not report this\. The disk may be full\./
	]);

fails(
	'pg_dump hangs',
	script => $dump_only . 'sleep 1000 & sleep 1000',
	setup => sub { reload_with($node, timeout => '1s') },
	undo => sub { reload_with($node, timeout => '12h') },
	error => [
		qr/ERROR:  38000: .*canceling pg_dump due to "snapshot_worker\.timeout" \(1 s\)/,
		qr/HINT: .*"snapshot_worker\.timeout"/
	]);

# The worker is terminated once the program is deaf, whatever time that takes.
# The program gets SIGTERM first.
fails(
	'pg_dump hangs, and is deaf to SIGTERM',
	script => $dump_only
	  . "trap 'touch $terminated' TERM; touch $started;"
	  . 'while :; do sleep 1000 & wait; done',
	attempt => sub {
		my $session =
		  $node->background_psql('app', on_error_stop => 0);
		$session->query_until(qr/asked/,
			"\\set VERBOSITY verbose\n\\echo asked\nSELECT snapshot_now();\n");
		wait_until('pg_dump hangs', sub { -e $started });
		$node->safe_psql('postgres',
			q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			  WHERE backend_type = 'snapshot_worker'});
		$session->quit;
		return $session->{stderr};
	},
	error => [qr/ERROR:  38000: .*terminating background worker/],
	check => sub { ok(-e $terminated, 'pg_dump gets SIGTERM before SIGKILL') });

fails(
	'pg_dump fails, and leaves a process that holds its output open',
	script => $dump_only
	  . 'sleep 1000 & echo "pg_dump: error: gone" >&2; exit 1',
	error => [ qr/exit code 1\n/, qr/DETAIL:  pg_dump: error: gone$/m ]);

# Not even one that has left for a session of its own, where it is not ours to
# stop, makes a run that is done wait for ever.
install_fake_program($node, 'pg_dump',
	$dump_only . 'setsid sleep 1000 & exec REAL "$@"');
succeeds('a snapshot beside a process in another session that holds its output open');
cmp_ok(kill('KILL', processes()),
	'>', 0, 'a process that left the group of pg_dump is not killed');
install_fake_program($node, 'pg_dump');

# A dump of many tables, of which one is locked: the statement that waits can
# be far longer than what is kept of the output.
$node->safe_psql('app',
	q{SELECT format('CREATE TABLE some_table_with_a_rather_long_name_%s ()', i)
	  FROM generate_series(1, 100) i \gexec});
my $locker;
fails(
	'another session has locked a table',
	setup => sub {
		reload_with($node, lock_timeout => '100ms');
		$locker = $node->background_psql('app');
		$locker->query_safe(
			'BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
	},
	undo => sub {
		$locker->quit;
		reload_with($node, lock_timeout => '5min');
	},
	error => [
		qr/pg_dump failed: /,
		qr/DETAIL: (?s:.*)canceling statement due to/,
		qr/HINT: .*lock on a table.*"snapshot_worker\.lock_timeout"/
	]);

fails(
	'a table was dropped before it could be locked',
	script => $dump_only . <<'EOF',
echo 'pg_dump: error: query failed: ERROR:  relation "public.gone" does not exist' >&2
echo 'pg_dump: detail: Query was: LOCK TABLE public.gone IN ACCESS SHARE MODE' >&2
exit 1
EOF
	error => [
		qr/pg_dump failed: /,
		qr/DETAIL: (?s:.*)"public\.gone" does not exist/,
		qr/HINT: .*dropped or renamed.*again/
	]);

# A transaction whose writes pg_dump would not see, or for whose end it could
# have to wait, is refused at once.
my $before = listed();
my %writes = (
	'has written a row' => 'INSERT INTO items VALUES (1001)',
	'has made a table' => 'CREATE TABLE made ()',
	'has locked a row' => 'SELECT id FROM items WHERE id = 1 FOR UPDATE');
foreach my $what (sort keys %writes)
{
	foreach my $call ('snapshot_now()', 'snapshot_now(wait => false)',
		q{snapshot_now('postgres')})
	{
		my ($stdout, $stderr) = run_sql("BEGIN; $writes{$what}; SELECT $call");
		like(
			$stderr,
			qr/ERROR:  25001: cannot take a snapshot in a transaction that has written/,
			"$call is refused in a transaction that $what");
	}
}

my %locks = (
	'has locked a table' => 'LOCK TABLE items IN ACCESS EXCLUSIVE MODE',
	'has locked a table after a savepoint' =>
	  'SAVEPOINT s; LOCK TABLE items IN ACCESS EXCLUSIVE MODE; RELEASE s',
	'has read a table' => 'SELECT FROM items',
	'has locked a catalog' => 'LOCK TABLE pg_class IN ACCESS EXCLUSIVE MODE',
	'has locked a shared catalog' =>
	  'LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE');
foreach my $what (sort keys %locks)
{
	my ($stdout, $stderr) =
	  run_sql("BEGIN; $locks{$what}; SELECT snapshot_now()");
	like(
		$stderr,
		qr/ERROR:  25001: cannot wait for a snapshot in a transaction that has locked/,
		"snapshot_now() is refused in a transaction that $what");
}
is(listed(), $before, 'refused requests take no snapshot');

my ($name, $stderr) = run_sql('BEGIN; SELECT snapshot_now(); COMMIT');
is($stderr, '', 'another transaction can take a snapshot');
($name, $stderr) = run_sql(
	"BEGIN; $locks{'has locked a table'}; SELECT snapshot_now('postgres')");
is($stderr, '', 'a lock is in the way of no other database');
($name, $stderr) = run_sql(
	"BEGIN; $locks{'has locked a table'}; SELECT snapshot_now(wait => false)");
is($stderr, '', 'a lock is not in the way of a request that does not wait');
wait_until('a request that did not wait is met when the transaction is over',
	sub { listed() =~ /^\Q$name\E$/m });

# Ctrl-C
unlink $started, $gate;
install_fake_program($node, 'pg_dump',
	$dump_only
	  . "touch $started; until [ -e $gate ]; do sleep 0.1; done; "
	  . 'exec REAL "$@"');
$before = listed();
my $session = $node->background_psql('app', on_error_stop => 0);
my $pid = $session->query('SELECT pg_backend_pid()');
$session->query_until(qr/asked/,
	"\\set VERBOSITY verbose\n\\echo asked\nSELECT snapshot_now();\n");
wait_until('pg_dump has begun', sub { -e $started });
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
$session->quit;
like(
	$session->{stderr},
	qr/ERROR:  57014: canceling statement due to user request/,
	'a session that waits for a snapshot can be cancelled');
like(
	$session->{stderr},
	qr/DETAIL:  Snapshot "app\/\S+" is still being taken\./,
	'a cancelled session learns that its snapshot is still being taken');
my ($expected) = $session->{stderr} =~ /napshot "(\S+)"/;
is( $node->safe_psql(
		'postgres', 'SELECT state, current_name FROM snapshot_status()'),
	"running|$expected",
	'the status shows the run that a cancelled session had waited for');
is(listed(), $before, 'a snapshot that is still being taken is not listed');
append_to_file($gate, '');
wait_until('a snapshot is published although the session that asked was cancelled',
	sub { listed() =~ /^\Q$expected\E$/m });
install_fake_program($node, 'pg_dump');
succeeds('a snapshot after a canceled session');

$node->stop;
done_testing();
