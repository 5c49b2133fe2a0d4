
# Copyright (c) 2026, the snapshot_worker developers

# Snapshots before drops.  Promised here: nothing that is meant to be saved is
# destroyed without a snapshot that has it; who may not destroy it causes none;
# what cannot be saved is not destroyed, and its error says how to do that all
# the same; nothing waits for itself; and no more snapshots are taken than that.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', conf => <<'EOF');
autovacuum = off
snapshot_worker.retention = 1000
snapshot_worker.globals = off
snapshot_worker.before_drop = table
snapshot_worker.before_drop_size = '100kB'
EOF
my $without = qr/HINT:.*SET snapshot_worker\.before_drop = off/;

$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN; CREATE ROLE owner LOGIN; CREATE DATABASE app OWNER owner');
$node->safe_psql('app', 'CREATE EXTENSION snapshot_worker; GRANT CREATE, USAGE ON SCHEMA public TO owner, plain');

# How many snapshots of a database there are.
sub count_snapshots
{
	my ($folder) = @_;

	return scalar snapshots($directory, $folder // 'app');
}

# Make a table of some size.
sub make_table
{
	my ($table, $rows, $database) = @_;

	$node->safe_psql($database // 'app',
		"CREATE TABLE $table AS SELECT g AS a, md5(g::text) AS b FROM generate_series(1, $rows) g; ALTER TABLE $table OWNER TO owner");
	return;
}

# Run a query in a database, perhaps as a role; its errors and notices.
sub said
{
	my ($query, $database, $role) = @_;
	my (undef, undef, $stderr) = $node->psql($database // 'app', $query,
		extra_params => [ defined $role ? ('-U', $role) : () ]);

	return $stderr;
}

# Rows of a table in the newest snapshot, as pg_restore gives them.
sub rows_in_snapshot
{
	my ($table, $folder) = @_;
	my $name = (snapshots($directory, $folder // 'app'))[-1];
	my ($dump) = glob("$directory/$name/*.dump");
	my $data = '';

	IPC::Run::run([ 'pg_restore', '--data-only', "--table=$table", '--file=-', $dump ],
		'>', \$data) or die;
	return scalar(() = $data =~ /^\d+\t/mg);
}

# Each statement that is meant.
foreach my $case (
	[ 'DROP TABLE', 'DROP TABLE doomed' ],
	[ 'TRUNCATE', 'TRUNCATE doomed' ],
	[ 'ALTER TABLE ... DROP COLUMN', 'ALTER TABLE doomed DROP COLUMN b' ],
	[ 'DROP SCHEMA ... CASCADE', 'DROP SCHEMA public CASCADE' ],
	[ 'DROP TABLE in a DO block', q{DO $$ BEGIN EXECUTE 'DROP TABLE doomed'; END $$} ],
	[ 'DROP TABLE IF EXISTS', 'DROP TABLE IF EXISTS nosuch, doomed' ],
	[ 'a transaction block that begins with it', 'BEGIN; DROP TABLE doomed; COMMIT' ])
{
	my ($what, $query) = @$case;

	make_table('doomed', 5000);
	my $before = count_snapshots();
	like(said("SET search_path = public; $query"), qr/NOTICE:  snapshot "app\/.*" was taken before /,
		"$what waits for a snapshot");
	is(count_snapshots(), $before + 1, "$what: there is one");
	is(rows_in_snapshot('doomed'), 5000, "$what: it has what was destroyed");
	is( $node->safe_psql('postgres', "SELECT reason FROM snapshot_list() LIMIT 1"),
		'before drop', "$what: it tells why it was taken");
	$node->safe_psql('app', 'CREATE SCHEMA IF NOT EXISTS public; SET client_min_messages = error; CREATE EXTENSION IF NOT EXISTS snapshot_worker SCHEMA public; GRANT CREATE, USAGE ON SCHEMA public TO owner, plain; SET snapshot_worker.before_drop = off; DROP TABLE IF EXISTS doomed');
}

# DROP DATABASE, of one that others are in with force.
foreach my $query ('DROP DATABASE victim', 'DROP DATABASE victim WITH (FORCE)')
{
	$node->safe_psql('postgres', 'CREATE DATABASE victim');
	make_table('doomed', 100, 'victim');
	my $session = $query =~ /FORCE/ ? start_query($node, 'SELECT pg_sleep(1000)', 'victim') : undef;
	my $before = count_snapshots('victim');
	like(said($query, 'postgres'),
		qr/NOTICE:  snapshot "victim\/.*" was taken before DROP DATABASE/,
		"$query waits for a snapshot");
	is(count_snapshots('victim'), $before + 1, "$query: there is one");
	is(rows_in_snapshot('doomed', 'victim'), 100, "$query: it has what was dropped");
	is( $node->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = 'victim'"),
		'0', "$query: it is dropped");
	finish_query($session) if $session;
}
is(said("SELECT snapshot_restore('" . (snapshots($directory, 'victim'))[-1] . "', 'victim')", 'postgres'),
	'', 'what was dropped comes back');
is($node->safe_psql('victim', 'SELECT count(*) FROM doomed'), '100', 'with its rows');

# What is not meant.
make_table('doomed', 5000);
make_table('small', 10);
$node->safe_psql('app', <<'EOF');
CREATE UNLOGGED TABLE fast AS SELECT * FROM doomed;
CREATE TABLE parent (LIKE doomed) PARTITION BY RANGE (a);
CREATE TABLE child PARTITION OF parent DEFAULT;
INSERT INTO parent SELECT * FROM doomed;
CREATE VIEW seen AS SELECT * FROM small;
CREATE TABLE vanishing AS SELECT * FROM doomed;
TRUNCATE vanishing;
EOF
my $count = count_snapshots();
foreach my $query (
	'DROP TABLE small CASCADE', 'DROP TABLE fast',
	'TRUNCATE vanishing', 'DROP TABLE vanishing',
	'DROP TABLE nosuch', 'DROP TABLE IF EXISTS nosuch',
	'DROP TABLE doomed, nosuch', 'TRUNCATE nosuch',
	'ALTER TABLE doomed DROP COLUMN nosuch', 'ALTER TABLE doomed ADD COLUMN c int',
	'CREATE TEMP TABLE t AS SELECT * FROM doomed; DROP TABLE t',
	'DROP VIEW doomed', 'DROP DATABASE nosuch', 'DROP DATABASE app',
	'DROP DATABASE template1', 'BEGIN; DROP DATABASE victim',
	'BEGIN READ ONLY; DROP TABLE doomed',
	'SET snapshot_worker.before_drop = database; CREATE TABLE copy AS SELECT * FROM doomed; DROP TABLE copy')
{
	unlike(said($query), qr/snapshot/, "no snapshot is taken before: $query");
}
unlike(said($_, 'app', 'plain'), qr/snapshot/, "nor for who may not do it: $_")
  foreach 'DROP TABLE doomed', 'TRUNCATE doomed', 'ALTER TABLE doomed DROP COLUMN b',
  'DROP SCHEMA public CASCADE', 'DROP DATABASE victim';
is(count_snapshots(), $count, 'there are no more than before');
is($node->safe_psql('app', 'SELECT count(*) FROM doomed'), '5000', 'the table is as it was');
like(said('DROP TABLE parent'), qr/was taken before DROP TABLE/,
	'the partitions of a table count with it');
is(count_snapshots(), ++$count, 'that is one more');

# What cannot be saved is not destroyed.
reload_with($node, bin_directory => $node->basedir);
like(said($_), qr/ERROR:  could not take a snapshot of database "app".*$without.*CONTEXT:.*was not executed/s,
	"without pg_dump there is an error before: $_")
  foreach 'DROP TABLE doomed', 'TRUNCATE doomed';
like(said('DROP DATABASE victim', 'postgres'),
	qr/ERROR:  could not take a snapshot of database "victim".*$without/s,
	'and before DROP DATABASE');
is($node->safe_psql('app', 'SELECT count(*) FROM doomed'), '5000', 'nothing is destroyed');
is($node->safe_psql('victim', 'SELECT count(*) FROM doomed'), '100', 'in neither');
like(said('SET snapshot_worker.before_drop = off', 'app', 'owner'), qr/permission denied/,
	'only a superuser can go without');
is(said('SET snapshot_worker.before_drop = off; CREATE TABLE x AS SELECT * FROM doomed; DROP TABLE x'),
	'', 'as the hint says');
reload_with($node, bin_directory => '');
$node->safe_psql('postgres', 'ALTER DATABASE victim ALLOW_CONNECTIONS false');
like(said('DROP DATABASE victim', 'postgres'),
	qr/ERROR:  database "victim" does not allow connections.*$without/s,
	'a database that cannot be dumped is not dropped');
$node->safe_psql('postgres', "UPDATE pg_database SET datconnlimit = -2, datallowconn = true WHERE datname = 'victim'");
is(said('DROP DATABASE victim', 'postgres'), '', 'one whose DROP was interrupted is');

# Nothing waits for itself.
$count = count_snapshots();
foreach my $case (
	[ 'a transaction that has written', 'BEGIN; CREATE TABLE y (); DROP TABLE doomed' ],
	[ 'a transaction that has read a table', 'BEGIN; SELECT count(*) FROM small2; DROP TABLE doomed' ],
	[ 'a transaction that has locked a table', 'BEGIN; LOCK TABLE small2 IN ACCESS SHARE MODE; TRUNCATE doomed' ],
	[ 'a DO block that has written', q{DO $$ BEGIN INSERT INTO small2 VALUES (1); EXECUTE 'DROP TABLE doomed'; END $$} ])
{
	my ($what, $query) = @$case;

	$node->safe_psql('app', 'CREATE TABLE IF NOT EXISTS small2 (a int)', on_error_stop => 0);
	like(said($query), qr/ERROR:  cannot .* in a transaction that has (written|locked a table).*HINT:  Commit first\..*before_drop = off/s,
		"refused, with a hint: $what");
}
is(count_snapshots(), $count, 'no snapshot is taken for these');

# A young snapshot that has all there is.
$node->safe_psql('app', 'CHECKPOINT');
$node->safe_psql('app', "ALTER SYSTEM SET snapshot_worker.before_drop_max_age = '1h'");
reload_with($node);
$node->safe_psql('app', "SELECT snapshot_now()");
$count = count_snapshots();
like(said('BEGIN; SELECT count(*) FROM small2; DROP TABLE doomed; ROLLBACK'),
	qr/NOTICE:  snapshot "\Q@{[ (snapshots($directory, 'app'))[-1] ]}\E" was taken before/,
	'a young snapshot will do, in a transaction that has read, too');
is(count_snapshots(), $count, 'there is no other one');
$node->safe_psql('postgres', 'CREATE TABLE elsewhere ()');
like(said('BEGIN; SELECT count(*) FROM small2; DROP TABLE doomed; ROLLBACK'),
	qr/ERROR:  cannot wait/, 'but not once something was written, wherever it is');
like(said('TRUNCATE doomed'), qr/was taken before TRUNCATE/, 'then another one is taken');
is(count_snapshots(), ++$count, 'it is there');
is(rows_in_snapshot('doomed'), 5000, 'and has what there was');
$node->safe_psql('app', 'INSERT INTO doomed SELECT g, md5(g::text) FROM generate_series(1, 5000) g');
my $newest = $node->safe_psql('app', 'SELECT snapshot_now()');
append_to_file("$directory/$newest/verified.json",
	qq({"name": "$newest", "verified_at": "2026-01-01T00:00:00.000000Z", "level": "archive", "problem": "bad"}\n));
$count = count_snapshots();
said('TRUNCATE doomed');
is(count_snapshots(), $count + 1, 'one that failed its verification will not do');
$node->safe_psql('app', "ALTER SYSTEM RESET snapshot_worker.before_drop_max_age");
reload_with($node);

# Canceled while it waits.
$node->safe_psql('app', 'INSERT INTO doomed SELECT g, md5(g::text) FROM generate_series(1, 5000) g');
hold_at($node, 'dumped');
my $session = start_query($node, 'DROP TABLE doomed', 'app');
wait_until_held($node, 'dumped');
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query = 'DROP TABLE doomed'");
like((finish_query($session))[1], qr/canceling statement/, 'a statement that waits can be canceled');
let_go($node);
is($node->safe_psql('app', 'SELECT count(*) FROM doomed'), '5000', 'then it is not executed');
wait_until('and the snapshot comes to its end all the same',
	sub { $node->safe_psql('app', 'SELECT count(*) FROM snapshot_progress()') eq '0' });

# The run is stopped instead, or the launcher.
hold_at($node, 'dumped');
$session = start_query($node, 'DROP TABLE doomed', 'app');
wait_until_held($node, 'dumped');
$node->safe_psql('app', "SELECT snapshot_cancel('app')");
like((finish_query($session))[1], qr/ERROR:.*canceling/, 'a snapshot that is canceled is none');
let_go($node);
is($node->safe_psql('app', 'SELECT count(*) FROM doomed'), '5000', 'then nothing is dropped');
hold_at($node, 'dumped');
$session = start_query($node, 'DROP TABLE doomed', 'app');
wait_until_held($node, 'dumped');
my $launcher = $node->safe_psql('app', 'SELECT launcher_pid FROM snapshot_status()');
kill 'TERM', $launcher;
wait_until('there is another launcher',
	sub { $node->safe_psql('app', "SELECT launcher_pid <> $launcher FROM snapshot_status()") eq 't' });
let_go($node);
like((finish_query($session))[1], qr/NOTICE:.*was taken before/, 'a launcher that goes does not matter');

# Many at once.
make_table("many$_", 3000) foreach 1 .. 6;
my @sessions = map { start_query($node, "DROP TABLE many$_", 'app') } 1 .. 6;
like((finish_query($_))[1], qr/^NOTICE:.*was taken before DROP TABLE$/m, 'one of many drops at once')
  foreach @sessions;
is($node->safe_psql('app', "SELECT count(*) FROM pg_class WHERE relname LIKE 'many_'"),
	'0', 'all are dropped');

# Off.
reload_with($node, before_drop => 'off');
make_table('doomed', 5000);
$count = count_snapshots();
is(said('DROP TABLE doomed'), '', 'when it is off, nothing is said');
is(count_snapshots(), $count, 'and no snapshot taken');

$node->stop;
done_testing();
