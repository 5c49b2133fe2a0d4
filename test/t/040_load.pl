
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Under load nothing hangs, leaks or is lost: hundreds of sessions and runs,
# more databases than workers by far, and ten thousand snapshots.

use strict;
use warnings;

use File::Path qw(make_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;
use Time::HiRes qw(usleep);

my ($node, $directory) = snapshot_node('main', start => 0, conf => <<'EOF');
max_connections = 300
snapshot_worker.max_workers = 4
snapshot_worker.jobs = 1
snapshot_worker.globals = off
snapshot_worker.retention_manual = 2
snapshot_worker.databases = '*'
EOF
fake_clock($node, '2026-03-19 02:00:00');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', "CREATE DATABASE load$_") foreach 1 .. 4;

sub launcher_pid
{
	return $node->safe_psql('postgres',
		'SELECT launcher_pid FROM snapshot_status()');
}

# The descriptors and the kilobytes of own memory of a process.
sub holdings
{
	my ($pid) = @_;
	my @fds = glob("/proc/$pid/fd/*");
	my ($anon) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+)/m;

	return (scalar(@fds), $anon);
}

sub wakes
{
	my ($pid) = @_;
	my ($switches) = slurp_file("/proc/$pid/status") =~
	  /^voluntary_ctxt_switches:\s+(\d+)/m;

	return $switches;
}

# Four hundred runs, from four clients that ask as fast as they can, while
# pgbench writes to one of the databases.
$node->command_ok([ 'pgbench', '-i', '-q', 'load1' ], 'pgbench makes its tables');
my $writer = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '2', '-T', '600', $node->connstr('load1') ],
	'<', \undef, '>', \my $wout, '2>', \my $werr);
my $script = $node->basedir . '/snapshot.sql';
append_to_file($script, "SELECT snapshot_now(('load' || :n)::name);\n");
$node->safe_psql('postgres', "SELECT snapshot_now('load$_')") foreach 1 .. 4;
my $launcher = launcher_pid();
my ($fds, $memory) = holdings($launcher);
my @clients;
foreach my $n (1 .. 4)
{
	my %client = (out => '', err => '');
	$client{handle} = IPC::Run::start(
		[
			'pgbench', '-n', '-f', $script, '-D', "n=$n",
			'-c', '1', '-t', '100', $node->connstr('postgres')
		],
		'<', \undef, '>', \$client{out}, '2>', \$client{err});
	push @clients, \%client;
}
my $good = 0;
foreach my $client (@clients)
{
	$good++ if $client->{handle}->finish
	  && $client->{out} =~ m{actually processed: 100/100};
	diag($client->{err}) if $client->{err} =~ /error/i;
}
is($good, 4, 'four hundred runs succeed while pgbench writes');
$writer->signal('TERM');
$writer->finish;
cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM snapshot_history() WHERE outcome = 'succeeded'"),
	'>=', 404, 'the history has all of four hundred runs');
is(launcher_pid(), $launcher, 'the launcher is the same after four hundred runs');
my ($fds_after, $memory_after) = holdings($launcher);
is($fds_after, $fds, 'the launcher has as many descriptors as before four hundred runs');
cmp_ok($memory_after - $memory, '<', 512,
	'four hundred runs cost the launcher no memory');
$node->poll_query_until('postgres', <<'EOF') or die 'a worker does not end';
SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'snapshot_worker'
EOF
my $postmaster = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/ ? $1 : die;
my $children = `ps --ppid $postmaster -o stat=,args=`;
like($children, qr/launcher/, 'ps shows the processes of the server');
unlike($children, qr/^Z/m, 'four hundred runs leave no zombie of a worker');
my $host = $node->host;
unlike(`ps -e -o args=`, qr/pg_dump.*\Q$host\E/, 'four hundred runs leave no pg_dump');
is(scalar(snapshots($directory, "load$_")), 2, "retention keeps up with the runs in load$_")
  foreach 1 .. 4;

# Ten thousand wakes cost no memory.
my $before = wakes($launcher);
($fds, $memory) = holdings($launcher);
while (wakes($launcher) - $before < 10_000)
{
	kill 'USR1', $launcher or die;
	usleep(200);
}
($fds_after, $memory_after) = holdings($launcher);
is($fds_after, $fds, 'ten thousand wakes cost no descriptors');
cmp_ok($memory_after - $memory, '<', 256, 'ten thousand wakes cost no memory');

# Two hundred sessions at once, for one database and for four.
foreach my $databases (1, 4)
{
	my $query = $node->basedir . "/sessions$databases.sql";
	append_to_file($query,
		"\\set n (:client_id % $databases) + 1\nSELECT snapshot_now(('load' || :n)::name);\n");
	$node->command_like(
		[
			'pgbench', '-n', '-f', $query, '-c', '200', '-j', '2', '-t', '1',
			$node->connstr('postgres')
		],
		qr{actually processed: 200/200},
		"two hundred sessions get their snapshots of $databases database(s)");
}

# Meanwhile settings are read anew, and the extension is dropped.
my $query = $node->basedir . '/races.sql';
append_to_file($query, <<'EOF');
\set n random(1, 4)
SELECT snapshot_now(('load' || :n)::name);
SELECT count(*) FROM snapshot_list();
SELECT pg_reload_conf();
SELECT state FROM snapshot_status();
EOF
my ($out, $err) = ('', '');
my $racers = IPC::Run::start(
	[
		'pgbench', '-n', '-f', $query, '-c', '20', '-t', '10',
		$node->connstr('postgres')
	],
	'<', \undef, '>', \$out, '2>', \$err);
$node->safe_psql('load2', 'CREATE EXTENSION snapshot_worker; DROP EXTENSION snapshot_worker')
  foreach 1 .. 20;
ok($racers->finish, 'snapshots, lists, reloads and DROP EXTENSION at once raise no error');
like($out, qr{actually processed: 200/200}, 'all sessions in the races come to their end')
  or diag($err);

# A schedule of fifty databases, one of them broken.
$node->safe_psql('postgres',
	join('', map { "CREATE DATABASE many$_ STRATEGY wal_log;\n" } 1 .. 50));
my $broken = install_fake_program($node, 'pg_dump',
	"case \"\$*\" in *many17*) exit 1 ;; esac\nexec REAL \"\$@\"\n");
reload_with($node, bin_directory => $broken, enable => 'on');
set_clock($node, '2026-03-19 02:59:59');
$node->reload;
my $slot = '2026-03-19T03:00:00.000000Z';
wait_until('every database but one gets its scheduled snapshot',
	sub { 49 == grep { snapshots($directory, "many$_") == 1 } 1 .. 50 });
is(scalar(snapshots($directory, 'many17')), 0, 'a broken database gets no snapshot');
is( $node->safe_psql('postgres', <<'EOF'), '49|t', 'each database gets one scheduled snapshot');
SELECT count(*), bool_and(attempt = 1) FROM snapshot_history()
 WHERE outcome = 'succeeded' AND reason = 'schedule' AND database LIKE 'many%'
EOF
reload_with($node, enable => 'off');

# Ten thousand snapshots.
my ($name) = snapshots($directory, 'load1');
my $manifest = slurp_file("$directory/$name/manifest.json");
foreach my $n (0 .. 9_999)
{
	my $copy = sprintf 'load1/%04d-01-01T00-%02d-%02dZ', 2000 + $n / 3600,
	  $n / 60 % 60, $n % 60;
	make_path("$directory/$copy");
	open my $fh, '>', "$directory/$copy/manifest.json" or die;
	print $fh $manifest =~ s/\Q$name\E/$copy/gr;
	close $fh or die;
}
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE database = 'load1'"),
	10_003, 'ten thousand snapshots are listed');
$node->safe_psql('postgres', "SELECT snapshot_now('load1')");
is( $node->safe_psql('postgres',
		"SELECT count(*) FROM snapshot_list() WHERE database = 'load1'"),
	3, 'retention leaves two requested snapshots of ten thousand, and one of the schedule');

is_deeply([ leftovers($directory) ], [], 'runs under load leave nothing over');
$node->stop;
done_testing();
