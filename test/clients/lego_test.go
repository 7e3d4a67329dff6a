package clients

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/providers/dns/cpanel"
	"github.com/miekg/dns"
)

// TestLego lets lego's provider put up challenges and take them down, in both of
// its modes: what it has put up the name server answers at once, two values for
// one name too, and what it has taken down it does not. It finds the zone by
// asking the same name server.
func TestLego(t *testing.T) {
	a := newAccount(t)
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{os.Getenv("LATCHKEY_DNS")}}))
	t.Cleanup(func() { dns01.SetDefaultClient(dns01.NewClient(nil)) })
	for _, row := range []struct{ mode, base, user, token, want string }{
		{"cpanel", "LATCHKEY_URL", a.user, a.token, ""},
		{"whm", "LATCHKEY_WHM_URL", "root", os.Getenv("LATCHKEY_WHM_TOKEN"), ""},
		{"cpanel", "LATCHKEY_URL", a.user, os.Getenv("LATCHKEY_TOKEN"), "401"},
		{"whm", "LATCHKEY_WHM_URL", "root", a.token, "403"},
	} {
		config := cpanel.NewDefaultConfig()
		config.Mode, config.BaseURL, config.Username, config.Token = row.mode, os.Getenv(row.base), row.user, row.token
		config.HTTPClient = httpClient(t)
		provider, err := cpanel.NewDNSProviderConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		before := texts(t, "_acme-challenge."+a.domain)
		for _, step := range []struct {
			do  func(ctx context.Context, domain, token, key string) error
			key string
			up  []string // the keys that are up then
		}{
			{provider.Present, "key", []string{"key"}},
			{provider.Present, "other", []string{"key", "other"}},
			{provider.CleanUp, "key", []string{"other"}},
			{provider.CleanUp, "other", nil},
		} {
			err := step.do(t.Context(), a.domain, "", step.key)
			want := values(t, a.domain, step.up)
			if row.want != "" {
				want = before
			}
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("mode %s as %s: %v; want %q", row.mode, row.user, err, row.want)
			}
			if got := texts(t, "_acme-challenge."+a.domain); !slices.Equal(got, want) {
				t.Errorf("mode %s as %s: the name server says %q, want %q", row.mode, row.user, got, want)
			}
		}
	}
}

// values are what challenges with these keys have in their records, in an order.
func values(t *testing.T, domain string, keys []string) (list []string) {
	t.Helper()
	for _, key := range keys {
		list = append(list, dns01.GetChallengeInfo(t.Context(), domain, key).Value)
	}
	slices.Sort(list)
	return list
}

// texts are the texts that the sandbox's name server has for a name, in an order.
func texts(t *testing.T, name string) (list []string) {
	t.Helper()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.TypeTXT)
	reply, err := dns.Exchange(m, os.Getenv("LATCHKEY_DNS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rr := range reply.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			list = append(list, strings.Join(txt.Txt, ""))
		}
	}
	slices.Sort(list)
	return list
}
