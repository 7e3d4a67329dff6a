package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// A session ends when nobody has used it for SessionIdle, and SessionLife after
// it began, whatever happens.
const (
	SessionIdle = 15 * time.Minute
	SessionLife = 24 * time.Hour
)

// sessionsOfOne is how many sessions one account, or one mailbox, may have: with
// one more the oldest ends.
const sessionsOfOne = 100

// wrongPrefixes is how often a session may be named with a wrong prefix before
// it ends: its ten digits are not to be found out.
const wrongPrefixes = 5

// Reasons for refusing a session, beyond those of other credentials.
const (
	UnknownSession Reason = "unknown or ended session"
	SessionOver    Reason = "session ended"
	WrongPrefix    Reason = "cookie without the right cpsess prefix"
	ForeignPage    Reason = "request from another site's page"
	SessionDamaged Reason = "session row damaged"
	NoCode         Reason = "second factor missing"
	WrongCode      Reason = "wrong second factor"
)

// NewSession is what a session is to be.
type NewSession struct {
	Account  latchkey.AccountID
	Mailbox  latchkey.MailboxName // "" for the account itself
	Audience latchkey.Audience
	HandOver bool   // it is for somebody else to take over, once
	Page     string // where they are to go then
	// By is who makes it; nil for who signs in. One made with a token, or in a
	// session that was, ends with that token.
	By *latchkey.Caller
}

// sessions is what is in memory of sessions: what the store does not know yet.
type sessions struct {
	mu    sync.Mutex
	used  map[latchkey.SessionID]time.Time
	wrong map[latchkey.SessionID]int // wrong prefixes
}

// SessionID is what a session is looked up by.
func (k *Keys) SessionID(secret string) latchkey.SessionID {
	return latchkey.SessionID(sum(k.session, secret))
}

// SealSession is the MAC over everything of a session's row that decides.
func (k *Keys) SealSession(x *latchkey.Session) [32]byte {
	b := append(make([]byte, 0, 256), "session"...)
	b = append(append(b, x.ID[:]...), x.Proof[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(x.Account))
	b = append(b, byte(x.Audience), boolByte(x.HandOver))
	b = binary.BigEndian.AppendUint64(b, uint64(unixMicro(x.Created)))
	b = binary.BigEndian.AppendUint64(b, uint64(unixMicro(x.Ends)))
	for _, text := range []string{string(x.Mailbox), x.Prefix, x.Page} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	}
	if x.Token != (latchkey.TokenMAC{}) {
		b = append(b, x.Token[:]...)
	}
	return k.session.sum(b)
}

// OpenSession adds a session to tx and returns it with what opens it, which is
// stored nowhere. It fails with BadCredentials if the account, or the mailbox, is
// not there, is suspended, or may not come in at the door.
func (v *Verifier) OpenSession(tx store.Tx, n NewSession) (latchkey.Session, latchkey.Secret, error) {
	h, err := v.holderNow(tx, n.Account, n.Mailbox)
	if errors.Is(err, store.ErrNotFound) || err == nil && (h.off || h.entry.Account.Suspended || !h.entry.opens(n.Audience)) {
		err = &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	}
	if err != nil {
		return latchkey.Session{}, latchkey.Secret{}, err
	}
	now := v.now().UTC()
	x := latchkey.Session{
		Account: n.Account, Mailbox: n.Mailbox, Audience: n.Audience, Prefix: newPrefix(), Proof: proofOf(h.hash),
		Created: now, Used: now, Ends: now.Add(SessionLife), HandOver: n.HandOver, Page: n.Page,
	}
	if x.HandOver {
		x.Ends = now.Add(SessionIdle)
	}
	if err := v.bindSession(tx, &x, n.By); err != nil {
		return latchkey.Session{}, latchkey.Secret{}, err
	}
	if err := v.makeRoom(tx, &x); err != nil {
		return latchkey.Session{}, latchkey.Secret{}, err
	}
	secret := newSessionSecret()
	return x, secret, v.insertSession(tx, &x, secret)
}

// bindSession ties x to the token that by makes it with, if any.
func (v *Verifier) bindSession(r store.Reader, x *latchkey.Session, by *latchkey.Caller) error {
	for by != nil && by.Through != nil {
		by = by.Through
	}
	switch {
	case by == nil:
	case by.Kind == latchkey.ByToken:
		x.Token = by.Proof
	case by.Kind == latchkey.BySession:
		of, err := r.Session(latchkey.SessionID(by.Proof))
		if err != nil {
			return err
		}
		x.Token = of.Token
	}
	return v.boundInTime(r, x)
}

// boundInTime lets x last no longer than the token it was made with. It fails
// with [store.ErrNotFound] if that may not be used any more.
func (v *Verifier) boundInTime(r store.Reader, x *latchkey.Session) error {
	if x.Token == (latchkey.TokenMAC{}) {
		return nil
	}
	k, err := r.TokenByMAC(x.Token)
	if err != nil {
		return err
	}
	now := time.Unix(v.expiryTime(v.now()), 0)
	if v.keys.Seal(&k) != k.Seal || k.State != latchkey.TokenActive || k.Expired(now) || !k.Opened(x.Token, now) {
		return store.ErrNotFound
	}
	if !k.Expires.IsZero() && k.Expires.Before(x.Ends) {
		x.Ends = k.Expires
	}
	return nil
}

func (v *Verifier) insertSession(tx store.Tx, x *latchkey.Session, secret latchkey.Secret) error {
	x.ID = v.keys.SessionID(secret.Reveal())
	x.Seal = v.keys.SealSession(x)
	return tx.InsertSession(*x)
}

// makeRoom ends the oldest sessions of those that x would be one too many of.
func (v *Verifier) makeRoom(tx store.Tx, x *latchkey.Session) error {
	list, err := tx.Sessions(x.Account, x.Mailbox)
	for i := 0; err == nil && i <= len(list)-sessionsOfOne; i++ {
		err = tx.DeleteSession(list[i].ID)
	}
	return err
}

// HandedOver reports whether there is a session to take over with secret. It
// asks the store to read alone: strangers who try write nothing.
func (v *Verifier) HandedOver(ctx context.Context, secret latchkey.Secret, prefix string, audience latchkey.Audience) bool {
	if !sessionForm(secret.Reveal()) {
		return false
	}
	id := v.keys.SessionID(secret.Reveal())
	err := v.store.Read(ctx, func(r store.Reader) error {
		x, err := r.Session(id)
		if err == nil && !v.handedOver(&x, prefix, audience) {
			err = store.ErrNotFound
		}
		return err
	})
	return err == nil
}

// handedOver reports whether x is to be taken over by who knows its prefix, at
// the door of audience.
func (v *Verifier) handedOver(x *latchkey.Session, prefix string, audience latchkey.Audience) bool {
	return x.HandOver && x.Audience == audience && samePrefix(x.Prefix, prefix) && v.keys.SealSession(x) == x.Seal &&
		v.expiryTime(v.now()) < x.Ends.Unix()
}

// TakeOver makes the session that was handed over with secret the caller's own:
// what opens it is another secret from then on, and the one of before opens
// nothing. It fails with BadCredentials where there is nothing to take over.
func (v *Verifier) TakeOver(tx store.Tx, secret latchkey.Secret, prefix string, audience latchkey.Audience) (latchkey.Session, latchkey.Secret, error) {
	id := v.keys.SessionID(secret.Reveal())
	x, err := tx.Session(id)
	if err == nil && !v.handedOver(&x, prefix, audience) {
		err = store.ErrNotFound
	}
	if err == nil {
		_, err = v.standingSession(tx, &x)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = &latchkey.Error{Kind: latchkey.BadCredentials, Msg: "Access denied"}
	}
	if err == nil {
		err = tx.DeleteSession(id)
	}
	if err != nil {
		return latchkey.Session{}, latchkey.Secret{}, err
	}
	now := v.now().UTC()
	x.HandOver, x.Created, x.Used, x.Ends = false, now, now, now.Add(SessionLife)
	if err := v.boundInTime(tx, &x); err != nil {
		return latchkey.Session{}, latchkey.Secret{}, err
	}
	fresh := newSessionSecret()
	return x, fresh, v.insertSession(tx, &x, fresh)
}

// standingSession is whose session it is, if they may still come in: the account
// and the mailbox are there and usable, with the password that the session
// began with, and so is the token that it was made with.
func (v *Verifier) standingSession(r store.Reader, x *latchkey.Session) (holder, error) {
	h, err := v.holderNow(r, x.Account, x.Mailbox)
	if err == nil && (h.off || h.entry.Account.Suspended || !h.entry.opens(x.Audience) || proofOf(h.hash) != x.Proof) {
		err = store.ErrNotFound
	}
	if err == nil {
		bound := *x
		err = v.boundInTime(r, &bound)
	}
	return h, err
}

// holderNow is an account, or a mailbox of it, as r has it.
func (v *Verifier) holderNow(r store.Reader, id latchkey.AccountID, m latchkey.MailboxName) (h holder, err error) {
	e, err := readEntry(r, id)
	if err != nil {
		return h, err
	}
	h = holder{entry: &e, mailbox: m, hash: e.Account.PasswordHash}
	if m != "" {
		row, err := mailboxRow(r, m)
		if err != nil || row.Account != id {
			return h, errors.Join(err, store.ErrNotFound)
		}
		h.off, h.hash = row.SuspendedLogin, row.PasswordHash
	}
	return h, nil
}

// checkSession checks the cookie of a session and what came with it.
func (v *Verifier) checkSession(ctx context.Context, cred latchkey.Credentials, audience latchkey.Audience, from latchkey.Origin) (latchkey.Caller, *Refusal) {
	refuse := func(r Reason, x *latchkey.Session) (latchkey.Caller, *Refusal) {
		return latchkey.Caller{}, &Refusal{Reason: r, Account: x.Account, Handle: v.SessionHandle(x.ID)}
	}
	if cred.Site == latchkey.SiteForeign {
		return latchkey.Caller{}, &Refusal{Reason: ForeignPage}
	}
	if !sessionForm(cred.Secret.Reveal()) {
		return latchkey.Caller{}, &Refusal{Reason: BadForm}
	}
	var x latchkey.Session
	var h holder
	id := v.keys.SessionID(cred.Secret.Reveal())
	err := v.store.Read(ctx, func(r store.Reader) (err error) {
		if x, err = r.Session(id); err == nil {
			h, err = v.standingSession(r, &x)
		}
		return err
	})
	now := v.at(from)
	switch {
	case errors.Is(err, store.ErrNotFound):
		x.ID = id
		return refuse(UnknownSession, &x)
	case err != nil:
		v.log.Error("session look-up", "err", err)
		return refuse(CannotCheck, &x)
	case v.keys.SealSession(&x) != x.Seal:
		v.log.Error("a session's row is damaged and refused", "account", x.Account)
		return refuse(SessionDamaged, &x)
	case x.HandOver || v.sessionOver(&x, now):
		return refuse(SessionOver, &x)
	case x.Audience != audience:
		return refuse(WrongDoor, &x)
	case !samePrefix(x.Prefix, cred.Prefix):
		v.wrongPrefix(ctx, &x)
		return refuse(WrongPrefix, &x)
	}
	v.sessions.use(x.ID, now)
	a := &h.entry.Account
	return latchkey.Caller{
		Kind: latchkey.BySession, Role: a.Role, Account: a.ID, Name: a.Name, Mailbox: x.Mailbox, Features: h.entry.Features,
		Handle: v.SessionHandle(x.ID), Looking: cred.Site == latchkey.SiteNone, Proof: x.ID,
		Door: audience, Privileges: h.entry.privileges(audience),
	}, nil
}

// sessionStands fails with [store.ErrNotFound] if the session that c was let in
// with is no more.
func (v *Verifier) sessionStands(r store.Reader, c *latchkey.Caller) error {
	x, err := r.Session(latchkey.SessionID(c.Proof))
	if err == nil && x.Account != c.Account {
		err = store.ErrNotFound
	}
	if err == nil {
		_, err = v.standingSession(r, &x)
	}
	return err
}

// EndSession ends the session that c was let in with.
func (v *Verifier) EndSession(tx store.Tx, c *latchkey.Caller) error {
	return gone(tx.DeleteSession(latchkey.SessionID(c.Proof)))
}

// gone is err, unless what was to be taken away was not there any more.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// SessionHandle is the short name of a session that may be shown.
func (v *Verifier) SessionHandle(id latchkey.SessionID) latchkey.Handle {
	return v.keys.Handle(latchkey.TokenMAC(id))
}

// LiveSessions are the sessions of an account, those of its mailboxes not among
// them, that have not ended, each with its last use.
func (v *Verifier) LiveSessions(r store.Reader, account latchkey.AccountID) ([]latchkey.Session, error) {
	list, err := r.Sessions(account, "")
	now := v.now()
	for i := range list {
		list[i].Used = v.sessions.lastUse(&list[i])
	}
	return slices.DeleteFunc(list, func(x latchkey.Session) bool {
		_, gone := v.standingSession(r, &x)
		return gone != nil || v.sessionOver(&x, now)
	}), err
}

// sessionOver reports whether a session's time has run out. A clock that is set
// back revives none.
func (v *Verifier) sessionOver(x *latchkey.Session, now time.Time) bool {
	at := time.Unix(v.expiryTime(now), 0)
	used := v.sessions.lastUse(x)
	return !at.Before(x.Ends) || at.Sub(used) >= SessionIdle
}

// wrongPrefix notes that a session was named with a wrong prefix, and ends it if
// that was once too often.
func (v *Verifier) wrongPrefix(ctx context.Context, x *latchkey.Session) {
	if v.sessions.wrongly(x.ID) < wrongPrefixes {
		return
	}
	_, err := v.store.Write(ctx, func(tx store.Tx) error { return gone(tx.DeleteSession(x.ID)) })
	if err != nil {
		v.log.Error("ending a session whose prefix was guessed at", "err", err)
	}
}

func samePrefix(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// newPrefix is what stands in front of a session's addresses. Clients know it by
// its ten digits. It opens nothing: it only shows that a request was meant.
func newPrefix() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1e10))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return fmt.Sprintf("cpsess%010d", n)
}

// sessionSecretLength is how long what opens a session is: 256 bits.
const sessionSecretLength = 43

func newSessionSecret() latchkey.Secret {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return latchkey.NewSecret(base64.RawURLEncoding.EncodeToString(b[:]))
}

// sessionForm reports whether text has the form of what opens a session.
func sessionForm(text string) bool {
	return len(text) == sessionSecretLength && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
	})
}

func (s *sessions) use(id latchkey.SessionID, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used == nil {
		s.used = make(map[latchkey.SessionID]time.Time)
	}
	if now.After(s.used[id]) {
		s.used[id] = now
	}
}

// lastUse is when a session was used last.
func (s *sessions) lastUse(x *latchkey.Session) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, ok := s.used[x.ID]; ok && at.After(x.Used) {
		return at
	}
	return x.Used
}

// wrongly counts a wrong prefix. What it remembers is bounded: who has a cookie
// to try prefixes with has a session.
func (s *sessions) wrongly(id latchkey.SessionID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong == nil || len(s.wrong) >= 10_000 {
		s.wrong = make(map[latchkey.SessionID]int)
	}
	s.wrong[id]++
	return s.wrong[id]
}

// take takes out the uses that are to be written down.
func (s *sessions) take() map[latchkey.SessionID]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := s.used
	s.used = nil
	return used
}

// putBack keeps uses that could not be written down for the next time.
func (s *sessions) putBack(used map[latchkey.SessionID]time.Time) {
	for id, at := range used {
		s.use(id, at)
	}
}

// RunSessions writes down, every few seconds, when sessions were used, and takes
// away those that have ended, until ctx ends.
func (v *Verifier) RunSessions(ctx context.Context) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			v.flushSessions(n%60 == 0)
		case <-ctx.Done():
			v.flushSessions(false)
			return
		}
	}
}

// flushSessions writes down uses; with sweep it also takes away what has ended.
func (v *Verifier) flushSessions(sweep bool) {
	used := v.sessions.take()
	if len(used) == 0 && !sweep {
		return
	}
	_, err := v.store.Write(context.Background(), func(tx store.Tx) error {
		for id, at := range used {
			if err := tx.PutSessionUse(id, at); err != nil {
				return err
			}
		}
		if now := time.Unix(v.expiryTime(v.now()), 0); sweep {
			return tx.DeleteOldSessions(now, now.Add(-SessionIdle))
		}
		return nil
	})
	if err != nil {
		v.log.Warn("writing down when sessions were last used", "err", err)
		v.sessions.putBack(used)
	}
}
