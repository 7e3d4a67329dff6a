package hostile

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	_ "modernc.org/sqlite"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/server"
	"github.com/latchkey/latchkey/test/testserver"
)

var (
	requests = flag.Int("requests", 5000, "how many hostile requests")
	seed     = flag.Uint64("seed", 1, "what they are drawn from")
)

// carriers are the forms in which an argument comes.
var carriers = []string{"query", "form", "json", "multipart", "header", "framing"}

const callers = 6

// TestHostile: whatever is said, in whatever argument, there is one answer to one
// request, which is no failure of the server's; nothing of it gets into the log
// or, where it is a control character, into what is kept; and the server is as
// large afterwards as it was.
func TestHostile(t *testing.T) {
	s := start(t)
	each := *requests / callers
	said := map[string]int{}
	var mu sync.Mutex
	plan := s.plan()
	attack := func(share int) {
		var group sync.WaitGroup
		for n := range callers {
			group.Go(func() {
				c := &caller{attacked: s, t: t, rand: rand.New(rand.NewPCG(*seed, uint64(n)<<32|uint64(share))), said: map[string]int{}}
				defer c.close()
				for i := range each / 2 {
					if t.Failed() {
						return
					}
					c.attack(&plan[(((share-1)*(each/2)+i)*callers+n)%len(plan)])
				}
				mu.Lock()
				defer mu.Unlock()
				for k, v := range c.said {
					said[k] += v
				}
			})
		}
		group.Wait()
	}
	attack(1)
	before := heap()
	attack(2)
	grown := heap() - before
	t.Logf("%d requests, of %d that there are to a function, an argument and a text; the heap has grown by %d kB in the second half; %v", each/2*2*callers, len(plan), grown/1024, said)
	if grown > 24<<20 {
		t.Errorf("the heap has grown by %d MB", grown>>20)
	}
	if log := s.Log.String(); strings.Contains(log, "panic") || strings.Contains(log, mark) {
		t.Errorf("the log:\n%s", excerpt(log))
	}
	stored(t, s.Dir)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// excerpt is the part of a log that is to be looked at.
func excerpt(log string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "panic") || strings.Contains(line, mark) {
			return line[:min(len(line), 2000)]
		}
	}
	return ""
}

// attacked is a server with its ports, and what it is spoken to with.
type attacked struct {
	*testserver.Server
	ports     *server.Server
	auth      map[latchkey.Audience]string
	functions []*api.Entry
}

// start starts a server with the accounts alice and victim, each with two
// mailboxes: one that is acted on, and one to sign in with.
func start(t *testing.T) *attacked {
	t.Helper()
	s := testserver.New(t)
	for _, name := range []string{"alice", "victim"} {
		s.WHM("createacct", "username", name, "domain", map[string]string{"alice": "example.test", "victim": "victim.test"}[name], "password", testserver.Password)
		for _, box := range []string{"box", "reader"} {
			s.UAPI(name, "Email", "add_pop", "email", box, "password", testserver.Password)
		}
	}
	s.WHM("setupreseller", "user", "victim")
	a := &attacked{Server: s, functions: s.Calls.Registry.All(), ports: &server.Server{
		Routes:    server.Routes{Account: s.Account, Host: s.Host, Webmail: s.Webmail},
		Addresses: server.Addresses{Account: "127.0.0.1:0", Host: "127.0.0.1:0", Webmail: "127.0.0.1:0"},
		Hostname:  "localhost", Log: slog.New(slog.NewTextHandler(s.Log, nil)),
	}}
	a.auth = map[latchkey.Audience]string{
		latchkey.ForAccount: "cpanel alice:" + s.Token("alice", "attack"),
		latchkey.ForHost:    "whm root:" + s.HostToken("attack"),
		latchkey.ForWebmail: "Basic " + base64.StdEncoding.EncodeToString([]byte("reader@example.test:"+testserver.Password)),
	}
	cert, _, err := server.LocalCertificate(t.TempDir(), []string{"localhost", "127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	a.ports.Certificate.Store(&cert)
	if err := a.ports.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.ports.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return a
}

// caller speaks to the server over a connection to each port, one request after
// another.
type caller struct {
	*attacked
	t     *testing.T
	rand  *rand.Rand
	said  map[string]int
	lines map[latchkey.Audience]*line
	n     int
}

type line struct {
	*tls.Conn
	in *bufio.Reader
}

func (c *caller) close() {
	for _, l := range c.lines {
		l.Close()
	}
}

func (c *caller) line(to latchkey.Audience) *line {
	if l := c.lines[to]; l != nil {
		return l
	}
	if c.lines == nil {
		c.lines = map[latchkey.Audience]*line{}
	}
	name := map[latchkey.Audience]string{latchkey.ForAccount: "account", latchkey.ForHost: "host", latchkey.ForWebmail: "webmail"}[to]
	conn, err := tls.Dial("tcp", c.ports.Address(name), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		c.t.Error(err)
		return nil
	}
	c.lines[to] = &line{conn, bufio.NewReader(conn)}
	return c.lines[to]
}

func (c *caller) drop(to latchkey.Audience) {
	if l := c.lines[to]; l != nil {
		l.Close()
		delete(c.lines, to)
	}
}

func (c *caller) one(list []string) string { return list[c.rand.IntN(len(list))] }

// aim is one hostile text, and where it is to go: a parameter of a function, or
// "" for a place that is none of its parameters.
type aim struct {
	function    *api.Entry
	param       string
	class, text string
}

// plan is every text in every place, in an order drawn anew for each seed.
func (a *attacked) plan() (plan []aim) {
	for _, e := range a.functions {
		if e.Name == "revoke_self" || e.Name == "revoke_all" { // they would take the attackers' own credential away
			continue
		}
		places := []string{""}
		for _, p := range e.Params() {
			if !p.Rest {
				places = append(places, p.Name)
			}
		}
		for _, param := range places {
			for _, class := range slices.Sorted(maps.Keys(payloads)) {
				for _, text := range payloads[class] {
					plan = append(plan, aim{e, param, class, text})
				}
			}
		}
	}
	r := rand.New(rand.NewPCG(*seed, 0))
	r.Shuffle(len(plan), func(i, j int) { plan[i], plan[j] = plan[j], plan[i] })
	return plan
}

// attack makes one hostile request, and one that is not on the same connection,
// whose answer must be its own.
func (c *caller) attack(at *aim) {
	c.n++
	e := at.function
	to := e.Audience
	if to == latchkey.ForAccount && c.rand.IntN(4) == 0 && e.Name != "passwd_pop" { // a mailbox would take its own password away
		to = latchkey.ForWebmail
	}
	carrier := c.one(carriers)
	request := c.request(at, to, carrier)
	c.said[carrier]++
	c.said[at.class]++
	if !c.ask(to, request, carrier, e.FullName()) {
		return
	}
	probe := fmt.Sprintf("probe%d", c.n)
	target := "/execute/Email/" + probe
	if to == latchkey.ForHost {
		target = "/json-api/" + probe + "?api.version=1"
	}
	l := c.line(to)
	if l == nil {
		return
	}
	fmt.Fprintf(l, "GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n\r\n", target, c.auth[to])
	body, res, err := l.answer(http.MethodGet)
	if err != nil || !strings.Contains(body, probe) {
		c.t.Errorf("after %q: the answer to %s is %v %s, %v", head(request), probe, res, body, err)
		return
	}
	if res.Close {
		c.drop(to)
	}
}

// head is the beginning of a request, for messages.
func head(request string) string { return request[:min(len(request), 1500)] }

// answer reads one answer.
func (l *line) answer(method string) (string, *http.Response, error) {
	_ = l.SetDeadline(time.Now().Add(20 * time.Second))
	res, err := http.ReadResponse(l.in, &http.Request{Method: method})
	if err != nil {
		return "", nil, err
	}
	body, err := io.ReadAll(res.Body)
	return string(body), res, err
}

// ask sends a hostile request and looks at what comes of it. It reports whether
// the connection can still be used.
func (c *caller) ask(to latchkey.Audience, request, carrier, function string) bool {
	l := c.line(to)
	if l == nil {
		return false
	}
	if _, err := io.WriteString(l, request); err != nil {
		c.drop(to)
		return false
	}
	method, _, _ := strings.Cut(request, " ")
	body, res, err := l.answer(method)
	if err != nil {
		if carrier != "framing" { // where it is not clear what is a request, an end is an answer
			c.t.Errorf("%s: no answer to %q: %v", function, head(request), err)
		}
		c.drop(to)
		return false
	}
	switch {
	case res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented:
		c.t.Errorf("%s: status %d to %q: %s", function, res.StatusCode, head(request), head(body))
	case strings.Contains(body, "Error ID"):
		c.t.Errorf("%s: a failure of the server's to %q: %s", function, head(request), head(body))
	case strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") && body != "" && !json.Valid([]byte(body)):
		c.t.Errorf("%s: no JSON to %q: %s", function, head(request), head(body))
	case !utf8.ValidString(body) || strings.ContainsFunc(body, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' }):
		c.t.Errorf("%s: control characters in the answer to %q: %q", function, head(request), head(body))
	}
	for name, values := range res.Header {
		if strings.Contains(strings.Join(values, " "), mark) {
			c.t.Errorf("%s: the header %s of the answer to %q is %q", function, name, head(request), values)
		}
	}
	if res.Close {
		c.drop(to)
	}
	return !res.Close
}

// request is a hostile request as it goes over the wire.
func (c *caller) request(at *aim, to latchkey.Audience, carrier string) string {
	e, payload := at.function, at.text
	path := "/execute/" + e.Module + "/" + e.Name
	if e.Audience == latchkey.ForHost {
		path = "/json-api/" + e.Name
	} else if c.rand.IntN(4) == 0 {
		path = "/json-api/cpanel"
	}
	args := c.arguments(at, path == "/json-api/cpanel")
	query := ""
	if e.Audience == latchkey.ForHost && c.rand.IntN(4) > 0 {
		query = "?api.version=1"
	}
	switch carrier {
	case "query":
		return c.raw("GET", path+with(query, args.Encode()), c.auth[to], "", "")
	case "form":
		return c.raw("POST", path+query, c.auth[to], c.one([]string{"Content-Type: application/x-www-form-urlencoded\r\n", ""}), args.Encode())
	case "json":
		flat := map[string]string{}
		for k := range args {
			flat[k] = args.Get(k)
		}
		body, _ := json.Marshal(flat)
		return c.raw("POST", path+query, c.auth[to], "Content-Type: application/json\r\n", string(body))
	case "multipart":
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for _, k := range slices.Sorted(maps.Keys(args)) {
			if f, err := w.CreateFormField(k); err == nil {
				_, _ = io.WriteString(f, args.Get(k))
			}
		}
		w.Close()
		return c.raw("POST", path+query, c.auth[to], "Content-Type: "+w.FormDataContentType()+"\r\n", body.String())
	case "header":
		auth, more := c.auth[to], ""
		switch name := c.one([]string{"Authorization", "User-Agent", "Cookie", "X-CPANEL-OTP", "Accept", "Referer", "Origin", "X-Forwarded-For", "Content-Type"}); name {
		case "Authorization":
			kind, secret, _ := strings.Cut(auth, ":")
			auth = kind + payload + ":" + secret
		default:
			more = name + ": " + payload + "\r\n"
		}
		return c.raw("GET", path+with(query, args.Encode()), auth, more, "")
	}
	return "GET " + path + with(query, args.Encode()) + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + c.auth[to] + "\r\n" + c.one(smuggled)
}

func (c *caller) raw(method, target, auth, more, body string) string {
	if len(target) > 60000 { // the limit of a request line is tried elsewhere
		target = target[:60000]
	}
	length := ""
	if method == "POST" {
		length = fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + auth + "\r\n" + more + length + "\r\n" + body
}

func with(query, more string) string {
	switch {
	case more == "":
		return query
	case query == "":
		return "?" + more
	}
	return query + "&" + more
}

// arguments are such that the function takes them, but for one, which is hostile;
// or for a name that is.
func (c *caller) arguments(at *aim, wrapped bool) url.Values {
	e, args := at.function, url.Values{}
	if wrapped {
		args.Set("cpanel_jsonapi_module", e.Module)
		args.Set("cpanel_jsonapi_func", e.Name)
		args.Set("cpanel_jsonapi_apiversion", c.one([]string{"2", "3"}))
	}
	for _, p := range e.Params() {
		if !p.Rest && (p.Required || c.rand.IntN(4) == 0) {
			args.Set(p.Name, c.guess(&p))
		}
	}
	place := at.param
	if place == "" {
		place = c.one([]string{"x", "x", "api.filter_term", "api.filter.a.arg0", "api.sort_column", "api.paginate_start", "api.chunk.size", "api.columns.a",
			"api.version", "cpanel_jsonapi_func", "cpanel_jsonapi_module", "cpanel_jsonapi_user"})
		if c.rand.IntN(4) == 0 {
			args.Set(at.text, "1")
			return args
		}
	}
	args.Set(place, at.text)
	return args
}

// guess is something that fits a parameter, and does the server no harm.
func (c *caller) guess(p *api.Param) string {
	switch {
	case len(p.Enum) > 0:
		return c.one(p.Enum)
	case p.Secret:
		return testserver.Password
	case p.Name == "username" || p.Name == "newuser":
		return fmt.Sprintf("fresh%02d", c.rand.IntN(40))
	case p.Resource == "account":
		return "victim"
	case p.Name == "email" || p.Resource == "mailbox":
		return "box@example.test"
	case p.Resource == "domain" || p.Resource == "zone":
		return c.one([]string{"example.test", fmt.Sprintf("fresh%02d.test", c.rand.IntN(40))})
	case p.Type == "boolean" || p.Type == "integer":
		return c.one([]string{"0", "1"})
	case strings.Contains(p.Name, "ip"):
		return "192.0.2.77"
	case p.Name == "features":
		return `{"popaccts":1}`
	case p.Name == "command":
		return c.one([]string{`["Email","count_pops",{}]`, "version"})
	}
	return fmt.Sprintf("fresh%02d", c.rand.IntN(40))
}

// stored looks for control characters in all that the server keeps as text, and
// in the names of files in homes.
func stored(t *testing.T, dir string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "latchkey.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	looked := 0
	for _, table := range column(t, db, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'`) {
		for _, name := range column(t, db, `SELECT name FROM pragma_table_info('`+table+`') WHERE type = 'TEXT'`) {
			for _, text := range column(t, db, `SELECT `+name+` FROM "`+table+`"`) {
				looked++
				if table == "zone_part" || table == "autoresponder" { // several lines
					text = strings.NewReplacer("\r\n", "", "\n", "", "\t", "").Replace(text)
				}
				if !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
					t.Errorf("%s.%s holds %q", table, name, head(text))
				}
			}
		}
	}
	files := 0
	err = filepath.WalkDir(filepath.Join(dir, "homes"), func(path string, d fs.DirEntry, err error) error {
		if files++; strings.ContainsFunc(filepath.Base(path), control) {
			t.Errorf("a file is called %q", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	t.Logf("%d texts and %d files looked at", looked, files)
	if looked < 100 || files < 10 {
		t.Error("that is too little to be all")
	}
}

func control(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// column is a column of texts.
func column(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
