
# Copyright (c) 2026, the snapshot_worker developers

# The scratch databases of verifications.  Promised here: the scratch database
# is dropped however a verification ends, and no other database is; and nothing
# that goes wrong with one is held against the snapshot.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Verify;
use Test::More;

my ($node, $directory) = verify_node();
my $app = make_app();

finds_good($app, 1, 'a snapshot is found good by a restore');

# A subscription keeps a database from being dropped.
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql('subscriber',
	"CREATE SUBSCRIPTION news CONNECTION 'dbname=nowhere' PUBLICATION news WITH (connect = false, slot_name = NONE)"
);
my $subscriber = take_snapshot($node, 'subscriber');
finds_good($subscriber, 1, 'a database with a subscription can be restored');
is(scratch_databases(), '', 'the scratch database of a subscriber is dropped');
is( $node->safe_psql('postgres',
		'SELECT (SELECT count(*) FROM pg_subscription), (SELECT count(*) FROM pg_replication_origin)'
	),
	'1|1',
	'nothing is left of a subscription in a scratch database');

#
# Verifications that end before their end.
#

foreach my $step ('verifying', 'scratch created', 'restored')
{
	my $exists = $step eq 'verifying' ? 0 : 1;

	# The caller is canceled.
	my ($session, $worker) = start_verification($app, $step);
	is( $node->safe_psql('postgres', <<EOQ), $exists, "at step \"$step\", there " . ($exists ? 'is a' : 'is no') . ' scratch database');
SELECT count(*) FROM pg_database WHERE datname = '$scratch_prefix$worker'
EOQ
	$node->safe_psql('postgres', <<'EOQ');
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_verify(%' AND pid <> pg_backend_pid()
EOQ
	finish_query($session);
	like($session->{err}, qr/ERROR:  57014: /,
		"a session that waits for a verification at step \"$step\" can be canceled");
	wait_until(
		"the worker of a canceled session ends at step \"$step\"",
		sub { !kill 0, $worker });
	is(scratch_databases(), '',
		"the worker of a session canceled at step \"$step\" drops its scratch database");

	# The worker is canceled.
	($session, $worker) = start_verification($app, $step);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($worker)");
	finish_query($session);
	like(
		$session->{err},
		qr/ERROR:  38000: could not verify snapshot "\Q$app\E": canceling statement/,
		"the session of a worker canceled at step \"$step\" has an error");
	is(scratch_databases(), '',
		"a worker canceled at step \"$step\" drops its scratch database");

	# The worker is terminated.
	my $log = -s $node->logfile;
	($session, $worker) = start_verification($app, $step);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
	finish_query($session);
	like(
		$session->{err},
		qr/ERROR:  38000: could not verify snapshot "\Q$app\E": terminating/,
		"the session of a worker terminated at step \"$step\" has an error");
	let_go($node);
	wait_until_swept(
		"the scratch database of a worker terminated at step \"$step\" is swept");
	is( (slurp_file($node->logfile, $log) =~
			  /dropping leftover scratch database "$scratch_prefix$worker"/) ? 1 : 0,
		$exists,
		"the log has "
		  . ($exists ? 'the' : 'no')
		  . " sweep of a scratch database after step \"$step\"");
}
like(outcome($app), qr/^restore\|2\d+-/,
	'canceled and terminated verifications are not held against the snapshot');

# The worker is killed, and the server restarts.
my ($session, $worker) = start_verification($app, 'restored');
is(kill('KILL', $worker), 1, 'a worker at step "restored" gets SIGKILL');
finish_query($session);
let_go($node);
pass_minute_after_crash($node);
wait_until_swept(
	'the scratch database of a killed worker is dropped a minute after the restart');

# The server goes down.
($session, $worker) = start_verification($app, 'restored');
$node->stop('immediate');
finish_query($session);
let_go($node);
$node->start;
pass_minute_after_crash($node);
wait_until_swept(
	'the scratch database is dropped a minute after an immediate shutdown and a start');

# The comparison waits for a lock of another session, and is canceled.
($session, $worker) = start_verification($app, 'restored');
my $intruder = $node->background_psql("$scratch_prefix$worker");
$intruder->query_safe('BEGIN; LOCK TABLE items');
let_go($node);
my $comparison = sub {
	return wait_until('the comparison waits for a lock', sub { query(<<EOQ) });
SELECT pid FROM pg_stat_activity
 WHERE datname = '$scratch_prefix$worker' AND query LIKE 'LOCK TABLE %' AND wait_event_type = 'Lock'
   AND backend_type = 'client backend' AND pid <> pg_backend_pid()
EOQ
};
my $pid = $comparison->();
$node->safe_psql('postgres', "SELECT pg_cancel_backend($worker)");
finish_query($session);
like($session->{err}, qr/canceling statement/,
	'a verification that compares can be canceled');
is(scratch_databases(), '',
	'a scratch database is dropped while another session is connected to it');
wait_until('the backend of a canceled comparison ends', sub { !kill 0, $pid });
eval { $intruder->quit };

# The backend of the comparison is terminated.
($session, $worker) = start_verification($app, 'restored');
$intruder = $node->background_psql("$scratch_prefix$worker");
$intruder->query_safe('BEGIN; LOCK TABLE items');
let_go($node);
my $before = outcome($app);
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $comparison->() . ')');
finish_query($session);
like($session->{err}, qr/ERROR:  38000: .*pg_dump failed: /,
	'a verification whose comparison is terminated has an error');
is(outcome($app), $before,
	'a terminated comparison is not held against the snapshot');
is(scratch_databases(), '',
	'the scratch database is dropped after a terminated comparison');
eval { $intruder->quit };

#
# Databases of others.
#

# A database has the name that the scratch database would get.
($session, $worker) = start_verification($app, 'verifying');
$node->safe_psql('postgres', "CREATE DATABASE $scratch_prefix$worker");
let_go($node);
finish_query($session);
like($session->{err}, qr/ERROR:  42P04: .*already exists/,
	'a verification fails when a database has the name of its scratch database');
is(scratch_databases(), "$scratch_prefix$worker", "a foreign database of the scratch database's name is not dropped");
is(outcome($app), $before, "a foreign database of the scratch database's name is not held against the snapshot");

# Neither the name nor the comment alone makes a leftover.
$node->safe_psql('postgres', 'CREATE DATABASE commented');
$node->safe_psql('postgres', "COMMENT ON DATABASE commented IS '$scratch_comment'");
$node->safe_psql('postgres', "CREATE DATABASE ${scratch_prefix}other");
$node->safe_psql('postgres',
	"COMMENT ON DATABASE ${scratch_prefix}other IS 'my own'");
$node->safe_psql('postgres', "CREATE DATABASE ${scratch_prefix}1");
$node->safe_psql('postgres', "COMMENT ON DATABASE ${scratch_prefix}1 IS '$scratch_comment'");
$node->restart;
wait_until('a leftover is swept at a start',
	sub { scratch_databases() !~ /^${scratch_prefix}1$/m });
is( scratch_databases(),
	join("\n", sort "$scratch_prefix$worker", "${scratch_prefix}other"),
	"databases of others with a scratch database's name are not swept");
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = 'commented'"),
	1,
	"databases of others with a scratch database's comment are not swept");

# A leftover that cannot be dropped is in the way of no restore.
$node->safe_psql('postgres', "CREATE DATABASE ${scratch_prefix}2");
$node->safe_psql('postgres', "COMMENT ON DATABASE ${scratch_prefix}2 IS '$scratch_comment'");
$node->safe_psql('postgres',
	"ALTER DATABASE ${scratch_prefix}2 IS_TEMPLATE true");
finds_good($app, 1,
	'a snapshot verifies beside a leftover scratch database that cannot be dropped');
like(
	slurp_file($node->logfile),
	qr/WARNING:  could not drop scratch database "${scratch_prefix}2": cannot drop a template database/,
	'the log warns of a scratch database that cannot be dropped');
$node->safe_psql('postgres',
	"ALTER DATABASE ${scratch_prefix}2 IS_TEMPLATE false");
finds_good($app, 1,
	'a snapshot verifies beside a leftover scratch database that can be dropped');
is( scratch_databases(),
	join("\n", sort "$scratch_prefix$worker", "${scratch_prefix}other"),
	'a restore sweeps a leftover scratch database, and nothing else');
$node->safe_psql('postgres', "DROP DATABASE \"$_\"")
  foreach split /\n/, scratch_databases();

$node->stop;
done_testing();
