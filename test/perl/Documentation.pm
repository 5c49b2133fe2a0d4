
# Copyright (c) 2026, the snapshot_worker developers

# Reads the documentation: what is in its fenced blocks, and whether what a
# command says is what a block shows.
#
# A block is run if its language is "sql", "console" or "bash", and "conf" is
# checked for settings that the server would refuse.  "sh", "json" and "text"
# are not run.  In a block with prompts ("appdb=# ", "$ ") the command of each
# is followed by what it says; an "sql" block without a prompt, and a "bash"
# block, only have to work.
#
# What differs from run to run is matched by its form: see expected_output.

package Documentation;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(fenced_blocks sessions expected_output comparable);

# The fenced blocks of a file, in order: each has "language", "line" (where it
# begins), "section" (the last heading above it) and "text".
sub fenced_blocks
{
	my ($file) = @_;
	my (@blocks, $block);
	my ($number, $section) = (0, '');

	foreach my $line (split /\n/, slurp_file($file))
	{
		$number++;
		if ($line =~ /^```(.*)/)
		{
			if (defined $block)
			{
				push @blocks, $block;
				undef $block;
			}
			else
			{
				$block = {
					language => $1,
					line => $number,
					section => $section,
					text => ''
				};
			}
		}
		elsif (defined $block)
		{
			$block->{text} .= "$line\n";
		}
		elsif ($line =~ /^#+ (.*)/)
		{
			$section = $1;
		}
	}
	die "$file: a block has no end" if defined $block;
	return @blocks;
}

# Return the commands that a block shows its reader: a list of [ database,
# commands ], database being undef for the shell, and commands a list of [
# command, output shown ].  A new one begins where the prompt shows another
# database.
sub sessions
{
	my ($text) = @_;
	my @sessions;

	foreach my $line (split /\n/, $text)
	{
		my ($new, $database, $command) = (0);

		($new, $command) = (1, $1) if $line =~ /^\$ (.*)/;
		($new, $database, $command) = (1, $1, $2)
		  if $line =~ /^(\w+)=[*!]?[#>] (.*)/;
		if ($new)
		{
			push @sessions, [ $database, [] ]
			  if !@sessions
			  || ($sessions[-1][0] // '') ne ($database // '');
			push @{ $sessions[-1][1] }, [ $command, '' ];
		}
		elsif (@sessions && $line =~ /^(?:\w+-[*!]?[#>]|>) (.*)/)
		{
			$sessions[-1][1][-1][0] .= "\n$1";
		}
		elsif (@sessions)
		{
			$sessions[-1][1][-1][1] .= "$line\n";
		}
		else
		{
			die "output before the first command: $line\n";
		}
	}
	return @sessions;
}

# Output without what depends on the width of columns, and without blank lines.
sub comparable
{
	my ($output) = @_;
	my @lines;

	foreach my $line (split /\n/, $output)
	{
		$line =~ s/-{2,}/-/g;
		$line =~ s/\s+/ /g;
		$line =~ s/^ | $//g;
		push @lines, $line if $line ne '';
	}
	return join('', map { "$_\n" } @lines);
}

# Columns whose values are matched as any number.
my %varies = map { $_ => 1 }
  qw(size exclusive_size bytes_written bytes_read launcher_pid
  system_identifier seconds);

# Replaces numbers in such columns.
sub without_numbers
{
	my ($output) = @_;
	my (@header, @lines);

	foreach my $line (split /\n/, $output)
	{
		my @cells = map { s/^ | $//gr } split /\|/, $line, -1;

		if ($line =~ /^-[-+ ]*$/ && @lines)
		{
			@header = map { s/^ | $//gr } split /\|/, $lines[-1], -1;
		}
		elsif ($line =~ /^\(\d+ rows?\)$/)
		{
			@header = ();
		}
		elsif (@header && @header == @cells)
		{
			foreach my $i (0 .. $#header)
			{
				$cells[$i] =~ s/^\d+(?:\.\d+)?$/<number>/
				  if $varies{ $header[$i] };
			}
			$line = join(' | ', @cells) =~ s/ +/ /gr =~ s/^ | $//gr;
		}
		elsif (@cells == 2 && $varies{ $cells[0] })
		{
			$line =~ s/\d+$/<number>/;
		}
		push @lines, $line;
	}
	return join('', map { "$_\n" } @lines);
}

# A pattern for what a command has to say, as comparable() has it, given what
# the documentation shows.
#
# A snapshot's name stands for one that the server gives.  $names has which one
# for those that were shown before; a new one is captured, and %+ has it then
# under what $captures, which is set, has its documented name for.  A time is
# compared as it is unless it has fractions of a second.  "..." on a line of
# its own is any lines.
sub expected_output
{
	my ($shown, $names, $captures) = @_;
	my $number = 0;
	my %group;
	my $pattern = '';

	foreach my $line (split /\n/, without_numbers(comparable($shown)))
	{
		if ($line eq '...')
		{
			$pattern .= '(?:.*\n)*';
			next;
		}
		while ($line ne '')
		{
			if ($line =~ s{^([\w%.]+)/(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)}{})
			{
				my ($folder, $name) = ($1, "$1/$2");

				if (defined $names->{$name})
				{
					$pattern .= "\Q$names->{$name}\E";
				}
				elsif (defined $group{$name})
				{
					$pattern .= "\\k<$group{$name}>";
				}
				else
				{
					$group{$name} = 'name' . ++$number;
					$captures->{ $group{$name} } = $name;
					$pattern .=
					  "(?<$group{$name}>\Q$folder\E/[-\\dTZ]{20})";
				}
			}
			elsif ($line =~ s/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00//)
			{
				$pattern .= '\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\+00';
			}
			elsif ($line =~ s/^<number>//)
			{
				$pattern .= '\d+(?:\.\d+)?';
			}
			elsif ($line =~ s/^[0-9a-f]{64}\b//)
			{
				$pattern .= '[0-9a-f]{64}';
			}
			# how long something took
			elsif ($line =~ s/^\d\d:\d\d:\d\d\.\d+//)
			{
				$pattern .= '\d\d:\d\d:\d\d(?:\.\d+)?';
			}
			# a WAL position
			elsif ($line =~ s{^\d[0-9A-F]*/[0-9A-F]{6,}\b}{})
			{
				$pattern .= '[0-9A-F]+/[0-9A-F]+';
			}
			elsif ($line =~ s/^\d+ (?:bytes|kB|MB|GB)\b//)
			{
				$pattern .= '\d+ (?:bytes|kB|MB|GB)';
			}
			# a file of an archive
			elsif ($line =~ s/^\d+\.dat\.gz//)
			{
				$pattern .= '\d+\.dat\.\w+';
			}
			# a server's version
			elsif ($line =~ s/^\d\d\.\d+ \(Debian [^)]*\)//)
			{
				$pattern .= '\d\d\S*(?: \(.*\))?';
			}
			elsif ($line =~ s/^(\w+|.)//)
			{
				$pattern .= "\Q$1\E";
			}
		}
		$pattern .= '\n';
	}
	return qr/\A$pattern\z/;
}

1;
