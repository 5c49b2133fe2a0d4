
# Copyright (c) 2026, the snapshot_worker developers

# Formats and compressions: whichever is set, what is taken can be verified,
# and comes back as it was; and a snapshot shares files with one of its own
# kind.

use strict;
use warnings;

use DumpCompare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	conf => <<'EOC');
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
EOC
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOF');
CREATE TABLE texts AS SELECT g AS n, repeat(md5(g::text), 20) AS t FROM generate_series(1, 2000) g;
CREATE TABLE bytes AS SELECT g AS n, decode(md5(g::text), 'hex') AS b FROM generate_series(1, 2000) g;
CREATE TABLE nothing (n int);
SELECT lo_from_bytea(0, convert_to(repeat('a large object', 10000), 'UTF8'));
EOF

my @methods = ('none', 'gzip', 'gzip:1', 'gzip:9');
push @methods, 'lz4', 'lz4:5', 'zstd', 'zstd:1', 'zstd:10' if $node->pg_version >= 16;

foreach my $format ('directory', 'custom')
{
	foreach my $method (@methods)
	{
		my $case = "$format, $method";

		reload_with($node, format => $format, compress => $method);
		my $name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
		is(manifest_of($directory, $name)->{compression}, $method, "the manifest of a snapshot ($case) has its compression");
		my (undef, undef, $stderr) =
		  $node->psql('postgres', "SELECT snapshot_verify('$name', restore => true)");
		is($stderr, '', "a snapshot ($case) verifies by a restore");
		$node->safe_psql('postgres', "SELECT snapshot_restore('$name', 'back', jobs => 2)");
		is_same_database($node, 'app', 'back', "a snapshot ($case) restores to what was dumped");
		$node->safe_psql('postgres', 'DROP DATABASE back');
		next if $format eq 'custom';

		my $again = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
		my ($size, $own) = split /\|/, $node->safe_psql('postgres',
			"SELECT size, exclusive_size FROM snapshot_list() WHERE name = '$again'");
		cmp_ok($own, '<', $size / 2, "a second snapshot ($case) shares files with the first");
	}
}
# Which format is taken by itself.
$node->safe_psql('postgres', 'CREATE DATABASE tiny');
$node->safe_psql('tiny', <<'EOF');
DO $$ BEGIN FOR i IN 1 .. 1000 LOOP
	EXECUTE format('CREATE TABLE t%s (n int)', i);
END LOOP; END $$;
EOF
reload_with($node, format => 'auto', compress => 'none');
foreach my $case ([ 'app', 'directory' ], [ 'tiny', 'custom' ])
{
	my ($database, $format) = @$case;
	my $name = $node->safe_psql('postgres', "SELECT snapshot_now('$database')");

	is(manifest_of($directory, $name)->{format}, $format, "format = auto takes $format format for $database");
	is(!!-d "$directory/$name/$database.dump", $format eq 'directory', "format = auto writes $database in $format format");
}
reload_with($node, format => 'directory');
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('tiny')");
is(manifest_of($directory, $name)->{format}, 'directory', 'a format that is set is taken for a database of any size');

is($node->safe_psql('postgres',
		'SELECT count(*) FROM snapshot_verify_all() WHERE problem IS NOT NULL'),
	'0', 'no snapshot of any compression is found bad');
is_deeply([ damages($directory) ], [], 'all snapshots of the compressions are whole');

$node->stop;
done_testing();
