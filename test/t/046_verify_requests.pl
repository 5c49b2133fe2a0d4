
# Copyright (c) 2026, the snapshot_worker developers

# Requests for verifications.  Promised here: snapshots are verified at the
# same time, but each by one worker at a time; wrong arguments are refused; and
# so are roles without the right.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Verify;
use Test::More;

my ($node, $directory) = verify_node();
my $app = make_app();

# Several at once.
my $other = take_snapshot($node, 'app');
reload_with($node, format => 'custom');
my $custom = take_snapshot($node, 'app');
hold_at($node, 'verifying');
my @sessions = (start_query($node, verification($app, 0)));
wait_until_held($node, 'verifying');
push @sessions, start_query($node, verification($app, 0));
wait_until('a second verification of the same snapshot is requested',
	sub { query(<<'EOQ') eq '2' });
SELECT count(*) FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_verify(%' AND wait_event_type IS NOT NULL
EOQ
push @sessions, start_query($node, verification($other, 0));
wait_until('two snapshots can be verified at the same time',
	sub { query(<<'EOQ') eq '2' });
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query = 'held at verifying'
EOQ
is( $node->safe_psql('postgres',
		"SELECT string_agg(name, ' ' ORDER BY name) FROM snapshot_progress()"),
	join(' ', sort $app, $other),
	'the same snapshot is verified by one worker at a time');
let_go($node);
push @sessions,
  map { start_query($node, verification($_, 1)) } $app, $app, $other,
  $custom;
finish_query($_) foreach @sessions;
is(join('', map { $_->{err} } @sessions), '', 'several verifications at once find their snapshots good');
is(scratch_databases(), '', 'several verifications at once leave no scratch database');

# Arguments.
my %wrong = (
	"NULL" => '22004',
	"''" => '22023',
	"'app'" => '22023',
	"'$app/'" => '22023',
	"'$app/../$app'" => '22023',
	"'app/..'" => '22023',
	"'../snapshots/$app'" => '22023',
	"'/$directory/$app'" => '22023',
	"'$directory/$app'" => '22023',
	"'$app.tmp'" => '22023',
	"'nothing/2026-03-19T03-00-00Z'" => '42704',
	"'app/2000-01-01T00-00-00Z'" => '42704');
foreach my $argument (sort keys %wrong)
{
	like(error_of($node, "SELECT snapshot_verify($argument)"),
		qr/ERROR:  $wrong{$argument}: /, "snapshot_verify($argument) is refused");
}
like(error_of($node, "SELECT snapshot_verify('$app', NULL)"),
	qr/ERROR:  22004: arguments of snapshot_verify must not be null/,
	'snapshot_verify() refuses a second argument of NULL');
like(
	error_of($node,
		"BEGIN; CREATE TABLE t (); SELECT snapshot_verify('$app', true)"),
	qr/ERROR:  25001: .*this transaction has written\n.*\nHINT:  Commit first\./,
	'a transaction that has written cannot wait for a restore');
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
like(
	error_of($node, "SELECT $_", extra_params => [ '-U', 'nobody' ]),
	qr/ERROR:  42501: permission denied for function/,
	"$_ is refused to a role without the right")
  foreach "snapshot_verify('$app')", "snapshot_verify('$app', true)",
  "snapshot_restore('$app', 'x')", 'snapshot_progress()';

$node->stop;
done_testing();
