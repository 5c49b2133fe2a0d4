
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Alerts.  Promised here: failure_command reports the first failure of a
# scheduled snapshot, of its verification and of archive_command, with the
# error in its environment and not among its arguments; it does not report each
# retry, nor a request of a session, which has the error itself; and whatever
# the command does, snapshots go on.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	clock => '2026-03-19 02:00:00',
	conf => <<'EOC');
snapshot_worker.globals = off
snapshot_worker.format = custom
snapshot_worker.databases = 'app'
snapshot_worker.time = '03:00, 05:00, 07:00, 08:00, 09:00, 11:00'
snapshot_worker.enable = on
EOC
my $told = $node->basedir . '/told';
mkdir $told or die;
my $tell = "(tr '\\0' ' ' </proc/\$\$/cmdline; env -0) >$told/new && mv $told/new $told/\$(ls $told | wc -l)";
reload_with($node, failure_command => $tell);

sub alerts
{
	return map {
		{
			map { /^([^=]*)=(.*)$/s ? ($1 => $2) : () } split /\0/, slurp_file($_)
		}
	} sort glob("$told/[0-9]*");
}

# The launcher notices at once.
sub move_clock
{
	my ($time) = @_;

	set_clock($node, $time);
	$node->reload;
	return;
}

sub status
{
	my ($column) = @_;

	return $node->safe_psql('postgres', "SELECT $column FROM snapshot_status()");
}

# There is no such database.
move_clock('2026-03-19 03:00:01');
my @alerts;
wait_until('failure_command reports a failed snapshot', sub { @alerts = alerts(); @alerts == 1 });
is_deeply(
	{ map { $_ => $alerts[0]{"SNAPSHOT_$_"} } qw(EVENT DATABASE ATTEMPT ERROR DETAIL HINT) },
	{
		EVENT => 'snapshot',
		DATABASE => 'app',
		ATTEMPT => 1,
		ERROR => 'database "app" does not exist',
		DETAIL => '',
		HINT => 'It was dropped or renamed, or "snapshot_worker.databases" names a database that does not exist.'
	},
	'the environment of failure_command has what failed, and why');
like($alerts[0]{SNAPSHOT_NAME}, qr{^app/2026-03-19T03-0}, 'the alert has the name of the failed snapshot');
unlike((split /\0/, slurp_file((glob("$told/[0-9]*"))[0]))[0], qr/does not exist/,
	"the alert's arguments do not have the error");

# A request of a session causes no alert.
$node->psql('postgres', "SELECT snapshot_now('nosuch')");
is(scalar alerts(), 1, 'failure_command does not report a failed request of a session');

# It succeeds, and fails again later.
$node->safe_psql('postgres', 'CREATE DATABASE app');
pass_time($node, 10);
wait_until('the next try of a failed run succeeds', sub { status('consecutive_failures') eq '0' });
my $fake = install_fake_program($node, 'pg_dump', <<'EOS');
[ "$1" = --version ] && exec REAL "$@"
echo "it is broken; don't \$(touch /nowhere/x)" >&2
exit 1
EOS
reload_with($node, bin_directory => $fake);
move_clock('2026-03-19 05:00:01');
wait_until('failure_command reports the failure after a success', sub { @alerts = alerts(); @alerts == 2 });
is("$alerts[1]{SNAPSHOT_ERROR}|$alerts[1]{SNAPSHOT_DETAIL}",
	"pg_dump failed: child process exited with exit code 1|it is broken; don't \$(touch /nowhere/x)",
	'the alert has what pg_dump said');

# Not of each retry, but once an hour.
sub next_try
{
	my $attempt = status('attempt');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	pass_time($node, $_[0]);
	wait_until("attempt $attempt of a failing run fails",
		sub { my $now = status('attempt'); $now ne '' && $now > $attempt });
	return;
}
wait_until('the failed run is to be tried again', sub { status('attempt') eq '2' });
next_try(5);
next_try(10);
next_try(20);
is(scalar alerts(), 2, 'failure_command reports one failure of several tries in a row');
next_try(3590);
wait_until('failure_command reports again what fails an hour later',
	sub { @alerts = alerts(); @alerts == 3 });
is("$alerts[2]{SNAPSHOT_EVENT} $alerts[2]{SNAPSHOT_ATTEMPT}", 'snapshot 5',
	'the alert an hour later has its attempt');
next_try(60);
is(scalar alerts(), 3, 'no other alert comes before the next hour');

# A snapshot that is not what it should be.
install_fake_program($node, 'pg_dump');
install_fake_program($node, 'pg_restore', <<'EOS');
for arg; do [ "$arg" = --list ] && exec REAL "$@"; done
[ "$1" = --version ] && exec REAL "$@"
echo "pg_restore: error: it is rotten" >&2
exit 1
EOS
pass_time($node, 3600);
wait_until('a try of a run that was reported succeeds', sub { status('consecutive_failures') eq '0' });
reload_with($node, verify => 'archive');
move_clock('2026-03-19 07:00:01');
wait_until('failure_command reports a failed verification', sub { @alerts = alerts(); @alerts == 4 });
is("$alerts[3]{SNAPSHOT_EVENT}|$alerts[3]{SNAPSHOT_DATABASE}", 'verification|app',
	'the alert of a verification says that it is one');
reload_with($node, verify => 'list');

# One that could not be verified for another reason is no bad one.
my $remote = $node->basedir . '/remote';
install_fake_program($node, 'pg_restore', <<'EOS');
for arg; do [ "$arg" = --list ] && exec REAL "$@"; done
[ "$1" = --version ] && exec REAL "$@"
echo "pg_restore: error: out of memory" >&2
kill -KILL $$
EOS
reload_with($node, verify => 'archive', archive_command => "echo %f >>$remote");
wait_until('all snapshots are archived before a verification fails', sub { -s $remote });
move_clock('2026-03-19 08:00:01');
wait_until('a run whose verification cannot be made ends', sub { @alerts = alerts(); @alerts == 5 });
is("$alerts[4]{SNAPSHOT_EVENT} $alerts[4]{SNAPSHOT_DETAIL}",
	'verification pg_restore: error: out of memory', 'failure_command reports a verification that could not be made');
wait_until('a snapshot whose verification could not be made is archived',
	sub { slurp_file($remote) =~ m{^app/2026-03-19T08-00}m });
reload_with($node, verify => 'list');

# A remote that fails.
reload_with($node, archive_command => 'echo no route >&2; false');
$node->safe_psql('postgres', "SELECT snapshot_now('app')");
wait_until('archive_command fails again and again',
	sub { slurp_file($node->logfile) =~ /archiving of snapshot .* failed \(attempt 3\)/ });
wait_until('failure_command reports failing archiving', sub { @alerts = alerts(); @alerts >= 6 });
is(@alerts, 6, 'failure_command reports failing archiving once');
is("$alerts[5]{SNAPSHOT_EVENT}|$alerts[5]{SNAPSHOT_DATABASE}|$alerts[5]{SNAPSHOT_DETAIL}",
	'archive|app|no route', 'the alert of failing archiving says what it is');
like($alerts[5]{SNAPSHOT_NAME}, qr{^app/}, 'the alert of failing archiving has the name of the snapshot');

# A cancel of the runs of the database that failed leaves the alert alone.
my $hold = $node->basedir . '/hold';
append_to_file($hold, '');
reload_with($node, archive_command => '', failure_command =>
	  "while [ -e $hold ]; do sleep 0.1; done; env -0 >$told/new && mv $told/new $told/\$(ls $told | wc -l)",
	bin_directory => "$directory/nowhere");
move_clock('2026-03-19 09:00:01');
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM snapshot_progress() WHERE action = 'alert' AND database = 'app'")
  or die 'no alert';
$node->safe_psql('postgres', "SELECT snapshot_cancel('app')");
is($node->safe_psql('postgres', "SELECT snapshot_cancel('app')"), 0,
	'snapshot_cancel() of a database does not count its alert');
unlink $hold or die "could not unlink: $!";
wait_until('an alert arrives after the runs of its database were canceled', sub { alerts() == 7 });

# A command that fails itself.
my $log = -s $node->logfile;
reload_with($node, archive_command => '', failure_command => 'echo nobody is there >&2; exit 7',
	bin_directory => "$directory/nowhere");
pass_time($node, 3600);
move_clock('2026-03-19 11:00:01');
wait_until('the log has the failure of failure_command',
	sub { slurp_file($node->logfile, $log) =~ /the failure command failed: child process exited with exit code 7\n.*DETAIL:  nobody is there/ });
reload_with($node, bin_directory => '');
pass_time($node, 60);
wait_until('snapshots go on while failure_command fails', sub { status('consecutive_failures') eq '0' });

$node->stop;
done_testing();
