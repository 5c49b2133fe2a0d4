
# Copyright (c) 2026, the snapshot_worker developers

# Incremental snapshots of all that pg_dump finds hard restore to the database
# that was dumped, after no change and after many, on a cluster with data
# checksums and on one without.

use strict;
use warnings;

use DumpCompare;
use IncrementalTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# A row goes from every second table, and a third of them get a column.  What
# constraints and triggers do not let go stays.  In tables with parents or
# children, pg_dump gives columns another order.
my $changes = <<'EOF';
DO $$
DECLARE
	changed record;
BEGIN
	FOR changed IN
		SELECT c.oid::regclass AS name, row_number() OVER (ORDER BY c.oid) AS n,
			c.reloftype <> 0 OR EXISTS (SELECT FROM pg_inherits WHERE c.oid IN (inhrelid, inhparent)) AS has_relatives
		  FROM pg_class c
		 WHERE c.relkind = 'r' AND c.oid >= 16384
			AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
	LOOP
		BEGIN
			IF changed.n % 2 = 0 THEN
				EXECUTE format('DELETE FROM ONLY %s WHERE ctid = (SELECT min(ctid) FROM ONLY %1$s)', changed.name);
			END IF;
			IF changed.n % 3 = 0 AND NOT changed.has_relatives THEN
				EXECUTE format('ALTER TABLE %s ADD added_later int DEFAULT 7', changed.name);
			END IF;
		EXCEPTION WHEN OTHERS THEN
			RAISE NOTICE '%: %', changed.name, SQLERRM;
		END;
	END LOOP;
END
$$;
REFRESH MATERIALIZED VIEW hard.m_full;
REFRESH MATERIALIZED VIEW hard.a_first;
CREATE TABLE public.made_later AS SELECT generate_series(1, 1000) AS i;
EOF

# Restores a snapshot and compares it with the database.
sub is_restored
{
	my ($node, $name, $target, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->safe_psql('postgres', "SELECT snapshot_restore('$name', '$target')");
	is_same_database($node, 'hard', $target, $test_name);
	$node->safe_psql('postgres', "DROP DATABASE $target");
	return;
}

foreach my $checksums ('off', 'on')
{
	my ($major) = `postgres --version` =~ /(\d+)/;
	my @extra = $checksums eq 'on' ? ('-k') : $major >= 18 ? ('--no-data-checksums') : ();
	my ($node, $directory) = incremental_node(
		"checksums_$checksums",
		init => [ extra => [ '--encoding=UTF8', '--locale=C', @extra ] ]);
	my $listed = sub {
		my ($column, $name) = @_;

		return $node->safe_psql('postgres',
			"SELECT $column FROM snapshot_list() WHERE name = '$name'");
	};

	is($node->safe_psql('postgres', 'SHOW data_checksums'), $checksums,
		"the cluster has data checksums $checksums");
	$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
	$node->command_ok(
		[
			'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
		],
		"psql makes the hard database with data checksums $checksums");
	my $full = take_snapshot($node, 'hard');
	my $unchanged = take_snapshot($node, 'hard');

	is($listed->('base', $unchanged), $full,
		"a snapshot of the unchanged hard database is incremental, with data checksums $checksums");
	cmp_ok($listed->('tables_same', $unchanged), '>', $listed->('tables_read', $unchanged),
		"most tables of the unchanged hard database are not read, with data checksums $checksums");
	is_restored($node, $unchanged, 'unchanged',
		"a snapshot that took unchanged tables from another restores to the hard database, with data checksums $checksums");
	$node->safe_psql('postgres', "SELECT snapshot_verify('$unchanged', restore => true)");
	is($listed->('problem', $unchanged), '',
		"a test restore finds nothing wrong with a snapshot of unchanged tables, with data checksums $checksums");

	$node->safe_psql('hard', $changes);
	my $changed = take_snapshot($node, 'hard');
	cmp_ok($listed->('tables_read', $changed), '>', $listed->('tables_read', $unchanged),
		"tables that have changed are read, with data checksums $checksums");
	cmp_ok($listed->('tables_same', $changed), '>', 0,
		"tables that have not changed beside those are not read, with data checksums $checksums");
	is_restored($node, $changed, 'changed',
		"a snapshot after many changes restores to the hard database, with data checksums $checksums");
	$node->safe_psql('postgres', "SELECT snapshot_verify('$changed', restore => true)");
	is($listed->('problem', $changed), '',
		"a test restore finds nothing wrong with a snapshot after many changes, with data checksums $checksums");
	is_deeply([ damages($directory) ], [],
		"all snapshots of the hard database match their manifests, with data checksums $checksums");
	$node->stop;
}
done_testing();
