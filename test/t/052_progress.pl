
# Copyright (c) 2026, the snapshot_worker developers

# snapshot_progress() tells how far runs have come, and its percentages only
# rise.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(usleep);

my ($node, $directory) = snapshot_node('main',
	conf => "snapshot_worker.row_counts = on\nsnapshot_worker.jobs = 1\n");
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app',
	"CREATE TABLE t$_ AS SELECT g AS a, md5(g::text) AS b FROM generate_series(1, 20000) g")
  foreach 10 .. 29;

is($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_progress()'),
	'0', 'where nothing is done, there is no progress');

# Follows the run of a query by asking again and again, from the time it was
# held at a step; returns what was seen, each row once.
sub follow
{
	my ($query, @steps) = @_;
	my @seen;
	my $session = start_query($node, $query);
	my $look = sub {
		my @row = split /\|/, $node->safe_psql('postgres', <<'EOF'), -1;
SELECT action, database, phase, tables_done, tables_total, current_table, bytes_written, percent, elapsed >= '0'
  FROM snapshot_progress()
EOF
		push @seen, \@row if @row;
	};

	foreach my $step (@steps)
	{
		wait_until_held($node, $step);
		$look->();
		# hold at the next one before this one is let go
		my ($next) = grep { $steps[ $_ - 1 ] eq $step } 1 .. $#steps;
		defined $next ? hold_at($node, $steps[$next]) : let_go($node);
	}
	while ($session->{handle}->pumpable)
	{
		$look->();
		$session->{handle}->pump_nb;
		usleep(1000);
	}
	is((finish_query($session))[1], '', "$query succeeds");
	return @seen;
}

sub check_rising
{
	my ($what, @seen) = @_;
	my @percent = map { $_->[7] } @seen;

	is_deeply([@percent], [ sort { $a <=> $b } @percent ],
		"$what: percentages only rise");
	is(scalar(grep { $_ < 0 || $_ > 100 } @percent), 0, "$what: from 0 to 100");
	is(scalar(grep { $_->[3] > $_->[4] && $_->[4] ne '' } @seen),
		0, "$what: no more tables are done than there are");
	is(scalar(grep { $_->[8] eq 'f' } @seen), 0, "$what: time goes on");
	return;
}

# A snapshot.
hold_at($node, 'rows counted');
my @seen = follow("SELECT snapshot_now('app')",
	'rows counted', 'dumped', 'globals saved', 'hashing', 'hashed', 'published');
my %at = map { $_->[2] => $_ } @seen;
check_rising('snapshot', @seen);
is($seen[0][2], 'counting rows', 'snapshot: rows are counted first');
is_deeply([ @{ $at{dumping} }[ 0, 1, 3, 4, 5 ] ],
	[ 'snapshot', 'app', 19, 20, 'public.t29' ],
	'snapshot: when it is dumped, the last of its tables is the current one');
cmp_ok($at{dumping}[6], '>', 100_000, 'snapshot: and its bytes are written');
cmp_ok($at{hashing}[6], '>=', $at{dumping}[6], 'snapshot: which become no fewer');
is_deeply([ sort keys %at ],
	[ sort 'counting rows', 'dumping', 'saving globals', 'hashing', 'publishing',
		grep { /reading back|applying retention|starting/ } keys %at ],
	'snapshot: its phases');
my ($name) = snapshots($directory);
is($at{hashing}[1], 'app', 'snapshot: it is about its database');

# A verification.
hold_at($node, 'verifying');
@seen = follow("SELECT snapshot_verify('$name', restore => true)",
	'verifying', 'scratch created', 'restored');
%at = map { $_->[2] => $_ } @seen;
check_rising('verify', @seen);
is($seen[0][0], 'verify', 'verify: is what it is');
is($seen[0][2], 'hashing', 'verify: hashes first');
ok($at{restoring}, 'verify: restores then');
is($at{restoring}[4], '20', 'verify: all tables');

# A restore, and stopping it.
hold_at($node, 'scratch created');
@seen = follow("SELECT snapshot_restore('$name', 'restored')",
	'scratch created', 'restored', 'renaming');
%at = map { $_->[2] => $_ } @seen;
check_rising('restore', @seen);
is_deeply([ @{ $at{restoring} }[ 0, 1, 3, 4, 5 ] ],
	[ 'restore', 'app', 19, 20, 'public.t29' ],
	'restore: at its end, the last of its tables is the current one');
is($at{finishing}[7], '95', 'restore: little is left then');

foreach my $query ("snapshot_now('app')", "snapshot_verify('$name')",
	"snapshot_restore('$name', 'never')")
{
	my $step = $query =~ /now/ ? 'dumped' : $query =~ /verify/ ? 'verifying' : 'restored';

	hold_at($node, $step);
	my $session = start_query($node, "SELECT $query");
	wait_until_held($node, $step);
	is($node->safe_psql('postgres', 'SELECT snapshot_cancel(database) FROM snapshot_progress()'),
		'1', "what is in progress can be stopped: $query");
	like((finish_query($session))[1], qr/ERROR:.*cancel/, "and its caller is told: $query");
	let_go($node);
	is($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_progress()'),
		'0', "then it is no longer in progress: $query");
}

$node->stop;
done_testing();
