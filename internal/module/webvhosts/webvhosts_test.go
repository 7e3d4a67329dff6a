package webvhosts

import (
	"testing"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/module/moduletest"
	"github.com/latchkey/latchkey/internal/pki/pkitest"
)

func TestDomains(t *testing.T) {
	acct := hostingtest.New()
	acct.Machine.Web = true
	acct.Own(latchkey.SubDomain, "blog.example.com", "blog")
	ca := pkitest.New(t, acct.Now())
	key := ca.Key()
	if _, err := acct.Certificates().Install(t.Context(), "blog.example.com", hosting.Installation{Certificate: ca.Issue(key, "blog.example.com"), Key: key}); err != nil {
		t.Fatal(err)
	}
	moduletest.Table(t, Module, acct, []moduletest.Row{
		{`list_domains`, `[{"domain":"example.com","proxy_subdomains":[],"vhost_is_ssl":0,"vhost_name":"example.com"},` +
			`{"domain":"mail.example.com","proxy_subdomains":[],"vhost_is_ssl":0,"vhost_name":"example.com"},` +
			`{"domain":"www.example.com","proxy_subdomains":[],"vhost_is_ssl":0,"vhost_name":"example.com"},` +
			`{"domain":"blog.example.com","proxy_subdomains":[],"vhost_is_ssl":1,"vhost_name":"blog.example.com"},` +
			`{"domain":"www.blog.example.com","proxy_subdomains":[],"vhost_is_ssl":1,"vhost_name":"blog.example.com"}]`},
		{`list_ssl_capable_domains?hide_temporary_domains=1`, `[{"domain":"example.com","is_proxy":0,"vhost_name":"example.com"},` +
			`{"domain":"mail.example.com","is_proxy":0,"vhost_name":"example.com"},` +
			`{"domain":"www.example.com","is_proxy":0,"vhost_name":"example.com"},` +
			`{"domain":"blog.example.com","is_proxy":0,"vhost_name":"blog.example.com"},` +
			`{"domain":"www.blog.example.com","is_proxy":0,"vhost_name":"blog.example.com"}]`},
	})
}
