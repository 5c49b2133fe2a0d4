
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Changes of a table's file.  Promised here: what rewrites, replaces, moves or
# freezes rows, or changes them without leaving the plain traces of an INSERT, is
# read, with any wal_level; and each snapshot has the rows that the table has.

use strict;
use warnings;

use IncrementalTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = incremental_node('main');
my $tablespace = $node->basedir . '/space';
mkdir $tablespace or die "could not create $tablespace: $!";
$node->safe_psql('postgres', "CREATE TABLESPACE space LOCATION '$tablespace'");
execute($node, <<'EOF');
CREATE EXTENSION pg_surgery;
CREATE TABLE t (id int PRIMARY KEY, v text);
INSERT INTO t SELECT g, repeat('x', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE other (id int, v text);
CREATE TABLE tail (id int, v text);
INSERT INTO tail SELECT g, repeat('z', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE big (id int, v text);
ALTER TABLE big ALTER v SET STORAGE EXTERNAL;
INSERT INTO big SELECT g, repeat(md5(g::text), 100) FROM generate_series(1, 20) g;
CREATE TABLE parts (id int, v text) PARTITION BY LIST (id);
CREATE TABLE one PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE two PARTITION OF parts FOR VALUES IN (2);
INSERT INTO parts SELECT 1, g FROM generate_series(1, 100) g;
EOF

next_reads($node, $directory, 'everything', 'the first snapshot reads everything');
next_reads($node, $directory, '', 'the second snapshot reads nothing');

my $rows = $node->basedir . '/rows';
append_to_file($rows, join '', map { "$_\tfrozen\n" } 1 .. 100);
reads_after($node, $directory, 'other', 'COPY FREEZE into a truncated table is read',
	"BEGIN; TRUNCATE other; COPY other FROM '$rows' WITH (FREEZE); COMMIT");
reads_after($node, $directory, 'other', 'a table that becomes unlogged is read',
	'ALTER TABLE other SET UNLOGGED');
next_reads($node, $directory, 'other', 'an unlogged table is read each time');
reads_after($node, $directory, 'other', 'a table that becomes logged is read',
	'ALTER TABLE other SET LOGGED');
reads_after($node, $directory, 'other', 'a table that moves to another tablespace is read',
	'ALTER TABLE other SET TABLESPACE space');
next_reads($node, $directory, '', 'a table in another tablespace is the same from then on');
reads_after($node, $directory, 'other', 'a table that moves back is read',
	'ALTER TABLE other SET TABLESPACE pg_default');
reads_after($node, $directory, 't', 'CLUSTER is a change', 'CLUSTER t USING t_pkey');
reads_after($node, $directory, 'other', 'VACUUM FULL is a change', 'VACUUM FULL other');
reads_after($node, $directory, 'other', 'a dropped and new table of the same name is read', <<'EOF');
BEGIN;
DROP TABLE other;
CREATE TABLE other (id int, v text);
INSERT INTO other SELECT g, 'new' FROM generate_series(1, 100) g;
COMMIT
EOF
reads_after($node, $directory, 'one two', 'a row that moves to another partition is read in both',
	q{UPDATE parts SET id = 2 WHERE v = '5'});
reads_after($node, $directory, 'big', 'a replaced value in a TOAST table is read',
	q{UPDATE big SET v = repeat('n', 4000) WHERE id = 1});
reads_after($node, $directory, 'big', 'an update that keeps a value in a TOAST table is read',
	'UPDATE big SET id = 100 WHERE id = 2');
reads_after($node, $directory, 'big', 'new values in the space of a TOAST table are read',
	'DELETE FROM big WHERE id = 3', 'VACUUM big',
	q{INSERT INTO big SELECT 3, repeat('m', 4000)});
reads_after($node, $directory, 'tail', 'VACUUM FREEZE is a change', 'VACUUM FREEZE tail');
next_reads($node, $directory, '', 'frozen rows are the same from then on');
reads_after($node, $directory, 'tail', 'an update of a frozen row is read',
	q{UPDATE tail SET v = 'thawed' WHERE id = 8});
reads_after($node, $directory, 'other', 'rows that pg_surgery kills are a change',
	q{SELECT heap_force_kill('other', ARRAY['(0,1)']::tid[])});
reads_after($node, $directory, 'other', 'a deleted row is read',
	q{DELETE FROM other WHERE ctid = '(0,2)'});
reads_after($node, $directory, 'other', 'a row that pg_surgery brings back is a change',
	q{SELECT heap_force_freeze('other', ARRAY['(0,2)']::tid[])});

# Without WAL, new files are written, whose pages have no LSN.
execute($node, 'CREATE TABLE fresh (id int, v text)');
$node->append_conf('postgresql.conf',
	"wal_level = minimal\nmax_wal_senders = 0\nwal_skip_threshold = 0");
$node->restart;
next_reads($node, $directory, 'fresh', 'with wal_level = minimal, a new table is read');
next_reads($node, $directory, '', 'with wal_level = minimal, an unchanged table is the same');
reads_after($node, $directory, 'fresh', 'with wal_level = minimal, COPY FREEZE is read',
	"BEGIN; TRUNCATE fresh; COPY fresh FROM '$rows' WITH (FREEZE); COMMIT");
next_reads($node, $directory, '', 'with wal_level = minimal, such a table is the same from then on');
my $others = $node->basedir . '/others';
append_to_file($others, join '', map { "$_\tthawed\n" } 1 .. 100);
reads_after($node, $directory, 'fresh',
	'with wal_level = minimal, a table whose rows are replaced by as many others is read',
	"BEGIN; TRUNCATE fresh; COPY fresh FROM '$others' WITH (FREEZE); COMMIT");
reads_after($node, $directory, 'fresh', 'with wal_level = minimal, a new table of the same name is read',
	"BEGIN; DROP TABLE fresh; CREATE TABLE fresh (id int, v text); COPY fresh FROM '$rows' WITH (FREEZE); COMMIT");
reads_after($node, $directory, 't', 'with wal_level = minimal, CLUSTER is a change',
	'CLUSTER t USING t_pkey');
reads_after($node, $directory, 'fresh', 'with wal_level = minimal, a table that moves is read',
	'ALTER TABLE fresh SET TABLESPACE space');

is_deeply([ damages($directory) ], [], 'all snapshots match their manifests');
$node->stop;
done_testing();
