
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The rules of retention.  Promised here: each rule keeps what its words say,
# by a table of cases; and sessions that ask for many snapshots, or drop many
# tables, push out no snapshot of the schedule.

use strict;
use warnings;

use File::Path qw(remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Retention;
use Test::More;

my ($node, $directory) = retention_node();

# A table of cases: what it shows; the rules that are set; and each instant
# with its flags, if any, and what keeps it, "-" for nothing.
my @cases = (
	[
		'the newest ones', { retention => 2 },
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z' => '-'
	],
	[
		'age beside the count, back from the newest but one',
		{ retention => 1, retention_days => 3 },
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => 'retention_days',
		'2026-07-11T03-00-01Z' => 'retention_days',
		'2026-07-11T03-00-00Z' => '-',
		'2026-07-11T02-00-00Z' => '-'
	],
	[
		'the newest good one, however old', { keep_daily => 1 },
		'2020-02-02T03-00-00Z f' => 'failed, but recent',
		'2020-02-01T03-00-00Z' => 'retention',
		'2020-01-01T03-00-00Z' => 'keep_daily',
		'2019-12-01T03-00-00Z' => '-'
	],
	[
		'the newest of each day', { keep_daily => 3 },
		'2026-07-15T11-00-00Z' => 'retention',
		'2026-07-15T03-00-00Z' => 'keep_daily',
		'2026-07-15T02-00-00Z' => '-',
		'2026-07-14T23-59-59Z' => 'keep_daily',
		'2026-07-14T00-00-00Z' => '-',
		'2026-07-10T03-00-00Z' => 'keep_daily',
		'2026-07-09T03-00-00Z' => '-'
	],
	[
		'weeks begin on Monday', { keep_weekly => 3 },
		'2026-07-15T00-00-00Z' => 'retention',
		'2026-07-13T00-00-00Z' => 'keep_weekly',
		'2026-07-12T23-59-59Z' => 'keep_weekly',
		'2026-07-06T00-00-00Z' => '-',
		'2026-07-05T23-59-59Z' => 'keep_weekly',
		'2026-06-28T23-59-59Z' => '-'
	],
	[
		'a week can be in two years',
		{ keep_weekly => 2, keep_yearly => 3 },
		'2026-01-04T03-00-00Z' => 'retention',
		'2026-01-03T03-00-00Z' => 'keep_weekly, keep_yearly',
		'2025-12-29T03-00-00Z' => 'keep_yearly',
		'2025-12-28T03-00-00Z' => 'keep_weekly',
		'2024-12-31T03-00-00Z' => 'keep_yearly'
	],
	[
		'months and years', { keep_monthly => 2, keep_yearly => 2 },
		'2026-04-01T00-00-00Z' => 'retention',
		'2026-03-01T00-00-00Z' => 'keep_monthly, keep_yearly',
		'2026-02-28T23-59-59Z' => 'keep_monthly',
		'2026-01-31T23-59-59Z' => '-',
		'2024-02-29T00-00-00Z' => 'keep_yearly',
		'1999-12-31T23-59-59Z' => '-'
	],
	[
		'before the year 2000, too', { keep_daily => 9, keep_weekly => 2, keep_yearly => 2 },
		'2000-01-01T00-00-01Z' => 'retention',
		'2000-01-01T00-00-00Z' => 'keep_daily, keep_weekly, keep_yearly',
		'1999-12-31T23-59-59Z' => 'keep_daily, keep_yearly',
		'1999-12-27T00-00-00Z' => 'keep_daily',
		'1999-12-26T23-59-59Z' => 'keep_daily, keep_weekly',
		'1999-12-26T00-00-00Z' => '-'
	],
	[
		'pins are kept and not counted',
		{ retention => 2, keep_monthly => 1 },
		'2026-07-15T03-00-00Z p' => 'pinned',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z p' => 'pinned',
		'2026-07-12T03-00-00Z' => 'retention, keep_monthly',
		'2026-07-11T03-00-00Z' => '-'
	],
	[
		"another cluster's are left alone and not counted", { retention => 1 },
		'2026-07-15T03-00-00Z o' => 'other cluster',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z o' => 'other cluster',
		'2026-07-12T03-00-00Z' => '-'
	],
	[
		'what failed its verification pushes nothing out', { retention => 2 },
		'2026-07-15T03-00-00Z f' => 'failed, but recent',
		'2026-07-14T03-00-00Z f' => 'failed, but recent',
		'2026-07-13T03-00-00Z f' => '-',
		'2026-07-12T03-00-00Z' => 'retention',
		'2026-07-11T03-00-00Z' => 'retention',
		'2026-07-10T03-00-00Z' => '-'
	],
	[
		'what failed goes when as many newer ones are there',
		{ retention => 2, keep_daily => 4 },
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T04-00-00Z f' => 'failed, but recent',
		'2026-07-14T03-00-00Z' => 'retention, keep_daily',
		'2026-07-13T03-00-00Z f' => '-'
	],
	[
		'requested ones push out none of the schedule',
		{ retention => 2, retention_manual => 3 },
		'2026-07-15T10-00-00Z m' => 'retention_manual',
		'2026-07-15T09-00-00Z d' => 'retention_manual',
		'2026-07-15T08-00-00Z m' => 'retention_manual',
		'2026-07-15T07-00-00Z d' => '-',
		'2026-07-15T06-00-00Z m' => '-',
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z c' => 'retention',
		'2026-07-13T03-00-00Z' => '-',
		'2026-07-12T03-00-00Z c' => '-'
	],
	[
		'scheduled ones push out no requested ones',
		{ retention => 2, retention_manual => 1 },
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z' => '-',
		'2026-07-12T03-00-00Z d' => 'retention_manual',
		'2026-07-11T03-00-00Z m' => '-'
	],
	[
		'a reason of a newer release is a kind of its own',
		{ retention => 1, retention_manual => 2 },
		'2026-07-15T05-00-00Z u' => 'retention',
		'2026-07-15T04-00-00Z u' => 'retention',
		'2026-07-15T03-00-00Z u' => '-',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z m' => 'retention_manual',
		'2026-07-12T03-00-00Z m' => 'retention_manual',
		'2026-07-11T03-00-00Z' => '-'
	],
	[
		'the rules by time look at all kinds',
		{ keep_daily => 2, retention_manual => 2 },
		'2026-07-15T10-00-00Z m' => 'retention_manual',
		'2026-07-15T09-00-00Z m' => 'retention_manual, keep_daily',
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T10-00-00Z m' => 'keep_daily',
		'2026-07-14T03-00-00Z' => '-'
	],
	[
		'what failed its verification is recent among those of its kind',
		{ retention_manual => 2 },
		'2026-07-15T10-00-00Z m' => 'retention_manual',
		'2026-07-15T09-00-00Z mf' => 'failed, but recent',
		'2026-07-15T08-00-00Z df' => '-',
		'2026-07-15T03-00-00Z f' => 'failed, but recent',
		'2026-07-14T03-00-00Z f' => '-',
		'2026-07-13T03-00-00Z' => 'retention'
	],
	[
		'those from the future push out nothing',
		{ retention => 3, keep_yearly => 2 },
		'2027-07-16T03-00-00Z' => 'retention',
		'2027-07-15T03-00-00Z' => 'retention, keep_yearly',
		'2027-07-14T03-00-00Z' => 'retention',
		'2027-07-13T03-00-00Z' => '-',
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => 'retention, keep_yearly',
		'2026-07-13T03-00-00Z' => 'retention',
		'2026-07-12T03-00-00Z' => '-',
		'2025-07-12T03-00-00Z' => 'keep_yearly',
		'2024-07-12T03-00-00Z' => '-'
	],
	[
		'days of the future do not count',
		{ retention => 2, keep_daily => 2 },
		'2026-07-17T03-00-00Z' => 'retention',
		'2026-07-16T03-00-00Z' => 'retention, keep_daily',
		'2026-07-15T23-00-00Z' => 'keep_daily',
		'2026-07-15T22-00-00Z' => '-',
		'2026-07-15T11-00-00Z' => 'retention',
		'2026-07-15T03-00-00Z' => 'retention, keep_daily',
		'2026-07-14T03-00-00Z' => 'keep_daily',
		'2026-07-13T03-00-00Z' => '-'
	],
	[
		'age is not measured from one in the future', { retention_days => 3 },
		'2027-07-15T03-00-00Z' => 'retention',
		'2027-07-14T03-00-00Z' => 'retention_days',
		'2027-07-10T03-00-00Z' => '-',
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => 'retention_days',
		'2026-07-12T03-00-00Z' => 'retention_days',
		'2026-07-10T03-00-00Z' => '-'
	],
	[
		'to a clock that is behind, all are as they were',
		{ retention_days => 3, keep_monthly => 2 },
		'2099-02-05T03-00-00Z' => 'retention',
		'2099-02-04T03-00-00Z' => 'retention_days, keep_monthly',
		'2099-02-02T03-00-00Z' => 'retention_days',
		'2099-01-31T03-00-00Z' => 'keep_monthly',
		'2099-01-30T03-00-00Z' => '-',
		'2098-12-30T03-00-00Z' => '-'
	],
	[
		'what was once taken in the future is known later on, too',
		{ retention => 2, retention_days => 3 },
		'2026-07-10T03-00-00Z a' => 'retention',
		'2026-07-09T03-00-00Z a' => 'retention, retention_days',
		'2026-07-07T03-00-00Z a' => 'retention_days',
		'2026-07-05T03-00-00Z a' => '-',
		'2025-07-15T03-00-00Z' => 'retention',
		'2025-07-14T03-00-00Z' => 'retention, retention_days',
		'2025-07-12T03-00-00Z' => 'retention_days',
		'2025-07-10T03-00-00Z' => '-'
	],
	[
		'to a clock that is behind, what was once in the future is apart still',
		{ retention => 1 },
		'2027-07-16T03-00-00Z a' => 'retention',
		'2027-07-15T03-00-00Z a' => '-',
		'2027-07-14T03-00-00Z' => 'retention',
		'2027-07-13T03-00-00Z' => '-',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z' => '-'
	],
	[
		'a name is ahead, and a place in WAL behind, for an hour without a doubt',
		{ retention => 2 },
		'2026-07-15T03-00-00Z a' => 'retention',
		'2026-07-15T02-00-00Z' => 'retention',
		'2026-07-15T01-59-59Z a' => '-'
	],
	[
		'what failed in the future is not recent today', { retention => 1 },
		'2099-01-03T03-00-00Z' => 'retention',
		'2099-01-02T03-00-00Z f' => '-',
		'2026-07-15T03-00-00Z f' => 'failed, but recent',
		'2026-07-14T03-00-00Z' => 'retention'
	],
	[
		'all rules off but the count', {},
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => '-'
	]);

foreach my $case (@cases)
{
	my ($what, $set, %expected) = @$case;

	clear();
	foreach my $key (keys %expected)
	{
		my ($instant, $flags) = split / /, $key;
		put($instant, $flags // '');
		$expected{$instant} = delete $expected{$key};
	}
	set_rules(%$set);
	is_deeply(verdicts(), \%expected,
		"snapshot_retention() has what keeps each snapshot ($what)");

	my $removed = grep { $_ eq '-' } values %expected;
	is($node->safe_psql('postgres', "SELECT snapshot_prune('app')"),
		$removed, "snapshot_prune() removes $removed snapshots ($what)");
	is_deeply(
		[ map { m{/(.*)} } snapshots($directory, 'app') ],
		[ sort grep { $expected{$_} ne '-' } keys %expected ],
		"snapshot_prune() leaves the snapshots that a rule keeps ($what)");
}

# A database that was dropped, and one that was not.
clear();
set_rules(retention => 1);
put($_, '') foreach '2026-07-15T03-00-00Z', '2026-07-14T03-00-00Z';
put($_, '', 'gone') foreach '2026-07-15T03-00-00Z', '2026-07-14T03-00-00Z';
is( $node->safe_psql('postgres', <<'EOF'), <<'EOF' =~ s/\n\z//r, 'snapshot_retention() without an argument reports all databases');
SELECT name, database, kept, rules FROM snapshot_retention()
EOF
app/2026-07-15T03-00-00Z|app|t|retention
app/2026-07-14T03-00-00Z|app|f|
gone/2026-07-15T03-00-00Z|gone|t|database is gone, retention
gone/2026-07-14T03-00-00Z|gone|t|database is gone
EOF
my (undef, undef, $stderr) =
  $node->psql('postgres', "SELECT snapshot_prune('gone')");
like($stderr, qr/ERROR:  database "gone" does not exist\n.*kept until they are deleted/s,
	'snapshot_prune() refuses a database that was dropped');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'),
	'1', 'snapshot_prune() without an argument prunes databases that exist');
is_deeply(
	[ snapshots($directory) ],
	[ map { "$_-00-00Z" } 'app/2026-07-15T03', 'gone/2026-07-14T03', 'gone/2026-07-15T03' ],
	'the snapshots of a dropped database survive snapshot_prune()');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'), '0',
	'a second snapshot_prune() removes nothing');

# A run applies the rules at its end.
put('2099-01-01T00-00-00Z', 'm');
my $taken = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_deeply(
	[ snapshots($directory, 'app') ],
	[ sort $taken, map { "app/$_-00-00Z" } '2026-07-15T03', '2099-01-01T00' ],
	'a run applies the rules, and keeps the snapshot that it took');

# Requests and drops push out requested snapshots, and none of the schedule.
remove_tree("$directory/app");
my @scheduled = map { "2026-07-${_}T03-00-00Z" } 12 .. 15;
put($_, '') foreach @scheduled;
set_rules(retention => 4, retention_manual => 2);
$node->safe_psql('app', <<'EOF');
CREATE ROLE cheap LOGIN;
CREATE SCHEMA cheap AUTHORIZATION cheap;
EOF
$node->safe_psql('postgres', "SELECT snapshot_now('app')") foreach 1 .. 5;
reload_with($node, before_drop => 'table', before_drop_size => 0);
$node->safe_psql('app', <<'EOF', extra_params => [ '-U', 'cheap' ]) foreach 1 .. 7;
CREATE TABLE cheap.t AS SELECT 1 AS a;
DROP TABLE cheap.t;
EOF
my %reasons = map { m{/(.*)} => manifest_of($directory, $_)->{reason} }
  snapshots($directory, 'app');
is_deeply(
	[ sort grep { $reasons{$_} eq 'schedule' } keys %reasons ],
	\@scheduled,
	'requests and cheap DROPs push out no scheduled snapshot');
is_deeply(
	[ grep { $_ ne 'schedule' } values %reasons ],
	[ 'before drop', 'before drop' ],
	'requests and cheap DROPs leave as many requested snapshots as retention_manual says');
reload_with($node, before_drop => 'off');

# Snapshots that are taken within a second have names that are ahead of it.
remove_tree("$directory/app");
set_rules(retention_manual => 100);
my @quick = map { $node->safe_psql('postgres', "SELECT snapshot_now('app')") } 1 .. 12;
set_rules(retention_manual => 1);
is($node->safe_psql('postgres', "SELECT snapshot_prune('app')"), '11',
	'of twelve snapshots taken at once, snapshot_prune() removes eleven');
is_deeply([ snapshots($directory, 'app') ], [ $quick[-1] ], 'of twelve snapshots taken at once, the last one stays');

$node->stop;
done_testing();
