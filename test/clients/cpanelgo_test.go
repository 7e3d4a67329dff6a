package clients

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/letsencrypt-cpanel/cpanelgo"
	"github.com/letsencrypt-cpanel/cpanelgo/cpanel"
	"github.com/letsencrypt-cpanel/cpanelgo/whm"
)

// cpanelgo's ways to an account: the account's own password on 2083, and WHM's
// pass-through on 2087, by POST without Content-Type.
func gateways(t *testing.T, a account) map[string]cpanel.CpanelApi {
	t.Helper()
	own, err := cpanel.NewJsonApiWithClient("127.0.0.1", a.user, a.password, false, httpClient(t))
	if err != nil {
		t.Fatal(err)
	}
	// A one-time password beside the token: there is no constructor that takes both a
	// secret and a client.
	admin := whmClient(t)
	admin.TotpSecret = "JBSWY3DPEHPK3PXP"
	return map[string]cpanel.CpanelApi{
		"own":           own,
		"impersonation": whm.NewWhmImpersonationApiWithClient("127.0.0.1", "root", os.Getenv("LATCHKEY_WHM_TOKEN"), a.user, false, httpClient(t)),
		"one-time":      {Api: cpanelgo.NewApi(&whm.WhmImpersonationApi{Impersonate: a.user, WhmApi: admin})},
	}
}

func whmClient(t *testing.T) whm.WhmApi {
	return whm.NewWhmApiAccessHashWithClient("127.0.0.1", "root", os.Getenv("LATCHKEY_WHM_TOKEN"), false, httpClient(t))
}

// reply is a UAPI answer as cpanelgo's own types have it.
type reply[T any] struct {
	cpanelgo.BaseUAPIResponse
	Data T `json:"data"`
}

// reply2 is an API 2 answer.
type reply2 struct {
	cpanelgo.BaseAPI2Response
	Data []struct {
		Result int    `json:"result"`
		Reason string `json:"reason"`
	} `json:"data"`
}

func TestCpanelgoReads(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for name, api := range gateways(t, a) {
		t.Run(name, func(t *testing.T) {
			domains, err := api.DomainsData()
			if err != nil || !slices.Equal(domains.DomainList(), []string{a.domain}) {
				t.Errorf("DomainsData() = %v, %v; want %s alone", domains.DomainList(), err, a.domain)
			}
			main := domains.Data.MainDomain
			want := cpanel.DomainsDataDomain{
				Domain: a.domain, ServerName: a.domain, User: a.user, Ip: main.Ip, DocumentRoot: main.DocumentRoot,
				ServerAlias: "mail." + a.domain + " www." + a.domain,
			}
			if main != want || main.Ip == "" || !strings.HasSuffix(main.DocumentRoot, "/"+a.user+"/public_html") {
				t.Errorf("DomainsData(): the main domain is %+v; want %+v", main, want)
			}
			if parked, err := api.ListParkedDomains(); err != nil || len(parked.Data) != 0 {
				t.Errorf("ListParkedDomains() = %+v, %v; want none", parked, err)
			}
			one, err := api.SingleDomainData(a.domain)
			if err != nil || one.Status != 1 || one.Data.Domain != a.domain || one.Data.DocumentRoot != main.DocumentRoot {
				t.Errorf("SingleDomainData(%s) = %+v, %v", a.domain, one, err)
			}
			if one, err := api.SingleDomainData("example.com"); err != nil || one.Status != 0 || one.Data.Domain != "" {
				t.Errorf("SingleDomainData of another's domain = %+v, %v; want status 0", one, err)
			}
			hosts, err := api.WebVhostsListDomains()
			if err != nil || !slices.ContainsFunc(hosts.Data, func(h cpanel.VhostEntry) bool { return h.Domain == a.domain && h.VhostName == a.domain }) {
				t.Errorf("WebVhostsListDomains() = %+v, %v; want %s among them", hosts.Data, err, a.domain)
			}
			quota, err := api.GetQuotaInfo()
			if err != nil || quota.Data.UnderQuotaOverall == nil || !quota.IsUnderQuota() {
				t.Errorf("GetQuotaInfo() = %+v, %v; want to be under quota", quota, err)
			}
			locale, err := api.GetLocaleAttributes()
			if got := fmt.Sprint(locale.Data); err != nil || got != "{ltr English en utf-8}" {
				t.Errorf("GetLocaleAttributes() = %s, %v", got, err)
			}
		})
	}
}

func TestCpanelgoFeatures(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	features := func(t *testing.T, want string) {
		t.Helper()
		for name, api := range gateways(t, a) {
			message, err := api.HasFeature("popaccts")
			if got := fmt.Sprint(message, err); got != want {
				t.Errorf("%s: HasFeature(popaccts) = %s; want %s", name, got, want)
			}
		}
	}
	features(t, "<nil>")
	asRoot(t, "add_override_features_for_user", "user", a.user, "features", `{"popaccts":"0"}`)
	features(t, "The feature “popaccts” exists but is not enabled.<nil>")
	asRoot(t, "remove_override_features_for_user", "user", a.user, "features", `["popaccts"]`)
	features(t, "<nil>")
}

func TestCpanelgoMailboxes(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	const first, second = "x y&z=1+%2B\"ü", "another 'one;<>"
	for name, api := range gateways(t, a) {
		t.Run(name, func(t *testing.T) {
			var made, listed reply[any]
			bob, alice := "bob@"+a.domain, "alice@"+a.domain
			call := func(fn string, args cpanelgo.Args) {
				t.Helper()
				made = reply[any]{}
				if err := api.Gateway.UAPI("Email", fn, args, &made); err != nil || made.Error() != nil {
					t.Fatalf("Email::%s: %v, %v", fn, err, made.Error())
				}
			}
			call("add_pop", cpanelgo.Args{"email": "bob", "password": first, "quota": 10})
			if made.Data != "bob+"+a.domain {
				t.Errorf("add_pop answers %v", made.Data)
			}
			var again reply2
			if err := api.Gateway.API2("Email", "addpop", cpanelgo.Args{"email": "alice", "domain": a.domain, "password": first, "quota": 0}, &again); err != nil || again.Error() != nil || again.Data[0].Result != 1 {
				t.Errorf("API 2 addpop: %+v, %v", again, err)
			}
			if got := a.mailboxes(t); !slices.Equal(got, []string{alice, bob}) {
				t.Errorf("the mailboxes are %v", got)
			}
			if !a.opens(t, bob, first) || !a.opens(t, alice, first) {
				t.Error("a mailbox does not open under the password it was made with")
			}
			if err := api.Gateway.UAPI("Email", "add_pop", cpanelgo.Args{"email": "bob", "password": second}, &listed); err != nil || listed.Error() == nil || !strings.Contains(listed.Error().Error(), "already exists") {
				t.Errorf("add_pop once more: %v, %v; want that it exists", err, listed.Error())
			}
			call("passwd_pop", cpanelgo.Args{"email": "bob", "domain": a.domain, "password": second})
			if a.opens(t, bob, first) || !a.opens(t, bob, second) {
				t.Error("passwd_pop did not change the password")
			}
			call("delete_pop", cpanelgo.Args{"email": "bob", "domain": a.domain})
			if err := api.Gateway.API2("Email", "delpop", cpanelgo.Args{"email": "alice", "domain": a.domain}, &again); err != nil || again.Error() != nil {
				t.Errorf("API 2 delpop: %+v, %v", again, err)
			}
			if got := a.mailboxes(t); len(got) != 0 {
				t.Errorf("after delete_pop there are %v", got)
			}
		})
	}
}

func TestCpanelgoTokens(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for name, api := range gateways(t, a) {
		t.Run(name, func(t *testing.T) {
			var made reply[struct {
				Token      string              `json:"token"`
				CreateTime cpanelgo.MaybeInt64 `json:"create_time"`
			}]
			if err := api.Gateway.UAPI("Tokens", "create_full_access", cpanelgo.Args{"name": "ci-" + name}, &made); err != nil || made.Error() != nil || made.Data.CreateTime == 0 {
				t.Fatalf("create_full_access: %+v, %v", made.Error(), err)
			}
			opens := func() int {
				r := request(t, os.Getenv("LATCHKEY_URL")+"/execute/Tokens/list", nil)
				r.Header.Set("Authorization", "cpanel "+a.user+":"+made.Data.Token)
				status, _ := send(t, r)
				return status
			}
			if got := opens(); got != http.StatusOK {
				t.Errorf("the new token: status %d", got)
			}
			var gone reply[json.RawMessage]
			if err := api.Gateway.UAPI("Tokens", "revoke", cpanelgo.Args{"name": "ci-" + name}, &gone); err != nil || gone.Error() != nil {
				t.Errorf("revoke: %v, %v", gone.Error(), err)
			}
			if got := opens(); got != http.StatusUnauthorized {
				t.Errorf("the revoked token: status %d", got)
			}
		})
	}
}

func TestCpanelgoWHM(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	byPassword := whm.NewWhmApiAccessHashWithClient("127.0.0.1", "root", "", false, httpClient(t))
	byPassword.Password = os.Getenv("LATCHKEY_WHM_PASSWORD")
	for name, w := range map[string]whm.WhmApi{"token": whmClient(t), "password": byPassword} {
		t.Run(name, func(t *testing.T) {
			if v, err := w.Version(); err != nil || !strings.HasPrefix(v.Data.Version, "11.") {
				t.Errorf("Version() = %+v, %v", v, err)
			}
			list, err := w.ListAccounts()
			var users []string
			for _, row := range list.Data.Accounts {
				users = append(users, row.User)
			}
			if err != nil || !slices.Contains(users, a.user) || !slices.Contains(users, os.Getenv("LATCHKEY_USER")) {
				t.Errorf("ListAccounts() = %v, %v; want %s among them", users, err, a.user)
			}
			suspended := func(want bool) {
				t.Helper()
				s, err := w.AccountSummary(a.user)
				if err != nil || s.Email() != "owner@"+a.domain || !s.HasEmail() || s.Suspended() != want {
					t.Errorf("AccountSummary(%s) = %+v, %v; want suspended %t", a.user, s, err, want)
				}
			}
			suspended(false)
			asRoot(t, "suspendacct", "user", a.user)
			suspended(true)
			asRoot(t, "unsuspendacct", "user", a.user)
			suspended(false)
			if s, err := w.AccountSummary("absent"); err == nil || !strings.Contains(err.Error(), "does not exist") {
				t.Errorf("AccountSummary(absent) = %+v, %v; want that it does not exist", s, err)
			}
		})
	}
}

// A reseller's token reaches the reseller's own accounts, by the privileges it has,
// and nobody else's.
func TestCpanelgoReseller(t *testing.T) {
	t.Parallel()
	reseller, mine, other := newAccount(t), newAccount(t), newAccount(t)
	asRoot(t, "setupreseller", "user", reseller.user)
	asRoot(t, "setacls", "reseller", reseller.user, "acl-cpanel-api", "1", "acl-list-accts", "1", "acl-manage-api-tokens", "1")
	asRoot(t, "modifyacct", "user", mine.user, "OWNER", reseller.user)
	r := request(t, os.Getenv("LATCHKEY_WHM_URL")+"/json-api/api_token_create", []string{"api.version", "1", "token_name", "client"})
	r.SetBasicAuth(reseller.user, reseller.password)
	token := succeeded(t, r).(map[string]any)["token"].(string)

	w := whm.NewWhmApiAccessHashWithClient("127.0.0.1", reseller.user, token, false, httpClient(t))
	list, err := w.ListAccounts()
	if got := fmt.Sprint(list.Data.Accounts); err != nil || got != "[{"+mine.user+"}]" {
		t.Errorf("ListAccounts() = %s, %v; want %s alone", got, err, mine.user)
	}
	if s, err := w.CreateUserSession(mine.user, "cpaneld"); err == nil {
		t.Errorf("a session without the privilege: %+v", s)
	}
	for _, row := range []struct {
		account
		may bool
	}{{mine, true}, {other, false}} {
		api := whm.NewWhmImpersonationApiWithClient("127.0.0.1", reseller.user, token, row.user, false, httpClient(t))
		var made reply[any]
		err := api.Gateway.UAPI("Email", "add_pop", cpanelgo.Args{"email": "bob", "password": plain}, &made)
		if err == nil {
			err = made.Error()
		}
		domains, failed := api.DomainsData()
		if (err == nil) != row.may || (failed == nil) != row.may || (domains.Data.MainDomain.Domain == row.domain) != row.may {
			t.Errorf("as %s: add_pop %v, domains %+v, %v; want success %t", row.user, err, domains.Data, failed, row.may)
		}
		if got := row.mailboxes(t); (len(got) == 1) != row.may {
			t.Errorf("%s has the mailboxes %v", row.user, got)
		}
	}
}

// With a second factor a password needs the code that cpanelgo sends beside it.
func TestCpanelgoSecondFactor(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	secret := a.uapi(t, "TwoFactorAuth/generate_user_configuration").(map[string]any)["secret"].(string)
	a.uapi(t, "TwoFactorAuth/set_user_configuration", "secret", secret, "tfa_token", code(t, secret)) // a reseller's token may not
	asRoot(t, "setupreseller", "user", a.user)
	asRoot(t, "setacls", "reseller", a.user, "acl-list-accts", "1")
	w := whm.NewWhmApiAccessHashWithClient("127.0.0.1", a.user, "", false, httpClient(t))
	w.Password = a.password
	for _, row := range []struct{ secret, want string }{
		{"", "403"},
		{"JBSWY3DPEHPK3PXP", "403"},
		{secret, "<nil>"},
	} {
		w.TotpSecret = row.secret
		if _, err := w.ListAccounts(); !strings.HasPrefix(fmt.Sprint(err), row.want) {
			t.Errorf("ListAccounts, a code of a secret of %d characters: %v; want %s", len(row.secret), err, row.want)
		}
	}
}

// code is the code that any program makes of a secret, by RFC 6238.
func code(t *testing.T, secret string) string {
	t.Helper()
	key, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha1.New, key)
	_ = binary.Write(h, binary.BigEndian, time.Now().Unix()/30)
	sum := h.Sum(nil)
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff%1_000_000)
}

// The address that create_user_session hands out signs the user in, once.
func TestCpanelgoUserSession(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	s, err := whmClient(t).CreateUserSession(a.user, "cpaneld")
	if err != nil || s.Data.SecurityToken == "" || s.Data.Session == "" || s.Data.Expires == 0 {
		t.Fatalf("CreateUserSession() = %+v, %v", s, err)
	}
	address, err := url.Parse(s.Data.Url)
	if err != nil || !strings.HasPrefix(address.Path, s.Data.SecurityToken+"/") {
		t.Fatalf("the address %s is not under %s", s.Data.Url, s.Data.SecurityToken)
	}
	browser := httpClient(t)
	browser.Jar, _ = cookiejar.New(nil)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := browser.Get(s.Data.Url)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp, err = browser.Get(address.Scheme + "://" + address.Host + s.Data.SecurityToken + "/execute/Variables/get_user_information?name=user")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var who reply[struct{ User string }]
	if err := json.NewDecoder(resp.Body).Decode(&who); err != nil || who.Data.User != a.user {
		t.Errorf("the session is %+v, %v; want %s", who, err, a.user)
	}
	stranger := httpClient(t)
	stranger.Jar, _ = cookiejar.New(nil)
	stranger.CheckRedirect = browser.CheckRedirect
	if resp, err = stranger.Get(s.Data.Url); err == nil {
		resp.Body.Close()
	}
	if len(stranger.Jar.Cookies(address)) > 0 {
		t.Error("the address signed in a second browser")
	}
}

// What cpanelgo is told of bad credentials: HTTP's own words.
func TestCpanelgoRefused(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	wrong, err := cpanel.NewJsonApiWithClient("127.0.0.1", a.user, a.password+"x", false, httpClient(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wrong.DomainsData(); err == nil || !strings.HasPrefix(err.Error(), "401") {
		t.Errorf("UAPI under a wrong password: %v; want 401", err)
	}
	if _, err := wrong.ListParkedDomains(); err == nil || !strings.HasPrefix(err.Error(), "403") {
		t.Errorf("API 2 under a wrong password: %v; want 403", err)
	}
	w := whm.NewWhmApiAccessHashWithClient("127.0.0.1", "root", a.token, false, httpClient(t))
	if _, err := w.ListAccounts(); err == nil || !strings.HasPrefix(err.Error(), "403") {
		t.Errorf("WHM under an account's token: %v; want 403", err)
	}
	imp := whm.NewWhmImpersonationApiWithClient("127.0.0.1", "root", os.Getenv("LATCHKEY_WHM_TOKEN"), "absent", false, httpClient(t))
	if d, err := imp.DomainsData(); err == nil || !strings.Contains(err.Error(), "User parameter is invalid") {
		t.Errorf("impersonating nobody: %+v, %v; want that there is no such user", d, err)
	}
}

// cpanelgo puts a challenge up, changes it, and finds it by its line; the name
// server says the same.
func TestCpanelgoZones(t *testing.T) {
	for name, api := range gateways(t, newAccount(t)) {
		t.Run(name, func(t *testing.T) {
			zones, err := api.FetchZones()
			if err != nil || len(zones.Data) != 1 || len(zones.Data[0].Zones) != 1 {
				t.Fatalf("FetchZones: %+v, %v; want one zone", zones, err)
			}
			var domain string
			for domain = range zones.Data[0].Zones {
			}
			if got := zones.FindRootForName("a.b." + domain); got != domain {
				t.Errorf("FindRootForName: %q, want %q", got, domain)
			}
			challenge := strings.ToLower("_challenge-"+name) + "." + domain
			if err := api.AddZoneTextRecord(domain, strings.TrimSuffix(challenge, "."+domain), "value", "60"); err != nil {
				t.Fatal(err)
			}
			zone, err := api.FetchZone(domain, "TXT,CNAME")
			found, lines := zone.Find(challenge+".", "TXT")
			if err != nil || !found || len(lines) != 1 {
				t.Fatalf("FetchZone: %v %v, %v; want one line", found, lines, err)
			}
			if err := api.EditZoneTextRecord(lines[0], domain, "another", "60"); err != nil {
				t.Fatal(err)
			}
			if got := texts(t, challenge); !slices.Equal(got, []string{"another"}) {
				t.Errorf("the name server says %q", got)
			}
			for what, err := range map[string]error{
				"a line that is not there": api.EditZoneTextRecord(9999, domain, "value", "60"),
				"another's zone":           api.AddZoneTextRecord(os.Getenv("LATCHKEY_DOMAIN"), "x", "value", "60"),
			} {
				if err == nil || err.Error() == "" {
					t.Errorf("editing %s: %v", what, err)
				}
			}
		})
	}
}

// TestCpanelgoCertificates: a certificate is installed, found again and taken away.
func TestCpanelgoCertificates(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for name, api := range gateways(t, a) {
		t.Run(name, func(t *testing.T) {
			made, err := api.GenerateSSLKey(2048, "key of "+name)
			if err != nil || made.Data.ModulusLength != 2048 || !strings.HasPrefix(made.Data.Text, "-----BEGIN RSA PRIVATE KEY-----") || made.Data.FriendlyName != "key of "+name {
				t.Fatalf("GenerateSSLKey: %+v, %v", made.Data.Id, err)
			}
			key, cert := selfSigned(t, a.domain)
			out, err := api.InstallSSLKey(a.domain, cert, key, "")
			if err != nil || out.Data.CertId == "" || out.Data.KeyId == "" || out.Data.Domain != a.domain || !slices.Contains(out.Data.WorkingDomains, a.domain) {
				t.Fatalf("InstallSSLKey: %+v, %v", out.Data, err)
			}
			hosts, err := api.InstalledHosts()
			if c, ok := hosts.GetCertificateForDomain(a.domain); err != nil || !ok || c.Id != out.Data.CertId || c.IsSelfSigned != 1 || c.Expiry().Before(time.Now()) {
				t.Errorf("InstalledHosts: %+v, %v", hosts.Data, err)
			}
			listed, err := api.ListSSLCerts()
			if err != nil || !slices.ContainsFunc(listed.Data, func(c cpanel.CpanelSslCertificate) bool { return c.Id == out.Data.CertId }) {
				t.Errorf("ListSSLCerts: %+v, %v", listed.Data, err)
			}
			all, err := whmClient(t).FetchSslVhosts()
			if err != nil || !slices.ContainsFunc(all.Data.Vhosts, func(v whm.VhostEntry) bool {
				return v.User == a.user && v.Certificate.Id == out.Data.CertId
			}) {
				t.Errorf("FetchSslVhosts: %+v, %v", all.Data, err)
			}
			if _, err := api.DeleteSSL(a.domain); err != nil {
				t.Errorf("DeleteSSL: %v", err)
			}
			if hosts, err := api.InstalledHosts(); err != nil || len(hosts.Data) != 0 {
				t.Errorf("InstalledHosts after DeleteSSL: %+v, %v", hosts.Data, err)
			}
			if _, err := api.InstallSSLKey("elsewhere.example", cert, key, ""); err == nil {
				t.Error("a certificate was installed for a domain that is nobody's")
			}
		})
	}
}

// selfSigned is a key and a certificate of its own for a domain, as texts.
func selfSigned(t *testing.T, domain string) (key, cert string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("EC PRIVATE KEY", secret), text("CERTIFICATE", der)
}

// What is not here yet is refused in words, and never taken for done. A row that
// fails says that its module has come: then it gets a test of what it does.
func TestCpanelgoWaits(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for name, api := range gateways(t, a) {
		t.Run(name, func(t *testing.T) {
			for _, row := range []struct {
				module string
				call   func() error
			}{
				{"Fileman", func() error {
					out, err := api.Mkdir("folder", "0755", "/")
					return cmp.Or(err, out.Error()) // Mkdir itself does not look
				}},
				{"Fileman", func() error { return api.UploadFiles("file", "text", "/") }},
				{"NVData", func() error { _, err := api.GetNVData("key"); return err }},
				{"NVData", func() error { _, err := api.SetNVData("key", "value"); return err }},
				{"Themes", func() error { _, err := api.GetTheme(); return err }},
				{"Locale", func() error { _, err := api.GetUserLocale(); return err }},
			} {
				want := "Failed to load module “" + row.module + "”: "
				if err := row.call(); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v; want %s", row.module, err, want)
				}
			}
		})
	}
	w := whmClient(t)
	for fn, call := range map[string]func() error{
		"resolvedomainname": func() error { _, err := w.ResolveDomainName(a.domain); return err },
		"get_tweaksetting":  func() error { _, err := w.GetTweakSetting("key", "Main"); return err },
		"set_tweaksetting":  func() error { _, err := w.SetTweakSetting("key", "Main", "1"); return err },
		"restartservice":    func() error { _, err := w.RestartService("httpd"); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "Unknown app (") {
			t.Errorf("%s: %v; want that it is unknown", fn, err)
		}
	}
}
