
# Copyright (c) 2026, the snapshot_worker developers

# An updated extension is the same as a new one, for every older version that
# can be installed.  An extension that is made up here shows that the
# comparison sees what an update script forgets.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->start;

my $scripts = $node->config_data('--sharedir') . '/extension';

# Return a line for each object and property of an extension that a user or
# pg_dump could tell apart.  The order in which privileges were granted does
# not count.
my $catalog = <<'EOF';
CREATE FUNCTION pg_temp.sorted(aclitem[]) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN $1 IS NOT NULL
		THEN array(SELECT a::text FROM unnest($1) a ORDER BY 1)::text END
$$;
WITH member AS (
	SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS name
	  FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
	 WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	   AND e.extname = :'extension'
), fact(name, what, value) AS (
	SELECT 'extension', 'version', extversion
	  FROM pg_extension WHERE extname = :'extension'
	UNION ALL
	SELECT 'extension', 'relocatable', extrelocatable::text
	  FROM pg_extension WHERE extname = :'extension'
	UNION ALL
	SELECT 'extension', 'configuration', (
		SELECT string_agg(c.oid::regclass || ' ' || c.condition, ', ')
		  FROM unnest(extconfig, extcondition) AS c(oid, condition))
	  FROM pg_extension WHERE extname = :'extension'
	UNION ALL
	SELECT name, 'member', NULL FROM member
	UNION ALL
	SELECT name, 'comment', obj_description(objid, classid::regclass::name)
	  FROM member
	UNION ALL
	SELECT name, 'owner', pg_get_userbyid(refobjid)
	  FROM member JOIN pg_shdepend s USING (classid, objid)
	 WHERE s.deptype = 'o'
	UNION ALL
	SELECT name, 'function', pg_get_functiondef(objid)
	  FROM member JOIN pg_proc p ON p.oid = objid
	 WHERE classid = 'pg_proc'::regclass AND prokind <> 'a'
	UNION ALL
	SELECT name, 'privileges', pg_temp.sorted(proacl)
	  FROM member JOIN pg_proc p ON p.oid = objid
	 WHERE classid = 'pg_proc'::regclass
	UNION ALL
	SELECT name, 'privileges', pg_temp.sorted(relacl)
	  FROM member JOIN pg_class c ON c.oid = objid
	 WHERE classid = 'pg_class'::regclass
	UNION ALL
	SELECT name, 'initial privileges', pg_temp.sorted(initprivs)
	  FROM member JOIN pg_init_privs ON classoid = classid AND objoid = objid
	 WHERE objsubid = 0
	UNION ALL
	SELECT name, 'column ' || attnum, concat_ws(' ', attname,
		format_type(atttypid, atttypmod), attnotnull, attcollation::regcollation,
		pg_temp.sorted(attacl), col_description(attrelid, attnum),
		pg_get_expr(adbin, adrelid))
	  FROM member JOIN pg_attribute ON attrelid = objid
	  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
	 WHERE classid = 'pg_class'::regclass AND attnum > 0 AND NOT attisdropped
	UNION ALL
	SELECT name, 'view', pg_get_viewdef(objid)
	  FROM member JOIN pg_class c ON c.oid = objid
	 WHERE classid = 'pg_class'::regclass AND relkind IN ('v', 'm')
	UNION ALL
	SELECT name, 'options', concat_ws(' ', relkind, relpersistence, reloptions)
	  FROM member JOIN pg_class c ON c.oid = objid
	 WHERE classid = 'pg_class'::regclass
)
SELECT to_json(concat_ws(': ', name, what, value)) FROM fact;
EOF

# Return the properties of an extension in a new database: created as the
# version given, and updated; or, without one, created as the default version.
my $databases = 0;

sub contents
{
	my ($extension, $version) = @_;
	my $database = 'database_' . ++$databases;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql(
		$database,
		defined $version
		? "CREATE EXTENSION $extension VERSION '$version';
		   ALTER EXTENSION $extension UPDATE"
		: "CREATE EXTENSION $extension");
	my @lines = split /\n/,
	  $node->safe_psql($database, $catalog,
		extra_params => [ '-v', "extension=$extension" ]);
	@lines = sort @lines;
	return @lines;
}

# The versions other than the default one that can be installed.
sub old_versions
{
	my ($extension) = @_;

	return split /\n/, $node->safe_psql('postgres', <<EOF);
SELECT v.version
  FROM pg_available_extensions e JOIN pg_available_extension_versions v USING (name)
 WHERE name = '$extension' AND v.version <> e.default_version
 ORDER BY 1
EOF
}

# Return how an extension that was updated from a version differs from a new
# one.
my %new_one;

sub differences
{
	my ($extension, $version) = @_;
	my %new = map { $_ => 1 } @{ $new_one{$extension} //= [ contents($extension) ] };
	my %updated = map { $_ => 1 } contents($extension, $version);

	return ((map { "missing: $_" } grep { !$updated{$_} } sort keys %new),
		(map { "too much: $_" } grep { !$new{$_} } sort keys %updated));
}

# Every script of the tree is one that is installed.
my $ours = 'snapshot_worker--*.sql';
is_deeply(
	[ map { s{.*/}{}r } glob("$scripts/$ours") ],
	[ map { s{.*/}{}r } glob($ours) ],
	'the scripts in the tree are those that are installed');

my @new = contents('snapshot_worker');
cmp_ok(scalar(grep { /: member"$/ } @new),
	'>', 10, 'the extension has members');
cmp_ok(
	scalar(grep { /^"function snapshot_now\(.*: privileges: / } @new),
	'==', 1, 'the members of the extension are compared with their privileges');
foreach my $version (old_versions('snapshot_worker'))
{
	is(join("\n", differences('snapshot_worker', $version)),
		'', "an extension updated from $version is the same as a new one");
}

# An extension of another name.  Its version 2 is ours with another view; its
# version 1 lacks that view and snapshot_prune().
my $made_up = "snapshot_worker_upgrade_test";
my $view = <<'EOF';
CREATE VIEW snapshot_names AS SELECT name, database FROM snapshot_list();
COMMENT ON VIEW snapshot_names IS 'names';
GRANT SELECT ON snapshot_names TO PUBLIC;
EOF
my ($script) = glob("$scripts/snapshot_worker--[0-9].[0-9].sql");
my $all = slurp_file($script) . $view;
my $added = join '', $all =~ /^(?:CREATE FUNCTION|COMMENT ON FUNCTION|REVOKE ALL ON FUNCTION) snapshot_prune\(.*?;\n/gms;
my $before = $all;
$before =~ s/^(?:CREATE FUNCTION|COMMENT ON FUNCTION|REVOKE ALL ON FUNCTION) snapshot_prune\(.*?;\n//gms;
$before =~ s/\Q$view\E//;

END
{
	local $?;
	unlink glob("$scripts/$made_up*") if defined $scripts && defined $made_up;
}

sub write_file
{
	my ($file, $text) = @_;

	unlink "$scripts/$file";
	append_to_file("$scripts/$file", $text);
	return;
}

write_file("$made_up.control", <<'EOF');
default_version = '2'
module_pathname = '$libdir/snapshot_worker'
relocatable = true
EOF
write_file("$made_up--1.sql", $before);
write_file("$made_up--2.sql", $all);
write_file("$made_up--1--2.sql", $added . $view);
is_deeply([ old_versions($made_up) ], ['1'], 'an older version of a made-up extension is found');
is(join("\n", differences($made_up, '1')),
	'', 'a complete update script makes the same extension as a new one');

# Each case: what an update script forgets or gets wrong, and how the
# comparison shows it.
my $prune = qr/function snapshot_prune\(name\): /;
foreach my $case (
	[ 'a function', qr/^CREATE.*\z/ms, $view, qr/missing: "${prune}member"/ ],
	[ 'a comment', qr/^COMMENT ON FUNCTION.*?;\n/ms, '', qr/missing: "${prune}comment: remove/ ],
	[ 'a REVOKE', qr/^REVOKE.*?;\n/ms, '', qr/too much: "${prune}privileges"/ ],
	[ 'the volatility', qr/VOLATILE/, 'STABLE', qr/too much: "${prune}function: .* STABLE/ ],
	[ 'a default', qr/DEFAULT NULL/, '', qr/missing: "${prune}function: .* DEFAULT NULL/ ],
	[ 'the symbol', qr/'snapshot_prune'/, "'snapshot_list'", qr/missing: "${prune}function: .*\$snapshot_prune\$/ ],
	[ 'parallel safety', qr/UNSAFE/, 'SAFE', qr/too much: "${prune}function: .* PARALLEL SAFE/ ],
	[ 'what a view is', qr/database FROM/, 'name::name AS database FROM', qr/missing: "view snapshot_names: view: / ],
	[ 'privileges on a view', qr/^GRANT.*?;\n/ms, '', qr/missing: "view snapshot_names: privileges: .*=r/ ],
	[ 'the comment of a view', qr/'names'/, "'name'", qr/missing: "view snapshot_names: comment: names"/ ],
	[ 'to leave no more behind', qr/\z/, 'CREATE TABLE more (a int);', qr/too much: "table more: member"/ ])
{
	my ($what, $pattern, $instead, $expected) = @$case;
	my $wrong = $added . $view;

	$wrong =~ s/$pattern/$instead/ or die "there is nothing like $pattern";
	write_file("$made_up--1--2.sql", $wrong);
	like(join("\n", differences($made_up, '1')),
		$expected, "the comparison sees it when an update script forgets $what");
}

$node->stop;

done_testing();
