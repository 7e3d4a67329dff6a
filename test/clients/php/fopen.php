<?php
// In the manner of xmlapi-php without curl: file_get_contents with a stream
// context; and of older programs still: fsockopen and HTTP/1.0 by hand.
['HOST' => $host, 'CPANEL_PORT' => $cpanel, 'WHM_PORT' => $whm, 'ACCOUNT' => $user, 'PASSWORD' => $password, 'DOMAIN' => $domain, 'SECRET' => $secret] = getenv();
$hash = getenv('ROOT_TOKEN');

function fopenQuery($name, $url, $form, $authorization)
{
    $context = stream_context_create(['http' => [
        'allow_self_signed' => true, 'method' => 'POST', 'ignore_errors' => true,
        'header' => "Content-type: application/x-www-form-urlencoded\r\n$authorization\r\n",
        'content' => http_build_query($form, '', '&'),
    ]]);
    $body = file_get_contents($url, false, $context);
    preg_match('{ (\d+)}', $http_response_header[0], $status);
    echo $name, ' ', $status[1], ' ', preg_replace('{<\?xml.*?\?>\s*}', '', $body), "\n";
}

function byHand($name, $host, $port, $request)
{
    $socket = fsockopen("ssl://$host", $port, $number, $text, 10);
    fwrite($socket, $request);
    $answer = stream_get_contents($socket);
    [$head, $body] = explode("\r\n\r\n", $answer, 2);
    preg_match('{^HTTP/1\.[01] (\d+)}', $head, $status);
    $framing = stripos($head, 'chunked') === false ? 'whole' : 'chunked';
    echo "$name $status[1] $framing $body\n";
}

$whmHeader = "Authorization: WHM root:$hash";
$basic = 'Authorization: Basic ' . base64_encode("$user:$password");
$call = fn ($func, $more) => ['user' => $user, 'cpanel_xmlapi_user' => $user, 'cpanel_xmlapi_module' => 'Email', 'cpanel_xmlapi_func' => $func, 'cpanel_xmlapi_apiversion' => 2, 'domain' => $domain] + $more;

fopenQuery('addpop', "https://$host:$whm/xml-api/cpanel", $call('addpop', ['email' => 'kept', 'password' => $secret, 'quota' => 0]), $whmHeader);
fopenQuery('addpop again', "https://$host:$whm/xml-api/cpanel", $call('addpop', ['email' => 'kept', 'password' => $secret, 'quota' => 0]), $whmHeader);
fopenQuery('addpop', "https://$host:$whm/xml-api/cpanel", $call('addpop', ['email' => 'gone', 'password' => $secret, 'quota' => 0]), $whmHeader);
fopenQuery('unknown', "https://$host:$whm/xml-api/cpanel", $call('nothing', []), $whmHeader);
byHand('delete_pop', $host, $cpanel, "GET /execute/Email/delete_pop?email=gone&domain=$domain HTTP/1.0\r\n$basic\n\r\r\n\r\n");
byHand('count_pops', $host, $cpanel, "GET /execute/Email/count_pops HTTP/1.0\n$basic\n\n");
byHand('wrong password', $host, $cpanel, "GET /json-api/cpanel?cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops HTTP/1.0\r\nAuthorization: Basic d3Jvbmc6d3Jvbmc=\r\n\r\n");
