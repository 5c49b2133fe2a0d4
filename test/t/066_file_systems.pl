
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The snapshot directory is on a file system that lacks something: modes, hard
# links, locks, syncs of directories, renames of directories with open files.
# Promised here: what is missing is known before a dump begins; snapshots are
# taken, verified, removed and swept nevertheless, or the status says what is
# missing and nothing is dumped; the probe leaves nothing behind; and files
# that file systems and desktops leave in a snapshot go with it, and no others
# do. test/file_systems.c plays most file systems.  A real FUSE mount is made
# with bindfs, or is the directory that SNAPSHOT_TEST_FUSE names.

use strict;
use warnings;

use File::Path;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(time);

my ($mounts, $no_mounts);

BEGIN
{
	if (defined $ENV{SNAPSHOT_TEST_FUSE})
	{
		$mounts = $ENV{SNAPSHOT_TEST_FUSE};
	}
	else
	{
		($mounts, $no_mounts) = own_mounts(<<'EOF2');
mount -t tmpfs tmpfs "$mounts"
mkdir "$mounts/disk" "$mounts/fuse"
bindfs --no-allow-other "$mounts/disk" "$mounts/fuse"
EOF2
		$mounts .= '/fuse' if defined $mounts;
	}
}

my ($node, $directory) = snapshot_node('main', conf => "fsync = on\n");
my $library = $node->basedir . '/file_systems.so';
system_or_bail('cc', '-shared', '-fPIC', '-o', $library, 'test/file_systems.c');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	"CREATE TABLE t$_ AS SELECT g FROM generate_series(1, 100) g") foreach 1 .. 4;

sub query
{
	my ($query) = @_;

	return $node->safe_psql('postgres', $query);
}

# The warning of the status, without the crashes that are made here.
sub warning
{
	$node->poll_query_until('postgres',
		'SELECT launcher_pid IS NOT NULL FROM snapshot_status()')
	  or die 'no launcher';
	my $warning = query(q{SELECT coalesce(warning, '') FROM snapshot_status()});
	return $warning =~ /^the server has crashed/ ? '' : $warning;
}

# The leftovers of a probe anywhere in the directory.
sub probes
{
	my @found = grep { -e } glob("\Q$directory\E/.snapshot_worker* \Q$directory\E/*/.snapshot_worker*");

	return @found;
}

# Start the server anew, with its directory on a file system of some kind.
sub start_on
{
	my ($kind) = @_;

	$node->stop('fast');
	local $ENV{LD_PRELOAD} = $library if defined $kind;
	local $ENV{FS_ROOT} = $directory;
	local $ENV{FS_KIND} = $kind // '';
	$node->start;
	return;
}

# How many files of the archives of two snapshots are the same one.
sub shared
{
	my ($one, $two) = map {
		+{ map { (stat)[1] => 1 } glob("\Q$directory/$_\E/app.dump/*") }
	} @_;

	return scalar grep { $two->{$_} } keys %$one;
}

# A run is cut off by a crash of the server; what it left is swept.
sub is_swept
{
	my ($kind) = @_;
	my $session;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, 'dumped');
	$session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'dumped');
	like(join(' ', leftovers($directory)), qr/\.tmp$/, "$kind: a run that is held has a staging directory");
	$node->stop('immediate');
	finish_query($session);
	let_go($node);
	{
		local $ENV{LD_PRELOAD} = $library if $kind ne 'bindfs';
		local $ENV{FS_ROOT} = $directory;
		local $ENV{FS_KIND} = $kind;
		$node->start;
	}
	wait_until("$kind: leftovers of a crash are swept",
		sub { !leftovers($directory) });
	return;
}

# All that is done to snapshots, on a file system of some kind.
sub check_all
{
	my ($kind, $shares) = @_;
	my @names = map { query("SELECT snapshot_now('app')") } 1 .. 2;
	my $note = "kept on $kind";

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(sql_error($node, "SELECT snapshot_verify('$names[0]', restore => true)"), '',
		"$kind: a snapshot verifies and restores");
	cmp_ok(shared(@names), $shares ? '>' : '==', 0,
		"$kind: snapshots " . ($shares ? 'share files' : 'have files of their own'));
	query("SELECT snapshot_pin('$names[1]', '$note')");
	is(query("SELECT note FROM snapshot_list() WHERE name = '$names[1]'"),
		$note, "$kind: a snapshot can be pinned");
	is(sql_error($node, "SELECT snapshot_delete('$names[0]')"), '', "$kind: a snapshot can be deleted");
	is_deeply([ leftovers($directory) ], [], "$kind: a deletion leaves nothing over");
	ok(!-e "$directory/$names[0]", "$kind: the deleted snapshot is gone");

	# A failed run removes what it has written.
	hold_at($node, 'dumped');
	my $session = start_query($node, "SELECT snapshot_now('app')");
	my $worker = wait_until_held($node, 'dumped');
	query("SELECT pg_cancel_backend($worker)");
	finish_query($session);
	let_go($node);
	isnt($session->{err}, '', "$kind: a canceled run fails");
	is_deeply([ leftovers($directory) ], [], "$kind: a failed run leaves nothing over");

	is_swept($kind);
	query("SELECT snapshot_unpin('$names[1]')");
	reload_with($node, retention_manual => 1);
	my $name = query("SELECT snapshot_now('app')");
	is_deeply([ snapshots($directory, 'app') ], [$name], "$kind: retention removes old snapshots");
	is_deeply([ damages($directory) ], [], "$kind: the newest snapshot is whole");
	is_deeply([ leftovers($directory) ], [], "$kind: no run leaves anything over");
	is_deeply([ probes() ], [], "$kind: no probe of the file system is left over");
	reload_with($node, retention_manual => 100);
	return;
}

# A shim's kind, whether files are shared, and what the status warns of.
foreach my $case (
	[ 'vfat', 0, qr/^$/ ],
	[ 'vfat_quiet', 0, qr/^$/ ],
	[ 'smb', 1, qr/^$/ ],
	[ 'nfs', 1, qr/has no file locks \(flock: No locks available\): let no other server use/ ],
	[ 'fuse', 0, qr/^$/ ],
	[ 'fake_locks', 1, qr/has no file locks/ ])
{
	my ($kind, $shares, $warning) = @$case;

	subtest "on $kind" => sub {
		start_on($kind);
		my $log = -s $node->logfile;
		wait_until("$kind: the status says what is missing before any run",
			sub { warning() =~ $warning });
		check_all($kind, $shares);
		like(warning(), $warning, "$kind: the status says what is missing at the end");
		my $said = slurp_file($node->logfile, $log) =~
		  /snapshots do not share files: the file system has no hard links/;
		is(!!$said, !$shares, "$kind: the log says that files are not shared where they are not");
	};
}

subtest 'on NFS, somebody else has a file open' => sub {
	start_on('nfs');
	my $name = query("SELECT snapshot_now('app')");
	my ($file) = glob("\Q$directory/$name\E/app.dump/*.gz");

	open my $fh, '<', $file or die "could not open $file: $!";
	is(sql_error($node, "SELECT snapshot_delete('$name')"), '', 'a snapshot with an open file can be deleted');
	ok(!-e "$directory/$name", 'a deleted snapshot with an open file has no name any longer');
	my ($hidden) = glob("\Q$directory/$name\E.removed/app.dump/.nfs*");
	ok($hidden, 'an open file of a deleted snapshot stays under another name');
	query("SELECT snapshot_now('app')");
	ok(-e $hidden, 'an open file of a deleted snapshot stays as long as it is open');
	close $fh or die;
	query("SELECT snapshot_now('app')");
	ok(!-e "$directory/$name.removed", 'a later run removes the rest of a deleted snapshot');
	is_deeply([ leftovers($directory) ], [], 'deletions of open files leave nothing over');
};

subtest 'locks in the data directory are locks' => sub {
	start_on('nfs');
	my $name = query("SELECT snapshot_now('app')");

	hold_at($node, 'verifying');
	my $session = start_query($node, "SELECT snapshot_verify('$name')");
	wait_until_held($node, 'verifying');
	like(sql_error($node, "SELECT snapshot_delete('$name')"), qr/is in use/,
		'a snapshot that is being verified is not removed');

	# A launcher that starts anew sweeps the directory.
	let_go($node);
	finish_query($session);
	hold_at($node, 'dumped');
	$session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'dumped');
	my $launcher = query('SELECT launcher_pid FROM snapshot_status()');
	my $log = -s $node->logfile;
	kill 'TERM', $launcher;
	$node->poll_query_until('postgres',
		"SELECT launcher_pid <> $launcher FROM snapshot_status()") or die;
	is(scalar(leftovers($directory)), 1, 'a sweep does not remove the staging directory of a run that is on');
	let_go($node);
	my ($taken) = finish_query($session);
	is(sql_error($node, "SELECT snapshot_verify('$taken')"), '', 'the snapshot of a run beside a sweep is good');
	unlike(slurp_file($node->logfile, $log), qr/removing leftover/, 'the log has no sweep of a run that is on');
};

subtest 'a file system that cannot sync' => sub {
	start_on('no_sync');
	my @before = snapshots($directory);
	my $started = $node->basedir . '/started';
	my $bin = install_fake_program($node, 'pg_dump', "touch $started\nexec REAL \"\$@\"\n");

	reload_with($node, bin_directory => $bin);
	wait_until('the status says before any run that the file system will not do', sub {
			warning() =~ /cannot hold snapshots \(could not create and sync a file: Input\/output error\)/;
	});
	like(sql_error($node, "SELECT snapshot_now('app')"),
		qr/ERROR: .*the file system of snapshot directory "\Q$directory\E" cannot hold snapshots\n.*DETAIL:  A probe failed there: could not create and sync a file: Input\/output error\.\n.*HINT: /,
		'a run on a file system that will not do fails, and says what is missing');
	ok(!-e $started, 'a run on a file system that will not do starts no pg_dump');
	is_deeply([ snapshots($directory) ], \@before, 'a run on a file system that will not do leaves older snapshots');
	is_deeply([ leftovers($directory) ], [], 'a run on a file system that will not do leaves nothing over');
	start_on(undef);
	query("SELECT snapshot_now('app')");
	is(warning(), '', 'a snapshot is taken when the file system does again');
	reload_with($node, bin_directory => '');
};

subtest 'the directory is changed to one on another file system' => sub {
	my $other = $node->basedir . '/other';

	mkdir $other or die;
	{
		$node->stop('fast');
		local $ENV{LD_PRELOAD} = $library;
		local $ENV{FS_ROOT} = $other;
		local $ENV{FS_KIND} = 'no_sync';
		$node->start;
	}
	is(warning(), '', 'the status has no warning of a good directory');
	reload_with($node, directory => $other);
	wait_until('the status warns of a second directory before any run',
		sub { warning() =~ /cannot hold snapshots/ });
	reload_with($node, directory => $directory);
	wait_until('the status has no warning when the first directory is set again', sub { warning() eq '' });
	is_deeply([ glob("$other/* $other/.snap*") ], [], 'probes of two directories leave nothing over');
};

subtest 'a crash in the middle of a probe' => sub {
	start_on(undef);
	# the launcher has had its own look then
	query("SELECT snapshot_now('app')");
	hold_at($node, 'probing');
	my $session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'probing');
	is(scalar(probes()), 1, 'a probe of the file system is held');
	$node->stop('immediate');
	finish_query($session);
	is(scalar(probes()), 1, 'a crash leaves a probe of the file system');
	let_go($node);
	my ($foreign) = map { s/\.\d+-/.1-/r } probes();
	mkdir $foreign or die;
	$node->start;
	wait_until('a leftover probe is swept when the server starts',
		sub { join(' ', probes()) eq $foreign });
	ok(-d $foreign, 'the start of the server does not remove the probe of another cluster');
	rmdir $foreign or die;
};

subtest 'what file systems and desktops leave in a snapshot' => sub {
	start_on(undef);
	my $name = query("SELECT snapshot_now('app')");
	my $path = "$directory/$name";
	my @files = ('.DS_Store', 'Thumbs.db', 'app.dump/desktop.ini', 'app.dump/._toc.dat',
		'.nfs000000000012ab3400000001', '.fuse_hidden0000001200000003', '@eaDir/x@SynoEAStream');

	mkpath([ "$path/\@eaDir", "$path/lost+found" ]);
	append_to_file("$path/$_", 'litter') foreach @files;
	is(sql_error($node, "SELECT snapshot_verify('$name')"), '', 'a verification passes over litter');

	# Names that are only like those.
	foreach my $mine ('.nfs_notes', '.nfs', '._', 'thumbs.db', '.DS_Store.txt', 'eaDir', '.fuse_hidden_x',
		'@eaDir.txt', 'lost+found/recovered')
	{
		append_to_file("$path/$mine", 'precious');
		like(sql_error($node, "SELECT snapshot_verify('$name')"), qr/\Q$mine\E" is not part/,
			"a verification finds $mine");
		like(sql_error($node, "SELECT snapshot_delete('$name')"), qr/could not remove snapshot .*\n.*\Q$mine\E"/,
			"$mine keeps the snapshot from being removed");
		is(slurp_file("$path/$mine"), 'precious', "$mine is not removed by a refused deletion");
		unlink "$path/$mine" or die;
	}
	mkdir "$path/mine" or die;
	like(sql_error($node, "SELECT snapshot_delete('$name')"), qr/could not remove snapshot .*\n.*mine"/, "a directory of someone's keeps a snapshot from being removed");
	rmdir "$path/mine" or die;
	is(sql_error($node, "SELECT snapshot_delete('$name')"), '', 'a snapshot is deleted once foreign files are gone');
	ok(!-e $path && !-e "$path.removed", 'litter is removed with the snapshot');
	is_deeply([ leftovers($directory) ], [], 'deletions of snapshots with litter leave nothing over');
};

subtest 'litter that comes while a snapshot is taken' => sub {
	hold_at($node, 'dumped');
	my $session = start_query($node, "SELECT snapshot_now('app')");
	wait_until_held($node, 'dumped');
	my ($staging) = map { "$directory/$_" } leftovers($directory);
	append_to_file("$staging/.DS_Store", 'litter');
	mkpath("$staging/app.dump/\@eaDir");
	append_to_file("$staging/app.dump/\@eaDir/x", 'litter');
	let_go($node);
	my ($name, $stderr) = finish_query($session);
	is($stderr, '', 'a snapshot with litter beside the dump is taken');
	is_deeply([ grep { $_->{path} =~ /DS_Store|eaDir/ } @{ manifest_of($directory, $name)->{files} } ],
		[], 'the manifest of a snapshot with litter does not list it');
	unlink "$directory/$name/.DS_Store" or die;
	is(sql_error($node, "SELECT snapshot_verify('$name', restore => true)"), '', 'a snapshot is good without its litter');
	is(sql_error($node, "SELECT snapshot_delete('$name')"), '', 'a snapshot with litter can be removed');
};

subtest 'a removal that takes long can be canceled' => sub {
	my $many = $node->safe_psql('app',
		"SELECT string_agg(format('CREATE TABLE m%s (n int); INSERT INTO m%s VALUES (1);', g, g), ' ') FROM generate_series(1, 60) g");
	$node->safe_psql('app', $many);
	start_on('slow');
	my $name = query("SELECT snapshot_now('app')");
	my $begin = time();

	like(sql_error($node, "SET statement_timeout = '1s'; SELECT snapshot_delete('$name')"),
		qr/canceling statement due to statement timeout/, 'a removal that takes long is canceled');
	cmp_ok(time() - $begin, '<', 8, 'a removal that is canceled ends long before it would be done');
	ok(!-e "$directory/$name", 'a snapshot whose removal was canceled has no name any longer');
	ok(-e "$directory/$name.removed/manifest.json", 'the rest of a canceled removal says that it is of this cluster');
	is(query("SELECT count(*) FROM snapshot_list() WHERE name = '$name'"), '0', 'a snapshot whose removal was canceled is not listed');
	start_on(undef);
	wait_until('the rest of a canceled removal is swept', sub { !leftovers($directory) });
};

subtest 'on a real FUSE mount' => sub {
	unless (defined $mounts)
	{
		diag "there is no FUSE mount to test on: $no_mounts";
		plan skip_all => "there is no FUSE mount to test on: $no_mounts";
	}
	my $shared_before = $directory;

	start_on(undef);
	$directory = "$mounts/snapshots";
	reload_with($node, directory => $directory);
	is(warning(), '', 'a usual file system has no warning');
	check_all('bindfs', 1);
	$directory = $shared_before;
};

$node->stop;
done_testing();
