package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// reader finds rows. It serves reads and, inside a transaction, writes.
type reader struct {
	ctx   context.Context
	q     *statements
	rolls *rolls // nil inside a transaction that writes
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

const accountColumns = `id, name, role, domain, owner, package, contact_email, locale, theme, shell, limits,
	suspended, suspend_reason, suspended_at, suspend_locked, created, named, password_hash, second_factor, reseller, privileges`

func scanAccount(r scanner) (latchkey.Account, error) { return new(limitsReader).account(r) }

// limitsReader reads the limits of accounts, and remembers the last: those of
// accounts with one package are mostly alike, and reading them is most of the
// work.
type limitsReader struct {
	text   []byte
	limits latchkey.Limits
}

func (l *limitsReader) read(text []byte) (latchkey.Limits, error) {
	if l.text != nil && bytes.Equal(text, l.text) {
		return l.limits, nil
	}
	l.limits = latchkey.Limits{}
	err := json.Unmarshal(text, &l.limits)
	l.text = bytes.Clone(text)
	if err != nil {
		l.text = nil
	}
	return l.limits, err
}

func (l *limitsReader) account(r scanner) (a latchkey.Account, err error) {
	var limits, privileges sql.RawBytes
	var suspendedAt, created, named int64
	err = r.Scan(&a.ID, &a.Name, &a.Role, &a.Domain, &a.Owner, &a.Package, &a.ContactEmail, &a.Locale, &a.Theme, &a.Shell,
		&limits, &a.Suspended, &a.SuspendReason, &suspendedAt, &a.SuspendLocked, &created, &named, &a.PasswordHash, &a.SecondFactor,
		&a.Reseller, &privileges)
	if err != nil {
		return a, err
	}
	if len(privileges) > 0 {
		_ = a.Privileges.UnmarshalText(privileges) // never fails
	}
	a.SuspendedAt, a.Created, a.Named = instant(suspendedAt), instant(created), instant(named)
	a.Limits, err = l.read(limits)
	return a, err
}

// found scans the one row of a query with scan.
func found[T any](r *reader, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	list, err := all(r.ctx, r.q, scan, query, args...)
	if err != nil || len(list) == 0 {
		var none T
		if err == nil {
			err = store.ErrNotFound
		}
		return none, err
	}
	return list[0], nil
}

func (r *reader) Account(name latchkey.AccountName) (latchkey.Account, error) {
	return found(r, scanAccount, `SELECT `+accountColumns+` FROM account WHERE name = ? AND stage = 1`, string(name))
}

func (r *reader) AccountByID(id latchkey.AccountID) (latchkey.Account, error) {
	return found(r, scanAccount, `SELECT `+accountColumns+` FROM account WHERE id = ? AND stage = 1`, int64(id))
}

func (r *reader) Accounts(after latchkey.AccountName, limit int) ([]latchkey.Account, error) {
	return all(r.ctx, r.q, new(limitsReader).account,
		`SELECT `+accountColumns+` FROM account WHERE name > ? AND stage = 1 AND role = 0 ORDER BY name LIMIT ?`, string(after), limit)
}

// pageOf is the page of accounts that a condition finds. The rows to skip are
// passed over in the index alone.
func pageOf(condition string) string {
	return `SELECT ` + accountColumns + ` FROM account WHERE id IN
		(SELECT id FROM account WHERE ` + condition + ` AND stage = 1 AND role = 0 ORDER BY name LIMIT ? OFFSET ?) ORDER BY name`
}

var (
	pageAfter   = pageOf(`name > ?`)
	pageFrom    = pageOf(`name >= ?`)
	pageOfOwner = pageOf(`owner = ? AND name > ?`)
)

func (r *reader) AccountPage(owner, after latchkey.AccountName, skip, limit int) ([]latchkey.Account, error) {
	switch {
	case owner != "":
		return all(r.ctx, r.q, new(limitsReader).account, pageOfOwner, string(owner), string(after), limit, skip)
	case after != "" || skip < nearby:
		return all(r.ctx, r.q, new(limitsReader).account, pageAfter, string(after), limit, skip)
	}
	var first string
	var before int
	err := r.q.one(r.ctx, `
		SELECT first, before FROM (SELECT first, sum(accounts) OVER (ORDER BY first) - accounts AS before FROM account_stretch)
		WHERE before <= ? ORDER BY first DESC LIMIT 1`, []any{skip}, &first, &before)
	if err != nil {
		return nil, err
	}
	return all(r.ctx, r.q, new(limitsReader).account, pageFrom, first, limit, skip-before)
}

// nearby is how many accounts are passed over one by one.
const nearby = 2000

func (r *reader) AccountCount(owner latchkey.AccountName) (accounts, suspended int, err error) {
	err = r.q.one(r.ctx, `SELECT accounts, suspended FROM account_count WHERE owner = ?`, []any{cmp.Or(string(owner), "*")}, &accounts, &suspended)
	if errors.Is(err, store.ErrNotFound) {
		err = nil
	}
	return accounts, suspended, err
}

func (r *reader) Owned(owner latchkey.AccountName) ([]latchkey.Account, error) {
	return all(r.ctx, r.q, new(limitsReader).account,
		`SELECT `+accountColumns+` FROM account WHERE owner = ? AND stage = 1 AND role = 0 ORDER BY name`, string(owner))
}

func (r *reader) Resellers() ([]latchkey.Account, error) {
	return all(r.ctx, r.q, new(limitsReader).account, `SELECT `+accountColumns+` FROM account WHERE reseller = 1 AND stage = 1 ORDER BY name`)
}

func (r *reader) Reseller(account latchkey.AccountID) (latchkey.Reseller, error) {
	return found(r, scanJSON[latchkey.Reseller], `SELECT body FROM reseller WHERE account_id = ?`, int64(account))
}

func (r *reader) PrivilegeList(name string) (latchkey.PrivilegeList, error) {
	return found(r, scanJSON[latchkey.PrivilegeList], `SELECT body FROM privilege_list WHERE name = ?`, name)
}

func (r *reader) PrivilegeLists() ([]latchkey.PrivilegeList, error) {
	return all(r.ctx, r.q, scanJSON[latchkey.PrivilegeList], `SELECT body FROM privilege_list ORDER BY name`)
}

func (r *reader) NameTaken(name latchkey.AccountName) (taken bool, err error) {
	head := name[:min(len(name), 8)]
	err = r.q.one(r.ctx, `SELECT EXISTS (SELECT 1 FROM account WHERE substr(name, 1, 8) = ?)`, []any{string(head)}, &taken)
	return taken, err
}

const domainColumns = `domain.name, domain.kind, domain.document_root, domain.created`

// scanDomain reads a domain, and into more what stands before it.
func scanDomain(s scanner, more ...any) (d latchkey.OwnedDomain, err error) {
	var created int64
	err = s.Scan(append(more, &d.Name, &d.Kind, &d.DocumentRoot, &created)...)
	d.Created = instant(created)
	return d, err
}

func (r *reader) Domains(account latchkey.AccountID) ([]latchkey.OwnedDomain, error) {
	return all(r.ctx, r.q, func(s scanner) (latchkey.OwnedDomain, error) { return scanDomain(s) },
		`SELECT `+domainColumns+` FROM domain WHERE account_id = ? ORDER BY name`, int64(account))
}

func (r *reader) Domain(name latchkey.Domain) (latchkey.AccountID, latchkey.OwnedDomain, error) {
	var id latchkey.AccountID
	d, err := found(r, func(s scanner) (latchkey.OwnedDomain, error) { return scanDomain(s, &id) },
		`SELECT account.id, `+domainColumns+` FROM domain JOIN account ON account.id = domain.account_id WHERE domain.name = ? AND account.stage = 1`, string(name))
	return id, d, err
}

func (r *reader) DomainsAfter(after latchkey.Domain, limit int) ([]store.HostedDomain, error) {
	return all(r.ctx, r.q, func(s scanner) (h store.HostedDomain, err error) {
		h.OwnedDomain, err = scanDomain(s, &h.Account, &h.Owner, &h.Main)
		return h, err
	}, `SELECT account.name, account.owner, account.domain, `+domainColumns+` FROM domain JOIN account ON account.id = domain.account_id
		WHERE domain.name > ? AND account.stage = 1 ORDER BY domain.name LIMIT ?`, string(after), limit)
}

func (r *reader) DomainOwner(name latchkey.Domain) (id latchkey.AccountID, err error) {
	err = r.q.one(r.ctx, `SELECT account_id FROM domain WHERE name = ?`, []any{string(name)}, &id)
	return id, err
}

func scanJSON[T any](s scanner) (v T, err error) {
	var body []byte
	if err := s.Scan(&body); err != nil {
		return v, err
	}
	return v, json.Unmarshal(body, &v)
}

func (r *reader) Package(name string) (latchkey.Package, error) {
	return found(r, scanJSON[latchkey.Package], `SELECT body FROM package WHERE name = ?`, name)
}

func (r *reader) Packages() ([]latchkey.Package, error) {
	return all(r.ctx, r.q, scanJSON[latchkey.Package], `SELECT body FROM package ORDER BY name`)
}

func (r *reader) PackageUsed(name string) (used bool, err error) {
	err = r.q.one(r.ctx, `SELECT EXISTS (SELECT 1 FROM account WHERE package = ? AND role = 0)`, []any{name}, &used)
	return used, err
}

func (r *reader) FeatureList(name string) (latchkey.FeatureList, error) {
	return found(r, scanJSON[latchkey.FeatureList], `SELECT body FROM feature_list WHERE name = ?`, name)
}

func (r *reader) FeatureLists() ([]latchkey.FeatureList, error) {
	return all(r.ctx, r.q, scanJSON[latchkey.FeatureList], `SELECT body FROM feature_list ORDER BY name`)
}

func (r *reader) Overrides(account latchkey.AccountID) (map[string]bool, error) {
	type override struct {
		feature string
		on      bool
	}
	list, err := all(r.ctx, r.q, func(s scanner) (o override, err error) { return o, s.Scan(&o.feature, &o.on) },
		`SELECT feature, enabled FROM feature_override WHERE account_id = ?`, int64(account))
	m := make(map[string]bool, len(list))
	for _, o := range list {
		m[o.feature] = o.on
	}
	return m, err
}

const tokenColumns = `account_id, audience, name, id, mac, mac_head, handle, created, expires, read_only, state, privileges, addresses, grants,
	not_before, max_uses, unused_days, rate_limit, observing, note, renewed, was, was_head, was_until, seal`

// lastMicro ends the year 9999, the last that the change log can write.
const lastMicro = 253402300799_999999

// scanToken reads a token's row. A row that holds what no token can, or that
// stands in the index where its MAC does not belong, is read all the same, so
// that it can be listed and deleted; but without its seal, so that it is refused.
func scanToken(s scanner) (t latchkey.Token, err error) {
	var mac, handle, privileges, was, seal []byte
	var account, audience, id, head, created, expires, readOnly, state int64
	var notBefore, unusedDays, rateLimit, observing, renewed, wasUntil int64
	var wasHead sql.NullInt64
	err = s.Scan(&account, &audience, &t.Name, &id, &mac, &head, &handle, &created, &expires, &readOnly, &state, &privileges, &t.Addresses, &t.Grants,
		&notBefore, &t.MaxUses, &unusedDays, &rateLimit, &observing, &t.Note, &renewed, &was, &wasHead, &wasUntil, &seal)
	copy(t.MAC[:], mac)
	copy(t.Handle[:], handle)
	copy(t.Was[:], was)
	copy(t.Seal[:], seal)
	t.ID, t.Account, t.Audience = latchkey.TokenID(id), latchkey.AccountID(account), latchkey.Audience(audience)
	t.State, t.ReadOnly, t.Observing = latchkey.TokenState(state), readOnly != 0, observing != 0
	t.UnusedDays, t.RateLimit = int(unusedDays), int(rateLimit)
	_ = t.Privileges.UnmarshalText(privileges) // never fails
	whole := int64(t.Account) == account && int64(t.Audience) == audience && int64(t.State) == state && (readOnly|observing)&^1 == 0 &&
		head == macHead(t.MAC) && wasHead == headOf(t.Was) && privilegeText(t.Privileges) == string(privileges)
	for _, moment := range []struct {
		at     *time.Time
		micros int64
	}{{&t.Created, created}, {&t.Expires, expires}, {&t.NotBefore, notBefore}, {&t.Renewed, renewed}, {&t.WasUntil, wasUntil}} {
		*moment.at = instant(min(max(moment.micros, 0), lastMicro))
		whole = whole && micros(*moment.at) == moment.micros
	}
	if !whole {
		t.Seal = [32]byte{}
	}
	return t, err
}

// headOf is what is indexed of the MAC of a secret that a token had before, if
// it had one.
func headOf(was latchkey.TokenMAC) sql.NullInt64 {
	return sql.NullInt64{Int64: macHead(was), Valid: was != latchkey.TokenMAC{}}
}

// privilegeText is how a set of privileges is kept.
func privilegeText(s latchkey.PrivilegeSet) string {
	text, _ := s.MarshalText() // never fails
	return string(text)
}

// macHead is the part of a token's MAC that is indexed.
func macHead(mac latchkey.TokenMAC) int64 { return int64(binary.BigEndian.Uint64(mac[:8])) }

func (r *reader) TokenByMAC(mac latchkey.TokenMAC) (latchkey.Token, error) {
	for _, of := range []struct {
		head string
		is   func(*latchkey.Token) bool
	}{
		{`mac_head`, func(t *latchkey.Token) bool { return t.MAC == mac }},
		{`was_head`, func(t *latchkey.Token) bool { return t.Was == mac }},
	} {
		list, err := all(r.ctx, r.q, scanToken, `SELECT `+tokenColumns+` FROM token WHERE `+of.head+` = ?`, macHead(mac))
		if err != nil {
			return latchkey.Token{}, err
		}
		for i := range list {
			if of.is(&list[i]) {
				return list[i], nil
			}
		}
	}
	return latchkey.Token{}, store.ErrNotFound
}

func (r *reader) Token(account latchkey.AccountID, audience latchkey.Audience, name string) (latchkey.Token, error) {
	return found(r, scanToken, `SELECT `+tokenColumns+` FROM token WHERE account_id = ? AND audience = ? AND name = ?`, int64(account), int64(audience), name)
}

func (r *reader) Tokens(account latchkey.AccountID, audience latchkey.Audience) ([]latchkey.Token, error) {
	return all(r.ctx, r.q, scanToken, `SELECT `+tokenColumns+` FROM token WHERE account_id = ? AND audience = ? ORDER BY name`, int64(account), int64(audience))
}

func (r *reader) TokensAfter(account latchkey.AccountID, audience latchkey.Audience, name string, limit int) ([]latchkey.Token, error) {
	return all(r.ctx, r.q, scanToken,
		`SELECT `+tokenColumns+` FROM token WHERE (account_id, audience, name) > (?, ?, ?) ORDER BY account_id, audience, name LIMIT ?`,
		int64(account), int64(audience), name, limit)
}

func (r *reader) Use(mac latchkey.TokenMAC) (u latchkey.Use, err error) {
	var at int64
	err = r.q.one(r.ctx, `SELECT at, origin, client FROM token_use WHERE mac_head = ?`, []any{macHead(mac)}, &at, &u.From, &u.Client)
	u.At = instant(at)
	return u, err
}

func (r *reader) Tally(id latchkey.TokenID) (t latchkey.Tally, err error) {
	var seal []byte
	var at int64
	err = r.q.one(r.ctx, `SELECT uses, seal, remaining, remaining_at FROM token_tally WHERE token_id = ?`, []any{int64(id)}, &t.Uses, &seal, &t.Left, &at)
	copy(t.Seal[:], seal)
	t.At = instant(at)
	return t, err
}

const mailboxColumns = `account_id, domain, local, password_hash, quota, suspended_login, suspended_incoming, suspended_outgoing, hold_outgoing, created`

func scanMailbox(s scanner) (m store.Mailbox, err error) {
	var created int64
	err = s.Scan(&m.Account, &m.Domain, &m.Local, &m.PasswordHash, &m.Quota, &m.SuspendedLogin, &m.SuspendedIncoming, &m.SuspendedOutgoing, &m.HoldOutgoing, &created)
	m.Created = instant(created)
	return m, err
}

func (r *reader) Mailbox(account latchkey.AccountID, domain latchkey.Domain, local string) (store.Mailbox, error) {
	return found(r, scanMailbox, `SELECT `+mailboxColumns+` FROM mailbox WHERE account_id = ? AND domain = ? AND local = ? AND stage = 1`,
		int64(account), string(domain), local)
}

func (r *reader) Mailboxes(account latchkey.AccountID, after store.Mailbox, limit int) ([]store.Mailbox, error) {
	if limit <= 0 {
		limit = -1
	}
	return all(r.ctx, r.q, scanMailbox,
		`SELECT `+mailboxColumns+` FROM mailbox WHERE account_id = ? AND (domain, local) > (?, ?) AND stage = 1 ORDER BY domain, local LIMIT ?`,
		int64(account), string(after.Domain), after.Local, limit)
}

func (r *reader) MailboxPage(account latchkey.AccountID, skip, limit int) (list []store.Mailbox, total int, err error) {
	err = r.q.one(r.ctx, `SELECT coalesce(sum(mailboxes), 0) FROM mailbox_stretch WHERE account_id = ?`, []any{int64(account)}, &total)
	if err != nil || skip >= total {
		return nil, total, err
	}
	var first store.Mailbox
	var before int
	err = r.q.one(r.ctx, `
		SELECT domain, local, before FROM (
			SELECT domain, local, sum(mailboxes) OVER (ORDER BY domain, local) - mailboxes AS before FROM mailbox_stretch WHERE account_id = ?)
		WHERE before <= ? ORDER BY domain DESC, local DESC LIMIT 1`, []any{int64(account), skip}, &first.Domain, &first.Local, &before)
	if err != nil {
		return nil, total, err
	}
	list, err = all(r.ctx, r.q, scanMailbox,
		`SELECT `+mailboxColumns+` FROM mailbox WHERE account_id = ? AND (domain, local) >= (?, ?) AND stage = 1 ORDER BY domain, local LIMIT ? OFFSET ?`,
		int64(account), string(first.Domain), first.Local, limit, skip-before)
	return list, total, err
}

func (r *reader) MailboxCount(account latchkey.AccountID) (n int64, err error) {
	err = r.q.one(r.ctx, `SELECT mailboxes FROM account WHERE id = ?`, []any{int64(account)}, &n)
	return n, err
}

func (r *reader) Usage(account latchkey.AccountID) (u store.Usage, err error) {
	var at int64
	err = r.q.one(r.ctx, `SELECT bytes, inodes, taken_at FROM usage WHERE account_id = ?`, []any{int64(account)}, &u.Bytes, &u.Inodes, &at)
	u.TakenAt = instant(at)
	return u, err
}

func (r *reader) Intents() ([]store.Intent, error) {
	return all(r.ctx, r.q, func(s scanner) (i store.Intent, err error) {
		var at int64
		err = s.Scan(&i.ID, &at, &i.Account, &i.Kind, &i.Body)
		i.At = instant(at)
		return i, err
	}, `SELECT id, at, account_id, kind, body FROM intent ORDER BY id`)
}

const linkColumns = `seq, at, events, hash, body`

func scanLink(s scanner) (l store.Link, err error) {
	var at int64
	var hash []byte
	err = s.Scan(&l.Seq, &at, &l.Events, &hash, &l.Body)
	l.At = instant(at)
	copy(l.Hash[:], hash)
	return l, err
}

func (r *reader) Trail(after uint64, limit int) ([]store.Link, error) {
	return all(r.ctx, r.q, scanLink, `SELECT `+linkColumns+` FROM audit WHERE seq > ? ORDER BY seq LIMIT ?`, int64(after), limit)
}

func (r *reader) TrailBefore(seq uint64, limit int) ([]store.Link, error) {
	return all(r.ctx, r.q, scanLink, `SELECT `+linkColumns+` FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?`, int64(min(seq, math.MaxInt64)), limit)
}

func (r *reader) TrailBlocks(before uint64, limit int) ([]store.TrailBlock, error) {
	return all(r.ctx, r.q, func(s scanner) (b store.TrailBlock, err error) {
		var from, to int64
		err = s.Scan(&b.First, &b.Last, &b.Events, &from, &to, &b.Filter)
		b.From, b.To = instant(from), instant(to)
		return b, err
	}, `SELECT first, last, events, since, until, filter FROM audit_block WHERE first < ? ORDER BY first DESC LIMIT ?`, int64(min(before, math.MaxInt64)), limit)
}

func (r *reader) TrailHead() (store.Link, error) {
	return found(r, scanLink, `SELECT `+linkColumns+` FROM audit ORDER BY seq DESC LIMIT 1`)
}
