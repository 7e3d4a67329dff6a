package auth

import (
	"context"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
	"github.com/latchkey/latchkey/internal/store/sqlite"
)

// watched is a store whose reads are counted and whose log and writes can fail.
type watched struct {
	store.Store
	reads  atomic.Int64
	gap    atomic.Bool // the next Since finds a gap
	refuse atomic.Bool // writes fail
}

func (w *watched) Read(ctx context.Context, fn func(store.Reader) error) error {
	w.reads.Add(1)
	return w.Store.Read(ctx, fn)
}

func (w *watched) Since(ctx context.Context, after store.Seq) ([]store.Change, store.Seq, error) {
	if w.gap.Swap(false) {
		return nil, after, store.ErrGap
	}
	return w.Store.Since(ctx, after)
}

func (w *watched) Write(ctx context.Context, fn func(store.Tx) error) (store.Seq, error) {
	if w.refuse.Load() {
		return 0, latchkey.Errorf(latchkey.Unavailable, "The disk is full.")
	}
	return w.Store.Write(ctx, fn)
}

// house is a verifier over a real store, with a clock to set.
type house struct {
	testing.TB
	*Verifier
	db   *watched
	path string
	mu   sync.Mutex
	time time.Time
}

var (
	noon   = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	origin = latchkey.Origin{Addr: netip.MustParseAddr("192.0.2.7"), Client: "curl/8.5"}
	hasher = password.New(2)
)

func newHouse(tb testing.TB) *house {
	h := &house{TB: tb, path: filepath.Join(tb.TempDir(), "latchkey.db"), time: noon}
	h.open()
	tb.Cleanup(func() { h.db.Close() })
	return h
}

func (h *house) open() {
	h.Helper()
	db, err := sqlite.Open(h.Context(), h.path, sqlite.Options{Now: h.clock})
	if err != nil {
		h.Fatal(err)
	}
	h.db = &watched{Store: db}
	h.Verifier = h.verifier()
}

func (h *house) verifier() *Verifier {
	h.Helper()
	v, err := NewVerifier(h.Context(), Config{Store: h.db, Keys: NewKeys(make([]byte, 32)), Hasher: hasher, Now: h.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		h.Fatal(err)
	}
	return v
}

func (h *house) reopen() {
	h.Helper()
	if err := h.db.Close(); err != nil {
		h.Fatal(err)
	}
	h.open()
}

// run runs the verifier until the returned function is called.
func (h *house) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.Run(ctx) }()
	return func() { cancel(); <-done }
}

func (h *house) fillUp() {
	h.Helper()
	if err := h.fill(h.Context()); err != nil || !h.Complete() {
		h.Fatalf("fill: %v, complete %v", err, h.Complete())
	}
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

func (h *house) setTime(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = t
}

func (h *house) commit(fn func(store.Tx) error) {
	h.Helper()
	if err := h.Commit(h.Context(), fn); err != nil {
		h.Fatalf("Commit: %v", err)
	}
}

// account makes an account that is ready, or changes the one of that name.
func (h *house) account(name latchkey.AccountName, change ...func(*latchkey.Account)) (id latchkey.AccountID) {
	h.Helper()
	h.commit(func(tx store.Tx) error {
		a, err := tx.Account(name)
		isNew := err != nil
		if isNew {
			a = latchkey.Account{Name: name, Domain: latchkey.Domain(name + ".example"), Package: "default", Limits: latchkey.NoLimits()}
			if name == "root" {
				a.Role = latchkey.RoleRoot
			}
		}
		for _, c := range change {
			c(&a)
		}
		if isNew {
			id, err = tx.InsertAccount(a, store.Ready)
		} else {
			id, err = a.ID, tx.UpdateAccount(a)
		}
		tx.Log(store.Change{Kind: store.AccountPut, Account: id})
		return err
	})
	return id
}

// row is a token's row, sealed.
func (h *house) row(account latchkey.AccountID, name string, audience latchkey.Audience) (latchkey.Token, latchkey.Secret) {
	secret := NewToken(audience)
	k := latchkey.Token{Account: account, Audience: audience, Name: name, MAC: h.keys.MAC(secret.Reveal()), Created: noon}
	k.Handle = h.keys.Handle(k.MAC)
	return k, secret
}

// token makes a token.
func (h *house) token(account latchkey.AccountID, name string, change ...func(*latchkey.Token)) (latchkey.Token, latchkey.Secret) {
	h.Helper()
	audience := latchkey.ForAccount
	if len(change) > 0 {
		probe := latchkey.Token{}
		change[0](&probe)
		audience = probe.Audience
	}
	k, secret := h.row(account, name, audience)
	for _, c := range change {
		c(&k)
	}
	h.commit(func(tx store.Tx) (err error) {
		if k.ID, err = tx.NextTokenID(); err != nil {
			return err
		}
		k.Seal = h.keys.Seal(&k)
		tx.Log(store.Change{Kind: store.TokenPut, Account: account, Token: &k})
		return tx.InsertToken(k)
	})
	return k, secret
}

// update changes a token as the server does: sealed and logged.
func (h *house) update(k latchkey.Token, change func(*latchkey.Token)) {
	h.Helper()
	name := k.Name
	change(&k)
	k.Seal = h.keys.Seal(&k)
	h.commit(func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.TokenPut, Account: k.Account, Token: &k})
		return tx.UpdateToken(name, k)
	})
}

func (h *house) revoke(k latchkey.Token) {
	h.Helper()
	h.commit(func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.TokenGone, Account: k.Account, Token: &k})
		return tx.DeleteToken(k.Account, k.Audience, k.Name)
	})
}

func tokenCred(user string, secret latchkey.Secret) latchkey.Credentials {
	return latchkey.Credentials{Scheme: latchkey.SchemeToken, User: user, Secret: secret}
}

func hostCred(user string, secret latchkey.Secret) latchkey.Credentials {
	return latchkey.Credentials{Scheme: latchkey.SchemeHostToken, User: user, Secret: secret}
}

func basicCred(user, pass string) latchkey.Credentials {
	return latchkey.Credentials{Scheme: latchkey.SchemeBasic, User: user, Secret: latchkey.NewSecret(pass)}
}

// accepts is a check that must succeed.
func (h *house) accepts(what string, cred latchkey.Credentials) latchkey.Caller {
	h.Helper()
	c, r := h.Check(h.Context(), cred, door(cred), origin)
	if r != nil {
		h.Errorf("%s: refused: %s", what, r.Reason)
	}
	return c
}

// refuses is a check that must fail for a reason.
func (h *house) refuses(what string, cred latchkey.Credentials, want Reason) *Refusal {
	h.Helper()
	return h.refusesAt(what, cred, door(cred), want)
}

func (h *house) refusesAt(what string, cred latchkey.Credentials, audience latchkey.Audience, want Reason) *Refusal {
	h.Helper()
	c, r := h.Check(h.Context(), cred, audience, origin)
	if r == nil {
		h.Errorf("%s: accepted as %+v, want refused: %s", what, c, want)
		return &Refusal{}
	}
	if r.Reason != want {
		h.Errorf("%s: refused: %s, want %s", what, r.Reason, want)
	}
	if c != (latchkey.Caller{}) {
		h.Errorf("%s: refused, and yet there is a caller %+v", what, c)
	}
	return r
}

func door(cred latchkey.Credentials) latchkey.Audience {
	if cred.Scheme == latchkey.SchemeHostToken {
		return latchkey.ForHost
	}
	return latchkey.ForAccount
}

// eventually waits for something that another goroutine does.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("%s: not within 20 s", what)
		}
	}
}
