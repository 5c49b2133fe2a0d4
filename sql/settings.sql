SELECT name, setting, unit, vartype, context, min_val, max_val, enumvals
  FROM pg_settings
 WHERE name LIKE 'snapshot\_worker.%' AND name <> 'snapshot_worker.compress'
 ORDER BY name COLLATE "C";

-- They are for the configuration file alone.
\set VERBOSITY sqlstate
SET snapshot_worker.retention = 3;
\set VERBOSITY default

-- Those about drops a superuser can set for himself, and nobody else.
SET snapshot_worker.before_drop = 'table';
SET snapshot_worker.before_drop = 'on';
SET snapshot_worker.before_drop_size = '10MB';
SHOW snapshot_worker.before_drop_size;
SET snapshot_worker.before_drop_max_age = '1h';
SHOW snapshot_worker.before_drop_max_age;
CREATE ROLE regress_plain;
SET ROLE regress_plain;
SET snapshot_worker.before_drop = off;
SET snapshot_worker.before_drop_size = '1TB';
SET snapshot_worker.before_drop_max_age = '1h';
RESET ROLE;
DROP ROLE regress_plain;
RESET snapshot_worker.before_drop;

-- Wrong values are refused, with what is expected instead.
ALTER SYSTEM SET snapshot_worker.time = '24:00';
ALTER SYSTEM SET snapshot_worker.time = '12:60';
ALTER SYSTEM SET snapshot_worker.time = '3';
ALTER SYSTEM SET snapshot_worker.time = '3:00';
ALTER SYSTEM SET snapshot_worker.time = '03:00:00';
ALTER SYSTEM SET snapshot_worker.time = '03:00Z';
ALTER SYSTEM SET snapshot_worker.time = '-1:00';
ALTER SYSTEM SET snapshot_worker.time = 'abc';
ALTER SYSTEM SET snapshot_worker.time = '';
ALTER SYSTEM SET snapshot_worker.time = ' ';
ALTER SYSTEM SET snapshot_worker.time = '03:00,';
ALTER SYSTEM SET snapshot_worker.time = ',03:00';
ALTER SYSTEM SET snapshot_worker.time = '03:00 04:00';
ALTER SYSTEM SET snapshot_worker.time = '03:00;04:00';
ALTER SYSTEM SET snapshot_worker.directory = 'relative/path';
ALTER SYSTEM SET snapshot_worker.directory = './snapshots';
ALTER SYSTEM SET snapshot_worker.directory = E'/two\nlines';
ALTER SYSTEM SET snapshot_worker.archive_command = 'cp %p /mnt/%x';
ALTER SYSTEM SET snapshot_worker.archive_command = 'cp 100%';
ALTER SYSTEM SET snapshot_worker.directory = '';
ALTER SYSTEM SET snapshot_worker.databases = '';
ALTER SYSTEM SET snapshot_worker.databases = '"app';
ALTER SYSTEM SET snapshot_worker.databases = 'app,,other';
ALTER SYSTEM SET snapshot_worker.databases = 'my app';
ALTER SYSTEM SET snapshot_worker.databases = 'a123456789b123456789c123456789d123456789e123456789f123456789g123';
ALTER SYSTEM SET snapshot_worker.format = 'tar';
ALTER SYSTEM SET snapshot_worker.globals = 'perhaps';
ALTER SYSTEM SET snapshot_worker.enable = 'perhaps';
ALTER SYSTEM SET snapshot_worker.timeout = '5 apples';
ALTER SYSTEM SET snapshot_worker."user" = 'a123456789b123456789c123456789d123456789e123456789f123456789g123';
ALTER SYSTEM SET snapshot_worker.bin_directory = 'bin';

-- Servers word these differently.
SELECT '/' || repeat('x', 600) AS long \gset
\set VERBOSITY sqlstate
ALTER SYSTEM SET snapshot_worker.directory = :'long';
ALTER SYSTEM SET snapshot_worker.retention = 0;
ALTER SYSTEM SET snapshot_worker.retention = -1;
ALTER SYSTEM SET snapshot_worker.retention_manual = 0;
ALTER SYSTEM SET snapshot_worker.jobs = 0;
ALTER SYSTEM SET snapshot_worker.jobs = 65;
ALTER SYSTEM SET snapshot_worker.timeout = -1;
ALTER SYSTEM SET snapshot_worker.lock_timeout = -1;
ALTER SYSTEM SET snapshot_worker.max_workers = 0;

ALTER SYSTEM SET snapshot_worker.compress = '';
ALTER SYSTEM SET snapshot_worker.compress = '10';
ALTER SYSTEM SET snapshot_worker.compress = 'gzip:10';
ALTER SYSTEM SET snapshot_worker.compress = 'gzip:x';
ALTER SYSTEM SET snapshot_worker.compress = 'bzip2:9';
ALTER SYSTEM SET snapshot_worker.compress = 'none:1';

-- The prefix is reserved.
SET snapshot_worker.nonsense = 1;

\set VERBOSITY default

-- None of that has come through.
SELECT count(*) FROM pg_file_settings
 WHERE name LIKE 'snapshot\_worker.%' AND sourcefile LIKE '%postgresql.auto.conf';

-- Right values are taken, and paths made canonical.
ALTER SYSTEM SET snapshot_worker.time = ' 23:59 ,00:00,12:30, 12:30';
ALTER SYSTEM SET snapshot_worker.databases = 'app, "My ""own"" app", *';
ALTER SYSTEM SET snapshot_worker.directory = '/tmp//snapshots/./x/../';
ALTER SYSTEM SET snapshot_worker.compress = 'gzip:9';
ALTER SYSTEM SET snapshot_worker.compress = 'none';
ALTER SYSTEM SET snapshot_worker.compress = '0';
SELECT name, setting FROM pg_file_settings
 WHERE name LIKE 'snapshot\_worker.%' AND sourcefile LIKE '%postgresql.auto.conf'
 ORDER BY name COLLATE "C";
ALTER SYSTEM RESET ALL;
