package wire

import (
	"net/url"
	"strings"
	"testing"
)

// FuzzLocalPage: whatever was asked for, a browser is never sent elsewhere, and
// no line of a header ends.
func FuzzLocalPage(f *testing.F) {
	for _, uri := range []string{"/", "/frontend/x?y=1#z", "//evil.example", "/\\evil.example", "/\tevil", "https://evil.example", "/cpsess1234567890//evil.example", "/%0d%0aSet-Cookie:x"} {
		f.Add(uri)
	}
	base, _ := url.Parse("https://host.example.org:2083/login/")
	f.Fuzz(func(t *testing.T, uri string) {
		page := localPage(uri)
		if page == "" {
			return
		}
		to := "/cpsess1234567890" + page
		u, err := base.Parse(to)
		if strings.ContainsAny(to, "\r\n\\\x00") || err == nil && (u.Host != base.Host || u.Scheme != "https") || strings.HasPrefix(page, "//") {
			t.Errorf("localPage(%q) = %q", uri, page)
		}
	})
}
