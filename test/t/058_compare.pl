
# Copyright (c) 2026, the snapshot_worker developers

# What a test restore compares.  Promised here: whatever a restored database
# has lost is found and named; a good snapshot of any database is found good;
# and a circumstance that makes a test restore fail is an error, and no problem
# of the snapshot.

use strict;
use warnings;

use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# The language of a server whose lc_messages are not C.
$ENV{LANGUAGE} = 'de';
my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => <<'EOC');
wal_level = logical
restart_after_crash = on
snapshot_worker.max_workers = 3
snapshot_worker.retention = 1000
snapshot_worker.format = 'custom'
EOC

sub take
{
	my ($database) = @_;

	return $node->safe_psql('postgres',
		qq{SELECT snapshot_now(\$n\$$database\$n\$)});
}

sub create_database
{
	my ($name, $options) = @_;

	$node->safe_psql('postgres',
		qq{CREATE DATABASE "$name" TEMPLATE template0 } . ($options // ''));
	return;
}

# The error of a test restore, with its SQLSTATE; '' if it finds nothing.
sub verify
{
	my ($name) = @_;
	my (undef, undef, $err) = $node->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT snapshot_verify('$name', restore => true)"
	);

	return $err;
}

sub problem_of
{
	my ($name) = @_;

	return $node->safe_psql('postgres',
		"SELECT problem FROM snapshot_list() WHERE name = '$name'");
}

sub finds_good
{
	my ($name, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(verify($name), '', "$test_name is found good");
	is(problem_of($name), '', "$test_name has no problem listed");
	return;
}

sub is_circumstance
{
	my ($name, $error, $test_name) = @_;
	my $err = verify($name);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($err, $error, "$test_name is an error that names the reason");
	unlike($err, qr/XX001/, "$test_name is not an error about the snapshot");
	is(problem_of($name), '', "$test_name is not held against the snapshot");
	return;
}

# The log of the server since $from.
sub logged
{
	my ($from) = @_;

	return slurp_file($node->logfile, $from);
}

# pg_restore that has a script executed in what it has restored.
my $bin = install_fake_program($node, 'pg_restore', <<'EOC');
here=$(dirname "$0")
case "$*" in *--dbname=*) ;; *) exec REAL "$@" ;; esac
[ -e "$here/killed" ] && kill -9 $$
REAL "$@" || exit
case "$*" in *--jobs=*) [ -e "$here/one_job" ] && { echo "pg_restore: error: deadlock" >&2; exit 1; } ;; esac
[ -e "$here/fails" ] && { echo "pg_restore: error: it fails" >&2; exit 1; }
for arg; do
	case $arg in --dbname=*) conninfo=${arg#--dbname=} ;; esac
done
[ ! -e "$here/lose.sql" ] || "$here/psql" -X -q -v ON_ERROR_STOP=1 -d "$conninfo" -f "$here/lose.sql"
EOC
reload_with($node, bin_directory => $bin);

sub restore_and_execute
{
	my ($name, $sql) = @_;
	my $err;

	append_to_file("$bin/lose.sql", $sql);
	$err = verify($name);
	unlink "$bin/lose.sql";
	return $err;
}

#
# Losses.
#

$node->safe_psql('postgres',
	'CREATE ROLE someone; CREATE ROLE reader; CREATE ROLE other');
create_database('rich');
$node->safe_psql('rich', <<'EOQ');
CREATE SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok');
CREATE DOMAIN s.positive AS int CHECK (VALUE > 0);
CREATE FUNCTION s.f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION s.noticed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE s.t (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text NOT NULL,
	amount numeric(8,2) DEFAULT 0, moods s.mood[], note text, CONSTRAINT short CHECK (length(word) < 100));
CREATE TABLE s.child (t_id int CONSTRAINT to_t REFERENCES s.t);
CREATE INDEX word_idx ON s.t (word);
CREATE VIEW s.v AS SELECT id, word FROM s.t;
CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS one;
CREATE SEQUENCE s.q;
CREATE STATISTICS s.st (ndistinct) ON word, note FROM s.t;
CREATE TRIGGER noticed BEFORE INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.noticed();
CREATE RULE r AS ON DELETE TO s.child DO ALSO NOTHING;
ALTER TABLE s.t ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON s.t USING (true);
COMMENT ON TABLE s.t IS 'a table';
COMMENT ON COLUMN s.t.word IS 'a word';
GRANT SELECT ON s.t TO reader;
GRANT USAGE ON SCHEMA s TO reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO reader;
CREATE PUBLICATION pub FOR TABLE s.t;
CREATE COLLATION s.coll (locale = 'C');
CREATE TEXT SEARCH CONFIGURATION s.ts (PARSER = pg_catalog.default);
CREATE FUNCTION s.level(s.mood) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE CAST (s.mood AS int) WITH FUNCTION s.level(s.mood);
EOQ
$node->safe_psql('rich', <<'EOQ');
CREATE OPERATOR s.### (LEFTARG = int, RIGHTARG = int, FUNCTION = int4pl);
CREATE FOREIGN DATA WRAPPER fdw;
CREATE SERVER srv FOREIGN DATA WRAPPER fdw;
CREATE FOREIGN TABLE s.ft (a int) SERVER srv;
CREATE TABLE s.parts (k int, v text) PARTITION BY RANGE (k);
CREATE TABLE s.part1 PARTITION OF s.parts FOR VALUES FROM (0) TO (10);
SELECT lo_create(4711), lo_create(4712);
ALTER LARGE OBJECT 4711 OWNER TO someone;
GRANT SELECT ON LARGE OBJECT 4711 TO reader;
COMMENT ON LARGE OBJECT 4711 IS 'large';
EOQ
my $rich = take('rich');
finds_good($rich, 'a snapshot of all kinds of objects');

# Of what has an entry in the table of contents.
my @losses = (
	[
		'DROP INDEX s.word_idx' => qr/"INDEX s word_idx postgres" is missing/,
		'DROP VIEW s.v' => qr/"VIEW s v postgres" is missing/,
		'ALTER TABLE s.child DROP CONSTRAINT to_t' =>
		  qr/"FK CONSTRAINT s child to_t postgres" is missing/,
		'DROP POLICY p ON s.t' => qr/"POLICY s t p postgres" is missing/,
		'DROP TRIGGER noticed ON s.t' => qr/"TRIGGER s t noticed postgres" is missing/,
		'DROP RULE r ON s.child' => qr/"RULE s child r postgres" is missing/,
		'DROP STATISTICS s.st' => qr/"STATISTICS s st postgres" is missing/,
		'DROP PUBLICATION pub' => qr/"PUBLICATION - pub postgres" is missing/,
		'DROP SEQUENCE s.q' => qr/"SEQUENCE s q postgres" is missing/
	],
	[
		'COMMENT ON TABLE s.t IS NULL' => qr/"COMMENT s TABLE t postgres" is missing/,
		'COMMENT ON COLUMN s.t.word IS NULL' =>
		  qr/"COMMENT s COLUMN t\.word postgres" is missing/,
		'REVOKE SELECT ON s.t FROM reader' => qr/"ACL s TABLE t postgres" is missing/,
		'REVOKE USAGE ON SCHEMA s FROM reader' => qr/"ACL - SCHEMA s postgres" is missing/,
		'ALTER DEFAULT PRIVILEGES IN SCHEMA s REVOKE SELECT ON TABLES FROM reader' =>
		  qr/"DEFAULT ACL s DEFAULT PRIVILEGES FOR TABLES postgres" is missing/,
		'ALTER TABLE s.t DISABLE ROW LEVEL SECURITY' =>
		  qr/"ROW SECURITY s t postgres" is missing/,
		'DROP COLLATION s.coll' => qr/"COLLATION s coll postgres" is missing/,
		'DROP TEXT SEARCH CONFIGURATION s.ts' =>
		  qr/"TEXT SEARCH CONFIGURATION s ts postgres" is missing/,
		'DROP OPERATOR s.### (int, int)' => qr/"OPERATOR s ### postgres" is missing/,
		'REFRESH MATERIALIZED VIEW s.m WITH NO DATA' =>
		  qr/"MATERIALIZED VIEW DATA s m postgres" is missing/
	],
	[
		'ALTER TABLE s.child OWNER TO other' => qr/"TABLE s child postgres" is missing/,
		'DROP CAST (s.mood AS int)' => qr/"CAST - CAST \(s\.mood AS integer\) " is missing/,
		'DROP FOREIGN TABLE s.ft' => qr/"FOREIGN TABLE s ft postgres" is missing/,
		'DROP SERVER srv CASCADE' => qr/"SERVER - srv postgres" is missing/,
		'DROP DOMAIN s.positive' => qr/"DOMAIN s positive postgres" is missing/,
		'ALTER TABLE s.parts DETACH PARTITION s.part1' =>
		  qr/"TABLE ATTACH s part1 postgres" is missing/,
		'ALTER TABLE s.t DROP CONSTRAINT t_pkey CASCADE' =>
		  qr/"CONSTRAINT s t t_pkey postgres" is missing/,
	],
	[ 'DROP TABLE s.child' => qr/"TABLE s child postgres" is missing/ ],
	[ 'DROP SCHEMA s CASCADE' => qr/"COLLATION s coll postgres" is missing.*and \d+ more/s ]);
foreach my $group (@losses)
{
	my %named = @$group;
	my $err = restore_and_execute($rich, join(";\n", sort keys %named));

	like($err, qr/ERROR:  XX001: could not verify snapshot "\Q$rich\E": restored snapshot "\Q$rich\E" does not match its manifest/,
		'a restore that loses something is an error about the snapshot');
	foreach my $sql (sort keys %named)
	{
		like(problem_of($rich), $named{$sql}, "the loss by $sql is found and named");
	}
}

# Of what has none: one at a time.
my $columns = qr/Some columns of tables have different names, types, or NOT NULL/;
my $large = qr/Some large objects have different owners, privileges, or comments/;
my %hashed = (
	'ALTER TABLE s.t DROP COLUMN amount' => qr/There are \d+ columns instead of \d+/,
	'ALTER TABLE s.t RENAME note TO remark' => qr/$columns.*Defined differently: .*t; Type: TABLE/s,
	'ALTER TABLE s.t ALTER amount TYPE numeric(9,2)' => $columns,
	'ALTER TABLE s.t ALTER amount TYPE int' => $columns,
	'ALTER TABLE s.t ALTER moods TYPE text[] USING moods::text[]' => $columns,
	'ALTER TABLE s.t ALTER word DROP NOT NULL' => $columns,
	'ALTER FOREIGN TABLE s.ft ALTER a SET NOT NULL' => $columns,
	'SELECT lo_unlink(4712)' => qr/There are 1 large objects instead of 2/,
	'ALTER LARGE OBJECT 4711 OWNER TO other' => $large,
	'REVOKE SELECT ON LARGE OBJECT 4711 FROM reader' => $large,
	'GRANT UPDATE ON LARGE OBJECT 4712 TO PUBLIC' => $large,
	'COMMENT ON LARGE OBJECT 4711 IS NULL' => $large);
foreach my $sql (sort keys %hashed)
{
	like(restore_and_execute($rich, $sql), qr/ERROR:  XX001: /,
		"$sql is an error about the snapshot");
	like(problem_of($rich), $hashed{$sql}, "the difference by $sql is found and named");
}

# The log warns of definitions that differ alone.
my $log = -s $node->logfile;
is( restore_and_execute($rich,
		'ALTER TABLE s.t DROP CONSTRAINT short; ALTER TABLE s.t ALTER amount SET DEFAULT 1'),
	'',
	'a restore with another definition is no error');
like(
	logged($log),
	qr/WARNING:  restored snapshot "\Q$rich\E" has different definitions.*t; Type: TABLE; Schema: s;/s,
	'the log warns of another definition, and names it');

# More than there was is no loss.
$log = -s $node->logfile;
is( restore_and_execute($rich,
		'CREATE SCHEMA more; COMMENT ON SCHEMA more IS $$x$$; CREATE INDEX more_idx ON s.t (note)'),
	'',
	'a restore to more than there was is no error');
like(
	logged($log),
	qr/LOG:  restored snapshot "\Q$rich\E" has additional objects.*"?COMMENT - SCHEMA more/s,
	'the log names objects that a restore has beyond the manifest');

# A manifest of an earlier release.
my $manifest = slurp_file("$directory/$rich/manifest.json");
my $older = $manifest =~ s/"contents": ?\[.*?\n?\],/"objects": [{"kind":"tables","count":1,"sha256":"00"}],/sr;
isnt($older, $manifest, 'the test makes a manifest of an earlier release');
unlink "$directory/$rich/manifest.json";
append_to_file("$directory/$rich/manifest.json", $older);
$log = -s $node->logfile;
is(restore_and_execute($rich, 'DROP INDEX s.word_idx'), '',
	'a difference from a manifest of an earlier release does not make the snapshot bad');
like(
	logged($log),
	qr/WARNING:  restored snapshot "\Q$rich\E" does not match its manifest.*"INDEX s word_idx postgres" is missing/s,
	"the log warns of what an earlier release's snapshot lacks");
unlink "$directory/$rich/manifest.json";
append_to_file("$directory/$rich/manifest.json", $manifest);
finds_good($rich, 'the snapshot with its own manifest again');

# Of two that are listed as the same line, one is lost.
create_database('alike');
$node->safe_psql('alike', qq{CREATE TABLE "a b" (); CREATE TABLE "a\nb" (); CREATE TABLE "\tc\r\n" (x int)});
my $alike = take('alike');
finds_good($alike, 'a snapshot of names with line breaks');
like(restore_and_execute($alike, qq{DROP TABLE "a\nb"}),
	qr/XX001: .*"TABLE public a b postgres" is missing/s,
	'of two names that print the same, the loss of one is found');

#
# Good ones.
#

# Indexes that are not valid, or not valid yet.
create_database('indexes');
$node->safe_psql('indexes', <<'EOQ');
CREATE TABLE twice AS SELECT 1 AS a FROM generate_series(1, 2);
CREATE TABLE busy (a int PRIMARY KEY, b int);
CREATE INDEX busy_b ON busy (b);
EOQ
$node->psql('indexes', 'CREATE UNIQUE INDEX CONCURRENTLY bad ON twice (a)');
is( $node->safe_psql('indexes',
		"SELECT indisvalid FROM pg_index WHERE indexrelid = 'bad'::regclass"),
	'f',
	'the test makes an invalid index');
finds_good(take('indexes'), 'a snapshot with an invalid index');
foreach my $statement (
	'CREATE INDEX CONCURRENTLY another ON busy (b, a)',
	'REINDEX INDEX CONCURRENTLY busy_b')
{
	my $writer = $node->background_psql('indexes');
	$writer->query_safe('BEGIN; INSERT INTO busy VALUES (1)');
	my $session = start_query($node, $statement, 'indexes');
	wait_until("$statement is under way", sub {
		$node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE query = '$statement' AND wait_event_type = 'Lock'") eq '1' });
	my $name = take('indexes');
	$writer->query_safe('ROLLBACK');
	$writer->quit;
	finish_query($session);
	finds_good($name, "a snapshot while $statement was under way");
}

# Inheritance: what a restore gives back another way.
create_database('heirs');
$node->safe_psql('heirs', <<'EOQ');
CREATE TABLE grandparent (a int, b int);
CREATE TABLE parent () INHERITS (grandparent);
CREATE TABLE heir (c int, b int, a int) INHERITS (parent);
CREATE TABLE whole (a int NOT NULL, b text) PARTITION BY LIST (a);
CREATE TABLE attached (b text, dropped int, a int NOT NULL);
ALTER TABLE attached DROP COLUMN dropped;
ALTER TABLE whole ATTACH PARTITION attached FOR VALUES IN (1);
CREATE TABLE checked (v varchar CHECK (v IN ('a', 'b')));
CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS a WITH NO DATA;
CREATE MATERIALIZED VIEW filled AS SELECT 1 AS a;
EOQ
$node->psql('heirs', 'ALTER TABLE ONLY grandparent ALTER b SET NOT NULL');
finds_good(take('heirs'), 'a snapshot of tables with parents');

# plpgsql as one's own.
create_database('anew');
$node->safe_psql('anew',
	"DROP EXTENSION plpgsql; CREATE EXTENSION plpgsql; COMMENT ON EXTENSION plpgsql IS 'mine'");
my $before_anew = -s $node->logfile;
finds_good(take('anew'), 'a snapshot with plpgsql created anew');
unlike(logged($before_anew), qr/has different definitions/,
	'plpgsql created anew is no other definition');
create_database('without');
$node->safe_psql('without', 'DROP EXTENSION plpgsql');
finds_good(take('without'), 'a snapshot without plpgsql');

# Encodings, and names that are no text in any.
foreach my $case (
	[ SQL_ASCII => "\xff\xfe", "\xff\xfd", "caf\xe9" ],
	[ MULE_INTERNAL => "\x81\xe4", "\x81\xe5", 'c' ],
	[ EUC_JP => "\xc6\xfc\xcb\xdc", "\xb8\xec", "\x8e\xb1" ],
	[ LATIN1 => "\xe4", "\xe5", "\xa4" ])
{
	my ($encoding, @names) = @$case;
	my $database = 'in_' . lc $encoding;
	my $file = $node->basedir . "/$encoding.sql";

	create_database($database, "ENCODING '$encoding' LOCALE 'C'");
	append_to_file($file, "SET client_encoding = '$encoding';\n");
	append_to_file($file,
		qq{CREATE TABLE "$_" ("$_" int, other text); CREATE INDEX "i$_" ON "$_" (other); COMMENT ON TABLE "$_" IS '$_';\n})
	  foreach @names;
	$node->command_ok(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($database), '-f', $file ],
		"psql makes a database with odd names in $encoding");
	my $name = take($database);
	finds_good($name, "$encoding: a snapshot of odd names");
	$log = -s $node->logfile;
	like(
		restore_and_execute($name, qq{SET client_encoding = '$encoding'; DROP TABLE "$names[1]"}),
		qr/XX001: .*is missing/s,
		"the loss of an odd name in $encoding is found");
}

# Many tables with long names, where no temporary file is allowed.
create_database('many');
$node->safe_psql('many', <<'EOQ');
SELECT format('CREATE TABLE %I (%s)', rpad('t' || i, 63, 'x'),
  (SELECT string_agg(format('%I %s', rpad('c' || j, 63, 'y'), 'numeric(10,2) NOT NULL'), ', ') FROM generate_series(1, 10) j))
  FROM generate_series(1, 2200) i \gexec
EOQ
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_locks_per_transaction = 256');
$node->safe_psql('postgres', "ALTER SYSTEM SET temp_file_limit = '64kB'");
$node->restart;
my $many = take('many');
is( $node->safe_psql('postgres', "SELECT tables FROM snapshot_list() WHERE name = '$many'"),
	'2200', 'the test makes many tables');
finds_good($many, 'a snapshot of many tables under temp_file_limit');

#
# What is around.
#

# An index that pg_restore cannot build within the limit.
create_database('sorted');
$node->safe_psql('sorted', <<'EOQ');
SET temp_file_limit = -1;
CREATE TABLE t AS SELECT md5(i::text) AS a FROM generate_series(1, 100000) i;
SET maintenance_work_mem = '64MB';
CREATE INDEX ON t (a);
EOQ
my $sorted = take('sorted');
$node->safe_psql('postgres', "ALTER SYSTEM SET maintenance_work_mem = '1MB'");
$node->reload;
is_circumstance($sorted, qr/ERROR:  38000: .*temporary file size exceeds "?temp_file_limit"?/s,
	'temp_file_limit in the way of a restore');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET temp_file_limit');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET maintenance_work_mem');
$node->reload;
finds_good($sorted, 'without that limit, the snapshot');

append_to_file("$bin/killed", '');
is_circumstance($rich, qr/ERROR:  38000: .*pg_restore failed: .*signal 9/,
	'a pg_restore that is killed');
unlink "$bin/killed";

# Several jobs.
reload_with($node, jobs => 2);
append_to_file("$bin/one_job", '');
$log = -s $node->logfile;
finds_good($rich, 'what one job restores, and several do not,');
like(logged($log),
	qr/LOG:  pg_restore with 2 jobs failed, retrying with one\n.*DETAIL:  pg_restore: error: deadlock/,
	'the log says that pg_restore was tried with one job');
append_to_file("$bin/fails", '');
is_circumstance($rich, qr/ERROR:  38000: .*pg_restore failed: .*\nDETAIL:  pg_restore: error: it fails/,
	'what neither several jobs nor one restore');
unlink "$bin/fails";
is( $node->safe_psql('postgres', "SELECT left_out FROM snapshot_restore('$rich', 'rich_again', jobs => 2)"),
	'{}', 'snapshot_restore() tries one job after several, too');
is( $node->safe_psql('rich_again', 'SELECT count(*) FROM s.t'), '0', 'snapshot_restore() with one job has restored the snapshot');
unlink "$bin/one_job";
reload_with($node, jobs => 1);

# Files that are not here.
SKIP:
{
	my $share = $node->config_data('--sharedir');
	my $lib = $node->config_data('--pkglibdir');
	my $control = "$share/extension/compared.control";

	skip 'the extensions of this server cannot be changed', 1
	  unless -w "$share/extension" && -w "$share/tsearch_data" && -w $lib;
	unlink $control;
	append_to_file($control, "default_version = '1'\nrelocatable = true\n");
	unlink "$share/extension/compared--1.sql", "$share/extension/compared--2.sql";
	append_to_file("$share/extension/compared--1.sql", <<'EOS');
CREATE TABLE owned (name text PRIMARY KEY, value text CHECK (value <> ''));
CREATE INDEX owned_value ON owned (value);
CREATE FUNCTION owned_changed() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER owned_changed BEFORE UPDATE ON owned FOR EACH ROW EXECUTE FUNCTION owned_changed();
CREATE POLICY owned_policy ON owned USING (true);
EOS
	append_to_file("$share/extension/compared--2.sql", <<'EOS');
CREATE TABLE owned (name text PRIMARY KEY, value text NOT NULL, more int);
CREATE TABLE owned_too (name text PRIMARY KEY);
CREATE VIEW owned_view AS SELECT * FROM owned;
EOS
	create_database('extended');
	$node->safe_psql('extended', 'CREATE EXTENSION compared; CREATE TABLE t (a int)');
	$log = -s $node->logfile;
	take('extended');
	unlike(logged($log), qr/pg_dump omits/,
		'pg_dump leaves nothing out of an unchanged extension');
	$node->safe_psql('extended', <<'EOQ');
CREATE INDEX mine ON owned (lower(value));
CREATE TRIGGER mine_too AFTER INSERT ON owned FOR EACH ROW EXECUTE FUNCTION owned_changed();
CREATE POLICY my_own ON owned FOR SELECT USING (true);
ALTER TABLE owned ADD CONSTRAINT my_check CHECK (name <> 'x');
CREATE RULE my_rule AS ON DELETE TO owned DO ALSO NOTHING;
EOQ
	$log = -s $node->logfile;
	my $extended = take('extended');
	my ($warning) = logged($log) =~
	  /WARNING:  pg_dump omits objects on tables of extensions in database "extended"\n.*?DETAIL:  (.*?)\n[^\t]/s;
	is( join("\n", sort map { s/^\s+//r } split /\n/, $warning // ''),
		join("\n",
			'constraint my_check on table public.owned',
			'index mine on table public.owned',
			'policy my_own on table public.owned',
			'rule my_rule on table public.owned',
			'trigger mine_too on table public.owned'),
		'the log warns only of what users have put on a table of an extension');
	finds_good($extended, 'a snapshot with additions to an extension');

	unlink $control;
	append_to_file($control, "default_version = '2'\nrelocatable = true\n");
	finds_good($extended, 'with a newer version of the extension, the snapshot');
	unlink $control;
	is_circumstance($extended, qr/ERROR:  38000: .*extension "compared" is not available/s,
		'an extension that is missing');

	my ($library) = glob("$lib/plpgsql.so");
	create_database('libraries');
	system_or_bail('cp', $library, "$lib/vanishing.so");
	$node->safe_psql('libraries',
		"CREATE FUNCTION f() RETURNS language_handler LANGUAGE c AS 'vanishing', 'plpgsql_call_handler'");
	my $libraries = take('libraries');
	unlink "$lib/vanishing.so";
	is_circumstance($libraries, qr/ERROR:  38000: .*could not access file "vanishing"/s,
		'a library that is missing');

	my $synonyms = "$share/tsearch_data/vanishing.syn";
	create_database('words');
	append_to_file($synonyms, "a b\n");
	$node->safe_psql('words',
		"CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = synonym, SYNONYMS = vanishing)");
	my $words = take('words');
	unlink $synonyms;

	is_circumstance($words, qr/ERROR:  38000: .*could not open synonym file/s,
		'a dictionary that is missing');

	# whatever language the server speaks
	my $catalog = '/de/LC_MESSAGES/postgres-' . $node->pg_version->major . '.mo';
	my $locales = $node->config_data('--localedir');
	if (-e "/usr/share/locale$catalog" && !-e "$locales$catalog")
	{
		make_path("$locales/de/LC_MESSAGES");
		system_or_bail('cp', "/usr/share/locale$catalog", "$locales$catalog");
		$node->restart;
	}
	$node->safe_psql('postgres', "ALTER SYSTEM SET lc_messages = 'C.UTF-8'");
	reload_with($node, jobs => 1);
	my (undef, undef, $german) = $node->psql('words', 'SELECT 1/0');
  SKIP:
	{
		skip 'the server has no German messages', 3
		  unless $german =~ /Division durch Null/;
		is_circumstance($words, qr/FEHLER:  38000: .*could not open synonym file/s,
			'a dictionary that is missing in a server that speaks German');
	}
	$node->safe_psql('postgres', 'ALTER SYSTEM RESET lc_messages');
	reload_with($node, jobs => 1);
	unlink "$share/extension/compared--1.sql", "$share/extension/compared--2.sql";
}

# Event triggers, which are on while views are refreshed.
create_database('events');
$node->safe_psql('events', <<'EOQ');
CREATE TABLE ddl (tag text);
CREATE FUNCTION note_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.ddl VALUES (tg_tag);
  IF tg_tag = 'REFRESH MATERIALIZED VIEW' THEN COMMENT ON TABLE public.ddl IS 'made'; END IF;
END $$;
CREATE MATERIALIZED VIEW seen AS SELECT 1 AS a;
CREATE EVENT TRIGGER note_ddl ON ddl_command_end EXECUTE FUNCTION note_ddl();
EOQ
my $events = take('events');
$log = -s $node->logfile;
finds_good($events, 'a snapshot with an event trigger that writes');
if ($node->pg_version < 17)
{
	like(logged($log),
		qr/WARNING:  event triggers were enabled while snapshot "\Q$events\E" was restored\n.*DETAIL:  note_ddl\n/,
		'the log says that an event trigger may have written');
}
else
{
	unlike(logged($log), qr/event triggers were enabled|has additional objects/,
		'without an event trigger switched on, the log says nothing of it');
}
$log = -s $node->logfile;
finds_good($rich, 'a snapshot without an event trigger');
unlike(logged($log), qr/event triggers were enabled/, 'a snapshot without an event trigger causes no log of one');

#
# Without psql, and without rights.
#

unlink "$bin/psql";
$log = -s $node->logfile;
my $blind = take('rich');
like(logged($log),
	qr/WARNING:  could not read the columns and large objects of database "rich"\n.*DETAIL:  There is no executable "\Q$bin\E\/psql"/,
	'without psql, a snapshot is taken, with a WARNING');
is_circumstance($blind, qr/could not find an executable "\Q$bin\E\/psql"/,
	'psql that is missing');
symlink $node->config_data('--bindir') . '/psql', "$bin/psql" or die;
finds_good($blind, 'with psql, the snapshot');
like(restore_and_execute($blind, 'DROP INDEX s.word_idx'),
	qr/XX001: .*"INDEX s word_idx postgres" is missing/s,
	'a snapshot without column hashes is compared by what pg_dump lists');
is(restore_and_execute($blind, 'ALTER TABLE s.t DROP COLUMN amount'), '',
	'a snapshot without column hashes is not compared by columns');

$node->safe_psql('postgres', <<'EOQ');
CREATE ROLE dumper LOGIN BYPASSRLS;
GRANT pg_read_all_data TO dumper;
GRANT SELECT ON pg_authid TO dumper;
EOQ
create_database('modest');
$node->safe_psql('modest', 'CREATE TABLE t (a int NOT NULL, b text[])');
reload_with($node, user => 'dumper');
$log = -s $node->logfile;
my $modest = take('modest');
unlike(logged($log), qr/WARNING/, 'a role with few rights reads columns, too');
finds_good($modest, 'a snapshot taken by a role with few rights');
like(restore_and_execute($modest, 'ALTER TABLE t ALTER b TYPE text'), qr/XX001: .*Some columns/s,
	'a loss from a snapshot of a role with few rights is found');

is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot_worker_scratch_%'"),
	'0', 'verifications leave no scratch database');
my @temporary = glob($node->data_dir . '/base/pgsql_tmp/*');
is(scalar @temporary, 0, 'verifications leave no temporary file');
unlike(slurp_file($node->logfile), qr/file leak|reference leak/,
	'verifications leave no temporary file open');
$node->stop;
done_testing();
