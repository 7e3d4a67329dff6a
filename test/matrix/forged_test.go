package matrix

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/api"
	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// said is one form in which another site's page can send something.
type said struct {
	name, method, kind string
	body               func(q url.Values) (string, string) // and the kind, where that is not known before
}

func multipartBody(q url.Values) (string, string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for key := range q {
		_ = w.WriteField(key, q.Get(key)) // memory takes everything
	}
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

var saids = []said{
	{"GET", "GET", "", nil},
	{"form", "POST", "application/x-www-form-urlencoded", nil},
	{"text/plain", "POST", "text/plain", nil},
	{"multipart", "POST", "", multipartBody},
	{"JSON", "POST", "application/json", func(url.Values) (string, string) { return `{"name":"x","user":"demo"}`, "application/json" }},
}

// sites are what a browser says of where a request comes from; "" is one that says
// nothing.
var sites = []string{"cross-site", "same-site", "none", ""}

// live is a session in a browser: its cookie, and the prefix of its addresses.
type live struct {
	door           http.Handler
	user           latchkey.AccountName
	audience       latchkey.Audience
	look           string // an address that shows something, and that it is alive
	name           string // of the cookie
	fresh          [][2]string
	cookie, prefix string
	tries          int // with a wrong prefix, since it began
}

// triesOfOne is how often one session is named with a wrong prefix here: after one
// more it ends, and then nothing is shown.
const triesOfOne = 4

// spare are sessions that have begun and are not used yet.
const spare = 90

// begin takes a session that nobody has used; where there are none left, it begins
// many at once.
func (l *live) begin(t *testing.T, s *testserver.Server) {
	t.Helper()
	if len(l.fresh) == 0 {
		s.Wait(time.Second) // those before are older, and make room
		_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
			l.fresh = nil
			a, err := tx.Account(l.user)
			for i := 0; err == nil && i < spare; i++ {
				var x latchkey.Session
				var secret latchkey.Secret
				if x, secret, err = s.Verifier.OpenSession(tx, auth.NewSession{Account: a.ID, Audience: l.audience}); err == nil {
					l.fresh = append(l.fresh, [2]string{l.name + "=" + secret.Reveal(), "/" + x.Prefix})
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	l.cookie, l.prefix, l.tries = l.fresh[0][0], l.fresh[0][1], 0
	l.fresh = l.fresh[1:]
}

// alive holds the session to being one that a page of ours can use.
func (l *live) alive(t *testing.T) {
	t.Helper()
	if a := l.ask(0, l.prefix+l.look, "same-origin", saids[0], nil); a.Code != http.StatusOK {
		t.Fatalf("the session is dead: %d %s", a.Code, a.Body)
	}
}

// ask sends what another site's page would have the browser send, each from an
// address of its own: what is measured is the refusal, not the throttle.
func (l *live) ask(n int, target, site string, as said, q url.Values) *httptest.ResponseRecorder {
	text, kind := q.Encode(), as.kind
	if as.body != nil {
		text, kind = as.body(q)
	}
	var body io.Reader
	if as.method == "GET" {
		target += "&" + text
	} else {
		body = strings.NewReader(text)
	}
	r := httptest.NewRequest(as.method, target, body)
	r.RemoteAddr = fmt.Sprintf("10.%d.%d.%d:4000", n>>16&255, n>>8&255, n&255)
	r.Header.Set("Cookie", l.cookie)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if site != "" {
		r.Header.Set("Sec-Fetch-Site", site)
	}
	w := httptest.NewRecorder()
	l.door.ServeHTTP(w, r)
	return w
}

// TestForged: what another site's page has a browser send that somebody has signed
// in with changes nothing, whatever its form and whichever function it names: with
// a wrong prefix, with none, and from elsewhere with the right one too. No function
// is entered.
func TestForged(t *testing.T) {
	s := testserver.New(t)
	sessions := map[latchkey.Audience]*live{
		latchkey.ForAccount: {door: s.Account, user: "demo", audience: latchkey.ForAccount, name: "__Host-cpsession", look: "/execute/Quota/get_quota_info?"},
		latchkey.ForHost:    {door: s.Host, user: "root", audience: latchkey.ForHost, name: "__Host-whostmgrsession", look: "/json-api/version?api.version=1"},
	}
	for _, l := range sessions {
		l.begin(t, s)
	}
	before, entries := head(t, s), entered(t, s)
	functions, rows := 0, 0
	for _, e := range s.Calls.Registry.All() {
		l, ok := sessions[e.Audience]
		if e.Effect != api.Write || !ok {
			continue
		}
		functions++
		for _, w := range ways {
			target := w.target(e, nil)
			if target == "" {
				continue
			}
			for _, as := range saids {
				for _, site := range sites {
					if l.tries >= triesOfOne-1 {
						l.alive(t)
						entries++
						l.begin(t, s)
					}
					for _, prefix := range []string{"", "/cpsess0000000000", l.prefix} {
						if prefix == l.prefix && site != "cross-site" && site != "same-site" {
							continue // a program's own, or somebody's who typed the address
						}
						rows++
						if prefix != l.prefix && (site == "none" || site == "") {
							l.tries++
						}
						a := l.ask(rows, prefix+target, site, as, url.Values{"name": {"x"}, "user": {"demo"}, "username": {"demo"}})
						if a.Code < 400 {
							t.Fatalf("%s by %s as %s from %q with %q: %d %s", e.FullName(), w.name, as.name, site, prefix, a.Code, a.Body)
						}
					}
				}
			}
		}
	}
	t.Logf("%d requests to %d functions that change something", rows, functions)
	if functions < 100 {
		t.Errorf("only %d functions: the registry is not what it should be", functions)
	}
	if after := head(t, s); after != before {
		t.Errorf("something has changed: %d, was %d", after, before)
	}
	if n := entered(t, s); n != entries {
		t.Errorf("%d functions were entered", n-entries)
	}
	// The same by a page of ours goes through: what is measured above is no closed door.
	l := sessions[latchkey.ForHost]
	if a := l.ask(0, l.prefix+"/json-api/suspendacct?api.version=1", "same-origin", saids[1], url.Values{"user": {"demo"}}); a.Code != http.StatusOK || head(t, s) == before {
		t.Errorf("by a page of ours: %d %s", a.Code, a.Body)
	}
}

// head is the position of the newest change.
func head(t *testing.T, s *testserver.Server) any {
	t.Helper()
	at, err := s.Store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at
}
