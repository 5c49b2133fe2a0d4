
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Copies elsewhere.  Promised here: each good snapshot of this cluster is given
# to archive_command until that succeeds, oldest first, also across restarts;
# it is not removed before, up to a bound; and what the shell is given, nobody
# can choose by the name of a database.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', clock => 'now', conf => <<'EOC');
restart_after_crash = on
snapshot_worker.globals = off
snapshot_worker.format = custom
EOC
my $remote = $node->basedir . '/remote';
my $broken = $node->basedir . '/broken';
mkdir $remote or die;
# not below the snapshot's own name, so that order shows
my $copy = "test ! -e $broken || { echo the remote is broken >&2; exit 3; }; "
  . "echo %f >>$remote/log && mkdir -p $remote/%d && cp -r \"%p\" $remote/%f";

sub archived
{
	my ($name) = @_;

	return $node->safe_psql('postgres',
		"SELECT archived_at IS NOT NULL FROM snapshot_list() WHERE name = '$name'") eq 't';
}

sub wait_until_archived
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_until("$name is archived", sub { archived($name) });
	return;
}

sub archive_error
{
	return $node->safe_psql('postgres', 'SELECT archive_error FROM snapshot_status()');
}

sub break_remote
{
	append_to_file($broken, '');
	return;
}

sub mend_remote
{
	unlink $broken or die;
	return;
}

sub log_of_remote
{
	return join ' ', split /\n/, slurp_file("$remote/log");
}

$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(a b);
my @names = (take_snapshot($node, 'a'), take_snapshot($node, 'a'));
ok(!archived($names[0]), 'without archive_command nothing is archived');

# Older snapshots are archived too, oldest first; then new ones.
reload_with($node, archive_command => $copy);
wait_until_archived($names[1]);
push @names, take_snapshot($node, 'b');
wait_until_archived($names[2]);
is(log_of_remote(), "@names", 'each snapshot is archived once, oldest first');
foreach my $name (@names)
{
	is(slurp_file("$remote/$name/manifest.json"), slurp_file("$directory/$name/manifest.json"),
		"the archived copy of $name is the same as the snapshot");
}
is_deeply([ damages($directory) ], [], 'archived snapshots are whole');
is($node->safe_psql('postgres', "SELECT snapshot_verify('$names[0]') IS NOT NULL"), 't',
	'archived snapshots can be verified');
$node->restart;
push @names, take_snapshot($node, 'a');
wait_until_archived($names[3]);
is(log_of_remote(), "@names", 'after a restart, none is archived once more');

# A remote that fails.
my $log = -s $node->logfile;
break_remote();
push @names, take_snapshot($node, 'a');
wait_until('the status shows that archiving failed', sub { archive_error() ne '' });
like(archive_error(), qr/^\Q$names[4]\E: .*exited with exit code 3\nthe remote is broken$/m,
	'the status has the error of the archive command');
like(slurp_file($node->logfile, $log),
	qr/WARNING:  archiving of snapshot "\Q$names[4]\E" failed \(attempt 1\): the archive command failed: .*3\n.*DETAIL:  the remote is broken/,
	'the log has the error of the archive command');
ok(!archived($names[4]), 'a snapshot whose archiving failed is not archived');
$node->stop('immediate');
$node->start;
pass_minute_after_crash($node);
wait_until('archiving is tried again a minute after a crash', sub { archive_error() ne '' });
mend_remote();
wait_until_archived($names[4]);
is(archive_error(), '', 'the archive error is gone once archiving succeeds');
is(log_of_remote(), "@names", 'after a failure, each snapshot is archived once, in order');

# Retention.
break_remote();
reload_with($node, retention_manual => 1, archive_max_waiting => 2);
$log = -s $node->logfile;
my @waiting = map { take_snapshot($node, 'b') } 1 .. 4;
is_deeply([ snapshots($directory, 'b') ], [ @waiting[ 1 .. 3 ] ],
	'retention spares snapshots that wait to be archived, up to its bound');
like(slurp_file($node->logfile, $log),
	qr/WARNING:  removed snapshot "\Q$waiting[0]\E" before it was archived\n.*DETAIL:.*archive_max_waiting/,
	'retention warns of a snapshot that it removes unarchived');
is( $node->safe_psql('postgres',
		"SELECT name, rules FROM snapshot_retention('b') WHERE rules LIKE '%archived%' ORDER BY name"),
	"$waiting[1]|to be archived\n$waiting[2]|to be archived",
	'snapshot_retention() shows what waits to be archived');
mend_remote();
wait_until_archived($waiting[3]);
$node->safe_psql('postgres', 'SELECT snapshot_prune()');
is_deeply([ snapshots($directory, 'b') ], [ $waiting[3] ],
	'retention removes archived snapshots');
reload_with($node, retention_manual => 100);

# Bad snapshots, and those of another cluster, are not archived.
my $bad = take_snapshot($node, 'b');
wait_until_archived($bad);
break_remote();
$bad = take_snapshot($node, 'b');
my $archive = (glob("$directory/$bad/*.dump"))[0];
open my $fh, '+<:raw', $archive or die;
seek $fh, 50, 0 or die;
print $fh "\0\0\0\0\0\0";
close $fh or die;
isnt($node->psql('postgres', "SELECT snapshot_verify('$bad')"), 0, 'a verification finds a snapshot bad');
my $foreign = 'b/2020-01-01T00-00-00Z';
system_or_bail('cp', '-r', "$directory/$waiting[3]", "$directory/$foreign");
unlink "$directory/$foreign/archived.json" or die;
my $text = slurp_file("$directory/$foreign/manifest.json");
$text =~ s/\Q$waiting[3]\E/$foreign/;
$text =~ s/("system_identifier": ")\d+/${1}1/ or die;
unlink "$directory/$foreign/manifest.json" or die;
append_to_file("$directory/$foreign/manifest.json", $text);
mend_remote();
my $good = take_snapshot($node, 'b');
wait_until_archived($good);
ok(!archived($bad), 'a bad snapshot is not archived');
ok(!archived($foreign), 'a snapshot of another cluster is not archived');
unlike(log_of_remote(), qr/\Q$bad\E|\Q$foreign\E/, 'archive_command is not run for bad and foreign snapshots');

# Placeholders, the environment, and names that would be commands.
my $owned = $node->basedir . '/owned';
my $evil = "\$(touch $owned); touch $owned;'\"\`x\`%p";
$evil = substr $evil, 0, 63;
$node->safe_psql('postgres', 'CREATE DATABASE "' . ($evil =~ s/"/""/gr) . '"');
reload_with($node,
	archive_command => "printf '%%s\\n' '%p' '%f' '%d' 100%% \"\$SNAPSHOT_NAME\" \"\$SNAPSHOT_PATH\" \"\$SNAPSHOT_DATABASE\" >$remote/seen");
my $name = $node->safe_psql('postgres', 'SELECT snapshot_now($e$' . $evil . '$e$)');
wait_until('a snapshot of a database with an odd name is archived',
	sub { $node->safe_psql('postgres', "SELECT archived_at IS NOT NULL FROM snapshot_list() LIMIT 1") eq 't' });
my ($folder) = $name =~ m{^(.*)/};
is(slurp_file("$remote/seen"),
	join("\n", "$directory/$name", $name, $folder, '100%', $name, "$directory/$name", $evil) . "\n",
	'the placeholders of archive_command are replaced');
ok(!-e $owned, 'a database name cannot inject a command into archive_command');
my (undef, undef, $stderr) = $node->psql('postgres',
	"ALTER SYSTEM SET snapshot_worker.archive_command = 'cp %x'");
like($stderr, qr/invalid value.*\n.*%p \(path\)/, 'an unknown placeholder of archive_command is refused');

# One that cannot be archived is no reason not to archive others, and what
# cannot be written down is not copied.
reload_with($node, archive_command => '');
push @names, take_snapshot($node, 'a'), take_snapshot($node, 'a');
my ($stuck, $next) = @names[ -2, -1 ];
chmod 0500, "$directory/$stuck" or die;
truncate "$remote/log", 0 or die;
reload_with($node, archive_command => $copy);
wait_until_archived($next);
wait_until('the status has the error of a snapshot that cannot be marked', sub { archive_error() =~ /^\Q$stuck\E: / });
is(log_of_remote(), $next, 'a snapshot that cannot be marked is not copied, and others are');
chmod 0700, "$directory/$stuck" or die;
wait_until_archived($stuck);

# A command that outlives a crash of the server is not run once more beside it.
my $turns = $node->basedir . '/turns';
reload_with($node,
	archive_command => "echo %f >>$turns; while [ ! -e $turns.end ]; do sleep 0.1; done");
push @names, take_snapshot($node, 'a');
wait_until('a slow archive command is running', sub { -s $turns });
$log = -s $node->logfile;
kill 9, $node->safe_psql('postgres', 'SELECT launcher_pid FROM snapshot_status()');
pass_minute_after_crash($node);
wait_until('the server finds the command of before the crash running', sub {
	slurp_file($node->logfile, $log) =~ /another archive command is already running/
});
is(scalar(slurp_lines($turns)), 1, 'one archive command is at work after a crash');
is(archive_error(), '', 'a command that still runs is no archive error');
unlike(slurp_file($node->logfile, $log), qr/WARNING:  archiving/, 'a command that still runs causes no warning');
append_to_file("$turns.end", '');
wait_until_archived($names[-1]);
is(scalar(slurp_lines($turns)), 2, 'the archive command runs again when the one before has ended');

# With another command, a run with the old one ends; and without a directory
# there is nothing to do, and nothing is done for it.
unlink "$turns.end" or die;
take_snapshot($node, 'a');
wait_until('a slow archive command is running again', sub { slurp_lines($turns) == 3 });
reload_with($node, archive_command => $copy);
wait_until('a new archive_command archives all snapshots', sub {
	$node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE archived_at IS NULL AND problem IS NULL AND name <> '$foreign'"
	) eq '0';
});
$node->adjust_conf('postgresql.conf', 'snapshot_worker.directory', undef);
$node->reload;
$node->poll_query_until('postgres', "SELECT directory IS NULL FROM snapshot_status()") or die;
my $launcher = $node->safe_psql('postgres', 'SELECT launcher_pid FROM snapshot_status()');
my ($switches, $same) = (-1, 0);
wait_until('the launcher sleeps while the directory is missing', sub {
	my $before = $switches;

	($switches) = slurp_file("/proc/$launcher/status") =~ /^voluntary_ctxt_switches:\s*(\d+)/m;
	$same = $switches == $before ? $same + 1 : 0;
	return $same == 5;
});
reload_with($node, directory => $directory);

# A command that hangs is stopped with the server, and by its timeout.
my $pid_file = $node->basedir . '/pid';
my $hang = "echo \$\$ >$pid_file.new && mv $pid_file.new $pid_file && exec sleep 1000";
reload_with($node, archive_command => $hang);
take_snapshot($node, 'a');
wait_until('the archive command hangs', sub { -s $pid_file });
is(take_snapshot($node, 'a') =~ /^a/, 1, 'snapshots are taken while the archive command hangs');
is($node->safe_psql('postgres', "SELECT action || ' ' || phase FROM snapshot_progress()"),
	'archive archiving', 'snapshot_progress() shows the archive command');
my $pid = slurp_file($pid_file) + 0;
$node->stop('fast');
ok(!kill(0, $pid), 'the shutdown of the server ends an archive command that hangs');
unlink $pid_file or die;
$node->append_conf('postgresql.conf', "snapshot_worker.timeout = 1s\n");
$node->start;
wait_until('the status has the timeout of an archive command', sub { archive_error() =~ /due to "snapshot_worker\.timeout" \(1 s\)/ });
reload_with($node, archive_command => '');
is(archive_error(), '', 'archiving that is switched off has no error');
$node->append_conf('postgresql.conf', "snapshot_worker.timeout = 12h\n");
$node->reload;

# Real ones, of Debian's packages.
sub has_program
{
	my ($program) = @_;

	return scalar grep { -x "$_/$program" } split /:/, $ENV{PATH};
}

SKIP:
{
	skip 'restic is not installed', 2 unless has_program('restic');
	my $repository = $node->basedir . '/restic';
	my $password = $node->basedir . '/restic.password';
	my $restored = $node->basedir . '/restored';

	append_to_file($password, "secret\n");
	local $ENV{RESTIC_CACHE_DIR} = $node->basedir . '/restic.cache';
	system_or_bail('restic', '-q', 'init', '-r', $repository, '-p', $password);
	reload_with($node,
		archive_command => "restic -q -r $repository -p $password --cache-dir $ENV{RESTIC_CACHE_DIR} backup --tag %d '%p'");
	my $last = take_snapshot($node, 'a');
	wait_until_archived($last);
	system_or_bail('restic', '-q', 'restore', 'latest', '-r', $repository, '-p', $password,
		'--tag', 'a', '--path', "$directory/$last", '--target', $restored);
	is(slurp_file("$restored$directory/$last/manifest.json"),
		slurp_file("$directory/$last/manifest.json"), 'restic has the archived snapshot');
	rename "$directory/$last", "$remote/lost" or die;
	system_or_bail('cp', '-r', "$restored$directory/$last", "$directory/$last");
	is($node->safe_psql('postgres', "SELECT snapshot_verify('$last') IS NOT NULL"), 't',
		'a snapshot that comes back from restic is whole');
}
SKIP:
{
	skip 'rclone is not installed', 1 unless has_program('rclone');
	reload_with($node,
		archive_command => "rclone --config /dev/null copy '%p' ':local:$remote/rclone/%f'");
	my $last = take_snapshot($node, 'a');
	wait_until_archived($last);
	is_deeply([ damages("$remote/rclone") ], [], 'the snapshots that rclone has copied are whole');
}
SKIP:
{
	skip 'age is not installed', 1 unless has_program('age');
	my $key = $node->basedir . '/key.txt';
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'age-keygen', '-o', $key ], '>', \$out, '2>', \$err) or die $err;
	my ($recipient) = $err =~ /Public key: (\S+)/ or die $err;
	mkdir "$remote/age" or die;
	reload_with($node,
		archive_command => "mkdir -p $remote/age/%d && tar -C '%p' -cf - . | age -r $recipient -o '$remote/age/%f.tar.age'");
	my $last = take_snapshot($node, 'a');
	wait_until_archived($last);
	mkdir "$remote/plain" or die;
	system_or_bail('sh', '-c', "age -d -i $key '$remote/age/$last.tar.age' | tar -C '$remote/plain' -xf -");
	is(slurp_file("$remote/plain/manifest.json"), slurp_file("$directory/$last/manifest.json"),
		'a snapshot that age has encrypted comes back whole');
}

$node->stop;
done_testing();
