# curl, as scripts that sign in: a security token and a cookie, or the mailbox's
# own password at webmail's port.
own="https://$HOST:$CPANEL_PORT"
webmail="https://$HOST:$WEBMAIL_PORT"
ask() { name=$1; shift; printf '%s: ' "$name"; curl -sS -w ' %{http_code}\n' "$@"; }

ask login -c jar -o answer "$own/login/?login_only=1" --data-urlencode "user=$ACCOUNT" --data-urlencode "pass=$PASSWORD"
sed 's/cpsess[0-9]*/cpsess##########/g' answer && echo
security=$(grep -o '/cpsess[0-9]*' answer | head -n 1)
ask 'add_pop' -b jar "$own$security/execute/Email/add_pop" -d email=kept --data-urlencode "password=First+word 1"
ask 'addpop' -b jar -G "$own$security/json-api/cpanel" -d cpanel_jsonapi_apiversion=2 -d cpanel_jsonapi_module=Email -d cpanel_jsonapi_func=addpop \
	-d "email=gone" -d "domain=$DOMAIN" --data-urlencode "password=$SECRET"
ask 'no cookie' "$own$security/execute/Email/count_pops"
ask 'no security token' -b jar "$own/execute/Email/count_pops"
ask passwd_pop -u "kept@$DOMAIN:First+word 1" "$webmail/execute/Email/passwd_pop" -d email=kept --data-urlencode "password=$SECRET"
ask "another's" -u "kept@$DOMAIN:$SECRET" "$webmail/execute/Email/passwd_pop" -d email=gone -d password=stolen
ask 'not for mailboxes' -u "kept@$DOMAIN:$SECRET" "$webmail/execute/Email/delete_pop?email=gone&domain=$DOMAIN"
ask 'wrong port' -u "kept@$DOMAIN:$SECRET" "$own/execute/Email/count_pops"
ask delete_pop -b jar "$own$security/execute/Email/delete_pop" -d email=gone -d "domain=$DOMAIN"
ask logout -b jar -o answer "$own$security/logout"
ask 'logged out' -b jar "$own$security/execute/Email/count_pops"
ask 'login by GET' -c jar -o answer -G "$own/login/" -d login_only=1 --data-urlencode "user=$ACCOUNT" --data-urlencode "pass=$PASSWORD"
security=$(grep -o '/cpsess[0-9]*' answer | head -n 1)
ask 'count_pops' -b jar "$own$security/execute/Email/count_pops"
ask 'wrong password' "$own/login/?login_only=1" -d "user=$ACCOUNT" -d pass=wrong
