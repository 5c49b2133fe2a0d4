
# Copyright (c) 2026, the snapshot_worker developers

# Which snapshots retention keeps, and by which rule: a table of cases, and
# random histories of years against a second, naive implementation.  The
# snapshots are copies of a real one under other names.

use strict;
use warnings;

use File::Path qw(remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(strftime);
use SnapshotTest;
use Test::More;
use Time::Local qw(timegm);

# "Now" in all that follows; a Wednesday.
my $now = '2026-07-15 12:00:00';
my ($node, $directory) = snapshot_node(
	'main',
	clock => $now,
	conf => "snapshot_worker.globals = off\nsnapshot_worker.format = custom\n");
$node->safe_psql('postgres', 'CREATE DATABASE app');
my $real = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
my $model = $node->basedir . '/model';
rename "$directory/$real", $model or die;
my $manifest = slurp_file("$model/manifest.json");

my @rules = qw(retention retention_days keep_daily keep_weekly keep_monthly keep_yearly);

# Put a snapshot of this instant ("2026-07-15T03-00-00Z") into the directory.
# Flags: p(inned), f(ailed), o(ther cluster).
sub put
{
	my ($instant, $flags, $database) = @_;
	my $name = ($database // 'app') . "/$instant";
	my $path = "$directory/$name";
	my $text = $manifest;

	$text =~ s/\Q$real\E/$name/;
	my $iso = $instant =~ s/T(\d+)-(\d+)-(\d+)Z/T$1:$2:$3.000000Z/r;
	$text =~ s/("started_at": ")[^"]+/$1$iso/ or die;
	$text =~ s/("system_identifier": ")\d+/${1}1/ if $flags =~ /o/;
	mkdir "$directory/" . ($database // 'app');
	mkdir $path or die "could not create $path: $!";
	append_to_file("$path/manifest.json", $text);
	system_or_bail('cp', '-r', "$model/app.dump", $path);
	append_to_file("$path/pinned", '') if $flags =~ /p/;
	append_to_file("$path/verified.json",
		qq({"name": "$name", "verified_at": "2026-01-01T00:00:00.000000Z", "level": "archive", "problem": "bad"}\n)
	) if $flags =~ /f/;
	return;
}

sub clear
{
	remove_tree("$directory/app");
	return;
}

sub set_rules
{
	my (%set) = @_;
	reload_with($node, map { $_ => $set{$_} // ($_ eq 'retention' ? 1 : 0) } @rules);
	return;
}

# What snapshot_retention() says of each instant.
sub verdicts
{
	my $rows = $node->safe_psql('postgres',
		"SELECT split_part(name, '/', 2), coalesce(rules, '-') FROM snapshot_retention('app') WHERE kept = (rules IS NOT NULL)");
	return { map { split /\|/ } split /\n/, $rows };
}

# A table of cases: what is set; then each instant with its flags, if any, and
# what keeps it, "-" for nothing.
my @cases = (
	[
		'the newest ones', { retention => 2 },
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => 'retention',
		'2026-07-13T03-00-00Z' => '-'
	],
	[
		'age beside the count',
		{ retention => 1, retention_days => 3 },
		'2026-07-15T03-00-00Z' => 'retention, retention_days',
		'2026-07-12T13-00-00Z' => 'retention_days',
		'2026-07-12T12-00-00Z' => '-',
		'2026-07-12T03-00-00Z' => '-'
	],
	[
		'the newest good one, however old', { retention_days => 3 },
		'2020-02-01T03-00-00Z' => 'retention',
		'2020-01-01T03-00-00Z' => '-'
	],
	[
		'the newest of each day', { keep_daily => 3 },
		'2026-07-15T11-00-00Z' => 'retention, keep_daily',
		'2026-07-15T03-00-00Z' => '-',
		'2026-07-14T23-59-59Z' => 'keep_daily',
		'2026-07-14T00-00-00Z' => '-',
		'2026-07-10T03-00-00Z' => 'keep_daily',
		'2026-07-09T03-00-00Z' => '-'
	],
	[
		'weeks begin on Monday', { keep_weekly => 3 },
		'2026-07-13T00-00-00Z' => 'retention, keep_weekly',
		'2026-07-12T23-59-59Z' => 'keep_weekly',
		'2026-07-06T00-00-00Z' => '-',
		'2026-07-05T23-59-59Z' => 'keep_weekly',
		'2026-06-28T23-59-59Z' => '-'
	],
	[
		'a week can be in two years',
		{ keep_weekly => 2, keep_yearly => 3 },
		'2026-01-03T03-00-00Z' => 'retention, keep_weekly, keep_yearly',
		'2025-12-29T03-00-00Z' => 'keep_yearly',
		'2025-12-28T03-00-00Z' => 'keep_weekly',
		'2024-12-31T03-00-00Z' => 'keep_yearly'
	],
	[
		'months and years', { keep_monthly => 2, keep_yearly => 2 },
		'2026-03-01T00-00-00Z' => 'retention, keep_monthly, keep_yearly',
		'2026-02-28T23-59-59Z' => 'keep_monthly',
		'2026-01-31T23-59-59Z' => '-',
		'2024-02-29T00-00-00Z' => 'keep_yearly',
		'1999-12-31T23-59-59Z' => '-'
	],
	[
		'before the year 2000, too', { keep_daily => 9, keep_weekly => 2, keep_yearly => 2 },
		'2000-01-01T00-00-00Z' => 'retention, keep_daily, keep_weekly, keep_yearly',
		'1999-12-31T23-59-59Z' => 'keep_daily, keep_yearly',
		'1999-12-27T00-00-00Z' => 'keep_daily',
		'1999-12-26T23-59-59Z' => 'keep_daily, keep_weekly',
		'1999-12-26T00-00-00Z' => '-'
	],
	[
		'pins are kept and not counted',
		{ retention => 2, keep_monthly => 1 },
		'2026-07-15T03-00-00Z p' => 'pinned',
		'2026-07-14T03-00-00Z' => 'retention, keep_monthly',
		'2026-07-13T03-00-00Z p' => 'pinned',
		'2026-07-12T03-00-00Z' => 'retention',
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
		'2026-07-15T03-00-00Z' => 'retention, keep_daily',
		'2026-07-14T04-00-00Z f' => 'failed, but recent',
		'2026-07-14T03-00-00Z' => 'retention, keep_daily',
		'2026-07-13T03-00-00Z f' => '-'
	],
	[
		'one from the future does not push out the newest of today', { retention => 1 },
		'2099-01-01T00-00-00Z' => '-',
		'2026-07-15T03-00-00Z' => 'retention',
		'2026-07-14T03-00-00Z' => '-'
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
	is_deeply(verdicts(), \%expected, $what);

	my $removed = grep { $_ eq '-' } values %expected;
	is($node->safe_psql('postgres', "SELECT snapshot_prune('app')"),
		$removed, "$what: so many are removed");
	is_deeply(
		[ map { m{/(.*)} } snapshots($directory, 'app') ],
		[ sort grep { $expected{$_} ne '-' } keys %expected ],
		"$what: and just those");
}

# The naive implementation: what each rule keeps, straight from its words.
sub parts
{
	my ($instant) = @_;
	my ($y, $m, $d, $h, $i, $s) = $instant =~ /^(\d+)-(\d+)-(\d+)T(\d+)-(\d+)-(\d+)Z$/
	  or die;
	my $time = timegm($s, $i, $h, $d, $m - 1, $y);

	return {
		time => $time,
		keep_daily => "$y-$m-$d",
		keep_weekly => strftime('%G-W%V', gmtime $time),
		keep_monthly => "$y-$m",
		keep_yearly => $y
	};
}

sub naive
{
	my ($set, %flags_of) = @_;
	my ($y, $m, $d, $h, $i, $s) = $now =~ /(\d+)/g;
	my $present = timegm($s, $i, $h, $d, $m - 1, $y);
	my @ours = reverse sort grep { $flags_of{$_} !~ /[po]/ } keys %flags_of;
	my @good = grep { $flags_of{$_} !~ /f/ } @ours;
	my %result;

	foreach my $instant (keys %flags_of)
	{
		my $flags = $flags_of{$instant};
		my $part = parts($instant);
		my @why;

		if ($flags =~ /o/) { @why = 'other cluster' }
		elsif ($flags =~ /p/) { @why = 'pinned' }
		elsif ($flags =~ /f/)
		{
			@why = 'failed, but recent'
			  if $set->{retention} > grep { $_ gt $instant } @ours;
		}
		else
		{
			my @newer = grep { $_ gt $instant } @good;

			push @why, 'retention' if @newer < $set->{retention};
			push @why, 'retention_days'
			  if $set->{retention_days}
			  && $present - $part->{time} < $set->{retention_days} * 86400;
			foreach my $rule (qw(keep_daily keep_weekly keep_monthly keep_yearly))
			{
				my %newer = map { parts($_)->{$rule} => 1 } @newer;
				push @why, $rule
				  if !$newer{ $part->{$rule} } && keys %newer < $set->{$rule};
			}
		}
		$result{$instant} = @why ? join(', ', @why) : '-';
	}
	return \%result;
}

# Random histories, of some days or of many years.
foreach my $seed (1 .. 12)
{
	my (%flags_of, %set);
	my $days = (10, 60, 400, 4000)[ $seed % 4 ];

	srand($seed);
	foreach my $rule (@rules)
	{
		$set{$rule} = int(rand(12)) * (rand() < 0.7);
	}
	$set{retention} = 1 + int(rand(6));
	$set{retention_days} *= 10 if rand() < 0.5;
	my $end = timegm(0, 0, 12, 15, 6, 2026);
	foreach (1 .. 60)
	{
		my $time = $end - int(rand($days * 86400));

		# close to where days, weeks, months and years begin, too
		$time -= $time % 86400 if rand() < 0.2;
		$time -= $time % 86400 + 1 if rand() < 0.2;
		# "now" goes on while this runs
		next if $time % 86400 >= 43200 && $time % 86400 < 46800;
		my $flags = (('') x 6, 'f', 'p', 'o')[ int(rand(9)) ];
		$flags_of{ strftime('%Y-%m-%dT%H-%M-%SZ', gmtime $time) } = $flags;
	}
	clear();
	put($_, $flags_of{$_}) foreach keys %flags_of;
	set_rules(%set);
	is_deeply(verdicts(), naive(\%set, %flags_of),
		"random history $seed over $days days: "
		  . join(', ', map { "$_ = $set{$_}" } @rules));
}

# A database that is gone, and one that is not.
clear();
set_rules(retention => 1);
put($_, '') foreach '2026-07-15T03-00-00Z', '2026-07-14T03-00-00Z';
put($_, '', 'gone') foreach '2026-07-15T03-00-00Z', '2026-07-14T03-00-00Z';
is( $node->safe_psql('postgres', <<'EOF'), <<'EOF' =~ s/\n\z//r, 'all databases are told of');
SELECT name, database, kept, rules FROM snapshot_retention()
EOF
app/2026-07-15T03-00-00Z|app|t|retention
app/2026-07-14T03-00-00Z|app|f|
gone/2026-07-15T03-00-00Z|gone|t|database is gone, retention
gone/2026-07-14T03-00-00Z|gone|t|database is gone
EOF
my (undef, undef, $stderr) =
  $node->psql('postgres', "SELECT snapshot_prune('gone')");
like($stderr, qr/ERROR:  database "gone" does not exist\n.*stay until they are deleted/s,
	'what is left of a database that is gone is not pruned');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'),
	'1', 'all databases that exist are pruned');
is_deeply(
	[ snapshots($directory) ],
	[ map { "$_-00-00Z" } 'app/2026-07-15T03', 'gone/2026-07-14T03', 'gone/2026-07-15T03' ],
	'those of the one that is gone stay');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'), '0',
	'there is nothing more to do');

# A run does the same, and what it has just taken comes first.
put('2099-01-01T00-00-00Z', '');
my $taken = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_deeply([ snapshots($directory, 'app') ], [$taken],
	'a run applies the rules, and keeps what it took');

# That holds for days, too: of the day of the one just taken none else is kept,
# though a snapshot from the future is between them.
set_rules(retention => 1, keep_daily => 3);
remove_tree("$directory/$taken");
put($_, '') foreach '2099-01-01T00-00-00Z', '2026-07-15T03-00-00Z',
  '2026-07-14T03-00-00Z', '2026-07-13T03-00-00Z';
$taken = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_deeply(
	[ snapshots($directory, 'app') ],
	[ sort $taken, 'app/2026-07-14T03-00-00Z', 'app/2099-01-01T00-00-00Z' ],
	'the snapshot just taken is the one of its day');

# Snapshots that are taken within a second have names that are ahead of it.
remove_tree("$directory/app");
set_rules(retention => 100);
my @quick = map { $node->safe_psql('postgres', "SELECT snapshot_now('app')") } 1 .. 12;
set_rules(retention => 1);
is($node->safe_psql('postgres', "SELECT snapshot_prune('app')"), '11',
	'of snapshots taken at once, all but one go');
is_deeply([ snapshots($directory, 'app') ], [ $quick[-1] ], 'and the last one stays');

$node->stop;
done_testing();
