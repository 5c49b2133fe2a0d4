
# Copyright (c) 2026, the snapshot_worker developers

# DROP DATABASE with before_drop.  Promised here: a database is dropped after a
# snapshot of it, or not at all; a DROP DATABASE that the server refuses takes
# no snapshot; and DROP DATABASE waits for runs of the database, and for no
# other.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::BeforeDrop;
use Test::More;

my ($node, $directory, $superuser) = before_drop_node();
my %in_postgres = (database => 'postgres');
my %as_superuser = (role => $superuser);

run_sql('CREATE DATABASE shop', %in_postgres);
run_sql("CREATE TABLE items $small; INSERT INTO items VALUES (2), (3)",
	database => 'shop');
my $saved = takes_one(
	'DROP DATABASE shop', 'DROP DATABASE by its owner',
	%in_postgres, of => 'shop');
ok(!database_exists('shop'), 'DROP DATABASE by its owner drops the database');
is( $node->safe_psql('postgres', <<EOF), 'before drop|before drop|succeeded',
SELECT (SELECT reason FROM snapshot_list() WHERE name = '$saved'),
       reason, outcome FROM snapshot_history() WHERE name = '$saved'
EOF
	'list and history say that a snapshot was taken before a drop');
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
	'DROP DATABASE of the current database', database => 'shop');
takes_none('DROP DATABASE nosuch',
	qr/ERROR:  3D000: database "nosuch" does not exist/,
	'DROP DATABASE of one that does not exist', %in_postgres);
takes_none('DROP DATABASE IF EXISTS nosuch',
	undef, 'DROP DATABASE IF EXISTS of one that does not exist', %in_postgres);
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
	'the hint of a refused DROP DATABASE has two ways to proceed');
like($stderr, qr/CONTEXT:  DROP DATABASE was not executed/,
	'the context of a refused DROP DATABASE says that it was not executed');
ok(database_exists('shop'), 'a DROP DATABASE that was refused leaves the database');
takes_none("$off; $drop", undef, 'DROP DATABASE with the setting off',
	%in_postgres, %as_superuser);
ok(!database_exists('shop'),
	'DROP DATABASE with the setting off drops the database');

run_sql('CREATE DATABASE broken', %in_postgres);
admin(q{UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'broken'});
takes_none('DROP DATABASE broken',
	undef, 'DROP DATABASE of one whose DROP was interrupted', %in_postgres);
ok(!database_exists('broken'),
	'DROP DATABASE drops a database whose DROP was interrupted');

# FORCE ends other sessions, after the snapshot.
run_sql('CREATE DATABASE busy', %in_postgres);
my $connected = $node->background_psql('busy');
takes_one(
	'DROP DATABASE busy WITH (FORCE)', 'DROP DATABASE ... WITH (FORCE)',
	%in_postgres, %as_superuser, of => 'busy');
ok(!database_exists('busy'),
	'DROP DATABASE ... WITH (FORCE) drops a database that someone is connected to');
$connected->quit;

# Other sessions and other users of a database keep it.
run_sql('CREATE DATABASE busy', %in_postgres);
$connected = $node->background_psql('busy');
$stderr = takes_none(
	'DROP DATABASE busy',
	qr/ERROR:  55006: .*database "busy" is being accessed by other users/,
	'DROP DATABASE of one that someone is connected to', %in_postgres);
like($stderr, qr/DETAIL:  There is 1 other session using the database/,
	'the detail of a refused DROP DATABASE has the number of sessions');
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
ok(!database_exists('busy'),
	'DROP DATABASE drops the database that the other session has left');

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
ok(database_exists('wanted'), 'DROP DATABASE waits for a run of the database');
let_go($node);
like((finish_query($asker))[0], qr{^wanted/}, 'a run that DROP DATABASE waits for comes to its end');
unlike((finish_query($dropper))[1], qr/ERROR/, 'DROP DATABASE goes on after the run that it waited for');
ok(!database_exists('wanted'), 'the database is gone after the run that DROP DATABASE waited for');

# Two sessions drop a database at once.
run_sql('CREATE DATABASE twice', %in_postgres);
hold_at($node, 'staged');
my @droppers =
  map { start_waiting("DROP DATABASE twice /* $_ */", 'postgres') } 1, 2;
let_go($node);
finish_query($_) foreach @droppers;
is((scalar grep { $_->{err} !~ /ERROR/ } @droppers),
	1, 'one of two sessions that drop a database at once drops it');
like((join '', map { $_->{err} } @droppers),
	qr/ERROR:  3D000: .*database "twice" does not exist/,
	'the other of two sessions that drop a database at once has an error that it does not exist');

make_large('kept');
run_sql('CREATE DATABASE alone', %in_postgres);
my $database_only = q{SET snapshot_worker.before_drop = 'database'};
takes_none("$database_only; DROP TABLE kept",
	undef, 'DROP TABLE with the setting "database"', %as_superuser);
takes_one(
	"$database_only; DROP DATABASE alone",
	'DROP DATABASE with the setting "database"',
	%in_postgres, %as_superuser, of => 'alone');


is_deeply([ leftovers($directory) ], [], 'snapshots before drops leave nothing over');
is_deeply([ damages($directory) ], [], 'snapshots before drops are whole at the end');
$node->stop;
done_testing();
