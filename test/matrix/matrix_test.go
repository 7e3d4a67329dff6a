// Package matrix asks of every function in the registry what must hold for all
// of them. A function is in these tables because it is in the registry: no list
// stands here.
package matrix

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// way is one form in which a function can be called over HTTP.
type way struct {
	name   string
	door   func(*testserver.Server) http.Handler
	target func(e *api.Entry, q url.Values) string // "" where the function has no such form
}

var ways = []way{
	{"execute", func(s *testserver.Server) http.Handler { return s.Account }, func(e *api.Entry, q url.Values) string {
		if e.Audience != latchkey.ForAccount || e.OnlyAPI2 {
			return ""
		}
		return "/execute/" + e.Module + "/" + e.Name + "?" + q.Encode()
	}},
	{"wrapped", func(s *testserver.Server) http.Handler { return s.Account }, func(e *api.Entry, q url.Values) string {
		if e.Audience != latchkey.ForAccount || e.OnlyAPI2 {
			return ""
		}
		return "/json-api/cpanel?cpanel_jsonapi_apiversion=3&cpanel_jsonapi_module=" + e.Module + "&cpanel_jsonapi_func=" + e.Name + "&" + q.Encode()
	}},
	{"api2", func(s *testserver.Server) http.Handler { return s.Account }, func(e *api.Entry, q url.Values) string {
		if e.API2 == "" {
			return ""
		}
		return "/json-api/cpanel?cpanel_jsonapi_module=" + e.Module + "&cpanel_jsonapi_func=" + e.API2 + "&" + q.Encode()
	}},
	{"whm", func(s *testserver.Server) http.Handler { return s.Host }, func(e *api.Entry, q url.Values) string {
		if e.Audience != latchkey.ForHost {
			return ""
		}
		return "/json-api/" + e.Name + "?api.version=1&" + q.Encode()
	}},
	{"whm0", func(s *testserver.Server) http.Handler { return s.Host }, func(e *api.Entry, q url.Values) string {
		if e.API0 == nil {
			return ""
		}
		return "/json-api/" + e.Name + "?" + q.Encode()
	}},
	{"xml", func(s *testserver.Server) http.Handler { return s.Account }, func(e *api.Entry, q url.Values) string {
		if e.Audience != latchkey.ForAccount || e.OnlyAPI2 {
			return ""
		}
		return "/xml-api/cpanel?cpanel_xmlapi_apiversion=3&cpanel_xmlapi_module=" + e.Module + "&cpanel_xmlapi_func=" + e.Name + "&" + q.Encode()
	}},
	{"whm in xml", func(s *testserver.Server) http.Handler { return s.Host }, func(e *api.Entry, q url.Values) string {
		if e.Audience != latchkey.ForHost {
			return ""
		}
		return "/xml-api/" + e.Name + "?api.version=1&" + q.Encode()
	}},
}

// each runs fn for every function in every form it has, and prints how many
// rows that were.
func each(t *testing.T, s *testserver.Server, fn func(e *api.Entry, w way)) {
	t.Helper()
	rows := 0
	for _, e := range s.Calls.Registry.All() {
		for _, w := range ways {
			// What revokes the token that calls it leaves none for those after it.
			if w.target(e, nil) != "" && e.FullName() != "Tokens::revoke_self" {
				fn(e, w)
				rows++
			}
		}
	}
	t.Logf("%d rows from %d functions", rows, len(s.Calls.Registry.All()))
	if rows < 100 {
		t.Errorf("only %d rows: the registry is not what it should be", rows)
	}
}

// refused reports whether an answer is the one refusal of bad credentials.
func refused(a testserver.Answer) bool {
	return (a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden) && strings.Contains(a.Body, "Access denied")
}

// entered counts the functions that were really run, by the events of the trail
// that say who called them.
func entered(t *testing.T, s *testserver.Server) int {
	t.Helper()
	n := 0
	s.Trail.Flush()
	for _, e := range events(t, s) {
		if e.By != 0 {
			n++
		}
	}
	return n
}

// TestBadCredentials: whatever is wrong with a credential, no function is
// entered, by any way.
func TestBadCredentials(t *testing.T) {
	s := testserver.New(t)
	demo, other, root := s.Token("demo", "matrix"), s.Token("other", "matrix"), s.HostToken("matrix")
	expired := s.Token("demo", "expired", "expires_at", fmt.Sprint(testserver.Start.Add(time.Second).Unix()))
	revoked := s.Token("demo", "revoked")
	s.UAPI("demo", "Tokens", "revoke", "name", "revoked")
	s.WHM("createacct", "username", "asleep", "domain", "asleep.example", "password", testserver.Password)
	asleep := s.Token("asleep", "matrix")
	s.WHM("suspendacct", "user", "asleep")
	s.WHM("createacct", "username", "gone", "domain", "gone.example", "password", testserver.Password)
	gone := s.Token("gone", "matrix")
	s.WHM("removeacct", "username", "gone")
	limited := func(name string, args ...string) string {
		s.UAPI("demo", "Tokens", "create_limited", append([]string{"name", name, "preset", "full_access"}, args...)...)
		return shownBy(s.UAPI("demo", "Tokens", "rotate", "name", name))
	}
	disabled, replaced := limited("disabled"), limited("replaced")
	s.UAPI("demo", "Tokens", "disable", "name", "disabled")
	s.UAPI("demo", "Tokens", "rotate", "name", "replaced")
	overlap := limited("overlap")
	s.UAPI("demo", "Tokens", "rotate", "name", "overlap", "overlap", "60")
	early := limited("early", "not_before", fmt.Sprint(testserver.Start.AddDate(1, 0, 0).Unix()))
	unused := limited("unused", "unused_days", "1")
	elsewhere := limited("elsewhere", "whitelist_ip", "203.0.113.0/24")
	usedUp := limited("used-up", "max_uses", "1")
	s.Get(s.Account, "/execute/Tokens/verify", "cpanel demo:"+usedUp)
	s.Wait(24 * time.Hour)

	bad := map[string]string{
		"none":                   "",
		"empty":                  " ",
		"unknown scheme":         "Bearer " + demo,
		"no colon":               "cpanel demo",
		"garbage":                "cpanel demo:x",
		"one letter wrong":       "cpanel demo:" + demo[:31] + flip(demo[31]),
		"demo's token as other":  "cpanel other:" + demo,
		"other's token as demo":  "cpanel demo:" + other,
		"demo's token as root":   "cpanel root:" + demo,
		"demo's token in DEMO":   "cpanel DEMO:" + demo,
		"root's token as cpanel": "cpanel root:" + root,
		"root's token as demo":   "cpanel demo:" + root,
		"expired":                "cpanel demo:" + expired,
		"revoked":                "cpanel demo:" + revoked,
		"disabled":               "cpanel demo:" + disabled,
		"replaced":               "cpanel demo:" + replaced,
		"replaced for a while":   "cpanel demo:" + overlap,
		"not valid yet":          "cpanel demo:" + early,
		"ended unused":           "cpanel demo:" + unused,
		"used up":                "cpanel demo:" + usedUp,
		"for another address":    "cpanel demo:" + elsewhere,
		"suspended account":      "cpanel asleep:" + asleep,
		"removed account":        "cpanel gone:" + gone,
		"wrong password":         "Basic ZGVtbzp3cm9uZw==",
	}
	badHost := map[string]string{
		"none":                     "",
		"demo's token at the host": "whm demo:" + demo,
		"demo's token as root":     "whm root:" + demo,
		"root's token as demo":     "whm demo:" + root,
		"root's token as cpanel":   "cpanel root:" + root,
	}
	before := entered(t, s)
	rows := 0
	each(t, s, func(e *api.Entry, w way) {
		list := bad
		if e.Audience == latchkey.ForHost {
			list = badHost
		}
		for what, authorization := range list {
			if what == "wrong password" && rows > 400 {
				continue // each costs a slow hash; the way is the same for all
			}
			rows++
			if a := s.Get(w.door(s), w.target(e, nil), authorization); !refused(a) {
				t.Errorf("%s by %s with %s: %d %s", e.FullName(), w.name, what, a.Status, a.Body)
			}
		}
	})
	if n := entered(t, s) - before; n != 0 {
		t.Errorf("%d functions were entered with bad credentials", n)
	}
	t.Logf("%d refusals", rows)
}

// shownBy is the secret that an answer shows.
func shownBy(data any) string {
	_, text, _ := strings.Cut(string(encode.Append(nil, data)), `"token":"`)
	text, _, _ = strings.Cut(text, `"`)
	return text
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

// TestReadOnly: a read-only token is refused every function that writes, and
// nothing changes.
func TestReadOnly(t *testing.T) {
	s := testserver.New(t)
	token := s.Token("demo", "reader", "readonly", "1")
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password", testserver.Password)
	before := fingerprint(t, s, "demo")
	each(t, s, func(e *api.Entry, w way) {
		if e.Audience != latchkey.ForAccount {
			return
		}
		a := s.Get(w.door(s), w.target(e, arguments(e, own)), "cpanel demo:"+token)
		if said := strings.Contains(a.Body, "read-only"); said != (e.Effect == api.Write) {
			t.Errorf("%s (%v) by %s: %s", e.FullName(), e.Effect, w.name, a.Body)
		}
	})
	if after := fingerprint(t, s, "demo"); after != before {
		t.Error("a read-only token changed the account")
	}
}

// TestFeatureOff: without its feature a function is refused and named, and so
// is every function, for tokens, without the feature of tokens.
func TestFeatureOff(t *testing.T) {
	s := testserver.New(t)
	token := s.Token("demo", "matrix")
	each(t, s, func(e *api.Entry, w way) {
		if e.Audience != latchkey.ForAccount || e.Effect == api.Write && e.Feature == latchkey.NoFeature {
			return
		}
		for _, f := range []latchkey.Feature{e.Feature, latchkey.FeatureAPITokens} {
			if f == latchkey.NoFeature {
				continue
			}
			s.WHM("add_override_features_for_user", "user", "demo", "features", `{"`+f.String()+`":0}`)
			a := s.Get(w.door(s), w.target(e, arguments(e, own)), "cpanel demo:"+token)
			if want := "You do not have the feature “" + f.String() + "”."; !strings.Contains(a.Body, want) {
				t.Errorf("%s by %s without %s: %s", e.FullName(), w.name, f, a.Body)
			}
			s.WHM("remove_override_features_for_user", "user", "demo", "features", `["`+f.String()+`"]`)
		}
	})
}

// TestOwnership: whatever of other's demo names in whatever argument, nothing of
// other's changes, and nothing of it is told.
func TestOwnership(t *testing.T) {
	s := testserver.New(t)
	token := s.Token("demo", "matrix")
	s.UAPI("other", "Email", "add_pop", "email", "victim", "password", testserver.Password, "quota", "77")
	s.Token("other", "keepsake")
	_, handle, _ := strings.Cut(fmt.Sprint(string(encode.Append(nil, s.UAPI("other", "Tokens", "list")))), `"handle":"`)
	handle, _, _ = strings.Cut(handle, `"`)
	if len(handle) != 10 {
		t.Fatalf("other's token has the handle %q", handle)
	}
	before := fingerprint(t, s, "other")
	each(t, s, func(e *api.Entry, w way) {
		if e.Audience != latchkey.ForAccount {
			return
		}
		a := s.Get(w.door(s), w.target(e, arguments(e, foreign)), "cpanel demo:"+token)
		if strings.Contains(a.Body, handle) || strings.Contains(a.Body, "80740352") {
			t.Errorf("%s by %s tells what is other's: %s", e.FullName(), w.name, a.Body)
		}
	})
	if after := fingerprint(t, s, "other"); after != before {
		t.Error("demo's token changed what is other's")
	}
	if boxes := s.UAPI("other", "Email", "count_pops"); fmt.Sprint(boxes) != "1" {
		t.Errorf("other has %v mailboxes, had 1", boxes)
	}
}

// own and foreign are arguments that fit by their names: of demo's own things,
// and of other's.
var (
	own = map[string]string{
		"email": "box@example.com", "user": "box", "domain": "example.com", "account": "box@example.com",
	}
	foreign = map[string]string{
		"email": "victim@example.net", "user": "victim", "domain": "example.net", "account": "victim@example.net", "login": "victim@example.net",
		"delegate": "victim@example.net", "username": "other",
	}
)

// arguments are values for every parameter of e: from things where the name or
// the kind of resource is known, else something that parses.
func arguments(e *api.Entry, things map[string]string) url.Values {
	q := url.Values{}
	for _, p := range e.Params() {
		value := things[p.Name]
		switch {
		case p.Rest || p.Name == "get_restrictions":
			continue
		case p.Name == "outcome": // the trail would tell of refusals that came before
			value = "ok"
		case value != "" && (p.Name == "email" || p.Name == "account" || p.Name == "login" || p.Name == "delegate"):
		case value == "" && p.Resource == "mailbox":
			value = things["email"]
		case value == "" && (p.Resource == "domain" || p.Resource == "zone" || p.Resource == "host"):
			value = things["domain"]
		case value != "":
		case len(p.Enum) > 0:
			value = p.Enum[0]
		case p.Type == "boolean":
			value = "1"
		case p.Type == "integer":
			value = "10"
		case !p.Required:
			continue
		case p.Name == "name" || p.Name == "new_name":
			value = "keepsake"
		case p.Name == "command":
			value = `["Email","count_pops",{}]`
		case p.Name == "query":
			value = "savedbefore 52w"
		case p.Name == "display":
			value = "diskusage"
		case p.Name == "nsec3_salt":
			value = "1a2b"
		default:
			value = "12345luggage"
		}
		q.Set(p.Name, value)
	}
	return q
}

// fingerprint is a hash over everything an account has, in the store and on the
// disk.
func fingerprint(t *testing.T, s *testserver.Server, name latchkey.AccountName) string {
	t.Helper()
	h := sha256.New()
	err := s.Store.Read(context.Background(), func(r store.Reader) error {
		a, err := r.Account(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%+v", a)
		for _, list := range []func() (any, error){
			func() (any, error) { return r.Domains(a.ID) },
			func() (any, error) { return r.Zones(a.ID) },
			func() (any, error) { return r.Tokens(a.ID, latchkey.ForAccount) },
			func() (any, error) { return r.Mailboxes(a.ID, store.Mailbox{}, 0) },
			func() (any, error) { return r.Overrides(a.ID) },
			func() (any, error) { return r.Zones(a.ID) },
			func() (any, error) { return r.DynamicHosts(a.ID) },
			func() (any, error) { return r.Kept(a.ID, 0) },
			func() (any, error) { return r.Kept(a.ID, 1) },
			func() (any, error) { return r.Kept(a.ID, 2) },
			func() (any, error) { return r.Sites(a.ID) },
		} {
			v, err := list()
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "%+v", v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(s.Dir, "homes", string(name))
	err = filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		text := []byte(nil)
		if d.Type().IsRegular() {
			if text, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		fmt.Fprintf(h, "%s %x\n", path, text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// TestRows: every row of the registry says what it must, so that everything
// derived from it is complete.
func TestRows(t *testing.T) {
	s := testserver.New(t)
	for _, e := range s.Calls.Registry.All() {
		if e.Doc == "" {
			t.Errorf("%s has no documentation", e.FullName())
		}
		for _, p := range e.Params() {
			if p.Doc == "" {
				t.Errorf("%s: its parameter %s has no documentation", e.FullName(), p.Name)
			}
			if secret := strings.Contains(p.Name, "pass") && p.Type == "string"; secret && !p.Secret {
				t.Errorf("%s: its parameter %s is not declared secret", e.FullName(), p.Name)
			}
		}
	}
}

// TestTrail: every call leaves one event, with the names of its arguments and
// never a secret; one whose change cannot be taken back two, the first when it began.
func TestTrail(t *testing.T) {
	s := testserver.New(t)
	token := s.Token("demo", "matrix")
	each(t, s, func(e *api.Entry, w way) {
		if e.Audience != latchkey.ForAccount || e.FullName() == "Batch::strict" {
			return
		}
		s.Trail.Flush()
		before := len(events(t, s))
		s.Get(w.door(s), w.target(e, arguments(e, own)), "cpanel demo:"+token)
		s.Trail.Flush()
		after := events(t, s)
		left := after[before:]
		if len(left) == 2 && left[0].Reason == "begun" {
			left = left[1:]
		}
		if len(left) != 1 {
			t.Fatalf("%s by %s left %d events", e.FullName(), w.name, len(after)-before)
		}
		ev := left[0]
		if ev.Func != e.FullName() || ev.Name != "demo" || ev.Handle == (latchkey.Handle{}) || ev.From.String() != "198.51.100.7" {
			t.Errorf("%s by %s left %+v", e.FullName(), w.name, ev)
		}
		if text := fmt.Sprintf("%+v", ev); strings.Contains(text, token) || strings.Contains(text, "12345luggage") {
			t.Errorf("%s by %s left a secret in the trail: %s", e.FullName(), w.name, text)
		}
	})
	if log := s.Log.String(); strings.Contains(log, token) || strings.Contains(log, "12345luggage") || strings.Contains(log, testserver.Password) {
		t.Errorf("a secret stands in the log:\n%s", log)
	}
}
