--
-- hard.sql
--   One database of everything that pg_dump finds hard.
--
-- To be run by a superuser in a new UTF8 database made from template0, and not
-- in a single transaction, which enums do not allow:
--   psql -X -v ON_ERROR_STOP=1 -f hard.sql dbname
-- Works on PostgreSQL 15 and later with its contrib modules.  What it makes is
-- the same each time; there is no clock and no chance in it.  Roles belong to
-- the cluster and stay there; they all begin with hard_.  What is left out, and
-- why, is at the end.
--
\set QUIET on
\o /dev/null
SET client_encoding = 'UTF8'; SET client_min_messages = error; SET timezone = 'UTC'; SET datestyle = 'ISO, MDY';
SET intervalstyle = 'postgres'; SET standard_conforming_strings = on; SET synchronous_commit = off; SET search_path = '';

-- * Roles
DO $$
DECLARE r text;
BEGIN
  FOREACH r IN ARRAY ARRAY['hard_owner', 'hard_reader', 'hard_writer', 'hard_odd "=r*/x'' role'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = r) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', r);
    END IF;
  END LOOP;
END $$;

-- * Schemas and extensions: in schemas of their own, one on top of another,
-- with changed privileges on what they contain
CREATE SCHEMA hard AUTHORIZATION hard_owner; CREATE SCHEMA hard_part; CREATE SCHEMA hard_empty;
CREATE SCHEMA hard_granted AUTHORIZATION hard_writer; CREATE SCHEMA "hard ext"; CREATE SCHEMA hard_crypto;
CREATE EXTENSION hstore SCHEMA "hard ext"; CREATE EXTENSION pg_trgm SCHEMA "hard ext";
CREATE EXTENSION btree_gist SCHEMA "hard ext"; CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION ltree SCHEMA public;
CREATE EXTENSION pgcrypto SCHEMA hard_crypto; CREATE EXTENSION earthdistance SCHEMA public CASCADE;
CREATE EXTENSION bloom SCHEMA "hard ext"; CREATE EXTENSION file_fdw SCHEMA "hard ext";
CREATE EXTENSION postgres_fdw SCHEMA "hard ext";
SELECT 'CREATE EXTENSION "uuid-ossp" SCHEMA "hard ext"'
  FROM pg_catalog.pg_available_extensions WHERE name = 'uuid-ossp' \gexec
REVOKE EXECUTE ON FUNCTION hard_crypto.gen_salt(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hard_crypto.gen_salt(text) TO hard_reader;
GRANT USAGE ON SCHEMA hard_crypto TO hard_reader WITH GRANT OPTION;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_ls_dir(text) TO hard_reader;
GRANT SELECT (rolname, rolsuper) ON pg_catalog.pg_authid TO "hard_odd ""=r*/x' role";

-- * Types
CREATE TYPE hard.mood AS ENUM ('sad', 'happy', '', 'it''s "odd"', '🐘 ünïcode', 'sixty-three bytes of label ....................................');
ALTER TYPE hard.mood ADD VALUE 'so-so' BEFORE 'happy'; ALTER TYPE hard.mood ADD VALUE 'less so' BEFORE 'so-so';
ALTER TYPE hard.mood ADD VALUE 'ecstatic' AFTER 'happy'; ALTER TYPE hard.mood RENAME VALUE '' TO ' ';
CREATE TYPE hard.no_labels AS ENUM ();
CREATE TYPE hard.point3 AS (x float8, y float8, gone int, z float8, "a ""name" text COLLATE "C");
ALTER TYPE hard.point3 DROP ATTRIBUTE gone; ALTER TYPE hard.point3 ADD ATTRIBUTE tags text[];
CREATE TYPE hard.nested AS (id int, p hard.point3, ps hard.point3[], m hard.mood);
CREATE TYPE hard.no_attributes AS ();
CREATE TYPE hard.shell_only;
CREATE DOMAIN hard.positive AS int DEFAULT 7 CONSTRAINT positive_check CHECK (VALUE > 0);
CREATE DOMAIN hard.small_positive AS hard.positive NOT NULL CONSTRAINT small CHECK (VALUE < 1000);
CREATE DOMAIN hard.words AS text[] CHECK (pg_catalog.array_length(VALUE, 1) BETWEEN 1 AND 5);
CREATE DOMAIN hard.flat_point AS hard.point3 CHECK ((VALUE).z IS NULL OR (VALUE).z = 0);
CREATE DOMAIN hard.c_text AS varchar(20) COLLATE "C" DEFAULT E'it''s\\\n';
CREATE DOMAIN hard.lax AS int;
ALTER DOMAIN hard.lax ADD CONSTRAINT later CHECK (VALUE <> 13) NOT VALID;
CREATE TYPE hard.floatrange AS RANGE (subtype = float8, subtype_diff = pg_catalog.float8mi, multirange_type_name = hard."float ranges");
CREATE TYPE hard.textrange AS RANGE (subtype = text, collation = "C");

-- a base type, whose functions need the type and the other way round
CREATE TYPE hard.int42;
CREATE FUNCTION hard.int42_in(cstring) RETURNS hard.int42 AS 'int4in' LANGUAGE internal STRICT IMMUTABLE;
CREATE FUNCTION hard.int42_out(hard.int42) RETURNS cstring AS 'int4out' LANGUAGE internal STRICT IMMUTABLE;
CREATE TYPE hard.int42 (INPUT = hard.int42_in, OUTPUT = hard.int42_out, INTERNALLENGTH = 4, PASSEDBYVALUE, ALIGNMENT = int4, DEFAULT = 42, CATEGORY = 'Z', PREFERRED = true, DELIMITER = ';');

-- a domain whose check uses a function that returns the domain
CREATE DOMAIN hard.knotted AS int;
CREATE FUNCTION hard.knotted_abs(int) RETURNS hard.knotted LANGUAGE internal IMMUTABLE STRICT AS 'int4abs';
ALTER DOMAIN hard.knotted ADD CONSTRAINT knot CHECK (hard.knotted_abs(VALUE) = VALUE);

-- * Collations, conversions, access methods, languages, transforms
CREATE COLLATION hard.libc_c (PROVIDER = libc, LC_COLLATE = 'C', LC_CTYPE = 'C');
CREATE COLLATION hard.icu_ci (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
CREATE COLLATION hard."icu Numeric" (PROVIDER = icu, LOCALE = 'en-u-kn-true');
CREATE CONVERSION hard.latin FOR 'LATIN1' TO 'UTF8' FROM pg_catalog.iso8859_1_to_utf8;
CREATE DEFAULT CONVERSION hard.latin_default FOR 'UTF8' TO 'LATIN1' FROM pg_catalog.utf8_to_iso8859_1;
CREATE ACCESS METHOD hard_heap TYPE TABLE HANDLER pg_catalog.heap_tableam_handler;
CREATE ACCESS METHOD hard_gist TYPE INDEX HANDLER pg_catalog.gisthandler;
CREATE FUNCTION hard.lang_handler() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION hard.lang_inline(internal) RETURNS void STRICT LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE TRUSTED LANGUAGE hard_lang HANDLER hard.lang_handler INLINE hard.lang_inline;
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION pg_catalog.prsd_lextype(internal), TO SQL WITH FUNCTION pg_catalog.int4recv(internal));
CREATE TRANSFORM FOR hard.mood LANGUAGE hard_lang (FROM SQL WITH FUNCTION pg_catalog.prsd_lextype(internal));

-- * Text search
CREATE TEXT SEARCH PARSER hard.parser (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, HEADLINE = prsd_headline, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE hard.template (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE TEXT SEARCH DICTIONARY hard.dict (TEMPLATE = hard.template, ACCEPT = false);
CREATE TEXT SEARCH DICTIONARY hard."stem 'en'" (TEMPLATE = pg_catalog.snowball, LANGUAGE = english, STOPWORDS = english);
CREATE TEXT SEARCH CONFIGURATION hard.conf (PARSER = hard.parser);
ALTER TEXT SEARCH CONFIGURATION hard.conf ADD MAPPING FOR asciiword, word, hword WITH hard.dict, hard."stem 'en'";
ALTER TEXT SEARCH CONFIGURATION hard.conf ADD MAPPING FOR email, url WITH simple;
CREATE TEXT SEARCH CONFIGURATION hard.copied (COPY = pg_catalog.french);
ALTER TEXT SEARCH CONFIGURATION hard.copied DROP MAPPING FOR email;

-- * Functions and procedures
CREATE FUNCTION hard.add(a int, b int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN a + b;
CREATE FUNCTION hard.add(a text, b text) RETURNS text LANGUAGE sql AS 'SELECT a || b';
CREATE FUNCTION hard.add(base int[], VARIADIC rest int[] = '{1,2}') RETURNS bigint LANGUAGE sql STABLE COST 5 BEGIN ATOMIC SELECT pg_catalog.sum(x) FROM unnest(base || rest) AS x; END;
CREATE FUNCTION hard.atomic(n int, OUT i int, OUT "odd ""out" text) RETURNS SETOF record LANGUAGE sql STABLE ROWS 3 BEGIN ATOMIC
  SELECT g, 'row ' || g::text FROM pg_catalog.generate_series(1, n) g WHERE g <> ALL (ARRAY[2, 4]) ORDER BY 1 DESC;
END;
CREATE FUNCTION hard.atomic_empty() RETURNS void LANGUAGE sql BEGIN ATOMIC END;
CREATE FUNCTION hard.bodies() RETURNS text LANGUAGE plpgsql SECURITY DEFINER
  SET search_path TO "hard ext", 'it''s, "odd"', pg_catalog, '' SET work_mem = '8MB' SET "DateStyle" = 'ISO, DMY' SET hard.custom = E'a\\b''c, "d"'
  AS $body$
/* a $$ and a $_$ and a $function$, a ' and a " and a \ and
\.
\restrict nothing
*/
DECLARE s text := E'\\.\n\t' || $q$it's$q$;
BEGIN
	RETURN s || $_1$x$_1$;  -- trailing space: 
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE 'naïve %', SQLERRM USING HINT = '🐘';
	RETURN NULL;
END
$body$;
CREATE FUNCTION hard.cr_lf() RETURNS int LANGUAGE sql AS E'SELECT 1;\r\n-- tab\there\r\nSELECT 2;\r\n';
CREATE FUNCTION hard.poly(anyelement, anyarray, OUT anyelement) LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1, $2[1])';
CREATE FUNCTION hard.compat(a anycompatible, VARIADIC b anycompatiblearray) RETURNS anycompatible LANGUAGE sql IMMUTABLE STRICT LEAKPROOF AS 'SELECT a';
CREATE FUNCTION hard.multi(anyrange, anymultirange) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE FUNCTION hard.variadic_any(VARIADIC "any") RETURNS text LANGUAGE internal STABLE PARALLEL RESTRICTED AS 'text_concat';
CREATE FUNCTION hard.as_table(IN n int, "select" text DEFAULT E'it''s\n') RETURNS TABLE (i int, t text) LANGUAGE sql AS 'SELECT n, "select"';
CREATE FUNCTION hard.win() RETURNS bigint LANGUAGE internal WINDOW IMMUTABLE AS 'window_row_number';
CREATE FUNCTION hard.my_like(text, text) RETURNS bool LANGUAGE internal IMMUTABLE STRICT SUPPORT pg_catalog.textlike_support AS 'textlike';
CREATE FUNCTION hard.transformed(int) RETURNS int TRANSFORM FOR TYPE int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION hard.in_own_language() RETURNS int LANGUAGE hard_lang AS 'BEGIN RETURN 42; END';
CREATE FUNCTION hard."Ugly ""name""(int) -- '; /*"("arg, """ int, "b$" text DEFAULT NULL) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE PROCEDURE hard.proc(IN a int, OUT c int, INOUT b text DEFAULT 'x') LANGUAGE plpgsql AS 'BEGIN c := a; COMMIT; END';
CREATE PROCEDURE hard.proc_atomic(VARIADIC a int[]) LANGUAGE sql SECURITY DEFINER SET statement_timeout = 5000 BEGIN ATOMIC SELECT a; SELECT hard.add(a[1]); END;
ALTER FUNCTION hard.add(text, text) DEPENDS ON EXTENSION hstore; ALTER FUNCTION hard.bodies() OWNER TO hard_owner;
ALTER PROCEDURE hard.proc(int, text) OWNER TO "hard_odd ""=r*/x' role";
REVOKE ALL ON FUNCTION hard.bodies() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hard.bodies() TO hard_reader WITH GRANT OPTION;
REVOKE ALL ON PROCEDURE hard.proc_atomic(int[]) FROM PUBLIC;

-- * Aggregates, operators, casts, operator classes
CREATE FUNCTION hard.first_of(anyelement, anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT $1';
CREATE AGGREGATE hard.first(anyelement) (SFUNC = hard.first_of, STYPE = anyelement, PARALLEL = safe);
CREATE AGGREGATE hard.total(numeric) (SFUNC = numeric_add, STYPE = numeric, INITCOND = '0', COMBINEFUNC = numeric_add, MSFUNC = numeric_add, MINVFUNC = numeric_sub, MSTYPE = numeric, MINITCOND = '0', PARALLEL = safe);
CREATE AGGREGATE hard.lowest(int) (SFUNC = int4smaller, STYPE = int, SORTOP = <);
CREATE AGGREGATE hard.rows(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
CREATE AGGREGATE hard.pct(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
CREATE AGGREGATE hard.my_rank(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE FUNCTION hard.abs_lt(int, int) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN abs($1) < abs($2);
CREATE FUNCTION hard.abs_le(int, int) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN abs($1) <= abs($2);
CREATE FUNCTION hard.abs_eq(int, int) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN abs($1) = abs($2);
CREATE FUNCTION hard.abs_ge(int, int) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN abs($1) >= abs($2);
CREATE FUNCTION hard.abs_gt(int, int) RETURNS bool LANGUAGE sql IMMUTABLE STRICT RETURN abs($1) > abs($2);
CREATE FUNCTION hard.abs_cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN btint4cmp(abs($1), abs($2));
CREATE OPERATOR hard.|<| (FUNCTION = hard.abs_lt, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(hard.|>|), NEGATOR = OPERATOR(hard.|>=|), RESTRICT = scalarltsel, JOIN = scalarltjoinsel);
CREATE OPERATOR hard.|<=| (FUNCTION = hard.abs_le, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(hard.|>=|), NEGATOR = OPERATOR(hard.|>|));
CREATE OPERATOR hard.|=| (FUNCTION = hard.abs_eq, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(hard.|=|), RESTRICT = eqsel, JOIN = eqjoinsel, HASHES, MERGES);
CREATE OPERATOR hard.|>=| (FUNCTION = hard.abs_ge, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(hard.|<=|), NEGATOR = OPERATOR(hard.|<|));
CREATE OPERATOR hard.|>| (FUNCTION = hard.abs_gt, LEFTARG = int, RIGHTARG = int, COMMUTATOR = OPERATOR(hard.|<|), NEGATOR = OPERATOR(hard.|<=|));
CREATE OPERATOR hard.@#! (FUNCTION = pg_catalog.int4abs, RIGHTARG = int);
ALTER OPERATOR hard.|<=| (int, int) OWNER TO hard_owner;
CREATE OPERATOR FAMILY hard.abs_family USING btree;
CREATE OPERATOR CLASS hard.abs_ops FOR TYPE int USING btree FAMILY hard.abs_family AS
  OPERATOR 1 hard.|<|, OPERATOR 2 hard.|<=|, OPERATOR 3 hard.|=|, OPERATOR 4 hard.|>=|, OPERATOR 5 hard.|>|, FUNCTION 1 hard.abs_cmp(int, int);
ALTER OPERATOR FAMILY hard.abs_family USING btree ADD OPERATOR 1 <(int8, int8), OPERATOR 3 =(int8, int8), FUNCTION 1 (int8, int8) btint8cmp(int8, int8);
CREATE OPERATOR FAMILY hard.empty_family USING hash;
CREATE OPERATOR CLASS hard.box_ops DEFAULT FOR TYPE box USING hard_gist AS OPERATOR 3 &&, OPERATOR 7 @>, FUNCTION 1 gist_box_consistent(internal, box, smallint, oid, internal),
  FUNCTION 2 gist_box_union(internal, internal), FUNCTION 5 gist_box_penalty(internal, internal, internal), FUNCTION 6 gist_box_picksplit(internal, internal), FUNCTION 7 gist_box_same(box, box, internal);
CREATE FUNCTION hard.mood_rank(hard.mood) RETURNS int LANGUAGE sql IMMUTABLE STRICT RETURN length($1::text);
CREATE CAST (hard.mood AS int) WITH FUNCTION hard.mood_rank(hard.mood) AS ASSIGNMENT;
CREATE CAST (text AS hard.point3) WITH INOUT; CREATE CAST (hard.int42 AS int) WITHOUT FUNCTION AS IMPLICIT;

-- * Large objects: all byte values, empty, several pages, with holes, the
-- largest OID, and more of them than pg_dump puts into one archive entry
SELECT pg_catalog.lo_from_bytea(900001, string_agg(set_byte('\x00', 0, i), ''::bytea ORDER BY i)) FROM generate_series(0, 255) i;
SELECT pg_catalog.lo_create(900002);
SELECT pg_catalog.lo_from_bytea(900003, string_agg(decode(md5(i::text), 'hex'), ''::bytea ORDER BY i)) FROM generate_series(1, 3001) i;
SELECT pg_catalog.lo_create(900004), pg_catalog.lo_put(900004, 300000, '\xdeadbeef00');
SELECT pg_catalog.lo_from_bytea(4294967295, E'\\\\.\\012\\\\N\\011''\\000');
SELECT pg_catalog.lo_from_bytea((910000 + i)::oid, convert_to(md5(i::text), 'UTF8')) FROM generate_series(1, 1100) i;
ALTER LARGE OBJECT 900003 OWNER TO hard_owner; ALTER LARGE OBJECT 900004 OWNER TO "hard_odd ""=r*/x' role";
GRANT SELECT ON LARGE OBJECT 900001, 900002 TO PUBLIC;
GRANT SELECT, UPDATE ON LARGE OBJECT 900003 TO hard_writer WITH GRANT OPTION;
REVOKE ALL ON LARGE OBJECT 900004 FROM "hard_odd ""=r*/x' role";
CREATE TABLE hard.lo_refs (id int PRIMARY KEY, lo oid);
INSERT INTO hard.lo_refs VALUES (1, 900001), (2, 900002), (3, 4294967295), (4, 12345678), (5, NULL), (6, 0);

-- * Values of every kind
CREATE TABLE hard.kinds (
  id int PRIMARY KEY, b bool, ch "char", i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(12, 3), n3 numeric(3, -2),
  c char(5), vc varchar(10), nm name, d date, t time(3), tz timetz, ts timestamp, tsz timestamptz(2), iv interval, ivy interval year to month,
  bt bit(9), bv varbit, by bytea, ip inet, net cidr, mac macaddr, mac8 macaddr8, u uuid, j json, jb jsonb, jp jsonpath,
  tv tsvector, tq tsquery, p point, l line, ls lseg, bx box, pa path, po polygon, ci circle,
  r int4range, rn numrange, rt tstzrange, mr int4multirange, fr hard.floatrange, frm hard."float ranges", tr hard.textrange,
  e hard.mood, pos hard.positive, w hard.words, k hard.knotted, p3 hard.point3, ne hard.nested, fp hard.flat_point, i42 hard.int42,
  ia int[], ta text[], ea hard.mood[], pa3 hard.point3[], i42a hard.int42[], hs "hard ext".hstore, ct public.citext, lt public.ltree, lq public.lquery, cu public.cube,
  rc regclass, rp regprocedure, ry regtype, o oid, ti tid, x xid, x8 xid8, lsn pg_lsn, sn pg_snapshot, ct2 hard.c_text);
INSERT INTO hard.kinds (id) VALUES (0);
INSERT INTO hard.kinds VALUES (1, true, '\377', -32768, -9223372036854775808, '1e-45', '4.9e-324', 'NaN', 'NaN', 12300,
  'a', 'naïve', 'some name', '4713-01-01 BC', '24:00', '00:00+15:59:59', '4713-01-01 00:00:00 BC', '0044-03-15 12:00:00.129+00 BC', '-178000000 years 3 mons -1 day 00:00:00.000001', '-3 years 5 mons',
  B'101010101', B'', '\x', '::ffff:1.2.3.4/128', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'ffffffff-ffff-ffff-ffff-ffffffffffff', E' {"b": 1, "a" :2.50,\n"b":"\\u00e9\\ud83d\\udc18"}', '{"b": 1e400, "a": [null, "\n\t\"\\", {}], "": -0.00}', '$.a[*] ? (@.x > 1 && @ like_regex "^it''s")',
  $$'it''s':1A,2B fat:3C 'a\\b':16383$$, $$'fat':AB & ( !'ra''t':* | c <3> d )$$, '(-0,1e308)', '{1,-1,0}', '[(0,0),(1,1)]', '((1,1),(0,0))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(1,0))', '<(0.1,0.2),1e-10>',
  'empty', '[1.5,)', '["infinity",]', '{[1,5),[7,9),[11,)}', '(-Infinity,NaN]', '{[1,2],(3,4.5)}', '["a,b","c\\""")',
  'ecstatic', 1, '{"a b",c}', 4, ROW(1, 'NaN', -0.0, 'q"\ ', '{a,NULL,""}'), ROW(1, ROW(1, 2, 3, '(,)"', NULL), ARRAY[ROW(1, 2, 3, '{}', '{}')::hard.point3], 'less so'), ROW(1, 2, 0, NULL, NULL), DEFAULT,
  '[0:1][-2:-1]={{1,NULL},{3,4}}', E'{"NULL",NULL,"",",","\\"","\\\\","a\nb","\t"," "}', '{sad,"it''s \"odd\"",NULL}', ARRAY[ROW(1, 2, 3, 'x,"y"', '{z}')::hard.point3, NULL], '[5:6]={1;2}', 'a=>NULL, "b \"c"=>"d\\e", ""=>""', 'CiText', 'Top.a_b.C1', 'Top.*{0,2}.!a|b@%', '(1,2),(3,4)',
  'hard.lo_refs', 'pg_catalog.lower(text)', 'hard.mood[]', 4294967295, '(4294967295,65535)', '4294967295', '18446744073709551615', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', DEFAULT);
INSERT INTO hard.kinds (id, ch, f4, f8, n, d, ts, tsz, iv, i8, u, ia, ta, by, bv, mr, r, jb, j, n3, rt) VALUES
  (2, '', 'NaN', '-0', 'Infinity', 'infinity', 'infinity', '-infinity', '1 mon -1 day +00:00:01', 9223372036854775807, '00000000-0000-0000-0000-000000000000', '{}', '{}', '\x00', B'1', '{}', '(,)', 'null', 'null', -99900, '(,)'),
  (3, 'x', '-Infinity', '1.7976931348623157e308', '-Infinity', '-infinity', '-infinity', 'infinity', '0', 0, NULL, '{{{1}},{{2}}}', '{{a,b},{NULL,"c d"}}', '\x5c2e0a5c4e', NULL, '{(,)}', '[1,1]', '"\\"', '""', 0, '[2000-01-01 00:00+00,2000-01-01 00:00+00]'),
  (4, '\', '3.4028235e38', '0.1', '1e-400'::numeric, '5874897-12-31', '294276-12-31 23:59:59.999999', '2000-02-29 23:59:59.995+00', '00:00:00.000001', 1, NULL, '[-1:-1]={7}', '{"{}"}', NULL, NULL, NULL, NULL, '[[[]]]', '[1, 1.0, 1.00]', NULL, NULL);
UPDATE hard.kinds SET n = repeat('1234567890', 200)::numeric + 1e-300 WHERE id = 0;
CREATE TABLE hard.all_bytes (b bytea);
INSERT INTO hard.all_bytes SELECT string_agg(set_byte('\x00', 0, i), ''::bytea ORDER BY i) FROM generate_series(0, 255) i;
INSERT INTO hard.all_bytes SELECT set_byte('\x0000', 1, i) FROM generate_series(0, 255) i;
INSERT INTO hard.all_bytes VALUES (''), (NULL), ('\\.'), (E'\\\\N');
CREATE TABLE hard.xmls (id int, x xml);
INSERT INTO hard.xmls VALUES (0, NULL);
DO $$ BEGIN  -- for a server that has xml
  INSERT INTO hard.xmls VALUES (1, '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY e "x">]><a b=''c"''>&lt;é</a>'), (2, E'text <b/>\n<c>]]&gt;</c>'), (3, '');
EXCEPTION WHEN feature_not_supported THEN NULL;
END $$;

-- * Text that needs escapes
CREATE TABLE hard.odd_text (id int PRIMARY KEY, t text, u text DEFAULT E'\\.\n''"$$');
INSERT INTO hard.odd_text SELECT i, 'a' || chr(i) || 'b' || chr(i), chr(i) FROM generate_series(1, 160) i;
INSERT INTO hard.odd_text VALUES
  (200, '', NULL), (201, NULL, ''), (202, '\N', '\n'), (203, '\.', E'a\n\\.\nb'), (204, E'\\.\n', E'\n\\.'), (205, E'\t', E'\r\n'), (206, E'\n', E'\r'), (207, '\', '\\'),
  (208, 'NULL', 'null'), (209, '''', '"'), (210, '$$', '$1'), (211, ' lead', 'trail '), (212, '-- comment', '/* comment'), (213, ';', '\connect postgres'), (214, E'\\restrict x\n\\unrestrict x', '\! false'),
  (215, '🐘👩‍👩‍👧‍👦🏳️‍🌈', U&'e\0301 \+01F418 o\0308\0304'), (216, U&'\200F\202E\05E9\05DC\05D5\05DD\202C', U&'\0645\0631\062D\0628\0627'), (217, U&'\FEFF\2028\2029\0085\00A0', U&'\FFFD\FFFE\+10FFFF'),
  (218, '%s %n %%', '{}'), (219, ':id :''id'' :"id"', '&amp;'), (220, E'\x7F\x1B[31m', E'\b\f\v\x01'), (221, 'ﬀ ß İ ı', 'ÅÅ'), (222, DEFAULT, DEFAULT);
CREATE TABLE hard.long_text (id int PRIMARY KEY, t text, m text, x text, p text, b bytea);
ALTER TABLE hard.long_text ALTER m SET STORAGE MAIN, ALTER x SET STORAGE EXTERNAL, ALTER p SET STORAGE PLAIN, ALTER t SET COMPRESSION pglz;
DO $$ BEGIN  -- for a server that has lz4
  ALTER TABLE hard.long_text ALTER m SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
END $$;
INSERT INTO hard.long_text SELECT 1, string_agg(md5(i::text), '' ORDER BY i), repeat('main ', 2000), repeat('external', 5000), repeat('plain', 500), NULL FROM generate_series(1, 32768) i;
INSERT INTO hard.long_text SELECT 2, repeat('é', 1000000), repeat(E'\\', 100000), repeat(E'\t\n', 20000), '', string_agg(decode(md5(i::text), 'hex'), '' ORDER BY i) FROM generate_series(1, 20000) i;

-- * Names
CREATE SCHEMA "Ugly ""schema"" of O'Brien; \ $$
-- ünï 🐘";
CREATE SCHEMA "select";
CREATE TABLE "Ugly ""schema"" of O'Brien; \ $$
-- ünï 🐘"." tab ""le"" 'of'
\. new	line " (" lead and trail " serial, "a""b" int DEFAULT 1 CHECK ("a""b" > 0), "it's" text UNIQUE, "new
line" text, "\" text, "%s" text, ":var" text, "ÅÄÖ é" text, PRIMARY KEY ("a""b", " lead and trail "));
INSERT INTO "Ugly ""schema"" of O'Brien; \ $$
-- ünï 🐘"." tab ""le"" 'of'
\. new	line " SELECT i, i, i::text, E'\n', '\', '%s', ':var', 'é' FROM generate_series(1, 5) i;
CREATE VIEW "select"."view" AS SELECT * FROM "Ugly ""schema"" of O'Brien; \ $$
-- ünï 🐘"." tab ""le"" 'of'
\. new	line " AS "as";
CREATE TABLE "select"."table" ("select" int PRIMARY KEY, "from" int, "where" text COLLATE "C", "user" text DEFAULT 'x', "order" int GENERATED ALWAYS AS IDENTITY, "table" int REFERENCES "select"."table", "all" int, "desc" int);
CREATE INDEX "index" ON "select"."table" ("from" DESC, "where" COLLATE "POSIX") WHERE "user" <> 'all';
INSERT INTO "select"."table" ("select", "from", "where", "user", "table") SELECT i, i, 'w' || i, 'u', i FROM generate_series(1, 3) i;
CREATE TABLE "select"."ééééééééééééééééééééééééééééééé1" ("sixty-three bytes of column, all of which are to be kept, please" serial UNIQUE, b int CHECK (b > 0), c int REFERENCES "select"."table");
INSERT INTO "select"."ééééééééééééééééééééééééééééééé1" (b) VALUES (1), (2);
CREATE TABLE "select"."-- comment" ("/* " int, " */" int);
CREATE TABLE "select"."a.b" ("c.d" int); CREATE TABLE "select"."%s%n" ("$1" int); CREATE TABLE "select"."UPPER" (a int);
CREATE TABLE "select"."upper" (a int); CREATE TABLE "select"."\restrict x" (a int);
INSERT INTO "select"."UPPER" VALUES (1); INSERT INTO "select"."upper" VALUES (2);

-- * Shapes of tables
CREATE TABLE hard.no_columns ();
INSERT INTO hard.no_columns DEFAULT VALUES; INSERT INTO hard.no_columns DEFAULT VALUES;
CREATE TABLE hard.all_dropped (a int, b text);
INSERT INTO hard.all_dropped VALUES (1, 'x'), (2, 'y');
ALTER TABLE hard.all_dropped DROP a, DROP b;
CREATE TABLE hard.no_rows (a int, b text NOT NULL); CREATE TABLE hard.only_generated (a int GENERATED ALWAYS AS (1 + 1) STORED);
INSERT INTO hard.only_generated DEFAULT VALUES;
CREATE TABLE hard.some_dropped (a int, gone1 text, b text DEFAULT 'b', gone2 int, c int);
INSERT INTO hard.some_dropped VALUES (1, 'x', 'y', 2, 3);
ALTER TABLE hard.some_dropped DROP gone1, DROP gone2, ADD d text DEFAULT 'fast default', ADD e hard.positive;
INSERT INTO hard.some_dropped VALUES (2, NULL, NULL, NULL, NULL);
SELECT format('CREATE TABLE hard.wide (%s)', string_agg(format('%I %s', 'col ' || i, (ARRAY['int', 'text', 'bool', 'numeric(10,2)'])[i % 4 + 1] || CASE WHEN i % 100 = 0 THEN ' DEFAULT ' || i ELSE '' END), ', ' ORDER BY i)) FROM generate_series(1, 1500) i \gexec
INSERT INTO hard.wide DEFAULT VALUES; INSERT INTO hard.wide ("col 1", "col 2", "col 1500") VALUES ('one', true, NULL);
CREATE UNLOGGED TABLE hard.unlogged (a int PRIMARY KEY, b text);
INSERT INTO hard.unlogged SELECT i, 'u' || i FROM generate_series(1, 10) i;
CREATE TABLE hard.of_type OF hard.point3 (x WITH OPTIONS DEFAULT 1 NOT NULL, PRIMARY KEY (x));
INSERT INTO hard.of_type (y) VALUES (2);
CREATE TABLE hard.options (a int, b text, c text) WITH (fillfactor = 70, autovacuum_enabled = off, autovacuum_vacuum_scale_factor = 0.25, toast_tuple_target = 256, parallel_workers = 3, toast.autovacuum_vacuum_threshold = 99);
ALTER TABLE hard.options ALTER a SET STATISTICS 0, ALTER b SET STATISTICS 1234, ALTER b SET (n_distinct = -0.5, n_distinct_inherited = 10);
CREATE TABLE hard.other_heap (a int) USING hard_heap;
INSERT INTO hard.other_heap VALUES (1);
CREATE TABLE hard.big (id int PRIMARY KEY, k int NOT NULL, t text, n numeric(12, 4), d date);
INSERT INTO hard.big SELECT i, i * 7919 % 1000, md5(i::text), i / 7.0, '2000-01-01'::date + i % 3650 FROM generate_series(1, 20000) i;
DELETE FROM hard.big WHERE id % 97 = 0;
UPDATE hard.big SET t = NULL WHERE id % 101 = 0;
CREATE TABLE hard.ext_types (id int PRIMARY KEY, h "hard ext".hstore DEFAULT 'a=>1', c public.citext COLLATE "C" UNIQUE, l public.ltree);
INSERT INTO hard.ext_types SELECT i, "hard ext".hstore('k' || i, i::text), 'C' || i, ('Top.n' || i)::public.ltree FROM generate_series(1, 50) i;
CREATE TABLE hard.collated (a text COLLATE hard.icu_ci UNIQUE, b text COLLATE hard."icu Numeric", c text COLLATE hard.libc_c);
INSERT INTO hard.collated VALUES ('Abc', 'x10', 'x'), ('äbc', 'x9', 'X');

-- * Sequences, identity, generated columns
CREATE TABLE hard.ids (a int GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 10 MAXVALUE 1000 CYCLE) PRIMARY KEY, b bigint GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME hard."b's seq" INCREMENT -1 MINVALUE -50 CACHE 5), c smallserial, d serial, e int);
INSERT INTO hard.ids (e) SELECT i FROM generate_series(1, 7) i;
INSERT INTO hard.ids (a, b, c, e) OVERRIDING SYSTEM VALUE VALUES (5, 5, 5, 5);
SELECT setval('hard.ids_d_seq', 1000, false);
CREATE SEQUENCE hard.seq_full AS smallint INCREMENT 3 MINVALUE -5 MAXVALUE 20 START 2 CACHE 4 CYCLE;
SELECT nextval('hard.seq_full') FROM generate_series(1, 4);
CREATE SEQUENCE hard.seq_untouched; CREATE SEQUENCE hard.seq_max;
SELECT setval('hard.seq_max', 9223372036854775807);
CREATE UNLOGGED SEQUENCE hard.seq_unlogged;
CREATE SEQUENCE hard.seq_shared;
CREATE TABLE hard.shared1 (id int DEFAULT nextval('hard.seq_shared'), x text DEFAULT format('s-%s', nextval('hard.seq_shared')));
CREATE TABLE hard.shared2 (id bigint DEFAULT nextval('hard.seq_shared'));
ALTER SEQUENCE hard.seq_shared OWNED BY hard.shared2.id;
INSERT INTO hard.shared1 DEFAULT VALUES;
CREATE TABLE hard.gen (a int, b int GENERATED ALWAYS AS (hard.add(a, 5)) STORED, c text, d text GENERATED ALWAYS AS (upper(c) || E'\\''"') STORED UNIQUE, e int DEFAULT 3);
INSERT INTO hard.gen (a, c) SELECT i, 'c' || i FROM generate_series(1, 10) i;

-- * Inheritance
CREATE TABLE hard.parent1 (a int NOT NULL DEFAULT 1, b text CONSTRAINT b_short CHECK (length(b) < 100), CONSTRAINT only_parent CHECK (a < 1000000) NO INHERIT);
CREATE TABLE hard.parent2 (b text, c numeric DEFAULT 2.50, g int GENERATED ALWAYS AS (7) STORED);
CREATE TABLE hard.child (d date, b text COLLATE "default" DEFAULT 'mine') INHERITS (hard.parent1, hard.parent2);
CREATE TABLE hard.grandchild () INHERITS (hard.child);
CREATE TABLE hard.late_child (a int NOT NULL DEFAULT 1, b text CONSTRAINT b_short CHECK (length(b) < 100), extra int);
ALTER TABLE hard.late_child INHERIT hard.parent1;
CREATE TABLE hard.no_more_child () INHERITS (hard.parent1);
ALTER TABLE hard.no_more_child NO INHERIT hard.parent1;
ALTER TABLE hard.grandchild ALTER a DROP DEFAULT, ALTER c SET DEFAULT -1, ALTER b SET NOT NULL, ALTER b SET STORAGE EXTERNAL, ADD CONSTRAINT own CHECK (d > '1900-01-01');
INSERT INTO hard.parent1 VALUES (1, 'p'); INSERT INTO hard.child (a, d) VALUES (2, '2001-01-01');
INSERT INTO hard.grandchild (a, b) VALUES (3, 'g'); INSERT INTO hard.late_child VALUES (4, 'l', 5);

-- * Partitions
CREATE TABLE hard_part.range (id bigint NOT NULL, ts timestamp NOT NULL, v text DEFAULT 'root', n int, PRIMARY KEY (ts, id)) PARTITION BY RANGE (ts);
CREATE TABLE hard_part.range_old PARTITION OF hard_part.range FOR VALUES FROM (MINVALUE) TO ('2000-01-01');
CREATE TABLE hard_part.range_2000 PARTITION OF hard_part.range (v DEFAULT 'leaf', CONSTRAINT leaf_check CHECK (id > 0)) FOR VALUES FROM ('2000-01-01') TO ('2001-01-01') WITH (fillfactor = 90);
CREATE TABLE hard_part.range_2001 PARTITION OF hard_part.range FOR VALUES FROM ('2001-01-01') TO ('2002-01-01') PARTITION BY LIST (id);
CREATE TABLE hard_part."range_2001 'few'" PARTITION OF hard_part.range_2001 FOR VALUES IN (0, 5000);
CREATE TABLE hard_part.range_2001_rest PARTITION OF hard_part.range_2001 DEFAULT PARTITION BY HASH (id);
CREATE TABLE hard_part.range_2001_h0 PARTITION OF hard_part.range_2001_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hard_part.range_2001_h1 PARTITION OF hard_part.range_2001_rest FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE hard_part.range_2001_h3 PARTITION OF hard_part.range_2001_rest FOR VALUES WITH (MODULUS 4, REMAINDER 3);
CREATE TABLE hard_part.range_default PARTITION OF hard_part.range DEFAULT;
CREATE TABLE hard_part.range_detached PARTITION OF hard_part.range FOR VALUES FROM ('2003-01-01') TO ('2004-01-01');
-- attached, with its columns in another order and dropped ones between
CREATE TABLE hard.range_attached (gone int, n int, v text, gone2 text, id bigint NOT NULL, ts timestamp NOT NULL);
ALTER TABLE hard.range_attached DROP gone, DROP gone2;
ALTER TABLE hard_part.range ATTACH PARTITION hard.range_attached FOR VALUES FROM ('2002-01-01') TO ('2003-01-01');
INSERT INTO hard_part.range SELECT i, '1999-06-01'::timestamp + i * interval '3 hours', 'v' || i, i % 7 FROM generate_series(1, 15000) i;
INSERT INTO hard_part.range (id, ts) VALUES (0, '2001-01-01'), (20000, 'infinity'), (20001, '-infinity');
ALTER TABLE hard_part.range DETACH PARTITION hard_part.range_detached;
CREATE TABLE hard_part.list (k text COLLATE "C", e hard.mood, x int) PARTITION BY LIST (k COLLATE hard.libc_c);
CREATE TABLE hard_part.list_a PARTITION OF hard_part.list FOR VALUES IN ('a', 'it''s', E'\\', E'\n', '');
CREATE TABLE hard_part.list_null PARTITION OF hard_part.list FOR VALUES IN (NULL);
CREATE TABLE hard_part.list_x PARTITION OF hard_part.list DEFAULT PARTITION BY RANGE (e, (x % 10));
CREATE TABLE hard_part.list_x1 PARTITION OF hard_part.list_x FOR VALUES FROM ('sad', MINVALUE) TO ('happy', 5);
CREATE TABLE hard_part.list_x2 PARTITION OF hard_part.list_x FOR VALUES FROM ('happy', 5) TO (MAXVALUE, MAXVALUE);
INSERT INTO hard_part.list SELECT (ARRAY['a', 'it''s', E'\\', '', NULL, 'z'])[i % 6 + 1], (ARRAY['sad', 'less so', 'happy', 'ecstatic']::hard.mood[])[i % 4 + 1], i FROM generate_series(1, 100) i;
CREATE TABLE hard_part.no_partitions (a int) PARTITION BY HASH (a);
CREATE TABLE hard_part.flat (a text, b int, UNIQUE (b) DEFERRABLE) PARTITION BY RANGE (b);
CREATE TABLE hard_part.flat_1 PARTITION OF hard_part.flat FOR VALUES FROM (1) TO (100);
CREATE TABLE hard_part."flat 2" PARTITION OF hard_part.flat FOR VALUES FROM (100) TO (MAXVALUE);
INSERT INTO hard_part.flat SELECT 'x' || i, i FROM generate_series(90, 110) i;
CREATE INDEX flat_a ON hard_part.flat (lower(a)) INCLUDE (b) WHERE b > 2; CREATE INDEX flat_invalid ON ONLY hard_part.flat (a);
CREATE UNIQUE INDEX flat_u ON ONLY hard_part.flat (b, a);
CREATE UNIQUE INDEX own_index ON hard_part.flat_1 (b, a) WITH (fillfactor = 50);
ALTER INDEX hard_part.flat_u ATTACH PARTITION hard_part.own_index;

-- * Constraints
CREATE TABLE hard.hen (id int PRIMARY KEY, egg int NOT NULL);
CREATE TABLE hard.egg (id int PRIMARY KEY, hen int, boss int DEFAULT 0 REFERENCES hard.egg ON DELETE SET DEFAULT ON UPDATE CASCADE, CONSTRAINT to_hen FOREIGN KEY (hen) REFERENCES hard.hen DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE hard.hen ADD CONSTRAINT to_egg FOREIGN KEY (egg) REFERENCES hard.egg (id) ON DELETE CASCADE DEFERRABLE;
BEGIN;
INSERT INTO hard.egg SELECT i, 101 - i, CASE WHEN i > 1 THEN i / 2 END FROM generate_series(1, 100) i;
INSERT INTO hard.hen SELECT i, i % 100 + 1 FROM generate_series(1, 100) i;
COMMIT;
CREATE TABLE hard.keys (a int, b int, c int, d text, CONSTRAINT keys_pk PRIMARY KEY (a, b) INCLUDE (c) DEFERRABLE INITIALLY DEFERRED, CONSTRAINT keys_u UNIQUE NULLS NOT DISTINCT (c, d) DEFERRABLE, CONSTRAINT keys_check CHECK (a > 0 AND (b IS NULL OR c <> ALL (ARRAY[1, 2, 3]) OR d ~ '^\\[''"]')));
INSERT INTO hard.keys VALUES (1, 1, 10, NULL), (1, 2, NULL, NULL);
CREATE UNIQUE INDEX keys_index ON hard.keys (d, a);
ALTER TABLE hard.keys ADD CONSTRAINT "from index" UNIQUE USING INDEX keys_index;
CREATE TABLE hard_part.keyed (a int, b int, PRIMARY KEY (b, a)) PARTITION BY LIST (a);
CREATE TABLE hard_part.keyed_1 PARTITION OF hard_part.keyed FOR VALUES IN (1);
CREATE TABLE hard_part.keyed_2 PARTITION OF hard_part.keyed FOR VALUES IN (2, 3);
INSERT INTO hard_part.keyed VALUES (1, 10), (2, 20);
CREATE TABLE hard.refers (id int, d text, a int, ka int, kb int,
  CONSTRAINT refers_full FOREIGN KEY (d, a) REFERENCES hard.keys (d, a) MATCH FULL ON DELETE SET NULL,
  CONSTRAINT refers_part FOREIGN KEY (kb, ka) REFERENCES hard_part.keyed ON DELETE SET NULL (kb),
  CONSTRAINT refers_no_check CHECK (id > 100) NO INHERIT NOT VALID);
INSERT INTO hard.refers VALUES (101, NULL, NULL, 1, 10), (102, NULL, NULL, NULL, NULL);
ALTER TABLE hard.refers ADD CONSTRAINT refers_id CHECK (id < 0) NOT VALID, ADD CONSTRAINT refers_big FOREIGN KEY (id) REFERENCES hard.hen NOT VALID;
ALTER TABLE hard_part.list ADD CONSTRAINT list_refers FOREIGN KEY (x) REFERENCES hard.hen (id);
CREATE TABLE hard.bookings (room int, during tsrange, note text, EXCLUDE USING gist (room WITH =, during WITH &&) WHERE (note <> 'x') DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "no dups" EXCLUDE USING btree ((room * 2) WITH =, note COLLATE "C" WITH =));
INSERT INTO hard.bookings SELECT i % 5, tsrange('2020-01-01'::timestamp + i * interval '1 day', '2020-01-02'::timestamp + i * interval '1 day'), 'n' || i FROM generate_series(1, 50) i;
-- functions of the row type of the table that calls them
CREATE TABLE hard.loop (a int, b int);
CREATE FUNCTION hard.loop_ok(hard.loop) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1.a > 0; END';
CREATE FUNCTION hard.loop_default(hard.loop DEFAULT NULL) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 5';
ALTER TABLE hard.loop ADD CHECK (hard.loop_ok(loop)), ALTER b SET DEFAULT hard.loop_default();
INSERT INTO hard.loop VALUES (1), (2);

-- * Indexes and statistics
CREATE INDEX big_expr ON hard.big (lower(t) text_pattern_ops DESC NULLS LAST, (k % 10)) WHERE t IS NOT NULL AND d > '2001-01-01';
CREATE INDEX big_cover ON hard.big (k) INCLUDE (n, d) WITH (fillfactor = 80, deduplicate_items = off);
CREATE UNIQUE INDEX big_nulls ON hard.big (t, id) NULLS NOT DISTINCT;
CREATE INDEX big_hash ON hard.big USING hash (t);
CREATE INDEX big_brin ON hard.big USING brin (d date_minmax_multi_ops (values_per_range = 16), id) WITH (pages_per_range = 4, autosummarize = on);
CREATE INDEX big_trgm ON hard.big USING gin (t "hard ext".gin_trgm_ops) WITH (fastupdate = off) WHERE id < 500;
CREATE INDEX big_trgm_sig ON hard.big USING gist (t "hard ext".gist_trgm_ops (siglen = 32)) WHERE id < 500;
CREATE INDEX big_abs ON hard.big (k hard.abs_ops); CREATE INDEX kinds_am ON hard.kinds USING hard_gist (bx);
CREATE INDEX big_fn ON hard.big (hard.abs_lt(k, id), (n IS NULL), ((t || '''\')));
CREATE INDEX ext_bloom ON hard.ext_types USING bloom ((c::text)) WITH (length = 80, col1 = 3);
CREATE INDEX ext_hstore ON hard.ext_types USING gin (h "hard ext".gin_hstore_ops);
CREATE INDEX ext_ltree ON hard.ext_types USING gist (l public.gist_ltree_ops (siglen = 100));
CREATE INDEX kinds_spgist ON hard.kinds USING spgist (p);
CREATE INDEX kinds_tsv ON hard.odd_text USING gin (to_tsvector('hard.conf', t));
ALTER INDEX hard.big_expr ALTER COLUMN 2 SET STATISTICS 400; ALTER INDEX hard.ext_ltree DEPENDS ON EXTENSION ltree;
CLUSTER hard.big USING big_cover;
ALTER TABLE hard.hen CLUSTER ON hen_pkey; ALTER TABLE hard.gen REPLICA IDENTITY FULL;
ALTER TABLE hard.no_rows REPLICA IDENTITY NOTHING;
CREATE UNIQUE INDEX no_null ON hard.lo_refs (id);
ALTER TABLE hard.lo_refs REPLICA IDENTITY USING INDEX no_null;
CREATE STATISTICS hard.stat_all ON k, d, n FROM hard.big;
CREATE STATISTICS hard."stat 'kinds'" (ndistinct, mcv) ON k, (lower(t)), (d + 1) FROM hard.big;
CREATE STATISTICS hard_empty.stat_expr ON (k % 7) FROM hard.big;
ALTER STATISTICS hard.stat_all SET STATISTICS 500; ALTER STATISTICS hard.stat_all OWNER TO hard_owner;

-- * Views, materialized views and rules
CREATE VIEW hard.v_simple WITH (security_barrier) AS SELECT id, k, t FROM hard.big WHERE k > 10 WITH LOCAL CHECK OPTION;
CREATE VIEW hard.v_over WITH (security_invoker = on) AS SELECT * FROM hard.v_simple WHERE t LIKE E'%\\_a''%' WITH CASCADED CHECK OPTION;
ALTER VIEW hard.v_simple ALTER COLUMN k SET DEFAULT 11;
CREATE RECURSIVE VIEW hard.v_recursive (n, path) AS SELECT 1, ARRAY[1] UNION ALL SELECT n + 1, path || n FROM v_recursive WHERE n < 10;
CREATE VIEW hard.v_search AS WITH RECURSIVE r (id, boss) AS (SELECT id, boss FROM hard.egg WHERE id = 1 UNION ALL SELECT e.id, e.boss FROM hard.egg e, r WHERE e.boss = r.id) SEARCH DEPTH FIRST BY id SET seq CYCLE id SET looped USING way SELECT id, boss, looped FROM r ORDER BY seq;
CREATE VIEW hard.v_many AS
  WITH m AS MATERIALIZED (SELECT k, count(*) FILTER (WHERE d > '2001-01-01') AS c FROM hard.big b (i) GROUP BY GROUPING SETS ((k), CUBE (k, n), ()) HAVING count(*) > 1)
  SELECT m.*, w."select", lat.x, o.ordinality, s.* , sum(c) OVER win AS running, rank() OVER (PARTITION BY m.k ORDER BY m.c DESC NULLS LAST RANGE BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES) AS r,
    CASE m.k WHEN 1 THEN 'one' ELSE NULL END AS cs, (m.c, m.k) < (1, 2) AS rw, ARRAY(SELECT 1) AS arr, m.k = ANY ('{1,2}'::int[]) AS anyq, extract(epoch FROM interval '1 day') AS ep, COALESCE(NULLIF(m.k, 3), 4) AS co
  FROM m LEFT JOIN "select"."table" AS w ON w."from" = m.k CROSS JOIN LATERAL (SELECT m.k + 1 AS x) lat, unnest('{a,b}'::text[]) WITH ORDINALITY o, ROWS FROM (generate_series(1, 2), hard.atomic(2)) AS s (a, b, c1)
  WINDOW win AS (ORDER BY m.k ROWS 3 PRECEDING) ORDER BY 1, m.c DESC FETCH FIRST 3 ROWS WITH TIES;
CREATE VIEW hard.v_sets AS (SELECT a FROM hard.parent1 TABLESAMPLE system (100) REPEATABLE (1) UNION SELECT a FROM ONLY hard.child) EXCEPT ALL SELECT x FROM (VALUES (1), (NULL)) v (x) INTERSECT SELECT 5 ORDER BY 1 LIMIT 10 OFFSET 1;
CREATE VIEW hard.v_rows AS SELECT e, e.p3 AS p, (e.p3).x, (e.ne).p.y, e.ia[0][-1] AS el, ROW(1, e.d)::text AS ro, ROW(e.id, 2.5, 3, 'x', NULL)::hard.point3 AS pr FROM hard.kinds e;
CREATE VIEW hard.v_join AS SELECT * FROM (hard.hen JOIN hard.egg USING (id) AS j) AS outer_alias (a, b, c, d);
CREATE VIEW hard.v_ops AS SELECT 1 OPERATOR(hard.|<|) -2 AS a, OPERATOR(hard.@#!) (-3) AS b, c OPERATOR(public.=) 'c1' AS c, h OPERATOR("hard ext".->) 'k1' AS d, hard.add(ARRAY[1], VARIADIC rest => '{1}') AS e FROM hard.ext_types;
CREATE VIEW hard.v_no_columns AS SELECT FROM hard.no_columns;
-- a view that goes on after its table's columns were renamed and dropped
CREATE TABLE hard.changes (a int, b int, c int);
INSERT INTO hard.changes VALUES (1, 2, 3);
CREATE VIEW hard.v_changes AS SELECT x.*, y.a AS y_a FROM hard.changes x JOIN (SELECT a, b FROM hard.changes) y USING (b);
ALTER TABLE hard.changes RENAME a TO "a b"; ALTER TABLE hard.changes ADD y_a int;
-- a view that needs a primary key, and what is built on that
CREATE VIEW hard.v_pk AS SELECT id, t, count(*) AS n FROM hard.big GROUP BY id;
CREATE MATERIALIZED VIEW hard.m_pk AS SELECT id, t, n FROM hard.v_pk WHERE id <= 50;
CREATE FUNCTION hard.atomic_pk() RETURNS SETOF hard.v_pk LANGUAGE sql BEGIN ATOMIC SELECT id, t, count(*) FROM hard.big GROUP BY id; END;
CREATE MATERIALIZED VIEW hard.m_full (k, n, "odd ""name") WITH (fillfactor = 60) AS SELECT k, sum(n), 'x'::text COLLATE "C" FROM hard.big GROUP BY k;
CREATE UNIQUE INDEX m_full_u ON hard.m_full (k);
CREATE INDEX m_full_e ON hard.m_full ((n * 2)) WHERE k > 5;
ALTER TABLE hard.m_full CLUSTER ON m_full_u, ALTER n SET STATISTICS 50;
CREATE MATERIALIZED VIEW hard.a_first AS SELECT k, n FROM hard.m_full WHERE n > 100;
CREATE MATERIALIZED VIEW hard.m_empty AS SELECT k FROM hard.m_full WITH NO DATA;
CREATE INDEX ON hard.m_empty (k);
CREATE VIEW hard.v_on_empty AS SELECT * FROM hard.m_empty;
CREATE FUNCTION hard.of_matview(hard.m_pk) RETURNS int LANGUAGE sql AS 'SELECT $1.id';
-- a view and a function that need each other, and three views in a ring
CREATE VIEW hard.v_ring AS SELECT NULL::int AS a, NULL::text AS b;
CREATE FUNCTION hard.ring() RETURNS SETOF hard.v_ring LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT 1, 'x'; END $$;
CREATE OR REPLACE VIEW hard.v_ring WITH (security_barrier) AS SELECT a, b FROM hard.ring();
CREATE VIEW hard.v_ring2 AS SELECT 1 AS x;
CREATE VIEW hard.v_ring3 AS SELECT x + 1 AS x FROM hard.v_ring2;
CREATE FUNCTION hard.ring3() RETURNS SETOF hard.v_ring3 LANGUAGE sql AS 'SELECT 2';
CREATE OR REPLACE VIEW hard.v_ring2 AS SELECT r.x FROM hard.ring3() r;
-- rules
CREATE TABLE hard.ruled (a int PRIMARY KEY, b text); CREATE TABLE hard.rule_log (a int, was text, act text DEFAULT 'x');
INSERT INTO hard.ruled VALUES (1, 'one');
CREATE RULE "log ""it" AS ON UPDATE TO hard.ruled WHERE NEW.b IS DISTINCT FROM OLD.b DO ALSO (INSERT INTO hard.rule_log VALUES (NEW.a, OLD.b, E'it''s\n\\'); DELETE FROM ONLY hard.no_rows USING hard.egg WHERE false);
CREATE RULE tell AS ON INSERT TO hard.rule_log DO ALSO NOTIFY "hard channel", 'pay''load';
CREATE RULE no_delete AS ON DELETE TO hard.ruled DO INSTEAD NOTHING;
CREATE RULE upsert AS ON INSERT TO hard.v_join DO INSTEAD INSERT INTO hard.ruled AS r VALUES (NEW.a, NEW.b) ON CONFLICT (a) DO UPDATE SET b = excluded.b || r.b WHERE r.a > 0 RETURNING r.a, r.a, r.a, r.a;
CREATE RULE v_update AS ON UPDATE TO hard.v_join DO INSTEAD UPDATE hard.egg SET (hen, boss) = (SELECT NEW.b, NEW.d) FROM hard.hen h WHERE egg.id = OLD.a AND h.id = egg.hen;
ALTER TABLE hard.ruled DISABLE RULE no_delete, ENABLE ALWAYS RULE "log ""it";

-- * Triggers and event triggers
CREATE FUNCTION hard.trg() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF TG_LEVEL = 'STATEMENT' THEN RETURN NULL; ELSIF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$;
CREATE TRIGGER "row ""trigger" BEFORE INSERT OR UPDATE OF t, k OR DELETE ON hard.big FOR EACH ROW WHEN (pg_trigger_depth() < 5) EXECUTE FUNCTION hard.trg(E'it''s', E'\\', E'new\nline', '', '🐘', 'a\000b', 42);
CREATE TRIGGER a_when AFTER UPDATE ON hard.big FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.* AND NEW.t <> E'\\''') EXECUTE FUNCTION hard.trg();
CREATE TRIGGER stmt AFTER UPDATE ON hard.big REFERENCING OLD TABLE AS old_rows NEW TABLE AS "new rows" FOR EACH STATEMENT EXECUTE FUNCTION hard.trg();
CREATE TRIGGER trunc BEFORE TRUNCATE ON hard.big EXECUTE FUNCTION hard.trg();
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT OR DELETE ON hard.hen FROM hard.egg DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hard.trg('x');
CREATE TRIGGER instead INSTEAD OF INSERT OR UPDATE OR DELETE ON hard.v_pk FOR EACH ROW EXECUTE FUNCTION hard.trg();
CREATE TRIGGER off BEFORE INSERT ON hard.hen FOR EACH ROW EXECUTE FUNCTION hard.trg();
CREATE TRIGGER on_replica BEFORE INSERT ON hard.hen FOR EACH ROW EXECUTE FUNCTION hard.trg();
CREATE TRIGGER on_always BEFORE INSERT ON hard.hen FOR EACH ROW EXECUTE FUNCTION hard.trg();
ALTER TABLE hard.hen DISABLE TRIGGER off, ENABLE REPLICA TRIGGER on_replica, ENABLE ALWAYS TRIGGER on_always;
CREATE TRIGGER on_parts AFTER INSERT ON hard_part.range FOR EACH ROW EXECUTE FUNCTION hard.trg('parts');
ALTER TABLE hard_part.range_2000 DISABLE TRIGGER on_parts; ALTER TABLE hard.range_attached ENABLE ALWAYS TRIGGER on_parts;
ALTER TRIGGER stmt ON hard.big DEPENDS ON EXTENSION hstore;
CREATE FUNCTION hard.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE DEBUG 'hard: % %', tg_event, tg_tag; END $$;
CREATE EVENT TRIGGER hard_ddl ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'DROP FUNCTION') EXECUTE FUNCTION hard.on_ddl();
CREATE EVENT TRIGGER "hard ""end" ON ddl_command_end EXECUTE FUNCTION hard.on_ddl();
CREATE EVENT TRIGGER hard_rewrite ON table_rewrite EXECUTE FUNCTION hard.on_ddl();
CREATE EVENT TRIGGER hard_drop ON sql_drop EXECUTE FUNCTION hard.on_ddl();
ALTER EVENT TRIGGER hard_rewrite DISABLE; ALTER EVENT TRIGGER hard_drop ENABLE ALWAYS;
ALTER EVENT TRIGGER "hard ""end" ENABLE REPLICA;

-- * Foreign data
CREATE FOREIGN DATA WRAPPER hard_fdw OPTIONS (debug 'true', "Odd ""name" E'it''s\\\n');
CREATE SERVER hard_server TYPE 'x''y' VERSION '1.0' FOREIGN DATA WRAPPER hard_fdw;
CREATE SERVER hard_files FOREIGN DATA WRAPPER file_fdw;
CREATE SERVER "hard 'remote'" FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '/nowhere', dbname E'it''s "odd" \\ =', port '1', use_remote_estimate 'false', fdw_startup_cost '10.5');
CREATE USER MAPPING FOR hard_owner SERVER "hard 'remote'" OPTIONS (user E'it''s\\');
CREATE USER MAPPING FOR PUBLIC SERVER hard_server OPTIONS (secret '');
CREATE USER MAPPING FOR "hard_odd ""=r*/x' role" SERVER hard_server;
CREATE FOREIGN TABLE hard.f_file (a int, b text OPTIONS (force_null 'true')) SERVER hard_files OPTIONS (filename '/dev/null', format 'csv', null 'it''s', delimiter E'\t', quote E'\\');
CREATE FOREIGN TABLE hard.f_remote (id int OPTIONS (column_name 'the id') NOT NULL, x text COLLATE "C" DEFAULT 'x' CHECK (x <> 'y'), g int GENERATED ALWAYS AS (id * 2) STORED) SERVER "hard 'remote'" OPTIONS (schema_name 'a "b"', table_name 'c''d', fetch_size '7');
CREATE TABLE hard_part.mixed (a int, b text) PARTITION BY LIST (a);
CREATE TABLE hard_part.mixed_1 PARTITION OF hard_part.mixed FOR VALUES IN (1);
CREATE FOREIGN TABLE hard_part.mixed_2 PARTITION OF hard_part.mixed FOR VALUES IN (2) SERVER "hard 'remote'" OPTIONS (table_name 'mixed');
CREATE FOREIGN TABLE hard.f_child (more int) INHERITS (hard.no_rows) SERVER hard_server;
INSERT INTO hard_part.mixed VALUES (1, 'local');

-- * Publications.  None gets in the way of an UPDATE or DELETE, which would need
-- a replica identity.
CREATE PUBLICATION hard_all FOR ALL TABLES WITH (publish = 'insert, truncate');
CREATE PUBLICATION hard_schemas FOR TABLES IN SCHEMA hard_part, "select" WITH (publish = 'insert', publish_via_partition_root = true);
CREATE PUBLICATION hard_tables FOR TABLE hard.ids (a, e), hard.big WHERE (id > 5 AND t <> E'it''s\\'), ONLY hard.parent1 WITH (publish = 'insert');
CREATE PUBLICATION "hard ""both" FOR TABLES IN SCHEMA hard_empty, TABLE "select"."table" WHERE ("select" < 10) WITH (publish = 'insert');
CREATE PUBLICATION hard_none WITH (publish = '');
ALTER PUBLICATION hard_none OWNER TO hard_owner;

-- * Row-level security
CREATE TABLE hard.secured (id int PRIMARY KEY, who name DEFAULT CURRENT_USER, t text);
INSERT INTO hard.secured VALUES (1, 'hard_owner', 'a'), (2, 'hard_reader', 'b');
ALTER TABLE hard.secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p_all ON hard.secured;
CREATE POLICY "p ""select" ON hard.secured FOR SELECT TO hard_reader, CURRENT_USER, "hard_odd ""=r*/x' role" USING (who = CURRENT_USER AND t <> E'it''s\\');
CREATE POLICY p_insert ON hard.secured AS RESTRICTIVE FOR INSERT TO PUBLIC WITH CHECK (EXISTS (SELECT FROM hard.big b WHERE b.id = secured.id));
CREATE POLICY p_update ON hard.secured FOR UPDATE USING (true) WITH CHECK (id > 0);
CREATE POLICY p_delete ON hard.secured AS RESTRICTIVE FOR DELETE USING (false);
CREATE POLICY p_off ON hard.ids USING (a > 0);
ALTER TABLE hard_part.range ENABLE ROW LEVEL SECURITY; ALTER TABLE hard.secured OWNER TO hard_owner;

-- * Owners and privileges
DO $$
DECLARE r record;
BEGIN  -- every third table belongs to another role
  FOR r IN SELECT row_number() OVER (ORDER BY relname COLLATE "C") AS n, oid::regclass AS t FROM pg_class WHERE relnamespace = 'hard_part'::regnamespace AND relkind IN ('r', 'p') LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %I', r.t, CASE r.n % 3 WHEN 0 THEN 'hard_owner' WHEN 1 THEN 'hard_odd "=r*/x'' role' ELSE 'hard_writer' END);
  END LOOP;
END $$;
ALTER TYPE hard.mood OWNER TO hard_owner; ALTER DOMAIN hard.positive OWNER TO hard_writer;
ALTER VIEW hard.v_simple OWNER TO hard_owner; ALTER MATERIALIZED VIEW hard.m_full OWNER TO hard_owner;
ALTER SEQUENCE hard.seq_full OWNER TO hard_owner; ALTER TABLE hard.parent1 OWNER TO hard_owner;
ALTER SCHEMA "select" OWNER TO "hard_odd ""=r*/x' role";
ALTER EVENT TRIGGER hard_ddl OWNER TO CURRENT_USER;
GRANT USAGE, CREATE ON SCHEMA hard TO hard_writer WITH GRANT OPTION; GRANT USAGE ON SCHEMA hard TO PUBLIC;
GRANT CREATE ON SCHEMA public TO hard_writer;
REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON hard.big TO hard_writer WITH GRANT OPTION;
GRANT SELECT ON hard.big TO hard_owner;  -- who refreshes hard.m_full
GRANT SELECT (id, t), UPDATE (t), INSERT (k), REFERENCES (id) ON hard.big TO hard_reader, "hard_odd ""=r*/x' role" WITH GRANT OPTION;
GRANT SELECT ("a""b"), UPDATE ("new
line") ON "Ugly ""schema"" of O'Brien; \ $$
-- ünï 🐘"." tab ""le"" 'of'
\. new	line " TO hard_reader;
CREATE TABLE hard_granted.by_grantee (a int, b int);
GRANT ALL ON hard_granted.by_grantee TO hard_writer WITH GRANT OPTION;
SET ROLE hard_writer;
GRANT SELECT (a), DELETE ON hard_granted.by_grantee TO "hard_odd ""=r*/x' role"; GRANT USAGE ON SCHEMA hard TO hard_reader;
RESET ROLE;
REVOKE ALL ON hard.parent1 FROM hard_owner;
REVOKE DELETE ON hard.secured FROM hard_owner;
GRANT SELECT ON hard.v_simple, hard.m_full, hard.f_remote TO PUBLIC;
GRANT USAGE, UPDATE ON SEQUENCE hard.seq_full TO hard_writer WITH GRANT OPTION;
GRANT SELECT ON SEQUENCE hard."b's seq" TO hard_reader;
REVOKE USAGE ON TYPE hard.mood FROM PUBLIC;
GRANT USAGE ON TYPE hard.mood, hard.textrange TO hard_reader;
GRANT USAGE ON DOMAIN hard.positive TO hard_reader WITH GRANT OPTION;
REVOKE USAGE ON LANGUAGE hard_lang FROM PUBLIC;
GRANT USAGE ON LANGUAGE hard_lang TO hard_writer; GRANT USAGE ON FOREIGN DATA WRAPPER hard_fdw TO hard_writer;
GRANT USAGE ON FOREIGN SERVER "hard 'remote'" TO hard_owner WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE hard_owner IN SCHEMA hard GRANT SELECT, INSERT ON TABLES TO hard_reader, "hard_odd ""=r*/x' role" WITH GRANT OPTION;
ALTER DEFAULT PRIVILEGES FOR ROLE hard_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE hard_owner REVOKE ALL ON TABLES FROM hard_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE hard_owner GRANT USAGE ON TYPES TO hard_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE hard_writer GRANT ALL ON SCHEMAS TO hard_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE hard_writer IN SCHEMA "select" GRANT USAGE ON SEQUENCES TO PUBLIC;
SET ROLE hard_owner;
CREATE TABLE hard.by_default (id int GENERATED ALWAYS AS IDENTITY, t text);
CREATE FUNCTION hard.by_default() RETURNS int LANGUAGE sql AS 'SELECT 1';
RESET ROLE;

-- * Comments on everything that may have one, apart from the wide table and most
-- of the large objects
SELECT format('COMMENT ON %s %s IS %L', kind, name, 'It''s a comment on ' || kind || E' "' || replace(name, E'\n', E'\\n') || E'"; \\ $$ %s' || CASE WHEN length(name) % 3 = 0 THEN E'\n-- 🐘\t\\.\n\\.\n' ELSE '' END)
FROM (SELECT CASE WHEN o.sub > 0 THEN 'COLUMN'
    WHEN i.type IN ('table constraint', 'domain constraint') THEN 'CONSTRAINT'
    WHEN i.type = 'statistics object' THEN 'STATISTICS'
    WHEN i.type = 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
    WHEN i.type = 'composite type' THEN 'TYPE'
    ELSE upper(i.type) END AS kind,
    CASE i.type WHEN 'domain constraint' THEN replace(i.identity, ' on ', ' ON DOMAIN ')
      WHEN 'transform' THEN replace(i.identity, ' on language ', ' LANGUAGE ')
      WHEN 'aggregate' THEN replace(i.identity, '.rows()', '.rows(*)')
      ELSE i.identity END AS name
  FROM (
    SELECT 'pg_class'::regclass, oid, 0 FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'i', 'I')
    UNION ALL SELECT 'pg_class'::regclass, attrelid, attnum FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND attnum > 0 AND NOT attisdropped AND relname <> 'wide'
    UNION ALL SELECT 'pg_type'::regclass, t.oid, 0 FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid WHERE typtype <> 'm' AND (typrelid = 0 OR relkind = 'c') AND NOT EXISTS (SELECT FROM pg_type a WHERE a.typarray = t.oid)
    UNION ALL SELECT 'pg_constraint'::regclass, oid, 0 FROM pg_constraint WHERE contype IN ('c', 'f', 'p', 'u', 'x') AND conparentid = 0 AND CASE WHEN contypid = 0 THEN conislocal ELSE connamespace = 'hard'::regnamespace END
    UNION ALL SELECT 'pg_trigger'::regclass, oid, 0 FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0
    UNION ALL SELECT 'pg_rewrite'::regclass, oid, 0 FROM pg_rewrite WHERE rulename <> '_RETURN'
    UNION ALL SELECT 'pg_largeobject'::regclass, oid, 0 FROM pg_largeobject_metadata WHERE oid < 910000 OR oid::int8 % 100 = 0
    UNION ALL SELECT tableoid::regclass, oid, 0 FROM (
      SELECT tableoid, oid FROM pg_namespace UNION ALL SELECT tableoid, oid FROM pg_extension UNION ALL SELECT tableoid, oid FROM pg_proc
      UNION ALL SELECT tableoid, oid FROM pg_operator UNION ALL SELECT tableoid, oid FROM pg_opclass UNION ALL SELECT tableoid, oid FROM pg_opfamily UNION ALL SELECT tableoid, oid FROM pg_cast
      UNION ALL SELECT tableoid, oid FROM pg_collation UNION ALL SELECT tableoid, oid FROM pg_conversion UNION ALL SELECT tableoid, oid FROM pg_am UNION ALL SELECT tableoid, oid FROM pg_language
      UNION ALL SELECT tableoid, oid FROM pg_transform UNION ALL SELECT tableoid, oid FROM pg_ts_parser UNION ALL SELECT tableoid, oid FROM pg_ts_template UNION ALL SELECT tableoid, oid FROM pg_ts_dict
      UNION ALL SELECT tableoid, oid FROM pg_ts_config UNION ALL SELECT tableoid, oid FROM pg_foreign_data_wrapper UNION ALL SELECT tableoid, oid FROM pg_foreign_server UNION ALL SELECT tableoid, oid FROM pg_event_trigger
      UNION ALL SELECT tableoid, oid FROM pg_policy UNION ALL SELECT tableoid, oid FROM pg_publication UNION ALL SELECT tableoid, oid FROM pg_statistic_ext) x
  ) AS o (class, oid, sub), pg_identify_object(o.class, o.oid, o.sub) i
  WHERE o.oid >= 16384
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = o.class AND d.objid = o.oid AND (d.deptype = 'e' OR d.deptype = 'i' AND o.class IN ('pg_proc'::regclass, 'pg_cast'::regclass)))
    AND NOT EXISTS (SELECT FROM pg_class c WHERE o.class = 'pg_class'::regclass AND c.oid = o.oid AND c.relnamespace = 'pg_toast'::regnamespace)
) AS named ORDER BY kind, name COLLATE "C" \gexec
COMMENT ON SCHEMA public IS E'It''s the public\n"schema"';
\o

-- * Left out, because ...
--
-- pg_dump or pg_restore fails:
--   a BEGIN ATOMIC function with both named and unnamed arguments, printed as f."";
--   marks of a CYCLE clause that are strings, printed with a cast, which is no valid syntax;
--   operators of an extension in IS DISTINCT FROM and NULLIF, printed without their schema,
--     so that others are taken while search_path is empty.
-- Only a parallel pg_restore fails, and not each time:
--   more indexes than that of the primary key on a table with sub-partitions: deadlocks of
--     ALTER INDEX ... ATTACH PARTITION with each other and with foreign keys;
--   a foreign key to a table with sub-partitions: the index of its primary key may have been
--     left invalid by two of these ATTACH at a time;
--   grants by a grantee who has the use of the schema by a grant alone, which may come later.
-- It is restored, but not as it was:
--   hash partitions by an enum, as the hashes come from OIDs;
--   columns added to a parent after its child was made: they move to the front in the child;
--   IN lists of varchar, VALUES right in a UNION: they are printed differently the next time;
--   comments on what pg_dump passes over: casts made along with a range, members of extensions;
--   what is done for a database with ALTER DATABASE or ALTER ROLE ... IN DATABASE, and the
--     comment on it: these need pg_restore --create.
-- It needs more than the server and its contrib modules:
--   security labels (a provider); configuration tables of extensions (no contrib module has any,
--     and only the script of an extension can make one); tablespaces (a directory).
-- It would be in the way:
--   subscriptions: DROP DATABASE refuses to drop a database that has one.
