
# Copyright (c) 2026, the snapshot_worker developers

# A database can have any name, whatever a shell, libpq, a file system or we
# ourselves might take that name for.  Promised here: its snapshot is taken of
# that database, is listed under exactly that name, can be restored with
# pg_restore, and puts nothing outside of its own folder of the snapshot
# directory; and retention of one database leaves all others alone, however
# alike their names are.

use strict;
use warnings;

use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# UTF-8 below is written in bytes, which is also how psql hands it out.
my @names = (
	'with some spaces',
	' ',
	q{it's},
	q{say "hi"},
	'back\\slash',
	'a=b',
	'a/b',
	'..',
	'../outside',
	'/tmp/outside',
	'-x',
	'--version',
	'.hidden',
	'postgresql://x',
	'dbname=template1',
	"host='nowhere'",
	'x' x 63,
	"\xc3\xbc" x 31 . 'x',
	"\xe2\x82\xac" x 21,
	"caf\xc3\xa9 \xe3\x83\x87\xe3\x83\xbc\xe3\x82\xbf",
	'UPPER',
	'upper',
	'%41',
	'A',
	'%s%n',
	'history-1.jsonl',
	'*',
	'a.tmp',
	'2026-03-19T03-00-00Z.tmp',
	"new\nline",
	'$(touch outside)`touch outside`;&|<>',
	'~');

# Databases that are dumped in custom format, too; the others need not be.
my %custom = map { $_ => 1 }
  (q{it's}, 'a/b', '..', '-x', 'postgresql://x', "\xc3\xbc" x 31 . 'x',
	"new\nline");

my ($node, $directory) = snapshot_node('names',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);

sub shown
{
	my ($name) = @_;
	return '"' . $name =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ger . '"';
}

sub literal
{
	my ($name) = @_;
	return "convert_from('\\x" . unpack('H*', $name) . "', 'UTF8')";
}

sub identifier
{
	my ($name) = @_;
	return '"' . $name =~ s/"/""/gr . '"';
}

# The one folder that the snapshots of a database may be in.
sub folder_of
{
	my ($name) = @_;
	return $name =~ s/([^A-Za-z0-9_-]|^-)/sprintf '%%%02X', ord $1/ger;
}

# All that is around the snapshot directory, and the files directly in the data
# directory, which is where the server's children start.
sub surroundings
{
	my @found;
	my $around = $node->basedir;
	my $data = $node->data_dir;

	find(
		{   no_chdir => 1,
			preprocess => sub {
				return () if $File::Find::dir eq $directory
				  || $File::Find::dir =~ m{^\Q$data\E/};
				return @_;
			},
			wanted => sub { push @found, $_ unless $_ eq $directory }
		},
		$around);
	return @found;
}

# Take the snapshot of a database, and look whether it is its own.
sub check_snapshot
{
	my ($database, $format) = @_;
	my $folder = folder_of($database);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($ret, $name, $stderr) = $node->psql('postgres',
		'SELECT snapshot_now(' . literal($database) . ')');

	is($stderr, '', "snapshot_now() takes a snapshot of \"$database\"") or return;
	like($name, qr{^\Q$folder\E/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$},
		"the name of the snapshot of \"$database\" is its folder and its start");
	is( $node->safe_psql(
			'postgres', qq{
			SELECT encode(convert_to(database::text, 'UTF8'), 'hex'), format,
				path = '$directory/' || name
			FROM snapshot_list() WHERE name = '$name'}),
		unpack('H*', $database) . "|$format|t",
		"the list has the exact name of \"$database\"");
	is(manifest_of($directory, $name)->{format},
		$format, "the manifest of the snapshot of \"$database\" gives its format");

	my $archive = "$directory/$name/$folder.dump";
	ok($format eq 'custom' ? -f $archive : -f "$archive/toc.dat",
		"the archive of \"$database\" is there, in $format format");

	$node->safe_psql('postgres', 'CREATE DATABASE restored');
	$node->command_ok(
		[   'pg_restore', '--exit-on-error',
			'--dbname=' . $node->connstr('restored'), $archive
		],
		"pg_restore restores the snapshot of \"$database\"");
	is( $node->safe_psql('restored', 'SELECT name FROM public.marker'),
		unpack('H*', $database),
		"the snapshot of \"$database\" restores to what was in that database");
	$node->safe_psql('postgres', 'DROP DATABASE restored');
	return;
}

foreach my $database (@names)
{
	$node->safe_psql('postgres', 'CREATE DATABASE ' . identifier($database));
	$node->safe_psql($database,
		"CREATE TABLE public.marker AS SELECT '"
		  . unpack('H*', $database)
		  . "'::text AS name");
}
my %before = map { $_ => 1 } surroundings();

foreach my $database (@names)
{
	subtest 'database ' . shown($database) =>
	  sub { check_snapshot($database, 'directory') };
}

reload_with($node, format => 'custom');
foreach my $database (grep { $custom{$_} } @names)
{
	subtest 'database ' . shown($database) . ', custom format' =>
	  sub { check_snapshot($database, 'custom') };
}
reload_with($node, format => 'directory');

is_deeply([ grep { !$before{$_} } surroundings() ],
	[], 'nothing was created outside of the snapshot directory');

opendir my $dh, $directory or die "could not open $directory: $!";
my @entries = sort grep { !/^\.\.?$/ && !/^history-\d{10,}\.jsonl$/ } readdir $dh;
closedir $dh;
is_deeply(
	\@entries,
	[ sort map { folder_of($_) } @names ],
	'the snapshot directory has one folder for each database');

is_deeply([ leftovers($directory) ], [], 'snapshots of databases with odd names leave no staging directory');

is( $node->safe_psql(
		'postgres', q{
		SELECT count(DISTINCT database) FROM snapshot_list()}),
	scalar(@names),
	'the list tells all databases apart');

my ($ret, $stdout, $stderr) = $node->psql('postgres',
	q{SELECT snapshot_now('dbname=postgres')});
like($stderr, qr/database "dbname=postgres" does not exist/,
	"snapshot_now() takes a connection string for no database's name");

# Likenesses.  All have two snapshots; then one of them is to have only one.
my @alike = ('app', 'app_test', 'app-', 'APP', 'app.tmp', 'ap', 'app ');

$node->safe_psql('postgres', 'CREATE DATABASE ' . identifier($_)) foreach @alike;
foreach my $database ((@alike) x 2)
{
	$node->safe_psql('postgres',
		'SELECT snapshot_now(' . literal($database) . ')');
}
reload_with($node, retention_manual => 1);

foreach my $pruned ('app', 'app-')
{
	my %kept = map { $_ => [ snapshots($directory, folder_of($_)) ] } @alike;
	my $newest = $node->safe_psql('postgres',
		'SELECT snapshot_now(' . literal($pruned) . ')');

	foreach my $database (@alike)
	{
		is_deeply(
			[ snapshots($directory, folder_of($database)) ],
			$database eq $pruned ? [$newest] : $kept{$database},
			$database eq $pruned
			? "retention keeps just the newest snapshot of \"$pruned\""
			: "and leaves those of \"$database\" alone");
	}
	is(scalar @{ $kept{'app_test'} },
		2, 'there are two snapshots of "app_test" for retention to leave alone');
}

$node->stop;
done_testing();
