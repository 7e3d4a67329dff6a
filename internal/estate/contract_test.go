package estate_test

import (
	"io"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/internal/audit"
	"github.com/latchkey/latchkey/internal/driver/dovecot/dovecottest"
	"github.com/latchkey/latchkey/internal/driver/lmtp"
	"github.com/latchkey/latchkey/internal/hosting"
	"github.com/latchkey/latchkey/internal/hosting/hostingtest"
	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/test/testserver"
)

func TestAccount(t *testing.T) { hostingtest.RunAccount(t, tenant(testserver.New)) }

// TestMailOnDovecot: the mail of an account is the same where Dovecot and Postfix
// serve it, and they are told everything.
func TestMailOnDovecot(t *testing.T) { hostingtest.RunMail(t, tenant(onDovecot)) }

// onDovecot is a server whose mailboxes Dovecot and Postfix serve.
func onDovecot(t testing.TB) *testserver.Server {
	s := testserver.New(t)
	p := dovecottest.Open(t, s.Estate)
	p.True(t)
	s.Estate.Mailserver = p
	t.Cleanup(func() {
		if !p.True(t) {
			t.Error("something has changed that Dovecot and Postfix were not told")
		}
	})
	return s
}

func tenant(open func(testing.TB) *testserver.Server) func(*testing.T) *hostingtest.Tenant {
	return func(t *testing.T) *hostingtest.Tenant {
		s := open(t)
		s.Estate.MailOut = &outside{}
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		return &hostingtest.Tenant{
			Open: func() hosting.Account {
				c, err := s.Verifier.Local(t.Context(), "demo", latchkey.ForAccount)
				if err != nil {
					t.Error(err)
				}
				acct, err := s.Estate.Account(t.Context(), audit.Begin(s.Now, latchkey.Origin{}), &c)
				if err != nil {
					t.Error(err)
				}
				return acct
			},
			Now: s.Now, Wait: s.Wait,
			Limit: func(change func(*latchkey.Limits)) {
				_, err := hostOf(t, s).UpdateAccount(t.Context(), "demo", func(a *latchkey.Account) error { change(&a.Limits); return nil })
				do(err)
			},
			Suspend: func(on bool) { do(hostOf(t, s).Suspend(t.Context(), "demo", on, "", false)) },
			Own: func(k latchkey.DomainKind, d latchkey.Domain) {
				_, err := s.Store.Write(t.Context(), func(tx store.Tx) error {
					a, err := tx.Account("demo")
					if err != nil {
						return err
					}
					return tx.InsertDomain(a.ID, latchkey.OwnedDomain{Name: d, Kind: k, DocumentRoot: string(d), Created: s.Now()})
				})
				do(err)
				do(s.Estate.Mailserver.Reconcile(t.Context()))
			},
			Deliver: func(at hosting.Address, message string) error {
				box, err := s.Estate.Deliveries().Resolve(t.Context(), at)
				if err != nil {
					return err
				}
				return box.Deliver(t.Context(), mailFrom(message))
			},
		}
	}
}

func TestHost(t *testing.T)          { testHost(t, testserver.New) }
func TestHostOnDovecot(t *testing.T) { testHost(t, onDovecot) }

func testHost(t *testing.T, open func(testing.TB) *testserver.Server) {
	hostingtest.RunHost(t, func(t *testing.T) *hostingtest.Landlord {
		s := open(t)
		for _, name := range []string{"demo", "other"} {
			s.WHM("removeacct", "user", name)
		}
		return &hostingtest.Landlord{
			Open: func() hosting.Host { return hostOf(t, s) },
			Now:  s.Now, Wait: s.Wait,
			Opens: func(name latchkey.AccountName, password string) bool {
				cred := latchkey.Credentials{Scheme: latchkey.SchemeBasic, User: string(name), Secret: latchkey.NewSecret(password)}
				audience := latchkey.ForAccount
				if name == "root" {
					audience = latchkey.ForHost
				}
				_, refusal := s.Verifier.Check(t.Context(), cred, audience, latchkey.Origin{})
				return refusal == nil
			},
		}
	})
}

// mailFrom is a message that somebody wrote.
func mailFrom(text string) lmtp.Letter {
	return lmtp.Letter{From: "friend@example.org", Body: func() (io.Reader, error) { return strings.NewReader(text), nil }}
}
