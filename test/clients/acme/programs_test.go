package acme

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// program is where a program of Debian's is; in CI it must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	if os.Getenv(methodVar) != "http-01" {
		t.Skip("the same in every sandbox")
	}
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing: scripts/test-deps installs it", name)
	default:
		t.Skipf("SKIPPED: %s is missing; scripts/test-deps installs it", name)
	}
	return path
}

// hook is the script that programs call, and the environment with the two tokens
// that it works with: one proves names in the zone, the other installs.
func hook(t *testing.T) (script string, env []string) {
	t.Helper()
	script, err := filepath.Abs(filepath.Join("hooks", "cpanel.sh"))
	if err != nil {
		t.Fatal(err)
	}
	domain := os.Getenv("LATCHKEY_DOMAIN")
	return script, append(os.Environ(),
		"PROVE_TOKEN="+limited(t, "prove-"+t.Name(), "certificates_dns", "zone", domain),
		"INSTALL_TOKEN="+limited(t, "install-"+t.Name(), "certificates_install", "host", domain))
}

// runs runs a program that must succeed.
func runs(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
}

// shown says that the site shows a certificate for the domain and all below it, and
// that no proof is left in the zone; then the certificate is taken away.
func shown(t *testing.T) {
	t.Helper()
	user, token, domain := os.Getenv("LATCHKEY_USER"), os.Getenv("LATCHKEY_TOKEN"), os.Getenv("LATCHKEY_DOMAIN")
	c, err := served(t, "www."+domain)
	if err != nil {
		t.Fatalf("the site: %v", err)
	}
	if got, want := slices.Sorted(slices.Values(c.DNSNames)), []string{"*." + domain, domain}; !slices.Equal(got, want) {
		t.Errorf("the site shows a certificate for %q, want %q", got, want)
	}
	if zone := string(does(t, user, token, "DNS/parse_zone", "zone", domain).Data); strings.Contains(zone, "X2FjbWUtY2hhbGxlbmdl") { // _acme-challenge
		t.Errorf("proofs are left in the zone: %s", zone)
	}
	does(t, user, token, "SSL/delete_ssl", "domain", domain)
}

// TestCertbot lets Debian's certbot get a certificate for a domain and all below it,
// and install it.
func TestCertbot(t *testing.T) {
	certbot := program(t, "certbot")
	script, env := hook(t)
	dir, domain := t.TempDir(), os.Getenv("LATCHKEY_DOMAIN")
	env = append(env, "REQUESTS_CA_BUNDLE="+filepath.Join(os.Getenv(dirVar), "pebble.pem"))
	runs(t, env, certbot, "certonly", "--non-interactive", "--agree-tos", "--email", "owner@"+domain, "--server", "https://"+os.Getenv(pebbleVar)+"/dir",
		"--config-dir", dir, "--work-dir", dir, "--logs-dir", dir, "--manual", "--preferred-challenges", "dns",
		"--manual-auth-hook", script+" auth", "--manual-cleanup-hook", script+" cleanup", "--deploy-hook", script+" deploy",
		"-d", domain, "-d", "*."+domain)
	shown(t)
}

// TestDehydrated lets Debian's dehydrated do the same.
func TestDehydrated(t *testing.T) {
	dehydrated := program(t, "dehydrated")
	script, env := hook(t)
	dir, domain := t.TempDir(), os.Getenv("LATCHKEY_DOMAIN")
	config := filepath.Join(dir, "config")
	text := "CA=\"https://" + os.Getenv(pebbleVar) + "/dir\"\nBASEDIR=\"" + dir + "\"\nCHALLENGETYPE=dns-01\nHOOK=\"" + script + "\"\nKEY_ALGO=prime256v1\nCURL_OPTS=\"--cacert " + filepath.Join(os.Getenv(dirVar), "pebble.pem") + "\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	runs(t, env, dehydrated, "--config", config, "--register", "--accept-terms")
	runs(t, env, dehydrated, "--config", config, "--cron", "--domain", domain+" *."+domain, "--alias", domain)
	shown(t)
}
