
# Copyright (c) 2026, the snapshot_worker developers

# A server for tests of hostile arguments and files, with a look at what they
# must never touch.

package SnapshotTest::Hostile;

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Exporter 'import';
use Fcntl qw(:mode);
use File::Find;
use File::Path qw(make_path);
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

our @EXPORT = qw(
  hostile_node tree_of is_untouched write_file write_sparse peak_memory with
  next_name crashes_nothing %encodings @databases $megabyte
);

our $megabyte = 1024 * 1024;

# Databases of several encodings, by their names.
our %encodings = (app => 'UTF8', latin => 'LATIN1', ascii => 'SQL_ASCII');
our @databases = sort keys %encodings;

# The server that the functions below work on.
my $node;

# Start the server, with these databases.  Returns the node, its snapshot
# directory, and a directory outside of that which must never be touched.
sub hostile_node
{
	my $directory;

	($node, $directory) = snapshot_node('main',
		init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);
	foreach my $database (@databases)
	{
		$node->safe_psql('postgres',
			"CREATE DATABASE $database TEMPLATE template0 ENCODING '$encodings{$database}'");
		$node->safe_psql($database,
			'CREATE EXTENSION snapshot_worker; CREATE TABLE t AS SELECT 1 AS a');
	}

	# Names of these are what links and manifests lead to.
	my $outside = $node->basedir . '/outside';
	make_path("$outside/deep");
	append_to_file("$outside/x", 'mine');
	append_to_file("$outside/deep/toc.dat", 'mine');
	append_to_file($node->basedir . '/x', 'mine');
	return ($node, $directory, $outside);
}

# A line for each file and directory below some directories, with its mode and
# its contents.
sub tree_of
{
	my @found;

	find(
		{   no_chdir => 1,
			wanted => sub {
				my ($mode, $size, $mtime) = (lstat)[ 2, 7, 9 ];
				my $content =
					S_ISLNK($mode) ? readlink
				  : S_ISREG($mode) && $size < 1e7 && -r $_
				  ? md5_hex(slurp_file($_))
				  : S_ISDIR($mode) ? 'directory'
				  :                  $size;
				push @found, sprintf '%s %o %s %s', $_, $mode,
				  S_ISDIR($mode) ? '' : $mtime, $content;
			}
		},
		@_);
	return join "\n", sort @found;
}

# Compare paths with what tree_of() returned for them before.  A failure shows
# only what differs.
sub is_untouched
{
	my ($before, $paths, $test_name) = @_;
	my %before = map { $_ => 1 } split /\n/, $before;
	my %after = map { $_ => 1 } split /\n/, tree_of(@$paths);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_deeply(
		{   gone => [ grep { !$after{$_} } sort keys %before ],
			new => [ grep { !$before{$_} } sort keys %after ]
		},
		{ gone => [], new => [] },
		$test_name);
}

# Replace a file.
sub write_file
{
	my ($file, $content) = @_;

	unlink $file;
	append_to_file($file, $content);
	return;
}

# Replace a file by one of a size that holds only zero bytes.
sub write_sparse
{
	my ($file, $size) = @_;

	write_file($file, '');
	truncate $file, $size or die "could not truncate $file: $!";
	return;
}

# The peak of the memory of a session that runs a query, in kB.
sub peak_memory
{
	my ($query) = @_;
	my $status = $node->safe_psql('app',
		"$query; SELECT pg_read_file('/proc/self/status')");

	return $status =~ /VmHWM:\s+(\d+) kB/ ? $1 : die $status;
}

# Replace the value of a member in a JSON text.
sub with
{
	my ($text, $member, $value) = @_;

	$text =~ s/("\Q$member\E": )(?:"[^"]*"|[-\w.]+)/$1$value/
	  or die "no $member in $text";
	return $text;
}

# A name for another made-up snapshot of a database.
my $serial = 0;

sub next_name
{
	my ($database) = @_;

	$serial++;
	return sprintf '%s/2001-01-01T%02d-%02d-%02dZ', $database,
	  $serial / 3600, $serial / 60 % 60, $serial % 60;
}

# No process of the server has crashed.
sub crashes_nothing
{
	my ($what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlike(
		slurp_file($node->logfile),
		qr/terminating any other active|was terminated by signal/,
		"$what crash no process of the server");
	return;
}

1;
