
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The base of an incremental snapshot.  Promised here: no other session gets the
# answers that pg_dump gets; a base that is removed, damaged, of another database
# or of another time is not used, and no run fails for that; damaged pages end a
# run; and a run that reads everything finds what others have missed.

use strict;
use warnings;

use File::Copy;
use File::Path;
use IncrementalTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = incremental_node('main', init => [ extra => ['-k'] ]);
execute($node, <<'EOF');
CREATE TABLE t (id int, v text);
INSERT INTO t SELECT g, repeat('x', 100) || g FROM generate_series(1, 1000) g;
CREATE TABLE u (v text);
INSERT INTO u VALUES ('needle');
EOF
my $everything = 't u';

sub take_full
{
	return $node->safe_psql('postgres',
		q{SELECT snapshot_now('app', full => true)});
}

# The log since a call with no arguments.
my $log_start = 0;

sub new_log
{
	my $log = substr slurp_file($node->logfile), $log_start;

	$log_start += length $log;
	return $log;
}

my $first = next_reads($node, $directory, 'everything', 'the first snapshot reads everything');
my $last = next_reads($node, $directory, '', 'the second snapshot reads nothing');
like(
	new_log(),
	qr/LOG:  took snapshot "\Q$last\E": \d+ bytes, 2 of 2 tables unchanged, /,
	'the log tells how many tables had not changed');
is( $node->safe_psql(
		'postgres',
		"SELECT base, tables_read, tables_same, bytes_read FROM snapshot_list() WHERE name = '$last'"
	),
	"$first|0|2|0",
	'the list tells the base, and what was read');
is( $node->safe_psql(
		'postgres',
		"SELECT tables_read, tables_same FROM snapshot_history() WHERE name = '$last'"
	),
	'0|2',
	'the history tells what a run has read');
is(manifest_of($directory, take_full())->{base},
	undef, 'full => true reads everything');

# Other sessions.
my $run = start_held($node, 'app', 'table examined');
$node->safe_psql('postgres', 'CREATE ROLE other LOGIN; GRANT pg_read_all_data TO other');
my $port = $node->port;
my ($pid) = map { m{(\d+)/cmdline} }
  grep { (eval { slurp_file($_) } // '') =~ /pg_dump\0.*\bport='?$port\b/s }
  glob '/proc/[0-9]*/cmdline';
my ($options) = slurp_file("/proc/$pid/environ") =~
  /(?:^|\0)PGOPTIONS=([^\0]*snapshot_worker\.session_token=[^\0]*)/;
ok(defined $options, 'the options of pg_dump are known to the test');
let_go($node);
hold_at($node, 'dumped');
wait_until_held($node, 'dumped');

sub rows_of_session
{
	my ($its_options, @more) = @_;

	local $ENV{PGOPTIONS} = "$its_options -c extra_float_digits=3";
	my ($out) = run_command(
		[
			'psql', '-XAtq', '-d', $node->connstr('app') . ' application_name=pg_dump', @more, '-c',
			'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', '-c',
			'COPY public.t (id, v) TO stdout', '-c', 'COMMIT'
		]);
	return scalar(my @rows = split /\n/, $out);
}

(my $guess = $options) =~ s/(session_token=.*)./$1!/;
(my $none = $options) =~ s/ -c snapshot_worker.session_token=\S*//;
is(rows_of_session($options), 0, 'pg_dump gets no rows of an unchanged table');
is(rows_of_session($none), 1000,
	'a session with the settings of pg_dump gets all rows');
is(rows_of_session($guess), 1000, 'a session with a guessed token gets all rows');
# a setting that this role may not set
(my $allowed = $options) =~ s/ -c lc_messages=C//;
is(rows_of_session($allowed, '-U', 'other'),
	1000, 'another role with the token gets all rows');
go_on($node, $run);
is(rows_of_session($options), 1000, 'a token of a run that has ended is void');

# A base that goes away.
sub hold_linked
{
	my ($query) = @_;

	hold_at($node, 'base linked');
	my $session = start_query($node, $query // q{SELECT snapshot_now('app')});
	wait_until_held($node, 'base linked');
	return $session;
}

my $base = take_app($node);
$run = hold_linked();
like(sql_error($node, "SELECT snapshot_delete('$base')"),
	qr/is in use/, 'a base is not deleted while a run builds on it');
rmtree("$directory/$base");
$last = go_on($node, $run);
is(manifest_of($directory, $last)->{tables_same}, 2,
	'a run goes on when its base is removed after its files were linked');
is_right($node, $directory, $last, 'such a snapshot has all rows');
next_reads($node, $directory, '', 'a snapshot whose base was removed is a base');
rmtree("$directory/" . take_app($node));
next_reads($node, $directory, 'everything', 'without its base, a run reads everything');
next_reads($node, $directory, '', 'a run that has read everything is a base');

$base = take_app($node);
$run = hold_linked(q{SELECT snapshot_now('app', full => true)});
rmtree("$directory/$base");
$last = go_on($node, $run);
is_right($node, $directory, $last, 'a full run goes on when its base is removed');

# Damages of a base.  Each one is removed afterwards.
sub with_damage
{
	my ($damage, $expected, $test_name) = @_;
	my $damaged = take_full();
	my $files = files_of($directory, $damaged);

	$damage->("$directory/$damaged", $files->{'public.t'});
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	next_reads($node, $directory, $expected, $test_name);
	rmtree("$directory/$damaged");
	return;
}

# Move a file out of its snapshot.  If it were removed, the next file could get
# its inode number, by which the test knows what was read.
my $away = 0;

sub put_away
{
	my ($file) = @_;

	my $to = $node->basedir . '/away.' . $away++;
	rename $file, $to or die "could not rename $file: $!";
	return $to;
}

with_damage(sub { append_to_file($_[1], "\n") },
	't', 'a table whose file in the base has another size is read');
with_damage(sub { utime 1, 1, $_[1] },
	't', 'a table whose file in the base was written since is read');
with_damage(
	sub { copy(put_away($_[1]), $_[1]) or die "could not copy: $!" },
	't', 'a table whose file in the base was replaced is read');
with_damage(sub { put_away($_[1]) },
	't', 'a table whose file in the base is missing is read');
with_damage(sub { put_away($_[1]); mkdir $_[1] },
	't', 'a table whose file in the base is a directory is read');
with_damage(sub { unlink "$_[0]/base.json" },
	'everything', 'without base.json, everything is read');
with_damage(sub { truncate "$_[0]/base.json", 500 },
	'everything', 'with a part of base.json, everything is read');
with_damage(sub { append_to_file("$_[0]/base.json", "{}\n") },
	'everything', 'with a line too many in base.json, everything is read');
with_damage(sub { unlink "$_[0]/manifest.json" },
	'everything', 'without a manifest of the base, everything is read');
is_deeply([ damages($directory) ], [], 'what is left matches its manifest');

# What the data directory remembers.
my $remembered = $node->data_dir . '/snapshot_worker.bases/'
  . $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'app'}) . '.json';
ok(-f $remembered, 'the data directory remembers the base of a database');
unlink $remembered;
next_reads($node, $directory, 'everything', 'when the data directory remembers no base, everything is read');
next_reads($node, $directory, '', 'a new base is remembered');
unlink $remembered;
append_to_file($remembered, 'garbage');
next_reads($node, $directory, 'everything', 'when what is remembered cannot be read, everything is read');


# Replace what is remembered by the result of a substitution.
sub change_remembered
{
	my ($from, $to) = @_;
	my $text = slurp_file($remembered);

	$text =~ s/$from/$to/ or die $text;
	unlink $remembered;
	append_to_file($remembered, $text);
	return;
}

change_remembered(qr/"nonce": ?"\w{8}/, '"nonce": "00000000');
next_reads($node, $directory, 'everything', 'a snapshot with another nonce is not used');
change_remembered(qr/"full_at": ?"\d{4}/, '"full_at": "2099');
next_reads($node, $directory, 'everything', 'after a full run in the future, everything is read');
next_reads($node, $directory, '', 'the time of a full run is remembered');
reload_with($node, full_interval => '7d');
next_reads($node, $directory, '', 'before full_interval has passed, nothing is read');
change_remembered(qr/"full_at": ?"\d{4}/, '"full_at": "2001');
next_reads($node, $directory, 'everything', 'after full_interval has passed, everything is read');
next_reads($node, $directory, '', 'full_interval begins anew with such a run');
reload_with($node, full_interval => 0);

# Replace a file's text by the result of a substitution.
sub change_text
{
	my ($file, $change) = @_;
	my $text = slurp_file($file);

	local $_ = $text;
	$change->();
	die "$file did not change" if $_ eq $text;
	unlink $file or die "could not unlink $file: $!";
	append_to_file($file, $_);
	return;
}

# The base is whole, but of other circumstances.
foreach my $member (
	qw(version system_identifier database_oid database_xmin server_version pg_dump_version options))
{
	my $base = take_app($node);
	my $file = "$directory/$base/base.json";
	my $before = sha256_of($file);

	# another value of the same length
	change_text($file, sub { s/"$member": "?[^",]*\K(\d)/9 - $1/e });
	my $after = sha256_of($file);
	change_text("$directory/$base/manifest.json", sub { s/$before/$after/ });
	next_reads($node, $directory, 'everything', "a base with another $member is not used");
}
my $changed = take_app($node);
change_text("$directory/$changed/base.json", sub { s/"blocks": ?\K(\d)/9 - $1/e });
next_reads($node, $directory, 'everything', 'a base.json that is not as the manifest says is not used');

# Runs close together.
my @both = map { start_query($node, q{SELECT snapshot_now('app')}) } 1 .. 2;
my @names = map { (finish_query($_))[0] } @both;
is_right($node, $directory, $_, 'a snapshot beside another request has all rows') foreach @names;
hold_at($node, 'staged');
my $running = start_query($node, q{SELECT snapshot_now('app')});
wait_until_held($node, 'staged');
my $queued = $node->safe_psql('postgres', q{SELECT snapshot_now('app', wait => false)});
is($node->safe_psql('postgres', q{SELECT snapshot_now('app', wait => false, full => true)}),
	$queued, 'a request with full => true joins one that is queued');
go_on($node, $running);
wait_until('the queued run has ended', sub { -e "$directory/$queued/manifest.json" });
is(manifest_of($directory, $queued)->{base}, undef, 'the joined run reads everything');
execute($node, 'INSERT INTO t VALUES (0)');
next_reads($node, $directory, 't', 'the run after it reads what has changed');

# Settings.
reload_with($node, incremental => 'off');
next_reads($node, $directory, 'everything', 'with incremental = off, everything is read');
reload_with($node, incremental => 'on');
next_reads($node, $directory, '', 'with incremental on again, the last base is used');
foreach my $setting (qw(zero_damaged_pages ignore_checksum_failure))
{
	$node->safe_psql('postgres', "ALTER DATABASE app SET $setting = on");
	is(tables_read($directory, take_app($node)) =~ s/everything/$everything/r,
		$everything, "with $setting = on, all tables are read");
	$node->safe_psql('postgres', "ALTER DATABASE app RESET $setting");
	take_app($node);
	next_reads($node, $directory, '', "with $setting off, tables are the same again");
}
$node->append_conf('postgresql.conf', 'fsync = off');
$node->restart;
next_reads($node, $directory, 'everything', 'with fsync = off, everything is read');
$node->append_conf('postgresql.conf', 'fsync = on');
$node->restart;
take_app($node);
next_reads($node, $directory, '', 'with fsync = on, tables are the same again');
reload_with($node, compress => '1');
is(manifest_of($directory, take_app($node))->{base},
	undef, 'with another compression, everything is read');
reload_with($node, compress => 'none', format => 'custom');
is(manifest_of($directory, take_app($node))->{base},
	undef, 'with format = custom, everything is read');
reload_with($node, format => 'directory');
take_app($node);
next_reads($node, $directory, '', 'with the former settings, tables are the same again');

# A database with the OID of a former one, with the pages of a template.
$node->safe_psql('postgres', 'CREATE DATABASE old');
$node->safe_psql('old', 'CREATE TABLE w (v text); INSERT INTO w VALUES (1)');
$node->safe_psql('postgres', 'CREATE DATABASE new TEMPLATE old STRATEGY file_copy');
my $oid = $node->safe_psql('postgres', q{SELECT oid FROM pg_database WHERE datname = 'new'});
$node->safe_psql('new', 'UPDATE w SET v = 2');
take_snapshot($node, 'new') for 1 .. 2;
$node->safe_psql('postgres', 'DROP DATABASE new');
$node->safe_psql('postgres', "CREATE DATABASE new TEMPLATE old STRATEGY file_copy OID $oid");
is_read($node, $directory, take_snapshot($node, 'new'), 'everything',
	'a new database with the OID of a dropped one is read');
is_read($node, $directory, take_snapshot($node, 'new'), '',
	'a new database with an old OID is the same from then on');

# Pages on disk, changed while the server is stopped; checksums match again
# unless they are to be wrong.
sub change_on_disk
{
	my ($table, $from, $to, $wrong) = @_;
	my $path = $node->data_dir . '/'
	  . $node->safe_psql('app', "SELECT pg_relation_filepath('$table')");
	my @checksums = ('pg_checksums', '-D', $node->data_dir);

	$node->stop;
	system_or_bail(@checksums, '--disable') unless $wrong;
	my $text = slurp_file($path);
	my @places;
	my $offset = -1;
	while (($offset = index $text, $from, $offset + 1) >= 0)
	{
		push @places, $offset;
	}
	open my $fh, '+<:raw', $path or die "could not open $path: $!";
	seek($fh, $places[-1], 0) or die $!;
	print {$fh} $to or die $!;
	close $fh or die $!;
	system_or_bail(@checksums, '--enable') unless $wrong;
	$node->start;
	return;
}

my $before = () = snapshots($directory, 'app');
change_on_disk('t', 'xx500', 'xy500', 1);
like(sql_error($node, q{SELECT snapshot_now('app')}),
	qr/invalid page in block \d+ of relation/, 'a page with a bad checksum ends the run with its block');
is(scalar(my @now = snapshots($directory, 'app')), $before,
	'a run that met a bad page leaves no snapshot');
change_on_disk('t', 'xy500', 'xx500', 1);
next_reads($node, $directory, '', 'when the page is good again, the table is the same');

# The audit.
$base = take_app($node);
new_log();
change_on_disk('u', 'needle', 'Needle');
my $missed = take_app($node);
is(rows_in(files_of($directory, $missed)->{'public.u'}),
	"needle\n", 'a change on disk that no rule sees is missed');
unlike(new_log(), qr/WARNING/, 'a missed change is not warned of');
my $full = take_full();
is_right($node, $directory, $full, 'a full run has the change');
my $log = new_log();
like($log, qr/WARNING:  rows of table "public\.u" differ from those in snapshot "\Q$missed\E"/,
	'a full run warns of the change that others missed');
my $path = qr/\d+\.dat/;
like($log, qr{DETAIL:  Compare "\Q$directory/$missed\E/app\.dump/$path" with "\Q$directory/$full\E/app\.dump/$path"},
	'the warning names both files');
my $status = q{SELECT warning FROM snapshot_status()};
like($node->safe_psql('postgres', $status), qr/^rows of database "app" differed/,
	'the status warns of the change');
next_reads($node, $directory, 'everything', 'after the warning, everything is read');
$node->restart;
next_reads($node, $directory, 'everything', 'after a restart, everything is still read');
like($node->safe_psql('postgres', $status), qr/^rows of database "app" differed/,
	'after a restart, the status still warns');
unlink files_of($directory, (snapshots($directory, 'app'))[-1])->{'public.u'}
  or die "could not remove a file: $!";
take_full();
like($node->safe_psql('postgres', $status), qr/^rows of database "app" differed/,
	'a full run that lacks a file to compare with does not end the warning');
take_full();
is($node->safe_psql('postgres', $status), '',
	'a full run that finds no difference ends the warning');
unlike(new_log(), qr/WARNING:  rows of table/, 'such a run does not warn');
next_reads($node, $directory, '', 'after it, tables are the same again');

# Rot in the base is not taken for a missed change.
$base = take_full();
my $file = files_of($directory, $base)->{'public.u'};
my $time = (stat $file)[9];
open my $fh, '+<', $file or die $!;
print {$fh} 'rotten' or die $!;
close $fh or die $!;
take_full();
unlike(new_log(), qr/rows of table/, 'a damaged file of the base is not taken for changed rows');
is($node->safe_psql('postgres', $status), '', 'a damaged file of the base is no warning of the status');
rmtree("$directory/$base");

# Another version of zlib writes other bytes for the same rows.  Compress the
# files of a snapshot anew, with the rows that a filter makes of them.
sub compress_anew
{
	my ($name, $filter) = @_;
	my ($manifest, $lines) = map { "$directory/$name/$_" } qw(manifest.json base.json);
	my $old_lines = sha256_of($lines);

	foreach my $data (glob "\Q$directory/$name\E/app.dump/*.dat.gz")
	{
		my $old = sha256_of($data);

		system_or_bail('sh', '-c', "gunzip -c '$data' | $filter | gzip -9 >'$data.new'");
		put_away($data);
		rename "$data.new", $data or die "could not rename $data: $!";
		utime 1, 1, $data or die "could not set the time of $data: $!";
		my ($inode, $size) = (stat $data)[ 1, 7 ];
		my $new = sha256_of($data);
		isnt($new, $old, 'the compressed bytes are others');
		change_text($lines,
			sub { s/"size": \d+, "sha256": "$old", "inode": "\d+", "changed_at": \d+/"size": $size, "sha256": "$new", "inode": "$inode", "changed_at": 1000000000/ });
		change_text($manifest, sub { s/"size": \d+, "sha256": "$old"/"size": $size, "sha256": "$new"/ });
	}
	my ($size, $new) = (-s $lines, sha256_of($lines));
	change_text($manifest, sub { s/"size": \d+, "sha256": "$old_lines"/"size": $size, "sha256": "$new"/ });
	return;
}

reload_with($node, compress => 'gzip:1');
compress_anew(take_full(), 'cat');
new_log();
$base = take_full();
unlike(new_log(), qr/WARNING/, 'the same rows in other bytes are no difference');
compress_anew($base, 'sed s/Needle/noodle/');
take_full();
like(new_log(), qr/WARNING:  rows of table "public\.u" differ from those in snapshot "\Q$base\E"/,
	'other rows in compressed files are a difference');
take_full();
reload_with($node, compress => 'none');
take_full();

# A dropped database has no warning.
$node->safe_psql('postgres', 'DROP DATABASE new');
change_remembered(qr/"suspect": ?0/, '"suspect": 1');
like($node->safe_psql('postgres', $status), qr/^rows of database "app" differed/,
	'what is remembered decides about the warning');
$node->safe_psql('postgres', 'CREATE DATABASE spare TEMPLATE app');
$node->safe_psql('postgres', 'DROP DATABASE app');
is($node->safe_psql('postgres', $status), '', 'a dropped database is not warned of');
$node->safe_psql('postgres', 'ALTER DATABASE spare RENAME TO app');
next_reads($node, $directory, 'everything', 'a copy of a database under its name is read');
next_reads($node, $directory, '', 'a copy of a database is the same from then on');
is_deeply(
	[ map { m{([^/]+)\.json$} } glob($node->data_dir . '/snapshot_worker.bases/*') ],
	[ $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'app'") ],
	'a snapshot forgets the bases of dropped databases');
unlike(new_log(), qr/PANIC|TRAP|signal 11/, 'nothing has crashed');

# A base that was found to be bad: the damage is in another file than the tables'.
$last = take_app($node);
append_to_file("$directory/$last/app.dump/toc.dat", 'damage');
isnt($node->psql('postgres', "SELECT snapshot_verify('$last')"), 0, 'a damaged base fails its verification');
next_reads($node, $directory, 'everything', 'a base that was found to be bad is not used');

# Transaction IDs far ahead of those of the base.
$node->stop;
my $xid = 1_300_000_000;
my $segment = sprintf '%s/pg_xact/%04X', $node->data_dir, $xid / (32 * 32768);
append_to_file($segment, "\0" x (32 * 8192));
system_or_bail('pg_resetwal', '-x', $xid, $node->data_dir);
$node->start;
next_reads($node, $directory, 'everything', 'when the base is far behind in transaction IDs, everything is read');
is_right($node, $directory, take_app($node), 'snapshots far ahead in transaction IDs have all rows');
$node->stop;
system_or_bail('pg_resetwal', '-x', $xid - 1000, $node->data_dir);
$node->start;
next_reads($node, $directory, 'everything', 'when the base is ahead in transaction IDs, everything is read');

$node->stop;
done_testing();
