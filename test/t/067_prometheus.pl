
# Copyright (c) 2026, the snapshot_worker developers

# Needed on one version of PostgreSQL only; see test/check-all.

# The examples for Prometheus and Grafana, with the real programs: the exporter
# serves the metrics; alerts and dashboard use no others; the rules pass their
# own tests; what the dashboard asks is PromQL.

use strict;
use warnings;

use CPAN::Meta::YAML;
use File::Spec;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SnapshotTest;
use Test::More;

foreach my $program (qw(prometheus-postgres-exporter promtool))
{
	plan skip_all => "there is no $program"
	  unless grep { -x "$_/$program" } File::Spec->path;
}

my $examples = File::Spec->rel2abs('examples');
my $blocks = CPAN::Meta::YAML->read("$examples/postgres_exporter.yaml")->[0];
my $alerts = CPAN::Meta::YAML->read("$examples/alerts.yaml")->[0];
my $dashboard = decode_json(slurp_file("$examples/dashboard.json"));
my $http = HTTP::Tiny->new(timeout => $PostgreSQL::Test::Utils::timeout_default);

# A server with an exporter that asks as a member of pg_monitor.

my ($node, $directory) = snapshot_node('main');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $exporter;
my $exporter_log = '';

$node->safe_psql('postgres', 'CREATE ROLE prometheus LOGIN IN ROLE pg_monitor');
$node->safe_psql('postgres', 'CREATE DATABASE app');
my $name = $node->safe_psql('postgres', "SELECT snapshot_now('app')");

sub start_exporter
{
	local $ENV{DATA_SOURCE_NAME} =
	  $node->connstr('postgres') . ' user=prometheus sslmode=disable';
	# not as the tests would have it, but as a daemon has it
	local %ENV = map { $_ => $ENV{$_} } grep { !/^PG/ } keys %ENV;

	$exporter = IPC::Run::start(
		[
			'prometheus-postgres-exporter',
			"--extend.query-path=$examples/postgres_exporter.yaml",
			"--web.listen-address=127.0.0.1:$port"
		],
		'<', \undef, '>', \$exporter_log, '2>', \$exporter_log);
	return;
}

sub stop_exporter
{
	$exporter->kill_kill if defined $exporter;
	undef $exporter;
	return;
}

END { stop_exporter(); }

# The values that the exporter serves, by name, and by labels in that, without
# the label "server", which it adds.
sub metrics
{
	my $response = $http->get("http://127.0.0.1:$port/metrics");
	my %metrics;

	return unless $response->{success};
	foreach my $line (split /\n/, $response->{content})
	{
		$line =~ /^(\w+)(?:\{(.*)\})? (\S+)$/ or next;
		my ($metric, $labels, $value) = ($1, $2 // '', $3);
		$labels = join ',', grep { !/^server=/ } split /,(?=\w+=")/, $labels;
		$metrics{$metric}{$labels} = $value;
	}
	return \%metrics;
}

start_exporter();
my $metrics = wait_until('the exporter has queried the server',
	sub {
		my $found = metrics();
		$exporter->pump_nb;
		return $found && ($found->{pg_up}{''} // 0) == 1 ? $found : undef;
	}) or diag $exporter_log;

is_deeply([ values %{ $metrics->{pg_exporter_user_queries_load_error} } ],
	[0], 'the exporter loads the file without an error');
foreach my $block (sort keys %$blocks)
{
	foreach my $metric (@{ $blocks->{$block}->{metrics} })
	{
		my ($column, $about) = %$metric;

		ok($metrics->{"${block}_$column"}, "the exporter serves ${block}_$column")
		  unless $about->{usage} eq 'LABEL';
	}
}

# Their values.
my %of_app = map {
	($_ => $metrics->{"snapshot_worker_database_$_"}{'database="app"'})
} qw(wanted snapshots bad_snapshots newest_age_seconds newest_size_bytes);
is($of_app{wanted}, 1, 'the exporter serves that a database is wanted');
is($of_app{snapshots}, 1, 'the exporter serves the number of its snapshots');
is($of_app{bad_snapshots}, 0, 'the exporter serves that no snapshot is bad');
is($of_app{newest_size_bytes},
	$node->safe_psql('postgres', 'SELECT size FROM snapshot_list()'), 'the exporter serves the size of the newest snapshot');
cmp_ok($of_app{newest_age_seconds}, '>', 0, 'the exporter serves the age of the newest snapshot');
is($metrics->{snapshot_worker_database_snapshots}{'database="postgres"'},
	0, 'the exporter serves 0 snapshots of a database without snapshots');
is($metrics->{snapshot_worker_database_newest_age_seconds}{'database="postgres"'},
	'NaN', 'the age of the newest of no snapshots is NaN');
is($metrics->{snapshot_worker_state_active}{'state="disabled"'}, 1, 'the exporter serves 1 for the state');
is($metrics->{snapshot_worker_state_active}{'state="running"'}, 0, 'the exporter serves 0 for a state that is not on');
is($metrics->{snapshot_worker_warning_present}{'message=""'}, 0, 'the exporter serves 0 without a warning');
is($metrics->{snapshot_worker_next_run_seconds}{''}, 'NaN', 'the exporter serves NaN without a next run');
is($metrics->{snapshot_worker_archive_error_present}{'message=""'}, 0, 'the exporter serves 0 without an archive error');

# Alerts and dashboard use what there is.
my %rules = map { ($_->{alert} => $_->{expr}) } @{ $alerts->{groups}->[0]->{rules} };
my %queries;
foreach my $panel (@{ $dashboard->{panels} })
{
	$queries{"panel $panel->{id}$_->{refId}"} = $_->{expr}
	  foreach @{ $panel->{targets} };
}
cmp_ok(keys %rules, '>=', 8, 'alerts.yaml has at least eight alerts');
cmp_ok(keys %queries, '>=', 13, 'the dashboard has at least thirteen queries');
my @variables = grep { $_->{type} eq 'query' } @{ $dashboard->{templating}->{list} };
my %asked = (%rules, %queries, map { ("variable $_->{name}" => $_->{query}->{query}) } @variables);
foreach my $where (sort keys %asked)
{
	my @used = $asked{$where} =~ /\b(snapshot_worker_\w+)/g;

	cmp_ok(@used, '>', 0, "$where uses metrics of snapshot_worker");
	is_deeply([ grep { !$metrics->{$_} } @used ], [], "$where uses only metrics that the exporter serves");
}

# Each panel's source is the variable, and so is each query's.
my ($source) = grep { $_->{type} eq 'datasource' } @{ $dashboard->{templating}->{list} };
is($source->{query}, 'prometheus', 'the data source of the dashboard can be chosen');
is_deeply(
	[
		grep { $_->{datasource}->{uid} ne "\${$source->{name}}" }
		map { ($_, @{ $_->{targets} // [] }) } @{ $dashboard->{panels} }, @variables
	],
	[], 'all panels and variables use the data source of the dashboard');

# The rules.
command_ok([ 'promtool', 'check', 'rules', "$examples/alerts.yaml" ], 'promtool accepts alerts.yaml');
command_ok([ 'promtool', 'test', 'rules', "$examples/alerts_test.yaml" ],
	'the alerts pass their tests');
my $tests = slurp_file("$examples/alerts_test.yaml");
my $monitoring = slurp_file('doc/monitoring.md');
foreach my $alert (sort keys %rules)
{
	like($tests, qr/alertname: $alert\n\s+exp_alerts:\n\s+- /, "$alert is tested to fire");
	like($tests, qr/alertname: $alert\}/, "$alert is tested not to fire");
	like($monitoring, qr/^\| `$alert` \| /m, "doc/monitoring.md has $alert");
}

# The queries of the dashboard, as rules, to see that they are PromQL.
my $as_rules = $node->basedir . '/dashboard_rules.yaml';
my $number = 0;
append_to_file($as_rules, "groups:\n- name: dashboard\n  rules:\n");
foreach my $where (sort keys %queries)
{
	(my $expr = $queries{$where}) =~ s/'/''/g;

	append_to_file($as_rules,
		sprintf("  - record: panel_%d\n    expr: '%s'\n", $number++, $expr));
}
command_ok([ 'promtool', 'check', 'rules', $as_rules ], "promtool accepts the dashboard's queries");

# When the snapshots cannot be listed, the exporter serves the rest, and only
# then no databases: the alert SnapshotDirectoryUnreadable depends on that.
stop_exporter();
rename $directory, "$directory.away" or die "could not rename $directory: $!";
append_to_file($directory, "not a directory\n");
start_exporter();
$metrics = wait_until('the exporter has queried the server again',
	sub {
		my $found = metrics();
		$exporter->pump_nb;
		return $found && ($found->{pg_up}{''} // 0) == 1 ? $found : undef;
	}) or diag $exporter_log;
ok($metrics->{snapshot_worker_enabled}, 'the exporter serves the status without a snapshot directory');
ok(!$metrics->{snapshot_worker_database_wanted}, 'the exporter serves no databases without a snapshot directory');

stop_exporter();
$node->stop;
done_testing();
