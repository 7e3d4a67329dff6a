package acme

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// visitor is a browser without scripts.
type visitor struct {
	t       *testing.T
	client  *http.Client
	session string // what stands before addresses
}

// signIn signs the sandbox's first account in.
func signIn(t *testing.T) *visitor {
	t.Helper()
	v := &visitor{t: t, client: clientFor(t, os.Getenv("LATCHKEY_CA"))}
	v.client.Jar, _ = cookiejar.New(nil)
	at, _ := v.send("/login/", url.Values{"user": {os.Getenv("LATCHKEY_USER")}, "pass": {os.Getenv("LATCHKEY_PASSWORD")}})
	v.session, _, _ = strings.Cut(strings.TrimPrefix(at, "/"), "/")
	if v.session = "/" + v.session; !strings.HasPrefix(v.session, "/cpsess") {
		t.Fatalf("signing in leads to %q", at)
	}
	return v
}

// send sends a form, and returns where that leads and what is there.
func (v *visitor) send(path string, form url.Values) (at, page string) {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodPost, os.Getenv("LATCHKEY_URL")+v.session+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", os.Getenv("LATCHKEY_URL"))
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return resp.Request.URL.Path, string(body)
}

var snippet = regexp.MustCompile(`(?s)<code id="(\w+)">(.*?)</code>`)

// snippets are what the page with a new token says to paste, by what it is for.
func snippets(t *testing.T) map[string]string {
	t.Helper()
	_, page := signIn(t).send("/tokens/new", url.Values{"name": {"pasted"}, "preset": {"certificates_dns"}, "zone": {os.Getenv("LATCHKEY_DOMAIN")}, "life": {"30"}})
	t.Cleanup(func() {
		does(t, os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_TOKEN"), "Tokens/revoke", "name", "pasted")
	})
	found := map[string]string{}
	for _, m := range snippet.FindAllStringSubmatch(page, -1) {
		found[m[1]] = html.UnescapeString(m[2])
	}
	for _, name := range []string{"secret", "curl", "acmesh", "lego", "certbot", "github"} {
		if found[name] == "" {
			t.Fatalf("the page has no %s: %q", name, slices.Sorted(maps.Keys(found)))
		}
	}
	return found
}

// TestSnippets pastes what the page with a new token says into a shell, as it
// stands there.
func TestSnippets(t *testing.T) {
	if os.Getenv(methodVar) != "http-01" {
		t.Skip("the same in every sandbox")
	}
	pasted := snippets(t)
	t.Run("curl", func(t *testing.T) { verified(t, bash(t, t.TempDir(), pasted["curl"])) })
	t.Run("GitHub", func(t *testing.T) { github(t, pasted["github"], pasted["secret"]) })
	t.Run("lego", func(t *testing.T) { legoPasted(t, pasted["lego"], pasted["secret"]) })
	t.Run("acme.sh", func(t *testing.T) { acmesh(t, pasted["acmesh"], pasted["secret"]) })
	t.Run("certbot", func(t *testing.T) { certbotPasted(t, pasted["certbot"], pasted["secret"]) })
}

// bash runs a text as somebody does who pastes it; it must succeed. Programs trust
// the sandbox's certificate.
func bash(t *testing.T, dir, text string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t, "bash"), "-c", text)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "HOME="+dir, "CURL_CA_BUNDLE="+os.Getenv("LATCHKEY_CA")), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func verified(t *testing.T, said string) {
	t.Helper()
	if !strings.Contains(said, `"status":1`) || !strings.Contains(said, `"pasted"`) {
		t.Errorf("the server says %s", said)
	}
}

// github runs the step as GitHub's runner does.
func github(t *testing.T, text, secret string) {
	var steps []struct {
		Name, Run string
		Env       map[string]string
	}
	if err := yaml.Unmarshal([]byte(text), &steps); err != nil || len(steps) != 1 {
		t.Fatalf("no step: %v", err)
	}
	if got := steps[0].Env["CPANEL_TOKEN"]; got != "${{ secrets.CPANEL_TOKEN }}" || strings.Contains(text, secret) {
		t.Errorf("the secret comes from %q", got)
	}
	verified(t, bash(t, t.TempDir(), "set -eo pipefail\n"+steps[0].Run, "CPANEL_TOKEN="+secret))
}

// stub is a folder with programs that say what they are called with, and with which
// of these variables.
func stub(t *testing.T, names []string, variables ...string) string {
	t.Helper()
	dir, script := t.TempDir(), "#!/bin/sh\nprintf '%s|'"
	for _, name := range variables {
		script += ` "$` + name + `"`
	}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script+` "$@"`+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// said is what a stub says of these words.
func said(words ...string) string { return strings.Join(words, "|") + "|" }

// legoPasted looks at what lego is called with, whose program is not built here: it
// brings the providers of all the world. With what it is given, its cPanel provider
// gets a certificate.
func legoPasted(t *testing.T, text, secret string) {
	user, domain := os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_DOMAIN")
	dir := stub(t, []string{"lego"}, "CPANEL_USERNAME", "CPANEL_TOKEN", "CPANEL_BASE_URL")
	want := said(user, secret, os.Getenv("LATCHKEY_URL"), "run", "--accept-tos", "--email", "you@"+domain, "--dns", "cpanel", "-d", domain, "-d", "*."+domain)
	if got := bash(t, dir, text, "PATH="+dir+":"+os.Getenv("PATH")); got != want {
		t.Fatalf("lego is called with %q, want %q", got, want)
	}
	obtain(t, user, secret, domain)
}

// acmesh looks at what acme.sh is called with: acme.sh itself is no part of Debian.
// The variables are those that its dns_cpanel asks for.
func acmesh(t *testing.T, text, secret string) {
	domain := os.Getenv("LATCHKEY_DOMAIN")
	dir := stub(t, []string{"acme.sh"}, "cPanel_Username", "cPanel_Apitoken", "cPanel_Hostname")
	want := said(os.Getenv("LATCHKEY_USER"), secret, os.Getenv("LATCHKEY_URL"), "--issue", "--dns", "dns_cpanel", "-d", domain, "-d", "*."+domain)
	if got := bash(t, dir, text, "PATH="+dir+":"+os.Getenv("PATH")); got != want {
		t.Errorf("acme.sh is called with %q, want %q", got, want)
	}
}

// certbotPasted looks at the file that certbot's plugin reads and at what pip and
// certbot are called with: the plugin itself is no part of Debian.
func certbotPasted(t *testing.T, text, secret string) {
	domain := os.Getenv("LATCHKEY_DOMAIN")
	dir := stub(t, []string{"pip", "certbot"})
	want := said("install", "certbot-dns-cpanel") + said("certonly", "--authenticator", "cpanel", "--cpanel-credentials", "cpanel.ini", "-d", domain, "-d", "*."+domain)
	if got := bash(t, dir, text, "PATH="+dir+":"+os.Getenv("PATH")); got != want {
		t.Errorf("certbot is called with %q, want %q", got, want)
	}
	file := filepath.Join(dir, "cpanel.ini")
	ini, err := os.ReadFile(file)
	if want := "cpanel_url = " + os.Getenv("LATCHKEY_URL") + "\ncpanel_username = " + os.Getenv("LATCHKEY_USER") + "\ncpanel_token = " + secret + "\n"; err != nil || string(ini) != want {
		t.Errorf("cpanel.ini is not what the plugin reads: %v", err)
	}
	if is, err := os.Stat(file); err != nil || is.Mode().Perm() != 0o600 {
		t.Errorf("others may read cpanel.ini: %v", err)
	}
}
