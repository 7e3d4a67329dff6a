<?php
$token = '@ACCOUNT@';
curl_setopt($ch, CURLOPT_HTTPHEADER, ['Authorization: cpanel ' . $user . ':' . $token]);
$headers = array("Authorization: whm root:@CPANEL@");
define('WHM_TOKEN', '@HOST@');
$client->setHeader('Authorization', 'whm root:@CPANEL@');
