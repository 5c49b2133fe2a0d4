
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_restore_table().  Promised here: a table comes back with its rows and
# all that belongs to it, under its own name or another; an existing table is
# not touched; all of it comes or nothing; and what cannot come along is named.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	init => [ allows_streaming => 1, extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => "snapshot_worker.max_workers = 3\n");

sub literal
{
	my ($value) = @_;

	$value =~ s/'/''/g;
	return "'$value'";
}

sub query
{
	my ($sql) = @_;

	return $node->safe_psql('shop', $sql);
}

# The statement that restores a table.
sub restoring
{
	my ($snapshot, $table, $target) = @_;

	return
		'SELECT target, rows, seconds > 0, ARRAY(SELECT o FROM unnest(left_out) o ORDER BY o COLLATE "C") FROM snapshot_restore_table('
	  . join(', ',
		map { literal($_) } grep { defined } $snapshot, $table, $target)
	  . ')';
}

# Its result and its warnings.
sub restore
{
	my ($rc, $out, $err) = $node->psql('shop', restoring(@_));

	is($rc, 0, "table $_[1] can be restored"
		  . (defined $_[2] ? " as $_[2]" : ''))
	  or diag($err);
	return ($out, $err);
}

sub error_of
{
	my ($rc, $out, $err) =
	  $node->psql('shop', "\\set VERBOSITY verbose\n" . restoring(@_));

	isnt($rc, 0, "the restore of $_[1] fails");
	return $err;
}

# What pg_dump writes of tables, without what differs in each dump.
sub dump_of
{
	my (@tables) = @_;
	my ($dump, $stderr);

	IPC::Run::run(
		[
			'pg_dump', '--dbname=' . $node->connstr('shop'),
			map { "--table=$_" } @tables
		],
		'>', \$dump, '2>', \$stderr) or die "pg_dump failed: $stderr";
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	return $dump;
}

# All definitions of the database, and the files of a table.
sub definitions
{
	my ($dump, $stderr);

	IPC::Run::run([ 'pg_dump', '-s', '--dbname=' . $node->connstr('shop') ],
		'>', \$dump, '2>', \$stderr) or die "pg_dump failed: $stderr";
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	return $dump;
}

sub files_of
{
	my ($table) = @_;

	query('CHECKPOINT');
	my $path = query("SELECT pg_relation_filepath('$table')");
	return sha256_of($node->data_dir . "/$path");
}

sub left_nothing
{
	my ($before, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(definitions(), $before, "$what leaves no object");
	is( $node->safe_psql(
			'postgres',
			"SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot\\_worker\\_%'"
		),
		0,
		"$what leaves no scratch database");
	return;
}

# The table of all parts.
$node->safe_psql('postgres', <<'EOF');
CREATE ROLE app;
CREATE ROLE reader;
CREATE ROLE guest;
CREATE ROLE nobody LOGIN;
CREATE ROLE leaver;
CREATE DATABASE shop OWNER app;
CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0;
EOF
query(<<'EOF');
CREATE EXTENSION snapshot_worker;
CREATE SCHEMA sales AUTHORIZATION app;
CREATE SCHEMA attic AUTHORIZATION app;
SET ROLE app;
CREATE TYPE sales.mood AS ENUM ('good', 'bad');
CREATE FUNCTION sales.twice(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 2 * $1';
CREATE FUNCTION sales.stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'a trigger has fired'; END $$;
CREATE TABLE sales.customers (id integer PRIMARY KEY);
CREATE TABLE sales.orders (
	id serial PRIMARY KEY,
	number bigint GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 10),
	customer integer DEFAULT sales.twice(1) REFERENCES sales.customers,
	parent integer REFERENCES sales.orders,
	mood sales.mood NOT NULL DEFAULT 'good',
	a integer, b integer,
	code text UNIQUE,
	double_a integer GENERATED ALWAYS AS (sales.twice(a)) STORED,
	during int4range,
	CONSTRAINT ordered CHECK (a < b),
	CONSTRAINT apart EXCLUDE USING gist (during WITH &&));
CREATE INDEX by_twice ON sales.orders (sales.twice(b)) WHERE a > 0;
CREATE UNIQUE INDEX of_identity ON sales.orders (number);
ALTER TABLE sales.orders ALTER number SET NOT NULL, REPLICA IDENTITY USING INDEX of_identity;
ALTER TABLE sales.orders CLUSTER ON orders_pkey, ALTER code SET STATISTICS 77;
CREATE STATISTICS sales.together ON a, b FROM sales.orders;
COMMENT ON STATISTICS sales.together IS 'of a and b';
CREATE TRIGGER always BEFORE INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.stop();
ALTER TABLE sales.orders DISABLE TRIGGER always;
INSERT INTO sales.customers VALUES (1), (2);
INSERT INTO sales.orders (customer, a, b, code, during)
  SELECT 1 + i % 2, i, i + 1, 'c' || i, int4range(i, i + 1) FROM generate_series(1, 1000) i;
UPDATE sales.orders SET parent = 1000 WHERE id < 10;
SELECT setval('sales.orders_number_seq', 200000);
ALTER TABLE sales.orders ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER off AFTER DELETE ON sales.orders EXECUTE FUNCTION sales.stop();
ALTER TABLE sales.orders DISABLE TRIGGER off;
CREATE RULE quiet AS ON DELETE TO sales.orders WHERE OLD.id < 0 DO INSTEAD NOTHING;
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON sales.orders TO reader USING (a > 0);
COMMENT ON TABLE sales.orders IS 'it''s all';
COMMENT ON COLUMN sales.orders.a IS 'the first';
COMMENT ON INDEX sales.by_twice IS 'an index';
COMMENT ON TRIGGER always ON sales.orders IS 'a trigger';
COMMENT ON POLICY own ON sales.orders IS 'a policy';
COMMENT ON CONSTRAINT ordered ON sales.orders IS 'a constraint';
GRANT SELECT ON sales.orders TO reader WITH GRANT OPTION;
GRANT SELECT ON sales.orders TO guest;
GRANT UPDATE (a) ON sales.orders TO guest;
GRANT USAGE ON sales.orders_id_seq TO guest;
GRANT SELECT ON sales.orders_id_seq TO reader;
GRANT USAGE ON SCHEMA sales, attic TO reader;
SET SESSION AUTHORIZATION reader;
GRANT SELECT ON sales.orders TO guest;
RESET SESSION AUTHORIZATION;
SET ROLE app;
CREATE TABLE sales.payments (id integer, "order" integer REFERENCES sales.orders);
CREATE VIEW sales.good AS SELECT * FROM sales.orders WHERE mood = 'good';

-- partitions of partitions
CREATE TABLE sales.log (at date, kind text, id bigserial) PARTITION BY RANGE (at);
CREATE TABLE sales.log_2025 PARTITION OF sales.log FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE sales.log_2026 PARTITION OF sales.log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
  PARTITION BY LIST (kind);
CREATE TABLE sales.log_2026_a PARTITION OF sales.log_2026 FOR VALUES IN ('a');
CREATE TABLE attic.log_2026_rest PARTITION OF sales.log_2026 DEFAULT;
CREATE INDEX ON sales.log (at);
ALTER TABLE sales.log ADD PRIMARY KEY (at, kind, id);
INSERT INTO sales.log SELECT '2025-06-01'::date + i, chr(97 + i % 3) FROM generate_series(1, 500) i;

-- a child
CREATE TABLE sales.child (note text) INHERITS (sales.customers);
INSERT INTO sales.child VALUES (7, 'seven');

-- a name of two lines, which a list shows in one
CREATE TABLE sales."two
lines" (a int);
INSERT INTO sales."two
lines" VALUES (1);

-- an owner who leaves
CREATE TABLE sales.left_behind (a serial) PARTITION BY LIST (a);
CREATE TABLE sales.left_behind_1 PARTITION OF sales.left_behind FOR VALUES IN (1);
INSERT INTO sales.left_behind DEFAULT VALUES;
CREATE STATISTICS sales.left_stats ON (a % 2), (a % 3) FROM sales.left_behind;
CREATE FUNCTION sales.no_superuser(int) RETURNS int IMMUTABLE SECURITY DEFINER LANGUAGE plpgsql AS '
BEGIN
	IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
		RAISE ''runs as a superuser'';
	END IF;
	RETURN $1;
END';
CREATE INDEX ON sales.left_behind (sales.no_superuser(a));
RESET ROLE;
ALTER TABLE sales.left_behind OWNER TO leaver;
ALTER TABLE sales.left_behind_1 OWNER TO leaver;
ALTER STATISTICS sales.left_stats OWNER TO leaver;
ALTER FUNCTION sales.no_superuser OWNER TO leaver;
SET ROLE app;

-- a partition that no dump restores, whose parent is attached after it
CREATE TABLE sales.tree (k integer) PARTITION BY LIST (k);
CREATE TABLE sales.tree_z PARTITION OF sales.tree FOR VALUES IN (1, 2) PARTITION BY LIST (k);
CREATE TABLE sales.tree_a PARTITION OF sales.tree_z FOR VALUES IN (1);
CREATE TABLE sales.tree_b PARTITION OF sales.tree_z FOR VALUES IN (2);
RESET ROLE;
UPDATE pg_class SET reloptions = '{nonsense=1}' WHERE oid = 'sales.tree_a'::regclass;
SET ROLE app;

-- names that are the same in a list of pg_restore
CREATE TABLE sales.a (i integer);
CREATE TABLE sales."a b" (i integer);
CREATE TRIGGER "b c" AFTER INSERT ON sales.a EXECUTE FUNCTION sales.stop();
CREATE TRIGGER c AFTER INSERT ON sales."a b" EXECUTE FUNCTION sales.stop();

-- odd names
CREATE SCHEMA "Odd ""schema"".*";
CREATE TABLE "Odd ""schema"".*"."Tab.le ?*'é$" ("col ""x""" serial PRIMARY KEY, v text);
INSERT INTO "Odd ""schema"".*"."Tab.le ?*'é$" (v) VALUES ('odd');
CREATE TABLE "Odd ""schema"".*"."Tab.le ?*'é$2" (v text);
CREATE INDEX "in""dex;" ON "Odd ""schema"".*"."Tab.le ?*'é$" (v);
CREATE STATISTICS "Odd ""schema"".*"."St.at ""is" ON "col ""x""", v FROM "Odd ""schema"".*"."Tab.le ?*'é$";
COMMENT ON STATISTICS "Odd ""schema"".*"."St.at ""is" IS 'odd statistics';
EOF
$node->safe_psql('latin', <<'EOF');
SET client_encoding = 'UTF8';
CREATE SCHEMA "schéma";
CREATE TABLE "schéma"."été" ("clé" serial PRIMARY KEY, valeur text);
INSERT INTO "schéma"."été" (valeur) VALUES ('à'), ('ü');
EOF
my $odd = q{"Odd ""schema"".*"."Tab.le ?*'é$"};
my $whole = dump_of('sales.orders');
my $statistics =
  "SELECT pg_get_statisticsobjdef(oid), obj_description(oid) FROM pg_statistic_ext WHERE stxname = 'together' AND stxnamespace = 'sales'::regnamespace";
my $defined_statistics = query($statistics);
my $log = dump_of('sales.log*', 'attic.log*');
my $odd_dump = dump_of($odd);
my $snapshot = take_snapshot($node, 'shop');
$node->safe_psql('postgres',
	"ALTER SYSTEM SET snapshot_worker.format = 'custom'");
$node->reload;
$node->poll_query_until('postgres',
	"SELECT current_setting('snapshot_worker.format') = 'custom'");
my $custom = take_snapshot($node, 'shop');

#
# A name that is taken.
#

my $before = definitions();
my $files = files_of('sales.orders');
my $error = error_of($snapshot, 'sales.orders');
like(
	$error,
	qr/^.*ERROR:  42P07: could not restore table "sales\.orders" of snapshot ".*": relation "orders" already exists in schema "sales"\n.*DETAIL:  It was not touched\.\n.*HINT:  Give another name as target, such as 'orders_restored'\./m,
	'a table whose name is taken is not restored, and the hint gives a target'
);
left_nothing($before, 'a restore under a name that is taken');

#
# Beside the existing table.
#

my ($out, $err) = restore($snapshot, 'sales.orders', 'orders2');
is($out, 'sales.orders2|1000|t|{}', 'the result has the name and the rows');
is($err, '', 'nothing is left out when the database has all that is needed');
is(files_of('sales.orders'), $files,
	'the existing table stays as it is, byte for byte');
is( query(
		'SELECT count(*) FROM (TABLE sales.orders EXCEPT TABLE sales.orders2) t'),
	0,
	'the rows are the same');
(my $renamed = dump_of('sales.orders2')) =~ s/_restored//g;
$renamed =~ s/orders2/orders/g;
# since 18 these have names, which need not be unique
$renamed =~ s/CONSTRAINT orders_\w+_not_null NOT NULL/NOT NULL/g;
is($renamed, $whole,
	'a table that is restored beside the existing one has all parts, whose names end in "_restored" where theirs were taken'
);
is( query(
		"SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxname = 'together_restored'"
	),
	'CREATE STATISTICS sales.together_restored ON a, b FROM sales.orders2',
	'extended statistics come along under a free name');
is( query(
		"INSERT INTO sales.customers VALUES (3); ALTER TABLE sales.orders2 DISABLE TRIGGER always; INSERT INTO sales.orders2 (customer, a, b) VALUES (3, 1, 2) RETURNING id, number"
	),
	'1001|200010',
	'the sequences of a restored table go on where they were');
query('DELETE FROM sales.orders2 WHERE customer = 3');

($out, $err) = restore($custom, 'sales.orders', 'attic.orders');
is($out, 'attic.orders|1000|t|{}',
	'a table can be restored into another schema, from a dump in custom format'
);
($renamed = dump_of('attic.orders')) =~ s/\battic\b/sales/g;
is($renamed, $whole,
	'in another schema, a table and its parts have their own names');
is( query(
		"SELECT string_agg(DISTINCT n.nspname, ' ') FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = stxnamespace WHERE stxrelid = 'attic.orders'::regclass"
	),
	'attic',
	'extended statistics come into the schema of the target');

query('DROP TABLE attic.orders; REVOKE USAGE ON SCHEMA attic FROM reader');
($out, $err) = restore($snapshot, 'sales.orders', 'attic.orders');
is($out, 'attic.orders|1000|t|{"ACL attic.orders"}',
	'a privilege whose grantor may not use the schema is left out');

# A name that is taken meanwhile.
hold_at($node, 'table dumped');
my $session =
  start_query($node, restoring($snapshot, 'sales.orders', 'orders3'), 'shop');
wait_until_held($node, 'table dumped');
query('CREATE INDEX by_twice_restored1 ON sales.payments (id)');
let_go($node);
($out, $err) = finish_query($session);
like(
	$err,
	qr/relation "by_twice_restored1" already exists/,
	'a restore fails if another session takes the name of an index meanwhile');
is( query(
		"SELECT obj_description('sales.by_twice_restored1'::regclass), to_regclass('sales.orders3')"
	),
	'|',
	'the index of the other session gets no comment, and no table is left');
query('DROP INDEX sales.by_twice_restored1');

#
# Under its own name.
#

query('DROP TABLE sales.orders CASCADE; DROP TABLE sales.orders2');
($out, $err) = restore($snapshot, 'sales.orders');
is($out, 'sales.orders|1000|t|{}', 'a dropped table comes back');
is($err, '', 'without a warning');
is(dump_of('sales.orders'), $whole, 'pg_dump writes the same of it');
is(query($statistics), $defined_statistics,
	'its extended statistics come back, with their comment');
query('DROP TABLE attic.orders');

($out, $err) = restore($custom, 'sales.log', 'log2');
is($out, 'sales.log2|500|t|{}', 'a partitioned table brings its partitions');
is( query(
		'SELECT count(*) FROM (TABLE sales.log EXCEPT TABLE sales.log2) t'),
	0,
	'with their rows');
is( query(
		"SELECT string_agg(relid::text, ' ' ORDER BY relid::text) FROM pg_partition_tree('sales.log2')"
	),
	'sales.log2 sales.log_2025_restored sales.log_2026_a_restored sales.log_2026_rest sales.log_2026_restored',
	'its partitions come into its schema, under free names');
query('DROP TABLE sales.log, sales.log2');
restore($snapshot, 'sales.log');
is(dump_of('sales.log*', 'attic.log*'), $log,
	'a partitioned table comes back with all levels of partitions');

query("DROP TABLE $odd");
restore($snapshot, $odd);
is(dump_of($odd), $odd_dump, 'a table with an odd name comes back');
is( query(
		"SELECT obj_description(oid) FROM pg_statistic_ext WHERE stxrelid = "
		  . literal($odd)
		  . '::regclass'),
	'odd statistics',
	'extended statistics with an odd name come back with their comment');

query('DROP TABLE sales.a');
($out, $err) = restore($snapshot, 'sales.a');
is("$out$err", 'sales.a|0|t|{}',
	'a table comes back without the parts of others that have the same words as a name'
);
($out) = restore($snapshot, q{"Tab.le ?*'é$"}, q{attic."a ""b"" é"});
is($out, q{attic."a ""b"" é"|1|t|{}},
	'a name without its schema finds a table that no other schema has');

my $latin = take_snapshot($node, 'latin');
($out) = restore($latin, '"schéma"."été"', 'attic."été"');
is($out, q{attic."été"|2|t|{}},
	'a table comes back from a database with another encoding');
is( query(
		q{INSERT INTO attic."été" (valeur) VALUES ('é') RETURNING "clé"; SELECT string_agg(valeur, ' ' ORDER BY "clé") FROM attic."été"}
	),
	"3\nà ü é",
	'its rows and its sequence too');

#
# Without what cannot come along.
#

query(<<'EOF');
DROP TABLE sales.left_behind;
ALTER FUNCTION sales.no_superuser OWNER TO app;
DROP ROLE leaver;
GRANT CREATE, USAGE ON SCHEMA sales TO nobody;
GRANT EXECUTE ON FUNCTION snapshot_restore_table(text, text, text) TO nobody;
EOF
(undef, $out, $err) =
  $node->psql('shop', restoring($snapshot, 'sales.left_behind'),
	extra_params => [ '-U', 'nobody' ]);
is( $out,
	'sales.left_behind|1|t|{"OWNER sales.left_behind","OWNER sales.left_behind_1","OWNER sales.left_stats"}',
	'a table, its partitions and statistics come back without the owner, if that role is gone'
);
like(
	$err,
	qr/could not restore OWNER sales\.left_behind_1: role "leaver" does not exist, so role "nobody" is the owner/,
	'a warning names the role, and the new owner');
is( query(
		"SELECT string_agg(relname || ':' || pg_get_userbyid(relowner), ' ' ORDER BY relname) FROM pg_class WHERE relname LIKE 'left\\_behind%' AND relkind IN ('r', 'p', 'S')"
	),
	'left_behind:nobody left_behind_1:nobody left_behind_a_seq:nobody',
	'the caller owns the table of a missing role, and not a superuser');
query(<<'EOF');
REVOKE ALL ON SCHEMA sales FROM nobody;
REVOKE EXECUTE ON FUNCTION snapshot_restore_table(text, text, text) FROM nobody;
EOF

query('DROP TABLE sales.child; CREATE TYPE sales.child AS ENUM ()');
like(
	error_of($snapshot, 'sales.child'),
	qr/ERROR:  42710: could not restore table .*: type "child" already exists in schema "sales"\n.*HINT:  Give another name as target, such as 'child_restored'\./s,
	'a table whose name a type has taken is not restored');
query('DROP TYPE sales.child');
($out, $err) = restore($snapshot, 'sales.child');
is($out, 'sales.child|1|t|{"INHERITS sales.customers"}',
	'a child comes back as a table of its own');
is(query('SELECT count(*) FROM sales.customers'),
	3, 'so an existing parent shows no other rows');
($out, $err) = restore($snapshot, 'sales.log_2026', 'attic.log_2026');
is($out, 'attic.log_2026|287|t|{"TABLE ATTACH sales.log"}',
	'so does a partition, with its own partitions');
is(query('SELECT count(*) FROM sales.log'),
	500, 'and the partitioned table shows no other rows');

query(
	'ALTER TABLE sales.orders DROP CONSTRAINT orders_customer_fkey; DELETE FROM sales.customers WHERE id = 2'
);
($out, $err) = restore($snapshot, 'sales.orders', 'orders2');
is( $out,
	'sales.orders2|1000|t|{"FK CONSTRAINT sales.orders2 orders_customer_fkey"}',
	'a foreign key that rows violate is left out');
like(
	$err,
	qr/WARNING:  could not restore FK CONSTRAINT sales\.orders2 orders_customer_fkey: insert or update on table "orders2" violates foreign key constraint "orders_customer_fkey"/,
	'a warning names it, with the error of the server');
query('DROP TABLE sales.orders2, sales.payments');

query(<<'EOF');
DROP TABLE sales.orders, sales.customers CASCADE;
DROP FUNCTION sales.stop CASCADE;
EOF
$node->safe_psql('shop', 'DROP OWNED BY guest, reader');
$node->safe_psql('postgres', 'DROP ROLE reader');
($out, $err) = restore($snapshot, 'sales.orders');
is( $out,
	'sales.orders|1000|t|{"ACL sales.orders","ACL sales.orders_id_seq","FK CONSTRAINT sales.orders orders_customer_fkey","POLICY sales.orders own","TRIGGER sales.orders always","TRIGGER sales.orders off"}',
	'what needs a missing table, function or role is left out, and named');
like(
	$err,
	qr/WARNING:  could not restore ACL sales\.orders: role "reader" does not exist\n/,
	'a warning names a missing role');
like(
	$err,
	qr/WARNING:  could not restore TRIGGER sales\.orders off: function sales\.stop\(\) does not exist\n/,
	'a warning names a missing function');
is( query(
		"SELECT has_table_privilege('guest', 'sales.orders', 'SELECT'), relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'sales.orders'::regclass"
	),
	't|t|t',
	'the privileges of existing roles, and row-level security, come back in spite of that'
);
query('DROP TABLE sales.orders');

#
# Nothing at all.
#

query('DROP TABLE sales.tree');
$before = definitions();
$error = error_of($snapshot, 'sales.tree');
like($error, qr/relation "sales\.tree_a" does not exist/,
	'a table is not restored without one of its partitions');
left_nothing($before, 'a restore without a partition');

query('DROP TYPE sales.mood');
$before = definitions();
$error = error_of($snapshot, 'sales.orders');
like(
	$error,
	qr/ERROR:.*could not restore table "sales\.orders".*pg_restore failed.*\n(.*\n)*.*type "sales\.mood" does not exist/,
	'a table whose type is missing is not restored, and the error names the type'
);
left_nothing($before, 'a restore that fails');

query(
	"CREATE TYPE sales.mood AS ENUM ('good', 'bad'); CREATE OR REPLACE FUNCTION sales.twice(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1 / (500 - \$1)'"
);
$before = definitions();
$error = error_of($snapshot, 'sales.orders');
like($error, qr/division by zero/,
	'an error in the middle of the rows fails the restore');
left_nothing($before, 'a restore that fails in the middle of the rows');

like(
	error_of($snapshot, 'sales.nothing'),
	qr/ERROR:  42P01: .*: snapshot ".*" has no table "sales\.nothing"/,
	'a table that the snapshot does not have is named');
like(
	error_of($snapshot, 'sales.good'),
	qr/has no table "sales\.good"\n.*DETAIL:  Only tables can be restored/,
	'a view is no table');
like(
	error_of($snapshot, 'sales.orders', 'nowhere.orders'),
	qr/ERROR:  3F000: .*: schema "nowhere" does not exist/,
	'the schema of the target must exist');
like(
	error_of($snapshot, 'sales.orders', 'pg_temp.orders'),
	qr/ERROR:  42939: .*: unacceptable schema name "pg_temp"/,
	'the target is not in a schema of the system');
like(
	error_of($snapshot, 'a.b.c'),
	qr/ERROR:  42601: improper qualified name \(too many dotted names\): a\.b\.c/,
	'a name has at most two parts');

# who may call it, and when
(undef, $out, $err) =
  $node->psql('shop', restoring($snapshot, 'sales.orders'),
	extra_params => [ '-U', 'nobody' ]);
like(
	$err,
	qr/ERROR:  permission denied for function snapshot_restore_table/,
	'a role without the privilege cannot restore a table');
query(
	'GRANT EXECUTE ON FUNCTION snapshot_restore_table(text, text, text) TO nobody'
);
$before = definitions();
(undef, $out, $err) =
  $node->psql('shop', restoring($snapshot, 'sales.orders'),
	extra_params => [ '-U', 'nobody' ]);
like(
	$err,
	qr/permission denied for schema sales\n/,
	'a role that may execute the function needs CREATE on the schema, too');
(undef, $out, $err) =
  $node->psql('shop', 'BEGIN; CREATE TABLE t (); ' . restoring($snapshot, 'sales.orders'));
like($err, qr/this transaction has written/,
	'a transaction that has written cannot restore a table');
(undef, $out, $err) =
  $node->psql('shop',
	'BEGIN; LOCK TABLE sales.log IN SHARE MODE; ' . restoring($snapshot, 'sales.orders'));
like($err, qr/this transaction has locked a table/,
	'nor can one that has locked a table');
(undef, $out, $err) =
  $node->psql('shop',
	'BEGIN READ ONLY; ' . restoring($snapshot, 'sales.orders'));
like($err, qr/in a read-only transaction/, 'nor can a read-only one');
left_nothing($before, 'a refused restore');

# a cancel at each step
foreach my $step ('rows in scratch', 'table dumped')
{
	hold_at($node, $step);
	$session = start_query($node, restoring($snapshot, 'sales.log_2025', 'attic.kept'),
		'shop');
	wait_until_held($node, $step);
	$node->safe_psql('postgres',
		"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%attic.kept%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
	);
	(undef, $err) = finish_query($session);
	like($err, qr/canceling statement due to user request/,
		"a restore at \"$step\" can be canceled");
	let_go($node);
	$node->poll_query_until('postgres',
		'SELECT count(*) = 0 FROM snapshot_progress()');
	left_nothing($before, "a restore that is canceled at \"$step\"");
}

# other sessions
hold_at($node, 'table dumped');
$session =
  start_query($node, restoring($snapshot, 'sales.log_2025', 'attic.kept'),
	'shop');
wait_until_held($node, 'table dumped');
is( query(
		"BEGIN; LOCK TABLE sales.log IN ACCESS EXCLUSIVE MODE; INSERT INTO sales.log VALUES ('2025-01-01', 'a'); COMMIT; SELECT count(*) FROM sales.log"
	),
	501,
	'other sessions use all tables during a restore');
let_go($node);
($out, $err) = finish_query($session);
is($out, 'attic.kept|213|t|{"TABLE ATTACH sales.log"}',
	'and the restore ends as usual');

query(qq(DROP TABLE sales."two\nlines"));
($out, $err) = restore($snapshot, qq("two\nlines"));
like($out, qr/^sales\."two\nlines"\|1\|t\|\{\}$/, 'a table whose name has two lines is found without its schema');

# a pg_restore whose sessions the server does not recognize
$before = definitions();
reload_with($node,
	bin_directory => install_fake_program($node, 'pg_restore', "unset PGOPTIONS\nexec REAL \"\$@\"\n"));
like(
	error_of($snapshot, 'sales.log_2025', 'attic.blind'),
	qr/ERROR: .*the server did not recognize the sessions of pg_restore.*HINT: .*PGOPTIONS/s,
	'a restore whose sessions the server does not recognize fails, and the hint says why');
left_nothing($before, 'a restore whose sessions the server does not recognize');
reload_with($node, bin_directory => '');

# a synchronous standby that is down
$node->append_conf('postgresql.conf', "synchronous_standby_names = 'nowhere'");
$node->reload;
$session =
  start_query($node, restoring($snapshot, 'sales.log_2025', 'attic.waited'),
	'shop');
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
is(query("SELECT count(*) FROM attic.waited"),
	213, 'a restore waits for a standby once the table is there');
$node->safe_psql('postgres',
	"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%attic.waited%' AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
);
finish_query($session);
is(query("SELECT count(*) FROM attic.waited"),
	213, 'a restore that is canceled in this wait leaves the whole table');

$node->stop;
done_testing();
