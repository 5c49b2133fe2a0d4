
# Copyright (c) 2026, the snapshot_worker developers

# Incremental snapshots of servers with more than one past.  Promised here: on a
# standby, after a promotion, a recovery to an earlier point, a crash, in a clone,
# in a data directory that was rolled back or rewound, a snapshot has the rows of
# the server that took it.

use strict;
use warnings;

use IncrementalTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use PsqlSession;
use SnapshotTest;
use Test::More;

# Pages reach the disk by checkpoints alone, so that a restart goes far back.
my ($primary, $directory) = incremental_node('primary',
	init => [ allows_streaming => 1 ],
	conf => <<'EOF');
wal_log_hints = on
full_page_writes = on
shared_buffers = 32MB
bgwriter_lru_maxpages = 0
checkpoint_timeout = 1h
max_wal_size = 1GB
wal_keep_size = 512MB
hot_standby_feedback = off
max_standby_streaming_delay = -1
snapshot_worker.run_on = any
EOF
execute($primary, <<'EOF');
CREATE TABLE t (id int, v text);
INSERT INTO t SELECT g, repeat('x', 100) || g FROM generate_series(1, 1000) g;
CREATE TABLE u (v text);
INSERT INTO u VALUES ('u');
VACUUM t;
EOF
$primary->safe_psql('postgres', 'CHECKPOINT');

# A standby of a node, with a snapshot directory of its own unless one is given.
sub standby_of
{
	my ($node, $name, $its_directory) = @_;
	my $standby = SnapshotTest::Node->new($name);

	$its_directory //= $standby->basedir . '/snapshots';
	$node->backup($name);
	$standby->init_from_backup($node, $name, has_streaming => 1);
	$standby->append_conf('postgresql.conf', "snapshot_worker.directory = '$its_directory'");
	$standby->start;
	return ($standby, $its_directory);
}

sub catch_up
{
	my ($node, $standby) = @_;

	$node->wait_for_catchup($standby, 'replay', $node->lsn('insert'));
	return;
}

# Have a page of table "t" on disk, of both servers.
sub checkpoint_both
{
	my ($node, $standby) = @_;

	$node->safe_psql('postgres', 'CHECKPOINT');
	catch_up($node, $standby);
	$standby->safe_psql('postgres', 'CHECKPOINT');
	return;
}

sub count_of
{
	my ($node, $value) = @_;

	return $node->safe_psql('app', "SELECT count(*) FROM t WHERE v = '$value'");
}

# A standby.
my ($standby, $own) = standby_of($primary, 'standby');
catch_up($primary, $standby);
next_reads($standby, $own, 'everything', 'the first snapshot of a standby reads everything');
next_reads($standby, $own, '', 'the second snapshot of a standby reads nothing');
execute($primary, q{INSERT INTO t VALUES (0, 'a')});
catch_up($primary, $standby);
next_reads($standby, $own, 't', 'a change of the primary is read on the standby');

my $session = PsqlSession->new($primary, 'app');
in_session($session, q{BEGIN; SAVEPOINT a; DELETE FROM t WHERE ctid >= '(10,0)'; SAVEPOINT b; INSERT INTO u VALUES ('b')});
execute($primary, q{INSERT INTO u VALUES ('committed')});
catch_up($primary, $standby);
next_reads($standby, $own, 't u', 'a transaction in progress on the primary is read on the standby');
in_session($session, 'COMMIT');
$session->close_session;
execute($primary, 'VACUUM t');
catch_up($primary, $standby);
next_reads($standby, $own, 't u', 'a delete that was open at the base of a standby, and a tail that is cut off, are read');
next_reads($standby, $own, '', 'the standby reads nothing when nothing has changed');
$standby->restart;
next_reads($standby, $own, '', 'a standby that restarts where it was uses its base');

# A standby that opens behind its base.
checkpoint_both($primary, $standby);
my $earlier = $primary->lsn('insert');
execute($primary, q{UPDATE t SET v = 'late' WHERE id = 1});
catch_up($primary, $standby);
my $ahead = next_reads($standby, $own, 't', 'the base of the standby has a late change');
is(count_of($standby, 'late'), 1, 'the standby shows the late change');
$standby->stop('immediate');
$standby->append_conf('postgresql.conf', q{recovery_min_apply_delay = '1h'});
$standby->start;
is(count_of($standby, 'late'), 0, 'a standby can open behind its base');
next_reads($standby, $own, 'everything', 'a standby that is behind its base reads everything');
$standby->append_conf('postgresql.conf', 'recovery_min_apply_delay = 0');
$standby->reload;
catch_up($primary, $standby);
next_reads($standby, $own, 't', 'a standby that has caught up again reads what has changed');

# The same, but it goes another way from there.
checkpoint_both($primary, $standby);
$earlier = $primary->lsn('insert');
execute($primary, q{UPDATE t SET v = 'lost' WHERE id = 2}, q{INSERT INTO u VALUES ('lost')});
catch_up($primary, $standby);
next_reads($standby, $own, 't u', 'the base of the standby has changes that will be lost');
$standby->stop('immediate');
$standby->append_conf('postgresql.conf', "recovery_target_lsn = '$earlier'\nrecovery_target_action = promote\nprimary_conninfo = ''\n");
$standby->start;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
is(count_of($standby, 'lost'), 0, 'a standby can be promoted before its base');
execute($standby, q{UPDATE t SET v = 'other' WHERE id = 2});
$standby->safe_psql('postgres', 'SELECT pg_switch_wal()') for 1 .. 2;
execute($standby, q{INSERT INTO u VALUES ('later')});
cmp_ok($standby->safe_psql('postgres', "SELECT pg_current_wal_lsn() - '$earlier'"), '>', 1024 * 1024,
	'the new timeline has passed the end of the base');
next_reads($standby, $own, 'everything', 'a server that forked off before its base reads everything');
next_reads($standby, $own, '', 'the new timeline has bases of its own');
execute($standby, 'INSERT INTO u VALUES (2)');
next_reads($standby, $own, 'u', 'a change on the new timeline is read');

# Two servers with one system identifier, and no common past, in one directory.
my $status = 'SELECT warning FROM snapshot_status()';
$standby->append_conf('postgresql.conf', "snapshot_worker.directory = '$directory'");
$standby->reload;
my $of_primary = take_app($primary);
take_app($standby);
like(
	$standby->safe_psql('postgres', $status),
	qr/^snapshot "\Q$of_primary\E" was taken by another server with the system identifier of this one/,
	'a warning names a snapshot that another server with the same system identifier has taken');
like(
	slurp_file($standby->logfile),
	qr/WARNING:  snapshot "\Q$of_primary\E" was taken by another server .*\n.*DETAIL: .*\n.*HINT:  Give clones a snapshot directory each/,
	'the log names such a snapshot, and says what to do');
my $of_clone = take_app($standby);
unlike($standby->safe_psql('postgres', $status), qr/another server/,
	'the warning ends when the other server takes no more');
take_app($primary);
like($primary->safe_psql('postgres', $status), qr/^snapshot "\Q$of_clone\E" was taken by another server/,
	'each of two such servers warns of the other');
$standby->stop;
# its snapshots may have names that are some seconds ahead
wait_until(
	'the warning of the other server ends, too, when it is alone',
	sub {
		take_app($primary);
		$primary->safe_psql('postgres', $status) eq '';
	});

# A standby that shares the directory, and knows the base of the primary.
take_app($primary);
next_reads($primary, $directory, '', 'the primary has a base');
my ($shared) = standby_of($primary, 'shared', $directory);
catch_up($primary, $shared);
next_reads($shared, $directory, '', 'a standby uses the base that its copy of the data directory remembers');
execute($primary, 'INSERT INTO u VALUES (3)');
catch_up($primary, $shared);
next_reads($shared, $directory, 'u', 'it reads what the primary has changed since');
next_reads($primary, $directory, 'u', 'the primary reads it, too, from a base of its own');

# A clone with the same identity goes on beside the primary, with links to all
# snapshots.
$primary->backup('clone');
my $clone = SnapshotTest::Node->new('clone');
my $links = $clone->basedir . '/snapshots';
system_or_bail('cp', '-al', $directory, $links);
$clone->init_from_backup($primary, 'clone');
$clone->append_conf('postgresql.conf', "snapshot_worker.directory = '$links'\narchive_mode = off");
$clone->start;
next_reads($clone, $links, '', 'a clone uses the base that its data directory remembers');
execute($clone, q{UPDATE t SET v = 'clone' WHERE id = 3});
execute($primary, q{UPDATE t SET v = 'original' WHERE id = 3}, q{INSERT INTO u VALUES ('original')});
next_reads($primary, $directory, 't u', 'a server with a clone reads its own changes');
next_reads($clone, $links, 't', 'a clone reads its own changes');
my $newest = take_app($primary);
system_or_bail('cp', '-al', "$directory/$newest", "$links/$newest");
execute($clone, 'INSERT INTO u VALUES (4)');
next_reads($clone, $links, 'u', 'a clone does not build on a snapshot of the original');
$clone->stop;

# A data directory that is rolled back.
my $data = $primary->data_dir;
my $base = take_app($primary);
$primary->stop;
system_or_bail('cp', '-a', $data, "$data.old");
$primary->start;
execute($primary, q{UPDATE t SET v = 'undone' WHERE id = 4});
catch_up($primary, $shared);
my $undone = next_reads($primary, $directory, 't', 'a change is read that will be undone');
$shared->stop;
$primary->stop;
system_or_bail('rm', '-rf', $data);
system_or_bail('cp', '-a', "$data.old", $data);
$primary->start;
is(count_of($primary, 'undone'), 0, 'the data directory is rolled back');
execute($primary, q{UPDATE t SET v = 'redone' WHERE id = 4});
execute($primary, q{INSERT INTO u SELECT repeat('w', 1000) FROM generate_series(1, 100)});
my $redone = next_reads($primary, $directory, 't u', 'a data directory that was rolled back does not use a newer base');
is(manifest_of($directory, $redone)->{base}, $base, 'it uses the base that it remembers');

$primary->stop;
system_or_bail('rm', '-rf', $data);
system_or_bail('cp', '-a', "$data.old", $data);
rename "$directory/$base", "$directory/$base.away" or die $!;
$primary->start;
next_reads($primary, $directory, 'everything', 'without that base, everything is read');
rename "$directory/$base.away", "$directory/$base" or die $!;
system_or_bail('rm', '-rf', "$data.old");

# A crash right after a snapshot.
$primary->append_conf('postgresql.conf', "synchronous_commit = off\nwal_writer_delay = 10s\n");
$primary->restart;
execute($primary, q{UPDATE t SET v = 'asynchronous' WHERE id = 5});
my $seen = take_app($primary);
$primary->stop('immediate');
$primary->start;
like(rows_in(files_of($directory, $seen)->{'public.t'}), qr/\tasynchronous\n/, 'a snapshot has seen an asynchronous commit');
# first the snapshot: a query sets hint bits, and that is logged
next_reads($primary, $directory, '', 'a server that has crashed uses its base');
is_right($primary, $directory, $seen, 'all that a snapshot has seen survives a crash');
execute($primary, q{UPDATE t SET v = 'forgotten' WHERE id = 6});
$primary->stop('immediate');
$primary->start;
execute($primary, q{UPDATE t SET v = 'remembered' WHERE id = 6});
next_reads($primary, $directory, 't', 'a change after a lost commit is read');
$primary->append_conf('postgresql.conf', 'synchronous_commit = on');
$primary->restart;

# A base whose end in WAL the server has not reached is forgotten.
my ($remembered) = grep { /\b\d+\.json$/ && slurp_file($_) =~ m{"app/} } glob "\Q$data\E/snapshot_worker.bases/*";
$primary->stop;
my $text = slurp_file($remembered);
$text =~ s{"end_lsn": ?"[^"]*"}{"end_lsn": "FF/0"} or die $text;
unlink $remembered;
append_to_file($remembered, $text);
$primary->start;
wait_until('a primary forgets a base that is ahead of its WAL', sub { !-e $remembered });
next_reads($primary, $directory, 'everything', 'without the forgotten base, everything is read');

# Promotion.
my ($heir) = standby_of($primary, 'heir', $directory);
catch_up($primary, $heir);
take_app($heir);
next_reads($heir, $directory, '', 'a standby has a base before its promotion');
execute($primary, 'INSERT INTO u VALUES (5)');
catch_up($primary, $heir);
$heir->promote;
$heir->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
next_reads($heir, $directory, 'u', 'a promoted standby uses its base on the new timeline');
execute($heir, q{UPDATE t SET v = 'heir' WHERE id = 7});
next_reads($heir, $directory, 't', 'a change after the promotion is read');

# The old primary has gone on, and is rewound.
execute($primary, q{UPDATE t SET v = 'diverged' WHERE id = 7}, 'INSERT INTO u VALUES (6)');
my $diverged = next_reads($primary, $directory, 't u', 'an old primary has a base with its own changes');
$primary->stop;
$heir->safe_psql('postgres', 'CHECKPOINT');
copy_conf($data, $primary->basedir);
command_ok([ 'pg_rewind', '--target-pgdata', $data, '--source-server', $heir->connstr('postgres') ],
	'the old primary is rewound');
copy_conf($primary->basedir, $data);
$primary->enable_streaming($heir);
$primary->set_standby_mode;
$primary->start;
catch_up($heir, $primary);
is(count_of($primary, 'diverged'), 0, 'what the old primary had written alone is gone');
my $rewound = take_app($primary);
isnt(manifest_of($directory, $rewound)->{base} // '', $diverged, 'a rewound server does not use the base from before');
is_right($primary, $directory, $rewound, 'a rewound server has the rows of the new primary');
execute($heir, q{UPDATE t SET v = 'after' WHERE id = 8});
catch_up($heir, $primary);
next_reads($primary, $directory, 't', 'a rewound server reads what has changed since');
execute($heir, 'INSERT INTO u VALUES (7)');
catch_up($heir, $primary);
$primary->promote;
$primary->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
execute($primary, q{UPDATE t SET v = 'again' WHERE id = 9});
next_reads($primary, $directory, 't u', 'a server that is promoted again reads what has changed');

# A failover that loses nothing, right where the last snapshot ended.
$primary->safe_psql('postgres', 'CHECKPOINT');
my ($last) = standby_of($primary, 'last', $directory);
catch_up($primary, $last);
take_app($last);
$primary->stop('immediate');
$last->promote;
$last->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'no promotion';
next_reads($last, $directory, '', 'a server that is promoted where its base ended uses it');
unlike($last->safe_psql('postgres', $status), qr/another server/,
	'a server that was just promoted takes no snapshot for that of another server');

sub copy_conf
{
	my ($from, $to) = @_;

	system_or_bail('cp', "$from/postgresql.conf", "$to/postgresql.conf");
	return;
}

is_deeply([ damages($directory) ], [], 'all snapshots match their manifests');
$_->stop foreach $heir, $last;
done_testing();
