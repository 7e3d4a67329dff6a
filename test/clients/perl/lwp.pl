#!/usr/bin/perl
# In the manner of the old samples: LWP, a hash for WHM, answers in XML or JSON.
use strict;
use warnings;
use JSON::PP;
use LWP::UserAgent;
use HTTP::Request::Common qw(GET POST);

my $hash = $ENV{ROOT_TOKEN};
$hash =~ s/(\r|\n)//g;
my $ua  = LWP::UserAgent->new;
my $whm = "https://$ENV{HOST}:$ENV{WHM_PORT}";
my $own = "https://$ENV{HOST}:$ENV{CPANEL_PORT}";

sub ask {
    my ( $name, $request, $pick ) = @_;
    my $answer = $ua->request($request);
    print join( ' ', $name, $answer->code, $pick->( $answer->content ) ), "\n";
}

sub admin { my $r = shift; $r->header( Authorization => "WHM root:$hash" ); return $r }
sub owner { my $r = shift; $r->authorization_basic( $ENV{ACCOUNT}, $ENV{PASSWORD} ); return $r }

my $envelope = sub { my $a = decode_json(shift); return $a->{status}, encode_json( [ $a->{data}, $a->{errors} ] ) };
my $result   = sub { my $a = decode_json(shift)->{cpanelresult}; return $a->{event}{result}, $a->{data}[0]{result} };
my $tags     = sub { my ( $tag, $text ) = @_; return join ',', $text =~ m{<$tag>(.*?)</$tag>}g };

ask( 'version', admin( GET "$whm/xml-api/version" ), sub { return shift =~ m{^<\?xml.*<version>11\.\d+\.\d+\.\d+</version>}s ? 'in XML' : 'missing' } );
ask( 'accountsummary', admin( GET "$whm/xml-api/accountsummary?user=$ENV{ACCOUNT}" ), sub { return $tags->( 'domain', shift ) } );
ask( 'accountsummary of nobody', admin( GET "$whm/xml-api/accountsummary?user=nobody" ), sub { my $x = shift; return $tags->( 'status', $x ), $tags->( 'statusmsg', $x ) } );
ask( 'add_pop', owner( POST "$own/execute/Email/add_pop", [ email => 'kept', domain => $ENV{DOMAIN}, password => $ENV{SECRET} ] ), $envelope );
ask( 'addpop through WHM', admin( POST "$whm/json-api/cpanel", [
    user => $ENV{ACCOUNT}, cpanel_jsonapi_apiversion => 2, cpanel_jsonapi_module => 'Email', cpanel_jsonapi_func => 'addpop',
    email => 'gone', domain => $ENV{DOMAIN}, password => $ENV{SECRET}, quota => 0 ] ), $result );
ask( 'listpops in XML', admin( GET "$whm/xml-api/cpanel?user=$ENV{ACCOUNT}&cpanel_xmlapi_apiversion=2&cpanel_xmlapi_module=Email&cpanel_xmlapi_func=listpops" ), sub { return $tags->( 'email', shift ) } );
ask( 'delete_pop', owner( GET "$own/execute/Email/delete_pop?email=gone&domain=$ENV{DOMAIN}" ), $envelope );
ask( 'delete_pop again', owner( GET "$own/execute/Email/delete_pop?email=gone&domain=$ENV{DOMAIN}" ), $envelope );
ask( 'nobody', GET("$own/execute/Email/list_pops"), $envelope );
