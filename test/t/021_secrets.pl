
# Copyright (c) 2026, the snapshot_worker developers

# A server that asks everybody for a password, also on its own socket. Promised
# here: pg_dump finds the password in the pass file of the server's operating
# system user, and nowhere else; without one, the error says so; a role without
# superuser rights will do; the password is never shown; and the environment,
# signals, descriptors and process group of the programs are those that the
# server gives them, whatever its own are.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# Not to be found by chance, in any of the places where it is looked for.
my $password = sprintf 'hush-%d-%s', $$, join '', map { int rand 10 } 1 .. 20;

my ($node, $directory) = snapshot_node('secrets');
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
my $home = $node->basedir . '/home';
my $pass_file = $node->basedir . '/passwords';
my $client_pass_file = $node->basedir . '/client_passwords';

mkdir $home or die "could not create $home: $!";

# A pass file with the password of these roles; the server's programs take none
# that others can read.
sub write_pass_file
{
	my ($file, @roles) = @_;

	unlink $file;
	append_to_file($file, join '', map { "*:*:*:$_:$password\n" } @roles);
	chmod 0600, $file or die "could not chmod $file: $!";
	return;
}

# Start the server again, with this environment besides its usual one.
sub restart_with
{
	my (%environment) = @_;
	local @ENV{ keys %environment } = values %environment;

	# the server gets nothing of what this test itself connects with
	local $ENV{PGPASSFILE} = $environment{PGPASSFILE};
	delete $ENV{PGPASSFILE} unless defined $environment{PGPASSFILE};
	$node->restart;
	return;
}

# Ask for a snapshot; returns its name and what psql says of errors.
sub ask
{
	my ($ret, $stdout, $stderr) = $node->psql(
		'postgres',
		"\\set VERBOSITY verbose\nSELECT snapshot_now('app')",
		timeout => $PostgreSQL::Test::Utils::timeout_default);
	return ($stdout, $stderr);
}

sub succeeds
{
	my ($test_name) = @_;
	my ($name, $stderr) = ask();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($stderr, '', "a run with $test_name raises no error");
	is( $node->safe_psql(
			'postgres', "SELECT count(*) FROM snapshot_list() WHERE name = '$name'"
		),
		1,
		"a run with $test_name has its snapshot listed");
	return $name;
}

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 100) i');
$node->safe_psql(
	'postgres', qq{
	SET password_encryption = 'scram-sha-256';
	ALTER ROLE "$superuser" PASSWORD '$password';
	CREATE ROLE dumper LOGIN PASSWORD '$password';
	CREATE ROLE reader NOLOGIN;
	GRANT pg_read_all_data TO reader;
});
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all all scram-sha-256\n");

# With things in the environment of the server that pg_dump would follow.
my %decoys = (
	HOME => $home,
	PGPASSWORD => 'a password of the server\'s environment',
	PGOPTIONS => '-c default_transaction_read_only=off',
	PGAPPNAME => 'decoy',
	PGTZ => 'Asia/Tokyo',
	PGDATABASE => 'decoy',
	PGUSER => 'decoy',
	LC_MESSAGES => 'C',
	SNAPSHOT_WORKER_DECOY => 'decoy');

write_pass_file($client_pass_file, $superuser);
$ENV{PGPASSFILE} = $client_pass_file;
restart_with(%decoys);

$node->connect_fails(
	$node->connstr('postgres') . ' passfile=/dev/null',
	'without a password nobody gets in',
	expected_stderr => qr/no password supplied/);

# No pass file, a wrong one, a right one
my ($name, $error) = ask();
like(
	$error,
	qr/ERROR:  38000: could not take a snapshot of database "app": pg_dump failed/,
	'without a pass file, a run fails');
like($error, qr/DETAIL: .*no password supplied/, 'the detail of a run without a password is what pg_dump says');
like(
	$error,
	qr/HINT: .*pass file.*operating system user that runs the server/,
	'the hint of a run without a password names the pass file');

append_to_file("$home/.pgpass", "*:*:*:*:not the password\n");
chmod 0600, "$home/.pgpass";
($name, $error) = ask();
like($error, qr/DETAIL: .*password authentication failed/,
	'with a wrong pass file, a run fails');
like($error, qr/HINT: .*pass file/, 'the hint of a run with a wrong password names the pass file');
is_deeply([ snapshots($directory) ], [], 'runs without the right password take no snapshot');
is_deeply([ leftovers($directory) ], [], 'runs without the right password leave nothing over');

write_pass_file("$home/.pgpass", $superuser);
$name = succeeds('the right ~/.pgpass');
like(slurp_file("$directory/$name/globals.sql"),
	qr/^ALTER ROLE dumper .*PASSWORD 'SCRAM-SHA-256\$/m,
	'a superuser saves roles with their passwords, hashed');

unlink "$home/.pgpass";
write_pass_file($pass_file, $superuser, 'dumper');
restart_with(%decoys, PGPASSFILE => $pass_file);
succeeds("PGPASSFILE in the server's environment");

# A role that is no superuser
reload_with($node, user => 'dumper');
($name, $error) = ask();
like($error, qr/DETAIL: (?s:.*)permission denied/,
	'a role that cannot read everything takes no snapshot');
like($error, qr/HINT: .*"snapshot_worker\.user".*pg_read_all_data/,
	'the hint says which rights a role needs that cannot read everything');

$node->safe_psql('postgres', 'GRANT reader TO dumper');
$name = succeeds('a role that can read everything');
my $globals = slurp_file("$directory/$name/globals.sql");
like($globals, qr/^CREATE ROLE dumper;/m, 'a snapshot of a role that can read everything has the roles');
unlike($globals, qr/PASSWORD|SCRAM/, 'globals.sql of a role that is no superuser has no passwords');
command_like(
	[ 'pg_restore', '--file=-', "$directory/$name/app.dump" ],
	qr/^COPY public\.items .*\n(?:\d+\n){100}\\\.$/m,
	'the archive has the rows of the table');

reload_with($node, user => 'nobody_at_all');
($name, $error) = ask();
like($error, qr/ERROR:  42704: .*role "nobody_at_all" does not exist/,
	'a role that does not exist fails the run with an error');

# What all programs are given.  Each records how it was started, and then
# executes the real one.  Its signals and descriptors are those of a program
# that the shell starts: the shell ignores a signal of its own, but its
# children ignore only those that it was started to ignore.
reload_with($node, user => 'dumper');
foreach my $program (qw(pg_dump pg_dumpall pg_restore))
{
	my $record = $node->basedir . "/record-$program";
	my $bin = install_fake_program($node, $program, <<"EOF");
[ "\$1" = --version ] && exec REAL "\$@"
cat /proc/self/status >$record
ls -l /proc/self/fd >>$record
{
	read -r line </proc/\$\$/stat && echo "stat \$line"
	tr '\\0' '\\n' </proc/\$\$/environ | sed 's/^/environment /'
	tr '\\0' '\\n' </proc/\$\$/cmdline | sed 's/^/argument /'
} >>$record
exec REAL "\$@"
EOF
	reload_with($node, bin_directory => $bin);
}
succeeds('programs that record how they are started');

my %expected_environment = (
	PATH => $node->basedir . '/bin:/usr/bin:/bin',
	HOME => $home,
	LC_ALL => 'C',
	TZ => 'UTC',
	PGPASSFILE => $pass_file,
	PGAPPNAME => 'snapshot_worker',
	PGCONNECT_TIMEOUT => 30);

foreach my $program (qw(pg_dump pg_dumpall pg_restore))
{
	my @lines = slurp_lines($node->basedir . "/record-$program");
	my ($pid, $group, %signals, %fds, %environment);

	foreach (@lines)
	{
		# signals 32 and 33 are the C library's own, and not for programs
		$signals{$1} = hex($2) & ~(3 << 31) if /^(Sig\w+):\s+([0-9a-f]+)$/;
		$fds{$1} = $2 if / (\d+) -> (.*)/ && $2 !~ m{^/proc/\d+/fd$};
		($pid, $group) = ($1, $2) if /^stat (\d+) \(.*\) \S \d+ (\d+) /;
		$environment{$1} = $2 if /^environment ([^=]+)=(.*)/;
	}

	like(
		delete $environment{PGOPTIONS} // '',
		qr/^-c statement_timeout=0 .* -c snapshot_worker\.session_token=[0-9a-f]{32}$/,
		"$program has the server's options for it and the token of its run");
	is_deeply(\%environment, \%expected_environment,
		"$program has exactly the environment that it needs");
	is_deeply([ sort keys %fds ],
		[ 0, 1, 2 ], "$program has no descriptor of the server's");
	is($fds{0}, '/dev/null', "the standard input of $program is empty");
	is($signals{SigBlk}, 0, "no signal is blocked in $program");
	is($signals{SigIgn}, 0, "no signal is ignored in $program");
	is($group, $pid, "$program leads a process group of its own");
	ok((grep { /^argument --no-password$/ } @lines) || $program eq 'pg_restore',
		"$program gets the option that it never asks for a password");
}

# The programs as they are, while pg_dump waits for a lock and can be seen.
install_fake_program($node, $_) foreach qw(pg_dump pg_dumpall pg_restore);
my $locker = $node->background_psql('app');
$locker->query_safe('BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
$name = $node->safe_psql('postgres',
	q{SELECT snapshot_now('app', wait => false)});
$node->poll_query_until(
	'postgres', q{
	SELECT count(*) > 0 FROM pg_stat_activity
	WHERE application_name = 'snapshot_worker' AND usename = 'dumper'
		AND wait_event_type = 'Lock'}) or die 'pg_dump does not wait for the lock';

my %shown;
foreach my $file (glob '/proc/[0-9]*/cmdline')
{
	open my $fh, '<', $file or next;
	local $/;
	my $line = <$fh>;
	$shown{'the arguments of all processes'} .= ($line // '') . "\n";
}

# The token of the run that is under way
my %tokens;
foreach my $file (glob '/proc/[0-9]*/environ')
{
	open my $fh, '<', $file or next;
	local $/;
	my $line = <$fh>;
	$tokens{$1} = 1
	  if ($line // '') =~ /snapshot_worker\.session_token=([0-9a-f]{32})/;
}
ok(%tokens > 0, 'a token was seen in the environment of pg_dump');
foreach my $view (
	qw(snapshot_status() snapshot_list() pg_stat_activity pg_settings
	pg_file_settings))
{
	$shown{$view} = $node->safe_psql('postgres',
		"SELECT t::text FROM $view t");
}
$locker->quit;
wait_until('the snapshot is published when the lock is released',
	sub { -d "$directory/$name" });

like(
	$shown{'the arguments of all processes'},
	qr/pg_dump\0--dbname=host=[^\0]*dbname='app'/,
	'pg_dump is seen in the process list while it runs');
like($shown{'snapshot_status()'}, qr/running,app,/, 'snapshot_status() shows the run while pg_dump runs');
like($shown{pg_stat_activity}, qr/snapshot_worker for database|snapshot \S+: dumping/,
	'pg_stat_activity shows the worker while pg_dump runs');

# Everything that is left
foreach my $file (glob "\Q$directory\E/history-*.jsonl")
{
	$shown{'the history'} = slurp_file($file);
}
foreach my $snapshot (snapshots($directory))
{
	$shown{'a manifest'} .= slurp_file("$directory/$snapshot/manifest.json");
	$shown{'a snapshot\'s globals'} .=
	  slurp_file("$directory/$snapshot/globals.sql");
}
foreach my $program (qw(pg_dump pg_dumpall pg_restore))
{
	$shown{"what $program was started with"} =
	  slurp_file($node->basedir . "/record-$program");
}
$shown{"the server's log"} = slurp_file($node->logfile);
like($shown{"the server's log"}, qr/took snapshot "app\//,
	'the log has the snapshots');
like($shown{'the history'}, qr/password authentication failed/,
	'the history has the failures');

foreach my $place (sort keys %shown)
{
	# not unlike(), which would show all of it
	ok(index($shown{$place}, $password) < 0, "the password is not in $place");
	next if $place =~ /was started with/;
	ok(!(grep { index($shown{$place}, $_) >= 0 } keys %tokens),
		"no token of a run is in $place");
}
my $written = `grep -rlF -e '$password' '$directory'`;
is($? >> 8, 1, 'all files of the snapshot directory could be read');
is($written, '', 'the password is in no file of the snapshot directory');
is(`grep -lF -e '$password' '$pass_file'`,
	"$pass_file\n", 'the search for the password finds it in a file that has it');

$node->stop;
done_testing();
