# snapshot_worker: scheduled, checked pg_dump snapshots taken by the server
#
#   make, make install    build and install for the server of PG_CONFIG
#   make installcheck     run the tests against what is installed
#   make check            all of it on a private copy: the whole test suite
#   make check-all       the same on other versions, too, in chroots
#   make check-memory     the same under a memory checker; takes long
#   make fuzz             the parsers, fed with what a fuzzer makes up
#   make fuzz-incremental random statements beside incremental snapshots
#   make lint             what static checkers say of the sources
#   make format           the sources laid out as PostgreSQL's own are
#   make bench            what it costs, compared with a bare pg_dump
#   make demo             see it work on a throw-away server
#   make package-check    build Debian's package, and try it where it is new
#   make rpm-check        build an RPM package from rpm/snapshot_worker.spec
#   make dist             the sources of HEAD, as PGXN wants them

EXTENSION = snapshot_worker
MODULE_big = snapshot_worker
DATA = snapshot_worker--1.0.sql
OBJS = \
	src/database/catalog_query.o \
	src/database/database_contents.o \
	src/database/database_properties.o \
	src/database/database_sessions.o \
	src/database/database_settings.o \
	src/database/dump_transaction.o \
	src/database/globals_state.o \
	src/database/seen_transactions.o \
	src/database/stale_table.o \
	src/database/stale_type.o \
	src/database/table_definition.o \
	src/database/table_pages.o \
	src/database/table_state.o \
	src/database/unchanged_since.o \
	src/launcher/archive_schedule.o \
	src/launcher/cancel_pending.o \
	src/launcher/crash_breaker.o \
	src/launcher/database_list.o \
	src/launcher/failure_alert.o \
	src/launcher/launcher.o \
	src/launcher/other_server.o \
	src/launcher/schedule.o \
	src/launcher/schedule_jobs.o \
	src/launcher/schedule_recovery.o \
	src/launcher/schedule_takeover.o \
	src/launcher/started_workers.o \
	src/launcher/sweep_schedule.o \
	src/launcher/underway_file.o \
	src/launcher/verify_schedule.o \
	src/session/before_drop.o \
	src/session/before_drop_altered.o \
	src/session/before_drop_database.o \
	src/session/before_drop_dependents.o \
	src/session/before_drop_dropped.o \
	src/session/before_drop_size.o \
	src/session/copy_watch.o \
	src/session/dump_copy.o \
	src/session/dump_encoding.o \
	src/session/dump_partitions.o \
	src/session/dump_script.o \
	src/session/dump_tables.o \
	src/session/find_relation.o \
	src/session/find_rows.o \
	src/session/late_partitions.o \
	src/session/live_tables.o \
	src/session/open_snapshot.o \
	src/session/program_session.o \
	src/session/relation_script.o \
	src/session/request.o \
	src/session/restore_parts.o \
	src/session/restore_program.o \
	src/session/restore_result.o \
	src/session/restore_watch.o \
	src/session/row_columns.o \
	src/session/scratch_statement.o \
	src/session/snapshot_at.o \
	src/session/sql_manage.o \
	src/session/sql_report.o \
	src/session/sql_restore_table.o \
	src/session/sql_rows.o \
	src/session/sql_runs.o \
	src/session/sql_schema.o \
	src/session/sql_tables.o \
	src/session/sql_util.o \
	src/session/status_warnings.o \
	src/session/table_rows.o \
	src/session/table_statement.o \
	src/session/value_settings.o \
	src/settings.o \
	src/settings_check.o \
	src/shmem/forked_snapshot.o \
	src/shmem/program_tokens.o \
	src/shmem/program_version.o \
	src/shmem/remembered_globals.o \
	src/shmem/restore_notes.o \
	src/shmem/restore_report.o \
	src/shmem/run_cancel.o \
	src/shmem/run_kinds.o \
	src/shmem/run_queue.o \
	src/shmem/run_table.o \
	src/shmem/shared_state.o \
	src/shmem/table_copies.o \
	src/snapshot_worker.o \
	src/store/base_file.o \
	src/store/database_folders.o \
	src/store/directory.o \
	src/store/directory_exposure.o \
	src/store/file_lock.o \
	src/store/file_system.o \
	src/store/file_system_probe.o \
	src/store/hardlink.o \
	src/store/history.o \
	src/store/history_line.o \
	src/store/history_tail.o \
	src/store/manifest.o \
	src/store/marks.o \
	src/store/prune.o \
	src/store/remembered_base.o \
	src/store/removal.o \
	src/store/replace_file.o \
	src/store/retention.o \
	src/store/snapshot_lock.o \
	src/store/staging.o \
	src/store/store.o \
	src/tools/child_output.o \
	src/tools/child_process.o \
	src/tools/child_spawn.o \
	src/tools/child_stream.o \
	src/tools/compression.o \
	src/tools/dump_definitions.o \
	src/tools/dump_toc.o \
	src/tools/output_spool.o \
	src/tools/restore_errors.o \
	src/tools/shell_command.o \
	src/tools/table_args.o \
	src/tools/toc_selection.o \
	src/tools/tool_args.o \
	src/tools/tool_hints.o \
	src/tools/tool_output.o \
	src/util/clean_text.o \
	src/util/errors.o \
	src/util/file_digest.o \
	src/util/file_tree.o \
	src/util/files.o \
	src/util/json.o \
	src/util/json_record.o \
	src/util/line_hash.o \
	src/util/litter.o \
	src/util/process.o \
	src/util/slot_times.o \
	src/util/snapshot_name.o \
	src/util/test_step.o \
	src/util/utc_time.o \
	src/util/wait_events.o \
	src/worker/admin_command.o \
	src/worker/alert_run.o \
	src/worker/archive_run.o \
	src/worker/audit_tables.o \
	src/worker/base_files.o \
	src/worker/choose_base.o \
	src/worker/clone_check.o \
	src/worker/column_hashes.o \
	src/worker/dump_database.o \
	src/worker/dump_globals.o \
	src/worker/file_hashing.o \
	src/worker/free_names.o \
	src/worker/incremental.o \
	src/worker/left_out.o \
	src/worker/pg_dump_version.o \
	src/worker/program_sessions.o \
	src/worker/restore.o \
	src/worker/restore_table.o \
	src/worker/row_counts.o \
	src/worker/run_context.o \
	src/worker/run_report.o \
	src/worker/scratch_database.o \
	src/worker/scratch_query.o \
	src/worker/scratch_restore.o \
	src/worker/scratch_table.o \
	src/worker/table_source.o \
	src/worker/take_snapshot.o \
	src/worker/verify.o \
	src/worker/verify_files.o \
	src/worker/verify_outcome.o \
	src/worker/verify_problems.o \
	src/worker/verify_restored.o \
	src/worker/worker.o

REGRESS = loading settings schedule functions privileges
REGRESS_OPTS = --temp-instance=tmp_regress \
	--temp-config=$(srcdir)/test/regress.conf
TAP_TESTS = 1
# Own headers are included by their folder: "store/staging.h".
PG_CPPFLAGS = -I$(srcdir)/src
# What PostgreSQL calls is marked PGDLLEXPORT, and nothing else is visible.
PG_CFLAGS = -fvisibility=hidden
# prove is started in the source directory
PROVE_TESTS ?= test/t/*.pl
override PROVE_FLAGS += -I test/perl
EXTRA_CLEAN = tmp_regress

PG_CONFIG ?= pg_config

# These install what they need first, PGXS included, so they do without it.
STANDALONE = bench check check-all check-memory demo format fuzz fuzz-incremental lint package-check rpm-check

ifneq (,$(filter dist $(STANDALONE),$(MAKECMDGOALS)))
.PHONY: dist $(STANDALONE)
$(STANDALONE):
	@$(dir $(abspath $(lastword $(MAKEFILE_LIST))))test/$@

# The first "version" of META.json is that of the distribution.
dist: DISTRIBUTION = $(EXTENSION)-$(shell sed -n 's/.*"version": "\(.*\)".*/\1/p' META.json | head -n 1)
dist:
	git archive --format=zip --prefix=$(DISTRIBUTION)/ -o $(DISTRIBUTION).zip HEAD
else
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# A server that is built without --enable-depend leaves this to us.
$(OBJS) $(OBJS:.o=.bc): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)

# Where it is not built in the source directory; VPATH would find that one's.
object_folders = $(addprefix $(CURDIR)/,$(sort $(patsubst %/,%,$(dir $(OBJS)))))
$(OBJS) $(OBJS:.o=.bc): | $(object_folders)
$(object_folders):
	mkdir -p $@
endif
