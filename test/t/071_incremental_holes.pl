
# Copyright (c) 2026, the snapshot_worker developers

# Changes that an incremental snapshot could miss.  Promised here: rows that
# change without leaving the plain traces of an INSERT, and changes by
# transactions that are in progress while the base is taken, are read; each
# snapshot has the rows that the table has.

use strict;
use warnings;

use IncrementalTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PsqlSession;
use SnapshotTest;
use Test::More;

my ($node, $directory) = incremental_node('main', conf => <<'EOF');
max_prepared_transactions = 5
EOF
my $tablespace = $node->basedir . '/space';
mkdir $tablespace or die "could not create $tablespace: $!";
$node->safe_psql('postgres', "CREATE TABLESPACE space LOCATION '$tablespace'");
$node->safe_psql('app', <<'EOF');
CREATE EXTENSION pg_surgery;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE moods (m mood);
INSERT INTO moods SELECT 'sad' FROM generate_series(1, 300);
CREATE TABLE t (id int PRIMARY KEY, v text) WITH (fillfactor = 50);
INSERT INTO t SELECT g, repeat('x', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE other (id int, v text);
INSERT INTO other SELECT g, repeat('y', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE tail (id int, v text);
INSERT INTO tail SELECT g, repeat('z', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE child (id int REFERENCES t);
INSERT INTO child VALUES (1);
CREATE TABLE big (id int, v text);
ALTER TABLE big ALTER v SET STORAGE EXTERNAL;
INSERT INTO big SELECT g, repeat(md5(g::text), 100) FROM generate_series(1, 20) g;
CREATE TABLE parts (id int, v text) PARTITION BY LIST (id);
CREATE TABLE one PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE two PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts SELECT 1, g FROM generate_series(1, 100) g;
EOF

# The tables that the next snapshot reads are as expected, and its rows right.
sub next_reads
{
	my ($expected, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_read($node, $directory, take_app($node), $expected, $test_name);
}

# Execute statements before a snapshot.
sub reads_after
{
	my ($expected, $test_name, @statements) = @_;

	execute($node, @statements);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return next_reads($expected, $test_name);
}

next_reads('everything', 'the first snapshot reads everything');
next_reads('', 'the second snapshot reads nothing');

# Transactions in progress while the base is taken.
execute($node, 'VACUUM tail');
my $session = PsqlSession->new($node, 'app');
in_session($session, q{BEGIN; DELETE FROM tail WHERE ctid >= '(16,0)'});
next_reads('tail', 'a table whose rows are being deleted is read');
in_session($session, 'COMMIT');
my $blocks = q{SELECT pg_relation_size('tail') / 8192};
my $before = $node->safe_psql('app', $blocks);
execute($node, 'VACUUM tail');
cmp_ok($node->safe_psql('app', $blocks), '<', $before,
	'VACUUM cuts off a tail');
next_reads('tail',
	'a tail that is cut off after its delete was open at the base is a change');
next_reads('', 'the cut table is the same from then on');

in_session($session,
	q{BEGIN; SAVEPOINT a; INSERT INTO t VALUES (-1, 'a'); RELEASE a});
next_reads('t', 'a table with rows of a savepoint in progress is read');
in_session($session, 'COMMIT');
next_reads('t',
	'rows of a savepoint that was open at the base are read once committed');
in_session($session, <<'EOF');
BEGIN;
SAVEPOINT a;
DELETE FROM t WHERE id = -1;
ROLLBACK TO a;
INSERT INTO other VALUES (-1, 'b')
EOF
next_reads('other t',
	'a table with rows of a savepoint that was rolled back is read');
in_session($session, 'COMMIT');
next_reads('other',
	'a savepoint that was rolled back before the base is no later change');

my $many = join '; ',
  map { "SAVEPOINT s$_; INSERT INTO t VALUES (-100 - $_, '$_')" } 1 .. 80;
in_session($session, "BEGIN; $many");
next_reads('t',
	'a table with rows of more savepoints than an MVCC snapshot lists is read');
in_session($session, 'COMMIT');
next_reads('t', 'rows of many savepoints are read once they are committed');
next_reads('', 'a table with such rows is the same from then on');

in_session($session, q{BEGIN; INSERT INTO other VALUES (-2, 'long')});
execute($node, q{INSERT INTO t VALUES (-2, 'short')},
	q{INSERT INTO moods VALUES ('glad')});
next_reads('moods other t',
	'tables that were written beside a long transaction are read');
next_reads('other', 'a long transaction makes no other table look changed');
next_reads('other', 'a table that an open transaction wrote is read each time');
in_session($session, 'COMMIT');
next_reads('other', 'a long transaction is read when it has committed');
next_reads('', 'a long transaction is read once');

in_session($session, q{BEGIN; UPDATE t SET v = 'hot' WHERE id = 7});
next_reads('t', 'a table with an open HOT update is read');
in_session($session, 'COMMIT');
execute($node, 'SELECT count(*) FROM t', 'VACUUM t');
next_reads('t',
	'a HOT update that was open at the base, and is pruned, is a change');

execute($node, <<'EOF');
BEGIN;
DELETE FROM other WHERE id < 10;
SAVEPOINT a;
INSERT INTO other VALUES (-3, 'p');
PREPARE TRANSACTION 'p'
EOF
next_reads('other', 'a table that a prepared transaction has written is read');
$session->close_session;
$node->restart;
next_reads('other', 'a prepared transaction is still in progress after a restart');
execute($node, q{COMMIT PREPARED 'p'});
next_reads('other', 'a prepared transaction is read when it has committed');
next_reads('', 'a prepared transaction is read once');

# Row locks.
$session = PsqlSession->new($node, 'app');
my $second = PsqlSession->new($node, 'app');
in_session($session, 'BEGIN; SELECT FROM t WHERE id = 1 FOR UPDATE');
next_reads('t', 'a table with a new row lock is read');
next_reads('', 'a row that stays locked is no change');
in_session($session, 'COMMIT');
next_reads('', 'the end of a row lock is no change');
in_session($_, 'BEGIN; SELECT FROM t WHERE id = 2 FOR SHARE')
  foreach $session, $second;
next_reads('t', 'a table with a row that two transactions have locked is read');
next_reads('', 'a row that two transactions keep locked is no change');
in_session($_, 'COMMIT') foreach $session, $second;
in_session($session, 'BEGIN; SELECT FROM t WHERE id = 3 FOR KEY SHARE');
in_session($second, q{BEGIN; UPDATE t SET v = 'multi' WHERE id = 3});
next_reads('t', 'a table with a row that is locked and being updated is read');
in_session($_, 'COMMIT') foreach $second, $session;
next_reads('t', 'an update beside a row lock is read when it has committed');
next_reads('t', 'a table with a row that was locked and updated is read until VACUUM');
execute($node, 'VACUUM t');
next_reads('t', 'VACUUM of such a table is a change');
next_reads('', 'after VACUUM, such a table is the same');
reads_after('child t', 'a foreign key that locks a row is read in both tables',
	'INSERT INTO child VALUES (2)');
$_->close_session foreach $session, $second;

# Changes of a table's file, or without the usual traces in it.
my $rows = $node->basedir . '/rows';
append_to_file($rows, join '', map { "$_\tfrozen\n" } 1 .. 100);
reads_after('other', 'COPY FREEZE into a truncated table is read',
	"BEGIN; TRUNCATE other; COPY other FROM '$rows' WITH (FREEZE); COMMIT");
reads_after('other', 'a table that becomes unlogged is read',
	'ALTER TABLE other SET UNLOGGED');
next_reads('other', 'an unlogged table is read each time');
reads_after('other', 'a table that becomes logged is read',
	'ALTER TABLE other SET LOGGED');
reads_after('other', 'a table that moves to another tablespace is read',
	'ALTER TABLE other SET TABLESPACE space');
next_reads('', 'a table in another tablespace is the same from then on');
reads_after('other', 'a table that moves back is read',
	'ALTER TABLE other SET TABLESPACE pg_default');
reads_after('t', 'CLUSTER is a change', 'CLUSTER t USING t_pkey');
reads_after('other', 'VACUUM FULL is a change', 'VACUUM FULL other');
reads_after('other', 'a dropped and new table of the same name is read', <<'EOF');
BEGIN;
DROP TABLE other;
CREATE TABLE other (id int, v text);
INSERT INTO other SELECT g, 'new' FROM generate_series(1, 100) g;
COMMIT
EOF
reads_after('one two', 'a row that moves to another partition is read in both',
	q{UPDATE parts SET id = 2 WHERE v = '5'});
reads_after('big', 'a replaced value in a TOAST table is read',
	q{UPDATE big SET v = repeat('n', 4000) WHERE id = 1});
reads_after('big', 'an update that keeps a value in a TOAST table is read',
	'UPDATE big SET id = 100 WHERE id = 2');
reads_after('big', 'new values in the space of a TOAST table are read',
	'DELETE FROM big WHERE id = 3', 'VACUUM big',
	q{INSERT INTO big SELECT 3, repeat('m', 4000)});
reads_after('tail', 'VACUUM FREEZE is a change', 'VACUUM FREEZE tail');
next_reads('', 'frozen rows are the same from then on');
reads_after('tail', 'an update of a frozen row is read',
	q{UPDATE tail SET v = 'thawed' WHERE id = 8});
reads_after('other', 'rows that pg_surgery kills are a change',
	q{SELECT heap_force_kill('other', ARRAY['(0,1)']::tid[])});
reads_after('other', 'a deleted row is read',
	q{DELETE FROM other WHERE ctid = '(0,2)'});
reads_after('other', 'a row that pg_surgery brings back is a change',
	q{SELECT heap_force_freeze('other', ARRAY['(0,2)']::tid[])});

# Changes while COPY runs, in databases with one table each.
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(names rows);
$node->safe_psql('names', <<'EOF');
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE moods (m mood);
INSERT INTO moods SELECT 'sad' FROM generate_series(1, 300);
EOF
my $run = start_held($node, 'names', 'table examined');
$node->safe_psql('names', q{ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'});
go_on($node, $run, 'table copied');
$node->safe_psql('names', q{ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'});
my $name = go_on($node, $run);
like(rows_in(files_of($directory, $name)->{'public.moods'}), qr/^blue$/m,
	'COPY writes a label that is renamed beside it');
is_read($node, $directory, take_snapshot($node, 'names'), 'moods',
	'a label that was renamed and renamed back while COPY ran is read again');
is_read($node, $directory, take_snapshot($node, 'names'), '',
	'such a label is read again once');

$node->safe_psql('rows', <<'EOF');
CREATE TABLE r AS SELECT g AS id, repeat('r', 100) AS v FROM generate_series(1, 1000) g
EOF

# Take a base while rows at the end of a table are deleted and VACUUM runs.
sub delete_beside_copy
{
	my ($step, $test_name) = @_;

	$run = start_held($node, 'rows', $step);
	# old_snapshot_threshold is about transactions with later ones after them
	$node->safe_psql('rows', $_)
	  foreach <<'EOF', ('SELECT txid_current()') x 3, 'VACUUM r';
DELETE FROM r WHERE ctid >=
  (SELECT format('(%s,0)', max((ctid::text::point)[0]::int) - 1)::tid FROM r)
EOF
	go_on($node, $run);
	$node->safe_psql('rows', 'VACUUM r');
	is_right($node, $directory, take_snapshot($node, 'rows'), $test_name);
	return;
}

delete_beside_copy('table examined',
	'rows that are deleted as COPY starts are not in the next snapshot');
delete_beside_copy('table copied',
	'rows that are deleted as COPY ends are not in the next snapshot');
is_read($node, $directory, take_snapshot($node, 'rows'), '',
	'a table that was written beside an earlier COPY is the same again');

# Settings of the server that let changes go without a trace.
execute($node, 'CREATE TABLE fresh (id int, v text)');
$node->append_conf('postgresql.conf',
	"wal_level = minimal\nmax_wal_senders = 0");
$node->restart;
next_reads('fresh', 'with wal_level = minimal, a new table is read');
next_reads('', 'with wal_level = minimal, an unchanged table is the same');
reads_after('fresh', 'with wal_level = minimal, COPY FREEZE is read',
	"BEGIN; TRUNCATE fresh; COPY fresh FROM '$rows' WITH (FREEZE); COMMIT");
reads_after('fresh', 'with wal_level = minimal, a new table of the same name is read',
	"BEGIN; DROP TABLE fresh; CREATE TABLE fresh (id int, v text); COPY fresh FROM '$rows' WITH (FREEZE); COMMIT");
reads_after('t', 'with wal_level = minimal, CLUSTER is a change',
	'CLUSTER t USING t_pkey');
reads_after('fresh', 'with wal_level = minimal, a table that moves is read',
	'ALTER TABLE fresh SET TABLESPACE space');

# VACUUM may remove what an old MVCC snapshot still sees.
SKIP:
{
	skip 'there is no old_snapshot_threshold', 1 if $node->pg_version >= 17;
	$node->append_conf('postgresql.conf', 'old_snapshot_threshold = 0');
	$node->restart;
	delete_beside_copy('table copied',
		'rows that old_snapshot_threshold gives to VACUUM are not in the next snapshot');
}

is_deeply([ damages($directory) ], [], 'all snapshots match their manifests');
$node->stop;
done_testing();
