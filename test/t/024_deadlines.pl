
# Copyright (c) 2026, the snapshot_worker developers

# Runs that take too long, and runs that are stopped early.  Promised here:
# "timeout" bounds a run wherever it is, and not only while a program runs; a
# cancel is heard however early it comes; and when the postmaster dies, no
# program of a run keeps the next one from starting.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('deadlines',
	init => [ allows_streaming => 1 ]);
my $fake = install_fake_program($node, 'pg_dump');
my $started = $node->basedir . '/started';
my $terminated = $node->basedir . '/terminated';

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 1000) i');

# Was the process of this environment started from the directory of fake
# programs?
sub is_of_run
{
	my ($file) = @_;

	open my $fh, '<', $file or return 0;
	local $/;
	return (<$fh> // '') =~ /(?:^|\0)PATH=\Q$fake\E:/;
}

# A run is held at a step until its time is over.
foreach my $step ('snapshot exported', 'hashing', 'hashed')
{
	reload_with($node, timeout => '8s');
	hold_at($node, $step);
	my (undef, $stderr) =
	  finish_query(start_query($node, "SELECT snapshot_now('app')"));
	like(
		$stderr,
		qr/ERROR:  38000: .*canceling the run due to "snapshot_worker\.timeout" \(8 s\)\nHINT:  Raise "snapshot_worker\.timeout"/,
		"timeout ends a run that is held up at \"$step\"");
	let_go($node);
	is_deeply([ leftovers($directory) ], [],
		"a run that timed out at \"$step\" leaves nothing over");
	reload_with($node, timeout => '12h');
}
is_deeply([ snapshots($directory) ], [], 'runs that timed out list no snapshot');
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_deeply([ snapshots($directory) ], [$name], 'the run after runs that timed out succeeds');

reload_with($node, timeout => '8s');
hold_at($node, 'verifying');
my (undef, $stderr) =
  finish_query(start_query($node, "SELECT snapshot_verify('$name')"));
like(
	$stderr,
	qr/ERROR:  38000: .*canceling the run due to "snapshot_worker\.timeout" \(8 s\)/,
	'timeout ends a verification that is held up');
let_go($node);
reload_with($node, timeout => '12h');
is( $node->safe_psql(
		'postgres',
		"SELECT problem IS NULL FROM snapshot_list() WHERE name = '$name'"),
	't',
	'a verification that timed out is not held against the snapshot');

# The earliest cancel: the worker has its run, and no connection.
hold_at($node, 'attached');
my $session = start_query($node, "SELECT snapshot_now('app')");
wait_until(
	'a worker has attached to its run',
	sub {
		$node->safe_psql('postgres',
			q{SELECT count(*) FROM snapshot_status() WHERE state = 'running'
			  AND NOT EXISTS (SELECT FROM snapshot_progress() WHERE phase = 'queued')}
		);
	});
wait_until(
	'the worker at its start has no connection to a database',
	sub {
		$node->safe_psql('postgres',
			q{SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'}
		) eq 't';
	});
is($node->safe_psql('postgres', 'SELECT snapshot_cancel()'),
	1, 'a run whose worker is not connected yet can be canceled');
let_go($node);
(undef, $stderr) = finish_query($session);
like($stderr, qr/canceled/, 'a run canceled before its worker connected ends as canceled');
is_deeply([ snapshots($directory) ], [$name], 'a run canceled before its worker connected takes no snapshot');

# Large objects are files in directory format, too.
is(manifest_of($directory, $name)->{format},
	'directory', 'a small database is dumped in directory format');
$node->safe_psql('app',
	'SELECT count(lo_create(0)) FROM generate_series(1, 1100)');
$name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is(manifest_of($directory, $name)->{format}, 'custom',
	'format = auto takes custom format for very many small large objects');

# A synchronous standby that is down: what is ours alone does not wait for it.
reload_with($node, verify => 'restore');
$node->safe_psql('postgres',
	q{ALTER SYSTEM SET synchronous_standby_names = 'nobody'});
$node->reload;
wait_until('synchronous_standby_names has an effect',
	sub { $node->safe_psql('postgres', 'SHOW synchronous_standby_names') eq 'nobody' });
($name, $stderr) =
  finish_query(start_query($node, "SELECT snapshot_now('app')"));
is($stderr, '', 'a snapshot waits for no standby');
(undef, $stderr) = finish_query(
	start_query($node, "SELECT snapshot_verify('$name', restore => true)"));
is($stderr, '', 'a test restore waits for no standby');
(undef, $stderr) = finish_query(
	start_query($node,
		"SET statement_timeout = '10s'; SELECT snapshot_restore('$name', 'app_back')"));
like(
	$stderr,
	qr/canceling statement due to statement timeout/,
	'a restored database waits for the standby, and a cancel ends that');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot\_worker\_scratch%'}),
	0,
	'restores that are held up by a standby leave no scratch database');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET synchronous_standby_names');
$node->reload;

# The postmaster dies while pg_dump is deaf to SIGTERM.
install_fake_program($node, 'pg_dump', <<"EOF");
[ "\$1" = --version ] && exec REAL "\$@"
trap 'touch $terminated' TERM
touch $started
while :; do sleep 1000 & wait; done
EOF
reload_with($node, bin_directory => $fake);
$node->safe_psql('postgres', q{SELECT snapshot_now('app', wait => false)});
wait_until('pg_dump hangs before the postmaster is killed', sub { -e $started });
my ($postmaster) = slurp_lines($node->data_dir . '/postmaster.pid');
$node->kill9;
wait_until('the postmaster ends', sub { !kill 0, $postmaster });
wait_until('no process of the run outlives the postmaster',
	sub { !grep { is_of_run($_) } glob '/proc/[0-9]*/environ' });
ok(!-e $terminated, 'the death of the postmaster kills pg_dump without a SIGTERM');
install_fake_program($node, 'pg_dump');
$node->start;
is($node->safe_psql('postgres', 'SELECT 1'), 1, 'the server starts again after the death of its postmaster');

$node->stop;
done_testing();
