
# Copyright (c) 2026, the snapshot_worker developers

# A psql session that executes statements one after another, and is not waited
# for unless that is asked for.

package PsqlSession;

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;

# Start a session in a database of a node.
sub new
{
	my ($class, $node, $database) = @_;
	my $self = bless { in => '', out => '', err => '', sent => 0 }, $class;

	$self->{timer} =
	  IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	$self->{handle} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr($database) ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err},
		$self->{timer});
	return $self;
}

# Send statements.  Those that fail do not matter.  The time that they may take
# begins anew.
sub send_sql
{
	my ($self, @statements) = @_;

	$self->{sent}++;
	$self->{timer}->start;
	$self->{in} .= join('', map { "$_;\n" } @statements) . "\\echo :done $self->{sent}\n";
	$self->{handle}->pump_nb;
	return;
}

# Wait until all statements have been executed, and return the output since the
# last call.  Dies if the session has ended.
sub wait_for
{
	my ($self) = @_;
	my $mark = ":done $self->{sent}\n";

	while ($self->{sent} > 0 && index($self->{out}, $mark) < 0)
	{
		die "the session has ended: $self->{err}"
		  unless $self->{handle}->pumpable;
		$self->{handle}->pump;
	}
	my $out = $self->{out};
	$out =~ s/^:done \d+\n//mg;
	$self->{out} = '';
	$self->{sent} = 0;
	return $out;
}

# Send statements, and wait.
sub execute
{
	my ($self, @statements) = @_;

	$self->send_sql(@statements);
	return $self->wait_for;
}

# End the session.
sub close_session
{
	my ($self) = @_;

	$self->{in} .= "\\q\n";
	eval { $self->{handle}->finish; 1 } or $self->{handle}->kill_kill;
	return;
}

1;
