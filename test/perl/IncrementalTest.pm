
# Copyright (c) 2026, the snapshot_worker developers

# Which tables an incremental snapshot has read, and whether what it holds is
# what the server has.

package IncrementalTest;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

our @EXPORT = qw(
  incremental_node take_app tables_read is_read next_reads reads_after is_right
  files_of rows_in  execute in_session start_held go_on
);

# No file is compressed, and one is a link only where the rows of its table were
# taken from the base.
my $settings = <<'EOF';
fsync = on
autovacuum = off
snapshot_worker.format = directory
snapshot_worker.compress = none
snapshot_worker.globals = off
snapshot_worker.verify = off
snapshot_worker.full_interval = 0
snapshot_worker.jobs = 2
snapshot_worker.share_files = off
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
EOF

# A node as snapshot_node makes it, with these settings and a database "app".
sub incremental_node
{
	my ($name, %options) = @_;

	$options{conf} = $settings . ($options{conf} // '');
	my ($node, $directory) = snapshot_node($name, %options);

	$node->safe_psql('postgres', 'CREATE DATABASE app')
	  if $options{start} // 1;
	return ($node, $directory);
}

# Take a snapshot of database "app"; returns its name.
sub take_app
{
	my ($node) = @_;

	return take_snapshot($node, 'app');
}

# The tables that a snapshot has data of: name, OID and file of each.
sub tables_in
{
	my ($directory, $name) = @_;
	my ($database) = split /\//, $name;
	my $dump = "$directory/$name/$database.dump";
	my ($list) = run_command([ 'pg_restore', '--list', $dump ]);

	return map {
		/^(\d+); \d+ (\d+) TABLE DATA (\S+) (\S+) /
		  ? { name => "$3.$4", oid => $2, file => "$dump/$1.dat" }
		  : ()
	} split /\n/, $list;
}

# The data files of a snapshot, by the names of their tables.
sub files_of
{
	my ($directory, $name) = @_;

	return { map { ($_->{name} => $_->{file}) } tables_in($directory, $name) };
}

# The rows of a data file.
sub rows_in
{
	my ($file) = @_;
	my $text = slurp_file($file);

	$text =~ s/\\\.\n+\z// or die "no end of data in $file";
	return $text;
}

# The tables that a snapshot has read, without "public.", sorted, as a string;
# "everything" where it builds on no other.
sub tables_read
{
	my ($directory, $name) = @_;
	my $base = manifest_of($directory, $name)->{base};

	return 'everything' unless defined $base;
	my (undef, @lines) =
	  map { decode_json($_) } slurp_lines("$directory/$base/base.json");
	my %before = map { ($_->{oid} => $_->{inode}) } @lines;

	return join ' ', sort map { $_->{name} =~ s/^public\.//r }
	  grep { ($before{ $_->{oid} } // 0) != (stat $_->{file})[1] }
	  tables_in($directory, $name);
}

# Both the tables that a snapshot has read, and its rows, are as expected.
sub is_read
{
	my ($node, $directory, $name, $expected, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(tables_read($directory, $name), $expected, $test_name);
	return is_right($node, $directory, $name, "$test_name: its rows are right");
}

# The tables that the next snapshot of "app" reads are as expected, and its rows
# right.  Returns its name.
sub next_reads
{
	my ($node, $directory, $expected, $test_name) = @_;
	my $name = take_app($node);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_read($node, $directory, $name, $expected, $test_name);
	return $name;
}

# The same after statements.
sub reads_after
{
	my ($node, $directory, $expected, $test_name, @statements) = @_;

	execute($node, @statements);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return next_reads($node, $directory, $expected, $test_name);
}

# The data files of a snapshot hold what COPY gives now.
sub is_right
{
	my ($node, $directory, $name, $test_name) = @_;
	my ($database) = split /\//, $name;
	my $files = files_of($directory, $name);
	my (%live, @wrong);

	local $ENV{PGOPTIONS} =
	  '-c TimeZone=UTC -c bytea_output=hex -c DateStyle=ISO -c IntervalStyle=postgres -c extra_float_digits=3 -c search_path=';
	my $copies = $node->safe_psql($database, <<'EOF');
SELECT format('\echo == %1$s.%2$s' || E'\n' || 'COPY %1$I.%2$I %3$s TO STDOUT;',
              nspname, relname,
              (SELECT '(' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')'
                 FROM pg_attribute
                WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                  AND attgenerated = ''))
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
 WHERE relkind = 'r' AND c.oid >= 16384 AND nspname NOT LIKE 'pg\_%'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid
                      AND d.classid = 'pg_class'::regclass AND deptype = 'e')
EOF
	my (undef, @parts) = split /^== (.*)\n/m,
	  "\n" . $node->safe_psql($database, $copies) . "\n", -1;
	while (@parts)
	{
		my ($table, $rows) = splice @parts, 0, 2;

		$live{$table} = $rows;
	}
	foreach my $table (sort keys %{ { %live, %$files } })
	{
		push @wrong, $table
		  unless defined $files->{$table}
		  && defined $live{$table}
		  && in_order(rows_in($files->{$table})) eq in_order($live{$table});
	}

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is("@wrong", '', $test_name);
}

# Rows, wherever in the table they are.
sub in_order
{
	my ($rows) = @_;

	return join "\n", sort split /\n/, $rows, -1;
}

# Execute statements in "app", each in a transaction of its own.
sub execute
{
	my ($node, @statements) = @_;

	$node->safe_psql('app', $_) foreach @statements;
	return;
}

# Execute statements in a session of PsqlSession, none of which may fail.
sub in_session
{
	my ($session, $statements) = @_;

	$session->execute($statements);
	die $session->{err} if $session->{err} =~ /ERROR|FATAL/;
	return;
}

# Start a snapshot of a database, and wait until pg_dump is held at a step; for
# go_on.  Such a database has one table: each one is held.
sub start_held
{
	my ($node, $database, $step) = @_;

	hold_at($node, $step);
	my $run = start_query($node, "SELECT snapshot_now('$database')");

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until_dump_held($node, $step);
	return $run;
}

# Let a held snapshot go on, up to another step, or to its end; returns its name.
sub go_on
{
	my ($node, $run, $step) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	if (defined $step)
	{
		hold_at($node, $step);
		wait_until_dump_held($node, $step);
		return;
	}
	let_go($node);
	my ($name, $error) = finish_query($run);
	is($error, '', 'the snapshot is taken');
	return $name;
}

# Wait until a session of pg_dump is held at a step.
sub wait_until_dump_held
{
	my ($node, $step) = @_;

	return wait_until(
		"pg_dump is at \"$step\"",
		sub {
			$node->safe_psql('postgres', <<EOF);
SELECT min(pid) FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND query = 'held at $step'
EOF
		});
}

1;
