#!/bin/sh
curl -H'Authorization: cpanel demo:@CPANEL@' 'https://example.com:2083/execute/Email/list_pops'
curl -sS -H "Authorization: whm root:@CPANEL@" "https://example.com:2087/json-api/listaccts?api.version=1"
curl --header 'authorization:cpanel demo:@ACCOUNT@' https://example.com:2083/execute/Tokens/list
curl -H "Authorization: WHM root:@HOST@" https://example.com:2087/json-api/version
TOKEN=@ACCOUNT@ ./deploy
wget --header="Authorization: cpanel demo_1:@CPANEL@" -qO- https://example.com:2083/execute/Quota/get_quota_info
http POST :2083/execute/Email/add_pop Authorization:"cpanel demo:@ACCOUNT@"
