package matrix

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/test/testserver"
)

// signIns is how many bad sign-ins there are from so many addresses; make soak has
// 10,000.
var signIns = flag.Int("signins", 100, "how many bad sign-ins to one account")

// TestOwnerIsLetIn: while others try passwords of an account, from one address or
// from 500, its owner signs in and uses tokens, every time.
func TestOwnerIsLetIn(t *testing.T) {
	for _, addresses := range []int{1, 500} {
		t.Run(fmt.Sprint(addresses), func(t *testing.T) {
			s := testserver.New(t)
			token := "cpanel demo:" + s.Token("demo", "owner")
			signIn := func(from, password string) int {
				r := httptest.NewRequest("POST", "/login/", strings.NewReader(url.Values{"user": {"demo"}, "pass": {password}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Sec-Fetch-Site", "same-origin")
				r.RemoteAddr = from + ":4000"
				w := httptest.NewRecorder()
				s.Account.ServeHTTP(w, r)
				return w.Code
			}
			said, owner := map[int]int{}, 0
			for i := range *signIns {
				code := signIn(fmt.Sprintf("203.%d.%d.9", i%addresses/250, i%addresses%250), fmt.Sprintf("guess-%d", i))
				if said[code]++; code == http.StatusSeeOther || code >= 500 && code != http.StatusServiceUnavailable {
					t.Fatalf("a wrong password: %d", code)
				}
				s.Wait(20 * time.Millisecond)
				if i%(*signIns/20) != 0 {
					continue
				}
				owner++
				if code := signIn("198.51.100.7", testserver.Password); code != http.StatusSeeOther {
					t.Errorf("after %d bad sign-ins the owner is not let in: %d", i+1, code)
				}
				if a := s.Get(s.Account, "/execute/Quota/get_quota_info", token); !strings.Contains(a.Body, `"status":1`) {
					t.Errorf("after %d bad sign-ins the owner's token is refused: %d %s", i+1, a.Status, a.Body)
				}
			}
			t.Logf("%d bad sign-ins from %d addresses: %v; the owner came in %d times", *signIns, addresses, said, owner)
		})
	}
}
