
# Copyright (c) 2026, the snapshot_worker developers

# Loading the library in wrong ways, with wrong values in the configuration
# file, and under pg_upgrade.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# Without shared_preload_libraries, every function says what is missing.
my $node = PostgreSQL::Test::Cluster->new('unloaded');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
foreach my $call ('snapshot_now()', 'snapshot_now(\'postgres\', false)',
	'snapshot_list()', 'snapshot_status()', 'snapshot_next_run()')
{
	my ($rc, $out, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT * FROM $call");
	like($err, qr/ERROR:  55000: snapshot_worker must be loaded via "shared_preload_libraries"/,
		"without preload, $call is refused");
	like($err, qr/HINT:  Add snapshot_worker to "shared_preload_libraries"/,
		"without preload, $call has a hint");
}
is( $node->safe_psql('postgres',
		"LOAD 'snapshot_worker';
		SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'snapshot%'"),
	'0', 'LOAD starts no launcher');
$node->stop;

# A server with wrong values in its file starts, without them.
($node, undef) = snapshot_node('wrong', start => 0, conf => <<'EOF');
snapshot_worker.time = '24:00'
snapshot_worker.retention = 0
snapshot_worker.directory = 'relative'
snapshot_worker.databases = '"app'
snapshot_worker.compress = 'bzip2:1'
snapshot_worker.nonsense = 1
EOF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
my $log = slurp_file($node->logfile);
foreach my $name (qw(time directory databases compress))
{
	like($log, qr/invalid value for parameter "snapshot_worker\.$name": .*\n.*DETAIL:  /,
		"a wrong $name is refused at start, with what is wrong with it");
}
like($log, qr/0 is outside the valid range for parameter "snapshot_worker\.retention"/,
	'a retention of 0 is refused at start');
like($log, qr/invalid configuration parameter name "snapshot_worker\.nonsense"/,
	'an unknown setting is refused at start');
is( $node->safe_psql('postgres', <<'EOF'), '03:00|7||*', 'a start with refused settings uses the defaults instead');
SELECT current_setting('snapshot_worker.time'),
	current_setting('snapshot_worker.retention'),
	current_setting('snapshot_worker.directory'),
	current_setting('snapshot_worker.databases')
EOF

isnt($node->psql('postgres', 'ALTER SYSTEM SET snapshot_worker.nonsense = 1'),
	0, 'an unknown setting is refused by ALTER SYSTEM');

# A reload with a wrong value keeps the one before.
$node->adjust_conf('postgresql.conf', 'snapshot_worker.time', "'04:30'");
$node->reload;
$node->poll_query_until('postgres',
	"SELECT current_setting('snapshot_worker.time') = '04:30'")
  or die 'the server does not reload';
$node->adjust_conf('postgresql.conf', 'snapshot_worker.time', "'4'");
$node->append_conf('postgresql.conf', 'snapshot_worker.jobs = 3');
$node->reload;
$node->poll_query_until('postgres',
	"SELECT current_setting('snapshot_worker.jobs') = '3'")
  or die 'the server does not reload';
is($node->safe_psql('postgres', 'SHOW snapshot_worker.time'),
	'04:30', 'a reload with a wrong value keeps the one before');
like(slurp_file($node->logfile), qr/invalid value for parameter "snapshot_worker\.time": "4"/,
	'a reload with a wrong value logs it');

# The launcher is one that comes back, and is never gone for good.
my $pid = $node->safe_psql('postgres',
	"SELECT pid FROM pg_stat_activity WHERE backend_type = 'snapshot_worker launcher'");
ok($pid, 'the launcher shows in pg_stat_activity');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_stat_activity
	  WHERE backend_type = 'snapshot_worker launcher' AND pid <> $pid")
  or fail('another launcher starts after the end of one');
unlike(slurp_file($node->logfile), qr/terminating any other active server processes/,
	'the end of a launcher does not restart the server');
$node->stop;

# Under pg_upgrade the server runs with -b, and nothing of ours does.
command_ok(
	[
		'pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile,
		'-o', '-b', 'start'
	],
	'the server starts as pg_upgrade starts it');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'snapshot%'"),
	'0', 'no launcher runs under pg_upgrade');
command_ok([ 'pg_ctl', '-w', '-D', $node->data_dir, 'stop' ],
	'the server stops');

done_testing();
