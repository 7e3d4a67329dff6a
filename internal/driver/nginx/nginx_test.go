package nginx

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/driver/nginx/nginxtest"
	"github.com/latchkey/latchkey/internal/driver/sites/sitestest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

// memory is a [Source].
type memory struct {
	mu    sync.Mutex
	sites map[latchkey.Domain]*Site // by each of their names
}

func (m *memory) put(s *Site) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range s.Names {
		m.sites[n] = s
	}
}

func (m *memory) drop(s *Site) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, n := range s.Names {
		delete(m.sites, n)
	}
}

func (m *memory) Site(_ context.Context, name latchkey.Domain) (*Site, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[name]
	if s == nil {
		return nil, latchkey.Errorf(latchkey.NotFound, "There is no such site.")
	}
	is := *s
	return &is, nil
}

func (m *memory) Each(_ context.Context, fn func(*Site) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n, s := range m.sites {
		if n == s.Names[0] {
			if err := fn(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// rig is an nginx that runs on loopback, and a part that writes its files.
type rig struct {
	*testing.T
	*memory
	part *Part
	ca   *pkitest.CA
	dir  string
}

func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newRig(t *testing.T) *rig {
	t.Helper()
	p := nginxtest.New(t)
	r := &rig{T: t, memory: &memory{sites: map[latchkey.Domain]*Site{}}, dir: p.Dir, ca: pkitest.New(t, time.Now())}
	var err error
	r.part, err = New(Options{Source: r.memory, Dir: filepath.Join(p.Dir, "sites"), Command: p.Command, Plain: free(t), Secure: free(t), Back: free(t), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	first := r.part.nobody()
	if err := first.put(); err != nil {
		t.Fatal(err)
	}
	p.Start(t)
	if err := r.part.reloaded(t.Context()); err != nil {
		text, _ := os.ReadFile(filepath.Join(p.Dir, "log"))
		t.Fatalf("%v\n%s", err, text)
	}
	return r
}

func (r *rig) write(name, text string) {
	r.Helper()
	file := filepath.Join(r.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		r.Fatal(err)
	}
}

// site is a site with a document root and, with TLS, a certificate.
func (r *rig) site(secure bool, names ...latchkey.Domain) *Site {
	r.Helper()
	s := &Site{Names: names, Home: filepath.Join(r.dir, "homes"), Root: string(names[0])}
	r.write("homes/"+string(names[0])+"/index.html", "hello from "+string(names[0]))
	if secure {
		r.certify(s)
	}
	return s
}

func (r *rig) certify(s *Site) {
	key := r.ca.Key()
	var names []string
	for _, n := range s.Names {
		names = append(names, string(n))
	}
	s.Chain, s.Key = r.ca.Issue(key, names...).PEM()+r.ca.Chain().PEM(), key.PEM().Reveal()
}

func (r *rig) renew(s *Site) {
	r.Helper()
	if err := r.part.Renew(r.Context(), s.Names...); err != nil {
		r.Fatal(err)
	}
}

// client comes to every name at the address of the listener.
func (r *rig) client() *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.ca.Roots()}, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		to := r.part.o.Plain
		if strings.HasSuffix(address, ":443") {
			to = r.part.o.Secure
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}}
	r.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// gets is "status body" of a page, or the address one is sent to.
func (r *rig) gets(url string) string {
	r.Helper()
	resp, err := r.client().Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if to := resp.Header.Get("Location"); to != "" {
		return resp.Status[:3] + " " + to
	}
	if resp.StatusCode != 200 {
		return resp.Status[:3]
	}
	return "200 " + string(body)
}

func (r *rig) want(url, want string) {
	r.Helper()
	if got := r.gets(url); !strings.Contains(got, want) {
		r.Errorf("%s: %s, want %s", url, got, want)
	}
}

func TestServe(t *testing.T) {
	r := newRig(t)
	alice, bob := r.site(true, "alice.example", "www.alice.example"), r.site(false, "bob.example")
	r.write("homes/alice.example/.secret", "secret")
	r.write("homes/alice.example/dir/.git/config", "secret")
	r.write("homes/alice.example/shop.php", "<?php secret")
	r.write("homes/alice.example/shop.php.bak", "<?php secret")
	r.write("homes/alice.example/a b.txt", "spaces")
	r.write("secret", "secret")
	if err := errors.Join(os.Symlink(filepath.Join(r.dir, "secret"), filepath.Join(alice.Home, alice.Root, "link")), os.Symlink(r.dir, filepath.Join(alice.Home, alice.Root, "all"))); err != nil {
		t.Fatal(err)
	}
	r.put(alice)
	r.put(bob)
	r.renew(alice)
	r.renew(bob)
	for url, want := range map[string]string{
		"http://alice.example/":                   "200 hello from alice",
		"https://alice.example/":                  "200 hello from alice",
		"https://www.alice.example/index.html":    "200 hello from alice",
		"https://alice.example/a%20b.txt":         "200 spaces",
		"https://alice.example/none":              "404",
		"https://alice.example/.secret":           "404",
		"https://alice.example/dir/.git/config":   "404",
		"https://alice.example/dir/":              "403",
		"https://alice.example/shop.php":          "403",
		"https://alice.example/SHOP.PHP":          "403",
		"https://alice.example/shop.php.bak":      "403",
		"https://alice.example/link":              "404",
		"https://alice.example/all/secret":        "404",
		"http://bob.example/":                     "200 hello from bob",
		"https://bob.example/":                    "unrecognized name",
		"http://nobody.example/":                  "404",
		"https://nobody.example/":                 "unrecognized name",
		"http://alice.example" + numberPath:       "404",
		"https://alice.example/../../../secret":   "4",
		"https://alice.example/%2e%2e/%2e%2e/etc": "4",
	} {
		r.want(url, want)
	}
	for _, f := range []string{"alice.example.key", "alice.example.crt"} {
		if info, err := os.Stat(filepath.Join(r.dir, "sites", "keys", f)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want 0600", f, info.Mode(), err)
		}
	}
	r.misdirected("alice.example", "bob.example")
	r.linkedRoot(alice)
}

// misdirected asks for another site than the handshake's.
func (r *rig) misdirected(greeted, asked string) {
	r.Helper()
	req, _ := http.NewRequest(http.MethodGet, "https://"+greeted+"/", nil)
	req.Host = asked
	resp, err := r.client().Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		r.Errorf("%s under %s's certificate: %s, want 421", asked, greeted, resp.Status)
	}
}

// linkedRoot: the document root itself may be a link that its owner has made.
func (r *rig) linkedRoot(s *Site) {
	r.Helper()
	if err := os.Symlink(r.dir, filepath.Join(s.Home, "linked")); err != nil {
		r.Fatal(err)
	}
	s.Root = "linked"
	r.renew(s)
	r.want("https://"+string(s.Names[0])+"/secret", "404")
}

// TestChanges: a site that is for TLS alone, suspended, without a certificate, and
// gone.
func TestChanges(t *testing.T) {
	r := newRig(t)
	alice, bob := r.site(true, "alice.example", "www.alice.example"), r.site(false, "bob.example")
	r.put(alice)
	r.put(bob)
	r.renew(bob)
	alice.SecureOnly = true
	r.renew(alice)
	_, port, _ := net.SplitHostPort(r.part.o.Secure)
	r.want("http://www.alice.example/a?b=c", "301 https://www.alice.example:"+port+"/a?b=c")
	alice.SecureOnly = false
	bob.Suspended = true
	if err := r.part.Reshape(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want("http://bob.example/", "503")
	r.want("http://www.alice.example/", "200 hello")
	alice.Chain, alice.Key = "", ""
	r.renew(alice)
	r.want("https://alice.example/", "unrecognized name")
	if left, _ := filepath.Glob(filepath.Join(r.dir, "sites", "keys", "*")); len(left) > 0 {
		t.Errorf("keys are left: %q", left)
	}
	r.drop(bob)
	if err := r.part.Reshape(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.want("http://bob.example/", "404")
	if left, _ := filepath.Glob(filepath.Join(r.dir, "sites", "*")); len(left) != 3 {
		t.Errorf("files are left: %q", left)
	}
}

// TestRefused: what nginx does not take is not written, what was served is served
// on, and neighbours are served all the same.
func TestRefused(t *testing.T) {
	r := newRig(t)
	alice, bob, eve := r.site(true, "alice.example"), r.site(true, "bob.example"), r.site(true, "eve.example")
	for _, s := range []*Site{alice, bob, eve} {
		r.put(s)
	}
	if err := r.part.Reshape(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(r.dir, "sites", "keys", "alice.example.key"))
	if err != nil {
		t.Fatal(err)
	}
	old := *alice
	alice.Key = bob.Key // of another certificate
	r.certify(bob)
	done := make(chan error, 2)
	for _, s := range []*Site{alice, bob} {
		go func() { done <- r.part.Renew(t.Context(), s.Names...) }()
	}
	one, two := <-done, <-done
	if (one == nil) == (two == nil) {
		t.Errorf("of a good and a bad certificate: %v and %v", one, two)
	}
	if text := errors.Join(one, two).Error(); !strings.Contains(text, "alice.example") || strings.Contains(text, "PRIVATE") {
		t.Error(text)
	}
	if after, _ := os.ReadFile(filepath.Join(r.dir, "sites", "keys", "alice.example.key")); string(after) != string(before) {
		t.Error("the bad key was written")
	}
	*alice = old
	r.want("https://alice.example/", "200 hello from alice")
	r.want("https://bob.example/", "200 hello from bob")

	eve.Root = "$document_root"
	if err := r.part.Renew(t.Context(), eve.Names...); latchkey.KindOf(err) != latchkey.Invalid {
		t.Errorf("a root that is a variable: %v", err)
	}
	eve.Root = `a";}server{listen 1;`
	r.renew(eve)
	r.want("https://eve.example/", "404")

	// The administrator's own mistake is told, and nothing is changed by it.
	config, err := os.ReadFile(filepath.Join(r.dir, "nginx.conf"))
	if err != nil {
		t.Fatal(err)
	}
	r.write("nginx.conf", string(config)+"nonsense;\n")
	was := bob.Chain
	r.certify(bob)
	if err := r.part.Renew(t.Context(), bob.Names...); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("with a mistake in nginx's configuration: %v", err)
	}
	if is, _ := os.ReadFile(filepath.Join(r.dir, "sites", "keys", "bob.example.crt")); string(is) != was {
		t.Error("the certificate was exchanged all the same")
	}
	r.write("nginx.conf", string(config))
	r.renew(bob)
}

// TestSwap exchanges certificates under load.
func TestSwap(t *testing.T) {
	r := newRig(t)
	alice := r.site(true, "alice.example")
	r.put(alice)
	r.renew(alice)
	sitestest.Swap(t, "https://alice.example/", "hello from alice.example", r.client, func() {
		next := *alice
		r.certify(&next)
		r.put(&next)
		r.renew(&next)
	})
}

// FuzzRoot: whatever a document root is called, nginx reads it as that one text, or
// is not told of it.
func FuzzRoot(f *testing.F) {
	f.Add("public_html")
	f.Add(`/a b";}server{listen 1;`)
	f.Add("/$host\n")
	f.Add(`/\`)
	p := &Part{o: Options{Dir: "/d", Plain: "127.0.0.1:80", Secure: "127.0.0.1:443"}}
	f.Fuzz(func(t *testing.T, root string) {
		text, err := p.vhost(&Site{Names: []latchkey.Domain{"a.example"}, Home: "/home/demo", Root: root})
		if err != nil {
			return
		}
		tokens := words(string(text))
		if n := count(tokens, "server"); n != 1 {
			t.Errorf("%q makes %d servers", root, n)
		}
		for i, w := range tokens {
			if w == "root" && i+1 < len(tokens) && tokens[i+1] != "/home/demo/"+root {
				t.Errorf("%q is read as %q", root, tokens[i+1])
			}
		}
	})
}

func count(tokens []string, word string) (n int) {
	for _, w := range tokens {
		if w == word {
			n++
		}
	}
	return n
}

// words are the words of a configuration, as nginx takes them apart.
func words(text string) (list []string) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '#':
			for i < len(text) && text[i] != '\n' {
				i++
			}
		case strings.IndexByte(" \t\r\n;{}", c) >= 0:
			i++
		default:
			quoted := c == '"'
			if quoted {
				i++
			}
			var w []byte
			for ; i < len(text); i++ {
				if text[i] == '\\' && i+1 < len(text) && strings.IndexByte(`\"`, text[i+1]) >= 0 && quoted {
					i++
				} else if quoted && text[i] == '"' || !quoted && strings.IndexByte(" \t\r\n;{", text[i]) >= 0 {
					break
				}
				w = append(w, text[i])
			}
			if quoted {
				i++
			}
			list = append(list, string(w))
		}
	}
	return list
}
