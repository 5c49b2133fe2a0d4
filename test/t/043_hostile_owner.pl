
# Copyright (c) 2026, the snapshot_worker developers

# A hostile owner of a database.  Promised here: nothing that the owner of a
# database can define runs during its snapshot, none of his settings keeps the
# snapshot from being taken, and what would reach further is refused.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);

$node->safe_psql('postgres', <<'EOF');
CREATE ROLE owner LOGIN;
CREATE DATABASE hostile OWNER owner TEMPLATE template0;
EOF

# Every function that is set up here raises an error when it is called in this
# database, and leaves a trace that no rollback removes.
$node->safe_psql('hostile', <<'EOF', extra_params => [ '-U', 'owner' ]);
SET client_min_messages = error;
CREATE SCHEMA evil;
CREATE SEQUENCE evil.called;
CREATE FUNCTION evil.trap() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF pg_catalog.current_database() OPERATOR(pg_catalog.=) 'hostile' THEN
		PERFORM pg_catalog.nextval('evil.called');
		RAISE EXCEPTION 'trapped: %', current_user;
	END IF;
	RETURN true;
END $$;

-- Functions, aggregates and operators like those that queries of the catalogs
-- want
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN
		SELECT proname, pg_get_function_identity_arguments(oid) AS args,
		       prorettype::regtype AS result, proretset
		  FROM pg_proc
		 WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f'
		   AND proname ~ '^(pg_get_|pg_is_|pg_export|pg_encoding|pg_indexes|pg_sequence_|pg_last_|pg_relation|pg_.*size|pg_.*visible|has_|acl|format_type|set_config|current_|version|array_|string_to|unnest|generate_s|lower|upper|quote_|col_desc|obj_desc|shobj_desc|concat|length|int4|int8|name|text|oid|regclass|to_reg|substr|replace)'
		   AND NOT EXISTS (SELECT FROM unnest(proargtypes || prorettype) AS t
		                     JOIN pg_type ON pg_type.oid = t
		                    WHERE typtype = 'p')
	LOOP
		EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s%s LANGUAGE plpgsql AS %L',
		               f.proname, f.args,
		               CASE WHEN f.proretset THEN 'SETOF ' ELSE '' END, f.result,
		               'BEGIN PERFORM evil.trap(); RETURN'
		               || CASE WHEN f.proretset THEN '' ELSE ' NULL' END || '; END');
	END LOOP;
	FOR f IN
		SELECT t AS type, o AS operator
		  FROM unnest('{oid,name,text,"\"char\"",int2,int4,int8,bool,regclass,regproc,aclitem,pg_lsn}'::text[]) AS t,
		       unnest('{=,<>,<,>,<=,>=,~,!~,||,+,-,@>}'::text[]) AS o
	LOOP
		EXECUTE format('CREATE OR REPLACE FUNCTION evil.operator(%s, %1$s) RETURNS boolean LANGUAGE plpgsql AS %L',
		               f.type, 'BEGIN RETURN evil.trap(); END');
		EXECUTE format('CREATE OPERATOR evil.%s (FUNCTION = evil.operator, LEFTARG = %s, RIGHTARG = %2$s)',
		               f.operator, f.type);
	END LOOP;
END $$;
CREATE FUNCTION evil.step(bigint) RETURNS bigint LANGUAGE plpgsql
	AS 'BEGIN PERFORM evil.trap(); RETURN 0; END';
CREATE AGGREGATE evil.count(*) (SFUNC = evil.step, STYPE = bigint, INITCOND = '0');

-- Casts and domains
CREATE TYPE evil.mood AS ENUM ('good', 'bad');
CREATE FUNCTION evil.to_text(evil.mood) RETURNS text LANGUAGE plpgsql
	AS 'BEGIN PERFORM evil.trap(); RETURN ''x''; END';
CREATE CAST (evil.mood AS text) WITH FUNCTION evil.to_text(evil.mood) AS IMPLICIT;
CREATE DOMAIN evil.watched AS integer DEFAULT evil.trap()::integer CHECK (evil.trap());

-- Relations like the catalogs
CREATE VIEW evil.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE evil.trap();
CREATE VIEW evil.pg_namespace AS SELECT * FROM pg_catalog.pg_namespace WHERE evil.trap();
CREATE VIEW evil.pg_database AS SELECT * FROM pg_catalog.pg_database WHERE evil.trap();
CREATE VIEW evil.pg_roles AS SELECT * FROM pg_catalog.pg_roles WHERE evil.trap();

-- Tables with all that can have an expression
CREATE TABLE evil.data (
	id integer PRIMARY KEY,
	mood evil.mood,
	t text DEFAULT evil.trap()::text,
	u integer GENERATED ALWAYS AS (id OPERATOR(pg_catalog.+) 1) STORED);
INSERT INTO evil.data VALUES (1, 'good', U&'\20AC'), (2, 'bad', 'two');
ALTER TABLE evil.data ADD CHECK (evil.trap()) NOT VALID;
ALTER TABLE evil.data ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY trap ON evil.data USING (evil.trap()) WITH CHECK (evil.trap());
CREATE FUNCTION evil.fire() RETURNS trigger LANGUAGE plpgsql
	AS 'BEGIN PERFORM evil.trap(); RETURN NEW; END';
CREATE TRIGGER fire BEFORE INSERT OR UPDATE ON evil.data
	FOR EACH ROW EXECUTE FUNCTION evil.fire();
ALTER TABLE evil.data ENABLE ALWAYS TRIGGER fire;
CREATE VIEW evil.seen AS SELECT *, evil.trap() FROM evil.data;
CREATE RULE instead AS ON INSERT TO evil.seen DO INSTEAD SELECT evil.trap();
CREATE MATERIALIZED VIEW evil.stale AS SELECT evil.trap() WITH NO DATA;
CREATE TABLE evil.ruled (a integer);
CREATE RULE also AS ON UPDATE TO evil.ruled DO ALSO SELECT evil.trap();
CREATE TABLE evil.partitioned (a integer) PARTITION BY RANGE (a);
CREATE TABLE evil.part PARTITION OF evil.partitioned FOR VALUES FROM (0) TO (1);
CREATE STATISTICS evil.stats ON (id OPERATOR(pg_catalog.+) 1), mood FROM evil.data;

-- Names that a script could take for commands
CREATE TABLE evil."x
\! touch injected
" (a integer);
COMMENT ON TABLE evil.ruled IS E'x\n\\! touch injected\n';

-- What all find in their search path
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql
	AS 'BEGIN PERFORM evil.trap(); RETURN NULL; END';
CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE plpgsql
	AS 'BEGIN RETURN evil.trap(); END';

ALTER DATABASE hostile SET search_path = evil, public, pg_catalog;
ALTER DATABASE hostile SET role = 'owner';
ALTER DATABASE hostile SET row_security = on;
ALTER DATABASE hostile SET default_transaction_read_only = on;
ALTER DATABASE hostile SET default_transaction_isolation = 'serializable';
ALTER DATABASE hostile SET default_transaction_deferrable = on;
ALTER DATABASE hostile SET transform_null_equals = on;
ALTER DATABASE hostile SET quote_all_identifiers = on;
ALTER DATABASE hostile SET standard_conforming_strings = off;
ALTER DATABASE hostile SET array_nulls = off;
ALTER DATABASE hostile SET exit_on_error = on;
ALTER DATABASE hostile SET DateStyle = 'SQL, DMY';
ALTER DATABASE hostile SET IntervalStyle = 'sql_standard';
ALTER DATABASE hostile SET extra_float_digits = -15;
ALTER DATABASE hostile SET timezone = 'Asia/Kathmandu';
ALTER DATABASE hostile SET bytea_output = 'escape';
ALTER DATABASE hostile CONNECTION LIMIT 0;
EOF

# Each of these traps a session that connects as usual.
foreach my $query (
	'SELECT format_type(23::oid, NULL::integer)', 'SELECT 1::oid = 1::oid',
	'SELECT count(*)', 'SELECT * FROM pg_class', 'SELECT * FROM data',
	'SELECT * FROM seen', "SELECT 'good'::mood::text")
{
	my ($rc, undef, $stderr) =
	  $node->psql('hostile', "BEGIN READ WRITE;\n$query;\n");
	like($stderr, qr/(ERROR|FATAL):  trapped: owner/, "a plain query in the hostile database is trapped: $query");
}
my $look = 'SET search_path = pg_catalog; SET ROLE NONE;'
  . 'SELECT last_value, is_called FROM evil.called';
my $calls = $node->safe_psql('hostile', $look);
isnt($calls, '1|f', 'the traps count their calls');

sub check_hostile
{
	my ($what) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $name, $stderr) =
	  $node->psql('postgres', "SELECT snapshot_now('hostile')");

	is("$rc$stderr", '0', "a snapshot is taken with $what") or return;
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS restored');
	$node->safe_psql('postgres',
		'CREATE DATABASE restored TEMPLATE template0');
	$node->command_ok(
		[   'pg_restore', '--exit-on-error',
			'--dbname=' . $node->connstr('restored'),
			"$directory/$name/hostile.dump"
		],
		"pg_restore restores the snapshot taken with $what");
	is( $node->safe_psql(
			'restored',
			"SELECT id, mood, t = U&'\\20AC', u FROM evil.data ORDER BY id"),
		"1|good|t|2\n2|bad|f|3",
		"the snapshot taken with $what has the rows");
	is(manifest_of($directory, $name)->{tables}, 5, "the manifest of the snapshot taken with $what counts the tables");
	return;
}

# The owner could set these as well, but could not connect after that.
check_hostile('traps');
foreach my $case (
	[ client_min_messages => 'debug5' ],
	[ statement_timeout => '1ms' ],
	[ lock_timeout => '1ms' ],
	[ idle_session_timeout => '1ms' ],
	[ idle_in_transaction_session_timeout => '1ms' ],
	[ client_encoding => 'LATIN1' ],
	[ local_preload_libraries => 'nonexistent' ])
{
	my ($setting, $value) = @$case;

	$node->safe_psql('postgres',
		"ALTER DATABASE hostile SET $setting = '$value'");
	check_hostile("$setting = $value");
	$node->safe_psql('postgres', "ALTER DATABASE hostile RESET $setting");
}
is($node->safe_psql('hostile', $look), $calls, 'a snapshot calls no function of the hostile owner');
is_deeply([ grep { -e } 'injected', $node->data_dir . '/injected' ],
	[], 'names of objects inject no command');

# The owner cannot set what would reach further.
foreach my $command (
	"ALTER DATABASE hostile SET session_preload_libraries = 'x'",
	"ALTER DATABASE hostile SET dynamic_library_path = '/tmp'",
	"ALTER DATABASE hostile SET snapshot_worker.directory = '/tmp'",
	"ALTER DATABASE hostile SET snapshot_worker.user = 'owner'",
	'CREATE EXTENSION snapshot_worker')
{
	my ($rc, undef, $stderr) =
	  $node->psql('postgres', "SET ROLE owner; $command");
	isnt($rc, 0, "an owner is refused $command");
}

unlike(
	slurp_file($node->logfile),
	qr/terminating any other active|was terminated by signal/,
	'a hostile owner crashes no process of the server');
$node->stop;
done_testing();
