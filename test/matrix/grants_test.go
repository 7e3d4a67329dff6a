package matrix

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/call"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/wire/encode"
	"github.com/latchkey/latchkey/test/testserver"
)

// given is a grant by its parts, so that what it allows can be told without
// package grant.
type given struct {
	module, area string // area: read, write or the name of one function
	mailbox      string // a condition, "" for none; of a domain it begins with @
}

func (g given) String() string {
	text := g.module + ":" + g.area
	if g.area != "read" && g.area != "write" {
		text = g.module + "::" + g.area
	}
	switch {
	case strings.HasPrefix(g.mailbox, "@"):
		text += "(domain=" + g.mailbox[1:] + ")"
	case g.mailbox != "":
		text += "(mailbox=" + g.mailbox + ")"
	}
	return text
}

func (g given) of(e *api.Entry) bool {
	return (g.module == "*" || g.module == e.Module) && (g.area == "write" || g.area == e.Name || g.area == "read" && e.Effect == api.Read)
}

func (g given) on(mailbox string) bool {
	return g.mailbox == "" || g.mailbox == mailbox || strings.HasPrefix(g.mailbox, "@") && strings.HasSuffix(mailbox, g.mailbox)
}

var givens = []given{
	{"*", "read", ""}, {"*", "write", "@example.com"}, {"*", "read", "@ba.example"}, {"Email", "write", ""}, {"Email", "read", ""},
	{"Email", "write", "@example.com"}, {"Email", "write", "@xample.com"}, {"Email", "write", "@example.net"}, {"Email", "write", "box@example.com"},
	{"Email", "read", "box@example.com"}, {"Email", "write", "boxy@example.com"}, {"Email", "add_pop", "@example.com"}, {"Email", "delete_pop", ""},
	{"Email", "list_pops", "box@example.com"}, {"Emai", "write", ""}, {"DomainInfo", "read", "@example.com"}, {"DomainInfo", "write", "@example.net"},
	{"Tokens", "read", ""}, {"Tokens", "write", "@example.com"}, {"Tokens", "list", ""}, {"Quota", "read", ""}, {"Variables", "write", ""},
	{"Session", "write", ""}, {"Batch", "write", "@example.com"},
}

// narrowToken makes a token of demo's with the grants.
func narrowToken(s *testserver.Server, name string, g given) string {
	return "cpanel demo:" + shownBy(s.UAPI("demo", "Tokens", "create_limited", "name", name, "grants", g.String()))
}

// TestGrants: every function with every grant, on what is covered and on what
// looks much like it. Nothing that is not covered changes or is told of, and
// every refusal says so.
func TestGrants(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("other", "Email", "add_pop", "email", "victim", "password_hash", hash, "quota", "77")
	others := fingerprint(t, s, "other")
	s.Token("demo", "keepsake")
	boxes := []string{"box@example.com", "boxy@example.com", "victim@example.com"}
	cells, through := 0, 0
	for i, g := range givens {
		token := narrowToken(s, fmt.Sprint("g", i), g)
		for _, mailbox := range []string{"box@example.com", "boxy@example.com", "victim@example.com", "victim@example.net"} {
			for _, box := range boxes {
				s.Call(call.UAPI, "demo", "Email", "add_pop", "email", box, "password_hash", hash) // where an earlier round took it away
			}
			local, domain, _ := strings.Cut(mailbox, "@")
			things := map[string]string{
				"email": mailbox, "user": local, "domain": domain, "account": mailbox, "login": mailbox, "delegate": mailbox, "username": "other", "password": "12345luggage",
			}
			before, mayChange := fingerprint(t, s, "demo"), false
			for _, e := range s.Calls.Registry.All() {
				if e.Audience == latchkey.ForHost || e.Scope == api.Bearer {
					continue
				}
				cells++
				w := ways[0]
				if e.OnlyAPI2 {
					w = ways[2]
				}
				a := s.Get(s.Account, w.target(e, arguments(e, things)), token)
				said := strings.Contains(a.Body, "This API token may not do that")
				switch {
				case e.Scope == api.Calls:
				case !g.of(e), (e.Scope == api.Whole || zoned(e)) && g.mailbox != "", ofDomains(e) && g.mailbox != "" && g.mailbox[0] != '@':
					if !said {
						t.Errorf("%s with %s: %s", e.FullName(), g, a.Body)
					}
				case e.Scope == api.Whole || g.on(mailbox):
					if through++; said {
						t.Errorf("%s on %s with %s: %s", e.FullName(), mailbox, g, a.Body)
					}
					mayChange = mayChange || e.Effect == api.Write
				}
				for _, box := range boxes {
					if e.Scope == api.Things && !g.on(box) && strings.Contains(a.Body, `"`+box+`"`) {
						t.Errorf("%s on %s with %s tells of %s: %s", e.FullName(), mailbox, g, box, a.Body)
					}
				}
			}
			if !mayChange && fingerprint(t, s, "demo") != before {
				t.Errorf("calls with %s about %s changed something", g, mailbox)
			}
		}
	}
	if fingerprint(t, s, "other") != others {
		t.Error("a token of demo changed the account other")
	}
	t.Logf("%d cells, %d let through", cells, through)
	if cells < 5000 || through == 0 {
		t.Errorf("%d cells, %d let through: too few to mean anything", cells, through)
	}
}

// zoned reports whether e must be given a zone or a host, which no grant for
// domains or mailboxes covers.
func zoned(e *api.Entry) bool {
	return slices.ContainsFunc(e.Params(), func(p api.Param) bool {
		return p.Resource == "zone" || p.Resource == "host" && p.Required && !strings.HasPrefix(e.Name, "install")
	})
}

// TestNarrowTokens: what a narrow token shows of itself, what it cannot make, and
// how it ends.
func TestNarrowTokens(t *testing.T) {
	s := testserver.New(t)
	ask := func(token, function string) string {
		return s.Get(s.Account, "/execute/Tokens/"+function, token).Body
	}
	has := func(what, body string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s answers %s, want %s", what, body, w)
			}
		}
	}
	mail := narrowToken(s, "mail", given{"Email", "write", "@example.com"})
	has("verify", ask(mail, "verify"), `"grants":["Email:write(domain=example.com)"]`, `"has_full_access":0`, `"name":"mail"`, `"status":1`)
	has("list by the token", ask(mail, "list"), `"status":0`, "Tokens:read")

	minting := narrowToken(s, "minting", given{"Tokens", "write", ""})
	has("list", ask(minting, "list"), `"has_full_access":0`, `"name":"mail"`)
	for _, beyond := range []string{"create_full_access?name=more", "create_limited?name=more&grants=*:read", "create_limited?name=more&preset=full_access", "create_limited?name=more&grants=Email:read"} {
		has(beyond, ask(minting, beyond), `"status":0`, "may do more than itself")
	}
	has("a token with as little", ask(minting, "create_limited?name=same&grants=Tokens::list"), `"status":1`, `"grants":["Tokens::list"]`)
	has("get_details", ask(minting, "get_details?name=same"), `"grants":["Tokens::list"]`, `"whitelist_ips":null`)

	has("no grants", ask(minting, "create_limited?name=more"), "Provide the ‘grants’ argument.")
	has("bad grants", ask(minting, "create_limited?name=more&grants=Email"), "comes :read, :write or ::FUNCTION")
	has("a preset without its domain", ask(minting, "create_limited?name=more&preset=mailboxes"), "needs a domain")

	has("revoke_self", ask(mail, "revoke_self"), `"data":1`, `"status":1`)
	if a := s.Get(s.Account, "/execute/Tokens/verify", mail); !refused(a) {
		t.Errorf("a token that ended itself: %d %s", a.Status, a.Body)
	}
}

const hash = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"

// TestNarrowTokensLearnNoNames: whoever has a token for other things than those
// of the main domain is told by no function what it is called, whether they name
// a domain or leave it to the server.
func TestNarrowTokensLearnNoNames(t *testing.T) {
	s := testserver.New(t)
	s.UAPI("demo", "Email", "add_pop", "email", "box", "password_hash", hash)
	made := string(encode.Append(nil, s.UAPI("demo", "Tokens", "create_limited", "name", "shop", "grants",
		"*:write(domain=shop.example); *:write(zone=shop.example); *:write(mailbox=*@shop.example)")))
	_, made, _ = strings.Cut(made, `"token":"`)
	made, _, _ = strings.Cut(made, `"`)
	asked := 0
	for _, things := range []map[string]string{
		{"email": "box", "user": "box", "account": "box", "login": "box", "delegate": "box", "password": "12345luggage"},
		{"email": "box@shop.example", "user": "box", "domain": "shop.example", "account": "box", "login": "box", "delegate": "box", "password": "12345luggage"},
	} {
		each(t, s, func(e *api.Entry, w way) {
			if e.Audience != latchkey.ForAccount || e.Scope == api.Bearer {
				return
			}
			q := arguments(e, things)
			for key := range q {
				if q.Get(key) == "" {
					q.Del(key)
				}
			}
			asked++
			if a := s.Get(w.door(s), w.target(e, q), "cpanel demo:"+made); strings.Contains(a.Body, "example.com") {
				t.Errorf("%s %v: %s", w.target(e, nil), q, a.Body)
			}
		})
	}
	if asked < 100 {
		t.Errorf("only %d questions", asked)
	}
}

// ofDomains reports whether e changes a domain, of which no mailbox is the whole.
func ofDomains(e *api.Entry) bool {
	names := func(kind string) bool {
		return slices.ContainsFunc(e.Params(), func(p api.Param) bool { return p.Resource == kind })
	}
	return e.Effect == api.Write && names("domain") && !names("mailbox")
}
