
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Transactions in progress while the base of an incremental snapshot is taken.
# Promised here: what they have written is read once they have committed; they
# make no other table look changed; row locks are no changes; and what changes
# while COPY runs is read the next time.

use strict;
use warnings;

use IncrementalTest;
use POSIX qw(strftime);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PsqlSession;
use SnapshotTest;
use Test::More;

my ($node, $directory) = incremental_node('main', conf => <<'EOF');
max_prepared_transactions = 5
EOF
execute($node, <<'EOF');
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE moods (m mood);
INSERT INTO moods SELECT 'sad' FROM generate_series(1, 300);
CREATE TABLE t (id int PRIMARY KEY, v text) WITH (fillfactor = 50);
INSERT INTO t SELECT g, repeat('x', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE other (id int, v text);
INSERT INTO other SELECT g, repeat('y', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE tail (id int, v text);
INSERT INTO tail SELECT g, repeat('z', 100) || g FROM generate_series(1, 2000) g;
CREATE TABLE child (id int REFERENCES t);
INSERT INTO child VALUES (1);
EOF

next_reads($node, $directory, 'everything', 'the first snapshot reads everything');
next_reads($node, $directory, '', 'the second snapshot reads nothing');

# Transactions in progress while the base is taken.
execute($node, 'VACUUM tail');
my $session = PsqlSession->new($node, 'app');
in_session($session, q{BEGIN; DELETE FROM tail WHERE ctid >= '(16,0)'});
next_reads($node, $directory, 'tail', 'a table whose rows are being deleted is read');
in_session($session, 'COMMIT');
my $blocks = q{SELECT pg_relation_size('tail') / 8192};
my $before = $node->safe_psql('app', $blocks);
execute($node, 'VACUUM tail');
cmp_ok($node->safe_psql('app', $blocks), '<', $before,
	'VACUUM cuts off a tail');
next_reads($node, $directory, 'tail',
	'a tail that is cut off after its delete was open at the base is a change');
next_reads($node, $directory, '', 'the cut table is the same from then on');

in_session($session,
	q{BEGIN; SAVEPOINT a; INSERT INTO t VALUES (-1, 'a'); RELEASE a});
# one that has ended is after it, so that its ID is one of those listed
execute($node, 'SELECT txid_current()');
next_reads($node, $directory, 't', 'a table with rows of a savepoint in progress is read');
in_session($session, 'COMMIT');
next_reads($node, $directory, 't',
	'rows of a savepoint that was open at the base are read once committed');
in_session($session, <<'EOF');
BEGIN;
SAVEPOINT a;
DELETE FROM t WHERE id = -1;
ROLLBACK TO a;
INSERT INTO other VALUES (-1, 'b')
EOF
next_reads($node, $directory, 'other t',
	'a table with rows of a savepoint that was rolled back is read');
in_session($session, 'COMMIT');
next_reads($node, $directory, 'other',
	'a savepoint that was rolled back before the base is no later change');

my $many = join '; ',
  map { "SAVEPOINT s$_; INSERT INTO t VALUES (-100 - $_, '$_')" } 1 .. 80;
in_session($session, "BEGIN; $many");
next_reads($node, $directory, 't',
	'a table with rows of more savepoints than an MVCC snapshot lists is read');
in_session($session, 'COMMIT');
next_reads($node, $directory, 't', 'rows of many savepoints are read once they are committed');
next_reads($node, $directory, '', 'a table with such rows is the same from then on');

in_session($session, q{BEGIN; INSERT INTO other VALUES (-2, 'long')});
execute($node, q{INSERT INTO t VALUES (-2, 'short')},
	q{INSERT INTO moods VALUES ('glad')});
next_reads($node, $directory, 'moods other t',
	'tables that were written beside a long transaction are read');
next_reads($node, $directory, 'other', 'a long transaction makes no other table look changed');
next_reads($node, $directory, 'other', 'a table that an open transaction wrote is read each time');
in_session($session, 'COMMIT');
next_reads($node, $directory, 'other', 'a long transaction is read when it has committed');
next_reads($node, $directory, '', 'a long transaction is read once');

in_session($session, q{BEGIN; UPDATE t SET v = 'hot' WHERE id = 7});
next_reads($node, $directory, 't', 'a table with an open HOT update is read');
in_session($session, 'COMMIT');
execute($node, 'SELECT count(*) FROM t', 'VACUUM t');
next_reads($node, $directory, 't',
	'a HOT update that was open at the base, and is pruned, is a change');

execute($node, <<'EOF');
BEGIN;
DELETE FROM other WHERE id < 10;
SAVEPOINT a;
INSERT INTO other VALUES (-3, 'p');
PREPARE TRANSACTION 'p'
EOF
next_reads($node, $directory, 'other', 'a table that a prepared transaction has written is read');
$session->close_session;
$node->restart;
next_reads($node, $directory, 'other', 'a prepared transaction is still in progress after a restart');
execute($node, q{COMMIT PREPARED 'p'});
next_reads($node, $directory, 'other', 'a prepared transaction is read when it has committed');
next_reads($node, $directory, '', 'a prepared transaction is read once');

# Row locks.
$session = PsqlSession->new($node, 'app');
my $second = PsqlSession->new($node, 'app');
in_session($session, 'BEGIN; SELECT FROM t WHERE id = 1 FOR UPDATE');
next_reads($node, $directory, 't', 'a table with a new row lock is read');
next_reads($node, $directory, '', 'a row that stays locked is no change');
in_session($session, 'COMMIT');
next_reads($node, $directory, '', 'the end of a row lock is no change');
in_session($_, 'BEGIN; SELECT FROM t WHERE id = 2 FOR SHARE')
  foreach $session, $second;
next_reads($node, $directory, 't', 'a table with a row that two transactions have locked is read');
next_reads($node, $directory, '', 'a row that two transactions keep locked is no change');
in_session($_, 'COMMIT') foreach $session, $second;
in_session($session, 'BEGIN; SELECT FROM t WHERE id = 3 FOR KEY SHARE');
in_session($second, q{BEGIN; UPDATE t SET v = 'multi' WHERE id = 3});
next_reads($node, $directory, 't', 'a table with a row that is locked and being updated is read');
in_session($_, 'COMMIT') foreach $second, $session;
next_reads($node, $directory, 't', 'an update beside a row lock is read when it has committed');
next_reads($node, $directory, 't', 'a table with a row that was locked and updated is read until VACUUM');
execute($node, 'VACUUM t');
next_reads($node, $directory, 't', 'VACUUM of such a table is a change');
next_reads($node, $directory, '', 'after VACUUM, such a table is the same');
reads_after($node, $directory, 'child t', 'a foreign key that locks a row is read in both tables',
	'INSERT INTO child VALUES (2)');
$_->close_session foreach $session, $second;

# Changes while COPY runs, in databases with one table each.
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(names rows);
$node->safe_psql('names', <<'EOF');
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE moods (m mood);
INSERT INTO moods SELECT 'sad' FROM generate_series(1, 300);
EOF
my $run = start_held($node, 'names', 'table examined');
$node->safe_psql('names', q{ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'});
go_on($node, $run, 'table copied');
$node->safe_psql('names', q{ALTER TYPE mood RENAME VALUE 'blue' TO 'sad'});
let_go($node);
my (undef, $error) = finish_query($run);
like($error, qr/type public\.mood of table "public\.moods" was redefined after the dump began/,
	'a label that is renamed and renamed back while COPY runs fails the run');
is_read($node, $directory, take_snapshot($node, 'names'), 'everything',
	'the run after such a failure reads the table again');
is_read($node, $directory, take_snapshot($node, 'names'), '',
	'such a table is read again once');

$node->safe_psql('rows', <<'EOF');
CREATE TABLE r AS SELECT g AS id, repeat('r', 100) AS v FROM generate_series(1, 1000) g
EOF

# Take a base while rows at the end of a table are deleted and VACUUM runs.
sub delete_beside_copy
{
	my ($step, $test_name, $before_vacuum) = @_;

	$run = start_held($node, 'rows', $step);
	$node->safe_psql('rows', <<'EOF');
DELETE FROM r WHERE ctid >=
  (SELECT format('(%s,0)', max((ctid::text::point)[0]::int) - 1)::tid FROM r)
EOF
	$before_vacuum->() if defined $before_vacuum;
	$node->safe_psql('rows', 'VACUUM r');
	go_on($node, $run);
	$node->safe_psql('rows', 'VACUUM r');
	is_right($node, $directory, take_snapshot($node, 'rows'), $test_name);
	return;
}

delete_beside_copy('table examined',
	'rows that are deleted as COPY starts are not in the next snapshot');
delete_beside_copy('table copied',
	'rows that are deleted as COPY ends are not in the next snapshot');
is_read($node, $directory, take_snapshot($node, 'rows'), '',
	'a table that was written beside an earlier COPY is the same again');

# Changes after the table was found to be the same.
$run = start_held($node, 'rows', 'table examined');
$node->safe_psql('rows', q{INSERT INTO r VALUES (-1, 'beside')});
is(tables_read($directory, go_on($node, $run)),
	'', 'rows that are written after their table was found to be the same are not read');
is_read($node, $directory, take_snapshot($node, 'rows'), 'r',
	'the next snapshot reads such rows');
$node->safe_psql('rows', q{UPDATE r SET v = 'late' WHERE id = -1});
take_snapshot($node, 'rows');
take_snapshot($node, 'rows');
delete_beside_copy('table examined',
	'rows that are deleted after their table was found to be the same are not in the next snapshot');

# VACUUM may remove what an old MVCC snapshot still sees.
SKIP:
{
	skip 'there is no old_snapshot_threshold', 1 if $node->pg_version >= 17;
	$node->append_conf('postgresql.conf', 'old_snapshot_threshold = 1min');
	$node->stop;
	fake_clock($node, 'now');
	$node->start;
	delete_beside_copy(
		'table copied',
		'rows that old_snapshot_threshold gives to VACUUM are not in the next snapshot',
		sub {
			foreach my $minute (1 .. 4)
			{
				set_clock($node, strftime('%Y-%m-%d %H:%M:%S', gmtime(time + 60 * $minute)));
				$node->safe_psql('rows', 'SELECT txid_current()');
			}
		});
}

is_deeply([ damages($directory) ], [], 'all snapshots match their manifests');
$node->stop;
done_testing();
