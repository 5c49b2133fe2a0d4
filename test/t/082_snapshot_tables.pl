
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_tables(), snapshot_diff() and snapshot_schema(): what is in a
# snapshot, what has changed, and how it was defined.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => <<'EOC');
snapshot_worker.retention_manual = 1000
snapshot_worker.format = directory
EOC

sub ask
{
	my ($sql, $database) = @_;
	my (undef, $out, $err) = $node->psql($database // 'app', $sql);

	return ($out, $err);
}

$node->safe_psql('postgres', 'CREATE DATABASE app; CREATE ROLE owner; CREATE ROLE reader; CREATE ROLE "an owner"');
$node->safe_psql('app', <<'EOF');
CREATE EXTENSION snapshot_worker;
CREATE SCHEMA sales;
CREATE SCHEMA "a b";
CREATE SCHEMA a;
CREATE TABLE sales.stays AS SELECT g AS n FROM generate_series(1, 1000) g;
CREATE TABLE sales.changes AS SELECT g AS n FROM generate_series(1, 1000) g;
CREATE TABLE sales.grows AS SELECT g AS n FROM generate_series(1, 1000) g;
CREATE TABLE sales.goes AS SELECT g AS n FROM generate_series(1, 10) g;
-- three that a list shows alike, but for their owners
CREATE TABLE "a b".c AS SELECT 1 AS n;
CREATE TABLE a."b c" AS SELECT g AS n FROM generate_series(1, 2) g;
CREATE TABLE a."b c d" AS SELECT g AS n FROM generate_series(1, 3) g;
ALTER TABLE "a b".c OWNER TO "an owner";
CREATE TABLE parts (n int) PARTITION BY LIST (n);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
INSERT INTO parts VALUES (1), (1);
EOF
$node->safe_psql('app', qq{CREATE TABLE a."line\nbreak" AS SELECT g AS n FROM generate_series(1, 5) g});
my $one = take_snapshot($node, 'app');

is($node->safe_psql('app', qq{SELECT schema, replace("table", E'\\n', '/'), rows, shared FROM snapshot_tables('$one')}),
	<<'EOF' =~ s/\n\z//r, 'snapshot_tables lists all tables with their rows, whatever blanks are in their names');
a|b c|2|f
a|b c d|3|f
a|line/break|5|f
a b|c|1|f
public|part_1|2|f
sales|changes|1000|f
sales|goes|10|f
sales|grows|1000|f
sales|stays|1000|f
EOF
my %size = map { (stat "$directory/$one/$_->{path}")[7] => 1 } @{ manifest_of($directory, $one)->{files} };
is_deeply([ grep { !$size{$_} } split /\n/, $node->safe_psql('app', "SELECT bytes FROM snapshot_tables('$one')") ],
	[], 'the bytes of a table are those of a file');
is($node->safe_psql('app', "SELECT count(*) FROM snapshot_tables('$one') t, LATERAL (SELECT count(*) FROM snapshot_rows('$one', format('%I.%I', t.schema, t.\"table\")) AS (n int)) r WHERE r.count = t.rows"),
	'9', 'every table that is listed can be read by its name, and has these rows');

$node->safe_psql('app', <<'EOF');
UPDATE sales.changes SET n = -n WHERE n = 500;
INSERT INTO sales.grows VALUES (0);
DROP TABLE sales.goes;
CREATE TABLE sales.comes AS SELECT 77 AS n;
EOF
my $two = take_snapshot($node, 'app');
is($node->safe_psql('app', "SELECT \"table\" FROM snapshot_tables('$two') WHERE NOT shared"),
	"changes\ncomes\ngrows", 'a table whose file is that of the snapshot before is shared');
is($node->safe_psql('app', "SELECT schema, \"table\", change, rows_before, rows_after, bytes_before > 0, bytes_after > 0 FROM snapshot_diff('$one', '$two') WHERE change <> 'same'"),
	<<'EOF' =~ s/\n\z//r, 'snapshot_diff finds what was added, changed and dropped between two snapshots');
sales|changes|changed|1000|1000|t|t
sales|comes|added||1||t
sales|goes|dropped|10||t|
sales|grows|changed|1000|1001|t|t
EOF
is($node->safe_psql('app', "SELECT count(*) FROM snapshot_diff('$one', '$two') WHERE change = 'same' AND rows_before = rows_after AND bytes_before = bytes_after"),
	'6', 'snapshot_diff finds all other tables the same');
is($node->safe_psql('app', "SELECT string_agg(\"table\", ',') FROM snapshot_diff('$two', '$one') WHERE change = 'added'"),
	'goes', 'snapshot_diff goes both ways');

# The live database
$node->safe_psql('app', 'DROP TABLE sales.stays; CREATE TABLE sales.new (n int); CREATE TEMP TABLE unseen (n int); CREATE VIEW v AS SELECT 1 AS n');
is($node->safe_psql('app', "SELECT schema, \"table\", change, rows_before, rows_after FROM snapshot_diff('$two') WHERE change IS NOT NULL"),
	"sales|new|added||\nsales|stays|dropped|1000|", 'snapshot_diff compares the names of tables with the current database');
is($node->safe_psql('app', "SELECT count(*) FROM snapshot_diff('$two') WHERE change IS NULL"),
	'8', 'whether a live table has changed is left open');
# operators of others are not used
is((ask(<<EOQ))[0], '10', 'snapshot_diff uses no operator of the search_path');
CREATE FUNCTION evil(oid, int) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
CREATE OPERATOR = (LEFTARG = oid, RIGHTARG = int, FUNCTION = evil);
SELECT count(*) FROM snapshot_diff('$two');
EOQ

# Other formats and compressions
reload_with($node, compress => 'none');
my $other = take_snapshot($node, 'app');
is($node->safe_psql('app', "SELECT \"table\", change FROM snapshot_diff('$two', '$other') WHERE \"table\" IN ('changes', 'stays')"),
	"changes|\nstays|dropped", 'files that are not compressed alike are not compared');
reload_with($node, format => 'custom');
my $custom = take_snapshot($node, 'app');
$node->safe_psql('app', 'DELETE FROM sales.grows WHERE n = 0');
my $custom_later = take_snapshot($node, 'app');
is($node->safe_psql('app', "SELECT rows, bytes, shared FROM snapshot_tables('$custom') WHERE \"table\" = 'grows'"),
	'1001||', 'custom format has no bytes of a table');
is($node->safe_psql('app', "SELECT \"table\", change, rows_before, rows_after, bytes_after FROM snapshot_diff('$custom', '$custom_later') WHERE schema = 'sales'"),
	"changes||1000|1000|\ncomes||1|1|\ngrows|changed|1001|1000|\nnew||0|0|", 'in custom format, only another number of rows is a change');

# Without counts, names come from the list alone.
{
	my $file = "$directory/$two/manifest.json";
	my $text = slurp_file($file);

	$text =~ s/("row_counts": \[).*?\]/$1]/s or die;
	unlink $file;
	append_to_file($file, $text);
	is($node->safe_psql('app', "SELECT schema, \"table\", rows FROM snapshot_tables('$two') WHERE schema ~ '^a'"),
		"a|b c|\na|b c d|\na|line break|\na b|c|", 'without counts, the names of tables come from pg_restore');
}

# Definitions
$node->safe_psql('app', <<'EOF');
CREATE TABLE sales.customers (id int PRIMARY KEY);
CREATE TABLE sales.orders (
	id serial PRIMARY KEY, customer int CONSTRAINT to_customer REFERENCES sales.customers,
	line int GENERATED ALWAYS AS IDENTITY, what text DEFAULT 'it''s; "x"', CONSTRAINT not_empty CHECK (what <> ''));
CREATE INDEX by_what ON sales.orders (what);
CREATE STATISTICS sales.two_columns ON customer, what FROM sales.orders;
CREATE FUNCTION sales.orders() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; -- ; '
END$$;
COMMENT ON FUNCTION sales.orders() IS 'of the function';
CREATE TRIGGER changed BEFORE INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.orders();
CREATE RULE quiet AS ON DELETE TO sales.orders DO ALSO NOTHING;
ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON sales.orders USING (true);
COMMENT ON TABLE sales.orders IS 'of the table';
COMMENT ON COLUMN sales.orders.what IS 'of the column';
COMMENT ON INDEX sales.by_what IS 'of the index';
COMMENT ON CONSTRAINT not_empty ON sales.orders IS 'of the constraint';
COMMENT ON TRIGGER changed ON sales.orders IS 'of the trigger';
COMMENT ON STATISTICS sales.two_columns IS 'of the statistics';
COMMENT ON SEQUENCE sales.orders_id_seq IS 'of the sequence';
GRANT SELECT ON sales.orders TO reader;
GRANT UPDATE (what) ON sales.orders TO reader;
ALTER TABLE sales.orders OWNER TO owner;
CREATE TABLE sales.payments (order_id int CONSTRAINT to_order REFERENCES sales.orders);
CREATE VIEW sales.seen AS SELECT id FROM sales.orders;
COMMENT ON VIEW sales.seen IS 'of the view';
EOF
foreach my $format ('custom', 'directory')
{
	reload_with($node, format => $format);
	my $name = take_snapshot($node, 'app');
	my ($sql, $err) = ask("SELECT snapshot_schema('$name', 'sales.orders')");

	is($err, '', "snapshot_schema of a table raises no error ($format)");
	foreach my $part (
		'CREATE TABLE sales.orders', 'OWNER TO owner', 'CREATE SEQUENCE sales.orders_id_seq', 'OWNED BY sales.orders.id',
		q{SET DEFAULT nextval('sales.orders_id_seq'}, 'ADD GENERATED ALWAYS AS IDENTITY', 'PRIMARY KEY (id)', 'CREATE INDEX by_what',
		'CREATE STATISTICS sales.two_columns', 'CREATE TRIGGER changed', 'CREATE RULE quiet', 'CREATE POLICY mine', 'ENABLE ROW LEVEL SECURITY',
		'FOREIGN KEY (customer)', q{DEFAULT 'it''s; "x"'}, 'GRANT SELECT ON TABLE sales.orders TO reader', 'GRANT UPDATE(what)',
		map { "IS 'of the $_'" } qw(table column index constraint trigger statistics sequence))
	{
		like($sql, qr/\Q$part\E/, "the definition of a table has $part ($format)");
	}
	unlike($sql, qr/CREATE TABLE sales.customers|payments|of the function|CREATE FUNCTION|CREATE VIEW|CREATE SCHEMA/,
		"the definition of a table has nothing of other objects ($format)");

	# It makes the same table again.
	$node->safe_psql('app', 'ALTER TABLE sales.payments DROP CONSTRAINT to_order; DROP VIEW sales.seen; DROP TABLE sales.orders');
	$node->safe_psql('app', $sql);
	my ($view) = ask("SELECT snapshot_schema('$name', 'seen')");
	like($view, qr/CREATE VIEW sales.seen.*of the view/s, "a view is found without its schema ($format)");
	$node->safe_psql('app', $view);
	$node->safe_psql('app', 'ALTER TABLE sales.payments ADD CONSTRAINT to_order FOREIGN KEY (order_id) REFERENCES sales.orders');
	my $again = take_snapshot($node, 'app');
	is((ask("SELECT snapshot_schema('$again', 'sales.orders')"))[0], $sql, "what snapshot_schema returns makes the same table ($format)");

	my ($all) = ask("SELECT snapshot_schema('$name')");
	like($all, qr/CREATE SCHEMA sales.*CREATE TABLE sales.customers.*FOREIGN KEY/s, "snapshot_schema without a table has all definitions ($format)");
	unlike($all, qr/^COPY /m, "definitions contain no rows ($format)");
	my $parts = (ask("SELECT snapshot_schema('$name', 'part_1')"))[0];
	like($parts, qr/CREATE TABLE public.part_1.*ATTACH PARTITION public.part_1/s, "the definition of a partition attaches it ($format)");
	unlike((ask("SELECT snapshot_schema('$name', 'parts')"))[0], qr/part_1/, "the definition of a partitioned table is without its partitions ($format)");
	like((ask("SELECT snapshot_schema('$name', 'nothing')"))[1], qr/ERROR:  .*has no table "nothing"/, "an unknown table is an error ($format)");
}

# Arguments and roles
foreach my $call ('snapshot_tables(NULL)', 'snapshot_diff(NULL)', 'snapshot_schema(NULL)')
{
	like((ask("SELECT $call"))[1], qr/ERROR:  .*must not be null/, "$call is refused");
}
foreach my $call ("snapshot_tables('latest')", "snapshot_diff('latest')", "snapshot_schema('latest')")
{
	is((ask("SELECT count(*) > 0 FROM $call"))[0], 't', "$call takes the newest snapshot of the database");
	like((ask("SET ROLE owner; SELECT $call"))[1], qr/ERROR:  permission denied for function/, "a role without privileges cannot call $call");
}
my $broken = take_snapshot($node, 'app');
append_to_file("$directory/$broken/app.dump/toc.dat", 'x');
foreach my $call ("snapshot_tables('$broken')", "snapshot_diff('$one', '$broken')", "snapshot_schema('$broken')")
{
	like((ask("SELECT $call"))[1], qr/ERROR:  snapshot "\Q$broken\E" is damaged/, 'a damaged table of contents is an error of ' . $call =~ s/\(.*//sr);
}
is($node->safe_psql('app', "SELECT snapshot_delete('$_', true)"), '', "$_ is not held by a query that has ended")
  foreach $broken, $one;

done_testing();
