
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The documentation says what is so: every example in it is run on a server,
# and says what it is shown to say (test/perl/Documentation.pm has the rules);
# every setting and function is in the tables, and every message is explained.

use strict;
use warnings;

use Documentation;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

# The set-up of the server of each document.  It listens at no port that is
# shown, and its directory is not the one that is shown.
sub start_server
{
	my ($document) = @_;
	my ($name) = $document =~ m{([^/]+)\.md$};
	my ($node, $directory) =
	  snapshot_node($name, start => 0, conf => "snapshot_worker.enable = on\n");

	# far from the time of the schedule
	fake_clock($node, '2026-11-25 12:00:00');
	$node->start;
	$node->safe_psql('postgres',
		"CREATE ROLE $_ LOGIN") foreach qw(app reader monitor);
	# README.md shows how the database and the extension are created.
	return ($node, $directory) if $name eq 'README';
	$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER app');
	$node->safe_psql('shop', <<'EOSQL');
CREATE SCHEMA sales AUTHORIZATION app;
SET ROLE app;
CREATE TABLE sales.customers (id int PRIMARY KEY, name text);
CREATE TABLE sales.orders (id int PRIMARY KEY,
	customer int REFERENCES sales.customers, what text);
INSERT INTO sales.customers SELECT g, 'customer ' || g FROM generate_series(1, 10) g;
INSERT INTO sales.orders SELECT g, g % 10 + 1, md5(g::text) FROM generate_series(1, 50000) g;
GRANT SELECT ON sales.orders TO reader;
EOSQL
	$node->safe_psql('postgres', 'CREATE EXTENSION snapshot_worker');
	return ($node, $directory);
}

# Runs the commands of a session; returns what each says, messages first.
sub run_session
{
	my ($node, $database, @commands) = @_;
	my $mark = 'the next command says:';
	local $ENV{PGHOST} = $node->host;
	local $ENV{PGPORT} = $node->port;
	local $ENV{PGDATABASE} = 'postgres';
	my ($stdout, $stderr) = ('', '');

	if (defined $database)
	{
		my $script = join('',
			map { "\\echo '$mark'\n\\warn '$mark'\n$_\n" } @commands);

		IPC::Run::run([ 'psql', '-X', '-d', $database ],
			'<', \$script, '>', \$stdout, '2>', \$stderr);
		my (undef, @stdout) = split /^\Q$mark\E\n/m, $stdout, -1;
		my (undef, @stderr) = split /^\Q$mark\E\n/m, $stderr, -1;
		return map { ($stderr[$_] // "psql ended: $stderr") . ($stdout[$_] // '') }
		  0 .. $#commands;
	}
	return map {
		my $good = IPC::Run::run([ 'bash', '-o', 'pipefail', '-c', $_ ],
			'>', \$stdout, '2>', \$stderr);
		($good ? '' : "failed: ") . $stderr . $stdout;
	} @commands;
}

# Whether a block says what it shows; undef if so, else what is different.
# %$names has the real names of snapshots for those shown, and is added to.
sub difference
{
	my ($node, $directory, $names, $block) = @_;
	my $real = sub {
		my ($command) = @_;

		$command =~ s{/srv/snapshots\b}{$directory}g;
		$command =~
		  s{([\w%.]+/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)}{$names->{$1} // $1}ge;
		return $command;
	};

	# One without a prompt only has to work.
	if ($block->{language} eq 'sql' && $block->{text} !~ /^\w+=[#>] /)
	{
		my ($status, undef, $stderr) = $node->psql('postgres',
			$real->($block->{text}), on_error_stop => 1);

		return $status == 0 ? undef : $stderr;
	}
	if ($block->{language} eq 'bash')
	{
		my ($said) = run_session($node, undef, $real->($block->{text}));

		return $said !~ /^failed: / ? undef : $said;
	}

	foreach my $session (sessions($block->{text}))
	{
		my ($database, $commands) = @$session;

		# They run in one go, so what the first shows the next cannot use.
		my @said =
		  run_session($node, $database, map { $real->($_->[0]) } @$commands);

		foreach my $command (@$commands)
		{
			my ($typed, $shown) = @$command;
			my $said = shift @said;
			my %captures;
			my $pattern = expected_output($shown, $names, \%captures);

			$said =~ s/\Q$directory\E/\/srv\/snapshots/g;
			# A shell command's output may be left out, but not its failure.
			next
			  if !defined $database && $shown eq '' && $said !~ /^failed: /;
			return "$typed\nshown:\n$shown\nsaid:\n$said"
			  unless comparable($said) =~ $pattern;
			$names->{ $captures{$_} } = $+{$_} foreach keys %captures;
		}
	}
	return;
}

# Start what a block needs while it is run: a run at the end of its dump, or a
# session that has locked a table.  Returns code that ends it.
sub set_the_stage
{
	my ($node, $block) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	if ($block->{text} =~ /FROM snapshot_progress|snapshot_cancel\(/)
	{
		hold_at($node, 'dumped');
		$node->safe_psql('postgres', "SELECT snapshot_now('shop', wait => false)");
		wait_until_held($node, 'dumped');
		return sub {
			$node->safe_psql('postgres', "SELECT snapshot_cancel('shop')");
			let_go($node);
		};
	}
	if ($block->{text} =~ /^HINT:  Another session holds a strong lock/m)
	{
		my $session = start_query($node,
			'BEGIN; LOCK TABLE sales.orders; SELECT pg_sleep(1000)', 'shop');

		reload_with($node, lock_timeout => '100ms');
		$node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted AND relation IS NOT NULL AND database = (SELECT oid FROM pg_database WHERE datname = 'shop')"
		) or die 'no lock';
		return sub {
			$node->safe_psql('postgres',
				"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(1000)' AND pid <> pg_backend_pid()"
			);
			finish_query($session);
		};
	}
	return sub { };
}

# A server takes the settings of a block.
sub refused_settings
{
	my ($node, $block) = @_;
	my @refused;

	while ($block->{text} =~ /^(snapshot_worker\.\w+) = (\S.*?)\s*(?:#.*)?$/mg)
	{
		my ($name, $value) = ($1, $2);

		# as the configuration file has it
		$name =~ s/\.user$/."user"/;
		$value = "'$value'" unless $value =~ /^'/;
		my (undef, undef, $stderr) =
		  $node->psql('postgres', "ALTER SYSTEM SET $name = $value");
		push @refused, $stderr if $stderr ne '';
	}
	return @refused;
}

# The anchors that headings get.
sub anchors
{
	my ($file) = @_;

	return map { lc =~ s/[^-\w ]//gr =~ s/ /-/gr }
	  slurp_file($file) =~ /^#+ (.*)/mg;
}

foreach my $document ('README.md', glob('doc/*.md'))
{
	my @blocks = fenced_blocks($document);
	my ($run, $names) = (0, {});

	foreach my $block (@blocks)
	{
		like($block->{language}, qr/^(?:sql|console|bash|conf|sh|json|text)$/,
			"$document:$block->{line} has a language that is known");
	}
	# That is run there, where it is seen what comes of it, too.
	next if $document eq 'doc/recovery.md';
	next unless grep { $_->{language} =~ /^(?:sql|console|bash|conf)$/ } @blocks;

	my ($node, $directory) = start_server($document);
	foreach my $block (@blocks)
	{
		my $where = "$document:$block->{line} ($block->{section})";

		if ($block->{language} =~ /^(?:sql|console|bash)$/)
		{
			my $clear = set_the_stage($node, $block);
			my $difference = difference($node, $directory, $names, $block);

			$clear->();
			ok(!defined $difference, "$where says what it shows")
			  or diag $difference;
			$run++;
		}
		elsif ($block->{language} eq 'conf')
		{
			my %number;
			$number{$_}++ foreach $block->{text} =~ /^(\w[\w.]*) = /mg;
			is_deeply([ grep { $number{$_} > 1 } sort keys %number ],
				[], "$where sets nothing twice, of which the last would win");
			is(join('', refused_settings($node, $block)),
				'', "$where is accepted");
		}
		# The runs of one block end before the next block, and its settings are
		# reset.
		$node->poll_query_until('postgres',
			"SELECT state <> 'running' FROM snapshot_status()")
		  or die 'a run does not end'
		  if $node->safe_psql('postgres',
			"SELECT count(*) FROM pg_extension WHERE extname = 'snapshot_worker'");
		$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL');
		reload_with($node);
	}
	my $found = () = slurp_file($document) =~ /^```(?:sql|console|bash)$/mg;
	is($run, $found, "all $found examples of $document are run");

	# Another result than what is shown is seen: the checks above can fail.
	if ($document eq 'README.md')
	{
		foreach my $wrong (
			"postgres=# SELECT 2 AS a;\n a\n---\n 1\n(1 row)\n",
			"postgres=# SELECT 1 AS a;\n b\n---\n 1\n(1 row)\n",
			"postgres=# SELECT 1 AS a;\n",
			"postgres=# SELECT 1/0;\nERROR:  another error\n",
			"postgres=# SELECT 1 AS a;\n a\n---\n 1\n(1 row)\nmore\n")
		{
			ok( defined difference(
					$node, $directory, $names,
					{ language => 'sql', text => $wrong }),
				'the check of examples sees a wrong output');
		}
		ok( defined difference(
				$node, $directory, $names,
				{ language => 'sql', text => "SELECT nonsense();\n" }),
			'the check of examples sees a failure');
	}
	$node->stop;
	delete $ENV{LD_PRELOAD};
}

# Links between documents lead somewhere.
foreach my $document ('README.md', glob('doc/*.md'))
{
	my ($folder) = $document =~ m{^(.*/)?};

	foreach my $link (slurp_file($document) =~ /\]\(([^)]+)\)/g)
	{
		next if $link =~ /^https:/;
		my ($path, $anchor) = split /#/, $link;
		my $file = $path eq '' ? $document : ($folder // '') . $path;

		1 while $file =~ s{[^/]+/\.\./}{};
		ok(-e $file && (!defined $anchor || grep { $_ eq $anchor } anchors($file)),
			"the link $link of $document leads to a file or an anchor");
	}
}

# The tables name every setting, with its default, and every function.
my ($node, undef) = snapshot_node('tables');
# Defaults are left out that are empty, or depend on the release.
my %settings = map { split /\|/, $_, 2 }
  split /\n/, $node->safe_psql('postgres', <<'EOSQL');
SELECT substr(name, length('snapshot_worker.') + 1),
       CASE WHEN name !~ 'directory|compress' THEN current_setting(name) END
  FROM pg_settings WHERE name LIKE 'snapshot\_worker.%'
EOSQL
my @functions = split /\n/, $node->safe_psql('postgres', <<'EOSQL');
SELECT proname FROM pg_depend JOIN pg_proc ON objid = pg_proc.oid
 WHERE classid = 'pg_proc'::regclass AND deptype = 'e' AND refobjid =
       (SELECT oid FROM pg_extension WHERE extname = 'snapshot_worker')
EOSQL
ok(keys %settings > 20 && @functions > 10, 'the test finds the settings and functions');
$node->stop;
foreach my $document ('README.md', 'doc/snapshot_worker.md')
{
	my $text = slurp_file($document);
	my @rows = grep { /^\| / } split /\n/, $text;

	foreach my $setting (sort keys %settings)
	{
		my $default = $settings{$setting};

		$default = "`$default`" if $default ne '';
		ok( (grep { /^\| [^|]*`$setting`[^|]*\| [^|]*\Q$default\E[^|]*\|/ } @rows),
			"$document has setting $setting, by default $default");
	}
	foreach my $function (@functions)
	{
		like($text, qr/^(?:### |\| `).*\b\Q$function\E\(/m,
			"$document has function $function");
	}
}

# Every message is in the reference, by its longest part that does not vary.
my $reference = slurp_file('doc/snapshot_worker.md') =~ s/\s+/ /gr;
my $string = qr/"(?:[^"\\]|\\.)*"/;
my $messages = 0;
foreach my $source (glob('src/*.c'), glob('src/*/*.c'))
{
	my $text = slurp_file($source);

	while ($text =~ /\berrmsg\(\s*((?:$string\s*)+)/g)
	{
		my $message = join('', $1 =~ /"((?:[^"\\]|\\.)*)"/g) =~ s/\\"/"/gr;
		my ($part) = sort { length $b <=> length $a }
		  map { s/^[ ":,]+|[ ":,]+$//gr } split /%[-.\d]*\w/, $message;

		next unless defined $part && $part ne '';
		$messages++;
		ok(index($reference, $part) >= 0, "the reference has \"$message\"");
	}
}
ok($messages > 100, "the test finds $messages messages");
done_testing();
