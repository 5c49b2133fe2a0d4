
# Copyright (c) 2026, the snapshot_worker developers

# Random statements run before, during and after incremental snapshots of a
# primary and of its standby.  Each data file of each snapshot must have the rows
# that COPY gives in the very same MVCC snapshot.
#
# SNAPSHOT_FUZZ_SEED repeats a round that failed; SNAPSHOT_FUZZ_SECONDS is the
# time that it takes ("make fuzz-incremental").

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PsqlSession;
use SnapshotTest;
use Test::More;
use Time::HiRes;

my $seed = $ENV{SNAPSHOT_FUZZ_SEED} // int(rand(2**31));
my $seconds = $ENV{SNAPSHOT_FUZZ_SECONDS} // 0;
my $rounds = $seconds > 0 ? 1_000_000 : 16;
my $checksums = $seed % 2;

srand($seed);
diag "seed $seed";

my @tables = map { "t$_" } 1 .. 12;
my $conf = <<'EOF';
fsync = on
full_page_writes = on
synchronous_commit = off
autovacuum = off
max_prepared_transactions = 10
restart_after_crash = on
deadlock_timeout = 10ms
lock_timeout = 200ms
log_min_messages = warning
snapshot_worker.format = directory
snapshot_worker.compress = '0'
snapshot_worker.globals = off
snapshot_worker.verify = off
snapshot_worker.share_files = off
snapshot_worker.full_interval = 0
snapshot_worker.retention = 5
snapshot_worker.retention_manual = 5
EOF
my ($primary, $primary_directory) = snapshot_node('primary',
	init => [ allows_streaming => 1, extra => $checksums ? ['-k'] : [] ], conf => $conf);
$primary->safe_psql('postgres', 'CREATE DATABASE app');
$primary->safe_psql('app', <<'EOF');
CREATE TYPE mood AS ENUM ('a', 'b', 'c');
CREATE TYPE pair AS (x int, y text);
EOF
$primary->safe_psql('app', create_table($_)) foreach @tables;
$primary->backup('base');
my $standby = SnapshotTest::Node->new('standby');
my $standby_directory = $standby->basedir . '/snapshots';
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', <<EOF);
snapshot_worker.directory = '$standby_directory'
snapshot_worker.run_on = any
max_standby_streaming_delay = 1s
EOF
$standby->start;

my @sessions = map { { sql => PsqlSession->new($primary, 'app') } } 1 .. 4;
my $prepared = 0;

sub create_table
{
	my ($table) = @_;

	return "CREATE TABLE $table (id int, m mood, p pair, v text) WITH (autovacuum_enabled = off);"
	  . "INSERT INTO $table SELECT g, 'a', (g, 'y')::pair, repeat('v', 100) FROM generate_series(1, 300) g";
}

sub one_of
{
	return $_[ rand @_ ];
}

# The tables that most statements of a round are about.
my @hot = @tables;

sub random_table
{
	return one_of(rand() < 0.9 ? @hot : @tables);
}

# A statement that changes rows, or may.
sub random_change
{
	my $table = random_table();
	my $id = int rand 400;

	return one_of(
		"INSERT INTO $table VALUES ($id, 'b', ($id, 'z')::pair, repeat('w', 1 + $id))",
		"INSERT INTO $table SELECT g, 'c', NULL, 'n' FROM generate_series(1, 50) g",
		"UPDATE $table SET v = v || 'u' WHERE id % 50 = $id % 50",
		"UPDATE $table SET id = id + 1 WHERE id = $id",
		"UPDATE $table SET m = 'c' WHERE id BETWEEN $id AND $id + 3",
		"UPDATE $table SET v = repeat(md5(id::text), 200) WHERE id = $id",
		"DELETE FROM $table WHERE id = $id",
		"DELETE FROM $table WHERE id > $id",
		"DELETE FROM $table WHERE ctid >= '(2,0)'",
		"DELETE FROM $table WHERE ctid >= (SELECT max(ctid) FROM $table)",
		"SELECT count(*) FROM $table WHERE id < $id",
		"SELECT FROM $table WHERE id < $id FOR KEY SHARE",
		"SELECT FROM $table WHERE id % 7 = 0 FOR UPDATE");
}

# A statement that stands in a transaction of its own.
sub random_maintenance
{
	my $table = random_table();
	my $other = random_table();

	return one_of(
		("VACUUM $table") x 6,
		"VACUUM (FREEZE) $table",
		"VACUUM (TRUNCATE false) $table",
		"VACUUM FULL $table",
		"CHECKPOINT",
		"BEGIN; TRUNCATE $table; COMMIT",
		"BEGIN; TRUNCATE $table; INSERT INTO $table VALUES (1, 'a'); ROLLBACK",
		"BEGIN; TRUNCATE $table; COPY $table (id, v) FROM PROGRAM 'echo \"1\tcopied\"' (FREEZE); COMMIT",
		"ALTER TABLE $table ALTER v TYPE varchar",
		"ALTER TABLE $table ALTER v TYPE text",
		"ALTER TABLE $table ALTER id TYPE bigint",
		"ALTER TABLE $table ALTER id TYPE int",
		"ALTER TABLE $table SET UNLOGGED",
		"ALTER TABLE $table SET LOGGED",
		"ALTER TABLE $table ADD w int DEFAULT 7",
		"ALTER TABLE $table DROP w",
		"ALTER TYPE mood RENAME VALUE 'a' TO 'x'; ALTER TYPE mood RENAME VALUE 'x' TO 'a'",
		"ALTER TYPE mood RENAME VALUE 'c' TO 'd'; ALTER TYPE mood RENAME VALUE 'd' TO 'c'",
		"CREATE INDEX IF NOT EXISTS ${table}_id ON $table (id); CLUSTER $table USING ${table}_id",
		"DROP TABLE $table; " . create_table($table),
		"BEGIN; ALTER TABLE $table RENAME TO swap; ALTER TABLE $other RENAME TO $table; ALTER TABLE swap RENAME TO $other; COMMIT",
		"INSERT INTO $table SELECT * FROM $other");
}

# Make a session do something, and perhaps leave its transaction open.
sub make_random_step
{
	my ($session, $may_maintain) = @_;
	my @statements;

	if (!$session->{open})
	{
		if ($may_maintain && rand() < 0.3)
		{
			$session->{sql}->send_sql(random_maintenance());
			return;
		}
		push @statements, 'BEGIN' if rand() < 0.6;
		$session->{open} = @statements > 0;
	}
	foreach (1 .. 1 + int rand 3)
	{
		push @statements, 'SAVEPOINT s' if $session->{open} && rand() < 0.4;
		push @statements, random_change();
		push @statements, one_of('ROLLBACK TO s', 'RELEASE s') if $session->{open} && rand() < 0.4;
	}
	if ($session->{open} && rand() < 0.5)
	{
		push @statements,
		  one_of('COMMIT', 'COMMIT', 'ROLLBACK', "PREPARE TRANSACTION 'p" . $prepared++ . "'");
		$session->{open} = 0;
	}
	$session->{sql}->send_sql(@statements);
	return;
}

# End all open and prepared transactions that could be in the way of DDL.
sub end_some_transactions
{
	my ($share) = @_;

	foreach my $session (@sessions)
	{
		next if !$session->{open} || rand() > $share;
		$session->{sql}->send_sql(one_of('COMMIT', 'COMMIT', 'ROLLBACK'));
		$session->{open} = 0;
	}
	foreach (split /\n/, $primary->safe_psql('app', 'SELECT gid FROM pg_prepared_xacts ORDER BY gid'))
	{
		next if rand() > $share;
		$sessions[0]{sql}->send_sql(one_of('COMMIT', 'ROLLBACK') . " PREPARED '$_'")
		  if !$sessions[0]{open};
	}
	return;
}

sub wait_for_sessions
{
	$_->{sql}->wait_for foreach @sessions;
	return;
}

# The identifier of the MVCC snapshot that the run has exported.
sub exported_snapshot
{
	my ($node) = @_;
	my ($file) = sort { -M $a <=> -M $b } glob($node->data_dir . '/pg_snapshots/*');

	die 'no snapshot is exported' if !defined $file;
	$file =~ s{.*/}{};
	return $file;
}

# The rows of all tables, sorted, by OID, in the MVCC snapshot of a session.  Dies if
# a conflict with recovery has ended its transaction.
sub expected_rows
{
	my ($session, $tables) = @_;
	my %rows;

	foreach my $table (@$tables)
	{
		my ($oid, $name, $columns) = @$table;
		$rows{$oid} = [ sort split /\n/, $session->execute("COPY public.$name ($columns) TO STDOUT") ];
	}
	die 'the transaction of the reader has failed' if $session->execute('SELECT true') ne "t\n";
	return \%rows;
}

# The rows in a snapshot, sorted, by OID of their table.
sub dumped_rows
{
	my ($path) = @_;
	my %rows;

	foreach (map { /^(\d+); \d+ (\d+) TABLE DATA/ ? [ $1, $2 ] : () } split /\n/,
		`pg_restore --list "$path/app.dump"`)
	{
		my ($id, $oid) = @$_;
		my @lines = split /\n/, slurp_file("$path/app.dump/$id.dat");
		pop @lines while @lines && $lines[-1] =~ /^(\\\.)?$/;
		$rows{$oid} = [ sort @lines ];
	}
	return \%rows;
}

# The first row that two tables do not both have, or undef.
sub difference
{
	my ($expected, $rows) = @_;

	return 'no file' if !defined $rows;
	foreach my $i (0 .. (@$expected > @$rows ? @$expected : @$rows) - 1)
	{
		my ($one, $other) = map { substr($_->[$i] // 'no row', 0, 60) } $expected, $rows;

		return "\"$other\" instead of \"$one\", " . @$rows . ' rows instead of ' . @$expected
		  if ($expected->[$i] // '') ne ($rows->[$i] // '');
	}
	return;
}

my $tables_same = 0;
my $compared = 0;

# Take a snapshot while statements run, and compare it.
sub take_and_compare
{
	my ($node, $directory, $round) = @_;
	my $full = rand() < 0.1 ? 'true' : 'false';
	my $name;

	hold_at($node, 'snapshot exported');
	my $run = start_query($node, "SELECT snapshot_now('app', \"full\" => $full)");
	wait_until(
		"round $round of seed $seed: a run is held, or has failed",
		sub {
			$run->{handle}->pump_nb;
			$run->{err} ne ''
			  || $node->safe_psql('postgres',
				"SELECT 1 FROM pg_stat_activity WHERE query = 'held at snapshot exported'");
		});
	if ($run->{err} ne '')
	{
		fail("round $round of seed $seed: a run begins");
		diag $run->{err};
		let_go($node);
		finish_query($run);
		return;
	}
	my $reader = PsqlSession->new($node, 'app');
	$reader->execute('BEGIN ISOLATION LEVEL REPEATABLE READ',
		"SET TRANSACTION SNAPSHOT '" . exported_snapshot($node) . "'");
	my @dumped = map { [ split /\|/ ] } split /\n/, $reader->execute(<<'EOF');
SELECT c.oid, c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery())
 GROUP BY c.oid, c.relname ORDER BY c.oid
EOF
	foreach (1 .. int rand 4)
	{
		make_random_step(one_of(@sessions), 1);
	}
	wait_for_sessions();
	$reader->execute('SET lock_timeout = 0', map { "LOCK public.$_->[1] IN ACCESS SHARE MODE" } @dumped);
	let_go($node);
	foreach (1 .. int rand 6)
	{
		make_random_step(one_of(@sessions), rand() < 0.5);
	}
	my (undef, $error) = finish_query($run);
	wait_for_sessions();
	$name = (snapshots($directory, 'app'))[-1];
	if ($error eq '')
	{
		my $manifest = manifest_of($directory, $name);
		my $expected = eval { expected_rows($reader, \@dumped) };
		my $rows = dumped_rows("$directory/$name");

		# the reader can be gone where pg_dump had already ended
		$expected //= {};
		my @wrong = grep { defined difference($expected->{$_}, $rows->{$_}) } sort keys %$expected;

		$tables_same += $manifest->{tables_same};
		$compared++ if %$expected;
		if (@wrong)
		{
			fail("round $round of seed $seed: each table has the rows of the MVCC snapshot");
			diag "wrong in $directory/$name, with base " . ($manifest->{base} // 'none');
			diag "$_: " . difference($expected->{$_}, $rows->{$_}) foreach @wrong;
			BAIL_OUT('stopped to keep the evidence') if $seconds > 0;
		}
	}
	# a strong lock, a table that is rewritten or dropped, or a conflict with recovery
	elsif ($error !~ /redefined after|relation .* does not exist|lock timeout|could not obtain lock|conflict with recovery|deadlock|canceling statement/)
	{
		fail("round $round of seed $seed: a run fails only for a reason that lies in the statements");
		diag $error;
	}
	$reader->close_session;
	return;
}

sub crash
{
	my ($node) = @_;

	if ($node == $primary)
	{
		$_->{sql}->close_session foreach @sessions;
	}
	$node->stop('immediate');
	$node->start;
	if ($node == $primary)
	{
		@sessions = map { { sql => PsqlSession->new($primary, 'app') } } 1 .. 4;
	}
	return;
}

my $deadline = time + $seconds;
my $round = 0;
while ($round++ < $rounds && ($seconds == 0 || time < $deadline))
{
	@hot = map { one_of(@tables) } 1 .. 3;
	end_some_transactions(rand() < 0.3 ? 1 : 0.4);
	foreach (1 .. int rand 5)
	{
		make_random_step(one_of(@sessions), 1);
	}
	wait_for_sessions();
	if (rand() < 0.75)
	{
		take_and_compare($primary, $primary_directory, $round);
	}
	else
	{
		$primary->wait_for_catchup($standby, 'replay', $primary->lsn('flush'))
		  if rand() < 0.7;
		take_and_compare($standby, $standby_directory, $round);
	}
	crash($primary) if rand() < 0.06;
	crash($standby) if rand() < 0.06;
}
wait_for_sessions();
$_->{sql}->close_session foreach @sessions;

cmp_ok($compared, '>=', $rounds > 100 ? 1 : $rounds / 2, 'most rounds take a snapshot whose rows are compared');
cmp_ok($tables_same, '>', 0, 'some tables are found unchanged');
note "$compared snapshots compared, $tables_same tables found unchanged";
unlike(slurp_file($_->logfile), qr/rows of table .* differ from/, 'no audit finds a difference')
  foreach $primary, $standby;

$standby->stop('immediate');
$primary->stop('immediate');
done_testing();
