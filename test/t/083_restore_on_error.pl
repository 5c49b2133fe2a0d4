
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_restore() of what cannot be restored as it was.  Promised here: with
# on_error => 'continue', an object that the server refuses is left out, by
# name, and everything else is there; the error of 'stop' names the statement
# for that; but a restore that meets a canceled statement, a full disk or the
# end of pg_restore fails as ever, and leaves no database.  A missing tablespace
# is the default one; roles that do not exist do not prevent no_owner; temporary
# objects need no roles; statistics are there.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', conf => <<'EOF');
snapshot_worker.incremental = off
autovacuum = off
EOF
$node->safe_psql('postgres', 'CREATE ROLE boss; CREATE ROLE pal; CREATE ROLE guest; CREATE ROLE other');

# Run a query; return its output and what was said, as psql -c would show it.
sub answer
{
	my ($query, @options) = @_;
	my ($rc, $out, $err) =
	  $node->psql('postgres', $query, extra_params => \@options);

	return ($out, $err =~ s/^psql:<stdin>:\d+: //mgr);
}

# Restore, and return the row of the result and what was said.
sub restored
{
	my ($name, $target, $more) = @_;

	return answer("SELECT * FROM snapshot_restore('$name', '$target'"
		  . (defined $more ? ", $more" : '')
		  . ')');
}

# What was left out, one a line, in order.
sub left_out
{
	my ($name, $target, $more) = @_;

	return answer(
		"SELECT object FROM snapshot_restore('$name', '$target', on_error => 'continue'"
		  . (defined $more ? ", $more" : '')
		  . ') r, unnest(r.left_out) WITH ORDINALITY o(object, n) ORDER BY n');
}

sub databases_like
{
	my ($name) = @_;

	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = '$name' OR datname ~ '^snapshot_worker_scratch_'");
}

# The table of contents of a dump of a database, without numbers.
sub contents_of
{
	my ($database) = @_;
	my $file = $node->basedir . "/$database.dump";

	$node->command_ok([ 'pg_dump', '-Fc', '-f', $file, '-d', $node->connstr($database) ],
		"pg_dump dumps $database");
	my ($out, $err) = run_command([ 'pg_restore', '--list', $file ]);
	return map { s/^\d+; \d+ \d+ //r } grep { /^\d/ } split /\n/, $out;
}

# Entries that only the first list has.
sub missing_in
{
	my ($first, $second) = @_;
	my %there = map { $_ => 1 } @$second;

	my @missing = sort grep { !$there{$_} } @$first;
	return @missing;
}

#
# What PostgreSQL lets a database have, and no dump of it restores.
#

# Extensions of a kind that the server's own do not have: one that exists in
# one database only, as pg_cron does, and one whose table somebody extends.
my $extensions = $node->config_data('--sharedir') . '/extension';
my $has_extensions = -w $extensions;

sub make_extension
{
	my ($extension, $script) = @_;

	append_to_file("$extensions/$extension.control", "default_version = '1'\n");
	append_to_file("$extensions/$extension--1.sql", $script);
	return;
}

END
{
	unlink glob "$extensions/sw_only_one*" if $has_extensions;
	unlink glob "$extensions/sw_extended*" if $has_extensions;
}

$node->safe_psql('postgres', 'CREATE DATABASE troubled');
$node->safe_psql('troubled', <<'EOF');
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers SELECT generate_series(1, 10);
CREATE INDEX customers_odd ON customers ((id % 2));
CREATE TABLE orders (id int PRIMARY KEY, customer int);
INSERT INTO orders VALUES (1, 1), (2, 99);
ALTER TABLE orders ADD CONSTRAINT orders_customer FOREIGN KEY (customer) REFERENCES customers NOT VALID;
UPDATE pg_constraint SET convalidated = true WHERE conname = 'orders_customer';
CREATE TABLE twins (id int);
INSERT INTO twins VALUES (1), (1);
CREATE INDEX twins_id ON twins (id);
UPDATE pg_index SET indisunique = true WHERE indexrelid = 'twins_id'::regclass;
CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM public.customers';
CREATE MATERIALIZED VIEW counted AS SELECT how_many();
CREATE MATERIALIZED VIEW unreadable AS SELECT * FROM twins;
ALTER MATERIALIZED VIEW unreadable OWNER TO pal;
CREATE FUNCTION is_customer(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN EXISTS (SELECT FROM public.customers WHERE id = $1); END';
CREATE TABLE visits (customer int, known boolean GENERATED ALWAYS AS (is_customer(customer)) STORED);
INSERT INTO visits VALUES (1), (2);
CREATE TABLE calls (customer int);
INSERT INTO calls VALUES (1), (2);
CREATE INDEX calls_known ON calls (is_customer(customer));
CREATE TABLE checked (customer int CHECK (is_customer(customer)));
INSERT INTO checked VALUES (1), (2), (3);
CREATE OR REPLACE FUNCTION how_many() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM customers';
CREATE OR REPLACE FUNCTION is_customer(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN RETURN EXISTS (SELECT FROM customers WHERE id = $1); END';
CREATE SCHEMA closed;
GRANT USAGE ON SCHEMA closed TO boss, pal;
CREATE TABLE closed.shared (id int);
GRANT SELECT ON closed.shared TO boss WITH GRANT OPTION;
GRANT SELECT ON closed.shared TO other;
SET SESSION AUTHORIZATION boss;
GRANT SELECT ON closed.shared TO guest;
RESET SESSION AUTHORIZATION;
CREATE FUNCTION closed.secret() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 42';
REVOKE ALL ON FUNCTION closed.secret() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION closed.secret() TO boss WITH GRANT OPTION;
SET SESSION AUTHORIZATION boss;
GRANT EXECUTE ON FUNCTION closed.secret() TO guest;
RESET SESSION AUTHORIZATION;
REVOKE USAGE ON SCHEMA closed FROM boss;
CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR === (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text);
UPDATE pg_operator SET oprcode = 'pg_catalog.now'::regproc WHERE oprname = '===';
EOF
# Its server is down when the snapshot is restored.
$node->safe_psql('troubled', <<EOF);
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw
  OPTIONS (host '@{[ $node->host ]}', port '@{[ $node->port ]}', dbname 'troubled');
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere;
CREATE FOREIGN TABLE far (id int) SERVER elsewhere OPTIONS (schema_name 'public', table_name 'customers');
CREATE MATERIALIZED VIEW fetched AS SELECT * FROM far;
ALTER SERVER elsewhere OPTIONS (SET port '1');
EOF
my @cannot = (
	'OPERATOR public.===',
	'OPERATOR public.===',
	'TABLE DATA public.checked',
	'TABLE DATA public.visits',
	'INDEX public.calls_known',
	'INDEX public.twins_id',
	'FK CONSTRAINT public.orders orders_customer',
	'ACL closed.FUNCTION secret()',
	'ACL closed.TABLE shared',
	'MATERIALIZED VIEW DATA public.counted',
	'MATERIALIZED VIEW DATA public.fetched',
	'MATERIALIZED VIEW DATA public.unreadable');
if ($has_extensions)
{
	make_extension('sw_only_one', <<'EOF');
DO $$ BEGIN
  IF current_database() <> 'troubled' THEN
    RAISE EXCEPTION 'can only create extension in database troubled';
  END IF;
END $$;
CREATE TABLE job (id int);
SELECT pg_catalog.pg_extension_config_dump('job', '');
EOF
	make_extension('sw_extended', <<'EOF');
CREATE TABLE kept (id int);
SELECT pg_catalog.pg_extension_config_dump('kept', '');
EOF
	$node->safe_psql('troubled', <<'EOF');
CREATE EXTENSION sw_only_one;
CREATE EXTENSION sw_extended;
INSERT INTO job VALUES (1);
ALTER TABLE kept ADD COLUMN note text;
INSERT INTO kept VALUES (1, 'mine');
EOF
	push @cannot, 'EXTENSION sw_only_one',
	  'TABLE DATA public.job', 'TABLE DATA public.kept';
}
my $troubled = take_snapshot($node, 'troubled');

# Stop.
my ($out, $err) = restored($troubled, 'back', "jobs => 2");
like($err, qr/ERROR:  could not restore snapshot "\Q$troubled\E": pg_restore failed/,
	'a restore stops at the first error');
my ($statement) = $err =~ /^HINT:  (?:.* )?To restore everything else: (SELECT .*);$/m;
is( $statement,
	"SELECT * FROM snapshot_restore('$troubled', 'back', on_error => 'continue')",
	'the hint of a restore that stopped has the statement that goes on after errors');
is(databases_like('back'), 0, 'a restore that stopped leaves no database');

# Continue, by the very statement of the hint.
my ($row, $warnings) = answer(
	"SELECT r.database, r.tables, r.rows, r.seconds > 0 FROM ($statement) r");
is($row, "back|5|16|t",
	'a restore that goes on returns the database, and the tables and rows that it restored');
foreach my $object (@cannot)
{
	like($warnings, qr/^WARNING:  could not restore \Q$object\E: ./m,
		"a restore that goes on warns of $object");
}
like($warnings,
	qr/WARNING:  could not restore FK CONSTRAINT public.orders orders_customer: insert or update on table "orders" violates .*\nDETAIL:  Key \(customer\)=\(99\) is not present.*\nHINT:  .* NOT VALID adds it/,
	'the warning of an object that was left out has the error and its detail');
like($warnings, qr/could not restore ACL closed.TABLE shared: permission denied for schema closed/,
	'the warning of a grant that was left out has its error');
my @before = contents_of('troubled');
my @after = contents_of('back');
my @lost = (
	'FK CONSTRAINT public orders orders_customer',
	'INDEX public calls_known',
	'INDEX public twins_id',
	'OPERATOR public ===',
	'OPERATOR public ===',
	'MATERIALIZED VIEW DATA public counted',
	'MATERIALIZED VIEW DATA public fetched',
	'MATERIALIZED VIEW DATA public unreadable');
push @lost, 'EXTENSION - sw_only_one', 'TABLE DATA public job' if $has_extensions;
is( join("\n", map { s/ \w*$//r } missing_in(\@before, \@after)),
	join("\n", sort @lost),
	'a restore that goes on leaves out what it named, and nothing else');
is( $node->safe_psql('back', <<'EOF'), '10|2|2|2|0|0', 'a restore that goes on has all rows, but those that could not be copied');
SELECT (SELECT count(*) FROM customers), (SELECT count(*) FROM orders),
 (SELECT count(*) FROM twins), (SELECT count(*) FROM calls),
 (SELECT count(*) FROM visits), (SELECT count(*) FROM checked)
EOF
is( $node->safe_psql('back', <<'EOF'), 'boss=r*,other=r', 'a table keeps the grants beside the one that fails');
SELECT string_agg(p, ',' ORDER BY p) FROM pg_class, unnest(relacl) a,
 split_part(a::text, '/', 1) p WHERE relname = 'shared' AND p ~ '^(boss|other|guest)'
EOF
is( $node->safe_psql('back',
		"SELECT has_function_privilege('pal', 'closed.secret()', 'EXECUTE'), has_function_privilege('boss', 'closed.secret()', 'EXECUTE')"),
	'f|t',
	'a function does not become public by a grant that fails');
my $log = slurp_file($node->logfile);
like($log, qr/WARNING:  could not restore \Q$_\E: /, "the log has $_, which was left out")
  foreach @cannot;

# By several jobs.
($out, $err) = left_out($troubled, 'back_jobs', 'jobs => 3');
is(join("\n", sort split /\n/, $out), join("\n", sort @cannot),
	'a restore by several jobs that goes on leaves out the same');
is_deeply([ contents_of('back_jobs') ], \@after,
	'a restore by several jobs that goes on makes the same database');

# More than are worth a warning each.
$node->safe_psql('postgres', 'CREATE DATABASE many');
$node->safe_psql('many', <<'EOF');
CREATE TABLE known AS SELECT 1 AS id;
CREATE FUNCTION known_ones() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.known';
SELECT format('CREATE MATERIALIZED VIEW "%s ""v" AS SELECT known_ones()', i)
  FROM generate_series(1, 130) i \gexec
CREATE OR REPLACE FUNCTION known_ones() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM known';
EOF
my $many = take_snapshot($node, 'many');
my $offset = -s $node->logfile;
($out, $err) = left_out($many, 'many_back');
is(scalar(my @all = $out =~ /^MATERIALIZED VIEW DATA public\.\d+ "v$/mg),
	130, 'all of many objects that were left out are in the result');
is(scalar(my @warned = $err =~ /^WARNING:  could not restore MATERIALIZED VIEW DATA/mg),
	100, 'the first hundred objects that were left out have a warning each');
like($err, qr/^WARNING:  could not restore 30 more objects\n/m,
	'a last warning counts the other objects that were left out');
my %logged = map { $_ => 1 } slurp_file($node->logfile, $offset) =~
  /WARNING:  could not restore (MATERIALIZED VIEW DATA [^:]*)/g;
is(scalar keys %logged, 130, 'the log has all of many objects that were left out');

#
# What is no fault of the dump fails a restore that goes on.
#

sub fails
{
	my ($name, $error, $test_name, $more) = @_;
	my ($out, $err) = restored($name, 'failed',
		"on_error => 'continue'" . ($more // ''));

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($err, $error, "$test_name fails a restore that goes on");
	unlike($err, qr/To restore everything else/, "$test_name has no advice to go on");
	is(databases_like('failed'), 0, "$test_name leaves no database");
	return;
}

foreach my $function ('pg_cancel_backend', 'pg_terminate_backend')
{
	hold_at($node, 'table examined');
	my $session = start_query($node,
		"SELECT * FROM snapshot_restore('$troubled', 'failed', on_error => 'continue')");
	my $pid;
	wait_until("pg_restore copies a table before $function", sub {
		$pid = $node->safe_psql('postgres', <<'EOF') });
SELECT pid FROM pg_stat_activity
 WHERE backend_type = 'client backend' AND datname ~ '^snapshot_worker_scratch_'
   AND query = 'held at table examined' LIMIT 1
EOF
	$node->safe_psql('postgres', "SELECT $function($pid)");
	let_go($node);
	finish_query($session);
	like($session->{err},
		qr/ERROR:  38000: .*pg_restore failed: (canceling statement|terminating connection) due to /,
		"$function of a session of pg_restore fails a restore that goes on");
	is(databases_like('failed'), 0, "$function of a session of pg_restore leaves no database");
}

# As on a full disk: no room for temporary files.
$node->safe_psql('postgres', 'CREATE DATABASE large');
$node->safe_psql('large', <<'EOF');
CREATE TABLE items AS SELECT md5(i::text) AS text FROM generate_series(1, 50000) i;
CREATE INDEX items_text ON items (text);
ALTER DATABASE large SET maintenance_work_mem = '1MB';
ALTER DATABASE large SET log_min_messages = 'panic';
EOF
my $large = take_snapshot($node, 'large');
$node->append_conf('postgresql.conf', "temp_file_limit = '64kB'");
$node->reload;
$node->poll_query_until('postgres', 'SHOW temp_file_limit', '64kB') or die 'no limit';
fails($large, qr/ERROR:  .*pg_restore failed: temporary file size exceeds/,
	'a full disk under a restore, also if errors are not logged,');
$node->append_conf('postgresql.conf', 'temp_file_limit = -1');
$node->reload;
$node->poll_query_until('postgres', 'SHOW temp_file_limit', '-1') or die 'still a limit';
($out, $err) = left_out($large, 'large_back');
is("$out$err", '', 'with room again, nothing is left out');

# pg_restore ends before it has restored all.
foreach my $end (
	[ 'kill -9 $$', qr/pg_restore failed: child process was terminated by signal 9/, 'a killed pg_restore' ],
	[ 'exit 1', qr/pg_restore failed: child process exited with exit code 1/, 'a pg_restore that gives up' ],
	[ 'echo "pg_restore: warning: errors ignored on restore: 1" >&2; exit 2',
		qr/pg_restore failed: child process exited with exit code 2/, 'a pg_restore with another exit code' ],
	[ 'echo "pg_restore: error: could not execute query: no connection to the server" >&2; echo "pg_restore: warning: errors ignored on restore: 2" >&2; exit 1',
		qr/pg_restore failed: child process exited with exit code 1/, 'a lost connection' ],
	[ 'echo "pg_restore: warning: errors ignored on restore: 1" >&2; echo "pg_restore: error: could not read from input file: end of file" >&2; exit 1',
		qr/pg_restore failed: child process exited with exit code 1/, 'a forged count of errors' ])
{
	my ($script, $error, $test_name) = @$end;
	my $fake = install_fake_program($node, 'pg_restore', <<EOF);
[[ "\$*" == *--dbname=* ]] || exec REAL "\$@"
echo 'pg_restore: creating TABLE "public.t"' >&2
echo 'pg_restore: error: could not execute query: ERROR:  no' >&2
$script
EOF
	reload_with($node, bin_directory => $fake);
	fails($troubled, $error, $test_name);
}
install_fake_program($node, 'pg_restore');

# Statistics, and their failure.
my $fake = install_fake_program($node, 'psql', <<'EOF');
[[ "$*" == *ANALYZE* ]] || exec REAL "$@"
echo 'no statistics today' >&2
exit 3
EOF
restored($large, 'not_analyzed');
is( $node->safe_psql('not_analyzed', 'SELECT count(*) FROM items'),
	50000, 'a failure to collect statistics does not fail a restore');
like( slurp_file($node->logfile),
	qr/WARNING:  could not analyze the restored database "not_analyzed"\n.*DETAIL:  no statistics today/,
	'the log warns of a failure to collect statistics');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET snapshot_worker.bin_directory');
$node->reload;
hold_at($node, 'analyzing');
my $session = start_query($node, "SELECT snapshot_restore('$large', 'analyzed')");
wait_until_held($node, 'analyzing');
is( $node->safe_psql('postgres', 'SELECT phase FROM snapshot_progress()'),
	'analyzing', 'the progress of a restore shows that it collects statistics');
let_go($node);
finish_query($session);
is( $node->safe_psql('analyzed',
		"SELECT reltuples, (SELECT count(*) FROM pg_stats WHERE tablename = 'items') FROM pg_class WHERE relname = 'items'"),
	'50000|1', 'a restored database has statistics');
$fake = install_fake_program($node, 'psql');
reload_with($node, bin_directory => $fake);
unlink "$fake/psql";
restored($large, 'without_psql');
is( $node->safe_psql('without_psql', 'SELECT count(*) FROM items'),
	50000, 'a restore does not need psql to collect statistics');
like( slurp_file($node->logfile),
	qr/WARNING:  could not analyze the restored database "without_psql"\n.*DETAIL:  .*psql.*: No such file/,
	'the log warns that psql is missing');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET snapshot_worker.bin_directory');
$node->reload;
restored($large, 'plain', 'run_analyze => false');
is( $node->safe_psql('plain', "SELECT count(*) FROM pg_stats WHERE tablename = 'items'"),
	0, 'run_analyze => false leaves the statistics to others');

# Arguments.
($out, $err) = restored($large, 'failed', "on_error => 'ignore'");
like($err, qr/ERROR:  on_error must be "stop" or "continue"/, 'another value of on_error is refused');
foreach my $argument ('on_error', 'run_analyze')
{
	($out, $err) = restored($large, 'failed', "$argument => NULL");
	like($err, qr/ERROR:  arguments of snapshot_restore must not be null/, "NULL as $argument is refused");
}

#
# Tablespaces.
#

$node->safe_psql('postgres', <<'EOF');
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE stays LOCATION '';
CREATE TABLESPACE "goes away" LOCATION '';
CREATE DATABASE spread;
EOF
$node->safe_psql('spread', <<'EOF');
CREATE TABLE a (id int PRIMARY KEY USING INDEX TABLESPACE stays) TABLESPACE "goes away";
CREATE TABLE b (id int) TABLESPACE stays;
CREATE INDEX b_id ON b (id) TABLESPACE "goes away";
CREATE MATERIALIZED VIEW c TABLESPACE "goes away" AS SELECT 1 AS id;
CREATE TABLE d (id int);
INSERT INTO a VALUES (1);
EOF
my $spread = take_snapshot($node, 'spread');
my $spaces = <<'EOF';
SELECT string_agg(relname || ':' || coalesce(spcname, 'default'), ' ' ORDER BY relname)
  FROM pg_class c LEFT JOIN pg_tablespace t ON t.oid = reltablespace
 WHERE relnamespace = 'public'::regnamespace
EOF
restored($spread, 'spread_back');
is($node->safe_psql('spread_back', $spaces),
	'a:goes away a_pkey:stays b:stays b_id:goes away c:goes away d:default',
	'tables and indexes are restored into their tablespaces');
$node->safe_psql('postgres', 'DROP DATABASE spread; ');
$node->safe_psql('postgres', 'DROP DATABASE spread_back');
$node->safe_psql('postgres', 'DROP TABLESPACE "goes away"');
foreach my $jobs (1, 3)
{
	my $target = "spread_$jobs";

	($out, $err) = restored($spread, $target, "jobs => $jobs");
	like($err, qr/^WARNING:  tablespace "goes away" does not exist, using the default tablespace$/m,
		"a restore by $jobs jobs warns of a missing tablespace");
	is(scalar(my @times = $err =~ /WARNING/g), 1, "a restore by $jobs jobs warns of a missing tablespace once");
	is($node->safe_psql($target, $spaces),
		'a:default a_pkey:stays b:stays b_id:default c:default d:default',
		"by $jobs jobs, tables and indexes of a missing tablespace are restored into the default one, and others into theirs");
}
(undef, $err) = answer("SELECT snapshot_verify('$spread', restore => true)");
is($err, '', 'a missing tablespace does not prevent a test restore');

#
# Roles.
#

$node->safe_psql('postgres', <<'EOF');
CREATE ROLE mayfly LOGIN;
CREATE ROLE hermit;
CREATE ROLE restorer LOGIN SUPERUSER;
CREATE DATABASE guarded;
EOF
$node->safe_psql('guarded', <<'EOF');
CREATE TABLE records (id int);
ALTER TABLE records ENABLE ROW LEVEL SECURITY;
CREATE POLICY for_hermit ON records TO hermit USING (true);
COMMENT ON POLICY for_hermit ON records IS 'his';
CREATE POLICY for_both ON records TO hermit, pal USING (id > 1);
CREATE POLICY for_all ON records USING (id > 2);
COMMENT ON POLICY for_all ON records IS 'theirs';
CREATE EXTENSION postgres_fdw;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw;
CREATE USER MAPPING FOR hermit SERVER elsewhere OPTIONS (password 'very secret');
CREATE USER MAPPING FOR pal SERVER elsewhere;
EOF
my $guarded = take_snapshot($node, 'guarded');
$node->safe_psql('postgres', 'DROP DATABASE guarded');
$node->safe_psql('postgres', 'DROP ROLE hermit');
foreach my $jobs (1, 3)
{
	my $target = "guarded_$jobs";

	my ($found, $said) = answer(
		"SELECT array_to_string(left_out, ', ') FROM snapshot_restore('$guarded', '$target', jobs => $jobs, no_owner => true)",
		'-U', 'restorer');
	is(join(', ', sort split /, /, $found), 'POLICY public.records for_hermit, USER MAPPING hermit SERVER elsewhere',
		"by $jobs jobs, no_owner leaves out policies and user mappings of missing roles, and names them");
	like($said, qr/WARNING:  could not restore POLICY public.records for_hermit: role "hermit" does not exist/,
		"by $jobs jobs, no_owner warns of a policy that it leaves out");
	like($said, qr/WARNING:  policy "for_both" of table "public.records" is restored without a role: role "hermit" does not exist/,
		"by $jobs jobs, no_owner warns of a policy that loses a role");
	is($node->safe_psql($target, <<'EOF'), 'for_all,for_both|for_both:pal|pal|theirs', "by $jobs jobs, no_owner keeps the other policies and user mappings");
SELECT string_agg(polname, ',' ORDER BY polname),
 (SELECT 'for_both:' || array_to_string(roles, ',') FROM pg_policies WHERE policyname = 'for_both'),
 (SELECT string_agg(usename, ',') FROM pg_user_mappings),
 (SELECT string_agg(description, ',') FROM pg_description WHERE classoid = 'pg_policy'::regclass)
  FROM pg_policy
EOF
}
unlike(slurp_file($node->logfile), qr/could not restore.*very secret/,
	'a warning of a user mapping does not show its password');
($out, $err) = restored($guarded, 'failed', "on_error => 'continue'");
like($err, qr/ERROR:  .*roles that the snapshot needs do not exist: "hermit"/,
	'a restore that goes on does not give the objects of missing roles to others');

# More policies than the sessions of pg_restore can note.
$node->safe_psql('postgres', 'CREATE ROLE hermit');
$node->safe_psql('postgres', 'CREATE DATABASE walled');
$node->safe_psql('walled', <<'EOF');
CREATE TABLE records (id int);
SELECT format('CREATE POLICY %I ON records TO hermit', 'wall_' || i || repeat('_', 50))
  FROM generate_series(1, 400) i \gexec
EOF
my $walled = take_snapshot($node, 'walled');
$node->safe_psql('postgres', 'DROP DATABASE walled');
$node->safe_psql('postgres', 'DROP ROLE hermit');
$offset = -s $node->logfile;
my ($named, $said) = answer(
	"SELECT cardinality(left_out) FROM snapshot_restore('$walled', 'walled', no_owner => true)"
);
my $warned = () = $said =~ /^WARNING:  could not restore POLICY /mg;
my ($more) = $said =~ /^WARNING:  could not restore (\d+) more objects$/m;
ok($named < 400, 'not all of many policies have room in the result');
is($warned + ($more // 0),
	400, 'a last warning counts the policies that have no warning of their own');
%logged = map { $_ => 1 } slurp_file($node->logfile, $offset) =~
  /could not restore (POLICY public\.records wall_\d+)/g;
is(scalar keys %logged, 400, 'the log has all of many policies that were left out');

# Somebody's temporary objects.
$node->safe_psql('postgres', 'CREATE DATABASE busy; ');
$node->safe_psql('busy', 'CREATE TABLE t AS SELECT 1 AS id; GRANT TEMPORARY ON DATABASE busy TO PUBLIC');
my $guest = $node->background_psql('busy', extra_params => [ '-U', 'mayfly' ]);
$guest->query_safe($_) foreach 'CREATE TEMP TABLE scribbled (id serial PRIMARY KEY, t text)',
  'GRANT SELECT ON scribbled TO other',
  'CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS $$SELECT 1$$',
  'CREATE TYPE pg_temp.pair AS (a int, b int)',
  'CREATE DOMAIN pg_temp.small AS int',
  'CREATE POLICY p ON scribbled TO other';
my $busy = take_snapshot($node, 'busy');
$guest->quit;
unlike(slurp_file("$directory/$busy/manifest.json"), qr/"mayfly"|"other"/,
	'a snapshot does not need the roles of temporary objects');
$node->safe_psql('postgres', 'DROP ROLE mayfly');
($out, $err) = restored($busy, 'busy_back');
is($err, '', 'a snapshot is restored after the owner of a temporary table was dropped');

# A template.
$node->safe_psql('postgres', 'ALTER DATABASE busy IS_TEMPLATE true');
my $template = take_snapshot($node, 'busy');
restored($template, 'template_back');
is( $node->safe_psql('postgres',
		"SELECT datname FROM pg_database WHERE datistemplate AND datname ~ '_back'"),
	'template_back', 'a restored template is a template');
$node->safe_psql('postgres', "ALTER DATABASE $_ IS_TEMPLATE false") foreach 'busy', 'template_back';

$node->stop;
done_testing();
