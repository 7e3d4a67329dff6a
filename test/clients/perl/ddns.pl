#!/usr/bin/perl
# In the manner of the official dynamic DNS client: HTTP/1.0 without Host,
# written into openssl's pipe, line ends of a single \n in places.
use strict;
use warnings;
use IPC::Open2;
use JSON::PP;
use MIME::Base64;

my $password = $ENV{PASSWORD};

sub ask {
    my ( $name, %arguments ) = @_;
    my $query = join '&', map { my $v = $arguments{$_}; $v =~ s/([^A-Za-z0-9.@=])/sprintf '%%%02X', ord $1/ge; "$_=$v" } sort keys %arguments;
    my $pid = open2( my $out, my $in, 'openssl', 's_client', '-quiet', '-verify_quiet', '-verify_return_error', '-CAfile', $ENV{SSL_CERT_FILE}, '-connect', "$ENV{HOST}:$ENV{CPANEL_PORT}" );
    print $in "GET /json-api/cpanel?$query HTTP/1.0\r\nConnection: close\r\nUser-Agent: cpanel-dynamic-dns 2.1\r\n"
      . 'Authorization: Basic ' . encode_base64( "$ENV{ACCOUNT}:$password", '' ) . "\r\n\r\n";
    $in->flush;
    local $/;
    my ( $head, $body ) = split /\r\n\r\n/, <$out>, 2;
    waitpid $pid, 0;
    my ($status) = $head =~ m{^HTTP/1\.[01] (\d+)};
    my $chunked = $head =~ /transfer-encoding/i ? 'chunked' : 'whole';
    my $result  = decode_json($body)->{cpanelresult};
    my $data    = ref $result->{data} eq 'ARRAY' ? $result->{data}[0] : $result->{data};
    my $done    = ref $data->{result} ? $data->{result}{status} : $data->{result} // $data->{status};
    print join( ' ', $name, $status, $chunked, $done // '', $result->{error} // '' ), "\n";
}

my %email = ( cpanel_jsonapi_apiversion => 2, cpanel_jsonapi_module => 'Email', domain => $ENV{DOMAIN} );
my %zone  = ( cpanel_jsonapi_apiversion => 2, cpanel_jsonapi_module => 'ZoneEdit', domain => $ENV{DOMAIN} );
ask( 'addpop', %email, cpanel_jsonapi_func => 'addpop', email => 'kept', password => $ENV{SECRET}, quota => 0 );
ask( 'addpop', %email, cpanel_jsonapi_func => 'addpop', email => 'gone', password => $ENV{SECRET}, quota => 0 );
ask( 'delpop', %email, cpanel_jsonapi_func => 'delpop', email => 'gone' );
ask( 'fetchzone', %zone, cpanel_jsonapi_func => 'fetchzone' );
ask( 'edit_zone_record', %zone, cpanel_jsonapi_func => 'edit_zone_record', Line => '17=127.0.0.1', name => 'home', type => 'A', address => '192.0.2.77', ttl => 300 );
$password = 'wrong';
ask( 'wrong password', %zone, cpanel_jsonapi_func => 'fetchzone' );
