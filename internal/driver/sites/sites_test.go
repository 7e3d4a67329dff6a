package sites_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/driver/homedir"
	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/driver/sites/sitestest"
	"github.com/latchkey/latchkey/internal/latchkey"
)

// rig is a server that runs, its homes, and what it is told.
type rig struct {
	*testing.T
	server        *sites.Server
	home          string // of alice, who has account 1
	plain, secure string

	mu      sync.Mutex
	sites   map[latchkey.Domain]*sites.Site
	tenants map[latchkey.AccountID]sites.Tenant
	asked   atomic.Int64
}

func (r *rig) Site(_ context.Context, name latchkey.Domain) (*sites.Site, error) {
	r.asked.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.sites[name]; s != nil {
		return s, nil
	}
	return nil, latchkey.Errorf(latchkey.NotFound, "no site")
}

func (r *rig) Tenant(_ context.Context, id latchkey.AccountID) (sites.Tenant, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.tenants[id]; ok {
		return t, nil
	}
	return sites.Tenant{}, latchkey.Errorf(latchkey.NotFound, "no account")
}

// put says what is to be served for a name.
func (r *rig) put(name latchkey.Domain, s sites.Site) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sites[name] = &s
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	homes, err := homedir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { homes.Close() })
	r := &rig{T: t, home: filepath.Join(dir, "alice"), sites: map[latchkey.Domain]*sites.Site{}, tenants: map[latchkey.AccountID]sites.Tenant{1: {Name: "alice"}, 2: {Name: "bob"}}}
	for _, name := range []string{"alice", "bob"} {
		if err := homes.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	own := newCertificate(t, "host.example")
	r.server = sites.New(sites.Options{Source: r, Homes: homes, Hostname: "host.example", Own: func() *tls.Certificate { return own }, Log: slog.New(slog.DiscardHandler)})
	r.put("alice.example", sites.Site{Account: 1, Root: "public_html"})
	r.write("public_html/index.html", "hello from alice")
	r.run()
	return r
}

func (r *rig) run() {
	r.Helper()
	var on [2]net.Listener
	for i := range on {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.Fatal(err)
		}
		on[i] = l
	}
	r.plain, r.secure = on[0].Addr().String(), on[1].Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- r.server.Run(ctx, on[0], on[1]) }()
	r.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			r.Errorf("Run: %v", err)
		}
	})
}

func (r *rig) write(name, text string) {
	r.Helper()
	file := filepath.Join(r.home, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
}

// client reaches the rig under any name and trusts the certificates of newCertificate.
func (r *rig) client() *http.Client {
	t := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: trusted},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			to := r.plain
			if strings.HasSuffix(address, ":443") {
				to = r.secure
			}
			return new(net.Dialer).DialContext(ctx, network, to)
		},
	}
	r.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is what a page is answered with.
type answer struct {
	status int
	body   string
	header http.Header
}

func (r *rig) fetch(c *http.Client, method, url string, header ...string) answer {
	r.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		r.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := c.Do(req)
	if err != nil {
		r.Fatalf("%s %s: %v", method, url, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.Fatalf("%s %s: %v", method, url, err)
	}
	return answer{res.StatusCode, string(body), res.Header}
}

func TestFiles(t *testing.T) {
	r := newRig(t)
	r.write("secret.txt", "secret of the home")
	r.write("../bob/public_html/index.html", "bob's")
	for name, text := range map[string]string{
		"style.css": "body{}", "docs/index.htm": "docs", "empty/file.txt": "here", "with space/ä.txt": "named",
		".htpasswd": "secret", ".git/config": "secret", "docs/.env": "secret", ".well-known/security.txt": "contact", ".well-known/.hidden": "secret",
		"wp-config.php": "secret", "old.PHP5": "secret", "upload.php.txt": "secret", "cgi-bin/run": "secret",
		"members/.htaccess": "AuthType Basic\nRequire valid-user\n", "members/list.txt": "secret", "members/deep/list.txt": "secret",
		"blog/.htaccess": "RewriteEngine On\nRewriteRule . /index.php [L]\n<Files wp.txt>\nDeny from all\n</Files>\n", "blog/page.html": "page", "blog/wp.txt": "secret",
		"private.txt": "secret", "locked/page.html": "secret",
	} {
		r.write("public_html/"+name, text)
	}
	link := func(to, name string) {
		if err := os.Symlink(to, filepath.Join(r.home, "public_html", name)); err != nil {
			t.Fatal(err)
		}
	}
	link("../../bob/public_html", "bob")
	link("/etc", "etc")
	link("/etc/passwd", "passwd.txt")
	link("docs", "handbook")
	link("nowhere", "dangling")
	for _, err := range []error{
		os.Chmod(filepath.Join(r.home, "public_html/private.txt"), 0o600), os.Chmod(filepath.Join(r.home, "public_html/locked"), 0o700),
		syscall.Mkfifo(filepath.Join(r.home, "public_html/pipe"), 0o644), syscall.Mkfifo(filepath.Join(r.home, "public_html/docs/.htaccess"), 0o644),
		os.Link(filepath.Join(r.home, "secret.txt"), filepath.Join(r.home, "public_html/hard.txt")),
		os.Remove(filepath.Join(r.home, "public_html/docs/.htaccess")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := r.client()
	for _, test := range []struct {
		path   string
		status int
		body   string
	}{
		{"/", 200, "hello from alice"},
		{"/index.html", 200, "hello from alice"},
		{"//index.html", 200, "hello from alice"},
		{"/style.css?v=2", 200, "body{}"},
		{"/docs/", 200, "docs"},
		{"/docs", 301, ""},
		{"/handbook/", 200, "docs"},
		{"/with%20space/%C3%A4.txt", 200, "named"},
		{"/empty/", 404, ""},
		{"/style.css/", 404, ""},
		{"/nothing", 404, ""},
		{"/.htpasswd", 404, ""},
		{"/.git/config", 404, ""},
		{"/docs/.env", 404, ""},
		{"/docs/%2eenv", 404, ""},
		{"/.well-known/security.txt", 200, "contact"},
		{"/.well-known/.hidden", 404, ""},
		{"/.well-known/acme-challenge/nothing", 404, ""},
		{"/../secret.txt", 404, ""},
		{"/%2e%2e/secret.txt", 404, ""},
		{"/..%2fsecret.txt", 404, ""},
		{"/docs/..%2f..%2fsecret.txt", 404, ""},
		{"/a%00b", 404, ""},
		{"/%ff", 404, ""},
		{"/" + strings.Repeat("a", 300), 404, ""},
		{"/" + strings.Repeat("a/", 2500), 404, ""},
		{"/bob/", 404, ""},
		{"/bob/index.html", 404, ""},
		{"/etc/passwd", 404, ""},
		{"/passwd.txt", 404, ""},
		{"/dangling", 404, ""},
		{"/pipe", 404, ""},
		{"/hard.txt", 403, ""},
		{"/private.txt", 403, ""},
		{"/locked/page.html", 403, ""},
		{"/wp-config.php", 403, ""},
		{"/old.PHP5", 403, ""},
		{"/upload.php.txt", 403, ""},
		{"/cgi-bin/run", 403, ""},
		{"/members/list.txt", 403, ""},
		{"/members/deep/list.txt", 403, ""},
		{"/blog/page.html", 200, "page"},
		{"/blog/wp.txt", 403, ""},
	} {
		got := r.fetch(c, "GET", "http://alice.example"+test.path)
		if got.status != test.status || test.body != "" && got.body != test.body || strings.Contains(got.body, "secret") || strings.Contains(got.body, "root:") {
			t.Errorf("GET %s: %d %q, want %d %q", test.path, got.status, got.body, test.status, test.body)
		}
	}
}

// What net/http does not let a client say.
func TestPathsAsSent(t *testing.T) {
	r := newRig(t)
	r.write("secret.txt", "secret of the home")
	for _, line := range []string{
		"GET /../secret.txt HTTP/1.1", "GET /a/../../secret.txt HTTP/1.1", "GET ../secret.txt HTTP/1.1", "GET * HTTP/1.1",
		"GET http://alice.example/../secret.txt HTTP/1.1", "GET /%2e%2e%2fsecret.txt HTTP/1.1", "GET \\..\\secret.txt HTTP/1.1",
		"GET /.//..//secret.txt HTTP/1.1", "CONNECT alice.example:80 HTTP/1.1", "TRACE / HTTP/1.1", "OPTIONS * HTTP/1.1",
	} {
		c, err := net.Dial("tcp", r.plain)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "%s\r\nHost: alice.example\r\nConnection: close\r\n\r\n", line)
		text, _ := io.ReadAll(c)
		c.Close()
		if !strings.HasPrefix(string(text), "HTTP/1.1 4") || strings.Contains(string(text), "secret") {
			t.Errorf("%s: %.200q", line, text)
		}
	}
}

func TestAnswers(t *testing.T) {
	r := newRig(t)
	r.write("public_html/data.txt", "0123456789")
	c := r.client()
	const url = "http://alice.example/data.txt"
	whole := r.fetch(c, "GET", url)
	tag := whole.header.Get("Etag")
	if tag == "" || whole.header.Get("Last-Modified") == "" || whole.header.Get("Accept-Ranges") != "bytes" || !strings.HasPrefix(whole.header.Get("Content-Type"), "text/plain") {
		t.Errorf("headers: %v", whole.header)
	}
	if got := r.fetch(c, "GET", url, "If-None-Match", tag); got.status != 304 || got.body != "" {
		t.Errorf("If-None-Match: %d %q", got.status, got.body)
	}
	if got := r.fetch(c, "GET", url, "Range", "bytes=3-5"); got.status != 206 || got.body != "345" {
		t.Errorf("Range: %d %q", got.status, got.body)
	}
	if got := r.fetch(c, "GET", url, "Range", "bytes=20-"); got.status != 416 {
		t.Errorf("Range beyond the end: %d", got.status)
	}
	if got := r.fetch(c, "HEAD", url); got.status != 200 || got.body != "" || got.header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: %d %q %v", got.status, got.body, got.header)
	}
	if got := r.fetch(c, "POST", url); got.status != 405 || got.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", got.status, got.header)
	}
	r.write("public_html/data.txt", "abcdefghij")
	if got := r.fetch(c, "GET", url, "If-None-Match", tag); got.status != 200 || got.body != "abcdefghij" {
		t.Errorf("If-None-Match after a change: %d %q", got.status, got.body)
	}
	if got := r.fetch(c, "GET", "http://alice.example/docs"); got.status != 404 {
		t.Errorf("no directory: %d", got.status)
	}
	r.write("public_html/docs/index.html", "docs")
	if got := r.fetch(c, "GET", "http://alice.example/docs?a=b").header.Get("Location"); got != "/docs/?a=b" {
		t.Errorf("a directory as a file leads to %q", got)
	}
	if err := os.MkdirAll(filepath.Join(r.home, "public_html/evil.example"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := r.fetch(c, "GET", "http://alice.example//evil.example").header.Get("Location"); got != "/evil.example/" {
		t.Errorf("two slashes lead to %q", got)
	}
}

func TestNames(t *testing.T) {
	r := newRig(t)
	c := r.client()
	r.put("nohome.example", sites.Site{Account: 3, Root: "public_html"})
	for host, want := range map[string]int{
		"alice.example": 200, "ALICE.example": 200, "alice.example.": 200, "alice.example:8080": 200,
		"other.example": 404, "sub.alice.example": 404, "127.0.0.1": 404, "[::1]:80": 404, "host.example": 404,
		"alice.example/..": 400, "a b": 400, "alice.example\x7f": 400, "nohome.example": 404,
	} {
		req, _ := http.NewRequest("GET", "http://alice.example/", nil)
		req.Host = host
		res, err := c.Do(req)
		if err != nil {
			t.Errorf("%q: %v", host, err)
			continue
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%q: %d, want %d", host, res.StatusCode, want)
		}
	}
	before := r.asked.Load()
	for range 10 {
		r.fetch(c, "GET", "http://alice.example/")
	}
	if n := r.asked.Load() - before; n != 0 {
		t.Errorf("the source was asked %d times for a site that is known", n)
	}
}

func TestTLS(t *testing.T) {
	r := newRig(t)
	r.put("alice.example", sites.Site{Account: 1, Root: "public_html", Certificate: newCertificate(t, "alice.example", "www.alice.example", "bob.example")})
	r.put("www.alice.example", sites.Site{Account: 1, Root: "public_html", Certificate: newCertificate(t, "www.alice.example")})
	r.put("bare.example", sites.Site{Account: 1, Root: "public_html"})
	r.put("bob.example", sites.Site{Account: 2, Root: "public_html", Certificate: newCertificate(t, "bob.example")})
	c := r.client()
	if got := r.fetch(c, "GET", "https://alice.example/"); got.status != 200 || got.body != "hello from alice" {
		t.Errorf("TLS: %d %q", got.status, got.body)
	}
	for _, test := range []struct {
		shaken, host string
		want         int
	}{
		{"alice.example", "alice.example", 200},
		{"alice.example", "www.alice.example", 200}, // one account's, under one certificate
		{"www.alice.example", "alice.example", 421}, // not in that certificate
		{"alice.example", "bare.example", 421},
		{"alice.example", "bob.example", 421}, // somebody else's
		{"alice.example", "other.example", 421},
		{"host.example", "host.example", 404},
		{"host.example", "alice.example", 421},
	} {
		if got := r.fetch(r.client(), "GET", "https://"+test.shaken+"/", "Host", test.host); got.status != test.want {
			t.Errorf("%s over a connection for %s: %d, want %d", test.host, test.shaken, got.status, test.want)
		}
	}
	for _, name := range []string{"bare.example", "other.example", "sub.alice.example"} {
		_, err := tls.Dial("tcp", r.secure, &tls.Config{ServerName: name, RootCAs: trusted})
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("a handshake for %s: %v, want unrecognized name", name, err)
		}
	}
	conn, err := tls.Dial("tcp", r.secure, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatalf("without a name: %v", err)
	}
	defer conn.Close()
	if got := conn.ConnectionState().PeerCertificates[0].DNSNames; len(got) != 1 || got[0] != "host.example" {
		t.Errorf("without a name the certificate is for %v", got)
	}
}

func TestToTLS(t *testing.T) {
	r := newRig(t)
	c := r.client()
	r.put("secure.example", sites.Site{Account: 1, Root: "public_html", SecureOnly: true})
	if got := r.fetch(c, "GET", "http://secure.example/"); got.status != 200 {
		t.Errorf("without a certificate: %d", got.status)
	}
	r.put("secure.example", sites.Site{Account: 1, Root: "public_html", SecureOnly: true, Certificate: newCertificate(t, "secure.example")})
	r.server.Forget("secure.example")
	_, port, _ := net.SplitHostPort(r.secure)
	got := r.fetch(c, "GET", "http://secure.example//evil.example/a%20b?x=1")
	if want := "https://secure.example:" + port + "//evil.example/a%20b?x=1"; got.status != 301 || got.header.Get("Location") != want {
		t.Errorf("%d to %q, want %q", got.status, got.header.Get("Location"), want)
	}
	r.write("public_html/.well-known/acme-challenge/token", "from a file")
	if got := r.fetch(c, "GET", "http://secure.example/.well-known/acme-challenge/token"); got.body != "from a file" {
		t.Errorf("a challenge of another client: %d %q", got.status, got.body)
	}
	done := r.server.Prove("secure.example", "token", "token.print")
	if got := r.fetch(c, "GET", "http://secure.example/.well-known/acme-challenge/token"); got.body != "token.print" {
		t.Errorf("a challenge: %d %q", got.status, got.body)
	}
	if got := r.fetch(c, "GET", "http://alice.example/.well-known/acme-challenge/token"); got.body != "from a file" {
		t.Errorf("a challenge for another name: %d %q", got.status, got.body)
	}
	done()
	if got := r.fetch(c, "GET", "http://secure.example/.well-known/acme-challenge/token"); got.body != "from a file" {
		t.Errorf("a challenge that is over: %d %q", got.status, got.body)
	}
}

func TestSuspended(t *testing.T) {
	r := newRig(t)
	c := r.client()
	suspend := func(on bool) {
		r.mu.Lock()
		r.tenants[1] = sites.Tenant{Name: "alice", Suspended: on}
		r.mu.Unlock()
	}
	r.put("alice.example", sites.Site{Account: 1, Root: "public_html", Certificate: newCertificate(t, "alice.example")})
	suspend(true)
	if got := r.fetch(c, "GET", "http://alice.example/"); got.status != 503 || strings.Contains(got.body, "hello") {
		t.Errorf("suspended: %d %q", got.status, got.body)
	}
	suspend(false)
	if got := r.fetch(c, "GET", "http://alice.example/"); got.status != 200 {
		t.Errorf("no more: %d", got.status)
	}
	r.mu.Lock()
	delete(r.tenants, 1)
	r.mu.Unlock()
	if got := r.fetch(c, "GET", "http://alice.example/"); got.status != 404 {
		t.Errorf("removed: %d", got.status)
	}
	if _, err := tls.Dial("tcp", r.secure, &tls.Config{ServerName: "alice.example", RootCAs: trusted}); err == nil {
		t.Error("removed: its certificate is still shown")
	}
	r.put("alice.example", sites.Site{Account: 2, Root: "public_html"})
	if got := r.fetch(c, "GET", "http://alice.example/"); got.status != 404 || strings.Contains(got.body, "hello") {
		t.Errorf("another's by now: %d %q", got.status, got.body)
	}
}

func TestRenew(t *testing.T) {
	r := newRig(t)
	cert := newCertificate(t, "alice.example")
	if err := r.server.Renew(t.Context(), "alice.example", "host.example", "nowhere.example"); err != nil {
		t.Errorf("none: %v", err)
	}
	r.put("alice.example", sites.Site{Account: 1, Root: "public_html", Certificate: cert})
	if err := r.server.Renew(t.Context(), "alice.example"); err != nil {
		t.Errorf("one: %v", err)
	}
	// A server that gives something else says so.
	lies := &liar{rig: r}
	other := sites.New(sites.Options{Source: lies, Hostname: "host.example", Log: slog.New(slog.DiscardHandler)})
	if err := other.Renew(t.Context(), "alice.example"); err == nil {
		t.Error("another certificate than the source names was confirmed")
	}
}

// liar names another certificate every time.
type liar struct{ *rig }

func (l *liar) Site(context.Context, latchkey.Domain) (*sites.Site, error) {
	return &sites.Site{Account: 1, Certificate: newCertificate(l.T, "alice.example")}, nil
}

// While a certificate is exchanged no request fails, and each gets one of the
// certificates there were.
func TestSwap(t *testing.T) {
	r := newRig(t)
	install := func() {
		r.put("alice.example", sites.Site{Account: 1, Root: "public_html", Certificate: newCertificate(t, "alice.example")})
		if err := r.server.Renew(t.Context(), "alice.example"); err != nil {
			t.Errorf("Renew: %v", err)
		}
	}
	install()
	sitestest.Swap(t, "https://alice.example/", "hello from alice", r.client, install)
}

// Certificates of the tests are signed by one authority.
var authority, trusted = newAuthority()

func newAuthority() (*tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

func newCertificate(t *testing.T, names ...string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	c := &x509.Certificate{SerialNumber: serial, DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, authority.Leaf, &key.PublicKey, authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
