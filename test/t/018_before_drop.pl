
# Copyright (c) 2026, the snapshot_worker developers

# Snapshots before drops.  Promised here: nothing that is meant to be saved is
# destroyed without a snapshot that has it; who may not destroy it causes none;
# what cannot be saved is not destroyed, and the error says how to do that all
# the same; nothing waits for itself; and no more snapshots are taken than that.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# Vacuum writes, now and then.
my ($node, $directory) = snapshot_node('main', conf => <<'EOF');
autovacuum = off
max_prepared_transactions = 2
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
snapshot_worker.globals = off
snapshot_worker.before_drop = table
snapshot_worker.before_drop_size = '100kB'
EOF
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
my $off = 'SET snapshot_worker.before_drop = off';
my $with_max_age = 'SET snapshot_worker.before_drop_max_age = 3600';

# What makes a table large enough, and what does not.
my $large = q{AS SELECT i AS id, repeat('x', 1000) AS filler
	FROM generate_series(1, 300) i};
my $small = 'AS SELECT 1 AS id';

$node->safe_psql('postgres', <<EOF);
CREATE ROLE owner LOGIN CREATEDB;
CREATE ROLE other LOGIN;
CREATE DATABASE app OWNER owner;
EOF

# Run statements in the database, each by itself; returns what psql prints and
# its errors and notices.
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

# As a superuser, and without a snapshot.
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

# Statements that are done, after one snapshot; returns its name.
sub takes_one
{
	my ($sql, $test_name, %options) = @_;
	my $of = $options{of} // 'app';
	my %before = map { $_ => 1 } snapshots($directory);
	my ($stdout, $stderr) = run_sql($sql, %options);
	my @new = grep { !$before{$_} } snapshots($directory);
	my $name = $new[0] // '';

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlike($stderr, qr/ERROR/, "$test_name: it is done");
	is(scalar(@new), 1, "$test_name: one snapshot was taken");
	like($name, qr{^\Q$of\E/}, "$test_name: of the right database");
	like($stderr, qr/NOTICE: .*snapshot "\Q$name\E" was taken before /,
		"$test_name: who does it is told its name");
	is($name && manifest_of($directory, $name)->{reason},
		'before drop', "$test_name: and it says what for");
	return $name;
}

# Statements that cause no snapshot, and fail as they should, or (undef) are
# done; returns the errors and notices.
sub takes_none
{
	my ($sql, $error, $test_name, %options) = @_;
	my @before = snapshots($directory);
	my ($stdout, $stderr) = run_sql($sql, %options);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	if (defined $error)
	{
		like($stderr, $error, "$test_name: it is refused");
	}
	else
	{
		unlike($stderr, qr/ERROR/, "$test_name: it is done");
	}
	is_deeply([ snapshots($directory) ],
		\@before, "$test_name: no snapshot was taken");
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

# Start a session that has to wait for a snapshot.
sub start_waiting
{
	my ($sql, $database) = @_;
	my $session = start_query($node, $sql, $database // 'app');

	$session->{pid} = wait_until(
		"\"$sql\" waits",
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

my %in_postgres = (database => 'postgres');
my %as_superuser = (role => $superuser);

# ---------------------------------------------------------------------------
# DROP DATABASE

run_sql('CREATE DATABASE shop', %in_postgres);
run_sql("CREATE TABLE items $small; INSERT INTO items VALUES (2), (3)",
	database => 'shop');
my $saved = takes_one(
	'DROP DATABASE shop', 'DROP DATABASE by its owner',
	%in_postgres, of => 'shop');
ok(!database_exists('shop'), 'the database is gone');
is( $node->safe_psql('postgres', <<EOF), 'before drop|before drop|succeeded',
SELECT (SELECT reason FROM snapshot_list() WHERE name = '$saved'),
       reason, outcome FROM snapshot_history() WHERE name = '$saved'
EOF
	'list and history tell what the snapshot was taken for');
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '--create', '--dbname=postgres',
		"$directory/$saved/shop.dump"
	],
	'the snapshot taken before DROP DATABASE can be restored');
is( $node->safe_psql('shop', 'SELECT sum(id), count(*) FROM items'),
	'6|3', 'the dropped database comes back with its rows');

my $drop = 'DROP DATABASE shop';
takes_none($drop, qr/ERROR:  42501: must be owner of database shop/,
	'DROP DATABASE without the right to it',
	%in_postgres, role => 'other');
takes_none("BEGIN; $drop;", qr/ERROR:  25001: DROP DATABASE cannot run inside/,
	'DROP DATABASE in a transaction block', %in_postgres);
takes_none("DO \$\$BEGIN $drop; END\$\$",
	qr/ERROR:  25001: DROP DATABASE cannot be executed from a function/,
	'DROP DATABASE in a DO block', %in_postgres);
takes_none($drop, qr/ERROR:  55006: cannot drop the currently open database/,
	'DROP DATABASE of one\'s own', database => 'shop');
takes_none('DROP DATABASE nosuch',
	qr/ERROR:  3D000: database "nosuch" does not exist/,
	'DROP DATABASE of none', %in_postgres);
takes_none('DROP DATABASE IF EXISTS nosuch',
	undef, 'DROP DATABASE IF EXISTS of none', %in_postgres);
takes_none("SET default_transaction_read_only = on; $drop",
	qr/ERROR:  25006: cannot execute DROP DATABASE in a read-only/,
	'DROP DATABASE in a read-only transaction', %in_postgres);
admin('ALTER DATABASE shop IS_TEMPLATE true');
takes_none($drop, qr/ERROR:  42809: cannot drop a template database/,
	'DROP DATABASE of a template', %in_postgres);
admin('ALTER DATABASE shop IS_TEMPLATE false');

admin('ALTER DATABASE shop ALLOW_CONNECTIONS false');
my $stderr = takes_none(
	$drop,
	qr/ERROR:  55000: .*database "shop" does not allow connections/,
	'DROP DATABASE of one that allows no connections', %in_postgres);
like($stderr,
	qr/HINT: .*ALLOW_CONNECTIONS true.*SET snapshot_worker\.before_drop = off/,
	'the hint has two ways out');
like($stderr, qr/CONTEXT:  DROP DATABASE was not executed/,
	'the context says that it was not done');
ok(database_exists('shop'), 'a DROP DATABASE that was refused leaves the database there');
takes_none("$off; $drop", undef, 'DROP DATABASE with the setting off',
	%in_postgres, %as_superuser);
ok(!database_exists('shop'), 'the database is gone');

run_sql('CREATE DATABASE broken', %in_postgres);
admin(q{UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'});
takes_none('DROP DATABASE broken',
	undef, 'DROP DATABASE of one whose DROP was interrupted', %in_postgres);
ok(!database_exists('broken'), 'the database is gone');

# Who is connected goes by force, but not before there is a snapshot.
run_sql('CREATE DATABASE busy', %in_postgres);
my $connected = $node->background_psql('busy');
takes_one(
	'DROP DATABASE busy WITH (FORCE)', 'DROP DATABASE ... WITH (FORCE)',
	%in_postgres, %as_superuser, of => 'busy');
ok(!database_exists('busy'), 'the database is gone, with its session');
$connected->quit;

# Whoever uses a database keeps it.
run_sql('CREATE DATABASE busy', %in_postgres);
$connected = $node->background_psql('busy');
$stderr = takes_none(
	'DROP DATABASE busy',
	qr/ERROR:  55006: .*database "busy" is being accessed by other users/,
	'DROP DATABASE of one that someone is connected to', %in_postgres);
like($stderr, qr/DETAIL:  There is 1 other session using the database/,
	'the detail has the number of sessions');
takes_none(
	'DROP DATABASE busy WITH (FORCE)',
	qr/ERROR:  42501: .*terminate/,
	'DROP DATABASE ... WITH (FORCE) where a superuser is connected',
	%in_postgres);
my $leaving = start_waiting('DROP DATABASE busy', 'postgres');
$connected->quit;
like((finish_query($leaving))[1],
	qr/NOTICE: .*was taken before DROP DATABASE/,
	'DROP DATABASE goes on when the other session leaves');
ok(!database_exists('busy'), 'the database is gone');

run_sql('CREATE DATABASE busy', %in_postgres);
run_sql(q{BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'p'},
	database => 'busy');
takes_none(
	'DROP DATABASE busy', qr/ERROR:  55006: .*is being accessed by other users/,
	'DROP DATABASE of one with a prepared transaction', %in_postgres);
takes_none(
	'DROP DATABASE busy WITH (FORCE)',
	qr/ERROR:  55006: .*is being used by prepared transactions/,
	'DROP DATABASE ... WITH (FORCE) of one with a prepared transaction',
	%in_postgres);
run_sql(q{ROLLBACK PREPARED 'p'}, database => 'busy');
$node->safe_psql('busy', q{CREATE SUBSCRIPTION s CONNECTION 'dbname=nosuch'
	PUBLICATION p WITH (connect = false, slot_name = NONE)});
takes_none(
	'DROP DATABASE busy', qr/ERROR:  55006: .*used by logical replication subs/,
	'DROP DATABASE of one with a subscription', %in_postgres);
$node->safe_psql('busy', 'DROP SUBSCRIPTION s');
takes_one('DROP DATABASE busy', 'DROP DATABASE of one that nobody uses',
	%in_postgres, of => 'busy');

# The next run of the database begins when the first one ends.
run_sql('CREATE DATABASE wanted', %in_postgres);
hold_at($node, 'published');
my $dropper = start_query($node, 'DROP DATABASE wanted WITH (FORCE)');
wait_until_held($node, 'published');
my $asker = start_waiting(q{SELECT snapshot_now('wanted')}, 'postgres');
hold_at($node, 'staged');
wait_until_held($node, 'staged');
ok(database_exists('wanted'), 'a run of the database is waited for');
let_go($node);
like((finish_query($asker))[0], qr{^wanted/}, 'a run that DROP DATABASE waits for comes to its end');
unlike((finish_query($dropper))[1], qr/ERROR/, 'DROP DATABASE goes on after the run that it waited for');
ok(!database_exists('wanted'), 'the database is gone after the run that DROP DATABASE waited for');

# Two sessions at once
run_sql('CREATE DATABASE twice', %in_postgres);
hold_at($node, 'staged');
my @droppers =
  map { start_waiting("DROP DATABASE twice /* $_ */", 'postgres') } 1, 2;
let_go($node);
finish_query($_) foreach @droppers;
is((scalar grep { $_->{err} !~ /ERROR/ } @droppers),
	1, 'one of two sessions drops a database');
like((join '', map { $_->{err} } @droppers),
	qr/ERROR:  3D000: .*database "twice" does not exist/,
	'the other one is told that it does not exist');

make_large('kept');
run_sql('CREATE DATABASE alone', %in_postgres);
my $database_only = q{SET snapshot_worker.before_drop = 'database'};
takes_none("$database_only; DROP TABLE kept",
	undef, 'DROP TABLE with the setting "database"', %as_superuser);
takes_one(
	"$database_only; DROP DATABASE alone",
	'DROP DATABASE with the setting "database"',
	%in_postgres, %as_superuser, of => 'alone');

# ---------------------------------------------------------------------------
# Tables

make_large('t', 'kept');
takes_none('DROP TABLE t', qr/ERROR:  42501: must be owner of table t/,
	'DROP TABLE without the right to it', role => 'other');
takes_none('TRUNCATE t', qr/ERROR:  42501: permission denied for table t/,
	'TRUNCATE without the right to it', role => 'other');
takes_none('ALTER TABLE t DROP COLUMN filler',
	qr/ERROR:  42501: must be owner of table t/,
	'DROP COLUMN without the right to it', role => 'other');
takes_none("$off; DROP TABLE kept, nosuch",
	qr/ERROR:  42501: permission denied to set parameter/,
	'the setting turned off without the right to it');

$saved = takes_one('DROP TABLE t', 'DROP TABLE');
ok(!table_exists('t'), 'the table is gone');
$node->command_ok(
	[
		'pg_restore', '--exit-on-error', '--table=t', '--dbname=app',
		"$directory/$saved/app.dump"
	],
	'the snapshot taken before DROP TABLE can be restored');
is(admin('SELECT count(*), sum(length(filler)) FROM t'),
	'300|300000', 'the dropped table comes back with its rows');

$saved = takes_one('ALTER TABLE t DROP COLUMN filler', 'DROP COLUMN');
like((saved_rows($saved, 'public', 't'))[0],
	qr/^1\tx{1000}$/, 'the snapshot has the column');
takes_none('ALTER TABLE t ADD COLUMN added int, ALTER COLUMN id SET NOT NULL',
	undef, 'another ALTER TABLE');
takes_none('ALTER TABLE t DROP COLUMN IF EXISTS filler',
	undef, 'DROP COLUMN IF EXISTS of none');
takes_none('ALTER TABLE t DROP COLUMN id, DROP COLUMN filler',
	qr/ERROR:  42703: column "filler" of relation "t" does not exist/,
	'DROP COLUMN of one that is there and one that is not');
takes_none('ALTER TABLE t DROP COLUMN ctid',
	qr/ERROR:  0A000: cannot drop system column/,
	'DROP COLUMN of a system column');

$saved = takes_one('TRUNCATE t', 'TRUNCATE');
is(scalar(saved_rows($saved, 'public', 't')),
	300, 'the snapshot has the rows');
takes_none('TRUNCATE t', undef, 'TRUNCATE of an empty table');
run_sql('DROP TABLE t');

# What refers to a table is emptied with it, if that is said.
run_sql(<<EOF);
CREATE TABLE customers (id int PRIMARY KEY);
INSERT INTO customers VALUES (1);
CREATE TABLE orders $large;
ALTER TABLE orders ADD customer int REFERENCES customers;
EOF
takes_none('TRUNCATE customers',
	qr/ERROR:  0A000: cannot truncate a table referenced/,
	'TRUNCATE of a table that another one refers to');
admin("ALTER TABLE orders OWNER TO \"$superuser\"");
takes_none('TRUNCATE customers CASCADE',
	qr/ERROR:  42501: permission denied for table orders/,
	'TRUNCATE ... CASCADE without the right to all of it');
admin('GRANT TRUNCATE ON orders TO owner');
$saved = takes_one('TRUNCATE customers CASCADE', 'TRUNCATE ... CASCADE');
is(scalar(saved_rows($saved, 'public', 'orders')),
	300, 'the snapshot has the other table, too');
admin('DROP TABLE orders, customers');

run_sql("CREATE SCHEMA s; CREATE TABLE s.a $large; CREATE TABLE s.b $small");
takes_none('DROP SCHEMA s', qr/ERROR:  2BP01: cannot drop schema s because/,
	'DROP SCHEMA without CASCADE');
takes_none('DROP SCHEMA s CASCADE',
	qr/ERROR:  42501: must be owner of schema s/,
	'DROP SCHEMA without the right to it', role => 'other');
takes_none('DROP SCHEMA s, nosuch CASCADE',
	qr/ERROR:  3F000: schema "nosuch" does not exist/,
	'DROP SCHEMA of one that is there and one that is not');
takes_none('DROP SCHEMA IF EXISTS nosuch CASCADE',
	undef, 'DROP SCHEMA IF EXISTS of none');
$saved = takes_one('DROP SCHEMA IF EXISTS nosuch, s CASCADE', 'DROP SCHEMA');
is(scalar(saved_rows($saved, 's', 'a')), 300, 'the snapshot has its tables');
run_sql("CREATE SCHEMA s; CREATE TABLE s.a $small; CREATE VIEW s.v AS SELECT 1");
takes_none('DROP SCHEMA s CASCADE', undef, 'DROP SCHEMA with little in it');

# The owner of a schema may drop what others have in it.
admin("CREATE SCHEMA theirs AUTHORIZATION owner; CREATE TABLE theirs.t $large");
takes_one('DROP TABLE theirs.t', 'DROP TABLE by the owner of the schema');

# Partitions and children, of parents that have no size themselves
run_sql(<<EOF);
CREATE TABLE parted (id int, filler text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (1) TO (100);
CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (100) TO (1000)
 PARTITION BY RANGE (id);
CREATE TABLE part21 PARTITION OF part2 FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT i, repeat('x', 1000) FROM generate_series(1, 300) i;
CREATE TABLE parent (id int, filler text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT i, repeat('x', 1000) FROM generate_series(1, 300) i;
EOF
takes_none('TRUNCATE ONLY parent', undef, 'TRUNCATE ONLY of an empty parent');
takes_one('TRUNCATE parent', 'TRUNCATE of a parent');
run_sql(q{INSERT INTO child SELECT i, repeat('x', 1000)
	FROM generate_series(1, 300) i});
takes_one('DROP TABLE parent CASCADE', 'DROP TABLE of a parent');
$saved = takes_one('ALTER TABLE parted DROP COLUMN filler',
	'DROP COLUMN of a partitioned table');
is(scalar(saved_rows($saved, 'public', 'part21')),
	201, 'the snapshot has the partitions');
takes_one('DROP TABLE parted', 'DROP TABLE of a partitioned table');

# ---------------------------------------------------------------------------
# What goes along with something else

# Each case: what depends on what; how that is made; a statement that the server
# refuses since it lacks CASCADE, if there is one; one that takes the rows of
# table "far"; and what is to be removed after it.
my $filled = q{SELECT i AS id, repeat('x', 1000) AS filler
	FROM generate_series(1, 300) i};
foreach my $case (
	[
		'a column of a type in another schema',
		"CREATE SCHEMA s; CREATE TYPE s.kind AS ENUM ('a');"
		  . "CREATE TABLE far AS SELECT 'a'::s.kind AS kind, f.* FROM ($filled) f",
		'DROP SCHEMA s',
		'DROP SCHEMA s CASCADE'
	],
	[
		'a column of a type',
		"CREATE TYPE kind AS ENUM ('a');"
		  . "CREATE TABLE far AS SELECT 'a'::kind AS kind, f.* FROM ($filled) f",
		'DROP TYPE kind',
		'DROP TYPE IF EXISTS nosuch, kind CASCADE'
	],
	[
		'a column of a domain in a partition',
		'CREATE DOMAIN number AS int;'
		  . 'CREATE TABLE whole (id number, filler text) PARTITION BY LIST (filler);'
		  . 'CREATE TABLE far PARTITION OF whole DEFAULT;'
		  . "INSERT INTO whole $filled",
		'DROP DOMAIN number',
		'DROP DOMAIN number CASCADE',
		'DROP TABLE whole'
	],
	[
		'a partition key of a domain',
		'CREATE DOMAIN number AS int;'
		  . 'CREATE TABLE whole (id number, filler text) PARTITION BY LIST (id);'
		  . 'CREATE TABLE far PARTITION OF whole DEFAULT;'
		  . "INSERT INTO whole $filled",
		'DROP DOMAIN number',
		'DROP DOMAIN number CASCADE'
	],
	[
		'a column of an array of a domain of a row type',
		'CREATE TYPE pair AS (a int, b int); CREATE DOMAIN same AS pair;'
		  . "CREATE TABLE far AS SELECT ARRAY[(1, 2)::same] AS p, f.* FROM ($filled) f",
		'DROP TYPE pair',
		'DROP TYPE pair CASCADE'
	],
	[
		'a typed table',
		'CREATE TYPE pair AS (id int, filler text); CREATE TABLE far OF pair;'
		  . "INSERT INTO far $filled",
		'DROP TYPE pair',
		'DROP TYPE pair CASCADE'
	],
	[
		'a column of a row type that loses an attribute',
		'CREATE TYPE pair AS (a int, b int);'
		  . "CREATE TABLE far AS SELECT (1, 2)::pair AS p, f.* FROM ($filled) f",
		undef,
		'ALTER TYPE pair DROP ATTRIBUTE b',
		'DROP TYPE pair CASCADE'
	],
	[
		'a column of the row type of a table',
		'CREATE TABLE near (a int, b int);'
		  . "CREATE TABLE far AS SELECT (1, 2)::near AS p, f.* FROM ($filled) f",
		'DROP TABLE near',
		'DROP TABLE near CASCADE'
	],
	[
		'a column of the row type of a table that loses a column',
		'CREATE TABLE near (a int, b int);'
		  . "CREATE TABLE far AS SELECT (1, 2)::near AS p, f.* FROM ($filled) f",
		undef,
		'ALTER TABLE near DROP COLUMN b',
		'DROP TABLE near CASCADE'
	],
	[
		'a column of the row type of a view',
		'CREATE VIEW near AS SELECT 1 AS a;'
		  . "CREATE TABLE far AS SELECT near AS p, f.* FROM near, ($filled) f",
		'DROP VIEW near',
		'DROP VIEW near CASCADE'
	],
	[
		'a generated column',
		'CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql'
		  . q{ AS 'SELECT 1';}
		  . 'CREATE TABLE far (id int, filler text,'
		  . ' one int GENERATED ALWAYS AS (one()) STORED);'
		  . "INSERT INTO far $filled",
		'DROP FUNCTION one',
		'DROP FUNCTION one CASCADE'
	],
	[
		'a column with a collation',
		'CREATE COLLATION coll FROM "C";'
		  . "CREATE TABLE far AS SELECT id, filler COLLATE coll FROM ($filled) f",
		'DROP COLLATION coll',
		'DROP COLLATION coll CASCADE'
	],
	[
		'a column of a type of an extension',
		'CREATE EXTENSION hstore;'
		  . "CREATE TABLE far AS SELECT 'a=>1'::hstore AS h, f.* FROM ($filled) f",
		'DROP EXTENSION hstore',
		'DROP EXTENSION hstore CASCADE'
	],
	[
		'an extension one of whose members needs a function',
		q{CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';}
		  . 'CREATE EXTENSION hstore; CREATE VIEW uses AS SELECT one();'
		  . 'ALTER EXTENSION hstore ADD VIEW uses;'
		  . "CREATE TABLE far AS SELECT 'a=>1'::hstore AS h, f.* FROM ($filled) f",
		'DROP FUNCTION one',
		'DROP FUNCTION one CASCADE'
	],
	[
		'a table with an access method',
		'CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;'
		  . "CREATE TABLE far USING heap2 AS $filled",
		'DROP ACCESS METHOD heap2',
		'DROP ACCESS METHOD heap2 CASCADE'
	],
	[
		'a child of a table',
		'CREATE TABLE near (id int, filler text);'
		  . "CREATE TABLE far () INHERITS (near); INSERT INTO far $filled",
		'DROP TABLE near',
		'DROP TABLE near CASCADE'
	],
	[
		'a child of a foreign table',
		'CREATE FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE SERVER there FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE FOREIGN TABLE near (id int, filler text) SERVER there;'
		  . "CREATE TABLE far () INHERITS (near); INSERT INTO far $filled",
		'DROP SERVER there',
		'DROP SERVER there CASCADE',
		'DROP FOREIGN DATA WRAPPER wrapper'
	],
	[
		'a column of a child of a foreign table',
		'CREATE FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE SERVER there FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE FOREIGN TABLE near (id int, filler text) SERVER there;'
		  . "CREATE TABLE far () INHERITS (near); INSERT INTO far $filled",
		undef,
		'ALTER FOREIGN TABLE near DROP COLUMN filler',
		'DROP FOREIGN DATA WRAPPER wrapper CASCADE'
	],
	[
		'a column that comes from two parents',
		'CREATE TABLE near (id int, filler text);'
		  . 'CREATE TABLE left1 () INHERITS (near);'
		  . 'CREATE TABLE right1 () INHERITS (near);'
		  . "CREATE TABLE far () INHERITS (left1, right1); INSERT INTO far $filled",
		undef,
		'ALTER TABLE near DROP COLUMN filler',
		'DROP TABLE near CASCADE'
	],
	[
		'a column whose key another command drops',
		"CREATE TABLE far AS $filled; ALTER TABLE far ADD PRIMARY KEY (id);"
		  . 'CREATE TABLE refers (id int REFERENCES far)',
		'ALTER TABLE far DROP COLUMN id',
		'ALTER TABLE far DROP CONSTRAINT far_pkey CASCADE, DROP COLUMN id',
		'DROP TABLE refers'
	],
	[
		'a column that gets other values',
		"CREATE TABLE far AS $filled",
		undef, 'ALTER TABLE far ALTER COLUMN filler TYPE int USING 0'
	],
	[
		'what a role owns',
		'CREATE ROLE leaver; CREATE TABLE far'
		  . ' (number int GENERATED ALWAYS AS IDENTITY, id int, filler text);'
		  . "INSERT INTO far (id, filler) $filled;"
		  . 'ALTER TABLE far OWNER TO leaver; CREATE VIEW v AS SELECT id FROM far',
		'DROP OWNED BY leaver',
		'DROP OWNED BY leaver CASCADE',
		'DROP ROLE leaver'
	])
{
	my ($what, $made, $refused, $statement, $after) = @$case;

	admin($made);
	takes_none($refused, qr/ERROR:  2BP01/, "$refused ($what)", %as_superuser)
	  if defined $refused;
	$saved = takes_one($statement, "$statement ($what)", %as_superuser);
	is(scalar(saved_rows($saved, 'public', 'far')),
		300, 'the snapshot has the rows');
	admin('DROP TABLE IF EXISTS far CASCADE; ' . ($after // ''));
}

admin('CREATE ROLE leaver; GRANT leaver TO owner;'
	  . q{SELECT lo_from_bytea(1, string_agg(sha256(i::text::bytea), ''))
	FROM generate_series(1, 10000) i;}
	  . 'ALTER LARGE OBJECT 1 OWNER TO leaver');
takes_none('DROP OWNED BY leaver', qr/ERROR:  42501/,
	'DROP OWNED without the right to it', role => 'other');
takes_one('DROP OWNED BY leaver', 'DROP OWNED of large objects');
takes_none('DROP OWNED BY leaver', undef, 'DROP OWNED of nothing');
takes_none("DROP OWNED BY \"$superuser\"",
	qr/ERROR:  2BP01: cannot drop objects owned by role/,
	'DROP OWNED of the system', %as_superuser);
admin('DROP ROLE leaver');

# What the server refuses
admin(<<EOF);
CREATE EXTENSION hstore;
CREATE TYPE pair AS (id int, filler text);
CREATE TABLE typed OF pair;
INSERT INTO typed $filled;
CREATE TABLE member AS $filled;
ALTER EXTENSION hstore ADD TABLE member;
CREATE TABLE parent AS $filled;
CREATE TABLE child () INHERITS (parent);
INSERT INTO child $filled;
CREATE TABLE parted (id int, filler text) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF parted DEFAULT;
INSERT INTO parted $filled;
CREATE TABLE seen AS $filled;
ALTER TABLE seen ADD twice int GENERATED ALWAYS AS (2 * id) STORED;
CREATE VIEW sees AS SELECT filler FROM seen;
CREATE MATERIALIZED VIEW keeps AS $filled;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
EOF
foreach my $case (
	[ 'DROP TABLE member CASCADE', qr/2BP01: .* because extension/ ],
	[ 'ALTER TABLE typed DROP COLUMN id', qr/42809: .* typed table/ ],
	[ 'ALTER TABLE child DROP COLUMN id', qr/42P16: .* inherited column/ ],
	[ 'ALTER TABLE part DROP COLUMN filler', qr/42P16: .* inherited/ ],
	[ 'ALTER TABLE parted DROP COLUMN id', qr/42P16: .* partition key/ ],
	[
		'ALTER TABLE ONLY parted DROP COLUMN filler',
		qr/42P16: .* only the partitioned table/
	],
	[
		'ALTER TABLE child ALTER COLUMN filler TYPE int USING 0',
		qr/42P16: .* inherited column/
	],
	[
		'ALTER TABLE ONLY parent ALTER COLUMN filler TYPE int USING 0',
		qr/42P16: .* must be changed in child tables too/
	],
	[
		'ALTER TABLE seen ALTER COLUMN nosuch TYPE int USING 0',
		qr/42703: column "nosuch"/
	],
	[ 'ALTER TABLE seen DROP COLUMN filler', qr/2BP01: .* depend on it/ ],
	[ 'ALTER TABLE seen DROP COLUMN id', qr/2BP01: .* depend on it/ ],
	[ 'DROP TABLE seen', qr/2BP01: .* depend on it/ ],
	[ 'TRUNCATE ONLY parted', qr/42809: cannot truncate only a partit/ ],
	[ 'DROP TYPE seen CASCADE', qr/2BP01: .* because table seen requires/ ],
	[ 'DROP TYPE int CASCADE', qr/2BP01: .* required by the database/ ],
	[ 'DROP FUNCTION one(int)', qr/42883: function one\(integer\) does/ ],
	[ 'DROP DOMAIN pair CASCADE', qr/42809: "?pair"? is not a domain/ ],
	[ 'DROP EXTENSION nosuch CASCADE', qr/42704: extension "nosuch"/ ])
{
	my ($statement, $error) = @$case;

	takes_none($statement, qr/ERROR:  $error/, $statement, %as_superuser);
}
foreach my $statement (
	'DROP TYPE pair CASCADE',
	'DROP FUNCTION one CASCADE',
	'DROP EXTENSION hstore CASCADE',
	'DROP VIEW sees',
	'ALTER TYPE pair DROP ATTRIBUTE id CASCADE')
{
	takes_none($statement, qr/ERROR:  42501: must be owner of/,
		"$statement without the right to it", role => 'other');
}

# What takes no rows of a table
foreach my $statement (
	'DROP VIEW sees',
	'DROP MATERIALIZED VIEW keeps',
	'DROP FUNCTION one',
	'DROP TYPE IF EXISTS nosuch, nosuch.nosuch CASCADE',
	'DROP FUNCTION IF EXISTS nosuch(nosuch) CASCADE',
	'CREATE INDEX i ON seen (id); DROP INDEX i',
	'CREATE SEQUENCE q; DROP SEQUENCE q CASCADE',
	'CREATE RULE r AS ON DELETE TO seen DO NOTHING; DROP RULE r ON seen',
	'ALTER TABLE parted DETACH PARTITION part',
	'ALTER TABLE child NO INHERIT parent',
	'ALTER TABLE parent ALTER COLUMN id TYPE bigint')
{
	takes_none($statement, undef, $statement, %as_superuser);
}
admin('CREATE VIEW sees AS SELECT filler FROM seen');
takes_one('DROP TABLE seen CASCADE', 'DROP TABLE that takes a view along',
	%as_superuser);
admin('DROP EXTENSION hstore; DROP TYPE pair CASCADE;'
	  . 'DROP TABLE child, parent, parted, part');

# The sizes are added up.
run_sql("CREATE TABLE half$_ AS SELECT * FROM generate_series(1, 1500)")
  foreach 1 .. 3;
takes_none('DROP TABLE half1', undef, 'DROP TABLE of one below the limit');
takes_one('DROP TABLE half2, half3',
	'DROP TABLE of two that together are above it');
run_sql(<<EOF);
CREATE TABLE toasted (t text);
ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
INSERT INTO toasted SELECT repeat('x', 200000);
EOF
takes_one('DROP TABLE toasted', 'DROP TABLE of one that is large in TOAST');

# What does not count
foreach my $case (
	[ 'a small table', "CREATE TABLE t $small; DROP TABLE t" ],
	[
		'an empty table with indexes, however low the limit',
		'CREATE TABLE t (id int PRIMARY KEY, filler text);'
		  . 'SET snapshot_worker.before_drop_size = 0; TRUNCATE t; DROP TABLE t'
	],
	[ 'a temporary table', "CREATE TEMP TABLE t $large; DROP TABLE t" ],
	[
		'an unlogged table',
		"CREATE UNLOGGED TABLE t $large; TRUNCATE t; DROP TABLE t"
	],
	[
		'a materialized view',
		"CREATE MATERIALIZED VIEW t $large; DROP MATERIALIZED VIEW t"
	],
	[ 'rows', "CREATE TABLE t $large; DELETE FROM t; $off; DROP TABLE t" ],
	[
		'nothing at all',
		'DROP TABLE IF EXISTS nosuch;'
		  . 'ALTER TABLE IF EXISTS nosuch DROP COLUMN a'
	])
{
	my ($what, $statements) = @$case;

	takes_none($statements, undef, "DROP of $what", %as_superuser);
}

# What the server refuses
foreach my $case (
	[ 'DROP TABLE kept, nosuch', qr/42P01: table "nosuch" does not exist/ ],
	[ 'TRUNCATE kept, nosuch', qr/42P01: relation "nosuch" does not exist/ ],
	[ 'ALTER TABLE nosuch DROP COLUMN a', qr/42P01: relation "nosuch" does/ ],
	[ 'DROP VIEW kept', qr/42809: "kept" is not a view/ ],
	[ 'DROP TABLE nosuch.kept', qr/3F000: schema "nosuch" does not exist/ ],
	[ 'DROP TABLE elsewhere.public.kept', qr/0A000: cross-database ref/ ],
	[ 'BEGIN READ ONLY; DROP TABLE kept;', qr/25006: cannot execute DROP T/ ],
	[ 'DROP TABLE pg_catalog.pg_proc', qr/42501: permission denied/ ],
	[ 'DROP SCHEMA pg_catalog CASCADE', qr/2BP01: cannot drop schema/ ])
{
	my ($statement, $error) = @$case;

	takes_none($statement, qr/ERROR:  $error/, $statement, %as_superuser);
}

# ---------------------------------------------------------------------------
# Transactions

my $written =
  qr/ERROR:  25001: cannot take a snapshot in a transaction that has written/;
my $locked =
  qr/ERROR:  25001: cannot wait for a snapshot in a transaction that has locked/;
run_sql(<<EOF);
CREATE TABLE looked_at $small;
CREATE FUNCTION drop_kept() RETURNS void LANGUAGE plpgsql AS
\$\$BEGIN DROP TABLE kept; END\$\$;
EOF
foreach my $case (
	[ 'has written', 'INSERT INTO looked_at VALUES (2)', $written ],
	[ 'has made a table', 'CREATE TABLE made ()', $written ],
	[ 'has read another table', 'SELECT * FROM looked_at', $locked ],
	[ 'has locked the table', 'LOCK TABLE kept', $locked ],
	[
		'has an open cursor', 'DECLARE c CURSOR FOR SELECT * FROM looked_at',
		$locked
	])
{
	my ($what, $statement, $error) = @$case;

	foreach my $drop ('DROP TABLE kept', 'SELECT drop_kept()')
	{
		my $stderr = takes_none("BEGIN; $statement; $drop;",
			$error, "$drop in a transaction that $what");
		like(
			$stderr,
			qr/HINT:  Commit first\. To proceed .*SET snapshot_worker\.before_drop = off/,
			'the hint has two ways out');
		like($stderr, qr/CONTEXT:  DROP TABLE was not executed/,
			'the context says that it was not done');
	}
}
takes_none('SELECT drop_kept() FROM looked_at',
	$locked, 'a function called in a query of another table');
takes_none('DO $$BEGIN PERFORM * FROM looked_at; DROP TABLE kept; END$$',
	$locked, 'a DO block that has read another table');
takes_none('DO $$BEGIN CREATE TABLE made (); DROP TABLE kept; END$$',
	$written, 'a DO block that has written');
ok(table_exists('kept'), 'the table is still there after all that');

# What a transaction has made itself, nobody else has seen.
foreach my $case (
	[ 'table', "CREATE TABLE made $large; DROP TABLE made" ],
	[
		'table that loses all it has',
		"CREATE TABLE made $large; TRUNCATE made; INSERT INTO made $filled;"
		  . 'ALTER TABLE made DROP COLUMN filler; DROP TABLE made'
	],
	[
		'table in a subtransaction',
		"SAVEPOINT a; CREATE TABLE made $large; SAVEPOINT b;"
		  . 'ALTER TABLE made ADD more int; RELEASE a; DROP TABLE made'
	],
	[
		'partition',
		'CREATE TABLE whole (id int, filler text) PARTITION BY LIST (id);'
		  . 'CREATE TABLE made PARTITION OF whole DEFAULT;'
		  . "INSERT INTO whole $filled; DROP TABLE whole"
	],
	[
		'schema',
		'CREATE SCHEMA s CREATE TABLE made (id int, filler text);'
		  . "INSERT INTO s.made $filled; DROP SCHEMA s CASCADE"
	],
	[
		'table of a type',
		'CREATE TYPE pair AS (id int, filler text); CREATE TABLE made OF pair;'
		  . "INSERT INTO made $filled; DROP TYPE pair CASCADE"
	],
	[
		'table in a DO block',
		"DO \$\$BEGIN CREATE TABLE made $large; DROP TABLE made; END\$\$"
	])
{
	my ($what, $statements) = @$case;

	takes_none("BEGIN; $statements; COMMIT;",
		undef, "a $what that the transaction itself has made");
}
foreach my $statement (
	'ALTER TABLE kept ADD more int',
	'ALTER TABLE kept RENAME id TO id2',
	'ALTER TABLE kept ALTER id TYPE bigint',
	'CREATE INDEX ON kept (id)',
	'CREATE TABLE made ()')
{
	takes_none("BEGIN; $statement; DROP TABLE kept;",
		$written, "a table that others know, after $statement");
}
takes_none("BEGIN; CREATE TABLE made $large; DROP TABLE made, kept;",
	$written, 'a table that others know, with one that the transaction has made');

takes_one('BEGIN; DROP TABLE kept; ROLLBACK;', 'the first in a transaction');
takes_one(
	'BEGIN; SELECT * FROM looked_at; COMMIT AND CHAIN; DROP TABLE kept; COMMIT;',
	'after the end of a transaction that has read');
make_large('kept');
takes_one('DO $$BEGIN DROP TABLE kept; END$$', 'a DO block');
make_large('kept');
takes_one('SELECT drop_kept()', 'a function');
make_large('kept');
append_to_file($node->basedir . '/drop.sql', "DROP TABLE kept;\n");
my $count = snapshots($directory);
$node->command_ok(
	[
		'pgbench', '-n', '-t1', '-M', 'extended', '-f',
		$node->basedir . '/drop.sql', 'app'
	],
	'a statement by the extended protocol is done');
ok(!table_exists('kept'), 'the table is gone');
is(scalar(snapshots($directory)), $count + 1, 'after a snapshot');

# ---------------------------------------------------------------------------
# A snapshot that is there already, and has all

make_large('kept1', 'kept2');
$saved = snapshot_now();
$stderr = takes_none("$with_max_age; DROP TABLE kept1",
	undef, 'just after a snapshot', %as_superuser);
like($stderr, qr/NOTICE: .*snapshot "\Q$saved\E" was taken before DROP TABLE/,
	'who does it is told the name of that one');
takes_one("$with_max_age; DROP TABLE kept2",
	'before_drop takes a snapshot once the database has changed', %as_superuser);

make_large('kept1');
snapshot_now();
takes_one('DROP TABLE kept1', 'where no age will do');

make_large('kept1');
snapshot_now();
run_sql('SELECT pg_current_xact_id()', %in_postgres);
takes_one("$with_max_age; DROP TABLE kept1",
	'when another database was written to', %as_superuser);

make_large('kept1', 'kept2');
snapshot_now();
takes_none(
	"$with_max_age; BEGIN; CREATE TABLE made (); SAVEPOINT s;"
	  . 'SELECT * FROM looked_at; INSERT INTO looked_at VALUES (3);'
	  . 'TRUNCATE kept1; DROP TABLE kept2; DROP TABLE kept1; COMMIT;',
	undef, 'several in the only transaction that has written', %as_superuser);
make_large('kept1', 'kept2');
takes_one("$with_max_age; BEGIN; DROP TABLE kept1; DROP TABLE kept2; COMMIT;",
	'the second one after a snapshot for the first', %as_superuser);

make_large('kept1');
my $writer = $node->background_psql('app');
snapshot_now();
$writer->query_safe('BEGIN; INSERT INTO looked_at VALUES (4)');
takes_none("$with_max_age; BEGIN; CREATE TABLE made2 (); DROP TABLE kept1;",
	$written, 'when this transaction has written, and another', %as_superuser);
snapshot_now();
$writer->query_safe('COMMIT');
takes_one("$with_max_age; DROP TABLE kept1",
	'when a transaction was in progress at the snapshot', %as_superuser);
$writer->quit;

make_large('kept1');
run_sql(q{BEGIN; INSERT INTO looked_at VALUES (5); PREPARE TRANSACTION 'p'},
	%as_superuser);
snapshot_now();
run_sql(q{COMMIT PREPARED 'p'}, %as_superuser);
takes_one("$with_max_age; DROP TABLE kept1",
	'when a transaction was prepared at the snapshot', %as_superuser);

make_large('kept1');
run_sql('BEGIN; CREATE TABLE made3 (); ROLLBACK', %as_superuser);
snapshot_now();
takes_none("$with_max_age; DROP TABLE kept1",
	undef, 'when a transaction was rolled back before', %as_superuser);

foreach my $case (
	[ 'an unchanged manifest', 'finished_at', '2' ],
	[ 'a snapshot of another cluster', 'system_identifier', '1' ],
	[ 'one of another millennium', 'started_at', '1' ],
	[ 'one of another life of the server', 'server_started_at', '1' ])
{
	my ($what, $member, $digit) = @$case;

	make_large('kept1');
	my $file = "$directory/" . snapshot_now() . '/manifest.json';
	my $text = slurp_file($file);
	$text =~ s/"$member": "\K\d/$digit/ or die $text;
	unlink $file or die "could not unlink $file: $!";
	append_to_file($file, $text);
	if ($digit eq '2')
	{
		takes_none("$with_max_age; DROP TABLE kept1",
			undef, $what, %as_superuser);
	}
	else
	{
		takes_one("$with_max_age; DROP TABLE kept1", $what, %as_superuser);
	}
}

make_large('kept1');
$saved = snapshot_now();
append_to_file("$directory/$saved/verified.json",
	qq({"name": "$saved", "verified_at": "2026-01-01T00:00:00.000000Z", "level": "archive", "problem": "bad"}\n));
takes_one("$with_max_age; DROP TABLE kept1",
	'a snapshot whose verification failed', %as_superuser);

make_large('kept1');
snapshot_now();
$node->restart;
takes_one("$with_max_age; DROP TABLE kept1", 'after a restart', %as_superuser);

run_sql('CREATE DATABASE shop', %in_postgres);
$node->safe_psql('postgres', q{SELECT snapshot_now('shop')});
takes_none("$with_max_age; DROP DATABASE shop",
	undef, 'DROP DATABASE just after a snapshot',
	%in_postgres, %as_superuser);

# ---------------------------------------------------------------------------
# Troubles

make_large('kept1');
run_sql('CREATE DATABASE shop', %in_postgres);
my $bin = install_fake_program($node, 'pg_dump', <<'EOF');
[ "$1" = --version ] && exec REAL "$@"
echo "pg_dump: error: the moon is full" >&2
exit 1
EOF
reload_with($node, bin_directory => $bin);
foreach my $case (
	[ 'DROP TABLE kept1', 'DROP TABLE' ],
	[ 'TRUNCATE kept1', 'TRUNCATE TABLE' ],
	[ 'ALTER TABLE kept1 DROP COLUMN filler', 'ALTER TABLE' ],
	[ 'DROP SCHEMA public CASCADE', 'DROP SCHEMA' ],
	[ 'DROP DATABASE shop', 'DROP DATABASE', %in_postgres ])
{
	my ($statement, $tag, %options) = @$case;

	$stderr = takes_none(
		$statement,
		qr/ERROR:  38000: .*could not take a snapshot of database "\w+": pg_dump failed/,
		"$statement whose snapshot fails", %options);
	like($stderr, qr/DETAIL:  pg_dump: error: the moon is full/,
		'the detail has the reason');
	like($stderr,
		qr/HINT:  To proceed without .*SET snapshot_worker\.before_drop = off/,
		'the hint has the way out');
	like($stderr, qr/CONTEXT:  $tag was not executed/,
		'the context says that it was not done');
}
is(admin('SELECT count(*), min(length(filler)) FROM kept1'),
	'300|1000', 'the data is still there');
ok(database_exists('shop'), 'the database is still there after the refused statements');
takes_none("$off; DROP TABLE kept1; DROP DATABASE shop",
	undef, 'with before_drop off, no snapshot is taken', %as_superuser);
reload_with($node, bin_directory => '');

make_large('kept1');
reload_with($node, directory => '/dev/null');
like((run_sql('DROP TABLE kept1'))[1],
	qr{ERROR:  .*/dev/null.*CONTEXT:  DROP TABLE was not executed}s,
	'without a place to write to, it is not done');
reload_with($node, directory => $directory);
ok(table_exists('kept1'), 'the table is still there');

# Canceled
hold_at($node, 'staged');
$dropper = start_waiting('DROP TABLE kept1');
wait_until_held($node, 'staged');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($dropper->{pid})");
(undef, $stderr) = finish_query($dropper);
like($stderr, qr/ERROR:  57014: canceling statement due to user request/,
	'a statement that waits can be canceled');
like($stderr, qr/CONTEXT:  DROP TABLE was not executed/, 'a canceled statement is not executed');
my ($running) = $stderr =~ /DETAIL:  Snapshot "(\S+)" is still being taken/;
let_go($node);
wait_until('the run goes on', sub { -e "$directory/$running" });
ok(table_exists('kept1'), 'the table is still there');

hold_at($node, 'staged');
$dropper = start_waiting('DROP TABLE kept1');
wait_until_held($node, 'staged');
$node->safe_psql('postgres', q{SELECT snapshot_cancel('app')});
like((finish_query($dropper))[1],
	qr/ERROR:  38000: .*CONTEXT:  DROP TABLE was not executed/s,
	'a statement whose run is canceled is not executed');
let_go($node);
ok(table_exists('kept1'), 'the table is still there');

# Those who come while a run is on share the next one, and a table that this
# is to dump stays until it has done so.
make_large('kept1', 'kept2', 'kept3');
my $gate = $node->basedir . '/gate';
install_fake_program($node, 'pg_dump', <<EOF);
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);
my $reader = $node->background_psql('app');
$reader->query_safe('BEGIN; SELECT FROM kept1');
$count = snapshots($directory);
hold_at($node, 'staged');
$dropper = start_waiting('DROP TABLE kept1');
wait_until_held($node, 'staged');
my @others =
  map { start_waiting($_) } 'DROP TABLE kept2', 'TRUNCATE kept3';
hold_at($node, 'dumped');
wait_until_held($node, 'dumped');
append_to_file($gate, '');
let_go($node);
wait_until('the next run is about to dump',
	sub {
		$node->safe_psql('postgres', <<EOF) eq '1';
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
	});
$reader->query_safe('COMMIT');
$reader->quit;
ok(table_exists('kept1'), 'the table of the first statement is still there');
unlink $gate or die "could not unlink $gate: $!";
unlike((finish_query($_))[1], qr/ERROR/, 'one statement of several is done')
  foreach $dropper, @others;
is(scalar(snapshots($directory)), $count + 2, 'there were two runs in all');
ok(!table_exists('kept1') && !table_exists('kept2'), 'the tables are gone');
reload_with($node, bin_directory => '');

# One table, two sessions; another run is on, so that they share one.
make_large('kept1');
hold_at($node, 'staged');
$asker = start_waiting(q{SELECT snapshot_now('app')}, 'postgres');
wait_until_held($node, 'staged');
@droppers = map { start_waiting("DROP TABLE kept1 /* $_ */") } 1, 2;
let_go($node);
finish_query($_) foreach $asker, @droppers;
is((scalar grep { $_->{err} !~ /ERROR/ } @droppers),
	1, 'one of two sessions drops a table');
like((join '', map { $_->{err} } @droppers),
	qr/ERROR:  42P01: .*table "kept1" does not exist/,
	'the other one is told that it does not exist');

# Many at once
make_large(map { "many$_" } 1 .. 8);
@droppers = map { start_query($node, "DROP TABLE many$_", 'app') } 1 .. 8;
unlike((finish_query($_))[1], qr/ERROR/, 'one of many at once is done')
  foreach @droppers;

# The launcher goes away while the request waits for its turn.
make_large('kept1');
run_sql("CREATE DATABASE db$_", %in_postgres) foreach 1, 2;
hold_at($node, 'staged');
my @askers =
  map { start_waiting("SELECT snapshot_now('db$_')", 'postgres') } 1, 2;
wait_until('all workers have something to do',
	sub {
		$node->safe_psql('postgres', <<EOF) eq '2';
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query = 'held at staged'
EOF
	});
$dropper = start_waiting('DROP TABLE kept1');
my $launcher = $node->safe_psql('postgres',
	'SELECT launcher_pid FROM snapshot_status()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($launcher)");
wait_until('another launcher is there',
	sub {
		$node->safe_psql('postgres',
			"SELECT launcher_pid <> $launcher FROM snapshot_status()") eq 't';
	});
let_go($node);
unlike((finish_query($dropper))[1], qr/ERROR/,
	'a statement outlives the launcher that it waited for');
ok(!table_exists('kept1'), 'the table is gone');
finish_query($_) foreach @askers;

is_deeply([ leftovers($directory) ], [], 'nothing is left over');
is_deeply([ damages($directory) ], [], 'no snapshot is damaged at the end');
$node->stop;
done_testing();
