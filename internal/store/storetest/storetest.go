// Package storetest is the contract of a [store.Store], as tests: every
// implementation passes [Run].
package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Open opens the store of one test: an empty one the first time, and what was
// left behind when it is called again with the same test. Run closes what Open
// opens. A store that prunes its change log should be told to keep little.
type Open func(t *testing.T, now latchkey.Clock) store.Store

// Run runs the suite.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *house)
	}{
		{"Accounts", testAccounts},
		{"AccountStages", testAccountStages},
		{"NameTaken", testNameTaken},
		{"DeleteAccount", testDeleteAccount},
		{"Resellers", testResellers},
		{"PrivilegeLists", testPrivilegeLists},
		{"Domains", testDomains},
		{"AccountPages", testAccountPages},
		{"MailboxPages", testMailboxPages},
		{"ManyAccounts", testManyAccounts},
		{"DomainsOfAll", testDomainsOfAll},
		{"Packages", testPackages},
		{"DeletePolicy", testDeletePolicy},
		{"FeatureLists", testFeatureLists},
		{"Overrides", testOverrides},
		{"Tokens", testTokens},
		{"TokensOfEqualHead", testTokensOfEqualHead},
		{"TokensAfter", testTokensAfter},
		{"FindTokens", testFindTokens},
		{"EarlierSecret", testEarlierSecret},
		{"Tallies", testTallies},
		{"TokenIDs", testTokenIDs},
		{"Uses", testUses},
		{"Observed", testObserved},
		{"TokenDays", testTokenDays},
		{"Sessions", testSessions},
		{"SessionsEnd", testSessionsEnd},
		{"SessionsOfTokens", testSessionsOfTokens},
		{"RecoveryCodes", testRecoveryCodes},
		{"Settings", testSettings},
		{"Sources", testSources},
		{"Notices", testNotices},
		{"Networks", testNetworks},
		{"TokensEnding", testTokensEnding},
		{"TokensOnTerms", testTokensOnTerms},
		{"Mailboxes", testMailboxes},
		{"MailboxStages", testMailboxStages},
		{"Forwarders", testForwarders},
		{"MailDomains", testMailDomains},
		{"Autoresponders", testAutoresponders},
		{"Filters", testFilters},
		{"MailRulesGo", testMailRulesGo},
		{"Outgoing", testOutgoing},
		{"Zones", testZones},
		{"Kept", testKept},
		{"Sites", testSites},
		{"DynamicHosts", testDynamicHosts},
		{"DKIMKeys", testDKIMKeys},
		{"AutoSSL", testAutoSSL},
		{"Usage", testUsage},
		{"Intents", testIntents},
		{"FailedWrite", testFailedWrite},
		{"PanickingWrite", testPanickingWrite},
		{"FailuresAmongOthers", testFailuresAmongOthers},
		{"CancelledWrite", testCancelledWrite},
		{"ManyWriters", testManyWriters},
		{"ReadsWhatIsCommitted", testReadsWhatIsCommitted},
		{"ReadsOneView", testReadsOneView},
		{"CancelledRead", testCancelledRead},
		{"ChangeLog", testChangeLog},
		{"ChangesOfAGroup", testChangesOfAGroup},
		{"PrunedChanges", testPrunedChanges},
		{"Trail", testTrail},
		{"TrailBlocks", testTrailBlocks},
		{"CutTrail", testCutTrail},
		{"Reopen", testReopen},
		{"Closed", testClosed},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &house{T: t, open: open, now: epoch}
			h.Store = open(t, h.clock)
			t.Cleanup(func() { h.Store.Close() })
			test.run(t, h)
		})
	}
}

// epoch is when every test begins.
var epoch = time.Date(2026, 11, 20, 10, 30, 0, 123456000, time.UTC)

// house is one test's store, and short ways to use it.
type house struct {
	*testing.T
	store.Store
	open Open
	mu   sync.Mutex
	now  time.Time
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) reopen() {
	h.Helper()
	if err := h.Close(); err != nil {
		h.Fatalf("Close: %v", err)
	}
	h.Store = h.open(h.T, h.clock)
}

func (h *house) write(fn func(store.Tx) error) store.Seq {
	h.Helper()
	seq, err := h.Write(h.Context(), fn)
	if err != nil {
		h.Fatalf("Write: %v", err)
	}
	return seq
}

// writeErr is a Write that must fail with kind, and change nothing.
func (h *house) writeErr(kind latchkey.Kind, what string, fn func(store.Tx) error) {
	h.Helper()
	seq, err := h.Write(h.Context(), fn)
	if err == nil || latchkey.KindOf(err) != kind || seq != 0 {
		h.Errorf("%s: position %d, error %v (%v), want 0 and kind %v", what, seq, err, latchkey.KindOf(err), kind)
	}
}

func (h *house) read(fn func(store.Reader) error) {
	h.Helper()
	if err := h.Read(h.Context(), fn); err != nil {
		h.Fatalf("Read: %v", err)
	}
}

// account adds an account that is ready, with its main domain.
func (h *house) account(name latchkey.AccountName) (id latchkey.AccountID) {
	h.Helper()
	h.write(func(tx store.Tx) (err error) {
		id, err = addAccount(tx, name)
		return err
	})
	return id
}

func addAccount(tx store.Tx, name latchkey.AccountName) (latchkey.AccountID, error) {
	a := sample(name)
	id, err := tx.InsertAccount(a, store.Ready)
	if err != nil {
		return 0, err
	}
	return id, tx.InsertDomain(id, latchkey.OwnedDomain{Name: a.Domain, Kind: latchkey.MainDomain, DocumentRoot: "public_html", Created: epoch})
}

// sample is an account with something in every field.
func sample(name latchkey.AccountName) latchkey.Account {
	return latchkey.Account{
		Name: name, Role: latchkey.RoleUser, Domain: latchkey.Domain(name + ".example"), Owner: "root", Package: "gold",
		ContactEmail: "me@" + string(name) + ".example", Locale: "en", Theme: "jupiter", Shell: "/bin/false",
		Limits: latchkey.Limits{DiskMB: 1, Inodes: 2, BandwidthMB: 3, Mailboxes: 4, MailboxMB: 5, FTPAccounts: latchkey.Unlimited,
			Databases: 7, Subdomains: 8, Addons: 9, Parked: 10, Lists: 11, EmailPerHour: 12},
		Suspended: true, SuspendReason: "unpaid", SuspendedAt: epoch.Add(-time.Hour), Created: epoch, PasswordHash: "{TEST}x", SecondFactor: "sealed",
	}
}

// token is a token with something in every field; n makes it differ.
func token(account latchkey.AccountID, audience latchkey.Audience, name string, n byte) latchkey.Token {
	k := latchkey.Token{
		ID: latchkey.TokenID(n) + 1, Account: account, Audience: audience, Name: name,
		Created: epoch, Expires: epoch.Add(time.Duration(n) * time.Hour), ReadOnly: n%2 == 1, State: latchkey.TokenState(n % 3),
		Terms: latchkey.Terms{NotBefore: epoch.Add(-time.Hour), MaxUses: 3 << 40, UnusedDays: 30, RateLimit: 60, Observing: n%2 == 0}, Note: "for CI – “deploy”",
		Renewed: epoch.Add(time.Minute), WasUntil: epoch.Add(2 * time.Minute),
		Privileges: latchkey.PrivilegesOf(latchkey.PrivilegePassword, latchkey.PrivilegeQuota), Addresses: "192.0.2.8/29,2001:db8::1/128", Grants: "Email:read(domain=example.com); Quota:read",
	}
	for i := range k.MAC {
		k.MAC[i], k.Was[i] = n*31+byte(i)*7, n*29+byte(i)*11+1
	}
	copy(k.Handle[:], []byte{n, 1, 2, 3, 4, 5})
	copy(k.Seal[:], []byte{9, n, 9})
	return k
}

func insertTokens(tokens ...latchkey.Token) func(store.Tx) error {
	return func(tx store.Tx) error {
		for _, k := range tokens {
			if err := tx.InsertToken(k); err != nil {
				return err
			}
		}
		return nil
	}
}

// same compares what a call returned with what it should have.
func same[T any](t *testing.T, call string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", call, err)
	} else if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", call, d)
	}
}

// absent checks that a call found nothing.
func absent(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, store.ErrNotFound) || latchkey.KindOf(err) != latchkey.NotFound {
		t.Errorf("%s: error %v, want ErrNotFound", call, err)
	}
}

func names[T any](list []T, name func(T) string) []string {
	out := make([]string, len(list))
	for i := range list {
		out[i] = name(list[i])
	}
	return out
}

var errOwn = fmt.Errorf("the test's own error")
