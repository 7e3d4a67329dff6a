package clients

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// Ports that clients have written into them, and where the sandbox listens
// instead.
var ports = map[string]string{
	"2083": "LATCHKEY_URL",
	"2087": "LATCHKEY_WHM_URL",
	"2096": "LATCHKEY_WEBMAIL_URL",
}

// listener is the host and port that the sandbox has instead of port.
func listener(t *testing.T, port string) string {
	t.Helper()
	u, err := url.Parse(os.Getenv(ports[port]))
	if err != nil || u.Host == "" {
		t.Fatalf("%s=%q is no address", ports[port], os.Getenv(ports[port]))
	}
	return u.Host
}

// httpClient trusts the sandbox's certificate, and reaches it under cPanel's own
// ports.
func httpClient(t *testing.T) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(os.Getenv("LATCHKEY_CA"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", os.Getenv("LATCHKEY_CA"))
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if _, port, err := net.SplitHostPort(address); err == nil && ports[port] != "" {
			address = listener(t, port)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	transport := &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// account is an account of one test's own.
type account struct {
	user, password, domain string
	token                  string // full access, beside the clients' own
}

var accounts atomic.Int32

// newAccount makes an account, which is removed when the test ends.
func newAccount(t *testing.T) account {
	t.Helper()
	n := accounts.Add(1)
	a := account{
		user:     fmt.Sprintf("cli%dacct", n),
		password: fmt.Sprintf("a long & windy road +%d", n),
		domain:   fmt.Sprintf("client%d.example.org", n),
	}
	asRoot(t, "createacct", "username", a.user, "domain", a.domain, "password", a.password, "contactemail", "owner@"+a.domain)
	t.Cleanup(func() { asRoot(t, "removeacct", "user", a.user) })
	made := a.basic(t, "Tokens/create_full_access", "name", "witness").(map[string]any)
	a.token, _ = made["token"].(string)
	if a.token == "" {
		t.Fatalf("create_full_access answers %v", made)
	}
	return a
}

// basic calls a UAPI function under the account's password; it must succeed.
func (a account) basic(t *testing.T, function string, args ...string) any {
	t.Helper()
	r := request(t, os.Getenv("LATCHKEY_URL")+"/execute/"+function, args)
	r.SetBasicAuth(a.user, a.password)
	return succeeded(t, r)
}

// uapi calls a UAPI function under the witness's token; it must succeed.
func (a account) uapi(t *testing.T, function string, args ...string) any {
	t.Helper()
	r := request(t, os.Getenv("LATCHKEY_URL")+"/execute/"+function, args)
	r.Header.Set("Authorization", "cpanel "+a.user+":"+a.token)
	return succeeded(t, r)
}

// mailboxes are the account's mailboxes without its own.
func (a account) mailboxes(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, row := range a.uapi(t, "Email/list_pops", "skip_main", "1").([]any) {
		found = append(found, row.(map[string]any)["email"].(string))
	}
	slices.Sort(found)
	return found
}

// opens reports whether the mailbox's password is this one.
func (a account) opens(t *testing.T, mailbox, password string) bool {
	t.Helper()
	r := request(t, os.Getenv("LATCHKEY_WEBMAIL_URL")+"/execute/Email/account_name", nil)
	r.SetBasicAuth(mailbox, password)
	status, _ := send(t, r)
	return status == http.StatusOK
}

// asRoot calls a WHM function as the administrator; it must succeed.
func asRoot(t *testing.T, function string, args ...string) any {
	t.Helper()
	r := request(t, os.Getenv("LATCHKEY_WHM_URL")+"/json-api/"+function, append(args, "api.version", "1"))
	r.Header.Set("Authorization", "whm "+os.Getenv("LATCHKEY_WHM_USER")+":"+os.Getenv("LATCHKEY_WHM_TOKEN"))
	return succeeded(t, r)
}

func request(t *testing.T, address string, args []string) *http.Request {
	t.Helper()
	q := url.Values{}
	for pair := range slices.Chunk(args, 2) {
		q.Add(pair[0], pair[1])
	}
	r, err := http.NewRequest(http.MethodGet, address+"?"+q.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func send(t *testing.T, r *http.Request) (int, []byte) {
	t.Helper()
	resp, err := httpClient(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// succeeded is the data of an answer that says it went well.
func succeeded(t *testing.T, r *http.Request) any {
	t.Helper()
	status, body := send(t, r)
	var answer struct {
		Status   int
		Metadata struct{ Result int }
		Data     any
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status+answer.Metadata.Result != 1 {
		t.Fatalf("%s answers %d: %s", r.URL.Path, status, body)
	}
	return answer.Data
}
