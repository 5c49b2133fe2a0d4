
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# A scheduled run that fails is tried again after 5, 10, 20, 30 and 60 s, then
# after 2, 4, 8, 15, 30 and 60 minutes, and never sooner than after as long as
# it took, until it succeeds or the next slot takes over; no database delays
# another one; and one that does not exist fails once, and is waited for.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00, 12:00'
snapshot_worker.databases = 'bad, good, missing'
snapshot_worker.max_workers = 1
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(bad good);

# As long as this file is there, dumps of one database fail, and with the other
# they wait before that.
my $broken = $node->basedir . '/broken';
my $gate = $node->basedir . '/gate';
append_to_file($broken, '');
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
if [ -e $broken ]; then
	case "\$*" in
		*dbname=\\'bad\\'*)
			while [ -e $gate ]; do sleep 0.05; done
			echo "pg_dump: error: out of luck" >&2; exit 1 ;;
	esac
fi
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);

set_clock($node, '2026-03-19 02:59:59');
$node->reload;
wait_until('a database that fails delays no other',
	sub { snapshots($directory, 'good') == 1 });
$node->poll_query_until('postgres', <<'EOF') or fail('a failed run is planned to be tried again');
SELECT state = 'retrying' AND attempt > 1 AND next_run > now()
	AND current_database = 'bad' AND consecutive_failures > 0
	FROM snapshot_status()
EOF
pass('the state shows the attempt and the next try');
like( $node->safe_psql('postgres', 'SELECT last_error FROM snapshot_status()'),
	qr/^database "bad": pg_dump failed|^database "missing" does not exist$/,
	'the state shows the error, with the database once');

# Two failures of the bad one and the delays between them, from the history.
my ($history) = glob("$directory/history-*.jsonl");
my $bad_lines = sub {
	grep { $_->{name} =~ m{^bad/} }
	  map { JSON::PP::decode_json($_) } slurp_lines($history);
};
wait_until('a failed run is tried again', sub { $bad_lines->() >= 3 });
my @lines = $bad_lines->();
is_deeply([ map { $_->{attempt} } @lines[ 0 .. 2 ] ],
	[ 1, 2, 3 ], 'the history counts the attempts');
is_deeply(
	[ map { "$_->{outcome} $_->{scheduled_for}" } @lines[ 0 .. 2 ] ],
	[ ('failed 2026-03-19T03:00:00.000000Z') x 3 ],
	'the history has a line for each attempt');
like($lines[0]{error}, qr/out of luck/, 'the history has the error of pg_dump');
my ($log, @delays);
wait_until('the log says when the next try is', sub {
	$log = slurp_file($node->logfile);
	@delays = $log =~ /next attempt to take a snapshot of database "bad" is in (\d+) s/g;
	return @delays >= 3;
});
is_deeply([ @delays[ 0 .. 2 ] ], [ 5, 10, 20 ], 'the delays between tries grow');
like($log, qr/WARNING:  snapshot of database "bad" failed \(attempt 1\): pg_dump failed/,
	'each failed try is a WARNING in the log');
like($log, qr/snapshot of database "missing" failed \(attempt 1\): database "missing" does not exist/,
	'a database that is named and does not exist fails with a WARNING');
is(scalar snapshots($directory, 'good'), 1, 'a database that succeeded is not taken again while another is retried');

# Have so many more tries fail, each after the delay that the log tells.
my @all = (5, 10, 20, 30, 60, 120, 240, 480, 900, 1800, 3600, 3600);
foreach my $n (scalar(@delays) .. scalar(@all))
{
	@delays = slurp_file($node->logfile) =~
	  /next attempt to take a snapshot of database "bad" is in (\d+) s/g;
	last if @delays >= @all;
	my $before = @delays;
	pass_time($node, $delays[-1]);
	$node->poll_query_until('postgres', <<EOF) or die "no try after $before";
SELECT count(*) > $before FROM snapshot_history() WHERE database = 'bad'
EOF
	wait_until("try @{[ $before + 1 ]} of a failing run fails", sub {
		@delays = slurp_file($node->logfile) =~
		  /next attempt to take a snapshot of database "bad" is in (\d+) s/g;
		return @delays > $before;
	});
}
is_deeply(\@delays, \@all, 'the delays between tries grow to an hour');

# Nothing of that was about the database that does not exist.
my $missing_lines = sub {
	grep { $_->{name} =~ m{^missing/} } history_lines($directory);
};
is(scalar $missing_lines->(), 1,
	'a database that does not exist is tried once, whatever time goes by');
$log = slurp_file($node->logfile);
unlike($log, qr/next attempt to take a snapshot of database "missing"/,
	'the log announces no other try of a missing database');
like($log, qr/LOG:  snapshot of database "missing" waits until the database exists/,
	'the log says that the snapshot of a missing database waits for it');
$node->safe_psql('postgres', 'CREATE DATABASE missing');
pass_time($node, 30);
wait_until('a database gets its snapshot once it has been created',
	sub { snapshots($directory, 'missing') == 1 });
is( manifest_of($directory, (snapshots($directory, 'missing'))[0])->{attempt},
	2, 'a missing database gets its snapshot at the second try');
$node->safe_psql('postgres', 'DROP DATABASE missing');

# It heals.
unlink $broken or die;
pass_time($node, 3600);
wait_until('a failure that heals ends in a snapshot',
	sub { snapshots($directory, 'bad') == 1 });
my $manifest = manifest_of($directory, (snapshots($directory, 'bad'))[0]);
is($manifest->{scheduled_for}, '2026-03-19T03:00:00.000000Z',
	'the snapshot after a failure that heals is that of the slot');
cmp_ok($manifest->{attempt}, '>=', 4, 'the snapshot after a failure that heals is of a later attempt');

# The next slot takes over from a retry sequence.
append_to_file($broken, '');
set_clock($node, '2026-03-19 11:59:59');
$node->reload;
wait_until('the next slot takes over from a failing run', sub {
	grep { $_->{attempt} == 1 && $_->{scheduled_for} =~ /T12:00/ } $bad_lines->();
});

# A run that took long is not tried again soon.
append_to_file($gate, '');
pass_time($node, 60);
$node->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%bad/%: dumping'
EOF
my $size = -s $node->logfile;
pass_time($node, 1000);
unlink $gate or die;
wait_until('a run that takes long fails at its end', sub {
	slurp_file($node->logfile, $size) =~
	  /next attempt to take a snapshot of database "bad" is in (\d+) s/ && ($delays[0] = $1);
});
cmp_ok($delays[0], '>=', 1000, 'the next try of a run that takes long comes no sooner than the run took');
cmp_ok($delays[0], '<', 1300, 'the next try of a run that takes long comes not much later than the run took');

# A reload tries a database once more that did not exist.
is( scalar(grep { $_->{scheduled_for} =~ /T12:00/ } $missing_lines->()),
	1, 'a database that does not exist is tried once for the next slot');
$node->reload;
wait_until('a database that does not exist is tried again after a reload', sub {
	2 == grep { $_->{scheduled_for} =~ /T12:00/ } $missing_lines->();
});
is( $node->safe_psql('postgres', "SELECT snapshot_cancel('missing')"),
	1, 'waiting for it can be canceled');
is( $node->safe_psql('postgres', "SELECT snapshot_cancel('missing')"),
	0, 'waiting for a missing database can be canceled only once');
is( $node->safe_psql('postgres', "SELECT snapshot_cancel('bad')"),
	1, 'the next try of a run that failed can be canceled');
wait_until('nothing is pending after the tries were canceled', sub {
	$node->safe_psql('postgres', 'SELECT state FROM snapshot_status()') eq 'idle';
});
my $tries = $bad_lines->();
pass_time($node, 7200);
$node->safe_psql('postgres', "SELECT snapshot_now('good')");
is(scalar $bad_lines->(), $tries, 'a canceled retry does not come');
append_to_file($broken, '') unless -e $broken;
set_clock($node, '2026-03-20 02:59:59');
$node->reload;
wait_until('a canceled slot is followed by a try of the next slot', sub {
	grep { $_->{scheduled_for} =~ /20T03:00/ } $bad_lines->();
});

# A database that is no longer wanted is not tried again.
reload_with($node, databases => 'good');
wait_until('a database that is no longer wanted is not tried again',
	sub { slurp_file($node->logfile) =~ /no longer retrying database "bad": / });
$node->poll_query_until('postgres',
	'SELECT consecutive_failures = 0 FROM snapshot_status()')
  or fail('the failures of a database that is no longer wanted are forgotten');

# The failures of a database that was dropped do not count.
$node->safe_psql('postgres', 'CREATE DATABASE passing');
unlink $broken or die;
install_fake_program($node, 'pg_dump', <<'EOF');
[ "$1" = --version ] && exec REAL "$@"
exit 1
EOF
$node->psql('postgres', "SELECT snapshot_now('passing')");
$node->poll_query_until('postgres',
	'SELECT consecutive_failures = 1 FROM snapshot_status()')
  or fail('the status counts a request that fails');
$node->safe_psql('postgres', 'DROP DATABASE passing');
$node->reload;
ok( $node->poll_query_until('postgres',
		'SELECT consecutive_failures = 0 FROM snapshot_status()'),
	'the failures of a database that was dropped are forgotten');

# the good database may have its snapshot taken at this moment
wait_until('failed runs leave nothing behind', sub { !leftovers($directory) });

$node->stop;
done_testing();
