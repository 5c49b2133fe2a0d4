
# Copyright (c) 2026, the snapshot_worker developers

# A table that has not changed is not read again: its file is a hard link to the
# one of the snapshot before, and every snapshot restores by itself.
#
# Promised here: what is read again and what is not, for each kind of change.

use strict;
use warnings;

use DumpCompare;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PsqlSession;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', conf => <<'EOF');
fsync = on
wal_level = replica
max_prepared_transactions = 2
autovacuum = off
snapshot_worker.format = directory
snapshot_worker.jobs = 2
snapshot_worker.retention = 100
snapshot_worker.share_files = off
snapshot_worker.retention_manual = 100
EOF
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOF');
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN short AS varchar(10);
CREATE TABLE plain (id int, t text);
INSERT INTO plain SELECT g, repeat('x', 50) || g FROM generate_series(1, 20000) g;
CREATE TABLE typed (e mood, p pair, d short, r int4range, m int4multirange, a mood[], j jsonb, b bytea, ts timestamptz);
INSERT INTO typed VALUES ('sad', (1, 'x'), 'd', '[1,2)', '{[1,2),[5,9)}', '{sad,glad}', '{"a": 1}', '\x00ff', now());
CREATE TABLE empty (i int);
-- enough for pg_dump to have parallel jobs
CREATE TABLE large AS SELECT g, repeat('x', 1000) AS t FROM generate_series(1, 30000) g;
CREATE TABLE priced (m money);
INSERT INTO priced VALUES (1.5);
CREATE TABLE gone (i int);
INSERT INTO gone SELECT generate_series(1, 1000);
CREATE TABLE big (t text);
ALTER TABLE big ALTER t SET STORAGE EXTERNAL;
INSERT INTO big SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i;
EOF

sub take_app
{
	return $node->safe_psql('postgres', "SELECT snapshot_now('app')");
}

# The inodes of the data files of a snapshot, by the names of their tables.
sub inodes
{
	my ($name) = @_;
	my (undef, @lines) = map { decode_json($_) } slurp_lines("$directory/$name/base.json");
	my %names = map { split /\|/ } split /\n/,
	  $node->safe_psql('app', 'SELECT oid, relname FROM pg_class');

	return { map { ($names{ $_->{oid} } => $_->{inode}) } @lines };
}

# The tables whose files are not those of an earlier snapshot.
sub changed_tables
{
	my ($before, $after) = map { inodes($_) } @_;

	return join ' ',
	  sort grep { ($before->{$_} // 0) != $after->{$_} } keys %$after;
}

my $first = take_app();
is(manifest_of($directory, $first)->{base}, undef, 'the first snapshot reads everything');
ok(!exists inodes($first)->{priced}, 'a table with a money column is always read');
my $second = take_app();
is(manifest_of($directory, $second)->{base}, $first, 'the second snapshot builds on the first');
is(manifest_of($directory, $second)->{tables_same}, 6, 'six tables have not changed');
is(manifest_of($directory, $second)->{tables_read}, 1, 'one table is read');
is(changed_tables($first, $second), '', 'a table that has not changed is a link');
is_deeply([ damages($directory) ], [], 'both snapshots match their manifests');

my $last = $second;
foreach my $change (
	[ 'an insert', 'plain', "INSERT INTO plain VALUES (0, 'new')" ],
	[ 'an update', 'plain', 'UPDATE plain SET id = -1 WHERE id = 5' ],
	[ 'a delete of the tail and VACUUM', 'gone', 'DELETE FROM gone WHERE i > 500', 'VACUUM gone' ],
	[ 'a rollback', 'gone', 'BEGIN; INSERT INTO gone VALUES (1); ROLLBACK' ],
	[ 'no change', '', 'SELECT 1' ],
	[ 'TRUNCATE', 'gone', 'TRUNCATE gone' ],
	[ 'an enum label is renamed', 'typed', "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'" ],
	[ 'an enum label is renamed there and back', 'typed',
		"ALTER TYPE mood RENAME VALUE 'blue' TO 'red'", "ALTER TYPE mood RENAME VALUE 'red' TO 'blue'" ],
	[ 'a composite type gets a column', 'typed', 'ALTER TYPE pair ADD ATTRIBUTE c int' ],
	[ 'a table gets a column', 'empty', 'ALTER TABLE empty ADD c int DEFAULT 3' ],
	[ 'an update of a value out of line', 'big', "UPDATE big SET t = t || 'x'" ],
	[ 'a released savepoint', 'plain', 'BEGIN; SAVEPOINT s; INSERT INTO plain VALUES (1); RELEASE s; COMMIT' ],
	[ 'VACUUM FULL', 'plain', 'VACUUM FULL plain' ],
	[ 'a row lock', 'plain', 'SELECT FROM plain WHERE id = 7 FOR UPDATE' ],
  )
{
	my ($what, $expected, @statements) = @$change;

	$node->safe_psql('app', $_) foreach @statements;
	my $name = take_app();
	is(changed_tables($last, $name), $expected, "after $what, \"$expected\" is read");
	$last = $name;
}

# Without its own commit, a transaction is not in a snapshot, and not forgotten.
$node->safe_psql('app', "BEGIN; INSERT INTO plain VALUES (1); PREPARE TRANSACTION 'x'");
my $prepared = take_app();
$node->safe_psql('app', "COMMIT PREPARED 'x'");
my $committed = take_app();
is(changed_tables($prepared, $committed), 'plain', 'a prepared transaction that commits after a snapshot is in the next one');

# More subtransactions than an MVCC snapshot lists, beside others that it does.
my @open = map { PsqlSession->new($node, 'app') } 1 .. 2;
$open[0]->execute('BEGIN', 'SAVEPOINT s', 'INSERT INTO plain VALUES (2)');
$open[1]->execute('BEGIN', <<'EOF');
DO $$ BEGIN FOR i IN 1 .. 70 LOOP
	BEGIN INSERT INTO gone VALUES (i); EXCEPTION WHEN division_by_zero THEN END;
END LOOP; END $$
EOF
$node->safe_psql('app', 'SELECT txid_current()');
my $beside_many = take_app();
$_->execute('COMMIT') foreach @open;
$_->close_session foreach @open;
is(changed_tables($beside_many, take_app()), 'gone plain', 'rows of many subtransactions that were open are read once committed');

# The next record will be on a page of WAL that has not begun.
$node->safe_psql('postgres', 'SELECT txid_current()');
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
like(take_app(), qr/^app/, 'a snapshot is taken right after a switch of WAL');

# Others make links to files that a run has linked.
my $linked = take_app();
hold_at($node, 'globals saved');
my $run = start_query($node, "SELECT snapshot_now('app')");
wait_until_held($node, 'globals saved');
link "$directory/$linked/globals.sql", $node->basedir . '/globals.link' or die "no link: $!";
link $_, $node->basedir . '/data.link' or die "no link: $!"
  foreach (glob("$directory/$linked/app.dump/*.dat.gz"))[0];
let_go($node);
is((finish_query($run))[1], '', 'a link that others make to a shared file fails no run');

# globals.sql, in snapshots of two databases.
sub globals_of
{
	my ($name) = @_;

	return slurp_file("$directory/$name/globals.sql");
}

sub is_link
{
	my ($one, $other) = map { (stat "$directory/$_/globals.sql")[1] } @_;

	return $one == $other;
}

my $one = take_app();
my $other = $node->safe_psql('postgres', 'SELECT snapshot_now()');
ok(is_link($one, $other), 'while no role has changed, globals.sql is a link, in snapshots of another database, too');
$node->safe_psql('postgres', 'CREATE ROLE carl');
my $with_carl = take_app();
like(globals_of($with_carl), qr/CREATE ROLE carl/, 'globals.sql has a new role');
my $session = PsqlSession->new($node, 'postgres');
$session->execute('BEGIN', 'ALTER ROLE carl CONNECTION LIMIT 5');
my $beside = take_app();
unlike(globals_of($beside), qr/CONNECTION LIMIT/, 'globals.sql lacks a change of a role that is not committed');
$session->execute('COMMIT');
$session->close_session;
like(globals_of(take_app()), qr/CONNECTION LIMIT 5/, 'globals.sql has a change of a role that was open when the one before was written');
$node->safe_psql('postgres', 'DROP ROLE carl');
$node->safe_psql('postgres', 'VACUUM pg_authid');
unlike(globals_of(take_app()), qr/carl/, 'globals.sql lacks a role that was dropped');

is_deeply([ damages($directory) ], [], 'all snapshots match their manifests');
$node->safe_psql('postgres', "SELECT snapshot_restore('$linked', 'back')");
is_same_database($node, 'app', 'back', 'an incremental snapshot restores to the same database');
$node->safe_psql('postgres', "SELECT snapshot_verify('$linked', restore => true)");
unlike(slurp_file($node->logfile), qr/WARNING/, 'no warning is logged');

$node->stop;
done_testing();
