
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_rows() returns the rows that a table had: all types, names and
# encodings, in both formats and every compression.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	conf => <<'EOC');
snapshot_worker.retention_manual = 1000
EOC
$node->safe_psql('postgres', "CREATE DATABASE app ENCODING UTF8 TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
$node->safe_psql('app', 'CREATE EXTENSION snapshot_worker');

# Execute statements in "app", or in another database; returns output, errors.
sub ask
{
	my ($sql, $database) = @_;
	my (undef, $out, $err) = $node->psql($database // 'app', $sql);

	return ($out, $err);
}

# Are the rows of a live table those in a snapshot?  All columns are compared
# as text.
sub is_same_table
{
	my ($name, $table, $test_name) = @_;
	my ($out, $err) = ask(<<EOQ);
WITH live AS (SELECT t::text AS r FROM $table t),
 old AS (SELECT t::text AS r FROM snapshot_rows('$name', NULL::$table) t)
SELECT (SELECT count(*) FROM live), (SELECT count(*) FROM old),
 (SELECT count(*) FROM (TABLE live EXCEPT ALL TABLE old) d),
 (SELECT count(*) FROM (TABLE old EXCEPT ALL TABLE live) d)
EOQ

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($out, qr/^(\d+)\|\1\|0\|0$/, $test_name);
	is($err, '', "$test_name, without a NOTICE or an error");
	return;
}

$node->safe_psql('app', <<'EOF');
CREATE TYPE mood AS ENUM ('sad', 'it''s "ok"');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE types (
	c_bool bool, c_int2 int2, c_int4 int4, c_int8 int8, c_numeric numeric, c_numeric_mod numeric(12,3),
	c_float4 float4, c_float8 float8, c_money money, c_text text, c_varchar varchar(20), c_char char(5),
	c_onechar "char", c_name name, c_bytea bytea, c_date date, c_time time(3), c_timetz timetz,
	c_timestamp timestamp, c_timestamptz timestamptz(2), c_interval interval, c_interval_mod interval day to hour,
	c_inet inet, c_cidr cidr, c_macaddr macaddr, c_macaddr8 macaddr8, c_bit bit(5), c_varbit bit varying(9),
	c_uuid uuid, c_json json, c_jsonb jsonb, c_jsonpath jsonpath, c_xml xml, c_tsvector tsvector, c_tsquery tsquery,
	c_point point, c_line line, c_lseg lseg, c_box box, c_path path, c_polygon polygon, c_circle circle,
	c_int4range int4range, c_tstzrange tstzrange, c_multirange nummultirange, c_oid oid, c_regclass regclass,
	c_regproc regprocedure, c_regtype regtype, c_lsn pg_lsn, c_snapshot pg_snapshot, c_xid8 xid8, c_tid tid,
	c_enum mood, c_pair pair, c_domain positive, c_ints int[], c_texts text[], c_bounds int[], c_pairs pair[],
	c_enums mood[], c_vector int2vector, c_oids oidvector);
INSERT INTO types VALUES (
	true, -32768, 2147483647, -9223372036854775808, 'NaN', 123456789.125,
	'1e-45', '-Infinity', -1234.56, E'tab\t newline\n return\r backslash\\ \\. \\N quote" \x7f ä 鼠', E'\\.', 'ab',
	'x', 'a name', '\x00ff5c2e', '4713-01-01 BC', '23:59:59.999', '12:00:00.123456-07:30',
	'infinity', '2026-03-19 03:00:00.12+00', '-1 year -2 mons +3 days -04:05:06.789', '3 days 4 hours',
	'::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'101',
	'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a" :  [1, "\n\\."]}', '{"b": null, "a": "\\"}', '$.a[*] ? (@ > 1)',
	'a piece <b>of</b> content', $$'it''s':1A 'cat':2$$, 'a & !b:*C | (c <-> d)',
	'(1.5,-2)', '{1,-1,0}', '[(0,0),(1,1)]', '(2,2),(1,1)', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(1,2),3>',
	'[1,10)', '(,2026-01-01 00:00:00+00]', '{[1,2),(3,4.5]}', 4294967295, 'types', 'lower(text)', 'pair[]',
	'16/B374D848', '10:20:10,14,15', '18446744073709551615', '(0,7)',
	'it''s "ok"', ROW(1, E'a "b" \\ (c),\n'), 7, '{{1,2},{NULL,4}}', ARRAY['NULL', NULL, '', 'a,b', E'\\.\n"'],
	'[-1:1]={1,2,3}', ARRAY[ROW(1, 'x')::pair, NULL], '{sad}', '1 2 3', '4 5');
INSERT INTO types (c_int2) VALUES (0);
INSERT INTO types (c_text) VALUES (''), (E'\\.'), (E'\n\\.\n'), ('\N'), (repeat(E'\\.\n', 50000));

CREATE TABLE hundred AS SELECT g AS c0 FROM generate_series(1, 100) g;
DO $$ BEGIN
	FOR i IN 1 .. 110 LOOP
		EXECUTE format('ALTER TABLE hundred ADD c%s text DEFAULT %L', i, i);
	END LOOP;
	FOR i IN 1 .. 110 LOOP
		IF i % 11 = 3 THEN EXECUTE format('ALTER TABLE hundred DROP c%s', i); END IF;
	END LOOP;
END $$;
UPDATE hundred SET c50 = NULL WHERE c0 % 2 = 0;

CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 7);
CREATE TABLE no_rows (n int);

CREATE TABLE parts (a int, b text) PARTITION BY LIST (a);
CREATE TABLE part_1 (b text, dropped int, a int);
ALTER TABLE part_1 DROP dropped;
ALTER TABLE parts ATTACH PARTITION part_1 FOR VALUES IN (1);
CREATE TABLE "part two" PARTITION OF parts DEFAULT PARTITION BY RANGE (a);
CREATE SCHEMA "the parts";
CREATE TABLE "the parts"."part two" PARTITION OF "part two" FOR VALUES FROM (2) TO (100);
CREATE TABLE "the parts"."part two b" PARTITION OF "part two" DEFAULT;
-- which the list of a dump shows like a partition
CREATE SCHEMA the;
CREATE TABLE the."parts part two" (a int, b text);
INSERT INTO the."parts part two" VALUES (99, 'not of the partitioned table');
INSERT INTO parts SELECT g % 120, g::text FROM generate_series(1, 500) g;
CREATE TABLE empty_parts (n int) PARTITION BY HASH (n);

CREATE SCHEMA "Odd "".schema";
CREATE TABLE "Odd "".schema"."a ""table"".name; FROM stdin;" ("a ""column"", b" int, "UPPER" text, "select" text, " " int);
INSERT INTO "Odd "".schema"."a ""table"".name; FROM stdin;" VALUES (1, 'x', 'y', 2);
EOF
my $line_breaks = qq{"line\nCOPY x FROM stdin;\n\\."};
$node->safe_psql('app', qq{CREATE TABLE $line_breaks ("a\nb" int); INSERT INTO $line_breaks VALUES (1), (2)});
my $utf8_table = qq{"t\xc3\xa4belle"};
$node->safe_psql('app', qq{CREATE TABLE $utf8_table ("\xe9\xbc\xa0" int); INSERT INTO $utf8_table VALUES (1)});

my @tables = (
	'types', 'hundred', 'no_columns', 'no_rows', 'parts', 'part_1', 'empty_parts', '"part two"', 'the."parts part two"',
	'"Odd "".schema"."a ""table"".name; FROM stdin;"', $line_breaks, $utf8_table);
my @methods = ('none', 'gzip');
push @methods, 'lz4', 'zstd' if $node->pg_version >= 16;
my $name;

foreach my $format ('custom', 'directory')
{
	foreach my $method (@methods)
	{
		reload_with($node, format => $format, compress => $method);
		$name = take_snapshot($node, 'app');
		foreach my $table (@tables)
		{
			is_same_table($name, $table,
				"snapshot_rows returns the live rows of $table ($format, $method)" =~ s/\n/ /gr);
		}
	}
}

# Which snapshot.
is($node->safe_psql('app', 'SELECT snapshot_at()'), $name, 'snapshot_at() is the newest snapshot of the current database');
is($node->safe_psql('postgres', "SELECT snapshot_at(now(), 'app')"), $name, 'snapshot_at() finds the newest snapshot of another database');
foreach my $text ('latest', 'LATEST', 'latest before 2100-01-01', '2100-01-01 12:00', $name)
{
	is((ask("SELECT count(*) FROM snapshot_rows('$text', NULL::hundred)"))[0], '100', "snapshot_rows accepts \"$text\" as a snapshot");
}
my @names = snapshots($directory, 'app');
my ($second) = $names[1] =~ m{/(.*)Z} or die;
$second =~ s/T(\d\d)-(\d\d)-(\d\d)/ $1:$2:$3+00/;
is($node->safe_psql('app', "SELECT snapshot_at('$second')"),
	$names[1], 'snapshot_at() finds the snapshot that began at that very time');
is($node->safe_psql('app', "SELECT snapshot_at(timestamptz '$second' - interval '1 second')"),
	$names[0], 'snapshot_at() finds the newest one before a time');
is( $node->safe_psql(
		'app',
		"SELECT count(*) FROM snapshot_rows(snapshot_at(), NULL::hundred)"),
	$node->safe_psql(
		'app', "SELECT count(*) FROM snapshot_rows('$name', NULL::hundred)"),
	'snapshot_at() can be an argument of snapshot_rows()');
like((ask('SELECT snapshot_at(\'2001-01-01\')'))[1],
	qr/ERROR:  database "app" has no good snapshot at or before 2001-01-01.*HINT:  snapshot_list\(\) lists all snapshots/s,
	'snapshot_at() raises an error if no snapshot is that old');
like((ask("SELECT snapshot_at(database => 'postgres')"))[1],
	qr/ERROR:  database "postgres" has no good snapshot/, 'snapshot_at() raises an error for a database without snapshots');
like((ask('SELECT snapshot_at(NULL)'))[1], qr/must not be null/, 'snapshot_at() refuses null');
like((ask("SELECT * FROM snapshot_rows('app', NULL::hundred)"))[1],
	qr/ERROR:  invalid input syntax.*HINT:  Use a name from snapshot_list\(\), "latest"/s,
	'a text that names no snapshot is an error that says what does');
like((ask("SELECT * FROM snapshot_rows('app/2001-01-01T00-00-00Z', NULL::hundred)"))[1],
	qr/ERROR:  snapshot "app.2001-01-01T00-00-00Z" does not exist/, 'a snapshot that does not exist is an error');

# A verification that finds a problem disqualifies.
{
	my $bad = take_snapshot($node, 'app');

	append_to_file("$directory/$bad/app.dump/toc.dat", 'x');
	isnt(sql_error($node, "SELECT snapshot_verify('$bad')"), '', 'a verification finds the damaged snapshot');
	is($node->safe_psql('app', 'SELECT snapshot_at()'), $name, 'snapshot_at() leaves out a snapshot with a problem');
	like((ask("SELECT count(*) FROM snapshot_rows('$bad', NULL::hundred)"))[1],
		qr/ERROR:  snapshot "\Q$bad\E" is damaged.*toc\.dat" does not match the manifest/s,
		'snapshot_rows refuses a damaged table of contents');
	$node->safe_psql('app', "SELECT snapshot_delete('$bad')");
}

# By the name of the table, from another database.
is((ask("SELECT sum(c0) FROM snapshot_rows('$name', 'public.hundred') AS (c0 int, c1 text)", 'postgres'))[0],
	'5050', 'a table of another database is read with a column definition list');
is((ask(q{SELECT count(*), sum("a ""column"", b") FROM snapshot_rows('} . $name
			  . q{', '"Odd "".schema"."a ""table"".name; FROM stdin;"') AS ("a ""column"", b" int)}))[0],
	'1|1', 'quoted names are parsed as everywhere');
is((ask("SELECT count(*), sum(a) FROM snapshot_rows('$name', 'parts') AS (a int, b text)"))[0],
	$node->safe_psql('app', 'SELECT count(*), sum(a) FROM parts'),
	'a partitioned table is found without its schema');
is((ask("SELECT * FROM snapshot_rows('$name', 'HUNDRED') AS (c0 numeric) ORDER BY 1 LIMIT 1"))[0],
	'1', 'an unquoted name is in lower case');
$node->safe_psql('app', <<'EOF');
CREATE SCHEMA two;
CREATE TABLE two.hundred (n int);
CREATE VIEW a_view AS SELECT 1 AS n;
CREATE MATERIALIZED VIEW a_matview AS SELECT 1 AS n;
CREATE SEQUENCE a_sequence;
EOF
$name = take_snapshot($node, 'app');
like((ask("SELECT * FROM snapshot_rows('$name', 'hundred') AS (c0 int)"))[1],
	qr/ERROR:  .*more than one table "hundred".*public hundred .*two hundred .*HINT:  Write the table's name with its schema/s,
	'an ambiguous name is an error that lists the candidates');
foreach my $case (
	[ 'a_view', qr/"public.a_view" is a view in snapshot/ ], [ 'a_matview', qr/"public.a_matview" is a materialized view/ ],
	[ 'a_sequence', qr/"public.a_sequence" is a sequence/ ], [ 'nothing', qr/has no table "public.nothing".*HINT:  snapshot_tables/s ])
{
	my ($relation, $error) = @$case;

	like((ask("SELECT * FROM snapshot_rows('$name', 'public.$relation') AS (n int)"))[1],
		qr/ERROR:  .*$error/s, "the rows of public.$relation are an error that says why");
}
foreach my $case (
	[ "'$name', 1", qr/must be of a table's row type.*HINT:  Write it as NULL::schema.table/s ],
	[ "'$name', NULL::record) AS (n int", qr/must be of a table's row type/ ],
	[ "'$name', 'a.b.c.d') AS (n int", qr/too many dotted names/ ],
	[ "'$name', '') AS (n int", qr/invalid name syntax/ ],
	[ "'$name', NULL::text) AS (n int", qr/table name must not be null/ ],
	[ "NULL, NULL::hundred", qr/snapshot name must not be null/ ])
{
	my ($arguments, $error) = @$case;

	like((ask("SELECT * FROM snapshot_rows($arguments)"))[1], qr/ERROR:  .*$error/s, "snapshot_rows($arguments) is refused" =~ s/\Q$name\E/.../r);
}
like((ask("SELECT snapshot_rows('$name', 'hundred')"))[1],
	qr/ERROR:  .*column definition list/s, 'a table name without a column definition list is refused');

# A table that has changed since.
$node->safe_psql('app', <<'EOF');
CREATE SEQUENCE counter;
CREATE TABLE changing (id int GENERATED ALWAYS AS IDENTITY, gone text, n int, same text DEFAULT 'default',
	twice int GENERATED ALWAYS AS (length(same) * 2) STORED);
INSERT INTO changing (gone, n) SELECT 'g' || g, g FROM generate_series(1, 1000) g;
EOF
$name = take_snapshot($node, 'app');
$node->safe_psql('app', "ALTER TABLE changing DROP gone, ADD fresh bigint DEFAULT nextval('counter'), ALTER n TYPE text;
SELECT setval('counter', 1, false)");
my ($out, $err) = ask("SELECT count(*), count(fresh), min(n), max(same), count(twice) FROM snapshot_rows('$name', NULL::changing)");
is($out, '1000|0|1|default|0', 'a changed type is converted through its text, and new columns are null');
is_deeply([ $err =~ /NOTICE:  (.*)$/mg ], [
		qq{columns that table "public.changing" lacks in snapshot "$name" are null: "twice", "fresh"},
		qq{columns that table "public.changing" has only in snapshot "$name" are left out: "gone"} ],
	'one NOTICE each names the columns that only one side has');
is($node->safe_psql('app', 'SELECT last_value, is_called FROM counter'), '1|f', 'no default is computed');
$node->safe_psql('app', "INSERT INTO changing (id, n, same) OVERRIDING SYSTEM VALUE SELECT id + 10000, n, same FROM snapshot_rows('$name', NULL::changing) WHERE id <= 10");
is($node->safe_psql('app', "SELECT count(*), sum(twice) FROM changing"), '1010|14140',
	'rows come back by INSERT ... SELECT');
$node->safe_psql('app', 'ALTER TABLE changing DROP n, ADD n int[]');
($out, $err) = ask("SELECT * FROM snapshot_rows('$name', NULL::changing)");
like($err, qr/ERROR:  malformed array literal: "1".*CONTEXT:  line 1 of table "public.changing" in "\Q$directory\/$name\E\/app.dump\/\d+\.dat\S*", column "n"/s,
	'a value that is not valid for its column is an error with file, table, line and column');

# A hash of an enum can differ between servers, so that pg_dump names the root in
# place of its partitions.
$node->safe_psql('app', <<'EOF');
CREATE TABLE moods (m mood, n int) PARTITION BY HASH (m);
CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 0) PARTITION BY LIST (n);
CREATE TABLE moods_0_1 PARTITION OF moods_0 FOR VALUES IN (1);
CREATE TABLE moods_0_other PARTITION OF moods_0 DEFAULT;
CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY LIST (n);
CREATE TABLE moods_1_1 PARTITION OF moods_1 FOR VALUES IN (1);
CREATE TABLE moods_1_other PARTITION OF moods_1 DEFAULT;
INSERT INTO moods SELECT m, g % 5 FROM unnest(enum_range(NULL::mood)) m, generate_series(1, 100) g;
EOF
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format);
	$name = take_snapshot($node, 'app');
	is_same_table($name, $_, "$_, partitioned by the hash of an enum, is the same in $format format")
	  foreach ('moods', 'moods_0', 'moods_1', 'moods_0_1', 'moods_1_other');
	(undef, $err) = ask("SELECT snapshot_verify('$name', true)");
	is($err, '', "a test restore finds all rows of such a table in $format format");
	($out, $err) = ask("SELECT rows FROM snapshot_restore_table('$name', 'moods', 'moods_$format')");
	is($out, 200, "a restore of such a table counts its rows in $format format");
}

# The values do not depend on settings of the session.
($out, $err) = ask(<<EOQ);
SET array_nulls = off; SET xmloption = document; SET DateStyle = 'German, DMY'; SET IntervalStyle = sql_standard;
SET search_path = pg_catalog; SET bytea_output = escape; SET TimeZone = 'Asia/Tokyo';
WITH live AS (SELECT t::text AS r FROM public.types t),
 old AS (SELECT t::text AS r FROM public.snapshot_rows('$name', NULL::public.types) t)
SELECT (SELECT count(*) FROM old), (SELECT count(*) FROM (TABLE live EXCEPT ALL TABLE old) d);
SHOW xmloption;
SHOW array_nulls;
EOQ
is($out, "7|0\ndocument\noff", 'values are read right under any settings of the session, which keeps them');
is($err, '', 'settings of the session cause no error');

# Bytes of no encoding.
$node->safe_psql('postgres', "CREATE DATABASE ascii ENCODING SQL_ASCII TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
$node->safe_psql('ascii', q{CREATE TABLE bytes AS SELECT 'plain' AS t UNION ALL SELECT E'\351'});
my $ascii = take_snapshot($node, 'ascii');
like((ask("SELECT * FROM snapshot_rows('$ascii', 'bytes') AS (t text)"))[1],
	qr/ERROR:  invalid byte sequence for encoding "UTF8": 0xe9.*CONTEXT:  .*line 2 of table "public.bytes"/s,
	'a byte of an SQL_ASCII database that is not valid here is an error with its line');

# Other encodings.
foreach my $case ([ 'LATIN1', "\xc3\xa4" ], [ 'EUC_JP', "\xe9\xbc\xa0" ])
{
	my ($encoding, $char) = @$case;
	my $database = lc $encoding;

	local $ENV{PGCLIENTENCODING} = 'UTF8';
	$node->safe_psql('postgres', "CREATE DATABASE $database ENCODING $encoding TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
	$node->safe_psql($database, <<EOF);
CREATE EXTENSION snapshot_worker;
CREATE TABLE "t$char" ("c$char" text, n int);
INSERT INTO "t$char" SELECT repeat('$char', g * 100), g FROM generate_series(1, 100) g;
EOF
	my $other = take_snapshot($node, $database);

	is((ask(qq{SELECT count(*) FROM snapshot_rows('$other', NULL::"t$char") o JOIN "t$char" t USING (n) WHERE o."c$char" = t."c$char"}, $database))[0],
		'100', "a database in $encoding reads its own snapshot");
	is((ask(qq{SELECT count(*) FROM snapshot_rows('$other', 't$char') AS (n int, "c$char" text) WHERE "c$char" = repeat('$char', n * 100)}))[0],
		'100', "a database in UTF8 reads a snapshot in $encoding");
	is((ask(qq{SELECT count(*) FROM snapshot_rows('$name', 'no_columns') AS (n int)}, $database))[0],
		'7', "a database in $encoding reads a snapshot in UTF8");
	like((ask(qq{SELECT * FROM snapshot_rows('$other', '"t\xe1\xb8\x80"') AS (n int)}))[1],
		qr/ERROR:  .*cannot have a table of this name.*DETAIL:  It is in encoding $encoding/s,
		"a name that $encoding cannot have is an error");
	next if $encoding ne 'LATIN1';
	like((ask(qq{SELECT * FROM snapshot_rows('$name', 'types') AS (c_text text)}, $database))[1],
		qr/ERROR:  .*has no equivalent in encoding.*CONTEXT:  line 1 of table "public.types"/s,
		"a value that $encoding cannot have is an error with its line");
}

done_testing();
