
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Troubles with the snapshot directory.  Promised here: one clear error, with
# the path and the operating system user, for a session that asks for a
# snapshot, in the log and in snapshot_status(); the scheduled snapshot is
# tried again, and taken once the directory is mended; older snapshots are
# untouched.  A missing directory is made, with its parents.  The directory may
# be a symbolic link, but its entries may not: such links are never followed,
# and nothing behind them is ever removed.

use strict;
use warnings;

use File::Path;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($mounts, $no_mounts);

BEGIN
{
	($mounts, $no_mounts) = own_mounts(<<'EOF');
mount -t tmpfs tmpfs "$mounts"
cd "$mounts"
mkdir disk read_only
mount --bind disk read_only
mount -o remount,bind,ro read_only
EOF
}

my $os_user = getpwuid($<);
my $day = '2026-03-19';
my $hour = 0;

sub must
{
	my ($done, $what) = @_;

	die "could not $what: $!" unless $done;
	return;
}

sub set_mode
{
	my ($mode, $path) = @_;

	must(chmod($mode, $path), "chmod $path");
	return;
}

sub move
{
	my ($from, $to) = @_;

	must(rename($from, $to), "rename $from to $to");
	return;
}

sub make_link
{
	my ($target, $path) = @_;

	must(symlink($target, $path), "link $path to $target");
	return;
}

sub delete_file
{
	my ($path) = @_;

	must(unlink($path), "unlink $path");
	return;
}

# Servers with a snapshot each, so that one can wait while another one does.
sub new_server
{
	my ($name) = @_;
	my $times = join ',', map { sprintf '%02d:00', $_ } 0 .. 23;
	my ($node) = snapshot_node($name, start => 0);
	my $parent = $node->basedir . '/place';
	my $directory = "$parent/snapshots";

	$node->append_conf('postgresql.conf', <<EOF);
snapshot_worker.directory = '$directory'
snapshot_worker.enable = on
snapshot_worker.time = '$times'
snapshot_worker.databases = 'app'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
EOF
	fake_clock($node, "$day 00:10:00") unless $ENV{FAKE_CLOCK};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	return {
		node => $node,
		parent => $parent,
		directory => $directory,
		away => $node->basedir . '/away',
		elsewhere => $node->basedir . '/elsewhere'
	};
}

sub ask_for_snapshot
{
	my ($server) = @_;

	return finish_query(
		start_query($server->{node}, "SELECT snapshot_now('app')"));
}

sub takes_snapshot
{
	my ($server, $test_name) = @_;
	my ($name, $stderr) = ask_for_snapshot($server);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($stderr, '', "$test_name: the run raises no error");
	ok((grep { $_ eq $name } snapshots($server->{directory}, 'app')),
		"$test_name: the snapshot is published");
	is_deeply([ damages($server->{directory}) ],
		[], "$test_name: all snapshots are whole");
	return $name;
}

# The snapshot for a slot, if it was taken.
sub snapshot_of_slot
{
	my ($server, $slot) = @_;

	return grep {
		my $manifest = eval { manifest_of($server->{directory}, $_) };
		defined $manifest && ($manifest->{scheduled_for} // '') eq $slot
	} snapshots($server->{directory}, 'app');
}

# The first part of a trouble: a session that asks gets the error.
sub breaks
{
	my ($server, $trouble) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	subtest "$trouble->{story}: asked by a session" => sub {
		takes_snapshot($server, 'before the trouble');
		$server->{before} = [ snapshots($server->{directory}, 'app') ];
		$trouble->{break}->($server);

		my ($name, $stderr) = ask_for_snapshot($server);
		my $error = $trouble->{error}->($server);
		is($name, '', 'a run that meets the trouble takes no snapshot');
		like(
			$stderr,
			qr/ERROR:  \w+: could not take a snapshot of database "app": $error/,
			'the error of the session says what is wrong with the directory');
		like(
			$stderr,
			qr/DETAIL:  .*operating system user "\Q$os_user\E" \(uid $<\)/,
			'the error of the session names the operating system user of the server')
		  unless $trouble->{without_user};
		$server->{log} = -s $server->{node}->logfile;
	};
	return;
}

# The second part: so does the schedule.
sub is_retried
{
	my ($server, $trouble) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	subtest "$trouble->{story}: on schedule" => sub {
		my $node = $server->{node};
		my $error = $trouble->{error}->($server);
		my ($state, $database, $attempt, $soon, $failures, $last_error);

		wait_until(
			'the run of the schedule fails, and is retried',
			sub {
				($state, $database, $attempt, $soon, $failures, $last_error) =
				  split /\|/,
				  $node->safe_psql('postgres', <<'EOF');
SELECT state, current_database, attempt, next_run < now() + interval '2 minutes',
       consecutive_failures, last_error FROM snapshot_status()
EOF
				return $state eq 'retrying';
			});
		is("$database $soon", 'app t', 'the retry of the schedule comes within two minutes');
		like( $node->safe_psql('postgres', 'SELECT warning FROM snapshot_status()'),
			qr/^the snapshot directory .*: check "/,
			'the status warns of the directory')
		  unless $trouble->{without_warning};
		cmp_ok($attempt, '>', 1, 'the status counts the attempts');
		cmp_ok($failures, '>', 0, 'the status counts the failures');
		like(
			$last_error,
			qr/^database "app": $error/,
			'the status has the error');
		like(
			$last_error,
			qr/operating system user "\Q$os_user\E" \(uid $<\)/,
			'the error in the status names the operating system user of the server')
		  unless $trouble->{without_user};

		my $log = slurp_file($node->logfile, $server->{log});
		my @errors =
		  $log =~ /WARNING:  snapshot of database "app" failed \(attempt 1\): (.*)/g;
		is(scalar @errors, 1, 'the log has one error for the first attempt');
		like($errors[0] // '', qr/^$error/, 'the error in the log says what is wrong with the directory');
		unlike($log, qr/\] ERROR:/, 'the launcher raises no error of its own');
	};
	return;
}

# The third part: the slot's snapshot is taken after all.
sub heals
{
	my ($server, $trouble, $slot) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	subtest "$trouble->{story}: mended" => sub {
		my $node = $server->{node};
		my $directory = $server->{directory};
		my ($name) = wait_until('the schedule takes its snapshot after the directory is mended',
			sub { (snapshot_of_slot($server, $slot))[0] });

		$node->poll_query_until('postgres', <<'EOF') or fail('the status counts the success');
SELECT state = 'idle' AND consecutive_failures = 0 AND last_success_at > last_failure_at
  FROM snapshot_status()
EOF
		cmp_ok(manifest_of($directory, $name)->{attempt},
			'>', 1, 'the snapshot after the directory is mended is of a later attempt');
		is_deeply(
			[ snapshots($directory, 'app') ],
			[ sort @{ $server->{before} }, $name ],
			'the older snapshots survive the trouble');
		is_deeply([ damages($directory) ], [], 'all snapshots are whole after the trouble');
		is_deeply([ grep { /^app/ } leftovers($directory) ],
			[], 'the failed tries leave nothing over');
	};
	return;
}

# The clock reaches the next slot, which is returned.
sub next_slot
{
	my (@servers) = @_;
	my $clock = sprintf '%s %02d:59:59', $day, $hour++;

	set_clock($servers[0]{node}, $clock);
	$_->{node}->reload foreach @servers;
	return sprintf '%sT%02d:00:00.000000Z', $day, $hour;
}

# An error about the directory, as a pattern; DIRECTORY is its path.
sub about_directory
{
	my ($message) = @_;

	return sub { $message =~ s/DIRECTORY/"\Q$_[0]{directory}\E"/r };
}

my @troubles = (
	{
		story => 'the directory is not writable',
		break => sub { set_mode(0500, $_[0]{directory}) },
		mend => sub { set_mode(0700, $_[0]{directory}) },
		error => about_directory(
			'could not write to snapshot directory DIRECTORY: Permission denied'
		)
	},
	{
		story => 'the directory is missing, and cannot be made',
		break => sub {
			move($_[0]{directory}, $_[0]{away});
			set_mode(0500, $_[0]{parent});
		},
		mend => sub {
			set_mode(0700, $_[0]{parent});
			move($_[0]{away}, $_[0]{directory});
		},
		error => about_directory(
			'could not create snapshot directory DIRECTORY: Permission denied')
	},
	{
		story => 'the directory cannot be reached',
		break => sub { set_mode(0000, $_[0]{parent}) },
		mend => sub { set_mode(0700, $_[0]{parent}) },
		error => about_directory(
			'could not access snapshot directory DIRECTORY: Permission denied')
	},
	{
		story => 'a file is in the place of the directory',
		break => sub {
			move($_[0]{directory}, $_[0]{away});
			append_to_file($_[0]{directory}, 'precious');
		},
		mend => sub {
			is(slurp_file($_[0]{directory}), 'precious',
				'the file in place of the directory is not touched');
			delete_file($_[0]{directory});
			move($_[0]{away}, $_[0]{directory});
		},
		error => about_directory('snapshot directory DIRECTORY is not a directory')
	},
	{
		story => 'the directory is below a file',
		break => sub {
			move($_[0]{parent}, $_[0]{away});
			append_to_file($_[0]{parent}, 'precious');
		},
		mend => sub {
			is(slurp_file($_[0]{parent}), 'precious',
				"the file in place of the folder's parent is not touched");
			delete_file($_[0]{parent});
			move($_[0]{away}, $_[0]{parent});
		},
		error => about_directory(
			'could not access snapshot directory DIRECTORY: Not a directory')
	},
	{
		story => 'the directory is a symbolic link to nothing',
		break => sub {
			move($_[0]{directory}, $_[0]{away});
			make_link($_[0]{elsewhere}, $_[0]{directory});
		},
		mend => sub { move($_[0]{away}, $_[0]{elsewhere}) },
		error => about_directory(
			'could not create snapshot directory DIRECTORY: File exists')
	},
	{
		story => 'the directory is another user\'s',
		skip => -w '/usr' ? 'all directories are writable here' : '',
		break => sub {
			move($_[0]{directory}, $_[0]{away});
			make_link('/usr', $_[0]{directory});
		},
		mend => sub {
			delete_file($_[0]{directory});
			move($_[0]{away}, $_[0]{directory});
		},
		error => about_directory(
			'could not write to snapshot directory DIRECTORY: Permission denied'
		)
	},
	{
		story => 'the directory is on a read-only disk',
		skip => defined $mounts ? '' : "cannot mount a disk here: $no_mounts",
		break => sub {
			system_or_bail('cp', '-a', "$_[0]{directory}/.", "$mounts/disk");
			move($_[0]{directory}, $_[0]{away});
			make_link("$mounts/read_only", $_[0]{directory});
		},
		mend => sub {
			# the same disk, writable
			delete_file($_[0]{directory});
			make_link("$mounts/disk", $_[0]{directory});
		},
		error => about_directory(
			'could not write to snapshot directory DIRECTORY: Read-only file system'
		)
	},
	{
		story => 'the folder of the database is a symbolic link',
		without_warning => 1,
		without_user => 1,
		break => sub {
			my $precious = $_[0]{node}->basedir . '/precious';

			move("$_[0]{directory}/app", $_[0]{away});
			mkdir $precious;
			make_link($precious, "$_[0]{directory}/app");
		},
		mend => sub {
			is_deeply([ glob $_[0]{node}->basedir . '/precious/*' ],
				[], 'nothing is written to where a link in place of the folder points');
			delete_file("$_[0]{directory}/app");
			move($_[0]{away}, "$_[0]{directory}/app");
		},
		error => sub { qr{"\Q$_[0]{directory}\E/app" is not a directory} }
	},
	{
		story => 'the folder of the database is not writable',
		without_warning => 1,
		without_user => 1,
		break => sub { set_mode(0500, "$_[0]{directory}/app") },
		mend => sub { set_mode(0700, "$_[0]{directory}/app") },
		error => sub {
			qr{could not create directory "\Q$_[0]{directory}\E/app/[^/"]+\.tmp": Permission denied};
		}
	},
	{
		story => 'the folder of the database cannot be read',
		without_warning => 1,
		without_user => 1,
		break => sub { set_mode(0000, "$_[0]{directory}/app") },
		mend => sub { set_mode(0700, "$_[0]{directory}/app") },
		error => sub {
			qr{could not (open|create) directory "\Q$_[0]{directory}\E/app[^"]*": Permission denied};
		}
	});

my @servers = map { new_server("server$_") } 1 .. 4;

# A missing directory is made.
foreach my $server (@servers)
{
	rmtree($server->{parent});
	takes_snapshot($server, 'a missing directory');
}
is_deeply(
	[
		map { sprintf '%o', (stat $_)[2] & 07777 }
		  $servers[0]{parent},
		$servers[0]{directory},
		"$servers[0]{directory}/app"
	],
	[ (700) x 3 ],
	'the directory is made with its parents, with mode 0700');

SKIP:
foreach my $trouble (grep { $_->{skip} } @troubles)
{
	skip "$trouble->{story}: $trouble->{skip}", 1;
}
@troubles = grep { !$_->{skip} } @troubles;

while (my @batch = splice @troubles, 0, scalar @servers)
{
	my $slot;

	breaks($servers[$_], $batch[$_]) foreach 0 .. $#batch;
	$slot = next_slot(@servers);
	is_retried($servers[$_], $batch[$_]) foreach 0 .. $#batch;
	$batch[$_]{mend}->($servers[$_]) foreach 0 .. $#batch;
	heals($servers[$_], $batch[$_], $slot) foreach 0 .. $#batch;
}

# Removed during a run; nobody has to mend anything.
my ($server) = @servers;
my $node = $server->{node};
my $directory = $server->{directory};

subtest 'the directory is removed during a run' => sub {
	my $slot;

	hold_at($node, 'dumped');
	$slot = next_slot(@servers);
	wait_until_held($node, 'dumped');
	rmtree($directory);
	let_go($node);
	wait_until('the schedule takes its snapshot after the directory was removed during a run',
		sub { snapshot_of_slot($server, $slot) });
	like(
		slurp_file($node->logfile),
		qr{WARNING:  snapshot of database "app" failed \(attempt 1\): .*\n.*DETAIL: .*\Q$directory\E/app/.*No such file or directory},
		'the error of a run whose directory was removed has the path');
	is_deeply([ damages($directory) ], [], 'all snapshots are whole after the directory was removed');
	is_deeply([ leftovers($directory) ], [], 'a run whose directory was removed leaves nothing over');
};

subtest 'a directory takes the name of a snapshot during its run' => sub {
	my ($session, $staging, $final, $inode);

	hold_at($node, 'before rename');
	$session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'before rename');
	($staging) = leftovers($directory);
	($final) = "$directory/$staging" =~ /^(.+)\.tmp$/
	  or die "no staging directory, but $staging";
	must(mkdir($final), "create $final");
	$inode = (stat $final)[1];
	let_go($node);
	like(
		(finish_query($session))[1],
		qr/ERROR:  58P02: could not take a snapshot of database "app": "\Q$final\E" already exists/,
		'the run fails, and the error says which name is taken');
	is((stat $final)[1], $inode, 'a run does not replace the empty directory of another');
	is_deeply([ leftovers($directory) ], [], 'a run whose name is taken leaves nothing over');
	must(rmdir($final), "remove $final");
	takes_snapshot($server, 'a run after the directory is gone');
};

subtest 'the directory is a symbolic link' => sub {
	my $name;

	move($directory, $server->{away});
	make_link($server->{away}, $directory);
	$name = takes_snapshot($server, 'a directory that is a symbolic link');
	ok(-e "$server->{away}/$name/manifest.json", 'the snapshot is in the directory that the link points to');
	$node->restart;
	is( $node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_list()'),
		scalar(snapshots($directory)),
		'the snapshot behind the link is listed after a restart');
	delete_file($directory);
	move($server->{away}, $directory);
};

subtest 'the server starts while the directory is broken' => sub {
	my $log = -s $node->logfile;

	move($directory, $server->{away});
	append_to_file($directory, '');
	$node->restart;
	like((ask_for_snapshot($server))[1],
		qr/is not a directory/, 'a session gets an error when the server was started with a broken directory');
	unlike(slurp_file($node->logfile, $log),
		qr/\] ERROR:/, 'a launcher started with a broken directory raises no error of its own');
	delete_file($directory);
	move($server->{away}, $directory);
	takes_snapshot($server, 'a directory mended after the start');
};

subtest 'a folder in the directory is none of ours' => sub {
	my $log = -s $node->logfile;

	mkdir "$directory/$_", 0000 foreach qw(lost+found private);
	$node->restart;
	takes_snapshot($server, 'a directory with foreign folders');
	is( $node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_list()'),
		scalar(snapshots($directory, 'app')),
		'snapshots are listed beside foreign folders');
	unlike(slurp_file($node->logfile, $log),
		qr/\] ERROR:/, 'a launcher that finds foreign folders raises no error of its own');
	rmdir "$directory/$_" or die foreach qw(lost+found private);
};

# Nothing behind a symbolic link is removed.
my $precious = $node->basedir . '/precious_tree';
mkpath("$precious/inner");
append_to_file("$precious/$_", $_) foreach qw(file inner/file);

sub put_links_into
{
	my ($path) = @_;

	make_link($precious, "$path/to_directory");
	make_link("$precious/file", "$path/to_file");
	make_link("$precious/nothing", "$path/to_nothing");
	return;
}

sub check_precious
{
	my ($when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( join(' ', map { slurp_file("$precious/$_") } qw(file inner/file)),
		'file inner/file',
		"$when, the files that links point to are not touched");
	return;
}

# Start a run, hold it, and return its staging directory and its session.
sub hold_run
{
	my $session;
	my @staging;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, 'dumped');
	$session = start_query($node, "SELECT snapshot_now('app')");
	$session->{worker} = wait_until_held($node, 'dumped');
	@staging = leftovers($directory);
	is(scalar @staging, 1, 'a run that is held has one staging directory');
	return ("$directory/$staging[0]", $session);
}

subtest 'links in the staging directory of a run that fails' => sub {
	my ($staging, $session) = hold_run();

	put_links_into($staging);
	move("$staging/app.dump", "$precious/dump");
	make_link("$precious/dump", "$staging/app.dump");
	$node->safe_psql('postgres',
		"SELECT pg_cancel_backend($session->{worker})");
	finish_query($session);
	let_go($node);
	isnt($session->{err}, '', 'a canceled run with links in its staging directory fails');
	ok(!-e $staging, 'a canceled run with links in its staging directory removes it');
	check_precious('after a canceled run');
	ok(-e "$precious/dump/toc.dat", 'a canceled run with links in its staging directory leaves what they point to');
	rmtree("$precious/dump");
};

subtest 'links in what an interrupted run left' => sub {
	my ($staging, $session) = hold_run();
	my ($name) = $staging =~ m{([^/]+)$};
	my @links = ("$directory/app/2020-01-01T00-00-00Z.tmp", "$directory/other");

	$node->stop('immediate');
	finish_query($session);
	let_go($node);
	ok(-e "$staging/staging.json", 'an immediate shutdown leaves the staging directory');
	put_links_into($staging);

	# The server would remove this one, were it not behind a link.
	mkdir "$precious/folder";
	system_or_bail('cp', '-a', $staging, "$precious/folder/$name");
	make_link("$precious/folder/$name", $links[0]);
	make_link("$precious/folder", $links[1]);

	$node->start;
	takes_snapshot($server, 'a start after an immediate shutdown');
	ok(!-e $staging, 'a run after the start removes the staging directory');
	check_precious('after the sweep of an interrupted run');
	ok(-e "$precious/folder/$name/staging.json",
		'nothing behind a link to a folder is removed');
	ok(-l $_, "the link $_ is not removed") foreach @links;
	delete_file($_) foreach @links;
	rmtree("$precious/folder");
};

subtest 'links in a snapshot that is due to be removed' => sub {
	my $old = takes_snapshot($server, 'a first snapshot, to be removed later');
	my $dump = "$directory/$old/app.dump";
	my $log = -s $node->logfile;
	my $name;

	# a scheduled one has a count of its own
	my %others = map { $_ => 1 } grep { $_ ne $old } snapshots($directory, 'app');
	my $requested = sub { [ grep { !$others{$_} } snapshots($directory, 'app') ] };

	put_links_into("$directory/$old");
	reload_with($node, retention_manual => 1);
	$name = takes_snapshot_beside($old, 'a run beside a snapshot with links');
	is_deeply($requested->(),
		[ $old, $name ], 'retention does not remove a snapshot with links');
	check_precious('after a refused removal');
	like(
		slurp_file($node->logfile, $log),
		qr{WARNING:  could not remove snapshot "\Q$old\E"\n.*DETAIL:  It contains "\Q$directory/$old\E/to_\w+"},
		'the log says why a snapshot with links is not removed');

	delete_file("$directory/$old/$_")
	  foreach qw(to_directory to_file to_nothing);
	move($dump, "$precious/dump");
	make_link("$precious/dump", $dump);
	$name = takes_snapshot_beside($old, 'a run beside a snapshot with a link for its dump');
	is_deeply($requested->(),
		[ $old, $name ], 'retention does not remove a snapshot with a link for its dump');
	ok(-e "$precious/dump/toc.dat", 'retention does not follow a link in place of a dump');

	delete_file($dump);
	move("$precious/dump", $dump);
	$name = takes_snapshot($server, 'a run beside a snapshot whose links were removed');
	is_deeply($requested->(),
		[$name], 'retention removes a snapshot whose links were removed');
	check_precious('after a removal');
};

# As takes_snapshot, beside one that is not whole.
sub takes_snapshot_beside
{
	my ($other, $test_name) = @_;
	my ($name, $stderr) = ask_for_snapshot($server);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($stderr, '', "$test_name: the run raises no error");
	is_deeply([ grep { !/^\Q$other\E / && !/^\Q$other\E\// } damages($directory) ],
		[], "$test_name: the new snapshot is whole");
	return $name;
}

$_->{node}->stop foreach @servers;
done_testing();
