
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_restore().  Promised here: a database comes back as it was, with all
# that CREATE DATABASE and ALTER DATABASE have made of it; the target appears
# only when it is whole, and a failure leaves none, and gives the error of
# pg_restore; no database of anyone else is touched; and a snapshot of another
# cluster is restored in the same way.

use strict;
use warnings;

use DumpCompare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $prefix = 'snapshot_worker_scratch_';

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => "snapshot_worker.max_workers = 3\n");

# A name of an SQL object, and a literal.
sub quoted
{
	my ($name) = @_;

	$name =~ s/"/""/g;
	return "\"$name\"";
}

sub literal
{
	my ($value) = @_;

	$value =~ s/'/''/g;
	return "'$value'";
}

sub take
{
	my ($database) = @_;

	return $node->safe_psql('postgres',
		'SELECT snapshot_now(' . literal($database) . ')');
}

sub restoring
{
	my ($name, $target, $more) = @_;

	return 'SELECT snapshot_restore('
	  . literal($name) . ', '
	  . literal($target)
	  . (defined $more ? ", $more" : '') . ')';
}

sub restores
{
	my ($name, $target, $more, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $out, $err) =
	  $node->psql('postgres', restoring($name, $target, $more));

	return is($err, '', $test_name);
}

sub error_of
{
	my ($sql, %options) = @_;
	my ($rc, $out, $err) =
	  ($options{on} // $node)->psql('postgres',
		"\\set VERBOSITY verbose\n$sql",
		extra_params => $options{extra_params} // []);

	return $err;
}

sub exists_database
{
	my ($database, $on) = @_;

	return ($on // $node)->safe_psql('postgres',
		'SELECT count(*) FROM pg_database WHERE datname = ' . literal($database));
}

sub scratch_databases
{
	my ($on) = @_;

	return ($on // $node)->safe_psql('postgres',
		"SELECT datname FROM pg_database WHERE starts_with(datname, '$prefix')");
}

# Nothing is left of a restore that failed.
sub left_nothing
{
	my ($target, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(exists_database($target), 0, "$test_name leaves no target");
	is(scratch_databases(), '', "$test_name leaves no scratch database");
	return;
}

# The properties of a database by pg_dump --create, without its name.
sub properties_of
{
	my ($database, $on) = @_;
	my ($dump, $stderr);

	$on //= $node;
	(my $conninfo = $database) =~ s/([\\'])/\\$1/g;
	IPC::Run::run(
		[
			'pg_dump', '--create', '--schema-only',
			'--host=' . $on->host, '--port=' . $on->port,
			"--dbname=dbname='$conninfo'"
		],
		'>', \$dump, '2>', \$stderr) or die "pg_dump failed: $stderr";
	# it puts a name into quotes only where it has to
	foreach my $name (quotemeta quoted($database), quotemeta($database) . '\b')
	{
		$dump =~ s/DATABASE $name/DATABASE THIS/g;
	}
	# the order of privileges is not one of them
	return join "\n", sort grep { /DATABASE / && !/^--/ }
	  split /\n/, $dump;
}

# Its owner, and all other columns of pg_database that are not about its age.
sub row_of
{
	my ($database) = @_;

	return $node->safe_psql('postgres', <<EOQ);
SELECT to_jsonb(d) - '{oid,datname,datacl,datfrozenxid,datminmxid,datcollversion}'::text[]
  FROM pg_database d WHERE datname = @{[ literal($database) ]}
EOQ
}

#
# What pg_dump finds hard, in each format, with one job and with more.
#

$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'psql makes the hard database');
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format);
	my $name = take('hard');
	foreach my $jobs (1, 4)
	{
		my $target = "hard_${format}_$jobs";

		restores($name, $target, "jobs => $jobs",
			"a restore of the hard database in $format format by $jobs jobs raises no error");
		is_same_database($node, 'hard', $target,
			"the hard database in $format format is restored by $jobs jobs to what it was");
	}
}
unlike(slurp_file($node->logfile), qr/reported warnings/,
	'pg_restore warns of nothing in the hard database');
reload_with($node, format => 'directory');

#
# Databases of every kind come back as such.
#

$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE boss;
CREATE ROLE "odd ""role'";
CREATE ROLE plain LOGIN;
EOQ
my %databases = (
	plain => '',
	owned => "OWNER boss",
	latin => "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
	ascii => "ENCODING 'SQL_ASCII'",
	icu => "LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'",
	posix => "LOCALE 'POSIX'",
	limited => 'CONNECTION LIMIT 7',
	"it's \"a=b\" \\ \$d" => 'OWNER boss',
	"\x{c3}\x{bc}ber" => '');
# these are there in newer releases alone
$databases{builtin} = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
  if $node->pg_version >= 17;
$databases{icu_rules} =
  "LOCALE_PROVIDER icu ICU_LOCALE 'en' ICU_RULES '&a < g'"
  if $node->pg_version >= 16;

foreach my $database (sort keys %databases)
{
	my $sql = quoted($database);
	my $target = $database =~ /[^ -~]/ ? "${database}_\x{c3}\x{a9}" : "$database again";

	$node->safe_psql('postgres',
		"CREATE DATABASE $sql TEMPLATE template0 $databases{$database}");
	$node->safe_psql('postgres', <<EOQ);
ALTER DATABASE $sql SET search_path = "Some Schema", public, "\$user";
ALTER DATABASE $sql SET work_mem = '5MB';
ALTER DATABASE $sql SET my.setting = 'it''s "quoted" \\ and, so on';
ALTER DATABASE $sql SET DateStyle = 'SQL, DMY';
ALTER DATABASE $sql SET default_transaction_read_only = on;
ALTER DATABASE $sql SET role = boss;
ALTER ROLE boss IN DATABASE $sql SET search_path = '';
ALTER ROLE "odd ""role'" IN DATABASE $sql SET temp_tablespaces = '';
ALTER ROLE boss IN DATABASE $sql SET my.other = '';
REVOKE CONNECT ON DATABASE $sql FROM PUBLIC;
GRANT CREATE, CONNECT ON DATABASE $sql TO boss WITH GRANT OPTION;
GRANT TEMPORARY ON DATABASE $sql TO "odd ""role'", plain;
COMMENT ON DATABASE $sql IS 'it''s a comment \\ on "it"
in lines';
EOQ
	my $name = take($database);
	restores($name, $target, undef, "$database is restored without an error");
	is(properties_of($target), properties_of($database),
		"the restored database of $database has the properties of the dumped one");
	is(row_of($target), row_of($database),
		"the restored database of $database has the row in pg_database of the dumped one");
}
unlike(slurp_file($node->logfile), qr/could not restore (?:setting|privilege)/,
	'no setting and no privilege fails to be restored');

# A database of another encoding, with names and rows that need it.
$node->safe_psql('postgres', 'ALTER DATABASE latin RESET ALL');
$node->safe_psql('latin', <<"EOQ");
SET client_encoding = 'UTF8';
CREATE TABLE "stra\x{c3}\x{9f}e" AS SELECT 'M\x{c3}\x{bc}ller'::text AS "gr\x{c3}\x{b6}\x{c3}\x{9f}e";
EOQ
my $latin = take('latin');
is( error_of("SELECT snapshot_verify('$latin', restore => true)"),
	'', 'a database of another encoding verifies');
restores($latin, 'latin2', undef, 'a database of another encoding is restored');
is_same_database($node, 'latin', 'latin2', 'a database of another encoding is restored as it was');

# A database without settings and privileges of its own is restored without
# any.
$node->safe_psql('postgres', 'CREATE DATABASE bare');
restores(take('bare'), 'bare again', undef, 'a bare database restores');
is(properties_of('bare again'), properties_of('bare'), 'a bare database is restored as a bare one');

# A setting that this server does not have is no reason to have nothing.
$node->safe_psql('postgres', <<'EOQ');
CREATE DATABASE outdated;
ALTER DATABASE outdated SET my.own = 1;
ALTER DATABASE outdated SET work_mem = '6MB';
EOQ
my $outdated = take('outdated');
my $manifest = slurp_file("$directory/$outdated/manifest.json");
$manifest =~ s/my\.own/no_such_setting/ or die 'no setting in the manifest';
unlink "$directory/$outdated/manifest.json";
append_to_file("$directory/$outdated/manifest.json", $manifest);
restores($outdated, 'updated', undef,
	'an unknown setting does not keep a database from being restored');
is( $node->safe_psql('updated', 'SHOW work_mem'),
	'6MB', 'settings after an unknown one are restored');
like(
	slurp_file($node->logfile),
	qr/WARNING:  could not restore setting "no_such_setting" of the database: /,
	'the log warns of an unknown setting');

# Read-only, all of it.
$node->safe_psql('postgres', <<'EOQ');
CREATE DATABASE quiet;
ALTER DATABASE quiet SET default_transaction_read_only = on;
EOQ
$node->append_conf('postgresql.conf', 'default_transaction_read_only = on');
$node->reload;
$node->poll_query_until('postgres', 'SHOW default_transaction_read_only', 'on')
  or die 'not read-only';
my $quiet = take('quiet');
restores($quiet, 'quiet again', undef,
	'with read-only transactions by default, a database is restored');
is( error_of("SELECT snapshot_verify('$quiet', restore => true)"),
	'', 'with read-only transactions by default, a snapshot is verified by a restore');
is(scratch_databases(), '', 'a verification with read-only transactions by default leaves no scratch database');
$node->append_conf('postgresql.conf', 'default_transaction_read_only = off');
$node->reload;
$node->poll_query_until('postgres', 'SHOW default_transaction_read_only', 'off')
  or die 'still read-only';

# A tablespace, and none.
$node->safe_psql('postgres', <<'EOQ');
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE elsewhere LOCATION '';
EOQ
$node->safe_psql('postgres', 'CREATE DATABASE spacious TABLESPACE elsewhere');
my $spacious = take('spacious');
restores($spacious, 'spacious again', undef,
	'a database in a tablespace restores');
is(row_of('spacious again'), row_of('spacious'), 'a database in a tablespace is restored into that tablespace');
$node->safe_psql('postgres', "DROP DATABASE \"$_\"")
  foreach 'spacious', 'spacious again';
$node->safe_psql('postgres', 'DROP TABLESPACE elsewhere');
like(
	error_of(restoring($spacious, 'spacious')),
	qr/^psql:<stdin>:\d+: WARNING:  42704: tablespace "elsewhere" does not exist, creating database in the default tablespace\n(?!.*ERROR)/s,
	'without its tablespace, a database is restored into the default one, with a warning');
is(exists_database('spacious'), 1, 'a database without its tablespace is restored');
like(
	slurp_file($node->logfile),
	qr/WARNING:  tablespace "elsewhere" does not exist, creating database in the default tablespace/,
	'the log warns that the tablespace of a database does not exist');

# The database may be gone.
$node->safe_psql('postgres', 'CREATE DATABASE app OWNER boss');
$node->safe_psql('app', <<'EOQ');
CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 1000) i;
ALTER TABLE items OWNER TO boss;
GRANT SELECT ON items TO plain;
EOQ
my $app = take('app');
$node->safe_psql('postgres', 'ALTER DATABASE app RENAME TO app_before');
restores($app, 'app', undef, 'a database that is gone comes back under its name');
is_same_database($node, 'app_before', 'app', 'a database that was gone has come back as it was');
is(properties_of('app'), properties_of('app_before'), 'a database that was dropped comes back with its owner');

#
# Refused.
#

like(
	error_of(restoring($app, 'app')),
	qr/ERROR:  42P04: database "app" already exists\nHINT:  Restore into a new database/,
	'an existing database is not restored into');
is($node->safe_psql('app', 'SELECT count(*) FROM items'),
	1000, 'an existing database is not touched');
like(error_of(restoring($app, "${prefix}1")),
	qr/ERROR:  42939: database name "${prefix}1" is reserved/,
	'a name of a scratch database is refused');
like(error_of(restoring($app, '')),
	qr/ERROR:  42602: /, 'an empty name of the target is refused');
like(error_of(restoring($app, 'new', "jobs => $_")),
	qr/ERROR:  22023: jobs must be from 1 to 64/, "$_ jobs are refused")
  foreach 0, -1, 65;
like(error_of("SELECT snapshot_restore($_)"),
	qr/ERROR:  22004: /, "a NULL is refused: $_")
  foreach "NULL, 'new'", "'$app', NULL", "'$app', 'new', NULL",
  "'$app', 'new', 1, NULL";
like(error_of(restoring('app/2000-01-01T00-00-00Z', 'new')),
	qr/ERROR:  42704: snapshot "app\/2000-01-01T00-00-00Z" does not exist/,
	'a snapshot that does not exist is refused');
like(error_of(restoring("../snapshots/$app", 'new')),
	qr/ERROR:  22023: /, 'a path in place of a snapshot is refused');
like(
	error_of('BEGIN; CREATE TABLE t (); ' . restoring($app, 'new')),
	qr/ERROR:  25001: .*this transaction has written/,
	'a transaction that has written is refused');
left_nothing('new', 'a refused restore');

#
# Failures.
#

# A function that finds its table only with a search path.
$node->safe_psql('postgres', 'CREATE DATABASE unrestorable');
$node->safe_psql('unrestorable', <<'EOQ');
CREATE TABLE first_ones AS SELECT i AS id FROM generate_series(1, 1000) i;
CREATE FUNCTION is_known(int) RETURNS boolean LANGUAGE plpgsql
  AS 'BEGIN RETURN EXISTS (SELECT FROM first_ones WHERE id = $1); END';
CREATE TABLE later_ones (id int CHECK (is_known(id)));
INSERT INTO later_ones VALUES (1);
EOQ
my $unrestorable = take('unrestorable');
foreach my $jobs (1, 3)
{
	like(
		error_of(restoring($unrestorable, 'new', "jobs => $jobs")),
		qr/ERROR:  38000: could not restore snapshot "\Q$unrestorable\E": pg_restore failed: .*\nDETAIL:  pg_restore: error: .*relation "first_ones" does not exist/s,
		"an error of pg_restore fails a restore by $jobs jobs, and is its error");
	left_nothing('new', "a restore by $jobs jobs with an error");
}

# A changed row, which pg_restore would restore as it stands.
reload_with($node, compress => 'none');
$node->safe_psql('postgres', 'CREATE DATABASE altered');
$node->safe_psql('altered', q{CREATE TABLE words AS SELECT 'right' AS word});
my $altered = take('altered');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET snapshot_worker.compress');
$node->reload;
my ($rows) = grep { slurp_file($_) =~ /^right$/m }
  glob "$directory/$altered/altered.dump/*.dat";
open my $fh, '+<:raw', $rows or die "could not open $rows: $!";
print $fh 'wrong' or die "could not write $rows: $!";
close $fh or die "could not write $rows: $!";
like(error_of(restoring($altered, 'new')),
	qr/ERROR:  XX001: .*snapshot "\Q$altered\E" does not match its manifest/,
	'a snapshot with a changed row is not restored');
left_nothing('new', 'a restore of a changed row');
like( $node->safe_psql('postgres',
		"SELECT problem FROM snapshot_list() WHERE name = '$altered'"),
	qr/does not match its manifest/,
	'the list shows the problem that a restore has found');

# An extension that is not installed here.
SKIP:
{
	my $control = $node->config_data('--sharedir') . '/extension/passing.control';
	skip 'the extensions of this server cannot be changed', 4
	  unless open my $fh, '>', $control;
	print $fh "default_version = '1'\n";
	close $fh;
	append_to_file($control =~ s/\.control/--1.sql/r, "CREATE FUNCTION passing() RETURNS int LANGUAGE sql AS 'SELECT 1';\n");
	$node->safe_psql('postgres', 'CREATE DATABASE extended');
	$node->safe_psql('extended', 'CREATE EXTENSION passing');
	my $extended = take('extended');
	unlink $control, $control =~ s/\.control/--1.sql/r;
	like(error_of(restoring($extended, 'new')),
		qr/DETAIL:  pg_restore: error: .*extension "passing" is not available/s,
		'an extension that is missing fails a restore');
	left_nothing('new', 'a restore without the extension');
	error_of("SELECT snapshot_verify('$extended', true)");
	is( $node->safe_psql('postgres',
			"SELECT problem FROM snapshot_list() WHERE name = '$extended'"),
		'', 'a missing extension is not held against the snapshot');
}

# With a subscription, no database can be dropped: it is left out.
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql('subscriber',
	"CREATE SUBSCRIPTION news CONNECTION 'dbname=nowhere' PUBLICATION news WITH (connect = false, slot_name = NONE)"
);
my $subscriber = take('subscriber');
hold_at($node, 'restored');
my $session = start_query($node, restoring($subscriber, 'new'));
my $worker = wait_until_held($node, 'restored');
$node->safe_psql('postgres', "SELECT snapshot_cancel('subscriber')");
finish_query($session);
let_go($node);
like($session->{err}, qr/ERROR:  38000: .*canceling statement/,
	'a restore can be canceled');
left_nothing('new', 'a canceled restore');
restores($subscriber, 'subscriber2', undef,
	'a database with a subscription is restored when nobody cancels it');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM pg_subscription'),
	'1', 'a restore makes no second subscription');

# While it is on.
sub start_restore
{
	my ($step, $target, $more) = @_;

	hold_at($node, $step);
	$session = start_query($node, restoring($app, $target, $more));
	$worker = wait_until_held($node, $step);
	return;
}

start_restore('restored', 'new');
is(exists_database('new'), 0, 'a database that is being restored has not its name yet');
my ($rc, $out, $err) = $node->psql("$prefix$worker", 'SELECT 1',
	extra_params => [ '-U', 'plain' ]);
like($err, qr/permission denied for database/,
	'a plain role cannot connect to a scratch database');
is($node->safe_psql("$prefix$worker", 'SELECT count(*) FROM public.items'),
	1000, 'a superuser can connect to a scratch database');
my $intruder = $node->background_psql("$prefix$worker");
$intruder->query_safe('SELECT 1');
let_go($node);
finish_query($session);
is($session->{err}, '', 'a session in the scratch database does not keep a restore from its end');
is_same_database($node, 'app', 'new', 'a restore with an intruder makes a whole database');
($rc, $out, $err) = $node->psql('new', 'SELECT count(*) FROM items',
	extra_params => [ '-U', 'plain' ]);
is($out, 1000, 'a plain role can connect to a restored database');
eval { $intruder->quit };
$node->safe_psql('postgres', 'DROP DATABASE new');

start_restore('restored', 'new');
$node->safe_psql('postgres', 'CREATE DATABASE new');
$node->safe_psql('new', 'CREATE TABLE mine ()');
let_go($node);
finish_query($session);
like($session->{err},
	qr/ERROR:  42P04: .*database "new" already exists\nHINT:  Restore into a new database/,
	'a restore fails when someone else has made the target meanwhile, with a hint');
is($node->safe_psql('new', 'SELECT count(*) FROM mine'),
	0, 'a database that someone else made meanwhile is not touched');
is(scratch_databases(), '', 'a restore whose target someone else has made leaves no scratch database');
$node->safe_psql('postgres', 'DROP DATABASE new');

foreach my $step ('scratch created', 'restored', 'renaming')
{
	start_restore($step, 'new');
	$node->safe_psql('postgres', <<'EOQ');
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_restore(%' AND pid <> pg_backend_pid()
EOQ
	finish_query($session);
	like($session->{err}, qr/ERROR:  57014: /,
		"a session that waits for a restore at step \"$step\" can be canceled");
	wait_until("the worker of a canceled restore ends at step \"$step\"", sub { !kill 0, $worker });
	left_nothing('new', "a restore canceled at step \"$step\"");

	start_restore($step, 'new');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
	finish_query($session);
	like($session->{err}, qr/ERROR:  38000: .*terminating/,
		"a worker terminated at step \"$step\" fails the restore");
	let_go($node);
	wait_until("the scratch database of a worker terminated at step \"$step\" is swept",
		sub { scratch_databases() eq '' });
	is(exists_database('new'), 0, "a worker terminated at step \"$step\" leaves no target");
}

# Two of the same at once: one wins.
hold_at($node, 'restored');
my @sessions = map { start_query($node, restoring($app, 'new')) } 1 .. 2;
wait_until('two sessions restore into the same database at once', sub {
	$node->safe_psql('postgres', <<'EOQ') == 2 });
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query = 'held at restored'
EOQ
hold_at($node, 'renaming');
wait_until('one of two restores waits for the name of the other', sub {
	$node->safe_psql('postgres', <<'EOQ') eq '1|1' });
SELECT count(*) FILTER (WHERE query = 'held at renaming'),
  count(*) FILTER (WHERE wait_event = 'transactionid')
  FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'
EOQ
let_go($node);
finish_query($_) foreach @sessions;
my @errors = grep { $_ ne '' } map { $_->{err} } @sessions;
is(scalar @errors, 1, 'one of two restores into the same database has an error');
like($errors[0], qr/ERROR:  42P04: .*database "new" already exists/,
	'the error of one of two restores says that the database exists');
is_same_database($node, 'app', 'new', 'the other of two restores into the same database is whole');
is(scratch_databases(), '', 'two restores into one name leave no scratch database');
$node->safe_psql('postgres', 'DROP DATABASE new');

#
# Whose it is.
#

$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE restorer LOGIN;
GRANT EXECUTE ON FUNCTION snapshot_restore TO restorer;
EOQ
is( error_of(
		restoring($app, 'mine', 'no_owner => true'),
		extra_params => [ '-U', 'restorer' ]),
	'', 'a role that may restore restores with no_owner');
is( $node->safe_psql('mine', <<'EOQ'), 'restorer|restorer|', 'a restore with no_owner gives all to the restorer, and no privileges');
SELECT pg_get_userbyid(datdba), pg_get_userbyid(relowner), relacl
  FROM pg_database, pg_class WHERE datname = current_database() AND relname = 'items'
EOQ
is( $node->safe_psql('postgres',
		"SELECT datconnlimit, has_database_privilege('plain', oid, 'CONNECT, TEMPORARY'), has_database_privilege('plain', oid, 'CREATE') FROM pg_database WHERE datname = 'mine'"),
	'-1|t|f', 'anyone may connect to a database restored with no_owner');

#
# From another cluster.
#

my ($there, $there_directory) =
  snapshot_node('there', init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);
$there->safe_psql('postgres', <<'EOQ');
CREATE ROLE stranger;
CREATE ROLE "guest ""x""";
CREATE DATABASE moved OWNER stranger;
GRANT CONNECT ON DATABASE moved TO "guest ""x""";
ALTER ROLE stranger IN DATABASE moved SET work_mem = '7MB';
EOQ
$there->safe_psql('moved',
	'CREATE TABLE t AS SELECT 1 AS a; ALTER TABLE t OWNER TO stranger');
my $moved = $there->safe_psql('postgres', "SELECT snapshot_now('moved')");
my $properties = properties_of('moved', $there);
my $system_identifier = $there->safe_psql('postgres',
	'SELECT system_identifier FROM pg_control_system()');
$there->stop;
rename "$there_directory/moved", "$directory/moved"
  or die "could not rename $there_directory/moved: $!";

is( $node->safe_psql('postgres',
		"SELECT system_identifier FROM snapshot_list() WHERE name = '$moved'"),
	$system_identifier,
	'a snapshot of another cluster is listed with its system identifier');
is(error_of("SELECT snapshot_verify('$moved')"), '', 'a snapshot of another cluster is verified');
like(
	error_of(restoring($moved, 'moved')),
	qr/ERROR:  42704: .*roles that the snapshot needs do not exist: "guest "x"", "stranger"\nHINT:  Create them, or run "\Q$directory\E\/\Q$moved\E\/globals\.sql" with psql, or restore without owners/,
	'a restore on another cluster names the missing roles, and what to do');
left_nothing('moved', 'a restore without the roles');
restores($moved, 'moved_to_me', 'no_owner => true',
	'a snapshot with missing roles restores without owners');
is( $node->safe_psql('moved_to_me', 'SELECT a FROM t'),
	1, 'a database restored without owners has its rows');
rename "$directory/$moved/globals.sql", $node->basedir . '/globals.sql'
  or die 'no globals.sql';
like(
	error_of(restoring($moved, 'moved')),
	qr/HINT:  Create them, or restore without owners/,
	'the hint about missing roles names no globals.sql that is not there');
rename $node->basedir . '/globals.sql', "$directory/$moved/globals.sql"
  or die 'no globals.sql';
# It has roles of the same name as ours, so it goes on after an error.
$node->run_log(
	[
		'psql', '-X', '-q', '-d', $node->connstr('postgres'), '-f',
		"$directory/$moved/globals.sql"
	]);
restores($moved, 'moved', undef, 'a snapshot of another cluster is restored after globals.sql has been run');
is(properties_of('moved'), $properties, 'a snapshot of another cluster restores with its properties');
is( $node->safe_psql('moved', <<'EOQ'), 'stranger', 'a snapshot of another cluster restores with its owners');
SELECT pg_get_userbyid(relowner) FROM pg_class WHERE relname = 't'
EOQ

is(scratch_databases(), '', 'the restores leave no scratch database');
$node->stop;
done_testing();
