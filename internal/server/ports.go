package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// toTLS stands before a port without TLS. Who comes over a network and shows no
// credentials is sent to the port with TLS; who shows some goes on, to be
// refused: they are lost, and a redirect would ask for them once more.
type toTLS struct {
	http.Handler
	host string        // the server's own name: not what the request says
	port func() string // with TLS, "" if there is none
}

func (h toTLS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	port := h.port()
	if port == "" || !isPage(r) || fromHere(r) {
		h.Handler.ServeHTTP(w, r)
		return
	}
	to := url.URL{Scheme: "https", Host: net.JoinHostPort(h.host, port), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
}

// isPage reports whether r asks for something and brings nothing that is secret.
func isPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && strings.HasPrefix(r.URL.Path, "/") &&
		r.Header["Authorization"] == nil && r.Header["Cookie"] == nil &&
		!strings.Contains(r.URL.RawQuery, "pass") && !strings.Contains(r.URL.RawQuery, "session=")
}

// fromHere reports whether r comes from this machine.
func fromHere(r *http.Request) bool {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// serviceNames answers on one port for all doors with TLS: the first word of the
// host that a request names says which one is meant.
type serviceNames struct{ account, host, webmail http.Handler }

func (s serviceNames) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, _, _ := strings.Cut(strings.ToLower(r.Host), ".")
	switch name {
	case "cpanel":
		s.account.ServeHTTP(w, r)
	case "whm":
		s.host.ServeHTTP(w, r)
	case "webmail":
		s.webmail.ServeHTTP(w, r)
	default:
		http.Error(w, "There is nothing here. On this port the API is under the names cpanel., whm. and webmail. of a host.", http.StatusNotFound)
	}
}
