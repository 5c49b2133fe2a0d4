
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# What snapshot_status() reports on a server that takes no snapshots, or not
# the wanted ones.  Promised here: the status names a line of the configuration
# that has no effect, with its file; it names a database that does not exist;
# it does not show an error after a success; and a warning that the operating
# system's collations have changed is not repeated by each run.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('warnings');

sub status
{
	my ($column) = @_;

	return $node->safe_psql('postgres',
		"SELECT $column FROM snapshot_status()");
}

# A column of the status is like a pattern in the end.
sub becomes
{
	my ($column, $pattern, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until($test_name, sub { status($column) =~ $pattern });
}

becomes('warning', qr/^$/, 'a server that is set up well has no warning');

# Lines without an effect
my $file = $node->data_dir . '/postgresql.conf';
my $good = slurp_file($file);

$node->append_conf('postgresql.conf', 'snapshot_worker.enabled = on');
$node->reload;
becomes(
	'warning',
	qr/^"snapshot_worker\.enabled" in ".*postgresql\.conf" line \d+ is not applied: ./,
	'a misspelt name of a setting is named, with its file and line');
$node->restart;
becomes('warning', qr/^"snapshot_worker\.enabled" in /,
	'a misspelt name that was there when the server started is named');

unlink $file;
append_to_file($file, "${good}snapshot_worker.time = '3am'\n");
$node->restart;
becomes(
	'warning',
	qr/^"snapshot_worker\.time" in ".*postgresql\.conf" line \d+ is not applied/,
	'a value that was refused is named');
is( $node->safe_psql(
		'postgres', q{
	CREATE ROLE watcher LOGIN IN ROLE pg_monitor;
	SET ROLE watcher;
	SELECT warning LIKE '"snapshot_worker.time"%' FROM snapshot_status()}),
	't',
	'a member of pg_monitor sees the warning of the status');
is( $node->safe_psql(
		'postgres', q{
	CREATE FUNCTION public.starts_with(text, text) RETURNS boolean
		LANGUAGE plpgsql AS 'BEGIN RAISE ''a planted function was called''; END';
	SET search_path = public, pg_catalog;
	SELECT warning LIKE '"snapshot_worker.time"%' FROM snapshot_status()}),
	't',
	'the status calls no function that a user has planted');
unlink $file;
append_to_file($file, $good);
$node->restart;
becomes('warning', qr/^$/, 'without these lines there is no warning');

reload_with($node, databases => 'postgres, no_such_database');
becomes(
	'warning',
	qr/^snapshot_worker\.databases names database "no_such_database", which does not exist/,
	'a database that does not exist is named');
reload_with($node, databases => '*');
becomes('warning', qr/^$/, 'the warning about a missing database ends with the setting');

# An error, and then a success
my $fake = install_fake_program($node, 'pg_dump', "exit 3\n");
reload_with($node, bin_directory => $fake);
$node->psql('postgres', 'SELECT snapshot_now()');
becomes('last_error', qr/pg_dump/, 'a failure is the last error');
install_fake_program($node, 'pg_dump');
$node->safe_psql('postgres', 'SELECT snapshot_now()');
becomes('last_error', qr/^$/, 'a later success takes the error away');
is(status('last_failure_at IS NOT NULL'),
	't', 'the status keeps the time of the last failure');

# A database whose collations the operating system has changed
$node->safe_psql('postgres', 'CREATE DATABASE collated');
$node->safe_psql('postgres',
	q{UPDATE pg_database SET datcollversion = '0.0' WHERE datname = 'collated'}
);
my $offset = -s $node->logfile;
my $name =
  $node->safe_psql('postgres', q{SELECT snapshot_now('collated')});
like($name, qr{^collated/}, 'a database with another collation version is dumped');
my $log = slurp_file($node->logfile, $offset);
SKIP:
{
	skip 'this server does not version the collations of a database', 1
	  unless $log =~ /has a collation version mismatch/;
	unlike($log, qr/reported warnings/,
		'the warning that each session gets is not repeated by the run');
}

# A server that listens on one address only, which is not localhost
append_to_file($node->data_dir . '/pg_hba.conf',
	"host all all 127.0.0.2/32 trust\n");
$node->append_conf('postgresql.conf', <<EOF);
unix_socket_directories = ''
listen_addresses = '127.0.0.2'
EOF
$node->stop;
$offset = -s $node->logfile;
system_or_bail('pg_ctl', '--pgdata', $node->data_dir, '--log', $node->logfile,
	'--wait', '-o', '-p ' . $node->port, 'start');
my ($snapshot) = run_command(
	[
		'psql', '-XAtq', '-d',
		'host=127.0.0.2 dbname=postgres port=' . $node->port,
		'-c', 'SELECT snapshot_now()'
	]);
like($snapshot, qr{^postgres/},
	'a server that listens on another address only takes its snapshots');
system_or_bail('pg_ctl', '--pgdata', $node->data_dir, '--mode', 'fast', 'stop');

done_testing();
