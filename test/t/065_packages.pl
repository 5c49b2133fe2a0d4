
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# What test/packages does to a machine on which it installs PostgreSQL, for
# "make demo" as for "make check".  Promised here: no cluster is made
# meanwhile; and afterwards, however that ended, an administrator who installs
# a server gets a cluster.  apt-get is a script here, and
# /etc/postgresql-common is in a mount namespace of the test's own.

use strict;
use warnings;

use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my $place = '/etc/postgresql-common';
my $template = '/usr/share/postgresql-common/createcluster.conf';
plan skip_all => "there is no $place" unless -d $place && -r $template;

my $base = PostgreSQL::Test::Utils::tempdir();
my ($unused, $problem);
plan skip_all => "cannot mount here: $problem"
  unless IPC::Run::run(
	[ 'unshare', '--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', $place ],
	'>', \$unused, '2>', \$problem);

# For test/packages, nothing is installed.  "Installing" puts Debian's
# createcluster.conf there, if it is missing, and reads what postgresql-15
# reads when it is to make a cluster.
append_to_file("$base/dpkg-query", "#!/bin/sh\nexit 1\n");
append_to_file("$base/apt-get", <<"EOF");
#!/bin/sh
case "\$*" in *install*) ;; *) exit 0 ;; esac
[ -e $place/createcluster.conf ] || cp $template $place
pg_conftool $place/createcluster.conf show -bs create_main_cluster >$base/said
[ -z "\$APT_SIGNAL" ] || kill -\$APT_SIGNAL \$PPID
exit \${APT_STATUS-0}
EOF
chmod 0755, "$base/apt-get", "$base/dpkg-query" or die;

# Run test/packages after these commands were run in $place.  Returns its exit
# code, the settings that a package read, and the files after it.
sub packages
{
	my ($before, %environment) = @_;
	my ($out, $err) = ('', '');

	unlink "$base/said";
	local %ENV = (%ENV, %environment, PATH => "$base:$ENV{PATH}");
	delete $ENV{PG_CONFIG};
	IPC::Run::run(
		[
			'unshare', '--map-root-user', '--mount', 'sh', '-c',
			"mount -t tmpfs tmpfs $place && (cd $place && $before) || exit 99
			test/packages nosuch >/dev/null; status=\$?
			cd $place && find . -mindepth 1 | sort | xargs
			cat $place/createcluster.d/*.conf
			grep '^create_main_cluster' createcluster.conf
			exit \$status"
		],
		'>', \$out, '2>', \$err);
	my $status = $? >> 8;

	die $err if $status == 99;
	chomp(my $said = -e "$base/said" ? slurp_file("$base/said") : 'nothing');
	return ($status, $said, $out);
}

foreach my $case (
	[ 'after success', {}, 0 ],
	[ 'after a failure', { APT_STATUS => 100 }, 100 ],
	[ 'after an interruption', { APT_SIGNAL => 'INT' }, 130 ],
	[ 'after SIGTERM', { APT_SIGNAL => 'TERM' }, 143 ])
{
	my ($when, $environment, $expected) = @$case;
	my ($status, $said, $left) = packages('true', %$environment);

	is($status, $expected, "$when, the exit code is that of the installation");
	is($said, 'off', "$when, no cluster was made during the installation");
	is($left, "./createcluster.conf\n",
		"$when, only the files of the package are left");

	(undef, $said, $left) = packages(
		"mkdir createcluster.d && echo 'ssl = off' >createcluster.d/mine.conf",
		%$environment);
	is($said, 'off', "$when, no cluster was made beside settings of an administrator");
	is($left, "./createcluster.conf ./createcluster.d ./createcluster.d/mine.conf\nssl = off\n",
		"$when, the settings of an administrator are left as they were");
}
my (undef, $said, $left) = packages("echo 'create_main_cluster = true' >createcluster.conf");
is($said, 'on', 'a createcluster.conf of an administrator has its effect');
is($left, "./createcluster.conf\ncreate_main_cluster = true\n",
	'a createcluster.conf of an administrator is left as it was');
done_testing();
