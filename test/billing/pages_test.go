// Package billing drives the server as billing panels do: over HTTP, in the
// shapes that they read.
package billing

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// crowd is a server with n accounts besides its two, and a token for its
// administrator.
func crowd(t testing.TB, n int) (*testserver.Server, string) {
	t.Helper()
	s := testserver.New(t)
	const some = 2000
	for from := 0; from < n; from += some {
		_, err := s.Store.Write(context.Background(), func(tx store.Tx) error {
			for i := from; i < min(from+some, n); i++ {
				a := latchkey.Account{
					Name: latchkey.AccountName(fmt.Sprintf("u%07d", i)), Domain: latchkey.Domain(fmt.Sprintf("u%07d.example", i)), Owner: "root", Package: "default",
					Locale: "en", Theme: "jupiter", Shell: "/usr/local/cpanel/bin/noshell", Limits: latchkey.NoLimits(), Created: s.Now(), ContactEmail: "owner@example.org",
				}
				id, err := tx.InsertAccount(a, store.Ready)
				if err != nil {
					return err
				}
				if err := tx.InsertDomain(id, latchkey.OwnedDomain{Name: a.Domain, Kind: latchkey.MainDomain, DocumentRoot: "public_html", Created: a.Created}); err != nil {
					return err
				}
				if err := tx.PutUsage(id, store.Usage{Bytes: 1 << 20, Inodes: 9, TakenAt: s.Now()}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s, "whm root:" + s.HostToken("pages")
}

// page asks for 20 accounts from the one numbered start on.
func page(t testing.TB, s *testserver.Server, token string, start int) {
	t.Helper()
	a := s.Get(s.Host, fmt.Sprintf("/json-api/listaccts?api.version=1&api.chunk.enable=1&api.chunk.size=20&api.chunk.start=%d", start), token)
	if a.Status != http.StatusOK || strings.Count(a.Body, `"user":"u`) != 20 && start > 2 {
		t.Fatalf("page from %d: %d %.300s", start, a.Status, a.Body)
	}
}

// TestPageOfMany: a page of 20 out of 100,000 accounts costs at most three
// times a page out of 1,000, wherever in the list it stands.
func TestPageOfMany(t *testing.T) {
	if testing.Short() {
		t.Skip("makes 100,000 accounts")
	}
	few, fewToken := crowd(t, 1000)
	many, manyToken := crowd(t, 100_000)
	took := func(s *testserver.Server, token string, start int) time.Duration {
		began := time.Now()
		page(t, s, token, start)
		return time.Since(began)
	}
	for _, at := range []struct{ few, many int }{{21, 21}, {500, 50_000}, {960, 99_960}} {
		a, b := time.Hour, time.Hour
		for range 300 { // in turn, so that a busy moment of the machine disturbs both
			a, b = min(a, took(few, fewToken, at.few)), min(b, took(many, manyToken, at.many))
		}
		t.Logf("a page from %d of 1,000: %v, from %d of 100,000: %v", at.few, a, at.many, b)
		if b > 3*a {
			t.Errorf("a page from %d of 100,000 takes %v, more than three times the %v of one from %d of 1,000", at.many, b, a, at.few)
		}
	}
}
