package replay

import (
	"fmt"
	"strings"
)

// Heads of programs, as their libraries write them.
const (
	golang  = " HTTP/1.1\nHost: {host}\nUser-Agent: Go-http-client/1.1\nAccept: application/json\nAuthorization: cpanel alice:{token}\nAccept-Encoding: gzip\n\n"
	goHost  = " HTTP/1.1\nHost: {host}\nUser-Agent: Go-http-client/1.1\nAccept: application/json\nAuthorization: whm root:{root}\nAccept-Encoding: gzip\n\n"
	goBare  = " HTTP/1.1\nHost: {host}\nUser-Agent: Go-http-client/1.1\nAuthorization: cpanel alice:{token}\nAccept-Encoding: gzip\n\n"
	acme    = " HTTP/1.1\nHost: {host}\nUser-Agent: acme.sh/3.1.4 (https://github.com/acmesh-official/acme.sh)\nAccept: */*\nAuthorization: cpanel alice:{token}\n\n"
	curl    = " HTTP/1.1\nHost: {host}\nUser-Agent: curl/7.88.1\nAccept: */*\nAuthorization: cpanel alice:{token}\n\n"
	urllib  = " HTTP/1.1\nAccept-Encoding: identity\nHost: {host}\nUser-Agent: Python-urllib/3.11\nAuthorization: cpanel alice:{token}\nConnection: close\n\n"
	ddns    = " HTTP/1.0\nConnection: close\nAuthorization: Basic {basic}\nUser-Agent: cpanel-dynamic-dns 2.1\n\n\n\n"
	ddnsTok = " HTTP/1.0\nConnection: close\nAuthorization: cpanel alice:{token}␊\nUser-Agent: cpanel-dynamic-dns 2.1\n\n\n\n"
	tiny    = " HTTP/1.1\nHost: {host}\nConnection: keep-alive\nUser-Agent: HTTP-Tiny/0.082\nAuthorization: cpanel alice:{token}\n\n"
	firefox = " HTTP/1.1\nHost: {host}\nUser-Agent: Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.7.6) Gecko/20050317 Firefox/1.0.2\nAccept: */*\nAuthorization: Basic {basic}\n\n"
	whmForm = " HTTP/1.1\nHost: {host}\nAuthorization: WHM root:{root}\nAccept: */*\nUser-Agent: Symfony HttpClient (Curl)\nAccept-Encoding: gzip\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\n\n"
	pnlcs   = " HTTP/1.1\nContent-Length: {length}\nUser-Agent: GuzzleHttp/7\nContent-Type: application/x-www-form-urlencoded\nAuthorization: whm root:{root}\nHost: {host}\n\n"
	gufy    = " HTTP/1.1\nHost: {host}\nUser-Agent: GuzzleHttp/6.3.3 curl/7.88.1 PHP/8.2.0\nAuthorization: WHM root:{root}\nContent-Length: 0\n\n"
	axios   = " HTTP/1.1\nAccept: application/json, text/plain, */*\nAuthorization: cpanel alice:{token}\nUser-Agent: axios/1.7.9\nAccept-Encoding: gzip, compress, deflate, br\nHost: {host}\nConnection: keep-alive\n\n"
)

const api2 = "/json-api/cpanel?cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module="

// What is looked for again and again.
const (
	uapiOK  = `^\{"data":.*,"errors":null,"messages":null,"metadata":\{.*\},"status":1,"warnings":null\}$`
	boxes   = `"data":\[.*"email":"bob@example\.test"`
	domains = `"main_domain":"example\.test"`
	version = `"version":"11\.`

	soa       = `"dname_b64":"ZXhhbXBsZS50ZXN0Lg==","record_type":"SOA"`
	worked    = `"metadata":\{.*"result":1`
	firstLine = `"zones":\{"example\.test":\["; cPanel first`

	thousand     = `.{1000}` // the most there may be of anything
	beyondAChunk = thousand + thousand + `.{100}`
)

var key = "-----BEGIN%20RSA%20PRIVATE%20KEY-----%0A" + strings.Repeat("MIIEpAIBAAKCAQEAw%2B7%2F", 680) + "%0A-----END%20RSA%20PRIVATE%20KEY-----%0A"

// edited is the answer to a change of a zone that has had so many.
func edited(changes int) string {
	return fmt.Sprintf(`"data":\[\{"result":\{"newserial":"20261123%02d","status":1,"statusmsg":""\}\}\],"event":\{"result":1\}`, changes)
}

// rows are the requests of programs, in the order of the record of them.
var rows = []row{
	{client: "lego", to: "account", said: "GET /execute/DNS/parse_zone?zone=example.test" + golang, reads: []string{uapiOK, soa}},
	{client: "lego adds", to: "account", said: "GET /execute/DNS/mass_edit_zone?add=%7B%22dname%22%3A%22_acme-challenge.example.test.%22%2C%22ttl%22%3A300%2C%22record_type%22%3A%22TXT%22%2C%22data%22%3A%5B%22ABC%22%5D%7D&serial=2026112300&zone=example.test" + golang, reads: []string{uapiOK, `"new_serial":"2026112301"`}},
	{client: "lego removes", to: "account", said: "GET /execute/DNS/mass_edit_zone?remove=24&serial=2026112301&zone=example.test" + golang, reads: []string{uapiOK, `"new_serial":"2026112302"`}},
	{client: "lego whm", to: "host", said: "GET /json-api/parse_dns_zone?api.version=1&zone=example.test" + goHost, reads: []string{soa, worked}},
	{client: "lego whm adds", to: "host", said: "GET /json-api/mass_edit_dns_zone?add=%7B%22dname%22%3A%22_acme-challenge.example.test.%22%2C%22ttl%22%3A300%2C%22record_type%22%3A%22TXT%22%2C%22data%22%3A%5B%22ABC%22%5D%7D&api.version=1&serial=2026112302&zone=example.test" + goHost, reads: []string{worked, `"new_serial":"2026112303"`}},
	{client: "lego whm removes", to: "host", said: "GET /json-api/mass_edit_dns_zone?api.version=1&remove=24&serial=2026112303&zone=example.test" + goHost, reads: []string{worked, `"new_serial":"2026112304"`}},

	{client: "acme.sh signs in", to: "account", said: "GET " + api2 + "CustInfo&cpanel_jsonapi_func=displaycontactinfo" + acme, reads: []string{`^\{"cpanelresult":`, `"event":\{"result":1\}`}},
	{client: "acme.sh looks for zones", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=fetchzones" + acme, reads: []string{firstLine}},
	{client: "acme.sh adds", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=add_zone_record&domain=example.test&name=_acme-challenge&type=TXT&txtdata=ABC&ttl=1" + acme, reads: []string{edited(5)}},
	{client: "acme.sh looks for the record", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=fetchzone_records&domain=example.test" + acme, reads: []string{`\{[^{}]*"line":25,[^{}]*"name":"_acme-challenge\.example\.test\."[^{}]*"txtdata":"ABC"[^{}]*\}`}},
	{client: "acme.sh removes", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=remove_zone_record&domain=example.test&line=25" + acme, reads: []string{edited(6)}},
	{client: "acme.sh UAPI", to: "account", said: "GET /execute/DomainInfo/list_domains" + acme, reads: []string{`"status":1`, domains, `"addon_domains":\[`}},
	{client: "acme.sh UAPI looks", to: "account", said: "GET /execute/DNS/parse_zone?zone=example.test" + acme, reads: []string{uapiOK, soa}},
	{client: "acme.sh UAPI adds", to: "account", said: "GET /execute/DNS/mass_edit_zone?zone=example.test&serial=2026112306&add=%7b%22dname%22%3a%22_acme-challenge%22%2c%22ttl%22%3a120%2c%22record_type%22%3a%22TXT%22%2c%22data%22%3a%5b%22ABC%22%5d%7d" + acme, reads: []string{uapiOK, `"new_serial":"2026112307"`}},
	{client: "acme.sh UAPI removes", to: "account", said: "GET /execute/DNS/mass_edit_zone?zone=example.test&serial=2026112307&remove=24" + acme, reads: []string{uapiOK, `"new_serial":"2026112308"`}},

	{client: "cert-manager webhook", to: "account", said: "GET /execute/DNS/parse_zone?zone=example.test" + goBare, reads: []string{uapiOK, soa}},
	{client: "cert-manager webhook adds", to: "account", said: "GET /execute/DNS/mass_edit_zone?add=%7B%22dname%22%3A%22_acme-challenge%22%2C%22ttl%22%3A0%2C%22record_type%22%3A%22TXT%22%2C%22data%22%3A%5B%22ABC%22%5D%7D&serial=2026112308&zone=example.test" + goBare, reads: []string{uapiOK, `"new_serial":"2026112309"`}},

	{client: "getssl looks", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=fetchzone_records&domain=example.test&type=TXT&name=_acme-challenge.example.test." + curl, reads: []string{`"line":25,`}},
	{client: "getssl edits", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=edit_zone_record&domain=example.test&type=TXT&name=_acme-challenge&txtdata=ABC&line=25" + curl, reads: []string{edited(10)}},
	{client: "getssl adds", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=add_zone_record&domain=example.test&type=TXT&name=_acme-challenge&txtdata=ABC" + curl, reads: []string{edited(11)}},
	{client: "getssl removes", to: "account", said: "GET " + api2 + "ZoneEdit&cpanel_jsonapi_func=remove_zone_record&domain=example.test&type=TXT&name=_acme-challenge&line=26" + curl, reads: []string{edited(12)}},

	{client: "certbot looks for zones", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=fetchzones" + urllib, reads: []string{firstLine}},
	{client: "certbot adds", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=add_zone_record&domain=example.test&name=_acme-challenge&type=TXT&txtdata=ABC&ttl=60" + urllib, reads: []string{edited(13)}},
	{client: "certbot looks for the record", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=fetchzone_records&domain=example.test&name=_acme-challenge.example.test.&type=TXT&txtdata=ABC&ttl=60" + urllib, reads: []string{`"data":\[\{[^{}]*"line":26,[^{}]*"ttl":"60"[^{}]*\}\]`}},
	{client: "certbot removes", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=remove_zone_record&domain=example.test&line=26" + urllib, reads: []string{edited(14)}},
	{client: "certbot installs", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=SSL&cpanel_jsonapi_func=installssl&domain=example.test&crt={cert}&key={key}&cabundle={chain}" + urllib, reads: []string{`"data":\[\{"output":"The SSL certificate is now installed onto the domain “example\.test”[^{}]*","result":1\}\]`}},
	{client: "certimate installs", to: "account", said: "GET /execute/SSL/install_ssl?cabundle={chain}&cert={cert}&domain=example.test&key={key}" + acme, reads: []string{uapiOK, `"action":"update"`, `"working_domains":\["example\.test","www\.example\.test"\]`}},
	{client: "a certificate with another's key", to: "account", said: "GET /execute/SSL/install_ssl?cert={cert}&domain=example.test&key=" + key + acme, reads: []string{`"data":null,"errors":\["The private key cannot be read`, `"status":0`}},

	{client: "official DDNS fetches", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=fetchzone&cpanel_jsonapi_apiversion=2&domain=example.test" + ddns, reads: []string{`"record":\[.*\{"Line":17,[^{}]*"type":"A",[^{}]*"name":"ftp\.example\.test\.",[^{}]*"address":"192\.0\.2\.1"\}`}},
	{client: "official DDNS edits", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=edit_zone_record&cpanel_jsonapi_apiversion=2&Line=17=192.0.2.1&domain=example.test&name=home&type=A&address=192.0.2.77&ttl=300" + ddns, reads: []string{edited(15)}},
	{client: "official DDNS with a token", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=fetchzone&cpanel_jsonapi_apiversion=2&domain=example.test" + ddnsTok, reads: []string{`"name":"home\.example\.test\."[^{}]*"address":"192\.0\.2\.77"`}},
	{client: "official DDNS with a token, of a function that is there", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_apiversion=2" + ddnsTok, reads: []string{boxes, `"event":\{"result":1\}`}},
	{client: "a long answer", to: "host", said: "GET /json-api/get_feature_metadata?api.version=1" + goHost, reads: []string{`"metadata":\{.*"result":1`, beyondAChunk}},
	{client: "a long answer to HTTP/1.0", to: "host", said: "GET /json-api/get_feature_metadata?api.version=1 HTTP/1.0\nAuthorization: whm root:{root}\n\n", reads: []string{`"metadata":\{.*"result":1`, beyondAChunk}},
	{client: "official DDNS in XML", to: "account", said: "GET /xml-api/cpanel?cpanel_xmlapi_module=ZoneEdit&cpanel_xmlapi_func=fetchzone&cpanel_xmlapi_apiversion=2&domain=example.test HTTP/1.0\nConnection: close\nAuthorization: Basic {basic}\nUser-Agent: cpanel-dynamic-dns.sh 2.1\n\n\n\n", reads: []string{`(?s)<record>\n<Line>17</Line>.*\n<address>192\.0\.2\.77</address>\n`, `\n<type>A</type>\n`, `\n</record>\n`}},

	{client: "@cpanel/api form", to: "account", said: "POST /execute/Email/list_pops HTTP/1.1\nHost: {host}\nAuthorization: cpanel alice:{token}\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\nContent-Length: {length}\nConnection: close\n\napi.sort=1&api.sort_column_0=email&api.sort_reverse_0=1&api.filter_column_0=email&api.filter_type_0=contains&api.filter_term_0=bob", reads: []string{uapiOK, boxes, `"records_before_filter":`}},
	{client: "@cpanel/api JSON", to: "account", said: "POST /execute/Email/list_pops HTTP/1.1\nHost: {host}\nAuthorization: cpanel alice:{token}\nContent-Type: application/json\nContent-Length: {length}\nConnection: close\n\n{\"api.sort\":1,\"api.sort_column_0\":\"email\",\"api.filter_column_0\":\"email\",\"api.filter_term_0\":\"bob\"}", reads: []string{uapiOK, boxes}},
	{client: "@cpanel/api WHM", to: "host", said: "POST /json-api/listaccts HTTP/1.1\nHost: {host}\nAuthorization: whm root:{root}\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\nContent-Length: {length}\nConnection: close\n\napi.version=1", reads: []string{`"metadata":\{.*"result":1`, `"data":\{"acct":\[\{`}},

	{client: "PublicAPI", to: "account", said: "GET /execute/DomainInfo/list_domains?" + tiny, reads: []string{uapiOK, domains}},
	{client: "PublicAPI API 2", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_apiversion=2&cpanel_jsonapi_func=listpops&cpanel_jsonapi_module=Email&cpanel_jsonapi_user=alice" + tiny, reads: []string{boxes}},

	{client: "N1ghteyes", to: "account", said: "GET /execute/Email/list_pops?" + firefox, reads: []string{uapiOK, boxes}},
	{client: "N1ghteyes API 2", to: "account", said: "GET /json-api/cpanel/?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&" + firefox, reads: []string{`^\{"cpanelresult":\{"apiversion":2,`, boxes}},
	{client: "N1ghteyes uploads", to: "account", said: "POST /execute/Fileman/upload_files? HTTP/1.1\nHost: {host}\nUser-Agent: Firefox/1.0\nAccept: */*\nAuthorization: Basic {basic}\nContent-Length: {length}\nContent-Type: multipart/form-data; boundary=------------------------5d5ca1a1f8d94d5c\n\n--------------------------5d5ca1a1f8d94d5c\nContent-Disposition: form-data; name=\"dir\"\n\npublic_html\n--------------------------5d5ca1a1f8d94d5c\nContent-Disposition: form-data; name=\"file-1\"; filename=\"a.txt\"\nContent-Type: text/plain\n\ntext\n--------------------------5d5ca1a1f8d94d5c--\n", reads: []string{`no file is expected here`, `"status":0`}},

	{client: "gufy", to: "host", said: "POST /json-api/listaccts" + gufy, reads: []string{`"acct":\[\{`, `"status":1`}},
	{client: "gufy API 2", to: "host", said: "POST /json-api/cpanel?cpanel_jsonapi_version=2&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_user=alice" + gufy, reads: []string{`"apiversion":2`, boxes}},

	{client: "go-cpanel", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_func=fetchzones&cpanel_jsonapi_funcversion=2&cpanel_jsonapi_module=ZoneEdit" + goBare, reads: []string{firstLine}},
	{client: "go-cpanel, of a function that is there", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_func=listpops&cpanel_jsonapi_funcversion=2&cpanel_jsonapi_module=Email" + goBare, reads: []string{`"apiversion":2`, boxes}},

	{client: "FOSSBilling", to: "host", said: "POST /json-api/version" + whmForm, reads: []string{version}},
	{client: "FOSSBilling packages", to: "host", said: "POST /json-api/listpkgs" + whmForm, reads: []string{`^\{"package":\[`}},

	{client: "pinkasey", to: "account", said: "GET /execute/VersionControl/update?repository_root=%2Fhome%2Falice%2Frepo&branch=main" + axios, waits: "VersionControl"},

	{client: "xmlapi-php with curl", to: "host", said: "POST /json-api/cpanel HTTP/1.1\nHost: {host}\nAccept: */*\nAuthorization: WHM root:{root}\nTransfer-Encoding: chunked\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\n\ncpanel_jsonapi_user=alice&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_apiversion=2", reads: []string{boxes}},
	{client: "xmlapi-php with fopen", to: "host", said: "POST /json-api/cpanel HTTP/1.0\nHost: {host}\nConnection: close\nContent-Length: {length}\nAuthorization: WHM root:{root}\nContent-Type: application/x-www-form-urlencoded\n\ncpanel_jsonapi_user=alice&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_apiversion=2", reads: []string{boxes}},

	{client: "terraform 2024 cron", to: "account", said: "GET /json-api/cpanel?command=%2Fbin%2Ftrue&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_func=add_line&cpanel_jsonapi_module=Cron&cpanel_jsonapi_user=alice&day=1&hour=0&minute=0&month=1&weekday=*" + goBare, waits: "Cron"},
	{client: "terraform 2024", to: "account", said: "GET /execute/Postgresql/list_databases" + goBare, waits: "Postgresql"},

	{client: "cpanel-lib", to: "account", said: "GET /execute/DomainInfo/list_domains? HTTP/1.1\nhost: {host}\nauthorization: Basic {basic}\nConnection: close\n\n", reads: []string{uapiOK, domains}},
	{client: "cpanel-lib and its own bug", to: "account", said: "GET /execute/cpanel?cpanel_jsonapi_module=Email&cpanel_jsonapi_func=listpops&cpanel_jsonapi_apiversion=2 HTTP/1.1\nhost: {host}\nauthorization: Basic {basic}\nConnection: close\n\n", reads: []string{`"errors":\["Function not found"\]`, `"status":0`}},

	{client: "terraform 2026", to: "account", said: "POST /execute/Email/add_pop HTTP/1.1\nHost: {host}\nUser-Agent: terraform-provider-cpanel\nContent-Length: {length}\nAccept: application/json\nAuthorization: cpanel alice:{token}\nContent-Type: application/x-www-form-urlencoded\nAccept-Encoding: gzip\n\ndomain=example.test&email=carol&password=correct-horse-9&quota=250", reads: []string{uapiOK, `"data":"carol\+example\.test"`}},
	{client: "self-migration makes a token", to: "account", said: "GET /execute/Tokens/create_full_access?name=migration&expires_at=4070908800 HTTP/1.1\nHost: {host}\nUser-Agent: Go-http-client/1.1\nAuthorization: Basic {basic}\nAccept-Encoding: gzip\n\n", reads: []string{`"token":"[A-Z0-9]{32}"`, `"create_time":\d+`, `"expires_at":4070908800`}},
	{client: "cpanelgo for an account", to: "host", said: "POST /json-api/cpanel HTTP/1.1\nHost: {host}\nUser-Agent: Go-http-client/1.1\nContent-Length: {length}\nAuthorization: WHM root:{root}\nAccept-Encoding: gzip\n\ncpanel_jsonapi_apiversion=3&cpanel_jsonapi_func=list_domains&cpanel_jsonapi_module=DomainInfo&cpanel_jsonapi_user=alice&user=alice", reads: []string{`"apiversion":3`, `"result":\{.*"status":1`, domains}},

	// The last changes bob's password.
	{client: "Roundcube", to: "webmail", said: "POST /execute/Email/passwd_pop HTTP/1.1\nUser-Agent: GuzzleHttp/7\nAuthorization: Basic {mailbox}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\nHost: {host}\n\nemail=bob&password=another-horse-7", reads: []string{`"status":1,`}},
	{client: "Roundcube with the old password", to: "webmail", said: "POST /execute/Email/passwd_pop HTTP/1.1\nUser-Agent: GuzzleHttp/7\nAuthorization: Basic {mailbox}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\nHost: {host}\n\nemail=bob&password=another-horse-7", status: 401, reads: []string{`"status":0,`, `"errors":\["Access denied"\]`}},

	// Of programs whose requests are described, not recorded.
	{client: "PHP samples", to: "account", said: "GET /execute/Email/list_pops HTTP/1.1\nHost: {host}\nAccept: */*\nAuthorization: cpanel alice:{token}␊␍\n\n", reads: []string{uapiOK, boxes}},
	{client: "PHP samples, WHM", to: "host", said: "POST /json-api/version HTTP/1.1\nHost: {host}\nAccept: */*\nAuthorization: WHM root:{root}␊␍\nContent-Length: {length}\nContent-Type: application/x-www-form-urlencoded\n\napi.version=1", reads: []string{version, `"result":1`}},
	{client: "cp4wp", to: "account", said: "GET /cpsess1235467/execute/Email/list_pops HTTP/1.1\nHost: {host}\nUser-Agent: WordPress/6.4\nAccept: */*\nAuthorization: Basic {basic}\nConnection: close\n\n", reads: []string{uapiOK, boxes}},
	{client: "Ultimate Multisite's address", to: "account", said: "GET //cpsess123/execute/Email/list_pops HTTP/1.1\nHost: {host}\nAuthorization: cpanel alice:{token}\n\n", reads: []string{uapiOK, boxes}},
	{client: "luponata", to: "account", said: "POST /execute/DNS/mass_edit_zone?zone=example.test HTTP/1.1\nHost: {host}\nUser-Agent: python-requests/2.31.0\nAccept-Encoding: gzip, deflate\nAccept: */*\nConnection: keep-alive\nAuthorization: cpanel alice:{token}\nContent-Length: {length}\n\nzone=example.test&serial=2026112315&add=%7B%22dname%22%3A%22_acme-challenge.example.test.%22%2C%22ttl%22%3A60%2C%22record_type%22%3A%22TXT%22%2C%22data%22%3A%5B%22ABC%22%5D%7D", reads: []string{uapiOK, `"new_serial":"2026112316"`}},
	{client: "luponata, of a function that is there", to: "account", said: "POST /execute/Email/get_pop_quota?email=bob HTTP/1.1\nHost: {host}\nUser-Agent: python-requests/2.31.0\nAuthorization: cpanel alice:{token}\nContent-Length: {length}\n\nemail=bob&domain=example.test", reads: []string{uapiOK}},
	{client: "certbot-remote-cpanel", to: "account", said: "POST /execute/SSL/install_ssl HTTP/1.1\nHost: {host}\nUser-Agent: curl/7.88.1\nAccept: */*\nAuthorization: cpanel alice:{token}\nContent-Length: {length}\nContent-Type: multipart/form-data; boundary=------------------------d74496d66958873e\n\n--------------------------d74496d66958873e\nContent-Disposition: form-data; name=\"domain\"\n\nexample.test\n--------------------------d74496d66958873e\nContent-Disposition: form-data; name=\"cert\"\n\n{cert as it is}\n--------------------------d74496d66958873e\nContent-Disposition: form-data; name=\"key\"\n\n{key as it is}\n--------------------------d74496d66958873e--\n", reads: []string{uapiOK, `"statusmsg":"The SSL certificate is now installed`}},
	{client: "curl -F", to: "account", said: "POST /execute/Email/get_pop_quota HTTP/1.1\nHost: {host}\nUser-Agent: curl/7.88.1\nAccept: */*\nAuthorization: cpanel alice:{token}\nContent-Length: {length}\nContent-Type: multipart/form-data; boundary=------------------------d74496d66958873e\n\n--------------------------d74496d66958873e\nContent-Disposition: form-data; name=\"email\"\n\nbob\n--------------------------d74496d66958873e--\n", reads: []string{uapiOK}},
	{client: "Upmind", to: "host", said: "POST /json-api/accountsummary?api.version=1&user=alice HTTP/1.1\nContent-Length: 0\nUser-Agent: GuzzleHttp/7\nAuthorization: whm root:{root}\nHost: {host}\n\n", reads: []string{`"metadata":\{.*"result":1`, `"user":"alice"`, `"domain":"example\.test"`}},
	{client: "Paymenter", to: "host", said: "GET /json-api/listpkgs HTTP/1.1\nUser-Agent: GuzzleHttp/7\nAuthorization: whm root:{root}\nHost: {host}\n\n", reads: []string{`^\{"package":\[`}},
	{client: "pnlcs", to: "host", said: "POST /json-api/listpkgs" + pnlcs + "api.version=1", reads: []string{`"data":\{"pkg":\[`, `"metadata":\{.*"result":1`}},
	{client: "an account function on the administrator's port", to: "host", said: "GET /execute/Email/list_pops" + goHost, reads: []string{`"errors":\["(Permission denied|Function not found)`, `"status":0`}},
	{client: "stray signs stand for themselves", to: "account", said: "GET /execute/Email/list_pops?api.filter_column=email&api.filter_term=bob;x=100%&zz=%zz&weekday=*&d=a|b" + curl, reads: []string{uapiOK, `"data":\[\]`}},
	{client: "and without them", to: "account", said: "GET /execute/Email/list_pops?api.filter_column=email&api.filter_term=bob&zz=%zz&weekday=*&d=a|b" + curl, reads: []string{uapiOK, boxes}},

	// Of plug-ins and modules that people run: their requests are made after the source.
	{client: "Really Simple SSL sets a challenge", to: "account", said: "POST /json-api/cpanel HTTP/1.1\nHost: {host}\nAccept: */*\nTransfer-Encoding: chunked\nAuthorization: Basic {basic}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\n\ndomain=example.test&name=_acme-challenge&type=TXT&txtdata=abc&ttl=600&class=IN&cpanel_jsonapi_user=alice&cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=add_zone_record&cpanel_jsonapi_apiversion=2", reads: []string{`"data":\[\{"result":\{"newserial":"\d+","status":1,`}},
	{client: "letsdebug's hook lists", to: "account", said: "POST /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=fetchzone_records HTTP/1.1\nHost: {host}\nUser-Agent: python-requests/2.31.0\nAccept-Encoding: gzip, deflate\nAccept: */*\nConnection: keep-alive\nContent-Length: {length}\nContent-Type: application/x-www-form-urlencoded\nAuthorization: Basic {basic}\n\ndomain=example.test", reads: []string{`"line":\d+,[^}]*"type":"TXT",[^}]*"name":"_acme-challenge\.example\.test\.",[^}]*"txtdata":"abc"`}},
	{client: "DATAGERRY names no version", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&cpanel_jsonapi_func=fetchzone&domain=example.test&type=A HTTP/1.1\nHost: {host}\nAccept: */*\nAuthorization: Basic {basic}\n\n", reads: []string{`"data":\[\{"record":\[\{"Line":\d+,`, `"name":"example\.test\."`, `"status":1`}},
	{client: "stalwart", to: "account", said: "GET /execute/DNS/parse_zone?zone=example.test HTTP/1.1\nauthorization: cpanel alice:{token}\ncontent-type: application/json\naccept: */*\nhost: {host}\n\n", reads: []string{uapiOK, soa}},
	{client: "Aurora lists forwarders", to: "account", said: "POST /json-api/cpanel?cpanel_jsonapi_apiversion=3&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=list_forwarders&cpanel_jsonapi_user=alice&domain=example.test&regex=%5Ebob%40example.test%24 HTTP/1.1\nHost: {host}\nUser-Agent: GuzzleHttp/6.3.3 curl/7.88.1 PHP/8.2.0\nAuthorization: Basic {basic}\nContent-Length: 0\n\n", reads: []string{`"result":\{"data":\[\],"errors":null,.*"status":1`}},
	{client: "Aurora reads a responder", to: "account", said: "POST /json-api/cpanel?cpanel_jsonapi_apiversion=3&cpanel_jsonapi_module=Email&cpanel_jsonapi_func=get_auto_responder&cpanel_jsonapi_user=alice&email=bob%40example.test HTTP/1.1\nHost: {host}\nUser-Agent: GuzzleHttp/6.3.3 curl/7.88.1 PHP/8.2.0\nAuthorization: Basic {basic}\nContent-Length: 0\n\n", reads: []string{`"result":\{"data":\{"charset":"utf-8"\},"errors":null`}},
	{client: "cPanel::APIClient through WHM", to: "host", said: "POST /json-api/cpanel HTTP/1.1\nHost: {host}\nUser-Agent: HTTP-Tiny/0.082\nConnection: keep-alive\nAuthorization: whm root:{root}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\n\napi.version=1&cpanel_jsonapi_apiversion=3&cpanel_jsonapi_func=list_pops&cpanel_jsonapi_module=Email&cpanel_jsonapi_user=alice", reads: []string{`^\{"apiversion":3,.*"result":\{"data":\[.*"email":"bob@example\.test".*"status":1`}},
	{client: "cPanel::APIClient for nobody", to: "host", said: "POST /json-api/cpanel HTTP/1.1\nHost: {host}\nUser-Agent: HTTP-Tiny/0.082\nConnection: keep-alive\nAuthorization: whm root:{root}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\n\napi.version=1&cpanel_jsonapi_apiversion=3&cpanel_jsonapi_func=list_pops&cpanel_jsonapi_module=Email&cpanel_jsonapi_user=nobody", reads: []string{`"error":"User parameter is invalid or was not supplied"`, `^\{"data":\{`}},
	{client: "GoDaddy's client for nobody", to: "host", said: "GET /json-api/cpanel?cpanel_jsonapi_user=nobody&cpanel_jsonapi_apiversion=2&cpanel_jsonapi_module=AddonDomain&cpanel_jsonapi_func=listaddondomains" + goHost, reads: []string{`^\{"cpanelresult":\{.*"data":\{"reason":`, `"error":"User parameter is invalid or was not supplied"`}},
	{client: "whm-api lists addon domains", to: "host", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_module=Park&cpanel_jsonapi_func=listaddondomains HTTP/1.1\nHost: {host}\nUser-Agent: Guzzle/5.0 curl/7.88.1 PHP/5.6\nAuthorization: WHM root:{root}\n\n", reads: []string{`"data":\[\],"event":\{"result":1\}`}},
	{client: "xmlapi's users look for domains", to: "account", said: "GET /json-api/cpanel?cpanel_jsonapi_user=alice&cpanel_jsonapi_module=DomainLookup&cpanel_jsonapi_func=getbasedomains&cpanel_jsonapi_apiversion=2" + firefox, reads: []string{`"data":\[\{"domain":"example\.test"\}\]`}},
	{client: "MyAdmin looks for another name", to: "host", said: "POST /json-api/createacct HTTP/1.1\nHost: {host}\nAccept: */*\nTransfer-Encoding: chunked\nAuthorization: WHM root:{root}\nContent-Type: application/x-www-form-urlencoded\nContent-Length: {length}\n\nip=n&cgi=1&frontpage=0&hasshell=0&cpmod=paper_lantern&maxsql=unlimited&maxpop=unlimited&maxlst=0&maxsub=unlimited&domain=two.example.test&username=alice&password=correct-horse-9&contactemail=a%40example.net", reads: []string{`"statusmsg":"This system already has an account named .alice.\."`}},
	{client: "Clientexec tests the connection", to: "host", said: "GET /json-api/version HTTP/1.1\nHost: {host}\nAccept: */*\nAuthorization: WHM root:{root}\n\n", reads: []string{version}},
	{client: "a list of addresses, API 0", to: "host", said: "GET /json-api/listips HTTP/1.1\nHost: {host}\nUser-Agent: python-requests/2.31.0\nAccept: */*\nAuthorization: whm root:{root}\n\n", reads: []string{`^\{"result":\[\{.*"ip":"[0-9.]+".*"mainaddr":1`}},
	{client: "a list of addresses", to: "host", said: "GET /json-api/listips?api.version=1" + goHost, reads: []string{`"data":\{"ip":\[\{.*"mainaddr":1`, worked}},
}
