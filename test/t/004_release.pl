
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# META.json is as PGXN's meta specification 1.0.0 wants it, names files that
# there are, and all that tells a version tells the same.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my $semantic = qr/^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z][-0-9A-Za-z]*)?$/;
my $term = qr/^[^\s[:cntrl:]\/\\]{2,}$/;
my $tag = qr/^[^[:cntrl:]\/\\:]{1,255}$/;
my $text = qr/\S/;
my $uri = qr/^[a-z][-+.a-z0-9]*:\S+$/i;
my $file = sub { $_[0] =~ m{^[^/]} && -f $_[0] ? () : 'is no file of the tree' };
# A version, or conditions such as ">= 1.2.0, != 1.5.0"; 0 is any version.
my $range = sub {
	foreach my $part (split /\s*,\s*/, $_[0], -1)
	{
		return 'is no range of versions'
		  unless $part =~ /^(?:(?:[<>]=?|==|!=)\s*)?(.+)$/
		  && ($1 eq '0' || $1 =~ $semantic);
	}
	return;
};

# The specification, as far as strings, lists and maps go.  A string is a
# pattern or a function that returns what is wrong; a list has one element,
# what each of its own is to be; a map has keys, of which those with "!" are
# required, and "*" is any other.
my %phase = map { $_ => { '*' => $range } }
  qw(requires recommends suggests conflicts);
my %specification = (
	'name!' => $term,
	'version!' => $semantic,
	'abstract!' => $text,
	'maintainer!' => [$text],
	'license!' => [
		qr/^(?:agpl_3|apache_1_1|apache_2_0|artistic_1|artistic_2|bsd|freebsd|gfdl_1_2|gfdl_1_3|gpl_1|gpl_2|gpl_3|lgpl_2_1|lgpl_3_0|mit|mozilla_1_0|mozilla_1_1|openssl|perl_5|postgresql|qpl_1_0|ssleay|sun|zlib|open_source|restricted|unrestricted|unknown)$/
	],
	'provides!' => {
		'*!' => {
			'file!' => $file,
			'version!' => $semantic,
			'abstract' => $text,
			'docfile' => $file,
			'*' => undef
		}
	},
	'meta-spec!' =>
	  { 'version!' => qr/^1\.0\.\d+$/, 'url' => $uri },
	'description' => $text,
	'generated_by' => $text,
	'tags' => [$tag],
	'no_index' => { 'file' => [$file], 'directory' => [$text] },
	'prereqs' => {
		map { $_ => {%phase} } qw(configure build test runtime develop)
	},
	'release_status' => qr/^(?:stable|testing|unstable)$/,
	'resources' => {
		'homepage' => $uri,
		'bugtracker' => { 'web' => $uri, 'mailto' => $text },
		'repository' =>
		  { 'url' => $uri, 'web' => $uri, 'type' => qr/^[a-z]+$/ },
	});

# Return what is wrong with a value, as lines that begin with its place.
sub faults
{
	my ($where, $value, $wanted) = @_;

	if (ref $wanted eq 'HASH')
	{
		return "$where: is no map" unless ref $value eq 'HASH';
		my @faults;
		my $others = $wanted->{'*'} // $wanted->{'*!'};

		foreach my $key (map { /(.+)!$/ } sort keys %$wanted)
		{
			push @faults, "$where.$key: is missing"
			  unless $key eq '*' ? %$value : exists $value->{$key};
		}
		foreach my $key (sort keys %$value)
		{
			my $inner = $wanted->{$key} // $wanted->{"$key!"} // $others;

			push @faults,
				defined $inner ? faults("$where.$key", $value->{$key}, $inner)
			  : $key =~ /^x_/i ? ()
			  :                  "$where.$key: is not in the specification";
		}
		return @faults;
	}
	if (ref $wanted eq 'ARRAY')
	{
		my @list = ref $value eq 'ARRAY' ? @$value : $value;

		return "$where: is empty" unless @list;
		return map { faults("$where\[$_]", $list[$_], $wanted->[0]) } 0 .. $#list;
	}
	return "$where: is no string" if ref $value || !defined $value;
	return map { "$where: $_" } $wanted->($value) if ref $wanted eq 'CODE';
	return $value =~ $wanted ? () : "$where: is wrong: \"$value\"";
}

sub meta_faults
{
	return join "\n", faults('META', decode_json($_[0]), \%specification);
}

my $meta_text = slurp_file('META.json');
is(meta_faults($meta_text), '', 'META.json is valid');

foreach my $case (
	[ 's/"name": "snapshot_worker",//', 'META.name: is missing' ],
	[ 's/"version": "1.0.0",/"version": "1.0",/', 'META.version: is wrong: "1.0"' ],
	[ 's/"version": "1.0.0",/"version": "1.00.0",/', 'META.version: is wrong: "1.00.0"' ],
	[ 's/"license": "postgresql"/"license": "PostgreSQL"/', 'META.license[0]: is wrong: "PostgreSQL"' ],
	[ 's/"license": "postgresql"/"license": []/', 'META.license: is empty' ],
	[ 's/"maintainer": /"maintainers": /', "META.maintainer: is missing\nMETA.maintainers: is not in the specification" ],
	[ 's/"maintainer": /"x_more": {}, "maintainer": /', '' ],
	[ 's/"abstract": "[^"]*"/"abstract": " "/', 'META.abstract: is wrong: " "' ],
	[ 's/"abstract": "[^"]*"/"abstract": ["a"]/', 'META.abstract: is no string' ],
	[ 's/"file": "[^"]*"/"file": "nothing.sql"/', 'META.provides.snapshot_worker.file: is no file of the tree' ],
	[ 's/snapshot_worker[.]md/nothing/', 'META.provides.snapshot_worker.docfile: is no file of the tree' ],
	[ 's/"provides": \{.*?\}\s*\}/"provides": {}/s', 'META.provides.*: is missing' ],
	[ 's/"15.0.0"/"15"/', 'META.prereqs.runtime.requires.PostgreSQL: is no range of versions' ],
	[ 's/"15.0.0"/">= 15.0.0, != 16.0.0"/', '' ],
	[ 's/"runtime"/"run"/', 'META.prereqs.run: is not in the specification' ],
	[ 's/"requires"/"require"/', 'META.prereqs.runtime.require: is not in the specification' ],
	[ 's/"stable"/"beta"/', 'META.release_status: is wrong: "beta"' ],
	[ 's/"pg_dump"/"a\/b"/', 'META.tags[2]: is wrong: "a/b"' ],
	[ 's/"meta-spec": \{[^}]*\}/"meta-spec": "1.0.0"/', 'META.meta-spec: is no map' ],
	[ 's/("meta-spec": \{\s*"version": )"1.0.0"/$1"2.0.0"/', 'META.meta-spec.version: is wrong: "2.0.0"' ])
{
	my ($change, $expected) = @$case;
	my $wrong = $meta_text;
	my $changed = eval "\$wrong =~ $change";    ## no critic (ProhibitStringyEval)

	die "$change changes nothing: $@" unless $changed;
	is(meta_faults($wrong), $expected, "the check of META.json finds just what $change makes wrong");
}

# The versions.  The control file's are the first two numbers of the release's.
my $meta = decode_json($meta_text);
my $release = $meta->{version};
my ($default) =
  slurp_file('snapshot_worker.control') =~ /^default_version = '(.*)'$/m;
my $provided = $meta->{provides}{snapshot_worker};

like($release, qr/^\Q$default\E\.\d+$/, 'default_version has two numbers');
is($provided->{version}, $release, 'META.json has the version of the extension');
is( $provided->{file},
	"snapshot_worker--$default.sql",
	'META.json names the script of default_version');
is(($meta_text =~ /"version": "(.*)"/)[0],
	$release, 'make dist takes the version of the distribution for its archive');
foreach my $place (
	[ 'CHANGELOG.md', qr/^## \[(\d.*?)\]/m ],
	[ 'debian/changelog', qr/\A\S+ \((.*?)-[^-]*\)/ ],
	[ 'rpm/snapshot_worker.spec', qr/^Version:\s*(.*)$/m ])
{
	my ($name, $pattern) = @$place;

	is((slurp_file($name) =~ $pattern)[0], $release, "$name has the version of META.json");
}

done_testing();
