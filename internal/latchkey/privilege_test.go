package latchkey

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestPrivileges(t *testing.T) {
	all := Privileges()
	if len(all) != 61 {
		t.Errorf("there are %d privileges, want 61", len(all))
	}
	var last string
	for _, p := range all {
		name := p.String()
		if name <= last {
			t.Errorf("%q stands after %q", name, last)
		}
		last = name
		if got, ok := ParsePrivilege(name); !ok || got != p {
			t.Errorf("ParsePrivilege(%q) = %v, %v", name, got, ok)
		}
		if !AllPrivileges.Has(p) || PrivilegeSet(0).Has(p) || !PrivilegesOf(PrivilegeAll).Has(p) {
			t.Errorf("%s: not in all, or in none", name)
		}
		one := PrivilegesOf(p)
		if got := one.Names(); p != PrivilegeAll && !slices.Equal(got, []string{name}) {
			t.Errorf("the set of %s has %v", name, got)
		}
		text, err := one.MarshalText()
		var back PrivilegeSet
		if err != nil || back.UnmarshalText(text) != nil || back != one {
			t.Errorf("the set of %s comes back as %v from %q", name, back.Names(), text)
		}
	}
	for _, name := range []string{"", "ALL", "passwd ", "frontpage"} {
		if p, ok := ParsePrivilege(name); ok {
			t.Errorf("ParsePrivilege(%q) = %v", name, p)
		}
	}
}

func TestPrivilegeSet(t *testing.T) {
	two := PrivilegesOf(PrivilegePassword, PrivilegeQuota)
	one := PrivilegesOf(PrivilegeQuota)
	every := PrivilegesOf(PrivilegeAll)
	for _, c := range []struct {
		name      string
		got, want bool
	}{
		{"none has none", PrivilegeSet(0).Has(NoPrivilege), false},
		{"all has none", AllPrivileges.Has(NoPrivilege), false},
		{"one within two", one.Within(two), true},
		{"two within one", two.Within(one), false},
		{"two within all", two.Within(every), true},
		{"all within two", every.Within(two), false},
		{"all within all but all", every.Within(AllPrivileges &^ (1 << PrivilegeAll)), false},
		{"nothing within nothing", PrivilegeSet(0).Within(0), true},
		{"all and two", every.And(two) == two, true},
		{"two and one", two.And(one) == one, true},
		{"all is whole", every == AllPrivileges, true},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v", c.name, c.got)
		}
	}
	var s PrivilegeSet
	if _ = s.UnmarshalText([]byte("quota,nonsense,,passwd")); s != two {
		t.Errorf("read %v, want %v", s.Names(), two.Names())
	}
}

func TestAddresses(t *testing.T) {
	l, err := ParseAddresses([]string{"192.0.2.1", " 192.0.2.13/29", "2001:DB8::1", "2620:0:28a4::7/48", "::ffff:198.51.100.9", "192.0.2.1/32", "::ffff:203.0.113.0/120"})
	const want = "192.0.2.1/32,192.0.2.8/29,2001:db8::1/128,2620:0:28a4::/48,198.51.100.9/32,203.0.113.0/24"
	if err != nil || l != want {
		t.Fatalf("ParseAddresses = %q, %v, want %q", l, err, want)
	}
	texts := []string{"192.0.2.1", "192.0.2.8/29", "2001:0db8:0000:0000:0000:0000:0000:0001", "2620:0000:28a4:0000:0000:0000:0000:0000/48", "198.51.100.9", "203.0.113.0/24"}
	if got := l.Texts(); !slices.Equal(got, texts) {
		t.Errorf("Texts = %q, want %q", got, texts)
	}
	for addr, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.2": false, "192.0.2.8": true, "192.0.2.15": true, "192.0.2.16": false, "::ffff:192.0.2.9": true,
		"2001:db8::1": true, "2001:db8::2": false, "2620:0:28a4:ffff::": true, "2620:0:28a5::": false, "198.51.100.9": true, "203.0.113.77": true,
		"fe80::1%eth0": false, "::": false, "0.0.0.0": false,
	} {
		if got := l.Ranges().Contain(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Contain(%s) = %v, want %v", addr, got, want)
		}
	}
	for _, bad := range []string{"", "any", "192.0.2", "192.0.2.1/33", "192.0.2.1/-1", "192.0.2.1/08", "2001:db8::1%eth0", "::ffff:192.0.2.1/64", "host.example", "1.2.3.4,5.6.7.8", "0x7f.1", strings.Repeat("1", 100)} {
		if l, err := ParseAddresses([]string{"192.0.2.1", bad}); err == nil {
			t.Errorf("ParseAddresses(%q) = %q", bad, l)
		}
	}
	if !Ranges(nil).Contain(netip.Addr{}) || !Addresses("").Ranges().Contain(netip.MustParseAddr("192.0.2.1")) {
		t.Error("a token without addresses cannot be used everywhere")
	}
	for _, c := range []struct {
		l, other Addresses
		want     bool
	}{
		{"", "", true}, {"192.0.2.1/32", "", true}, {"", "192.0.2.1/32", false}, {"192.0.2.1/32", "192.0.2.0/24", true}, {"192.0.2.0/24", "192.0.2.1/32", false},
		{"192.0.2.1/32,10.0.0.0/8", "192.0.2.0/24", false}, {"192.0.2.1/32,10.1.0.0/16", "192.0.2.0/24,10.0.0.0/8", true}, {"2001:db8::/48", "0.0.0.0/0", false},
	} {
		if got := c.l.Within(c.other); got != c.want {
			t.Errorf("%q within %q: %v", c.l, c.other, got)
		}
	}
	for _, broken := range []Addresses{"x", ",", "192.0.2.1"} {
		if broken.Ranges().Contain(netip.MustParseAddr("192.0.2.1")) || broken.Ranges().Contain(netip.Addr{}) {
			t.Errorf("%q contains an address", broken)
		}
	}
}

func FuzzParseAddresses(f *testing.F) {
	f.Add("192.0.2.1", "2001:db8::/32")
	f.Add("::ffff:192.0.2.1/97", " 10.0.0.0/8")
	f.Fuzz(func(t *testing.T, a, b string) {
		l, err := ParseAddresses([]string{a, b})
		if err != nil {
			return
		}
		var texts []string
		for _, p := range l.Ranges() {
			if !p.IsValid() || !l.Ranges().Contain(p.Addr()) {
				t.Fatalf("%q, %q: %q has a range that holds nothing", a, b, l)
			}
			texts = append(texts, p.String())
		}
		again, err := ParseAddresses(texts)
		if err != nil || again != l {
			t.Fatalf("%q, %q: %q is read again as %q, %v", a, b, l, again, err)
		}
		if shown, err := ParseAddresses(l.Texts()); err != nil || shown != l {
			t.Fatalf("%q, %q: %q is shown as %q, %v", a, b, l, shown, err)
		}
	})
}
