
# Copyright (c) 2026, the snapshot_worker developers

# Runs can be stopped, the history tells how they ended and stays short, and no
# run begins that would leave too little room.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.databases = 'one, two'
snapshot_worker.time = '03:00, 12:00'
snapshot_worker.max_workers = 2
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(one two three);
my $gate = $node->basedir . '/gate';
append_to_file($gate, '');
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);

sub wait_for_dumps
{
	my ($count) = @_;
	$node->poll_query_until('postgres', <<EOF) or die 'no run';
SELECT count(*) = $count FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
	return;
}

sub history
{
	my ($where) = @_;
	return $node->safe_psql('postgres',
		"SELECT name, reason, attempt, outcome, error FROM snapshot_history() WHERE $where");
}

is($node->safe_psql('postgres', 'SELECT snapshot_cancel()'),
	'0', 'snapshot_cancel() without a run cancels nothing');

# Requests: one runs, another one waits behind it, a third is elsewhere.
my $running = start_session($node, "SELECT snapshot_now('one')");
wait_for_dumps(1);
my $waiting = start_session($node, "SELECT snapshot_now('one')");
$node->poll_query_until('postgres', <<'EOF') or die 'no request';
SELECT count(*) = 2 FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_now%' AND wait_event_type = 'Extension'
EOF
my $elsewhere = start_session($node, "SELECT snapshot_now('two')");
wait_for_dumps(2);
is($node->safe_psql('postgres', "SELECT snapshot_cancel('one')"),
	'2', 'snapshot_cancel() of a database cancels its running and its waiting request');
$_->{handle}->finish foreach $running, $waiting;
like($running->{err}, qr/ERROR:  could not take a snapshot of database "one": canceling statement due to user request/,
	'the running request of the canceled database gets an error');
like($waiting->{err}, qr/ERROR:  could not take a snapshot of database "one": canceled before it was started/,
	'the waiting request of the canceled database gets an error');
unlink $gate or die;
$elsewhere->{handle}->finish;
like($elsewhere->{out}, qr{^two/}, 'requests for another database are not canceled');
is(scalar(snapshots($directory, 'one')), 0, 'a canceled run publishes nothing');
is_deeply([ leftovers($directory) ], [], 'a canceled run leaves nothing behind');
like(history("outcome = 'failed' AND error LIKE 'canceling%'"),
	qr{^one/\S+\|manual\|1\|failed\|canceling statement due to user request$},
	'the history has the canceled run');

# pg_cancel_backend and pg_terminate_backend on the worker do the same.
foreach my $how ('pg_cancel_backend', 'pg_terminate_backend')
{
	append_to_file($gate, '');
	$running = start_session($node, "SELECT snapshot_now('one')");
	wait_for_dumps(1);
	$node->safe_psql('postgres',
		"SELECT $how(pid) FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'");
	$running->{handle}->finish;
	like($running->{err}, qr/ERROR:  could not take a snapshot of database "one"/,
		"$how stops a run");
	unlink $gate or die;
	wait_until("a run ended by $how leaves nothing over", sub { !leftovers($directory) });
}
unlike(slurp_file($node->logfile), qr/terminating any other active server processes/,
	'canceled and terminated runs do not restart the server');

# A scheduled run that is stopped is not tried again before its next time.
append_to_file($gate, '');
reload_with($node, enable => 'on');
set_clock($node, '2026-03-19 02:59:59');
$node->reload;
wait_for_dumps(2);
is($node->safe_psql('postgres', 'SELECT snapshot_cancel()'),
	'2', 'snapshot_cancel() without an argument cancels all runs');
wait_until('a canceled run of the schedule ends',
	sub { $node->safe_psql('postgres', 'SELECT state, next_run FROM snapshot_status()')
		  eq 'idle|2026-03-19 12:00:00+00' });
unlink $gate or die;
is( $node->safe_psql('postgres', <<'EOF'), '1', 'a scheduled run that is canceled was tried once');
SELECT max(attempt) FROM snapshot_history() WHERE reason = 'schedule'
EOF
set_clock($node, '2026-03-19 11:59:59');
$node->reload;
wait_until('the slot after a canceled one is taken',
	sub { snapshots($directory, 'one') == 1 });

# Nor is one that is terminated before it notices that it was canceled.
append_to_file($gate, '');
set_clock($node, '2026-03-20 02:59:59');
$node->reload;
wait_for_dumps(2);
my @workers = split /\n/, $node->safe_psql('postgres',
	"SELECT pid FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'");
kill('STOP', @workers) == 2 or die 'could not stop the workers';
is($node->safe_psql('postgres', 'SELECT snapshot_cancel()'),
	'2', 'snapshot_cancel() counts runs whose workers do not notice it');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($_)") foreach @workers;
kill('CONT', @workers) == 2 or die 'could not continue the workers';
wait_until('canceled runs of the schedule end when their workers are terminated',
	sub { history("outcome = 'failed' AND error LIKE 'terminating%' AND reason = 'schedule'") =~ /\n/ });
wait_until('a canceled run that is terminated is not tried again',
	sub { $node->safe_psql('postgres', 'SELECT state, next_run FROM snapshot_status()')
		  eq 'idle|2026-03-20 12:00:00+00' });
unlink $gate or die;

# The history has the snapshots that there are, newest first.
$node->poll_query_until('postgres', "SELECT state = 'idle' FROM snapshot_status()");
is( $node->safe_psql('postgres', <<'EOF'), 't|t', 'the history has as many succeeded runs as there are snapshots');
SELECT array_agg(h.name ORDER BY h.name) = (SELECT array_agg(name ORDER BY name) FROM snapshot_list()),
	bool_and(h.size = l.size AND h.reason = l.reason AND h.started_at = l.started_at AND h.database = l.database)
  FROM snapshot_history() h JOIN snapshot_list() l USING (name)
 WHERE outcome = 'succeeded'
EOF
is( $node->safe_psql('postgres', <<'EOF'), 't', 'the history is in the order of time');
SELECT array_agg(finished_at) = array_agg(finished_at ORDER BY finished_at DESC)
  FROM snapshot_history()
EOF

# Lines that are torn or not ours are passed over, and the next one is whole.
my ($history) = glob("$directory/history-*.jsonl");
my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_history()');
append_to_file($history, qq({"name": "x"}\nnonsense\n[1]\n\n\xff\xfe\n{"name": "one/2026-));
is($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_history()'),
	$count, 'the history passes over foreign lines');
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('three')");
is($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_history()'),
	$count + 1, 'a torn last line of the history does not spoil the next one');
is($node->safe_psql('postgres', 'SELECT name FROM snapshot_history() LIMIT 1'),
	$name, 'the line after a torn one is that of the last run');

# It does not grow for ever.
my ($line) = grep { /succeeded/ } slurp_lines($history);
append_to_file($history, "\n" . "$line\n" x 12_000);
my $size = -s $history;
$name = $node->safe_psql('postgres', "SELECT snapshot_now('three')");
cmp_ok(-s $history, '<', $size / 2, 'a history that is too long loses its older half');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_history()'),
	'>', 2000, 'a history that is too long keeps thousands of lines');
is($node->safe_psql('postgres', 'SELECT name FROM snapshot_history() LIMIT 1'),
	$name, 'the newest lines of the history stay when it is cut');
is((stat $history)[2] & 07777, 0600, 'the history keeps its mode when it is cut');
cmp_ok(-s $history, '>', 900_000, 'the history keeps as many lines as there is room for');

# One database's lines push out none of the others'.
my $of_one = "SELECT count(*) FROM snapshot_history() WHERE database = 'one'";
append_to_file($history, join '',
	map { ($line =~ s{"name": *"[^/]*/}{"name": "one/}r) . "\n" } 1 .. 20);
$count = $node->safe_psql('postgres', $of_one);
cmp_ok($count, '>=', 20, 'a database has some lines in the history');
my $loud = ($line =~ s{"name": *"[^/]*/}{"name": "loud/}r) . "\n";
append_to_file($history, $loud x (1_500_000 / length $loud));
$node->safe_psql('postgres', "SELECT snapshot_now('three')");
cmp_ok(-s $history, '<', 1_100_000, 'a database with too many lines loses the older ones');
is($node->safe_psql('postgres', $of_one), $count,
	'a database with few lines keeps them when another one has too many');
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_history() WHERE database = 'loud'"),
	'>', 1000, 'the last lines of a database that fails all the time stay');
is($node->safe_psql('postgres', 'SELECT database FROM snapshot_history() LIMIT 1'),
	'three', 'the last lines of the history stay in their order');

# Too little room.
reload_with($node, min_free_space => '1000000GB');
my ($rc, $stdout, $stderr) = $node->psql('postgres', "SELECT snapshot_now('three')");
like($stderr, qr/ERROR:  could not take a snapshot of database "three": not enough free space in snapshot directory "\Q$directory\E"/,
	'a run that would leave too little room is refused');
like($stderr, qr/DETAIL:  \d+ \w+ is free, the snapshot is expected to take \d+ \w+, and "snapshot_worker\.min_free_space" is \d+ \w+\./,
	'the error about free space names all three sizes');
is_deeply([ leftovers($directory) ], [], 'canceled runs leave nothing over');
reload_with($node, min_free_space => '1MB');
like($node->safe_psql('postgres', "SELECT snapshot_now('three')"),
	qr{^three/}, 'a run begins once there is enough free space');

# The newest snapshot claims a size that no disk has room for.
($name) = (snapshots($directory, 'three'))[-1];
my $manifest = slurp_file("$directory/$name/manifest.json");
my $huge = $manifest =~ s/"size": \d+/"size": 1000000000000000000/r;
isnt($huge, $manifest, 'the manifest has a size');
sub write_manifest
{
	my ($text) = @_;

	unlink "$directory/$name/manifest.json" or die "could not remove it: $!";
	append_to_file("$directory/$name/manifest.json", $text);
	return;
}
write_manifest($huge);
($rc, $stdout, $stderr) = $node->psql('postgres', "SELECT snapshot_now('three')");
like($stderr, qr/not enough free space.*DETAIL:  [^,]+, the snapshot is expected to take 888 PB, /s,
	'a run is refused if a snapshot as large as the newest one would leave too little room');
write_manifest($manifest);
like($node->safe_psql('postgres', "SELECT snapshot_now('three')"),
	qr{^three/}, 'a run begins if a snapshot as large as the newest one leaves enough room');

$node->stop;
done_testing();
