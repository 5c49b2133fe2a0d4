
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The queries of examples/postgres_exporter.yaml, run by psql as a role that is
# in pg_monitor and nothing else: before the first snapshot, after good, bad
# and failed ones.

use strict;
use warnings;

use CPAN::Meta::YAML;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) =
  snapshot_node('main', clock => '2026-03-19 02:30:00');
my $blocks = CPAN::Meta::YAML->read('examples/postgres_exporter.yaml')->[0];

# The rows of a query of the file, asked by a role: columns by name, NULL as
# "".
sub rows_of
{
	my ($block, $role) = @_;
	my ($rc, $out, $err) = $node->psql(
		'postgres', $blocks->{$block}->{query},
		extra_params => [ '-F', "\x1f", '-P', 'tuples_only=off', '-P', 'footer=off' ],
		connstr => $node->connstr('postgres') . ' user=' . ($role // 'monitor'));
	my ($header, @lines) = split /\n/, $out;
	my @columns = split /\x1f/, $header // '';
	my @rows;

	foreach my $line (@lines)
	{
		my %row;

		@row{@columns} = split /\x1f/, $line, -1;
		push @rows, \%row;
	}
	return (\@rows, $err, \@columns);
}

sub status
{
	return (rows_of('snapshot_worker'))[0]->[0];
}

# The metrics of a database.
sub database
{
	my ($name) = @_;
	my ($rows, $err) = rows_of('snapshot_worker_database');

	die $err if $err ne '';
	my @found = grep { $_->{database} eq $name } @$rows;
	die "more than one row of $name" if @found > 1;
	return $found[0];
}

# The databases that have metrics, sorted, "+" before those that are wanted.
sub databases
{
	my ($rows, $err) = rows_of('snapshot_worker_database');

	die $err if $err ne '';
	return join ' | ', sort map { ($_->{wanted} ? '+' : '-') . $_->{database} } @$rows;
}

# A value of snapshot_list() for a snapshot.
sub listed
{
	my ($name, $value) = @_;

	return $node->safe_psql('postgres',
		"SELECT $value FROM snapshot_list() WHERE name = '$name'");
}

my $odd = 'My "odd", shop';

$node->safe_psql('postgres', 'CREATE ROLE monitor LOGIN IN ROLE pg_monitor');
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('postgres', 'CREATE DATABASE "My ""odd"", shop"');
$node->safe_psql('postgres', 'CREATE DATABASE pattern IS_TEMPLATE true');
$node->safe_psql('postgres', 'CREATE DATABASE closed ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', 'CREATE DATABASE snapshot_worker_scratch_1');
$node->safe_psql('app', 'CREATE TABLE t AS SELECT g FROM generate_series(1, 1000) g');

# The file is as the exporter wants it, and as the queries are.
is_deeply(
	[ sort keys %$blocks ],
	[ qw(snapshot_worker snapshot_worker_archive_error snapshot_worker_database snapshot_worker_state snapshot_worker_warning) ],
	'the file has the blocks that the test knows');
foreach my $block (sort keys %$blocks)
{
	my ($rows, $err, $columns) = rows_of($block);
	my @metrics = @{ $blocks->{$block}->{metrics} };

	is($err, '', "a member of pg_monitor can run the query of $block");
	cmp_ok(@$rows, '>', 0, "$block has rows");
	is_deeply($columns, [ map { keys %$_ } @metrics ],
		"the columns of the query of $block are those that are described");
	foreach my $metric (@metrics)
	{
		my ($name, $about) = %$metric;

		like($about->{usage}, qr/^(?:LABEL|GAUGE)$/, "$name is a label or a gauge");
		ok($about->{description}, "$name has a description");
		next if $about->{usage} eq 'LABEL';
		is_deeply([ grep { $_ !~ /^(?:-?\d+(?:\.\d+)?)?$/ } map { $_->{$name} } @$rows ],
			[], "$name is a number");
	}
	(undef, $err) = rows_of($block, 'plain');
	like($err, qr/permission denied for function snapshot_/,
		"a plain role cannot run the query of $block");
}

# Before the first snapshot.
my $app = database('app');
is_deeply(
	$app,
	{
		database => 'app', wanted => 1, snapshots => 0, bad_snapshots => 0,
		newest_age_seconds => '', newest_duration_seconds => '',
		newest_size_bytes => '', failures => 0, out_of_space => 0,
		archive_waiting => 0, archive_waiting_age_seconds => ''
	},
	'a database without a snapshot has its metrics');
is(databases(), "+$odd | +app | +postgres",
	'the databases that would get a snapshot have metrics, and no others');
my $status = status();
is($status->{enabled}, 0, 'the status says that the schedule is not enabled');
is($status->{launcher_up}, 1, 'launcher_up is 1 while there is a launcher');
is($status->{next_run_seconds}, '', 'next_run is empty while no run is planned');
is($status->{last_success_timestamp_seconds}, '', 'last_success is empty before the first success');
is($status->{last_failure_timestamp_seconds}, '', 'last_failure is empty before the first failure');
is($status->{out_of_space}, 0, 'out_of_space is 0 before a failure');

# Good snapshots.
my $first = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
set_clock($node, '2026-03-19 02:40:00');
my $second = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
set_clock($node, '2026-03-19 02:50:00');
$app = database('app');
is($app->{snapshots}, 2, 'the metrics count two snapshots');
cmp_ok($app->{newest_age_seconds}, '>', 500, "the newest snapshot's age is at least ten minutes");
cmp_ok($app->{newest_age_seconds}, '<', 800, "the newest snapshot's age is not that of the older one");
is($app->{newest_duration_seconds},
	listed($second, 'extract(epoch FROM finished_at - started_at)'), "the newest snapshot's duration is that of the list");
cmp_ok($app->{newest_duration_seconds}, '>', 0, "the newest snapshot's duration is some time");
is($app->{newest_size_bytes}, listed($second, 'size'), "the newest snapshot's size is that of the list");
cmp_ok(
	abs(status()->{last_success_timestamp_seconds} - listed($second, 'extract(epoch FROM finished_at)')),
	'<', 60, 'last_success is the time of the newest snapshot');
is(database('postgres')->{snapshots}, 0, 'the snapshots of one database are not counted for another');

# Bad ones.
my ($dumped) = glob "$directory/$second/app.dump/*.dat*";
append_to_file($dumped, 'x');
$node->psql('postgres', "SELECT snapshot_verify('$second')");
isnt(listed($second, 'problem'), '', 'a verification finds a snapshot bad');
$app = database('app');
is($app->{snapshots}, 1, 'a bad snapshot is not among the good ones');
is($app->{bad_snapshots}, 1, 'a bad snapshot is among the bad ones');
cmp_ok($app->{newest_age_seconds}, '>', 800, 'the newest good snapshot is the one before a bad one');

# Archiving: what waits, for how long, and why.
sub archive_error
{
	return (rows_of('snapshot_worker_archive_error'))[0]->[0];
}

is($app->{archive_waiting}, 0, 'nothing waits for archiving without archive_command');
is(status()->{archive_enabled}, 0, 'the status says that there is no archive_command');
is_deeply(archive_error(), { message => '', present => 0 }, 'archive_error has no row without an error');
reload_with($node, archive_command => "echo of two >&2; echo lines >&2; exit 3");
wait_until('an archive_command that fails leaves an error in the status', sub { archive_error()->{present} });
is(archive_error()->{message},
	"$first: the archive command failed: child process exited with exit code 3",
	'the archive error is in one line');
is(status()->{archive_enabled}, 1, 'archiving is 1 with an archive_command');
$app = database('app');
is($app->{archive_waiting}, 1, 'a good snapshot waits for archiving, and a bad one does not');
cmp_ok(
	abs($app->{archive_waiting_age_seconds}
		  - listed($first, 'extract(epoch FROM now() - finished_at)')),
	'<', 60, 'the age of a snapshot that waits for archiving is that of the list');
my $third = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
$app = database('app');
is($app->{archive_waiting}, 2, 'two snapshots wait for archiving');
cmp_ok($app->{archive_waiting_age_seconds}, '>', 800, 'the age of snapshots that wait is that of the oldest');
is(database('postgres')->{archive_waiting}, 0, 'no snapshot of another database waits for archiving');
is(database('postgres')->{archive_waiting_age_seconds}, '', 'a database of which nothing waits has no archive age');
reload_with($node, archive_command => 'true');
wait_until('nothing waits once archiving succeeds', sub { database('app')->{archive_waiting} == 0 });
is(database('app')->{archive_waiting_age_seconds}, '', 'a database of which nothing waits any longer has no archive age');
wait_until('the archive error is gone once archiving succeeds', sub { !archive_error()->{present} });
is(archive_error()->{message}, '', 'the message is gone with the archive error');
reload_with($node, archive_command => '');
$node->safe_psql('postgres', "SELECT snapshot_delete('$third')");

# Snapshots of another cluster do not count.
my $foreign = "$directory/elsewhere/2026-03-19T02-30-00Z";
my $manifest = slurp_file("$directory/$first/manifest.json");
my $id = $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()');
$manifest =~ s/"$id"/"12345"/ or die 'no system identifier';
$manifest =~ s{"\Q$first\E"}{"elsewhere/2026-03-19T02-30-00Z"} or die 'no name';
$manifest =~ s/"database": "app"/"database": "elsewhere"/ or die 'no database';
mkdir "$directory/elsewhere" or die;
mkdir $foreign or die;
append_to_file("$foreign/manifest.json", $manifest);
is(listed('elsewhere/2026-03-19T02-30-00Z', 'system_identifier'), '12345',
	'a snapshot becomes one of another cluster');
is(databases(), "+$odd | +app | +postgres", 'a snapshot of another cluster is not counted');

# A database that was dropped.
$node->safe_psql('postgres', 'CREATE DATABASE dropped');
$node->safe_psql('postgres', "SELECT snapshot_now('dropped')");
$node->safe_psql('postgres', 'DROP DATABASE dropped');
is(databases(), "+$odd | +app | +postgres | -dropped",
	'a database that was dropped has metrics of its snapshots');

# Databases that are named in snapshot_worker.databases.
reload_with($node, databases => 'nosuch ,"My ""odd"", shop"');
is(databases(), "+$odd | +nosuch | -app | -dropped",
	'databases that are named are wanted, whether they exist or not');
reload_with($node, databases => 'nosuch,*');
is(databases(), "+$odd | +app | +nosuch | +postgres | -dropped",
	'named databases and * are wanted together');
reload_with($node, run_on => 'standby');
is(databases(), "-$odd | -app | -dropped | -nosuch | -postgres",
	'no database is wanted on a primary with run_on = standby');
reload_with($node, run_on => 'any', databases => 'app');
is(databases(), '+app | -dropped', 'databases are wanted on a primary with run_on = any');

# Failures; the space is short.
my $full = <<'EOF2';
[ "$1" != --version ] || exec REAL "$@"
echo "pg_dump: error: could not write to file: No space left on device" >&2
exit 1
EOF2
my $bin = install_fake_program($node, 'pg_dump', $full);
reload_with($node, bin_directory => $bin);
$node->psql('postgres', "SELECT snapshot_now('app')");
$node->psql('postgres', "SELECT snapshot_now('app')");
$app = database('app');
is($app->{failures}, 2, 'two failed runs are counted');
is($app->{out_of_space}, 1, 'a database whose run lacked space is short of it');
$status = status();
is($status->{out_of_space}, 1, 'the status says that the last run had no space');
cmp_ok($status->{last_failure_timestamp_seconds}, '>',
	$status->{last_success_timestamp_seconds}, 'last_failure is the time of the failed run');
is($status->{consecutive_failures}, 2, 'failures in a row are counted');

install_fake_program($node, 'pg_dump', <<'EOF2');
[ "$1" != --version ] || exec REAL "$@"
exit 1
EOF2
$node->psql('postgres', "SELECT snapshot_now('postgres')");
is(status()->{out_of_space}, 0, 'a database whose run had another error is not short of space');
is(database('app')->{out_of_space}, 1, 'a database is still short of space after another error');
is(database('postgres'), undef, 'a database that is not wanted and has no snapshot has no metrics');

# The schedule fails, again and again.
install_fake_program($node, 'pg_dump', $full);
set_clock($node, '2026-03-19 02:54:00');
reload_with($node, enable => 'on');
$status = status();
is($status->{enabled}, 1, 'enabled is 1 with enable = on');
cmp_ok($status->{next_run_seconds}, '>', 0, 'next_run is in the future');
cmp_ok($status->{next_run_seconds}, '<=', 360, 'next_run is within six minutes');
is_deeply(
	[ map { "$_->{state} $_->{active}" } @{ (rows_of('snapshot_worker_state'))[0] } ],
	[ 'disabled 0', 'idle 1', 'running 0', 'retrying 0' ], 'the state is idle');
set_clock($node, '2026-03-19 02:59:59');
$node->reload;
wait_until('failures of the schedule in a row are counted',
	sub { status()->{consecutive_failures} >= 3 });
wait_until('the state is retrying after failures of the schedule',
	sub {
		join(' ', map { $_->{active} } @{ (rows_of('snapshot_worker_state'))[0] }) eq '0 0 0 1';
	});
is(status()->{out_of_space}, 1, 'the run of the schedule lacked space');

# One succeeds.
install_fake_program($node, 'pg_dump');
wait_until('a run of the schedule succeeds', sub { database('app')->{failures} == 0 });
$app = database('app');
is($app->{snapshots}, 2, 'a successful run resets the failures of the database');
is($app->{out_of_space}, 0, 'a successful run ends the shortage of space');
is(status()->{out_of_space}, 0, 'the status does not say that space is short after a success');
is(status()->{consecutive_failures}, 0, 'a successful run resets the failures in a row');

# Without a directory, the status has its metrics, with a warning.
is_deeply(
	(rows_of('snapshot_worker_warning'))[0],
	[ { message => '', present => 0 } ], 'warning has no row without a warning');
$node->adjust_conf('postgresql.conf', 'snapshot_worker.directory', undef);
reload_with($node, databases => '*');
is_deeply(
	(rows_of('snapshot_worker_warning'))[0],
	[
		{
			message => 'no snapshot directory is set: set snapshot_worker.directory',
			present => 1
		}
	],
	'warning has the warning of the status');
is(status()->{enabled}, 1, 'the status has its metrics without a directory');
my ($rows, $err) = rows_of('snapshot_worker_database');
like($err, qr/no snapshot directory is set/, 'databases have no metrics without a directory');

$node->stop;
done_testing();
