
# Copyright (c) 2026, the snapshot_worker developers

# Every setting takes effect with pg_reload_conf(), and none needs a restart.
# The dump is of the same MVCC snapshot as the manifest.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE TABLE before (a int)');
my $version = $node->safe_psql('postgres', 'SHOW server_version_num') / 10000;

# Writes down the arguments that it is started with.
my $args = $node->basedir . '/args';
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
if [ "\$1" != --version ]; then
	printf '%s\\n' "\$@" >$args
fi
exec REAL "\$@"
EOF

# The arguments of pg_dump for a snapshot under these settings.
sub args_with
{
	my (%settings) = @_;

	reload_with($node, %settings);
	$node->safe_psql('postgres', "SELECT snapshot_now('app')");
	return [ slurp_lines($args) ];
}

sub has
{
	my ($got, $expected, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok((grep { $_ eq $expected } @$got), $test_name) or diag("@$got");
	return;
}

sub lacks
{
	my ($got, $pattern, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is((join ' ', grep { $_ =~ $pattern } @$got), '', $test_name);
	return;
}

unlink $args;
my $got = args_with(bin_directory => $bin);
ok(-e $args, 'bin_directory has an effect by reload: another pg_dump is started');
has($got, '--format=directory', 'pg_dump gets directory format by default');
has($got, '--jobs=2', 'pg_dump gets two jobs by default');
has($got, '--lock-wait-timeout=300000', 'pg_dump gets a lock timeout of five minutes by default');
has($got, $version >= 16 ? '--compress=zstd:1' : '--compress=1',
	'pg_dump gets light compression by default');

has(args_with(jobs => 3), '--jobs=3', 'jobs has an effect by reload: pg_dump gets another number');
has(args_with(compress => 'gzip:4'),
	$version >= 16 ? '--compress=gzip:4' : '--compress=4',
	'compress has an effect by reload: pg_dump gets a method with a level');
has(args_with(compress => 'gzip'),
	$version >= 16 ? '--compress=gzip' : '--compress=6',
	'compress has an effect by reload: pg_dump gets a method without a level');
has(args_with(compress => '7'), '--compress=7', 'compress has an effect by reload: pg_dump gets a bare level');
has(args_with(compress => 'none'),
	$version >= 16 ? '--compress=none' : '--compress=0',
	'compress = none has an effect by reload: pg_dump does not compress');
has(args_with(lock_timeout => '7s'),
	'--lock-wait-timeout=7000', 'lock_timeout has an effect by reload: pg_dump gets another time');
lacks(args_with(lock_timeout => '0'),
	qr/lock-wait-timeout/, 'lock_timeout = 0 has an effect by reload: pg_dump gets no lock timeout');
$got = args_with(format => 'custom');
has($got, '--format=custom', 'format has an effect by reload: pg_dump gets custom format');
lacks($got, qr/^--jobs/, 'with format = custom, pg_dump gets no --jobs');
reload_with($node, format => 'directory');

$node->safe_psql('postgres', 'CREATE ROLE dumper SUPERUSER LOGIN');
$got = args_with(user => 'dumper');
ok((grep { /user='dumper'/ } @$got), 'user has an effect by reload: another role connects');
has($got, '--role=dumper', 'user has an effect by reload: pg_dump gets the role to dump by');
reload_with($node, user => '');

my ($rc, $out, $err);
reload_with($node, user => 'nobody such');
($rc, $out, $err) = $node->psql('postgres', "SELECT snapshot_now('app')");
like($err, qr/ERROR:  .*role "nobody such" does not exist/,
	'user that names no role fails the run with an error');
reload_with($node, user => '');

# globals, retention, directory
my $name;
reload_with($node, globals => 'off');
$name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
ok(!-e "$directory/$name/globals.sql", 'globals = off has an effect by reload');
reload_with($node, globals => 'on', retention_manual => 2);
$name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
ok(-e "$directory/$name/globals.sql", 'globals = on has an effect by reload');
is(scalar(snapshots($directory, 'app')), 2, 'retention_manual has an effect by reload: fewer snapshots stay');
reload_with($node, retention => 1);
foreach my $name (snapshots($directory, 'app'))
{
	my $file = "$directory/$name/manifest.json";
	my $manifest = slurp_file($file) =~ s/("reason": ")manual/$1schedule/r;

	unlink $file or die "could not unlink $file: $!";
	append_to_file($file, $manifest);
}
is($node->safe_psql('postgres', "SELECT snapshot_prune('app')"),
	'1', 'retention has an effect by reload: fewer snapshots stay');
$node->safe_psql('postgres', "SELECT snapshot_now('app')");
my $elsewhere = $node->basedir . '/else/where';
reload_with($node, directory => $elsewhere);
$name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
ok(-e "$elsewhere/$name/manifest.json", 'directory has an effect by reload: the new one is made with its parents');
is($node->safe_psql('postgres', 'SELECT name FROM snapshot_list()'),
	$name, 'directory has an effect by reload: the list has the snapshots of the new one');
is(scalar(snapshots($directory, 'app')), 2, 'directory has an effect by reload: the snapshots of the old one stay');
is($node->safe_psql('postgres', 'SELECT directory FROM snapshot_status()'),
	$elsewhere, 'directory has an effect by reload: the status names the new one');

# A directory inside the data directory is taken, with a warning.
my $inside = $node->data_dir . '/snapshots';
reload_with($node, directory => $inside);
$node->safe_psql('postgres', "SELECT snapshot_now('app')");
is(scalar(snapshots($inside, 'app')), 1,
	'a directory inside the data directory is taken');
like($node->safe_psql('postgres', 'SELECT warning FROM snapshot_status()'),
	qr/inside the data directory/, 'the status warns of a directory inside the data directory');
like(slurp_file($node->logfile),
	qr/WARNING:  snapshot directory "\Q$inside\E" is inside the data directory/,
	'the log warns of a directory inside the data directory');
reload_with($node, directory => $directory);

# enable, time, databases and run_on decide about the next run.
my $time = far_time();
reload_with($node, enable => 'on', time => $time);
$node->poll_query_until('postgres',
	"SELECT to_char(next_run, 'HH24:MI') = '$time' FROM snapshot_status()")
  or fail('time has an effect by reload');
reload_with($node, run_on => 'standby');
$node->poll_query_until('postgres', 'SELECT next_run IS NULL FROM snapshot_status()')
  or fail('run_on has an effect by reload: no slot is planned');
reload_with($node, run_on => 'any');
$node->poll_query_until('postgres', 'SELECT next_run IS NOT NULL FROM snapshot_status()')
  or fail('run_on has an effect by reload: a slot is planned');
reload_with($node, enable => 'off');
$node->poll_query_until('postgres', 'SELECT next_run IS NULL FROM snapshot_status()')
  or fail('enable has an effect by reload');
pass('enable, time and run_on have an effect by reload');

# A commit after the worker took its MVCC snapshot, and before pg_dump
# connects, is in neither manifest nor dump.
my $psql = $node->config_data('--bindir') . '/psql';
my $connstr = $node->connstr('app');
$bin = install_fake_program($node, 'pg_dump', <<EOF);
if [ "\$1" != --version ]; then
	$psql -X -q -d "$connstr" -c 'CREATE TABLE after (a int)' >&2 || exit 1
fi
exec REAL "\$@"
EOF
$name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is($node->safe_psql('app', "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
	'2', 'another session makes a table during the run');
is(manifest_of($directory, $name)->{tables}, 1, 'the manifest is of the moment before a table was made');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'),
		"$directory/$name/app.dump"
	],
	'a dump of a database that changes restores');
is( $node->safe_psql('restored',
		"SELECT tablename FROM pg_tables WHERE schemaname = 'public'"),
	'before', 'the dump is of the same moment as the manifest');

is_deeply([ leftovers($directory) ], [], 'reloads during runs leave nothing over');
$node->stop;
done_testing();
