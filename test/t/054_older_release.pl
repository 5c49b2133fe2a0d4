
# Copyright (c) 2026, the snapshot_worker developers

# A snapshot that PostgreSQL 15 took of another cluster, under test/data, is
# verified and restored by this release.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);
mkdir $directory or die;
system_or_bail('cp', '-r', 'test/data/release-15/shop', $directory);
my ($name) = snapshots($directory);

is( $node->safe_psql('postgres', <<'EOF'), '15|t', 'a snapshot of release 15 is listed with its version');
SELECT split_part(server_version, '.', 1),
	system_identifier <> (SELECT system_identifier FROM pg_control_system())
  FROM snapshot_list()
EOF
# its superuser may be here already, or have another name
$node->run_log(
	[ 'psql', '-X', '-d', $node->connstr('postgres'), '-f', "$directory/$name/globals.sql" ]);
is( $node->safe_psql('postgres', "SELECT count(*) FROM pg_roles WHERE rolname = 'shop_owner'"),
	'1', 'globals.sql of a snapshot of release 15 makes the role that it needs');
like($node->safe_psql('postgres', "SELECT snapshot_verify('$name')"),
	qr/^2/, 'the archive of a snapshot of release 15 can be read');
like($node->safe_psql('postgres', "SELECT snapshot_verify('$name', restore => true)"),
	qr/^2/, 'a snapshot of release 15 restores to what its manifest says');
$node->safe_psql('postgres', "SELECT snapshot_restore('$name', 'shop', jobs => 2)");
is( $node->safe_psql('shop', <<'EOF'), '500|125250.00|250|20|t', 'a snapshot of release 15 restores to what there was');
SELECT count(*), sum(amount), count(*) FILTER (WHERE year = 2026),
	(SELECT count(*) FROM sales.customers WHERE search @@ 'customer'),
	(SELECT bool_and(pg_get_userbyid(relowner) = 'shop_owner') FROM pg_class WHERE oid >= 16384 AND relkind IN ('r', 'p', 'v', 'm'))
  FROM sales.invoices
EOF
$node->safe_psql('shop', 'SELECT sales.pay(1)');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'), '0',
	'retention does not touch a snapshot of release 15');
my $again = $node->safe_psql('postgres', "SELECT snapshot_now('shop')");
like($node->safe_psql('postgres', "SELECT snapshot_verify('$again', restore => true)"),
	qr/^2/, 'a snapshot of the restored database is taken by this release');

$node->stop;
done_testing();
