
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The entry script of the container image, without a container: the official
# image's scripts are stand-ins that do as these do with their arguments, and
# the server is a real one.

use strict;
use warnings;

use File::Path;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node('main', start => 0);
my $base = $node->basedir;
my $bindir = $node->config_data('--bindir');
my $initdb_script = "$base/initdb.sh";

# Preloaded by the file, and no longer snapshot_worker.
$node->append_conf('postgresql.conf', <<'EOC');
shared_preload_libraries = 'plpgsql'
snapshot_worker.time = '01:01'
snapshot_worker.retention = 11
EOC

# Scripts that are found first.
mkdir "$base/$_" foreach qw(standins as_root);
make_script('standins/docker-entrypoint.sh', <<'EOS');
if [ -n "${SHOW_ARGUMENTS-}" ]; then
	printf '<%s>\n' "$@"
else
	exec "$@"
fi
EOS
make_script('standins/docker-ensure-initdb.sh', <<EOS);
set -e
[ "\$1" = postgres ]
shift
initdb -U postgres -A trust -D "\$PGDATA" >/dev/null
pg_ctl -w -D "\$PGDATA" -l "$base/initdb.log" -o "\$(printf '%q ' "\$@")" start >/dev/null
export PGUSER=postgres
createdb app
psql -X -v ON_ERROR_STOP=1 -q -d app -f docker/initdb.sql
psql -XAtq -d app -c 'SHOW cluster_name'
. "$initdb_script"
pg_ctl -w -m fast -D "\$PGDATA" stop >/dev/null
EOS

# A user who is root, until gosu is called.
make_script('as_root/id', <<'EOS');
[ -n "${NOT_ROOT-}" ] || { echo 0; exit; }
PATH=${PATH#*:} exec id "$@"
EOS
make_script('as_root/gosu', <<'EOS');
[ "$1" = postgres ] || exit
shift
NOT_ROOT=1 exec "$@"
EOS

local $ENV{PATH} = "$base/standins:$bindir:$ENV{PATH}";
local $ENV{PGDATA} = $node->data_dir;

sub make_script
{
	my ($name, $text) = @_;

	append_to_file("$base/$name", "#!/bin/bash\n$text");
	chmod 0755, "$base/$name" or die "could not chmod $name: $!";
	return;
}

# Runs the entry script to its end; returns its exit code and what it said.
sub entry
{
	my ($environment, @arguments) = @_;
	my ($out, $err);

	local %ENV = (%ENV, %$environment);
	IPC::Run::run(
		[ 'docker/entrypoint.sh', @arguments ],
		'<', \undef, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return ($? >> 8, $out, $err);
}

# The arguments of docker-entrypoint.sh, one a line.
sub arguments_of
{
	my ($environment, @arguments) = @_;

	return entry({ %$environment, SHOW_ARGUMENTS => 1 }, @arguments);
}

# Runs a server by the entry script while code runs.
my $server;

sub with_server
{
	my ($environment, $arguments, $code) = @_;
	my $log = $node->logfile;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	local %ENV = (%ENV, %$environment);
	# Without pipes, it is pumpable as long as the process lives.
	$server = IPC::Run::start([ 'docker/entrypoint.sh', @$arguments ],
		'<', '/dev/null', '>>', $log, '2>&1');
	my $pid = $server->{KIDS}[0]{PID};
	# A cluster is made by a server of its own, which is not the one meant.
	my $is_up = wait_until(
		"the process becomes a server with arguments @$arguments",
		sub {
			return -1 unless $server->pumpable;
			my ($found) = slurp_lines("$ENV{PGDATA}/postmaster.pid");
			return ($found // 0) == $pid
			  && $node->psql('postgres', 'SELECT 1') == 0;
		}) // -1;
	BAIL_OUT('no server: see ' . $log) if $is_up == -1;
	$code->();
	kill 'INT', $pid;
	$server->finish;
	is($server->full_result(0), 0, 'the server in the container shuts down');
	undef $server;
	return;
}

END
{
	my $status = $?;

	$server->signal('QUIT'), $server->kill_kill if defined $server;
	$? = $status;
}

sub shown
{
	my ($name, $database) = @_;

	return $node->safe_psql($database // 'postgres', "SHOW $name");
}

# Every variable arrives, whatever is in it; and so do arguments, and what the
# file says of the rest.
my $strange = "$base/it's \"a\" \$HOME `date` \\ * d\xc3\xa9p\xc3\xb4t;";
with_server(
	{
		SNAPSHOT_ENABLED => 'Yes',
		SNAPSHOT_TIME => '04:30, 16:00',
		SNAPSHOT_RETENTION => '3',
		SNAPSHOT_DIR => $strange,
	},
	[ 'postgres', '-c', q{cluster_name=it's "a" $name} ],
	sub {
		is(shown('snapshot_worker.enable'), 'on', 'SNAPSHOT_ENABLED sets snapshot_worker.enable');
		is(shown('snapshot_worker.time'), '04:30, 16:00',
			'SNAPSHOT_TIME sets snapshot_worker.time');
		is(shown('snapshot_worker.retention'), '3',
			'SNAPSHOT_RETENTION sets snapshot_worker.retention');
		is(shown('snapshot_worker.directory'), $strange,
			'SNAPSHOT_DIR with spaces and quotes sets snapshot_worker.directory');
		is(shown('cluster_name'), q{it's "a" $name},
			'an argument with spaces and quotes reaches the server');
		is(shown('shared_preload_libraries'), 'plpgsql, snapshot_worker',
			'the libraries that the file preloads are preloaded beside snapshot_worker');
		$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
		my $name = $node->safe_psql('postgres', 'SELECT snapshot_now()');
		ok(-f "$strange/$name/manifest.json",
			'a snapshot is taken in a directory that was missing');
	});

with_server(
	{ SNAPSHOT_TIME => '', SNAPSHOT_RETENTION => '5' },
	[
		'--shared-preload-libraries="dict_snowball"',
		'-c', 'snapshot_worker.retention=6'
	],
	sub {
		is(shown('shared_preload_libraries'),
			'"dict_snowball", snapshot_worker',
			"the libraries that an argument preloads are preloaded instead of the file's");
		is(shown('snapshot_worker.time'), '01:01',
			'an empty variable leaves a setting to the file');
		is(shown('snapshot_worker.directory'), $directory,
			'a variable that is not set leaves a setting to the file');
		is(shown('snapshot_worker.retention'), '6',
			'an argument overrides a variable');

		# The entry script takes the values that the server takes.  Lengths are
		# in bytes, whatever the locale.
		foreach my $case (
			[ ENABLED => 'on' ], [ ENABLED => 'OFF' ],
			[ ENABLED => 'True' ], [ ENABLED => 'false' ],
			[ ENABLED => 'yes' ], [ ENABLED => 'No' ],
			[ ENABLED => '1' ], [ ENABLED => '0' ],
			[ ENABLED => 'maybe', 'must be "on" or "off"' ],
			[ ENABLED => 'on on', 'must be "on" or "off"' ],
			[ TIME => '00:00' ], [ TIME => '23:59' ],
			[ TIME => " 03:00\t,15:30, 03:00 " ],
			[ TIME => '25:99', 'must be UTC times of day as HH:MM' ],
			[ TIME => '24:00', 'must be UTC times of day' ],
			[ TIME => '12:60', 'must be UTC times of day' ],
			[ TIME => '3:00', 'must be UTC times of day' ],
			[ TIME => '03:00,', 'must be UTC times of day' ],
			[ TIME => '03:00 15:00', 'must be UTC times of day' ],
			[ TIME => "03:00\n", 'must be UTC times of day' ],
			[ RETENTION => '1' ], [ RETENTION => '999999999' ],
			[ RETENTION => '0', 'must be a number from 1' ],
			[ RETENTION => '-1', 'must be a number from 1' ],
			[ RETENTION => '3000000000', 'must be a number from 1' ],
			[ RETENTION => 'seven', 'must be a number from 1' ],
			[ DIR => '/tmp' ], [ DIR => '/tmp/' . 'd' x 200 . '/' . "\xc3\xa9" x 153 ],
			[ DIR => 'snapshots', 'must be an absolute path' ],
			[ DIR => '/tmp/' . 'd' x 200 . '/' . "\xc3\xa9" x 153 . 'e', 'must be an absolute path' ])
		{
			my ($what, $value, $message) = @$case;
			my $variable = "SNAPSHOT_$what";
			my $setting = $what eq 'ENABLED' ? 'enable' : $what eq 'DIR' ? 'directory' : lc $what;
			my ($code, $out, $err) = arguments_of(
				{ $variable => $value, LC_ALL => 'C.UTF-8' }, 'postgres');
			(my $quoted = $value) =~ s/'/''/g;
			my $taken = $node->psql('postgres',
				"ALTER SYSTEM SET snapshot_worker.$setting = '$quoted'") == 0;
			my $shown = length $value > 40 ? length($value) . ' bytes' : $value;

			if (defined $message)
			{
				is($code, 1, "$variable=$shown is refused");
				is($out, '', "nothing starts with $variable=$shown");
				like($err, qr/^entrypoint\.sh: error: $variable is "\Q$value\E", but \Q$message\E/,
					"the error for $variable=$shown says what is expected");
				ok(!$taken, "the server would refuse $variable=$shown");
			}
			else
			{
				like($out, qr/^<-c>\n<snapshot_worker\.$setting=\Q$value\E>$/m,
					"$variable=$shown is taken");
				ok($taken, "the server takes $variable=$shown");
			}
		}
		$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
	});

my ($code, $out, $err) =
  arguments_of({ SNAPSHOT_DIR => "$base/a\nb" }, 'postgres');
is($code, 1, 'a directory that pg_dumpall could not write to is refused');

# No library is preloaded twice.
foreach my $libraries ('snapshot_worker', 'plpgsql,snapshot_worker',
	'"snapshot_worker" , plpgsql')
{
	my (undef, $out) = arguments_of({}, 'postgres', '-c',
		"shared_preload_libraries=$libraries");
	like($out, qr/<shared_preload_libraries=\Q$libraries\E>\n\z/,
		"$libraries of an argument is left as it is");
}
(undef, $out) = arguments_of({}, '-c', 'shared_preload_libraries=');
like($out, qr/<shared_preload_libraries=snapshot_worker>\n\z/,
	'snapshot_worker is preloaded by itself');
(undef, $out) =
  arguments_of({}, '-c', 'shared_preload_libraries=my_snapshot_worker');
like($out, qr/<shared_preload_libraries=my_snapshot_worker, snapshot_worker>\n\z/,
	'snapshot_worker is preloaded beside a library of a like name');

# An error in the configuration ends here, with the server's own message.
($code, $out, $err) = arguments_of({}, 'postgres', '-c', 'config_file=/nonexistent');
isnt($code, 0, 'without a configuration file nothing starts');
like($err, qr{"/nonexistent"}, 'the server names the configuration file that is missing');
is($out, '', 'an entry without a configuration file ends at once');

# A directory that cannot be written to.
my ($gid) = split ' ', $(;
my $closed = "$base/closed";
mkdir $closed;
chmod 0500, $closed;
my $owner = qr/owned by uid $<, gid $gid, and has mode 500;\nthe server runs as uid $<, gid $gid\.\n/;
foreach my $below ('', '/', '/below/that')
{
	my $place = "$closed$below";

	($code, $out, $err) = arguments_of({ SNAPSHOT_DIR => $place }, 'postgres');
	is($code, 1, "\"closed$below\" is refused");
	is($out, '', "nothing starts with \"closed$below\"");
	like($err, qr/cannot write to "\Q$closed\E\/?", but snapshots are to be kept in "\Q$place\E"/,
		'the error names the directory that cannot be written to');
	like($err, $owner, "the error has the numbers of the directory's owner and of the process");
}
($code, $out, $err) = arguments_of({ SNAPSHOT_DIR => '/nonexistent/place' }, 'postgres');
like($err, qr/cannot write to "\/", .*\nIt is owned by uid 0, gid 0, .*\nthe server runs as uid $<,/,
	'the error has the owner of the directory that exists');
foreach my $mode (0300, 0600)
{
	chmod $mode, $closed;
	($code) = arguments_of({ SNAPSHOT_DIR => $closed }, 'postgres');
	is($code, 1, sprintf 'a directory of mode %o is refused', $mode);
}
chmod 0000, $closed;
($code, undef, $err) = arguments_of({ SNAPSHOT_DIR => "$closed/below" }, 'postgres');
like($err, qr/cannot write to "\Q$closed\E", .*and has mode 0;/s,
	'a directory in which nothing can be seen is refused');
my $file = $node->data_dir . '/postgresql.conf';
($code, undef, $err) = arguments_of({ SNAPSHOT_DIR => $file }, 'postgres');
is($code, 1, 'a file as the snapshot directory is refused');
like($err, qr/"\Q$file\E" is not a directory/, 'the error says that the snapshot directory is a file');

# Started as root, it is the server's user that counts.
{
	chmod 0500, $closed;
	local $ENV{PATH} = "$base/as_root:$ENV{PATH}";
	is(`id -u`, "0\n", 'the test runs as root');
	($code, undef, $err) = arguments_of({ SNAPSHOT_DIR => $closed }, 'postgres');
	is($code, 1, 'started as root, what the server could not write to is refused');
	like($err, $owner, "started as root, the error has the numbers of the server's user");
	chmod 0700, $closed;
	(undef, $out) = arguments_of({ SNAPSHOT_DIR => $closed }, 'postgres');
	like($out, qr/^<snapshot_worker.directory=\Q$closed\E>$/m,
		'started as root, what the server can write to is taken');
}

# Other commands are passed on as they are, whatever the variables.
{
	local $ENV{SNAPSHOT_TIME} = '25:99';
	local $ENV{SNAPSHOT_DIR} = '/nonexistent/place';
	is_deeply(
		[ entry({}, 'bash', '-c', 'printf "[%s]" "$@"; exit 7', 'bash', 'a  b', '"', '') ],
		[ 7, '[a  b]["][]', '' ],
		'a shell is run as it is');
	foreach my $arguments ([ 'postgres', '--version' ], ['-V'])
	{
		like((entry({}, @$arguments))[1], qr/^postgres \(PostgreSQL\) \d/,
			"@$arguments is run as it is");
	}
	like((entry({}, 'postgres', '--help'))[1], qr/Usage:/, '--help is run as it is');
	is((entry({}, 'postgres', '-C', 'shared_preload_libraries'))[1],
		"plpgsql\n", '-C is run as it is');
	is( (arguments_of({}, 'postgres', '--single', 'postgres'))[1],
		"<postgres>\n<--single>\n<postgres>\n", '--single is run as it is');
	is( (arguments_of({}, 'postgres', '-c', 'a=b', '--version'))[1],
		"<postgres>\n<-c>\n<a=b>\n<--version>\n",
		'--version after other arguments is run as it is');
	is((arguments_of({}, 'psql', 'postgres'))[1],
		"<psql>\n<postgres>\n", 'psql is run as it is');
}

# A new cluster: the extension is created in its default database, and what a
# script has put into its configuration is preloaded.
local $ENV{PGDATA} = "$base/new";
local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
append_to_file($initdb_script, <<'EOS');
psql -XAtq -d app -c "ALTER SYSTEM SET shared_preload_libraries = 'plpgsql'"
EOS
with_server(
	{ SNAPSHOT_DIR => "$base/new_snapshots", POSTGRES_DB => 'app' },
	[
		'-c', q{cluster_name=the "new" one's},
		'-c', 'unix_socket_directories=' . $node->host,
		'-c', 'listen_addresses=', '-c', 'port=' . $node->port
	],
	sub {
		is( $node->safe_psql('app',
				"SELECT extname FROM pg_extension WHERE extname LIKE 'snap%'"),
			'snapshot_worker',
			'a new cluster has the extension in the default database');
		is(shown('shared_preload_libraries'), 'plpgsql, snapshot_worker',
			'a new cluster preloads what its scripts say');
		like($node->safe_psql('app', 'SELECT snapshot_now()'),
			qr{^app/}, 'a new cluster takes a snapshot');
	});
like(slurp_file($node->logfile), qr/^the "new" one's$/m,
	'a new cluster is made with the arguments as they are');

done_testing();
