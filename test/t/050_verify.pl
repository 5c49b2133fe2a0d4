
# Copyright (c) 2026, the snapshot_worker developers

# A snapshot that verifies can be got back; whatever is wrong with one is found
# and named; and a scratch database is never left behind.

use strict;
use warnings;

use Digest::SHA;
use File::Path qw(remove_tree);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => "snapshot_worker.row_counts = on\nrestart_after_crash = on\n");

# The error that a query raises; "" for none.
sub error_of
{
	my ($query) = @_;
	my (undef, undef, $stderr) = $node->psql('postgres', $query);

	return $stderr;
}

# A column of snapshot_list() for a snapshot.
sub listed
{
	my ($name, $columns) = @_;

	return $node->safe_psql('postgres',
		"SELECT $columns FROM snapshot_list() WHERE name = '$name'");
}

sub scratch_databases
{
	return $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot\\_worker\\_scratch\\_%'");
}

# Everything that pg_dump finds hard.
$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'the hard database is made');
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format);
	my $name = $node->safe_psql('postgres', "SELECT snapshot_now('hard')");
	is(listed($name, 'verified_at IS NULL AND verify_level IS NULL AND problem IS NULL'),
		't', "$format: nothing is known of a snapshot that was not verified");
	is( $node->safe_psql('hard',
			"SELECT sum(n) FROM (SELECT (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM ONLY %I.%I', nspname, relname), false, true, '')))[1]::text::bigint AS n FROM pg_class c JOIN pg_namespace s ON s.oid = relnamespace WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^pg_|^information_schema' AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e') UNION ALL SELECT count(*) FROM pg_largeobject_metadata) t"),
		listed($name, 'rows'), "$format: its rows are counted");
	is(error_of("SELECT snapshot_verify('$name')"), '', "$format: it verifies");
	is(listed($name, "verify_level || ' ' || (verified_at > finished_at)"),
		'archive true', "$format: that is listed");
	is(error_of("SELECT snapshot_verify('$name', restore => true)"),
		'', "$format: it restores to what it was");
	is(listed($name, 'verify_level'), 'restore', "$format: that is listed, too");
}
is(scratch_databases(), '0', 'no scratch database is left');
unlike(slurp_file($node->logfile), qr/has something to say/,
	'nothing was said that is worth a warning');
reload_with($node, format => 'directory');

# Damages, one by one.
$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOF');
CREATE TABLE t AS SELECT g AS a, md5(g::text) AS b FROM generate_series(1, 1000) g;
CREATE TABLE u (a int PRIMARY KEY);
INSERT INTO u VALUES (1), (2), (3);
CREATE VIEW v AS SELECT * FROM u;
EOF
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");
my $path = "$directory/$name";
my $good = $node->basedir . '/good';
system_or_bail('cp', '-a', $path, $good);

sub repair
{
	remove_tree($path);
	system_or_bail('cp', '-a', $good, $path);
	return;
}

sub flip_byte
{
	my ($file) = @_;
	my $contents = slurp_file($file);

	substr($contents, length($contents) / 2, 1) ^= "\x01";
	unlink $file or die;
	append_to_file($file, $contents);
	return;
}

my ($data) = sort { -s $b <=> -s $a } glob("$path/app.dump/*.dat.gz");
my ($inner) = $data =~ m{(app\.dump/.*)};
my @damages = (
	[ 'a flipped byte in a table', sub { flip_byte($data) },
		qr/The contents of file "\Q$data\E" have changed/ ],
	[ 'a flipped byte in the table of contents',
		sub { flip_byte("$path/app.dump/toc.dat") },
		qr{The contents of file "\Q$path\E/app\.dump/toc\.dat" have changed} ],
	[ 'a flipped byte in the globals', sub { flip_byte("$path/globals.sql") },
		qr{The contents of file "\Q$path\E/globals\.sql" have changed} ],
	[ 'a truncated file', sub { truncate($data, 100) or die },
		qr/File "\Q$data\E" has 100 bytes instead of \d+\./ ],
	[ 'an empty file', sub { truncate($data, 0) or die },
		qr/File "\Q$data\E" has 0 bytes instead of \d+\./ ],
	[ 'a longer file', sub { append_to_file($data, 'x') },
		qr/File "\Q$data\E" has \d+ bytes instead of \d+\./ ],
	[ 'a missing file', sub { unlink $data or die },
		qr/File "\Q$data\E" is missing\./ ],
	[ 'a missing directory', sub { remove_tree("$path/app.dump") },
		qr/File "\Q$data\E" is missing\./ ],
	[ 'an unexpected file', sub { append_to_file("$path/app.dump/extra", 'x') },
		qr{"\Q$path\E/app\.dump/extra" is not a part of the snapshot\.} ],
	[ 'a link in place of a file',
		sub { rename $data, "$good.moved" or die; symlink "$good.moved", $data or die },
		qr/"\Q$data\E" is not a regular file\./ ],
	[ 'a directory in place of a file',
		sub { unlink $data or die; mkdir $data or die },
		qr/"\Q$data\E" is not a regular file\./ ],
	[ 'two damages at once',
		sub { unlink "$path/globals.sql" or die; flip_byte($data) },
		qr/globals\.sql" is missing\..*"\Q$data\E" have changed|"\Q$data\E" have changed.*globals\.sql" is missing\./s ]);

foreach my $damage (@damages)
{
	my ($what, $do, $expected) = @$damage;

	repair();
	$do->();
	my $error = error_of("SELECT snapshot_verify('$name')");
	like($error, qr/ERROR:  could not verify snapshot "\Q$name\E": snapshot "\Q$name\E" is not what its manifest says/,
		"$what is found");
	like($error, $expected, "$what is named");
	like(listed($name, "verify_level || ' ' || (verified_at IS NULL) || problem"),
		qr/^archive true.*is not what its manifest says/,
		"$what is kept in mind");
}
unlink "$good.moved";
my $verdict = slurp_file("$path/verified.json");
repair();
append_to_file("$path/verified.json", $verdict);
is(listed($name, 'problem IS NULL'), 'f', 'a repaired snapshot is still listed as bad');
is(error_of("SELECT snapshot_verify('$name')"), '', 'until it is verified');
is(listed($name, 'problem IS NULL AND verified_at IS NOT NULL'),
	't', 'then it is good');

# A manifest that is damaged itself.
repair();
truncate("$path/manifest.json", 200) or die;
like(error_of("SELECT snapshot_verify('$name')"),
	qr/ERROR:  snapshot "\Q$name\E" is damaged\n.*manifest\.json" is unusable/s,
	'a damaged manifest is named');

# Edits the manifest.
sub edit_manifest
{
	my ($edit) = @_;
	local $_ = slurp_file("$path/manifest.json");

	$edit->();
	unlink "$path/manifest.json" or die;
	append_to_file("$path/manifest.json", $_);
	return;
}

# An archive that is damaged, though the manifest agrees with it.
repair();
flip_byte($data);
my $sha = Digest::SHA->new(256)->addfile($data, 'b')->hexdigest;
edit_manifest(sub { s{("\Q$inner\E", "size": \d+, "sha256": ")\w+}{$1$sha} or die });
like(error_of("SELECT snapshot_verify('$name')"),
	qr/pg_restore failed.*\n.*\Q$data\E/s, 'an archive that cannot be read is found');
like(listed($name, 'problem'), qr/pg_restore failed/, 'and kept in mind');

# What is restored is not what the manifest says.
foreach my $case (
	[ 'rows that are missing', sub { s/("table": "t", "count": )1000/${1}1001/ or die },
		qr/Table "public\.t" has 1000 rows instead of 1001\./ ],
	[ 'a table that is missing', sub { s/"table": "u"/"table": "x"/ or die },
		qr/Table "public\.x" is missing\./ ],
	[ 'a view that is missing', sub { s/("kind": "views", "count": )1/${1}2/ or die },
		qr/There are 1 views instead of 2\./ ],
	[ 'objects that are too many', sub { s/\n\{"kind": "views".*?\},?// or die; s/\},\]/}]/ },
		qr/There are 1 views instead of none\./ ],
	[ 'other names', sub { s/("kind": "tables", "count": 2, "sha256": ")\w/${1}x/ or die },
		qr/Some of the tables have other names\./ ])
{
	my ($what, $edit, $expected) = @$case;

	repair();
	edit_manifest($edit);
	is(error_of("SELECT snapshot_verify('$name')"), '',
		"$what: the archive can be read");
	my $error = error_of("SELECT snapshot_verify('$name', restore => true)");
	like($error, qr/does not restore to what its manifest says/, "$what: found by a restore");
	like($error, $expected, "$what: named");
	like(listed($name, 'problem'), $expected, "$what: kept in mind");
}
is(scratch_databases(), '0', 'no scratch database is left of failures');
repair();

# A dump that does not restore: what it needs is not where it looks for it.
$node->safe_psql('postgres', 'CREATE DATABASE broken');
$node->safe_psql('broken', <<'EOF');
CREATE TABLE limits (a int);
INSERT INTO limits VALUES (10);
CREATE FUNCTION below(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 < (SELECT max(a) FROM limits)';
CREATE TABLE checked (a int CHECK (below(a)));
INSERT INTO checked VALUES (1);
EOF
my $broken = $node->safe_psql('postgres', "SELECT snapshot_now('broken')");
is(error_of("SELECT snapshot_verify('$broken')"), '',
	'a snapshot that does not restore can have a good archive');
like(error_of("SELECT snapshot_verify('$broken', restore => true)"),
	qr/pg_restore failed.*\n.*limits/s, 'only a restore finds that out');
like(listed($broken, 'problem'), qr/limits/, 'and it is kept in mind');
is(scratch_databases(), '0', 'no scratch database is left of it');

# What is not the snapshot's fault.
my $empty = $node->basedir . '/empty';
mkdir $empty or die;
reload_with($node, bin_directory => $empty);
like(error_of("SELECT snapshot_verify('$name')"),
	qr/could not find an executable/, 'without pg_restore there is an error');
reload_with($node, bin_directory => '');
is(listed($name, 'problem IS NULL'), 't', 'which says nothing of the snapshot');

# Interrupted while the scratch database is there.
foreach my $step ('scratch created', 'restored')
{
	foreach my $how ('cancel', 'leave', 'terminate', 'snapshot_cancel')
	{
		hold_at($node, $step);
		my $session = start_query($node,
			"SELECT snapshot_verify('$name', restore => true)");
		my $worker = wait_until_held($node, $step);
		is(scratch_databases(), '1', "there is a scratch database at \"$step\"");
		isnt($node->safe_psql('app', <<'EOF'), '0', 'it has no place for ordinary roles');
SELECT count(*) FROM pg_database WHERE datname LIKE 'snapshot\_worker\_scratch\_%' AND datconnlimit = 0
EOF
		my $sql = {
			cancel => "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT snapshot_verify'",
			leave => "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query ~ '^SELECT snapshot_verify'",
			terminate => "SELECT pg_terminate_backend($worker)",
			snapshot_cancel => "SELECT snapshot_cancel('app')"
		}->{$how};
		is($node->safe_psql('postgres', $sql),
			$how eq 'snapshot_cancel' ? '1' : 't', "$how at \"$step\"");
		my (undef, $error) = finish_query($session);
		let_go($node);
		isnt($error, '', "$how: the caller has an error");
		wait_until("$how: the scratch database is dropped",
			sub { scratch_databases() eq '0' });
		is(listed($name, 'problem IS NULL'), 't',
			"$how: which says nothing of the snapshot");
	}
}

# A crash, and a database that only looks like one of ours.
$node->safe_psql('postgres', 'CREATE DATABASE snapshot_worker_scratch_1');
foreach my $how ('immediate', 'fast', 'kill')
{
	hold_at($node, 'restored');
	my $session = start_query($node,
		"SELECT snapshot_verify('$name', restore => true)");
	my $worker = wait_until_held($node, 'restored');
	is(scratch_databases(), '2', "$how: there is a scratch database");
	if ($how eq 'kill')
	{
		kill 'KILL', $worker;
	}
	else
	{
		$node->stop($how);
	}
	$session->{handle}->finish;
	let_go($node);
	$node->start unless $how eq 'kill';
	wait_until("$how: the server is back",
		sub { system_log('pg_isready', '-q', '-d', $node->connstr) == 0 });
	wait_until("$how: it is dropped after a start",
		sub { scratch_databases() eq '1' });
}
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = 'snapshot_worker_scratch_1'"),
	'1', 'a database that is not ours stays');

# Two at the same time.
my @sessions = map {
	start_query($node, "SELECT snapshot_verify('$name', restore => true)")
} 1 .. 2;
is((finish_query($_))[1], '', 'two verifications at once do not meet')
  foreach @sessions;
is(scratch_databases(), '1', 'and leave nothing');
$node->stop;

# After scheduled runs.
my ($clocked, $clocked_directory) = snapshot_node(
	'clocked',
	clock => '2026-03-19 02:00:00',
	conf => <<EOF);
snapshot_worker.enable = on
snapshot_worker.databases = 'postgres'
snapshot_worker.verify = restore
snapshot_worker.row_counts = on
snapshot_worker.retention = 2
EOF
$clocked->safe_psql('postgres', 'CREATE TABLE t AS SELECT 1 AS a');
my $day = 19;
foreach my $level ('restore', 'archive', 'checksum')
{
	reload_with($clocked, verify => $level);
	set_clock($clocked, "2026-03-$day 03:00:00");
	$clocked->safe_psql('postgres', 'SELECT pg_reload_conf()');
	wait_until("a scheduled snapshot is verified: $level",
		sub {
			$clocked->safe_psql('postgres',
				"SELECT max(verify_level) FROM snapshot_list() WHERE verified_at IS NOT NULL AND started_at > '2026-03-$day 03:00'"
			) eq $level;
		});
	$day++;
}
foreach my $level ('list', 'off')
{
	reload_with($clocked, verify => $level);
	set_clock($clocked, "2026-03-$day 03:00:00");
	$clocked->safe_psql('postgres', 'SELECT pg_reload_conf()');
	wait_until("a scheduled snapshot is taken: $level",
		sub {
			$clocked->safe_psql('postgres',
				"SELECT count(*) FROM snapshot_history() WHERE outcome = 'succeeded' AND started_at > '2026-03-$day 03:00'"
			) eq '1';
		});
	is( $clocked->safe_psql('postgres',
			"SELECT count(*) FROM snapshot_list() WHERE verify_level IS NOT NULL AND started_at > '2026-03-$day 03:00'"),
		'0', "$level: nothing more is done with it");
	$day++;
}

# It fails: damaged between publication and verification.
my @before = snapshots($clocked_directory, 'postgres');
reload_with($clocked, verify => 'checksum');
hold_at($clocked, 'published');
set_clock($clocked, "2026-03-$day 03:00:00");
$clocked->safe_psql('postgres', 'SELECT pg_reload_conf()');
wait_until_held($clocked, 'published');
my ($new) = grep { my $n = $_; !grep { $_ eq $n } @before }
  snapshots($clocked_directory, 'postgres');
flip_byte("$clocked_directory/$new/postgres.dump/toc.dat");
let_go($clocked);
wait_until('a run whose snapshot fails its verification has failed',
	sub {
		$clocked->safe_psql('postgres',
			"SELECT outcome || ' ' || (error ~ 'verification failed: .*toc\\.dat') FROM snapshot_history() LIMIT 1"
		) eq 'failed true';
	});
like( $clocked->safe_psql('postgres', 'SELECT last_error FROM snapshot_status()'),
	qr/verification failed/, 'the state tells');
is( $clocked->safe_psql('postgres', "SELECT problem ~ 'toc\\.dat' FROM snapshot_list() LIMIT 1"),
	't', 'the snapshot is there, and known to be bad');
is_deeply([ snapshots($clocked_directory, 'postgres') ],
	[ @before, $new ], 'it has pushed out no good one');
is( $clocked->safe_psql('postgres', "SELECT state || ' ' || consecutive_failures FROM snapshot_status()"),
	'idle 1', 'no other one is tried in its place');
$day++;
set_clock($clocked, "2026-03-$day 03:00:00");
$clocked->safe_psql('postgres', 'SELECT pg_reload_conf()');
wait_until('the next one is good',
	sub {
		$clocked->safe_psql('postgres',
			'SELECT consecutive_failures = 0 FROM snapshot_status()') eq 't';
	});
$clocked->stop;
done_testing();
