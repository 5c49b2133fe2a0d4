
# Copyright (c) 2026, the snapshot_worker developers

# Many sessions ask at once; some do not wait, and the server's own affairs go
# on meanwhile.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main',
	conf => "snapshot_worker.retention = 1000\nsnapshot_worker.retention_manual = 1000\nmax_connections = 100\n");
$node->safe_psql('postgres', "CREATE DATABASE db$_") foreach 1 .. 8;

# As long as this file is there, dumps wait.
my $gate = $node->basedir . '/gate';
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);

# One run is on; those who ask now share the next one.
append_to_file($gate, '');
my $first = start_session($node, "SELECT snapshot_now('db1')");
$node->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
is( $node->safe_psql('postgres',
		'SELECT state, current_database, attempt FROM snapshot_status()'),
	'running|db1|1', 'the status shows the run');
my @sessions = map { start_session($node, "SELECT snapshot_now('db1')") } 1 .. 20;
$node->poll_query_until('postgres', <<'EOF') or die 'sessions do not wait';
SELECT count(*) = 21 FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_now%' AND wait_event_type = 'Extension'
EOF
my $promised = $node->safe_psql('postgres',
	"SELECT snapshot_now('db1', wait => false)");
unlink $gate or die;
my $first_name = finish_session($first);
my %names = map { finish_session($_) => 1 } @sessions;
is(scalar(keys %names), 1, 'sessions that ask while one runs share the next');
ok(!$names{$first_name}, 'the shared run began after its sessions asked');
ok($names{$promised}, 'a session that does not wait gets the name of the shared run');
is(scalar(snapshots($directory, 'db1')), 2, 'sessions that ask while a run is on cause one more run in all');

# Many databases at once.
@sessions =
  map { start_session($node, "SELECT snapshot_now('db" . (1 + $_ % 8) . "')") } 1 .. 40;
%names = ();
push @{ $names{ finish_session($_) } }, $_ foreach @sessions;
is((scalar grep { m{^db\d/2} } keys %names),
	scalar(keys %names), 'every session gets the name of a snapshot');
foreach my $name (keys %names)
{
	ok(-e "$directory/$name/manifest.json", "the snapshot $name of a session exists");
}
is((join '', map { $_->{err} } @sessions), '', 'many sessions raise no error');

# A database that is being dumped cannot be dropped, but others can, at once.
append_to_file($gate, '');
$first = start_session($node, "SELECT snapshot_now('db2')");
$node->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
$node->safe_psql('postgres', 'DROP DATABASE db3');
pass('other databases can be dropped during a run');
$node->safe_psql('postgres', 'DROP DATABASE db2 WITH (FORCE)');
finish_session($first);
like($first->{err}, qr/ERROR:  could not take a snapshot of database "db2"/,
	'a database that is dropped by force takes its run along');
unlink $gate or die;
is(scalar(grep { m{^db2/} } leftovers($directory)), 0,
	'a canceled run leaves nothing over');
like( $node->safe_psql('postgres', "SELECT snapshot_now('db4')"),
	qr{^db4/}, 'after a canceled run, the next snapshot is taken');

# The launcher goes away while requests wait.
append_to_file($gate, '');
@sessions = map { start_session($node, "SELECT snapshot_now('db$_')") } 4 .. 8;
$node->poll_query_until('postgres', <<'EOF') or die 'no runs';
SELECT count(*) = 2 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
$node->safe_psql('postgres',
	'SELECT pg_terminate_backend(launcher_pid) FROM snapshot_status()');
unlink $gate or die;
is((scalar grep { finish_session($_) =~ m{^db\d/} } @sessions),
	5, 'no request is lost with the launcher');

is_deeply([ leftovers($directory) ], [], 'many sessions leave nothing over');
$node->stop;
done_testing();
