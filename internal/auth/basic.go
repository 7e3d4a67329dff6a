package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
)

// placesPerWorker is how many passwords of sources that never had a right one
// may wait for each worker: others do not wait for more of them than that.
const placesPerWorker = 8

// holder is whose password it is: an account, or a mailbox of it.
type holder struct {
	entry   *Entry
	mailbox latchkey.MailboxName
	off     bool   // nobody may sign in to it now
	hash    string // of the password
}

// checkPassword checks a user and a password. An unknown user costs as much as
// a known one. A password that was right before is recognised whatever its
// source has done since; any other waits for the throttle.
func (v *Verifier) checkPassword(ctx context.Context, cred latchkey.Credentials, audience latchkey.Audience, from latchkey.Origin) (latchkey.Caller, *Refusal) {
	key := v.passwords.key(cred, audience)
	h, ok := v.recognise(ctx, key, cred)
	if !ok {
		var reason Reason
		if h, reason = v.checkSlowly(ctx, key, cred, audience, from); reason != "" {
			return refusePassword(h, cred, reason)
		}
	}
	a := &h.entry.Account
	switch {
	case !h.entry.opens(audience):
		return refusePassword(h, cred, WrongDoor)
	case h.off || a.Suspended:
		return refusePassword(h, cred, AccountOff)
	}
	recovered := false
	if h.mailbox == "" {
		var reason Reason
		if recovered, reason = v.checkCode(ctx, a, cred, from); reason != "" {
			return refusePassword(h, cred, reason)
		}
	}
	return latchkey.Caller{
		Kind: latchkey.ByPassword, Role: a.Role, Account: a.ID, Name: a.Name, Mailbox: h.mailbox, Features: h.entry.Features, Proof: proofOf(h.hash),
		Door: audience, Privileges: h.entry.privileges(audience), Recovered: recovered,
	}, nil
}

func refusePassword(h holder, cred latchkey.Credentials, reason Reason) (latchkey.Caller, *Refusal) {
	r := &Refusal{Reason: reason, Name: claimed(cred.User)}
	if h.entry != nil {
		r.Account = h.entry.Account.ID
	}
	return latchkey.Caller{}, r
}

// recognise is whose password it is, if it is known to be right.
func (v *Verifier) recognise(ctx context.Context, key [32]byte, cred latchkey.Credentials) (h holder, ok bool) {
	k, ok := v.passwords.known(key)
	if !ok {
		return h, false
	}
	var err error
	if k.mailbox != "" {
		h, err = v.mailbox(ctx, k.mailbox)
	} else if h.entry, err = v.Entry(ctx, k.account); err == nil {
		h.hash = h.entry.Account.PasswordHash
	}
	if err != nil || h.entry.Account.ID != k.account || k.mailbox == "" && string(h.entry.Account.Name) != cred.User || h.hash == "" || proofOf(h.hash) != k.proof {
		return holder{}, false
	}
	return h, true
}

// checkSlowly checks a password against its hash, if the throttle lets it.
func (v *Verifier) checkSlowly(ctx context.Context, key [32]byte, cred latchkey.Credentials, audience latchkey.Audience, from latchkey.Origin) (h holder, reason Reason) {
	visit, reason := v.throttle.enter(from.Addr, v.at(from))
	if reason != "" {
		return h, reason
	}
	how := unknown
	defer func() { v.throttle.leave(visit, v.at(from), claimOf(key), how) }()
	h, err := v.holder(ctx, cred.User, audience)
	if errors.Is(err, store.ErrNotFound) || err == nil && h.hash == "" {
		if v.hasher.VerifyNothing(ctx, cred.Secret) != nil {
			return h, CannotCheck
		}
		how = wrong
		return h, UnknownAccount
	}
	if err != nil {
		v.log.Error("account look-up", "err", err)
		return h, CannotCheck
	}
	ok, err := v.hasher.Verify(ctx, password.Hash(h.hash), cred.Secret)
	switch {
	case err != nil:
		return h, CannotCheck
	case !ok:
		how = wrong
		return h, WrongPassword
	}
	how = right
	v.passwords.add(key, knownPassword{account: h.entry.Account.ID, mailbox: h.mailbox, proof: proofOf(h.hash)})
	return h, ""
}

// at is when a call came.
func (v *Verifier) at(from latchkey.Origin) time.Time {
	if from.At.IsZero() {
		return v.now()
	}
	return from.At
}

// claimOf tells one claim from the next, without saying what it was.
func claimOf(key [32]byte) uint32 { return binary.LittleEndian.Uint32(key[:]) }

// failed takes down a failure. What was free to find out is counted here, what
// took a hash was counted when the hash was done.
func (v *Verifier) failed(r *Refusal, cred latchkey.Credentials, audience latchkey.Audience, from latchkey.Origin) {
	switch r.Reason {
	case UnknownToken, WrongAccount:
		v.throttle.fail(from.Addr, v.at(from), r.claim)
	case WrongCode:
		v.throttle.fail(from.Addr, v.at(from), claimOf(v.keys.MAC(cred.Code.Reveal())))
	case UnknownAccount, WrongPassword:
	default:
		return
	}
	v.throttle.failures.add(latchkey.Failure{At: v.at(from).UTC(), From: from.Addr, Name: r.Name, Audience: audience, Reason: string(r.Reason)})
}

// holder finds whom user means at the door of audience.
func (v *Verifier) holder(ctx context.Context, user string, audience latchkey.Audience) (holder, error) {
	if audience == latchkey.ForWebmail {
		return v.mailbox(ctx, mailboxName(user))
	}
	e, err := v.EntryOf(ctx, latchkey.AccountName(user))
	if err != nil {
		return holder{}, err
	}
	return holder{entry: e, hash: e.Account.PasswordHash}, nil
}

// Local is the caller that the local socket vouches for: the account called
// name, or the administrator, at the door of audience. It fails with NotFound
// for who may not come in there.
func (v *Verifier) Local(ctx context.Context, name latchkey.AccountName, audience latchkey.Audience) (latchkey.Caller, error) {
	e, err := v.EntryOf(ctx, name)
	if err == nil && !e.opens(audience) {
		err = store.ErrNotFound
	}
	if err != nil {
		return latchkey.Caller{}, err
	}
	return latchkey.Caller{Kind: latchkey.ByLocal, Role: e.Account.Role, Account: e.Account.ID, Name: e.Account.Name, Features: e.Features,
		Door: audience, Privileges: e.privileges(audience)}, nil
}

// proofOf tells one password of an account or a mailbox from the next, by its
// hash.
func proofOf(hash string) [32]byte { return sha256.Sum256([]byte(hash)) }

// passwordCache remembers passwords that were right, so that a client which
// sends one with every call costs one slow hash, not thousands. It keeps keyed
// hashes of user and password, and for whom and by which stored hash they were
// right: after a change of the password that hash is another.
type passwordCache struct {
	mu    sync.RWMutex
	mac   *hmacKey
	right map[[32]byte]knownPassword
}

type knownPassword struct {
	account latchkey.AccountID
	mailbox latchkey.MailboxName
	proof   [32]byte
}

const maxPasswords = 10_000

func newPasswordCache() *passwordCache {
	var k [32]byte
	_, _ = rand.Read(k[:])
	return &passwordCache{mac: newHMACKey(k[:]), right: make(map[[32]byte]knownPassword)}
}

// key is what a claim is remembered by. Accounts and mailboxes may have the same
// name.
func (c *passwordCache) key(cred latchkey.Credentials, audience latchkey.Audience) [32]byte {
	user, pass := sum(c.mac, cred.User), sum(c.mac, cred.Secret.Reveal())
	return c.mac.sum(append(append(user[:], pass[:]...), boolByte(audience == latchkey.ForWebmail)))
}

func (c *passwordCache) known(key [32]byte) (knownPassword, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	k, ok := c.right[key]
	return k, ok
}

func (c *passwordCache) add(key [32]byte, k knownPassword) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.right) >= maxPasswords {
		clear(c.right)
	}
	c.right[key] = k
}

func (c *passwordCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.right)
}
