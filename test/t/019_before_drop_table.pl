
# Copyright (c) 2026, the snapshot_worker developers

# DROP TABLE, TRUNCATE, DROP COLUMN and DROP SCHEMA with before_drop.  Promised
# here: nothing large is destroyed without a snapshot of it; a statement that
# the user may not execute, or that the server refuses, takes no snapshot; nor
# does one that takes little; and what a transaction cannot wait for is
# refused, with what to do.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::BeforeDrop;
use Test::More;

my ($node, $directory, $superuser) = before_drop_node();
my %as_superuser = (role => $superuser);


make_large('t', 'kept');
takes_none('DROP TABLE t', qr/ERROR:  42501: must be owner of table t/,
	'DROP TABLE without the right to it', role => 'other');
takes_none('TRUNCATE t', qr/ERROR:  42501: permission denied for table t/,
	'TRUNCATE without the right to it', role => 'other');
takes_none('ALTER TABLE t DROP COLUMN filler',
	qr/ERROR:  42501: must be owner of table t/,
	'DROP COLUMN without the right to it', role => 'other');
takes_none("$off; DROP TABLE kept, nosuch",
	qr/ERROR:  42501: permission denied to set parameter/,
	'SET snapshot_worker.before_drop = off without the right to it');

my $saved = takes_one('DROP TABLE t', 'DROP TABLE');
ok(!table_exists('t'), 'DROP TABLE drops the table after its snapshot');
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '--table=t', '--dbname=app',
		"$directory/$saved/app.dump"
	],
	'the snapshot taken before DROP TABLE can be restored');
is(admin('SELECT count(*), sum(length(filler)) FROM t'),
	'300|300000', 'the dropped table comes back with its rows');

$saved = takes_one('ALTER TABLE t DROP COLUMN filler', 'DROP COLUMN');
like((saved_rows($saved, 'public', 't'))[0],
	qr/^1\tx{1000}$/, 'the snapshot taken before DROP COLUMN has the column');
takes_none('ALTER TABLE t ADD COLUMN added int, ALTER COLUMN id SET NOT NULL',
	undef, 'ALTER TABLE that drops nothing');
takes_none('ALTER TABLE t DROP COLUMN IF EXISTS filler',
	undef, 'DROP COLUMN IF EXISTS of one that does not exist');
takes_none('ALTER TABLE t DROP COLUMN id, DROP COLUMN filler',
	qr/ERROR:  42703: column "filler" of relation "t" does not exist/,
	'DROP COLUMN of one that is there and one that is not');
takes_none('ALTER TABLE t DROP COLUMN ctid',
	qr/ERROR:  0A000: cannot drop system column/,
	'DROP COLUMN of a system column');

$saved = takes_one('TRUNCATE t', 'TRUNCATE');
is(scalar(saved_rows($saved, 'public', 't')),
	300, 'the snapshot taken before TRUNCATE has the rows');
takes_none('TRUNCATE t', undef, 'TRUNCATE of an empty table');
run_sql('DROP TABLE t');

# CASCADE empties the tables that refer to a table along with it.
run_sql(<<EOF);
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers VALUES (1);
CREATE TABLE orders $large;
ALTER TABLE orders ADD customer int REFERENCES customers;
EOF
takes_none('TRUNCATE customers',
	qr/ERROR:  0A000: cannot truncate a table referenced/,
	'TRUNCATE of a table that another one refers to');
admin("ALTER TABLE orders OWNER TO \"$superuser\"");
takes_none('TRUNCATE customers CASCADE',
	qr/ERROR:  42501: permission denied for table orders/,
	'TRUNCATE ... CASCADE without the right to all of it');
admin('GRANT TRUNCATE ON orders TO owner');
$saved = takes_one('TRUNCATE customers CASCADE', 'TRUNCATE ... CASCADE');
is(scalar(saved_rows($saved, 'public', 'orders')),
	300, 'the snapshot taken before TRUNCATE ... CASCADE has the referring table');
admin('DROP TABLE orders, customers');

run_sql("CREATE SCHEMA s; CREATE TABLE s.a $large; CREATE TABLE s.b $small");
takes_none('DROP SCHEMA s', qr/ERROR:  2BP01: cannot drop schema s because/,
	'DROP SCHEMA without CASCADE');
takes_none('DROP SCHEMA s CASCADE',
	qr/ERROR:  42501: must be owner of schema s/,
	'DROP SCHEMA without the right to it', role => 'other');
takes_none('DROP SCHEMA s, nosuch CASCADE',
	qr/ERROR:  3F000: schema "nosuch" does not exist/,
	'DROP SCHEMA of one that is there and one that is not');
takes_none('DROP SCHEMA IF EXISTS nosuch CASCADE',
	undef, 'DROP SCHEMA IF EXISTS of one that does not exist');
$saved = takes_one('DROP SCHEMA IF EXISTS nosuch, s CASCADE', 'DROP SCHEMA');
is(scalar(saved_rows($saved, 's', 'a')),
	300, 'the snapshot taken before DROP SCHEMA has the tables of the schema');
run_sql("CREATE SCHEMA s; CREATE TABLE s.a $small; CREATE VIEW s.v AS SELECT 1");
takes_none('DROP SCHEMA s CASCADE',
	undef, 'DROP SCHEMA of one with only a small table');

# The owner of a schema may drop what others have in it.
admin("CREATE SCHEMA theirs AUTHORIZATION owner; CREATE TABLE theirs.t $large");
takes_one('DROP TABLE theirs.t', 'DROP TABLE by the owner of the schema');

# Parents have no size themselves, but their partitions and children do.
run_sql(<<EOF);
CREATE TABLE parted (id int, filler text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (1) TO (100);
CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (100) TO (1000)
 PARTITION BY RANGE (id);
CREATE TABLE part21 PARTITION OF part2 FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT i, repeat('x', 1000) FROM generate_series(1, 300) i;
CREATE TABLE parent (id int, filler text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT i, repeat('x', 1000) FROM generate_series(1, 300) i;
EOF
takes_none('TRUNCATE ONLY parent', undef, 'TRUNCATE ONLY of an empty parent');
takes_one('TRUNCATE parent', 'TRUNCATE of a parent');
run_sql(q{INSERT INTO child SELECT i, repeat('x', 1000)
	FROM generate_series(1, 300) i});
takes_one('DROP TABLE parent CASCADE', 'DROP TABLE of a parent');
$saved = takes_one('ALTER TABLE parted DROP COLUMN filler',
	'DROP COLUMN of a partitioned table');
is(scalar(saved_rows($saved, 'public', 'part21')),
	201, 'the snapshot taken before DROP COLUMN has the partitions');
takes_one('DROP TABLE parted', 'DROP TABLE of a partitioned table');

# The sizes are added up.
run_sql("CREATE TABLE half$_ AS SELECT * FROM generate_series(1, 1500)")
  foreach 1 .. 3;
takes_none('DROP TABLE half1', undef, 'DROP TABLE of one below the limit');
takes_one('DROP TABLE half2, half3',
	'DROP TABLE of two that together are above it');
run_sql(<<EOF);
CREATE TABLE toasted (t text);
ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT repeat('x', 200000);
EOF
takes_one('DROP TABLE toasted', 'DROP TABLE of one that is large in TOAST');

# These destroy nothing that counts.
foreach my $case (
	[ 'a small table', "CREATE TABLE t $small; DROP TABLE t" ],
	[
		'an empty table with indexes, however low the limit',
		'CREATE TABLE t (id int PRIMARY KEY, filler text);'
		  . 'SET snapshot_worker.before_drop_size = 0; TRUNCATE t; DROP TABLE t'
	],
	[ 'a temporary table', "CREATE TEMP TABLE t $large; DROP TABLE t" ],
	[
		'an unlogged table',
		"CREATE UNLOGGED TABLE t $large; TRUNCATE t; DROP TABLE t"
	],
	[
		'a materialized view',
		"CREATE MATERIALIZED VIEW t $large; DROP MATERIALIZED VIEW t"
	],
	[ 'a table whose rows were deleted', "CREATE TABLE t $large; DELETE FROM t; $off; DROP TABLE t" ],
	[
		'nothing, by IF EXISTS',
		'DROP TABLE IF EXISTS nosuch;'
		  . 'ALTER TABLE IF EXISTS nosuch DROP COLUMN a'
	])
{
	my ($what, $statements) = @$case;

	takes_none($statements, undef, "DROP of $what", %as_superuser);
}

# The server refuses these.
foreach my $case (
	[ 'DROP TABLE kept, nosuch', qr/42P01: table "nosuch" does not exist/ ],
	[ 'TRUNCATE kept, nosuch', qr/42P01: relation "nosuch" does not exist/ ],
	[ 'ALTER TABLE nosuch DROP COLUMN a', qr/42P01: relation "nosuch" does/ ],
	[ 'DROP VIEW kept', qr/42809: "kept" is not a view/ ],
	[ 'DROP TABLE nosuch.kept', qr/3F000: schema "nosuch" does not exist/ ],
	[ 'DROP TABLE elsewhere.public.kept', qr/0A000: cross-database ref/ ],
	[ 'BEGIN READ ONLY; DROP TABLE kept;', qr/25006: cannot execute DROP T/ ],
	[ 'DROP TABLE pg_catalog.pg_proc', qr/42501: permission denied/ ],
	[ 'DROP SCHEMA pg_catalog CASCADE', qr/2BP01: cannot drop schema/ ])
{
	my ($statement, $error) = @$case;

	takes_none($statement, qr/ERROR:  $error/, $statement, %as_superuser);
}


my $written =
  qr/ERROR:  25001: cannot take a snapshot in a transaction that has written/;
my $locked =
  qr/ERROR:  25001: cannot wait for a snapshot in a transaction that has locked/;
run_sql(<<EOF);
CREATE TABLE looked_at $small;
CREATE FUNCTION drop_kept() RETURNS void LANGUAGE plpgsql AS
\$\$BEGIN DROP TABLE kept; END\$\$;
EOF
foreach my $case (
	[ 'has written', 'INSERT INTO looked_at VALUES (2)', $written ],
	[ 'has made a table', 'CREATE TABLE made ()', $written ],
	[ 'has read another table', 'SELECT * FROM looked_at', $locked ],
	[ 'has locked the table', 'LOCK TABLE kept', $locked ],
	[
		'has an open cursor', 'DECLARE c CURSOR FOR SELECT * FROM looked_at',
		$locked
	])
{
	my ($what, $statement, $error) = @$case;

	foreach my $drop ('DROP TABLE kept', 'SELECT drop_kept()')
	{
		my $stderr = takes_none("BEGIN; $statement; $drop;",
			$error, "$drop in a transaction that $what");
		like(
			$stderr,
			qr/HINT:  Commit first\. To proceed .*SET snapshot_worker\.before_drop = off/,
			"the hint of $drop in a transaction that $what has two ways to proceed");
		like($stderr, qr/CONTEXT:  DROP TABLE was not executed/,
			"the context of $drop in a transaction that $what says that it was not executed");
	}
}
takes_none('SELECT drop_kept() FROM looked_at',
	$locked, 'DROP TABLE in a function called in a query of another table');
takes_none('DO $$BEGIN PERFORM * FROM looked_at; DROP TABLE kept; END$$',
	$locked, 'DROP TABLE in a DO block that has read another table');
takes_none('DO $$BEGIN CREATE TABLE made (); DROP TABLE kept; END$$',
	$written, 'DROP TABLE in a DO block that has written');
ok(table_exists('kept'), 'refused statements leave the table');

# No other transaction has seen what a transaction has made itself.
foreach my $case (
	[ 'table', "CREATE TABLE made $large; DROP TABLE made" ],
	[
		'table that loses all it has',
		"CREATE TABLE made $large; TRUNCATE made; INSERT INTO made $filled;"
		  . 'ALTER TABLE made DROP COLUMN filler; DROP TABLE made'
	],
	[
		'table in a subtransaction',
		"SAVEPOINT a; CREATE TABLE made $large; SAVEPOINT b;"
		  . 'ALTER TABLE made ADD more int; RELEASE a; DROP TABLE made'
	],
	[
		'partition',
		'CREATE TABLE whole (id int, filler text) PARTITION BY LIST (id);'
		  . 'CREATE TABLE made PARTITION OF whole DEFAULT;'
		  . "INSERT INTO whole $filled; DROP TABLE whole"
	],
	[
		'schema',
		'CREATE SCHEMA s CREATE TABLE made (id int, filler text);'
		  . "INSERT INTO s.made $filled; DROP SCHEMA s CASCADE"
	],
	[
		'table of a type',
		'CREATE TYPE pair AS (id int, filler text); CREATE TABLE made OF pair;'
		  . "INSERT INTO made $filled; DROP TYPE pair CASCADE"
	],
	[
		'table in a DO block',
		"DO \$\$BEGIN CREATE TABLE made $large; DROP TABLE made; END\$\$"
	])
{
	my ($what, $statements) = @$case;

	takes_none("BEGIN; $statements; COMMIT;",
		undef, "DROP of a $what that the transaction itself has made");
}
foreach my $statement (
	'ALTER TABLE kept ADD more int',
	'ALTER TABLE kept RENAME id TO id2',
	'ALTER TABLE kept ALTER id TYPE bigint',
	'CREATE INDEX ON kept (id)',
	'CREATE TABLE made ()')
{
	takes_none("BEGIN; $statement; DROP TABLE kept;",
		$written, "DROP of a table that others know, after $statement");
}
takes_none("BEGIN; CREATE TABLE made $large; DROP TABLE made, kept;",
	$written,
	'DROP of a table that others know, with one that the transaction has made');

takes_one('BEGIN; DROP TABLE kept; ROLLBACK;',
	'DROP TABLE as the first statement of a transaction');
takes_one(
	'BEGIN; SELECT * FROM looked_at; COMMIT AND CHAIN; DROP TABLE kept; COMMIT;',
	'DROP TABLE after the end of a transaction that has read');
make_large('kept');
takes_one('DO $$BEGIN DROP TABLE kept; END$$', 'DROP TABLE in a DO block');
make_large('kept');
takes_one('SELECT drop_kept()', 'DROP TABLE in a function');
make_large('kept');
append_to_file($node->basedir . '/drop.sql', "DROP TABLE kept;\n");
my $count = snapshots($directory);
$node->command_ok(
	[
		'pgbench', '-n', '-t1', '-M', 'extended', '-f',
		$node->basedir . '/drop.sql', 'app'
	],
	'DROP TABLE by the extended protocol is executed');
ok(!table_exists('kept'), 'DROP TABLE by the extended protocol drops the table');
is(scalar(snapshots($directory)),
	$count + 1, 'DROP TABLE by the extended protocol takes one snapshot');


is_deeply([ leftovers($directory) ], [], 'snapshots before drops leave nothing over');
is_deeply([ damages($directory) ], [], 'snapshots before drops are whole at the end');
$node->stop;
done_testing();
