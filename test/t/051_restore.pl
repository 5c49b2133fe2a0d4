
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_restore() gives a database back as it was, whole or not at all, also
# on another server.

use strict;
use warnings;

use DumpCompare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => "restart_after_crash = on\n");

# The error that a query raises; "" for none.
sub error_of
{
	my ($query, $on) = @_;
	my (undef, undef, $stderr) = ($on // $node)->psql('postgres', $query);

	return $stderr;
}

sub exists_database
{
	my ($database, $on) = @_;

	return ($on // $node)->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = '$database'");
}

sub scratch_databases
{
	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot\\_worker\\_scratch\\_%'");
}

# What pg_dump --create says of a database, but for its name.
sub creation
{
	my ($on, $database) = @_;
	my ($dump, $stderr);

	$on->run_log(
		[
			'pg_dump', '--create', '--schema-only', '--host', $on->host,
			'--port', $on->port, "--dbname=dbname='$database'"
		],
		'>', \$dump, '2>', \$stderr) or die $stderr;
	$dump =~ s/^\\(un)?restrict .*\n//mg;
	$dump =~ s/\Q$database\E/DATABASE/g;
	return $dump;
}

# Everything that pg_dump finds hard.
$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'the hard database is made');
foreach my $case ([ 'directory', 4 ], [ 'directory', 1 ], [ 'custom', 2 ])
{
	my ($format, $jobs) = @$case;

	reload_with($node, format => $format);
	my $hard = $node->safe_psql('postgres', "SELECT snapshot_now('hard')");
	is(error_of("SELECT snapshot_restore('$hard', 'hard_$format$jobs', jobs => $jobs)"),
		'', "$format, $jobs jobs: it restores");
	is_same_database($node, 'hard', "hard_$format$jobs",
		"$format, $jobs jobs: what is restored is what there was");
}
reload_with($node, format => 'directory');
unlike(slurp_file($node->logfile), qr/has something to say|is not restored/,
	'nothing was said that is worth a warning');

# What belongs to the database, and not to what is in it.
$node->safe_psql('postgres', <<'EOF');
CREATE ROLE owner;
CREATE ROLE reader;
CREATE ROLE "odd 'role";
CREATE DATABASE props OWNER owner TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' CONNECTION LIMIT 17;
COMMENT ON DATABASE props IS 'It''s a "comment"
of two lines';
ALTER DATABASE props SET search_path = "$user", "odd schema", public;
ALTER DATABASE props SET work_mem = '5MB';
ALTER DATABASE props SET "my.setting" = 'it''s \ "that"';
ALTER DATABASE props SET DateStyle = 'ISO, DMY';
ALTER DATABASE props SET default_transaction_read_only = on;
ALTER DATABASE props SET temp_tablespaces = '';
ALTER ROLE reader IN DATABASE props SET statement_timeout = '5s';
ALTER ROLE "odd 'role" IN DATABASE props SET search_path = '';
REVOKE ALL ON DATABASE props FROM PUBLIC;
GRANT CONNECT ON DATABASE props TO reader WITH GRANT OPTION;
GRANT CREATE, TEMPORARY ON DATABASE props TO "odd 'role";
EOF
$node->safe_psql('props', <<'EOF');
SET default_transaction_read_only = off;
SET client_encoding = 'UTF8';
CREATE TABLE "größe" ("maß" text);
INSERT INTO "größe" VALUES ('übergroß');
ALTER TABLE "größe" OWNER TO owner;
EOF
my $props = $node->safe_psql('postgres', "SELECT snapshot_now('props')");
is(error_of("SELECT snapshot_restore('$props', 'props_again')"), '',
	'a database with properties of its own is restored');
is(creation($node, 'props_again'), creation($node, 'props'),
	'owner, encoding, locale, settings, privileges, limit and comment are back');
is_same_database($node, 'props', 'props_again', 'and what is in it');
like(creation($node, 'props'), qr/my\.setting.*temp_tablespaces/s,
	'there was something to compare');
is(error_of("SELECT snapshot_verify('$props', restore => true)"), '',
	'it can be verified as well');

# A cluster in which all transactions are read-only, unless they say so.
$node->safe_psql('postgres', 'ALTER SYSTEM SET default_transaction_read_only = on');
reload_with($node);
is(error_of("SELECT snapshot_restore('$props', 'props_read_only')"), '',
	'a cluster that is read-only by default is no obstacle');
$node->safe_psql('postgres', 'SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only');
reload_with($node);

# A database that is gone, with an odd name.
my $odd = q{O'Dd "näme" \ 1=2};
my $quoted = $odd =~ s/'/''/gr;
my $identifier = $odd =~ s/"/""/gr;
$node->safe_psql('postgres', qq{CREATE DATABASE "$identifier"});
my $connection = $odd =~ s/([\\'])/\\$1/gr;
$node->command_ok(
	[
		'psql', '-X', '-d',
		'host=' . $node->host . ' port=' . $node->port . " dbname='$connection'",
		'-c', 'CREATE TABLE here AS SELECT 42 AS answer'
	],
	'a database with an odd name has a table');
my $gone = $node->safe_psql('postgres', "SELECT snapshot_now('$quoted')");
$node->safe_psql('postgres', qq{DROP DATABASE "$identifier"});
is(error_of("SELECT snapshot_restore('$gone', '$quoted')"), '',
	'a database that is gone comes back under its odd name');
is(error_of("SELECT snapshot_restore('$gone', 'plain')"), '', 'or another one');
is($node->safe_psql('plain', 'SELECT answer FROM here'), '42', 'with its table');

# What is refused, before anything is done.
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', 'CREATE TABLE t AS SELECT generate_series(1, 100) AS a');
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
my $log = -s $node->logfile;
like(error_of("SELECT snapshot_restore('$name', 'app')"),
	qr/database "app" already exists\n.*HINT/s, 'a database that exists is not restored into');
like(error_of("SELECT snapshot_restore('$name', 'snapshot_worker_scratch_x')"),
	qr/is reserved/, 'nor one with a name of ours');
like(error_of("SELECT snapshot_restore('$name', '')"),
	qr/must not be empty/, 'nor one without a name');
like(error_of("SELECT snapshot_restore('$name', 'x', jobs => $_)"),
	qr/jobs must be from 1 to 64/, "nor with $_ jobs")
  foreach 0, -1, 65;
like(error_of("SELECT snapshot_restore('../app', 'x')"),
	qr/invalid name of a snapshot/, 'nor what is no name of a snapshot');
like(error_of("SELECT snapshot_restore('app/2001-01-01T00-00-00Z', 'x')"),
	qr/does not exist/, 'nor what is not there');
is($node->safe_psql('app', 'SELECT count(*) FROM t'), '100', 'the one that exists is as it was');

# Whole or not at all.
$node->safe_psql('postgres', 'CREATE DATABASE broken');
$node->safe_psql('broken', <<'EOF');
CREATE TABLE limits (a int);
INSERT INTO limits VALUES (10);
CREATE FUNCTION below(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 < (SELECT max(a) FROM limits)';
CREATE TABLE checked (a int CHECK (below(a)));
INSERT INTO checked VALUES (1);
EOF
my $broken = $node->safe_psql('postgres', "SELECT snapshot_now('broken')");
like(error_of("SELECT snapshot_restore('$broken', 'half')"),
	qr/could not restore snapshot "\Q$broken\E": pg_restore failed.*\n.*limits/s,
	'what pg_restore says is the error');
is(exists_database('half'), '0', 'there is no half of a database');
is(scratch_databases(), '0', 'nor a scratch database');

foreach my $step ('scratch created', 'restored', 'renaming')
{
	foreach my $how ('cancel', 'leave', 'terminate', 'snapshot_cancel')
	{
		hold_at($node, $step);
		my $session = start_query($node, "SELECT snapshot_restore('$name', 'half')");
		my $worker = wait_until_held($node, $step);
		is(exists_database('half'), '0', "$how at \"$step\": there is no target yet");
		my $sql = {
			cancel => "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT snapshot_restore'",
			leave => "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT snapshot_restore'",
			terminate => "SELECT pg_terminate_backend($worker)",
			snapshot_cancel => "SELECT snapshot_cancel('app')"
		}->{$how};
		$node->safe_psql('postgres', $sql);
		my (undef, $error) = finish_query($session);
		let_go($node);
		isnt($error, '', "$how at \"$step\": the caller has an error");
		wait_until("$how at \"$step\": nothing is left",
			sub { scratch_databases() eq '0' });
		is(exists_database('half'), '0', "$how at \"$step\": no half of a database");
	}
}
foreach my $step ('restored', 'renaming')
{
	hold_at($node, $step);
	my $session = start_query($node, "SELECT snapshot_restore('$name', 'half')");
	wait_until_held($node, $step);
	$node->stop('immediate');
	$session->{handle}->finish;
	let_go($node);
	$node->start;
	wait_until("a crash at \"$step\": nothing is left",
		sub { scratch_databases() eq '0' });
	is(exists_database('half'), '0', "a crash at \"$step\": no half of a database");
}
is(error_of("SELECT snapshot_restore('$name', 'half')"), '', 'then it restores');
is($node->safe_psql('half', 'SELECT count(*) FROM t'), '100', 'all of it');

# Someone else makes the target meanwhile.
hold_at($node, 'restored');
my $session = start_query($node, "SELECT snapshot_restore('$name', 'mine')");
wait_until_held($node, 'restored');
$node->safe_psql('postgres', 'CREATE DATABASE mine');
$node->safe_psql('mine', 'CREATE TABLE precious ()');
let_go($node);
like((finish_query($session))[1], qr/database "mine" already exists/,
	'a database that was created meanwhile is an error');
is($node->safe_psql('mine', 'SELECT count(*) FROM precious'), '0', 'and is left alone');
is(scratch_databases(), '0', 'nothing else is left');

# Nobody but a superuser gets into what is half restored.
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
hold_at($node, 'restored');
$session = start_query($node, "SELECT snapshot_restore('$name', 'later')");
wait_until_held($node, 'restored');
my $scratch = $node->safe_psql('postgres',
	"SELECT datname FROM pg_database WHERE datname LIKE 'snapshot\\_worker\\_scratch\\_%'");
my ($rc, undef, $stderr) = $node->psql($scratch, 'SELECT 1', extra_params => [ '-U', 'plain' ]);
like($stderr, qr/too many connections for database/,
	'an ordinary role does not get into what is half restored');
let_go($node);
is((finish_query($session))[1], '', 'it comes to its end');
is($node->safe_psql('later', 'SELECT 1', extra_params => [ '-U', 'plain' ]),
	'1', 'then he does');

# On another server, where roles are missing.
my ($other, $other_directory) = snapshot_node('other',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);
my $mine = $other->safe_psql('postgres', 'SELECT snapshot_now()');
system_or_bail('cp', '-a', "$directory/props", "$other_directory/");
is( $other->safe_psql('postgres',
		"SELECT system_identifier <> (SELECT system_identifier FROM pg_control_system()) FROM snapshot_list() WHERE name = '$props'"),
	't', "another cluster's snapshot is listed with its identifier");
like(error_of("SELECT snapshot_restore('$props', 'props')", $other),
	qr/do not exist: "odd 'role", "owner", "reader"\n.*HINT.*\Q$props\E\/globals\.sql/s,
	'roles that are missing are named');
is(exists_database('props', $other), '0', 'nothing was made');
is(error_of("SELECT snapshot_restore('$props', 'props_no_owner', no_owner => true)", $other),
	'', 'without owners it can be restored');
is( $other->safe_psql('props_no_owner', <<'EOF'), 't|t|LATIN1|5MB|17', 'then all is mine');
SELECT (SELECT bool_and(relowner = 10) FROM pg_class WHERE relkind = 'r' AND oid >= 16384),
	pg_get_userbyid(datdba) = current_user,
	pg_encoding_to_char(encoding),
	current_setting('work_mem'), datconnlimit
  FROM pg_database WHERE datname = current_database()
EOF
$other->command_fails_like(
	[ 'psql', '-X', '-d', $other->connstr('postgres'), '-v', 'ON_ERROR_STOP=1', '-f', "$other_directory/$props/globals.sql" ],
	qr/already exists/, 'globals.sql ends at the role that both have');
$other->command_ok(
	[ 'psql', '-X', '-d', $other->connstr('postgres'), '-f', "$other_directory/$props/globals.sql" ],
	'but for that it runs');
is(error_of("SELECT snapshot_restore('$props', 'props')", $other), '', 'then it restores');
# roles come in the order of their OIDs
is_deeply([ sort split /\n/, creation($other, 'props') ],
	[ sort split /\n/, creation($node, 'props') ], 'as it was');
$other->safe_psql('postgres', 'SELECT snapshot_prune()');
ok(-e "$other_directory/$props/manifest.json",
	"retention does not touch another cluster's snapshot");
is($other->safe_psql('postgres', "SELECT kept || ' ' || rules FROM snapshot_retention('props')"),
	'true other cluster', 'and says so');

# Without rights.
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION snapshot_list() TO plain');
($rc, undef, $stderr) = $node->psql('postgres',
	"SELECT snapshot_restore('$name', 'x')", extra_params => [ '-U', 'plain' ]);
like($stderr, qr/permission denied for function snapshot_restore/,
	'a role without EXECUTE restores nothing');

$node->stop;
$other->stop;
done_testing();
