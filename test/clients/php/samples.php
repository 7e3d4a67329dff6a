<?php
// In the manner of the old PHP samples: curl with a header value that ends in
// "\n\r", everything in the query of a POST without a body, multipart forms.
function ask($name, $url, $header, $options = [])
{
    $curl = curl_init();
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, 1);
    curl_setopt($curl, CURLOPT_HTTPHEADER, [$header]);
    curl_setopt($curl, CURLOPT_URL, $url);
    curl_setopt_array($curl, $options);
    $body = curl_exec($curl);
    if ($body === false) {
        echo "$name error ", curl_error($curl), "\n";
        return;
    }
    $a = json_decode($body, true);
    $r = $a['cpanelresult'] ?? null;
    $said = $r ? [$r['data'][0]['result']['status'] ?? $r['data'][0]['result'] ?? array_column($r['data'], 'email'), $r['error'] ?? null]
        : (isset($a['metadata']['result']) ? [$a['metadata']['result'], $a['metadata']['reason']] : [$a['status'] ?? null, $a['data'] ?? null, $a['errors'] ?? $a['statusmsg'] ?? null]);
    echo $name, ' ', curl_getinfo($curl, CURLINFO_RESPONSE_CODE), ' ', json_encode($said), "\n";
}

['HOST' => $host, 'CPANEL_PORT' => $cpanel, 'WHM_PORT' => $whm, 'ACCOUNT' => $user, 'PASSWORD' => $password, 'DOMAIN' => $domain, 'SECRET' => $secret] = getenv();
$own = "https://$host:$cpanel";
$admin = "https://$host:$whm";
$basic = 'Authorization: Basic ' . base64_encode("$user:$password");
$token = "Authorization: cpanel $user:" . getenv('TOKEN');
$root = 'Authorization: WHM root:' . preg_replace("'(\r|\n)'", '', getenv('ROOT_TOKEN'));
$mailbox = fn ($name) => http_build_query(['email' => $name, 'domain' => $domain, 'password' => $secret, 'quota' => 0]);
$post = [CURLOPT_POST => 1, CURLOPT_POSTFIELDS => ''];
$old = [CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1];

ask('add_pop', "$own/execute/Email/add_pop?" . $mailbox('kept'), "$basic\n\r", $old);
ask('as curl likes', "$own/execute/Email/count_pops", "$basic\n\r");
ask('count_pops, token', "$own/execute/Email/count_pops", "$token\n\r", $old);
ask('accountsummary', "$admin/json-api/accountsummary?api.version=1&user=$user", "$root\n\r", $old);
ask('invented session', "$own/cpsess1235467/execute/Email/count_pops", $basic);
ask('POST, query alone', "$admin/json-api/cpanel?cpanel_jsonapi_user=$user&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=addpop&cpanel_jsonapi_version=2&" . $mailbox('gone'), $root, $post);
ask('listpops, slash', "$own/json-api/cpanel/?cpanel_jsonapi_user=$user&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_apiversion=2", $basic, [CURLOPT_USERAGENT => 'Mozilla/5.0 (Windows; U; Windows NT 5.1; rv:1.7.3) Gecko/20041001 Firefox/0.10.1']);
ask('multipart', "$own/execute/Email/delete_pop?", $token, [CURLOPT_POST => 1, CURLOPT_POSTFIELDS => ['email' => 'gone', 'domain' => $domain]]);
ask('multipart, again', "$own/execute/Email/delete_pop?", $token, [CURLOPT_POST => 1, CURLOPT_POSTFIELDS => ['email' => 'gone', 'domain' => $domain]]);
// As xmlapi-php and Really Simple SSL do with curl: length and body are a part of a
// header, and curl is told of a POST without a body.
$form = http_build_query(['cpanel_jsonapi_user' => $user, 'cpanel_jsonapi_module' => 'ZoneEdit', 'cpanel_jsonapi_func' => 'add_zone_record', 'cpanel_jsonapi_apiversion' => '2', 'domain' => $domain, 'name' => '_acme-challenge', 'type' => 'TXT', 'txtdata' => 'abc', 'ttl' => '600', 'class' => 'IN']);
$inside = "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " . strlen($form) . "\r\n\r\n" . $form;
ask('a body in a header', "$own/json-api/cpanel", $basic . $inside, [CURLOPT_POST => 1]);
ask('the same through WHM', "$admin/json-api/cpanel", $root . $inside, [CURLOPT_POST => 1]);
ask('another account', "$own/execute/Email/count_pops", str_replace("cpanel $user:", 'cpanel other:', $token));
