
# Copyright (c) 2026, the snapshot_worker developers

# Troubles of the server itself.  Promised here: without a connection, a
# background worker or the database, a session that asked gets an error that
# says so, and the schedule tries again; a run uses its database as any session
# does, and the database can be dropped by force; pg_dump connects where the
# server listens; and a crash in the middle of a run leaves nothing over.
# After each of these the next snapshot is good.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# A server without room for the launcher: who asks waits a while for one.
my ($narrow, $narrow_directory) = snapshot_node('narrow', conf => <<'EOF');
max_worker_processes = 0
EOF
my $patient = start_request($narrow, 'postgres');

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.time = '03:00'
snapshot_worker.databases = 'app'
snapshot_worker.retention = 1000
snapshot_worker.retention_manual = 1000
restart_after_crash = on
autovacuum = off
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
create_database('app');

# As long as this file is there, dumps wait.
my $gate = $node->basedir . '/gate';
my $bin = install_fake_program($node, 'pg_dump', <<EOF);
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
reload_with($node, bin_directory => $bin);

sub create_database
{
	my ($database) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database,
		'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 1000) i');
	return;
}

# Start a session that asks for a snapshot, and finish it; its error is in err.
sub start_request
{
	my ($of, $database) = @_;
	my %session = (out => '', err => '');

	$session{handle} = IPC::Run::start(
		[
			'psql', '-XAtq', '-d', $of->connstr('postgres'), '-c',
			"SELECT snapshot_now('$database')"
		],
		'<', \undef, '>', \$session{out}, '2>', \$session{err});
	return \%session;
}

# Start a session as above, and wait until its run is held up in its dump.
sub start_run
{
	my ($database) = @_;

	append_to_file($gate, '');
	my $session = start_request($node, $database);
	$node->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE backend_type = 'snapshot_worker' AND query LIKE '%: dumping'
EOF
	return $session;
}

sub open_gate
{
	unlink $gate or die "could not unlink $gate: $!";
	return;
}

# Return the error of a statement that must fail.
sub error_of
{
	my ($statement, $on) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $stdout, $stderr) =
	  ($on // $node)->psql('postgres', $statement);

	isnt($rc, 0, "$statement fails");
	return $stderr;
}

# A snapshot that is taken, and readable; and nothing else is in its folder.
sub succeeds
{
	my ($database, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($rc, $name, $stderr) =
	  $node->psql('postgres', "SELECT snapshot_now('$database')");

	is($stderr, '', "$test_name: the next snapshot is taken");
	command_like(
		[ 'pg_restore', '--list', "$directory/$name/$database.dump" ],
		qr/TABLE DATA public items/,
		"$test_name: the next snapshot has the table");
	is_deeply([ leftovers($directory) ],
		[], "$test_name: no run has left anything over");
	return;
}

# Switch the schedule on or off, and wait until the launcher knows.
sub set_schedule
{
	my ($value) = @_;
	my $is = $value eq 'on' ? 'IS NOT NULL' : 'IS NULL';

	reload_with($node, enable => $value);
	$node->poll_query_until('postgres',
		"SELECT next_run $is FROM snapshot_status()")
	  or die "the schedule is not $value";
	return;
}

# Have the clock reach a slot, with the schedule on.
my $day = 19;

sub reach_slot
{
	my ($before) = @_;

	$day++;
	set_schedule('on');
	$before->() if defined $before;
	set_clock($node, "2026-03-$day 03:00:01");
	$node->reload;
	return "2026-03-${day}T03:00:00.000000Z";
}

# The history's lines about a slot of a database.
sub lines
{
	my ($slot, $database) = @_;

	return
	  grep { ($_->{scheduled_for} // '') eq $slot && $_->{name} =~ m{^$database/} }
	  history_lines($directory);
}

# A slot whose first try must fail, with an error like this pattern, and which
# is taken once the trouble, which can begin just before it, is undone.
sub heals
{
	my ($database, $pattern, $undo, $test_name, $before) = @_;
	my $slot = reach_slot($before);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until("$test_name: the run of the schedule fails",
		sub { lines($slot, $database) >= 1 });
	my $line = (lines($slot, $database))[0];
	like($line->{error}, $pattern, "$test_name: the history has the reason");
	is("$line->{outcome} $line->{attempt}", 'failed 1',
		"$test_name: the failed run is the first try");
	$undo->();
	wait_until(
		"$test_name: a later try succeeds",
		sub { (grep { $_->{outcome} eq 'succeeded' } lines($slot, $database)) == 1 });
	set_schedule('off');
	return;
}

succeeds('app', 'with no trouble');

#
# Connections.
#

my $could_not = qr/ERROR:  could not take a snapshot of database "app": /;
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');

sub set_hba
{
	my ($text) = @_;
	my $file = $node->data_dir . '/pg_hba.conf';

	unlink $file or die "could not unlink: $!";
	append_to_file($file, $text);
	$node->reload;
	return;
}

set_hba("local app all reject\n$hba");
$node->poll_query_until('postgres',
	q{SELECT auth_method = 'reject' FROM pg_hba_file_rules ORDER BY line_number LIMIT 1});
my $stderr = error_of("SELECT snapshot_now('app')");
like($stderr, $could_not, 'pg_hba.conf rejects pg_dump: the run fails');
like($stderr, qr/DETAIL:  .*pg_hba\.conf rejects connection/,
	'pg_hba.conf rejects pg_dump: the detail says so');
like($stderr, qr/HINT:  .*pg_hba\.conf/,
	'pg_hba.conf rejects pg_dump: the hint says what to do');
heals('app', qr/pg_hba\.conf rejects connection/,
	sub { set_hba($hba) }, 'pg_hba.conf rejects pg_dump');
succeeds('app', 'pg_hba.conf rejects pg_dump');

# All connections, and those that are reserved for superusers, are used up by
# sessions but the last one, which asks.
$node->append_conf('postgresql.conf',
	"max_connections = 6\nsuperuser_reserved_connections = 1\n");
$node->restart;
my @sessions;

sub use_up_connections
{
	my ($count) = @_;

	$node->close_kept_session;
	while (@sessions < $count)
	{
		my %session = (in => "SELECT 'connected';\n", out => '');

		$session{handle} = IPC::Run::start(
			[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
			'<', \$session{in}, '>', \$session{out}, '2>', \$session{err});

		# It ends when one that was there before has not left yet.
		if (eval {
				$session{handle}->pump until $session{out} =~ /connected/;
				1;
			})
		{
			push @sessions, \%session;
		}
		else
		{
			eval { $session{handle}->finish };
		}
	}
	return;
}

sub free_connections
{
	while (my $session = pop @sessions)
	{
		$session->{in} .= "\\q\n";
		$session->{handle}->finish;
	}
	$node->poll_query_until('postgres', <<'EOF') or die 'sessions do not end';
SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'
EOF
	return;
}

use_up_connections(5);
my $asked = start_request($node, 'app');
$asked->{handle}->finish;
$stderr = $asked->{err};
like($stderr, $could_not, 'no connection is left: the run fails');
like($stderr, qr/DETAIL:  .*too many clients already/,
	'no connection is left: the detail says so');
like($stderr, qr/HINT:  .*max_connections/,
	'no connection is left: the hint says what to do');
is_deeply([ leftovers($directory) ], [],
	'no connection is left: the failed run leaves nothing over');

free_connections();
heals('app', qr/too many clients already/, \&free_connections,
	'no connection is left', sub { use_up_connections(6) });
$node->append_conf('postgresql.conf', "max_connections = 100\n");
$node->restart;
succeeds('app', 'no connection is left');

#
# Background workers.
#

# Start a session whose run waits for a background worker slot.
sub start_waiting
{
	my ($database) = @_;
	my $session = start_request($node, $database);

	$node->poll_query_until('postgres',
		"SELECT coalesce((SELECT true FROM snapshot_progress() WHERE database = '$database'), false)")
	  or die 'the run does not wait';
	return $session;
}

$node->append_conf('postgresql.conf',
	"max_worker_processes = 1\nmax_logical_replication_workers = 0\n");
$node->restart;
$node->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOF
$asked = start_waiting('app');
pass_time($node, 31);
finish_session($asked);
$stderr = $asked->{err};
like($stderr, qr/${could_not}no background worker slot is free/,
	'room for the launcher alone: the run fails after half a minute');
like($stderr, qr/HINT:  .*max_worker_processes.*restart/,
	'room for the launcher alone: the hint says what to do');
heals(
	'app',
	qr/no background worker slot is free/,
	sub {
		$node->append_conf('postgresql.conf', "max_worker_processes = 8\n");
		$node->restart;
	},
	'room for the launcher alone');
succeeds('app', 'room for the launcher alone');

# All slots are taken for a while, as by a parallel query.
create_database('long');
$node->append_conf('postgresql.conf', "max_worker_processes = 2\n");
$node->restart;
my $long = start_run('long');
my $waiting = start_waiting('app');
is($node->safe_psql('postgres', "SELECT snapshot_cancel('app')"),
	1, 'a run that waits for a slot can be canceled');
finish_session($waiting);
like($waiting->{err}, qr/${could_not}canceled before it was started/,
	'the canceled run that waited for a slot fails at once');
$waiting = start_waiting('app');
my $log_size = -s $node->logfile;
open_gate();
like(finish_session($long), qr{^long/}, 'the run that has the slot of a background worker ends');
like(finish_session($waiting), qr{^app/},
	'the run that waited for a slot is taken');
unlike(slurp_file($node->logfile, $log_size), qr/no background worker slot/,
	'a run that waits for a slot for less than half a minute causes no log message');
$node->append_conf('postgresql.conf', "max_worker_processes = 8\n");
$node->restart;
$node->safe_psql('postgres', 'DROP DATABASE long');

#
# Databases that come and go.
#

$node->safe_psql('postgres', 'DROP DATABASE app');
heals('app', qr/database "app" does not exist/,
	sub { create_database('app') }, 'a database that was dropped');
succeeds('app', 'a database that was dropped and made anew');

$node->safe_psql('postgres', 'ALTER DATABASE app ALLOW_CONNECTIONS false');
$stderr = error_of("SELECT snapshot_now('app')");
like($stderr, qr/ERROR:  database "app" does not allow connections/,
	'a database that allows no connections: the run fails');
like($stderr, qr/HINT:  .*ALLOW_CONNECTIONS true/,
	'a database that allows no connections: the hint says what to do');
heals(
	'app',
	qr/database "app" is not currently accepting connections/,
	sub {
		$node->safe_psql('postgres', 'ALTER DATABASE app ALLOW_CONNECTIONS true');
	},
	'a database that allows no connections');
succeeds('app', 'a database that allows no connections');

# With *, a database that allows no connections is not wanted.  One that is
# dropped between slot and run fails, and is not wanted from then on.
create_database('closed');
create_database('dropped');
$node->safe_psql('postgres', 'ALTER DATABASE closed ALLOW_CONNECTIONS false');
reload_with($node, databases => '*', max_workers => 1);
append_to_file($gate, '');
my $slot = reach_slot();
$node->poll_query_until('postgres', <<'EOF') or die 'no run';
SELECT count(*) = 1 FROM pg_stat_activity
 WHERE datname = 'app' AND backend_type = 'snapshot_worker'
   AND query LIKE '%: dumping'
EOF
$node->safe_psql('postgres', 'DROP DATABASE dropped');
open_gate();
wait_until('with *, a database that is dropped before its run is given up',
	sub {
		slurp_file($node->logfile) =~
		  /LOG:  no longer retrying database "dropped": /;
	});
like((lines($slot, 'dropped'))[0]{error}, qr/database "dropped" does not exist/,
	'with *, the history says that the database of a run does not exist');
$node->poll_query_until('postgres',
	q{SELECT state = 'idle' FROM snapshot_status()}) or die 'no rest';
is((join ' ', map { $_->{outcome} } lines($slot, $_)),
	'succeeded', "with *, $_ gets its snapshot")
  foreach qw(app postgres);
is(scalar lines($slot, 'closed'), 0,
	'with *, a database that allows no connections gets no run');
is(scalar snapshots($directory, 'closed'), 0, 'a database that allows no connections has no snapshot');
set_schedule('off');
reload_with($node, databases => 'app', max_workers => 2);

# A database in use.
my $session = start_run('app');
foreach my $statement ('DROP DATABASE app', 'ALTER DATABASE app RENAME TO other')
{
	like(error_of($statement), qr/is being accessed by other users/,
		"$statement is refused during a run");
}
open_gate();
like(finish_session($session), qr{^app/},
	'a run during which its database could not be dropped takes its snapshot');
is($session->{err}, '', 'a run during which its database could not be dropped raises no error');
$node->safe_psql('postgres', 'ALTER DATABASE app RENAME TO other');
succeeds('other', 'a database that is renamed after its run');
$node->safe_psql('postgres', 'ALTER DATABASE other RENAME TO app');

$session = start_run('app');
$node->safe_psql('postgres', 'DROP DATABASE app WITH (FORCE)');
is(finish_session($session), '', 'DROP DATABASE WITH (FORCE) ends a run');
like($session->{err}, qr/${could_not}terminating .* administrator command/,
	'DROP DATABASE WITH (FORCE) during a run: the error of the run says so');
wait_until('DROP DATABASE WITH (FORCE) during a run: the run leaves nothing over',
	sub { !leftovers($directory) });
open_gate();
create_database('app');
succeeds('app', 'DROP DATABASE WITH (FORCE) during a run');

#
# Where the server listens.
#

my $old_directory = $node->host;
my $new_directory = PostgreSQL::Test::Utils::tempdir_short() . "/it's \"new\"";
mkdir $new_directory or die "could not create $new_directory: $!";
my $quoted = '"' . ($new_directory =~ s/"/""/gr) . '"';
$quoted =~ s/'/''/g;
$node->append_conf('postgresql.conf',
	"unix_socket_directories = '$quoted, $old_directory'\n");
$node->restart;
reload_with($node, bin_directory => install_fake_program($node, 'pg_dump',
	qq{echo "\$@" >> $gate.arguments\nexec REAL "\$@"}));
succeeds('app', 'another directory of the socket');
like(slurp_file("$gate.arguments"), qr/host='\S+\/it\\'s "new"'/,
	'with another directory of the socket, pg_dump connects there');

my $old_port = $node->port;
my $new_port = PostgreSQL::Test::Cluster::get_free_port();
$node->append_conf('postgresql.conf',
	"port = $new_port\nunix_socket_directories = '$old_directory'\n");
$node->stop;
$node->{_port} = $new_port;
$node->start;
isnt($node->port, $old_port, 'the server has another port');
succeeds('app', 'another port');

#
# A crash in the middle of a run.
#

$bin = install_fake_program($node, 'pg_dump', <<EOF);
while [ -e $gate ] && [ "\$1" != --version ]; do sleep 0.05; done
exec REAL "\$@"
EOF
$session = start_run('app');
my ($in, $out) = ("SELECT pg_backend_pid();\n", '');
my $victim = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
	'<', \$in, '>', \$out, '2>', \my $err);
$victim->pump until $out =~ /(\d+)\n/;
my ($pid) = $out =~ /(\d+)\n/;
kill 'KILL', $pid or die "could not kill $pid: $!";
finish_session($session);
like($session->{err}, qr/server closed the connection|terminating connection/,
	'a crash of the server ends the session that waits for a run');
$in .= "\\q\n";
$victim->finish;
$node->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOF
wait_until('the history has a run that a crash cut off as interrupted',
	sub { (history_lines($directory))[-1]{outcome} eq 'interrupted' });
is_deeply([ leftovers($directory) ], [],
	'the leftovers of a run that a crash cut off are swept');
is( $node->safe_psql('postgres', 'SELECT state FROM snapshot_status()'),
	'disabled', 'after a crash, the status shows no run');

# With the worker gone, that dump has no one to write for.
open_gate();
succeeds('app', 'a crash during a run');

# The same in the middle of a real dump, which waits for a lock.
my ($lock_in, $lock_out) =
  ("BEGIN; LOCK TABLE items; SELECT pg_backend_pid();\n", '');
my $locker = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('app') ],
	'<', \$lock_in, '>', \$lock_out, '2>', \my $lock_err);
$locker->pump until $lock_out =~ /(\d+)\n/;
($pid) = $lock_out =~ /(\d+)\n/;
$session = start_request($node, 'app');
$node->poll_query_until('postgres', <<'EOF') or die 'no dump';
SELECT count(*) > 0 FROM pg_stat_activity
 WHERE application_name = 'snapshot_worker' AND wait_event_type = 'Lock'
EOF
kill 'KILL', $pid or die "could not kill $pid: $!";
finish_session($session);
$lock_in .= "\\q\n";
$locker->finish;
$node->poll_query_until('postgres', <<'EOF') or die 'no launcher';
SELECT launcher_pid IS NOT NULL FROM snapshot_status()
EOF
succeeds('app', 'a crash during a dump');

#
# The server without room for the launcher.
#

like(
	error_of('SELECT snapshot_now(wait => false)', $narrow),
	qr/ERROR:  could not take a snapshot of database "postgres": the launcher of snapshot_worker is not running/,
	'without a launcher, a session that does not wait gets an error at once');
is( $narrow->safe_psql('postgres', 'SELECT warning FROM snapshot_status()'),
	'the launcher is not running: no snapshot will be taken',
	'without a launcher, the status warns');
finish_session($patient);
like($patient->{err},
	qr/ERROR:  could not take a snapshot of database "postgres": the launcher of snapshot_worker is not running/,
	'without a launcher, a session that waits gets an error after a while');
like($patient->{err}, qr/HINT:  .*max_worker_processes/, 'the error without a launcher says what to do');
$narrow->append_conf('postgresql.conf', "max_worker_processes = 8\n");
$narrow->restart;
like($narrow->safe_psql('postgres', 'SELECT snapshot_now()'),
	qr{^postgres/}, 'snapshots are taken again with room for the launcher');

$narrow->stop;
$node->stop;
done_testing();
