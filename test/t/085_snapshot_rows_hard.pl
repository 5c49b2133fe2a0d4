
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_rows() and snapshot_tables() against all that pg_dump finds hard: for
# every table, what is read from the snapshot is what the table has, in both
# formats.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) =
  snapshot_node('main', init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);

# Tables, and how each is read.  A dump has no values of generated columns, and
# no rows of foreign tables.  The rows of a parent are its own, and those of a
# partitioned table all.
my $compare = <<'EOF';
CREATE TEMP TABLE compared (name text, rows bigint, different bigint);
DO $$
DECLARE
	compared record;
	rows bigint;
	different bigint;
BEGIN
	FOR compared IN
		SELECT c.oid::regclass::text AS name, c.relkind,
			coalesce(string_agg(format('r.%I', a.attname), ', ' ORDER BY a.attnum)
				FILTER (WHERE a.attname IS NOT NULL), '') AS columns
		  FROM pg_class c
		  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
			AND NOT a.attisdropped AND a.attgenerated = ''
		 WHERE c.relkind IN ('r', 'p') AND c.oid >= 16384 AND c.relpersistence <> 't'
			AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
				AND d.objid = c.oid AND d.deptype = 'e')
			AND (c.relkind = 'r' OR EXISTS (SELECT FROM pg_partition_tree(c.oid) WHERE isleaf AND level > 0))
			AND NOT EXISTS (SELECT FROM pg_partition_tree(c.oid) p JOIN pg_class f ON f.oid = p.relid WHERE f.relkind = 'f')
		 GROUP BY c.oid, c.relkind
	LOOP
		BEGIN
			EXECUTE format($q$
				WITH snapshot AS (SELECT ROW(%1$s)::text FROM snapshot_rows(%2$L, NULL::%3$s) r),
					live AS (SELECT ROW(%1$s)::text FROM %4$s %3$s r)
				SELECT (SELECT count(*) FROM live),
					(SELECT count(*) FROM (TABLE snapshot EXCEPT ALL TABLE live) d) +
					(SELECT count(*) FROM (TABLE live EXCEPT ALL TABLE snapshot) d)
				$q$, compared.columns, 'NAME', compared.name,
				CASE compared.relkind WHEN 'r' THEN 'ONLY' ELSE '' END)
			   INTO rows, different;
			INSERT INTO compared VALUES (compared.name, rows, different);
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO compared VALUES (compared.name || ': ' || SQLERRM, 0, 1);
		END;
	END LOOP;
END
$$;
SELECT count(*) || ' ' || sum(rows) FROM compared;
SELECT name || ': ' || different FROM compared WHERE different <> 0 ORDER BY name;
EOF

$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'psql makes the hard database');
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format);
	my $name = take_snapshot($node, 'hard');

	$node->safe_psql('hard', 'CREATE EXTENSION snapshot_worker');
	my ($compared, @different) =
	  split /\n/, $node->safe_psql('hard', $compare =~ s/NAME/$name/r);
	my ($tables, $rows) = split / /, $compared;
	cmp_ok($tables, '>', 50, "many tables are read from a snapshot in $format format");
	cmp_ok($rows, '>', 1000, "many rows are read from a snapshot in $format format");
	is_deeply(\@different, [],
		"every table of a snapshot in $format format has the rows of the live table");
	is( $node->safe_psql('hard', <<"EOF"),
SELECT count(*) FROM snapshot_tables('$name') t
 WHERE rows IS NOT NULL AND to_regclass(format('%I.%I', schema, "table")) IS NULL
EOF
		0,
		"every table with rows in a snapshot in $format format is a table of the database");
	$node->safe_psql('hard', 'DROP EXTENSION snapshot_worker');
}
$node->stop;
done_testing();
