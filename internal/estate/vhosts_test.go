package estate_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/driver/nginx"
	"github.com/latchkey/latchkey/internal/driver/nginx/nginxtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/test/testserver"
)

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// behindNginx has the sites of a server served by an nginx on loopback.
func behindNginx(t *testing.T, s *testserver.Server) (plain, secure string) {
	t.Helper()
	p := nginxtest.New(t)
	p.Start(t)
	plain, secure = freeAddress(t), freeAddress(t)
	part, err := nginx.New(nginx.Options{Source: s.Estate.Vhosts(), Dir: filepath.Join(p.Dir, "sites"), Command: p.Command, Plain: plain, Secure: secure, Logger: slog.New(slog.NewTextHandler(s.Log, nil))})
	if err == nil {
		err = part.Reshape(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Estate.Web = part
	return plain, secure
}

// TestBehindNginx: what happens to accounts and their certificates is what nginx
// serves, when the call returns.
func TestBehindNginx(t *testing.T) {
	s := testserver.New(t)
	plain, secure := behindNginx(t, s)
	ca := pkitest.New(t, s.Now())
	tr := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: ca.Roots(), Time: s.Now}, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		to := plain
		if strings.HasSuffix(address, ":443") {
			to = secure
		}
		return new(net.Dialer).DialContext(ctx, network, to)
	}}
	client := &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	want := func(url, want string) {
		t.Helper()
		resp, err := client.Get(url)
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", url, err, want)
			}
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		if got := resp.Status + " " + string(body); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	page := func(account string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(s.Dir, "homes", account, "public_html", "index.html"), []byte("this is "+account), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	page("demo")
	want("http://www.example.com/", "200 OK this is demo")
	want("https://example.com/", "unrecognized name")
	key := ca.Key()
	cert := ca.Issue(key, "example.com", "www.example.com")
	s.UAPI("demo", "SSL", "install_ssl", "domain", "example.com", "cert", cert.PEM(), "key", key.PEM().Reveal(), "cabundle", ca.Chain().PEM())
	want("https://www.example.com/", "200 OK this is demo")
	s.UAPI("demo", "SSL", "toggle_ssl_redirect_for_domains", "domains", "example.com", "state", "1")
	want("http://example.com/", "301")
	s.WHM("createacct", "username", "newbie", "domain", "new.example", "password", testserver.Password)
	page("newbie")
	want("http://new.example/", "200 OK this is newbie")
	s.WHM("suspendacct", "user", "demo")
	want("https://example.com/", "503")
	s.WHM("unsuspendacct", "user", "demo")
	s.WHM("modifyacct", "user", "newbie", "newuser", "oldie")
	want("http://new.example/", "200 OK this is newbie")
	s.WHM("removeacct", "user", "oldie")
	want("http://new.example/", "404")
	s.UAPI("demo", "SSL", "delete_ssl", "domain", "example.com")
	want("https://example.com/", "unrecognized name")
	want("http://example.com/", "200 OK this is demo")
	if log := s.Log.String(); strings.Contains(log, "PRIVATE KEY") {
		t.Errorf("the log has a private key")
	}
	if _, err := s.Estate.Vhosts().Site(t.Context(), "nobody.example"); latchkey.KindOf(err) != latchkey.NotFound || err == nil {
		t.Errorf("a site that is none: %v", err)
	}
}
