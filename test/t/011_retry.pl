
# Copyright (c) 2026, the snapshot_worker developers

# A scheduled run that fails is tried again after 5, 10, 20, 30 and 60 s, and
# then every 60 s, until it succeeds or the next slot takes over; no database
# delays another one.

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

# As long as this file is there, dumps of one database fail.
my $broken = $node->basedir . '/broken';
append_to_file($broken, '');
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
if [ -e $broken ]; then
	case "\$*" in
		*dbname=\\'bad\\'*) echo "pg_dump: error: out of luck" >&2; exit 1 ;;
	esac
fi
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);

set_clock($node, '2026-03-19 02:59:59');
$node->reload;
wait_until('a database that fails delays no other',
	sub { snapshots($directory, 'good') == 1 });
$node->poll_query_until('postgres', <<'EOF') or fail('no retry');
SELECT state = 'retrying' AND attempt > 1 AND next_run > now()
	AND current_database IN ('bad', 'missing') AND consecutive_failures > 0
	FROM snapshot_status()
EOF
pass('the state shows the attempt and the next try');
like( $node->safe_psql('postgres', 'SELECT last_error FROM snapshot_status()'),
	qr/pg_dump failed|database "missing" does not exist/,
	'the state shows the error');

# Two failures of the bad one and the delays between them, from the history.
my ($history) = glob("$directory/history-*.jsonl");
my $bad_lines = sub {
	grep { $_->{name} =~ m{^bad/} }
	  map { JSON::PP::decode_json($_) } slurp_lines($history);
};
wait_until('a failed run is tried again', sub { $bad_lines->() >= 3 });
my @lines = $bad_lines->();
is_deeply([ map { $_->{attempt} } @lines[ 0 .. 2 ] ],
	[ 1, 2, 3 ], 'attempts are counted');
is_deeply(
	[ map { "$_->{outcome} $_->{scheduled_for}" } @lines[ 0 .. 2 ] ],
	[ ('failed 2026-03-19T03:00:00.000000Z') x 3 ],
	'the history has each of them');
like($lines[0]{error}, qr/out of luck/, "with pg_dump's own words");
my ($log, @delays);
wait_until('the log tells when the next try is', sub {
	$log = slurp_file($node->logfile);
	@delays = $log =~ /next try of a snapshot of database "bad" is in (\d+) s/g;
	return @delays >= 3;
});
is_deeply([ @delays[ 0 .. 2 ] ], [ 5, 10, 20 ], 'the delays grow');
like($log, qr/WARNING:  snapshot of database "bad" failed \(attempt 1\): pg_dump failed/,
	'each failure is a WARNING');
like($log, qr/snapshot of database "missing" failed \(attempt 1\): database "missing" does not exist/,
	'so is a database that is named and does not exist');
is(scalar snapshots($directory, 'good'), 1, 'the good one is not taken again');

# It heals.
unlink $broken or die;
wait_until('a failure that heals ends in a snapshot',
	sub { snapshots($directory, 'bad') == 1 });
my $manifest = manifest_of($directory, (snapshots($directory, 'bad'))[0]);
is($manifest->{scheduled_for}, '2026-03-19T03:00:00.000000Z',
	'which is that of the slot');
cmp_ok($manifest->{attempt}, '>=', 4, 'at a later attempt');

# The next slot takes over from a retry sequence.
append_to_file($broken, '');
set_clock($node, '2026-03-19 11:59:59');
$node->reload;
wait_until('the next slot takes over', sub {
	grep { $_->{attempt} == 1 && $_->{scheduled_for} =~ /T12:00/ } $bad_lines->();
});

# A database that nobody wants any more is not tried again.
reload_with($node, databases => 'good');
wait_until('a database that is not wanted any more is given up',
	sub { slurp_file($node->logfile) =~ /no more tries of a snapshot of database "bad"/ });
$node->poll_query_until('postgres',
	'SELECT consecutive_failures = 0 FROM snapshot_status()')
  or fail('its failures are forgotten');

# the good database may have its snapshot taken at this moment
wait_until('failed runs leave nothing behind', sub { !leftovers($directory) });

$node->stop;
done_testing();
