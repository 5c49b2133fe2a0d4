
# Copyright (c) 2026, the snapshot_worker developers

# Verifications of snapshots, and helpers for tests of them: what a
# verification finds and keeps, and ways to damage and repair a snapshot.

package SnapshotTest::Verify;

use strict;
use warnings;

use Exporter 'import';
use File::Copy;
use File::Path qw(remove_tree);
use JSON::PP;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

our @EXPORT = qw(
  verify_node make_app verification finds_good error_of outcome finds_problem
  is_circumstance scratch_databases wait_until_swept query flip
  change_manifest file_like keep_copy repair start_verification
  $scratch_comment $scratch_prefix
);

# How scratch databases are known.
our $scratch_comment = 'scratch database of snapshot_worker';
our $scratch_prefix = 'snapshot_worker_scratch_';

# The server that the functions below work on, and its snapshot directory.
my ($node, $directory);

# Start the server.  Returns the node and its snapshot directory.
sub verify_node
{
	($node, $directory) = snapshot_node(
		'main',
		init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
		clock => 'now',
		conf => <<'EOC');
restart_after_crash = on
snapshot_worker.max_workers = 3
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
EOC
	return ($node, $directory);
}

# Make the database "app", and take a snapshot of it; returns its name.
sub make_app
{
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app', <<'EOQ');
CREATE TABLE items AS SELECT i AS id, md5(i::text) AS word FROM generate_series(1, 1000) i;
CREATE TABLE parts (id int PRIMARY KEY, item int);
INSERT INTO parts SELECT i, i FROM generate_series(1, 10) i;
CREATE VIEW both_of_them AS SELECT * FROM items JOIN parts USING (id);
EOQ
	return take_snapshot($node, 'app');
}

# The query that verifies a snapshot, by a restore or not.
sub verification
{
	my ($name, $restore) = @_;

	return "SELECT snapshot_verify('$name', restore => "
	  . ($restore ? 'true' : 'false') . ')';
}

# A verification, by a restore or not, finds a snapshot good, and keeps that.
sub finds_good
{
	my ($name, $restore, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $out, $err) =
	  $node->psql('postgres', verification($name, $restore));

	is($err, '', $test_name);
	like($out, qr/^\d{4}-/, "$test_name, and snapshot_verify() returns the time");
	is( outcome($name),
		($restore ? 'restore' : 'archive') . "|$out|",
		"$test_name, and the list has the level and the time");
	return;
}

# The error of a statement on a node, with its SQLSTATE.
sub error_of
{
	my ($on, $sql, %options) = @_;
	my ($rc, $out, $err) = $on->psql('postgres',
		"\\set VERBOSITY verbose\n$sql", %options);

	return $err;
}

# The kept outcome of the last verification: level|when|problem.
sub outcome
{
	my ($name, $on) = @_;

	return ($on // $node)->safe_psql('postgres', <<EOQ);
SELECT concat_ws('|', coalesce(verify_level, 'none'), coalesce(verified_at::text, 'not'), coalesce(problem, ''))
  FROM snapshot_list() WHERE name = '$name'
EOQ
}

# When there is a fault in a snapshot, its verification finds this problem, and
# keeps it, with the level at which it was found.
sub finds_problem
{
	my ($name, $restore, $problem, $fault, $level) = @_;
	my $error = error_of($node, verification($name, $restore));

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$level //= $restore ? 'restore' : 'checksum';

	like($error,
		qr/ERROR:  XX001: could not verify snapshot "\Q$name\E": /,
		"when $fault, the verification fails with an error about the snapshot");
	like($error, $problem, "when $fault, the error names what is wrong");
	like(outcome($name), qr/^$level\|not\|.*$problem/s,
		"when $fault, the list has the problem");
	my $json =
	  decode_json(slurp_file("$directory/$name/verified.json"));
	is("$json->{name} $json->{level}", "$name $level",
		"when $fault, verified.json has the level");
	like($json->{problem}, $problem, "when $fault, verified.json has the problem");
	return;
}

# Under a circumstance, the verification fails, and says nothing about the
# snapshot.
sub is_circumstance
{
	my ($name, $restore, $error, $circumstance) = @_;
	my $before = outcome($name);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(error_of($node, verification($name, $restore)),
		$error, "when $circumstance, the verification fails");
	is(outcome($name), $before,
		"when $circumstance, the failure is not held against the snapshot");
	return;
}

# The names of the scratch databases, one a line.
sub scratch_databases
{
	return $node->safe_psql('postgres',
		"SELECT datname FROM pg_database WHERE starts_with(datname, '$scratch_prefix') ORDER BY 1"
	);
}

# The answer to a query; the server may be down.
sub query
{
	my ($sql) = @_;
	my ($rc, $out) = $node->psql('postgres', $sql);

	return $rc == 0 ? $out : 'no answer';
}

# Wait until all scratch databases have been dropped.
sub wait_until_swept
{
	my ($test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until($test_name, sub { query(<<EOQ) eq '0' });
SELECT count(*) FROM pg_database WHERE starts_with(datname, '$scratch_prefix')
EOQ
	return;
}

# Flip a bit in the middle of a file.
sub flip
{
	my ($file) = @_;
	my $byte;

	open my $fh, '+<:raw', $file or die "could not open $file: $!";
	my $middle = int((-s $file) / 2);
	seek $fh, $middle, 0 or die;
	read($fh, $byte, 1) == 1 or die "could not read $file";
	seek $fh, $middle, 0 or die;
	print $fh chr(ord($byte) ^ 1);
	close $fh or die "could not write $file: $!";
	return;
}

# Change the manifest of a snapshot by code that gets it as Perl data.
sub change_manifest
{
	my ($name, $change) = @_;
	my $manifest = manifest_of($directory, $name);

	$change->($manifest);
	unlink "$directory/$name/manifest.json";
	append_to_file("$directory/$name/manifest.json",
		encode_json($manifest));
	return;
}

# Keep a copy of a snapshot for repair().
sub keep_copy
{
	my ($name) = @_;
	my $copy = $node->basedir . '/copy';

	remove_tree($copy);
	system_or_bail('cp', '-a', "$directory/$name", $copy);
	return;
}

# Restore a snapshot from its copy, but for the outcome of its verification.
sub repair
{
	my ($name) = @_;
	my $copy = $node->basedir . '/copy';
	my $path = "$directory/$name";

	# the copy has an older outcome, or none
	copy("$path/verified.json", "$copy/verified.json")
	  if -e "$path/verified.json";
	remove_tree($path);
	system_or_bail('cp', '-a', $copy, $path);
	return;
}

# The path of a file in a snapshot that is not empty and whose path in the
# manifest matches a pattern.
sub file_like
{
	my ($name, $pattern) = @_;
	my ($found) = grep { $_->{path} =~ $pattern && $_->{size} > 0 }
	  @{ manifest_of($directory, $name)->{files} };

	die "$name has no file like $pattern" unless defined $found;
	return "$directory/$name/$found->{path}";
}

# Start a verification by a restore, and hold it at a step.  Returns its
# session and the process ID of its worker.
sub start_verification
{
	my ($name, $step) = @_;

	hold_at($node, $step);
	my $session = start_query($node, verification($name, 1));
	my $worker = wait_until_held($node, $step);
	return ($session, $worker);
}

1;
