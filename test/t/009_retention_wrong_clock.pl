
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Retention of random histories, and with a wrong clock.  Promised here:
# retention keeps what a second, naive implementation of its rules keeps, in
# histories of years and of clocks that were ahead; and a run with a wrong
# clock removes nothing that the right clock would keep.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use POSIX qw(strftime);
use SnapshotTest;
use SnapshotTest::Retention;
use Test::More;
use Time::Local qw(timegm);

my ($node, $directory) = retention_node();

# The instant of a snapshot as a time, and the day, week, month and year that
# it is in.
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

# "Now" as a time.  The clock goes on during the test, but by less than an
# hour, and no snapshot is of the hour after "now" on any day.
my $present = parts($now =~ s/(.*) (..):(..):(..)/$1T$2-$3-${4}Z/r)->{time};

# The instants that are in doubt in a history with flags: those that are later
# by more than an hour than one that was taken after them (1), and others that
# are later than now (2).  The snapshot just taken is never in doubt, and
# proves nothing about others.
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

# The naive implementation, straight from the words of each rule.  It gets the
# rules as they are set, the instant of the snapshot just taken (or undef), and
# the flags of all snapshots.  Returns what keeps each snapshot.
sub naive
{
	my ($set, $taken, %flags_of) = @_;
	my %doubt = in_doubt($taken, %flags_of);
	my %count = (
		scheduled => $set->{retention},
		requested => $set->{retention_manual},
		unknown => (sort { $b <=> $a } @$set{qw(retention retention_manual)})[0]);
	my %result;

	# The snapshots that are judged together with an instant, and before it.
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

			# The first of all counts for no rule by time.
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

# Random rules.
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

# A random history of some days, with flags that are chosen from a list.  Of
# ten snapshots, "future" are from the future, or were so once.
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

# Random histories, of some days or of many years; in every other one, the
# clock has been ahead now and then.
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
		"retention keeps what the naive implementation keeps in random history $seed of $days days"
		  . ($future ? ', and as many to come, with ' : ', with ')
		  . rules_text(%set));
}

# The instants that the naive implementation keeps, by what it returned.
sub kept
{
	my ($verdicts) = @_;

	return [ sort grep { $verdicts->{$_} ne '-' } keys %$verdicts ];
}

# Take a snapshot while the clock shows a time; returns its instant.
sub take_at
{
	my ($time) = @_;

	set_clock($node, strftime('%Y-%m-%d %H:%M:%S', gmtime $time));
	my ($instant) =
	  $node->safe_psql('postgres', "SELECT snapshot_now('app')") =~ m{/(.*)};
	return $instant;
}

# One run with a wrong clock removes nothing that the right clock would keep.
# If the clock was ahead, the next run, with the right clock, keeps what it
# would keep if no run had had a wrong one.
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

	# Some were taken while the clock was wrong once before.
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
		"a run with $what removes nothing that the right clock keeps, with "
		  . rules_text(%set));
	ok($there{$wrong}, "a run with $what keeps its own snapshot");
	is_deeply([ grep { $_ ne $wrong } sort keys %there ],
		[ grep { $_ ne $right } @$kept ],
		"a run with $what removes as much as with the right clock")
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
		"the run with the right clock after one with $what removes nothing that is to be kept");
}
set_clock($node, $now);

$node->stop;
done_testing();
