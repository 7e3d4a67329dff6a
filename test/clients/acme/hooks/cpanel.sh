#!/bin/sh
# A hook of certbot's and of dehydrated's, in the manner of those that people write
# for servers with cPanel's API: curl, API 2 for the zone, UAPI for the certificate.
# Each job has a token of its own.
set -eu

api() {
	curl -fsS --cacert "$LATCHKEY_CA" -H "Authorization: cpanel $LATCHKEY_USER:$1" -G "$LATCHKEY_URL/json-api/cpanel" \
		-d cpanel_jsonapi_user="$LATCHKEY_USER" -d cpanel_jsonapi_apiversion=2 -d cpanel_jsonapi_module=ZoneEdit \
		-d cpanel_jsonapi_func="$2" -d domain="$LATCHKEY_DOMAIN" -d type=TXT --data-urlencode name="$3" --data-urlencode txtdata="$4"
}

put() {
	api "$PROVE_TOKEN" add_zone_record "_acme-challenge.$1." "$2" | grep -q '"status":1'
}

# take removes the line of a text; there may be others at its name.
take() {
	line=$(api "$PROVE_TOKEN" fetchzone_records "_acme-challenge.$1." "$2" | sed -n 's/.*"line":\([0-9]*\),.*/\1/p')
	curl -fsS --cacert "$LATCHKEY_CA" -H "Authorization: cpanel $LATCHKEY_USER:$PROVE_TOKEN" -G "$LATCHKEY_URL/json-api/cpanel" \
		-d cpanel_jsonapi_apiversion=2 -d cpanel_jsonapi_module=ZoneEdit -d cpanel_jsonapi_func=remove_zone_record \
		-d domain="$LATCHKEY_DOMAIN" -d line="$line" | grep -q '"status":1'
}

install() {
	curl -fsS --cacert "$LATCHKEY_CA" -H "Authorization: cpanel $LATCHKEY_USER:$INSTALL_TOKEN" "$LATCHKEY_URL/execute/SSL/install_ssl" \
		-F domain="$1" -F "cert=<$3" -F "key=<$2" -F "cabundle=<$4" | grep -q '"status":1'
}

case "${1:-}" in
auth) put "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" ;;
cleanup) take "$CERTBOT_DOMAIN" "$CERTBOT_VALIDATION" ;;
deploy) install "$LATCHKEY_DOMAIN" "$RENEWED_LINEAGE/privkey.pem" "$RENEWED_LINEAGE/cert.pem" "$RENEWED_LINEAGE/chain.pem" ;;
deploy_challenge) put "$2" "$4" ;;
clean_challenge) take "$2" "$4" ;;
deploy_cert) install "$2" "$3" "$4" "$6" ;;
esac
