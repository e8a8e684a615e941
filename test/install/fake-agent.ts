/** What a fake release's agent does when it runs: it is ready, it never is, or it ends. */
export type FakeWay = "ready" | "unready" | "ends";

/** The token that it takes for good. */
export const goodToken = "wpe_a-good-token-of-the-tests";

/** Where its enrolment leaves what every process of the machine shows of itself just then. */
export const shownAtEnrolment = "/run/shown-at-enrolment";

/** A stand-in for the executable, of some kilobytes, in what every Debian has; for what the installer does with it. */
export const fakeAgent = (version: string, way: FakeWay): string => `#!/usr/bin/perl
use strict;
use IO::Socket::INET;
use IO::Socket::UNIX;
use Socket;
$| = 1;
my ($command, %option) = @ARGV;
$command = "run" unless defined $command;
if ($command eq "--version") {
  print "${version}\\n";
} elsif ($command eq "enroll") {
  system "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\\\0' '\\\\n' >${shownAtEnrolment}";
  chomp(my $token = <STDIN>);
  if ($token ne "${goodToken}") {
    print STDERR "this enrolment token was used already: make a new one\\n";
    exit 1;
  }
  if (($option{"--region"} // "eu-west") ne "eu-west") {
    print STDERR "The region must be eu-west, of which this enrolment token is, and not $option{'--region'}\n";
    exit 1;
  }
  open my $file, ">", $option{"--output"} or die $!;
  my $id = "agt_" . join "", map { ("a" .. "z")[rand 26] } 1 .. 20;
  print $file qq({ "v": 1, "agentId": "$id", "region": "eu-west",\\n  "coordinatorUrl": "$option{"--coordinator"}" }\\n);
} elsif ($command eq "run") {
  my $secret = ($ENV{CREDENTIALS_DIRECTORY} || "") . "/agent";
  $secret = $ENV{WATCHPOST_CREDENTIAL_FILE} if $ENV{WATCHPOST_CREDENTIAL_FILE};
  open my $credential, "<", $secret or die "no credential: $!";
  exit 1 if "${way}" eq "ends";
  my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => 8081, ReuseAddr => 1) or die $!;
  my $to = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Peer => $ENV{NOTIFY_SOCKET} =~ s/^@/\\0/r) or die $!;
  $to->send("READY=1");
  $SIG{ALRM} = sub { $to->send("WATCHDOG=1"); alarm 1 };
  alarm 1;
  while (1) {
    my $client = $server->accept() or next;
    my $status = "${way}" eq "ready" ? "200 OK" : "503 Service Unavailable";
    print $client "HTTP/1.1 $status\\r\\nConnection: close\\r\\n\\r\\n{\\"status\\":\\"${way}\\"}";
    close $client;
  }
}
`;
