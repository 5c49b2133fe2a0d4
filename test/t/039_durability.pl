
# Copyright (c) 2026, the snapshot_worker developers

# A loss of power leaves a whole snapshot or none.  Promised here: each file is
# synced after its last write, and each directory after its last entry was
# made, before a rename gives the snapshot its name; and the directory that has
# the name is synced after that.  The same holds for history, schedule, and
# what is written beside a snapshot.  A preloaded library writes down what the
# server does to files (test/spy_io.c).

use strict;
use warnings;

use File::Basename;
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes;

my ($node, $directory) = snapshot_node('main', start => 0,
	conf => <<'EOC');
fsync = on
snapshot_worker.format = directory
snapshot_worker.jobs = 2
snapshot_worker.globals = on
EOC
my $library = $node->basedir . '/spy_io.so';
my $log = $node->basedir . '/spy.log';
system_or_bail('cc', '-shared', '-fPIC', '-o', $library, 'test/spy_io.c');
$ENV{LD_PRELOAD} = $library;
$ENV{SPY_ROOT} = $directory;
$ENV{SPY_LOG} = $log;
$node->start;
delete $ENV{LD_PRELOAD};
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOC');
CREATE TABLE same AS SELECT g AS n, md5(g::text) AS t FROM generate_series(1, 2000) g;
CREATE TABLE grows (n int);
SELECT lo_from_bytea(0, 'a large object');
EOC

# The operations so far, in their order.
sub events
{
	my @events;

	foreach my $line (slurp_lines($log))
	{
		my %event;

		@event{qw(pid op path other inode mtime size)} = split /\t/, $line;
		$event{at} = @events;
		push @events, \%event;
	}
	return @events;
}

# An inode's number and its time of change, as an event has them.  Perl's own
# stat() has no nanoseconds that are exact.
sub identity
{
	my ($path) = @_;
	my $stat = `stat --format '%i %.9Y %s' '$path'`;

	die "could not stat $path" unless $stat =~ /^(\d+) (\d+)\.(\d{9}) (\d+)$/;
	return ($1, "$2$3", $4);
}

sub last_of
{
	return @_ ? $_[-1] : undef;
}

# The last sync of an inode before some event.
sub sync_before
{
	my ($events, $inode, $end) = @_;

	return last_of(grep { $_->{op} eq 'sync' && $_->{inode} == $inode && $_->{at} < $end }
		  @$events);
}

# Was a directory synced after an event?
sub synced_after
{
	my ($events, $path, $begin) = @_;

	return scalar grep { $_->{op} eq 'sync' && $_->{path} eq $path && $_->{at} > $begin }
	  @$events;
}

# The files that are not synced when a snapshot gets its name, or after that.
sub unsynced
{
	my ($name) = @_;
	my @events = events();
	my @problems;
	my $final = "$directory/$name";
	my $rename = last_of(grep { $_->{op} eq 'rename' && $_->{other} eq $final } @events);
	my @files;
	my @directories;

	return ("$name was not renamed") unless $rename;
	my $staging = $rename->{path};
	find(
		{
			no_chdir => 1,
			wanted => sub {
				push @{ -d $_ ? \@directories : \@files }, $_;
			}
		},
		$final);
	return ("$name has too few files") if @files < 3;

	foreach my $file (@files)
	{
		my ($inode, $mtime, $size) = identity($file);
		my $sync = sync_before(\@events, $inode, $rename->{at});

		push @problems, "$file is not synced after its last write"
		  unless $sync && $sync->{mtime} eq $mtime && $sync->{size} == $size
		  && !grep { $_->{op} eq 'write' && $_->{inode} == $inode && $_->{at} > $sync->{at} }
		  @events;
	}
	foreach my $path (@directories)
	{
		my $then = $path =~ s/^\Q$final\E/$staging/r;
		my ($inode, $mtime) = identity($path);
		my $sync = sync_before(\@events, $inode, $rename->{at});

		push @problems, "$then is not synced after its last entry was made"
		  unless $sync && $sync->{mtime} eq $mtime
		  && !grep {
			     $_->{op} =~ /^(?:create|link|rename|unlink|mkdir)$/
			  && $_->{at} > $sync->{at}
			  && $_->{at} < $rename->{at}
			  && (dirname($_->{path}) eq $then || dirname($_->{other}) eq $then)
		  } @events;
	}
	push @problems, "the folder of $name is not synced after the rename"
	  unless synced_after(\@events, dirname($final), $rename->{at});
	my $made = last_of(grep { $_->{op} eq 'mkdir' && $_->{path} eq dirname($final) } @events);
	push @problems, "the snapshot directory is not synced after the folder was made"
	  unless $made && synced_after([ @events[ 0 .. $rename->{at} ] ], $directory, $made->{at});
	return @problems;
}

# The files that are not synced of a replaced file: of the last one of that
# name.
sub replaced_unsynced
{
	my ($path) = @_;
	my @events = events();
	my @problems;
	my $rename = last_of(grep { $_->{op} eq 'rename' && $_->{other} eq $path } @events);

	return ("$path was not renamed") unless $rename;
	my $sync = sync_before(\@events, $rename->{inode}, $rename->{at});
	push @problems, "$path is not synced after its last write"
	  unless $sync && $sync->{size} == $rename->{size}
	  && $sync->{mtime} eq $rename->{mtime};
	push @problems, "the directory of $path is not synced after the rename"
	  unless synced_after(\@events, dirname($path), $rename->{at});
	return @problems;
}

sub is_synced
{
	my ($label, @problems) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(join("\n", @problems), '', $label);
	return;
}

# Whole snapshots: one whose files are all its own, and one that shares some.
my $first = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_synced('a snapshot is synced before it has its name', unsynced($first));
$node->safe_psql('app', 'INSERT INTO grows VALUES (1)');
my $second = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_synced('a snapshot that shares files is synced before it has its name', unsynced($second));
ok((grep { (stat)[3] == 2 } glob("$directory/$second/app.dump/*")), 'the second snapshot shares files with the first');

# The file that says whose a staging directory is.
my @events = events();
my ($owner) = grep { $_->{op} eq 'create' && $_->{path} =~ m{^\Q$directory/$second\E\.tmp/staging\.json$} } @events;
my ($copied) = grep { $_->{op} eq 'create' && $_->{path} =~ m{^\Q$directory/$second\E\.tmp/manifest\.json$} } @events;
ok($owner && $copied, 'the staging directory has files that were synced');
ok(sync_before(\@events, $owner->{inode}, $copied->{at})
	&& synced_after([ @events[ 0 .. $copied->{at} ] ], "$directory/$second.tmp", $owner->{at}),
	'the owner file of a staging directory is synced before the manifest');

# History: each line, and the file when it is made.
my ($history) = glob("$directory/history-*.jsonl");
my ($made) = grep { $_->{op} eq 'create' && $_->{path} eq $history } @events;
ok($made && synced_after(\@events, $directory, $made->{at}),
	'the directory is synced when the history is made');
my @lines = grep { $_->{op} eq 'write' && $_->{path} eq $history } @events;
is(scalar(@lines), 2, 'each run writes one line');
is(scalar(grep {
		my $line = $_;

		!grep { $_->{op} eq 'sync' && $_->{inode} == $line->{inode} && $_->{size} == $line->{size} && $_->{at} > $line->{at} } @events
	} @lines), 0, 'each line of the history is synced');

# One that has grown too long.
my $filler = "{\"filler\": \"" . 'x' x 1000 . "\"}\n";
append_to_file($history, $filler x 2200);
$node->safe_psql('postgres', "SELECT snapshot_now('app')");
cmp_ok(-s $history, '<', 1.5 * 1024 * 1024, 'a history that was too long is cut');
is_synced('a file that replaces the history is synced before it has its name', replaced_unsynced($history));

# Files beside a snapshot, and the schedule.
$node->safe_psql('postgres', "SELECT snapshot_pin('$first', 'a note')");
is_synced('a pin is synced before it has its name', replaced_unsynced("$directory/$first/pinned"));
$node->safe_psql('postgres', "SELECT snapshot_unpin('$first')");
@events = events();
my ($unpinned) = grep { $_->{op} eq 'unlink' && $_->{path} eq "$directory/$first/pinned" } @events;
ok($unpinned && synced_after(\@events, "$directory/$first", $unpinned->{at}),
	'the removal of a pin is synced');
$node->safe_psql('postgres', "SELECT snapshot_verify('$first')");
is_synced('the outcome of a verification is synced before it has its name',
	replaced_unsynced("$directory/$first/verified.json"));
reload_with($node, archive_command => 'true');
wait_until('a snapshot is archived',
	sub { slurp_file($node->logfile) =~ /LOG:  archived snapshot "\Q$first\E"/ });
is_synced('the mark of an archived snapshot is synced before it has its name',
	replaced_unsynced("$directory/$first/archived.json"));
my $schedule = $history =~ s/history-(\d+)\.jsonl$/schedule-$1.json/r;
reload_with($node, archive_command => '', time => far_time(), enable => 'on');
wait_until('the launcher writes the schedule', sub { -e $schedule && !replaced_unsynced($schedule) });
is_synced('the schedule is synced before it has its name', replaced_unsynced($schedule));
reload_with($node, enable => 'off');

# A snapshot that is removed has lost its name before it loses anything else.
$node->safe_psql('postgres', "SELECT snapshot_delete('$first')");
@events = events();
my ($doomed) = grep { $_->{op} eq 'rename' && $_->{path} eq "$directory/$first" } @events;
my ($unlinked) = grep { $_->{op} eq 'unlink' && $_->{path} =~ m{^\Q$directory/$first\E\.removed/} } @events;
ok($doomed && $unlinked && $doomed->{at} < $unlinked->{at}
	&& synced_after([ @events[ 0 .. $unlinked->{at} ] ], dirname("$directory/$first"), $doomed->{at}),
	"the removal of a snapshot's name is synced before its files go");

reload_with($node, format => 'custom');
$node->safe_psql('postgres', 'CREATE DATABASE other');
my $custom = $node->safe_psql('postgres', "SELECT snapshot_now('other')");
is_synced('an archive in one file is synced before it has its name', unsynced($custom));

$node->stop;
done_testing();
