package request_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/request"
)

// q and b are an argument of the query and of the body.
func q(key, value string) api.Arg { return api.Arg{Key: key, Value: value} }
func b(key, value string) api.Arg { return api.Arg{Key: key, Value: value, Body: true} }

// raw is the request that a server reads from text, with bare line ends.
func raw(t testing.TB, text string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("ReadRequest(%q): %v", text, err)
	}
	return r
}

// post is a POST with the given Content-Type, none if it is empty.
func post(contentType, body string) *http.Request {
	r, err := http.NewRequest("POST", "/execute/Email/add_pop", strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const (
	form   = "application/x-www-form-urlencoded"
	asJSON = "application/json"
)

// The requests of clients as they were seen on the wire, or as their code
// writes them.
func TestParseClients(t *testing.T) {
	for _, test := range []struct {
		client string
		text   string
		target request.Target
		want   api.Args
	}{
		{
			"lego",
			"GET /execute/DNS/mass_edit_zone?add=%7B%22dname%22%3A%22_acme-challenge.example.test.%22%2C%22ttl%22%3A300%7D&serial=2024010101&zone=example.test HTTP/1.1\nHost: h\nAccept: application/json\n\n",
			request.Target{Kind: request.Execute, Module: "DNS", Func: "mass_edit_zone"},
			api.Args{q("add", `{"dname":"_acme-challenge.example.test.","ttl":300}`), q("serial", "2024010101"), q("zone", "example.test")},
		},
		{
			"lego whm",
			"GET /json-api/parse_dns_zone?api.version=1&zone=example.test HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.JSONFunc, Func: "parse_dns_zone"},
			api.Args{q("api.version", "1"), q("zone", "example.test")},
		},
		{
			"acme.sh with lower-case escapes",
			"GET /execute/DNS/mass_edit_zone?zone=example.test&add=%7b%22ttl%22%3a120%7d HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "DNS", Func: "mass_edit_zone"},
			api.Args{q("zone", "example.test"), q("add", `{"ttl":120}`)},
		},
		{
			"official DDNS: HTTP/1.0 without Host, line and old address in one",
			"GET /json-api/cpanel?cpanel_jsonapi_module=ZoneEdit&Line=8=192.0.2.1&domain=example.test&ttl=300 HTTP/1.0\n\n",
			request.Target{Kind: request.JSONAPI},
			api.Args{q("cpanel_jsonapi_module", "ZoneEdit"), q("Line", "8=192.0.2.1"), q("domain", "example.test"), q("ttl", "300")},
		},
		{
			"@cpanel/api form",
			"POST /execute/Email/list_pops HTTP/1.1\nHost: h\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 38\n\napi.sort=1&api.sort_column_0=user&skip",
			request.Target{Kind: request.Execute, Module: "Email", Func: "list_pops"},
			api.Args{b("api.sort", "1"), b("api.sort_column_0", "user"), b("skip", "")},
		},
		{
			"@cpanel/api JSON",
			"POST /execute/Email/list_pops HTTP/1.1\nHost: h\nContent-Type: application/json\nContent-Length: 16\n\n{\"label\":\"unit\"}",
			request.Target{Kind: request.Execute, Module: "Email", Func: "list_pops"},
			api.Args{b("label", "unit")},
		},
		{
			"PublicAPI: a lone question mark",
			"GET /execute/DomainInfo/list_domains? HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "DomainInfo", Func: "list_domains"},
			nil,
		},
		{
			"N1ghteyes: slash at the end",
			"GET /json-api/cpanel/?cpanel_jsonapi_user=alice HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.JSONAPI},
			api.Args{q("cpanel_jsonapi_user", "alice")},
		},
		{
			"gufy: POST with all in the query and an empty body",
			"POST /json-api/cpanel?cpanel_jsonapi_version=2&cpanel_jsonapi_module=Email HTTP/1.1\nHost: h\nContent-Length: 0\n\n",
			request.Target{Kind: request.JSONAPI},
			api.Args{q("cpanel_jsonapi_version", "2"), q("cpanel_jsonapi_module", "Email")},
		},
		{
			"FOSSBilling: an empty form",
			"POST /json-api/listpkgs HTTP/1.1\nHost: h\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 0\n\n",
			request.Target{Kind: request.JSONFunc, Func: "listpkgs"},
			nil,
		},
		{
			"luponata: no Content-Type, zone in query and body",
			"POST /execute/DNS/mass_edit_zone?zone=example.test HTTP/1.1\nHost: h\nContent-Length: 26\n\nzone=example.test&serial=7",
			request.Target{Kind: request.Execute, Module: "DNS", Func: "mass_edit_zone"},
			api.Args{q("zone", "example.test"), b("zone", "example.test"), b("serial", "7")},
		},
		{
			"cp4wp: an invented session",
			"GET /cpsess1235467/execute/Email/list_pops HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "Email", Func: "list_pops", Session: "cpsess1235467"},
			nil,
		},
		{
			"superdav42: two slashes before the session",
			"GET //cpsess123/execute/Email/list_pops?a=1 HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "Email", Func: "list_pops", Session: "cpsess123"},
			api.Args{q("a", "1")},
		},
		{
			"certbot-remote-cpanel: multipart on a plain function",
			"POST /execute/SSL/install_ssl HTTP/1.1\nHost: h\nContent-Type: multipart/form-data; boundary=----x\nContent-Length: 173\n\n" +
				"------x\r\nContent-Disposition: form-data; name=\"domain\"\r\n\r\nexample.test\r\n------x\r\nContent-Disposition: form-data; name=\"cert\"\r\n\r\n-----BEGIN CERTIFICATE-----\n\r\n------x--\r\n",
			request.Target{Kind: request.Execute, Module: "SSL", Func: "install_ssl"},
			api.Args{b("domain", "example.test"), b("cert", "-----BEGIN CERTIFICATE-----\n")},
		},
		{
			"terraform 2024: an asterisk; pipes and UTF-8 unescaped",
			"GET /json-api/cpanel?weekday=*&display=a|b&name=Zoë HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.JSONAPI},
			api.Args{q("weekday", "*"), q("display", "a|b"), q("name", "Zoë")},
		},
		{
			"pinkasey",
			"GET /execute/VersionControl/update?repository_root=%2Fhome%2Falice%2Frepo&branch=main HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "VersionControl", Func: "update"},
			api.Args{q("repository_root", "/home/alice/repo"), q("branch", "main")},
		},
		{
			"a list: repeated and numbered",
			"GET /execute/DNS/mass_edit_zone?add=1&add=2&remove-0=3&remove-1=4 HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "DNS", Func: "mass_edit_zone"},
			api.Args{q("add", "1"), q("add", "2"), q("remove-0", "3"), q("remove-1", "4")},
		},
		{
			"the address in full, as to a proxy",
			"GET https://h:2083/execute/Email/list_pops?a=1 HTTP/1.1\nHost: h\n\n",
			request.Target{Kind: request.Execute, Module: "Email", Func: "list_pops"},
			api.Args{q("a", "1")},
		},
		{
			"a GET with a body, in chunks",
			"GET /xml-api/cpanel HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n3\r\na=1\r\n2\r\n&b\r\n0\r\n\r\n",
			request.Target{Kind: request.XMLAPI},
			api.Args{b("a", "1"), b("b", "")},
		},
		{
			"a GET that announces JSON and has none",
			"GET /execute/Email/list_pops HTTP/1.1\nHost: h\nContent-Type: application/json\n\n",
			request.Target{Kind: request.Execute, Module: "Email", Func: "list_pops"},
			nil,
		},
	} {
		r := raw(t, test.text)
		target, ok := request.Path(r.URL.Path)
		if !ok || target != test.target {
			t.Errorf("%s: Path(%q) = %+v, %v; want %+v", test.client, r.URL.Path, target, ok, test.target)
		}
		p, err := request.Parse(r, request.Limits{})
		if err != nil || !slices.Equal(p.Args, test.want) {
			t.Errorf("%s: Parse = %v, %v; want %v", test.client, p.Args, err, test.want)
		}
	}
}

func TestParseBody(t *testing.T) {
	for _, test := range []struct {
		contentType, body string
		want              api.Args
	}{
		{form, "a=1&a=2", api.Args{b("a", "1"), b("a", "2")}},
		{"Application/X-WWW-Form-URLencoded; charset", "a=1", api.Args{b("a", "1")}},
		{form, `{"a":1}`, api.Args{b(`{"a":1}`, "")}},
		{"", "a=1", api.Args{b("a", "1")}},
		{"", ` {"a":1}`, api.Args{b("a", "1")}},
		{"", "a={}", api.Args{b("a", "{}")}},
		{"text/plain;charset=UTF-8", `{"a":"x"}`, api.Args{b("a", "x")}},
		{"text/plain", "a=x", api.Args{b("a", "x")}},
		{"application/octet-stream", "a=x", api.Args{b("a", "x")}},
		{"application/json; charset=utf-8", `{"a":"x"}`, api.Args{b("a", "x")}},
		{asJSON, " \r\n", nil},
		{"image/png", "", nil},
	} {
		r := post(test.contentType, test.body)
		r.ContentLength = -1 // as in chunks
		p, err := request.Parse(r, request.Limits{})
		if err != nil || !slices.Equal(p.Args, test.want) {
			t.Errorf("Parse(%s %q) = %v, %v; want %v", test.contentType, test.body, p.Args, err, test.want)
		}
	}
}

func TestParseLimits(t *testing.T) {
	small := request.Limits{Body: 40, Params: 3, Key: 4, Value: 5}
	for _, test := range []struct {
		query, contentType, body string
		want                     string // part of the message; empty if it is accepted
	}{
		{"a&b", form, "c", ""},
		{"a&b", form, "c&d", "more than 3 arguments"},
		{"a&b&c&d", "", "", "more than 3 arguments"},
		{"a&b", asJSON, `{"c":[1,2]}`, "more than 3 arguments"},
		{"", asJSON, `{"c":[null,null,null,null]}`, "more than 3 arguments"},
		{"", asJSON, `{"c":[],"c":[],"c":[],"c":[]}`, "more than 3 arguments"},
		{"abcd", "", "", ""},
		{"abcde", "", "", "name of an argument is longer than 4 bytes"},
		{"", asJSON, `{"abcde":null}`, "name of an argument is longer than 4 bytes"},
		{"a=%61%61%61%61%61", "", "", ""},
		{"a=123456", "", "", "‘a’ argument is longer than 5 bytes"},
		{"", asJSON, `{"a":123456}`, "‘a’ argument is longer than 5 bytes"},
		{"a%00=1", "", "", "control characters"},
		{"a\x7f=1", "", "", "control characters"},
		{"", "", "\n=1", "control characters"},
		{"", asJSON, `{"\u001b":1}`, "control characters"},
		{"a=%00%0A", "", "", ""},
		{"", form, "a=" + strings.Repeat("%", 39), "body is larger than 40 bytes"},
		{"", form, "a&" + strings.Repeat("&", 38), ""},
		{"", "application/xml", "<a/>", "Content-Type of the request is not understood"},
	} {
		for _, known := range []bool{true, false} {
			r := post(test.contentType, test.body)
			r.URL.RawQuery = test.query
			if !known {
				r.ContentLength = -1
			}
			_, err := request.Parse(r, small)
			check(t, "Parse("+test.query+" "+test.body+")", err, test.want)
		}
	}
}

// check holds err to be nil, or [latchkey.Invalid] and containing want.
func check(t *testing.T, call string, err error, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", call, err)
		}
		return
	}
	if err == nil || latchkey.KindOf(err) != latchkey.Invalid || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: error %v; want invalid, %q", call, err, want)
	}
}

func TestParseDefaultLimits(t *testing.T) {
	// The body's limit is above what is promised of one value.
	d := request.DefaultLimits()
	value := strings.Repeat("v", d.Value)
	p, err := request.Parse(post("", "a="+value), request.Limits{})
	if err != nil || p.Args.Text("a") != value {
		t.Errorf("a value of %d bytes: %v", d.Value, err)
	}
	_, err = request.Parse(post("", "a=v"+value), request.Limits{})
	check(t, "a longer value", err, "‘a’ argument is longer than 65536 bytes")
	if _, err = request.Parse(post("", strings.Repeat("a&", d.Params)), request.Limits{}); err != nil {
		t.Errorf("%d arguments: %v", d.Params, err)
	}
	_, err = request.Parse(post("", strings.Repeat("a&", d.Params+1)), request.Limits{})
	check(t, "one argument more", err, "more than 1000 arguments")
}

// A body that says it is too large is refused unread: a client that waits for
// 100 Continue never sends it.
func TestParseTooLargeIsNotRead(t *testing.T) {
	for _, contentType := range []string{form, asJSON, "multipart/form-data; boundary=x"} {
		r := post(contentType, "")
		r.Body = io.NopCloser(iotest.ErrReader(errors.New("it was read")))
		r.ContentLength = 1<<20 + 1
		_, err := request.Parse(r, request.Limits{})
		check(t, contentType, err, "request body is larger than 1048576 bytes")
	}
}

func TestParseBrokenConnection(t *testing.T) {
	cut := errors.New("connection cut")
	for _, contentType := range []string{form, asJSON, "", "multipart/form-data; boundary=x"} {
		r := post(contentType, "")
		r.Body = io.NopCloser(io.MultiReader(strings.NewReader("--x\r\n"), iotest.ErrReader(cut)))
		r.ContentLength = 100
		_, err := request.Parse(r, request.Limits{})
		check(t, contentType, err, "could not be read to its end")
		if !errors.Is(err, cut) {
			t.Errorf("%s: error %v does not wrap its cause", contentType, err)
		}
	}
}

func TestParseCompressedBody(t *testing.T) {
	r := post(form, "\x1f\x8b")
	r.Header.Set("Content-Encoding", "gzip")
	_, err := request.Parse(r, request.Limits{})
	check(t, "gzip", err, "compressed")
	r = post(form, "a=1")
	r.Header.Set("Content-Encoding", "Identity")
	_, err = request.Parse(r, request.Limits{})
	check(t, "identity", err, "")
}

func TestParseWithoutBody(t *testing.T) {
	r, err := http.NewRequest("GET", "/execute/Email/list_pops", nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := request.Parse(r, request.Limits{})
	if err != nil || p.Args != nil || p.Files != nil {
		t.Errorf("Parse = %+v, %v; want nothing", p, err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
