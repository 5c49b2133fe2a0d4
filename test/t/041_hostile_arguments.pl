
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# Hostile arguments.  Promised here: no argument of a function leads out of the
# snapshot directory, or has an effect; and a role without privileges can call
# nothing and learns nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::Hostile;
use Test::More;

my ($node, $directory, $outside) = hostile_node();

take_snapshot($node, 'app');
my $good = take_snapshot($node, 'app');
my @tricks = map { "convert_from('\\x" . unpack('H*', $_) . "', 'UTF8')" } (
	'../x', '../../x', '..', '.', '/', '/etc/passwd', $outside, "$directory/app",
	'a/../../b', 'app/..', 'app/../app', './app', 'app/', "./$good", "/$good",
	"$good/..", "$good/../../../outside", "$good.tmp", "$good/manifest.json",
	'%2e%2e%2fx', '%2E%2E%2Fx', 'app%2F..', 'app%00', '%', '%4', 'app\\0',
	'app\\x00', 'app\\000/../x', '', ' ', "\n", "app\n", "app\nx", ' app',
	'app/2026-02-31T03-00-00Z', 'app/2026-03-19T03-00-00z', '*', '%s%n%n',
	"'; DROP DATABASE app; --", '$(touch x)', '-x', "caf\xc3\xa9");
push @tricks, "repeat('x', $megabyte)", "repeat('../', $megabyte / 3)",
  "repeat('%2E', $megabyte / 3)", "repeat(E'\\n', $megabyte)";

my @arguments = map { [ split /\|/, $_, -1 ] } split /\n/,
  $node->safe_psql('postgres', <<'EOF');
SELECT p.proname, position, p.proargnames[position],
       p.proargtypes[position - 1]::regtype,
       position > p.pronargs - p.pronargdefaults AS has_default, p.oid
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid,
       generate_series(1, p.pronargs) AS position
 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid =
       (SELECT oid FROM pg_extension WHERE extname = 'snapshot_worker')
 ORDER BY 1, 2
EOF
my @texts = grep { $_->[3] =~ /^(text|name)$/ } @arguments;
cmp_ok(scalar(@texts), '>=', 2, 'the extension has functions with text arguments');

my $before = tree_of($directory, $outside);
my $surroundings = join "\n", sort glob($node->basedir . '/*'),
  glob($node->data_dir . '/*');
foreach my $tried (@texts)
{
	my ($function, undef, $argument, undef, undef, $oid) = @$tried;

	# Arguments without a default get the same trick.
	my @given = grep {
		$_->[5] eq $oid
		  && ($_->[2] eq $argument || $_->[4] eq 'f')
	} @arguments;
	my @calls = map {
		my $trick = $_;

		"SELECT $function(" . join(
			', ',
			map {
				"\"$_->[2]\" => "
				  . ($_->[3] =~ /^(text|name)$/ ? $trick : 'NULL') . '::'
				  . ($_->[3] =~ s/^anyelement$/pg_class/r)
			} @given) . ')'
	} @tricks;
	my @answers = answers($node, 'postgres', @calls);
	my @bad;
	foreach my $n (0 .. $#calls)
	{
		my ($stdout, $stderr) = @{ $answers[$n] };

		# An internal error (XX) is not a clear one.
		push @bad, "$calls[$n]: $stdout, $stderr"
		  unless $stderr !~ /ERROR:/
		  ? $stdout =~ /^0?$/ && $function ne 'snapshot_now'
		  : $stderr =~ /^psql:[^\n]* ERROR:  (?!XX)\w{5}: /;
	}
	is(join("\n", @bad), '',
		scalar(@tricks)
		  . " tricks with \"$argument\" of $function have no effect");
}
is_untouched($before, [ $directory, $outside ],
	'no trick touches a file of the snapshot directory or outside');
is( join("\n",
		sort glob($node->basedir . '/*'), glob($node->data_dir . '/*')),
	$surroundings,
	'no trick leaves anything new around the snapshots');
is($node->safe_psql('postgres', 'SELECT count(*) FROM snapshot_list()'),
	'2', 'the list has both snapshots after all tricks');

# A role without privileges
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN');
my @functions = split /\n/, $node->safe_psql('postgres', <<'EOF');
SELECT format('%I(%s)', p.proname,
              (SELECT string_agg(CASE WHEN t IN ('text'::regtype, 'name'::regtype)
                                      THEN quote_literal('x') ELSE 'NULL' END
                                 || '::' || replace(format_type(t, NULL), 'anyelement', 'pg_class'), ', ')
                 FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(t, n)
                WHERE n <= p.pronargs - p.pronargdefaults))
  FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
 WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND d.refobjid =
       (SELECT oid FROM pg_extension WHERE extname = 'snapshot_worker')
 ORDER BY 1
EOF
cmp_ok(scalar(@functions), '>=', 6, 'the extension has functions to call');
foreach my $query (
	(map { "SELECT $_" } @functions),
	'SHOW snapshot_worker.directory',
	'SHOW snapshot_worker.bin_directory',
	"SELECT current_setting('snapshot_worker.directory', true)",
	"SET snapshot_worker.directory = '/tmp'",
	"ALTER SYSTEM SET snapshot_worker.directory = '/tmp'")
{
	my ($rc, $stdout, $stderr) =
	  $node->psql('postgres', $query, extra_params => [ '-U', 'nobody' ]);

	ok( $rc != 0
		  && $stdout eq ''
		  && $stderr =~
		  /ERROR:  (permission denied|must be|parameter ".*" cannot be changed now)/,
		"refused to a role without EXECUTE: $query"
	) or diag("$stdout$stderr");
}
is( $node->safe_psql(
		'postgres',
		"SELECT name FROM pg_settings WHERE setting LIKE '%/snapshots%'",
		extra_params => [ '-U', 'nobody' ]),
	'',
	'a role without privileges does not see the directory in pg_settings');

crashes_nothing('hostile arguments');
$node->stop;
done_testing();
