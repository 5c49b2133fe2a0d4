
# Copyright (c) 2026, the snapshot_worker developers

# A server with before_drop on, and helpers for tests of it: statements that
# take a snapshot before they are executed, and statements that take none.

package SnapshotTest::BeforeDrop;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

our @EXPORT = qw(
  before_drop_node run_sql admin table_exists database_exists takes_one
  takes_none saved_rows start_waiting make_large snapshot_now
  $off $with_max_age $filled $large $small
);

our $off = 'SET snapshot_worker.before_drop = off';
our $with_max_age = 'SET snapshot_worker.before_drop_max_age = 3600';

# A table that is large enough for a snapshot, and one that is not.
our $filled = q{SELECT i AS id, repeat('x', 1000) AS filler
	FROM generate_series(1, 300) i};
our $large = "AS $filled";
our $small = 'AS SELECT 1 AS id';

# The server that all functions below work on, and its snapshot directory.
my ($node, $directory);

# Start the server, with the database "app" of a role "owner", and a role
# "other".  Returns the node, its snapshot directory, and the superuser.
sub before_drop_node
{
	# Vacuum writes, now and then.
	($node, $directory) = snapshot_node('main', conf => <<'EOC');
autovacuum = off
max_prepared_transactions = 2
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
snapshot_worker.globals = off
snapshot_worker.before_drop = table
snapshot_worker.before_drop_size = '100kB'
EOC
	$node->safe_psql('postgres', <<'EOC');
CREATE ROLE owner LOGIN CREATEDB;
CREATE ROLE other LOGIN;
CREATE DATABASE app OWNER owner;
EOC
	return ($node, $directory,
		$node->safe_psql('postgres', 'SELECT current_user'));
}

# Run statements in the database, each by itself, as "owner" or as a role that
# is named.  Returns what psql prints, and its errors and notices.
sub run_sql
{
	my ($sql, %options) = @_;
	my ($ret, $stdout, $stderr) = $node->psql(
		$options{database} // 'app',
		"\\set VERBOSITY verbose\n$sql",
		timeout => $PostgreSQL::Test::Utils::timeout_default,
		extra_params => [ '-U', $options{role} // 'owner' ]);
	return ($stdout, $stderr);
}

# Run statements as a superuser, and without a snapshot.
sub admin
{
	my ($sql) = @_;

	return $node->safe_psql('app', "$off; $sql");
}

sub table_exists
{
	my ($table) = @_;

	return admin("SELECT to_regclass('$table') IS NOT NULL") eq 't';
}

sub database_exists
{
	my ($database) = @_;

	return admin("SELECT count(*) FROM pg_database WHERE datname = '$database'");
}

# Statements, with what to call them in labels, are executed after one
# snapshot.  Returns its name.
sub takes_one
{
	my ($sql, $what, %options) = @_;
	my $of = $options{of} // 'app';
	my %before = map { $_ => 1 } snapshots($directory);
	my ($stdout, $stderr) = run_sql($sql, %options);
	my @new = grep { !$before{$_} } snapshots($directory);
	my $name = $new[0] // '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlike($stderr, qr/ERROR/, "$what is executed");
	is(scalar(@new), 1, "$what takes one snapshot");
	like($name, qr{^\Q$of\E/}, "$what takes a snapshot of database \"$of\"");
	like($stderr, qr/NOTICE: .*snapshot "\Q$name\E" was taken before /,
		"$what gets a notice with the name of its snapshot");
	is($name && manifest_of($directory, $name)->{reason},
		'before drop', "the snapshot that $what takes has the reason \"before drop\"");
	return $name;
}

# Statements, with what to call them in labels, take no snapshot, and fail with
# an error, or (undef) are executed.  Returns the errors and notices.
sub takes_none
{
	my ($sql, $error, $what, %options) = @_;
	my @before = snapshots($directory);
	my ($stdout, $stderr) = run_sql($sql, %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	if (defined $error)
	{
		like($stderr, $error, "$what is refused");
	}
	else
	{
		unlike($stderr, qr/ERROR/, "$what is executed");
	}
	is_deeply([ snapshots($directory) ],
		\@before, "$what takes no snapshot");
	return $stderr;
}

# The rows of a table in a snapshot, as COPY has them.
sub saved_rows
{
	my ($name, $schema, $table) = @_;
	my ($folder) = $name =~ m{^([^/]+)/};
	my ($stdout, $stderr) = run_command(
		[
			'pg_restore', '--data-only', "--schema=$schema", "--table=$table",
			'--file=-', "$directory/$name/$folder.dump"
		]);
	my ($rows) = "$stdout\n" =~ /^COPY [^\n]*\n(.*?)^\\\.$/ms;

	return split /\n/, $rows // '';
}

# Start a session whose statement waits for a snapshot.
sub start_waiting
{
	my ($sql, $database) = @_;
	my $session = start_query($node, $sql, $database // 'app');

	$session->{pid} = wait_until(
		"\"$sql\" waits for a snapshot",
		sub {
			$node->safe_psql('postgres', <<EOF);
SELECT pid FROM pg_stat_activity
 WHERE query = \$query\$$sql\$query\$ AND wait_event_type = 'Extension'
EOF
		});
	return $session;
}

# Make tables that are large enough.
sub make_large
{
	admin("DROP TABLE IF EXISTS $_; CREATE TABLE $_ $large;"
		  . "ALTER TABLE $_ OWNER TO owner")
	  foreach @_;
	return;
}

sub snapshot_now
{
	return $node->safe_psql('postgres', q{SELECT snapshot_now('app')});
}

1;
