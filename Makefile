# snapshot_worker: scheduled, checked pg_dump snapshots taken by the server
#
#   make, make install    build and install for the server of PG_CONFIG
#   make installcheck     run the tests against what is installed
#   make check            all of it on a private copy: the whole test suite
#   make check-all       the same on other versions, too, in chroots
#   make check-memory     the same under a memory checker; takes long
#   make fuzz             the parsers, fed with what a fuzzer makes up
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
	src/agenda.o \
	src/alert.o \
	src/altered.o \
	src/archive.o \
	src/archived.o \
	src/archiving.o \
	src/ask.o \
	src/before_drop.o \
	src/breaker.o \
	src/canceling.o \
	src/child.o \
	src/columns.o \
	src/commands.o \
	src/compare.o \
	src/compression.o \
	src/contents.o \
	src/copies.o \
	src/database_settings.o \
	src/databases.o \
	src/definitions.o \
	src/dependents.o \
	src/digest.o \
	src/directory.o \
	src/doomed.o \
	src/doomed_database.o \
	src/dropped.o \
	src/elsewhere.o \
	src/exposure.o \
	src/facts.o \
	src/file_system.o \
	src/files.o \
	src/folders.o \
	src/functions.o \
	src/hashing.o \
	src/hints.o \
	src/history.o \
	src/history_tail.o \
	src/hold.o \
	src/horizon.o \
	src/jobs.o \
	src/json.o \
	src/keep.o \
	src/launcher.o \
	src/linehash.o \
	src/litter.o \
	src/locks.o \
	src/manifest.o \
	src/messages.o \
	src/names.o \
	src/outcome.o \
	src/probe.o \
	src/problems.o \
	src/processes.o \
	src/programs.o \
	src/progress.o \
	src/properties.o \
	src/prune.o \
	src/queries.o \
	src/record.o \
	src/removal.o \
	src/replace.o \
	src/report.o \
	src/requests.o \
	src/restore.o \
	src/retention.o \
	src/rows.o \
	src/run.o \
	src/schedule.o \
	src/scratch.o \
	src/sessions.o \
	src/settings.o \
	src/settings_check.o \
	src/share.o \
	src/shared_cancel.o \
	src/shared_notes.o \
	src/shared_programs.o \
	src/shared_queue.o \
	src/shared_runs.o \
	src/shared_state.o \
	src/shell.o \
	src/slots.o \
	src/snapshot_worker.o \
	src/spool.o \
	src/staging.o \
	src/stale.o \
	src/store.o \
	src/sweeping.o \
	src/tasks.o \
	src/telling.o \
	src/test_step.o \
	src/toc.o \
	src/underway.o \
	src/verification.o \
	src/verify.o \
	src/verifying.o \
	src/verify_files.o \
	src/waits.o \
	src/warnings.o \
	src/watch.o \
	src/work.o \
	src/worker.o

REGRESS = loading settings schedule functions privileges
REGRESS_OPTS = --temp-instance=tmp_regress \
	--temp-config=$(srcdir)/test/regress.conf
TAP_TESTS = 1
# prove is started in the source directory
PROVE_TESTS ?= test/t/*.pl
override PROVE_FLAGS += -I test/perl
EXTRA_CLEAN = tmp_regress

PG_CONFIG ?= pg_config

# These install what they need first, PGXS included, so they do without it.
STANDALONE = bench check check-all check-memory demo format fuzz lint package-check rpm-check

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
$(OBJS): $(wildcard $(srcdir)/src/*.h)

# Where it is not built in the source directory; VPATH would find that one's.
$(OBJS) $(OBJS:.o=.bc): | $(CURDIR)/src
$(CURDIR)/src:
	mkdir -p $@
endif
