package auth

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// Once all tokens are in memory a token that is not there costs no read.
func TestNoReadsWhenComplete(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	var secrets []latchkey.Secret
	for i := range 30 {
		_, s := h.token(id, fmt.Sprint("t", i))
		secrets = append(secrets, s)
	}
	h.reopen()
	unknown := NewToken(latchkey.ForAccount)
	before := h.db.reads.Load()
	h.refuses("unknown, memory empty", tokenCred("alice", unknown), UnknownToken)
	if n := h.db.reads.Load() - before; n != 1 {
		t.Errorf("an unknown token cost %d reads while memory was empty, want 1", n)
	}
	stop := h.run()
	defer stop()
	eventually(t, "memory is full", h.Complete)
	h.accepts("to have the account in memory", tokenCred("alice", secrets[0]))
	before = h.db.reads.Load()
	for _, s := range secrets {
		h.accepts("known", tokenCred("alice", s))
		h.refuses("unknown", tokenCred("alice", unknown), UnknownToken)
		h.refuses("of another", tokenCred("bob", s), WrongAccount)
	}
	if n := h.db.reads.Load() - before; n != 0 {
		t.Errorf("checks against a full memory cost %d reads, want none", n)
	}
}

// More than one page of tokens comes into memory.
func TestFillPages(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	secrets := make([]latchkey.Secret, 1203)
	h.commit(func(tx store.Tx) error {
		for i := range secrets {
			var k latchkey.Token
			k, secrets[i] = h.row(id, fmt.Sprintf("t%d", i), latchkey.ForAccount)
			k.Seal = h.keys.Seal(&k)
			if err := tx.InsertToken(k); err != nil {
				return err
			}
		}
		return nil
	})
	h.reopen()
	h.fillUp()
	for i, s := range secrets {
		h.accepts(fmt.Sprint("token ", i), tokenCred("alice", s))
	}
}

// A verifier that fell behind starts anew: it forgets nothing that holds and
// remembers nothing that does not.
func TestGap(t *testing.T) {
	for _, running := range []bool{false, true} {
		t.Run(fmt.Sprint("running=", running), func(t *testing.T) {
			h := newHouse(t)
			id := h.account("alice")
			stays, staysSecret := h.token(id, "stays")
			goes, goesSecret := h.token(id, "goes")
			if running {
				stop := h.run()
				defer stop()
			} else {
				h.fillUp()
			}
			eventually(t, "memory is full", h.Complete)
			// Changes that this verifier was not told of.
			_, err := h.db.Write(t.Context(), func(tx store.Tx) error {
				h.db.gap.Store(true)
				tx.Log(store.Change{Kind: store.TokenGone, Token: &goes})
				return tx.DeleteToken(id, latchkey.ForAccount, "goes")
			})
			if err != nil {
				t.Fatal(err)
			}
			_, newSecret := h.token(id, "new")
			h.refuses("revoked in the gap", tokenCred("alice", goesSecret), UnknownToken)
			h.accepts("from before the gap", tokenCred("alice", staysSecret))
			h.accepts("from after the gap", tokenCred("alice", newSecret))
			if h.db.gap.Load() {
				t.Fatal("the gap was never met")
			}
			if running {
				eventually(t, "memory is full again", h.Complete)
				before := h.db.reads.Load()
				h.refuses("unknown", tokenCred("alice", NewToken(latchkey.ForAccount)), UnknownToken)
				if n := h.db.reads.Load() - before; n != 0 {
					t.Errorf("an unknown token cost %d reads after memory was filled again, want none", n)
				}
			}
			h.revoke(stays)
			h.refuses("revoked afterwards", tokenCred("alice", staysSecret), UnknownToken)
		})
	}
}

// A gap met half way through filling does not leave memory with half the tokens
// and the belief that it has all.
func TestGapWhileFilling(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	_, first := h.token(id, "a")
	_, last := h.token(id, "b")
	h.reopen()
	if n, err := h.fillPage(t.Context(), 1); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	h.db.gap.Store(true)
	h.account("bob")
	if h.db.gap.Load() {
		t.Fatal("the gap was never met")
	}
	h.fillUp()
	h.accepts("a token read before the gap", tokenCred("alice", first))
	h.accepts("a token read after the gap", tokenCred("alice", last))
}

// What happens in the store without [Verifier.Commit] comes into force by
// itself.
func TestWake(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	k, secret := h.token(id, "a")
	stop := h.run()
	defer stop()
	eventually(t, "memory is full", h.Complete)
	h.accepts("before", tokenCred("alice", secret))
	_, err := h.db.Write(t.Context(), func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.TokenGone, Account: id, Token: &k})
		return tx.DeleteToken(id, latchkey.ForAccount, "a")
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the token is refused", func() bool {
		_, r := h.Check(t.Context(), tokenCred("alice", secret), latchkey.ForAccount, origin)
		return r != nil
	})
}

func (h *house) lastUse(k latchkey.Token) (u latchkey.Use) {
	h.Helper()
	err := h.db.Read(h.Context(), func(r store.Reader) (err error) {
		u, _, err = h.LastUse(r, &k)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return u
}

func TestLastUse(t *testing.T) {
	h := newHouse(t)
	id := h.account("alice")
	k, secret := h.token(id, "a")
	never, _ := h.token(id, "never")
	stop := h.run()
	same := func(when string, k latchkey.Token, want latchkey.Use) {
		t.Helper()
		if got := h.lastUse(k); got != want {
			t.Errorf("%s: LastUse = %+v, want %+v", when, got, want)
		}
	}
	same("before", k, latchkey.Use{})
	h.accepts("first", tokenCred("alice", secret))
	first := latchkey.Use{At: noon, From: "192.0.2.7", Client: "curl/8.5"}
	same("at once", k, first)
	h.refuses("a refusal", tokenCred("bob", secret), WrongAccount)
	same("after a refusal", k, first)
	h.setTime(noon.Add(90*time.Second + 500*time.Millisecond))
	h.accepts("second", tokenCred("alice", secret))
	second := first
	second.At = noon.Add(90 * time.Second)
	same("at once again", k, second)
	h.update(k, func(k *latchkey.Token) { k.Name = "renamed" })
	same("after a rename", k, second)
	stop()
	h.reopen()
	same("after a reopening", k, second)
	same("of a token never used", never, latchkey.Use{})
	if _, r := h.Check(t.Context(), tokenCred("alice", secret), latchkey.ForAccount, latchkey.Origin{}); r != nil {
		t.Error(r.Reason)
	}
	same("from nowhere", k, latchkey.Use{At: second.At})
}

// A use that could not be written down is written down later.
func TestLastUseOnFullDisk(t *testing.T) {
	h := newHouse(t)
	k, secret := h.token(h.account("alice"), "a")
	h.accepts("a use", tokenCred("alice", secret))
	h.db.refuse.Store(true)
	h.FlushUses()
	h.db.refuse.Store(false)
	h.FlushUses()
	h.reopen()
	if got := h.lastUse(k); !got.At.Equal(noon) {
		t.Errorf("LastUse = %+v, want %v", got, noon)
	}
}

// Commit fails as the store does, and then nothing is in force.
func TestCommitFails(t *testing.T) {
	h := newHouse(t)
	h.fillUp()
	k, secret := h.token(h.account("alice"), "a")
	h.db.refuse.Store(true)
	err := h.Commit(t.Context(), func(tx store.Tx) error {
		tx.Log(store.Change{Kind: store.TokenGone, Token: &k})
		return nil
	})
	if latchkey.KindOf(err) != latchkey.Unavailable {
		t.Errorf("Commit on a full disk: %v", err)
	}
	h.accepts("after a revocation that failed", tokenCred("alice", secret))
}

// Who is told that a token is not there, or that there is nothing left to revoke,
// is told so when it is refused: also if somebody else revoked it a moment ago.
func TestNothingLeftToRevoke(t *testing.T) {
	for what, failed := range map[string]error{"nothing changed": nil, "not found": store.ErrNotFound} {
		h := newHouse(t)
		h.fillUp()
		k, secret := h.token(h.account("alice"), "t")
		h.accepts("at first", tokenCred("alice", secret))
		_, err := h.db.Write(t.Context(), func(tx store.Tx) error { // and its writer is not told yet
			tx.Log(store.Change{Kind: store.TokenGone, Token: &k})
			return tx.DeleteToken(k.Account, k.Audience, k.Name)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Commit(t.Context(), func(store.Tx) error { return failed }); !errors.Is(err, failed) {
			t.Errorf("%s: Commit = %v, want %v", what, err, failed)
		}
		h.refuses(what, tokenCred("alice", secret), UnknownToken)
	}
}
