package clients

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// secret is a password that does not survive careless quoting; plain is one for
// clients that quote carelessly themselves.
const (
	secret = "x y&z=1+%2B\"ü'<>;#"
	plain  = "Plain4Word"
)

// A program calls the API with a client and prints what the client gave it. Each
// makes the mailboxes “kept”, under its secret, and “gone”, and takes that away.
var programs = []struct {
	name, script string
	secret       string
}{
	{"cpanel-lib", "npm/cpanel-lib.js", secret},
	{"cpanel-node", "npm/cpanel-node.js", plain},
	{"cpanel-rest-api", "npm/cpanel-rest-api.js", secret},
	{"lwp", "perl/lwp.pl", secret},
	{"publicapi", "perl/publicapi.pl", secret},
	{"ddns", "perl/ddns.pl", secret},
	{"samples", "php/samples.php", secret},
	{"fopen", "php/fopen.php", secret},
	{"token", "curl/token.sh", secret},
	{"session", "curl/session.sh", secret},
}

func TestPrograms(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			a := newAccount(t)
			got := run(t, a, p.script, "SECRET="+p.secret)
			compare(t, a, p.script, got)
			kept := "kept@" + a.domain
			if got := a.mailboxes(t); !slices.Equal(got, []string{kept}) {
				t.Errorf("it leaves the mailboxes %v; want %s alone", got, kept)
			}
			if !a.opens(t, kept, p.secret) {
				t.Errorf("%s does not open under the password it was given", kept)
			}
		})
	}
}

// TestRoundcube lets Roundcube's password plugin change a mailbox's password.
func TestRoundcube(t *testing.T) {
	t.Parallel()
	driver := filepath.Join(installed(t), "roundcube", "cpanel.php")
	if _, err := os.Stat(driver); err != nil {
		skip(t, "Roundcube's password driver is not here")
	}
	a := newAccount(t)
	a.uapi(t, "Email/add_pop", "email", "kept", "password", "First+word 1")
	got := run(t, a, "php/roundcube.php", "SECRET="+secret, "ROUNDCUBE_DRIVER="+driver)
	compare(t, a, "php/roundcube.php", got)
	if kept := "kept@" + a.domain; !a.opens(t, kept, secret) || a.opens(t, kept, "First+word 1") {
		t.Error("the password is not the new one")
	}
}

// TestDdclient lets ddclient, as Debian has it, call a dynamic host's address: the
// host gets the address that ddclient calls from, and ddclient is told so; an address
// that opens nothing is a failure to it.
func TestDdclient(t *testing.T) {
	t.Parallel()
	program := filepath.Join(installed(t), "ddclient", "ddclient")
	if _, err := os.Stat(program); err != nil || exec.Command("perl", "-MIO::Socket::SSL", "-c", program).Run() != nil {
		skip(t, "ddclient is not here")
	}
	a := newAccount(t)
	host := "home." + a.domain
	made := a.uapi(t, "DynamicDNS/create", "domain", host).(map[string]any)
	call := func(id string) string {
		dir := t.TempDir()
		conf := fmt.Sprintf("daemon=0\nssl=yes\nssl_ca_file=%s\nuse=ip, ip=203.0.113.9\nprotocol=cloudns, dynurl=%s/cpanelwebcall/%s?ddclient %s\n",
			os.Getenv("LATCHKEY_CA"), os.Getenv("LATCHKEY_URL"), id, host)
		file := filepath.Join(dir, "ddclient.conf")
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		out, _ := exec.CommandContext(ctx, "perl", program, "-file", file, "-cache", filepath.Join(dir, "cache"), "-daemon", "0", "-noquiet", "-verbose").CombinedOutput()
		return string(out)
	}
	addresses := func() string { return fmt.Sprint(a.uapi(t, "DNS/lookup", "domain", host)) }
	if out := call(made["id"].(string)); !strings.Contains(out, "SUCCESS:") || !strings.Contains(addresses(), "127.0.0.1") {
		t.Errorf("the host has %s; ddclient says\n%s", addresses(), out)
	}
	if out := call(strings.Repeat("a", 32)); strings.Contains(out, "SUCCESS:") || strings.Contains(addresses(), "203.0.113.9") {
		t.Errorf("with another ID ddclient says\n%s", out)
	}
}

// interpreters are what runs a script, by the end of its name: how it is told whom
// to trust, and what finds out whether all of it is here.
var interpreters = map[string]struct {
	command []string
	check   string
}{
	".js":  {[]string{"node"}, "node -v"},
	".pl":  {[]string{"perl"}, "perl -MLWP::UserAgent -MLWP::Protocol::https -MIO::Socket::SSL -e1 && openssl version"},
	".php": {[]string{"php", "-d", "curl.cainfo=$CA", "-d", "openssl.cafile=$CA"}, `php -r 'exit((int)!(extension_loaded("curl") && extension_loaded("openssl")));'`},
	".sh":  {[]string{"sh"}, "curl --version"},
}

// run runs a script for the account in a directory of its own, and returns what it
// printed.
func run(t *testing.T, a account, script string, more ...string) string {
	t.Helper()
	interpreter := interpreters[filepath.Ext(script)]
	if err := exec.Command("sh", "-c", interpreter.check).Run(); err != nil {
		skip(t, "not all is here that "+script+" needs")
	}
	var command []string
	for _, word := range interpreter.command {
		command = append(command, strings.ReplaceAll(word, "$CA", os.Getenv("LATCHKEY_CA")))
	}
	path, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], path)...)
	cmd.Dir, cmd.Env = t.TempDir(), append(environment(t, a), more...)
	if filepath.Ext(script) == ".js" {
		cmd.Env = append(cmd.Env, "NODE_PATH="+modules(t))
	}
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, out, complaints.String())
	}
	return string(out)
}

// environment is what scripts know: where the sandbox is, the account, and the
// administrator's token.
func environment(t *testing.T, a account) []string {
	t.Helper()
	ca := os.Getenv("LATCHKEY_CA")
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOST=127.0.0.1", "LC_ALL=C.UTF-8",
		"ACCOUNT=" + a.user, "PASSWORD=" + a.password, "DOMAIN=" + a.domain, "TOKEN=" + a.token,
		"ROOT_TOKEN=" + os.Getenv("LATCHKEY_WHM_TOKEN"),
		"SSL_CERT_FILE=" + ca, "CURL_CA_BUNDLE=" + ca, "NODE_EXTRA_CA_CERTS=" + ca, "PERL_LWP_SSL_CA_FILE=" + ca,
	}
	for name, port := range map[string]string{"CPANEL_PORT": "2083", "WHM_PORT": "2087", "WEBMAIL_PORT": "2096"} {
		_, port, err := net.SplitHostPort(listener(t, port))
		if err != nil {
			t.Fatal(err)
		}
		env = append(env, name+"="+port)
	}
	return env
}

// compare holds what a script printed against the file of its name that ends in
// .want. CLIENTS_UPDATE=1 writes that file.
func compare(t *testing.T, a account, script, got string) {
	t.Helper()
	got = strings.NewReplacer(a.domain, "DOMAIN", a.user, "ACCOUNT").Replace(got)
	path := strings.TrimSuffix(script, filepath.Ext(script)) + ".want"
	if os.Getenv("CLIENTS_UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s prints (-want +got):\n%s", script, diff)
	}
}

// installed is the folder where scripts/test-deps puts clients that are neither Go
// modules nor Debian's.
func installed(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "latchkey", "clients")
}

// modules is the folder with what npm/package-lock.json asks for.
func modules(t *testing.T) string {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join("npm", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(installed(t), fmt.Sprintf("npm-%.6x", sha256.Sum256(lock)), "node_modules")
	if _, err := os.Stat(dir); err != nil {
		skip(t, "the modules of npm/package-lock.json are not here")
	}
	return dir
}
