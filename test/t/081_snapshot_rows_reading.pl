
# Copyright (c) 2026, the snapshot_worker developers

# How snapshot_rows() reads: row by row, in bounded memory, with a child that
# never outlives the query, and a snapshot that cannot be removed meanwhile.
# Damaged and hostile dumps are errors.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

my ($node, $directory) = snapshot_node(
	'main',
	init => [ extra => [ '--encoding=UTF8', '--locale=C' ] ],
	conf => <<'EOC');
snapshot_worker.retention_manual = 1000
snapshot_worker.format = directory
snapshot_worker.compress = none
EOC

$node->safe_psql('postgres', <<'EOF');
CREATE TABLE big AS SELECT g AS n, repeat(md5(g::text), 5) AS t FROM generate_series(1, 1200000) g;
CREATE TABLE small (t text);
INSERT INTO small SELECT 'row ' || g FROM generate_series(1, 1000) g;
EOF
my $name = take_snapshot($node, 'postgres');

sub ask
{
	my ($sql) = @_;
	my (undef, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);

	return ($out, $err);
}

# The children of a process, as their process IDs.
sub children
{
	my ($pid) = @_;
	my @children;

	foreach my $stat (glob '/proc/[0-9]*/stat')
	{
		my $text = eval { slurp_file($stat) } // next;

		push @children, $1 if $text =~ /^(\d+) \(.*\) \S \Q$pid\E /s;
	}
	return @children;
}

# Prints how many children the session's own backend has.
my $children = q{\! grep -l "^PPid:[[:space:]]*$BACKEND$" /proc/[0-9]*/status 2>/dev/null | wc -l};
my $set_backend = "SELECT pg_backend_pid() AS backend \\gset\n\\setenv BACKEND :backend\n";

# Memory
my ($out, $err) = ask(<<EOQ);
SELECT count(*) FROM small;
SELECT count(*) FROM snapshot_rows('$name', NULL::small);
SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)')::int AS before \\gset
SELECT count(*), sum(n) FROM snapshot_rows('$name', NULL::big);
SELECT count(*), sum((o).n) FROM (SELECT snapshot_rows('$name', NULL::big) AS o OFFSET 0) s;
SELECT (substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)')::int - :before) / 1024;
EOQ
my (undef, undef, @results) = split /\n/, $out;
is_deeply([ @results[ 0, 1 ] ], [ ('1200000|720000600000') x 2 ], 'a table of 200 MB is read in FROM and in the select list');
cmp_ok($results[2], '<', 24, 'reading 200 MB takes less than 24 MB of memory');
is($err, '', 'reading a large table raises no error');

# The child ends with the query.
($out, $err) = ask(<<EOQ);
$set_backend
SELECT (snapshot_rows('$name', NULL::big)).n LIMIT 3;
$children
BEGIN;
DECLARE c CURSOR FOR SELECT (snapshot_rows('$name', NULL::big)).n;
FETCH 2 FROM c;
DECLARE d CURSOR FOR SELECT (snapshot_rows('$name', NULL::big)).n, (snapshot_rows('$name', NULL::small)).t;
FETCH 2 FROM d;
FETCH 1 FROM c;
$children
CLOSE d;
$children
SAVEPOINT s;
DECLARE e CURSOR FOR SELECT (snapshot_rows('$name', NULL::big)).n;
FETCH 1 FROM e;
$children
ROLLBACK TO s;
$children
RELEASE s;
FETCH 1 FROM c;
SELECT 1/0;
$children
ROLLBACK;
DO \$\$ BEGIN PERFORM 1 / ((o).n - 5000) FROM (SELECT snapshot_rows('$name', NULL::big) AS o OFFSET 0) s; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$;
$children
SELECT snapshot_rows('$name', NULL::big) FROM (VALUES (1), (2)) v LIMIT 0;
$children
EOQ
is($out, join("\n", 1 .. 3, 0, 1, 2, '1|row 1', '2|row 2', 3, 3, 1, 1, 2, 1, 4, 0, 0, 0),
	'the child ends with LIMIT, CLOSE, ROLLBACK, an error and an exception; several are read in turn');
is_deeply([ $err =~ /(ERROR|WARNING):/g ], ['ERROR'], 'no resource is leaked');

# The snapshot is held while it is read.
my $reader = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('postgres') ],
	'<', \my $in, '>', \my $read, '2>', \my $read_err);
$in = "BEGIN; DECLARE c CURSOR FOR SELECT (snapshot_rows('$name', NULL::big)).n; FETCH 1 FROM c; SELECT 'pid ' || pg_backend_pid();\n";
$reader->pump until ($read // '') =~ /^pid (\d+)$/m;
my ($pid) = $read =~ /^pid (\d+)$/m;
like((ask("SELECT snapshot_delete('$name', true)"))[1], qr/ERROR:  .*in use/, 'a snapshot that is being read cannot be removed');
my ($child) = children($pid);
ok($child, 'the session that reads has a child');
ok(kill('TERM', $pid), 'the session that reads is terminated');
wait_until('the child ends with the session', sub { !-e "/proc/$child" });
$reader->finish;

# Ctrl-C while pg_restore has no output.
my $fake = install_fake_program($node, 'pg_restore', <<'EOS');
case " $* " in *" --data-only "*) ;; *) exec REAL "$@" ;; esac
. "$(dirname "$0")/../script"
EOS
reload_with($node, bin_directory => $fake);

# Have pg_restore do this instead of printing rows.
sub rows_by
{
	my ($script) = @_;
	my $file = $node->basedir . '/script';

	unlink $file;
	append_to_file($file, $script);
	return;
}

my $query = "SELECT count(*) FROM snapshot_rows('$name', NULL::small)";
my $begin = "SET client_encoding = 'UTF8';\\nCOPY public.small (t) FROM stdin;\\n";
rows_by("printf \"$begin\"; sleep 1000 & echo \$\$ >\"\$0.new\"; mv \"\$0.new\" \"\$0.pid\"; wait\n");
my $session = start_query($node, $query);
wait_until('the child prints nothing more', sub { -e "$fake/pg_restore.pid" });
wait_until('the query waits for its child',
	sub { $node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%snapshot_rows%' AND wait_event IN ('SnapshotChild', 'Extension') AND pid <> pg_backend_pid()") eq 't' });
like((finish_query($session))[1], qr/ERROR:  57014/, 'pg_cancel_backend ends a query that waits for its child');
my $script_pid = slurp_file("$fake/pg_restore.pid") + 0;
ok(!-e "/proc/$script_pid", 'no child is left by a canceled query');

rows_by("exec >&- 2>&-; sleep 1000\n");
like((ask("SET statement_timeout = '1s'; $query"))[1], qr/statement timeout/, 'a child that does not exit can be canceled');

# Standard error
rows_by("yes 'a long line on standard error' | head -c 1000000 >&2; printf \"${begin}a\\n\"; yes 'more' | head -c 1000000 >&2; seq 2 1000; printf '%s\\n\\n' '\\.'; echo 'the last line' >&2; exit \$STATUS\n");
is((ask($query))[1], '', 'much text on standard error does not block the child');
rows_by("printf \"$begin\"; seq 1000; printf '%s\\n\\n' '\\.'; echo 'it broke at the end' >&2; exit 3\n");
like((ask($query))[1], qr/ERROR:  pg_restore failed: child process exited with exit code 3.*DETAIL:  it broke at the end.*HINT:  Verify the snapshot/s,
	'a failure of pg_restore is an error with its text, even after all rows');
rows_by("printf \"${begin}a\\n\"; kill -9 \$\$\n");
like((ask($query))[1], qr/ERROR:  pg_restore failed: child process was terminated by signal 9/, 'a child that is killed is an error');

# Scripts that no pg_restore prints
foreach my $case (
	[ 'nothing', '', qr/fewer tables than its table of contents/ ],
	[ 'a COPY from a program', 'COPY public.small (t) FROM PROGRAM \'touch /tmp/x\';\n', qr/is not the COPY of a table/ ],
	[ 'a COPY from a file', 'COPY public.small (t) FROM \'/etc/passwd\';\n', qr/is not the COPY of a table/ ],
	[ 'a COPY TO', 'COPY public.small (t) TO stdout;\n', qr/is not the COPY of a table/ ],
	[ 'two statements', 'COPY public.small (t) FROM stdin; DROP TABLE small;\n', qr/is not the COPY of a table/ ],
	[ 'a COPY with options', 'COPY public.small (t) FROM stdin (FORMAT csv);\n', qr/is not the COPY of a table/ ],
	[ 'a COPY without schema', 'COPY small (t) FROM stdin;\n', qr/is not the COPY of a table/ ],
	[ 'garbage after COPY', 'COPY public.small (((\n', qr/syntax error/ ],
	[ 'an open quote', 'COPY public."small (t) FROM stdin;\na\n\\\\.\n', qr/has no end/ ],
	[ 'a zero byte', 'COPY public.small (t) FROM stdin; \\0\n', qr/contains a zero byte/ ],
	[ 'another table', 'COPY public.big (t) FROM stdin;\na\n\\\\.\n\n', qr/rows of another table/ ],
	[ 'two tables', 'COPY public.small (t) FROM stdin;\n\\\\.\n\nCOPY public.small (t) FROM stdin;\n\\\\.\n\n', qr/more tables than its table of contents|were counted when/ ],
	[ 'another encoding', 'SET client_encoding = \'LATIN1\';\nCOPY public.small (t) FROM stdin;\n\\\\.\n\n', qr/is in another encoding/ ],
	[ 'rows without an end', 'COPY public.small (t) FROM stdin;\na\nb\n', qr/rows of a table have no end/ ],
	[ 'an end in the wrong place', 'COPY public.small (t) FROM stdin;\na\nb\\\\.\n\\\\.\n\n', qr/corrupt|is damaged|not alone on its line/ ],
	[ 'too many values', 'COPY public.small (t) FROM stdin;\na\nb\tc\n\\\\.\n\n', qr/a row has 2 values, but its table has 1 columns.*CONTEXT:  line 2 of table "public.small"/s ],
	[ 'bytes that are not UTF-8', 'COPY public.small (t) FROM stdin;\na\n\\377\n\\\\.\n\n', qr/invalid byte sequence.*CONTEXT:  line 2 of table/s ],
	[ 'a zero byte in a row', 'COPY public.small (t) FROM stdin;\na\n\\0\n\\\\.\n\n', qr/invalid byte sequence/ ],
	[ 'rows that were lost', 'COPY public.small (t) FROM stdin;\na\n\\\\.\n\n', qr/is damaged.*Table "public.small" has 1 rows in .* and 1000 were counted/s ])
{
	my ($what, $script, $error) = @$case;

	rows_by('printf "' . $script =~ s/"/\\"/gr . "\"\n");
	like((ask($query))[1], qr/ERROR:  .*$error/s, "a dump with $what is an error");
}
rows_by("printf 'COPY public.small '; yes '\"' | tr -d '\\n' | head -c 3000000\n");
like((ask($query))[1], qr/ERROR:  .*line that is not part of a row is too long/s, 'a dump with a statement without end is an error');
reload_with($node, bin_directory => "$fake/none");
like((ask($query))[1], qr/ERROR:  could not find an executable.*HINT:  Install the client programs/s, 'a missing pg_restore is an error with a hint');
reload_with($node, bin_directory => $node->config_data('--bindir'));
is((ask($query))[0], '1000', 'the snapshot is read after all that');

# Damaged files
sub patch_file
{
	my ($file, $from, $to) = @_;
	my $text = slurp_file($file);

	length $from == length $to && $text =~ s/\Q$from\E/$to/ or die "no $from in $file";
	unlink $file;
	append_to_file($file, $text);
	return;
}
my ($data) = grep { slurp_file($_) =~ /^row 1\n/ } grep { -s $_ < 1e6 } glob "$directory/$name/postgres.dump/*.dat";
patch_file($data, "row 500\n", "row 5OO\n");
like((ask($query))[1], qr/ERROR:  snapshot "\Q$name\E" is damaged.*File "\Q$data\E" does not match the manifest/s,
	'a changed byte in the file of a table is found when it is read to its end');
is((ask("SELECT (snapshot_rows('$name', NULL::small)).t LIMIT 1"))[0], 'row 1', 'the beginning of a damaged file can be read');
unlink $data;
like((ask($query))[1], qr/ERROR:  pg_restore failed/, 'a missing file is an error');

foreach my $compress ('gzip', 'none')
{
	reload_with($node, format => 'custom', compress => $compress);
	my $custom = take_snapshot($node, 'postgres');
	my $dump = "$directory/$custom/postgres.dump";
	my $custom_query = $query =~ s/\Q$name\E/$custom/r;

	is((ask($custom_query))[0], '1000', "a dump in custom format is read ($compress)");
	if ($compress eq 'none')
	{
		patch_file($dump, "row 500\n", 'row 500x');
		like((ask($custom_query))[1], qr/ERROR:  .*Table "public.small" has 999 rows in .* and 1000 were counted/s,
			'a row that is missing in custom format is found by its number');
		patch_file($dump, 'COPY public.small (t) FROM stdin;', 'DROP public.small (t) FROM stdin;');
		like((ask($custom_query))[1], qr/ERROR:  .*fewer tables than its table of contents/s,
			'another statement in the place of COPY is an error');
	}
	truncate $dump, 1000 or die;
	like((ask($custom_query))[1], qr/ERROR:  pg_restore failed/, "a dump that is cut off is an error ($compress)");
}

# Roles
$node->safe_psql('postgres', 'CREATE ROLE nobody; CREATE ROLE reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO nobody, reader;
GRANT EXECUTE ON FUNCTION snapshot_rows(text, anyelement) TO reader');
foreach my $call ('snapshot_at()', "snapshot_rows('$name', NULL::big)", "snapshot_rows('$name', 'big'::text)")
{
	like((ask("SET ROLE nobody; SELECT $call"))[1], qr/ERROR:  permission denied for function/, "a role without privileges cannot call $call" =~ s/\Q$name\E/.../r);
}
is((ask("SET ROLE reader; SELECT (snapshot_rows('$name', NULL::big)).n LIMIT 1"))[0], '1', 'a role with EXECUTE can read');
unlike(slurp_file($node->logfile), qr/PANIC|server process .* was terminated|leak/, 'the server has neither crashed nor leaked');

done_testing();
