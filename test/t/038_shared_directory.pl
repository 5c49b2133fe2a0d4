
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Servers that share a snapshot directory, and do the same thing at the same
# moment: two clusters, and a primary with its standby.  Promised here: no two
# writers ever write to one file; what one server has found out, another one
# does not wipe out; what a crash leaves does no harm, and goes; and an archive
# command of another server is waited for, and is no failure.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(usleep);

my $conf = <<'EOC';
max_connections = 20
snapshot_worker.globals = off
snapshot_worker.format = directory
snapshot_worker.retention = 1000
EOC
my ($one, $directory) = snapshot_node('one',
	init => [ allows_streaming => 1 ],
	conf => $conf);
my ($two) = snapshot_node('two', conf => $conf, start => 0);
$two->append_conf('postgresql.conf', "snapshot_worker.directory = '$directory'\n");
$two->start;
$two->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
foreach my $node ($one, $two)
{
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app', 'CREATE TABLE t AS SELECT g AS n FROM generate_series(1, 5000) g');
}

# A column of snapshot_list().
sub listed
{
	my ($node, $name, $column) = @_;

	return $node->safe_psql('postgres',
		"SELECT $column FROM snapshot_list() WHERE name = '$name'");
}

# Wait until a process of any kind, or so many of them, is held at a step.
sub wait_until_at
{
	my ($node, $step) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until(
		$node->name . " is at \"$step\"",
		sub {
			$node->safe_psql('postgres',
				"SELECT pid FROM pg_stat_activity WHERE query = 'held at $step'");
		});
}

# All temporary files below the snapshot directory.
sub temporary_files
{
	my @files = sort split /\n/, `find '$directory' -type f -name '*.tmp'`;

	return @files;
}

sub system_identifier
{
	my ($node) = @_;

	return $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()');
}

# A session pins a snapshot, and is held before the pin has its name.
sub start_pin
{
	my ($node, $name, $note) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, 'replacing');
	my $session = start_query($node, "SELECT snapshot_pin('$name', '$note')");
	wait_until_at($node, 'replacing');
	return $session;
}

sub finish_well
{
	my ($node, $session, $label) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	let_go($node);
	my (undef, $stderr) = finish_query($session);
	is($stderr, '', $label);
	return;
}

#
# Pins.
#

sub pin_at_once
{
	my ($a, $b, $name) = @_;
	my $first = start_pin($a, $name, 'from the first');
	my $second = start_pin($b, $name, 'from the second');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar(temporary_files()), 2, 'two writers of a pin have a temporary file each');
	finish_well($b, $second, 'the second of two pins succeeds');
	is(listed($a, $name, 'note'), 'from the second', 'the pin of the first writer that ends is read');
	finish_well($a, $first, 'the first of two pins succeeds, though it ends later');
	is(listed($b, $name, 'note'), 'from the first', 'the pin of the last writer that ends is read, and is whole');
	is_deeply([ temporary_files() ], [], 'two pins at once leave no temporary files');
	$a->safe_psql('postgres', "SELECT snapshot_unpin('$name')");
	return;
}

my $a1 = take_snapshot($one, 'app');
my $b1 = take_snapshot($two, 'app');
pin_at_once($one, $two, $a1);

#
# Files are shared with snapshots of the same cluster alone.
#

sub inode_of_data
{
	my ($name) = @_;
	my ($file) = glob "$directory/$name/app.dump/*.dat*";

	return (stat $file)[1];
}

my $a2 = take_snapshot($one, 'app');
is(inode_of_data($a2), inode_of_data($a1), 'a snapshot shares files with an older one of its cluster');
isnt(inode_of_data($a2), inode_of_data($b1), 'a snapshot shares no files with a newer one of another cluster');
is(sha256_of((glob "$directory/$a2/app.dump/*.dat*")[0]),
	sha256_of((glob "$directory/$b1/app.dump/*.dat*")[0]),
	'the files of two clusters that are not shared are equal');

# The one that is shared with cannot go meanwhile.
hold_at($one, 'dumped');
my $run = start_query($one, "SELECT snapshot_now('app')");
wait_until_at($one, 'dumped');
like(sql_error($one, "SELECT snapshot_delete('$a2', force => true)"),
	qr/snapshot "\Q$a2\E" is in use/, 'a snapshot that files are shared with is not deleted');
is(sql_error($one, "SELECT snapshot_delete('$a1')"), '', 'a snapshot that no running dump shares with is deleted');
let_go($one);
my ($a3) = finish_query($run);
is(inode_of_data($a3), inode_of_data($a2), 'a run shares files with the snapshot that it keeps from deletion');
is(sql_error($one, "SELECT snapshot_delete('$a2')"), '', 'a snapshot is deleted once the run that shares with it is over');

#
# Verification.
#

sub start_verification
{
	my ($node, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, 'verified');
	my $session = start_query($node, "SELECT snapshot_verify('$name')");
	wait_until_at($node, 'verified');
	return $session;
}

sub flip_byte
{
	my ($name) = @_;
	my ($file) = glob "$directory/$name/app.dump/*.dat*";

	open my $fh, '+<:raw', $file or die;
	seek $fh, 20, 0 or die;
	read $fh, my $byte, 1 or die;
	seek $fh, 20, 0 or die;
	print $fh chr(ord($byte) ^ 1);
	close $fh or die;
	return;
}

my $session = start_verification($one, $a3);
flip_byte($a3);
like(sql_error($two, "SELECT snapshot_verify('$a3')"), qr/does not match its manifest/,
	'a verification finds a problem while another server verifies the snapshot');
like(sql_error($one, "SELECT snapshot_delete('$a3', force => true)"), qr/is in use/,
	'a snapshot is not deleted before the outcome of a verification is written');
let_go($one);
like((finish_query($session))[1],
	qr/a concurrent verification of snapshot "\Q$a3\E" found a problem.*DETAIL:.*have changed/s,
	'a verification that finds nothing has an error when another one found a problem meanwhile');
isnt(listed($one, $a3, 'problem'), '', 'a problem found by another server stays listed');
flip_byte($a3);
is(sql_error($one, "SELECT snapshot_verify('$a3')"), '', 'a verification that begins after the problem was found succeeds');
is(listed($two, $a3, 'problem'), '', 'a verification that begins after the problem was found and finds none has it forgotten');

$session = start_verification($one, $a3);
$two->safe_psql('postgres', "SELECT snapshot_verify('$a3', restore => true)");
finish_well($one, $session, 'while one server verifies, another one tests a restore');
is(listed($one, $a3, 'verify_level'), 'restore', 'the outcome of a verification by a restore is not lost to one without');
$one->safe_psql('postgres', "SELECT snapshot_verify('$a3')");
is(listed($one, $a3, 'verify_level'), 'archive', 'a later verification by the archive has its own level');

#
# Archiving, by two clusters, of databases of one name.
#

my $remote = $one->basedir . '/remote';
mkdir $remote or die;
hold_at($_, 'archived') foreach $one, $two;
reload_with($_, archive_command => "echo %f >>$remote/" . $_->name) foreach $one, $two;
wait_until_at($_, 'archived') foreach $one, $two;
is(scalar(temporary_files()), 2, 'a snapshot is taken by each of two clusters that archive at once');
let_go($_) foreach $one, $two;
foreach my $name ($a3, $b1)
{
	wait_until("$name is archived", sub { listed($one, $name, 'archived_at') ne '' });
}
foreach my $case ([ $one, $a3 ], [ $two, $b1 ])
{
	my ($node, $name) = @$case;

	is(join(' ', slurp_lines("$remote/" . $node->name)), $name, $node->name . ' archives its own snapshots once');
	unlike(slurp_file($node->logfile), qr/archiving .*failed/, $node->name . ' does not warn of archiving');
}
is_deeply([ temporary_files() ], [], 'two archiving servers leave no temporary files');
reload_with($_, archive_command => '') foreach $one, $two;

#
# What a crash leaves.
#

# A sweep leaves a temporary file whose writer lives.
$session = start_pin($one, $a3, 'slower');
$run = start_query($one, "SELECT snapshot_now('app')");
finish_query($run);
is(scalar(temporary_files()), 1, 'a run sweeps no file whose writer lives');
finish_well($one, $session, 'a slow pin beside a run succeeds');
is(listed($one, $a3, 'note'), 'slower', 'a snapshot has the note of the slow pin');
$one->safe_psql('postgres', "SELECT snapshot_unpin('$a3')");

# One cluster pins a snapshot of the other one, and crashes.
$session = start_pin($two, $a3, 'lost');
my @files = temporary_files();
my $of_two = system_identifier($two);
like("@files", qr{^\Q$directory/$a3/pinned.$of_two\E-[0-9a-f]{16}\.tmp$},
	'the name of a temporary file has its cluster and the file that it is to become');
$two->stop('immediate');
$session->{handle}->finish;
let_go($two);
is_deeply([ temporary_files() ], \@files, 'a crash leaves the temporary file of a pin');
is(sql_error($one, "SELECT snapshot_verify('$a3')"), '', 'a temporary file of a pin does not make a snapshot bad');
is(listed($one, $a3, 'pinned'), 'f', 'a pin cut off by a crash leaves the snapshot unpinned');
my $a4 = take_snapshot($one, 'app');
is_deeply([ temporary_files() ], \@files, 'a run leaves the temporary file of another cluster');
$two->start;
wait_until('a cluster removes its temporary file when it starts', sub { !temporary_files() });

# A temporary file does not keep a snapshot from being removed.
$session = start_pin($two, $a3, 'lost again');
$two->stop('immediate');
$session->{handle}->finish;
let_go($two);
append_to_file("$directory/$a3/pinned.1-0123456789abcdef.tmpx", 'mine');
like(sql_error($one, "SELECT snapshot_delete('$a3')"), qr/could not remove.*tmpx/s,
	'a file that only looks like a temporary file keeps a snapshot from being deleted');
unlink "$directory/$a3/pinned.1-0123456789abcdef.tmpx" or die;
is(sql_error($one, "SELECT snapshot_delete('$a3')"), '',
	"the leftover of another cluster's crash does not keep a snapshot from being deleted");
ok(!-e "$directory/$a3" && !-e "$directory/$a3.removed", "a snapshot with another cluster's temporary file is removed");

# The same in the folder and in the directory itself.
my $of_one = system_identifier($one);
my @left = map { "$directory/$_.$of_one-00112233445566aa.tmp" }
  "schedule-$of_one.json", "history-$of_one.jsonl", 'app/archived.json', "$a4/verified.json";
my @kept = ("$directory/app/archived.json.$of_one-00112233445566AA.tmp",
	"$directory/app/archived.json.12-00112233445566aa.tmp",
	"$directory/app/.$of_one-00112233445566aa.tmp", "$directory/app/notes.tmp");
append_to_file($_, 'half') foreach @left, @kept;
$one->restart;
wait_until('the start after a crash removes all temporary files of the cluster',
	sub { !grep { -e } @left });
ok(-e, "the start after a crash does not remove $_") foreach @kept;
unlink $_ foreach @kept;
$two->start;

#
# A primary and its standby.
#

$two->stop;
my $alerts = $one->basedir . '/alerts';
$one->backup('base');
my $standby = SnapshotTest::Node->new('standby');
$standby->init_from_backup($one, 'base', has_streaming => 1);
$standby->start;
$one->wait_for_catchup($standby, 'replay', $one->lsn('insert'));
reload_with($_, failure_command => "echo \$SNAPSHOT_EVENT >>$alerts") foreach $one, $standby;
pin_at_once($one, $standby, $a4);

# The archive command of the other one is waited for.
my $copies = $one->basedir . '/copies';
my $slow = "echo %f >>$copies; while [ ! -e $copies.end ]; do sleep 0.1; done";
my $waiting = $one->safe_psql('postgres',
	"SELECT count(*) FROM snapshot_list() WHERE archived_at IS NULL AND name <> '$b1'"
	. " AND system_identifier = '$of_one'");
cmp_ok($waiting, '>', 0, 'there are snapshots to archive');
reload_with($one, archive_command => $slow);
wait_until('the primary archives', sub { -s $copies });
my $log = -s $standby->logfile;
reload_with($standby, archive_command => $slow);
wait_until('the standby finds the archive command of the primary running', sub {
	slurp_file($standby->logfile, $log) =~ /LOG:  another archive command is already running/;
});
is($standby->safe_psql('postgres', 'SELECT archive_error FROM snapshot_status()'), '',
	'a running archive command of the primary is no error on the standby');
append_to_file("$copies.end", '');
wait_until('both servers have archived everything', sub {
	$one->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE archived_at IS NULL AND system_identifier = '$of_one'") eq '0';
});
is(scalar(slurp_lines($copies)), $waiting, 'each snapshot is archived once by two servers');
reload_with($standby, archive_command => '');
my $last = take_snapshot($one, 'app');
wait_until("the last snapshot is archived, here $last", sub { listed($one, $last, 'archived_at') ne '' });
reload_with($one, archive_command => '');
unlike(slurp_file($standby->logfile, $log), qr/WARNING/, 'the standby does not warn of archiving by the primary');
ok(!-e $alerts, 'failure_command reports no failure');

# The history: one server cuts it while the other one adds a line.
my $history = "$directory/history-$of_one.jsonl";
my $filler = '{"filler": "' . 'x' x 1000 . "\"}\n";
append_to_file($history, $filler x 2200);
hold_at($one, 'replacing');
my $on_primary = start_query($one, "SELECT snapshot_now('app')");
wait_until_at($one, 'replacing');
my $before = () = snapshots($directory);
my $on_standby = start_query($standby, "SELECT snapshot_now('app')");
wait_until('the standby has taken its snapshot', sub { snapshots($directory) > $before });
# it waits for the lock; without one, it would end at once
foreach (1 .. 20)
{
	last unless $on_standby->{handle}->pumpable;
	usleep(100_000);
	$on_standby->{handle}->pump_nb;
}
ok($on_standby->{handle}->pumpable, 'the standby waits for the server that cuts the history');
finish_well($one, $on_primary, 'the primary ends its run');
my (undef, $stderr) = finish_query($on_standby);
is($stderr, '', 'the standby ends its run without an error');
cmp_ok(-s $history, '<', 1.5 * 1024 * 1024, 'the history is shorter after it was cut');
foreach my $name ($on_primary->{out}, $on_standby->{out})
{
	is(scalar(grep { ($_->{name} // '') eq $name } history_lines($directory)), 1,
		"a history that was cut has the line of the run that waited, $name");
}
is_deeply([ temporary_files() ], [], 'servers that share a directory leave nothing over');

$standby->stop;
$one->stop;
done_testing();
