
# Copyright (c) 2026, the snapshot_worker developers

# doc/recovery.md, "When you need it back", command by command: each is run as
# it stands there, but for paths, ports and the name of the snapshot.

use strict;
use warnings;

use Documentation;
use DumpCompare;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main');
my ($other, undef) = snapshot_node('other', start => 0);
$other->start;

# The other server keeps the password of its superuser.
$node->safe_psql('postgres', "ALTER ROLE CURRENT_USER PASSWORD 'of the first'");
$other->safe_psql('postgres', "ALTER ROLE CURRENT_USER PASSWORD 'of the other'");
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
my $password = "SELECT rolpassword FROM pg_authid WHERE rolname = current_user";
my $kept = $other->safe_psql('postgres', $password);
my $fast = $node->basedir . '/fast';
my $other_fast = $other->basedir . '/fast';

$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE reader');
mkdir $fast or die;
$node->safe_psql('postgres', "CREATE TABLESPACE fast OWNER app LOCATION '$fast'");
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER app');
$node->safe_psql('shop', <<'EOF');
CREATE SCHEMA sales AUTHORIZATION app;
SET ROLE app;
CREATE TABLE sales.customers (id int PRIMARY KEY, name text);
CREATE TABLE sales.orders (id int GENERATED ALWAYS AS IDENTITY,
	customer int, what text, CONSTRAINT orders_pkey PRIMARY KEY (id),
	CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES sales.customers);
INSERT INTO sales.customers SELECT g, 'customer ' || g FROM generate_series(1, 10) g;
INSERT INTO sales.orders (customer, what) SELECT g % 10 + 1, md5(g::text) FROM generate_series(1, 1000) g;
CREATE INDEX ON sales.orders (what);
CREATE INDEX no_name_of_the_table ON sales.orders (customer) TABLESPACE fast;
CREATE STATISTICS sales.together ON customer, what FROM sales.orders;
CREATE FUNCTION sales.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER noop BEFORE INSERT ON sales.orders FOR EACH ROW EXECUTE FUNCTION sales.noop();
COMMENT ON COLUMN sales.orders.what IS 'what it is';
GRANT SELECT ON sales.orders TO reader;
-- what depends on the table; by its primary key, for one
CREATE VIEW sales.order_counts AS SELECT o.id, o.what, count(*) FROM sales.orders o GROUP BY o.id;
GRANT SELECT ON sales.order_counts TO reader;
CREATE TABLE sales.payments (id int PRIMARY KEY, order_id int,
	CONSTRAINT payments_order_fkey FOREIGN KEY (order_id) REFERENCES sales.orders);
EOF
$node->safe_psql('postgres', "ALTER DATABASE shop SET work_mem = '10MB'");
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('shop')");
$node->safe_psql('postgres', 'CREATE DATABASE unhurt TEMPLATE shop');

my $orders = $node->safe_psql('shop', 'SELECT count(*), sum(id) FROM sales.orders');
my $copy = $other->basedir . '/copy';
my $scratch = $node->basedir . '/scratch_files';
mkdir $scratch or die;

# The commands of one of the page's sections.
my %commands;
my $all_text = '';
foreach my $block (fenced_blocks('doc/recovery.md'))
{
	my $in = $block->{section} =~ s/^When you need it back$//r;

	$all_text .= $block->{text};
	push @{ $commands{$in} }, $block->{text} =~ /^\$ (.*)/mg;
}

# Takes the next command of a section and runs it; it begins as is expected.
sub run_next
{
	my ($in, $start) = @_;
	my $command = shift @{ $commands{$in} };

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($command, qr/^\Q$start\E/, "the next command of the section ($in) is \"$start\"") or return;
	$command =~ s{/tmp/}{$scratch/}g;
	$command =~ s{/srv/snapshots2}{$copy}g;
	$command =~ s{/srv/snapshots}{$directory}g;
	$command =~ s{/srv/fast}{$other_fast}g;
	$command =~ s{ROLE postgres}{ROLE $superuser}g;
	$command =~ s{shop/2026-11-25T03-28-09Z}{$name}g;
	$command =~ s{-p 5433}{"-p " . $other->port}ge;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my ($stdout, $stderr);
	my $good = IPC::Run::run(
		[ 'bash', '-o', 'pipefail', '-c', $command ],
		'>', \$stdout, '2>', \$stderr);
	ok($good, "the command \"$start\" succeeds ($in)") or diag $stderr;
	return $stdout;
}

like(run_next('', 'psql -d postgres -c "SELECT name'),
	qr/\Q$name\E/, 'the first command of the page finds the snapshot');

# Compare the output of a command with what a block shows, without numbers that
# differ.
sub is_as_shown
{
	my ($in, $command, $found, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($shown) = $all_text =~ /^\$ \Q$command\E.*\n((?:[^\$\n].*\n)+)/m
	  or die "nothing is shown for \"$command\"";

	$found =~ s/\Q$fast\E/\/srv\/fast/g;
	s/^ *\d+; \d+ \d+ //mg foreach $shown, $found;
	is(join("\n", sort split /\n/, $found),
		join("\n", sort split /\n/, $shown), "the output that the page shows is right ($in): $test_name");
	return;
}

# All that a dump has of the table.
sub dump_of_table
{
	my ($database) = @_;
	my ($out, $err) = run_command(
		[
			'pg_dump', '--host=' . $node->host, '--port=' . $node->port,
			'--table=sales.orders', $database
		]);

	die $err unless $out =~ /CREATE TABLE/;
	return $out =~ s/^.(?:un)?restrict .*\n//mgr;
}

# Rows are gone.
my $in = 'Rows are gone';
$node->safe_psql('shop', 'DELETE FROM sales.orders WHERE id < 100');
run_next($in, 'psql -d shop -c "CREATE EXTENSION');
like(run_next($in, 'psql -d shop -c "SELECT count(*)'), qr/^ *99$/m, 'the rows that are missing are counted');
run_next($in, 'psql -d shop -c "INSERT INTO sales.orders');
is($node->safe_psql('shop', 'SELECT count(*), sum(id) FROM sales.orders'),
	$orders, 'deleted rows are back by one statement');
$node->safe_psql('shop', "UPDATE sales.orders SET what = 'changed' WHERE id < 200");
run_next($in, 'psql -d shop -c "UPDATE sales.orders');
is($node->safe_psql('shop', "SELECT count(*) FROM sales.orders WHERE what = md5(id::text)"),
	'1000', 'changed rows are back by one statement');
like(run_next($in, 'psql -d shop -c "SELECT *'), qr/^ *7 \| 8f14e45fceea167a5a36dedd4bea2543$/m,
	'a row is read by the name of its table');
run_next($in, 'psql -d shop -c "DROP EXTENSION');

# The table is gone.
$in = 'The table is gone';
$node->safe_psql('shop', 'DROP TABLE sales.orders CASCADE');
run_next($in, 'psql -d shop -c "CREATE EXTENSION');
run_next($in, 'psql -d shop -c "SELECT * FROM snapshot_restore_table');
is(dump_of_table('shop'), dump_of_table('unhurt'),
	'one call brings a table back, with indexes, triggers, privileges and its sequence');
$node->safe_psql('shop', 'DROP TABLE sales.orders; DROP EXTENSION snapshot_worker');
run_next($in, 'psql -d postgres -c "SELECT snapshot_restore');
run_next($in, 'pg_dump --table=sales.orders');
run_next($in, 'pg_dump -Fc --schema-only --file');
run_next($in, 'pg_dump -Fc --schema-only shop');
run_next($in, 'pg_restore --list');
is_as_shown($in, 'cat /tmp/missing.list', run_next($in, 'cat'),
	'what CASCADE took is missing, and no more');
run_next($in, 'pg_restore --exit-on-error --single-transaction');
is_same_database($node, 'unhurt', 'shop', 'the dropped table is back, with its rows and all that depended on it');
is(run_next($in, 'diff'), '', 'the diff of schemas shows that nothing is missing');
$node->safe_psql('shop', 'DELETE FROM sales.orders WHERE id < 100');
run_next($in, 'psql -d shop_back -c "COPY');
is($node->safe_psql('shop', 'SELECT count(*), sum(id) FROM sales.orders'),
	$orders, 'deleted rows are back');
run_next($in, 'dropdb shop_back');
$node->safe_psql('shop', 'DROP TABLE sales.orders CASCADE');
run_next($in, 'createdb -T template0 shop_schema');
run_next($in, 'pg_restore --schema-only');
run_next($in, 'pg_dump --section=pre-data');
run_next($in, 'pg_restore --data-only');
run_next($in, 'pg_dump --section=post-data');
run_next($in, 'dropdb shop_schema');
is(dump_of_table('shop'), dump_of_table('unhurt'),
	'a table is restored alone, with indexes, triggers, privileges and its sequence');
$node->safe_psql('postgres', 'DROP DATABASE shop');
$node->safe_psql('postgres', 'CREATE DATABASE shop TEMPLATE unhurt OWNER app');
run_next($in, 'createdb scratch');
run_next($in, 'psql -d scratch');
run_next($in, 'pg_restore --exit-on-error --schema=sales -t orders');
is($node->safe_psql('scratch', 'SELECT count(*), sum(id) FROM sales.orders'),
	$orders, 'the rows of a table are restored elsewhere');
run_next($in, 'dropdb scratch');

# The whole database.
$in = 'The whole database';
$node->safe_psql('shop', 'TRUNCATE sales.orders, sales.payments');
run_next($in, 'psql -d postgres -c "SELECT snapshot_restore');
like(run_next($in, 'psql -d shop_back'), qr/1000/, 'the restored database has its rows');
run_next($in, 'psql -d postgres -c "ALTER DATABASE');
is_same_database($node, 'unhurt', 'shop', 'the restored database is back under its name');
is($node->safe_psql('shop_damaged', 'SELECT count(*) FROM sales.orders'),
	'0', 'the damaged database is still there under another name');
is($node->safe_psql('shop', 'SHOW work_mem'), '10MB', 'the settings of the restored database are back');
# Once more, with somebody connected.
$node->safe_psql('postgres', 'ALTER DATABASE shop RENAME TO shop_back');
$node->safe_psql('postgres', 'ALTER DATABASE shop_damaged RENAME TO shop');
my @guests = map { $node->background_psql($_) } qw(shop shop_back);
run_next($in, 'psql -d postgres -c "ALTER DATABASE shop ALLOW_CONNECTIONS false"');
run_next($in, 'psql -d postgres -c "ALTER DATABASE shop RENAME');
is($node->safe_psql('shop', 'SELECT count(*) FROM sales.orders'),
	'1000', 'the restored database takes connections');
run_next($in, 'psql -d postgres -c "ALTER DATABASE shop_damaged ALLOW_CONNECTIONS true"');
is($node->safe_psql('shop_damaged', 'SELECT count(*) FROM sales.orders'),
	'0', 'the damaged database takes connections in the end');
eval { $_->{run}->finish } foreach @guests;
$node->safe_psql('postgres', 'DROP DATABASE shop');
run_next($in, 'psql -d postgres -c "SELECT snapshot_restore');
is_same_database($node, 'unhurt', 'shop', 'a dropped database is restored to what it was');
is( $node->safe_psql('postgres',
		"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'"),
	'app', 'the restored database has its owner');

# What could not be restored.
$in = 'What could not be restored';
is(run_next($in, 'psql -d postgres -c "SELECT left_out FROM snapshot_restore') =~ s/\s+/ /gr,
	' left_out ---------- {} (1 row) ', 'nothing of the database is left out');
is_same_database($node, 'unhurt', 'shop_rest', 'a restore that goes on restores the whole of a good database');
like(run_next($in, 'pg_restore --section=post-data'),
	qr/ADD CONSTRAINT payments_order_fkey FOREIGN KEY/,
	'the dump prints the statement of a foreign key');
run_next($in, 'psql -d shop_rest -c "ALTER TABLE');
is( $node->safe_psql('shop_rest',
		"SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND NOT convalidated"),
	'1', 'a foreign key is brought back for new rows');
run_next($in, 'dropdb shop_rest');

# On another server.
$in = 'On another server';
system_or_bail('cp', '-a', $directory, $copy);
run_next($in, '(umask 077; grep -vE');
is((stat "$scratch/globals.sql")[2] & 077, 0, 'only the owner can read a file with password hashes');
is_as_shown($in, 'grep -E', run_next($in, 'grep -E'),
	'the roles to be made are those of globals.sql');
run_next($in, 'mkdir');
# "change it in /tmp/globals.sql"
system_or_bail('sed', '-i', "s|'$fast'|'$other_fast'|", "$scratch/globals.sql");
run_next($in, 'sed -i');
unlike(slurp_file("$scratch/globals.sql"), qr/^\\/m,
	'globals.sql without restrict commands is for an older psql, too');
run_next($in, 'psql -X -v ON_ERROR_STOP=1 -p 5433');
is($other->safe_psql('postgres', $password), $kept,
	'the superuser of the other server keeps its password');
run_next($in, 'psql -p 5433 -d postgres -c "ALTER SYSTEM');
run_next($in, 'psql -p 5433 -d postgres -c "CREATE EXTENSION');
like(run_next($in, 'psql -p 5433 -d postgres -c "SELECT name'),
	qr/\Q$name\E/, 'the other server lists the snapshot');
run_next($in, 'psql -p 5433 -d postgres -c "SELECT snapshot_restore');
is(plain_dump($other, 'shop'), plain_dump($node, 'unhurt'),
	'a database is restored on another server to what it was');
run_next($in, 'psql -p 5433 -d postgres -c "SELECT snapshot_restore');
is( $other->safe_psql('postgres',
		"SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = 'shop_mine'"),
	't', 'a database restored without owners is owned by its restorer');

# Without snapshot_worker.
$in = 'Without snapshot_worker';
run_next($in, 'createdb -p 5433');
run_next($in, 'pg_restore -p 5433');
is(plain_dump($other, 'shop_plain'), plain_dump($node, 'unhurt'),
	'a database restored without snapshot_worker is as it was');

is_deeply([ map { @$_ } values %commands ], [], 'all commands of the page were run');
$node->stop;
$other->stop;
done_testing();
