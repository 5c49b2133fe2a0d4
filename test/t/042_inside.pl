
# Copyright (c) 2026, the snapshot_worker developers

# Attacks from inside a database that is restored.  Promised here: while a
# database is restored, or restored for a test, its owner cannot get in, change
# it or keep it; a manifest is never more than data; no setting of a database
# or a role keeps it from being dumped, restored or swept; and values come back
# under the settings that they were written under.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $prefix = 'snapshot_worker_scratch_';

# A locale whose currency has no decimal places, which no system needs to have.
my $locales = PostgreSQL::Test::Utils::tempdir();
append_to_file("$locales/source", <<'EOF_LOCALE' . join '', map { "$_\ncopy \"POSIX\"\nEND $_\n" } qw(LC_CTYPE LC_COLLATE LC_TIME LC_NUMERIC LC_MESSAGES));
comment_char %
escape_char /
LC_MONETARY
int_curr_symbol "CLP "
currency_symbol "$"
mon_decimal_point ","
mon_thousands_sep "."
mon_grouping 3;3
positive_sign ""
negative_sign "-"
int_frac_digits 0
frac_digits 0
p_cs_precedes 1
p_sep_by_space 0
n_cs_precedes 1
n_sep_by_space 0
p_sign_posn 1
n_sign_posn 1
END LC_MONETARY
EOF_LOCALE
# It warns of the categories that are missing, and ends with 1.
IPC::Run::run([ 'localedef', '-c', '-i', "$locales/source", "$locales/nodigits" ],
	'>', \my $localedef_out, '2>', \my $localedef_err);
-e "$locales/nodigits/LC_MONETARY"
  or die "localedef failed: $localedef_err";
$ENV{LOCPATH} = $locales;

# Directories with a file named ".foreign" belong to somebody else.
append_to_file("$locales/foreign.c", <<'EOF_C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#define OVERRIDE(name, type) \
int name(const char *path, struct type *st) \
{ \
	int (*real) (const char *, struct type *) = dlsym(RTLD_NEXT, #name); \
	int result = real(path, st); \
	char mark[4096]; \
	snprintf(mark, sizeof(mark), "%s/.foreign", path); \
	if (result == 0 && S_ISDIR(st->st_mode) && access(mark, F_OK) == 0) \
		st->st_uid = 12345; \
	return result; \
}
OVERRIDE(stat, stat)
OVERRIDE(lstat, stat)
OVERRIDE(stat64, stat64)
OVERRIDE(lstat64, stat64)
EOF_C
system_or_bail('cc', '-w', '-shared', '-fPIC', '-o', "$locales/foreign.so",
	"$locales/foreign.c", '-ldl');
$ENV{LD_PRELOAD} = "$locales/foreign.so";

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => "snapshot_worker.max_workers = 3\n");

sub error_of
{
	my ($sql, @params) = @_;
	my (undef, undef, $err) =
	  $node->psql('postgres', $sql, extra_params => \@params);

	return $err;
}

sub value
{
	my ($database, $sql) = @_;

	return $node->safe_psql($database, $sql);
}

sub take
{
	my ($database) = @_;

	return value('postgres', "SELECT snapshot_now('$database')");
}

sub scratch_databases
{
	return value('postgres',
		"SELECT count(*) FROM pg_database WHERE starts_with(datname, '$prefix')");
}

# Change the manifest of a snapshot.
sub edit_manifest
{
	my ($name, $code) = @_;
	my $file = "$directory/$name/manifest.json";
	my $before = slurp_file($file);
	my $after = $code->($before);

	$before ne $after or die "nothing to change in $before";
	unlink $file;
	append_to_file($file, $after);
	return;
}

# ---------------------------------------------------------------------------
# The owner

value('postgres', <<'EOQ');
CREATE ROLE owner LOGIN CREATEDB;
CREATE ROLE restorer LOGIN;
GRANT EXECUTE ON FUNCTION snapshot_restore TO restorer;
CREATE DATABASE prey OWNER owner;
EOQ
$node->safe_psql('prey', <<'EOQ', extra_params => [ '-U', 'owner' ]);
CREATE TABLE public.items AS SELECT i AS id FROM generate_series(1, 20000) i;
CREATE TABLE public.others (id int PRIMARY KEY, t text DEFAULT 'x');
INSERT INTO public.others SELECT generate_series(1, 20000);
EOQ
my $prey = take('prey');

# The attempts of the owner; "SCRATCH" is the database.
my @attempts = (
	'ALTER DATABASE SCRATCH CONNECTION LIMIT -1',
	'ALTER DATABASE SCRATCH ALLOW_CONNECTIONS false',
	'ALTER DATABASE SCRATCH IS_TEMPLATE true',
	'ALTER DATABASE SCRATCH SET session_replication_role = replica',
	"ALTER DATABASE SCRATCH SET role = 'owner'",
	'ALTER DATABASE SCRATCH RENAME TO mine',
	'ALTER DATABASE SCRATCH OWNER TO owner',
	'GRANT CONNECT, CREATE ON DATABASE SCRATCH TO owner',
	"COMMENT ON DATABASE SCRATCH IS 'mine'",
	'CREATE DATABASE mine TEMPLATE SCRATCH',
	'DROP DATABASE SCRATCH',
	'DROP DATABASE SCRATCH WITH (FORCE)',
	"\\connect SCRATCH");

sub attempts_fail
{
	my ($role, $worker, $what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	foreach my $attempt (@attempts)
	{
		my $sql = $attempt =~ s/SCRATCH/$prefix$worker/r;
		my $err = error_of($sql, '-U', $role);

		# what a role without ownership is granted is a warning
		ok( $err =~ /(must be owner of database|must be superuser|permission denied)/
			  || ($attempt =~ /^GRANT/ && $err =~ /WARNING:  no privileges were granted/),
			"$what: refused to $role: $attempt") or diag($err);
	}
	return;
}

foreach my $case (
	[ 'owner', 'a restore', "SELECT snapshot_restore('$prey', 'back')" ],
	[ 'owner', 'a test restore', "SELECT snapshot_verify('$prey', restore => true)" ],
	[   'restorer', 'a restore without owners',
		"SET ROLE restorer; SELECT snapshot_restore('$prey', 'back', no_owner => true)"
	])
{
	my ($role, $what, $sql) = @$case;

	foreach my $step ('scratch created', 'restored',
		$what =~ /test/ ? () : 'renaming')
	{
		hold_at($node, $step);
		my $session = start_query($node, $sql);
		my $worker = wait_until_held($node, $step);

		is( value(
				'postgres',
				"SELECT datdba, datacl::text ~ '(^|,|\\{)=' FROM pg_database WHERE datname = '$prefix$worker'"
			),
			'10|f',
			"$what, $step: the scratch database is the bootstrap superuser's");
		# what is about to change is waited for, and then no more there
		attempts_fail($role, $worker, "$what, $step") unless $step eq 'renaming';
		let_go($node);
		finish_query($session);
		is($session->{err}, '', "$what, $step: the session of the run raises no error");
		next if $what =~ /test/;
		is( value('postgres',
				"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'back'"),
			$role, "$what, $step: the restored database is $role\'s");
		is(value('back', 'SELECT count(*) FROM public.items'),
			20000, "$what, $step: the restored database has its rows");
		value('postgres', 'DROP DATABASE back');
	}
}

# All the time, from before there is a scratch database.
my $stop = $node->basedir . '/stop';
my $attack = <<'EOQ';
CREATE FUNCTION public.plant() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN EXECUTE ''RESET ROLE''; EXECUTE ''ALTER ROLE owner SUPERUSER''; RETURN NEW; END';
CREATE TRIGGER plant BEFORE INSERT ON public.items EXECUTE FUNCTION public.plant();
CREATE TRIGGER plant BEFORE INSERT ON public.others EXECUTE FUNCTION public.plant();
BEGIN; CREATE TABLE public.kept (); PREPARE TRANSACTION 'kept';
EOQ
append_to_file($node->basedir . '/attack.sql', $attack);
append_to_file($node->basedir . '/attack.sh', <<'EOS');
while [ ! -e "$1" ]; do
	for d in $(psql -XAtqc "SELECT datname FROM pg_database WHERE starts_with(datname, 'snapshot_worker_scratch_')" postgres); do
		psql -Xq -U owner -d postgres -c "ALTER DATABASE $d CONNECTION LIMIT -1" -c "GRANT CONNECT ON DATABASE $d TO owner" && echo altered
		psql -Xq -U owner -d "$d" -f "$2" && echo inside
	done
done
EOS
my ($attacked, $refused) = ('', '');
{
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my @attackers = map {
		IPC::Run::start([ 'sh', $node->basedir . '/attack.sh', $stop, $node->basedir . '/attack.sql' ],
			'<', \undef, '>>', \$attacked, '2>>', \$refused)
	} 1 .. 2;
	my $tries = 0;
	wait_until('an attacking owner is refused the scratch database and a connection to it',
		sub {
			$tries++;
			is(error_of("SELECT snapshot_verify('$prey', restore => true)"),
				'', "$prey is verified while its owner tries to get in");
			is(error_of("SELECT snapshot_restore('$prey', 'back')"),
				'', "$prey is restored while its owner tries to get in");
			is( value('back', "SELECT count(*) FROM pg_trigger"),
				0, 'a database restored under attack has no trigger');
			value('postgres', 'DROP DATABASE back');
			$_->pump_nb foreach @attackers;
			return $refused =~ /must be owner of database ${prefix}\d+/
			  && $refused =~ /permission denied for database "${prefix}\d+/
			  && $tries >= 3;
		});
	append_to_file($stop, '');
	$_->finish foreach @attackers;
}
is($attacked, '', 'an attacking owner does not get into a scratch database');
is( value('postgres',
		"SELECT count(*) FROM pg_authid WHERE rolsuper AND rolname <> current_user"),
	0,
	'an attacking owner is no superuser afterwards');
is(scratch_databases(), 0, 'restores under attack leave no scratch database');

# A database with the name and the comment, but of another owner, is not ours.
$node->safe_psql('postgres', <<"EOQ", extra_params => [ '-U', 'owner' ]);
CREATE DATABASE ${prefix}1;
COMMENT ON DATABASE ${prefix}1 IS 'scratch database of snapshot_worker';
EOQ
is(error_of("SELECT snapshot_verify('$prey', restore => true)"),
	'', 'a verification sweeps scratch databases');
is(scratch_databases(), 1,
	"a sweep does not drop a user's database with the name and comment of a scratch database");
value('postgres', "DROP DATABASE ${prefix}1");

# ---------------------------------------------------------------------------
# What the owner of a database may do as such

value('postgres', 'CREATE DATABASE closed OWNER owner');
$node->safe_psql('closed', <<'EOQ', extra_params => [ '-U', 'owner' ]);
REVOKE ALL ON SCHEMA public FROM PUBLIC;
COMMENT ON SCHEMA public IS 'mine';
CREATE TABLE public.t AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW public.m AS SELECT a + 1 AS b FROM public.t;
EOQ
value('closed', 'CREATE EXTENSION citext');
my $closed = take('closed');
my $schema = 'SELECT pg_get_userbyid(nspowner), nspacl FROM pg_namespace'
  . " WHERE nspname = 'public'";
is(error_of("SELECT snapshot_verify('$closed', restore => true)"),
	'', 'a database whose schema public only its owner may use verifies');
is(error_of("SELECT snapshot_restore('$closed', 'opened')"),
	'', 'a database whose schema public is closed is restored');
is(value('opened', $schema), value('closed', $schema),
	'schema public is restored with its privileges');
is(value('opened', 'SELECT b FROM public.m'),
	2, 'a materialized view of the owner is restored');
value('postgres', 'DROP DATABASE opened');
is( error_of("SELECT snapshot_restore('$closed', 'opened', no_owner => true)",
		'-U', 'restorer'),
	'', 'a database is restored without owners by a role that is no superuser');
is(value('opened', $schema),
	"pg_database_owner|{pg_database_owner=UC/pg_database_owner,=U/pg_database_owner}",
	'schema public without owners is as in a new database');
is( value('opened', 'SELECT b, pg_get_userbyid(relowner) FROM public.m, pg_class WHERE relname = \'m\''),
	'2|restorer', "a materialized view restored without owners is the restorer's");
is( value('opened',
		"SELECT has_database_privilege('restorer', current_database(), 'CREATE')"),
	't', 'a database restored without owners belongs to the restorer');
value('postgres', 'DROP DATABASE opened');

# ---------------------------------------------------------------------------
# Manifests are data

value('postgres', <<'EOQ');
CREATE DATABASE forged;
GRANT CREATE ON DATABASE forged TO owner;
EOQ
my $forged = take('forged');
edit_manifest($forged,
	sub {
		$_[0] =~ s/"privilege": "CREATE"/"privilege": "CREATE ON DATABASE forged TO owner; ALTER ROLE owner SUPERUSER; GRANT CREATE"/r
		  =~ s/"settings_in_force": \[/$&\n{"name": "session_preload_libraries", "value": "nonexistent", "required": 0},/r
	});
is(error_of("SELECT snapshot_restore('$forged', 'back')"),
	'', 'a forged privilege does not keep a database from being restored');
like(
	slurp_file($node->logfile),
	qr/WARNING:  could not restore privilege "CREATE ON DATABASE .*" of the database/,
	'the log warns of a forged privilege');
is( value('postgres', "SELECT rolsuper FROM pg_authid WHERE rolname = 'owner'"),
	'f', 'a forged privilege is not executed');
value('postgres', 'DROP DATABASE back');

# ---------------------------------------------------------------------------
# Others in the snapshot directory

sub warning
{
	return value('postgres', 'SELECT warning FROM snapshot_status()');
}

my $everyone = qr/directory "\Q$directory\E(\/prey)?" is writable by every user of the machine/;
foreach my $path ($directory, "$directory/prey")
{
	chmod 0777, $path or die "could not chmod $path: $!";
	like(error_of("SELECT snapshot_now('prey')"), qr/ERROR:  .*$everyone/,
		"nothing is written where anyone can write: $path");
	like(warning(), $everyone, "the status warns of a directory that anyone can write to: $path");
	chmod 01777, $path or die "could not chmod $path: $!";
	is(error_of("SELECT snapshot_now('prey')"),
		'', 'a snapshot is taken in a directory with the sticky bit');
	like(warning(), $everyone, 'the status warns of the sticky bit');
	foreach my $mode (0770, 0750, 0700)
	{
		chmod $mode, $path or die "could not chmod $path: $!";
		is(error_of("SELECT snapshot_now('prey')"),
			'', sprintf('with mode %o, a snapshot is taken', $mode));
		is(warning(), '', 'the status does not warn of a directory closed to others');
	}
}
append_to_file("$directory/prey/.foreign", '');
my $foreign = qr/directory "\Q$directory\E(\/prey)?" belongs to another operating system user/;
like(error_of("SELECT snapshot_now('prey')"), qr/ERROR:  .*$foreign/,
	'nothing is written into a folder that somebody else has made');
like(warning(), $foreign, 'the status warns of a folder that somebody else has made');
is(error_of("SELECT snapshot_now('closed')"),
	'', 'a folder that somebody else has made stops no other database');
append_to_file("$directory/.foreign", '');
is(error_of("SELECT snapshot_now('prey')"),
	'', 'a snapshot is taken in a directory that belongs to another user');
like(warning(), $foreign, 'the status warns of a directory that belongs to another user');
unlink "$directory/.foreign", "$directory/prey/.foreign";
is(warning(), '', 'the warning about foreign entries ends with them');

# ---------------------------------------------------------------------------
# Settings under which text becomes a value

value('postgres', <<'EOQ');
CREATE DATABASE money;
ALTER DATABASE money SET lc_monetary = 'nodigits';
ALTER DATABASE money SET app.rate = '2.5';
ALTER DATABASE money SET TimeZone = 'Asia/Kathmandu';
ALTER DATABASE money SET array_nulls = off;
ALTER DATABASE money SET DateStyle = 'SQL, DMY';
ALTER DATABASE money SET IntervalStyle = 'sql_standard';
ALTER DATABASE money SET extra_float_digits = -15;
ALTER DATABASE money SET default_transaction_read_only = on;
EOQ
value('money', <<'EOQ');
SET default_transaction_read_only = off;
CREATE TABLE prices (price money DEFAULT '7', list money[], d date,
	i interval, f float8, a text[]);
INSERT INTO prices VALUES ('500', '{500,1234567}', '3.2.2001',
	'-1 day 2 hours', 0.1, ARRAY['NULL', NULL, 'null']);
CREATE MATERIALIZED VIEW converted AS
	SELECT current_setting('app.rate')::numeric * 2 AS rate,
	       timestamptz '2001-01-01 00:00:00+00' :: text AS t,
	       to_char(now(), 'TZ') AS zone;
EOQ
my $look = <<'EOQ';
SELECT to_jsonb(p), cash_send(price), a[1] IS NULL, a[2] IS NULL, a[3] IS NULL FROM prices p;
SELECT * FROM converted;
SELECT cash_send(DEFAULT_PRICE) FROM (SELECT '7'::money) x(DEFAULT_PRICE);
EOQ
my $money = take('money');
my $expected = value('money', $look);
like($expected, qr/x00000000000001f4.*\n5\.0\|/,
	'the dump of money has 500 units, and a view of a setting of an application');
hold_at($node, 'restored');
my $session =
  start_query($node, "SELECT snapshot_verify('$money', restore => true)");
my $worker = wait_until_held($node, 'restored');
is(value("$prefix$worker", $look), $expected,
	'a test restore finds the dumped values');
let_go($node);
finish_query($session);
is($session->{err}, '', 'a verification by a restore finds a snapshot of money good');
is(error_of("SELECT snapshot_restore('$money', 'money_back', jobs => 2)"),
	'', 'a snapshot of money is restored');
is(value('money_back', $look), $expected, 'money is restored to the dumped values');
value('postgres', 'DROP DATABASE money_back');

# The server's own setting, which is another one later.
value('postgres', 'CREATE DATABASE plain_money');
value('postgres', "ALTER SYSTEM SET lc_monetary = 'nodigits'");
reload_with($node);
value('plain_money', "CREATE TABLE prices AS SELECT '500'::money AS price");
value('postgres', "ALTER ROLE CURRENT_USER SET lc_monetary = 'C'");
my $plain_money = take('plain_money');
value('postgres', 'ALTER ROLE CURRENT_USER RESET lc_monetary');
value('postgres', 'ALTER SYSTEM RESET lc_monetary');
reload_with($node);
is(error_of("SELECT snapshot_restore('$plain_money', 'money_back')"),
	'', 'a snapshot of a server with another "lc_monetary" restores');
is(value('money_back', 'SELECT cash_send(price) FROM prices'),
	'\x00000000000001f4', 'money of another "lc_monetary" is restored to the dumped amounts');
value('postgres', 'DROP DATABASE money_back');
edit_manifest($plain_money,
	sub { $_[0] =~ s/("lc_monetary", "value": )"[^"]*"/$1"gone"/r });
foreach my $sql ("SELECT snapshot_restore('$plain_money', 'money_back')",
	"SELECT snapshot_verify('$plain_money', restore => true)")
{
	like(
		error_of($sql),
		qr/"lc_monetary" of the snapshot is not available on this server: "gone"\nDETAIL:  The snapshot has values of type money/,
		"without the locale of the dump, money is not restored: $sql");
}
is(scratch_databases(), 0, 'a restore without the locale of the dump leaves no scratch database');
is( value('postgres',
		"SELECT problem FROM snapshot_list() WHERE name = '$plain_money'"),
	'', 'a missing locale is not held against the snapshot');
edit_manifest($money,
	sub { $_[0] =~ s/"settings_in_force": \[.*?\], "owner_schemas": \[.*?\], //sr });
is(error_of("SELECT snapshot_restore('$money', 'money_back')"),
	'', 'a manifest of an earlier release, without settings in force, restores');
is(value('money_back', $look), $expected, 'a manifest without settings in force restores to the same values');
value('postgres', 'DROP DATABASE money_back');

# ---------------------------------------------------------------------------
# Settings that are in the way

value('postgres', 'CREATE DATABASE twisted OWNER owner');
$node->safe_psql('twisted', <<'EOQ', extra_params => [ '-U', 'owner' ]);
CREATE TABLE public.t (id int PRIMARY KEY, f float8, x xml, b bytea, i interval,
	ts timestamptz, a text[], m money);
INSERT INTO public.t VALUES (1, 1/3.0, '<a>x</a>', '\x00ff', '-1 day 02:00',
	'2001-02-03 04:05:06.789+00', ARRAY['NULL', NULL, 'a"b'], '12.34');
INSERT INTO public.t (id) SELECT generate_series(2, 500);
CREATE TABLE public.u (id int REFERENCES public.t);
CREATE INDEX ON public.t (f);
CREATE VIEW public.v AS SELECT * FROM public.t WHERE a IS NULL;
CREATE MATERIALIZED VIEW public.mv AS SELECT count(*) FROM public.v;
EOQ
my $digest = <<'EOQ';
SELECT md5(string_agg(h, ',' ORDER BY id)) FROM
	(SELECT id, concat_ws('|', float8send(f), xml_send(x), byteasend(b),
		interval_send(i), timestamptz_send(ts), array_send(a), cash_send(m)) AS h
	   FROM public.t) s
UNION ALL SELECT count::text FROM public.mv;
EOQ
my $whole = value('twisted', $digest);

# All settings that an owner can change, and those that do the most harm.
is($node->safe_psql('twisted', <<'EOQ', extra_params => [ '-U', 'owner' ]),
SET client_min_messages = error;
DO $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT name,
	         CASE vartype WHEN 'bool' THEN CASE reset_val WHEN 'on' THEN 'off' ELSE 'on' END
	                      WHEN 'enum' THEN enumvals[array_length(enumvals, 1)]
	                      ELSE min_val END AS value
	           FROM pg_settings
	          WHERE context = 'user' AND vartype <> 'string'
	UNION ALL VALUES ('search_path', 'evil'), ('TimeZone', 'Asia/Kathmandu'),
		('DateStyle', 'SQL, DMY'), ('lc_monetary', 'nodigits'), ('lc_time', 'nodigits'),
		('lc_numeric', 'nodigits'), ('application_name', 'snapshot_worker'),
		('default_tablespace', 'pg_default'), ('temp_tablespaces', 'nonexistent'),
		('default_text_search_config', 'nonexistent'), ('timezone_abbreviations', 'India'),
		('local_preload_libraries', 'nonexistent'), ('role', 'owner'),
		('session_authorization', 'owner'), ('client_encoding', 'LATIN1'),
		('statement_timeout', '1'), ('lock_timeout', '1'), ('idle_session_timeout', '1'),
		('idle_in_transaction_session_timeout', '1'), ('transaction_timeout', '1'),
		('client_min_messages', 'debug5'), ('tcp_user_timeout', '1'),
		('default_transaction_isolation', 'serializable'),
		('restrict_nonsystem_relation_kind', 'view, foreign-table'),
		('snapshot_worker.nothing', 'x'), ('app.rate', 'x')
	LOOP
		BEGIN
			EXECUTE format('ALTER DATABASE twisted SET %s = %L', s.name, s.value);
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
END $$;
SELECT count(*) > 80 FROM pg_db_role_setting, unnest(setconfig)
EOQ
	't', 'an owner can set more than 80 settings of a database');

sub survives
{
	my ($what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my (undef, $name, $err) =
	  $node->psql('postgres', "SELECT snapshot_now('twisted')");

	is($err, '', "a snapshot is taken with $what") or return;
	is(error_of("SELECT snapshot_verify('$name', restore => true)"),
		'', "a snapshot taken with $what verifies by a restore");
	is(error_of("SELECT snapshot_restore('$name', 'straight', jobs => 2)"),
		'', "a snapshot taken with $what restores") or return;
	value('postgres', 'ALTER DATABASE straight RESET ALL');
	is(value('straight', $digest), $whole, "a snapshot taken with $what restores to the same values");
	value('postgres', 'DROP DATABASE straight');

	hold_at($node, 'restored');
	my $held = start_query($node, "SELECT snapshot_verify('$name', restore => true)");
	my $pid = wait_until_held($node, 'restored');
	value('postgres', "SELECT pg_terminate_backend($pid)");
	finish_query($held);
	let_go($node);
	wait_until("with $what, the rest of a terminated test restore is swept",
		sub { scratch_databases() eq '0' });
	return;
}
survives('settings of the database');
value('postgres', 'ALTER DATABASE twisted RESET ALL');

# Where the superuser himself is somebody else at once.
my $superuser = value('postgres', 'SELECT current_user');
value('postgres', "SET ROLE $superuser; ALTER DATABASE $_ SET role = 'owner'")
  foreach 'postgres', 'template1', 'twisted';
value('postgres', "SET ROLE $superuser; ALTER DATABASE $_ SET session_authorization = 'owner'")
  foreach 'postgres', 'template1', 'twisted';
value('postgres', "SET ROLE $superuser; ALTER ROLE $superuser SET role = 'owner'");
value('postgres', "SET ROLE $superuser; ALTER ROLE $superuser SET session_authorization = 'owner'");
value('postgres', "SET ROLE $superuser; ALTER ROLE $superuser SET default_transaction_isolation = 'serializable'");
is(value('postgres', 'SELECT current_user'), 'owner',
	'a setting makes a superuser another role at the start of a session');
{
	local $ENV{PGOPTIONS} = '-c role=none';
	survives('settings of the superuser');
}

unlike(
	slurp_file($node->logfile),
	qr/terminating any other active|was terminated by signal/,
	'the attacks crash no process of the server');
$node->stop;
done_testing();
