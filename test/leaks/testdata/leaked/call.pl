my $token = '@ACCOUNT@';
$request->header( Authorization => "whm root:@CPANEL@" );
$request->header( 'Authorization' => 'cpanel demo:@CPANEL@' );
