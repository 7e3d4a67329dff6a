# curl, as READMEs and shell scripts have it: a token in a header, parameters in
# the query, a form, multipart, JSON, or a body that does not say what it is.
own="https://$HOST:$CPANEL_PORT"
ask() { name=$1; shift; printf '%s: ' "$name"; curl -sS -w ' %{http_code} HTTP/%{http_version}\n' "$@"; }
cpanel="Authorization: cpanel $ACCOUNT:$TOKEN"

ask query -H"$cpanel" -G "$own/execute/Email/add_pop" --data-urlencode email=kept --data-urlencode "password=$SECRET"
ask form -H"$cpanel" "$own/execute/Email/add_pop" -d email=gone1 --data-urlencode "password=$SECRET"
ask multipart -H"$cpanel" "$own/execute/Email/add_pop" -F email=gone2 -F "password=$SECRET"
ask json --http1.1 -H"$cpanel" -H 'Content-Type: application/json' "$own/execute/Email/add_pop" -d '{"email":"gone3","password":"Third+word 3","quota":10}'
ask bare --http1.1 -H"$cpanel" -H 'Content-Type:' "$own/execute/Email/delete_pop" -d "email=gone1&domain=$DOMAIN"
ask old --http1.0 -H"$cpanel" -H 'Host:' "$own/execute/Email/delete_pop?email=gone2&domain=$DOMAIN"
ask 'body over query' -H"$cpanel" "$own/execute/Email/delete_pop?email=kept&domain=$DOMAIN" -d email=gone3
ask again -H"$cpanel" "$own/execute/Email/delete_pop?email=gone3&domain=$DOMAIN"
ask readonly -H"$cpanel" "$own/execute/Tokens/create_full_access" -d name=watch -d readonly=1 -o answer
watch=$(grep -o '"token":"[A-Z0-9]*"' answer | cut -d'"' -f4)
ask 'read' -H"Authorization: cpanel $ACCOUNT:$watch" "$own/execute/Email/count_pops"
ask 'write' -H"Authorization: cpanel $ACCOUNT:$watch" "$own/execute/Email/delete_pop?email=kept&domain=$DOMAIN"
ask revoke -H"$cpanel" "$own/execute/Tokens/revoke?name=watch"
ask revoked -H"Authorization: cpanel $ACCOUNT:$watch" "$own/execute/Email/count_pops"
ask stranger -H"Authorization: cpanel other:$TOKEN" "$own/execute/Email/count_pops"
