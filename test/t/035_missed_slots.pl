
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Slots at which the server is down, or goes down in the middle of one.
# Promised here: with catch_up on, a server that was down at the scheduled time
# takes that snapshot once when it starts, and with catch_up off it waits for
# the next; a slot of before the schedule was set is not missed; a sequence of
# tries goes on over a restart; and no slot is taken twice, over any sequence
# of restarts.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(usleep);

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00, 15:00'
snapshot_worker.databases = 'app'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
restart_after_crash = on
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', 'CREATE DATABASE app');

# As long as the one file is there, dumps fail, and with the other they wait.
my $broken = $node->basedir . '/broken';
my $gate = $node->basedir . '/gate';
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
[ "\$1" = --version ] && exec REAL "\$@"
if [ -e $broken ]; then echo "pg_dump: error: out of luck" >&2; exit 1; fi
while [ -e $gate ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);

# Wait until the launcher has looked at the schedule and has nothing to do.
# What it takes up when it starts it takes up before it says what comes next.
sub settle
{
	$node->poll_query_until('postgres', <<'EOF') or die 'no rest';
SELECT state = 'idle' AND next_run IS NOT NULL FROM snapshot_status()
EOF
	return;
}

# Switch the schedule off, and wait until the launcher knows.
sub switch_off
{
	reload_with($node, enable => 'off');
	$node->poll_query_until('postgres', <<'EOF') or die 'still on';
SELECT state = 'disabled' AND next_run IS NULL FROM snapshot_status()
EOF
	return;
}

# The server is down from one instant to the other.
sub be_down
{
	my ($from, $to, $mode) = @_;

	set_clock($node, $from);
	$node->stop($mode // 'fast');
	set_clock($node, $to);
	$node->start;
	pass_minute_after_crash($node) if ($mode // '') eq 'immediate';
	return;
}

# Change a setting of a server that is down from one instant to the other.
sub change_while_down
{
	my ($from, $to, $name, $value) = @_;

	$node->safe_psql('postgres',
		"ALTER SYSTEM SET snapshot_worker.$name = '$value'");
	be_down($from, $to);
	return;
}

# Start the server after its postmaster has been killed, when its processes
# have noticed.
sub start_after_kill
{
	foreach my $try (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $node->start(fail_ok => 1);
		usleep(100_000);
		$node->stop('fast', fail_ok => 1);
	}
	die 'the server does not start again';
}

# Have the clock reach a slot.
sub reach
{
	my ($time) = @_;

	set_clock($node, $time);
	$node->reload;
	return;
}

# The manifests of the database's snapshots, oldest first.
sub manifests
{
	my ($database) = @_;

	return map { manifest_of($directory, $_) } snapshots($directory, $database);
}

# "2026-03-19 03:00" as the slot in manifests and history.
sub slot
{
	my ($time) = @_;

	return $time =~ s/ /T/r . ':00.000000Z';
}

# The history's lines about a slot.
sub lines
{
	my ($time) = @_;

	return grep { ($_->{scheduled_for} // '') eq slot($time) }
	  history_lines($directory);
}

sub run_of
{
	my ($manifest) = @_;

	return join ' ', map { $manifest->{$_} // 'none' }
	  qw(reason attempt scheduled_for);
}

# Wait for a number of snapshots, the newest of which is of a run.
sub taken
{
	my ($count, $run, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until("$test_name is taken",
		sub { snapshots($directory, 'app') >= $count });
	settle();
	is(scalar snapshots($directory, 'app'), $count, "$test_name is taken once");
	is(run_of((manifests('app'))[-1]), $run, "$test_name is taken with its reason, attempt and slot");
	return;
}

sub none_taken
{
	my ($count, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	settle();
	is(scalar snapshots($directory, 'app'), $count, $test_name);
	return;
}

#
# Catching up.
#

settle();
be_down('2026-03-19 02:30:00', '2026-03-19 04:00:00');
taken(1, 'catch-up 1 ' . slot('2026-03-19 03:00'),
	'a slot at which the server was down');
like((snapshots($directory, 'app'))[0], qr{^app/2026-03-19T04-00-},
	'a snapshot of a missed slot is named for when it was taken');
is( $node->safe_psql('postgres', 'SELECT next_run FROM snapshot_status()'),
	'2026-03-19 15:00:00+00',
	'after catching up, the schedule goes on');
be_down('2026-03-19 04:10:00', '2026-03-19 04:20:00');
none_taken(1, 'a second restart does not take the slot again');
be_down('2026-03-19 04:30:00', '2026-03-19 04:40:00', 'immediate');
none_taken(1, 'a crash does not take the slot again');

be_down('2026-03-19 04:50:00', '2026-03-21 16:00:00');
taken(2, 'catch-up 1 ' . slot('2026-03-21 15:00'),
	'the last of several slots that were missed');

reload_with($node, catch_up => 'off');
be_down('2026-03-21 16:10:00', '2026-03-22 04:00:00');
none_taken(2, 'with catch_up off, a slot that was missed is let go');
reach('2026-03-22 14:59:59');
taken(3, 'schedule 1 ' . slot('2026-03-22 15:00'),
	'the next slot with catch_up off');
reload_with($node, catch_up => 'on');

#
# A slot of before the schedule is not missed.
#

switch_off();
set_clock($node, '2026-03-23 04:00:00');
reload_with($node, enable => 'on');
none_taken(3, 'a schedule that is switched on takes no earlier slot');
be_down('2026-03-23 04:01:00', '2026-03-23 04:02:00');
none_taken(3, 'a schedule that was switched on takes no earlier slot at the next start');

switch_off();
change_while_down('2026-03-23 04:03:00', '2026-03-24 04:00:00',
	'enable', 'on');
none_taken(3, 'a schedule that starts with the server takes no earlier slot');

reload_with($node, time => '03:30');
none_taken(3, 'a schedule whose time is changed takes no earlier slot');
be_down('2026-03-24 04:01:00', '2026-03-24 04:02:00');
none_taken(3, 'a schedule whose time was changed takes no earlier slot at the next start');
change_while_down('2026-03-24 04:03:00', '2026-03-24 04:30:00',
	'time', '03:45');
none_taken(3, 'a time that is changed while the server is down is not missed');
be_down('2026-03-24 04:31:00', '2026-03-25 04:00:00');
taken(4, 'catch-up 1 ' . slot('2026-03-25 03:45'),
	'a slot of the changed time');

#
# In the middle of trying.
#

append_to_file($broken, '');
reload_with($node, catch_up => 'off');
reach('2026-03-26 03:44:59');
wait_until('a slot is tried twice without success',
	sub { lines('2026-03-26 03:45') >= 2 });
set_clock($node, '2026-03-26 03:46:00');
$node->stop;
unlink $broken or die "could not unlink: $!";
set_clock($node, '2026-03-26 03:47:00');
$node->start;
wait_until('the tries of a slot go on after a restart, with catch_up off as well',
	sub { snapshots($directory, 'app') >= 5 });
settle();
is(scalar snapshots($directory, 'app'), 5, 'tries that go on after a restart take the slot once');
is_deeply(
	[ map { $_->{attempt} } lines('2026-03-26 03:45') ],
	[ 1 .. lines('2026-03-26 03:45') ],
	'the attempts are counted on over the restart');
like(run_of((manifests('app'))[-1]), qr/^schedule [3-9] 2026-03-26T03:45/,
	'the snapshot after a restart between tries is that of the slot');
reload_with($node, catch_up => 'on');

# Tries for a slot that was missed go on as what they are.
append_to_file($broken, '');
be_down('2026-03-26 03:50:00', '2026-03-27 04:00:00');
wait_until('a slot that was missed is tried without success',
	sub { lines('2026-03-27 03:45') >= 1 });
$node->stop;
unlink $broken or die "could not unlink: $!";
$node->start;
wait_until('the tries of a missed slot go on after a restart',
	sub { snapshots($directory, 'app') >= 6 });
like(run_of((manifests('app'))[-1]), qr/^catch-up [2-9] 2026-03-27T03:45/,
	'tries that go on after a restart still catch up with the missed slot');

# Nothing would begin in the first minute after that.
sub restart_immediately
{
	$node->stop('immediate');
	$node->start;
	pass_minute_after_crash($node);
	return;
}

# Cut a run of a slot off; the slot is tried again.
sub cut_off
{
	my ($day, $how, $act) = @_;
	my $before = snapshots($directory, 'app');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	append_to_file($gate, '');
	reach("$day 03:44:59");
	wait_for_dump($node);
	$act->();
	unlink $gate or die "could not unlink: $!";
	taken($before + 1, 'schedule 2 ' . slot("$day 03:45"),
		"a slot with $how in its middle");
	my @outcomes = map { "$_->{outcome} $_->{attempt}" } lines("$day 03:45");
	# its launcher can live long enough to see its worker end
	$outcomes[0] =~ s/^failed/interrupted/ if $how eq 'a fast shutdown';
	is_deeply(
		\@outcomes,
		[ 'interrupted 1', 'succeeded 2' ],
		"$how: the history has both attempts at the slot");
	is_deeply([ leftovers($directory) ], [], "$how: no run leaves anything over");
	return;
}

settle();
cut_off('2026-03-28', 'a killed postmaster',
	sub { $node->kill9; start_after_kill(); pass_minute_after_crash($node); });
cut_off('2026-03-29', 'a killed snapshot worker', sub {
	my $pid = $node->safe_psql('postgres', <<'EOF');
SELECT pid FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'
EOF
	kill 'KILL', $pid or die "could not kill $pid: $!";
	pass_minute_after_crash($node);
});
cut_off('2026-03-30', 'an immediate shutdown',
	sub { restart_immediately() });
cut_off('2026-03-31', 'a fast shutdown',
	sub { $node->restart; pass_time($node, 5); });

# A run that was cut off when its snapshot was there already has succeeded.
hold_at($node, 'published');
reach('2026-04-01 03:44:59');
wait_until_held($node, 'published');
$node->stop('immediate');
let_go($node);
$node->start;
taken(11, 'schedule 1 ' . slot('2026-04-01 03:45'),
	'a slot with an immediate shutdown at the end of its run');
is_deeply(
	[ map { "$_->{outcome} $_->{attempt}" } lines('2026-04-01 03:45') ],
	['succeeded 1'],
	'an immediate shutdown at the end of a run leaves one line of it in the history');

# The launcher alone ends: the run goes on, and is that of the slot.
sub without_launcher
{
	my ($day, $how) = @_;
	my $before = snapshots($directory, 'app');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $pid = $node->safe_psql('postgres',
		'SELECT launcher_pid FROM snapshot_status()');

	append_to_file($gate, '');
	reach("$day 03:44:59");
	wait_for_dump($node);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	$node->poll_query_until('postgres', <<EOF) or die 'no launcher';
SELECT launcher_pid <> $pid AND next_run IS NOT NULL FROM snapshot_status()
EOF
	unlink $gate or die "could not unlink: $!";
	taken($before + 1, 'schedule 1 ' . slot("$day 03:45"),
		"a slot in the middle of which the launcher ends, $how,");
	is_deeply(
		[ map { "$_->{outcome} $_->{attempt}" } lines("$day 03:45") ],
		['succeeded 1'],
		"a launcher that ends in the middle of a slot, $how, leaves one line of it in the history");
	return;
}

without_launcher('2026-04-02', 'catch_up on');
reload_with($node, catch_up => 'off');
without_launcher('2026-04-03', 'catch_up off');
reload_with($node, catch_up => 'on');

#
# Restarts of all kinds around slots of two databases.
#

my $seed = srand($ENV{SNAPSHOT_TEST_SEED} // time);
note("random seed $seed");

reload_with($node,
	databases => 'app, other',
	time => join(', ', map { sprintf '%02d:00', $_ } 0 .. 23));
$node->safe_psql('postgres', 'CREATE DATABASE other');

my %kinds = (
	'a fast restart' => sub { $node->restart; pass_time($node, 5); },
	'an immediate restart' => \&restart_immediately,
	'a killed worker or launcher' => sub {
		my $pid = $node->safe_psql('postgres', <<'EOF');
SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'snapshot_worker%'
 ORDER BY backend_type LIMIT 1
EOF
		kill('KILL', $pid) && pass_minute_after_crash($node) if $pid;
	},
	'a launcher that ends' => sub {
		$node->safe_psql('postgres',
			'SELECT pg_terminate_backend(launcher_pid) FROM snapshot_status()');
	});

my @slots;
foreach my $round (0 .. 19)
{
	my $slot = sprintf '2026-04-04 %02d:00', $round + 1;
	my $kind =
	  $round % 7 == 6
	  ? 'a launcher that ends'
	  : (sort grep { !/launcher that/ } keys %kinds)[ $round % 3 ];

	push @slots, $slot;
	note("$kind around $slot");
	reach(sprintf '2026-04-04 %02d:59:59', $round);
	usleep(int rand 2_000_000);
	$kinds{$kind}->();
	$node->poll_query_until('postgres',
		"SELECT now() > '$slot UTC'") or die 'no server';

	# Where it went down before it was up to the slot, it is missed.
	foreach my $database (qw(app other))
	{
		wait_until(
			"$database has its snapshot of $slot in spite of $kind",
			sub {
				grep { ($_->{scheduled_for} // '') eq slot($slot) }
				  manifests($database);
			});
	}
	settle();
}

my (%snapshots, %succeeded);
foreach my $database (qw(app other))
{
	$snapshots{"$database " . ($_->{scheduled_for} // '')}++
	  foreach manifests($database);
}
foreach my $line (grep { $_->{outcome} eq 'succeeded' } history_lines($directory))
{
	my ($database) = $line->{name} =~ m{^([^/]+)/};
	$succeeded{"$database " . ($line->{scheduled_for} // '')}++;
}
my %once = map { ("app $_" => 1, "other $_" => 1) } map { slot($_) } @slots;
is_deeply({ map { $_ => $snapshots{$_} } keys %once },
	\%once, 'no slot is taken twice in spite of troubles');
is_deeply({ map { $_ => $succeeded{$_} } keys %once },
	\%once, 'the history has each slot once in spite of troubles');
is_deeply([ leftovers($directory) ], [], 'the troubles leave nothing over');

$node->stop;
done_testing();
