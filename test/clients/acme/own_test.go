package acme

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// door is the address of one of the server's doors.
func door(t *testing.T, variable string) string {
	t.Helper()
	u, err := url.Parse(os.Getenv(variable))
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// whmAs calls a function of the administrator over a client.
func whmAs(t *testing.T, client *http.Client, function string, args ...string) (reason string, data json.RawMessage) {
	t.Helper()
	query := url.Values{"api.version": {"1"}}
	for pair := range slices.Chunk(args, 2) {
		query.Add(pair[0], pair[1])
	}
	r, err := http.NewRequest(http.MethodGet, os.Getenv("LATCHKEY_WHM_URL")+"/json-api/"+function+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "whm "+os.Getenv("LATCHKEY_WHM_USER")+":"+os.Getenv("LATCHKEY_WHM_TOKEN"))
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a struct {
		Data     json.RawMessage
		Metadata struct {
			Reason string
			Result int
		}
	}
	if err := json.Unmarshal(body, &a); err != nil || a.Metadata.Result != 1 {
		t.Fatalf("%s answers %s", function, body)
	}
	return a.Metadata.Reason, a.Data
}

// TestOwn lets the server get the certificate of its own name: its doors show it
// without a new start, who is connected notices nothing, and it can be taken away
// again.
func TestOwn(t *testing.T) {
	user, token, domain := os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_TOKEN"), os.Getenv("LATCHKEY_DOMAIN")
	zone := does(t, user, token, "DNS/parse_zone", "zone", domain)
	does(t, user, token, "DNS/mass_edit_zone", "zone", domain, "serial", serial(t, zone.Data), "add", `{"dname":"host","ttl":60,"record_type":"A","data":["127.0.0.1"]}`)
	before, err := trusting(os.Getenv("LATCHKEY_CA"))
	if err != nil {
		t.Fatal(err)
	}
	defer before.CloseIdleConnections()
	whmAs(t, before, "start_autossl_check_for_all_users")

	pool, err := roots()
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: pool, ServerName: ownName}
	for _, variable := range []string{"LATCHKEY_URL", "LATCHKEY_WHM_URL", "LATCHKEY_WEBMAIL_URL"} {
		shows(t, door(t, variable), config)
	}
	whmAs(t, before, "version") // over the connection that stands
	after := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{TLSClientConfig: config}}
	defer after.CloseIdleConnections()
	if _, data := whmAs(t, after, "fetch_service_ssl_components"); !strings.Contains(string(data), `"`+ownName+`"`) || strings.Contains(string(data), "PRIVATE") {
		t.Errorf("fetch_service_ssl_components: %s", data)
	}
	if _, data := whmAs(t, after, "get_autossl_logs_catalog"); !strings.Contains(string(data), `"provider":"latchkey-acme"`) {
		t.Errorf("get_autossl_logs_catalog: %s", data)
	}
	if zone := string(does2(t, after, "DNS", "parse_zone", "zone", domain)); strings.Contains(zone, "X2FjbWUtY2hhbGxlbmdl") { // _acme-challenge
		t.Errorf("proofs are left in the zone: %s", zone)
	}
	whmAs(t, after, "reset_service_ssl_certificate", "service", "cpanel")
	again, err := trusting(os.Getenv("LATCHKEY_CA"))
	if err != nil {
		t.Fatal(err)
	}
	defer again.CloseIdleConnections()
	whmAs(t, again, "version")
}

// does2 is does through WHM, over a client.
func does2(t *testing.T, client *http.Client, module, function string, args ...string) json.RawMessage {
	t.Helper()
	_, data := whmAs(t, client, "uapi_cpanel", append([]string{"cpanel.user", os.Getenv("LATCHKEY_USER"), "cpanel.module", module, "cpanel.function", function}, args...)...)
	return data
}

// shows waits until a door shows a certificate that who trusts in Pebble takes.
func shows(t *testing.T, address string, config *tls.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for ; ; time.Sleep(20 * time.Millisecond) {
		c, err := (&tls.Dialer{NetDialer: new(net.Dialer), Config: config}).DialContext(ctx, "tcp", address)
		if err == nil {
			c.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the door %s: %v", address, err)
		}
	}
}
