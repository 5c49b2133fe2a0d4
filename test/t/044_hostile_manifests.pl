
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Hostile manifests.  Promised here: a snapshot whose manifest is damaged, or
# made to do harm, is left out of lists with a WARNING that has the reason; it
# is never followed and never removed; it costs no memory for long; and
# snapshots are taken beside it.

use strict;
use warnings;

use File::Path qw(make_path remove_tree);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Hostile;
use Test::More;

my ($node, $directory, $outside) = hostile_node();

take_snapshot($node, 'app');
my $good = take_snapshot($node, 'app');
take_snapshot($node, $_) foreach @databases;
my $whole = slurp_file("$directory/$good/manifest.json");
my ($members) = $whole =~ /^\{"manifest_version": 1, (.*?), "roles": /
  or die $whole;
my @members = split /, (?=")/, $members;
cmp_ok(scalar(@members), '>=', 18, 'a manifest has at least 18 members to spoil');

# Replace the hash of a file in a manifest.
sub with_sha256
{
	my ($text, $value) = @_;

	$text =~ s/("path": .*"sha256": )"\w+"/$1$value/ or die "no hash in $text";
	return $text;
}

# Ways to spoil a manifest: a name for it; code that gets the text and path of
# the manifest, and returns the new text or replaces the file; the reason that
# the warning gives; and whether one database is enough for it.
my $not_json = qr/it is not valid JSON/;
my $not_utf8 = qr/it is not valid UTF-8/;
my $deep = qr/it is nested too deeply/;
my $escape = qr/it has an escape beyond ASCII/;
my $no_version = qr/it has no version/;
my $no_file = qr/it is not a regular file of at most \d+ bytes/;
my $link = qr/it could not be opened: Too many levels of symbolic links/;
my $other_name = qr/it belongs to a snapshot with another name/;
my $bad_file = qr/a file in it has a wrong path, size or hash/;
my @spoilers = (
	[ 'binary', sub { join('', map { chr } 0 .. 255) x 8 },
		qr/it holds a zero byte/ ],
	[ 'zero-ended', sub { "$_[0]\0" }, qr/it holds a zero byte/ ],
	[ 'odd bytes', sub { join('', map { chr } 1 .. 255) x 8 }, $not_utf8 ],
	[ 'LATIN1', sub { with($_[0], 'format', "\"caf\xe9\"") }, $not_utf8 ],
	[ 'a surrogate', sub { with($_[0], 'format', "\"\xed\xa0\xbd\"") },
		$not_utf8 ],
	[ 'an escape', sub { with($_[0], 'format', '"\\u20ac"') }, $escape ],
	[ 'half an escape', sub { with($_[0], 'format', '"\\ud83d"') }, $escape ],
	[ 'escaped zero', sub { with($_[0], 'format', '"\\u0000"') }, $escape ],
	[ 'no escape', sub { with($_[0], 'format', '"\\x41"') }, $not_json ],
	[ 'twice', sub { "$_[0]$_[0]" }, $not_json ],
	[ 'text', sub { 'See my notes.' }, $not_json ],
	[ 'a number', sub { '42' }, $no_version ],
	[ 'an empty object', sub { '{}' }, $no_version ],
	[ 'many arrays', sub { '[' x 100_000 }, $deep ],
	[ 'many objects', sub { '{"a":' x 100_000 }, $deep ],
	[ 'deep inside',
		sub { with($_[0], 'format', '[' x 1000 . '0' . ']' x 1000) }, $deep ],
	[ 'in an array', sub { "[$_[0]]" }, $no_version ],
	[ 'a gigabyte', sub { write_sparse($_[1], 1024 * $megabyte) }, $no_file ],
	[ 'a FIFO', sub { mkfifo($_[1], 0600) or die $! }, $no_file ],
	[ 'a directory', sub { mkdir $_[1] or die $! }, $no_file ],
	[ 'unreadable',
		sub { append_to_file($_[1], $_[0]); chmod 0, $_[1] or die $! },
		qr/it could not be opened: Permission denied/ ],
	[ 'a link to a whole one',
		sub {
			append_to_file("$_[1].real", $_[0]);
			symlink "$_[1].real", $_[1] or die $!;
		},
		$link ],
	[ 'a link to nothing',
		sub { symlink '/nonexistent', $_[1] or die $! }, $link ],
	[ 'a link to itself',
		sub { symlink 'manifest.json', $_[1] or die $! }, $link ],
	[ 'of another snapshot', sub { $whole }, $other_name ],
	[ 'of a place outside', sub { with($_[0], 'name', '"../../x"') },
		$other_name ],
	[ 'a name twice', sub { $_[0] =~ s/("name": )/$1"app\/x", $1/r },
		qr/its member "name" has a wrong value/ ],
	[ 'no files', sub { $_[0] =~ s/, "files": .*\]//sr },
		qr/it names no files/ ],
	[ 'no list of files', sub { $_[0] =~ s/("files": )\[.*\]/${1}5/sr },
		$bad_file ],
	[ 'empty files', sub { $_[0] =~ s/("files": \[).*\]/$1]/sr },
		qr/it names no files/ ]);

foreach my $length (0 .. length($whole) - 3)
{
	push @spoilers, [ "cut off after $length bytes",
		sub { substr $_[0], 0, $length }, $not_json, $length % 50 ];
}
foreach my $version ('2', '99999999999')
{
	push @spoilers, [
		"version $version",
		sub { with($_[0], 'manifest_version', $version) },
		qr/it is of version $version, and this release reads only up to version 1/
	];
}
foreach my $version ('0', '-1', '"1"', 'null', '1.5', 'true', '{}', '[1]')
{
	push @spoilers, [ "version $version",
		sub { with($_[0], 'manifest_version', $version) }, $no_version ];
}
foreach my $member (@members)
{
	my ($name, $value) = $member =~ /^"(\w+)": (.*)$/ or die $member;
	my $optional = $name =~ /^(base|is_template|tables_read|tables_same|bytes_read)$/;
	my @wrong = ('true', "[$value]", "[[$value]]", '-1', '1.5', '1e3',
		'99999999999999999999');

	# An optional member without a value of its own is as good as missing.
	push @wrong, '{}', '[]', "{\"$name\": $value}" unless $optional;

	push @wrong, $value =~ /^"/ ? '1' : '"1"'
	  unless $name =~ /^(scheduled_for|locale|icu_rules|comment|base)$/;
	push @wrong, 'null'
	  unless $optional
	  || $name =~ /^(scheduled_for|server_started_at|locale|icu_rules|connection_limit|comment|rows)$/;
	push @wrong, '""', '"yesterday"', '"2026-02-31T00:00:00.000000Z"',
	  '"2026-01-01T00:00:00Z"', '"infinity"'
	  if $name =~ /_at$|_for$/;
	push @wrong, '""', '"x"', '"1"', '"1/2/3"', '"1/123456789"'
	  if $name eq 'lsn';
	push @wrong, '""', '"x"', '" 1"', '"-1"', '"1x"',
	  '"99999999999999999999"'
	  if $name eq 'system_identifier';
	push @spoilers, [ "without $name",
		sub { $_[0] =~ s/"$name": (?:"[^"]*"|\w+), //r },
		qr/it lacks the member "$name"/ ]
	  unless $optional;
	foreach my $wrong (@wrong)
	{
		push @spoilers, [
			"$name is $wrong",
			sub { with($_[0], $name, $wrong) },
			qr/its member "$name" has a wrong value|it lacks the member "$name"/
		];
	}
}
foreach my $array (
	[ 'roles', qr/a role in it lacks its name/, '{}', '{"name": 1}', '{"name": null}', '{"name": "a", "name": "b"}' ],
	[ 'settings', qr/a setting in it has wrong members/, '{"role": null}', '{"role": 1, "name": "a", "value": "b"}' ],
	[ 'privileges', qr/a privilege in it has wrong members/, '{"role": null, "privilege": "CONNECT"}' ],
	[ 'settings_in_force', qr/a setting in force in it has wrong members/, '{"name": "DateStyle", "value": "ISO"}', '{"name": 1, "value": "ISO", "required": 0}' ],
	[ 'owner_schemas', qr/a schema in it lacks its name/, '{"name": null}' ],
	[ 'contents', qr/an entry of its contents has wrong members/, '{"kind": "columns", "count": "1", "hash": "0"}', '{"kind": 1, "count": 1, "hash": "0"}' ],
	[ 'row_counts', qr/a row count in it has wrong members/, '{"schema": "a", "table": "b", "count": "1"}' ])
{
	my ($name, $problem, @items) = @$array;

	foreach my $item (grep { $_ ne '{}' } @items)
	{
		push @spoilers, [ "$name with $item",
			sub { $_[0] =~ s/("$name": \[)/$1$item, /r =~ s/, \]/]/r }, $problem ];
	}
	push @spoilers, [ "$name with no objects",
		sub { $_[0] =~ s/("$name": )\[[^\]]*\]/$1\[1, "x"]/r }, $problem ];
	push @spoilers, [ "$name that is no array",
		sub { $_[0] =~ s/("$name": )\[[^\]]*\]/${1}5/r }, $problem ];
}
foreach my $path (
	'../../x', '../../../outside/x', '..', '.', '', '/etc/passwd',
	"$outside/x", 'a/../../../x', 'app.dump/../../x', 'app.dump/..',
	'a//b', './a', 'a/')
{
	my $last = ",\n{\"path\": \"$path\", \"size\": 1, \"sha256\": \""
	  . '0' x 64 . '"}]}';

	push @spoilers,
	  [ "path \"$path\"", sub { with($_[0], 'path', "\"$path\"") }, $bad_file ],
	  [ "path \"$path\" at the end",
		sub { $_[0] =~ s/\]\}\s*$/$last/r }, $bad_file ];
}
foreach my $spoil (
	sub { with($_[0], 'path', '1') },
	sub { with($_[0], 'path', 'null') },
	sub { $_[0] =~ s/"path": "[^"]*", //r },
	sub { with_sha256($_[0], '""') },
	sub { with_sha256($_[0], '"' . '0' x 63 . 'G"') },
	sub { with_sha256($_[0], '"' . '0' x 65 . '"') },
	sub { $_[0] =~ s/("path": .*), "sha256": "\w+"/$1/r },
	sub { $_[0] =~ s/("path": "[^"]*", "size": )/$1-/r },
	sub { $_[0] =~ s/("path": "[^"]*", "size": )\d+/$1"1"/r })
{
	push @spoilers, [ 'a wrong file', $spoil, $bad_file ];
}

# Make a whole snapshot under a name of its own, and spoil its manifest.
sub spoiled_snapshot
{
	my ($database, $spoil) = @_;
	my $name = next_name($database);
	my $manifest = "$directory/$name/manifest.json";

	make_path("$directory/$name/app.dump");
	append_to_file("$directory/$name/app.dump/toc.dat", 'mine');
	my $text = $whole =~ s/\Q$good\E/$name/gr;
	my $spoiled = $spoil->($text, $manifest);
	if (!-e $manifest && !-l $manifest)
	{
		die "nothing is spoiled in $name" if $spoiled eq $text;
		append_to_file($manifest, $spoiled);
	}
	return $name;
}

my %spoiled;
foreach my $database (@databases)
{
	# Each database has every kind, but one alone has those at every length.
	foreach my $spoiler (grep { $database eq 'app' || !$_->[3] } @spoilers)
	{
		$spoiled{ spoiled_snapshot($database, $spoiler->[1]) } = $spoiler;
	}
}

# A manifest that is whole, but looks odd, and is of another cluster.
my $odd = spoiled_snapshot(
	'app',
	sub {
		my ($text) = @_;
		my %odd = (
			system_identifier => '"18446744073709551615"',
			format => qq{"\xe2\x82\xac\\u0001\\\\\\u007f"},
			tables => '9223372036854775807',
			started_at => '"0001-01-01T00:00:00.000000Z"',
			finished_at => '"9999-12-31T23:59:59.999999Z"');

		$text = with($text, $_, $odd{$_}) foreach keys %odd;
		$text =~ s/\}\s*$/, "later": {"a": [1, {"b": [null, "\xc3\xa9"]}]}}\r\n\t /;
		return $text;
	});
my @whole = grep { !$spoiled{$_} } map { snapshots($directory, $_) } @databases;
is(scalar(@whole), 6, 'there are five whole snapshots, and an odd one');

foreach my $database (@databases)
{
	my ($rc, $stdout, $stderr) = $node->psql($database,
		'SELECT name FROM snapshot_list() ORDER BY name COLLATE "C"');
	my (%reasons, @bad);

	is($rc, 0, "a list in $encodings{$database} raises no error")
	  or diag(substr $stderr, -1000);
	is_deeply([ split /\n/, $stdout ],
		[ sort @whole ], "a list in $encodings{$database} has the whole snapshots, and no other");
	$reasons{$1} = $2
	  while $stderr =~
	  /WARNING:  snapshot "([^"]*)" is damaged\nDETAIL:  (.*)/g;
	foreach my $name (sort keys %spoiled)
	{
		my ($what, undef, $reason) = @{ $spoiled{$name} };
		my $file = "$directory/$name/manifest.json";

		push @bad, "$name ($what): " . ($reasons{$name} // 'no warning')
		  unless ($reasons{$name} // '') =~
		  /^File "\Q$file\E" is unusable: $reason/;
	}
	is(join("\n", @bad), '',
		"a list in $encodings{$database} warns of "
		  . keys(%spoiled)
		  . ' damaged snapshots, with the reason');
}

# Snapshots are taken beside damaged ones, and retention does not touch these.
my @spoiled_paths = map { "$directory/$_" } sort keys %spoiled, $odd;
my @untouched = (@spoiled_paths, $outside, $node->basedir . '/x');
my $before = tree_of(@untouched);
reload_with($node, retention_manual => 1);
foreach my $database (@databases)
{
	my $name = take_snapshot($node, $database);

	is_deeply(
		[ grep { !$spoiled{$_} && $_ ne $odd } snapshots($directory, $database) ],
		[$name],
		"retention keeps the newest whole snapshot in $encodings{$database}");
}
is_untouched($before, \@untouched,
	'retention touches neither damaged snapshots nor the files that they name');

# A whole manifest does not make a link a part of the snapshot.
my $linked = spoiled_snapshot('app', sub { "$_[0]\n" });
remove_tree("$directory/$linked/app.dump");
symlink "$outside/deep", "$directory/$linked/app.dump" or die $!;
$before = tree_of("$directory/$linked", $outside);
$good = take_snapshot($node, 'app');
is_untouched($before, [ "$directory/$linked", $outside ],
	'retention neither follows nor removes a link in place of the archive');
remove_tree(@spoiled_paths, "$directory/$linked");

# A damaged manifest does not stay in memory.
my $padding = '"a": 1, ' x $megabyte;
my @padded = map {
	spoiled_snapshot('app',
		sub { with($_[0], 'attempt', '-1') =~ s/^\{/{$padding/r })
} 1 .. 8;
cmp_ok(
	peak_memory('SELECT count(*) FROM snapshot_list()') - peak_memory('SELECT 1'),
	'<', 250_000, 'a list does not keep large manifests in memory');
remove_tree(map { "$directory/$_" } @padded);

crashes_nothing('hostile manifests');
$node->stop;
done_testing();
