package zone

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
)

const small = "$TTL 300\n%domain%. IN SOA %nameserver%. %rpemail%. ( %serial% 1 2 3 4 )\n%domain%. IN NS %nameserver%.\n%domain%. IN A %ip%\nhere IN TXT \"of %domain%\"\n"

func TestTemplates(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("small", small)
	all, err := OpenTemplates(dir)
	if err != nil {
		t.Fatal(err)
	}
	values := Values{Domain: "example.com", IP: "192.0.2.1", Nameservers: []string{"ns1.example.net"}, Hostname: "host.example.net", Now: time.Unix(1_800_000_000, 0)}
	made := func(name string) string {
		t.Helper()
		template, err := all.Named(name)
		if template == (Template{}) {
			return latchkey.KindOf(err).String()
		}
		z, err := template.Zone(values)
		if err != nil {
			t.Fatal(err)
		}
		return z.String()
	}
	if got := made(""); !strings.Contains(got, "cpcontacts") {
		t.Errorf("without a file the standard template makes\n%s", got)
	}
	if got := made("small"); !strings.HasPrefix(got, "; cPanel first") || !strings.Contains(got, `"of example.com"`) || strings.Contains(got, "cpcontacts") {
		t.Errorf("a template of a file makes\n%s", got)
	}
	for _, name := range []string{"none", "../small", "a/b", strings.Repeat("x", 100)} {
		if got := made(name); got != "not-found" {
			t.Errorf("%q makes %s", name, got)
		}
	}
	write(Standard, small)
	if got := made(Standard); !strings.Contains(got, `"of example.com"`) {
		t.Errorf("a file of the standard template makes\n%s", got)
	}
	for _, bad := range []string{"", "nonsense", small + "x IN A %address%\n", small + "www IN CNAME a.\nwww IN A 192.0.2.1\n", "www IN A %ip%\n"} {
		write(Standard, bad)
		if _, err := all.Named(""); err == nil {
			t.Errorf("%q is taken", bad)
		}
		if got := made(""); !strings.Contains(got, `"of example.com"`) {
			t.Errorf("while %q stands there it makes\n%s", bad, got)
		}
		if _, err := OpenTemplates(dir); err == nil || !strings.Contains(err.Error(), "standard") {
			t.Errorf("a start with %q: %v", bad, err)
		}
	}
	write(Standard, strings.ReplaceAll(small, "here", "there"))
	if got := made(""); !strings.Contains(got, "there") {
		t.Errorf("after an edit it makes\n%s", got)
	}
	if err := os.Remove(filepath.Join(dir, Standard)); err != nil {
		t.Fatal(err)
	}
	if got := made(""); !strings.Contains(got, "cpcontacts") {
		t.Errorf("after its end it makes\n%s", got)
	}
}
