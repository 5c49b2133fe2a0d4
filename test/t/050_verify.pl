
# Copyright (c) 2026, the snapshot_worker developers

use strict;
use warnings;

use DumpCompare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ], conf => "snapshot_worker.row_counts = on\n");
$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'the hard database is made');
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('hard')");
my ($rc, $out, $err) = $node->psql('postgres', "SELECT snapshot_verify('$name')");
is($err, '', 'no error'); diag $out;
($rc, $out, $err) = $node->psql('postgres', "SELECT snapshot_verify('$name', restore => true)");
is($err, '', 'no error'); diag $out;
($rc, $out, $err) = $node->psql('postgres', "SELECT snapshot_restore('$name', 'again', jobs => 2)");
is($err, '', 'no error'); diag $out;
is_same_database($node, 'hard', 'again', 'same');
diag $node->safe_psql('postgres', "\\x\nselect * from snapshot_list()");
diag $node->safe_psql('postgres', "select datname from pg_database");
$node->safe_psql('postgres', "SELECT snapshot_verify('$_')") foreach $name;
unlike(slurp_file($node->logfile), qr/has something to say/, 'quiet');
done_testing();
