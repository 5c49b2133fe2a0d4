
# Copyright (c) 2026, the snapshot_worker developers

# Tables and columns that go along with something else, with before_drop.
# Promised here: a DROP of a schema, type, function, extension, role or the
# like takes a snapshot if it takes the rows of a large table along; it takes
# none if the server refuses it, or if it takes no rows.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use SnapshotTest::BeforeDrop;
use Test::More;

my ($node, $directory, $superuser) = before_drop_node();
my %as_superuser = (role => $superuser);


# Each case: a dependency; statements that make it; a statement that the server
# refuses since it lacks CASCADE, or undef; a statement that takes the rows of
# table "far"; and statements that remove the rest.
foreach my $case (
	[
		'a column of a type in another schema',
		"CREATE SCHEMA s; CREATE TYPE s.kind AS ENUM ('a');"
		  . "CREATE TABLE far AS SELECT 'a'::s.kind AS kind, f.* FROM ($filled) f",
		'DROP SCHEMA s',
		'DROP SCHEMA s CASCADE'
	],
	[
		'a column of a type',
		"CREATE TYPE kind AS ENUM ('a');"
		  . "CREATE TABLE far AS SELECT 'a'::kind AS kind, f.* FROM ($filled) f",
		'DROP TYPE kind',
		'DROP TYPE IF EXISTS nosuch, kind CASCADE'
	],
	[
		'a column of a domain in a partition',
		'CREATE DOMAIN number AS int;'
		  . 'CREATE TABLE whole (id number, filler text) PARTITION BY LIST (filler);'
		  . 'CREATE TABLE far PARTITION OF whole DEFAULT;'
		  . "INSERT INTO whole $filled",
		'DROP DOMAIN number',
		'DROP DOMAIN number CASCADE',
		'DROP TABLE whole'
	],
	[
		'a partition key of a domain',
		'CREATE DOMAIN number AS int;'
		  . 'CREATE TABLE whole (id number, filler text) PARTITION BY LIST (id);'
		  . 'CREATE TABLE far PARTITION OF whole DEFAULT;'
		  . "INSERT INTO whole $filled",
		'DROP DOMAIN number',
		'DROP DOMAIN number CASCADE'
	],
	[
		'a column of an array of a domain of a row type',
		'CREATE TYPE pair AS (a int, b int); CREATE DOMAIN same AS pair;'
		  . "CREATE TABLE far AS SELECT ARRAY[(1, 2)::same] AS p, f.* FROM ($filled) f",
		'DROP TYPE pair',
		'DROP TYPE pair CASCADE'
	],
	[
		'a typed table',
		'CREATE TYPE pair AS (id int, filler text); CREATE TABLE far OF pair;'
		  . "INSERT INTO far $filled",
		'DROP TYPE pair',
		'DROP TYPE pair CASCADE'
	],
	[
		'a column of a row type that loses an attribute',
		'CREATE TYPE pair AS (a int, b int);'
		  . "CREATE TABLE far AS SELECT (1, 2)::pair AS p, f.* FROM ($filled) f",
		undef,
		'ALTER TYPE pair DROP ATTRIBUTE b',
		'DROP TYPE pair CASCADE'
	],
	[
		'a column of the row type of a table',
		'CREATE TABLE near (a int, b int);'
		  . "CREATE TABLE far AS SELECT (1, 2)::near AS p, f.* FROM ($filled) f",
		'DROP TABLE near',
		'DROP TABLE near CASCADE'
	],
	[
		'a column of the row type of a table that loses a column',
		'CREATE TABLE near (a int, b int);'
		  . "CREATE TABLE far AS SELECT (1, 2)::near AS p, f.* FROM ($filled) f",
		undef,
		'ALTER TABLE near DROP COLUMN b',
		'DROP TABLE near CASCADE'
	],
	[
		'a column of the row type of a view',
		'CREATE VIEW near AS SELECT 1 AS a;'
		  . "CREATE TABLE far AS SELECT near AS p, f.* FROM near, ($filled) f",
		'DROP VIEW near',
		'DROP VIEW near CASCADE'
	],
	[
		'a generated column',
		'CREATE FUNCTION one() RETURNS int IMMUTABLE LANGUAGE sql'
		  . q{ AS 'SELECT 1';}
		  . 'CREATE TABLE far (id int, filler text,'
		  . ' one int GENERATED ALWAYS AS (one()) STORED);'
		  . "INSERT INTO far $filled",
		'DROP FUNCTION one',
		'DROP FUNCTION one CASCADE'
	],
	[
		'a column with a collation',
		'CREATE COLLATION coll FROM "C";'
		  . "CREATE TABLE far AS SELECT id, filler COLLATE coll FROM ($filled) f",
		'DROP COLLATION coll',
		'DROP COLLATION coll CASCADE'
	],
	[
		'a column of a type of an extension',
		'CREATE EXTENSION hstore;'
		  . "CREATE TABLE far AS SELECT 'a=>1'::hstore AS h, f.* FROM ($filled) f",
		'DROP EXTENSION hstore',
		'DROP EXTENSION hstore CASCADE'
	],
	[
		'an extension one of whose members needs a function',
		q{CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';}
		  . 'CREATE EXTENSION hstore; CREATE VIEW uses AS SELECT one();'
		  . 'ALTER EXTENSION hstore ADD VIEW uses;'
		  . "CREATE TABLE far AS SELECT 'a=>1'::hstore AS h, f.* FROM ($filled) f",
		'DROP FUNCTION one',
		'DROP FUNCTION one CASCADE'
	],
	[
		'a table with an access method',
		'CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;'
		  . "CREATE TABLE far USING heap2 AS $filled",
		'DROP ACCESS METHOD heap2',
		'DROP ACCESS METHOD heap2 CASCADE'
	],
	[
		'a child of a table',
		'CREATE TABLE near (id int, filler text);'
		  . "CREATE TABLE far () INHERITS (near); INSERT INTO far $filled",
		'DROP TABLE near',
		'DROP TABLE near CASCADE'
	],
	[
		'a child of a foreign table',
		'CREATE FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE SERVER there FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE FOREIGN TABLE near (id int, filler text) SERVER there;'
		  . "CREATE TABLE far () INHERITS (near); INSERT INTO far $filled",
		'DROP SERVER there',
		'DROP SERVER there CASCADE',
		'DROP FOREIGN DATA WRAPPER wrapper'
	],
	[
		'a column of a child of a foreign table',
		'CREATE FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE SERVER there FOREIGN DATA WRAPPER wrapper;'
		  . 'CREATE FOREIGN TABLE near (id int, filler text) SERVER there;'
		  . "CREATE TABLE far () INHERITS (near); INSERT INTO far $filled",
		undef,
		'ALTER FOREIGN TABLE near DROP COLUMN filler',
		'DROP FOREIGN DATA WRAPPER wrapper CASCADE'
	],
	[
		'a column that comes from two parents',
		'CREATE TABLE near (id int, filler text);'
		  . 'CREATE TABLE left1 () INHERITS (near);'
		  . 'CREATE TABLE right1 () INHERITS (near);'
		  . "CREATE TABLE far () INHERITS (left1, right1); INSERT INTO far $filled",
		undef,
		'ALTER TABLE near DROP COLUMN filler',
		'DROP TABLE near CASCADE'
	],
	[
		'a column whose key another command drops',
		"CREATE TABLE far AS $filled; ALTER TABLE far ADD PRIMARY KEY (id);"
		  . 'CREATE TABLE refers (id int REFERENCES far)',
		'ALTER TABLE far DROP COLUMN id',
		'ALTER TABLE far DROP CONSTRAINT far_pkey CASCADE, DROP COLUMN id',
		'DROP TABLE refers'
	],
	[
		'a column that gets other values',
		"CREATE TABLE far AS $filled",
		undef, 'ALTER TABLE far ALTER COLUMN filler TYPE int USING 0'
	],
	[
		'what a role owns',
		'CREATE ROLE leaver; CREATE TABLE far'
		  . ' (number int GENERATED ALWAYS AS IDENTITY, id int, filler text);'
		  . "INSERT INTO far (id, filler) $filled;"
		  . 'ALTER TABLE far OWNER TO leaver; CREATE VIEW v AS SELECT id FROM far',
		'DROP OWNED BY leaver',
		'DROP OWNED BY leaver CASCADE',
		'DROP ROLE leaver'
	])
{
	my ($what, $made, $refused, $statement, $after) = @$case;

	admin($made);
	takes_none($refused, qr/ERROR:  2BP01/, "$refused ($what)", %as_superuser)
	  if defined $refused;
	my $saved = takes_one($statement, "$statement ($what)", %as_superuser);
	is(scalar(saved_rows($saved, 'public', 'far')),
		300, "the snapshot taken before $statement has the rows ($what)");
	admin('DROP TABLE IF EXISTS far CASCADE; ' . ($after // ''));
}

admin('CREATE ROLE leaver; GRANT leaver TO owner;'
	  . q{SELECT lo_from_bytea(1, string_agg(sha256(i::text::bytea), ''))
	FROM generate_series(1, 10000) i;}
	  . 'ALTER LARGE OBJECT 1 OWNER TO leaver');
takes_none('DROP OWNED BY leaver', qr/ERROR:  42501/,
	'DROP OWNED without the right to it', role => 'other');
takes_one('DROP OWNED BY leaver', 'DROP OWNED of large objects');
takes_none('DROP OWNED BY leaver',
	undef, 'DROP OWNED of a role that owns nothing');
takes_none("DROP OWNED BY \"$superuser\"",
	qr/ERROR:  2BP01: cannot drop objects owned by role/,
	'DROP OWNED of what the system needs', %as_superuser);
admin('DROP ROLE leaver');

# The server refuses these.
admin(<<EOF);
CREATE EXTENSION hstore;
CREATE TYPE pair AS (id int, filler text);
CREATE TABLE typed OF pair;
INSERT INTO typed $filled;
CREATE TABLE member AS $filled;
ALTER EXTENSION hstore ADD TABLE member;
CREATE TABLE parent AS $filled;
CREATE TABLE child () INHERITS (parent);
INSERT INTO child $filled;
CREATE TABLE parted (id int, filler text) PARTITION BY LIST (id);
CREATE TABLE part PARTITION OF parted DEFAULT;
INSERT INTO parted $filled;
CREATE TABLE seen AS $filled;
ALTER TABLE seen ADD twice int GENERATED ALWAYS AS (2 * id) STORED;
CREATE VIEW sees AS SELECT filler FROM seen;
CREATE MATERIALIZED VIEW keeps AS $filled;
CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
EOF
foreach my $case (
	[ 'DROP TABLE member CASCADE', qr/2BP01: .* because extension/ ],
	[ 'ALTER TABLE typed DROP COLUMN id', qr/42809: .* typed table/ ],
	[ 'ALTER TABLE child DROP COLUMN id', qr/42P16: .* inherited column/ ],
	[ 'ALTER TABLE part DROP COLUMN filler', qr/42P16: .* inherited/ ],
	[ 'ALTER TABLE parted DROP COLUMN id', qr/42P16: .* partition key/ ],
	[
		'ALTER TABLE ONLY parted DROP COLUMN filler',
		qr/42P16: .* only the partitioned table/
	],
	[
		'ALTER TABLE child ALTER COLUMN filler TYPE int USING 0',
		qr/42P16: .* inherited column/
	],
	[
		'ALTER TABLE ONLY parent ALTER COLUMN filler TYPE int USING 0',
		qr/42P16: .* must be changed in child tables too/
	],
	[
		'ALTER TABLE seen ALTER COLUMN nosuch TYPE int USING 0',
		qr/42703: column "nosuch"/
	],
	[ 'ALTER TABLE seen DROP COLUMN filler', qr/2BP01: .* depend on it/ ],
	[ 'ALTER TABLE seen DROP COLUMN id', qr/2BP01: .* depend on it/ ],
	[ 'DROP TABLE seen', qr/2BP01: .* depend on it/ ],
	[ 'TRUNCATE ONLY parted', qr/42809: cannot truncate only a partit/ ],
	[ 'DROP TYPE seen CASCADE', qr/2BP01: .* because table seen requires/ ],
	[ 'DROP TYPE int CASCADE', qr/2BP01: .* required by the database/ ],
	[ 'DROP FUNCTION one(int)', qr/42883: function one\(integer\) does/ ],
	[ 'DROP DOMAIN pair CASCADE', qr/42809: "?pair"? is not a domain/ ],
	[ 'DROP EXTENSION nosuch CASCADE', qr/42704: extension "nosuch"/ ])
{
	my ($statement, $error) = @$case;

	takes_none($statement, qr/ERROR:  $error/, $statement, %as_superuser);
}
foreach my $statement (
	'DROP TYPE pair CASCADE',
	'DROP FUNCTION one CASCADE',
	'DROP EXTENSION hstore CASCADE',
	'DROP VIEW sees',
	'ALTER TYPE pair DROP ATTRIBUTE id CASCADE')
{
	takes_none($statement, qr/ERROR:  42501: must be owner of/,
		"$statement without the right to it", role => 'other');
}

# These take no rows of a table.
foreach my $statement (
	'DROP VIEW sees',
	'DROP MATERIALIZED VIEW keeps',
	'DROP FUNCTION one',
	'DROP TYPE IF EXISTS nosuch, nosuch.nosuch CASCADE',
	'DROP FUNCTION IF EXISTS nosuch(nosuch) CASCADE',
	'CREATE INDEX i ON seen (id); DROP INDEX i',
	'CREATE SEQUENCE q; DROP SEQUENCE q CASCADE',
	'CREATE RULE r AS ON DELETE TO seen DO NOTHING; DROP RULE r ON seen',
	'ALTER TABLE parted DETACH PARTITION part',
	'ALTER TABLE child NO INHERIT parent',
	'ALTER TABLE parent ALTER COLUMN id TYPE bigint')
{
	takes_none($statement, undef, $statement, %as_superuser);
}
admin('CREATE VIEW sees AS SELECT filler FROM seen');
takes_one('DROP TABLE seen CASCADE', 'DROP TABLE that takes a view along',
	%as_superuser);
admin('DROP EXTENSION hstore; DROP TYPE pair CASCADE;'
	  . 'DROP TABLE child, parent, parted, part');

is_deeply([ leftovers($directory) ], [], 'snapshots before drops leave nothing over');
is_deeply([ damages($directory) ], [], 'snapshots before drops are whole at the end');
$node->stop;
done_testing();
