package sites

import (
	"strings"
	"testing"
)

func TestRestricts(t *testing.T) {
	for _, test := range []struct {
		text, name string
		want       bool
	}{
		{"", "a.html", false},
		{"Options -Indexes\nDirectoryIndex a.html\n", "a.html", false},
		{"Require all granted", "a.html", false},
		{"Require all denied", "a.html", true},
		{"  require valid-user", "a.html", true},
		{"Order deny,allow\nDeny from all", "a.html", true},
		{"Order allow,deny\nAllow from all", "a.html", false},
		{"Order Allow,Deny\nAllow from 192.0.2.7", "a.html", true},
		{"order mutual-failure\nallow from 192.0.2.7", "a.html", true},
		{"Order allow,deny", "a.html", true},
		{"Order deny,allow\nAllow from 192.0.2.7", "a.html", false},
		{"<Files b>\nOrder allow,deny\n</Files>", "a.html", false},
		{"Order allow,deny\n<Files b>\nAllow from all\n</Files>", "a.html", true},
		{"AuthType\tBasic", "a.html", true},
		{"# Require all denied", "a.html", false},
		{"Requ\\\nire", "a.html", false},
		{"Require \\\nall denied", "a.html", true},
		{"<IfModule mod_authz_core.c>\nRequire all denied\n</IfModule>", "a.html", true},
		{"<Files secret.txt>\nRequire all denied\n</Files>", "a.html", false},
		{"<Files secret.txt>\nRequire all denied\n</Files>", "secret.txt", true},
		{"<Files \"*.txt\">\nDeny from all\n</Files>", "secret.txt", true},
		{"<Files ~ \"\\.txt$\">\nDeny from all\n</Files>", "secret.txt", true},
		{"<FilesMatch \"\\.(env|log)$\">\nRequire all denied\n</FilesMatch>", "a.log", true},
		{"<FilesMatch \"\\.(env|log)$\">\nRequire all denied\n</FilesMatch>", "a.html", false},
		{"<FilesMatch \"(?<x\">\nRequire all denied\n</FilesMatch>", "a.html", true},
		{"<FilesMatch \"x{1000}\">\nRequire all denied\n</FilesMatch>", "a.html", true},
		{"<Files a>\n<Files b>\n</Files>\nDeny from all\n</Files>", "c", false},
		{"<Files a>\nDeny from all\n</Files>\nDeny from all", "c", true},
	} {
		if got := restricts(test.text, test.name); got != test.want {
			t.Errorf("restricts(%q, %q) = %v, want %v", test.text, test.name, got, test.want)
		}
	}
}

// Whatever stands around it, a line that keeps everybody out of everything does.
func FuzzRestricts(f *testing.F) {
	f.Add("Options -Indexes\n", "a.html")
	f.Add("<Files \"x\">\n</Files>\n", "x")
	f.Add("<FilesMatch [>\n</FilesMatch>", "x")
	f.Fuzz(func(t *testing.T, text, name string) {
		restricts(text, name)
		if !restricts("Require all denied\n"+text, name) {
			t.Errorf("restricts(…%q, %q) = false", text, name)
		}
	})
}

func FuzzHost(f *testing.F) {
	for _, seed := range []string{"alice.example", "ALICE.example.:80", "[::1]:443", "a..b", "1.2.3.4", "..", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, ok := hostOf(text)
		if ok && (strings.ToLower(string(name)) != string(name) || strings.ContainsAny(string(name), "/\\ :\x00\n")) {
			t.Errorf("hostOf(%q) = %q", text, name)
		}
		if below, ok := belowRoot("/" + text); ok && below != "." && (strings.Contains("/"+below+"/", "/../") || strings.HasPrefix(below, "/")) {
			t.Errorf("belowRoot(%q) = %q", text, below)
		}
	})
}
