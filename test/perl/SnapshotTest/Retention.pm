
# Copyright (c) 2026, the snapshot_worker developers

# A server for tests of retention.  Its snapshots are copies of a real one
# under other names, so that a history of years takes no time.

package SnapshotTest::Retention;

use strict;
use warnings;

use Exporter 'import';
use File::Path qw(remove_tree);
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::Local qw(timegm);

our @EXPORT = qw(
  retention_node put wal_place clear set_rules verdicts instants $now @rules
);

# "Now" in all tests of retention; a Wednesday.
our $now = '2026-07-15 12:00:00';

our @rules = qw(retention retention_manual retention_days keep_daily keep_weekly
  keep_monthly keep_yearly);

# The server, its snapshot directory, the name of the real snapshot, where that
# has been moved to, and its manifest.
my ($node, $directory, $real, $model, $manifest);

# Start the server, with a database "app" that has no snapshot.  Returns the
# node and its snapshot directory.
sub retention_node
{
	($node, $directory) = snapshot_node(
		'main',
		clock => $now,
		conf => "snapshot_worker.globals = off\nsnapshot_worker.format = custom\n");
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$real = take_snapshot($node, 'app');
	$model = $node->basedir . '/model';
	rename "$directory/$real", $model or die "could not rename $real: $!";
	$manifest = slurp_file("$model/manifest.json");
	return ($node, $directory);
}

# Put a snapshot of an instant ("2026-07-15T03-00-00Z") into the directory.
# Flags: p(inned), f(ailed), o(ther cluster); and the reason, which is
# c(atch-up), m(anual), d(rop), u(nknown to this release), or else the
# schedule.  Places in WAL are in the order of the instants, but a snapshot
# that was a(head of the clock) was taken before all others, whatever its
# instant.
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

# The place in WAL of a snapshot with flags.  An hour is a byte, so that all
# places are before the server's own.
sub wal_place
{
	my ($instant, $flags) = @_;
	my ($y, $m, $d, $h) = split /[-T]/, $instant;

	return $flags =~ /a/ ? 1 : 1000 + timegm(0, 0, $h, $d, $m - 1, $y) / 3600;
}

# Remove all snapshots of "app".
sub clear
{
	remove_tree("$directory/app");
	return;
}

# Set rules of retention, and all others to their least.
sub set_rules
{
	my (%set) = @_;

	reload_with($node,
		map { $_ => $set{$_} // (/^retention(_manual)?$/ ? 1 : 0) } @rules);
	return;
}

# What keeps each instant by snapshot_retention(); "-" for nothing.
sub verdicts
{
	my $rows = $node->safe_psql('postgres',
		"SELECT split_part(name, '/', 2), coalesce(rules, '-') FROM snapshot_retention('app') WHERE kept = (rules IS NOT NULL)");
	return { map { split /\|/ } split /\n/, $rows };
}

# The instants of the snapshots of "app" in the directory.
sub instants
{
	return [ map { m{/(.*)} } snapshots($directory, 'app') ];
}

1;
