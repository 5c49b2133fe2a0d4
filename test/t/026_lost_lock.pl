
# Copyright (c) 2026, the snapshot_worker developers

# A statement such as TRUNCATE that waits for a table between the lock of
# pg_dump's leader and that of one of its jobs makes pg_dump fail.  Promised
# here: the run then dumps at once with one job, after that statement; and if
# it cannot lock the table either, the error says what to do.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', conf => <<'EOF');
snapshot_worker.format = directory
snapshot_worker.jobs = 2
snapshot_worker.lock_timeout = 60s
autovacuum = off
EOF
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	"CREATE TABLE $_ AS SELECT i FROM generate_series(1, 1000) i")
  foreach qw(emptied kept);

# A snapshot, whose pg_dump has locked all tables when this statement begins to
# wait for one of them, and starts its jobs then.
sub snapshot_with
{
	my ($statement) = @_;
	my ($in, $out) =
	  ("BEGIN; LOCK TABLE pg_publication_rel; SELECT 'locked';\n", '');
	my $blocker = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('app') ],
		'<', \$in, '>', \$out, '2>', \my $err);

	$blocker->pump until $out =~ /locked/;
	my $snapshot = start_query($node, q{SELECT snapshot_now('app')});
	$node->poll_query_until('postgres', <<'EOF') or die 'no dump';
SELECT count(*) > 0 FROM pg_stat_activity
 WHERE application_name = 'snapshot_worker' AND wait_event_type = 'Lock'
EOF
	my $session = start_query($node, $statement, 'app');
	$node->poll_query_until('postgres', <<'EOF') or die 'it does not wait';
SELECT count(*) > 0 FROM pg_stat_activity
 WHERE query LIKE '%TRUNCATE emptied%' AND wait_event_type = 'Lock'
   AND pid <> pg_backend_pid()
EOF
	$in .= "COMMIT;\n\\q\n";
	$blocker->finish;
	return ($snapshot, $session);
}

my ($snapshot, $session) = snapshot_with('TRUNCATE emptied');
my ($name, $error) = finish_query($snapshot);
finish_query($session);
like($name, qr{^app/}, 'a snapshot is taken beside a TRUNCATE that waits');
is($error, '', 'a run beside a TRUNCATE that waits raises no error');
like(slurp_file($node->logfile),
	qr/WARNING:  pg_dump with 2 jobs of database "app" failed, retrying with one\n.*DETAIL:  .*could not obtain lock on relation/,
	'the log warns that pg_dump is tried with one job');
my $manifest = manifest_of($directory, $name);
is($manifest->{jobs}, 1, 'a dump beside a TRUNCATE that waits is made by one job');
is_deeply(
	{ map { $_->{table} => $_->{count} } @{ $manifest->{row_counts} } },
	{ emptied => 0, kept => 1000 },
	'a snapshot beside a TRUNCATE that waits has the rows that TRUNCATE left');
is_deeply([ damages($directory) ], [], 'the snapshot of the emptied table is not damaged');
is_deeply([ leftovers($directory) ], [], 'a run that was tried with one job leaves nothing over');

# The statement has the table for longer than that.
$node->safe_psql('app', 'INSERT INTO emptied VALUES (1)');
reload_with($node, lock_timeout => '500ms');
my $gate = 'SELECT pg_advisory_lock(1)';
my ($in, $out) = ("$gate; SELECT 'held';\n", '');
my $holder = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('app') ],
	'<', \$in, '>', \$out, '2>', \my $err);
$holder->pump until $out =~ /held/;
($snapshot, $session) =
  snapshot_with("BEGIN; TRUNCATE emptied; $gate; COMMIT");
($name, $error) = finish_query($snapshot);
like($error, qr/ERROR:  \w+: could not take a snapshot of database "app": pg_dump failed/,
	'a run whose table stays locked for longer than lock_timeout fails');
like($error, qr/HINT:  An earlier pg_dump with 2 jobs lost a lock to a statement such as TRUNCATE\./,
	"the error's hint names the lock that was lost first");
is_deeply([ leftovers($directory) ], [], 'a run whose table stays locked leaves nothing over');
$in .= "\\q\n";
$holder->finish;
finish_query($session);
like($node->safe_psql('postgres', "SELECT snapshot_now('app')"),
	qr{^app/}, 'a snapshot is taken once the table is not locked any longer');

$node->stop;
done_testing();
