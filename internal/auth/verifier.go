// Package auth answers one question: who is calling? A token, a password or the
// local socket goes in, one [latchkey.Caller] or one refusal comes out. A check
// of a credential that was seen before never touches the disk. Start at
// [Verifier.Check].
package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/password"
	"github.com/latchkey/latchkey/internal/store"
)

// Verifier answers from memory who a credential belongs to. Its memory is
// filled from the store and kept true by the change log.
type Verifier struct {
	store  store.Store
	keys   *Keys
	hasher *password.Hasher
	now    latchkey.Clock
	log    *slog.Logger

	tokens    table
	bound     conditions
	accounts  accounts
	clients   interned
	passwords *passwordCache
	throttle  *throttle
	sessions  sessions
	sightings sightings
	codes     codes
	factors   atomic.Pointer[latchkey.FactorPolicy]
	figures   atomic.Bool // those of the store count as measured

	// filling is held by whoever fills memory from the store and by whoever
	// applies the change log: memory can never be filled with what a later
	// change has taken away.
	filling  sync.Mutex
	applied  store.Seq
	reached  latchkey.Token // how far memory is filled
	complete atomic.Bool    // every token is in memory: what is not there does not exist
	emptied  chan struct{}  // memory has to be filled again

	latest atomic.Int64 // unix seconds: the latest time ever seen, see [Verifier.expiryTime]
}

// Config is what a Verifier needs; all fields are required.
type Config struct {
	Store  store.Store
	Keys   *Keys
	Hasher *password.Hasher
	Now    latchkey.Clock
	Log    *slog.Logger
}

// NewVerifier makes a verifier that knows nothing yet and asks the store for
// what it is asked. [Verifier.Run] fills it and keeps it up to date.
func NewVerifier(ctx context.Context, c Config) (*Verifier, error) {
	head, err := c.Store.Head(ctx)
	if err != nil {
		return nil, err
	}
	v := &Verifier{store: c.Store, keys: c.Keys, hasher: c.Hasher, now: c.Now, log: c.Log, applied: head, emptied: make(chan struct{}, 1),
		passwords: newPasswordCache(), throttle: newThrottle(placesPerWorker * c.Hasher.Workers())}
	return v, errors.Join(v.recallTime(ctx), v.recallSettings(ctx), v.recallSources(ctx))
}

// recallTime reads when the audit trail was last written: it cannot be earlier
// now.
func (v *Verifier) recallTime(ctx context.Context) error {
	return v.store.Read(ctx, func(r store.Reader) error {
		head, err := r.TrailHead()
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		v.latest.Store(head.At.Unix())
		return err
	})
}

// expiryTime is the time by which tokens expire, in unix seconds. It never goes
// back, not even over a restart: a clock that is set back revives no token.
func (v *Verifier) expiryTime(now time.Time) int64 {
	for {
		latest, at := v.latest.Load(), now.Unix()
		if at <= latest {
			return latest
		}
		if v.latest.CompareAndSwap(latest, at) {
			return at
		}
	}
}

// Reason says, to the owner and the administrator and never to the caller, why
// a credential was refused.
type Reason string

const (
	NoCredentials  Reason = "no credentials"
	BadForm        Reason = "malformed credentials"
	UnknownToken   Reason = "unknown or revoked token"
	WrongAccount   Reason = "token of another account"
	TokenExpired   Reason = "token expired"
	TokenOff       Reason = "token disabled"
	RowDamaged     Reason = "token row damaged"
	AccountOff     Reason = "account suspended"
	UnknownAccount Reason = "unknown account"
	WrongPassword  Reason = "wrong password"
	WrongDoor      Reason = "credential for another service"
	CannotCheck    Reason = "could not be checked"
	InClear        Reason = "credentials sent in clear"
	Throttled      Reason = "too many failures from this source"
	Barred         Reason = "the source is on the black list"
	WrongAddress   Reason = "address not allowed for this token"
	TokenNotYet    Reason = "token not valid yet"
	TokenUnused    Reason = "token ended because it was not used"
	TokenUsedUp    Reason = "token used up"
	SecretReplaced Reason = "secret replaced by rotation"
)

// Refusal is why nobody came out of a check. To the caller all refusals are
// one.
type Refusal struct {
	Reason  Reason
	Account latchkey.AccountID // whose credential it was, where that is known
	Name    latchkey.AccountName
	Handle  latchkey.Handle

	claim uint32 // of a token that has the form of one: tells it from the next
}

// Check finds out who cred belongs to at the door of audience.
func (v *Verifier) Check(ctx context.Context, cred latchkey.Credentials, audience latchkey.Audience, from latchkey.Origin) (latchkey.Caller, *Refusal) {
	if cred.Scheme != latchkey.SchemeNone && v.throttle.barred(from.Addr) {
		return latchkey.Caller{}, &Refusal{Reason: Barred, Name: claimed(cred.User)}
	}
	switch cred.Scheme {
	case latchkey.SchemeToken, latchkey.SchemeHostToken:
		if audience == latchkey.ForWebmail || (cred.Scheme == latchkey.SchemeHostToken) != (audience == latchkey.ForHost) {
			return latchkey.Caller{}, &Refusal{Reason: WrongDoor, Name: claimed(cred.User)}
		}
		c, refusal := v.checkToken(ctx, cred, audience, from)
		for n := 0; refusal != nil && refusal.Reason == changing && n < 100; n++ {
			c, refusal = v.checkToken(ctx, cred, audience, from)
		}
		if refusal != nil {
			v.failed(refusal, cred, audience, from)
		}
		return c, refusal
	case latchkey.SchemeBasic:
		c, refusal := v.checkPassword(ctx, cred, audience, from)
		if refusal != nil {
			v.failed(refusal, cred, audience, from)
		}
		return c, refusal
	case latchkey.SchemeSession:
		return v.checkSession(ctx, cred, audience, from)
	case latchkey.SchemeNone:
		return latchkey.Caller{}, &Refusal{Reason: NoCredentials}
	}
	return latchkey.Caller{}, &Refusal{Reason: BadForm}
}

// claimed is the account name of a credential that was refused, cut to a sane
// length: it is stored, and nobody has vouched for it.
func claimed(user string) latchkey.AccountName {
	if len(user) > 64 {
		user = user[:64]
	}
	return latchkey.AccountName(strings.ToValidUTF8(user, "?"))
}

func (v *Verifier) checkToken(ctx context.Context, cred latchkey.Credentials, audience latchkey.Audience, from latchkey.Origin) (latchkey.Caller, *Refusal) {
	text := cred.Secret.Reveal()
	if !WellFormed(audience, text) {
		return latchkey.Caller{}, &Refusal{Reason: BadForm, Name: claimed(cred.User)}
	}
	mac := v.keys.MAC(text)
	now := from.At
	if now.IsZero() {
		now = v.now()
	}
	// Asked before the look-up and after it: the token may come into memory, or
	// all memory be emptied, in between.
	complete := v.complete.Load()
	s, ok := v.lookUp(&mac)
	if !ok && !(complete && v.complete.Load()) {
		var err error
		if s, ok, err = v.load(ctx, mac); err != nil {
			v.log.Error("token look-up", "err", err)
			return latchkey.Caller{}, &Refusal{Reason: CannotCheck, Name: claimed(cred.User)}
		}
	}
	if !ok {
		return latchkey.Caller{}, &Refusal{Reason: UnknownToken, Name: claimed(cred.User), claim: claimOf(mac)}
	}
	if s.flags&slotDamaged != 0 {
		return latchkey.Caller{}, &Refusal{Reason: RowDamaged, Name: claimed(cred.User)}
	}
	of, err := v.standing(ctx, latchkey.AccountID(s.account))
	reason := s.refuses(&of, cred.User, audience, v.expiryTime(now))
	switch {
	case errors.Is(err, store.ErrNotFound):
		reason = UnknownAccount
	case err != nil:
		v.log.Error("account look-up", "err", err)
		reason = CannotCheck
	}
	var bound *condition
	if reason == "" {
		bound, reason = v.condition(&s, &mac)
	}
	c := latchkey.Caller{
		Kind: latchkey.ByToken, Role: of.role, Account: latchkey.AccountID(s.account), Name: latchkey.AccountName(cred.User),
		Token: latchkey.TokenID(s.id), Handle: s.handle, ReadOnly: s.flags&slotReadOnly != 0, Features: of.features,
		Proof: mac, Door: audience,
	}
	if reason == "" && audience == latchkey.ForHost {
		c.Privileges, reason = v.hostPrivileges(ctx, &s, &of, bound)
	}
	if reason == "" && bound != nil {
		reason = v.bind(ctx, &c, bound, from.Addr, now)
	}
	if reason != "" {
		return latchkey.Caller{}, &Refusal{Reason: reason, Account: latchkey.AccountID(s.account), Name: claimed(cred.User), Handle: s.handle, claim: claimOf(mac)}
	}
	if c.Wait == 0 {
		v.touch(&mac, now, from)
	}
	return c, nil
}

// bind keeps c to what its token is bound to, and counts the call, or says why it
// may not be made.
func (v *Verifier) bind(ctx context.Context, c *latchkey.Caller, to *condition, from netip.Addr, now time.Time) Reason {
	reason := to.refuses(from, v.expiryTime(now))
	if reason == "" {
		c.Wait, reason = v.count(ctx, to, c.Proof, now)
	}
	c.Rights, c.Bounds, c.Observing = to.rights, to.print, to.terms.Observing
	return reason
}

// refuses says why a token that exists may not be used now by user, or "".
func (s *slot) refuses(of *standing, user string, audience latchkey.Audience, now int64) Reason {
	switch {
	case !of.is(user):
		return WrongAccount
	case s.flags&slotHost != 0 != (audience == latchkey.ForHost):
		return WrongDoor
	case s.flags&slotDisabled != 0:
		return TokenOff
	case s.expires != 0 && now >= int64(s.expires):
		if s.flags&slotReplaced != 0 {
			return SecretReplaced
		}
		return TokenExpired
	case !of.usable:
		return AccountOff
	case !of.opens(audience):
		return WrongDoor
	}
	return ""
}

func (v *Verifier) lookUp(mac *latchkey.TokenMAC) (slot, bool) {
	p := v.tokens.part(mac)
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.find(mac)
	if i < 0 {
		return slot{}, false
	}
	return p.slots[i], true
}

// touch notes a use of a token. It reaches the disk later, with many others.
func (v *Verifier) touch(mac *latchkey.TokenMAC, now time.Time, from latchkey.Origin) {
	if v.note(mac, now, from) {
		v.sightings.see(mac, from, now)
	}
}

// note takes down a use in memory, and reports whether it came from another
// network than the last one, as far as that is known.
func (v *Verifier) note(mac *latchkey.TokenMAC, now time.Time, from latchkey.Origin) (moved bool) {
	client := v.clients.number(from.Client)
	addr := from.Addr.As16()
	p := v.tokens.part(mac)
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := p.find(mac); i >= 0 {
		s := &p.slots[i]
		moved = s.used == 0 || !sameNetwork(&s.addr, &addr)
		if at := uint32(now.Unix()); s.used != at || s.addr != addr || s.client != client {
			s.used, s.addr, s.client, s.dirty = at, addr, client, true
		}
	}
	return moved
}

// load asks the store for a token that is not in memory. It takes a copy of the
// MAC, so that those that are in memory need none on the heap.
func (v *Verifier) load(ctx context.Context, mac latchkey.TokenMAC) (slot, bool, error) {
	v.filling.Lock()
	defer v.filling.Unlock()
	var t latchkey.Token
	err := v.store.Read(ctx, func(r store.Reader) (err error) {
		t, err = r.TokenByMAC(mac)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return slot{}, false, nil
	}
	if err != nil {
		return slot{}, false, err
	}
	v.remember(&t)
	s, ok := v.lookUp(&mac)
	return s, ok, nil
}

// remember puts a token's row into memory, under each of its secrets. Of a row
// whose seal is broken it remembers only that.
func (v *Verifier) remember(t *latchkey.Token) {
	if v.keys.Seal(t) != t.Seal {
		v.log.Error("a token's row is damaged and refused", "account", t.Account, "token", t.Name)
		v.putSlot(&t.MAC, slot{flags: slotDamaged})
		v.bound.remove(&t.MAC)
		return
	}
	if t.State == latchkey.TokenRevoked {
		v.forgetToken(t)
		return
	}
	s := newSlot(t)
	if t.Bound() {
		v.bound.put(t) // first: who finds the flag finds what it stands for
	}
	v.putSlot(&t.MAC, s)
	if t.Was != (latchkey.TokenMAC{}) {
		v.putSlot(&t.Was, s.replaced(t))
	}
	if !t.Bound() {
		v.bound.remove(&t.MAC)
		v.bound.remove(&t.Was)
	}
}

// putSlot puts a token into the index under the MAC of a secret.
func (v *Verifier) putSlot(mac *latchkey.TokenMAC, s slot) {
	s.flags |= slotTaken
	copy(s.mac[:], mac[:])
	v.tokens.put(s, mac)
}

// newSlot is what every check asks of t.
func newSlot(t *latchkey.Token) slot {
	s := slot{id: uint64(t.ID), account: uint32(t.Account), handle: t.Handle}
	if !t.Expires.IsZero() {
		s.expires = second(t.Expires)
	}
	for _, f := range []struct {
		flag uint8
		on   bool
	}{
		{slotReadOnly, t.ReadOnly}, {slotHost, t.Audience == latchkey.ForHost},
		{slotDisabled, t.State == latchkey.TokenDisabled}, {slotBound, t.Bound()},
	} {
		if f.on {
			s.flags |= f.flag
		}
	}
	return s
}

// replaced is the slot of the secret that t had before.
func (s slot) replaced(t *latchkey.Token) slot {
	s.flags |= slotReplaced
	if until := second(t.WasUntil); s.expires == 0 || until < s.expires {
		s.expires = until
	}
	return s
}

// second is a time as slots have it.
func second(t time.Time) uint32 { return uint32(min(max(t.Unix(), 1), 1<<32-1)) }

// forgetToken takes a token out of memory, with all of its secrets.
func (v *Verifier) forgetToken(t *latchkey.Token) {
	v.forgetSecret(&t.MAC)
	v.forgetSecret(&t.Was)
}

func (v *Verifier) forgetSecret(mac *latchkey.TokenMAC) {
	if *mac != (latchkey.TokenMAC{}) {
		v.tokens.remove(mac)
		v.bound.remove(mac)
	}
}

// standing is what checks ask of an account, from memory or from the store.
func (v *Verifier) standing(ctx context.Context, id latchkey.AccountID) (standing, error) {
	if s, ok := v.accounts.standing(id); ok {
		return s, nil
	}
	e, err := v.Entry(ctx, id)
	if err != nil {
		return standing{}, err
	}
	return standingOf(e), nil
}

// Entry is an account's entry, from memory or from the store.
func (v *Verifier) Entry(ctx context.Context, id latchkey.AccountID) (*Entry, error) {
	if e := v.accounts.entry(id); e != nil {
		return e, nil
	}
	v.filling.Lock()
	defer v.filling.Unlock()
	if e := v.accounts.entry(id); e != nil {
		return e, nil
	}
	e := new(Entry)
	var was store.Usage
	err := v.store.Read(ctx, func(r store.Reader) (err error) {
		if *e, err = readEntry(r, id); err != nil {
			return err
		}
		if was, err = r.Usage(id); errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	l := v.accounts.put(e)
	if l.takenAt.Load() == 0 && l.bytes.Load() == 0 { // the figures from before the server started
		l.bytes.Store(was.Bytes)
		l.inodes.Store(was.Inodes)
		if v.figures.Load() {
			l.takenAt.Store(uint32(max(was.TakenAt.Unix(), 0)))
		}
	}
	return e, nil
}

// TrustFigures says whether the figures that the store has from before the
// server started count as measured.
func (v *Verifier) TrustFigures(stand bool) { v.figures.Store(stand) }

func readEntry(r store.Reader, id latchkey.AccountID) (e Entry, err error) {
	if e.Account, err = r.AccountByID(id); err == nil {
		e.Features, err = Features(r, e.Account)
	}
	return e, err
}

// Figures are what an account's home takes up and may, from memory or from the
// store.
func (v *Verifier) Figures(ctx context.Context, id latchkey.AccountID) (Figures, error) {
	l, err := v.line(ctx, id)
	if err != nil {
		return Figures{}, err
	}
	return l.figures(), nil
}

// line is an account's line, filled in.
func (v *Verifier) line(ctx context.Context, id latchkey.AccountID) (*line, error) {
	if l := v.accounts.line(id); l != nil && l.state.Load()&lineKnown != 0 {
		return l, nil
	}
	if _, err := v.Entry(ctx, id); err != nil {
		return nil, err
	}
	return v.accounts.line(id), nil
}

// Adjust adds to what an account's home takes up.
func (v *Verifier) Adjust(ctx context.Context, id latchkey.AccountID, bytes, inodes int64) error {
	l, err := v.line(ctx, id)
	if err == nil {
		l.bytes.Add(bytes)
		l.inodes.Add(inodes)
	}
	return err
}

// Measured sets what an account's home takes up, as measured at a time. With
// nothing measured the figures stay, and are not to be measured again soon.
func (v *Verifier) Measured(ctx context.Context, id latchkey.AccountID, found *Figures, at time.Time) error {
	l, err := v.line(ctx, id)
	if err != nil {
		return err
	}
	if found != nil {
		l.bytes.Store(found.Bytes)
		l.inodes.Store(found.Inodes)
	}
	l.takenAt.Store(uint32(at.Unix()))
	return nil
}

// FiguresOf are the figures of accounts, in their order, from memory where they
// are in it and from the store where not: a list of many leaves nothing in
// memory.
func (v *Verifier) FiguresOf(ctx context.Context, accounts []latchkey.Account) ([]Figures, error) {
	list := make([]Figures, len(accounts))
	var unknown []int
	for i, a := range accounts {
		if l := v.accounts.line(a.ID); l != nil && l.state.Load()&lineKnown != 0 {
			list[i] = l.figures()
		} else {
			unknown = append(unknown, i)
		}
	}
	if len(unknown) == 0 {
		return list, nil
	}
	return list, v.store.Read(ctx, func(r store.Reader) error {
		for _, i := range unknown {
			was, err := r.Usage(accounts[i].ID)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			list[i] = Figures{Bytes: was.Bytes, Inodes: was.Inodes}
		}
		return nil
	})
}

// EntryOf is the entry of the account called name.
func (v *Verifier) EntryOf(ctx context.Context, name latchkey.AccountName) (*Entry, error) {
	var a latchkey.Account
	err := v.store.Read(ctx, func(r store.Reader) (err error) {
		a, err = r.Account(name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return v.Entry(ctx, a.ID)
}

// Features is what an account may use, by the store: its package's list, its
// own overrides and the list "disabled".
func Features(r store.Reader, a latchkey.Account) (latchkey.FeatureSet, error) {
	if a.Role == latchkey.RoleRoot {
		return latchkey.AllFeatures(), nil
	}
	list := latchkey.FeatureList{Name: latchkey.DefaultList}
	p, err := r.Package(a.Package)
	if err == nil && p.FeatureList != "" {
		list.Name = p.FeatureList
	} else if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	if list, err = orEmpty(r, list.Name); err != nil {
		return 0, err
	}
	disabled, err := orEmpty(r, latchkey.DisabledList)
	if err != nil {
		return 0, err
	}
	overrides, err := r.Overrides(a.ID)
	if err != nil {
		return 0, err
	}
	return latchkey.Effective(list, disabled, overrides), nil
}

// orEmpty is the list called name, or an empty one of that name: it allows
// nothing, unless it is the default.
func orEmpty(r store.Reader, name string) (latchkey.FeatureList, error) {
	l, err := r.FeatureList(name)
	if errors.Is(err, store.ErrNotFound) {
		return latchkey.FeatureList{Name: name}, nil
	}
	return l, err
}

// LastUse is when a token was last used, by memory or else by the store: by any
// of its secrets, and by the one it had before. Never is a zero [latchkey.Use].
func (v *Verifier) LastUse(r store.Reader, t *latchkey.Token) (last, before latchkey.Use, err error) {
	if last, err = v.lastUse(r, &t.MAC); err != nil || t.Was == (latchkey.TokenMAC{}) {
		return last, before, err
	}
	before, err = v.lastUse(r, &t.Was)
	if before.At.After(last.At) {
		last = before
	}
	return last, before, err
}

// LastUses is LastUse of many tokens, in their order: each use
// by any secret, and by the one before.
func (v *Verifier) LastUses(r store.Reader, list []latchkey.Token) ([]latchkey.Use, []latchkey.Use, error) {
	macs := make([]latchkey.TokenMAC, 0, len(list))
	for i := range list {
		macs = append(macs, list[i].MAC)
		if list[i].Was != (latchkey.TokenMAC{}) {
			macs = append(macs, list[i].Was)
		}
	}
	kept, err := r.UsesOf(macs)
	if err != nil {
		return nil, nil, err
	}
	use := func(mac *latchkey.TokenMAC) latchkey.Use {
		if s, ok := v.lookUp(mac); ok && s.used != 0 {
			return v.use(&s)
		}
		return kept[*mac]
	}
	last, before := make([]latchkey.Use, len(list)), make([]latchkey.Use, len(list))
	for i := range list {
		last[i] = use(&list[i].MAC)
		if list[i].Was == (latchkey.TokenMAC{}) {
			continue
		}
		if before[i] = use(&list[i].Was); before[i].At.After(last[i].At) {
			last[i] = before[i]
		}
	}
	return last, before, nil
}

func (v *Verifier) lastUse(r store.Reader, mac *latchkey.TokenMAC) (latchkey.Use, error) {
	if s, ok := v.lookUp(mac); ok && s.used != 0 {
		return v.use(&s), nil
	}
	u, err := r.Use(*mac)
	return u, gone(err)
}

func (v *Verifier) use(s *slot) latchkey.Use {
	u := latchkey.Use{At: time.Unix(int64(s.used), 0).UTC(), Client: v.clients.text(s.client)}
	if s.addr != [16]byte{} {
		u.From = netip.AddrFrom16(s.addr).Unmap().String()
	}
	return u
}
