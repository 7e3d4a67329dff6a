package web_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/auth"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

// Of BenchmarkPages: how many tokens one account has, and how many accounts there
// are.
const (
	manyTokens   = 1000
	manyAccounts = 100_000
)

// BenchmarkPages is what one answer of each page takes.
func BenchmarkPages(b *testing.B) {
	s := testserver.New(b)
	for i := range manyTokens {
		s.UAPI("demo", "Tokens", "create_limited", "name", fmt.Sprintf("token-%04d", i), "preset", "read_only")
	}
	for first := 0; first < manyAccounts; first += 1000 {
		_, err := s.Store.Write(context.Background(), func(tx store.Tx) error {
			for i := first; i < first+1000; i++ {
				a := latchkey.Account{Name: latchkey.AccountName(fmt.Sprintf("n%06d", i)), Domain: latchkey.Domain(fmt.Sprintf("n%06d.example", i)), Package: "default", Owner: "root", Role: latchkey.RoleUser, Limits: latchkey.NoLimits(), Created: testserver.Start}
				if _, err := tx.InsertAccount(a, store.Ready); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	for _, of := range []struct {
		user     latchkey.AccountName
		audience latchkey.Audience
		cookie   string
		paths    []string
	}{
		{"demo", latchkey.ForAccount, "__Host-cpsession", []string{"/", "/tokens", "/tokens/new", "/token/token-0500"}},
		{"root", latchkey.ForHost, "__Host-whostmgrsession", []string{"/", "/accounts", "/accounts?page=4000", "/accounts?kind=user&q=n0999", "/account/n050000", "/account/n050000/features", "/packages", "/features", "/tokens", "/tokens?unused=90", "/policy", "/policy/outside", "/audit"}},
	} {
		var x latchkey.Session
		var secret latchkey.Secret
		_, err := s.Store.Write(context.Background(), func(tx store.Tx) error {
			a, err := tx.Account(of.user)
			if err == nil {
				x, secret, err = s.Verifier.OpenSession(tx, auth.NewSession{Account: a.ID, Audience: of.audience})
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		door := s.Account
		if of.audience == latchkey.ForHost {
			door = s.Host
		}
		for _, path := range of.paths {
			b.Run(string(of.user)+path, func(b *testing.B) {
				var worst time.Duration
				size := 0
				for b.Loop() {
					began := time.Now()
					r := httptest.NewRequest("GET", "/"+x.Prefix+path, nil)
					r.Header.Set("Accept", "text/html")
					r.Header.Set("Sec-Fetch-Site", "same-origin")
					r.Header.Set("Cookie", of.cookie+"="+secret.Reveal())
					w := httptest.NewRecorder()
					door.ServeHTTP(w, r)
					if w.Code != 200 {
						b.Fatalf("%d %s", w.Code, w.Body)
					}
					worst, size = max(worst, time.Since(began)), w.Body.Len()
				}
				b.ReportMetric(float64(size), "bytes")
				b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
			})
		}
	}
}
