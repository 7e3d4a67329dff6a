package wire

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/internal/latchkey"
)

// Proxies are the addresses of proxies whose word is taken for where a request
// comes from. There are none unless the administrator names them: anybody can
// send a header.
type Proxies []netip.Prefix

// ParseProxies reads addresses and ranges with commas between them.
func ParseProxies(text string) (Proxies, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	l, err := latchkey.ParseAddresses(strings.Split(text, ","))
	return Proxies(l.Ranges()), err
}

// Has reports whether a is one of the proxies.
func (p Proxies) Has(a netip.Addr) bool {
	return slices.ContainsFunc(p, func(x netip.Prefix) bool { return x.Contains(a) })
}

// origin is where a request comes from that peer has brought: the last address
// of X-Forwarded-For that is no proxy itself. What stands before that one was
// written by who knows whom. Where it cannot be read, the proxy whose word it
// is counts.
func (p Proxies) origin(r *http.Request, peer netip.Addr) netip.Addr {
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	at := peer
	for _, text := range slices.Backward(said) {
		if !p.Has(at) {
			break
		}
		a, ok := hop(strings.TrimSpace(text))
		if !ok {
			break
		}
		at = a
	}
	return at
}

// hop is an address as proxies write it: some add the port.
func hop(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		at, bad := netip.ParseAddrPort(text)
		a, err = at.Addr(), bad
	}
	return a.Unmap().WithZone(""), err == nil && !a.IsUnspecified()
}

// saysClear reports whether a proxy says that a request came to it without TLS.
func saysClear(r *http.Request) bool {
	said := r.Header.Values("X-Forwarded-Proto")
	if len(said) == 0 {
		return false
	}
	last := said[len(said)-1]
	return strings.EqualFold(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]), "http")
}
