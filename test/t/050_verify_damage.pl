
# Copyright (c) 2026, the snapshot_worker developers

# Damaged snapshots.  Promised here: a verification finds a good snapshot good;
# it finds and names whatever is wrong with a file or the manifest, and keeps
# that beside the snapshot until a later verification finds it good.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Verify;
use Test::More;

my ($node, $directory) = verify_node();

$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'the hard database is made');
my %hard;
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format, jobs => 1);
	$hard{$format} = take_snapshot($node, 'hard');
	is(outcome($hard{$format}), 'none|not|',
		"a new snapshot in $format format is not verified");
	finds_good($hard{$format}, 0,
		"a good snapshot in $format format verifies");
	finds_good($hard{$format}, 1,
		"a good snapshot in $format format verifies by a restore");
}
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT rows FROM snapshot_list() WHERE name = '$hard{custom}'"),
	'>', 1000, 'the rows of the hard database were counted');
unlike(slurp_file($node->logfile), qr/reported warnings/,
	'no program warns of the hard database');
is(scratch_databases(), '',
	'verifications of a good snapshot leave no scratch database');
reload_with($node, format => 'directory');



my $outside = $node->basedir . '/outside';
my %kinds = (
	'table of contents' => [ $hard{directory}, qr/toc\.dat$/ ],
	'rows of a table' => [ $hard{directory}, qr{/\d+\.dat(?:\.\w+)?$} ],
	'table of contents of the large objects' =>
	  [ $hard{directory}, qr{/blobs(_\d+)?\.toc$} ],
	'large object' => [ $hard{directory}, qr{/blob_\d+\.dat(?:\.\w+)?$} ],
	'globals' => [ $hard{directory}, qr/^globals\.sql$/ ],
	'archive in one file' => [ $hard{custom}, qr/^hard\.dump$/ ]);
foreach my $kind (sort keys %kinds)
{
	my ($name, $pattern) = @{ $kinds{$kind} };
	my $file = file_like($name, $pattern);

	keep_copy($name);
	flip($file);
	finds_problem($name, 0,
		qr/The contents of file "\Q$file\E" have changed/,
		"one bit of the $kind is flipped");
	repair($name);
}
finds_good($hard{$_}, 0, "a repaired snapshot in $_ format is good again")
  foreach qw(directory custom);
is( decode_json(slurp_file("$directory/$hard{custom}/verified.json"))
	  ->{problem},
	undef, 'the problem of a repaired snapshot is forgotten');

my $app = make_app();
my $path = "$directory/$app";
my $data = file_like($app, qr{/\d+\.dat(?:\.\w+)?$});
my $toc = file_like($app, qr/toc\.dat$/);

my @damages = (
	[
		'a file is cut off by a byte',
		sub { truncate($data, (-s $data) - 1) or die },
		qr/File "\Q$data\E" has \d+ bytes instead of \d+\./
	],
	[
		'a file is empty',
		sub { truncate($toc, 0) or die },
		qr/File "\Q$toc\E" has 0 bytes instead of \d+\./
	],
	[
		'a file is missing',
		sub { unlink $data or die },
		qr/File "\Q$data\E" is missing\./
	],
	[
		'the archive is missing',
		sub { remove_tree("$path/app.dump") },
		qr/File "\Q$toc\E" is missing\./
	],
	[
		'there is a file that is not part of the snapshot',
		sub { append_to_file("$path/extra\xff\n", 'x') },
		qr{"\Q$path\E/extra\?\n" is not part of the snapshot.}
	],
	[
		'there is a directory that is not part of the snapshot',
		sub { make_path("$path/app.dump/extra") },
		qr{"\Q$path\E/app\.dump/extra" is not part of the snapshot.}
	],
	[
		'a file is replaced by a link to it',
		sub {
			rename $data, $outside or die;
			symlink $outside, $data or die;
		},
		qr/"\Q$data\E" is not a regular file\./
	],
	[
		'the archive is replaced by a link to it',
		sub {
			system_or_bail('mv', "$path/app.dump", "$outside.dump");
			symlink "$outside.dump", "$path/app.dump" or die;
		},
		qr{"\Q$path\E/app\.dump" is not part of the snapshot.}
	],
	[
		'a file is replaced by a directory',
		sub { unlink $data; make_path($data) },
		qr/"\Q$data\E" is not a regular file\./
	],
	[
		'several things are wrong',
		sub {
			flip("$path/globals.sql");
			unlink $data or die;
			truncate($toc, 100) or die;
			append_to_file("$path/extra", 'x');
		},
		qr/(?=.*"\Q$path\E\/extra" is not part)(?=.*The contents of file "\Q$path\E\/globals\.sql" have changed)(?=.*File "\Q$data\E" is missing)(?=.*File "\Q$toc\E" has 100 bytes)/s
	]);
foreach my $damage (@damages)
{
	my ($fault, $do, $problem) = @$damage;

	keep_copy($app);
	$do->();
	finds_problem($app, 0, $problem, $fault);
	repair($app);
}
finds_good($app, 0, 'a snapshot is good after the repair of each damage');

keep_copy($app);
change_manifest(
	$app,
	sub {
		push @{ $_[0]{files} },
		  map { { path => "f$_", size => 1, sha256 => '0' x 64 } } 1 .. 25;
	});
finds_problem($app, 0, qr/File "\Q$path\E\/f\d+" is missing.*\nand 15 more/s,
	'there are 35 problems');
repair($app);

# The files are checked before they are restored.
keep_copy($app);
flip($data);
finds_problem($app, 1, qr/The contents of file "\Q$data\E" have changed/,
	'a file is damaged and a restore is requested', 'checksum');
is(scratch_databases(), '',
	'a verification of a damaged file leaves no scratch database');
repair($app);

# The outcome cannot be written.
keep_copy($app);
flip($data);
unlink "$path/verified.json";
mkdir "$path/verified.json" or die;
like(error_of($node, verification($app, 0)),
	qr/The contents of file "\Q$data\E" have changed/,
	'a problem that cannot be kept is still an error');
like(
	slurp_file($node->logfile),
	qr/WARNING:  could not write the outcome of a verification: could not open file/,
	'the log says that a problem could not be kept');
rmdir "$path/verified.json" or die;
repair($app);

# Retention may remove a snapshot while it is verified.
hold_at($node, 'verifying');
my $removed = start_query($node, verification($app, 0));
wait_until_held($node, 'verifying');
rename $path, "$outside.removed" or die "could not rename $path: $!";
let_go($node);
finish_query($removed);
like(
	$removed->{err},
	qr/ERROR:  42704: .*snapshot "\Q$app\E" was removed while it was verified/,
	'a snapshot that is removed meanwhile is not called damaged');
ok(!-e $path, 'a verification makes nothing in place of a removed snapshot');
rename "$outside.removed", $path or die "could not rename to $path: $!";
finds_good($app, 0, 'a snapshot that was moved away and back verifies');

# The manifest itself.
foreach my $damage (
	[ 'is no JSON', sub { append_to_file("$path/manifest.json", 'x') } ],
	[
		'is a link',
		sub {
			rename "$path/manifest.json", "$outside.json" or die;
			symlink "$outside.json", "$path/manifest.json" or die;
		}
	],
	[
		'is that of another snapshot',
		sub { change_manifest($app, sub { $_[0]{name} =~ s{/\d{4}-}{/1999-} or die $_[0]{name} }) }
	])
{
	keep_copy($app);
	$damage->[1]->();
	like(
		error_of($node, verification($app, 0)),
		qr/ERROR:  XX001: snapshot "\Q$app\E" is damaged\nDETAIL:  File "\Q$path\E\/manifest.json" is unusable: /,
		"a manifest that $damage->[0] makes the snapshot damaged");
	repair($app);
}
finds_good($app, 0, 'a snapshot is good after the repair of its manifest');


$node->stop;
done_testing();
