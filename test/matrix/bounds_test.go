package matrix

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/test/testserver"
)

// bound is a token by how narrow it is in each direction: 0 is not at all, and
// each step is within the one before.
type bound [5]int

// steps are how each direction is written, by step.
var steps = [5][3][]string{
	{{"preset", "full_access"}, {"grants", "Tokens:write; Email:write(domain=example.com)"}, {"grants", "Tokens:write"}},
	{{"whitelist_ip", "any"}, {"whitelist_ip", "198.51.100.0/24"}, {"whitelist_ip", "198.51.100.7"}},
	{{"expires_at", "0"}, {"expires_at", seconds(2 * time.Hour)}, {"expires_at", seconds(time.Hour)}},
	{{"rate_limit", "0"}, {"rate_limit", "60000"}, {"rate_limit", "50000"}},
	{{"unused_days", "0"}, {"unused_days", "20"}, {"unused_days", "10"}},
}

func seconds(after time.Duration) string { return fmt.Sprint(testserver.Start.Add(after).Unix()) }

func (b bound) args() (args []string) {
	for direction, step := range b {
		args = append(args, steps[direction][step]...)
	}
	return args
}

// within reports whether b is no more than c: in all directions, or in what it
// may do alone.
func (b bound) within(c bound, all bool) bool {
	for i := range b {
		if b[i] < c[i] && (all || i == 0) {
			return false
		}
	}
	return true
}

// made is the secret of a token of demo's that is made so.
func (b bound) made(s *testserver.Server, name string) string {
	return "cpanel demo:" + shownBy(s.UAPI("demo", "Tokens", "create_limited", append([]string{"name", name}, b.args()...)...))
}

func query(args ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(args); i += 2 {
		q.Set(args[i], args[i+1])
	}
	return q.Encode()
}

// TestBoundsOfOthers: no token gets another into its hands, wakes it or changes
// it, that is more than itself in any direction; nor ends or renames one that may
// do more. The token is left as it was then.
func TestBoundsOfOthers(t *testing.T) {
	s := testserver.New(t)
	callers := []bound{{}, {1}, {2}, {0, 1}, {0, 0, 1}, {0, 0, 0, 1}, {0, 0, 0, 0, 1}, {1, 1, 1, 1, 1}, {2, 1}}
	targets := []bound{{}, {1}, {2}, {0, 1}, {0, 2}, {0, 0, 1}, {0, 0, 2}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0, 0, 0, 0, 1}, {0, 0, 0, 0, 2},
		{1, 1, 1, 1, 1}, {2, 2, 2, 2, 2}, {2, 1, 1, 1, 1}, {1, 2, 2, 2, 2}, {0, 2, 2, 2, 2}, {2, 0, 2, 2, 2}}
	cells, through := 0, 0
	for i, by := range callers {
		token := by.made(s, fmt.Sprint("caller", i))
		for j, on := range targets {
			name := fmt.Sprintf("on-%d-%d", i, j)
			on.made(s, name)
			for _, ask := range []struct {
				call, args string
				all        bool
			}{
				{"update", "note=x", true}, {"rotate", "overlap=60", true}, {"enable", "", true},
				{"rename", "new_name=" + name, false}, {"disable", "", false}, {"revoke", "", false},
			} {
				before := tokensOf(t, s)
				a := s.Get(s.Account, "/execute/Tokens/"+ask.call+"?"+ask.args+"&name="+name, token)
				cells++
				switch may := on.within(by, ask.all); {
				case may && !strings.Contains(a.Body, `"status":1`):
					t.Errorf("%v does %s to %v: %s, want it done", by, ask.call, on, a.Body)
				case !may && (!strings.Contains(a.Body, `"status":0`) || !strings.Contains(a.Body, "The API token that you call with ")):
					t.Errorf("%v does %s to %v: %s, want it refused", by, ask.call, on, a.Body)
				case !may && tokensOf(t, s) != before:
					t.Errorf("%v does %s to %v: refused, and yet done", by, ask.call, on)
				case may:
					through++
				}
			}
			s.UAPI("demo", "Tokens", "revoke", "name", name)
		}
		s.UAPI("demo", "Tokens", "revoke", "name", fmt.Sprint("caller", i))
	}
	t.Logf("%d cells, %d of them done", cells, through)
}

// TestBoundsWidened: what a token may have in its hands it makes no more than
// itself, in any direction, be it itself or another; and what it makes is as
// narrow as itself where nothing is said.
func TestBoundsWidened(t *testing.T) {
	s := testserver.New(t)
	all := bound{1, 1, 1, 1, 1}
	token := all.made(s, "caller")
	all.made(s, "other")
	for _, name := range []string{"caller", "other"} {
		before := tokensOf(t, s)
		for direction := range steps {
			for step, args := range steps[direction] {
				args := append([]string{"name", name}, args...)
				a := s.Get(s.Account, "/execute/Tokens/update?"+query(args...), token)
				if step == 0 && !(direction == 0) { // nothing said is as the caller has it
					if !strings.Contains(a.Body, `"status":1`) || tokensOf(t, s) != before {
						t.Errorf("%s to %v: %s", name, args, a.Body)
					}
					continue
				}
				if got, want := strings.Contains(a.Body, `"status":1`), step > 0; got != want {
					t.Errorf("%s to %v: %s, want it done %v", name, args, a.Body, want)
				}
				if step == 2 {
					s.UAPI("demo", "Tokens", "update", append([]string{"name", name}, all.args()...)...)
				}
			}
		}
		if is := tokensOf(t, s); is != before {
			t.Errorf("%s is another token now:\n%s\n%s", name, before, is)
		}
	}
	a := s.Get(s.Account, "/execute/Tokens/create_limited?name=child&grants=Tokens:write", token)
	for _, want := range []string{`"status":1`, `"expires_at":` + seconds(2*time.Hour), `"rate_limit":60000`, `"unused_days":20`, `"198.51.100.0/24"`} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("a token that a bound one made: %s, want in it %s", a.Body, want)
		}
	}

	few := shownBy(s.UAPI("demo", "Tokens", "create_limited", "name", "few", "preset", "full_access", "max_uses", "50"))
	for _, call := range []string{"create_full_access?name=more", "create_limited?name=more&grants=Tokens:read&max_uses=1", "rotate?name=child", "update?name=few&max_uses=51", "update?name=few&max_uses=0"} {
		if a := s.Get(s.Account, "/execute/Tokens/"+call, "cpanel demo:"+few); !strings.Contains(a.Body, "may make a certain number of calls only") {
			t.Errorf("%s by a token for 50 calls: %s", call, a.Body)
		}
	}
	if a := s.Get(s.Account, "/execute/Tokens/rotate?name=few", "cpanel demo:"+few); !strings.Contains(a.Body, `"status":1`) {
		t.Errorf("a token for 50 calls rotates itself: %s", a.Body)
	}
}

// TestBoundsGoneAround: a token's bounds hold where it acts through WHM, and in
// sessions that were made with it.
func TestBoundsGoneAround(t *testing.T) {
	s := testserver.New(t)
	root := "whm root:" + s.HostToken("matrix")
	s.Token("demo", "full")
	brief := hostToken(t, s, root, "root", "brief", "expires_at", seconds(time.Hour))
	for what, ask := range map[string]func(function string, args ...string) string{
		"through WHM": func(function string, args ...string) string {
			return whm(s, brief, "uapi_cpanel", append([]string{"cpanel.user", "demo", "cpanel.module", "Tokens", "cpanel.function", function}, args...)...)
		},
		"in a session": session(t, s, brief),
	} {
		for _, call := range []string{"rotate", "enable", "update"} {
			if a := ask(call, "name", "full"); !strings.Contains(a, "expires before that") {
				t.Errorf("%s %s: %s", what, call, a)
			}
		}
		name := strings.ReplaceAll("made "+what, " ", "-")
		if a := ask("create_full_access", "name", name); !strings.Contains(a, `"expires_at":`+seconds(time.Hour)) {
			t.Errorf("%s create_full_access: %s", what, a)
		}
		if a := ask("rotate", "name", name); !strings.Contains(a, `"token":"LK`) {
			t.Errorf("%s rotate of what is no more: %s", what, a)
		}
	}
	few := hostToken(t, s, root, "root", "few", "acl-0", "list-accts", "acl-1", "manage-api-tokens")
	hostToken(t, s, root, "root", "most")
	hostToken(t, s, root, "root", "less", "acl", "list-accts")
	for _, call := range [][]string{{"api_token_revoke", "token_name", "most"}, {"api_token_update", "token_name", "most", "new_name", "mine", "acl", "list-accts"}} {
		if a := whm(s, few, call[0], call[1:]...); !strings.Contains(a, "has certain privileges only") {
			t.Errorf("%v by a token with two privileges: %s", call, a)
		}
	}
	if a := whm(s, few, "api_token_revoke", "token_name", "less"); !strings.Contains(a, `"result":1`) {
		t.Errorf("api_token_revoke of a token with less: %s", a)
	}
}

// session signs in with a session that a token of WHM makes, and returns what
// asks functions of Tokens in it.
func session(t *testing.T, s *testserver.Server, token string) func(function string, args ...string) string {
	t.Helper()
	a := whm(s, token, "create_user_session", "user", "demo", "service", "cpaneld")
	_, link, _ := strings.Cut(a, `"url":"https://host.example.org:2083`)
	link, _, _ = strings.Cut(link, `"`)
	w := httptest.NewRecorder()
	s.Account.ServeHTTP(w, httptest.NewRequest(http.MethodGet, strings.ReplaceAll(link, `\/`, "/"), nil))
	cookies := w.Result().Cookies()
	if len(cookies) == 0 {
		t.Fatalf("no session: %s, %d %v", a, w.Code, w.Header())
	}
	prefix, _, _ := strings.Cut(strings.TrimPrefix(w.Header().Get("Location"), "/"), "/")
	return func(function string, args ...string) string {
		r := httptest.NewRequest(http.MethodGet, "/"+prefix+"/execute/Tokens/"+function+"?"+query(args...), nil)
		r.AddCookie(cookies[0])
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return s.Serve(s.Account, r).Body
	}
}

// tokensOf is what demo's tokens are, but for their use.
func tokensOf(t *testing.T, s *testserver.Server) string {
	t.Helper()
	acct, err := s.Estate.Account(t.Context(), nil, &latchkey.Caller{Kind: latchkey.ByLocal, Account: 2, Name: "demo"})
	if err != nil {
		t.Fatal(err)
	}
	list, err := acct.Tokens().List(t.Context())
	if err != nil || len(list) == 0 {
		t.Fatalf("no tokens are listed: %v", err)
	}
	var b strings.Builder
	for _, k := range list {
		fmt.Fprintf(&b, "%+v\n", k.Token)
	}
	return b.String()
}
