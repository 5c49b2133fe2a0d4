
# Copyright (c) 2026, the snapshot_worker developers

# Verifications by a restore.  Promised here: a restore finds and names what
# differs from the manifest; what it has found is kept until another restore
# finds nothing; and what keeps pg_restore from its work is an error, but no
# problem of the snapshot.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Verify;
use Test::More;

my ($node, $directory) = verify_node();
my $app = make_app();

# Each case: how the manifest differs from the dump; code that makes it so; and
# the problem that a restore finds.
my @differences = (
	[
		'the manifest has another number of rows of a table',
		sub {
			$_->{count}++
			  foreach grep { $_->{table} eq 'items' } @{ $_[0]{row_counts} };
		},
		qr/Table "public\.items" has 1000 rows instead of 1001\./
	],
	[
		'the manifest has rows of another table',
		sub {
			$_->{table} = 'gone'
			  foreach grep { $_->{table} eq 'items' } @{ $_[0]{row_counts} };
		},
		qr/No rows of table "public\.gone" were restored instead of 1000\./
	],
	[
		'the manifest has more columns',
		sub {
			$_->{count} = 7, $_->{hash} = '0' x 64
			  foreach grep { $_->{kind} eq 'columns' } @{ $_[0]{contents} };
		},
		qr/There are 4 columns instead of 7\./
	],
	[
		'the manifest has other columns',
		sub {
			$_->{hash} = '0' x 64
			  foreach grep { $_->{kind} eq 'columns' } @{ $_[0]{contents} };
		},
		qr/Some columns of tables have different names, types, or NOT NULL./
	],
	[
		'the manifest has other large objects',
		sub {
			$_->{hash} = '1' x 64
			  foreach grep { $_->{kind} eq 'large objects' } @{ $_[0]{contents} };
		},
		qr/Some large objects have different owners, privileges, or comments./
	]);
foreach my $difference (@differences)
{
	my ($fault, $change, $problem) = @$difference;

	keep_copy($app);
	change_manifest($app, $change);
	finds_problem($app, 1, $problem, $fault);
	is(scratch_databases(), '',
		"when $fault, a verification leaves no scratch database");
	repair($app);
}
finds_good($app, 1, 'a snapshot with its own manifest restores to what it was');

# A restore that fails need not be a problem of the snapshot.
$node->safe_psql('postgres', 'CREATE DATABASE unrestorable');
$node->safe_psql('unrestorable', <<'EOQ');
CREATE TABLE known_ones AS SELECT 1 AS id;
CREATE FUNCTION is_known(int) RETURNS boolean LANGUAGE plpgsql
  AS 'BEGIN RETURN EXISTS (SELECT FROM known_ones WHERE id = $1); END';
CREATE TABLE checked (id int CHECK (is_known(id)));
INSERT INTO checked VALUES (1);
EOQ
my $unrestorable = take_snapshot($node, 'unrestorable');
finds_good($unrestorable, 0, 'an archive that cannot be restored can be read');
is_circumstance($unrestorable, 1,
	qr/ERROR:  38000: .*relation "known_ones" does not exist/s,
	'the archive cannot be restored');
is(scratch_databases(), '', 'a restore that fails leaves no scratch database');

# The problem that a restore has found is kept until another restore finds
# none.
keep_copy($app);
change_manifest($app, $differences[2][1]);
finds_problem($app, 1, $differences[2][2], $differences[2][0]);
my $before = outcome($app);
like(
	error_of($node, verification($app, 0)),
	qr/ERROR:  XX001: .*an earlier restore of snapshot "\Q$app\E" found a problem\nDETAIL:  .*There are 4 columns instead of 7\..*\nHINT:  .*restore => true/s,
	'a problem found by a restore is not forgotten because the archive can be read');
is(outcome($app), $before, 'a problem found by a restore is kept as it was');
repair($app);
finds_good($app, 1, 'a problem found by a restore is forgotten when a restore finds nothing');

# The archive is read before it is restored.
my $reader = install_fake_program($node, 'pg_restore', <<'EOC');
case "$*" in *--file=/dev/null*)
	until [ -e "$(dirname "$0")/good" ]; do
		[ -e "$(dirname "$0")/once" ] && mv "$(dirname "$0")/once" "$(dirname "$0")/good"
		[ -e "$(dirname "$0")/killed" ] && kill -9 $$
		[ -e "$(dirname "$0")/missing" ] && exit 127
		echo "pg_restore: error: bad archive" >&2
		exit 1
	done ;;
esac
exec REAL "$@"
EOC
reload_with($node, bin_directory => $reader);
append_to_file("$reader/once", '');
finds_good($app, 1, 'an archive that can be read the second time is good');
unlink "$reader/good";
foreach my $end ([ killed => 'signal 9' ], [ missing => 'command not found' ])
{
	append_to_file("$reader/$end->[0]", '');
	is_circumstance($app, 0, qr/ERROR:  38000: .*pg_restore failed: .*$end->[1]/,
		"pg_restore is $end->[0] when it reads the archive");
	unlink "$reader/$end->[0]";
}
foreach my $change ([ pg_dump_version => '14.1' ], [ compression => 'lz4:99' ])
{
	my ($member, $value) = @$change;

	keep_copy($app);
	change_manifest($app, sub { $_[0]{$member} = $value });
	is_circumstance($app, 0, qr/ERROR:  38000: .*pg_restore: error: bad archive/s,
		"pg_restore may not know the archive's $member");
	repair($app);
}
finds_problem($app, 1, qr/pg_restore: error: bad archive/,
	'the archive cannot be read', 'archive');
reload_with($node, bin_directory => '');
finds_good($app, 1, 'a snapshot whose archive can be read again is good');

# pg_restore fails while it restores.

my $bin = install_fake_program($node, 'pg_restore', <<'EOC');
case "$*" in *--dbname=*) ;; *) exec REAL "$@" ;; esac
[ -e "$(dirname "$0")/say" ] && { cat "$(dirname "$0")/say" >&2; exit 1; }
kill -9 $$
EOC
reload_with($node, bin_directory => $bin);
is_circumstance($app, 1, qr/pg_restore failed: .*signal 9/,
	'pg_restore is killed');
foreach my $words (
	'pg_restore: error: could not execute query: ERROR:  could not extend file: No space left on device',
	'pg_restore: error: FEHLER:  Verklemmung (Deadlock) entdeckt',
	'pg_restore: error: corrupt tar header found')
{
	append_to_file("$bin/say", "$words\n");
	is_circumstance($app, 1, qr/ERROR:  38000: .*\nDETAIL:  \Q$words\E/,
		"pg_restore says \"$words\"");
	unlink "$bin/say";
}
unlink "$bin/pg_restore";
is_circumstance($app, 0,
	qr/could not find an executable "\Q$bin\E\/pg_restore"/,
	'pg_restore is missing');
reload_with($node, bin_directory => '');
finds_good($app, 1, 'a snapshot is good with pg_restore in place');

# A role is missing.
$node->safe_psql('postgres', 'CREATE ROLE leaver');
$node->safe_psql('app', 'CREATE TABLE legacy (); ALTER TABLE legacy OWNER TO leaver');
my $legacy = take_snapshot($node, 'app');
$node->safe_psql('app', 'DROP TABLE legacy; DROP ROLE leaver');
is_circumstance(
	$legacy, 1,
	qr/ERROR:  42704: .*roles that the snapshot needs do not exist: "leaver"\nHINT:  Create them, or run "\Q$directory\E\/\Q$legacy\E\/globals\.sql" with psql\./,
	'a role has been dropped since the snapshot');
is(scratch_databases(), '',
	'verifications that fail leave no scratch database');

$node->stop;
done_testing();
