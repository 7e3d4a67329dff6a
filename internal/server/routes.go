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
	tls     bool
	handler http.Handler
}

// ways is every way in but the local socket and the mail receiver. What a
// handler answers under which path stands in package wire; nothing else is
// served.
func (r Routes) ways(a Addresses) []way {
	return []way{
		{"account", a.Account, true, r.Account},
		{"account-plain", a.AccountPlain, false, r.AccountPlain},
		{"host", a.Host, true, r.Host},
		{"host-plain", a.HostPlain, false, r.HostPlain},
		{"webmail", a.Webmail, true, r.Webmail},
		{"webmail-plain", a.WebmailPlain, false, r.WebmailPlain},
	}
}
