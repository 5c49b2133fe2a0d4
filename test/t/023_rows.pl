
# Copyright (c) 2026, the snapshot_worker developers

# The rows that the server counts in pg_dump's own COPY.  Promised here: the
# manifest has the exact number of rows of each table, in the MVCC snapshot of
# the dump, and no table is read twice for that; if a table is truncated,
# rewritten or replaced between the MVCC snapshot and pg_dump's lock, the run
# fails with a message that names it, instead of dumping it without its rows;
# and no session but pg_dump's own has an influence on the numbers.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('rows', conf => <<EOF);
snapshot_worker.retention_manual = 1000
snapshot_worker.lock_timeout = 10s
EOF
my $timeout = $PostgreSQL::Test::Utils::timeout_default;

$node->safe_psql('postgres', 'CREATE DATABASE app');
my $setup = q{
	SET client_min_messages = warning;
	DROP SCHEMA IF EXISTS public, sales, sales_new CASCADE;
	CREATE SCHEMA public;
	CREATE SCHEMA sales;
	CREATE SCHEMA sales_new;
	CREATE TABLE items (id int, name text, label text);
	INSERT INTO items SELECT i, 'n' || i, 'l' || i FROM generate_series(1, 1000) i;
	CREATE TABLE items_new (LIKE items);
	CREATE TABLE empty (id int);
	CREATE TABLE no_columns ();
	INSERT INTO no_columns DEFAULT VALUES;
	CREATE TABLE "odd "" name
here" AS SELECT 1 AS "odd "" column" FROM generate_series(1, 7);
	CREATE TABLE parts (id int) PARTITION BY LIST (id);
	CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
	CREATE TABLE part_2 PARTITION OF parts DEFAULT;
	INSERT INTO parts SELECT i % 3 FROM generate_series(1, 300) i;
	CREATE UNLOGGED TABLE unlogged AS SELECT generate_series(1, 5) AS id;
	CREATE TABLE sales.orders AS SELECT generate_series(1, 20) AS id;
	CREATE TABLE sales_new.orders (id int);
	CREATE TABLE viewed AS SELECT generate_series(1, 5) AS id;
	CREATE VIEW some_view AS SELECT * FROM viewed;
	CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM viewed;
	CREATE TYPE mood AS ENUM ('sad', 'glad');
	CREATE DOMAIN feeling AS mood;
	CREATE TYPE pair AS (x int, m feeling);
	CREATE TYPE pairs AS RANGE (subtype = pair);
	CREATE TABLE typed (m pairs[]);
	INSERT INTO typed VALUES (ARRAY[pairs((1, 'sad'), (2, 'glad'))]);
};
$node->safe_psql('app', $setup);

# The row counts of a snapshot, by table.
sub counts_of
{
	my ($name) = @_;

	return {
		map { ("$_->{schema}.$_->{table}" => $_->{count}) }
		  @{ manifest_of($directory, $name)->{row_counts} }
	};
}

# Ask for a snapshot; returns its name and psql's errors.
sub ask
{
	my (undef, $name, $stderr) =
	  $node->psql('postgres', "SELECT snapshot_now('app')",
		timeout => $timeout);
	return ($name, $stderr);
}

my %expected = (
	'public.items' => 1000,
	'public.items_new' => 0,
	'public.empty' => 0,
	'public.no_columns' => 1,
	"public.odd \" name\nhere" => 7,
	'public.part_1' => 100,
	'public.part_2' => 200,
	'public.unlogged' => 5,
	'public.typed' => 1,
	'public.viewed' => 5,
	'sales.orders' => 20,
	'sales_new.orders' => 0);

foreach my $case ([ 'directory', 1 ], [ 'directory', 4 ], [ 'custom', 1 ])
{
	my ($format, $jobs) = @$case;

	reload_with($node, format => $format, jobs => $jobs);
	my ($name) = ask();
	is_deeply(counts_of($name), \%expected,
		"a snapshot in $format format with $jobs jobs has the rows of every table in its manifest");
	is( $node->safe_psql(
			'postgres', "SELECT rows FROM snapshot_list() WHERE name = '$name'"),
		1339,
		"the list has the sum of the rows ($format, $jobs)");
}
reload_with($node, format => 'directory', jobs => 2);

$node->safe_psql('app', 'SELECT pg_stat_reset()');
ask();
my $scans = q{SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'items'};
$node->poll_query_until('app', "SELECT ($scans) >= 1")
  or die 'the scan of pg_dump was not counted';
is($node->safe_psql('app', $scans), 1, 'a snapshot reads each table once');

# Statements that are committed between the MVCC snapshot and the locks of
# pg_dump.  Returns what ask() does.
sub between
{
	my ($statements) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, 'snapshot exported');
	my $session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'snapshot exported');
	$node->safe_psql('app', $statements);
	let_go($node);
	return finish_query($session);
}

my %stale = (
	'TRUNCATE' => [ 'TRUNCATE items', 'public.items' ],
	'ALTER TABLE ... TYPE' => [
		'ALTER TABLE items ALTER id TYPE bigint', 'public.items'
	],
	'ALTER TABLE ... TYPE that rewrites nothing' => [
		'ALTER TABLE items ALTER id TYPE oid', 'public.items'
	],
	'a new column with a volatile default' => [
		'ALTER TABLE items ADD extra float DEFAULT random()', 'public.items'
	],
	'a table that replaces another one' => [
		q{INSERT INTO items_new SELECT * FROM items;
		  ALTER TABLE items RENAME TO swap;
		  ALTER TABLE items_new RENAME TO items;
		  ALTER TABLE swap RENAME TO items_new},
		'public.items'
	],
	'a table that is dropped and made anew' => [
		q{DROP TABLE items;
		  CREATE TABLE items (id int, name text, label text);
		  INSERT INTO items VALUES (1, 'a', 'b')},
		'public.items'
	],
	'a schema that replaces another one' => [
		q{INSERT INTO sales_new.orders SELECT * FROM sales.orders;
		  ALTER SCHEMA sales RENAME TO swap;
		  ALTER SCHEMA sales_new RENAME TO sales;
		  ALTER SCHEMA swap RENAME TO sales_new},
		'sales.orders'
	],
	'columns that swap their names' => [
		q{ALTER TABLE items RENAME name TO swap;
		  ALTER TABLE items RENAME label TO name;
		  ALTER TABLE items RENAME swap TO label},
		'public.items'
	],
	'a column that is dropped and made anew' => [
		'ALTER TABLE items DROP label; ALTER TABLE items ADD label text',
		'public.items'
	],
	'TRUNCATE of a partition' => [ 'TRUNCATE part_1', 'public.part_1' ]);

foreach my $format (qw(directory custom))
{
	reload_with($node, format => $format);
	foreach my $story (sort keys %stale)
	{
		my ($statements, $table) = @{ $stale{$story} };
		my $before = join ' ', snapshots($directory);

		my (undef, $stderr) = between($statements);
		# of the tables that were swapped, one comes first
		my $either = $table =~ s/(items|sales)\b/$1(?:_new)?/r;
		like(
			$stderr,
			qr/table "$either" was truncated, rewritten or redefined after the dump began/,
			"$story between MVCC snapshot and lock makes the run fail, and the error names the table ($format)");
		like(
			$stderr,
			qr/HINT: .*Take the snapshot again/,
			"the hint of a run failed by $story says what to do ($format)");
		is(join(' ', snapshots($directory)),
			$before, "a run failed by $story lists no snapshot ($format)");
		my ($name) = ask();
		ok($name, "the attempt after a run failed by $story succeeds ($format)");
		$node->safe_psql('app', $setup);
	}
}

# COPY writes values as their types are at that moment, whatever pg_dump has read.
my %stale_types = (
	'a label of an enum that is renamed' => q{ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'},
	'an attribute of a composite type that is added' => 'ALTER TYPE pair ADD ATTRIBUTE z int',
	'an attribute of a composite type that replaces another one' =>
	  'ALTER TYPE pair DROP ATTRIBUTE x, ADD ATTRIBUTE z int',
	'an attribute of a composite type that is dropped' => 'ALTER TYPE pair DROP ATTRIBUTE x');
foreach my $format (qw(directory custom))
{
	reload_with($node, format => $format);
	foreach my $story (sort keys %stale_types)
	{
		my $before = join ' ', snapshots($directory);
		my (undef, $stderr) = between($stale_types{$story});

		like($stderr,
			qr/type public\.pairs\[\] of table "public\.typed" was redefined after the dump began.*HINT: .*Take the snapshot again/s,
			"$story after the MVCC snapshot makes the run fail ($format)");
		is(join(' ', snapshots($directory)), $before, "a run failed by $story lists no snapshot ($format)");
		my ($name) = ask();
		ok($name, "the attempt after a run failed by $story succeeds ($format)");
		$node->safe_psql('app', $setup);
	}
}
is_deeply([ damages($directory) ], [], 'snapshots beside changes of tables are whole');
reload_with($node, format => 'directory');

# MVCC hides these changes, or they change no rows.
my %harmless = (
	'rows that are written and removed' =>
	  q{DELETE FROM items WHERE id > 10; INSERT INTO empty VALUES (1); UPDATE sales.orders SET id = -id},
	'a new column' => q{ALTER TABLE items ADD more int},
	'a new label of an enum' => q{ALTER TYPE mood ADD VALUE 'calm' BEFORE 'sad'},
	'a new name of an attribute of a composite type' => q{ALTER TYPE pair RENAME ATTRIBUTE x TO y},
	'a new index' => q{CREATE INDEX ON items (id)},
	'a new table' => q{CREATE TABLE fresh AS SELECT 1 AS id},
	'a new name for a view' => q{ALTER VIEW some_view RENAME TO other_view},
	'VACUUM' => 'VACUUM items',
	'REINDEX' => 'REINDEX SCHEMA sales',
	'a trigger' =>
	  q{CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
		CREATE TRIGGER nothing BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION nothing()}
);
foreach my $story (sort keys %harmless)
{
	my ($name, $stderr) = between($harmless{$story});

	is($stderr, '', "$story between MVCC snapshot and lock fails no run");
	is_deeply(counts_of($name), \%expected,
		"$story between MVCC snapshot and lock leaves the rows of the MVCC snapshot");
	$node->safe_psql('app', $setup);
}

# An owner who turns his empty table into a view while the dump begins; later
# servers do not let him.
SKIP:
{
	skip 'only a server before version 16 turns tables into views', 2
	  if $node->pg_version >= 16;
	my (undef, $stderr) = between(
		q{CREATE RULE "_RETURN" AS ON SELECT TO empty DO INSTEAD SELECT 1 AS id}
	);
	unlike(
		$stderr,
		qr/server closed the connection|terminating connection|exited unexpectedly/,
		'a table that becomes a view while the dump begins crashes nothing');
	$node->safe_psql('app', $setup);
	my ($name) = ask();
	is_deeply(counts_of($name), \%expected,
		'the server takes the snapshot after a run in which a table became a view');
}

# Sessions that are not pg_dump's.  Its own token, from its environment, is the
# best that one of them could have.
my $stolen = $node->basedir . '/stolen';
$node->safe_psql(
	'app', q{
	CREATE ROLE intruder LOGIN;
	GRANT USAGE ON SCHEMA public TO intruder;
	GRANT SELECT ON some_view TO intruder;
});
install_fake_program($node, 'pg_dump', <<"EOF");
if [ "\$1" != --version ]; then
	printf '%s' "\$PGOPTIONS" >$stolen.new
	tr '\\0' '\\n' </proc/\$\$/cmdline >$stolen.argv
	mv $stolen.new $stolen
	while [ -e $stolen ]; do sleep 0.1; done
fi
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $node->basedir . '/bin');

# Let a session of a role with such options copy rows that the dump does not
# copy, while pg_dump is held.  Returns the rows that the manifest has of that,
# and the token.
sub is_counted
{
	my ($role, $options) = @_;
	my $session = start_query($node, "SELECT snapshot_now('app')");

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until('pg_dump starts', sub { -e $stolen });
	my ($token) = slurp_file($stolen) =~ /snapshot_worker\.session_token=(\w+)/;
	unlike(slurp_file("$stolen.argv"),
		qr/$token/, 'the arguments of pg_dump do not have the token');
	$options =~ s/TOKEN/$token/;
	my ($ret) = $node->psql(
		'app',
		'COPY (SELECT * FROM some_view WHERE id < 4) TO STDOUT',
		connstr => $node->connstr('app') . " user=$role options='$options'");
	is($ret, 0, "$role can copy rows with options '$options'");
	unlink $stolen;
	my ($name) = finish_query($session);
	return (counts_of($name)->{'public.some_view'}, $token);
}

my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
my ($count, $token) =
  is_counted($superuser, '-c snapshot_worker.session_token=TOKEN');
is($count, 3,
	'the role of the dump with the token of the run is counted as pg_dump');
($count) = is_counted('intruder', '-c snapshot_worker.session_token=TOKEN');
is($count, undef, 'another role with the token of the run is not counted');
($count) =
  is_counted($superuser, "-c snapshot_worker.session_token=$token");
is($count, undef, 'the token of a run that has ended is not counted');
($count) =
  is_counted($superuser, '-c snapshot_worker.session_token=' . '0' x 32);
is($count, undef, 'a made-up token is not counted');
($count) = is_counted($superuser, '-c application_name=snapshot_worker');
is($count, undef, 'the name that pg_dump gives its sessions is not counted');

my (undef, undef, $stderr) = $node->psql(
	'app',
	'SHOW snapshot_worker.session_token',
	connstr => $node->connstr('app') . ' user=intruder');
like(
	$stderr,
	qr/pg_read_all_settings/,
	'a plain role cannot read the token of its session');
(undef, undef, $stderr) =
  $node->psql('app', "SET snapshot_worker.session_token = '$token'");
like(
	$stderr,
	qr/cannot be set after connection start/,
	'no session can take a token later');
is( $node->safe_psql(
		'app',
		"SELECT count(*) FROM pg_settings WHERE name = 'snapshot_worker.session_token'"
	),
	0,
	'pg_settings does not show the token');
my $log = slurp_file($node->logfile);
# the statement above is in there, as any that fails
$log =~ s/^.*STATEMENT:.*$//mg;
unlike($log, qr/$token/, 'the log does not have the token');

# A pg_dump whose sessions the server does not recognize
install_fake_program($node, 'pg_dump', "unset PGOPTIONS\nexec REAL \"\$@\"\n");
# Several jobs write into each other's lines, from which tables are counted.
reload_with($node, jobs => 1);
my $offset = -s $node->logfile;
my ($name) = ask();
ok($name, 'a pg_dump that the server does not recognize gives a snapshot');
is( $node->safe_psql(
		'postgres',
		"SELECT rows IS NULL FROM snapshot_list() WHERE name = '$name'"),
	't',
	'a snapshot whose rows were not counted has unknown rows');
like(
	slurp_file($node->logfile, $offset),
	qr/WARNING: .*the rows of 12 of 12 tables of database "app" were not counted/,
	'the log warns of rows that were not counted');

$node->stop;
done_testing();
