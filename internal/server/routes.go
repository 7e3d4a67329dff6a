package server

import "net/http"

// Routes are the handlers behind the ways in.
type Routes struct {
	Account, AccountPlain http.Handler // an account's API
	Host, HostPlain       http.Handler // the administrator's API
	Webmail, WebmailPlain http.Handler // a mailbox's API
	Local                 http.Handler // the local socket
}

// way is one way into the server over the network.
type way struct {
	name    string
	address string
	tls     string // the way with TLS to the same; its own name if it is one
	handler http.Handler
}

// ways is every way in but the local socket and the mail receiver. What a
// handler answers under which path stands in package wire; nothing else is
// served.
func (r Routes) ways(a Addresses) []way {
	return []way{
		{"account", a.Account, "account", r.Account},
		{"account-plain", a.AccountPlain, "account", r.AccountPlain},
		{"host", a.Host, "host", r.Host},
		{"host-plain", a.HostPlain, "host", r.HostPlain},
		{"webmail", a.Webmail, "webmail", r.Webmail},
		{"webmail-plain", a.WebmailPlain, "webmail", r.WebmailPlain},
		{"services", a.Services, "services", serviceNames{r.Account, r.Host, r.Webmail}},
	}
}
