
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Which snapshots retention keeps, and by which rule: a table of cases, and
# random histories of years against a second, naive implementation; runs whose
# clock is wrong, which must remove what they would have removed with the right
# one; and sessions that ask for many snapshots, which must not cost the schedule
# one of its own.  The snapshots are copies of a real one under other names.

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

my @rules = qw(retention retention_manual retention_days keep_daily keep_weekly
  keep_monthly keep_yearly);

# Put a snapshot of this instant ("2026-07-15T03-00-00Z") into the directory.
# Flags: p(inned), f(ailed), o(ther cluster); and what it was taken for: c(atch-up),
# m(anual), d(rop), u(nknown to this release), or without one of these the
# schedule.  Places in WAL are in the order of the instants, but a(head of the
# clock) is what was taken before all others, whatever its instant.
my %reason = (
	c => 'catch-up',
	m => 'manual',
	d => 'before drop',
	u => 'on a whim');

sub put
{
	my ($instant, $flags, $database) = @_;
	my $name = ($database // 'app') . "/$instant";
	my $path = "$directory/$name";
	my $text = $manifest;

	$text =~ s/\Q$real\E/$name/;
	my $iso = $instant =~ s/T(\d+)-(\d+)-(\d+)Z/T$1:$2:$3.000000Z/r;
	$text =~ s/("started_at": ")[^"]+/$1$iso/ or die;
	my $reason = $flags =~ /([cmdu])/ ? $reason{$1} : 'schedule';
	$text =~ s/("reason": ")[^"]+/$1$reason/ or die;
	$text =~ s/("system_identifier": ")\d+/${1}1/ if $flags =~ /o/;
	my $lsn = sprintf '0/%X', wal_place($instant, $flags);
	$text =~ s/("lsn": ")[^"]+/$1$lsn/ or die;
	mkdir "$directory/" . ($database // 'app');
	mkdir $path or die "could not create $path: $!";
	append_to_file("$path/manifest.json", $text);
	link("$model/app.dump", "$path/app.dump") or die "could not link: $!";
	append_to_file("$path/pinned", '') if $flags =~ /p/;
	append_to_file("$path/verified.json",
		qq({"name": "$name", "verified_at": "2026-01-01T00:00:00.000000Z", "level": "archive", "problem": "bad"}\n)
	) if $flags =~ /f/;
	return;
}

# Of a snapshot with flags, the place in WAL: an hour is a byte, so that all are
# before what the server writes.
sub wal_place
{
	my ($instant, $flags) = @_;
	my ($y, $m, $d, $h) = split /[-T]/, $instant;

	return $flags =~ /a/ ? 1 : 1000 + timegm(0, 0, $h, $d, $m - 1, $y) / 3600;
}

sub clear
{
	remove_tree("$directory/app");
	return;
}

sub set_rules
{
	my (%set) = @_;
	reload_with($node,
		map { $_ => $set{$_} // (/^retention(_manual)?$/ ? 1 : 0) } @rules);
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

# The kind of a snapshot, by its flags.
sub kind
{
	my ($flags) = @_;

	return $flags =~ /[md]/ ? 'requested' : $flags =~ /u/ ? 'unknown' : 'scheduled';
}

# Time goes on while this runs, but less than an hour, and no snapshot is of the
# hour after "now" on any day.
my $present = parts($now =~ s/(.*) (..):(..):(..)/$1T$2-$3-${4}Z/r)->{time};

# Which instants of a history with flags must be wrong, since they are later by
# more than an hour than one that was taken after them (1); and which others are
# later than now (2).  The one just taken is never wrong, and proves nothing.
sub in_doubt
{
	my ($taken, %flags_of) = @_;
	my @others = grep { $flags_of{$_} !~ /o/ && $_ ne ($taken // '') } keys %flags_of;
	my %time = map { $_ => parts($_)->{time} } @others;
	my %place = map { $_ => wal_place($_, $flags_of{$_}) } @others;
	my %doubt = map { $_ => 2 } grep { $time{$_} > $present } @others;

	foreach my $instant (@others)
	{
		$doubt{$instant} = 1
		  if grep { $time{$_} + 3600 < $time{$instant} && $place{$_} > $place{$instant} }
		  @others;
	}
	return %doubt;
}

# Rules as they are set, the instant of the snapshot just taken (or undef), and
# the flags of all snapshots.
sub naive
{
	my ($set, $taken, %flags_of) = @_;
	my %doubt = in_doubt($taken, %flags_of);
	my %count = (
		scheduled => $set->{retention},
		requested => $set->{retention_manual},
		unknown => (sort { $b <=> $a } @$set{qw(retention retention_manual)})[0]);
	my %result;

	# Those that are judged together with an instant, and before it.
	my $before = sub {
		my ($instant) = @_;
		my @found;

		foreach my $other (keys %flags_of)
		{
			next if $flags_of{$other} =~ /[po]/ || $other eq $instant;
			next if ($doubt{$other} // 0) != ($doubt{$instant} // 0);
			next if defined $taken && $instant eq $taken;
			push @found, $other
			  if $other gt $instant || defined $taken && $other eq $taken;
		}
		return @found;
	};

	foreach my $instant (keys %flags_of)
	{
		my $flags = $flags_of{$instant};
		my $part = parts($instant);
		my $kind = kind($flags);
		my @newer = $before->($instant);
		my @newer_good = grep { $flags_of{$_} !~ /f/ } @newer;
		my @why;

		if ($flags =~ /o/) { @why = 'other cluster' }
		elsif ($flags =~ /p/) { @why = 'pinned' }
		elsif ($flags =~ /f/)
		{
			@why = 'failed, but recent'
			  if $count{$kind} > grep { kind($flags_of{$_}) eq $kind } @newer;
		}
		else
		{
			push @why, $kind eq 'requested' ? 'retention_manual' : 'retention'
			  if $count{$kind} >
			  grep { kind($flags_of{$_}) eq $kind } @newer_good;

			# The first of all, before which there is none, is left out here.
			my @known = grep {
				grep { $flags_of{$_} !~ /f/ } $before->($_)
			} @newer_good;
			if (@newer_good)
			{
				my ($newest) = reverse sort $instant, @known;
				push @why, 'retention_days'
				  if $set->{retention_days}
				  && parts($newest)->{time} - $part->{time} <
				  $set->{retention_days} * 86400;
				foreach my $rule (qw(keep_daily keep_weekly keep_monthly keep_yearly))
				{
					my %newer = map { parts($_)->{$rule} => 1 } @known;
					push @why, $rule
					  if !$newer{ $part->{$rule} } && keys %newer < $set->{$rule};
				}
			}
		}
		$result{$instant} = @why ? join(', ', @why) : '-';
	}
	return \%result;
}

# Rules by chance.
sub random_rules
{
	my %set;

	foreach my $rule (@rules)
	{
		$set{$rule} = int(rand(12)) * (rand() < 0.7);
	}
	$set{$_} = 1 + int(rand(6)) foreach qw(retention retention_manual);
	$set{retention_days} *= 10 if rand() < 0.5;
	return %set;
}

sub instant_of
{
	my ($time) = @_;

	return strftime('%Y-%m-%dT%H-%M-%SZ', gmtime $time);
}

# A history of some days by chance, with flags that are chosen from a list; that
# many of ten are from the future, or have been.
sub random_history
{
	my ($number, $days, $future, @choice) = @_;
	my %flags_of;

	foreach (1 .. $number)
	{
		my $time = $present - int(rand($days * 86400));
		my $ahead = rand() < $future / 10;
		$time = 2 * $present - $time if $ahead && rand() < 0.5;

		# close to where days, weeks, months and years begin, too
		$time -= $time % 86400 if rand() < 0.2;
		$time -= $time % 86400 + 1 if rand() < 0.2;
		next if $time % 86400 >= 43200 && $time % 86400 < 46800;
		$flags_of{ instant_of($time) } =
		  $choice[ int(rand(@choice)) ]
		  . ('', '', 'm', 'd', 'c', 'u')[ int(rand(6)) ]
		  . ($ahead && rand() < 0.8 ? 'a' : '');
	}
	return %flags_of;
}

sub rules_text
{
	my (%set) = @_;

	return join(', ', map { "$_ = $set{$_}" } @rules);
}

# Random histories, of some days or of many years; in every other one, the clock
# has been ahead now and then.
foreach my $seed (1 .. 16)
{
	my $days = (10, 60, 400, 4000)[ int($seed / 2) % 4 ];
	my $future = $seed % 2 ? 0 : 2;

	srand($seed);
	my %set = random_rules();
	my %flags_of =
	  random_history(60, $days, $future, ('') x 6, 'f', 'p', 'o');
	clear();
	put($_, $flags_of{$_}) foreach keys %flags_of;
	set_rules(%set);
	is_deeply(verdicts(), naive(\%set, undef, %flags_of),
		"random history $seed over $days days"
		  . ($future ? ', and as many to come: ' : ': ')
		  . rules_text(%set));
}

# What is in the directory, as instants.
sub instants
{
	return [ map { m{/(.*)} } snapshots($directory, 'app') ];
}

# Those of them that the naive implementation keeps.
sub kept
{
	my ($verdicts) = @_;

	return [ sort grep { $verdicts->{$_} ne '-' } keys %$verdicts ];
}

# Take a snapshot while the clock shows a time; its instant.
sub take_at
{
	my ($time) = @_;

	set_clock($node, strftime('%Y-%m-%d %H:%M:%S', gmtime $time));
	my ($instant) =
	  $node->safe_psql('postgres', "SELECT snapshot_now('app')") =~ m{/(.*)};
	return $instant;
}

# One run with a wrong clock removes nothing that the right clock would keep.  And
# if it was ahead, nor does the next run, with the right clock: it keeps what it
# would keep if there had been none with a wrong one.
my $hour = 3600;
my $day = 24 * $hour;
my $seed = 0;
foreach my $jump (3 * $hour, $day, 8 * $day, 40 * $day, 366 * $day,
	9000 * $day, -3 * $hour, -2 * $day, -40 * $day, -400 * $day, -9000 * $day)
{
	my $what = sprintf('a clock that is wrong by %+.1f days', $jump / $day);
	my $days = (20, 100, 1000)[ ++$seed % 3 ];

	srand($seed);
	my %set = random_rules();
	$set{$_} = 1 + $seed % 2 foreach qw(retention retention_manual);

	# some of them are known to be from a time when it was wrong before
	my %flags_of = random_history(30, $days, $seed % 2, ('') x 6, 'f', 'p');
	delete @flags_of{ grep { parts($_)->{time} > $present } keys %flags_of };
	clear();
	put($_, $flags_of{$_}) foreach keys %flags_of;
	set_rules(%set);

	my $right = instant_of($present);
	my $wrong = take_at($present + $jump);
	my %there = map { $_ => 1 } @{ instants() };
	my $kept = kept(naive(\%set, $right, %flags_of, $right => 'm'));
	is_deeply(
		[ grep { !$there{$_} && $_ ne $right } @$kept ],
		[],
		"$what costs nothing that the right clock keeps: " . rules_text(%set));
	ok($there{$wrong}, "$what: what was taken is there");
	is_deeply([ grep { $_ ne $wrong } sort keys %there ],
		[ grep { $_ ne $right } @$kept ], "$what: and removes as much")
	  if $jump > 0;

	next if $jump < 0;
	%flags_of = map { $_ => $flags_of{$_} // 'm' } keys %there;
	delete $flags_of{$wrong};
	my $next = take_at($present);
	%there = map { $_ => 1 } @{ instants() };
	is_deeply(
		[
			grep { !$there{$_} }
			  @{ kept(naive(\%set, $next, %flags_of, $next => 'm')) }
		],
		[],
		"$what costs nothing in the next run, which is right, either");
}
set_clock($node, $now);

# A database that is gone, and one that is not.
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
	'what is left of a database that is gone is not pruned');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'),
	'1', 'all databases that exist are pruned');
is_deeply(
	[ snapshots($directory) ],
	[ map { "$_-00-00Z" } 'app/2026-07-15T03', 'gone/2026-07-14T03', 'gone/2026-07-15T03' ],
	'those of the one that is gone stay');
is($node->safe_psql('postgres', 'SELECT snapshot_prune()'), '0',
	'there is nothing more to do');

# A run does the same, and keeps what it took.
put('2099-01-01T00-00-00Z', 'm');
my $taken = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
is_deeply(
	[ snapshots($directory, 'app') ],
	[ sort $taken, map { "app/$_-00-00Z" } '2026-07-15T03', '2099-01-01T00' ],
	'a run applies the rules, and keeps what it took');

# Whoever may ask for snapshots, or drop a table, pushes out those that were
# asked for, and none of the schedule.
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
	'of requested ones, retention_manual are there');
reload_with($node, before_drop => 'off');

# Snapshots that are taken within a second have names that are ahead of it.
remove_tree("$directory/app");
set_rules(retention_manual => 100);
my @quick = map { $node->safe_psql('postgres', "SELECT snapshot_now('app')") } 1 .. 12;
set_rules(retention_manual => 1);
is($node->safe_psql('postgres', "SELECT snapshot_prune('app')"), '11',
	'of snapshots taken at once, all but one go');
is_deeply([ snapshots($directory, 'app') ], [ $quick[-1] ], 'of snapshots taken at once, the last one stays');

$node->stop;
done_testing();
