
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The disk under the snapshots, a small one of its own, runs full.  Promised
# here: a session that asked for the snapshot gets an error that names a file,
# or at least the directory, and says that no space is left; the run leaves
# nothing over; older snapshots are untouched; and when room returns the next
# snapshot is taken.  A snapshot is good even if the disk was full for a part
# of its run.  The server goes on.

use strict;
use warnings;

use Fcntl;
use JSON::PP;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $disk;

BEGIN
{
	my $problem;

	($disk, $problem) =
	  own_mounts('mount -t tmpfs -o size=4m tmpfs "$mounts"');
	plan skip_all => "cannot mount a small disk here: $problem"
	  unless defined $disk;
}

my $filler = "$disk/filler";
my $directory = "$disk/snapshots";
# Each run writes globals.sql anew.
my ($node) = snapshot_node('main', conf => <<EOF);
snapshot_worker.directory = '$directory'
snapshot_worker.incremental = off
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
EOF
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOF');
CREATE TABLE items AS
 SELECT i AS id, md5(i::text) AS text FROM generate_series(1, 5000) i
EOF

# Take all the room on the disk.
sub fill_disk
{
	my $error;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	sysopen my $fh, $filler, O_WRONLY | O_CREAT | O_EXCL
	  or die "could not create $filler: $!";
	# Whatever does not fit is not written, or only in part.
	while (syswrite $fh, 'x' x 4096) { }
	$error = $!;
	close $fh;
	ok($error =~ /No space left/, 'the disk is full') or diag $error;
	return;
}

sub make_room
{
	unlink $filler or die "could not unlink $filler: $!";
	return;
}

sub history_file
{
	my ($file) = glob "$directory/history-*.jsonl";

	return $file;
}

sub last_outcome
{
	my $line = decode_json((slurp_lines(history_file()))[-1]);

	return "$line->{name} $line->{outcome}";
}

sub listed
{
	return split /\n/,
	  $node->safe_psql('postgres',
		'SELECT name FROM snapshot_list() ORDER BY name');
}

sub ask_for_snapshot
{
	return finish_query(start_query($node, "SELECT snapshot_now('app')"));
}

# Nothing is wrong with the older snapshots, and there is nothing else.
sub check_untouched
{
	my ($before, $when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([ listed() ], $before, "$when, older snapshots are listed");
	is_deeply([ snapshots($directory) ],
		$before, "$when, no other snapshot is published");
	is_deeply([ damages($directory) ], [], "$when, all snapshots are whole");
	is_deeply([ leftovers($directory) ], [], "$when, no run has left anything over");
	return;
}

sub check_next
{
	my ($before) = @_;
	my ($name, $stderr) = ask_for_snapshot();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($stderr, '', 'the run after there is room again raises no error');
	check_untouched([ sort @$before, $name ], 'after the next run');
	is(last_outcome(), "$name succeeded", 'the history has the run after there is room again');
	return;
}

# A run for which the disk gets full at a step.
sub run_on_full_disk
{
	my ($step) = @_;
	my $session;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, $step);
	$session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, $step);
	fill_disk();
	let_go($node);
	return finish_query($session);
}

# The disk gets full at a step: an error that names the file.
sub fails_when_full
{
	my ($story, $step, @patterns) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	subtest $story => sub {
		my @before = listed();
		my ($name, $stderr) = run_on_full_disk($step);

		is($name, '', 'a run on a disk that gets full takes no snapshot');
		foreach my $pattern (qr/could not take a snapshot of database "app": /,
			@patterns)
		{
			like($stderr, $pattern, "the error is like $pattern");
		}
		check_untouched(\@before, 'after the error');
		make_room();
		check_next(\@before);
	};
	return;
}

my $log_start = -s $node->logfile;
my @first = (ask_for_snapshot())[0];
check_untouched(\@first, 'at first');

subtest 'the disk is full before a run' => sub {
	my @before = listed();
	my ($name, $stderr);

	fill_disk();
	foreach my $try (1 .. 2)
	{
		($name, $stderr) = ask_for_snapshot();
		is($name, '', "try $try on a full disk takes no snapshot");
		like(
			$stderr,
			qr{ERROR:  53100: .*could not write to file "\Q$directory\E/app/[^/"]+\.tmp/staging\.json": No space left on device},
			"the error of try $try on a full disk names the file");
		check_untouched(\@before, "after try $try");
	}
	is($node->safe_psql('app', 'SELECT count(*) FROM items'),
		'5000', 'the server answers queries while the disk is full');
	make_room();
	check_next(\@before);
};

fails_when_full(
	'the disk gets full at pg_dump', 'staged',
	qr/pg_dump failed: /,
	qr/DETAIL:  (?s:.*)pg_dump: error: .*No space left on device/,
	qr{HINT:  .*\Q$directory\E});

fails_when_full(
	'the disk gets full at pg_dumpall', 'dumped',
	qr{\Q$directory\E},
	qr/globals\.sql/);

fails_when_full('the disk gets full at the manifest',
	'hashed',
	qr{ERROR:  53100: .*could not write to file "\Q$directory\E/app/[^/"]+\.tmp/manifest\.json": No space left on device}
);

# A published snapshot stays published even if the history cannot be written.
subtest 'the disk gets full at the history' => sub {
	my @before = listed();
	my $log_start = -s $node->logfile;
	my $history = history_file();
	my ($name, $stderr);

	# The last block of a file has room in it even when the disk has none.
	my $block = POSIX::sysconf(POSIX::_SC_PAGESIZE());
	append_to_file($history, "\n" x ($block - (-s $history) % $block));

	($name, $stderr) = run_on_full_disk('published');
	is($stderr, '', 'a run whose history line does not fit raises no error');
	check_untouched([ sort @before, $name ], 'after the run');
	like(
		slurp_file($node->logfile, $log_start),
		qr/WARNING:  could not write the history of snapshots: could not write to file "\Q$history\E": No space left on device/,
		'the log names the history that could not be written');
	ok(kill(0, $node->safe_psql('postgres',
			'SELECT launcher_pid FROM snapshot_status()')),
		'the launcher survives a history that could not be written');
	make_room();
	check_next([ sort @before, $name ]);
};

# pg_dumpall does not look whether what it wrote came to be written.
subtest 'the disk is full for pg_dumpall alone' => sub {
	my @before = listed();
	my $session;
	my ($name, $stderr);

	hold_at($node, 'dumped');
	$session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'dumped');
	fill_disk();
	hold_at($node, 'globals saved');
	wait_until(
		'pg_dumpall ends on a full disk',
		sub {
			$node->safe_psql('postgres', <<'EOF') eq 't' });
SELECT (SELECT state FROM snapshot_status()) <> 'running' OR EXISTS (
	SELECT FROM pg_stat_activity
	 WHERE backend_type = 'snapshot_worker' AND query = 'held at globals saved')
EOF
	make_room();
	let_go($node);
	($name, $stderr) = finish_query($session);
	is($name, '', 'a run whose pg_dumpall met a full disk takes no snapshot');
	like($stderr, qr/globals\.sql/, 'the error of a run whose pg_dumpall met a full disk names globals.sql');
	check_untouched(\@before, 'after the error');
	check_next(\@before);
};

unlike(slurp_file($node->logfile, $log_start),
	qr/PANIC|terminating any other/,
	'a full disk never restarts the server');

$node->stop;
done_testing();
