
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_restore_table() in a database, or a server, that differs from that of
# the snapshot.  Promised here: a missing access method or provider of security
# labels does not keep the rows from coming back; event triggers of the snapshot
# do not fire, and those of the database do; and a crash leaves nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => "restart_after_crash = on\n",
	start => 0);

my $labels = $node->basedir . '/label_provider.so';
chomp(my $include = `pg_config --includedir-server`);
system_or_bail('cc', '-shared', '-fPIC', '-I', $include, '-o', $labels,
	'test/label_provider.c');

sub preload
{
	my ($libraries) = @_;

	$node->append_conf('postgresql.conf', "shared_preload_libraries = '$libraries'");
	return;
}

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('shop', $sql);
}

sub restoring
{
	my ($snapshot, $table, $target) = @_;

	return
	  "SELECT target, rows, left_out FROM snapshot_restore_table('$snapshot', '$table', '$target')";
}

# The result and the warnings of a restore, or its error.
sub restore
{
	my (undef, $out, $err) = $node->psql('shop', restoring(@_));

	return ($out, $err);
}

# No table but those given is there, and no scratch database.
sub is_left
{
	my ($tables, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( query(
			"SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
		),
		$tables,
		"$what leaves no table");
	wait_until(
		"$what leaves no scratch database",
		sub {
			query(
				"SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot\\_worker\\_%'"
			) eq '0';
		});
	return;
}

preload("snapshot_worker, $labels");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
query(<<'EOQ');
CREATE EXTENSION snapshot_worker;
CREATE ACCESS METHOD other TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE odd (a int PRIMARY KEY) USING other;
INSERT INTO odd SELECT generate_series(1, 10);
CREATE TABLE labeled (a int, b int);
INSERT INTO labeled VALUES (1, 2);
SECURITY LABEL FOR test ON TABLE labeled IS 'secret';
SECURITY LABEL FOR test ON COLUMN labeled.b IS 'top secret';
CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION '% is forbidden', tg_tag; END $$;
EOQ
my $labels_of =
  "SELECT string_agg(provider || ':' || label || ':' || objsubid, ' ' ORDER BY objsubid) FROM pg_seclabel WHERE objoid = ";

# Event triggers of the snapshot.
query('CREATE EVENT TRIGGER forbidding ON ddl_command_start EXECUTE FUNCTION forbid()');
my $snapshot = take_snapshot($node, 'shop');
query('ALTER EVENT TRIGGER forbidding DISABLE');

my ($out, $err) = restore($snapshot, 'odd', 'odd_again');
is("$out$err", 'public.odd_again|10|{}',
	'the event triggers of the snapshot do not fire at a restore of a table');
is( query(
		"SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname = 'odd_again'"
	),
	'other',
	'a table comes back with its access method');
($out, $err) = restore($snapshot, 'labeled', 'labeled_again');
is("$out$err", 'public.labeled_again|1|{}', 'a table with security labels comes back');
is( query($labels_of . "'labeled_again'::regclass"),
	'test:secret:0 test:top secret:2',
	'security labels come along with their table');

# Event triggers of the database.
query('DROP TABLE odd, odd_again, labeled_again; ALTER EVENT TRIGGER forbidding ENABLE');
($out, $err) = restore($snapshot, 'odd', 'odd_again');
like(
	$err,
	qr/^.*ERROR:  could not restore table "odd" of snapshot .*CREATE TABLE is forbidden/s,
	'an event trigger of the database fires at a restore of a table, and the error is its');
query('ALTER EVENT TRIGGER forbidding DISABLE');
is_left('labeled', 'a restore that an event trigger forbids');

# An access method that is no longer there.
query('DROP ACCESS METHOD other');
($out, $err) = restore($snapshot, 'odd', 'odd_again');
is($out, 'public.odd_again|10|{}',
	'a table whose access method is missing comes back');
like(
	$err,
	qr/WARNING:  access method "other" does not exist, using the default access method/,
	'a warning names the access method');
is(query("SELECT count(*), sum(a) FROM odd_again"),
	'10|55', 'the rows of a table without its access method come back');

# A crash.
query('DROP TABLE odd_again');
foreach my $step ('rows in scratch', 'table dumped')
{
	hold_at($node, $step);
	my $session =
	  start_query($node, restoring($snapshot, 'labeled', 'labeled_again'), 'shop');
	my $worker = wait_until_held($node, $step);
	is(kill('KILL', $worker), 1, "the worker at step \"$step\" gets SIGKILL");
	finish_query($session);
	let_go($node);
	$node->poll_query_until('postgres', 'SELECT launcher_pid IS NOT NULL FROM snapshot_status()')
	  or die 'the server did not come back';
	is_left('labeled', "a crash at step \"$step\"");
}

# A provider that is no longer there.
preload('snapshot_worker');
$node->restart;
($out, $err) = restore($snapshot, 'labeled', 'labeled_again');
is( $out,
	'public.labeled_again|1|{"SECURITY LABEL public.labeled"}',
	'security labels whose provider is missing are left out, and named');
like($err, qr/security label provider "test" is not loaded/,
	'a warning names the missing provider of security labels');

$node->stop;
done_testing();
