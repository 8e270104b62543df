# Net::SMTP at work on a ready message: RECIPIENTS FRESH ITEMS PORT VERIFYPORT FILE; see Foreign in Scenario.ts.
use strict;
use warnings;
use Net::SMTP;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC CLOCK_PROCESS_CPUTIME_ID);

my ($recipients, $fresh, $items, $port, $verify, $file) = @ARGV;
my @to = map { "bob$_\@example.net" } 0 .. $recipients - 1;
open my $in, "<:raw", $file or die $!;
my $message = do { local $/; <$in> };
# It makes the line ends itself.
$message =~ s/\r\n/\n/g;
$| = 1;

sub open_session { Net::SMTP->new("127.0.0.1", Port => $_[0], Hello => "client.example") or die "no connection" }

sub send_one {
  my ($client) = @_;
  $client->mail("ada\@example.com") && $client->recipient(@to) && $client->data($message) or die $client->message;
}

sub peak {
  open my $status, "<", "/proc/self/status" or return 0;
  while (<$status>) { return $1 if /^VmHWM:\s+(\d+)/ }
}

my $client;
sub run {
  my ($port, $count) = @_;
  for (1 .. $count) {
    $client = open_session($port) if $fresh eq "true" || !$client;
    send_one($client);
    if ($fresh eq "true") { $client->quit; undef $client }
  }
}

run($verify, 1);
if ($client) { $client->quit; undef $client }
print "ready\n";
while (<STDIN>) {
  my ($limit, $began, $used, $runs) = ($_ / 1e3, clock_gettime(CLOCK_MONOTONIC), clock_gettime(CLOCK_PROCESS_CPUTIME_ID), 0);
  do { run($port, $items); $runs++ } while clock_gettime(CLOCK_MONOTONIC) - $began < $limit;
  printf "%d %d %d %d\n", $runs, (clock_gettime(CLOCK_MONOTONIC) - $began) * 1e6,
    (clock_gettime(CLOCK_PROCESS_CPUTIME_ID) - $used) * 1e6, peak();
}
