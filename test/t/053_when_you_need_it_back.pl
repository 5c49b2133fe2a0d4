
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

$node->safe_psql('postgres', 'CREATE ROLE app LOGIN; CREATE ROLE reader');
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
GRANT SELECT ON sales.orders TO reader;
EOF
$node->safe_psql('postgres', "ALTER DATABASE shop SET work_mem = '10MB'");
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('shop')");
$node->safe_psql('postgres', 'CREATE DATABASE unhurt TEMPLATE shop');

my $orders = $node->safe_psql('shop', 'SELECT count(*), sum(id) FROM sales.orders');
my $copy = $other->basedir . '/copy';
my $list = $node->basedir . '/orders.list';

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

	like($command, qr/^\Q$start\E/, "$in: \"$start\" is next") or return;
	$command =~ s{/srv/snapshots2}{$copy}g;
	$command =~ s{/srv/snapshots}{$directory}g;
	$command =~ s{/tmp/orders\.list}{$list}g;
	$command =~ s{shop/2026-11-25T03-28-09Z}{$name}g;
	$command =~ s{-p 5433}{"-p " . $other->port}ge;
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	my ($stdout, $stderr);
	my $good = IPC::Run::run(
		[ 'bash', '-o', 'pipefail', '-c', $command ],
		'>', \$stdout, '2>', \$stderr);
	ok($good, "$in: $start ...") or diag $stderr;
	return $stdout;
}

like(run_next('', 'psql -d postgres -c "SELECT name'),
	qr/\Q$name\E/, 'the snapshot is found');

# The table is gone.
my $in = 'The table is gone';
$node->safe_psql('shop', 'DROP TABLE sales.orders');
run_next($in, 'psql -d postgres -c "SELECT snapshot_restore');
run_next($in, 'pg_dump --table=sales.orders');
is_same_database($node, 'unhurt', 'shop', 'the table is back, with all that it had');
is(run_next($in, 'diff'), '', 'the diff of schemas shows that nothing is missing');
$node->safe_psql('shop', 'DELETE FROM sales.orders WHERE id < 100');
run_next($in, 'psql -d shop_back -c "COPY');
is($node->safe_psql('shop', 'SELECT count(*), sum(id) FROM sales.orders'),
	$orders, 'rows are back');
run_next($in, 'dropdb shop_back');
$node->safe_psql('shop', 'DROP TABLE sales.orders');
run_next($in, 'pg_restore --list');
# as the page shows it, but for numbers
my ($shown) = $all_text =~ /^\$ cat \S+\n((?:\d.*\n)+)/m;
my $found = run_next($in, 'cat');
s/^ *\d+; \d+ \d+ //mg foreach $shown, $found;
is(join('', sort grep { !/INDEX/ } map { "$_\n" } split /\n/, $found),
	join('', sort map { "$_\n" } split /\n/, $shown),
	'the entries of the archive look as the page shows them');
run_next($in, 'pg_restore --exit-on-error --use-list');
is($node->safe_psql('shop', 'SELECT count(*), sum(id) FROM sales.orders'),
	$orders, 'the table is back by itself');
is( $node->safe_psql('shop',
		"SELECT count(*) FROM pg_constraint WHERE conrelid = 'sales.orders'::regclass AND contype IN ('p', 'f')"),
	'2', 'and has its constraints');
run_next($in, 'createdb scratch');
run_next($in, 'psql -d scratch');
run_next($in, 'pg_restore --exit-on-error --schema=sales -t orders');
is($node->safe_psql('scratch', 'SELECT count(*), sum(id) FROM sales.orders'),
	$orders, 'its rows can be had elsewhere');
run_next($in, 'dropdb scratch');

# The whole database.
$in = 'The whole database';
$node->safe_psql('shop', 'TRUNCATE sales.orders');
run_next($in, 'psql -d postgres -c "SELECT snapshot_restore');
like(run_next($in, 'psql -d shop_back'), qr/1000/, 'it has its rows');
run_next($in, 'psql -d postgres -c "ALTER DATABASE');
is_same_database($node, 'unhurt', 'shop', 'the database is back under its name');
is($node->safe_psql('shop_damaged', 'SELECT count(*) FROM sales.orders'),
	'0', 'the damaged one is still there');
is($node->safe_psql('shop', 'SHOW work_mem'), '10MB', 'settings are back');
my $guest = $node->background_psql('shop');
run_next($in, 'psql -d postgres -c "ALTER DATABASE shop ALLOW_CONNECTIONS false"');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_activity WHERE datname = 'shop'"),
	'0', 'nobody is connected any more');
run_next($in, 'psql -d postgres -c "ALTER DATABASE shop ALLOW_CONNECTIONS true"');
eval { $guest->{run}->finish };
$node->safe_psql('postgres', 'DROP DATABASE shop');
run_next($in, 'psql -d postgres -c "SELECT snapshot_restore');
is_same_database($node, 'unhurt', 'shop', 'a dropped database is back');
is( $node->safe_psql('postgres',
		"SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'"),
	'app', 'and has its owner');

# On another server.
$in = 'On another server';
system_or_bail('cp', '-a', $directory, $copy);
run_next($in, 'psql -p 5433 -d postgres -c "ALTER SYSTEM');
run_next($in, 'psql -p 5433 -d postgres -c "CREATE EXTENSION');
like(run_next($in, 'psql -p 5433 -d postgres -c "SELECT name'),
	qr/\Q$name\E/, 'the other server lists the snapshot');
my (undef, undef, $stderr) =
  $other->psql('postgres', "SELECT snapshot_restore('$name', 'shop')");
like($stderr, qr/do not exist: "app", "reader"\n.*globals\.sql/s,
	'roles that are missing there are named');
run_next($in, 'psql -X -p 5433');
run_next($in, 'psql -p 5433 -d postgres -c "SELECT snapshot_restore');
is(plain_dump($other, 'shop'), plain_dump($node, 'unhurt'),
	'the database is there as it was');
run_next($in, 'psql -p 5433 -d postgres -c "SELECT snapshot_restore');
is( $other->safe_psql('postgres',
		"SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = 'shop_mine'"),
	't', 'or owned by who restored it');

# Without snapshot_worker.
$in = 'Without snapshot_worker';
run_next($in, 'psql -X -p 5433');
run_next($in, 'createdb -p 5433');
run_next($in, 'pg_restore -p 5433');
is(plain_dump($other, 'shop_plain'), plain_dump($node, 'unhurt'),
	'it is there as it was, too');

is_deeply([ map { @$_ } values %commands ], [], 'no command was left out');
$node->stop;
$other->stop;
done_testing();
