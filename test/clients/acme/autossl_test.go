package acme

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestAutoSSL lets the server get certificates by itself for the domains of an
// account, in the way of this sandbox, and tells why it got none for a name that
// the authority does not find.
func TestAutoSSL(t *testing.T) {
	user, token, domain := os.Getenv("LATCHKEY_OTHER_USER"), os.Getenv("LATCHKEY_OTHER_TOKEN"), os.Getenv("LATCHKEY_OTHER_DOMAIN")
	want := []string{"mail." + domain, "www." + domain, domain}
	if os.Getenv(methodVar) == "wildcard" {
		want = []string{"*." + domain, domain}
	} else {
		does(t, user, token, "SSL/add_autossl_excluded_domains", "domains", "mail."+domain)
		want = want[1:]
	}
	slices.Sort(want)
	check(t, user, token)
	for _, name := range []string{domain, "www." + domain} {
		shown, err := served(t, name)
		if err != nil {
			t.Fatalf("the site %s: %v; problems: %s", name, err, does(t, user, token, "SSL/get_autossl_problems").Data)
		}
		if got := slices.Sorted(slices.Values(shown.DNSNames)); !slices.Equal(got, want) {
			t.Errorf("the site %s shows a certificate for %q, want %q", name, got, want)
		}
	}
	// What stands is not got anew.
	before, _ := served(t, domain)
	check(t, user, token)
	if after, err := served(t, domain); err != nil || !after.Equal(before) {
		t.Errorf("another check got another certificate (%v)", err)
	}
	// The proofs are gone.
	if zone := string(does(t, user, token, "DNS/parse_zone", "zone", domain).Data); strings.Contains(zone, "X2FjbWUtY2hhbGxlbmdl") { // _acme-challenge
		t.Errorf("proofs are left in the zone: %s", zone)
	}
}

// TestProblems leaves a name that cannot be proved out of the certificate, and
// says why.
func TestProblems(t *testing.T) {
	if os.Getenv(methodVar) != "http-01" {
		t.Skip("names are not proved one by one")
	}
	user, token, domain := os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_TOKEN"), os.Getenv("LATCHKEY_DOMAIN")
	zone := does(t, user, token, "DNS/parse_zone", "zone", domain)
	does(t, user, token, "DNS/mass_edit_zone", "zone", domain, "serial", serial(t, zone.Data), "remove", line(t, zone.Data, "mail"))
	check(t, user, token)
	shown, err := served(t, domain)
	if err != nil {
		t.Fatalf("the site: %v; problems: %s", err, does(t, user, token, "SSL/get_autossl_problems").Data)
	}
	if got, want := slices.Sorted(slices.Values(shown.DNSNames)), []string{domain, "www." + domain}; !slices.Equal(got, want) {
		t.Errorf("the site shows a certificate for %q, want %q", got, want)
	}
	var problems []struct{ Domain, Problem, Time string }
	if err := json.Unmarshal(does(t, user, token, "SSL/get_autossl_problems").Data, &problems); err != nil || len(problems) != 1 ||
		problems[0].Domain != "mail."+domain || problems[0].Problem == "" {
		t.Errorf("problems: %v, %v", problems, err)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", problems[0].Time); err != nil {
		t.Error(err)
	}
}

// TestHosts looks at what TestAutoSSL and others have left: whoever lists the hosts
// is told which certificates the server got by itself.
func TestHosts(t *testing.T) {
	user, token := os.Getenv("LATCHKEY_OTHER_USER"), os.Getenv("LATCHKEY_OTHER_TOKEN")
	check(t, user, token)
	if hosts := string(does(t, user, token, "SSL/installed_hosts").Data); !strings.Contains(hosts, `"is_autossl":1`) {
		t.Errorf("installed_hosts does not tell of AutoSSL: %s", hosts)
	}
}

// check has the account's domains checked, and waits until that is done.
func check(t *testing.T, user, token string) {
	t.Helper()
	does(t, user, token, "SSL/start_autossl_check")
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if string(does(t, user, token, "SSL/is_autossl_check_in_progress").Data) == "0" {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the check does not end")
		}
	}
}
