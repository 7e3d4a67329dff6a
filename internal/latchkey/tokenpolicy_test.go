package latchkey

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func rulesOf(list []Breach) (rules []string) {
	for _, b := range list {
		rules = append(rules, string(b.Rule))
	}
	return rules
}

// What a package says counts over the server's policy; a reseller's package can
// only ask for more.
func TestAppliedPolicy(t *testing.T) {
	strict := TokenPolicy{Makers: OwnerAlone, LongestDays: 90, DefaultDays: 30, UnusedDays: 60, Addresses: Yes, FullAccess: No}
	loose := TokenPolicy{Makers: AnyMaker, LongestDays: NoDays, DefaultDays: NoDays, UnusedDays: NoDays, Addresses: No, FullAccess: Yes}
	all := []Rule{RuleMakers, RuleLongest, RuleDefault, RuleUnused, RuleAddresses, RuleFull}
	for _, test := range []struct {
		what         string
		server, pack TokenPolicy
		name         string
		want         TokenPolicy
		of           []Rule // whose rule is the package's
	}{
		{"nothing said", TokenPolicy{}, TokenPolicy{}, "gold", TokenPolicy{}, nil},
		{"the server alone", strict, TokenPolicy{}, "gold", strict, nil},
		{"the package alone", TokenPolicy{}, strict, "gold", strict, all},
		{"a package lifts all", strict, loose, "gold", loose, all},
		{"a reseller's lifts nothing", strict, loose, "shop_gold", strict, nil},
		{"a reseller's asks for more", loose, strict, "shop_gold", strict, all},
		{"a reseller's, nothing said by the server", TokenPolicy{}, strict, "shop_gold", strict, all},
		{"a reseller's, shorter", TokenPolicy{LongestDays: 90, Makers: OwnerAlone}, TokenPolicy{LongestDays: 30, Makers: Administrator, UnusedDays: NoDays}, "shop_gold",
			TokenPolicy{LongestDays: 30, Makers: Administrator}, []Rule{RuleMakers, RuleLongest}},
		{"a reseller's, longer", TokenPolicy{LongestDays: 90}, TokenPolicy{LongestDays: 91}, "shop_gold", TokenPolicy{LongestDays: 90}, nil},
		{"a package, longer", TokenPolicy{LongestDays: 90}, TokenPolicy{LongestDays: 91}, "gold", TokenPolicy{LongestDays: 91}, []Rule{RuleLongest}},
	} {
		got := test.server.For(test.name, test.pack)
		if got.TokenPolicy != test.want {
			t.Errorf("%s: %+v, want %+v", test.what, got.TokenPolicy, test.want)
		}
		var of []Rule
		for _, r := range all {
			if got.Whose(r) == "the package “"+test.name+"”" {
				of = append(of, r)
			} else if got.Whose(r) != "the server" {
				t.Errorf("%s: %s is of %s", test.what, r, got.Whose(r))
			}
		}
		if d := cmp.Diff(test.of, of); d != "" {
			t.Errorf("%s: the package's (-want +got):\n%s", test.what, d)
		}
	}
}

func TestBreaches(t *testing.T) {
	p := TokenPolicy{LongestDays: 90, UnusedDays: 30, Addresses: Yes, FullAccess: No}.For("gold", TokenPolicy{})
	good := Token{Expires: noon.AddDate(0, 0, 90), Terms: Terms{UnusedDays: 30}, Addresses: "192.0.2.1/32", Grants: "Quota:read", Created: noon}
	for _, test := range []struct {
		what   string
		change func(*Token)
		want   string
	}{
		{"one that keeps all", func(*Token) {}, ""},
		{"a second too long", func(k *Token) { k.Expires = k.Expires.Add(time.Second) }, "longest_days"},
		{"for ever", func(k *Token) { k.Expires = time.Time{} }, "longest_days"},
		{"never ends unused", func(k *Token) { k.UnusedDays = 0 }, "unused_days"},
		{"ends unused too late", func(k *Token) { k.UnusedDays = 31 }, "unused_days"},
		{"from everywhere", func(k *Token) { k.Addresses = "" }, "require_addresses"},
		{"from everywhere, in words", func(k *Token) { k.Addresses = "0.0.0.0/0,::/0" }, "require_addresses"},
		{"from everywhere, in halves", func(k *Token) { k.Addresses = "0.0.0.0/1,128.0.0.0/1" }, "require_addresses"},
		{"from everywhere in IPv6", func(k *Token) { k.Addresses = "192.0.2.1/32,2000::/3" }, "require_addresses"},
		{"from an office and all private networks", func(k *Token) { k.Addresses = "192.0.2.0/24,10.0.0.0/8,172.16.0.0/12,2001:db8::/32" }, ""},
		{"full access", func(k *Token) { k.Grants = "" }, "full_access"},
		{"read only", func(k *Token) { k.Grants, k.ReadOnly = "", true }, ""},
		{"all of them", func(k *Token) { *k = Token{} }, "longest_days unused_days require_addresses full_access"},
		{"expired", func(k *Token) { *k = Token{Expires: noon} }, ""},
	} {
		k := good
		test.change(&k)
		if got := strings.Join(rulesOf(p.Breaches(&k, noon)), " "); got != test.want {
			t.Errorf("%s: breaks %q, want %q", test.what, got, test.want)
		}
		if got := (TokenPolicy{}).For("gold", TokenPolicy{}).Breaches(&k, noon); got != nil {
			t.Errorf("%s: breaks %v without a policy", test.what, got)
		}
	}
	want := "The policy of the server allows tokens of at most 90 days: give expires_at up to 1803211200."
	if b := p.Breaches(&Token{}, noon)[0]; b.Text != want || b.Error().Param != "expires_at" || b.Error().Kind != Denied {
		t.Errorf("%+v, want %q", b, want)
	}
}

// A token is given what it was not given, and then keeps the rules about that.
func TestComplete(t *testing.T) {
	for _, test := range []struct {
		p      TokenPolicy
		k      Token
		ends   int // days
		unused int
	}{
		{TokenPolicy{}, Token{}, 0, 0},
		{TokenPolicy{DefaultDays: 30}, Token{}, 30, 0},
		{TokenPolicy{DefaultDays: 30, LongestDays: 7}, Token{}, 7, 0}, // a package's over the server's
		{TokenPolicy{DefaultDays: NoDays, LongestDays: 7}, Token{}, 0, 0},
		{TokenPolicy{DefaultDays: 30, UnusedDays: 10}, Token{Expires: noon.AddDate(0, 0, 3)}, 3, 10},
		{TokenPolicy{UnusedDays: 10}, Token{Terms: Terms{UnusedDays: 5}}, 0, 5},
		{TokenPolicy{UnusedDays: NoDays}, Token{}, 0, 0},
	} {
		k := test.k
		test.p.For("gold", TokenPolicy{}).Complete(&k, noon.Add(time.Millisecond))
		ends := 0
		if !k.Expires.IsZero() {
			ends = int(k.Expires.Sub(noon) / Day)
		}
		if ends != test.ends || k.UnusedDays != test.unused || k.Expires.Nanosecond() != 0 {
			t.Errorf("%+v: ends %v, unused days %d; want %d days, %d", test.p, k.Expires, k.UnusedDays, test.ends, test.unused)
		}
	}
}

func TestMayMake(t *testing.T) {
	callers := []*Caller{{Kind: ByPassword}, {Kind: BySession}, {Kind: ByLocal}, {Kind: ByToken}, {Kind: ByToken, Through: &Caller{Kind: ByToken}}}
	for makers, want := range map[TokenMakers]string{"": "11111", AnyMaker: "11111", OwnerAlone: "11101", Administrator: "00001"} {
		got := ""
		for _, c := range callers {
			b, ok := TokenPolicy{Makers: makers}.For("gold", TokenPolicy{}).MayMake(c)
			if got += map[bool]string{true: "1", false: "0"}[ok]; ok != (b.Text == "") {
				t.Errorf("%s, %v: %v, and says %q", makers, c.Kind, ok, b.Text)
			}
		}
		if got != want {
			t.Errorf("%q: password, session, local, token, through WHM: %s, want %s", makers, got, want)
		}
	}
}
