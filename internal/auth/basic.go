package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
)

// checkPassword checks a user and a password. An unknown user costs as much as
// a known one.
func (v *Verifier) checkPassword(ctx context.Context, cred latchkey.Credentials, audience latchkey.Audience) (latchkey.Caller, *Refusal) {
	refuse := func(r Reason, id latchkey.AccountID) (latchkey.Caller, *Refusal) {
		return latchkey.Caller{}, &Refusal{Reason: r, Account: id, Name: claimed(cred.User)}
	}
	entry, err := v.EntryOf(ctx, latchkey.AccountName(cred.User))
	if errors.Is(err, store.ErrNotFound) || err == nil && entry.Account.PasswordHash == "" {
		if v.hasher.VerifyNothing(ctx, cred.Secret) != nil {
			return refuse(CannotCheck, 0)
		}
		return refuse(UnknownAccount, 0)
	}
	if err != nil {
		return refuse(CannotCheck, 0)
	}
	a := &entry.Account
	key := v.passwords.key(cred, a.PasswordHash)
	if !v.passwords.has(key) {
		ok, err := v.hasher.Verify(ctx, password.Hash(a.PasswordHash), cred.Secret)
		if err != nil {
			return refuse(CannotCheck, a.ID)
		}
		if !ok {
			return refuse(WrongPassword, a.ID)
		}
		v.passwords.add(key)
	}
	switch {
	case (a.Role == latchkey.RoleRoot) != (audience == latchkey.ForHost):
		return refuse(WrongDoor, a.ID)
	case a.Suspended:
		return refuse(AccountOff, a.ID)
	}
	return latchkey.Caller{Kind: latchkey.ByPassword, Role: a.Role, Account: a.ID, Name: a.Name, Features: entry.Features, Proof: passwordProof(a)}, nil
}

// Local is the caller that the local socket vouches for: the account called
// name, or the administrator.
func (v *Verifier) Local(ctx context.Context, name latchkey.AccountName) (latchkey.Caller, error) {
	e, err := v.EntryOf(ctx, name)
	if err != nil {
		return latchkey.Caller{}, err
	}
	return latchkey.Caller{Kind: latchkey.ByLocal, Role: e.Account.Role, Account: e.Account.ID, Name: e.Account.Name, Features: e.Features}, nil
}

// passwordCache remembers passwords that were right, so that a client which
// sends one with every call costs one slow hash, not thousands. It keeps keyed
// hashes, bound to the stored hash: a changed password is not in it.
type passwordCache struct {
	mu    sync.Mutex
	mac   *hmacKey
	ready bool
	known map[[32]byte]struct{}
}

const maxPasswords = 10_000

func (c *passwordCache) key(cred latchkey.Credentials, hash string) [32]byte {
	c.mu.Lock()
	if !c.ready {
		var k [32]byte
		_, _ = rand.Read(k[:])
		c.mac, c.ready, c.known = newHMACKey(k[:]), true, make(map[[32]byte]struct{})
	}
	c.mu.Unlock()
	user, pass, stored := sum(c.mac, cred.User), sum(c.mac, cred.Secret.Reveal()), sum(c.mac, hash)
	return c.mac.sum(append(append(user[:], pass[:]...), stored[:]...))
}

func (c *passwordCache) has(key [32]byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.known[key]
	return ok
}

func (c *passwordCache) add(key [32]byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxPasswords {
		clear(c.known)
	}
	c.known[key] = struct{}{}
}

func (c *passwordCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
}
