package auth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// both runs a test with tokens asked of the store one by one, and with all of
// them in memory.
func both(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("empty memory", func(t *testing.T) { test(t, newHouse(t)) })
	t.Run("full memory", func(t *testing.T) {
		h := newHouse(t)
		h.fillUp()
		test(t, h)
	})
}

func TestActive(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		id := h.account("alice")
		k, secret := h.token(id, "deploy")
		ro, roSecret := h.token(id, "look", func(k *latchkey.Token) { k.ReadOnly = true })
		want := latchkey.Caller{Kind: latchkey.ByToken, Role: latchkey.RoleUser, Account: id, Name: "alice", Token: k.ID, Handle: k.Handle, Features: latchkey.AllFeatures(), Proof: k.MAC}
		if got := h.accepts("an active token", tokenCred("alice", secret)); got != want {
			t.Errorf("Check = %+v, want %+v", got, want)
		}
		want.Token, want.Handle, want.Proof, want.ReadOnly = ro.ID, ro.Handle, ro.MAC, true
		if got := h.accepts("a read-only token", tokenCred("alice", roSecret)); got != want {
			t.Errorf("Check = %+v, want %+v", got, want)
		}
		// A verifier that begins now finds the same.
		h.Verifier = h.verifier()
		if got := h.accepts("a token, asked of the store", tokenCred("alice", roSecret)); got != want {
			t.Errorf("Check = %+v, want %+v", got, want)
		}
	})
}

func TestHostToken(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		root, user := h.account("root"), h.account("alice")
		forHost := func(k *latchkey.Token) { k.Audience = latchkey.ForHost }
		_, secret := h.token(root, "admin", forHost)
		_, mine := h.token(user, "mine")
		c := h.accepts("root's token", hostCred("root", secret))
		if c.Role != latchkey.RoleRoot || c.Name != "root" {
			t.Errorf("Check = %+v, want root", c)
		}
		h.refuses("root's token as an account's", tokenCred("root", secret), BadForm)
		h.refuses("an account's token as root's", hostCred("alice", mine), BadForm)
		h.refusesAt("the account scheme at the host's door", tokenCred("alice", mine), latchkey.ForHost, WrongDoor)
		h.refusesAt("the host scheme at the accounts' door", hostCred("root", secret), latchkey.ForAccount, WrongDoor)
		// A row that says host for a token drawn for accounts: form and row must agree.
		k, secret := h.row(root, "mixed", latchkey.ForAccount)
		k.Audience = latchkey.ForHost
		k.Seal = h.keys.Seal(&k)
		h.commit(func(tx store.Tx) error {
			tx.Log(store.Change{Kind: store.TokenPut, Token: &k})
			return tx.InsertToken(k)
		})
		h.refuses("an account's token with a host's row", tokenCred("root", secret), WrongDoor)
	})
}

func TestExpired(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		id := h.account("alice")
		end := noon.Add(time.Hour)
		k, secret := h.token(id, "short", func(k *latchkey.Token) { k.Expires = end })
		cred := tokenCred("alice", secret)
		h.accepts("an hour before its end", cred)
		// One whose end lies beyond what memory counts in is still good.
		_, far := h.token(id, "far", func(k *latchkey.Token) { k.Expires = time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC) })
		h.accepts("a token that ends in 2300", tokenCred("alice", far))
		h.setTime(end.Add(-time.Nanosecond))
		h.accepts("just before its end", cred)
		h.setTime(end)
		r := h.refuses("at the second of its end", cred, TokenExpired)
		if r.Account != id || r.Handle != k.Handle || r.Name != "alice" {
			t.Errorf("refusal %+v, want account %d and handle %v", r, id, k.Handle)
		}
		h.setTime(end.Add(100 * 365 * 24 * time.Hour))
		h.refuses("long after its end", cred, TokenExpired)
		err := h.db.Read(t.Context(), func(r store.Reader) error {
			list, err := r.Tokens(id, latchkey.ForAccount)
			if len(list) != 2 || !list[1].Expired(end) || list[1].Expired(end.Add(-time.Nanosecond)) || list[0].Expired(end) {
				t.Errorf("Tokens = %+v, want one that expired and one that did not", list)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		h.setTime(noon)
		h.refuses("with the clock set back", cred, TokenExpired)
	})
}

func TestRevoked(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		id := h.account("alice")
		for i := range 20 {
			k, secret := h.token(id, fmt.Sprint("t", i))
			cred := tokenCred("alice", secret)
			if i%2 == 0 {
				h.accepts("before", cred)
			}
			h.revoke(k)
			h.refuses("the very next check", cred, UnknownToken)
		}
		k, secret := h.token(id, "again")
		h.update(k, func(k *latchkey.Token) { k.State = latchkey.TokenRevoked })
		h.refuses("a row that says revoked", tokenCred("alice", secret), UnknownToken)
		k, secret = h.token(id, "off")
		h.update(k, func(k *latchkey.Token) { k.State = latchkey.TokenDisabled })
		h.refuses("a token that is disabled", tokenCred("alice", secret), TokenOff)
		h.update(k, func(k *latchkey.Token) {})
		h.accepts("a token that is enabled again", tokenCred("alice", secret))
		h.update(k, func(k *latchkey.Token) { k.Name = "renamed" })
		h.accepts("a token that was renamed", tokenCred("alice", secret))
	})
}

// A token is refused from the moment its revocation is answered, whoever is
// using it.
func TestRevokedUnderLoad(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	stop := h.run()
	defer stop()
	for i := range 10 {
		k, secret := h.token(id, fmt.Sprint("t", i))
		cred := tokenCred("alice", secret)
		var wg sync.WaitGroup
		revoked := make(chan struct{})
		for range 4 {
			wg.Go(func() {
				for {
					after := false
					select {
					case <-revoked:
						after = true
					default:
					}
					_, r := h.Check(context.Background(), cred, latchkey.ForAccount, origin)
					if after && r == nil {
						t.Errorf("token %d was accepted after its revocation was answered", i)
					}
					if !after && r != nil && r.Reason != UnknownToken {
						t.Errorf("token %d: %s", i, r.Reason)
					}
					if after || r != nil {
						return
					}
				}
			})
		}
		h.revoke(k)
		close(revoked)
		wg.Wait()
		h.refuses("after all", cred, UnknownToken)
	}
}

func TestWrongAccount(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		alice, _ := h.account("alice"), h.account("bob")
		k, secret := h.token(alice, "a")
		for _, user := range []string{"bob", "nobody", "Alice", "ALICE", "alice ", "alic", "root", ""} {
			r := h.refuses("alice's token for "+user, tokenCred(user, secret), WrongAccount)
			if r.Account != alice || r.Handle != k.Handle || string(r.Name) != user {
				t.Errorf("refusal for %q: %+v", user, r)
			}
		}
	})
}

func TestMalformed(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	_, secret := h.token(id, "a")
	text := secret.Reveal()
	reads := h.db.reads.Load()
	for _, wrong := range []string{"", "x", text[:31], text + "x", strings.ToLower(text), text[:31] + "!", strings.Repeat("A", 32), "\x00", strings.Repeat("x", 1<<16)} {
		h.refuses("a token that is none", tokenCred("alice", latchkey.NewSecret(wrong)), BadForm)
	}
	h.refuses("nothing", latchkey.Credentials{}, NoCredentials)
	h.refuses("malformed credentials", latchkey.Credentials{Scheme: latchkey.SchemeMalformed}, BadForm)
	h.refuses("an unknown scheme", latchkey.Credentials{Scheme: 99}, BadForm)
	if n := h.db.reads.Load() - reads; n != 0 {
		t.Errorf("malformed credentials cost %d reads of the store, want none", n)
	}
	r := h.refuses("a long name that is no text", tokenCred(strings.Repeat("\xff", 255), latchkey.NewSecret("x")), BadForm)
	if len(r.Name) > 64*3 || strings.Contains(string(r.Name), "\xff") {
		t.Errorf("the refusal keeps the name %q", r.Name)
	}
}

func TestAccountState(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		id := h.account("alice")
		_, secret := h.token(id, "a")
		cred := tokenCred("alice", secret)
		h.accepts("at first", cred)
		suspend := func(on bool) func(*latchkey.Account) { return func(a *latchkey.Account) { a.Suspended = on } }
		h.account("alice", suspend(true))
		h.refuses("of a suspended account", cred, AccountOff)
		h.account("alice", suspend(false))
		h.accepts("of an account no longer suspended", cred)

		h.account("alice", func(a *latchkey.Account) { a.Name = "alicia" })
		h.refuses("by the old name", cred, WrongAccount)
		if c := h.accepts("by the new name", tokenCred("alicia", secret)); c.Name != "alicia" || c.Account != id {
			t.Errorf("after a rename: %+v", c)
		}

		h.commit(func(tx store.Tx) error {
			tx.Log(store.Change{Kind: store.AccountGone, Account: id})
			return tx.StageAccount(id, store.Removing)
		})
		want := UnknownAccount // the row is still there, its account is not
		if h.Complete() {
			want = UnknownToken
		}
		h.refuses("of an account being removed", tokenCred("alicia", secret), want)
		h.commit(func(tx store.Tx) error {
			tx.Log(store.Change{Kind: store.AccountGone, Account: id})
			return tx.DeleteAccount(id)
		})
		h.refuses("of an account that is gone", tokenCred("alicia", secret), UnknownToken)
		// Nor does a new account of the old name inherit it.
		h.account("alicia")
		h.refuses("of a later account of that name", tokenCred("alicia", secret), UnknownToken)
	})
}

func TestFeatures(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		id := h.account("alice", func(a *latchkey.Account) { a.Package = "mail" })
		_, secret := h.token(id, "a")
		has := func(what string, want bool) {
			t.Helper()
			c := h.accepts(what, tokenCred("alice", secret))
			if got := c.Features.Has(latchkey.FeaturePopAccounts); got != want {
				t.Errorf("%s: popaccts is %v, want %v", what, got, want)
			}
		}
		put := func(fn func(store.Tx) error) {
			t.Helper()
			h.commit(func(tx store.Tx) error {
				tx.Log(store.Change{Kind: store.PolicyPut})
				return fn(tx)
			})
		}
		list := func(name string, on bool) func(store.Tx) error {
			return func(tx store.Tx) error {
				return tx.PutFeatureList(latchkey.FeatureList{Name: name, Values: map[string]bool{"popaccts": on}})
			}
		}
		override := func(fn func(store.Tx) error) {
			t.Helper()
			h.commit(func(tx store.Tx) error {
				tx.Log(store.Change{Kind: store.AccountPut, Account: id})
				return fn(tx)
			})
		}
		has("no package and no list", true)
		put(func(tx store.Tx) error { return tx.PutPackage(latchkey.Package{Name: "mail", FeatureList: "plain"}) })
		has("a package whose list is not there", false)
		put(list("plain", true))
		has("on in the list", true)
		put(list("plain", false))
		has("off in the list", false)
		override(func(tx store.Tx) error { return tx.PutOverride(id, "popaccts", true) })
		has("off in the list, on for the account", true)
		put(list(latchkey.DisabledList, false))
		has("disabled for all", false)
		put(list(latchkey.DisabledList, true))
		has("no longer disabled", true)
		override(func(tx store.Tx) error { return tx.DeleteOverride(id, "popaccts") })
		has("override taken away", false)
		put(func(tx store.Tx) error {
			return tx.PutPackage(latchkey.Package{Name: "mail", FeatureList: latchkey.DefaultList})
		})
		has("the default list, which does not name it", true)
	})
}

// Whatever is changed in a row without its seal, the row is refused; so are two
// rows that changed places.
func TestDamagedRows(t *testing.T) {
	both(t, func(t *testing.T, h *house) {
		id, other := h.account("alice"), h.account("bob")
		probe, _ := h.row(id, "probe", latchkey.ForAccount)
		for field := range damagedTokens(probe) {
			if field == "Account" || field == "Audience" {
				continue // they are the row's key: seen below
			}
			k, secret := h.token(id, "damaged-"+field)
			damaged := damagedTokens(k)[field]
			h.commit(func(tx store.Tx) error { return tx.UpdateToken(k.Name, damaged) })
			want := RowDamaged
			if field == "MAC" {
				want = UnknownToken // not even found; memory knows but half of it
			}
			v := h.Verifier
			h.Verifier = h.verifier()
			h.refuses("a row with another "+field, tokenCred("alice", secret), want)
			h.fillUp()
			h.refuses("a row with another "+field+", from memory", tokenCred("alice", secret), RowDamaged)
			h.Verifier = v
			h.commit(func(tx store.Tx) error { return tx.DeleteToken(id, latchkey.ForAccount, damaged.Name) })
		}
		// bob's row with alice's MAC: alice's token does not open bob's account.
		mine, secret := h.token(id, "mine")
		theirs, _ := h.token(other, "theirs")
		h.commit(func(tx store.Tx) error {
			if err := tx.DeleteToken(id, latchkey.ForAccount, "mine"); err != nil {
				return err
			}
			swapped := theirs
			swapped.MAC, swapped.Handle = mine.MAC, mine.Handle
			return tx.UpdateToken("theirs", swapped)
		})
		h.Verifier = h.verifier()
		h.refuses("a swapped row", tokenCred("bob", secret), RowDamaged)
		moved := mine
		moved.Account = other
		h.commit(func(tx store.Tx) error { return tx.UpdateToken("theirs", moved) })
		h.Verifier = h.verifier()
		h.refuses("a row moved to another account", tokenCred("bob", secret), RowDamaged)
	})
}

// A token that was damaged and is made whole again works again.
func TestMendedRow(t *testing.T) {
	h := newHouse(t)
	h.fillUp()
	k, secret := h.token(h.account("alice"), "t")
	broken := k
	broken.Seal[0] ^= 1
	h.commit(func(tx store.Tx) error { tx.Log(store.Change{Kind: store.TokenPut, Token: &broken}); return nil })
	h.refuses("damaged", tokenCred("alice", secret), RowDamaged)
	h.update(k, func(*latchkey.Token) {})
	h.accepts("mended", tokenCred("alice", secret))
}

func TestBasic(t *testing.T) {
	h := newHouse(t)
	h.throttle.set(latchkey.Throttling{Off: true}, nil, nil)
	hash := func(text string) string {
		made, err := hasher.Make(t.Context(), latchkey.NewSecret(text))
		if err != nil {
			t.Fatal(err)
		}
		return string(made)
	}
	right := hash("right one")
	id := h.account("alice", func(a *latchkey.Account) { a.PasswordHash = right })
	h.account("root", func(a *latchkey.Account) { a.PasswordHash = hash("root's own") })
	h.account("nopass")
	want := latchkey.Caller{Kind: latchkey.ByPassword, Account: id, Name: "alice", Features: latchkey.AllFeatures(), Proof: sha256.Sum256([]byte(right))}
	for range 2 { // the second time from memory
		if got := h.accepts("the right password", basicCred("alice", "right one")); got != want {
			t.Errorf("Check = %+v, want %+v", got, want)
		}
	}
	h.refuses("a wrong password", basicCred("alice", "wrong one"), WrongPassword)
	h.refuses("no password", basicCred("alice", ""), WrongPassword)
	h.refuses("the password of another", basicCred("alice", "root's own"), WrongPassword)
	h.refuses("an unknown user", basicCred("nobody", "right one"), UnknownAccount)
	h.refuses("a user without a password", basicCred("nopass", ""), UnknownAccount)
	h.refuses("root at the accounts' door", basicCred("root", "root's own"), WrongDoor)
	h.refusesAt("an account at root's door", basicCred("alice", "right one"), latchkey.ForHost, WrongDoor)
	if c, r := h.Check(t.Context(), basicCred("root", "root's own"), latchkey.ForHost, origin); r != nil || c.Role != latchkey.RoleRoot {
		t.Errorf("root at root's door: %+v, %+v", c, r)
	}
	h.account("alice", func(a *latchkey.Account) { a.Suspended = true })
	h.refuses("of a suspended account", basicCred("alice", "right one"), AccountOff)
	h.account("alice", func(a *latchkey.Account) { a.Suspended, a.PasswordHash = false, hash("new one") })
	h.refuses("the password of before", basicCred("alice", "right one"), WrongPassword)
	h.accepts("the new password", basicCred("alice", "new one"))
	h.account("alice", func(a *latchkey.Account) { a.PasswordHash = "" })
	h.refuses("after the password was taken away", basicCred("alice", "new one"), UnknownAccount)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, r := h.Check(ctx, basicCred("alice", "x"), latchkey.ForAccount, origin); r == nil || r.Reason != CannotCheck {
		t.Errorf("with a context that has ended: %+v, %+v", c, r)
	}
}

// An unknown user costs as much as a known one with a wrong password.
func TestBasicTiming(t *testing.T) {
	h := newHouse(t)
	h.throttle.set(latchkey.Throttling{Off: true}, nil, nil)
	made, err := hasher.Make(t.Context(), latchkey.NewSecret("right one"))
	if err != nil {
		t.Fatal(err)
	}
	h.account("alice", func(a *latchkey.Account) { a.PasswordHash = string(made) })
	known, unknown := sideBySide(12, func() {
		h.refuses("known", basicCred("alice", "wrong one"), WrongPassword)
	}, func() {
		h.refuses("unknown", basicCred("nobody", "wrong one"), UnknownAccount)
	})
	t.Logf("wrong password: known user %v, unknown user %v (medians), |t| = %.1f", median(known), median(unknown), welch(known, unknown))
}

func TestLocal(t *testing.T) {
	h := newHouse(t)
	id, root := h.account("alice", func(a *latchkey.Account) { a.Suspended = true }), h.account("root")
	for _, test := range []struct {
		name latchkey.AccountName
		want latchkey.Caller
	}{
		{"alice", latchkey.Caller{Kind: latchkey.ByLocal, Account: id, Name: "alice", Features: latchkey.AllFeatures()}},
		{"root", latchkey.Caller{Kind: latchkey.ByLocal, Role: latchkey.RoleRoot, Account: root, Name: "root", Features: latchkey.AllFeatures(),
			Door: latchkey.ForHost, Privileges: latchkey.AllPrivileges}},
	} {
		if got, err := h.Local(t.Context(), test.name, test.want.Door); err != nil || got != test.want {
			t.Errorf("Local(%s) = %+v, %v, want %+v", test.name, got, err, test.want)
		}
	}
	if c, err := h.Local(t.Context(), "nobody", latchkey.ForAccount); err == nil || c != (latchkey.Caller{}) {
		t.Errorf("Local(nobody) = %+v, %v", c, err)
	}
}

// A remembered password is bound to its user and to the kind of user.
func TestPasswordCacheKeys(t *testing.T) {
	c := newPasswordCache()
	c.add(c.key(basicCred("alice", "right one"), latchkey.ForAccount), knownPassword{account: 7})
	for _, test := range []struct {
		user, pass string
		door       latchkey.Audience
		want       bool
	}{
		{"alice", "right one", latchkey.ForAccount, true},
		{"alice", "right one", latchkey.ForHost, true}, // which door opens is asked elsewhere
		{"alice", "right one", latchkey.ForWebmail, false},
		{"alice", "wrong one", latchkey.ForAccount, false},
		{"bob", "right one", latchkey.ForAccount, false},
		{"alicer", "ight one", latchkey.ForAccount, false},
		{"", "aliceright one", latchkey.ForAccount, false},
	} {
		if k, got := c.known(c.key(basicCred(test.user, test.pass), test.door)); got != test.want || got && k.account != 7 {
			t.Errorf("remembered %q, %q at door %d: %v, want %v", test.user, test.pass, test.door, got, test.want)
		}
	}
	for i := range maxPasswords + 5 {
		c.add(c.key(basicCred("u", fmt.Sprint(i)), latchkey.ForAccount), knownPassword{})
	}
	if len(c.right) > maxPasswords {
		t.Errorf("%d passwords are remembered, want at most %d", len(c.right), maxPasswords)
	}
	c.clear()
	if _, ok := c.known(c.key(basicCred("u", "7"), latchkey.ForAccount)); ok {
		t.Error("clear left a password")
	}
}

// A use is seen again only when it comes from another network than the last one.
func TestSightings(t *testing.T) {
	h := newHouse(t)
	k, secret := h.token(h.account("alice"), "t")
	from := func(text string) {
		t.Helper()
		if _, r := h.Check(t.Context(), tokenCred("alice", secret), latchkey.ForAccount, latchkey.Origin{Addr: addr(text)}); r != nil {
			t.Fatal(r.Reason)
		}
	}
	from("192.0.2.1")
	if list := h.Sightings(10); len(list) != 0 {
		t.Errorf("nobody asked for sightings: %+v", list)
	}
	h.WatchNetworks()
	for _, text := range []string{"192.0.2.9", "198.51.100.1", "198.51.100.2", "2001:db8:1::1", "::1", "2001:db8:1:2::1", "2001:db8:2::1", "192.0.2.1", "::ffff:192.0.2.2", "198.51.100.1"} {
		from(text)
	}
	want := []string{"198.51.100.0/24", "2001:db8:1::/48", "::/48", "2001:db8:2::/48", "192.0.2.0/24"}
	var got []string
	for _, x := range append(h.Sightings(2), h.Sightings(10)...) {
		if got = append(got, x.Network.String()); x.MAC != k.MAC {
			t.Errorf("sighting of another token: %+v", x)
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("networks (-want +got):\n%s", d)
	}
	from("203.0.113.1")
	h.ForgetSightings(h.Sightings(1))
	from("192.0.2.1")
	from("203.0.113.1")
	if list := h.Sightings(10); len(list) != 1 || list[0].Network.String() != "203.0.113.0/24" {
		t.Errorf("what was put back: %+v", list)
	}
}

func TestSameNetwork(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"192.0.2.1", "192.0.2.255", true}, {"192.0.2.1", "192.0.3.1", false}, {"::1", "192.0.2.1", false}, {"192.0.2.1", "::", false},
		{"2001:db8:1::1", "2001:db8:1:ffff::", true}, {"2001:db8:1::1", "2001:db8:2::1", false},
	} {
		a, b := addr(test.a).As16(), addr(test.b).As16()
		if got := sameNetwork(&a, &b); got != test.want {
			t.Errorf("sameNetwork(%s, %s) = %v", test.a, test.b, got)
		}
		if got := NetworkOf(addr(test.a)) == NetworkOf(addr(test.b)); got != test.want {
			t.Errorf("NetworkOf(%s) and of %s: %v", test.a, test.b, got)
		}
	}
}
