
# Copyright (c) 2026, the snapshot_worker developers

# The snapshot that a statement waits for with before_drop.  Promised here: a
# snapshot of the present contents will do, and no other one; a statement whose
# snapshot fails or is canceled is not executed, and its error says how to
# execute it nevertheless; and sessions that wait at once share runs, and none
# hangs.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::BeforeDrop;
use Test::More;

my ($node, $directory, $superuser) = before_drop_node();
my %in_postgres = (database => 'postgres');
my %as_superuser = (role => $superuser);
my $written =
  qr/ERROR:  25001: cannot take a snapshot in a transaction that has written/;

run_sql("CREATE TABLE looked_at $small");

# ---------------------------------------------------------------------------
# A snapshot that is there already, and has all


make_large('kept1', 'kept2');
my $saved = snapshot_now();
my $stderr = takes_none("$with_max_age; DROP TABLE kept1",
	undef, 'DROP TABLE just after a snapshot', %as_superuser);
like($stderr, qr/NOTICE: .*snapshot "\Q$saved\E" was taken before DROP TABLE/,
	'DROP TABLE just after a snapshot gets a notice with the name of that one');
takes_one("$with_max_age; DROP TABLE kept2",
	'DROP TABLE after a change of the database', %as_superuser);

make_large('kept1');
snapshot_now();
takes_one('DROP TABLE kept1',
	'DROP TABLE just after a snapshot, without before_drop_max_age,');

make_large('kept1');
snapshot_now();
run_sql('SELECT pg_current_xact_id()', %in_postgres);
takes_one("$with_max_age; DROP TABLE kept1",
	'DROP TABLE after a write to another database', %as_superuser);

make_large('kept1', 'kept2');
snapshot_now();
takes_none(
	"$with_max_age; BEGIN; CREATE TABLE made (); SAVEPOINT s;"
	  . 'SELECT * FROM looked_at; INSERT INTO looked_at VALUES (3);'
	  . 'TRUNCATE kept1; DROP TABLE kept2; DROP TABLE kept1; COMMIT;',
	undef, 'several drops in the only transaction that has written',
	%as_superuser);
make_large('kept1', 'kept2');
takes_one("$with_max_age; BEGIN; DROP TABLE kept1; DROP TABLE kept2; COMMIT;",
	'a second DROP TABLE after a snapshot for the first', %as_superuser);

make_large('kept1');
my $writer = $node->background_psql('app');
snapshot_now();
$writer->query_safe('BEGIN; INSERT INTO looked_at VALUES (4)');
takes_none("$with_max_age; BEGIN; CREATE TABLE made2 (); DROP TABLE kept1;",
	$written,
	'DROP TABLE in a transaction that has written, beside another one,',
	%as_superuser);
snapshot_now();
$writer->query_safe('COMMIT');
takes_one("$with_max_age; DROP TABLE kept1",
	'DROP TABLE when a transaction was in progress at the snapshot',
	%as_superuser);
$writer->quit;

make_large('kept1');
run_sql(q{BEGIN; INSERT INTO looked_at VALUES (5); PREPARE TRANSACTION 'p'},
	%as_superuser);
snapshot_now();
run_sql(q{COMMIT PREPARED 'p'}, %as_superuser);
takes_one("$with_max_age; DROP TABLE kept1",
	'DROP TABLE when a transaction was prepared at the snapshot',
	%as_superuser);

make_large('kept1');
run_sql('BEGIN; CREATE TABLE made3 (); ROLLBACK', %as_superuser);
snapshot_now();
takes_none("$with_max_age; DROP TABLE kept1",
	undef, 'DROP TABLE when a transaction was rolled back before the snapshot',
	%as_superuser);

foreach my $case (
	[ 'an unchanged manifest', 'finished_at', '2' ],
	[ 'a snapshot of another cluster', 'system_identifier', '1' ],
	[ 'a snapshot of another millennium', 'started_at', '1' ],
	[ 'a snapshot of before a restart', 'server_started_at', '1' ])
{
	my ($found, $member, $digit) = @$case;
	my $what = "DROP TABLE that finds $found";

	make_large('kept1');
	my $file = "$directory/" . snapshot_now() . '/manifest.json';
	my $text = slurp_file($file);
	$text =~ s/"$member": "\K\d/$& eq '1' ? 3 : $digit/e or die $text;
	unlink $file or die "could not unlink $file: $!";
	append_to_file($file, $text);
	if ($digit eq '2')
	{
		takes_none("$with_max_age; DROP TABLE kept1",
			undef, $what, %as_superuser);
	}
	else
	{
		takes_one("$with_max_age; DROP TABLE kept1", $what, %as_superuser);
	}
}

make_large('kept1');
$saved = snapshot_now();
append_to_file("$directory/$saved/verified.json",
	qq({"name": "$saved", "verified_at": "2026-01-01T00:00:00.000000Z", "level": "archive", "problem": "bad"}\n));
takes_one("$with_max_age; DROP TABLE kept1",
	'DROP TABLE after a snapshot whose verification failed', %as_superuser);

make_large('kept1');
snapshot_now();
$node->restart;
takes_one("$with_max_age; DROP TABLE kept1",
	'DROP TABLE after a restart', %as_superuser);

run_sql('CREATE DATABASE shop', %in_postgres);
$node->safe_psql('postgres', q{SELECT snapshot_now('shop')});
takes_none("$with_max_age; DROP DATABASE shop",
	undef, 'DROP DATABASE just after a snapshot',
	%in_postgres, %as_superuser);


# ---------------------------------------------------------------------------
# Snapshots that fail or are canceled

make_large('kept1');
run_sql('CREATE DATABASE shop', %in_postgres);
my $bin = install_fake_program($node, 'pg_dump', <<'EOF');
[ "$1" = --version ] && exec REAL "$@"
echo "pg_dump: error: the moon is full" >&2
exit 1
EOF
reload_with($node, bin_directory => $bin);
foreach my $case (
	[ 'DROP TABLE kept1', 'DROP TABLE' ],
	[ 'TRUNCATE kept1', 'TRUNCATE TABLE' ],
	[ 'ALTER TABLE kept1 DROP COLUMN filler', 'ALTER TABLE' ],
	[ 'DROP SCHEMA public CASCADE', 'DROP SCHEMA' ],
	[ 'DROP DATABASE shop', 'DROP DATABASE', %in_postgres ])
{
	my ($statement, $tag, %options) = @$case;

	$stderr = takes_none(
		$statement,
		qr/ERROR:  38000: .*could not take a snapshot of database "\w+": pg_dump failed/,
		"$statement whose snapshot fails", %options);
	like($stderr, qr/DETAIL:  pg_dump: error: the moon is full/,
		"the detail of $statement whose snapshot fails has the reason");
	like($stderr,
		qr/HINT:  To proceed without .*SET snapshot_worker\.before_drop = off/,
		"the hint of $statement whose snapshot fails says how to proceed");
	like($stderr, qr/CONTEXT:  $tag was not executed/,
		"the context of $statement whose snapshot fails says that it was not executed");
}
is(admin('SELECT count(*), min(length(filler)) FROM kept1'),
	'300|1000', 'statements whose snapshots fail leave the rows of the table');
ok(database_exists('shop'),
	'a DROP DATABASE whose snapshot fails leaves the database');
takes_none("$off; DROP TABLE kept1; DROP DATABASE shop",
	undef, 'a drop with the setting off while snapshots fail', %as_superuser);
reload_with($node, bin_directory => '');

make_large('kept1');
reload_with($node, directory => '/dev/null');
like((run_sql('DROP TABLE kept1'))[1],
	qr{ERROR:  .*/dev/null.*CONTEXT:  DROP TABLE was not executed}s,
	'DROP TABLE is not executed while the snapshot directory is unusable');
reload_with($node, directory => $directory);
ok(table_exists('kept1'),
	'DROP TABLE leaves the table while the snapshot directory is unusable');

# The statement is canceled.
hold_at($node, 'staged');
my $dropper = start_waiting('DROP TABLE kept1');
wait_until_held($node, 'staged');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($dropper->{pid})");
(undef, $stderr) = finish_query($dropper);
like($stderr, qr/ERROR:  57014: canceling statement due to user request/,
	'a statement that waits for its snapshot can be canceled');
like($stderr, qr/CONTEXT:  DROP TABLE was not executed/, 'a canceled statement is not executed');
my ($running) = $stderr =~ /DETAIL:  Snapshot "(\S+)" is still being taken/;
let_go($node);
wait_until('the run of a canceled statement goes on to its end',
	sub { -e "$directory/$running" });
ok(table_exists('kept1'), 'a canceled DROP TABLE leaves the table');

# The run is canceled.
hold_at($node, 'staged');
$dropper = start_waiting('DROP TABLE kept1');
wait_until_held($node, 'staged');
$node->safe_psql('postgres', q{SELECT snapshot_cancel('app')});
like((finish_query($dropper))[1],
	qr/ERROR:  38000: .*CONTEXT:  DROP TABLE was not executed/s,
	'a statement whose run is canceled is not executed');
let_go($node);
ok(table_exists('kept1'), 'a DROP TABLE whose run is canceled leaves the table');

# ---------------------------------------------------------------------------
# Several sessions at once

# Sessions that come while a run is on share the next one, and a table stays
# until the next run has dumped it.
make_large('kept1', 'kept2', 'kept3');
my $gate = $node->basedir . '/gate';
install_fake_program($node, 'pg_dump', <<EOF);
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);
my $reader = $node->background_psql('app');
$reader->query_safe('BEGIN; SELECT FROM kept1');
my $count = snapshots($directory);
hold_at($node, 'staged');
$dropper = start_waiting('DROP TABLE kept1');
wait_until_held($node, 'staged');
my @others =
  map { start_waiting($_) } 'DROP TABLE kept2', 'TRUNCATE kept3';
hold_at($node, 'dumped');
wait_until_held($node, 'dumped');
append_to_file($gate, '');
let_go($node);
wait_until('the next run is about to dump',
	sub {
		$node->safe_psql('postgres', <<EOF) eq '1';
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
	});
$reader->query_safe('COMMIT');
$reader->quit;
ok(table_exists('kept1'),
	'the table of a statement stays until the next run has dumped it');
unlink $gate or die "could not unlink $gate: $!";
unlike((finish_query($_))[1], qr/ERROR/,
	'each of several statements that share a run is executed')
  foreach $dropper, @others;
is(scalar(snapshots($directory)),
	$count + 2, 'three statements share two runs');
ok(!table_exists('kept1') && !table_exists('kept2'),
	'statements that share a run drop their tables');
reload_with($node, bin_directory => '');

# Two sessions drop one table; they share a run, since another one is on.
make_large('kept1');
hold_at($node, 'staged');
my $asker = start_waiting(q{SELECT snapshot_now('app')}, 'postgres');
wait_until_held($node, 'staged');
my @droppers = map { start_waiting("DROP TABLE kept1 /* $_ */") } 1, 2;
let_go($node);
finish_query($_) foreach $asker, @droppers;
is((scalar grep { $_->{err} !~ /ERROR/ } @droppers),
	1, 'one of two sessions that drop a table at once drops it');
like((join '', map { $_->{err} } @droppers),
	qr/ERROR:  42P01: .*table "kept1" does not exist/,
	'the other of two sessions that drop a table at once has an error that it does not exist');

# Many sessions drop tables at once.
make_large(map { "many$_" } 1 .. 8);
@droppers = map { start_query($node, "DROP TABLE many$_", 'app') } 1 .. 8;
unlike((finish_query($_))[1], qr/ERROR/,
	'each of eight sessions that drop tables at once succeeds')
  foreach @droppers;

# The launcher goes away while the request waits for its turn.
make_large('kept1');
run_sql("CREATE DATABASE db$_", %in_postgres) foreach 1, 2;
hold_at($node, 'staged');
my @askers =
  map { start_waiting("SELECT snapshot_now('db$_')", 'postgres') } 1, 2;
wait_until('all workers are busy',
	sub {
		$node->safe_psql('postgres', <<EOF) eq '2';
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query = 'held at staged'
EOF
	});
$dropper = start_waiting('DROP TABLE kept1');
my $launcher = $node->safe_psql('postgres',
	'SELECT launcher_pid FROM snapshot_status()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
wait_until('another launcher starts',
	sub {
		$node->safe_psql('postgres',
			"SELECT launcher_pid <> $launcher FROM snapshot_status()") eq 't';
	});
let_go($node);
unlike((finish_query($dropper))[1], qr/ERROR/,
	'a statement that waits for its snapshot survives the end of the launcher');
ok(!table_exists('kept1'),
	'a statement that survived the end of the launcher drops its table');
finish_query($_) foreach @askers;

is_deeply([ leftovers($directory) ], [], 'snapshots before drops leave nothing over');
is_deeply([ damages($directory) ], [], 'snapshots before drops are whole at the end');
$node->stop;
done_testing();
