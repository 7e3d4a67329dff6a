package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/test/testserver"
)

// elsewhere is what a browser says of forms that come from elsewhere.
var elsewhere = [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, {"Origin", "null"}}

// TestForged: what another site's page sends to any form of either door changes
// nothing, whatever it says of itself, with the right password in it too; nor does
// what comes with a wrong prefix or none.
func TestForged(t *testing.T) {
	s := testserver.New(t)
	owner, root := signIn(t, s.Account, "demo", testserver.Password), host(t, s)
	owner.made("name", "x", "preset", "read_only", "life", "30")
	s.WHM("addpkg", "name", "x")
	s.WHM("create_featurelist", "featurelist", "x")
	fields := url.Values{
		"name": {"y"}, "new_name": {"y"}, "username": {"fresh"}, "domain": {"fresh.example"}, "plan": {"default"}, "pkg": {"x"}, "password": {testserver.Password}, "new_password": {"another-horse-17"},
		"again": {"another-horse-17"}, "confirm": {"demo"}, "preset": {"read_only"}, "life": {"30"}, "grants": {"Quota:read"}, "overlap": {"0"}, "token": {"demo/x"}, "step": {"do"}, "was": {"="}, "list": {"default"},
	}
	sent := 0
	for audience, b := range map[latchkey.Audience]*browser{latchkey.ForAccount: owner, latchkey.ForHost: root} {
		before := changes(t, s)
		for _, path := range web.Forms(audience) {
			path = strings.NewReplacer("{name}", "x", "{user}", "demo").Replace(path)
			for _, header := range elsewhere {
				if w := b.ask("POST", b.prefix+path, fields.Encode(), header...); w.Code < 400 && header[1] != "none" { // no page sends that: who typed the address may look
					t.Errorf("%s with %v: %d", path, header, w.Code)
				}
				sent++
			}
		}
		prefix := b.prefix
		for _, b.prefix = range []string{"", "/cpsess0000000000"} {
			if w := b.post("/security/end"); w.Code != http.StatusUnauthorized {
				t.Errorf("with the prefix %q: %d", b.prefix, w.Code)
			}
		}
		b.prefix = prefix
		if after := changes(t, s); after != before {
			t.Errorf("something changed: %d, was %d", after, before)
		}
		b.get("/security")
	}
	if sent < 150 {
		t.Errorf("only %d forms were sent", sent)
	}
	// By a page of ours the same goes through.
	if w := root.ask("POST", root.prefix+"/account/demo/suspend", fields.Encode()); w.Code != http.StatusSeeOther {
		t.Errorf("by a page of ours: %d", w.Code)
	}
}

// changes is the position of the newest change of who may do what.
func changes(t *testing.T, s *testserver.Server) store.Seq {
	t.Helper()
	at, err := s.Store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}
