
# Copyright (c) 2026, the snapshot_worker developers

# A primary and its streaming standby, which share one snapshot directory.
# Promised here: run_on says which of them takes the scheduled snapshots, each
# time anew, and promotion needs no restart; a snapshot that was taken on the
# standby restores, and says which point in replay it is of; neither server
# touches what the other one is writing; and a conflict with replay is a clear
# error, after which the next try is as good as any.

use strict;
use warnings;

use DumpCompare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# Clocks that jump are no reason to end replication.
my ($primary, $directory) = snapshot_node('primary',
	init => [ allows_streaming => 1 ],
	start => 0,
	conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00'
snapshot_worker.databases = 'app'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
max_connections = 20
wal_sender_timeout = 0
wal_receiver_timeout = 0
hot_standby_feedback = off
autovacuum = off
EOF
fake_clock($primary, '2026-03-19 02:00:00');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$primary->safe_psql('postgres', 'CREATE DATABASE app');
$primary->safe_psql(
	'app', q{
	CREATE TABLE items AS
		SELECT i AS id, md5(i::text) AS word FROM generate_series(1, 5000) i;
	CREATE UNIQUE INDEX ON items (id);
	CREATE SEQUENCE numbers;
	SELECT setval('numbers', 42);
	SELECT lo_from_bytea(0, 'large');
	CREATE MATERIALIZED VIEW words AS SELECT count(*) FROM items;
	CREATE UNLOGGED TABLE passing (id integer);
	CREATE TABLE rows_to_go AS SELECT i FROM generate_series(1, 100) i});

$primary->backup('base');
my $standby = SnapshotTest::Node->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# As long as this file is there, dumps on a standby of ours wait.
my $gate = $standby->basedir . '/gate';
my $script = <<EOF;
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($standby,
	bin_directory => install_fake_program($standby, 'pg_dump', $script));

sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
	return;
}

# Both clocks are one.
sub reach
{
	my ($time) = @_;

	set_clock($primary, $time);
	$primary->reload;
	$standby->reload;
	return;
}

# Start a session that asks for a snapshot, and wait until that is held up in
# its dump.
sub start_request
{
	my ($node, $database) = @_;
	my %session = (out => '', err => '');

	$session{handle} = IPC::Run::start(
		[
			'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			"SELECT snapshot_now('$database')"
		],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	wait_for_dump($node);
	return \%session;
}

sub open_gate
{
	unlink $gate or die "could not unlink $gate: $!";
	return;
}

# Restore a snapshot into a new database of the primary, and compare that.
sub restores
{
	my ($name, $test_name) = @_;
	my $target = 'restored_' . $name =~ s/\W/_/gr;

	$primary->safe_psql('postgres',
		"CREATE DATABASE \"$target\" TEMPLATE template0");
	$primary->command_ok(
		[
			'pg_restore', '--exit-on-error', '--dbname', $target,
			"$directory/$name/app.dump"
		],
		"$test_name restores without an error");
	is_same_database($primary, 'app', $target,
		"$test_name restores to what the primary has");
	return;
}

# The snapshots of a slot, in any of the directories.
sub of_slot
{
	my ($slot, @directories) = @_;
	my @names;

	foreach my $in (@directories ? @directories : $directory)
	{
		push @names,
		  grep { (manifest_of($in, $_)->{scheduled_for} // '') =~ /^\Q$slot/ }
		  snapshots($in, 'app');
	}
	return @names;
}

sub took
{
	my ($node, $name) = @_;

	return slurp_file($node->logfile) =~ /LOG:  took snapshot "\Q$name\E"/;
}

sub next_run
{
	my ($node) = @_;

	return $node->safe_psql('postgres',
		'SELECT next_run FROM snapshot_status()');
}

#
# A snapshot that is asked for on the standby.
#

catch_up();
$standby->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOF
my $before = $standby->safe_psql('postgres', 'SELECT pg_last_wal_replay_lsn()');
my $name =
  $standby->safe_psql('postgres', "SELECT snapshot_now('app')");
my $after = $standby->safe_psql('postgres', 'SELECT pg_last_wal_replay_lsn()');
like($name, qr{^app/2026-03-19T02-}, 'snapshot_now() works on a standby');
my $manifest = manifest_of($directory, $name);
is( $primary->safe_psql('postgres',
		"SELECT '$manifest->{lsn}'::pg_lsn BETWEEN '$before' AND '$after'"),
	't', 'the manifest says which point in replay the snapshot is of');
is($manifest->{timeline}, 1, 'the manifest says which timeline the snapshot is of');
is( $primary->safe_psql('postgres', "SELECT name FROM snapshot_list()"),
	$name, 'the primary lists the snapshot of the standby');
restores($name, 'a snapshot that was asked for on the standby');

#
# run_on, for each run anew.
#

is(next_run($primary), '2026-03-19 03:00:00+00',
	'run_on = primary: the primary plans the next slot');
is(next_run($standby), '', 'run_on = primary: the standby plans nothing');
reach('2026-03-19 02:59:59');
wait_until('run_on = primary: a server takes the slot',
	sub { of_slot('2026-03-19T03:00') });
ok(took($primary, (of_slot('2026-03-19T03:00'))[0]),
	'run_on = primary: the primary takes the slot');

reload_with($_, run_on => 'standby') foreach $primary, $standby;
wait_until('run_on = standby: the standby plans the next slot',
	sub { next_run($standby) eq '2026-03-20 03:00:00+00' });
wait_until('run_on = standby: the primary plans nothing',
	sub { next_run($primary) eq '' });
reach('2026-03-20 02:59:59');
wait_until('run_on = standby: a server takes the slot',
	sub { of_slot('2026-03-20T03:00') });
($name) = of_slot('2026-03-20T03:00');
ok(took($standby, $name), 'run_on = standby: the standby takes the slot');
is(manifest_of($directory, $name)->{reason}, 'schedule',
	'run_on = standby: the run is one of the schedule');
restores($name, 'a scheduled snapshot of the standby');

# With any, each takes its own, if they do not share a directory.
my $own = $standby->basedir . '/own';
reload_with($_, run_on => 'any') foreach $primary, $standby;
reload_with($standby, directory => $own);
wait_until('run_on = any: both servers plan the next slot',
	sub {
		next_run($primary) eq '2026-03-21 03:00:00+00'
		  && next_run($standby) eq '2026-03-21 03:00:00+00';
	});
reach('2026-03-21 02:59:59');
wait_until('run_on = any: both slots are taken', sub {
	of_slot('2026-03-21T03:00') == 1 && of_slot('2026-03-21T03:00', $own) == 1;
});
is(scalar of_slot('2026-03-19T03:00'), 1, 'run_on = any: only one server takes the first slot');
is(scalar of_slot('2026-03-20T03:00'), 1, 'run_on = any: only one server takes the second slot');
reload_with($standby, directory => $directory, run_on => 'primary');
reload_with($primary, run_on => 'primary');

#
# One directory.
#

append_to_file($gate, '');
my $session = start_request($standby, 'app');
my @leftovers = leftovers($directory);
is(scalar @leftovers, 1, 'the standby is writing a snapshot');
$name = $primary->safe_psql('postgres', "SELECT snapshot_now('app')");
like($name, qr{^app/}, 'the primary takes a snapshot while the standby is writing one');
$primary->restart;
$primary->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT next_run IS NOT NULL FROM snapshot_status()
EOF
is_deeply([ leftovers($directory) ],
	\@leftovers, 'a primary that starts leaves alone what the standby is writing');
open_gate();
my $of_standby = finish_session($session);
is($session->{err}, '', 'the standby publishes the snapshot that it was writing');
catch_up();
restores($of_standby, 'a snapshot beside one of the primary');

reload_with($primary,
	bin_directory => install_fake_program($primary, 'pg_dump', $script));
reload_with($standby, bin_directory => '');
append_to_file($gate, '');
$session = start_request($primary, 'app');
@leftovers = leftovers($directory);
is(scalar @leftovers, 1, 'the primary is writing a snapshot');
$standby->safe_psql('postgres', "SELECT snapshot_now('app')");
$standby->restart;
$standby->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOF
$standby->safe_psql('postgres', "SELECT snapshot_now('app')");
is_deeply([ leftovers($directory) ],
	\@leftovers, 'the standby leaves alone what the primary is writing');
open_gate();
my $of_primary = finish_session($session);
is($session->{err}, '', 'the primary publishes the snapshot that it was writing');
restores($of_primary, 'a snapshot beside one of the standby');
is_deeply([ leftovers($directory) ], [], 'a primary and a standby that share a directory leave nothing over');

#
# Conflicts with replay.
#

$standby->append_conf('postgresql.conf', 'max_standby_streaming_delay = 100ms');
reload_with($primary, bin_directory => '');
reload_with($standby, bin_directory => $standby->basedir . '/bin');
catch_up();

# Have the primary remove what a snapshot of the standby still sees.
sub remove_rows
{
	$primary->safe_psql('app',
		'DELETE FROM rows_to_go WHERE i % 10 = 0;'
		  . ' INSERT INTO rows_to_go VALUES (10)');
	$primary->safe_psql('app', 'VACUUM rows_to_go');
	return;
}

append_to_file($gate, '');
$session = start_request($standby, 'app');
remove_rows();
finish_session($session);
like($session->{err},
	qr/ERROR:  could not take a snapshot of database "app": .*conflict with recovery/,
	'VACUUM on the primary during a run on the standby is a clear error');
like($session->{err}, qr/DETAIL:  .*row versions that must be removed/,
	'the error says what the recovery conflict was');
is_deeply([ leftovers($directory) ], [], 'a run failed by a recovery conflict leaves nothing over');
open_gate();
catch_up();
like( $standby->safe_psql('postgres', "SELECT snapshot_now('app')"),
	qr{^app/}, 'the next snapshot on the standby is taken');

append_to_file($gate, '');
reload_with($_, run_on => 'standby') foreach $primary, $standby;
reach('2026-03-22 02:59:59');
wait_for_dump($standby);
remove_rows();
my $lines = sub {
	grep { ($_->{scheduled_for} // '') =~ /^2026-03-22T03:00/ }
	  history_lines($directory);
};
wait_until('a run of the schedule on the standby meets a recovery conflict',
	sub { $lines->() >= 1 });
like(($lines->())[0]{error}, qr/conflict with recovery/,
	'the history has the recovery conflict');
like(slurp_file($standby->logfile),
	qr/WARNING:  snapshot of database "app" failed \(attempt 1\): .*conflict with recovery/,
	'the log says that the recovery conflict failed the run');
open_gate();
wait_until('the try after a recovery conflict succeeds', sub { of_slot('2026-03-22T03:00') });
($name) = of_slot('2026-03-22T03:00');
cmp_ok(manifest_of($directory, $name)->{attempt}, '>', 1,
	'the try after a recovery conflict is counted');
restores($name, 'a snapshot after a conflict');

# Of the database, and of a lock.
$primary->safe_psql('postgres', 'CREATE DATABASE passing');
catch_up();
append_to_file($gate, '');
$session = start_request($standby, 'passing');
$primary->safe_psql('postgres', 'DROP DATABASE passing');
finish_session($session);
like($session->{err},
	qr/ERROR:  could not take a snapshot of database "passing": .*conflict with recovery/,
	'DROP DATABASE on the primary during a run on the standby is a clear error');
open_gate();
wait_until('a run whose database was dropped on the primary leaves nothing over', sub { !leftovers($directory) });
catch_up();
my ($rc, $stdout, $stderr) =
  $standby->psql('postgres', "SELECT snapshot_now('passing')");
like($stderr, qr/ERROR:  database "passing" does not exist/,
	'a snapshot of a database that was dropped on the primary is an error');

#
# A slot that was missed on the standby, in spite of the primary's starts.
#

reload_with($primary, enable => 'off');
reload_with($primary, run_on => 'primary');
catch_up();
$standby->stop;
$primary->restart;
set_clock($primary, '2026-03-23 04:00:00');
$standby->start;
wait_until('the standby catches up with a slot',
	sub { of_slot('2026-03-23T03:00') });
($name) = of_slot('2026-03-23T03:00');
is(defined $name ? manifest_of($directory, $name)->{reason} : undef,
	'catch-up', 'the standby takes a missed slot as catch-up');

#
# Promotion.
#

reload_with($standby, run_on => 'primary');
wait_until('before its promotion, the standby plans nothing',
	sub { next_run($standby) eq '' });
catch_up();
$primary->stop;
$standby->promote;
set_clock($primary, '2026-03-24 02:59:59');
$standby->reload;
wait_until('the standby that was promoted takes the next slot',
	sub { of_slot('2026-03-24T03:00') });
($name) = of_slot('2026-03-24T03:00');
ok(took($standby, $name), 'the promoted standby takes the slot without a restart');
is(manifest_of($directory, $name)->{timeline}, 2, 'the snapshot after the promotion is of the new timeline');
is(next_run($standby), '2026-03-25 03:00:00+00', 'the promoted standby plans the slot after that');
is_deeply([ leftovers($directory) ], [], 'a promotion leaves nothing over');

$standby->stop;
done_testing();
