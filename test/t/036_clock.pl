
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# A clock that jumps.  Promised here: forwards or backwards, by minutes, hours
# or days, at rest, during a run or between two tries, no slot is taken twice,
# the last one that was passed over is taken, and the schedule goes on from
# where the clock is; dates that are far off are dates as any; a delay is not
# stretched by a clock that was set back; snapshots from the future push out
# nothing that the right clock keeps, nor does the run that takes one; and the
# launcher notices all this by itself within a minute.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# A server that nobody tells that its clock was set: at the end of this test
# it has to have noticed.
my ($alone, $alone_directory) =
  snapshot_node('alone', start => 0, conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00'
snapshot_worker.databases = 'postgres'
EOF
fake_clock($alone, '2026-03-19 04:00:00');
$alone->start;
$alone->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$alone->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT next_run = '2026-03-20 03:00:00+00' FROM snapshot_status()
EOF
set_clock($alone, '2026-03-20 05:00:00');

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00'
snapshot_worker.databases = 'app'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
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

# Set the clock, and have the launcher look at it.
sub jump
{
	my ($time) = @_;

	set_clock($node, $time);
	$node->reload;
	return;
}

# Wait until the schedule goes on at that instant, and nothing else is on.
sub settle
{
	my ($next) = @_;

	$node->poll_query_until('postgres', <<EOF) or die "not planned: $next";
SELECT state = 'idle' AND next_run = '$next+00' FROM snapshot_status()
EOF
	return;
}

# The slots that were taken, each as often as it was, sorted.
sub slots_taken
{
	my @slots = sort map { $_->{scheduled_for} =~ s/:00\.000000Z$//r }
	  grep { defined $_->{scheduled_for} }
	  map { manifest_of($directory, $_) } snapshots($directory, 'app');
	return @slots;
}

my @expected;

# Wait until the schedule goes on at an instant; these slots are to have been
# taken, beside those of before.
sub goes_on
{
	my ($next, $new, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	push @expected, @$new;
	wait_until("after a jump of the clock ($test_name), all slots that are due are taken",
		sub { slots_taken() >= @expected });
	settle($next);
	my @slots = slots_taken();
	is_deeply(\@slots, [ sort @expected ], "after a jump of the clock ($test_name), no other slot is taken");
	@expected = @slots;
	return;
}

#
# At rest.
#

jump('2026-03-19 02:30:00');
goes_on('2026-03-19 03:00:00', [], 'minutes forward, to before a slot');
jump('2026-03-19 03:10:00');
goes_on('2026-03-20 03:00:00', ['2026-03-19T03:00'],
	'minutes forward, over a slot');
like((snapshots($directory, 'app'))[-1], qr{^app/2026-03-19T03-10-},
	'a snapshot after a jump of the clock is named for when it was taken');
jump('2026-03-19 02:50:00');
goes_on('2026-03-19 03:00:00', [], 'minutes back, over a slot');
jump('2026-03-19 03:00:01');
goes_on('2026-03-20 03:00:00', [], 'minutes back, and to that slot again');
jump('2026-03-19 23:00:00');
goes_on('2026-03-20 03:00:00', [], 'hours forward, to before a slot');
jump('2026-03-20 09:00:00');
goes_on('2026-03-21 03:00:00', ['2026-03-20T03:00'],
	'hours forward, over a slot');
jump('2026-03-20 01:00:00');
goes_on('2026-03-20 03:00:00', [], 'hours back, over a slot');
jump('2026-03-20 03:00:01');
goes_on('2026-03-21 03:00:00', [], 'hours forward, over a slot that was taken');
jump('2026-03-30 12:00:00');
goes_on('2026-03-31 03:00:00', ['2026-03-30T03:00'],
	'days forward, over many slots');
jump('2026-03-19 12:00:00');
goes_on('2026-03-20 03:00:00', [], 'days back, over many slots');
jump('2026-03-20 03:00:01');
goes_on('2026-03-21 03:00:00', [],
	'after days back, a slot that was taken before');
jump('2026-03-21 03:00:01');
goes_on('2026-03-22 03:00:00', ['2026-03-21T03:00'],
	'after days back, a slot that was passed over before');

# Retention does not make a slot come again.
reload_with($node, retention => 1);
jump('2026-04-01 03:00:01');
wait_until('retention leaves one snapshot',
	sub { snapshots($directory, 'app') == 1 && !leftovers($directory) });
@expected = slots_taken();
is_deeply(\@expected, ['2026-04-01T03:00'], 'the snapshot that retention leaves is the last one');
settle('2026-04-02 03:00:00');
jump('2026-03-30 02:00:00');
goes_on('2026-03-30 03:00:00', [], 'back to before a snapshot that is gone');
jump('2026-03-30 03:00:01');
goes_on('2026-03-31 03:00:00', [],
	'a slot whose snapshot is gone is not taken again');
reload_with($node, retention => 1000);

#
# During a run, and between two tries.
#

jump('2026-04-10 03:00:01');
goes_on('2026-04-11 03:00:00', ['2026-04-10T03:00'], 'days forward');
append_to_file($gate, '');
jump('2026-04-11 03:00:01');
wait_for_dump($node);
jump('2026-04-12 03:00:01');
unlink $gate or die "could not unlink: $!";
goes_on('2026-04-13 03:00:00', [ '2026-04-11T03:00', '2026-04-12T03:00' ],
	'a day forward in the middle of a run, over the next slot');

append_to_file($gate, '');
jump('2026-04-13 03:00:01');
wait_for_dump($node);
jump('2026-04-11 02:00:00');
unlink $gate or die "could not unlink: $!";
goes_on('2026-04-11 03:00:00', ['2026-04-13T03:00'],
	'days back in the middle of a run');
jump('2026-04-13 03:00:01');
goes_on('2026-04-14 03:00:00', [],
	'days back in the middle of a run, and to its slot again');

# The history's lines about a slot.
sub tries
{
	my ($slot) = @_;

	return grep { ($_->{scheduled_for} // '') =~ /^\Q$slot/ }
	  history_lines($directory);
}

# A slot that has failed is tried again after a jump.
sub fails_then
{
	my ($slot, $to, $next, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	append_to_file($broken, '');
	jump($slot =~ s/T/ /r . ':01');
	wait_until("before a jump of the clock ($test_name), a try fails", sub { tries($slot) >= 1 });
	jump($to);
	wait_until("after a jump of the clock ($test_name), the next try comes", sub { tries($slot) >= 2 });
	unlink $broken or die "could not unlink: $!";
	goes_on($next, [$slot], "$test_name, between two tries");
	return;
}

fails_then('2026-04-14T03:00', '2026-04-14 23:00:00',
	'2026-04-15 03:00:00', 'hours forward');
fails_then('2026-04-15T03:00', '2026-04-14 12:00:00',
	'2026-04-15 03:00:00', 'hours back');

# A snapshot that was taken before its slot, by the clock, counts: another
# launcher finds that in the directory.
my $pid = $node->safe_psql('postgres',
	'SELECT launcher_pid FROM snapshot_status()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres', <<EOF) or die 'no launcher';
SELECT launcher_pid <> $pid AND next_run IS NOT NULL FROM snapshot_status()
EOF
jump('2026-04-15 03:00:01');
goes_on('2026-04-16 03:00:00', [],
	'a slot that was taken after hours back, to another launcher');

fails_then('2026-04-16T03:00', '2026-04-01 12:00:00',
	'2026-04-02 03:00:00', 'days back');

#
# Far-off dates, first by a jump of the clock, then from the start.
#

foreach my $date (
	[ '1990-01-01', '1990-01-02' ],
	[ '2037-12-31', '2038-01-01', '2037-12-30T03:00' ],
	[ '2038-01-20', '2038-01-21', '2038-01-19T03:00' ],
	[ '2099-12-31', '2100-01-01', '2099-12-30T03:00' ],
	[ '9999-12-31', '10000-01-01', '9999-12-30T03:00' ])
{
	my ($day, $after, @before) = @$date;

	jump("$day 02:00:00");
	goes_on("$day 03:00:00", \@before, "the year of $day, before a slot");
	jump("$day 03:00:01");
	goes_on("$after 03:00:00", ["${day}T03:00"], "the year of $day, a slot");
	$node->restart;
	goes_on("$after 03:00:00", [], "a start in the year of $day");
	my $name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
	like($name, qr{^app/${day}T03-0\d-\d\dZ$},
		"snapshot_now() takes a snapshot in the year of $day");
	is( $node->safe_psql(
			'postgres',
			"SELECT started_at::date, finished_at >= started_at, now() - started_at < '1 hour' FROM snapshot_list() WHERE name = '$name'"),
		"$day|t|t",
		"a snapshot of the year of $day is listed");
}

# Beyond what a name can hold there is an error, and nothing stays of it.
foreach my $time ('first', 'second')
{
	my $offset = -s $node->logfile;

	jump('10000-01-01 03:00:01');
	wait_until("beyond the year 9999, the $time time: the log has the error", sub {
		slurp_file($node->logfile, $offset) =~
		  /WARNING:  .*the clock is out of the range of snapshot names/;
	});
	my ($rc, $stdout, $stderr) =
	  $node->psql('postgres', "SELECT snapshot_now('app')");
	like($stderr,
		qr/ERROR:  the clock is out of the range of snapshot names/,
		"beyond the year 9999, the $time time: snapshot_now() has the error");
	if ($time eq 'first')
	{
		# its launcher is to look at the clock before that is set back
		$offset = -s $node->logfile;
		$node->restart;
		wait_until('beyond the year 9999, the next launcher has the error as well', sub {
			slurp_file($node->logfile, $offset) =~
			  /WARNING:  .*the clock is out of the range of snapshot names/;
		});
	}
	jump('2026-05-01 12:00:00');
	goes_on('2026-05-02 03:00:00', [],
		"back from beyond the year 9999, the $time time");
}
jump('2026-05-02 03:00:01');
goes_on('2026-05-03 03:00:00', ['2026-05-02T03:00'],
	'back from beyond the year 9999, the next slot');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE database = 'app'"),
	scalar snapshots($directory, 'app'),
	'the list has all snapshots after all jumps of the clock');
unlike(slurp_file($node->logfile), qr/snapshot "[^"]+" is damaged/,
	'no snapshot was damaged by a jump of the clock');
is_deeply([ leftovers($directory) ], [], 'jumps of the clock leave nothing over');

#
# Retention with snapshots from the future.
#

$node->safe_psql('postgres', 'CREATE DATABASE late');

# Take a snapshot of a database at a time.
sub take_late
{
	my ($time, $database) = @_;

	set_clock($node, $time);
	return $node->safe_psql('postgres', "SELECT snapshot_now('$database')");
}

reload_with($node, retention_manual => 3);
my @future = map { take_late("2027-06-0$_ 12:00:00", 'late') } 1 .. 3;
my @present;
foreach my $day (1 .. 5)
{
	push @present, take_late("2026-06-0$day 12:00:00", 'late');
	is_deeply(
		[ snapshots($directory, 'late') ],
		[ @present > 3 ? @present[ -3 .. -1 ] : @present, @future ],
		"day $day: snapshots from the future push out nothing");
}

# Runs with a clock that is ahead, each of which is followed by one with the
# right clock: they remove nothing for its age, or for the years that they seem
# to be of.  The snapshots from the first time are not of the future in the
# second.
reload_with($node, retention_manual => 1, retention_days => 30, keep_yearly => 1);
$node->safe_psql('postgres', 'CREATE DATABASE late2');
my @month = map { take_late("2026-06-$_ 12:00:00", 'late2') } 10, 20, 30;
my @ahead;
foreach my $time ([ '2027-12-30', '2026-07-01' ], [ '2027-12-31', '2026-07-02' ])
{
	my ($wrong, $right) = @$time;

	push @ahead, take_late("$wrong 12:00:00", 'late2');
	is_deeply([ snapshots($directory, 'late2') ],
		[ @month, @ahead ], "a run on $wrong, by the clock, removes nothing");
	# there is WAL between two snapshots
	$node->safe_psql('late2', 'SELECT pg_switch_wal() FROM txid_current()');
	push @month, take_late("$right 12:00:00", 'late2');
	is_deeply([ snapshots($directory, 'late2') ],
		[ @month, @ahead ], "the run on $right, after one on $wrong by the clock, removes nothing");
	$node->safe_psql('late2', 'SELECT pg_switch_wal() FROM txid_current()');
}

#
# The server that was left alone.
#

wait_until('the launcher notices a jump of the clock within a minute',
	sub { snapshots($alone_directory, 'postgres') == 1 });
is( manifest_of($alone_directory, (snapshots($alone_directory, 'postgres'))[0])
	  ->{scheduled_for},
	'2026-03-20T03:00:00.000000Z',
	'a slot that the clock passed over is taken');

$alone->stop;
$node->stop;
done_testing();
