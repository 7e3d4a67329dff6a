package emailauth

import (
	"context"
	"net/netip"
	"strings"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/zone"
)

const spfVersion = "v=spf1"

type installSPFParams struct {
	domainsParams
	Records []string `param:"record" doc:"The record of the domain that has the same place in the list; it begins with v=spf1."`
}

// UAPI: EmailAuth::install_spf_records.
func installSPF(ctx context.Context, acct hosting.Account, p installSPFParams) ([]done, error) {
	return each(ctx, acct, p.Domains, func(z *zone.Zone, i int) (string, error) {
		if len(p.Records) != len(p.Domains) {
			return "", latchkey.InvalidParam("record", "Give as many records as domains, in the same order.")
		}
		text := strings.TrimSpace(p.Records[i])
		if !hosting.BeginsWith(text, spfVersion) || !plain(text) {
			return "", latchkey.InvalidParam("record", "An SPF record must begin with “%s” and a space, and have letters, digits and signs of ASCII alone.", spfVersion)
		}
		return set(ctx, acct, z.Name(), string(p.Domains[i].Domain)+".", spfVersion, text)
	})
}

// plain reports whether a text is printable ASCII, and no longer than records of
// its kind are read.
func plain(s string) bool {
	return len(s) <= 2048 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

type spfState struct {
	Domain   latchkey.Domain `json:"domain"`
	Error    string          `json:"error,omitempty"`
	Expected string          `json:"expected"`
	IP       string          `json:"ip_address"`
	Version  int             `json:"ip_version"`
	Records  []record        `json:"records"`
	State    string          `json:"state"`
}

// UAPI: EmailAuth::validate_current_spfs. It looks into the account's own zones: a
// record that asks about other domains is not decided here.
func validateSPF(ctx context.Context, acct hosting.Account, p domainsParams) ([]spfState, error) {
	ip, err := netip.ParseAddr(acct.Server().IP)
	if err != nil {
		return nil, latchkey.Errorf(latchkey.Unavailable, "The server does not know its address: ask the administrator to set ip.")
	}
	list := make([]spfState, len(p.Domains))
	for i, d := range p.Domains {
		z, err := hosting.ZoneOf(ctx, acct.Zones(), d.Domain)
		if err != nil {
			return nil, err
		}
		s := &list[i]
		s.Domain, s.IP, s.Version, s.Records, s.State = d.Domain, ip.String(), 4, []record{}, "MISSING"
		mechanism := "ip4"
		if !ip.Is4() {
			s.Version, mechanism = 6, "ip6"
		}
		s.Expected = spfVersion + " +a +mx +" + mechanism + ":" + s.IP + " ~all"
		for _, t := range hosting.Texts(z, string(d.Domain)+".", spfVersion) {
			state, reason := spf(z, d.Domain, t.Text, ip)
			s.Records = append(s.Records, record{t.Text, reason, state})
		}
		switch {
		case len(s.Records) > 1:
			s.State = "MULTIPLE"
		case len(s.Records) == 1 && s.Records[0].State == "PASS":
			s.State = "VALID"
		case len(s.Records) == 1:
			s.State = "MISMATCHED"
		}
	}
	return list, nil
}

// outcomes are what the first sign of a mechanism says of who matches.
var outcomes = map[byte]string{'+': "PASS", '-': "FAIL", '~': "SOFTFAIL", '?': "NEUTRAL"}

// spf is what a record says of mail from ip (RFC 7208), and by which of its words.
func spf(z *zone.Zone, domain latchkey.Domain, text string, ip netip.Addr) (state, reason string) {
	for _, word := range strings.Fields(text)[1:] {
		outcome, mechanism := "PASS", word
		if o, ok := outcomes[word[0]]; ok {
			outcome, mechanism = o, word[1:]
		}
		matches, known := matches(z, domain, strings.ToLower(mechanism), ip)
		switch {
		case !known:
			return "TEMPERROR", "“" + word + "” asks about other domains, which this server does not look up."
		case matches:
			return outcome, word
		}
	}
	return "NEUTRAL", "No word of the record is about the address."
}

// matches reports whether a mechanism is about ip, as far as that can be told
// from the zone.
func matches(z *zone.Zone, domain latchkey.Domain, mechanism string, ip netip.Addr) (is, known bool) {
	name, value, _ := strings.Cut(mechanism, ":")
	name, _, lengths := strings.Cut(name, "/")
	switch {
	case name == "all":
		return true, true
	case name == "ip4" || name == "ip6":
		net, err := netip.ParsePrefix(value)
		if err != nil {
			a, err := netip.ParseAddr(value)
			return err == nil && a == ip, true
		}
		return net.Contains(ip), true
	case (name == "a" || name == "mx") && !lengths && !strings.ContainsAny(value, "/%"):
		host := string(domain)
		if value != "" {
			host = strings.TrimSuffix(value, ".")
		}
		if name == "a" {
			return has(z, host, ip)
		}
		return mxHas(z, host, ip)
	case strings.Contains(name, "=") && !strings.HasPrefix(name, "redirect="):
		return false, true // a modifier
	}
	return false, false
}

// has reports whether a host of the zone has the address ip.
func has(z *zone.Zone, host string, ip netip.Addr) (is, known bool) {
	for range 8 {
		if host != string(z.Name()) && !strings.HasSuffix(host, "."+string(z.Name())) {
			return false, false
		}
		alias := ""
		for _, e := range z.Named(host + ".") {
			switch d := strings.Join(e.Data(), ""); e.Type() {
			case "A", "AAAA":
				if a, err := netip.ParseAddr(d); err == nil && a == ip {
					return true, true
				}
			case "CNAME":
				alias = strings.ToLower(strings.TrimSuffix(d, "."))
			}
		}
		if alias == "" {
			return false, true
		}
		host = alias
	}
	return false, false
}

// mxHas reports whether a mail exchanger of a host has the address ip.
func mxHas(z *zone.Zone, host string, ip netip.Addr) (is, known bool) {
	known = host == string(z.Name()) || strings.HasSuffix(host, "."+string(z.Name()))
	for _, e := range z.Named(host + ".") {
		if d := e.Data(); e.Type() == "MX" && len(d) == 2 {
			here, sure := has(z, strings.ToLower(strings.TrimSuffix(d[1], ".")), ip)
			if here {
				return true, true
			}
			known = known && sure
		}
	}
	return false, known
}

type ptrState struct {
	Arpa        string          `json:"arpa_domain"`
	Domain      latchkey.Domain `json:"domain"`
	Error       string          `json:"error"`
	Helo        string          `json:"helo"`
	IP          string          `json:"ip_address"`
	Version     int             `json:"ip_version"`
	Nameservers []string        `json:"nameservers"`
	Records     []string        `json:"ptr_records"`
	State       string          `json:"state"`
}

// UAPI: EmailAuth::validate_current_ptrs. Whose the names of addresses are is
// asked of the world's name servers, and those are not asked here.
func validatePTR(ctx context.Context, acct hosting.Account, p domainsParams) ([]ptrState, error) {
	ip, err := netip.ParseAddr(acct.Server().IP)
	if err != nil {
		return nil, latchkey.Errorf(latchkey.Unavailable, "The server does not know its address: ask the administrator to set ip.")
	}
	list := make([]ptrState, len(p.Domains))
	for i, d := range p.Domains {
		if _, err := hosting.ZoneOf(ctx, acct.Zones(), d.Domain); err != nil {
			return nil, err
		}
		list[i] = ptrState{Arpa: arpa(ip), Domain: d.Domain, Helo: acct.Server().Hostname, IP: ip.String(), Version: 4, Nameservers: []string{}, Records: []string{},
			State: "ERROR", Error: "This server does not look up the names of addresses: ask a resolver for the PTR record."}
		if !ip.Is4() {
			list[i].Version = 6
		}
		if ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
			list[i].State, list[i].Error = "IP_IS_PRIVATE", ""
		}
	}
	return list, nil
}

// arpa is the name that the PTR record of an address has.
func arpa(ip netip.Addr) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	bytes := ip.AsSlice()
	if ip.Is4() {
		return netip.AddrFrom4([4]byte{bytes[3], bytes[2], bytes[1], bytes[0]}).String() + ".in-addr.arpa"
	}
	for i := len(bytes) - 1; i >= 0; i-- {
		b.WriteString(string([]byte{digits[bytes[i]&15], '.', digits[bytes[i]>>4], '.'}))
	}
	return b.String() + "ip6.arpa"
}
