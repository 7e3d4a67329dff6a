#!/usr/bin/perl
# In the manner of cPanel::PublicAPI: HTTP::Tiny, a session or a token, a
# question mark after which nothing comes.
use strict;
use warnings;
use Encode;
use HTTP::Tiny;
use JSON::PP;

my $http = HTTP::Tiny->new( agent => '', keep_alive => 1, max_redirect => 0, verify_SSL => 1, SSL_options => { SSL_ca_file => $ENV{SSL_CERT_FILE} } );
my $secret = decode_utf8( $ENV{SECRET} );
my $own  = "https://$ENV{HOST}:$ENV{CPANEL_PORT}";

sub say { print join( ' ', @_ ), "\n" }

sub ask {
    my ( $name, $method, $path, $headers, $form ) = @_;
    my %options = ( headers => $headers );
    if ($form) {
        $options{content} = $http->www_form_urlencode($form);
        $options{headers} = { %$headers, 'Content-Type' => 'application/x-www-form-urlencoded' };
    }
    my $answer = $http->request( $method, $own . $path, \%options );
    my $json   = eval { decode_json( $answer->{content} ) } or return say( $name, $answer->{status}, 'no JSON' );
    my $result = $json->{cpanelresult};
    return say( $name, $answer->{status}, $result ? encode_json( [ map { $_->{email} // $_->{result} } @{ $result->{data} } ] ) : encode_json( [ @$json{qw(status errors)} ] ) );
}

# A session: the first segment of where the login sends to, and its cookie.
my $login = $http->post_form( "$own/login", { user => $ENV{ACCOUNT}, pass => $ENV{PASSWORD} } );
my ($security) = ( $login->{headers}{location} // '' ) =~ m{^(?:https?://[^/]+)?(/cpsess\d+)};
my $cookies = $login->{headers}{'set-cookie'} // [];
my ($cookie) = map { /^([^;]+)/ } ref $cookies ? @$cookies : $cookies;
say( 'login', $login->{status} =~ /^30\d$/ ? 'redirected' : $login->{status}, $security ? 'cpsess' : 'no cpsess', $cookie ? 'cookie' : 'no cookie' );
my $session = { Cookie => $cookie };
ask( 'list_domains', 'GET', "$security/execute/DomainInfo/list_domains?", $session );
ask( 'add_pop', 'POST', "$security/execute/Email/add_pop", $session, { email => 'kept', domain => $ENV{DOMAIN}, password => $secret } );
ask( 'addpop', 'GET', "$security/json-api/cpanel?" . $http->www_form_urlencode( {
    cpanel_jsonapi_apiversion => 2, cpanel_jsonapi_module => 'Email', cpanel_jsonapi_func => 'addpop', cpanel_jsonapi_user => $ENV{ACCOUNT},
    email => 'gone', domain => $ENV{DOMAIN}, password => $secret, quota => 0 } ), $session );
ask( 'another session', 'GET', '/cpsess0000000000/execute/DomainInfo/list_domains?', $session );

my $token = { Authorization => "cpanel $ENV{ACCOUNT}:$ENV{TOKEN}" };
ask( 'delpop', 'POST', '/json-api/cpanel', $token, {
    cpanel_jsonapi_apiversion => 2, cpanel_jsonapi_module => 'Email', cpanel_jsonapi_func => 'delpop', email => 'gone', domain => $ENV{DOMAIN} } );
ask( 'listpops', 'GET', "/json-api/cpanel?cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_user=$ENV{ACCOUNT}", $token );
ask( 'unknown function', 'GET', '/execute/Email/test?', $token );

my $failed = $http->post_form( "$own/login", { user => $ENV{ACCOUNT}, pass => 'wrong' } );
say( 'wrong password', $failed->{status} =~ /^4/ ? 'refused' : $failed->{status}, $failed->{headers}{'set-cookie'} ? 'cookie' : 'no cookie' );
$http->get( "$own$security/logout", { headers => $session } );
ask( 'after logout', 'GET', "$security/execute/DomainInfo/list_domains?", $session );
