
# Copyright (c) 2026, the snapshot_worker developers

# A server with snapshot_worker, for TAP tests, and a look at what it left on
# disk.

package SnapshotTest;

use strict;
use warnings;

use Digest::SHA;
use Exporter 'import';
use File::Basename;
use File::Find;
use File::Path;
use File::Spec;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest::Node;
use Test::More;
use Time::HiRes qw(time);
use Time::Local qw(timegm);

# A shell has its background jobs ignore these, and so would do all that a test
# starts, such as a script that traps them.
@SIG{qw(INT QUIT)} = ('DEFAULT') x 2;

our @EXPORT = qw(
  snapshot_node fake_clock set_clock pass_time reload_with pass_minute_after_crash snapshots leftovers
  manifest_of wait_until sha256_of slurp_lines install_fake_program
  damages far_time start_query finish_query hold_at wait_until_held let_go own_mounts
  history_lines answers take_snapshot sql_error start_session finish_session
  wait_for_dump
);

# A new node that preloads the library, with a snapshot directory of its own,
# which is returned as well.  Options: conf (text for postgresql.conf), clock
# (see fake_clock), start (false leaves it stopped), init (arguments for init).
sub snapshot_node
{
	my ($name, %options) = @_;
	my $node = SnapshotTest::Node->new($name);
	my $directory = $node->basedir . '/snapshots';

	$node->init(@{ $options{init} // [] });
	$node->append_conf('postgresql.conf', <<EOF);
shared_preload_libraries = 'snapshot_worker'
snapshot_worker.directory = '$directory'
log_min_messages = info
log_statement = none
log_line_prefix = '%m [%p] %q%b '
timezone = 'UTC'
max_worker_processes = 16
EOF
	$node->append_conf('postgresql.conf', $options{conf})
	  if defined $options{conf};
	fake_clock($node, $options{clock}) if defined $options{clock};
	if ($options{start} // 1)
	{
		$node->start;
		$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
	}
	return ($node, $directory);
}

# Have the node's clock show a time ("2026-03-19 02:59:57", UTC, or "now") and
# go on from there; see test/fake_clock.c.  Call before the node is started.
my %clock_file;

sub fake_clock
{
	my ($node, $time) = @_;
	my $library = $node->basedir . '/fake_clock.so';

	system_or_bail('cc', '-shared', '-fPIC', '-o', $library,
		'test/fake_clock.c', '-ldl');
	$clock_file{ $node->name } = $node->basedir . '/clock';
	set_clock($node, $time);
	$ENV{LD_PRELOAD} = $library;
	$ENV{FAKE_CLOCK} = $clock_file{ $node->name };
	return;
}

# Set the faked clock of a node.
sub set_clock
{
	my ($node, $time) = @_;
	my $file = $clock_file{ $node->name };

	return write_offset($file, 0, 0) if $time eq 'now';
	$time =~ /^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)$/ or die "bad time $time";
	my $target = timegm($6, $5, $4, $3, $2 - 1, $1);
	write_offset($file, 0, int($target - time()));
	return;
}

# Write one of the offsets of a clock's file, in place and at once: processes
# have the file in their memory.
sub write_offset
{
	my ($file, $which, $seconds) = @_;

	open my $fh, (-e $file ? '+<:raw' : '>:raw'), $file
	  or die "could not open $file: $!";
	syswrite($fh, pack('q2', 0, 0)) == 16 or die "could not write $file: $!"
	  unless -s $fh;
	sysseek($fh, 8 * $which, 0) or die "could not write $file: $!";
	syswrite($fh, pack('q', $seconds)) == 8
	  or die "could not write $file: $!";
	close $fh or die "could not write $file: $!";
	return;
}

# Have all delays of a node with a faked clock be shorter by some seconds, from
# now on.  The server has to be running, or about to.
my %passed;

sub pass_time
{
	my ($node, $seconds) = @_;

	# The launcher may begin to measure when it starts.  It is asked for first,
	# since what begins then can crash the server.
	$node->poll_query_until('postgres',
		'SELECT launcher_pid IS NOT NULL FROM snapshot_status()')
	  or die 'no launcher';
	my (undef, $launcher) = eval {
		$node->psql('postgres', 'SELECT launcher_pid FROM snapshot_status()');
	};
	$passed{ $node->name } += $seconds;
	write_offset($clock_file{ $node->name }, 1, $passed{ $node->name });
	# a launcher that sleeps does not see it
	kill 'USR1', $launcher if $launcher;
	return;
}

# A time of the day, for the schedule, that does not come during a test.
sub far_time
{
	return sprintf '%02d:05', ((gmtime)[2] + 12) % 24;
}

# Change settings of snapshot_worker, and wait until every process that the
# server starts from then on has them.
sub reload_with
{
	my ($node, %settings) = @_;

	my $sql = '';

	foreach my $name (sort keys %settings)
	{
		my $value = $settings{$name};
		$value =~ s/'/''/g;
		$sql .= "ALTER SYSTEM SET snapshot_worker.\"$name\" = '$value';\n";
	}
	my ($before) = split /\n/, $node->safe_psql('postgres',
		"${sql}SELECT clock_timestamp();\nSELECT pg_reload_conf();");
	$node->poll_query_until('postgres',
		"SELECT pg_conf_load_time() > '$before'")
	  or die 'timed out waiting for the settings to be loaded';
	return;
}

# The entries of a database's folder, or (undef) of all folders of a directory,
# as names relative to the directory, sorted.
sub entries
{
	my ($directory, $folder) = @_;
	my @entries;

	foreach my $path (
		defined $folder ? "$directory/$folder" : glob("\Q$directory\E/*"))
	{
		opendir(my $dh, $path) or next;
		my ($in) = $path =~ m{([^/]+)$};
		push @entries, map { "$in/$_" } grep { !/^\.\.?$/ } readdir $dh;
		closedir $dh;
	}
	@entries = sort @entries;
	return @entries;
}

# The names of the snapshots in a directory, or of one database's, sorted.
sub snapshots
{
	my ($directory, $folder) = @_;
	my @snapshots = grep { m{/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$} }
	  entries($directory, $folder);

	return @snapshots;
}

# The entries of the folders of a directory that are not snapshots.
sub leftovers
{
	my ($directory) = @_;
	my @leftovers = grep { !m{/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$} }
	  entries($directory);

	return @leftovers;
}

# The manifest of a snapshot, as Perl data.
sub manifest_of
{
	my ($directory, $name) = @_;

	return decode_json(slurp_file("$directory/$name/manifest.json"));
}

# The damages of the snapshots in a directory: how their files differ from
# their manifests.
sub damages
{
	my ($directory) = @_;
	my @damages;

	foreach my $name (snapshots($directory))
	{
		my $path = "$directory/$name";
		my $manifest = eval { manifest_of($directory, $name) };
		my %known = map { $_ => 1 } qw(manifest.json verified.json archived.json pinned);

		push @damages, "$name has no manifest" unless defined $manifest;
		foreach my $file (@{ $manifest->{files} })
		{
			my $inner = $file->{path};

			$known{$inner} = 1;
			push @damages, "$name/$inner is not as in the manifest"
			  unless -f "$path/$inner"
			  && -s _ == $file->{size}
			  && Digest::SHA->new(256)->addfile("$path/$inner", 'b')
			  ->hexdigest eq $file->{sha256};
		}
		find(
			sub {
				my ($inner) = $File::Find::name =~ m{^\Q$path\E/(.+)};
				push @damages, "$name/$inner is not in the manifest"
				  unless -d || $known{$inner};
			},
			$path);
	}
	return @damages;
}

# Wait for code to return something true, which is returned; fails the test
# when it does not.
sub wait_until
{
	my ($test_name, $code) = @_;
	my $result = SnapshotTest::Node::repeat($code);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok($result, $test_name . ($result ? '' : ' (timed out)'));
	return $result;
}

# Execute statements in one session, in turn.  Returns a list of [ output,
# errors ], errors with their SQLSTATE.
sub answers
{
	my ($node, $database, @statements) = @_;
	my (undef, $stdout, $stderr) = $node->psql(
		$database,
		"\\set VERBOSITY verbose\n"
		  . join('', map { "$_;\n\\echo --next--\n\\warn --next--\n" } @statements),
		on_error_stop => 0);
	my @outputs = split /^--next--\n?/m, $stdout, -1;
	my @errors = split /^--next--\n?/m, $stderr, -1;

	die "not all was answered: $stderr" unless @outputs == @statements + 1;
	return map { [ map { chomp; $_ } $outputs[$_], $errors[$_] ] }
	  0 .. $#statements;
}

# Take a snapshot of a database; returns its name.
sub take_snapshot
{
	my ($node, $database) = @_;

	return $node->safe_psql('postgres', "SELECT snapshot_now('$database')");
}

# The error that a query raises; "" for none.
sub sql_error
{
	my ($node, $query) = @_;
	my (undef, undef, $stderr) = $node->psql('postgres', $query);

	return $stderr;
}

# Start a session that runs a query, and waits as long as that takes.  Its
# errors have no SQLSTATE, unlike those of start_query.
sub start_session
{
	my ($node, $query) = @_;
	my %session = (out => '', err => '');

	$session{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c', $query ],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

# Wait for the end of a session, and return what it has put out.
sub finish_session
{
	my ($session) = @_;

	$session->{handle}->finish;
	chomp $session->{out};
	return $session->{out};
}

# Wait until one snapshot worker has pg_dump at work.
sub wait_for_dump
{
	my ($node) = @_;

	$node->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
	return;
}

# Start a session, in a database or in "postgres", that runs a query; what
# finish_query is to be called with.
sub start_query
{
	my ($node, $query, $database) = @_;
	my %session = (out => '', err => '');

	$session{handle} = IPC::Run::start(
		[
			'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d',
			$node->connstr($database // 'postgres'), '-c', $query
		],
		'<', \undef, '>', \$session{out}, '2>', \$session{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return \%session;
}

# Wait for the end of a session.  Its output, and what it says on standard
# error, are in out and err of the session, and returned.
sub finish_query
{
	my ($session) = @_;

	$session->{handle}->finish;
	chomp $session->{out};
	return ($session->{out}, $session->{err});
}

# Have runs stop at a step; see src/util/test_step.h.
sub hold_at
{
	my ($node, $step) = @_;
	my $file = $node->data_dir . '/hold_snapshot_at';

	append_to_file("$file.new", $step);
	rename "$file.new", $file or die "could not rename $file.new: $!";
	return;
}

# Wait until a run is there; returns the process ID of its worker.
sub wait_until_held
{
	my ($node, $step) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until(
		"a run is at \"$step\"",
		sub {
			$node->safe_psql('postgres', <<EOF);
SELECT pid FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query = 'held at $step'
EOF
		});
}

# Have runs go on.
sub let_go
{
	my ($node) = @_;

	unlink $node->data_dir . '/hold_snapshot_at';
	return;
}

# Go on in a mount namespace of one's own, in which shell commands have been
# run that may mount something below the directory $mounts, which is returned.
# Where that is not allowed, returns nothing, and what was said about it.  To
# be called in a BEGIN block, before anything has a directory of its own: the
# test is started once more.
sub own_mounts
{
	my ($commands) = @_;
	my $tmp_check = $ENV{TESTDATADIR} // ($ENV{TESTDIR} // '.') . '/tmp_check';
	my $mounts =
	  File::Spec->rel2abs($tmp_check) . '/mounts_' . basename($0, '.pl');
	my $output;

	if (($ENV{SNAPSHOT_TEST_MOUNTS} // '') eq $mounts)
	{
		delete $ENV{SNAPSHOT_TEST_MOUNTS};
		return $mounts;
	}
	mkpath($mounts);

	# Root of the namespace mounts; the server does not run as root.
	local $ENV{mounts} = $mounts;
	local $ENV{SNAPSHOT_TEST_MOUNTS} = $mounts;
	my ($gid) = split ' ', $(;
	my @command = (
		'unshare', '--map-root-user', '--mount', 'sh',
		'-ec', "( $commands )\nexec \"\$\@\"", 'sh', 'unshare',
		'--user', "--map-user=$<", "--map-group=$gid");

	# It dies when there is no such program.
	return (undef, $output || $@)
	  unless eval { IPC::Run::run([ @command, 'true' ], '>&', \$output) };
	exec @command, $^X, (map { "-I$_" } @INC), $0, @ARGV
	  or die "could not run unshare: $!";
}

# Wait for the server to come back from a crash, and have the minute go by in
# which nothing begins by itself.
sub pass_minute_after_crash
{
	my ($node) = @_;

	$node->poll_query_until('postgres',
		q{SELECT warning LIKE 'the server has crashed:%' FROM snapshot_status()})
	  or die 'the server does not come back';
	pass_time($node, 60);
	return;
}

# The SHA-256 of a file, by a tool that is not ours.
sub sha256_of
{
	my ($file) = @_;
	my ($sum) = split ' ', `sha256sum < '$file'`;

	die "could not hash $file" unless $? == 0 && $sum;
	return $sum;
}

sub slurp_lines
{
	my ($file) = @_;

	return -e $file ? split(/\n/, slurp_file($file)) : ();
}

# The lines of the history in a directory, oldest first, as Perl data.
sub history_lines
{
	my ($directory) = @_;

	return map { decode_json($_) }
	  map { slurp_lines($_) } glob("\Q$directory\E/history-*.jsonl");
}

# A directory of client programs like the server's own, but for one, which is
# this shell script; REAL in it is the path of the real one.  Without a script,
# all are the server's own (again).
sub install_fake_program
{
	my ($node, $program, $script) = @_;
	my $bindir = $node->config_data('--bindir');
	my $fake = $node->basedir . '/bin';

	mkdir $fake;
	unlink "$fake/$program";
	if (defined $script)
	{
		$script =~ s/\bREAL\b/$bindir\/$program/g;
		append_to_file("$fake/$program", "#!/bin/bash\n$script");
		chmod 0755, "$fake/$program"
		  or die "could not chmod $fake/$program: $!";
	}
	foreach my $name (qw(pg_dump pg_dumpall pg_restore psql))
	{
		symlink "$bindir/$name", "$fake/$name" unless -e "$fake/$name";
	}
	return $fake;
}

1;
