package estate_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/driver/sites"
	"github.com/latchkey/latchkey/internal/pki"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// twoSites are two accounts' sites, a web server of this machine that serves them, and
// what both should be.
type twoSites struct {
	*testing.T
	s             *testserver.Server
	plain, secure string
	keys          []pki.Key
	certs         []*pki.Certificate
	models        map[string]*model // by account
}

// model is what an account's site should be.
type model struct {
	domain    string
	names     []string
	installed int // which certificate; -1 for none
	redirects bool
	kept      map[int]bool // whose keys are kept
}

func newTwoSites(t *testing.T) *twoSites {
	s := testserver.New(t)
	v := &twoSites{T: t, s: s, models: map[string]*model{}}
	for user, domain := range map[string]string{"demo": "example.com", "other": "example.net"} {
		v.models[user] = &model{domain: domain, names: []string{domain, "www." + domain, "mail." + domain}, installed: -1, kept: map[int]bool{}}
	}
	ca := pkitest.New(t, s.Now())
	for _, names := range [][]string{
		{"example.com", "www.example.com"}, {"example.com", "*.example.com"}, {"example.net", "www.example.net"}, {"example.com", "example.net"}, {"www.example.com"},
	} {
		key := ca.Key()
		v.keys, v.certs = append(v.keys, key), append(v.certs, ca.Issue(key, names...))
	}
	web := sites.New(sites.Options{Source: s.Estate, Homes: s.Estate.Homes, Hostname: "host.example.org", Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	s.Estate.Web = web
	ctx, stop := context.WithCancel(context.Background())
	var ends sync.WaitGroup
	var listeners [2]net.Listener
	for i, at := range []*string{&v.plain, &v.secure} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listeners[i], *at = l, l.Addr().String()
	}
	ends.Go(func() { _ = web.Run(ctx, listeners[0], listeners[1]) })
	t.Cleanup(func() { stop(); ends.Wait() })
	return v
}

// does calls a function, and reports whether it succeeds.
func (v *twoSites) does(user, function string, args ...string) bool {
	return v.s.Call(call.UAPI, user, "SSL", function, args...).Err == nil
}

// covers reports whether a certificate is for a name.
func (v *twoSites) covers(cert int, name string) bool {
	return v.certs[cert].VerifyHostname(name) == nil
}

func (v *twoSites) same(r *rapid.T, what string, got, want bool) {
	if got != want {
		r.Fatalf("%s succeeds: %v, want %v", what, got, want)
	}
}

func (v *twoSites) install(r *rapid.T) {
	user := rapid.SampledFrom([]string{"demo", "other"}).Draw(r, "user")
	m := v.models[user]
	name := rapid.SampledFrom(append(v.models["demo"].names, v.models["other"].names...)).Draw(r, "name")
	cert := rapid.IntRange(0, len(v.certs)-1).Draw(r, "certificate")
	args := []string{"domain", name, "cert", v.certs[cert].PEM()}
	given := rapid.Bool().Draw(r, "key")
	if given {
		args = append(args, "key", v.keys[cert].PEM().Reveal())
	}
	want := v.covers(cert, name) && strings.HasSuffix(name, m.domain) && (given || m.kept[cert])
	v.same(r, "install_ssl", v.does(user, "install_ssl", args...), want)
	if want {
		m.installed, m.kept[cert] = cert, true
	}
}

func (v *twoSites) uninstall(r *rapid.T) {
	user := rapid.SampledFrom([]string{"demo", "other"}).Draw(r, "user")
	m := v.models[user]
	name := rapid.SampledFrom(append(v.models["demo"].names, v.models["other"].names...)).Draw(r, "name")
	want := strings.HasSuffix(name, m.domain) && m.installed >= 0
	v.same(r, "delete_ssl", v.does(user, "delete_ssl", "domain", name), want)
	if want {
		m.installed, m.redirects = -1, false
	}
}

func (v *twoSites) redirect(r *rapid.T) {
	user := rapid.SampledFrom([]string{"demo", "other"}).Draw(r, "user")
	m, on := v.models[user], rapid.Bool().Draw(r, "on")
	want := m.installed >= 0 || m.redirects == on
	v.same(r, "toggle_ssl_redirect_for_domains", v.does(user, "toggle_ssl_redirect_for_domains", "domains", m.domain, "state", map[bool]string{true: "1", false: "0"}[on]), want)
	if want {
		m.redirects = on
	}
}

// forget takes a key away that is kept: what is installed goes on.
func (v *twoSites) forget(r *rapid.T) {
	user := rapid.SampledFrom([]string{"demo", "other"}).Draw(r, "user")
	cert := rapid.IntRange(0, len(v.keys)-1).Draw(r, "key")
	m := v.models[user]
	v.same(r, "delete_key", v.does(user, "delete_key", "id", v.keys[cert].ID()), m.kept[cert])
	delete(m.kept, cert)
}

// look compares what installed_hosts says, what a client gets and what should be.
func (v *twoSites) look(r *rapid.T) {
	for user, m := range v.models {
		var hosts []struct {
			Servername  string
			Certificate struct{ ID string }
		}
		if err := json.Unmarshal(encode.Append(nil, v.s.UAPI(user, "SSL", "installed_hosts")), &hosts); err != nil {
			r.Fatal(err)
		}
		says, want := "", ""
		for _, h := range hosts {
			says = h.Servername + " " + h.Certificate.ID
		}
		var leaf []byte
		if m.installed >= 0 {
			want, leaf = m.domain+" "+v.certs[m.installed].ID(), v.certs[m.installed].Raw
		}
		if says != want {
			r.Fatalf("installed_hosts of %s says %q, want %q", user, says, want)
		}
		for _, name := range m.names {
			if got := v.shown(r, name); !bytes.Equal(got, leaf) {
				r.Fatalf("who comes to %s does not get what installed_hosts says: %q", name, says)
			}
		}
		if got := v.sent(r, m.domain); got != (m.redirects && m.installed >= 0) {
			r.Fatalf("who comes to %s is sent to TLS: %v", m.domain, got)
		}
	}
}

func (v *twoSites) shown(r *rapid.T, name string) []byte {
	c, err := tls.Dial("tcp", v.secure, &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		if !strings.HasSuffix(err.Error(), ": unrecognized name") {
			r.Fatal(err)
		}
		return nil
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Raw
}

func (v *twoSites) sent(r *rapid.T, name string) bool {
	req, err := http.NewRequest(http.MethodGet, "http://"+v.plain+"/", nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Host = name
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		r.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusMovedPermanently
}

// TestInstalledIsServed: whatever is installed, deleted and switched in whatever
// order, what installed_hosts says is what a client gets, by every name.
func TestInstalledIsServed(t *testing.T) {
	v := newTwoSites(t)
	rapid.Check(t, func(r *rapid.T) {
		r.Repeat(map[string]func(*rapid.T){
			"install": v.install, "uninstall": v.uninstall, "redirect": v.redirect, "forget": v.forget, "": v.look,
		})
	})
}
