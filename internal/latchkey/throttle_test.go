package latchkey

import (
	"net/netip"
	"testing"
)

func TestParseRange(t *testing.T) {
	for _, test := range []struct{ text, from, to string }{
		{"192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"192.0.2.0/24", "192.0.2.0", "192.0.2.255"},
		{"192.0.2.77/24", "192.0.2.0", "192.0.2.255"},
		{"192.0.2.1-192.0.2.9", "192.0.2.1", "192.0.2.9"},
		{"192.0.2.1 - 192.0.2.9", "192.0.2.1", "192.0.2.9"},
		{"DEED::1", "deed::1", "deed::1"},
		{"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
	} {
		r, err := ParseRange(test.text)
		if err != nil || r.From.String() != test.from || r.To.String() != test.to {
			t.Errorf("ParseRange(%q) = %v, %v", test.text, r, err)
		}
	}
	for _, text := range []string{"", "x", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::1", "192.0.2.0/33", "fe80::1%eth0", "192.0.2.1-", "-", "192.0.2.1\n"} {
		if r, err := ParseRange(text); err == nil {
			t.Errorf("ParseRange(%q) = %v, want an error", text, r)
		}
	}
}

func FuzzParseRange(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "192.0.2.0/24", "2001:db8::1-2001:db8::5", "::ffff:1.2.3.4/120"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRange(text)
		if err == nil && (!r.From.IsValid() || r.To.Less(r.From) || !r.Has(r.From) || !r.Has(r.To) || r.From.Is4In6()) {
			t.Errorf("ParseRange(%q) = %v", text, r)
		}
		if err != nil && r != (AddressRange{}) {
			t.Errorf("ParseRange(%q) failed and yet is %v", text, r)
		}
		if p, perr := netip.ParsePrefix(text); err == nil && perr == nil && !p.Addr().Is4In6() && (!p.Contains(r.From) || !p.Contains(r.To)) {
			t.Errorf("ParseRange(%q) = %v, which is not within", text, r)
		}
	})
}
