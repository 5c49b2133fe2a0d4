
# Copyright (c) 2026, the snapshot_worker developers

# Verification.  Promised here: a good snapshot is found good; whatever is wrong
# with one is found, named and kept beside it until a later verification finds
# it good; what is wrong around it is an error, and none of its own; the scratch
# database of a test restore is dropped however that ends, and no database of
# anyone else is; and the schedule verifies as far as is set.

use strict;
use warnings;

use File::Copy;
use File::Path qw(make_path remove_tree);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $mark = 'scratch database of snapshot_worker';
my $prefix = 'snapshot_worker_scratch_';

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	clock => 'now',
	conf => <<'EOC');
restart_after_crash = on
snapshot_worker.max_workers = 3
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
EOC

sub verification
{
	my ($name, $restore) = @_;

	return "SELECT snapshot_verify('$name', restore => "
	  . ($restore ? 'true' : 'false') . ')';
}

sub finds_good
{
	my ($name, $restore, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $out, $err) =
	  $node->psql('postgres', verification($name, $restore));

	is($err, '', $test_name);
	like($out, qr/^\d{4}-/, "$test_name: it says when");
	is( outcome($name),
		($restore ? 'restore' : 'archive') . "|$out|",
		"$test_name: it is kept");
	return;
}

# The error of a statement, with its SQLSTATE.
sub error_of
{
	my ($on, $sql, %options) = @_;
	my ($rc, $out, $err) = $on->psql('postgres',
		"\\set VERBOSITY verbose\n$sql", %options);

	return $err;
}

# What is kept of the last verification: level|when|problem.
sub outcome
{
	my ($name, $on) = @_;

	return ($on // $node)->safe_psql('postgres', <<EOQ);
SELECT concat_ws('|', coalesce(verify_level, 'none'), coalesce(verified_at::text, 'not'), coalesce(problem, ''))
  FROM snapshot_list() WHERE name = '$name'
EOQ
}

# The verification finds this problem, and keeps it, with how far it had come.
sub finds_problem
{
	my ($name, $restore, $problem, $test_name, $level) = @_;
	my $error = error_of($node, verification($name, $restore));

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$level //= $restore ? 'restore' : 'checksum';

	like($error,
		qr/ERROR:  XX001: could not verify snapshot "\Q$name\E": /,
		"$test_name: an error about the snapshot");
	like($error, $problem, "$test_name: which names what is wrong");
	like(outcome($name), qr/^$level\|not\|.*$problem/s,
		"$test_name: it is listed");
	my $json =
	  decode_json(slurp_file("$directory/$name/verified.json"));
	is("$json->{name} $json->{level}", "$name $level",
		"$test_name: it is kept beside the snapshot");
	like($json->{problem}, $problem, "$test_name: with the problem");
	return;
}

# The verification fails, and that says nothing about the snapshot.
sub is_circumstance
{
	my ($name, $restore, $error, $test_name) = @_;
	my $before = outcome($name);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like(error_of($node, verification($name, $restore)),
		$error, "$test_name: an error");
	is(outcome($name), $before, "$test_name: it is not held against the snapshot");
	return;
}

sub scratch_databases
{
	return $node->safe_psql('postgres',
		"SELECT datname FROM pg_database WHERE starts_with(datname, '$prefix') ORDER BY 1"
	);
}

# To be called in a loop over an outage.
sub query
{
	my ($sql) = @_;
	my ($rc, $out) = $node->psql('postgres', $sql);

	return $rc == 0 ? $out : 'no answer';
}

sub wait_until_swept
{
	my ($test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until($test_name, sub { query(<<EOQ) eq '0' });
SELECT count(*) FROM pg_database WHERE starts_with(datname, '$prefix')
EOQ
	return;
}

sub flip
{
	my ($file) = @_;
	my $byte;

	open my $fh, '+<:raw', $file or die "could not open $file: $!";
	my $middle = int((-s $file) / 2);
	seek $fh, $middle, 0 or die;
	read($fh, $byte, 1) == 1 or die "could not read $file";
	seek $fh, $middle, 0 or die;
	print $fh chr(ord($byte) ^ 1);
	close $fh or die "could not write $file: $!";
	return;
}

sub change_manifest
{
	my ($name, $change) = @_;
	my $manifest = manifest_of($directory, $name);

	$change->($manifest);
	unlink "$directory/$name/manifest.json";
	append_to_file("$directory/$name/manifest.json",
		encode_json($manifest));
	return;
}

# Have a snapshot be as it was, whatever is done to it in between.
sub keep_copy
{
	my ($name) = @_;
	my $copy = $node->basedir . '/copy';

	remove_tree($copy);
	system_or_bail('cp', '-a', "$directory/$name", $copy);
	return;
}

sub repair
{
	my ($name) = @_;
	my $copy = $node->basedir . '/copy';
	my $path = "$directory/$name";

	# what was found is not in the copy
	copy("$path/verified.json", "$copy/verified.json")
	  if -e "$path/verified.json";
	remove_tree($path);
	system_or_bail('cp', '-a', $copy, $path);
	return;
}

#
# Good ones.
#

$node->safe_psql('postgres', 'CREATE DATABASE hard TEMPLATE template0');
$node->command_ok(
	[
		'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
		'-d', $node->connstr('hard'), '-f', 'test/data/hard.sql'
	],
	'the hard database is made');
my %hard;
foreach my $format ('directory', 'custom')
{
	reload_with($node, format => $format, jobs => 1);
	$hard{$format} = take_snapshot($node, 'hard');
	is(outcome($hard{$format}), 'none|not|',
		"$format: at first, it is not verified");
	finds_good($hard{$format}, 0, "$format: a good snapshot verifies");
	finds_good($hard{$format}, 1, "$format: and so it does by a restore");
}
cmp_ok(
	$node->safe_psql('postgres',
		"SELECT rows FROM snapshot_list() WHERE name = '$hard{custom}'"),
	'>', 1000, 'the rows that were compared were counted');
unlike(slurp_file($node->logfile), qr/reported warnings/,
	'the programs have nothing to say about it');
is(scratch_databases(), '', 'no scratch database is left');
reload_with($node, format => 'directory');

#
# Damages to the files.
#

sub file_like
{
	my ($name, $pattern) = @_;
	my ($found) = grep { $_->{path} =~ $pattern && $_->{size} > 0 }
	  @{ manifest_of($directory, $name)->{files} };

	die "$name has no file like $pattern" unless defined $found;
	return "$directory/$name/$found->{path}";
}

my $outside = $node->basedir . '/outside';
my %kinds = (
	'table of contents' => [ $hard{directory}, qr/toc\.dat$/ ],
	'rows of a table' => [ $hard{directory}, qr{/\d+\.dat(?:\.\w+)?$} ],
	'table of contents of the large objects' =>
	  [ $hard{directory}, qr{/blobs(_\d+)?\.toc$} ],
	'large object' => [ $hard{directory}, qr{/blob_\d+\.dat(?:\.\w+)?$} ],
	'globals' => [ $hard{directory}, qr/^globals\.sql$/ ],
	'archive in one file' => [ $hard{custom}, qr/^hard\.dump$/ ]);
foreach my $kind (sort keys %kinds)
{
	my ($name, $pattern) = @{ $kinds{$kind} };
	my $file = file_like($name, $pattern);

	keep_copy($name);
	flip($file);
	finds_problem($name, 0,
		qr/The contents of file "\Q$file\E" have changed/,
		"one bit of the $kind is flipped");
	repair($name);
}
finds_good($hard{$_}, 0, "$_: after the repair, it is good again")
  foreach qw(directory custom);
is( decode_json(slurp_file("$directory/$hard{custom}/verified.json"))
	  ->{problem},
	undef, 'the problem of a repaired snapshot is forgotten');

$node->safe_psql('postgres', 'CREATE DATABASE app');
$node->safe_psql('app', <<'EOQ');
CREATE TABLE items AS SELECT i AS id, md5(i::text) AS word FROM generate_series(1, 1000) i;
CREATE TABLE parts (id int PRIMARY KEY, item int);
INSERT INTO parts SELECT i, i FROM generate_series(1, 10) i;
CREATE VIEW both_of_them AS SELECT * FROM items JOIN parts USING (id);
EOQ
my $app = take_snapshot($node, 'app');
my $path = "$directory/$app";
my $data = file_like($app, qr{/\d+\.dat(?:\.\w+)?$});
my $toc = file_like($app, qr/toc\.dat$/);

my @damages = (
	[
		'a file is cut off by a byte',
		sub { truncate($data, (-s $data) - 1) or die },
		qr/File "\Q$data\E" has \d+ bytes instead of \d+\./
	],
	[
		'a file is empty',
		sub { truncate($toc, 0) or die },
		qr/File "\Q$toc\E" has 0 bytes instead of \d+\./
	],
	[
		'a file is missing',
		sub { unlink $data or die },
		qr/File "\Q$data\E" is missing\./
	],
	[
		'the archive is missing',
		sub { remove_tree("$path/app.dump") },
		qr/File "\Q$toc\E" is missing\./
	],
	[
		'a file is there that nobody expects',
		sub { append_to_file("$path/extra\xff\n", 'x') },
		qr{"\Q$path\E/extra\?\n" is not part of the snapshot.}
	],
	[
		'a directory is there that nobody expects',
		sub { make_path("$path/app.dump/extra") },
		qr{"\Q$path\E/app\.dump/extra" is not part of the snapshot.}
	],
	[
		'a link to the same is in place of a file',
		sub {
			rename $data, $outside or die;
			symlink $outside, $data or die;
		},
		qr/"\Q$data\E" is not a regular file\./
	],
	[
		'a link to the same is in place of the archive',
		sub {
			system_or_bail('mv', "$path/app.dump", "$outside.dump");
			symlink "$outside.dump", "$path/app.dump" or die;
		},
		qr{"\Q$path\E/app\.dump" is not part of the snapshot.}
	],
	[
		'a directory is in place of a file',
		sub { unlink $data; make_path($data) },
		qr/"\Q$data\E" is not a regular file\./
	],
	[
		'several things are wrong',
		sub {
			flip("$path/globals.sql");
			unlink $data or die;
			truncate($toc, 100) or die;
			append_to_file("$path/extra", 'x');
		},
		qr/(?=.*"\Q$path\E\/extra" is not part)(?=.*The contents of file "\Q$path\E\/globals\.sql" have changed)(?=.*File "\Q$data\E" is missing)(?=.*File "\Q$toc\E" has 100 bytes)/s
	]);
foreach my $damage (@damages)
{
	my ($test_name, $do, $problem) = @$damage;

	keep_copy($app);
	$do->();
	finds_problem($app, 0, $problem, $test_name);
	repair($app);
}
finds_good($app, 0, 'when all is repaired, it is good');

keep_copy($app);
change_manifest(
	$app,
	sub {
		push @{ $_[0]{files} },
		  map { { path => "f$_", size => 1, sha256 => '0' x 64 } } 1 .. 25;
	});
finds_problem($app, 0, qr/File "\Q$path\E\/f\d+" is missing.*\nand 15 more/s,
	'of many problems there is the number');
repair($app);

# A role that may restore still sees the damage.
keep_copy($app);
flip($data);
finds_problem($app, 1, qr/The contents of file "\Q$data\E" have changed/,
	'what is damaged is not restored', 'checksum');
is(scratch_databases(), '', 'no scratch database is left by that');
repair($app);

# Nor is it hidden by what keeps it from being written down.
keep_copy($app);
flip($data);
unlink "$path/verified.json";
mkdir "$path/verified.json" or die;
like(error_of($node, verification($app, 0)),
	qr/The contents of file "\Q$data\E" have changed/,
	'a problem that cannot be kept is told all the same');
like(
	slurp_file($node->logfile),
	qr/WARNING:  could not write the outcome of a verification: could not open file/,
	'the log says that a problem could not be kept');
rmdir "$path/verified.json" or die;
repair($app);

# Retention may remove it in between.
hold_at($node, 'verifying');
my $removed = start_query($node, verification($app, 0));
wait_until_held($node, 'verifying');
rename $path, "$outside.removed" or die "could not rename $path: $!";
let_go($node);
finish_query($removed);
like(
	$removed->{err},
	qr/ERROR:  42704: .*snapshot "\Q$app\E" was removed while it was verified/,
	'a snapshot that is removed meanwhile is not called damaged');
ok(!-e $path, 'nothing is made in its place');
rename "$outside.removed", $path or die "could not rename to $path: $!";
finds_good($app, 0, 'what was there before');

# The manifest itself.
foreach my $damage (
	[ 'is no JSON', sub { append_to_file("$path/manifest.json", 'x') } ],
	[
		'is a link',
		sub {
			rename "$path/manifest.json", "$outside.json" or die;
			symlink "$outside.json", "$path/manifest.json" or die;
		}
	],
	[
		'is that of another snapshot',
		sub { change_manifest($app, sub { $_[0]{name} =~ s/T\d\d/T00/ }) }
	])
{
	keep_copy($app);
	$damage->[1]->();
	like(
		error_of($node, verification($app, 0)),
		qr/ERROR:  XX001: snapshot "\Q$app\E" is damaged\nDETAIL:  File "\Q$path\E\/manifest.json" is unusable: /,
		"a manifest that $damage->[0] is told");
	repair($app);
}
finds_good($app, 0, 'after all that, the snapshot is good again');

#
# What a restore finds.
#

my @differences = (
	[
		'a table should have another number of rows',
		sub {
			$_->{count}++
			  foreach grep { $_->{table} eq 'items' } @{ $_[0]{row_counts} };
		},
		qr/Table "public\.items" has 1000 rows instead of 1001\./
	],
	[
		'there should be another table with rows',
		sub {
			$_->{table} = 'gone'
			  foreach grep { $_->{table} eq 'items' } @{ $_[0]{row_counts} };
		},
		qr/No rows of table "public\.gone" were restored instead of 1000\./
	],
	[
		'there should be more columns',
		sub {
			$_->{count} = 7, $_->{hash} = '0' x 64
			  foreach grep { $_->{kind} eq 'columns' } @{ $_[0]{contents} };
		},
		qr/There are 4 columns instead of 7\./
	],
	[
		'columns should be others',
		sub {
			$_->{hash} = '0' x 64
			  foreach grep { $_->{kind} eq 'columns' } @{ $_[0]{contents} };
		},
		qr/Some columns of tables have different names, types, or NOT NULL./
	],
	[
		'large objects should be others',
		sub {
			$_->{hash} = '1' x 64
			  foreach grep { $_->{kind} eq 'large objects' } @{ $_[0]{contents} };
		},
		qr/Some large objects have different owners, privileges, or comments./
	]);
foreach my $difference (@differences)
{
	my ($test_name, $change, $problem) = @$difference;

	keep_copy($app);
	change_manifest($app, $change);
	finds_problem($app, 1, $problem, $test_name);
	is(scratch_databases(), '', "$test_name: no scratch database is left");
	repair($app);
}
finds_good($app, 1, 'a snapshot that is as it was restores to what it was');

# What pg_restore cannot do need not be a problem of the snapshot.
$node->safe_psql('postgres', 'CREATE DATABASE unrestorable');
$node->safe_psql('unrestorable', <<'EOQ');
CREATE TABLE known_ones AS SELECT 1 AS id;
CREATE FUNCTION is_known(int) RETURNS boolean LANGUAGE plpgsql
  AS 'BEGIN RETURN EXISTS (SELECT FROM known_ones WHERE id = $1); END';
CREATE TABLE checked (id int CHECK (is_known(id)));
INSERT INTO checked VALUES (1);
EOQ
my $unrestorable = take_snapshot($node, 'unrestorable');
finds_good($unrestorable, 0, 'what cannot be restored can be read');
is_circumstance($unrestorable, 1,
	qr/ERROR:  38000: .*relation "known_ones" does not exist/s,
	'what cannot be restored is told by a restore');
is(scratch_databases(), '', 'no scratch database is left by that, either');

# What a restore has found is kept until another one finds it gone.
my $before;
keep_copy($app);
change_manifest($app, $differences[2][1]);
finds_problem($app, 1, $differences[2][2], 'a restore finds something');
$before = outcome($app);
like(
	error_of($node, verification($app, 0)),
	qr/ERROR:  XX001: .*an earlier restore of snapshot "\Q$app\E" found a problem\nDETAIL:  .*There are 4 columns instead of 7\..*\nHINT:  .*restore => true/s,
	'a problem found by a restore is not forgotten because the archive can be read');
is(outcome($app), $before, 'a problem found by a restore is kept as it was');
repair($app);
finds_good($app, 1, 'a problem found by a restore is forgotten when a restore finds nothing');

# What cannot be read is found before that.
my $reader = install_fake_program($node, 'pg_restore', <<'EOC');
case "$*" in *--file=/dev/null*)
	until [ -e "$(dirname "$0")/good" ]; do
		[ -e "$(dirname "$0")/once" ] && mv "$(dirname "$0")/once" "$(dirname "$0")/good"
		[ -e "$(dirname "$0")/killed" ] && kill -9 $$
		[ -e "$(dirname "$0")/missing" ] && exit 127
		echo "pg_restore: error: bad archive" >&2
		exit 1
	done ;;
esac
exec REAL "$@"
EOC
reload_with($node, bin_directory => $reader);
append_to_file("$reader/once", '');
finds_good($app, 1, 'what can be read the second time is good');
unlink "$reader/good";
foreach my $end ([ killed => 'signal 9' ], [ missing => 'command not found' ])
{
	append_to_file("$reader/$end->[0]", '');
	is_circumstance($app, 0, qr/ERROR:  38000: .*pg_restore failed: .*$end->[1]/,
		"pg_restore is $end->[0] when it reads the archive");
	unlink "$reader/$end->[0]";
}
foreach my $change ([ pg_dump_version => '14.1' ], [ compression => 'lz4:99' ])
{
	my ($member, $value) = @$change;

	keep_copy($app);
	change_manifest($app, sub { $_[0]{$member} = $value });
	is_circumstance($app, 0, qr/ERROR:  38000: .*pg_restore: error: bad archive/s,
		"pg_restore may not know the archive's $member");
	repair($app);
}
finds_problem($app, 1, qr/pg_restore: error: bad archive/,
	'what cannot be read is not restored', 'archive');
reload_with($node, bin_directory => '');
finds_good($app, 1, 'when it can be read again, it is good');

# Subscriptions keep a database from being dropped.
$node->safe_psql('postgres', 'CREATE DATABASE subscriber');
$node->safe_psql('subscriber',
	"CREATE SUBSCRIPTION news CONNECTION 'dbname=nowhere' PUBLICATION news WITH (connect = false, slot_name = NONE)"
);
my $subscriber = take_snapshot($node, 'subscriber');
finds_good($subscriber, 1, 'a database with a subscription can be restored');
is(scratch_databases(), '', 'the scratch database of a subscriber is dropped');
is( $node->safe_psql('postgres',
		'SELECT (SELECT count(*) FROM pg_subscription), (SELECT count(*) FROM pg_replication_origin)'
	),
	'1|1',
	'nothing is left of a subscription in a scratch database');

#
# However it ends, the scratch database is dropped.
#

# A verification that is held at a step, and the process ID of its worker.
sub start_verification
{
	my ($step, $name) = @_;

	hold_at($node, $step);
	my $session = start_query($node, verification($name // $app, 1));
	my $worker = wait_until_held($node, $step);
	return ($session, $worker);
}

foreach my $step ('verifying', 'scratch created', 'restored')
{
	my $exists = $step eq 'verifying' ? 0 : 1;

	# the caller is canceled
	my ($session, $worker) = start_verification($step);
	is( $node->safe_psql('postgres', <<EOQ), $exists, "\"$step\": there is a scratch database or not");
SELECT count(*) FROM pg_database WHERE datname = '$prefix$worker'
EOQ
	$node->safe_psql('postgres', <<'EOQ');
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_verify(%' AND pid <> pg_backend_pid()
EOQ
	finish_query($session);
	like($session->{err}, qr/ERROR:  57014: /,
		"\"$step\": the caller is canceled");
	wait_until("\"$step\": and so is the worker", sub { !kill 0, $worker });
	is(scratch_databases(), '',
		"\"$step\": it has dropped its scratch database");

	# the worker is canceled
	($session, $worker) = start_verification($step);
	$node->safe_psql('postgres', "SELECT pg_cancel_backend($worker)");
	finish_query($session);
	like(
		$session->{err},
		qr/ERROR:  38000: could not verify snapshot "\Q$app\E": canceling statement/,
		"\"$step\": when the worker is canceled, the caller has an error");
	is(scratch_databases(), '',
		"\"$step\": and there is no scratch database any more");

	# the worker is terminated
	my $log = -s $node->logfile;
	($session, $worker) = start_verification($step);
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
	finish_query($session);
	like(
		$session->{err},
		qr/ERROR:  38000: could not verify snapshot "\Q$app\E": terminating/,
		"\"$step\": when the worker is terminated, the caller has an error");
	let_go($node);
	wait_until_swept(
		"\"$step\": the launcher has the scratch database dropped");
	is( (slurp_file($node->logfile, $log) =~
			  /dropping leftover scratch database "$prefix$worker"/) ? 1 : 0,
		$exists, "\"$step\": the log says so, if there was one");
}
like(outcome($app), qr/^restore\|2\d+-/,
	'none of that is held against the snapshot');

# The worker is killed, and the server restarts.
my ($session, $worker) = start_verification('restored');
is(kill('KILL', $worker), 1, 'the worker is killed');
finish_query($session);
let_go($node);
pass_minute_after_crash($node);
wait_until_swept(
	'a minute after the server is back, the scratch database is dropped');

# The server goes down.
($session, $worker) = start_verification('restored');
$node->stop('immediate');
finish_query($session);
let_go($node);
$node->start;
pass_minute_after_crash($node);
wait_until_swept('a minute after a start, the scratch database is dropped');

# In the middle of the comparison, with someone in the way.
($session, $worker) = start_verification('restored');
my $intruder = $node->background_psql("$prefix$worker");
$intruder->query_safe('BEGIN; LOCK TABLE items');
let_go($node);
my $comparison = sub {
	return wait_until('the comparison waits for a lock', sub { query(<<EOQ) });
SELECT pid FROM pg_stat_activity
 WHERE datname = '$prefix$worker' AND query LIKE 'LOCK TABLE %' AND wait_event_type = 'Lock'
   AND backend_type = 'client backend' AND pid <> pg_backend_pid()
EOQ
};
my $pid = $comparison->();
$node->safe_psql('postgres', "SELECT pg_cancel_backend($worker)");
finish_query($session);
like($session->{err}, qr/canceling statement/,
	'a comparison can be canceled');
is(scratch_databases(), '',
	'the scratch database is dropped, whoever is in it');
wait_until('the comparison has ended, too', sub { !kill 0, $pid });
eval { $intruder->quit };

($session, $worker) = start_verification('restored');
$intruder = $node->background_psql("$prefix$worker");
$intruder->query_safe('BEGIN; LOCK TABLE items');
let_go($node);
$before = outcome($app);
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . $comparison->() . ')');
finish_query($session);
like($session->{err}, qr/ERROR:  38000: .*pg_dump failed: /,
	'a comparison that goes away is an error');
is(outcome($app), $before, 'a comparison that goes away is not held against the snapshot');
is(scratch_databases(), '', 'the scratch database is dropped after that, too');
eval { $intruder->quit };

#
# Databases of others.
#

# One of the very name that the scratch database is to have.
($session, $worker) = start_verification('verifying');
$node->safe_psql('postgres', "CREATE DATABASE $prefix$worker");
let_go($node);
finish_query($session);
like($session->{err}, qr/ERROR:  42P04: .*already exists/,
	'a database that has the name of the scratch database is in the way');
is(scratch_databases(), "$prefix$worker", "a foreign database of the scratch database's name is not dropped");
is(outcome($app), $before, "a foreign database of the scratch database's name is not held against the snapshot");

# The name alone, and the comment alone, do not make a leftover.
$node->safe_psql('postgres', 'CREATE DATABASE commented');
$node->safe_psql('postgres', "COMMENT ON DATABASE commented IS '$mark'");
$node->safe_psql('postgres', "CREATE DATABASE ${prefix}other");
$node->safe_psql('postgres',
	"COMMENT ON DATABASE ${prefix}other IS 'my own'");
$node->safe_psql('postgres', "CREATE DATABASE ${prefix}1");
$node->safe_psql('postgres', "COMMENT ON DATABASE ${prefix}1 IS '$mark'");
$node->restart;
wait_until('a leftover is swept at a start',
	sub { scratch_databases() !~ /^${prefix}1$/m });
is( scratch_databases(),
	join("\n", sort "$prefix$worker", "${prefix}other"),
	'others of such a name are not');
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = 'commented'"),
	1,
	'databases of others with such a comment are not dropped');

# What cannot be dropped keeps nobody from a restore.
$node->safe_psql('postgres', "CREATE DATABASE ${prefix}2");
$node->safe_psql('postgres', "COMMENT ON DATABASE ${prefix}2 IS '$mark'");
$node->safe_psql('postgres',
	"ALTER DATABASE ${prefix}2 IS_TEMPLATE true");
finds_good($app, 1, 'in spite of a leftover that cannot be dropped');
like(
	slurp_file($node->logfile),
	qr/WARNING:  could not drop scratch database "${prefix}2": cannot drop a template database/,
	'the log warns of a scratch database that cannot be dropped');
$node->safe_psql('postgres',
	"ALTER DATABASE ${prefix}2 IS_TEMPLATE false");
finds_good($app, 1, 'a leftover scratch database is no trouble once it can be dropped');
is( scratch_databases(),
	join("\n", sort "$prefix$worker", "${prefix}other"),
	'the next restore sweeps it, and nothing else');
$node->safe_psql('postgres', "DROP DATABASE \"$_\"")
  foreach split /\n/, scratch_databases();

#
# What is no problem of the snapshot.
#

my $bin = install_fake_program($node, 'pg_restore', <<'EOC');
case "$*" in *--dbname=*) ;; *) exec REAL "$@" ;; esac
[ -e "$(dirname "$0")/say" ] && { cat "$(dirname "$0")/say" >&2; exit 1; }
kill -9 $$
EOC
reload_with($node, bin_directory => $bin);
is_circumstance($app, 1, qr/pg_restore failed: .*signal 9/,
	'pg_restore is killed');
foreach my $words (
	'pg_restore: error: could not execute query: ERROR:  could not extend file: No space left on device',
	'pg_restore: error: FEHLER:  Verklemmung (Deadlock) entdeckt',
	'pg_restore: error: corrupt tar header found')
{
	append_to_file("$bin/say", "$words\n");
	is_circumstance($app, 1, qr/ERROR:  38000: .*\nDETAIL:  \Q$words\E/, $words);
	unlink "$bin/say";
}
unlink "$bin/pg_restore";
is_circumstance($app, 0,
	qr/could not find an executable "\Q$bin\E\/pg_restore"/,
	'pg_restore is missing');
reload_with($node, bin_directory => '');
finds_good($app, 1, 'a snapshot is good with pg_restore in place');

$node->safe_psql('postgres', 'CREATE ROLE leaver');
$node->safe_psql('app', 'CREATE TABLE legacy (); ALTER TABLE legacy OWNER TO leaver');
my $legacy = take_snapshot($node, 'app');
$node->safe_psql('app', 'DROP TABLE legacy; DROP ROLE leaver');
is_circumstance(
	$legacy, 1,
	qr/ERROR:  42704: .*roles that the snapshot needs do not exist: "leaver"\nHINT:  Create them, or run "\Q$directory\E\/\Q$legacy\E\/globals\.sql" with psql\./,
	'a role has been dropped since');
is(scratch_databases(), '', 'no scratch database is left by any of that');

#
# Several at once.
#

my $other = take_snapshot($node, 'app');
hold_at($node, 'verifying');
my @sessions = (start_query($node, verification($app, 0)));
wait_until_held($node, 'verifying');
push @sessions, start_query($node, verification($app, 0));
wait_until('a second one of the same snapshot is asked for',
	sub { query(<<'EOQ') eq '2' });
SELECT count(*) FROM pg_stat_activity
 WHERE query LIKE 'SELECT snapshot_verify(%' AND wait_event_type IS NOT NULL
EOQ
push @sessions, start_query($node, verification($other, 0));
wait_until('two snapshots can be verified at the same time',
	sub { query(<<'EOQ') eq '2' });
SELECT count(*) FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query = 'held at verifying'
EOQ
is( $node->safe_psql('postgres',
		"SELECT string_agg(name, ' ' ORDER BY name) FROM snapshot_progress()"),
	join(' ', sort $app, $other),
	'the same one is verified once at a time');
let_go($node);
push @sessions,
  map { start_query($node, verification($_, 1)) } $app, $app, $other,
  $hard{custom};
finish_query($_) foreach @sessions;
is(join('', map { $_->{err} } @sessions), '', 'all of them find it good');
is(scratch_databases(), '', 'no scratch database is left');

#
# Arguments.
#

my %wrong = (
	"NULL" => '22004',
	"''" => '22023',
	"'app'" => '22023',
	"'$app/'" => '22023',
	"'$app/../$app'" => '22023',
	"'app/..'" => '22023',
	"'../snapshots/$app'" => '22023',
	"'/$directory/$app'" => '22023',
	"'$directory/$app'" => '22023',
	"'$app.tmp'" => '22023',
	"'nothing/2026-03-19T03-00-00Z'" => '42704',
	"'app/2000-01-01T00-00-00Z'" => '42704');
foreach my $argument (sort keys %wrong)
{
	like(error_of($node, "SELECT snapshot_verify($argument)"),
		qr/ERROR:  $wrong{$argument}: /, "snapshot_verify($argument)");
}
like(error_of($node, "SELECT snapshot_verify('$app', NULL)"),
	qr/ERROR:  22004: arguments of snapshot_verify must not be null/,
	'no argument may be null');
like(
	error_of($node,
		"BEGIN; CREATE TABLE t (); SELECT snapshot_verify('$app', true)"),
	qr/ERROR:  25001: .*this transaction has written\n.*\nHINT:  Commit first\./,
	'a transaction that has written cannot wait for a restore');
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
like(
	error_of($node, "SELECT $_", extra_params => [ '-U', 'nobody' ]),
	qr/ERROR:  42501: permission denied for function/,
	"$_ is not for everyone")
  foreach "snapshot_verify('$app')", "snapshot_verify('$app', true)",
  "snapshot_restore('$app', 'x')", 'snapshot_progress()';
$node->stop;

#
# The schedule.
#

my ($primary, $shared) = snapshot_node('primary',
	init => [ allows_streaming => 1 ],
	start => 0,
	conf => <<'EOC');
snapshot_worker.enable = on
snapshot_worker.time = '03:00'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
wal_sender_timeout = 0
wal_receiver_timeout = 0
EOC
fake_clock($primary, '2026-03-19 02:00:00');
$primary->start;
$primary->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$primary->safe_psql('postgres', 'CREATE DATABASE app');
$primary->safe_psql('app', 'CREATE TABLE t AS SELECT 1 AS a');
my $day = 19;

# The next slot comes, and what it gives is over.  Returns the line in the
# history about a database.
sub next_slot
{
	my ($while_held) = @_;
	my $slot = sprintf '2026-03-%02dT03:00', $day;
	my $line;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	set_clock($primary, sprintf '2026-03-%02d 02:59:59', $day++);
	$primary->reload;
	$while_held->() if $while_held;
	wait_until(
		"$slot is over",
		sub {
			($line) = grep {
				$_->{name} =~ m{^app/}
				  && ($_->{scheduled_for} // '') =~ /^$slot/
			} history_lines($shared);
		});
	return $line;
}

# Meanwhile, there is a scratch database.
reload_with($primary, databases => '*');
my $name = $primary->safe_psql('postgres', "SELECT snapshot_now('app')");
hold_at($primary, 'restored');
my $long = start_query($primary, verification($name, 1));
$worker = wait_until_held($primary, 'restored');
next_slot();
wait_until('all databases are taken', sub { snapshots($shared, 'postgres') });
is( $primary->safe_psql('postgres',
		"SELECT count(*) FROM pg_database WHERE datname = '$prefix$worker'"),
	1,
	'there is a scratch database');
is_deeply(
	[
		grep { m{/$prefix} } glob("$shared/*"),
		map { $_->{name} } history_lines($shared)
	],
	[], 'of which there is no snapshot');
let_go($primary);
finish_query($long);
is($long->{err}, '', 'a verification of the schedule comes to its end beside others');
reload_with($primary, databases => 'app');

my %level = (
	off => 'none\|not',
	list => 'none\|not',
	checksum => 'checksum\|2026-03-2\d .*',
	archive => 'archive\|2026-03-2\d .*',
	restore => 'restore\|2026-03-2\d .*');
foreach my $level (sort keys %level)
{
	reload_with($primary, verify => $level);
	my $line = next_slot();
	is($line->{outcome}, 'succeeded', "verify = $level: the run succeeds");
	like(outcome($line->{name}, $primary),
		qr/^$level{$level}\|$/, "verify = $level: it is verified as far");
	$name = $primary->safe_psql('postgres', "SELECT snapshot_now('app')");
	is(outcome($name, $primary), 'none|not|',
		"verify = $level: what is asked for is not");
}

sub damage_at
{
	my ($step) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	hold_at($primary, $step);
	return sub {
		wait_until_held($primary, $step);
		$name = $primary->safe_psql('postgres',
			"SELECT max(name) FROM snapshot_list() WHERE database = 'app'");
		flip("$shared/$name/globals.sql");
		let_go($primary);
	};
}

foreach my $case ([ checksum => 'published', 1 ], [ restore => 'verifying', 2 ])
{
	my ($level, $step, $failures) = @$case;
	my $log = -s $primary->logfile;

	reload_with($primary, verify => $level);
	my $line = next_slot(damage_at($step));
	is($line->{name}, $name, "$level, damaged at \"$step\": it is in the history");
	is($line->{outcome}, 'failed', "$level: as failed");
	like($line->{error}, qr/^verification failed: .*\n.*globals\.sql" have changed/,
		"$level: with the reason");
	like( outcome($name, $primary),
		qr/^checksum\|not\|.*globals\.sql" have changed/s,
		"$level: it is not deleted, and has its problem listed");
	$primary->poll_query_until('postgres', <<'EOQ') or die 'still running';
SELECT state = 'idle' FROM snapshot_status()
EOQ
	like(
		$primary->safe_psql('postgres',
			'SELECT last_error, consecutive_failures FROM snapshot_status()'),
		qr/^database "app": verification failed: .*\|$failures$/s,
		"$level: the state shows it");
	is( $primary->safe_psql('postgres',
			'SELECT next_run FROM snapshot_status()'),
		sprintf('2026-03-%02d 03:00:00+00', $day),
		"$level: it is not tried again");
	unlike(slurp_file($primary->logfile, $log),
		qr/next attempt to take a snapshot/, "$level: nor is that planned");
	like(
		slurp_file($primary->logfile, $log),
		qr/WARNING:  snapshot of database "app" failed \(attempt 1\): verification failed/,
		"$level: the log warns of it");
}

# What is wrong around it fails the run, but is no problem of the snapshot.
$bin = install_fake_program($primary, 'pg_restore', <<'EOC');
case "$*" in
	*--list*) exec REAL "$@" ;;
esac
kill -9 $$
EOC
reload_with($primary, bin_directory => $bin, verify => 'archive');
my $line = next_slot();
is($line->{outcome}, 'failed', 'what cannot be verified is a failure');
like($line->{error}, qr/verification failed: pg_restore failed/,
	'the history has the reason why a verification failed');
is(outcome($line->{name}, $primary),
	'none|not|', 'a verification that fails is not held against the snapshot');
reload_with($primary, bin_directory => '');

#
# A standby.
#

$primary->backup('base');
my $standby = SnapshotTest::Node->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$name = $line->{name};
$standby->poll_query_until('postgres', <<'EOQ') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOQ
is(error_of($standby, verification($name, 0)), '',
	'a standby verifies a snapshot');
like(outcome($name, $primary), qr/^archive\|2026-/,
	'the primary sees what its standby has verified');
like(
	error_of($standby, verification($name, 1)),
	qr/ERROR:  25006: could not verify snapshot "\Q$name\E": recovery is in progress/,
	'a standby cannot verify by a restore');
like(
	error_of($standby, "SELECT snapshot_restore('$name', 'again')"),
	qr/ERROR:  25006: could not restore snapshot "\Q$name\E": recovery is in progress/,
	'to whatever end');
reload_with($_, run_on => 'standby', verify => 'restore')
  foreach $primary, $standby;
$line = next_slot(sub { $standby->reload });
is($line->{outcome}, 'succeeded', 'the schedule of a standby verifies');
like(outcome($line->{name}, $standby),
	qr/^archive\|2026-/, 'the schedule of a standby verifies as far as it can');

$standby->stop;
$primary->stop;
done_testing();
