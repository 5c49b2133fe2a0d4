
# Copyright (c) 2026, the snapshot_worker developers

# A run is interrupted at each of its steps, in every way in which a process
# or the server can end.  Promised here: whatever is published is whole, and
# half a snapshot is never listed; older snapshots are untouched; the history
# has each run once; the server comes back by itself; leftovers are gone by the
# end of the next run, which succeeds.  Only SIGKILL of the snapshot worker or
# of the launcher makes the server restart its other sessions; without a
# launcher, a run that is on goes on.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $retention = 2;

# A step is a place that the tests' build can be held at, or the name of a
# program that waits when it has done its work.
my @steps = (
	'staged', 'pg_dump', 'dumped', 'pg_dumpall',
	'globals saved', 'hashing', 'before rename', 'published',
	'removing');
my %runs_program = (pg_dump => 1, pg_dumpall => 1);
my %is_published = (published => 1, removing => 1);

# A server with some snapshots, and a session that goes about its own business.
sub new_server
{
	my ($name) = @_;
	my ($node, $directory) = snapshot_node($name, conf => <<EOF);
restart_after_crash = on
snapshot_worker.retention_manual = $retention
snapshot_worker.jobs = 1
EOF
	my %server = (
		node => $node,
		directory => $directory,
		gate => $node->basedir . '/gate',
		program => $node->basedir . '/program');

	# As pg_dump does when its session is gone, it ends with the worker.
	my $bin;
	foreach my $program (sort keys %runs_program)
	{
		$bin = install_fake_program($node, $program, <<EOF);
[ "\$1" != --version ] && [ -e $server{gate}.$program ] || exec REAL "\$@"
REAL "\$@" || exit
echo \$\$ >$server{program}.new && mv $server{program}.new $server{program}
while [ -e $server{gate}.$program ]; do
	kill -0 \$PPID 2>/dev/null || exit 1
	sleep 0.05
done
EOF
	}
	$node->safe_psql('postgres', 'CREATE DATABASE app');
	$node->safe_psql('app',
		'CREATE TABLE items AS SELECT i AS id FROM generate_series(1, 100) i'
	);
	reload_with($node, bin_directory => $bin);
	$node->safe_psql('postgres', "SELECT snapshot_now('app')")
	  foreach 1 .. $retention;
	meet_bystander(\%server);
	return \%server;
}

sub meet_bystander
{
	my ($server) = @_;

	$server->{bystander} = $server->{node}->background_psql('postgres');
	$server->{bystander}->set_query_timer_restart;
	$server->{bystander_pid} =
	  $server->{bystander}->query_safe('SELECT pg_backend_pid()');
	return;
}

# It may have gone with the server.
sub part_from_bystander
{
	my ($server) = @_;

	eval { $server->{bystander}->quit; };
	return;
}

# The answer to a query, or nothing while the server does not answer.
sub query
{
	my ($server, $sql) = @_;

	# psql dies when it finds no server, before it reads the query
	my ($ret, $stdout) =
	  eval { $server->{node}->psql('postgres', $sql) };

	return ($ret // 1) == 0 ? $stdout : '';
}

sub listed
{
	my ($server) = @_;

	return split /\n/,
	  $server->{node}->safe_psql('postgres',
		'SELECT name FROM snapshot_list() ORDER BY name');
}

# A session that asks for a snapshot.
sub ask
{
	my ($server) = @_;

	return start_query($server->{node}, "SELECT snapshot_now('app')");
}

# Start a run that stops at a step.
sub start_run
{
	my ($server, $step) = @_;
	my %run = (step => $step, before => [ listed($server) ]);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$run{launcher} =
	  query($server, 'SELECT launcher_pid FROM snapshot_status()');
	$run{log} = -s $server->{node}->logfile;
	$run{history} = history($server);
	unlink $server->{program};

	# Retention goes by names, which can be ahead of the clock when there is
	# more than one run in a second.
	wait_until('the older snapshots are of an earlier second',
		sub { query($server, <<'EOF') eq 't' })
SELECT max(substring(name, '/(.*)')) < to_char(now(), 'YYYY-MM-DD"T"HH24-MI-SS')
  FROM snapshot_list()
EOF
	  if $step eq 'removing';
	if ($runs_program{$step})
	{
		append_to_file("$server->{gate}.$step", '');
		$run{session} = ask($server);
		wait_until("a run is at \"$step\"", sub { -e $server->{program} });
		$run{program} = (slurp_lines($server->{program}))[0];
		$run{worker} = query($server, <<'EOF');
SELECT pid FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'
EOF
	}
	else
	{
		hold_at($server->{node}, $step);
		$run{session} = ask($server);
		$run{worker} = wait_until_held($server->{node}, $step);
	}
	$run{name} =
	  query($server, 'SELECT current_name FROM snapshot_status()');

	# A signal to no process would be one to our own group.
	foreach my $process (qw(launcher worker),
		$runs_program{$step} ? 'program' : ())
	{
		die "no process ID of the $process"
		  unless ($run{$process} // '') =~ /^[1-9]\d*$/;
	}
	return \%run;
}

sub open_gates
{
	my ($server) = @_;

	let_go($server->{node});
	unlink map { "$server->{gate}.$_" } keys %runs_program;
	return;
}

sub wait_for_end
{
	my ($what, @pids) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until($what, sub { !kill(0, @pids) });
	return;
}

sub postmaster_pid
{
	my ($server) = @_;

	return (slurp_lines($server->{node}->data_dir . '/postmaster.pid'))[0];
}

# These hold at any time.
sub check_directory
{
	my ($server, $when) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is_deeply([ damages($server->{directory}) ],
		[], "$when, all published snapshots are whole");
	is_deeply(
		[ listed($server) ],
		[ snapshots($server->{directory}) ],
		"$when, the list has the published snapshots");
	return;
}

# How the session and the list look after a run was interrupted.
sub check_interrupted
{
	my ($server, $run, $connected) = @_;
	my @listed = listed($server);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	check_directory($server, 'after the interruption');
	if ($is_published{ $run->{step} })
	{
		ok((grep { $_ eq $run->{name} } @listed), 'a run interrupted after its snapshot was published has it listed');
		is($run->{session}{out}, $run->{name}, 'the session of a run interrupted after publishing gets the name of the snapshot')
		  if $connected;
		cmp_ok(scalar(@listed), '>=', $retention, 'a run interrupted after publishing leaves older snapshots listed');
	}
	else
	{
		is_deeply(\@listed, $run->{before}, 'an interrupted run leaves just the older snapshots listed');
		like(
			$run->{session}{err},
			$connected
			? qr/^ERROR:  \w+: could not take a snapshot of database "app": /
			: qr/terminating connection|server closed the connection/,
			'the session of an interrupted run has an error');
	}
	return;
}

# No session but those of the run notices anything.
sub check_undisturbed
{
	my ($server, $run) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	unlike(
		slurp_file($server->{node}->logfile, $run->{log}),
		qr/terminating any other active server processes/,
		'a signal to a process of the run does not restart the server');
	is($server->{bystander}->query_safe('SELECT pg_backend_pid()'),
		$server->{bystander_pid}, 'another session goes on after a signal to a process of the run');
	return;
}

# The lines of the history: name and outcome.
sub history
{
	my ($server) = @_;
	my ($history) = glob "$server->{directory}/history-*.jsonl";

	return map { "$_->{name} $_->{outcome}" }
	  map { decode_json($_) } slurp_lines($history);
}

# After the next run, whose session is finished.
sub check_next
{
	my ($server, $run, $next) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($next->{err}, '', 'the run after an interrupted one raises no error');
	like($next->{out}, qr{^app/}, 'the session of the run after an interrupted one gets the name of a snapshot');
	is_deeply([ leftovers($server->{directory}) ],
		[], 'the run after an interrupted one leaves nothing over');
	is_deeply(
		[
			grep { !m{/(app|(history|schedule)-\d+\.jsonl?)$} }
			  glob "$server->{directory}/*"
		],
		[],
		'the run after an interrupted one leaves nothing over beside the folder');
	check_directory($server, 'after the next run');
	ok((grep { $_ eq $next->{out} } listed($server)),
		'the snapshot of the run after an interrupted one is listed');
	cmp_ok(scalar(listed($server)), '>=', $retention,
		'retention keeps as many snapshots as set after an interrupted run');

	my @history = history($server);
	my $outcome =
	  $is_published{ $run->{step} } || $run->{goes_on}
	  ? 'succeeded'
	  : '(failed|interrupted)';
	like(
		join("\n", splice(@history, $run->{history})),
		qr/^\Q$run->{name}\E $outcome\n\Q$next->{out}\E succeeded$/,
		'the history has the interrupted run once, and the next one');
	isnt($next->{out}, $run->{name}, 'the run after an interrupted one has a name of its own');
	return;
}

# A process of the run is sent a signal that concerns nobody else.
sub run_is_stopped
{
	my ($server, $run, $process, $signal) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(kill($signal, $run->{$process}), 1, "a process of the run gets SIG$signal");
	finish_query($run->{session});
	wait_for_end('the worker has ended', $run->{worker});
	open_gates($server);
	check_interrupted($server, $run, 1);
	check_undisturbed($server, $run);
	return;
}

# A process that is attached to shared memory is killed: the server restarts.
sub server_crashes
{
	my ($server, $run, $process) = @_;
	my $postmaster = postmaster_pid($server);

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(kill('KILL', $run->{$process}), 1, 'a process attached to shared memory gets SIGKILL');
	finish_query($run->{session});
	wait_for_end('the worker and the launcher have ended',
		$run->{worker}, $run->{launcher});
	open_gates($server);
	wait_until(
		'the server restarts after a SIGKILL, with a launcher',
		sub {
			query($server,
				"SELECT launcher_pid <> $run->{launcher} FROM snapshot_status()"
			) eq 't';
		});
	is(postmaster_pid($server), $postmaster,
		'the postmaster survives the SIGKILL of a process');
	like(
		slurp_file($server->{node}->logfile, $run->{log}),
		qr/terminating any other active server processes/,
		'the log has the restart after a SIGKILL');
	part_from_bystander($server);
	check_interrupted($server, $run, 0);
	meet_bystander($server);
	return;
}

# The server is down.
sub server_starts
{
	my ($server, $run) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	finish_query($run->{session});
	part_from_bystander($server);
	open_gates($server);
	is_deeply([ damages($server->{directory}) ],
		[], 'while the server is down, all published snapshots are whole');
	$server->{node}->start;
	check_interrupted($server, $run, $run->{session}{err} =~ /^ERROR/);
	meet_bystander($server);
	return;
}

sub server_stops
{
	my ($server, $run, $mode) = @_;

	$server->{node}->stop($mode);
	server_starts($server, $run);
	return;
}

sub postmaster_is_killed
{
	my ($server, $run) = @_;
	my @pids = split /\n/, query($server, 'SELECT pid FROM pg_stat_activity');

	$server->{node}->kill9;
	wait_for_end('all processes have ended', @pids);
	server_starts($server, $run);
	return;
}

# The launcher is sent a signal that it handles, while a run is on.  Returns
# what is to be called for the rest: it may take a while until a launcher looks
# after the next run.
sub launcher_is_stopped
{
	my ($server, $step, $signal) = @_;
	my $story = "SIG$signal of the launcher at \"$step\"";
	my $run;
	my $next;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	subtest "$story: the run" => sub {
		$run = start_run($server, $step);
		$run->{goes_on} = 1;
		is(kill($signal, $run->{launcher}), 1, "the launcher gets SIG$signal");
		wait_for_end('the launcher has ended', $run->{launcher})
		  if $signal eq 'TERM';
		open_gates($server);
		finish_query($run->{session});
		is($run->{session}{err}, '', "a run goes on without an error when the launcher gets SIG$signal");
		is($run->{session}{out}, $run->{name},
			"the session of a run gets the name of a snapshot when the launcher gets SIG$signal");
		check_directory($server, "after SIG$signal of the launcher");
		ok((grep { $_ eq $run->{name} } listed($server)),
			"the snapshot of a run is listed when the launcher gets SIG$signal");
		check_undisturbed($server, $run);
		$next = ask($server);
	};
	return sub {
		subtest "$story: the next run" => sub {
			finish_query($next);
			check_next($server, $run, $next);
			check_undisturbed($server, $run);
		};
	};
}

my %events = (
	'SIGINT of the snapshot worker' =>
	  sub { run_is_stopped(@_, 'worker', 'INT') },
	'SIGTERM of the snapshot worker' =>
	  sub { run_is_stopped(@_, 'worker', 'TERM') },
	'SIGKILL of the snapshot worker' => sub { server_crashes(@_, 'worker') },
	'SIGKILL of the launcher' => sub { server_crashes(@_, 'launcher') },
	'SIGKILL of the postmaster' => \&postmaster_is_killed,
	'fast shutdown' => sub { server_stops(@_, 'fast') },
	'immediate shutdown' => sub { server_stops(@_, 'immediate') });
my %program_events = (
	'SIGTERM of the program' =>
	  sub { run_is_stopped(@_, 'program', 'TERM') },
	'SIGKILL of the program' =>
	  sub { run_is_stopped(@_, 'program', 'KILL') });

my $main = new_server('main');
my %launcher_servers = map { $_ => new_server("launcher_$_") } qw(INT TERM);

foreach my $step (@steps)
{
	# These wait while the others run.
	my @rests = map {
		launcher_is_stopped($launcher_servers{$_}, $step, $_)
	} sort keys %launcher_servers;
	my %cases = (%events, $runs_program{$step} ? %program_events : ());

	foreach my $event (sort keys %cases)
	{
		subtest "$event at \"$step\"" => sub {
			my $run = start_run($main, $step);
			my $next;

			$cases{$event}->($main, $run);
			wait_for_end('the program has ended', $run->{program})
			  if defined $run->{program};
			$next = ask($main);
			finish_query($next);
			check_next($main, $run, $next);
		};
	}
	$_->() foreach @rests;
}

foreach my $server ($main, values %launcher_servers)
{
	part_from_bystander($server);
	$server->{node}->stop;
}
done_testing();
