package billing

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/test/testserver"
)

// panel is a billing panel as it calls the server: with a token of WHM's, in
// its own way.
type panel struct {
	t      *testing.T
	s      *testserver.Server
	url    string
	header string
	// send makes the request for a function.
	send func(url, function string, args url.Values) (*http.Request, error)
	// trouble is what the panel takes for a failure of an answer; "" for none.
	trouble func(answer any) string
	apps    []string
}

func open(t *testing.T, scheme string) *panel {
	t.Helper()
	s := testserver.New(t)
	server := httptest.NewServer(s.Host)
	t.Cleanup(server.Close)
	return &panel{t: t, s: s, url: server.URL, header: scheme + " root:" + s.HostToken("billing")}
}

// asForm posts a form, as FOSSBilling and pnlcs do.
func asForm(at, function string, args url.Values) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodPost, at+"/json-api/"+function, strings.NewReader(args.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return r, err
}

// inQuery posts everything in the query and an empty body, as Upmind does.
func inQuery(at, function string, args url.Values) (*http.Request, error) {
	return http.NewRequest(http.MethodPost, at+"/json-api/"+function+"?"+args.Encode(), http.NoBody)
}

// asGet asks with a query, as Paymenter does.
func asGet(at, function string, args url.Values) (*http.Request, error) {
	return http.NewRequest(http.MethodGet, at+"/json-api/"+function+"?"+args.Encode(), nil)
}

// field is one thing that a panel reads of an answer: where it stands, which
// type of JSON it has, and the value it must have, if that is known.
type field struct{ path, kind, want string }

// step is one call of a life cycle.
type step struct {
	function string
	args     string // as a query
	fails    string // a part of what the panel must take for the failure; "" where it must see none
	fields   []field
}

// run makes the calls in their order. Functions that the server does not list
// are left out, and named.
func (p *panel) run(steps []step) {
	p.t.Helper()
	for _, s := range steps {
		if !slices.Contains(p.apps, s.function) {
			p.t.Logf("%s is not there yet", s.function)
			continue
		}
		answer := p.call(s.function, s.args)
		trouble := p.trouble(answer)
		if (trouble != "") != (s.fails != "") || !strings.Contains(strings.ToLower(trouble), strings.ToLower(s.fails)) {
			p.t.Errorf("%s?%s: the panel sees the trouble %q, want %q", s.function, s.args, trouble, s.fails)
		}
		for _, f := range s.fields {
			kind, text := read(answer, f.path)
			if kind != f.kind || f.want != "" && text != f.want {
				p.t.Errorf("%s?%s: %s is %s %q, want %s %q", s.function, s.args, f.path, kind, text, f.kind, f.want)
			}
		}
	}
}

// call makes one call and reads the answer, which must have the status 200.
func (p *panel) call(function, args string) (answer any) {
	p.t.Helper()
	values, err := url.ParseQuery(args)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := p.send(p.url, function, values)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", p.header)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		p.t.Fatalf("%s?%s: status %d, %v: %s", function, args, response.StatusCode, err, body)
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		p.t.Fatalf("%s?%s: %v in %s", function, args, err, body)
	}
	return answer
}

// handOver follows the address of a session that create_user_session made, as a
// browser does, and calls a function in the session: it is user's.
func (p *panel) handOver(args, user string) {
	p.t.Helper()
	if !slices.Contains(p.apps, "create_user_session") {
		p.t.Log("create_user_session is not there yet")
		return
	}
	address, err := url.Parse(text(p.call("create_user_session", args), "data.url"))
	if err != nil || address.Path == "" {
		p.t.Fatalf("the address is %v, %v", address, err)
	}
	accounts := httptest.NewTLSServer(p.s.Account)
	defer accounts.Close()
	browser := accounts.Client()
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	landed, err := browser.Get(accounts.URL + address.RequestURI())
	if err != nil {
		p.t.Fatal(err)
	}
	landed.Body.Close()
	prefix, _, _ := strings.Cut(strings.TrimPrefix(landed.Header.Get("Location"), "/"), "/")
	if !strings.HasPrefix(prefix, "cpsess") || len(landed.Cookies()) == 0 {
		p.t.Fatalf("the hand-over answers %d, leads to %q and sets %d cookies", landed.StatusCode, landed.Header.Get("Location"), len(landed.Cookies()))
	}
	r, err := http.NewRequest(http.MethodGet, accounts.URL+"/"+prefix+"/execute/Variables/get_user_information", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.AddCookie(landed.Cookies()[0])
	called, err := browser.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer called.Body.Close()
	var answer any
	if err := json.NewDecoder(called.Body).Decode(&answer); err != nil || text(answer, "data.user") != user {
		p.t.Errorf("in the session the user is %q, %v, want %q", text(answer, "data.user"), err, user)
	}
	again, err := browser.Get(accounts.URL + address.RequestURI())
	if err != nil {
		p.t.Fatal(err)
	}
	again.Body.Close()
	if len(again.Cookies()) > 0 {
		p.t.Errorf("the address works twice: status %d", again.StatusCode)
	}
}

// read is the type of what stands at a path such as data.acct.0.user, and the
// value as text.
func read(v any, path string) (kind, text string) {
	for key := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[key]
			if !ok {
				return "missing", ""
			}
			v = next
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(at) {
				return "missing", ""
			}
			v = at[i]
		default:
			return "missing", ""
		}
	}
	switch v := v.(type) {
	case nil:
		return "null", ""
	case string:
		return "string", v
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "float", v.String()
		}
		return "integer", v.String()
	case []any:
		return "list", fmt.Sprint(len(v))
	case map[string]any:
		return "object", ""
	}
	return fmt.Sprintf("%T", v), fmt.Sprint(v)
}

// text is what stands at a path, as text.
func text(answer any, path string) string {
	_, text := read(answer, path)
	return text
}

// trouble1 is what every panel takes for a failure in WHM API 1: that the result
// is not the integer 1.
func trouble1(answer any) string {
	kind, result := read(answer, "metadata.result")
	if kind == "integer" && result == "1" {
		return ""
	}
	return text(answer, "metadata.reason") + " (" + kind + " " + result + ")"
}

// trouble0 is what FOSSBilling takes for a failure, in the order in which it
// looks.
func trouble0(answer any) string {
	if kind, text := read(answer, "cpanelresult.error"); kind != "missing" && kind != "null" {
		return text
	}
	if text(answer, "data.result") == "0" {
		return text(answer, "data.reason")
	}
	if kind, status := read(answer, "result.0.status"); kind != "missing" && status == "0" {
		return text(answer, "result.0.statusmsg")
	}
	if kind, status := read(answer, "status"); kind != "missing" && kind != "null" && status != "1" {
		return text(answer, "statusmsg")
	}
	if kind, status := read(answer, "passwd.0.status"); kind != "missing" && status == "0" {
		return text(answer, "passwd.0.statusmsg")
	}
	return ""
}

// listApps asks which functions there are, in WHM API 1.
func (p *panel) listApps() {
	p.t.Helper()
	answer, _ := p.call("applist", "api.version=1").(map[string]any)["data"].(map[string]any)["app"].([]any)
	for _, name := range answer {
		p.apps = append(p.apps, name.(string))
	}
	if len(p.apps) < 50 {
		p.t.Fatalf("applist has %d functions", len(p.apps))
	}
}

// done0 is what FOSSBilling reads of most answers.
var done0 = []field{{"result.0.status", "integer", "1"}, {"result.0.statusmsg", "string", ""}}

// packageFields are what panels read of a package, at a path.
func packageFields(at string, keys ...string) []field {
	var fields []field
	for _, key := range keys {
		fields = append(fields, field{at + "." + key, "string", ""})
	}
	return fields
}

// TestFOSSBilling is a life cycle in the shapes of WHM API 0.
func TestFOSSBilling(t *testing.T) {
	p := open(t, "WHM")
	p.send, p.trouble = asForm, trouble0
	p.listApps()
	p.run([]step{
		{"version", "", "", []field{{"version", "string", "11.138.0.10"}}},
		{"listpkgs", "", "", packageFields("package.0", "name", "FEATURELIST", "CPMOD", "QUOTA", "BWLIMIT", "MAXFTP", "MAXSQL", "MAXLST",
			"MAXSUB", "MAXPOP", "MAXPARK", "MAXADDON", "HASSHELL", "IP", "CGI", "FRONTPAGE")},
		{"addpkg", "name=root_gold&quota=1024&bwlimit=unlimited&maxsub=5&maxpark=0&maxaddon=1&maxftp=2&maxsql=3&maxpop=9&cgi=1&cpmod=jupiter&maxlst=0&hasshell=0", "", done0},
		{"addpkg", "name=root_gold", "already", nil},
		{"listpkgs", "", "", []field{{"package.1.name", "string", "root_gold"}, {"package.1.QUOTA", "string", "1024"}}},
		{"createacct", "username=Alice&domain=alice.example&password=correct-horse-9&contactemail=a@example.org&plan=root_gold&useregns=0", "", append([]field{
			{"result.0.options.ip", "string", "192.0.2.1"}, {"result.0.options.nameserver", "string", ""}, {"result.0.options.nameserver2", "string", ""},
			{"result.0.options.nameserver3", "null", ""}, {"result.0.options.package", "string", "root_gold"}, {"result.0.rawout", "string", ""},
		}, done0...)},
		{"createacct", "username=alice&domain=more.example&password=correct-horse-9&plan=root_gold", "already", nil},
		{"createacct", "username=carol&domain=carol.example&plan=root_silver", "root_silver", nil},
		{"accountsummary", "user=alice", "", []field{
			{"status", "integer", "1"}, {"acct.0.suspended", "integer", "0"}, {"acct.0.domain", "string", "alice.example"},
			{"acct.0.user", "string", "alice"}, {"acct.0.ip", "string", "192.0.2.1"}, {"acct.0.unix_startdate", "string", ""},
		}},
		{"accountsummary", "user=nobody", "does not exist", []field{{"acct", "missing", ""}}},
		{"suspendacct", "user=alice&reason=Unpaid", "", done0},
		{"accountsummary", "user=alice", "", []field{{"acct.0.suspended", "integer", "1"}, {"acct.0.suspendreason", "string", "Unpaid"}}},
		{"listsuspended", "", "", []field{{"accts.0.user", "string", "alice"}, {"accts.0.reason", "string", "Unpaid"}, {"accts.0.unixtime", "string", ""}}},
		{"unsuspendacct", "user=alice", "", done0},
		{"accountsummary", "user=alice", "", []field{{"acct.0.suspended", "integer", "0"}, {"acct.0.suspendreason", "string", "not suspended"}}},
		{"changepackage", "user=alice&pkg=default", "", done0},
		{"changepackage", "user=alice&pkg=none", "none", nil},
		{"passwd", "user=alice&pass=another-horse-8&db_pass_update=1", "", []field{{"passwd.0.status", "integer", "1"}, {"passwd.0.statusmsg", "string", ""}}},
		{"modifyacct", "user=alice&newuser=alison", "", done0},
		{"modifyacct", "user=alison&domain=alice.example", "", done0},
		{"setsiteip", "domain=alice.example&ip=192.0.2.1", "", done0},
		{"setsiteip", "domain=alice.example&ip=192.0.2.77", "192.0.2.1", nil},
		{"editquota", "user=alison&quota=77", "", append([]field{{"output", "null", ""}}, done0...)},
		{"limitbw", "user=alison&bwlimit=50", "", append([]field{{"result.0.bwlimit.bwlimit", "string", "50"}, {"result.0.bwlimit.unlimited", "integer", "0"}}, done0...)},
		{"showbw", "", "", []field{
			{"bandwidth.0.acct.0.user", "string", "alison"}, {"bandwidth.0.acct.0.limit", "integer", "52428800"},
			{"bandwidth.0.month", "string", "11"}, {"bandwidth.0.year", "string", "2026"}, {"bandwidth.0.totalused", "integer", "0"},
		}},
		{"domainuserdata", "domain=alice.example", "", append([]field{{"userdata.user", "string", "alison"}, {"userdata.hascgi", "string", "1"}}, done0...)},
		{"acctcounts", "user=root", "", append([]field{{"reseller.account", "string", "root"}, {"reseller.active", "string", "3"}, {"reseller.suspended", "integer", "0"}}, done0...)},
		{"create_user_session", "api.version=2&user=alison&service=cpaneld", "", []field{{"data.url", "string", ""}}},
	})
	p.handOver("api.version=2&user=alison&service=cpaneld", "alison")
	p.run([]step{
		{"removeacct", "user=alison&keepdns=0", "", done0},
		{"removeacct", "user=alison&keepdns=0", "does not exist", nil},
		// A reseller is made with its account, and set up once more.
		{"createacct", "username=reza&domain=reza.example&password=correct-horse-9&contactemail=r@example.org&plan=root_gold&useregns=0&reseller=1", "", done0},
		{"setupreseller", "user=reza&makeowner=0", "", []field{{"result.0.status", "integer", "1"}}},
		{"setacls", "reseller=reza&acllist=none", "none", nil},
		{"removeacct", "user=reza&keepdns=0", "", done0},
		{"killpkg", "pkgname=root_gold", "", done0},
		{"listaccts", "", "", []field{{"status", "integer", "1"}, {"acct", "list", "2"}}},
	})
}

// result1 is what panels read of every answer of WHM API 1.
var result1 = []field{{"metadata.result", "integer", "1"}, {"metadata.reason", "string", ""}}

// TestPaymenter is a life cycle in the shapes of WHM API 1, but for two lists.
func TestPaymenter(t *testing.T) {
	const random = "a8cDeFgHiJkLmNoP" // 16 letters and digits, as they come
	user := "user=" + strings.ToLower(random)
	p := open(t, "whm")
	p.send = asGet
	p.listApps()
	p.trouble = trouble0
	p.run([]step{
		{"listpkgs", "", "", []field{{"package", "list", "1"}, {"package.0.name", "string", "default"}}},
		{"listaccts", "", "", []field{{"status", "integer", "1"}, {"acct", "list", "2"}}},
	})
	p.trouble = trouble1
	p.run([]step{
		{"addpkg", "api.version=1&name=gold", "", result1},
		{"createacct", "api.version=1&username=" + random + "&contactemail=a@example.org&domain=pay.example&plan=gold", "", append([]field{
			{"data.ip", "string", "192.0.2.1"}, {"data.nameserver", "string", ""}, {"data.package", "string", "gold"},
		}, result1...)},
		{"suspendacct", "api.version=1&" + user, "", append([]field{{"data", "missing", ""}}, result1...)},
		{"unsuspendacct", "api.version=1&" + user, "", result1},
		{"modifyacct", "api.version=1&" + user + "&plan=default", "", append([]field{{"data.cpuser.PLAN", "string", "default"}, {"data.user", "string", strings.ToLower(random)}}, result1...)},
		{"create_user_session", "api.version=1&service=cpaneld&" + user, "", append([]field{{"data.url", "string", ""}, {"data.expires", "integer", ""}}, result1...)},
	})
	p.handOver("api.version=1&service=cpaneld&"+user, strings.ToLower(random))
	p.run([]step{
		{"removeacct", "api.version=1&" + user, "", result1},
		{"removeacct", "api.version=1&" + user, "does not exist", []field{{"metadata.result", "integer", "0"}}},
	})
}

// TestPnlcs is a life cycle in the shapes of WHM API 1, by forms.
func TestPnlcs(t *testing.T) {
	p := open(t, "whm")
	p.trouble = trouble1
	p.send = func(at, function string, args url.Values) (*http.Request, error) {
		args.Set("api.version", "1")
		return asForm(at, function, args)
	}
	p.listApps()
	p.run([]step{
		{"version", "", "", append([]field{{"data.version", "string", "11.138.0.10"}}, result1...)},
		{"addpkg", "name=gold&quota=1024&bwlimit=7", "", result1},
		{"listpkgs", "", "", append(packageFields("data.pkg.1", "name", "QUOTA", "MAXPOP"), result1...)},
		{"createacct", "username=carol&domain=carol.example&password=correct-horse-9&contactemail=c@example.org&plan=gold", "", result1},
		// What is taken has a reason with the word that makes the panel try another.
		{"createacct", "username=carol&domain=carola.example&password=correct-horse-9&contactemail=c@example.org&plan=gold", "already", []field{{"metadata.result", "integer", "0"}}},
		{"createacct", "username=carol1&domain=carola.example&password=correct-horse-9&contactemail=c@example.org&plan=gold", "", result1},
		{"suspendacct", "user=carol&reason=", "", result1},
		{"unsuspendacct", "user=carol", "", result1},
		{"passwd", "user=carol&pass=another-horse-8&password=another-horse-8&db_pass_update=1", "", append([]field{{"data.app", "list", "1"}, {"data.app.0", "string", "system"}}, result1...)},
		{"changepackage", "user=carol1&pkg=default", "", result1},
		{"listaccts", "", "", append([]field{
			{"data.acct.0.user", "string", "carol"}, {"data.acct.0.diskused", "string", ""}, {"data.acct.0.disklimit", "string", "1024M"},
			{"data.acct.1.user", "string", "carol1"}, {"data.acct.1.disklimit", "string", "unlimited"},
		}, result1...)},
		{"showbw", "", "", append([]field{
			{"data.acct.0.user", "string", "carol"}, {"data.acct.0.totalbytes", "integer", "0"}, {"data.acct.0.limit", "integer", "7340032"},
			{"data.acct.1.limit", "integer", "0"},
		}, result1...)},
		{"accountsummary", "user=carol", "", append([]field{{"data.acct.0.diskused", "string", ""}, {"data.acct.0.disklimit", "string", "1024M"}}, result1...)},
		{"removeacct", "user=carol&keepdns=0", "", result1},
		{"removeacct", "user=carol1", "", result1},
	})
	if used := text(p.call("accountsummary", "user=demo"), "data.acct.0.diskused"); !strings.HasSuffix(used, "M") {
		t.Errorf("diskused is %q, want megabytes and M", used)
	}
}

// TestUpmind is a life cycle in the shapes of WHM API 1, everything in the
// query. The functions it cannot do without are all there.
func TestUpmind(t *testing.T) {
	p := open(t, "whm")
	p.trouble = trouble1
	p.send = func(at, function string, args url.Values) (*http.Request, error) {
		args.Set("api.version", "1")
		return inQuery(at, function, args)
	}
	p.listApps()
	for _, name := range []string{"createacct", "accountsummary", "changepackage", "suspendacct", "unsuspendacct", "passwd", "removeacct",
		"setupreseller", "unsetupreseller", "create_user_session"} {
		if !slices.Contains(p.apps, name) {
			t.Logf("%s is not there yet", name)
		}
	}
	account := []field{
		{"data.acct.0.user", "string", "upmind"}, {"data.acct.0.domain", "string", "up.example"}, {"data.acct.0.plan", "string", "default"},
		{"data.acct.0.suspended", "integer", "0"}, {"data.acct.0.suspendreason", "string", "not suspended"}, {"data.acct.0.ip", "string", "192.0.2.1"},
	}
	suspended := slices.Clone(account)
	suspended[3].want, suspended[4].want = "1", "late"
	p.run([]step{
		{"verify_new_username", "user=demo", "already has", []field{{"metadata.result", "integer", "0"}}},
		{"verify_new_username", "user=upmind", "", result1},
		{"createacct", "username=upmind&password=correct-horse-9&domain=up.example&contactemail=u@example.org&plan=default&owner=root&reseller=0", "", result1},
		{"accountsummary", "user=upmind", "", append(account, result1...)},
		{"get_nameserver_config", "", "", append([]field{{"data.nameservers", "list", ""}}, result1...)},
		{"listresellers", "", "", append([]field{{"data.reseller", "list", ""}}, result1...)},
		{"getpkginfo", "pkg=default", "", append([]field{{"data.pkg.QUOTA", "string", "unlimited"}, {"data.pkg.CGI", "integer", "1"}}, result1...)},
		{"suspendacct", "user=upmind&reason=late", "", result1},
		{"accountsummary", "user=upmind", "", append(suspended, result1...)},
		{"unsuspendacct", "user=upmind", "", result1},
		{"passwd", "user=upmind&password=another-horse-8", "", result1},
		{"changepackage", "user=upmind&pkg=default", "", result1},
		{"create_user_session", "user=upmind&service=cpaneld", "", append([]field{{"data.url", "string", ""}, {"data.expires", "integer", ""}}, result1...)},
		{"removeacct", "user=upmind", "", result1},
		{"accountsummary", "user=upmind", "does not exist", nil},
	})
}
