#-------------------------------------------------------------------------
#
# DumpCompare.pm
#		Tells whether two databases of a node are the same.
#
# What a database is made of is compared by its plain-text dump.  What the
# tables, sequences and large objects hold is compared once more by digests
# that the server computes: these do not come from pg_dump, so that something
# which it passes over in both databases is still seen.
#
#-------------------------------------------------------------------------

package DumpCompare;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  plain_dump
  row_digests
  is_same_database
);

# Bounds of what is shown of a difference.
my $max_lines = 5;
my $max_keys = 10;
my $max_width = 150;

# plain_dump($node, $dbname)
#
# Returns the plain-text pg_dump of a database, as bytes.  The name of the
# database may have anything in it.
sub plain_dump
{
	my ($node, $dbname) = @_;
	my ($dump, $stderr);

	(my $quoted = $dbname) =~ s/([\\'])/\\$1/g;

	$node->run_log(
		[
			'pg_dump',
			'--host=' . $node->host,
			'--port=' . $node->port,
			"--dbname=dbname='$quoted'"
		],
		'>',
		\$dump,
		'2>',
		\$stderr) or die "pg_dump of \"$dbname\" failed: $stderr";

	# Newer minor releases put \restrict and \unrestrict with a random key
	# around the dump.  Only these two lines are taken out, by their place and
	# the key: others like them may be part of a comment or a function.
	if ($dump =~ s/\A((?:--.*\n|\n)*)\\restrict (\w+)\n/$1/)
	{
		my $key = $2;

		$dump =~ s/^\\unrestrict $key\n(?=\n*\z)//m;
	}

	return $dump;
}

# row_digests($node, $dbname)
#
# Returns a hash of what a database holds, all as of one snapshot:
#
#   qualified name of a table or a populated materialized view
#     => "count:md5", of its own rows, in whatever order these are stored
#   qualified name of a sequence => "last_value/is_called"
#   OID of a large object => "md5"
#
# Names are quoted as in SQL where that is needed.
sub row_digests
{
	my ($node, $dbname) = @_;

	# The settings are those that the text of a value depends on.  A query
	# makes the queries for each relation, which psql then runs in turn.
	# Names are sent in hex as they may contain newlines.  A function call
	# in place of a cast to text so that no cast of the database's own is
	# used; "t.*" since "t" might be a column.
	my $output = $node->safe_psql(
		$dbname, q{
		BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
		SET LOCAL client_encoding = 'UTF8';
		SET LOCAL search_path = '';
		SET LOCAL timezone = 'UTC';
		SET LOCAL datestyle = 'ISO, MDY';
		SET LOCAL intervalstyle = 'postgres';
		SET LOCAL extra_float_digits = 3;
		SET LOCAL bytea_output = 'hex';
		SET LOCAL xmlbinary = 'base64';
		SET LOCAL quote_all_identifiers = off;
		SET LOCAL row_security = off;

		SELECT format(
				CASE WHEN c.relkind = 'S' THEN
					$$SELECT %L || '=' || last_value || '/' || is_called::text FROM %s$$
				ELSE
					$$SELECT %L || '=' || count(*) || ':' || coalesce(md5(string_agg(m, '' ORDER BY m COLLATE "C")), '')
					FROM (SELECT md5(record_out(t.*)::text) AS m FROM ONLY %s AS t) AS s$$
				END,
				encode(convert_to(n.name, 'UTF8'), 'hex'), n.name)
			FROM pg_class c
				JOIN pg_namespace s ON s.oid = c.relnamespace,
				format('%I.%I', s.nspname, c.relname) AS n(name)
			WHERE c.relkind IN ('r', 'm', 'S')
				AND c.relispopulated
				AND c.relpersistence <> 't'
				AND s.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
			ORDER BY n.name COLLATE "C"
		\gexec

		SELECT encode(convert_to(oid::text, 'UTF8'), 'hex') || '=' || md5(lo_get(oid))
			FROM pg_largeobject_metadata ORDER BY oid;
		COMMIT;
	});

	my %digests;

	foreach my $line (split /\n/, $output)
	{
		my ($hex, $digest) = split /=/, $line, 2;

		$digests{ pack('H*', $hex) } = $digest;
	}

	return %digests;
}

# is_same_database($node, $db1, $db2, $test_name)
#
# A test that passes if two databases of a node are the same, and otherwise
# shows where they first differ.
sub is_same_database
{
	my ($node, $db1, $db2, $test_name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;

	return subtest $test_name // 'same database' => sub {
		my ($dump1, $dump2) = map { plain_dump($node, $_) } ($db1, $db2);
		my %rows1 = row_digests($node, $db1);
		my %rows2 = row_digests($node, $db2);

		# Not is(), which would show the whole of both.
		ok($dump1 eq $dump2, 'both databases have the same dump')
		  or _diag_lines($db1, $dump1, $db2, $dump2);

		my @keys = grep {
				 !exists $rows1{$_}
			  || !exists $rows2{$_}
			  || $rows1{$_} ne $rows2{$_}
		} sort keys %{ { %rows1, %rows2 } };

		ok(!@keys, 'both databases have the same rows, sequences and large objects')
		  or _diag_keys($db1, \%rows1, $db2, \%rows2, \@keys);
	};
}

# Show the first lines from where two texts differ, and under which heading of
# pg_dump's that is.
sub _diag_lines
{
	my ($name1, $text1, $name2, $text2) = @_;
	my @lines1 = split /\n/, $text1, -1;
	my @lines2 = split /\n/, $text2, -1;
	my $heading = '';
	my $i = 0;

	while ($i < @lines1 && $i < @lines2 && $lines1[$i] eq $lines2[$i])
	{
		$heading = $lines1[$i] if $lines1[$i] =~ /^-- (?:Data for )?Name: /;
		$i++;
	}

	# In a long line, show what is around the difference.
	my $line1 = $lines1[$i] // '';
	my $line2 = $lines2[$i] // '';
	(($line1 ^ $line2) =~ /^\0*/);
	my $column = $+[0];
	my $from = $column > 40 ? $column - 40 : 0;

	diag(sprintf 'first difference in line %d, byte %d, after: %s',
		$i + 1, $column + 1, _printable($heading, 0));
	foreach my $side ([ $name1, \@lines1 ], [ $name2, \@lines2 ])
	{
		my ($name, $lines) = @$side;
		my $last = $i + $max_lines - 1;

		$last = $#$lines if $last > $#$lines;
		diag(_printable("in $name:", 0));
		diag('  ' . _printable($lines->[$i], $from)) if $i <= $#$lines;
		diag('  ' . _printable($lines->[$_], 0)) foreach ($i + 1 .. $last);
	}

	return;
}

# Show the first keys that two hashes have different values for.
sub _diag_keys
{
	my ($name1, $hash1, $name2, $hash2, $keys) = @_;

	diag(scalar(@$keys) . ' different');
	foreach my $key (splice @{ [@$keys] }, 0, $max_keys)
	{
		diag(
			sprintf '  %s: %s in %s, %s in %s', _printable($key, 0),
			$hash1->{$key} // 'nothing', _printable($name1, 0),
			$hash2->{$key} // 'nothing', _printable($name2, 0));
	}

	return;
}

# A part of a line that is fit to be shown.
sub _printable
{
	my ($line, $from) = @_;
	my $part = $from < length $line ? substr($line, $from, $max_width) : '';

	$part =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
	$part = "...$part" if $from > 0;
	$part .= '...' if $from + $max_width < length $line;

	return $part;
}

1;
