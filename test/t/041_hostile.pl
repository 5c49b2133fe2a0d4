
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Hostile input.  Promised here: no argument of a function leads out of the
# snapshot directory; who may call nothing learns nothing; files in the
# snapshot directory that are damaged, or made to do harm, are left out and
# warned of, never followed, never removed, and never end the server.

use strict;
use warnings;

use Digest::MD5 qw(md5_hex);
use Fcntl qw(:mode);
use File::Find;
use File::Path qw(make_path remove_tree);
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ]);

# Databases of several encodings, by their names.
my %encodings = (app => 'UTF8', latin => 'LATIN1', ascii => 'SQL_ASCII');
my @databases = sort keys %encodings;
foreach my $database (@databases)
{
	$node->safe_psql('postgres',
		"CREATE DATABASE $database TEMPLATE template0 ENCODING '$encodings{$database}'");
	$node->safe_psql($database,
		'CREATE EXTENSION snapshot_worker; CREATE TABLE t AS SELECT 1 AS a');
}

# What must never be touched, with a way to it from anywhere.
my $outside = $node->basedir . '/outside';
make_path("$outside/deep");
append_to_file("$outside/x", 'mine');
append_to_file("$outside/deep/toc.dat", 'mine');
append_to_file($node->basedir . '/x', 'mine');

# All that is below some directories: what, of which mode, with what in it.
sub tree_of
{
	my @found;

	find(
		{   no_chdir => 1,
			wanted => sub {
				my ($mode, $size, $mtime) = (lstat)[ 2, 7, 9 ];
				my $content =
					S_ISLNK($mode) ? readlink
				  : S_ISREG($mode) && $size < 1e7 && -r $_
				  ? md5_hex(slurp_file($_))
				  : S_ISDIR($mode) ? 'directory'
				  :                  $size;
				push @found, sprintf '%s %o %s %s', $_, $mode,
				  S_ISDIR($mode) ? '' : $mtime, $content;
			}
		},
		@_);
	return join "\n", sort @found;
}

# Compare with what tree_of said before; tells only what differs.
sub is_untouched
{
	my ($before, $paths, $test_name) = @_;
	my %before = map { $_ => 1 } split /\n/, $before;
	my %after = map { $_ => 1 } split /\n/, tree_of(@$paths);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_deeply(
		{   gone => [ grep { !$after{$_} } sort keys %before ],
			new => [ grep { !$before{$_} } sort keys %after ]
		},
		{ gone => [], new => [] },
		$test_name);
}

sub write_file
{
	my ($file, $content) = @_;

	unlink $file;
	append_to_file($file, $content);
	return;
}

# A file of a size, with nothing in it.
sub write_sparse
{
	my ($file, $size) = @_;

	write_file($file, '');
	truncate $file, $size or die "could not truncate $file: $!";
	return;
}

# The most memory that a session ever had, in kB, after a query.
sub peak_memory
{
	my ($query) = @_;
	my $status = $node->safe_psql('app',
		"$query; SELECT pg_read_file('/proc/self/status')");

	return $status =~ /VmHWM:\s+(\d+) kB/ ? $1 : die $status;
}

# ---------------------------------------------------------------------------
# Arguments

take_snapshot($node, 'app');
my $good = take_snapshot($node, 'app');
my $megabyte = 1024 * 1024;
my @tricks = map { "convert_from('\\x" . unpack('H*', $_) . "', 'UTF8')" } (
	'../x', '../../x', '..', '.', '/', '/etc/passwd', $outside, "$directory/app",
	'a/../../b', 'app/..', 'app/../app', './app', 'app/', "./$good", "/$good",
	"$good/..", "$good/../../../outside", "$good.tmp", "$good/manifest.json",
	'%2e%2e%2fx', '%2E%2E%2Fx', 'app%2F..', 'app%00', '%', '%4', 'app\\0',
	'app\\x00', 'app\\000/../x', '', ' ', "\n", "app\n", "app\nx", ' app',
	'app/2026-02-31T03-00-00Z', 'app/2026-03-19T03-00-00z', '*', '%s%n%n',
	"'; DROP DATABASE app; --", '$(touch x)', '-x', "caf\xc3\xa9");
push @tricks, "repeat('x', $megabyte)", "repeat('../', $megabyte / 3)",
  "repeat('%2E', $megabyte / 3)", "repeat(E'\\n', $megabyte)";

my @arguments = map { [ split /\|/, $_, -1 ] } split /\n/,
  $node->safe_psql('postgres', <<'EOF');
SELECT p.proname, position, p.proargnames[position],
       p.proargtypes[position - 1]::regtype,
       position > p.pronargs - p.pronargdefaults AS has_default
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid,
       generate_series(1, p.pronargs) AS position
 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid =
       (SELECT oid FROM pg_extension WHERE extname = 'snapshot_worker')
 ORDER BY 1, 2
EOF
my @texts = grep { $_->[3] =~ /^(text|name)$/ } @arguments;
cmp_ok(scalar(@texts), '>=', 2, 'there are arguments to try');

my $before = tree_of($directory, $outside);
my $surroundings = join "\n", sort glob($node->basedir . '/*'),
  glob($node->data_dir . '/*');
foreach my $tried (@texts)
{
	my ($function, undef, $argument) = @$tried;

	# What has no default is tricked along with it.
	my @given = grep {
		$_->[0] eq $function
		  && ($_->[2] eq $argument || $_->[4] eq 'f')
	} @arguments;
	my @calls = map {
		my $trick = $_;

		"SELECT $function(" . join(
			', ',
			map {
				"\"$_->[2]\" => "
				  . ($_->[3] =~ /^(text|name)$/ ? $trick : 'NULL')
				  . "::$_->[3]"
			} @given) . ')'
	} @tricks;
	my @answers = answers($node, 'postgres', @calls);
	my @bad;
	foreach my $n (0 .. $#calls)
	{
		my ($stdout, $stderr) = @{ $answers[$n] };

		# Internal errors (XX) are not clear ones.
		push @bad, "$calls[$n]: $stdout, $stderr"
		  unless $stderr !~ /ERROR:/
		  ? $stdout =~ /^0?$/ && $function ne 'snapshot_now'
		  : $stderr =~ /^psql:[^\n]* ERROR:  (?!XX)\w{5}: /;
	}
	is(join("\n", @bad), '',
		scalar(@tricks)
		  . " tricks with \"$argument\" of $function come to nothing");
}
is_untouched($before, [ $directory, $outside ],
	'nothing on disk was touched');
is( join("\n",
		sort glob($node->basedir . '/*'), glob($node->data_dir . '/*')),
	$surroundings,
	'no trick leaves anything new around the snapshots');
is($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_list()'),
	'2', 'the snapshots are all there');

# Who may call nothing
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
my @functions = split /\n/, $node->safe_psql('postgres', <<'EOF');
SELECT format('%I(%s)', p.proname,
              (SELECT string_agg(CASE WHEN t IN ('text'::regtype, 'name'::regtype)
                                      THEN quote_literal('x') ELSE 'NULL' END
                                 || '::' || format_type(t, NULL), ', ')
                 FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(t, n)
                WHERE n <= p.pronargs - p.pronargdefaults))
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid =
       (SELECT oid FROM pg_extension WHERE extname = 'snapshot_worker')
 ORDER BY 1
EOF
cmp_ok(scalar(@functions), '>=', 6, 'there are functions to call');
foreach my $query (
	(map { "SELECT * FROM $_" } @functions),
	'SHOW snapshot_worker.directory',
	'SHOW snapshot_worker.bin_directory',
	"SELECT current_setting('snapshot_worker.directory', true)",
	"SET snapshot_worker.directory = '/tmp'",
	"ALTER SYSTEM SET snapshot_worker.directory = '/tmp'")
{
	my ($rc, $stdout, $stderr) =
	  $node->psql('postgres', $query, extra_params => [ '-U', 'nobody' ]);

	ok( $rc != 0
		  && $stdout eq ''
		  && $stderr =~
		  /ERROR:  (permission denied|must be|parameter ".*" cannot be changed now)/,
		"refused to a role without EXECUTE: $query"
	) or diag("$stdout$stderr");
}
is( $node->safe_psql(
		'postgres',
		"SELECT name FROM pg_settings WHERE setting LIKE '%/snapshots%'",
		extra_params => [ '-U', 'nobody' ]),
	'',
	'a role without privileges does not see the directory in pg_settings');

# ---------------------------------------------------------------------------
# Manifests

take_snapshot($node, $_) foreach @databases;
my $whole = slurp_file("$directory/$good/manifest.json");
my ($members) = $whole =~ /^\{"manifest_version": 1, (.*?), "roles": /
  or die $whole;
my @members = split /, (?=")/, $members;
cmp_ok(scalar(@members), '>=', 18, 'a manifest has members to spoil');

# Replace the value of a member.
sub with
{
	my ($text, $member, $value) = @_;

	$text =~ s/("\Q$member\E": )(?:"[^"]*"|[-\w.]+)/$1$value/
	  or die "no $member in $text";
	return $text;
}

# Replace the hash of a file.
sub with_sha256
{
	my ($text, $value) = @_;

	$text =~ s/("path": .*"sha256": )"\w+"/$1$value/ or die "no hash in $text";
	return $text;
}

# Ways to spoil a manifest: what it is then, how to do it (given its text and
# path; returns the new text, if that is all it takes), the reason that is to be
# given, and whether one database is enough for it.
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
	my @wrong = ('true', '{}', '[]', "[$value]", "[[$value]]",
		"{\"$name\": $value}", '-1', '1.5', '1e3', '99999999999999999999');

	push @wrong, $value =~ /^"/ ? '1' : '"1"'
	  unless $name =~ /^(scheduled_for|locale|icu_rules|comment)$/;
	push @wrong, 'null'
	  unless $name =~ /^(scheduled_for|server_started_at|locale|icu_rules|connection_limit|comment|rows)$/;
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
		qr/it lacks the member "$name"/ ];
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

# A whole snapshot is made under a name of its own, and then spoiled.
my $serial = 0;

sub next_name
{
	my ($database) = @_;

	$serial++;
	return sprintf '%s/2001-01-01T%02d-%02d-%02dZ', $database,
	  $serial / 3600, $serial / 60 % 60, $serial % 60;
}

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
	# Each database has every kind; one of them has them at every length.
	foreach my $spoiler (grep { $database eq 'app' || !$_->[3] } @spoilers)
	{
		$spoiled{ spoiled_snapshot($database, $spoiler->[1]) } = $spoiler;
	}
}

# One that only looks odd, and is of another cluster.
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
is(scalar(@whole), 6, 'there are whole snapshots, and an odd one');

foreach my $database (@databases)
{
	my ($rc, $stdout, $stderr) = $node->psql($database,
		'SELECT name FROM snapshot_list() ORDER BY name COLLATE "C"');
	my (%reasons, @bad);

	is($rc, 0, "a list in $encodings{$database} raises no error")
	  or diag(substr $stderr, -1000);
	is_deeply([ split /\n/, $stdout ],
		[ sort @whole ], "a list in $encodings{$database} has all that is whole, and nothing else");
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
		keys(%spoiled) . ' that are damaged are warned of, with the reason');
}

# Snapshots are taken all the same, and retention does not touch what it
# cannot understand.
my @spoiled_paths = map { "$directory/$_" } sort keys %spoiled, $odd;
my @untouched = (@spoiled_paths, $outside, $node->basedir . '/x');
$before = tree_of(@untouched);
reload_with($node, retention_manual => 1);
foreach my $database (@databases)
{
	my $name = take_snapshot($node, $database);

	is_deeply(
		[ grep { !$spoiled{$_} && $_ ne $odd } snapshots($directory, $database) ],
		[$name],
		"retention keeps the newest whole one in $encodings{$database}");
}
is_untouched($before, \@untouched,
	'what is damaged is left alone, and so is all that it names');

# A whole manifest does not make a link a part of the snapshot.
my $linked = spoiled_snapshot('app', sub { "$_[0]\n" });
remove_tree("$directory/$linked/app.dump");
symlink "$outside/deep", "$directory/$linked/app.dump" or die $!;
$before = tree_of("$directory/$linked", $outside);
$good = take_snapshot($node, 'app');
is_untouched($before, [ "$directory/$linked", $outside ],
	'a link in place of the archive is neither followed nor removed');
remove_tree(@spoiled_paths, "$directory/$linked");

# What is damaged costs no memory for long.
my $padding = '"a": 1, ' x $megabyte;
my @padded = map {
	spoiled_snapshot('app',
		sub { with($_[0], 'attempt', '-1') =~ s/^\{/{$padding/r })
} 1 .. 8;
cmp_ok(
	peak_memory('SELECT count(*) FROM snapshot_list()') - peak_memory('SELECT 1'),
	'<', 250_000, 'large manifests are not kept in memory');
remove_tree(map { "$directory/$_" } @padded);

# ---------------------------------------------------------------------------
# The history

my ($history) = glob("$directory/history-*.jsonl");
my $lines = slurp_file($history);
my $count = () = $lines =~ /\n/g;

# How many runs the history has, as seen from a database.
sub history_rows
{
	my ($database) = @_;
	my ($rc, $stdout, $stderr) =
	  $node->psql($database, 'SELECT count(*) FROM snapshot_history()');

	return "$stdout$stderr";
}

my @bad;
for (my $length = 0; $length <= length $lines; $length += 41)
{
	my $kept = substr $lines, 0, $length;
	my $rows = () = $kept =~ /\n/g;
	my $database = $databases[ $length % @databases ];

	write_file($history, $kept);
	my $got = history_rows($database);
	push @bad, "cut off after $length bytes, in $database: $got"
	  unless $got eq $rows;
}
is(join("\n", @bad), '', 'a history that is cut off has the lines before that');

my ($line) = $lines =~ /(.*)\n\z/;
my $strange = join "\n", '', '{}', '[]', 'x', '"', "\0", "\xff\xfe",
  "caf\xe9", '[' x 100_000, '{"a":' x 10_000, substr($line, 0, 100),
  "[$line]", "$line$line",
  with($line, 'attempt', '"1"'),
  with($line, 'size', '-1'),
  with($line, 'started_at', 'null'),
  with($line, 'reason', '["manual"]'),
  with($line, 'reason', '"\\u20ac"'),
  with($line, 'outcome', '1, "outcome": "failed"'),
  with($line, 'name', '"../../x"'),
  with($line, 'name', '"/etc/passwd"'),
  with($line, 'name', '""'),
  $line =~ s/"name": /"nome": /r;
foreach my $database (@databases)
{
	write_file($history, "$lines$strange\n$lines");
	is(history_rows($database), 2 * $count,
		"only lines of ours are in a history, in $encodings{$database}");
	write_file($history,
		$lines
		  . with($line, 'reason', "\"\xe2\x82\xac\\u0001\\u007f\"") . "\n"
		  . with($line, 'attempt', '9223372036854775807') . "\n");
	is(history_rows($database), $count + 2, 'odd values do no harm');
}

write_file($history, "x\n" x (2 * $megabyte));
cmp_ok(peak_memory('SELECT count(*) FROM snapshot_history()'),
	'<', 300_000, 'lines that are none of ours are not kept in memory');

# What is no file of ours is left alone, and costs no snapshot.
foreach my $case (
	[ 'a gigabyte', sub { write_sparse($history, 1024 * $megabyte) } ],
	[ 'a FIFO', sub { mkfifo($history, 0600) or die $! } ],
	[ 'a directory', sub { mkdir $history or die $! } ],
	[ 'a link', sub { symlink "$outside/x", $history or die $! } ],
	[ 'a link to nothing', sub { symlink "$outside/new", $history or die $! } ],
	[ 'unreadable',
		sub { write_file($history, $lines); chmod 0, $history or die $! } ])
{
	my ($what, $make) = @$case;
	my $database = $databases[ length($what) % @databases ];

	unlink $history;
	$make->();
	is(history_rows($database), '0', "a history that is $what is empty");
	$before = tree_of($outside);
	my ($rc, undef, $stderr) =
	  $node->psql('postgres', "SELECT snapshot_now('$database')");
	is("$rc$stderr", '0', 'a snapshot is taken all the same');
	is_untouched($before, [$outside],
	'nothing outside is touched');
	rmdir $history if -d $history;
}
unlink $history;

# ---------------------------------------------------------------------------
# The date of the schedule, which the launcher reads when it starts

my $schedule = $history =~ s/history-(\d+)\.jsonl$/schedule-$1.json/r;
reload_with($node, enable => 'on', time => '03:00');
wait_until('the date of the schedule is written', sub { -s $schedule });
my $date = slurp_file($schedule);
my $temporary = $schedule =~ s/(\d+)\.json$/$1.json.$1-0123456789abcdef.tmp/r;

foreach my $case (
	[ 'cut off', sub { append_to_file($_[0], substr $date, 0, 20) } ],
	[ 'binary', sub { append_to_file($_[0], join '', map { chr } 0 .. 255) } ],
	[ 'deep', sub { append_to_file($_[0], '[' x 60_000) } ],
	[ 'a gigabyte', sub { write_sparse($_[0], 1024 * $megabyte) } ],
	[ 'of wrong types',
		sub { append_to_file($_[0], '{"time": 3, "since": ["x"]}') } ],
	[ 'from the future',
		sub { append_to_file($_[0], $date =~ s/"since": "\d+/"since": "9999/r) }
	],
	[ 'a link', sub { symlink "$outside/x", $_[0] or die $! } ],
	[ 'a FIFO', sub { mkfifo($_[0], 0600) or die $! } ])
{
	my ($what, $make) = @$case;

	$node->stop;
	unlink $schedule;
	$make->($_) foreach $schedule, $temporary;
	my $is_file = -f $temporary && !-l $temporary;
	$before = tree_of($outside);
	$node->start;
	wait_until(
		"a schedule file that is $what is replaced",
		sub {
			-f $schedule
			  && !-l $schedule
			  && -s $schedule == length $date
			  && slurp_file($schedule) =~ /^\{"time": "03:00", "since": "2/;
		});
	is_untouched($before, [$outside],
	'nothing outside is touched');
	ok(!$is_file || !-e $temporary,
		"a temporary file that is $what is removed if it is a file");
	unlink $temporary;
}
unlink $schedule;
mkdir $schedule or die $!;
$node->restart;
ok(take_snapshot($node, 'app'),
	'where it is a directory, snapshots are taken all the same');
rmdir $schedule or die $!;
reload_with($node, enable => 'off');

# ---------------------------------------------------------------------------
# What says whose a staging directory is

my ($identifier) = $history =~ /history-(\d+)/;
my $owner = <<EOF;
{"system_identifier": "$identifier", "name": "NAME", "reason": "manual", "attempt": 1, "scheduled_for": null, "started_at": "2001-01-01T00:00:00.000000Z"}
EOF
my @foreign = (
	sub { join '', map { chr } 0 .. 255 },
	sub { '[' x 100_000 },
	sub { "[$_[0]]" },
	sub { with($_[0], 'system_identifier', $identifier) },
	sub { with($_[0], 'system_identifier', '"1"') },
	sub { with($_[0], 'system_identifier', "[\"$identifier\"]") },
	sub { with($_[0], 'attempt', '"x"') },
	sub { $_[0] =~ s/"reason": "manual", //r },
	sub { write_sparse($_[1], 1024 * $megabyte) },
	sub { mkfifo($_[1], 0600) or die $! },
	sub { mkdir $_[1] or die $! },
	sub {
		append_to_file("$_[1].real", $_[0]);
		symlink "$_[1].real", $_[1] or die $!;
	});
foreach my $length (0 .. length($owner) - 3)
{
	push @foreign, sub { substr $_[0], 0, $length };
}
my @leftovers;
foreach my $database (@databases)
{
	foreach my $make ($database eq 'app' ? @foreign : @foreign[ 0 .. 20 ])
	{
		my $name = next_name($database);

		foreach my $suffix ('tmp', 'removed')
		{
			my $path = "$directory/$name.$suffix";
			my $marker = "$path/staging.json";

			make_path($path);
			append_to_file("$path/precious", 'mine');
			my $text = $make->($owner =~ s/NAME/$name/r, $marker);
			append_to_file($marker, $text) unless -e $marker || -l $marker;
			push @leftovers, $path;
		}
	}
}
$before = tree_of(@leftovers, $outside);
take_snapshot($node, $_) foreach @databases;
$node->restart;
ok(take_snapshot($node, 'app'),
	'with leftovers that are not ours the server starts and works');
is_untouched($before, [ @leftovers, $outside ],
	'leftovers that are not ours are left alone');
remove_tree(@leftovers);

# What says that it is ours goes; but links in it are not followed, nor does
# the name in it lead anywhere.
my $leftover = next_name('app');
foreach my $name ('../../outside', '/etc/passwd', '', $leftover)
{
	my $path = "$directory/$leftover.tmp";

	make_path($path);
	append_to_file("$path/staging.json", $owner =~ s/NAME/$name/r);
	symlink $outside, "$path/app.dump" or die $!;
	symlink "$outside/x", "$path/globals.sql" or die $!;
	mkfifo("$path/fifo", 0600) or die $!;
	$before = tree_of($outside);
	take_snapshot($node, 'app');
	ok(!-e $path, "a leftover of ours, with the name \"$name\", is removed");
	is_untouched($before, [$outside],
	'what links in it lead to is not');
}
is( $node->safe_psql(
		'postgres',
		"SELECT string_agg(name, ',') FROM snapshot_history() WHERE outcome = 'interrupted'"
	),
	$leftover,
	'the history has the one that has a name');

unlike(
	slurp_file($node->logfile),
	qr/terminating any other active|was terminated by signal/,
	'no process of the server has crashed');
$node->stop;
done_testing();
