
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The schedule on a server whose clock the test sets: each slot is taken once,
# for every wanted database, also when the time changes or the clock jumps.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '15:30, 03:00'
snapshot_worker.databases = 'app, postgres'
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('postgres', 'CREATE DATABASE other');

sub next_run
{
	return $node->safe_psql('postgres',
		'SELECT next_run FROM snapshot_status()');
}

# Wait until this database has that many snapshots and nothing is going on.
sub wait_for_snapshots
{
	my ($database, $count, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until(
		$test_name,
		sub {
			snapshots($directory, $database) == $count
			  && $node->safe_psql('postgres',
				"SELECT state = 'idle' FROM snapshot_status()") eq 't';
		});
	return;
}

# No run is under way or asked for.
sub settle
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return wait_until('the launcher has nothing to do',
		sub {
			$node->safe_psql('postgres',
				q{SELECT state = 'idle' AND NOT EXISTS (SELECT FROM snapshot_progress())
				  FROM snapshot_status()}) eq 't';
		});
}

# The launcher looks at the clock within a minute, and at once when woken.
sub look_at_clock
{
	$node->reload;
	return;
}

is( $node->safe_psql('postgres',
		'SELECT enabled, state, next_run, warning FROM snapshot_status()'),
	't|idle|2026-03-19 03:00:00+00|',
	'the launcher plans the first slot');
is(next_run(), $node->safe_psql('postgres', 'SELECT snapshot_next_run()'),
	'snapshot_next_run() says what the launcher has planned');

# The clock reaches the time by itself.
set_clock($node, '2026-03-19 02:59:58');
look_at_clock();
wait_for_snapshots('app', 1, 'the clock reaching the time takes a snapshot');
wait_for_snapshots('postgres', 1, 'the clock reaching the time takes a snapshot of each wanted database');
is(scalar snapshots($directory, 'other'),
	0, 'a database that is not wanted gets no snapshot');
my ($name) = snapshots($directory, 'app');
like($name, qr{^app/2026-03-19T03-00-0\dZ$},
	'the name says when the snapshot began');
my $manifest = manifest_of($directory, $name);
is($manifest->{reason}, 'schedule', 'the manifest gives the reason of a scheduled run');
is($manifest->{scheduled_for}, '2026-03-19T03:00:00.000000Z',
	'the manifest gives the slot of a scheduled run');
is($manifest->{attempt}, 1, 'the manifest of a first try counts one attempt');
is(next_run(), '2026-03-19 15:30:00+00',
	'a run at 03:00 plans the next one, at the other time');

# Backwards, over a slot that was taken.
set_clock($node, '2026-03-19 02:59:58');
look_at_clock();
wait_until('the launcher notices a clock that was set back',
	sub { next_run() eq '2026-03-19 03:00:00+00' });
wait_until('a slot comes again after the clock was set back', sub { next_run() eq '2026-03-19 15:30:00+00' });
settle();
is(scalar snapshots($directory, 'app'), 1, 'no slot is taken twice after the clock was set back');

# The same, by a launcher that knows it from the directory alone.
my $pid = $node->safe_psql('postgres',
	'SELECT launcher_pid FROM snapshot_status()');
set_clock($node, '2026-03-19 02:59:40');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
wait_until('another launcher plans the slot anew',
	sub { next_run() eq '2026-03-19 03:00:00+00' });
set_clock($node, '2026-03-19 02:59:59');
look_at_clock();
wait_until('the slot comes again after another launcher has planned it',
	sub { next_run() eq '2026-03-19 15:30:00+00' });
settle();
is(scalar snapshots($directory, 'app'),
	1, 'no slot is taken twice after a restart of the launcher');

# Forwards, over several slots: the last one counts.
set_clock($node, '2026-03-21 11:00:00');
look_at_clock();
wait_for_snapshots('app', 2, 'a clock set forward is noticed');
is( manifest_of($directory, (snapshots($directory, 'app'))[-1])->{scheduled_for},
	'2026-03-21T03:00:00.000000Z',
	'of the slots that were passed over, the last one is taken');
is(next_run(), '2026-03-21 15:30:00+00', 'the schedule goes on from the clock that was set forward');

# A changed time takes effect at once, and not for a time that is past.
reload_with($node, time => '10:59');
wait_until('a changed time takes effect at once',
	sub { next_run() eq '2026-03-22 10:59:00+00' });
settle();
is(scalar snapshots($directory, 'app'),
	2, 'a time that is past today waits for tomorrow');
set_clock($node, '2026-03-21 23:50:00');
reload_with($node, time => '23:59', databases => '*');
set_clock($node, '2026-03-21 23:58:59');
look_at_clock();
wait_for_snapshots('app', 3, 'the changed time is kept');
wait_for_snapshots('other', 1, 'with databases set to *, every database gets a snapshot');
is(scalar snapshots($directory, 'template1'), 0, 'with databases set to *, template1 gets no snapshot');

# Off is off.
reload_with($node, enable => 'off');
wait_until('a schedule that is off plans nothing', sub { next_run() eq '' });
is( $node->safe_psql('postgres', 'SELECT enabled, state FROM snapshot_status()'),
	'f|disabled', 'the status says that the schedule is disabled');
set_clock($node, '2026-03-22 23:59:01');
look_at_clock();
like( $node->safe_psql('app',
		'CREATE EXTENSION snapshot_worker; SELECT snapshot_now()'),
	qr{^app/2026-03-22T23-59-\d\dZ$},
	'snapshot_now() takes a snapshot while the schedule is off');
is(scalar snapshots($directory, 'other'), 1, 'a schedule that is off takes no slot');
reload_with($node, enable => 'on');
wait_until('a schedule that is switched on again plans the next slot',
	sub { next_run() eq '2026-03-23 23:59:00+00' });

# A run ends while the launcher is about to look at what is due.  What holds the
# launcher there is the record of an archive command that it begins.
my $gate = $node->basedir . '/gate';
append_to_file($gate, '');
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
case "\$*" in
	*dbname=\\'app\\'*) while [ -e $gate ]; do sleep 0.05; done ;;
esac
exec REAL "\$@"
EOF
reload_with($node,
	bin_directory => $bin,
	databases => 'app',
	verify => 'off',
	archive_command => 'true');
my $unarchived = 'SELECT count(*) FROM snapshot_list() WHERE archived_at IS NULL';
$node->poll_query_until('postgres', $unarchived, '0') or die 'not archived';
settle();
set_clock($node, '2026-03-23 23:58:59');
look_at_clock();
wait_for_dump($node);
hold_at($node, 'replacing');
$node->safe_psql('postgres', q{SELECT snapshot_now('other')});
$node->poll_query_until('postgres', <<'EOF') or die 'the launcher is not held';
SELECT query = 'held at replacing' FROM pg_stat_activity
 WHERE pid = (SELECT launcher_pid FROM snapshot_status())
EOF
unlink $gate or die;
$node->poll_query_until('postgres', <<'EOF') or die 'the run does not end';
SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'
EOF
let_go($node);
$node->poll_query_until('postgres', $unarchived, '0') or die 'not archived';
settle();
is( scalar(grep {
			(manifest_of($directory, $_)->{scheduled_for} // '') eq '2026-03-23T23:59:00.000000Z'
		} snapshots($directory, 'app')),
	1, 'no slot is taken twice when a run ends while the launcher looks at what is due');

is_deeply([ leftovers($directory) ], [], 'runs of the schedule leave nothing over');
$node->stop;
done_testing();
