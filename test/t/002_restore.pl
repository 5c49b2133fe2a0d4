
# Copyright (c) 2026, the snapshot_worker developers

# Snapshots restore to what was dumped.  Databases of real kinds are dumped
# while they change, restored into new ones, and compared.

use strict;
use warnings;

use DumpCompare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) =
  snapshot_node('main', init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);

# Restores a snapshot by hand, as the README shows it.
sub restore
{
	my ($name, $target) = @_;
	my ($folder) = $name =~ m{^([^/]+)/};

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->safe_psql('postgres', "CREATE DATABASE $target TEMPLATE template0");
	$node->command_ok(
		[
			'pg_restore', '--exit-on-error', '--dbname', $target,
			"$directory/$name/$folder.dump"
		],
		"$name restores without an error");
	return;
}

# Every file is as the manifest says, and nothing else is there.
sub check_manifest
{
	my ($name) = @_;
	my $manifest = manifest_of($directory, $name);
	my ($path, %found, %expected) = "$directory/$name";

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	chomp(my @files = `cd '$path' && find . -type f ! -name manifest.json`);
	foreach my $file (map { s{^\./}{}r } @files)
	{
		$found{$file} = (-s "$path/$file") . ' ' . sha256_of("$path/$file");
	}
	$expected{ $_->{path} } = "$_->{size} $_->{sha256}"
	  foreach @{ $manifest->{files} };
	is_deeply(\%found, \%expected,
		"files, sizes and hashes of $name are those of its manifest");
	my $size = 0;
	$size += $_->{size} foreach @{ $manifest->{files} };
	is($manifest->{size}, $size, "the size of $name in the list is that of all its files");
	return $manifest;
}

# All that pg_dump finds hard, in each format.
$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'psql makes the hard database');
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format);
	my $before = $node->safe_psql('hard', 'SELECT pg_current_wal_insert_lsn()');
	my $name = $node->safe_psql('postgres', "SELECT snapshot_now('hard')");
	my $manifest = check_manifest($name);

	is($manifest->{format}, $format, "the manifest names $format format");
	is( $node->safe_psql('hard',
			"SELECT '$manifest->{lsn}'::pg_lsn
				BETWEEN '$before' AND pg_current_wal_insert_lsn()"),
		't', "the LSN of a snapshot in $format format is between those before and after it");
	is( $manifest->{tables},
		$node->safe_psql('hard', <<'EOF'), "the manifest of a snapshot in $format format counts the tables");
SELECT count(*) FROM pg_tables
 WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
EOF
	is($manifest->{timeline}, 1, "the manifest of a snapshot in $format format has the timeline");
	cmp_ok($manifest->{database_size}, '>', 1_000_000,
		"the manifest of a snapshot in $format format has the size of the database");
	my $file = "$directory/$name/hard.dump";
	ok($format eq 'directory' ? -d $file : -f $file,
		"a snapshot in $format format is on disk in that format");
	restore($name, "hard_$format");
	is_same_database($node, 'hard', "hard_$format",
		"a snapshot in $format format restores to the database that was dumped");
}
reload_with($node, format => 'directory');

# pgbench, while it writes: what is restored is one moment, not a smear.
$node->safe_psql('postgres', 'CREATE DATABASE bench');
$node->command_ok([ 'pgbench', '-i', '-q', '-s', '5', 'bench' ],
	'pgbench makes its tables');
my $pgbench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '4', '-T', '600', $node->connstr('bench') ],
	'<', \undef, '>', \my $out, '2>', \my $err);
$node->poll_query_until('bench',
	'SELECT count(*) > 100 FROM pgbench_history') or die 'pgbench does not run';
my $name = $node->safe_psql('bench',
	'CREATE EXTENSION snapshot_worker; SELECT snapshot_now()');
my $count = $node->safe_psql('bench', 'SELECT count(*) FROM pgbench_history');
$pgbench->signal('TERM');
$pgbench->finish;
check_manifest($name);
restore($name, 'bench_restored');
is( $node->safe_psql('bench_restored', <<'EOF'), 't|t|t',
SELECT (SELECT sum(delta) FROM pgbench_history) = (SELECT sum(abalance) FROM pgbench_accounts),
	(SELECT sum(delta) FROM pgbench_history) = (SELECT sum(bbalance) FROM pgbench_branches),
	(SELECT sum(delta) FROM pgbench_history) = (SELECT sum(tbalance) FROM pgbench_tellers)
EOF
	'a snapshot taken beside pgbench is consistent in itself');
cmp_ok($node->safe_psql('bench_restored', 'SELECT count(*) FROM pgbench_history'),
	'>', 0, 'a snapshot taken beside pgbench has rows that were written before it');
cmp_ok($node->safe_psql('bench_restored', 'SELECT count(*) FROM pgbench_history'),
	'<=', $count, 'a snapshot taken beside pgbench has no rows that were written after it');

# A database that does not change comes back byte for byte.
$name = $node->safe_psql('bench', 'SELECT snapshot_now()');
restore($name, 'bench_again');
is_same_database($node, 'bench', 'bench_again',
	'a pgbench database comes back as it was');

# Globals are there, and can be left out.
$node->safe_psql('postgres', 'CREATE ROLE remembered');
$name = $node->safe_psql('postgres', 'SELECT snapshot_now()');
like(slurp_file("$directory/$name/globals.sql"), qr/CREATE ROLE remembered;/,
	'globals.sql has the roles');
reload_with($node, globals => 'off');
$name = $node->safe_psql('postgres', 'SELECT snapshot_now()');
ok(!-e "$directory/$name/globals.sql", 'with globals = off, a snapshot has no globals.sql');

# The list says what the manifests say.
is( $node->safe_psql('postgres', <<'EOF'), 't|t|t|t', 'the list has all columns of a snapshot');
SELECT bool_and(reason = 'manual' AND started_at <= finished_at AND size > 0),
	array_agg(name) = array_agg(name ORDER BY regexp_replace(name, '.*/', '') DESC, name),
	bool_and(server_version = current_setting('server_version')),
	bool_and(verified_at IS NULL AND NOT pinned)
  FROM snapshot_list()
EOF
is( $node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_list()'),
	scalar(snapshots($directory)), 'a role that may monitor lists every snapshot');

# Nobody else can read it.
chomp(my @open = `find '$directory' -perm /077`);
is($?, 0, 'the modes of all files without group access can be read');
is_deeply(\@open, [], 'without group access, directories are 0700 and files 0600');

# A cluster that allows group access has it for its snapshots too.
my ($group_node, $group_directory) =
  snapshot_node('group', init => [ extra => ['--allow-group-access'] ]);
$group_node->safe_psql('postgres', 'SELECT snapshot_now()');
chomp(@open = `find '$group_directory' -type d ! -perm 0750 -o -type f ! -perm 0640`);
is($?, 0, 'the modes of all files with group access can be read');
is_deeply(\@open, [], 'with group access, all directories are 0750 and all files 0640');

is_deeply([ leftovers($directory) ], [], 'snapshots of hard databases leave nothing over');
$node->stop;
$group_node->stop;
done_testing();
