package web_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/web"
	"github.com/latchkey/latchkey/internal/wire"
	"github.com/latchkey/latchkey/test/testserver"
)

// Of BenchmarkPages: how many tokens one account has, how many accounts there are,
// how many of them have a token, how many events there were, and how many packages
// and feature lists there are.
const (
	manyTokens   = 1000
	manyAccounts = 100_000
	manyOwners   = 10_000
	manyEvents   = 200_000
	manyPlans    = 50
)

// standsFor is what the braces of addresses stand for.
var standsFor = map[string]map[string]string{
	"demo": {"{theme}": "jupiter", "{name}": "token-0500"},
	"root": {"{user}": "n050000", "{name}": "plan 25"},
}

// alsoShown are pages in the states that cost more than the plain ones: searched,
// filtered, far from their beginning, or not there.
var alsoShown = map[string][]string{
	"demo": {"/tokens?show=ended", "/tokens?show=revoked", "/tokens?page=30", "/tokens?q=99", "/token/token-0500/activity?outcome=refused", "/token/none", "/no/such/page",
		"/tokens/new?preset=certificates_dns&name=x"},
	"root": {"/accounts?page=4000", "/accounts?kind=user&q=n0999", "/accounts?kind=domain&q=9.example", "/accounts?kind=domain&q=example", "/accounts?kind=user&q=x", "/accounts?kind=package&q=default",
		"/accounts?kind=owner&q=root&page=3000", "/features?page=5", "/tokens?unused=90", "/tokens?unused=90&full=1&no_end=1", "/tokens?q=n0099", "/tokens?q=nobody", "/policy?package=plan+25",
		"/audit?user=n050000", "/audit?user=nobody", "/audit?outcome=refused", "/audit?function=Email::add_pop", "/audit?resource=mailbox=seldom@", "/audit?since=2020-01-01&until=2020-01-02",
		"/audit.csv?user=n050000", "/account/nobody", "/no/such/page"},
}

// BenchmarkPages is what one answer of each page of each door takes, on a server
// that has much of everything.
func BenchmarkPages(b *testing.B) {
	s := testserver.New(b)
	crowd(b, s)
	for _, of := range []struct {
		user     string
		audience latchkey.Audience
		cookie   string
		door     *wire.Door
	}{
		{"demo", latchkey.ForAccount, "__Host-cpsession", s.Account},
		{"root", latchkey.ForHost, "__Host-whostmgrsession", s.Host},
	} {
		var x latchkey.Session
		var secret latchkey.Secret
		_, err := s.Store.Write(b.Context(), func(tx store.Tx) error {
			a, err := tx.Account(latchkey.AccountName(of.user))
			if err == nil {
				x, secret, err = s.Verifier.OpenSession(tx, auth.NewSession{Account: a.ID, Audience: of.audience})
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(of.user+"/signed_out", func(b *testing.B) { measure(b, of.door, "/", "") })
		for _, path := range slices.Concat(web.Shown(of.audience), alsoShown[of.user]) {
			path = regexp.MustCompile(`\{\w+\}`).ReplaceAllStringFunc(path, func(name string) string {
				if standsFor[of.user][name] == "" {
					b.Fatalf("%s: say what %s stands for", path, name)
				}
				return standsFor[of.user][name]
			})
			b.Run(of.user+path, func(b *testing.B) {
				measure(b, of.door, "/"+x.Prefix+escaped(path), of.cookie+"="+secret.Reveal())
			})
		}
	}
}

func escaped(path string) string { return regexp.MustCompile(` `).ReplaceAllString(path, "%20") }

func measure(b *testing.B, door http.Handler, path, cookie string) {
	var worst, first, begun time.Duration
	size := 0
	for b.Loop() {
		began := time.Now()
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept", "text/html")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := &stopwatch{ResponseRecorder: httptest.NewRecorder()}
		door.ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusNotFound && cookie != "" {
			b.Fatalf("%d %s", w.Code, w.Body)
		}
		took := time.Since(began)
		if first == 0 {
			first = took
		}
		worst, size, begun = max(worst, took), w.Body.Len(), max(begun, w.begun.Sub(began))
	}
	b.ReportMetric(float64(size), "bytes")
	b.ReportMetric(float64(first.Microseconds())/1000, "first-ms")
	b.ReportMetric(float64(begun.Microseconds())/1000, "worst-first-byte-ms")
	b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
}

// stopwatch notes when an answer begins.
type stopwatch struct {
	*httptest.ResponseRecorder
	begun time.Time
}

func (w *stopwatch) Write(text []byte) (int, error) {
	if w.begun.IsZero() {
		w.begun = time.Now()
	}
	return w.ResponseRecorder.Write(text)
}

// crowd fills a server.
func crowd(b *testing.B, s *testserver.Server) {
	for i := range manyTokens {
		s.UAPI("demo", "Tokens", "create_limited", "name", fmt.Sprintf("token-%04d", i), "preset", "read_only")
	}
	write(b, s, func(tx store.Tx) error { return busy(tx, latchkey.DayOf(testserver.Start)) })
	for i := range manyPlans {
		s.WHM("create_featurelist", "featurelist", fmt.Sprintf("plan %d", i), "cron", "0")
		s.WHM("addpkg", "name", fmt.Sprintf("plan %d", i), "featurelist", fmt.Sprintf("plan %d", i))
	}
	s.WHM("set_token_policy", "longest_days", "400", "unused_days", "none")
	var ids []latchkey.AccountID
	for first := 0; first < manyAccounts; first += 1000 {
		write(b, s, func(tx store.Tx) error {
			for i := first; i < first+1000; i++ {
				a := latchkey.Account{Name: latchkey.AccountName(fmt.Sprintf("n%06d", i)), Domain: latchkey.Domain(fmt.Sprintf("n%06d.example", i)), Package: "default", Owner: "root", Role: latchkey.RoleUser, Limits: latchkey.NoLimits(), Created: testserver.Start}
				id, err := tx.InsertAccount(a, store.Ready)
				if err != nil {
					return err
				}
				ids = append(ids, id)
			}
			return nil
		})
	}
	write(b, s, func(tx store.Tx) error {
		for i := range manyOwners {
			k := latchkey.Token{Account: ids[i*(manyAccounts/manyOwners)], Audience: latchkey.ForAccount, Name: "deploy", Created: testserver.Start, Expires: testserver.Start.Add(365 * latchkey.Day)}
			binary.BigEndian.PutUint64(k.MAC[:], uint64(i)<<40)
			var err error
			if k.ID, err = tx.NextTokenID(); err == nil {
				err = tx.InsertToken(k)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	functions := []string{"Email::add_pop", "Email::list_pops", "DNS::mass_edit_zone", "Quota::get_quota_info", "Tokens::list"}
	for i := range manyEvents {
		n := i % manyAccounts
		e := &latchkey.Event{At: testserver.Start.Add(time.Duration(i-manyEvents) * time.Second), Account: ids[n], Name: latchkey.AccountName(fmt.Sprintf("n%06d", n)), By: latchkey.ByToken, Handle: latchkey.Handle{byte(n), byte(n >> 8), byte(n >> 16)},
			From: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Func: functions[i%len(functions)], Client: "curl/8", OK: i%10 > 0, Outcome: latchkey.Denied}
		if i%len(functions) == 0 {
			e.On = []latchkey.Resource{{Kind: "mailbox", Name: fmt.Sprintf("box@n%06d.example", n)}}
		}
		if s.Trail.Record(e); i%100 == 99 {
			s.Trail.Flush()
		}
	}
	if err := s.Trail.Settle(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func write(b *testing.B, s *testserver.Server, fn func(store.Tx) error) {
	if _, err := s.Store.Write(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}
