
# Copyright (c) 2026, the snapshot_worker developers

# The schedule passes from one server to another, by a promotion or a reload of
# run_on.  Promised here: a slot that the other one did not live to take is
# taken at once, whether the two share a directory or not, if the schedule was
# in force before it; and in a shared directory no slot is taken twice, not
# even while the other one is still at it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($primary, $directory) = snapshot_node('primary',
	init => [ allows_streaming => 1 ],
	start => 0,
	conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00, 15:00'
snapshot_worker.databases = 'app'
snapshot_worker.retention = 1000
max_connections = 20
wal_sender_timeout = 0
wal_receiver_timeout = 0
autovacuum = off
EOF
fake_clock($primary, '2026-03-19 02:00:00');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$primary->safe_psql('postgres', 'CREATE DATABASE app');
$primary->backup('base');

# Each standby has been one of the primary since before all slots.
my @standbys;

sub add_standby
{
	my ($name, $own_directory) = @_;
	my $standby = SnapshotTest::Node->new($name);

	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	$standby->append_conf('postgresql.conf',
		"snapshot_worker.directory = '$own_directory'")
	  if defined $own_directory;
	$standby->start;
	$standby->poll_query_until('postgres',
		'SELECT launcher_pid IS NOT NULL FROM snapshot_status()')
	  or die 'no launcher';
	push @standbys, $standby;
	return $standby;
}

my ($own, $changed) = map { $primary->basedir . "/$_" } qw(own changed);
my $sharing = add_standby('sharing');
my $apart = add_standby('apart', $own);
my $late = add_standby('late', $changed);

# All clocks are one.
sub reach
{
	my ($time, @nodes) = @_;

	set_clock($primary, $time);
	$_->reload foreach @nodes;
	return;
}

# The manifests of the snapshots of a slot.
sub of_slot
{
	my ($slot, $in) = @_;

	return grep { ($_->{scheduled_for} // '') =~ /^\Q$slot/ }
	  map { manifest_of($in // $directory, $_) } snapshots($in // $directory, 'app');
}

# Wait until a server says what it plans, which it does after it has looked
# back.
sub plans
{
	my ($node, $next_run) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until($node->name . ($next_run eq '' ? ' plans nothing'
			: ' plans the next slot'),
		sub {
			$node->safe_psql('postgres',
				"SELECT coalesce(next_run::text, '') FROM snapshot_status() WHERE state = 'idle'")
			  eq $next_run;
		});
}

#
# The other one took the slot, or is still at it.
#

# As long as this file is there, dumps of the primary wait.
my $gate = $primary->basedir . '/gate';
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
reload_with($primary, bin_directory => install_fake_program($primary, 'pg_dump', <<EOF));
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reach('2026-03-19 03:00:01', $primary, @standbys);
wait_until('the primary takes a slot', sub { of_slot('2026-03-19T03:00') });
plans($primary, '2026-03-19 15:00:00+00');
plans($sharing, '');
reload_with($sharing, run_on => 'any');
plans($sharing, '2026-03-19 15:00:00+00');
is(scalar of_slot('2026-03-19T03:00'),
	1, 'the standby does not take a slot that the primary has taken');
reload_with($sharing, run_on => 'primary');
plans($sharing, '');

append_to_file($gate, '');
reach('2026-03-19 15:00:01', $primary, @standbys);
$primary->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
reload_with($sharing, run_on => 'standby');
reload_with($primary, run_on => 'standby');
wait_until('the standby waits for a slot whose run is still on at the primary', sub {
	slurp_file($sharing->logfile) =~
	  /LOG:  the snapshot of database "app" is being taken by another server that shares the directory/;
});
unlink $gate or die;
wait_until('the primary ends a run that the standby waits for', sub { of_slot('2026-03-19T15:00') });
plans($sharing, '2026-03-20 03:00:00+00');
is(scalar of_slot('2026-03-19T15:00'), 1, 'a slot that the primary took is not taken again by the standby');
unlike(slurp_file($sharing->logfile), qr/took snapshot/,
	"the standby takes none of the primary's slots");

# The standby takes what the primary failed to take, and the primary does not
# try it again.
my $broken = install_fake_program($primary, 'pg_dump',
	qq([ "\$1" = --version ] && exec REAL "\$@"\nexit 1\n));
reload_with($_, run_on => 'primary') foreach $sharing, $primary;
plans($primary, '2026-03-20 03:00:00+00');
reach('2026-03-20 03:00:01', $primary, @standbys);
wait_until('the primary fails to take a slot', sub {
	grep { ($_->{scheduled_for} // '') =~ /^2026-03-20T03:00/ }
	  history_lines($directory);
});
reload_with($_, run_on => 'standby') foreach $primary, $sharing;
wait_until('the standby goes on with the tries of the primary',
	sub { of_slot('2026-03-20T03:00') });
cmp_ok((of_slot('2026-03-20T03:00'))[0]{attempt},
	'>', 1, 'the standby counts the attempts of the primary on');
plans($primary, '');
plans($sharing, '2026-03-20 15:00:00+00');
reload_with($_, run_on => 'primary') foreach $primary, $sharing;

#
# The primary dies before a slot, and standbys are promoted after it.
#

reload_with($_, time => '03:00, 15:00, 16:00') foreach $primary, $sharing, $apart;
plans($primary, '2026-03-20 15:00:00+00');
$primary->wait_for_catchup($_, 'replay', $primary->lsn('insert'))
  foreach @standbys;
$primary->stop('immediate');
reach('2026-03-20 16:05:00', @standbys);
plans($_, '') foreach @standbys;
reload_with($late, time => '03:00, 15:00, 16:00');
is(scalar of_slot('2026-03-20T16:00'), 0, 'no server takes a slot at which the primary is down');

foreach my $standby (@standbys)
{
	$standby->promote;
	$standby->reload;
}
wait_until('a standby that is promoted takes the slot that was missed',
	sub { of_slot('2026-03-20T16:00') });
is((of_slot('2026-03-20T16:00'))[0]{reason}, 'catch-up', 'a promoted standby takes the slot as one that was missed');
wait_until('a promoted standby with its own directory takes the slot that was missed',
	sub { of_slot('2026-03-20T16:00', $own) });
plans($_, '2026-03-21 03:00:00+00') foreach @standbys;
is_deeply([ snapshots($changed) ],
	[], 'a standby whose schedule was set after the slot does not take it');
is(scalar of_slot('2026-03-20T16:00'), 1, 'standbys that share a directory take a missed slot once');

# The time since when the schedule is in force is on disk from then on, for the
# next launcher as well.
$_->stop foreach @standbys;
set_clock($primary, '2026-03-21 03:10:00');
$_->start foreach @standbys;
foreach my $in ($directory, $own, $changed)
{
	wait_until('a slot that is missed after a failover is caught up with at a start',
		sub { of_slot('2026-03-21T03:00', $in) });
}

$_->stop foreach @standbys;
done_testing();
