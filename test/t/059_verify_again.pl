
# Copyright (c) 2026, the snapshot_worker developers

# A scheduled snapshot whose verification came to no result.  Promised here: it
# is verified again, after the delays of a run, until there is a result, over a
# restart as well; failure_command reports it once an hour, and a bad snapshot
# at once; and it ends when someone cancels it, when the snapshot is gone, when
# it is not to be verified any longer, and when a later slot takes over.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(usleep);

my ($node, $directory) = snapshot_node(
	'main',
	clock => '2026-03-19 02:00:00',
	conf => <<'EOF');
snapshot_worker.enable = on
snapshot_worker.time = '03:00'
snapshot_worker.databases = 'app'
snapshot_worker.globals = off
snapshot_worker.verify = archive
snapshot_worker.retention = 1000
EOF
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 100) i');

my $told = $node->basedir . '/told';
mkdir $told or die;

# As long as this file is there, only tables of contents can be read, and with
# the other, nothing comes of it for ever.
my $broken = $node->basedir . '/broken';
my $slow = $node->basedir . '/slow';
my $bin = install_fake_program($node, 'pg_restore', <<EOF);
case "\$*" in *--list*|--version) exec REAL "\$@" ;; esac
[ ! -e $slow ] || sleep 600
[ ! -e $broken ] || { echo "out of memory" >&2; kill -KILL \$\$; }
exec REAL "\$@"
EOF
reload_with(
	$node,
	bin_directory => $bin,
	failure_command =>
	  "env -0 >$told/new && mv $told/new $told/\$(ls $told | wc -l)");

sub alerts
{
	return map {
		{
			map { /^([^=]*)=(.*)$/s ? ($1 => $2) : () } split /\0/, slurp_file($_)
		}
	} sort { ($a =~ /(\d+)$/)[0] <=> ($b =~ /(\d+)$/)[0] } glob("$told/[0-9]*");
}

sub status
{
	my ($column) = @_;

	return $node->safe_psql('postgres', "SELECT $column FROM snapshot_status()");
}

# The outcome of the last verification of a snapshot.
sub verification
{
	my ($name) = @_;
	my $file = "$directory/$name/verified.json";

	return -e $file ? decode_json(slurp_file($file)) : {};
}

# The failed verifications in the log since it was so long: of the run that
# took the snapshot, and those after it.
my $log = 0;

sub tries
{
	my ($name) = @_;
	my $text = slurp_file($node->logfile, $log);

	return (() = $text =~ /WARNING:  snapshot of database "app" failed \(attempt 1\): verification failed: /g)
	  + (() = $text =~ /WARNING:  verification of snapshot "\Q$name\E" failed: /g);
}

# The slot of the next day comes, and its snapshot cannot be verified.  Returns
# the name of that.
my $day = 19;

sub fail_to_verify
{
	my $before = history_lines($directory);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	append_to_file($broken, '') unless -e $broken;
	$log = -s $node->logfile;
	set_clock($node, '2026-03-' . $day++ . ' 03:00:01');
	pass_time($node, 0);
	wait_until('a verification comes to no result',
		sub { history_lines($directory) > $before });
	return (history_lines($directory))[-1]{name};
}

sub mend
{
	unlink $broken or die "could not unlink: $!";
	return;
}

# No more verifications are begun, however long one waits.
sub is_over
{
	my ($name, $test_name) = @_;
	my $before = tries($name);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	append_to_file($broken, '') unless -e $broken;
	foreach (1 .. 3)
	{
		pass_time($node, 60);
		usleep(300_000);
	}
	is(tries($name), $before, $test_name);
	return;
}

# It is tried until it is good.
my $name = fail_to_verify();
is((history_lines($directory))[-1]{outcome}, 'failed', 'a run whose verification comes to no result has failed in the history');
wait_until('the status counts a verification that comes to no result',
	sub { status('consecutive_failures') eq '1' });
wait_until('failure_command reports a verification that comes to no result', sub { alerts() == 1 });
foreach my $case ([ 5, 2 ], [ 10, 3 ], [ 20, 4 ])
{
	my ($delay, $try) = @$case;

	wait_until(
		"the log says that the next try of a verification comes in $delay s",
		sub {
			slurp_file($node->logfile, $log) =~
			  /LOG:  next attempt to verify snapshot "\Q$name\E" is in $delay s/;
		});
	is(tries($name), $try - 1, "try $try of a verification does not come before its delay is over");
	pass_time($node, $delay);
	wait_until("try $try of a verification comes when its delay is over", sub { tries($name) == $try });
}
is(scalar alerts(), 1, 'failure_command reports several tries of a verification once');
pass_time($node, 3600);
wait_until('failure_command reports a failing verification again after an hour', sub { alerts() == 2 });
is( join(' ', map { (alerts())[-1]{"SNAPSHOT_$_"} } qw(EVENT NAME DETAIL)),
	"verification $name out of memory",
	'the alert after an hour has the snapshot and the error of its verification');
is_deeply(verification($name), {}, 'a verification that comes to no result leaves no mark on the snapshot');
is(scalar snapshots($directory, 'app'), 1, 'no other snapshot is taken for a verification that fails');

# A restart does not end it.
my $lines = history_lines($directory);
$node->restart;
$log = -s $node->logfile;
wait_until('a failed verification still counts after a restart',
	sub { status('next_run') ne '' && status('consecutive_failures') eq '1' });
is(scalar history_lines($directory), $lines, 'a restart adds no line to the history');
pass_time($node, 5);
wait_until('a failed verification is tried again after a restart', sub { tries($name) >= 1 });
mend();
pass_time($node, 60);
wait_until('a verification succeeds once it can be made',
	sub { (verification($name)->{level} // '') eq 'archive' });
is(verification($name)->{problem}, undef, 'a verification that succeeds in the end finds no problem');
wait_until('the status has no error once the verification is done',
	sub { status('consecutive_failures') eq '0' });
is_over($name, 'a snapshot that was found good is not verified again');

# It is bad.
my $alerts = alerts();
$name = fail_to_verify();
wait_until('failure_command reports the verification of a damaged snapshot that comes to no result', sub { alerts() == $alerts + 1 });
my ($file) = map { $_->{path} } grep { $_->{size} > 100 }
  @{ manifest_of($directory, $name)->{files} };
open(my $fh, '+<:raw', "$directory/$name/$file") or die;
seek($fh, 50, 0);
print $fh "damaged";
close $fh or die;
mend();
pass_time($node, 5);
wait_until('a verification finds the damage at its next try',
	sub { defined verification($name)->{problem} });
wait_until('failure_command reports a damaged snapshot at once',
	sub { alerts() == $alerts + 2 });
like((alerts())[-1]{SNAPSHOT_ERROR}, qr/does not match its manifest/,
	'the alert says why the verification failed');
is_over($name, 'a snapshot that was found damaged is not verified again');

# Somebody cancels it.
$name = fail_to_verify();
append_to_file($slow, '');
pass_time($node, 5);
$node->poll_query_until('postgres',
	"SELECT count(*) = 1 FROM snapshot_progress() WHERE action = 'verify'")
  or die 'no verification';
is($node->safe_psql('postgres', "SELECT snapshot_cancel('app')"),
	1, 'snapshot_cancel() cancels a verification of the schedule');
wait_until('the canceled verification ends', sub { tries($name) == 2 });
unlink $slow;
is_over($name, 'a canceled verification is not tried again');

# Or while it waits for its time.
$name = fail_to_verify();
wait_until('a verification is to be tried again', sub {
	slurp_file($node->logfile, $log) =~
	  /LOG:  next attempt to verify snapshot "\Q$name\E" is in 5 s/;
});
is($node->safe_psql('postgres', "SELECT snapshot_cancel('app')"),
	1, 'snapshot_cancel() cancels a pending verification');
is($node->safe_psql('postgres', "SELECT snapshot_cancel('app')"),
	0, 'a pending verification can be canceled only once');
is_over($name, 'a canceled pending verification does not come');

# It takes too long.
$name = fail_to_verify();
append_to_file($slow, '');
reload_with($node, timeout => '1s');
pass_time($node, 5);
wait_until('a verification that takes too long is stopped',
	sub {
		slurp_file($node->logfile, $log) =~
		  /WARNING:  verification of snapshot "\Q$name\E" failed: canceling .* due to "snapshot_worker\.timeout" \(1 s\)/;
	});
unlink $slow;
reload_with($node, timeout => '1h');
mend();
pass_time($node, 10);
wait_until('a verification that timed out is tried again', sub { exists verification($name)->{level} });

# The snapshot is gone.
$name = fail_to_verify();
$node->safe_psql('postgres', "SELECT snapshot_delete('$name', force => true)");
pass_time($node, 5);
wait_until('a snapshot that was removed is not verified again', sub {
	slurp_file($node->logfile, $log) =~
	  /LOG:  no longer retrying verification of snapshot "\Q$name\E": removed, or no longer to be verified/;
});
is_over($name, 'the verification of a removed snapshot is not tried again');

# It is not to be verified.
$name = fail_to_verify();
reload_with($node, verify => 'list');
is_over($name, 'a verification is not tried again after a change to verify = list');

# The next one takes over, and is restored.
reload_with($node, verify => 'restore');
my $first = fail_to_verify();
my $second = fail_to_verify();
isnt($second, $first, 'the next slot takes its snapshot');
mend();
pass_time($node, 60);
wait_until('the snapshot of the next slot is verified as far as "verify" says',
	sub { (verification($second)->{level} // '') eq 'restore' });
is_deeply(verification($first), {}, 'the snapshot of an earlier slot is not verified any longer');
is_over($first, 'the verification of the earlier slot is not tried again');

# A snapshot is verified even if its database was dropped.
$name = fail_to_verify();
$node->safe_psql('postgres', 'DROP DATABASE app WITH (FORCE)');
mend();
pass_time($node, 60);
wait_until('the snapshot of a database that was dropped is verified, too',
	sub { (verification($name)->{level} // '') eq 'restore' });

$node->stop;
done_testing();
