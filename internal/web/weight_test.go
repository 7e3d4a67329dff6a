package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/test/testserver"
)

// heaviest is what a page may weigh with all that it loads, in bytes as they are
// sent.
const heaviest = 60_000

// TestWeight: every page of both doors stays light with all that it loads, with
// lists that are full, and when somebody is to sign in or something is not there.
func TestWeight(t *testing.T) {
	s := testserver.New(t)
	for i := range 60 {
		s.UAPI("demo", "Tokens", "create_limited", "name", fmt.Sprintf("token-%d", i), "preset", "certificates_dns", "zone", "example.com", "note", strings.Repeat("for the shop ", 10))
		s.WHM("createacct", "username", fmt.Sprintf("n%d", i), "domain", fmt.Sprintf("n%d.example", i))
	}
	for i := range 10 {
		s.WHM("create_featurelist", "featurelist", fmt.Sprintf("plan %d", i))
		s.WHM("addpkg", "name", fmt.Sprintf("plan %d", i), "featurelist", fmt.Sprintf("plan %d", i))
	}
	s.Wait(time.Hour)
	use := s.Token("demo", "used")
	for range 60 {
		s.Get(s.Account, "/execute/Email/list_pops?domain=example.com", "cpanel demo:"+use)
	}
	if _, err := s.Store.Write(t.Context(), func(tx store.Tx) error { return busy(tx, latchkey.DayOf(s.Now())) }); err != nil {
		t.Fatal(err)
	}
	s.WHM("set_token_policy", "full_access", "0", "longest_days", "1")
	for _, of := range []struct {
		audience latchkey.Audience
		b        *browser
		names    map[string]string
	}{
		{latchkey.ForAccount, signIn(t, s.Account, "demo", testserver.Password), map[string]string{"{theme}": "jupiter", "{name}": "used"}},
		{latchkey.ForHost, host(t, s), map[string]string{"{user}": "n5", "{name}": "plan%205"}},
	} {
		for _, path := range slices.Concat(web.Shown(of.audience), []string{"/no/such/page", "signed out"}) {
			if strings.HasSuffix(path, ".csv") {
				continue // it is no page
			}
			for name, is := range of.names {
				path = strings.ReplaceAll(path, name, is)
			}
			prefix, at := of.b.prefix, path
			if at == "signed out" {
				prefix, at = "", "/"
			}
			w := of.b.ask("GET", prefix+at, "")
			if w.Code != http.StatusOK && at == path && at != "/no/such/page" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
				t.Errorf("%s: %d %s", path, w.Code, w.Body)
			}
			size := w.Body.Len() + of.b.loads(w.Body.String())
			if t.Logf("%s: %d", path, size); size > heaviest {
				t.Errorf("%s weighs %d bytes", path, size)
			}
		}
	}
}

// busy has each token of demo used on each of the last days.
func busy(tx store.Tx, today latchkey.DayNumber) error {
	a, err := tx.Account("demo")
	if err != nil {
		return err
	}
	list, err := tx.Tokens(a.ID, latchkey.ForAccount)
	for i := range list {
		for day := today - hosting.ShownDays + 1; err == nil && day <= today; day++ {
			err = tx.AddTokenDay(latchkey.TokenDay{Token: list[i].ID, Day: day, Calls: 5 + int64(day)%7})
		}
		if err == nil {
			err = tx.PutUse(list[i].MAC, latchkey.Use{At: testserver.Start, From: "2001:db8:1234:5678:9abc:def0:1234:5678", Client: "curl/8"})
		}
	}
	return err
}

// loads is how much a page loads, packed as the server sends it.
func (b *browser) loads(page string) (size int) {
	b.t.Helper()
	found := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(found) == 0 {
		b.t.Error("the page loads nothing")
	}
	for _, m := range found {
		w := b.ask("GET", m[1], "", "Accept-Encoding", "gzip")
		if w.Code != http.StatusOK {
			b.t.Errorf("%s: %d", m[1], w.Code)
		}
		size += w.Body.Len()
	}
	return size
}

// TestAssets: what pages load may be kept, under addresses that change with it, is
// packed for who takes that, and is not sent to who holds it.
func TestAssets(t *testing.T) {
	s := testserver.New(t)
	b := open(t, s.Account)
	at := regexp.MustCompile(`/assets/app\.[0-9a-f]{12}\.css`).FindString(b.ask("GET", "/", "").Body.String())
	if at == "" {
		t.Fatal("the page loads no style sheet")
	}
	plain := b.ask("GET", at, "", "Accept-Encoding", "identity")
	packed := b.ask("GET", at, "", "Accept-Encoding", "br, gzip;q=0.5")
	for what, w := range map[string]http.Header{"plain": plain.Header(), "packed": packed.Header()} {
		if w.Get("Cache-Control") != "public, max-age=31536000, immutable" || w.Get("Vary") != "Accept-Encoding" || w.Get("Content-Type") != "text/css; charset=utf-8" ||
			w.Get("X-Content-Type-Options") != "nosniff" || w.Get("Content-Security-Policy") == "" || w.Get("ETag") == "" {
			t.Errorf("%s: %v", what, w)
		}
	}
	if plain.Header().Get("Content-Encoding") != "" || packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= plain.Body.Len() || plain.Header().Get("ETag") == packed.Header().Get("ETag") {
		t.Errorf("packed %d bytes, plain %d: %v", packed.Body.Len(), plain.Body.Len(), packed.Header())
	}
	for accept, want := range map[string]string{"gzip;q=0": "", "": "", "*": "gzip", "GZIP": "gzip", "gzip; q=0.001": "gzip", "xgzip": ""} {
		if got := b.ask("GET", at, "", "Accept-Encoding", accept).Header().Get("Content-Encoding"); got != want {
			t.Errorf("who accepts %q is sent %q", accept, got)
		}
	}
	tag := packed.Header().Get("ETag")
	for said, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, plain.Header().Get("ETag"): 200} {
		w := b.ask("GET", at, "", "Accept-Encoding", "gzip", "If-None-Match", said)
		if w.Code != want || want == 304 && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag || !strings.Contains(w.Header().Get("Cache-Control"), "immutable")) {
			t.Errorf("who holds %s is answered %d with %d bytes: %v", said, w.Code, w.Body.Len(), w.Header())
		}
	}
	if w := b.ask("GET", strings.Replace(at, "/assets/app.", "/assets/app.0", 1), ""); w.Code != http.StatusNotFound || strings.Contains(w.Header().Get("Cache-Control"), "public") {
		t.Errorf("another version: %d %v", w.Code, w.Header())
	}
}
