package matrix

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// twin is something whose name looks much like another's.
type twin struct {
	what    string
	mailbox string // "" for a zone
	zone    string
}

// limits are grants on single things, or on all, and whether they cover a twin,
// told without package grant.
var limits = []struct {
	where  string
	covers func(twin) bool
}{
	{"", func(twin) bool { return true }},
	{"(mailbox=bob@a.example)", func(w twin) bool { return w.mailbox == "bob@a.example" }},
	{"(mailbox=bob*)", func(w twin) bool { return strings.HasPrefix(w.mailbox, "bob") }},
	{"(domain=a.example)", func(w twin) bool { return strings.HasSuffix(w.mailbox, "@a.example") }},
	{"(domain=ba.example)", func(w twin) bool { return strings.HasSuffix(w.mailbox, "@ba.example") }},
	{"(domain=*.a.example)", func(w twin) bool { return strings.HasSuffix(w.mailbox, ".a.example") }},
	{"(zone=a.example)", func(w twin) bool { return w.zone == "a.example" }},
	{"(zone=ba.example)", func(w twin) bool { return w.zone == "ba.example" }},
	{"(zone=*.example)", func(w twin) bool { return w.zone != "" }},
	{"(database=bob_shop)", func(twin) bool { return false }},
}

// twins are things of bob's, of another account called bobby, and of nobody.
var twins = []twin{
	{what: "own", mailbox: "bob@a.example"},
	{what: "a name that begins so", mailbox: "bobby@a.example"},
	{what: "a domain that ends so", mailbox: "bob@ba.example"},
	{what: "an account that begins so", mailbox: "bobby@ba.example"},
	{what: "nobody's", mailbox: "bob@x.a.example"},
	{what: "own", zone: "a.example"},
	{what: "own, ends so", zone: "xa.example"},
	{what: "another account's, ends so", zone: "ba.example"},
}

// forms are the ways in which an account function is called with arguments; ""
// where there is no such way.
func forms(e *api.Entry, q url.Values) []string {
	targets := []string{ways[0].target(e, q), ways[1].target(e, q), ways[2].target(e, q), ways[5].target(e, q)}
	if e.OnlyAPI2 || e.Scope == api.Calls {
		return targets
	}
	args := map[string]string{}
	for key := range q {
		args[key] = q.Get(key)
	}
	command, _ := json.Marshal([]any{e.Module, e.Name, args})
	return append(targets, "/execute/Batch/strict?command="+url.QueryEscape(string(command)))
}

// TestGrantsOfTwins: every function about things with grants on things, by every
// way and inside of a batch, on what is covered and on its twins: nothing else is
// touched, every refusal says so, and what is another account's stays out of
// reach however much a token may do.
func TestGrantsOfTwins(t *testing.T) {
	s := testserver.New(t)
	for user, domain := range map[string]string{"bob": "a.example", "bobby": "ba.example"} {
		s.WHM("createacct", "username", user, "domain", domain, "password", testserver.Password)
		for _, box := range []string{"bob", "bobby"} {
			s.UAPI(user, "Email", "add_pop", "email", box, "password_hash", hash, "quota", "77")
		}
		s.Call(call.API2, user, "ZoneEdit", "add_zone_record", "domain", domain, "name", "secret", "type", "TXT", "txtdata", "text-of-"+domain)
	}
	s.WHM("adddns", "domain", "xa.example", "ip", "192.0.2.7", "trueowner", "bob")
	s.Call(call.API2, "bob", "ZoneEdit", "add_zone_record", "domain", "xa.example", "name", "secret", "type", "TXT", "txtdata", "text-of-xa.example")
	bobby := fingerprint(t, s, "bobby")
	cells, refusals := 0, 0
	for i, l := range limits {
		made := string(encode.Append(nil, s.UAPI("bob", "Tokens", "create_limited", "name", fmt.Sprint("t", i), "grants", "*:write"+l.where)))
		_, token, _ := strings.Cut(made, `"token":"`)
		token, _, _ = strings.Cut(token, `"`)
		for _, w := range twins {
			covered := l.covers(w)
			before := fingerprint(t, s, "bob")
			for _, e := range s.Calls.Registry.All() {
				if e.Audience == latchkey.ForHost || e.Scope != api.Things || strings.HasPrefix(e.Name, "swap_ip") {
					continue
				}
				for _, target := range forms(e, arguments(e, w.things())) {
					if target == "" {
						continue
					}
					cells++
					a := s.Get(s.Account, target, "cpanel bob:"+token)
					said := strings.Contains(a.Body, "This API token may not do that")
					if said {
						refusals++
					}
					switch {
					case covered && said && w.named(e):
						t.Errorf("%s on %s (%s) with %q: %s", target, w.mailbox+w.zone, w.what, l.where, a.Body)
					case !covered && !said && w.must(e):
						t.Errorf("%s on %s (%s) with %q: %s", target, w.mailbox+w.zone, w.what, l.where, a.Body)
					}
					for _, other := range twins {
						if !l.covers(other) && other.told(a.Body) || strings.Contains(a.Body, "text-of-ba.example") {
							t.Errorf("%s with %q tells of %s: %s", target, l.where, other.mailbox+other.zone, a.Body)
						}
					}
				}
				for _, bad := range []string{"cpanel bobby:" + token, "cpanel bo:" + token, "cpanel bobb:" + token} {
					cells++
					if a := s.Get(s.Account, forms(e, arguments(e, w.things()))[2*btoi(e.OnlyAPI2)], bad); !refused(a) {
						t.Errorf("%s as %s: %d %s", e.FullName(), bad[:12], a.Status, a.Body)
					}
				}
			}
			_, domain, _ := strings.Cut(w.mailbox, "@")
			if strings.HasSuffix(domain, ".a.example") {
				domain = "a.example" // the zone that its records are in
			}
			if !covered && !l.covers(twin{zone: domain}) && fingerprint(t, s, "bob") != before {
				t.Errorf("calls with %q on %s changed something", l.where, w.mailbox+w.zone)
			}
			if fingerprint(t, s, "bobby") != bobby {
				t.Fatalf("calls of bob's with %q on %s changed bobby", l.where, w.mailbox+w.zone)
			}
			for _, box := range []string{"bob", "bobby"} {
				s.Call(call.UAPI, "bob", "Email", "add_pop", "email", box, "password_hash", hash, "quota", "77")
			}
			s.Wait(20 * time.Second) // what is wrong with credentials counts against nobody for long
		}
	}
	t.Logf("%d cells, %d refused in words", cells, refusals)
	if cells < 5000 || refusals == 0 {
		t.Errorf("%d cells, %d refused: too few to mean anything", cells, refusals)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// things are arguments that name w.
func (w twin) things() map[string]string {
	if w.zone != "" {
		return map[string]string{"domain": w.zone, "zone": w.zone}
	}
	local, domain, _ := strings.Cut(w.mailbox, "@")
	return map[string]string{"email": w.mailbox, "user": local, "domain": domain, "account": w.mailbox, "login": w.mailbox, "delegate": w.mailbox, "password": "12345luggage"}
}

// named reports whether e is about what w is.
func (w twin) named(e *api.Entry) bool {
	return slices.ContainsFunc(e.Params(), func(p api.Param) bool {
		return p.Resource == "mailbox" && w.mailbox != "" || p.Resource == "zone" && w.zone != ""
	})
}

// must reports whether e has to refuse w where it is not covered: it changes it,
// or asks for it by name.
func (w twin) must(e *api.Entry) bool {
	return w.named(e) && slices.ContainsFunc(e.Params(), func(p api.Param) bool { return p.Required && (p.Resource == "mailbox" || p.Resource == "zone") }) &&
		e.Name != "has_delegated_mailman_lists"
}

// told reports whether an answer tells of w.
func (w twin) told(body string) bool {
	if w.zone != "" {
		return strings.Contains(body, "text-of-"+w.zone)
	}
	return strings.Contains(body, `"email":"`+w.mailbox+`"`)
}
