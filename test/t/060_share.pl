
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Files that have not changed between two snapshots of a database are on disk
# once, and yet each snapshot is complete by itself.

use strict;
use warnings;

use DumpCompare;
use Errno qw(EMLINK EPERM);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOF');
CREATE TABLE a AS SELECT g AS n, md5(g::text) AS t FROM generate_series(1, 3000) g;
CREATE TABLE b AS SELECT g AS n, md5((-g)::text) AS t FROM generate_series(1, 3000) g;
CREATE TABLE c (n int);
SELECT lo_from_bytea(0, 'a large object');
EOF

# The files of a snapshot's archive: inode by SHA-256.
sub files_of
{
	my ($name) = @_;

	return {
		map { $_->{sha256} => (stat "$directory/$name/$_->{path}")[1] }
		grep { $_->{path} =~ m{/} } @{ manifest_of($directory, $name)->{files} }
	};
}

# How many files two snapshots share; all that are equal but for the table of
# contents, if all is well.
sub shared
{
	my ($one, $two) = map { files_of($_) } @_;

	return scalar grep { ($two->{$_} // 0) == $one->{$_} } keys %$one;
}

# The bytes that no other snapshot holds.
sub exclusive_size
{
	my ($name) = @_;

	return $node->safe_psql('postgres',
		"SELECT exclusive_size FROM snapshot_list() WHERE name = '$name'");
}

sub file_of
{
	my ($name, $table) = @_;
	my $list = '';

	IPC::Run::run([ 'pg_restore', '--list', "$directory/$name/app.dump" ], '>', \$list) or die;
	my ($number) = $list =~ /^(\d+); \d+ \d+ TABLE DATA public \Q$table\E /m or die $list;
	return (glob "$directory/$name/app.dump/$number.dat*")[0];
}

my @app = take_snapshot($node, 'app');
my $files = keys %{ files_of($app[0]) };
is(exclusive_size($app[0]), manifest_of($directory, $app[0])->{size},
	'the first snapshot shares no bytes');
push @app, take_snapshot($node, 'app');
# which has the time in it, to the second
cmp_ok(shared(@app), '>=', $files - 1, 'a second snapshot shares all files but the table of contents');
cmp_ok(exclusive_size($_), '<', manifest_of($directory, $_)->{size} / 10,
	"$_ shares more than nine tenths of its bytes")
  foreach @app;
is(sql_error($node, "SELECT snapshot_verify('$_', restore => true)"), '', "$_ verifies by a restore")
  foreach @app;

# A changed file is not shared, under whatever number it comes.
$node->safe_psql('app', 'INSERT INTO a VALUES (0); CREATE TABLE a0 AS SELECT 1 AS n');
push @app, take_snapshot($node, 'app');
isnt((stat file_of($app[2], 'a'))[1], (stat file_of($app[1], 'a'))[1],
	'a table that has changed has a file of its own');
is((stat file_of($app[2], 'b'))[1], (stat file_of($app[1], 'b'))[1],
	'a table that has not changed shares its file');
is((stat file_of($app[2], 'b'))[3], 3, 'a file is shared by all three snapshots that have it');
$node->safe_psql('postgres', "SELECT snapshot_restore('$app[2]', 'again')");
is_same_database($node, 'app', 'again', 'a snapshot that shares files restores to what there was');

# Removing one harms no other.
$node->safe_psql('postgres', "SELECT snapshot_delete('$app[0]')");
is(sql_error($node, "SELECT snapshot_verify('$app[$_]')"), '', "the deletion of a snapshot does not harm snapshot $_ that shares with it")
  foreach 1, 2;

# A shared file that has gone bad.
my $bad = file_of($app[2], 'b');
my $contents = slurp_file($bad);
open my $fh, '+<:raw', $bad or die;
seek $fh, 100, 0 or die;
print $fh chr(ord(substr $contents, 100, 1) ^ 1);
close $fh or die;
my $log = -s $node->logfile;
push @app, take_snapshot($node, 'app');
like(slurp_file($node->logfile, $log),
	qr/WARNING:  file "\Q$bad\E" does not match its manifest\n.*DETAIL:  The new snapshot has a good copy of its own/,
	'a file that has gone bad is not shared, and the log warns of it');
isnt((stat file_of($app[3], 'b'))[1], (stat $bad)[1], 'a new snapshot has its own copy of a file that has gone bad');
is(sql_error($node, "SELECT snapshot_verify('$app[3]', restore => true)"), '', 'a snapshot beside a bad file is good');
like(sql_error($node, "SELECT snapshot_verify('$app[2]')"),
	qr/\Q$bad\E" have changed.*\n.*Snapshot "\Q$app[1]\E" shares that file\./,
	'a verification finds a bad shared file, and names the other snapshots that have it');
unlike(sql_error($node, "SELECT snapshot_verify('$app[2]')"), qr/\Q$app[3]\E/,
	'a verification does not name snapshots that do not have the bad file');
push @app, take_snapshot($node, 'app');

# All of them at once.
sub verify_all
{
	my ($arguments) = @_;

	return $node->safe_psql('postgres',
		"SELECT name, verified_at IS NULL, problem LIKE '%have changed%' FROM snapshot_verify_all($arguments)");
}

$node->safe_psql('postgres', "SELECT snapshot_verify('$app[4]', restore => true)");
$log = -s $node->logfile;
is(verify_all("'app'"),
	join("\n", "$app[4]|f|", "$app[3]|f|", "$app[2]|t|t", "$app[1]|t|t"),
	'snapshot_verify_all() returns all snapshots, and which are bad');
my $bytes = 0;
my %inodes = map { (stat $_)[1] => -s $_ } grep { -f && !m{/(?:manifest|verified)\.json$} }
  map { glob("$directory/$_/*"), glob("$directory/$_/*/*") } @app[ 1 .. 4 ];
$bytes += $_ foreach values %inodes;
like(slurp_file($node->logfile, $log),
	qr/verified the files of 4 snapshots: $bytes bytes read/,
	'snapshot_verify_all() reads a shared file once');
is( $node->safe_psql('postgres',
		'SELECT verify_level, problem IS NULL FROM snapshot_list()'),
	"restore|t\nrestore|t\nchecksum|f\nchecksum|f",
	'the level of a restore stays where the files have not changed');
like(sql_error($node, "SELECT * FROM snapshot_verify_all('nosuch')"),
	qr/there is no snapshot of database "nosuch"/, 'snapshot_verify_all() of a database without snapshots is an error');

# A snapshot that cannot be read, or has lost its manifest, has its row, and so
# has every other one.
my ($closed) = glob "$directory/$app[4]/app.dump/toc.dat";
rename "$directory/$app[3]/manifest.json", "$directory/$app[3]/gone" or die;
rename $closed, "$closed.kept" or die;
mkdir $closed or die;
is( $node->safe_psql('postgres',
		"SELECT name, verified_at IS NULL, problem IS NOT NULL FROM snapshot_verify_all('app')"),
	join("\n", "$app[4]|t|t", "$app[3]|t|t", "$app[2]|t|t", "$app[1]|t|t"),
	'snapshot_verify_all() returns a row for each snapshot that cannot be read');
like( $node->safe_psql('postgres',
		"SELECT problem FROM snapshot_verify_all() WHERE name = '$app[3]'"),
	qr/manifest is missing/, 'snapshot_verify_all() returns a row for a snapshot without a manifest');
rename "$directory/$app[3]/gone", "$directory/$app[3]/manifest.json" or die;
rmdir $closed or die;
rename "$closed.kept", $closed or die;
$node->safe_psql('postgres', "SELECT snapshot_verify('$app[$_]')") foreach 3, 4;

# A damaged one is not restored as if it were good.
$node->safe_psql('postgres', "SELECT snapshot_delete('$app[1]')");
my ($rc, $out, $err) = $node->psql('postgres', "SELECT snapshot_restore('$app[2]', 'damaged')");
like($err, qr/WARNING:  snapshot "\Q$app[2]\E" failed its last verification\n.*ERROR:  could not restore snapshot .* does not match its manifest\n.*DETAIL:  The contents of file "\Q$bad\E" have changed.*\n.*HINT:  Use another snapshot/s,
	'a damaged snapshot is not restored');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'damaged'"), '0',
	'a refused restore leaves no database');
like(sql_error($node, 'SELECT snapshot_verify_all(); SELECT 1/0'), qr/division by zero/,
	'snapshot_verify_all() does not fail for bad snapshots');
is((stat file_of($app[4], 'b'))[1], (stat file_of($app[3], 'b'))[1],
	'a snapshot shares with the newest good one');

# Off, and where it cannot be.
reload_with($node, share_files => 'off');
push @app, take_snapshot($node, 'app');
is(shared($app[5], $app[4]), 0, 'with share_files = off, no file is shared');
reload_with($node, share_files => 'on', format => 'custom');
push @app, take_snapshot($node, 'app');
is(exclusive_size($app[6]), manifest_of($directory, $app[6])->{size},
	'in custom format, no file is shared');
reload_with($node, format => 'directory', compress => 'none');
push @app, take_snapshot($node, 'app');
is(shared($app[7], $app[5]), 1, 'a snapshot of another compression shares only files that are not compressed');
reload_with($node, compress => 'gzip:1');

# File systems without hard links, or with no more of them for a file.
my $library = $node->basedir . '/no_links.so';
system_or_bail('cc', '-shared', '-fPIC', '-o', $library, 'test/no_links.c');
foreach my $case ([ EPERM, 1 ], [ EMLINK, 0 ])
{
	my ($errno, $notices) = @$case;
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{NO_LINKS} = $errno;

	$node->restart;
	$log = -s $node->logfile;
	push @app, take_snapshot($node, 'app');
	$notices = 1 if $notices;
	is(scalar(() = slurp_file($node->logfile, $log) =~ /snapshots do not share files/g),
		$notices, "without links ($errno), the log warns at most once");
	is(exclusive_size($app[-1]), manifest_of($directory, $app[-1])->{size},
		"without links ($errno), a snapshot shares no bytes");
	is(sql_error($node, "SELECT snapshot_verify('$app[-1]')"), '', "without links ($errno), a snapshot verifies");
}
is_deeply([ leftovers($directory) ], [], 'snapshots that share files leave nothing over');
is_deeply([ grep { !/\Q$app[2]\E/ } damages($directory) ], [],
	'snapshots that share files are whole');

$node->stop;
done_testing();
