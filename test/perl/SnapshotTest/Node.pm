
# Copyright (c) 2026, the snapshot_worker developers

# A server of the tests that can be queried often at little cost.  A psql and a
# backend for each query cost more than most of what the tests wait for.  So a
# node keeps a session in "postgres", and psql() and safe_psql() send it those
# queries that only read.  All others, and those that fail there, go to a psql
# of their own.

package SnapshotTest::Node;

use strict;
use warnings;

use parent 'PostgreSQL::Test::Cluster';

use IO::Select;
use IPC::Open3;
# Functions that are imported here would hide the methods of that name.
use PostgreSQL::Test::Utils ();
use Test::More ();
use Time::HiRes qw(time usleep);

# The functions that a query which only reads may call.  Words before a
# parenthesis that are not functions are in here, too.
my %reads = map { $_ => 1 } qw(
  all and any array as by case coalesce concat_ws count else exists extract
  filter from in max min not or over select string_agg array_agg then union
  using values when where bool_and bool_or clock_timestamp now length lower
  pg_backend_pid pg_conf_load_time pg_is_in_recovery pg_last_wal_replay_lsn
  starts_with substring to_char upper
  snapshot_history snapshot_list snapshot_next_run snapshot_progress
  snapshot_retention snapshot_status);

# Settings by which a session differs from the kept one.
my @session_variables = qw(PGOPTIONS PGUSER PGCLIENTENCODING PGTZ);

sub only_reads
{
	my ($sql) = @_;

	return
	     $sql =~ /\A\s*SELECT\b[^\\;]*;?\s*\z/i
	  && $sql !~ /\bINTO\b|\bFOR\s+(UPDATE|SHARE)\b/i
	  # what a new session would have otherwise
	  && $sql !~ /\b(current_user|session_user|current_role|pg_settings)\b/i
	  && !grep { !$reads{ lc $_ } } $sql =~ /(\w+)\s*\(/g;
}

# As that of PostgreSQL::Test::Cluster.
sub psql
{
	my ($self, $dbname, $sql, %params) = @_;

	if (   $dbname eq 'postgres'
		&& defined $sql
		&& only_reads($sql)
		&& !grep({ !/^(stdout|stderr|on_error_stop|on_error_die)$/ } keys %params)
		&& !grep { defined $ENV{$_} } @session_variables)
	{
		my $output = $self->ask_kept_session($sql);

		if (defined $output)
		{
			${ $params{stdout} } = $output if defined $params{stdout};
			${ $params{stderr} } = '' if defined $params{stderr};
			return wantarray ? (0, $output, '') : 0;
		}
	}
	return $self->SUPER::psql($dbname, $sql, %params);
}

# As that of PostgreSQL::Test::Cluster, but it waits less at first, and more
# after a while.
sub poll_query_until
{
	my ($self, $dbname, $query, $expected) = @_;
	my ($ret, $stdout, $stderr);

	$expected //= 't';
	repeat(
		sub {
			# it dies when psql finds no server, and is gone before it has
			# read the query
			($ret, $stdout, $stderr) = eval { $self->psql($dbname, $query) };
			($ret, $stdout, $stderr) = (1, '', $@) unless defined $ret;
			$stdout eq $expected && $stderr eq '';
		}) and return 1;
	Test::More::diag("timed out waiting for $expected from:\n$query\n"
		  . "last output:\n$stdout\nlast error:\n$stderr");
	return 0;
}

# Call code until it returns something true, which is returned, or nothing when
# that takes too long.
sub repeat
{
	my ($code) = @_;
	my $end = time() + $PostgreSQL::Test::Utils::timeout_default;
	my $delay = 20_000;

	while (time() < $end)
	{
		my $result = $code->();

		return $result if $result;
		usleep($delay);
		$delay *= 1.5 if $delay < 200_000;
	}
	return;
}

# The answer of the kept session to a query, or undef if that fails.
sub ask_kept_session
{
	my ($self, $sql) = @_;

	# it can have gone with the server
	my $session = $self->{kept_session};
	$self->close_kept_session
	  if $session && $session->{backend} && !kill 0, $session->{backend};

	if (!$self->{kept_session})
	{
		my $pid;

		return unless $self->open_kept_session;
		$pid = $self->exchange('SELECT pg_backend_pid()');
		return unless defined $pid;
		$self->{kept_session}{backend} = $pid;
	}
	return $self->exchange($sql);
}

sub open_kept_session
{
	my ($self) = @_;
	# not below the node's directory, where some tests look for new files
	my $errors = "$PostgreSQL::Test::Utils::log_path/" . $self->name . '_kept_session.err';
	my ($in, $out);

	return unless -e $self->data_dir . '/postmaster.pid';

	local %ENV = $self->_get_env();
	open my $err, '>', $errors or die "could not open $errors: $!";
	my $pid = open3($in, $out, '>&' . fileno $err,
		$self->installed_command('psql'),
		'-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $self->connstr('postgres'));
	close $err;
	binmode $_ foreach $in, $out;
	$in->autoflush(1);
	$self->{kept_session} =
	  { pid => $pid, in => $in, out => $out, errors => $errors };
	return 1;
}

# Send the kept session a query, and read what it says.  It is closed when it
# fails.
sub exchange
{
	my ($self, $sql) = @_;
	my $session = $self->{kept_session};
	my $select = IO::Select->new($session->{out});
	my $end = "end of output " . ++$session->{number};
	my $output = '';

	local $SIG{PIPE} = 'IGNORE';
	$sql =~ s/;?\s*\z/;/;
	print { $session->{in} } "$sql\n\\echo $end\n";
	while ($output !~ s/^\Q$end\E\n\z//m)
	{
		if (!$select->can_read($PostgreSQL::Test::Utils::timeout_default)
			|| !sysread $session->{out}, $output, 65536, length $output)
		{
			$self->close_kept_session;
			return;
		}
	}
	if (-s $session->{errors})
	{
		$self->close_kept_session;
		return;
	}
	chomp $output;
	return $output;
}

sub close_kept_session
{
	my ($self) = @_;
	my $session = delete $self->{kept_session} or return;
	my $status = $?;

	close $session->{in};
	close $session->{out};
	kill 'KILL', $session->{pid};
	waitpid $session->{pid}, 0;
	$? = $status;
	return;
}

# The session does not outlive the server: its end would be in the log.
sub stop
{
	my ($self, @params) = @_;

	$self->close_kept_session;
	return $self->SUPER::stop(@params);
}

sub restart
{
	my ($self, @params) = @_;

	$self->close_kept_session;
	return $self->SUPER::restart(@params);
}

1;
