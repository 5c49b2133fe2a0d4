
# Copyright (c) 2026, the snapshot_worker developers

# Runs that crash the server.  Promised here: whatever begins by itself and
# takes the server down does so twice, with a minute after each crash in which
# the server can be used, and is then given up, a scheduled snapshot until its
# next time; history, status and alert say so.  A clean shutdown in the middle
# of a run is no crash.  What a session asked for is not begun again.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(usleep);

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '00:00, 06:00, 12:00, 18:00'
snapshot_worker.databases = 'app'
snapshot_worker.globals = off
snapshot_worker.row_counts = off
snapshot_worker.retention = 1000
restart_after_crash = on
max_prepared_transactions = 1
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 100) i');

# Each alert is a file.
my $told = $node->basedir . '/told';
mkdir $told or die;
my $tell = "env -0 >$told/new && mv $told/new $told/\$(ls $told | wc -l)";

# As long as there is such a file, a program first does what is in it.
my $act = $node->basedir . '/act';
my $bin;
foreach my $program (qw(pg_dump pg_restore))
{
	$bin = install_fake_program($node, $program, <<EOF);
[ -e $act.$program-version ] || [ "\$1" != --version ] || exec REAL "\$@"
[ -e $act.$program ] && . $act.$program
exec REAL "\$@"
EOF
}
reload_with($node, bin_directory => $bin, failure_command => $tell);

my $kill_parent = "kill -9 \$PPID\nexit 1\n";

sub have_program
{
	my ($program, $script) = @_;

	append_to_file("$act.new", $script);
	rename "$act.new", "$act.$program" or die "could not rename: $!";
	return;
}

sub alerts
{
	return map {
		{
			map { /^([^=]*)=(.*)$/s ? ($1 => $2) : () } split /\0/, slurp_file($_)
		}
	} sort { ($a =~ /(\d+)$/)[0] <=> ($b =~ /(\d+)$/)[0] } glob("$told/[0-9]*");
}

# How often the server has restarted by itself since the log was so long.
sub crashes
{
	my ($log) = @_;

	return scalar(() = slurp_file($node->logfile, $log) =~
		  /all server processes terminated; reinitializing/g);
}

# The answer to a query, or nothing while the server does not answer.
sub query
{
	my ($sql) = @_;
	my ($ret, $stdout) = eval { $node->psql('postgres', $sql) };

	return ($ret // 1) == 0 ? $stdout : '';
}

sub status
{
	my ($column) = @_;

	return query("SELECT $column FROM snapshot_status()");
}

# How the runs for a slot ended.
sub outcomes
{
	my ($slot) = @_;

	$slot = $slot =~ s/ /T/r . ':00.000000Z';
	return map { "$_->{outcome} $_->{attempt}" }
	  grep { ($_->{scheduled_for} // '') eq $slot } history_lines($directory);
}

# The launcher has nothing to do, or nothing that it may do.
sub settle
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	wait_until('the launcher is idle, with nothing under way',
		sub { status('next_run') ne '' });
	pass_time($node, 0);
	usleep(300_000);
	return;
}

# Have the clock come to a moment after a slot.
sub come_to
{
	my ($slot) = @_;

	set_clock($node, "$slot:01");
	pass_time($node, 0);
	return;
}

# The server is back after its nth crash, with a launcher.
sub wait_for_crash
{
	my ($log, $n, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until(
		"$what: the server comes back after crash $n",
		sub { crashes($log) == $n && status('next_run') ne '' });
}

# A minute goes by after the nth crash, in which nothing begins.
sub check_quiet_minute
{
	my ($log, $n, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(
		status('warning'),
		qr/^the server has crashed: only requested snapshots are taken for the next \d+ s$/,
		"$what: the status warns of the minute after crash $n");
	pass_time($node, 30);
	settle();
	is( query(
			q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'}
		),
		0,
		"$what: in the minute after the crash, connections work and no worker runs");
	is(crashes($log), $n, "$what: in the minute after the crash, the server does not crash again");
	pass_time($node, 30);
	return;
}

# A slot whose runs crash the server, or are made to by $crash.
sub slot_crashes
{
	my ($what, $slot, $crash) = @_;
	my $log = -s $node->logfile;
	my $told_before = alerts();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	come_to($slot);
	foreach my $n (1, 2)
	{
		$crash->() if defined $crash;
		wait_for_crash($log, $n, $what);
		check_quiet_minute($log, $n, $what) if $n == 1;
	}
	check_given_up($what, $slot, $log, $told_before);
	is(crashes($log), 2, "$what: the server crashes twice in all");
	return;
}

sub check_given_up
{
	my ($what, $slot, $log, $told_before) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until("$what: the slot is given up after two tries",
		sub { outcomes($slot) >= 3 });
	is_deeply(
		[ outcomes($slot) ],
		[ 'interrupted 1', 'interrupted 2', 'failed 2' ],
		"$what: the history has both tries, and a line for giving up");
	is( (history_lines($directory))[-1]{error},
		'given up until the next scheduled time: the server crashed during two attempts',
		"$what: the history says why the slot was given up");
	wait_until("$what: the status says that the slot was given up", sub {
		status('last_error') =~
		  /^database "app": given up until the next scheduled time/;
	});
	is(status('consecutive_failures'), 3, "$what: the status counts giving up as a failure");
	is(scalar alerts(), $told_before,
		"$what: no alert begins in the first minute after a crash");
	pass_time($node, 60);
	wait_until("$what: failure_command reports the slot that was given up",
		sub { alerts() > $told_before });
	my $alert = (alerts())[-1];
	is("$alert->{SNAPSHOT_EVENT} $alert->{SNAPSHOT_DATABASE}", 'snapshot app',
		"$what: the alert is about the snapshot of the database");
	like($alert->{SNAPSHOT_ERROR}, qr/^given up until the next scheduled time/,
		"$what: the alert says that the slot was given up");

	# All delays are over, and there are no more tries.
	pass_time($node, 600);
	settle();
	is(scalar outcomes($slot), 3, "$what: the slot is not tried again");
	is(scalar alerts(), $told_before + 1, "$what: failure_command reports the slot once");
	is_deeply([ leftovers($directory) ], [], "$what: the crashed runs leave nothing over");
	return;
}

# The next slot is taken; and a restart does not go back to the one before.
sub next_slot_is_taken
{
	my ($what, $given_up, $slot) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlink glob("$act.*");
	$node->restart;
	settle();
	is(scalar outcomes($given_up), 3,
		"$what: a restart does not try the slot that was given up");
	is(status('state'), 'idle', "$what: a restart does not plan the slot that was given up");
	come_to($slot);
	wait_until("$what: the next slot is tried",
		sub { outcomes($slot) >= 1 });
	is_deeply([ outcomes($slot) ], ['succeeded 1'], "$what: the next slot is taken at its first try");
	is(status('consecutive_failures'), 0, "$what: the next slot resets the count of failures");
	return;
}

#
# A worker that dies by a signal.
#

have_program('pg_dump', $kill_parent);
slot_crashes('SIGKILL of the worker', '2026-03-19 06:00');
next_slot_is_taken('SIGKILL of the worker',
	'2026-03-19 06:00', '2026-03-19 12:00');

# The same before anything is in the directory.
have_program('pg_dump', $kill_parent);
append_to_file("$act.pg_dump-version", '');
slot_crashes('SIGKILL before anything is staged', '2026-03-19 18:00');
next_slot_is_taken('SIGKILL before anything is staged',
	'2026-03-19 18:00', '2026-03-20 00:00');

#
# A backend of pg_dump, which waits for a lock that outlives a crash.
#

sub dumping_backend
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return wait_until('pg_dump waits for the lock of a table', sub { query(<<'EOF') });
SELECT min(pid) FROM pg_stat_activity
 WHERE application_name = 'snapshot_worker' AND wait_event_type = 'Lock'
   AND backend_type = 'client backend'
EOF
}

sub lock_table
{
	$node->safe_psql('app', "BEGIN; LOCK TABLE items; PREPARE TRANSACTION 'lock'");
	return;
}

sub unlock_table
{
	$node->safe_psql('app', "ROLLBACK PREPARED 'lock'");
	return;
}

lock_table();
slot_crashes('SIGSEGV of a backend of pg_dump',
	'2026-03-20 06:00', sub { kill 'SEGV', dumping_backend() or die });
unlock_table();
next_slot_is_taken('SIGSEGV of a backend of pg_dump',
	'2026-03-20 06:00', '2026-03-20 12:00');

#
# The postmaster.
#

sub kill_postmaster
{
	my @pids = split /\n/, query('SELECT pid FROM pg_stat_activity');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->kill9;
	wait_until('all processes of the server end after the postmaster is killed', sub { !kill(0, @pids) });
	$node->start;
	return;
}

lock_table();
my $log = -s $node->logfile;
my $told_before = alerts();
come_to('2026-03-20 18:00');
dumping_backend();
kill_postmaster();
check_quiet_minute($log, 0, 'SIGKILL of the postmaster');
dumping_backend();
kill_postmaster();
check_given_up('SIGKILL of the postmaster', '2026-03-20 18:00', $log,
	$told_before);
unlock_table();
next_slot_is_taken('SIGKILL of the postmaster',
	'2026-03-20 18:00', '2026-03-21 00:00');

#
# Clean shutdowns are no crashes.
#

lock_table();
come_to('2026-03-21 06:00');
foreach my $n (1 .. 3)
{
	dumping_backend();
	$node->restart;
	is(status('warning'), '', 'no quiet minute follows a clean restart');
	pass_time($node, 60);
}
dumping_backend();
unlock_table();
wait_until('three restarts during its runs do not give a slot up',
	sub { (outcomes('2026-03-21 06:00'))[-1] eq 'succeeded 4' });

#
# Delays hold over restarts.
#

have_program('pg_dump', "echo out of luck >&2\nexit 1\n");
come_to('2026-03-21 12:00');
my $tries = sub { scalar outcomes('2026-03-21 12:00') };
wait_until('a run of the schedule fails', sub { $tries->() == 1 });
pass_time($node, 5);
wait_until('a failed run is tried a second time', sub { $tries->() == 2 });
pass_time($node, 10);
wait_until('a failed run is tried a third time', sub { $tries->() == 3 });
$node->restart;
settle();
is(status('state'), 'retrying', 'after a restart, a failed run is still to be tried again');
is($tries->(), 3, 'a failed run is not tried at once after a restart');
is( status(
		q{next_run - (SELECT max(finished_at) FROM snapshot_history()) BETWEEN '19 s' AND '21 s'}
	),
	't',
	'after a restart, the next try comes when the delay since the last try is over');
set_clock($node, '2026-03-21 12:00:00');
$node->restart;
settle();
is(status(q{next_run BETWEEN now() AND now() + '20 s'}),
	't', 'after a restart with a clock set back, the delay is not exceeded');
unlink glob("$act.*");
pass_time($node, 20);
wait_until('a run that fails is tried after its delay',
	sub { (outcomes('2026-03-21 12:00'))[-1] eq 'succeeded 4' });

#
# Requests.
#

have_program('pg_dump', $kill_parent);
$log = -s $node->logfile;
my $lines = history_lines($directory);
foreach my $request ("SELECT snapshot_now('app')",
	"SELECT snapshot_now('app', wait => false)")
{
	my $n = crashes($log) + 1;

	$node->psql('postgres', $request);
	wait_for_crash($log, $n, $request);
	pass_time($node, 600);
	settle();
	is(crashes($log), $n, "a run that crashed the server is tried once ($request)");
	is(scalar history_lines($directory), $lines + $n,
		"a run that crashed the server has one line in the history ($request)");
	is((history_lines($directory))[-1]{outcome}, 'interrupted',
		"a run that crashed the server is interrupted in the history ($request)");
}
reload_with($node, before_drop => 'table', before_drop_size => '0');
$node->psql('app', 'DROP TABLE items');
wait_for_crash($log, 3, 'before_drop');
pass_time($node, 600);
settle();
is(crashes($log), 3, 'a snapshot before a DROP is tried once');
is($node->safe_psql('app', 'SELECT count(*) FROM items'),
	100, 'the table is still there after the crash of its snapshot');
unlink glob("$act.*");

# The minute is for what begins by itself.
kill 'KILL', status('launcher_pid') || die;
wait_for_crash($log, 4, 'SIGKILL of the launcher');
$node->safe_psql('postgres',
	'SELECT pg_terminate_backend(launcher_pid) FROM snapshot_status()');
wait_until('another launcher starts in the quiet minute', sub { status('next_run') ne '' });
like(status('warning'), qr/^the server has crashed/,
	'another launcher does not end the minute');
like($node->safe_psql('postgres', "SELECT snapshot_now('app')"),
	qr{^app/}, 'the server takes requested snapshots in the quiet minute');
reload_with($node, before_drop => 'off');
pass_time($node, 60);

#
# Commands of the administrator.
#

$log = -s $node->logfile;
$told_before = alerts();
reload_with($node, archive_command => 'kill -9 $PPID');
wait_for_crash($log, 1, 'archive_command');
check_quiet_minute($log, 1, 'archive_command');
wait_for_crash($log, 2, 'archive_command');
pass_time($node, 60);
wait_until(
	'after two crashes, archiving is given up',
	sub {
		status('archive_error') =~
		  /given up: the server crashed during two runs$/;
	});
wait_until('failure_command reports that archiving was given up',
	sub { alerts() == $told_before + 1 });
is((alerts())[-1]{SNAPSHOT_EVENT}, 'archive', 'the alert is about the archiving');
pass_time($node, 4000);
settle();
is(crashes($log), 2, 'an archive_command that crashed twice is not begun again');
$node->safe_psql('postgres', "SELECT snapshot_now('app', wait => false)");
wait_for_crash($log, 3, 'archive_command with another snapshot');
pass_time($node, 60);
wait_for_crash($log, 4, 'archive_command with another snapshot');
reload_with($node, archive_command => 'true');
pass_time($node, 60);
wait_until(
	'another archive_command archives the snapshots',
	sub {
		query('SELECT count(*) FROM snapshot_list() WHERE archived_at IS NULL')
		  eq '0';
	});
wait_until('the archive error is gone once snapshots are archived', sub { status('archive_error') eq '' });
reload_with($node, archive_command => '');

have_program('pg_dump', "echo out of luck >&2\nexit 1\n");
reload_with($node, failure_command => 'kill -9 $PPID');
$log = -s $node->logfile;
come_to('2026-03-21 18:00');
foreach my $n (1, 2)
{
	wait_for_crash($log, $n, 'failure_command');
	is_deeply(
		[ outcomes('2026-03-21 18:00') ],
		[ map { "failed $_" } 1 .. $n ],
		'a snapshot whose verification crashed the server has failed in the history');
	pass_time($node, 60);
}
wait_until(
	'after two crashes, failure_command is not run again',
	sub {
		slurp_file($node->logfile, $log) =~
		  m{WARNING:  failure command for "app/\S+" failed: given up: the server crashed during two runs};
	});
$tries = sub { scalar outcomes('2026-03-21 18:00') };
foreach (1 .. 2)
{
	my $before = $tries->();

	pass_time($node, 60);
	wait_until('snapshots are tried while failure_command crashes the server', sub { $tries->() > $before });
}
is(crashes($log), 2, 'failure_command crashes the server twice at most');
unlink glob("$act.*");
reload_with($node, failure_command => $tell);
pass_time($node, 60);
wait_until('the snapshot is taken once failure_command does not crash the server',
	sub { (outcomes('2026-03-21 18:00'))[-1] =~ /^succeeded/ });

#
# Verifications.
#

# The archive is read, and not only its table of contents.
my $listing = 'case "$*" in *--list*) exec '
  . $node->config_data('--bindir')
  . '/pg_restore "$@" ;; esac';
have_program('pg_restore', "$listing\n$kill_parent");
reload_with($node, verify => 'archive');
$log = -s $node->logfile;
come_to('2026-03-22 00:00');
wait_for_crash($log, 1, 'the verification of a snapshot');
pass_time($node, 600);
settle();
is(crashes($log), 1, 'the verification that crashed the server is not begun again');
is_deeply([ outcomes('2026-03-22 00:00') ],
	['succeeded 1'], 'a slot whose verification crashed the server has its snapshot');

have_program('pg_restore', "$listing\nkill -KILL \$\$\n");
$log = -s $node->logfile;
$told_before = alerts();
come_to('2026-03-22 06:00');
wait_until('a verification of the schedule fails',
	sub { outcomes('2026-03-22 06:00') == 1 });
wait_until('failure_command reports a failed verification', sub { alerts() == $told_before + 1 });
have_program('pg_restore', "$listing\n$kill_parent");
pass_time($node, 5);
wait_for_crash($log, 1, 'the second verification of a snapshot');
check_quiet_minute($log, 1, 'the second verification of a snapshot');
wait_for_crash($log, 2, 'the second verification of a snapshot');
pass_time($node, 60);
wait_until('a verification is given up after two crashes',
	sub { alerts() == $told_before + 2 });
is( join(' ', map { (alerts())[-1]{"SNAPSHOT_$_"} } qw(EVENT ERROR)),
	'verification given up: the server crashed during two runs',
	'failure_command reports that the verification was given up');
pass_time($node, 600);
settle();
is(crashes($log), 2, 'a verification crashes the server twice at most');
unlink glob("$act.*");
reload_with($node, verify => 'list');

#
# The sweeps.
#

my $scratch = 'snapshot_worker_scratch_1';
$node->safe_psql('postgres', "CREATE DATABASE $scratch");
$node->safe_psql('postgres',
	"COMMENT ON DATABASE $scratch IS 'scratch database of snapshot_worker'");
my $leftover = "SELECT count(*) FROM pg_database WHERE datname = '$scratch'";
hold_at($node, 'sweeping scratch databases');
$node->restart;
$log = -s $node->logfile;
foreach my $n (1, 2)
{
	my $pid = wait_until_held($node, 'sweeping scratch databases');

	kill 'KILL', $pid or die;
	wait_for_crash($log, $n, 'the sweep of scratch databases');
	pass_time($node, 60);
}
let_go($node);
wait_until(
	'a sweep is given up after two crashes',
	sub {
		slurp_file($node->logfile, $log) =~
		  /WARNING:  dropping of leftover scratch databases failed: given up: the server crashed during two runs/;
	});
settle();
is(query($leftover), 1, 'a sweep that was given up is not begun');
$node->restart;
wait_until('a sweep that was given up begins again when an administrator restarts the server',
	sub { query($leftover) eq '0' });

hold_at($node, 'looking at the directory');
$node->restart;
$log = -s $node->logfile;
foreach my $n (1, 2)
{
	my $pid = wait_until('the launcher examines the directory',
		sub { query(<<'EOF') });
SELECT pid FROM pg_stat_activity WHERE query = 'held at looking at the directory'
EOF
	kill 'KILL', $pid or die;
	wait_for_crash($log, $n, 'the look of the launcher at the directory');
	pass_time($node, 60);
}
wait_until(
	'the launcher does not examine the directory after two crashes',
	sub {
		slurp_file($node->logfile, $log) =~
		  /WARNING:  not scanning the snapshot directory until the next scheduled time/;
	});
like($node->safe_psql('postgres', "SELECT snapshot_now('app')"),
	qr{^app/}, 'requests are served while the directory is not examined');
let_go($node);
come_to('2026-03-22 12:00');
wait_until('the slot after a sweep that crashes is tried',
	sub { outcomes('2026-03-22 12:00') >= 1 });
is_deeply([ outcomes('2026-03-22 12:00') ], ['succeeded 1'], 'the slot after a sweep that crashes is taken');
is(crashes($log), 2, 'the sweep crashes the server twice and no more');

# Nothing of all this is left when all is well.
wait_until('no file of a run under way is left at the end',
	sub { !-e $node->data_dir . '/snapshot_worker.underway' });

$node->stop;
done_testing();
