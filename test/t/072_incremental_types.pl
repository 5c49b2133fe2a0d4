
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Definitions and types.  Promised here: a table whose text can change while its
# rows do not is read; the rows of one that keeps its text are not; and what no
# COPY of a table's own rows gives is in every snapshot.

use strict;
use warnings;

use DumpCompare;
use IncrementalTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = incremental_node('main');

# Execute statements before a snapshot.  Later ones must read nothing but what
# is read each time.
my $always = '';

sub reads_once_after
{
	my ($expected, $test_name, @statements) = @_;

	execute($node, @statements);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	next_reads($node, $directory, $expected, $test_name);
	is(tables_read($directory, take_app($node)), $always, "$test_name: once");
	return;
}

# Tables of all kinds of types.
my %same = (
	arrays => 'int[]',
	bits => 'varbit',
	bytes => 'bytea',
	chars => 'char(5)',
	dates => 'interval',
	domains => 'short',
	enums => 'mood',
	floats => 'float8',
	inets => 'inet',
	jsons => 'jsonb',
	multis => 'int4multirange',
	nested => 'outer_pair[]',
	numbers => 'numeric',
	oids => 'oid',
	pairs => 'pair',
	points => 'polygon',
	ranges => 'moods',
	rowtypes => 'numbers',
	stamps => 'timestamptz',
	texts => 'citext',
	vectors => 'tsvector',
	xmls => 'xml',);
my %read = (
	acls => 'aclitem',
	classes => 'regclass',
	hstores => 'hstore',
	moneys => 'money',
	money_arrays => 'money[]',
	money_domains => 'price',
	money_pairs => 'priced',
	money_ranges => 'money_range',
	procs => 'regprocedure',
	roles => 'regrole',
	types => 'regtype',);

execute($node, <<'EOF');
CREATE EXTENSION citext;
CREATE EXTENSION hstore;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TYPE pair AS (a int, b mood);
CREATE TYPE outer_pair AS (p pair, t text);
CREATE TYPE moods AS RANGE (subtype = mood);
CREATE DOMAIN short AS varchar(10);
CREATE DOMAIN price AS money;
CREATE TYPE priced AS (m money);
CREATE TYPE money_range AS RANGE (subtype = money);
EOF
execute($node,
	map { "CREATE TABLE $_->[0] (v $_->[1]); INSERT INTO $_->[0] VALUES (NULL)" }
	map { my $types = $_; map { [ $_, $types->{$_} ] } sort keys %$types }
	\%same, \%read);
execute($node, <<'EOF');
INSERT INTO arrays VALUES ('{1,2}');
INSERT INTO bytes VALUES ('\x00ff');
INSERT INTO dates VALUES ('1 day');
INSERT INTO enums VALUES ('sad');
INSERT INTO nested VALUES ('{"(\"(1,sad)\",x)"}');
INSERT INTO pairs VALUES ('(1,sad)');
INSERT INTO ranges VALUES ('[sad,glad]');
INSERT INTO stamps VALUES (now());
INSERT INTO texts VALUES ('Case');
INSERT INTO hstores VALUES ('a=>1');
INSERT INTO moneys VALUES (1.5);
INSERT INTO classes VALUES ('moneys');
INSERT INTO roles VALUES ('postgres');
EOF
take_app($node);
$always = join ' ', sort keys %read;
next_reads($node, $directory, $always,
	'tables of types whose text depends on more than the value are read each time');
execute($node, 'ALTER TABLE moneys RENAME TO coins');
$always =~ s/moneys/coins/;
$always = join ' ', sort split / /, $always;
next_reads($node, $directory, $always, 'a value of type regclass has the new name of a table');
execute($node,
	'DROP TABLE ' . join(', ', split / /, $always));
$always = '';

reads_once_after('enums nested pairs ranges',
	'a new name of a label of an enum is read wherever the enum is used',
	q{ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'});
reads_once_after('enums nested pairs ranges',
	'a new label of an enum is a change',
	q{ALTER TYPE mood ADD VALUE 'angry'});
reads_once_after('nested pairs',
	'a new attribute of a composite type is read wherever the type is used',
	'ALTER TYPE pair ADD ATTRIBUTE c int');
reads_once_after('numbers rowtypes',
	'a new column is read wherever the row type of the table is used',
	'ALTER TABLE numbers ADD w text');
reads_once_after('domains', 'a renamed column is read',
	'ALTER TABLE domains RENAME v TO w');
reads_once_after('bits', 'an added column is read', 'ALTER TABLE bits ADD w int');
reads_once_after('bits', 'a dropped column is a change', 'ALTER TABLE bits DROP w');
reads_once_after('chars', 'a type that changes without a rewrite is a change',
	'ALTER TABLE chars ALTER v TYPE text');
reads_once_after('texts', 'a type that changes with a rewrite is a change',
	'ALTER TABLE texts ALTER v TYPE text USING upper(v)');
reads_once_after('floats', 'a column with a default for older rows is read',
	'ALTER TABLE floats ADD w int DEFAULT 5');
reads_once_after('floats', 'a column that is dropped and added with another default is read',
	'ALTER TABLE floats DROP w', 'ALTER TABLE floats ADD w int DEFAULT 6');
reads_once_after('inets', 'a generated column is not in the data of a table',
	'ALTER TABLE inets ADD w text GENERATED ALWAYS AS (host(v)) STORED');

# What keeps the text of all rows.
sub same_after
{
	my ($test_name, @statements) = @_;

	execute($node, @statements);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return next_reads($node, $directory, '', $test_name);
}

same_after('a renamed table is the same', 'ALTER TABLE xmls RENAME TO documents');
same_after('a table in another schema is the same',
	'CREATE SCHEMA elsewhere', 'ALTER TABLE documents SET SCHEMA elsewhere');
same_after('a column that is added and dropped is no change',
	'ALTER TABLE bits ADD w int', 'ALTER TABLE bits DROP w');
same_after('an index, a privilege and a comment are no change', <<'EOF');
CREATE INDEX ON oids (v);
GRANT SELECT ON oids TO PUBLIC;
COMMENT ON TABLE oids IS 'c';
ANALYZE oids
EOF
same_after('settings of the database are no change',
	q{ALTER DATABASE app SET bytea_output = 'escape'},
	q{ALTER DATABASE app SET IntervalStyle = 'sql_standard'},
	q{ALTER DATABASE app SET TimeZone = 'Asia/Tokyo'},
	q{ALTER DATABASE app SET extra_float_digits = -15});
execute($node, q{ALTER DATABASE app SET DateStyle = 'German, DMY'});
is_right($node, $directory, take_app($node),
	'with another DateStyle of the database, dates are written in ISO style');
execute($node, 'ALTER DATABASE app RESET ALL');

# Two tables that exchange their names.
execute($node, 'CREATE TABLE a (v int); INSERT INTO a VALUES (1)',
	'CREATE TABLE b (v int); INSERT INTO b VALUES (2)');
take_app($node);
same_after('tables that exchange their names are the same',
	'BEGIN; ALTER TABLE a RENAME TO c; ALTER TABLE b RENAME TO a; ALTER TABLE c RENAME TO b; COMMIT');
execute($node, 'DROP TABLE a, b');

# Partitions and inheritance.
execute($node, <<'EOF');
CREATE TABLE parts (id int, v text) PARTITION BY LIST (id);
CREATE TABLE one PARTITION OF parts FOR VALUES IN (1);
CREATE TABLE two (v text, id int);
CREATE TABLE parent (id int);
CREATE TABLE heir (v text) INHERITS (parent);
INSERT INTO one VALUES (1, 'one');
INSERT INTO two VALUES ('two', 2);
INSERT INTO parent VALUES (1);
INSERT INTO heir VALUES (2, 'heir');
EOF
take_app($node);
execute($node, 'ALTER TABLE parts ATTACH PARTITION two FOR VALUES IN (2)');
is_right($node, $directory, take_app($node), 'an attached partition keeps its rows');
execute($node, 'ALTER TABLE parts DETACH PARTITION one');
is_right($node, $directory, take_app($node), 'a detached partition keeps its rows');
take_app($node);
reads_once_after('heir', 'rows of an heir are no change of its parent',
	q{INSERT INTO heir VALUES (3, 'new')});

# Row security, access methods, tables without columns.
execute($node, 'ALTER TABLE one ENABLE ROW LEVEL SECURITY');
next_reads($node, $directory, 'one', 'a table with row security is read');
next_reads($node, $directory, 'one', 'a table with row security is read each time');
execute($node, 'ALTER TABLE one DISABLE ROW LEVEL SECURITY',
	'CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES');
take_app($node);
execute($node, 'INSERT INTO bare DEFAULT VALUES');
next_reads($node, $directory, 'bare', 'a table without columns is read');
next_reads($node, $directory, 'bare', 'a table without columns is read each time');
execute($node, <<'EOF');
DROP TABLE bare;
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE other_method (i int) USING heap2;
INSERT INTO other_method VALUES (1);
EOF
take_app($node);
next_reads($node, $directory, 'other_method', 'a table of another access method is read each time');

# What is no table: all of it is there, and as it is now.
execute($node, <<'EOF');
SELECT lo_from_bytea(100000, 'before');
CREATE SEQUENCE numbers_seq;
CREATE MATERIALIZED VIEW seen AS SELECT count(*) FROM parent;
EOF
take_app($node);
execute($node, <<'EOF');
SELECT lo_put(100000, 0, 'after');
SELECT lo_from_bytea(100001, 'new');
SELECT nextval('numbers_seq') FROM generate_series(1, 50);
EOF
my $name = take_app($node);
is(tables_read($directory, $name), 'other_method', 'large objects make no table look changed');
$node->safe_psql('postgres', "SELECT snapshot_restore('$name', 'back')");
is_same_database($node, 'app', 'back',
	'large objects, sequences and views of an incremental snapshot are those of the database');

# Extensions: members are not dumped but for what they ask for.
my $share = $node->config_data('--sharedir');
if (-w "$share/extension")
{
	append_to_file("$share/extension/settings_test.control", "default_version = '1'\n");
	append_to_file("$share/extension/settings_test--1.sql", <<'EOF');
CREATE TABLE all_settings (v text);
CREATE TABLE own_settings (v text, own boolean);
SELECT pg_catalog.pg_extension_config_dump('all_settings', '');
SELECT pg_catalog.pg_extension_config_dump('own_settings', 'WHERE own');
EOF
	execute($node, 'CREATE EXTENSION settings_test', <<'EOF');
INSERT INTO all_settings VALUES ('a');
INSERT INTO own_settings VALUES ('b', true), ('c', false)
EOF
	take_app($node);
	execute($node, q{UPDATE own_settings SET own = true; INSERT INTO all_settings VALUES ('d')});
	my $files = files_of($directory, take_app($node));
	is(rows_in($files->{'public.own_settings'}), "b\tt\nc\tt\n",
		'a configuration table with a filter has its present rows');
	is(rows_in($files->{'public.all_settings'}), "a\nd\n",
		'a configuration table without a filter has its present rows');
	like(tables_read($directory, take_app($node)), qr/own_settings/,
		'a configuration table with a filter is read each time');
	unlink glob "\Q$share\E/extension/settings_test*";
}

is_deeply([ damages($directory) ], [], 'all snapshots match their manifests');
$node->stop;
done_testing();
