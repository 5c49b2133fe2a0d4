
# Copyright (c) 2026, the snapshot_worker developers

# Verifications of the schedule.  Promised here: a snapshot of the schedule is
# verified as far as "verify" says, and as a standby can; one that is found
# damaged fails its run, and is kept; and a scratch database gets no snapshot.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Verify;
use Test::More;

my ($primary, $shared) = snapshot_node('primary',
	init => [ allows_streaming => 1 ],
	start => 0,
	conf => <<'EOC');
snapshot_worker.enable = on
snapshot_worker.time = '03:00'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
wal_sender_timeout = 0
wal_receiver_timeout = 0
EOC
fake_clock($primary, '2026-03-19 02:00:00');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$primary->safe_psql('postgres', 'CREATE DATABASE app');
$primary->safe_psql('app', 'CREATE TABLE t AS SELECT 1 AS a');
my $day = 19;

# Let the next slot come, run code while a run is held, and wait for the end of
# the run.  Returns its line in the history.
sub next_slot
{
	my ($while_held) = @_;
	my $slot = sprintf '2026-03-%02dT03:00', $day;
	my $line;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	set_clock($primary, sprintf '2026-03-%02d 02:59:59', $day++);
	$primary->reload;
	$while_held->() if $while_held;
	wait_until(
		"the run of slot $slot is over",
		sub {
			($line) = grep {
				$_->{name} =~ m{^app/}
				  && ($_->{scheduled_for} // '') =~ /^$slot/
			} history_lines($shared);
		});
	return $line;
}

# A scratch database is there while a slot is taken.
reload_with($primary, databases => '*');
my $name = $primary->safe_psql('postgres', "SELECT snapshot_now('app')");
hold_at($primary, 'restored');
my $long = start_query($primary, verification($name, 1));
my $worker = wait_until_held($primary, 'restored');
next_slot();
wait_until('the schedule takes a snapshot of each database', sub { snapshots($shared, 'postgres') });
is( $primary->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = '$scratch_prefix$worker'"),
	1,
	'a scratch database is there while the schedule takes all databases');
is_deeply(
	[
		grep { m{/$scratch_prefix} } glob("$shared/*"),
		map { $_->{name} } history_lines($shared)
	],
	[], 'the schedule takes no snapshot of a scratch database');
let_go($primary);
finish_query($long);
is($long->{err}, '', 'a verification succeeds while the schedule takes snapshots');
reload_with($primary, databases => 'app');

my %level = (
	off => 'none\|not',
	list => 'none\|not',
	checksum => 'checksum\|2026-03-2\d .*',
	archive => 'archive\|2026-03-2\d .*',
	restore => 'restore\|2026-03-2\d .*');
foreach my $level (sort keys %level)
{
	reload_with($primary, verify => $level);
	my $line = next_slot();
	is($line->{outcome}, 'succeeded', "with verify = $level, a run of the schedule succeeds");
	like(outcome($line->{name}, $primary),
		qr/^$level{$level}\|$/, "with verify = $level, a snapshot of the schedule is verified to that level");
	$name = $primary->safe_psql('postgres', "SELECT snapshot_now('app')");
	is(outcome($name, $primary), 'none|not|',
		"with verify = $level, a snapshot of snapshot_now() is not verified");
}

# Hold the next run at a step.  Returns code that damages its snapshot there,
# and lets it go on.
sub damage_at
{
	my ($step) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($primary, $step);
	return sub {
		wait_until_held($primary, $step);
		$name = $primary->safe_psql('postgres',
			"SELECT max(name) FROM snapshot_list() WHERE database = 'app'");
		flip("$shared/$name/globals.sql");
		let_go($primary);
	};
}

foreach my $case ([ checksum => 'published', 1 ], [ restore => 'verifying', 2 ])
{
	my ($level, $step, $failures) = @$case;
	my $log = -s $primary->logfile;

	reload_with($primary, verify => $level);
	my $line = next_slot(damage_at($step));
	my $what = "a snapshot damaged at \"$step\"";
	is($line->{name}, $name, "$what has a line in the history");
	is($line->{outcome}, 'failed', "$what has the outcome failed in the history");
	like($line->{error}, qr/^verification failed: .*\n.*globals\.sql" have changed/,
		"$what has the reason in the history");
	like( outcome($name, $primary),
		qr/^checksum\|not\|.*globals\.sql" have changed/s,
		"$what is not deleted, and has its problem listed");
	$primary->poll_query_until('postgres', <<'EOQ') or die 'still running';
SELECT state = 'idle' FROM snapshot_status()
EOQ
	like(
		$primary->safe_psql('postgres',
			'SELECT last_error, consecutive_failures FROM snapshot_status()'),
		qr/^database "app": verification failed: .*\|$failures$/s,
		"$what is reported as the last error of the status");
	is( $primary->safe_psql('postgres',
			'SELECT next_run FROM snapshot_status()'),
		sprintf('2026-03-%02d 03:00:00+00', $day),
		"$what leaves the next slot as the next run");
	unlike(slurp_file($primary->logfile, $log),
		qr/next attempt to take a snapshot/, "$what is not tried again");
	like(
		slurp_file($primary->logfile, $log),
		qr/WARNING:  snapshot of database "app" failed \(attempt 1\): verification failed/,
		"$what causes a WARNING in the log");
}

# A pg_restore that fails fails the run, but is no problem of the snapshot.
my $bin = install_fake_program($primary, 'pg_restore', <<'EOC');
case "$*" in
	*--list*) exec REAL "$@" ;;
esac
kill -9 $$
EOC
reload_with($primary, bin_directory => $bin, verify => 'archive');
my $line = next_slot();
is($line->{outcome}, 'failed', 'a run whose verification cannot be made fails');
like($line->{error}, qr/verification failed: pg_restore failed/,
	'the history has the reason why a verification failed');
is(outcome($line->{name}, $primary),
	'none|not|', 'a verification that fails is not held against the snapshot');
reload_with($primary, bin_directory => '');

#
# A standby.
#

$primary->backup('base');
my $standby = SnapshotTest::Node->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$name = $line->{name};
$standby->poll_query_until('postgres', <<'EOQ') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOQ
is(error_of($standby, verification($name, 0)), '',
	'a standby verifies a snapshot');
like(outcome($name, $primary), qr/^archive\|2026-/,
	'the primary sees what its standby has verified');
like(
	error_of($standby, verification($name, 1)),
	qr/ERROR:  25006: could not verify snapshot "\Q$name\E": recovery is in progress/,
	'a standby cannot verify by a restore');
like(
	error_of($standby, "SELECT snapshot_restore('$name', 'again')"),
	qr/ERROR:  25006: could not restore snapshot "\Q$name\E": recovery is in progress/,
	'a standby cannot restore a snapshot');
reload_with($_, run_on => 'standby', verify => 'restore')
  foreach $primary, $standby;
$line = next_slot(sub { $standby->reload });
is($line->{outcome}, 'succeeded', 'the schedule of a standby verifies');
like(outcome($line->{name}, $standby),
	qr/^archive\|2026-/, 'the schedule of a standby verifies as far as it can');

$standby->stop;
$primary->stop;
done_testing();
