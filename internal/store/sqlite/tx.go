package sqlite

import (
	"encoding/json"

	"github.com/latchkey/latchkey/internal/latchkey"
	"github.com/latchkey/latchkey/internal/store"
)

// tx is the group's transaction as one job sees it.
type tx struct {
	reader
	w       *writer
	changes []store.Change
	trail   []byte
	events  int
}

var _ store.Tx = (*tx)(nil)

func (t *tx) run(query string, args ...any) error {
	_, err := t.q.exec(t.ctx, query, args...)
	return err
}

func (t *tx) Log(c store.Change) { t.changes = append(t.changes, c) }

func (t *tx) Audit(body []byte, events int) {
	t.trail = append(t.trail, body...)
	t.events += events
}

func (t *tx) PutTrailBlock(b store.TrailBlock) error {
	return t.run(`INSERT INTO audit_block (first, last, events, since, until, filter) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (first) DO UPDATE SET last = excluded.last, events = excluded.events, since = excluded.since, until = excluded.until, filter = excluded.filter`,
		int64(b.First), int64(b.Last), b.Events, micros(b.From), micros(b.To), b.Filter)
}

func (t *tx) CutTrail(seq uint64) (int64, error) {
	cut, err := t.q.exec(t.ctx, `DELETE FROM audit WHERE seq <= ? AND seq < (SELECT max(seq) FROM audit)`, int64(seq))
	if err != nil {
		return 0, err
	}
	if err := t.run(`DELETE FROM audit_block WHERE last < (SELECT min(seq) FROM audit)`); err != nil {
		return 0, err
	}
	return cut.RowsAffected()
}

func (t *tx) InsertAccount(a latchkey.Account, stage store.Stage) (latchkey.AccountID, error) {
	limits, err := json.Marshal(a.Limits)
	if err != nil {
		return 0, err
	}
	r, err := t.q.exec(t.ctx, `
		INSERT INTO account (name, role, stage, domain, owner, package, contact_email, locale, theme, shell, limits,
			suspended, suspend_reason, suspended_at, suspend_locked, created, named, password_hash, second_factor, reseller, privileges)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		string(a.Name), int64(a.Role), int64(stage), string(a.Domain), string(a.Owner), a.Package, a.ContactEmail, a.Locale, a.Theme, a.Shell, limits,
		a.Suspended, a.SuspendReason, micros(a.SuspendedAt), a.SuspendLocked, micros(a.Created), micros(a.Named), a.PasswordHash, a.SecondFactor,
		a.Reseller, privilegeText(a.Privileges))
	if err != nil {
		return 0, err
	}
	id, err := r.LastInsertId()
	return latchkey.AccountID(id), err
}

func (t *tx) UpdateAccount(a latchkey.Account) error {
	limits, err := json.Marshal(a.Limits)
	if err != nil {
		return err
	}
	return t.q.change(t.ctx, `
		UPDATE account SET name = ?, domain = ?, owner = ?, package = ?, contact_email = ?, locale = ?, theme = ?, shell = ?,
			limits = ?, suspended = ?, suspend_reason = ?, suspended_at = ?, suspend_locked = ?, created = ?, named = ?, password_hash = ?,
			second_factor = ?, reseller = ?, privileges = ?
		WHERE id = ?`,
		string(a.Name), string(a.Domain), string(a.Owner), a.Package, a.ContactEmail, a.Locale, a.Theme, a.Shell,
		limits, a.Suspended, a.SuspendReason, micros(a.SuspendedAt), a.SuspendLocked, micros(a.Created), micros(a.Named), a.PasswordHash,
		a.SecondFactor, a.Reseller, privilegeText(a.Privileges), int64(a.ID))
}

func (t *tx) StageAccount(id latchkey.AccountID, stage store.Stage) error {
	return t.q.change(t.ctx, `UPDATE account SET stage = ? WHERE id = ?`, int64(stage), int64(id))
}

func (t *tx) DeleteAccount(id latchkey.AccountID) error {
	for _, query := range []string{
		`DELETE FROM token_observed WHERE token_id IN (SELECT id FROM token WHERE account_id = ?)`,
		`DELETE FROM token_day WHERE token_id IN (SELECT id FROM token WHERE account_id = ?)`,
		`DELETE FROM token_use WHERE mac_head IN (SELECT mac_head FROM token WHERE account_id = ?)`,
		`DELETE FROM token_use WHERE mac_head IN (SELECT was_head FROM token WHERE account_id = ?)`,
		`DELETE FROM token_tally WHERE token_id IN (SELECT id FROM token WHERE account_id = ?)`,
		`DELETE FROM token WHERE account_id = ?`,
		`DELETE FROM session WHERE account_id = ?`,
		`DELETE FROM recovery_code WHERE account_id = ?`,
		`DELETE FROM notice WHERE account_id = ?`,
		`DELETE FROM notice_off WHERE account_id = ?`,
		`DELETE FROM forwarder WHERE account_id = ?`,
		`DELETE FROM mail_domain WHERE account_id = ?`,
		`DELETE FROM autoresponder WHERE account_id = ?`,
		`DELETE FROM answered WHERE account_id = ?`,
		`DELETE FROM mail_filter WHERE account_id = ?`,
		`DELETE FROM mailbox WHERE account_id = ?`,
		`DELETE FROM outgoing WHERE account_id = ?`,
		`DELETE FROM zone_part WHERE zone IN (SELECT name FROM zone WHERE account_id = ?)`,
		`DELETE FROM zone WHERE account_id = ?`,
		`DELETE FROM site WHERE account_id = ?`,
		`DELETE FROM kept WHERE account_id = ?`,
		`DELETE FROM key_type WHERE account_id = ?`,
		`DELETE FROM dynamic_host WHERE account_id = ?`,
		`DELETE FROM dkim_key WHERE account_id = ?`,
		`DELETE FROM autossl WHERE account_id = ?`,
		`DELETE FROM domain WHERE account_id = ?`,
		`DELETE FROM feature_override WHERE account_id = ?`,
		`DELETE FROM usage WHERE account_id = ?`,
		`DELETE FROM reseller WHERE account_id = ?`,
		`DELETE FROM account WHERE id = ?`,
	} {
		if err := t.run(query, int64(id)); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) Reown(owner, to latchkey.AccountName) (int64, error) {
	r, err := t.q.exec(t.ctx, `UPDATE account SET owner = ? WHERE owner = ?`, string(to), string(owner))
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (t *tx) PutReseller(account latchkey.AccountID, s latchkey.Reseller) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return t.run(`INSERT INTO reseller (account_id, body) VALUES (?, ?) ON CONFLICT (account_id) DO UPDATE SET body = excluded.body`, int64(account), body)
}

func (t *tx) DeleteReseller(account latchkey.AccountID) error {
	return t.run(`DELETE FROM reseller WHERE account_id = ?`, int64(account))
}

func (t *tx) PutPrivilegeList(l latchkey.PrivilegeList) error {
	return t.putJSON(`INSERT INTO privilege_list (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, l.Name, l)
}

func (t *tx) InsertDomain(account latchkey.AccountID, d latchkey.OwnedDomain) error {
	return t.run(`INSERT INTO domain (name, account_id, kind, document_root, created) VALUES (?, ?, ?, ?, ?)`,
		string(d.Name), int64(account), string(d.Kind), d.DocumentRoot, micros(d.Created))
}

func (t *tx) RenameDomain(old, new latchkey.Domain) error {
	if err := t.q.change(t.ctx, `UPDATE domain SET name = ? WHERE name = ?`, string(new), string(old)); err != nil {
		return err
	}
	return t.run(`UPDATE site SET host = ? WHERE host = ?`, string(new), string(old))
}

// Package is [store.Reader]'s, without reading again what has not changed.
func (t *tx) Package(name string) (latchkey.Package, error) {
	if p, ok := t.w.packages[name]; ok {
		return p, nil
	}
	p, err := t.reader.Package(name)
	if err != nil {
		return p, err
	}
	if t.w.packages == nil || len(t.w.packages) == maxPackages {
		t.w.packages = make(map[string]latchkey.Package)
	}
	t.w.packages[name] = p
	return p, nil
}

// maxPackages is how many packages the writer remembers.
const maxPackages = 256

func (t *tx) PutPackage(p latchkey.Package) error {
	t.w.packages = nil
	return t.putJSON(`INSERT INTO package (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, p.Name, p)
}

func (t *tx) DeletePackage(name string) error {
	t.w.packages = nil
	return t.q.change(t.ctx, `DELETE FROM package WHERE name = ?`, name)
}

func (t *tx) DeleteFeatureList(name string) error {
	return t.q.change(t.ctx, `DELETE FROM feature_list WHERE name = ?`, name)
}

func (t *tx) PutFeatureList(l latchkey.FeatureList) error {
	return t.putJSON(`INSERT INTO feature_list (name, body) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body`, l.Name, l)
}

func (t *tx) putJSON(query, name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return t.run(query, name, body)
}

func (t *tx) PutOverride(account latchkey.AccountID, feature string, on bool) error {
	return t.run(`INSERT INTO feature_override (account_id, feature, enabled) VALUES (?, ?, ?)
		ON CONFLICT (account_id, feature) DO UPDATE SET enabled = excluded.enabled`, int64(account), feature, on)
}

func (t *tx) DeleteOverride(account latchkey.AccountID, feature string) error {
	return t.run(`DELETE FROM feature_override WHERE account_id = ? AND feature = ?`, int64(account), feature)
}

func (t *tx) NextTokenID() (latchkey.TokenID, error) { return t.w.ids.take(t.ctx) }

func (t *tx) InsertToken(k latchkey.Token) error {
	return t.run(`INSERT INTO token (`+tokenColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		append([]any{int64(k.Account), int64(k.Audience)}, tokenValues(&k)...)...)
}

// tokenValues are the values of [tokenColumns] after those that a row keeps.
func tokenValues(k *latchkey.Token) []any {
	var was []byte
	if k.Was != (latchkey.TokenMAC{}) {
		was = k.Was[:]
	}
	return []any{
		k.Name, int64(k.ID), k.MAC[:], macHead(k.MAC), k.Handle[:], micros(k.Created), micros(k.Expires), k.ReadOnly, int64(k.State),
		privilegeText(k.Privileges), string(k.Addresses), k.Grants, micros(k.NotBefore), k.MaxUses, int64(k.UnusedDays), int64(k.RateLimit), k.Observing, k.Note,
		micros(k.Renewed), was, headOf(k.Was), micros(k.WasUntil), k.Seal[:],
	}
}

func (t *tx) UpdateToken(name string, k latchkey.Token) error {
	err := t.run(`DELETE FROM token_use WHERE mac_head IN (SELECT was_head FROM token WHERE account_id = ? AND audience = ? AND name = ? AND was_head NOT IN (?, ?))`,
		int64(k.Account), int64(k.Audience), name, macHead(k.MAC), macHead(k.Was))
	if err != nil {
		return err
	}
	return t.q.change(t.ctx, `
		UPDATE token SET name = ?, id = ?, mac = ?, mac_head = ?, handle = ?, created = ?, expires = ?, read_only = ?, state = ?,
			privileges = ?, addresses = ?, grants = ?, not_before = ?, max_uses = ?, unused_days = ?, rate_limit = ?, observing = ?, note = ?,
			renewed = ?, was = ?, was_head = ?, was_until = ?, seal = ?
		WHERE account_id = ? AND audience = ? AND name = ?`,
		append(tokenValues(&k), int64(k.Account), int64(k.Audience), name)...)
}

func (t *tx) DeleteToken(account latchkey.AccountID, audience latchkey.Audience, name string) error {
	for _, query := range []string{
		`DELETE FROM token_use WHERE mac_head IN (SELECT mac_head FROM token WHERE account_id = ? AND audience = ? AND name = ?)`,
		`DELETE FROM token_use WHERE mac_head IN (SELECT was_head FROM token WHERE account_id = ? AND audience = ? AND name = ?)`,
		`DELETE FROM token_tally WHERE token_id IN (SELECT id FROM token WHERE account_id = ? AND audience = ? AND name = ?)`,
		`DELETE FROM token_observed WHERE token_id IN (SELECT id FROM token WHERE account_id = ? AND audience = ? AND name = ?)`,
		`DELETE FROM token_day WHERE token_id IN (SELECT id FROM token WHERE account_id = ? AND audience = ? AND name = ?)`,
	} {
		if err := t.run(query, int64(account), int64(audience), name); err != nil {
			return err
		}
	}
	return t.q.change(t.ctx, `DELETE FROM token WHERE account_id = ? AND audience = ? AND name = ?`, int64(account), int64(audience), name)
}

func (t *tx) PutTally(id latchkey.TokenID, y latchkey.Tally) error {
	return t.run(`INSERT INTO token_tally (token_id, uses, seal, remaining, remaining_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (token_id) DO UPDATE SET uses = excluded.uses, seal = excluded.seal, remaining = excluded.remaining, remaining_at = excluded.remaining_at`,
		int64(id), y.Uses, y.Seal[:], y.Left, micros(y.At))
}

func (t *tx) PutUse(mac latchkey.TokenMAC, u latchkey.Use) error {
	return t.run(`INSERT INTO token_use (mac_head, at, origin, client) VALUES (?, ?, ?, ?)
		ON CONFLICT (mac_head) DO UPDATE SET at = excluded.at, origin = excluded.origin, client = excluded.client`,
		macHead(mac), micros(u.At), u.From, u.Client)
}

func (t *tx) InsertMailbox(m store.Mailbox, stage store.Stage) error {
	err := t.run(`INSERT INTO mailbox (`+mailboxColumns+`, stage) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(m.Account), string(m.Domain), m.Local, m.PasswordHash, m.Quota, m.SuspendedLogin, m.SuspendedIncoming, m.SuspendedOutgoing,
		m.HoldOutgoing, micros(m.Created), int64(stage))
	if err != nil {
		return err
	}
	return t.countMailboxes(m.Account, +1)
}

func (t *tx) countMailboxes(account latchkey.AccountID, by int) error {
	return t.q.change(t.ctx, `UPDATE account SET mailboxes = mailboxes + ? WHERE id = ?`, by, int64(account))
}

func (t *tx) UpdateMailbox(m store.Mailbox) error {
	return t.q.change(t.ctx, `
		UPDATE mailbox SET password_hash = ?, quota = ?, suspended_login = ?, suspended_incoming = ?, suspended_outgoing = ?, hold_outgoing = ?
		WHERE account_id = ? AND domain = ? AND local = ?`,
		m.PasswordHash, m.Quota, m.SuspendedLogin, m.SuspendedIncoming, m.SuspendedOutgoing, m.HoldOutgoing,
		int64(m.Account), string(m.Domain), m.Local)
}

func (t *tx) StageMailbox(account latchkey.AccountID, domain latchkey.Domain, local string, stage store.Stage) error {
	return t.q.change(t.ctx, `UPDATE mailbox SET stage = ? WHERE account_id = ? AND domain = ? AND local = ?`,
		int64(stage), int64(account), string(domain), local)
}

func (t *tx) DeleteMailbox(account latchkey.AccountID, domain latchkey.Domain, local string) error {
	err := t.q.change(t.ctx, `DELETE FROM mailbox WHERE account_id = ? AND domain = ? AND local = ?`, int64(account), string(domain), local)
	if err != nil {
		return err
	}
	return t.countMailboxes(account, -1)
}

func (t *tx) PutUsage(account latchkey.AccountID, u store.Usage) error {
	return t.run(`INSERT INTO usage (account_id, bytes, inodes, taken_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET bytes = excluded.bytes, inodes = excluded.inodes, taken_at = excluded.taken_at`,
		int64(account), u.Bytes, u.Inodes, micros(u.TakenAt))
}

func (t *tx) InsertIntent(i store.Intent) (int64, error) {
	r, err := t.q.exec(t.ctx, `INSERT INTO intent (at, account_id, kind, body) VALUES (?, ?, ?, ?)`, micros(i.At), int64(i.Account), i.Kind, i.Body)
	if err != nil {
		return 0, err
	}
	return r.LastInsertId()
}

func (t *tx) DeleteIntent(id int64) error {
	return t.run(`DELETE FROM intent WHERE id = ?`, id)
}
