
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_progress.  Promised here: each run shows what it does, in which
# phase it is, and which table it has come to, of how many; its percentage only
# rises; what it has written only grows; and all of it can be stopped by
# snapshot_cancel.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $tables = 20;

my ($node, $directory) = snapshot_node('main', conf => <<'EOC');
snapshot_worker.jobs = 1
EOC

# As long as this file has the name of a table, programs wait when they have
# come to it.
my $gate = $node->basedir . '/gate';
my $script = <<EOC;
case "\$*" in *--verbose*) ;; *) exec REAL "\$@" ;; esac
REAL "\$@" 2>&1 >/dev/null | while IFS= read -r line; do
	echo "\$line" >&2
	case "\$line" in *' table "'*)
		while [ -s $gate ] && [[ "\$line" == *"table \\"\$(cat $gate)\\""* ]]; do sleep 0.05; done
	esac
done
exit \${PIPESTATUS[0]}
EOC
install_fake_program($node, 'pg_dump', $script);
my $bin = install_fake_program($node, 'pg_restore', $script);
reload_with($node, bin_directory => $bin);

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<EOQ);
SELECT format('CREATE TABLE t%s AS SELECT i AS id, md5(i::text) AS word FROM generate_series(1, 100) i',
	lpad(n::text, 2, '0'))
  FROM generate_series(1, $tables) n
\\gexec
EOQ

my @columns = qw(database name phase tables_done tables_total current_table
  bytes_written elapsed percent action);

# The runs in progress, as hashes.
sub progress
{
	my $output = $node->safe_psql('postgres',
		'SELECT ' . join(', ', @columns) . ', elapsed >= interval $$0$$ FROM snapshot_progress()');

	return map {
		my %row;
		@row{ @columns, 'has_begun' } = split /\|/, $_, -1;
		\%row
	} split /\n/, $output;
}

# The only one; its percentage and bytes are compared with those before.
my %before;

sub only_one
{
	my ($test_name) = @_;
	my @rows = progress();

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(scalar @rows, 1, "$test_name, one run is in progress") or return {};
	my $row = $rows[0];
	cmp_ok($row->{percent}, '>=', $before{percent} // 0,
		"$test_name, the percentage has not gone back");
	cmp_ok($row->{percent}, '<=', 100, "$test_name, the percentage is at most 100");
	is($row->{has_begun}, 't', "$test_name, the run has taken some time");
	$before{percent} = $row->{percent};
	return $row;
}

# It goes on to a step.
sub at
{
	my ($step) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($node, $step);
	wait_until_held($node, $step);
	return only_one("at \"$step\"");
}

sub hold_table
{
	my ($table) = @_;

	append_to_file("$gate.new", $table);
	rename "$gate.new", $gate or die "could not rename $gate.new: $!";
	return;
}

# It comes to a table, where the gate has been shut, and is to go on to the one
# after that.
sub at_table
{
	my ($table) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until("the run is at table $table", sub {
		grep { $_->{current_table} eq $table } progress() });
	return only_one("at table $table");
}

sub start
{
	my ($query) = @_;

	%before = ();
	return start_query($node, $query);
}

# Processes of a type wait for an event.  Before 17, the server has no names of
# such events.
sub waits_for
{
	my ($type, $event, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$event = 'Extension' if $node->pg_version < 17;
	ok( $node->poll_query_until(
			'postgres',
			"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = '$type' AND wait_event_type = 'Extension' AND wait_event = '$event' AND pid <> pg_backend_pid()"
		),
		"$test_name, $type waits for $event");
	return;
}

is_deeply([ progress() ], [], 'nothing is in progress before the first run');

#
# A snapshot.
#

hold_at($node, 'staged');
my $session = start("SELECT snapshot_now('app')");
my $row = at('staged');
is($row->{action}, 'snapshot', 'snapshot_progress() shows a snapshot');
is($row->{database}, 'app', 'snapshot_progress() shows the database of the snapshot');
my $name = $row->{name};
like($name, qr{^app/\d{4}-}, 'the progress of a snapshot shows its name');
is($row->{phase}, 'starting', 'a snapshot is starting at first');
is($row->{percent}, 0, 'a snapshot begins at zero percent');
is("$row->{tables_total}$row->{current_table}", '',
	'a snapshot that is starting counts no tables');

$row = at('snapshot exported');
my $bytes = $row->{bytes_written};

hold_table('public.t05');
let_go($node);
my $percent = 0;
foreach my $n (5, 10, 15)
{
	my $table = sprintf 'public.t%02d', $n;
	my $next = sprintf 'public.t%02d', $n + 5;

	$row = at_table($table);
	waits_for($_->[0], $_->[1], "at table $table")
	  foreach [ 'snapshot_worker', 'SnapshotChild' ],
	  [ 'snapshot_worker launcher', 'SnapshotLauncherMain' ],
	  [ 'client backend', 'SnapshotRun' ];
	is($row->{phase}, 'dumping', "at table $table, the snapshot is dumping");
	is("$row->{tables_done} $row->{tables_total}",
		($n - 1) . " $tables", "at table $table, the tables done are counted");
	cmp_ok($row->{percent}, '>', $percent, "at table $table, the percentage has risen");
	$percent = $row->{percent};
	# before the gate of the last one is opened
	hold_at($node, 'dumped') if $n == 15;
	$n == 15 ? unlink $gate : hold_table($next);
}
$row = at('dumped');
is($row->{phase}, 'dumping', 'a snapshot finishes the dump after its tables');
is("$row->{tables_done} $row->{tables_total}",
	"$tables $tables", 'all tables are done after the dump');
is($row->{current_table}, '', 'after the dump there is no current table');
cmp_ok($row->{percent}, '>', $percent, 'the percentage has risen after the dump');
cmp_ok($row->{bytes_written}, '>', $bytes, 'the bytes written have risen after the dump');
$bytes = $row->{bytes_written};

$row = at('globals saved');
is($row->{phase}, 'saving globals', 'after the dump, globals are saved');
is($row->{tables_total}, '', 'saving globals counts no tables');
cmp_ok($row->{bytes_written}, '>', $bytes, 'the bytes written have risen after the globals');
$bytes = $row->{bytes_written};
$row = at('hashing');
is($row->{phase}, 'hashing', 'after the globals, files are hashed');
cmp_ok($row->{bytes_written}, '>=', $bytes, 'the bytes written do not fall when files are hashed');
$row = at('hashed');
is($row->{phase}, 'syncing', 'after hashing, files are synced');
cmp_ok($row->{percent}, '>', $percent, 'the percentage has risen when files are synced');
$row = at('published');
is($row->{phase}, 'publishing', 'after syncing, the snapshot is published');
cmp_ok($row->{bytes_written}, '>', $bytes,
	'the bytes written include the manifest when the snapshot is published');
cmp_ok($row->{percent}, '<', 100, 'a snapshot that is being published is not at 100 percent');
let_go($node);
finish_query($session);
is($session->{out}, $name, 'the snapshot has the name that its progress showed');
is_deeply([ progress() ], [], 'a snapshot that was taken is not in progress');

#
# A verification.
#

hold_at($node, 'verifying');
$session = start("SELECT snapshot_verify('$name', restore => true)");
$row = at('verifying');
is("$row->{action} $row->{database} $row->{name} $row->{phase}",
	"verify app $name hashing", 'a verification hashes the files');
hold_table('public.t10');
let_go($node);
$row = at_table('public.t10');
is($row->{phase}, 'reading the dump', 'a verification reads the dump after hashing');
is("$row->{tables_done} $row->{tables_total}", "9 $tables",
	'a verification reads the dump table by table');
hold_at($node, 'scratch created');
unlink $gate;
$row = at('scratch created');
is($row->{phase}, 'restoring', 'a verification restores the archive after reading it');
$percent = $row->{percent};
hold_table('public.t15');
let_go($node);
$row = at_table('public.t15');
is("$row->{phase} $row->{tables_done} $row->{tables_total}",
	"restoring 14 $tables", 'a verification restores table by table');
cmp_ok($row->{percent}, '>', $percent, 'the percentage of a verification rises');
hold_at($node, 'restored');
unlink $gate;
$row = at('restored');
is("$row->{tables_done} $row->{tables_total}",
	"$tables $tables", "a verification's restore ends with all tables restored");
my $scratch = $node->safe_psql('postgres',
	"SELECT datname FROM pg_database WHERE starts_with(datname, 'snapshot_worker_scratch_')"
);
my $intruder = $node->background_psql($scratch);
$intruder->query_safe('BEGIN; LOCK TABLE t01');
let_go($node);
wait_until('a verification compares after restoring',
	sub { grep { $_->{phase} eq 'comparing' } progress() });
only_one('comparing');
# its session may be ended before it could answer to anything
$intruder->quit;
finish_query($session);
is($session->{err}, '', 'a verification that was watched finds the snapshot good');
is_deeply([ progress() ], [], 'a verification that is over is not in progress');

#
# A restore.
#

hold_at($node, 'scratch created');
$session = start("SELECT snapshot_restore('$name', 'again')");
$row = at('scratch created');
is("$row->{action} $row->{database} $row->{name} $row->{phase}",
	"restore app $name restoring", 'a restore is restoring');
hold_table('public.t10');
let_go($node);
$row = at_table('public.t10');
is("$row->{tables_done} $row->{tables_total}", "9 $tables",
	'a restore restores table by table');
hold_at($node, 'restored');
unlink $gate;
$row = at('restored');
is("$row->{tables_done} $row->{tables_total}",
	"$tables $tables", 'a restore ends with all tables restored');
$row = at('renaming');
is($row->{phase}, 'finishing', 'a restore finishes after its tables');
let_go($node);
finish_query($session);
is($session->{err}, '', 'a restore that was watched succeeds');
is_deeply([ progress() ], [], 'a restore that is over is not in progress');

#
# With more jobs, the ends of tables count.
#

reload_with($node, jobs => 2);
hold_at($node, 'dumped');
$session = start("SELECT snapshot_now('app')");
$row = at('dumped');
is("$row->{tables_done} $row->{tables_total}",
	"$tables $tables", 'with two jobs, all tables are done after the dump');
let_go($node);
finish_query($session);

#
# Several at once, and stopped.
#

$node->safe_psql('postgres', 'CREATE DATABASE other');
my $other = $node->safe_psql('postgres', "SELECT snapshot_now('other')");
my %queries = (
	"snapshot_verify('$name')" => 'verifying',
	"snapshot_verify('$name', true)" => 'restored',
	"snapshot_restore('$name', 'new')" => 'restored');
foreach my $query (sort keys %queries)
{
	hold_at($node, $queries{$query});
	$session = start("SELECT $query");
	my $worker = wait_until_held($node, $queries{$query});
	is($node->safe_psql('postgres', "SELECT snapshot_cancel('other')"),
		0, "$query is not canceled by snapshot_cancel() of another database");
	is(scalar progress(), 1, "$query goes on after snapshot_cancel() of another database");
	is($node->safe_psql('postgres', "SELECT snapshot_cancel('app')"),
		1, "$query is canceled by snapshot_cancel() of its database");
	finish_query($session);
	like(
		$session->{err},
		qr/ERROR:  38000: could not (verify|restore) snapshot "\Q$name\E": canceling statement/,
		"the session of a canceled $query has an error");
	wait_until("$query is over after snapshot_cancel()", sub { !progress() });
	let_go($node);
}
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = 'new' OR starts_with(datname, 'snapshot_worker_scratch_')"
	),
	0,
	'canceled verifications and restores leave no database');

hold_at($node, 'verifying');
my @sessions =
  map { start("SELECT snapshot_verify('$_')") } $name, $other;
wait_until('two verifications are in progress', sub {
	2 == grep { $_->{phase} eq 'hashing' } progress() });
# there is room for two, so that a third one waits
push @sessions, start("SELECT snapshot_restore('$name', 'new')");
wait_until('a third verification waits',
	sub { $node->safe_psql('postgres', <<'EOQ') eq '1' });
SELECT count(*) FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_restore(%' AND wait_event_type IS NOT NULL
EOQ
is_deeply([ sort map { "$_->{database} $_->{action}" } progress() ],
	[ 'app verify', 'other verify' ], 'snapshot_progress() shows the runs in progress, and not the one that waits');
cmp_ok($node->safe_psql('postgres', 'SELECT snapshot_cancel()'),
	'>=', 2, 'snapshot_cancel() without an argument cancels all runs at once');
finish_query($_) foreach @sessions[ 0, 1 ];
like($_->{err}, qr/ERROR:  38000: /, 'a verification that is canceled with others has an error') foreach @sessions[ 0, 1 ];
let_go($node);
finish_query($sessions[2]);
wait_until('nothing is in progress after all runs were canceled', sub { !progress() });

$node->stop;
done_testing();
