
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Hostile histories, schedule files and leftovers.  Promised here: lines and
# files that are not from this server are passed over; nothing outside of the
# snapshot directory is touched; snapshots are taken beside them; and a staging
# directory is removed only if its owner file says that it is of this cluster.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Hostile;
use Test::More;

my ($node, $directory, $outside) = hostile_node();

take_snapshot($node, $_) foreach @databases, @databases;

# ---------------------------------------------------------------------------
# The history

my ($history) = glob("$directory/history-*.jsonl");
my $lines = slurp_file($history);
my $count = () = $lines =~ /\n/g;

# The number of runs in the history, as seen from a database; or the error.
sub history_rows
{
	my ($database) = @_;
	my ($rc, $stdout, $stderr) =
	  $node->psql($database, 'SELECT count(*) FROM snapshot_history()');

	return "$stdout$stderr";
}

my @bad;
for (my $length = 0; $length <= length $lines; $length += 41)
{
	my $kept = substr $lines, 0, $length;
	my $rows = () = $kept =~ /\n/g;
	my $database = $databases[ $length % @databases ];

	write_file($history, $kept);
	my $got = history_rows($database);
	push @bad, "cut off after $length bytes, in $database: $got"
	  unless $got eq $rows;
}
is(join("\n", @bad), '', 'a history that is cut off has the lines before the cut');

my ($line) = $lines =~ /(.*)\n\z/;
my $strange = join "\n", '', '{}', '[]', 'x', '"', "\0", "\xff\xfe",
  "caf\xe9", '[' x 100_000, '{"a":' x 10_000, substr($line, 0, 100),
  "[$line]", "$line$line",
  with($line, 'attempt', '"1"'),
  with($line, 'size', '-1'),
  with($line, 'started_at', 'null'),
  with($line, 'reason', '["manual"]'),
  with($line, 'reason', '"\\u20ac"'),
  with($line, 'outcome', '1, "outcome": "failed"'),
  with($line, 'name', '"../../x"'),
  with($line, 'name', '"/etc/passwd"'),
  with($line, 'name', '""'),
  $line =~ s/"name": /"nome": /r;
foreach my $database (@databases)
{
	write_file($history, "$lines$strange\n$lines");
	is(history_rows($database), 2 * $count,
		"in $encodings{$database}, a history has only the lines of this server");
	write_file($history,
		$lines
		  . with($line, 'reason', "\"\xe2\x82\xac\\u0001\\u007f\"") . "\n"
		  . with($line, 'attempt', '9223372036854775807') . "\n");
	is(history_rows($database), $count + 2,
		"in $encodings{$database}, a history has its lines with odd values");
}

write_file($history, "x\n" x (2 * $megabyte));
cmp_ok(peak_memory('SELECT count(*) FROM snapshot_history()'),
	'<', 300_000, 'the history does not keep foreign lines in memory');

# A history that is no regular file of this server does not keep snapshots from
# being taken.
foreach my $case (
	[ 'a gigabyte', sub { write_sparse($history, 1024 * $megabyte) } ],
	[ 'a FIFO', sub { mkfifo($history, 0600) or die $! } ],
	[ 'a directory', sub { mkdir $history or die $! } ],
	[ 'a link', sub { symlink "$outside/x", $history or die $! } ],
	[ 'a link to nothing', sub { symlink "$outside/new", $history or die $! } ],
	[ 'unreadable',
		sub { write_file($history, $lines); chmod 0, $history or die $! } ])
{
	my ($what, $make) = @$case;
	my $database = $databases[ length($what) % @databases ];

	unlink $history;
	$make->();
	is(history_rows($database), '0', "a history that is $what is empty");
	my $before = tree_of($outside);
	my ($rc, undef, $stderr) =
	  $node->psql('postgres', "SELECT snapshot_now('$database')");
	is("$rc$stderr", '0', "a snapshot is taken beside a history that is $what");
	is_untouched($before, [$outside],
		"a run beside a history that is $what touches nothing outside");
	rmdir $history if -d $history;
}
unlink $history;

# ---------------------------------------------------------------------------
# The date of the schedule, which the launcher reads when it starts

my $schedule = $history =~ s/history-(\d+)\.jsonl$/schedule-$1.json/r;
my $time = far_time();
reload_with($node, enable => 'on', time => $time);
wait_until('the launcher writes the schedule file', sub { -s $schedule });
my $date = slurp_file($schedule);
my $temporary = $schedule =~ s/(\d+)\.json$/$1.json.$1-0123456789abcdef.tmp/r;

foreach my $case (
	[ 'cut off', sub { append_to_file($_[0], substr $date, 0, 20) } ],
	[ 'binary', sub { append_to_file($_[0], join '', map { chr } 0 .. 255) } ],
	[ 'deep', sub { append_to_file($_[0], '[' x 60_000) } ],
	[ 'a gigabyte', sub { write_sparse($_[0], 1024 * $megabyte) } ],
	[ 'of wrong types',
		sub { append_to_file($_[0], '{"time": 3, "since": ["x"]}') } ],
	[ 'from the future',
		sub { append_to_file($_[0], $date =~ s/"since": "\d+/"since": "9999/r) }
	],
	[ 'a link', sub { symlink "$outside/x", $_[0] or die $! } ],
	[ 'a FIFO', sub { mkfifo($_[0], 0600) or die $! } ])
{
	my ($what, $make) = @$case;

	$node->stop;
	unlink $schedule;
	$make->($_) foreach $schedule, $temporary;
	my $is_file = -f $temporary && !-l $temporary;
	my $before = tree_of($outside);
	$node->start;
	wait_until(
		"a schedule file that is $what is replaced",
		sub {
			-f $schedule
			  && !-l $schedule
			  && -s $schedule == length $date
			  && slurp_file($schedule) =~ /^\{"time": "$time", "since": "2/;
		});
	is_untouched($before, [$outside],
		"the replacement of a schedule file that is $what touches nothing outside");
	ok(!$is_file || !-e $temporary,
		"a temporary file that is $what is removed if it is a file");
	unlink $temporary;
}
unlink $schedule;
mkdir $schedule or die $!;
$node->restart;
ok(take_snapshot($node, 'app'),
	'a snapshot is taken beside a schedule file that is a directory');
rmdir $schedule or die $!;
reload_with($node, enable => 'off');

# ---------------------------------------------------------------------------
# The file that says of which cluster a staging directory is

my ($identifier) = $history =~ /history-(\d+)/;
my $owner = <<EOF;
{"system_identifier": "$identifier", "name": "NAME", "reason": "manual", "attempt": 1, "scheduled_for": null, "started_at": "2001-01-01T00:00:00.000000Z"}
EOF
my @foreign = (
	sub { join '', map { chr } 0 .. 255 },
	sub { '[' x 100_000 },
	sub { "[$_[0]]" },
	sub { with($_[0], 'system_identifier', $identifier) },
	sub { with($_[0], 'system_identifier', '"1"') },
	sub { with($_[0], 'system_identifier', "[\"$identifier\"]") },
	sub { with($_[0], 'attempt', '"x"') },
	sub { $_[0] =~ s/"reason": "manual", //r },
	sub { write_sparse($_[1], 1024 * $megabyte) },
	sub { mkfifo($_[1], 0600) or die $! },
	sub { mkdir $_[1] or die $! },
	sub {
		append_to_file("$_[1].real", $_[0]);
		symlink "$_[1].real", $_[1] or die $!;
	});
foreach my $length (0 .. length($owner) - 3)
{
	push @foreign, sub { substr $_[0], 0, $length };
}
my @leftovers;
foreach my $database (@databases)
{
	foreach my $make ($database eq 'app' ? @foreign : @foreign[ 0 .. 20 ])
	{
		my $name = next_name($database);

		foreach my $suffix ('tmp', 'removed')
		{
			my $path = "$directory/$name.$suffix";
			my $marker = "$path/staging.json";

			make_path($path);
			append_to_file("$path/precious", 'mine');
			my $text = $make->($owner =~ s/NAME/$name/r, $marker);
			append_to_file($marker, $text) unless -e $marker || -l $marker;
			push @leftovers, $path;
		}
	}
}
my $before = tree_of(@leftovers, $outside);
take_snapshot($node, $_) foreach @databases;
$node->restart;
ok(take_snapshot($node, 'app'),
	'a snapshot is taken after a start beside leftovers of others');
is_untouched($before, [ @leftovers, $outside ],
	'leftovers of others are not touched');
remove_tree(@leftovers);

# A leftover of this cluster is removed, but links in it are not followed, and
# the name in its file leads nowhere.
my $leftover = next_name('app');
foreach my $name ('../../outside', '/etc/passwd', '', $leftover)
{
	my $path = "$directory/$leftover.tmp";

	make_path($path);
	append_to_file("$path/staging.json", $owner =~ s/NAME/$name/r);
	symlink $outside, "$path/app.dump" or die $!;
	symlink "$outside/x", "$path/globals.sql" or die $!;
	mkfifo("$path/fifo", 0600) or die $!;
	my $before = tree_of($outside);
	take_snapshot($node, 'app');
	ok(!-e $path, "a leftover of this cluster with the name \"$name\" is removed");
	is_untouched($before, [$outside],
		"the removal of a leftover with the name \"$name\" follows no links");
}
is( $node->safe_psql(
		'postgres',
		"SELECT string_agg(name, ',') FROM snapshot_history() WHERE outcome = 'interrupted'"
	),
	$leftover,
	'the history has the one leftover with its own name as interrupted');

crashes_nothing('hostile files');
$node->stop;
done_testing();
