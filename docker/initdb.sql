-- Run once, in the default database (POSTGRES_DB), when the cluster is made.
CREATE EXTENSION IF NOT EXISTS snapshot_worker;
