
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The commands of doc/archiving.md, line by line, and others that the
# documentation has for a shell of the server.  Promised here: they work as
# they stand, for a server that was started as Debian's pg_ctlcluster does,
# with no PATH and no HOME; and what they have copied comes back, and stays.
#
# Their paths, such as /srv/snapshots, are those of a mount namespace of the
# test's own, and "vault", the other machine, is a directory: in the place of
# ssh there is a script.

use strict;
use warnings;

use Cwd;
use Documentation;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my @places = qw(/etc/postgresql /srv /mnt /usr/local/bin);
my $home = (getpwuid $<)[7];
my $mounts;

BEGIN
{
	my $problem;

	# what is there is hidden from the test
	@places = qw(/etc/postgresql /srv /mnt /usr/local/bin);
	$home = (getpwuid $<)[7];
	push @places, $home;
	foreach my $place (@places)
	{
		plan skip_all => "there is no $place" unless -d $place;
		plan skip_all => "the test is below $place"
		  if index(getcwd() . '/', "$place/") == 0;
	}
	foreach my $program (
		qw(/usr/bin/restic /usr/bin/rsync /usr/bin/rclone /usr/bin/age
		/usr/lib/openssh/sftp-server))
	{
		plan skip_all => "there is no $program" unless -x $program;
	}
	($mounts, $problem) = own_mounts(join '; ', 'set -e',
		map { "mount -t tmpfs tmpfs $_" } @places);
	plan skip_all => "cannot mount here: $problem" unless defined $mounts;
}

my $vault = "$mounts/vault";
mkdir $vault;

# In the place of ssh: "vault" is a directory.
sub install_script
{
	my ($name, $text) = @_;

	append_to_file("/usr/local/bin/$name", $text);
	chmod 0755, "/usr/local/bin/$name" or die;
	return;
}

install_script('ssh', <<"EOF");
#!/bin/sh
host=
user=
sftp=
while [ \$# -gt 0 ]; do
	case \$1 in
		-s) sftp=1 ;;
		-l) user=\$2\@; shift ;;
		-*) ;;
		*) [ -z "\$host" ] || break
			host=\$1 ;;
	esac
	shift
done
[ "\$user\$host" = backup\@vault ] || { echo "no such host: \$host" >&2; exit 255; }
cd $vault || exit 255
[ -z "\$sftp" ] || exec /usr/lib/openssh/sftp-server
exec sh -c "\$*"
EOF
install_script('mail', "#!/bin/sh\ncat >/srv/mail.new && mv /srv/mail.new /srv/mail\n");

my ($node) = snapshot_node('main', start => 0, conf => <<'EOF');
snapshot_worker.directory = '/srv/snapshots'
snapshot_worker.retention = 2
EOF
my $server = $node->config_data('--bindir');
mkdir '/srv/snapshots' or die;
mkdir '/mnt/backup' or die;

# The server as pg_ctlcluster starts it.
sub start_bare
{
	local %ENV = ();

	system("$server/pg_ctl", '-s', '-w', '-D', $node->data_dir, '-l',
		$node->logfile, 'start') == 0
	  or die 'could not start the server';
	return;
}

start_bare();
$node->_update_pid(1);
$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', <<'EOF');
CREATE TABLE orders AS SELECT g AS id, md5(g::text) AS what FROM generate_series(1, 20000) g
EOF

sub wait_until_archived
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return wait_until(
		"$name is archived by the recipe",
		sub {
			$node->safe_psql('postgres',
				"SELECT archived_at IS NOT NULL FROM snapshot_list() WHERE name = '$name'"
			) eq 't';
		})
	  || diag $node->safe_psql('postgres',
		'SELECT archive_error FROM snapshot_status()');
}

# A table of contents: what each section of the page has to be run.
my %blocks;
push @{ $blocks{ $_->{section} } }, $_ foreach fenced_blocks('doc/archiving.md');

# Takes the next block of a section, of this language.
sub next_block
{
	my ($section, $language) = @_;
	my $block = shift @{ $blocks{$section} };

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($block && $block->{language}, $language, "the next block of section \"$section\" is of $language");
	return $block->{text};
}

# Runs the next block of a section, about this snapshot; returns what it says.
my $work = "$mounts/work";
mkdir $work;

sub run_next
{
	my ($section, $name) = @_;
	my $text = next_block($section, 'sh');
	my ($out, $err) = ('', '');

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $time = ($name // '') =~ s{.*/}{}r;

	$text =~ s/2026-11-25T12-00-00Z/$time/g;
	local $ENV{HOME} = $home;
	local $ENV{PATH} = "/usr/local/bin:$ENV{PATH}";
	my $good = IPC::Run::run(
		[ 'bash', '-e', '-o', 'pipefail', '-c', "cd $work\n$text" ],
		'>', \$out, '2>', \$err);
	ok($good, "$section: " . ($text =~ s/\n.*//sr)) or diag $out . $err;
	return $out . $err;
}

# Sets what the next block of a section sets.
sub set_next
{
	my ($section) = @_;
	my $text = next_block($section, 'conf');
	my ($name, $value) = $text =~ /\A(snapshot_worker\.\w+) = '(.*)'\n\z/
	  or die "more than one setting: $text";

	reload_with($node, ($name =~ s/.*\.//r) => $value =~ s/''/'/gr);
	return $text;
}

# The last section puts back a fetched snapshot, which is whole, and stays.
my @putting_back = @{ $blocks{'Putting one back'} };

sub is_put_back
{
	my ($name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(!-e "/srv/snapshots/$name", "$name is removed before it is put back");
	$blocks{'Putting one back'} = [@putting_back];
	run_next('Putting one back', $name);
	is($node->safe_psql('postgres', "SELECT snapshot_verify('$name') IS NOT NULL"),
		't', 'a fetched snapshot is whole');
	is((stat "/srv/snapshots/$name")[2] & 077, 0, 'only the owner can read a fetched snapshot');
	$node->safe_psql('postgres', 'SELECT snapshot_prune()');
	# An archive command that fails later is to fail for a later one.
	wait_until_archived(take_snapshot($node, 'shop')) foreach 1 .. 2;
	ok(-d "/srv/snapshots/$name", 'retention spares a snapshot that was put back, though it is old');
	$node->safe_psql('postgres', "SELECT snapshot_delete('$name', force => true)");
	ok(!-e "/srv/snapshots/$name", 'a snapshot that was put back can be removed');
	return;
}

# The environment of commands.
reload_with($node,
	archive_command => 'env >/srv/env.new; mv /srv/env.new /srv/env');
wait_until_archived(take_snapshot($node, 'shop'));
my %seen = map { split /=/, $_, 2 } grep { /=/ } slurp_lines('/srv/env');
is($seen{PATH}, '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
	'a command has a PATH where the server has none');
is($seen{HOME}, $home, 'a command has a HOME where the server has none');

# restic; its rules are about days of the machine's time zone
sleep 1 while (localtime)[2] == 23 && (localtime)[1] == 59;
my $in = 'With restic';
reload_with($node, archive_command => '');
run_next($in);
is((stat '/etc/postgresql/restic.password')[2] & 077, 0, 'only the owner can read the password of restic');
my $restic = set_next($in);
my @names = map { take_snapshot($node, 'shop') } 1 .. 3;
wait_until_archived($_) foreach @names[ 1, 2 ];
my $first = $names[0];
ok(glob("$home/.cache/restic/*"), 'restic has its cache below HOME');
sub restic_snapshots
{
	my ($out) = run_command(
		[
			'restic', '-r', "$vault/snapshots", '-p',
			'/etc/postgresql/restic.password', 'snapshots', '--json'
		]);

	return map { m{"paths":\["([^"]+)"\]}g } $out;
}
wait_until_archived($names[2]);
my @all = restic_snapshots();
cmp_ok(scalar @all, '>=', 2, 'restic has the snapshots that were archived');
run_next($in);
is_deeply([ restic_snapshots() ], [ $all[-1] ],
	'restic forget keeps the newest snapshot of a day, and no others');
rename "/srv/snapshots/$names[2]", "/srv/lost" or die;
run_next($in, $names[2]);
is_put_back($names[2]);
is_deeply($blocks{$in}, [], 'all commands about restic were run');
like(slurp_file('README.md'), qr/^\Q$restic\E/m, 'README.md has the command of the recipe for restic');

# rsync
$in = 'With rsync, to a disk or another machine';
set_next($in);
@names = map { take_snapshot($node, 'shop') } 1 .. 3;
wait_until_archived($_) foreach @names[ 1, 2 ];
wait_until('rsync has copied the snapshots',
	sub { -d "/mnt/backup/$names[1]" && -d "/mnt/backup/$names[2]" });
my ($of_one, $of_other) =
  map { my ($file) = sort { -s $b <=> -s $a } glob "/mnt/backup/$_/shop.dump/*.dat*"; (stat $file)[1] }
  @names[ 1, 2 ];
is($of_one, $of_other, 'copies by rsync share the files that the snapshots share');
is_deeply([ damages('/mnt/backup') ], [], 'copies by rsync are whole');
ok(!glob("/mnt/backup/shop/*/archived.json"), 'copies by rsync do not have the mark of an archived snapshot');
rename "/srv/snapshots/$names[2]", "/srv/lost2" or die;
run_next($in, $names[2]);
is_put_back($names[2]);

# rclone
$in = 'With rclone';
mkdir "$vault/cloud" or die;
append_to_file('/etc/postgresql/rclone.conf', "[remote]\ntype = alias\nremote = $vault/cloud\n");
set_next($in);
my $name = take_snapshot($node, 'shop');
wait_until_archived($name);
rename "/srv/snapshots/$name", "/srv/lost3" or die;
run_next($in, $name);
is_put_back($name);

# age
$in = 'Encrypted with age';
my ($recipient) = run_next($in) =~ /Public key: (\S+)/ or die 'no key';
set_next($in);
my $script = next_block($in, 'sh');
$script =~ s/age1\.\.\./$recipient/ or die;
install_script('archive-with-age', $script);
$name = take_snapshot($node, 'shop');
wait_until_archived($name);
rename "/srv/snapshots/$name", "/srv/lost4" or die;
run_next($in, $name);
is_put_back($name);
is_deeply([ map { $_->{text} } map { @{ $blocks{$_} } } grep { $_ ne 'Putting one back' } keys %blocks ],
	[], 'all commands of the page were run');

# The mail of doc/monitoring.md.
my ($mail) = map { $_->{text} } grep { $_->{text} =~ /failure_command = / }
  fenced_blocks('doc/monitoring.md');
my ($command) = $mail =~ /failure_command = '(.*)'/ or die;
reload_with($node, archive_command => 'printf "first\nsecond\nthird\n" >&2; exit 3',
	failure_command => $command);
$name = take_snapshot($node, 'shop');
wait_until('failure_command sends a mail', sub { -s '/srv/mail' });
like(slurp_file('/srv/mail'),
	qr/archive: \Q$name\E, try \d+\n.*exit code 3\nfirst\nsecond\nthird\n.*retried/s,
	'the mail has the error, and all lines of its detail');
my ($try) = map { $_->{text} } grep { $_->{text} =~ /^runuser / }
  fenced_blocks('doc/monitoring.md');
unlink '/srv/mail' or die;
reload_with($node, archive_command => '', failure_command => '');
$try =~ s/^runuser -u postgres -- // or die;
$try =~ s/\benv -i /env -i PATH=\/usr\/local\/bin:\/usr\/bin:\/bin / or die;
system_or_bail('sh', '-c', $try);
like(slurp_file('/srv/mail'), qr/^snapshot: .*\ntest\n/, 'the command to try failure_command sends a mail');

$node->stop;
done_testing();
