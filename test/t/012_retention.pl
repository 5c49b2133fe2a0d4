
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Retention keeps the newest snapshots of each database, and touches nothing
# that is not this cluster's own.

use strict;
use warnings;

use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main',
	conf => "snapshot_worker.retention_manual = 3\nsnapshot_worker.globals = off\n");
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(app app_test);

my @app = map { take_snapshot($node, 'app') } 1 .. 3;
my @app_test = map { take_snapshot($node, 'app_test') } 1 .. 4;
is_deeply([ snapshots($directory, 'app_test') ],
	[ @app_test[ 1 .. 3 ] ], 'retention leaves the newest snapshots');
is_deeply([ snapshots($directory, 'app') ],
	[@app], 'retention leaves the snapshots of a database with a like name');

# Another cluster's snapshots, of a database of the same name, older and newer.
my ($other, undef) = snapshot_node('other', start => 0);
$other->append_conf('postgresql.conf',
	"snapshot_worker.directory = '$directory'\nsnapshot_worker.retention_manual = 1\n");
$other->start;
$other->safe_psql('postgres',
	'CREATE EXTENSION snapshot_worker');
$other->safe_psql('postgres', 'CREATE DATABASE app');
my @foreign = map {
	$other->safe_psql('postgres', "SELECT snapshot_now('app')")
} 1 .. 2;
is_deeply([ snapshots($directory, 'app') ],
	[ sort @app, $foreign[1] ],
	'two clusters in one directory each keep their own newest snapshots');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE database = 'app'"),
	'4', 'a list has the snapshots of all clusters');

# Foreign entries: beside snapshots, with names like theirs, and in them.
my $folder = "$directory/app";
append_to_file("$folder/notes.txt", 'mine');
append_to_file("$directory/notes.txt", 'mine');
make_path("$folder/2020-01-01T00-00-00Z", "$folder/2020-01-02T00-00-00Z.tmp",
	"$folder/2020-01-03T00-00-00Z.removed", "$folder/old", "$directory/app-old");
append_to_file("$folder/2020-01-01T00-00-00Z/precious", 'mine');
append_to_file("$folder/2020-01-02T00-00-00Z.tmp/precious", 'mine');
append_to_file("$folder/2020-01-03T00-00-00Z.removed/precious", 'mine');
append_to_file("$folder/2020-01-04T00-00-00Z", 'mine');
symlink $node->data_dir, "$folder/2020-01-05T00-00-00Z" or die;
append_to_file("$directory/$app[1]/precious", 'mine');
mkdir "$directory/$app[2]/mine" or die;

push @app, take_snapshot($node, 'app');
ok(!-e "$directory/$app[0]", 'retention removes the oldest snapshot of this cluster');
my ($rc, $stdout, $stderr) = $node->psql('postgres', "SELECT snapshot_now('app')");
push @app, $stdout;
ok(-e "$directory/$app[1]/precious",
	'a snapshot to which someone added a file is not removed');
like(slurp_file($node->logfile),
	qr/WARNING:  could not remove snapshot "\Q$app[1]\E"\n.*DETAIL:  It contains ".*precious"/,
	'the log says why a snapshot with a foreign file is not removed');
push @app, take_snapshot($node, 'app');
ok(-d "$directory/$app[2]/mine", 'a snapshot to which someone added a directory is not removed');
unlink "$directory/$app[1]/precious" or die;
rmdir "$directory/$app[2]/mine" or die;
push @app, take_snapshot($node, 'app');
is_deeply([ grep { -e "$directory/$_" } @app ],
	[ @app[ 4 .. 6 ] ], 'snapshots are removed once the foreign files in them are gone');

foreach my $path ('app/notes.txt', 'notes.txt',
	'app/2020-01-01T00-00-00Z/precious',
	'app/2020-01-02T00-00-00Z.tmp/precious',
	'app/2020-01-03T00-00-00Z.removed/precious',
	'app/2020-01-04T00-00-00Z')
{
	is(slurp_file("$directory/$path"), 'mine', "retention does not touch $path");
}
ok(-l "$folder/2020-01-05T00-00-00Z", 'retention does not touch a symbolic link');
ok(-d "$folder/old" && -d "$directory/app-old", 'retention does not touch other directories');
ok(-e "$directory/$foreign[1]", 'retention does not touch the snapshot of another cluster');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE database = 'app'"),
	'4', 'entries that are no snapshots of this cluster are not listed');

# A pinned snapshot is neither removed nor counted.
append_to_file("$directory/$app[4]/pinned", '');
push @app, map { take_snapshot($node, 'app') } 1 .. 3;
is_deeply([ grep { -e "$directory/$_" } @app ],
	[ @app[ 4, 7 .. 9 ] ], 'retention leaves a pinned snapshot, beside the newest ones');
is( $node->safe_psql('postgres',
		"SELECT name FROM snapshot_list() WHERE pinned"),
	$app[4], 'the list shows a pinned snapshot as pinned');

# A failed run removes nothing.
reload_with($node, retention_manual => 1, bin_directory => '/nonexistent');
($rc, $stdout, $stderr) = $node->psql('postgres', "SELECT snapshot_now('app')");
isnt($rc, 0, 'a run with a missing pg_dump fails');
is(scalar(grep { -e "$directory/$_" } @app), 4,
	'runs that fail remove no snapshot');
reload_with($node, bin_directory => '');
push @app, take_snapshot($node, 'app');
is_deeply([ grep { -e "$directory/$_" } @app ],
	[ @app[ 4, 10 ] ], 'a smaller retention holds from the next snapshot on');

# A clock that ran ahead left a snapshot from the future.
my $future = 'app/2099-01-01T00-00-00Z';
rename "$directory/$app[10]", "$directory/$future" or die;
my $manifest = slurp_file("$directory/$future/manifest.json");
$manifest =~ s/\Q$app[10]\E/$future/g;
unlink "$directory/$future/manifest.json";
append_to_file("$directory/$future/manifest.json", $manifest);
push @app, take_snapshot($node, 'app');
ok(-e "$directory/$app[11]", 'a run never removes the snapshot that it has taken');

# A later removal removes the rest of one that was cut short.
rename "$directory/$app[11]", "$directory/$app[11].removed" or die;
take_snapshot($node, 'app');
ok(!-e "$directory/$app[11].removed", 'the next run removes a half-removed snapshot');

$node->stop;
$other->stop;
done_testing();
