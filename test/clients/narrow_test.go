package clients

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/providers/dns/cpanel"
)

// TestLegoNarrow gives lego's provider a token for the challenges of one zone:
// it puts them up and takes them down as with full access, and whoever has the
// token does nothing else with it.
func TestLegoNarrow(t *testing.T) {
	a := newAccount(t)
	z := newZones(t, a)
	made := a.uapi(t, "Tokens/create_limited", "name", "lego", "preset", "certificates_dns", "zone", a.domain).(map[string]any)
	legoGoes(t, a, made["token"].(string))
	z.attack(t, made["token"].(string))
	legoGoes(t, a, made["token"].(string))
}

// TestLegoWatched watches what lego's provider does with a token that may do
// everything, narrows the token to that, and sees that the provider goes on and
// nobody does anything else with it.
func TestLegoWatched(t *testing.T) {
	a := newAccount(t)
	z := newZones(t, a)
	made := a.uapi(t, "Tokens/create_full_access", "name", "lego").(map[string]any)
	token := made["token"].(string)
	a.uapi(t, "Tokens/observe", "name", "lego")
	legoGoes(t, a, token)
	suggested := a.uapi(t, "Tokens/suggest", "name", "lego").(map[string]any)
	var grants []string
	for _, g := range suggested["grants"].([]any) {
		grants = append(grants, g.(string))
	}
	where := "(zone=" + a.domain + ", name=_acme-challenge, type=TXT)"
	if want := []string{"DNS::mass_edit_zone" + where, "DNS::parse_zone" + where}; !slices.Equal(grants, want) {
		t.Errorf("suggested are %q, want %q", grants, want)
	}
	narrowed := a.uapi(t, "Tokens/narrow", "name", "lego", "grants", strings.Join(grants, ";")).(map[string]any)
	if narrowed["has_full_access"] != 0.0 {
		t.Errorf("narrow answers %v", narrowed)
	}
	legoGoes(t, a, token)
	z.attack(t, token)
	legoGoes(t, a, token)
}

// legoGoes lets lego's provider, unmodified, put up a challenge and take it down
// again.
func legoGoes(t *testing.T, a account, token string) {
	t.Helper()
	dns01.SetDefaultClient(dns01.NewClient(&dns01.Options{RecursiveNameservers: []string{os.Getenv("LATCHKEY_DNS")}}))
	defer dns01.SetDefaultClient(dns01.NewClient(nil))
	config := cpanel.NewDefaultConfig()
	config.BaseURL, config.Username, config.Token, config.HTTPClient = os.Getenv("LATCHKEY_URL"), a.user, token, httpClient(t)
	provider, err := cpanel.NewDNSProviderConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		what string
		do   func(ctx context.Context, domain, token, key string) error
		up   []string
	}{
		{"Present", provider.Present, values(t, a.domain, []string{"key"})},
		{"CleanUp", provider.CleanUp, nil},
	} {
		if err := step.do(t.Context(), a.domain, "", "key"); err != nil {
			t.Errorf("%s: %v", step.what, err)
		}
		if got := texts(t, "_acme-challenge."+a.domain); !slices.Equal(got, step.up) {
			t.Errorf("after %s the name server says %q, want %q", step.what, got, step.up)
		}
	}
}

// zones are two zones of an account, with a challenge in each.
type zones struct {
	account
	second string
}

func newZones(t *testing.T, a account) zones {
	t.Helper()
	z := zones{a, "second-" + a.domain}
	asRoot(t, "adddns", "domain", z.second, "ip", "192.0.2.7", "trueowner", a.user)
	t.Cleanup(func() { asRoot(t, "killdns", "domain", z.second) })
	return z
}

// lines is the text of a zone, as its owner sees it.
func (z zones) lines(t *testing.T, zone string) []string {
	t.Helper()
	r := request(t, os.Getenv("LATCHKEY_URL")+"/json-api/cpanel", []string{"cpanel_jsonapi_module", "ZoneEdit", "cpanel_jsonapi_func", "fetchzones"})
	r.Header.Set("Authorization", "cpanel "+z.user+":"+z.token)
	_, body := send(t, r)
	var answer struct {
		CPanelResult struct {
			Data []struct{ Zones map[string][]string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.CPanelResult.Data) != 1 || len(answer.CPanelResult.Data[0].Zones[zone]) == 0 {
		t.Fatalf("fetchzones answers %s", body)
	}
	return answer.CPanelResult.Data[0].Zones[zone]
}

// at is the line, counted from 0, that has all of some words.
func (z zones) at(t *testing.T, zone string, words ...string) int {
	t.Helper()
	i := slices.IndexFunc(z.lines(t, zone), func(line string) bool {
		fields := strings.Fields(line)
		return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(fields, w) })
	})
	if i < 0 {
		t.Fatalf("%s has no line with %q", zone, words)
	}
	return i
}

// serial is the serial number of a zone.
func (z zones) serial(t *testing.T, zone string) string {
	t.Helper()
	list := z.uapi(t, "DNS/parse_zone", "zone", zone).([]any)
	for _, line := range list {
		if m := line.(map[string]any); m["record_type"] == "SOA" {
			return decoded(t, m["data_b64"].([]any)[2].(string))
		}
	}
	t.Fatalf("%s has no SOA record", zone)
	return ""
}

// attack tries with a token for the challenges of the account's main zone what it
// is not for, each by every way there is. All is refused in words that name what
// is missing, and no zone changes by a byte.
func (z zones) attack(t *testing.T, token string) {
	t.Helper()
	const challenge = `{"dname":"_acme-challenge","ttl":60,"record_type":"TXT","data":["x"]}`
	mx, apex := z.at(t, z.domain, "MX"), z.at(t, z.domain, z.domain+".", "A")
	www := `{"dname":"www","ttl":60,"record_type":"A","data":["203.0.113.66"]}`
	becomes := fmt.Sprintf(`{"line_index":%d,"dname":"_acme-challenge","ttl":60,"record_type":"TXT","data":["x"]}`, apex)
	before := [2][]string{z.lines(t, z.domain), z.lines(t, z.second)}
	for _, try := range []struct {
		what, zone, how, value string
		api2                   []string
	}{
		{"remove the MX line", z.domain, "remove", fmt.Sprint(mx), []string{"remove_zone_record", "line", fmt.Sprint(mx + 1)}},
		{"remove the A line of the zone", z.domain, "remove", fmt.Sprint(apex), []string{"remove_zone_record", "line", fmt.Sprint(apex + 1)}},
		{"add www A", z.domain, "add", www, []string{"add_zone_record", "name", "www", "type", "A", "address", "203.0.113.66", "ttl", "60"}},
		{"turn a line into a challenge", z.domain, "edit", becomes,
			[]string{"edit_zone_record", "line", fmt.Sprint(apex + 1), "name", "_acme-challenge", "type", "TXT", "txtdata", "x"}},
		{"the same name in another zone", z.second, "add", challenge, []string{"add_zone_record", "name", "_acme-challenge", "type", "TXT", "txtdata", "x"}},
	} {
		serial := z.serial(t, try.zone)
		alone := []string{"zone", try.zone, "serial", serial, try.how, try.value}
		beside := []string{"zone", try.zone, "serial", serial, try.how + "-1", try.value, "add-0", challenge}
		command, _ := json.Marshal([]any{"DNS", "mass_edit_zone", map[string]string{"zone": try.zone, "serial": serial, try.how: try.value}})
		old := append([]string{"cpanel_jsonapi_module", "ZoneEdit", "cpanel_jsonapi_func", try.api2[0], "domain", try.zone}, try.api2[1:]...)
		for _, form := range []struct {
			path string
			args []string
		}{
			{"/execute/DNS/mass_edit_zone", alone},
			{"/execute/DNS/mass_edit_zone", beside},
			{"/json-api/cpanel", append([]string{"cpanel_jsonapi_apiversion", "3", "cpanel_jsonapi_module", "DNS", "cpanel_jsonapi_func", "mass_edit_zone"}, alone...)},
			{"/json-api/cpanel", old},
			{"/xml-api/cpanel", old},
			{"/execute/Batch/strict", []string{"command", string(command)}},
		} {
			body := z.said(t, token, form.path, form.args)
			if !strings.Contains(body, "This API token may not do that: it has no grant such as") {
				t.Errorf("%s by %s %v: %s", try.what, form.path, form.args, body)
			}
			for i, zone := range []string{z.domain, z.second} {
				if !slices.Equal(z.lines(t, zone), before[i]) {
					t.Fatalf("%s by %s %v: %s has changed", try.what, form.path, form.args, zone)
				}
			}
		}
	}
}

// said is what the server answers to the bearer of a token.
func (z zones) said(t *testing.T, token, path string, args []string) string {
	t.Helper()
	q := url.Values{}
	for pair := range slices.Chunk(args, 2) {
		q.Add(pair[0], pair[1])
	}
	r, err := http.NewRequest(http.MethodPost, os.Getenv("LATCHKEY_URL")+path, strings.NewReader(q.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "cpanel "+z.user+":"+token)
	status, body := send(t, r)
	if status != http.StatusOK {
		t.Errorf("%s %v answers %d: %s", path, args, status, body)
	}
	return string(body)
}

func decoded(t *testing.T, text string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
