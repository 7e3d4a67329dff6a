package sites

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// ServeHTTP answers for the site that a request names.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		say(w, http.StatusMethodNotAllowed, "This server gives files out and takes nothing.")
		return
	}
	name, ok := hostOf(r.Host)
	if !ok || !strings.HasPrefix(r.URL.Path, "/") {
		say(w, http.StatusBadRequest, "The request names no site.")
		return
	}
	if s.proves(w, r, name) {
		return
	}
	site, tenant, status := s.asked(r, name)
	if status != 0 {
		say(w, status, "There is no site of this name here.")
		return
	}
	s.serve(rolling(w), r, name, site, tenant)
}

// asked is the site that r asks for; the status is 0, or why it gets none. Over
// TLS a request may name another site than the handshake did only if the two are
// one account's and under one certificate.
func (s *Server) asked(r *http.Request, name latchkey.Domain) (site *Site, tenant Tenant, status int) {
	if name == "" {
		return nil, tenant, http.StatusNotFound
	}
	site, tenant, err := s.site(r.Context(), name)
	if r.TLS == nil {
		return site, tenant, notFound(err)
	}
	shaken, _ := hostOf(r.TLS.ServerName)
	switch {
	case err != nil && shaken == name:
		status = notFound(err)
	case err != nil, site.Certificate == nil, shaken != name && !s.under(r, site, name, shaken):
		status = http.StatusMisdirectedRequest
	}
	return site, tenant, status
}

// under reports whether a site may be shown to who shook hands for another name.
func (s *Server) under(r *http.Request, site *Site, name, shaken latchkey.Domain) bool {
	other, _, err := s.site(r.Context(), shaken)
	return err == nil && other.Account == site.Account && other.Certificate != nil && other.Certificate.Leaf.VerifyHostname(string(name)) == nil
}

// notFound is the status for a name that the source does not know, or does not
// know of now; 0 for one that it knows.
func notFound(err error) int {
	if err == nil {
		return 0
	}
	if latchkey.KindOf(err) == latchkey.NotFound {
		return http.StatusNotFound
	}
	return http.StatusServiceUnavailable
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request, name latchkey.Domain, site *Site, tenant Tenant) {
	switch {
	case tenant.Suspended:
		w.Header().Set("Retry-After", "3600")
		w.Header().Set("Cache-Control", "no-store")
		say(w, http.StatusServiceUnavailable, "This site is suspended.")
	case r.TLS == nil && site.SecureOnly && site.Certificate != nil && !strings.HasPrefix(r.URL.Path, challengePath):
		s.toTLS(w, r, name)
	default:
		s.give(w, r, tenant, site)
	}
}

// toTLS sends who came without TLS to the same address with it.
func (s *Server) toTLS(w http.ResponseWriter, r *http.Request, name latchkey.Domain) {
	host := string(name)
	if _, port, err := net.SplitHostPort(s.secureAddress()); err == nil && port != "443" {
		host = net.JoinHostPort(host, port)
	}
	to := url.URL{Scheme: "https", Host: host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", to.String())
	w.WriteHeader(http.StatusMovedPermanently)
}

// hostOf is the name in a Host header or a handshake, in lower case and without
// a port; "" for an address.
func hostOf(text string) (latchkey.Domain, bool) {
	if len(text) > 260 {
		return "", false
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	text = strings.ToLower(strings.TrimSuffix(text, "."))
	if _, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return "", true
	}
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
		default:
			return "", false
		}
	}
	return latchkey.Domain(text), text != "" && text[0] != '.'
}

// say answers with a page of one sentence, which nothing of the request is in.
func say(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<!doctype html><title>"+http.StatusText(status)+"</title><p>"+text+"</p>\n")
}

// rolled is an answer whose client must keep taking it: each piece has the same
// time, however long the whole is.
type rolled struct {
	http.ResponseWriter
	control *http.ResponseController
}

func rolling(w http.ResponseWriter) *rolled { return &rolled{w, http.NewResponseController(w)} }

func (r *rolled) Write(b []byte) (int, error) {
	if err := r.control.SetWriteDeadline(time.Now().Add(stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return r.ResponseWriter.Write(b)
}
