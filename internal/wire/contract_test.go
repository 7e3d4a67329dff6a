package wire_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// accessDenied is how clients recognise bad credentials on /json-api/.
const accessDenied = `^403\n.*"apiversion":"2".*"error":"Access denied","data":\{"reason":"Access denied","result":"0"\}`

// flat and failed are the envelope of UAPI as clients decode it.
const (
	flat   = `^200\n\{"data":.*,"errors":null,"messages":(null|\[.+\]),"metadata":\{.*\},"status":1,"warnings":(null|\[.+\])\}$`
	failed = `^200\n\{"data":null,"errors":\["[^"]+.*"\],"messages":null,"metadata":\{\},"status":0,"warnings":null\}$`
)

// contract is what must be found in the answer to each row of contract.txtar,
// by those who read it: all of the patterns, and none of those that begin with
// a !.
var contract = map[string][]string{
	"json-api, wrong or missing credentials":                  {accessDenied},
	"json-api, wrong credentials, a function of WHM":          {accessDenied},
	"json-api, another account's name beside one's own token": {accessDenied},

	"execute, wrong token":      {`^401\n`, `"errors":\["Access denied"\]`, `"status":0`},
	"execute, expired token":    {`^401\n`, `"errors":\["Access denied"\]`, `"status":0`},
	"unknown UAPI module":       {failed, `"Failed to load module “Cron”: .*Cpanel::API::Cron`},
	"unknown UAPI function":     {failed, `"The system could not find the function “test” in the module “Email”\."`},
	"missing required argument": {failed, `"Provide the ‘email’ argument\."`},
	"feature off":               {failed, `"You do not have the feature “popaccts”\."`},

	"API 2 unknown function":   {`^200\n`, `"error":"Could not find function`, `"event":\{"reason":"Could not find function [^}]*,"result":0\}`},
	"API 2 functional failure": {`^200\n`, `"data":\[\{"reason":"[^"]+","result":0\}\]`, `"error":"[^"]+`, `"event":\{"result":1\}`},
	"API 2 missing argument":   {`^200\n`, `"error":"\\"password\\" is a required argument\."`},

	"WHM API 1 unknown function": {`^200\n`, `Unknown app\s+(?:\(.+\))?\s+requested`, `"result":0`, `!"data"`},
	"WHM API 0 unknown function": {`^200\n\{"error":"Unknown App Requested: no_such_thing"\}$`},
	"WHM failure detail":         {`"reason":"API failure: `, `"result":0`},
	"WHM no such account":        {`"reason":"System user absent does not exist!"`, `"result":0`},

	"UAPI on the port of WHM":                      {failed, `"Permission denied"`},
	"a function of WHM on the port of accounts":    {`^200\n`, `"reason":"Permission denied","result":0`},
	"json-api and nothing after it":                {`^200\n`, `"reason":"Permission denied"`},
	"suspended account, at its own port":           {`^401\n`, `Access denied`},
	"suspended account, through WHM":               {`^200\n`, `"status":1`},
	"Roundcube: the mailbox sets its own password": {flat},

	"getssl: an empty list and no error, of a function that is here": {`"data":\[\]`, `!"error":`},
	"PublicAPI: an account is made":                                  {`"reason":"Account Creation Ok","result":1`},
	"PublicAPI: an account is removed":                               {`"reason":"papiunit account removed","result":1`},
	"the node client: status and data are there":                     {flat, `"paginate":\{"current_page":1,"results_per_page":1,"start_result":"1","total_pages":2,"total_results":2\}`},
	"s3rgeym, cpanel-cli: a refusal is a 401 and JSON":               {`^401\n\{`},
	"terraform: 200 for every failure of a call that was let in":     {failed},
	"callers of add_pop":                                             {flat, `"data":"newuser\+example\.com"`},
	"cpanel-exporter: statistics with name, value, _count and _max":  {flat, `"name":"emailaccounts"`, `"_count":`, `"_max":`, `"units":`},
	"cpanel-exporter: user information":                              {flat, `"user":"demo"`, `"ip":"192\.0\.2\.1"`},
	"cpanel-exporter: resource usage":                                {flat, `"id":"disk_usage"`, `"usage":`},

	// Where the part is not there, clients of it must learn that it is not.
	"missing zone":                                         {failed, `"errors":\["Provide the ‘zone’ argument\."\]`},
	"a stale serial number":                                {failed, `The given serial number \(1\) does not match the DNS zone's serial number \(2026112300\)\. Refresh your view of the DNS zone, then resubmit\.`},
	"a foreign zone":                                       {failed, `You do not control a DNS zone named example\.net\.`},
	"the apex as @":                                        {failed, `The request failed\. \(Error ID: `},
	"new_serial is a text":                                 {flat, `"data":\{"new_serial":"2026112301"\}`},
	"acme.sh, by API 2: the sign-in":                       {`^200\n\{"cpanelresult":\{"apiversion":2,"data":\[\{"descp":`, `"event":\{"result":1\}`},
	"acme.sh, certbot: the zones":                          {`"data":\[\{"status":1,"statusmsg":"","zones":\{"example\.com":\["; cPanel first`},
	"getssl: no record yet":                                {`^200\n`, `"data":\[\]`, `!"error":`},
	"acme.sh, getssl, certbot: a record is added":          {`"data":\[\{"result":\{"newserial":"20[0-9]{8}","status":1,"statusmsg":""\}\}\],"event"`},
	"acme.sh, getssl, certbot: the record is found":        {`\{[^{}]*"line":[0-9]+,[^{}]*"name":"_acme-pin\.example\.com\."[^{}]*"ttl":"1"[^{}]*"txtdata":"abc"[^{}]*\}\],"event"`},
	"official dynamic DNS: the zone":                       {`"data":\[\{"record":\[\{"Line":17,[^{}]*"type":"A",[^{}]*"name":"ftp\.example\.com\.",[^{}]*"address":"192\.0\.2\.1"\}\]`, `"event":\{"result":1\}`},
	"official dynamic DNS: line and address joined":        {`"newserial":"20`, `"event":\{"result":1\}`},
	"acme.sh, getssl, certbot: a record that is not there": {`^200\n`, `"data":\[\{"result":\{"newserial":null,"status":0,"statusmsg":"Nothing begins on line 999 of the DNS zone\."\}\}\],"event":\{"result":1\}`},
	"UAPI has no CustInfo and no ZoneEdit of old":          {failed, `could not find the function`},
	"whmDynDns: getzonerecord of API 0":                    {`^200\n\{"result":\[\{"record":\{"Line":17,`, `"address":"192\.0\.2\.77"\},"status":1,"statusmsg":"Record obtained\."\}\]\}`},
	"whmDynDns: editzonerecord of API 0":                   {`^200\n\{"result":\[\{"status":1,"statusmsg":"`},
	"luponata, lego, cert-manager: parse_zone":             {flat, `^200\n\{"data":\[\{"text_b64":"OyBjUGFuZWwgZmlyc3Q6[^}]*\},\{[^}]*"type":"comment"\},\{"text_b64":"JFRUTCAxNDQwMA==","line_index":2,"type":"control"\},\{"data_b64":\["[^"]*","[^"]*","MjAyNjExMjMwMA=="`, `"dname_b64":"ZXhhbXBsZS5jb20u","record_type":"SOA","ttl":86400,"line_index":3,"type":"record"`},
	"lego through WHM: parse_dns_zone":                     {`^200\n\{"data":\{"payload":\[\{`, `"record_type":"SOA"`, `"result":1`},
	"certbot, certificate clients: no certificate":         {`"data":\[\{"reason":"\\"crt\\" is a required argument\.","result":0\}\]`, `"error":`},
}

// elsewhere are the rows that no request of one line can show, and where they
// are held.
var elsewhere = map[string]string{
	"a source that has failed too often":                   "auth, by its own tests: it is told what a wrong credential is told",
	"internal failure":                                     "call.TestWordsOfInternal",
	"redirect of /login with Location and cookie":          "the sessions of auth, and their goldens",
	"login_only of luponata, superdav42 and cp-installssl": "the sessions of auth, and their goldens",
	"HTTP/1.0 without Host, unchunked, for dynamic DNS":    "server, over real connections",
	"xmlapi-php's markers of a login page":                 "the web pages: it waits for them",
}

// TestContract reads the answers of contract.txtar as clients do: by looking
// for what they look for. TestGolden holds that they are what is answered.
func TestContract(t *testing.T) {
	story, err := txtar.ParseFile("testdata/contract.txtar")
	if err != nil {
		t.Fatal(err)
	}
	row, answered := "", map[string]bool{}
	for _, f := range story.Files {
		switch f.Name {
		case "row":
			row = strings.TrimSpace(string(f.Data))
		case "answer":
			answered[row] = true
			checkRow(t, row, strings.TrimSuffix(string(f.Data), "\n"))
		}
	}
	for row := range contract {
		if !answered[row] {
			t.Errorf("no request stands under %q", row)
		}
	}
	for row, where := range elsewhere {
		if where == "" || answered[row] {
			t.Errorf("%q: %q", row, where)
		}
	}
}

func checkRow(t *testing.T, row, answer string) {
	patterns := contract[row]
	if len(patterns) == 0 {
		t.Errorf("nothing is looked for in the answer to %q", row)
	}
	for _, p := range patterns {
		p, not := strings.CutPrefix(p, "!")
		if regexp.MustCompile(p).MatchString(answer) == not {
			t.Errorf("%s: %q: found is not %v in\n%s", row, p, not, answer)
		}
	}
	if _, body, _ := strings.Cut(answer, "\n"); !json.Valid([]byte(strings.ReplaceAll(body, ":N", ":0"))) || strings.Contains(body, `": `) {
		t.Errorf("%s: not compact JSON: %s", row, body)
	}
}
