
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Pinned snapshots stay, deleted ones go for good, and no snapshot is pinned or
# deleted that was not named.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main',
	conf => "snapshot_worker.retention_manual = 2\nsnapshot_worker.globals = off\n");
$node->safe_psql('postgres', 'CREATE DATABASE app');

sub is_there
{
	my ($name) = @_;

	return -e "$directory/$name/manifest.json";
}

# Pins.
my @app = map { take_snapshot($node, 'app') } 1 .. 2;
$node->safe_psql('postgres',
	"SELECT snapshot_pin('$app[0]', 'before the upgrade')");
is( $node->safe_psql('postgres',
		"SELECT note FROM snapshot_list() WHERE pinned"),
	'before the upgrade', 'a pin is listed with its note');
push @app, map { take_snapshot($node, 'app') } 1 .. 3;
is_deeply([ snapshots($directory, 'app') ], [ @app[ 0, 3, 4 ] ],
	'retention leaves a pinned snapshot, and does not count it');
$node->safe_psql('postgres', "SELECT snapshot_pin('$app[0]', 'two' || chr(10) || 'lines')");
is($node->safe_psql('postgres', "SELECT note FROM snapshot_list() WHERE pinned"),
	"two\nlines", 'a second pin replaces the note');
$node->safe_psql('postgres', "SELECT snapshot_pin('$app[0]')");
is( $node->safe_psql('postgres',
		"SELECT note IS NULL FROM snapshot_list() WHERE pinned"),
	't', 'a pin without a note has none');
append_to_file("$directory/$app[4]/pinned", "by hand\n");
is( $node->safe_psql('postgres',
		"SELECT note FROM snapshot_list() WHERE name = '$app[4]'"),
	'by hand', 'a pin can be made by hand');
$node->safe_psql('postgres', "SELECT snapshot_unpin('$app[4]')");
is($node->safe_psql('postgres', "SELECT count(*) FROM snapshot_list() WHERE pinned"),
	'1', 'a pin made by hand can be removed');
like(sql_error($node, "SELECT snapshot_unpin('$app[4]')"),
	qr/^psql:\S+ NOTICE:  snapshot "\Q$app[4]\E" is not pinned$/,
	'a second unpin raises no error');
like(sql_error($node, "SELECT snapshot_pin('$app[4]', repeat('x', 1025))"),
	qr/the note is too long/, 'a note that is too long is refused');
$node->safe_psql('postgres', "SELECT snapshot_pin('$app[4]', repeat('x', 1024))");
is( $node->safe_psql('postgres',
		"SELECT length(note) FROM snapshot_list() WHERE name = '$app[4]'"),
	'1024', 'a note of the greatest length is kept');
$node->safe_psql('postgres', "SELECT snapshot_unpin('$app[4]')");

my $identifier = $node->safe_psql('postgres',
	'SELECT system_identifier FROM pg_control_system()');
my $temporary = "pinned.$identifier-0123456789abcdef.tmp";

# The leftover of a pin that a crash cut off is in the way of nothing.
append_to_file("$directory/$app[4]/$temporary", 'half');
$node->safe_psql('postgres', "SELECT snapshot_pin('$app[4]', 'whole')");
is( $node->safe_psql('postgres',
		"SELECT note FROM snapshot_list() WHERE name = '$app[4]'"),
	'whole', 'a leftover of another pin does not keep a snapshot from being pinned');
$node->safe_psql('postgres', "SELECT snapshot_unpin('$app[4]')");
append_to_file("$directory/$app[4]/$temporary", 'half');

# Deleting.
like( sql_error($node, "SELECT snapshot_delete('$app[0]')"),
	qr/snapshot "\Q$app[0]\E" is pinned\n.*HINT/s,
	'a pinned snapshot is not deleted');
ok(is_there($app[0]), 'a pinned snapshot is still there after a refused deletion');
$node->safe_psql('postgres', "SELECT snapshot_delete('$app[4]')");
ok(!-e "$directory/$app[4]" && !-e "$directory/$app[4].removed",
	'a deletion removes the snapshot, with a leftover of a pin');
$node->safe_psql('postgres', "SELECT snapshot_delete('$app[0]', force => true)");
is_deeply([ snapshots($directory, 'app') ], [ $app[3] ],
	'force deletes a pinned snapshot, and nothing else');
like( sql_error($node, "SELECT snapshot_delete('$app[3]')"),
	qr/is the last good one of its database\n.*HINT.*force => true/s,
	'the last snapshot of a database is not deleted');
push @app, take_snapshot($node, 'app');
append_to_file("$directory/$app[5]/verified.json", <<EOF);
{"name": "$app[5]", "verified_at": "2026-01-01T00:00:00.000000Z", "level": "archive", "problem": "bad"}
EOF
is( $node->safe_psql('postgres',
		"SELECT problem FROM snapshot_list() WHERE name = '$app[5]'"),
	'bad', 'a verification finds a snapshot bad');
like(sql_error($node, "SELECT snapshot_delete('$app[3]')"),
	qr/is the last good one of its database/,
	'a bad snapshot does not count as another one beside the last');
$node->safe_psql('postgres', "SELECT snapshot_delete('$app[5]')");
ok(!is_there($app[5]), 'a bad snapshot can be deleted');
$node->safe_psql('postgres', "SELECT snapshot_delete('$app[3]', force => true)");
is_deeply([ snapshots($directory, 'app') ], [], 'force deletes the last snapshot of a database');

# A foreign file is in the snapshot.
@app = map { take_snapshot($node, 'app') } 1 .. 2;
append_to_file("$directory/$app[0]/precious", 'mine');
like(sql_error($node, "SELECT snapshot_delete('$app[0]', force => true)"),
	qr/could not remove snapshot .*\n.*DETAIL:.*precious/s,
	"someone's file keeps a snapshot from being deleted, with force too");
is(slurp_file("$directory/$app[0]/precious"), 'mine', "someone's file is left alone by a forced deletion");
unlink "$directory/$app[0]/precious" or die;

# Another cluster's.
my ($other, undef) = snapshot_node('other', start => 0);
$other->append_conf('postgresql.conf',
	"snapshot_worker.directory = '$directory'\n");
$other->start;
my $theirs = 'app/2020-01-01T00-00-00Z';
$other->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker; CREATE DATABASE app');
$theirs = $other->safe_psql('postgres', "SELECT snapshot_now('app')");
like(sql_error($node, "SELECT snapshot_delete('$theirs', force => true)"),
	qr/belongs to another cluster\n.*HINT/s,
	"another cluster's snapshot is not deleted, with force either");
ok(is_there($theirs), "another cluster's snapshot is still there after a refused deletion");
$other->stop;

# In use: a verification is held up, with the snapshot open.
hold_at($node, 'verifying');
my $verification = start_query($node, "SELECT snapshot_verify('$app[0]')");
wait_until_held($node, 'verifying');
like(sql_error($node, "SELECT snapshot_delete('$app[0]')"),
	qr/snapshot "\Q$app[0]\E" is in use/, 'a snapshot that is being verified is not deleted');
is(sql_error($node, "SELECT snapshot_pin('$app[0]')"), '', 'a snapshot that is being verified can be pinned');
is(sql_error($node, "SELECT snapshot_unpin('$app[0]')"), '', 'a snapshot that is being verified can be unpinned');
push @app, take_snapshot($node, 'app');
ok(is_there($app[0]), 'retention does not remove a snapshot that is being verified');
let_go($node);
is((finish_query($verification))[1], '', 'a verification during which its snapshot is pinned succeeds');
push @app, take_snapshot($node, 'app');
ok(!is_there($app[0]), 'retention removes a snapshot once its verification is over');

# A crash in the middle of a removal.
hold_at($node, 'removing');
my $deletion = start_query($node, "SELECT snapshot_delete('$app[2]')");
wait_until('a deletion has begun',
	sub { -e "$directory/$app[2].removed" });
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE name = '$app[2]'"),
	'0', 'a half-deleted snapshot is not listed');
like(sql_error($node, "SELECT snapshot_pin('$app[2]')"), qr/does not exist/,
	'a half-deleted snapshot cannot be pinned');
my $stderr;
$node->stop('immediate');
$deletion->{handle}->finish;
let_go($node);
$node->start;
wait_until('the rest of a deletion that a crash cut off is swept',
	sub { !-e "$directory/$app[2].removed" });

# Names.
my @before = snapshots($directory);
my %names = (
	'../x' => qr/invalid snapshot name/,
	'/etc/passwd' => qr/invalid snapshot name/,
	'app/../app/2026-01-01T00-00-00Z' => qr/invalid snapshot name/,
	'app/2026-01-01T00-00-00Z/' => qr/invalid snapshot name/,
	'app/2026-02-30T00-00-00Z' => qr/invalid snapshot name/,
	'app/2026-01-01T00-00-00Z.tmp' => qr/invalid snapshot name/,
	'' => qr/invalid snapshot name/,
	'app' => qr/invalid snapshot name/,
	'app/2001-01-01T00-00-00Z' => qr/does not exist/,
	'app%00/2001-01-01T00-00-00Z' => qr/invalid snapshot name/);
foreach my $function (
	'snapshot_pin', 'snapshot_unpin',
	'snapshot_delete', 'snapshot_verify')
{
	foreach my $name (sort keys %names)
	{
		like(sql_error($node, "SELECT $function('$name')"),
			$names{$name}, "$function refuses \"$name\"");
	}
	like(sql_error($node, "SELECT $function(repeat('a/', 500000))"),
		qr/^psql:\S+ ERROR:  invalid snapshot name\n.{0,300}$/s,
		"$function refuses a megabyte of name, and does not repeat it");
	like(sql_error($node, "SELECT $function(NULL)"), qr/must not be null/,
		"$function refuses null");
}
is_deeply([ snapshots($directory) ], \@before, 'functions with refused names touch nothing');

$node->stop;
done_testing();
